/*
 * 47_report.sql
 *	  For auditors: a page about what happened, and a session step by step.
 *
 * The page is one file without a script, a font or an image from elsewhere,
 * and its Content-Security-Policy allows none.  Whatever comes out of a table
 * goes through _html(); numbers are formatted from numeric types.  Statements
 * of the record have no literals; those of requests for approval do, and are
 * not shown.
 */

-- Text that means nothing to a browser, in content as in attributes.
CREATE FUNCTION hoopguard._html(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT replace(replace(replace(replace(replace(coalesce($1, ''),
		'&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
$$;
REVOKE ALL ON FUNCTION hoopguard._html(text) FROM PUBLIC;

CREATE FUNCTION hoopguard._report_number(numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN $1 IS NULL OR $1 = 0 THEN '-'
		WHEN $1 < 10000 THEN trim_scale($1)::text
		WHEN $1 < 1000000 THEN trim_scale(round($1 / 1000, 1)) || ' k'
		WHEN $1 < 1000000000 THEN trim_scale(round($1 / 1000000, 1)) || ' M'
		ELSE trim_scale(round($1 / 1000000000, 1)) || ' G' END
$$;
REVOKE ALL ON FUNCTION hoopguard._report_number(numeric) FROM PUBLIC;

CREATE FUNCTION hoopguard._report_time(timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT to_char($1, 'DD Mon HH24:MI')
$$;
REVOKE ALL ON FUNCTION hoopguard._report_time(timestamptz) FROM PUBLIC;

-- All the figures of the page, counted in one reading of the events.
-- Relations of the system and of hoopguard itself are left out.
CREATE FUNCTION hoopguard._report_data(since timestamptz, step interval)
RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH f AS MATERIALIZED (
		SELECT e.statement_id, coalesce(e.subject, e.session_role, '?') AS who,
			e.subject IS NOT NULL AS governed,
			date_bin($2, e.at, $1) AS bucket, e.level = 0 AS top,
			coalesce(e.verdict = 'deny' OR e.sqlstate LIKE 'HG%', false) AS refused,
			coalesce(e.verdict <> 'deny' AND e.sqlstate <> '00000'
				AND e.sqlstate NOT LIKE 'HG%', false) AS failed,
			count(*) AS n, sum(e.rows_returned) AS rows_out,
			sum(e.rows_affected) AS rows_written,
			count(*) FILTER (WHERE cardinality(e.masked_columns) > 0) AS masked,
			max(e.at) AS last_at
		FROM hoopguard.event e
		WHERE e.at >= $1
		GROUP BY 1, 2, 3, 4, 5, 6, 7
	), who AS (
		SELECT f.who, f.governed, sum(f.n) AS n,
			sum(f.n) FILTER (WHERE f.refused) AS refused,
			sum(f.n) FILTER (WHERE f.failed) AS failed,
			sum(f.rows_out) AS rows_out, sum(f.rows_written) AS rows_written,
			sum(f.masked) AS masked, max(f.last_at) AS last_at
		FROM f WHERE f.top GROUP BY 1, 2
	), per_statement AS (
		SELECT f.statement_id, f.who, f.governed, f.refused, sum(f.n) AS n,
			max(f.last_at) AS last_at
		FROM f WHERE f.statement_id IS NOT NULL GROUP BY 1, 2, 3, 4
	), touched AS (
		SELECT p.who, d.schema_name || '.' || d.relation_name AS relation,
			sum(p.n) FILTER (WHERE d.read AND NOT p.refused) AS reads,
			sum(p.n) FILTER (WHERE d.written AND NOT p.refused) AS writes,
			sum(p.n) FILTER (WHERE p.refused) AS refused,
			max(p.last_at) AS last_at
		FROM per_statement p
			JOIN (SELECT l.statement_id, l.schema_name, l.relation_name,
					bool_or(l.access IN ('read', 'rule read')) AS read,
					bool_or(l.access IN ('write', 'rule write')) AS written
				FROM hoopguard.lineage_dataset l
				WHERE l.schema_name NOT IN ('pg_catalog',
					'information_schema', 'pg_toast', 'hoopguard')
				GROUP BY 1, 2, 3) d USING (statement_id)
		GROUP BY 1, 2
	), edge AS MATERIALIZED (
		SELECT l.statement_id, l.source_schema, l.source_relation,
			l.source_column, l.target_schema, l.target_relation,
			bool_or(l.kind = 'DIRECT') AS direct, bool_and(l.masked) AS masked
		FROM hoopguard.lineage_edge l
		WHERE l.statement_id IN (SELECT p.statement_id FROM per_statement p)
			AND l.source_schema NOT IN ('pg_catalog', 'information_schema',
				'pg_toast', 'hoopguard')
		GROUP BY 1, 2, 3, 4, 5, 6
	), used AS (
		SELECT e.source_schema || '.' || e.source_relation || '.'
				|| e.source_column AS name,
			e.statement_id, bool_or(e.direct) AS direct,
			bool_and(e.masked) AS masked
		FROM edge e GROUP BY 1, 2
	), columns AS (
		SELECT u.name, sum(p.n) AS n,
			sum(p.n) FILTER (WHERE u.masked) AS masked,
			sum(p.n) FILTER (WHERE u.direct) AS direct,
			count(DISTINCT p.who) AS people
		FROM used u JOIN per_statement p USING (statement_id)
		WHERE NOT p.refused
		GROUP BY 1
	), flow AS (
		SELECT e.source_schema || '.' || e.source_relation AS source,
			CASE WHEN e.target_schema IS NULL THEN p.who
				ELSE e.target_schema || '.' || e.target_relation END AS target,
			e.target_schema IS NULL AS to_person, e.statement_id, p.who, p.n,
			bool_and(e.masked) AS masked
		FROM edge e JOIN per_statement p USING (statement_id)
		WHERE e.direct AND NOT p.refused
		GROUP BY 1, 2, 3, 4, 5, 6
	), graph AS (
		SELECT g.source, g.target, g.to_person, sum(g.n) AS n,
			sum(g.n) FILTER (WHERE g.masked) AS masked
		FROM flow g
		WHERE g.to_person OR g.source <> g.target
		GROUP BY 1, 2, 3
	)
	SELECT jsonb_build_object(
		'totals', (SELECT jsonb_build_object('statements', sum(w.n),
				'subjects', count(*) FILTER (WHERE w.governed),
				'others', count(*) FILTER (WHERE NOT w.governed),
				'refused', sum(w.refused), 'failed', sum(w.failed),
				'masked', sum(w.masked), 'rows_out', sum(w.rows_out),
				'rows_written', sum(w.rows_written))
			FROM who w),
		'approvals', (SELECT jsonb_build_object('n', count(*),
				'approved', count(*) FILTER (WHERE a.state IN ('approved', 'consumed')),
				'denied', count(*) FILTER (WHERE a.state = 'denied'),
				'pending', count(*) FILTER (WHERE a.state = 'pending'))
			FROM hoopguard.approval a WHERE a.requested_at >= $1),
		'buckets', (SELECT coalesce(jsonb_agg(to_jsonb(b) ORDER BY b.bucket), '[]')
			FROM (SELECT s.bucket, coalesce(x.allowed, 0) AS allowed,
					coalesce(x.failed, 0) AS failed,
					coalesce(x.refused, 0) AS refused,
					coalesce(y.approved, 0) AS approved,
					coalesce(y.denied, 0) AS denied,
					coalesce(y.open, 0) AS open
				FROM generate_series($1, now(), $2) s(bucket)
					LEFT JOIN (SELECT f.bucket,
							sum(f.n) FILTER (WHERE NOT f.refused AND NOT f.failed) AS allowed,
							sum(f.n) FILTER (WHERE f.failed) AS failed,
							sum(f.n) FILTER (WHERE f.refused) AS refused
						FROM f WHERE f.top GROUP BY 1) x ON x.bucket = s.bucket
					LEFT JOIN (SELECT date_bin($2, a.requested_at, $1) AS bucket,
							count(*) FILTER (WHERE a.state IN ('approved', 'consumed')) AS approved,
							count(*) FILTER (WHERE a.state = 'denied') AS denied,
							count(*) FILTER (WHERE a.state NOT IN
								('approved', 'consumed', 'denied')) AS open
						FROM hoopguard.approval a WHERE a.requested_at >= $1
						GROUP BY 1) y ON y.bucket = s.bucket) b),
		'who', (SELECT coalesce(jsonb_agg(to_jsonb(w)), '[]') FROM (
			SELECT w.*, s.kind, s.owner, s.model FROM who w
				LEFT JOIN pg_roles r ON r.rolname = w.who
				LEFT JOIN hoopguard.subject s ON s.role = r.oid
			ORDER BY w.governed DESC, w.n DESC, w.who LIMIT 30) w),
		'touched', (SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') FROM (
			SELECT * FROM touched t
			ORDER BY coalesce(t.reads, 0) + coalesce(t.writes, 0)
				+ coalesce(t.refused, 0) DESC, t.who, t.relation LIMIT 30) t),
		'columns', (SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]') FROM (
			SELECT * FROM columns c ORDER BY c.n DESC, c.name LIMIT 20) c),
		'graph', (SELECT coalesce(jsonb_agg(to_jsonb(g)), '[]') FROM (
			SELECT * FROM graph g ORDER BY g.n DESC, g.source, g.target
			LIMIT 36) g),
		'more', (SELECT greatest(count(*) - 36, 0) FROM graph),
		'refusals', (SELECT coalesce(jsonb_agg(to_jsonb(d)), '[]') FROM (
			SELECT e.at, coalesce(e.subject, e.session_role) AS who, e.command,
				e.rule_id, e.sqlstate, t.text
			FROM hoopguard.event e
				LEFT JOIN hoopguard.statement t USING (statement_id)
			WHERE e.at >= $1 AND (e.verdict = 'deny' OR e.sqlstate LIKE 'HG%')
			ORDER BY e.at DESC, e.event_id DESC LIMIT 20) d),
		'requests', (SELECT coalesce(jsonb_agg(to_jsonb(q)), '[]') FROM (
			SELECT a.requested_at AS at, a.subject AS who, a.state,
				a.rule_message AS message, a.decided_by, a.decided_via, a.reason
			FROM hoopguard.approval a WHERE a.requested_at >= $1
			ORDER BY a.requested_at DESC, a.id LIMIT 20) q))
$$;
REVOKE ALL ON FUNCTION hoopguard._report_data(timestamptz, interval) FROM PUBLIC;

-- Stacked columns, one for each bucket.  The picture is stretched to the
-- width of the page, so there is no text in it.
CREATE FUNCTION hoopguard._report_chart(buckets jsonb, series text[],
	labels text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	b		jsonb;
	top		numeric;
	n		int := greatest(jsonb_array_length(coalesce(buckets, '[]')), 1);
	i		int := 0;
	svg		text := '';
	y		numeric;
	height	numeric;
	value	numeric;
	tip		text;
	sum		numeric[] := array_fill(0::numeric, ARRAY[cardinality(series)]);
	legend	text := '';
BEGIN
	SELECT max(t.total) INTO top FROM (
		SELECT sum((x.b ->> s.name)::numeric) AS total
		FROM jsonb_array_elements(coalesce(buckets, '[]'))
				WITH ORDINALITY x(b, number), unnest(series) s(name)
		GROUP BY x.number) t;
	FOR b IN SELECT * FROM jsonb_array_elements(coalesce(buckets, '[]')) LOOP
		y := 100;
		tip := hoopguard._report_time((b ->> 'bucket')::timestamptz);
		FOR k IN 1 .. cardinality(series) LOOP
			tip := tip || E'\n' || labels[k] || ': ' || (b ->> series[k]);
		END LOOP;
		svg := svg || format('<g><title>%s</title><rect class="hit" x="%s" y="0" width="10" height="100"/>',
			hoopguard._html(tip), i * 10);
		FOR k IN 1 .. cardinality(series) LOOP
			value := (b ->> series[k])::numeric;
			sum[k] := sum[k] + value;
			CONTINUE WHEN value = 0;
			-- what there is can be seen, however little
			height := greatest(round(value * 100 / top, 2), 1.5);
			y := y - height;
			svg := svg || format('<rect class="s-%s" x="%s" y="%s" width="8.4" height="%s"/>',
				series[k], i * 10 + 0.8, y, height);
		END LOOP;
		svg := svg || '</g>';
		i := i + 1;
	END LOOP;
	FOR k IN 1 .. cardinality(series) LOOP
		legend := legend || format('<span><i class="s-%s"></i>%s <b>%s</b></span>',
			series[k], hoopguard._html(labels[k]),
			hoopguard._report_number(sum[k]));
	END LOOP;
	RETURN format('<figure><figcaption>%s</figcaption><div class="plot">'
			|| '<svg viewBox="0 0 %s 100" preserveAspectRatio="none" role="img" aria-label="%s">%s</svg></div>'
			|| '<div class="axis"><span>%s</span><span>at most %s in %s</span><span>%s</span></div></figure>',
		legend, n * 10,
		hoopguard._html(array_to_string(labels, ', ') || ' over time'), svg,
		hoopguard._report_time((buckets -> 0 ->> 'bucket')::timestamptz),
		hoopguard._report_number(top),
		hoopguard._html(((buckets -> 1 ->> 'bucket')::timestamptz
			- (buckets -> 0 ->> 'bucket')::timestamptz)::text),
		hoopguard._report_time(now()));
END $$;
REVOKE ALL ON FUNCTION hoopguard._report_chart(jsonb, text[], text[]) FROM PUBLIC;

-- Relations and people in columns, from left to right as values go.  A node
-- stands one column right of the rightmost that it gets values from; circles
-- end at the sixth.  Within a column nodes stand near those they come from.
CREATE FUNCTION hoopguard._report_graph(graph jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	box_w	CONSTANT int := 196;
	box_h	CONSTANT int := 34;
	step_x	CONSTANT int := 306;
	step_y	CONSTANT int := 50;
	names	text[];
	person	boolean[];
	layer	int[];
	place	numeric[];
	slot	int[];
	source	int[];
	target	int[];
	weight	numeric[];
	hidden	numeric[];
	moved	boolean := true;
	turn	int := 0;
	last	int;
	tallest	int;
	most	numeric;
	edges	text := '';
	nodes	text := '';
	x1		int;
	y1		numeric;
	x2		int;
	y2		numeric;
	bend	int;
	label	text;
BEGIN
	IF graph IS NULL OR jsonb_array_length(graph) = 0 THEN
		RETURN '<p class="none">No values went anywhere.</p>';
	END IF;
	SELECT array_agg(n.name ORDER BY n.person, n.weight DESC, n.name),
		array_agg(n.person ORDER BY n.person, n.weight DESC, n.name)
	INTO names, person
	FROM (SELECT m.name, m.person, sum(m.n) AS weight
		FROM (SELECT g ->> 'source' AS name, false AS person,
				(g ->> 'n')::numeric AS n
			FROM jsonb_array_elements(graph) g
			UNION ALL
			SELECT g ->> 'target', (g ->> 'to_person')::boolean,
				(g ->> 'n')::numeric
			FROM jsonb_array_elements(graph) g) m
		GROUP BY 1, 2) n;
	SELECT array_agg(s.i), array_agg(t.i), array_agg((g.e ->> 'n')::numeric),
		array_agg(coalesce((g.e ->> 'masked')::numeric, 0)),
		max((g.e ->> 'n')::numeric)
	INTO source, target, weight, hidden, most
	FROM jsonb_array_elements(graph) g(e)
		JOIN unnest(names, person) WITH ORDINALITY s(name, human, i)
			ON s.name = g.e ->> 'source' AND NOT s.human
		JOIN unnest(names, person) WITH ORDINALITY t(name, human, i)
			ON t.name = g.e ->> 'target'
			AND t.human = (g.e ->> 'to_person')::boolean;

	layer := array_fill(0, ARRAY[cardinality(names)]);
	WHILE moved AND turn < 6 LOOP
		moved := false;
		turn := turn + 1;
		FOR i IN 1 .. cardinality(source) LOOP
			IF layer[target[i]] <= layer[source[i]]
				AND layer[source[i]] < 5 THEN
				layer[target[i]] := layer[source[i]] + 1;
				moved := true;
			END IF;
		END LOOP;
	END LOOP;
	-- people stand at the right
	SELECT max(l) INTO last FROM unnest(layer, person) u(l, p) WHERE NOT p;
	FOR i IN 1 .. cardinality(names) LOOP
		IF person[i] THEN
			layer[i] := last + 1;
		END IF;
	END LOOP;

	place := array_fill(0::numeric, ARRAY[cardinality(names)]);
	FOR i IN 1 .. cardinality(names) LOOP
		place[i] := i;
	END LOOP;
	FOR pass IN 1 .. 3 LOOP
		SELECT array_agg(p.s::int ORDER BY p.i) INTO slot
		FROM (SELECT u.i, row_number() OVER (PARTITION BY u.l
				ORDER BY u.p, u.i) - 1 AS s
			FROM unnest(layer, place) WITH ORDINALITY u(l, p, i)) p;
		SELECT array_agg(coalesce(b.mean, slot[b.i]) ORDER BY b.i) INTO place
		FROM (SELECT u.i, (SELECT avg(slot[e.s]) FROM unnest(source, target) e(s, t)
				WHERE e.t = u.i AND e.s <> u.i) AS mean
			FROM generate_series(1, cardinality(names)) u(i)) b;
	END LOOP;
	SELECT max(n), max(l) INTO tallest, last
	FROM (SELECT count(*) AS n, max(u.l) AS l FROM unnest(layer) u(l)
		GROUP BY u.l) c;

	-- each column is centred
	SELECT array_agg(24 + (u.s + (tallest - c.n) / 2.0) * step_y ORDER BY u.i)
	INTO place
	FROM unnest(layer, slot) WITH ORDINALITY u(l, s, i)
		JOIN (SELECT v.l, count(*) AS n FROM unnest(layer) v(l) GROUP BY 1) c
			ON c.l = u.l;

	FOR i IN 1 .. cardinality(source) LOOP
		x1 := layer[source[i]] * step_x + box_w;
		y1 := place[source[i]] + box_h / 2.0;
		x2 := layer[target[i]] * step_x;
		y2 := place[target[i]] + box_h / 2.0;
		bend := greatest((x2 - x1) / 2, 50);
		label := format('%s -> %s: %s times, %s of them masked',
			names[source[i]], names[target[i]], weight[i], hidden[i]);
		edges := edges || format('<path class="%s" d="M%s %s C%s %s %s %s %s %s" stroke-width="%s"><title>%s</title></path>',
			CASE WHEN hidden[i] >= weight[i] THEN 'e masked' ELSE 'e' END,
			x1 + 1, round(y1, 1), x1 + bend, round(y1, 1), x2 - bend,
			round(y2, 1), x2 - 1, round(y2, 1),
			round(1.2 + 3.5 * ln(1 + weight[i]) / ln(1 + most), 1),
			hoopguard._html(label));
	END LOOP;
	FOR i IN 1 .. cardinality(names) LOOP
		label := CASE WHEN char_length(names[i]) > 26
			THEN left(names[i], 12) || '...' || right(names[i], 13)
			ELSE names[i] END;
		nodes := nodes || format('<g class="%s"><title>%s</title><rect x="%s" y="%s" width="%s" height="%s" rx="%s"/>'
			|| '<text x="%s" y="%s">%s</text></g>',
			CASE WHEN person[i] THEN 'n person' ELSE 'n' END,
			hoopguard._html(names[i]), layer[i] * step_x, round(place[i], 1),
			box_w, box_h, CASE WHEN person[i] THEN 17 ELSE 5 END,
			layer[i] * step_x + box_w / 2, round(place[i] + 22, 1),
			hoopguard._html(label));
	END LOOP;
	RETURN format('<div class="scroll"><svg class="graph" viewBox="-4 0 %s %s" width="%s" role="img" aria-label="Lineage between relations and people">%s%s</svg></div>',
		last * step_x + box_w + 8, tallest * step_y + 34,
		last * step_x + box_w + 8, edges, nodes);
END $$;
REVOKE ALL ON FUNCTION hoopguard._report_graph(jsonb) FROM PUBLIC;

-- A table with a heading; cells are HTML already.  Columns whose title ends
-- in # are numbers.
CREATE FUNCTION hoopguard._report_table(titles text[], rows text[],
	nothing text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN coalesce(cardinality($2), 0) = 0
		THEN '<p class="none">' || hoopguard._html($3) || '</p>'
		ELSE '<div class="scroll"><table><thead><tr>' || (
				SELECT string_agg(CASE WHEN t LIKE '%#'
					THEN '<th class="num">' || hoopguard._html(rtrim(t, '#'))
					ELSE '<th>' || hoopguard._html(t) END || '</th>', '')
				FROM unnest($1) t)
			|| '</tr></thead><tbody>' || array_to_string($2, '')
			|| '</tbody></table></div>' END
$$;
REVOKE ALL ON FUNCTION hoopguard._report_table(text[], text[], text) FROM PUBLIC;

CREATE FUNCTION hoopguard.report_html(since interval DEFAULT '7 days')
RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	start	timestamptz;
	step	interval;
	d		jsonb;
	t		jsonb;
	a		jsonb;
	tiles	text;
	people	text[];
	touched	text[];
	columns	text[];
	refused	text[];
	asked	text[];
BEGIN
	IF since IS NULL OR since <= interval '0' THEN
		RAISE EXCEPTION 'a report needs a time to look back at'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Say for instance interval ''7 days''.';
	END IF;
	-- not further back than there is anything, so that the charts show it
	SELECT greatest(now() - since, least(min(e.at), now() - interval '10 minutes'))
	INTO start FROM hoopguard.event e;
	SELECT s.step INTO step
	FROM unnest(ARRAY['1 s', '10 s', '1 min', '5 min', '15 min', '1 hour', '3 hours',
			'12 hours', '1 day', '7 days', '30 days', '365 days', '3650 days']::interval[])
		WITH ORDINALITY s(step, number)
	WHERE extract(epoch FROM now() - start) / extract(epoch FROM s.step) <= 72
	ORDER BY s.number LIMIT 1;
	start := date_bin(step, start, timestamptz '2000-01-03 00:00:00+00');
	-- what there is none of is NULL then, and not a JSON null
	d := jsonb_strip_nulls(hoopguard._report_data(start, step));
	t := d -> 'totals';
	a := d -> 'approvals';

	SELECT string_agg(format('<div><b>%s</b>%s</div>',
		hoopguard._report_number(v.value::numeric), v.name), '' ORDER BY v.number)
	INTO tiles
	FROM (VALUES (1, t ->> 'statements', 'statements sent'),
			(2, t ->> 'subjects', 'mapped subjects'),
			(3, t ->> 'others', 'other roles'),
			(4, t ->> 'refused', 'refused'),
			(5, a ->> 'n', 'approvals asked for'),
			(6, t ->> 'masked', 'met masked columns'),
			(7, t ->> 'rows_out', 'rows returned'),
			(8, t ->> 'rows_written', 'rows written')) v(number, value, name);

	SELECT array_agg(format('<tr><td><bdi>%s</bdi>%s%s</td><td class="num">%s</td><td class="num">%s</td><td class="num">%s</td>'
			|| '<td class="num">%s</td><td class="num">%s</td><td class="num">%s</td><td>%s</td></tr>',
		hoopguard._html(w ->> 'who'),
		CASE WHEN (w ->> 'governed')::boolean THEN format(' <em>%s</em>',
			hoopguard._html(coalesce(w ->> 'kind', 'token'))) ELSE '' END,
		CASE WHEN w ->> 'owner' IS NOT NULL THEN format(' <small>of <bdi>%s</bdi></small>',
			hoopguard._html(w ->> 'owner')) ELSE '' END,
		hoopguard._report_number((w ->> 'n')::numeric),
		hoopguard._report_number((w ->> 'refused')::numeric),
		hoopguard._report_number((w ->> 'failed')::numeric),
		hoopguard._report_number((w ->> 'masked')::numeric),
		hoopguard._report_number((w ->> 'rows_out')::numeric),
		hoopguard._report_number((w ->> 'rows_written')::numeric),
		hoopguard._report_time((w ->> 'last_at')::timestamptz)))
	INTO people FROM jsonb_array_elements(d -> 'who') w;

	SELECT array_agg(format('<tr><td><bdi>%s</bdi></td><td><bdi>%s</bdi></td><td class="num">%s</td><td class="num">%s</td><td class="num">%s</td><td>%s</td></tr>',
		hoopguard._html(x ->> 'who'), hoopguard._html(x ->> 'relation'),
		hoopguard._report_number((x ->> 'reads')::numeric),
		hoopguard._report_number((x ->> 'writes')::numeric),
		hoopguard._report_number((x ->> 'refused')::numeric),
		hoopguard._report_time((x ->> 'last_at')::timestamptz)))
	INTO touched FROM jsonb_array_elements(d -> 'touched') x;

	SELECT array_agg(format('<tr><td><bdi class="col">%s</bdi><div class="bar"><i class="s-allowed" style="width:%s%%"></i><i class="s-masked" style="width:%s%%"></i></div></td>'
			|| '<td class="num">%s</td><td class="num">%s</td><td class="num">%s</td><td class="num">%s</td></tr>',
		hoopguard._html(x ->> 'name'),
		round(100 * ((x ->> 'n')::numeric - coalesce((x ->> 'masked')::numeric, 0)) / m.most, 1),
		round(100 * coalesce((x ->> 'masked')::numeric, 0) / m.most, 1),
		hoopguard._report_number((x ->> 'n')::numeric),
		hoopguard._report_number((x ->> 'masked')::numeric),
		hoopguard._report_number((x ->> 'direct')::numeric),
		hoopguard._report_number((x ->> 'people')::numeric)))
	INTO columns
	FROM jsonb_array_elements(d -> 'columns') x,
		(SELECT max((y ->> 'n')::numeric) AS most
			FROM jsonb_array_elements(d -> 'columns') y) m;

	SELECT array_agg(format('<tr><td>%s</td><td><bdi>%s</bdi></td><td>%s</td><td>%s</td><td><code>%s</code></td></tr>',
		hoopguard._report_time((x ->> 'at')::timestamptz),
		hoopguard._html(x ->> 'who'), hoopguard._html(x ->> 'command'),
		hoopguard._html(concat_ws(', ', 'rule ' || (x ->> 'rule_id'),
			nullif(x ->> 'sqlstate', '00000'))),
		hoopguard._html(CASE WHEN char_length(x ->> 'text') > 240
			THEN left(x ->> 'text', 240) || ' ...' ELSE x ->> 'text' END)))
	INTO refused FROM jsonb_array_elements(d -> 'refusals') x;

	SELECT array_agg(format('<tr><td>%s</td><td><bdi>%s</bdi></td><td>%s</td><td><bdi>%s</bdi></td><td><bdi class="long">%s</bdi></td></tr>',
		hoopguard._report_time((x ->> 'at')::timestamptz),
		hoopguard._html(x ->> 'who'), hoopguard._html(x ->> 'state'),
		hoopguard._html(concat_ws(', ', x ->> 'decided_by', x ->> 'decided_via')),
		hoopguard._html(coalesce(x ->> 'reason', x ->> 'message'))))
	INTO asked FROM jsonb_array_elements(d -> 'requests') x;

	RETURN format($page$<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="referrer" content="no-referrer"/>
<title>hoopguard: %1$s</title>
<style>
:root { color-scheme: light dark; --bg: #f6f7f9; --card: #fff; --ink: #1c2430; --soft: #5b6676; --line: #dfe3e9;
	--ok: #3f74c8; --masked: #8ab4e8; --bad: #c8372d; --warn: #b97708; --good: #2f8f5b; --open: #9aa4b2; --no: #8b4fb0; }
@media (prefers-color-scheme: dark) { :root { --bg: #14181e; --card: #1d232b; --ink: #e4e8ee; --soft: #9aa6b5; --line: #323b47;
	--ok: #6b9be6; --masked: #37608f; --bad: #ea6a60; --warn: #d99b36; --good: #56b881; --open: #6d7887; --no: #b684d6; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 20px 16px 40px; }
header h1 { font-size: 1.5rem; margin: 0 0 2px; overflow-wrap: anywhere; }
header p, .note { color: var(--soft); margin: 0 0 16px; font-size: .9rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px 16px; margin: 0 0 16px; min-width: 0; }
h2 { font-size: 1.05rem; margin: 0 0 10px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: 10px; margin: 0 0 16px; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; color: var(--soft); font-size: .85rem; }
.tiles b { display: block; font-size: 1.35rem; color: var(--ink); font-weight: 600; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%%, 480px), 1fr)); gap: 0 16px; }
.scroll { overflow-x: auto; max-width: 100%%; }
table { border-collapse: collapse; width: 100%%; font-size: .9rem; }
th, td { text-align: left; padding: 6px 14px 6px 0; border-top: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
th { color: var(--soft); font-weight: 500; border-top: 0; }
td bdi { display: inline-block; max-width: 21em; overflow: hidden; text-overflow: ellipsis; vertical-align: bottom; }
.two td bdi { max-width: 14em; }
td .col { white-space: normal; overflow-wrap: anywhere; max-width: 24em; min-width: 7em; }
td .long { white-space: normal; max-width: none; min-width: 14em; }
.num { text-align: right; font-variant-numeric: tabular-nums; }
td code { white-space: normal; overflow-wrap: anywhere; font-size: .85em; display: block; min-width: 260px; }
em { font-style: normal; font-size: .8em; border: 1px solid var(--line); border-radius: 10px; padding: 0 7px; color: var(--soft); }
small { color: var(--soft); }
figure { margin: 0; }
figcaption { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: .9rem; color: var(--soft); margin: 0 0 8px; }
figcaption b { color: var(--ink); font-weight: 600; }
figcaption i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 6px; }
.plot { position: relative; border-bottom: 1px solid var(--line); border-top: 1px dashed var(--line); }
.plot svg { display: block; width: 100%%; height: 130px; }
.axis { display: flex; justify-content: space-between; font-size: .78rem; color: var(--soft); margin-top: 4px; }
.hit { fill: transparent; }
g:hover > .hit { fill: var(--line); }
.s-allowed { fill: var(--ok); background: var(--ok); }
.s-masked { fill: var(--masked); background: var(--masked); }
.s-refused { fill: var(--bad); background: var(--bad); }
.s-denied { fill: var(--no); background: var(--no); }
.s-failed { fill: var(--warn); background: var(--warn); }
.s-approved { fill: var(--good); background: var(--good); }
.s-open { fill: var(--open); background: var(--open); }
.bar { display: flex; height: 5px; margin-top: 3px; min-width: 120px; border-radius: 3px; overflow: hidden; background: var(--bg); }
.bar i { display: block; height: 100%%; }
.graph { display: block; margin: 0 auto; max-width: none; }
.e { fill: none; stroke: var(--ok); opacity: .55; }
.e.masked { stroke-dasharray: 7 5; }
.e:hover { opacity: 1; }
.n rect { fill: var(--bg); stroke: var(--soft); }
.n.person rect { stroke: var(--good); stroke-width: 1.6; }
.n text { fill: var(--ink); font-size: 13px; text-anchor: middle; }
.none { color: var(--soft); margin: 0; }
.key { display: inline-block; width: 26px; border-top: 2px solid var(--ok); vertical-align: middle; margin-right: 6px; }
.key.masked { border-top-style: dashed; }
@media (max-width: 600px) { td bdi, .two td bdi { max-width: 9.5em; } td small { display: block; } th, td { padding-right: 10px; } .bar { min-width: 0; } td .col { max-width: 10.5em; } }
@media print { body { background: #fff; } section { break-inside: avoid; } }
</style>
</head>
<body>
<main>
<header><h1>%1$s</h1><p>What hoopguard recorded from %2$s to %3$s (%4$s).</p></header>
<div class="tiles">%5$s</div>
<div class="two">
<section><h2>Statements over time</h2>%6$s</section>
<section><h2>Denials and approvals over time</h2>%7$s</section>
</div>
<section><h2>Who</h2>%8$s</section>
<div class="two">
<section><h2>Who touched what, and how often</h2>%9$s</section>
<section><h2>Columns used most</h2>%10$s<p class="note" style="margin:10px 0 0">Each time a statement uses a column, to show it or to decide by it; lighter where it was masked.</p></section>
</div>
<section><h2>Where values went</h2>%11$s<p class="note" style="margin:10px 0 0"><span class="key"></span>values <span class="key masked" style="margin-left:14px"></span>masks only. Tables to tables, and at the right to the people who read them. Thicker is more often.%12$s</p></section>
<section><h2>Last refusals</h2>%13$s</section>
<section><h2>Last requests for approval</h2>%14$s</section>
<p class="note">Tables of the system and of hoopguard are left out. Statements are shown without their values.</p>
</main>
</body>
</html>
$page$,
		hoopguard._html(current_database()
			|| coalesce(' on ' || nullif(current_setting('cluster_name'), ''), '')),
		to_char(start, 'YYYY-MM-DD HH24:MI'),
		to_char(now(), 'YYYY-MM-DD HH24:MI'),
		hoopguard._html(current_setting('TimeZone')), tiles,
		hoopguard._report_chart(d -> 'buckets', '{allowed,failed,refused}',
			'{run,failed,refused}'),
		hoopguard._report_chart(d -> 'buckets', '{refused,approved,denied,open}',
			'{refused,approved,denied by an approver,open or expired}'),
		hoopguard._report_table('{Subject or role,Statements#,Refused#,Failed#,Masked#,Rows out#,Rows written#,Last}',
			people, 'Nobody was here.'),
		hoopguard._report_table('{Who,Table,Reads#,Writes#,Refused#,Last}',
			touched, 'No table was touched.'),
		hoopguard._report_table('{Column,Uses#,Masked#,Values#,People#}',
			columns, 'No column was used.'),
		hoopguard._report_graph(d -> 'graph'),
		CASE WHEN (d ->> 'more')::int > 0 THEN format(
			' %s rarer ways are not drawn; ask lineage_graph().', d ->> 'more')
			ELSE '' END,
		hoopguard._report_table('{When,Who,Command,Why,Statement}',
			refused, 'Nothing was refused.'),
		hoopguard._report_table('{When,Who,State,Decided by,Reason}',
			asked, 'Nobody asked.'));
END $$;
COMMENT ON FUNCTION hoopguard.report_html(interval) IS
'one page of HTML that needs nothing else: who touched what and how often, refusals and approvals over time, columns, lineage';
REVOKE ALL ON FUNCTION hoopguard.report_html(interval) FROM PUBLIC;

-- Values were never recorded, so this is to be read and not to be run.
CREATE FUNCTION hoopguard.replay(session_id bigint)
RETURNS TABLE (text text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(a.text || ';', '-- ' || coalesce(lower(a.command), 'statement')
			|| ' without text')
		|| CASE WHEN a.outcome = 'committed' THEN ''
			ELSE format('  -- %s%s', a.outcome,
				coalesce(', ' || nullif(a.sqlstate, '00000'), '')) END
	FROM hoopguard.activity a
	WHERE a.session_id = replay.session_id AND a.level = 0
	ORDER BY a.event_id
$$;
COMMENT ON FUNCTION hoopguard.replay(bigint) IS
'what a session sent, in order, one statement a row, without values; executes nothing';
REVOKE ALL ON FUNCTION hoopguard.replay(bigint) FROM PUBLIC;
