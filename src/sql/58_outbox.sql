/*
 * src/sql/58_outbox.sql
 *	  What was recorded, to HTTP sinks: the queue and what is sent from it.
 *
 * The recorder, the only writer of events, queues what it stores in the same
 * transaction, so the order of the queue is the order of commits and nothing
 * that commits late is passed over.  Rows that sessions write themselves
 * (approval_log, policy_version) come through _outbox_in, from which the
 * recorder takes them once they are committed.  See src/record/outbox.c.
 */

CREATE TABLE hoopguard._sink (
	sink_id		integer GENERATED ALWAYS AS IDENTITY UNIQUE,
	name		text COLLATE "C" PRIMARY KEY CHECK (name <> ''),
	url			text NOT NULL CHECK (pg_catalog.length(url) BETWEEN 1 AND 1000),
	format		text NOT NULL CHECK (format IN ('openlineage', 'cloudevents')),
	batch		integer NOT NULL CHECK (batch BETWEEN 1 AND 1000),
	added_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
REVOKE ALL ON hoopguard._sink FROM PUBLIC;
COMMENT ON TABLE hoopguard._sink IS 'Where the outbox sends to.';

CREATE TRIGGER _policy_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hoopguard._sink
FOR EACH STATEMENT EXECUTE FUNCTION hoopguard._policy_changed();
ALTER TABLE hoopguard._sink ENABLE ALWAYS TRIGGER _policy_changed;

-- Kept by the recorder.  position: all up to it was acknowledged, skipped as
-- of no interest to the format, or is in outbox_dead_letter.
CREATE TABLE hoopguard._sink_state (
	sink_id		integer PRIMARY KEY REFERENCES hoopguard._sink (sink_id)
				ON DELETE CASCADE,
	position	bigint NOT NULL,
	at_once		integer NOT NULL DEFAULT 1,
	delivered	bigint NOT NULL DEFAULT 0,
	delivered_at timestamptz,
	failures	integer NOT NULL DEFAULT 0,
	refusals	integer NOT NULL DEFAULT 0,
	next_attempt_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	last_status	integer,
	last_error	text,
	failed_at	timestamptz
) WITH (fillfactor = 50);
REVOKE ALL ON hoopguard._sink_state FROM PUBLIC;
COMMENT ON TABLE hoopguard._sink_state IS 'How far each sink has come.';

/*
 * kind: closed (a statement whose outcome is known), open (one whose is not),
 * end (the outcome of one that was open), note, seal, approval, policy; id: of the
 * row it stands for, which for approval and policy a session has written.
 */
CREATE TABLE hoopguard._outbox (
	position	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind		text NOT NULL,
	id			bigint NOT NULL,
	at			timestamptz NOT NULL
);
REVOKE ALL ON hoopguard._outbox FROM PUBLIC;
COMMENT ON TABLE hoopguard._outbox IS
	'The queue: what some sink has not acknowledged, in the order of commits.';

CREATE TABLE hoopguard._outbox_open (
	session_id	bigint NOT NULL,
	txn			bigint NOT NULL,
	event_id	bigint NOT NULL,
	at			timestamptz NOT NULL
);
CREATE INDEX _outbox_open_idx ON hoopguard._outbox_open (session_id, txn);
REVOKE ALL ON hoopguard._outbox_open FROM PUBLIC;
COMMENT ON TABLE hoopguard._outbox_open IS
	'Statements in the queue whose transaction was not over.';

CREATE TABLE hoopguard._outbox_in (
	kind		text NOT NULL,
	id			bigint NOT NULL,
	at			timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
REVOKE ALL ON hoopguard._outbox_in FROM PUBLIC;
COMMENT ON TABLE hoopguard._outbox_in IS
	'What sessions have written themselves; the recorder moves it to the queue.';

CREATE TABLE hoopguard.outbox_dead_letter (
	sink		text NOT NULL,
	position	bigint NOT NULL,
	kind		text NOT NULL,
	id			bigint NOT NULL,
	at			timestamptz NOT NULL,
	status		integer,
	error		text,
	given_up_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
REVOKE ALL ON hoopguard.outbox_dead_letter FROM PUBLIC;
COMMENT ON TABLE hoopguard.outbox_dead_letter IS
	'What a sink refused for good (HTTP 400, 413, 422), or what could not be sent at all; the rows themselves are in the record.';

CREATE FUNCTION hoopguard._outbox_wake() RETURNS void
AS 'MODULE_PATHNAME', 'hoopguard__outbox_wake'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION hoopguard._outbox_wake() FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._outbox_wake() IS
	'have the recorder look at the outbox when this transaction has committed';

-- As its owner: sessions that write these rows have no right to the queue.
CREATE FUNCTION hoopguard._outbox_take() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM hoopguard._sink) THEN
		INSERT INTO hoopguard._outbox_in (kind, id) VALUES (TG_ARGV[0], NEW.id);
		PERFORM hoopguard._outbox_wake();
	END IF;
	RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION hoopguard._outbox_take() FROM PUBLIC;

CREATE TRIGGER _outbox_take AFTER INSERT ON hoopguard.approval_log
FOR EACH ROW EXECUTE FUNCTION hoopguard._outbox_take('approval');
ALTER TABLE hoopguard.approval_log ENABLE ALWAYS TRIGGER _outbox_take;
CREATE TRIGGER _outbox_take AFTER INSERT ON hoopguard.policy_version
FOR EACH ROW EXECUTE FUNCTION hoopguard._outbox_take('policy');
ALTER TABLE hoopguard.policy_version ENABLE ALWAYS TRIGGER _outbox_take;

/*
 * What a batch of the recorder holds, in its order; called in the batch's
 * transaction.  what: 1 an event, 2 one that was refused or failed, 3 an
 * outcome, 4 a note, 5 a seal.
 */
CREATE FUNCTION hoopguard._outbox_add(what bigint[], id bigint[],
	at timestamptz[], session_id bigint[], txn bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	WITH item AS MATERIALIZED (
		SELECT i.what, i.id, i.at, i.session, i.txn, i.n
		FROM unnest(_outbox_add.what, _outbox_add.id, _outbox_add.at,
				_outbox_add.session_id, _outbox_add.txn)
			WITH ORDINALITY AS i (what, id, at, session, txn, n)
	), fate AS (
		SELECT f.session, f.txn, min(f.n) AS n FROM item f
		WHERE f.what = 3 GROUP BY f.session, f.txn
	), late AS (
		DELETE FROM hoopguard._outbox_open o USING fate f
		WHERE o.session_id = f.session AND o.txn = f.txn
		RETURNING o.event_id, o.at, f.n
	), event AS (
		SELECT i.what, i.id, i.at, i.session, i.txn, i.n,
			i.what = 2 OR f.session IS NOT NULL AS closed
		FROM item i LEFT JOIN fate f
			ON f.session = i.session AND f.txn = i.txn
		WHERE i.what IN (1, 2)
	), unfinished AS (
		INSERT INTO hoopguard._outbox_open (session_id, txn, event_id, at)
		SELECT e.session, e.txn, e.id, e.at FROM event e WHERE NOT e.closed
	)
	INSERT INTO hoopguard._outbox (kind, id, at)
	SELECT q.kind, q.id, q.at
	FROM (SELECT CASE WHEN e.closed THEN 'closed' ELSE 'open' END AS kind,
			e.id, e.at, e.n FROM event e
		UNION ALL
		SELECT 'end', l.event_id, l.at, l.n FROM late l
		UNION ALL
		SELECT CASE i.what WHEN 4 THEN 'note' ELSE 'seal' END, i.id, i.at, i.n
		FROM item i WHERE i.what IN (4, 5)) q
	ORDER BY q.n, q.id;
END $$;
REVOKE ALL ON FUNCTION hoopguard._outbox_add(bigint[], bigint[], timestamptz[], bigint[], bigint[]) FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._outbox_add(bigint[], bigint[], timestamptz[], bigint[], bigint[]) IS
	'queue what a batch of the recorder holds';

/*
 * From time to time: committed rows of sessions into the queue, the end of
 * statements whose outcome never came (a crash), and what every sink has out
 * of it.
 */
CREATE FUNCTION hoopguard._outbox_keep(sweep boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	WITH moved AS (
		DELETE FROM hoopguard._outbox_in i RETURNING i.kind, i.id, i.at
	)
	INSERT INTO hoopguard._outbox (kind, id, at)
	SELECT m.kind, m.id, m.at FROM moved m ORDER BY m.at, m.kind, m.id;
	IF NOT sweep THEN
		RETURN;
	END IF;
	WITH over AS (
		DELETE FROM hoopguard._outbox_open o
		USING (SELECT p.event_id, p.at FROM hoopguard._outbox_open p
			WHERE p.at < now() - interval '30 s' ORDER BY p.at LIMIT 1000) p
		WHERE o.event_id = p.event_id AND o.at = p.at
			AND NOT EXISTS (SELECT FROM hoopguard.activity a
				WHERE a.event_id = p.event_id AND a.at = p.at
					AND a.outcome IN ('in progress', 'prepared'))
		RETURNING o.event_id, o.at
	)
	INSERT INTO hoopguard._outbox (kind, id, at)
	SELECT 'end', v.event_id, v.at FROM over v ORDER BY v.at, v.event_id;
	DELETE FROM hoopguard._outbox q
	WHERE q.position <= (SELECT min(s.position) FROM hoopguard._sink_state s);
	IF NOT EXISTS (SELECT FROM hoopguard._sink) THEN
		DELETE FROM hoopguard._outbox;
		DELETE FROM hoopguard._outbox_open;
	END IF;
END $$;
REVOKE ALL ON FUNCTION hoopguard._outbox_keep(boolean) FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._outbox_keep(boolean) IS 'keep the queue in order';

-- ---- what is sent ----------------------------------------------------------

CREATE FUNCTION hoopguard._outbox_cloudevent(kind text, id bigint,
	at timestamptz) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	type	text;
	data	jsonb;
	subject	text;
	iso		CONSTANT text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
	happened timestamptz := _outbox_cloudevent.at;
BEGIN
	CASE kind
	WHEN 'closed', 'open', 'end' THEN
		SELECT to_jsonb(a), a.subject INTO data, subject
		FROM hoopguard.activity a
		WHERE a.event_id = _outbox_cloudevent.id
			AND a.at = _outbox_cloudevent.at;
		IF data IS NULL THEN
			RETURN NULL;
		END IF;
		type := CASE WHEN kind = 'end' THEN 'statement.ended'
			WHEN data ->> 'verdict' = 'deny' THEN 'statement.denied'
			ELSE 'statement.recorded' END;
		-- JSON's numbers are doubles to many readers
		data := data || jsonb_build_object('event_id', data ->> 'event_id',
			'session_id', data ->> 'session_id',
			'parent_id', data ->> 'parent_id',
			'statement_id', data ->> 'statement_id',
			'text', left(data ->> 'text', 32768));
		IF kind = 'end' THEN
			data := jsonb_build_object('event_id', data -> 'event_id',
				'session_id', data -> 'session_id', 'txn', data -> 'txn',
				'outcome', data -> 'outcome', 'ended_at', data -> 'ended_at',
				'lsn', data -> 'lsn');
			happened := coalesce((data ->> 'ended_at')::timestamptz, happened);
		END IF;
	WHEN 'note' THEN
		SELECT CASE n.kind WHEN 'session_end' THEN 'session.ended'
				ELSE 'note.' || n.kind END,
			coalesce(n.detail, '{}') || jsonb_build_object('session_id',
				n.session_id::text)
		INTO type, data
		FROM hoopguard.note n
		WHERE n.note_id = _outbox_cloudevent.id AND n.kind <> 'literals';
	WHEN 'seal' THEN
		-- the form of export_seal(), to be given to verify_audit()
		SELECT 'audit.sealed', jsonb_build_object('database',
			current_database(), 'seal_id', s.seal_id, 'at', s.at,
			'hash', encode(s.hash, 'hex'))
		INTO type, data
		FROM hoopguard.seal s WHERE s.seal_id = _outbox_cloudevent.id;
	WHEN 'approval' THEN
		SELECT 'approval.' || l.to_state, to_jsonb(l), l.approval_id::text
		INTO type, data, subject
		FROM hoopguard.approval_log l WHERE l.id = _outbox_cloudevent.id;
	WHEN 'policy' THEN
		SELECT 'policy.changed', to_jsonb(v) || jsonb_build_object('rows',
				(SELECT count(*) FROM hoopguard.policy_change c
				WHERE c.version = v.id)), v.what
		INTO type, data, subject
		FROM hoopguard.policy_version v WHERE v.id = _outbox_cloudevent.id;
	END CASE;
	IF data IS NULL THEN
		RETURN NULL;
	END IF;
	RETURN jsonb_strip_nulls(jsonb_build_object('specversion', '1.0',
		'id', CASE WHEN kind IN ('closed', 'open') THEN 'event' ELSE kind END
			|| '-' || _outbox_cloudevent.id,
		'source', format('hoopguard://%s/%s',
			(SELECT c.system_identifier FROM pg_control_system() c),
			current_database()),
		'type', 'hoopguard.' || type || '.v1',
		'time', to_char(happened AT TIME ZONE 'UTC', iso),
		'subject', subject,
		'datacontenttype', 'application/json',
		'data', data));
END $$;
REVOKE ALL ON FUNCTION hoopguard._outbox_cloudevent(text, bigint, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._outbox_cloudevent(text, bigint, timestamptz) IS
	'an item of the queue as a CloudEvent; NULL if its row is gone';

-- The START of a run: what openlineage() says, without what came of it.
CREATE FUNCTION hoopguard._outbox_run(event_id bigint, at timestamptz,
	finished boolean) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	run		jsonb := hoopguard.openlineage(event_id);
BEGIN
	IF run #>> '{job,facets,sql,query}' IS NOT NULL
		AND length(run #>> '{job,facets,sql,query}') > 32768 THEN
		run := jsonb_set(run, '{job,facets,sql,query}',
			to_jsonb(left(run #>> '{job,facets,sql,query}', 32768)));
	END IF;
	IF finished THEN
		RETURN run;
	END IF;
	RETURN ((run #- '{run,facets,errorMessage}')
			#- '{run,facets,hoopguard,outcome}') - '{inputs,outputs}'::text[]
		|| jsonb_build_object('eventType', 'START', 'eventTime',
			to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'));
END $$;
REVOKE ALL ON FUNCTION hoopguard._outbox_run(bigint, timestamptz, boolean) FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._outbox_run(bigint, timestamptz, boolean) IS
	'the first or the last RunEvent of a recorded statement; NULL if it is gone';

-- Bodies of one item, in order; none if the format has nothing for it.
CREATE FUNCTION hoopguard._outbox_bodies(format text, kind text, id bigint,
	at timestamptz) RETURNS SETOF jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF format = 'cloudevents' THEN
		RETURN NEXT hoopguard._outbox_cloudevent(kind, id, at);
	ELSE
		IF kind IN ('open', 'closed') THEN
			RETURN NEXT hoopguard._outbox_run(id, at, false);
		END IF;
		IF kind IN ('end', 'closed') THEN
			RETURN NEXT hoopguard._outbox_run(id, at, true);
		END IF;
	END IF;
END $$;
REVOKE ALL ON FUNCTION hoopguard._outbox_bodies(text, text, bigint, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._outbox_bodies(text, text, bigint, timestamptz) IS
	'what a format says of one item of the queue';

/*
 * What is next for a sink: a row per message, or one without a body for an
 * item of which the format says nothing, or whose body could not be made
 * (failed: it goes to outbox_dead_letter).  Ends early after so long.
 */
CREATE FUNCTION hoopguard._outbox_next(sink_id integer, at_once integer,
	within interval)
RETURNS TABLE (item bigint, message_id text, body bytea)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	sink	hoopguard._sink;
	state	hoopguard._sink_state;
	q		hoopguard._outbox;
	content	jsonb;
	sent	boolean;
	until	timestamptz := clock_timestamp() + within;
BEGIN
	SELECT * INTO sink FROM hoopguard._sink s
	WHERE s.sink_id = _outbox_next.sink_id;
	SELECT * INTO state FROM hoopguard._sink_state s
	WHERE s.sink_id = _outbox_next.sink_id;
	FOR q IN
		SELECT * FROM hoopguard._outbox o WHERE o.position > state.position
		ORDER BY o.position LIMIT least(at_once, 256)
	LOOP
		sent := false;
		BEGIN
			FOR content IN
				SELECT b FROM hoopguard._outbox_bodies(sink.format, q.kind,
					q.id, q.at) AS b
				WHERE b IS NOT NULL
			LOOP
				item := q.position;
				message_id := coalesce(content ->> 'id',
					concat_ws('-', content #>> '{run,runId}',
						lower(content ->> 'eventType')));
				body := convert_to(content::text, 'UTF8');
				RETURN NEXT;
				sent := true;
			END LOOP;
		EXCEPTION WHEN data_exception OR program_limit_exceeded
				OR raise_exception OR case_not_found THEN
			IF NOT sent THEN
				INSERT INTO hoopguard.outbox_dead_letter (sink, position, kind,
					id, at, error)
				VALUES (sink.name, q.position, q.kind, q.id, q.at,
					'could not be made: ' || SQLERRM);
			END IF;
		END;
		IF NOT sent THEN
			item := q.position;
			message_id := NULL;
			body := NULL;
			RETURN NEXT;
		END IF;
		EXIT WHEN clock_timestamp() > until;
	END LOOP;
END $$;
REVOKE ALL ON FUNCTION hoopguard._outbox_next(integer, integer, interval) FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._outbox_next(integer, integer, interval) IS
	'the next messages of a sink';

/*
 * What came of a parcel: all up to a position is with the sink, so many
 * messages, and error says why not more.  single: the message that failed was
 * of one item.
 */
CREATE FUNCTION hoopguard._outbox_done(sink_id integer, up_to bigint,
	messages integer, status integer, error text, single boolean)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	state	hoopguard._sink_state;
	refused	boolean := status IN (400, 413, 422);
BEGIN
	SELECT * INTO state FROM hoopguard._sink_state s
	WHERE s.sink_id = _outbox_done.sink_id FOR UPDATE;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	IF up_to > state.position THEN
		state.position := up_to;
		state.failures := 0;
		state.refusals := 0;
	END IF;
	IF messages > 0 THEN
		state.delivered := state.delivered + messages;
		state.delivered_at := clock_timestamp();
	END IF;
	IF error IS NULL THEN
		state.next_attempt_at := clock_timestamp();
		state.at_once := least(256, state.at_once * 4);
		state.last_error := NULL;
		state.last_status := status;
	ELSE
		-- of several items in one message it does not say which
		IF refused AND single THEN
			state.refusals := state.refusals + 1;
		END IF;
		state.failures := least(state.failures + 1, 1000);
		state.at_once := 1;
		state.last_error := error;
		state.last_status := status;
		state.failed_at := clock_timestamp();
		state.next_attempt_at := clock_timestamp() + (0.75 + random() / 2)
			* least(interval '5 min', interval '200 ms'
				* power(2, least(state.failures - 1, 20)));
		IF state.refusals >= 5 THEN
			WITH next AS (
				SELECT q.* FROM hoopguard._outbox q
				WHERE q.position > state.position
				ORDER BY q.position LIMIT 1
			), letter AS (
				INSERT INTO hoopguard.outbox_dead_letter (sink, position, kind,
					id, at, status, error)
				SELECT s.name, n.position, n.kind, n.id, n.at,
					_outbox_done.status, _outbox_done.error
				FROM next n, hoopguard._sink s
				WHERE s.sink_id = _outbox_done.sink_id
				RETURNING position
			)
			SELECT coalesce(max(l.position), state.position)
			INTO state.position FROM letter l;
			state.refusals := 0;
			state.failures := 0;
			state.next_attempt_at := clock_timestamp();
		END IF;
	END IF;
	UPDATE hoopguard._sink_state s SET position = state.position,
		at_once = state.at_once, delivered = state.delivered,
		delivered_at = state.delivered_at, failures = state.failures,
		refusals = state.refusals, next_attempt_at = state.next_attempt_at,
		last_status = state.last_status, last_error = state.last_error,
		failed_at = state.failed_at
	WHERE s.sink_id = _outbox_done.sink_id;
END $$;
REVOKE ALL ON FUNCTION hoopguard._outbox_done(integer, bigint, integer, integer, text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._outbox_done(integer, bigint, integer, integer, text, boolean) IS
	'note what a sink has acknowledged, and when to try again';

-- ---- for the DBA -----------------------------------------------------------

CREATE FUNCTION hoopguard.add_sink(name text, url text, format text,
	batch integer DEFAULT 100) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	new_id	integer;
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	IF name IS NULL OR name = '' THEN
		RAISE EXCEPTION 'the name of a sink must not be empty'
			USING ERRCODE = 'HG014';
	END IF;
	IF format IS NULL OR format NOT IN ('openlineage', 'cloudevents') THEN
		RAISE EXCEPTION 'unknown format "%" of sink "%"', format, name
			USING ERRCODE = 'HG014',
				HINT = 'Formats are openlineage and cloudevents.';
	END IF;
	IF batch IS NULL OR batch NOT BETWEEN 1 AND 1000 THEN
		RAISE EXCEPTION 'batch of sink "%" must be between 1 and 1000', name
			USING ERRCODE = 'HG014';
	END IF;
	IF url IS NULL OR length(url) > 1000
		OR url !~ '^(https://[^\s@?#]+|http://(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?(/[^\s@?#]*)?)$' THEN
		RAISE EXCEPTION 'invalid URL of sink "%"', name
			USING ERRCODE = 'HG014',
				HINT = 'Use https://host/path without user name, query and fragment; http only for this machine.';
	END IF;
	IF EXISTS (SELECT FROM hoopguard._sink s WHERE s.name = add_sink.name) THEN
		RAISE EXCEPTION 'sink "%" exists already', name
			USING ERRCODE = 'duplicate_object';
	END IF;
	INSERT INTO hoopguard._sink (name, url, format, batch)
	VALUES (add_sink.name, add_sink.url, add_sink.format, add_sink.batch)
	RETURNING sink_id INTO new_id;
	-- from here on; what is older is in the tables
	INSERT INTO hoopguard._sink_state (sink_id, position)
	SELECT new_id, coalesce(max(q.position), 0) FROM hoopguard._outbox q;
	-- tells the launcher which databases to look after when the server starts
	EXECUTE format('SECURITY LABEL FOR hoopguard ON DATABASE %I IS ''outbox''',
		current_database());
	PERFORM hoopguard._outbox_wake();
END $$;
REVOKE ALL ON FUNCTION hoopguard.add_sink(text, text, text, integer) FROM PUBLIC;
COMMENT ON FUNCTION hoopguard.add_sink(text, text, text, integer) IS
	'send what is recorded from now on to an HTTP endpoint, as openlineage or cloudevents';

CREATE FUNCTION hoopguard.drop_sink(name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	DELETE FROM hoopguard._sink s WHERE s.name = drop_sink.name;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'sink "%" does not exist', name
			USING ERRCODE = 'undefined_object';
	END IF;
	IF NOT EXISTS (SELECT FROM hoopguard._sink) THEN
		EXECUTE format('SECURITY LABEL FOR hoopguard ON DATABASE %I IS NULL',
			current_database());
	END IF;
	PERFORM hoopguard._outbox_wake();
END $$;
REVOKE ALL ON FUNCTION hoopguard.drop_sink(text) FROM PUBLIC;
COMMENT ON FUNCTION hoopguard.drop_sink(text) IS
	'send nothing more to a sink and forget how far it had come';

CREATE VIEW hoopguard.sink AS
SELECT k.name,
	k.url,
	k.format,
	k.batch,
	k.added_at,
	CASE WHEN s.failures OPERATOR(pg_catalog.>) 0 THEN 'retrying'
		WHEN w.at IS NULL THEN 'up to date'
		ELSE 'behind' END AS state,
	s.position,
	coalesce(l.position OPERATOR(pg_catalog.-) s.position, 0) AS behind,
	pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) w.at AS lag,
	s.delivered,
	s.delivered_at,
	s.failures,
	s.last_status,
	s.last_error,
	s.failed_at,
	CASE WHEN s.failures OPERATOR(pg_catalog.>) 0 THEN s.next_attempt_at END
		AS next_attempt_at,
	(SELECT pg_catalog.count(*) FROM hoopguard.outbox_dead_letter d
		WHERE d.sink OPERATOR(pg_catalog.=) k.name) AS dead_letters
FROM hoopguard._sink k
	JOIN hoopguard._sink_state s USING (sink_id)
	LEFT JOIN LATERAL (SELECT q.at FROM hoopguard._outbox q
		WHERE q.position OPERATOR(pg_catalog.>) s.position
		ORDER BY q.position LIMIT 1) w ON true
	LEFT JOIN LATERAL (SELECT q.position FROM hoopguard._outbox q
		ORDER BY q.position DESC LIMIT 1) l
		ON l.position OPERATOR(pg_catalog.>) s.position;
REVOKE ALL ON hoopguard.sink FROM PUBLIC;
COMMENT ON VIEW hoopguard.sink IS
	'where the outbox sends to, how far each sink has come and what is wrong with it';

CREATE FUNCTION hoopguard._outbox_status()
RETURNS TABLE (item text, value text, ok boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'sink ' || s.name, concat_ws(', ', s.state,
		CASE WHEN s.behind > 0 THEN format('%s items and %s s behind', s.behind,
			round(extract(epoch FROM s.lag), 1)) END,
		s.delivered || ' delivered',
		CASE WHEN s.dead_letters > 0 THEN s.dead_letters || ' given up' END,
		CASE WHEN s.last_error IS NOT NULL
			THEN format('last error at %s: %s', s.failed_at, s.last_error) END),
		s.failures = 0 AND s.dead_letters = 0
	FROM hoopguard.sink s ORDER BY s.name
$$;
REVOKE ALL ON FUNCTION hoopguard._outbox_status() FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._outbox_status() IS
	'sinks as status() shows them';
