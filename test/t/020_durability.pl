
# hoopguard.audit_durability and hoopguard.on_audit_failure: what a client was
# told is on disk, and what happens while the recorder cannot write.

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
my $node = new_node('main', "hoopguard.audit = governed\nhoopguard.audit_wait = 800\nrestart_after_crash = on\n");
store_in($node, 'shop');
$node->safe_psql('shop', "CREATE TABLE store.d (id int PRIMARY KEY, v int);
	GRANT ALL ON store.d TO $agent");
my ($status, $out, $err);
my $n;

sub durability
{
	my ($mode, $failure) = @_;
	$node->safe_psql('postgres', "ALTER ROLE $agent SET hoopguard.audit_durability = $mode;
		ALTER ROLE $agent SET hoopguard.on_audit_failure = $failure");
}

# How the event of a text ended.
sub event_of
{
	my ($like) = @_;
	return query($node, 'shop', "SELECT concat_ws(' ', command, outcome, sqlstate) FROM hoopguard.activity
		WHERE text LIKE '$like' AND level = 0 ORDER BY event_id");
}

# Run code while a DBA's session holds a lock that the recorder needs.
sub while_locked
{
	my ($table, $code) = @_;
	my $dba = $node->background_psql('shop');
	$dba->query_safe("BEGIN; LOCK TABLE $table IN ACCESS EXCLUSIVE MODE");
	$code->($dba);
	$dba->query_safe('ROLLBACK');
	$dba->quit;
}

# Nobody governed changes them.
foreach my $set ("hoopguard.audit_durability = 'async'", "hoopguard.on_audit_failure = 'allow'")
{
	($status, $out, $err) = as_role($node, 'shop', $agent, "SET $set");
	like($err, qr/42501|HG001/, "the agent may not SET $set");
}

# async: whatever the recorder does, nobody waits.
durability('async', 'block');
as_role($node, 'shop', $agent, 'SELECT 1 AS warm');
ok(query($node, 'shop', 'SELECT 1'), 'the recorder is there');
while_locked('hoopguard.event', sub {
	($status, $out, $err) = as_role($node, 'shop', $agent, 'SELECT 1 AS d_async');
	is($out, '1', 'async does not wait');
});
is(event_of('%d_async'), 'SELECT committed 00000', 'and is recorded afterwards');

# sync, block: no commit without its record.
durability('sync', 'block');
while_locked('hoopguard.event', sub {
	my ($dba) = @_;
	($status, $out, $err) = as_role($node, 'shop', $agent,
		'INSERT INTO store.d VALUES (1, 1)', verbosity => 'default');
	like($err, qr/audit record could not be stored within 800 ms/, 'sync: an INSERT waits and fails');
	($status, $out, $err) = as_role($node, 'shop', $agent,
		"BEGIN; INSERT INTO store.d VALUES (2, 1);\nCOMMIT");
	like($err, qr/HG008/, 'so does COMMIT');
	($status, $out, $err) = as_role($node, 'shop', $agent, "BEGIN; INSERT INTO store.d VALUES (3, 1);\nROLLBACK");
	is($err, '', 'ROLLBACK does not');
	my $start = time();
	($status, $out, $err) = as_role($node, 'shop', $agent,
		"SET statement_timeout = '300ms'; SELECT 1 AS d_cancel");
	like($err, qr/57014|HG008/, 'the wait can be cancelled');
	is($dba->query_safe("SELECT bool_and(ok) FROM hoopguard.status() WHERE item LIKE 'recorder shop'"),
		'f', 'status() shows the trouble');
	like($dba->query_safe("SELECT value FROM hoopguard.status() WHERE item LIKE 'recorder shop'"),
		qr/last error at .*lock timeout/, 'and its reason');
});
is($node->safe_psql('shop', 'SELECT count(*) FROM store.d'), '0', 'nothing was committed');
like(event_of('insert into store.d%'), qr/^INSERT rolled back 00000(\nINSERT rolled back 00000)+$/,
	'the statements are recorded, as rolled back');
is(query($node, 'shop', "SELECT count(*) > 1 FROM hoopguard.activity WHERE sqlstate = 'HG008' AND command = 'TRANSACTION'"),
	't', 'and so are the failed commits');
($status, $out, $err) = as_role($node, 'shop', $agent, 'INSERT INTO store.d VALUES (1, 1) RETURNING id');
is($out, '1', 'it works again by itself');
is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.activity WHERE text LIKE 'insert into store.d%returning%'"),
	'1', 'and is there at once, without flush()');

# A COMMIT that the client was told of is there after a crash.
as_role($node, 'shop', $agent, "BEGIN; UPDATE store.d SET v = 77 WHERE id = 1;\nCOMMIT");
$node->stop('immediate');
$node->start;
is(event_of('update store.d%'), 'UPDATE committed 00000', 'sync survives a crash');

# sync, allow: it goes on, and is counted.
durability('sync', 'allow');
as_role($node, 'shop', $agent, 'SELECT 1 AS warm');
while_locked('hoopguard.event', sub {
	my ($dba) = @_;
	my $start = time();
	($status, $out, $err) = as_role($node, 'shop', $agent,
		join(";\n", map { "SELECT $_ AS d_allow" } 1 .. 6));
	is($out, join("\n", 1 .. 6), 'allow: statements go on');
	cmp_ok(time() - $start, '<', 6, 'and only the first of a session waits');
	cmp_ok($dba->query_safe("SELECT value FROM hoopguard.status() WHERE item = 'released unflushed'"),
		'>=', 6, 'status() counts them');
	is($dba->query_safe("SELECT ok FROM hoopguard.status() WHERE item = 'released unflushed'"),
		'f', 'as not in order');
});
is(query($node, 'shop', "SELECT count(*) FROM hoopguard.activity WHERE text LIKE '%d_allow'"),
	'6', 'they are recorded all the same, later');

# A session whose own lock keeps the recorder from writing is told at once.
$node->safe_psql('shop', "ALTER SYSTEM SET hoopguard.audit = 'all'");
$node->reload;
($status, $out, $err) = as_role($node, 'shop', $node->safe_psql('shop', 'SELECT current_user'),
	"SET hoopguard.audit_durability = sync;\nBEGIN;\nLOCK TABLE hoopguard.event IN ACCESS EXCLUSIVE MODE;\nCOMMIT",
	verbosity => 'default');
like($err, qr/audit record could not be stored.*waits for a lock that this session holds/s, 'an own lock');
$node->safe_psql('shop', "ALTER SYSTEM RESET hoopguard.audit");
$node->reload;

# strict: what began is there, though its backend is killed.
durability('strict', 'block');
my ($h, $o, $e) = background($node, 'shop', $agent, 'SELECT pg_sleep(60) AS d_strict');
my ($h2, $o2, $e2) = background($node, 'shop', $agent, 'DO $$ BEGIN PERFORM pg_sleep(60); END $$');
ok(wait_until(20, sub { $node->safe_psql('shop', "SELECT count(*) FROM pg_stat_activity
	WHERE usename = '$agent' AND wait_event = 'PgSleep'") eq '2' }), 'two sleep');
is($node->safe_psql('shop', 'SELECT count(*) >= 2 FROM hoopguard.intent'), 't', 'their intents are on disk');
my $pid = $node->safe_psql('shop', "SELECT pid FROM pg_stat_activity WHERE query LIKE '%d_strict' AND usename = '$agent'");
kill 'KILL', $pid;
$_->finish foreach ($h, $h2);
ok(wait_until(60, sub { system($node->installed_command('pg_isready'), '-q',
	'-h', $node->host, '-p', $node->port) == 0 }), 'the server is back');
is(event_of('%d_strict'), 'SELECT unknown', 'the killed statement, with no outcome');
is(event_of('do %'), 'DO unknown', 'and the one that went with it');
is($node->safe_psql('shop', 'SELECT count(*) FROM hoopguard.intent'), '0', 'no intent is left');
is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.verify_audit() WHERE NOT ok"), '0', 'the seal holds');
as_role($node, 'shop', $agent, 'SELECT 1 AS d_once; SELECT 1/0 AS d_fails');
is(event_of('%d_once'), 'SELECT committed 00000', 'one that ends has one event');
is(event_of('%d_fails'), 'SELECT rolled back 22012', 'so has one that fails');
while_locked('hoopguard.event', sub {
	($status, $out, $err) = as_role($node, 'shop', $agent, 'INSERT INTO store.d VALUES (50, nextval(\'s\'))');
	($status, $out, $err) = as_role($node, 'shop', $agent, 'SELECT pg_sleep(0) AS d_refused');
	like($err, qr/HG008/, 'strict: nothing runs unrecorded');
	is($out, '', 'not at all');
});
is(event_of('%d_refused'), 'SELECT rolled back HG008', 'which is recorded');

# A partition that is gone is made again.
durability('sync', 'block');
my $partition = $node->safe_psql('shop', "SELECT format('hoopguard.event_%s', to_char(date_trunc('week', now() AT TIME ZONE 'utc'), 'YYYYMMDD'))");
my $kept = $node->safe_psql('shop', 'SELECT count(*) FROM hoopguard.event');
$node->safe_psql('shop', "ALTER EXTENSION hoopguard DROP TABLE $partition; DROP TABLE $partition");
($status, $out, $err) = as_role($node, 'shop', $agent, 'SELECT 1 AS d_dropped');
is($out, '1', 'a dropped partition stops nobody');
is(event_of('%d_dropped'), 'SELECT committed 00000', 'the record goes on');
is($node->safe_psql('shop', "SELECT to_regclass('$partition') IS NOT NULL"), 't', 'in a new partition');
is($node->safe_psql('shop', "SELECT count(*) > 0 FROM hoopguard.verify_audit() WHERE NOT ok"), 't',
	'and the seal says what is missing');

# A disk that takes no more: the tablespace of the tables is gone for a while.
mkdir $node->basedir . '/ts';
my $ts = $node->basedir . '/ts';
$partition =~ s/event/outcome/;
$node->safe_psql('shop', "CREATE TABLESPACE regress_hoopguard_ts LOCATION '$ts'");
$node->safe_psql('shop', "ALTER TABLE $partition SET TABLESPACE regress_hoopguard_ts");
as_role($node, 'shop', $agent, 'SELECT 1 AS d_before');
durability('async', 'block');
$node->stop;
rename $ts, "$ts.away" or die "rename: $!";
$node->start;
as_role($node, 'shop', $agent, "BEGIN;\nSELECT 1 AS d_away;\nCOMMIT");
ok(wait_until(30, sub { $node->safe_psql('shop', "SELECT count(*) FROM hoopguard.status()
	WHERE item = 'recorder shop' AND NOT ok AND value LIKE '%last error%'") eq '1' }),
	'status() tells of a disk that fails');
durability('sync', 'block');
($status, $out, $err) = as_role($node, 'shop', $agent, 'SELECT 1 AS d_away2');
like($err, qr/HG008/, 'sync stops');
rename "$ts.away", $ts or die "rename: $!";
is(event_of('%d_away'), 'SELECT committed 00000', 'when the disk is back, so is the record');
is($node->safe_psql('shop', "SELECT value FROM hoopguard.status() WHERE item = 'lost events'"), '0', 'and nothing was lost');

# A record that no table takes is not taken for stored.
durability('sync', 'block');
$node->safe_psql('shop', 'ALTER TABLE hoopguard.session RENAME TO session_away');
($status, $out, $err) = as_role($node, 'shop', $agent, 'SELECT 1 AS d_skipped');
like($err, qr/HG008/, 'a record that was skipped fails the commit');
like(status_of($node, 'shop', 'recorder shop'), qr/records skipped/, 'status() counts it');
$node->safe_psql('shop', 'ALTER TABLE hoopguard.session_away RENAME TO session');

# A recorder that is killed: commits wait for the next one.
as_role($node, 'shop', $agent, 'SELECT 1 AS d_warm');
my $recorder = $node->safe_psql('shop', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'hoopguard recorder' AND datname = 'shop'");
like($recorder, qr/^\d+$/, 'a recorder runs');
$node->safe_psql('shop', "SELECT pg_terminate_backend($recorder, 20000)");
($status, $out, $err) = as_role($node, 'shop', $agent, 'SELECT 1 AS d_next');
is($out, '1', 'the next recorder takes over');

# A full disk: a trigger says so on the way of every session's first record.
# Whoever waits does not make the recorder try more often.
sub lines_like
{
	my ($regex, $from) = @_;
	my @lines = slurp_file($node->logfile, $from) =~ /$regex/g;
	return scalar @lines;
}
sub fill_disk
{
	$node->safe_psql('shop', 'CREATE TRIGGER full_disk BEFORE INSERT ON hoopguard.session
		FOR EACH ROW EXECUTE FUNCTION full_disk();
		ALTER TABLE hoopguard.session ENABLE ALWAYS TRIGGER full_disk');
}
$node->safe_psql('shop', q{
	CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE 'no space left' USING ERRCODE = '53100'; END $$;
	CREATE FUNCTION full_disk_ddl() RETURNS event_trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE 'no space left' USING ERRCODE = '53100'; END $$;
	ALTER SYSTEM SET hoopguard.audit_wait = '30s'});
$node->reload;
as_role($node, 'shop', $agent, 'SELECT 1 AS d_warm');
fill_disk();
my $from = -s $node->logfile;
my @waiting = map { [ background($node, 'shop', $agent, "SELECT $_ AS d_full") ] } 1 .. 3;
ok(wait_until(30, sub { lines_like(qr/could not store records: no space left/, $from) > 0 }), 'nothing can be written');
sleep 4;
$n = lines_like(qr/could not store records: no space left/, $from);
cmp_ok($n, '>=', 2, 'the recorder tries again');
cmp_ok($n, '<', 10, 'but not as often as sessions wake it');
$node->safe_psql('shop', 'DROP TRIGGER full_disk ON hoopguard.session');
$_->[0]->finish foreach @waiting;
is(join(' ', map { ${ $_->[1] } =~ s/\n//r . ${ $_->[2] } } @waiting), '1 2 3', 'when there is room the sessions go on');
is(event_of('%d_full'), join("\n", ('SELECT committed 00000') x 3), 'and are recorded');

# A week's rows wait for its partition while the disk is full.
durability('async', 'block');
$partition =~ s/outcome/event/;
$node->safe_psql('shop', "ALTER EXTENSION hoopguard DROP TABLE $partition; DROP TABLE $partition");
$node->safe_psql('shop', "CREATE EVENT TRIGGER full_disk ON ddl_command_start WHEN TAG IN ('CREATE TABLE')
	EXECUTE FUNCTION full_disk_ddl();
	ALTER EVENT TRIGGER full_disk ENABLE ALWAYS");
$from = -s $node->logfile;
as_role($node, 'shop', $agent, 'SELECT 1 AS d_week');
ok(wait_until(10, sub { lines_like(qr/could not create a partition: no space left/, $from) > 1 }), 'the partition is tried again');
is($node->safe_psql('shop', 'SELECT count(*) FROM hoopguard.event_default'), '0', 'no row goes where it should not');
$node->safe_psql('shop', 'DROP EVENT TRIGGER full_disk');
is(event_of('%d_week'), 'SELECT committed 00000', 'when there is room the row is stored');
is($node->safe_psql('shop', "SELECT count(*) > 0 FROM hoopguard._event
	WHERE tableoid = to_regclass('$partition')"), 't', 'in its partition');
is($node->safe_psql('shop', 'SELECT count(*) FROM hoopguard.event_default'), '0', 'and in no other');

# A server that stops while nothing can be written says what goes with it.
fill_disk();
$from = -s $node->logfile;
as_role($node, 'shop', $agent, 'SELECT 1 AS d_gone');
ok(wait_until(30, sub { lines_like(qr/could not store records: no space left/, $from) > 0 }), 'nothing can be written');
my $stopping = time();
$node->stop('fast');
cmp_ok(time() - $stopping, '<', 9, 'the server stops in time');
like(slurp_file($node->logfile, $from),
	qr/leaves with [1-9]\d* bytes that could not be stored, [1-9]\d* records of them tried\n.*DETAIL:  The server stops/,
	'and its log tells what is lost');
$node->start;
$node->safe_psql('shop', 'DROP TRIGGER full_disk ON hoopguard.session');
is(event_of('%d_gone'), '', 'as it is');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|segfault|signal 11/,
	'nothing crashed that was not killed');
done_testing();
