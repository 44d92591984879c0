
# Three hundred sessions that wait for an approval at a time: they and the
# courier stay small, and a decision, a cancel and a shutdown release all.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $port = free_port();
append_to_file("$dir/secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
chmod 0600, "$dir/secret";
my $node = new_node('main', <<"EOC");
max_connections = 350
fsync = off
hoopguard.webhook_secret_file = '$dir/secret'
hoopguard.approval_wait = '30s'
hoopguard.approval_rate = 100000
hoopguard.approval_max_pending = 1000
EOC
store_in($node, 'shop');
my $stub = IPC::Run::start([ python(), source_dir() . '/test/stub/approver_stub.py',
	$port, "$dir/secret", "$dir/log" ], '>', '/dev/null', '2>', "$dir/stub.err");
ok(wait_until(20, sub {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }),
	'the stub listens');
as_dba($node, 'shop', "CREATE TABLE store_waiters (id int, v int);
	GRANT SELECT ON store_waiters TO regress_hoopguard_agent;
	SELECT hoopguard.add_approver('slow', url => 'http://127.0.0.1:$port/pending',
		role => 'regress_hoopguard_approver');
	SELECT hoopguard.add_rule('approve', '{SELECT}', objects => 'public.store_waiters',
		priority => 1, approver => 'slow')");
my ($courier) = status_of($node, 'shop', 'courier') =~ /pid (\d+)/;
$ENV{PGDATA} = $node->data_dir;
run_tap_script(source_dir() . '/test/stub/waiters.py', $node->host, $node->port,
	'shop', 'regress_hoopguard_agent', 'regress_hoopguard_approver', $courier);
ok(wait_until(30, sub { !-e $node->data_dir . '/postmaster.pid' }), 'the server has stopped');

# the node has not stopped it itself
$node->_update_pid(0);

$stub->kill_kill;
done_testing();
