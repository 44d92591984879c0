-- What is found inside of texts, as bytes.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.found(t text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(class || '=' || convert_from(substring(
		convert_to(t, 'UTF8') FROM byte_start + 1 FOR byte_end - byte_start),
		'UTF8'), ' | ' ORDER BY byte_start), '-')
	FROM hoopguard.detect_spans(t) $$;

-- sentences: the value and no more, whatever stands around
SELECT pg_temp.found('Mail ada@example.org, or call +44 20 7946 0958.');
SELECT pg_temp.found('(ada@example.org) <ada@example.org>; "ada@example.org"');
SELECT pg_temp.found('Write to jürgen@exämple.example.org or 書いて ada@example.orgへ。');
SELECT pg_temp.found('Born 10.12.1955, seen on 2026-03-02; SSN 212-55-7831.');
SELECT pg_temp.found('Card 4242-4242-4242-4242 exp 05/27, ref 4242-4242-4242-4241.');
SELECT pg_temp.found('IBAN GB82 WEST 1234 5698 7654 32 and more');
SELECT pg_temp.found('Born May 11, 1980 in Rome; dob: Jan. 14, 1974, nacida el 27.02.1957');
SELECT pg_temp.found('4242424242424242 4242424242424242 4242424242424242');
SELECT pg_temp.found('4012888888881881 4012-8888-8888-1881 4012 8888 8888 1881');

-- code, configuration, addresses of resources: the secret alone
SELECT pg_temp.found('git clone https://ada:s3cret-9@git.example.org/x.git');
SELECT pg_temp.found('host=db user=ada password=s3cret-9 dbname=x');
SELECT pg_temp.found('{"user":"ada","password":"s3cret-9","note":"{\"mail\":\"ada@example.org\"}"}');
SELECT pg_temp.found('GET /cb?code=kZ8vQ2nR4tYw7LpXc1Bd9Ff3&state=3f2504e0-4f89-41d3-9a0c-0305e82c3301');
SELECT pg_temp.found('ALTER ROLE ada PASSWORD ''s3cret-9''; -- password_encryption = ''md5''');
SELECT pg_temp.found('new pw: s3cret-9');
SELECT pg_temp.found('curl -sS -u ada:s3cret-9 https://example.org; curl --proxy-user "ada:s3cret-9"');
SELECT pg_temp.found(t) FROM unnest(ARRAY[
	'Das Passwort lautet s3cret-9', 'Son mot de passe est s3cret-9', 'La contraseña es s3cret-9', 'senha: s3cret-9',
	'mdp=s3cret-9', 'Password is: s3cret-9', 'requirepass s3cret-9', 'password: Summer(2024)!',
	'Passwort lautet: s3cret-9', 'senha é s3cret-9', 'POSTGRES_PASSWORD=@dmin', 'pw: $uperSecret', 'pw=Welcome.to(1234',
	'password=secret|Pa55', 'password=secret!', 'ldapsearch -u a:aB3dE6gH9jK2mN5pQ8sT1vW4yZ7xC0bF', 'LT01 4242 4242 4242 4242',
	'<db:password>s3cret-9</db:password>', '<add key="ApiKey" value="kZ8vQ2nR4tYw7LpXc1Bd9Ff3"/>',
	'SECRET_KEY_BASE=9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c', 'Set-Cookie: sid=kZ8vQ2nR4tYw7LpXc1Bd9Ff3; Path=/',
	'{"sessionId":"kZ8vQ2nR4tYw7LpXc1Bd9Ff3"}', 'PHPSESSID=kZ8vQ2nR4tYw7LpXc1Bd9Ff3', 'connect.sid=kZ8vQ2nR4tYw7LpXc1Bd9Ff3']) t;
SELECT pg_temp.found('Authorization: Basic YWRhOnMzY3JldC05');
SELECT pg_temp.found('-H "authorization: basic YWRhOnMzY3JldA=="');

-- what only looks like it
SELECT pg_temp.found(t) FROM unnest(ARRAY[
	'git@git.example.org:ada/x.git icon@2x.png react@18.2.0 @ada',
	'Build 10.15.7 (commit 0a4d55a8d778e5022fab701977c5d840bbc486d0), #212557831',
	'id 3f2504e0-4f89-41d3-9a0c-0305e82c3301, ISBN 978-0-306-40615-7, 1.2345678901234567',
	'PASSWORD=${PASSWORD} TOKEN=<token> SECRET=changeme API_KEY={{ key }}',
	'SELECT a::bit, std::string, 12:34:56, 1::2',
	'docker run -u app:s3cret-9 -u 1000:1000; curl -u $NAME:$PW -u ada:password',
	'Basic training, basic authentication, Basic realm="x", Visual Basic 6, Basic YWRhOg==',
	'password = env("X"), os.environ["P"], @password, $password; password: required|min:8; password=crypt($1)',
	'opened session kZ8vQ2nR4tYw7LpXc1Bd9Ff3; paid=kZ8vQ2nR4tYw7LpXc1Bd9Ff3; user:<password>@host2/db',
	'RS35 2600 0560 1001 6113 70; May 11, 1980; item 5, 1980; Kapitel 4.2.1.3',
	'HTTP Basic Only; curl x && docker run -u root:wheel3; glpat-EXAMPLE_TOKEN_your_own sk_live_EXAMPLEkeyForDocs',
	'password=config.get(key); password = params[:pw]; the password is: required!',
	'the password is required; the token expired']) t;

-- every span starts and ends at a whole character
SELECT count(*) FROM hoopguard.detect_spans(repeat('é', 70) || '@example.org');
SELECT bool_and(convert_from(substring(convert_to(t, 'UTF8')
	FROM byte_start + 1 FOR byte_end - byte_start), 'UTF8') IS NOT NULL)
FROM (VALUES (repeat('日', 40) || 'ada@例え.example.orgです'),
	('x' || repeat('é', 63) || 'a@b.example.org'),
	(repeat('ä@ä.de', 50))) v(t), hoopguard.detect_spans(t);

-- long and dense values take time by their length alone
SET statement_timeout = '20s';
SELECT count(*) FROM hoopguard.detect_spans(repeat('@', 1000000));
SELECT count(*) FROM hoopguard.detect_spans(repeat('1', 1000000));
SELECT count(*) FROM hoopguard.detect_spans(repeat('1 ', 500000));
SELECT count(*) FROM hoopguard.detect_spans(repeat('eyJ.', 250000));
SELECT count(*) FROM hoopguard.detect_spans(repeat('eyJ-', 250000));
SELECT count(*) FROM hoopguard.detect_spans(repeat('-----BEGIN PRIVATE KEY-----', 40000));
SELECT count(*) FROM hoopguard.detect_spans(repeat('password=', 110000));
SELECT count(*) FROM hoopguard.detect_spans(repeat('Basic ', 160000));
SELECT count(*) FROM hoopguard.detect_spans('Basic ' || repeat('YWRhOmFkYTph', 80000));
SELECT count(*) FROM hoopguard.detect_spans(repeat('curl -u ada:x ', 70000));
SELECT count(*) FROM hoopguard.detect_spans(repeat('ada@example.org ', 60000));
SELECT count(*) FROM hoopguard.detect_spans(repeat('[', 1000000));
