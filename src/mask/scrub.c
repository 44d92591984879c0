/*-------------------------------------------------------------------------
 *
 * scrub.c
 *	  Replaces what is found inside of texts; the method "scrub".
 *
 * What policy/detect.h finds becomes "[email]" and the like, everything else
 * stays.  A value is looked at to its end or hidden as a whole.  JSON stays
 * valid JSON and XML stays well-formed: strings are looked at as they read,
 * not as they are escaped, and what is replaced are whole escapes.
 *
 * Numbers, dates and the like pass, but for integers that are a card; of a
 * type whose values can show text and that is not known here the text is
 * looked at, and the value becomes NULL when something is found in it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/report.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mask/scrub.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "policy/classify.h"
#include "policy/detect.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

/* A string with escapes is hidden as a whole beyond this; see Plain. */
#define MAX_ESCAPED (64 * 1024 * 1024)

/* A longer text in which something is found becomes NULL. */
#define MAX_CHANGED (MaxAllocSize / 4)

/* Names of JSON keys are cut. */
#define MAX_KEY 128

int64		hg_scrub_replaced = 0;

/* Of the column whose masker is being made; see hg_scrub_masker. */
static const char *making_context = NULL;

/* What masker->state of a scrubbing masker points to. */
typedef struct Scrub
{
	char	   *context;		/* name of the column, or NULL */
	bool		partial;		/* keep what the class's own mask keeps */
	HgMasker   *by_class[4];	/* for text: email, phone, card, ip */
	FmgrInfo	output;			/* types known by their text only */
	TupleDesc	desc;			/* of the record met last */
	HgMasker  **fields;			/* its maskers */
	MemoryContext memory;		/* of these two */
} Scrub;

static const char *const partial_classes[4] = {
	"email", "phone", "credit_card", "ip_address"
};
static const char *const partial_methods[4] = {
	"email", "phone", "card", "ip"
};

/*
 * A text as it reads, with the place in the source of each of its bytes, so
 * that escapes are replaced whole.  Without escapes it is the source itself.
 */
typedef struct Plain
{
	char	   *text;
	int		   *place;			/* of each byte, and of the end */
	int			len;
	int			capacity;
} Plain;

static void
plain_reset(Plain *plain, int capacity)
{
	plain->len = 0;
	if (capacity + 8 <= plain->capacity)
		return;
	if (plain->text != NULL)
	{
		pfree(plain->text);
		pfree(plain->place);
	}
	plain->capacity = capacity + 8;
	plain->text = palloc(plain->capacity);
	plain->place = MemoryContextAllocHuge(CurrentMemoryContext,
										  sizeof(int) * (Size) plain->capacity);
}

static void
plain_add(Plain *plain, int c, int place)
{
	plain->text[plain->len] = c;
	plain->place[plain->len++] = place;
}

/* A character by its code; in other encodings than UTF-8 ASCII or a "?". */
static void
plain_add_code(Plain *plain, uint32 code, int place)
{
	unsigned char utf8[4];
	int			n;

	if (code < 0x80)
	{
		plain_add(plain, code, place);
		return;
	}
	if (GetDatabaseEncoding() != PG_UTF8 || code > 0x10FFFF)
	{
		plain_add(plain, '?', place);
		return;
	}
	unicode_to_utf8(code, utf8);
	n = pg_utf_mblen(utf8);
	for (int i = 0; i < n; i++)
		plain_add(plain, utf8[i], place);
}

/* ---------- replacing ---------- */

/* Put what stands for a span: its class in brackets, or its own mask. */
static void
put_replacement(const Scrub *scrub, StringInfo out, const HgSpan *span,
				const char *s)
{
	hg_scrub_replaced++;
	if (scrub != NULL && scrub->partial)
		for (int i = 0; i < lengthof(partial_classes); i++)
			if (strcmp(span->class_name, partial_classes[i]) == 0)
			{
				Datum		piece;
				Datum		masked;

				piece = PointerGetDatum(cstring_to_text_with_len(s + span->start,
																 span->end - span->start));
				if (hg_masker_apply(scrub->by_class[i], piece, &masked))
				{
					text	   *t = DatumGetTextPP(masked);

					appendBinaryStringInfo(out, VARDATA_ANY(t),
										   VARSIZE_ANY_EXHDR(t));
					return;
				}
				break;
			}
	appendStringInfo(out, "[%s]", span->class_name);
}

/* Does a span of a text that is JSON itself stand outside of its strings? */
static bool
bare_in_json(const char *s, int len, const HgSpan *span)
{
	int			i = span->start - 1;
	int			j = span->end;

	if (len == 0 || (s[0] != '{' && s[0] != '['))
		return false;
	while (i >= 0 && (s[i] == ' ' || s[i] == '-'))
		i--;
	while (j < len && s[j] == ' ')
		j++;
	return i >= 0 && j < len && strchr(":,[", s[i]) != NULL &&
		s[j] != '\0' && strchr(",}]", s[j]) != NULL;
}

/*
 * Look through s, which reads as it stands (place NULL) or stands for a
 * stretch of source; append the source with replacements to out.  Returns how
 * many were made; when none, nothing is appended.  quote is put around what
 * stands for a number of a JSON text inside of s.
 */
static int
replace_spans(const Scrub *scrub, const char *s, int len, const int *place,
			  const char *source, int source_end, const char *context,
			  bool whole, const char *quote, StringInfo out)
{
	HgScan		scan;
	HgSpan		span;
	int			done = place != NULL ? place[0] : 0;
	int			n = 0;

	hg_detect_begin(&scan, s, len, context, whole);
	hg_detect_trust_words(&scan, false);
	while (hg_detect_next(&scan, &span))
	{
		int			from = place != NULL ? place[span.start] : span.start;
		int			to = place != NULL ? place[span.end] : span.end;
		bool		bare = quote != NULL && bare_in_json(s, len, &span);

		if (out->data == NULL)
			initStringInfo(out);
		appendBinaryStringInfo(out, source + done, from - done);
		if (bare)
			appendStringInfoString(out, quote);
		put_replacement(scrub, out, &span, s);
		if (bare)
			appendStringInfoString(out, quote);
		done = to;
		n++;
	}
	if (n > 0)
		appendBinaryStringInfo(out, source + done, source_end - done);
	return n;
}

/* ---------- JSON ---------- */

static int
hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four digits behind \u, or -1. */
static int
hex_code(const char *s, int len)
{
	int			code = 0;

	if (len < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		int			d = hex_digit(s[i]);

		if (d < 0)
			return -1;
		code = code * 16 + d;
	}
	return code;
}

/* Read the inside of a string literal, source[from, to). */
static void
read_string(Plain *plain, const char *source, int from, int to)
{
	int			i = from;

	plain_reset(plain, to - from);
	while (i < to)
	{
		int			place = i;
		int			code;

		if (source[i] != '\\' || i + 1 >= to)
		{
			plain_add(plain, source[i], i);
			i++;
			continue;
		}
		switch (source[i + 1])
		{
			case 'n':
				plain_add(plain, '\n', place);
				break;
			case 't':
				plain_add(plain, '\t', place);
				break;
			case 'r':
				plain_add(plain, '\r', place);
				break;
			case 'b':
			case 'f':
				plain_add(plain, ' ', place);
				break;
			case 'u':
				code = hex_code(source + i + 2, to - i - 2);
				if (code < 0)
				{
					plain_add(plain, 'u', place);
					break;
				}
				i += 4;
				if (code >= 0xD800 && code <= 0xDBFF && i + 3 < to &&
					source[i + 2] == '\\' && source[i + 3] == 'u')
				{
					int			low = hex_code(source + i + 4, to - i - 4);

					if (low >= 0xDC00 && low <= 0xDFFF)
					{
						code = 0x10000 + ((code & 0x3FF) << 10) +
							(low & 0x3FF);
						i += 6;
					}
				}
				if (code >= 0xD800 && code <= 0xDFFF)
					code = '?';
				plain_add_code(plain, code, place);
				break;
			default:
				plain_add(plain, source[i + 1], place);
				break;
		}
		i += 2;
	}
	plain->place[plain->len] = to;
}

/*
 * Scrub one string literal, from the byte after its quote to its last; false
 * when nothing was found and nothing appended.
 */
static bool
scrub_string(const Scrub *scrub, Plain *plain, const char *source, int from,
			 int to, const char *key, bool is_key, StringInfo out)
{
	bool		escaped = memchr(source + from, '\\', to - from) != NULL;
	const char *s = source + from;
	int			len = to - from;
	const char *class_name;

	if (escaped)
	{
		if (len > MAX_ESCAPED)
		{
			hg_scrub_replaced++;
			appendStringInfoString(out, "[redacted]");
			return true;
		}
		read_string(plain, source, from, to);
		s = plain->text;
		len = plain->len;
	}
	if (replace_spans(scrub, s, len, escaped ? plain->place : NULL,
					  escaped ? source : s, escaped ? to : len,
					  is_key ? NULL : key, true, "\\\"", out) > 0)
		return true;
	if (is_key || key == NULL)
		return false;
	class_name = hg_detect_by_name(s, len, key, true);
	if (class_name == NULL)
		return false;
	hg_scrub_replaced++;
	appendStringInfo(out, "[%s]", class_name);
	return true;
}

/* The last byte of the literal whose first quote is at i; len if unclosed. */
static int
string_end(const char *s, int len, int i)
{
	for (i++; i < len && s[i] != '"'; i++)
		if (s[i] == '\\')
			i++;
	return Min(i, len);
}

/*
 * Scrub a JSON text that is known to be valid; false when nothing was found.
 * No recursion: a member's name is the last that was read.
 */
static bool
scrub_json(const Scrub *scrub, const char *s, int len, StringInfo out)
{
	char		key[MAX_KEY + 1];
	bool		has_key = false;
	Plain		plain = {0};
	int			done = 0;
	int			i = 0;
	bool		changed = false;

	while (i < len)
	{
		unsigned char c = s[i];

		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (c == '"')
		{
			int			end = string_end(s, len, i);
			int			next = end + 1;
			int			before = out->len;
			bool		is_key;

			while (next < len && (s[next] == ' ' || s[next] == '\n' ||
								  s[next] == '\t' || s[next] == '\r'))
				next++;
			is_key = next < len && s[next] == ':';
			appendBinaryStringInfo(out, s + done, i + 1 - done);
			if (scrub_string(scrub, &plain, s, i + 1, end,
							 has_key ? key : scrub ? scrub->context : NULL,
							 is_key, out))
			{
				changed = true;
				done = end;
			}
			else
			{
				out->len = before;
				out->data[before] = '\0';
			}
			if (is_key)
			{
				int			n = Min(end - i - 1, MAX_KEY);

				memcpy(key, s + i + 1, n);
				key[n] = '\0';
				has_key = true;
			}
			i = end + 1;
		}
		else if ((c >= '0' && c <= '9') || c == '-')
		{
			int			end = i + 1;
			HgSpan		span;

			while (end < len && ((s[end] >= '0' && s[end] <= '9') ||
								 s[end] == '.' || s[end] == 'e' ||
								 s[end] == 'E' || s[end] == '+' ||
								 s[end] == '-'))
				end++;
			if (end - i >= 6)
			{
				HgScan		scan;
				int			from = c == '-' ? i + 1 : i;

				hg_detect_begin(&scan, s + from, end - from,
								has_key ? key : NULL, true);
				hg_detect_trust_words(&scan, false);
				if (hg_detect_next(&scan, &span))
				{
					appendBinaryStringInfo(out, s + done, i - done);
					appendStringInfo(out, "\"[%s]\"", span.class_name);
					hg_scrub_replaced++;
					changed = true;
					done = end;
				}
			}
			i = end;
		}
		else
			i++;
	}
	if (changed)
		appendBinaryStringInfo(out, s + done, len - done);
	if (plain.text != NULL)
	{
		pfree(plain.text);
		pfree(plain.place);
	}
	return changed;
}

/* ---------- XML ---------- */

/* Read entities: the five of XML, and those by number. */
static void
read_xml(Plain *plain, const char *source, int len)
{
	static const struct
	{
		const char *name;
		char		c;
	}			entities[] = {
		{"lt;", '<'}, {"gt;", '>'}, {"amp;", '&'}, {"quot;", '"'},
		{"apos;", '\''}
	};
	int			i = 0;

	plain_reset(plain, len);
	while (i < len)
	{
		int			end = i + 1;
		bool		read = false;

		if (source[i] == '&' && i + 2 < len && source[i + 1] == '#')
		{
			bool		hex = source[i + 2] == 'x';
			uint32		code = 0;

			end = i + (hex ? 3 : 2);
			while (end < len && end - i < 12 && source[end] != ';' &&
				   hex_digit(source[end]) >= 0 &&
				   (hex || hex_digit(source[end]) < 10))
			{
				code = code * (hex ? 16 : 10) + hex_digit(source[end]);
				end++;
			}
			if (end < len && source[end] == ';' && code > 0)
			{
				/* markup signs written so are text */
				plain_add_code(plain, code, i);
				end++;
				read = true;
			}
		}
		else if (source[i] == '&')
			for (int k = 0; k < lengthof(entities); k++)
			{
				int			n = strlen(entities[k].name);

				if (len - i > n &&
					strncmp(source + i + 1, entities[k].name, n) == 0)
				{
					plain_add(plain, entities[k].c, i);
					end = i + 1 + n;
					read = true;
				}
			}
		if (!read)
		{
			plain_add(plain, source[i], i);
			end = i + 1;
		}
		i = end;
	}
	plain->place[plain->len] = len;
}

/*
 * Is the byte at `to` of the source inside of a tag but not of an attribute's
 * value?  What stood at `from` is carried along.
 */
typedef struct Markup
{
	bool		tag;
	char		quote;
	int			at;
} Markup;

static bool
in_markup(Markup *markup, const char *s, int to)
{
	for (; markup->at < to; markup->at++)
	{
		char		c = s[markup->at];

		if (!markup->tag)
			markup->tag = c == '<';
		else if (markup->quote != '\0')
		{
			if (c == markup->quote)
				markup->quote = '\0';
		}
		else if (c == '"' || c == '\'')
			markup->quote = c;
		else if (c == '>')
			markup->tag = false;
	}
	return markup->tag && markup->quote == '\0';
}

/*
 * Scrub an XML text.  1: something was replaced; 0: nothing found; -1: what
 * was found cannot be replaced without breaking the markup.
 */
static int
scrub_xml(const Scrub *scrub, const char *s, int len, StringInfo out)
{
	Plain		plain = {0};
	bool		escaped = memchr(s, '&', len) != NULL;
	const char *text = s;
	int			text_len = len;
	HgScan		scan;
	HgSpan		span;
	Markup		markup = {false, '\0', 0};
	int			done = 0;
	int			n = 0;

	if (escaped)
	{
		if (len > MAX_ESCAPED)
			return -1;
		read_xml(&plain, s, len);
		text = plain.text;
		text_len = plain.len;
	}
	hg_detect_begin(&scan, text, text_len, scrub ? scrub->context : NULL,
					false);
	hg_detect_trust_words(&scan, false);
	while (hg_detect_next(&scan, &span))
	{
		int			from = escaped ? plain.place[span.start] : span.start;
		int			to = escaped ? plain.place[span.end] : span.end;

		if (in_markup(&markup, s, from) ||
			memchr(s + from, '<', to - from) != NULL ||
			memchr(s + from, '>', to - from) != NULL)
			return -1;
		appendBinaryStringInfo(out, s + done, from - done);
		put_replacement(NULL, out, &span, text);
		done = to;
		n++;
	}
	if (n > 0)
		appendBinaryStringInfo(out, s + done, len - done);
	return n > 0;
}

/* ---------- the method ---------- */

static bool
mask_text(HgMasker *masker, Datum value, Datum *result)
{
	Scrub	   *scrub = masker->state;
	StringInfoData out;
	const char *s;
	int			len;

	s = hg_text_get(masker, value, &len);
	if (len > MAX_CHANGED)
	{
		HgScan		scan;
		HgSpan		span;

		hg_detect_begin(&scan, s, len, scrub->context, false);
		hg_detect_trust_words(&scan, false);
		*result = value;
		return !hg_detect_next(&scan, &span);
	}
	/* most texts hold nothing: no memory for them */
	memset(&out, 0, sizeof(out));
	*result = value;
	if (replace_spans(scrub, s, len, NULL, s, len, scrub->context, true, "\"",
					  &out) == 0)
		return true;
	*result = hg_text_make(masker, out.data, out.len);
	pfree(out.data);
	return true;
}

static bool
mask_json(HgMasker *masker, Datum value, Datum *result)
{
	text	   *t = DatumGetTextPP(value);
	StringInfoData out;

	if (VARSIZE_ANY_EXHDR(t) > MAX_CHANGED)
		return false;
	initStringInfo(&out);
	if (scrub_json(masker->state, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t), &out))
		*result = PointerGetDatum(cstring_to_text_with_len(out.data, out.len));
	else
		*result = value;
	pfree(out.data);
	return true;
}

static bool
mask_jsonb(HgMasker *masker, Datum value, Datum *result)
{
	Jsonb	   *jsonb = DatumGetJsonbP(value);
	StringInfoData text;
	StringInfoData out;

	if (VARSIZE(jsonb) > MAX_CHANGED)
		return false;
	initStringInfo(&text);
	(void) JsonbToCString(&text, &jsonb->root, VARSIZE(jsonb));
	initStringInfo(&out);
	if (scrub_json(masker->state, text.data, text.len, &out))
		*result = DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
	else
		*result = value;
	pfree(text.data);
	pfree(out.data);
	return true;
}

static bool
mask_xml(HgMasker *masker, Datum value, Datum *result)
{
	text	   *t = DatumGetTextPP(value);
	StringInfoData out;
	int			changed;

	if (VARSIZE_ANY_EXHDR(t) > MAX_CHANGED)
		return false;
	initStringInfo(&out);
	changed = scrub_xml(masker->state, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t),
						&out);
	if (changed > 0)
		*result = PointerGetDatum(cstring_to_text_with_len(out.data, out.len));
	else
		*result = value;
	pfree(out.data);
	return changed >= 0;
}

/* Is there anything in these bytes? */
static bool
holds_something(const char *s, int len, const char *context, bool whole)
{
	HgScan		scan;
	HgSpan		span;

	hg_detect_begin(&scan, s, len, context, whole);
	hg_detect_trust_words(&scan, false);
	return hg_detect_next(&scan, &span);
}

static bool
mask_bytes(HgMasker *masker, Datum value, Datum *result)
{
	bytea	   *bytes = DatumGetByteaPP(value);
	Scrub	   *scrub = masker->state;

	*result = value;
	if (!holds_something(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes),
						 scrub->context, false))
		return true;
	hg_scrub_replaced++;
	return false;
}

/* By its text: itself, or NULL. */
static bool
mask_by_text(HgMasker *masker, Datum value, Datum *result)
{
	Scrub	   *scrub = masker->state;
	char	   *s = OutputFunctionCall(&scrub->output, value);
	bool		found;

	found = holds_something(s, strlen(s), scrub->context,
							masker->shape == HG_SHAPE_INT8 ||
							masker->shape == HG_SHAPE_NUMERIC);
	pfree(s);
	*result = value;
	if (!found)
		return true;
	hg_scrub_replaced++;
	return false;
}

/*
 * A row without a type of its own brings its description with it.
 */
static bool
mask_record(HgMasker *masker, Datum value, Datum *result)
{
	Scrub	   *scrub = masker->state;
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	Oid			type = HeapTupleHeaderGetTypeId(header);
	int32		typmod = HeapTupleHeaderGetTypMod(header);
	HeapTupleData tuple;
	Datum	   *values;
	bool	   *nulls;

	check_stack_depth();
	if (scrub->desc == NULL || scrub->desc->tdtypeid != type ||
		scrub->desc->tdtypmod != typmod)
	{
		MemoryContext old;
		TupleDesc	desc;
		HgMasker  **fields;

		scrub->desc = NULL;
		MemoryContextReset(scrub->memory);
		old = MemoryContextSwitchTo(scrub->memory);
		desc = lookup_rowtype_tupdesc_copy(type, typmod);
		fields = palloc0(Max(desc->natts, 1) * sizeof(HgMasker *));
		for (int i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute att = TupleDescAttr(desc, i);

			if (!att->attisdropped)
				fields[i] = hg_scrub_masker(att->atttypid, att->atttypmod,
											NULL);
		}
		desc->tdtypeid = type;
		desc->tdtypmod = typmod;
		scrub->desc = desc;
		scrub->fields = fields;
		MemoryContextSwitchTo(old);
	}
	if (HeapTupleHeaderGetNatts(header) > scrub->desc->natts)
		return false;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	values = palloc(scrub->desc->natts * sizeof(Datum));
	nulls = palloc(scrub->desc->natts * sizeof(bool));
	heap_deform_tuple(&tuple, scrub->desc, values, nulls);
	for (int i = 0; i < scrub->desc->natts; i++)
		if (!nulls[i])
			nulls[i] = !hg_masker_apply(scrub->fields[i], values[i],
										&values[i]);
	*result = HeapTupleGetDatum(heap_form_tuple(scrub->desc, values, nulls));
	return true;
}

static bool
mask_nothing(HgMasker *masker, Datum value, Datum *result)
{
	*result = value;
	return true;
}

static bool
shape_harmless(HgShape shape)
{
	switch (shape)
	{
		case HG_SHAPE_CHAR:
		case HG_SHAPE_BOOL:
		case HG_SHAPE_INT2:
		case HG_SHAPE_INT4:
		case HG_SHAPE_MONEY:
		case HG_SHAPE_FLOAT4:
		case HG_SHAPE_FLOAT8:
		case HG_SHAPE_DATE:
		case HG_SHAPE_TIME:
		case HG_SHAPE_TIMETZ:
		case HG_SHAPE_TIMESTAMP:
		case HG_SHAPE_TIMESTAMPTZ:
		case HG_SHAPE_INTERVAL:
		case HG_SHAPE_UUID:
		case HG_SHAPE_INET:
		case HG_SHAPE_CIDR:
		case HG_SHAPE_MACADDR:
		case HG_SHAPE_MACADDR8:
		case HG_SHAPE_BIT:
		case HG_SHAPE_VARBIT:
		case HG_SHAPE_ENUM:
			return true;
		default:
			return false;
	}
}

bool
hg_scrub_harmless(Oid type)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);

	if (OidIsValid(element))
		base = getBaseType(element);
	return shape_harmless(hg_shape_of(base));
}

void
hg_setup_scrub(HgMasker *masker)
{
	Scrub	   *scrub = palloc0(sizeof(Scrub));
	char	   *style = hg_args_text(masker->args, "style");
	Oid			function;
	bool		varlena;

	masker->state = scrub;
	if (making_context != NULL)
		scrub->context = pstrdup(making_context);
	if (shape_harmless(masker->shape))
	{
		masker->mask = mask_nothing;
		return;
	}
	switch (masker->shape)
	{
		case HG_SHAPE_TEXT:
		case HG_SHAPE_CITEXT:
		case HG_SHAPE_BPCHAR:
		case HG_SHAPE_NAME:
			masker->mask = mask_text;
			break;
		case HG_SHAPE_JSON:
			masker->mask = mask_json;
			break;
		case HG_SHAPE_JSONB:
			masker->mask = mask_jsonb;
			break;
		case HG_SHAPE_XML:
			masker->mask = mask_xml;
			break;
		case HG_SHAPE_BYTEA:
			masker->mask = mask_bytes;
			break;
		default:
			if (masker->type == RECORDOID)
			{
				scrub->memory = AllocSetContextCreate(CurrentMemoryContext,
													  "hoopguard scrub record",
													  ALLOCSET_SMALL_SIZES);
				masker->mask = mask_record;
				break;
			}
			getTypeOutputInfo(masker->type, &function, &varlena);
			fmgr_info(function, &scrub->output);
			masker->mask = mask_by_text;
			break;
	}
	/* in JSON and XML a mask could break the syntax */
	if (style != NULL && strcmp(style, "partial") == 0 &&
		masker->mask == mask_text)
	{
		scrub->partial = true;
		for (int i = 0; i < lengthof(partial_methods); i++)
			scrub->by_class[i] =
				hg_masker_make(hg_method_find(partial_methods[i],
											  strlen(partial_methods[i])),
							   NULL, TEXTOID, -1);
	}
}

void
hg_check_scrub(const HgMethod *method, Jsonb *args, Oid type, int32 typmod)
{
	char	   *style = hg_args_text(args, "style");

	if (style != NULL && strcmp(style, "tag") != 0 &&
		strcmp(style, "partial") != 0)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("invalid \"style\" of mask method \"%s\": \"%s\"",
						method->name, style),
				 errhint("Say \"tag\" or \"partial\".")));
}

HgMasker *
hg_scrub_masker(Oid type, int32 typmod, const char *context)
{
	HgMasker   *result;

	making_context = context;
	PG_TRY();
	{
		result = hg_masker_make(hg_method_find("scrub", 5), NULL, type,
								typmod);
	}
	PG_FINALLY();
	{
		making_context = NULL;
	}
	PG_END_TRY();
	return result;
}
