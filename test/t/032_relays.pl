
# The relays of examples/opa (with a stand-in for OPA) and examples/slack (with
# a server and signed clicks).

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $secret = "$dir/secret";
append_to_file($secret,
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nresponse whsec_c2VjcmV0LW9mLXRoZS1vdGhlci1kaXJlY3Rpb24tMDE=\n");
chmod 0600, $secret;
my $node = new_node('main', "hoopguard.webhook_secret_file = '$secret'\n");
store_in($node, 'shop');
as_dba($node, 'shop', "CREATE ROLE regress_hoopguard_relay LOGIN;
	GRANT EXECUTE ON FUNCTION hoopguard.submit_decision(text, text, bigint, text) TO regress_hoopguard_relay;
	SELECT hoopguard.add_approver('people', role => 'regress_hoopguard_approver')");
my $server = 'host=' . $node->host . ' port=' . $node->port . ' dbname=shop user=';
my $dba = $node->safe_psql('shop', 'SELECT session_user');
run_tap_script(source_dir() . '/test/approver/relays.py', $dir, $secret,
	"${server}regress_hoopguard_relay", "${server}regress_hoopguard_agent", "$server$dba");
$node->stop;
done_testing();
