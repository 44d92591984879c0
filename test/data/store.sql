-- store.sql: what the tests read and write.
--
-- Real values are easy to find in any output: every mail address ends in
-- @real.test, every telephone number begins with +49 555, every card with
-- 4111.  The names of the columns are all that says so: nothing is labelled.
CREATE SCHEMA store;

CREATE TABLE store.customer (
	customer_id	int PRIMARY KEY,
	first_name	text,
	last_name	text,
	company		text,
	city		text,
	country		text NOT NULL,
	phone		varchar(24),
	email		varchar(60) NOT NULL
);

CREATE TABLE store.invoice (
	invoice_id	int PRIMARY KEY,
	customer_id	int NOT NULL REFERENCES store.customer,
	invoice_date date NOT NULL,
	total		numeric(10,2) NOT NULL
);

CREATE TABLE store.invoice_line (
	invoice_line_id int PRIMARY KEY,
	invoice_id	int NOT NULL REFERENCES store.invoice,
	track_id	int NOT NULL,
	unit_price	numeric(10,2) NOT NULL,
	quantity	int NOT NULL
);

CREATE TABLE store.card (
	customer_id	int PRIMARY KEY REFERENCES store.customer,
	credit_card	text
);

INSERT INTO store.customer
SELECT i, 'First' || i, 'Last' || i,
	CASE WHEN i % 3 = 0 THEN 'Company' || i END, 'City' || i % 4,
	(ARRAY['Brazil', 'Norway', 'India'])[1 + i % 3],
	'+49 555 ' || lpad(i::text, 4, '0'),
	'person' || i || '@real.test'
FROM generate_series(1, 12) i;

INSERT INTO store.invoice
SELECT i, 1 + i % 12, date '2025-01-01' + i, i * 1.5
FROM generate_series(1, 48) i;

INSERT INTO store.invoice_line
SELECT i, 1 + i % 48, i, 0.99, 1 + i % 2
FROM generate_series(1, 96) i;

INSERT INTO store.card
SELECT i, '411111111111' || lpad(i::text, 4, '0')
FROM generate_series(1, 6) i;

ANALYZE store.customer, store.invoice, store.invoice_line, store.card;
