
# Core's own maintenance works while the workers run, and a dump brings the
# policy along.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $agent = 'regress_hoopguard_agent';
my $node = new_node('main');
store_in($node, 'shop');
my ($status, $out, $err);

sub busy
{
	my ($db) = @_;
	as_role($node, $db, $agent, 'SELECT count(*) FROM store.invoice') for 1 .. 3;
	is($node->safe_psql($db, "SELECT hoopguard.flush('20 s')"), 't', "recorder of $db works");
}

# A copy of a database whose recorder runs.
busy('shop');
my $begin = time();
($status, $out, $err) = as_role($node, 'postgres', scalar getpwuid($>), 'CREATE DATABASE copy TEMPLATE shop', verbosity => 'default');
is($err, '', 'CREATE DATABASE ... TEMPLATE');
cmp_ok(time() - $begin, '<', 15, 'without a long wait');
($status, $out, $err) = as_role($node, 'copy', $agent, 'SELECT email FROM store.customer');
isnt($out, '', 'the copy answers');
unlike($out, qr/\@real\.test/, 'and masks');
busy('copy');
busy('shop');

# Both rename and drop wait for the recorder, not for a timeout.
($status, $out, $err) = as_role($node, 'postgres', scalar getpwuid($>), 'ALTER DATABASE copy RENAME TO copy2', verbosity => 'default');
is($err, '', 'ALTER DATABASE ... RENAME');
busy('copy2');
$begin = time();
($status, $out, $err) = as_role($node, 'postgres', scalar getpwuid($>), 'DROP DATABASE copy2', verbosity => 'default');
is($err, '', 'DROP DATABASE');
cmp_ok(time() - $begin, '<', 15, 'without a long wait');

# A failing one lets the recorder come back.
($status, $out, $err) = as_role($node, 'postgres', scalar getpwuid($>), 'ALTER DATABASE shop RENAME TO postgres');
like($err, qr/42P04/, 'a rename that fails');
busy('shop');

# The extension in template1: new databases have it from the start.
$node->safe_psql('template1', 'CREATE EXTENSION hoopguard');
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
is($node->safe_psql('fresh', "SELECT hoopguard.flush('20 s')"), 't', 'a database from template1');
$node->safe_psql('fresh', 'DROP EXTENSION hoopguard');
$node->safe_psql('template1', 'DROP EXTENSION hoopguard');

# DROP EXTENSION in one session while another one is at work.
$node->safe_psql('postgres', 'CREATE DATABASE dropped TEMPLATE shop');
busy('dropped');
my ($h, $o, $e) = background($node, 'dropped', $agent, <<'EOS');
SELECT count(*) FROM store.invoice;
SELECT pg_sleep(3);
SELECT count(*) FROM store.invoice;
EOS
sleep 1;
($status, $out, $err) = as_role($node, 'dropped', scalar getpwuid($>), 'DROP EXTENSION hoopguard', verbosity => 'default');
is($err, '', 'DROP EXTENSION with a governed session at work');
$h->finish;
is($$e, '', 'that session goes on');
is($node->safe_psql('dropped', "SELECT count(*) FROM pg_namespace WHERE nspname = 'hoopguard'"), '0', 'nothing is left');
($status, $out, $err) = as_role($node, 'dropped', $agent, 'SELECT count(*) FROM store.invoice');
is($out, '48', 'statements go on');
$node->safe_psql('dropped', 'CREATE EXTENSION hoopguard');
is($node->safe_psql('dropped', "SELECT hoopguard.flush('20 s')"), 't', 'and it can come again');
$node->safe_psql('postgres', 'DROP DATABASE dropped');

# pg_dump | psql of a database with policies.
as_dba($node, 'shop', <<"EOS");
SECURITY LABEL FOR hoopguard ON COLUMN store.customer.city IS 'address_part';
SECURITY LABEL FOR hoopguard ON COLUMN store.customer.phone IS 'public';
SELECT hoopguard.add_mask('constant', relation => 'store.invoice', column_name => 'total', args => '{"value": 7}');
SELECT hoopguard.add_rule('deny', '{SELECT}', objects => 'store.card', priority => 1);
SELECT hoopguard.add_approver('people', role => 'regress_hoopguard_approver');
EOS
my $dump = PostgreSQL::Test::Utils::tempdir() . '/shop.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('shop'), '-f', $dump ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d',
		$node->connstr('restored'), '-f', $dump ], 'psql of the dump');
foreach my $table ('subject', 'mask_rule', 'rule', 'limit_rule', 'approver')
{
	my $sql = "SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM (SELECT (to_jsonb(x) - '{created_at, since}'::text[])::text AS t FROM hoopguard.$table x) s";
	is($node->safe_psql('restored', $sql), $node->safe_psql('shop', $sql), "$table as it was");
}
foreach my $db ('shop', 'restored')
{
	($status, $out, $err) = as_role($node, $db, $agent,
		'SELECT customer_id, phone, email FROM store.customer ORDER BY 1 LIMIT 1');
	like($out, qr/^1\|\+49 555 0001\|/, "$db: the label 'public' holds");
	unlike($out, qr/\@real\.test/, "$db: mail is masked");
	($status, $out, $err) = as_role($node, $db, $agent, 'SELECT total FROM store.invoice LIMIT 1');
	is($out, '7.00', "$db: the mask rule holds");
	($status, $out, $err) = as_role($node, $db, $agent, 'SELECT * FROM store.card');
	like($err, qr/HG001/, "$db: the guard rule holds");
}
busy('restored');

# vacuum, analyze, reindex, create index concurrently, lock: not held up
foreach my $sql ('VACUUM FULL hoopguard.event_default', 'ANALYZE', 'REINDEX DATABASE shop',
	'CREATE INDEX CONCURRENTLY ON store.invoice (total)')
{
	($status, $out, $err) = as_role($node, 'shop', scalar getpwuid($>), $sql, verbosity => 'default');
	is($err, '', $sql);
}
busy('shop');

# a schema that lacks a part, as between the upgrade of the library and ALTER
# EXTENSION UPDATE: nothing runs but the repair, and that by a superuser only
$node->safe_psql('fresh', 'CREATE EXTENSION hoopguard; ALTER TABLE hoopguard.rule RENAME TO no_rule');
($status, $out, $err) = $node->psql('fresh', 'SELECT 1');
like($err, qr/extension "hoopguard" is damaged.*ALTER EXTENSION hoopguard UPDATE/s, 'damaged: refused');
($status, $out, $err) = as_role($node, 'fresh', $agent, 'DROP EXTENSION hoopguard');
like($err, qr/55000/, 'damaged: an agent cannot repair');
is($node->safe_psql('shop', 'SELECT 1'), '1', 'other databases work');
$node->safe_psql('fresh', 'DROP EXTENSION hoopguard');
$node->safe_psql('fresh', 'CREATE EXTENSION hoopguard');
busy('fresh');

$node->command_ok([ 'pg_dumpall', '-f', "$dump.all", '-d', $node->connstr('postgres') ], 'pg_dumpall');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|signal 11/, 'no crash in the log');
done_testing();
