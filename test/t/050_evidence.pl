
# Rehearsals and what holds the approved run to them, where sessions, time or
# the webhook matter; and the one session that watches locks for all that wait.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use JSON::PP;
use Time::HiRes qw(time);

my $agent = 'regress_hoopguard_agent';
my $boss = 'regress_hoopguard_approver';
my $port = free_port();
my $dir = PostgreSQL::Test::Utils::tempdir();
my $secret = "$dir/secret";
my $log = "$dir/stub.log";
append_to_file($secret,
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nresponse whsec_c2VjcmV0LW9mLXRoZS1vdGhlci1kaXJlY3Rpb24tMDE=\n");
chmod 0600, $secret;
my $node = new_node('main', <<"EOC");
hoopguard.approval_wait = '30s'
hoopguard.approval_rate = 1000
hoopguard.approval_max_pending = 1000
hoopguard.webhook_secret_file = '$secret'
EOC
store_in($node, 'shop');
my $stub = IPC::Run::start([ python(), source_dir() . '/test/stub/approver_stub.py',
	$port, $secret, $log ], '>', '/dev/null', '2>', "$dir/stub.err");
ok(wait_until(10, sub {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }),
	'the stub listens');
as_dba($node, 'shop', <<"EOS");
SELECT hoopguard.add_approver('people', role => '$boss');
SELECT hoopguard.add_approver('web', url => 'http://127.0.0.1:$port/pending');
CREATE TABLE store.thing (id int PRIMARY KEY, v text);
CREATE TABLE store.noted (id int);
INSERT INTO store.thing SELECT i, 'v' || i FROM generate_series(1, 100) i;
GRANT ALL ON store.thing, store.noted TO $agent;
CREATE FUNCTION store.slow() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN IF NEW.v = ''slow'' THEN PERFORM pg_sleep(20); END IF; RETURN NEW; END';
CREATE TRIGGER slow BEFORE UPDATE ON store.thing FOR EACH ROW EXECUTE FUNCTION store.slow();
CREATE FUNCTION store.insists() RETURNS text LANGUAGE plpgsql AS
	'BEGIN LOOP BEGIN PERFORM pg_sleep(20); EXCEPTION WHEN query_canceled THEN NULL; END;
	 EXIT WHEN clock_timestamp() > statement_timestamp() + interval ''300 ms''; END LOOP; RETURN ''x''; END';
SELECT hoopguard.add_rule('approve', '{INSERT,UPDATE,DELETE}', objects => 'store.thing',
	priority => 1, approver => 'people');
SELECT hoopguard.add_rule('approve', '{COPY_FROM}', objects => 'store.noted',
	priority => 1, approver => 'people');
SELECT hoopguard.add_rule('allow', '{FUNCTION}', priority => 2);
EOS

my ($status, $out, $err);

sub agent
{
	my ($sql, %more) = @_;
	($status, $out, $err) = as_role($node, 'shop', $agent, $sql, %more);
	return $err;
}

# Evidence of the latest request of a statement, and its id.
sub evidence
{
	my ($like) = @_;
	my $row = $node->safe_psql('shop', "SELECT id, evidence FROM hoopguard.approval
		WHERE statement_text LIKE '$like' ORDER BY requested_at DESC LIMIT 1");
	my ($id, $json) = split /\|/, $row, 2;
	return ($id, $json ? decode_json($json) : undef);
}

sub approve
{
	my ($id, $more) = @_;
	$more //= '';
	my ($s, $o, $e) = as_role($node, 'shop', $boss, "SELECT hoopguard.approve('$id'$more)");
	is($e, '', 'approved');
}

# ---- rows that come between approval and run ------------------------------------
my $sql = "UPDATE store.thing SET v = 'new' WHERE v LIKE 'v9%'";
like(agent($sql), qr/HG002/, 'a rehearsed statement does not wait');
my ($id, $e) = evidence('UPDATE store.thing SET v = _new_%');
is($e->{rows}[0]{updated}, 11, 'evidence: the rows');
approve($id);
$node->safe_psql('shop', "INSERT INTO store.thing VALUES (200, 'v9'), (201, 'v9')");
like(agent($sql, verbosity => 'verbose'), qr/HG010/, 'more rows than approved: HG010');
my ($detail) = $err =~ /DETAIL: +(\{.*\})/;
my $said = decode_json($detail // '{}');
is_deeply([ @$said{qw(relation approved would)} ], [ 'store.thing', 11, 12 ],
	'DETAIL names the relation, what was approved and what it would be');
is($node->safe_psql('shop', "SELECT count(*) FROM store.thing WHERE v = 'new'"), '0',
	'nothing has changed');
is($node->safe_psql('shop', "SELECT state FROM hoopguard.approval WHERE id = '$id'"),
	'consumed', 'the ticket is used up');
like(agent($sql), qr/HG002/, 'again: asks anew');
($id, $e) = evidence('UPDATE store.thing SET v = _new_%');
is($e->{rows}[0]{updated}, 13, 'with evidence of now');
approve($id);
is(agent($sql), '', 'and runs');

# caught in PL: still nothing, and still used up
$sql = "DELETE FROM store.thing WHERE v LIKE 'v8%'";
my $do = "DO \$x\$ BEGIN $sql; EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', SQLSTATE; END \$x\$";
like(agent($do, verbosity => 'terse'), qr/WARNING: +HG002/, 'caught HG002');
($id) = evidence('DELETE FROM store.thing WHERE v LIKE _v8%');
approve($id);
$node->safe_psql('shop', "INSERT INTO store.thing VALUES (300, 'v8')");
like(agent($do, verbosity => 'terse'), qr/WARNING: +HG010/, 'caught HG010');
is($node->safe_psql('shop', "SELECT count(*) FROM store.thing WHERE v LIKE 'v8%'"), '12',
	'caught HG010: nothing is deleted');

# ---- time ----------------------------------------------------------------------
my $begin = time();
like(agent("UPDATE store.thing SET v = 'slow' WHERE id = 1"), qr/HG002/, 'slow: a ticket');
my $took = time() - $begin;
cmp_ok($took, '>', 4.9, 'slow: the rehearsal has its 5 s');
cmp_ok($took, '<', 12, 'slow: and not more');
($id, $e) = evidence('UPDATE store.thing SET v = _slow_%');
ok(!$e->{rehearsed}, 'slow: not rehearsed');
like($e->{reason}, qr/^not rehearsed: it takes longer than 5000 ms/, 'slow: says why');
like($e->{plan}, qr/Update on thing/, 'slow: the plan is there');
like(agent("SET statement_timeout = '3s'; UPDATE store.thing SET v = 'slow' WHERE id = 2"),
	qr/HG002/, 'statement_timeout leaves time for the request');
($id, $e) = evidence('UPDATE store.thing SET v = _slow_ WHERE id = 2');
like($e->{reason}, qr/longer than 1\d\d\d ms/, 'statement_timeout: half of it');
like(agent("SET statement_timeout = '2s';
	UPDATE store.thing SET v = store.insists() WHERE id = 3"), qr/HG002|57014/,
	'code that catches cancels does not hang');

# a cancel ends the statement, and leaves no request
my ($h, $o, $er) = background($node, 'shop', $agent, "UPDATE store.thing SET v = 'slow' WHERE id = 4");
ok(wait_until(10, sub { $node->safe_psql('shop', "SELECT count(*) FROM pg_stat_activity
	WHERE wait_event = 'PgSleep' AND query LIKE 'UPDATE store.thing%'") eq '1' }), 'cancel: it is rehearsing');
$node->safe_psql('shop', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity
	WHERE wait_event = 'PgSleep' AND query LIKE 'UPDATE store.thing%'");
$h->finish;
like($$er, qr/57014/, 'cancel: canceled');
is((evidence('%WHERE id = 4'))[0] // '', '', 'cancel: no request');

# ---- limits stop a rehearsal, and are not used up by it -----------------------------
as_dba($node, 'shop', "SELECT hoopguard.set_limit('$agent', 'rows_written', 20, per => '1 hour')");
like(agent("UPDATE store.thing SET v = 'many' WHERE id < 60"), qr/HG002/, 'limit: a ticket');
($id, $e) = evidence('%many%');
like($e->{reason}, qr/^not rehearsed: limit of 20 rows written/, 'limit: not rehearsed, and why');
my $left = "SELECT string_agg(l::text, ' ' ORDER BY l::text) FROM hoopguard.limits_left() l WHERE l::text LIKE '%1 hour%20,%'";
agent($left);
my $before = $out;
like(agent("UPDATE store.thing SET v = 'few' WHERE id IN (20, 21)"), qr/HG002/, 'limit: few rows');
(undef, $e) = evidence('%few%');
is($e->{total_rows}, 2, 'limit: rehearsed');
agent($left);
is($out, $before, 'limit: nothing is used up');
as_dba($node, 'shop', "SELECT hoopguard.drop_limit(id) FROM hoopguard.limit_rule WHERE for_subject = '$agent'");

# ---- many in one transaction, with a cursor, a temporary table, savepoints -----------
agent(<<'EOS');
BEGIN;
CREATE TEMP TABLE mine (n int);
INSERT INTO mine SELECT generate_series(1, 60);
DECLARE c CURSOR FOR SELECT n FROM mine ORDER BY n;
FETCH 2 FROM c;
DO $x$
DECLARE
	refused int := 0;
	r record;
BEGIN
	FOR r IN SELECT n FROM mine LOOP
		BEGIN
			UPDATE store.thing SET v = 'loop' || r.n WHERE id = r.n;
		EXCEPTION WHEN SQLSTATE 'HG002' THEN
			refused := refused + 1;
			UPDATE mine SET n = -n WHERE n = r.n;
		END;
	END LOOP;
	RAISE INFO 'refused %', refused;
END $x$;
FETCH 1 FROM c;
SAVEPOINT a;
UPDATE store.thing SET v = 'loop' WHERE id = 1;
ROLLBACK TO a;
SELECT count(*), sum(n) FROM mine;
COMMIT;
EOS
like($err, qr/INFO/, 'loop: went to its end');
is($out, "1\n2\n3\n60|-1830", 'loop: cursor and temporary table are as they should be');
is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.approval WHERE statement_text LIKE '%loop%' AND (evidence ->> 'total_rows')::int = 1"),
	'61', 'loop: each with its evidence');
is($node->safe_psql('shop', "SELECT count(*) FROM store.thing WHERE v LIKE 'loop%'"), '0',
	'loop: nothing is written');

# ---- what a trigger writes: the same approver has seen it, another has not ----------------
as_dba($node, 'shop', <<"EOS");
SELECT hoopguard.add_approver('others', role => '$boss');
CREATE TABLE store.payroll (n int);
GRANT ALL ON store.payroll TO $agent;
CREATE FUNCTION store.pay() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN INSERT INTO store.payroll VALUES (1); RETURN NEW; END';
CREATE TRIGGER pay BEFORE UPDATE ON store.thing FOR EACH ROW WHEN (NEW.v = 'pay')
	EXECUTE FUNCTION store.pay();
SELECT hoopguard.add_rule('approve', '{INSERT}', objects => 'store.payroll', priority => 1, approver => 'people');
EOS
$sql = "UPDATE store.thing SET v = 'pay' WHERE id = 30";
like(agent($sql), qr/HG002/, 'inner: asked');
($id, $e) = evidence('%_pay_%');
is($e->{total_rows}, 2, 'inner: shown');
approve($id);
is(agent($sql), '', 'inner: covered for the same approver');
is($node->safe_psql('shop', 'SELECT count(*) FROM store.payroll'), '1', 'inner: written');
as_dba($node, 'shop', "SELECT hoopguard.drop_rule(id) FROM hoopguard.rule WHERE objects = 'store.payroll';
	SELECT hoopguard.add_rule('approve', '{INSERT}', objects => 'store.payroll', priority => 1, approver => 'others')");
$sql = "UPDATE store.thing SET v = 'pay' WHERE id = 31";
like(agent($sql), qr/HG002/, 'inner: asked');
($id, $e) = evidence('%_pay_%31');
like($e->{reason} // '', qr/needs an approval of its own/, 'inner: not rehearsed for another approver');
approve($id);
like(agent($sql), qr/HG002/, 'inner: not covered for another approver');
is($node->safe_psql('shop', 'SELECT count(*) FROM store.payroll'), '1', 'inner: not written');

# ---- hidden characters -----------------------------------------------------------------
like(agent("INSERT INTO store.thing VALUES (400, 'a' || chr(8203) || 'b' || chr(8238))"), qr/HG002/, 'hidden: asked');
(undef, $e) = evidence('INSERT INTO store.thing VALUES (400%');
is($e->{sample}[0]{after}{v}, 'a\u{200B}b\u{202E}', 'hidden characters are spelled out');

# ---- COPY FROM and max_rows ---------------------------------------------------------------
my $copy = "COPY store.noted FROM stdin;\n1\n2\n3\n\\.\n";
like(agent("SET statement_timeout = '2s';\n$copy"), qr/HG002|57014/, 'COPY: asked');
($id) = evidence('COPY%');
approve($id, ', max_rows => 2');
like(agent($copy), qr/HG010/, 'COPY: held to max_rows');
is($node->safe_psql('shop', 'SELECT count(*) FROM store.noted'), '0', 'COPY: nothing is there');

# ---- the webhook ------------------------------------------------------------------------------
as_dba($node, 'shop', "SELECT hoopguard.drop_rule(id) FROM hoopguard.rule WHERE priority = 1;
	SELECT hoopguard.add_rule('approve', '{UPDATE}', objects => 'store.thing', priority => 1, approver => 'web')");

sub posted
{
	my ($mark) = @_;
	my $found;
	wait_until(10, sub {
		return 0 unless -e $log;
		foreach my $line (slurp_file($log) =~ /(.*)\n/g)
		{
			next unless $line =~ /\Q$mark\E/;
			$found = decode_json(decode_json($line)->{body});
		}
		return $found; });
	return $found->{data};
}

agent("UPDATE store.thing SET v = 'posted' WHERE id = 5");
my $data = posted("'posted'");
is($data->{evidence}{rows}[0]{updated}, 1, 'webhook: evidence is posted');
is($data->{evidence}{sample}[0]{after}{v}, 'posted', 'webhook: with a sample');

# too long together: evidence gives way, the statement does not
as_dba($node, 'shop', "INSERT INTO store.thing SELECT i, repeat('\"', 150) FROM generate_series(500, 510) i");
my $long = "UPDATE store.thing SET v = v || 'x' /* " . (chr(1) x 10400) . " */ WHERE id >= 500 /*marked*/";
agent($long);
$data = posted('marked');
like($data->{statement}{text} // '', qr{WHERE id >= 500 /\*marked\*/$}, 'webhook: the statement is whole');
ok($data->{evidence}{shortened}, 'webhook: the evidence is shortened, and says so');
ok(!exists $data->{evidence}{plan}, 'webhook: by the plan first');

# ---- waiters and locks: one watches for all --------------------------------------------------------
as_dba($node, 'shop', "SELECT hoopguard.drop_rule(id) FROM hoopguard.rule WHERE priority = 1;
	SELECT hoopguard.add_rule('approve', '{SELECT}', objects => 'store.thing', priority => 1, approver => 'people');
	SELECT hoopguard.add_rule('approve', '{UPDATE}', objects => 'store.thing', priority => 1, approver => 'people', rehearse => false)");
my @waiting = map {
	[ background($node, 'shop', $agent, $_ < 6 ? "SELECT count(*) FROM store.thing WHERE id > $_" :
		"UPDATE store.thing SET v = 'w' WHERE id = $_") ] } 1 .. 8;
ok(wait_until(30, sub { $node->safe_psql('shop', "SELECT count(*) FROM pg_stat_activity
	WHERE usename = '$agent' AND wait_event_type = 'Extension' AND query LIKE '%store.thing%'") eq '8' }),
	'eight sessions wait in-line, also one for an UPDATE without rehearsal');
is($node->safe_psql('shop', "SELECT count(*) FROM pg_stat_activity WHERE usename = '$agent' AND backend_xmin IS NOT NULL"),
	'0', 'none of them holds a snapshot');
$begin = time();
my ($ah, $ao, $ae) = background($node, 'shop', $node->safe_psql('shop', 'SELECT current_user'),
	'ALTER TABLE store.thing ADD COLUMN more int');
wait_until(5, sub { $node->safe_psql('shop', "SELECT count(*) FROM pg_locks WHERE NOT granted") ne '0' || !$ah->pumpable });
$node->safe_psql('shop', 'SELECT count(*) FROM store.thing');
$ah->finish;
$took = time() - $begin;
is($$ae, '', 'ALTER TABLE behind them is done');
cmp_ok($took, '<', 4, sprintf('and a SELECT behind that (%.2f s)', $took));
foreach my $w (@waiting)
{
	$w->[0]->finish;
	like(${ $w->[2] }, qr/HG002/, 'the waiter has given way to a ticket');
}

$stub->kill_kill;
$node->stop;
done_testing();
