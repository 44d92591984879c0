
# A ticket is good for one statement, once: what else a session tries with it
# asks anew.  Names are those of docs/approval-tests.md.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $agent = 'regress_hoopguard_agent';
my $boss = 'regress_hoopguard_approver';
my $node = new_node('main', <<'EOC');
hoopguard.approval_rate = 100000
hoopguard.approval_max_pending = 100000
wal_level = replica
max_wal_senders = 4
EOC
store_in($node, 'shop');
my $dba = $node->safe_psql('shop', 'SELECT current_user');
as_dba($node, 'shop', <<"EOS");
CREATE ROLE second LOGIN;
GRANT ALL ON SCHEMA agent_ws TO second;
SELECT hoopguard.map_role('second');
SELECT hoopguard.add_approver('people', role => '$boss');
CREATE TABLE agent_ws.once (n int);
CREATE TABLE agent_ws.t (n int);
CREATE TABLE agent_ws.big AS SELECT i AS n FROM generate_series(1, 20000) i;
CREATE TABLE agent_ws.fires (n int);
CREATE FUNCTION agent_ws.fire() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN INSERT INTO agent_ws.t VALUES (NEW.n); RETURN NEW; END';
CREATE TRIGGER fire AFTER INSERT ON agent_ws.fires FOR EACH ROW EXECUTE FUNCTION agent_ws.fire();
CREATE SCHEMA one; CREATE SCHEMA two;
CREATE TABLE agent_ws.seen (n int);
GRANT USAGE ON SCHEMA one, two TO $agent;
ANALYZE agent_ws.big;
GRANT ALL ON ALL TABLES IN SCHEMA agent_ws TO $agent, second;
SELECT hoopguard.add_rule('approve', '{INSERT,COPY_FROM,COPY_TO,SELECT}', objects => 'agent_ws.' || name,
	priority => 1, approver => 'people', rehearse => false)
FROM unnest(ARRAY['once', 't', 'big']) name;
SELECT hoopguard.add_rule('allow', '{FUNCTION,DO,EXPLAIN,PREPARE}', priority => 2);
EOS

my $err;
my $out;

sub agent
{
	my ($sql, %more) = @_;
	(undef, $out, $err) = as_role($node, 'shop', $more{role} // $agent, $sql,
		verbosity => 'verbose', %more);
	$err =~ s/^psql:[^ ]+ //mg;
	return $err;
}

# Approve what is open; how many that were.
sub approve
{
	my ($more) = @_;
	$more //= '';
	return (as_role($node, 'shop', $boss, "SELECT count(hoopguard.approve(id$more))
		FROM hoopguard.pending_approval"))[1];
}

sub rows { return $node->safe_psql('shop', 'SELECT count(*) FROM ' . ($_[0] // 'agent_ws.t')); }

# A ticket for a statement.
sub ticket
{
	my ($sql, $name, $more) = @_;
	like(agent($sql), qr/HG002/, "$name: asks");
	is(approve($more), '1', "$name: approved");
	return;
}

sub forget
{
	as_dba($node, 'shop', "UPDATE hoopguard.approval SET state = 'cancelled'
		WHERE state IN ('pending', 'approved'); TRUNCATE agent_ws.t");
	return;
}

# ---- twice at once: 200 rounds ---------------------------------------------------
my $conninfo = 'host=' . $node->host . ' port=' . $node->port . ' dbname=shop user=';
my $rounds = 200;
my $result = '';
IPC::Run::run([ python(), source_dir() . '/test/stub/two_sessions.py', $rounds,
	$conninfo . $agent, $conninfo . $boss ], '>', \$result, IPC::Run::timeout(300));
note($result);
like($result, qr/^asked \{'HG002': $rounds\}$/m, 'twice at once: each was asked for');
like($result, qr/^exactly one $rounds$/m,
	'twice at once from two sessions: exactly one runs, 200 rounds') or diag $result;
like($result, qr/^other (HG002|HG012|HG002 HG012)$/m, 'twice at once: the other one asks anew');
is($node->safe_psql('shop', 'SELECT count(*), count(DISTINCT n) FROM agent_ws.once'),
	"$rounds|$rounds", 'twice at once: each row once');
is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.approval WHERE state = 'consumed'"),
	$rounds, 'twice at once: each ticket used once');
is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.approval_log WHERE to_state = 'consumed'"),
	$rounds, 'twice at once: the log says so');
forget();

# ---- retry with something else ------------------------------------------------------
ticket('INSERT INTO agent_ws.t VALUES (1)', 'other literal');
like(agent('INSERT INTO agent_ws.t VALUES (2)'), qr/HG002/, 'retry with other literal: asks anew');
like(agent('INSERT INTO agent_ws.t VALUES (1) '), qr/HG002/, 'retry with other bytes: asks anew');
is(rows(), '0', 'other literal: nothing ran');
is(agent('INSERT INTO agent_ws.t VALUES (1)'), '', 'other literal: the identical statement runs');
is(rows(), '1', 'other literal: once');
forget();

my $insert = "PREPARE q (int) AS INSERT INTO agent_ws.t VALUES (\$1); EXECUTE q";
ticket("$insert (1)", 'other parameter');
like(agent("$insert (2)"), qr/HG002/, 'retry with other parameter: asks anew');
like(agent("$insert (NULL)"), qr/HG002/, 'retry with other parameter: NULL is not 1');
like(agent("SET plan_cache_mode = force_generic_plan; $insert (2)"), qr/HG002/,
	'retry with other parameter: in a generic plan too');
is(rows(), '0', 'other parameter: nothing ran');
is(agent("$insert (1)"), '', 'other parameter: the same one runs');
forget();

# by the extended protocol, where the text has $1 and nothing else
ok(run_python(<<'EOP', $conninfo . $agent, $conninfo . $boss), 'other parameter: extended protocol') or diag $err;
import psycopg, sys
a = psycopg.connect(sys.argv[1], autocommit=True)
b = psycopg.connect(sys.argv[2], autocommit=True)
def run(n):
    try:
        a.execute("INSERT INTO agent_ws.t VALUES (%s)", (n,))
        return ""
    except psycopg.Error as e:
        return e.sqlstate
assert run(1) == "HG002"
b.execute("SELECT hoopguard.approve(id) FROM hoopguard.pending_approval")
assert run(2) == "HG002"
assert run(None) == "HG002"
assert run(1) == ""
assert run(1) == "HG002"
EOP
forget();

my $bare = 'INSERT INTO t VALUES (1)';
ticket("SET search_path = agent_ws, one; $bare", 'other search_path');
like(agent("SET search_path = agent_ws, two; $bare"), qr/HG002/, 'retry with other search_path: asks anew');
like(agent("SET search_path = one, agent_ws; $bare"), qr/HG002/, 'retry with other search_path: in another order');
is(rows(), '0', 'other search_path: nothing ran');
is(agent("SET search_path = agent_ws, one; $bare"), '', 'other search_path: the same one runs');
forget();

my $one = 'INSERT INTO agent_ws.t VALUES (1)';
ticket($one, 'other role');
like(agent($one, role => 'second'), qr/HG002/, 'retry with other role: asks anew');
as_dba($node, 'shop', "CREATE ROLE hat; GRANT hat TO $agent; GRANT USAGE ON SCHEMA agent_ws TO hat;
	GRANT ALL ON agent_ws.t TO hat");
like(agent("SET ROLE hat; $one"), qr/HG002/, 'retry with other role: SET ROLE');
is(rows(), '0', 'other role: nothing ran');
is(agent($one), '', 'other role: the requester runs it');
forget();

foreach my $setting ('DateStyle = German', "TimeZone = 'Asia/Tokyo'", 'IntervalStyle = iso_8601',
	'standard_conforming_strings = off')
{
	ticket($one, "other $setting");
	my $refused = agent("SET $setting; $one");
	like($refused, qr/HG002|HG001/, "retry with other $setting: does not run");
	is(rows(), '0', "other $setting: nothing ran");
	forget();
}

# an object of the same name is another one
ticket($one, 'other object');
as_dba($node, 'shop', "ALTER TABLE agent_ws.t RENAME TO t_old; CREATE TABLE agent_ws.t (n int);
	GRANT ALL ON agent_ws.t TO $agent, second, hat");
like(agent($one), qr/HG002/, 'retry on another table of the same name: asks anew');
forget();

# a function it calls was replaced
as_dba($node, 'shop', "CREATE FUNCTION agent_ws.f() RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN 1; END'");
my $calls = 'INSERT INTO agent_ws.t SELECT agent_ws.f()';
ticket($calls, 'other function');
as_dba($node, 'shop', "CREATE OR REPLACE FUNCTION agent_ws.f() RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN 2; END'");
like(agent($calls), qr/HG002/, 'retry after a function was replaced: asks anew');
forget();

ticket($one, 'after policy reload');
my $mask = as_dba($node, 'shop', "SELECT hoopguard.add_mask('null', relation => 'store.customer', column_name => 'company')");
like(agent($one), qr/HG002/, 'retry after policy reload: asks anew');
is(rows(), '0', 'after policy reload: nothing ran');
forget();
as_dba($node, 'shop', "SELECT hoopguard.drop_mask($mask)");

# ---- after rollback, after expiry -----------------------------------------------------
ticket($one, 'after rollback');
is(agent("BEGIN; $one; ROLLBACK"), '', 'after rollback: it ran');
like(agent($one), qr/HG002/, 'retry after rollback: the ticket is used up');
like(agent("BEGIN; SAVEPOINT s; $one"), qr/HG002/, 'retry after rollback: in a savepoint too');
is(rows(), '0', 'after rollback: nothing is there');
forget();

ticket($one, 'after error');
like(agent("BEGIN; $one; SELECT 1/0; COMMIT"), qr/22012/, 'after error: ran, then failed');
like(agent($one), qr/HG002/, 'retry after an error: the ticket is used up');
forget();

ticket($one, 'after expiry', ", ttl => '1 second'");
ok(wait_until(20, sub { $node->safe_psql('shop', "SELECT count(*) FROM hoopguard.approval
	WHERE state = 'approved' AND grant_expires_at > clock_timestamp()") eq '0' }), 'after expiry: its time is over');
like(agent($one), qr/HG002/, 'retry after expiry: asks anew');
is(rows(), '0', 'after expiry: nothing ran');
ok(wait_until(20, sub { $node->safe_psql('shop', "SELECT count(*) FROM hoopguard.approval
	WHERE state = 'expired'") >= 1 }), 'after expiry: the row says expired');
forget();

like(agent($one), qr/HG002/, 'request expired: asks');
as_dba($node, 'shop', "UPDATE hoopguard.approval SET expires_at = clock_timestamp() WHERE state = 'pending'");
my ($old) = $node->safe_psql('shop', 'SELECT id FROM hoopguard.approval ORDER BY requested_at DESC LIMIT 1');
like((as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$old')"))[2], qr/HG012/, 'request expired: cannot be approved');
like(agent($one), qr/HG002/, 'request expired: asks anew');
unlike($err, qr/\Q$old\E/, 'request expired: with another id');
forget();

# ---- who approves ------------------------------------------------------------------------
like(agent($one), qr/HG002/, 'rolled back: asks');
as_role($node, 'shop', $boss, "BEGIN; SELECT hoopguard.approve(id) FROM hoopguard.pending_approval; ROLLBACK");
like(agent($one), qr/HG002/, 'approve in a rolled-back transaction: nothing is approved');
as_role($node, 'shop', $boss, "BEGIN; SAVEPOINT s; SELECT hoopguard.approve(id) FROM hoopguard.pending_approval;
	ROLLBACK TO s; COMMIT");
like(agent($one), qr/HG002/, 'approve in a rolled-back savepoint: nothing is approved');
like((as_role($node, 'shop', $boss, "BEGIN; SELECT hoopguard.approve(id) FROM hoopguard.pending_approval;
	PREPARE TRANSACTION 'x'"))[2], qr/0A000/, 'approve in a prepared transaction: refused');
like(agent($one), qr/HG002/, 'approve in a prepared transaction: nothing is approved');
my ($id) = $node->safe_psql('shop', "SELECT id FROM hoopguard.approval WHERE state = 'pending'");

as_dba($node, 'shop', <<"EOS");
GRANT $boss TO $agent;
CREATE FUNCTION public.as_boss(uuid) RETURNS text LANGUAGE sql SECURITY DEFINER
	AS 'SELECT hoopguard.approve(\$1)';
CREATE FUNCTION public.as_owner(uuid) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
	AS 'BEGIN RETURN hoopguard.approve(\$1); END';
ALTER FUNCTION public.as_boss(uuid) OWNER TO $boss;
GRANT EXECUTE ON FUNCTION public.as_boss(uuid), public.as_owner(uuid) TO PUBLIC;
CREATE ROLE outsider LOGIN;
CREATE ROLE above LOGIN; SELECT hoopguard.grant_approver('above'); GRANT $agent TO above;
EOS
foreach my $case (
	[ 'self-approval', $agent, "SELECT hoopguard.approve('$id')" ],
	[ 'self-approval through SET ROLE', $agent, "SET ROLE $boss; SELECT hoopguard.approve('$id')" ],
	[ 'self-approval through SECURITY DEFINER of an approver', $agent, "SELECT public.as_boss('$id')" ],
	[ 'self-approval through SECURITY DEFINER of a superuser', $agent, "SELECT public.as_owner('$id')" ],
	[ 'approval through SECURITY DEFINER by an outsider', 'outsider', "SELECT public.as_owner('$id')" ],
	[ 'approval by who can become the requester', 'above', "SELECT hoopguard.approve('$id')" ],
	[ 'approval by who the requester can become', $boss, "SELECT hoopguard.approve('$id')" ])
{
	my ($name, $role, $sql) = @$case;
	like((as_role($node, 'shop', $role, $sql))[2], qr/42501|HG001/, "$name: refused");
}
as_dba($node, 'shop', "REVOKE $boss FROM $agent");
is($node->safe_psql('shop', "SELECT state FROM hoopguard.approval WHERE id = '$id'"),
	'pending', 'self-approval: still pending');
like((as_role($node, 'shop', $dba, "SET SESSION AUTHORIZATION $agent; SELECT hoopguard.approve('$id')"))[2],
	qr/42501|HG001/, 'self-approval: SET SESSION AUTHORIZATION changes who one is');
forget();

as_dba($node, 'shop', "ALTER ROLE $agent SET $_ = 0") foreach
  qw(parallel_setup_cost parallel_tuple_cost min_parallel_table_scan_size);

# ---- forms of statements --------------------------------------------------------------------
# Each asks, does nothing before, runs once after approval, and asks again.
foreach my $case (
	[ 'plpgsql EXCEPTION WHEN OTHERS', "DO \$x\$ BEGIN BEGIN $one; EXCEPTION WHEN OTHERS THEN
		RAISE WARNING 'caught %', SQLSTATE; END; END \$x\$", qr/caught HG002/ ],
	[ 'cursor', 'BEGIN; DECLARE c CURSOR FOR SELECT n FROM agent_ws.big ORDER BY n; FETCH 2 FROM c; COMMIT' ],
	[ 'cursor WITH HOLD', 'DECLARE c CURSOR WITH HOLD FOR SELECT n FROM agent_ws.big ORDER BY n; FETCH 2 FROM c' ],
	[ 'COPY FROM', "COPY agent_ws.t FROM stdin;\n1\n\\.\n" ],
	[ 'COPY TO', 'COPY agent_ws.big TO stdout' ],
	[ 'COPY of a query', 'COPY (SELECT n FROM agent_ws.big) TO stdout' ],
	[ 'EXPLAIN ANALYZE', "EXPLAIN (ANALYZE, COSTS OFF) $one" ],
	[ 'PREPARE/EXECUTE', "PREPARE p AS $one; EXECUTE p" ],
	[ 'PREPARE/EXECUTE, generic plan', "SET plan_cache_mode = force_generic_plan; PREPARE p AS $one; EXECUTE p" ],
	[ 'DO', "DO \$x\$ BEGIN $one; END \$x\$" ],
	[ 'DO with EXECUTE', "DO \$x\$ BEGIN EXECUTE '$one'; END \$x\$" ],
	[ 'trigger', 'INSERT INTO agent_ws.fires VALUES (1)' ],
	[ 'WITH', "WITH w AS (INSERT INTO agent_ws.t VALUES (1) RETURNING n) SELECT n FROM w" ],
	[ 'CREATE TABLE AS', 'CREATE TEMP TABLE x AS SELECT n FROM agent_ws.big; SELECT count(*) FROM x WHERE n < 100' ],
	[ 'parallel plan', 'SELECT count(*) FROM agent_ws.big WHERE n > 0' ])
{
	my ($name, $sql, $pattern) = @$case;
	my $silent = '';
	like(agent($sql), $pattern // qr/HG002/, "$name: asks");
	$silent = $out;
	is(rows(), '0', "$name: nothing ran");
	unlike($silent, qr/^\d+$/m, "$name: nothing was shown");
	is(approve(), '1', "$name: approved");
	is(agent($sql), '', "$name: runs after approval");
	my $effect = rows() . $out;
	isnt($effect, '0', "$name: ran");
	like(agent($sql), $pattern // qr/HG002/, "$name: once");
	as_dba($node, 'shop', 'TRUNCATE agent_ws.fires');
	forget();
}
agent('EXPLAIN SELECT count(*) FROM agent_ws.big WHERE n > 0');
like($out, qr/Gather/, 'parallel plan: it is one');

# what an approver allows holds for each FETCH
my $cursor = 'BEGIN; DECLARE c CURSOR FOR SELECT n FROM agent_ws.big ORDER BY n; FETCH 2 FROM c';
ticket($cursor, 'cursor with max_rows', ', max_rows => 3');
is(agent("$cursor; COMMIT"), '', 'cursor with max_rows: what is within runs');
forget();
ticket($cursor, 'cursor with max_rows', ', max_rows => 3');
like(agent("$cursor; FETCH 2 FROM c"), qr/HG010.*[0-9a-f]{8}-/s, 'cursor with max_rows: more does not');
forget();

# EXPLAIN alone runs nothing and needs no approval
unlike(agent('EXPLAIN SELECT n FROM agent_ws.big'), qr/HG002/, 'EXPLAIN without ANALYZE: not asked');

# ---- after promotion of a standby ---------------------------------------------------------------
forget();
ticket($one, 'after promotion');
$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('write'));
like((as_role($standby, 'shop', $agent, 'SELECT n FROM agent_ws.big'))[2], qr/HG011|25006/,
	'hot standby: requests cannot be stored');
$node->stop;
$standby->promote;
is($standby->safe_psql('shop', "SELECT state FROM hoopguard.approval ORDER BY requested_at DESC LIMIT 1"),
	'approved', 'after promotion: the grant has come along');
like((as_role($standby, 'shop', $agent, $one))[2], qr/HG002/, 'retry after promotion of a standby: asks anew');
is($standby->safe_psql('shop', 'SELECT count(*) FROM agent_ws.t'), '0', 'after promotion: nothing ran');
(undef, $out, $err) = as_role($standby, 'shop', $boss,
	'SELECT count(hoopguard.approve(id)) FROM hoopguard.pending_approval');
is($out, '1', 'after promotion: the new request can be approved');
is((as_role($standby, 'shop', $agent, $one))[2], '', 'after promotion: and runs');
$standby->stop;
done_testing();

sub run_python
{
	my ($script, @args) = @_;
	my $o = '';
	return IPC::Run::run([ python(), '-c', $script, @args ], '>', \$o, '2>', \$err,
		IPC::Run::timeout(120));
}
