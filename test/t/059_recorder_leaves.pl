
# A recorder that is told to leave while a session is in the midst of a record
# that is longer than its ring: it waits for the rest, but not for ever.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = new_node('main', <<'EOC');
hoopguard.audit = governed
hoopguard.lane_size = '16kB'
EOC
store_in($node, 'shop');

sub recorder
{
	return $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity
		WHERE backend_type = 'hoopguard recorder' AND datname = 'shop'");
}

sub queued
{
	return $node->safe_psql('shop', "SELECT value FROM hoopguard.status() WHERE item = 'queue bytes'");
}

# A long statement whose first pieces a leaving recorder has read; runs the code
# with the recorder's process id while the session stands still; then returns
# the statement and what became of it: output, error.
my $n = 0;
sub long_record
{
	my ($meanwhile) = @_;
	my $tag = 'long' . ++$n;
	my $text = 'SELECT ' . join(', ', map { "1 AS ${tag}_" . 'x' x 50 . $_ } 1 .. 1000);
	my $go = $node->basedir . "/$tag";
	my ($session, $out, $err) = background($node, 'shop', 'regress_hoopguard_agent',
		"SELECT '$tag';\n\\! while [ ! -e $go ]; do sleep 0.1; done\n$text;\n");
	my $pid;
	ok(wait_until(60, sub {
		$pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity
			WHERE query = 'SELECT ''$tag'';' AND state = 'idle'");
		return $pid ne '' && queued() == 0;
	}), 'a session is there');
	my $recorder = recorder();
	kill 'STOP', $recorder;
	append_to_file($go, '');
	ok(wait_until(60, sub {
		return queued() > 8000 && $node->safe_psql('postgres', "SELECT wait_event_type
			FROM pg_stat_activity WHERE pid = $pid AND query LIKE '%xxx%'") eq 'Extension';
	}), 'its ring is full and it waits');
	kill 'STOP', $pid;
	kill 'TERM', $recorder;
	kill 'CONT', $recorder;
	usleep(500_000);			# to read what there is
	$meanwhile->($recorder);
	kill 'CONT', $pid;
	$session->finish;
	return ($text, $$out, $$err);
}

# How many statements as long as that are recorded, with their texts.
sub recorded
{
	return query($node, 'shop', "SELECT count(*) FROM hoopguard.event e
		JOIN hoopguard.statement s USING (statement_id)
		WHERE s.text_length > 60000 AND length(s.text) > 60000");
}

my ($text, $out, $err) = long_record(sub {
	my ($recorder) = @_;
	is(recorder(), $recorder, 'it does not leave');
});
like($out, qr/^1(\|1){999}$/m, 'the statement is answered');
is($err, '', 'without an error');
is(recorded(), 1, 'and recorded whole');
is(status_of($node, 'shop', 'lost events'), '0', 'nothing is lost');

($text, $out, $err) = long_record(sub {
	my ($recorder) = @_;
	ok(wait_until(60, sub { recorder() ne $recorder }), 'it leaves in the end');
});
is(recorded(), 1, 'a record that two recorders had parts of is not there');
is(status_of($node, 'shop', 'lost events'), '1', 'which is told');
($out, $err) = (as_role($node, 'shop', 'regress_hoopguard_agent', $text))[1, 2];
is($err, '', 'the same again');
is(recorded(), 3, 'is recorded whole, and so is what it was the same as');
$node->stop;
done_testing();
