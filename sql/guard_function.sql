-- Calls of functions by what they can reach, wherever they stand; and what
-- the administrator says about functions that nobody shipped a word for.
SET client_min_messages = warning;
\set dba :USER
CREATE ROLE regress_hoopguard_fn LOGIN;
CREATE SCHEMA fn;
GRANT USAGE ON SCHEMA fn TO regress_hoopguard_fn;
CREATE TABLE fn.t (id int PRIMARY KEY, v text);
INSERT INTO fn.t VALUES (1, 'a'), (2, 'b');
GRANT ALL ON fn.t TO regress_hoopguard_fn;
GRANT EXECUTE ON FUNCTION pg_read_file(text), pg_reload_conf() TO regress_hoopguard_fn;
SELECT hoopguard.map_role('regress_hoopguard_fn');

-- one of each group, and plain ones
SELECT f, hoopguard.function_group(f) FROM unnest('{pg_read_file(text),
	lo_import(text), pg_ls_waldir(), pg_drop_replication_slot(name),
	"pg_replication_slot_advance(name,pg_lsn)", pg_terminate_backend(int\,int8),
	pg_reload_conf(), pg_stat_reset(), lo_create(oid), pg_switch_wal(),
	"query_to_xml(text,bool,bool,text)", ts_stat(text), pg_advisory_lock(int8),
	pg_try_advisory_xact_lock(int4\,int4), "pg_notify(text,text)",
	pg_sleep(float8), "setval(regclass,int8)", now(), length(text),
	lo_get(oid), pg_stat_clear_snapshot()}'::regprocedure[]) WITH ORDINALITY u(f, n)
ORDER BY n;

-- another name for the same code counts like it; a library nobody knows does not
CREATE FUNCTION fn.harmless(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all';
CREATE FUNCTION fn.unknown(int, int, cstring, internal, int, bool) RETURNS int
	LANGUAGE c STRICT AS '$libdir/latin2_and_win1250', 'latin2_to_win1250';
CREATE FUNCTION fn.pg_read_file(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
SELECT hoopguard.function_group('fn.harmless(text)'),
	hoopguard.function_group('fn.unknown(int,int,cstring,internal,int,bool)'),
	hoopguard.function_group('fn.pg_read_file(text)');

-- where a call may hide
CREATE VIEW fn.v AS SELECT pg_read_file('PG_VERSION') AS x;
CREATE TABLE fn.defaulted (id int, x text DEFAULT pg_read_file('PG_VERSION'));
CREATE TABLE fn.checked (id int CHECK (pg_reload_conf() OR id > 0));
CREATE DOMAIN fn.d AS int CHECK (length(pg_read_file('PG_VERSION')) > VALUE);
CREATE AGGREGATE fn.agg(text) (sfunc = pg_catalog.textcat, stype = text);
CREATE FUNCTION fn.step(text, text) RETURNS text LANGUAGE sql AS $$SELECT pg_read_file($2)$$;
CREATE AGGREGATE fn.slurp(text) (sfunc = fn.step, stype = text, initcond = '');
CREATE FUNCTION fn.op(text, text) RETURNS text LANGUAGE sql AS $$SELECT pg_read_file($1)$$;
CREATE OPERATOR fn.<<< (leftarg = text, rightarg = text, function = fn.op);
CREATE TYPE fn.path AS (p text);
CREATE FUNCTION fn.to_path(fn.path) RETURNS int LANGUAGE sql AS $$SELECT length(pg_read_file(($1).p))$$;
CREATE CAST (fn.path AS int) WITH FUNCTION fn.to_path(fn.path);
CREATE FUNCTION fn.simple() RETURNS text LANGUAGE plpgsql AS $$DECLARE x text; BEGIN x := pg_read_file('PG_VERSION'); RETURN x; END$$;
CREATE PROCEDURE fn.proc(x text) LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION fn.tr() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_reload_conf(); RETURN NULL; END$$;
CREATE TABLE fn.triggered (id int);
CREATE TRIGGER tr AFTER INSERT ON fn.triggered FOR EACH ROW EXECUTE FUNCTION fn.tr();
CREATE TABLE fn.ruled (id int);
CREATE RULE r AS ON INSERT TO fn.ruled DO ALSO SELECT pg_read_file('PG_VERSION');
CREATE TABLE fn.indexed (id int, v text);
CREATE FUNCTION fn.lying(text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN length(pg_read_file('PG_VERSION')); END$$;
CREATE FUNCTION fn.plain() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE INDEX ON fn.indexed (fn.lying(v));
GRANT ALL ON ALL TABLES IN SCHEMA fn TO regress_hoopguard_fn;

\c - regress_hoopguard_fn
-- refused in each of them: HG001
\set VERBOSITY sqlstate
SELECT pg_read_file('PG_VERSION');
SELECT * FROM pg_read_file('PG_VERSION');
SELECT 1 FROM fn.t WHERE length(pg_read_file('PG_VERSION')) > id;
SELECT id FROM fn.t GROUP BY id HAVING length(pg_read_file('PG_VERSION')) > max(id);
SELECT id FROM fn.t ORDER BY pg_read_file('PG_VERSION') || v LIMIT 1;
SELECT CASE WHEN id > 5 THEN pg_read_file('PG_VERSION') END FROM fn.t;
SELECT x FROM fn.v;
INSERT INTO fn.defaulted (id) VALUES (1);
INSERT INTO fn.checked VALUES (1);
SELECT 1::fn.d;
SELECT fn.slurp('PG_VERSION');
SELECT 'PG_VERSION' OPERATOR(fn.<<<) 'x';
SELECT ROW('PG_VERSION')::fn.path::int;
SELECT fn.simple();
SELECT fn.harmless('PG_VERSION');
CALL fn.proc(pg_read_file('PG_VERSION'));
DO $$DECLARE x text := pg_read_file('PG_VERSION'); BEGIN END$$;
INSERT INTO fn.triggered VALUES (1);
INSERT INTO fn.ruled VALUES (1);
INSERT INTO fn.indexed VALUES (1, 'x');
PREPARE p AS SELECT pg_read_file($1); EXECUTE p('PG_VERSION');
BEGIN; DECLARE c CURSOR FOR SELECT pg_read_file('PG_VERSION'); FETCH c; ROLLBACK;
COPY (SELECT pg_read_file('PG_VERSION')) TO STDOUT;
EXPLAIN (ANALYZE) SELECT pg_read_file('PG_VERSION');
SELECT query_to_xml('SELECT pg_read_file(''PG_VERSION'')', false, false, '');
SELECT * FROM ts_stat('SELECT to_tsvector(pg_read_file(''PG_VERSION''))');
CREATE TEMP TABLE tt (x text DEFAULT pg_read_file('PG_VERSION')); INSERT INTO tt DEFAULT VALUES;
\set VERBOSITY default
-- runs: the same name elsewhere, a definition that is only shown, the plain ones
SELECT fn.pg_read_file('x');
SELECT pg_get_functiondef('pg_read_file(text)'::regprocedure) IS NOT NULL;
EXPLAIN (COSTS OFF) SELECT v FROM fn.t WHERE id = 1;
SELECT pg_advisory_lock(1), pg_advisory_unlock(1), pg_notify('c', 'x'), pg_sleep(0), setseed(0);

-- what the administrator says goes first, and holds for the next statement
\c - :dba
SET client_min_messages = warning;
SELECT hoopguard.add_function_group('pg_sleep', 'ADMIN');
SELECT hoopguard.add_function_group('fn.*', 'UNCLASSIFIED');
SELECT hoopguard.add_function_group('fn.pg_read_file', 'function_file');
TABLE hoopguard.function_class ORDER BY 1;
\set VERBOSITY sqlstate
-- a mistake is refused: HG014
SELECT hoopguard.add_function_group('pg_sleep', 'nothing');
SELECT hoopguard.add_function_group('no.such', 'FILE');
SELECT hoopguard.add_function_group('a.b.c', 'FILE');
SELECT hoopguard.add_function_group('extension:no_such_extension', 'FILE');
SELECT hoopguard.add_function_group(NULL, 'FILE');
SELECT hoopguard.drop_function_group('pg_notify');
\c - regress_hoopguard_fn
-- refused: the pattern that says more about it wins
SELECT pg_sleep(0);
SELECT fn.pg_read_file('x');
-- not refused by the baseline ...
SELECT fn.plain();
\c - :dba
SET client_min_messages = warning;
\set VERBOSITY default
SELECT hoopguard.add_rule('deny', '{FUNCTION_UNCLASSIFIED}', objects => 'function:fn.*') > 1000;
\c - regress_hoopguard_fn
-- ... but can be ruled on
\set VERBOSITY sqlstate
SELECT fn.plain();
\c - :dba
SET client_min_messages = warning;
-- taken back
SELECT hoopguard.drop_function_group('pg_sleep');
\c - regress_hoopguard_fn
\set VERBOSITY default
SELECT pg_sleep(0);
-- an agent says nothing about functions
\set VERBOSITY sqlstate
SELECT hoopguard.add_function_group('pg_read_file', 'NONE');
\c - :dba
SET client_min_messages = warning;
DELETE FROM hoopguard.rule WHERE id > 1000;
DELETE FROM hoopguard.function_class;
SELECT hoopguard.unmap_role('regress_hoopguard_fn');
DROP SCHEMA fn CASCADE;
REVOKE EXECUTE ON FUNCTION pg_read_file(text), pg_reload_conf() FROM regress_hoopguard_fn;
DROP ROLE regress_hoopguard_fn;
