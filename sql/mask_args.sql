-- Arguments of masks are checked when a rule is made, and rules with method
-- expression are read, too.
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE SCHEMA mask_args;
SET search_path = mask_args;
SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE t (id int, t text, v varchar(3), i int, n numeric(5,2), p positive,
	d date, s timestamp, a int[], b bool, j jsonb, z timestamptz);
INSERT INTO t VALUES (1, 'secret', 'abc', 12, 3.14, 4, '1984-05-06',
	'1984-05-06 07:08:09', '{1,2}', true, '{"k": "v"}', '1984-05-06 07:08:09+00'),
	(2, 'word', 'x', 0, NULL, 1, 'infinity', NULL, '{}', NULL, '[]', NULL);
GRANT USAGE ON SCHEMA mask_args TO regress_hoopguard_agent;
GRANT SELECT ON t TO regress_hoopguard_agent;
-- message and hint without the place in the function
CREATE FUNCTION try(method text, args jsonb, c text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	message text;
	hint text;
BEGIN
	IF c IS NULL THEN
		PERFORM hoopguard.add_mask(method, class => 'email', args => args);
	ELSE
		PERFORM hoopguard.add_mask(method, relation => 't', column_name => c,
			args => args);
	END IF;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN format(E'%s %s\n%s', SQLSTATE, message, hint);
END $$;
\pset format unaligned
\pset tuples_only on

-- unknown methods and arguments: the hint has the list
SELECT try('redacted', '{}');
SELECT try('redact', '{"value": 1}');
SELECT try('partial', '{"firt": 1}');
SELECT try('partial', '[]');
-- values of arguments
SELECT try('partial', '{"first": -1}');
SELECT try('partial', '{"last": "2"}');
SELECT try('partial', '{"char": "**"}');
SELECT try('partial', '{"first": 2, "last": 4, "char": "#"}');
SELECT try('hash', '{"length": 65}');
SELECT try('token', '{"key": 0.5}');
SELECT try('token', '{"existence": "maybe"}');
SELECT try('token', '{"existence": "refuse"}');
-- constants: must fit a column, may not fit a class
SELECT try('constant', '{"value": "word"}');
SELECT try('constant', '{"value": "word"}', 'i');
SELECT try('constant', '{"value": null}', 'i');
SELECT try('constant', '{"value": -5}', 'i');
SELECT try('constant', '{"value": 1000}', 'n');
SELECT try('constant', '{"value": 0}', 'p');
SELECT try('constant', '{"value": 1}', 'p');
SELECT try('constant', '{"value": "longer than it is"}', 'v');
SELECT try('constant', '{"value": "{7,8}"}', 'a');
SELECT try('constant', '{"value": "yes"}', 'b');
SELECT try('constant', '{"value": {"k": null}}', 'j');
-- widths and amounts
SELECT try('bucket', '{}');
SELECT try('bucket', '{"size": 0}');
SELECT try('bucket', '{"size": 1000}', 'd');
SELECT try('bucket', '{"days": 7}', 'd');
SELECT try('bucket', '{"size": 1}', 'i');
SELECT try('noise', '{"ratio": 2}');
SELECT try('noise', '{"ratio": 0.1}', 'd');
SELECT try('noise', '{"ratio": 0.1, "days": 3}', 'd');
-- paths
SELECT try('json', '{"paths": {"person.name": "redact"}}', 'j');
SELECT try('json', '{"paths": {"$.a": "no such"}}', 'j');
SELECT try('json', '{"paths": {"$.a": "json"}}', 'j');
SELECT try('json', '{"default": "expression"}', 'j');
SELECT try('json', '{"numbers": 1}', 'j');
-- expressions: one, over value alone, for a column
SELECT try('expression', '{}', 't');
SELECT try('expression', '{"sql": "left(value, 2)"}');
SELECT try('expression', '{"sql": "left(value, 2) FROM pg_authid"}', 't');
SELECT try('expression', '{"sql": "left(value, 2); SELECT 1"}', 't');
SELECT try('expression', '{"sql": "(SELECT t FROM mask_args.t)"}', 't');
SELECT try('expression', '{"sql": "other"}', 't');
SELECT try('expression', '{"sql": "max(value)"}', 't');
SELECT try('expression', '{"sql": "point(1, 2)"}', 'i');
-- only immutable functions in C: not what reads, changes or moves with a setting
CREATE FUNCTION mine(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT upper($1)';
SELECT try('expression', '{"sql": "mine(value)"}', 't');
SELECT try('expression', '{"sql": "mask_args.mine(value)"}', 't');
SELECT try('expression', '{"sql": "pg_read_file(value)"}', 't');
SELECT try('expression', '{"sql": "to_char(value, ''YYYY'')::timestamp"}', 's');
SELECT try('expression', '{"sql": "date_trunc(''year'', value)"}', 'z');
SELECT try('expression', '{"sql": "random()::int"}', 'i');
SELECT try('expression', '{"sql": "value::int::mask_args.positive"}', 'i');

-- what they make: of the column's type, NULL where there is an error
SELECT count(hoopguard.drop_mask(id)) > 0 FROM hoopguard.mask_rule;
SELECT try('expression', '{"sql": "left(value, 2) || ''..''"}', 't');
SELECT try('expression', '{"sql": "left(value, 1) || repeat(''.'', 5)"}', 'v');
SELECT try('expression', '{"sql": "100 / value"}', 'i');
SELECT try('expression', '{"sql": "value * 1000"}', 'n');
SELECT try('expression', '{"sql": "value - 3"}', 'p');
SELECT try('expression', '{"sql": "value - extract(day from value)::int + 1"}', 'd');
SELECT try('expression', '{"sql": "date_trunc(''hour'', value)"}', 's');
SELECT try('expression', '{"sql": "array_fill(0, ARRAY[cardinality(value)])"}', 'a');
SELECT try('expression', '{"sql": "NULL"}', 'b');
SELECT try('expression', '{"sql": "value - ''k''"}', 'j');
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT t, v, i, n, p, d, s, a, b, j FROM t ORDER BY id;
RESET SESSION AUTHORIZATION;
-- the error itself would tell the value
SELECT count(hoopguard.drop_mask(id)) > 0 FROM hoopguard.mask_rule;
SELECT try('expression', '{"sql": "value::int::text"}', 't');
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT t FROM t ORDER BY id;
RESET SESSION AUTHORIZATION;
-- functions that an agent puts where names are looked up do not take part
GRANT CREATE ON SCHEMA mask_args TO regress_hoopguard_agent;
SELECT count(hoopguard.drop_mask(id)) > 0 FROM hoopguard.mask_rule;
SELECT try('expression', '{"sql": "upper(value)"}', 't');
CREATE FUNCTION upper(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
'BEGIN RAISE WARNING ''seen: %'', $1; RETURN $1; END';
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SET search_path = mask_args, pg_catalog;
SELECT t FROM mask_args.t ORDER BY id;
RESET SESSION AUTHORIZATION;
-- the type has changed since: an error that tells no value
SET search_path = mask_args;
SELECT try('expression', '{"sql": "value + 1"}', 'i');
ALTER TABLE t ALTER i TYPE bytea USING int4send(i);
\set VERBOSITY terse
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT i FROM t ORDER BY id;
RESET SESSION AUTHORIZATION;

SELECT count(hoopguard.drop_mask(id)) > 0 FROM hoopguard.mask_rule;
DROP SCHEMA mask_args CASCADE;
SELECT hoopguard.unmap_role('regress_hoopguard_agent') IS NOT NULL AS unmapped;
DROP ROLE regress_hoopguard_agent;
