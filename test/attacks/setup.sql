-- Tables whose masked columns hold "canary<n>" or 73xx, and a DBA's code over
-- them.  The attacks beside this file run as the role agent.
SET client_min_messages = warning;
DO $$
DECLARE
	e text;
BEGIN
	FOREACH e IN ARRAY '{hstore,tablefunc,dblink,postgres_fdw,xml2,citext,pgcrypto,pg_trgm,intarray,unaccent,ltree,cube,
		earthdistance,bloom,tsm_system_rows,tsm_system_time,pg_visibility,pageinspect,pgstattuple,amcheck,pg_walinspect,
		pg_buffercache,pg_freespacemap,pgrowlocks,fuzzystrmatch,seg,file_fdw,refint,pg_surgery,tcn}'::text[] LOOP
		BEGIN
			EXECUTE 'CREATE EXTENSION ' || e || ' SCHEMA public';
		EXCEPTION WHEN OTHERS THEN
			NULL;				-- attacks by way of it do nothing then
		END;
	END LOOP;
END $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO agent;
CREATE SCHEMA s; CREATE SCHEMA ws AUTHORIZATION agent; GRANT USAGE ON SCHEMA s TO PUBLIC;
CREATE TABLE s.person (id int PRIMARY KEY, email text UNIQUE, ssn text, salary int, doc jsonb, tags text[], born date, n numeric, r int4range, note text, CHECK (salary > 10));
INSERT INTO s.person SELECT i, 'canary' || i || '@c.test', 'ssncanary' || i, 7300 + i, jsonb_build_object('k', 'canary' || i), ARRAY['canary' || i, 'x'], date '1907-03-01' + i, 7300.5 + i, int4range(7300 + i, 7400), 'note ' || i FROM generate_series(1, 9) i;
CREATE TABLE s.big (id int, secret text, k int);
INSERT INTO s.big SELECT i, 'canary' || i, i % 10 FROM generate_series(1, 5000) i;
CREATE INDEX ON s.big (secret);
CREATE TABLE s.log (id serial, msg text);
CREATE TABLE s.part (id int, secret text) PARTITION BY RANGE (id); CREATE TABLE s.part1 PARTITION OF s.part FOR VALUES FROM (0) TO (100); INSERT INTO s.part SELECT i, 'canary'||i FROM generate_series(1,5) i;
CREATE TABLE s.fk (id int PRIMARY KEY, pmail text REFERENCES s.person (email) ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE);
INSERT INTO s.fk SELECT i, 'canary' || i || '@c.test' FROM generate_series(1, 5) i;
CREATE VIEW s.v AS SELECT * FROM s.person;
CREATE MATERIALIZED VIEW s.mv AS SELECT id, email FROM s.person;
GRANT SELECT, INSERT, UPDATE, DELETE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA s TO agent; GRANT USAGE ON ALL SEQUENCES IN SCHEMA s TO agent;
SELECT hoopguard.map_role('agent') \g /dev/null
SELECT hoopguard.add_mask('constant', relation => 's.person', column_name => c, args => '{"value": "hidden"}') FROM unnest('{email,ssn,tags}'::text[]) c \g /dev/null
SELECT hoopguard.add_mask('redact', relation => 's.person', column_name => c) FROM unnest('{salary,doc,born,n,r}'::text[]) c \g /dev/null
SELECT hoopguard.add_mask('redact', relation => t, column_name => c) FROM (VALUES ('s.big'::regclass, 'secret'), ('s.part', 'secret'), ('s.fk', 'pmail'), ('s.mv', 'email')) v(t, c) \g /dev/null
SELECT hoopguard.add_rule('allow','{DDL,WRITE,SET,MAINTAIN,LOCK,LISTEN,DROP}', priority=>10) \g /dev/null
CREATE TABLE s.audit (who text, old_row jsonb); GRANT SELECT, INSERT ON s.audit TO agent;
CREATE TABLE s.trg (id int PRIMARY KEY, secret text, note text); INSERT INTO s.trg SELECT i, 'canary'||i, 'n' FROM generate_series(1,5) i;
CREATE FUNCTION s.aud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (current_user, to_jsonb(OLD)); RETURN NEW; END $$;
CREATE TRIGGER t AFTER UPDATE ON s.trg FOR EACH ROW EXECUTE FUNCTION s.aud();
CREATE FUNCTION s.aud2() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := clean(NEW.secret); RETURN NEW; END $$;
CREATE TABLE s.trg2 (id int PRIMARY KEY, secret text, note text); INSERT INTO s.trg2 SELECT i, 'canary'||i, 'n' FROM generate_series(1,5) i;
CREATE TRIGGER t BEFORE UPDATE ON s.trg2 FOR EACH ROW EXECUTE FUNCTION s.aud2();
SET check_function_bodies = off;
CREATE FUNCTION s.ok(t text) RETURNS bool LANGUAGE sql STABLE AS 'SELECT clean($1) IS NOT NULL';
CREATE FUNCTION s.clean(t text) RETURNS text LANGUAGE sql AS 'select t';
CREATE TABLE s.rls (id int, secret text); INSERT INTO s.rls SELECT i, 'canary'||i FROM generate_series(1,5) i; ALTER TABLE s.rls ENABLE ROW LEVEL SECURITY; set search_path=s,public; CREATE POLICY p ON s.rls USING (s.ok(secret)); reset search_path;
CREATE TABLE s.chk (id int, secret text, note text); INSERT INTO s.chk SELECT i, 'canary'||i FROM generate_series(1,5) i;  set search_path=s,public; ALTER TABLE s.chk ADD CHECK (s.ok(secret)); reset search_path;
CREATE VIEW s.wide AS SELECT p.id, p.email AS e, b.secret FROM s.person p JOIN s.big b ON b.id = p.id; GRANT ALL ON s.wide TO agent;
CREATE INDEX bigx ON s.big (lower(secret)); ANALYZE s.big;
CREATE STATISTICS s.st (mcv, ndistinct, dependencies) ON secret, k FROM s.big; CREATE STATISTICS s.st2 ON (upper(secret)) FROM s.big; ANALYZE;
CREATE FUNCTION s.t_dyn(t text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN QUERY EXECUTE 'SELECT email FROM s.person WHERE ' || t; END $$;
CREATE PROCEDURE s.proc(INOUT e text) LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN SELECT email INTO e FROM s.person LIMIT 1; END $$;
CREATE AGGREGATE s.agg(text) (sfunc = textcat, stype = text, initcond = '');
CREATE TABLE s.eq (id int, secret text, k int); INSERT INTO s.eq SELECT i, 'canary'||i, 7300+i FROM generate_series(1,200) i; INSERT INTO s.eq SELECT i, 'canary1', 7301 FROM generate_series(201,400) i; CREATE INDEX ON s.eq (secret); ANALYZE s.eq; GRANT ALL ON s.eq TO agent; CREATE TABLE s.rf (id int, secret text); INSERT INTO s.rf SELECT i, 'canary'||i FROM generate_series(1,20) i; GRANT ALL ON s.rf TO agent; CREATE TABLE s.rl (id int, secret text, k int); INSERT INTO s.rl SELECT i, 'canary'||i, 7300+i FROM generate_series(1,20) i; GRANT ALL ON s.rl TO agent;
SELECT hoopguard.add_mask('redact', relation=>'s.eq', column_name=>'secret', match=>'equality'), hoopguard.add_mask('redact', relation=>'s.eq', column_name=>'k', match=>'equality'), hoopguard.add_mask('redact', relation=>'s.rf', column_name=>'secret', match=>'refuse'), hoopguard.add_mask('redact', relation=>'s.rl', column_name=>'secret', match=>'real'), hoopguard.add_mask('redact', relation=>'s.rl', column_name=>'k', match=>'real');
CREATE TABLE s.tree (id int, parent int, secret text); INSERT INTO s.tree SELECT i, i - 1, 'canary'||i FROM generate_series(1,5) i; GRANT ALL ON s.tree TO agent; SELECT hoopguard.add_mask('partial', relation=>'s.tree', column_name=>'secret', args => '{"first":1}');
CREATE TYPE s.ct AS (a text, b int); CREATE TABLE s.typed OF s.ct; INSERT INTO s.typed VALUES ('canary1', 1); GRANT ALL ON s.typed TO agent; SELECT hoopguard.add_mask('redact', relation=>'s.typed', column_name=>'a');
CREATE FUNCTION s.poly(anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT $1'; CREATE FUNCTION s.var(VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT array_to_string($1, ''-'')'; CREATE FUNCTION s.tabf(s.tree) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN $1.secret; END'; CREATE FUNCTION s.getrow(int) RETURNS s.tree LANGUAGE sql STABLE AS 'SELECT * FROM s.tree WHERE id = $1'; CREATE FUNCTION s.getdef(int, OUT a text, OUT b text) LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN SELECT t::text, secret INTO a, b FROM s.tree t WHERE id = $1; END';
CREATE FUNCTION s.cur() RETURNS refcursor LANGUAGE plpgsql SECURITY DEFINER AS $$ DECLARE c refcursor; BEGIN OPEN c SCROLL FOR SELECT * FROM s.tree; RETURN c; END $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO agent;
CREATE TABLE s.typ (id int PRIMARY KEY, secret text, sh hstore, sl ltree, sx xml, sj json, sb bytea, sc citext, sa int[], st tsvector, note text, sd date, sbit varbit);
INSERT INTO s.typ SELECT i, 'canary'||i, hstore('k','canary'||i), ('canary'||i)::ltree, ('<a>canary'||i||'</a>')::xml, json_build_object('k','canary'||i), convert_to('canary'||i,'UTF8'), 'canary'||i, ARRAY[7300+i,1], to_tsvector('simple','canary'||i), 'note', date '1907-03-01'+i, (7300+i)::bit(16)::varbit FROM generate_series(1,5) i;
GRANT SELECT, INSERT, UPDATE, DELETE, REFERENCES, TRIGGER ON s.typ TO agent;
SELECT hoopguard.add_mask('constant', relation => 's.typ', column_name => c, args => '{"existence":"refuse"}') FROM unnest('{secret,sh,sl,sx,sj,sb,sc,sa,st,sd,sbit}'::text[]) c;
CREATE TABLE s.def (id int, secret text DEFAULT 'canary1', note text); INSERT INTO s.def VALUES (1); GRANT ALL ON s.def TO agent; SELECT hoopguard.add_mask('constant', relation => 's.def', column_name => 'secret');
CREATE TABLE s.dp (id int, secret text) PARTITION BY HASH (secret); CREATE TABLE s.dp0 PARTITION OF s.dp FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE s.dp1 PARTITION OF s.dp FOR VALUES WITH (MODULUS 2, REMAINDER 1); INSERT INTO s.dp SELECT i, 'canary'||i FROM generate_series(1,9) i; GRANT ALL ON s.dp, s.dp0, s.dp1 TO agent; SELECT hoopguard.add_mask('constant', relation => 's.dp', column_name => 'secret');
CREATE FUNCTION s.rowdef(s.typ) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'row %', $1; END $$;
CREATE FUNCTION s.dom_check(text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'dom %', $1; RETURN true; END $$;
CREATE DOMAIN s.dom AS text CHECK (s.dom_check(VALUE)); CREATE TABLE s.domt (id int, secret s.dom); INSERT INTO s.domt VALUES (1, 'canary1'); GRANT ALL ON s.domt TO agent; SELECT hoopguard.add_mask('constant', relation => 's.domt', column_name => 'secret');
CREATE VIEW s.agv AS SELECT string_agg(email, ',') e, max(salary) m FROM s.person; GRANT SELECT ON s.agv TO agent;
CREATE TABLE s.vgen (id int, secret text, upper_ text GENERATED ALWAYS AS (upper(secret)) VIRTUAL, full_ text GENERATED ALWAYS AS ('v-' || secret) VIRTUAL, vm int GENERATED ALWAYS AS (length(secret)) VIRTUAL);
INSERT INTO s.vgen (id, secret) SELECT i, 'canary'||i FROM generate_series(1,5) i; GRANT ALL ON s.vgen TO agent; SELECT hoopguard.add_mask('constant', relation => 's.vgen', column_name => 'secret');
CREATE TABLE s.vgenp (id int, secret text, upper_ text GENERATED ALWAYS AS (upper(secret)) VIRTUAL) PARTITION BY RANGE (id); CREATE TABLE s.vgenp1 PARTITION OF s.vgenp FOR VALUES FROM (0) TO (100); INSERT INTO s.vgenp (id, secret) SELECT i, 'canary'||i FROM generate_series(1,5) i; GRANT ALL ON s.vgenp, s.vgenp1 TO agent; SELECT hoopguard.add_mask('redact', relation => 's.vgenp', column_name => 'secret');
ANALYZE;
