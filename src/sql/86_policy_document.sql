/* src/sql/86_policy_document.sql: policy as one document, for keeping in git */

-- The document has one member per kind of policy, each an array of objects
-- whose members are named as the arguments of the functions that make them.
-- Ids are left out but for the shipped rules and limits, which appear when
-- they were changed: what counts is content, and for rules the order.
-- Secrets (keys, addresses and secrets of approvers) are never in it.

-- Relations are written qualified whatever the search_path.
CREATE FUNCTION hoopguard._qualified(relation oid) RETURNS text
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
	SELECT format('%I.%I', n.nspname, c.relname)
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.oid = $1
$$;
REVOKE ALL ON FUNCTION hoopguard._qualified(oid) FROM PUBLIC;

-- Without the members that are null; jsonb_strip_nulls() would also look into
-- the arguments of masks.
CREATE FUNCTION hoopguard._drop_nulls(item jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(jsonb_object_agg(key, value), '{}')
	FROM jsonb_each(item) WHERE value <> 'null'
$$;
REVOKE ALL ON FUNCTION hoopguard._drop_nulls(jsonb) FROM PUBLIC;

CREATE FUNCTION hoopguard.export_policy() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object(
	'format', 1,
	'subjects', (SELECT coalesce(jsonb_agg(hoopguard._drop_nulls(
			jsonb_build_object('role', r.rolname, 'kind', s.kind,
				'owner', s.owner, 'model', s.model, 'mode', s.mode,
				'claims_required', s.claims_required,
				'scrub_output', s.scrub_output,
				'record_literals', s.record_literals))
			ORDER BY r.rolname), '[]')
		FROM hoopguard.subject s JOIN pg_roles r ON r.oid = s.role),
	'classes', (SELECT coalesce(jsonb_agg(jsonb_build_object(
			'name', c.name, 'class_group', c.class_group)
			ORDER BY c.name), '[]')
		FROM hoopguard.class c WHERE NOT c.shipped),
	'default_masks', (SELECT coalesce(jsonb_agg(jsonb_build_object(
			'class', d.class, 'method', d.method, 'args', d.args)
			ORDER BY d.class), '[]')
		FROM hoopguard.default_mask d WHERE NOT d.shipped),
	'labels', (SELECT coalesce(jsonb_agg(jsonb_build_object(
			'column', hoopguard._qualified(l.objoid) || '.'
				|| quote_ident(a.attname), 'class', l.label)
			ORDER BY hoopguard._qualified(l.objoid), a.attname), '[]')
		FROM pg_seclabel l JOIN pg_attribute a
			ON a.attrelid = l.objoid AND a.attnum = l.objsubid
		WHERE l.provider = 'hoopguard' AND l.objsubid > 0
			AND l.classoid = 'pg_class'::regclass),
	'masks', (SELECT coalesce(jsonb_agg(hoopguard._drop_nulls(
			jsonb_build_object('method', m.method, 'class', m.class,
				'relation', hoopguard._qualified(m.relation),
				'column_name', m.column_name, 'args', m.args,
				'match', m.match, 'for_subject', m.for_subject,
				'priority', m.priority)) ORDER BY m.priority, m.id), '[]')
		FROM hoopguard.mask_rule m
		WHERE m.enabled AND m.waits_for IS NULL),
	'baseline', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', r.id,
			'mode', r.mode, 'priority', r.priority, 'enabled', r.enabled,
			'rehearse', r.rehearse) ORDER BY r.id), '[]')
		FROM hoopguard.rule r
		WHERE r.baseline AND (r.mode, r.priority, r.enabled, r.rehearse)
			IS DISTINCT FROM ('enforce', 1000, true, true)),
	'rules', (SELECT coalesce(jsonb_agg(hoopguard._drop_nulls(
			jsonb_build_object('action', r.action, 'commands', r.commands,
				'for_subject', r.for_subject, 'objects', r.objects,
				'condition', r.condition, 'priority', r.priority,
				'approver', r.approver, 'message', r.message,
				'mode', r.mode, 'rehearse', r.rehearse))
				ORDER BY r.priority, r.id), '[]')
		FROM hoopguard.rule r WHERE NOT r.baseline AND r.enabled),
	'baseline_limits', (SELECT coalesce(jsonb_agg(jsonb_build_object(
			'id', l.id, 'value', l.value, 'action', l.action,
			'enabled', l.enabled) ORDER BY l.id), '[]')
		FROM hoopguard.limit_rule l WHERE l.baseline AND NOT l.shipped),
	'limits', (SELECT coalesce(jsonb_agg(jsonb_build_object(
			'for_subject', l.for_subject, 'kind', l.kind, 'value', l.value,
			'per', l.per, 'action', l.action)
			ORDER BY l.for_subject, l.kind, l.per, l.id), '[]')
		FROM hoopguard.limit_rule l WHERE NOT l.baseline AND l.enabled),
	'function_groups', (SELECT coalesce(jsonb_agg(jsonb_build_object(
			'function', f.function, 'function_group', f.function_group)
			ORDER BY f.function COLLATE "C"), '[]')
		FROM hoopguard.function_class f),
	'allow_lists', (SELECT coalesce(jsonb_agg(hoopguard._drop_nulls(
			jsonb_build_object('role', r.rolname, 'state', s.state,
				'otherwise', s.otherwise, 'approver', s.approver,
				'statements', (SELECT coalesce(jsonb_agg(
						jsonb_build_object('key', a.key::text,
							'command', a.command, 'text', a.text)
						ORDER BY a.text COLLATE "C", a.key), '[]')
					FROM hoopguard.allowed_statement a
					WHERE a.role = s.role)))
			ORDER BY r.rolname), '[]')
		FROM hoopguard.allow_list s JOIN pg_roles r ON r.oid = s.role))
$$;
COMMENT ON FUNCTION hoopguard.export_policy() IS
'the whole policy but for secrets and freezes as one document for hoopguard.apply_policy()';
REVOKE ALL ON FUNCTION hoopguard.export_policy() FROM PUBLIC;

-- One member of the document that is an array of objects with known members.
CREATE FUNCTION hoopguard._policy_section(policy jsonb, section text,
	required text[], optional text[]) RETURNS SETOF jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	item	jsonb;
	name	text;
BEGIN
	IF jsonb_typeof(policy -> section) <> 'array' THEN
		RAISE EXCEPTION 'policy member "%" must be an array', section
			USING ERRCODE = 'HG014';
	END IF;
	FOR item IN SELECT jsonb_array_elements(policy -> section) LOOP
		IF jsonb_typeof(item) <> 'object' THEN
			RAISE EXCEPTION 'each item of policy member "%" must be an object',
				section USING ERRCODE = 'HG014', DETAIL = item::text;
		END IF;
		FOREACH name IN ARRAY required LOOP
			IF item ->> name IS NULL THEN
				RAISE EXCEPTION 'an item of policy member "%" lacks "%"',
					section, name
					USING ERRCODE = 'HG014', DETAIL = item::text;
			END IF;
		END LOOP;
		FOR name IN SELECT jsonb_object_keys(item) LOOP
			IF name <> ALL (required || optional) THEN
				RAISE EXCEPTION 'unrecognized member "%" in policy member "%"',
					name, section
					USING ERRCODE = 'HG014', DETAIL = item::text,
						HINT = format('Known are %s.',
							array_to_string(required || optional, ', '));
			END IF;
		END LOOP;
		RETURN NEXT item;
	END LOOP;
END $$;
REVOKE ALL ON FUNCTION hoopguard._policy_section(jsonb, text, text[], text[]) FROM PUBLIC;

-- Which of the rows there are stay, given the wanted ones in order: the
-- longest beginning of the wanted list that is found among the rows in the
-- order of their ids.  Ids decide between rules of one priority, so what
-- follows it is made anew.
CREATE FUNCTION hoopguard._policy_kept(wanted jsonb[], ids int[],
	rows jsonb[], OUT kept int[], OUT matched int)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i	int := 1;
	j	int;
BEGIN
	kept := '{}';
	matched := 0;
	WHILE matched < coalesce(cardinality(wanted), 0) LOOP
		j := i;
		WHILE j <= coalesce(cardinality(rows), 0)
			AND rows[j] <> wanted[matched + 1] LOOP
			j := j + 1;
		END LOOP;
		EXIT WHEN j > coalesce(cardinality(rows), 0);
		kept := kept || ids[j];
		matched := matched + 1;
		i := j + 1;
	END LOOP;
END $$;
REVOKE ALL ON FUNCTION hoopguard._policy_kept(jsonb[], int[], jsonb[]) FROM PUBLIC;

-- Does the work of apply_policy(), in whose transaction or subtransaction it
-- runs: one row per change, in the order in which they were made.
CREATE FUNCTION hoopguard._apply_policy(policy jsonb)
RETURNS TABLE (change text, kind text, item jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	now_is	jsonb := hoopguard.export_policy();
	section	text;
	known	text[] := '{subjects, classes, default_masks, labels, masks,
		baseline, rules, baseline_limits, limits, function_groups,
		allow_lists}';
	want	jsonb;
	wanted	jsonb[];
	old		record;
	keep	record;
	parts	text[];
BEGIN
	IF jsonb_typeof(policy) IS DISTINCT FROM 'object'
		OR policy -> 'format' IS DISTINCT FROM '1'::jsonb THEN
		RAISE EXCEPTION 'this is no policy document'
			USING ERRCODE = 'HG014',
				HINT = 'hoopguard.export_policy() makes one; its member "format" is 1.';
	END IF;
	FOR section IN SELECT jsonb_object_keys(policy) LOOP
		IF section <> 'format' AND section <> ALL (known) THEN
			RAISE EXCEPTION 'unrecognized policy member "%"', section
				USING ERRCODE = 'HG014', HINT = format('Known are %s.',
					array_to_string(known, ', '));
		END IF;
	END LOOP;

	IF policy ? 'classes' THEN
		FOR want IN SELECT * FROM hoopguard._policy_section(policy, 'classes',
			'{name, class_group}', '{}')
		LOOP
			CONTINUE WHEN now_is -> 'classes' @> jsonb_build_array(want);
			IF EXISTS (SELECT FROM hoopguard.class c
				WHERE c.name = want ->> 'name') THEN
				UPDATE hoopguard.class c
				SET class_group = want ->> 'class_group'
				WHERE c.name = want ->> 'name';
				change := 'change';
			ELSE
				PERFORM hoopguard.add_class(want ->> 'name',
					want ->> 'class_group');
				change := 'add';
			END IF;
			kind := 'class'; item := want; RETURN NEXT;
		END LOOP;
	END IF;

	IF policy ? 'function_groups' THEN
		FOR want IN SELECT * FROM hoopguard._policy_section(policy,
			'function_groups', '{function, function_group}', '{}')
		LOOP
			wanted := wanted || want;
			CONTINUE WHEN now_is -> 'function_groups'
				@> jsonb_build_array(want);
			PERFORM hoopguard.add_function_group(want ->> 'function',
				want ->> 'function_group');
			change := 'change'; kind := 'function_group'; item := want;
			RETURN NEXT;
		END LOOP;
		FOR old IN SELECT f ->> 'function' AS name, f AS row
			FROM jsonb_array_elements(now_is -> 'function_groups') f
		LOOP
			CONTINUE WHEN EXISTS (SELECT FROM unnest(wanted) w
				WHERE w ->> 'function' = old.name);
			PERFORM hoopguard.drop_function_group(old.name);
			change := 'drop'; kind := 'function_group'; item := old.row;
			RETURN NEXT;
		END LOOP;
		wanted := NULL;
	END IF;

	IF policy ? 'default_masks' THEN
		FOR want IN SELECT * FROM hoopguard._policy_section(policy,
			'default_masks', '{class, method}', '{args}')
		LOOP
			want := '{"args": {}}' || want;
			CONTINUE WHEN hoopguard.export_policy() -> 'default_masks'
				@> jsonb_build_array(want);
			UPDATE hoopguard.default_mask d
			SET method = want ->> 'method', args = want -> 'args'
			WHERE d.class = want ->> 'class';
			IF NOT FOUND THEN
				RAISE EXCEPTION 'unknown class "%"', want ->> 'class'
					USING ERRCODE = 'HG014',
						HINT = 'hoopguard.class lists the classes.';
			END IF;
			-- a mask that the functions would refuse is refused here too
			PERFORM hoopguard.drop_mask(hoopguard.add_mask(
				want ->> 'method', class => want ->> 'class',
				args => want -> 'args'));
			change := 'change'; kind := 'default_mask'; item := want;
			RETURN NEXT;
		END LOOP;
	END IF;

	IF policy ? 'subjects' THEN
		FOR old IN SELECT s ->> 'role' AS role, s AS row
			FROM jsonb_array_elements(now_is -> 'subjects') s
		LOOP
			CONTINUE WHEN EXISTS (SELECT FROM
				hoopguard._policy_section(policy, 'subjects', '{role}',
					'{kind, owner, model, mode, claims_required, scrub_output,
					record_literals, allow_privileged}') w
				WHERE w ->> 'role' = old.role);
			PERFORM hoopguard.unmap_role(old.role);
			change := 'drop'; kind := 'subject'; item := old.row; RETURN NEXT;
		END LOOP;
		FOR want IN SELECT * FROM hoopguard._policy_section(policy,
			'subjects', '{role}', '{kind, owner, model, mode, claims_required,
			scrub_output, record_literals, allow_privileged}')
		LOOP
			want := '{"kind": "agent", "mode": "enforce",
				"claims_required": false, "scrub_output": false,
				"record_literals": false}' || want;
			SELECT s INTO item FROM jsonb_array_elements(now_is -> 'subjects') s
			WHERE s ->> 'role' = want ->> 'role';
			CONTINUE WHEN item = hoopguard._drop_nulls(want) - 'allow_privileged';
			PERFORM hoopguard.map_role(want ->> 'role',
				kind => want ->> 'kind', owner => want ->> 'owner',
				model => want ->> 'model', mode => want ->> 'mode',
				claims_required => (want ->> 'claims_required')::boolean,
				scrub_output => (want ->> 'scrub_output')::boolean,
				record_literals => (want ->> 'record_literals')::boolean,
				allow_privileged =>
					(want ->> 'allow_privileged')::boolean IS TRUE);
			change := CASE WHEN item IS NULL THEN 'add' ELSE 'change' END;
			kind := 'subject'; item := want; RETURN NEXT;
		END LOOP;
	END IF;

	IF policy ? 'labels' THEN
		FOR want IN SELECT * FROM hoopguard._policy_section(policy, 'labels',
			'{column, class}', '{}')
		LOOP
			parts := parse_ident(want ->> 'column');
			IF cardinality(parts) <> 3 THEN
				RAISE EXCEPTION 'invalid column "%"', want ->> 'column'
					USING ERRCODE = 'HG014',
						HINT = 'Columns are written schema.relation.column.';
			END IF;
			want := jsonb_build_object('column', format('%I.%I.%I', parts[1],
				parts[2], parts[3]), 'class', want ->> 'class');
			wanted := wanted || want;
			CONTINUE WHEN now_is -> 'labels' @> jsonb_build_array(want);
			EXECUTE format('SECURITY LABEL FOR hoopguard ON COLUMN %I.%I.%I IS %L',
				parts[1], parts[2], parts[3], want ->> 'class');
			change := 'change'; kind := 'label'; item := want; RETURN NEXT;
		END LOOP;
		FOR old IN SELECT l ->> 'column' AS name, l AS row
			FROM jsonb_array_elements(now_is -> 'labels') l
		LOOP
			CONTINUE WHEN EXISTS (SELECT FROM unnest(wanted) w
				WHERE w ->> 'column' = old.name);
			EXECUTE format('SECURITY LABEL FOR hoopguard ON COLUMN %s IS NULL',
				old.name);
			change := 'drop'; kind := 'label'; item := old.row; RETURN NEXT;
		END LOOP;
	END IF;

	IF policy ? 'masks' THEN
		SELECT array_agg(x.row ORDER BY (x.row ->> 'priority')::int, x.n)
		INTO wanted
		FROM (SELECT w.n, hoopguard._drop_nulls('{"args": {}, "match": "masked",
				"for_subject": "kind:agent", "priority": 100}' || w.row
				|| CASE WHEN w.row ->> 'relation' IS NULL THEN '{}'
					ELSE jsonb_build_object('relation', hoopguard._qualified(
						(w.row ->> 'relation')::regclass)) END) AS row
			FROM hoopguard._policy_section(policy, 'masks', '{method}',
				'{class, relation, column_name, args, match, for_subject,
				priority}') WITH ORDINALITY w(row, n)) x;
		SELECT k.* INTO keep FROM (
			SELECT array_agg(m.id ORDER BY m.priority, m.id) AS ids
			FROM hoopguard.mask_rule m
			WHERE m.enabled AND m.waits_for IS NULL) i
			CROSS JOIN (SELECT array_agg(r ORDER BY n) AS rows
				FROM jsonb_array_elements(now_is -> 'masks')
					WITH ORDINALITY e(r, n)) r
			CROSS JOIN LATERAL hoopguard._policy_kept(wanted, i.ids, r.rows) k;
		FOR old IN SELECT m.id, to_jsonb(m) - '{id, enabled, waits_for}'::text[] AS row
			FROM hoopguard.mask_rule m
			WHERE m.enabled AND m.waits_for IS NULL
				AND m.id <> ALL (keep.kept) ORDER BY m.id
		LOOP
			PERFORM hoopguard.drop_mask(old.id);
			change := 'drop'; kind := 'mask'; item := hoopguard._drop_nulls(old.row);
			RETURN NEXT;
		END LOOP;
		FOREACH want IN ARRAY coalesce(wanted[keep.matched + 1:], '{}') LOOP
			PERFORM hoopguard.add_mask(want ->> 'method',
				class => want ->> 'class',
				relation => (want ->> 'relation')::regclass,
				column_name => want ->> 'column_name', args => want -> 'args',
				match => want ->> 'match',
				for_subject => want ->> 'for_subject',
				priority => (want ->> 'priority')::int);
			change := 'add'; kind := 'mask'; item := want; RETURN NEXT;
		END LOOP;
	END IF;

	IF policy ? 'baseline' THEN
		FOR want IN SELECT * FROM hoopguard._policy_section(policy,
			'baseline', '{id}', '{mode, priority, enabled, rehearse}')
		LOOP
			IF NOT EXISTS (SELECT FROM hoopguard.rule r
				WHERE r.baseline AND r.id = (want ->> 'id')::int) THEN
				RAISE EXCEPTION 'baseline has no rule %', want ->> 'id'
					USING ERRCODE = 'HG014',
						HINT = 'hoopguard.baseline() lists its rules.';
			END IF;
			PERFORM hoopguard._check_mode(coalesce(want ->> 'mode', 'enforce'));
			UPDATE hoopguard.rule r
			SET mode = coalesce(want ->> 'mode', 'enforce'),
				priority = coalesce((want ->> 'priority')::int, 1000),
				enabled = coalesce((want ->> 'enabled')::boolean, true),
				rehearse = coalesce((want ->> 'rehearse')::boolean, true)
			WHERE r.id = (want ->> 'id')::int
				AND (r.mode, r.priority, r.enabled, r.rehearse)
					IS DISTINCT FROM (coalesce(want ->> 'mode', 'enforce'),
					coalesce((want ->> 'priority')::int, 1000),
					coalesce((want ->> 'enabled')::boolean, true),
					coalesce((want ->> 'rehearse')::boolean, true));
			IF FOUND THEN
				change := 'change'; kind := 'baseline'; item := want;
				RETURN NEXT;
			END IF;
		END LOOP;
		-- what the document does not name is as shipped
		FOR old IN
			UPDATE hoopguard.rule r
			SET mode = 'enforce', priority = 1000, enabled = true,
				rehearse = true
			WHERE r.baseline AND NOT r.shipped
				AND (r.mode, r.priority, r.enabled, r.rehearse)
					IS DISTINCT FROM ('enforce', 1000, true, true)
				AND r.id <> ALL (ARRAY(SELECT (w ->> 'id')::int
					FROM jsonb_array_elements(policy -> 'baseline') w))
			RETURNING r.id
		LOOP
			change := 'reset'; kind := 'baseline';
			item := jsonb_build_object('id', old.id); RETURN NEXT;
		END LOOP;
	END IF;

	IF policy ? 'rules' THEN
		SELECT array_agg(x.row ORDER BY (x.row ->> 'priority')::int, x.n)
		INTO wanted
		FROM (SELECT w.n, hoopguard._drop_nulls('{"for_subject": "kind:agent",
				"objects": "*", "condition": "always", "priority": 100,
				"mode": "enforce", "rehearse": true}' || w.row) AS row
			FROM hoopguard._policy_section(policy, 'rules',
				'{action, commands}', '{for_subject, objects, condition,
				priority, approver, message, mode, rehearse}')
				WITH ORDINALITY w(row, n)) x;
		SELECT k.* INTO keep FROM (
			SELECT array_agg(r.id ORDER BY r.priority, r.id) AS ids
			FROM hoopguard.rule r WHERE NOT r.baseline AND r.enabled) i
			CROSS JOIN (SELECT array_agg(r ORDER BY n) AS rows
				FROM jsonb_array_elements(now_is -> 'rules')
					WITH ORDINALITY e(r, n)) r
			CROSS JOIN LATERAL hoopguard._policy_kept(wanted, i.ids, r.rows) k;
		FOR old IN SELECT r.id, to_jsonb(r)
				- '{id, enabled, baseline, shipped}'::text[] AS row
			FROM hoopguard.rule r
			WHERE NOT r.baseline AND r.enabled AND r.id <> ALL (keep.kept)
			ORDER BY r.id
		LOOP
			PERFORM hoopguard.drop_rule(old.id);
			change := 'drop'; kind := 'rule'; item := hoopguard._drop_nulls(old.row);
			RETURN NEXT;
		END LOOP;
		FOREACH want IN ARRAY coalesce(wanted[keep.matched + 1:], '{}') LOOP
			PERFORM hoopguard.add_rule(want ->> 'action',
				ARRAY(SELECT jsonb_array_elements_text(want -> 'commands')),
				for_subject => want ->> 'for_subject',
				objects => want ->> 'objects',
				condition => want ->> 'condition',
				priority => (want ->> 'priority')::int,
				approver => want ->> 'approver',
				message => want ->> 'message', mode => want ->> 'mode',
				rehearse => (want ->> 'rehearse')::boolean);
			change := 'add'; kind := 'rule'; item := want; RETURN NEXT;
		END LOOP;
	END IF;

	IF policy ? 'baseline_limits' THEN
		FOR want IN SELECT * FROM hoopguard._policy_section(policy,
			'baseline_limits', '{id, value}', '{action, enabled}')
		LOOP
			IF NOT EXISTS (SELECT FROM hoopguard.limit_rule l
				WHERE l.baseline AND l.id = (want ->> 'id')::int) THEN
				RAISE EXCEPTION 'baseline has no limit %', want ->> 'id'
					USING ERRCODE = 'HG014',
						HINT = 'hoopguard.limit_rule lists the limits.';
			END IF;
			UPDATE hoopguard.limit_rule l
			SET value = (want ->> 'value')::bigint,
				action = coalesce(want ->> 'action', 'deny'),
				enabled = coalesce((want ->> 'enabled')::boolean, true)
			WHERE l.id = (want ->> 'id')::int
				AND (l.value, l.action, l.enabled) IS DISTINCT FROM
					((want ->> 'value')::bigint,
					coalesce(want ->> 'action', 'deny'),
					coalesce((want ->> 'enabled')::boolean, true));
			IF FOUND THEN
				change := 'change'; kind := 'baseline_limit'; item := want;
				RETURN NEXT;
			END IF;
		END LOOP;
	END IF;

	IF policy ? 'limits' THEN
		wanted := ARRAY(SELECT '{"per": "statement", "action": "deny"}' || w
			FROM hoopguard._policy_section(policy, 'limits',
				'{for_subject, kind, value}', '{per, action}') w);
		FOR old IN SELECT l.id, jsonb_build_object('for_subject',
				l.for_subject, 'kind', l.kind, 'value', l.value, 'per', l.per,
				'action', l.action) AS row
			FROM hoopguard.limit_rule l WHERE NOT l.baseline AND l.enabled
		LOOP
			CONTINUE WHEN EXISTS (SELECT FROM unnest(wanted) w
				WHERE w - '{value, action}'::text[]
					= old.row - '{value, action}'::text[]);
			PERFORM hoopguard.drop_limit(old.id);
			change := 'drop'; kind := 'limit'; item := old.row; RETURN NEXT;
		END LOOP;
		FOREACH want IN ARRAY wanted LOOP
			CONTINUE WHEN now_is -> 'limits' @> jsonb_build_array(want);
			PERFORM hoopguard.set_limit(want ->> 'for_subject',
				want ->> 'kind', (want ->> 'value')::bigint, want ->> 'per',
				want ->> 'action');
			change := 'change'; kind := 'limit'; item := want; RETURN NEXT;
		END LOOP;
	END IF;

	IF policy ? 'allow_lists' THEN
		FOR old IN SELECT a ->> 'role' AS role, a - 'statements' AS row
			FROM jsonb_array_elements(now_is -> 'allow_lists') a
		LOOP
			CONTINUE WHEN EXISTS (SELECT FROM
				hoopguard._policy_section(policy, 'allow_lists',
					'{role, state}', '{otherwise, approver, statements}') w
				WHERE w ->> 'role' = old.role);
			PERFORM hoopguard.forget_learned(old.role);
			change := 'drop'; kind := 'allow_list'; item := old.row;
			RETURN NEXT;
		END LOOP;
		FOR want IN SELECT * FROM hoopguard._policy_section(policy,
			'allow_lists', '{role, state}', '{otherwise, approver,
			statements}')
		LOOP
			want := hoopguard._drop_nulls('{"otherwise": "deny",
				"statements": []}' || want);
			SELECT a INTO item
			FROM jsonb_array_elements(now_is -> 'allow_lists') a
			WHERE a ->> 'role' = want ->> 'role';
			CONTINUE WHEN item = want;
			PERFORM hoopguard.learn(want ->> 'role');
			DELETE FROM hoopguard.allowed_statement a
			WHERE a.role = hoopguard._subject_oid(want ->> 'role');
			INSERT INTO hoopguard.allowed_statement (role, key, command, text)
			SELECT hoopguard._subject_oid(want ->> 'role'),
				(s ->> 'key')::bigint, s ->> 'command', s ->> 'text'
			FROM jsonb_array_elements(want -> 'statements') s;
			UPDATE hoopguard.allow_list a
			SET state = want ->> 'state', otherwise = want ->> 'otherwise',
				approver = want ->> 'approver'
			WHERE a.role = hoopguard._subject_oid(want ->> 'role');
			change := CASE WHEN item IS NULL THEN 'add' ELSE 'change' END;
			kind := 'allow_list'; item := want - 'statements'; RETURN NEXT;
		END LOOP;
	END IF;
END $$;
REVOKE ALL ON FUNCTION hoopguard._apply_policy(jsonb) FROM PUBLIC;

CREATE FUNCTION hoopguard.apply_policy(policy jsonb,
	dry_run boolean DEFAULT false)
RETURNS TABLE (change text, kind text, item jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	changes	jsonb;
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	-- two documents applied at once would mix
	PERFORM pg_advisory_xact_lock(hashtextextended('hoopguard.apply_policy', 0));
	IF coalesce(dry_run, true) THEN
		BEGIN
			SELECT jsonb_agg(to_jsonb(a)) INTO changes
			FROM hoopguard._apply_policy(apply_policy.policy) a;
			-- takes all of it back but the variable
			RAISE EXCEPTION USING ERRCODE = 'HG000', MESSAGE = 'dry run';
		EXCEPTION WHEN SQLSTATE 'HG000' THEN
			NULL;
		END;
		RETURN QUERY SELECT r.change, r.kind, r.item
		FROM jsonb_to_recordset(coalesce(changes, '[]'))
			AS r(change text, kind text, item jsonb);
		RETURN;
	END IF;
	RETURN QUERY SELECT * FROM hoopguard._apply_policy(apply_policy.policy);
END $$;
COMMENT ON FUNCTION hoopguard.apply_policy(jsonb, boolean) IS
'make the policy what the document says and return the changes; members that the document lacks are left alone, applying it twice changes nothing the second time';
REVOKE ALL ON FUNCTION hoopguard.apply_policy(jsonb, boolean) FROM PUBLIC;
