-- Guard rules over everything that is not SELECT, INSERT, UPDATE, DELETE, MERGE.
\getenv abs_srcdir PG_ABS_SRCDIR
\set store :abs_srcdir '/test/data/store.sql'
\set dba :USER
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_utility LOGIN;
CREATE ROLE regress_hoopguard_other;
\i :store
CREATE SCHEMA agent_ws;
GRANT USAGE ON SCHEMA store TO regress_hoopguard_utility;
GRANT ALL ON SCHEMA agent_ws TO regress_hoopguard_utility;
GRANT ALL ON ALL TABLES IN SCHEMA store TO regress_hoopguard_utility;
CREATE TABLE agent_ws.owned (a int, b text);
ALTER TABLE agent_ws.owned OWNER TO regress_hoopguard_utility;
CREATE FUNCTION store.delete_all() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	AS 'BEGIN DELETE FROM store.invoice_line; END';
CREATE PROCEDURE store.delete_procedure() LANGUAGE plpgsql
	AS 'BEGIN EXECUTE ''DELETE FROM store.'' || ''invoice_line''; END';
SELECT hoopguard.map_role('regress_hoopguard_utility');
\set VERBOSITY sqlstate
\c - regress_hoopguard_utility

-- denied by the baseline: HG001 (42501 where core refuses first)
TRUNCATE store.invoice_line;
DROP TABLE agent_ws.owned;
DROP SCHEMA agent_ws CASCADE;
CREATE ROLE regress_hoopguard_never;
ALTER ROLE regress_hoopguard_utility SUPERUSER;
DROP ROLE regress_hoopguard_other;
GRANT SELECT ON agent_ws.owned TO regress_hoopguard_other;
REVOKE SELECT ON agent_ws.owned FROM regress_hoopguard_other;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
REASSIGN OWNED BY regress_hoopguard_utility TO regress_hoopguard_other;
DROP OWNED BY regress_hoopguard_utility;
CREATE EXTENSION plpgsql;
DROP EXTENSION hoopguard;
ALTER EXTENSION hoopguard UPDATE;
ALTER SYSTEM SET work_mem = '1MB';
CREATE DATABASE regress_hoopguard_never;
COPY store.invoice TO PROGRAM 'cat';
COPY store.invoice TO '/nowhere/hoopguard';
COPY store.invoice FROM '/nowhere/hoopguard';
LOAD 'plpgsql';
CHECKPOINT;
SECURITY LABEL FOR hoopguard ON COLUMN agent_ws.owned.b IS 'public';
CREATE SUBSCRIPTION s CONNECTION 'dbname=x' PUBLICATION p;
CREATE SERVER s FOREIGN DATA WRAPPER w;

-- the same statements inside functions, DO and procedures, and by EXECUTE
DO $$ BEGIN TRUNCATE store.invoice_line; END $$;
DO $$ BEGIN EXECUTE 'DELETE FROM store.invoice_line'; END $$;
SELECT store.delete_all();
CALL store.delete_procedure();
PREPARE p AS DELETE FROM store.invoice_line;
EXECUTE p;
BEGIN;
DECLARE k CURSOR FOR SELECT 1;
ROLLBACK;

-- functions that reach out of the database, by every road to a call
SELECT pg_read_file('PG_VERSION');
SELECT pg_ls_dir('.');
SELECT lo_import('/etc/passwd');
SELECT pg_reload_conf();
SELECT pg_terminate_backend(1);
SELECT set_config('hoopguard.mode', 'off', false);
SELECT count(*) FROM generate_series(1, 3) g WHERE pg_read_file('PG_VERSION') IS NULL;
SELECT * FROM pg_ls_dir('.');
DO $$ DECLARE x text; BEGIN x := pg_read_file('PG_VERSION'); END $$;

-- settings: hoopguard's never, those that only concern the session's own look are free
SET hoopguard.mode = 'off';
SET LOCAL hoopguard.mask_mode = 'off';
RESET hoopguard.mode;
SET hoopguard.intent = 'ticket 4711';
SHOW hoopguard.intent;
SET application_name = 'x';
SET search_path = agent_ws, pg_catalog;
SET statement_timeout = '1min';
BEGIN;
SET TRANSACTION READ ONLY;
SET LOCAL work_mem = '1MB';
COMMIT;
SET session_replication_role = replica;
RESET search_path;

-- DDL on persistent objects: approval; nobody waits here
ALTER TABLE agent_ws.owned ADD COLUMN c int;
CREATE TABLE agent_ws.another (a int);
CREATE INDEX ON agent_ws.owned (a);
CREATE VIEW agent_ws.v AS SELECT 1 AS one;
CREATE FUNCTION agent_ws.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
COMMENT ON TABLE agent_ws.owned IS 'mine';

-- a workspace freed with one rule
\c - :dba
SELECT hoopguard.add_rule('allow', '{DDL,WRITE}', objects => 'agent_ws.*', priority => 10) AS free \gset
\set VERBOSITY sqlstate
\c - regress_hoopguard_utility
ALTER TABLE agent_ws.owned ADD COLUMN c int;
CREATE TABLE agent_ws.another (a int);
INSERT INTO agent_ws.another VALUES (1);
TRUNCATE agent_ws.another;
DROP TABLE agent_ws.another;
CREATE VIEW agent_ws.v AS SELECT 1 AS one;
DROP VIEW agent_ws.v;

-- what an agent needs all day
BEGIN;
SAVEPOINT a;
RELEASE a;
COMMIT;
PREPARE q AS SELECT 1 AS one;
EXECUTE q;
DEALLOCATE q;
DECLARE c CURSOR WITH HOLD FOR SELECT 1 AS one;
FETCH c;
CLOSE c;
EXPLAIN (COSTS OFF) SELECT 1;
SHOW search_path;
DISCARD PLANS;
LISTEN hoopguard_approval;
UNLISTEN hoopguard_approval;
CREATE TEMP TABLE t (a int);
CREATE INDEX ON t (a);
ALTER TABLE t ADD COLUMN b int;
DROP TABLE t;

\c - :dba
SET client_min_messages = warning;
SELECT hoopguard.drop_rule(:free);
SELECT hoopguard.unmap_role('regress_hoopguard_utility');
DROP OWNED BY regress_hoopguard_utility CASCADE;
DROP SCHEMA store, agent_ws CASCADE;
DROP ROLE regress_hoopguard_utility, regress_hoopguard_other;
