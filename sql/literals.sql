-- The values of a subject's statements, for whom record_literals says so: what
-- is recorded, and that nothing is of what meets a classified column.  Such
-- values are called simsim here; the list at the end must be empty.
\set VERBOSITY terse
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS hoopguard;
CREATE ROLE regress_hoopguard_lit;
CREATE ROLE regress_hoopguard_nolit;
CREATE ROLE regress_hoopguard_litaud;
CREATE SCHEMA lit;
GRANT ALL ON SCHEMA lit TO regress_hoopguard_lit, regress_hoopguard_nolit;
SET search_path = lit, public;
CREATE DOMAIN address AS text CHECK (length(value) < 500);
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TYPE place AS (street_address text, floor int);
CREATE TABLE customer (id int PRIMARY KEY, full_name text, email text UNIQUE, city text,
	mood mood, born date, data jsonb, tags text[], home place, code address, secret text,
	pin int, score numeric, blob bytea, other text);
SECURITY LABEL FOR hoopguard ON COLUMN customer.city IS 'public';
SECURITY LABEL FOR hoopguard ON COLUMN customer.pin IS 'secret_token';
SECURITY LABEL FOR hoopguard ON COLUMN customer.code IS 'person_name';
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, ref text, status text, memo varchar(40));
CREATE TABLE part (id int, full_name text, kind text) PARTITION BY LIST (kind);
CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a');
CREATE VIEW renamed AS SELECT id AS n, email AS thing, city AS town, data ->> 'email' AS contact FROM customer;
CREATE VIEW trig AS SELECT id, full_name AS a, city AS b FROM customer;
CREATE FUNCTION trig() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER t INSTEAD OF INSERT ON trig FOR EACH ROW EXECUTE FUNCTION trig();
CREATE FUNCTION who(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT full_name FROM lit.customer WHERE id = $1';
CREATE FUNCTION find(text) RETURNS SETOF int LANGUAGE plpgsql AS $$BEGIN
	RETURN QUERY SELECT id FROM lit.customer WHERE email = 'nested' OR city = $1; END$$;
CREATE FUNCTION same(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2';
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = same);
INSERT INTO customer (id, full_name, email, city) VALUES (1, 'x', 'y', 'z');
INSERT INTO orders VALUES (1, 1, 'r', 's', 'm');
CREATE TABLE ruled (id int, full_name text, town text);
CREATE TABLE log (what text);
CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO log VALUES (new.full_name);
CREATE RULE instead AS ON UPDATE TO ruled WHERE new.town = 'ruled' DO INSTEAD INSERT INTO log VALUES (old.town || new.town);
CREATE TABLE mailing (m text REFERENCES customer (email), n int);
CREATE VIEW barrier WITH (security_barrier) AS SELECT id, full_name AS a, city AS b FROM customer WHERE city <> 'of the view';
CREATE TABLE own_rows (id int, town text DEFAULT 'by default', full_name text);
ALTER TABLE own_rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON own_rows USING (town <> 'of the policy');
CREATE TYPE less AS (gone int, street_address text, c text);
CREATE TYPE lesser AS (x less, y int);
CREATE TABLE dropped (id int, v less, w lesser[]);
ALTER TYPE less DROP ATTRIBUTE gone;
CREATE DOMAIN keyword AS varchar;
CREATE TABLE docs (id int, j jsonb, title text);
CREATE TYPE wrap AS (p customer, n int);
CREATE TABLE many (c customer, cs customer[], w wrap, v renamed);
CREATE TABLE few (o orders, n int);
CREATE TABLE homes (id int, home place, other int);
CREATE TABLE other (o text PRIMARY KEY, back text UNIQUE);
CREATE TABLE middle (k text PRIMARY KEY REFERENCES customer (email));
CREATE TABLE far (k2 text REFERENCES middle (k), k3 text REFERENCES customer (email) REFERENCES other (o),
	k4 text REFERENCES other (o) REFERENCES customer (email), k5 text REFERENCES other (back));
ALTER TABLE other ADD FOREIGN KEY (o) REFERENCES other (back), ADD FOREIGN KEY (back) REFERENCES other (o);
CREATE TABLE harmless (n int, what text);
CREATE RULE rr AS ON INSERT TO harmless DO ALSO INSERT INTO customer (id, email) VALUES (new.n, new.what);
CREATE VIEW simple_view AS SELECT id, title AS w FROM docs;
CREATE RULE rr AS ON INSERT TO simple_view DO ALSO INSERT INTO customer (id, email) VALUES (new.id, new.w);
CREATE FUNCTION nothing() RETURNS text LANGUAGE sql AS $$SELECT 'nothing'$$;
GRANT ALL ON ALL TABLES IN SCHEMA lit TO regress_hoopguard_lit, regress_hoopguard_nolit;
SELECT hoopguard.add_rule('allow', '{ALL}', priority => 1) AS rule \gset
SELECT hoopguard.add_mask('null', relation => 'customer', column_name => 'other') AS mask \gset
SELECT hoopguard.map_role('regress_hoopguard_lit', record_literals => true);
SELECT hoopguard.map_role('regress_hoopguard_nolit');
SELECT hoopguard.grant_auditor('regress_hoopguard_litaud');
-- a change of it is a change of policy
SELECT count(*) > 0 AS noted FROM hoopguard.policy_change
WHERE after ->> 'record_literals' = 'true';

-- ---- what is recorded ----
SET ROLE regress_hoopguard_lit;
SELECT count(*) FROM customer WHERE city = 'Karakorum' AND id IN (1, 2, -3) LIMIT 10 OFFSET 0;
SELECT count(*) FROM customer WHERE city ILIKE 'Ber%' OR upper(city) = 'ROME' OR mood = 'good';
SELECT count(*) FROM customer WHERE tags @> '{red,green}' AND score BETWEEN 1.5 AND 2e3;
SELECT count(*) FROM customer c JOIN orders o ON o.customer_id = c.id WHERE o.status = ANY ('{open,closed}');
SELECT count(*) FROM orders WHERE memo = 'write to bob@example.com or call +49 30 901820' OR ref = '4111111111111111';
SELECT 'free' || ' text', 42, NULL, true, date '2024-02-29', interval '3 days';
INSERT INTO orders VALUES (2, 1, 'r2', 'open', 'm2'), (3, 1, 'r3', DEFAULT, NULL);
UPDATE orders SET status = CASE WHEN id > 2 THEN 'late' ELSE 'soon' END WHERE ref LIKE 'r_' ESCAPE '!';
INSERT INTO orders (id, status) VALUES (2, 'twice') ON CONFLICT (id) DO UPDATE SET status = excluded.status || '!', memo = 'met' WHERE orders.ref <> 'none';
MERGE INTO orders o USING (VALUES (3, 'merged'), (4, 'new')) v(id, s) ON o.id = v.id
	WHEN MATCHED AND o.ref = 'r3' THEN UPDATE SET status = v.s WHEN NOT MATCHED THEN INSERT (id, status) VALUES (v.id, v.s);
DELETE FROM orders WHERE id = 4 RETURNING status = 'new';
SELECT data ->> 'colour' = 'blue', data #>> '{a,b}' = 'c', data -> 'n' = '1' FROM customer;
PREPARE p (text, int, numeric) AS SELECT count(*) FROM customer WHERE city = $1 AND id = $2 AND city <> 'Bonn' AND score > $3;
EXECUTE p ('Lima', 1 + 1, -5);
EXECUTE p (NULL, '7'::int, 1e2);
-- the numbers are those that its arguments have in the text of EXECUTE
PREPARE e (text, text, int) AS SELECT count(*) FROM orders WHERE ref = $1 AND status = $2 AND id = $3 AND memo = 'const';
EXECUTE e (NULL, 'B', 3);
EXECUTE e ('A'::varchar(5), 'B', -3)\; SELECT 'after'\; EXECUTE e (/* it's 1 */ E'A', $$B$$, '3');
EXECUTE e ('A' || 'x', 'B', 1 + 2);
BEGIN;
DECLARE k CURSOR FOR SELECT id FROM customer WHERE city = 'Cork';
FETCH ALL FROM k;
COMMIT;
COPY (SELECT id FROM orders WHERE status = 'copied') TO STDOUT;
SELECT repeat('ab', 3) = repeat('words ', 1), city = 'long ' || status FROM customer, orders LIMIT 0;
SELECT count(*) FROM orders WHERE ref = 'Lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed diam nonumy eirmod tempor invidunt ut labore et dolore magna aliquyam erat, sed diam voluptua. At vero eos et accusam et justo duo dolores et ea rebum. Stet clita kasd';
SELECT count(*) FROM orders WHERE id IN (1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60,61,62,63,64,65,66,67);
-- not what views, policies and defaults bring in
SELECT count(*) FROM barrier WHERE b = 'Faro' AND id > 3;
INSERT INTO own_rows (id) VALUES (5);
UPDATE own_rows SET id = 6 WHERE town = 'Lagos';
UPDATE ruled SET town = 'Sines' WHERE id = 1;
-- what was refused or failed, too; what was rolled back, too
SELECT 1 / (id - id) FROM customer WHERE city = 'failed';
BEGIN; SAVEPOINT a; SELECT count(*) FROM orders WHERE ref = 'undone'; ROLLBACK TO a; COMMIT;
-- of what a function does only what the client gave: that is withheld
SELECT * FROM find('hidden');
SELECT set_config('application_name', 'hidden', true), md5('hidden'), who(1) = 'hidden', city === 'hidden' FROM customer;
SELECT count(*) FROM orders WHERE decode('aGlkZGVu', 'base64') = '\x68' OR ref = xmlelement(name a, 'hidden')::text;
RESET ROLE;
SELECT hoopguard.flush();
SELECT max(event_id) AS first FROM hoopguard.literal \gset
\pset format unaligned
\pset tuples_only on
-- ("format" is a keyword in some versions, which the text has a space behind)
CREATE VIEW seen AS
SELECT l.event_id, replace(left(e.text, 250), 'format (', 'format(') AS text, bool_or(NOT l.withheld) AS shown,
	string_agg(format('%s=%s%s%s', l.position,
		CASE WHEN l.withheld THEN trim(l.value, '[]') ELSE coalesce(quote_literal(l.value), 'NULL') END,
		' of ' || substr(l.column_name, 5), ', ' || l.length || ' bytes'), '; ' ORDER BY l.position, l.column_name COLLATE "C", l.value COLLATE "C") AS values
FROM hoopguard.literal l JOIN hoopguard.activity e USING (event_id)
WHERE e.subject = 'regress_hoopguard_lit' AND (l.position < 12 OR l.length IS NOT NULL)
GROUP BY l.event_id, e.text;
SELECT E'\n' || text, values FROM seen ORDER BY event_id;
-- of long lists the number of the others
SELECT count(*), max(detail ->> 'omitted') FROM hoopguard.note n
	JOIN hoopguard.literal l ON (n.detail ->> 'event_id')::bigint = l.event_id
WHERE n.kind = 'literals' AND n.detail ? 'omitted';

-- ---- what must not be ----
SET ROLE regress_hoopguard_lit;
SELECT count(*) FROM customer WHERE email = 'simsim01' OR email IN ('simsim02', 'simsim03') OR lower(email) LIKE '%simsim04%';
SELECT count(*) FROM customer WHERE email = ANY ('{simsim05}') OR email = ANY (ARRAY['simsim06', 'simsim07']) OR 'simsim08' = email;
SELECT count(*) FROM customer WHERE (city, email) = ('a', 'simsim10') OR (email, id) IN (('simsim11', 1)) OR (email, id) < ('simsim12', 2);
SELECT count(*) FROM customer WHERE email || '' = 'simsim13' OR email = 'sim' || 'sim14' OR coalesce(city, email) = 'simsim15';
SELECT count(*) FROM customer WHERE CASE email WHEN 'simsim16' THEN true END OR CASE WHEN id = 1 THEN email ELSE city END = 'simsim17';
SELECT count(*) FROM customer WHERE NULLIF(email, 'simsim18') IS NULL OR greatest(email, 'simsim19') = 'b' OR email IS DISTINCT FROM 'simsim20';
SELECT count(*) FROM customer WHERE email::varchar(20) = 'simsim21' OR email = CAST('simsim22' AS char(9)) OR email COLLATE "C" > 'simsim23';
SELECT count(*) FROM customer WHERE ROW(id, email) = ROW(1, 'simsim24') OR ARRAY[email] @> ARRAY['simsim25'] OR ARRAY[email, city] && '{simsim26}';
SELECT count(*) FROM customer c WHERE (c).email = 'simsim27' OR c::text = 'simsim28';
SELECT count(*) FROM customer WHERE length(replace(email, 'simsim29', '')) = 3 OR position('simsim30' IN email) > 0 OR split_part(email, '@', 2) = 'simsim31';
SELECT count(*) FROM renamed WHERE thing = 'simsim32' OR contact = 'simsim33';
SELECT count(*) FROM (SELECT email AS e FROM customer) s(q) WHERE q = 'simsim34';
WITH c AS MATERIALIZED (SELECT email AS a FROM customer), d AS (SELECT a AS b FROM c) SELECT count(*) FROM d x(y) WHERE y = 'simsim35';
WITH v AS (SELECT 'simsim36' AS x) SELECT count(*) FROM customer, v WHERE email = v.x;
SELECT count(*) FROM (VALUES ('simsim37'), ('simsim38')) v(x) JOIN customer ON email = x;
SELECT count(*) FROM (VALUES ('simsim39')) v(email) JOIN customer USING (email);
SELECT count(*) FROM customer NATURAL JOIN (SELECT 'simsim40' AS email) s;
SELECT count(*) FROM orders o JOIN customer c ON o.ref = c.email WHERE o.ref = 'simsim41';
SELECT count(*) FROM orders o JOIN customer c ON o.ref = c.email JOIN (VALUES ('simsim42')) v(x) ON v.x = o.ref;
SELECT count(*) FROM customer WHERE email IN (SELECT ref FROM orders WHERE ref = 'simsim43');
SELECT count(*) FROM customer WHERE email = (SELECT 'simsim44') OR EXISTS (SELECT FROM orders WHERE email = 'simsim45') OR email = ALL (SELECT 'simsim46');
SELECT count(*) FROM (SELECT email FROM customer UNION SELECT 'simsim47') s;
SELECT count(*) FROM (SELECT 'simsim48' UNION ALL (SELECT city FROM customer EXCEPT SELECT email FROM customer)) s;
WITH RECURSIVE r(n, v) AS (SELECT 1, 'simsim49' UNION ALL SELECT n + 1, email FROM r, customer WHERE n < 2) SELECT count(*) FROM r WHERE v <> 'simsim50';
SELECT count(*) FROM customer, LATERAL (SELECT email AS l) z, unnest(ARRAY['simsim51']) u WHERE l = u;
SELECT count(*) FROM customer GROUP BY email HAVING max(email) = 'simsim52' OR email = 'simsim53' OR string_agg(email, 'simsim54') = 'simsim55';
SELECT email = 'simsim56', first_value(email) OVER (ORDER BY email = 'simsim57') = 'simsim58' FROM customer ORDER BY nullif(email, 'simsim59');
SELECT count(*) FILTER (WHERE email = 'simsim60') FROM customer;
SELECT data ->> 'email' = 'simsim61', data #>> '{person,full_name}' = 'simsim62', data['email'] = '"simsim63"', data @> '{"full_name": "simsim64"}', data @> '{"em\u0061il": "simsim65"}' FROM customer;
SELECT data @? '$.email ? (@ == "simsim66")', jsonb_path_query_first(data, '$.email') = '"simsim67"', jsonb_extract_path_text(data, 'email') = 'simsim68' FROM customer;
SELECT count(*) FROM customer WHERE (home).street_address = 'simsim69' OR home = ROW('simsim70', 1)::place OR code = 'simsim71' OR other = 'simsim72' OR secret = 'simsim73';
INSERT INTO customer (id, email, full_name, city, home, data, code) VALUES (10, 'simsim74', 'simsim75', 'Rome', ('simsim76', 1), '{"email": "simsim77"}', 'simsim78');
INSERT INTO customer (id, email) SELECT 11, x FROM (VALUES ('simsim79')) v(x);
INSERT INTO customer (id, email) VALUES (10, 'simsim80') ON CONFLICT (id) DO UPDATE SET email = 'simsim81', full_name = excluded.email || 'simsim82' WHERE customer.email <> 'simsim83' RETURNING email = 'simsim84';
UPDATE customer SET email = 'simsim85', (full_name, city) = ('simsim86', 'Oslo'), (code, pin) = (SELECT 'simsim87', 9) WHERE email = 'simsim88';
UPDATE customer SET full_name = v.n FROM (VALUES (10, 'simsim89')) v(i, n) WHERE id = v.i;
UPDATE customer SET home.street_address = 'simsim90', data['email'] = '"simsim91"' WHERE id = 10;
MERGE INTO customer c USING (VALUES (10, 'simsim92'), (12, 'simsim93')) v(i, e) ON c.id = v.i
	WHEN MATCHED AND c.email <> 'simsim94' THEN UPDATE SET email = v.e WHEN NOT MATCHED THEN INSERT (id, email, full_name) VALUES (v.i, v.e, 'simsim95');
INSERT INTO part VALUES (1, 'simsim96', 'a');
SELECT count(*) FROM part_a WHERE full_name = 'simsim97';
INSERT INTO renamed (n, thing) VALUES (13, 'simsim98');
UPDATE renamed SET thing = 'simsim99' WHERE n = 13 AND thing = 'simsim100';
INSERT INTO trig VALUES (1, 'simsim101', 'simsim102');
WITH i AS (INSERT INTO customer (id, email) VALUES (14, 'simsim103') RETURNING email) SELECT count(*) FROM i WHERE email = 'simsim104';
-- with no column at all: by the name that it gets, or because a class is near
SELECT 'simsim105' AS full_name;
SELECT count(*) FROM (VALUES ('simsim106')) v(last_name);
SELECT 'simsim107', count(email) FROM customer;
SELECT count(*) FROM customer WHERE email IS NOT NULL AND current_user <> 'simsim108';
SELECT concat('simsim', '109'), 'simsim' || '110', replace('simXim111', 'X', 's'), array_to_string('{sim,sim112}'::text[], ''), format('%s%s', 'simsim', '113');
-- parameters, with plans for any value
PREPARE q (text, text) AS SELECT count(*) FROM customer WHERE email = $1 AND city = $2;
SET plan_cache_mode = force_generic_plan;
EXECUTE q ('simsim114', 'Graz');
SET plan_cache_mode = force_custom_plan;
EXECUTE q ('simsim115', 'Linz');
PREPARE u (text) AS UPDATE customer SET email = $1 WHERE id = 10;
EXECUTE u ('simsim116');
PREPARE k (text, text) AS SELECT data ->> $1 = $2 FROM customer;
EXECUTE k ('email', 'simsim117');
PREPARE a (text[]) AS SELECT count(*) FROM customer WHERE email = ANY ($1);
EXECUTE a ('{simsim118}');
EXECUTE a (ARRAY['simsim119']);
-- what a function gives as a parameter is nobody's word
PREPARE f (text) AS SELECT count(*) FROM customer WHERE city = $1;
EXECUTE f ('sim' || 'sim120');
EXECUTE f (who(10));
-- utility statements, and what is nested
SET application_name = 'simsim121';
RESET application_name;
CREATE TEMP TABLE tt AS SELECT 'simsim122' AS a;
\o /dev/null
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT FROM customer WHERE city = 'simsim123';
\o
DO $$BEGIN PERFORM FROM lit.customer WHERE city = 'simsim124'; END$$;
COPY (SELECT id FROM customer WHERE email = 'simsim125') TO STDOUT;
BEGIN;
DECLARE k CURSOR FOR SELECT id FROM customer WHERE email = 'simsim126';
FETCH ALL FROM k;
COMMIT;
-- where a rule puts it, and a foreign key; statistics; barriers and policies
INSERT INTO ruled VALUES (1, 'simsim135', 'Wien');
INSERT INTO mailing SELECT 'simsim136', 1 WHERE false;
SELECT count(*) FROM mailing WHERE m LIKE 'simsim137%' OR m = 'simsim138';
SELECT count(*) FROM pg_stats WHERE most_common_vals::text LIKE '%simsim139%';
SELECT count(*) FROM pg_stat_activity WHERE query = 'simsim140';
SELECT count(*) FROM barrier WHERE a = 'simsim141';
SELECT count(*) FROM own_rows WHERE full_name = 'simsim142';
-- more ways
WITH v(full_name) AS (VALUES ('simsim143')) SELECT count(*) FROM v;
SELECT count(*) FROM jsonb_to_recordset('[{"full_name": "simsim144"}]') r(full_name text) WHERE full_name = 'simsim145';
SELECT count(*) FROM customer, xmltable('/a' PASSING xml '<a>simsim146</a>' COLUMNS x text PATH '.') x WHERE x.x = email OR x.x = 'simsim147';
SELECT count(*) FROM customer, regexp_split_to_table('simsim148,simsim149', ',') r WHERE r = email;
SELECT count(*) FROM customer, unnest(ARRAY['simsim150'], ARRAY['simsim151']) u(a, b) WHERE b = email;
DELETE FROM customer USING (VALUES ('simsim152', 'simsim153')) v(a, b) WHERE email = a AND full_name = b;
INSERT INTO customer (id, email) SELECT 30, 'simsim154' WHERE false UNION ALL SELECT 31, 'simsim155' WHERE false;
UPDATE orders SET status = s.e FROM (SELECT email AS e, 'simsim156' AS x FROM customer UNION ALL SELECT 'simsim157', 'b' LIMIT 0) s WHERE s.e = 'simsim158' OR orders.status = 'simsim159';
MERGE INTO orders o USING (SELECT id, email AS e FROM customer) c ON o.id = c.id AND c.e = 'simsim160'
	WHEN MATCHED AND o.ref = c.e THEN UPDATE SET memo = c.e WHEN NOT MATCHED AND c.e = 'simsim161' THEN INSERT (id, memo) VALUES (c.id, 'simsim162');
SELECT grouping(email), max(email) FROM customer GROUP BY GROUPING SETS ((email), ()) HAVING min(email) = 'simsim163';
SELECT count(*) FROM customer WHERE email IS NOT DISTINCT FROM 'simsim164' OR (email = 'simsim165') = (city = 'simsim166') OR email ~ 'simsim167' OR email SIMILAR TO 'simsim168' OR email ^@ 'simsim169';
SELECT count(*) FROM customer a JOIN customer b ON a.email = b.city WHERE b.city = 'simsim170';
SELECT count(*) FROM customer WHERE (SELECT max(x) FROM (VALUES ('simsim171')) v(x)) > email OR ARRAY(SELECT 'simsim172') @> ARRAY[email];
SELECT lag(email, 1, 'simsim173') OVER (), coalesce(email, 'simsim174'), greatest('simsim175', email) FROM customer;
SELECT string_agg(email, 'simsim176' ORDER BY email = 'simsim177'), array_agg(email) || ARRAY['simsim178'] FROM customer;
SELECT * FROM (SELECT email FROM customer INTERSECT ALL SELECT 'simsim179') s ORDER BY email = 'simsim180';
INSERT INTO trig VALUES (1, 'simsim181', 'simsim182') RETURNING a = 'simsim183';
SELECT count(*) FROM customer WHERE data -> 'person' ->> 'last_name' = 'simsim184' OR data #>> ARRAY['person', 'last_name'] = 'simsim185' OR data ->> lower('EMAIL') = 'simsim186';
SELECT count(*) FROM (SELECT data ->> 'email' AS m FROM customer) s JOIN orders o ON o.ref = s.m WHERE o.ref = 'simsim187';
SELECT count(*) FROM (VALUES ('{"x": "simsim188"}'::jsonb)) v(d) JOIN customer ON d ->> 'x' = email JOIN orders ON ref = d ->> 'x' AND ref = 'simsim189';
SELECT repeat('simsim', 190), 'simsim191' || email FROM customer WHERE email IS NULL;
-- functions without arguments
SELECT count(*) FROM customer WHERE nothing() = 'simsim198' OR pg_backend_pid() = 0 OR email = nothing() || 'simsim199';
-- types that have lost a field
INSERT INTO dropped VALUES (2, ROW('simsim220', 'simsim221'), ARRAY[ROW(ROW('simsim222', 'c'), 1)::lesser]);
SELECT count(v) FROM dropped WHERE v = ROW('simsim223', 'simsim224')::less OR w::text = 'simsim225';
-- keys of other types than text
SELECT count(*) FROM customer WHERE data ->> 'full_name'::varchar = 'simsim230' OR data ->> 'full_name'::keyword = 'simsim231' OR data ->> 'full_name'::varchar(30) = 'simsim232';
SELECT count(*) FROM customer WHERE data['full_name'::varchar] = '"simsim233"' OR data['full_name'::keyword] = '"simsim234"' OR data ->> 'full_name'::char(9) = 'simsim235' OR data ->> 'full_name'::name = 'simsim236' OR data ->> ('full_name' COLLATE "C") = 'simsim237';
SELECT count(*) FROM customer WHERE data #>> '{a,full_name}'::varchar[] = 'simsim238' OR data #>> '{full_name}'::keyword[] = 'simsim239' OR data ->> ('full_' || 'name')::varchar = 'simsim240';
PREPARE kv (varchar, text) AS SELECT count(*) FROM customer WHERE data ->> $1 = $2;
EXECUTE kv ('full_name', 'simsim241');
PREPARE kd (keyword, text) AS SELECT count(*) FROM customer WHERE data ->> $1 = $2;
EXECUTE kd ('full_name', 'simsim242');
SELECT count(*) FROM customer WHERE data ->> 'colour'::varchar = 'teal' OR data -> 3::smallint = '"jade"';
-- paths that go on below a key
SELECT count(*) FROM customer WHERE data -> 'emails' ->> 0 = 'simsim250' OR data -> 'email' ->> 'value' = 'simsim251' OR data -> 'full_name' -> 'v' = '"simsim252"';
SELECT count(*) FROM (SELECT data -> 'email' AS d FROM customer) x WHERE d ->> 'value' = 'simsim253' OR d -> 'a' -> 'b' ->> 'c' = 'simsim254';
SELECT count(*) FROM docs WHERE j['street_address'] ->> 'l' = 'simsim255' OR j #> '{street_address}' ->> 'line1' = 'simsim256' OR (j -> 'street_address')['l'] = '"simsim257"' OR j['street_address']['l'] = '"simsim258"';
SELECT count(*) FROM (VALUES ('{}'::jsonb)) v(email) WHERE email ->> 'v' = 'simsim259';
PREPARE kn (text, text) AS SELECT count(*) FROM docs WHERE j -> $1 ->> 0 = $2;
EXECUTE kn ('street_address', 'simsim260');
BEGIN;
DECLARE k CURSOR FOR SELECT id FROM docs WHERE j -> 'street_address' ->> 'l' = 'simsim261';
COMMIT;
SELECT count(*) FROM docs WHERE j -> 'colour' ->> 'shade' = 'teal' OR j -> 'street_address' ->> 'l' = 'simsim262';
-- rows of tables in columns
SELECT count(*) FROM many WHERE c::text LIKE '%simsim270%' OR cs::text = 'simsim271' OR w::text = 'simsim272' OR (c).full_name = 'simsim273' OR v::text = 'simsim274' OR ((w).p).email = 'simsim275';
SELECT count(*) FROM many, unnest(cs) u(a, b) WHERE b = 'simsim276';
INSERT INTO many (c.full_name, w.p.email, v.thing) VALUES ('simsim277', 'simsim278', 'simsim279');
SELECT count(*) FROM few WHERE o::text LIKE '%teal%' OR (o).ref = 'jade';
-- rows with a class by a composite type or a foreign key
SELECT count(*) FROM homes h WHERE h::text LIKE '%simsim290%' OR h = ROW(1, ROW('simsim291', 1), NULL);
SELECT count(*) FROM mailing m WHERE m.* = ROW('simsim292', 1) OR m::text = '(simsim293,1)';
SELECT count(*) FROM (SELECT h FROM homes h) q WHERE q.h::text = 'simsim294';
SELECT count(*) FROM few f WHERE f::text LIKE '%jade%';
-- foreign keys over several steps, several of one column, in circles
SELECT count(*) FROM far WHERE k2 = 'simsim300' OR k3 = 'simsim301' OR k4 = 'simsim302';
SELECT count(*) FROM far f WHERE f::text LIKE 'simsim303%';
SELECT count(*) FROM far WHERE k5 = 'teal';
-- what LIMIT is computed from
SELECT email FROM customer WHERE false LIMIT length('simsim310') OFFSET '310'::text::int;
SELECT email FROM customer WHERE false LIMIT 7::smallint OFFSET 3 - 1;
-- rules that put values into another table
INSERT INTO harmless VALUES (40, 'simsim320');
INSERT INTO simple_view VALUES (41, 'simsim321');
DELETE FROM harmless WHERE what = 'teal';
-- names of things before values that have no shape
SELECT count(*) FROM orders WHERE ref IN ('a "last name": simsim192', 'last-name = simsim193', '<last_name>simsim194</last_name>', '{"\u006cast_name": "simsim195"}', 'https://a.b/?last_name=simsim196', 'First Name: simsim197');
-- a name in a text that is JSON; bytes
SELECT count(*) FROM orders WHERE ref = '{"full_name": "simsim127"}' OR ref = ' [{"a": {"last_name" : "simsim128"}}]';
SELECT count(*) FROM customer WHERE blob = 'simsim129' OR xmlserialize(content '<a>simsim130</a>' AS text) = city;
-- statements that fail
SELECT nothing FROM customer WHERE email = 'simsim131';
SELECT 1 / (id - id) FROM customer WHERE id = 10 AND email <> 'simsim132';
-- a class that comes between PREPARE and EXECUTE
PREPARE z (text) AS SELECT count(*) FROM customer WHERE city = $1 OR city = 'simsim133';
RESET ROLE;
SECURITY LABEL FOR hoopguard ON COLUMN customer.city IS 'address_part';
SET ROLE regress_hoopguard_lit;
EXECUTE z ('simsim134');
RESET ROLE;
SECURITY LABEL FOR hoopguard ON COLUMN customer.city IS 'public';
SELECT hoopguard.flush();
SELECT count(*) > 150 AS many, count(*) FILTER (WHERE withheld) > 150 AS most_withheld
FROM hoopguard.literal WHERE event_id > :first;
SELECT E'\n' || text, values FROM seen WHERE event_id > :first AND shown ORDER BY event_id;
SELECT value, count(*) > 0 FROM hoopguard.literal WHERE event_id > :first AND withheld
GROUP BY value ORDER BY value COLLATE "C";

-- ---- subjects without the setting ----
SET ROLE regress_hoopguard_nolit;
SELECT count(*) FROM orders WHERE ref = 'simsim201';
PREPARE n (text) AS SELECT count(*) FROM orders WHERE ref = $1;
EXECUTE n ('simsim202');
INSERT INTO orders (id, ref) VALUES (20, 'simsim203');
-- no agent reads the values
SELECT * FROM hoopguard.literal;
RESET ROLE;
SET ROLE regress_hoopguard_lit;
SELECT * FROM hoopguard.literal;
RESET ROLE;
-- an auditor does
SET ROLE regress_hoopguard_litaud;
SELECT count(*) > 0 AS reads FROM hoopguard.literal;
RESET ROLE;
-- mapped again without it: no more
SELECT hoopguard.map_role('regress_hoopguard_lit');
SET ROLE regress_hoopguard_lit;
SELECT count(*) FROM orders WHERE ref = 'simsim204';
RESET ROLE;
SELECT hoopguard.flush();
SELECT count(*) FROM hoopguard.event e JOIN hoopguard.literal USING (event_id)
WHERE e.subject = 'regress_hoopguard_nolit';
-- nor does it leave by a sink
SELECT count(*) FROM hoopguard.note n,
	LATERAL hoopguard._outbox_bodies('cloudevents', 'note', n.note_id, n.at) b
WHERE n.kind = 'literals' AND b IS NOT NULL;
-- no table of the schema has it
CREATE FUNCTION search(pattern text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	rel regclass;
	n bigint;
BEGIN
	FOR rel IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'hoopguard'::regnamespace
		AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.oid::regclass::text LOOP
		EXECUTE format('SELECT count(*) FROM %s r WHERE r::text ~ %L', rel, pattern) INTO n;
		IF n > 0 THEN RETURN NEXT rel; END IF;
	END LOOP;
END$$;
SELECT search('simsim');
-- (it would find it)
SELECT search('Karakorum');
SELECT value FROM hoopguard.literal WHERE value ~ 'sim' ORDER BY 1;
SELECT ok, fault FROM hoopguard.verify_audit();
SELECT hoopguard.unmap_role('regress_hoopguard_lit');
SELECT hoopguard.unmap_role('regress_hoopguard_nolit');
SELECT hoopguard.drop_rule(:rule);
SELECT hoopguard.drop_mask(:mask);
DROP SCHEMA lit CASCADE;
DROP OWNED BY regress_hoopguard_lit, regress_hoopguard_nolit, regress_hoopguard_litaud;
DROP ROLE regress_hoopguard_lit, regress_hoopguard_nolit, regress_hoopguard_litaud;
