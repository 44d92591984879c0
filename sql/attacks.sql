--
-- Attacks on the whole path.  Each case says what must be seen.
--
\set VERBOSITY terse
CREATE ROLE regress_hoopguard_attacker;
CREATE ROLE regress_hoopguard_plain;
GRANT regress_hoopguard_plain TO regress_hoopguard_attacker;
CREATE SCHEMA attacks;
GRANT USAGE ON SCHEMA attacks TO PUBLIC;
CREATE TABLE attacks.person (id int PRIMARY KEY, email text NOT NULL);
INSERT INTO attacks.person
	SELECT g, 'real' || g || '@real.test' FROM generate_series(1, 20) g;
CREATE TABLE attacks.line (id int PRIMARY KEY, n int NOT NULL);
INSERT INTO attacks.line SELECT g, 1 FROM generate_series(1, 20) g;
CREATE VIEW attacks.renamed AS
	SELECT id, email AS contact, p AS whole FROM attacks.person p;
CREATE FUNCTION attacks.definer(int) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
AS 'BEGIN RETURN (SELECT email FROM attacks.person WHERE id = $1); END';
CREATE FUNCTION attacks.atomic(int) RETURNS text LANGUAGE sql STABLE
BEGIN ATOMIC SELECT email FROM attacks.person WHERE id = $1; END;
CREATE FUNCTION attacks.folded(int) RETURNS text LANGUAGE sql IMMUTABLE
AS 'SELECT email FROM attacks.person WHERE id = $1';
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA attacks
	TO regress_hoopguard_attacker, regress_hoopguard_plain;
GRANT TRIGGER ON attacks.person TO regress_hoopguard_attacker;
SELECT hoopguard.map_role('regress_hoopguard_attacker');

SET SESSION AUTHORIZATION regress_hoopguard_attacker;

-- every line: false, no real value
SELECT bool_or(email LIKE 'real%') FROM attacks.person;
SELECT bool_or(p::text LIKE '%real%@%' OR to_jsonb(p)::text LIKE '%real%@%')
	FROM attacks.person p;
SELECT bool_or(contact LIKE 'real%' OR (whole).email LIKE 'real%')
	FROM attacks.renamed;
SELECT attacks.definer(1) LIKE 'real%' OR attacks.atomic(2) LIKE 'real%'
	OR attacks.folded(3) LIKE 'real%';
SELECT query_to_xml('SELECT * FROM attacks.person', true, false, '')::text
	LIKE '%real1@%';
PREPARE q AS SELECT bool_or(email LIKE 'real%') FROM attacks.person;
EXECUTE q;
SET ROLE regress_hoopguard_plain;
EXECUTE q;

-- a governed session asks about itself, whichever of its roles it names: the
-- masked column is listed both times
SELECT masked_columns FROM hoopguard.check_sql(
	'SELECT 1 FROM attacks.person WHERE email = ''real1@real.test''');
SELECT masked_columns FROM hoopguard.check_sql(
	'SELECT 1 FROM attacks.person WHERE email = ''real1@real.test''',
	'regress_hoopguard_plain');
RESET ROLE;

-- all refused
DELETE FROM attacks.line;
DELETE FROM attacks.line WHERE id = id;
WITH d AS (DELETE FROM attacks.line RETURNING 1) SELECT count(*) FROM d;
DO $$ BEGIN EXECUTE 'DELETE FROM ' || 'attacks.line'; END $$;
EXPLAIN ANALYZE DELETE FROM attacks.line;
COPY (DELETE FROM attacks.line RETURNING 1) TO STDOUT;
PREPARE d(bool) AS DELETE FROM attacks.line WHERE $1;
EXECUTE d(true);
CREATE TEMP VIEW over AS SELECT * FROM attacks.line;
DELETE FROM over;
CREATE TEMP TABLE bait (i int);
CREATE RULE r AS ON INSERT TO bait DO ALSO DELETE FROM attacks.line;
INSERT INTO bait VALUES (1);
MERGE INTO attacks.line l USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE;
TRUNCATE attacks.line;
-- which rule it meets first depends on the server
\set VERBOSITY sqlstate
UPDATE pg_settings SET setting = 'off' WHERE name = 'hoopguard.mask_mode';
\set VERBOSITY terse
SELECT set_config('session_authorization', 'postgres', false);

RESET SESSION AUTHORIZATION;

-- no rule can allow code of the agent on a table with masked columns: HG006
CREATE FUNCTION attacks.leak() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN RAISE NOTICE ''%'', NEW; RETURN NEW; END';
SELECT hoopguard.add_rule('allow', '{DDL,WRITE}', objects => 'attacks.*',
	for_subject => 'regress_hoopguard_attacker', priority => 1) AS rule \gset
SET SESSION AUTHORIZATION regress_hoopguard_attacker;
CREATE TRIGGER t BEFORE UPDATE ON attacks.person
	FOR EACH ROW EXECUTE FUNCTION attacks.leak();
CREATE RULE r AS ON UPDATE TO attacks.person DO ALSO SELECT OLD.email;
CREATE INDEX ON attacks.person (lower(email));
RESET SESSION AUTHORIZATION;
SELECT hoopguard.drop_rule(:rule);

-- nothing was lost: 20
SELECT count(*) FROM attacks.line;
SELECT hoopguard.unmap_role('regress_hoopguard_attacker');
DISCARD TEMP;
DROP SCHEMA attacks CASCADE;
DROP ROLE regress_hoopguard_attacker, regress_hoopguard_plain;
