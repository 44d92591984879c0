-- What webhooks get of a statement.  Values go; nothing that could run does.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.sent(s text) RETURNS text LANGUAGE sql AS
	'SELECT hoopguard._redact(s)';
-- statements that have to be sent as they are: how many, what differs, and what
-- the detector finds in them, so that it is seen what holds it back
CREATE FUNCTION pg_temp.kept(list text[]) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', count(*), 'kept,', sum((SELECT count(*)
			FROM hoopguard.detect_spans(s))), 'found,',
		string_agg('CHANGED: ' || hoopguard._redact(s), E'\n')
			FILTER (WHERE hoopguard._redact(s) IS DISTINCT FROM s))
	FROM unnest(list) s $$;

-- values in string constants, and numbers that are a card's
SELECT pg_temp.sent($q$DELETE FROM t WHERE mail = 'ada@example.org' AND id = 7$q$);
SELECT pg_temp.sent($q$INSERT INTO t VALUES ('4242424242424242', 4242424242424242, '4242 4242 4242 4242', 4242424242424241)$q$);
SELECT pg_temp.sent($q$UPDATE t SET a = 'Mail ada@example.org, call +44 20 7946 0958 or (212) 555-0142', b = '212-55-7831'$q$);
SELECT pg_temp.sent($q$SELECT 'DE89370400440532013000', 'DE89 3704 0044 0532 0130 00', 'GB82 WEST 1234 5698 7654 32'$q$);
SELECT pg_temp.sent($q$SELECT 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl', 'ghp_16C7e42F292c6912E7710c838347Ae178B4a'$q$);
SELECT pg_temp.sent($q$SELECT * FROM dblink('host=db user=ada password=s3cret-9', 'postgres://ada:s3cret-9@db/x')$q$);
SELECT pg_temp.sent($q$SELECT N'ada@example.org', E'ada@example.org', e'a\tb, and then more: ada@example.org', 'it''s ada@example.org'$q$);
SELECT pg_temp.sent($q$SELECT 'jürgen@exämple.org', 'user@example.org', 'order@example.in'$q$);
SELECT pg_temp.sent($q$ALTER ROLE ada PASSWORD 'correct horse; battery'$q$);
SELECT pg_temp.sent($q$CREATE USER MAPPING FOR ada SERVER s OPTIONS (user 'ada', password 'plain')$q$);
-- of an EXECUTE: the value alone
SELECT pg_temp.sent($q$SELECT run('DELETE FROM t WHERE mail = ''ada@example.org'' OR true')$q$);

-- nothing to replace: byte for byte the same
SELECT pg_temp.kept(ARRAY[
	'', ';', 'SELECT 1', E'SELECT\n\t1 -- x\n', 'SELECT ''''', 'SELECT 12345678901234567890123',
	'/* open', 'SELECT ''open', 'SELECT "open', 'SELECT $a$ open', 'SELECT \', 'SELECT 1x',
	'SELECT U&''\d83d''', '((((', ''';''']);

-- names, comments and operators are no constants
SELECT pg_temp.kept(ARRAY[
	'DELETE FROM "ada@example.org"',
	'DELETE FROM t -- WHERE mail = ''ada@example.org''',
	'DELETE FROM t /* ''ada@example.org'' /* '' */ ''ada@example.org'' */',
	'SELECT ada@example.org FROM example',
	'SELECT * FROM ghp_16C7e42F292c6912E7710c838347Ae178B4a',
	'SELECT U&"d\0061ta@example.org"', 'SELECT t4242424242424242, $1']);

-- what is code, or may be, is shown
SELECT pg_temp.kept(ARRAY[
	'DO ''BEGIN DELETE FROM t WHERE mail = ''''ada@example.org''''; END''',
	'DO LANGUAGE plpgsql $$BEGIN DELETE FROM t WHERE mail = ''ada@example.org''; END$$',
	'/* x */ ; do ''ada@example.org''',
	'CREATE OR REPLACE FUNCTION f() RETURNS text LANGUAGE sql AS ''SELECT ''''ada@example.org''''''',
	'CREATE FUNCTION f(a text DEFAULT ''ada@example.org'') RETURNS text BEGIN ATOMIC SELECT ''ada@example.org''; END',
	'CREATE PROCEDURE p() LANGUAGE sql AS ''SELECT 4242424242424242''',
	'SELECT run($$DELETE FROM t WHERE mail = ''ada@example.org''$$)',
	'SELECT $x$ada@example.org$x$',
	'COPY t TO PROGRAM ''mail ada@example.org''', 'COPY t FROM ''/tmp/ada@example.org''',
	'LOAD ''ada@example.org''', 'ALTER SYSTEM SET archive_command = ''mail ada@example.org''',
	'SELECT U&''ada@example.org''', 'SELECT U&''!0061da@example.org'' UESCAPE ''!''']);

-- a constant that becomes code: nothing that is found hides more than an
-- operand.  A key with a command between its lines:
SELECT pg_temp.kept(ARRAY[
	E'SELECT run(''-----BEGIN PRIVATE KEY-----\nDROP\nTABLE\nx\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n-----END PRIVATE KEY-----'')',
	'SELECT run(''-----BEGIN PRIVATE KEY-----MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj-----END PRIVATE KEY-----'')',
	-- comments
	'SELECT run(''DELETE FROM t WHERE id = a@b.co--c.com AND id = 1'')',
	'SELECT run(''DELETE FROM t WHERE id = a--b@c.com AND id = 1'')',
	-- keywords that touch an operator, and one behind a number
	'SELECT run(''DELETE FROM t x WHERE id = 1 or@x.co > 0'')',
	'SELECT run(''DELETE FROM t x WHERE id = 1or@x.co > 0'')',
	'SELECT run(''DELETE FROM t x WHERE id = 1e5OR@x.co > 0'')',
	'SELECT run(''select@x.co'')', 'SELECT run(''DELETE FROM t WHERE not@x.co'')',
	-- dollar quotes in hashes
	'SELECT run(''DELETE FROM t WHERE h <> $argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21l$aGFzaGhhc2hoYXNoaGFzaA AND id = 1 $argon2id$'')',
	'SELECT run(''SELECT $6$rounds5000$abcdefghijklmnop$abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz01234567'')',
	-- words behind what announces a secret
	'SELECT run(''/* password: */ DROP TABLE t'')', 'SELECT run(''password=TRUNCATE'')',
	'SELECT run(''password=DROP(1)'')', 'SELECT run(''password=a;DROP'')',
	'SELECT run(''postgres://a:DROP(TABLE)x;1@h/'')',
	-- quotes
	'SELECT ''"DROP TABLE x"@example.org''', 'SELECT ''O''''Brien@example.org''']);

-- names of things and hosts, where they can be told from values
SELECT pg_temp.kept(ARRAY[
	'SELECT run(''DROP TABLE "ada@example.org"'')', 'SELECT nextval(''"4242424242424242"'')',
	'SELECT run(''DROP TABLE IF EXISTS ghp_16C7e42F292c6912E7710c838347Ae178B4a'')',
	'SELECT run(''DELETE FROM a.ghp_16C7e42F292c6912E7710c838347Ae178B4a'')',
	'SELECT run(''TRUNCATE a, ghp_16C7e42F292c6912E7710c838347Ae178B4a'')',
	'SELECT dblink_exec(''host=10.1.2.3 user=ada'', '''')', 'SELECT dblink_exec(''hostaddr = ''''10.1.2.3'''''', '''')',
	'SELECT dblink_exec(''postgres://10.1.2.3/x'', '''')', 'SELECT dblink_exec(''postgres://ada@10.1.2.3/x'', '''')',
	'CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host ''10.1.2.3'')',
	'SELECT run(''["DROP TABLE ghp_16C7e42F292c6912E7710c838347Ae178B4a"]''::json)',
	'ALTER ROLE ada SET x = ''ada@example.org''', 'SET ROLE ''ada@example.org''']);
SELECT pg_temp.sent($q$SELECT '10.1.2.3', '{"mail": "ada@example.org", "ip": ["10.1.2.3"], "key": "ghp_16C7e42F292c6912E7710c838347Ae178B4a"}'$q$);
SELECT pg_temp.sent($q$SELECT 'my key is ghp_16C7e42F292c6912E7710c838347Ae178B4a', 'for "all" ada@example.org'$q$);

-- patterns of the administrator that match too much
SELECT hoopguard.add_class('anything', 'pii');
SELECT hoopguard.add_pattern('anything', '(?s).+') IS NOT NULL;
SELECT pg_temp.sent(s) FROM unnest(ARRAY[
	'SELECT run(''DROP TABLE x'')', E'SELECT run(''1\n2'')', 'SELECT run(''1;2'')', 'SELECT run(''VACUUM'')',
	'SELECT run(''f()'')', 'SELECT run(''a"b"1'')', 'SELECT run(''TABLE/**/x'')', 'SELECT run(''-1'')',
	'SELECT run(''1 OR 2'')', 'SELECT run(''x 1'')', E'SELECT run(''DROP\tTABLE'')', 'SELECT run(''EMP-000017'')']) s;
SELECT hoopguard.drop_pattern(id) IS NOT NULL FROM hoopguard.pattern;

-- which setting the text was parsed with is not known: both have to agree
SELECT pg_temp.kept(ARRAY[
	'SELECT ''x\'', mail FROM t WHERE mail = ''ada@example.org''',
	'SELECT ''x\'' || ada@example.org || '' --''',
	'SELECT ''\'', ''ada@example.org',
	'SELECT E''\'' OR ada@example.org --'' FROM t',
	'SELECT E''\x61da@example.org'', E''a\nda@example.org'', ''\141da@example.org''']);
SELECT pg_temp.sent($q$SELECT '\d+' || 'ada@example.org' || E'\'' || 'ada@example.org'$q$);
SET standard_conforming_strings = off;
SELECT pg_temp.sent($q$SELECT '\d+' || 'ada@example.org' || E'\'' || 'ada@example.org'$q$);
SET backslash_quote = off;
SELECT pg_temp.sent($q$SELECT '\d+' || 'ada@example.org' || E'\'' || 'ada@example.org'$q$);
RESET standard_conforming_strings;
RESET backslash_quote;

-- a constant of several pieces may have comments in it
SELECT pg_temp.kept(ARRAY[
	E'SELECT ''a''\n''ada@example.org''',
	E'SELECT ''a'' -- it''s ada@example.org\n ''ada@example.org''']);

-- whatever the text, it takes no longer than it is long
SELECT length(pg_temp.sent('SELECT ' || repeat('''ada@example.org'',', 1800))) > 30000;
SELECT length(pg_temp.sent('SELECT ' || repeat('''\'',', 6000))) = 24007;
-- nor does a bad pattern keep the recorder: what is not looked at is shown
SELECT count(hoopguard.add_pattern('anything', '(?:a+' || repeat('a', i) || ')+[bc]'))
FROM generate_series(1, 30) i;
SET statement_timeout = '10s';
SELECT left(s, 50), right(s, 20) FROM pg_temp.sent('SELECT ''ada@example.org'', '
	|| repeat('''aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'', ', 700) || '''ada@example.org''') s;
RESET statement_timeout;
SELECT count(hoopguard.drop_pattern(id)) FROM hoopguard.pattern;
DELETE FROM hoopguard.default_mask WHERE class = 'anything';
DELETE FROM hoopguard.class WHERE name = 'anything';
