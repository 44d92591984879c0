/*
 * paths.c
 *	  What the scanner finds in many made-up texts, as one number: the ways it
 *	  has of looking at many bytes must all find the same.
 *
 * Argument: how many texts.  Prints the number of spans and a hash of them, and
 * then the way this program took: wide, 16 bytes or plain.
 */
#include "harness.h"

#include "policy/detect_wide.h"

static const char *const pieces[] = {
	"the", "order", "was", "shipped", "Customer", "wrote", "café", "Größe",
	"card", "phone", "tel", "version", "ssn", "password", "secret", "token",
	"born", "iban", "user", "order", "curl -u", "pw", "key", "Bearer", "x86_64",
	"ada.lovelace@mail.example.org", "müller@exämple.de", "a@b", "@", "%40b.org",
	"+44 20 7946 0958", "(212) 555-0100", "4242 4242 4242 4242", "4242424242424242",
	"212-55-7831", "943 476 5918", "10.12.1955", "14 January 1955", "010180-123A",
	"192.0.2.77", "2001:db8::8a2e:370:7334", "00:00:5e:00:53:af", "0000.5e00.53af",
	"GB82 WEST 1234 5698 7654 32", "1EG4-TE5-MK73", "RSSMRA85T10A562S",
	"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.abcDEF123456",
	"https://ada:s3cret@host/x", "password=s3cret-9", "$6$salt$abcdefgh", "{SSHA}aaaa",
	"-----BEGIN PRIVATE KEY-----", "20260302101112", "12:30:45", "3/4", "1.5",
	"3f2504e0-4f89-41d3-9a0c-0305e82c3301", "1.2345678901234567", "#212557831",
	"gb82 west 1234 5698 7654 32", "iban de89 3704 0044 0532 0130 00",
	"whsec_a9/bcdefghijkl12345mnopq", "sk-ant-api03-abcdefghijklmnopqrstuvwxyz012345",
	"10:22", "10:22:33:44:55:66", "c01x00t47", "5g7h8k9l1", "00.11.22.33.44.55", "user42", "v1", "x_86", "1ms", "37Z",
	"2026-03-01T00:00:37Z", "12.50", "123.456", "account", "born", "5 May 1955",
	"db1password=x9Kq2", "t0ken", "99 Red", "1 2 3", "+49", "(030)", "A-17",
	"May 11, 1980", "Jan. 14 1974", "May", "11,", "5, 1980", "dob", "sid=", "session_id=", "session:",
	"kZ8vQ2nR4tYw7LpXc1Bd9Ff3", "<token>kZ8vQ2nR4tYw7LpXc1Bd9Ff3</token>", "value=", "mdp", "senha:",
	"mot de passe est", "contraseña:", "requirepass", "secret_key_base", "paid", "version", "sk_live_JgQyVerdKKhVzxNiaBfuRMFF",
	"curl -u ada:s3cret-9", "--user", "Basic YWRhOnMzY3JldC05", "public", "menu",
	"AKIAIOSFODNN7EXAMPLE", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
};
static const char between[] = "            .,;:-/()[]{}<>\"'=@#$%&+_\t|!?\\~`^*";

static uint64 state = 42;
static uint64 hash = UINT64CONST(14695981039346656037);

static uint32
next_random(void)
{
	state = state * UINT64CONST(6364136223846793005) + 1442695040888963407;
	return state >> 33;
}

/* FNV-1a */
static void
add(const void *data, int len)
{
	for (int i = 0; i < len; i++)
		hash = (hash ^ ((const unsigned char *) data)[i]) *
			UINT64CONST(1099511628211);
}

static int
make_text(char *text)
{
	int			want = next_random() % 200;
	int			n = 0;

	do
	{
		uint32		what = next_random() % 16;

		if (what < 11)
		{
			const char *piece = pieces[next_random() % lengthof(pieces)];
			int			len = strlen(piece);

			memcpy(text + n, piece, len);
			if (what < 3)
				text[n + next_random() % len] = '0' + next_random() % 64;
			n += len;
		}
		else if (what < 14)
			for (int k = next_random() % 8; k >= 0; k--)
				text[n++] = '0' + next_random() % 10;
		else
			for (int k = next_random() % 4; k > 0; k--)
				text[n++] = next_random() % 256;
		if (next_random() % 8 != 0)
			text[n++] = between[next_random() % (sizeof(between) - 1)];
	} while (n < want);
	return n;
}

int
main(int argc, char **argv)
{
	static const char *const names[] = {NULL, "password", "phone", "passport"};
	int			texts = argc > 1 ? atoi(argv[1]) : 1000;
	int64		found = 0;
	char		text[512];

	for (int i = 0; i < texts; i++)
	{
		int			len = make_text(text);
		char	   *exact = malloc(len + 1);	/* nothing to read behind */
		HgScan		scan;
		HgSpan		span;
		HgContext	context;
		bool		nothing;

		memcpy(exact + 1, text, len);
		nothing = hg_detect_nothing(exact + 1, len);
		add(&nothing, 1);
		hg_detect_context(&context, names[i % lengthof(names)]);
		hg_detect_begin_in(&scan, exact + 1, len, &context, i % 2 == 0);
		hg_detect_trust_words(&scan, i % 5 == 0);
		while (hg_detect_next(&scan, &span))
		{
			found++;
			add(&span.start, sizeof(int));
			add(&span.end, sizeof(int));
			add(span.class_name, span.class_len);
		}
		free(exact);
	}
	printf("%lld %016llx %s\n", (long long) found, (unsigned long long) hash,
		   hg_has_wide() ? "wide" :
#ifdef __SSE2__
		   "16 bytes"
#else
		   "plain"
#endif
		);
	return 0;
}
