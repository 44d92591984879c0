/*-------------------------------------------------------------------------
 *
 * rule_match.c
 *	  Does a guard rule apply to one (command, object) of a statement?
 *
 * Patterns of objects are read anew at each match, from the rule's text and
 * without allocating: there are few rules, and nothing to keep in step.
 *
 *	  objects		pattern [, pattern ...]
 *	  pattern		*                        everything
 *					[schema.]name            * in it stands for any characters
 *					function:[schema.]name   a call of such a function
 *					class:x                  a relation of that class
 *
 * A double-quoted part is literal, "" in it is one quote.  A plain pattern
 * means tables, views, types ... and functions as objects of DDL, but not
 * calls of functions: "allow ALL on app.*" does not open app's functions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "policy/classify.h"
#include "policy/rule_match.h"
#include "utils/builtins.h"

#define CALLS (HG_CMD_FUNCTIONS | HG_CMD_BIT(HG_CMD_CALL))

/* A stretch of the objects text. */
typedef struct Span
{
	const char *start;
	const char *end;
} Span;

static Span
trim(Span span)
{
	while (span.start < span.end && isspace((unsigned char) *span.start))
		span.start++;
	while (span.end > span.start && isspace((unsigned char) span.end[-1]))
		span.end--;
	return span;
}

/* First unquoted c in the span, or span.end. */
static const char *
find_unquoted(Span span, char c)
{
	bool		quoted = false;

	for (const char *p = span.start; p < span.end; p++)
	{
		if (*p == '"')
			quoted = !quoted;
		else if (*p == c && !quoted)
			return p;
	}
	return span.end;
}

/* The next pattern of a list; false when there are no more. */
static bool
next_pattern(const char **cursor, Span *pattern)
{
	Span		rest;

	if (*cursor == NULL)
		return false;
	rest.start = *cursor;
	rest.end = rest.start + strlen(rest.start);
	pattern->start = rest.start;
	pattern->end = find_unquoted(rest, ',');
	*cursor = pattern->end < rest.end ? pattern->end + 1 : NULL;
	*pattern = trim(*pattern);
	return true;
}

/* Strip a prefix like "class:" (any case) off the span. */
static bool
strip_prefix(Span *span, const char *prefix)
{
	size_t		len = strlen(prefix);

	if (span->end - span->start < len ||
		pg_strncasecmp(span->start, prefix, len) != 0)
		return false;
	span->start += len;
	*span = trim(*span);
	return true;
}

static bool
is_star(Span span)
{
	return span.end - span.start == 1 && *span.start == '*';
}

/*
 * Does text match the span, in which an unquoted * stands for any
 * characters?  Goes back to the last * only, so the time is bounded by the
 * product of the lengths.
 */
static bool
glob_matches(Span pattern, const char *text)
{
	const char *p = pattern.start;
	bool		quoted = false;
	const char *star = NULL;	/* just behind the last star */
	const char *resume = NULL;	/* where its stretch of text ends */

	for (;;)
	{
		bool		same;

		/* quotes only switch; a doubled one inside quotes is a character */
		while (p < pattern.end && *p == '"' &&
			   !(quoted && p + 1 < pattern.end && p[1] == '"'))
		{
			quoted = !quoted;
			p++;
		}

		if (p < pattern.end && *p == '*' && !quoted)
		{
			star = ++p;
			resume = text;
			continue;
		}
		if (*text == '\0')
			return p == pattern.end;

		same = p < pattern.end && *p == *text;
		if (same)
		{
			p += (*p == '"') ? 2 : 1;
			text++;
			continue;
		}
		if (star == NULL)
			return false;
		p = star;				/* stars are outside quotes */
		quoted = false;
		text = ++resume;
	}
}

/* [schema.]name against an object. */
static bool
name_matches(Span pattern, const HgMatchInput *in)
{
	const char *dot = find_unquoted(pattern, '.');

	if (dot < pattern.end)
	{
		Span		schema = {pattern.start, dot};

		if (in->schema == NULL || !glob_matches(trim(schema), in->schema))
			return false;
		pattern.start = dot + 1;
		pattern = trim(pattern);
	}
	return in->name != NULL && glob_matches(pattern, in->name);
}

/* Is any of the classes meant by the pattern? */
static bool
any_class(const char *pattern, const char *const *classes, int n)
{
	for (int i = 0; i < n; i++)
		if (hg_class_matches(pattern, classes[i]))
			return true;
	return false;
}

/*
 * class:x in objects.  Reading counts by the columns used; any other command
 * also by those that the relation holds, because a DELETE or DROP names none.
 */
static bool
class_matches(Span pattern, const HgMatchInput *in)
{
	char		name[NAMEDATALEN * 2];
	size_t		len = pattern.end - pattern.start;

	if (len >= sizeof(name))
		return false;
	memcpy(name, pattern.start, len);
	name[len] = '\0';
	if (any_class(name, in->touched_classes, in->ntouched))
		return true;
	return in->command != HG_CMD_SELECT && in->command != HG_CMD_COPY_TO &&
		any_class(name, in->held_classes, in->nheld);
}

static bool
objects_match(const char *objects, const HgMatchInput *in)
{
	const char *cursor = objects;
	Span		pattern;

	while (next_pattern(&cursor, &pattern))
	{
		if (is_star(pattern))
			return true;
		if (strip_prefix(&pattern, "class:"))
		{
			if (class_matches(pattern, in))
				return true;
		}
		else if (strip_prefix(&pattern, "function:"))
		{
			if (in->is_function && name_matches(pattern, in))
				return true;
		}
		else if ((HG_CMD_BIT(in->command) & CALLS) == 0 &&
				 name_matches(pattern, in))
			return true;
	}
	return false;
}

static bool
term_holds(const HgTerm *term, const HgMatchInput *in)
{
	switch (term->kind)
	{
		case HG_TERM_UNBOUNDED:
			return in->unbounded;
		case HG_TERM_ROWS_OVER:
			return in->rows >= 0 && in->rows > term->number;
		case HG_TERM_TOUCHES_CLASS:
			return any_class(term->text, in->touched_classes, in->ntouched);
		case HG_TERM_HOLDS_CLASS:
			return any_class(term->text, in->held_classes, in->nheld);
		case HG_TERM_PERSISTENT:
			return in->persistent;
		case HG_TERM_LOCKS_OVER:
			return in->locks_mb > term->number;
		case HG_TERM_REWRITES_OVER:
			return in->rewrites_mb > term->number;
		case HG_TERM_SENSITIVE_SETTING:
			return in->sensitive_setting;
		case HG_TERM_HOURS:
			return hg_when_hours_hold(&term->hours, in->now);
		case HG_TERM_DURING:
			return hg_when_during_holds(&term->during, in->now);
		case HG_TERM_CLIENT_ADDR:
			return hg_when_address_holds(&term->address, &in->client);
		case HG_TERM_APPLICATION_NAME:
			{
				Span		pattern = {term->text,
				term->text + strlen(term->text)};

				return glob_matches(pattern, in->application_name);
			}
	}
	return true;
}

bool
hg_rule_varies(const HgRule *rule)
{
	ListCell   *lc;

	foreach(lc, rule->terms)
	{
		switch (((const HgTerm *) lfirst(lc))->kind)
		{
			case HG_TERM_HOURS:
			case HG_TERM_DURING:
			case HG_TERM_APPLICATION_NAME:
				return true;
			default:
				break;
		}
	}
	return false;
}

bool
hg_rule_match(const HgRule *rule, const HgMatchInput *in)
{
	ListCell   *lc;

	if ((rule->commands & HG_CMD_BIT(in->command)) == 0)
		return false;
	foreach(lc, rule->terms)
		if (!term_holds(lfirst(lc), in))
			return false;
	return objects_match(rule->objects, in);
}

const HgRule *
hg_rule_decide(HgRule *const *rules, int nrules, const HgMatchInput *in,
			   const HgRule **enforced)
{
	const HgRule *decision = NULL;
	const HgRule *strict = NULL;
	int			open = (1 << HG_MAX_ACTORS) - 1;	/* not yet decided */
	int			open_enforced = open;

	for (int i = 0; i < nrules && open_enforced != 0; i++)
	{
		const HgRule *rule = rules[i];
		int			binds;

		if ((rule->applies & open_enforced) == 0 || !hg_rule_match(rule, in))
			continue;
		if ((rule->applies & open) != 0)
		{
			open &= ~rule->applies;
			if (decision == NULL || rule->action > decision->action)
				decision = rule;
		}
		binds = rule->observe ? 0 :
			rule->applies & ~rule->exempt & open_enforced;
		if (binds != 0)
		{
			open_enforced &= ~binds;
			if (strict == NULL || rule->action > strict->action)
				strict = rule;
		}
	}
	if (enforced != NULL)
		*enforced = strict;
	return decision;
}

static const struct
{
	const char *word;
	HgTermKind	kind;
	enum
	{
		ARG_NONE,
		ARG_NUMBER,
		ARG_MEGABYTES,
		ARG_CLASS,
		ARG_HOURS,
		ARG_DURING,
		ARG_ADDRESS,
		ARG_PATTERN
	}			arg;
}			term_words[] = {
	{"unbounded", HG_TERM_UNBOUNDED, ARG_NONE},
	{"rows_over", HG_TERM_ROWS_OVER, ARG_NUMBER},
	{"touches_class", HG_TERM_TOUCHES_CLASS, ARG_CLASS},
	{"holds_class", HG_TERM_HOLDS_CLASS, ARG_CLASS},
	{"persistent", HG_TERM_PERSISTENT, ARG_NONE},
	{"locks_table_over", HG_TERM_LOCKS_OVER, ARG_MEGABYTES},
	{"rewrites_table_over", HG_TERM_REWRITES_OVER, ARG_MEGABYTES},
	{"sensitive_setting", HG_TERM_SENSITIVE_SETTING, ARG_NONE},
	{"hours", HG_TERM_HOURS, ARG_HOURS},
	{"during", HG_TERM_DURING, ARG_DURING},
	{"client_addr", HG_TERM_CLIENT_ADDR, ARG_ADDRESS},
	{"application_name", HG_TERM_APPLICATION_NAME, ARG_PATTERN},
};

static char *
span_text(Span span)
{
	return pnstrdup(span.start, span.end - span.start);
}

/* n or n MB into *number; false if it is anything else. */
static bool
parse_number(Span arg, bool megabytes, double *number)
{
	char	   *text = span_text(arg);
	char	   *end;

	errno = 0;
	*number = strtod(text, &end);
	if (end == text || errno != 0 || isnan(*number) || isinf(*number) ||
		*number < 0)
		return false;
	while (isspace((unsigned char) *end))
		end++;
	if (megabytes && pg_strcasecmp(end, "MB") == 0)
		return true;
	return *end == '\0';
}

/* One term, into terms; what is wrong into *error. */
static List *
parse_term(List *terms, Span span, char **error)
{
	const char *paren;
	Span		word;
	Span		arg = {NULL, NULL};
	char	   *name;

	span = trim(span);
	paren = span.start;
	while (paren < span.end && *paren != '(')
		paren++;
	word.start = span.start;
	word.end = paren;
	word = trim(word);
	if (paren < span.end)
	{
		if (span.end[-1] != ')')
		{
			*error = psprintf("missing closing parenthesis after \"%s\"",
							  span_text(word));
			return NIL;
		}
		arg.start = paren + 1;
		arg.end = span.end - 1;
		arg = trim(arg);
	}
	name = span_text(word);

	if (pg_strcasecmp(name, "always") == 0 && arg.start == NULL)
		return terms;

	for (int i = 0; i < lengthof(term_words); i++)
	{
		HgTerm	   *term;

		if (pg_strcasecmp(name, term_words[i].word) != 0)
			continue;
		if ((term_words[i].arg == ARG_NONE) != (arg.start == NULL) ||
			(arg.start != NULL && arg.start == arg.end))
		{
			*error = psprintf(term_words[i].arg == ARG_NONE ?
							  "condition \"%s\" takes no argument" :
							  "condition \"%s\" needs an argument", name);
			return NIL;
		}
		term = palloc0(sizeof(HgTerm));
		term->kind = term_words[i].kind;
		switch (term_words[i].arg)
		{
			case ARG_NONE:
				break;
			case ARG_NUMBER:
			case ARG_MEGABYTES:
				if (!parse_number(arg, term_words[i].arg == ARG_MEGABYTES,
								  &term->number))
				{
					*error = psprintf("invalid number \"%s\" in condition \"%s\"",
									  span_text(arg), name);
					return NIL;
				}
				break;
			case ARG_CLASS:
				term->text = span_text(arg);
				break;
			case ARG_HOURS:
				*error = hg_when_parse_hours(span_text(arg), &term->hours);
				break;
			case ARG_DURING:
				*error = hg_when_parse_during(span_text(arg), &term->during);
				break;
			case ARG_ADDRESS:
				*error = hg_when_parse_address(span_text(arg),
											   &term->address);
				break;
			case ARG_PATTERN:
				if (arg.end - arg.start >= 2 && *arg.start == '\'' &&
					arg.end[-1] == '\'')
				{
					arg.start++;
					arg.end--;
				}
				term->text = span_text(arg);
				break;
		}
		if (*error != NULL)
			return NIL;
		return lappend(terms, term);
	}
	*error = psprintf("unrecognized condition \"%s\"", name);
	return NIL;
}

/*
 * The end of the term that starts at p: the next AND as a word of its own
 * outside parentheses, or the end of the text.
 */
static const char *
find_and(const char *p)
{
	int			depth = 0;
	const char *start = p;

	for (; *p != '\0'; p++)
	{
		if (*p == '(')
			depth++;
		else if (*p == ')')
			depth--;
		else if (depth <= 0 && pg_strncasecmp(p, "and", 3) == 0 &&
				 p > start &&
				 (isspace((unsigned char) p[-1]) || p[-1] == ')') &&
				 (p[3] == '\0' || isspace((unsigned char) p[3])))
			return p;
	}
	return p;
}

List *
hg_rule_parse_condition(const char *text, char **error)
{
	List	   *terms = NIL;
	const char *p = text;

	*error = NULL;
	for (;;)
	{
		Span		span;

		span.start = p;
		span.end = find_and(p);
		p = span.end;
		span = trim(span);
		if (span.start == span.end)
		{
			*error = pstrdup("empty condition");
			return NIL;
		}
		terms = parse_term(terms, span, error);
		if (*error != NULL)
			return NIL;
		if (*p == '\0')
			return terms;
		p += strlen("and");
	}
}

/* What is wrong with [schema.]name, or NULL. */
static char *
check_name(Span pattern)
{
	const char *dot;
	int			quotes = 0;

	for (const char *p = pattern.start; p < pattern.end; p++)
		if (*p == '"')
			quotes++;
	if (quotes % 2 != 0)
		return psprintf("unbalanced quotes in object pattern \"%s\"",
						span_text(pattern));
	dot = find_unquoted(pattern, '.');
	if (dot < pattern.end)
	{
		Span		name = {dot + 1, pattern.end};

		if (dot == pattern.start || name.start == name.end)
			return psprintf("empty name in object pattern \"%s\"",
							span_text(pattern));
		if (find_unquoted(name, '.') < name.end)
			return psprintf("too many parts in object pattern \"%s\"",
							span_text(pattern));
	}
	return NULL;
}

static HgPatternKind
pattern_kind(Span pattern)
{
	if (is_star(pattern))
		return HG_PATTERN_ANY;
	if (strip_prefix(&pattern, "class:"))
		return HG_PATTERN_CLASS;
	if (strip_prefix(&pattern, "function:"))
		return HG_PATTERN_FUNCTION;
	return HG_PATTERN_NAME;
}

bool
hg_rule_only(const char *objects, HgPatternKind kind)
{
	const char *cursor = objects;
	Span		pattern;

	while (next_pattern(&cursor, &pattern))
	{
		if (pattern_kind(pattern) != kind)
			return false;
	}
	return true;
}

bool
hg_rule_has(const char *objects, HgPatternKind kind)
{
	const char *cursor = objects;
	Span		pattern;

	while (next_pattern(&cursor, &pattern))
	{
		if (pattern_kind(pattern) == kind)
			return true;
	}
	return false;
}

/* A name without its quotes; NULL if it has a wildcard. */
static char *
exact(Span span)
{
	char	   *result = palloc(span.end - span.start + 1);
	char	   *out = result;
	bool		quoted = false;

	for (const char *p = span.start; p < span.end; p++)
	{
		if (*p == '"' && quoted && p + 1 < span.end && p[1] == '"')
			*out++ = *p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (*p == '*' && !quoted)
			return NULL;
		else
			*out++ = *p;
	}
	*out = '\0';
	return result;
}

List *
hg_rule_names(const char *objects)
{
	const char *cursor = objects;
	List	   *names = NIL;
	Span		pattern;

	while (next_pattern(&cursor, &pattern))
	{
		HgExactName *name = palloc0(sizeof(HgExactName));
		const char *dot;

		if (is_star(pattern))
			return NIL;
		if (strip_prefix(&pattern, "class:"))
			continue;
		name->is_function = strip_prefix(&pattern, "function:");
		dot = find_unquoted(pattern, '.');
		if (dot < pattern.end)
		{
			Span		schema = {pattern.start, dot};

			name->schema = exact(trim(schema));
			pattern.start = dot + 1;
			pattern = trim(pattern);
		}
		name->name = exact(pattern);
		names = lappend(names, name);
	}
	return names;
}

char *
hg_rule_check_objects(const char *objects)
{
	const char *cursor = objects;
	Span		pattern;

	while (next_pattern(&cursor, &pattern))
	{
		char	   *problem;

		if (pattern.start == pattern.end)
			return pstrdup("empty object pattern");
		if (strip_prefix(&pattern, "class:"))
		{
			if (!hg_class_pattern_known(span_text(pattern)))
				return psprintf("unknown class \"%s\"", span_text(pattern));
			continue;
		}
		(void) strip_prefix(&pattern, "function:");
		if (pattern.start == pattern.end)
			return pstrdup("empty object pattern");
		problem = check_name(pattern);
		if (problem != NULL)
			return problem;
	}
	return NULL;
}
