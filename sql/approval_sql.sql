-- Approvals decided in SQL.  Nobody waits here: approval_wait is 0.
\getenv abs_srcdir PG_ABS_SRCDIR
\set store :abs_srcdir '/test/data/store.sql'
\set dba :USER
\set VERBOSITY sqlstate
SET client_min_messages = warning;
CREATE ROLE regress_hoopguard_asker LOGIN;
CREATE ROLE regress_hoopguard_approver LOGIN;
CREATE ROLE regress_hoopguard_other LOGIN;
\i :store
GRANT USAGE ON SCHEMA store TO regress_hoopguard_asker;
GRANT ALL ON ALL TABLES IN SCHEMA store TO regress_hoopguard_asker;
SELECT hoopguard.map_role('regress_hoopguard_asker') IS NOT NULL AS mapped;
SELECT hoopguard.add_approver('people', role => 'regress_hoopguard_approver');

-- what cannot be an approver
SELECT hoopguard.add_approver('');
SELECT hoopguard.add_approver('nobody');
SELECT hoopguard.add_approver('plain', url => 'http://example.com/');
SELECT hoopguard.add_approver('file', url => 'file:///etc/passwd');
SELECT hoopguard.add_approver('user', url => 'https://me:secret@example.com/');
SELECT hoopguard.add_approver('two', url => 'https://example.com/', quorum => 2);

-- a write to a table that holds a classified column: HG002, and a request
\c - regress_hoopguard_asker
UPDATE store.customer SET city = 'Porto' WHERE customer_id = 1;
-- the same again is the same request
UPDATE store.customer SET city = 'Porto' WHERE customer_id = 1;
SELECT count(*), min(state) FROM hoopguard.my_approvals();
SELECT id AS request FROM hoopguard.my_approvals() \gset
SELECT hoopguard.approval_state(:'request');
-- the agent sees no other requests, and decides none
SELECT hoopguard.approve(:'request');
SELECT hoopguard.deny(:'request');
SELECT count(*) FROM hoopguard.pending_approval;
SELECT count(*) FROM hoopguard.approval;

-- nor does somebody who is no approver
\c - regress_hoopguard_other
SELECT hoopguard.approve(:'request');
SELECT hoopguard.approval_state(:'request');

-- the approver sees it in full and approves
\c - regress_hoopguard_approver
SELECT subject, session_role, approver, statement_text FROM hoopguard.pending_approval;
SELECT hoopguard.approve(:'request', 'fine');
-- once is enough, and a used or unknown id is not
SELECT hoopguard.approve('00000000-0000-4000-8000-000000000000');

-- it holds for the identical statement only, and once
\c - regress_hoopguard_asker
UPDATE store.customer SET city = 'Lyon' WHERE customer_id = 1;
UPDATE store.customer SET city = 'Porto' WHERE customer_id = 1;
SELECT hoopguard.approval_state(:'request');
SELECT city FROM store.customer WHERE customer_id = 1;
UPDATE store.customer SET city = 'Porto' WHERE customer_id = 1;

-- a denial holds for a while
\c - regress_hoopguard_approver
SELECT hoopguard.deny(id, 'no') FROM hoopguard.pending_approval WHERE statement_text LIKE '%Lyon%';
\c - regress_hoopguard_asker
UPDATE store.customer SET city = 'Lyon' WHERE customer_id = 1;

-- an approval that is taken back
UPDATE store.customer SET city = 'Turin' WHERE customer_id = 1;
\c - regress_hoopguard_approver
SELECT id AS taken FROM hoopguard.pending_approval WHERE statement_text LIKE '%Turin%' \gset
SELECT hoopguard.approve(:'taken');
SELECT hoopguard.revoke(:'taken');
\c - regress_hoopguard_asker
UPDATE store.customer SET city = 'Turin' WHERE customer_id = 1;

-- a policy change voids what was approved before it
UPDATE store.customer SET city = 'Oslo' WHERE customer_id = 1;
\c - regress_hoopguard_approver
SELECT hoopguard.approve(id) FROM hoopguard.pending_approval WHERE statement_text LIKE '%Oslo%';
\c - :dba
SELECT hoopguard.add_mask('null', relation => 'store.customer', column_name => 'company') AS mask \gset
\c - regress_hoopguard_asker
UPDATE store.customer SET city = 'Oslo' WHERE customer_id = 1;

-- every step is in the log
\c - :dba
SELECT from_state, to_state, via FROM hoopguard.approval_log
WHERE approval_id = :'request' ORDER BY id;

SET client_min_messages = warning;
SELECT hoopguard.drop_mask(:mask) IS NOT NULL AS dropped;
SELECT hoopguard.drop_approver('people');
SELECT hoopguard.drop_approver('people');
SELECT hoopguard.unmap_role('regress_hoopguard_asker') IS NOT NULL AS unmapped;
DROP OWNED BY regress_hoopguard_approver;
DROP SCHEMA store CASCADE;
DROP ROLE regress_hoopguard_asker, regress_hoopguard_approver, regress_hoopguard_other;
