
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

TODO:
{
	local $TODO = 'what never reaches a hook is not recorded yet';

	as_role($node, 'shop', $agent, 'SELECT nothing FROM store.nowhere');
	cmp_ok(query($node, 'shop', "SELECT count(*) FROM hoopguard.activity WHERE sqlstate = '42P01' AND session_role = '$agent'"),
		'>=', 1, 'one that does not analyse');

	as_role($node, 'shop', $agent, 'SELEKT 1');
	cmp_ok(query($node, 'shop', "SELECT count(*) FROM hoopguard.activity WHERE sqlstate = '42601' AND session_role = '$agent'"),
		'>=', 1, 'one that does not parse');
}

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
	"INSERT INTO hoopguard.note VALUES (1, now(), 1, 'x')", 'TRUNCATE hoopguard.outcome',
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
