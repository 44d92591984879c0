-- A ceiling of a transaction, session or window, once reached, ends the
-- transaction: whatever is caught, nothing of it is committed.
\set dba :USER
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_doomed LOGIN;
CREATE SCHEMA lim;
CREATE TABLE lim.log (id int);
CREATE TABLE lim.late (id int);
CREATE FUNCTION lim.note() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO lim.log VALUES (NEW.id); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER note AFTER INSERT ON lim.late DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION lim.note();
GRANT USAGE ON SCHEMA lim TO regress_hoopguard_doomed;
GRANT ALL ON ALL TABLES IN SCHEMA lim TO regress_hoopguard_doomed;
SELECT hoopguard.map_role('regress_hoopguard_doomed');
SELECT hoopguard.set_limit('regress_hoopguard_doomed', 'rows_written', 10, 'transaction') AS id \gset

\c - regress_hoopguard_doomed
\set VERBOSITY terse
-- many small writes add up, also those that were rolled back
BEGIN;
INSERT INTO lim.log SELECT generate_series(1, 6);
SAVEPOINT s;
INSERT INTO lim.log SELECT generate_series(1, 3);
ROLLBACK TO s;
INSERT INTO lim.log SELECT generate_series(1, 2);
ROLLBACK TO s;
-- everything but ROLLBACK is refused with the same error
SELECT 1;
ROLLBACK TO s;
SET LOCAL work_mem = '1MB';
ROLLBACK TO s;
COMMIT;
SELECT count(*) FROM lim.log;
-- caught in a block: not committed either
DO $$ BEGIN
	INSERT INTO lim.log SELECT generate_series(1, 6);
	BEGIN
		INSERT INTO lim.log SELECT generate_series(1, 6);
	EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLSTATE;
	END;
END $$;
SELECT count(*) FROM lim.log;
-- a loop of savepoints
DO $$ BEGIN FOR i IN 1..100 LOOP
	BEGIN INSERT INTO lim.log VALUES (i); EXCEPTION WHEN OTHERS THEN NULL; END;
END LOOP; END $$;
SELECT count(*) FROM lim.log;
BEGIN;
DO $$ BEGIN FOR i IN 1..100 LOOP
	BEGIN INSERT INTO lim.log VALUES (i); EXCEPTION WHEN OTHERS THEN NULL; END;
END LOOP; END $$;
INSERT INTO lim.log VALUES (1);
COMMIT;
SELECT count(*) FROM lim.log;
-- PREPARE TRANSACTION is a commit
BEGIN;
DO $$ BEGIN INSERT INTO lim.log SELECT generate_series(1, 11); EXCEPTION WHEN OTHERS THEN NULL; END $$;
PREPARE TRANSACTION 'regress_hoopguard_doomed';
SELECT count(*) FROM pg_prepared_xacts;
-- a procedure that commits before the ceiling has used nothing up afterwards
CREATE PROCEDURE pg_temp.batches(n int) LANGUAGE plpgsql AS $$ BEGIN
	FOR i IN 1..n LOOP INSERT INTO lim.log SELECT generate_series(1, 10); COMMIT; END LOOP;
END $$;
CALL pg_temp.batches(3);
SELECT count(*) FROM lim.log;
-- deferred triggers write before the commit
BEGIN;
INSERT INTO lim.late SELECT generate_series(1, 6);
COMMIT;
INSERT INTO lim.late SELECT generate_series(1, 6);
INSERT INTO lim.late SELECT generate_series(1, 5);
SELECT (SELECT count(*) FROM lim.late), (SELECT count(*) FROM lim.log);

-- a session's are used up for good, whatever becomes of the role
\c - :dba
SELECT hoopguard.drop_limit(:id);
SELECT hoopguard.set_limit('regress_hoopguard_doomed', 'rows_written', 10, 'session') AS id \gset
\c - regress_hoopguard_doomed
INSERT INTO lim.log SELECT generate_series(1, 10);
BEGIN;
INSERT INTO lim.log VALUES (1);
ROLLBACK;
DISCARD ALL;
INSERT INTO lim.log VALUES (1);
SELECT 1;
\c - regress_hoopguard_doomed
INSERT INTO lim.log VALUES (1);

-- a window's are the subject's, whichever session it uses, and at once
-- another number when the policy says so
\c - :dba
SELECT hoopguard.drop_limit(:id);
SELECT hoopguard.set_limit('regress_hoopguard_doomed', 'rows_written', 10, '1 day') AS id \gset
\c - regress_hoopguard_doomed
INSERT INTO lim.log SELECT generate_series(1, 6);
\c - regress_hoopguard_doomed
INSERT INTO lim.log SELECT generate_series(1, 6);
SELECT used, "left", until > now() AS later FROM hoopguard.limits_left() WHERE per = '1 day';
\c - :dba
SELECT hoopguard.set_limit('regress_hoopguard_doomed', 'rows_written', 12, '1 day') = :id AS ok;
\c - regress_hoopguard_doomed
INSERT INTO lim.log VALUES (1);
SELECT used, "left" FROM hoopguard.limits_left() WHERE per = '1 day';
INSERT INTO lim.log VALUES (1), (2);
INSERT INTO lim.log VALUES (1);
\c - :dba
SELECT value FROM hoopguard.status()
	WHERE item = format('window of limit %s, regress_hoopguard_doomed', :id);
SELECT hoopguard.drop_limit(:id);

-- a subject that is frozen in a transaction cannot go on after it is freed
SELECT hoopguard.freeze('regress_hoopguard_doomed', 'test');
\c - regress_hoopguard_doomed
BEGIN;
SAVEPOINT s;
SELECT 1;
ROLLBACK;
\c - :dba
SELECT hoopguard.unfreeze('regress_hoopguard_doomed');
SELECT hoopguard.unmap_role('regress_hoopguard_doomed');
SET client_min_messages = warning;
DROP SCHEMA lim CASCADE;
DROP ROLE regress_hoopguard_doomed;
