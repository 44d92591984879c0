
# What an operator is told: a WARNING in the server's log, once when it begins,
# and a line of status() that is not ok, for a courier that does not run, a
# webhook that is left alone, and a record that falls behind.  The log of
# approvals has each step.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $agent = 'regress_hoopguard_agent';
my $people = 'regress_hoopguard_approver';
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $closed = free_port();
append_to_file("$dir/secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
chmod 0600, "$dir/secret";
my $node = new_node('main', <<"EOC");
hoopguard.webhook_secret_file = '$dir/secret'
hoopguard.approval_rate = 1000
hoopguard.approval_max_pending = 1000
EOC
store_in($node, 'shop');
as_dba($node, 'shop', "CREATE TABLE agent_ws.t (n int); GRANT ALL ON agent_ws.t TO $agent;
	SELECT hoopguard.add_approver('gone', url => 'http://127.0.0.1:$closed/');
	SELECT hoopguard.add_approver('both', url => 'http://127.0.0.1:$closed/both', role => '$people')");

my $line = 0;
sub ask
{
	my ($approver) = @_;
	$line++;
	as_dba($node, 'shop', "SELECT hoopguard.drop_rule(id) FROM hoopguard.rule WHERE priority = 1;
		SELECT hoopguard.add_rule('approve', '{INSERT}', objects => 'agent_ws.t', priority => 1,
			approver => '$approver', rehearse => false)");
	return (as_role($node, 'shop', $agent, "INSERT INTO agent_ws.t VALUES ($line)"))[2];
}

# How often the log has it.
sub logged
{
	my ($what) = @_;
	return scalar(() = slurp_file($node->logfile) =~ /$what/g);
}

sub not_ok
{
	my ($item) = @_;
	return $node->safe_psql('shop', "SELECT count(*) FROM hoopguard.status()
		WHERE item = '$item' AND NOT ok") eq '1';
}

# ---- a breaker opens ------------------------------------------------------------
my $breaker = "webhook http://127.0.0.1:$closed/";
ok(!not_ok('courier'), 'the courier runs');
ok(wait_until(60, sub { ask('gone'); logged("WARNING:  hoopguard: approval webhook \"http://127.0.0.1:$closed/\" has failed") }),
	'breaker: a warning');
ok(not_ok($breaker), 'breaker: status() has it');
ask('gone') foreach 1 .. 3;
is(logged("WARNING:  hoopguard: approval webhook \"http://127.0.0.1:$closed/\" has failed"), 1,
	'breaker: once');

# ---- the courier does not run ------------------------------------------------------
my $down = 'WARNING:  hoopguard: the courier does not run';
my ($pid) = status_of($node, 'shop', 'courier') =~ /pid (\d+)/;
kill 'TERM', $pid;
ok(wait_until(20, sub { not_ok('courier') }), 'courier: status() has it');
ask('both');
ok(wait_until(20, sub { logged($down) }), 'courier: a warning, when requests wait for it');
ok(wait_until(40, sub { !not_ok('courier') }), 'courier: it is started again');
ok(wait_until(40, sub { ask('both'); logged('LOG:  hoopguard: no longer: the courier does not run') }),
	'courier: the end of it is told');
is(logged($down), 1, 'courier: once');

# ---- the record falls behind -------------------------------------------------------
my $behind = 'WARNING:  hoopguard: events wait to be recorded';
my $recorder = "SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'hoopguard recorder%' AND datname = 'shop'";
ok(wait_until(20, sub { $node->safe_psql('shop', $recorder) =~ /^\d+$/ }), 'a recorder runs');
$pid = $node->safe_psql('shop', $recorder);
kill 'STOP', $pid;
as_role($node, 'shop', $agent, 'SELECT count(*) FROM agent_ws.t');
ok(wait_until(60, sub { logged($behind) }), 'record: a warning');
ok(not_ok('oldest unrecorded event'), 'record: status() has it');
kill 'CONT', $pid;
ok(wait_until(40, sub { logged('LOG:  hoopguard: no longer: events wait') }), 'record: the end of it is told');
is(logged($behind), 1, 'record: once');

# ---- the log of approvals -----------------------------------------------------------
my $id = $node->safe_psql('shop', "SELECT id FROM hoopguard.approval WHERE approver = 'both'
	AND state = 'pending' ORDER BY requested_at DESC LIMIT 1");
as_role($node, 'shop', $people, "SELECT hoopguard.approve('$id', 'fine')");
is((as_role($node, 'shop', $agent, "INSERT INTO agent_ws.t VALUES ($line)"))[2], '', 'log: approved and run');
is($node->safe_psql('shop', "SELECT string_agg(coalesce(from_state, '-') || '>' || to_state || ' ' || who || ' ' || via, ', ' ORDER BY at)
		FROM hoopguard.approval_log WHERE approval_id = '$id' AND from_state IS DISTINCT FROM to_state"),
	"->pending $agent session, pending>approved $people sql, approved>consumed $agent session",
	'log: each step, who and how');
is((as_role($node, 'shop', 'regress_hoopguard_auditor', "SELECT count(*) > 2 FROM hoopguard.approval_log
		WHERE approval_id = '$id'"))[1], 't', 'log: an auditor reads it');
like((as_role($node, 'shop', $agent, 'SELECT * FROM hoopguard.approval_log'))[2], qr/./, 'log: an agent does not');
like((as_role($node, 'shop', 'regress_hoopguard_auditor', 'DELETE FROM hoopguard.approval_log'))[2],
	qr/42501/, 'log: nobody deletes from it');

$node->stop;
done_testing();
