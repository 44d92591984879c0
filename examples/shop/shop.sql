-- shop.sql: a small web shop, with people who do not exist.
--
-- Everything is generated here, always the same: 60 customers, 6 of the
-- staff, products, orders, invoices and support tickets.  Mail domains and
-- telephone numbers are those reserved for fiction; card numbers are the
-- networks' own test numbers.

\set ON_ERROR_STOP on
BEGIN;

CREATE SCHEMA shop;
SET LOCAL search_path = shop;

CREATE TABLE staff (
	staff_id	int PRIMARY KEY,
	full_name	text NOT NULL,
	email		text NOT NULL UNIQUE,
	phone		text,
	ssn			text,
	password_hash text NOT NULL,
	role		text NOT NULL,
	hired_on	date NOT NULL
);

CREATE TABLE customers (
	customer_id	int PRIMARY KEY,
	first_name	text NOT NULL,
	last_name	text NOT NULL,
	email		text NOT NULL UNIQUE,
	phone		text,
	city		text NOT NULL,
	country		text NOT NULL,
	joined_on	date NOT NULL
);

CREATE TABLE payment_methods (
	customer_id	int PRIMARY KEY REFERENCES customers,
	credit_card	text NOT NULL,
	expires		text NOT NULL
);

CREATE TABLE products (
	product_id	int PRIMARY KEY,
	title		text NOT NULL,
	category	text NOT NULL,
	price		numeric(8,2) NOT NULL
);

CREATE TABLE orders (
	order_id	int PRIMARY KEY,
	customer_id	int NOT NULL REFERENCES customers,
	ordered_at	timestamptz NOT NULL,
	status		text NOT NULL
);

CREATE TABLE order_items (
	order_id	int NOT NULL REFERENCES orders ON DELETE CASCADE,
	line		int NOT NULL,
	product_id	int NOT NULL REFERENCES products,
	quantity	int NOT NULL,
	unit_price	numeric(8,2) NOT NULL,
	PRIMARY KEY (order_id, line)
);

CREATE TABLE invoices (
	invoice_id	int PRIMARY KEY,
	order_id	int NOT NULL REFERENCES orders,
	customer_id	int NOT NULL REFERENCES customers,
	issued_on	date NOT NULL,
	total		numeric(10,2) NOT NULL,
	paid		boolean NOT NULL
);

CREATE TABLE support_tickets (
	ticket_id	int PRIMARY KEY,
	customer_id	int NOT NULL REFERENCES customers,
	opened_at	timestamptz NOT NULL,
	subject		text NOT NULL,
	body		text NOT NULL
);

-- What the agents of this shop build for themselves goes here.
CREATE SCHEMA reports;

WITH
given(n, name) AS (
	SELECT ordinality, name FROM unnest(ARRAY[
		'Amira', 'Bastien', 'Chiara', 'Dmitri', 'Elodie', 'Farid', 'Greta',
		'Hugo', 'Ingrid', 'Joao', 'Katja', 'Liam', 'Mei', 'Nadia', 'Oskar',
		'Priya', 'Quentin', 'Rosa', 'Soren', 'Tomoko'])
		WITH ORDINALITY AS u(name, ordinality)),
family(n, name) AS (
	SELECT ordinality, name FROM unnest(ARRAY[
		'Abernathy', 'Bianchi', 'Castellano', 'Dubois', 'Eriksen', 'Fontaine',
		'Grunwald', 'Haddad', 'Ivanova', 'Jansen', 'Kowalski', 'Lindqvist',
		'Marchetti', 'Nakamura', 'Okafor', 'Pereira', 'Quigley', 'Rasmussen',
		'Schneider', 'Tanaka', 'Ulrich', 'Vasquez', 'Weber'])
		WITH ORDINALITY AS u(name, ordinality)),
place(n, city, country) AS (VALUES
	(0, 'Lyon', 'France'), (1, 'Turin', 'Italy'), (2, 'Bergen', 'Norway'),
	(3, 'Porto', 'Portugal'), (4, 'Leipzig', 'Germany'),
	(5, 'Chicago', 'United States'), (6, 'Osaka', 'Japan'))
INSERT INTO customers
SELECT i, g.name, f.name,
	lower(g.name || '.' || f.name) || i ||
		(ARRAY['@example.com', '@example.org', '@example.net'])[1 + i % 3],
	'+1-202-555-' || lpad((100 + i)::text, 4, '0'),
	p.city, p.country, date '2023-01-09' + i * 11
FROM generate_series(1, 60) i
	JOIN given g ON g.n = 1 + (i * 7) % 20
	JOIN family f ON f.n = 1 + (i * 5) % 23
	JOIN place p ON p.n = i % 7;

INSERT INTO payment_methods
SELECT customer_id,
	(ARRAY['4111111111111111', '5555555555554444', '378282246310005',
		'6011111111111117', '4242424242424242'])[1 + customer_id % 5],
	to_char(date '2027-01-01' + customer_id * 17, 'MM/YY')
FROM customers WHERE customer_id % 4 <> 0;

INSERT INTO staff VALUES
	(1, 'Helene Moreau', 'helene.moreau@shop.example', '+1-202-555-0191', '219-09-9999', md5('correct horse'), 'manager', '2019-03-01'),
	(2, 'Tobias Lang', 'tobias.lang@shop.example', '+1-202-555-0192', '078-05-1120', md5('battery staple'), 'support', '2020-06-15'),
	(3, 'Yuki Sato', 'yuki.sato@shop.example', '+1-202-555-0193', '457-55-5462', md5('tr0ub4dor'), 'support', '2021-01-04'),
	(4, 'Carlos Mendes', 'carlos.mendes@shop.example', '+1-202-555-0194', '219-09-9990', md5('winter2024'), 'warehouse', '2021-09-20'),
	(5, 'Anna Nowak', 'anna.nowak@shop.example', '+1-202-555-0195', '457-55-5460', md5('letmein'), 'finance', '2022-02-07'),
	(6, 'Samir Haddad', 'samir.haddad@shop.example', '+1-202-555-0196', '219-09-9991', md5('shop-shop'), 'warehouse', '2023-11-13');

INSERT INTO products VALUES
	(1, 'Copper kettle', 'kitchen', 59.00), (2, 'Enamel mug', 'kitchen', 12.50),
	(3, 'Linen apron', 'textile', 34.00), (4, 'Wool blanket', 'textile', 89.90),
	(5, 'Desk lamp', 'light', 74.00), (6, 'Storm lantern', 'light', 39.50),
	(7, 'Garden shears', 'garden', 27.80), (8, 'Watering can', 'garden', 31.00),
	(9, 'Oak stool', 'furniture', 119.00), (10, 'Coat rack', 'furniture', 64.00);

INSERT INTO orders
SELECT i, 1 + (i * 13) % 60,
	timestamptz '2025-01-02 09:00+00' + i * interval '31 hours',
	(ARRAY['shipped', 'shipped', 'shipped', 'open', 'returned'])[1 + i % 5]
FROM generate_series(1, 180) i;

INSERT INTO order_items
SELECT o.order_id, l, 1 + (o.order_id * 3 + l * 7) % 10,
	1 + (o.order_id + l) % 3, p.price
FROM orders o
	CROSS JOIN generate_series(1, 3) l
	JOIN products p ON p.product_id = 1 + (o.order_id * 3 + l * 7) % 10
WHERE l <= 1 + o.order_id % 3;

INSERT INTO invoices
SELECT o.order_id, o.order_id, o.customer_id, o.ordered_at::date + 1,
	sum(i.quantity * i.unit_price), o.status <> 'open'
FROM orders o JOIN order_items i USING (order_id)
GROUP BY o.order_id;

INSERT INTO support_tickets
SELECT i, c.customer_id, timestamptz '2025-03-01 08:00+00' + i * interval '9 hours',
	(ARRAY['Where is my parcel?', 'Wrong item', 'Refund please'])[1 + i % 3],
	format('Hello, this is %s %s. Please answer to %s or call %s.',
		c.first_name, c.last_name, c.email, c.phone)
FROM generate_series(1, 24) i
	JOIN customers c ON c.customer_id = 1 + (i * 11) % 60;

CREATE VIEW customer_totals AS
SELECT c.customer_id, c.first_name, c.last_name, c.email, c.country,
	count(*) AS invoices, sum(v.total) AS total
FROM customers c JOIN invoices v USING (customer_id)
GROUP BY c.customer_id;

COMMIT;
ANALYZE;
