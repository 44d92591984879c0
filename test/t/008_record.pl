
# The record: who, what, verdict, outcome and lineage of everything that was
# sent, also of what was denied, failed or rolled back.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $agent = 'regress_hoopguard_agent';
my $node = new_node('main');
store_in($node, 'shop');
my ($status, $out, $err);

# The last event of a command by the agent, as one line.
sub last_event
{
	my ($like) = @_;
	return query($node, 'shop', qq{SELECT concat_ws(' ', command, verdict, outcome, sqlstate)
		FROM hoopguard.activity
		WHERE session_role = '$agent' AND level = 0 AND text ILIKE '$like'
		ORDER BY at DESC, event_id DESC LIMIT 1});
}

as_role($node, 'shop', $agent, 'SELECT count(*) AS a1 FROM store.invoice');
is(last_event('%as a1%'), 'SELECT allow committed 00000', 'a SELECT');

as_role($node, 'shop', $agent, 'BEGIN; SELECT email AS a2 FROM store.customer; ROLLBACK');
is(last_event('%as a2%'), 'SELECT allow rolled back 00000', 'a SELECT that is rolled back');
is(query($node, 'shop', q{SELECT rows_returned, masked_columns FROM hoopguard.activity WHERE text ILIKE '%as a2%' AND level = 0}),
	'12|{store.customer.email}', 'with its rows and masked columns');

as_role($node, 'shop', $agent, 'DELETE FROM store.invoice_line');
like(last_event('DELETE FROM store.invoice_line'), qr/^DELETE deny denied HG001/, 'a denied DELETE');

as_role($node, 'shop', $agent, 'SELECT 1/0 AS a3');
like(last_event('%as a3%'), qr/^SELECT \S+ rolled back 22012/, 'one that fails');

# What fails before any hook sees it.
as_role($node, 'shop', $agent, "SELECT nothing FROM store.nowhere WHERE a = 'lit'");
is(last_event('%store.nowhere%'), 'SELECT error rolled back 42P01', 'one that does not analyse');
as_role($node, 'shop', $agent, "SELEKT 'lit'");
is(query($node, 'shop', "SELECT concat_ws(' ', a.command, a.level, a.verdict, a.outcome, a.text IS NULL, t.text_length)
	FROM hoopguard.activity a JOIN hoopguard.statement t USING (statement_id)
	WHERE a.sqlstate = '42601' AND a.session_role = '$agent'"),
	'UNKNOWN 0 error rolled back t 12', 'one that does not parse: its length, not its text');
as_role($node, 'shop', $agent, "SELECT 1 AS a6; SELECT a7 FROM store.invoice; SELECT 2 AS a8",
	params => ['-c', 'SELECT 1 AS a6; SELECT a7 FROM store.invoice; SELECT 2 AS a8']);
is(last_event('%a7%'), 'SELECT error rolled back 42703', 'the second of a string of three');
is(last_event('select a7 from store.invoice'), 'SELECT error rolled back 42703', 'with its own text only');
as_role($node, 'shop', $agent, 'PREPARE a9 AS SELECT a9 FROM store.nowhere');
is(last_event('prepare a9%'), 'PREPARE allow rolled back 42P01', 'a PREPARE that does not analyse');
as_role($node, 'shop', $agent, 'BEGIN; SELECT 1/0; SELECT 3 AS a10; ROLLBACK');
is(last_event('%as a10'), 'SELECT error rolled back 25P02', 'one in a transaction that has failed');
is(query($node, 'shop', "SELECT string_agg(concat_ws(' ', text, outcome), ',' ORDER BY event_id)
	FROM hoopguard.activity WHERE text IN ('begin', 'rollback') AND level = 0 AND session_id =
	(SELECT session_id FROM hoopguard.activity WHERE text LIKE '%as a10')"),
	'begin rolled back,rollback rolled back', 'and the end of that transaction');
$node->pgbench('--transactions=1 --no-vacuum --protocol=extended', 2, [qr/./s],
	[qr/nowhere/], 'extended protocol', { 'ext' => 'SELECT a11 FROM store.nowhere' }, 'shop');
is(query($node, 'shop', "SELECT concat_ws(' ', command, verdict, outcome, sqlstate) FROM hoopguard.activity
	WHERE text LIKE 'select a11%' AND level = 0"),
	'SELECT error rolled back 42P01', 'one of the extended protocol, refused at Parse');

# Rolled back in part.
as_role($node, 'shop', $agent, <<'EOS');
CREATE TABLE agent_ws.part (p1 int, p2 int, p3 int);
BEGIN;
INSERT INTO agent_ws.part (p1) VALUES (1);
SAVEPOINT s;
INSERT INTO agent_ws.part (p2) VALUES (1);
ROLLBACK TO s;
INSERT INTO agent_ws.part (p3) VALUES (1);
COMMIT;
DO $$
BEGIN
	BEGIN
		INSERT INTO agent_ws.part (p1, p2) VALUES (1, 1);
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN
		INSERT INTO agent_ws.part (p1, p3) VALUES (1, 1);
	END;
END $$;
EOS
is(query($node, 'shop', q{SELECT string_agg(concat_ws(' ', substring(text FROM '\((.*?)\)'), outcome), ', ' ORDER BY event_id)
	FROM hoopguard.activity WHERE command = 'INSERT' AND text LIKE '%agent_ws.part%'}),
	'p1 committed, p2 rolled back, p3 committed, p1, p2 rolled back, p1, p3 committed',
	'what a savepoint and an exception block took back');

# Constraints that are checked by the commit: the agent's are checked before
# it, in the statement; those of others fail the commit itself.
$node->safe_psql('shop', "CREATE TABLE store.late (l1 int UNIQUE DEFERRABLE INITIALLY DEFERRED);
	GRANT ALL ON store.late TO $agent, regress_hoopguard_human");
foreach my $role ($agent, 'regress_hoopguard_human')
{
	as_role($node, 'shop', $role, 'INSERT INTO store.late (l1) VALUES (1), (1)');
	as_role($node, 'shop', $role, 'BEGIN; INSERT INTO store.late VALUES (2), (2); COMMIT');
	is(query($node, 'shop', "SELECT count(*) FILTER (WHERE sqlstate = '23505')
		FROM hoopguard.activity WHERE session_role = '$role' AND level = 0"),
		'2', "failed by its commit, $role");
	is(query($node, 'shop', "SELECT DISTINCT outcome FROM hoopguard.activity
		WHERE session_role = '$role' AND text LIKE 'insert into store.late%'"),
		'rolled back', 'and not committed');
}

# Logins, failed ones too.
my $others = $node->safe_psql('shop', 'SELECT count(*) FROM hoopguard.login');
as_role($node, 'shop', 'regress_hoopguard_human', '');
is(query($node, 'shop', q{SELECT concat_ws(' ', role, database_name, sqlstate, ended_by)
	FROM hoopguard.login ORDER BY at DESC LIMIT 1 OFFSET 1}),
	'regress_hoopguard_human shop 00000 00000', 'a login that did nothing');
foreach my $case (['regress_hoopguard_nosuch', '28000'], ['regress_hoopguard_nologin', '28000'],
	['regress_hoopguard_barred', '42501'])
{
	my ($role, $sqlstate) = @$case;
	$node->safe_psql('shop', "CREATE ROLE $role " . ($role =~ /nologin/ ? 'NOLOGIN' : 'LOGIN'))
	  unless $role =~ /nosuch/;
	$node->safe_psql('shop', 'REVOKE CONNECT ON DATABASE shop FROM PUBLIC') if $role =~ /barred/;
	($status, $out, $err) = as_role($node, 'shop', $role, 'SELECT 1');
	isnt($status, 0, "no login for $role");
	is(query($node, 'shop', "SELECT concat_ws(' ', database_name, sqlstate, session_id) FROM hoopguard.login WHERE role = '$role'"),
		"shop $sqlstate", 'and it is recorded');
}
$node->safe_psql('shop', 'GRANT CONNECT ON DATABASE shop TO PUBLIC');
as_role($node, 'nosuch', 'regress_hoopguard_human', 'SELECT 1');
like(slurp_file($node->logfile), qr/hoopguard login failed: \{"sqlstate":"3D000","role":"regress_hoopguard_human","database":"nosuch"\}/,
	'to a database without a recorder: in the log');
my ($idle, $iout, $ierr) = background($node, 'shop', $agent, 'SELECT pg_sleep(60) AS a12');
ok(wait_until(20, sub { $node->safe_psql('shop', "SELECT count(*) FROM pg_stat_activity
	WHERE query LIKE '%a12' AND usename = '$agent' AND state = 'active'") eq '1' }), 'one sleeps');
$node->safe_psql('shop', "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE query LIKE '%a12' AND usename = '$agent'");
$idle->finish;
is(query($node, 'shop', "SELECT concat_ws(' ', sqlstate, outcome) FROM hoopguard.activity WHERE text LIKE '%a12'"),
	'57P01 rolled back', 'a statement that was terminated');
is(query($node, 'shop', "SELECT ended_by FROM hoopguard.login JOIN hoopguard.activity USING (session_id) WHERE text LIKE '%a12'"),
	'57P01', 'and what ended its session');

as_role($node, 'shop', $agent, "UPDATE store.invoice_line SET quantity = 3 WHERE invoice_line_id IN (1, 2)");
is(last_event('UPDATE%'), 'UPDATE allow committed 00000', 'an UPDATE');
is(query($node, 'shop', q{SELECT rows_affected FROM hoopguard.activity WHERE text ILIKE 'UPDATE%' AND level = 0}),
	'2', 'with its row count');

as_role($node, 'shop', $agent, 'DO $$ BEGIN PERFORM total AS a4 FROM store.invoice; END $$');
is(query($node, 'shop', q{SELECT p.command FROM hoopguard.activity c JOIN hoopguard.activity p ON p.event_id = c.parent_id
	WHERE c.text ILIKE '%as a4%' AND c.level > 0}), 'DO', 'a statement inside DO has its parent');

as_role($node, 'shop', $agent, "BEGIN; INSERT INTO store.invoice_line VALUES (500, 1, 1, 1, 1); PREPARE TRANSACTION 'p1'");
like(last_event('INSERT INTO store.invoice_line%'), qr/^INSERT allow (prepared|in progress)/, 'prepared');
$node->safe_psql('shop', "COMMIT PREPARED 'p1'");
like(last_event('INSERT INTO store.invoice_line%'), qr/^INSERT allow committed/, 'and committed');

# No literal and no password is ever stored.
as_role($node, 'shop', $agent, "SELECT 'sesame-literal', 4711 FROM store.invoice WHERE total = 1234.5");
$node->safe_psql('shop', "CREATE ROLE regress_hoopguard_p PASSWORD 'sesame-password'");
$node->safe_psql('shop', "/* sesame-comment */ SELECT 1 -- sesame-comment");
is(query($node, 'shop', q{SELECT count(*) FROM hoopguard.statement WHERE text ~* 'sesame-(literal|password)|4711|1234'}),
	'0', 'no literals');

# intent, application name and address come along
as_role($node, 'shop', $agent, "SET application_name = 'refunder'; SET hoopguard.intent = 'ticket 12'; SELECT 12 AS a5");
is(query($node, 'shop', q{SELECT intent FROM hoopguard.activity WHERE text ILIKE '%as a5' AND level = 0}),
	'ticket 12', 'intent');

# Lineage of INSERT ... SELECT, linked to session, subject and outcome.
$node->safe_psql('shop', "CREATE TABLE agent_ws.report (country text, revenue numeric); GRANT ALL ON agent_ws.report TO $agent");
as_role($node, 'shop', $agent, <<'EOS');
INSERT INTO agent_ws.report
SELECT c.country, sum(i.total)
FROM store.customer c JOIN store.invoice i USING (customer_id)
WHERE c.city <> 'x' GROUP BY c.country;
EOS
my $edges = query($node, 'shop', q{
	SELECT DISTINCT source_relation || '.' || source_column || ' > ' ||
		concat_ws('.', target_relation, target_column) || ' ' || kind || ' ' || subtype
	FROM hoopguard.lineage
	WHERE command = 'INSERT' AND target_relation = 'report'
	ORDER BY 1});
like($edges, qr/^customer\.country > report\.country DIRECT IDENTITY$/m, 'DIRECT IDENTITY');
like($edges, qr/^invoice\.total > report\.revenue DIRECT AGGREGATION$/m, 'DIRECT AGGREGATION');
like($edges, qr/^customer\.customer_id > report INDIRECT JOIN$/m, 'INDIRECT JOIN');
like($edges, qr/^customer\.country > report INDIRECT GROUP_BY$/m, 'INDIRECT GROUP_BY');
like($edges, qr/^customer\.city > report INDIRECT FILTER$/m, 'INDIRECT FILTER');
is(query($node, 'shop', q{
	SELECT DISTINCT concat_ws(' ', subject, session_role, outcome, session_id IS NOT NULL)
	FROM hoopguard.lineage WHERE target_relation = 'report' AND command = 'INSERT'}),
	"$agent $agent committed t", 'with subject, session and outcome');

as_role($node, 'shop', $agent, 'CREATE TABLE agent_ws.mails AS SELECT email FROM store.customer');
is(query($node, 'shop', q{SELECT DISTINCT concat_ws(' ', source_schema, subtype, masked)
	FROM hoopguard.lineage WHERE target_relation = 'mails' AND source_column = 'email' AND kind = 'DIRECT'}),
	'store IDENTITY t', 'CTAS: what left was masked');
is(query($node, 'shop', q{SELECT count(DISTINCT event_id) > 1 FROM hoopguard.touched('store.customer', '1 hour')}),
	't', 'touched() finds those who read a relation');

# Sessions, one row each; every event belongs to one.
is(query($node, 'shop', q{SELECT count(*) FROM hoopguard.event e
	WHERE NOT EXISTS (SELECT FROM hoopguard.session s WHERE s.session_id = e.session_id)}),
	'0', 'every event has its session');
is(query($node, 'shop', q{SELECT count(*) FROM (SELECT event_id FROM hoopguard.event GROUP BY 1 HAVING count(*) > 1) d}),
	'0', 'no event twice');
is(query($node, 'shop', q{SELECT value FROM hoopguard.status() WHERE item = 'lost events'}),
	'0', 'nothing lost');

# The auditor reads, and writes nothing.
($status, $out, $err) = as_role($node, 'shop', 'regress_hoopguard_auditor',
	'SELECT count(*) > 10 FROM hoopguard.activity');
is($out, 't', 'the auditor reads');
foreach my $sql ('DELETE FROM hoopguard.event WHERE true', "UPDATE hoopguard.statement SET text = ''",
	"INSERT INTO hoopguard.note VALUES (1, now(), 1, 'x')", 'TRUNCATE hoopguard.seal',
	'SELECT key FROM hoopguard.mask_key', 'SELECT url FROM hoopguard.approver')
{
	($status, $out, $err) = as_role($node, 'shop', 'regress_hoopguard_auditor', $sql);
	like($err, qr/42501/, "the auditor may not: $sql");
}
foreach my $sql ('SELECT * FROM hoopguard.activity', 'SELECT * FROM hoopguard.event',
	'SELECT * FROM hoopguard.rule', "SELECT hoopguard.flush()", 'SELECT * FROM hoopguard.approval')
{
	($status, $out, $err) = as_role($node, 'shop', $agent, $sql);
	like($err, qr/42501|HG001/, "the agent may not: $sql");
}

# Many sessions at once: every statement is there.
$node->pgbench('--client=8 --jobs=2 --transactions=200 --no-vacuum --protocol=prepared',
	0, [qr/processed: 1600\/1600/], [qr/^(pgbench.*)?$/s], 'pgbench',
	{ 'one' => 'SELECT total AS counted FROM store.invoice WHERE invoice_id = 7' }, 'shop');
is(query($node, 'shop', q{SELECT count(*) FROM hoopguard.activity WHERE text ILIKE '%counted%' AND level = 0}),
	'1600', 'none of 1600 is missing');

$node->stop;
done_testing();
