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

-- The latest of the events that were stored together, of each statement: where
-- to look for one event of a statement, whenever it was.
CREATE VIEW hoopguard._latest_event AS
SELECT e.statement_id, e.event_id, e.at
FROM hoopguard._event e
WHERE e.latest;
REVOKE ALL ON hoopguard._latest_event FROM PUBLIC;

-- Edges of these statements that took effect: of those whose transaction
-- committed.  A read that was rolled back gave its rows all the same, so edges
-- to result count unless the statement was denied or failed.  Reads all events
-- once, however many statements there are.
CREATE FUNCTION hoopguard._effective_edges(statements bigint[])
RETURNS TABLE (source_schema text, source_relation text, source_column text,
	target_schema text, target_relation text, target_column text, kind text,
	subtype text, masked boolean, statement_id bigint, times bigint,
	last_at timestamptz, subjects text[], command text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH used AS (
		SELECT x.statement_id, coalesce(x.subject, x.session_role) AS who,
			x.command, x.outcome = 'committed' AS lasting,
			x.outcome <> 'denied' AND x.sqlstate = '00000' AS given,
			count(*) AS times, max(x.at) AS last_at
		FROM unnest($1) s(id)
			JOIN hoopguard.activity x ON x.statement_id = s.id
		GROUP BY 1, 2, 3, 4, 5
	), counted AS (
		SELECT u.statement_id, g.to_result, sum(u.times)::bigint AS times,
			max(u.last_at) AS last_at, array_agg(DISTINCT u.who) AS subjects,
			min(u.command) AS command
		FROM used u, (VALUES (false), (true)) g(to_result)
		WHERE u.lasting OR (g.to_result AND u.given)
		GROUP BY 1, 2
	)
	SELECT l.source_schema, l.source_relation, l.source_column,
		l.target_schema, l.target_relation, l.target_column,
		l.kind, l.subtype, l.masked, l.statement_id,
		c.times, c.last_at, c.subjects, c.command
	FROM counted c
		JOIN hoopguard.lineage_edge l ON l.statement_id = c.statement_id
			AND c.to_result = (l.target_schema IS NULL)
$$;
REVOKE ALL ON FUNCTION hoopguard._effective_edges(bigint[]) FROM PUBLIC;

-- Both walks follow DIRECT edges, through which values travel, and list the
-- INDIRECT ones (filters, joins, groupings) where they meet them.
CREATE FUNCTION hoopguard.upstream("column" text, depth int DEFAULT 10)
RETURNS TABLE (level int, source text, target text, kind text, subtype text,
	masked boolean, command text, subjects text[], times bigint,
	last_at timestamptz, statement_id bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH RECURSIVE reach(level, s, r, c) AS (
		-- all edges, whether they took effect or not
		SELECT 1, n.schema_name, n.relation_name, n.column_name
		FROM hoopguard._lineage_name($1) n
		UNION
		SELECT n.level + 1, l.source_schema, l.source_relation,
			l.source_column
		FROM reach n
			JOIN hoopguard.lineage_edge l ON l.target_schema = n.s
				AND l.target_relation = n.r
				AND (n.c IS NULL OR l.target_column = n.c)
		WHERE l.kind = 'DIRECT'
			AND n.level < coalesce($2, 10)
	), effective AS MATERIALIZED (
		SELECT e.* FROM hoopguard._effective_edges(ARRAY(
			SELECT DISTINCT l.statement_id
			FROM (SELECT DISTINCT n.s, n.r FROM reach n) n
				JOIN hoopguard.lineage_edge l ON l.target_schema = n.s
					AND l.target_relation = n.r)) e
	), node(level, s, r, c) AS (
		SELECT 1, n.schema_name, n.relation_name, n.column_name
		FROM hoopguard._lineage_name($1) n
		UNION
		SELECT n.level + 1, e.source_schema, e.source_relation,
			e.source_column
		FROM node n
			JOIN effective e ON e.target_schema = n.s
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
		JOIN effective e ON e.target_schema = f.s
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
	WITH RECURSIVE reach(level, s, r, c) AS (
		-- all edges, whether they took effect or not
		SELECT 1, n.schema_name, n.relation_name, n.column_name
		FROM hoopguard._lineage_name($1) n
		UNION
		SELECT n.level + 1, l.target_schema, l.target_relation,
			l.target_column
		FROM reach n
			JOIN hoopguard.lineage_edge l ON l.source_schema = n.s
				AND l.source_relation = n.r
				AND (n.c IS NULL OR l.source_column = n.c)
		WHERE l.kind = 'DIRECT' AND l.target_schema IS NOT NULL
			AND n.level < coalesce($2, 10)
	), effective AS MATERIALIZED (
		SELECT e.* FROM hoopguard._effective_edges(ARRAY(
			SELECT DISTINCT l.statement_id
			FROM (SELECT DISTINCT n.s, n.r FROM reach n) n
				JOIN hoopguard.lineage_edge l ON l.source_schema = n.s
					AND l.source_relation = n.r)) e
	), node(level, s, r, c) AS (
		SELECT 1, n.schema_name, n.relation_name, n.column_name
		FROM hoopguard._lineage_name($1) n
		UNION
		SELECT n.level + 1, e.target_schema, e.target_relation,
			e.target_column
		FROM node n
			JOIN effective e ON e.source_schema = n.s
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
		JOIN effective e ON e.source_schema = f.s
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
		-- one event that took effect is enough: of most statements the last
		-- one did, and the others' are looked for among all events
		WITH committed AS MATERIALIZED (
			SELECT s.statement_id
			FROM (SELECT DISTINCT l.statement_id
					FROM hoopguard.lineage_edge l) s
				CROSS JOIN LATERAL (
					SELECT k.event_id, k.at FROM hoopguard._latest_event k
					WHERE k.statement_id = s.statement_id
					ORDER BY k.at DESC, k.event_id DESC LIMIT 1) k
				CROSS JOIN LATERAL (
					SELECT x.outcome FROM hoopguard.activity x
					WHERE x.event_id = k.event_id AND x.at = k.at LIMIT 1) x
			WHERE x.outcome = 'committed'
		), known AS (
			SELECT l.source_schema, l.source_relation, l.target_schema,
				l.target_relation, l.kind, l.masked
			FROM hoopguard.lineage_edge l JOIN committed USING (statement_id)
			UNION ALL
			SELECT e.source_schema, e.source_relation, e.target_schema,
				e.target_relation, e.kind, e.masked
			FROM hoopguard._effective_edges(ARRAY(
				SELECT l.statement_id FROM hoopguard.lineage_edge l
				EXCEPT SELECT c.statement_id FROM committed c)) e
		)
		SELECT jsonb_agg(to_jsonb(g)) INTO edges FROM (
			SELECT hoopguard._lineage_text(e.source_schema,
					e.source_relation, NULL) AS source,
				hoopguard._lineage_text(e.target_schema,
					e.target_relation, NULL) AS target,
				string_agg(DISTINCT e.kind, ', ' ORDER BY e.kind) AS label,
				bool_and(e.masked) AS masked
			FROM known e
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
