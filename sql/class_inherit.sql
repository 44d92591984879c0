-- A copy of a classified column has its class, whoever made the copy.
SET client_min_messages = warning;
SELECT count(hoopguard.drop_mask(id)) >= 0 AS dropped FROM hoopguard.mask_rule;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE ROLE regress_hoopguard_app LOGIN;
CREATE SCHEMA class_inherit;
CREATE SCHEMA class_inherit_ws AUTHORIZATION regress_hoopguard_agent;
GRANT USAGE, CREATE ON SCHEMA class_inherit TO regress_hoopguard_agent, regress_hoopguard_app;
SET search_path = class_inherit;

-- classes by label only, so that no name helps
CREATE TABLE person (id int PRIMARY KEY, junk int, a text, b text, n int, o text);
ALTER TABLE person DROP COLUMN junk;
INSERT INTO person VALUES (1, 'ann@example.com', '+49 30 555 0101', 4711, 'plain'),
	(2, 'bob@example.com', '+49 30 555 0102', 4712, 'plain');
SECURITY LABEL FOR hoopguard ON COLUMN person.a IS 'email';
SECURITY LABEL FOR hoopguard ON COLUMN person.b IS 'phone';
SECURITY LABEL FOR hoopguard ON COLUMN person.n IS 'us_ssn';
GRANT SELECT ON person TO regress_hoopguard_agent, regress_hoopguard_app;
SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;
SELECT hoopguard.add_rule('allow', '{ALL}', objects => 'class_inherit*.*', priority => 1) > 0 AS added;

CREATE VIEW inherited AS
SELECT relation::text || '.' || column_name AS what, class, source, origin,
	statement
FROM hoopguard.sensitive_column
WHERE source = 'lineage' AND relation::text <> 'person' ORDER BY 1;

-- an ungoverned role copies
SET SESSION AUTHORIZATION regress_hoopguard_app;
CREATE TABLE c1 AS SELECT id, a AS x, upper(b) AS y, o FROM class_inherit.person;
SELECT p.a AS x, max(p.b) OVER () AS y INTO c2 FROM person p WHERE id = 1;
CREATE TABLE c3 (p, q) AS SELECT a, a FROM person;
CREATE TABLE c4 (x text, y text, z text, n int, how_many bigint, is_old boolean, o text);
INSERT INTO c4 (z, n, is_old) SELECT a || ' ' || o, n, a LIKE '%.org' FROM person WHERE id = 1;
UPDATE c4 SET x = p.a, y = (SELECT b FROM person WHERE id = 2) FROM person p WHERE p.id = 1;
UPDATE c4 SET how_many = (SELECT count(a) FROM person), o = (SELECT o FROM person LIMIT 1);
CREATE TABLE c5 (id int PRIMARY KEY, v text, w text);
MERGE INTO c5 USING person p ON c5.id = p.id
WHEN NOT MATCHED THEN INSERT VALUES (p.id, p.a, NULL);
MERGE INTO c5 USING person p ON c5.id = p.id
WHEN MATCHED THEN UPDATE SET w = p.b;
CREATE TABLE c6 (id int PRIMARY KEY, v text, w text);
INSERT INTO c6 VALUES (1, 'x');
INSERT INTO c6 SELECT id, 'x', a FROM person ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.w;
CREATE MATERIALIZED VIEW c7 AS SELECT id, lower(a) AS v FROM person;
CREATE TABLE c8 AS
SELECT min(a) AS lo, string_agg(b, ',') AS list, array_agg(n) AS nums,
	jsonb_agg(a) AS js, count(a) AS n, sum(n) AS total, avg(n) AS mean,
	ARRAY(SELECT b FROM person) AS arr
FROM person;
-- through a view, a WITH query, a function's argument, a set operation
CREATE VIEW v AS SELECT a AS hidden FROM person;
CREATE FUNCTION twist(text) RETURNS text LANGUAGE sql AS 'SELECT reverse($1)';
CREATE TABLE c9 AS WITH w AS (SELECT hidden AS h FROM v) SELECT twist(h) AS t FROM w;
CREATE TABLE c10 AS SELECT o FROM person UNION ALL SELECT b FROM person;
-- a copy of a copy
CREATE TABLE c11 AS SELECT x FROM c1;
RESET SESSION AUTHORIZATION;
SELECT what, class, origin FROM inherited;

-- with the statement that copied, without its literals, and who ran it
SELECT statement, by_role FROM hoopguard.sensitive_column
WHERE relation = 'c4'::regclass AND column_name = 'z';

-- the agent sees masks of all of these
GRANT SELECT ON ALL TABLES IN SCHEMA class_inherit TO regress_hoopguard_agent;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM c1 ORDER BY id;
SELECT * FROM c3;
SELECT * FROM c4;
SELECT * FROM c7 ORDER BY id;
SELECT lo, list, n, total FROM c8;
SELECT * FROM c9;
-- what the agent copies is masked already, and no class
CREATE TABLE class_inherit_ws.mine AS SELECT id, a, b FROM person;
CREATE TEMP TABLE temp_mine AS SELECT a FROM person;
INSERT INTO class_inherit_ws.mine SELECT 3, a FROM person WHERE id = 1;
SELECT * FROM class_inherit_ws.mine ORDER BY id;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM hoopguard.sensitive_column
WHERE relation::text LIKE '%mine' AND source = 'lineage';
DROP TABLE temp_mine;

-- but what it may see in the clear, it copies with the class
SELECT hoopguard.add_mask('none', class => 'phone', priority => 1) > 0 AS added;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
CREATE TABLE class_inherit_ws.clear AS SELECT b FROM person;
RESET SESSION AUTHORIZATION;
SELECT column_name, class FROM hoopguard.sensitive_column
WHERE relation = 'class_inherit_ws.clear'::regclass;
SELECT count(hoopguard.drop_mask(id)) FROM hoopguard.mask_rule;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM class_inherit_ws.clear;
RESET SESSION AUTHORIZATION;

-- rolled back, and rolled back to a savepoint: no class; the same prepared
-- statement afterwards makes it
CREATE TABLE r1 (x text, y text);
PREPARE copy AS INSERT INTO r1 (x) SELECT a FROM person;
BEGIN;
EXECUTE copy;
SELECT column_name, class FROM hoopguard.sensitive_column WHERE relation = 'r1'::regclass;
ROLLBACK;
SELECT column_name, class FROM hoopguard.sensitive_column WHERE relation = 'r1'::regclass;
BEGIN;
SAVEPOINT s;
EXECUTE copy;
ROLLBACK TO s;
SELECT column_name, class FROM hoopguard.sensitive_column WHERE relation = 'r1'::regclass;
COMMIT;
EXECUTE copy;
EXECUTE copy;
SELECT column_name, class FROM hoopguard.sensitive_column WHERE relation = 'r1'::regclass;
SELECT count(*) FROM hoopguard.inherited_class WHERE column_ref = hoopguard._column('r1', 'x');
DEALLOCATE copy;

-- nothing copied, nothing inherited; one's own column, too
CREATE TABLE r2 (x text);
INSERT INTO r2 SELECT a FROM person WHERE false;
CREATE TABLE r3 AS SELECT a FROM person WITH NO DATA;
UPDATE person SET a = lower(a);
SELECT count(*) FROM hoopguard.sensitive_column
WHERE relation IN ('r2'::regclass, 'r3'::regclass)
	OR (relation = 'person'::regclass AND source = 'lineage');

-- the label public overrides what was inherited; values of several classes
-- in one column are confidential
SECURITY LABEL FOR hoopguard ON COLUMN c9.t IS 'public';
INSERT INTO c10 SELECT a FROM person;
SELECT relation::text, class FROM hoopguard.sensitive_column
WHERE relation IN ('c9'::regclass, 'c10'::regclass);

-- columns follow renames, and forget when they are dropped
ALTER TABLE c1 RENAME COLUMN x TO renamed;
ALTER TABLE c1 DROP COLUMN y;
ALTER TABLE c1 RENAME TO c1_new;
SELECT column_name, class FROM hoopguard.sensitive_column WHERE relation = 'c1_new'::regclass;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT renamed FROM c1_new;
RESET SESSION AUTHORIZATION;
SELECT count(*) AS before FROM hoopguard.inherited_class \gset
DROP TABLE c8;
SELECT count(*) - :before AS forgotten FROM hoopguard.inherited_class;

-- a generated column has the class of what it is computed from
CREATE TABLE g (a text, b text, both_of text GENERATED ALWAYS AS (a || b) STORED,
	low text GENERATED ALWAYS AS (lower(a)) STORED,
	domain text GENERATED ALWAYS AS (split_part(a, '@', 2)) STORED);
SECURITY LABEL FOR hoopguard ON COLUMN g.a IS 'email';
SECURITY LABEL FOR hoopguard ON COLUMN g.b IS 'phone';
SECURITY LABEL FOR hoopguard ON COLUMN g.domain IS 'public';
INSERT INTO g VALUES ('ann@example.com', '555 0103');
SELECT column_name, class, source, origin FROM hoopguard.sensitive_column
WHERE relation = 'g'::regclass ORDER BY 1;
GRANT SELECT ON g TO regress_hoopguard_agent;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM g;
RESET SESSION AUTHORIZATION;

-- partitions: the class is the parent's and the child's; a partition that is
-- detached and a child that leaves keep it
CREATE TABLE part (id int, x text) PARTITION BY LIST (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_2 (x text, id int);
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES IN (2);
INSERT INTO part SELECT id, a FROM person;
ALTER TABLE part DETACH PARTITION part_2;
CREATE TABLE parent (x text);
SECURITY LABEL FOR hoopguard ON COLUMN parent.x IS 'iban';
CREATE TABLE child (y text) INHERITS (parent);
ALTER TABLE child NO INHERIT parent;
CREATE TABLE ruled (x text);
SELECT hoopguard.add_mask('null', relation => 'parent', column_name => 'x') > 0 AS added;
ALTER TABLE ruled INHERIT parent;
ALTER TABLE ruled NO INHERIT parent;
SELECT relation::text, column_name, class, origin FROM hoopguard.sensitive_column
WHERE relation::text ~ '^(part|child|ruled)' ORDER BY 1;

-- a type changed with the help of another column
CREATE TABLE changed (x int, y text, z int);
INSERT INTO changed VALUES (1, 'a', 2);
SECURITY LABEL FOR hoopguard ON COLUMN changed.y IS 'email';
ALTER TABLE changed ALTER COLUMN x TYPE text USING x::text || y, ALTER COLUMN z TYPE bigint USING z;
SELECT column_name, class, source FROM hoopguard.sensitive_column
WHERE relation = 'changed'::regclass ORDER BY 1;

-- a column that only a rule masks: copies are confidential
CREATE TABLE wages (id int, wage int);
SELECT hoopguard.add_mask('null', relation => 'wages', column_name => 'wage') > 0 AS added;
INSERT INTO wages VALUES (1, 100);
CREATE TABLE wages_copy AS SELECT id, wage * 2 AS twice FROM wages;
SELECT relation::text, column_name, class, source FROM hoopguard.sensitive_column
WHERE relation::text LIKE 'wages%' ORDER BY 1;

-- conditions of agents do not see the real values of copies, which may be
-- parts; a rule on the copy itself can open it
CREATE TABLE contacts (id int, x text);
SECURITY LABEL FOR hoopguard ON COLUMN contacts.x IS 'email';
INSERT INTO contacts VALUES (1, 'ann@mail.test');
CREATE TABLE initials AS SELECT id, left(x, 1) AS x FROM contacts;
CREATE TABLE refusals AS SELECT id, x FROM contacts;
SELECT count(hoopguard.add_mask('redact', class => 'email', match => m, for_subject => 'regress_hoopguard_agent', priority => p))
FROM (VALUES ('equality', 1)) v(m, p);
SELECT r, column_name, source, method, match FROM unnest('{contacts,initials}'::regclass[]) r,
	hoopguard.effective_mask('regress_hoopguard_agent', r) ORDER BY 1;
SELECT hoopguard.add_mask('redact', relation => 'refusals', column_name => 'x', match => 'equality', priority => 0) > 0 AS added;
SELECT column_name, source, method, match FROM hoopguard.effective_mask('regress_hoopguard_agent', 'refusals');
SELECT count(hoopguard.drop_mask(id)) FROM hoopguard.mask_rule WHERE match = 'equality';

-- functions, triggers with transition tables, rules, DO, a writable view
CREATE TABLE f1 (x text);
CREATE TABLE f2 (x text);
CREATE TABLE f3 (x text);
CREATE TABLE f4 (x text);
CREATE TABLE f5 (x text);
CREATE TABLE f6 (x text);
CREATE TABLE f7 (x text, y text);
CREATE FUNCTION copy_sql() RETURNS void LANGUAGE sql AS
'INSERT INTO class_inherit.f1 SELECT a FROM class_inherit.person';
SELECT copy_sql();
DO $$ BEGIN EXECUTE 'INSERT INTO class_inherit.f2 SELECT b FROM class_inherit.person'; END $$;
CREATE FUNCTION note_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO class_inherit.f3 SELECT a FROM fresh; RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT ON person REFERENCING NEW TABLE AS fresh
FOR EACH STATEMENT EXECUTE FUNCTION note_rows();
INSERT INTO person VALUES (3, 'c@example.com');
CREATE RULE also AS ON INSERT TO f4 DO ALSO INSERT INTO f5 VALUES (NEW.x);
INSERT INTO f4 SELECT a FROM person;
CREATE VIEW writable AS SELECT x AS other FROM f6;
INSERT INTO writable SELECT a FROM person;
WITH moved AS (INSERT INTO f7 SELECT a FROM person RETURNING x)
UPDATE f7 SET y = moved.x FROM moved WHERE false;
SELECT relation::text, column_name, class FROM hoopguard.sensitive_column
WHERE relation::text ~ '^f[1-9]$' ORDER BY 1;

-- temporary tables, prepared CREATE TABLE AS, EXPLAIN ANALYZE, IF NOT EXISTS
CREATE TEMP TABLE t1 AS SELECT a FROM person;
PREPARE q AS SELECT b AS renamed FROM person;
CREATE TABLE e1 AS EXECUTE q;
DO $$ BEGIN -- what EXPLAIN shows differs by version
	EXECUTE 'EXPLAIN ANALYZE CREATE TABLE e2 AS SELECT a FROM person WHERE id = 1';
END $$;
CREATE TABLE e3 (a text);
CREATE TABLE IF NOT EXISTS e3 AS SELECT a FROM person;
SELECT relation::text, column_name, class FROM hoopguard.sensitive_column
WHERE relation::text ~ '(t1|^e[1-9])$' ORDER BY 1;

-- a materialized view made before anything was classified: on refresh
CREATE TABLE plain (x text);
INSERT INTO plain VALUES ('ann@example.com');
CREATE MATERIALIZED VIEW late AS SELECT x FROM plain;
SECURITY LABEL FOR hoopguard ON COLUMN plain.x IS 'email';
SELECT count(*) FROM hoopguard.sensitive_column WHERE relation = 'late'::regclass;
REFRESH MATERIALIZED VIEW late;
SELECT column_name, class, statement FROM hoopguard.sensitive_column WHERE relation = 'late'::regclass;

-- names say nothing of the subject's own tables, what they inherited does
SET SESSION AUTHORIZATION regress_hoopguard_agent;
CREATE TABLE class_inherit_ws.own (email text, note text);
INSERT INTO class_inherit_ws.own VALUES ('me@example.com', 'n');
RESET SESSION AUTHORIZATION;
UPDATE class_inherit_ws.own SET note = (SELECT a FROM person WHERE id = 1);
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT * FROM class_inherit_ws.own;
RESET SESSION AUTHORIZATION;

-- the agent can neither read nor change what was inherited
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT count(*) FROM hoopguard.inherited_class;
DELETE FROM hoopguard.inherited_class;
RESET SESSION AUTHORIZATION;

SELECT hoopguard.unmap_role('regress_hoopguard_agent');
SELECT count(hoopguard.drop_mask(id)) FROM hoopguard.mask_rule;
SELECT hoopguard.drop_rule(id) FROM hoopguard.rule WHERE objects LIKE 'class_inherit%';
DROP SCHEMA class_inherit, class_inherit_ws CASCADE;
DROP TABLE t1;
-- nothing is left
SELECT count(*) FROM hoopguard.inherited_class
WHERE hoopguard._column_name(column_ref) IS NULL;
DROP ROLE regress_hoopguard_agent, regress_hoopguard_app;
