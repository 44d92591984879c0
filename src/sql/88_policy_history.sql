/* src/sql/88_policy_history.sql: what each policy version changed */

-- Written by a trigger of each policy table, after the one that makes the
-- version.  Keys of masks and approvers' addresses and secrets stay out.
CREATE TABLE hoopguard.policy_change (
	version		bigint NOT NULL,
	operation	text NOT NULL,
	before		jsonb,
	after		jsonb
);
CREATE INDEX policy_change_version_idx ON hoopguard.policy_change (version);
REVOKE ALL ON hoopguard.policy_change FROM PUBLIC;
COMMENT ON TABLE hoopguard.policy_change IS 'rows of policy tables before and after each change';

CREATE FUNCTION hoopguard._policy_difference() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	the_version	bigint := currval('hoopguard.policy_version_id_seq');
	hidden		text[] := '{key, url, headers, secret, secrets}';
BEGIN
	-- transition tables have no other use than these
	IF TG_OP = 'INSERT' THEN
		INSERT INTO hoopguard.policy_change (version, operation, after)
		SELECT the_version, TG_OP, to_jsonb(n) - hidden FROM new_rows n;
	ELSIF TG_OP = 'DELETE' THEN
		INSERT INTO hoopguard.policy_change (version, operation, before)
		SELECT the_version, TG_OP, to_jsonb(o) - hidden FROM old_rows o;
	ELSIF TG_OP = 'UPDATE' THEN
		-- rows are told by their primary key; UPDATE of that shows as two
		INSERT INTO hoopguard.policy_change (version, operation, before, after)
		SELECT the_version, TG_OP, o.row, n.row
		FROM (SELECT to_jsonb(r) - hidden AS row, to_jsonb(r) -> TG_ARGV[0] AS key
				FROM old_rows r) o
			FULL JOIN (SELECT to_jsonb(r) - hidden AS row,
					to_jsonb(r) -> TG_ARGV[0] AS key FROM new_rows r) n
				ON o.key = n.key
		WHERE o.row IS DISTINCT FROM n.row;
	ELSE
		INSERT INTO hoopguard.policy_change (version, operation)
		VALUES (the_version, TG_OP);
	END IF;
	RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION hoopguard._policy_difference() FROM PUBLIC;

-- Every table that makes versions.  The names sort after "policy_changed",
-- so that the version is there.
DO $$
DECLARE
	rel		regclass;
	key		text;
BEGIN
	FOR rel IN
		SELECT t.tgrelid FROM pg_catalog.pg_trigger t
		WHERE t.tgfoid = 'hoopguard._policy_changed()'::regprocedure
	LOOP
		SELECT a.attname INTO key
		FROM pg_catalog.pg_index i
			JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid
				AND a.attnum = i.indkey[i.indnkeyatts - 1]
		WHERE i.indrelid = rel AND i.indisprimary;
		EXECUTE pg_catalog.format('CREATE TRIGGER policy_difference_insert
			AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows
			FOR EACH STATEMENT EXECUTE FUNCTION hoopguard._policy_difference();
			CREATE TRIGGER policy_difference_update
			AFTER UPDATE ON %1$s
			REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
			FOR EACH STATEMENT EXECUTE FUNCTION hoopguard._policy_difference(%2$L);
			CREATE TRIGGER policy_difference_delete
			AFTER DELETE ON %1$s REFERENCING OLD TABLE AS old_rows
			FOR EACH STATEMENT EXECUTE FUNCTION hoopguard._policy_difference();
			CREATE TRIGGER policy_difference_truncate
			AFTER TRUNCATE ON %1$s
			FOR EACH STATEMENT EXECUTE FUNCTION hoopguard._policy_difference();
			ALTER TABLE %1$s ENABLE ALWAYS TRIGGER policy_difference_insert;
			ALTER TABLE %1$s ENABLE ALWAYS TRIGGER policy_difference_update;
			ALTER TABLE %1$s ENABLE ALWAYS TRIGGER policy_difference_delete;
			ALTER TABLE %1$s ENABLE ALWAYS TRIGGER policy_difference_truncate',
			rel, key);
	END LOOP;
END $$;

-- Who changed what, when.  A version without a row here changed nothing, or
-- changed labels: those are not in a table of ours.
CREATE VIEW hoopguard.policy_history AS
SELECT v.id AS version, v.at, v.by_role, v.what, c.operation, c.before,
	c.after,
	(SELECT pg_catalog.jsonb_object_agg(n.key, pg_catalog.jsonb_build_array(
			c.before OPERATOR(pg_catalog.->) n.key, n.value))
		FROM pg_catalog.jsonb_each(c.after) n
		WHERE (c.before OPERATOR(pg_catalog.->) n.key)
			IS DISTINCT FROM n.value
			AND c.before IS NOT NULL) AS changed
FROM hoopguard.policy_version v
	JOIN hoopguard.policy_change c ON c.version OPERATOR(pg_catalog.=) v.id;
REVOKE ALL ON hoopguard.policy_history FROM PUBLIC;
COMMENT ON VIEW hoopguard.policy_history IS 'each change of policy: version, who, when, the row before and after, and of an UPDATE the members changed as [before, after]';
