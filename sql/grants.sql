-- Every object of the extension, and who may use it besides its owner.
-- one line each, so that a new function changes one line here
\pset format unaligned
\pset footer off
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_none;
CREATE ROLE regress_hoopguard_admin;
CREATE ROLE regress_hoopguard_auditor;
CREATE ROLE regress_hoopguard_approver;
SELECT hoopguard.grant_admin('regress_hoopguard_admin');
SELECT hoopguard.grant_auditor('regress_hoopguard_auditor');
SELECT hoopguard.grant_approver('regress_hoopguard_approver');

-- functions
SELECT p.oid::regprocedure::text AS function,
	concat_ws(' ',
		CASE WHEN has_function_privilege('regress_hoopguard_none', p.oid, 'EXECUTE') THEN 'PUBLIC' END,
		CASE WHEN has_function_privilege('regress_hoopguard_admin', p.oid, 'EXECUTE') THEN 'admin' END,
		CASE WHEN has_function_privilege('regress_hoopguard_auditor', p.oid, 'EXECUTE') THEN 'auditor' END,
		CASE WHEN has_function_privilege('regress_hoopguard_approver', p.oid, 'EXECUTE') THEN 'approver' END) AS may_execute
FROM pg_proc p
WHERE pronamespace = 'hoopguard'::regnamespace
ORDER BY 1;

-- tables, views and sequences
SELECT c.relname, c.relkind, r.who, p.privileges
FROM pg_class c
	CROSS JOIN (VALUES ('none'), ('admin'), ('auditor'), ('approver')) r(who)
	CROSS JOIN LATERAL (
		SELECT string_agg(priv, ' ' ORDER BY priv) AS privileges
		FROM unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) priv
		WHERE has_table_privilege('regress_hoopguard_' || r.who, c.oid, priv)) p
WHERE relnamespace = 'hoopguard'::regnamespace
	AND relkind IN ('r', 'p', 'v') AND relname !~ '^event_p?\d'
	AND p.privileges IS NOT NULL
ORDER BY c.relname COLLATE "C", r.who;

-- nothing for PUBLIC in the catalog's own words either
SELECT c.relname, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
WHERE relnamespace = 'hoopguard'::regnamespace AND a.grantee = 0 ORDER BY 1, 2;

-- whoever may execute it, each function has a comment unless it is private
SELECT p.oid::regprocedure FROM pg_proc p
WHERE pronamespace = 'hoopguard'::regnamespace AND proname !~ '^_'
	AND obj_description(p.oid, 'pg_proc') IS NULL
ORDER BY 1;

-- a function in SQL or PL, and one that lends its owner's rights, sets search_path
SELECT p.oid::regprocedure FROM pg_proc p
WHERE pronamespace = 'hoopguard'::regnamespace
	AND (prosecdef OR prolang IN (SELECT oid FROM pg_language WHERE lanname IN ('sql', 'plpgsql')))
	AND NOT coalesce(proconfig::text, '') LIKE '%search_path=pg_catalog, pg_temp%'
ORDER BY 1;

DROP OWNED BY regress_hoopguard_admin, regress_hoopguard_auditor, regress_hoopguard_approver;
DROP ROLE regress_hoopguard_none, regress_hoopguard_admin, regress_hoopguard_auditor,
	regress_hoopguard_approver;
