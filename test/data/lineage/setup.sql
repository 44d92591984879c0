/* What the statements of cases.txt are about. */
CREATE SCHEMA lt;
SET search_path = lt, public;
CREATE TABLE t(a int, b int, c int, s text, arr int[]);
CREATE TABLE u(id int, x int, y text);
CREATE TABLE v(k int PRIMARY KEY, m int, n int,
	g int GENERATED ALWAYS AS (m + n) STORED);
CREATE TABLE e(emp int, mgr int, name text);
CREATE TYPE ct AS (f int, h text);
CREATE TABLE w(id int, p ct, q ct[]);
CREATE TABLE j(id int, d jsonb, xm xml);
CREATE TABLE i(id int GENERATED ALWAYS AS IDENTITY, z int DEFAULT 7, o text);
CREATE TABLE arch(a int, b int, c int, s text);
CREATE DOMAIN dom AS int CHECK (VALUE > -1000000);
CREATE TABLE par(k int, val int) PARTITION BY RANGE (k);
CREATE TABLE par1 PARTITION OF par FOR VALUES FROM (0) TO (100);
CREATE TABLE inh(base int, extra int);
CREATE TABLE kid(own int) INHERITS (inh);
CREATE VIEW tv AS SELECT a, b AS bee, c FROM t WHERE c > 0;
CREATE VIEW tvv AS SELECT bee, a + c AS ac FROM tv ORDER BY bee;
CREATE VIEW tset(one, two) AS SELECT a, b FROM t UNION SELECT id, x FROM u EXCEPT SELECT k, m FROM v;
CREATE VIEW tagg AS SELECT b, sum(c) AS total FROM t GROUP BY b HAVING max(a) > 1;
CREATE VIEW tup AS SELECT a AS aa, b AS bb FROM t WHERE c < 100 WITH CHECK OPTION;
CREATE VIEW tupp WITH (security_barrier) AS SELECT aa AS aaa, bb AS bbb FROM tup WHERE bb < 50;
CREATE MATERIALIZED VIEW mv AS SELECT a, count(*) AS n FROM t GROUP BY a;
CREATE VIEW vtrig AS SELECT a, b FROM t WHERE s IS NOT NULL;
CREATE FUNCTION vtrig_f() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$;
CREATE TRIGGER vtrig INSTEAD OF INSERT OR UPDATE OR DELETE ON vtrig
	FOR EACH ROW EXECUTE FUNCTION vtrig_f();
CREATE TABLE ruled(a int, b int);
CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO arch(a, b) VALUES (NEW.a, NEW.b);
CREATE FUNCTION sq(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT x * x';
CREATE FUNCTION tabf(n int) RETURNS TABLE (fa int, fb text) LANGUAGE plpgsql AS
	$$ BEGIN RETURN QUERY SELECT n, 'x'; END $$;
CREATE FUNCTION recf(n int) RETURNS SETOF record LANGUAGE plpgsql AS
	$$ BEGIN RETURN QUERY SELECT n, n; END $$;
CREATE TABLE part2(id int, "Mixed Case" int, "user" int);
INSERT INTO t SELECT g, g % 3, g, 'r' || g, ARRAY[g, 2] FROM generate_series(1, 5) g;
INSERT INTO u SELECT g, g, 'y' || g FROM generate_series(1, 5) g;
INSERT INTO v(k, m, n) SELECT g, g, g FROM generate_series(1, 5) g;
INSERT INTO e VALUES (1, NULL, 'a'), (2, 1, 'b'), (3, 2, 'c');
INSERT INTO w VALUES (1, (1, 'a'), ARRAY[(1, 'b')::ct]);
INSERT INTO j VALUES (1, '{"k": [1, 2], "o": {"z": 1}}', '<r><i>1</i></r>');
INSERT INTO par VALUES (1, 1);
