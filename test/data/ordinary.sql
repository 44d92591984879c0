-- ordinary.sql: what analysts, tools and frameworks send, one statement after
-- another, run as the agent.  None of it may be refused.

-- ---- twenty-two analytic questions over a wholesale schema ----
SELECT returned, status, sum(quantity), sum(price), sum(price * (1 - discount)), avg(quantity), count(*)
	FROM w.line WHERE shipped <= date '1998-12-01' - interval '90 days' GROUP BY returned, status ORDER BY returned, status;
SELECT s.balance, s.name, n.name, p.id FROM w.part p, w.supplier s, w.offer o, w.nation n, w.region r
	WHERE p.id = o.part AND s.id = o.supplier AND p.size = 15 AND p.kind LIKE '%BRASS' AND s.nation = n.id AND n.region = r.id AND r.name = 'EUROPE'
	AND o.cost = (SELECT min(o2.cost) FROM w.offer o2, w.supplier s2, w.nation n2, w.region r2 WHERE p.id = o2.part AND s2.id = o2.supplier
		AND s2.nation = n2.id AND n2.region = r2.id AND r2.name = 'EUROPE') ORDER BY s.balance DESC, n.name, s.name LIMIT 100;
SELECT l.ord, sum(l.price * (1 - l.discount)) AS revenue, o.ordered, o.priority FROM w.client c JOIN w.ord o ON c.id = o.client JOIN w.line l ON l.ord = o.id
	WHERE c.segment = 'BUILDING' AND o.ordered < '1995-03-15' AND l.shipped > '1995-03-15' GROUP BY l.ord, o.ordered, o.priority ORDER BY revenue DESC LIMIT 10;
SELECT priority, count(*) FROM w.ord o WHERE ordered >= '1993-07-01' AND ordered < date '1993-07-01' + interval '3 months'
	AND EXISTS (SELECT * FROM w.line l WHERE l.ord = o.id AND l.promised < l.received) GROUP BY priority ORDER BY priority;
SELECT n.name, sum(l.price * (1 - l.discount)) AS revenue FROM w.client c, w.ord o, w.line l, w.supplier s, w.nation n, w.region r
	WHERE c.id = o.client AND l.ord = o.id AND l.supplier = s.id AND c.nation = s.nation AND s.nation = n.id AND n.region = r.id AND r.name = 'ASIA'
	GROUP BY n.name ORDER BY revenue DESC;
SELECT sum(price * discount) FROM w.line WHERE shipped >= '1994-01-01' AND shipped < '1995-01-01' AND discount BETWEEN 0.05 AND 0.07 AND quantity < 24;
SELECT supp, cust, yr, sum(volume) FROM (SELECT n1.name AS supp, n2.name AS cust, extract(year FROM l.shipped) AS yr, l.price * (1 - l.discount) AS volume
	FROM w.supplier s, w.line l, w.ord o, w.client c, w.nation n1, w.nation n2 WHERE s.id = l.supplier AND o.id = l.ord AND c.id = o.client
	AND s.nation = n1.id AND c.nation = n2.id AND ((n1.name = 'FRANCE' AND n2.name = 'GERMANY') OR (n1.name = 'GERMANY' AND n2.name = 'FRANCE'))) x
	GROUP BY supp, cust, yr ORDER BY supp, cust, yr;
SELECT yr, sum(CASE WHEN nation = 'BRAZIL' THEN volume ELSE 0 END) / nullif(sum(volume), 0) FROM (SELECT extract(year FROM o.ordered) AS yr,
	l.price * (1 - l.discount) AS volume, n2.name AS nation FROM w.part p JOIN w.line l ON p.id = l.part JOIN w.ord o ON o.id = l.ord
	JOIN w.supplier s ON s.id = l.supplier JOIN w.nation n2 ON s.nation = n2.id) x GROUP BY yr ORDER BY yr;
SELECT nation, yr, sum(profit) FROM (SELECT n.name AS nation, extract(year FROM o.ordered) AS yr, l.price * (1 - l.discount) - ps.cost * l.quantity AS profit
	FROM w.part p, w.supplier s, w.line l, w.offer ps, w.ord o, w.nation n WHERE s.id = l.supplier AND ps.supplier = l.supplier AND ps.part = l.part
	AND p.id = l.part AND o.id = l.ord AND s.nation = n.id AND p.name LIKE '%green%') x GROUP BY nation, yr ORDER BY nation, yr DESC;
SELECT c.id, c.name, sum(l.price * (1 - l.discount)) AS lost, c.balance FROM w.client c, w.ord o, w.line l WHERE c.id = o.client AND l.ord = o.id
	AND l.returned = 'R' GROUP BY c.id, c.name, c.balance ORDER BY lost DESC LIMIT 20;
SELECT o.part, sum(o.cost * o.available) AS value FROM w.offer o JOIN w.supplier s ON o.supplier = s.id GROUP BY o.part
	HAVING sum(o.cost * o.available) > (SELECT sum(cost * available) * 0.0001 FROM w.offer) ORDER BY value DESC;
SELECT l.mode, sum(CASE WHEN o.priority IN ('1-URGENT', '2-HIGH') THEN 1 ELSE 0 END), sum(CASE WHEN o.priority NOT IN ('1-URGENT', '2-HIGH') THEN 1 ELSE 0 END)
	FROM w.ord o, w.line l WHERE o.id = l.ord AND l.mode IN ('MAIL', 'SHIP') AND l.promised < l.received AND l.shipped < l.promised GROUP BY l.mode;
SELECT n, count(*) FROM (SELECT c.id, count(o.id) AS n FROM w.client c LEFT JOIN w.ord o ON c.id = o.client AND o.note NOT LIKE '%special%requests%' GROUP BY c.id) x
	GROUP BY n ORDER BY 2 DESC, n DESC;
SELECT 100.0 * sum(CASE WHEN p.kind LIKE 'PROMO%' THEN l.price * (1 - l.discount) ELSE 0 END) / nullif(sum(l.price * (1 - l.discount)), 0) FROM w.line l, w.part p WHERE l.part = p.id;
WITH revenue AS (SELECT supplier AS id, sum(price * (1 - discount)) AS total FROM w.line WHERE shipped >= '1996-01-01' GROUP BY supplier)
	SELECT s.id, s.name, total FROM w.supplier s JOIN revenue r USING (id) WHERE total = (SELECT max(total) FROM revenue) ORDER BY s.id;
SELECT p.brand, p.kind, p.size, count(DISTINCT o.supplier) FROM w.offer o, w.part p WHERE p.id = o.part AND p.brand <> 'Brand#45' AND p.size IN (49, 14, 23, 45)
	AND o.supplier NOT IN (SELECT id FROM w.supplier WHERE note LIKE '%Complaints%') GROUP BY p.brand, p.kind, p.size ORDER BY 4 DESC, 1;
SELECT sum(l.price) / 7.0 FROM w.line l, w.part p WHERE p.id = l.part AND p.brand = 'Brand#23' AND l.quantity < (SELECT 0.2 * avg(quantity) FROM w.line WHERE part = p.id);
SELECT c.name, c.id, o.id, o.ordered, sum(l.quantity) FROM w.client c, w.ord o, w.line l WHERE o.id IN (SELECT ord FROM w.line GROUP BY ord HAVING sum(quantity) > 300)
	AND c.id = o.client AND o.id = l.ord GROUP BY c.name, c.id, o.id, o.ordered ORDER BY o.ordered LIMIT 100;
SELECT sum(l.price * (1 - l.discount)) FROM w.line l, w.part p WHERE (p.id = l.part AND p.brand = 'Brand#12' AND l.quantity BETWEEN 1 AND 11)
	OR (p.id = l.part AND p.brand = 'Brand#23' AND l.quantity BETWEEN 10 AND 20);
SELECT s.name FROM w.supplier s WHERE s.id IN (SELECT o.supplier FROM w.offer o WHERE o.part IN (SELECT id FROM w.part WHERE name LIKE 'forest%')
	AND o.available > (SELECT 0.5 * sum(l.quantity) FROM w.line l WHERE l.part = o.part AND l.supplier = o.supplier)) ORDER BY s.name;
SELECT s.name, count(*) FROM w.supplier s, w.line l1, w.ord o WHERE s.id = l1.supplier AND o.id = l1.ord AND o.status = 'F' AND l1.received > l1.promised
	AND EXISTS (SELECT FROM w.line l2 WHERE l2.ord = l1.ord AND l2.supplier <> l1.supplier)
	AND NOT EXISTS (SELECT FROM w.line l3 WHERE l3.ord = l1.ord AND l3.supplier <> l1.supplier AND l3.received > l3.promised) GROUP BY s.name LIMIT 100;
SELECT code, count(*), sum(balance) FROM (SELECT substring(c.name FROM 1 FOR 2) AS code, c.balance FROM w.client c WHERE c.balance > (SELECT avg(balance) FROM w.client WHERE balance > 0)
	AND NOT EXISTS (SELECT FROM w.ord o WHERE o.client = c.id)) x GROUP BY code ORDER BY code;
SELECT region, nation, grouping(region, nation), rank() OVER (PARTITION BY grouping(region, nation) ORDER BY count(*) DESC), percentile_cont(0.5) WITHIN GROUP (ORDER BY balance)
	FROM (SELECT r.name AS region, n.name AS nation, c.balance FROM w.client c JOIN w.nation n ON n.id = c.nation JOIN w.region r ON r.id = n.region) x GROUP BY ROLLUP (region, nation);

-- ---- psql ----
\d
\d+ w.line
\d w.ord_pkey
\dt+ w.*
\dv+
\dm
\di+ w.*
\ds
\dn+
\df w.*
\df+ w.f
\sf w.f
\da
\do
\dT+
\dD
\dC
\dc
\dO
\dF+
\dFd
\dL
\dA+
\dx
\dy
\dp w.*
\z w.*
\ddp
\du
\drds
\dg+
\l+
\db
\des
\dew
\det
\deu
\dRp+
\dd
\dX
\dconfig work_mem
\dP
\sv w.v
\conninfo
\encoding

-- ---- drivers when they connect ----
SET extra_float_digits = 3;
SET application_name = 'PostgreSQL JDBC Driver';
SET client_encoding = 'UTF8';
SET TIME ZONE 'UTC';
SET DateStyle = 'ISO';
SET standard_conforming_strings = on;
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE;
SHOW TRANSACTION ISOLATION LEVEL;
SHOW server_version;
SHOW search_path;
SELECT current_schema(), current_database(), version(), pg_backend_pid(), inet_server_addr();
SELECT set_config('TimeZone', 'UTC', false), set_config('bytea_output', 'hex', false), set_config('app.tenant', '7', true);
WITH RECURSIVE typeinfo AS (SELECT t.oid, t.typname, t.typtype, t.typelem, t.typrelid, t.typbasetype, 0 AS depth FROM pg_catalog.pg_type t WHERE t.oid = ANY ('{23,25,1007}'::oid[])
	UNION ALL SELECT t.oid, t.typname, t.typtype, t.typelem, t.typrelid, t.typbasetype, i.depth + 1 FROM pg_catalog.pg_type t JOIN typeinfo i ON t.oid = i.typelem)
	SELECT * FROM typeinfo ORDER BY depth;

-- ---- catalog introspection as of JDBC, DBeaver, Metabase, pgAdmin ----
SELECT NULL AS table_cat, n.nspname, c.relname, CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' ELSE 'OTHER' END, d.description
	FROM pg_catalog.pg_namespace n, pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_description d ON c.oid = d.objoid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass
	WHERE c.relnamespace = n.oid AND n.nspname LIKE 'w' ORDER BY 2, 3;
SELECT * FROM (SELECT n.nspname, c.relname, a.attname, a.atttypid, a.attnotnull OR (t.typtype = 'd' AND t.typnotnull) AS attnotnull, a.atttypmod, a.attlen, t.typtypmod,
	row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS attnum, nullif(a.attidentity, '') AS attidentity, pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS adsrc
	FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
	JOIN pg_catalog.pg_type t ON a.atttypid = t.oid LEFT JOIN pg_catalog.pg_attrdef def ON a.attrelid = def.adrelid AND a.attnum = def.adnum
	WHERE c.relkind IN ('r', 'p', 'v', 'f', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname LIKE 'w') x WHERE true ORDER BY nspname, relname, attnum;
SELECT pkn.nspname, pkc.relname, pka.attname, fkn.nspname, fkc.relname, fka.attname, pos.n, con.confupdtype, con.confdeltype, con.conname
	FROM pg_catalog.pg_namespace pkn, pg_catalog.pg_class pkc, pg_catalog.pg_attribute pka, pg_catalog.pg_namespace fkn, pg_catalog.pg_class fkc, pg_catalog.pg_attribute fka,
	pg_catalog.pg_constraint con, pg_catalog.generate_series(1, 32) pos(n) WHERE pkn.oid = pkc.relnamespace AND pkc.oid = pka.attrelid AND pka.attnum = con.confkey[pos.n]
	AND con.confrelid = pkc.oid AND fkn.oid = fkc.relnamespace AND fkc.oid = fka.attrelid AND fka.attnum = con.conkey[pos.n] AND con.conrelid = fkc.oid AND con.contype = 'f';
SELECT i.indexrelid::regclass, i.indisunique, i.indisprimary, i.indkey, pg_catalog.pg_get_indexdef(i.indexrelid), pg_catalog.pg_get_expr(i.indpred, i.indrelid), am.amname
	FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am am ON am.oid = c.relam WHERE i.indrelid = 'w.ord'::regclass;
SELECT p.oid, p.proname, p.proargnames, pg_catalog.pg_get_function_identity_arguments(p.oid), pg_catalog.pg_get_function_result(p.oid), l.lanname, p.prosrc
	FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'w';
SELECT n.oid, n.nspname, n.nspowner, pg_catalog.pg_get_userbyid(n.nspowner), n.nspacl, pg_catalog.has_schema_privilege(n.oid, 'CREATE, USAGE') FROM pg_catalog.pg_namespace n ORDER BY 2;
SELECT db.oid, db.datname, db.datallowconn, pg_catalog.pg_encoding_to_char(db.encoding), pg_catalog.has_database_privilege(db.oid, 'CREATE'), db.datconnlimit
	FROM pg_catalog.pg_database db WHERE NOT db.datistemplate ORDER BY db.datname;
SELECT roles.oid, roles.rolname, roles.rolsuper, roles.rolcanlogin, roles.rolcreaterole FROM pg_catalog.pg_roles roles WHERE roles.rolname = current_user;
SELECT t.oid, t.tgname, pg_catalog.pg_get_triggerdef(t.oid, true) FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal;
SELECT c.oid, c.relname, pg_catalog.pg_total_relation_size(c.oid), pg_catalog.pg_relation_size(c.oid), pg_catalog.obj_description(c.oid, 'pg_class'), s.n_live_tup, s.last_analyze
	FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_stat_user_tables s ON s.relid = c.oid WHERE c.relnamespace = 'w'::regnamespace;
SELECT pid, datname, usename, state, wait_event_type, query FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend';
SELECT locktype, relation::regclass, mode, granted FROM pg_catalog.pg_locks;
SELECT name, setting, unit, category, short_desc, context, vartype, min_val, max_val, enumvals FROM pg_catalog.pg_settings ORDER BY category, name;
SELECT extname, extversion FROM pg_catalog.pg_extension;
SELECT nspname, relname, relkind FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace WHERE pg_catalog.has_table_privilege(pg_class.oid, 'SELECT') AND relkind = 'r';
SELECT count(*), min(ordered), max(ordered) FROM w.ord;
SELECT date_trunc('month', ordered) AS month, count(*) FROM w.ord GROUP BY 1 ORDER BY 1 LIMIT 2000;
SELECT substring(note, 1, 1234) FROM w.ord LIMIT 10000;

-- ---- look-ups of Django, Rails, Prisma, SQLAlchemy, Alembic, Flyway ----
SELECT c.relname, CASE WHEN c.relispartition THEN 'p' WHEN c.relkind IN ('m', 'v') THEN 'v' ELSE 't' END, obj_description(c.oid, 'pg_class')
	FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('f', 'm', 'p', 'r', 'v')
	AND n.nspname NOT IN ('pg_catalog', 'pg_toast') AND pg_catalog.pg_table_is_visible(c.oid);
SELECT a.attname AS column_name, NOT (a.attnotnull OR (t.typtype = 'd' AND t.typnotnull)) AS is_nullable, pg_get_expr(ad.adbin, ad.adrelid) AS column_default,
	CASE WHEN collname = 'default' THEN NULL ELSE collname END AS collation, a.attidentity != '' AS is_autofield, col_description(a.attrelid, a.attnum)
	FROM pg_attribute a LEFT JOIN pg_attrdef ad ON a.attrelid = ad.adrelid AND a.attnum = ad.adnum LEFT JOIN pg_collation co ON a.attcollation = co.oid JOIN pg_type t ON a.atttypid = t.oid
	JOIN pg_class c ON a.attrelid = c.oid JOIN pg_namespace n ON c.relnamespace = n.oid WHERE c.relkind IN ('f', 'm', 'p', 'r', 'v') AND c.relname = 'ord' AND a.attnum > 0;
SELECT conname, array(SELECT attname FROM unnest(conkey) WITH ORDINALITY cols(colid, arridx) JOIN pg_attribute AS ca ON cols.colid = ca.attnum WHERE ca.attrelid = c.conrelid ORDER BY cols.arridx),
	contype, (SELECT fkc.relname || '.' || fka.attname FROM pg_attribute AS fka JOIN pg_class AS fkc ON fka.attrelid = fkc.oid WHERE fka.attrelid = c.confrelid AND fka.attnum = c.confkey[1])
	FROM pg_constraint c WHERE c.conrelid = 'w.ord'::regclass;
SELECT a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid), a.attnotnull, a.atttypid, a.atttypmod, c.collname, col_description(a.attrelid, a.attnum) AS comment
	FROM pg_attribute a LEFT JOIN pg_attrdef d ON a.attrelid = d.adrelid AND a.attnum = d.adnum LEFT JOIN pg_type t ON a.atttypid = t.oid
	LEFT JOIN pg_collation c ON a.attcollation = c.oid AND a.attcollation <> t.typcollation WHERE a.attrelid = '"w"."ord"'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;
SELECT t.oid, t.typname, t.typelem, t.typdelim, t.typinput, r.rngsubtype, t.typtype, t.typbasetype FROM pg_type AS t LEFT JOIN pg_range AS r ON oid = rngtypid
	WHERE t.typname IN ('int2', 'int4', 'text', 'jsonb', 'uuid', 'inet', 'timestamptz');
SELECT pg_try_advisory_lock(4242424242), pg_advisory_unlock(4242424242);
SELECT pg_advisory_lock(72707369), pg_advisory_unlock(72707369);
SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'w'), version(), current_setting('server_version_num')::integer;
SELECT tbl.relname, namespace.nspname, (tbl.relhassubclass AND tbl.relkind = 'p'), reloptions FROM pg_class AS tbl JOIN pg_namespace AS namespace ON namespace.oid = tbl.relnamespace
	WHERE tbl.relkind IN ('r', 'p') AND namespace.nspname = ANY ('{w}') ORDER BY 2, 1;
SELECT oid.namespace, info.table_name, info.column_name, format_type(att.atttypid, att.atttypmod), info.numeric_precision, info.is_nullable, info.column_default
	FROM information_schema.columns info JOIN pg_attribute att ON att.attname = info.column_name
	JOIN (SELECT pg_class.oid, relname, pg_namespace.nspname AS namespace FROM pg_class JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace) AS oid
	ON oid.oid = att.attrelid AND relname = info.table_name AND namespace = info.table_schema WHERE namespace = 'w' ORDER BY 1, 2, ordinal_position;
SELECT * FROM information_schema.tables WHERE table_schema = 'w';
SELECT * FROM information_schema.table_constraints JOIN information_schema.key_column_usage USING (constraint_name) WHERE table_constraints.table_schema = 'w';
SELECT * FROM information_schema.referential_constraints;
SELECT * FROM information_schema.routines WHERE routine_schema = 'w';
SELECT * FROM information_schema.views WHERE table_schema = 'w';
SELECT * FROM information_schema.sequences;
SELECT tablename, policyname, cmd, qual FROM pg_policies;
SELECT to_regclass('w.schema_migrations'), to_regclass('alembic_version'), to_regtype('citext');
SELECT COUNT(*) FROM pg_namespace WHERE nspname = 'w' AND has_schema_privilege(current_user, oid, 'USAGE');
SELECT enumtypid::regtype, array_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum GROUP BY 1;

-- ---- work that belongs to the day ----
BEGIN;
INSERT INTO w.ord (id, client, status, ordered, priority, note) VALUES (1, 1, 'O', '2024-01-01', '5-LOW', 'drop table x; delete from y');
INSERT INTO w.ord (id, client, status, ordered, priority) VALUES (1, 1, 'O', '2024-01-02', '5-LOW') ON CONFLICT (id) DO UPDATE SET ordered = excluded.ordered;
UPDATE w.ord SET status = 'F' WHERE id = 1 RETURNING id, status;
UPDATE w.ord o SET note = c.name FROM w.client c WHERE c.id = o.client AND o.id IN (1, 2, 3);
DELETE FROM w.ord WHERE ordered < now() - interval '1 day' AND status = 'X';
SAVEPOINT a;
DELETE FROM w.line WHERE ord = 1 AND number = 1;
ROLLBACK TO a;
MERGE INTO w.ord t USING (VALUES (1, 'F'), (2, 'O')) s(id, status) ON t.id = s.id WHEN MATCHED THEN UPDATE SET status = s.status;
SELECT * FROM w.ord WHERE id = 1 FOR UPDATE SKIP LOCKED;
SELECT nextval('w.ord_seq');
DECLARE c CURSOR FOR SELECT * FROM w.ord ORDER BY id;
FETCH 10 FROM c;
CLOSE c;
PREPARE p(int) AS SELECT * FROM w.ord WHERE id = $1;
EXECUTE p(1);
DEALLOCATE p;
ROLLBACK;
CREATE TEMP TABLE mine AS SELECT * FROM w.ord WHERE id < 10;
CREATE INDEX ON mine (id);
ANALYZE mine;
UPDATE mine SET status = 'X';
DELETE FROM mine;
DROP TABLE mine;
COPY (SELECT id, status FROM w.ord) TO STDOUT WITH (FORMAT csv, HEADER);
EXPLAIN SELECT * FROM w.ord WHERE id = 1;
EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT count(*) FROM w.line;
EXPLAIN DELETE FROM w.ord;
LISTEN jobs;
NOTIFY jobs, 'done';
UNLISTEN *;
DISCARD ALL;
