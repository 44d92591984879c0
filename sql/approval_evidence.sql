-- What an approver is shown, and that the approved run keeps to it.
\set dba :USER
-- other tests of this database may have left theirs
SELECT clock_timestamp() AS started \gset
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE ROLE regress_hoopguard_boss LOGIN;
CREATE SCHEMA regress_evidence;
SET search_path = regress_evidence;
CREATE TABLE person (id int PRIMARY KEY, email text, note text);
CREATE TABLE ride (id int PRIMARY KEY,
	person int REFERENCES person ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE journal (what text, person int);
CREATE TABLE part (k int, v text) PARTITION BY RANGE (k);
CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE part_high PARTITION OF part FOR VALUES FROM (10) TO (100);
CREATE TABLE seen (id int, owner text);
CREATE SEQUENCE counter;
CREATE FUNCTION journal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = regress_evidence AS $$
BEGIN
	RAISE NOTICE 'told nobody';
	INSERT INTO journal VALUES (TG_OP, OLD.id);
	RETURN NULL;
END $$;
CREATE TRIGGER journal AFTER UPDATE OR DELETE ON person
	FOR EACH ROW EXECUTE FUNCTION journal();
CREATE FUNCTION put_off() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = regress_evidence AS $$
BEGIN
	INSERT INTO journal VALUES ('put off', NEW.id);
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER put_off AFTER INSERT ON person DEFERRABLE
	INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION put_off();
INSERT INTO person SELECT i, 'person' || i || '@example.com', 'n' || i FROM generate_series(1, 20) i;
DELETE FROM journal;
INSERT INTO ride SELECT i, (i % 20) + 1 FROM generate_series(1, 40) i;
INSERT INTO part SELECT i, 'v' || i FROM generate_series(0, 19) i;
INSERT INTO seen VALUES (1, 'regress_hoopguard_agent'), (2, 'someone else');
ALTER TABLE seen ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON seen USING (owner = current_user);
CREATE VIEW rides AS SELECT id FROM ride;
ANALYZE;
GRANT USAGE ON SCHEMA regress_evidence TO regress_hoopguard_agent;
GRANT ALL ON ALL TABLES IN SCHEMA regress_evidence TO regress_hoopguard_agent;
GRANT ALL ON SEQUENCE counter TO regress_hoopguard_agent;
SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;
SELECT hoopguard.grant_approver('regress_hoopguard_boss');
SELECT hoopguard.add_rule('approve', '{INSERT,UPDATE,DELETE,MERGE}',
	objects => 'regress_evidence.*', priority => 1) AS rule \gset
SELECT hoopguard.add_rule('allow', '{FUNCTION}', priority => 1) > 0 AS functions;
ALTER ROLE regress_hoopguard_agent SET search_path = regress_evidence;

-- Latest request of a statement that begins so, without what changes.
CREATE FUNCTION public.regress_evidence(begins text) RETURNS TABLE (item text, value text)
LANGUAGE sql SECURITY DEFINER AS $$
	WITH e AS (SELECT evidence FROM hoopguard.approval
		WHERE statement_text LIKE begins || '%' ORDER BY requested_at DESC LIMIT 1)
	SELECT * FROM (
	SELECT 'rehearsed' AS item, evidence ->> 'rehearsed' AS value FROM e
	UNION ALL
	SELECT 'reason', evidence ->> 'reason' FROM e
	UNION ALL
	SELECT 'would fail', evidence ->> 'would_fail' FROM e
	UNION ALL
	SELECT 'rows', format('%s: +%s ~%s -%s', r ->> 'relation', r ->> 'inserted',
		r ->> 'updated', r ->> 'deleted')
	FROM e, jsonb_array_elements(evidence -> 'rows') r
	UNION ALL
	SELECT 'sample', s::text FROM e, jsonb_array_elements(evidence -> 'sample') s
	UNION ALL
	SELECT 'no sample', evidence ->> 'sample_reason' FROM e
	UNION ALL
	SELECT 'plan', split_part(evidence ->> 'plan', '  (', 1) FROM e
	UNION ALL
	SELECT 'lineage', format('%s > %s %s%s', l ->> 'source', l ->> 'target', l ->> 'subtype',
		CASE WHEN (l ->> 'masked')::bool THEN ' masked' END)
	FROM e, jsonb_array_elements(evidence -> 'lineage') l) x
	WHERE value IS NOT NULL
$$;

\c - regress_hoopguard_agent
-- cascade, trigger: what the agent sees is that approval is required
\set VERBOSITY sqlstate
DELETE FROM person WHERE id IN (3, 4);
-- the data are as they were, and nothing was said
SELECT count(*) FROM person;
-- values after a change, masked; hidden characters spelled out
UPDATE person SET email = 'new@example.org', note = E'a\x01b' WHERE id = 1;
-- a deferred trigger
INSERT INTO person VALUES (50, 'fifty@example.com', 'x') RETURNING id;
-- partitions, one to another
UPDATE part SET k = k + 10 WHERE k < 2;
-- WITH
WITH gone AS (DELETE FROM ride WHERE id = 1 RETURNING id) INSERT INTO journal SELECT 'gone', id FROM gone;
MERGE INTO part USING (VALUES (5, 'five'), (60, 'sixty')) AS s (k, v) ON part.k = s.k
WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.k, s.v);
-- it would fail
INSERT INTO ride VALUES (100, 999);
INSERT INTO person VALUES (1, 'again@example.com', 'x');
-- what cannot be taken back is not done
UPDATE person SET note = pg_advisory_lock(42)::text WHERE id = 1;
UPDATE person SET note = setval('counter', 77)::text WHERE id = 1;
UPDATE person SET note = pg_notify('x', 'y')::text WHERE id = 1;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT last_value FROM counter;
-- sequences
UPDATE person SET note = nextval('counter')::text WHERE id = 1;
-- row security
UPDATE seen SET id = id + 10;
-- parameters, a block, a function, a savepoint
PREPARE change(int) AS UPDATE person SET note = 'prepared' WHERE id = $1;
EXECUTE change(7);
BEGIN;
SAVEPOINT a;
DELETE FROM ride WHERE id = 7;
ROLLBACK TO a;
SELECT count(*) FROM ride WHERE id = 7;
COMMIT;
DO $$ BEGIN DELETE FROM ride WHERE id = 8; END $$;
BEGIN READ ONLY;
DELETE FROM ride WHERE id = 9;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
DELETE FROM ride WHERE id = 10;
COMMIT;
-- DDL is not rehearsed
ALTER TABLE ride ADD COLUMN t timestamptz DEFAULT clock_timestamp();
\set VERBOSITY terse
-- an agent sees no evidence
SELECT evidence FROM hoopguard.approval;

\c - :dba
SELECT * FROM regress_evidence('DELETE FROM person');
SELECT * FROM regress_evidence('UPDATE person SET email');
SELECT * FROM regress_evidence('INSERT INTO person VALUES (50');
SELECT * FROM regress_evidence('UPDATE part');
SELECT * FROM regress_evidence('WITH gone');
SELECT * FROM regress_evidence('MERGE') WHERE item <> 'plan';
SELECT * FROM regress_evidence('INSERT INTO ride') WHERE item <> 'plan';
SELECT * FROM regress_evidence('INSERT INTO person VALUES (1,') WHERE item <> 'plan';
SELECT * FROM regress_evidence('UPDATE person SET note = pg_advisory_lock') WHERE item NOT IN ('plan', 'lineage');
SELECT * FROM regress_evidence('UPDATE person SET note = setval') WHERE item NOT IN ('plan', 'lineage');
SELECT * FROM regress_evidence('UPDATE person SET note = pg_notify') WHERE item NOT IN ('plan', 'lineage');
SELECT * FROM regress_evidence('UPDATE person SET note = nextval') WHERE item IN ('rows', 'rehearsed');
SELECT * FROM regress_evidence('UPDATE seen') WHERE item IN ('rows', 'sample');
SELECT * FROM regress_evidence('PREPARE') WHERE item = 'rows';
SELECT * FROM regress_evidence('EXECUTE') WHERE item = 'rows';
SELECT * FROM regress_evidence('DELETE FROM ride WHERE id = 7') WHERE item = 'rows';
SELECT * FROM regress_evidence('DELETE FROM ride WHERE id = 8') WHERE item = 'rows';
SELECT * FROM regress_evidence('DELETE FROM ride WHERE id = 9') WHERE item IN ('rehearsed', 'would fail');
SELECT * FROM regress_evidence('DELETE FROM ride WHERE id = 10') WHERE item = 'rows';
SELECT t ->> 'relation' AS relation, t ->> 'lock' AS lock, t ->> 'rows' AS rows,
	(t ->> 'size_mb')::float > 0 AS has_size, t ->> 'rewrites' AS rewrites,
	-- 18 has a constraint for NOT NULL, too
	(SELECT jsonb_agg(d) FROM jsonb_array_elements_text(a.evidence -> 'dependants') d
		WHERE d !~ 'not_null') AS dependants
FROM hoopguard.approval a, jsonb_array_elements(a.evidence -> 'tables') t
WHERE a.statement_text LIKE 'ALTER%' AND a.requested_at > :'started';

-- nothing of a rehearsal is recorded, but the requests are
SELECT hoopguard.flush();
SELECT command, verdict, sqlstate, count(*) FROM hoopguard.event
WHERE session_role = 'regress_hoopguard_agent' AND command IN ('DELETE', 'MERGE')
	AND at > :'started'
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT count(*) FROM hoopguard.event WHERE session_role = 'regress_hoopguard_agent'
	AND sqlstate IS NULL AND command = 'INSERT' AND at > :'started';

-- ---- the run keeps to it -----------------------------------------------------
\c - regress_hoopguard_boss
SELECT count(hoopguard.approve(id)) > 10 AS approved FROM hoopguard.pending_approval;
\c - regress_hoopguard_agent
\set VERBOSITY terse
SET client_min_messages = warning;
DELETE FROM person WHERE id IN (3, 4);
SELECT count(*) FROM person;
INSERT INTO person VALUES (50, 'fifty@example.com', 'x') RETURNING id;
SELECT * FROM journal ORDER BY 1, 2;
-- more rows than were shown
\c - :dba
INSERT INTO regress_evidence.part VALUES (1, 'another');
\c - regress_hoopguard_agent
\set VERBOSITY terse
UPDATE part SET k = k + 10 WHERE k < 2;
\set VERBOSITY terse
SELECT count(*) FROM part WHERE k IN (10, 11);
-- fewer rows are fine
\c - :dba
DELETE FROM regress_evidence.ride WHERE id = 10;
\c - regress_hoopguard_agent
\set VERBOSITY terse
BEGIN ISOLATION LEVEL SERIALIZABLE;
DELETE FROM ride WHERE id = 10;
COMMIT;
-- a row that is inserted now and was updated then
\c - :dba
DELETE FROM regress_evidence.part WHERE k = 5;
\c - regress_hoopguard_agent
\set VERBOSITY terse
MERGE INTO part USING (VALUES (5, 'five'), (60, 'sixty')) AS s (k, v) ON part.k = s.k
WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.k, s.v);
-- a trigger that does something else by now
\c - :dba
CREATE OR REPLACE FUNCTION regress_evidence.journal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = regress_evidence AS $$
BEGIN
	DELETE FROM part WHERE k = 15;
	RETURN NULL;
END $$;
\c - regress_hoopguard_agent
\set VERBOSITY terse
UPDATE person SET email = 'new@example.org', note = E'a\x01b' WHERE id = 1;
SELECT count(*) FROM part WHERE k = 15;
-- in a function
\c - :dba
\c - regress_hoopguard_agent
\set VERBOSITY terse
DO $$ BEGIN DELETE FROM ride WHERE id = 8; END $$;
SELECT count(*) FROM ride WHERE id = 8;

-- ---- max_rows counts triggers and cascades --------------------------------------
\c - :dba
CREATE OR REPLACE FUNCTION regress_evidence.journal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = regress_evidence AS $$
BEGIN
	INSERT INTO journal VALUES (TG_OP, OLD.id);
	RETURN NULL;
END $$;
SELECT hoopguard.set_rule(:rule, rehearse => false);
SELECT hoopguard.add_rule('allow', '{INSERT,DELETE}', objects => 'regress_evidence.journal, regress_evidence.ride', priority => 0) > 0 AS allowed;
\c - regress_hoopguard_agent
\set VERBOSITY sqlstate
DELETE FROM person WHERE id = 11;
\c - :dba
SELECT * FROM regress_evidence('DELETE FROM person WHERE id = 11') WHERE item <> 'lineage';
\c - regress_hoopguard_boss
SELECT hoopguard.approve(id, max_rows => 2) FROM hoopguard.pending_approval
WHERE statement_text LIKE 'DELETE FROM person WHERE id = 11%';
\c - regress_hoopguard_agent
\set VERBOSITY terse
DELETE FROM person WHERE id = 11;
SELECT count(*) FROM person WHERE id = 11;
\set VERBOSITY sqlstate
DELETE FROM person WHERE id = 11;
\c - regress_hoopguard_boss
SELECT hoopguard.approve(id, max_rows => 3) FROM hoopguard.pending_approval
WHERE statement_text LIKE 'DELETE FROM person WHERE id = 11%';
\c - regress_hoopguard_agent
DELETE FROM person WHERE id = 11;
SELECT count(*) FROM person WHERE id = 11;

\c - :dba
SET client_min_messages = warning;
SELECT hoopguard.drop_rule(:rule);
SELECT hoopguard.drop_rule(id) FROM hoopguard.rule WHERE priority < 2;
SELECT hoopguard.unmap_role('regress_hoopguard_agent') IS NOT NULL AS unmapped;
DROP SCHEMA regress_evidence CASCADE;
DROP FUNCTION public.regress_evidence(text);
DROP OWNED BY regress_hoopguard_boss, regress_hoopguard_agent;
DROP ROLE regress_hoopguard_agent, regress_hoopguard_boss;
