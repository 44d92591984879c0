-- What the fuzzer plays with: masked columns of many types that hold canaries
-- (driver.c knows how they look), and all that stands above such tables.
-- Run by a superuser in an empty database; the agent is the role fz_agent.
-- With -v plain=1 there is no hoopguard: for what only wants to see the schema.
SET client_min_messages = warning;
\if :{?plain}
\else
CREATE EXTENSION hoopguard;
\endif
CREATE EXTENSION IF NOT EXISTS hstore;
CREATE EXTENSION IF NOT EXISTS tablefunc;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE SCHEMA fz;
CREATE SCHEMA agent_ws AUTHORIZATION fz_agent;
GRANT USAGE ON SCHEMA fz TO fz_agent;
SET search_path = fz, public;

CREATE TYPE address AS (street text, zip int);
CREATE DOMAIN code AS text CHECK (VALUE ~ 'Zqcnry');
CREATE DOMAIN short AS varchar(40);

CREATE FUNCTION canary(n int) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT 'Zqcnry7309-' || n || '@zqcnry7309.test' $$;
REVOKE ALL ON FUNCTION canary(int) FROM PUBLIC;

CREATE TABLE person (
	id int PRIMARY KEY,
	grp int NOT NULL,
	name text NOT NULL UNIQUE,
	mail citext,
	code varchar(20),
	padded char(20),
	short short,
	checked code,
	salary int,
	big bigint,
	rate numeric(12, 2),
	ratio float8,
	born date,
	seen timestamptz,
	uid uuid,
	doc jsonb,
	raw json,
	page xml,
	tags text[],
	scores int[],
	home address,
	homes address[],
	photo bytea,
	ip inet,
	span int4range,
	pairs hstore,
	words tsvector,
	note text,
	lowered text GENERATED ALWAYS AS (lower(name)) STORED,
	CHECK (length(name) > 2),
	CHECK (salary > 0)
);
INSERT INTO person
SELECT i, i % 3, canary(i), canary(i), 'Zqcnry7309' || i, 'Zqcnry7309' || i,
	canary(i), canary(i), 730914600 + i, 7309146000000 + i,
	730914600 + i + 0.25, 730914600 + i + 0.5, date '1907-03-01' + i,
	timestamptz '1907-03-01 12:00+00' + i * interval '1 day',
	('c0ffee73-0914-4000-8000-00000000000' || i)::uuid,
	jsonb_build_object('k', canary(i), 'n', 730914600 + i,
		'a', jsonb_build_array(canary(i), i)),
	json_build_object('k', canary(i)),
	xmlelement(name p, xmlattributes(canary(i) AS a), canary(i)),
	ARRAY[canary(i), canary(i + 1)], ARRAY[730914600 + i, 730914601],
	ROW(canary(i), 730914600 + i)::address,
	ARRAY[ROW(canary(i), 730914600 + i)::address],
	convert_to(canary(i), 'UTF8'), '10.73.91.46',
	int4range(730914600 + i, 730914609), hstore('k', canary(i)),
	to_tsvector('simple', canary(i) || ' zqcnry7309'), 'note ' || i
FROM generate_series(1, 9) i;
CREATE INDEX ON person (lower(mail::text));
CREATE INDEX ON person (salary) WHERE rate > 730914500;
CREATE STATISTICS person_stat ON name, salary FROM person;

CREATE TABLE orders (
	id int PRIMARY KEY,
	person_id int REFERENCES person ON DELETE CASCADE,
	person_name text REFERENCES person (name) ON UPDATE CASCADE,
	amount numeric,
	memo text
);
INSERT INTO orders
SELECT i, i % 9 + 1, canary(i % 9 + 1), 730914600 + i % 9, canary(i)
FROM generate_series(1, 30) i;

CREATE TABLE part (id int, region text, secret text, n int)
	PARTITION BY LIST (region);
CREATE TABLE part_eu PARTITION OF part FOR VALUES IN ('eu');
CREATE TABLE part_us (n int, junk int, secret text, region text, id int);
ALTER TABLE part_us DROP COLUMN junk;
ALTER TABLE part ATTACH PARTITION part_us FOR VALUES IN ('us');
CREATE TABLE part_rest PARTITION OF part DEFAULT PARTITION BY RANGE (id);
CREATE TABLE part_rest_1 PARTITION OF part_rest FOR VALUES FROM (0) TO (1000);
INSERT INTO part
SELECT i, (ARRAY['eu', 'us', 'zz'])[i % 3 + 1], canary(i), 730914600 + i % 9
FROM generate_series(1, 12) i;

CREATE TABLE base (id int, secret text);
CREATE TABLE child (more text) INHERITS (base);
CREATE TABLE grandchild (n int) INHERITS (child);
INSERT INTO base SELECT i, canary(i) FROM generate_series(1, 3) i;
INSERT INTO child SELECT i, canary(i), canary(i) FROM generate_series(4, 6) i;
INSERT INTO grandchild
SELECT i, canary(i), canary(i), 730914600 + i FROM generate_series(7, 9) i;

-- several tables that hold nothing secret
CREATE TABLE plain (id int PRIMARY KEY, t text, n int, j jsonb, d date);
INSERT INTO plain SELECT i, 't' || i, i * 7, '{"a": [1, 2]}', date '2020-01-01' + i
FROM generate_series(1, 20) i;

-- row security decides on real values
CREATE TABLE guarded (id int, owner text, secret text);
INSERT INTO guarded SELECT i, canary(i), canary(i) FROM generate_series(1, 9) i;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON guarded USING (owner LIKE 'Zqc%') WITH CHECK (owner <> '');

CREATE VIEW v_simple AS SELECT id, name AS who, salary * 2 AS twice FROM person;
CREATE VIEW v_row AS SELECT p AS whole, p.home FROM person p;
CREATE VIEW v_join AS SELECT p.name, o.* FROM person p JOIN orders o
	ON o.person_id = p.id;
CREATE VIEW v_agg AS SELECT grp, max(name) AS top, array_agg(tags[1]) AS tags,
	jsonb_object_agg(id, doc) AS docs, sum(salary) AS total, count(*)
	FROM person GROUP BY grp;
CREATE VIEW v_barrier WITH (security_barrier) AS
	SELECT * FROM person WHERE id < 8;
CREATE VIEW v_check AS SELECT id, grp, name, salary, note FROM person
	WHERE salary < 730914700 WITH CHECK OPTION;
CREATE VIEW v_invoker WITH (security_invoker) AS SELECT * FROM person;
CREATE VIEW v_union AS SELECT name FROM person UNION SELECT secret FROM part
	UNION ALL SELECT memo FROM orders;
CREATE VIEW v_over AS SELECT s.who, a.top, lag(s.who) OVER (ORDER BY s.id)
	FROM v_simple s JOIN v_agg a ON a.grp = s.id % 3;
CREATE VIEW v_lateral AS SELECT p.id, t.tag, d.key, d.value FROM person p,
	unnest(p.tags) t(tag), jsonb_each_text(p.doc) d;
CREATE VIEW v_cte AS WITH RECURSIVE r AS (
	SELECT id, name, 1 AS n FROM person WHERE id < 3
	UNION ALL SELECT r.id, r.name || p.code, n + 1 FROM r JOIN person p
	ON p.id = r.n WHERE n < 3) SELECT * FROM r;
CREATE MATERIALIZED VIEW mv AS SELECT id, name, salary FROM person;

CREATE FUNCTION f_sql(i int) RETURNS SETOF person LANGUAGE sql STABLE
AS 'SELECT * FROM fz.person WHERE id >= i';
CREATE FUNCTION f_atomic(i int) RETURNS TABLE (a text, b int) LANGUAGE sql STABLE
BEGIN ATOMIC SELECT name, salary FROM person WHERE id = i; END;
CREATE FUNCTION f_scalar(i int) RETURNS text LANGUAGE sql IMMUTABLE
AS 'SELECT name FROM fz.person WHERE id = i';
CREATE FUNCTION f_definer(i int) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
AS $$ BEGIN RETURN (SELECT name || home::text FROM fz.person WHERE id = i); END $$;
CREATE FUNCTION f_definer_rows() RETURNS SETOF person LANGUAGE sql STABLE SECURITY DEFINER
AS 'SELECT * FROM fz.person';
CREATE FUNCTION f_plpgsql(i int) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE r fz.person;
BEGIN
	SELECT * INTO STRICT r FROM fz.person WHERE id = i;
	RETURN to_jsonb(r);
EXCEPTION WHEN no_data_found THEN RETURN NULL;
END $$;
CREATE FUNCTION f_row(p person) RETURNS text LANGUAGE sql STABLE
AS 'SELECT $1.name || $1.doc::text';
CREATE FUNCTION f_text(t text) RETURNS int LANGUAGE plpgsql STABLE
AS $$ BEGIN RETURN length(t) / (length(t) - 3); END $$;
CREATE PROCEDURE p_raise(i int) LANGUAGE plpgsql AS $$
DECLARE t text;
BEGIN
	SELECT name INTO t FROM fz.person WHERE id = i;
	RAISE NOTICE '%', t;
END $$;

GRANT SELECT, INSERT, UPDATE, DELETE, REFERENCES, TRIGGER
	ON ALL TABLES IN SCHEMA fz TO fz_agent;
GRANT TEMP ON DATABASE :"DBNAME" TO fz_agent;

\if :{?plain}
\else
-- policy: every column with canaries is masked; the views over them need no
-- label, the materialized view does until its class is inherited
SELECT count(hoopguard.map_role('fz_agent'));
SELECT count(hoopguard.add_class('fz_' || m, 'fz')),
	count(hoopguard.add_mask(m, class => 'fz_' || m, args => args::jsonb))
FROM (VALUES ('null', '{}'), ('constant', '{"value": "1"}'), ('redact', '{}'),
	('partial', '{"first": 1}'), ('hash', '{}'), ('year', '{}'),
	('token', '{}'), ('bucket', '{"size": 100000000}'), ('noise', '{"ratio": 0.5}'),
	('json', '{"numbers": true}'), ('email', '{}'), ('ip', '{}')) v(m, args);
SELECT count(hoopguard.add_mask('expression', relation => 'fz.person',
	column_name => 'code', args => '{"sql": "left(value, 1)"}'));
DO $$
DECLARE r record;
BEGIN
	FOR r IN
		SELECT c.oid::regclass AS rel, a.attname,
			CASE WHEN a.attname IN ('born', 'seen') THEN 'year'
			WHEN a.attname IN ('name', 'person_name', 'big', 'uid', 'tags') THEN 'token'
			WHEN a.attname IN ('secret', 'memo', 'padded') THEN 'partial'
			WHEN a.attname IN ('salary', 'amount') THEN 'bucket'
			WHEN a.attname IN ('scores', 'owner') THEN 'constant'
			WHEN a.attname IN ('doc', 'raw') THEN 'json'
			WHEN a.attname IN ('home', 'pairs') THEN 'null'
			WHEN a.attname = 'mail' THEN 'email'
			WHEN a.attname = 'code' THEN 'null'
			WHEN a.attname = 'short' THEN 'hash'
			WHEN a.attname = 'ratio' THEN 'noise'
			WHEN a.attname = 'ip' THEN 'ip'
			ELSE 'redact' END AS class
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = 'fz'::regnamespace AND c.relkind IN ('r', 'm', 'p')
		AND a.attnum > 0 AND NOT a.attisdropped AND NOT c.relispartition
		AND c.relname <> 'plain'
		AND a.attname NOT IN ('id', 'grp', 'note', 'region', 'person_id', 'lowered')
		AND NOT (c.relname IN ('child', 'grandchild') AND a.attname = 'secret')
	LOOP
		EXECUTE format('SECURITY LABEL FOR hoopguard ON COLUMN %s.%I IS %L',
			r.rel, r.attname, 'fz_' || r.class);
	END LOOP;
END $$;
-- open the guard, so that it is masking that is tried
SELECT count(hoopguard.add_rule('allow',
	'{DDL,WRITE,SET,MAINTAIN,LOCK,LISTEN,DROP}', priority => 10));
SELECT count(hoopguard.set_limit('fz_agent', 'rows_written', 1000000000, per => p))
FROM unnest('{statement,1 hour}'::text[]) p;
\endif
ANALYZE;
