/* src/sql/00_schema.sql: the schema, and what every policy table needs */

-- complain if the script is sourced in psql, rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION hoopguard" to load this file. \quit

-- Created here, so that it is a member of the extension and nobody can have
-- prepared it.
CREATE SCHEMA hoopguard;
COMMENT ON SCHEMA hoopguard IS 'hoopguard: who acts, what is masked, what is refused, what was done';
GRANT USAGE ON SCHEMA hoopguard TO PUBLIC;

-- Every policy change adds a row and invalidates this table's relcache entry,
-- which reaches every backend: plans and compiled policies depend on it.
CREATE TABLE hoopguard.policy_version (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at		timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	by_role	text NOT NULL DEFAULT session_user,
	what	text NOT NULL
);
COMMENT ON TABLE hoopguard.policy_version IS 'one row per change of policy: when, by whom, which table';
REVOKE ALL ON hoopguard.policy_version FROM PUBLIC;

-- Statement trigger of each policy table.  SECURITY DEFINER, because those
-- who may change a rule need not be able to write the history of changes.
CREATE FUNCTION hoopguard._policy_changed() RETURNS trigger
LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'hoopguard__policy_changed';
REVOKE ALL ON FUNCTION hoopguard._policy_changed() FROM PUBLIC;

-- HG001 for a governed session.  First statement of each function that
-- changes policy or decides approvals.
CREATE FUNCTION hoopguard._assert_ungoverned() RETURNS void
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'hoopguard__assert_ungoverned';
REVOKE ALL ON FUNCTION hoopguard._assert_ungoverned() FROM PUBLIC;
