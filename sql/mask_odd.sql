-- Every method on every type with odd values: nothing raises or warns, type
-- and typmod stay, NULL stays NULL, and no mask shows the value.
SET client_min_messages = warning;
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE SCHEMA mask_odd;
SET search_path = mask_odd, public;
SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;
-- what is made by the key is the same each time
UPDATE hoopguard.mask_key SET key = sha256('the key of this test');

-- types that a method meets inside of others
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text, c timestamptz[]);
CREATE TYPE nested AS (p pair, q pair[]);
CREATE TYPE span AS RANGE (SUBTYPE = text);
CREATE DOMAIN address AS text CHECK (VALUE ~ '^[^@]+@[^@]+$');
CREATE DOMAIN counted AS int NOT NULL CHECK (VALUE > 0);
-- a check that raises: on what it does not expect, and in a function
CREATE DOMAIN digits AS text CHECK (VALUE::numeric > 0);
CREATE FUNCTION talks(text) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING 'checked %', $1;
	RETURN true;
END $$;
CREATE DOMAIN talking AS text CHECK (talks(VALUE));
CREATE DOMAIN pairs AS pair CHECK (VALUE IS NULL OR (VALUE).a IS NOT NULL);

-- a type and its odd values; nil is NULL
CREATE TABLE kind (id serial, type text, vals text[]);
INSERT INTO kind (type, vals) VALUES
	('text', ARRAY['', ' ', 'x', '@', 'a@b', '@@@', 'Jürgen Müßig', '名前は秘密です', '​​', '😀😀😀', E'a\x01b\nc', '...', repeat('long value ', 2000), 'e' || repeat('@', 300), '1984-05-06', '9999-99-99', '{"a":', '::', '1.2.3.4.5.6', '٣٤٥٦٧', 'ﬁ', 'éé']),
	('varchar(5)', ARRAY['', 'abcde', 'äöüßé', '😀😀😀😀😀']),
	('char(6)', ARRAY['', 'ab', 'abcdef', 'äöü']),
	('citext', ARRAY['', 'MiXed', 'ÄÖÜ']),
	('name', ARRAY['', 'a', repeat('n', 63), repeat('ü', 31)]),
	('"char"', ARRAY['', 'x', '\351']),
	('bool', ARRAY['t', 'f']),
	('int2', ARRAY['0', '9', '-9', '32767', '-32768']),
	('int4', ARRAY['0', '-1', '2147483647', '-2147483648']),
	('int8', ARRAY['0', '-1', '9223372036854775807', '-9223372036854775808', '4111111111111111']),
	('money', ARRAY['0', '-92233720368547758.08', '92233720368547758.07', '0.01']),
	('float4', ARRAY['0', '-0', 'NaN', 'Infinity', '-Infinity', '3.4e38', '1e-45', '0.1', '16777217']),
	('float8', ARRAY['0', '-0', 'NaN', 'Infinity', '-Infinity', '1.7976931348623157e308', '5e-324', '123456.789', '9007199254740993']),
	('numeric', ARRAY['0', '0.000', 'NaN', 'Infinity', '-Infinity', '1e1000', '-1e-1000', '123.4500', '99999999999999999999.9', '18446744073709551616', '9223372036854775808']),
	('numeric(5,2)', ARRAY['0', '999.99', '-999.99', 'NaN', '0.01']),
	('numeric(3,5)', ARRAY['0', '0.00999', '-0.00001']),
	('numeric(2,-3)', ARRAY['0', '99000', '-1000']),
	('date', ARRAY['infinity', '-infinity', '4714-11-24 BC', '5874897-12-31', '0001-01-01', '2000-02-29', '1899-12-31', '2100-01-01', '294277-01-01']),
	('time', ARRAY['00:00', '24:00', '23:59:59.999999']),
	('time(0)', ARRAY['00:00', '23:59:59']),
	('timetz', ARRAY['00:00+15:59', '24:00-15:59', '12:00:00.5+00']),
	('timestamp', ARRAY['infinity', '-infinity', '4714-11-24 BC', '294276-12-31 23:59:59.999999', '1999-12-31 23:59:59.999999', '2000-01-01']),
	('timestamp(3)', ARRAY['1984-05-06 07:08:09.123', '1984-05-06']),
	('timestamptz', ARRAY['infinity', '-infinity', '4714-11-24 00:00:00+00 BC', '294276-12-31 23:59:59.999999+00', '1984-05-06 07:08:09+00']),
	('interval', ARRAY['0', '-178000000 years', '178956970 years 7 mons', '-2147483648 days', '2562047788:00:54.775807', '1 mon -1 day 00:00:00.1']),
	('interval year to month', ARRAY['5 years', '-1 mon']),
	('uuid', ARRAY['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '6ecd8c99-4036-403d-bf84-cf8400f67836']),
	('inet', ARRAY['0.0.0.0/0', '255.255.255.255', '10.1.2.3/8', '::', '2001:db8::1/64']),
	('cidr', ARRAY['0.0.0.0/0', '10.0.0.0/8', '::/0', '2001:db8::/33', '1.2.3.4/32']),
	('macaddr', ARRAY['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff']),
	('macaddr8', ARRAY['00:00:00:00:00:00:00:00', '08:00:2b:01:02:03:04:05']),
	('bytea', ARRAY['', '\x00', '\x00ff', '\x' || repeat('deadbeef', 3000)]),
	('bit', ARRAY['0', '1']),
	('bit(11)', ARRAY['00000000000', '10101010101']),
	('varbit', ARRAY['', '1', '0000000', '111111111']),
	('mood', ARRAY['sad', 'ok', 'happy']),
	('address', ARRAY['some@one', 'x@y.com']),
	('counted', ARRAY['1', '4711', '2147483647']),
	('digits', ARRAY['1', '12345']),
	('talking', ARRAY['secret']),
	('pairs', ARRAY['(1,secret,)']),
	('text[]', ARRAY['{}', '{NULL}', '{"",secret,NULL}', '{{a,b},{c,d}}', '[5:6]={first,second}']),
	('int[]', ARRAY['{}', '{NULL,12345}', '{{{100}}}']),
	('address[]', ARRAY['{some@one}']),
	('mood[]', ARRAY['{sad,NULL,happy}']),
	('jsonb[]', ARRAY['{"{\"k\": \"secret\"}",NULL}']),
	('int4range', ARRAY['empty', '(,)', '[1,2147483647)', '[-2147483648,)', '[100,200)']),
	('numrange', ARRAY['empty', '(,)', '(1.5,2.5]', '[NaN,NaN]']),
	('daterange', ARRAY['empty', '[4714-11-24 BC,5874897-12-31)', '[2001-02-03,2001-02-04)', '[,infinity)']),
	('tstzrange', ARRAY['[-infinity,infinity]', '[2001-02-03,2001-02-04)']),
	('span', ARRAY['[abc,def]', 'empty']),
	('int8multirange', ARRAY['{}', '{(,)}', '{[1,5),[100,200)}']),
	('datemultirange', ARRAY['{[2001-02-03,2001-02-04),[2002-02-03,)}']),
	('pair', ARRAY['(,,)', '(1,secret,{infinity})', '(,"",)']),
	('nested', ARRAY['("(1,secret,)","{""(2,hidden,)""}")', '(,)']),
	('json', ARRAY['null', '"secret"', '123456', 'true', '[]', '{}', ' { "a" : "se\u0063ret" , "a" : [1, 2.50, null, true] } ', '{"": "\u0000\ud800x"}', '1e400', '[1e999999]', '[-0.0, 1E-2000]', repeat('[', 300) || '"deep secret"' || repeat(']', 300), '"\\\"/\b\f\n\r\t"']),
	('jsonb', ARRAY['null', '"secret"', '123456', 'true', '[]', '{}', '{"a": "secret", "b": [1, 2.50, null, true, {"c": ["x"]}]}', '[[], {}, [[]]]', repeat('[', 300) || '"deep secret"' || repeat(']', 300), '[1e400, -1e-400]']),
	('hstore', ARRAY['', 'a=>secret', 'a=>NULL', '""=>"", b=>hidden']),
	('tsvector', ARRAY['', 'secret:1 word:2A']),
	('tsquery', ARRAY['', 'secret & word']),
	('xml', ARRAY['', 'plain secret', '<a b="secret">text</a>']),
	('point', ARRAY['(1.5,2.5)', '(NaN,Infinity)']),
	('line', ARRAY['{1,2,3}']),
	('lseg', ARRAY['[(1,2),(3,4)]']),
	('box', ARRAY['(3,4),(1,2)']),
	('path', ARRAY['((1,2),(3,4))', '[(1,2)]']),
	('polygon', ARRAY['((1,2),(3,4),(5,6))']),
	('circle', ARRAY['<(1,2),3>']),
	('pg_lsn', ARRAY['0/0', '16/B374D848']),
	('oid', ARRAY['0', '4294967295']),
	('regclass', ARRAY['pg_class']),
	('oidvector', ARRAY['', '1 2 3']),
	('tid', ARRAY['(7,8)']),
	('xid8', ARRAY['12345']),
	('jsonpath', ARRAY['$."secret"']),
	('pg_snapshot', ARRAY['10:20:10,14']);

CREATE TABLE result (kind int, method text, id int, mask text,
	as_expected bool);
GRANT USAGE ON SCHEMA mask_odd TO regress_hoopguard_agent;
GRANT SELECT ON kind TO regress_hoopguard_agent;
GRANT INSERT ON result TO regress_hoopguard_agent;

-- a table for each type; its last row is NULL
SET client_min_messages = error;
DO $$
DECLARE
	k	kind;
BEGIN
	FOR k IN SELECT * FROM kind ORDER BY id LOOP
		EXECUTE format('CREATE TABLE odd_%s (id int, v %s)', k.id,
			CASE k.type WHEN 'counted' THEN 'int' ELSE k.type END);
		FOR i IN 1 .. cardinality(k.vals) LOOP
			EXECUTE format('INSERT INTO odd_%s VALUES ($1, $2::%s)', k.id,
				k.type) USING i, k.vals[i];
		END LOOP;
		EXECUTE format('INSERT INTO odd_%s VALUES (0, NULL)', k.id);
		IF k.type = 'counted' THEN
			EXECUTE format('DELETE FROM odd_%s WHERE v IS NULL', k.id);
			EXECUTE format('ALTER TABLE odd_%s ALTER v TYPE counted', k.id);
		END IF;
		EXECUTE format('GRANT SELECT ON odd_%s TO regress_hoopguard_agent',
			k.id);
	END LOOP;
END $$;
SET client_min_messages = notice;

-- the agent reads everything
CREATE FUNCTION read_all(method text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	k	kind;
BEGIN
	FOR k IN SELECT * FROM kind ORDER BY id LOOP
		BEGIN
			-- typmod kept: what the type's length coercion makes is the same
			EXECUTE format('INSERT INTO result SELECT %s, %L, id, v::text, '
				'pg_typeof(v)::text = %L::regtype::text '
				'FROM odd_%s', k.id, method,
				regexp_replace(k.type, '(\(.*\)| year to month)', ''), k.id);
		EXCEPTION WHEN others THEN
			INSERT INTO result VALUES (k.id, method, -1,
				SQLSTATE || ' ' || SQLERRM, false);
		END;
	END LOOP;
END $$;

CREATE PROCEDURE try(method text, args jsonb DEFAULT '{}')
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM hoopguard.drop_mask(m.id) FROM hoopguard.mask_rule m;
	-- written by hand, so that types the arguments are not for are tried, too
	INSERT INTO hoopguard._mask_rule (method, column_ref, args, schema_name,
		relation_name, column_name)
	SELECT method, hoopguard._column(('odd_' || k.id)::regclass, 'v'), args,
		'mask_odd', 'odd_' || k.id, 'v'
	FROM kind k;
END $$;
\set as_agent 'SET SESSION AUTHORIZATION regress_hoopguard_agent; SELECT read_all(:method); RESET SESSION AUTHORIZATION;'
\pset tuples_only on
\pset format unaligned
SET TimeZone = 'UTC';

\set method '''null'''
CALL try('null');
:as_agent
\set method '''redact'''
CALL try('redact');
:as_agent
\set method '''constant'''
CALL try('constant', '{"value": "7"}');
:as_agent
\set method '''partial'''
CALL try('partial', '{"first": 2, "last": 2, "char": "•"}');
:as_agent
\set method '''email'''
CALL try('email');
:as_agent
\set method '''phone'''
CALL try('phone');
:as_agent
\set method '''card'''
CALL try('card');
:as_agent
\set method '''ip'''
CALL try('ip');
:as_agent
\set method '''hash'''
CALL try('hash');
:as_agent
\set method '''token'''
CALL try('token');
:as_agent
\set method '''year'''
CALL try('year');
:as_agent
\set method '''month'''
CALL try('month');
:as_agent
\set method '''bucket'''
CALL try('bucket', '{"size": 1000, "days": 7}');
:as_agent
\set method '''noise'''
CALL try('noise', '{"ratio": 1, "days": 1000000}');
:as_agent
\set method '''json'''
CALL try('json', '{"default": "token", "numbers": true}');
:as_agent
-- arguments that make no sense count as not given, or make everything NULL
\set method '''nonsense'''
CALL try('partial', '{"first": "x", "last": -5, "char": ""}');
:as_agent
CALL try('bucket', '{"size": 0, "days": -1}');
:as_agent
CALL try('noise', '{"ratio": 7, "days": 1e300}');
:as_agent
CALL try('json', '{"paths": {"nowhere": "none"}, "default": 5}');
:as_agent
CALL try('hash', '{"key": "none"}');
:as_agent
CALL try('no such method');
:as_agent

\pset tuples_only off
-- no error: no rows
SELECT k.type, r.method, r.mask FROM result r JOIN kind k ON k.id = r.kind
WHERE r.id = -1 ORDER BY 1, 2;
-- type kept: no rows
SELECT DISTINCT k.type, r.method FROM result r JOIN kind k ON k.id = r.kind
WHERE NOT r.as_expected ORDER BY 1, 2;
-- every value of every type has been read, by every method
SELECT count(*) = 21 * (SELECT sum(cardinality(vals) + (type <> 'counted')::int)
	FROM kind) AS complete
FROM result;
-- NULL stays NULL: no rows
SELECT k.type, r.method FROM result r JOIN kind k ON k.id = r.kind
WHERE r.id = 0 AND r.mask IS NOT NULL ORDER BY 1, 2;

-- the values again, as text
CREATE TABLE real (kind int, id int, value text);
DO $$
DECLARE
	k	kind;
BEGIN
	FOR k IN SELECT * FROM kind ORDER BY id LOOP
		EXECUTE format('INSERT INTO real SELECT %s, id, v::text FROM odd_%s',
			k.id, k.id);
	END LOOP;
END $$;
-- No mask holds the value (values of one or two characters and empty ones
-- aside), and no number is its own mask.  Not so the methods that make a value
-- coarser: a year may begin where the value is.
SELECT k.type, r.method, v.value, r.mask
FROM result r JOIN real v USING (kind, id) JOIN kind k ON k.id = r.kind
WHERE length(btrim(v.value)) > 2
	AND CASE WHEN v.value ~ '^[-+0-9.e ]*$' THEN r.mask = v.value
		ELSE position(btrim(v.value) IN r.mask) > 0 END
	AND r.method NOT IN ('ip', 'year', 'month', 'bucket')
	-- the neutral value itself, and what holds nothing to be masked
	AND NOT (r.method IN ('redact', 'constant'))
	AND v.value NOT IN ('empty', '{(,)}', 'null', '{NULL}', '(,)', '(,,)',
		'[[], {}, [[]]]', '0.0.0.0/0', '::/0', '"a"=>NULL', '(,"",)')
	-- which leaves truth values
	AND NOT (r.method = 'json' AND v.value = 'true')
	AND v.value !~ '^[[:space:]]*$'
ORDER BY 1, 2, 3;
-- nor a part of it that says what it is about
SELECT k.type, r.method, r.mask
FROM result r JOIN kind k ON k.id = r.kind
WHERE r.mask ~ 'secret|hidden|deep' ORDER BY 1, 2;

-- redact has something to show for all but these types
SELECT k.type FROM kind k
WHERE NOT EXISTS (SELECT FROM result r
	WHERE r.kind = k.id AND r.method = 'redact' AND r.mask IS NOT NULL)
ORDER BY 1;

SELECT count(hoopguard.drop_mask(id)) > 0 AS dropped FROM hoopguard.mask_rule;
SET client_min_messages = warning;
DROP SCHEMA mask_odd CASCADE;
SELECT hoopguard.unmap_role('regress_hoopguard_agent') IS NOT NULL AS unmapped;
DROP ROLE regress_hoopguard_agent;
DROP EXTENSION hstore;
DROP EXTENSION citext;
