-- Labels: who may set them, what they may say, what they override.
SET client_min_messages = warning;
SELECT count(hoopguard.drop_mask(id)) >= 0 AS dropped FROM hoopguard.mask_rule;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE ROLE regress_hoopguard_admin LOGIN;
CREATE ROLE regress_hoopguard_owner LOGIN;
CREATE SCHEMA class_label AUTHORIZATION regress_hoopguard_owner;
GRANT USAGE, CREATE ON SCHEMA class_label TO regress_hoopguard_agent, regress_hoopguard_admin;
SET search_path = class_label;
SELECT hoopguard.grant_admin('regress_hoopguard_admin');
SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;

SET SESSION AUTHORIZATION regress_hoopguard_admin;
CREATE TABLE of_admin (email text, other text);
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_hoopguard_owner;
CREATE TABLE people (id int, email text, note text, other text);
INSERT INTO people VALUES (1, 'ann@example.com', 'a note', '900-11-1234');
CREATE VIEW v AS SELECT * FROM people;
GRANT SELECT ON people, v TO regress_hoopguard_agent;

-- the owner of a table alone may not
SECURITY LABEL FOR hoopguard ON COLUMN people.email IS 'public';
RESET SESSION AUTHORIZATION;

-- an administrator may, for tables of their own
SET SESSION AUTHORIZATION regress_hoopguard_admin;
SECURITY LABEL FOR hoopguard ON COLUMN of_admin.other IS 'us_ssn';
SECURITY LABEL FOR hoopguard ON COLUMN people.other IS 'us_ssn';
RESET SESSION AUTHORIZATION;

-- a superuser may
SECURITY LABEL FOR hoopguard ON COLUMN people.other IS 'us_ssn';
SECURITY LABEL FOR hoopguard ON COLUMN people.email IS 'public';

-- a governed session may not, not even on its own table
SET SESSION AUTHORIZATION regress_hoopguard_agent;
CREATE TEMP TABLE own (email text);
SECURITY LABEL FOR hoopguard ON COLUMN own.email IS 'public';
SECURITY LABEL FOR hoopguard ON COLUMN people.other IS 'public';
SECURITY LABEL FOR hoopguard ON COLUMN people.other IS NULL;

-- public overrides the name, the class masks
SELECT email, note, other <> '900-11-1234' AS masked FROM people;
SELECT email, note, other <> '900-11-1234' AS masked FROM v;
RESET SESSION AUTHORIZATION;

-- unknown classes are refused, groups and the empty label too
\set VERBOSITY sqlstate
\set SHOW_CONTEXT never
SECURITY LABEL FOR hoopguard ON COLUMN people.note IS 'e_mail';
\set VERBOSITY default
SECURITY LABEL FOR hoopguard ON COLUMN people.note IS 'no_such_class';
SECURITY LABEL FOR hoopguard ON COLUMN people.note IS 'group:contact';
SECURITY LABEL FOR hoopguard ON COLUMN people.note IS 'Email';
SECURITY LABEL FOR hoopguard ON COLUMN people.note IS '';
-- and what cannot have a class
SECURITY LABEL FOR hoopguard ON COLUMN v.note IS 'email';
SECURITY LABEL FOR hoopguard ON TABLE people IS 'email';
SECURITY LABEL FOR hoopguard ON SCHEMA class_label IS 'email';
SECURITY LABEL FOR hoopguard ON COLUMN people.ctid IS 'email';

-- a class of one's own
SECURITY LABEL FOR hoopguard ON COLUMN people.note IS 'badge_no';
SELECT hoopguard.add_class('badge_no', 'staff');
SECURITY LABEL FOR hoopguard ON COLUMN people.note IS 'badge_no';
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT note <> 'a note' AS masked FROM people;
RESET SESSION AUTHORIZATION;
-- it can be named by its group
SELECT hoopguard.add_mask('constant', class => 'group:staff', args => '{"value": "none of your business"}') > 0 AS added;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT note FROM people;
RESET SESSION AUTHORIZATION;
-- names that are no names, and names that are taken
SELECT hoopguard.add_class('badge_no', 'staff');
SELECT hoopguard.add_class('Badge', 'staff');
SELECT hoopguard.add_class('badge-2', 'staff');
SELECT hoopguard.add_class('badge_2', 'group:staff');
SELECT hoopguard.add_class(NULL, 'staff');
SELECT hoopguard.add_class('group', NULL);

-- what holds, and why
SELECT column_name, class, class_group, source, origin FROM hoopguard.sensitive_column
WHERE relation = 'people'::regclass ORDER BY 1;
SELECT column_name, class, source, method, match FROM hoopguard.effective_mask('regress_hoopguard_agent', 'people');
SELECT * FROM hoopguard.effective_mask('regress_hoopguard_owner', 'people');
SELECT count(*) FROM hoopguard.effective_mask('regress_hoopguard_agent', 'v');
SELECT count(*) FROM hoopguard.effective_mask('nobody_at_all', 'people');

-- without the label the name counts again; the label goes with its column
SECURITY LABEL FOR hoopguard ON COLUMN people.email IS NULL;
ALTER TABLE people RENAME COLUMN other TO renamed;
ALTER TABLE people DROP COLUMN note CASCADE;
SELECT column_name, class, source FROM hoopguard.sensitive_column
WHERE relation = 'people'::regclass ORDER BY 1;

-- a label on a child holds for what is read through the parent; public binds
-- its table and those below
CREATE TABLE top (a text, b text, email text);
CREATE TABLE below (x int) INHERITS (top);
CREATE TABLE below2 () INHERITS (top);
SECURITY LABEL FOR hoopguard ON COLUMN below.a IS 'iban';
SECURITY LABEL FOR hoopguard ON COLUMN top.b IS 'iban';
SECURITY LABEL FOR hoopguard ON COLUMN below2.b IS 'public';
SECURITY LABEL FOR hoopguard ON COLUMN top.email IS 'public';
SELECT relation, column_name, class, origin FROM hoopguard.sensitive_column
WHERE relation IN ('top'::regclass, 'below'::regclass, 'below2'::regclass)
ORDER BY relation::text, column_name;

SELECT count(hoopguard.drop_mask(id)) FROM hoopguard.mask_rule;
DELETE FROM hoopguard.class WHERE name = 'badge_no';
DELETE FROM hoopguard.default_mask WHERE class = 'badge_no';
SELECT hoopguard.unmap_role('regress_hoopguard_agent');
DROP TABLE own;
DROP SCHEMA class_label CASCADE;
DROP OWNED BY regress_hoopguard_admin;
DROP ROLE regress_hoopguard_agent, regress_hoopguard_admin, regress_hoopguard_owner;
