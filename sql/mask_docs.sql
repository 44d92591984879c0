-- The examples of docs/masks.md are what the masks give.
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE SCHEMA mask_docs;
SET search_path = mask_docs;
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;
UPDATE hoopguard.mask_key SET key = sha256('the key of the examples');
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (n int, t text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET IntervalStyle = 'postgres';
SET lc_monetary = 'C';

\set page `cat "$PG_ABS_SRCDIR/docs/masks.md"`
CREATE TABLE example (id int, method text, args jsonb, type text, value text,
	documented text);
INSERT INTO example
SELECT nr, trim('`' FROM c[2]), coalesce(nullif(trim('`' FROM c[3]), ''), '{}')::jsonb,
	trim('`' FROM c[4]), trim('`' FROM c[5]), CASE c[6] WHEN 'NULL' THEN NULL
		WHEN 'empty' THEN '' ELSE trim('`' FROM c[6]) END
FROM regexp_split_to_table(:'page', '\n') WITH ORDINALITY l(line, nr),
	regexp_split_to_array(line, ' ?\| ?') c
WHERE line ~ '^\| `' AND cardinality(c) = 7;
SELECT count(*) > 100 AS found, count(DISTINCT method) AS methods, count(DISTINCT type) > 40 AS types
FROM example;

DO $$
DECLARE
	e	example;
BEGIN
	FOR e IN SELECT * FROM example LOOP
		EXECUTE format('CREATE TABLE ex_%s AS SELECT %L::%s AS v', e.id, e.value,
			e.type);
		EXECUTE format('GRANT SELECT ON ex_%s TO regress_hoopguard_agent', e.id);
		PERFORM hoopguard.add_mask(e.method, relation => ('ex_' || e.id)::regclass,
			column_name => 'v', args => e.args);
	END LOOP;
END $$;
CREATE TABLE result (id int, mask text);
GRANT USAGE ON SCHEMA mask_docs TO regress_hoopguard_agent;
GRANT SELECT ON example TO regress_hoopguard_agent;
GRANT INSERT ON result TO regress_hoopguard_agent;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SET search_path = mask_docs;
DO $$
DECLARE
	e	record;
BEGIN
	FOR e IN SELECT id FROM example LOOP
		EXECUTE format('INSERT INTO result SELECT %s, v::text FROM ex_%s', e.id, e.id);
	END LOOP;
END $$;
RESET SESSION AUTHORIZATION;
SET search_path = mask_docs;
-- no rows
SELECT method, args, type, value, documented, mask
FROM example LEFT JOIN result USING (id)
WHERE documented IS DISTINCT FROM mask OR result.id IS NULL ORDER BY example.id;

SELECT count(hoopguard.drop_mask(id)) > 100 AS dropped FROM hoopguard.mask_rule;
DROP SCHEMA mask_docs CASCADE;
SELECT hoopguard.unmap_role('regress_hoopguard_agent') IS NOT NULL AS unmapped;
DROP ROLE regress_hoopguard_agent;
