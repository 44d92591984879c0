-- A mask rule for a column follows the column, whatever it is called.
SET client_min_messages = warning;
-- rules that other tests left
SELECT count(hoopguard.drop_mask(id)) >= 0 AS dropped FROM hoopguard.mask_rule;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE SCHEMA class_rename;
CREATE SCHEMA class_rename_new;
GRANT USAGE ON SCHEMA class_rename, class_rename_new TO regress_hoopguard_agent;
SET search_path = class_rename, class_rename_new;

CREATE TABLE person (gap int, code text, other text);
ALTER TABLE person DROP COLUMN gap;
INSERT INTO person VALUES ('secret-1', 'open-1');
CREATE TABLE measure (other text, code text, day date) PARTITION BY RANGE (day);
CREATE TABLE measure_1 (gap int, day date, code text, other text);
ALTER TABLE measure_1 DROP COLUMN gap;
ALTER TABLE measure ATTACH PARTITION measure_1 FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
INSERT INTO measure VALUES ('open-2', 'secret-2', '2020-05-05');
CREATE TABLE base (code text, other text);
INSERT INTO base VALUES ('secret-0', 'open-0');
CREATE MATERIALIZED VIEW stored AS SELECT code, other FROM base;
ALTER DEFAULT PRIVILEGES IN SCHEMA class_rename GRANT SELECT ON TABLES TO regress_hoopguard_agent;
GRANT SELECT ON ALL TABLES IN SCHEMA class_rename TO regress_hoopguard_agent;

SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;
SELECT count(hoopguard.add_mask('constant', relation => r::regclass,
	column_name => 'code', args => '{"value": "masked"}'))
FROM (VALUES ('person'), ('measure'), ('stored')) v(r);

SET SESSION AUTHORIZATION regress_hoopguard_agent;
PREPARE q AS SELECT p.c, p.o FROM person AS p(c, o);
EXECUTE q;
RESET SESSION AUTHORIZATION;

-- renamed, moved, renamed again, its schema renamed, of another type: masked
ALTER TABLE person RENAME COLUMN code TO badge;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM person;
EXECUTE q;
RESET SESSION AUTHORIZATION;
ALTER TABLE person RENAME TO people;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM people;
RESET SESSION AUTHORIZATION;
ALTER TABLE people SET SCHEMA class_rename_new;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM people;
RESET SESSION AUTHORIZATION;
ALTER SCHEMA class_rename_new RENAME TO class_rename_newer;
SET search_path = class_rename, class_rename_newer;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM people;
RESET SESSION AUTHORIZATION;
ALTER TABLE people ALTER COLUMN badge TYPE varchar(20);
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM people;
RESET SESSION AUTHORIZATION;

-- two columns change names: the mask stays where the values are
ALTER TABLE people RENAME COLUMN other TO spare;
ALTER TABLE people RENAME COLUMN badge TO other;
ALTER TABLE people RENAME COLUMN spare TO badge;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM people;
RESET SESSION AUTHORIZATION;

-- in a transaction that is rolled back, too
BEGIN;
ALTER TABLE people RENAME COLUMN other TO once;
SET LOCAL SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM people;
ROLLBACK;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM people;
RESET SESSION AUTHORIZATION;

-- a rename of a parent's column reaches the partitions, whose columns stand
-- elsewhere
ALTER TABLE measure RENAME COLUMN code TO badge;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM measure;
SELECT * FROM measure_1;
RESET SESSION AUTHORIZATION;

-- a partition and a child made later are masked
CREATE TABLE measure_2 PARTITION OF measure FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
INSERT INTO measure VALUES ('open-3', 'secret-3', '2022-05-05');
CREATE TABLE person_child (extra int) INHERITS (class_rename_newer.people);
INSERT INTO person_child VALUES ('secret-4', 'open-4', 4);
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM measure_2;
SELECT * FROM person_child;
RESET SESSION AUTHORIZATION;
DROP TABLE person_child;

-- a rule on a child masks what is read through the parent
CREATE TABLE parent (code text);
CREATE TABLE child (extra int, code text);
ALTER TABLE child INHERIT parent;
INSERT INTO child VALUES (1, 'secret-5');
SELECT hoopguard.add_mask('constant', relation => 'child', column_name => 'code',
	args => '{"value": "masked"}') > 0 AS added;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM parent;
RESET SESSION AUTHORIZATION;
ALTER TABLE parent RENAME COLUMN code TO badge;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM parent;
SELECT * FROM child;
RESET SESSION AUTHORIZATION;

-- a materialized view
ALTER MATERIALIZED VIEW stored RENAME COLUMN code TO badge;
ALTER MATERIALIZED VIEW stored RENAME TO kept;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM kept;
RESET SESSION AUTHORIZATION;

-- the rules are shown with the names of now
SELECT relation, column_name, waits_for FROM hoopguard.mask_rule
WHERE relation IS NOT NULL ORDER BY id;

-- a column that is dropped: its rule waits, and masks one made again under
-- the name it had at the end, not under the one it had when the rule was made
ALTER TABLE people DROP COLUMN other;
SELECT relation, column_name, waits_for FROM hoopguard.mask_rule
WHERE waits_for IS NOT NULL;
ALTER TABLE people ADD COLUMN code text DEFAULT 'open-6', ADD COLUMN other text DEFAULT 'secret-6';
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM people;
RESET SESSION AUTHORIZATION;

-- from then on the rule follows the new column
ALTER TABLE people RENAME COLUMN other TO another;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM people;
RESET SESSION AUTHORIZATION;
ALTER TABLE people RENAME COLUMN another TO other;

-- a table that is dropped and made again, in any order
CREATE TABLE coming (badge text, code text);
INSERT INTO coming VALUES ('secret-7', 'open-7');
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM coming;
RESET SESSION AUTHORIZATION;
DROP MATERIALIZED VIEW kept;
ALTER TABLE coming RENAME TO kept;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM kept;
RESET SESSION AUTHORIZATION;

-- a whole schema
CREATE SCHEMA class_rename_next;
GRANT USAGE ON SCHEMA class_rename_next TO regress_hoopguard_agent;
CREATE TABLE class_rename_next.people (badge text, other text);
INSERT INTO class_rename_next.people VALUES ('open-8', 'secret-8');
GRANT SELECT ON class_rename_next.people TO regress_hoopguard_agent;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM class_rename_next.people;
RESET SESSION AUTHORIZATION;
DROP SCHEMA class_rename_newer CASCADE;
ALTER SCHEMA class_rename_next RENAME TO class_rename_newer;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM class_rename_newer.people;
RESET SESSION AUTHORIZATION;

-- the drop is rolled back: the rule is where it was
BEGIN;
DROP TABLE measure;
SELECT column_name, waits_for FROM hoopguard.mask_rule WHERE column_name = 'badge' ORDER BY id LIMIT 1;
ROLLBACK;
SELECT relation, column_name, waits_for FROM hoopguard.mask_rule
WHERE relation = 'measure'::regclass;

-- a rule about a temporary table goes with it
CREATE TEMP TABLE passing (code text);
SELECT hoopguard.add_mask('null', relation => 'passing', column_name => 'code') > 0 AS added;
DROP TABLE passing;
SELECT count(*) FROM hoopguard.mask_rule WHERE column_name = 'code';

-- the type that keeps columns: names in and out, gone columns, nonsense
SELECT 'class_rename.measure.badge'::hoopguard.column_ref;
SELECT '-'::hoopguard.column_ref;
SELECT 'class_rename.measure.nothing'::hoopguard.column_ref; -- with a warning
SELECT 'class_rename.measure.ctid'::hoopguard.column_ref;
SELECT 'badge'::hoopguard.column_ref;
SELECT '"x'::hoopguard.column_ref;
CREATE TABLE "Odd "".name" ("a.b ""c" text);
SELECT hoopguard._column('"Odd "".name"', 'a.b "c')::text::hoopguard.column_ref;

SELECT count(hoopguard.drop_mask(id)) FROM hoopguard.mask_rule;
SELECT hoopguard.unmap_role('regress_hoopguard_agent');
DROP SCHEMA class_rename, class_rename_newer CASCADE;
DROP ROLE regress_hoopguard_agent;
