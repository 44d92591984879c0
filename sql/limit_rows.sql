-- rows_written: what counts, and where a statement stops.
\set dba :USER
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_limited LOGIN;
CREATE SCHEMA lim;
CREATE TABLE lim.item (id int PRIMARY KEY, val text);
CREATE TABLE lim.part (id int, item_id int REFERENCES lim.item ON DELETE CASCADE);
CREATE TABLE lim.log (id int);
CREATE TABLE lim.noted (id int);
CREATE FUNCTION lim.note() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO lim.log VALUES (NEW.id); RETURN NEW; END $$;
CREATE TRIGGER note AFTER INSERT ON lim.noted FOR EACH ROW EXECUTE FUNCTION lim.note();
CREATE TABLE lim.region (id int, r text) PARTITION BY LIST (r);
CREATE TABLE lim.region_a PARTITION OF lim.region FOR VALUES IN ('a');
CREATE TABLE lim.region_b PARTITION OF lim.region FOR VALUES IN ('b');
CREATE VIEW lim.seen AS SELECT id, val FROM lim.item;
INSERT INTO lim.item SELECT g, 'x' FROM generate_series(1, 100) g;
INSERT INTO lim.part SELECT g, g FROM generate_series(1, 100) g;
INSERT INTO lim.region SELECT g, 'a' FROM generate_series(1, 100) g;
GRANT USAGE, CREATE ON SCHEMA lim TO regress_hoopguard_limited;
GRANT ALL ON ALL TABLES IN SCHEMA lim TO regress_hoopguard_limited;
SELECT hoopguard.map_role('regress_hoopguard_limited');
SELECT hoopguard.add_rule('allow', '{DDL,WRITE}', 'regress_hoopguard_limited', priority => 1) > 0 AS ok;
SELECT hoopguard.set_limit('regress_hoopguard_limited', 'rows_written', 10) AS id \gset
SELECT :id > 1000 AS ok;

\c - regress_hoopguard_limited
-- the error says what to do, to a person and to a program
DO $$
DECLARE hint text; detail text;
BEGIN
	UPDATE lim.item SET val = 'y' WHERE id <= 11;
EXCEPTION WHEN SQLSTATE 'HG004' THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT, detail = PG_EXCEPTION_DETAIL;
	RAISE WARNING E'%\n%\n%', SQLERRM, hint, detail::jsonb - 'limit';
END $$;
\set VERBOSITY terse
-- up to the ceiling it runs, and what was stopped has changed nothing
UPDATE lim.item SET val = 'y' WHERE id <= 10;
SELECT count(*) FROM lim.item WHERE val = 'y';
-- INSERT ... SELECT, in values and through a view
INSERT INTO lim.log SELECT generate_series(1, 10);
INSERT INTO lim.log SELECT generate_series(1, 11);
UPDATE lim.seen SET val = 'z' WHERE id <= 11;
-- what a cascade deletes counts: 5 and 5, then 6 and 5
BEGIN;
DELETE FROM lim.item WHERE id BETWEEN 51 AND 55;
ROLLBACK;
DELETE FROM lim.item WHERE id BETWEEN 51 AND 56;
-- what a trigger writes counts: 5 and 5, then 6 and 5
INSERT INTO lim.noted SELECT generate_series(1, 5);
INSERT INTO lim.noted SELECT generate_series(1, 6);
-- rows of WITH count, each once
WITH a AS (INSERT INTO lim.log SELECT generate_series(1, 6) RETURNING id),
	b AS (INSERT INTO lim.log SELECT generate_series(1, 4))
	SELECT count(*) FROM a;
WITH a AS (INSERT INTO lim.log SELECT generate_series(1, 6) RETURNING id),
	b AS (INSERT INTO lim.log SELECT generate_series(1, 5))
	SELECT count(*) FROM a;
WITH a AS (INSERT INTO lim.log SELECT generate_series(1, 6) RETURNING id)
	UPDATE lim.item SET val = 'w' FROM a WHERE item.id = a.id AND item.id < 5;
WITH a AS (INSERT INTO lim.log SELECT generate_series(1, 6) RETURNING id)
	UPDATE lim.item SET val = 'w' FROM a WHERE item.id = a.id AND item.id < 6;
-- rows that ON CONFLICT leaves alone do not, those it updates do
INSERT INTO lim.item SELECT g, 'n' FROM generate_series(1, 110) g ON CONFLICT DO NOTHING;
BEGIN;
INSERT INTO lim.item SELECT g, 'n' FROM generate_series(1, 10) g
	ON CONFLICT (id) DO UPDATE SET val = 'c' WHERE item.id > 90;
INSERT INTO lim.item SELECT g, 'n' FROM generate_series(1, 100) g
	ON CONFLICT (id) DO UPDATE SET val = 'c' WHERE item.id > 90;
ROLLBACK;
INSERT INTO lim.item SELECT g, 'n' FROM generate_series(1, 11) g
	ON CONFLICT (id) DO UPDATE SET val = 'c';
-- MERGE: 100 rows meet, 10 are changed, then 11
MERGE INTO lim.item t USING generate_series(1, 100) g ON t.id = g
	WHEN MATCHED AND g <= 10 THEN UPDATE SET val = 'm'
	WHEN MATCHED THEN DO NOTHING;
MERGE INTO lim.item t USING generate_series(1, 100) g ON t.id = g
	WHEN MATCHED AND g <= 11 THEN UPDATE SET val = 'm';
-- a row that moves to another partition is one row
UPDATE lim.region SET r = 'b' WHERE id <= 10;
UPDATE lim.region SET r = 'b' WHERE id BETWEEN 11 AND 21;
-- COPY FROM, counted past its own WHERE
\copy lim.log from program 'seq 1 10'
\copy lim.log from program 'seq 1 11'
\copy lim.log from program 'seq 1 1000' where id > 990
\copy lim.log from program 'seq 1 1000' where id > 989
\copy lim.noted from program 'seq 1 6'
-- CREATE TABLE AS stores rows; a temporary table is the session's own
CREATE TABLE lim.made AS SELECT generate_series(1, 11) AS id;
CREATE TEMP TABLE mine AS SELECT generate_series(1, 1000) AS id;
INSERT INTO mine SELECT generate_series(1, 1000);
UPDATE mine SET id = 0;
\copy mine from program 'seq 1 100'
-- everything that runs inside one statement is one statement
DO $$ BEGIN FOR i IN 1..11 LOOP INSERT INTO lim.log VALUES (i); END LOOP; END $$;
DO $$ BEGIN EXECUTE 'INSERT INTO lim.log SELECT generate_series(1, 10)'; END $$;
-- RETURNING, prepared and explained
PREPARE ins AS INSERT INTO lim.log SELECT generate_series(1, $1) RETURNING id;
EXECUTE ins(2);
EXECUTE ins(11);
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) INSERT INTO lim.log SELECT generate_series(1, 11);
-- a caught refusal is not given back: nothing more can be written
DO $$
DECLARE n int := 0;
BEGIN
	INSERT INTO lim.log SELECT generate_series(1, 6);
	FOR i IN 1..3 LOOP
		BEGIN
			INSERT INTO lim.log SELECT generate_series(1, 6);
		EXCEPTION WHEN SQLSTATE 'HG004' THEN n := n + 1;
		END;
	END LOOP;
	RAISE WARNING 'stopped % times', n;
END $$;
-- calling what COPY calls counts against the caller, and does no more
SELECT count(hoopguard._count_row()) FROM generate_series(1, 10);
SELECT count(hoopguard._count_row()) FROM generate_series(1, 11);

-- one's own limits can be looked up, nobody else's
SELECT kind, per, value, used, "left", action FROM hoopguard.limits_left()
	WHERE per = 'statement';
SELECT count(*) FROM hoopguard.limit_rule;

-- warn lets the statement run
\c - :dba
SELECT hoopguard.set_limit('regress_hoopguard_limited', 'rows_written', 10, action => 'warn') = :id AS ok;
\c - regress_hoopguard_limited
UPDATE lim.item SET val = 'v' WHERE id <= 12;
-- 0 stops the first row
\c - :dba
SELECT hoopguard.set_limit('regress_hoopguard_limited', 'rows_written', 0) = :id AS ok;
\c - regress_hoopguard_limited
UPDATE lim.item SET val = 'v' WHERE id = 1;
UPDATE lim.item SET val = 'v' WHERE id = -1;
-- observe: nothing is seen, but it is recorded
\c - :dba
SELECT hoopguard.map_role('regress_hoopguard_limited', mode => 'observe');
\c - regress_hoopguard_limited
UPDATE lim.item SET val = 'o' WHERE id <= 3;
\c - :dba
SELECT hoopguard.flush();
SELECT verdict, rows_affected, rows_written FROM hoopguard.activity
	WHERE session_role = 'regress_hoopguard_limited' AND command = 'UPDATE'
	ORDER BY event_id DESC LIMIT 3;
-- the record has what was counted: cascades, triggers, WITH, COPY
SELECT command, rows_affected, rows_written FROM hoopguard.activity
	WHERE session_role = 'regress_hoopguard_limited' AND level = 0
		AND sqlstate = '00000' AND rows_written > 0 AND rows_written <> rows_affected
	ORDER BY event_id;

-- probes: each row that a unique key of a masked column is asked for, whether
-- the answer is an error, nothing, or a new row
SELECT hoopguard.map_role('regress_hoopguard_limited');
SELECT hoopguard.set_limit('regress_hoopguard_limited', 'rows_written', 10) = :id AS ok;
SELECT hoopguard.set_limit('regress_hoopguard_limited', 'probes', 5, 'session') AS probes \gset
CREATE TABLE lim.account (id int, email text UNIQUE);
INSERT INTO lim.account VALUES (1, 'one@example.com'), (2, 'two@example.com');
GRANT ALL ON lim.account TO regress_hoopguard_limited;
\c - regress_hoopguard_limited
INSERT INTO lim.account VALUES (3, 'one@example.com');
INSERT INTO lim.account VALUES (3, 'two@example.com') ON CONFLICT DO NOTHING;
COPY lim.account FROM STDIN;
3	three@example.com
4	four@example.com
\.
INSERT INTO lim.account VALUES (5, 'five@example.com'), (6, 'six@example.com') ON CONFLICT DO NOTHING;
SELECT used, "left" FROM hoopguard.limits_left() WHERE kind = 'probes';
\c - :dba

-- what cannot be a limit: HG014
\set VERBOSITY sqlstate
SELECT hoopguard.set_limit('regress_hoopguard_limited', 'rows', 1);
SELECT hoopguard.set_limit('regress_hoopguard_limited', 'rows_written', -1);
SELECT hoopguard.set_limit('regress_hoopguard_limited', 'rows_written', NULL);
SELECT hoopguard.set_limit('regress_hoopguard_limited', 'rows_written', 1, 'day');
SELECT hoopguard.set_limit('regress_hoopguard_limited', 'rows_written', 1, '-1 day');
SELECT hoopguard.set_limit('regress_hoopguard_limited', 'rows_written', 1, '0.5 s');
SELECT hoopguard.set_limit('regress_hoopguard_limited', 'rows_written', 1, '2 years');
SELECT hoopguard.set_limit('regress_hoopguard_limited', 'rows_written', 1, action => 'allow');
SELECT hoopguard.set_limit('regress_hoopguard_limited', 'statements', 1);
SELECT hoopguard.set_limit('regress_hoopguard_nobody', 'rows_written', 1);
SELECT hoopguard.drop_limit(-1);
SELECT hoopguard.drop_limit(:id);
SELECT hoopguard.drop_limit(:probes);
SELECT hoopguard.unmap_role('regress_hoopguard_limited');
SET client_min_messages = warning;
DELETE FROM hoopguard.rule WHERE for_subject = 'regress_hoopguard_limited';
DROP SCHEMA lim CASCADE;
DROP ROLE regress_hoopguard_limited;
