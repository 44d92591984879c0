
# What analysts, psql, BI tools, drivers and frameworks send runs unhindered
# under the baseline: test/data/ordinary.sql.

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
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', <<'EOS');
CREATE EXTENSION hoopguard;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE SCHEMA w;
CREATE TABLE w.region (id int PRIMARY KEY, name text);
CREATE TABLE w.nation (id int PRIMARY KEY, name text, region int REFERENCES w.region);
CREATE TABLE w.supplier (id int PRIMARY KEY, name text, nation int REFERENCES w.nation, balance numeric, note text);
CREATE TABLE w.client (id int PRIMARY KEY, name text, nation int REFERENCES w.nation, balance numeric, segment text);
CREATE TABLE w.part (id int PRIMARY KEY, name text, brand text, kind text, size int);
CREATE TABLE w.offer (part int REFERENCES w.part, supplier int REFERENCES w.supplier, available int, cost numeric, PRIMARY KEY (part, supplier));
CREATE TABLE w.ord (id int PRIMARY KEY, client int REFERENCES w.client, status text, ordered date, priority text, note text);
CREATE TABLE w.line (ord int REFERENCES w.ord, number int, part int, supplier int, quantity numeric, price numeric, discount numeric,
	returned text, status text, shipped date, promised date, received date, mode text, PRIMARY KEY (ord, number));
CREATE SEQUENCE w.ord_seq;
CREATE VIEW w.v AS SELECT id, status FROM w.ord;
CREATE FUNCTION w.f(i int) RETURNS int LANGUAGE sql AS 'SELECT i + 1';
INSERT INTO w.region VALUES (1, 'EUROPE');
INSERT INTO w.nation VALUES (1, 'FRANCE', 1);
INSERT INTO w.client SELECT g, 'c' || g, 1, g, 'BUILDING' FROM generate_series(1, 50) g;
INSERT INTO w.ord SELECT g, 1 + g % 50, 'O', date '1995-01-01' + g, '5-LOW', 'n' FROM generate_series(2, 3000) g;
INSERT INTO w.line SELECT o, 1, 1, 1, 5, 10, 0.06, 'R', 'F', date '1995-01-01' + o, date '1995-01-05' + o, date '1995-01-07' + o, 'MAIL' FROM generate_series(2, 3000) o;
GRANT USAGE ON SCHEMA w TO regress_hoopguard_agent;
GRANT ALL ON ALL TABLES IN SCHEMA w TO regress_hoopguard_agent;
GRANT ALL ON ALL SEQUENCES IN SCHEMA w TO regress_hoopguard_agent;
ANALYZE;
SELECT hoopguard.map_role('regress_hoopguard_agent');
EOS

my $sql = slurp_file(source_dir() . '/test/data/ordinary.sql');
my @statements = grep { /\S/ } split /;\n|\n(?=\\)|(?<=\w)\n(?=\\|\n)/,
  join "\n", grep { !/^--/ } split /\n/, $sql;
cmp_ok(scalar(@statements), '>', 150, 'there is something to send');

# one session, as a tool would have it; the line numbers tell what failed
my ($status, $out, $err) = as_role($node, 'shop', $agent, $sql, verbosity => 'verbose');
is(join("\n", grep { /ERROR|FATAL|HG0/ } split /\n/, $err), '',
	scalar(@statements) . ' statements, none refused');
is($status, 0, 'the session came to its end');

# and nothing of it was noted as worth a warning either
is(query($node, 'shop', q{SELECT count(*) FROM hoopguard.event
	WHERE session_role = 'regress_hoopguard_agent' AND verdict <> 'allow'}),
	'0', 'the record has allowed statements only');
is(query($node, 'shop', q{SELECT count(*) > 150 FROM hoopguard.event
	WHERE session_role = 'regress_hoopguard_agent'}), 't', 'and has them');
$node->stop;
done_testing();
