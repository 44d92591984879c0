-- A subject is taught, then may run what it was seen to run and nothing else.
CREATE ROLE regress_hoopguard_pupil;
CREATE TABLE public.lesson (id int PRIMARY KEY, v int);
INSERT INTO public.lesson SELECT i, i FROM pg_catalog.generate_series(1, 5) i;
GRANT SELECT, UPDATE, DELETE ON public.lesson TO regress_hoopguard_pupil;
SELECT hoopguard.map_role('regress_hoopguard_pupil');
CREATE FUNCTION public.lesson_sum() RETURNS bigint LANGUAGE plpgsql
AS $$ BEGIN RETURN (SELECT sum(v) FROM public.lesson); END $$;

-- not mapped, not taught: HG014
\set VERBOSITY sqlstate
SELECT hoopguard.learn('postgres_does_not_exist');
SELECT hoopguard.allow_learned('regress_hoopguard_pupil');
\set VERBOSITY default

SELECT hoopguard.learn('regress_hoopguard_pupil');

-- the lessons: values do not matter, a transaction rolled back counts, so do
-- the statements inside functions; what a rule denies is not learned
SET SESSION AUTHORIZATION regress_hoopguard_pupil;
SELECT v FROM lesson WHERE id = 1;
SELECT public.lesson_sum();
BEGIN;
UPDATE lesson SET v = v + 1 WHERE id = 2;
ROLLBACK;
\set VERBOSITY sqlstate
DELETE FROM lesson;
\set VERBOSITY default
RESET SESSION AUTHORIZATION;

SELECT hoopguard.allow_learned('regress_hoopguard_pupil') > 0 AS learned;
SELECT command, text FROM hoopguard.learned
WHERE role = 'regress_hoopguard_pupil'::regrole AND text LIKE '%lesson%'
ORDER BY text COLLATE "C";

SET SESSION AUTHORIZATION regress_hoopguard_pupil;
-- other values, other spelling: the same statement
select v /* again */ from lesson where id = 4;
SELECT public.lesson_sum();
BEGIN;
SAVEPOINT s;
UPDATE lesson SET v = v + 2 WHERE id = 3;
COMMIT;
-- HG001: something new, however small
SELECT v, id FROM lesson WHERE id = 1;
\set VERBOSITY sqlstate
SELECT 1;
UPDATE lesson SET v = v - 2 WHERE id = 3;
DO $$ BEGIN PERFORM v FROM lesson WHERE id = 1; END $$;
EXPLAIN SELECT v FROM lesson WHERE id = 1;
\set VERBOSITY default
RESET SESSION AUTHORIZATION;

-- HG001: the same text that means another table
CREATE SCHEMA regress_other;
CREATE TABLE regress_other.lesson (id int, v int);
GRANT USAGE ON SCHEMA regress_other TO regress_hoopguard_pupil;
GRANT SELECT ON regress_other.lesson TO regress_hoopguard_pupil;
SET search_path = regress_other, public;
SET SESSION AUTHORIZATION regress_hoopguard_pupil;
\set VERBOSITY sqlstate
SELECT v FROM lesson WHERE id = 1;
\set VERBOSITY default
RESET SESSION AUTHORIZATION;
RESET search_path;

-- a warning instead
SELECT hoopguard.allow_learned('regress_hoopguard_pupil', 'warn');
SET SESSION AUTHORIZATION regress_hoopguard_pupil;
SELECT 2 AS two;
RESET SESSION AUTHORIZATION;

-- teaching goes on: nothing is refused meanwhile, old lessons stay
SELECT hoopguard.learn('regress_hoopguard_pupil');
SET SESSION AUTHORIZATION regress_hoopguard_pupil;
SELECT 2 AS two;
RESET SESSION AUTHORIZATION;
SELECT hoopguard.allow_learned('regress_hoopguard_pupil') > 0 AS learned;
SET SESSION AUTHORIZATION regress_hoopguard_pupil;
SELECT 3 AS two;
SELECT v FROM lesson WHERE id = 5;
-- a governed session cannot free itself: 42501
\set VERBOSITY sqlstate
SELECT hoopguard.forget_learned('regress_hoopguard_pupil');
\set VERBOSITY default
RESET SESSION AUTHORIZATION;

-- without the list only rules hold
SELECT hoopguard.forget_learned('regress_hoopguard_pupil');
SET SESSION AUTHORIZATION regress_hoopguard_pupil;
SELECT v, id FROM lesson WHERE id = 1;
RESET SESSION AUTHORIZATION;

SELECT hoopguard.unmap_role('regress_hoopguard_pupil');
DROP TABLE public.lesson, regress_other.lesson;
DROP SCHEMA regress_other;
DROP FUNCTION public.lesson_sum();
DROP ROLE regress_hoopguard_pupil;
