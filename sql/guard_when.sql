-- Rules that ask when and where; rules that could never match, and those that
-- no longer can.
SET client_min_messages = warning;
\set dba :USER
SELECT current_user AS dba \gset
CREATE ROLE regress_hoopguard_when LOGIN;
CREATE ROLE regress_hoopguard_gone LOGIN;
CREATE SCHEMA wh;
CREATE TABLE wh.t (id int PRIMARY KEY);
CREATE FUNCTION wh.f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
INSERT INTO wh.t VALUES (1);
GRANT USAGE ON SCHEMA wh TO regress_hoopguard_when;
GRANT ALL ON wh.t TO regress_hoopguard_when;
SELECT hoopguard.map_role('regress_hoopguard_when');
CREATE PROCEDURE wh.only(condition text, action text DEFAULT 'deny') LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM hoopguard.rule WHERE id > 1000;
	PERFORM hoopguard.add_rule(action, '{SELECT,FUNCTION}', condition => condition, priority => 5);
END $$;
-- what the agent is told about a SELECT under one condition
CREATE FUNCTION wh.verdict(condition text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	CALL wh.only(condition);
	RETURN (SELECT c.verdict FROM hoopguard.check_sql('SELECT * FROM wh.t', 'regress_hoopguard_when') c);
END $$;

-- holds: deny
SELECT c, wh.verdict(c) FROM unnest(ARRAY[
	'hours(00:00-24:00)', 'hours(''00:00-24:00'', ''Europe/Berlin'')', 'hours(sun-sat 00:00-24:00)',
	'hours(' || to_char(now() AT TIME ZONE 'UTC' - interval '1 hour', 'HH24:MI') || '-' || to_char(now() AT TIME ZONE 'UTC' + interval '1 hour', 'HH24:MI') || ', UTC)',
	'during(2020-01-01Z, 2200-01-01Z)', 'during(2020-01-01 08:00Z, 2200-01-01T08:00+02)', 'client_addr(local)',
	'application_name(pg_regress*)', 'application_name(*)', 'hours(00:00-24:00) AND client_addr(local) AND persistent']) WITH ORDINALITY u(c, n)
WHERE wh.verdict(c) <> 'deny';

-- does not hold: allow
SELECT c, wh.verdict(c) FROM unnest(ARRAY[
	'hours(' || to_char(now() AT TIME ZONE 'UTC' + interval '1 hour', 'HH24:MI') || '-' || to_char(now() AT TIME ZONE 'UTC' + interval '2 hours', 'HH24:MI') || ', UTC)',
	'hours(' || to_char(now() AT TIME ZONE 'UTC' + interval '2 days', 'dy') || ' 00:00-24:00, UTC)',
	'during(2020-01-01Z, 2021-01-01Z)', 'during(2200-01-01Z, 2201-01-01Z)', 'client_addr(10.0.0.0/8)', 'client_addr(::1)',
	'client_addr(0.0.0.0/0)', 'application_name(psql)', 'application_name('''')', 'client_addr(local) AND application_name(other)']) u(c)
WHERE wh.verdict(c) <> 'allow';

-- a call of a function is judged anew when the rule asks for the name that the client gave itself
CALL wh.only('application_name(careless)');
GRANT EXECUTE ON FUNCTION wh.f() TO regress_hoopguard_when;
\c - regress_hoopguard_when
SELECT wh.f();
SET application_name = careless;
\set VERBOSITY sqlstate
SELECT wh.f();
SET application_name = careful;
SELECT wh.f();
-- the session's own time zone decides nothing
\c - :dba
SET client_min_messages = warning;
CALL wh.only('hours(' || to_char(now() AT TIME ZONE current_setting('log_timezone') - interval '1 hour', 'HH24:MI') || '-'
	|| to_char(now() AT TIME ZONE current_setting('log_timezone') + interval '1 hour', 'HH24:MI') || ')');
\c - regress_hoopguard_when
\set VERBOSITY sqlstate
SET TIME ZONE 'Asia/Tokyo';
SELECT id FROM wh.t;
\c - :dba
SET client_min_messages = warning;
DELETE FROM hoopguard.rule WHERE id > 1000;
SET ROLE NONE;

-- malformed, or nothing could ever match: HG014
\set VERBOSITY terse
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'hours(8-18)');
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'hours(08:00-25:00)');
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'hours(xyz 08:00-18:00)');
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'hours(08:00-18:00, Nowhere/City)');
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'hours()');
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'during(2026-01-01Z)');
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'during(2026-01-01 08:00, 2026-01-02 08:00)');
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'during(2026-02-01Z, 2026-01-01Z)');
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'client_addr(10.0.0.0/40)');
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'client_addr(example.com)');
SELECT hoopguard.add_rule('allow', '{SELECT}', condition => 'application_name(psql)');
SELECT hoopguard.add_rule('deny', '{SELCT}');
SELECT hoopguard.add_rule('deny', '{SELECT}', objects => 'wh.no_such_table');
SELECT hoopguard.add_rule('deny', '{DROP}', objects => 'no_such_schema.x');
SELECT hoopguard.add_rule('deny', '{FUNCTION}', objects => 'function:wh.no_such_function');
SELECT hoopguard.add_rule('deny', '{FUNCTION}', objects => 'wh.f');
SELECT hoopguard.add_rule('deny', '{SELECT}', objects => 'class:no_such_class');
SELECT hoopguard.add_rule('deny', '{SELECT}', for_subject => 'regress_hoopguard_no_such_role');
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'unbounded');
SELECT hoopguard.add_rule('deny', '{SELECT}', condition => 'locks_table_over(1 MB)');
SELECT hoopguard.add_rule('deny', '{DROP}', condition => 'rows_over(10)');
SELECT hoopguard.add_rule('approve', '{DROP}', approver => 'nobody');
-- what CREATE names may come later
SELECT hoopguard.add_rule('allow', '{CREATE}', objects => 'to_come.x') > 1000;
SELECT count(*) FROM hoopguard.rule WHERE id > 1000;

-- dead since: status() says so
SELECT hoopguard.add_rule('deny', '{SELECT}', objects => 'wh.t') > 1000,
	hoopguard.add_rule('deny', '{FUNCTION}', objects => 'function:wh.f') > 1000,
	hoopguard.add_rule('deny', '{SELECT}', for_subject => 'regress_hoopguard_gone') > 1000;
SELECT item, regexp_replace(value, 'rule \d+', 'rule N') AS value, ok FROM hoopguard.status() WHERE item = 'dead rule';
DROP SCHEMA wh CASCADE;
DROP ROLE regress_hoopguard_gone;
SELECT item, regexp_replace(value, 'rule \d+', 'rule N') AS value, ok FROM hoopguard.status() WHERE item = 'dead rule' ORDER BY 2;
DELETE FROM hoopguard.rule WHERE id > 1000;
SELECT hoopguard.unmap_role('regress_hoopguard_when');
DROP ROLE regress_hoopguard_when;
