
# What the baseline refuses, refused by every road, and recorded.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');
store_in($node, 'shop');
as_dba($node, 'shop', <<'EOS');
CREATE FUNCTION store.empty() RETURNS void LANGUAGE plpgsql
	AS 'BEGIN DELETE FROM store.invoice_line; END';
CREATE FUNCTION store.empty_definer() RETURNS void LANGUAGE sql SECURITY DEFINER
	AS 'DELETE FROM store.invoice_line';
CREATE PROCEDURE store.empty_procedure() LANGUAGE plpgsql
	AS 'BEGIN EXECUTE ''DELETE FROM store.'' || ''invoice_line''; END';
EOS

my $agent = 'regress_hoopguard_agent';

my @refused = (
	'DELETE FROM store.invoice_line',
	'DELETE FROM store.invoice_line WHERE true',
	'DELETE FROM store.invoice_line WHERE 1 = 1',
	'DELETE FROM store.invoice_line WHERE invoice_line_id = invoice_line_id',
	'WITH d AS (DELETE FROM store.invoice_line RETURNING *) SELECT count(*) FROM d',
	'DO $$ BEGIN DELETE FROM store.invoice_line; END $$',
	'SELECT store.empty()',
	'SELECT store.empty_definer()',
	'CALL store.empty_procedure()',
	'EXPLAIN ANALYZE DELETE FROM store.invoice_line',
	'PREPARE d AS DELETE FROM store.invoice_line; EXECUTE d',
	'UPDATE store.invoice_line SET quantity = 0',
	'TRUNCATE store.invoice_line',
	'DROP TABLE store.invoice_line',
	'MERGE INTO store.invoice_line t USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE',
	"COPY store.invoice TO PROGRAM 'true'",
	"COPY store.invoice TO '/tmp/hoopguard-never'",
	"SELECT pg_read_file('PG_VERSION')",
	'SELECT pg_reload_conf()',
	'CREATE ROLE regress_hoopguard_never',
	'GRANT SELECT ON store.invoice TO PUBLIC',
	'ALTER SYSTEM SET work_mem = 1000',
	'CREATE EXTENSION plpgsql',
	'SET hoopguard.mode = off',
	"SELECT hoopguard.unmap_role('$agent')",
	'DELETE FROM hoopguard.subject WHERE true',
	'DROP EXTENSION hoopguard',
);

foreach my $sql (@refused)
{
	my ($status, $out, $err) = as_role($node, 'shop', $agent, $sql);

	# Where core or privileges refuse first, that is as good.
	like($err, qr/ERROR: +(HG001|42501)/, "refused: $sql");
}
is($node->safe_psql('shop', 'SELECT count(*), sum(quantity) FROM store.invoice_line'),
	'96|144', 'nothing has changed');

# HG001 itself for those that the agent's privileges would allow.
foreach my $sql (@refused[ 0 .. 11 ])
{
	my ($status, $out, $err) = as_role($node, 'shop', $agent, $sql);
	like($err, qr/HG001/, "HG001: $sql");
}

my @allowed = (
	'DELETE FROM store.invoice_line WHERE invoice_line_id = 1',
	'UPDATE store.invoice_line SET quantity = 5 WHERE invoice_line_id = 2',
	'EXPLAIN DELETE FROM store.invoice_line',
	'INSERT INTO store.invoice_line VALUES (1, 1, 1, 1, 1)',
	'CREATE TEMP TABLE t AS SELECT 1 AS a; DELETE FROM t; DROP TABLE t',
	'CREATE TABLE agent_ws.t (a int); INSERT INTO agent_ws.t VALUES (1); DROP TABLE agent_ws.t',
	"SET application_name = 'x'; SHOW application_name",
	'BEGIN; SAVEPOINT a; ROLLBACK TO a; COMMIT',
	'SELECT 1',
	"SET hoopguard.intent = 'ticket 12'",
);
foreach my $sql (@allowed)
{
	my ($status, $out, $err) = as_role($node, 'shop', $agent, $sql);
	is($err, '', "allowed: $sql");
}

# Others are not held by the rules.
my ($status, $out, $err) = as_role($node, 'shop', 'regress_hoopguard_human',
	'BEGIN; DELETE FROM store.invoice_line; ROLLBACK');
is($err, '', 'who is not mapped is not held');

# A denial caught in PL/pgSQL stays a denial, and is recorded.
($status, $out, $err) = as_role($node, 'shop', $agent, <<'EOS');
DO $$ BEGIN
	BEGIN
		DELETE FROM store.invoice_line;
	EXCEPTION WHEN OTHERS THEN
		RAISE NOTICE 'caught %', SQLSTATE;
	END;
END $$;
EOS
is($node->safe_psql('shop', 'SELECT count(*) FROM store.invoice_line'), '96',
	'still nothing deleted');
cmp_ok(query($node, 'shop',
		"SELECT count(*) FROM hoopguard.activity
		 WHERE session_role = '$agent' AND verdict = 'deny' AND command = 'DELETE'"),
	'>=', 10, 'denied deletes are in the record');

# The message is for people, the detail for programs.
($status, $out, $err) = as_role($node, 'shop', $agent,
	'DELETE FROM store.invoice_line', verbosity => 'default');
like($err, qr/^(psql:\S+ )?ERROR:  statement denied by guard rule \d+/m, 'message');
like($err, qr/DETAIL:  \{.*"verdict": ?"deny".*\}/, 'detail is JSON');
like($err, qr/HINT:  /, 'hint');

# A new rule holds for the next statement of a session that is already there,
# and for its prepared statements.
my $session = $node->background_psql('shop', on_error_stop => 0,
	extra_params => [ '-U', $agent ]) if $node->can('background_psql');
SKIP:
{
	skip 'no background_psql with query()', 3
	  unless ref $session && $session->can('query');
	is($session->query('PREPARE q AS SELECT count(*) FROM store.invoice; EXECUTE q'),
		'48', 'before');
	as_dba($node, 'shop',
		"SELECT hoopguard.add_rule('deny', '{SELECT}', objects => 'store.invoice', priority => 1)");
	$session->query('EXECUTE q');
	like($session->{stderr}, qr/denied/, 'after, in a prepared statement');
	$session->quit;

	# observe: recorded, not refused
	as_dba($node, 'shop', q{SELECT hoopguard.drop_rule(id) FROM hoopguard.rule WHERE objects = 'store.invoice'});
	as_dba($node, 'shop', q{SELECT hoopguard.add_rule('deny', '{SELECT}', objects => 'store.invoice', priority => 1, mode => 'observe')});
	($status, $out, $err) = as_role($node, 'shop', $agent, 'SELECT count(*) FROM store.invoice');
	is($out, '48', 'a rule in observe mode refuses nothing');
}

# check_sql answers without executing.
($status, $out, $err) = as_role($node, 'shop', $agent,
	"SELECT verdict, unbounded FROM hoopguard.check_sql('DELETE FROM store.invoice_line')");
is($out, 'deny|t', 'check_sql on oneself');
like($node->safe_psql('shop',
		"SELECT verdict, masked_columns FROM hoopguard.check_sql('SELECT email FROM store.customer', '$agent')"),
	qr/^allow\|.*email/, 'check_sql by the DBA');

$node->stop;
done_testing();
