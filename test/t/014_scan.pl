# New tables and columns are looked at by themselves, every scan_interval.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('scan', "hoopguard.scan_interval = '1s'\n");
$node->safe_psql('postgres', q{
	CREATE EXTENSION hoopguard;
	CREATE TABLE t AS SELECT 'p' || i || '@example.org' AS a FROM generate_series(1, 20) i;
});

# Does the query come true?  Each question is a session that the recorder sees.
sub comes
{
	my ($sql) = @_;
	return wait_until(60, sub { $node->safe_psql('postgres', $sql) eq 't' });
}

ok(comes(q{SELECT EXISTS (SELECT FROM hoopguard.finding WHERE column_name = 'a' AND class = 'email')}),
	'a new table is looked at');
$node->safe_psql('postgres',
	q{ALTER TABLE t ADD COLUMN b text; UPDATE t SET b = '212-55-7831'});
ok(comes(q{SELECT EXISTS (SELECT FROM hoopguard.finding WHERE column_name = 'b' AND class = 'us_ssn')}),
	'so is a new column');

# one that is locked does not hold up the others, and is looked at later
$node->safe_psql('postgres', 'CREATE TABLE locked (x text)');
my ($h, $out, $err) = background($node, 'postgres', $node->safe_psql('postgres', 'SELECT current_user'),
	q{BEGIN; LOCK TABLE locked; DELETE FROM hoopguard._scanned WHERE relation = 'locked'::regclass; COMMIT;
	BEGIN; LOCK TABLE locked; SELECT pg_sleep(8); COMMIT});
ok(comes(q{SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'locked'::regclass AND mode = 'AccessExclusiveLock' AND granted)
	AND EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(8)%' AND wait_event = 'PgSleep')}), 'a table is locked');
$node->safe_psql('postgres',
	q{DELETE FROM hoopguard._scanned WHERE relation = 'locked'::regclass;
	CREATE TABLE u AS SELECT 'p' || i || '@example.org' AS c FROM generate_series(1, 20) i});
ok(comes(q{SELECT EXISTS (SELECT FROM hoopguard.finding WHERE column_name = 'c')}),
	'it does not hold up others');
ok(comes(q{SELECT NOT due FROM hoopguard.scan_progress WHERE relation = 'locked'::regclass}),
	'and is looked at when it can be');
$h->finish;

# nothing stands in the way of a database's end
$node->safe_psql('template1', 'CREATE DATABASE gone');
$node->safe_psql('gone', q{
	CREATE EXTENSION hoopguard;
	CREATE TABLE big AS SELECT 'p' || i || '@example.org' AS a FROM generate_series(1, 1000) i;
});
$node->command_ok([ 'psql', '-X', '-d', $node->connstr('template1'), '-c',
		'DROP DATABASE gone' ], 'DROP DATABASE');
is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the server is well');
$node->stop;
done_testing();
