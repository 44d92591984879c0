/* src/sql/60_check.sql: what a statement would be allowed to do */

CREATE FUNCTION hoopguard.check_sql(
	sql				text,
	role			text DEFAULT NULL,
	OUT verdict		text,
	OUT rule_id		int,
	OUT commands	text[],
	OUT objects		text[],
	OUT unbounded	boolean,
	OUT estimated_rows bigint,
	OUT masked_columns text[],
	OUT reason		text,
	OUT locks		text[])
RETURNS SETOF record
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'hoopguard_check_sql';
COMMENT ON FUNCTION hoopguard.check_sql(text, text) IS
'verdict, rule, facts and masks of each statement of a text, executing nothing; for another role only those who administer hoopguard may ask';
GRANT EXECUTE ON FUNCTION hoopguard.check_sql(text, text) TO PUBLIC;
