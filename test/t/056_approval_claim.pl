
# A ticket whose session waits is used up by the transaction that approves it.
# Whatever happens to the session or the recorder meanwhile, the statement runs
# once or the ticket is still there.  The moment between is made long by a
# standby that does not come.

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
my $dir = PostgreSQL::Test::Utils::tempdir();
my $port = free_port();
my $log = "$dir/stub.log";
append_to_file("$dir/secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n" .
	"response whsec_c2VjcmV0LW9mLXRoZS1vdGhlci1kaXJlY3Rpb24tMDE=\n");
chmod 0600, "$dir/secret";
append_to_file($log, '');
my $node = new_node('main', <<"EOC");
restart_after_crash = on
hoopguard.audit = governed
wal_level = replica
max_wal_senders = 5
hoopguard.approval_wait = '30s'
hoopguard.approval_rate = 1000
hoopguard.approval_max_pending = 1000
hoopguard.webhook_timeout = '30s'
hoopguard.webhook_secret_file = '$dir/secret'
EOC
store_in($node, 'shop');
my $stub = IPC::Run::start([ python(), source_dir() . '/test/stub/event_stub.py',
	$port, "$dir/secret", $log ], '>', '/dev/null', '2>', "$dir/stub.err");
ok(wait_until(20, sub {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }),
	'the stub listens');
as_dba($node, 'shop', "CREATE TABLE agent_ws.note (n int);
	GRANT ALL ON agent_ws.note TO $agent;
	SELECT hoopguard.add_approver('hold', url => 'http://127.0.0.1:$port/hold');
	SELECT hoopguard.add_rule('approve', '{INSERT}', objects => 'agent_ws.note',
		priority => 1, approver => 'hold', rehearse => false)");

my $number = 0;

sub one { return $node->safe_psql('shop', $_[0]); }

# Sessions that wait with one new statement: pids, harnesses, errors.
sub waiters
{
	my ($name, $n) = @_;
	unlink "$log.go";
	$number++;
	my $w = { name => $name, sql => "INSERT INTO agent_ws.note VALUES ($number)", n => $number };
	push @{ $w->{sessions} }, [ background($node, 'shop', $agent, $w->{sql}) ] for 1 .. $n;
	ok(wait_until(60, sub {
		one("SELECT count(*) FROM pg_stat_activity WHERE usename = '$agent'
			AND wait_event_type = 'Extension' AND query = '$w->{sql}'") == $n &&
		one("SELECT count(*) FROM hoopguard.approval WHERE statement_text = '$w->{sql}'
			AND state = 'pending'") == 1 }), "$name: waits") or BAIL_OUT('no waiter');
	$w->{id} = one("SELECT id FROM hoopguard.approval WHERE statement_text = '$w->{sql}'");
	$w->{pid} = one("SELECT min(pid) FROM pg_stat_activity WHERE query = '$w->{sql}'");
	ok(wait_until(60, sub { asked($w) == 1 }), "$name: the webhook has it");
	return $w;
}

sub asked
{
	my ($w) = @_;
	return scalar grep { $_->{what} eq 'request' && index($_->{body}, "VALUES ($w->{n})") >= 0 }
		json_lines($log);
}

sub go { append_to_file("$log.go", ''); return; }

sub finish
{
	my ($w) = @_;
	eval { $_->[0]->finish } for @{ $w->{sessions} };
	return join '', map { ${ $_->[2] } } @{ $w->{sessions} };
}

sub rows { return one("SELECT count(*) FROM agent_ws.note WHERE n = $_[0]->{n}"); }

sub state { return one("SELECT state FROM hoopguard.approval WHERE id = '$_[0]->{id}'"); }

sub steps
{
	return one("SELECT string_agg(to_state, ' ' ORDER BY id) FROM hoopguard.approval_log
		WHERE approval_id = '$_[0]->{id}'");
}

my @probe;

# From here on no commit ends.
sub block
{
	one("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
	one('SELECT pg_reload_conf()');
	@probe = background($node, 'shop', 'postgres', 'SET synchronous_commit = on; CREATE TABLE IF NOT EXISTS probe ()');
	ok(wait_until(60, sub { waits_for_standby("query LIKE '%probe ()'") }), 'commits wait');
	return;
}

sub waits_for_standby
{
	return one("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'
		AND pid <> pg_backend_pid() AND $_[0]");
}

sub unblock
{
	one('ALTER SYSTEM RESET synchronous_standby_names');
	one('SELECT pg_reload_conf()');
	eval { $probe[0]->finish };
	one('DROP TABLE IF EXISTS probe');
	return;
}

# Approved and used up, but not committed.
sub claimed
{
	my ($w) = @_;
	block();
	go();
	ok(wait_until(60, sub { waits_for_standby("backend_type LIKE 'hoopguard recorder%' AND datname = 'shop'
			AND query = 'housekeeping'") }),
		"$w->{name}: the approval is being committed");
	is(state($w), 'pending', "$w->{name}: nobody sees it");
	is(one("SELECT count(*) FROM pg_stat_activity WHERE pid = $w->{pid} AND wait_event_type = 'Extension'"), '1',
		"$w->{name}: the session waits for that");
	return;
}

# The ticket is there and good for one run, without asking again.
sub usable
{
	my ($w) = @_;
	is(rows($w), '0', "$w->{name}: it did not run");

	# a ticket that was found is approved before it is used up, too
	wait_until(60, sub { steps($w) eq 'pending approved consumed approved' });
	is(steps($w), 'pending approved consumed approved', "$w->{name}: every step is logged");
	is(state($w), 'approved', "$w->{name}: the ticket is given back");
	is(one("SELECT consumed_by IS NULL AND consumed_at IS NULL AND grant_expires_at > now()
		FROM hoopguard.approval WHERE id = '$w->{id}'"), 't', "$w->{name}: as if it had not been used");
	is((as_role($node, 'shop', $agent, $w->{sql}))[2], '', "$w->{name}: the statement runs now");
	is(rows($w) . ' ' . state($w) . ' ' . asked($w), '1 consumed 1', "$w->{name}: once, with this ticket");
	return;
}

# ---- the usual way ------------------------------------------------------------
my $w = waiters('plain', 1);
go();
is(finish($w), '', 'plain: runs');
is(rows($w) . ' ' . state($w), '1 consumed', 'plain: once');
is(steps($w), 'pending approved consumed', 'plain: every step is logged');
is(one("SELECT concat_ws(' ', from_state, to_state, who, via) FROM hoopguard.approval_log
	WHERE approval_id = '$w->{id}' AND to_state = 'consumed'"),
	"approved consumed $agent session", 'plain: who used it up');
is(one("SELECT count(DISTINCT xmin::text) FROM hoopguard.approval_log
	WHERE approval_id = '$w->{id}' AND to_state IN ('approved', 'consumed')"), '1',
	'plain: with the approval');

# ---- a session that leaves while its approval is committed ----------------------
foreach my $how ('pg_cancel_backend', 'pg_terminate_backend')
{
	$w = waiters($how, 1);
	claimed($w);
	one("SELECT $how($w->{pid})");
	like(finish($w), qr/ERROR:  57014|FATAL:  57P01/, "$how: the session leaves at once");
	unblock();
	usable($w);
}

one("ALTER SYSTEM SET hoopguard.approval_wait = '3s'");
one('SELECT pg_reload_conf()');
ok(wait_until(60, sub { one('SHOW hoopguard.approval_wait') eq '3s' }), 'a short wait');
$w = waiters('wait over', 1);
claimed($w);
like(finish($w), qr/HG002/, 'wait over: a ticket');
unblock();
usable($w);

# ---- a session that leaves while it uses up a ticket it found ---------------------
foreach my $how ('pg_cancel_backend', 'pg_terminate_backend')
{
	$w = waiters("ticket, $how", 1);
	like(finish($w), qr/HG002/, "$w->{name}: there is a request");
	is(one("SELECT hoopguard.approve('$w->{id}')"), 'approved', "$w->{name}: a person approves it");
	block();
	$w->{sessions} = [ [ background($node, 'shop', $agent, $w->{sql}) ] ];
	ok(wait_until(60, sub { waits_for_standby("backend_type LIKE 'hoopguard recorder%' AND datname = 'shop'
			AND query = 'storing audit records'") }),
		"$w->{name}: it is being used up");
	one("SELECT $how(pid) FROM pg_stat_activity WHERE query = '$w->{sql}' AND usename = '$agent'");
	like(finish($w), qr/ERROR:  57014|FATAL:  57P01/, "$w->{name}: the session leaves at once");
	unblock();
	usable($w);
}
go();
one('ALTER SYSTEM RESET hoopguard.approval_wait');
one('SELECT pg_reload_conf()');
ok(wait_until(60, sub { one('SHOW hoopguard.approval_wait') eq '30s' }), 'a long wait');

$w = waiters('other policy', 1);
as_dba($node, 'shop', "SELECT hoopguard.add_rule('deny', '{DELETE}', objects => 'agent_ws.note')");
go();
like(finish($w), qr/HG012/, 'other policy: the statement is not run');
is(rows($w), '0', 'other policy: it did not run');
ok(wait_until(60, sub { state($w) eq 'approved' }), 'other policy: the ticket is given back');

# ---- one ticket, two sessions ---------------------------------------------------
$w = waiters('two sessions', 2);
go();
is(finish($w), '', 'two sessions: both run');
is(rows($w), '2', 'two sessions: once each');
is(one("SELECT count(*) || ' ' || count(DISTINCT consumed_by) || ' ' || string_agg(DISTINCT state, ' ')
	FROM hoopguard.approval WHERE statement_text = '$w->{sql}'"), '2 2 consumed',
	'two sessions: with a ticket each');

# ---- a recorder that cannot commit it -------------------------------------------
$w = waiters('failed commit', 1);
my $offset = -s $node->logfile;
my ($lock) = background($node, 'shop', 'postgres',
	"SET application_name = 'locker'; BEGIN; LOCK TABLE hoopguard.approval_log IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(300)");
ok(wait_until(60, sub { one("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'locker' AND wait_event = 'PgSleep'") }),
	'failed commit: the log is locked');
go();
ok(wait_until(60, sub { slurp_file($node->logfile, $offset) =~ /housekeeping failed/ }),
	'failed commit: it could not be noted');
is(state($w) . ' ' . rows($w), 'pending 0', 'failed commit: nothing is decided');
one("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'locker'");
eval { $lock->finish };
is(finish($w), '', 'failed commit: it runs when it could');
is(rows($w) . ' ' . state($w) . ' ' . steps($w), '1 consumed pending approved consumed', 'failed commit: once');

# ---- an answer that comes together with other work -----------------------------------
$w = waiters('busy recorder', 1);
my ($other) = background($node, 'shop', $agent, "SELECT 1;
\\! while [ ! -e $log.other ]; do sleep 0.02; done
INSERT INTO agent_ws.note VALUES (0)");
ok(wait_until(60, sub { one("SELECT count(*) FROM pg_stat_activity WHERE usename = '$agent' AND query = 'SELECT 1;'") }),
	'busy recorder: another session');
one('SELECT hoopguard.flush()');
block();
append_to_file("$log.other", '');
ok(wait_until(60, sub { waits_for_standby("query = 'storing audit records'") }),
	'busy recorder: it stores another request');
go();
ok(wait_until(60, sub { grep { $_->{what} eq 'answered' && index($_->{body}, "VALUES ($number)") >= 0 }
	json_lines($log) }), 'busy recorder: the answer is there');
usleep(300_000);				# by now it would look after all requests, too
unblock();
is(finish($w), '', 'busy recorder: runs');
eval { $other->finish };
is(rows($w) . ' ' . state($w) . ' ' . steps($w), '1 consumed pending approved consumed',
	'busy recorder: the answer counts once');

# ---- other triggers: by SQL, in two steps -----------------------------------------
as_dba($node, 'shop', "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'");
one("CREATE TRIGGER nothing AFTER INSERT OR UPDATE ON hoopguard.approval FOR EACH ROW EXECUTE FUNCTION nothing()");
one("ALTER TABLE hoopguard.approval ENABLE ALWAYS TRIGGER nothing");
$w = waiters('trigger', 1);
go();
is(finish($w), '', 'trigger: runs');
is(rows($w) . ' ' . state($w) . ' ' . steps($w), '1 consumed pending approved consumed', 'trigger: once');
is(one("SELECT count(DISTINCT xmin::text) FROM hoopguard.approval_log
	WHERE approval_id = '$w->{id}' AND to_state IN ('approved', 'consumed')"), '2', 'trigger: in two steps');
one('DROP TRIGGER nothing ON hoopguard.approval');

# ---- kill -9, last -----------------------------------------------------------------
$w = waiters('recorder killed', 1);
claimed($w);
kill 'KILL', one("SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'hoopguard recorder%' AND datname = 'shop'");
finish($w);
eval { $probe[0]->finish };
ok(wait_until(60, sub { ($node->psql('shop', 'SELECT 1', stderr => \my $ignored) // 1) == 0 }),
	'recorder killed: the server is back');
unblock();
is(rows($w) . ' ' . state($w), '0 consumed', 'recorder killed: used up, and not run');
is((as_role($node, 'shop', $agent, $w->{sql}))[2], '', 'recorder killed: asked again, it runs');
is(rows($w) . ' ' . asked($w), '1 2', 'recorder killed: once');

$stub->kill_kill;
$node->stop;
done_testing();
