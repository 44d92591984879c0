/*-------------------------------------------------------------------------
 *
 * detect_text.c
 *	  E-mail addresses, and URLs and connection strings with a password.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "policy/detect_int.h"
#include "port/pg_bitutils.h"

/* RFC 5321 allows 64 and 255; an authority part is cut at this. */
#define MAX_LOCAL 64
#define MAX_DOMAIN 255
#define MAX_AUTHORITY 512

/*
 * Bytes of the character at i that is not ASCII.  In UTF-8 its length; else
 * the whole run counts as one, which no cut may enter.
 */
static int
high_length(const HgScan *scan, int i)
{
	int			n = 1;
	unsigned char c = scan->s[i];

	if (scan->utf8)
		n = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
	else
		while (IS(at(scan, i + n), B_HIGH))
			n++;
	return Min(n, scan->len - i);
}

/* Start of the character that ends before `end`; same in other encodings. */
static int
high_start(const HgScan *scan, int end, int floor)
{
	int			i = end - 1;

	while (i > floor && (scan->utf8 ? (scan->s[i] & 0xC0) == 0x80 :
						 IS(scan->s[i - 1], B_HIGH)))
		i--;
	return i;
}

/* Letters of alphabets, as opposed to signs and spaces of UTF-8. */
static bool
high_letter(const HgScan *scan, int i)
{
	unsigned char c = scan->s[i];
	unsigned char next = at(scan, i + 1);

	if (!scan->utf8)
		return true;
	if (c == 0xC2)
		return next == 0xAA || next == 0xB5 || next == 0xBA;
	if (c == 0xE2)
		return next >= 0xB0;	/* not punctuation, arrows, symbols */
	if (c == 0xE3)
		return next >= 0x81 || (next == 0x80 && at(scan, i + 2) >= 0xA1);
	if (c == 0xEF)
		return next < 0xB8;		/* not full-width forms, not U+FEFF */
	return c >= 0xC3 && c < 0xF0;
}

/* Up to seven bytes as a number. */
#define P2(a, b) ((uint64) (a) << 8 | (b))
#define P3(a, b, c) (P2(a, b) << 8 | (c))
#define P4(a, b, c, d) (P3(a, b, c) << 8 | (d))

/* Names of files that look like domains: icon@2x.png */
static bool
is_extension(const unsigned char *s, int len)
{
	uint64		name = 0;

	if (len > 7)
		return false;
	for (int i = 0; i < len; i++)
		name = name << 8 | LOWER(s[i]);
	switch (name)
	{
		case P2('j', 's'):
		case P2('t', 's'):
		case P2('g', 'z'):
		case P3('p', 'n', 'g'):
		case P3('j', 'p', 'g'):
		case P3('g', 'i', 'f'):
		case P3('s', 'v', 'g'):
		case P3('i', 'c', 'o'):
		case P3('b', 'm', 'p'):
		case P3('c', 's', 's'):
		case P3('m', 'j', 's'):
		case P3('t', 's', 'x'):
		case P3('j', 's', 'x'):
		case P3('h', 't', 'm'):
		case P3('p', 'h', 'p'):
		case P3('x', 'm', 'l'):
		case P3('y', 'm', 'l'):
		case P3('p', 'd', 'f'):
		case P3('t', 'x', 't'):
		case P3('c', 's', 'v'):
		case P3('z', 'i', 'p'):
		case P3('t', 'a', 'r'):
		case P3('t', 'g', 'z'):
		case P3('w', 'h', 'l'):
		case P3('j', 'a', 'r'):
		case P4('j', 'p', 'e', 'g'):
		case P4('w', 'e', 'b', 'p'):
		case P4('j', 's', 'o', 'n'):
		case P4('h', 't', 'm', 'l'):
		case P4('y', 'a', 'm', 'l'):
		case P2('s', 'o') << 32 | P4('c', 'k', 'e', 't'):
		case P3('s', 'e', 'r') << 32 | P4('v', 'i', 'c', 'e'):
			return true;
		default:
			return false;
	}
}

/*
 * How many letters and digits stand at i, as far as they were looked at
 * together: there may be more.  *digits is set if digits are among them.
 */
static inline int
letters_and_digits(const HgScan *scan, int i, bool *digits)
{
	unsigned	k = i - scan->base;
	uint64		others;
	int			n;

	if (k == 0 || k >= 64)
		return 0;
	others = ~((scan->word & ~scan->under) >> k);
	n = pg_rightmost_one_pos64(others);
	*digits = (scan->digit >> k & ((UINT64CONST(1) << n) - 1)) != 0;
	return n;
}

/* How many letters, digits and _ stand before `end`, as far as is known. */
static inline int
word_before(const HgScan *scan, int end)
{
	unsigned	k = end - scan->base;
	uint64		others;

	if (k == 0 || k >= 64)
		return 0;
	others = ~scan->word << (64 - k);
	return others != 0 ? 63 - pg_leftmost_one_pos64(others) : k;
}

/* End of a domain that begins at i with a top level of letters; 0 if none. */
static int
domain_end(const HgScan *scan, int i)
{
	int			start = i;
	int			limit = Min(scan->len, start + MAX_DOMAIN);
	int			dots = 0;
	int			label = i;		/* start of the label */
	int			end = 0;

	for (;;)
	{
		bool		digits = false;
		bool		dash_end;
		int			ascii_end;
		int			run;

		label = i;
		ascii_end = -1;
		/* most have nothing but these */
		run = letters_and_digits(scan, i, &digits);
		if (i + run <= limit)
			i += run;
		else
			digits = false;
		while (i < limit)
		{
			unsigned char c = scan->s[i];

			if (IS(c, B_ALNUM) || (c == '-' && i > label))
			{
				digits |= IS(c, B_DIGIT);
				i++;
			}
			else if (IS(c, B_HIGH) && high_letter(scan, i))
			{
				/* Latin letters belong to the label; others may follow it */
				if (ascii_end < 0 && i > label && c >= 0xE0)
					ascii_end = i;
				i += high_length(scan, i);
			}
			else
				break;
		}
		if (i == label || i - label > 63 * 3)
			break;
		dash_end = scan->s[i - 1] == '-';
		if (dash_end)
			i--;
		if (dots > 0)
		{
			int			stop = i;

			if (ascii_end >= 0)
				stop = ascii_end;
			/* a top level: letters, or punycode, at least two */
			if (stop - label >= 2 && stop - label <= 63 &&
				(!digits || pg_strncasecmp((const char *) scan->s + label,
										   "xn--", 4) == 0))
				end = stop;
			else if (digits)
			{
				/* whoever wants to get by may have put digits behind it */
				end = 0;
				stop = label;
				while (stop < i && IS(scan->s[stop], B_ALPHA))
					stop++;
				if (scan->no_veto && stop - label >= 2)
					end = stop;
			}
		}
		if (dash_end || i >= limit || scan->s[i] != '.')
			break;
		dots++;
		i++;
	}
	if (end > 0 && end - start < 255)
	{
		int			tld = end;

		while (tld > start && scan->s[tld - 1] != '.')
			tld--;
		if (is_extension(scan->s + tld, end - tld))
			return 0;
		return end;
	}
	return 0;
}

/* A character of the local part, but for dots and apostrophes. */
static inline bool
local_char(unsigned char c)
{
	static const bool signs[128] = {
		['_'] = true, ['+'] = true, ['-'] = true, ['%'] = true, ['&'] = true,
		['*'] = true, ['!'] = true, ['#'] = true, ['$'] = true, ['^'] = true,
		['~'] = true
	};

	return IS(c, B_ALNUM) || (c < 128 && signs[c]);
}

bool
hg_match_email(const HgScan *scan, int at_sign, int domain, HgSpan *span)
{
	int			low = Max(scan->floor, at_sign - MAX_LOCAL);
	int			start = at_sign;
	int			end;
	unsigned char before;

	if (at_sign == scan->floor || at_sign + 1 >= scan->len)
		return false;

	/* the cheap half first: most at signs have no local part */
	before = scan->s[at_sign - 1];
	if (before == '"')
	{
		/* "john doe"@example.com */
		start = at_sign - 1;
		while (start > low && (IS(scan->s[start - 1], B_ALNUM) ||
							   strchr(" ._-", scan->s[start - 1]) != NULL) &&
			   scan->s[start - 1] != '\0')
			start--;
		if (start <= low || scan->s[start - 1] != '"' || start == at_sign - 1)
			return false;
		start--;
	}
	else
	{
		while (start > low)
		{
			unsigned char c = scan->s[start - 1];
			int			run = word_before(scan, start);

			if (run > 0)
				start = Max(low, start - run);
			else if (local_char(c))
				start--;
			else if ((c == '.' || c == '\'') && start < at_sign &&
					 scan->s[start] != '.')
				start--;
			else if (c == '=' && scan->whole && start > low &&
					 at_sign < MAX_LOCAL && memchr(scan->s, '?', start) == NULL)
				start--;
			else if (IS(c, B_HIGH))
			{
				int			from = high_start(scan, start, low);

				if (!high_letter(scan, from) || (scan->utf8 && c >= 0xC0))
					break;
				/* text that runs into the address without a space */
				if (scan->utf8 && scan->s[from] >= 0xE0 && start < at_sign &&
					!IS(scan->s[start], B_HIGH))
					break;
				start = from;
			}
			else
				break;
		}
		/* cut short: begin at a whole character */
		if (start == low && low > scan->floor)
			while (start < at_sign && IS(scan->s[start], B_HIGH))
				start++;
		/* quotes, signs and dots in front belong to the text around */
		while (start < at_sign && !IS(scan->s[start], B_WORD | B_HIGH))
			start++;
	}
	if (start >= at_sign)
		return false;

	end = domain_end(scan, domain);
	if (end == 0)
		return false;

	/* git@host:path, user@host:/path; the user of a URL without password */
	if (at(scan, end) == ':' &&
		(at(scan, end + 1) == '/' || at(scan, end + 1) == '~' ||
		 (at_sign - start == 3 && (memcmp(scan->s + start, "git", 3) == 0 ||
								   memcmp(scan->s + start, "svn", 3) == 0))))
		return false;
	if (start >= 3 && scan->s[start - 1] == '/' && scan->s[start - 2] == '/' &&
		scan->s[start - 3] == ':')
		return false;
	return hg_span(span, start, end, "email", 95);
}

/*
 * At the colon of "://".  The password of the userinfo is the span; of a
 * Slack webhook the path.  *skip is set beyond a userinfo without password.
 */
bool
hg_match_url(const HgScan *scan, int colon, HgSpan *span, int *skip)
{
	static const char slack[] = "hooks.slack.com/";
	static const char discord[] = "discord.com/api/webhooks/";
	int			start = colon + 3;
	int			limit = Min(scan->len, start + MAX_AUTHORITY);
	int			password = -1;
	int			i;
	int			end = -1;

	if (at(scan, colon + 2) != '/' || colon == 0 ||
		!IS(at(scan, colon - 1), B_ALNUM))
		return false;

	for (i = 0; i < 2; i++)
	{
		const char *prefix = i == 0 ? slack : discord;
		int			n = strlen(prefix);

		if (scan->len - start > n + 20 &&
			memcmp(scan->s + start, prefix, n) == 0)
		{
			int			from = start + n;
			int			slashes = 0;

			for (end = from; end < limit && (IS(scan->s[end], B_TOKEN) ||
											 scan->s[end] == '/'); end++)
				slashes += scan->s[end] == '/';
			if (end - from >= 30 && slashes >= (i == 0 ? 2 : 1))
			{
				int			scheme = colon;

				while (scheme > scan->floor && IS(scan->s[scheme - 1], B_LOWER))
					scheme--;
				return hg_span(span, scheme, end, i == 0 ? "slack_token" :
							   "discord_token", 95);
			}
			return false;
		}
	}

	/*
	 * The authority ends at a slash, but passwords are sometimes written with
	 * one: the last at sign before a space, quote or bracket counts, if a
	 * colon stands before it.
	 */
	for (i = start; i < limit; i++)
	{
		unsigned char c = scan->s[i];

		if (c <= ' ' || c == '"' || c == '\'' || c == '`' ||
			c == '\\' || c == ',' || c == '?')
			break;
		if (c == '/' && password < 0)
			break;
		if (c == '/' && end >= 0)
			break;
		if (c == '[' && i == start)
			break;
		if (c == ':' && password < 0)
			password = i + 1;
		else if (c == '@')
			end = i;
	}
	if (end < 0)
		return false;
	*skip = end + 1;
	if (password < 0 || password >= end)
		return false;
	/* host:port/path@something */
	for (i = password; i < end; i++)
		if (scan->s[i] == '/' && i > password &&
			IS(scan->s[password], B_DIGIT))
		{
			int			d = password;

			while (d < i && IS(scan->s[d], B_DIGIT))
				d++;
			if (d == i)
				return false;
			break;
		}
	/* another kind of token stands there: let it be found as what it is */
	if (end - password > 20)
	{
		HgSpan		token;
		int			word = password;
		int			mask = 0;

		while (word < end && IS(scan->s[word], B_WORD))
			mask |= hg_byte[scan->s[word++]];
		if (word > password &&
			hg_match_token(scan, password, word, mask, &token) &&
			token.end <= end)
		{
			*span = token;
			return true;
		}
	}
	if (hg_placeholder(scan->s + password, end - password))
		return false;
	return hg_span(span, password, end, "url_with_credentials", 95);
}
