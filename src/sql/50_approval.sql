/* src/sql/50_approval.sql: who decides, what was asked, what came of it */

-- ---- who decides ----------------------------------------------------------

-- approver_of_all() is a privilege in the shape of a function: who may execute
-- it may decide every request.  grant_approver() gives it.
CREATE FUNCTION hoopguard.approver_of_all() RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'SELECT true';
COMMENT ON FUNCTION hoopguard.approver_of_all() IS
	'who may execute this may decide every request for approval';
REVOKE ALL ON FUNCTION hoopguard.approver_of_all() FROM PUBLIC;

-- ticket.c counts on the order of the first three columns.
-- A rule may name several: 'dba, security'.
CREATE FUNCTION hoopguard._approver_list(approver text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pg_catalog.array_agg(pg_catalog.btrim(w) ORDER BY n)
	FROM pg_catalog.string_to_table(approver, ',') WITH ORDINALITY AS u(w, n)
$$;
COMMENT ON FUNCTION hoopguard._approver_list(text) IS
	'the approvers that a rule names';
REVOKE ALL ON FUNCTION hoopguard._approver_list(text) FROM PUBLIC;

-- What is wrong with a rule's approvers; NULL: nothing.
CREATE FUNCTION hoopguard._wrong_approvers(approver text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN pg_catalog.cardinality(l.names) > 8
			THEN 'a rule can name at most 8 approvers'
		WHEN (SELECT pg_catalog.count(DISTINCT n) FROM pg_catalog.unnest(l.names) n)
				<> pg_catalog.cardinality(l.names)
			THEN 'an approver is named twice'
		ELSE (SELECT pg_catalog.format('approver "%s" does not exist', n)
			FROM pg_catalog.unnest(l.names) n
			WHERE NOT EXISTS (SELECT FROM hoopguard.approver a WHERE a.name = n)
			LIMIT 1)
	END
	FROM (SELECT hoopguard._approver_list(approver)) AS l(names)
$$;
COMMENT ON FUNCTION hoopguard._wrong_approvers(text) IS
	'what is wrong with the approvers of a rule';
REVOKE ALL ON FUNCTION hoopguard._wrong_approvers(text) FROM PUBLIC;

CREATE TABLE hoopguard.approver (
	name		text COLLATE "C" PRIMARY KEY CHECK (name <> ''
		AND name !~ '[,[:cntrl:]]' AND name = pg_catalog.btrim(name)
		AND pg_catalog.octet_length(name) <= 100),
	url			text CHECK (pg_catalog.length(url) BETWEEN 1 AND 1000),
	role		regrole,
	quorum		integer NOT NULL DEFAULT 1 CHECK (quorum BETWEEN 1 AND 100),
	created_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	escalate_after interval CHECK (escalate_after > interval '0'),
	escalate_to	text COLLATE "C" CHECK (escalate_to <> name),
	CHECK ((escalate_after IS NULL) = (escalate_to IS NULL))
);
SELECT pg_catalog.pg_extension_config_dump('hoopguard.approver', '');
COMMENT ON TABLE hoopguard.approver IS
	'who decides requests for approval: a webhook, the members of a role, or both';
REVOKE ALL ON hoopguard.approver FROM PUBLIC;

CREATE TRIGGER _policy_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hoopguard.approver
FOR EACH STATEMENT EXECUTE FUNCTION hoopguard._policy_changed();
ALTER TABLE hoopguard.approver ENABLE ALWAYS TRIGGER _policy_changed;

-- ---- requests -------------------------------------------------------------

-- approval_private.h counts on the order of the columns down to
-- last_delivery_error.  Written by the recorder and by approve() and the like.
CREATE TABLE hoopguard.approval (
	id				uuid PRIMARY KEY,
	state			text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending',
		'approved', 'consumed', 'denied', 'expired', 'cancelled', 'revoked')),
	subject			text COLLATE "C" NOT NULL,
	session_role	text NOT NULL,
	session_role_oid oid NOT NULL,
	binding			text COLLATE "C" NOT NULL,
	requested_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	expires_at		timestamptz NOT NULL,
	grant_expires_at timestamptz,
	rule_id			integer NOT NULL,
	approver		text COLLATE "C",
	max_rows		bigint,
	consumed_by		text,
	decided_at		timestamptz,
	decided_by		text,
	reason			text,
	delivery_state	text NOT NULL DEFAULT 'none' CHECK (delivery_state IN
		('none', 'queued', 'sending', 'accepted', 'retry', 'answered')),
	last_delivery_error text,

	decided_via		text,
	grant_ttl_s		bigint,
	delivery_attempts integer NOT NULL DEFAULT 0,
	consumed_at		timestamptz,
	effective_role	text,
	database		text NOT NULL,
	timeline		bigint NOT NULL,
	mode			text NOT NULL,
	statement_text	text NOT NULL,
	statement_sha256 text NOT NULL,
	facts			jsonb,
	params			jsonb,
	requester		jsonb,
	policy_version	text,
	event_id		bigint,
	rule_message	text,
	evidence		jsonb
);
COMMENT ON TABLE hoopguard.approval IS
	'requests for approval with the exact statement they are for';
REVOKE ALL ON hoopguard.approval FROM PUBLIC;

-- Found by these names in ticket.c and approval_sql.c.
CREATE INDEX approval_binding_idx ON hoopguard.approval (binding)
	WHERE state OPERATOR(pg_catalog.=) ANY (ARRAY['pending', 'approved', 'denied']);
CREATE INDEX approval_subject_idx ON hoopguard.approval (subject, requested_at);
CREATE INDEX approval_role_idx ON hoopguard.approval (session_role_oid, requested_at);
CREATE INDEX approval_pending_idx ON hoopguard.approval (subject)
	WHERE state OPERATOR(pg_catalog.=) 'pending';
-- One open request for one statement, however often it is sent.
CREATE UNIQUE INDEX approval_open_idx ON hoopguard.approval (binding)
	WHERE state OPERATOR(pg_catalog.=) 'pending';
-- What can run out.
CREATE INDEX approval_live_idx ON hoopguard.approval (expires_at)
	WHERE state OPERATOR(pg_catalog.=) ANY (ARRAY['pending', 'approved']);

-- Who has to agree to a request: one approver of each slot.  A slot has the
-- approver that the rule names and, after a time, whom he gives way to.
CREATE TABLE hoopguard.approval_target (
	approval_id	uuid NOT NULL REFERENCES hoopguard.approval ON DELETE CASCADE,
	slot		integer NOT NULL,
	approver	text COLLATE "C" NOT NULL,
	escalated_from text COLLATE "C",
	since		timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	delivery_state text NOT NULL DEFAULT 'none' CHECK (delivery_state IN
		('none', 'queued', 'sending', 'accepted', 'retry', 'answered')),
	delivery_attempts integer NOT NULL DEFAULT 0,
	next_delivery_at timestamptz,
	cancel_id	uuid,
	cancel_state text CHECK (cancel_state IN
		('queued', 'sending', 'retry', 'delivered', 'given up')),
	cancel_attempts integer NOT NULL DEFAULT 0,
	next_cancel_at timestamptz,
	cancel_error text,
	PRIMARY KEY (approval_id, slot, approver)
);
COMMENT ON TABLE hoopguard.approval_target IS
	'whom a request was put before, how far its delivery is, and that of the notice that it was cancelled';
REVOKE ALL ON hoopguard.approval_target FROM PUBLIC;
CREATE INDEX approval_target_due_idx ON hoopguard.approval_target (next_delivery_at)
	WHERE next_delivery_at IS NOT NULL;
CREATE INDEX approval_target_cancel_idx ON hoopguard.approval_target (next_cancel_at)
	WHERE next_cancel_at IS NOT NULL;

-- approvers: for whom of them the vote can count; '*' for each.
CREATE TABLE hoopguard.approval_vote (
	approval_id	uuid NOT NULL REFERENCES hoopguard.approval ON DELETE CASCADE,
	voter		text NOT NULL,
	via			text NOT NULL,
	approvers	text[] NOT NULL DEFAULT '{*}',
	at			timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (approval_id, voter)
);
COMMENT ON TABLE hoopguard.approval_vote IS
	'who has approved a request; a quorum counts people';
REVOKE ALL ON hoopguard.approval_vote FROM PUBLIC;

CREATE TABLE hoopguard.approval_log (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	approval_id	uuid NOT NULL,
	at			timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	from_state	text,
	to_state	text NOT NULL,
	who			text,
	via			text,
	client_addr	inet,
	detail		text,
	late		boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE hoopguard.approval_log IS
	'every step of every request: who, by which way, when, from where';
COMMENT ON COLUMN hoopguard.approval_log.late IS
	'a decision on a request that was no longer open';
REVOKE ALL ON hoopguard.approval_log FROM PUBLIC;
CREATE INDEX approval_log_approval_idx ON hoopguard.approval_log (approval_id);

-- What the session user may decide now.  The statement is there in full: it
-- is what runs.
CREATE VIEW hoopguard.pending_approval WITH (security_barrier) AS
SELECT a.id, a.requested_at, a.expires_at, a.subject, a.session_role,
	a.effective_role, a.database, a.rule_id, a.rule_message, a.approver,
	a.statement_text, a.statement_sha256, a.facts, a.params, a.requester,
	a.mode, a.delivery_state, a.delivery_attempts, a.last_delivery_error,
	(SELECT pg_catalog.array_agg(v.voter) FROM hoopguard.approval_vote v
		WHERE v.approval_id OPERATOR(pg_catalog.=) a.id) AS votes,
	a.evidence
FROM hoopguard.approval a
WHERE a.state OPERATOR(pg_catalog.=) 'pending'
	AND a.expires_at OPERATOR(pg_catalog.>) pg_catalog.clock_timestamp()
	AND (pg_catalog.has_function_privilege(session_user,
			'hoopguard.approver_of_all()', 'EXECUTE')
		OR EXISTS (SELECT FROM hoopguard.approval_target t
				JOIN hoopguard.approver p
					ON p.name OPERATOR(pg_catalog.=) t.approver
			WHERE t.approval_id OPERATOR(pg_catalog.=) a.id
				AND p.role IS NOT NULL
				AND pg_catalog.pg_has_role(session_user, p.role, 'MEMBER')));
COMMENT ON VIEW hoopguard.pending_approval IS
	'open requests that the session user may decide';
REVOKE ALL ON hoopguard.pending_approval FROM PUBLIC;

-- ---- deciding -------------------------------------------------------------

CREATE FUNCTION hoopguard.approve(id uuid, reason text DEFAULT NULL,
	ttl interval DEFAULT NULL, max_rows bigint DEFAULT NULL) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'hoopguard_approve';
COMMENT ON FUNCTION hoopguard.approve(uuid, text, interval, bigint) IS
	'let the statement of a request run once, within ttl and over at most max_rows rows; returns the new state';
REVOKE ALL ON FUNCTION hoopguard.approve(uuid, text, interval, bigint) FROM PUBLIC;

CREATE FUNCTION hoopguard.deny(id uuid, reason text DEFAULT NULL) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'hoopguard_deny';
COMMENT ON FUNCTION hoopguard.deny(uuid, text) IS
	'refuse a request, also one that was approved and not used yet';
REVOKE ALL ON FUNCTION hoopguard.deny(uuid, text) FROM PUBLIC;

CREATE FUNCTION hoopguard.revoke(id uuid) RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'hoopguard_revoke';
COMMENT ON FUNCTION hoopguard.revoke(uuid) IS
	'take back an approval that was not used yet';
REVOKE ALL ON FUNCTION hoopguard.revoke(uuid) FROM PUBLIC;

-- Messages of relays that were taken: one with the same id is refused.  The
-- recorder forgets them after a day; their signatures are old long before.
CREATE TABLE hoopguard.approval_relay (
	webhook_id	text COLLATE "C" PRIMARY KEY,
	at			timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE hoopguard.approval_relay IS
	'ids of the signed decisions that were taken, for a day';
REVOKE ALL ON hoopguard.approval_relay FROM PUBLIC;

CREATE FUNCTION hoopguard.submit_decision(body text, webhook_id text,
	webhook_timestamp bigint, webhook_signature text) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'hoopguard_submit_decision';
COMMENT ON FUNCTION hoopguard.submit_decision(text, text, bigint, text) IS
	'hand on an approver''s signed decision; the signature counts, not who calls; returns the new state';
REVOKE ALL ON FUNCTION hoopguard.submit_decision(text, text, bigint, text) FROM PUBLIC;

-- The requester's side: own requests only, by session user.
CREATE FUNCTION hoopguard.approval_state(id uuid) RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'hoopguard_approval_state';
COMMENT ON FUNCTION hoopguard.approval_state(uuid) IS
	'state of one''s own request: pending, approved, consumed, denied, expired, cancelled or revoked';
REVOKE ALL ON FUNCTION hoopguard.approval_state(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hoopguard.approval_state(uuid) TO PUBLIC;

CREATE FUNCTION hoopguard.my_approvals(OUT id uuid, OUT state text,
	OUT rule_id integer, OUT requested_at timestamptz,
	OUT expires_at timestamptz, OUT grant_expires_at timestamptz,
	OUT decided_at timestamptz, OUT reason text, OUT delivery_state text)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'hoopguard_my_approvals';
COMMENT ON FUNCTION hoopguard.my_approvals() IS
	'one''s own requests for approval';
REVOKE ALL ON FUNCTION hoopguard.my_approvals() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hoopguard.my_approvals() TO PUBLIC;

-- ---- approvers ------------------------------------------------------------

-- What members of an approver's role need, and no more: they see and decide
-- what is theirs.  grant_approver() adds approver_of_all() to it.
CREATE FUNCTION hoopguard._grant_deciding(decider regrole) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE pg_catalog.format(
		'GRANT EXECUTE ON FUNCTION hoopguard.approve(uuid, text, interval, bigint),'
		' hoopguard.deny(uuid, text), hoopguard.revoke(uuid) TO %s', decider);
	EXECUTE pg_catalog.format(
		'GRANT SELECT ON hoopguard.pending_approval TO %s', decider);
END
$$;
REVOKE ALL ON FUNCTION hoopguard._grant_deciding(regrole) FROM PUBLIC;

CREATE FUNCTION hoopguard.add_approver(name text, url text DEFAULT NULL,
	role text DEFAULT NULL, quorum integer DEFAULT 1,
	escalate_after interval DEFAULT NULL, escalate_to text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	decider regrole;
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	IF add_approver.name IS NULL OR add_approver.name = '' THEN
		RAISE EXCEPTION 'the name of an approver must not be empty'
			USING ERRCODE = 'HG014';
	END IF;
	IF add_approver.name ~ '[,[:cntrl:]]'
		OR add_approver.name <> pg_catalog.btrim(add_approver.name)
		OR pg_catalog.octet_length(add_approver.name) > 100 THEN
		RAISE EXCEPTION 'invalid name of an approver: "%"', add_approver.name
			USING ERRCODE = 'HG014',
				HINT = 'Up to 100 bytes, without commas and without blanks around it.';
	END IF;
	IF url IS NULL AND role IS NULL THEN
		RAISE EXCEPTION 'approver "%" needs a URL or a role', add_approver.name
			USING ERRCODE = 'HG014';
	END IF;
	IF url IS NOT NULL AND url !~ '^(https://[^\s@?#]+|http://(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?(/[^\s@?#]*)?)$'
		AND NOT (current_setting('hoopguard.approval_allow_http')::bool AND url ~ '^http://[^\s@?#]+$') THEN
		RAISE EXCEPTION 'invalid URL of approver "%"', add_approver.name
			USING ERRCODE = 'HG014',
				HINT = 'Use https://host/path without user name, query and fragment; http only for this machine, or with "hoopguard.approval_allow_http".';
	END IF;
	IF pg_catalog.length(url) > 1000 THEN
		RAISE EXCEPTION 'URL of approver "%" is too long', add_approver.name
			USING ERRCODE = 'HG014';
	END IF;
	IF quorum IS NULL OR quorum NOT BETWEEN 1 AND 100 THEN
		RAISE EXCEPTION 'quorum of approver "%" must be between 1 and 100', add_approver.name
			USING ERRCODE = 'HG014';
	END IF;
	IF quorum > 1 AND role IS NULL THEN
		RAISE EXCEPTION 'a webhook alone cannot give the % votes that approver "%" asks for',
			quorum, add_approver.name
			USING ERRCODE = 'HG014', HINT = 'Name a role whose members vote too.';
	END IF;
	IF role IS NOT NULL THEN
		SELECT r.oid INTO decider FROM pg_catalog.pg_roles r
		WHERE r.rolname = role;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'role "%" does not exist', role
				USING ERRCODE = 'undefined_object';
		END IF;
		PERFORM hoopguard._grant_deciding(decider);
	END IF;
	IF (add_approver.escalate_after IS NULL) <> (add_approver.escalate_to IS NULL) THEN
		RAISE EXCEPTION 'escalate_after and escalate_to go together'
			USING ERRCODE = 'HG014';
	END IF;
	IF add_approver.escalate_after <= interval '0' THEN
		RAISE EXCEPTION 'escalate_after must be more than nothing'
			USING ERRCODE = 'HG014';
	END IF;
	IF add_approver.escalate_to IS NOT NULL AND NOT EXISTS (SELECT
			FROM hoopguard.approver a WHERE a.name = add_approver.escalate_to) THEN
		RAISE EXCEPTION 'approver "%" does not exist', add_approver.escalate_to
			USING ERRCODE = 'HG014', HINT = 'Add whom to escalate to first.';
	END IF;
	INSERT INTO hoopguard.approver (name, url, role, quorum, escalate_after,
		escalate_to)
	VALUES (add_approver.name, add_approver.url, decider, add_approver.quorum,
		add_approver.escalate_after, add_approver.escalate_to);
END
$$;
COMMENT ON FUNCTION hoopguard.add_approver(text, text, text, integer, interval, text) IS
	'name who decides requests: a webhook, the members of a role, or both, and who may step in after a time; rules without an approver use the one called default, or else the first by name';
REVOKE ALL ON FUNCTION hoopguard.add_approver(text, text, text, integer, interval, text) FROM PUBLIC;

CREATE FUNCTION hoopguard.drop_approver(name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	IF EXISTS (SELECT FROM hoopguard.rule r
			WHERE drop_approver.name = ANY (hoopguard._approver_list(r.approver))) THEN
		RAISE EXCEPTION 'approver "%" is named by a rule', drop_approver.name
			USING ERRCODE = 'HG014', HINT = 'Drop or change the rule first.';
	END IF;
	IF EXISTS (SELECT FROM hoopguard.approver a
			WHERE a.escalate_to = drop_approver.name) THEN
		RAISE EXCEPTION 'another approver escalates to approver "%"', drop_approver.name
			USING ERRCODE = 'HG014', HINT = 'Drop the other approver first.';
	END IF;
	DELETE FROM hoopguard.approver a WHERE a.name = drop_approver.name;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'approver "%" does not exist', drop_approver.name
			USING ERRCODE = 'undefined_object';
	END IF;
END
$$;
COMMENT ON FUNCTION hoopguard.drop_approver(text) IS 'remove an approver that no rule names';
REVOKE ALL ON FUNCTION hoopguard.drop_approver(text) FROM PUBLIC;

-- ---- the courier ----------------------------------------------------------

CREATE FUNCTION hoopguard._courier_status(OUT item text, OUT value text,
	OUT ok boolean) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'hoopguard__courier_status';
COMMENT ON FUNCTION hoopguard._courier_status() IS
	'the HTTP worker and the sessions that wait for approvals';
REVOKE ALL ON FUNCTION hoopguard._courier_status() FROM PUBLIC;

CREATE FUNCTION hoopguard._webhook_signature(secret text, id text, at bigint,
	body text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'hoopguard__webhook_signature';
COMMENT ON FUNCTION hoopguard._webhook_signature(text, text, bigint, text) IS
	'signature that the courier gives a body, for tests';
REVOKE ALL ON FUNCTION hoopguard._webhook_signature(text, text, bigint, text) FROM PUBLIC;

-- id and binding are null for the form of Open Policy Agent.
CREATE FUNCTION hoopguard._read_reply(body text, id text, binding text,
	OUT decision text, OUT reason text, OUT approver text,
	OUT grant_ttl_s bigint, OUT max_rows bigint, OUT error text)
RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'hoopguard__read_reply';
COMMENT ON FUNCTION hoopguard._read_reply(text, text, text) IS
	'what the courier makes of a webhook''s answer, for tests';
REVOKE ALL ON FUNCTION hoopguard._read_reply(text, text, text) FROM PUBLIC;

CREATE FUNCTION hoopguard._redact(statement text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'hoopguard__redact';
COMMENT ON FUNCTION hoopguard._redact(text) IS
	'what webhooks get of a statement when hoopguard.webhook_statement is redacted, for tests';
REVOKE ALL ON FUNCTION hoopguard._redact(text) FROM PUBLIC;
