/* src/sql/20_policy.sql: classes and masks */

-- Rows that the extension ships are marked so.  A dump takes the others, and
-- a shipped row that the DBA has changed counts as theirs: an UPDATE takes
-- the mark away, and restoring such a row replaces the one that CREATE
-- EXTENSION has just made.
CREATE FUNCTION hoopguard._keep_shipped() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'UPDATE' THEN
		IF NEW IS DISTINCT FROM OLD THEN
			NEW.shipped := false;
		END IF;
	ELSIF TG_TABLE_NAME = 'default_mask' THEN
		IF EXISTS (SELECT FROM hoopguard.default_mask d
			WHERE d.class = NEW.class AND d.shipped) THEN
			DELETE FROM hoopguard.default_mask d WHERE d.class = NEW.class;
		END IF;
	ELSIF TG_TABLE_NAME = 'class' THEN
		IF EXISTS (SELECT FROM hoopguard.class c
			WHERE c.name = NEW.name AND c.shipped) THEN
			DELETE FROM hoopguard.class c WHERE c.name = NEW.name;
		END IF;
	ELSIF TG_TABLE_NAME = 'rule' THEN
		IF EXISTS (SELECT FROM hoopguard.rule r
			WHERE r.id = NEW.id AND r.shipped) THEN
			DELETE FROM hoopguard.rule r WHERE r.id = NEW.id;
		END IF;
	ELSIF TG_TABLE_NAME = 'limit_rule' THEN
		IF EXISTS (SELECT FROM hoopguard.limit_rule l
			WHERE l.id = NEW.id AND l.shipped) THEN
			DELETE FROM hoopguard.limit_rule l WHERE l.id = NEW.id;
		END IF;
	END IF;
	RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION hoopguard._keep_shipped() FROM PUBLIC;

-- What a column or value can hold.  src/policy/classify.c knows the order of
-- the columns.
CREATE TABLE hoopguard.class (
	name		text PRIMARY KEY CHECK (name OPERATOR(pg_catalog.~) '^[a-z][a-z0-9_]*$'),
	class_group	text NOT NULL CHECK (class_group OPERATOR(pg_catalog.~) '^[a-z][a-z0-9_]*$'),
	shipped		boolean NOT NULL DEFAULT false
);
SELECT pg_catalog.pg_extension_config_dump('hoopguard.class', 'WHERE NOT shipped');
REVOKE ALL ON hoopguard.class FROM PUBLIC;
COMMENT ON TABLE hoopguard.class IS 'classes of columns and values, in groups';

-- How a class is masked when no rule of hoopguard.mask_rule says otherwise:
-- as if by a rule for everyone with priority 1000.  Method none: not at all.
CREATE TABLE hoopguard.default_mask (
	class		text PRIMARY KEY,
	method		text NOT NULL,
	args		jsonb NOT NULL DEFAULT '{}'
		CHECK (pg_catalog.jsonb_typeof(args) OPERATOR(pg_catalog.=) 'object'),
	shipped		boolean NOT NULL DEFAULT false
);
SELECT pg_catalog.pg_extension_config_dump('hoopguard.default_mask', 'WHERE NOT shipped');
REVOKE ALL ON hoopguard.default_mask FROM PUBLIC;
COMMENT ON TABLE hoopguard.default_mask IS 'how each class is masked by default';

WITH shipped(class_group, name, method, args) AS (VALUES
	('contact', 'email', 'email', '{}'),
	('contact', 'phone', 'phone', '{}'),
	('contact', 'username', 'partial', '{"first": 1}'),
	('location', 'street_address', 'partial', '{"first": 1}'),
	('location', 'address_part', 'partial', '{"first": 1}'),
	('location', 'geo_location', 'redact', '{}'),
	('location', 'ip_address', 'ip', '{}'),
	('location', 'mac_address', 'ip', '{}'),
	('pii', 'person_name', 'partial', '{"first": 1}'),
	('pii', 'date_of_birth', 'year', '{}'),
	('pii', 'demographic', 'redact', '{}'),
	('pii', 'photo', 'null', '{}'),
	('pii', 'imei', 'redact', '{}'),
	('pii', 'license_plate', 'redact', '{}'),
	('pii', 'free_text', 'none', '{}'),
	-- copied from a column that only a rule masks, or from several classes
	('pii', 'confidential', 'redact', '{}'),
	('financial', 'credit_card', 'card', '{}'),
	('financial', 'iban', 'redact', '{}'),
	('financial', 'bank_account', 'redact', '{}'),
	('financial', 'bank_routing', 'redact', '{}'),
	('financial', 'crypto_address', 'redact', '{}'),
	('financial', 'financial_personal', 'redact', '{}'),
	('health', 'health', 'redact', '{}'),
	('health', 'uk_nhs', 'redact', '{}'),
	('health', 'us_mbi', 'redact', '{}'),
	('health', 'us_npi', 'redact', '{}'),
	('health', 'de_kvnr', 'redact', '{}'),
	('health', 'au_medicare', 'redact', '{}'),
	('national_id', 'national_id', 'redact', '{}'),
	('national_id', 'us_ssn', 'redact', '{}'),
	('national_id', 'us_itin', 'redact', '{}'),
	('national_id', 'uk_nino', 'redact', '{}'),
	('national_id', 'de_tax_id', 'redact', '{}'),
	('national_id', 'de_rvnr', 'redact', '{}'),
	('national_id', 'it_fiscal_code', 'redact', '{}'),
	('national_id', 'es_nif', 'redact', '{}'),
	('national_id', 'pl_pesel', 'redact', '{}'),
	('national_id', 'in_aadhaar', 'redact', '{}'),
	('national_id', 'in_pan', 'redact', '{}'),
	('national_id', 'au_tfn', 'redact', '{}'),
	('national_id', 'ca_sin', 'redact', '{}'),
	('national_id', 'sg_nric', 'redact', '{}'),
	('national_id', 'fi_hetu', 'redact', '{}'),
	('national_id', 'se_personnummer', 'redact', '{}'),
	('national_id', 'kr_rrn', 'redact', '{}'),
	('national_id', 'za_id', 'redact', '{}'),
	('national_id', 'tr_tckn', 'redact', '{}'),
	('national_id', 'th_tnin', 'redact', '{}'),
	('national_id', 'ng_nin', 'redact', '{}'),
	('national_id', 'nl_bsn', 'redact', '{}'),
	('national_id', 'br_cpf', 'redact', '{}'),
	('national_id', 'fr_nir', 'redact', '{}'),
	('national_id', 'no_fnr', 'redact', '{}'),
	('national_id', 'dk_cpr', 'redact', '{}'),
	('national_id', 'be_nn', 'redact', '{}'),
	('national_id', 'passport', 'redact', '{}'),
	('national_id', 'drivers_license', 'redact', '{}'),
	('secret', 'secret_token', 'redact', '{}'),
	('secret', 'password_hash', 'redact', '{}'),
	('secret', 'generic_high_entropy', 'redact', '{}'),
	('secret', 'url_with_credentials', 'redact', '{}'),
	('secret', 'private_key_pem', 'redact', '{}'),
	('secret', 'jwt', 'redact', '{}'),
	('secret', 'webhook_secret', 'redact', '{}'),
	('secret', 'aws_access_key', 'redact', '{}'),
	('secret', 'aws_secret_key', 'redact', '{}'),
	('secret', 'github_token', 'redact', '{}'),
	('secret', 'gitlab_token', 'redact', '{}'),
	('secret', 'slack_token', 'redact', '{}'),
	('secret', 'stripe_key', 'redact', '{}'),
	('secret', 'gcp_api_key', 'redact', '{}'),
	('secret', 'openai_key', 'redact', '{}'),
	('secret', 'anthropic_key', 'redact', '{}'),
	('secret', 'npm_token', 'redact', '{}'),
	('secret', 'pypi_token', 'redact', '{}'),
	('secret', 'sendgrid_key', 'redact', '{}'),
	('secret', 'twilio_key', 'redact', '{}'),
	('secret', 'telegram_token', 'redact', '{}'),
	('secret', 'discord_token', 'redact', '{}'),
	('secret', 'azure_storage_key', 'redact', '{}'),
	('secret', 'huggingface_token', 'redact', '{}'),
	('secret', 'shopify_token', 'redact', '{}'),
	('secret', 'digitalocean_token', 'redact', '{}'),
	('secret', 'hashicorp_vault_token', 'redact', '{}'),
	('secret', 'databricks_token', 'redact', '{}'),
	('secret', 'linear_key', 'redact', '{}'),
	('secret', 'mailgun_key', 'redact', '{}'),
	('secret', 'supabase_key', 'redact', '{}'),
	('secret', 'doppler_token', 'redact', '{}'),
	('secret', 'atlassian_token', 'redact', '{}'),
	('secret', 'age_secret_key', 'redact', '{}'),
	('secret', 'postman_key', 'redact', '{}'),
	('secret', 'newrelic_key', 'redact', '{}'),
	('secret', 'grafana_token', 'redact', '{}'),
	-- samples of other columns' values: pg_statistic, TOAST tables
	('statistics', 'statistics', 'null', '{}'),
	('public', 'public', 'none', '{}')
), classes AS (
	INSERT INTO hoopguard.class (name, class_group, shipped)
	SELECT name, class_group, true FROM shipped
)
INSERT INTO hoopguard.default_mask (class, method, args, shipped)
SELECT name, method, args::jsonb, true FROM shipped;

CREATE TRIGGER keep_shipped BEFORE INSERT OR UPDATE ON hoopguard.class
FOR EACH ROW EXECUTE FUNCTION hoopguard._keep_shipped();
ALTER TABLE hoopguard.class ENABLE ALWAYS TRIGGER keep_shipped;
CREATE TRIGGER policy_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hoopguard.class
FOR EACH STATEMENT EXECUTE FUNCTION hoopguard._policy_changed();
ALTER TABLE hoopguard.class ENABLE ALWAYS TRIGGER policy_changed;

CREATE TRIGGER keep_shipped BEFORE INSERT OR UPDATE ON hoopguard.default_mask
FOR EACH ROW EXECUTE FUNCTION hoopguard._keep_shipped();
ALTER TABLE hoopguard.default_mask ENABLE ALWAYS TRIGGER keep_shipped;
CREATE TRIGGER policy_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hoopguard.default_mask
FOR EACH STATEMENT EXECUTE FUNCTION hoopguard._policy_changed();
ALTER TABLE hoopguard.default_mask ENABLE ALWAYS TRIGGER policy_changed;

-- A column by relation and number: it follows every rename, and in text,
-- which is what pg_dump takes, it is the column's name of that moment.
-- src/policy/column_ref.c
CREATE TYPE hoopguard.column_ref;
CREATE FUNCTION hoopguard.column_ref_in(cstring) RETURNS hoopguard.column_ref
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'hoopguard_column_ref_in';
COMMENT ON FUNCTION hoopguard.column_ref_in(cstring) IS 'input of hoopguard.column_ref: schema.relation.column';
REVOKE ALL ON FUNCTION hoopguard.column_ref_in(cstring) FROM PUBLIC;
CREATE FUNCTION hoopguard.column_ref_out(hoopguard.column_ref) RETURNS cstring
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'hoopguard_column_ref_out';
COMMENT ON FUNCTION hoopguard.column_ref_out(hoopguard.column_ref) IS 'output of hoopguard.column_ref: the name of now, or -';
REVOKE ALL ON FUNCTION hoopguard.column_ref_out(hoopguard.column_ref) FROM PUBLIC;
CREATE TYPE hoopguard.column_ref (
	INPUT = hoopguard.column_ref_in,
	OUTPUT = hoopguard.column_ref_out,
	LIKE = pg_catalog.int8
);
REVOKE ALL ON TYPE hoopguard.column_ref FROM PUBLIC;
-- makes it comparable, and gives it an index
CREATE CAST (hoopguard.column_ref AS int8) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON TYPE hoopguard.column_ref IS 'a column of a relation, whatever its name';

CREATE FUNCTION hoopguard._column(relation regclass, column_name text)
RETURNS hoopguard.column_ref
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'hoopguard__column';
REVOKE ALL ON FUNCTION hoopguard._column(regclass, text) FROM PUBLIC;
CREATE FUNCTION hoopguard._column_relation(hoopguard.column_ref) RETURNS regclass
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'hoopguard__column_relation';
REVOKE ALL ON FUNCTION hoopguard._column_relation(hoopguard.column_ref) FROM PUBLIC;
CREATE FUNCTION hoopguard._column_name(hoopguard.column_ref) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'hoopguard__column_name';
REVOKE ALL ON FUNCTION hoopguard._column_name(hoopguard.column_ref) FROM PUBLIC;
CREATE FUNCTION hoopguard._column_lasts(hoopguard.column_ref) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'hoopguard__column_lasts';
REVOKE ALL ON FUNCTION hoopguard._column_lasts(hoopguard.column_ref) FROM PUBLIC;

-- Classes that columns got with the values copied into them; written by
-- src/policy/inherit.c in the transaction that copies.  A column with several
-- classes is confidential.
CREATE TABLE hoopguard.inherited_class (
	column_ref	hoopguard.column_ref NOT NULL,
	class		text NOT NULL,
	source		hoopguard.column_ref,
	statement	text,
	at			timestamptz NOT NULL,
	by_role		text NOT NULL
);
CREATE INDEX inherited_class_column_idx
ON hoopguard.inherited_class (column_ref int8_ops);
SELECT pg_catalog.pg_extension_config_dump('hoopguard.inherited_class',
	'WHERE hoopguard._column_lasts(column_ref)');
REVOKE ALL ON hoopguard.inherited_class FROM PUBLIC;
COMMENT ON TABLE hoopguard.inherited_class IS 'classes that columns got from the columns they were copied from, and by which statement';
CREATE TRIGGER policy_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hoopguard.inherited_class
FOR EACH STATEMENT EXECUTE FUNCTION hoopguard._policy_changed();
ALTER TABLE hoopguard.inherited_class ENABLE ALWAYS TRIGGER policy_changed;

-- Masks that the DBA adds.  src/policy/mask_rule.h knows the order of the
-- columns.  The names are those that the column had when it was dropped, or
-- when the rule was made: a column made again under them is masked again.
CREATE TABLE hoopguard._mask_rule (
	id			int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	method		text NOT NULL,
	class		text,
	column_ref	hoopguard.column_ref,
	args		jsonb NOT NULL DEFAULT '{}'
		CHECK (pg_catalog.jsonb_typeof(args) OPERATOR(pg_catalog.=) 'object'),
	match		text NOT NULL DEFAULT 'masked'
		CHECK (match IN ('masked', 'equality', 'refuse', 'real')),
	for_subject	text NOT NULL DEFAULT 'kind:agent',
	priority	int NOT NULL DEFAULT 100,
	enabled		boolean NOT NULL DEFAULT true,
	schema_name	text,
	relation_name text,
	column_name	text,
	CHECK ((class IS NULL) OPERATOR(pg_catalog.=) (column_ref IS NOT NULL)),
	CHECK ((column_ref IS NULL) OPERATOR(pg_catalog.=) (column_name IS NULL)),
	CHECK ((column_ref IS NULL) OPERATOR(pg_catalog.=) (relation_name IS NULL)),
	CHECK ((column_ref IS NULL) OPERATOR(pg_catalog.=) (schema_name IS NULL))
);
SELECT pg_catalog.pg_extension_config_dump('hoopguard._mask_rule', '');
SELECT pg_catalog.pg_extension_config_dump('hoopguard._mask_rule_id_seq', '');
REVOKE ALL ON hoopguard._mask_rule FROM PUBLIC;

CREATE TRIGGER policy_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hoopguard._mask_rule
FOR EACH STATEMENT EXECUTE FUNCTION hoopguard._policy_changed();
ALTER TABLE hoopguard._mask_rule ENABLE ALWAYS TRIGGER policy_changed;

CREATE VIEW hoopguard.mask_rule AS
SELECT m.id, m.method, m.class,
	hoopguard._column_relation(m.column_ref) AS relation,
	coalesce(hoopguard._column_name(m.column_ref), m.column_name) AS column_name,
	m.args, m.match, m.for_subject, m.priority, m.enabled,
	CASE WHEN m.column_ref IS NOT NULL
		AND hoopguard._column_name(m.column_ref) IS NULL
		THEN pg_catalog.format('%I.%I.%I', m.schema_name, m.relation_name,
			m.column_name) END AS waits_for
FROM hoopguard._mask_rule m;
REVOKE ALL ON hoopguard.mask_rule FROM PUBLIC;
COMMENT ON VIEW hoopguard.mask_rule IS 'how classes or single columns are masked, for whom; waits_for: the column was dropped, and one made again under this name is masked';

CREATE FUNCTION hoopguard.add_class(name text, class_group text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	IF add_class.name IS NULL OR add_class.name !~ '^[a-z][a-z0-9_]*$'
		OR length(add_class.name) > 63 THEN
		RAISE EXCEPTION 'invalid name of a class: "%"',
			coalesce(add_class.name, 'NULL')
			USING ERRCODE = 'HG014',
				HINT = 'Use small letters, digits and underscores.';
	END IF;
	IF add_class.class_group IS NULL
		OR add_class.class_group !~ '^[a-z][a-z0-9_]*$' THEN
		RAISE EXCEPTION 'invalid name of a group: "%"',
			coalesce(add_class.class_group, 'NULL')
			USING ERRCODE = 'HG014',
				HINT = 'Use small letters, digits and underscores.';
	END IF;
	IF EXISTS (SELECT FROM hoopguard.class c WHERE c.name = add_class.name) THEN
		RAISE EXCEPTION 'class "%" exists already', add_class.name
			USING ERRCODE = 'HG014',
				HINT = 'hoopguard.class lists the classes.';
	END IF;
	INSERT INTO hoopguard.class (name, class_group)
	VALUES (add_class.name, add_class.class_group);
	INSERT INTO hoopguard.default_mask (class, method)
	VALUES (add_class.name, 'redact');
END $$;
COMMENT ON FUNCTION hoopguard.add_class(text, text) IS
'add a class; it is masked by redact unless a mask rule or hoopguard.default_mask says otherwise';
REVOKE ALL ON FUNCTION hoopguard.add_class(text, text) FROM PUBLIC;

CREATE FUNCTION hoopguard.add_mask(
	method		text,
	class		text DEFAULT NULL,
	relation	regclass DEFAULT NULL,
	column_name	text DEFAULT NULL,
	args		jsonb DEFAULT '{}',
	match		text DEFAULT 'masked',
	for_subject	text DEFAULT 'kind:agent',
	priority	int DEFAULT 100
) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	new_id	int;
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	PERFORM hoopguard._check_subject(add_mask.for_subject);
	IF add_mask.match IS NULL OR add_mask.match NOT IN ('masked', 'equality',
		'refuse', 'real') THEN
		RAISE EXCEPTION 'unrecognized match: "%"',
			coalesce(add_mask.match, 'NULL')
			USING ERRCODE = 'HG014',
				HINT = 'Predicates see masked, equality, refuse or real.';
	END IF;
	IF (add_mask.class IS NULL) = (add_mask.relation IS NULL)
		OR (add_mask.relation IS NULL) <> (add_mask.column_name IS NULL) THEN
		RAISE EXCEPTION 'a mask needs either a class or a relation and a column'
			USING ERRCODE = 'HG014',
				HINT = 'Say class => ..., or relation => ..., column_name => ... .';
	END IF;
	IF add_mask.class IS NOT NULL THEN
		IF add_mask.class = 'public' OR NOT EXISTS (
			SELECT FROM hoopguard.class c
			WHERE add_mask.class IN (c.name, 'group:' || c.class_group,
				'group:pii', '*')) THEN
			RAISE EXCEPTION 'unknown class "%"', add_mask.class
				USING ERRCODE = 'HG014',
					HINT = 'hoopguard.class lists the classes; a group is written group:name.';
		END IF;
	ELSE
		IF NOT EXISTS (SELECT FROM pg_class r
			WHERE r.oid = add_mask.relation
				AND r.relkind IN ('r', 'p', 'f', 'm')) THEN
			RAISE EXCEPTION '% is not a table, foreign table or materialized view',
				add_mask.relation
				USING ERRCODE = 'HG014',
					HINT = 'Mask the column of the table that holds the values.';
		END IF;
		IF hoopguard._column(add_mask.relation, add_mask.column_name) IS NULL
		THEN
			RAISE EXCEPTION 'column "%" of % does not exist',
				add_mask.column_name, add_mask.relation
				USING ERRCODE = 'HG014',
					HINT = 'Names of columns are given without quotes.';
		END IF;
	END IF;
	PERFORM hoopguard._check_mask_args(add_mask.method, add_mask.args,
		a.atttypid::regtype, a.atttypmod)
	FROM (SELECT) AS one LEFT JOIN pg_attribute a
		ON a.attrelid = add_mask.relation
			AND a.attname = add_mask.column_name;
	INSERT INTO hoopguard._mask_rule AS m (method, class, column_ref, args,
		match, for_subject, priority, schema_name, relation_name, column_name)
	VALUES (add_mask.method, add_mask.class,
		hoopguard._column(add_mask.relation, add_mask.column_name),
		add_mask.args, add_mask.match, add_mask.for_subject,
		coalesce(add_mask.priority, 100),
		(SELECT n.nspname FROM pg_class r JOIN pg_namespace n
			ON n.oid = r.relnamespace WHERE r.oid = add_mask.relation),
		(SELECT r.relname FROM pg_class r WHERE r.oid = add_mask.relation),
		add_mask.column_name)
	RETURNING m.id INTO new_id;
	RETURN new_id;
END $$;
COMMENT ON FUNCTION hoopguard.add_mask(text, text, regclass, text, jsonb, text, text, int) IS
'mask a class or one column; the lowest priority number wins, and returns the id';
REVOKE ALL ON FUNCTION hoopguard.add_mask(text, text, regclass, text, jsonb, text, text, int) FROM PUBLIC;

CREATE FUNCTION hoopguard.drop_mask(id int) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	PERFORM hoopguard._assert_ungoverned();
	DELETE FROM hoopguard._mask_rule m WHERE m.id = drop_mask.id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'mask rule % does not exist',
			coalesce(drop_mask.id::text, 'NULL')
			USING ERRCODE = 'HG014',
				HINT = 'hoopguard.mask_rule lists the mask rules.';
	END IF;
END $$;
COMMENT ON FUNCTION hoopguard.drop_mask(int) IS 'remove a mask rule';
REVOKE ALL ON FUNCTION hoopguard.drop_mask(int) FROM PUBLIC;

CREATE FUNCTION hoopguard.classify_name(relation text, column_name text,
	type_name text) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'hoopguard_classify_name';
COMMENT ON FUNCTION hoopguard.classify_name(text, text, text) IS
'the class that the names and the type of a column suggest, or NULL';
REVOKE ALL ON FUNCTION hoopguard.classify_name(text, text, text) FROM PUBLIC;

CREATE FUNCTION hoopguard.effective_mask(
	role text,
	relation regclass,
	OUT column_name text,
	OUT class text,
	OUT source text,
	OUT method text,
	OUT args jsonb,
	OUT match text,
	OUT mask_id int)
RETURNS SETOF record
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'hoopguard_effective_mask';
COMMENT ON FUNCTION hoopguard.effective_mask(text, regclass) IS
'the classified or masked columns of a relation as a role sees them; method NULL = real values';
REVOKE ALL ON FUNCTION hoopguard.effective_mask(text, regclass) FROM PUBLIC;

CREATE FUNCTION hoopguard._sensitive(
	OUT column_ref hoopguard.column_ref,
	OUT class text,
	OUT class_group text,
	OUT source text,
	OUT told_by hoopguard.column_ref,
	OUT came_from hoopguard.column_ref)
RETURNS SETOF record
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'hoopguard__sensitive';
REVOKE ALL ON FUNCTION hoopguard._sensitive() FROM PUBLIC;

-- Every column that has a class, and why.  Source label, lineage, finding or
-- heuristic (by name and type); rule: only a mask rule says anything.
CREATE VIEW hoopguard.sensitive_column AS
SELECT hoopguard._column_relation(s.column_ref) AS relation,
	hoopguard._column_name(s.column_ref) AS column_name,
	s.class, s.class_group, s.source,
	CASE WHEN s.source OPERATOR(pg_catalog.=) 'lineage' THEN s.came_from
		ELSE s.told_by END AS origin,
	i.statement, i.by_role, i.at
FROM hoopguard._sensitive() s
	LEFT JOIN LATERAL (
		SELECT i.statement, i.by_role, i.at
		FROM hoopguard.inherited_class i
		WHERE s.source OPERATOR(pg_catalog.=) 'lineage'
			AND i.column_ref OPERATOR(pg_catalog.=) s.told_by
			AND i.source OPERATOR(pg_catalog.=) s.came_from
		ORDER BY i.at
		LIMIT 1) i ON true;
REVOKE ALL ON hoopguard.sensitive_column FROM PUBLIC;
COMMENT ON VIEW hoopguard.sensitive_column IS 'columns that have a class: source, the column it comes from, and for source lineage the statement that copied';
