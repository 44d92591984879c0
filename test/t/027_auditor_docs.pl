
# The questions of docs/auditor.md, each asked by an auditor, with answers.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');
my $agent = 'regress_hoopguard_agent';
store_in($node, 'shop');
$node->safe_psql('shop', <<'E');
CREATE SCHEMA shop;
CREATE TABLE shop.customers (id int PRIMARY KEY, name text, email text, ssn text);
CREATE TABLE shop.orders (id int, customer_id int, total numeric);
CREATE TABLE shop.daily (name text, total numeric);
CREATE TABLE shop.mailing (email text);
INSERT INTO shop.customers VALUES (1, 'Ann', 'ann@example.com', '078-05-1120');
INSERT INTO shop.orders VALUES (1, 1, 10);
GRANT USAGE ON SCHEMA shop TO PUBLIC;
GRANT SELECT, DELETE, UPDATE ON ALL TABLES IN SCHEMA shop TO regress_hoopguard_agent;
SELECT hoopguard.add_rule('approve', '{UPDATE}', objects => 'shop.*', priority => 10);
INSERT INTO shop.daily SELECT c.name, sum(o.total)
	FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id GROUP BY 1;
INSERT INTO shop.mailing SELECT email FROM shop.customers;
SELECT email FROM shop.mailing;
SELECT email FROM shop.customers;
E
$node->safe_psql('shop', "SELECT hoopguard.map_role('$agent', record_literals => true)");
as_role($node, 'shop', $agent, 'SELECT email FROM shop.customers; DELETE FROM shop.customers; UPDATE shop.orders SET total = 1 WHERE id = 1');
my $session = query($node, 'shop', qq{SELECT session_id FROM hoopguard.activity
	WHERE session_role = '$agent' ORDER BY at DESC LIMIT 1});

my $doc = slurp_file(source_dir() . '/docs/auditor.md');
my $asked = 0;

# questions that may well have no answer here
my %empty = ('Did an agent ever get real values of it?' => 1);
while ($doc =~ /^## (.*?)\n(.*?)(?=^## |\z)/gms)
{
	my ($question, $answer) = ($1, $2);
	while ($answer =~ /```sql\n(.*?)```/gs)
	{
		my $sql = $1;
		$sql =~ s/848557127322924/$session/g;
		my ($status, $out, $err) = as_role($node, 'shop', 'regress_hoopguard_auditor', $sql);
		is($err, '', "$question: no error");
		ok($out ne '' || $empty{$question}, "$question: an answer");
		$asked++;
	}
}
cmp_ok($asked, '>=', 12, 'questions with their SQL');

# Only the events of the time asked for are read, or the last of a statement.
like($node->safe_psql('shop', "SET enable_seqscan = off;
	EXPLAIN (COSTS OFF) SELECT a.at, a.outcome FROM hoopguard.lineage_edge e JOIN hoopguard.activity a USING (statement_id)
	WHERE e.source_column = 'email' AND a.at > now() - interval '1 day'"),
	qr/Bitmap Index Scan on event_\d+_at_session_id_seal_idx\n +Index Cond: \(at > /, 'the planner joins into activity');
like($node->safe_psql('shop', "SET enable_seqscan = off; SET enable_sort = off;
	EXPLAIN (COSTS OFF) SELECT * FROM hoopguard.lineage l WHERE l.source_column = 'email'"),
	qr/Index Scan.* using event_\d+_statement_id_at_idx .*\n +Index Cond: \(statement_id = l\.statement_id\)/, 'and finds the last event of a statement');
is($node->safe_psql('shop', "SELECT count(*) FROM (SELECT e.statement_id, e.seal FROM hoopguard.event e
	WHERE e.statement_id IS NOT NULL GROUP BY 1, 2 HAVING max(e.at) <> (SELECT max(k.at) FROM hoopguard._latest_event k JOIN hoopguard.event x USING (event_id)
		WHERE k.statement_id = e.statement_id AND x.seal = e.seal)) wrong"), '0', 'which is marked');
my $partition = $node->safe_psql('shop', "SELECT tableoid FROM hoopguard._event GROUP BY 1 ORDER BY count(*) DESC LIMIT 1");
$node->safe_psql('shop', "SET hoopguard.audit = 'all'; DO \$\$ BEGIN FOR i IN 1 .. 9000 LOOP EXECUTE 'SELECT 1'; END LOOP; END \$\$; SELECT hoopguard.flush()");
cmp_ok($node->safe_psql('shop', "SELECT pg_relation_size($partition) / 8192"), '>', 64, 'three ranges of pages');
cmp_ok($node->safe_psql('shop', "SELECT sum(brin_summarize_new_values(i.indexrelid)) FROM pg_index i
	JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = $partition AND c.relname ~ '_seal_idx'"), '<=', 1,
	'all of which the index over time knows, but for the last');
$node->safe_psql('shop', "CREATE TABLE hoopguard.event_20010101 PARTITION OF hoopguard._event
	FOR VALUES FROM ('2001-01-01 00:00:00+00') TO ('2001-01-08 00:00:00+00')");
like($node->safe_psql('shop', "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT a.at, a.outcome
	FROM hoopguard.activity a WHERE a.at > now() - interval '1 day'"),
	qr/Subplans Removed: [1-9]/, 'and leaves old partitions alone');

done_testing();
