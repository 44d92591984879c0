-- What each method makes of each type; what it does not know becomes NULL.
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE SCHEMA mask_method;
GRANT USAGE ON SCHEMA mask_method TO regress_hoopguard_agent;
SET search_path = mask_method;

CREATE DOMAIN free AS text;
CREATE DOMAIN checked AS text CHECK (VALUE <> '');
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE TABLE t (
	id int, t text, vc varchar(6), bp char(8), nm name, fr free, ch checked,
	i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, nu numeric(8,2),
	b bool, d date, ts timestamp, tz timestamptz, ip inet, cd cidr,
	mac macaddr, js jsonb, en mood, co pair, ta text[], ia int[]
);
INSERT INTO t VALUES
	(1, 'j.doe@mail.example.com', 'abcdef', '12345678', 'somename', 'free',
	 'checked', 1, 2, 3, 4, 5, 6.78, true, '1984-05-06',
	 '1984-05-06 07:08:09', '1984-12-31 23:59:59+00', '10.1.2.3/16',
	 '10.1.2.0/24', '08:00:2b:01:02:03', '{"a": 1}', 'happy', (1, 'b'),
	 '{+49 170 123456,NULL}', '{1,2}'),
	(2, '4111 1111 1111 1234', '', '', '', '', 'x', NULL, NULL, NULL, 'NaN',
	 'Infinity', 'NaN', NULL, 'infinity', '-infinity', 'infinity',
	 '2001:db8:1:2::3', '::/0', NULL, '[]', NULL, NULL, '{}', NULL),
	(3, '2001:db8:1:2::3', 'a', 'b', 'c', '10.1.2.3', 'x', NULL, NULL, NULL,
	 NULL, NULL, NULL, NULL, '0044-03-15 BC', '0044-03-15 BC',
	 '4714-11-24 00:00:00+00 BC', '::1', NULL, NULL, NULL, NULL, NULL,
	 '{{a,b},{c,d}}', NULL);
GRANT SELECT ON t TO regress_hoopguard_agent;

SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;

-- masks every column but id with one method and shows the result
CREATE PROCEDURE use_mask(method text, args jsonb DEFAULT '{}')
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM hoopguard.drop_mask(m.id) FROM hoopguard.mask_rule m;
	PERFORM hoopguard.add_mask(method, relation => 't',
		column_name => a.attname::text, args => args)
	FROM pg_attribute a
	WHERE a.attrelid = 't'::regclass AND a.attnum > 1;
END $$;
-- the same by a rule for a class that all the columns belong to
SELECT hoopguard.add_class('probe', 'probe') IS NOT NULL AS added;
CREATE PROCEDURE use_class_mask(method text, args jsonb)
LANGUAGE plpgsql AS $$
DECLARE
	c	name;
BEGIN
	PERFORM hoopguard.drop_mask(m.id) FROM hoopguard.mask_rule m;
	FOR c IN SELECT a.attname FROM pg_attribute a
		WHERE a.attrelid = 't'::regclass AND a.attnum > 1
	LOOP
		EXECUTE format('SECURITY LABEL FOR hoopguard ON COLUMN t.%I IS %L',
			c, 'probe');
	END LOOP;
	PERFORM hoopguard.add_mask(method, class => 'probe', args => args);
END $$;
\pset format unaligned
\pset null '~'
SET TimeZone = 'UTC';
\set show 'SET SESSION AUTHORIZATION regress_hoopguard_agent; SELECT * FROM t ORDER BY id; RESET SESSION AUTHORIZATION;'

CALL use_mask('null');
:show
CALL use_mask('redact');
:show
-- without a value: as redact
CALL use_mask('constant');
:show
-- a constant that not every type can hold
CALL use_class_mask('constant', '{"value": "7"}');
:show
CALL use_class_mask('constant', '{"value": "word"}');
:show
CALL use_mask('partial', '{"first": 2, "last": 1}');
:show
CALL use_mask('email');
:show
CALL use_mask('phone');
:show
CALL use_mask('card');
:show
CALL use_mask('ip');
:show
CALL use_mask('year');
:show

-- a keyed hash: same value, same mask; not the plain hash; the length given
CALL use_mask('hash', '{"length": 16}');
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT length(t), t ~ '^[0-9a-f]{16}$' AS hex, length(vc) AS cut,
	t = left(encode(sha256('j.doe@mail.example.com'), 'hex'), 16) AS plain
FROM t WHERE id = 1;
SELECT count(DISTINCT t) FROM t;
SELECT i4 FROM t WHERE id = 1;
RESET SESSION AUTHORIZATION;

SELECT count(hoopguard.drop_mask(id)) FROM hoopguard.mask_rule;
DROP SCHEMA mask_method CASCADE;
DELETE FROM hoopguard.class WHERE name = 'probe';
DELETE FROM hoopguard.default_mask WHERE class = 'probe';
SELECT hoopguard.unmap_role('regress_hoopguard_agent') IS NOT NULL AS unmapped;
DROP ROLE regress_hoopguard_agent;
