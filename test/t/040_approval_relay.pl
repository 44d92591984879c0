
# A signed decision that somebody else carries: the signature counts, the time,
# the id of the message, and that it is for this very statement.  Who carries
# it needs no right but the function.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $agent = 'regress_hoopguard_agent';
my $relay = 'regress_hoopguard_relay';
my $dir = PostgreSQL::Test::Utils::tempdir();
my $secret = "$dir/secret";
my $mine = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my $theirs = 'whsec_c2VjcmV0LW9mLXRoZS1vdGhlci1kaXJlY3Rpb24tMDE=';
my $other = 'whsec_YW5vdGhlci1zZWNyZXQtdGhhdC1ub2JvZHktaGFz';

append_to_file($secret, "$mine\nresponse $theirs\n");
chmod 0600, $secret;
my $node = new_node('main', "hoopguard.webhook_secret_file = '$secret'
hoopguard.approval_rate = 1000\n");
store_in($node, 'shop');
as_dba($node, 'shop', "CREATE ROLE $relay LOGIN;
	GRANT EXECUTE ON FUNCTION hoopguard.submit_decision(text, text, bigint, text) TO $relay;
	SELECT hoopguard.add_approver('people', role => 'regress_hoopguard_approver')");

my $line = 0;

# A new request; its id and binding.
sub request
{
	$line++;
	as_role($node, 'shop', $agent,
		"UPDATE store.customer SET city = 'Porto' WHERE customer_id = $line");
	return split /\|/, $node->safe_psql('shop',
		"SELECT id, binding FROM hoopguard.approval ORDER BY requested_at DESC LIMIT 1");
}

sub run_again
{
	return (as_role($node, 'shop', $agent,
		"UPDATE store.customer SET city = 'Porto' WHERE customer_id = $line",
		verbosity => 'verbose'))[2];
}

sub body
{
	my ($id, $binding, %more) = @_;
	my %reply = (decision => '"allow"', reason => '"fine"',
		approver => '{"id":"alice@corp"}', id => "\"$id\"", binding => "\"$binding\"", %more);
	return '{' . join(',', map { "\"$_\":$reply{$_}" } sort keys %reply) . '}';
}

my $message = 0;

# Submit a body: (output, error).
sub submit
{
	my ($body, %more) = @_;
	$message++;
	my $id = $more{webhook_id} // "message-$message";
	my $at = $more{at} // time();
	my $key = $more{key} // $theirs;
	my $signature = $more{signature} // $node->safe_psql('shop',
		"SELECT hoopguard._webhook_signature('$key', '$id', $at, \$b\$$body\$b\$)");
	my (undef, $out, $err) = as_role($node, 'shop', $more{role} // $relay,
		"SELECT hoopguard.submit_decision(\$b\$$body\$b\$, '$id', $at, '$signature')",
		verbosity => 'verbose');
	return ($out, $err);
}

my ($out, $err);

# ---- the good ones ----------------------------------------------------------
my ($id, $binding) = request();
($out, $err) = submit(body($id, $binding), webhook_id => 'good-1');
is("$out$err", 'approved', 'a signed allow approves');
is($node->safe_psql('shop', "SELECT decided_by || ' ' || decided_via FROM hoopguard.approval WHERE id = '$id'"),
	'alice@corp relay', 'and the row says who and how');
($out, $err) = submit(body($id, $binding), webhook_id => 'good-1');
like($err, qr/HG012.*taken before/, 'the same message again is refused');
($out, $err) = submit(body($id, $binding));
is("$out$err", 'approved', 'the same decision in a new message changes nothing');
is(run_again(), '', 'the statement runs');
like(run_again(), qr/HG002/, 'once');
($out, $err) = submit(body($id, $binding));
like($err, qr/HG012.*consumed/, 'what is used cannot be decided');

($id, $binding) = request();
($out, $err) = submit(body($id, $binding, decision => '"deny"',
	reason => '"no\u202e\u0007 way"'));
is("$out$err", 'denied', 'a signed deny denies');
like(run_again(), qr/HG003.*no\\\\u\{202E\}\\\\u\{7\} way/s,
	'hidden characters of the reason are spelled out');
($out, $err) = submit(body($id, $binding));
like($err, qr/HG012.*denied/, 'and an allow comes too late');

# ---- signatures -------------------------------------------------------------
($id, $binding) = request();
my $allow = body($id, $binding);
my %bad = (
	'another secret' => [ $allow, key => $other ],
	'the secret of the other direction' => [ $allow, key => $mine ],
	'no signature' => [ $allow, signature => '' ],
	'a cut signature' => [ $allow, signature => 'v1,' ],
	'an old time' => [ $allow, at => time() - 400 ],
	'a time to come' => [ $allow, at => time() + 400 ],
	'a dot in the id' => [ $allow, webhook_id => 'a.b' ],
	'no id' => [ $allow, webhook_id => '' ],
	'another request' => [ body('00000000-0000-4000-8000-000000000000', $binding) ],
	'another binding' => [ body($id, 'sha256:' . '0' x 64) ],
	'true for allow' => [ body($id, $binding, decision => 'true') ],
	'ALLOW' => [ body($id, $binding, decision => '"ALLOW"') ],
	'pending' => [ body($id, $binding, decision => '"pending"') ],
	'a key twice' => [ '{"decision":"deny",' . substr($allow, 1) ],
	'no JSON' => [ 'allow' ],
	'an unknown obligation' => [ body($id, $binding, obligations => '{"four_eyes":true}') ],
	'our own request sent back' => [ '{"specversion":"1.0","id":"' . $id .
		'","data":{"binding":"' . $binding . '"}}' ],
);
foreach my $what (sort keys %bad)
{
	my ($body, %more) = @{ $bad{$what} };
	($out, $err) = submit($body, %more);
	like($err, qr/HG012/, "$what: refused");
}
is($node->safe_psql('shop', "SELECT state FROM hoopguard.approval WHERE id = '$id'"),
	'pending', 'none of them decided anything');
like((as_role($node, 'shop', $relay,
	"SELECT hoopguard.submit_decision(NULL, 'x', 1, 'y')"))[2], qr/HG012/, 'null is refused');

# ---- who may carry ----------------------------------------------------------
($out, $err) = submit($allow, role => 'regress_hoopguard_human');
like($err, qr/42501/, 'who has no right to the function cannot carry it');
as_dba($node, 'shop', "GRANT EXECUTE ON FUNCTION hoopguard.submit_decision(text, text, bigint, text) TO $agent");
($out, $err) = submit($allow, role => $agent);
like($err, qr/HG001/, 'nor can a governed session, whatever it was granted');
($out, $err) = submit(body($id, $binding, approver => "{\"id\":\"$agent\"}"));
like($err, qr/42501/, 'the requester is no approver');
($out, $err) = submit($allow, webhook_id => 'rolled-back');
is("$out$err", 'approved', 'the same is good when nothing is wrong');

# ---- rotation: any line of the direction ---------------------------------------
append_to_file($secret, "response $other\n");
($id, $binding) = request();
($out, $err) = submit(body($id, $binding), key => $other);
is("$out$err", 'approved', 'a second secret is good too');
chmod 0644, $secret;
($id, $binding) = request();
($out, $err) = submit(body($id, $binding));
like($err, qr/HG011/, 'a secret file that others can read is not used');

$node->stop;
done_testing();
