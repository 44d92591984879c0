
# What of a statement a webhook gets (hoopguard.webhook_statement), from the
# statement to the body that was sent.  What may be replaced in a text, and
# what an agent could try to hide so: approval_redact (regression).

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Digest::SHA qw(sha256_hex);
use JSON::PP;

my $agent = 'regress_hoopguard_agent';
my $boss = 'regress_hoopguard_approver';
my $port = free_port();
my $dir = PostgreSQL::Test::Utils::tempdir();
my $secret = "$dir/secret";
my $log = "$dir/stub.log";
append_to_file($secret,
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nresponse whsec_c2VjcmV0LW9mLXRoZS1vdGhlci1kaXJlY3Rpb24tMDE=\n");
chmod 0600, $secret;
append_to_file($log, '');
my $node = new_node('main', <<"EOC");
hoopguard.approval_rate = 1000
hoopguard.approval_max_pending = 1000
hoopguard.webhook_secret_file = '$secret'
EOC
store_in($node, 'shop');
my $stub = IPC::Run::start([ python(), source_dir() . '/test/stub/approver_stub.py',
	$port, $secret, $log ], '>', '/dev/null', '2>', "$dir/stub.err");
ok(wait_until(20, sub {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }),
	'the stub listens');

# the tables and rules of one database
my $rules = <<"EOS";
SELECT hoopguard.add_approver('web', url => 'http://127.0.0.1:$port/pending', role => '$boss');
CREATE TABLE agent_ws.thing (id bigint, note text, "ada\@example.org" text);
CREATE TABLE agent_ws.door (id int);
INSERT INTO agent_ws.thing VALUES (1, 'x');
GRANT ALL ON agent_ws.thing, agent_ws.door TO $agent;
CREATE FUNCTION agent_ws.run(text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE \$1; END';
SELECT hoopguard.add_rule('approve', '{INSERT,UPDATE,DELETE}', objects => 'agent_ws.thing',
	priority => 1, approver => 'web');
SELECT hoopguard.add_rule('approve', '{SELECT}', objects => 'agent_ws.door', priority => 1, approver => 'web');
SELECT hoopguard.add_rule('approve', '{DO,CREATE}', priority => 1, approver => 'web');
EOS
as_dba($node, 'shop', $rules);

# The request of the latest statement as the webhook got it, and its bytes.
my $raw;

sub delivered
{
	my ($db) = @_;
	my $id = $node->safe_psql($db, 'SELECT id FROM hoopguard.approval ORDER BY requested_at DESC LIMIT 1');
	my $event;
	wait_until(30, sub {
		($event) = grep { $_->{method} eq 'POST' && $_->{id} eq $id }
		  json_lines($log);
		defined $event; }) or return {};
	$raw = $event->{body};
	return decode_json($raw)->{data};
}

# Send a statement as the agent; what the webhook got of it.
sub sent
{
	my ($sql, $db) = @_;
	$db //= 'shop';
	my $err = (as_role($node, $db, $agent, $sql))[2];
	like($err, qr/HG002/, "$sql asks");
	return delivered($db);
}

# The same with parameters, $1 and so on in the statement.
sub sent_with
{
	my ($sql, @values) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ python(), '-c', <<'EOP', $node->connstr('shop') . " user=$agent", $sql, @values ],
import sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    values = [value.encode() for value in sys.argv[3:]]
    result = connection.pgconn.exec_params(sys.argv[2].encode(), values)
    print(result.error_field(psycopg.pq.DiagnosticField.SQLSTATE).decode())
EOP
		'<', '/dev/null', '>', \$out, '2>', \$err, IPC::Run::timeout(60));
	is($out, "HG002\n", "$sql asks") or diag($err);
	return delivered('shop');
}

# From when on the recorder knows of another setting.
my $turn = 100;

sub set_to
{
	my ($value) = @_;
	$node->safe_psql('shop', "ALTER SYSTEM SET hoopguard.webhook_statement = $value");
	$node->reload;
	my $email = $value eq 'none' ? 'null' : $value eq 'full' ? '"DELETE.*ada' : '"DELETE.*redacted:';
	ok(wait_until(30, sub {
		$turn++;
		as_role($node, 'shop', $agent, "DELETE FROM agent_ws.thing WHERE note = 'ada\@example.org' AND id = $turn");
		delivered('shop');
		$raw =~ /"text":$email/; }), "$value is in force");
}

# Is any of these in what was sent?
sub holds
{
	return grep { index($raw, $_) >= 0 } @_;
}

my $data;
my $statement;

# ---- the setting ---------------------------------------------------------------
is($node->safe_psql('shop', "SELECT setting, context, enumvals FROM pg_settings
	WHERE name = 'hoopguard.webhook_statement'"), 'redacted|sighup|{redacted,full,none}', 'the setting');
like((as_role($node, 'shop', $agent, "SET hoopguard.webhook_statement = 'none'"))[2], qr/55P02|HG001/,
	'is no session\'s');

# ---- redacted: the default -----------------------------------------------------
my $sql = "DELETE FROM agent_ws.thing WHERE note = 'ada\@example.org' AND id < 4242424242424242";
$data = sent("SET hoopguard.intent = 'for bob\@example.org'; $sql");
$statement = $data->{statement};
is($statement->{text}, "DELETE FROM agent_ws.thing WHERE note = '[redacted:email]' AND id < [redacted:credit_card]",
	'redacted: values are replaced, nothing else');
is_deeply([ map { $statement->{$_} ? 1 : 0 } qw(redacted complete escaped) ], [ 1, 1, 0 ], 'redacted: says so, and is whole');
is($statement->{redactions}, 2, 'redacted: and how many');
is($statement->{sha256}, sha256_hex($sql), 'redacted: the hash is that of the exact text');
like($data->{evidence}{plan} // '', qr/Filter: .*\[redacted:email\]/, 'redacted: the plan shows no value either');
is_deeply([ holds('ada@example.org', '4242424242424242') ], [], 'redacted: nor anything else of the body');
is($data->{requester}{intent}, 'for bob@example.org', 'redacted: what the agent says is kept');
like((as_role($node, 'shop', $boss, "SELECT statement_text FROM hoopguard.pending_approval
	ORDER BY requested_at DESC LIMIT 1"))[1], qr/^\Q$sql\E$/, 'redacted: who decides in SQL reads it all');

$sql = "DELETE FROM agent_ws.thing WHERE note = 'plain' AND id = 1";
$statement = sent($sql)->{statement};
is($statement->{text}, $sql, 'redacted: without such values it is the exact text');
is_deeply([ $statement->{redacted} ? 1 : 0, $statement->{redactions} ], [ 0, 0 ], 'redacted: and says so');

$data = sent("INSERT INTO agent_ws.thing VALUES (17, 'ada\@example.org')");
is($data->{evidence}{sample}[0]{after}{note} // '', '[redacted:email]', 'redacted: the sample shows no value');
is($data->{evidence}{sample}[0]{relation} // '', 'agent_ws.thing', 'redacted: but where it is');
is($data->{evidence}{rows}[0]{inserted}, 1, 'redacted: and the counts');

$sql = 'UPDATE agent_ws.thing SET note = $1 WHERE note = $2 AND id = $3';
$data = sent_with($sql, 'Mail ada@example.org or 212-55-7831', 'plain', 4242424242424242);
is($data->{statement}{text}, $sql, 'redacted: parameters are not in the text');
ok($data->{statement}{redacted}, 'redacted: but something is');
is($data->{statement}{redactions}, 0, 'redacted: not in the text');
is_deeply([ map { $_->{value} } @{ $data->{parameters} } ],
	[ 'Mail [redacted:email] or [redacted:us_ssn]', 'plain', '[redacted:credit_card]' ],
	'redacted: parameters have their values replaced');
is_deeply([ map { $_->{redactions} } @{ $data->{parameters} } ], [ 2, undef, 1 ], 'redacted: each says how many');
is_deeply([ holds('ada@example.org', '212-55-7831') ], [], 'redacted: and they are nowhere else');
is($node->safe_psql('shop', "SELECT params -> 0 ->> 'value' FROM hoopguard.approval
	ORDER BY requested_at DESC LIMIT 1"), 'Mail ada@example.org or 212-55-7831', 'redacted: SQL has them');

# ---- what runs is shown --------------------------------------------------------
foreach my $attack (
	"DO 'BEGIN DELETE FROM agent_ws.thing WHERE note = ''ada\@example.org''; END'",
	"DO \$\$BEGIN DELETE FROM agent_ws.thing WHERE note = 'ada\@example.org'; END\$\$",
	"CREATE FUNCTION agent_ws.f() RETURNS text LANGUAGE sql AS 'SELECT ''ada\@example.org'''",
	"SELECT agent_ws.run('-----BEGIN PRIVATE KEY-----\nDROP\nTABLE\nx\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n-----END PRIVATE KEY-----') FROM agent_ws.door",
	"SELECT agent_ws.run('DELETE FROM agent_ws.thing x WHERE id = 1 or\@x.co > 0') FROM agent_ws.door",
	"SELECT agent_ws.run('DELETE FROM t WHERE a = a\@b.co--c.com AND id = 1') FROM agent_ws.door",
	"SELECT 1 AS \"ada\@example.org\" FROM agent_ws.door /* 'ada\@example.org' */")
{
	$statement = sent($attack)->{statement};
	is($statement->{text}, $attack, 'what may run is shown');
	ok(!$statement->{redacted}, 'and nothing is said to be left out');
}

# parsed with one setting, recorded with another: nothing outside is taken for
# the inside of a constant
$sql = "DELETE FROM agent_ws.thing WHERE note = 'x\\' OR \"ada\@example.org\" = '--'";
as_role($node, 'shop', $agent, "SET standard_conforming_strings = off\\;$sql");
is(delivered('shop')->{statement}{text}, $sql, 'a text that can be read in two ways is shown');

# ---- the administrator's patterns ------------------------------------------------
as_dba($node, 'shop', q(SELECT hoopguard.add_class('staff_no', 'pii');
	SELECT hoopguard.add_pattern('staff_no', '\bEMP-\d{6}\b')));
is(sent("DELETE FROM agent_ws.thing WHERE note = 'EMP-000017'")->{statement}{text},
	"DELETE FROM agent_ws.thing WHERE note = '[redacted:staff_no]'", 'patterns of one\'s own');

# ---- none ----------------------------------------------------------------------
set_to('none');
$sql = 'UPDATE agent_ws.thing SET note = $1 WHERE note = $2 AND id = $3';
$data = sent_with($sql, 'sesame', 'open', 1);
$statement = $data->{statement};
ok(exists $statement->{text} && !defined $statement->{text}, 'none: no text');
is_deeply([ map { $statement->{$_} ? 1 : 0 } qw(redacted complete) ], [ 1, 0 ], 'none: and says so');
is($statement->{sha256}, sha256_hex($sql), 'none: its hash');
is($statement->{tag}, 'UPDATE', 'none: its tag');
is_deeply([ map { [ $_->{n}, $_->{type}, $_->{value}, $_->{redactions} ] } @{ $data->{parameters} } ],
	[ [ 1, 'text', undef, 1 ], [ 2, 'text', undef, 1 ], [ 3, 'bigint', undef, 1 ] ],
	'none: types of parameters, no values');
is($data->{facts}{acts}[0]{object}, 'agent_ws.thing', 'none: its relations');
ok(!exists $data->{facts}{text}, 'none: not even without its constants');
ok(!exists $data->{evidence}{plan} && !exists $data->{evidence}{sample}, 'none: neither plan nor sample');
ok($data->{evidence}{rehearsed}, 'none: what came of the rehearsal');
is_deeply([ holds('sesame', 'note =', 'UPDATE agent_ws') ], [], 'none: nothing of it anywhere');
like((as_role($node, 'shop', $boss, "SELECT statement_text FROM hoopguard.pending_approval
	ORDER BY requested_at DESC LIMIT 1"))[1], qr/^\Q$sql\E$/, 'none: who decides in SQL reads it all');

# ---- full ----------------------------------------------------------------------
set_to('full');
$sql = 'UPDATE agent_ws.thing SET note = $1 WHERE note = \'ada@example.org\'';
$data = sent_with($sql, 'bob@example.org');
is($data->{statement}{text}, $sql, 'full: the exact text');
is($data->{parameters}[0]{value}, 'bob@example.org', 'full: the values');
is_deeply([ map { $data->{statement}{$_} ? 1 : 0 } qw(redacted complete) ], [ 0, 1 ], 'full: and says so');
like($data->{evidence}{plan} // '', qr/ada\@example\.org/, 'full: the plan');

# ---- another encoding ------------------------------------------------------------
set_to('redacted');
$node->safe_psql('postgres', "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
as_dba($node, 'latin', "CREATE EXTENSION hoopguard; CREATE SCHEMA agent_ws; GRANT USAGE ON SCHEMA agent_ws TO $agent;
	SELECT hoopguard.map_role('$agent'); $rules");
$data = sent("SET client_encoding = 'UTF8'; DELETE FROM agent_ws.thing WHERE note IN ('ada\@example.org', '\xc3\xa9t\xc3\xa9', 'j\xc3\xbcrgen\@example.org')",
	'latin');
is($data->{statement}{text},
	"DELETE FROM agent_ws.thing WHERE note IN ('[redacted:email]', '\\x{E9}t\\x{E9}', '[redacted:email]')",
	'LATIN1: values are replaced');

$stub->kill_kill;
$node->stop;
done_testing();
