-- A mask may be stored elsewhere, but never over the data it hides; and how
-- conditions on a masked column behave.
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE SCHEMA mask_write;
GRANT USAGE ON SCHEMA mask_write TO regress_hoopguard_agent;
SET search_path = mask_write;

CREATE TYPE place AS (street text, city text);
CREATE TABLE person (id int PRIMARY KEY, mail text, home place, tags text[],
	note text);
INSERT INTO person VALUES (1, 'anna@example.com', ('s1', 'c1'), '{a,b}', 'n1'),
	(2, 'bob@example.com', ('s2', 'c2'), '{c}', 'n2');
CREATE TABLE source (id int, mail text);
INSERT INTO source VALUES (1, 'new@example.com');
CREATE VIEW shown AS SELECT id, mail AS address, note FROM person;
GRANT ALL ON ALL TABLES IN SCHEMA mask_write TO regress_hoopguard_agent;

SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;
SELECT hoopguard.add_rule('allow', '{ALL}', priority => 1) AS rule \gset
SELECT count(hoopguard.add_mask('partial', relation => r::regclass,
	column_name => c, args => '{"first": 1}'))
FROM (VALUES ('person', 'mail'), ('person', 'home'), ('person', 'tags'),
	('source', 'mail')) v(r, c);

SET SESSION AUTHORIZATION regress_hoopguard_agent;
\set VERBOSITY terse

-- HG006: the new value of a classified column comes from a mask
UPDATE person SET mail = lower(mail);
UPDATE person SET home.city = 'x';
UPDATE person SET tags[1] = 'x';
UPDATE person SET mail = s.mail FROM source s WHERE s.id = person.id;
UPDATE person SET mail = s.address FROM shown s WHERE s.id = person.id;
UPDATE person SET (note, mail) = (SELECT 'x', s.mail FROM source s);
WITH s AS (SELECT mail AS m FROM source) UPDATE person SET mail = m FROM s;
INSERT INTO person (id, mail) SELECT id, mail FROM source
	ON CONFLICT (id) DO UPDATE SET mail = excluded.mail;
MERGE INTO person p USING source s ON p.id = s.id
	WHEN MATCHED THEN UPDATE SET mail = s.mail;

-- allowed: values of the client's own, masks in other columns
BEGIN;
UPDATE person SET mail = 'mine@example.com' WHERE id = 1 RETURNING mail;
UPDATE person SET note = mail WHERE id = 2 RETURNING note;
UPDATE person SET (note, mail) = (SELECT s.mail, 'y' FROM source s) WHERE id = 2;
INSERT INTO person (id, mail) VALUES (1, 'z')
	ON CONFLICT (id) DO UPDATE SET mail = excluded.mail;
RESET SESSION AUTHORIZATION;
SELECT id, mail, home, tags, note FROM person ORDER BY id;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
ROLLBACK;

-- columns that are not assigned keep their data
BEGIN;
UPDATE person SET note = 'changed';
RESET SESSION AUTHORIZATION;
SELECT id, mail, home, tags FROM person ORDER BY id;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
ROLLBACK;

-- conditions of views that the agent owns see masks, also where the rewriter
-- hands them to the table's security quals or to the check option
RESET SESSION AUTHORIZATION;
CREATE SCHEMA agent AUTHORIZATION regress_hoopguard_agent;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SET search_path = agent, mask_write;
CREATE FUNCTION tell(text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS
$$ BEGIN RAISE WARNING 'got %', $1; RETURN true; END $$;
CREATE VIEW barrier WITH (security_barrier) AS
	SELECT * FROM person WHERE tell(mail);
CREATE VIEW checked AS SELECT * FROM person WHERE tell(mail) WITH CHECK OPTION;
UPDATE barrier SET note = note WHERE id = 1;
UPDATE checked SET note = note WHERE id = 1;

-- match = equality: = and IN with given values use the data, nothing else does
RESET SESSION AUTHORIZATION;
SELECT hoopguard.drop_mask(id) IS NOT NULL AS dropped FROM hoopguard.mask_rule
	WHERE relation = 'mask_write.person'::regclass AND column_name = 'mail';
SELECT hoopguard.add_mask('partial', relation => 'mask_write.person',
	column_name => 'mail', match => 'equality') IS NOT NULL AS mask;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT id, mail FROM person WHERE mail = 'bob@example.com';
SELECT id, mail FROM person WHERE mail IN ('bob@example.com', 'x');
SELECT id, mail FROM person WHERE mail LIKE 'bob%';
SELECT id, mail FROM person WHERE NOT mail = 'bob@example.com' ORDER BY id;

-- match = refuse: HG007, through a view, too
RESET SESSION AUTHORIZATION;
SELECT hoopguard.drop_mask(id) IS NOT NULL AS dropped FROM hoopguard.mask_rule
	WHERE relation = 'mask_write.person'::regclass AND column_name = 'mail';
SELECT hoopguard.add_mask('partial', relation => 'mask_write.person',
	column_name => 'mail', match => 'refuse') IS NOT NULL AS mask;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT id FROM person WHERE mail = 'bob@example.com';
SELECT id FROM shown WHERE address LIKE 'b%';
SELECT id FROM person ORDER BY mail;
SELECT DISTINCT mail FROM person;
SELECT id, mail FROM person ORDER BY id;

RESET SESSION AUTHORIZATION;
\set VERBOSITY default
DROP SCHEMA agent, mask_write CASCADE;
SELECT hoopguard.drop_rule(:rule) IS NOT NULL AS dropped;
SELECT hoopguard.unmap_role('regress_hoopguard_agent') IS NOT NULL AS unmapped;
DROP ROLE regress_hoopguard_agent;
