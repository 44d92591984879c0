
# A freshly mapped agent sees no mail address and no telephone number, by any
# road; sums stay right; others see everything.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');
store_in($node, 'shop');
as_dba($node, 'shop', <<'EOS');
CREATE VIEW store.directory AS SELECT email, phone FROM store.customer;
GRANT SELECT ON store.directory TO regress_hoopguard_agent;
CREATE FUNCTION store.mail_of(id int) RETURNS text
	LANGUAGE sql SECURITY DEFINER SET search_path = store, pg_temp
	AS 'SELECT email FROM customer WHERE customer_id = id';
CREATE FUNCTION store.mails() RETURNS SETOF text
	LANGUAGE sql STABLE AS 'SELECT email::text FROM store.customer';
CREATE FUNCTION store.mail_plpgsql(id int) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = store, pg_temp
	AS 'DECLARE r text; BEGIN SELECT email INTO r FROM customer WHERE customer_id = id; RETURN r; END';
CREATE MATERIALIZED VIEW agent_ws.old AS SELECT 1 AS one;
CREATE TABLE store.partitioned (id int, email text) PARTITION BY LIST (id);
CREATE TABLE store.part1 PARTITION OF store.partitioned DEFAULT;
INSERT INTO store.partitioned VALUES (1, 'part@real.test');
GRANT SELECT ON store.partitioned, store.part1 TO regress_hoopguard_agent;
GRANT regress_hoopguard_human TO regress_hoopguard_agent;
EOS

my $agent = 'regress_hoopguard_agent';

# statement => must it give rows
my @roads = (
	[ 'SELECT *', 'SELECT * FROM store.customer' ],
	[ 'whole row', 'SELECT c FROM store.customer c' ],
	[ 'row to json', 'SELECT to_jsonb(c) FROM store.customer c' ],
	[ 'join grouped', 'SELECT c.email, sum(total) FROM store.customer c JOIN store.invoice USING (customer_id) GROUP BY c.email' ],
	[ 'COPY table', 'COPY store.customer TO STDOUT' ],
	[ 'COPY columns', 'COPY store.customer (phone, email) TO STDOUT' ],
	[ 'COPY query', 'COPY (SELECT email FROM store.customer) TO STDOUT' ],
	[ 'TABLE', 'TABLE store.customer' ],
	[ 'cursor', 'BEGIN; DECLARE k CURSOR FOR SELECT email FROM store.customer; FETCH ALL FROM k; COMMIT' ],
	[ 'view', 'SELECT * FROM store.directory' ],
	[ 'SECURITY DEFINER', 'SELECT store.mail_of(3)' ],
	[ 'SQL set-returning', 'SELECT * FROM store.mails()' ],
	[ 'plpgsql SECURITY DEFINER', 'SELECT store.mail_plpgsql(3)' ],
	[ 'prepared', 'PREPARE q AS SELECT email FROM store.customer; EXECUTE q' ],
	[ 'CTE', 'WITH c AS MATERIALIZED (SELECT * FROM store.customer) SELECT email FROM c' ],
	[ 'sublink', 'SELECT (SELECT max(email) FROM store.customer), (SELECT array_agg(phone) FROM store.customer)' ],
	[ 'union', 'SELECT email FROM store.customer UNION ALL SELECT phone FROM store.customer' ],
	[ 'lateral', 'SELECT x.e FROM store.customer c, LATERAL (SELECT c.email || c.phone AS e) x' ],
	[ 'distinct, window', 'SELECT DISTINCT first_value(email) OVER (ORDER BY customer_id) FROM store.customer' ],
	[ 'partitioned', 'SELECT * FROM store.partitioned' ],
	[ 'partition itself', 'SELECT * FROM store.part1' ],
	[ 'copy of its own', 'CREATE TABLE agent_ws.mine AS SELECT * FROM store.customer; SELECT * FROM agent_ws.mine' ],
	[ 'temporary copy', 'CREATE TEMP TABLE mine AS SELECT * FROM store.customer; SELECT * FROM mine' ],
	[ 'xml', "SELECT query_to_xml('SELECT email FROM store.customer', true, false, '')" ],
	[ 'DO and NOTICE', 'DO $$ DECLARE r record; BEGIN FOR r IN SELECT email FROM store.customer LOOP RAISE NOTICE \'%\', r.email; END LOOP; END $$' ],
	[ 'EXPLAIN', "EXPLAIN (VERBOSE, ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT email FROM store.customer" ],
	[ 'SET ROLE', 'SET ROLE regress_hoopguard_human; SELECT * FROM store.customer' ],
);

foreach my $road (@roads)
{
	my ($name, $sql) = @$road;
	my ($status, $out, $err) = as_role($node, 'shop', $agent, $sql, verbosity => 'default');
	my $all = "$out\n$err";
	isnt("$out$err", '', "$name: answers");
	unlike($err, qr/ERROR/, "$name: runs");
	unlike($all, qr/\@real\.test|\+49 555/, "$name: nothing real");
}

# Statistics, error text and predicates do not tell either.
my ($status, $out, $err);
($status, $out, $err) = as_role($node, 'shop', $agent,
	"SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'customer'",
	verbosity => 'default');
unlike("$out$err", qr/\@real\.test|\+49 555/, 'statistics');
($status, $out, $err) = as_role($node, 'shop', $agent,
	"SELECT count(*) FROM store.customer WHERE email = 'person3\@real.test'");
is($out, '0', 'a predicate sees the mask');
($status, $out, $err) = as_role($node, 'shop', $agent,
	"SELECT email::int FROM store.customer", verbosity => 'default');
unlike("$out$err", qr/\@real\.test/, 'the text of a cast error');

# Numbers that depend on no masked column are right.
($status, $out, $err) = as_role($node, 'shop', $agent,
	'SELECT sum(total) FROM store.customer JOIN store.invoice USING (customer_id)');
is($out, $node->safe_psql('shop', 'SELECT sum(total) FROM store.invoice'),
	'sums are right');

# A plan made as one role is not used for another.
($status, $out, $err) = as_role($node, 'shop', scalar getpwuid($>), <<'EOS');
SET plan_cache_mode = force_generic_plan;
PREPARE q AS SELECT email FROM store.customer WHERE customer_id = 1;
EXECUTE q;
SET ROLE regress_hoopguard_agent;
EXECUTE q;
RESET ROLE;
EXECUTE q;
EOS
my @lines = split /\n/, $out;
is($lines[0], 'person1@real.test', 'superuser before SET ROLE');
unlike($lines[1] // 'person1@real.test', qr/\@real\.test/, 'masked after SET ROLE');

# Parallel workers mask too.
($status, $out, $err) = as_role($node, 'shop', $agent, <<'EOS', verbosity => 'default');
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT email, phone FROM store.customer;
EOS
unlike("$out$err", qr/\@real\.test|\+49 555/, 'parallel workers');
like($out, qr/\S/, 'with rows');

# Who is not mapped sees everything, and mapping takes effect at once.
($status, $out, $err) = as_role($node, 'shop', 'regress_hoopguard_human',
	'SELECT email FROM store.customer WHERE customer_id = 5');
is($out, 'person5@real.test', 'not mapped, not masked');
my $session = $node->safe_psql('shop', <<'EOS');
SELECT hoopguard.map_role('regress_hoopguard_human', kind => 'human');
SELECT count(*) FROM hoopguard.subject;
SELECT hoopguard.unmap_role('regress_hoopguard_human');
EOS
like($session, qr/^2$/m, 'mapped and unmapped');

# Masked values may not overwrite real ones.
($status, $out, $err) = as_role($node, 'shop', $agent,
	'UPDATE store.customer SET email = lower(email) WHERE customer_id = 1');
like($err, qr/HG00[26]/, 'a mask is not written back');
is($node->safe_psql('shop', 'SELECT email FROM store.customer WHERE customer_id = 1'),
	'person1@real.test', 'the value is as before');

$node->stop;
done_testing();
