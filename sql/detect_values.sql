-- What a value holds, with the name it stands under.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;

-- strong by form and checksum; the altered neighbour is nothing
SELECT v || ': ' || coalesce(hoopguard.detect(v), '-')
FROM unnest(ARRAY['ada.lovelace@mail.example.org', 'ada@localhost',
	'4242 4242 4242 4242', '4242 4242 4242 4241', '2223003122003222',
	'GB82 WEST 1234 5698 7654 32', 'GB83 WEST 1234 5698 7654 32',
	'212-55-7831', '000-55-7831', '900-71-7831', '900-12-7831',
	'+49 30 901820', '(312) 555-0147', '+15.5',
	'192.0.2.77', '192.0.2.256', '2001:db8::8a2e:370:7334', '12:34:56',
	'00:00:5e:00:53:af', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa',
	'1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb',
	'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4',
	'0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe', '943 476 5919',
	'943 476 5918', '529.982.247-25', '131052-308T', '131052-308U']) v;

-- secrets: by prefix, by structure, not by entropy alone
SELECT left(v, 24) || ': ' || coalesce(hoopguard.detect(v), '-')
FROM unnest(ARRAY['AKIA' || 'QYLPMN5HHHFPZAM2', 'AKIA' || 'QYLPMN5HHHFPZAM2X',
	'ghp_' || repeat('aB3d', 9), 'ghp_' || repeat('x', 12),
	'xoxb-' || '123456789012-123456789012-' || repeat('aB3d', 6),
	'sk_live_' || repeat('aB3d', 6), 'pk_live_' || repeat('aB3d', 6),
	-- a random one may have a digit or none, which words have too
	'sk_live_' || repeat('aBCd', 5) || 'xY3z', 'sk_live_' || repeat('abcd', 6),
	'glpat-' || repeat('Your', 5), 'sk_prod_' || repeat('aB3d', 6),
	'MTk4' || repeat('aB3d', 5) || '.VEq2QW.' || repeat('aB-d', 7),
	'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ.eyJzdWIiOiJhZGEifQ.abcDEF123456',
	'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.abcDEF123456',
	'eyJhIjoxfQ.eyJzdWIiOiJhZGEifQ.abcDEF123456',
	'$2b$12$' || repeat('aB3d.', 10) || 'aB3', '$2b$12$short',
	'postgresql://ada:s3cret@db.example.org/x', 'postgresql://ada@db.example.org/x',
	'postgresql://${USER}:${PASSWORD}@db/x',
	'-----BEGIN PRIVATE KEY-----' || E'\n' || repeat('aB3d', 16) || E'\n-----END PRIVATE KEY-----',
	'-----BEGIN PUBLIC KEY-----' || E'\n' || repeat('aB3d', 16) || E'\n-----END PUBLIC KEY-----',
	md5('x'), '3f2504e0-4f89-41d3-9a0c-0305e82c3301']) v;

-- weak evidence needs a name
SELECT ctx || ' ' || v || ': ' || coalesce(hoopguard.detect(v, ctx), '-')
FROM (VALUES ('ssn', '212557831'), ('order_no', '212557831'),
	('birth_date', '1955-12-10'), ('created_at', '1955-12-10'),
	('phone', '3125550147'), ('id', '3125550147'),
	('nhs_number', '9434765919'), ('serial', '9434765919'),
	('steuer_id', '86095742719'), ('steuer_id', '86095742718'),
	('api_key', 'kZ8vQ2nR4tYw7LpXc1Bd9Ff3'), ('etag', 'kZ8vQ2nR4tYw7LpXc1Bd9Ff3'),
	('api_key', 'xxxxxxxxxxxxxxxxxxxxxxxx'), ('api_key', '${API_KEY}'),
	('password', md5('x')), ('checksum', md5('x')),
	('contact_name', 'Ada Lovelace'), ('product_name', 'Ada Lovelace'),
	('address', '12 St James''s Square'), ('address', '0x16a0e27d'),
	('dob', 'March 11, 1980'), ('released', 'March 11, 1980'),
	('mac_address', '9e8d545d4c4b'), ('commit', '9e8d545d4c4b'),
	('nino', 'tw987654a'), ('nino', 'BG123612A'), ('account', 'ST32000200010192194210112'),
	('aws_secret', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'), ('mot_de_passe', md5('x')),
	('version', '10.15.7.1'), ('client_ip', '10.15.7.1'),
	('passport_no', 'C01X00T47'), ('sku', 'C01X00T47')) v(ctx, v);

-- nothing is nothing
SELECT coalesce(hoopguard.detect(v, c), '-')
FROM (VALUES (NULL, NULL), ('', ''), ('  ', NULL), ('plain words', 'note'),
	('x', 'ssn'), (E'\n\t', 'email')) v(v, c);
