-- match says what conditions see: masks, real values compared for equality,
-- an error, or real values.
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE EXTENSION citext SCHEMA public;
CREATE SCHEMA mask_match;
GRANT USAGE ON SCHEMA mask_match TO regress_hoopguard_agent;
CREATE SCHEMA match_ws AUTHORIZATION regress_hoopguard_agent;
SET search_path = mask_match, public;

CREATE DOMAIN address AS text CHECK (VALUE ~ '@');
CREATE TABLE person (
	id int PRIMARY KEY,
	mail varchar(40),
	nick citext,
	home address,
	badge uuid,
	part text GENERATED ALWAYS AS (left(mail, 3)) STORED,
	note text
);
INSERT INTO person (id, mail, nick, home, badge, note)
SELECT g, 'p' || g || '@x.org', 'Nick' || g, 'h' || g || '@x.org',
	md5(g::text)::uuid, CASE WHEN g > 1000 THEN 'often' ELSE 'n' || g END
FROM generate_series(1, 2000) g;
CREATE INDEX person_mail ON person (mail);
CREATE INDEX person_nick ON person (nick);
CREATE INDEX person_home ON person (home);
CREATE INDEX person_badge ON person (badge);
CREATE INDEX person_note ON person (note);
CREATE INDEX person_part_id ON person (part, id);
CREATE TABLE former (id int, mail varchar(40));
INSERT INTO former SELECT g, 'f' || g || '@x.org' FROM generate_series(1, 2000) g;
CREATE INDEX former_mail ON former (mail);
CREATE INDEX former_mail_id ON former (mail, id);
ANALYZE person, former;

CREATE VIEW shown AS SELECT id, mail AS address, note FROM person;
CREATE VIEW nested AS SELECT id, address FROM shown WHERE id > 0;
CREATE VIEW barrier WITH (security_barrier) AS
	SELECT id, mail AS address FROM person WHERE id > 0;
CREATE VIEW everybody AS SELECT id, mail FROM person
	UNION ALL SELECT id, mail FROM former;
CREATE VIEW maybe AS SELECT g AS n, p.mail
	FROM generate_series(1, 2) g LEFT JOIN person p ON p.id = g;
CREATE VIEW grouped AS SELECT mail, count(*) FROM person GROUP BY mail;
GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA mask_match
	TO regress_hoopguard_agent;

SELECT hoopguard.map_role('regress_hoopguard_agent') IS NOT NULL AS mapped;
SELECT hoopguard.add_rule('allow', '{ALL}', priority => 1) AS rule \gset
SELECT count(hoopguard.add_mask('partial', relation => r::regclass,
	column_name => c, args => '{"first": 1}', match => 'equality'))
FROM (VALUES ('person', 'mail'), ('person', 'nick'), ('person', 'home'),
	('person', 'badge'), ('person', 'note'), ('former', 'mail')) v(r, c);

SET SESSION AUTHORIZATION regress_hoopguard_agent;
SET search_path = match_ws, mask_match, public;

-- the conditions in the plan of a query
CREATE FUNCTION conds(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		line := substring(line FROM 'Index Cond: .*');
		IF line IS NOT NULL THEN RETURN NEXT line; END IF;
	END LOOP;
END $$;
-- how many rows meet a condition
CREATE FUNCTION hits(cond text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	EXECUTE 'SELECT count(*) FROM person WHERE ' || cond INTO n;
	RETURN n;
END $$;

-- equality: by index, and what comes out is masked
SELECT conds($$SELECT * FROM person WHERE mail = 'p7@x.org'$$);
SELECT id, mail, nick, home FROM person WHERE mail = 'p7@x.org';

-- either way round, lists, several ORed, other types: all by index
SELECT hits($$'p7@x.org' = mail$$), hits($$mail IN ('p7@x.org', 'no', NULL)$$),
	hits($$mail = 'p7@x.org' OR mail = 'p8@x.org' OR nick = 'nICK9'$$),
	hits($$mail = ANY ('{p7@x.org,p8@x.org}')$$);
SELECT conds($$SELECT FROM person WHERE mail IN ('p7@x.org', 'p8@x.org')$$);
SELECT conds($$SELECT FROM person WHERE nick = 'nICK9'$$);
SELECT conds($$SELECT FROM person WHERE home = 'h7@x.org'$$);
SELECT conds($$SELECT FROM person WHERE badge = '8f14e45fceea167a5a36dedd4bea2543'$$);

-- parameters and their casts, planned once and used again
SET plan_cache_mode = force_generic_plan;
PREPARE by_param(text, text, text[]) AS SELECT id, mail FROM person
	WHERE mail = $1::varchar OR badge = $2::uuid OR mail = ANY ($3);
EXECUTE by_param('p1@x.org', 'c81e728d9d4c2f636f067f89cc14862c', '{p3@x.org}');
EXECUTE by_param('no', md5('4'), '{}');

-- a longer list sees masks; in a parameter its length is known too late
SELECT array_agg('p' || g) AS long FROM generate_series(1, 101) g \gset
SELECT hits('mail IN (' || string_agg(quote_literal('p' || g || '@x.org'), ', ')
	|| ')') FROM generate_series(1, 101) g;
\set VERBOSITY sqlstate
EXECUTE by_param('no', md5('no'), :'long');
\set VERBOSITY default
RESET plan_cache_mode;

-- the column behind views, subqueries, joins, CTEs, UNION ALL
SELECT conds($$SELECT FROM shown WHERE address = 'p7@x.org'$$);
SELECT id, address FROM shown WHERE address = 'p7@x.org';
SELECT conds($$SELECT FROM nested WHERE address = 'p7@x.org'$$);
SELECT conds($$SELECT FROM barrier WHERE address = 'p7@x.org'$$);
SELECT conds($$SELECT FROM everybody WHERE mail = 'f7@x.org'$$);
SELECT * FROM everybody WHERE mail IN ('f7@x.org', 'p8@x.org') ORDER BY id;
SELECT conds($$SELECT FROM maybe WHERE mail = 'p2@x.org'$$);
SELECT * FROM maybe WHERE mail = 'p2@x.org';
SELECT conds($$WITH x AS (SELECT * FROM shown)
	SELECT FROM x WHERE address = 'p7@x.org'$$);
SELECT f.id FROM former f JOIN shown s ON f.id = s.id AND s.address = 'p7@x.org'
	WHERE f.mail = 'f7@x.org';
SELECT id FROM former f WHERE EXISTS (SELECT FROM nested n
	WHERE n.id = f.id AND n.address = 'p7@x.org');
SELECT count(*) FROM person JOIN former USING (id) WHERE former.mail = 'f7@x.org';
SELECT id, mail FROM person JOIN everybody USING (id, mail)
	WHERE mail = 'p7@x.org' ORDER BY 1;

-- the outer side of a join keeps its rows
SELECT g, s.id, s.address FROM generate_series(7, 8) g
	LEFT JOIN shown s ON s.id = g AND s.address = 'p7@x.org' ORDER BY g;

-- UPDATE, DELETE, MERGE
BEGIN;
UPDATE shown SET id = -id WHERE address = 'p7@x.org' RETURNING id, address;
DELETE FROM person USING nested n
	WHERE person.id = n.id AND n.address = 'p8@x.org' RETURNING person.id, n.*;
MERGE INTO person p USING former f ON p.mail = 'p9@x.org' AND f.mail = 'f1@x.org'
	WHEN MATCHED THEN UPDATE SET id = -9;
SELECT id FROM person WHERE id < 0 ORDER BY id;
ROLLBACK;

-- where rows are gathered the condition sees what they were gathered by
SELECT * FROM grouped WHERE mail = 'p7@x.org';
SELECT * FROM (SELECT DISTINCT mail FROM person) s WHERE mail = 'p7@x.org';
SELECT * FROM (SELECT mail FROM person ORDER BY id LIMIT 9) s WHERE mail = 'p7@x.org';
WITH x AS MATERIALIZED (SELECT mail FROM person) SELECT * FROM x WHERE mail = 'p7@x.org';
SELECT * FROM (SELECT mail FROM person UNION SELECT mail FROM former) s
	WHERE mail = 'p7@x.org';

-- nothing but a comparison with one fixed value sees the data: values that
-- could be another for each row, operators and collations of one's own, order
CREATE FUNCTION guess() RETURNS text STABLE LANGUAGE sql AS $$ SELECT 'p7@x.org' $$;
CREATE FUNCTION same(text, text) RETURNS bool LANGUAGE plpgsql COST 0.001 AS
$$ BEGIN RAISE WARNING 'got %', $1; RETURN $1 = $2; END $$;
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = same);
CREATE OPERATOR match_ws.= (LEFTARG = text, RIGHTARG = text, FUNCTION = same);
SET my.guess = 'p7@x.org';
SELECT c, hits(c) FROM unnest(ARRAY[
	$$ mail LIKE 'p7@%' $$, $$ mail >= 'p7@x.org' AND mail <= 'p7@x.org' $$,
	$$ mail <> 'p7@x.org' $$, $$ NOT mail = 'p7@x.org' $$,
	$$ mail IS NOT DISTINCT FROM 'p7@x.org' $$,
	$$ lower(mail) = 'p7@x.org' $$, $$ mail || '' = 'p7@x.org' $$,
	$$ mail = guess() $$, $$ mail = current_setting('my.guess') $$,
	$$ mail = (SELECT 'p7@x.org') $$, $$ mail = 'p' || id || '@x.org' $$,
	$$ mail = ANY (string_to_array('p7@x.org', ',')) $$,
	$$ mail = 'p7@x.org' OR id = 3 $$, $$ (mail = 'p7@x.org') IS TRUE $$,
	$$ CASE WHEN mail = 'p7@x.org' THEN true END $$,
	$$ mail ~~ 'p7@x.org' $$,
	$$ row(mail) = row('p7@x.org'::varchar) $$,
	$$ row(id, mail) IN (SELECT id, mail FROM former) $$,
	$$ part = 'p7@' $$]) c;
SELECT hits($$ mail OPERATOR(match_ws.=) 'p7@x.org'::text AND id = 7 $$);
SELECT hits($$ mail::text === 'p7@x.org' AND id = 7 $$);
SELECT bool_or(mail = 'p7@x.org'), count(*) FILTER (WHERE mail = 'p7@x.org')
	FROM person;
SELECT count(*) FROM person p JOIN everybody e ON p.mail = e.mail AND p.id = 7
	AND e.id = 7;

-- a row (mail, x) = (value, y) is an equality of each
SELECT hits($$ (mail, id) = ('p7@x.org', 7) $$);

-- each value counts as a probe, at each execution, and by EXPLAIN
RESET SESSION AUTHORIZATION;
SELECT hoopguard.set_limit('kind:agent', 'probes', 5, per => 'transaction')
	AS limit_id \gset
SET SESSION AUTHORIZATION regress_hoopguard_agent;
\set VERBOSITY sqlstate
BEGIN;
SELECT id FROM shown WHERE address IN ('a', 'b', 'p7@x.org') OR address = 'c';
SELECT id FROM person WHERE nick = 'Nick7';
SELECT count(*) FROM person WHERE mail LIKE 'p7%' OR id = 7;
SELECT id FROM person WHERE nick = 'Nick8';
ROLLBACK;
BEGIN;
EXECUTE by_param('no', md5('no'), '{p7@x.org}');
EXECUTE by_param('no', md5('no'), '{}');
EXECUTE by_param('no', md5('no'), '{}');
ROLLBACK;
BEGIN;
SELECT conds($$SELECT FROM former WHERE mail IN ('a', 'b')$$);
SELECT conds($$SELECT FROM former WHERE mail IN ('a', 'b', 'c', 'd')$$);
ROLLBACK;
BEGIN;
DO $$ BEGIN
	FOR i IN 1 .. 6 LOOP
		PERFORM FROM person WHERE mail = 'p' || i::text;
		PERFORM FROM person WHERE nick = i::text;
	END LOOP;
END $$;
ROLLBACK;
\set VERBOSITY default
RESET SESSION AUTHORIZATION;
SELECT hoopguard.drop_limit(:limit_id) IS NOT NULL AS dropped;
SET SESSION AUTHORIZATION regress_hoopguard_agent;

-- estimates tell nothing of the values; nor does the order of an index
CREATE FUNCTION estimate(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	RETURN concat_ws(' ', plan -> 0 -> 'Plan' -> 'Plan Rows',
		plan -> 0 -> 'Plan' -> 'Plan Width');
END $$;
SELECT estimate($$SELECT note FROM person WHERE note = 'often'$$) =
	estimate($$SELECT note FROM person WHERE note = 'never'$$) AS same;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id, mail FROM former WHERE id < 9;
EXPLAIN (COSTS OFF) SELECT mail FROM former;
RESET enable_seqscan;

-- real: any condition of the server's operators, also through a view; not
-- what is no condition, and no function
RESET SESSION AUTHORIZATION;
UPDATE hoopguard.mask_rule SET match = 'real'
	WHERE relation = 'mask_match.person'::regclass;
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT id, mail FROM person WHERE mail LIKE 'p7@%';
SELECT id, address FROM shown WHERE address BETWEEN 'p7@' AND 'p7@z';
SELECT hits($$ starts_with(mail, 'p7@') $$), hits($$ part = 'p7@' $$);
SELECT hits($$ mail::text === 'p7@x.org' AND id = 7 $$);

-- refuse: HG007 wherever the column would decide about rows or their order
RESET SESSION AUTHORIZATION;
UPDATE hoopguard.mask_rule SET match = 'refuse'
	WHERE relation = 'mask_match.person'::regclass AND column_name = 'mail';
SET SESSION AUTHORIZATION regress_hoopguard_agent;
SELECT id, mail FROM person WHERE mail = 'p7@x.org';
CREATE FUNCTION refused(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
	RETURN 'runs';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT refused(q), q FROM unnest(ARRAY[
	'SELECT id FROM nested WHERE address > $$a$$',
	'WITH x AS (SELECT * FROM shown) SELECT id FROM x WHERE address IS NULL',
	'SELECT 1 FROM person GROUP BY mail',
	'SELECT count(*) FROM person HAVING max(mail) > $$a$$',
	'SELECT max(address) FROM shown',
	'SELECT id FROM nested ORDER BY address',
	'SELECT DISTINCT address FROM shown',
	'SELECT count(DISTINCT mail) FROM person',
	'SELECT string_agg(note, $$$$ ORDER BY mail) FROM person',
	'SELECT count(*) FILTER (WHERE mail = $$a$$) FROM person',
	'SELECT rank() OVER (ORDER BY mail) FROM person',
	'SELECT rank() OVER (PARTITION BY address) FROM nested',
	'SELECT mail FROM person UNION SELECT mail FROM former',
	'SELECT mail FROM former EXCEPT ALL SELECT mail FROM person',
	'SELECT mail FROM former UNION ALL SELECT mail FROM person ORDER BY 1',
	'SELECT f.id FROM former f JOIN person p ON p.mail = f.mail',
	'SELECT f.id FROM former f JOIN person p USING (mail)',
	'SELECT f.id FROM former f WHERE f.mail IN (SELECT mail FROM person)',
	'SELECT CASE WHEN mail = $$a$$ THEN 1 END FROM person',
	'SELECT mail = $$a$$ FROM person',
	'SELECT greatest(mail, $$a$$) FROM person',
	'SELECT p = p FROM person p',
	'UPDATE person SET id = id WHERE mail = $$a$$',
	'SELECT mail, lower(mail), p FROM person p ORDER BY id',
	'SELECT mail FROM person UNION ALL SELECT mail FROM former',
	'SELECT id FROM former WHERE EXISTS (SELECT * FROM person)',
	'SELECT count(mail), string_agg(mail, $$,$$) FROM person']) q;

RESET SESSION AUTHORIZATION;
DROP SCHEMA match_ws, mask_match CASCADE;
DROP EXTENSION citext;
SELECT hoopguard.drop_rule(:rule) IS NOT NULL AS dropped;
SELECT hoopguard.unmap_role('regress_hoopguard_agent') IS NOT NULL AS unmapped;
DROP ROLE regress_hoopguard_agent;
