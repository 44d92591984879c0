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
#include "policy/detect_wide.h"
#include "port/pg_bitutils.h"

/* Bytes between two interrupt checks, and of a word taken at a time. */
#define CHECK_EVERY 65536

/* Bytes whose classes are looked at together. */
#define WINDOW 64

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
 * letter before for each last one: see hg_match_secret.  There are eight
 * different sets and may be no more, or detect_wide.c gives up; so c and u have
 * the same, and a and w, with letters that only one of them needs.
 */
#define L(letter) (1 << ((letter) - 'a'))

const uint32 hg_announces[26] = {
	['a' - 'a'] = L('h') | L('n') | L('p'),	/* senha, contrasena */
	['c' - 'a'] = L('i') | L('m'),	/* basic */
	['d' - 'a'] = L('i') | L('r') | L('w'),	/* session_id, password, pwd */
	['e' - 'a'] = L('d') | L('s'),	/* code, passphrase */
	['n' - 'a'] = L('e'),		/* token */
	['p' - 'a'] = L('d') | L('s'),	/* mdp */
	['r' - 'a'] = L('e'),		/* bearer, --user */
	['s' - 'a'] = L('s'),		/* pass */
	['t' - 'a'] = L('e') | L('r'),	/* secret, passwort, kennwort */
	['u' - 'a'] = L('i') | L('m'),	/* -u, whose dash has the low bits of an m */
	['w' - 'a'] = L('h') | L('n') | L('p'),	/* pw */
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
	/* card, third; id, paid: shorter than password, phpsessid, but for sid */
	if (last == 'd' && (before == 'r' ? len < 8 :
						before == 'i' && len < 6 && len != 3))
		return false;
	return before >= 'a' && before <= 'z' &&
		(hg_announces[last - 'a'] >> (before - 'a') & 1) != 0;
}

void
hg_scan_begin(HgScan *scan, const char *value, int len, uint64 hints,
			  bool named, bool whole, bool utf8)
{
	/* the patterns' part is large and its number says what is valid */
	scan->s = (const unsigned char *) value;
	scan->len = len;
	scan->pos = 0;
	scan->floor = 0;
	scan->next_check = CHECK_EVERY;
	scan->hints = hints;
	scan->utf8 = utf8;
	scan->whole = whole;
	scan->named = named;
	scan->no_veto = false;
	scan->have_pending = false;
	scan->npatterns = 0;
	scan->hinted = 0;
	scan->have_builtin = false;
	scan->done = 0;
	scan->base = 0;
	scan->size = 0;
}

/* What may begin at a word; pos is moved to where to go on. */
static inline bool
match_word(HgScan *scan, int start, int end, int mask, HgSpan *span)
{
	unsigned char c = scan->s[start];
	unsigned char after = at(scan, end);

	/*
	 * Of the words of a text nearly all: letters, few of them, and nothing
	 * behind that joins them to more of a token, an address of a machine or a
	 * hash's name; nor capitals that may begin an id with the digits behind.
	 */
	if (end - start <= SHORT_WORD && (mask & (B_DIGIT | B_UNDER)) == 0 &&
		after != '-' && after != '.' && after != ':' && after != '$' &&
		(end - start > 4 || ((mask & B_LOWER) != 0 && scan->hints == 0) ||
		 !IS(at(scan, end + 1), B_DIGIT)))
		return may_announce(scan->s + start, end - start) &&
			hg_match_secret(scan, start, end, span);

	if (IS(c, B_DIGIT))
	{
		/* a sign that an address of a machine may have, which few have */
		if (after >= '-' && after <= ':' && end - start <= 4)
		{
			if (after == ':' && (mask & B_UNDER) == 0 &&
				(hg_match_mac(scan, start, span) ||
				 hg_match_ip6(scan, start, span)))
				return true;
			if (((after == '-' && end - start == 2) ||
				 (after == '.' && end - start == 4)) &&
				hg_match_mac(scan, start, span))
				return true;
		}
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

/* What may begin at a sign that is none of a word. */
static inline bool
match_sign(HgScan *scan, int start, HgSpan *span, int *skip)
{
	switch (scan->s[start])
	{
		case '@':
			return hg_match_email(scan, start, start + 1, span);
		case '%':
			/* as an address stands in a URL */
			return at(scan, start + 1) == '4' && at(scan, start + 2) == '0' &&
				hg_match_email(scan, start, start + 3, span);
		case ':':
			if (at(scan, start + 1) == '/')
				return hg_match_url(scan, start, span, skip);
			return at(scan, start + 1) == ':' &&
				hg_match_ip6(scan, start, span);
		case '+':
		case '(':
			return IS(at(scan, start + 1), B_DIGIT) &&
				hg_match_number(scan, start, 0, span);
		case '$':
			return hg_match_dollar(scan, start, span);
		case '{':
			return hg_match_brace(scan, start, span);
		case '-':
			return at(scan, start + 1) == '-' &&
				hg_match_pem(scan, start, span, skip);
		default:
			return false;
	}
}

/* ---- many bytes at a time ---- */

#ifdef __SSE2__

/* Of 16 bytes that are there, and one behind if `more`; else that is 0. */
static pg_attribute_always_inline void
classify_16(const unsigned char *s, int i, bool more, HgWindow *w)
{
	__m128i		x = _mm_loadu_si128((const __m128i *) (s + i));
	__m128i		next = more ? _mm_loadu_si128((const __m128i *) (s + i + 1)) :
		_mm_srli_si128(x, 1);
	__m128i		small = _mm_or_si128(x, _mm_set1_epi8(0x20));
	__m128i		letter = BETWEEN(small, 'a', 'z');
	__m128i		lower = _mm_slli_epi16(x, 2);	/* in the sign */
	__m128i		digit = BETWEEN(next, '0', '9');
	__m128i		colon = EQUAL(x, ':');
	__m128i		dash = EQUAL(x, '-');
	__m128i		dollar = EQUAL(x, '$');
	__m128i		sign;

	w->digit |= BITS(BETWEEN(x, '0', '9'), i);
	w->lower |= BITS(_mm_and_si128(letter, lower), i);
	w->upper |= BITS(_mm_andnot_si128(lower, letter), i);
	w->under |= BITS(EQUAL(x, '_'), i);
	sign = _mm_or_si128(_mm_or_si128(EITHER(x, '@', '%'), EQUAL(x, '{')),
						_mm_or_si128(dollar,
									 _mm_and_si128(EITHER(x, '+', '('),
												   digit)));
	sign = _mm_or_si128(sign, _mm_and_si128(colon, EITHER(next, '/', ':')));
	sign = _mm_or_si128(sign, _mm_and_si128(dash, EQUAL(next, '-')));
	w->sign |= BITS(sign, i);
	w->join |= BITS(_mm_or_si128(_mm_or_si128(dash, EQUAL(x, '.')),
								 _mm_or_si128(colon, dollar)), i);
}

#else

/* Classes of a byte; what may be a sign to visit is 0x40, if 0x80 follows. */
static const unsigned char *
window_classes(void)
{
	static unsigned char classes[256];
	static bool known = false;

	if (!known)
	{
		for (int c = 0; c < 256; c++)
			classes[c] = (IS(c, B_DIGIT) ? 0x81 : 0) |
				(IS(c, B_LOWER) ? 0x02 : 0) | (IS(c, B_UPPER) ? 0x04 : 0) |
				(c == '_' ? 0x08 : 0) |
				(c == '@' || c == '%' || c == '{' || c == '$' ? 0x10 : 0) |
				(c == '.' || c == ':' || c == '-' || c == '$' ? 0x20 : 0) |
				(c == '+' || c == '(' || c == ':' || c == '-' ? 0x40 : 0) |
				(c == ':' || c == '/' || c == '-' ? 0x80 : 0);
		known = true;
	}
	return classes;
}

/* One bit of each of eight bytes, side by side. */
#define EIGHT(bytes, bit) \
	(((bytes) >> (bit) & UINT64CONST(0x0101010101010101)) * \
	 UINT64CONST(0x0102040810204080) >> 56)
#define SIXTEEN(bit) (EIGHT(half[0], bit) | EIGHT(half[1], bit) << 8)

static pg_attribute_always_inline void
classify_16(const unsigned char *s, int from, bool more, HgWindow *w)
{
	const unsigned char *classes = window_classes();
	uint64		half[2] = {0, 0};
	uint64		follows;

	for (int i = 0; i < 16; i++)
		half[i / 8] |= (uint64) classes[s[from + i]] << i % 8 * 8;
	follows = SIXTEEN(7) >> 1;
	if (more && (classes[s[from + 16]] & 0x80) != 0)
		follows |= 0x8000;
	w->digit |= SIXTEEN(0) << from;
	w->lower |= SIXTEEN(1) << from;
	w->upper |= SIXTEEN(2) << from;
	w->under |= SIXTEEN(3) << from;
	w->sign |= (SIXTEEN(4) | (SIXTEEN(6) & follows)) << from;
	w->join |= SIXTEEN(5) << from;
}

#endif							/* __SSE2__ */

/* The classes of n bytes from base on, sixteen at a time. */
static inline void
classify(const HgScan *scan, int base, int n, HgWindow *w)
{
	const unsigned char *s = scan->s + base;
	unsigned char copy[WINDOW];
	int			from = 0;
	int			to = WINDOW;
	int			before = 0;
	bool		more = false;	/* a byte stands behind the window */

	memset(w, 0, sizeof(*w));
	if (scan->len - base > WINDOW)
		more = true;
	else if (scan->len >= WINDOW)
	{
		/* the value's last bytes, and what stands before base shifted out */
		before = WINDOW - n;
		from = before & ~15;
		to = WINDOW;
		s -= before;
	}
	else
	{
		memset(copy, 0, sizeof(copy));
		memcpy(copy, s, n);
		s = copy;
		to = n;
	}
	for (int i = from; i < to; i += 16)
		classify_16(s, i, more || i + 16 < WINDOW, w);
	w->digit >>= before;
	w->lower >>= before;
	w->upper >>= before;
	w->under >>= before;
	w->sign >>= before;
	w->join >>= before;
}

#ifdef HG_WIDE
/*
 * Words with digits of which match_word would say no, by their landing (see
 * settle); most of those in a text.  Words, starts, ends and landings come one
 * for each word and in the same order, so that a bit of one is brought to
 * another by PEXT and PDEP.
 *
 * Such are of numbers of at most five digits those that end plainly, a decimal
 * among them, that go on with a dash what digits before it began, with a dot
 * or a sign something else; the parts of a time; and short words with a small
 * letter first, or behind the digits.  What is not in the window is not known:
 * these are visited.
 */
#define BRING(bits, from, to) _pdep_u64(_pext_u64(bits, from), to)

static inline uint64
two_digits_at(uint64 digit, int i)
{
	return digit >> i & digit >> (i + 1);
}

WIDE static pg_noinline uint64
dull_words(const HgScan *scan, int n, const HgWindow *w, uint64 word,
		   uint64 landing, uint64 run)
{
	HgMarks		m;
	uint64		start = scan->start;
	uint64		end = ~word & word << 1;
	uint64		digit = w->digit & word;
	uint64		alpha = w->lower | w->upper;
	uint64		two = digit & digit >> 1;
	uint64		four = two & two >> 2;
	uint64		number = start & digit & ~(four & two >> 4);
	uint64		stop = (digit + number) & ~digit;	/* behind its digits */
	uint64		pure = stop & ~word;
	uint64		final;			/* no digits go on behind it */
	uint64		joined;			/* a sign behind may join it to more */
	uint64		decimal;		/* its point */
	uint64		time;			/* hours and minutes begin */
	uint64		behind;			/* may stand behind a time */
	uint64		dull;
	uint64		loose;			/* short words that nothing joins to more */
	uint64		small;			/* of these, with a small letter first */

	hg_wide_marks(scan->s + scan->base, n, &m);
	final = m.plain | (m.space & ~(w->digit | m.open) >> 1);

	/* not before a space and a word either, which may be a month's name */
	dull = m.plain | (final & (~alpha >> 1 |
							   (digit << 1 & digit << 2 & digit << 3)));
	dull = BRING(pure & dull, stop, number);

	/* nor before a year where a month may stand in front: May 11, 1980 */
	dull &= ~(number & ((m.space << 1 & (alpha | m.dot) << 2) | 3) &
			  BRING(pure & (w->digit >> 2 | ~(UINT64_MAX >> 2)), stop, number));

	decimal = pure & m.dot & digit >> 1;
	if (decimal != 0)
	{
		uint64		all = digit | decimal;
		uint64		last = (digit + (decimal << 1)) & ~digit;

		/* five digits in all */
		two = all & all >> 1;
		four = two & two >> 2;
		decimal = BRING(last & final, last, decimal);
		dull |= BRING(decimal, stop, number) & ~(four & four >> 3);
	}

	/* what stands before makes it part of something else */
	dull |= number & m.dash << 1 & w->digit << 2 & ~run;
	joined = m.colon | m.dash | (m.dot & digit << 4);
	dull |= (m.money << 1 | (m.dot << 1 & (w->digit | alpha) << 2)) &
		BRING(pure & ~joined, stop, number);

	/* of 10:22 and 10:22:33 the first part, and those behind */
	time = number & two_digits_at(digit, 0) & m.colon >> 2 &
		two_digits_at(digit, 3);
	behind = m.plain | m.space;
	dull |= time & (behind >> 5 | (m.colon >> 5 & two_digits_at(digit, 6) &
								   behind >> 8));
	dull |= m.colon << 1 & w->digit << 2 & w->digit << 3 &
		BRING(pure & ~m.dot, stop, number);
	if (scan->hints != 0)
		return dull;

	loose = start & ~run & BRING(end & ~w->join, end, start);
	dull |= loose & BRING(stop & w->lower, stop, number);

	/* the small first letters of IBANs are passed by, and prefixes of keys */
	small = loose & w->lower & ~(alpha >> 1 & w->digit >> 2 & w->digit >> 3);
	small &= BRING(end & ~(w->announce << 1), end, start);
	if ((w->under & word) != 0)
	{
		uint64		rest = word & ~w->under;
		uint64		first = (rest + start) & ~rest;

		small &= ~(BRING(first & w->under, first, start) &
				   BRING(end & m.tail, end, start));
	}
	return dull | BRING(small, start, landing);
}

/*
 * To look for them costs as much as to visit one and a half.  Where of late
 * there were fewer in a window it is done in every sixteenth.
 */
#define DULL_UNIT 128
#define DULL_PAUSE 15

static int	dull_of_late = 4 * DULL_UNIT;
static int	dull_pause = 0;

static inline bool
dull_pays(void)
{
	if (dull_pause == 0)
		return true;
	dull_pause--;
	return false;
}

static inline void
dull_found(uint64 dull)
{
	dull_of_late += DULL_UNIT / 8 * __builtin_popcountll(dull) -
		dull_of_late / 8;
	if (dull_of_late < DULL_UNIT * 3 / 2)
		dull_pause = DULL_PAUSE;
}
#endif

/*
 * Look at the bytes from base on: where words begin, and which words and signs
 * are to be visited.  A word that reaches the end of the window is left to the
 * next one, which begins at it.
 *
 * Visited are the words with a digit or an underscore, long ones, those with
 * a sign behind that may join them to more, and those whose last letters may
 * announce a secret: match_word would say no to all others.
 */
static pg_attribute_always_inline void
settle(HgScan *scan, int base, int n, const HgWindow *seen, bool wide)
{
	HgWindow	w = *seen;
	const unsigned char *s = scan->s + base;
	int			size = n;
	uint64		word;
	uint64		bad;
	uint64		good;
	uint64		end;
	uint64		behind;
	uint64		landing;
	uint64		rest;
	uint64		run;

	word = w.digit | w.lower | w.upper | w.under;
	scan->base = base;
	scan->digit = w.digit;
	scan->lower = w.lower;
	scan->upper = w.upper;
	scan->under = w.under;
	scan->word = word;
	if (n == WINDOW && word >> (WINDOW - 1) != 0)
	{
		/* the word that is cut; one that fills the window is long_word's */
		size = ~word == 0 ? 0 : pg_leftmost_one_pos64(~word) + 1;
		if (size > 0)
			word &= UINT64_MAX >> (WINDOW - size);
	}
	if (size == 0)
	{
		/* one long word from the first byte on */
		scan->size = WINDOW;
		scan->start = 1;
		scan->word_at = 1;
		scan->sign_at = 0;
		return;
	}
	scan->size = size;

	/*
	 * Adding a word's first bit to its good bits carries to its first bad bit
	 * or to the bit behind it: one bit for each word.
	 */
	bad = word & (w.digit | w.under);
	good = word & ~bad;
	scan->start = word & ~(word << 1);
	end = ~word & word << 1;
	behind = w.digit >> 1 | UINT64CONST(1) << (WINDOW - 1);
	if (scan->hints == 0)
		behind &= ~(w.lower << 1);	/* its last letter is small */
	behind = end & (w.join | behind);
	landing = (good + scan->start) & ~good;
	rest = landing & end & ~behind;
	scan->word_at = landing & (bad | behind);

	/* more than SHORT_WORD: a run of 13 */
	run = word & word >> 1;
	run &= run >> 2;
	run &= run >> 4;
	run &= run >> 5;
	if (run != 0)
		scan->word_at |= rest & (good + (scan->start & run)) & ~good;

#ifdef HG_WIDE
	if (wide && (scan->word_at & w.digit) != 0 && dull_pays())
	{
		uint64		dull = scan->word_at & dull_words(scan, n, seen, word,
													  landing, run);

		scan->word_at &= ~dull;
		dull_found(dull);
	}
#endif

	/* of what is left those that may announce */
	if (wide)
		scan->word_at |= rest & w.announce << 1;
	else
		for (rest &= ~scan->word_at; rest != 0; rest &= rest - 1)
		{
			int			i = pg_rightmost_one_pos64(rest);
			uint64		letters = hg_announces[(s[i - 1] & 31) - 1];
			int			other = i > 1 || base > 0 ? s[i - 2] & 31 : 0;

			scan->word_at |= (letters << 1 >> other & 1) << i;
		}

	scan->sign_at = w.sign & UINT64_MAX >> (WINDOW - size);
}

#ifdef HG_WIDE
WIDE static pg_noinline void
look_ahead_wide(HgScan *scan, int base)
{
	int			n = Min(scan->len - base, WINDOW);
	const unsigned char *s = scan->s + base;
	HgWindow	w;

	hg_wide_window(s, n, base > 0 ? s[-1] : 0,
				   n < scan->len - base ? s[n] : 0, &w);
	settle(scan, base, n, &w, true);
}
#endif

static pg_noinline void
look_ahead(HgScan *scan, int base)
{
	int			n = Min(scan->len - base, WINDOW);
	HgWindow	w;

#ifdef HG_WIDE
	if (hg_has_wide())
	{
		look_ahead_wide(scan, base);
		return;
	}
#endif
	classify(scan, base, n, &w);
	settle(scan, base, n, &w, false);
}

/* The end of a word that fills a window, and what it is made of. */
static int
long_word(const HgScan *scan, int start, int *mask)
{
	const unsigned char *s = scan->s;
	int			limit = Min(scan->len, start + CHECK_EVERY);
	int			end = start;

	do
		*mask |= hg_byte[s[end++]];
	while (end < limit && IS(s[end], B_WORD));
	return end;
}

/*
 * The next place to visit from pos on, in the window or beyond: true with the
 * end of the word there and what it is made of, end 0 at a sign; false at the
 * end of the value.
 */
static inline bool
next_place(HgScan *scan, int *start, int *end, int *mask)
{
	for (;;)
	{
		int			k = scan->pos - scan->base;
		uint64		word_at;
		uint64		sign_at;
		uint64		bits;
		int			i;
		int			first;
		int			n;

		if (scan->pos >= scan->len)
			return false;
		/* a word begins where a span ended inside of it */
		if (k < 0 || k >= scan->size ||
			(k > 0 && (scan->word >> (k - 1) & 3) == 3))
		{
			if (scan->pos >= scan->next_check)
			{
				CHECK_FOR_INTERRUPTS();
				scan->next_check = scan->pos + CHECK_EVERY;
			}
			look_ahead(scan, scan->pos);
			k = 0;
		}
		/* not what is behind a word that ended here */
		word_at = scan->word_at & ~BEFORE(k);
		word_at &= ~(~scan->word & UINT64CONST(1) << k);
		sign_at = scan->sign_at & ~BEFORE(k);
		bits = word_at | sign_at;
		if (bits == 0)
		{
			scan->pos = scan->base + scan->size;
			continue;
		}
		i = pg_rightmost_one_pos64(bits);
		if ((word_at >> i & 1) == 0)
		{
			*start = scan->base + i;
			*end = 0;
			return true;
		}
		first = pg_leftmost_one_pos64(scan->start &
									  ((UINT64CONST(2) << i) - 1));
		*start = scan->base + first;
		bits = ~(scan->word >> first);
		if (bits == 0)
		{
			*mask = 0;
			*end = long_word(scan, *start, mask);
			return true;
		}
		n = pg_rightmost_one_pos64(bits);
		*end = *start + n;
		bits = BEFORE(n) << first;
		*mask = B_TOKEN | ((scan->digit & bits) != 0 ? B_DIGIT : 0) |
			((scan->lower & bits) != 0 ? B_LOWER : 0) |
			((scan->upper & bits) != 0 ? B_UPPER : 0) |
			((scan->under & bits) != 0 ? B_UNDER : 0);
		return true;
	}
}

/*
 * The next span of the built-in kinds; false at the end.
 */
bool
hg_scan_next(HgScan *scan, HgSpan *span)
{
	for (;;)
	{
		int			start;
		int			end = 0;
		int			mask = 0;
		int			skip;
		bool		found;

		if (!next_place(scan, &start, &end, &mask))
		{
			if (!scan->have_pending)
				return false;
			start = scan->len;
		}
		if (scan->have_pending && start >= scan->pending.start)
		{
			*span = scan->pending;
			scan->have_pending = false;
			scan->pos = scan->floor = span->end;
			return true;
		}
		if (end > 0)
		{
			skip = end;
			found = match_word(scan, start, end, mask, span);
		}
		else
		{
			skip = start + 1;
			found = match_sign(scan, start, span, &skip);
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

#ifdef __SSE2__
	__m128i		sums = _mm_setzero_si128();
#endif

#ifdef HG_WIDE
	if (hg_has_wide())
		return hg_wide_worthwhile(s, len, glance);
#endif
#ifdef __SSE2__
	for (; i + 16 <= len; i += 16)
	{
		__m128i		x = _mm_loadu_si128((const __m128i *) (s + i));
		__m128i		any = _mm_or_si128(BETWEEN(x, '0', ':'),
									   BETWEEN(x, '!', '"'));
		__m128i		capital = BETWEEN(x, 'A', 'Z');

		any = _mm_or_si128(any, _mm_or_si128(EITHER(x, '@', '`'),
											 EITHER(x, '$', '\'')));
		any = _mm_or_si128(any, EITHER(x, '=', '{'));
		if (BITS(any, 0) != 0)
			return true;
		capital = _mm_and_si128(capital, _mm_set1_epi8(1));
		sums = _mm_add_epi64(sums, _mm_sad_epu8(capital, _mm_setzero_si128()));
	}
	capitals = _mm_cvtsi128_si32(sums) +
		_mm_cvtsi128_si32(_mm_srli_si128(sums, 8));
	if (capitals >= 20)
		return true;
#endif
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
