
# Loading: only through shared_preload_libraries, and with nothing left behind
# where the extension is not installed.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($status, $out, $err);

# Not preloaded: CREATE EXTENSION says which line to add, and leaves nothing.
my $bare = PostgreSQL::Test::Cluster->new('bare');
$bare->init;
$bare->start;

($status, $out, $err) = as_role($bare, 'postgres', scalar getpwuid($>),
	'CREATE EXTENSION hoopguard', verbosity => 'default');
like($err, qr/shared_preload_libraries/, 'the error names the setting');
like($err, qr/HINT:.*hoopguard/s, 'and the hint the line to add');
is($bare->safe_psql('postgres', "SELECT count(*) FROM pg_namespace WHERE nspname = 'hoopguard'"),
	'0', 'no schema left behind');
($status, $out, $err) = as_role($bare, 'postgres', scalar getpwuid($>), "LOAD 'hoopguard'");
like($err, qr/55000/, 'LOAD is refused with object_not_in_prerequisite_state');
$bare->stop;

# Preloaded, but not installed: statements run, settings exist, nothing else.
my $node = new_node('main');
is($node->safe_psql('postgres', 'SHOW hoopguard.mode'), 'enforce',
	'settings are defined');
($status, $out, $err) = as_role($node, 'postgres', scalar getpwuid($>),
	'SET hoopguard.no_such_setting = 1');
like($err, qr/42602|42704/, 'the prefix is reserved');
is($node->safe_psql('postgres', 'CREATE TABLE t (email text); INSERT INTO t VALUES (1); SELECT * FROM t'),
	'1', 'statements run in a database without the extension');

# Installed: one schema, all members of the extension; it goes as it came.
$node->safe_psql('postgres', 'CREATE EXTENSION hoopguard');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM pg_proc p
	WHERE pronamespace = 'hoopguard'::regnamespace
	AND NOT EXISTS (SELECT FROM pg_depend d
		WHERE d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e')}),
	'0', 'every function belongs to the extension');
is($node->safe_psql('postgres', q{
	SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p
	WHERE pronamespace = 'hoopguard'::regnamespace
	AND prolang IN (SELECT oid FROM pg_language WHERE lanname IN ('sql', 'plpgsql'))
	AND NOT coalesce(proconfig::text, '') LIKE '%search_path=pg_catalog, pg_temp%'}),
	'', 'every function in SQL or PL sets search_path');
is($node->safe_psql('postgres', q{
	SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p
	WHERE pronamespace = 'hoopguard'::regnamespace
	AND prosecdef AND NOT coalesce(proconfig::text, '') LIKE '%search_path%'}),
	'', 'every SECURITY DEFINER function too');
foreach my $worker ('launcher', 'courier')
{
	ok(wait_until(20, sub { status_of($node, 'postgres', $worker) =~ /^pid \d+/ }),
		"$worker runs");
}
$node->safe_psql('postgres', 'SELECT 1; SELECT hoopguard.flush(); DROP EXTENSION hoopguard');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_namespace WHERE nspname = 'hoopguard'"),
	'0', 'DROP EXTENSION takes everything');
$node->safe_psql('postgres', 'CREATE EXTENSION hoopguard');
is($node->safe_psql('postgres', "SELECT hoopguard.flush('20 s')"), 't',
	'and it can be installed again');

# A standby of it starts, masks and refuses.
store_in($node, 'standby_db');
$node->append_conf('postgresql.conf', "wal_level = replica\nmax_wal_senders = 5");
$node->restart;
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
($status, $out, $err) = as_role($standby, 'standby_db', 'regress_hoopguard_agent',
	'SELECT email FROM store.customer');
unlike($out, qr/\@real\.test/, 'masked on a hot standby');
isnt($out, '', 'with rows');
($status, $out, $err) = as_role($standby, 'standby_db', 'regress_hoopguard_agent',
	"SELECT pg_read_file('PG_VERSION')");
like($err, qr/HG001|42501/, 'guarded on a hot standby');
$standby->stop;
$node->stop;

done_testing();
