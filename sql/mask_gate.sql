-- A governed role cannot get real values past the masks by utility
-- statements, whatever guard rules say and whoever owns the table.
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE ROLE regress_hoopguard_other LOGIN;
CREATE SCHEMA mask_gate;
GRANT USAGE, CREATE ON SCHEMA mask_gate TO regress_hoopguard_agent;
SET search_path = mask_gate;

CREATE TYPE place AS (street text, city text);
CREATE DOMAIN pin AS text;
CREATE TABLE person (id int PRIMARY KEY, mail text, name text, home place,
	code pin, PRIMARY_MAIL text UNIQUE);
CREATE TABLE part (id int, mail text) PARTITION BY LIST (id);
CREATE TABLE part1 PARTITION OF part FOR VALUES IN (1);
INSERT INTO person VALUES (1, 'anna@example.com', 'Anna', ('s', 'c'), 'p', 'm');
CREATE TABLE plain (id int PRIMARY KEY, note text);
-- there is someone to listen to
CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN PERFORM pg_notify(''tickets'', NEW.mail); RETURN NEW; END';
-- the role owns all of it
ALTER TABLE person OWNER TO regress_hoopguard_agent;
ALTER TABLE part OWNER TO regress_hoopguard_agent;
ALTER TABLE part1 OWNER TO regress_hoopguard_agent;
ALTER TABLE plain OWNER TO regress_hoopguard_agent;
ALTER TYPE place OWNER TO regress_hoopguard_agent;
ALTER DOMAIN pin OWNER TO regress_hoopguard_agent;

GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO regress_hoopguard_agent;
SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;
SELECT hoopguard.add_rule('allow', '{ALL}', priority => 1) AS rule \gset
SELECT count(hoopguard.add_mask('constant', relation => r::regclass,
	column_name => c))
FROM (VALUES ('person', 'mail'), ('person', 'home'), ('person', 'code'),
	('person', 'primary_mail'), ('part', 'mail')) v(r, c);

SET SESSION AUTHORIZATION regress_hoopguard_agent;
\set VERBOSITY terse

-- code on the table: HG006
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN RAISE NOTICE ''%'', NEW; RETURN NEW; END';
CREATE FUNCTION show(text) RETURNS text IMMUTABLE LANGUAGE plpgsql
AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN $1; END';
CREATE TRIGGER t BEFORE UPDATE ON person FOR EACH ROW EXECUTE FUNCTION tell();
CREATE RULE r AS ON UPDATE TO person DO ALSO NOTIFY n;
CREATE POLICY p ON person USING (show(mail) IS NOT NULL);
CREATE INDEX ON person (show(mail));
CREATE INDEX ON person (id) WHERE show(mail) = 'x';
CREATE UNIQUE INDEX ON person (mail);
CREATE STATISTICS s ON show(mail), id FROM person;
CREATE TRIGGER t BEFORE INSERT ON part1 FOR EACH ROW EXECUTE FUNCTION tell();

-- the definition of masked columns, and what leads away from the mask: HG006
ALTER TABLE person RENAME COLUMN mail TO shown;
ALTER TABLE person RENAME TO shown;
ALTER TABLE person SET SCHEMA public;
ALTER TABLE person OWNER TO CURRENT_USER;
ALTER TABLE person ALTER mail TYPE varchar(200);
ALTER TABLE person ALTER name TYPE text USING show(mail);
ALTER TABLE person ALTER mail SET DEFAULT 'x';
ALTER TABLE person ALTER mail SET NOT NULL;
ALTER TABLE person ALTER mail SET STATISTICS 1000;
ALTER TABLE person DROP COLUMN mail;
ALTER TABLE person ADD COLUMN g text GENERATED ALWAYS AS (show(mail)) STORED;
ALTER TABLE person ADD CHECK (show(mail) <> 'x');
ALTER TABLE person ADD COLUMN c int CHECK (show(person::text) <> '');
ALTER TABLE person ADD UNIQUE (mail);
ALTER TABLE person ADD EXCLUDE USING hash (mail WITH =);
ALTER TABLE person ENABLE ROW LEVEL SECURITY;
ALTER TABLE person DISABLE TRIGGER ALL;
ALTER TABLE person REPLICA IDENTITY FULL;
ALTER TABLE person INHERIT plain;
ALTER TABLE plain INHERIT person;
ALTER TABLE part DETACH PARTITION part1;
CREATE TABLE child () INHERITS (person);
CREATE TABLE part2 PARTITION OF part FOR VALUES IN (2);
CREATE TABLE guess (m text REFERENCES person (primary_mail));
ALTER TABLE plain ADD FOREIGN KEY (note) REFERENCES person (primary_mail);
ALTER TABLE person ADD FOREIGN KEY (mail) REFERENCES person (primary_mail);
ALTER TYPE place RENAME ATTRIBUTE city TO town;
ALTER TYPE place ADD ATTRIBUTE zip text CASCADE;
ALTER DOMAIN pin ADD CHECK (show(VALUE) <> 'x');

-- other ways to the data and out of the server: HG006
COPY plain FROM '/nowhere';
COPY plain TO PROGRAM 'true';
LISTEN tickets;
LOAD 'auto_explain';
CREATE SERVER loop FOREIGN DATA WRAPPER nothing;
CREATE USER MAPPING FOR CURRENT_USER SERVER loop;
CREATE FOREIGN TABLE remote (a int) SERVER loop;
IMPORT FOREIGN SCHEMA s FROM SERVER loop INTO mask_gate;
CREATE PUBLICATION p FOR TABLE person;
SELECT pg_read_binary_file('base/1/1259');
SELECT pg_logical_slot_get_changes('s', NULL, NULL);

-- the same inside of functions and blocks
DO $$ BEGIN EXECUTE 'ALTER TABLE person RENAME COLUMN mail TO shown'; END $$;

-- allowed: what tells nothing of masked columns
ALTER TABLE person ADD COLUMN extra int DEFAULT 7, ADD CHECK (id > 0);
ALTER TABLE person ALTER name SET DEFAULT 'n', ALTER extra TYPE bigint;
ALTER TABLE person RENAME COLUMN extra TO more;
ALTER TABLE person DROP COLUMN more;
ALTER TABLE person ADD UNIQUE (name), SET (fillfactor = 90);
CREATE INDEX ON person (mail);
CREATE INDEX ON person (lower(name)) WHERE id > 0;
CREATE TABLE of_person (person int REFERENCES person (id));
CREATE TABLE like_person (LIKE person);
ANALYZE person;
LISTEN hoopguard_approval;
UNLISTEN *;
ALTER TABLE plain RENAME COLUMN note TO remark;
CREATE INDEX ON plain (show(remark));
CREATE TRIGGER t BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION tell();
CREATE VIEW seen AS SELECT mail FROM person;
SELECT * FROM seen;

RESET SESSION AUTHORIZATION;

-- a rule that names the object allows what reaches out
SELECT hoopguard.add_rule('allow', '{LISTEN}', objects => 'tickets',
	priority => 1) IS NOT NULL AS named;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
LISTEN tickets;
UNLISTEN *;
-- but not the other one
LISTEN orders;
RESET SESSION AUTHORIZATION;

-- mode says nothing about masks
SET hoopguard.mode = off;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
ALTER TABLE person RENAME COLUMN mail TO shown;
SELECT pg_read_binary_file('base/1/1259');
RESET SESSION AUTHORIZATION;
RESET hoopguard.mode;

-- code that was there before the column was masked sees nothing: HG006 for
-- what would run it, by the owner of the code or another governed role
SELECT hoopguard.add_mask('constant', relation => 'plain',
	column_name => 'remark') IS NOT NULL AS masked;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
UPDATE plain SET remark = 'mine';
INSERT INTO plain VALUES (1, 'mine');
COPY plain FROM STDIN;
\.
ANALYZE plain;
REINDEX TABLE plain;
SELECT * FROM plain;
RESET SESSION AUTHORIZATION;

-- the database administrator hears of it
SELECT value, ok FROM hoopguard.status() WHERE item = 'privileged subject';
CREATE TABLE audit (id int, note text);
CREATE TRIGGER t BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION tell();
SELECT value, ok FROM hoopguard.status() WHERE item = 'code of a subject';

-- a superuser's session that acts as a mapped role stays governed: masked
-- after RESET, after ROLLBACK and after DISCARD ALL
\c -
SET hoopguard.pin_identity = on;
SET search_path = mask_gate;
SELECT mail <> 'anna@example.com' AS masked FROM person;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT mail <> 'anna@example.com' AS masked FROM person;
RESET SESSION AUTHORIZATION;
SELECT mail <> 'anna@example.com' AS masked FROM person;
\set VERBOSITY terse
-- and it may not say otherwise: HG001
SET hoopguard.pin_identity = off;
SELECT hoopguard.unmap_role('regress_hoopguard_agent');
\c -
SET hoopguard.pin_identity = on;
BEGIN;
SET LOCAL SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT mail <> 'anna@example.com' AS masked FROM mask_gate.person;
ROLLBACK;
SELECT mail <> 'anna@example.com' AS masked FROM mask_gate.person;
\c -
SELECT mail <> 'anna@example.com' AS masked FROM mask_gate.person;
-- large objects are read by their own grants, not from their catalog
SET client_min_messages = warning;
SELECT lo_from_bytea(0, 'real') AS object \gset
GRANT SELECT ON pg_largeobject TO regress_hoopguard_agent;
GRANT SELECT ON LARGE OBJECT :object TO regress_hoopguard_agent;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT count(*) > 0 AS rows, count(data) AS shown FROM pg_largeobject;
SELECT convert_from(lo_get(:object), 'UTF8');
RESET SESSION AUTHORIZATION;
REVOKE SELECT ON pg_largeobject FROM regress_hoopguard_agent;
SELECT lo_unlink(:object);
REVOKE EXECUTE ON FUNCTION pg_read_binary_file(text) FROM regress_hoopguard_agent;

SELECT hoopguard.unmap_role('regress_hoopguard_agent');
DELETE FROM hoopguard.rule WHERE id >= 1000;
DELETE FROM hoopguard.mask_rule;
DROP SCHEMA mask_gate CASCADE;
DROP ROLE regress_hoopguard_agent, regress_hoopguard_other;
