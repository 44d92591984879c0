-- The record is sealed: what anybody does to it later shows.
\set VERBOSITY sqlstate
SET client_min_messages = warning;
\set dba :USER
\set home :DBNAME
CREATE DATABASE regress_hoopguard_seal;
\c regress_hoopguard_seal
SET client_min_messages = warning;
CREATE EXTENSION hoopguard;
CREATE ROLE regress_hoopguard_sealed LOGIN;
CREATE TABLE thing (id int PRIMARY KEY, email text);
GRANT ALL ON thing TO regress_hoopguard_sealed;
SELECT hoopguard.map_role('regress_hoopguard_sealed');
\c - regress_hoopguard_sealed
INSERT INTO thing VALUES (1, 'ada@example.com'), (2, NULL);
SELECT * FROM thing;
BEGIN; UPDATE thing SET id = 3 WHERE id = 2; ROLLBACK;
SELECT 1/0;
SET hoopguard.intent = 'ticket 4711';
SELECT count(*) FROM thing;
DO $$ BEGIN PERFORM 1 FROM thing; PERFORM 2 FROM thing; END $$;
\c - :dba
-- no seal may come while a change is looked at: nothing of this session is
-- recorded from here, and the others are told of to their end
SET hoopguard.audit = governed;
DO $$
BEGIN
	FOR i IN 1..600 LOOP
		PERFORM hoopguard.flush();
		EXIT WHEN NOT EXISTS (SELECT FROM hoopguard.session s
			WHERE s.backend_pid <> pg_backend_pid() AND NOT EXISTS (SELECT FROM hoopguard.note n
				WHERE n.session_id = s.session_id AND n.kind = 'session_end'));
		PERFORM pg_sleep(0.1);
	END LOOP;
END $$;

-- all is well: one row
SELECT ok, fault, what ~ '^\d+ rows under \d+ seals' AS said FROM hoopguard.verify_audit();
SELECT hoopguard.export_seal() ->> 'database' AS database,
	hoopguard.export_seal() ->> 'hash' ~ '^[0-9a-f]{64}$' AS hash;
SELECT hoopguard.export_seal() AS exported \gset
SELECT ok FROM hoopguard.verify_audit(:'exported');

-- digests are SHA-256, whatever the length (expected: t)
SELECT bool_and(hoopguard._digest(v.b) =
	sha256('\x0001'::bytea || int4send(length(v.b)) || v.b)) AS sha256
FROM (SELECT decode(repeat(md5(n::text), n / 16 + 1), 'hex') FROM generate_series(1, 40) n
	UNION ALL
	SELECT substr(decode(repeat(md5('x'), 20), 'hex'), 1, n) FROM generate_series(0, 260) n) v (b);

-- every table and column of the record: each change shows (expected: altered)
CREATE FUNCTION try(change text) RETURNS TABLE (ok boolean, fault text, what text)
LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		EXECUTE change;
		RETURN QUERY SELECT v.ok, v.fault,
			regexp_replace(v.what, '-?\d{4,}', 'N', 'g')
			FROM hoopguard.verify_audit() v LIMIT 1;
		RAISE EXCEPTION USING ERRCODE = 'HGTST';
	EXCEPTION WHEN SQLSTATE 'HGTST' THEN NULL;
	END;
END $$;
SELECT x.relname || '.' || x.attname AS what, t.ok,
	-- a row that is moved by one may pass its neighbour
	CASE WHEN x.relname !~ 'outcome|context' AND x.attname <> 'statement_id' THEN replace(t.fault, 'reordered', 'altered') END AS fault
FROM (SELECT c.relname, a.attname, a.attnum,
		CASE format_type(a.atttypid, -1)
			WHEN 'boolean' THEN format('NOT coalesce(%I, false)', a.attname)
			WHEN 'text' THEN format('coalesce(%I, '''') || ''x''', a.attname)
			WHEN 'text[]' THEN format('coalesce(%I, ''{}'') || ''{x}''::text[]', a.attname)
			WHEN 'jsonb' THEN '''{"x":1}'''
			WHEN 'uuid' THEN 'gen_random_uuid()'
			WHEN 'xid8' THEN '''77'''
			WHEN 'pg_lsn' THEN '''1/1'''
			WHEN 'bigint[]' THEN '''{1,2,3,4,5,6,7}'''
			WHEN 'bytea' THEN format('%I || ''x''', a.attname)
			WHEN 'timestamp with time zone' THEN format('coalesce(%I, ''2000-01-02'') + interval ''1 microsecond''', a.attname)
			ELSE format('coalesce(%I, 0) + 1', a.attname) END AS new
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
	WHERE c.oid IN ('hoopguard.session'::regclass, 'hoopguard.statement'::regclass,
		'hoopguard.lineage_edge'::regclass, 'hoopguard.lineage_dataset'::regclass,
		'hoopguard._event'::regclass, 'hoopguard._outcome'::regclass,
		'hoopguard._context'::regclass, 'hoopguard.note'::regclass, 'hoopguard.seal'::regclass)
		AND NOT a.attisdropped AND a.attname NOT IN ('context_id', 'digest')) x
	CROSS JOIN LATERAL try(format('UPDATE hoopguard.%I SET %I = %s WHERE ctid = (SELECT max(ctid) FROM hoopguard.%I%s)',
		x.relname, x.attname, x.new, x.relname,
		CASE x.relname WHEN '_event' THEN ' WHERE end_us IS NOT NULL'
			WHEN '_context' THEN ' WHERE context_id IN (SELECT context_id FROM hoopguard._event)'
			ELSE '' END)) t
ORDER BY x.relname, x.attnum;

-- expected: removed
SELECT ok, fault FROM try('DELETE FROM hoopguard._event WHERE event_id = (SELECT max(event_id) FROM hoopguard.event)');
SELECT ok, fault FROM try('DELETE FROM hoopguard._outcome');
SELECT ok, fault FROM try('TRUNCATE hoopguard.note');
SELECT ok, fault FROM try('DELETE FROM hoopguard.statement');
SELECT ok, fault FROM try('DELETE FROM hoopguard.seal WHERE seal_id = 1');

-- the views, written as the tables behind them; a write that changes nothing
-- is no fault
SELECT ok, fault FROM try('DELETE FROM hoopguard.event WHERE event_id = (SELECT max(event_id) FROM hoopguard.event)');
SELECT ok, fault FROM try('UPDATE hoopguard.event SET session_role = ''nobody'' WHERE event_id = (SELECT max(event_id) FROM hoopguard.event)');
SELECT ok, fault FROM try('UPDATE hoopguard.event SET rows_returned = rows_returned');
SELECT ok, fault FROM try('DELETE FROM hoopguard.outcome WHERE session_id = (SELECT max(session_id) FROM hoopguard.outcome)');
SELECT ok, fault FROM try('UPDATE hoopguard.outcome SET committed = NOT committed WHERE session_id = (SELECT max(session_id) FROM hoopguard.outcome)');
SELECT ok, fault FROM try('UPDATE hoopguard.outcome SET committed = committed');
SELECT ok, fault FROM try('INSERT INTO hoopguard.event SELECT * FROM hoopguard.event ORDER BY event_id LIMIT 1');

-- expected: truncated, though seals and rows went together
SELECT ok, fault FROM try('WITH s AS (SELECT max(seal_id) AS m FROM hoopguard.seal),
	a AS (DELETE FROM hoopguard._event USING s WHERE seal = m), b AS (DELETE FROM hoopguard._outcome USING s WHERE seal = m),
	c AS (DELETE FROM hoopguard.note USING s WHERE seal = m), d AS (DELETE FROM hoopguard.session USING s WHERE seal = m),
	e AS (DELETE FROM hoopguard.statement t USING s WHERE seal = m RETURNING t.statement_id),
	f AS (DELETE FROM hoopguard.lineage_edge l USING e WHERE l.statement_id = e.statement_id),
	g AS (DELETE FROM hoopguard.lineage_dataset l USING e WHERE l.statement_id = e.statement_id)
	DELETE FROM hoopguard.seal USING s WHERE seal_id = m');

-- expected: inserted
SELECT ok, fault FROM try('INSERT INTO hoopguard._event SELECT (e).* FROM (SELECT jsonb_populate_record(e, ''{"event_id":17}'') AS e FROM hoopguard._event e ORDER BY event_id DESC LIMIT 1) x');
SELECT ok, fault FROM try('INSERT INTO hoopguard.note VALUES (1, now(), 1, ''x'')');
SELECT ok, fault FROM try('INSERT INTO hoopguard.lineage_edge (statement_id, masked) VALUES (1, true)');

-- expected: reordered
SELECT ok, fault FROM try('UPDATE hoopguard._event e SET event_id = f.b FROM (SELECT min(event_id) AS a, max(event_id) AS b FROM hoopguard.event
	WHERE seal = (SELECT seal FROM hoopguard.event GROUP BY 1 HAVING count(*) > 1 ORDER BY count(*) DESC LIMIT 1)
	UNION ALL SELECT max(event_id), min(event_id) FROM hoopguard.event
	WHERE seal = (SELECT seal FROM hoopguard.event GROUP BY 1 HAVING count(*) > 1 ORDER BY count(*) DESC LIMIT 1)) f WHERE e.event_id = f.a');

-- an exported seal: of another chain, beyond the end, and what is none
SELECT ok, fault FROM hoopguard.verify_audit(jsonb_set(:'exported', '{hash}', to_jsonb(repeat('0', 64))));
SELECT ok, fault FROM hoopguard.verify_audit(jsonb_set(:'exported', '{seal_id}', '999999'));
SELECT hoopguard.verify_audit('{"seal_id":1}');
SELECT hoopguard.verify_audit('[]');

-- neither the agent nor an administrator; an auditor may
CREATE ROLE regress_hoopguard_seal_admin;
CREATE ROLE regress_hoopguard_seal_auditor;
SELECT hoopguard.grant_admin('regress_hoopguard_seal_admin');
SELECT hoopguard.grant_auditor('regress_hoopguard_seal_auditor');
SET ROLE regress_hoopguard_seal_auditor;
SELECT ok FROM hoopguard.verify_audit();
SELECT hoopguard.export_seal() IS NOT NULL;
DELETE FROM hoopguard.seal;
SELECT hoopguard._verify_audit(1, NULL);
RESET ROLE;
SET ROLE regress_hoopguard_seal_admin;
SELECT ok FROM hoopguard.verify_audit();
DELETE FROM hoopguard.seal;
RESET ROLE;
\c - regress_hoopguard_sealed
SELECT ok FROM hoopguard.verify_audit();
SELECT hoopguard.export_seal();
\c - :dba

-- the auditor's own computation, with nothing of ours
SELECT count(*) > 0 AS seals, bool_and(s.hash = sha256('\x0008'::bytea
	|| bytea '\x00000020' || coalesce(p.hash, decode(repeat('00', 32), 'hex'))
	|| bytea '\x00000008' || int8send(s.seal_id)
	|| bytea '\x00000008' || timestamptz_send(s.at)
	|| coalesce(bytea '\x00000008' || timestamptz_send(s.period_from), '\xffffffff')
	|| coalesce(bytea '\x00000008' || timestamptz_send(s.period_to), '\xffffffff')
	|| bytea '\x00000008' || int8send(s.rows)
	|| bytea '\x00000020' || s.rows_hash
	|| int4send(length(s.marks)) || s.marks)) AS follow
FROM hoopguard.seal s LEFT JOIN hoopguard.seal p ON p.seal_id = s.seal_id - 1;

\c :home
DROP DATABASE regress_hoopguard_seal;
DROP ROLE regress_hoopguard_sealed, regress_hoopguard_seal_admin, regress_hoopguard_seal_auditor;
