-- Sinks of the outbox: what is accepted, who may, what is shown.
\pset format unaligned
\pset footer off
\set VERBOSITY sqlstate
SELECT hoopguard.add_sink('', 'https://sink.example/events', 'cloudevents');
SELECT hoopguard.add_sink('a', 'https://sink.example/events', 'xml');
SELECT hoopguard.add_sink('a', 'https://sink.example/events', NULL);
SELECT hoopguard.add_sink('a', 'http://sink.example/events', 'cloudevents');
SELECT hoopguard.add_sink('a', 'https://me:secret@sink.example/', 'cloudevents');
SELECT hoopguard.add_sink('a', 'https://sink.example/?token=1', 'cloudevents');
SELECT hoopguard.add_sink('a', 'file:///etc/passwd', 'cloudevents');
SELECT hoopguard.add_sink('a', NULL, 'cloudevents');
SELECT hoopguard.add_sink('a', 'https://sink.example/events', 'cloudevents', batch => 0);
SELECT hoopguard.drop_sink('a');
\set VERBOSITY terse
SELECT hoopguard.add_sink('a', 'https://127.0.0.1:9/events', 'cloudevents');
SELECT hoopguard.add_sink('a', 'https://127.0.0.1:9/other', 'openlineage');
SELECT name, url, format, batch, dead_letters FROM hoopguard.sink;
SELECT label FROM pg_shseclabel
WHERE provider = 'hoopguard' AND classoid = 'pg_database'::regclass;
SECURITY LABEL FOR hoopguard ON DATABASE template1 IS 'other';
SELECT count(*) FROM hoopguard.status() WHERE item = 'sink a';

-- it is policy: recorded, without the address
SELECT c.operation, c.after - 'added_at' - 'sink_id' AS after
FROM hoopguard.policy_change c JOIN hoopguard.policy_version v ON v.id = c.version
WHERE v.what = '_sink' OR v.what = 'sink';

-- superusers only; an administrator sees them
CREATE ROLE regress_hoopguard_outbox_admin;
SELECT hoopguard.grant_admin('regress_hoopguard_outbox_admin');
SET ROLE regress_hoopguard_outbox_admin;
SELECT name, state IS NOT NULL AS has_state FROM hoopguard.sink;
SELECT hoopguard.add_sink('b', 'https://127.0.0.1:9/', 'openlineage');
SELECT hoopguard.drop_sink('a');
RESET ROLE;

-- a governed session may do nothing of it, superuser or not
CREATE ROLE regress_hoopguard_outbox_agent SUPERUSER;
SELECT hoopguard.map_role('regress_hoopguard_outbox_agent', allow_privileged => true);
SET ROLE regress_hoopguard_outbox_agent;
\set VERBOSITY sqlstate
SELECT hoopguard.add_sink('b', 'https://127.0.0.1:9/', 'openlineage');
SELECT hoopguard.drop_sink('a');
DELETE FROM hoopguard._outbox;
UPDATE hoopguard._sink_state SET position = 1000000;
RESET ROLE;
\set VERBOSITY terse

SELECT hoopguard.drop_sink('a');
SELECT count(*) FROM hoopguard.sink;
SELECT count(*) FROM pg_shseclabel
WHERE provider = 'hoopguard' AND classoid = 'pg_database'::regclass;
SELECT hoopguard.unmap_role('regress_hoopguard_outbox_agent');
DROP OWNED BY regress_hoopguard_outbox_admin;
DROP ROLE regress_hoopguard_outbox_admin, regress_hoopguard_outbox_agent;
