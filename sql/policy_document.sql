-- Policy as one document: out, in again, compared, tried without effect.
\pset format unaligned
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_doc;
CREATE ROLE regress_hoopguard_doc2;
CREATE SCHEMA "regress Doc";
CREATE TABLE "regress Doc"."the table" (id int, "e mail" text, pay int);

-- whatever was there before goes
SELECT count(*) >= 0 AS emptied FROM hoopguard.apply_policy('{"format": 1,
	"subjects": [], "labels": [], "masks": [], "rules": [], "limits": [],
	"baseline": [], "allow_lists": []}');
SELECT max(id) AS start FROM hoopguard.policy_version \gset

-- nothing but the format and empty members before anything is set
SELECT key, value FROM jsonb_each(hoopguard.export_policy())
WHERE key <> 'subjects' ORDER BY key;

SELECT hoopguard.map_role('regress_hoopguard_doc', owner => 'Ann');
SELECT hoopguard.add_class('salary', 'financial');
SECURITY LABEL FOR hoopguard ON COLUMN "regress Doc"."the table".pay IS 'salary';
SELECT hoopguard.add_mask('null', relation => '"regress Doc"."the table"', column_name => 'e mail') > 0 AS added;
SELECT hoopguard.add_rule('allow', '{WRITE}', objects => 'ws.*', priority => 10) > 1000 AS added;
SELECT hoopguard.add_rule('deny', '{SELECT}', objects => 'a.*') > 1000 AS added;
SELECT hoopguard.add_rule('allow', '{SELECT}', objects => 'a.*', message => 'later, so never') > 1000 AS added;
SELECT hoopguard.set_rule(12, 'observe');
SELECT hoopguard.set_limit('kind:agent', 'rows_returned', 500) > 1000 AS set;
SELECT hoopguard.set_limit('kind:agent', 'rows_written', 7);
SELECT jsonb_pretty(hoopguard.export_policy()) AS document \gset
\echo :document

-- the same again: no change
SELECT * FROM hoopguard.apply_policy(:'document');

-- a dry run names the changes and makes none
SELECT change, kind, item FROM hoopguard.apply_policy('{"format": 1,
	"rules": [
		{"action": "allow", "commands": ["WRITE"], "objects": "ws.*", "priority": 10},
		{"action": "allow", "commands": ["SELECT"], "objects": "a.*", "message": "later, so never"},
		{"action": "deny", "commands": ["SELECT"], "objects": "a.*"}],
	"subjects": [{"role": "regress_hoopguard_doc2"}],
	"masks": [], "labels": [], "limits": [], "baseline": []}', dry_run => true);
SELECT * FROM hoopguard.apply_policy(:'document', dry_run => true);

-- order counts between rules of one priority: now allow comes first
SELECT change, kind, item ->> 'action' AS action FROM hoopguard.apply_policy('{"format": 1,
	"rules": [
		{"action": "allow", "commands": ["WRITE"], "objects": "ws.*", "priority": 10},
		{"action": "allow", "commands": ["SELECT"], "objects": "a.*", "message": "later, so never"},
		{"action": "deny", "commands": ["SELECT"], "objects": "a.*"}]}');
SELECT action, commands, objects FROM hoopguard.rule WHERE NOT baseline
ORDER BY priority, id;

-- and back: all is as it was, in one step
SELECT change, kind, item ->> 'action' AS action FROM hoopguard.apply_policy(:'document');
SELECT hoopguard.export_policy() = :'document'::jsonb AS same;

-- HG014 with nothing changed: not a document, unknown members, bad content
\set VERBOSITY terse
SELECT * FROM hoopguard.apply_policy('[]');
SELECT * FROM hoopguard.apply_policy('{"format": 2}');
SELECT * FROM hoopguard.apply_policy('{"format": 1, "rulez": []}');
SELECT * FROM hoopguard.apply_policy('{"format": 1, "rules": {}}');
SELECT * FROM hoopguard.apply_policy('{"format": 1, "rules": [1]}');
SELECT * FROM hoopguard.apply_policy('{"format": 1, "rules": [{"action": "deny"}]}');
SELECT * FROM hoopguard.apply_policy('{"format": 1, "rules": [{"action": "deny", "commands": ["SELECT"], "object": "x"}]}');
SELECT * FROM hoopguard.apply_policy('{"format": 1, "limits": [], "rules": [{"action": "deny", "commands": ["FROBNICATE"]}]}');
SELECT * FROM hoopguard.apply_policy('{"format": 1, "baseline": [{"id": 999}]}');
SELECT * FROM hoopguard.apply_policy('{"format": 1, "labels": [{"column": "x.y", "class": "email"}]}');
SELECT * FROM hoopguard.apply_policy('{"format": 1, "subjects": [{"role": "regress_hoopguard_nobody"}]}');
SELECT * FROM hoopguard.apply_policy(NULL);
\set VERBOSITY default
SELECT hoopguard.export_policy() = :'document'::jsonb AS same;

-- what changed, by version
SELECT what, operation, before ->> 'mode' AS before, after ->> 'mode' AS after, changed - 'shipped' AS changed
FROM hoopguard.policy_history WHERE what = 'rule' AND operation = 'UPDATE'
	AND version > :start
ORDER BY version LIMIT 1;
SELECT count(DISTINCT by_role) AS people, count(*) > 4 AS many,
	min(at) > now() - interval '1 hour' AS recent
FROM hoopguard.policy_history WHERE what IN ('rule', 'subject', 'mask_rule') AND version > :start;
-- no key of a mask is kept in the history
INSERT INTO hoopguard.mask_key (id, key, current) VALUES (7, sha256('x'), false);
DELETE FROM hoopguard.mask_key WHERE id = 7;
SELECT operation, count(*) FROM hoopguard.policy_history WHERE what = 'mask_key' AND version > :start GROUP BY 1 ORDER BY 1;
SELECT count(*) AS keys FROM hoopguard.policy_change
WHERE before ? 'key' OR after ? 'key' AND NOT after ? 'command';

-- a governed session may do neither
SELECT hoopguard.grant_admin('regress_hoopguard_doc2');
\set VERBOSITY sqlstate
SET ROLE regress_hoopguard_doc;
SELECT * FROM hoopguard.apply_policy('{"format": 1}');
SELECT hoopguard.export_policy();
RESET ROLE;
\set VERBOSITY default
-- an administrator may, of what it can see
GRANT USAGE ON SCHEMA "regress Doc" TO regress_hoopguard_doc2;
SET ROLE regress_hoopguard_doc2;
SELECT * FROM hoopguard.apply_policy(:'document');
SELECT change, kind FROM hoopguard.apply_policy('{"format": 1, "limits": []}');
RESET ROLE;

-- an empty policy
SELECT change, kind FROM hoopguard.apply_policy('{"format": 1,
	"subjects": [], "labels": [], "masks": [], "rules": [], "limits": [],
	"baseline": []}') ORDER BY 2, 1;
UPDATE hoopguard.limit_rule SET value = 10000 WHERE id = 1;
UPDATE hoopguard.rule SET shipped = true WHERE baseline;
UPDATE hoopguard.limit_rule SET shipped = true WHERE baseline;
DROP TABLE "regress Doc"."the table";
DROP SCHEMA "regress Doc";
DELETE FROM hoopguard.default_mask WHERE class = 'salary';
DELETE FROM hoopguard.class WHERE name = 'salary';
DROP OWNED BY regress_hoopguard_doc2;
DROP ROLE regress_hoopguard_doc, regress_hoopguard_doc2;
