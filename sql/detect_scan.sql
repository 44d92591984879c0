-- Looking at samples of tables: findings, decisions, what follows from them.
\pset format unaligned
\pset tuples_only on
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_scan;
CREATE SCHEMA scan_test;
CREATE TABLE scan_test.t (id int, a text, b text, c text, remark text, d jsonb);
INSERT INTO scan_test.t
SELECT i, 'p' || i || '@example.org', 'SKU-' || i,
	'212-55-' || lpad(i::text, 4, '0'),
	CASE WHEN i % 4 = 0 THEN 'a long remark, and in it somewhere p' || i || '@example.org, who asked for it' END,
	'{"n": 1}'
FROM generate_series(1, 200) i;
GRANT USAGE ON SCHEMA scan_test TO regress_hoopguard_scan;
GRANT SELECT ON scan_test.t TO regress_hoopguard_scan;
SELECT hoopguard.map_role('regress_hoopguard_scan');

-- counts and a confidence, no value
SELECT * FROM hoopguard.scan('scan_test.t');
SELECT column_name, class, confidence >= 0.5 AND confidence < 1, evidence_count, sampled, state
FROM hoopguard.finding WHERE relation = 'scan_test.t'::regclass ORDER BY 1, 2;

-- a finding alone masks nothing
SET ROLE regress_hoopguard_scan;
SELECT a, c FROM scan_test.t WHERE id = 7;
RESET ROLE;

-- accepted it does; rejected it is not brought again
SELECT hoopguard.accept_finding(id) FROM hoopguard.finding
WHERE relation = 'scan_test.t'::regclass AND column_name = 'a';
SELECT hoopguard.reject_finding(id) FROM hoopguard.finding
WHERE relation = 'scan_test.t'::regclass AND column_name = 'c';
SET ROLE regress_hoopguard_scan;
SELECT a, c FROM scan_test.t WHERE id = 7;
RESET ROLE;
SELECT * FROM hoopguard.scan('scan_test.t');
SELECT column_name, class, state FROM hoopguard.finding
WHERE relation = 'scan_test.t'::regclass ORDER BY 1, 2;

-- what speaks for a class
SELECT source, class, decides FROM hoopguard.explain_class('scan_test.t', 'a');
SECURITY LABEL FOR hoopguard ON COLUMN scan_test.t.a IS 'username';
SELECT source, class, decides FROM hoopguard.explain_class('scan_test.t', 'a');
SECURITY LABEL FOR hoopguard ON COLUMN scan_test.t.a IS NULL;
SELECT hoopguard.explain_class('scan_test.t', 'nosuch');
CREATE TABLE scan_test.people (first_name text);
SELECT source, class, decides, evidence FROM hoopguard.explain_class('scan_test.people', 'first_name');

-- it follows a rename and goes with the column
ALTER TABLE scan_test.t RENAME a TO z;
SET ROLE regress_hoopguard_scan;
SELECT z FROM scan_test.t WHERE id = 7;
RESET ROLE;
ALTER TABLE scan_test.t DROP z;
SELECT count(*) FROM hoopguard.finding
WHERE relation = 'scan_test.t'::regclass AND state = 'accepted';

-- all relations, in rounds: what is new or has new columns is due
SELECT scanned FROM hoopguard.scan(time_limit => '1 min') WHERE scanned::text LIKE 'scan_test%' ORDER BY 1;
SELECT relation, due FROM hoopguard.scan_progress WHERE relation::text LIKE 'scan_test%' ORDER BY 1;
ALTER TABLE scan_test.people ADD COLUMN more text;
SELECT relation FROM hoopguard.scan_progress WHERE due;
SELECT scanned FROM hoopguard.scan();

-- no time, nothing done; the next call goes on
SELECT count(*) FROM hoopguard.scan(time_limit => '0');
SELECT bool_or(due) FROM hoopguard.scan_progress;

-- odd relations
CREATE TABLE scan_test.empty ();
CREATE VIEW scan_test.v AS SELECT 1;
CREATE TABLE scan_test.odd (id int, "a b" text[], x xml, "select" varchar(5));
INSERT INTO scan_test.odd VALUES (1, '{ada@example.org,NULL}', NULL, '');
SELECT * FROM hoopguard.scan('scan_test.empty');
SELECT * FROM hoopguard.scan('scan_test.odd');
SELECT hoopguard.scan('scan_test.v');
SELECT hoopguard.scan('scan_test.t', 0);
SELECT hoopguard.accept_finding(-1);

-- a governed role may not
SET ROLE regress_hoopguard_scan;
SELECT hoopguard.scan();
RESET ROLE;

SELECT hoopguard.unmap_role('regress_hoopguard_scan');
DROP SCHEMA scan_test CASCADE;
DROP ROLE regress_hoopguard_scan;
