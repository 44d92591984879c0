
# What returned before the last flush is in the record after any crash, the
# server recovers, and status() tells the truth.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $agent = 'regress_hoopguard_agent';
my $node = new_node('main', "restart_after_crash = on\n");
store_in($node, 'shop');

my ($status, $out, $err);
my $number = 0;

# A statement of the agent with a text of its own, flushed.
sub recorded_statement
{
	$number++;
	as_role($node, 'shop', $agent, "SELECT count(*) AS n$number FROM store.invoice");
	is($node->safe_psql('shop', "SELECT hoopguard.flush('20 s')"), 't',
		"flushed statement $number");
}

sub is_recorded
{
	my ($n, $when) = @_;
	is($node->safe_psql('shop', "SELECT count(*) > 0 FROM hoopguard.activity
			WHERE text ILIKE '%n$n FROM store.invoice%' AND session_role = '$agent'"),
		't', "statement $n is there $when");
}

sub pid_of
{
	my ($like) = @_;

	# no database, so not in pg_stat_activity
	return status_of($node, 'shop', 'courier') =~ /^pid (\d+)/ ? $1 : ''
	  if $like =~ /courier/;
	return $node->safe_psql('shop', "SELECT pid FROM pg_stat_activity
		WHERE backend_type LIKE '$like' ORDER BY (datname = 'shop') DESC NULLS LAST LIMIT 1");
}

sub server_up
{
	return wait_until(60, sub {
		my ($s) = $node->psql('shop', 'SELECT 1', stderr => \my $ignored);
		defined $s && $s == 0 });
}

# Crash restarts keep the postmaster, so the server comes back by itself.
foreach my $victim (
	[ 'a backend', 'client backend' ],
	[ 'the recorder', 'hoopguard recorder%' ],
	[ 'the courier', 'hoopguard courier%' ],
	[ 'the launcher', 'hoopguard launcher%' ])
{
	my ($name, $like) = @$victim;
	recorded_statement();
	my ($h, $o, $e);
	if ($like eq 'client backend')
	{
		($h, $o, $e) = background($node, 'shop', $agent, 'SELECT pg_sleep(60)');
		wait_until(10, sub { $node->safe_psql('shop', "SELECT count(*) FROM pg_stat_activity
			WHERE query LIKE '%pg_sleep(60)%' AND usename = '$agent'") eq '1' });
	}
	my $pid = $h
	  ? $node->safe_psql('shop', "SELECT pid FROM pg_stat_activity WHERE usename = '$agent'")
	  : pid_of($like);
	like($pid, qr/^\d+$/, "$name has a pid");
	my $started = $node->safe_psql('shop', 'SELECT pg_postmaster_start_time()');
	kill 'KILL', $pid;
	$h->finish if $h;
	sleep 1;
	ok(server_up(), "the server is back after kill -9 of $name");
	is($node->safe_psql('shop', 'SELECT pg_postmaster_start_time()'), $started,
		'with the same postmaster');
	is_recorded($number, "after kill -9 of $name");
	recorded_statement();
	is_recorded($number, "also what came after it");
	ok(wait_until(30, sub { $node->safe_psql('shop', q{SELECT coalesce(bool_and(ok), false)
			FROM hoopguard.status() WHERE item IN ('launcher', 'courier', 'preloaded')}) eq 't' }),
		'status() says that all run')
	  or diag($node->safe_psql('shop', 'SELECT * FROM hoopguard.status()'));
}

# The truth also while something is missing: a stopped launcher or courier
# would be restarted by the postmaster, so ask status() right after SIGTERM.
my $courier = pid_of('hoopguard courier%');
kill 'TERM', $courier;
ok(wait_until(5, sub { status_of($node, 'shop', 'courier') !~ /\b$courier\b/ }),
	'status() does not name a courier that is gone');
ok(wait_until(30, sub { pid_of('hoopguard courier%') =~ /^\d+$/ }),
	'the courier comes back');

# Immediate shutdown: everything flushed is there.
recorded_statement();
$node->stop('immediate');
$node->start;
is_recorded($number, 'after an immediate shutdown');
recorded_statement();
is_recorded($number, 'and recording goes on');

# A fast shutdown writes what was not flushed.
as_role($node, 'shop', $agent, 'SELECT count(*) AS unflushed FROM store.invoice');
$node->stop('fast');
$node->start;
is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.activity WHERE text ILIKE '%unflushed FROM store.invoice%' AND session_role = '$agent'"),
	'1', 'what was not flushed survives a fast shutdown');

# A terminated session: its earlier statements are there.
my ($h, $o, $e) = background($node, 'shop', $agent,
	'SELECT 1 AS before_the_end; SELECT pg_sleep(60) AS the_end');
ok(wait_until(10, sub { $node->safe_psql('shop',
			"SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%the_end%' AND usename = '$agent' AND state = 'active'") eq '1' }),
	'it sleeps');
$node->safe_psql('shop', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '$agent'");
$h->finish;
is(query($node, 'shop', "SELECT count(*) FROM hoopguard.activity WHERE text ILIKE '%before_the_end%' AND session_role = '$agent'"),
	'1', 'the earlier statement of a terminated session');
is(query($node, 'shop', "SELECT sqlstate FROM hoopguard.activity WHERE text ILIKE '%the_end%pg_sleep%' OR text ILIKE '%pg_sleep%the_end%' ORDER BY at DESC LIMIT 1"),
	'57P01', 'and the one it died in');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|segfault|signal 11/,
	'nothing crashed that was not killed');
done_testing();
