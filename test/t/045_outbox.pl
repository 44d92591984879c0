
# The outbox: whatever a sink does and whatever is killed, everything that was
# recorded arrives, in order, and what arrives twice has the same id.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $port = free_port();
my $dir = PostgreSQL::Test::Utils::tempdir();
my $secret = "$dir/secret";
my $log = "$dir/sink.log";

append_to_file($secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
chmod 0600, $secret;
my $node = new_node('main', <<"EOC");
hoopguard.webhook_timeout = '1s'
hoopguard.webhook_secret_file = '$secret'
restart_after_crash = on
EOC
store_in($node, 'shop');

sub mode
{
	my ($mode) = @_;
	open my $fh, '>', "$log.new" or die $!;
	print $fh "$mode\n";
	close $fh;
	rename "$log.new", "$log.mode" or die $!;
}

# What the sink has logged, for one path; each line is read once.
my (%logged, $from);

sub seen
{
	my ($path) = @_;
	if (open my $fh, '<', $log)
	{
		seek $fh, $from // 0, 0;
		while (my $line = <$fh>)
		{
			last unless $line =~ /\n\z/;
			$from = tell $fh;
			my $entry = decode_json($line);
			push @{ $logged{ $entry->{path} } }, $entry;
		}
		close $fh;
	}
	return @{ $logged{$path} // [] };
}

# CloudEvents one by one, whether they came alone or in a batch.
sub events
{
	my @all;
	foreach my $entry (seen('/ce'))
	{
		my $body = $entry->{body};
		push @all, map { { %$_, way => $entry->{way} } }
		  (ref $body eq 'ARRAY' ? @$body : $body);
	}
	return @all;
}

# Each call is a session of three statements.
my $number = 0;

sub work
{
	$number++;
	$node->safe_psql('shop',
		join('', map { "SELECT $number AS w${number}_$_;\n" } 1 .. 3));
}

sub caught_up
{
	return wait_until(60, sub {
			query($node, 'shop', "SELECT count(*) FROM hoopguard.sink
				WHERE failures = 0 AND position >= (SELECT max(q.position) FROM hoopguard._outbox q
					WHERE q.at < now() - interval '100 ms')") == 2
			  && query($node, 'shop', "SELECT count(*) FROM (SELECT event_id::text AS id
				FROM hoopguard.activity WHERE text ~ ' as w[0-9]' AND outcome = 'committed') w") ==
			  keys %{ { map { $_->{data}{event_id} => 1 }
					grep { ($_->{data}{text} // '') =~ / as w\d/
						  and $_->{way} eq 'ok' } events() } } });
}

mode('ok');
my $stub = IPC::Run::start([ python(), source_dir() . '/test/stub/sink_stub.py',
	$port, $secret, $log ], '>', '/dev/null', '2>', "$dir/stub.err");
ok(wait_until(10, sub {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }),
	'the stub listens');
# The one whose runs are checked comes first: until there is a sink nothing is
# queued, so no statement that was under way is known by its end alone.
as_dba($node, 'shop', "SELECT hoopguard.add_sink('lineage', 'http://127.0.0.1:$port/ol', 'openlineage')");
as_dba($node, 'shop', "SELECT hoopguard.add_sink('siem', 'http://127.0.0.1:$port/ce', 'cloudevents')");
work();
ok(caught_up(), 'what was recorded arrives');

# ---- sinks that fail -------------------------------------------------------
foreach my $mode (qw(error timeout half reset redirect loris))
{
	mode($mode);
	my $begin = time();
	work();
	cmp_ok(time() - $begin, '<', 5, "$mode: sessions do not wait");
	ok(wait_until(20, sub { grep { $_->{way} eq $mode } events() }), "$mode: was tried");
	ok(wait_until(20, sub { query($node, 'shop', "SELECT count(*) FROM hoopguard.sink
			WHERE failures > 0 AND last_error <> '' AND state = 'retrying'") > 0 }),
		"$mode: the view says what is wrong");
	like(join(' ', map { status_of($node, 'shop', "sink $_") } qw(siem lineage)),
		qr/retrying, .* behind, .*last error/, "$mode: and so does status()");
	mode('ok');
	ok(caught_up(), "$mode: then all of it arrives");
}
ok(!(grep { $_->{path} eq '/elsewhere' } seen('/elsewhere')), 'no redirect was followed');

# ---- what a sink will never take -------------------------------------------
mode('refuse');
$node->safe_psql('shop', "SELECT 1 AS poison;\nSELECT 2 AS after_it");
ok(wait_until(30, sub { grep { ($_->{data}{text} // '') =~ /after_it/ and $_->{way} eq 'ok' } events() }),
	'refused for good: the queue moves on');
is(query($node, 'shop', "SELECT DISTINCT d.sink || ' ' || d.status || ' ' || t.text
		FROM hoopguard.outbox_dead_letter d
			JOIN hoopguard.event e ON e.event_id = d.id
			JOIN hoopguard.statement t USING (statement_id)
		WHERE d.sink = 'siem' ORDER BY 1"),
	'siem 422 select $1 as poison', 'refused for good: it is in outbox_dead_letter, alone');
mode('ok');

# ---- kills between sending and acknowledging --------------------------------
sub killed_while_sending
{
	my ($what, $kill) = @_;
	my $before = grep { $_->{way} eq 'keep' } events();
	mode('keep');
	work();
	ok(wait_until(20, sub { $before < grep { $_->{way} eq 'keep' } events() }),
		"$what: a message is under way");
	$kill->();
	mode('ok');
	my $id = (map { $_->{id} } grep { $_->{way} eq 'keep' } events())[-1];
	ok(wait_until(60, sub { grep { $_->{id} eq $id and $_->{way} eq 'ok' } events() }),
		"$what: sent again under the same id, without any session");
	ok(wait_until(30, sub { $node->psql('shop', 'SELECT 1') == 0 }), "$what: the server is up");
	ok(caught_up(), "$what: and the rest follows");
}
killed_while_sending('kill -9 courier', sub {
	my $pid = $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE backend_type = 'hoopguard courier'");
	$pid = $1 if $pid eq '' and status_of($node, 'shop', 'courier') =~ /pid (\d+)/;
	kill 'KILL', $pid;
});
killed_while_sending('kill -9 postmaster', sub {
	$node->kill9;
	wait_until(10, sub { !kill 0, $node->{_pid} // 0 });
	wait_until(30, sub { $node->start(fail_ok => 1) });
});

# ---- everything, in order, with its id ---------------------------------------
work();
ok(caught_up(), 'all has arrived');
my (%first, @order, %content, $clash);
foreach my $event (events())
{
	my $id = $event->{id};
	$clash .= " $id" if exists $content{$id} && $content{$id} ne $event->{type};
	$content{$id} = $event->{type};
	next if $first{$id}++;
	push @order, $event
	  if ($event->{data}{level} // 1) == 0 and $event->{type} =~ /^hoopguard\.statement\.(recorded|denied)/;
}
is($clash, undef, 'one id, one event');
my (%last, @disorder);
foreach my $event (@order)
{
	my ($session, $id) = @{ $event->{data} }{qw(session_id event_id)};
	push @disorder, $id if defined $last{$session} && $last{$session} >= $id;
	$last{$session} = $id;
}
is("@disorder", '', 'the statements of a session arrive in their order');
my %delivered = map { $_->{id} => 1 } grep { $_->{way} eq 'ok' } events();
my @missing = grep { !$delivered{"event-$_"} } split /\n/,
  query($node, 'shop', "SELECT event_id FROM hoopguard.activity WHERE text ~ ' as w[0-9]'");
is("@missing", '', 'none is missing');

# (one whose START is a dead letter has none)
my (%state, @wrong);
$state{$_} = 'given up' foreach split /\n/, query($node, 'shop',
	"SELECT hoopguard._openlineage_run(id) FROM hoopguard.outbox_dead_letter");
foreach my $entry (grep { $_->{way} eq 'ok' } seen('/ol'))
{
	my ($run, $type) = ($entry->{body}{run}{runId}, $entry->{body}{eventType});
	push @wrong, "$type of $run" if $type ne 'START' && !$state{$run};
	$state{$run} = $type;
}
is("@wrong", '', 'each run starts before it ends');
@missing = grep { ($state{$_} // '') ne 'COMPLETE' } split /\n/,
  query($node, 'shop', "SELECT hoopguard._openlineage_run(event_id)
	FROM hoopguard.activity WHERE text ~ ' as w[0-9]'");
is("@missing", '', 'and every run completes');
is(scalar(grep { !$_->{signed} } seen('/ce'), seen('/ol')), 0, 'every message is signed');

# ---- denials, failures, approval steps, policy -------------------------------
as_role($node, 'shop', 'regress_hoopguard_agent', "DROP TABLE store.invoice;
	SELECT 1/0; BEGIN; SELECT 5 AS undone; ROLLBACK; CREATE TABLE store.new_one (a int)");
as_dba($node, 'shop', "SELECT hoopguard.deny(id) FROM hoopguard.approval WHERE state = 'pending'");
foreach my $type (qw(statement.denied policy.changed approval.pending approval.denied session.ended audit.sealed))
{
	ok(wait_until(20, sub { grep { $_->{type} eq "hoopguard.$type.v1" } events() }), "CloudEvent $type");
}
my $json = query($node, 'shop', "SELECT string_agg(hoopguard._openlineage_run(event_id)::text, ' ' ORDER BY event_id)
	FROM hoopguard.activity WHERE subject = 'regress_hoopguard_agent' AND (command = 'DROP' OR sqlstate = '22012' OR text ~ 'undone')");
my @runs = split / /, $json;
ok(wait_until(20, sub {
		%state = map { $_->{body}{run}{runId} => $_->{body}{eventType} } seen('/ol');
		join(' ', map { $state{$_} // '' } @runs) eq 'FAIL FAIL ABORT' }),
	'OpenLineage: FAIL for what was denied or failed, ABORT for what was undone')
  or diag(join ' ', map { $state{$_} // 'none' } @runs);

# ---- dropping ------------------------------------------------------------------
as_dba($node, 'shop', "SELECT hoopguard.drop_sink('siem')");
as_dba($node, 'shop', "SELECT hoopguard.drop_sink('lineage')");
ok(wait_until(20, sub { query($node, 'shop', 'SELECT count(*) FROM hoopguard._outbox') == 0 }),
	'without a sink nothing is queued');
is($node->safe_psql('shop', "SELECT count(*) FROM pg_shseclabel WHERE provider = 'hoopguard' AND label = 'outbox'"),
	'0', 'and no database is looked after');

$stub->kill_kill;
$node->stop;
done_testing();
