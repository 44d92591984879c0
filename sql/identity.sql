-- Who is governed, and what map_role refuses.
\getenv abs_srcdir PG_ABS_SRCDIR
\set store :abs_srcdir '/test/data/store.sql'
\set dba :USER
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_agent LOGIN;
CREATE ROLE regress_hoopguard_group;
CREATE ROLE regress_hoopguard_member LOGIN IN ROLE regress_hoopguard_group;
CREATE ROLE regress_hoopguard_super SUPERUSER LOGIN;
CREATE ROLE regress_hoopguard_other LOGIN;
\i :store
GRANT USAGE ON SCHEMA store TO PUBLIC;
GRANT SELECT ON store.customer TO PUBLIC;

-- nobody is governed at first
SELECT governed, subject, kind, owner, model, subjects, mode, mask_mode, frozen FROM hoopguard.whoami();

-- a role that does not exist, a kind that does not exist: refused
SELECT hoopguard.map_role('regress_hoopguard_nobody');
SELECT hoopguard.map_role('regress_hoopguard_agent', kind => 'robot');
SELECT hoopguard.map_role('regress_hoopguard_agent', mode => 'sometimes');

-- a role whose attributes defeat masking: refused, unless asked for
SELECT hoopguard.map_role('regress_hoopguard_super');
SELECT hoopguard.map_role('regress_hoopguard_super', allow_privileged => true);

-- an agent with its owner and model; a group covers its members
SELECT hoopguard.map_role('regress_hoopguard_agent', owner => 'alice@example.com', model => 'm-1');
SELECT hoopguard.map_role('regress_hoopguard_group', kind => 'service');
SELECT role, kind, owner, model, mode, frozen FROM hoopguard.subject ORDER BY role::text;

-- the agent: governed by its own mapping
\c - regress_hoopguard_agent
SELECT governed, subject, kind, owner, model, subjects, mode, mask_mode, frozen FROM hoopguard.whoami();
SELECT email LIKE '%@real.test' AS real_value FROM store.customer WHERE customer_id = 1;

-- a member of the group
\c - regress_hoopguard_member
SELECT governed, subject, kind, owner, model, subjects, mode, mask_mode, frozen FROM hoopguard.whoami();

-- a mapped superuser: masked, and unable to change policy or settings
\c - regress_hoopguard_super
SELECT email LIKE '%@real.test' AS real_value FROM store.customer WHERE customer_id = 1;
SELECT hoopguard.unmap_role('regress_hoopguard_super');
DELETE FROM hoopguard.subject WHERE role = 'regress_hoopguard_super'::regrole;
SET hoopguard.mask_mode = 'off';
SECURITY LABEL FOR hoopguard ON COLUMN store.customer.email IS 'public';
DROP EXTENSION hoopguard;
-- not even by becoming somebody else first
SET ROLE regress_hoopguard_other;
SELECT email LIKE '%@real.test' AS real_value FROM store.customer WHERE customer_id = 1;
SET SESSION AUTHORIZATION regress_hoopguard_other;
SELECT email LIKE '%@real.test' AS real_value FROM store.customer WHERE customer_id = 1;

-- somebody who is not mapped
\c - regress_hoopguard_other
SELECT governed, subject, kind, owner, model, subjects, mode, mask_mode, frozen FROM hoopguard.whoami();
SELECT email LIKE '%@real.test' AS real_value FROM store.customer WHERE customer_id = 1;
-- has no rights on policy
SELECT hoopguard.map_role('regress_hoopguard_other');
SELECT count(*) FROM hoopguard.subject;

-- unmapping takes effect with the next statement
\c - :dba
SELECT hoopguard.unmap_role('regress_hoopguard_agent');
SELECT hoopguard.unmap_role('regress_hoopguard_agent');
\c - regress_hoopguard_agent
SELECT email LIKE '%@real.test' AS real_value FROM store.customer WHERE customer_id = 1;

\c - :dba
SET client_min_messages = warning;
SELECT hoopguard.unmap_role('regress_hoopguard_super');
SELECT hoopguard.unmap_role('regress_hoopguard_group');
DROP SCHEMA store CASCADE;
DROP ROLE regress_hoopguard_agent, regress_hoopguard_member, regress_hoopguard_group,
	regress_hoopguard_super, regress_hoopguard_other;

-- whoever owns hoopguard is not mapped, not even by another: its functions run
-- with his rights
CREATE ROLE regress_hoopguard_second SUPERUSER LOGIN;
\c - regress_hoopguard_second
DO $$ BEGIN
	PERFORM hoopguard.map_role((SELECT extowner::regrole::text
		FROM pg_extension WHERE extname = 'hoopguard'), allow_privileged => true);
EXCEPTION WHEN SQLSTATE 'HG014' THEN
	RAISE WARNING '%', regexp_replace(SQLERRM, '".*"', '"owner"');
END $$;
\c - :dba
DROP ROLE regress_hoopguard_second;
