-- A database to try a first approval in: README.md, "Your first approval".
-- Run by a superuser through psql; DROP DATABASE first ends it.

\set ON_ERROR_STOP on
ALTER SYSTEM SET hoopguard.webhook_secret_file = '/var/lib/postgresql/hoopguard.secret';
SELECT pg_reload_conf();

CREATE DATABASE first;
\connect first
CREATE EXTENSION hoopguard;
CREATE TABLE customers (customer_id int PRIMARY KEY, name text, email text, city text);
INSERT INTO customers VALUES
	(1, 'Greta Vasquez', 'greta@example.com', 'Porto'),
	(2, 'Oskar Kowalski', 'oskar@example.net', 'Gdansk');

CREATE ROLE first_agent LOGIN PASSWORD 'first';
GRANT SELECT, UPDATE ON customers TO first_agent;
SELECT hoopguard.map_role('first_agent', owner => 'helene@example.com');
SELECT hoopguard.add_approver('default', url => 'http://127.0.0.1:8199/hook');
