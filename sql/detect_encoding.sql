-- Other encodings: found there, too, and never cut inside of a character.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE DATABASE regress_hoopguard_utf8 ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
CREATE DATABASE regress_hoopguard_latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;
CREATE DATABASE regress_hoopguard_euc_jp ENCODING 'EUC_JP' LOCALE 'C' TEMPLATE template0;

\c regress_hoopguard_utf8
SET client_encoding = 'UTF8';
SET client_min_messages = warning;
CREATE EXTENSION hoopguard;
-- signs of the text around stay out, letters of the address are in
SELECT class, convert_from(substring(convert_to(t, 'UTF8')
	FROM byte_start + 1 FOR byte_end - byte_start), 'UTF8')
FROM (VALUES ('連絡先はada@example.orgです。'), ('用户@例子.example.org'),
	('„jürgen@exämple.example.org“'), (U&'mail:\200bada@example.org\200b'),
	('電話は+44 20 7946 0958まで'), (U&'4242\00a04242\00a04242\00a04242')) v(t),
	hoopguard.detect_spans(t);
-- no cut character, whatever stands where
SELECT count(convert_from(substring(convert_to(t, 'UTF8')
	FROM byte_start + 1 FOR byte_end - byte_start), 'UTF8'))
FROM (SELECT repeat(c, i) || '@' || repeat(c, i % 7) || '.org' || c FROM
	unnest('{a,é,日,𝒳}'::text[]) c, generate_series(0, 90) i) v(t),
	hoopguard.detect_spans(t);
SELECT hoopguard.classify_name('kunden', 'Straße', 'text'),
	hoopguard.classify_name('clients', 'Prénom', 'text');
-- escapes of JSON are read in this encoding
CREATE ROLE regress_hoopguard_enc;
SELECT hoopguard.map_role('regress_hoopguard_enc', scrub_output => true);
SET SESSION AUTHORIZATION regress_hoopguard_enc;
SELECT '{"x": "j\u00fcrgen\u0040ex\u00e4mple.example.org \ud83d\ude00 y"}'::json;
SELECT 'naïve ada@example.orgé'::varchar(20), 'é'::text || repeat('é', 80) || '@example.org';
RESET SESSION AUTHORIZATION;
SELECT hoopguard.unmap_role('regress_hoopguard_enc');

\c regress_hoopguard_latin1
SET client_encoding = 'UTF8';
SET client_min_messages = warning;
CREATE EXTENSION hoopguard;
SELECT class, convert_from(substring(convert_to(t, 'LATIN1')
	FROM byte_start + 1 FOR byte_end - byte_start), 'LATIN1')
FROM (VALUES ('ist jürgen@exämple.example.org da?'), ('née le 22.07.1947, ssn 212-55-7831')) v(t),
	hoopguard.detect_spans(t);

\c regress_hoopguard_euc_jp
SET client_encoding = 'UTF8';
SET client_min_messages = warning;
CREATE EXTENSION hoopguard;
SELECT count(convert_from(substring(convert_to(t, 'EUC_JP')
	FROM byte_start + 1 FOR byte_end - byte_start), 'EUC_JP'))
FROM (SELECT repeat('日', i) || 'ada@' || repeat('本', i % 5) || '.org日'
	FROM generate_series(0, 60) i) v(t), hoopguard.detect_spans(t);

\c contrib_regression
DROP DATABASE regress_hoopguard_utf8;
DROP DATABASE regress_hoopguard_latin1;
DROP DATABASE regress_hoopguard_euc_jp;
DROP ROLE regress_hoopguard_enc;
