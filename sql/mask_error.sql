-- Errors and notices do not show real values: not the details of constraint
-- errors, not what constraints, index expressions, policies and triggers say.
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE SCHEMA mask_error;
GRANT USAGE, CREATE ON SCHEMA mask_error TO regress_hoopguard_agent;
SET search_path = mask_error;

CREATE TABLE person (id int PRIMARY KEY, mail text NOT NULL UNIQUE,
	amount int CHECK (amount < 100), note text);
INSERT INTO person VALUES (1, 'real1@example.com', 5), (2, 'real2@example.com', 5);
CREATE TABLE line (id int, mail text REFERENCES person (mail)
	DEFERRABLE INITIALLY DEFERRED);
INSERT INTO line VALUES (1, 'real1@example.com');
CREATE TABLE part (mail text, n int) PARTITION BY LIST (n);
CREATE TABLE part1 PARTITION OF part FOR VALUES IN (1);
INSERT INTO part VALUES ('real3@example.com', 1);
-- a CHECK that talks, and raises for the second person
CREATE TABLE talk (id int, mail text, n int);
INSERT INTO talk VALUES (1, 'real4@example.com', 1), (2, 'real5@example.com', 1);
CREATE FUNCTION talks(text) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE 'check of %', $1;
	IF $1 LIKE 'real5%' THEN
		RAISE EXCEPTION 'bad mail %', $1 USING ERRCODE = 'check_violation',
			COLUMN = $1, HINT = $1;
	END IF;
	RETURN true;
END $$;
ALTER TABLE talk ADD CHECK (talks(mail)) NOT VALID;
-- a generated column, and an index, that fail for some values
CREATE TABLE number (id int, mail text, n int);
INSERT INTO number VALUES (1, '1'), (2, '2');
ALTER TABLE number ADD twice int GENERATED ALWAYS AS (mail::int * 2 / coalesce(n, 1)) STORED;
CREATE TABLE indexed (id int, mail text, n int);
INSERT INTO indexed VALUES (1, 'real6');
CREATE INDEX ON indexed ((CASE n WHEN 0 THEN mail::int ELSE 1 END));
-- row security over the masked column
CREATE TABLE secured (id int, mail text);
INSERT INTO secured VALUES (1, 'real7');
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON secured USING (mail::int > 0);
-- triggers
CREATE TABLE fired (id int, mail text, what text);
INSERT INTO fired VALUES (1, 'real8@example.com');
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE 'row of %', OLD.mail;
	IF NEW.what = 'raise' THEN RAISE EXCEPTION 'row of %', OLD.mail; END IF;
	IF NEW.what = 'cast' THEN PERFORM OLD.mail::int; END IF;
	IF NEW.what = 'text' THEN EXECUTE 'SELECT ' || quote_ident(OLD.mail); END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER fire BEFORE UPDATE ON fired
	FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TABLE late (id int, mail text);
INSERT INTO late VALUES (1, 'real9@example.com');
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'late for %', OLD.mail; END $$;
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON late
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
CREATE TABLE plain (id int, note text);
INSERT INTO plain VALUES (1, 'n');
CREATE FUNCTION plain_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'order % is shipped', OLD.id; END $$;
CREATE TRIGGER t BEFORE UPDATE ON plain
	FOR EACH ROW EXECUTE FUNCTION plain_trigger();
-- a reviewed trigger function says what it says
CREATE TABLE reviewed (id int, mail text);
INSERT INTO reviewed VALUES (1, 'real10@example.com');
CREATE FUNCTION reviewed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN RAISE EXCEPTION 'row % is shipped', OLD.id; END $$;
CREATE TRIGGER t BEFORE UPDATE ON reviewed
	FOR EACH ROW EXECUTE FUNCTION reviewed();
SECURITY LABEL FOR hoopguard ON FUNCTION reviewed() IS 'trusted';
GRANT ALL ON ALL TABLES IN SCHEMA mask_error TO regress_hoopguard_agent;

SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;
SELECT hoopguard.add_rule('allow', '{ALL}', priority => 1) AS rule \gset
SELECT count(hoopguard.add_mask('constant', relation => r::regclass,
	column_name => 'mail'))
FROM unnest('{person,line,part,talk,number,indexed,secured,fired,late,reviewed}'::text[]) r;

RESET client_min_messages;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
\set VERBOSITY default
\set SHOW_CONTEXT always

-- the name of the constraint, no DETAIL
UPDATE person SET amount = 500 WHERE id = 1;
UPDATE person SET id = NULL WHERE id = 1;
INSERT INTO person VALUES (3, 'real1@example.com');
UPDATE part SET n = 7;
-- the same at the end of the transaction
DELETE FROM person WHERE id = 1;
BEGIN;
DELETE FROM person WHERE id = 1;
COMMIT;
DO $$ BEGIN DELETE FROM person WHERE id = 1; COMMIT; END $$;
CREATE PROCEDURE deletes() LANGUAGE plpgsql
AS 'BEGIN DELETE FROM person WHERE id = 1; COMMIT; END';
CALL deletes();
-- and it does not fail for what is right
BEGIN;
INSERT INTO line VALUES (2, 'real2@example.com');
COMMIT;
-- what a handler sees: no DETAIL, no CONTEXT of the server
DO $$
DECLARE m text; d text; h text; c text;
BEGIN
	UPDATE person SET amount = 500 WHERE id = 1;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL,
		h = PG_EXCEPTION_HINT, c = PG_EXCEPTION_CONTEXT;
	RAISE WARNING '% | % | % | %', m, d, h, c LIKE '%real%';
END $$;
-- expressions: neither notice nor error has a value; the SQLSTATE is there
\set SHOW_CONTEXT never
SET client_min_messages = notice;
UPDATE talk SET n = 2 WHERE id = 1;
UPDATE talk SET n = 2 WHERE id = 2;
UPDATE number SET n = 0 WHERE id = 1;
UPDATE indexed SET n = 0;
SELECT id FROM secured;
DO $$
DECLARE m text; d text; h text; c text; s text;
BEGIN
	UPDATE talk SET n = 2 WHERE id = 2;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL,
		h = PG_EXCEPTION_HINT, c = COLUMN_NAME, s = RETURNED_SQLSTATE;
	RAISE WARNING '% | % | % | % | %', m, d, h, c, s;
END $$;
-- triggers, at once, at COMMIT, in a procedure and when a transaction is
-- prepared
UPDATE fired SET what = 'quiet';
UPDATE fired SET what = 'raise';
UPDATE fired SET what = 'cast';
UPDATE fired SET what = 'text';
UPDATE late SET id = 2;
BEGIN;
UPDATE late SET id = 2;
COMMIT;
BEGIN;
UPDATE late SET id = 2;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
BEGIN;
UPDATE late SET id = 2;
PREPARE TRANSACTION 'late';
DO $$ BEGIN UPDATE late SET id = 2; COMMIT; END $$;
-- kept: messages of the role's own, of tables without masks, of the reviewed
CREATE FUNCTION mine(int) RETURNS int LANGUAGE plpgsql
AS 'BEGIN RAISE NOTICE ''mine''; IF $1 = 0 THEN RAISE EXCEPTION ''my own text''; END IF; RETURN $1; END';
UPDATE talk SET n = mine(0) WHERE id = 1;
UPDATE plain SET note = 'x';
UPDATE reviewed SET id = 2;
-- a function of its own that has caught an error does not vouch for others
CREATE FUNCTION catches() RETURNS int LANGUAGE plpgsql
AS 'BEGIN BEGIN PERFORM mine(0); EXCEPTION WHEN OTHERS THEN NULL; END; RETURN 0; END';
UPDATE indexed SET n = catches();

RESET SESSION AUTHORIZATION;
SET client_min_messages = warning;
SELECT hoopguard.unmap_role('regress_hoopguard_agent');
SELECT hoopguard.drop_rule(:rule);
DELETE FROM hoopguard.mask_rule;
DROP SCHEMA mask_error CASCADE;
DROP ROLE regress_hoopguard_agent;
