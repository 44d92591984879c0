/* src/sql/55_learn.sql: learn what a subject does, then allow only that */

-- One row per subject that is or was taught.  src/policy/allow_list.c knows
-- the order of the columns of both tables.
CREATE TABLE hoopguard.allow_list (
	role		regrole PRIMARY KEY,
	state		text NOT NULL CHECK (state IN ('learning', 'enforce')),
	otherwise	text NOT NULL DEFAULT 'deny'
		CHECK (otherwise IN ('warn', 'approve', 'deny')),
	approver	text,
	since		timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
SELECT pg_catalog.pg_extension_config_dump('hoopguard.allow_list', '');
REVOKE ALL ON hoopguard.allow_list FROM PUBLIC;
COMMENT ON TABLE hoopguard.allow_list IS 'subjects that are being taught, or may run only what was learned';

CREATE TRIGGER policy_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hoopguard.allow_list
FOR EACH STATEMENT EXECUTE FUNCTION hoopguard._policy_changed();
ALTER TABLE hoopguard.allow_list ENABLE ALWAYS TRIGGER policy_changed;

-- The key is a hash of the statement without its literals and of the
-- qualified names of what it uses, never of OIDs: it holds after a restore.
CREATE TABLE hoopguard.allowed_statement (
	role		regrole NOT NULL,
	key			bigint NOT NULL,
	command		text NOT NULL,
	text		text,
	PRIMARY KEY (role, key)
);
SELECT pg_catalog.pg_extension_config_dump('hoopguard.allowed_statement', '');
REVOKE ALL ON hoopguard.allowed_statement FROM PUBLIC;
COMMENT ON TABLE hoopguard.allowed_statement IS 'what a subject with an allow-list may run';

CREATE TRIGGER policy_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hoopguard.allowed_statement
FOR EACH STATEMENT EXECUTE FUNCTION hoopguard._policy_changed();
ALTER TABLE hoopguard.allowed_statement ENABLE ALWAYS TRIGGER policy_changed;

-- What sessions of subjects in state "learning" have run, from the record,
-- and what of it is allowed by now.
CREATE VIEW hoopguard.learned AS
SELECT s.role, n.key, n.command, n.text, n.first_seen,
	EXISTS (SELECT FROM hoopguard.allowed_statement a
		WHERE a.role OPERATOR(pg_catalog.=) s.role
			AND a.key OPERATOR(pg_catalog.=) n.key) AS allowed
FROM hoopguard.allow_list s
	JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) s.role
	CROSS JOIN LATERAL (
		SELECT (o.detail OPERATOR(pg_catalog.->>) 'key')::bigint AS key,
			pg_catalog.min(o.detail OPERATOR(pg_catalog.->>) 'command') AS command,
			pg_catalog.min(o.detail OPERATOR(pg_catalog.->>) 'text') AS text,
			pg_catalog.min(o.at) AS first_seen
		FROM hoopguard.note o
		WHERE o.kind OPERATOR(pg_catalog.=) 'learned'
			AND o.detail OPERATOR(pg_catalog.->>) 'role'
				OPERATOR(pg_catalog.=) r.rolname::pg_catalog.text
		GROUP BY 1) n;
REVOKE ALL ON hoopguard.learned FROM PUBLIC;
COMMENT ON VIEW hoopguard.learned IS 'statements seen while a subject was being taught';

-- The subject of a role, HG014 if it is not mapped itself.
CREATE FUNCTION hoopguard._subject_oid(role text) RETURNS oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	found	oid := hoopguard._role_oid(_subject_oid.role);
BEGIN
	IF NOT EXISTS (SELECT FROM hoopguard.subject s WHERE s.role = found) THEN
		RAISE EXCEPTION 'role "%" is not mapped', _subject_oid.role
			USING ERRCODE = 'HG014',
				HINT = 'Map it with hoopguard.map_role(); members answer to the mapped group.';
	END IF;
	RETURN found;
END $$;
REVOKE ALL ON FUNCTION hoopguard._subject_oid(text) FROM PUBLIC;

CREATE FUNCTION hoopguard.learn(role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	INSERT INTO hoopguard.allow_list (role, state)
	VALUES (hoopguard._subject_oid(learn.role), 'learning')
	ON CONFLICT (role) DO UPDATE SET state = 'learning',
		since = clock_timestamp();
END $$;
COMMENT ON FUNCTION hoopguard.learn(text) IS
'from now on collect what a subject runs; rules and limits hold meanwhile, an allow-list made before does not';
REVOKE ALL ON FUNCTION hoopguard.learn(text) FROM PUBLIC;

CREATE FUNCTION hoopguard.allow_learned(role text,
	otherwise text DEFAULT 'deny', approver text DEFAULT NULL) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	the_role	oid;
	learned		int;
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	the_role := hoopguard._subject_oid(allow_learned.role);
	IF allow_learned.otherwise IS NULL
		OR allow_learned.otherwise NOT IN ('warn', 'approve', 'deny') THEN
		RAISE EXCEPTION 'unrecognized action: "%"',
			coalesce(allow_learned.otherwise, 'NULL')
			USING ERRCODE = 'HG014',
				HINT = 'What is new gets warn, approve or deny.';
	END IF;
	IF allow_learned.approver IS NOT NULL AND NOT EXISTS (
		SELECT FROM hoopguard.approver a WHERE a.name = allow_learned.approver)
	THEN
		RAISE EXCEPTION 'approver "%" does not exist', allow_learned.approver
			USING ERRCODE = 'HG014',
				HINT = 'Add it with hoopguard.add_approver().';
	END IF;
	IF NOT EXISTS (SELECT FROM hoopguard.allow_list l
		WHERE l.role = the_role) THEN
		RAISE EXCEPTION 'subject "%" has not been taught', allow_learned.role
			USING ERRCODE = 'HG014',
				HINT = 'Start with hoopguard.learn().';
	END IF;
	-- what was run just now may still be on its way
	IF NOT hoopguard.flush() THEN
		RAISE EXCEPTION 'the record of what was learned is not complete'
			USING ERRCODE = 'HG008',
				HINT = 'hoopguard.status() says why the recorder is late.';
	END IF;

	INSERT INTO hoopguard.allowed_statement (role, key, command, text)
	SELECT n.role, n.key, n.command, n.text FROM hoopguard.learned n
	WHERE n.role = the_role AND NOT n.allowed
	ON CONFLICT DO NOTHING;
	GET DIAGNOSTICS learned = ROW_COUNT;
	UPDATE hoopguard.allow_list l
	SET state = 'enforce', otherwise = allow_learned.otherwise,
		approver = allow_learned.approver
	WHERE l.role = the_role;
	RETURN learned;
END $$;
COMMENT ON FUNCTION hoopguard.allow_learned(text, text, text) IS
'allow what was learned and nothing else: what is new is denied, sent for approval or warned of; returns how many statements were added';
REVOKE ALL ON FUNCTION hoopguard.allow_learned(text, text, text) FROM PUBLIC;

CREATE FUNCTION hoopguard.forget_learned(role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	the_role	oid;
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	the_role := hoopguard._role_oid(forget_learned.role);
	DELETE FROM hoopguard.allowed_statement a WHERE a.role = the_role;
	DELETE FROM hoopguard.allow_list l WHERE l.role = the_role;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'subject "%" has no allow-list', forget_learned.role
			USING ERRCODE = 'HG014',
				HINT = 'hoopguard.allow_list lists those that have one.';
	END IF;
END $$;
COMMENT ON FUNCTION hoopguard.forget_learned(text) IS
'take a subject''s allow-list away: only rules and limits hold again';
REVOKE ALL ON FUNCTION hoopguard.forget_learned(text) FROM PUBLIC;
