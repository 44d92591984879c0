
# How webhooks are reached (TLS).  What approvals demand of the transport, and
# the test of it here:
#
#	self-signed, wrong host, expired, TLS 1.1	the tests of these names
#	wrong pin, two pins							"pin: ..."
#	mutual TLS, mode of the key					"mtls: ..."
#	Unix socket									"unix: ..."
#	addresses that are allowed					"allow: ..."
#	proxy in the environment, explicit proxy	"proxy: ..."
#	required signatures							"signed: ..."
#	nothing of it a session's					"setting ..."

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $agent = 'regress_hoopguard_agent';
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $log = "$dir/log";
my $ssl = "cd $dir && openssl";

sub sh { system("($_[0]) >>$dir/openssl.log 2>&1") == 0 or die "failed: $_[0]" }

# a CA, and certificates of it: good (localhost), other (another host), old
# (expired), client; and one that signed itself
sh("$ssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 30 -subj /CN=ca");
sh("$ssl req -x509 -newkey rsa:2048 -nodes -keyout self.key -out self.crt -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost");
# a certificate that has expired: OpenSSL has taken no negative -days since 3.4
my $expired = `openssl x509 -help 2>&1` =~ /-not_after/ ?
  '-not_before 20200101000000Z -not_after 20200102000000Z' : '-days -1';
foreach my $c ([ 'good', 'localhost', '-days 30' ], [ 'other', 'other.example', '-days 30' ],
	[ 'old', 'localhost', $expired ], [ 'client', 'client', '-days 30' ])
{
	my ($name, $host, $days) = @$c;
	append_to_file("$dir/$name.ext", "subjectAltName=DNS:$host\n");
	sh("$ssl req -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr -subj /CN=$host");
	sh("$ssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out $name.crt $days -extfile $name.ext");
}
chmod 0600, "$dir/client.key";
my $pin = 'sha256//' . `openssl x509 -in $dir/good.crt -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | openssl base64`;
chomp $pin;
my $other_pin = 'sha256//' . 'A' x 43 . '=';

append_to_file("$dir/secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
chmod 0600, "$dir/secret";

# the environment of the postmaster names proxies that lead nowhere
$ENV{$_} = 'http://127.0.0.1:1' foreach qw(http_proxy https_proxy HTTPS_PROXY ALL_PROXY all_proxy);
my $node = new_node('main', "hoopguard.webhook_secret_file = '$dir/secret'
hoopguard.approval_ca_file = '$dir/ca.crt'
hoopguard.approval_wait = '10s'
hoopguard.webhook_timeout = '10s'
hoopguard.webhook_connect_timeout = '5s'
hoopguard.approval_rate = 1000\n");
delete @ENV{qw(http_proxy https_proxy HTTPS_PROXY ALL_PROXY all_proxy)};
store_in($node, 'shop');

my %port = map { $_ => free_port() } qw(good other old self tls11 mtls);
my $stub = IPC::Run::start([ python(), source_dir() . '/test/stub/tls_stub.py', $log,
	(map { "$port{$_}:$dir/$_.crt:$dir/$_.key:-" } qw(good other old self)),
	"$port{tls11}:$dir/good.crt:$dir/good.key:tls11",
	"$port{mtls}:$dir/good.crt:$dir/good.key:mtls=$dir/ca.crt",
	"$dir/hook.sock:x:x:unix" ], '>', '/dev/null', '2>', "$dir/stub.err");
ok(wait_until(20, sub { -S "$dir/hook.sock" }), 'the stubs listen');
foreach my $name (keys %port)
{
	as_dba($node, 'shop', "SELECT hoopguard.add_approver('$name', url => 'https://localhost:$port{$name}/')");
}
as_dba($node, 'shop', "SELECT hoopguard.add_approver('unix', url => 'http://localhost/hook')");

my $line = 0;

# Ask an approver: '' when it ran, else the error.
sub ask
{
	my ($approver) = @_;
	$line++;
	as_dba($node, 'shop', "SELECT hoopguard.drop_rule(id) FROM hoopguard.rule WHERE priority = 1;
		SELECT hoopguard.add_rule('approve', '{INSERT}', objects => 'agent_ws.t',
			priority => 1, approver => '$approver', rehearse => false)");
	return (as_role($node, 'shop', $agent, "INSERT INTO agent_ws.t VALUES ($line)",
		verbosity => 'verbose'))[2];
}

# Settings for what follows; the courier has them when it says so.
my $turn = 0;
sub settings
{
	my (%want) = @_;
	as_dba($node, 'postgres', join ';', map {
		defined $want{$_} ? "ALTER SYSTEM SET hoopguard.$_ = '$want{$_}'"
		  : "ALTER SYSTEM RESET hoopguard.$_" } ($_)) foreach sort keys %want;

	# the secret's line in status() tells that the file was read again
	$turn++;
	my $n = 1 + $turn % 8;
	open(my $file, '>', "$dir/secret") or die $!;
	print $file "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n" x $n;
	close $file;
	$node->reload;
	wait_until(20, sub { status_of($node, 'shop', 'webhook signing secret') =~ /^$n for requests/ })
	  or die 'the courier does not reload';
}
as_dba($node, 'shop', "CREATE TABLE agent_ws.t (n int); GRANT ALL ON agent_ws.t TO $agent");

# ---- certificates ---------------------------------------------------------------
is(ask('good'), '', 'proxy: a good one is reached, whatever proxy the environment names');
like(ask('self'), qr/HG011.*certificate/, 'self-signed');
like(ask('other'), qr/HG011.*certificate/, 'wrong host');
like(ask('old'), qr/HG011.*certificate/, 'expired');
like(ask('tls11'), qr/HG011/, 'TLS 1.1');
like(ask('mtls'), qr/HG011/, 'mtls: not without a certificate');

# ---- mutual TLS and pins -----------------------------------------------------------
settings(webhook_client_cert_file => "$dir/client.crt", webhook_client_key_file => "$dir/client.key",
	webhook_pinned_keys => "$other_pin;$pin");
is(ask('mtls'), '', 'mtls: with one; pin: the second of two is good');
chmod 0640, "$dir/client.key";
like(ask('mtls'), qr/HG011.*access to the client key/, 'mtls: not when others can read the key');
chmod 0600, "$dir/client.key";
settings(webhook_pinned_keys => $other_pin);
like(ask('mtls'), qr/HG011.*certificate/, 'pin: another key is refused, whoever signed it');

# ---- addresses, proxy, signatures -----------------------------------------------------
settings(webhook_client_cert_file => undef, webhook_client_key_file => undef,
	webhook_pinned_keys => undef, approval_address_allow => '10.0.0.0/8, nonsense, ::2/128');
like(ask('good'), qr/HG011.*address is not allowed/, 'allow: not in the list');
settings(approval_address_allow => '10.0.0.0/8, 127.0.0.0/31', webhook_proxy => 'http://127.0.0.1:1');
like(ask('good'), qr/HG011.*could not be reached/, 'proxy: an explicit one is used');
settings(webhook_proxy => undef, approval_require_signed_response => 'on');
like(ask('good'), qr/HG011.*not signed/, 'signed: an answer without signature is refused');

# ---- Unix socket ---------------------------------------------------------------------
settings(approval_require_signed_response => undef, webhook_unix_socket => "$dir/hook.sock");
is(ask('unix'), '', 'unix: a socket is used; allow: it has no address');
like(slurp_file($log), qr/hook\.sock/, 'unix: it was asked there');

# ---- http to other machines -----------------------------------------------------------
settings(webhook_unix_socket => undef, approval_address_allow => undef);
my $remote = "SELECT hoopguard.add_approver('remote', url => 'http://203.0.113.7/hook')";
like((as_role($node, 'shop', $node->safe_psql('shop', 'SELECT current_user'), $remote))[2],
	qr/HG014/, 'http: not to another machine');
settings(approval_allow_http => 'on');
is((as_role($node, 'shop', $node->safe_psql('shop', 'SELECT current_user'), $remote))[2],
	'', 'http: unless it is allowed');
as_dba($node, 'shop', "SELECT hoopguard.drop_approver('remote')");
SKIP:
{
	my ($own) = grep { /^\d+\.\d+\.\d+\.\d+$/ && !/^(127|169\.254)\./ } split ' ', `hostname -I 2>/dev/null`;
	skip 'no address but loopback', 2 unless defined $own;
	my $closed = free_port();
	as_dba($node, 'shop', "SELECT hoopguard.add_approver('own', url => 'http://$own:$closed/')");
	like(ask('own'), qr/HG011.*could not be reached/, 'http: allowed, it is tried');
	settings(approval_allow_http => undef);
	like(ask('own'), qr/HG011.*address is not allowed/, 'http: no longer allowed, it is not');
}

# ---- nobody's session ------------------------------------------------------------------
foreach my $setting (qw(approval_ca_file webhook_client_cert_file webhook_client_key_file
	webhook_pinned_keys webhook_unix_socket approval_address_allow webhook_proxy
	approval_require_signed_response approval_allow_http webhook_secret_file))
{
	like((as_role($node, 'shop', $node->safe_psql('shop', 'SELECT current_user'),
		"SET hoopguard.$setting = 'off'"))[2], qr/55P02/, "setting $setting: of no session");
}
is((as_role($node, 'shop', 'regress_hoopguard_human', 'SHOW hoopguard.webhook_client_key_file'))[1],
	'', 'setting client_key_file: not shown');

$stub->kill_kill;
$node->stop;
done_testing();
