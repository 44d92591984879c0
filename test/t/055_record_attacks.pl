
# What tries to escape the record: every protocol, every way to fail, and what
# a crash leaves of transactions that only read.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main', "restart_after_crash = on\nwal_level = logical\nmax_wal_senders = 4\n");
store_in($node, 'shop');
my $dba = $node->safe_psql('shop', 'SELECT current_user');
run_tap_script(source_dir() . '/test/stub/record_attacks.py',
	$node->connstr('shop'), $dba);

# A backend that is killed takes the others with it; the server goes on.
my $reader = $node->background_psql('shop', on_error_stop => 0);
my $pid = $reader->query_safe('BEGIN; SELECT 1 AS r_read; SELECT pg_backend_pid()');
$pid =~ s/.*\n//s;
is(query($node, 'shop', "SELECT outcome FROM hoopguard.activity WHERE text LIKE '%r_read'"),
	'in progress', 'a transaction that reads');
kill 'KILL', $pid;
eval { $reader->quit };
ok(wait_until(60, sub { system($node->installed_command('pg_isready'), '-q',
	'-h', $node->host, '-p', $node->port) == 0 }), 'the server is back');
is(query($node, 'shop', "SELECT outcome FROM hoopguard.activity WHERE text LIKE '%r_read'"),
	'unknown', 'after a crash nobody knows how it would have ended');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|segfault|signal 11/, 'nothing else crashed');
done_testing();
