/*-------------------------------------------------------------------------
 *
 * detect.c
 *	  What a value holds: the built-in scanner and the judgement of a cell.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "policy/classify.h"
#include "policy/detect.h"
#include "policy/detect_int.h"
#include "policy/detect_pattern.h"

#define MAX_GLANCE (1024 * 1024)

/* A longer value is a text, not a name or an address. */
#define MAX_NAME_BYTES 200

void
hg_detect_context(HgContext *context, const char *name)
{
	context->name = name != NULL && name[0] != '\0' ? name : NULL;
	context->hints = context->name != NULL ? hg_hint_name(name) : 0;
}

void
hg_detect_begin_in(HgScan *scan, const char *value, int len,
				   const HgContext *context, bool whole)
{
	const char *name = context != NULL ? context->name : NULL;

	hg_scan_begin(scan, value, len, context != NULL ? context->hints : 0,
				  name != NULL, whole, GetDatabaseEncoding() == PG_UTF8);
	scan->npatterns = hg_pattern_count();
	for (int i = 0; i < scan->npatterns; i++)
	{
		if (hg_pattern_hinted(i, name))
			scan->hinted |= UINT64CONST(1) << i;
		if (!hg_pattern_next(i, scan, 0, &scan->next[i]))
			scan->next[i].start = -1;
	}
}

void
hg_detect_begin(HgScan *scan, const char *value, int len, const char *context,
				bool whole)
{
	HgContext	read;

	hg_detect_context(&read, context);
	hg_detect_begin_in(scan, value, len, &read, whole);
}

bool
hg_detect_nothing(const char *value, int len)
{
	/* the glance serves no interrupts: not at a long value */
	return len <= MAX_GLANCE &&
		!hg_scan_worthwhile((const unsigned char *) value, len) &&
		hg_pattern_count() == 0;
}

void
hg_detect_trust_words(HgScan *scan, bool trust)
{
	scan->no_veto = !trust;
	if (!trust)
		scan->hints &= ~HINTS_AGAINST;
}

/*
 * Of the built-in span and those of the patterns the one that begins first;
 * of several there the longest, and a built-in one before a pattern's.
 */
static pg_noinline bool
next_of_all(HgScan *scan, HgSpan *span)
{
	int			best = -1;

	while (!scan->have_builtin)
	{
		if (!hg_scan_next(scan, &scan->builtin))
			scan->builtin.start = -1;
		scan->have_builtin = scan->builtin.start < 0 ||
			scan->builtin.start >= scan->done;
	}
	for (int i = 0; i < scan->npatterns; i++)
	{
		HgSpan	   *next = &scan->next[i];

		if (next->start >= 0 && next->start < scan->done &&
			!hg_pattern_next(i, scan, scan->done, next))
			next->start = -1;
		if (next->start < 0)
			continue;
		if (best < 0 || next->start < scan->next[best].start ||
			(next->start == scan->next[best].start &&
			 next->end > scan->next[best].end))
			best = i;
	}
	if (best < 0 && scan->builtin.start < 0)
		return false;
	if (best >= 0 && (scan->builtin.start < 0 ||
					  scan->next[best].start < scan->builtin.start ||
					  (scan->next[best].start == scan->builtin.start &&
					   scan->next[best].end > scan->builtin.end)))
	{
		*span = scan->next[best];
		if (scan->builtin.start >= 0 && scan->builtin.start < span->end)
			scan->have_builtin = false;
	}
	else
	{
		*span = scan->builtin;
		scan->have_builtin = false;
	}
	scan->done = span->end;
	return true;
}

bool
hg_detect_next(HgScan *scan, HgSpan *span)
{
	if (scan->npatterns == 0)
		return hg_scan_next(scan, span);
	return next_of_all(scan, span);
}

int
hg_detect_spans(const char *value, int len, const char *context, HgSpan *spans,
				int max)
{
	HgScan		scan;
	int			n = 0;

	hg_detect_begin(&scan, value, len, context, false);
	while (n < max && hg_detect_next(&scan, &spans[n]))
		n++;
	return n;
}

/*
 * Could it be what a column of names holds?  Letters of any alphabet, few
 * words, no digits.
 */
static bool
name_like(const unsigned char *s, int len)
{
	int			words = 1;
	int			letters = 0;
	bool		upper = false;

	if (len < 2 || len > MAX_NAME_BYTES)
		return false;
	for (int i = 0; i < len; i++)
	{
		if (IS(s[i], B_ALPHA | B_HIGH))
		{
			letters++;
			upper |= IS(s[i], B_UPPER | B_HIGH);
		}
		else if (s[i] == ' ')
			words++;
		else if (s[i] == '\0' || strchr(".,'-`()&/", s[i]) == NULL)
			return false;
	}
	return letters >= 2 && words <= 8 && upper;
}

/* Several words, or a word with a number; nothing of a machine's. */
static bool
address_like(const unsigned char *s, int len)
{
	bool		space = false;
	int			letters = 0;

	if (len < 4 || len > 2 * MAX_NAME_BYTES)
		return false;
	for (int i = 0; i < len; i++)
	{
		letters += IS(s[i], B_ALPHA | B_HIGH);
		space |= s[i] == ' ' || s[i] == '\n' || s[i] == ',' ||
			IS(s[i], B_HIGH);
		if (s[i] == ':' && i + 1 < len && !IS(s[i + 1], B_SPACE))
			return false;
	}
	return space && letters >= 3;
}

/* Not a class that tells about a person. */
static bool
is_secret(const char *class_name)
{
	size_t		len = strlen(class_name);

	return strcmp(class_name, "url_with_credentials") == 0 ||
		strcmp(class_name, "secret_token") == 0 ||
		strcmp(class_name, "password_hash") == 0 ||
		strcmp(class_name, "jwt") == 0 ||
		(len > 6 && strcmp(class_name + len - 6, "_token") == 0) ||
		(len > 4 && strcmp(class_name + len - 4, "_key") == 0);
}

static const char *
verdict(const char *class_name, int confidence, int *result)
{
	if (result != NULL)
		*result = confidence;
	return class_name;
}

const char *
hg_detect_by_name(const char *value, int len, const char *name, bool assigned)
{
	const unsigned char *s = (const unsigned char *) value;
	uint64		hints = hg_hint_name(name);
	const char *class_name;

	if ((hints & H(HINT_PASSWORD)) != 0)
	{
		class_name = hg_hex_password(s, len);
		if (class_name != NULL)
			return class_name;
		if (assigned && hg_password_like(s, len, true))
			return "secret_token";
	}
	if ((hints & (H(HINT_SECRET) | H(HINT_PASSWORD))) != 0 &&
		hg_random_looking(s, len) && !hg_placeholder(s, len))
	{
		if (len == 40 && (strstr(name, "secret_access") != NULL ||
						  (strstr(name, "aws") != NULL &&
						   strstr(name, "secret") != NULL)))
			return "aws_secret_key";
		return "generic_high_entropy";
	}
	class_name = hg_classify_name("", name, NULL);
	if (class_name == NULL)
		return NULL;
	if (strcmp(class_name, "person_name") == 0)
		return name_like(s, len) ? class_name : NULL;
	if (strcmp(class_name, "street_address") == 0)
		return address_like(s, len) ? class_name : NULL;
	return NULL;
}

const char *
hg_detect_value(const char *value, int len, const char *context,
				int *confidence)
{
	const unsigned char *s = (const unsigned char *) value;
	HgScan		scan;
	HgSpan		span;
	HgSpan		best = {0};
	const char *class_name;
	bool		found = false;
	bool		best_secret = false;

	while (len > 0 && (IS(s[0], B_SPACE) || s[0] == '\0'))
		s++, len--;
	while (len > 0 && (IS(s[len - 1], B_SPACE) || s[len - 1] == '\0'))
		len--;
	if (len == 0)
		return NULL;

	/* of several the secret counts most, then the longest */
	hg_detect_begin(&scan, (const char *) s, len, context, true);
	while (hg_detect_next(&scan, &span))
	{
		bool		secret = is_secret(span.class_name);

		if (!found || (secret && !best_secret) ||
			(secret == best_secret &&
			 span.end - span.start > best.end - best.start))
		{
			best = span;
			best_secret = secret;
		}
		found = true;
	}
	if (found)
		return verdict(best.class_name, best.confidence, confidence);

	if (context == NULL || context[0] == '\0')
		return NULL;
	class_name = hg_detect_by_name((const char *) s, len, context, false);
	if (class_name == NULL)
		return NULL;
	return verdict(class_name, 75, confidence);
}
