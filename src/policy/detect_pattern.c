/*-------------------------------------------------------------------------
 *
 * detect_pattern.c
 *	  Patterns that administrators add to the detection of values.
 *
 * This is the only user of PCRE2.  Its memory is malloc's, so that nothing is
 * thrown through it.  Patterns are kept apart, since a pattern of its own is
 * found by its first byte, and compiled to machine code where the system lets
 * us.  Each match has a limit of steps; see hg_pattern_next() for what happens
 * beyond it.
 *
 *-------------------------------------------------------------------------
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "postgres.h"

#include <pcre2.h>

#include "access/genam.h"
#include "access/table.h"
#include "base/catalog.h"
#include "base/report.h"
#include "base/row.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "policy/detect_int.h"
#include "policy/detect_pattern.h"
#include "utils/builtins.h"
#include "utils/rel.h"

/* Columns of hoopguard.pattern, in the order of 35_detect.sql. */
enum
{
	PATTERN_ID = 1,
	PATTERN_CLASS,
	PATTERN_REGEX,
	PATTERN_HINT
};

/* Steps of one match; a sane pattern needs a few per byte it looks at. */
#define MATCH_LIMIT 100000

/* Bytes looked at by one call, so that interrupts are served. */
#define WINDOW (256 * 1024)

/* A match may begin in one window and end this far in the next. */
#define OVERLAP 4096

#define MAX_REGEX 1000
#define MAX_BACK 48

PG_FUNCTION_INFO_V1(hoopguard__check_pattern);

typedef struct Pattern
{
	char	   *class_name;		/* malloc'd */
	char	   *hint;			/* malloc'd, lower case; NULL: none */
	pcre2_code *code;
} Pattern;

static Pattern patterns[HG_MAX_PATTERNS];
static int	npatterns = 0;
static uint64 pattern_generation = 0;
static pcre2_match_data *match_data = NULL;
static pcre2_match_context *match_context = NULL;

static pcre2_code *
compile(const char *regex, int *error, PCRE2_SIZE *offset)
{
	uint32		options = PCRE2_NEVER_BACKSLASH_C;
	pcre2_code *code;

	if (GetDatabaseEncoding() == PG_UTF8)
		options |= PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
	code = pcre2_compile((PCRE2_SPTR) regex, strlen(regex), options, error,
						 offset, NULL);
	/* without it the interpreter does the same, slower */
	if (code != NULL)
		(void) pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	return code;
}

static void
forget_patterns(void)
{
	while (npatterns > 0)
	{
		Pattern    *pattern = &patterns[--npatterns];

		pcre2_code_free(pattern->code);
		free(pattern->class_name);
		free(pattern->hint);
	}
}

/* Lower case, by ASCII. */
static char *
copy_lower(const char *s)
{
	char	   *result = strdup(s);

	for (char *p = result; p != NULL && *p != '\0'; p++)
		*p = pg_ascii_tolower((unsigned char) *p);
	return result;
}

int
hg_pattern_count(void)
{
	uint64		generation = hg_catalog_generation();
	Relation	rel;
	TupleDesc	desc;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (pattern_generation == generation)
		return npatterns;
	if (!hg_catalog_present())
		return 0;
	if (match_data == NULL)
		match_data = pcre2_match_data_create(1, NULL);
	if (match_context == NULL)
	{
		match_context = pcre2_match_context_create(NULL);
		if (match_context != NULL)
			pcre2_set_match_limit(match_context, MATCH_LIMIT);
	}
	if (match_data == NULL || match_context == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));

	forget_patterns();
	pattern_generation = 0;
	rel = table_open(hg_catalog_rel(HG_REL_PATTERN), AccessShareLock);
	desc = RelationGetDescr(rel);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		char	   *class_name = hg_row_string(tuple, desc, PATTERN_CLASS);
		char	   *regex = hg_row_string(tuple, desc, PATTERN_REGEX);
		char	   *hint = heap_attisnull(tuple, PATTERN_HINT, desc) ? NULL :
			hg_row_string(tuple, desc, PATTERN_HINT);
		Pattern    *pattern = &patterns[npatterns];
		int			error;
		PCRE2_SIZE	offset;

		if (npatterns == HG_MAX_PATTERNS)
			break;
		/* checked when it was added; a restored one may be of another time */
		pattern->code = compile(regex, &error, &offset);
		if (pattern->code == NULL)
			continue;
		pattern->class_name = strdup(class_name);
		pattern->hint = hint != NULL ? copy_lower(hint) : NULL;
		npatterns++;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	pattern_generation = generation;
	return npatterns;
}

/* Is one of the words of the hint in these bytes? */
static bool
has_hint(const char *hint, const unsigned char *s, int len)
{
	const char *p = hint;

	while (*p != '\0')
	{
		int			n;

		while (*p == ' ' || *p == ',')
			p++;
		n = strcspn(p, ",");
		while (n > 0 && p[n - 1] == ' ')
			n--;
		for (int i = 0; n > 0 && i + n <= len; i++)
			if (pg_strncasecmp((const char *) s + i, p, n) == 0)
				return true;
		p += n + strspn(p + n, " ");
	}
	return false;
}

bool
hg_pattern_hinted(int i, const char *name)
{
	return patterns[i].hint == NULL ||
		(name != NULL && has_hint(patterns[i].hint,
								  (const unsigned char *) name, strlen(name)));
}

bool
hg_pattern_next(int i, const HgScan *scan, int from, HgSpan *span)
{
	const Pattern *pattern = &patterns[i];

	while (from < scan->len)
	{
		int			end = Min(scan->len, from + WINDOW);
		uint32		options = end < scan->len ? PCRE2_NOTEOL : 0;
		int			rc;
		PCRE2_SIZE *ends;

		CHECK_FOR_INTERRUPTS();
		/* do not cut a character in two */
		while (end < scan->len && end > from && IS(scan->s[end], B_HIGH))
			end--;
		if (end <= from)
			end = Min(scan->len, from + WINDOW);
		rc = pcre2_match(pattern->code, (PCRE2_SPTR) scan->s, end, from,
						 options, match_data, match_context);
		if (rc == PCRE2_ERROR_NOMATCH || rc == PCRE2_ERROR_BADUTFOFFSET)
		{
			if (end == scan->len)
				return false;
			from = Max(end - OVERLAP, from + 1);
			while (from < scan->len && IS(scan->s[from], B_HIGH))
				from++;
			continue;
		}
		if (rc < 0)
			return hg_span(span, from, scan->len, pattern->class_name, 50);

		ends = pcre2_get_ovector_pointer(match_data);
		if (ends[1] <= ends[0])
		{
			/* nothing at all: go on behind it */
			from = Max((int) ends[1], from) + 1;
			while (from < scan->len && IS(scan->s[from], B_HIGH))
				from++;
			continue;
		}
		if (pattern->hint != NULL && (scan->hinted & UINT64CONST(1) << i) == 0)
		{
			int			back = Max((int) ends[0] - MAX_BACK, 0);

			if (!has_hint(pattern->hint, scan->s + back, ends[0] - back))
			{
				from = ends[1];
				continue;
			}
		}
		return hg_span(span, ends[0], ends[1], pattern->class_name, 80);
	}
	return false;
}

/* _check_pattern(regex): HG014 when it cannot be used. */
Datum
hoopguard__check_pattern(PG_FUNCTION_ARGS)
{
	char	   *regex = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			error = 0;
	PCRE2_SIZE	offset = 0;
	pcre2_code *code;
	pcre2_match_data *data;
	int			rc;

	if (strlen(regex) > MAX_REGEX)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("pattern is longer than %d bytes", MAX_REGEX)));
	code = compile(regex, &error, &offset);
	if (code == NULL)
	{
		PCRE2_UCHAR message[160];

		if (pcre2_get_error_message(error, message, sizeof(message)) < 0)
			message[0] = '\0';
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("invalid pattern: %s at byte %d",
						(const char *) message, (int) offset)));
	}
	data = pcre2_match_data_create(1, NULL);
	rc = data == NULL ? PCRE2_ERROR_NOMEMORY :
		pcre2_match(code, (PCRE2_SPTR) "", 0, 0, 0, data, NULL);
	pcre2_match_data_free(data);
	pcre2_code_free(code);
	if (rc != PCRE2_ERROR_NOMATCH)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("pattern matches the empty string"),
				 errhint("A pattern must ask for something.")));
	PG_RETURN_VOID();
}
