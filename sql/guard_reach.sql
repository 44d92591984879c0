-- What only shows when it is done: a statement that changed nearly every row
-- of its table counts as unbounded, whatever its WHERE and its plan promised.
SET client_min_messages = warning;
\set dba :USER
CREATE ROLE regress_hoopguard_reach LOGIN;
CREATE SCHEMA reach;
CREATE TABLE reach.item (id int PRIMARY KEY, kind text NOT NULL, body jsonb NOT NULL);
INSERT INTO reach.item SELECT g, 'k' || g % 4, jsonb_build_object('n', g) FROM generate_series(1, 2000) g;
CREATE TABLE reach.part (id int NOT NULL, v int) PARTITION BY RANGE (id);
CREATE TABLE reach.part_1 PARTITION OF reach.part FOR VALUES FROM (0) TO (1000);
CREATE TABLE reach.part_2 PARTITION OF reach.part FOR VALUES FROM (1000) TO (9000);
INSERT INTO reach.part SELECT g, 0 FROM generate_series(1, 2000) g;
CREATE TABLE reach.child (id int PRIMARY KEY, item_id int REFERENCES reach.item ON DELETE CASCADE);
INSERT INTO reach.child SELECT g, 7 FROM generate_series(1, 1500) g;
CREATE TABLE reach.small (id int PRIMARY KEY);
INSERT INTO reach.small SELECT generate_series(1, 500);
ANALYZE;
GRANT USAGE ON SCHEMA reach TO regress_hoopguard_reach;
GRANT ALL ON ALL TABLES IN SCHEMA reach TO regress_hoopguard_reach;
SELECT hoopguard.map_role('regress_hoopguard_reach');

\c - regress_hoopguard_reach
-- refused with the reason, once in full
DELETE FROM reach.item WHERE abs(id) = id;
\set VERBOSITY sqlstate
-- refused: conditions that no estimate sees through
UPDATE reach.item SET kind = 'x' WHERE length(id::text) > 0;
UPDATE reach.item SET kind = 'x' WHERE id NOT IN (SELECT -1);
UPDATE reach.item SET kind = 'x' WHERE body ? 'n' AND body -> 'n' = body -> 'n';
-- a generic plan knows no values
SET plan_cache_mode = force_generic_plan;
PREPARE above(int) AS DELETE FROM reach.item WHERE id > $1;
EXECUTE above(0);
-- the same plan with a value that restricts: runs, also after the refusal
BEGIN;
EXECUTE above(1500);
ROLLBACK;
EXECUTE above(10);
-- nothing has been learned by the plan that would hold for the next one
BEGIN;
EXECUTE above(1999);
ROLLBACK;
RESET plan_cache_mode;
-- row by row in one statement: adds up for DELETE
DO $$ DECLARE r record; BEGIN
	FOR r IN SELECT id FROM reach.item LOOP
		DELETE FROM reach.item WHERE id = r.id;
	END LOOP;
END $$;
-- in a part of WITH, by a MERGE, on partitions
WITH d AS (DELETE FROM reach.item WHERE abs(id) = id RETURNING id) SELECT count(*) FROM d;
MERGE INTO reach.item t USING generate_series(1, 2000) s(n) ON t.id = s.n WHEN MATCHED THEN DELETE;
UPDATE reach.part SET v = 1 WHERE abs(id) = id;
-- an upsert of a table from itself
INSERT INTO reach.item SELECT * FROM reach.item WHERE abs(id) = id ON CONFLICT (id) DO UPDATE SET kind = 'x';
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) DELETE FROM reach.item WHERE abs(id) = id;
-- nothing of it happened
SELECT count(*), count(*) FILTER (WHERE kind = 'x') FROM reach.item;

-- runs: half of the table
BEGIN;
UPDATE reach.item SET kind = 'y' WHERE abs(id) > 1000;
ROLLBACK;
-- runs: one partition of two
BEGIN;
UPDATE reach.part SET v = 1 WHERE id < 1000;
ROLLBACK;
-- runs: each row many times, but few rows
DO $$ BEGIN
	FOR i IN 1..3000 LOOP
		UPDATE reach.item SET kind = kind WHERE id = 1;
	END LOOP;
END $$;
-- runs: an update whose join finds each row thrice
BEGIN;
UPDATE reach.item SET kind = 'z' FROM generate_series(1, 3) s WHERE abs(id) < 800;
ROLLBACK;
-- runs: all that is referenced goes along by cascade, one row is named
BEGIN;
DELETE FROM reach.item WHERE id = 7;
SELECT count(*) FROM reach.child;
ROLLBACK;
-- runs: a small table is left to structure
BEGIN;
DELETE FROM reach.small WHERE abs(id) = id;
ROLLBACK;
-- runs: deleted, rolled back to a savepoint and deleted again
BEGIN;
SAVEPOINT a;
DELETE FROM reach.item WHERE abs(id) < 1500;
ROLLBACK TO a;
DELETE FROM reach.item WHERE abs(id) < 1500;
ROLLBACK;
-- runs: an upsert of rows that come from elsewhere
INSERT INTO reach.item SELECT g, 'k' || g % 4, '{}' FROM generate_series(1, 2000) g
	ON CONFLICT (id) DO UPDATE SET kind = excluded.kind;
-- temporary tables are the agent's own
CREATE TEMP TABLE mine AS SELECT g AS id FROM generate_series(1, 2000) g;
DELETE FROM mine WHERE abs(id) = id;
-- refused: a loop that updates row by row; runs: one that updates one row
DO $$ DECLARE r record; BEGIN FOR r IN SELECT id FROM reach.item LOOP
	UPDATE reach.item SET kind = 'x' WHERE id = r.id; END LOOP; END $$;
DO $$ DECLARE c CURSOR FOR SELECT id FROM reach.item FOR UPDATE; BEGIN FOR r IN c LOOP
	UPDATE reach.item SET kind = 'x' WHERE CURRENT OF c; END LOOP; END $$;
BEGIN;
DO $$ BEGIN FOR i IN 1..2000 LOOP UPDATE reach.item SET kind = 'x' WHERE id = 5; END LOOP; END $$;
ROLLBACK;
-- a parameter that is known when the statement is planned restricts or does not
PREPARE optional(text) AS UPDATE reach.small SET id = id WHERE $1 IS NULL OR id::text = $1;
EXECUTE optional('5');
EXECUTE optional(NULL);
SET plan_cache_mode = force_generic_plan;
EXECUTE optional('5');
RESET plan_cache_mode;
DO $$ DECLARE wanted text := '7'; BEGIN
	UPDATE reach.small SET id = id WHERE wanted IS NULL OR id::text = wanted; wanted := NULL;
	UPDATE reach.small SET id = id WHERE wanted IS NULL OR id::text = wanted; END $$;

-- a rule that only observes refuses nothing
\c - :dba
\set VERBOSITY default
SELECT hoopguard.set_rule(12, mode => 'observe');
\c - regress_hoopguard_reach
BEGIN;
DELETE FROM reach.item WHERE abs(id) = id;
ROLLBACK;
\c - :dba
SET client_min_messages = warning;
SELECT hoopguard.set_rule(12, mode => 'enforce');
SELECT hoopguard.unmap_role('regress_hoopguard_reach');
DROP SCHEMA reach CASCADE;
DROP ROLE regress_hoopguard_reach;
