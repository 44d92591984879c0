/* src/sql/46_openlineage.sql: recorded statements as OpenLineage run events */

-- Names follow OpenLineage's naming of PostgreSQL (spec/Naming.md): namespace
-- postgres://host:port, dataset database.schema.relation.  The host is
-- cluster_name where the DBA has set it, so that the answer does not depend
-- on the connection that asks.
CREATE FUNCTION hoopguard._openlineage_namespace() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'postgres://' || coalesce(nullif(current_setting('cluster_name'), ''),
		'localhost') || ':' || current_setting('port')
$$;
REVOKE ALL ON FUNCTION hoopguard._openlineage_namespace() FROM PUBLIC;

-- A run's id, the same each time it is asked for: a UUID of version 8, which
-- RFC 9562 leaves to whoever makes it, of cluster and event.
CREATE FUNCTION hoopguard._openlineage_run(event_id bigint) RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT (substr(h, 1, 12) || '8' || substr(h, 14, 3) || 'a' || substr(h, 18))::uuid
	FROM (SELECT encode(substr(sha256(convert_to(s.system_identifier::text
			|| '/' || $1::text, 'UTF8')), 1, 16), 'hex') AS h
		FROM pg_control_system() s) x
$$;
REVOKE ALL ON FUNCTION hoopguard._openlineage_run(bigint) FROM PUBLIC;

-- Reads the system identifier, which is not for everyone: the definer's right.
ALTER FUNCTION hoopguard._openlineage_run(bigint) SECURITY DEFINER;

CREATE FUNCTION hoopguard._openlineage_facet(facet text, version text,
	content jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object(
		'_producer', 'urn:postgresql-extension:hoopguard:1.0',
		'_schemaURL', format('https://openlineage.io/spec/facets/%s/%s.json',
			version, facet)) || content
$$;
REVOKE ALL ON FUNCTION hoopguard._openlineage_facet(text, text, jsonb) FROM PUBLIC;

CREATE FUNCTION hoopguard.openlineage(event_id bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	a			record;
	namespace	text := hoopguard._openlineage_namespace();
	prefix		text := current_database() || '.';
	parent		bigint;
	run			jsonb;
	inputs		jsonb;
	outputs		jsonb;
BEGIN
	SELECT * INTO a FROM hoopguard.activity x
	WHERE x.event_id = openlineage.event_id;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;

	run := jsonb_build_object('hoopguard', hoopguard._openlineage_facet(
		'BaseFacet', '1-0-0', jsonb_strip_nulls(jsonb_build_object(
		'subject', a.subject, 'sessionRole', a.session_role,
		'effectiveRole', a.effective_role, 'session', a.session_id,
		'intent', a.intent, 'verdict', a.verdict, 'outcome', a.outcome,
		'maskedColumns', to_jsonb(a.masked_columns)))
		|| jsonb_build_object('_schemaURL',
			'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet')));
	IF a.sqlstate <> '00000' OR a.verdict = 'deny' THEN
		run := run || jsonb_build_object('errorMessage',
			hoopguard._openlineage_facet('ErrorMessageRunFacet', '1-0-1',
				jsonb_build_object('message', format('SQLSTATE %s',
					coalesce(nullif(a.sqlstate, '00000'), 'HG001')),
					'programmingLanguage', 'SQL')));
	END IF;
	parent := nullif(a.parent_id, 0);
	IF parent IS NOT NULL THEN
		run := run || jsonb_build_object('parent',
			hoopguard._openlineage_facet('ParentRunFacet', '1-2-0',
				jsonb_build_object(
					'run', jsonb_build_object('runId',
						hoopguard._openlineage_run(parent)),
					'job', jsonb_build_object('namespace', namespace,
						'name', prefix || coalesce((SELECT lower(p.command)
								|| '.' || to_hex(p.statement_id)
							FROM hoopguard.activity p
							WHERE p.event_id = parent), 'unknown')))));
	END IF;

	SELECT coalesce(jsonb_agg(jsonb_build_object('namespace', namespace,
		'name', prefix || d.schema_name || '.' || d.relation_name)
		ORDER BY d.schema_name, d.relation_name), '[]')
	INTO inputs
	FROM hoopguard.lineage_dataset d
	WHERE d.statement_id = a.statement_id AND d.access IN ('read', 'rule read')
		AND d.schema_name IS NOT NULL;

	-- what the client got is an output too: who it went to is the point
	WITH edge AS (
		SELECT l.target_schema AS s, l.target_relation AS r,
			l.target_column AS c,
			jsonb_build_object('namespace', namespace, 'name', prefix
				|| l.source_schema || '.' || l.source_relation,
				'field', l.source_column, 'transformations',
				jsonb_agg(jsonb_build_object('type', l.kind,
					'subtype', l.subtype, 'masking', l.masked)
					ORDER BY l.kind, l.subtype)) AS input
		FROM hoopguard.lineage_edge l
		WHERE l.statement_id = a.statement_id
			AND l.source_column IS NOT NULL
		GROUP BY 1, 2, 3, l.source_schema, l.source_relation, l.source_column
	), field AS (
		SELECT e.s, e.r, e.c, jsonb_agg(e.input
			ORDER BY e.input ->> 'name', e.input ->> 'field') AS inputs
		FROM edge e GROUP BY 1, 2, 3
	), target AS (
		SELECT d.schema_name AS s, d.relation_name AS r
		FROM hoopguard.lineage_dataset d
		WHERE d.statement_id = a.statement_id AND d.access IN ('write', 'rule write')
			AND d.schema_name IS NOT NULL
		UNION
		SELECT f.s, f.r FROM field f
	)
	SELECT coalesce(jsonb_agg(jsonb_build_object(
			'namespace', CASE WHEN t.s IS NULL THEN 'hoopguard:session'
				ELSE namespace END,
			'name', CASE WHEN t.s IS NULL THEN format('%s/%s', a.session_id,
				t.r) ELSE prefix || t.s || '.' || t.r END,
			'facets', jsonb_build_object('columnLineage',
				hoopguard._openlineage_facet('ColumnLineageDatasetFacet',
					'1-2-0', jsonb_build_object(
					'fields', coalesce((SELECT jsonb_object_agg(f.c,
							jsonb_build_object('inputFields', f.inputs))
						FROM field f WHERE f.r = t.r
							AND f.s IS NOT DISTINCT FROM t.s
							AND f.c IS NOT NULL), '{}'),
					'dataset', coalesce((SELECT f.inputs FROM field f
						WHERE f.r = t.r AND f.s IS NOT DISTINCT FROM t.s
							AND f.c IS NULL), '[]')))))
		|| CASE WHEN t.s IS NOT NULL AND a.rows_affected IS NOT NULL THEN
			jsonb_build_object('outputFacets', jsonb_build_object(
				'outputStatistics', hoopguard._openlineage_facet(
					'OutputStatisticsOutputDatasetFacet', '1-0-2',
					jsonb_build_object('rowCount', a.rows_affected))))
			ELSE '{}' END
		ORDER BY t.s, t.r), '[]')
	INTO outputs FROM target t;

	RETURN jsonb_build_object(
		'eventType', CASE WHEN a.verdict = 'deny' OR a.sqlstate <> '00000'
			THEN 'FAIL' WHEN a.outcome = 'rolled back' THEN 'ABORT'
			WHEN a.outcome IN ('in progress', 'prepared') THEN 'RUNNING'
			ELSE 'COMPLETE' END,
		'eventTime', to_char((a.at + a.duration_us * interval '1 microsecond')
			AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
		'producer', 'urn:postgresql-extension:hoopguard:1.0',
		'schemaURL', 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent',
		'run', jsonb_build_object('runId',
			hoopguard._openlineage_run(a.event_id), 'facets', run),
		'job', jsonb_build_object('namespace', namespace,
			'name', prefix || lower(a.command) || '.'
				|| coalesce(to_hex(a.statement_id), 'unknown'),
			'facets', CASE WHEN a.text IS NULL THEN '{}' ELSE
				jsonb_build_object('sql', hoopguard._openlineage_facet(
					'SQLJobFacet', '1-1-0', jsonb_build_object(
						'query', a.text, 'dialect', 'postgresql'))) END),
		'inputs', inputs, 'outputs', outputs);
END $$;
COMMENT ON FUNCTION hoopguard.openlineage(bigint) IS
'a recorded event as an OpenLineage RunEvent (spec 2-0-2); NULL if there is no such event';
REVOKE ALL ON FUNCTION hoopguard.openlineage(bigint) FROM PUBLIC;
