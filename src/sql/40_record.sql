/*
 * 40_record.sql
 *	  What happened: tables that only the recorder writes, and the views that
 *	  auditors read.
 *
 * Nobody is granted anything but SELECT, and that by grant_auditor().  No
 * triggers and no constraints but keys and partition bounds: the recorder
 * inserts past the executor (see src/record/record_store.c, which knows the
 * order of the columns of _event and _outcome).
 */

CREATE TABLE hoopguard.session (
	session_id bigint PRIMARY KEY,
	started_at timestamptz NOT NULL,
	login_role text,
	database_name text,
	client_addr text,
	client_port integer,
	application_name text,
	backend_pid integer,
	backend_type text,
	seal bigint
);
COMMENT ON TABLE hoopguard.session IS
	'One row per recorded session, with its login data.';

CREATE TABLE hoopguard.statement (
	statement_id bigint PRIMARY KEY,
	fingerprint bigint,
	command text,
	text text,
	text_length bigint,
	first_seen timestamptz,
	seal bigint
);
CREATE INDEX statement_fingerprint_idx
	ON hoopguard.statement (fingerprint);
COMMENT ON TABLE hoopguard.statement IS
	'Normalised statements without literals, each stored once.';

CREATE TABLE hoopguard.lineage_edge (
	statement_id bigint NOT NULL,
	source_schema text,
	source_relation text,
	source_column text,
	target_schema text,
	target_relation text,
	target_column text,
	kind text,
	subtype text,
	masked boolean NOT NULL
);
CREATE INDEX lineage_edge_statement_idx
	ON hoopguard.lineage_edge (statement_id);
CREATE INDEX lineage_edge_source_idx
	ON hoopguard.lineage_edge (source_relation, source_column);
CREATE INDEX lineage_edge_target_idx
	ON hoopguard.lineage_edge (target_relation, target_column);
COMMENT ON TABLE hoopguard.lineage_edge IS
	'Column lineage of each statement; target_relation result is what the client got.';

CREATE TABLE hoopguard.lineage_dataset (
	statement_id bigint NOT NULL,
	schema_name text,
	relation_name text,
	access text NOT NULL
);
CREATE INDEX lineage_dataset_statement_idx
	ON hoopguard.lineage_dataset (statement_id);
CREATE INDEX lineage_dataset_relation_idx
	ON hoopguard.lineage_dataset (relation_name, schema_name);
COMMENT ON COLUMN hoopguard.lineage_dataset.access IS
	'read or write; rule read or rule write where a rewrite rule did it; source or sink for the file, program or client stream of COPY (schema_name NULL)';
COMMENT ON TABLE hoopguard.lineage_dataset IS
	'Relations and files that each statement reads or writes.';

/* What many events have in common; unknown: bits of counts that are NULL. */
CREATE TABLE hoopguard._context (
	context_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	level integer NOT NULL,
	subject text,
	session_role text,
	effective_role text,
	intent text,
	command text,
	verdict text,
	rule_id integer,
	masked_columns text[],
	sqlstate text,
	unknown integer NOT NULL,
	digest bytea NOT NULL UNIQUE
);
REVOKE ALL ON hoopguard._context FROM PUBLIC;
COMMENT ON TABLE hoopguard._context IS
	'what events have in common, each combination once';

/*
 * Events, narrow: a count of 0 is NULL, and where one needs more than four
 * bytes all are in wide, in the order of their columns.  end_us, committed and
 * lsn are the outcome of a transaction that had this event only.  latest: of
 * its statement's events that were stored together, this is the latest; the
 * recorder has NULL for the others.
 */
CREATE TABLE hoopguard._event (
	event_id bigint NOT NULL,
	at timestamptz NOT NULL,
	session_id bigint NOT NULL,
	txn bigint NOT NULL,
	statement_id bigint,
	seal bigint,
	context_id integer NOT NULL,
	duration_us integer,
	rows_returned integer,
	rows_affected integer,
	rows_written integer,
	bytes_returned integer,
	probes integer,
	scrubbed integer,
	end_us integer,
	committed boolean,
	parent_id bigint,
	xid xid8,
	lsn pg_lsn,
	approval_id uuid,
	traceparent text,
	wide bigint[],
	latest boolean DEFAULT true
) PARTITION BY RANGE (at);
CREATE INDEX _event_statement_idx ON hoopguard._event (statement_id, at)
	WHERE latest;
CREATE INDEX _event_event_idx ON hoopguard._event (event_id)
	WITH (deduplicate_items = off);
CREATE INDEX _event_brin_idx ON hoopguard._event
	USING brin (at, session_id, seal) WITH (pages_per_range = 32, autosummarize);
REVOKE ALL ON hoopguard._event FROM PUBLIC;
COMMENT ON TABLE hoopguard._event IS
	'events as they are stored; read the view event';

/* Weeks are added by the recorder; this takes what fits none. */
CREATE TABLE hoopguard.event_default PARTITION OF hoopguard._event DEFAULT;

CREATE TABLE hoopguard._outcome (
	session_id bigint NOT NULL,
	txn bigint NOT NULL,
	at timestamptz NOT NULL,
	seal bigint,
	xid xid8,
	lsn pg_lsn,
	committed boolean
) PARTITION BY RANGE (at);
CREATE INDEX _outcome_txn_idx ON hoopguard._outcome (session_id, txn);
REVOKE ALL ON hoopguard._outcome FROM PUBLIC;
COMMENT ON TABLE hoopguard._outcome IS
	'outcomes of transactions with several events; read the view outcome';
CREATE TABLE hoopguard.outcome_default PARTITION OF hoopguard._outcome
	DEFAULT;

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
	'of events and outcomes: the week that they are in; retention removes it as a whole';
COMMENT ON COLUMN hoopguard.seal.marks IS
	'the first four bytes of the digest of each row, in order';

CREATE VIEW hoopguard._event_full AS
SELECT e.event_id,
	e.parent_id,
	c.level,
	e.session_id,
	e.statement_id,
	e.at,
	c.subject,
	c.session_role,
	c.effective_role,
	c.intent,
	e.traceparent,
	c.command,
	c.verdict,
	c.rule_id,
	e.approval_id,
	c.masked_columns,
	CASE WHEN c.unknown OPERATOR(pg_catalog.&) 2 OPERATOR(pg_catalog.=) 0
		THEN coalesce(e.wide[2], e.rows_returned, 0) END AS rows_returned,
	CASE WHEN c.unknown OPERATOR(pg_catalog.&) 4 OPERATOR(pg_catalog.=) 0
		THEN coalesce(e.wide[3], e.rows_affected, 0) END AS rows_affected,
	CASE WHEN c.unknown OPERATOR(pg_catalog.&) 16 OPERATOR(pg_catalog.=) 0
		THEN coalesce(e.wide[5], e.bytes_returned, 0) END AS bytes_returned,
	CASE WHEN c.unknown OPERATOR(pg_catalog.&) 1 OPERATOR(pg_catalog.=) 0
		THEN coalesce(e.wide[1], e.duration_us, 0) END AS duration_us,
	c.sqlstate,
	e.xid,
	e.txn,
	CASE WHEN c.unknown OPERATOR(pg_catalog.&) 8 OPERATOR(pg_catalog.=) 0
		THEN coalesce(e.wide[4], e.rows_written, 0) END AS rows_written,
	CASE WHEN c.unknown OPERATOR(pg_catalog.&) 32 OPERATOR(pg_catalog.=) 0
		THEN coalesce(e.wide[6], e.probes, 0) END AS probes,
	CASE WHEN c.unknown OPERATOR(pg_catalog.&) 64 OPERATOR(pg_catalog.=) 0
		THEN coalesce(e.wide[7], e.scrubbed, 0) END AS scrubbed,
	e.seal,
	e.committed,
	e.at OPERATOR(pg_catalog.+) (e.end_us OPERATOR(pg_catalog.*)
		'1 microsecond'::pg_catalog.interval) AS ended_at,
	e.lsn
FROM hoopguard._event e
	LEFT JOIN hoopguard._context c
		ON c.context_id OPERATOR(pg_catalog.=) e.context_id;
REVOKE ALL ON hoopguard._event_full FROM PUBLIC;
COMMENT ON VIEW hoopguard._event_full IS
	'events, with the outcome where it is in the same row';

CREATE VIEW hoopguard.event AS
SELECT e.event_id, e.parent_id, e.level, e.session_id, e.statement_id, e.at,
	e.subject, e.session_role, e.effective_role, e.intent, e.traceparent,
	e.command, e.verdict, e.rule_id, e.approval_id, e.masked_columns,
	e.rows_returned, e.rows_affected, e.bytes_returned, e.duration_us,
	e.sqlstate, e.xid, e.txn, s.at AS recorded_at, e.rows_written, e.probes,
	e.scrubbed, e.seal
FROM hoopguard._event_full e
	LEFT JOIN hoopguard.seal s ON s.seal_id OPERATOR(pg_catalog.=) e.seal;
COMMENT ON COLUMN hoopguard.event.rows_written IS
	'level 0: rows written to persistent tables, with triggers, cascades, WITH and COPY';
COMMENT ON VIEW hoopguard.event IS
	'One row per statement that ran or was refused; level 0 is what the client sent.';

CREATE VIEW hoopguard.outcome AS
SELECT o.session_id, o.txn, o.xid, o.committed, o.lsn, o.at, o.seal
FROM hoopguard._outcome o
UNION ALL
SELECT e.session_id, e.txn, e.xid, e.committed, e.lsn,
	e.at OPERATOR(pg_catalog.+) (e.end_us OPERATOR(pg_catalog.*)
		'1 microsecond'::pg_catalog.interval), e.seal
FROM hoopguard._event e
WHERE e.end_us IS NOT NULL;
COMMENT ON VIEW hoopguard.outcome IS
	'How each transaction ended; committed is NULL for one that was prepared, which a row of session 0 with its xid for txn tells the end of.';

CREATE TABLE hoopguard.note (
	note_id bigint PRIMARY KEY,
	at timestamptz NOT NULL,
	session_id bigint,
	kind text NOT NULL,
	detail jsonb,
	seal bigint
);
CREATE INDEX note_kind_idx ON hoopguard.note (kind, at);
CREATE INDEX note_session_idx ON hoopguard.note (session_id, kind);
CREATE INDEX note_literals_idx ON hoopguard.note
	(((detail OPERATOR(pg_catalog.->>) 'event_id')::pg_catalog.int8))
	WHERE kind OPERATOR(pg_catalog.=) 'literals';
COMMENT ON TABLE hoopguard.note IS
	'Policy changes, approval steps, ends of sessions, values of statements.';

CREATE VIEW hoopguard.literal AS
SELECT (n.detail OPERATOR(pg_catalog.->>) 'event_id')::pg_catalog.int8
		AS event_id,
	n.at,
	n.session_id,
	v."position",
	v."column" AS column_name,
	v.class,
	v.value,
	v.withheld IS TRUE AS withheld,
	v.length
FROM hoopguard.note n
	CROSS JOIN LATERAL pg_catalog.jsonb_to_recordset(
		n.detail OPERATOR(pg_catalog.->) 'values') AS v("position" integer,
		"column" text, class text, value text, withheld boolean,
		length integer)
WHERE n.kind OPERATOR(pg_catalog.=) 'literals';
COMMENT ON VIEW hoopguard.literal IS
	'Values of statements by subjects with record_literals; position: the $n of the recorded text, 0 if not known; length: bytes of a value that was cut.';

CREATE VIEW hoopguard.rolled_back AS
SELECT n.session_id,
	(n.detail OPERATOR(pg_catalog.->>) 'txn')::pg_catalog.int8 AS txn,
	(n.detail OPERATOR(pg_catalog.->>) 'first_event')::pg_catalog.int8
		AS first_event,
	(n.detail OPERATOR(pg_catalog.->>) 'last_event')::pg_catalog.int8
		AS last_event,
	n.at
FROM hoopguard.note n
WHERE n.kind OPERATOR(pg_catalog.=) 'rolled_back';
COMMENT ON VIEW hoopguard.rolled_back IS
	'Savepoints and exception blocks that were rolled back: the session''s events in this range took no effect.';

/* Of sessions that live, or died with the server and are seen to at once. */
CREATE TABLE hoopguard.intent (
	event_id bigint PRIMARY KEY,
	session_id bigint NOT NULL,
	at timestamptz NOT NULL,
	record bytea NOT NULL
);
COMMENT ON TABLE hoopguard.intent IS
	'audit_durability = strict: statements that were about to run; the recorder makes an event of each that a crash cut off.';

/*
 * outcome: in words what became of the event.  A transaction without an
 * outcome row (running, or lost in a crash) and a prepared one are asked for
 * by id.  No function of our own in here: a view does not lend its owner's
 * right to execute.  Of core's, pg_xact_status() is volatile: in the list of
 * columns it would keep the planner from joining into the view, so it is asked
 * in a subquery of its own.  Seven relations, and what is joined to them, are
 * about what join_collapse_limit takes.
 */
CREATE VIEW hoopguard.activity AS
SELECT e.event_id,
	e.at,
	e.session_id,
	e.subject,
	e.session_role,
	e.effective_role,
	s.client_addr,
	s.application_name,
	e.command,
	t.text,
	e.verdict,
	e.rule_id,
	e.approval_id,
	e.masked_columns,
	e.rows_returned,
	e.rows_affected,
	e.duration_us,
	e.sqlstate,
	CASE
		WHEN e.verdict OPERATOR(pg_catalog.=) 'deny' THEN 'denied'
		WHEN e.sqlstate OPERATOR(pg_catalog.<>) '00000' THEN 'rolled back'
		WHEN e.sqlstate IS NULL THEN 'unknown'
		WHEN e.command OPERATOR(pg_catalog.<>) 'TRANSACTION'
			AND EXISTS (SELECT FROM hoopguard.rolled_back r
			WHERE r.session_id OPERATOR(pg_catalog.=) e.session_id
				AND r.txn OPERATOR(pg_catalog.=) e.txn
				AND e.event_id OPERATOR(pg_catalog.>=) r.first_event
				AND e.event_id OPERATOR(pg_catalog.<=) r.last_event)
			THEN 'rolled back'
		WHEN coalesce(e.committed, o.committed) THEN 'committed'
		WHEN NOT coalesce(e.committed, o.committed) THEN 'rolled back'
		WHEN o.session_id IS NOT NULL AND EXISTS (
			SELECT FROM hoopguard._outcome p
			WHERE p.session_id OPERATOR(pg_catalog.=) 0
				AND p.txn OPERATOR(pg_catalog.=) o.xid::text::int8
				AND p.at OPERATOR(pg_catalog.>=) o.at AND p.committed)
			THEN 'committed'
		WHEN x.status OPERATOR(pg_catalog.=) 'committed' THEN 'committed'
		WHEN x.status OPERATOR(pg_catalog.=) 'aborted' THEN 'rolled back'
		WHEN o.session_id IS NOT NULL AND EXISTS (
			SELECT FROM hoopguard._outcome p
			WHERE p.session_id OPERATOR(pg_catalog.=) 0
				AND p.txn OPERATOR(pg_catalog.=) o.xid::text::int8
				AND p.at OPERATOR(pg_catalog.>=) o.at)
			THEN 'rolled back'
		WHEN o.session_id IS NOT NULL THEN 'prepared'
		WHEN e.at OPERATOR(pg_catalog.<)
			pg_catalog.pg_postmaster_start_time()
			OR e.session_id OPERATOR(pg_catalog.<) (
			SELECT max((n.detail OPERATOR(pg_catalog.->>)
				'first_session')::pg_catalog.int8)
			FROM hoopguard.note n
			WHERE n.kind OPERATOR(pg_catalog.=) 'server_start') THEN 'unknown'
		ELSE 'in progress'
	END AS outcome,
	e.intent,
	e.parent_id,
	e.level,
	e.statement_id,
	e.txn,
	e.traceparent,
	e.bytes_returned,
	s.backend_pid,
	coalesce(e.ended_at,
		CASE WHEN o.session_id IS NOT NULL AND o.committed IS NULL THEN
			(SELECT min(p.at) FROM hoopguard._outcome p
			WHERE p.session_id OPERATOR(pg_catalog.=) 0
				AND p.txn OPERATOR(pg_catalog.=) o.xid::text::int8
				AND p.at OPERATOR(pg_catalog.>=) o.at) END,
		o.at) AS ended_at,
	coalesce(e.lsn, o.lsn,
		CASE WHEN o.session_id IS NOT NULL AND o.committed IS NULL THEN
			(SELECT min(p.lsn) FROM hoopguard._outcome p
			WHERE p.session_id OPERATOR(pg_catalog.=) 0
				AND p.txn OPERATOR(pg_catalog.=) o.xid::text::int8
				AND p.at OPERATOR(pg_catalog.>=) o.at) END) AS lsn,
	e.rows_written,
	e.probes,
	e.scrubbed
FROM hoopguard._event_full e
	LEFT JOIN hoopguard.session s
		ON s.session_id OPERATOR(pg_catalog.=) e.session_id
	LEFT JOIN hoopguard.statement t
		ON t.statement_id OPERATOR(pg_catalog.=) e.statement_id
	LEFT JOIN hoopguard._outcome o
		ON o.session_id OPERATOR(pg_catalog.=) e.session_id
		AND o.txn OPERATOR(pg_catalog.=) e.txn
		AND o.at OPERATOR(pg_catalog.>=) (e.at OPERATOR(pg_catalog.-)
			'1 day'::pg_catalog.interval)
		AND e.committed IS NULL
	LEFT JOIN LATERAL (SELECT CASE
			WHEN coalesce(e.committed, o.committed) IS NULL
			AND coalesce(o.xid, e.xid) OPERATOR(pg_catalog.<)
			pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())
			THEN pg_catalog.pg_xact_status(coalesce(o.xid, e.xid)) END) x(status)
		ON true;
COMMENT ON VIEW hoopguard.activity IS
	'Who did what, when, from where, with what verdict and outcome.';

/* Logins: those that succeeded have a session, others the reason why not. */
CREATE VIEW hoopguard.login AS
SELECT s.started_at AS at,
	s.login_role AS role,
	s.database_name,
	s.client_addr,
	s.application_name,
	'00000' AS sqlstate,
	s.session_id,
	x.at AS ended_at,
	x.detail OPERATOR(pg_catalog.->>) 'sqlstate' AS ended_by
FROM hoopguard.session s
	LEFT JOIN hoopguard.note x
		ON x.session_id OPERATOR(pg_catalog.=) s.session_id
		AND x.kind OPERATOR(pg_catalog.=) 'session_end'
WHERE s.backend_type IN ('client backend', 'walsender')
UNION ALL
SELECT f.at,
	f.detail OPERATOR(pg_catalog.->>) 'role',
	f.detail OPERATOR(pg_catalog.->>) 'database',
	f.detail OPERATOR(pg_catalog.->>) 'client_addr',
	NULL,
	f.detail OPERATOR(pg_catalog.->>) 'sqlstate',
	NULL, NULL, NULL
FROM hoopguard.note f
WHERE f.kind OPERATOR(pg_catalog.=) 'login_failed';
COMMENT ON VIEW hoopguard.login IS
	'Logins with their end, and those that failed with their SQLSTATE.';

CREATE VIEW hoopguard.lineage AS
SELECT l.source_schema,
	l.source_relation,
	l.source_column,
	l.target_schema,
	l.target_relation,
	l.target_column,
	l.kind,
	l.subtype,
	l.masked,
	l.statement_id,
	a.event_id,
	a.at,
	a.session_id,
	a.subject,
	a.session_role,
	a.command,
	a.outcome,
	a.text
FROM hoopguard.lineage_edge l
	LEFT JOIN LATERAL (
		SELECT e.event_id, e.at
		FROM hoopguard._event e
		WHERE e.statement_id OPERATOR(pg_catalog.=) l.statement_id
			AND e.latest
		ORDER BY e.at DESC, e.event_id DESC
		LIMIT 1) k ON true
	LEFT JOIN LATERAL (
		SELECT x.event_id, x.at, x.session_id, x.subject, x.session_role,
			x.command, x.outcome, x.text
		FROM hoopguard.activity x
		WHERE x.event_id OPERATOR(pg_catalog.=) k.event_id
			AND x.at OPERATOR(pg_catalog.=) k.at
		LIMIT 1) a ON true;
COMMENT ON VIEW hoopguard.lineage IS
	'Column lineage with the event that last used it.';

CREATE FUNCTION hoopguard.flush(timeout interval DEFAULT '10 s')
RETURNS boolean
AS 'MODULE_PATHNAME', 'hoopguard_flush'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
REVOKE ALL ON FUNCTION hoopguard.flush(interval) FROM PUBLIC;
COMMENT ON FUNCTION hoopguard.flush(interval) IS
	'Wait until all that was recorded before is readable; false if it takes longer.';

-- In PL/pgSQL, which plans for the relation and the time at hand.
CREATE FUNCTION hoopguard.touched(relation regclass, since interval)
RETURNS TABLE (event_id bigint, at timestamptz, session_id bigint,
	subject text, session_role text, command text, access text,
	rows_returned bigint, rows_affected bigint, verdict text, outcome text,
	text text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT a.event_id, a.at, a.session_id, a.subject, a.session_role,
		a.command, d.access, a.rows_returned, a.rows_affected, a.verdict,
		a.outcome, a.text
	FROM hoopguard.lineage_dataset d
		JOIN hoopguard.activity a ON a.statement_id = d.statement_id
	WHERE d.relation_name = (SELECT c.relname::text FROM pg_catalog.pg_class c
			WHERE c.oid = touched.relation)
		AND d.schema_name = (SELECT n.nspname::text
			FROM pg_catalog.pg_class c
				JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE c.oid = touched.relation)
		AND a.at >= pg_catalog.now() - touched.since
	ORDER BY a.at, a.event_id;
END $$;
REVOKE ALL ON FUNCTION hoopguard.touched(regclass, interval) FROM PUBLIC;
COMMENT ON FUNCTION hoopguard.touched(regclass, interval) IS
	'Events that read or wrote a relation since so long ago.';

CREATE FUNCTION hoopguard._record_status()
RETURNS TABLE (item text, value text, ok boolean)
AS 'MODULE_PATHNAME', 'hoopguard__record_status'
LANGUAGE C VOLATILE PARALLEL RESTRICTED;
REVOKE ALL ON FUNCTION hoopguard._record_status() FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._record_status() IS
	'Lanes, launcher and recorders as status() shows them.';
