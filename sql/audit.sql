-- What auditors ask: where values came from, where they went, as a graph too.
\pset format unaligned
\pset footer off
CREATE ROLE regress_hoopguard_aud;
CREATE SCHEMA regress_aud AUTHORIZATION regress_hoopguard_aud;
CREATE TABLE regress_aud.person (id int, email text, "Home City" text);
CREATE TABLE regress_aud.copy (id int, mail text);
CREATE TABLE regress_aud.report (city text, n bigint, mails text);
INSERT INTO regress_aud.person VALUES (1, 'ann@example.com', 'Bern');
GRANT ALL ON ALL TABLES IN SCHEMA regress_aud TO regress_hoopguard_aud;
SELECT hoopguard.map_role('regress_hoopguard_aud', mode => 'off');

SET SESSION AUTHORIZATION regress_hoopguard_aud;
INSERT INTO regress_aud.copy SELECT id, email FROM regress_aud.person;
INSERT INTO regress_aud.report
SELECT p."Home City", count(*), string_agg(c.mail, ',')
FROM regress_aud.copy c JOIN regress_aud.person p USING (id) GROUP BY 1;
-- back to where it came from: a walk must end
INSERT INTO regress_aud.person (id, "Home City") SELECT 2, city FROM regress_aud.report;
-- without effect
BEGIN;
INSERT INTO regress_aud.report (city) SELECT mail FROM regress_aud.copy;
ROLLBACK;
-- what was read was read
BEGIN;
SELECT mails FROM regress_aud.report WHERE n > 0;
ROLLBACK;
RESET SESSION AUTHORIZATION;
SELECT hoopguard.flush();

-- the mails of the report come from person, by way of copy
SELECT level, source, target, kind, subtype, masked, times, subjects
FROM hoopguard.upstream('regress_aud.report.mails');
-- no deeper than asked; a rolled back copy is none
SELECT DISTINCT level, source FROM hoopguard.upstream('regress_aud.report.city', 1) ORDER BY 1, 2;
-- and where an e-mail went
SELECT level, source, target, kind, subtype
FROM hoopguard.downstream('regress_aud.person.email');
-- names are quoted as in SQL; a circle ends
SELECT DISTINCT level, source, target FROM hoopguard.downstream('regress_aud.person."Home City"')
WHERE kind = 'DIRECT' ORDER BY 1, 2, 3;
-- a whole relation
SELECT DISTINCT level, source FROM hoopguard.upstream('regress_aud.copy') ORDER BY 1, 2;
-- nothing known
SELECT * FROM hoopguard.upstream('regress_aud.nothing.here');

SELECT hoopguard.lineage_graph('mermaid', 'regress_aud.copy.mail');
SELECT hoopguard.lineage_graph('dot', 'regress_aud.copy.mail');
SELECT jsonb_array_length(g -> 'nodes') > 2 AS nodes, g -> 'edges' -> 0 AS first
FROM (SELECT hoopguard.lineage_graph('json', 'regress_aud.copy.mail')::jsonb AS g) x;
SELECT hoopguard.lineage_graph() LIKE E'graph LR\n%regress\\_aud.person%' AS all_relations;

-- a statement as an OpenLineage run event
SELECT hoopguard.openlineage(a.event_id) AS e FROM hoopguard.activity a
WHERE a.command = 'INSERT' AND a.text LIKE '%regress_aud.copy c join%' \gset
SELECT k, jsonb_typeof(v) FROM jsonb_each(:'e'::jsonb) x(k, v) ORDER BY k;
SELECT :'e'::jsonb ->> 'eventType' AS type,
	:'e'::jsonb #>> '{job,facets,sql,query}' AS query,
	:'e'::jsonb #>> '{run,facets,hoopguard,subject}' AS subject,
	:'e'::jsonb #>> '{run,runId}' ~ '^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$' AS uuid;
SELECT x ->> 'name' AS input FROM jsonb_array_elements(:'e'::jsonb -> 'inputs') x;
SELECT x ->> 'name' AS output, x #> '{outputFacets,outputStatistics,rowCount}' AS rows,
	(x #> '{facets,columnLineage,fields,mails,inputFields,0}') - 'namespace' AS mails,
	jsonb_array_length(x #> '{facets,columnLineage,dataset}') AS whole
FROM jsonb_array_elements(:'e'::jsonb -> 'outputs') x;
-- rolled back; what a client got goes to its session
SELECT e ->> 'eventType' AS type, e #>> '{outputs,0,namespace}' AS namespace,
	e #>> '{outputs,0,name}' LIKE '%/result' AS result
FROM (SELECT hoopguard.openlineage(a.event_id) AS e FROM hoopguard.activity a
	WHERE a.text LIKE 'select mails from regress_aud.report%') x;
SELECT hoopguard.openlineage(-1) IS NULL AS none;

-- bad names and formats: 42602, 22023
\set VERBOSITY sqlstate
SELECT * FROM hoopguard.upstream('x');
SELECT * FROM hoopguard.upstream('a.b.c.d');
SELECT * FROM hoopguard.downstream('"');
SELECT * FROM hoopguard.downstream(NULL);
SELECT hoopguard.lineage_graph('svg');
\set VERBOSITY default

SELECT hoopguard.unmap_role('regress_hoopguard_aud');
SET client_min_messages = warning;
DROP SCHEMA regress_aud CASCADE;
DROP ROLE regress_hoopguard_aud;
