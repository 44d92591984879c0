-- Masks: the function that the rewrite puts around masked columns, and the
-- key of the methods that need one.

-- What planned statements call.  It cannot be called from SQL, which has no
-- way to make a value of type internal; so nobody can try out values on it.
CREATE FUNCTION hoopguard._mask(value anyelement, specification internal)
RETURNS anyelement
AS 'MODULE_PATHNAME', 'hoopguard__mask'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION hoopguard._mask(anyelement, internal)
IS 'mask of a column value; appears in plans, cannot be called';

-- the executor checks the privilege of whoever runs the plan
GRANT EXECUTE ON FUNCTION hoopguard._mask(anyelement, internal) TO PUBLIC;

-- The same for a mask that may be one value for all; planning puts a CASE in
-- its place then, which costs less than a call.
CREATE FUNCTION hoopguard._mask_fixed_support(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'hoopguard__mask_fixed_support'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hoopguard._mask_fixed_support(internal)
IS 'planner support of _mask_fixed, cannot be called';
REVOKE ALL ON FUNCTION hoopguard._mask_fixed_support(internal) FROM PUBLIC;

CREATE FUNCTION hoopguard._mask_fixed(value anyelement, specification internal)
RETURNS anyelement
AS 'MODULE_PATHNAME', 'hoopguard__mask'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
SUPPORT hoopguard._mask_fixed_support;
COMMENT ON FUNCTION hoopguard._mask_fixed(anyelement, internal)
IS 'mask of a column value; appears in plans, cannot be called';
GRANT EXECUTE ON FUNCTION hoopguard._mask_fixed(anyelement, internal) TO PUBLIC;

-- What a condition reads that compares real values (match = equality or real)
-- through a view or subquery: planning takes off the mask below it, or leaves
-- it.  Leakproof, so that it goes below the quals of a security barrier.
CREATE FUNCTION hoopguard._real_support(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'hoopguard__real_support'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hoopguard._real_support(internal)
IS 'planner support of _real, cannot be called';
REVOKE ALL ON FUNCTION hoopguard._real_support(internal) FROM PUBLIC;

CREATE FUNCTION hoopguard._real(value anyelement, internal)
RETURNS anyelement
AS 'MODULE_PATHNAME', 'hoopguard__real'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 1
SUPPORT hoopguard._real_support;
COMMENT ON FUNCTION hoopguard._real(anyelement, internal)
IS 'column compared by its real value; appears in plans, cannot be called';
GRANT EXECUTE ON FUNCTION hoopguard._real(anyelement, internal) TO PUBLIC;

-- A restored dump brings its own key beside the one made here; the oldest
-- current key is used, so masks stay what they were.  The id is random for
-- the same reason: so that the two rows do not clash.
CREATE TABLE hoopguard.mask_key (
	id pg_catalog.int4 PRIMARY KEY,
	key pg_catalog.bytea NOT NULL
		CHECK (pg_catalog.length(key) OPERATOR(pg_catalog.=) 32),
	current pg_catalog.bool NOT NULL DEFAULT true,
	created_at pg_catalog.timestamptz NOT NULL
		DEFAULT pg_catalog.transaction_timestamp()
);
SELECT pg_catalog.pg_extension_config_dump('hoopguard.mask_key', '');
REVOKE ALL ON hoopguard.mask_key FROM PUBLIC;
COMMENT ON TABLE hoopguard.mask_key IS 'keys of the methods hash, token and noise';

INSERT INTO hoopguard.mask_key (id, key)
SELECT pg_catalog.hashtext(pg_catalog.gen_random_uuid()::pg_catalog.text),
	pg_catalog.sha256(
		pg_catalog.uuid_send(pg_catalog.gen_random_uuid())
		OPERATOR(pg_catalog.||)
		pg_catalog.uuid_send(pg_catalog.gen_random_uuid())
		OPERATOR(pg_catalog.||)
		pg_catalog.uuid_send(pg_catalog.gen_random_uuid()));

CREATE TRIGGER _policy_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hoopguard.mask_key
FOR EACH STATEMENT EXECUTE FUNCTION hoopguard._policy_changed();
ALTER TABLE hoopguard.mask_key ENABLE ALWAYS TRIGGER _policy_changed;

-- HG014 unless the method can do with the arguments.  column_type is NULL for
-- a rule on a class.
CREATE FUNCTION hoopguard._check_mask_args(method pg_catalog.text,
	args pg_catalog.jsonb, column_type pg_catalog.regtype,
	column_typmod pg_catalog.int4 DEFAULT -1) RETURNS void
LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'hoopguard__check_mask_args';
REVOKE ALL ON FUNCTION hoopguard._check_mask_args(pg_catalog.text,
	pg_catalog.jsonb, pg_catalog.regtype, pg_catalog.int4) FROM PUBLIC;

-- With the rights of the owner, so that who may rotate keys need not be able
-- to read or choose them.
CREATE FUNCTION hoopguard.rotate_key() RETURNS pg_catalog.int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	new_id	int;
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	UPDATE hoopguard.mask_key k SET current = false WHERE k.current;
	INSERT INTO hoopguard.mask_key AS k (id, key)
	SELECT hashtext(gen_random_uuid()::text),
		sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
			|| uuid_send(gen_random_uuid()))
	RETURNING k.id INTO new_id;
	RETURN new_id;
END $$;
COMMENT ON FUNCTION hoopguard.rotate_key() IS
'make a new key for the methods hash, token and noise, and return its id; masks that name no key change';
REVOKE ALL ON FUNCTION hoopguard.rotate_key() FROM PUBLIC;
