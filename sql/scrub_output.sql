-- scrub_output: texts are scrubbed on every way to the client, and only there.
\pset format unaligned
\pset tuples_only on
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_out;
CREATE SCHEMA out_test;
CREATE TABLE out_test.note (id int, body text);
INSERT INTO out_test.note VALUES (1, 'ask ada@example.org'), (2, 'nothing');
CREATE TABLE out_test.sink (body text);
GRANT USAGE, CREATE ON SCHEMA out_test TO regress_hoopguard_out;
GRANT ALL ON ALL TABLES IN SCHEMA out_test TO regress_hoopguard_out;
CREATE FUNCTION out_test.f() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN RETURN QUERY SELECT body FROM out_test.note ORDER BY id; END $$;
CREATE FUNCTION out_test.seen() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE t text;
BEGIN SELECT body INTO t FROM out_test.note WHERE id = 1; RETURN t = 'ask ada@example.org'; END $$;
CREATE PROCEDURE out_test.p(INOUT t text) LANGUAGE plpgsql AS $$
BEGIN SELECT body INTO t FROM out_test.note WHERE id = 1; END $$;
CREATE TYPE out_test.pair AS (a int, b text);
CREATE DOMAIN out_test.words AS text CHECK (length(VALUE) > 1);
SELECT hoopguard.map_role('regress_hoopguard_out', scrub_output => true);

SET SESSION AUTHORIZATION regress_hoopguard_out;
-- plain, prepared, set operations, expressions
SELECT body FROM out_test.note ORDER BY id;
SELECT upper(body) || id FROM out_test.note ORDER BY id;
PREPARE q AS SELECT body FROM out_test.note WHERE id = $1;
EXECUTE q(1);
-- COPY both ways
COPY out_test.note TO STDOUT;
COPY (SELECT body FROM out_test.note ORDER BY id) TO STDOUT WITH (FORMAT csv);
-- cursors, held ones too
BEGIN;
DECLARE c CURSOR FOR SELECT body FROM out_test.note ORDER BY id;
FETCH 1 FROM c;
DECLARE h CURSOR WITH HOLD FOR SELECT body FROM out_test.note ORDER BY id;
COMMIT;
FETCH ALL FROM h;
CLOSE h;
-- functions return to the query: scrubbed there, not inside
SELECT out_test.f();
SELECT out_test.seen();
CALL out_test.p(NULL);
-- RETURNING, EXPLAIN, SHOW
BEGIN;
INSERT INTO out_test.note VALUES (3, 'ada@example.org') RETURNING body;
UPDATE out_test.note SET body = body WHERE id = 1 RETURNING id, body;
WITH x AS (DELETE FROM out_test.note RETURNING body) SELECT count(*), max(body) FROM x;
ROLLBACK;
EXPLAIN (COSTS OFF) SELECT FROM out_test.note WHERE body = 'ada@example.org';
SET hoopguard.intent = 'for ada@example.org';
SHOW hoopguard.intent;
RESET hoopguard.intent;
-- rows, composites, domains, arrays
SELECT n FROM out_test.note n ORDER BY id;
SELECT row(1, body), ROW(id, body)::out_test.pair, body::out_test.words, ARRAY[body, 'x'] FROM out_test.note WHERE id = 1;
SELECT array_agg(ROW(id, body)::out_test.pair ORDER BY id) FROM out_test.note;
SELECT body::bytea, to_tsvector('simple', body), '<a>' || body || '</a>' FROM out_test.note WHERE id = 1;
-- what stays in the server stays as it is
INSERT INTO out_test.sink SELECT body FROM out_test.note WHERE id = 1;
-- a name given to the column does not lift it
SELECT '212-55-7831' AS sku, '10.15.7.1' AS version;
RESET SESSION AUTHORIZATION;
SELECT * FROM out_test.sink;

-- counted in the event, the value nowhere
SELECT hoopguard.flush();
SELECT command, rows_returned, scrubbed FROM hoopguard.event
WHERE subject = 'regress_hoopguard_out' AND scrubbed > 0 ORDER BY event_id;

-- others see values
SELECT body FROM out_test.note ORDER BY id;
SELECT hoopguard.unmap_role('regress_hoopguard_out');
DROP SCHEMA out_test CASCADE;
DROP OWNED BY regress_hoopguard_out;
DROP ROLE regress_hoopguard_out;
