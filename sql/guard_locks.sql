-- What DDL locks, of what size, and whether it rewrites: facts against what
-- the server does, and the conditions that ask for it.
SET client_min_messages = warning;
\set dba :USER
CREATE ROLE regress_hoopguard_locks LOGIN;
CREATE SCHEMA lk;
CREATE TABLE lk.big (id int PRIMARY KEY, v varchar(10), n numeric(10, 2), t timestamp, e int);
INSERT INTO lk.big SELECT g, 'x', 1, now(), g FROM generate_series(1, 20000) g;
CREATE TABLE lk.ref (id int PRIMARY KEY, b int);
CREATE DOMAIN lk.plain AS int;
CREATE DOMAIN lk.positive AS int CHECK (VALUE > 0);
CREATE TABLE lk.parted (id int NOT NULL, v int) PARTITION BY RANGE (id);
CREATE TABLE lk.part PARTITION OF lk.parted FOR VALUES FROM (0) TO (100);
CREATE TABLE lk.loose (id int NOT NULL, v int);
CREATE MATERIALIZED VIEW lk.mv AS SELECT id FROM lk.big WHERE id <= 100;
CREATE UNIQUE INDEX mv_id ON lk.mv (id);
GRANT USAGE, CREATE ON SCHEMA lk TO regress_hoopguard_locks;
SELECT hoopguard.map_role('regress_hoopguard_locks');
-- a statement that cannot be looked at is an error, and no more than that
SELECT * FROM hoopguard.check_sql('ALTER TABLE lk.big ADD c int DEFAULT no_such()', 'regress_hoopguard_locks');
SELECT 1 AS still_here;

-- Run each statement, see its strictest lock and whether the table got a new
-- file, take it back, and compare with the facts.
CREATE FUNCTION lk.compare(statement text, relation regclass)
RETURNS TABLE (lock_is text, lock_said text, rewrites boolean, said boolean)
LANGUAGE plpgsql AS $$
DECLARE
	before	oid := pg_relation_filenode(relation);
	locks	text[];
	said_of	text := format('%% on %s, %%', relation);
	weights	text[] := '{AccessShareLock, RowShareLock, RowExclusiveLock,
		ShareUpdateExclusiveLock, ShareLock, ShareRowExclusiveLock,
		ExclusiveLock, AccessExclusiveLock}';
BEGIN
	SELECT c.locks INTO locks
	FROM hoopguard.check_sql(statement, 'regress_hoopguard_locks') c;
	SELECT split_part(l, ' on ', 1), l LIKE '%rewrites%'
	INTO lock_said, said FROM unnest(locks) l WHERE l LIKE said_of;
	BEGIN
		EXECUTE statement;
		rewrites := pg_relation_filenode(relation) <> before;
		SELECT upper(trim(regexp_replace(replace(weights[max(array_position(weights, mode))],
			'Lock', ''), '([A-Z])', ' \1', 'g')))
		INTO lock_is FROM pg_locks k WHERE k.pid = pg_backend_pid()
			AND k.relation = compare.relation;
		RAISE EXCEPTION 'back' USING ERRCODE = 'P0042';
	EXCEPTION WHEN SQLSTATE 'P0042' THEN
	END;
	RETURN NEXT;
END $$;
SELECT c.lock_is = c.lock_said AND c.rewrites = c.said AS agree, s.statement, c.lock_said AS lock, c.said AS rewrites
FROM unnest(ARRAY[
	'ALTER TABLE lk.big ADD c int',
	'ALTER TABLE lk.big ADD c int DEFAULT 5 NOT NULL',
	'ALTER TABLE lk.big ADD c timestamptz DEFAULT now()',
	'ALTER TABLE lk.big ADD c float DEFAULT random()',
	'ALTER TABLE lk.big ADD c uuid DEFAULT gen_random_uuid()',
	'ALTER TABLE lk.big ADD c serial',
	'ALTER TABLE lk.big ADD c bigint GENERATED ALWAYS AS IDENTITY',
	'ALTER TABLE lk.big ADD c int GENERATED ALWAYS AS (id + 1) STORED',
	'ALTER TABLE lk.big ADD c lk.plain',
	'ALTER TABLE lk.big ADD c int, ADD d float DEFAULT random()',
	'ALTER TABLE lk.big DROP e',
	'ALTER TABLE lk.big ALTER v TYPE varchar(20)',
	'ALTER TABLE lk.big ALTER v TYPE varchar(5)',
	'ALTER TABLE lk.big ALTER v TYPE text',
	'ALTER TABLE lk.big ALTER n TYPE numeric(12, 2)',
	'ALTER TABLE lk.big ALTER n TYPE numeric(12, 4)',
	'ALTER TABLE lk.big ALTER e TYPE bigint',
	'ALTER TABLE lk.big ALTER e TYPE lk.plain',
	'ALTER TABLE lk.big ALTER e TYPE text USING ''x'' || e',
	'ALTER TABLE lk.big ALTER v SET STATISTICS 5',
	'ALTER TABLE lk.big ALTER v SET NOT NULL',
	'ALTER TABLE lk.big ALTER v SET DEFAULT ''y''',
	'ALTER TABLE lk.big ADD CHECK (id > 0)',
	'ALTER TABLE lk.big ADD CHECK (id > 0) NOT VALID',
	'ALTER TABLE lk.big ADD UNIQUE (e)',
	'ALTER TABLE lk.big SET (fillfactor = 70)',
	'ALTER TABLE lk.big SET UNLOGGED',
	'ALTER TABLE lk.big RENAME v TO w',
	'ALTER TABLE lk.ref ADD FOREIGN KEY (b) REFERENCES lk.big',
	'CREATE INDEX ON lk.big (e)',
	'CREATE TRIGGER s BEFORE UPDATE ON lk.big FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
	'CREATE RULE r AS ON DELETE TO lk.big DO NOTHING',
	'CREATE STATISTICS lk.st ON id, e FROM lk.big',
	'CLUSTER lk.big USING big_pkey',
	'REINDEX TABLE lk.big',
	'LOCK TABLE lk.big IN SHARE MODE']) WITH ORDINALITY s(statement, n),
	LATERAL lk.compare(s.statement, 'lk.big') c
ORDER BY s.n;

-- what the other table of a statement is locked by, what the whole database is
-- (how large a materialized view is, is not for this test)
SELECT statement, regexp_replace(locks::text, '(lk.mv\w*, )[0-9.]+', '\1n') AS locks FROM unnest(ARRAY[
	'ALTER TABLE lk.parted ATTACH PARTITION lk.loose FOR VALUES FROM (100) TO (200)',
	'ALTER TABLE lk.parted DETACH PARTITION lk.part',
	'ALTER TABLE lk.ref ADD FOREIGN KEY (b) REFERENCES lk.big NOT VALID',
	'CREATE TABLE lk.new (b int REFERENCES lk.big, c int, FOREIGN KEY (c) REFERENCES lk.ref)',
	'CREATE INDEX CONCURRENTLY ON lk.big (e)',
	'REINDEX INDEX lk.big_pkey',
	'REINDEX TABLE CONCURRENTLY lk.big',
	'REFRESH MATERIALIZED VIEW CONCURRENTLY lk.mv',
	'VACUUM lk.big', 'VACUUM FULL lk.big', 'VACUUM FULL',
	'DROP INDEX lk.mv_id', 'TRUNCATE lk.big', 'SELECT 1']) WITH ORDINALITY s(statement, n),
	LATERAL hoopguard.check_sql(s.statement, 'regress_hoopguard_locks') c
ORDER BY s.n;

-- the conditions
SELECT hoopguard.add_rule('allow', '{DDL,MAINTAIN}', objects => 'lk.*', priority => 20) > 0,
	hoopguard.add_rule('deny', '{DDL,MAINTAIN}', objects => 'lk.*', condition => 'rewrites_table_over(0.5 MB)', priority => 10) > 0,
	hoopguard.add_rule('approve', '{DDL,MAINTAIN}', objects => 'lk.*', condition => 'locks_table_over(0.5 MB)', priority => 11) > 0;
SELECT verdict, reason, statement FROM unnest(ARRAY[
	'ALTER TABLE lk.big ADD c float DEFAULT random()',
	'ALTER TABLE lk.big ADD c float DEFAULT 0',
	'ALTER TABLE lk.big ALTER e SET STATISTICS 7',
	'CREATE INDEX ON lk.big (e)',
	'CREATE INDEX CONCURRENTLY ON lk.big (e)',
	'ALTER TABLE lk.ref ADD c float DEFAULT random()',
	'ALTER TABLE lk.ref ADD FOREIGN KEY (b) REFERENCES lk.big',
	'VACUUM FULL lk.big', 'VACUUM lk.big']) WITH ORDINALITY s(statement, n),
	LATERAL hoopguard.check_sql(s.statement, 'regress_hoopguard_locks') c
ORDER BY s.n;
\set VERBOSITY sqlstate
-- a condition that is none: HG014
SELECT hoopguard.add_rule('deny', '{DDL}', condition => 'rewrites_table_over');
SELECT hoopguard.add_rule('deny', '{DDL}', condition => 'rewrites_table_over(x)');
DELETE FROM hoopguard.rule WHERE id > 1000;
SELECT hoopguard.unmap_role('regress_hoopguard_locks');
DROP SCHEMA lk CASCADE;
DROP ROLE regress_hoopguard_locks;
