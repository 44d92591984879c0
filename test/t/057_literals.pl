
# record_literals: values that come as parameters, of statements that are
# refused or cut off, and whether they last as their events do.

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
as_dba($node, 'shop', <<"E");
CREATE SCHEMA v;
CREATE TABLE v.person (id int, email text, town text, street text, visited date, score numeric, data jsonb, blob bytea);
SECURITY LABEL FOR hoopguard ON COLUMN v.person.town IS 'public';
SECURITY LABEL FOR hoopguard ON COLUMN v.person.street IS 'public';
INSERT INTO v.person (id, town) VALUES (1, 'x');
GRANT USAGE ON SCHEMA v TO $agent;
GRANT ALL ON v.person TO $agent;
SELECT hoopguard.add_rule('allow', '{WRITE}', objects => 'v.*', priority => 5);
SELECT hoopguard.map_role('$agent', record_literals => true);
E

# The values of the statements with a text like this.
sub values_of
{
	my ($like) = @_;
	return query($node, 'shop', qq{SELECT string_agg(coalesce(l.value, 'NULL'), ' ' ORDER BY l.event_id, l.position)
		FROM hoopguard.literal l JOIN hoopguard.activity a USING (event_id)
		WHERE a.text LIKE '$like' AND a.session_role = '$agent'});
}

my ($out, $err) = ('', '');
IPC::Run::run([ python(), source_dir() . '/test/stub/literals.py',
		$node->connstr('shop') . " user=$agent", $node->connstr('shop') ],
	'>', \$out, '2>', \$err, IPC::Run::timeout(120));
is($err, '', 'the driver came to its end');
is($out, "22P02\n22012\n", 'two statements failed');
my %wanted = (
	'select from v.person where email = $1 and town = $2' => '[email] Bath',
	'%visited > $2 and score%' => '7 2001-02-03 4.50',
	'%town = any ($1)%' => '["Ely", null, "a\"b"] [email]',
	'select $1::text, $2::int' => 'plain 5',
	'update v.person set data%' => '[withheld] [withheld] NULL 8',
	'%data ->> $1 = $2' => '[email] [email]',
	'%town = $1 and id = $2 and email%' => 'Rye 9 [email]',
	'%email = $1 and town = $2 and id < $3' => join(' ', map { "[email] Deal$_ 99" } 0 .. 7),
	'%street = $1' => join(' ', (map { "early$_" } 0 .. 6), '[street_address]'),
	'declare%' => 'Hythe [email]',
	'update v.person set email%' => '[email] Hove [email] Lewes',
	'copy (%' => 'Rhyl [email]',
	'copy v.person%' => '');
foreach my $like (sort keys %wanted)
{
	is(values_of($like), $wanted{$like}, $like);
}
is(query($node, 'shop', "SELECT count(*) FROM hoopguard.literal WHERE value IN ('Lydd', 'Wick')"), '2', 'in a pipeline, and of one that failed');
is(query($node, 'shop', "SELECT count(*) FROM hoopguard.note WHERE detail::text LIKE '%sesame%'"), '0', 'nothing of a class');

# Several statements in one message, each with its own numbers.
as_role($node, 'shop', $agent, "SELECT 'm1', 2\\; SELECT 'm3'\\; SELECT 4 LIMIT 5");
is(query($node, 'shop', "SELECT string_agg(position || '=' || value, ' ' ORDER BY event_id, position) FROM hoopguard.literal
	WHERE event_id >= (SELECT event_id FROM hoopguard.literal WHERE value = 'm1')"), '1=m1 2=2 1=m3 1=4 2=5', 'several in one message');

# What the guard refuses.
as_dba($node, 'shop', "SELECT hoopguard.add_rule('deny', '{DELETE}', objects => 'v.*', priority => 1)");
($out, $out, $err) = as_role($node, 'shop', $agent, "DELETE FROM v.person WHERE town = 'refused'");
like($err, qr/HG001/, 'a refusal');
is(values_of('delete from v.person%'), 'refused', 'has its values');

# Cut off while it runs; after a rollback.
as_role($node, 'shop', $agent, "SET statement_timeout = 200; SELECT pg_sleep(60), town FROM v.person WHERE town <> 'timeout'");
is(values_of('select pg_sleep%'), '[withheld] timeout', 'cut off');
as_role($node, 'shop', $agent, "BEGIN;\nSELECT 'undone' AS u;\nROLLBACK");
is(query($node, 'shop', "SELECT a.outcome FROM hoopguard.literal JOIN hoopguard.activity a USING (event_id) WHERE value = 'undone'"), 'rolled back', 'rolled back');

# They are stored when the event is.
foreach my $mode ('sync', 'strict')
{
	as_dba($node, 'shop', "ALTER SYSTEM SET hoopguard.audit_durability = '$mode'");
	$node->reload;
	as_role($node, 'shop', $agent, "SELECT '$mode-1' AS s;\nPREPARE p (text) AS SELECT \$1 AS s;\nEXECUTE p ('$mode-2')");
	my @pids;
	foreach my $sql ("SELECT pg_sleep(60), town FROM v.person WHERE town <> '$mode-3'",
		"PREPARE q (text) AS SELECT pg_sleep(60), town FROM v.person WHERE town <> \$1; EXECUTE q ('$mode-4')")
	{
		my ($h) = background($node, 'shop', $agent, $sql);
		ok(wait_until(30, sub { $node->safe_psql('shop', "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%$mode-%'") eq scalar(@pids) + 1 }), 'it runs');
		push @pids, $h;
	}
	$node->stop('immediate');
	$_->finish foreach @pids;
	$node->start;
	is(query($node, 'shop', "SELECT string_agg(l.value, ' ' ORDER BY l.value) FROM hoopguard.literal l JOIN hoopguard.event USING (event_id) WHERE l.value LIKE '$mode-%'"),
		join(' ', map { "$mode-$_" } 1 .. ($mode eq 'sync' ? 2 : 4)), "$mode: after a crash");
}
is(query($node, 'shop', "SELECT string_agg(DISTINCT fault, ' ') FROM hoopguard.verify_audit() WHERE NOT ok"), '', 'the chain holds');

# A table that the statement does not use is not waited for.
as_dba($node, 'shop', <<"E");
CREATE TABLE v.target (email text UNIQUE);
CREATE TABLE v.source (m text REFERENCES v.target (email), n int);
GRANT ALL ON v.source TO $agent;
E
my ($locker) = background($node, 'shop', scalar(getpwuid($<)), 'BEGIN; LOCK TABLE v.target IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)');
ok(wait_until(30, sub { query($node, 'shop', "SELECT count(*) FROM pg_locks WHERE relation = 'v.target'::regclass AND mode = 'AccessExclusiveLock' AND granted") eq '1' }), 'the table is locked');
($out, $out, $err) = as_role($node, 'shop', $agent, "SET statement_timeout = '10s'; SELECT count(*) FROM v.source WHERE m = 'sesame2' AND n = 3");
is($err, '', 'and not waited for');
query($node, 'shop', "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'v.target'::regclass AND mode = 'AccessExclusiveLock'");
$locker->finish;
is(values_of('select count(*) from v.source%'), '[withheld] 3', 'what could not be looked at is withheld');

# Parallel workers change nothing.
as_dba($node, 'shop', "ALTER SYSTEM SET hoopguard.audit_durability = 'async'");
$node->reload;
as_role($node, 'shop', $agent, "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SELECT count(*) FROM v.person WHERE town = 'parallel' AND email = 'sesame'");
is(values_of('select count(*) from v.person where town = $1 and email = $2'), 'parallel [email]', 'with parallel workers');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|segfault|signal 11/, 'no crash');
done_testing();
