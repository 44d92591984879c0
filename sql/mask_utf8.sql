-- Masks of text in UTF-8: tokens stay letters of the same script, and no
-- character is shown, whatever it is.
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE DATABASE regress_hoopguard_utf8 TEMPLATE template0 ENCODING 'UTF8'
	LC_COLLATE 'C' LC_CTYPE 'C';
\set dbname :DBNAME
\c regress_hoopguard_utf8
SET client_min_messages = warning;
SET client_encoding = 'UTF8';
CREATE EXTENSION hoopguard;
SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;
UPDATE hoopguard.mask_key SET key = sha256('the key of this test');
CREATE TABLE word (id int, t text, v varchar(6), p text);
INSERT INTO word SELECT i, w, w, w FROM unnest(ARRAY['Müller', 'MÜLLER', 'Łódź',
	'Ελένη', 'Иван', 'שלום', 'محمد', '山田太郎', '김철수', 'ก', 'Nguyễn', '😀', '€ 5', '“”',
	E'e\u0301a', 'ﬁx', '१२३', 'ß']) WITH ORDINALITY x(w, i);
-- every character there is in the first plane and some of the next
CREATE TABLE one AS SELECT i AS c, chr(i) AS t
FROM generate_series(33, 131071) i WHERE i NOT BETWEEN 127 AND 160 AND i NOT BETWEEN 55296 AND 57343;
GRANT SELECT ON word, one TO regress_hoopguard_agent;
SELECT hoopguard.add_mask('token', relation => 'word', column_name => c) > 0 AS added
FROM unnest('{t,v}'::text[]) c;
SELECT hoopguard.add_mask('partial', relation => 'word', column_name => 'p',
	args => '{"first": 1, "last": 1, "char": "•"}') > 0 AS added;
SELECT hoopguard.add_mask('token', relation => 'one', column_name => 't') > 0 AS added;
\pset format unaligned
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT t, v, p FROM word ORDER BY id;
-- as many characters and bytes as before; another character, for each another
SELECT count(*) = count(DISTINCT t) AS injective, bool_and(char_length(t) = 1) AS length,
	bool_and(octet_length(t) = octet_length(chr(c))) AS bytes, count(*) FILTER (WHERE t = chr(c)) AS shown
FROM one;
RESET SESSION AUTHORIZATION;
SELECT hoopguard.unmap_role('regress_hoopguard_agent') IS NOT NULL AS unmapped;
\c :dbname
DROP DATABASE regress_hoopguard_utf8;
DROP ROLE regress_hoopguard_agent;
