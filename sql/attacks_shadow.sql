-- Code that sees real values does not get at objects of a governed role, even
-- when it looks names up in that role's search_path.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_shadow;
CREATE SCHEMA shadow;
CREATE SCHEMA shadow_own AUTHORIZATION regress_hoopguard_shadow;
GRANT USAGE ON SCHEMA shadow TO PUBLIC;
SET search_path = shadow;
CREATE TABLE audit (old_row text);
CREATE FUNCTION clean(t text) RETURNS text LANGUAGE sql AS 'SELECT ''c''';
CREATE TABLE audited (id int, secret text, note text);
CREATE TABLE cleaned (id int, secret text, note text);
CREATE TABLE checked (id int, secret text, note text);
CREATE TABLE filtered (id int, secret text, note text);
CREATE TABLE computed (id int, secret text, note text);
INSERT INTO audited VALUES (1, 'real1');
INSERT INTO cleaned VALUES (1, 'real1');
INSERT INTO checked VALUES (1, 'real1');
INSERT INTO filtered VALUES (1, 'real1');
INSERT INTO computed VALUES (1, 'real1');

-- a DBA's code without a search_path of its own
CREATE FUNCTION write_audit() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN INSERT INTO audit VALUES (OLD::text); RETURN NEW; END';
CREATE TRIGGER t AFTER UPDATE ON audited
	FOR EACH ROW EXECUTE FUNCTION write_audit();
CREATE FUNCTION clean_note() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN NEW.note := clean(NEW.secret); RETURN NEW; END';
CREATE TRIGGER t BEFORE UPDATE ON cleaned
	FOR EACH ROW EXECUTE FUNCTION clean_note();
CREATE FUNCTION is_clean(t text) RETURNS bool LANGUAGE plpgsql IMMUTABLE
AS 'BEGIN RETURN clean(t) IS NOT NULL; END';
ALTER TABLE checked ADD CHECK (is_clean(secret));
ALTER TABLE filtered ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON filtered USING (is_clean(secret));
CREATE FUNCTION compute(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE
AS 'BEGIN RETURN clean(t); END';
ALTER TABLE computed ADD g text GENERATED ALWAYS AS (compute(secret)) STORED;
CREATE FUNCTION plain(t text) RETURNS text LANGUAGE plpgsql
AS 'BEGIN RETURN clean(t); END';

GRANT ALL ON ALL TABLES IN SCHEMA shadow TO regress_hoopguard_shadow;
SELECT count(hoopguard.map_role('regress_hoopguard_shadow'));
SELECT count(hoopguard.add_mask('redact', relation => t, column_name => 'secret'))
FROM unnest('{audited,cleaned,checked,filtered,computed}'::regclass[]) t;
SELECT count(hoopguard.add_rule('allow', '{DDL,WRITE,SET}',
	for_subject => 'regress_hoopguard_shadow', priority => 1));

SET SESSION AUTHORIZATION regress_hoopguard_shadow;
CREATE FUNCTION shadow_own.clean(t text) RETURNS text LANGUAGE plpgsql
AS 'BEGIN RAISE WARNING ''saw %'', t; RETURN t; END';

-- with the DBA's schema in front all goes well
SET search_path = shadow;
UPDATE audited SET note = 'n' WHERE id = 1;
UPDATE cleaned SET note = 'n' WHERE id = 1 RETURNING note;
UPDATE checked SET note = 'n' WHERE id = 1;
SELECT id FROM filtered;

-- with the role's own in front: HG006 five times, and nothing is seen
SET search_path = shadow_own, shadow;
UPDATE cleaned SET note = 'n' WHERE id = 1;
UPDATE checked SET note = 'n' WHERE id = 1;
SELECT id FROM filtered;
UPDATE computed SET secret = 'mine' WHERE id = 1;
CREATE TEMP TABLE audit (old_row text);
UPDATE audited SET note = 'n' WHERE id = 1;
TABLE pg_temp.audit;

-- on masks the same function may run
SELECT plain(secret) FROM audited;
SELECT plain('mine');
RESET SESSION AUTHORIZATION;

-- the role that owns the code is nobody's victim: a session without a mapping
SET search_path = shadow_own, shadow;
UPDATE cleaned SET note = 'n' WHERE id = 1;

RESET search_path;
SELECT hoopguard.unmap_role('regress_hoopguard_shadow');
DISCARD TEMP;
DROP SCHEMA shadow, shadow_own CASCADE;
DROP OWNED BY regress_hoopguard_shadow;
DROP ROLE regress_hoopguard_shadow;
