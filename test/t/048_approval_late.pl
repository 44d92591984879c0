
# Decisions that come too late, and what webhooks hear of a request that was
# given up.  A late decision is in the log and lets nothing run, unless
# hoopguard.approval_late_grants says so; the news is sent until it is taken.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Utils;
use Test::More;
use JSON::PP;
use Time::HiRes qw(usleep);

my $agent = 'regress_hoopguard_agent';
my $boss = 'regress_hoopguard_approver';
my $theirs = 'whsec_c2VjcmV0LW9mLXRoZS1vdGhlci1kaXJlY3Rpb24tMDE=';
my $port = free_port();
my $dir = PostgreSQL::Test::Utils::tempdir();
my $secret = "$dir/secret";
my $log = "$dir/stub.log";
append_to_file($secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nresponse $theirs\n");
chmod 0600, $secret;
append_to_file($log, '');
my $node = new_node('main', <<"EOC");
restart_after_crash = on
hoopguard.approval_wait = '30s'
hoopguard.approval_rate = 1000
hoopguard.approval_max_pending = 1000
hoopguard.webhook_timeout = '30s'
hoopguard.webhook_secret_file = '$secret'
EOC
store_in($node, 'shop');
my $stub = IPC::Run::start([ python(), source_dir() . '/test/stub/event_stub.py',
	$port, $secret, $log ], '>', '/dev/null', '2>', "$dir/stub.err");
ok(wait_until(20, sub {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }),
	'the stub listens');

my @names = qw(hold holddeny pend talk gone open);
as_dba($node, 'shop', "
CREATE ROLE second LOGIN;
CREATE ROLE outsider LOGIN;
CREATE ROLE relay LOGIN;
CREATE ROLE owner LOGIN IN ROLE $agent;
SELECT hoopguard.grant_approver('second');
GRANT EXECUTE ON FUNCTION hoopguard.approver_of_all() TO owner;
GRANT EXECUTE ON FUNCTION hoopguard.submit_decision(text, text, bigint, text) TO relay;
GRANT EXECUTE ON FUNCTION hoopguard.approve(uuid, text, interval, bigint), hoopguard.deny(uuid, text) TO outsider, owner;
SELECT hoopguard.add_approver('people', role => '$boss');
SELECT hoopguard.add_approver('two', role => '$boss', quorum => 2);
" . join(";\n", map { "SELECT hoopguard.add_approver('$_', url => 'http://127.0.0.1:$port/$_', role => '$boss')" } @names));
as_dba($node, 'shop', join ";\n", map { "CREATE TABLE agent_ws.$_ (n int);
	GRANT ALL ON agent_ws.$_ TO $agent;
	SELECT hoopguard.add_rule('approve', '{INSERT}', objects => 'agent_ws.$_',
		priority => 1, approver => '$_', rehearse => false)" } 'people', 'two', @names);

my $number = 0;

# A statement that waits: its harness, backend, request and text.
sub waiter
{
	my ($approver) = @_;
	$number++;
	my $sql = "INSERT INTO agent_ws.$approver VALUES ($number)";
	my ($h, $o, $e) = background($node, 'shop', $agent, $sql);
	my ($pid, $id, $binding);
	ok(wait_until(60, sub {
		($pid, $id, $binding) = split /\|/, $node->safe_psql('shop', "SELECT s.pid, a.id, a.binding
			FROM pg_stat_activity s, hoopguard.approval a
			WHERE s.usename = '$agent' AND s.wait_event_type = 'Extension' AND s.query = a.statement_text
				AND a.statement_text = '$sql' AND a.state = 'pending'");
		$pid }), "$approver: a statement waits") or BAIL_OUT('no waiter');
	return { h => $h, err => $e, pid => $pid, id => $id, binding => $binding, sql => $sql,
		approver => $approver };
}

sub log_lines { return json_lines($log); }

# What the stub has heard of a request, its own id or that in the data.
sub heard
{
	my ($w, $what) = @_;
	return grep { $_->{what} eq $what && ($_->{id} eq $w->{id} ||
		($_->{body} ne '' && (decode_json($_->{body})->{data}{request_id} // '') eq $w->{id})) } log_lines();
}

sub state_is
{
	my ($w, $state, $name) = @_;
	return ok(wait_until(60, sub { $node->safe_psql('shop',
		"SELECT state FROM hoopguard.approval WHERE id = '$w->{id}'") eq $state }), "$name: the request is $state");
}

# The requester gives up, after the webhook has got it.
sub give_up
{
	my ($w, $how) = @_;
	my $does_http = grep { $_ eq $w->{approver} } @names;
	ok(wait_until(60, sub { scalar heard($w, 'request') }), "$w->{approver}: it was asked") if $does_http;
	$node->safe_psql('shop', 'SELECT ' . ($how // 'pg_cancel_backend') . "($w->{pid})");
	eval { $w->{h}->finish };
	state_is($w, 'cancelled', $w->{approver});
	return $w;
}

# The late lines of a request: "detail who via", in order.
sub late
{
	my ($w) = @_;
	return query($node, 'shop', "SELECT concat_ws(' ', from_state, to_state, detail, who, via)
		FROM hoopguard.approval_log WHERE approval_id = '$w->{id}' AND late ORDER BY id");
}

sub rows { return $node->safe_psql('shop', "SELECT count(*) FROM agent_ws.$_[0]"); }

sub set
{
	my ($name, $value) = @_;
	$node->safe_psql('shop', "ALTER SYSTEM SET hoopguard.$name = '$value'");
	$node->safe_psql('shop', 'SELECT pg_reload_conf()');
	ok(wait_until(20, sub { $node->safe_psql('shop', "SHOW hoopguard.$name") eq $value }), "$name is $value");
	return;
}

# A signed decision that the relay carries: its error.
sub submit
{
	my ($w, $decision, $message) = @_;
	my $at = time();
	my $body = qq({"id":"$w->{id}","binding":"$w->{binding}","decision":"$decision","approver":{"id":"alice\@corp"}});
	return (as_role($node, 'shop', 'relay', "SELECT hoopguard.submit_decision(\$b\$$body\$b\$, '$message', $at, '" .
		$node->safe_psql('shop', "SELECT hoopguard._webhook_signature('$theirs', '$message', $at, \$b\$$body\$b\$)") .
		"')", verbosity => 'verbose'))[2];
}

my ($w, $err, $out);

# ---- late by webhook: the answer to a post that was under way -----------------------
my $denied = give_up(waiter('holddeny'));
$w = give_up(waiter('hold'));
is(late($w), '', 'late by webhook: nothing is decided yet');
my $before = () = heard($w, 'news');
is($before, 0, 'late by webhook: the news does not overtake the request');
append_to_file("$log.go", '');
ok(wait_until(60, sub { late($w) ne '' && late($denied) ne '' }), 'late by webhook: its answer is taken');
is(late($w), 'cancelled cancelled late approval stub@test webhook', 'late by webhook: a line in the log');
is(late($denied), 'cancelled cancelled late denial stub@test webhook', 'late by webhook: a denial too');
state_is($w, 'cancelled', 'late by webhook');
is(rows('hold') . rows('holddeny'), '00', 'late by webhook: nothing ran');
ok(wait_until(60, sub { heard($w, 'news') }), 'late by webhook: then it hears that nobody waits');
is(join(' ', map { $_->{what} } grep { $_->{path} eq '/hold' } log_lines()),
	'request answered news', 'late by webhook: in this order');
unlink "$log.go";

# ---- late in SQL -----------------------------------------------------------------------
$w = give_up(waiter('people'));
like((as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$w->{id}', 'fine')"))[2], qr/HG012/,
	'late in SQL: an approval is refused');
is(late($w), "cancelled cancelled late approval $boss sql", 'late in SQL: and in the log, though it was rolled back');
like((as_role($node, 'shop', $boss, "SELECT hoopguard.deny('$w->{id}')"))[2], qr/HG012/, 'late in SQL: a denial');
is((as_role($node, 'shop', $boss, "DO \$\$ BEGIN PERFORM hoopguard.approve('$w->{id}');
	EXCEPTION WHEN OTHERS THEN NULL; END \$\$"))[2], '', 'late in SQL: one that is caught');
is(scalar(split /\n/, late($w)), 3, 'late in SQL: one line for each attempt');

# who may not decide writes no line
foreach my $role ('outsider', $agent, 'owner')
{
	like((as_role($node, 'shop', $role, "SELECT hoopguard.approve('$w->{id}')"))[2], qr/42501|HG001/,
		"late in SQL: $role may not decide");
}
is(scalar(split /\n/, late($w)), 3, 'late in SQL: and leaves no line');
is((as_role($node, 'shop', $boss, "SELECT state FROM hoopguard.approval WHERE id = '$w->{id}'"))[1],
	'cancelled', 'late in SQL: the request is as it was');

# ---- late by relay ------------------------------------------------------------------------
like(submit($w, 'allow', 'late-1'), qr/HG012.*is cancelled/, 'late by relay: refused');
ok(wait_until(20, sub { late($w) =~ /relay/ }), 'late by relay: in the log');
like(submit($w, 'allow', 'late-1'), qr/HG012.*taken before/, 'late by relay: the same message again');
is(scalar(() = late($w) =~ /late approval alice\@corp relay/g), 1, 'late by relay: one line for a message');
like(submit({ %$w, binding => 'sha256:' . '0' x 64 }, 'allow', 'late-2'), qr/HG012.*another statement/,
	'late by relay: for another statement');
is(scalar(split /\n/, late($w)), 4, 'late by relay: which is no decision on this one');

# ---- late on what has expired ----------------------------------------------------------
$w = waiter('people');
as_dba($node, 'shop', "UPDATE hoopguard.approval SET expires_at = clock_timestamp() WHERE id = '$w->{id}'");
like((as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$w->{id}')"))[2], qr/HG012/, 'expired: refused');
like(late($w), qr/^expired expired late approval $boss sql$/, 'expired: in the log');
$w->{h}->finish;
like(${ $w->{err} }, qr/HG012/, 'expired: the statement has failed');

# ---- an approver who leaves a transaction open ------------------------------------------
# Whatever waits for him, the record does not.
sub deciding
{
	my ($w, $what) = @_;
	my ($h, $o, $e) = background($node, 'shop', $boss, "BEGIN; SELECT hoopguard.$what('$w->{id}');
		SET application_name = 'undecided'; SELECT pg_sleep(600)");
	my $pid;
	ok(wait_until(60, sub { $pid = $node->safe_psql('shop', "SELECT pid FROM pg_stat_activity
		WHERE application_name = 'undecided' AND query LIKE '%pg_sleep%'"); $pid }), "$what: undecided");
	return sub { $node->safe_psql('shop', "SELECT pg_terminate_backend($pid)"); eval { $h->finish }; };
}

sub recorded
{
	my ($name) = @_;
	as_role($node, 'shop', $agent, "SELECT 1 AS \"$name\"");
	is($node->safe_psql('shop', "SELECT hoopguard.flush('60 s')"), 't', "$name: the record goes on");
	return;
}

$w = waiter('people');
my $leave = deciding($w, 'approve');
$node->safe_psql('shop', "SELECT pg_cancel_backend($w->{pid})");
eval { $w->{h}->finish };
recorded('cancelled while undecided');
state_is($w, 'pending', 'cancelled while undecided');
$leave->();
state_is($w, 'cancelled', 'cancelled while undecided, then');

$w = waiter('people');
$node->safe_psql('shop', "UPDATE hoopguard.approval SET delivery_state = 'retry' WHERE id = '$w->{id}'");
$leave = deciding($w, 'deny');
like((as_role($node, 'shop', $agent, "BEGIN; $w->{sql}"))[2], qr/HG002/, 'asked again while undecided: the same request');
recorded('asked again while undecided');
$leave->();
as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$w->{id}')");
$w->{h}->finish;
is(${ $w->{err} }, '', 'asked again while undecided: then it runs');

like((as_role($node, 'shop', $agent, 'BEGIN; INSERT INTO agent_ws.people VALUES (-1)'))[2], qr/HG002/, 'used while undecided: asks');
$w = { id => (as_role($node, 'shop', $boss, "SELECT id FROM hoopguard.pending_approval WHERE statement_text LIKE '%(-1)'"))[1] };
as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$w->{id}')");
$leave = deciding($w, 'revoke');
like((as_role($node, 'shop', $agent, 'INSERT INTO agent_ws.people VALUES (-1)'))[2], qr/HG011/,
	'used while undecided: it does not run');
recorded('used while undecided');
$leave->();
is((as_role($node, 'shop', $agent, 'INSERT INTO agent_ws.people VALUES (-1)'))[2], '', 'used while undecided: then it does');

$w = waiter('hold');
$leave = deciding($w, 'deny');
append_to_file("$log.go", '');
ok(wait_until(60, sub { heard($w, 'answered') }), 'answered while undecided: by the webhook');
recorded('answered while undecided');
state_is($w, 'pending', 'answered while undecided');
$leave->();
$w->{h}->finish;
is(${ $w->{err} }, '', 'answered while undecided: then it counts');
unlink "$log.go";
as_dba($node, 'shop', 'TRUNCATE agent_ws.people, agent_ws.hold');

# ---- given up before it is stored --------------------------------------------------------
my ($recorder) = status_of($node, 'shop', 'recorder shop') =~ /^pid (\d+)/;
kill 'STOP', $recorder;
my @given_up;
foreach my $how ('cancel', 'terminate')
{
	# it waits for no more than 2 s: on a busy machine that may take some tries
	foreach my $try (1 .. 20)
	{
		my $sql = "INSERT INTO agent_ws.people VALUES (-7) /* $how $try */";
		my ($h, $o, $e) = background($node, 'shop', $agent, $sql);
		wait_until(10, sub { $node->safe_psql('postgres', "SELECT pg_${how}_backend(pid) FROM pg_stat_activity
			WHERE usename = '$agent' AND query = '$sql' AND wait_event_type = 'Extension'") eq 't' || !$h->pumpable });
		eval { $h->finish };
		next unless $$e =~ /57014|57P01/;
		push @given_up, $sql;
		last;
	}
}
kill 'CONT', $recorder;
is(scalar(@given_up), 2, 'given up before it is stored: cancelled and terminated');
ok(wait_until(60, sub { $node->safe_psql('shop', "SELECT string_agg(state, ' ') FROM hoopguard.approval
	WHERE statement_text IN ('" . join("', '", @given_up) . "')") eq 'cancelled cancelled' }),
	'given up before it is stored: cancelled');

# ---- hoopguard.approval_late_grants ----------------------------------------------------
my $expired = $w;
set('approval_late_grants', 'on');
$w = give_up(waiter('people'));
like((as_role($node, 'shop', 'owner', "SELECT hoopguard.approve('$w->{id}')"))[2], qr/42501|HG001/,
	'late grants: not by who can become the requester');
is((as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$w->{id}', max_rows => 1)"))[1], 'approved',
	'late grants: approved');
is(late($w), "cancelled approved $boss sql", 'late grants: in the log, as late');
like((as_role($node, 'shop', $agent, "BEGIN; INSERT INTO agent_ws.people VALUES (0)"))[2],
	qr/HG002/, 'late grants: not for another statement');
is((as_role($node, 'shop', $agent, $w->{sql}))[2], '', 'late grants: a ticket for the identical one');
like((as_role($node, 'shop', $agent, "BEGIN; $w->{sql}"))[2], qr/HG002/, 'late grants: once');
is(rows('people'), '1', 'late grants: has run once');
like((as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$expired->{id}')"))[2], qr/HG012/,
	'late grants: not what has expired');
$w = give_up(waiter('people'));
is((as_role($node, 'shop', $boss, "SELECT hoopguard.deny('$w->{id}')"))[1], 'denied', 'late grants: a denial ends it');
is(late($w), "cancelled denied $boss sql", 'late grants: late as well');
like((as_role($node, 'shop', 'second', "SELECT hoopguard.approve('$w->{id}')"))[2], qr/HG012/,
	'late grants: nobody approves it after that');

# the same statement was asked for again, and denied
$w = give_up(waiter('people'));
like((as_role($node, 'shop', $agent, "BEGIN; $w->{sql}"))[2], qr/HG002/, 'late grants: asked again');
is((as_role($node, 'shop', $boss, "SELECT hoopguard.deny(id) FROM hoopguard.pending_approval
	WHERE statement_text = '$w->{sql}'"))[1], 'denied', 'late grants: and denied');
like((as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$w->{id}')"))[2], qr/HG012/,
	'late grants: not past a denial of the same statement');

# a quorum
$w = give_up(waiter('two'));
is((as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$w->{id}')"))[1], 'cancelled',
	'late grants: one vote of two');
is((as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$w->{id}')"))[1], 'cancelled',
	'late grants: nobody counts twice');
like((as_role($node, 'shop', $agent, "BEGIN; $w->{sql}"))[2], qr/HG002/, 'late grants: not enough');
is((as_role($node, 'shop', 'second', "SELECT hoopguard.approve('$w->{id}')"))[1], 'approved',
	'late grants: two votes are');

# by webhook and relay
$w = give_up(waiter('hold'));
append_to_file("$log.go", '');
state_is($w, 'approved', 'late grants: by webhook');
is(late($w), 'cancelled approved stub@test webhook', 'late grants: by webhook, in the log');
unlink "$log.go";
$w = give_up(waiter('people'));
is(submit($w, 'allow', 'late-3'), '', 'late grants: by relay');
is(late($w), 'cancelled approved alice@corp relay', 'late grants: by relay, in the log');
set('approval_late_grants', 'off');

# ---- hoopguard.approval.cancelled.v1 --------------------------------------------------------
append_to_file("$log.refuse", '');
$w = give_up(waiter('pend'), 'pg_terminate_backend');
ok(wait_until(60, sub { heard($w, 'refused news') >= 3 }), 'news: tried three times');
my $polls = () = heard($w, 'poll');
my ($first) = heard($w, 'refused news');
my $event = decode_json($first->{body});
my ($request) = map { decode_json($_->{body}) } heard($w, 'request');
ok($first->{good}, 'news: signed');
is($first->{kind}, 'application/cloudevents+json; charset=utf-8', 'news: a CloudEvent');
is("$event->{specversion} $event->{type} $event->{source} $event->{subject}",
	"1.0 hoopguard.approval.cancelled.v1 $request->{source} $request->{subject}", 'news: of the same source');
is($event->{id}, $first->{id}, 'news: its id is that of the message');
isnt($event->{id}, $w->{id}, 'news: which is not that of the request');
my $data = $event->{data};
is_deeply([ map { $data->{$_} } qw(request_id binding reason database approver) ],
	[ $w->{id}, $w->{binding}, 'the session ended', 'shop', 'pend' ], 'news: which request, and why');
is($data->{rule}{id}, $request->{data}{rule}{id}, 'news: of which rule');
like($data->{cancelled_at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, 'news: and when');
unlike($first->{body}, qr/INSERT/, 'news: without the statement');
like(status_of($node, 'shop', "webhook http://127.0.0.1:$port/pend"), qr/^3 failures in a row/, 'news: the breaker counts it');
is($node->safe_psql('shop', "SELECT cancel_state, cancel_attempts, next_cancel_at > clock_timestamp(),
	cancel_error FROM hoopguard.approval_target WHERE approval_id = '$w->{id}'"),
	'retry|1|t|the webhook answered with HTTP status 503', 'news: to be sent again');

# the server crashes before it was taken
my ($courier) = status_of($node, 'shop', 'courier') =~ /^pid (\d+)/;
my $lost = waiter('open');
ok(wait_until(60, sub { scalar heard($lost, 'request') }), 'news: another webhook is asked');
kill 'STOP', $courier;
$node->safe_psql('shop', "SELECT pg_cancel_backend($lost->{pid})");
eval { $lost->{h}->finish };
state_is($lost, 'cancelled', 'news over a crash');
ok(wait_until(60, sub { $node->safe_psql('shop', "SELECT cancel_state FROM hoopguard.approval_target
	WHERE approval_id = '$lost->{id}'") =~ /^(queued|sending)$/ }), 'news over a crash: not sent');
ok(wait_until(90, sub { $node->safe_psql('shop', "SELECT cancel_state FROM hoopguard.approval_target
	WHERE approval_id = '$w->{id}'") eq 'sending' }), 'news over a crash: that of another one is under way');
unlink "$log.refuse";
kill 'KILL', $courier;
ok(wait_until(60, sub { ($node->psql('shop', 'SELECT 1', stderr => \my $ignored) // 1) == 0 &&
	status_of($node, 'shop', 'courier') =~ /^pid (\d+)/ && $1 != $courier }), 'news over a crash: the server is back');
as_role($node, 'shop', $agent, 'SELECT 1');
ok(wait_until(60, sub { heard($lost, 'news') && heard($w, 'news') }), 'news over a crash: sent');
is((heard($w, 'news'))[0]{id}, $event->{id}, 'news over a crash: under the same id');
ok(wait_until(60, sub { $node->safe_psql('shop', "SELECT string_agg(DISTINCT cancel_state, ',')
	FROM hoopguard.approval_target WHERE approval_id IN ('$w->{id}', '$lost->{id}')") eq 'delivered' }),
	'news: noted as delivered');
is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.approval_target WHERE next_cancel_at IS NOT NULL"),
	'0', 'news: nothing is left to send');
my $news = () = heard($w, 'news');
is($news, 1, 'news: once it was taken, no more');
$polls = heard($w, 'poll') - $polls;
is($polls, 0, 'news: nor is the request asked about any more');

# what it answers decides nothing
$w = give_up(waiter('talk'));
ok(wait_until(60, sub { $node->safe_psql('shop', "SELECT cancel_state FROM hoopguard.approval_target
	WHERE approval_id = '$w->{id}'") eq 'delivered' }), 'news: any 2xx, however long, takes it');
is(late($w), '', 'news: and decides nothing');

# nobody is told of what was decided, or who was never asked
$w = waiter('pend');
ok(wait_until(60, sub { scalar heard($w, 'request') }), 'decided: asked');
as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$w->{id}')");
$w->{h}->finish;
state_is($w, 'consumed', 'decided');
$w = give_up(waiter('people'));
is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.approval_target WHERE cancel_id IS NOT NULL
	AND approver IN ('people', 'two')"), '0', 'people get no news');

# as many requests on their way as there can be: news waits until there is room
$w = waiter('pend');
ok(wait_until(60, sub { scalar heard($w, 'request') }), 'crowded: asked');
as_role($node, 'shop', $agent, join('', map { "BEGIN; INSERT INTO agent_ws.hold VALUES (1000 + $_); ROLLBACK;\n" } 1 .. 70));
ok(wait_until(60, sub { status_of($node, 'shop', 'webhook deliveries in flight') =~ /^64 of 64/ }), 'crowded: all are taken');
$node->safe_psql('shop', "SELECT pg_cancel_backend($w->{pid})");
eval { $w->{h}->finish };
state_is($w, 'cancelled', 'crowded');
is($node->safe_psql('shop', "SELECT cancel_state FROM hoopguard.approval_target
	WHERE approval_id = '$w->{id}'"), 'queued', 'crowded: the news waits');
append_to_file("$log.go", '');
ok(wait_until(90, sub { $node->safe_psql('shop', "SELECT count(*) FROM hoopguard.approval
	WHERE approver = 'hold' AND state = 'pending'") eq '0' }), 'crowded: the requests are decided');
ok(wait_until(60, sub { scalar heard($w, 'news') }), 'crowded: then it is sent');
unlink "$log.go";

# the approver goes before the news is taken
append_to_file("$log.refuse", '');
$w = give_up(waiter('gone'));
ok(wait_until(60, sub { $node->safe_psql('shop', "SELECT cancel_state FROM hoopguard.approval_target
	WHERE approval_id = '$w->{id}'") eq 'retry' }), 'approver dropped: it does not take it');
as_dba($node, 'shop', "SELECT hoopguard.drop_rule(id) FROM hoopguard.rule WHERE approver = 'gone';
	SELECT hoopguard.drop_approver('gone');
	UPDATE hoopguard.approval_target SET next_cancel_at = clock_timestamp() WHERE approval_id = '$w->{id}'");
as_role($node, 'shop', $agent, 'SELECT 1');
ok(wait_until(90, sub { $node->safe_psql('shop', "SELECT cancel_state FROM hoopguard.approval_target
	WHERE approval_id = '$w->{id}'") eq 'given up' }), 'approver dropped: the news is given up');

# and so does the extension
$w = give_up(waiter('pend'));
ok(wait_until(60, sub { scalar heard($w, 'refused news') }), 'DROP EXTENSION: with news to send');
($courier) = status_of($node, 'shop', 'courier') =~ /^pid (\d+)/;
is($node->psql('shop', "SET statement_timeout = '60s'; DROP EXTENSION hoopguard CASCADE", stderr => \my $noise), 0,
	'DROP EXTENSION: goes through');
is($node->safe_psql('postgres', 'SELECT 1'), '1', 'DROP EXTENSION: the server lives');
ok(kill(0, $courier), 'DROP EXTENSION: the courier too');

$stub->kill_kill;
$node->stop;
done_testing();
