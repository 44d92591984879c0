-- A column that holds rows of a relation with masked columns holds their real
-- values, however they came there: it is masked as a whole.
CREATE ROLE regress_hoopguard_rows;
CREATE SCHEMA regress_rows;
GRANT USAGE, CREATE ON SCHEMA regress_rows TO regress_hoopguard_rows;
CREATE TABLE regress_rows.person (id int, email text);
INSERT INTO regress_rows.person VALUES (1, 'real@example.com');
CREATE DOMAIN regress_rows.someone AS regress_rows.person;
CREATE TYPE regress_rows.pair AS (a int, b regress_rows.person);
CREATE TABLE regress_rows.holder (n int, one regress_rows.person,
	many regress_rows.person[], dom regress_rows.someone,
	pair regress_rows.pair);
INSERT INTO regress_rows.holder
VALUES (1, (1, 'real@example.com'),
	ARRAY[(1, 'real@example.com')]::regress_rows.person[],
	(1, 'real@example.com')::regress_rows.person,
	(1, (1, 'real@example.com'))::regress_rows.pair);
GRANT SELECT ON ALL TABLES IN SCHEMA regress_rows TO regress_hoopguard_rows;
SELECT hoopguard.map_role('regress_hoopguard_rows');

SET SESSION AUTHORIZATION regress_hoopguard_rows;
-- nothing of it, whole or in parts, as text or in a condition
SELECT * FROM regress_rows.holder;
SELECT (one).email, many[1], (many[1]).email, (dom).email, ((pair).b).email
FROM regress_rows.holder;
SELECT holder::text FROM regress_rows.holder;
SELECT u.email FROM regress_rows.holder, unnest(many) u;
SELECT count(*) FROM regress_rows.holder WHERE (one).email = 'real@example.com';
SELECT to_jsonb(h) FROM regress_rows.holder h;
-- the row itself is masked by column
SELECT p FROM regress_rows.person p;
RESET SESSION AUTHORIZATION;

-- without a mask on the relation there is none on its rows
SECURITY LABEL FOR hoopguard ON COLUMN regress_rows.person.email IS 'public';
SET SESSION AUTHORIZATION regress_hoopguard_rows;
SELECT one, pair FROM regress_rows.holder;
RESET SESSION AUTHORIZATION;

SELECT hoopguard.unmap_role('regress_hoopguard_rows');
SET client_min_messages = warning;
DROP SCHEMA regress_rows CASCADE;
DROP ROLE regress_hoopguard_rows;
