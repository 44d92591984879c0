
# While a statement waits for its approval nothing else may: every way to end
# it works within 1.5 s, it holds no snapshot, and who queues behind its locks
# is let through.  Names are those of docs/approval-tests.md.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $agent = 'regress_hoopguard_agent';
my $boss = 'regress_hoopguard_approver';
my $limit = 1.5;
my $node = new_node('main', <<'EOC');
restart_after_crash = on
hoopguard.approval_wait = '30s'
hoopguard.approval_rate = 1000
hoopguard.approval_max_pending = 1000
EOC
store_in($node, 'shop');
my $dba = $node->safe_psql('shop', 'SELECT current_user');
as_dba($node, 'shop', <<"EOS");
SELECT hoopguard.add_approver('people', role => '$boss');
CREATE TABLE store.thing (id int PRIMARY KEY, v text);
INSERT INTO store.thing SELECT i, 'v' || i FROM generate_series(1, 10) i;
GRANT ALL ON store.thing TO $agent;
SELECT hoopguard.add_rule('approve', '{SELECT}', objects => 'store.thing',
	priority => 1, approver => 'people');
SELECT hoopguard.add_rule('allow', '{FUNCTION}', priority => 2);
EOS

my $mark = 0;

# A session of the agent that waits: its harness, error, backend and request.
sub waiter
{
	my (%more) = @_;
	$mark++;
	my $sql = "SELECT count(*) FROM store.thing /* w$mark */";
	my ($h, $o, $e) = background($node, 'shop', $agent, ($more{first} // '') . $sql .
		($more{then} // ''));
	my ($pid, $id) = ('', '');
	ok(wait_until(30, sub {
		($pid, $id) = split /\|/, $node->safe_psql('shop', "SELECT s.pid, a.id
			FROM pg_stat_activity s, hoopguard.approval a
			WHERE s.usename = '$agent' AND s.wait_event_type = 'Extension'
				AND s.query LIKE '%/* w$mark */%' AND a.statement_text = '$sql'
				AND a.state = 'pending'");
		$pid // '' }), ($more{name} // 'waiter') . ': a statement waits');
	return { h => $h, out => $o, err => $e, pid => $pid, id => $id, sql => $sql };
}

# Does it run?  When the postmaster is gone, somebody has to clear away what
# it has left behind; that takes its time, and is not running.
sub runs
{
	my ($pid) = @_;
	return 0 unless kill(0, $pid);
	open(my $fh, '<', "/proc/$pid/stat") or return -d '/proc/self' ? 0 : 1;
	return (<$fh> // '') !~ /\) [ZX] /;
}

# Seconds until a process is gone.
sub gone
{
	my ($pid, $since) = @_;
	usleep(5000) while runs($pid) && time() < $since + 30;
	return time() - $since;
}

sub state
{
	my ($id) = @_;
	return $node->safe_psql('shop', "SELECT state FROM hoopguard.approval WHERE id = '$id'");
}

sub becomes
{
	my ($id, $state, $name) = @_;
	ok(wait_until(20, sub { state($id) eq $state }), "$name: the request is $state");
}

sub no_slot_is_left
{
	my ($name) = @_;
	ok(wait_until(10, sub { status_of($node, 'shop', 'sessions waiting for approval') =~ /^0 / }),
		"$name: its slot is free") or diag status_of($node, 'shop', 'sessions waiting for approval');
}

# ---- xmin NULL while waiting ---------------------------------------------------
my $w = waiter(name => 'xmin NULL while waiting');
is($node->safe_psql('shop', "SELECT backend_xmin IS NULL AND backend_xid IS NULL
	FROM pg_stat_activity WHERE pid = $w->{pid}"), 't', 'xmin NULL while waiting');
$node->safe_psql('shop', "INSERT INTO store.thing VALUES (11, 'meanwhile')");
as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$w->{id}')");
$w->{h}->finish;
is(${ $w->{out} } . ${ $w->{err} }, "11\n", 'xmin NULL: the statement sees what was committed meanwhile');
becomes($w->{id}, 'consumed', 'xmin NULL');

# ---- ways to end it, each <= 1.5 s ---------------------------------------------
$w = waiter(name => 'cancel while waiting');
my $begin = time();
$node->safe_psql('shop', "SELECT pg_cancel_backend($w->{pid})");
$w->{h}->finish;
cmp_ok(time() - $begin, '<', $limit, 'cancel while waiting: <= 1.5 s');
like(${ $w->{err} }, qr/57014/, 'cancel: canceled');
becomes($w->{id}, 'cancelled', 'cancel');
like((as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$w->{id}')"))[2], qr/HG012/,
	'cancel: a late approval is refused');

$w = waiter(name => 'terminate while waiting');
$begin = time();
$node->safe_psql('shop', "SELECT pg_terminate_backend($w->{pid})");
cmp_ok(gone($w->{pid}, $begin), '<', $limit, 'terminate while waiting: <= 1.5 s');
$w->{h}->finish;
like(${ $w->{err} }, qr/57P01/, 'terminate: terminated');
becomes($w->{id}, 'cancelled', 'terminate');

$w = waiter(name => 'statement_timeout while waiting',
	first => "SET statement_timeout = '2s'; SELECT extract(epoch FROM clock_timestamp());\n",
	then => ";\nSELECT extract(epoch FROM clock_timestamp());");
$w->{h}->finish;
my ($from, $to) = split /\n/, ${ $w->{out} };
like(${ $w->{err} }, qr/57014/, 'statement_timeout: the right SQLSTATE');
cmp_ok($to - $from, '>=', 1.9, 'statement_timeout: not before its time');
cmp_ok($to - $from, '<', 2 + $limit, 'statement_timeout while waiting: <= 1.5 s late');
becomes($w->{id}, 'pending', 'statement_timeout: running out of time is not giving up');
as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$w->{id}')");
is((as_role($node, 'shop', $agent, $w->{sql}))[1], '11', 'statement_timeout: it is a ticket');

$w = waiter(name => 'client kill while waiting');
my $client = $w->{h}{KIDS}[0]{PID};
$begin = time();
kill 'KILL', $client;
cmp_ok(gone($w->{pid}, $begin), '<', $limit, 'client kill while waiting: the backend is gone in <= 1.5 s');
eval { $w->{h}->finish };
becomes($w->{id}, 'cancelled', 'client kill');
no_slot_is_left('client kill');

# two wait for the same request: one that goes takes nothing from the other
$w = waiter(name => 'terminate one of two');
my ($h2, $o2, $e2) = background($node, 'shop', $agent, $w->{sql});
my $second;
ok(wait_until(30, sub { $second = $node->safe_psql('shop', "SELECT pid FROM pg_stat_activity
	WHERE usename = '$agent' AND wait_event_type = 'Extension' AND pid <> $w->{pid}"); $second }),
	'terminate one of two: both wait');
$node->safe_psql('shop', "SELECT pg_terminate_backend($w->{pid})");
$w->{h}->finish;
gone($w->{pid}, time());
as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$w->{id}')");
$h2->finish;
is("$$o2$$e2", "11\n", 'terminate one of two: the other one runs');

# ---- locks ----------------------------------------------------------------------
# ALTER TABLE behind a waiter, and an innocent SELECT behind that
$w = waiter(name => 'ALTER TABLE behind a waiter');
my $clock = 'SELECT extract(epoch FROM clock_timestamp());';
my ($ah, $ao, $ae) = background($node, 'shop', $dba,
	"SET application_name = 'alter'; $clock ALTER TABLE store.thing ADD COLUMN more int; $clock");
wait_until(10, sub { $node->safe_psql('shop', "SELECT count(*) FROM pg_stat_activity
	WHERE application_name = 'alter' AND wait_event_type = 'Lock'") eq '1' || !$ah->pumpable });
my ($sh, $so, $se) = background($node, 'shop', $dba,
	"$clock SELECT 'rows ' || count(*) FROM store.thing; $clock");
$_->finish foreach ($ah, $sh, $w->{h});
($from, $to) = split /\n/, $$ao;
is($$ae . $$se, '', 'ALTER TABLE behind a waiter: done');
cmp_ok($to - $from, '<', $limit, sprintf('ALTER TABLE behind a waiter: within 1.5 s (%.2f)', $to - $from));
($from, undef, $to) = split /\n/, $$so;
cmp_ok($to - $from, '<', $limit, sprintf('SELECT behind the ALTER TABLE: within 1.5 s (%.2f)', $to - $from));
like(${ $w->{err} }, qr/HG002/, 'ALTER TABLE behind a waiter: the waiter has a ticket');

# ---- a wait that may not be ------------------------------------------------------
foreach my $case (
	[ 'transaction block', "BEGIN; %s; ROLLBACK" ],
	[ 'after a write', "BEGIN; CREATE TEMP TABLE t (n int); %s; ROLLBACK" ],
	[ 'REPEATABLE READ', "SET default_transaction_isolation = 'repeatable read'; %s" ],
	[ 'SERIALIZABLE', "SET default_transaction_isolation = 'serializable'; %s" ],
	[ 'function', "DO \$\$ BEGIN PERFORM (%s); END \$\$" ])
{
	my ($name, $form) = @$case;
	$begin = time();
	like((as_role($node, 'shop', $agent, sprintf($form, "SELECT count(*) FROM store.thing /* $name */")))[2],
		qr/HG002/, "$name: a ticket");
	cmp_ok(time() - $begin, '<', 10, "$name: does not wait");
}

# ---- worker kill -9 while a session waits ------------------------------------------
$w = waiter(name => 'courier killed while waiting');
my ($courier) = status_of($node, 'shop', 'courier') =~ /^pid (\d+)/;
ok($courier, 'courier killed while waiting: it runs');

# (SIGKILL of a worker with shared memory restarts the server: the session goes)
kill 'KILL', $courier;
cmp_ok(gone($w->{pid}, time()), '<', 5, 'courier killed while waiting: no session hangs');
eval { $w->{h}->finish };
ok(wait_until(60, sub { ($node->psql('shop', 'SELECT 1', stderr => \my $ignored) // 1) == 0 }),
	'courier killed while waiting: the server is back');
is(state($w->{id}), 'pending', 'courier killed while waiting: the request is kept');
as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$w->{id}')");
is((as_role($node, 'shop', $agent, $w->{sql}))[1], '11', 'courier killed while waiting: it is a ticket');

# ---- postmaster kill, last ----------------------------------------------------------
$w = waiter(name => 'postmaster kill while waiting');
my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
my @all = split /\n/, $node->safe_psql('shop', 'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
push @all, status_of($node, 'shop', 'courier') =~ /^pid (\d+)/;
$begin = time();
$node->kill9;
cmp_ok(gone($w->{pid}, $begin), '<', $limit, 'postmaster kill while waiting: the backend is gone in <= 1.5 s');
eval { $w->{h}->finish };
# (not before its last process has left the shared memory)
ok(wait_until(60, sub { !grep { kill(0, $_) } $postmaster, @all }), 'postmaster kill: all of it is gone');
$node->start;
is(state($w->{id}), 'pending', 'postmaster kill: the request is kept');
as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$w->{id}')");
is((as_role($node, 'shop', $agent, $w->{sql}))[1], '11', 'postmaster kill: it is a ticket');

$node->stop;
done_testing();
