/* src/sql/45_audit.sql: the questions that auditors ask of lineage */

-- schema.relation[.column] in parts, quoted as identifiers are.  A temporary
-- relation's schema is pg_temp.
CREATE FUNCTION hoopguard._lineage_name(name text, OUT schema_name text,
	OUT relation_name text, OUT column_name text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	parts	text[];
BEGIN
	BEGIN
		parts := parse_ident(name);
	EXCEPTION WHEN invalid_parameter_value THEN
		NULL;
	END;
	IF coalesce(cardinality(parts), 0) NOT IN (2, 3) THEN
		RAISE EXCEPTION 'invalid name of a column: "%"', coalesce(name, 'NULL')
			USING ERRCODE = 'invalid_name',
				HINT = 'Write schema.relation.column.';
	END IF;
	schema_name := parts[1];
	relation_name := parts[2];
	column_name := parts[3];
END $$;
REVOKE ALL ON FUNCTION hoopguard._lineage_name(text) FROM PUBLIC;

-- A node of a graph as text: result.x, schema.relation or
-- schema.relation.column, quoted where SQL would.
CREATE FUNCTION hoopguard._lineage_text(schema_name text, relation_name text,
	column_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(quote_ident($1) || '.', '') || quote_ident($2)
		|| coalesce('.' || quote_ident($3), '')
$$;
REVOKE ALL ON FUNCTION hoopguard._lineage_text(text, text, text) FROM PUBLIC;

-- Edges that took effect: used by a statement whose transaction committed.
-- A read that was rolled back gave its rows all the same, so edges to result
-- count unless the statement was denied or failed.
CREATE VIEW hoopguard._effective_edge AS
SELECT l.source_schema, l.source_relation, l.source_column,
	l.target_schema, l.target_relation, l.target_column,
	l.kind, l.subtype, l.masked, l.statement_id,
	a.times, a.last_at, a.subjects, a.command
FROM hoopguard.lineage_edge l
	CROSS JOIN LATERAL (
		SELECT pg_catalog.count(*) AS times, pg_catalog.max(x.at) AS last_at,
			pg_catalog.array_agg(DISTINCT
				coalesce(x.subject, x.session_role)) AS subjects,
			pg_catalog.min(x.command) AS command
		FROM hoopguard.activity x
		WHERE x.statement_id OPERATOR(pg_catalog.=) l.statement_id
			AND (x.outcome OPERATOR(pg_catalog.=) 'committed'
				OR (l.target_schema IS NULL
					AND x.outcome OPERATOR(pg_catalog.<>) 'denied'
					AND x.sqlstate OPERATOR(pg_catalog.=) '00000'))) a
WHERE a.times OPERATOR(pg_catalog.>) 0;
REVOKE ALL ON hoopguard._effective_edge FROM PUBLIC;

-- Both walks follow DIRECT edges, through which values travel, and list the
-- INDIRECT ones (filters, joins, groupings) where they meet them.
CREATE FUNCTION hoopguard.upstream("column" text, depth int DEFAULT 10)
RETURNS TABLE (level int, source text, target text, kind text, subtype text,
	masked boolean, command text, subjects text[], times bigint,
	last_at timestamptz, statement_id bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH RECURSIVE node(level, s, r, c) AS (
		SELECT 1, n.schema_name, n.relation_name, n.column_name
		FROM hoopguard._lineage_name($1) n
		UNION
		SELECT n.level + 1, e.source_schema, e.source_relation,
			e.source_column
		FROM node n
			JOIN hoopguard._effective_edge e ON e.target_schema = n.s
				AND e.target_relation = n.r
				AND (n.c IS NULL OR e.target_column = n.c)
		WHERE e.kind = 'DIRECT' AND n.level < coalesce($2, 10)
	), first AS (
		SELECT min(n.level) AS level, n.s, n.r, n.c FROM node n
		GROUP BY n.s, n.r, n.c
	)
	SELECT f.level,
		hoopguard._lineage_text(e.source_schema, e.source_relation,
			e.source_column),
		hoopguard._lineage_text(e.target_schema, e.target_relation,
			e.target_column),
		e.kind, e.subtype, e.masked, e.command, e.subjects, e.times,
		e.last_at, e.statement_id
	FROM first f
		JOIN hoopguard._effective_edge e ON e.target_schema = f.s
			AND e.target_relation = f.r
			AND (f.c IS NULL OR e.target_column = f.c
				OR e.target_column IS NULL)
	ORDER BY 1, 3, 2, 4, 5, 11
$$;
COMMENT ON FUNCTION hoopguard.upstream(text, int) IS
'where the values of schema.relation.column (or of a whole relation) came from, step by step, at most depth steps';
REVOKE ALL ON FUNCTION hoopguard.upstream(text, int) FROM PUBLIC;

CREATE FUNCTION hoopguard.downstream("column" text, depth int DEFAULT 10)
RETURNS TABLE (level int, source text, target text, kind text, subtype text,
	masked boolean, command text, subjects text[], times bigint,
	last_at timestamptz, statement_id bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH RECURSIVE node(level, s, r, c) AS (
		SELECT 1, n.schema_name, n.relation_name, n.column_name
		FROM hoopguard._lineage_name($1) n
		UNION
		SELECT n.level + 1, e.target_schema, e.target_relation,
			e.target_column
		FROM node n
			JOIN hoopguard._effective_edge e ON e.source_schema = n.s
				AND e.source_relation = n.r
				AND (n.c IS NULL OR e.source_column = n.c)
		WHERE e.kind = 'DIRECT' AND e.target_schema IS NOT NULL
			AND n.level < coalesce($2, 10)
	), first AS (
		SELECT min(n.level) AS level, n.s, n.r, n.c FROM node n
		GROUP BY n.s, n.r, n.c
	)
	SELECT f.level,
		hoopguard._lineage_text(e.source_schema, e.source_relation,
			e.source_column),
		hoopguard._lineage_text(e.target_schema, e.target_relation,
			e.target_column),
		e.kind, e.subtype, e.masked, e.command, e.subjects, e.times,
		e.last_at, e.statement_id
	FROM first f
		JOIN hoopguard._effective_edge e ON e.source_schema = f.s
			AND e.source_relation = f.r
			AND (f.c IS NULL OR e.source_column = f.c)
	ORDER BY 1, 2, 3, 4, 5, 11
$$;
COMMENT ON FUNCTION hoopguard.downstream(text, int) IS
'where the values of schema.relation.column (or of a whole relation) went, step by step, to results of whom too';
REVOKE ALL ON FUNCTION hoopguard.downstream(text, int) FROM PUBLIC;

CREATE FUNCTION hoopguard.lineage_graph(format text DEFAULT 'mermaid',
	root text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	edges	jsonb;
	nodes	jsonb;
	answer	text;
BEGIN
	IF format IS NULL OR format NOT IN ('mermaid', 'dot', 'json') THEN
		RAISE EXCEPTION 'unrecognized format of a graph: "%"',
			coalesce(format, 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Formats are mermaid, dot and json.';
	END IF;

	-- all there is between relations, or all around one column or relation
	IF root IS NULL THEN
		SELECT jsonb_agg(to_jsonb(g)) INTO edges FROM (
			SELECT hoopguard._lineage_text(e.source_schema,
					e.source_relation, NULL) AS source,
				hoopguard._lineage_text(e.target_schema,
					e.target_relation, NULL) AS target,
				string_agg(DISTINCT e.kind, ', ' ORDER BY e.kind) AS label,
				bool_and(e.masked) AS masked
			FROM hoopguard.lineage_edge e
				-- one event that took effect is enough: _effective_edge
				-- would count them all
				CROSS JOIN LATERAL (SELECT FROM hoopguard.activity x
					WHERE x.statement_id = e.statement_id
						AND (x.outcome = 'committed'
							OR (e.target_schema IS NULL
								AND x.outcome <> 'denied'
								AND x.sqlstate = '00000'))
					LIMIT 1) a
			GROUP BY 1, 2 ORDER BY 1, 2) g;
	ELSE
		SELECT jsonb_agg(to_jsonb(g)) INTO edges FROM (
			SELECT w.source, w.target,
				string_agg(DISTINCT w.subtype, ', ' ORDER BY w.subtype) AS label,
				bool_and(w.masked) AS masked
			FROM (SELECT u.source, u.target, u.subtype, u.masked
					FROM hoopguard.upstream(root) u
				UNION ALL
				SELECT d.source, d.target, d.subtype, d.masked
					FROM hoopguard.downstream(root) d) w
			GROUP BY 1, 2 ORDER BY 1, 2) g;
	END IF;
	edges := coalesce(edges, '[]');
	SELECT coalesce(jsonb_agg(n.name ORDER BY n.name), '[]') INTO nodes
	FROM (SELECT e ->> 'source' AS name FROM jsonb_array_elements(edges) e
		UNION SELECT e ->> 'target' FROM jsonb_array_elements(edges) e) n;

	IF format = 'json' THEN
		RETURN jsonb_pretty(jsonb_build_object('nodes', nodes,
			'edges', edges));
	END IF;

	-- nodes are numbered; names are only ever shown, in quotes
	WITH node AS (
		SELECT n.name, 'n' || n.number AS id
		FROM jsonb_array_elements_text(nodes)
			WITH ORDINALITY n(name, number)
	), line AS (
		SELECT 1 AS part, id, CASE format
			WHEN 'dot' THEN format('  %s [label="%s"];', id,
				replace(replace(name, '\', '\\'), '"', '\"'))
			ELSE format('  %s["%s"]', id, replace(replace(replace(name,
				'#', '#35;'), '"', '#quot;'), '<', '#lt;'))
			END AS line
		FROM node
		UNION ALL
		SELECT 2, s.id || t.id, CASE format
			WHEN 'dot' THEN format('  %s -> %s [label="%s"%s];', s.id, t.id,
				e ->> 'label' || CASE WHEN (e ->> 'masked')::boolean
					THEN ' (masked)' ELSE '' END,
				CASE WHEN (e ->> 'masked')::boolean THEN ', style=dashed'
					ELSE '' END)
			WHEN 'mermaid' THEN format('  %s %s|"%s"| %s', s.id,
				CASE WHEN (e ->> 'masked')::boolean THEN '-.->' ELSE '-->' END,
				e ->> 'label' || CASE WHEN (e ->> 'masked')::boolean
					THEN ' (masked)' ELSE '' END, t.id)
			END
		FROM jsonb_array_elements(edges) e
			JOIN node s ON s.name = e ->> 'source'
			JOIN node t ON t.name = e ->> 'target'
	)
	SELECT string_agg(line, E'\n' ORDER BY part, line) INTO answer FROM line;
	answer := coalesce(answer || E'\n', '');
	IF format = 'dot' THEN
		RETURN E'digraph lineage {\n  rankdir=LR;\n' || answer || E'}\n';
	END IF;
	RETURN E'graph LR\n' || answer;
END $$;
COMMENT ON FUNCTION hoopguard.lineage_graph(text, text) IS
'lineage as text for Mermaid, Graphviz (dot) or as json: between all relations, or around root, a column or relation; dashed where only masks flowed';
REVOKE ALL ON FUNCTION hoopguard.lineage_graph(text, text) FROM PUBLIC;
