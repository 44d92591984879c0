
# hoopguard.approval_format = opa: a policy engine is asked in its own way, and
# only what it answers directly, in exactly one of two shapes, counts.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Utils;
use Test::More;
use JSON::PP;

my $agent = 'regress_hoopguard_agent';
my $port = free_port();
my $dir = PostgreSQL::Test::Utils::tempdir();
my $secret = "$dir/secret";
my $log = "$dir/stub.log";
append_to_file($secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nresponse whsec_c2VjcmV0LW9mLXRoZS1vdGhlci1kaXJlY3Rpb24tMDE=\n");
chmod 0600, $secret;
append_to_file($log, '');
my $node = new_node('main', <<"EOC");
hoopguard.approval_wait = '20s'
hoopguard.approval_rate = 1000
hoopguard.approval_max_pending = 1000
hoopguard.approval_format = opa
hoopguard.approval_allow_http = on
hoopguard.webhook_secret_file = '$secret'
EOC
store_in($node, 'shop');
my $stub = IPC::Run::start([ python(), source_dir() . '/test/stub/event_stub.py',
	$port, $secret, $log ], '>', '/dev/null', '2>', "$dir/stub.err");
ok(wait_until(20, sub {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }),
	'the stub listens');
as_dba($node, 'shop', "SELECT hoopguard.add_approver('policy', url => 'http://127.0.0.1:$port/policy');
	CREATE TABLE agent_ws.t (n int); GRANT ALL ON agent_ws.t TO $agent;
	SELECT hoopguard.add_rule('approve', '{INSERT}', objects => 'agent_ws.t',
		priority => 1, approver => 'policy', rehearse => false)");

# ---- what is an answer ------------------------------------------------------------------
sub reads
{
	my ($body) = @_;
	return $node->safe_psql('shop', "SELECT concat_ws(' ', decision, reason, grant_ttl_s, max_rows)
		FROM hoopguard._read_reply(\$b\$$body\$b\$, NULL, NULL)");
}

my %good = (
	'{"result": true}' => 'allow',
	'{"result": false}' => 'deny',
	'{"result": true, "decision_id": "d1"}' => 'allow',
	'{"result": {"allow": true}}' => 'allow',
	'{"result": {"allow": false, "reason": "no"}}' => 'deny no',
	'{"decision_id": "d1", "result": {"allow": true, "reason": "small", "max_rows": 10, "grant_ttl_s": 300}}' =>
	  'allow small 300 10');
is(reads($_), $good{$_}, $_) foreach sort keys %good;
foreach my $bad ('{}', '[]', 'true', 'null', '', '{"result": null}', '{"result": "true"}', '{"result": 1}',
	'{"result": []}', '{"result": [true]}', '{"result": {}}', '{"result": {"allow": "true"}}', '{"result": {"allow": 1}}',
	'{"result": {"allow": null}}', '{"result": {"Allow": true}}', '{"result": {"decision": "allow"}}',
	'{"result": {"allow": true, "maxrows": 1}}', '{"result": {"allow": true, "max_rows": -1}}',
	'{"result": {"allow": true, "max_rows": null}}', '{"result": {"allow": true, "max_rows": "1"}}',
	'{"result": {"allow": true, "max_rows": 1.5}}', '{"result": {"allow": true, "grant_ttl_s": 0}}',
	'{"result": {"allow": true, "reason": 1}}', '{"result": {"allow": true, "obligations": {"max_rows": 1}}}',
	'{"result": {"result": true}}', '{"result": true, "result": false}', '{"result": false, "result": true}',
	'{"result": {"allow": false, "allow": true}}', '{"result": {"allow": false, "\u0061llow": true}}',
	'{"result": true, "allow": true}', '{"result": true, "errors": []}', '{"decision": "allow"}',
	'{"result": true} {"result": true}', '{"result": true')
{
	is(reads($bad), 'failed', "decides nothing: $bad");
}

# ---- asked and answered ------------------------------------------------------------------
my $number = 0;

sub says
{
	my ($status, $body) = @_;
	unlink "$log.policy";
	append_to_file("$log.policy", "$status\n$body");
	return;
}

# Run a statement with this answer of the policy: its error.
sub ask
{
	my ($status, $body, %more) = @_;
	says($status, $body) if defined $status;
	$number++ unless $more{again};
	return (as_role($node, 'shop', $agent, "INSERT INTO agent_ws.t VALUES ($number)", verbosity => 'verbose'))[2];
}

sub rows { return $node->safe_psql('shop', 'SELECT count(*) FROM agent_ws.t'); }
sub heard { return json_lines($log); }

is(ask(200, '{"result": {"allow": true, "reason": "small", "max_rows": 5, "grant_ttl_s": 60}}'), '', 'allow: runs');
is(rows(), '1', 'allow: has run');
my ($asked) = heard();
my $body = decode_json($asked->{body});
is(join(' ', keys %$body), 'input', 'the body is {"input": ...} and nothing else');
is($body->{input}{statement}{text}, 'INSERT INTO agent_ws.t VALUES (1)', 'with the data of the event');
is($asked->{kind}, 'application/json', 'as application/json');
ok($asked->{good}, 'signed all the same');
is($node->safe_psql('shop', "SELECT state, decided_by, reason, max_rows, grant_ttl_s FROM hoopguard.approval"),
	'consumed|policy|small|5|60', 'what it says is kept');
is(ask(200, '{"result": true}'), '', 'true: runs');
like(ask(200, '{"result": {"allow": false, "reason": "not today"}}'), qr/HG003.*\n.*not today/, 'allow false: denied, and why');
like(ask(200, '{"result": false}'), qr/HG003/, 'false: denied');
is(rows(), '2', 'denied: has not run');

foreach my $case (
	[ 'undefined policy', 200, '{}', qr/decided nothing/ ],
	[ 'no body', 200, '', qr/empty/ ],
	[ 'key twice', 200, '{"result": false, "result": true}', qr/key twice/ ],
	[ 'our own form', 200, '{"decision": "allow"}', qr/decided nothing/ ],
	[ '201', 201, '{"result": true}', qr/HTTP status 201/ ],
	[ '202 is no promise', 202, '{"result": true}', qr/HTTP status 202/ ],
	[ '400', 400, '{"result": true}', qr/HTTP status 400/ ],
	[ '500', 500, '{"result": true}', qr/HTTP status 500/ ])
{
	my ($name, $status, $answer, $reason) = @$case;
	like(ask($status, $answer), qr/HG011.*$reason/, "$name: HG011, and why");
}
is(scalar(grep { $_->{what} eq 'poll' } heard()), 0, 'nobody polls');
is(rows(), '2', 'nothing ran');

# it is asked again when the statement comes again
is(ask(200, '{"result": true}', again => 1), '', 'asked again: a policy that has changed');

# ---- the way to it ---------------------------------------------------------------------------
$node->safe_psql('shop', "ALTER SYSTEM SET hoopguard.approval_require_signed_response = on");
$node->safe_psql('shop', 'SELECT pg_reload_conf()');
ok(wait_until(20, sub { $node->safe_psql('shop', 'SHOW hoopguard.approval_require_signed_response') eq 'on' }), 'reloaded');
ok(wait_until(30, sub { ask() =~ /HG011.*not signed/ }), 'answers that have to be signed are not those of a policy');
$node->safe_psql('shop', "ALTER SYSTEM RESET hoopguard.approval_require_signed_response");
$node->safe_psql('shop', 'SELECT pg_reload_conf()');
ok(wait_until(30, sub { ask() eq '' }), 'without that they are taken');

# plain http to what does not name this machine, though it is
as_dba($node, 'shop', "SELECT hoopguard.drop_rule(id) FROM hoopguard.rule WHERE approver = 'policy';
	SELECT hoopguard.add_approver('remote', url => 'http://0x7f000001:$port/policy');
	SELECT hoopguard.add_rule('approve', '{INSERT}', objects => 'agent_ws.t',
		priority => 1, approver => 'remote', rehearse => false)");
my $before = scalar(heard());
like(ask(200, '{"result": true}'), qr/HG011.*not signed/, 'over http it has to be on this machine');
is(scalar(heard()), $before + 1, 'over http: it was asked');

# ---- given up: a policy has kept nothing ------------------------------------------------------
is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.approval_target WHERE cancel_id IS NOT NULL"),
	'0', 'a policy gets no news');

$stub->kill_kill;
$node->stop;
done_testing();
