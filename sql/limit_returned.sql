-- rows_returned, bytes_returned, statements and run_ms: by every road to the
-- client.
\set dba :USER
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_reader LOGIN;
CREATE SCHEMA lim;
CREATE TABLE lim.item (id int PRIMARY KEY, val text);
INSERT INTO lim.item SELECT g, 'x' FROM generate_series(1, 20) g;
CREATE FUNCTION lim.all_of_it() RETURNS SETOF lim.item LANGUAGE plpgsql AS
	$$ BEGIN RETURN QUERY SELECT * FROM lim.item; END $$;
GRANT USAGE ON SCHEMA lim TO regress_hoopguard_reader;
GRANT ALL ON ALL TABLES IN SCHEMA lim TO regress_hoopguard_reader;
SELECT hoopguard.map_role('regress_hoopguard_reader');
SELECT hoopguard.set_limit('regress_hoopguard_reader', 'rows_returned', 5) AS rows \gset

\c - regress_hoopguard_reader
\set VERBOSITY terse
SELECT id FROM lim.item;
-- five rows may go, whatever it took to find them
SELECT id FROM lim.item ORDER BY id LIMIT 5;
SELECT count(*) FROM lim.item;
SELECT id FROM lim.item ORDER BY id LIMIT 6;
-- a function's result, RETURNING, a prepared statement, SHOW, VALUES
SELECT id FROM lim.all_of_it();
UPDATE lim.item SET val = 'y' WHERE id <= 6 RETURNING id;
SELECT count(*) FROM lim.item WHERE val = 'y';
PREPARE q AS SELECT id FROM lim.item WHERE id <= $1;
EXECUTE q(6);
EXECUTE q(2);
SHOW ALL;
EXPLAIN SELECT a.id FROM lim.item a, lim.item b, lim.item c WHERE a.id < b.id AND b.id < c.id;
-- what a DO block reads for itself is not returned
DO $$ DECLARE n int; BEGIN FOR n IN SELECT id FROM lim.item LOOP END LOOP; END $$;
-- COPY, of a query and of a table that nothing is masked in
COPY (SELECT id FROM lim.item) TO STDOUT;
COPY lim.item TO STDOUT;
-- FETCH is a statement of its own
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM lim.item ORDER BY id;
FETCH 5 FROM c;
FETCH 6 FROM c;
ROLLBACK;
DECLARE h CURSOR WITH HOLD FOR SELECT id FROM lim.item ORDER BY id;
FETCH 2 FROM h;
FETCH ALL FROM h;
CLOSE h;

-- over a transaction, cursors add up; what came before has come
\c - :dba
SELECT hoopguard.drop_limit(:rows);
SELECT hoopguard.set_limit('regress_hoopguard_reader', 'rows_returned', 8, 'transaction') AS rows \gset
\c - regress_hoopguard_reader
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM lim.item ORDER BY id;
FETCH 5 FROM c;
FETCH 5 FROM c;
ROLLBACK;
SELECT id FROM lim.item ORDER BY id LIMIT 8;

-- bytes: 7 for a row, 4 for a value, and the value's
\c - :dba
SELECT hoopguard.drop_limit(:rows);
SELECT hoopguard.set_limit('regress_hoopguard_reader', 'bytes_returned', 1011) AS bytes \gset
\c - regress_hoopguard_reader
SELECT length(repeat('x', 100000));
SELECT repeat('x', 1000) \g /dev/null
SELECT repeat('x', 1001) \g /dev/null
COPY (SELECT repeat('x', 1001)) TO STDOUT;
\c - :dba
SELECT hoopguard.drop_limit(:bytes);
SELECT hoopguard.flush();
SELECT text, rows_returned, bytes_returned, sqlstate FROM hoopguard.activity
WHERE session_role = 'regress_hoopguard_reader' AND level = 0 AND text LIKE 'select repeat%'
ORDER BY event_id;

-- statements: those the client sends, but BEGIN, COMMIT and their like
SELECT hoopguard.set_limit('regress_hoopguard_reader', 'statements', 2, 'transaction') AS statements \gset
\c - regress_hoopguard_reader
BEGIN;
SELECT 1;
SAVEPOINT s;
DO $$ BEGIN PERFORM 1; PERFORM 2; PERFORM 3; END $$;
SELECT 3;
ROLLBACK;
\c - :dba
SELECT hoopguard.drop_limit(:statements);

-- run_ms stops what runs, waits and loops, also if it catches the cancel
SELECT hoopguard.set_limit('regress_hoopguard_reader', 'run_ms', 200) AS run \gset
\c - regress_hoopguard_reader
SELECT pg_sleep(60);
SELECT count(*) FROM generate_series(1, 1000000000);
DO $$ BEGIN LOOP END LOOP; END $$;
DO $$ BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'caught'; END $$;
DO $$ BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN RAISE NOTICE 'caught'; PERFORM pg_sleep(60); END $$;
-- the next one begins anew, and the session goes on
SELECT 1;
-- over a session, short ones add up
\c - :dba
SELECT hoopguard.drop_limit(:run);
SELECT hoopguard.set_limit('regress_hoopguard_reader', 'run_ms', 300, 'session') AS run \gset
\c - regress_hoopguard_reader
SELECT pg_sleep(0.2);
SELECT pg_sleep(0.2);
SELECT 1;
\c - :dba
SELECT hoopguard.drop_limit(:run);
SELECT hoopguard.unmap_role('regress_hoopguard_reader');
SET client_min_messages = warning;
DROP SCHEMA lim CASCADE;
DROP ROLE regress_hoopguard_reader;
