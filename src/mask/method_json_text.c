/*-------------------------------------------------------------------------
 *
 * method_json_text.c
 *	  Masks the leaves of a json text.
 *
 * Type json keeps a text as it was written: order, blanks and repeated keys
 * included.  So the text is walked and all but the leaves is copied.  The
 * walk needs no stack of its own but the way to the leaf.  It does not
 * check that the text is json (type json has done so), but it copies nothing
 * that it does not recognise; text columns rely on that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mask/method_json.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/numeric.h"

/* Longer numbers, or with larger exponents, become null. */
#define MAX_NUMBER 1000

/* as far as a text may grow */
#define MAX_SIZE (500 * 1024 * 1024)

/* stands for what a backslash names and the encoding does not have */
#define UNKNOWN_CHAR '?'

typedef struct Walk
{
	HgMasker   *masker;
	const char *s;
	int			len;
	int			pos;
	StringInfo	out;
	HgJsonStep	steps[HG_JSON_DEPTH];
	bool		object[HG_JSON_DEPTH];
	int			depth;
	bool		value_next;		/* in an object: behind a colon */
	StringInfoData text;		/* a string without its escapes */
} Walk;

/* ---------- strings ---------- */

/* Four hexadecimal digits, or -1. */
static int
read_hex(const char *s, int len)
{
	int			number = 0;
	int			i;

	if (len < 4)
		return -1;
	for (i = 0; i < 4; i++)
	{
		char		c = s[i];

		number <<= 4;
		if (c >= '0' && c <= '9')
			number |= c - '0';
		else if (c >= 'a' && c <= 'f')
			number |= c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			number |= c - 'A' + 10;
		else
			return -1;
	}
	return number;
}

/* Appends the character that \u names; returns how many bytes it took. */
static int
append_unicode(StringInfo out, const char *s, int len)
{
	unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN];
	int			taken = 4;
	int			c = read_hex(s, len);

	if (c < 0)
		return 0;
	if (c >= 0xD800 && c <= 0xDBFF && len >= 10 && s[4] == '\\' &&
		s[5] == 'u')
	{
		int			low = read_hex(s + 6, len - 6);

		if (low >= 0xDC00 && low <= 0xDFFF)
		{
			c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
			taken = 10;
		}
	}
	if (c > 0 && c < 0x80)
		appendStringInfoChar(out, (char) c);
	else if (c == 0 || (c >= 0xD800 && c <= 0xDFFF) ||
			 GetDatabaseEncoding() != PG_UTF8)
		appendStringInfoChar(out, UNKNOWN_CHAR);
	else
	{
		unicode_to_utf8((pg_wchar) c, utf8);
		appendBinaryStringInfo(out, (char *) utf8, pg_utf_mblen(utf8));
	}
	return taken;
}

/*
 * Read the string at pos, which is a quote, into walk->text without its
 * escapes; pos moves behind it.  False if it does not end.
 */
static bool
read_string(Walk *walk)
{
	int			i = walk->pos + 1;

	resetStringInfo(&walk->text);
	while (i < walk->len && walk->s[i] != '"')
	{
		int			start = i;
		int			taken;

		while (i < walk->len && walk->s[i] != '"' && walk->s[i] != '\\')
			i++;
		appendBinaryStringInfo(&walk->text, walk->s + start, i - start);
		if (i >= walk->len || walk->s[i] == '"')
			break;
		if (++i >= walk->len)
			return false;
		switch (walk->s[i])
		{
			case 'b':
				appendStringInfoChar(&walk->text, '\b');
				break;
			case 'f':
				appendStringInfoChar(&walk->text, '\f');
				break;
			case 'n':
				appendStringInfoChar(&walk->text, '\n');
				break;
			case 'r':
				appendStringInfoChar(&walk->text, '\r');
				break;
			case 't':
				appendStringInfoChar(&walk->text, '\t');
				break;
			case 'u':
				taken = append_unicode(&walk->text, walk->s + i + 1,
									   walk->len - i - 1);
				if (taken == 0)
					return false;
				i += taken;
				break;
			case '"':
			case '\\':
			case '/':
				appendStringInfoChar(&walk->text, walk->s[i]);
				break;
			default:
				return false;
		}
		i++;
	}
	if (i >= walk->len)
		return false;
	walk->pos = i + 1;
	return true;
}

/* ---------- leaves ---------- */

static const HgJsonLeaf *
current_leaf(Walk *walk)
{
	return hg_json_leaf(walk->masker, walk->steps, walk->depth);
}

static bool
string_leaf(Walk *walk)
{
	const HgJsonLeaf *leaf = current_leaf(walk);
	int			start = walk->pos;
	Datum		mask;

	if (!read_string(walk))
		return false;
	if (leaf->keep_text)
		appendBinaryStringInfo(walk->out, walk->s + start, walk->pos - start);
	else if (hg_masker_apply(leaf->text,
							 PointerGetDatum(cstring_to_text_with_len(walk->text.data,
																	  walk->text.len)),
							 &mask))
		escape_json(walk->out, TextDatumGetCString(mask));
	else
		appendStringInfoString(walk->out, "null");
	return true;
}

/*
 * Is the text a number of json, and one that numeric takes without a doubt?
 * *sane is about the latter.
 */
static bool
is_number(const char *s, int len, bool *sane)
{
	int			i = 0;
	int			start;
	int			exponent = 0;

	*sane = len <= MAX_NUMBER;
	if (i < len && s[i] == '-')
		i++;
	start = i;
	while (i < len && s[i] >= '0' && s[i] <= '9')
		i++;
	if (i == start)
		return false;
	if (i < len && s[i] == '.')
	{
		start = ++i;
		while (i < len && s[i] >= '0' && s[i] <= '9')
			i++;
		if (i == start)
			return false;
	}
	if (i < len && (s[i] == 'e' || s[i] == 'E'))
	{
		i++;
		if (i < len && (s[i] == '+' || s[i] == '-'))
			i++;
		start = i;
		for (; i < len && s[i] >= '0' && s[i] <= '9'; i++)
			exponent = Min(exponent * 10 + (s[i] - '0'), MAX_NUMBER + 1);
		if (i == start)
			return false;
		if (exponent > MAX_NUMBER)
			*sane = false;
	}
	return i == len;
}

static bool
number_leaf(Walk *walk, const char *s, int len)
{
	const HgJsonLeaf *leaf = current_leaf(walk);
	bool		sane;
	Datum		number;
	Datum		mask;

	if (!is_number(s, len, &sane))
		return false;
	if (leaf->keep_number)
	{
		appendBinaryStringInfo(walk->out, s, len);
		return true;
	}
	if (sane && leaf->number != NULL)
	{
		number = DirectFunctionCall3(numeric_in,
									 CStringGetDatum(pnstrdup(s, len)),
									 ObjectIdGetDatum(InvalidOid),
									 Int32GetDatum(-1));
		if (hg_masker_apply(leaf->number, number, &mask))
		{
			appendStringInfoString(walk->out,
								   DatumGetCString(DirectFunctionCall1(numeric_out,
																	   mask)));
			return true;
		}
	}
	appendStringInfoString(walk->out, "null");
	return true;
}

static bool
bool_leaf(Walk *walk, bool value)
{
	const HgJsonLeaf *leaf = current_leaf(walk);
	Datum		mask;

	if (leaf->keep_bool)
		appendStringInfoString(walk->out, value ? "true" : "false");
	else if (hg_masker_apply(leaf->boolean, BoolGetDatum(value), &mask))
		appendStringInfoString(walk->out,
							   DatumGetBool(mask) ? "true" : "false");
	else
		appendStringInfoString(walk->out, "null");
	return true;
}

/* A run of characters that is neither string nor structure. */
static bool
word_leaf(Walk *walk)
{
	const char *s = walk->s + walk->pos;
	int			len = 0;

	while (walk->pos + len < walk->len && s[len] != '\0' &&
		   strchr(" \t\n\r,:[]{}\"", s[len]) == NULL)
		len++;
	if (len == 0)
		return false;
	walk->pos += len;
	if (len == 4 && memcmp(s, "null", 4) == 0)
	{
		appendStringInfoString(walk->out, "null");
		return true;
	}
	if (len == 4 && memcmp(s, "true", 4) == 0)
		return bool_leaf(walk, true);
	if (len == 5 && memcmp(s, "false", 5) == 0)
		return bool_leaf(walk, false);
	return number_leaf(walk, s, len);
}

/* ---------- structure ---------- */

/* A key stays as it is written; the way to the leaf needs it plain. */
static bool
read_key(Walk *walk)
{
	HgJsonStep *step = &walk->steps[walk->depth - 1];
	int			start = walk->pos;

	if (!read_string(walk))
		return false;
	step->key = pnstrdup(walk->text.data, walk->text.len);
	step->len = walk->text.len;
	appendBinaryStringInfo(walk->out, walk->s + start, walk->pos - start);
	return true;
}

static bool
open_container(Walk *walk, bool object)
{
	HgJsonStep *step;

	if (walk->depth == HG_JSON_DEPTH)
		return false;
	step = &walk->steps[walk->depth];
	step->key = NULL;
	step->len = 0;
	step->index = 0;
	walk->object[walk->depth] = object;
	walk->depth++;
	walk->value_next = !object;
	return true;
}

static bool
close_container(Walk *walk, bool object)
{
	if (walk->depth == 0 || walk->object[walk->depth - 1] != object)
		return false;
	walk->depth--;
	walk->value_next = false;
	return true;
}

static bool
next_member(Walk *walk)
{
	if (walk->depth == 0)
		return false;
	walk->steps[walk->depth - 1].index++;
	walk->value_next = !walk->object[walk->depth - 1];
	return true;
}

/* One character of structure, copied; false if it cannot stand here. */
static bool
structure(Walk *walk, char c)
{
	bool		ok;

	switch (c)
	{
		case '{':
		case '[':
			ok = walk->value_next && open_container(walk, c == '{');
			break;
		case '}':
		case ']':
			ok = close_container(walk, c == '}');
			break;
		case ',':
			ok = next_member(walk);
			break;
		case ':':
			ok = walk->depth > 0 && walk->object[walk->depth - 1];
			walk->value_next = true;
			break;
		default:
			ok = c == ' ' || c == '\t' || c == '\n' || c == '\r';
			break;
	}
	appendStringInfoChar(walk->out, c);
	walk->pos++;
	return ok;
}

bool
hg_json_mask_text(HgMasker *masker, const char *s, int len, StringInfo out)
{
	Walk	   *walk = palloc(sizeof(Walk));
	bool		any = false;

	walk->masker = masker;
	walk->s = s;
	walk->len = len;
	walk->pos = 0;
	walk->out = out;
	walk->depth = 0;
	walk->value_next = true;
	initStringInfo(&walk->text);

	while (walk->pos < len)
	{
		char		c = s[walk->pos];
		bool		ok;

		CHECK_FOR_INTERRUPTS();
		if (c != '\0' && strchr(" \t\n\r,:[]{}", c) != NULL)
			ok = structure(walk, c);
		else if (!walk->value_next)
			ok = c == '"' && walk->depth > 0 &&
				walk->object[walk->depth - 1] && read_key(walk);
		else
		{
			walk->value_next = false;
			ok = c == '"' ? string_leaf(walk) : word_leaf(walk);
		}
		any |= c != ' ' && c != '\t' && c != '\n' && c != '\r';
		if (!ok || out->len > MAX_SIZE)
			return false;
	}
	return any && walk->depth == 0;
}
