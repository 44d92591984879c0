-- Masks inside of json, jsonb and hstore: the way to a leaf decides how it is
-- masked, keys and order stay.
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE SCHEMA mask_json;
SET search_path = mask_json;
SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;
CREATE TABLE doc (id int, j json, b jsonb, t text);
INSERT INTO doc SELECT id, v::json, v::jsonb, v FROM (VALUES
	(1, '{"z": "last", "person": {"name": "Ann", "age": 41, "vip": true, "mail": "ann@mail.test"},
 "tags": ["red", "blue"], "notes": [{"by": "Bob", "text": "hello"}, {"by": "Eve"}], "none": null}'),
	(2, '["a", ["b", {"name": "c"}], 12.50, false]'),
	(3, '"alone"'),
	(4, '17'),
	(5, '{"person": "not an object", "person": {"name": "twice"}}'),
	(6, '{"k\u0065y": "v\"\\\u00412\n"}')) v(id, v);
INSERT INTO doc (id, t) VALUES (7, 'no json'), (8, '{"a": "cut'),
	(9, '{"a": secret}'), (10, '{"a" "b"}x'), (11, ' '), (12, '{"a": "x"} "y"');
GRANT USAGE ON SCHEMA mask_json TO regress_hoopguard_agent;
GRANT SELECT ON doc TO regress_hoopguard_agent;

CREATE PROCEDURE use_json(args jsonb) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM hoopguard.drop_mask(m.id) FROM hoopguard.mask_rule m;
	PERFORM hoopguard.add_mask('json', relation => 'doc', column_name => c,
		args => args) FROM unnest('{j,b,t}'::text[]) c;
END $$;
\pset format unaligned
\set show 'SET SESSION AUTHORIZATION regress_hoopguard_agent; SELECT j, b FROM doc WHERE id < 7 ORDER BY id; RESET SESSION AUTHORIZATION;'

-- all text, nothing else; json is written as it was, spaces and all
CALL use_json('{}');
:show
-- numbers too
CALL use_json('{"default": "redact", "numbers": true}');
:show
-- by path: everything below it, through arrays, the longest path first
CALL use_json('{"default": "none", "paths": {"$.person": "redact",
	"$.person.mail": "email", "$.person.vip": "none",
	"$.notes.by": {"method": "partial", "args": {"first": 1}},
	"$.tags[1]": "null", "$[1][1].name": "constant"}}');
:show
-- wildcards, quoted names
CALL use_json('{"default": "none", "paths": {"$.*.name": "redact",
	"$[*]": "partial", "$[\"notes\"][*].text": "null", "$.\"key\"": "redact"}}');
:show
-- in text: what is not json is not shown at all
CALL use_json('{}');
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT id, t FROM doc ORDER BY id;
RESET SESSION AUTHORIZATION;
-- what is deep is not shown, and does not exhaust the stack
TRUNCATE doc;
INSERT INTO doc SELECT n, t::json, t::jsonb, t FROM (
	SELECT n, repeat('[', n) || '"x"' || repeat(']', n)
	FROM unnest('{256,257,5000}'::int[]) n) v(n, t);
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT id, length(j::text), length(b::text), length(t) FROM doc ORDER BY id;
RESET SESSION AUTHORIZATION;
-- a large one keeps every key and every element, and shows none of its text
TRUNCATE doc;
INSERT INTO doc SELECT 1, v::json, v, v FROM (
	SELECT jsonb_agg(jsonb_build_object('n', i, 't', 'secret ' || i)) v
	FROM generate_series(1, 20000) i) v;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT json_array_length(j), jsonb_array_length(b), j::jsonb = b AS same,
	b::text ~ 'secret' AS shown, j::text ~ 'secret' AS shown, t ~ 'secret' AS shown,
	(SELECT sum((e->>'n')::int) FROM jsonb_array_elements(b) e)
FROM doc;
RESET SESSION AUTHORIZATION;

SELECT count(hoopguard.drop_mask(id)) FROM hoopguard.mask_rule;
DROP SCHEMA mask_json CASCADE;
SELECT hoopguard.unmap_role('regress_hoopguard_agent') IS NOT NULL AS unmapped;
DROP ROLE regress_hoopguard_agent;
