
# Approvers that cannot be reached or do not answer as they must.  Where nobody
# else may decide, the statement fails with HG011 and the reason, whether it
# could have waited or not; where somebody else may, it is HG002 and the reason
# is in DETAIL.  What may pass is tried three times, and after five failures in
# a row an URL is left alone: then nothing is even stored.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $agent = 'regress_hoopguard_agent';
my $people = 'regress_hoopguard_approver';
my $port = free_port();
my $closed = free_port();
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $log = "$dir/log";

append_to_file("$dir/secret",
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nresponse whsec_c2VjcmV0LW9mLXRoZS1vdGhlci1kaXJlY3Rpb24tMDE=\n");
chmod 0600, "$dir/secret";
my $node = new_node('main', <<"EOC");
hoopguard.approval_wait = '30s'
hoopguard.webhook_timeout = '1s'
hoopguard.webhook_secret_file = '$dir/secret'
hoopguard.approval_rate = 1000
hoopguard.approval_max_pending = 1000
EOC
store_in($node, 'shop');
as_dba($node, 'shop', "CREATE TABLE agent_ws.t (n int); GRANT ALL ON agent_ws.t TO $agent");
my $stub = IPC::Run::start([ python(), source_dir() . '/test/stub/approver_stub.py',
	$port, "$dir/secret", $log ], '>', '/dev/null', '2>', "$dir/stub.err");
ok(wait_until(20, sub {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }),
	'the stub listens');

my $line = 0;

# Ask that approver: what the client gets.
sub ask
{
	my ($approver, %more) = @_;
	my $rehearse = $more{ticket} ? 'true' : 'false';
	$line++ unless $more{again};
	as_dba($node, 'shop', "SELECT hoopguard.drop_rule(id) FROM hoopguard.rule WHERE priority = 1;
		SELECT hoopguard.add_rule('approve', '{INSERT}', objects => 'agent_ws.t',
			priority => 1, approver => '$approver', rehearse => $rehearse)") unless $more{again};
	return (as_role($node, 'shop', $agent,
		"INSERT INTO agent_ws.t VALUES ($line)",
		verbosity => 'verbose'))[2];
}

# How often an URL was asked.
sub asked
{
	my ($path) = @_;
	return 0 unless -e $log;
	return scalar(() = slurp_file($log) =~ m{"path": "/\Q$path\E"}g);
}

# name => [ url, reason, attempts ]
my $here = "http://127.0.0.1:$port";
my %cause = (
	'closed port' => [ "http://127.0.0.1:$closed/", 'could not be reached' ],
	'no such host' => [ 'https://nowhere.invalid/', 'could not be resolved' ],
	'no TLS' => [ "https://127.0.0.1:$port/allow", 'no TLS connection' ],
	'500' => [ "$here/error", 'HTTP status 500', 3 ],
	'302' => [ "$here/redirect", 'HTTP status 302', 1 ],
	'404' => [ "$here/missing", 'HTTP status 404', 1 ],
	'204' => [ "$here/nothing", 'HTTP status 204', 1 ],
	'429' => [ "$here/busy", 'HTTP status 429', 1 ],
	'no JSON' => [ "$here/garbage", '.', 1 ],
	'empty' => [ "$here/empty", '.', 1 ],
	'other binding' => [ "$here/other_binding", '.', 1 ],
	'unsigned' => [ "$here/unsigned", 'not signed', 1 ],
	'silence' => [ "$here/slow", 'did not answer in time', 1 ]);
my %name;
my $n = 0;
foreach my $cause (sort keys %cause)
{
	$name{$cause} = 'c' . ++$n;
	# three URLs, so that each has a breaker of its own
	my $url = $cause{$cause}[0];
	$url =~ s{/?$}{/};
	as_dba($node, 'shop', "SELECT hoopguard.add_approver('$name{$cause}_line', url => '${url}1');
		SELECT hoopguard.add_approver('$name{$cause}_ticket', url => '${url}2');
		SELECT hoopguard.add_approver('$name{$cause}_both', url => '${url}3', role => '$people')");
}

foreach my $cause (sort keys %cause)
{
	my ($url, $reason, $attempts) = @{ $cause{$cause} };
	like(ask("$name{$cause}_line"), qr/HG011: approval unavailable: .*$reason/,
		"$cause: HG011 while it waits");
	if (defined $attempts)
	{
		$url =~ s{^.*/}{};
		is(asked("$url/1"), $attempts, "$cause: attempts");
	}
	like(ask("$name{$cause}_ticket", ticket => 1), qr/HG011: approval unavailable: .*$reason/,
		"$cause: HG011 as a ticket");
	is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.approval
			WHERE state = 'pending' AND approver = '$name{$cause}_ticket'"), '1',
		"$cause: it stays open");
	is($node->safe_psql('shop', 'SELECT count(*) FROM agent_ws.t'), '0', "$cause: nothing has run");
}

# ---- somebody else may decide ----------------------------------------------------
foreach my $cause ('closed port', '500', '302', 'other binding')
{
	my ($url, $reason) = @{ $cause{$cause} };
	my $err = ask("$name{$cause}_both", ticket => 1);
	like($err, qr/HG002: .* is pending/, "$cause, and people: HG002");
	ok(wait_until(30, sub { $node->safe_psql('shop', "SELECT last_delivery_error
			FROM hoopguard.approval WHERE approver = '$name{$cause}_both'") =~ /$reason/ }),
		"$cause, and people: the row has the reason");
	$err = ask("$name{$cause}_both", ticket => 1, again => 1);
	like($err, qr/HG002.*"delivery_error": "[^"]*$reason/s, "$cause, and people: so has DETAIL");
	is((as_role($node, 'shop', $people, "SELECT hoopguard.approve(id) FROM hoopguard.pending_approval
			WHERE approver = '$name{$cause}_both'"))[2], '', "$cause, and people: approved");
	is(ask("$name{$cause}_both", ticket => 1, again => 1), '', "$cause, and people: runs");
}
$node->safe_psql('shop', 'TRUNCATE agent_ws.t');

# ---- when to come back, and what is told to the operator ----------------------------
ok($node->safe_psql('shop', "SELECT next_delivery_at > since + interval '70 s'
		FROM hoopguard.approval_target WHERE approver = '$name{429}_line'") eq 't',
	'Retry-After is heeded');
my $server_log = slurp_file($node->logfile);
is(scalar(() = $server_log =~ m{WARNING:  approval webhook "\Q$here\E/missing/1": .*404}g), 1,
	'a 404 is a warning in the log, once');
unlike($server_log, qr{WARNING:  approval webhook "\Q$here\E/error}, 'an outage is not one of this kind');

# ---- the breaker -------------------------------------------------------------------
as_dba($node, 'shop', "SELECT hoopguard.add_approver('dead', url => '$here/error/9')");
my $open = "SELECT count(*) FROM hoopguard.status()
	WHERE item = 'webhook $here/error/9' AND value LIKE 'open until%' AND NOT ok";
ok(wait_until(30, sub { ask('dead') =~ /HG011/ && $node->safe_psql('shop', $open) eq '1' }),
	'breaker: opens, and status() shows it');
is(asked('error/9'), 5, 'breaker: with the fifth failure');
like(ask('dead'), qr/HG011: approval unavailable: the webhook failed several times in a row/,
	'breaker: open: HG011');
like(ask('dead', ticket => 1), qr/HG011: approval unavailable: the webhook failed several/,
	'breaker: open: HG011 for what would become a ticket');
is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.approval WHERE statement_text LIKE '%($line)'"),
	'0', 'breaker: open: nothing is stored');
is(asked('error/9'), 5, 'breaker: open: it is not asked');

# in one session, so that only the refusal is measured; with the statement's own share
my $out = (as_role($node, 'shop', $agent, "\\timing on\n" . ("INSERT INTO agent_ws.t VALUES (-1);\n" x 50)))[1];
my @ms = sort { $a <=> $b } $out =~ /Time: ([0-9.]+) ms/g;
is(scalar(@ms), 50, 'breaker: open: fifty refusals');
cmp_ok($ms[10], '<', 5, "breaker: open: each is quick ($ms[25] ms in the middle)");

# people can still decide where they may, with an open breaker
as_dba($node, 'shop', "SELECT hoopguard.add_approver('both', url => '$here/error/9', role => '$people')");
like(ask('both', ticket => 1), qr/HG002/, 'breaker: open, and people: HG002');
is((as_role($node, 'shop', $people, "SELECT hoopguard.approve(id) FROM hoopguard.pending_approval
		WHERE approver = 'both'"))[2], '', 'breaker: open, and people: approved');
is(ask('both', ticket => 1, again => 1), '', 'breaker: open, and people: runs');

# ---- no wait at all -----------------------------------------------------------------
as_dba($node, 'shop', "ALTER ROLE $agent SET hoopguard.approval_wait = 0");
# at once, or on a busy machine with the failure already
like(ask("$name{404}_ticket", ticket => 1), qr/HG002|HG011.*status 404/s, 'approval_wait 0: refused at once');
ok(wait_until(30, sub { $node->safe_psql('shop', "SELECT delivery_state FROM hoopguard.approval
		WHERE statement_text LIKE '%($line)'") eq 'retry' }), 'approval_wait 0: the delivery fails later');
like(ask("$name{404}_ticket", ticket => 1, again => 1), qr/HG011.*404/,
	'approval_wait 0: the next time it is said');

$stub->kill_kill;
$node->stop;
done_testing();
