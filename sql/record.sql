-- What is recorded of each statement: one event, its text once, its outcome.
\getenv abs_srcdir PG_ABS_SRCDIR
\set store :abs_srcdir '/test/data/store.sql'
\set dba :USER
\set VERBOSITY sqlstate
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_recorded LOGIN;
\i :store
GRANT USAGE ON SCHEMA store TO regress_hoopguard_recorded;
GRANT ALL ON ALL TABLES IN SCHEMA store TO regress_hoopguard_recorded;
SELECT hoopguard.map_role('regress_hoopguard_recorded', owner => 'alice@example.com');

-- read, write, fail, be denied, roll back; literals of all kinds
\c - regress_hoopguard_recorded
SELECT total FROM store.invoice WHERE invoice_id = 7 AND total > 1.5;
SELECT total FROM store.invoice WHERE invoice_id = 8 AND total > 2.5;
UPDATE store.invoice_line SET quantity = 3 WHERE invoice_line_id IN (1, 2, 3);
SELECT 1 / 0;
DELETE FROM store.invoice_line;
BEGIN;
INSERT INTO store.invoice_line VALUES (900, 1, 1, 1, 1);
SAVEPOINT s;
DELETE FROM store.invoice_line WHERE invoice_line_id = 900;
ROLLBACK TO s;
ROLLBACK;
SELECT 'a literal', E'an\'other', $x$third$x$, 42, 4.2, B'1010', DATE '2020-01-01', true;
/* a comment */ SELECT count(*) -- another
	FROM   store.invoice;
DO $$ BEGIN PERFORM count(*) FROM store.invoice; END $$;
CREATE TEMP TABLE t AS SELECT 1 AS a;
PREPARE q(int) AS SELECT total FROM store.invoice WHERE invoice_id = $1;
EXECUTE q(5);
EXECUTE q(6);
COPY (SELECT 1) TO STDOUT;

\c - :dba
SELECT hoopguard.flush();
SELECT level, command, verdict, outcome,
	rows_returned AS returned,
	rows_affected AS affected, sqlstate, left(text, 100) AS text
FROM hoopguard.activity
WHERE session_role = 'regress_hoopguard_recorded'
ORDER BY at, event_id;

-- two executions of one text are one statement
SELECT count(*) AS events, count(DISTINCT statement_id) AS statements
FROM hoopguard.activity
WHERE session_role = 'regress_hoopguard_recorded' AND text LIKE 'select total from store.invoice%' AND level = 0;

-- no password of a role is kept
CREATE ROLE regress_hoopguard_secret PASSWORD 'sesame';
ALTER ROLE regress_hoopguard_secret ENCRYPTED PASSWORD 'sesame2';
SELECT hoopguard.flush();
SELECT count(*) FROM hoopguard.statement WHERE text ILIKE '%sesame%';
SELECT count(*) > 0 FROM hoopguard.statement WHERE text LIKE 'create role regress_hoopguard_secret%';

-- a session row for every event, nothing lost
SELECT count(*) FROM hoopguard.event e
WHERE NOT EXISTS (SELECT FROM hoopguard.session s WHERE s.session_id = e.session_id);
SELECT item, value FROM hoopguard.status() WHERE item = 'lost events';

SET client_min_messages = warning;
SELECT hoopguard.unmap_role('regress_hoopguard_recorded');
DROP SCHEMA store CASCADE;
DROP ROLE regress_hoopguard_recorded, regress_hoopguard_secret;
