
# hoopguard.retention: old weeks go, the chain of seals stays whole, and what
# is missing elsewhere is found all the same.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $agent = 'regress_hoopguard_agent';
my $node = new_node('main', "hoopguard.audit = governed\n");
store_in($node, 'shop');
my ($status, $out, $err);

sub value
{
	return $node->safe_psql('shop', $_[0]);
}

sub verified
{
	return value("SELECT string_agg(concat_ws(' ', ok, fault, regexp_replace(what, '^.*; ', '')), ' / ') FROM hoopguard.verify_audit()");
}

# What verify_audit() says while a change is there that is then undone.
sub faults_after
{
	my ($change) = @_;
	return value("BEGIN; $change; SELECT string_agg(DISTINCT fault, ' ' ORDER BY fault)
		FROM hoopguard.verify_audit() WHERE NOT ok; ROLLBACK");
}

# Reload, and have a recorder notice.
sub settle
{
	$node->reload;
	as_role($node, 'shop', $agent, 'SELECT 1 AS r_wake');
	value("SELECT hoopguard.flush('30 s')");
}

# What can be set.
foreach my $wrong ('soon', '-1 day', '5 d 3', '90 days of summer', '1e3 days', '200 years', '3 minutes')
{
	(undef, undef, $err) = $node->psql('shop', "ALTER SYSTEM SET hoopguard.retention = '$wrong'");
	like($err, qr/invalid value for parameter "hoopguard.retention"/, "not '$wrong'");
}
my %days = ('90 days' => '90 days', '12w' => '84 days', '10' => '10 days', '1 year 6 months' => '545 days',
	'36 hours' => '2 days', '0' => '', 'forever' => '', '' => '');
foreach my $right (sort keys %days)
{
	value("ALTER SYSTEM SET hoopguard.retention = '$right'");
	$node->reload;
	ok(wait_until(20, sub { value('SELECT hoopguard._retention()') eq $days{$right} }), "'$right'");
}
(undef, undef, $err) = as_role($node, 'shop', $agent, "SET hoopguard.retention = '1 day'");
isnt($err, '', 'no session sets it');

# A history of eight weeks ago: rows are given another time, and the chain is
# computed anew from the documented bytes.
value("SELECT hoopguard.map_role('$agent', record_literals => true)");
as_role($node, 'shop', $agent, "SELECT $_ AS r_old") foreach 1 .. 5;
as_role($node, 'shop', $agent, "BEGIN;\nSELECT 6 AS r_old;\nSELECT 7 AS r_old;\nCOMMIT");
value("SELECT hoopguard.flush('30 s')");
cmp_ok(value('SELECT count(*) FROM hoopguard.outcome'), '>', 5, 'there are events and outcomes');
is(value("SELECT count(*) > 0 FROM hoopguard._outcome"), 't', 'some outcomes have a row of their own');
$node->stop;
$node->start;
value(q{
	DO $$
	DECLARE
		monday timestamp := date_trunc('week', now() AT TIME ZONE 'UTC') - interval '56 days';
	BEGIN
		EXECUTE format('CREATE TABLE hoopguard.event_%s PARTITION OF hoopguard._event FOR VALUES FROM (%L) TO (%L)',
			to_char(monday, 'YYYYMMDD'), monday AT TIME ZONE 'UTC', (monday + interval '7 days') AT TIME ZONE 'UTC');
		EXECUTE format('ALTER EXTENSION hoopguard ADD TABLE hoopguard.event_%s', to_char(monday, 'YYYYMMDD'));
	END $$;
	UPDATE hoopguard._event SET at = at - interval '1344 hours';
	UPDATE hoopguard._outcome SET at = at - interval '1344 hours';
	UPDATE hoopguard.note SET at = at - interval '1344 hours' WHERE kind = 'literals';
	UPDATE hoopguard.seal SET period_from = period_from - interval '1344 hours',
		period_to = period_to - interval '1344 hours';
	DO $$
	DECLARE
		s hoopguard.seal;
		previous bytea := decode(repeat('00', 32), 'hex');
	BEGIN
		FOR s IN SELECT * FROM hoopguard.seal ORDER BY seal_id LOOP
			SELECT sha256(string_agg(convert_to(r.kind::text, 'SQL_ASCII') || int8send(r.id) || r.digest, ''
					ORDER BY r.kind, r.id, r.digest)),
				string_agg(substr(r.digest, 1, 4), '' ORDER BY r.kind, r.id, r.digest)
			INTO s.rows_hash, s.marks FROM hoopguard._sealed_row r WHERE r.seal = s.seal_id;
			s.hash := hoopguard._digest(previous, s.seal_id, s.at, s.period_from, s.period_to, s.rows, s.rows_hash, s.marks);
			previous := s.hash;
			UPDATE hoopguard.seal x SET rows_hash = s.rows_hash, marks = s.marks, hash = s.hash
			WHERE x.seal_id = s.seal_id;
		END LOOP;
	END $$});
like(verified(), qr/^t /, 'a history of eight weeks ago');
cmp_ok(value('SELECT count(*) FROM hoopguard.outcome_default'), '>', 0, 'some of it without a partition');
is(value("SELECT ok FROM hoopguard.status() WHERE item = 'rows in default partitions'"), 'f', 'which status() shows');
my $old = value("SELECT count(*) FROM hoopguard.event WHERE at < now() - interval '30 days'");
cmp_ok($old, '>', 5, 'old events');
is(value("SELECT count(*) FROM hoopguard.literal WHERE at < now() - interval '30 days'"), '7', 'and the values of their statements');

as_role($node, 'shop', $agent, "SELECT $_ AS r_new") foreach 1 .. 3;
as_role($node, 'shop', $agent, "BEGIN;\nSELECT 4 AS r_new;\nSELECT 5 AS r_new;\nCOMMIT");
settle();
is(value("SELECT count(*) FROM hoopguard.event WHERE at < now() - interval '30 days'"), $old, 'all is kept for ever');

# What is within the time stays; the last day of the week counts.
value("ALTER SYSTEM SET hoopguard.retention = '8 weeks'");
settle();
is(value("SELECT count(*) FROM hoopguard.event WHERE at < now() - interval '30 days'"), $old, 'within the time all is kept');

# A reader is not in the way for long, nor is the recorder in his.
my $reader = $node->background_psql('shop');
$reader->query_safe("BEGIN; SELECT count(*) FROM hoopguard.event");
value("ALTER SYSTEM SET hoopguard.retention = '30 days'");
$node->reload;
as_role($node, 'shop', $agent, 'SELECT 1 AS r_read');
is(value("SELECT hoopguard.flush('30 s')"), 't', 'the record goes on while somebody reads it');
ok(wait_until(30, sub { slurp_file($node->logfile) =~ /could not remove old partitions/ }), 'what is read is not removed');
is(value("SELECT ok FROM hoopguard.status() WHERE item = 'record kept'"), 'f', 'status() says that there is more than there should be');
$reader->query_safe('COMMIT');
$reader->quit;

# Then it goes.
settle();
ok(wait_until(30, sub { value("SELECT count(*) FROM hoopguard.event WHERE at < now() - interval '30 days'") eq '0' }),
	'old events are gone');
is(value("SELECT count(*) FROM hoopguard._outcome WHERE at < now() - interval '30 days'"), '0', 'and outcomes');
is(value("SELECT count(*), min(value) FROM hoopguard.literal WHERE at < now() - interval '30 days'"), '0|', 'and the values of statements');
is(value("SELECT count(*) > 4 FROM hoopguard.literal"), 't', 'but not the new ones');
is(value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'hoopguard._event'::regclass"), '3',
	'and the partition: this week, the next and the default one are left');
is(value("SELECT count(*) > 4 FROM hoopguard.activity WHERE text LIKE '%r_new' AND outcome = 'committed'"), 't', 'new events are there');
is(value("SELECT count(*) FROM hoopguard.note WHERE kind = 'retention' AND (detail ->> 'rows')::int > 5"), '1', 'it is noted');
is(value("SELECT string_agg(ok::text, ' ') FROM hoopguard.status() WHERE item IN ('record kept', 'rows in default partitions')"),
	'true true', 'status() is content');
like(value("SELECT value FROM hoopguard.status() WHERE item = 'record kept'"), qr/^30 days, the oldest week began on \d{4}-\d\d-\d\d$/, 'and tells');
like(verified(), qr/^t retention removed the rows of \d+ seals$/, 'the chain holds');

# Nothing else may be missing.
is(faults_after("DELETE FROM hoopguard.event WHERE event_id = (SELECT max(event_id) FROM hoopguard.event)"),
	'removed', 'a removed event is found');
is(faults_after("DELETE FROM hoopguard._event; DELETE FROM hoopguard._outcome; DELETE FROM hoopguard.note WHERE kind = 'literals'"), 'removed', 'so are all');
is(faults_after("DELETE FROM hoopguard.note WHERE note_id = (SELECT max(note_id) FROM hoopguard.note WHERE kind = 'literals')"),
	'removed', 'removed values are, too');
is(faults_after("UPDATE hoopguard.note SET detail = jsonb_set(detail, '{values,0,value}', '\"9\"') WHERE kind = 'literals'"),
	'altered', 'and other values');
is(faults_after("DELETE FROM hoopguard.note WHERE kind = 'retention'"), 'removed', 'so is the note');
is(faults_after("UPDATE hoopguard.note SET detail = detail || '{\"to\":\"2100-01-01\"}' WHERE kind = 'retention'; DELETE FROM hoopguard._event; DELETE FROM hoopguard._outcome; DELETE FROM hoopguard.note WHERE kind = 'literals'"),
	'altered', 'a note that claims more');
is(faults_after("DELETE FROM hoopguard._event; DELETE FROM hoopguard._outcome; DELETE FROM hoopguard.note WHERE kind = 'literals'; INSERT INTO hoopguard.note SELECT note_id + 1, at, session_id, kind,
		detail || '{\"to\":\"2100-01-01\"}', seal FROM hoopguard.note WHERE kind = 'retention'"),
	'inserted', 'a forged note');
isnt(faults_after("DELETE FROM hoopguard.seal WHERE seal_id = (SELECT min(seal_id) FROM hoopguard.seal WHERE period_from IS NOT NULL)"),
	'', 'an old seal is still needed');

# It goes on after a crash, and the extension can be dropped.
$node->stop('immediate');
$node->start;
as_role($node, 'shop', $agent, 'SELECT 1 AS r_after');
value("SELECT hoopguard.flush('30 s')");
like(verified(), qr/^t retention removed/, 'after a crash');
value('DROP EXTENSION hoopguard CASCADE');
is(value("SELECT count(*) FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'hoopguard')"), '0',
	'nothing is left of the extension');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|segfault|signal 11/, 'no crash');
done_testing();
