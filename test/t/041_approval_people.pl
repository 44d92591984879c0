
# Several approvers of a rule, quorum, and whom a request goes to when nobody
# decides: each named approver has to agree, nobody's vote counts twice, and a
# deny of anyone is enough.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $agent = 'regress_hoopguard_agent';
my $node = new_node('main', "hoopguard.approval_rate = 1000\n");
store_in($node, 'shop');
as_dba($node, 'shop', <<'EOS');
CREATE ROLE dba_team; CREATE ROLE security_team; CREATE ROLE boss_team;
CREATE ROLE dora LOGIN IN ROLE dba_team;
CREATE ROLE dan LOGIN IN ROLE dba_team;
CREATE ROLE sue LOGIN IN ROLE security_team;
CREATE ROLE bob LOGIN IN ROLE dba_team, security_team;
CREATE ROLE bess LOGIN IN ROLE boss_team;
CREATE ROLE nobody LOGIN;
SELECT hoopguard.add_approver('boss', role => 'boss_team');
SELECT hoopguard.add_approver('dba', role => 'dba_team', quorum => 2);
SELECT hoopguard.add_approver('security', role => 'security_team');
SELECT hoopguard.add_approver('sleepy', role => 'security_team',
	escalate_after => '200 ms', escalate_to => 'boss');
EOS

# ---- what add_rule() and add_approver() refuse ------------------------------
foreach my $bad ("'dba, nobody'", "'dba, dba'", "'dba,'", "', dba'")
{
	like((as_role($node, 'shop', $node->safe_psql('shop', 'SELECT current_user'),
		"SELECT hoopguard.add_rule('approve', '{UPDATE}', approver => $bad)"))[2],
		qr/HG014/, "approver $bad: HG014");
}
my $dba = $node->safe_psql('shop', 'SELECT current_user');
foreach my $bad ("'a,b', role => 'dba_team'", "' a', role => 'dba_team'",
	"'e', role => 'dba_team', escalate_after => '1 h'",
	"'e', role => 'dba_team', escalate_to => 'boss'",
	"'e', role => 'dba_team', escalate_to => 'none', escalate_after => '1 h'",
	"'e', role => 'dba_team', escalate_to => 'boss', escalate_after => '-1 h'")
{
	like((as_role($node, 'shop', $dba, "SELECT hoopguard.add_approver($bad)"))[2],
		qr/HG014/, "add_approver($bad): HG014");
}
like((as_role($node, 'shop', $dba, "SELECT hoopguard.drop_approver('boss')"))[2],
	qr/HG014/, 'an approver that another escalates to stays');

my $line = 0;

sub request
{
	my ($approver) = @_;
	as_dba($node, 'shop', "SELECT hoopguard.drop_rule(id) FROM hoopguard.rule WHERE priority = 1;
		SELECT hoopguard.add_rule('approve', '{UPDATE}', objects => 'store.invoice_line',
			priority => 1, approver => '$approver')") if defined $approver;
	$line++;
	run_it();
	return $node->safe_psql('shop',
		"SELECT id FROM hoopguard.approval ORDER BY requested_at DESC LIMIT 1");
}

sub run_it
{
	return (as_role($node, 'shop', $agent,
		"UPDATE store.invoice_line SET quantity = 1000 WHERE invoice_line_id = $line"))[2];
}

sub decide
{
	my ($who, $id, $how) = @_;
	my (undef, $out, $err) = as_role($node, 'shop', $who, "SELECT hoopguard." . ($how // 'approve') . "('$id')");
	return "$out$err";
}

like((as_role($node, 'shop', $dba, "SELECT hoopguard.add_rule('approve', '{UPDATE}',
	objects => 'store.invoice_line', priority => 1, approver => 'dba, security');
	SELECT hoopguard.drop_approver('security')"))[2], qr/HG014/,
	'an approver in the list of a rule stays');

# ---- quorum -----------------------------------------------------------------
my $id = request('dba');
is(decide('dora', $id), 'pending', 'quorum 2: one vote is not enough');
is(decide('dora', $id), 'pending', 'the same vote twice neither');
like(run_it(), qr/HG002/, 'and nothing runs');
is(decide('dan', $id), 'approved', 'two are');
is(run_it(), '', 'it runs');

# ---- two approvers ------------------------------------------------------------
$id = request('dba, security');
like(decide('nobody', $id), qr/42501/, 'who belongs to none may not decide');
is(decide('dora', $id), 'pending', 'dba 1 of 2');
is(decide('dan', $id), 'pending', 'dba 2 of 2, security missing');
like(run_it(), qr/HG002/, 'nothing runs');
is((as_role($node, 'shop', 'sue', 'SELECT count(*) FROM hoopguard.pending_approval'))[1],
	'1', 'the other approver sees it');
is(decide('sue', $id), 'approved', 'security too: approved');
is(run_it(), '', 'it runs');

$id = request();
is(decide('bob', $id), 'pending', 'who is in both groups');
is(decide('dora', $id), 'pending', 'has one vote');
is(decide('dan', $id), 'approved', 'that goes where it is needed');

$id = request();
is(decide('sue', $id), 'pending', 'in another order');
is(decide('bob', $id), 'pending', '...');
is(decide('dan', $id), 'approved', '... too');

$id = request();
is(decide('dora', $id), 'pending', 'one agrees');
is(decide('sue', $id, 'deny'), 'denied', 'a deny of anyone is enough');
like(run_it(), qr/HG003/, 'HG003');

$id = request();
is(decide('regress_hoopguard_approver', $id), 'pending',
	'who may decide everything has one vote too');
is(decide('dora', $id), 'pending', '...');
is(decide('dan', $id), 'approved', '... which counts where it is missing');

# ---- escalation ---------------------------------------------------------------
$id = request('sleepy');
ok(wait_until(10, sub { $node->safe_psql('shop',
	"SELECT count(*) FROM hoopguard.approval_target WHERE approval_id = '$id' AND approver = 'boss'") eq '1' }),
	'after its time the request is put before another');
is($node->safe_psql('shop', "SELECT who || ' ' || detail FROM hoopguard.approval_log
	WHERE approval_id = '$id' AND detail LIKE 'escalated%'"),
	'sleepy escalated to boss', 'and the log says so');
is((as_role($node, 'shop', 'bess', "SELECT id FROM hoopguard.pending_approval WHERE id = '$id'"))[1],
	$id, 'who sees it now');
is(decide('bess', $id), 'approved', 'and may decide');
is(run_it(), '', 'it runs');
$id = request();
ok(wait_until(10, sub { $node->safe_psql('shop',
	"SELECT count(*) FROM hoopguard.approval_target WHERE approval_id = '$id'") eq '2' }),
	'escalated');
is(decide('sue', $id), 'approved', 'the first approver may still decide');

$node->stop;
done_testing();
