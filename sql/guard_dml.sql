-- Guard rules over SELECT, INSERT, UPDATE, DELETE and MERGE.
\getenv abs_srcdir PG_ABS_SRCDIR
\set store :abs_srcdir '/test/data/store.sql'
\set dba :USER
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_dml LOGIN;
\i :store
GRANT USAGE ON SCHEMA store TO regress_hoopguard_dml;
GRANT ALL ON ALL TABLES IN SCHEMA store TO regress_hoopguard_dml;
SELECT hoopguard.map_role('regress_hoopguard_dml');

-- what the baseline says, once in full
\c - regress_hoopguard_dml
DELETE FROM store.invoice_line;

-- no restriction, however it is written: HG001
\set VERBOSITY sqlstate
DELETE FROM store.invoice_line WHERE true;
DELETE FROM store.invoice_line WHERE 1 = 1;
DELETE FROM store.invoice_line WHERE NOT false;
DELETE FROM store.invoice_line WHERE invoice_line_id = invoice_line_id;
DELETE FROM store.invoice_line WHERE invoice_line_id IS NOT NULL;
DELETE FROM store.invoice_line a USING store.invoice_line b WHERE a.invoice_line_id = b.invoice_line_id;
UPDATE store.invoice_line SET quantity = 0;
UPDATE store.invoice_line SET quantity = 0 WHERE true OR quantity = 1;
WITH d AS (DELETE FROM store.invoice_line RETURNING *) SELECT count(*) FROM d;
MERGE INTO store.invoice_line t USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE;

-- restricted: runs
BEGIN;
DELETE FROM store.invoice_line WHERE invoice_line_id = 1;
UPDATE store.invoice_line SET quantity = 9 WHERE invoice_line_id IN (2, 3);
DELETE FROM store.invoice_line a USING store.invoice b
	WHERE a.invoice_id = b.invoice_id AND b.invoice_id = 5;
INSERT INTO store.invoice_line VALUES (1000, 1, 1, 1, 1);
MERGE INTO store.invoice_line t USING (SELECT 1000 AS id) s ON t.invoice_line_id = s.id
	WHEN MATCHED THEN UPDATE SET quantity = 2;
ROLLBACK;

-- a table with a classified column: approval, so not at once
UPDATE store.customer SET city = 'x' WHERE customer_id = 1;
INSERT INTO store.card VALUES (12, '4111');

-- temporary tables are the agent's own
CREATE TEMP TABLE mine (a int);
INSERT INTO mine VALUES (1), (2);
DELETE FROM mine;
TRUNCATE mine;
DROP TABLE mine;

-- plans that are only shown are not run; those that are analysed are
EXPLAIN (COSTS OFF) DELETE FROM store.invoice_line WHERE invoice_line_id = 1;
EXPLAIN (COSTS OFF, ANALYZE) DELETE FROM store.invoice_line;

-- the lowest priority number that matches decides
\c - :dba
SELECT hoopguard.add_rule('deny', '{SELECT}', objects => 'store.card', priority => 5, message => 'cards are not for agents') AS cards \gset
\c - regress_hoopguard_dml
SELECT count(*) FROM store.card;
-- also below a join, a subquery and a view of one's own
SELECT count(*) FROM store.customer LEFT JOIN store.card USING (customer_id);
SELECT (SELECT max(customer_id) FROM store.card);
\c - :dba
SELECT hoopguard.add_rule('allow', '{SELECT}', objects => 'store.*', priority => 4) AS all_store \gset
\c - regress_hoopguard_dml
SELECT count(*) FROM store.card;
\c - :dba
SELECT hoopguard.drop_rule(:all_store);
SELECT hoopguard.drop_rule(:cards);
SELECT hoopguard.drop_rule(:cards);

-- conditions
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'rows_over(40)', priority => 5) AS many \gset
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'touches_class(credit_card)', priority => 5) AS touches \gset
\c - regress_hoopguard_dml
SELECT count(invoice_id) FROM store.invoice WHERE invoice_id < 10;
SELECT total FROM store.invoice;
SELECT max(credit_card) IS NULL FROM store.card;
SELECT count(customer_id) FROM store.card;
\c - :dba
SELECT hoopguard.drop_rule(:many);
SELECT hoopguard.drop_rule(:touches);

-- warn: runs, and says so
SELECT hoopguard.add_rule('warn', '{SELECT}', objects => 'store.invoice', priority => 5, message => 'be careful') AS careful \gset
\c - regress_hoopguard_dml
SELECT count(*) FROM store.invoice;
\c - :dba
SELECT hoopguard.drop_rule(:careful);

-- observe: nothing to be seen
SELECT hoopguard.add_rule('deny', '{SELECT}', objects => 'store.invoice', priority => 5, mode => 'observe') AS watched \gset
\c - regress_hoopguard_dml
SELECT count(*) FROM store.invoice;
\c - :dba
SELECT hoopguard.drop_rule(:watched);

-- a rule that cannot be understood: HG014
SELECT hoopguard.add_rule('forbid', '{SELECT}');
SELECT hoopguard.add_rule('deny', '{SELEKT}');
SELECT hoopguard.add_rule('deny', '{}');
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'sometimes');
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'touches_class(no_such_class)');
SELECT hoopguard.add_rule('approve', '{SELECT}', approver => 'nobody');

-- what would be, without doing it
SELECT s, verdict, commands, objects, unbounded, masked_columns
FROM unnest(ARRAY[
	'SELECT total FROM store.invoice',
	'SELECT email FROM store.customer',
	'DELETE FROM store.invoice_line',
	'DELETE FROM store.invoice_line WHERE invoice_line_id = 1',
	'UPDATE store.customer SET city = ''x'' WHERE customer_id = 1',
	'DROP TABLE store.invoice']) s,
	hoopguard.check_sql(s, 'regress_hoopguard_dml');

SELECT hoopguard.unmap_role('regress_hoopguard_dml');
SET client_min_messages = warning;
DROP SCHEMA store CASCADE;
DROP ROLE regress_hoopguard_dml;
