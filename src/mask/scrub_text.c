/*-------------------------------------------------------------------------
 *
 * scrub_text.c
 *	  Replaces what is found inside of a text, a JSON text, an XML text.
 *
 * JSON stays valid and XML well-formed: strings are looked at as they read,
 * not as they are escaped, and what is replaced are whole escapes.  Nothing
 * here recurses and no catalog is asked but for the administrator's patterns,
 * so that it can be fuzzed outside a server.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mask/scrub_text.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "policy/detect.h"

/* A string with escapes is hidden as a whole beyond this; see Plain. */
#define MAX_ESCAPED (64 * 1024 * 1024)

/* Bytes between two interrupt checks. */
#define CHECK_EVERY 65536

/* Names of JSON keys are cut. */
#define MAX_KEY 128

int64		hg_scrub_replaced = 0;

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
plain_free(Plain *plain)
{
	if (plain->text != NULL)
	{
		pfree(plain->text);
		pfree(plain->place);
	}
}

static void
plain_reset(Plain *plain, int capacity)
{
	plain->len = 0;
	if (capacity + 8 <= plain->capacity)
		return;
	plain_free(plain);
	plain->capacity = capacity + 8;
	plain->text = palloc(plain->capacity);
	plain->place = palloc_extended(sizeof(int) * (Size) plain->capacity,
								   MCXT_ALLOC_HUGE);
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

/* Copy the name of a class, of which most have 4 to 16 letters. */
static inline void
copy_name(char *to, const char *name, int len)
{
	if (len >= 8 && len <= 16)
	{
		memcpy(to, name, 8);
		memcpy(to + len - 8, name + len - 8, 8);
	}
	else if (len >= 4 && len < 8)
	{
		memcpy(to, name, 4);
		memcpy(to + len - 4, name + len - 4, 4);
	}
	else
		memcpy(to, name, len);
}

/* Bytes that are copied together, to where so many more have room. */
#define PIECE 32

/*
 * Put what stands before a span, and then its class in brackets, or what
 * `style` says.  Behind `before` stand at least `readable` bytes.
 */
static inline void
put_replacement(const HgScrubStyle *style, StringInfo out, const char *before,
				int nbefore, int readable, const HgSpan *span, const char *s)
{
	int			len = span->class_len;
	char	   *to;

	hg_scrub_replaced++;
	if (out->maxlen - out->len <= nbefore + len + 2 + PIECE)
		enlargeStringInfo(out, nbefore + len + 2 + PIECE);
	to = out->data + out->len;
	if (nbefore <= PIECE && readable >= PIECE)
		memcpy(to, before, PIECE);
	else
		memcpy(to, before, nbefore);
	to += nbefore;
	out->len += nbefore;
	if (style != NULL && style->replace != NULL)
	{
		*to = '\0';
		if (style->replace(style->arg, s, span, out))
			return;
	}
	*to++ = '[';
	copy_name(to, span->class_name, len);
	to += len;
	*to++ = ']';
	*to = '\0';
	out->len += len + 2;
}

/* Does a span of a text that is JSON stand outside of its strings? */
static bool
bare_in_json(const char *s, int len, const HgSpan *span)
{
	int			i = span->start - 1;
	int			j = span->end;

	while (i >= 0 && (s[i] == ' ' || s[i] == '-'))
		i--;
	while (j < len && s[j] == ' ')
		j++;
	return i >= 0 && j < len && strchr(":,[", s[i]) != NULL &&
		s[j] != '\0' && strchr(",}]", s[j]) != NULL;
}

int
hg_scrub_spans(const HgScrubStyle *style, const char *s, int len, const int *place,
			  const char *source, int source_end,
			   const HgContext *context, bool whole, const char *quote,
			   StringInfo out)
{
	HgScan		scan;
	HgSpan		span;
	int			done = place != NULL ? place[0] : 0;
	int			n = 0;
	bool		json = quote != NULL && len > 0 && (s[0] == '{' || s[0] == '[');

	hg_detect_begin_in(&scan, s, len, context, whole);
	hg_detect_trust_words(&scan, false);
	while (hg_detect_next(&scan, &span))
	{
		int			from = place != NULL ? place[span.start] : span.start;
		int			to = place != NULL ? place[span.end] : span.end;
		bool		bare = json && bare_in_json(s, len, &span);

		if (out->data == NULL)
		{
			int			reserved = out->cursor;

			/* what replaces a value is seldom longer than the value */
			out->maxlen = reserved + source_end + 2 * PIECE;
			out->data = palloc(out->maxlen);
			out->len = reserved;
			out->data[reserved] = '\0';
		}
		if (bare)
		{
			appendBinaryStringInfo(out, source + done, from - done);
			appendStringInfoString(out, quote);
			put_replacement(style, out, "", 0, 0, &span, s);
			appendStringInfoString(out, quote);
		}
		else
			put_replacement(style, out, source + done, from - done,
							source_end - done, &span, s);
		done = to;
		n++;
	}
	if (n > 0)
	{
		int			left = source_end - done;

		if (out->maxlen - out->len <= left)
			enlargeStringInfo(out, left);
		memcpy(out->data + out->len, source + done, left);
		out->len += left;
		out->data[out->len] = '\0';
	}
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
	int			checked = from;

	plain_reset(plain, to - from);
	while (i < to)
	{
		int			place = i;
		int			code;

		if (i - checked > CHECK_EVERY)
		{
			CHECK_FOR_INTERRUPTS();
			checked = i;
		}
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
 * when nothing was found and nothing appended.  context: of its key.
 */
static bool
scrub_string(Plain *plain, const char *source, int from, int to,
			 const HgContext *context, StringInfo out)
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
	if (!hg_detect_nothing(s, len) &&
		hg_scrub_spans(NULL, s, len, escaped ? plain->place : NULL,
					   escaped ? source : s, escaped ? to : len, context,
					   true, "\\\"", out) > 0)
		return true;
	if (context == NULL || context->name == NULL)
		return false;
	class_name = hg_detect_by_name(s, len, context->name, true);
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

/* No recursion: a member's name is the last that was read. */
bool
hg_scrub_json(const char *s, int len, const HgContext *context, StringInfo out)
{
	char		key[MAX_KEY + 1];
	HgContext	of_key;
	StringInfoData piece;
	Plain		plain = {0};
	int			done = 0;
	int			i = 0;
	int			checked = 0;
	bool		changed = false;

	initStringInfo(&piece);
	while (i < len)
	{
		unsigned char c = s[i];

		if (i - checked > CHECK_EVERY)
		{
			CHECK_FOR_INTERRUPTS();
			checked = i;
		}
		if (c == '"')
		{
			int			end = string_end(s, len, i);
			int			next = end + 1;
			bool		is_key;

			while (next < len && (s[next] == ' ' || s[next] == '\n' ||
								  s[next] == '\t' || s[next] == '\r'))
				next++;
			is_key = next < len && s[next] == ':';
			resetStringInfo(&piece);
			if (scrub_string(&plain, s, i + 1, end, is_key ? NULL : context,
							 &piece))
			{
				appendBinaryStringInfo(out, s + done, i + 1 - done);
				appendBinaryStringInfo(out, piece.data, piece.len);
				changed = true;
				done = end;
			}
			if (is_key)
			{
				int			n = Min(end - i - 1, MAX_KEY);

				memcpy(key, s + i + 1, n);
				key[n] = '\0';
				hg_detect_context(&of_key, key);
				context = &of_key;
			}
			i = end + 1;
		}
		else if ((c >= '0' && c <= '9') || c == '-')
		{
			int			end = i + 1;
			int			from = c == '-' ? i + 1 : i;
			HgScan		scan;
			HgSpan		span;

			while (end < len && ((s[end] >= '0' && s[end] <= '9') ||
								 s[end] == '.' || s[end] == 'e' ||
								 s[end] == 'E' || s[end] == '+' ||
								 s[end] == '-'))
				end++;
			if (end - i >= 6)
			{
				hg_detect_begin_in(&scan, s + from, end - from, context, true);
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
	plain_free(&plain);
	pfree(piece.data);
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
	int			checked = 0;

	plain_reset(plain, len);
	while (i < len)
	{
		int			end = i + 1;
		bool		read = false;

		if (i - checked > CHECK_EVERY)
		{
			CHECK_FOR_INTERRUPTS();
			checked = i;
		}
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

int
hg_scrub_xml(const char *s, int len, const HgContext *context, StringInfo out)
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
	hg_detect_begin_in(&scan, text, text_len, context, false);
	hg_detect_trust_words(&scan, false);
	while (hg_detect_next(&scan, &span))
	{
		int			from = escaped ? plain.place[span.start] : span.start;
		int			to = escaped ? plain.place[span.end] : span.end;

		if (in_markup(&markup, s, from) ||
			memchr(s + from, '<', to - from) != NULL ||
			memchr(s + from, '>', to - from) != NULL)
		{
			plain_free(&plain);
			return -1;
		}
		put_replacement(NULL, out, s + done, from - done, 0, &span, text);
		done = to;
		n++;
	}
	plain_free(&plain);
	if (n > 0)
		appendBinaryStringInfo(out, s + done, len - done);
	return n > 0;
}

