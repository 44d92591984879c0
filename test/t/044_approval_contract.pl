
# What a webhook may answer, and what becomes of everything else: no answer
# but a well-formed, bound, signed one in time lets a statement run.  Names are
# those of docs/approval-tests.md.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Utils;
use Test::More;
use JSON::PP;
use Time::HiRes qw(time);

my $agent = 'regress_hoopguard_agent';
my $port = free_port();
my $dir = PostgreSQL::Test::Utils::tempdir();
my $secret = "$dir/secret";
my $log = "$dir/stub.log";
append_to_file($secret,
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nresponse whsec_c2VjcmV0LW9mLXRoZS1vdGhlci1kaXJlY3Rpb24tMDE=\n");
chmod 0600, $secret;
append_to_file($log, '');
my $node = new_node('main', <<"EOC");
restart_after_crash = on
hoopguard.approval_wait = '20s'
hoopguard.approval_rate = 1000
hoopguard.approval_max_pending = 1000
hoopguard.webhook_timeout = '2s'
hoopguard.webhook_connect_timeout = '2s'
hoopguard.webhook_secret_file = '$secret'
EOC
store_in($node, 'shop');
my $stub = IPC::Run::start([ python(), source_dir() . '/test/stub/contract_stub.py',
	$port, $secret, $log ], '>', '/dev/null', '2>', "$dir/stub.err");
ok(wait_until(20, sub {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }),
	'the stub listens');

# what section 11 calls it, how the stub does it, and what the error says
my @answers = (
	[ 'wrong timestamp', 'moved', qr/not signed/ ],
	[ 'old timestamp', 'old', qr/not signed/ ],
	[ 'future timestamp', 'future', qr/not signed/ ],
	[ 'no signature', 'unsigned', qr/not signed/ ],
	[ 'wrong signature', 'wrong', qr/not signed/ ],
	[ 'signed with the secret of the other direction', 'direction', qr/not signed/ ],
	[ 'reflection (echo server)', 'echo', qr/not signed/ ],
	[ 'duplicate keys', 'dup', qr/key twice/ ],
	[ 'duplicate keys, one with an escape', 'dup_escaped', qr/key twice/ ],
	[ 'duplicate keys further in', 'dup_inner', qr/key twice/ ],
	[ '"decision":true', 'truthy', qr/no valid decision/ ],
	[ '"decision":1', 'one', qr/no valid decision/ ],
	[ '"ALLOW"', 'upper', qr/no valid decision/ ],
	[ '"allow" and a NUL', 'nul', qr/no valid decision/ ],
	[ 'no decision', 'absent', qr/no valid decision/ ],
	[ 'empty 200', 'empty', qr/empty/ ],
	[ '204', 's204', qr/HTTP status 204/ ],
	[ '206', 's206', qr/HTTP status 206/ ],
	[ '302 to metadata', 's302', qr/HTTP status 302/ ],
	[ '307 to a webhook that allows', 's307', qr/HTTP status 307/ ],
	[ '308 to a webhook that allows', 's308', qr/HTTP status 308/ ],
	[ '401', 's401', qr/HTTP status 401/ ],
	[ '404', 's404', qr/HTTP status 404/ ],
	[ '200 with other id', 'other_id', qr/another request/ ],
	[ '200 with no id', 'no_id', qr/another request/ ],
	[ '200 with other binding', 'other_binding', qr/another statement/ ],
	[ '200 with no binding', 'no_binding', qr/another statement/ ],
	[ 'unknown obligation', 'obligation', qr/obligation/ ],
	[ 'answer in a wrapper', 'wrapped', qr/another request/ ],
	[ 'undefined policy of OPA', 'undefined', qr/another request/ ],
	[ 'array', 'array', qr/not a JSON object/ ],
	[ 'two answers', 'trailing', qr/not valid JSON/ ],
	[ 'invalid UTF-8', 'bad_utf8', qr/not valid JSON/ ],
	[ 'deep JSON', 'deep', qr/not valid JSON/ ],
	[ '10 MB body', 'huge', qr/too long/ ],
	[ '10 MB body without a length', 'endless', qr/too long/ ],
	[ 'slow-loris body', 'loris', qr/in time/ ],
	[ 'slow-loris headers', 'loris_head', qr/in time/ ],
	[ 'gzip bomb', 'bomb', qr/not valid JSON|too long/ ],
	[ 'gzip that nobody asked for', 'gzip', qr/not valid JSON|NUL/ ],
	[ 'HTTP/0.9', 'http09', qr/does not speak HTTP|closed|HTTP/ ],
	[ 'connection closed in the middle', 'cut', qr/without a whole answer/ ]);

# addresses that are resolved, whatever they are written as
my @addresses = (
	[ 'link-local and metadata, 169.254/16', '169.254.169.254' ],
	[ 'metadata as one number', '2852039166' ],
	[ 'metadata in hexadecimal', '0xa9fea9fe' ],
	[ '0/8', "0.0.0.0:$port" ],
	[ '0/8, short', "0:$port" ],
	[ 'multicast', '224.0.0.1' ],
	[ 'broadcast', '255.255.255.255' ],
	[ 'another cloud\'s metadata', '100.100.100.200' ],
	[ 'fe80::/10', '[fe80::1]' ],
	[ 'IPv6 multicast', '[ff02::1]' ],
	[ 'unspecified', "[::]:$port" ],
	[ '::ffff: mapped loopback', "[::ffff:127.0.0.1]:$port" ],
	[ '::ffff: mapped metadata', '[::ffff:169.254.169.254]' ],
	[ 'v4-compatible', '[::169.254.169.254]' ],
	[ 'metadata over IPv6', '[fd00:ec2::254]' ]);

# one approver, table and rule for each
my @urls = (map { [ $_, "http://127.0.0.1:$port/$_" ] } 'good', 'flip1', 'flip2', 'later',
	map { $_->[1] } @answers);
push @urls, [ "address$_", "https://$addresses[$_][1]/" ] foreach 0 .. $#addresses;
as_dba($node, 'shop', join ";\n", map {
	"SELECT hoopguard.add_approver('$_->[0]', url => '$_->[1]');
	CREATE TABLE agent_ws.$_->[0] (n int); GRANT ALL ON agent_ws.$_->[0] TO $agent;
	SELECT hoopguard.add_rule('approve', '{INSERT}', objects => 'agent_ws.$_->[0]',
		priority => 1, approver => '$_->[0]', rehearse => false)" } @urls);

as_dba($node, 'shop', "SELECT hoopguard.add_approver('people', url => 'http://127.0.0.1:$port/flip1',
		role => 'regress_hoopguard_approver');
	CREATE TABLE agent_ws.people (n int); GRANT ALL ON agent_ws.people TO $agent;
	SELECT hoopguard.add_rule('approve', '{INSERT}', objects => 'agent_ws.people',
		priority => 1, approver => 'people', rehearse => false)");

my $number = 0;

# Ask by an approver; the error, and the seconds it took.
sub ask
{
	my ($approver) = @_;
	$number++;
	my $begin = time();
	my $err = (as_role($node, 'shop', $agent, "INSERT INTO agent_ws.$approver VALUES ($number)",
		verbosity => 'verbose'))[2];
	return ($err, time() - $begin);
}

sub rows { return $node->safe_psql('shop', "SELECT count(*) FROM agent_ws.$_[0]"); }

# Requests that the stub has seen: method and path.
sub seen
{
	my ($path) = @_;
	return grep { $_->{path} =~ m{^/$path\b} } json_lines($log);
}

my ($err, $took);

# ---- worker kill -9 between store and send ------------------------------------------------
my ($courier) = status_of($node, 'shop', 'courier') =~ /^pid (\d+)/;
kill 'STOP', $courier;
my ($h, $o, $e) = background($node, 'shop', $agent, 'INSERT INTO agent_ws.later VALUES (0)');
my $id;
ok(wait_until(20, sub { $id = $node->safe_psql('shop', "SELECT approval_id FROM hoopguard.approval_target
	WHERE approver = 'later' AND delivery_state = 'sending'"); $id }), 'worker kill -9: stored');
is(scalar(seen('later')), 0, 'worker kill -9: and not sent');
kill 'KILL', $courier;
eval { $h->finish };
ok(wait_until(60, sub { ($node->psql('shop', 'SELECT 1', stderr => \my $ignored) // 1) == 0 &&
	status_of($node, 'shop', 'courier') =~ /^pid (\d+)/ && $1 != $courier }), 'worker kill -9: another one runs');
is(rows('later'), '0', 'worker kill -9: nothing ran');
like($node->safe_psql('shop', "SELECT state FROM hoopguard.approval WHERE id = '$id'"),
	qr/^(pending|approved)$/, 'worker kill -9: the request is kept');

ok(wait_until(50, sub { scalar(seen('later')) }), 'worker kill -9: it is sent, before its lease is over');
is((seen('later'))[0]{id}, $id, 'worker kill -9: under the same id');
ok(wait_until(20, sub { $node->safe_psql('shop', "SELECT state FROM hoopguard.approval WHERE id = '$id'")
	eq 'approved' }), 'worker kill -9: the answer is applied');
is((as_role($node, 'shop', $agent, 'INSERT INTO agent_ws.later VALUES (0)'))[2], '',
	'worker kill -9: and the statement runs');
is(rows('later'), '1', 'worker kill -9: once');

# ---- breaker open: five failures in a row ------------------------------------------
foreach my $flip ('flip1', 'flip2')
{
	($err) = ask($flip);
	like($err, qr/HG011.*HTTP status 503/, "breaker: $flip fails");
	is(scalar(seen($flip)), 3, "breaker: $flip was tried three times");
	($err) = ask($flip);
	like($err, qr/HG011/, "breaker: $flip fails again");
	is(scalar(seen($flip)), 5, "breaker open: after five failures $flip is left alone");
}
($err) = ask('flip1');
like($err, qr/HG011.*several times in a row/, 'breaker open: refused');
is(scalar(seen('flip1')), 5, 'breaker open: without asking');
is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.status()
	WHERE item LIKE 'webhook http%flip%' AND NOT ok"), '2', 'breaker open: status() says so');
is($node->safe_psql('shop', "SELECT count(DISTINCT id) FROM hoopguard.approval
	WHERE approver = 'flip1' AND state = 'pending'") >= 2, 1, 'breaker open: requests are kept');
like((as_role($node, 'shop', $agent, 'BEGIN; INSERT INTO agent_ws.people VALUES (1)'))[2], qr/HG002/,
	'breaker open: a ticket is made when people may decide too');
like((as_role($node, 'shop', 'regress_hoopguard_approver', "SELECT hoopguard.approve(id)
	FROM hoopguard.pending_approval WHERE approver = 'people'"))[1], qr/^approved$/,
	'breaker open: and approved in SQL');
is((as_role($node, 'shop', $agent, 'BEGIN; INSERT INTO agent_ws.people VALUES (1); COMMIT'))[2], '',
	'breaker open: and used');
is((ask('good'))[0], '', 'breaker open: another webhook is asked');

# ---- signature vector of section 3 ---------------------------------------------------
is($node->safe_psql('shop', q(SELECT hoopguard._webhook_signature('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
	'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}'))),
	'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', 'signature vector');

# ---- answers -------------------------------------------------------------------------
my $good = scalar(seen('good'));
($courier) = status_of($node, 'shop', 'courier') =~ /^pid (\d+)/;
foreach my $case (@answers)
{
	my ($name, $mode, $reason) = @$case;
	($err, $took) = ask($mode);
	like($err, qr/HG011.*$reason/, "$name: HG011, and why");
	is(rows($mode), '0', "$name: has not run");
	cmp_ok($took, '<', 15, "$name: nothing hangs");
}
is(scalar(seen('good')), $good, 'redirects: nobody was followed');
is((status_of($node, 'shop', 'courier') =~ /^pid (\d+)/)[0], $courier, 'the courier has lived through all of it');
open(my $status, '<', "/proc/$courier/status");
SKIP:
{
	skip 'no /proc', 1 unless $status;
	my ($peak) = join('', <$status>) =~ /VmPeak:\s+(\d+)/;
	my ($size) = $node->safe_psql('shop', "SELECT setting::bigint FROM pg_settings
		WHERE name = 'shared_memory_size'");
	cmp_ok($peak, '<', 1024 * (($size || 0) + 512), '10 MB body, gzip bomb: its memory is bounded');
}
is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.approval
	WHERE state NOT IN ('pending', 'consumed')"), '0', 'no failed delivery has decided anything');
is((ask('good'))[0], '', 'a good answer is good all the while');

# ---- address ranges --------------------------------------------------------------------
foreach my $i (0 .. $#addresses)
{
	my ($name, $host) = @{ $addresses[$i] };
  SKIP:
	{
		skip "$name: no IPv6 here", 1 if $host =~ /^\[/ && !-s '/proc/net/if_inet6';
		($err, $took) = ask("address$i");
		like($err, qr/HG011.*address is not allowed/, "address ranges: $name");
	}
}

# ---- breaker half-open -----------------------------------------------------------------------
# They were opened above; by now it may be their time.
ok(wait_until(60, sub { ask('flip1'); scalar(seen('flip1')) > 5 }),
	'breaker half-open: after 30 s it is asked');
ask('flip1') foreach 1 .. 3;
is(scalar(seen('flip1')), 6, 'breaker half-open: one probe, which fails, and no more');
append_to_file("$log.flip2", '');
ok(wait_until(60, sub { (ask('flip2'))[0] eq '' }), 'breaker half-open: a probe that succeeds');
is((ask('flip2'))[0], '', 'breaker half-open: closes it');

$stub->kill_kill;
$node->stop;
done_testing();
