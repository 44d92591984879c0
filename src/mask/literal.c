/*-------------------------------------------------------------------------
 *
 * literal.c
 *	  The values a client put into a statement, as the record may have them.
 *
 * literal_flow.c tells what each literal meets.  What meets a classified
 * column is recorded as the class in brackets.  What is left is looked
 * through for values of classified shape, and cut; what cannot be looked
 * through is withheld.  Only output functions of built-in types are run.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "inspect/facts.h"
#include "lib/stringinfo.h"
#include "mask/literal.h"
#include "mask/scrub_text.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "policy/classify.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Literals of a statement that are kept; of the others the number is. */
#define MAX_LITERALS 64

/* Bytes of a value that are kept. */
#define MAX_SHOWN 200

/* About as many bytes all that is kept of a statement's literals may have. */
#define MAX_DETAIL 16384

/* Words of a key inside of a text that are looked at together. */
#define KEY_WORDS 4

/* A longer value is not looked through but withheld. */
#define MAX_LOOKED 65536

/* What becomes of one literal. */
typedef struct Shown
{
	int			number;			/* $n of the normalised text, 0: none */
	const HgLiteral *literal;
	const char *value;			/* NULL: SQL's NULL */
	bool		withheld;
	int			length;			/* of a value that was cut, else 0 */
} Shown;

static bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID ||
		type == NAMEOID || type == UNKNOWNOID;
}

/* Types, other than texts and JSON, whose text may be shown. */
static bool
is_plain(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case CHAROID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case CASHOID:
		case OIDOID:
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
		case UUIDOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
		case MACADDR8OID:
		case BITOID:
		case VARBITOID:
		case REGCLASSOID:
		case REGTYPEOID:
		case INT4RANGEOID:
		case INT8RANGEOID:
		case NUMRANGEOID:
		case DATERANGEOID:
		case TSRANGEOID:
		case TSTZRANGEOID:
			return true;
		default:
			return type_is_enum(type);
	}
}

/* Text of a value whose type is_text() or is_plain(). */
static char *
value_text(Oid type, Datum value)
{
	Oid			function;
	bool		varlena;

	getTypeOutputInfo(type, &function, &varlena);
	if (function >= FirstNormalObjectId)
		return NULL;
	return OidOutputFunctionCall(function, value);
}

/* A detected address, card and the like becomes its class in brackets. */
static char *
scrub(const char *s, int len, bool json, const HgContext *context)
{
	StringInfoData out;

	memset(&out, 0, sizeof(out));
	if (json)
	{
		initStringInfo(&out);
		if (hg_scrub_json(s, len, context, &out))
			return out.data;
	}
	else if (!hg_detect_nothing(s, len) &&
			 hg_scrub_spans(NULL, s, len, NULL, s, len, context, true, "\"",
							&out) > 0)
		return out.data;
	return pnstrdup(s, len);
}

static bool
is_word(char c)
{
	return IS_HIGHBIT_SET(c) || isalnum((unsigned char) c) || c == '_';
}

/* Does the key, words with something between them, name a class? */
static bool
is_telling(const char *s, int len)
{
	char	   *key = pnstrdup(s, len);

	for (int i = 0; i < len; i++)
		if (!is_word(key[i]))
			key[i] = '_';
	return hg_classify_name("", key, NULL) != NULL;
}

/*
 * Does a key, as "last name": of JSON, last_name= or <last-name> have it, name
 * something of a class?  Names and addresses have no shape of their own.  A
 * key that is written with escapes may name anything.
 */
static bool
has_telling_key(const char *s)
{
	const char *starts[KEY_WORDS];	/* of words side by side, the last first */
	int			nstarts = 0;

	while (*s != '\0')
	{
		const char *end;
		bool		escaped = false;

		if (!is_word(*s) && *s != '\\')
		{
			if (*s != ' ' && *s != '-' && *s != '.')
				nstarts = 0;
			s++;
			continue;
		}
		memmove(starts + 1, starts, (KEY_WORDS - 1) * sizeof(char *));
		starts[0] = s;
		nstarts = Min(nstarts + 1, KEY_WORDS);
		while (is_word(*s) || *s == '\\')
		{
			if (*s == '\\' && s[1] != '\0')
			{
				escaped = true;
				s++;
			}
			s++;
		}
		end = s;
		while (*s == '"' || *s == '\'' || isspace((unsigned char) *s))
			s++;
		if (*s != ':' && *s != '=' && *s != '>')
		{
			if (*s != '-' && *s != '.' && (*end != ' ' || s != end + 1))
				nstarts = 0;
			continue;
		}
		if (escaped)
			return true;
		for (int i = 0; i < nstarts; i++)
			if (is_telling(starts[i], end - starts[i]))
				return true;
		nstarts = 0;
	}
	return false;
}

static char *show_value(Oid type, Datum value, const HgContext *context);

/* The elements as a JSON array, no more of them than will be kept. */
static char *
show_array(Oid element, Datum value, const HgContext *context)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	ArrayIterator iterator = array_create_iterator(array, 0, NULL);
	StringInfoData out;
	Datum		item;
	bool		isnull;

	if (ARR_ELEMTYPE(array) != element)
		return NULL;
	initStringInfo(&out);
	appendStringInfoChar(&out, '[');
	while (array_iterate(iterator, &item, &isnull))
	{
		char	   *shown;

		CHECK_FOR_INTERRUPTS();
		if (out.len > 1)
			appendStringInfoString(&out, ", ");
		if (isnull)
		{
			appendStringInfoString(&out, "null");
			continue;
		}
		shown = show_value(element, item, context);
		if (shown == NULL)
			return NULL;
		escape_json(&out, shown);
		if (out.len > 2 * MAX_SHOWN)
		{
			appendStringInfoString(&out, ", ...");
			break;
		}
	}
	appendStringInfoChar(&out, ']');
	return out.data;
}

/* What may be seen of a value; NULL: nothing. */
static char *
show_value(Oid type, Datum value, const HgContext *context)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);
	bool		json = base == JSONOID || base == JSONBOID;
	char	   *s;
	int			len;

	if (OidIsValid(element))
	{
		/* of domains, too; arrays of arrays of a domain are not looked at */
		if (OidIsValid(get_element_type(getBaseType(element))))
			return NULL;
		return show_array(element, value, context);
	}
	if (!is_text(base) && !is_plain(base) && !json)
		return NULL;
	s = value_text(base, value);
	if (s == NULL)
		return NULL;
	len = strlen(s);
	if (len > MAX_LOOKED)
		return NULL;
	if (!is_plain(base) && has_telling_key(s))
		return NULL;
	return scrub(s, len, json, context);
}

/* Letters, digits or more: it says something when put together. */
static bool
says_something(const HgLiteral *literal, Datum value)
{
	Oid			base = getBaseType(literal->type);
	const char *s;

	if (!is_text(base) && !is_plain(base))
		return true;
	for (s = value_text(base, value); s != NULL && *s != '\0'; s++)
		if (IS_HIGHBIT_SET(*s) || isalnum((unsigned char) *s))
			return true;
	return s == NULL;
}

/* The value of a literal; false: there is none to be had. */
static bool
literal_value(const HgLiteral *literal, const HgLiteralSource *source,
			  Datum *value, bool *isnull)
{
	ParamListInfo params = source->params;
	ParamExternData workspace;
	ParamExternData *param;

	if (literal->constant != NULL)
	{
		*value = literal->constant->constvalue;
		*isnull = literal->constant->constisnull;
		return true;
	}
	if (bms_is_member(literal->paramid, source->computed) || params == NULL ||
		literal->paramid < 1 || literal->paramid > params->numParams)
		return false;
	if (params->paramFetch != NULL)
		param = params->paramFetch(params, literal->paramid, true, &workspace);
	else
		param = &params->params[literal->paramid - 1];
	if (!OidIsValid(param->ptype) || param->ptype != literal->type)
		return false;
	*value = param->value;
	*isnull = param->isnull;
	return true;
}

/*
 * Two literals that are put together could make up a value that neither of
 * them shows.
 */
static bool
makes_up(const HgLiteral *literals, int n, const HgLiteral *one,
		 const HgLiteralSource *source)
{
	int			parts = 0;

	if (OidIsValid(get_element_type(getBaseType(one->type))))
		return true;
	for (int i = 0; i < n && parts < 2; i++)
	{
		Datum		value;
		bool		isnull;

		if (literals[i].group != one->group)
			continue;
		if (!literal_value(&literals[i], source, &value, &isnull) ||
			(!isnull && says_something(&literals[i], value)))
			parts++;
	}
	return parts >= 2;
}

static void
withhold(Shown *shown, const char *as)
{
	shown->value = as;
	shown->withheld = true;
	shown->length = 0;
}

/* Fill in what is shown of its literal. */
static void
show(Shown *shown, const HgLiteral *literals, int n,
	 const HgLiteralSource *source)
{
	const HgLiteral *literal = shown->literal;
	HgContext	context;
	Datum		value;
	bool		isnull;
	char	   *text;
	int			len;

	if (literal->class_name != NULL)
	{
		withhold(shown, psprintf("[%s]", literal->class_name));
		return;
	}
	withhold(shown, "[withheld]");
	if (literal->withheld ||
		!literal_value(literal, source, &value, &isnull))
		return;
	if (isnull)
	{
		shown->value = NULL;
		shown->withheld = false;
		return;
	}
	if (literal->joined && makes_up(literals, n, literal, source))
		return;
	hg_detect_context(&context, literal->attnum > 0 ?
					  get_attname(literal->relid, literal->attnum, true) :
					  NULL);
	text = show_value(literal->type, value, &context);
	if (text == NULL)
		return;
	len = strlen(text);
	if (len > MAX_SHOWN)
	{
		shown->length = len;
		text[pg_mbcliplen(text, len, MAX_SHOWN)] = '\0';
	}
	shown->value = text;
	shown->withheld = false;
}

/* By number, what has none at the end in its order in the text. */
static int
compare_shown(const void *a, const void *b)
{
	const Shown *left = a;
	const Shown *right = b;

	if (left->number != right->number)
		return left->number == 0 || right->number == 0 ?
			(left->number == 0 ? 1 : -1) :
			(left->number < right->number ? -1 : 1);
	if (left->literal->location != right->literal->location)
		return left->literal->location < right->literal->location ? -1 : 1;
	return left->literal->paramid < right->literal->paramid ? -1 :
		left->literal->paramid > right->literal->paramid;
}

/* Where the constants of a text are, in its order. */
typedef struct Places
{
	const char *text;
	int		   *at;
	int			n;				/* -1: the text cannot be read */
	int			first;			/* number of the first one */
} Places;

static void
find_places(Places *places, const char *text, int location, int len)
{
	places->text = text;
	places->at = hg_fingerprint_constants(text, location, len, &places->first,
										  &places->n);
}

/*
 * The number that a constant has in the normalised text, 0 if none.  -1: it is
 * a word (TRUE, the year of EXTRACT) that the text shows.
 */
static int
number_at(const Places *places, int at)
{
	int			low = 0;
	int			high = places->n;
	char		c;

	if (places->n < 0 || at < 0)
		return 0;
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (places->at[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < places->n && places->at[low] == at)
		return places->first + low;
	if (at >= strlen(places->text))
		return 0;
	/* a number with its sign begins at that */
	c = places->text[at];
	if (low < places->n && (c == '-' || c == '+'))
		return places->first + low;
	return isalpha((unsigned char) c) && places->text[at + 1] != '\'' &&
		places->text[at + 1] != '&' ? -1 : 0;
}

/*
 * The same for a literal; a parameter has its own, an argument of EXECUTE that
 * of the constant which it is in the text of that.
 */
static int
number_of(const HgLiteral *literal, const HgLiteralSource *source,
		  const Places *own, const Places *call)
{
	if (literal->paramid <= 0)
		return number_at(own, literal->location);
	if (!source->executed)
		return literal->paramid;
	return literal->paramid > list_length(source->arguments) ? 0 :
		number_at(call, list_nth_int(source->arguments,
									 literal->paramid - 1));
}

static void
append_column(StringInfo out, const HgLiteral *literal)
{
	char	   *schema;
	char	   *relation;
	char	   *column;

	if (!OidIsValid(literal->relid))
		return;
	schema = get_namespace_name(get_rel_namespace(literal->relid));
	relation = get_rel_name(literal->relid);
	column = literal->attnum == 0 ? "*" :
		get_attname(literal->relid, literal->attnum, true);
	if (schema == NULL || relation == NULL || column == NULL)
		return;
	appendStringInfoString(out, ", \"column\": ");
	escape_json(out, psprintf("%s.%s.%s", schema, relation, column));
}

static void
append_shown(StringInfo out, const Shown *shown)
{
	appendStringInfo(out, "{\"position\": %d", shown->number);
	append_column(out, shown->literal);
	if (shown->literal->class_name != NULL)
	{
		appendStringInfoString(out, ", \"class\": ");
		escape_json(out, shown->literal->class_name);
	}
	appendStringInfoString(out, ", \"value\": ");
	if (shown->value == NULL)
		appendStringInfoString(out, "null");
	else
		escape_json(out, shown->value);
	if (shown->withheld)
		appendStringInfoString(out, ", \"withheld\": true");
	if (shown->length > 0)
		appendStringInfo(out, ", \"length\": %d", shown->length);
	appendStringInfoChar(out, '}');
}

static char *
make_detail(Query *query, const HgLiteralSource *source, int64 event_id)
{
	int			n;
	HgLiteral  *literals = hg_literal_flow(query, source->params, &n);
	Shown	   *all = palloc0(Max(n, 1) * sizeof(Shown));
	int			nall = 0;
	int			done;
	Places		own;
	Places		call = {NULL, NULL, -1, 0};
	StringInfoData out;

	if (n == 0)
		return NULL;
	find_places(&own, source->text, source->location, source->len);
	if (source->executed)
		find_places(&call, source->call_text, source->call_location,
					source->call_len);
	for (int i = 0; i < n; i++)
	{
		int			number = number_of(&literals[i], source, &own, &call);

		if (number < 0)
			continue;
		all[nall].number = number;
		all[nall++].literal = &literals[i];
	}
	if (nall == 0)
		return NULL;
	qsort(all, nall, sizeof(Shown), compare_shown);
	initStringInfo(&out);
	appendStringInfo(&out, "{\"event_id\": " INT64_FORMAT ", \"values\": [",
					 event_id);
	for (done = 0; done < Min(nall, MAX_LITERALS) && out.len < MAX_DETAIL;
		 done++)
	{
		CHECK_FOR_INTERRUPTS();
		show(&all[done], literals, n, source);
		if (done > 0)
			appendStringInfoString(&out, ", ");
		append_shown(&out, &all[done]);
	}
	appendStringInfoChar(&out, ']');
	if (nall > done)
		appendStringInfo(&out, ", \"omitted\": %d", nall - done);
	appendStringInfoChar(&out, '}');
	return out.data;
}

char *
hg_literal_detail(Query *query, const HgLiteralSource *source, int64 event_id)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "hoopguard literals",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	int64		replaced = hg_scrub_replaced;
	int			date_style = DateStyle;
	int			interval_style = IntervalStyle;
	char	   *volatile detail = NULL;

	/* as auditors know them, not as the client has set */
	DateStyle = USE_ISO_DATES;
	IntervalStyle = INTSTYLE_POSTGRES;
	PG_TRY();
	{
		detail = make_detail(query, source, event_id);
	}
	PG_FINALLY();
	{
		DateStyle = date_style;
		IntervalStyle = interval_style;
		/* events count what is replaced in results */
		hg_scrub_replaced = replaced;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	if (detail != NULL)
		detail = pstrdup(detail);
	MemoryContextDelete(scratch);
	return detail;
}
