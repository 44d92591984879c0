-- What a column holds, judged by its name, its table's and its type.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;

-- every personal column of a shop's schema and no other
SELECT t || '.' || c || ' ' || ty || ': '
	|| coalesce(hoopguard.classify_name(t, c, ty), '-')
FROM (VALUES
	('customer', 'customer_id', 'int'), ('customer', 'first_name', 'text'),
	('customer', 'LastName', 'text'), ('customer', 'emailAddress', 'text'),
	('customer', 'homePhoneNumber', 'text'), ('customer', 'company', 'text'),
	('customer', 'address_line_2', 'text'), ('customer', 'city', 'text'),
	('customer', 'country', 'text'), ('customer', 'postal_code', 'text'),
	('customer', 'birthday', 'date'), ('customer', 'created_at', 'timestamptz'),
	('orders', 'billing_address', 'text'), ('orders', 'total', 'numeric'),
	('product', 'name', 'text'), ('product', 'title', 'text'),
	('store', 'address', 'text'), ('store', 'city', 'text')) v(t, c, ty);

-- the head of a name decides: what is about a value is not the value
SELECT c || ': ' || coalesce(hoopguard.classify_name('users', c, 'text'), '-')
FROM unnest('{email, email_subject, email_count, last_emailed_at, phone_type,
	card_number, card_last4, card_brand, token, token_type, token_expires_at,
	password, password_strength, password_reset_count, address, address_id,
	ip, ip_count, ssn, ssn_verified, is_email}'::text[]) c;

-- the type has a say
SELECT ty || ': ' || coalesce(hoopguard.classify_name('users', c, ty), '-')
FROM (VALUES ('email', 'boolean'), ('email', 'varchar(80)'),
	('email', 'text[]'), ('token', 'integer'), ('token', 'uuid'),
	('birth_date', 'timestamp'), ('phone', 'bigint'), ('phone', 'integer'),
	('last_seen_from', 'macaddr'), ('client_ip', 'inet'),
	('picture', 'bytea'), ('picture', 'text')) v(c, ty);

-- the table tells persons from things
SELECT t || '.name: ' || coalesce(hoopguard.classify_name(t, 'name', 'text'), '-')
FROM unnest('{users, contacts, hr_employee, app_users, credit_cards, roles,
	products, api_clients, user_roles, companies, patients_archive}'::text[]) t;

-- other languages, accents, words written together
SELECT t || '.' || c || ': ' || coalesce(hoopguard.classify_name(t, c, 'text'), '-')
FROM (VALUES ('kunden', 'Nachname'), ('kunden', 'Geburtsdatum'),
	('kunden', 'Telefonnummer'), ('kunden', 'Straße'), ('kunden', 'steuer_id'),
	('clients', 'prénom'), ('clients', 'date_naissance'),
	('clients', 'code_postal'), ('clients', 'adresse_livraison'),
	('clientes', 'correo_electronico'), ('clientes', 'apellidos'),
	('clientes', 'telefono_cliente'), ('clientes', 'contraseña'),
	('clienti', 'codice_fiscale'), ('clienti', 'data_di_nascita'),
	('clientes', 'endereço'), ('person', 'dateofbirth'),
	('person', 'emailaddress'), ('person', 'firstname')) v(t, c);

-- secrets of persons and programs; what only stands beside them is none
SELECT c || ': ' || coalesce(hoopguard.classify_name('api_clients', c, 'text'), '-')
FROM unnest('{client_secret, api_key, key_id, public_key, password_salt,
	encrypted_otp_secret, encrypted_otp_secret_iv, refresh_token,
	session_key, fingerprint, etag}'::text[]) c;

-- odd names raise nothing
SELECT coalesce(hoopguard.classify_name(t, c, ty), '-')
FROM (VALUES ('', '', ''), (NULL, 'email', NULL), ('t', NULL, 'text'),
	('t', repeat('x', 5000), 'text'), ('t', repeat('email_', 1000), 'text'),
	('...', '___', '()()'), ('t', '1', '2'), ('t', 'éè', 'text')) v(t, c, ty);
