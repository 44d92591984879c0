/* src/sql/10_identity.sql: who is governed */

-- Whom a role may be mapped as.
CREATE FUNCTION hoopguard._check_subject(for_subject text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF for_subject IN ('*', 'kind:agent', 'kind:service', 'kind:human') THEN
		RETURN;
	END IF;
	IF for_subject LIKE 'kind:%' THEN
		RAISE EXCEPTION 'unrecognized kind of subject: "%"',
			substr(for_subject, 6)
			USING ERRCODE = 'HG014',
				HINT = 'Kinds are agent, service and human.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = for_subject) THEN
		RAISE EXCEPTION 'role "%" does not exist',
			coalesce(for_subject, 'NULL')
			USING ERRCODE = 'HG014',
				HINT = 'for_subject is a role, kind:agent, kind:service, kind:human or *.';
	END IF;
END $$;
REVOKE ALL ON FUNCTION hoopguard._check_subject(text) FROM PUBLIC;

-- One row per mapped role.  src/identity/subject.c knows the order of the
-- columns.
CREATE TABLE hoopguard.subject (
	role			regrole PRIMARY KEY,
	kind			text NOT NULL DEFAULT 'agent'
		CHECK (kind IN ('agent', 'service', 'human')),
	owner			text,
	model			text,
	mode			text NOT NULL DEFAULT 'enforce'
		CHECK (mode IN ('enforce', 'observe', 'off')),
	claims_required	boolean NOT NULL DEFAULT false,
	scrub_output	boolean NOT NULL DEFAULT false,
	frozen			boolean NOT NULL DEFAULT false,
	freeze_reason	text,
	created_at		timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	record_literals	boolean NOT NULL DEFAULT false
);
SELECT pg_catalog.pg_extension_config_dump('hoopguard.subject', '');
REVOKE ALL ON hoopguard.subject FROM PUBLIC;
COMMENT ON TABLE hoopguard.subject IS 'mapped roles: sessions of these are governed';

CREATE TRIGGER policy_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hoopguard.subject
FOR EACH STATEMENT EXECUTE FUNCTION hoopguard._policy_changed();
ALTER TABLE hoopguard.subject ENABLE ALWAYS TRIGGER policy_changed;

-- What functions labelled 'trusted' looked like; src/policy/label.c writes and
-- reads it.  Not dumped: restoring the label makes the row anew.
CREATE TABLE hoopguard._trusted (
	func	oid PRIMARY KEY,
	hash	bytea NOT NULL
);
REVOKE ALL ON hoopguard._trusted FROM PUBLIC;
COMMENT ON TABLE hoopguard._trusted IS 'SHA-256 of the pg_proc rows of trusted functions';

CREATE TRIGGER policy_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hoopguard._trusted
FOR EACH STATEMENT EXECUTE FUNCTION hoopguard._policy_changed();
ALTER TABLE hoopguard._trusted ENABLE ALWAYS TRIGGER policy_changed;

CREATE FUNCTION hoopguard._role_covers(mapped oid, role oid) RETURNS boolean
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'hoopguard__role_covers';
REVOKE ALL ON FUNCTION hoopguard._role_covers(oid, oid) FROM PUBLIC;

CREATE FUNCTION hoopguard._label_role(role oid, label text) RETURNS void
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'hoopguard__label_role';
REVOKE ALL ON FUNCTION hoopguard._label_role(oid, text) FROM PUBLIC;

-- What about a role would let it see past masks, in words; NULL for nothing.
-- A role can become whatever it is a member of, so those roles count too.
CREATE FUNCTION hoopguard._privileges_of(role oid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN (WITH reach AS (
		SELECT r.oid, r.rolname, r.rolsuper, r.rolreplication,
			r.rolbypassrls, r.rolcreaterole
		FROM pg_roles r
		WHERE hoopguard._role_covers(r.oid, $1)
	), found(what) AS (
		SELECT 'SUPERUSER' FROM reach WHERE rolsuper
		UNION SELECT 'REPLICATION' FROM reach WHERE rolreplication
		UNION SELECT 'BYPASSRLS' FROM reach WHERE rolbypassrls
		UNION SELECT 'CREATEROLE' FROM reach WHERE rolcreaterole
		UNION SELECT rolname::text FROM reach WHERE rolname IN (
			'pg_read_all_data', 'pg_read_server_files',
			'pg_write_server_files', 'pg_execute_server_program',
			'pg_monitor', 'pg_read_all_settings', 'pg_read_all_stats',
			'pg_stat_scan_tables', 'pg_create_subscription')
		UNION SELECT format('owner of %s', c.oid::regclass)
		FROM pg_class c
		WHERE c.relowner IN (SELECT oid FROM reach)
			AND (EXISTS (SELECT FROM pg_seclabel l
					WHERE l.classoid = 'pg_class'::regclass
						AND l.objoid = c.oid AND l.objsubid > 0
						AND l.provider = 'hoopguard'
						AND l.label <> 'public')
				OR EXISTS (SELECT FROM hoopguard.mask_rule m
					WHERE m.relation = c.oid))
	)
	SELECT string_agg(what, ', ' ORDER BY what) FROM found);
END $$;
REVOKE ALL ON FUNCTION hoopguard._privileges_of(oid) FROM PUBLIC;

-- The databases in which a role is mapped, from its label: an array of names.
CREATE FUNCTION hoopguard._mapped_in(role oid) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce((SELECT l.label::jsonb FROM pg_shseclabel l
		WHERE l.classoid = 'pg_authid'::regclass AND l.objoid = $1
			AND l.provider = 'hoopguard' AND l.label LIKE '[%]'),
		'[]'::jsonb)
$$;
REVOKE ALL ON FUNCTION hoopguard._mapped_in(oid) FROM PUBLIC;

-- The OID of a role by its name.
CREATE FUNCTION hoopguard._role_oid(role text) RETURNS oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found	oid;
BEGIN
	SELECT r.oid INTO found FROM pg_roles r WHERE r.rolname = _role_oid.role;
	IF found IS NULL THEN
		RAISE EXCEPTION 'role "%" does not exist', coalesce(role, 'NULL')
			USING ERRCODE = 'HG014', HINT = 'Create the role first.';
	END IF;
	RETURN found;
END $$;
REVOKE ALL ON FUNCTION hoopguard._role_oid(text) FROM PUBLIC;

CREATE FUNCTION hoopguard.map_role(
	role				text,
	kind				text DEFAULT 'agent',
	owner				text DEFAULT NULL,
	model				text DEFAULT NULL,
	mode				text DEFAULT 'enforce',
	claims_required		boolean DEFAULT false,
	scrub_output		boolean DEFAULT false,
	allow_privileged	boolean DEFAULT false,
	record_literals		boolean DEFAULT false
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	role_oid	oid;
	privileges	text;
	databases	jsonb;
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	role_oid := hoopguard._role_oid(map_role.role);
	IF map_role.kind IS NULL
		OR map_role.kind NOT IN ('agent', 'service', 'human') THEN
		RAISE EXCEPTION 'unrecognized kind of subject: "%"',
			coalesce(map_role.kind, 'NULL')
			USING ERRCODE = 'HG014',
				HINT = 'Kinds are agent, service and human.';
	END IF;
	IF map_role.mode IS NULL
		OR map_role.mode NOT IN ('enforce', 'observe', 'off') THEN
		RAISE EXCEPTION 'unrecognized mode: "%"',
			coalesce(map_role.mode, 'NULL')
			USING ERRCODE = 'HG014',
				HINT = 'Modes are enforce, observe and off.';
	END IF;
	IF hoopguard._role_covers(role_oid, hoopguard._role_oid(session_user))
		OR hoopguard._role_covers(role_oid, hoopguard._role_oid(current_user))
	THEN
		RAISE EXCEPTION 'cannot map role "%": this session would be governed itself',
			map_role.role
			USING ERRCODE = 'HG014',
				HINT = 'Map it from a session of another role.';
	END IF;
	-- its functions run with their owner's rights, and would be governed
	IF EXISTS (SELECT FROM pg_extension e
		WHERE e.extname = 'hoopguard'
			AND hoopguard._role_covers(role_oid, e.extowner)) THEN
		RAISE EXCEPTION 'cannot map role "%": it owns hoopguard',
			map_role.role
			USING ERRCODE = 'HG014',
				HINT = 'Have another superuser create the extension.';
	END IF;
	IF NOT coalesce(map_role.allow_privileged, false) THEN
		privileges := hoopguard._privileges_of(role_oid);
		IF privileges IS NOT NULL THEN
			RAISE EXCEPTION 'role "%" has privileges that defeat masking: %',
				map_role.role, privileges
				USING ERRCODE = 'HG014',
					HINT = 'Take them away, or map it with allow_privileged => true.';
		END IF;
	END IF;

	UPDATE hoopguard.subject s
	SET kind = map_role.kind,
		owner = map_role.owner,
		model = map_role.model,
		mode = map_role.mode,
		claims_required = coalesce(map_role.claims_required, false),
		scrub_output = coalesce(map_role.scrub_output, false),
		record_literals = coalesce(map_role.record_literals, false)
	WHERE s.role = role_oid;
	IF NOT FOUND THEN
		INSERT INTO hoopguard.subject (role, kind, owner, model, mode,
			claims_required, scrub_output, record_literals)
		VALUES (role_oid, map_role.kind, map_role.owner, map_role.model,
			map_role.mode, coalesce(map_role.claims_required, false),
			coalesce(map_role.scrub_output, false),
			coalesce(map_role.record_literals, false));
	END IF;

	databases := hoopguard._mapped_in(role_oid);
	IF NOT databases ? current_database() THEN
		databases := databases || to_jsonb(current_database());
		PERFORM hoopguard._label_role(role_oid, databases::text);
	END IF;
END $$;
COMMENT ON FUNCTION hoopguard.map_role(text, text, text, text, text, boolean, boolean, boolean, boolean) IS
'govern the sessions of a role and of its members, or change how';
REVOKE ALL ON FUNCTION hoopguard.map_role(text, text, text, text, text, boolean, boolean, boolean, boolean) FROM PUBLIC;

-- The mapped role's OID; a role dropped since goes by its number.
CREATE FUNCTION hoopguard._mapped_oid(role text) RETURNS oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found	oid;
BEGIN
	SELECT s.role::oid INTO found
	FROM hoopguard.subject s LEFT JOIN pg_roles r ON r.oid = s.role
	WHERE coalesce(r.rolname::text, s.role::oid::text) = _mapped_oid.role;
	IF found IS NULL THEN
		RAISE EXCEPTION 'role "%" is not mapped', coalesce(role, 'NULL')
			USING ERRCODE = 'HG014',
				HINT = 'hoopguard.subject lists the mapped roles.';
	END IF;
	RETURN found;
END $$;
REVOKE ALL ON FUNCTION hoopguard._mapped_oid(text) FROM PUBLIC;

CREATE FUNCTION hoopguard.unmap_role(role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	role_oid	oid;
	databases	jsonb;
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	role_oid := hoopguard._mapped_oid(unmap_role.role);
	DELETE FROM hoopguard.subject s WHERE s.role = role_oid;

	databases := hoopguard._mapped_in(role_oid) - current_database()::text;
	PERFORM hoopguard._label_role(role_oid,
		CASE WHEN databases <> '[]'::jsonb THEN databases::text END);
END $$;
COMMENT ON FUNCTION hoopguard.unmap_role(text) IS
'end the mapping of a role: its sessions are no longer governed';
REVOKE ALL ON FUNCTION hoopguard.unmap_role(text) FROM PUBLIC;

CREATE FUNCTION hoopguard.freeze(role text, reason text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	UPDATE hoopguard.subject s
	SET frozen = true, freeze_reason = $2
	WHERE s.role = hoopguard._mapped_oid($1);
END $$;
COMMENT ON FUNCTION hoopguard.freeze(text, text) IS
'refuse every statement of a mapped role, at once and in every session';
REVOKE ALL ON FUNCTION hoopguard.freeze(text, text) FROM PUBLIC;

CREATE FUNCTION hoopguard.unfreeze(role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	UPDATE hoopguard.subject s
	SET frozen = false, freeze_reason = NULL
	WHERE s.role = hoopguard._mapped_oid(unfreeze.role);
END $$;
COMMENT ON FUNCTION hoopguard.unfreeze(text) IS
'end a freeze';
REVOKE ALL ON FUNCTION hoopguard.unfreeze(text) FROM PUBLIC;

CREATE FUNCTION hoopguard.whoami(
	OUT governed		boolean,
	OUT subject			text,
	OUT kind			text,
	OUT owner			text,
	OUT model			text,
	OUT session_role	text,
	OUT effective_role	text,
	OUT subjects		text[],
	OUT mode			text,
	OUT mask_mode		text,
	OUT frozen			boolean,
	OUT intent			text,
	OUT traceparent		text)
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'hoopguard_whoami';
COMMENT ON FUNCTION hoopguard.whoami() IS
'who this session is to hoopguard';
GRANT EXECUTE ON FUNCTION hoopguard.whoami() TO PUBLIC;
