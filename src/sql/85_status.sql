/*
 * 85_status.sql
 *	  One answer to "does it work?": the workers, the queue, the last errors.
 */

-- Subjects that masks do not hold, or whose code runs with others' rights.
-- As its owner: an auditor does not read the tables of policy.
CREATE FUNCTION hoopguard._identity_status()
RETURNS TABLE (item text, value text, ok boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'privileged subject',
		format('%s: %s', s.role, p.privileges), false
	FROM hoopguard.subject s
		JOIN pg_roles r ON r.oid = s.role
		CROSS JOIN LATERAL (SELECT hoopguard._privileges_of(s.role)) p(privileges)
	WHERE p.privileges IS NOT NULL
	UNION ALL
	-- triggers, policies, constraints, defaults, indexes and views of others
	-- that call a function of a subject
	SELECT DISTINCT 'code of a subject',
		format('%s: %s is called by %s', f.proowner::regrole,
			f.oid::regprocedure,
			pg_describe_object(d.classid, d.objid, 0)), false
	FROM hoopguard.subject s
		JOIN pg_proc f ON f.proowner = s.role
		JOIN pg_depend d ON d.refclassid = 'pg_proc'::regclass
			AND d.refobjid = f.oid AND d.deptype = 'n'
		LEFT JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass
			AND t.oid = d.objid
		LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass
			AND p.oid = d.objid
		LEFT JOIN pg_constraint n ON d.classid = 'pg_constraint'::regclass
			AND n.oid = d.objid
		LEFT JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass
			AND a.oid = d.objid
		LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass
			AND w.oid = d.objid
		JOIN pg_class c ON c.oid = coalesce(t.tgrelid, p.polrelid,
			n.conrelid, a.adrelid, w.ev_class,
			CASE d.classid WHEN 'pg_class'::regclass THEN d.objid END)
	WHERE c.relowner <> s.role
$$;
REVOKE ALL ON FUNCTION hoopguard._identity_status() FROM PUBLIC;
COMMENT ON FUNCTION hoopguard._identity_status() IS
	'subjects that masks do not hold, and their code in other people''s objects';

CREATE FUNCTION hoopguard.status()
RETURNS TABLE (item text, value text, ok boolean)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.item, r.value, r.ok FROM hoopguard._record_status() AS r
	UNION ALL
	SELECT k.item, k.value, k.ok FROM hoopguard._storage_status() AS k
	UNION ALL
	SELECT c.item, c.value, c.ok FROM hoopguard._courier_status() AS c
	UNION ALL
	SELECT x.item, x.value, x.ok FROM hoopguard._outbox_status() AS x
	UNION ALL
	SELECT l.item, l.value, l.ok FROM hoopguard._limits_status() AS l
	UNION ALL
	SELECT i.item, i.value, i.ok FROM hoopguard._identity_status() AS i
	UNION ALL
	SELECT e.item, e.value, e.ok FROM hoopguard._exemption_status() AS e
	UNION ALL
	SELECT 'dead rule', format('rule %s: %s', d.id, d.why), false
	FROM hoopguard._dead_rules() AS d
$$;
REVOKE ALL ON FUNCTION hoopguard.status() FROM PUBLIC;
COMMENT ON FUNCTION hoopguard.status() IS
	'State of hoopguard: each item with its value and whether it is as it should be.';
