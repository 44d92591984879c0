
# Rows of all sizes and types, on the ways they have to the client, through
# scrub_output: all arrive, in their order, each with its own values, and what
# limits and events count is what was sent.

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

# Rows of all sizes: each 7th holds nothing, each 50th more than waits at once,
# some of these out of line, some compressed there.
as_dba($node, 'shop', <<EOS);
SELECT hoopguard.map_role('$agent', scrub_output => true);
CREATE TABLE agent_ws.row AS
SELECT g AS id,
	CASE WHEN g % 7 > 0 THEN 'to user' || g || '\@example.org, in ' || g END AS body,
	CASE WHEN g % 50 = 0 THEN repeat('from boss' || g || '\@example.org on ', 500 * (g / 50)) END AS long,
	g * 1.5 AS amount, ('n' || g)::name AS name, g % 2 = 0 AS even,
	ARRAY['a' || g || '\@example.org', 'b' || g] AS words,
	'00000000-0000-0000-0000-000000000000'::uuid AS token,
	jsonb_build_object('who', 'c' || g || '\@example.org', 'n', g) AS doc
FROM generate_series(1, 1000) g;
ALTER TABLE agent_ws.row ALTER long SET STORAGE EXTERNAL;
UPDATE agent_ws.row SET long = long || '.' WHERE id % 100 = 0;
CREATE FUNCTION agent_ws.words(n int) RETURNS text[] LANGUAGE plpgsql AS \$\$
DECLARE
	list text[] := '{}';
BEGIN
	FOR i IN 1 .. n % 5 LOOP
		list[i] := 'd' || n || '\@example.org';
	END LOOP;
	RETURN list;
END\$\$;
CREATE FUNCTION agent_ws.wide() RETURNS text LANGUAGE sql AS
	\$\$SELECT 'SELECT ' || string_agg(format('%L || g', 'e' || i || '\@example.org '), ',')
		|| ' FROM generate_series(1, 5) g' FROM generate_series(1, 1600) i\$\$;
GRANT SELECT ON agent_ws.row TO $agent;
EOS

# The same statement as administrator, with addresses replaced, and as agent.
sub same
{
	my ($name, $sql) = @_;
	my $expected = as_dba($node, 'shop', $sql);
	my ($status, $out, $err) = as_role($node, 'shop', $agent, $sql);
	$expected =~ s/[\w.]+\@example\.org/[email]/g;
	s/ +$//mg for $out, $expected;	# char(n)
	my $n = () = $out =~ /\n/g;
	is($err, '', "$name: no error");
	ok($out eq $expected, "$name: all rows, in order, scrubbed ($n)")
	  or diag(substr($out, 0, 500), "\n", substr($expected, 0, 500));
}

my $all = 'SELECT * FROM agent_ws.row ORDER BY id';
same('rows of all sizes', $all);
same('another order', 'SELECT * FROM agent_ws.row ORDER BY id % 97, id');
same('COPY', "COPY ($all) TO STDOUT");
same('values of fixed length',
	'SELECT name, token, body FROM agent_ws.row ORDER BY id');
same('nothing to look at', 'SELECT id, even, token FROM agent_ws.row ORDER BY id');
same('arrays that a function keeps',
	'SELECT g, agent_ws.words(g) FROM generate_series(1, 300) g');
same('C strings',
	"SELECT ('f' || g)::cstring, g FROM generate_series(1, 200) g");
same("$_ rows", "SELECT body FROM agent_ws.row ORDER BY id LIMIT $_")
  for 1, 63, 64, 65, 128;
same('1600 columns', as_dba($node, 'shop', 'SELECT agent_ws.wide()'));
for my $step (1, 3, 64, 100)
{
	same("a cursor, by $step", join "\n", 'BEGIN;',
		"DECLARE c CURSOR FOR SELECT id, body FROM agent_ws.row WHERE id < 200 ORDER BY id;",
		("FETCH $step FROM c;") x (200 / $step + 1),
		'COMMIT;');
}
same('a cursor both ways, held', join "\n",
	'BEGIN;',
	"DECLARE c SCROLL CURSOR WITH HOLD FOR $all;",
	'FETCH 90 FROM c;', 'FETCH BACKWARD 70 FROM c;', 'COMMIT;',
	'FETCH 70 FROM c;', 'FETCH BACKWARD ALL FROM c;', 'FETCH ALL FROM c;',
	'CLOSE c;');
same('psql asks for rows by the dozen', "\\set FETCH_COUNT 11\n$all;");
same('RETURNING', join "\n", 'BEGIN;',
	'UPDATE agent_ws.row SET id = id WHERE id < 150 RETURNING id, body;', 'ROLLBACK;')
  if as_dba($node, 'shop', "GRANT UPDATE ON agent_ws.row TO $agent; SELECT 1");
same('EXECUTE', "PREPARE q AS SELECT id, body FROM agent_ws.row WHERE id < \$1 ORDER BY id;\n"
	  . "EXECUTE q(100);\nEXECUTE q(3);");

# Values that come again and again, of all types that are looked at as texts,
# with others between them; short ones, long ones, those that hold nothing.
as_dba($node, 'shop', <<EOS);
CREATE EXTENSION citext;
CREATE TABLE agent_ws.again AS
SELECT g AS id, t, t::varchar(1000) AS v, left(t, 30)::char(40) AS c, t::citext AS ci, left(t, 60)::name AS n,
	to_json(t) AS j, jsonb_build_object('who', t, 'n', g % 3) AS jb, xmlelement(name x, t) AS x,
	ARRAY[t, NULL, left(t, 9)] AS words, ROW(t, g % 4)::text AS r
FROM generate_series(1, 9000) g, LATERAL (SELECT
	CASE WHEN g > 6000 THEN 'once' || g || '\@example.org' ELSE
	(ARRAY['to k' || g % 40 || '\@example.org', 'nothing ' || g % 11, 'nothing', '', '12:30 of ' || g % 7,
	repeat('l' || g % 5 || '\@example.org ', 15 + g % 40)])[1 + g % 6] END AS t) s;
GRANT SELECT ON agent_ws.again TO $agent;
EOS
same("values that come again: $_", "SELECT id, $_ FROM agent_ws.again ORDER BY id")
  for qw(t v ci n j jb words), 't, v, j';
same('values that come again: c', 'SELECT id, c FROM agent_ws.again WHERE id % 6 = 0 ORDER BY id');
same('values that come again: x', 'SELECT id, x FROM agent_ws.again ORDER BY id');
is(query($node, 'shop', <<EOS), as_dba($node, 'shop', <<'EOS'), 'each is counted each time');
SELECT scrubbed FROM hoopguard.event e JOIN hoopguard.statement s USING (statement_id)
WHERE s.text ILIKE 'SELECT id, t FROM agent_ws.again ORDER BY id' AND session_role = '$agent'
ORDER BY event_id LIMIT 1
EOS
SELECT sum((length(t) - length(replace(t, '@', '')))) FROM agent_ws.again
EOS
same('another order', 'SELECT id, t FROM agent_ws.again ORDER BY t, id');

# A pattern that is added meanwhile holds for values that came before: a cursor
# of the policy before it gives no more rows.
as_dba($node, 'shop', <<EOS);
CREATE TABLE agent_ws.note AS SELECT g AS id, 'badge XY-' || g % 4 || ' of m\@example.org' AS note
FROM generate_series(1, 4000) g;
GRANT SELECT ON agent_ws.note TO $agent;
SELECT hoopguard.add_mask('scrub', relation => 'agent_ws.note', column_name => 'note');
EOS
my ($host, $port) = ($node->host, $node->port);
my ($cursor_status, $notes, $notes_error) = as_role($node, 'shop', $agent, <<EOS);
BEGIN;
DECLARE c CURSOR FOR SELECT note FROM agent_ws.note ORDER BY id;
FETCH 1000 FROM c;
\\! psql -qXAt -h $host -p $port -d shop -c "SELECT hoopguard.add_pattern('national_id', 'XY-[0-9]') > 0"
FETCH 1000 FROM c;
ROLLBACK;
SELECT note FROM agent_ws.note;
EOS
like($notes_error, qr/HG/, 'a cursor ends when a pattern is added');
like($notes, qr/^(badge XY-\d of \[email\]\n){1000}\S+\n(badge \[national_id\] of \[email\]\n?){4000}$/,
	'... and the next statement knows it') or diag($notes_error, substr($notes, 0, 100), substr($notes, -100));
as_dba($node, 'shop', q{SELECT hoopguard.drop_pattern(id) FROM hoopguard.pattern WHERE class = 'national_id'});

# Replacements are counted once each.
is(query($node, 'shop', <<EOS), '107858|1000', 'what was replaced is counted');
SELECT scrubbed, rows_returned FROM hoopguard.event e JOIN hoopguard.statement s USING (statement_id)
WHERE s.text ILIKE 'SELECT * FROM agent_ws.row ORDER BY id' AND session_role = '$agent'
ORDER BY event_id LIMIT 1
EOS

# A limit lets as many rows through as it says, and the statement that fails
# has returned what its limit counted.
as_dba($node, 'shop', "SELECT hoopguard.set_limit('$agent', 'rows_returned', 100)");
my ($status, $out, $err) = as_role($node, 'shop', $agent,
	'COPY (SELECT body FROM agent_ws.row WHERE id % 7 > 0 ORDER BY id) TO STDOUT');
my @rows = split /\n/, $out;
like($err, qr/HG004/, 'the limit stops it');
is(scalar(@rows), 100, 'after 100 rows');
is(scalar(grep { !/^to \[email\], in \d+$/ } @rows), 0, 'all scrubbed');
as_dba($node, 'shop', "SELECT hoopguard.set_limit('$agent', 'rows_returned', 100, 'session')");
($status, $out, $err) = as_role($node, 'shop', $agent, <<EOS);
COPY (SELECT body, 1 / (80 - id) FROM (SELECT * FROM agent_ws.row ORDER BY id OFFSET 0) r) TO STDOUT;
SELECT 'left ' || "left" FROM hoopguard.limits_left() WHERE kind = 'rows_returned' AND per = 'session';
EOS
my $sent = () = $out =~ /^.*\t/mg;
like($err, qr/22012/, 'a statement fails in its midst');
is($sent, 79, '... after 79 rows');
like($out, qr/^left @{[100 - $sent]}$/m, '... and no more were counted');

# Nor do rows wait for each other.
as_dba($node, 'shop', <<EOS);
SELECT hoopguard.drop_limit(id) FROM hoopguard.limit_rule;
CREATE SEQUENCE agent_ws.seen;
CREATE FUNCTION agent_ws.note(n int) RETURNS text STABLE SECURITY DEFINER LANGUAGE sql AS
	\$\$SELECT nextval('agent_ws.seen') || ' at f' || n || '\@example.org'\$\$;
CREATE FUNCTION agent_ws.anew(n int) RETURNS regclass LANGUAGE plpgsql SECURITY DEFINER AS \$\$
BEGIN
	DROP TABLE IF EXISTS agent_ws.scratch;
	CREATE TABLE agent_ws.scratch (n int);
	RETURN 'agent_ws.scratch'::regclass;
END\$\$;
CREATE TABLE agent_ws.once (v text);
ALTER TABLE agent_ws.once ALTER v SET STORAGE EXTERNAL;
CREATE FUNCTION agent_ws.once(n int) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS \$\$
DECLARE
	r text;
BEGIN
	TRUNCATE agent_ws.once;
	INSERT INTO agent_ws.once VALUES (repeat('g' || n || '\@example.org ', 500));
	SELECT v INTO r FROM agent_ws.once;
	RETURN r;
END\$\$;
CREATE TABLE agent_ws.large AS
SELECT g AS id, repeat('to h' || g || '\@example.org; ', 100000) AS v FROM generate_series(1, 60) g;
GRANT ALL ON agent_ws.seen, agent_ws.large TO $agent;
GRANT USAGE ON SEQUENCE agent_ws.seen TO $agent;
EOS
same('a setting that changes with each row',
	"SELECT set_config('datestyle', CASE WHEN g % 2 = 0 THEN 'German' ELSE 'ISO' END, false), '2020-01-31'::date + g, 't' FROM generate_series(1, 4) g");
same('a table that is made for each row',
	'SELECT g, agent_ws.anew(g) FROM generate_series(1, 3) g');
same('a value that is gone with the next row',
	'SELECT g, agent_ws.once(g) FROM generate_series(1, 3) g');
as_dba($node, 'shop', "SELECT hoopguard.set_limit('$agent', 'rows_returned', 10)");
for my $note ("nextval('agent_ws.seen') || ' at i' || g || '\@example.org'", 'agent_ws.note(g)')
{
	as_dba($node, 'shop', 'ALTER SEQUENCE agent_ws.seen RESTART');
	($status, $out, $err) = as_role($node, 'shop', $agent,
		"SELECT $note FROM generate_series(1, 1000) g");
	like($err, qr/HG004/, "a limit, $note");
	is(as_dba($node, 'shop', 'SELECT last_value FROM agent_ws.seen'),
		11, '... stops it at once');
	is(query($node, 'shop', <<EOS), '10', '... and what was sent is counted');
SELECT scrubbed FROM hoopguard.event WHERE sqlstate = 'HG004' ORDER BY event_id DESC LIMIT 1
EOS
}
($status, $out, $err) = as_role($node, 'shop', $agent,
	"COPY (SELECT 'j' || g || '\@example.org' FROM generate_series(1, 1000) g) TO STDOUT");
is($out, join("\n", ('[email]') x 10), 'ten rows of COPY');
is(query($node, 'shop', <<EOS), '10', '... and as many replacements');
SELECT scrubbed FROM hoopguard.event WHERE sqlstate = 'HG004' ORDER BY event_id DESC LIMIT 1
EOS
as_dba($node, 'shop', 'SELECT hoopguard.drop_limit(id) FROM hoopguard.limit_rule');

# Large values are fetched one at a time.
SKIP:
{
	skip 'no /proc here', 2 unless -e '/proc/self/status';
	($status, $out, $err) = as_role($node, 'shop', $agent, <<'EOS');
SELECT pg_backend_pid() AS pid \gset
\setenv PID :pid
\o /dev/null
SELECT v FROM agent_ws.large;
\o
\! grep VmHWM /proc/$PID/status
EOS
	my ($kb) = $out =~ /VmHWM:\s+(\d+)/;
	my $mb = int($kb / 1024);
	cmp_ok($mb, '<', 120, "60 values of 2 MB need $mb MB");

	# Nor is more remembered than some columns' values.
	my $columns = join ', ', map { "repeat('m', $_) || g || '\@example.org'" } 1 .. 200;
	($status, $out, $err) = as_role($node, 'shop', $agent, <<EOS);
SELECT pg_backend_pid() AS pid \\gset
\\setenv PID :pid
\\o /dev/null
SELECT $columns FROM (SELECT generate_series(1, 10000) g) s;
\\o
\\! grep VmHWM /proc/\$PID/status
EOS
	($kb) = $out =~ /VmHWM:\s+(\d+)/;
	$mb = int($kb / 1024);
	cmp_ok($mb, '<', 120, "200 columns of 10000 values need $mb MB");
}

done_testing();
