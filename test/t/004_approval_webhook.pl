
# Approvals: only an explicit, bound, signed "allow" lets a statement run, and
# it runs once.  Whatever else an approver does, it does not run, the error
# says why, and nothing hangs.

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
my $port = free_port();
my $dir = PostgreSQL::Test::Utils::tempdir();
my $secret = "$dir/secret";
my $log = "$dir/stub.log";

append_to_file($secret,
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nresponse whsec_c2VjcmV0LW9mLXRoZS1vdGhlci1kaXJlY3Rpb24tMDE=\n");
chmod 0600, $secret;

my $node = new_node('main', <<"EOC");
hoopguard.approval_wait = '3s'
hoopguard.webhook_timeout = '1s'
hoopguard.webhook_connect_timeout = '500ms'
hoopguard.webhook_secret_file = '$secret'
hoopguard.approval_rate = 1000
EOC
store_in($node, 'shop');
my $python = python();
my $stub = IPC::Run::start([ $python, source_dir() . '/test/stub/approver_stub.py',
	$port, $secret, $log ], '>', '/dev/null', '2>', "$dir/stub.err");
ok(wait_until(10, sub {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }),
	'the stub listens');

my @modes = qw(allow deny pending wait garbage empty other_id other_binding
  maybe twice html huge unsigned error redirect slow);
foreach my $mode (@modes)
{
	as_dba($node, 'shop',
		"SELECT hoopguard.add_approver('$mode', url => 'http://127.0.0.1:$port/$mode')");
}
my $closed = free_port();
as_dba($node, 'shop',
	"SELECT hoopguard.add_approver('down', url => 'http://127.0.0.1:$closed/');
	 SELECT hoopguard.add_approver('people', role => 'regress_hoopguard_approver')");

# The statements of one approver write to rows of their own.
my $line = 0;

sub ask_through
{
	my ($approver) = @_;
	as_dba($node, 'shop', "SELECT hoopguard.drop_rule(id) FROM hoopguard.rule WHERE priority = 1;
		SELECT hoopguard.add_rule('approve', '{UPDATE}', objects => 'store.invoice_line',
			priority => 1, approver => '$approver', rehearse => false)");
	$line++;
	return "UPDATE store.invoice_line SET quantity = 1000 WHERE invoice_line_id = $line";
}

sub times_run
{
	return $node->safe_psql('shop',
		"SELECT count(*) FROM store.invoice_line WHERE invoice_line_id = $line AND quantity = 1000");
}

my ($status, $out, $err, $sql);

# ---- the two good answers --------------------------------------------------
$sql = ask_through('allow');
($status, $out, $err) = as_role($node, 'shop', $agent, $sql);
is($err, '', 'allow: no error');
is(times_run(), '1', 'allow: has run');
like(slurp_file($log), qr/"signature_good": true/, 'the request is signed');
unlike(slurp_file($log), qr/"signature_good": false/, 'and each is signed well');
is(query($node, 'shop', "SELECT state || ' ' || decided_by FROM hoopguard.approval WHERE approver = 'allow'"),
	'consumed stub@test', 'the row says who decided, and that it is used');

$sql = ask_through('deny');
($status, $out, $err) = as_role($node, 'shop', $agent, $sql, verbosity => 'verbose');
like($err, qr/HG003/, 'deny: HG003');
like($err, qr/said the stub/, 'deny: with the reason');
is(times_run(), '0', 'deny: has not run');

# ---- pending, then allowed, within the wait --------------------------------
$sql = ask_through('wait');
my ($h, $o, $e) = background($node, 'shop', $agent, $sql);
ok(wait_until(10, sub { slurp_file($log) =~ m{"path": "/wait"} }), 'wait: asked');
append_to_file("$log.allow", '');
$h->finish;
is($$e, '', 'wait: allowed by a later poll');
is(times_run(), '1', 'wait: has run');

# ---- everything else -------------------------------------------------------
foreach my $mode (qw(down garbage empty other_id other_binding maybe twice html
	huge unsigned error redirect slow pending))
{
	$sql = ask_through($mode);
	my $begin = time();
	($status, $out, $err) = as_role($node, 'shop', $agent, $sql, verbosity => 'verbose');
	my $took = time() - $begin;
	like($err, qr/ERROR: +(HG002|HG011):/, "$mode: HG002 or HG011");
	like($err, qr/HG011: approval unavailable: \S|HG002: approval required: request \S+ is pending/,
		"$mode: the error names the reason");
	is(times_run(), '0', "$mode: has not run");
	cmp_ok($took, '<', 8, "$mode: nothing hangs");
}

# ---- people: approved in a second session while the first waits -------------
$sql = ask_through('people');
($h, $o, $e) = background($node, 'shop', $agent, $sql);
my $id = '';
ok(wait_until(10, sub {
		$id = (as_role($node, 'shop', 'regress_hoopguard_approver',
			"SELECT id FROM hoopguard.pending_approval WHERE approver = 'people'"))[1];
		$id =~ /^[0-9a-f-]{36}$/ }), 'people: the request is there to be decided');
like($node->safe_psql('shop', "SELECT statement_text FROM hoopguard.approval WHERE id = '$id'"),
	qr/^\Q$sql\E$/, 'people: with the exact statement');
($status, $out, $err) = as_role($node, 'shop', $agent, "SELECT hoopguard.approve('$id')");
like($err, qr/42501|HG001/, 'people: the requester may not decide');
($status, $out, $err) = as_role($node, 'shop', 'regress_hoopguard_approver',
	"SELECT hoopguard.approve('$id', 'fine')");
is($err, '', 'people: approved');
$h->finish;
is($$e, '', 'people: the waiting statement runs');
is(times_run(), '1', 'people: once');
is($node->safe_psql('shop', "SELECT state FROM hoopguard.approval WHERE id = '$id'"),
	'consumed', 'people: and the ticket is used');

# ---- a ticket: in a transaction block nothing waits -------------------------
$sql = ask_through('people');
my $begin = time();
($status, $out, $err) = as_role($node, 'shop', $agent, "BEGIN; $sql; COMMIT");
like($err, qr/HG002/, 'ticket: HG002 in a block');
cmp_ok(time() - $begin, '<', 2.5, 'ticket: at once');
($status, $out, $err) = as_role($node, 'shop', $agent, "BEGIN; $sql; COMMIT");
is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.approval WHERE state = 'pending' AND approver = 'people'"),
	'1', 'ticket: asking again is the same request');
$id = $node->safe_psql('shop', "SELECT id FROM hoopguard.approval WHERE state = 'pending' AND approver = 'people'");
($status, $out, $err) = as_role($node, 'shop', 'regress_hoopguard_approver', "SELECT hoopguard.approve('$id')");
is($err, '', 'ticket: approved');
($status, $out, $err) = as_role($node, 'shop', $agent,
	"UPDATE store.invoice_line SET quantity = 1000 WHERE invoice_line_id = $line + 1");
like($err, qr/HG002/, 'ticket: another statement is not covered');
($status, $out, $err) = as_role($node, 'shop', $agent, "$sql");
is($err, '', 'ticket: the same statement runs');
is(times_run(), '1', 'ticket: has run');
($status, $out, $err) = as_role($node, 'shop', $agent, "BEGIN; $sql; COMMIT");
like($err, qr/HG002/, 'ticket: once only');

# ---- a decision against it ---------------------------------------------------
$sql = ask_through('people');
($status, $out, $err) = as_role($node, 'shop', $agent, "BEGIN; $sql; COMMIT");
$id = $node->safe_psql('shop', "SELECT id FROM hoopguard.approval WHERE state = 'pending' AND statement_text LIKE '%= $line%' ORDER BY requested_at DESC LIMIT 1");
as_role($node, 'shop', 'regress_hoopguard_approver', "SELECT hoopguard.deny('$id', 'no')");
($status, $out, $err) = as_role($node, 'shop', $agent, $sql);
like($err, qr/HG003/, 'denied in SQL: HG003, without asking again');

# ---- after a restart a pending request can still be decided ------------------
$sql = ask_through('people');
($status, $out, $err) = as_role($node, 'shop', $agent, "BEGIN; $sql; COMMIT");
$node->restart;
$id = $node->safe_psql('shop', "SELECT id FROM hoopguard.approval WHERE state = 'pending' AND statement_text LIKE '%= $line' ORDER BY requested_at DESC LIMIT 1");
like($id, qr/^[0-9a-f-]{36}$/, 'restart: the request is still there');
as_role($node, 'shop', 'regress_hoopguard_approver', "SELECT hoopguard.approve('$id')");
($status, $out, $err) = as_role($node, 'shop', $agent, $sql);
is($err, '', 'restart: approved and run');
is(times_run(), '1', 'restart: has run');

$stub->kill_kill;
$node->stop;
done_testing();
