-- Tokens: the same value has the same token everywhere, another one another,
-- and the shape stays.  Keys: who can read, rotate and use them.
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_agent LOGIN;
SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;
UPDATE hoopguard.mask_key SET key = sha256('the key of this test'), id = 1;
CREATE SCHEMA mask_token;
GRANT USAGE ON SCHEMA mask_token TO regress_hoopguard_agent;
SET search_path = mask_token, public;
CREATE EXTENSION citext;
CREATE PROCEDURE mask_all(rel regclass, method text DEFAULT 'token',
	args jsonb DEFAULT '{}') LANGUAGE plpgsql AS $$
BEGIN
	PERFORM hoopguard.drop_mask(m.id) FROM hoopguard.mask_rule m
	WHERE m.relation = rel;
	PERFORM hoopguard.add_mask(method, relation => rel,
		column_name => attname::text, args => args)
	FROM pg_attribute WHERE attrelid = rel AND attnum > 0;
END $$;
\pset format unaligned
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

-- hash is HMAC-SHA-256 under a key of its own that is made from the row's
CREATE FUNCTION pad(key bytea, fill int) RETURNS bytea LANGUAGE sql AS $$
	SELECT decode(string_agg(lpad(to_hex((CASE WHEN i < length(key)
		THEN get_byte(key, i) ELSE 0 END) # fill), 2, '0'), '' ORDER BY i), 'hex')
	FROM generate_series(0, 63) i $$;
CREATE FUNCTION hmac(key bytea, message bytea) RETURNS bytea LANGUAGE sql AS $$
	SELECT sha256(pad(key, 92) || sha256(pad(key, 54) || message)) $$;
CREATE TABLE hashed (id int, t text, b bytea);
INSERT INTO hashed SELECT i, repeat('x', i), convert_to(repeat('x', i), 'UTF8')
FROM unnest('{0,1,54,55,56,63,64,65,119,120,1000}'::int[]) i;
GRANT SELECT ON hashed TO regress_hoopguard_agent;
SELECT hoopguard.add_mask('hash', relation => 'hashed', column_name => c) > 0 AS added
FROM unnest('{t,b}'::text[]) c;
CREATE TABLE seen (id int, t text, b bytea);
GRANT INSERT ON seen TO regress_hoopguard_agent;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
INSERT INTO seen SELECT * FROM hashed;
RESET SESSION AUTHORIZATION;
SELECT count(*), bool_and(s.t = encode(hmac(hmac(key, 'hash'), h.b), 'hex')) AS text,
	bool_and(s.b = hmac(hmac(key, 'hash'), h.b)) AS bytea
FROM hashed h JOIN seen s USING (id), hoopguard.mask_key;

-- 100,000 values have 100,000 tokens, none of which is its value
CREATE TABLE many AS SELECT i AS id, i AS i4, 'user' || i || '@mail' || i % 7 || '.example.com' AS mail
FROM generate_series(1, 100000) i;
-- and so have the values of small sets and of other types
CREATE TABLE several AS SELECT i AS id, (i - 1000)::int2 AS i2, (i * 987654321987)::int8 AS i8,
	(i / 8.0)::numeric(10,3) AS n3, i / 7.0 AS n, (i / 8.0)::float8 AS f8,
	('2019-01-01'::date + i) AS d, '2019-01-01'::timestamp + i * interval '90.5 s' AS ts,
	'00:00'::time + i * interval '30 s' AS tm, make_interval(mins => i) AS iv,
	md5(i::text)::uuid AS u, int4send(i) AS b, '10.0.0.0'::inet + i AS ip,
	set_masklen('10.0.0.0'::inet + i * 16, 28)::cidr AS net, i::bit(12) AS bits,
	chr(97 + i % 26) || i % 100 AS short, (i / 100.0)::text::money AS m,
	('08:00:2b:00:' || to_hex(i / 256) || ':' || to_hex(i % 256))::macaddr AS mac
FROM generate_series(1, 2000) i;
GRANT SELECT ON many, several TO regress_hoopguard_agent;
CALL mask_all('many');
CALL mask_all('several');
SELECT count(hoopguard.drop_mask(id)) FROM hoopguard.mask_rule WHERE column_name = 'id';
SELECT hoopguard.add_rule('allow', '{READ,WRITE}', objects => 'mask_token.*', priority => 1) > 0 AS allowed;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT count(*), count(DISTINCT i4), count(DISTINCT mail) FROM many;
CREATE TEMP TABLE t_some AS SELECT * FROM several;
SELECT c.column_name, (xpath('/row/n/text()', query_to_xml(format(
	'SELECT count(DISTINCT %I) AS n FROM t_some', c.column_name), false, true, '')))[1] AS tokens
FROM information_schema.columns c WHERE c.table_name = 't_some' AND c.column_name <> 'id'
ORDER BY c.ordinal_position;
RESET SESSION AUTHORIZATION;
SELECT count(DISTINCT short) AS values_of_short FROM several;

-- the shape of text stays: letters, digits, case, length, the rest; the
-- domain of an address stays one
CREATE TABLE shape (id serial, t text);
INSERT INTO shape (t) VALUES ('John.Doe@Example.com'), ('4111 1111 1111 1111'),
	('+49 (170) 123-4567'), ('AB-12/x'), ('x'), ('7'), (''), ('   '), ('--'),
	('a@b'), ('me@host.internal'), ('DE89 3704 0044 0532 0130 00');
GRANT SELECT ON shape TO regress_hoopguard_agent;
SELECT hoopguard.add_mask('token', relation => 'shape', column_name => 't') > 0 AS added;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT t FROM shape ORDER BY id;
RESET SESSION AUTHORIZATION;

-- equal values join: over types, tables, case where it does not count
CREATE TABLE parent (id int8 PRIMARY KEY, mail varchar(40) UNIQUE, code citext, day date, amount numeric(20,4));
CREATE TABLE child (parent int4 REFERENCES parent, mail text REFERENCES parent (mail), code char(10),
	at timestamp, amount int8);
INSERT INTO parent SELECT i, 'p' || i || '@x.org', 'Code' || i, '2020-01-01'::date + i, i
FROM generate_series(2147483600::int8, 2147483647) i(n), LATERAL (SELECT (n - 2147483600)::int) j(i);
UPDATE parent SET id = 2147483600 + id, amount = 2147483600 + amount;
INSERT INTO child SELECT id::int4, mail, upper(code::text), day, amount::int8 FROM parent;
GRANT SELECT ON parent, child TO regress_hoopguard_agent;
CALL mask_all('parent');
CALL mask_all('child');
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT count(*) FROM parent p JOIN child c ON c.parent = p.id;
SELECT count(*) FROM parent p JOIN child c ON c.mail = p.mail;
SELECT count(*) FROM parent p JOIN child c ON c.code::citext = p.code;
SELECT count(*) FROM parent p JOIN child c ON c.at = p.day;
SELECT count(*) FROM parent p JOIN child c ON c.amount = p.amount;
SELECT count(*) FROM parent p JOIN child c ON c.parent = p.id AND c.mail = p.mail;
RESET SESSION AUTHORIZATION;
-- what was copied with tokens has the constraints of the original
CREATE TABLE parent_copy (LIKE parent INCLUDING ALL);
CREATE TABLE child_copy (LIKE child INCLUDING ALL, FOREIGN KEY (parent) REFERENCES parent_copy,
	FOREIGN KEY (mail) REFERENCES parent_copy (mail));
GRANT INSERT ON parent_copy, child_copy TO regress_hoopguard_agent;
GRANT SELECT ON parent_copy TO regress_hoopguard_agent;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
INSERT INTO parent_copy SELECT * FROM parent;
INSERT INTO child_copy SELECT * FROM child;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM child_copy;

-- a new key changes tokens, for every session and prepared statement; a mask
-- that names a key keeps its own
CREATE TABLE rotated (id int, t text, kept text);
INSERT INTO rotated VALUES (1, 'some value', 'some value');
GRANT SELECT ON rotated TO regress_hoopguard_agent;
SELECT hoopguard.add_mask('token', relation => 'rotated', column_name => 't') > 0 AS added;
SELECT hoopguard.add_mask('token', relation => 'rotated', column_name => 'kept',
	args => '{"key": 1}') > 0 AS added;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
PREPARE q AS SELECT t, kept FROM rotated;
EXECUTE q;
RESET SESSION AUTHORIZATION;
SELECT hoopguard.rotate_key() <> 1 AS rotated;
SELECT count(*), count(*) FILTER (WHERE current) AS current FROM hoopguard.mask_key;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT t = kept AS same, kept FROM rotated;
-- the agent can neither read nor change keys, nor try values on a mask
\set VERBOSITY terse
SELECT key FROM hoopguard.mask_key;
SELECT hoopguard.rotate_key();
SELECT hoopguard._mask('value'::text, 'token');
SELECT hoopguard._mask('value'::text, NULL);
SELECT hoopguard._mask('value'::text, 'token'::text);
SELECT hoopguard._check_mask_args('token', '{}', 'text');
RESET SESSION AUTHORIZATION;
-- nor through objects, which not even a superuser can make or use
CREATE AGGREGATE oracle(internal) (SFUNC = hoopguard._mask, STYPE = text, INITCOND = 'value');
SELECT oracle(NULL);
CREATE AGGREGATE oracle_final(text) (SFUNC = textcat, STYPE = text, INITCOND = 'value',
	FINALFUNC = hoopguard._mask, FINALFUNC_EXTRA);
CREATE OPERATOR ## (LEFTARG = text, RIGHTARG = internal, FUNCTION = hoopguard._mask);
SELECT 'value'::text ## NULL;
CREATE CAST (text AS citext) WITH FUNCTION hoopguard._mask(anyelement, internal);
CREATE FUNCTION through(text) RETURNS text LANGUAGE sql AS
'SELECT hoopguard._mask($1, ''token'')';
DO $$ BEGIN PERFORM hoopguard._mask('value'::text, 'token'); END $$;
-- no function of the server's hands out an internal value without getting one
SELECT proname FROM pg_proc WHERE prorettype = 'internal'::regtype
	AND NOT 'internal'::regtype = ANY (proargtypes::oid[]) AND proname !~ '(_in|_recv|_deserialize)$'
ORDER BY 1;

SELECT count(hoopguard.drop_mask(id)) > 0 AS dropped FROM hoopguard.mask_rule;
DELETE FROM hoopguard.mask_key WHERE id <> 1;
UPDATE hoopguard.mask_key SET current = true;
DELETE FROM hoopguard.rule WHERE objects = 'mask_token.*';
SET client_min_messages = error;
DROP SCHEMA mask_token CASCADE;
SELECT hoopguard.unmap_role('regress_hoopguard_agent') IS NOT NULL AS unmapped;
DROP OWNED BY regress_hoopguard_agent;
DROP ROLE regress_hoopguard_agent;
