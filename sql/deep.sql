-- What nests deeply, or fails oddly, takes neither time nor memory without end.
CREATE ROLE regress_hoopguard_deep;
CREATE SCHEMA regress_deep;
GRANT USAGE, CREATE ON SCHEMA regress_deep TO regress_hoopguard_deep;
CREATE TABLE regress_deep.person (id int PRIMARY KEY, email text);
INSERT INTO regress_deep.person VALUES (1, 'real@example.com');
CREATE TABLE regress_deep.number (x int8);
INSERT INTO regress_deep.number VALUES (1), (NULL);
GRANT ALL ON ALL TABLES IN SCHEMA regress_deep TO regress_hoopguard_deep;
SELECT hoopguard.map_role('regress_hoopguard_deep', scrub_output => true);
SELECT hoopguard.add_rule('allow', '{ALL}',
	for_subject => 'regress_hoopguard_deep', priority => 1) > 0 AS freed;

-- a query around a query, each built on the one before
CREATE FUNCTION regress_deep.nested(wrap text, start text, n int) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..n LOOP
		start := format(wrap, start, i);
	END LOOP;
	RETURN start;
END $$;

-- far more than any of these takes, far less than what doubles at each level
SET statement_timeout = '60s';
SET SESSION AUTHORIZATION regress_hoopguard_deep;

-- row types of two columns of a row type of two columns, and so on
DO $$
BEGIN
	CREATE TEMP TABLE row0 (a text, email text);
	FOR i IN 1..16 LOOP
		EXECUTE format('CREATE TEMP TABLE row%s (a row%s, b row%s)', i, i - 1,
			i - 1);
	END LOOP;
	INSERT INTO row16 VALUES (NULL, NULL);
END $$;
SELECT * FROM row16;
SELECT r FROM row16 r;
SELECT ROW(NULL::row16, 'write to real@example.com'::text);
RESET SESSION AUTHORIZATION;
SELECT sum(total_bytes) < 4000000 AS little
FROM pg_backend_memory_contexts WHERE name LIKE 'hoopguard%';
SET SESSION AUTHORIZATION regress_hoopguard_deep;

-- a column that is computed twice from one that is computed twice ...
\set sums '''SELECT x + x AS x, id FROM (%s OFFSET 0) s%s'''
SELECT regress_deep.nested(:sums,
	'SELECT id::int8 AS x, id FROM regress_deep.person', 30) AS query \gset
SELECT x, id, email FROM (:query) s JOIN regress_deep.person USING (id);
UPDATE regress_deep.person SET email = x::text FROM (:query) s
WHERE s.id = person.id;
INSERT INTO regress_deep.number SELECT x FROM (:query) s;

-- ... by functions in FROM
SELECT 'SELECT g30, email FROM (regress_deep.person CROSS JOIN LATERAL'
	' int4larger(id, id) AS f0 (g0)' || string_agg(format(' CROSS JOIN LATERAL'
	' int4larger(g%s, g%s) AS f%s (g%s)', i - 1, i - 1, i, i), '' ORDER BY i)
	|| ')' AS query
FROM generate_series(1, 30) i \gset
:query;

-- and conditions on conditions on columns of subqueries
SELECT regress_deep.nested(
	'SELECT x FROM (%s) a%s WHERE x = x AND x + 0 = x',
	'SELECT x FROM regress_deep.number WHERE x = x', 30) AS query \gset
DELETE FROM regress_deep.number WHERE x IN (:query);
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM regress_deep.number;

-- an error while planning a text that does not scan any more
SET escape_string_warning = off;
SET standard_conforming_strings = off;
PREPARE odd AS SELECT 'it\'s', 1 / 0;
SET standard_conforming_strings = on;
EXECUTE odd;
DO $$
BEGIN
	EXECUTE 'EXECUTE odd';
EXCEPTION WHEN division_by_zero THEN
	RAISE NOTICE 'caught: %', SQLERRM;
END $$;
DEALLOCATE odd;
RESET escape_string_warning;

RESET statement_timeout;
SELECT hoopguard.unmap_role('regress_hoopguard_deep');
SET client_min_messages = warning;
DISCARD TEMP;
DROP OWNED BY regress_hoopguard_deep;
DROP SCHEMA regress_deep CASCADE;
DROP ROLE regress_hoopguard_deep;
