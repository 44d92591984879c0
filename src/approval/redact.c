/*-------------------------------------------------------------------------
 *
 * redact.c
 *	  What of a statement, its parameters and its evidence a webhook gets.
 *
 * An approver must see what runs, so redaction must not be a way to hide it:
 * the agent knows what is taken for an e-mail address.  Only the inside of
 * string constants is looked at, and numbers that are a card's.  A constant
 * that is code, or may be (in dollar quotes, of DO, CREATE FUNCTION, COPY and
 * the like), is shown.  Any other may still become code, by EXECUTE or
 * dblink: what is replaced in it could only be an operand there (harmless()),
 * and is no name of a thing or a host where it can be told.
 *
 * Constants are found by the server's own scanner.  Which setting of
 * standard_conforming_strings a statement was parsed with is not known, since
 * it may have changed between parsing and running.  When there is a backslash
 * the text is scanned both ways, and what is no constant in both is shown.  A
 * text that the scanner refuses is shown as it is.
 *
 * Runs in the recorder.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "approval/delivery.h"
#include "approval/redact.h"
#include "base/guc.h"
#include "common/keywords.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "policy/detect.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

/* Percent; weaker evidence is left to people.  See docs/detection.md. */
#define STRONG 80

/*
 * How long one request is looked at.  An administrator's bad pattern and a
 * statement of many constants must not hold up the recorder: what is left is
 * shown.
 */
#define LOOK_MS 500

/* Longest escape of a string constant, \U and eight digits. */
#define ESCAPE_MAX 10

/* No SQL keyword is longer. */
#define KEYWORD_MAX 20

PG_FUNCTION_INFO_V1(hoopguard__redact);

/* Where a text is from: what can become of it. */
typedef enum Source
{
	CONSTANT,					/* of the statement, as it is written */
	PARAMETER,
	EVIDENCE
} Source;

/* The inside of a string constant, or all of a number. */
typedef struct Constant
{
	int			start;
	int			end;
	bool		number;
	bool		password;		/* of a role, or for another server */
} Constant;

typedef struct Constants
{
	int			n;
	int			size;
	Constant   *items;
} Constants;

/* In what a constant stands, and behind what. */
typedef struct Place
{
	bool		fresh;			/* nothing of the statement yet */
	bool		create;
	bool		alter;
	bool		second;			/* the next word is the second */
	bool		account;		/* a role, a server, a user mapping */
	bool		copy;
	bool		code;			/* its constants are code; stays so */
	int			word;			/* the last token, */
	int			len;			/* when it is a word */
} Place;

static TimestampTz look_until;

static void
begin_to_look(void)
{
	look_until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LOOK_MS);
}

static inline bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Of an identifier, but for digits. */
static inline bool
is_name(unsigned char c)
{
	return is_letter(c) || c == '_' || IS_HIGHBIT_SET(c);
}

static bool
word_is(const char *s, int len, const char *word)
{
	return len == (int) strlen(word) && pg_strncasecmp(s, word, len) == 0;
}

/* ---- what may be replaced ----------------------------------------------- */

/*
 * Words that another operand may follow without a blank, as in OR@x or
 * LIMIT-1; or that end an expression.
 */
static bool
joins(const char *s, int len)
{
	static const char *const words[] = {
		"and", "as", "at", "between", "by", "case", "collate", "distinct",
		"else", "end", "escape", "except", "filter", "for", "from", "having",
		"ilike", "in", "intersect", "into", "is", "isnull", "like", "limit",
		"not", "notnull", "offset", "on", "operator", "or", "over", "return",
		"returning", "select", "set", "similar", "then", "to", "union",
		"using", "values", "when", "where", "with", NULL
	};

	for (int i = 0; words[i] != NULL; i++)
		if (word_is(s, len, words[i]))
			return true;
	return false;
}

/*
 * Would such a word be read as a keyword?  Only where an operand may have
 * ended: at the start, and behind digits, which older servers let it touch.
 */
static bool
hides_keyword(const char *s, int len)
{
	int			i = 0;

	while (i < len)
	{
		int			start = i;

		while (i < len && (is_name(s[i]) || is_digit(s[i])))
			i++;
		if (i == start)
		{
			i++;
			continue;
		}
		if (is_digit(s[start]))
		{
			for (int from = Max(start + 1, i - KEYWORD_MAX); from < i; from++)
				if (is_digit(s[from - 1]) && joins(s + from, i - from))
					return true;
		}
		else if ((start == 0 || s[start - 1] == ' ' ||
				  (s[start - 1] == '.' &&
				   (start == 1 || !is_name(s[start - 2])))) &&
				 joins(s + start, i - start))
			return true;
	}
	return false;
}

/*
 * Groups of four, the first of them two letters and two digits, and two of
 * digits alone side by side, which no expression has.
 */
static bool
is_grouped_iban(const char *s, int len)
{
	int			numbers = 0;
	bool		pair = false;

	if (len < 19 || !is_letter(s[0]) || !is_letter(s[1]) || !is_digit(s[2]) ||
		!is_digit(s[3]))
		return false;
	for (int i = 0; i < len; i += 5)
	{
		bool		number = true;

		for (int j = i; j < Min(i + 4, len); j++)
		{
			if (!is_letter(s[j]) && !is_digit(s[j]))
				return false;
			number &= is_digit(s[j]);
		}
		if (i + 4 < len && s[i + 4] != ' ')
			return false;
		numbers = number ? numbers + 1 : 0;
		pair |= numbers == 2;
	}
	return pair;
}

/*
 * Could these bytes of s be nothing but an operand, if s became code?  They
 * have no line break, quote, dollar, semicolon or backslash, begin no comment,
 * not even with what stands beside them, hold at most one word with letters,
 * and that is no keyword which would change what stands around.
 */
static bool
harmless(const char *s, int len, int from, int to, const char *class_name)
{
	const char *p = s + from;
	int			n = to - from;
	int			words = 0;
	bool		in_word = false;
	bool		letters_only = true;
	bool		bracket = false;
	bool		grouped = false;

	for (int i = Max(from - 1, 0); i < Min(to, len - 1); i++)
		if ((s[i] == '-' && s[i + 1] == '-') ||
			(s[i] == '/' && s[i + 1] == '*') ||
			(s[i] == '*' && s[i + 1] == '/'))
			return false;
	if (strchr("-/*", p[0]) != NULL || strchr("-/*", p[n - 1]) != NULL)
		return false;

	for (int i = 0; i < n; i++)
	{
		unsigned char c = p[i];

		letters_only &= is_letter(c);
		if (c == ' ')
		{
			if (i == 0 || i == n - 1)
				return false;
			in_word = false;
		}
		else if (is_name(c))
		{
			if (!in_word)
				words++;
			in_word = true;
		}
		else if (c == '(')
		{
			/* a phone's area code */
			int			end = i + 1;

			while (end < n && is_digit(p[end]))
				end++;
			if (end == i + 1 || end == n || p[end] != ')')
				return false;
			bracket = true;
			i = end;
		}
		else if (!is_digit(c) &&
				 (c == '\0' || strchr("@.%+-:/=~&?#!,^|", c) == NULL))
			return false;
	}
	if (strcmp(class_name, "iban") == 0)
		grouped = is_grouped_iban(p, n);
	if ((words > 1 && !grouped) || (words > 0 && bracket))
		return false;
	if (letters_only && n < KEYWORD_MAX)
		return false;
	return !hides_keyword(p, n);
}

/* Is there a backslash whose escape may reach this place? */
static bool
behind_escape(const char *s, int at)
{
	for (int i = Max(at - ESCAPE_MAX, 0); i < at; i++)
		if (s[i] == '\\')
			return true;
	return false;
}

/*
 * Does what begins at `at` stand where code has the name of a thing: behind
 * TABLE or a comma, which JSON has, too?
 */
static bool
is_name_place(const char *s, int at, bool json)
{
	static const char *const words[] = {
		"column", "database", "domain", "exists", "extension", "from",
		"function", "index", "into", "join", "only", "policy", "procedure",
		"role", "schema", "sequence", "server", "table", "tablespace", "to",
		"trigger", "truncate", "type", "update", "user", "view", NULL
	};
	int			end = at;
	int			start;

	while (end > 0 && isspace((unsigned char) s[end - 1]))
		end--;
	if (end > 0 && !json && strchr(",.(", s[end - 1]) != NULL)
		return true;
	start = end;
	while (start > 0 && is_letter(s[start - 1]))
		start--;
	for (int i = 0; end < at && words[i] != NULL; i++)
		if (word_is(s + start, end - start, words[i]))
			return true;
	return false;
}

static bool
is_identifier(const char *s, int len)
{
	for (int i = 0; i < len; i++)
		if (!is_name(s[i]) && !is_digit(s[i]))
			return false;
	return is_name(s[0]);
}

/* host=10.0.0.7, https://10.0.0.7/: it says where something goes */
static bool
is_host(const char *s, int at)
{
	while (at > 0 && strchr(" '\"[", s[at - 1]) != NULL)
		at--;
	return at > 0 && strchr("=/@", s[at - 1]) != NULL;
}

/* JSON, which is no code, has values in double quotes. */
static bool
is_json(const char *s, int len)
{
	int			i = 0;

	while (i < len && isspace((unsigned char) s[i]))
		i++;
	return i < len && (s[i] == '{' || s[i] == '[');
}

/*
 * May the span of s be replaced?  In evidence any: nothing of it runs.
 * in_quotes: an odd number of double quotes stands before it.
 */
static bool
replaceable(Source source, const char *s, int len, const HgSpan *span,
			bool in_quotes)
{
	if (span->confidence < STRONG)
		return false;
	if (source == EVIDENCE)
		return true;
	if (source == CONSTANT && behind_escape(s, span->start))
		return false;
	if (in_quotes && !is_json(s, len))
		return false;
	if (strcmp(span->class_name, "ip_address") == 0 && is_host(s, span->start))
		return false;
	if (is_identifier(s + span->start, span->end - span->start) &&
		is_name_place(s, span->start, is_json(s, len)))
		return false;
	return harmless(s, len, span->start, span->end, span->class_name);
}

/* Copy s to out with what may be replaced in it replaced; their number. */
static int
replace_spans(Source source, const char *s, int len, StringInfo out)
{
	HgScan		scan;
	HgSpan		span;
	bool		in_quotes = false;
	int			counted = 0;
	int			done = 0;
	int			n = 0;

	/* what is longer than a body is not sent */
	if (len < HG_DELIVERY_BODY && GetCurrentTimestamp() < look_until &&
		!hg_detect_nothing(s, len))
	{
		hg_detect_begin(&scan, s, len, NULL, false);
		while (hg_detect_next(&scan, &span))
		{
			for (; counted < span.start; counted++)
				in_quotes ^= s[counted] == '"';
			if (!replaceable(source, s, len, &span, in_quotes))
				continue;
			appendBinaryStringInfo(out, s + done, span.start - done);
			appendStringInfo(out, "[redacted:%s]", span.class_name);
			done = span.end;
			n++;
		}
	}
	appendBinaryStringInfo(out, s + done, len - done);
	return n;
}

/* ---- the statement ------------------------------------------------------ */

/* A token of a statement, in what it stands. */
static void
note_token(Place *place, const char *s, int start, int len)
{
	const char *word = s + start;

	if (word[0] == ';')
		place->fresh = true;
	else if (place->fresh && word[0] != '(')
	{
		place->fresh = false;
		place->create = word_is(word, len, "create");
		place->alter = word_is(word, len, "alter");
		place->copy = word_is(word, len, "copy");
		place->second = place->create || place->alter;
		place->account = false;
		place->code |= word_is(word, len, "do") ||
			word_is(word, len, "load") || word_is(word, len, "set");
	}
	else
	{
		if (place->second)
			place->account = word_is(word, len, "role") ||
				word_is(word, len, "user") || word_is(word, len, "group") ||
				word_is(word, len, "server");
		place->second = false;
		if (place->create)
			place->code |= word_is(word, len, "function") ||
				word_is(word, len, "procedure");
		else if (place->alter)
			place->code |= word_is(word, len, "system");
	}
	place->word = start;
	place->len = is_name(word[0]) ? len : 0;
}

/* A constant that is code or tells where COPY goes. */
static bool
is_code(const Place *place, const char *s)
{
	const char *word = s + place->word;

	return place->code || (place->copy &&
						   (word_is(word, place->len, "program") ||
							word_is(word, place->len, "from") ||
							word_is(word, place->len, "to")));
}

/*
 * End of a string constant of one piece: of its inside.  -1: it is not what it
 * looks like, or goes on in another line.
 */
static int
string_end(const char *s, int start, int end, bool escapes)
{
	for (int i = start; i < end; i++)
	{
		if (s[i] == '\\' && escapes)
			i++;
		else if (s[i] != '\'')
			continue;
		else if (i + 1 < end && s[i + 1] == '\'')
			i++;
		else
			return i == end - 1 ? i : -1;
	}
	return -1;
}

static void
add_constant(Constants *list, int start, int end, bool number, bool password)
{
	Constant   *one;

	if (list->n == list->size)
	{
		list->size = Max(16, 2 * list->size);
		list->items = list->items == NULL ?
			palloc(list->size * sizeof(Constant)) :
			repalloc(list->items, list->size * sizeof(Constant));
	}
	one = &list->items[list->n++];
	one->start = start;
	one->end = end;
	one->number = number;
	one->password = password;
}

/* Constants of a text, from left to right; raises what the scanner does. */
static void
scan_constants(const char *s, bool standard, Constants *list)
{
	core_yyscan_t scanner;
	core_yy_extra_type extra;
	core_YYSTYPE value;
	YYLTYPE		start;
	Place		place = {.fresh = true};

	scanner = scanner_init(s, &extra, &ScanKeywords, ScanKeywordTokens);
	extra.escape_string_warning = false;
	extra.backslash_quote = BACKSLASH_QUOTE_ON;
	extra.standard_conforming_strings = standard;
	while (core_yylex(&value, &start, scanner) != 0)
	{
		/* the scanner puts a NUL behind a token until it is asked for more */
		int			len = strlen(extra.scanbuf + start);
		int			end = start + len;
		int			quote = start;
		bool		escapes = !standard;

		if ((s[start] == 'e' || s[start] == 'E') && s[start + 1] == '\'')
		{
			quote++;
			escapes = true;
		}
		if (s[quote] == '\'')
		{
			int			inside = string_end(s, quote + 1, end, escapes);

			if (inside > quote + 1 && !is_code(&place, s) &&
				(!place.account ||
				 word_is(s + place.word, place.len, "password")))
				add_constant(list, quote + 1, inside, false, place.account);
		}
		else if (is_digit(s[start]) && !place.code && !place.account &&
				 strspn(s + start, "0123456789") == len)
			add_constant(list, start, end, true, false);
		note_token(&place, s, start, len);
	}
	scanner_finish(scanner);
}

/*
 * The same, that raises nothing but for want of memory; none if the text
 * cannot be scanned.  All that the scanner holds is memory.
 */
static void
find_constants(const char *s, bool standard, Constants *list)
{
	MemoryContext old = CurrentMemoryContext;
	int			for_client = client_min_messages;
	int			for_log = log_min_messages;

	memset(list, 0, sizeof(*list));
	client_min_messages = log_min_messages = ERROR;
	PG_TRY();
	{
		scan_constants(s, standard, list);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old);
		FlushErrorState();
		list->n = 0;
	}
	PG_END_TRY();
	client_min_messages = for_client;
	log_min_messages = for_log;
}

/* Keep of the first list what the second has, too. */
static void
intersect(Constants *a, const Constants *b)
{
	int			n = 0;
	int			j = 0;

	for (int i = 0; i < a->n; i++)
	{
		while (j < b->n && b->items[j].start < a->items[i].start)
			j++;
		if (j < b->n && b->items[j].start == a->items[i].start &&
			b->items[j].end == a->items[i].end)
			a->items[n++] = a->items[i];
	}
	a->n = n;
}

/* A whole number that is a card's. */
static bool
is_card(const char *s, int len)
{
	HgScan		scan;
	HgSpan		span;

	hg_detect_begin(&scan, s, len, NULL, false);
	return hg_detect_next(&scan, &span) && span.start == 0 &&
		span.end == len && span.confidence >= STRONG &&
		strcmp(span.class_name, "credit_card") == 0;
}

static char *
redact_statement(const char *s, int *n)
{
	MemoryContext scratch;
	MemoryContext old;
	StringInfoData out;
	Constants	found;
	Constants	other;
	int			done = 0;

	*n = 0;
	initStringInfo(&out);
	scratch = AllocSetContextCreate(CurrentMemoryContext, "hoopguard redact",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(scratch);
	find_constants(s, true, &found);
	if (strchr(s, '\\') != NULL)
	{
		find_constants(s, false, &other);
		intersect(&found, &other);
	}
	for (int i = 0; i < found.n; i++)
	{
		const Constant *one = &found.items[i];
		const char *text = s + one->start;
		int			len = one->end - one->start;
		const char *class_name = NULL;

		appendBinaryStringInfo(&out, s + done, one->start - done);
		done = one->end;
		if (one->number && GetCurrentTimestamp() < look_until)
			class_name = is_card(text, len) ? "credit_card" : NULL;
		else if (one->password)
			class_name = "secret_token";
		if (class_name != NULL)
		{
			appendStringInfo(&out, "[redacted:%s]", class_name);
			(*n)++;
		}
		else if (one->number)
			appendBinaryStringInfo(&out, text, len);
		else
			*n += replace_spans(CONSTANT, text, len, &out);
	}
	appendStringInfoString(&out, s + done);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return out.data;
}

/* ---- JSON --------------------------------------------------------------- */

/* A walk over JSON that copies it. */
typedef struct Copy
{
	JsonbIterator *from;
	JsonbParseState *to;
	JsonbValue *result;
	int			depth;			/* of objects and arrays */
	char		top[32];		/* key at the first level, cut */
	char		key[32];		/* key at hand, cut */
} Copy;

static void
copy_begin(Copy *copy, const char *json)
{
	Datum		jsonb = DirectFunctionCall1(jsonb_in, CStringGetDatum(json));

	memset(copy, 0, sizeof(*copy));
	copy->from = JsonbIteratorInit(&DatumGetJsonbP(jsonb)->root);
}

/* The next token, with the keys above it noted. */
static JsonbIteratorToken
copy_next(Copy *copy, JsonbValue *value)
{
	JsonbIteratorToken token = JsonbIteratorNext(&copy->from, value, false);

	if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT)
		copy->depth++;
	else if (token == WJB_END_ARRAY || token == WJB_END_OBJECT)
		copy->depth--;
	else if (token == WJB_KEY)
	{
		snprintf(copy->key, sizeof(copy->key), "%.*s", value->val.string.len,
				 value->val.string.val);
		if (copy->depth == 1)
			strlcpy(copy->top, copy->key, sizeof(copy->top));
	}
	return token;
}

static void
copy_token(Copy *copy, JsonbIteratorToken token, JsonbValue *value)
{
	bool		plain = token == WJB_KEY || token == WJB_VALUE ||
		token == WJB_ELEM;

	copy->result = pushJsonbValue(&copy->to, token, plain ? value : NULL);
}

static void
copy_member(Copy *copy, char *name, int number)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = name;
	value.val.string.len = strlen(name);
	copy_token(copy, WJB_KEY, &value);
	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(number);
	copy_token(copy, WJB_VALUE, &value);
}

static char *
copy_end(Copy *copy)
{
	Jsonb	   *jsonb = JsonbValueToJsonb(copy->result);

	return JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
}

/* Leave out the value of the key that was read last. */
static void
copy_skip(Copy *copy)
{
	JsonbValue	value;

	(void) JsonbIteratorNext(&copy->from, &value, true);
}

static int
redact_value(Source source, JsonbValue *value)
{
	StringInfoData out;
	int			n;

	initStringInfo(&out);
	n = replace_spans(source, value->val.string.val, value->val.string.len,
					  &out);
	value->val.string.val = out.data;
	value->val.string.len = out.len;
	return n;
}

/* [{"n", "type", "value"}, ...]; how many were changed is added to *n. */
static char *
redact_params(const char *json, bool none, int *n)
{
	Copy		copy;
	JsonbIteratorToken token;
	JsonbValue	value;
	int			replaced = 0;
	bool		withheld = false;

	copy_begin(&copy, json);
	while ((token = copy_next(&copy, &value)) != WJB_DONE)
	{
		if (token == WJB_BEGIN_OBJECT)
		{
			replaced = 0;
			withheld = false;
		}
		else if (token == WJB_VALUE && copy.depth == 2 &&
				 strcmp(copy.key, "value") == 0 && value.type != jbvNull)
		{
			if (none)
			{
				value.type = jbvNull;
				withheld = true;
			}
			else if (value.type == jbvString)
				replaced = redact_value(PARAMETER, &value);
		}
		else if (token == WJB_END_OBJECT && (replaced > 0 || withheld))
		{
			copy_member(&copy, "redactions", withheld ? 1 : replaced);
			*n += withheld ? 1 : replaced;
		}
		copy_token(&copy, token, &value);
	}
	return copy_end(&copy);
}

/* Is the string at hand a name, or what the server itself has written? */
static bool
is_known(const Copy *copy)
{
	if (strcmp(copy->top, "sample") == 0)
		return copy->depth == 3;	/* relation, change */
	return strcmp(copy->top, "plan") != 0 &&
		strcmp(copy->top, "reason") != 0 &&
		strcmp(copy->top, "sample_reason") != 0 &&
		strcmp(copy->top, "would_fail") != 0;
}

static char *
redact_evidence(const char *json, bool none)
{
	Copy		copy;
	JsonbIteratorToken token;
	JsonbValue	value;
	int			n = 0;

	copy_begin(&copy, json);
	while ((token = copy_next(&copy, &value)) != WJB_DONE)
	{
		if (none && token == WJB_KEY &&
			((copy.depth == 1 && (strcmp(copy.key, "plan") == 0 ||
								  strcmp(copy.key, "sample") == 0 ||
								  strcmp(copy.key, "sample_reason") == 0)) ||
			 (strcmp(copy.top, "would_fail") == 0 &&
			  strcmp(copy.key, "message") == 0)))
		{
			copy_skip(&copy);
			n++;
			continue;
		}
		if ((token == WJB_VALUE || token == WJB_ELEM) &&
			value.type == jbvString && !is_known(&copy))
			n += redact_value(EVIDENCE, &value);
		else if (token == WJB_END_OBJECT && copy.depth == 0 && n > 0)
			copy_member(&copy, "redactions", n);
		copy_token(&copy, token, &value);
	}
	return copy_end(&copy);
}

/* The statement's text without its constants is a text, too. */
static char *
withhold_text(const char *json)
{
	Copy		copy;
	JsonbIteratorToken token;
	JsonbValue	value;

	copy_begin(&copy, json);
	while ((token = copy_next(&copy, &value)) != WJB_DONE)
	{
		if (token == WJB_KEY && copy.depth == 1 &&
			strcmp(copy.key, "text") == 0)
			copy_skip(&copy);
		else
			copy_token(&copy, token, &value);
	}
	return copy_end(&copy);
}

void
hg_redact(HgRequestBody *request)
{
	bool		none = hg_guc_webhook_statement == HG_STATEMENT_NONE;
	int			n = 0;

	request->redacted = false;
	request->redactions = 0;
	if (hg_guc_webhook_statement == HG_STATEMENT_FULL)
		return;
	begin_to_look();
	if (none)
		request->text = NULL;
	else if (request->text != NULL)
		request->text = redact_statement(request->text, &request->redactions);
	if (request->params != NULL)
		request->params = redact_params(request->params, none, &n);
	if (request->evidence != NULL)
		request->evidence = redact_evidence(request->evidence, none);
	if (none && request->facts != NULL)
		request->facts = withhold_text(request->facts);
	request->redacted = none || request->redactions > 0 || n > 0;
}

/* _redact(statement text): what a webhook gets of it, for tests */
Datum
hoopguard__redact(PG_FUNCTION_ARGS)
{
	int			n;

	begin_to_look();
	PG_RETURN_TEXT_P(cstring_to_text(redact_statement(text_to_cstring(PG_GETARG_TEXT_PP(0)),
													  &n)));
}
