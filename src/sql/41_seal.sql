/*
 * 41_seal.sql
 *	  A chain of hashes over the record, which shows what was done to it later.
 *
 * Each transaction of the recorder writes its seals.  A seal covers the rows
 * that name it.  docs/auditor.md describes the bytes that are hashed.
 */

CREATE TABLE hoopguard.seal (
	seal_id bigint PRIMARY KEY,
	at timestamptz NOT NULL,
	period_from timestamptz,
	period_to timestamptz,
	rows bigint NOT NULL,
	rows_hash bytea NOT NULL,
	marks bytea NOT NULL,
	hash bytea NOT NULL
);
ALTER TABLE hoopguard.seal ALTER marks SET STORAGE EXTERNAL;
COMMENT ON TABLE hoopguard.seal IS
	'A chain of hashes over what was recorded; verify_audit() checks it.';
COMMENT ON COLUMN hoopguard.seal.period_from IS
	'of events and outcomes: the partition that they are in; retention removes it as a whole';
COMMENT ON COLUMN hoopguard.seal.marks IS
	'the first four bytes of the digest of each row, in order';

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

CREATE FUNCTION hoopguard.export_seal() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('database', current_database(),
		'seal_id', s.seal_id, 'at', s.at, 'hash', encode(s.hash, 'hex'))
	FROM hoopguard.seal s ORDER BY s.seal_id DESC LIMIT 1
$$;
REVOKE ALL ON FUNCTION hoopguard.export_seal() FROM PUBLIC;
COMMENT ON FUNCTION hoopguard.export_seal() IS
'the last seal, to be kept where nobody of this server can change it; NULL if there is none';
