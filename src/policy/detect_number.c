/*-------------------------------------------------------------------------
 *
 * detect_number.c
 *	  Numbers of people: cards, accounts, phones, ids, dates, addresses of
 *	  machines.
 *
 * Digits with separators are gathered once into groups; then each kind asks
 * whether the first groups are its own.  Structure and checksum decide where
 * there are any; what has neither needs a hint.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "policy/detect_int.h"
#include "port/pg_bitutils.h"

/* More digits or groups than any kind has. */
#define MAX_DIGITS 34
#define MAX_GROUPS 12

typedef struct Number
{
	int			start;			/* first byte, sign or bracket included */
	int			n;				/* digits */
	char		digits[MAX_DIGITS + 18];	/* copied by sixteens */
	int			groups;
	int			len[MAX_GROUPS + 1];	/* digits of each group */
	int			end[MAX_GROUPS + 1];	/* byte after it */
	char		sep[MAX_GROUPS + 1];	/* before it; ')' for brackets */
	bool		plus;
	bool		bracket;		/* the first group stands in brackets */
	bool		sign_before;	/* a sign stands before: -, ., #, $ */
	uint64		hints;
	bool		hints_known;
} Number;

static uint64
hints_of(const HgScan *scan, Number *number)
{
	if (!number->hints_known)
	{
		number->hints = scan->hints | hg_hint_before(scan, number->start);
		if (scan->no_veto)
			number->hints &= ~HINTS_AGAINST;
		number->hints_known = true;
	}
	return number->hints;
}

static bool
has(const HgScan *scan, Number *number, Hint hint)
{
	if (scan->no_veto && (H(hint) & HINTS_AGAINST) != 0)
		return false;
	return (hints_of(scan, number) & H(hint)) != 0;
}

/* Is a span from the number's start to `end` all of the value? */
static bool
is_whole(const HgScan *scan, const Number *number, int end)
{
	return scan->whole && number->start == 0 && end == scan->len;
}

/* May a number end here?  Not inside of a word, a decimal, a longer chain. */
static bool
ends(const HgScan *scan, int end)
{
	unsigned char c = at(scan, end);
	unsigned char next = at(scan, end + 1);

	if (IS(c, B_WORD) || c == '@' || c == '%')
		return false;
	if (c == '.' || c == ',' || c == ':')
		return !IS(next, B_DIGIT) || c == ',';
	if (c == '-' || c == '/' || c == '+')
		return !IS(next, B_ALNUM);
	return true;
}

/*
 * Copy the digits that stand at i, at most `room` of them; returns how many.
 * Up to 16 bytes beyond them are overwritten.
 */
static inline int
copy_digits(const HgScan *scan, int i, int room, char *to)
{
	const unsigned char *from = scan->s + i;
	int			left = scan->len - i;
	int			len = 0;
	unsigned	k = i - scan->base;

	/* of the bytes looked at it is known which are digits */
	if (k > 0 && k < 64 && left >= 16)
	{
		uint64		ends = ~(scan->digit >> k);

		len = pg_rightmost_one_pos64(ends);
		if (len <= 16 && len + k < 64)
		{
			memcpy(to, from, 16);
			return Min(len, room);
		}
		len = 0;
	}
#ifdef __SSE2__
	if (scan->len >= 16)
	{
		__m128i		x;
		__m128i		digit;

		if (left >= 16)
			x = _mm_loadu_si128((const __m128i *) from);
		else
		{
			char		last[32];

			_mm_storeu_si128((__m128i *) last,
							 _mm_loadu_si128((const __m128i *)
											 (scan->s + scan->len - 16)));
			_mm_storeu_si128((__m128i *) (last + 16), _mm_setzero_si128());
			x = _mm_loadu_si128((const __m128i *) (last + 16 - left));
		}
		_mm_storeu_si128((__m128i *) to, x);
		x = _mm_sub_epi8(x, _mm_set1_epi8('0'));
		digit = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(9)), x);
		len = pg_rightmost_one_pos32(~_mm_movemask_epi8(digit) | 0x10000);
		if (len < 16)
			return Min(len, room);
	}
#endif
	room = Min(room, left);
	while (len < room && from[len] >= '0' && from[len] <= '9')
	{
		to[len] = from[len];
		len++;
	}
	return Min(len, room);
}

/* Does a sign stand before that makes a number part of something else? */
static bool
sign_stands_before(const HgScan *scan, int start)
{
	static const bool signs[256] = {
		['-'] = true, ['.'] = true, ['/'] = true, [':'] = true, ['#'] = true,
		['$'] = true, ['^'] = true, ['~'] = true, ['%'] = true
	};
	unsigned char before = at(scan, start - 1);
	unsigned char two;

	if (!signs[before])
		return false;
	switch (before)
	{
		case '-':
		case '.':
			two = at(scan, start - 2);
			return IS(two, B_ALNUM) ||
				(two != '-' && two != ' ' && two != '.' &&
				 (two == 0 || !IS(two, B_SPACE)));
		case '/':
			return IS(at(scan, start - 2), B_ALNUM);
		case ':':
			return IS(at(scan, start - 2), B_DIGIT);
		case '#':
		case '$':
		case '^':
		case '~':
		case '%':
			return true;
		default:
			return false;		/* a comma: a row of a CSV file */
	}
}

/* How many digits stand at i; more than seven may be more. */
static inline int
digits_at(const HgScan *scan, int i)
{
	unsigned	k = i - scan->base;
	int			n = 0;

	if (k <= 64 - 8)
	{
		/* one that ends with the bytes looked at is at least eight */
		uint64		ends = ~(scan->digit >> k);

		return ends != 0 ? pg_rightmost_one_pos64(ends) : 64;
	}
	while (n < 8 && IS(at(scan, i + n), B_DIGIT))
		n++;
	return n;
}

/* Gather digits and their separators from start on. */
static void
gather(const HgScan *scan, int start, Number *number)
{
	int			i = start;
	bool		open = false;

	/* most numbers are small: not the whole of it is cleared */
	number->n = 0;
	number->groups = 0;
	number->sep[0] = number->sep[1] = number->sep[2] = number->sep[3] = 0;
	number->len[0] = number->len[1] = number->len[2] = number->len[3] = 0;
	number->plus = false;
	number->bracket = false;
	number->hints_known = false;
	number->start = start;

	if (scan->s[i] == '+')
	{
		number->plus = true;
		i++;
		if (at(scan, i) == '(')
			i++;
	}
	else if (scan->s[i] == '(')
	{
		number->bracket = true;
		open = true;
		i++;
		if (at(scan, i) == '+')
			i++;
	}

	while (i < scan->len && number->groups < MAX_GROUPS &&
		   number->n < MAX_DIGITS)
	{
		int			g = number->groups;
		int			len = copy_digits(scan, i, MAX_DIGITS - number->n,
									  number->digits + number->n);
		unsigned char c;

		i += len;
		number->n += len;
		if (number->n == MAX_DIGITS && IS(at(scan, i), B_DIGIT))
		{
			/* too long for anything, or only what follows it is */
			number->n = g > 0 ? number->n - len : number->n + 1;
			break;
		}
		if (len == 0)
			break;
		number->len[g] = len;
		number->end[g] = i;
		number->sep[g + 1] = 0;
		number->groups++;

		c = at(scan, i);
		if (c == ')')
		{
			if (!open && !number->plus && g != 1)
				break;
			open = false;
			number->end[g] = ++i;
			c = at(scan, i);
			number->sep[g + 1] = ')';
			if (c == ' ' || c == '-' || c == '.')
				i++;
			if (!IS(at(scan, i), B_DIGIT))
				break;
			continue;
		}
		if (c == ' ' || c == '-' || c == '.' || c == '/')
		{
			number->sep[g + 1] = c;
			if (IS(at(scan, i + 1), B_DIGIT))
			{
				i++;
				continue;
			}
			/* +44 (0)20 ..., 8 (301) ... */
			if (c == ' ' && at(scan, i + 1) == '(' &&
				IS(at(scan, i + 2), B_DIGIT))
			{
				i += 2;
				open = true;
				continue;
			}
		}
		else if (c == 0xC2 && at(scan, i + 1) == 0xA0 &&
				 IS(at(scan, i + 2), B_DIGIT))
		{
			number->sep[g + 1] = ' ';	/* no-break space */
			i += 2;
			continue;
		}
		else if (c == 0xE2 && at(scan, i + 1) == 0x80 &&
				 (at(scan, i + 2) == 0x91 || at(scan, i + 2) == 0x93 ||
				  at(scan, i + 2) == 0xAF || at(scan, i + 2) == 0x89) &&
				 IS(at(scan, i + 3), B_DIGIT))
		{
			/* hyphen that does not break, en dash, narrow spaces */
			number->sep[g + 1] = at(scan, i + 2) <= 0x93 &&
				at(scan, i + 2) >= 0x91 ? '-' : ' ';
			i += 3;
			continue;
		}
		break;
	}
}

/* Are the first groups of these lengths, with one kind of separator? */
#define shape(number, lengths) \
	shape_is(number, lengths, (int) sizeof(lengths) - 1)

static inline bool
shape_is(const Number *number, const char *lengths, int n)
{
	if (number->groups < n)
		return false;
	for (int i = 0; i < n; i++)
		if (number->len[i] != lengths[i] - '0' ||
			(i > 1 && number->sep[i] != number->sep[1]))
			return false;
	return true;
}

/* No further group with the same separator, and a clean end. */
static bool
closed(const HgScan *scan, const Number *number, int groups)
{
	int			end = number->end[groups - 1];

	if (number->groups > groups && groups > 1 &&
		number->sep[groups] == number->sep[groups - 1] &&
		number->sep[groups] != ' ')
		return false;
	return ends(scan, end);
}

static int
digits_of(const Number *number, int groups)
{
	int			n = 0;

	for (int i = 0; i < groups; i++)
		n += number->len[i];
	return n;
}

static int
value_of(const char *digits, int n)
{
	int			v = 0;

	for (int i = 0; i < n; i++)
		v = v * 10 + digits[i] - '0';
	return v;
}

/* ---- addresses of machines ---- */

/* Four octets from i on: the byte after them, 0 if they are none. */
static int
ip4_end(const HgScan *scan, int i)
{
	for (int octet = 0; octet < 4; octet++)
	{
		int			v = 0;
		int			n = 0;

		while (n < 4 && IS(at(scan, i), B_DIGIT))
		{
			v = v * 10 + scan->s[i++] - '0';
			n++;
		}
		if (n == 0 || n > 3 || v > 255 || (n > 1 && scan->s[i - n] == '0'))
			return 0;
		if (octet < 3)
		{
			if (at(scan, i) != '.')
				return 0;
			i++;
		}
	}
	return i;
}

/* With a prefix length or a port behind it. */
static int
ip_tail(const HgScan *scan, int end, int max_prefix)
{
	unsigned char c = at(scan, end);
	int			i = end + 1;
	int			v = 0;

	if (c != '/' && (c != ':' || max_prefix > 32))
		return end;
	while (i < scan->len && i - end <= 5 && IS(scan->s[i], B_DIGIT))
		v = v * 10 + scan->s[i++] - '0';
	if (i == end + 1 || IS(at(scan, i), B_WORD))
		return end;
	return v <= (c == '/' ? max_prefix : 65535) ? i : end;
}

/* In a URL of a cell the address names a server, not a person. */
static bool
in_url(const HgScan *scan, int start)
{
	return scan->whole && start >= 3 && at(scan, start - 1) == '/' &&
		at(scan, start - 2) == '/';
}

static bool
match_ip4(const HgScan *scan, Number *number, HgSpan *span)
{
	const char *d = number->digits;
	int			start = number->start;
	int			end;
	unsigned char c;

	if (number->groups < 4 || number->sep[1] != '.' || number->sep[2] != '.' ||
		number->sep[3] != '.' || number->plus || number->bracket)
		return false;
	/* what ip4_end asks, of digits that are gathered */
	for (int octet = 0; octet < 4; octet++)
	{
		int			n = number->len[octet];

		if (n > 3 || (n > 1 && d[0] == '0') || (n == 3 &&
												memcmp(d, "255", 3) > 0))
			return false;
		d += n;
	}
	end = number->end[3];
	c = at(scan, end);
	if (IS(c, B_WORD) || c == '@' ||
		((c == '.' || c == '-') && IS(at(scan, end + 1), B_ALNUM)))
		return false;
	if (number->sign_before && at(scan, start - 1) != '/' &&
		at(scan, start - 1) != ':')
		return false;
	if (in_url(scan, start))
		return false;
	if (has(scan, number, HINT_VERSION) && !has(scan, number, HINT_IP))
		return false;
	return hg_span(span, start, ip_tail(scan, end, 32), "ip_address", 90);
}

/*
 * IPv6 at its first group or at its leading "::".  A compressed one needs
 * three groups or a usual beginning, for "a::b" is also a cast or a scope.
 */
bool
hg_match_ip6(const HgScan *scan, int start, HgSpan *span)
{
	int			i = start;
	int			groups = 0;
	int			compressed = -1;
	int			end = 0;
	bool		digit = false;
	bool		bad = false;
	bool		mapped = false;
	unsigned char before = at(scan, start - 1);

	if (IS(before, B_WORD) || before == ':' || before == '.' ||
		(before == '-' && IS(at(scan, start - 2), B_ALNUM)))
		return false;
	if (at(scan, i) == ':')
	{
		compressed = 0;
		i += 2;
		if (IS(before, B_ALNUM | B_HIGH) || before == ')' || before == '"' ||
			before == ']' || before == '\'')
			return false;
	}
	while (groups < 8)
	{
		int			from = i;
		int			n = 0;

		while (n < 5 && IS(at(scan, i), B_HEX))
		{
			digit |= IS(scan->s[i], B_DIGIT);
			i++;
			n++;
		}
		if (n == 0)
			break;
		if (n > 4)
			return false;
		if (at(scan, i) == '.')
		{
			int			v4 = ip4_end(scan, from);

			if (groups <= 6 && v4 > 0)
			{
				groups += 2;
				end = i = v4;
				mapped = true;
				break;
			}
			if (IS(at(scan, i + 1), B_DIGIT))
				bad = true;
		}
		groups++;
		end = i;
		if (at(scan, i) != ':')
			break;
		if (at(scan, i + 1) == ':')
		{
			if (compressed >= 0)
				return false;
			compressed = groups;
			i += 2;
			end = i;
			if (!IS(at(scan, i), B_HEX))
				break;
		}
		else if (IS(at(scan, i + 1), B_HEX))
			i++;
		else
			break;
	}
	if (bad || (compressed < 0 ? groups != 8 : groups > 7) || groups == 0 ||
		!digit)
		return false;
	/* eight pairs are rather a hardware address, or a time */
	if (compressed >= 0 && !mapped && groups < 3 && compressed != 0)
	{
		unsigned char c = LOWER(scan->s[start]);

		if (!(c == 'f' && strchr("cdef", LOWER(at(scan, start + 1))) != NULL &&
			  at(scan, start + 1) != '\0') &&
			!(c == '2' && IS(at(scan, start + 3), B_HEX)))
			return false;
	}
	if (IS(at(scan, end), B_WORD) ||
		(at(scan, end) == ':' && at(scan, end + 1) != ' ' &&
		 at(scan, end + 1) != 0) ||
		(at(scan, end) == '.' && IS(at(scan, end + 1), B_DIGIT)))
		return false;
	if (before == '[' && in_url(scan, start - 1))
		return false;
	if (at(scan, end) == '%')
	{
		int			zone = end + 1;

		while (zone < scan->len && zone - end < 17 && IS(scan->s[zone], B_TOKEN))
			zone++;
		if (zone > end + 1)
			end = zone;
	}
	return hg_span(span, start, ip_tail(scan, end, 128), "ip_address", 90);
}

/* Six pairs with one separator, or three fours with dots; eight pairs too. */
bool
hg_match_mac(const HgScan *scan, int start, HgSpan *span)
{
	int			i = start;
	int			each = 2;
	int			pairs = 0;
	unsigned char sep;
	unsigned char before = at(scan, start - 1);
	bool		zeros = true;
	bool		ones = true;

	if (IS(before, B_WORD) || before == '-' || (before == ':' && start >= 2 &&
												IS(at(scan, start - 2), B_HEX) &&
												IS(at(scan, start - 3), B_HEX)))
		return false;
	if (IS(at(scan, i + 2), B_HEX))
		each = 4;
	sep = at(scan, i + each);
	if (each == 2 ? sep != ':' && sep != '-' : sep != '.')
		return false;
	for (;;)
	{
		for (int k = 0; k < each; k++, i++)
		{
			unsigned char c = at(scan, i);

			if (!IS(c, B_HEX))
				return false;
			zeros &= c == '0';
			ones &= LOWER(c) == 'f';
		}
		pairs++;
		if (at(scan, i) != sep)
			break;
		if (pairs == 8)
			return false;
		if (!IS(at(scan, i + 1), B_HEX))
			break;
		i++;
	}
	if ((each == 2 ? pairs != 6 && pairs != 8 : pairs != 3) || zeros || ones ||
		IS(at(scan, i), B_WORD))
		return false;
	if (pairs == 8 && sep == ':')
		return false;			/* as likely an IPv6 address */
	if (sep == '.' && (before == '.' || (at(scan, i) == '.' &&
										 IS(at(scan, i + 1), B_ALNUM))))
		return false;
	return hg_span(span, start, i, "mac_address", 90);
}

/* ---- dates ---- */

#define NAME(a, b, c) ((a) << 16 | (b) << 8 | (c))

/* Month by the first letters of its name in six languages; 0 if none. */
static int
month_name(const unsigned char *s, int len)
{
	int			a;
	int			b;
	int			c;

	if (len < 3 || len > 10)
		return 0;
	a = LOWER(s[0]);
	b = LOWER(s[1]);
	c = LOWER(s[2]);
	switch (a << 16 | b << 8 | c)
	{
		case NAME('j', 'a', 'n'):
		case NAME('e', 'n', 'e'):
		case NAME('g', 'e', 'n'):
			return 1;
		case NAME('f', 'e', 'b'):
		case NAME('f', 'e', 'v'):
			return 2;
		case NAME('m', 'a', 'r'):
			return 3;
		case NAME('a', 'p', 'r'):
		case NAME('a', 'b', 'r'):
		case NAME('a', 'v', 'r'):
			return 4;
		case NAME('m', 'a', 'y'):
		case NAME('m', 'a', 'i'):
		case NAME('m', 'a', 'g'):
			return 5;
		case NAME('j', 'u', 'n'):
		case NAME('j', 'u', 'i'):
		case NAME('g', 'i', 'u'):
			return 6;
		case NAME('j', 'u', 'l'):
		case NAME('l', 'u', 'g'):
			return 7;
		case NAME('a', 'u', 'g'):
		case NAME('a', 'g', 'o'):
			return 8;
		case NAME('s', 'e', 'p'):
		case NAME('s', 'e', 't'):
			return 9;
		case NAME('o', 'c', 't'):
		case NAME('o', 'k', 't'):
		case NAME('o', 'u', 't'):
		case NAME('o', 't', 't'):
			return 10;
		case NAME('n', 'o', 'v'):
			return 11;
		case NAME('d', 'e', 'c'):
		case NAME('d', 'e', 'z'):
		case NAME('d', 'i', 'c'):
			return 12;
		default:
			break;
	}
	/* an accent behind the first: fé, mär, aoû */
	if (a == 'm' && IS(b, B_HIGH))
		return 3;
	if (IS(c, B_HIGH))
		return a == 'f' && b == 'e' ? 2 : a == 'a' && b == 'o' ? 8 : 0;
	return 0;
}

#undef NAME

static bool
plausible_birth(int year, int month, int day)
{
	return year >= 1880 && year <= 2035 && hg_check_day(year, month, day);
}

/*
 * The same with the month in front, at its day: January 14, 1974.  The byte
 * after it, 0 if none, and the month's first at *from.
 */
static int
month_first_end(const HgScan *scan, int start, int word_end, int *from)
{
	int			day = 0;
	int			year = 0;
	int			month = start - 1;
	int			i = word_end;

	if (at(scan, month - 1) == '.')
		month--;
	*from = month;
	while (*from > scan->floor && month - *from < 10 &&
		   IS(scan->s[*from - 1], B_ALPHA))
		(*from)--;
	if (IS(at(scan, *from - 1), B_WORD | B_HIGH))
		return 0;
	if (at(scan, i) == ',')
		i++;
	if (at(scan, i) == ' ')
		i++;
	for (int k = 0; k < 4; k++, i++)
	{
		if (!IS(at(scan, i), B_DIGIT))
			return 0;
		year = year * 10 + scan->s[i] - '0';
	}
	for (int k = start; k < word_end; k++)
		day = day * 10 + scan->s[k] - '0';
	month = month_name(scan->s + *from, month - *from);
	if (month == 0 || IS(at(scan, i), B_WORD) ||
		!plausible_birth(year, month, day))
		return 0;
	return i;
}

/* A date in one of the usual notations: the byte after it, 0 if none. */
static int
date_end(const HgScan *scan, const Number *number)
{
	const char *d = number->digits;
	int			end;

	/* 14 January 1974, 17-JAN-1974, 3. März 1980, 5 de mayo de 1960 */
	if (number->len[0] <= 2)
	{
		int			i = number->end[0];
		int			from;
		int			month;
		int			n = 0;
		int			year = 0;

		while (i - number->end[0] < 6 &&
			   (at(scan, i) == ' ' || at(scan, i) == '-' ||
				at(scan, i) == '.' || at(scan, i) == '/'))
			i++;
		if (at(scan, i) == 'd' && at(scan, i + 1) == 'e' &&
			at(scan, i + 2) == ' ')
			i += 3;
		if (IS(at(scan, i), B_ALPHA) && i > number->end[0])
		{
			from = i;
			while (i < scan->len && i - from < 14 &&
				   IS(scan->s[i], B_ALPHA | B_HIGH))
				i++;
			month = month_name(scan->s + from, i - from);
			while (i - from < 20 && (at(scan, i) == ' ' ||
									 at(scan, i) == '-' ||
									 at(scan, i) == '.' ||
									 at(scan, i) == ',' ||
									 at(scan, i) == '/'))
				i++;
			if (at(scan, i) == 'd' && at(scan, i + 1) == 'e' &&
				at(scan, i + 2) == ' ')
				i += 3;
			while (n < 4 && IS(at(scan, i), B_DIGIT))
			{
				year = year * 10 + scan->s[i++] - '0';
				n++;
			}
			if (n == 2)
				year += year > 35 ? 1900 : 2000;
			if (month > 0 && (n == 2 || n == 4) && !IS(at(scan, i), B_WORD) &&
				plausible_birth(year, month, value_of(d, number->len[0])))
				return i;
		}
	}

	if (number->groups >= 3 && number->sep[1] == number->sep[2] &&
		strchr("-./ ", number->sep[1]) != NULL)
	{
		int			a = value_of(d, Min(number->len[0], 4));
		int			b = value_of(d + number->len[0], Min(number->len[1], 2));
		int			c = value_of(d + number->len[0] + number->len[1],
								 Min(number->len[2], 4));
		int			year;

		end = number->end[2];
		if (number->len[1] <= 2 && (!IS(at(scan, end), B_WORD) ||
									at(scan, end) == 'T'))
		{
			if (number->len[0] == 4 && number->len[2] <= 2 &&
				plausible_birth(a, b, c))
				return end;
			if (number->len[0] <= 2 &&
				(number->len[2] == 4 || number->len[2] == 2))
			{
				year = number->len[2] == 2 ? c + (c > 35 ? 1900 : 2000) : c;
				if (plausible_birth(year, b, a) || plausible_birth(year, a, b))
					return end;
			}
		}
	}
	if (number->len[0] == 8 &&
		(plausible_birth(value_of(d, 4), value_of(d + 4, 2),
						 value_of(d + 6, 2)) ||
		 plausible_birth(value_of(d + 4, 4), value_of(d + 2, 2),
						 value_of(d, 2))) && ends(scan, number->end[0]))
		return number->end[0];
	return 0;
}

/* ---- cards ---- */

/*
 * Is it what follows the first four of an IBAN, with that country's length?  One
 * whose remainder is right would have been found there.  Where sixteen digits
 * follow, a card behind a label is as likely.
 */
static bool
of_wrong_iban(const HgScan *scan, const Number *number)
{
	const unsigned char *first;
	int			length;
	int			n = 4;

	if (number->groups < 4 || number->start - scan->floor < 5)
		return false;
	first = scan->s + number->start - 5;
	if (first[4] != ' ' || !IS(first[0], B_UPPER) || !IS(first[1], B_UPPER) ||
		!IS(first[2], B_DIGIT) || !IS(first[3], B_DIGIT) ||
		IS(at(scan, number->start - 6), B_WORD))
		return false;
	length = hg_iban_length(first[0] & ~32, first[1] & ~32);
	for (int g = 0; g < number->groups && n < length; g++)
		if (g == 0 || number->sep[g] == ' ')
			n += number->len[g];
	return n == length && n != 20;
}

static bool
match_card(const HgScan *scan, Number *number, HgSpan *span)
{
	if (number->plus || number->bracket)
		return false;
	if (number->sign_before && (at(scan, number->start - 1) != '-' ||
								IS(at(scan, number->start - 2), B_DIGIT)))
	{
		if (at(scan, number->start - 1) != '/')
			return false;
	}

	if (of_wrong_iban(scan, number))
		return false;

	for (int g = number->groups, n = number->n; n >= 12;
		 n -= number->len[--g])
	{
		int			end = number->end[g - 1];
		bool		fits = true;

		if (n > 19 || !closed(scan, number, g))
			continue;
		if (g == 1)
		{
			/* lengths that other long numbers have: not without a reason */
			if (n != 16 && n != 15 && n != 14 &&
				!is_whole(scan, number, end) && !has(scan, number, HINT_CARD))
				continue;
			if (n != 16 && (scan->named || !is_whole(scan, number, end)) &&
				has(scan, number, HINT_THING))
				continue;
			if (n == 15 && number->digits[0] == '1' &&
				!is_whole(scan, number, end) && !has(scan, number, HINT_CARD))
				continue;
			if (n == 15 && has(scan, number, HINT_IMEI))
				continue;
		}
		else
		{
			for (int i = 1; i < g; i++)
				fits &= number->sep[i] == number->sep[1];
			if (number->sep[1] == '/' || number->sep[1] == ')')
				fits = false;
			if (number->len[0] != 4)
				fits = false;
			else if (g == 3 && number->len[1] == 6)
				fits &= number->len[2] == 5 || number->len[2] == 4;
			else
				for (int i = 1; i < g; i++)
					fits &= number->len[i] == 4 || (i == g - 1 &&
													number->len[i] < 4);
		}
		if (fits && hg_check_card(number->digits, n))
			return hg_span(span, number->start, end, "credit_card",
						   g > 1 || n == 16 ? 92 : 80);
	}
	return false;
}

/* ---- phones ---- */

/* Area and exchange of the North American plan, none of them 0 or 1 first. */
static bool
north_american(const char *d)
{
	return d[0] >= '2' && d[3] >= '2' && !(d[1] == '1' && d[2] == '1');
}

/* Digits that are grouped as people write phone numbers. */
static bool
phone_grouped(const Number *number, int from, int groups)
{
	for (int i = from; i < groups; i++)
		if (number->len[i] > 10 || number->sep[i] == 0)
			return i == 0;
	return true;
}

static bool
match_phone(const HgScan *scan, Number *number, HgSpan *span)
{
	const char *d = number->digits;
	int			start = number->start;
	int			end;
	int			n;

	if (number->sign_before && !number->plus && !number->bracket)
		return false;

	/* +CC ...: the longest run of groups that can be a number */
	if (number->plus)
	{
		for (int g = number->groups; g > 0; g--)
		{
			int			code;

			n = digits_of(number, g);
			end = number->end[g - 1];
			code = hg_calling_code(d, n);
			if (n < 8 || n > (number->groups == 1 || code == 2 ? 15 : 14) ||
				code == 0 || !ends(scan, end))
				continue;
			if (d[0] == '1' && n != 11)
				continue;
			if (code == 1 && n < 11)
				continue;
			/* a space may be followed by another number */
			if (g > 1 && n > 13)
				continue;
			if (number->sep[1] == '/' || !phone_grouped(number, 1, g))
				continue;
			return hg_span(span, start, end, "phone", 92);
		}
		return false;
	}

	/* (212) 555-0100, 212-555-0100, 1-212-555-0100, 91-415-555-0132 */
	for (int lead = 0; lead < 2; lead++)
	{
		const char *area = d + (lead ? number->len[0] : 0);
		const int  *len = number->len + lead;
		const char *sep = number->sep + lead;
		bool		spaced;

		if (number->groups < 3 + lead || len[0] != 3 || len[1] != 3 ||
			len[2] != 4 || !north_american(area) ||
			(lead && (number->len[0] > 3 || sep[0] == '.' ||
					  number->bracket)))
			continue;
		end = number->end[2 + lead];
		if (!closed(scan, number, 3 + lead))
			continue;
		if (!lead && number->bracket ? sep[1] != ')' :
			(sep[1] != sep[2] && sep[1] != ')'))
			continue;
		if (sep[1] == '/' || sep[2] == '/')
			continue;
		spaced = sep[1] == ' ' && sep[2] == ' ';
		if (spaced && !is_whole(scan, number, end) &&
			!has(scan, number, HINT_PHONE))
			continue;
		if (has(scan, number, HINT_THING) && !has(scan, number, HINT_PHONE))
			continue;
		return hg_span(span, start, end, "phone", spaced ? 75 : 88);
	}

	n = number->n;
	if (number->groups == 0 || n > 15)
		return false;
	end = number->end[number->groups - 1];

	/* With a word for it, any number of the right length. */
	if (has(scan, number, HINT_PHONE))
	{
		for (int g = number->groups; g > 0; g--)
		{
			n = digits_of(number, g);
			end = number->end[g - 1];
			if (n > 15 || n < 7 || !closed(scan, number, g))
				continue;
			if (!phone_grouped(number, 1, g) && g > 1)
				continue;
			if (!is_whole(scan, number, end) &&
				(g == 1 ? n < 9 : n < 8 ||
				 (n == 8 && date_end(scan, number) > 0)))
				continue;
			return hg_span(span, start, end, "phone", 85);
		}
		return false;
	}

	/* A cell that holds nothing else, in a column that says nothing else. */
	if (is_whole(scan, number, end) && !scan->named)
	{
		bool		grouped = number->groups > 1;
		bool		same = true;

		for (int i = 2; i < number->groups; i++)
			same &= number->sep[i] == number->sep[1] ||
				number->sep[1] == ')';
		if (number->sep[1] == '/')
			return false;
		/* 00 and a calling code */
		if (d[0] == '0' && d[1] == '0' && n >= 11 && grouped &&
			hg_calling_code(d + 2, n - 2) > 0)
			return hg_span(span, start, end, "phone", 75);
		/* trunk prefix 0 */
		if (d[0] == '0' && d[1] != '0' && n >= 10 && n <= 12 && grouped &&
			(number->len[0] >= 3 || number->groups >= 4))
			return hg_span(span, start, end, "phone", 70);
		if (d[0] == '0' && d[1] != '0' && n == 11 && !grouped)
			return hg_span(span, start, end, "phone", 60);
		/* 532 123 45 67 */
		if (shape(number, "3322") && number->groups == 4 && same &&
			d[0] >= '2')
			return hg_span(span, start, end, "phone", 65);
		/* a Chinese mobile number */
		if (!grouped && n == 11 && d[0] == '1' && d[1] >= '3')
			return hg_span(span, start, end, "phone", 60);
		return false;
	}

	/* In a text: trunk prefix 0, well grouped, not a date. */
	if (d[0] == '0' && d[1] != '0' && !scan->whole &&
		!has(scan, number, HINT_THING))
	{
		int			g = number->groups;

		n = digits_of(number, g);
		if (g >= 2 && g <= 5 && n >= 10 && n <= 12 &&
			(number->len[0] >= 3 || (g == 5 && n == 10)) &&
			(number->len[g - 1] >= 3 || (g == 5 && n == 10)) &&
			(number->sep[1] == ' ' || number->sep[1] == '-' ||
			 number->sep[1] == '/') && ends(scan, number->end[g - 1]))
		{
			for (int i = 1; i < g; i++)
				if (number->len[i] < 2)
					return false;
			return hg_span(span, start, number->end[g - 1], "phone", 65);
		}
	}
	return false;
}

/* ---- numbers that a word must announce ---- */

static bool
six_digit_date(const char *ddmmyy)
{
	int			day = value_of(ddmmyy, 2);

	return hg_check_day(2000, value_of(ddmmyy + 2, 2),
						day > 40 ? day - 40 : day);
}

static bool
named_number_fits(Hint hint, const char *d, int n)
{
	static const signed char bsn[] = {9, 8, 7, 6, 5, 4, 3, 2, -1};
	static const signed char tfn[] = {1, 4, 3, 7, 5, 8, 6, 9, 10};
	static const signed char pesel[] = {1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1};
	static const signed char medicare[] = {1, 3, 7, 9, 1, 3, 7, 9, -1};
	char		npi[16];

	switch (hint)
	{
		case HINT_SSN:
			return n == 9 && hg_check_ssn(d);
		case HINT_ITIN:
			return n == 9 && hg_check_itin(d);
		case HINT_NHS:
			return n == 10 && hg_check_nhs(d);
		case HINT_DE_TAX:
			return n == 11 && hg_check_de_tax(d);
		case HINT_IMEI:
			return (n == 15 && hg_check_luhn(d, 15)) || n == 16;
		case HINT_NPI:
			memcpy(npi, "80840", 5);
			memcpy(npi + 5, d, Min(n, 10));
			return n == 10 && hg_check_luhn(npi, 15);
		case HINT_PESEL:
			return n == 11 && hg_check_weights(d, pesel, 11, 10);
		case HINT_AADHAAR:
			return n == 12 && d[0] >= '2' && hg_check_verhoeff(d, 12);
		case HINT_TFN:
			return n == 9 && hg_check_weights(d, tfn, 9, 11);
		case HINT_AU_MEDICARE:
			return (n == 10 || n == 11) && d[0] >= '2' && d[0] <= '6' &&
				hg_check_weights(d, medicare, 9, 10);
		case HINT_SIN:
			return n == 9 && hg_check_luhn(d, 9);
		case HINT_ZA_ID:
			return n == 13 && hg_check_luhn(d, 13) &&
				hg_check_day(2000, value_of(d + 2, 2), value_of(d + 4, 2));
		case HINT_TCKN:
			return n == 11 && hg_check_tckn(d);
		case HINT_TNIN:
			return n == 13 && hg_check_thai(d);
		case HINT_NG_NIN:
			return n == 11;
		case HINT_BSN:
			return n == 9 && hg_check_weights(d, bsn, 9, 11);
		case HINT_CPF:
			return n == 11 && hg_check_cpf(d);
		case HINT_NIR:
			return n == 13 || (n == 15 && hg_check_97(d, 15, false));
		case HINT_FNR:
			return n == 11 && hg_check_fnr(d);
		case HINT_CPR:
			return n == 10 && six_digit_date(d);
		case HINT_BE_NN:
			return n == 11 && hg_check_97(d, 11, true);
		case HINT_RRN:
			return n == 13 && hg_check_day(2000, value_of(d + 2, 2),
										   value_of(d + 4, 2));
		case HINT_PNR:
			return (n == 10 && hg_check_luhn(d, 10)) ||
				(n == 12 && hg_check_luhn(d + 2, 10));
		case HINT_HETU:
			return false;
		case HINT_ROUTING:
			return n == 9;
		case HINT_BANK:
			return n >= 6 && n <= 17;
		case HINT_PASSPORT:
			return n >= 8 && n <= 9;
		case HINT_LICENSE:
			return n >= 7 && n <= 12;
		case HINT_NATIONAL:
			return n >= 7 && n <= 14;
		default:
			return false;
	}
}

static const struct
{
	Hint		hint;
	const char *class_name;
}			named_numbers[] = {
	{HINT_SSN, "us_ssn"}, {HINT_ITIN, "us_itin"}, {HINT_NHS, "uk_nhs"},
	{HINT_DE_TAX, "de_tax_id"}, {HINT_IMEI, "imei"}, {HINT_NPI, "us_npi"},
	{HINT_PESEL, "pl_pesel"}, {HINT_AADHAAR, "in_aadhaar"},
	{HINT_TFN, "au_tfn"}, {HINT_AU_MEDICARE, "au_medicare"},
	{HINT_SIN, "ca_sin"}, {HINT_ZA_ID, "za_id"}, {HINT_TCKN, "tr_tckn"},
	{HINT_TNIN, "th_tnin"}, {HINT_NG_NIN, "ng_nin"}, {HINT_BSN, "nl_bsn"},
	{HINT_CPF, "br_cpf"}, {HINT_NIR, "fr_nir"}, {HINT_FNR, "no_fnr"},
	{HINT_CPR, "dk_cpr"}, {HINT_BE_NN, "be_nn"}, {HINT_RRN, "kr_rrn"},
	{HINT_PNR, "se_personnummer"}, {HINT_ROUTING, "bank_routing"},
	{HINT_BANK, "bank_account"}, {HINT_PASSPORT, "passport"},
	{HINT_LICENSE, "drivers_license"}, {HINT_NATIONAL, "national_id"}
};

static bool
match_named_number(const HgScan *scan, Number *number, HgSpan *span)
{
	static uint64 named = 0;
	uint64		hints;

	if (named == 0)
		for (int k = 0; k < lengthof(named_numbers); k++)
			named |= H(named_numbers[k].hint);
	hints = hints_of(scan, number);
	if ((hints & named) == 0)
		return false;
	for (int g = number->groups, n = number->n; n >= 6;
		 n -= number->len[--g])
	{
		if (n > 17 || !closed(scan, number, g))
			continue;
		for (int k = 0; k < lengthof(named_numbers); k++)
			if ((hints & H(named_numbers[k].hint)) != 0 &&
				named_number_fits(named_numbers[k].hint, number->digits, n))
				return hg_span(span, number->start, number->end[g - 1],
							   named_numbers[k].class_name, 88);
	}
	return false;
}

/* ---- numbers known by their shape ---- */

static bool
match_shaped(const HgScan *scan, Number *number, HgSpan *span)
{
	const char *d = number->digits;
	int			start = number->start;
	int			end;

	/* 123-45-6789 */
	if (shape(number, "324") && closed(scan, number, 3) &&
		(number->sep[1] == '-' || number->sep[1] == '.' ||
		 number->sep[1] == ' '))
	{
		end = number->end[2];
		if ((number->sep[1] == '-' || is_whole(scan, number, end) ||
			 has(scan, number, HINT_SSN)) && !has(scan, number, HINT_THING))
		{
			if (hg_check_ssn(d))
				return hg_span(span, start, end, "us_ssn",
							   number->sep[1] == '-' ? 88 : 70);
			if (hg_check_itin(d))
				return hg_span(span, start, end, "us_itin", 85);
		}
	}
	/* 943 476 5919 */
	if (shape(number, "334") && closed(scan, number, 3) &&
		(number->sep[1] == ' ' || number->sep[1] == '-') && hg_check_nhs(d))
	{
		end = number->end[2];
		if (has(scan, number, HINT_NHS) ||
			(is_whole(scan, number, end) && number->sep[1] == ' ' &&
			 !has(scan, number, HINT_PHONE)))
			return hg_span(span, start, end, "uk_nhs", 80);
	}
	/* 529.982.247-25 */
	if (number->groups >= 4 && number->len[0] == 3 && number->len[1] == 3 &&
		number->len[2] == 3 && number->len[3] == 2 && number->sep[1] == '.' &&
		number->sep[2] == '.' && number->sep[3] == '-' &&
		closed(scan, number, 4) && hg_check_cpf(d))
		return hg_span(span, start, number->end[3], "br_cpf", 90);
	/* 900101-1234567: date, century and sex, place */
	if (shape(number, "67") && number->sep[1] == '-' &&
		closed(scan, number, 2) && d[6] >= '1' && d[6] <= '8' &&
		hg_check_day(2000, value_of(d + 2, 2), value_of(d + 4, 2)) &&
		(has(scan, number, HINT_RRN) || is_whole(scan, number, number->end[1])))
		return hg_span(span, start, number->end[1], "kr_rrn", 75);
	/* 19910924-2397 */
	if (shape(number, "84") && number->sep[1] == '-' &&
		closed(scan, number, 2) && hg_check_luhn(d + 2, 10) &&
		(d[0] == '1' || d[0] == '2') &&
		plausible_birth(value_of(d, 4), value_of(d + 4, 2),
						value_of(d + 6, 2)))
		return hg_span(span, start, number->end[1], "se_personnummer", 80);
	return false;
}

/*
 * At a digit that begins a word that ends at word_end, or at + or (.
 */
bool
hg_match_number(const HgScan *scan, int start, int word_end, HgSpan *span)
{
	Number		number;
	int			end;
	unsigned char c;
	unsigned char before = at(scan, start - 1);
	bool		sign_before = sign_stands_before(scan, start);

	/* what stands before runs into it */
	if (IS(before, B_WORD))
		return false;

	/*
	 * Behind a sign only a card is found (dash, slash), an address of a
	 * machine (slash, colon) or a bot's token, whose number a colon ends.
	 */
	if (sign_before && word_end > 0 && before != '/' &&
		(before != '-' || IS(at(scan, start - 2), B_DIGIT)) &&
		(at(scan, word_end) != ':' || word_end - start < 8) &&
		(before != ':' || at(scan, word_end) != '.'))
		return false;

	/*
	 * Of what a letter follows only a Finnish id is found here, whose date has
	 * six digits; few digits before a plain end are nothing.
	 */
	if (word_end > 0)
	{
		int			stop = Min(word_end, start + 7);
		int			i = start + digits_at(scan, start);

		if (i < stop && i - start != 6)
			return false;
	}
	if (word_end > 0 && word_end - start <= 2 && before == ' ' &&
		IS(at(scan, word_end + 1 + (at(scan, word_end) == ',' &&
									at(scan, word_end + 1) == ' ')), B_DIGIT) &&
		(at(scan, word_end) == ',' || at(scan, word_end) == ' ') &&
		IS(at(scan, word_end - 1), B_DIGIT))
	{
		int			from;

		end = month_first_end(scan, start, word_end, &from);
		if (end > 0 && ((scan->hints | hg_hint_before(scan, from)) &
						H(HINT_BIRTH)) != 0)
			return hg_span(span, from, end, "date_of_birth", 85);
	}
	if (word_end > 0 && word_end - start < 6)
	{
		int			i = word_end;

		c = at(scan, i);
		if (c != ' ' && c != '-' && c != '.' && c != '/' && c != ')' &&
			c < 0x80)
			return false;
		if (c == ' ' && !IS(at(scan, i + 1), B_DIGIT | B_ALPHA) &&
			at(scan, i + 1) != '(')
			return false;
		/* a day may stand before a month's name, nothing longer */
		if (c == ' ' && i > start + 2 && IS(at(scan, i + 1), B_ALPHA))
			return false;
		/* 1 2 3: no number is written so */
		if (c == ' ' && i == start + 1 && at(scan, i + 2) == ' ' &&
			IS(at(scan, i + 1), B_DIGIT))
			return false;
	}

	gather(scan, start, &number);
	number.sign_before = sign_before;
	if (number.groups == 0)
		return false;
	if (number.n > MAX_DIGITS)
		return false;

	if (number.groups >= 4 && match_ip4(scan, &number, span))
		return true;
	if (number.n < 6 && !(number.len[0] <= 2 && number.n <= 6))
		return false;

	/* a Telegram bot's token */
	if (number.groups == 1 && number.n >= 8 && number.n <= 10 &&
		at(scan, number.end[0]) == ':')
	{
		int			from = number.end[0] + 1;
		int			i = from;

		while (i < scan->len && i - from < 36 && IS(scan->s[i], B_TOKEN))
			i++;
		if (i - from == 35 && scan->s[from] == 'A' && scan->s[from + 1] == 'A')
			return hg_span(span, start, i, "telegram_token", 95);
	}
	/* a Finnish id: day, sign of the century, number, check letter */
	if (number.len[0] == 6 && !number.plus && !number.bracket &&
		!number.sign_before)
	{
		int			i = number.start + 6;
		unsigned char sign = at(scan, i);

		if (sign != 0 && strchr("-+ABCDEFYXWVU", sign) != NULL &&
			IS(at(scan, i + 1), B_DIGIT) && IS(at(scan, i + 2), B_DIGIT) &&
			IS(at(scan, i + 3), B_DIGIT) &&
			IS(at(scan, i + 4), B_DIGIT | B_UPPER) &&
			!IS(at(scan, i + 5), B_WORD))
		{
			char		nine[10];

			memcpy(nine, scan->s + start, 6);
			memcpy(nine + 6, scan->s + i + 1, 3);
			if (six_digit_date(nine) && value_of(nine, 2) <= 31 &&
				"0123456789ABCDEFHJKLMNPRSTUVWXY"[value_of(nine, 9) % 31] ==
				scan->s[i + 4])
				return hg_span(span, start, i + 5, "fi_hetu", 90);
		}
	}

	if (!number.plus && !number.sign_before)
	{
		end = date_end(scan, &number);
		if (end > 0 && has(scan, &number, HINT_BIRTH))
			return hg_span(span, start, end, "date_of_birth", 85);
	}
	if (number.n < 7)
	{
		/* an account number of six digits is the shortest of all */
		return number.n == 6 && !number.plus && !number.bracket &&
			!number.sign_before && has(scan, &number, HINT_BANK) &&
			match_named_number(scan, &number, span);
	}

	if (match_card(scan, &number, span))
		return true;
	if (!number.plus && !number.bracket && !number.sign_before &&
		(match_shaped(scan, &number, span) ||
		 match_named_number(scan, &number, span)))
		return true;
	return match_phone(scan, &number, span);
}

/* ---- numbers with letters ---- */

/* Copy letters and digits, capital, over spaces or dashes between them. */
static int
compact(const HgScan *scan, int start, int want, char *out, int *end)
{
	int			n = 0;
	int			i = start;
	unsigned char sep = 0;

	while (n < want && i < scan->len)
	{
		unsigned char c = scan->s[i];

		if (IS(c, B_ALNUM))
		{
			out[n++] = IS(c, B_LOWER) ? c - 32 : c;
			i++;
		}
		else if ((c == ' ' || c == '-') && n > 0 && (sep == 0 || sep == c) &&
				 IS(at(scan, i + 1), B_ALNUM))
		{
			sep = c;
			i++;
		}
		else
			break;
	}
	*end = i;
	return n;
}

/* Has s of n characters this form?  See the letters below. */
#define pattern(s, n, form) \
	((n) == (int) sizeof(form) - 1 && pattern_is(s, n, form))

static bool
pattern_is(const char *s, int n, const char *form)
{
	for (int i = 0; i < n; i++)
	{
		unsigned char c = s[i];

		switch (form[i])
		{
			case '9':
				if (!IS(c, B_DIGIT))
					return false;
				break;
			case 'A':
				if (!IS(c, B_ALPHA))
					return false;
				break;
			case 'X':
				if (!IS(c, B_ALNUM))
					return false;
				break;
			case 'M':			/* a letter of a Medicare number */
				if (!IS(c, B_ALPHA) || strchr("SLOIBZ", c) != NULL)
					return false;
				break;
			case 'N':			/* that, or a digit */
				if (!IS(c, B_ALNUM) || strchr("SLOIBZ", c) != NULL)
					return false;
				break;
			default:
				if (c != form[i])
					return false;
		}
	}
	return true;
}

static bool
check_nif(const char *s, int n)
{
	static const char letters[] = "TRWAGMYFPDXBNJZSQVHLCKE";
	int			v;

	if (pattern(s, n, "99999999A"))
		v = value_of(s, 8);
	else if (pattern(s, n, "9999999A"))
		v = value_of(s, 7);
	else if (pattern(s, n, "A9999999A") && s[0] >= 'X' && s[0] <= 'Z')
		v = (s[0] - 'X') * 10000000 + value_of(s + 1, 7);
	else
		return false;
	return letters[v % 23] == s[n - 1];
}

/* Prefixes that HMRC does not use for national insurance (NIM39110). */
static bool
no_nino_prefix(const char *id)
{
	static const char prefixes[] = "BGGBKNNKNTTNZZ";

	for (int i = 0; prefixes[i] != '\0'; i += 2)
		if (id[0] == prefixes[i] && id[1] == prefixes[i + 1])
			return true;
	return false;
}

/*
 * At a word with letters: an IBAN, and the ids of people that have letters.
 */
bool
hg_match_letter_id(const HgScan *scan, int start, int end, int mask,
				   HgSpan *span)
{
	const unsigned char *s = scan->s + start;
	char		id[40];
	int			stop;
	int			n;
	uint64		hints;
	unsigned char before = at(scan, start - 1);
	bool		two_digits;
	bool		whole;

	/* a MAC address without its colons, where one is expected */
	if ((scan->hints & H(HINT_MAC)) != 0 && end - start == 12 && scan->whole &&
		start == 0 && end == scan->len)
	{
		int			i = 0;

		while (i < 12 && IS(s[i], B_HEX))
			i++;
		if (i == 12)
			return hg_span(span, start, end, "mac_address", 85);
	}
	if (IS(before, B_WORD) ||
		((before == '-' || before == '.' || before == '/') &&
		 IS(at(scan, start - 2), B_ALNUM)))
		return false;

	/* two letters, two digits, the country's length, the remainder by 97 */
	if (end - start >= 4 && IS(s[0], B_ALPHA) && IS(s[1], B_ALPHA) &&
		IS(s[2], B_DIGIT) && IS(s[3], B_DIGIT))
	{
		int			length = hg_iban_length(s[0] & ~32, s[1] & ~32);
		bool		small = IS(s[0], B_LOWER) || IS(s[1], B_LOWER);

		if (length > 0 && compact(scan, start, length, id, &stop) == length &&
			!IS(at(scan, stop), B_WORD) && hg_check_iban(id, length) &&
			(!small || (scan->hints & H(HINT_IBAN)) != 0 ||
			 (hg_hint_before(scan, start) & H(HINT_IBAN)) != 0 ||
			 (scan->whole && start == 0 && stop == scan->len &&
			  !scan->named)))
			return hg_span(span, start, stop, "iban", 97);
	}

	if (end - start < 1 || end - start > 16 || (mask & (B_UNDER | B_HIGH)) != 0)
		return false;
	/* in a text ids stand in capitals; by itself none has small letters */
	if (scan->hints == 0 && (mask & B_LOWER) != 0)
		return false;
	/* cheap to say no: nothing of this has no digit near */
	if ((mask & B_DIGIT) == 0 && !IS(at(scan, end + 1), B_DIGIT))
		return false;

	/* one word of less than seven, and no more behind it */
	if (end - start < 7 &&
		((at(scan, end) != ' ' && at(scan, end) != '-') ||
		 !IS(at(scan, end + 1), B_ALNUM)))
		return false;
	/* two digits first: nothing of this without a hint */
	hints = scan->hints;
	two_digits = end - start >= 2 && IS(s[0], B_DIGIT) && IS(s[1], B_DIGIT);
	if (two_digits)
	{
		hints |= hg_hint_before(scan, start);
		if (hints == 0)
			return false;
	}

	n = compact(scan, start, 16, id, &stop);
	if (n < 7 || IS(at(scan, stop), B_WORD))
	{
		/* more words behind it: this one alone */
		n = Min(end - start, 16);
		for (int i = 0; i < n; i++)
			id[i] = IS(s[i], B_LOWER) ? s[i] - 32 : s[i];
		stop = end;
	}
	if (n < 7)
		return false;
	whole = scan->whole && start == 0 && stop == scan->len;

	/* strong by themselves */
	if (pattern(id, n, "AAAAAA99A99A999A") && end - start == 16 &&
		hg_check_it_cf((unsigned char *) id))
		return hg_span(span, start, stop, "it_fiscal_code", 95);
	if (pattern(id, n, "9MN9MN9MM99") && id[0] != '0' &&
		(stop - start == 13 || whole))
		return hg_span(span, start, stop, "us_mbi", 85);

	if (!two_digits)
		hints |= hg_hint_before(scan, start);
	if (pattern(id, n, "AA999999A") && id[8] <= 'D' &&
		strchr("DFIQUV", id[0]) == NULL && strchr("DFIQUVO", id[1]) == NULL &&
		!no_nino_prefix(id) && (whole || (hints & H(HINT_NINO)) != 0) &&
		((mask & B_LOWER) == 0 || (scan->hints & H(HINT_NINO)) != 0))
		return hg_span(span, start, stop, "uk_nino",
					   hints & H(HINT_NINO) ? 90 : 70);
	if (hints == 0)
		return false;

	if ((hints & H(HINT_NIF)) != 0 && check_nif(id, n))
		return hg_span(span, start, stop, "es_nif", 92);
	if ((hints & H(HINT_MBI)) != 0 && pattern(id, n, "9MN9MN9MM99"))
		return hg_span(span, start, stop, "us_mbi", 90);
	if ((hints & H(HINT_NRIC)) != 0 && pattern(id, n, "A9999999A"))
		return hg_span(span, start, stop, "sg_nric", 85);
	if ((hints & H(HINT_PAN)) != 0 &&
		(pattern(id, n, "AAAAA9999A") || pattern(id, n, "A9999AAAAA")))
		return hg_span(span, start, stop, "in_pan", 85);
	if ((hints & H(HINT_KVNR)) != 0 && pattern(id, n, "A999999999") &&
		hg_check_kvnr((unsigned char *) id))
		return hg_span(span, start, stop, "de_kvnr", 90);
	if ((hints & H(HINT_RVNR)) != 0 && pattern(id, n, "99999999A999"))
		return hg_span(span, start, stop, "de_rvnr", 90);
	if ((mask & B_DIGIT) == 0 && stop == end)
		return false;
	if ((hints & H(HINT_PASSPORT)) != 0 && n >= 7 && n <= 9)
		return hg_span(span, start, stop, "passport", 80);
	if ((hints & H(HINT_LICENSE)) != 0 && n >= 7)
		return hg_span(span, start, stop, "drivers_license", 80);
	if ((hints & (H(HINT_NATIONAL) | H(HINT_NIF))) != 0 && n >= 7 &&
		n <= 14 && whole)
		return hg_span(span, start, stop, "national_id", 70);
	return false;
}
