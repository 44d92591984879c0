-- existence = refuse: no value of the client's meets a key that compares it
-- with real values of a masked column (HG007).
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE SCHEMA mask_existence;
GRANT USAGE, CREATE ON SCHEMA mask_existence TO regress_hoopguard_agent;
SET search_path = mask_existence;

CREATE TABLE person (id int PRIMARY KEY, tenant int, mail text UNIQUE,
	nick text DEFAULT 'nobody', low int, high int, span int4range,
	small text GENERATED ALWAYS AS (lower(nick)) STORED,
	UNIQUE (tenant, nick), UNIQUE (small, id), CHECK (low < high),
	EXCLUDE USING gist (span WITH &&));
INSERT INTO person VALUES
	(1, 1, 'real1@example.com', 'n1', 1, 10, '[1,5)'),
	(2, 1, 'real2@example.com', 'n2', 1, 20, '[5,9)');
CREATE TABLE line (id int, mail text REFERENCES person (mail));
INSERT INTO line VALUES (1, 'real1@example.com');
CREATE TABLE part (id int, mail text) PARTITION BY LIST (id);
CREATE TABLE part1 (mail text, id int);
ALTER TABLE part ATTACH PARTITION part1 FOR VALUES IN (1);
CREATE UNIQUE INDEX ON part1 ((lower(mail)));
INSERT INTO part VALUES (1, 'real3@example.com');
CREATE VIEW shown AS SELECT id AS key, mail AS address FROM person;
CREATE TABLE counted (id int, mail text UNIQUE);
INSERT INTO counted VALUES (1, 'real4@example.com');
GRANT ALL ON ALL TABLES IN SCHEMA mask_existence TO regress_hoopguard_agent;

SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;
SELECT hoopguard.add_rule('allow', '{ALL}', priority => 1) AS rule \gset
SELECT count(hoopguard.add_mask('constant', relation => r::regclass,
	column_name => c, args => '{"existence": "refuse"}'))
FROM (VALUES ('person', 'mail'), ('person', 'nick'), ('person', 'high'),
	('person', 'span'), ('part', 'mail')) v(r, c);
SELECT hoopguard.add_mask('constant', relation => 'counted',
	column_name => 'mail') IS NOT NULL AS counted;

SET SESSION AUTHORIZATION regress_hoopguard_agent;
\set VERBOSITY terse

-- HG007, whether the value exists or not
INSERT INTO person (id, mail) VALUES (3, 'real1@example.com');
INSERT INTO person (id, mail) VALUES (3, 'none@example.com');
INSERT INTO person (id, mail) VALUES (3, NULL), (4, 'real1@example.com');
INSERT INTO person (id, mail) SELECT 3, 'real1@example.com';
INSERT INTO shown VALUES (3, 'real1@example.com');
UPDATE person SET mail = 'real2@example.com' WHERE id = 1;
UPDATE shown SET address = 'real2@example.com' WHERE key = 1;
UPDATE person SET tenant = 1 WHERE id = 2;
UPDATE person SET nick = 'n1' WHERE id = 2;
UPDATE person SET span = '[1,2)' WHERE id = 2;
INSERT INTO person (id, span) VALUES (3, '[1,2)');
-- a CHECK answers about columns that are not given
UPDATE person SET low = 15 WHERE id = 1;
-- what is generated from a column stands for it
UPDATE person SET id = 1, nick = 'n1' WHERE id = 2;
MERGE INTO person p USING (VALUES (3)) s (i) ON p.id = s.i
	WHEN NOT MATCHED THEN INSERT (id, mail) VALUES (s.i, 'real1@example.com');
COPY person (id, mail) FROM STDIN;
\.
WITH w AS (INSERT INTO person (id, mail) VALUES (3, 'real1@example.com') RETURNING 1)
SELECT count(*) FROM w;
-- a foreign key asks what it references, without a mask of its own
INSERT INTO line VALUES (2, 'real2@example.com');
UPDATE line SET mail = 'real2@example.com';
COPY line FROM STDIN;
\.
-- the index of a partition, through the parent and directly
INSERT INTO part VALUES (1, 'REAL3@example.com');
INSERT INTO part1 (id, mail) VALUES (1, 'REAL3@example.com');
UPDATE part SET mail = 'x';
COPY part FROM STDIN;
\.
-- ON CONFLICT on the masked key or on any
INSERT INTO person (id, mail) VALUES (3, 'real1@example.com')
	ON CONFLICT (mail) DO NOTHING;
INSERT INTO person (id, mail) VALUES (3, 'real1@example.com')
	ON CONFLICT DO NOTHING;
INSERT INTO person (id, mail) VALUES (1, 'x')
	ON CONFLICT (id) DO UPDATE SET mail = excluded.mail;
-- ON CONFLICT on another key: the row is there, so nothing was asked
INSERT INTO person (id, mail) VALUES (1, 'x')
	ON CONFLICT (id) DO UPDATE SET tenant = person.tenant RETURNING id;
INSERT INTO person (id, mail) VALUES (1, 'x') ON CONFLICT (id) DO NOTHING;
-- it would go in: one error for both answers, before any row is returned
INSERT INTO person (id, mail) VALUES (3, 'real1@example.com')
	ON CONFLICT (id) DO NOTHING;
INSERT INTO person (id, mail) VALUES (3, 'none@example.com')
	ON CONFLICT (id) DO NOTHING;
INSERT INTO person (id, mail) VALUES (1, 'x'), (3, 'real1@example.com')
	ON CONFLICT (id) DO UPDATE SET tenant = person.tenant RETURNING id;
PREPARE probe(int, text) AS INSERT INTO person (id, mail) VALUES ($1, $2)
	ON CONFLICT (id) DO NOTHING;
EXECUTE probe(1, 'x');
EXECUTE probe(3, 'real1@example.com');
WITH w AS (INSERT INTO person (id, mail) VALUES (3, 'none@example.com')
	ON CONFLICT (id) DO NOTHING RETURNING 1) SELECT 1 AS one;

-- allowed: what asks nothing
BEGIN;
INSERT INTO person (id) VALUES (3);
INSERT INTO person (id, mail, nick, tenant) VALUES (4, NULL, DEFAULT, 7);
UPDATE person SET mail = NULL WHERE id = 1 AND NOT EXISTS (SELECT FROM line);
UPDATE person SET mail = DEFAULT WHERE id = 3;
UPDATE person SET id = id, tenant = tenant WHERE id = 1;
UPDATE person SET low = 3, high = 30 WHERE id = 1;
INSERT INTO line VALUES (2, NULL);
COPY person (id) FROM STDIN;
9
\.
DELETE FROM person WHERE id = 3;
ROLLBACK;
-- without refuse the error says so much, and no more
INSERT INTO counted VALUES (2, 'real4@example.com');
INSERT INTO counted VALUES (2, 'mine@example.com');

-- nothing was written by what was refused
RESET SESSION AUTHORIZATION;
SELECT id, mail, nick, high FROM person ORDER BY id;
SELECT count(*) FROM line;
SELECT count(*) FROM part;

-- a foreign key of a cascade still works
SET SESSION AUTHORIZATION regress_hoopguard_agent;
DELETE FROM person WHERE id = 1;
RESET SESSION AUTHORIZATION;
SELECT hoopguard.unmap_role('regress_hoopguard_agent');
SELECT hoopguard.drop_rule(:rule);
DELETE FROM hoopguard.mask_rule;
DROP SCHEMA mask_existence CASCADE;
DROP ROLE regress_hoopguard_agent;
