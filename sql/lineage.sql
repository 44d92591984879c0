-- Column lineage: direct and indirect edges, masked or not.
\getenv abs_srcdir PG_ABS_SRCDIR
\set store :abs_srcdir '/test/data/store.sql'
\set dba :USER
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_line LOGIN;
\i :store
CREATE SCHEMA agent_ws;
GRANT USAGE ON SCHEMA store TO regress_hoopguard_line;
GRANT ALL ON SCHEMA agent_ws TO regress_hoopguard_line;
GRANT ALL ON ALL TABLES IN SCHEMA store TO regress_hoopguard_line;
SELECT hoopguard.map_role('regress_hoopguard_line') IS NOT NULL AS mapped;
SELECT hoopguard.add_rule('allow', '{DDL,WRITE}', objects => 'agent_ws.*', priority => 10) AS free \gset
CREATE TABLE agent_ws.report (country text, revenue numeric, n int);
GRANT ALL ON agent_ws.report TO regress_hoopguard_line;

\c - regress_hoopguard_line
-- INSERT ... SELECT with a join, a filter and a group
INSERT INTO agent_ws.report
SELECT c.country, sum(i.total), count(*)
FROM store.customer c JOIN store.invoice i USING (customer_id)
WHERE i.invoice_date > date '2025-01-05' GROUP BY c.country;
-- CREATE TABLE AS of a masked column
CREATE TABLE agent_ws.mails AS SELECT customer_id AS id, lower(email) AS mail FROM store.customer;
-- UPDATE ... FROM
UPDATE agent_ws.report r SET n = i.customer_id FROM store.invoice i WHERE r.n = i.invoice_id;
-- a SELECT whose result goes to the client
SELECT count(*) FROM (SELECT phone, CASE WHEN city = 'x' THEN 1 ELSE 2 END AS k FROM store.customer ORDER BY last_name LIMIT 3) s;
SELECT phone FROM store.customer WHERE customer_id = 0;
-- through a CTE, a sublink and a set operation
WITH c AS (SELECT country, customer_id FROM store.customer)
SELECT country FROM c WHERE customer_id = (SELECT min(customer_id) - 1 FROM store.invoice)
UNION ALL SELECT 'x' WHERE false;

\c - :dba
SELECT hoopguard.flush();
SELECT left(s.text, 28) AS statement,
	concat_ws('.', e.source_schema, e.source_relation, e.source_column) AS source,
	concat_ws('.', e.target_schema, e.target_relation, e.target_column) AS target,
	e.kind, e.subtype, e.masked
FROM hoopguard.lineage_edge e JOIN hoopguard.statement s USING (statement_id)
WHERE e.statement_id IN (SELECT statement_id FROM hoopguard.activity WHERE session_role = 'regress_hoopguard_line')
ORDER BY 1, 4, 5, 2, 3;
SELECT DISTINCT left(s.text, 28) AS statement, d.schema_name, d.relation_name, d.access
FROM hoopguard.lineage_dataset d JOIN hoopguard.statement s USING (statement_id)
WHERE d.statement_id IN (SELECT statement_id FROM hoopguard.activity WHERE session_role = 'regress_hoopguard_line')
ORDER BY 1, 2, 3, 4;

-- linked to who, and to what came of it
SELECT DISTINCT subject, session_role, command, outcome
FROM hoopguard.lineage WHERE target_relation = 'report' ORDER BY command;
SELECT DISTINCT command, access FROM hoopguard.touched('agent_ws.report', '1 hour')
WHERE session_role = 'regress_hoopguard_line' ORDER BY 1, 2;

SET client_min_messages = warning;
SELECT hoopguard.drop_rule(:free) IS NOT NULL AS dropped;
SELECT hoopguard.unmap_role('regress_hoopguard_line') IS NOT NULL AS unmapped;
DROP SCHEMA store, agent_ws CASCADE;
DROP ROLE regress_hoopguard_line;
