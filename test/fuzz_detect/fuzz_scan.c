/*
 * fuzz_scan.c
 *	  The scanner on any bytes: spans in order, not empty, inside, and never
 *	  a character of UTF-8 cut in two.
 *
 * The first byte chooses context, encoding and the kind of walk.
 */
#include "harness.h"

#include "policy/classify.h"

static const char *const contexts[] = {
	NULL, "", "ssn", "phone", "birth_date", "password", "api_key", "version",
	"iban", "first_name", "address", "passport_no", "nif", "order_no",
	"account_number", "steuer_id"
};

static void
check(const unsigned char *s, int len, int c, bool valid)
{
	if (c > 0 && c < len && valid && (s[c] & 0xC0) == 0x80)
		abort();
}

static bool
valid_utf8(const unsigned char *s, int len)
{
	for (int i = 0; i < len;)
	{
		int			n = s[i] < 0x80 ? 1 : s[i] < 0xC2 ? 0 : s[i] < 0xE0 ? 2 :
			s[i] < 0xF0 ? 3 : s[i] < 0xF5 ? 4 : 0;

		if (n == 0 || i + n > len)
			return false;
		for (int k = 1; k < n; k++)
			if ((s[i + k] & 0xC0) != 0x80)
				return false;
		i += n;
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	HgScan		scan;
	HgSpan		span;
	int			last = 0;
	int			len;
	unsigned char how;
	char	   *s;
	bool		valid;
	char		name[64];

	if (size < 1 || size > 1 << 20)
		return 0;
	how = data[0];
	len = size - 1;
	/* of exactly this size, so that the sanitizer sees any step beyond */
	s = malloc(len > 0 ? len : 1);
	memcpy(s, data + 1, len);
	harness_encoding = how & 0x10 ? 6 : 8;
	valid = harness_encoding == 6 && valid_utf8((unsigned char *) s, len);

	hg_detect_begin(&scan, s, len, contexts[how & 0x0F], (how & 0x20) != 0);
	hg_detect_trust_words(&scan, (how & 0x40) == 0);
	while (hg_detect_next(&scan, &span))
	{
		if (span.start < last || span.end <= span.start || span.end > len ||
			span.class_name == NULL)
			abort();
		check((unsigned char *) s, len, span.start, valid);
		check((unsigned char *) s, len, span.end, valid);
		last = span.end;
	}
	(void) hg_detect_value(s, len, contexts[how & 0x0F], NULL);
	if (contexts[how & 0x0F] != NULL)
		(void) hg_detect_by_name(s, len, contexts[how & 0x0F], true);

	/* names take any bytes but zero */
	len = strnlen(s, Min(len, (int) sizeof(name) - 1));
	memcpy(name, s, len);
	name[len] = '\0';
	(void) hg_classify_name(name, name, name);
	(void) hg_hint_name(name);
	free(s);
	return 0;
}
