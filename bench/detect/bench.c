/*
 * bench.c
 *	  Speed of the value scanner and of the judgement of names, one core.
 *
 * The texts are made here from fixed words and a fixed seed, so that figures
 * of two days can be compared.  Prints megabytes per second, best of several
 * runs, and for the texts that are meant to hurt the time of a megabyte.
 */
#include "harness.h"

#include <time.h>

#include "policy/classify.h"

#define MEGABYTE (1000 * 1000)
#define SIZE (8 * MEGABYTE)
#define RUNS 7

static const char *const prose[] = {
	"the", "order", "was", "shipped", "on", "time", "and", "customer", "wrote",
	"that", "nothing", "is", "missing", "from", "package", "but", "colour",
	"differs", "a", "little", "we", "answered", "with", "link", "to",
	"https://www.example.org/help?topic=returns&lang=en", "version", "10.4.2",
	"2026-03-02T10:11:12Z", "INFO", "status=200", "in", "37", "ms",
	"\"state\":\"done\",", "{\"id\":4711,", "café", "Größe", "für", "x86_64"
};
static const char *const values[] = {
	"ada.lovelace@mail.example.org", "+44 20 7946 0958", "4242 4242 4242 4242",
	"212-55-7831", "192.0.2.77", "GB82 WEST 1234 5698 7654 32",
	"00:00:5e:00:53:af", "2001:db8::8a2e:370:7334", "password=s3cret-9",
	"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "943 476 5918", "20260302101112",
	"3f2504e0-4f89-41d3-9a0c-0305e82c3301", "user@host", "10.15.7.1",
	"a::b", "$6$", "eyJhIjoxfQ.eyJ", "1.2345678901234567", "#212557831"
};

static uint32 seed;

static uint32
next_random(void)
{
	seed = seed * 1103515245 + 12345;
	return seed >> 16 & 0x7FFF;
}

/* One word in `every` is a value; 0: none. */
static char *
make_text(int every)
{
	char	   *text = malloc(SIZE + 128);
	int			n = 0;

	seed = 42;
	while (n < SIZE)
	{
		const char *word = every > 0 && next_random() % every == 0 ?
			values[next_random() % lengthof(values)] :
			prose[next_random() % lengthof(prose)];

		n += sprintf(text + n, "%s%c", word, next_random() % 12 == 0 ? '\n' : ' ');
	}
	return text;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double
scan_time(const char *text, int len, int *found)
{
	double		best = 1e9;

	for (int run = 0; run < RUNS; run++)
	{
		HgScan		scan;
		HgSpan		span;
		double		start = now();

		*found = 0;
		hg_detect_begin(&scan, text, len, NULL, false);
		while (hg_detect_next(&scan, &span))
			(*found)++;
		best = Min(best, now() - start);
	}
	return best;
}

static void
hurt(const char *name, const char *unit)
{
	char	   *text = malloc(MEGABYTE + 64);
	int			n = 0;
	int			found;
	double		time;

	while (n < MEGABYTE)
		n += sprintf(text + n, "%s", unit);
	time = scan_time(text, n, &found);
	printf("%-28s %8.2f ms per MB, found %d\n", name, time * 1e3, found);
	free(text);
}

int
main(void)
{
	static const char *const names[] = {
		"customer_id", "first_name", "emailAddress", "created_at",
		"geburtsdatum", "unit_price", "shipping_address_line2",
		"somethingelse", "is_active", "telefonnummer", "card_last4",
		"encrypted_password", "description", "numero_telephone", "qty",
		"last_sign_in_ip"
	};
	static const struct
	{
		const char *name;
		int			every;
	}			texts[] = {
		{"text without values", 0}, {"mixed, 1 word in 20", 20},
		{"dense, every 2nd word", 2}, {"values only", 1}
	};
	int			found;
	double		best = 1e9;

	for (int i = 0; i < lengthof(texts); i++)
	{
		char	   *text = make_text(texts[i].every);

		printf("%-28s %8.0f MB/s", texts[i].name,
			   SIZE / scan_time(text, SIZE, &found) / MEGABYTE);
		printf(", found %d\n", found);
		free(text);
	}
	hurt("@", "@");
	hurt("a@", "a@");
	hurt("a.a.a@", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@");
	hurt("digits", "1");
	hurt("digits, spaced", "1 ");
	hurt("digits, grouped", "123-45-");
	hurt("colons", "1:");
	hurt("eyJ", "eyJ");
	hurt("eyJ.", "eyJhbGciOiJIUzI1NiJ9.");
	hurt("PEM without end", "-----BEGIN PRIVATE KEY-----");
	hurt("password=", "password=");
	hurt("token: ", "token: ");
	hurt("$6$", "$6$ ");
	hurt("://", "a://a:");
	hurt("brackets", "[");
	hurt("high bytes", "é");
	hurt("high bytes and @", "é@é.");

	for (int run = 0; run < RUNS; run++)
	{
		double		start = now();

		for (int i = 0; i < 200000; i++)
			(void) hg_classify_name("customers", names[i % lengthof(names)],
									"text");
		best = Min(best, now() - start);
	}
	printf("%-28s %8.0f per second\n", "names", 200000 / best);
	return 0;
}
