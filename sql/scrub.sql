-- The method scrub: what is found inside of values is replaced, the rest stays.
\pset format unaligned
\pset tuples_only on
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_scrub;
CREATE SCHEMA scrub_test;
CREATE TABLE scrub_test.t (id int, body text, short varchar(20), fixed char(12),
	tags text[], j json, jb jsonb, n bigint, num numeric, b bytea, ts tsvector,
	d date, pair point);
GRANT USAGE ON SCHEMA scrub_test TO regress_hoopguard_scrub;
GRANT SELECT ON ALL TABLES IN SCHEMA scrub_test TO regress_hoopguard_scrub;
SELECT hoopguard.map_role('regress_hoopguard_scrub');
SELECT count(hoopguard.add_mask('scrub', relation => 'scrub_test.t', column_name => c))
FROM unnest('{body,short,fixed,tags,j,jb,n,num,b,ts,d,pair}'::text[]) c;
INSERT INTO scrub_test.t VALUES
(1, 'Mail ada@example.org or +44 20 7946 0958 today', 'by ada@example.org', 'ada@b.org',
 '{ada@example.org,NULL,plain}',
 '{"user": {"mail": "ada\u0040example.org", "card": 4242424242424242},
   "ada@example.org": [1, 2.50, "ssn 212-55-7831"], "first_name": "Ada"}',
 '{"password": "letmein", "inner": "{\"card\": 4242424242424242}"}',
 4242424242424242, 4242424242424242, 'ada@example.org', 'ada@example.org:1',
 '2026-03-02', '(1,2)'),
(2, 'nothing here', 'x', 'y', '{}', '{"a": [{}, [], "", null, true]}', '[]', 1, 1.5,
 '\x00ff', '', NULL, NULL),
(3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- texts keep what is between; numbers that are a card go; dates stay
SET ROLE regress_hoopguard_scrub;
SELECT id, body, short, fixed, tags FROM scrub_test.t ORDER BY id;
SELECT id, n, num, b, ts, d, pair FROM scrub_test.t ORDER BY id;

-- JSON stays JSON: escapes are read, numbers become strings, keys count
SELECT id, j FROM scrub_test.t ORDER BY id;
SELECT id, jb FROM scrub_test.t ORDER BY id;
SELECT bool_and(j::text::jsonb IS NOT NULL), bool_and((jb ->> 'inner')::jsonb IS NOT NULL)
FROM scrub_test.t WHERE id = 1;
RESET ROLE;

-- deep and long JSON
CREATE TABLE scrub_test.deep (id int, j json);
INSERT INTO scrub_test.deep VALUES
(1, (repeat('[', 5000) || '"ada@example.org"' || repeat(']', 5000))::json),
(2, ('["' || repeat('\u0061', 20000) || '@example.org"]')::json),
(3, ('{' || repeat('"a":{', 3000) || '"x":1' || repeat('}', 3000) || '}')::json);
GRANT SELECT ON scrub_test.deep TO regress_hoopguard_scrub;
SELECT hoopguard.add_mask('scrub', relation => 'scrub_test.deep', column_name => 'j') > 0;
SET ROLE regress_hoopguard_scrub;
SELECT id, j::text LIKE '%ada@%', j::text LIKE '%[email]%', json_typeof(j) FROM scrub_test.deep ORDER BY 1;
RESET ROLE;

-- style partial keeps what the class's own mask keeps; other styles are none
SELECT hoopguard.add_mask('scrub', relation => 'scrub_test.t', column_name => 'body',
	args => '{"style": "partial"}', priority => 1) > 0;
SET ROLE regress_hoopguard_scrub;
SELECT body FROM scrub_test.t WHERE id = 1;
RESET ROLE;
SELECT hoopguard.add_mask('scrub', relation => 'scrub_test.t', column_name => 'body',
	args => '{"style": "loud"}');

SELECT hoopguard.unmap_role('regress_hoopguard_scrub');
DROP SCHEMA scrub_test CASCADE;
DROP ROLE regress_hoopguard_scrub;
DELETE FROM hoopguard._mask_rule;
