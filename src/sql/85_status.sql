/*
 * 85_status.sql
 *	  One answer to "does it work?": the workers, the queue, the last errors.
 */

CREATE FUNCTION hoopguard.status()
RETURNS TABLE (item text, value text, ok boolean)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.item, r.value, r.ok FROM hoopguard._record_status() AS r
	UNION ALL
	SELECT c.item, c.value, c.ok FROM hoopguard._courier_status() AS c
	UNION ALL
	SELECT l.item, l.value, l.ok FROM hoopguard._limits_status() AS l
$$;
REVOKE ALL ON FUNCTION hoopguard.status() FROM PUBLIC;
COMMENT ON FUNCTION hoopguard.status() IS
	'State of hoopguard: each item with its value and whether it is as it should be.';
