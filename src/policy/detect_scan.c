/*-------------------------------------------------------------------------
 *
 * detect_scan.c
 *	  One pass over a value: words and signs that may begin something.
 *
 * A word is a run of letters, digits and underscores; what it is made of is
 * gathered while it is run over, and few words go on to a matcher.  A matcher
 * looks at a bounded stretch around its trigger or consumes what it looked
 * at, so the time is linear in the length whatever the text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "policy/detect_int.h"

/* Bytes between two interrupt checks, and of a word taken at a time. */
#define CHECK_EVERY 65536

/* No kind has so few letters and nothing else. */
#define SHORT_WORD 12

#define DG (B_DIGIT | B_HEX | B_TOKEN)
#define UH (B_UPPER | B_HEX | B_TOKEN)
#define UL (B_UPPER | B_TOKEN)
#define LH (B_LOWER | B_HEX | B_TOKEN)
#define LL (B_LOWER | B_TOKEN)
#define UN (B_UNDER | B_TOKEN)
#define HI B_HIGH
#define SP B_SPACE

const unsigned char hg_byte[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, SP, SP, SP, SP, SP, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	SP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, B_TOKEN, 0, 0,
	DG, DG, DG, DG, DG, DG, DG, DG, DG, DG, 0, 0, 0, 0, 0, 0,
	0, UH, UH, UH, UH, UH, UH, UL, UL, UL, UL, UL, UL, UL, UL, UL,
	UL, UL, UL, UL, UL, UL, UL, UL, UL, UL, UL, 0, 0, 0, 0, UN,
	0, LH, LH, LH, LH, LH, LH, LL, LL, LL, LL, LL, LL, LL, LL, LL,
	LL, LL, LL, LL, LL, LL, LL, LL, LL, LL, LL, 0, 0, 0, 0, 0,
	HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI,
	HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI,
	HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI,
	HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI,
	HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI,
	HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI,
	HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI,
	HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI, HI
};

/*
 * The last two letters of the words that announce a secret, as bits of the
 * letter before for each last one: see hg_match_secret.
 */
#define L(letter) (1 << ((letter) - 'a'))

static const uint32 announces[26] = {
	['a' - 'a'] = L('n'),		/* contrasena */
	['d' - 'a'] = L('r') | L('w'),	/* password, passwd, pwd */
	['e' - 'a'] = L('d') | L('s'),	/* code, passphrase */
	['n' - 'a'] = L('e'),		/* token */
	['r' - 'a'] = L('e'),		/* bearer */
	['s' - 'a'] = L('s'),		/* pass */
	['t' - 'a'] = L('e') | L('r'),	/* secret, passwort, kennwort */
	['w' - 'a'] = L('p'),		/* pw */
	['y' - 'a'] = L('e')		/* key */
};

static inline bool
may_announce(const unsigned char *s, int len)
{
	unsigned char last = LOWER(s[len - 1]);
	unsigned char before;

	if (last < 'a' || last > 'z')
		return false;
	if (len == 1)
		return last == 'u';		/* curl -u */
	before = LOWER(s[len - 2]);
	if (last == 'd' && before == 'r' && len < 8)
		return false;			/* card, third: shorter than password */
	return before >= 'a' && before <= 'z' &&
		(announces[last - 'a'] >> (before - 'a') & 1) != 0;
}

void
hg_scan_begin(HgScan *scan, const char *value, int len, uint64 hints,
			  bool named, bool whole, bool utf8)
{
	/* the patterns' part is large and its number says what is valid */
	memset(scan, 0, offsetof(HgScan, next));
	scan->s = (const unsigned char *) value;
	scan->len = len;
	scan->next_check = CHECK_EVERY;
	scan->hints = hints;
	scan->named = named;
	scan->whole = whole;
	scan->utf8 = utf8;
}

/* What may begin at a word; pos is moved to where to go on. */
static bool
match_word(HgScan *scan, int start, int end, int mask, HgSpan *span)
{
	unsigned char c = scan->s[start];
	unsigned char after = at(scan, end);

	/*
	 * Of the words of a text nearly all: letters, few of them, and nothing
	 * behind that joins them to a number or to more of a token.
	 */
	if (end - start <= SHORT_WORD && (mask & ~(B_ALPHA | B_HEX | B_TOKEN)) == 0 &&
		(after == ' ' || after == '\n' || after == 0) &&
		!IS(at(scan, end + 1), B_DIGIT))
		return may_announce(scan->s + start, end - start) &&
			hg_match_secret(scan, start, end, span);

	if (IS(c, B_DIGIT))
	{
		if (after == ':' && end - start <= 4 && (mask & ~(DG | B_ALPHA)) == 0 &&
			(hg_match_mac(scan, start, span) ||
			 hg_match_ip6(scan, start, span)))
			return true;
		if (after == '-' && end - start == 2 &&
			hg_match_mac(scan, start, span))
			return true;
		if (after == '.' && end - start == 4 &&
			hg_match_mac(scan, start, span))
			return true;
		if (end - start >= 26 && hg_match_token(scan, start, end, mask, span))
			return true;
		return hg_match_number(scan, start, end, span) ||
			((mask & B_ALPHA) != 0 &&
			 hg_match_letter_id(scan, start, end, mask, span));
	}

	if (hg_match_token(scan, start, end, mask, span))
		return true;
	if (IS(c, B_HEX) && end - start <= 4)
	{
		if (after == ':')
		{
			if (hg_match_mac(scan, start, span) ||
				hg_match_ip6(scan, start, span))
				return true;
		}
		else if ((after == '-' || after == '.') &&
				 hg_match_mac(scan, start, span))
			return true;
	}
	if (IS(c, B_UPPER | B_LOWER) && (mask & B_DIGIT || end - start <= 4) &&
		hg_match_letter_id(scan, start, end, mask, span))
		return true;
	if (may_announce(scan->s + start, end - start) &&
		hg_match_secret(scan, start, end, span))
		return true;
	return false;
}

/*
 * The next span of the built-in kinds; false at the end.
 */
bool
hg_scan_next(HgScan *scan, HgSpan *span)
{
	const unsigned char *s = scan->s;
	int			len = scan->len;

	while (scan->pos < len || scan->have_pending)
	{
		int			start = scan->pos;
		unsigned char c = at(scan, start);
		bool		found = false;
		int			skip = start + 1;

		if (scan->have_pending && start >= scan->pending.start)
		{
			*span = scan->pending;
			scan->have_pending = false;
			scan->pos = scan->floor = span->end;
			return true;
		}
		if (start >= scan->next_check)
		{
			CHECK_FOR_INTERRUPTS();
			scan->next_check = start + CHECK_EVERY;
		}

		if (IS(c, B_WORD))
		{
			int			limit = Min(len, start + CHECK_EVERY);
			int			end = start;
			int			mask = 0;

			do
				mask |= hg_byte[s[end++]];
			while (end < limit && IS(s[end], B_WORD));
			skip = end;
			found = match_word(scan, start, end, mask, span);
		}
		else if (c == ' ' || c >= 0x80)
			;
		else
			switch (c)
			{
				case '@':
					found = hg_match_email(scan, start, start + 1, span);
					break;
				case '%':
					/* as an address stands in a URL */
					if (at(scan, start + 1) == '4' &&
						at(scan, start + 2) == '0')
						found = hg_match_email(scan, start, start + 3, span);
					break;
				case ':':
					if (at(scan, start + 1) == '/')
						found = hg_match_url(scan, start, span, &skip);
					else if (at(scan, start + 1) == ':')
						found = hg_match_ip6(scan, start, span);
					break;
				case '+':
				case '(':
					if (IS(at(scan, start + 1), B_DIGIT))
						found = hg_match_number(scan, start, 0, span);
					break;
				case '$':
					found = hg_match_dollar(scan, start, span);
					break;
				case '{':
					found = hg_match_brace(scan, start, span);
					break;
				case '-':
					if (at(scan, start + 1) == '-')
						found = hg_match_pem(scan, start, span, &skip);
					break;
				default:
					break;
			}

		/* a password further on: first what stands between */
		if (found && span->start > skip)
		{
			scan->pending = *span;
			scan->have_pending = true;
			found = false;
		}
		if (found)
		{
			if (scan->have_pending && span->end > scan->pending.start)
				scan->have_pending = false;
			Assert(span->start >= scan->floor && span->end > span->start);
			scan->pos = Max(span->end, start + 1);
			scan->floor = span->end;
			return true;
		}
		scan->pos = skip;
	}
	return false;
}

/*
 * Every kind has a digit, or one of these signs: an address its @ (%40 in a
 * URL), a key or a password what assigns it or the quotes it stands in, a
 * private key its dashes, a URL its slashes, "!" what a typed password without
 * digits has.  Only AWS's keys may do without: 20 capital letters.
 */
#define TRIGGER 0x80
#define CAPITAL 0x01

static const unsigned char glance[256] = {
	['0'] = TRIGGER, ['1'] = TRIGGER, ['2'] = TRIGGER, ['3'] = TRIGGER,
	['4'] = TRIGGER, ['5'] = TRIGGER, ['6'] = TRIGGER, ['7'] = TRIGGER,
	['8'] = TRIGGER, ['9'] = TRIGGER, ['@'] = TRIGGER, ['='] = TRIGGER,
	[':'] = TRIGGER, ['$'] = TRIGGER, ['{'] = TRIGGER, ['!'] = TRIGGER,
	['"'] = TRIGGER, ['\''] = TRIGGER, ['`'] = TRIGGER,
	['A'] = CAPITAL, ['B'] = CAPITAL, ['C'] = CAPITAL, ['D'] = CAPITAL,
	['E'] = CAPITAL, ['F'] = CAPITAL, ['G'] = CAPITAL, ['H'] = CAPITAL,
	['I'] = CAPITAL, ['J'] = CAPITAL, ['K'] = CAPITAL, ['L'] = CAPITAL,
	['M'] = CAPITAL, ['N'] = CAPITAL, ['O'] = CAPITAL, ['P'] = CAPITAL,
	['Q'] = CAPITAL, ['R'] = CAPITAL, ['S'] = CAPITAL, ['T'] = CAPITAL,
	['U'] = CAPITAL, ['V'] = CAPITAL, ['W'] = CAPITAL, ['X'] = CAPITAL,
	['Y'] = CAPITAL, ['Z'] = CAPITAL
};

/*
 * Can there be anything in the bytes?  False is certain.
 */
bool
hg_scan_worthwhile(const unsigned char *s, int len)
{
	int			capitals = 0;
	int			i = 0;

	while (i < len)
	{
		int			end = Min(len, i + 32);
		unsigned int sum = 0;
		unsigned int any = 0;

		for (; i < end; i++)
		{
			unsigned int g = glance[s[i]];

			any |= g;
			sum += g;
		}
		if ((any & TRIGGER) != 0)
			return true;
		capitals += sum;
		if (capitals >= 20)
			return true;
	}
	return false;
}
