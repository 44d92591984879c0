-- The table of classes in docs/classes.md says what the code does.
\getenv srcdir PG_ABS_SRCDIR
\set docs :srcdir '/docs/classes.md'
CREATE TEMP TABLE line (text text);
-- no character of the file is a delimiter or an escape
COPY line FROM :'docs' WITH (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02');
CREATE TEMP TABLE documented AS
SELECT trim(c[2], ' `') AS class, trim(c[3]) AS class_group, trim(c[4]) AS names,
	trim(c[5]) = 'yes' AS by_value, trim(c[6]) AS method
FROM line, string_to_array(text, '|') c
WHERE text LIKE '| `%' AND cardinality(c) = 7;

-- the shipped classes, no more and no fewer, with group and default mask
SELECT count(*) > 80 AS many FROM documented;
SELECT class, class_group, method FROM documented
EXCEPT
SELECT c.name, c.class_group, d.method FROM hoopguard.class c
	LEFT JOIN hoopguard.default_mask d ON d.class = c.name WHERE c.shipped;
SELECT c.name FROM hoopguard.class c WHERE c.shipped
EXCEPT
SELECT class FROM documented;
SELECT class FROM documented GROUP BY class HAVING count(*) > 1;

-- each example of a name is found, as this class
SELECT d.class, e AS name, hoopguard.classify_name('t', trim(e, ' `'), 'text') AS found
FROM documented d, unnest(string_to_array(d.names, ',')) e
WHERE hoopguard.classify_name('t', trim(e, ' `'), 'text') IS DISTINCT FROM d.class;

-- values: those of these are found whose class says so
SELECT class, hoopguard.detect(value, context) AS found, by_value
FROM (VALUES ('email', 'ann@example.com', NULL), ('phone', '+49 30 23125 101', 'phone'),
	('credit_card', '4111111111111111', NULL), ('iban', 'DE89370400440532013000', NULL),
	('us_ssn', '536-90-4399', 'ssn'), ('ip_address', '192.0.2.17', NULL),
	('mac_address', '3c:22:fb:10:20:30', NULL), ('uk_nhs', '943 476 5919', 'nhs_number'),
	('date_of_birth', '1980-05-17', 'birth_date'),
	('url_with_credentials', 'postgres://ann:hunter22@db.example.com/x', NULL),
	('demographic', 'female', 'gender')) v(class, value, context)
	LEFT JOIN documented d USING (class)
WHERE hoopguard.detect(value, context) IS DISTINCT FROM CASE WHEN by_value THEN class END;
