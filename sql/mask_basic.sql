-- The methods, and which columns they meet without being told.
\getenv abs_srcdir PG_ABS_SRCDIR
\set store :abs_srcdir '/test/data/store.sql'
\set dba :USER
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_masked LOGIN;
\i :store
CREATE TABLE store.person (
	id int, full_name text, email text, phone text, mobile text, ssn text,
	credit_card text, password_hash text, api_key text,
	mail_sent boolean, phone_count int, note text);
INSERT INTO store.person VALUES (1, 'Ada Lovelace', 'ada@real.test',
	'+49 555 7777', '+49 555 8888', '078-05-1120', '4111111111111111',
	'5f4dcc3b5aa765d61d8327deb882cf99', 'key-real', true, 3, 'plain'),
	(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE store.kinds (id int, a text, b varchar(6), c int, d date, e numeric(6,2),
	f boolean, g text[], h jsonb, i uuid, j timestamptz, k bytea, l char(5));
INSERT INTO store.kinds VALUES (1, 'abcdefgh', 'abcdef', 12345, '2020-02-29', 1234.56,
	true, '{one,two}', '{"a": "secret"}', 'c0ffee00-0000-4000-8000-000000000001',
	'2020-02-29 12:00+00', '\xdeadbeef', 'abc'),
	(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
GRANT USAGE ON SCHEMA store TO regress_hoopguard_masked;
GRANT SELECT ON ALL TABLES IN SCHEMA store TO regress_hoopguard_masked;
SELECT hoopguard.map_role('regress_hoopguard_masked');

-- by name and type alone; NULL stays NULL
\c - regress_hoopguard_masked
SELECT * FROM store.person WHERE id = 2;
SELECT full_name, email, phone, mobile FROM store.person WHERE id = 1;
SELECT ssn, credit_card, password_hash, api_key FROM store.person WHERE id = 1;
-- not everything that sounds like it
SELECT mail_sent, phone_count, note FROM store.person WHERE id = 1;

-- null, over every type
\c - :dba
SELECT hoopguard.add_mask('null', relation => 'store.kinds', column_name => c) > 0
FROM unnest('{a,b,c,d,e,f,g,h,i,j,k,l}'::text[]) c;
\c - regress_hoopguard_masked
SELECT * FROM store.kinds;

-- redact: the neutral value of the type
\c - :dba
SELECT count(hoopguard.drop_mask(id)) FROM hoopguard.mask_rule;
SELECT hoopguard.add_mask('redact', relation => 'store.kinds', column_name => c) > 0
FROM unnest('{a,b,c,d,e,f,g,h,i,j,k,l}'::text[]) c;
\c - regress_hoopguard_masked
SELECT a, b, c, d, e, f, g, h, i, k, l FROM store.kinds;

-- constant: of the type of the column, and refused where it does not fit
\c - :dba
SELECT count(hoopguard.drop_mask(id)) FROM hoopguard.mask_rule;
SELECT hoopguard.add_mask('constant', relation => 'store.kinds', column_name => c,
	args => '{"value": "7"}') > 0
FROM unnest('{a,b,c,e}'::text[]) c;
SELECT hoopguard.add_mask('constant', relation => 'store.kinds', column_name => 'd',
	args => '{"value": "7"}');
\c - regress_hoopguard_masked
SELECT a, b, c, e FROM store.kinds;

-- partial: the first and last characters stay, the length too
\c - :dba
SELECT count(hoopguard.drop_mask(id)) FROM hoopguard.mask_rule;
SELECT hoopguard.add_mask('partial', relation => 'store.kinds', column_name => c,
	args => '{"first": 1, "last": 2}') > 0
FROM unnest('{a,b,g}'::text[]) c;
\c - regress_hoopguard_masked
SELECT a, b, g FROM store.kinds;

-- hash: the same value gives the same mask, another one another
\c - :dba
SELECT count(hoopguard.drop_mask(id)) FROM hoopguard.mask_rule;
SELECT hoopguard.add_mask('hash', relation => 'store.customer', column_name => 'company') > 0;
\c - regress_hoopguard_masked
SELECT count(*), count(company), count(DISTINCT company), bool_or(company LIKE 'Company%') AS real_value
FROM store.customer;
SELECT count(*) FROM store.customer a JOIN store.customer b USING (company);

-- whoever makes a rule that cannot hold is told
\c - :dba
SELECT hoopguard.add_mask('no_such_method', class => 'email');
SELECT hoopguard.add_mask('null', class => 'no_such_class');
SELECT hoopguard.add_mask('null');
SELECT hoopguard.add_mask('null', relation => 'store.person', column_name => 'nothing');
SELECT hoopguard.add_mask('null', class => 'email', for_subject => 'nobody');

-- the label 'public' overrides a heuristic, another label classifies
SECURITY LABEL FOR hoopguard ON COLUMN store.person.email IS 'public';
SECURITY LABEL FOR hoopguard ON COLUMN store.person.note IS 'secret_token';
SECURITY LABEL FOR hoopguard ON COLUMN store.person.id IS 'no_such_class';
\c - regress_hoopguard_masked
SELECT email, note FROM store.person WHERE id = 1;

-- the mask function itself cannot be called
DO $$
BEGIN
	PERFORM hoopguard._mask('x'::text, '{}');
	RAISE WARNING 'called';
EXCEPTION WHEN undefined_function OR feature_not_supported THEN
	RAISE WARNING 'refused';	/* which of the two depends on the server */
END $$;
DO $$
BEGIN
	PERFORM hoopguard._mask('x'::text, NULL);
	RAISE WARNING 'called';
EXCEPTION WHEN undefined_function OR feature_not_supported THEN
	RAISE WARNING 'refused';	/* which of the two depends on the server */
END $$;

-- EXPLAIN shows the mask, not the value
EXPLAIN (COSTS OFF, VERBOSE) SELECT email FROM store.customer WHERE email = 'a';

\c - :dba
SET client_min_messages = warning;
SELECT count(hoopguard.drop_mask(id)) FROM hoopguard.mask_rule;
SELECT hoopguard.unmap_role('regress_hoopguard_masked');
DROP SCHEMA store CASCADE;
DROP ROLE regress_hoopguard_masked;
