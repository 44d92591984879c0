/*
 * 42_retention.sql
 *	  Weeks of events: which there are, and how the recorder removes those
 *	  that hoopguard.retention does not keep.
 */

-- Partitions made by the recorder, and weeks of rows in the default ones.  A
-- partition that somebody made of another span is not ours to remove.
CREATE VIEW hoopguard._weeks AS
SELECT b.week_from,
	b.week_from OPERATOR(pg_catalog.+) '168 hours'::pg_catalog.interval
		AS week_to,
	b.relation
FROM (SELECT i.inhrelid::pg_catalog.regclass AS relation,
		pg_catalog.regexp_match(
			pg_catalog.pg_get_expr(c.relpartbound, c.oid),
			'^FOR VALUES FROM \(''([^'']*)''\) TO \(''([^'']*)''\)$') AS bound
	FROM pg_catalog.pg_inherits i
		JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.inhrelid
	WHERE i.inhparent OPERATOR(pg_catalog.=)
		ANY (ARRAY['hoopguard._event'::pg_catalog.regclass,
			'hoopguard._outcome'::pg_catalog.regclass]::pg_catalog.oid[])
		AND NOT i.inhdetachpending) p
	CROSS JOIN LATERAL (SELECT p.bound[1]::pg_catalog.timestamptz AS week_from,
		p.bound[2]::pg_catalog.timestamptz AS week_to, p.relation) b
WHERE b.week_to OPERATOR(pg_catalog.-) b.week_from
		OPERATOR(pg_catalog.=) '168 hours'::pg_catalog.interval
	AND pg_catalog.date_bin('168 hours', b.week_from, '2000-01-03 00:00:00+00')
		OPERATOR(pg_catalog.=) b.week_from
UNION ALL
SELECT d.week_from,
	d.week_from OPERATOR(pg_catalog.+) '168 hours'::pg_catalog.interval, NULL
FROM (SELECT pg_catalog.date_bin('168 hours', e.at, '2000-01-03 00:00:00+00')
		AS week_from
	FROM hoopguard.event_default e
	UNION
	SELECT pg_catalog.date_bin('168 hours', o.at, '2000-01-03 00:00:00+00')
	FROM hoopguard.outcome_default o) d;
REVOKE ALL ON hoopguard._weeks FROM PUBLIC;
COMMENT ON VIEW hoopguard._weeks IS
	'weeks (Monday to Monday, UTC) that have a partition, or rows in a default one (relation NULL)';

-- One object for each week that is removed, which the recorder notes.
CREATE FUNCTION hoopguard._retain(before timestamptz) RETURNS SETOF jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO, YMD' AS $$
DECLARE
	week	record;
	name	regclass;
BEGIN
	FOR week IN
		SELECT w.week_from, w.week_to,
			array_remove(array_agg(w.relation ORDER BY w.relation), NULL)
				AS relations
		FROM hoopguard._weeks w
		WHERE w.week_to <= before
		GROUP BY 1, 2 ORDER BY 1
	LOOP
		FOREACH name IN ARRAY week.relations LOOP
			IF EXISTS (SELECT FROM pg_depend d
				WHERE d.classid = 'pg_class'::regclass AND d.objid = name
					AND d.deptype = 'e') THEN
				EXECUTE format('ALTER EXTENSION hoopguard DROP TABLE %s', name);
			END IF;
			EXECUTE format('DROP TABLE %s', name);
		END LOOP;
		DELETE FROM hoopguard.event_default e
		WHERE e.at >= week.week_from AND e.at < week.week_to;
		DELETE FROM hoopguard.outcome_default o
		WHERE o.at >= week.week_from AND o.at < week.week_to;
		DELETE FROM hoopguard.note n
		WHERE n.kind = 'literals'
			AND n.at >= week.week_from AND n.at < week.week_to;
		RETURN NEXT (SELECT jsonb_build_object('from', week.week_from,
				'to', week.week_to, 'seals', count(*),
				'rows', coalesce(sum(s.rows), 0))
			FROM hoopguard.seal s
			WHERE s.period_from = week.week_from
				AND s.period_to = week.week_to);
	END LOOP;
END $$;
REVOKE ALL ON FUNCTION hoopguard._retain(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._retain(timestamptz) IS
	'remove the weeks of events and outcomes that ended by then';

CREATE FUNCTION hoopguard._retention() RETURNS interval
AS 'MODULE_PATHNAME', 'hoopguard__retention'
LANGUAGE C STABLE;
REVOKE ALL ON FUNCTION hoopguard._retention() FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._retention() IS
	'the setting hoopguard.retention, NULL if all is kept';

-- As its owner: nobody else reads the tables behind the views.
CREATE FUNCTION hoopguard._storage_status()
RETURNS TABLE (item text, value text, ok boolean)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'record kept',
		format('%s, the oldest week began on %s',
			coalesce(hoopguard._retention()::text, 'for ever'),
			coalesce(min(w.week_from AT TIME ZONE 'UTC')::date::text, '-')),
		coalesce(min(w.week_to) > now() - hoopguard._retention()
			- interval '1 day', true)
	FROM hoopguard._weeks w
	UNION ALL
	SELECT 'record size',
		(SELECT pg_size_pretty(sum(pg_total_relation_size(c.oid)))
		FROM pg_class c
		WHERE c.relnamespace = 'hoopguard'::regnamespace
			AND c.relkind IN ('r', 'm')), true
	UNION ALL
	SELECT 'rows in default partitions', n.n::text, n.n = 0
	FROM (SELECT (SELECT count(*) FROM hoopguard.event_default)
		+ (SELECT count(*) FROM hoopguard.outcome_default) AS n) n
$$;
REVOKE ALL ON FUNCTION hoopguard._storage_status() FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._storage_status() IS
	'the record''s tables as status() shows them';
