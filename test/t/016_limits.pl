
# Limits under load: sessions side by side, restarts, ceilings met in mid-run.

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
my $agent = 'regress_hoopguard_agent';

as_dba($node, 'shop', <<EOS);
CREATE TABLE agent_ws.log (id int, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE agent_ws.big AS SELECT g AS id, 0 AS n FROM generate_series(1, 300000) g;
GRANT ALL ON ALL TABLES IN SCHEMA agent_ws TO $agent;
VACUUM ANALYZE agent_ws.big;
EOS

# SQLSTATEs of the errors in what psql wrote.
sub states
{
	my ($err) = @_;
	return join ',', $err =~ /ERROR:\s+(\S{5})/g;
}

# pgbench, so many sessions at a time, each until its first error or the end.
sub together
{
	my ($clients, $transactions, $sql, @more) = @_;
	my $script = PostgreSQL::Test::Utils::tempdir() . '/script.sql';
	append_to_file($script, $sql);
	IPC::Run::run(
		[
			'pgbench', '-n', '-f', $script, '-c', $clients, '-j', $clients,
			'-t', $transactions, @more, '-h', $node->host, '-p', $node->port,
			'-U', $agent, 'shop'
		],
		'>', \my $out, '2>', \my $err);
	return $err;
}

sub left
{
	my ($kind, $what) = @_;
	my ($status, $out, $err) = as_role($node, 'shop', $agent,
		"SELECT $what FROM hoopguard.limits_left() WHERE kind = '$kind' AND per = '1 day'");
	return $out;
}

# An UPDATE of a large table stops at the ceiling, at once, without a trace.
as_dba($node, 'shop',
	"SELECT hoopguard.set_limit('$agent', 'rows_written', 1000);");
my ($status, $out, $err) = as_role($node, 'shop', $agent,
	"\\timing on\nUPDATE agent_ws.big SET n = n + 1 WHERE id > 0;");
is(states($err), 'HG004', 'an UPDATE of 300000 rows is stopped');
my ($ms) = $out =~ /Time: ([0-9.]+) ms/;
cmp_ok($ms, '<', 1000, "... soon (after $ms ms)");
is(as_dba($node, 'shop', 'SELECT sum(n) FROM agent_ws.big'),
	0, '... and has changed nothing');

# Eight sessions of one subject share a window.
as_dba($node, 'shop', <<EOS);
SELECT hoopguard.set_limit('$agent', 'rows_written', 1000, '1 day');
EOS
my $told = together(8, 400, "INSERT INTO agent_ws.log VALUES (1);\n");
is(as_dba($node, 'shop', 'SELECT count(*) FROM agent_ws.log'),
	1000, 'eight sessions write as many rows as the window holds');
like($told, qr/limit of 1000 rows written per 1 day reached/,
	'... and meet the limit');
is(left('rows_written', 'used || \' \' || "left"'),
	'1000 0', 'limits_left() says so');

# Batches that do not fit exactly, rolled back and prepared: never above.
as_dba($node, 'shop', <<EOS);
TRUNCATE agent_ws.log;
SELECT hoopguard.set_limit('$agent', 'rows_written', 2500, '1 day');
EOS
together(8, 100,
	"BEGIN;\nINSERT INTO agent_ws.log SELECT generate_series(1, 7);\nSAVEPOINT s;\nINSERT INTO agent_ws.log SELECT generate_series(1, 3);\nROLLBACK TO s;\nCOMMIT;\n",
	'-M', 'prepared');
my $written = as_dba($node, 'shop', 'SELECT count(*) FROM agent_ws.log');
cmp_ok($written, '<=', 1050, 'rolled back rows are used up, too');
cmp_ok($written, '>=', 7, '... but not from the beginning');
cmp_ok(left('rows_written', 'used'), '<=', 2500,
	'the window never holds more than its limit');

# The same for rows returned and for time.
as_dba($node, 'shop', <<EOS);
SELECT hoopguard.set_limit('$agent', 'rows_returned', 500, '1 day');
EOS
$told = together(8, 100, "SELECT generate_series(1, 10);\n");
like($told, qr/limit of 500 rows returned/, 'rows returned add up');
# each session may have been stopped within a statement, which does not count
my $returned = query($node, 'shop',
	"SELECT sum(rows_returned) FROM hoopguard.activity
	WHERE session_role = '$agent' AND command = 'SELECT' AND sqlstate = '00000'
	AND text LIKE 'select generate_series%' AND level = 0");
cmp_ok($returned, '<=', 500, '... to the limit');
cmp_ok($returned, '>', 500 - 8 * 10, '... and not to less');
as_dba($node, 'shop', <<EOS);
SELECT hoopguard.drop_limit(id) FROM hoopguard.limit_rule WHERE kind = 'rows_returned';
SELECT hoopguard.set_limit('$agent', 'run_ms', 3000, '1 day');
EOS
$told = together(8, 1, "DO 'BEGIN LOOP END LOOP; END';\n");
like($told, qr/limit of 3000 milliseconds/, 'endless loops share their time');
cmp_ok(left('run_ms', 'used') + 0, '<=', 3000, '... and have no more than it');
as_dba($node, 'shop', <<EOS);
SELECT hoopguard.drop_limit(id) FROM hoopguard.limit_rule WHERE kind = 'run_ms';
EOS

# What was counted outlives the server.
my $before = left('rows_written', 'used');
query($node, 'shop', 'SELECT 1');
$node->restart;
is(left('rows_written', 'used'), $before,
	'a restart forgets nothing of a window');
query($node, 'shop', 'SELECT 1');
$node->stop('immediate');
$node->start;
is(left('rows_written', 'used'), $before, '... nor does a crash');
like(status_of($node, 'shop', 'windows of limits'),
	qr/^\d+ of 1024 in use$/, 'status() shows the windows');

# A limit that is new begins with nothing, whatever was written before.
as_dba($node, 'shop', <<EOS);
SELECT hoopguard.drop_limit(id) FROM hoopguard.limit_rule WHERE per = '1 day';
SELECT hoopguard.set_limit('$agent', 'rows_written', 5, '1 day');
EOS
is(left('rows_written', 'used'), 0, 'a new limit begins with nothing');

# Short windows free up again.
as_dba($node, 'shop', <<EOS);
SELECT hoopguard.drop_limit(id) FROM hoopguard.limit_rule WHERE per = '1 day';
SELECT hoopguard.set_limit('$agent', 'rows_written', 5, '3 seconds');
EOS
($status, $out, $err) = as_role($node, 'shop', $agent, <<'EOS');
INSERT INTO agent_ws.log SELECT generate_series(1, 5);
INSERT INTO agent_ws.log SELECT generate_series(1, 5);
SELECT pg_sleep(3.2);
INSERT INTO agent_ws.log SELECT generate_series(1, 5);
INSERT INTO agent_ws.log VALUES (1);
EOS
is(states($err), 'HG004,HG004', 'a window frees up when its time has passed');

# More windows than there is room for: refused, not uncounted.
as_dba($node, 'shop', <<EOS);
SELECT hoopguard.drop_limit(id) FROM hoopguard.limit_rule WHERE per = '3 seconds';
INSERT INTO hoopguard.limit_rule (for_subject, kind, value, per)
	SELECT '$agent', 'statements', 1000000, g || ' hours' FROM generate_series(1, 1030) g;
EOS
($status, $out, $err) = as_role($node, 'shop', $agent, 'SELECT 1');
is(states($err), 'HG004', 'no room for a window: refused');
is(status_of($node, 'shop', 'windows of limits'), '1024 of 1024 in use',
	'... and shown');
as_dba($node, 'shop', <<EOS);
DELETE FROM hoopguard.limit_rule WHERE kind = 'statements';
EOS
($status, $out, $err) = as_role($node, 'shop', $agent, 'SELECT 1');
is($out, '1', 'without those limits it runs again');

$node->stop;
done_testing();
