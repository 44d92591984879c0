/*-------------------------------------------------------------------------
 *
 * method_token_text.c
 *	  Tokens of text: letters for letters, digits for digits.
 *
 * Each character that belongs to an alphabet is a symbol; the word of all
 * symbols is permuted, the other characters stay where they are.  What decides
 * about that (alphabets, other characters, lengths) is the same in the token,
 * so texts of different shape have different tokens too, and the whole is
 * injective.  Case is no part of a symbol: 'Bob' and 'bob' have tokens that
 * differ by case alone, so that citext still joins.
 *
 * Alphabets of UTF-8 are ranges of letters; what is in none of them and is no
 * punctuation is permuted among the rest of its 128 code points, which is how
 * Unicode lays out scripts.  A character keeps its length in bytes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mask/method_key.h"
#include "mask/method_token.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

/*
 * Longer texts are cut into pieces, each permuted under what went before.
 * That bounds the memory and stays injective.
 */
#define PIECE 4096

/* an address has 254 characters at most (RFC 5321) */
#define MAX_EMAIL 254

typedef enum RangeKind
{
	PLAIN,						/* symbols without case */
	PAIRS,						/* capitals; small letters at some distance */
	TURNS,						/* capital, small, capital, small, ... */
	KEPT						/* punctuation, marks, pictures */
} RangeKind;

typedef struct Range
{
	pg_wchar	first;
	pg_wchar	last;
	RangeKind	kind;
	int			distance;		/* PAIRS: to the small letter */
} Range;

/*
 * Small letters of PAIRS are found by their distance.  find_range() knows
 * that digits and letters of ASCII are the first two.
 */
static const Range ranges[] =
{
	{'0', '9', PLAIN, 0},
	{'A', 'Z', PAIRS, 32},
	{0x80, 0xBF, KEPT, 0},
	{0xC0, 0xD6, PAIRS, 0x20},
	{0xD7, 0xD7, KEPT, 0},
	{0xD8, 0xDE, PAIRS, 0x20},
	{0xF7, 0xF7, KEPT, 0},
	{0x100, 0x12F, TURNS, 0},
	{0x132, 0x137, TURNS, 0},
	{0x139, 0x148, TURNS, 0},
	{0x14A, 0x177, TURNS, 0},
	{0x2B0, 0x36F, KEPT, 0},
	{0x391, 0x3A1, PAIRS, 0x20},
	{0x3A3, 0x3A9, PAIRS, 0x20},
	{0x400, 0x40F, PAIRS, 0x50},
	{0x410, 0x42F, PAIRS, 0x20},
	{0x460, 0x481, TURNS, 0},
	{0x48A, 0x4BF, TURNS, 0},
	{0x531, 0x556, PAIRS, 0x30},
	{0x5D0, 0x5EA, PLAIN, 0},
	{0x621, 0x63A, PLAIN, 0},
	{0x641, 0x64A, PLAIN, 0},
	{0x660, 0x669, PLAIN, 0},
	{0x6F0, 0x6F9, PLAIN, 0},
	{0x904, 0x939, PLAIN, 0},
	{0x966, 0x96F, PLAIN, 0},
	{0xE01, 0xE2E, PLAIN, 0},
	{0x1E00, 0x1E95, TURNS, 0},
	{0x1EA0, 0x1EFF, TURNS, 0},
	{0x2000, 0x2BFF, KEPT, 0},
	{0x3000, 0x3040, KEPT, 0},
	{0x3041, 0x3096, PLAIN, 0},
	{0x30A1, 0x30FA, PLAIN, 0},
	{0x3400, 0x4DBF, PLAIN, 0},
	{0x4E00, 0x9FFF, PLAIN, 0},
	{0xAC00, 0xD7A3, PLAIN, 0},
	{0xD800, 0xF8FF, KEPT, 0},
	{0xFE00, 0xFE2F, KEPT, 0},
	{0xFF00, 0xFF0F, KEPT, 0},
	{0xFF10, 0xFF19, PLAIN, 0},
	{0xFF21, 0xFF3A, PAIRS, 0x20},
	{0xFFF0, 0xFFFF, KEPT, 0},
	{0x1F000, 0x1FAFF, KEPT, 0},
	{0x20000, 0x2A6DF, PLAIN, 0},
	{0xE0000, 0x10FFFF, KEPT, 0}
};

#define BLOCK 128

/* What stands for alphabets without a range of their own. */
#define ALPHABET_PUNCTUATION 0xFFFF0000U
#define ALPHABET_BLOCK 0xFFFE0000U

/* One character that is a symbol. */
typedef struct Place
{
	int			offset;			/* in bytes */
	int			len;
	uint32		alphabet;		/* index in ranges, or one of the above */
	pg_wchar	block;			/* ALPHABET_BLOCK: its first code point */
	bool		small;
} Place;

typedef struct Word
{
	Place	   *places;
	uint32	   *symbols;
	uint32	   *radix;
	int			n;
	HgPrfInput	shape;			/* digest of what stays */
} Word;

static const char punctuation[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/* ---------- alphabets ---------- */

/* The range of a code point, or -1; *small for small letters of PAIRS. */
static int
find_range(pg_wchar c, bool *small)
{
	int			i;

	*small = false;
	if (c < 0x80)
	{
		*small = c >= 'a' && c <= 'z';
		if (c >= '0' && c <= '9')
			return 0;
		return *small || (c >= 'A' && c <= 'Z') ? 1 : -1;
	}
	for (i = 2; i < lengthof(ranges); i++)
	{
		const Range *range = &ranges[i];

		if (c >= range->first && c <= range->last)
			return i;
		if (range->kind == PAIRS && c >= range->first + range->distance &&
			c <= range->last + range->distance)
		{
			*small = true;
			return i;
		}
	}
	return -1;
}

/*
 * The code points of a block that are in no range (or, with kept, in one that
 * is kept), in order; returns how many.
 */
static int
block_members(pg_wchar block, bool kept, pg_wchar *members)
{
	int			n = 0;
	pg_wchar	c;
	bool		small;

	for (c = block; c < block + BLOCK; c++)
	{
		int			range = find_range(c, &small);

		if (c >= 0x80 && c < 0xA0)
			continue;			/* control characters */
		if (c >= 0xD800 && c <= 0xDFFF)
			continue;			/* no characters at all */
		if (kept ? range >= 0 && ranges[range].kind == KEPT : range < 0)
			members[n++] = c;
	}
	return n;
}

/* Make character c the next symbol, if it is one. */
static bool
add_symbol(Word *word, pg_wchar c, int offset, int len, bool kept)
{
	Place	   *place = &word->places[word->n];
	bool		small;
	int			i;

	place->offset = offset;
	place->len = len;
	place->small = false;

	if (kept && c < 0x80)
	{
		const char *p = c == 0 ? NULL : strchr(punctuation, (int) c);

		if (p == NULL)
			return false;
		place->alphabet = ALPHABET_PUNCTUATION;
		word->symbols[word->n] = p - punctuation;
		word->radix[word->n] = sizeof(punctuation) - 1;
		word->n++;
		return true;
	}
	i = find_range(c, &small);
	if (c < 0x80 && i < 0)
		return false;
	if (i >= 0 && ranges[i].kind != KEPT)
	{
		const Range *range = &ranges[i];
		int			distance = c - range->first;

		if (kept)
			return false;
		place->alphabet = i;
		switch (range->kind)
		{
			case TURNS:
				place->small = distance % 2 == 1;
				word->symbols[word->n] = distance / 2;
				word->radix[word->n] = (range->last - range->first + 1) / 2;
				break;
			default:
				place->small = small;
				word->symbols[word->n] = distance -
					(small ? range->distance : 0);
				word->radix[word->n] = range->last - range->first + 1;
				break;
		}
		word->n++;
		return true;
	}
	if ((i >= 0) == kept)
	{
		pg_wchar	members[BLOCK];
		int			n;

		place->alphabet = ALPHABET_BLOCK;
		place->block = c - c % BLOCK;
		n = block_members(place->block, kept, members);
		for (i = 0; i < n; i++)
		{
			if (members[i] != c)
				continue;
			word->symbols[word->n] = i;
			word->radix[word->n] = n;
			word->n++;
			return true;
		}
	}
	return false;
}

/* The character of a permuted symbol. */
static pg_wchar
symbol_char(const Place *place, uint32 symbol, bool kept)
{
	pg_wchar	members[BLOCK];
	const Range *range;

	if (place->alphabet == ALPHABET_PUNCTUATION)
		return (unsigned char) punctuation[symbol];
	if (place->alphabet == ALPHABET_BLOCK)
	{
		(void) block_members(place->block, kept, members);
		return members[symbol];
	}
	range = &ranges[place->alphabet];
	if (range->kind == TURNS)
		return range->first + symbol * 2 + (place->small ? 1 : 0);
	return range->first + symbol + (place->small ? range->distance : 0);
}

/* ---------- pieces ---------- */

/*
 * Take up to PIECE characters from s[*pos..end) into word; *pos moves on.
 * Characters in s[keep_from..] stay, whatever they are.
 */
static void
read_piece(Word *word, const HgPrf *prf, const char *s, int *pos, int end,
		   int keep_from, bool utf8, bool kept)
{
	int			chars = 0;

	word->n = 0;
	hg_prf_start(prf, &word->shape);
	while (*pos < end && chars < PIECE)
	{
		unsigned char byte = (unsigned char) s[*pos];
		int			len = byte < 0x80 ? 1 : pg_mblen(s + *pos);
		pg_wchar	c = byte;
		bool		symbol = false;
		uint32		alphabet;

		len = Min(len, end - *pos);
		if (byte >= 0x80 && utf8)
			c = utf8_to_unicode((const unsigned char *) s + *pos);
		if (*pos < keep_from && (byte < 0x80 || utf8))
			symbol = add_symbol(word, c, *pos, len, kept);
		if (symbol)
		{
			alphabet = word->places[word->n - 1].alphabet;
			if (alphabet == ALPHABET_BLOCK)
				alphabet += word->places[word->n - 1].block / BLOCK;
			hg_prf_add(&word->shape, &alphabet, sizeof(alphabet));
		}
		else
			hg_prf_add(&word->shape, s + *pos, len);
		*pos += len;
		chars++;
	}
}

/* Permute one piece in out, which holds a copy of s. */
static void
permute_piece(Word *word, const HgPrf *prf, const uint8 *chain, char *out,
			  bool utf8, bool kept)
{
	uint8		tweak[2 * HG_PRF_LENGTH];
	int			i;

	memcpy(tweak, chain, HG_PRF_LENGTH);
	hg_prf_end(prf, &word->shape, tweak + HG_PRF_LENGTH);
	hg_permute_symbols(prf, tweak, sizeof(tweak), word->symbols, word->radix,
					   word->n);
	for (i = 0; i < word->n; i++)
	{
		const Place *place = &word->places[i];
		pg_wchar	c = symbol_char(place, word->symbols[i], kept);

		if (c < 0x80)
			out[place->offset] = (char) c;
		else
			unicode_to_utf8(c, (unsigned char *) out + place->offset);
	}
}

/* Permute s[0..len) into out; with kept, punctuation instead of letters. */
static bool
permute_text(const HgPrf *prf, const char *s, int len, int keep_from,
			 char *out, bool utf8, bool kept)
{
	uint8		chain[HG_PRF_LENGTH] = {0};
	Word		word;
	int			room = Min(len, PIECE);
	bool		any = false;
	int			pos = 0;

	word.places = palloc(room * (sizeof(Place) + 2 * sizeof(uint32)));
	word.symbols = (uint32 *) (word.places + room);
	word.radix = word.symbols + room;
	memcpy(out, s, len);
	while (pos < len)
	{
		int			start = pos;
		HgPrfInput	input;

		CHECK_FOR_INTERRUPTS();
		read_piece(&word, prf, s, &pos, len, keep_from, utf8, kept);
		any |= word.n > 0;
		permute_piece(&word, prf, chain, out, utf8, kept);
		if (pos < len)
		{
			hg_prf_start(prf, &input);
			hg_prf_add(&input, chain, sizeof(chain));
			hg_prf_add(&input, s + start, pos - start);
			hg_prf_end(prf, &input, chain);
		}
	}
	pfree(word.places);
	return any;
}

/* ---------- e-mail addresses ---------- */

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/*
 * Does s end in a top-level domain that tokens keep: two letters, or a common
 * one?
 */
static bool
is_common_tld(const char *s, int len)
{
	static const char *const common[] = {
		"com", "org", "net", "edu", "gov", "mil", "int", "info", "biz",
		"name", "test", "example", "invalid"
	};
	int			i;

	if (len == 2)
		return true;
	for (i = 0; i < lengthof(common); i++)
	{
		if (strlen(common[i]) == len && pg_strncasecmp(common[i], s, len) == 0)
			return true;
	}
	return false;
}

/* Where the top-level domain of an address begins; 0 if s is none. */
static int
find_tld(const char *s, int len)
{
	const char *at;
	int			dot = len;
	int			i;

	if (len > MAX_EMAIL)
		return 0;
	at = memchr(s, '@', len);
	if (at == NULL || at == s || memchr(at + 1, '@', s + len - at - 1) != NULL)
		return 0;
	while (dot > at + 2 - s && s[dot - 1] != '.')
		dot--;
	if (dot <= at + 2 - s || len - dot < 2)
		return 0;
	for (i = dot; i < len; i++)
	{
		if (!is_letter(s[i]))
			return 0;
	}
	return dot;
}

/* ---------- all of it ---------- */

/*
 * Other encodings: every character that is not ASCII becomes a letter, which
 * the keyed digest of the text chooses.
 */
static int
replace_foreign(const HgPrf *prf, const char *s, int len, char *out)
{
	uint8		digest[HG_PRF_LENGTH];
	int			n = 0;
	int			i = 0;

	hg_prf(prf, s, len, digest);
	while (i < len)
	{
		if (IS_HIGHBIT_SET(s[i]))
		{
			if (n > 0 && n % HG_PRF_LENGTH == 0)
				hg_prf(prf, digest, sizeof(digest), digest);
			out[n] = 'a' + digest[n % HG_PRF_LENGTH] % 26;
			n++;
			i += Max(Min(pg_mblen(s + i), len - i), 1);
		}
		else
			out[n++] = s[i++];
	}
	return n;
}

int
hg_token_text(const HgPrf *prf, const char *s, int len, char *out)
{
	bool		utf8 = GetDatabaseEncoding() == PG_UTF8;
	char	   *copy = NULL;
	int			tld;
	bool		common;
	bool		any;
	int			i;

	if (!utf8)
	{
		for (i = 0; i < len && !IS_HIGHBIT_SET(s[i]); i++)
			;
		if (i < len)
		{
			copy = palloc(len);
			len = replace_foreign(prf, s, len, copy);
			s = copy;
		}
	}

	tld = find_tld(s, len);
	common = tld > 0 && is_common_tld(s + tld, len - tld);
	any = permute_text(prf, s, len, common ? tld : len, out, utf8, false);
	/* an uncommon domain must not turn into a common one, which is kept */
	while (tld > 0 && !common && is_common_tld(out + tld, len - tld))
	{
		char	   *again = pnstrdup(out, len);

		(void) permute_text(prf, again, len, len, out, utf8, false);
		pfree(again);
	}
	/* nothing but punctuation must not stay itself either */
	if (!any && len > 0)
		(void) permute_text(prf, s, len, len, out, utf8, true);
	if (copy != NULL)
		pfree(copy);
	return len;
}
