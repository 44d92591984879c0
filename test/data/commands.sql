-- commands.sql: what the statements of commands.tsv work on.
SET client_min_messages = warning;
CREATE EXTENSION hoopguard;
CREATE EXTENSION dblink;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE ROLE regress_hoopguard_human LOGIN;
CREATE ROLE regress_hoopguard_root LOGIN SUPERUSER;
CREATE SCHEMA app;
CREATE TABLE app.t (id int PRIMARY KEY, note text NOT NULL, v int NOT NULL);
INSERT INTO app.t SELECT g, 'n' || g, g % 10 FROM generate_series(1, 100) g;
CREATE TABLE app.u (id int PRIMARY KEY);
INSERT INTO app.u SELECT generate_series(1, 50);
CREATE TABLE app.c (id int PRIMARY KEY, email text NOT NULL);
INSERT INTO app.c SELECT g, 'person' || g || '@real.test' FROM generate_series(1, 20) g;
SECURITY LABEL FOR hoopguard ON COLUMN app.c.email IS 'email';
CREATE TABLE app.owner_of_c (id int PRIMARY KEY);
INSERT INTO app.owner_of_c VALUES (1);
ALTER TABLE app.c ADD owner int REFERENCES app.owner_of_c ON DELETE CASCADE;
CREATE TABLE app.root (id int PRIMARY KEY);
CREATE TABLE app.leaf (id int PRIMARY KEY, root int REFERENCES app.root ON DELETE CASCADE);
INSERT INTO app.root VALUES (1);
INSERT INTO app.leaf VALUES (1, 1), (2, 1);
CREATE TABLE app.p (id int NOT NULL, v int) PARTITION BY RANGE (id);
CREATE TABLE app.p1 PARTITION OF app.p FOR VALUES FROM (0) TO (1000);
INSERT INTO app.p SELECT g, 0 FROM generate_series(1, 50) g;
CREATE TABLE app.loose (id int NOT NULL, v int);
CREATE TABLE app.parent (id int, v int);
CREATE TABLE app.parent2 (id int, v int);
CREATE TABLE app.kid () INHERITS (app.parent);
INSERT INTO app.parent VALUES (1, 1);
INSERT INTO app.kid VALUES (2, 2);
CREATE VIEW app.v AS SELECT * FROM app.t;
CREATE VIEW app.v_some AS SELECT * FROM app.t WHERE v = 3;
CREATE VIEW app.v_instead AS SELECT id FROM app.t;
CREATE FUNCTION app.instead() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN DELETE FROM app.t WHERE id = OLD.id; RETURN OLD; END';
CREATE TRIGGER instead INSTEAD OF DELETE ON app.v_instead FOR EACH ROW EXECUTE FUNCTION app.instead();
CREATE MATERIALIZED VIEW app.mv AS SELECT id FROM app.t;
CREATE SEQUENCE app.seq;
CREATE TYPE app.kind AS ENUM ('a', 'b');
CREATE TYPE app.pair AS (a int, b int);
CREATE FUNCTION app.f_sql() RETURNS int LANGUAGE sql AS 'DELETE FROM app.t; SELECT 1';
CREATE FUNCTION app.f_plpgsql() RETURNS int LANGUAGE plpgsql AS 'BEGIN DELETE FROM app.t; RETURN 1; END';
CREATE FUNCTION app.f_definer() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN DELETE FROM app.t; RETURN 1; END';
CREATE FUNCTION app.f_dynamic() RETURNS int LANGUAGE plpgsql AS 'BEGIN EXECUTE ''DELETE FR'' || ''OM app.t''; RETURN 1; END';
CREATE FUNCTION app.f_nested() RETURNS int LANGUAGE sql AS 'SELECT app.f_plpgsql()';
-- what catches the refusal must tell it, or the caller would see success
CREATE FUNCTION app.f_caught() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		DELETE FROM app.t;
	EXCEPTION WHEN OTHERS THEN
		IF (SELECT count(*) FROM app.t) = 100 THEN
			RAISE EXCEPTION 'caught' USING ERRCODE = SQLSTATE;
		END IF;
	END;
	RETURN 1;
END $$;
CREATE FUNCTION app.f_setof() RETURNS SETOF int LANGUAGE sql AS 'DELETE FROM app.t RETURNING id';
CREATE FUNCTION app.f_fine(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN UPDATE app.t SET v = v WHERE id = i; RETURN 1; END';
CREATE PROCEDURE app.p_sql() LANGUAGE sql AS 'DELETE FROM app.t';
CREATE PROCEDURE app.p_plpgsql() LANGUAGE plpgsql AS 'BEGIN DELETE FROM app.t; END';
CREATE PROCEDURE app.p_definer() LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN DELETE FROM app.t; END';
CREATE PROCEDURE app.p_out(OUT n int) LANGUAGE plpgsql AS 'BEGIN DELETE FROM app.t; n := 1; END';
CREATE PROCEDURE app.p_fine(i int) LANGUAGE plpgsql AS 'BEGIN UPDATE app.t SET v = v WHERE id = i; END';
CREATE FUNCTION app.step(int, int) RETURNS int LANGUAGE plpgsql AS 'BEGIN DELETE FROM app.t; RETURN 1; END';
CREATE AGGREGATE app.agg(int) (sfunc = app.step, stype = int, initcond = '0');
CREATE OPERATOR app.<-> (leftarg = int, rightarg = int, function = app.step);
CREATE FUNCTION app.check_it(int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN DELETE FROM app.t; RETURN true; END';
CREATE DOMAIN app.checked AS int CHECK (app.check_it(VALUE));
CREATE TABLE app.defaulted (id int, x int DEFAULT app.f_plpgsql());
CREATE TABLE app.ruled (id int);
CREATE RULE r AS ON INSERT TO app.ruled DO ALSO DELETE FROM app.t;
CREATE TABLE app.triggered (id int);
CREATE FUNCTION app.trigger_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM app.t; RETURN NULL; END';
CREATE TRIGGER tr AFTER INSERT ON app.triggered FOR EACH ROW EXECUTE FUNCTION app.trigger_it();
CREATE FUNCTION app.alias_of_read(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all';
CREATE FUNCTION app.reads_file() RETURNS text LANGUAGE plpgsql AS
	'DECLARE x text := pg_read_file(''PG_VERSION''); BEGIN RETURN x; END';
CREATE FUNCTION app.evt() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER evt ON sql_drop EXECUTE FUNCTION app.evt();
CREATE COLLATION app.coll (locale = 'C');
CREATE CONVERSION app.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE TEXT SEARCH CONFIGURATION app.cfg (copy = simple);
CREATE TEXT SEARCH DICTIONARY app.dict (template = simple);
CREATE STATISTICS app.st ON id, v FROM app.t;
CREATE POLICY pol ON app.u USING (true);
CREATE FOREIGN DATA WRAPPER fdw;
CREATE SERVER srv FOREIGN DATA WRAPPER fdw;
CREATE USER MAPPING FOR regress_hoopguard_human SERVER srv;
CREATE PUBLICATION pub;
GRANT USAGE ON SCHEMA app TO regress_hoopguard_agent;
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_hoopguard_agent;
GRANT ALL ON ALL SEQUENCES IN SCHEMA app TO regress_hoopguard_agent;
ANALYZE;
SELECT hoopguard.map_role('regress_hoopguard_agent');
SELECT hoopguard.map_role('regress_hoopguard_root', allow_privileged => true);
