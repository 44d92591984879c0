-- A page for auditors: nothing from elsewhere, nothing that a name can do.
\getenv abs_srcdir PG_ABS_SRCDIR
\set VERBOSITY sqlstate
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS hoopguard;
CREATE SCHEMA rep;
CREATE TABLE rep.customer (id int, email text);
CREATE TABLE rep."<script>alert('t')</script>" (id int, "]]><img src=x onerror=alert(1)>" text);
CREATE TABLE rep.copy (id int, email text);
INSERT INTO rep.customer VALUES (1, 'ann@example.com'), (2, 'bo@example.com');
CREATE ROLE "regress_hg_<script>""&'" LOGIN;
CREATE ROLE regress_hg_report_auditor;
CREATE ROLE regress_hg_report_nobody;
SELECT hoopguard.grant_auditor('regress_hg_report_auditor');
SELECT hoopguard.map_role('regress_hg_<script>"&''', owner => '"/><script>alert(1)</script>');
GRANT USAGE ON SCHEMA rep TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA rep TO PUBLIC;
SELECT hoopguard.add_rule('allow', '{INSERT}', objects => 'rep.*', priority => 10) > 0 AS rule;
SELECT hoopguard.add_rule('deny', '{DELETE}', objects => 'rep.*', message => '<svg onload=alert(1)>') > 0 AS rule;
SELECT hoopguard.add_rule('approve', '{UPDATE}', objects => 'rep.*', message => '<svg onload=alert(2)>') > 0 AS rule;

-- somebody with all of these names at work
SELECT clock_timestamp() AS began \gset
SET ROLE "regress_hg_<script>""&'";
SET application_name = '<script>alert(''application'')</script>';
SET hoopguard.intent = '<script>alert(''intent'')</script>';
SELECT count(email) FROM rep.customer AS "<script>alert(2)</script>";
INSERT INTO rep.copy SELECT * FROM rep.customer;
INSERT INTO rep."<script>alert('t')</script>" SELECT * FROM rep.copy;
SELECT count(*) FROM (SELECT * FROM rep."<script>alert('t')</script>") x;
DELETE FROM rep.customer WHERE id = 1;
UPDATE rep.customer SET email = 'sesame' WHERE id = 1;
RESET ROLE;
RESET application_name;
RESET hoopguard.intent;
SELECT hoopguard.flush();

SET ROLE regress_hg_report_auditor;
SELECT hoopguard.report_html(clock_timestamp() - :'began') AS page \gset
RESET ROLE;
-- well formed, although every name tried to make it otherwise
SELECT xml_is_well_formed_document(:'page') AS well_formed;
SELECT cardinality(xpath('//script', x)) AS scripts, cardinality(xpath('//img', x)) AS images,
	cardinality(xpath('//@src|//@href|//*/@*[starts-with(name(), "on")]', x)) AS loads_or_handlers,
	cardinality(xpath('//section', x)) AS sections, cardinality(xpath('//*[local-name() = "svg"]', x)) AS pictures
FROM (SELECT :'page'::xml AS x) p;
SELECT :'page' ~ 'url\(|@import|https?:' AS loads, :'page' ~ 'sesame|ann@example' AS values,
	:'page' ~ 'default-src &#39;none|default-src ''none''' AS forbids_loads;
-- who, what, refused, asked for, and where values went
SELECT unnest(xpath('//section[h2 = "Who"]//tr[contains(td, "regress_hg_<script>")]/td[position() < 4]//text()', :'page'::xml))::text;
SELECT unnest(xpath('//section[starts-with(h2, "Who touched")]//tr[contains(td[1], "regress_hg_<script>")]/td[position() < 6]//text()', :'page'::xml))::text;
SELECT regexp_replace(unnest(xpath('//section[h2 = "Last refusals"]//tr[contains(td[2], "regress_hg_<script>")]/td[position() > 2]//text()', :'page'::xml))::text, 'rule \d+', 'rule');
SELECT unnest(xpath('//section[h2 = "Last requests for approval"]//tr[contains(td[2], "regress_hg_<script>")]/td[position() > 2]//text()', :'page'::xml))::text;
SELECT DISTINCT way FROM (
	SELECT unnest(xpath('//section[h2 = "Where values went"]//*[local-name() = "path"]/*[local-name() = "title"]/text()',
		:'page'::xml))::text COLLATE "C" AS way) w
WHERE way LIKE '%rep.%'
ORDER BY 1;

-- a circle in the graph, and a person with the name of a table
SELECT cardinality(xpath('//*[local-name() = "g"]', x)) AS nodes, cardinality(xpath('//*[local-name() = "path"]', x)) AS edges
FROM (SELECT hoopguard._report_graph('[{"source": "s.a", "target": "s.b", "n": 1, "to_person": false},
	{"source": "s.b", "target": "s.c", "n": 1, "to_person": false}, {"source": "s.c", "target": "s.a", "n": 5, "masked": 5, "to_person": false},
	{"source": "s.a", "target": "s.a", "n": 2, "to_person": true}]')::xml AS x) g;

-- any time, or an error that says what is wrong
SELECT hoopguard.report_html() LIKE '<!DOCTYPE html>%' AS page, hoopguard.report_html('20 years') LIKE '%</html>%' AS page,
	hoopguard.report_html('1 second') LIKE '%</html>%' AS page;
-- a time in which nothing happened
SELECT xml_is_well_formed_document(hoopguard.report_html('1 microsecond')) AS nothing;
SELECT hoopguard.report_html('0');
SELECT hoopguard.report_html(NULL);
SET ROLE regress_hg_report_nobody;
SELECT hoopguard.report_html();
SELECT hoopguard.replay(1);
RESET ROLE;

-- a session, step by step, and nothing of it is run
SELECT e.session_id AS session FROM hoopguard.event e
WHERE e.session_role = current_user ORDER BY e.at DESC LIMIT 1 \gset
SET ROLE regress_hg_report_auditor;
SELECT text FROM hoopguard.replay(:session) WHERE text ~* '^(insert into|delete from|update) rep';
SELECT count(*) FROM hoopguard.replay(0);
RESET ROLE;
SELECT count(*) FROM rep.copy;

SELECT hoopguard.drop_rule(id) IS NOT NULL AS dropped FROM hoopguard.rule WHERE objects = 'rep.*';
SELECT hoopguard.unmap_role('regress_hg_<script>"&''');
DROP SCHEMA rep CASCADE;
DROP OWNED BY regress_hg_report_auditor;
DROP ROLE "regress_hg_<script>""&'", regress_hg_report_auditor, regress_hg_report_nobody;
