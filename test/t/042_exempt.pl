
# Exemptions: lifted for one subject, one thing and some time, and gone by
# itself when that is over, in sessions and plans that were there before too.
# break_glass(): for people, loud, on record, and not from masks and limits.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $agent = 'regress_hoopguard_agent';
my $human = 'regress_hoopguard_human';
my $node = new_node('main');
store_in($node, 'shop');
my $dba = $node->safe_psql('shop', 'SELECT current_user');
as_dba($node, 'shop', "CREATE ROLE second LOGIN; SELECT hoopguard.map_role('second');
	CREATE ROLE free LOGIN;
	GRANT USAGE ON SCHEMA store TO second; GRANT SELECT ON ALL TABLES IN SCHEMA store TO second;
	SELECT hoopguard.map_role('$human', kind => 'human', owner => 'Hanna');
	SELECT hoopguard.add_rule('deny', '{UPDATE}', for_subject => '*', objects => 'store.invoice_line', priority => 1);
	SELECT hoopguard.set_limit('$agent', 'rows_returned', 2)");
my $rule = $node->safe_psql('shop', "SELECT id FROM hoopguard.rule WHERE priority = 1");
my $email = 'SELECT email FROM store.customer WHERE customer_id = 1';
my $real = $node->safe_psql('shop', $email);

sub run_as
{
	my ($role, $sql) = @_;
	my (undef, $out, $err) = as_role($node, 'shop', $role, $sql);
	$err =~ s/^psql:[^ ]+ //mg;
	return "$out$err";
}

# ---- what is refused ----------------------------------------------------------
foreach my $bad ("'$agent', 'rule:99999', '1 h', 'x'", "'$agent', 'rule:x', '1 h', 'x'",
	"'$agent', 'mask:nothing', '1 h', 'x'", "'$agent', 'mask:*', '1 h', 'x'",
	"'$agent', 'limit:nothing', '1 h', 'x'", "'$agent', 'everything', '1 h', 'x'",
	"'$agent', NULL, '1 h', 'x'", "'$agent', 'break_glass', '1 h', 'x'",
	"'$agent', 'mask:email', '0', 'x'", "'$agent', 'mask:email', '-1 h', 'x'",
	"'$agent', 'mask:email', '31 days', 'x'", "'$agent', 'mask:email', NULL, 'x'",
	"'$agent', 'mask:email', '1 h', NULL", "'$agent', 'mask:email', '1 h', '  '",
	"'no_such_role', 'mask:email', '1 h', 'x'", "'kind:robot', 'mask:email', '1 h', 'x'",
	"NULL, 'mask:email', '1 h', 'x'", "'free', 'mask:email', '1 h', 'x'")
{
	like(run_as($dba, "SELECT hoopguard.exempt($bad)"), qr/HG014/, "exempt($bad): HG014");
}
like(run_as($dba, 'SELECT hoopguard.drop_exemption(4711)'), qr/HG014/, 'drop_exemption(4711): HG014');
as_dba($node, 'shop', "GRANT EXECUTE ON FUNCTION hoopguard.exempt(text, text, interval, text),
	hoopguard.drop_exemption(int), hoopguard.break_glass(text, interval) TO $agent;
	GRANT ALL ON hoopguard._exemption TO $agent");
like(run_as($agent, "SELECT hoopguard.exempt('$agent', 'mask:email', '1 h', 'x')"),
	qr/HG001/, 'not by a governed session');
like(run_as($agent, "INSERT INTO hoopguard._exemption (for_subject, what, valid_until, reason)
	VALUES ('$agent', 'mask:email', 'infinity', 'x')"), qr/HG001/, 'nor past the function');
like(run_as($agent, "SELECT hoopguard.break_glass('x', '1 h')"), qr/HG001/, 'no glass for agents');

# ---- a mask, in running sessions and cached plans ------------------------------
isnt(run_as($agent, $email), $real, 'masked at first');
# one session that prepares, is exempted, and outlives it
my $script = "PREPARE q AS $email;
EXECUTE q;
SET plan_cache_mode = force_generic_plan;
EXECUTE q;
SELECT pg_advisory_lock(1);
SELECT pg_advisory_unlock(1);
EXECUTE q;
$email;
SELECT pg_advisory_lock(2);
SELECT pg_advisory_unlock(2);
EXECUTE q;
$email;
";
as_dba($node, 'shop', 'CREATE TABLE store.gate (n int)');
my ($g1, $o1, $e1) = background($node, 'shop', $dba,
	"SELECT pg_advisory_lock(1), pg_advisory_lock(2);
	DO \$\$ BEGIN LOOP EXIT WHEN EXISTS (SELECT FROM store.gate WHERE n >= 1); PERFORM pg_sleep(0.02); END LOOP; END \$\$;
	SELECT pg_advisory_unlock(1);
	DO \$\$ BEGIN LOOP EXIT WHEN EXISTS (SELECT FROM store.gate WHERE n >= 2); PERFORM pg_sleep(0.02); END LOOP; END \$\$;
	SELECT pg_advisory_unlock(2);");
ok(wait_until(20, sub { $node->safe_psql('shop',
	"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted") eq '2' }), 'the gate is shut');
my ($h1, $a1, $b1) = background($node, 'shop', $agent, $script);
my ($h2, $a2, $b2) = background($node, 'shop', 'second', $script);
ok(wait_until(20, sub { $node->safe_psql('shop',
	"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 1") eq '2' }),
	'two sessions have prepared and wait');
my $id = as_dba($node, 'shop', "SELECT hoopguard.exempt('$agent', 'mask:email', '4 s', 'ticket 4711')");
as_dba($node, 'shop', 'INSERT INTO store.gate VALUES (1)');
ok(wait_until(20, sub { $node->safe_psql('shop',
	"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 2") eq '2' }),
	'they have asked again');
like(run_as($dba, "SELECT method FROM hoopguard.effective_mask('$agent', 'store.customer')
	WHERE column_name = 'email'"), qr/^$/, 'effective_mask() shows no method');
isnt(run_as($dba, "SELECT method FROM hoopguard.effective_mask('second', 'store.customer')
	WHERE column_name = 'email'"), '', 'but one for others');
is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.status() WHERE item = 'exemption'
	AND value LIKE '$agent from mask:email until %: ticket 4711'"), '1', 'status() lists it');
is($node->safe_psql('shop', "SELECT count(*) FROM hoopguard.policy_history
	WHERE what LIKE '%exemption%' AND after ->> 'reason' = 'ticket 4711'"), '1', 'policy_history has it');
ok(wait_until(20, sub { $node->safe_psql('shop',
	"SELECT active FROM hoopguard.exemption WHERE id = $id") eq 'f' }), 'it ends by itself');
as_dba($node, 'shop', 'INSERT INTO store.gate VALUES (2)');
$_->finish foreach ($h1, $h2, $g1);
my @seen = grep { /\@/ || /\*/ } split /\n/, $$a1;
is(scalar(@seen), 6, 'six answers') or diag $$a1, $$b1;
is(join(' ', map { $_ eq $real ? 'real' : 'masked' } @seen),
	'masked masked real real masked masked',
	'real values while it lasts, in a prepared plan too, and masks after it');
unlike($$a2, qr/^\Q$real\E$/m, 'never for the other subject');
is(run_as($agent, $email) eq $real, '', 'masked in a new session');
is(query($node, 'shop', "SELECT count(*) FROM hoopguard.note WHERE kind = 'exemption'
	AND note::text LIKE '%ticket 4711%'"), '1', 'the record has a note of it');

# ---- a cursor that outlives it ---------------------------------------------------
my $cursor = as_dba($node, 'shop', "SELECT hoopguard.exempt('$agent', 'mask:email', '1 h', 'cursor')");
my ($h3, $a3, $b3) = background($node, 'shop', $agent, "BEGIN;
	DECLARE c CURSOR FOR SELECT email FROM store.customer ORDER BY customer_id;
	FETCH c;
	FETCH c;");
$h3->finish;
is((split /\n/, $$a3)[0], $real, 'a cursor shows real values');
as_dba($node, 'shop', "SELECT hoopguard.drop_exemption($cursor)");
isnt(run_as($agent, $email), $real, 'drop_exemption() ends it at once');
like(run_as($dba, "SELECT hoopguard.drop_exemption($cursor)"), qr/HG014/, 'once');

# ---- a rule and a limit ------------------------------------------------------------
my $update = 'UPDATE store.invoice_line SET quantity = 7 WHERE invoice_line_id = 1';
like(run_as($agent, $update), qr/HG001/, 'denied by the rule');
$id = as_dba($node, 'shop', "SELECT hoopguard.exempt('$agent', 'rule:$rule', '1 h', 'cleanup')");
is(run_as($agent, $update), '', 'not while it is exempt');
is(run_as($dba, "SELECT mode FROM hoopguard.effective_policy('$agent') WHERE what = 'rule' AND id = $rule"),
	'exempt', 'effective_policy() says so');
is(query($node, 'shop', "SELECT verdict || ' ' || rule_id FROM hoopguard.event
	WHERE command = 'UPDATE' AND subject = '$agent' ORDER BY event_id DESC LIMIT 1"),
	"exempt-deny $rule", 'and the record that the rule was passed');
as_dba($node, 'shop', "GRANT UPDATE ON store.invoice_line TO second");
like(run_as('second', $update), qr/HG001/, 'others are denied');
as_dba($node, 'shop', "SELECT hoopguard.drop_exemption($id)");
like(run_as($agent, $update), qr/HG001/, 'denied again');
like(run_as($agent, 'SELECT customer_id FROM store.customer'), qr/HG004/, 'limited');
$id = as_dba($node, 'shop', "SELECT hoopguard.exempt('$agent', 'limit:rows_returned', '1 h', 'export')");
unlike(run_as($agent, 'SELECT customer_id FROM store.customer'), qr/HG/, 'not while it is exempt');
as_dba($node, 'shop', "SELECT hoopguard.drop_exemption($id)");
like(run_as($agent, 'SELECT customer_id FROM store.customer'), qr/HG004/, 'limited again');

# ---- break_glass ---------------------------------------------------------------------
like(run_as($human, $update), qr/HG001/, 'a person is denied too');
like(run_as($human, "SELECT hoopguard.break_glass('fire', '1 h')"), qr/42501/, 'break_glass() has to be granted');
as_dba($node, 'shop', "GRANT EXECUTE ON FUNCTION hoopguard.break_glass(text, interval) TO $human");
foreach my $bad ("NULL, '1 h'", "' ', '1 h'", "'x', NULL", "'x', '0'", "'x', '-1 h'",
	"'x', '5 h'", "'x', '1 month'")
{
	like(run_as($human, "SELECT hoopguard.break_glass($bad)"), qr/HG014/, "break_glass($bad): HG014");
}
like(run_as($dba, "SELECT hoopguard.break_glass('x', '1 h')"), qr/HG014/, 'nothing to break for who is not governed');
my $at = -s $node->logfile;
my ($l, $lo, $le) = background($node, 'shop', $human,
	"BEGIN; SELECT hoopguard.break_glass(E'fire in \\n row 1', '1 h'); ROLLBACK; $update; $email");
$l->finish;
like($$le, qr/WARNING/, 'break_glass() warns');
unlike($$le, qr/ERROR/, 'then what was denied runs');
unlike($$lo, qr/^\Q$real\E$/m, 'masks stay');
my $log = substr slurp_file($node->logfile), $at;
like($log, qr/WARNING:  break glass: role "$human" passes hoopguard's rules until/, 'the server log says so');
like($log, qr/fire in \\n row 1/, 'with the reason on one line');
is($node->safe_psql('shop', "SELECT ok FROM hoopguard.status() WHERE item = 'broken glass'"),
	'f', 'status() flags it');
is(query($node, 'shop', "SELECT verdict FROM hoopguard.event WHERE command = 'UPDATE'
	AND subject = '$human' ORDER BY event_id DESC LIMIT 1"), 'exempt-deny', 'the record goes on');
is(query($node, 'shop', "SELECT count(*) FROM hoopguard.note WHERE kind = 'break_glass'"), '1', 'with a note');
like(run_as($human, 'SELECT hoopguard.unmap_role(current_user)'), qr/HG001/, 'policy stays out of reach');
like(run_as('second', $update), qr/HG001/, 'others are denied');
as_dba($node, 'shop', "SELECT hoopguard.drop_exemption(id) FROM hoopguard.exemption WHERE active");
like(run_as($human, $update), qr/HG001/, 'the DBA can end it');

$node->stop;
done_testing();
