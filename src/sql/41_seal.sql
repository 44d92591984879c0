/*
 * 41_seal.sql
 *	  A chain of hashes over the record, which shows what was done to it later.
 *
 * Each transaction of the recorder writes its seals.  A seal covers the rows
 * that name it.  The table is in 40_record.sql, because events show its time.  docs/auditor.md describes the bytes that are hashed.
 */

CREATE FUNCTION hoopguard._digest(VARIADIC "any") RETURNS bytea
AS 'MODULE_PATHNAME', 'hoopguard__digest'
LANGUAGE C STABLE PARALLEL SAFE;
REVOKE ALL ON FUNCTION hoopguard._digest(VARIADIC "any") FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._digest(VARIADIC "any") IS
	'SHA-256 of the arguments as COPY BINARY writes a row of them';

-- What is sealed of each row; record_store.c computes the same when it
-- stores.  kind: event, note, outcome, session, statement (t).
CREATE VIEW hoopguard._sealed_row AS
SELECT e.seal, 'e'::"char" AS kind, e.event_id AS id,
	hoopguard._digest(e.parent_id, e.level, e.session_id, e.statement_id,
		e.at, e.subject, e.session_role, e.effective_role, e.intent,
		e.traceparent, e.command, e.verdict, e.rule_id, e.approval_id,
		e.masked_columns, e.rows_returned, e.rows_affected, e.bytes_returned,
		e.duration_us, e.sqlstate, e.xid, e.txn, e.rows_written, e.probes,
		e.scrubbed) AS digest
FROM hoopguard.event e
UNION ALL
SELECT n.seal, 'n', n.note_id,
	hoopguard._digest(n.at, n.session_id, n.kind, n.detail)
FROM hoopguard.note n
UNION ALL
SELECT o.seal, 'o', o.session_id,
	hoopguard._digest(o.txn, o.xid, o.committed, o.lsn, o.at)
FROM hoopguard.outcome o
UNION ALL
SELECT s.seal, 's', s.session_id,
	hoopguard._digest(s.started_at, s.login_role, s.database_name,
		s.client_addr, s.client_port, s.application_name, s.backend_pid,
		s.backend_type)
FROM hoopguard.session s
UNION ALL
SELECT t.seal, 't', t.statement_id,
	hoopguard._digest(t.fingerprint, t.first_seen, t.command, t.text,
		t.text_length,
		(SELECT pg_catalog.sha256(pg_catalog.string_agg(x.digest, ''
				ORDER BY x.digest))
			FROM (SELECT hoopguard._digest(l.source_schema, l.source_relation,
					l.source_column, l.target_schema, l.target_relation,
					l.target_column, l.kind, l.subtype, l.masked) AS digest
				FROM hoopguard.lineage_edge l
				WHERE l.statement_id OPERATOR(pg_catalog.=) t.statement_id) x),
		(SELECT pg_catalog.sha256(pg_catalog.string_agg(x.digest, ''
				ORDER BY x.digest))
			FROM (SELECT hoopguard._digest(d.schema_name, d.relation_name,
					d.access) AS digest
				FROM hoopguard.lineage_dataset d
				WHERE d.statement_id OPERATOR(pg_catalog.=) t.statement_id) x))
FROM hoopguard.statement t
UNION ALL
-- edges and datasets of no statement, which nobody recorded
SELECT NULL, 'l', l.statement_id, hoopguard._digest(l.statement_id)
FROM hoopguard.lineage_edge l
WHERE NOT EXISTS (SELECT FROM hoopguard.statement t
	WHERE t.statement_id OPERATOR(pg_catalog.=) l.statement_id)
UNION ALL
SELECT NULL, 'd', d.statement_id, hoopguard._digest(d.statement_id)
FROM hoopguard.lineage_dataset d
WHERE NOT EXISTS (SELECT FROM hoopguard.statement t
	WHERE t.statement_id OPERATOR(pg_catalog.=) d.statement_id);
REVOKE ALL ON hoopguard._sealed_row FROM PUBLIC;
COMMENT ON VIEW hoopguard._sealed_row IS
	'each recorded row with its seal and digest';

CREATE FUNCTION hoopguard._verify_audit(seal_id bigint, hash bytea)
RETURNS TABLE (ok boolean, fault text, seal_id bigint, at timestamptz,
	what text)
AS 'MODULE_PATHNAME', 'hoopguard__verify_audit'
LANGUAGE C VOLATILE;
REVOKE ALL ON FUNCTION hoopguard._verify_audit(bigint, bytea) FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._verify_audit(bigint, bytea) IS
	'verify_audit() itself';

-- As its owner, since it reads with functions that auditors do not need.
CREATE FUNCTION hoopguard.verify_audit(exported jsonb DEFAULT NULL)
RETURNS TABLE (ok boolean, fault text, seal_id bigint, at timestamptz,
	what text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF exported IS NOT NULL AND (jsonb_typeof(exported) <> 'object'
		OR coalesce(exported ->> 'seal_id', '') !~ '^[0-9]{1,18}$'
		OR coalesce(exported ->> 'hash', '') !~ '^[0-9a-f]{64}$') THEN
		RAISE EXCEPTION 'invalid exported seal'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give what hoopguard.export_seal() returned.';
	END IF;
	RETURN QUERY SELECT * FROM hoopguard._verify_audit(
		(exported ->> 'seal_id')::bigint, decode(exported ->> 'hash', 'hex'));
END $$;
REVOKE ALL ON FUNCTION hoopguard.verify_audit(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION hoopguard.verify_audit(jsonb) IS
'check the record against its seals, and against a seal that export_seal() gave before: one row if all is well, else a row for each fault';

CREATE FUNCTION hoopguard._flushed_seal() RETURNS bigint
AS 'MODULE_PATHNAME', 'hoopguard__flushed_seal'
LANGUAGE C STABLE PARALLEL RESTRICTED;
REVOKE ALL ON FUNCTION hoopguard._flushed_seal() FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._flushed_seal() IS
'the last seal of the recorder that runs, now on disk';

-- What leaves the server has to be there after a crash.
CREATE FUNCTION hoopguard.export_seal() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('database', current_database(),
		'seal_id', s.seal_id, 'at', s.at, 'hash', encode(s.hash, 'hex'))
	FROM hoopguard.seal s
	WHERE s.seal_id <= coalesce(hoopguard._flushed_seal(), s.seal_id)
	ORDER BY s.seal_id DESC LIMIT 1
$$;
REVOKE ALL ON FUNCTION hoopguard.export_seal() FROM PUBLIC;
COMMENT ON FUNCTION hoopguard.export_seal() IS
'the last seal, to be kept where nobody of this server can change it; NULL if there is none';

/*
 * Nobody is granted a write to the views event and outcome.  A superuser who
 * writes to them finds them like the tables behind them; what he does shows
 * in verify_audit().
 */
CREATE FUNCTION hoopguard._event_written() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	was		hoopguard._event;
	nulls	int;
	key		bytea;
BEGIN
	IF TG_OP <> 'INSERT' THEN
		DELETE FROM hoopguard._event e
		WHERE e.event_id = OLD.event_id AND e.at = OLD.at RETURNING e.* INTO was;
	END IF;
	IF TG_OP = 'DELETE' THEN
		RETURN OLD;
	END IF;
	nulls := (NEW.duration_us IS NULL)::int + (NEW.rows_returned IS NULL)::int * 2
		+ (NEW.rows_affected IS NULL)::int * 4
		+ (NEW.rows_written IS NULL)::int * 8
		+ (NEW.bytes_returned IS NULL)::int * 16
		+ (NEW.probes IS NULL)::int * 32 + (NEW.scrubbed IS NULL)::int * 64;
	key := hoopguard._digest(NEW.level, NEW.subject, NEW.session_role,
		NEW.effective_role, NEW.intent, NEW.command, NEW.verdict, NEW.rule_id,
		NEW.masked_columns, NEW.sqlstate, nulls);
	INSERT INTO hoopguard._context (level, subject, session_role,
		effective_role, intent, command, verdict, rule_id, masked_columns,
		sqlstate, unknown, digest)
	VALUES (NEW.level, NEW.subject, NEW.session_role, NEW.effective_role,
		NEW.intent, NEW.command, NEW.verdict, NEW.rule_id, NEW.masked_columns,
		NEW.sqlstate, nulls, key)
	ON CONFLICT DO NOTHING;
	INSERT INTO hoopguard._event (event_id, at, session_id, txn, statement_id,
		seal, context_id, end_us, committed, parent_id, xid, lsn, approval_id,
		traceparent, wide)
	SELECT NEW.event_id, NEW.at, NEW.session_id, NEW.txn, NEW.statement_id,
		NEW.seal, c.context_id, was.end_us, was.committed, NEW.parent_id,
		NEW.xid, was.lsn, NEW.approval_id, NEW.traceparent,
		ARRAY[NEW.duration_us, NEW.rows_returned, NEW.rows_affected,
			NEW.rows_written, NEW.bytes_returned, NEW.probes, NEW.scrubbed]
	FROM hoopguard._context c WHERE c.digest = key;
	RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION hoopguard._event_written() FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._event_written() IS
	'a superuser''s write to the view event';
CREATE TRIGGER written INSTEAD OF INSERT OR UPDATE OR DELETE
ON hoopguard.event
FOR EACH ROW EXECUTE FUNCTION hoopguard._event_written();

CREATE FUNCTION hoopguard._outcome_written() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP <> 'INSERT' THEN
		DELETE FROM hoopguard._outcome o
		WHERE o.session_id = OLD.session_id AND o.txn = OLD.txn;
		UPDATE hoopguard._event e
		SET end_us = NULL, committed = NULL, lsn = NULL
		WHERE e.session_id = OLD.session_id AND e.txn = OLD.txn
			AND e.end_us IS NOT NULL;
	END IF;
	IF TG_OP = 'DELETE' THEN
		RETURN OLD;
	END IF;
	INSERT INTO hoopguard._outcome (session_id, txn, at, seal, xid, lsn,
		committed)
	VALUES (NEW.session_id, NEW.txn, NEW.at, NEW.seal, NEW.xid, NEW.lsn,
		NEW.committed);
	RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION hoopguard._outcome_written() FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._outcome_written() IS
	'a superuser''s write to the view outcome';
CREATE TRIGGER written INSTEAD OF INSERT OR UPDATE OR DELETE
ON hoopguard.outcome
FOR EACH ROW EXECUTE FUNCTION hoopguard._outcome_written();
