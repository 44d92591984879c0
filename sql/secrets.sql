-- No secret reaches the record, wherever in a statement it stands.  Each is
-- called sesame and a number; the list at the end must be empty.
\set VERBOSITY sqlstate
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS hoopguard;
CREATE SCHEMA sec;
SET search_path = sec, public;
CREATE TABLE t (a int, b text);
-- roles
CREATE ROLE regress_hg_secret LOGIN PASSWORD 'sesame1';
ALTER ROLE regress_hg_secret ENCRYPTED PASSWORD 'sesame2' VALID UNTIL '2030-01-01';
ALTER USER regress_hg_secret WITH PASSWORD E'ses\x61me3';
ALTER ROLE regress_hg_secret PASSWORD U&'sesam\0065\0034';
ALTER ROLE regress_hg_secret SET application_name = 'sesame5';
ALTER ROLE regress_hg_secret SET application_name TO sesame6;
-- foreign servers and subscriptions
CREATE FOREIGN DATA WRAPPER sec_fdw;
CREATE SERVER sec_server FOREIGN DATA WRAPPER sec_fdw OPTIONS (host 'sesame7', password $$sesame8$$);
ALTER SERVER sec_server OPTIONS (SET password 'sesame9', ADD x 'sesame10');
CREATE USER MAPPING FOR PUBLIC SERVER sec_server OPTIONS (user 'u', password 'sesame11');
ALTER USER MAPPING FOR PUBLIC SERVER sec_server OPTIONS (SET password $pw$sesame12$pw$);
CREATE FOREIGN TABLE ft (a int OPTIONS (k 'sesame13')) SERVER sec_server OPTIONS (x 'sesame14');
CREATE SUBSCRIPTION sec_sub CONNECTION 'host=localhost port=1 password=sesame15' PUBLICATION p WITH (connect = false, slot_name = NONE);
ALTER SUBSCRIPTION sec_sub CONNECTION 'password=sesame16';
DROP SUBSCRIPTION sec_sub;
-- COPY, settings, comments
COPY t FROM PROGRAM 'echo 1,sesame17' (FORMAT csv);
COPY (SELECT 'sesame18') TO PROGRAM 'cat > /dev/null # sesame19';
COPY t TO '/nonexistent/sesame20';
SET application_name = 'sesame21';
SET application_name TO sesame22;
SET LOCAL application_name = sesame23, "sesame 23";
SET TIME ZONE sesame23;
RESET TIME ZONE;
ALTER DATABASE :DBNAME SET application_name = sesame23;
ALTER DATABASE :DBNAME RESET application_name;
SET search_path = sec, public;
SELECT set_config('application_name', 'sesame24', false);
RESET application_name;
ALTER SYSTEM SET archive_command = 'curl -u a:sesame25 x';
ALTER SYSTEM RESET archive_command;
COMMENT ON TABLE t IS 'sesame26';
SECURITY LABEL FOR hoopguard ON COLUMN t.b IS 'sesame27';
-- code
DO $$ BEGIN PERFORM 'sesame28'; EXECUTE 'SELECT ''sesame29'''; END $$;
DO LANGUAGE plpgsql 'BEGIN /* sesame30 */ END';
CREATE FUNCTION f1() RETURNS text LANGUAGE sql AS 'SELECT ''sesame31''::text';
CREATE FUNCTION f2(x text DEFAULT 'sesame32') RETURNS text LANGUAGE sql RETURN x || 'sesame33';
CREATE FUNCTION f3() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT 'sesame34'::text; END;
CREATE FUNCTION f4() RETURNS void LANGUAGE plpgsql SET application_name = 'sesame35' AS $f$ BEGIN RAISE EXCEPTION 'sesame36'; END $f$;
CREATE FUNCTION f5() RETURNS void LANGUAGE plpgsql SET application_name TO sesame36 STABLE SET search_path = sec AS 'BEGIN END';
ALTER FUNCTION f5() SET application_name = sesame36;
CREATE PROCEDURE p1(x text) LANGUAGE plpgsql AS $p$ BEGIN RAISE NOTICE '%', x; END $p$;
SELECT f1(), f2('sesame37'), f3();
SELECT f4();
CALL p1('sesame38');
-- definitions
CREATE TABLE d (a text DEFAULT 'sesame39', b text CHECK (b <> 'sesame40'), c text GENERATED ALWAYS AS ('sesame41') STORED) WITH (fillfactor = 70);
CREATE TABLE pt (k text) PARTITION BY LIST (k);
CREATE TABLE pt1 PARTITION OF pt FOR VALUES IN ('sesame42');
CREATE VIEW vw AS SELECT 'sesame43' AS x, a FROM t WHERE b = 'sesame44';
CREATE INDEX ON t (b) WHERE b = 'sesame45';
CREATE POLICY pol ON t USING (b = 'sesame46');
CREATE TYPE en AS ENUM ('sesame47', 'x');
ALTER TYPE en ADD VALUE 'sesame48';
CREATE DOMAIN dm AS text DEFAULT 'sesame49' CHECK (VALUE <> 'sesame50');
CREATE RULE ru AS ON DELETE TO t WHERE old.b = 'sesame51' DO ALSO NOTIFY x, 'sesame52';
CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW WHEN (new.b = 'sesame53') EXECUTE FUNCTION suppress_redundant_updates_trigger('sesame54');
-- statements
/* sesame55 */ SELECT 1 -- sesame56
;
SELECT 'sesame57', E'sesame58', B'1', $x$sesame59$x$, 'ses' 
	'ame60', U&'sesame!0036' UESCAPE '!', interval 'sesame62';
PREPARE ps(text) AS SELECT $1, 'sesame63';
EXECUTE ps('sesame64');
SELECT * FROM t WHERE b = 'sesame65' AND a IN (1, 2) AND b LIKE 'sesame66%';
INSERT INTO t VALUES (1, 'sesame67');
SELECT 'sesame68'::int;
SELECT nothing, 'sesame69';
SELECT 'sesame70' FROM nowhere;
SELEKT 'sesame71';
SELECT 'sesame72
';
NOTIFY ch, 'sesame74';
BEGIN;
SAVEPOINT s;
PREPARE TRANSACTION 'sesame75';
ROLLBACK PREPARED 'sesame75';
EXPLAIN SELECT 'sesame76';
DECLARE cu CURSOR WITH HOLD FOR SELECT 'sesame77';
CLOSE cu;
SELECT xmlelement(name x, 'sesame78'), JSON '{"a": "sesame79"}', '{"sesame80": 1}'::jsonb, ARRAY['sesame81'];
SELECT 98765432.5, 0.98765432e3, 98765432, -98765432;
SET hoopguard.traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
SELECT 1 /*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',password='sesame82'*/;
RESET hoopguard.traceparent;
CREATE EVENT TRIGGER sec_et ON ddl_command_start WHEN TAG IN ('sesame83') EXECUTE FUNCTION sec.nothing();
CREATE SCHEMA sec2 CREATE TABLE x (a text DEFAULT 'sesame84');
LOAD 'sesame85';
SELECT dblink_connect('password=sesame86');
CREATE COLLATION sec_co (locale = 'sesame87');
CREATE TEXT SEARCH DICTIONARY sec_d (template = simple, stopwords = 'sesame88');
CREATE TABLESPACE sec_ts LOCATION '/nonexistent/sesame89';
CREATE DATABASE sec_db TEMPLATE 'sesame90';
-- strings that were read another way than they would be when it is recorded
SET escape_string_warning = off;
SET standard_conforming_strings = off\; SELECT 'C:\', ' sesame91 ' /* ' */ , 'x' AS read_a;
RESET standard_conforming_strings;
SET standard_conforming_strings = off\; SELECT 'C:\', ' sesame92 ' /* ' */ , 'x' AS read_b FROM nowhere;
RESET standard_conforming_strings;
SET standard_conforming_strings = off\; DELETE FROM sec.t WHERE b = 'C:\';
RESET standard_conforming_strings;
SET standard_conforming_strings = off;
PREPARE read_c AS SELECT 'a\', sesame93, \'b', 'read_c';
RESET standard_conforming_strings;
EXECUTE read_c;
SELECT '\d+' AS read_d, 'x';
RESET escape_string_warning;
RESET search_path;
SELECT hoopguard.flush();

-- every text, array and json column of every table of the record
CREATE FUNCTION sec.leaks(pattern text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	rel		regclass;
BEGIN
	FOR rel IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'hoopguard'::regnamespace
			AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
			AND c.relname IN ('event', 'statement', 'session', 'note', 'outcome', 'lineage_edge', 'lineage_dataset',
				'activity', 'lineage', 'login', 'seal', 'rolled_back', 'policy_version', 'inherited_class') LOOP
		RETURN QUERY EXECUTE format('SELECT DISTINCT %L || '': '' || left(x.r::text, 400) FROM %s x WHERE x.r::text ~ %L',
			rel, '(SELECT to_jsonb(r) AS r FROM ' || rel || ' r)', pattern);
	END LOOP;
END $$;
SELECT * FROM sec.leaks('s[e]same|9876543[2]');
-- that the search finds what there is
SELECT count(*) > 20 AS finds FROM sec.leaks('alter|create');
-- what is kept of settings, functions and updates
SELECT DISTINCT text COLLATE "C" AS kept FROM hoopguard.statement WHERE text ~ '^(set (local |session )?application|set search_path = sec|set time zone|alter role regress_hg_secret set|alter function f5|create function f5)' ORDER BY 1;
SELECT DISTINCT text COLLATE "C" AS kept FROM hoopguard.statement WHERE text ~ '^(select .* as read_d|prepare read_c|execute read_c|delete from sec[.]t where)' ORDER BY 1;
DROP SCHEMA sec CASCADE;
DROP SCHEMA IF EXISTS sec2 CASCADE;
DROP FOREIGN DATA WRAPPER sec_fdw CASCADE;
DROP ROLE regress_hg_secret;
