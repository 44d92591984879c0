/*-------------------------------------------------------------------------
 *
 * detect_token.c
 *	  Secrets: vendors' tokens, JWTs, keys, hashes of passwords, and what
 *	  stands behind "password=".
 *
 * A vendor's token is known by its prefix, its alphabet and its length.  The
 * forms are those that the vendors publish for secret scanning.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "policy/detect_int.h"

/* Longer ones are not looked for behind a name like "password" or "token". */
#define MAX_PASSWORD 200
#define MAX_SECRET 1024
#define MAX_SESSION 256

/* Alphabets of tokens. */
typedef enum Alphabet
{
	ALNUM,						/* letters and digits */
	WORD,						/* and _ */
	TOKEN,						/* and - */
	DOTTED,						/* and . */
	BASE64,						/* letters, digits, + / = _ - */
	HEX,						/* 0-9 a-f */
	BASE32						/* A-Z 2-7 */
} Alphabet;

typedef struct Prefix
{
	const char *prefix;
	Alphabet	alphabet;		/* of what follows the prefix */
	int			min;			/* and how long that is */
	int			max;
	const char *class_name;
} Prefix;

/* By the first byte of the prefix. */
static const Prefix prefixes[] = {
	{"AGE-SECRET-KEY-1", ALNUM, 58, 58, "age_secret_key"},
	{"AIza", TOKEN, 35, 35, "gcp_api_key"},
	{"ABIA", BASE32, 16, 16, "aws_access_key"},
	{"ACCA", BASE32, 16, 16, "aws_access_key"},
	{"AKIA", BASE32, 16, 16, "aws_access_key"},
	{"ASIA", BASE32, 16, 16, "aws_access_key"},
	{"ATATT3", BASE64, 40, 300, "atlassian_token"},
	{"ATCTT3", BASE64, 40, 300, "atlassian_token"},
	{"CCIPAT_", WORD, 40, 80, "secret_token"},
	{"GOCSPX-", TOKEN, 28, 28, "secret_token"},
	{"GR1348941", TOKEN, 20, 20, "gitlab_token"},
	{"LTAI", ALNUM, 12, 20, "secret_token"},
	{"NRAK-", ALNUM, 27, 27, "newrelic_key"},
	{"NRII-", TOKEN, 32, 32, "newrelic_key"},
	{"PMAK-", TOKEN, 59, 59, "postman_key"},
	{"SG.", DOTTED, 60, 72, "sendgrid_key"},
	{"SK", HEX, 32, 32, "twilio_key"},
	{"dapi", HEX, 32, 32, "databricks_token"},
	{"dckr_pat_", TOKEN, 27, 40, "secret_token"},
	{"doo_v1_", HEX, 64, 64, "digitalocean_token"},
	{"dop_v1_", HEX, 64, 64, "digitalocean_token"},
	{"dor_v1_", HEX, 64, 64, "digitalocean_token"},
	{"dp.ct.", ALNUM, 40, 44, "doppler_token"},
	{"dp.pt.", ALNUM, 40, 44, "doppler_token"},
	{"dp.sa.", ALNUM, 40, 44, "doppler_token"},
	{"dp.scim.", ALNUM, 40, 44, "doppler_token"},
	{"dp.st.", DOTTED, 40, 80, "doppler_token"},
	{"figd_", TOKEN, 40, 60, "secret_token"},
	{"fo1_", TOKEN, 40, 60, "secret_token"},
	{"gho_", ALNUM, 36, 251, "github_token"},
	{"ghp_", ALNUM, 36, 251, "github_token"},
	{"ghr_", ALNUM, 36, 251, "github_token"},
	{"ghs_", ALNUM, 36, 251, "github_token"},
	{"ghu_", ALNUM, 36, 251, "github_token"},
	{"github_pat_", WORD, 60, 251, "github_token"},
	{"glc_", BASE64, 32, 400, "grafana_token"},
	{"glagent-", TOKEN, 50, 80, "gitlab_token"},
	{"glcbt-", TOKEN, 20, 80, "gitlab_token"},
	{"gldt-", TOKEN, 20, 80, "gitlab_token"},
	{"glft-", TOKEN, 20, 80, "gitlab_token"},
	{"glimt-", TOKEN, 20, 80, "gitlab_token"},
	{"gloas-", TOKEN, 60, 80, "gitlab_token"},
	{"glpat-", DOTTED, 20, 300, "gitlab_token"},
	{"glptt-", TOKEN, 20, 80, "gitlab_token"},
	{"glrt-", DOTTED, 20, 80, "gitlab_token"},
	{"glsa_", WORD, 41, 41, "grafana_token"},
	{"glsoat-", TOKEN, 20, 80, "gitlab_token"},
	{"gsk_", ALNUM, 52, 52, "secret_token"},
	{"hf_", ALNUM, 30, 40, "huggingface_token"},
	{"hvb.", TOKEN, 24, 300, "hashicorp_vault_token"},
	{"hvr.", TOKEN, 24, 300, "hashicorp_vault_token"},
	{"hvs.", TOKEN, 24, 300, "hashicorp_vault_token"},
	{"key-", HEX, 32, 32, "mailgun_key"},
	{"lin_api_", ALNUM, 40, 40, "linear_key"},
	{"lin_oauth_", HEX, 64, 64, "linear_key"},
	{"nfp_", ALNUM, 36, 40, "secret_token"},
	{"npm_", ALNUM, 36, 36, "npm_token"},
	{"ntn_", ALNUM, 40, 50, "secret_token"},
	{"phx_", ALNUM, 40, 60, "secret_token"},
	{"pplx-", ALNUM, 40, 60, "secret_token"},
	{"pscale_oauth_", DOTTED, 32, 80, "secret_token"},
	{"pscale_pw_", DOTTED, 32, 80, "secret_token"},
	{"pscale_tkn_", DOTTED, 32, 80, "secret_token"},
	{"pul-", HEX, 40, 40, "secret_token"},
	{"pypi-AgE", TOKEN, 50, 400, "pypi_token"},
	{"r8_", ALNUM, 37, 37, "secret_token"},
	{"rdme_", ALNUM, 60, 80, "secret_token"},
	{"rk_live_", ALNUM, 16, 255, "stripe_key"},
	{"rk_prod_", ALNUM, 16, 255, "stripe_key"},
	{"rk_test_", ALNUM, 16, 255, "stripe_key"},
	{"rubygems_", HEX, 48, 48, "secret_token"},
	{"sb_secret_", TOKEN, 30, 60, "supabase_key"},
	{"sbp_", HEX, 40, 40, "supabase_key"},
	{"sgp_", WORD, 40, 80, "secret_token"},
	{"shpat_", HEX, 32, 32, "shopify_token"},
	{"shpca_", HEX, 32, 32, "shopify_token"},
	{"shppa_", HEX, 32, 32, "shopify_token"},
	{"shpss_", HEX, 32, 32, "shopify_token"},
	{"sk-admin-", TOKEN, 40, 255, "openai_key"},
	{"sk-ant-", TOKEN, 32, 255, "anthropic_key"},
	{"sk-or-v1-", HEX, 64, 64, "secret_token"},
	{"sk-proj-", TOKEN, 40, 255, "openai_key"},
	{"sk-svcacct-", TOKEN, 40, 255, "openai_key"},
	{"sk_live_", ALNUM, 16, 255, "stripe_key"},
	{"sk_prod_", ALNUM, 16, 255, "stripe_key"},
	{"sk_test_", ALNUM, 16, 255, "stripe_key"},
	{"sntrys_", BASE64, 40, 400, "secret_token"},
	{"sntryu_", HEX, 64, 64, "secret_token"},
	{"sq0atp-", TOKEN, 22, 60, "secret_token"},
	{"sq0csp-", TOKEN, 40, 60, "secret_token"},
	{"tskey-", TOKEN, 24, 100, "secret_token"},
	{"whsec_", BASE64, 24, 100, "webhook_secret"},
	{"xai-", ALNUM, 60, 100, "secret_token"},
	{"xapp-", TOKEN, 20, 200, "slack_token"},
	{"xoxa-", TOKEN, 20, 250, "slack_token"},
	{"xoxb-", TOKEN, 20, 250, "slack_token"},
	{"xoxc-", TOKEN, 20, 250, "slack_token"},
	{"xoxd-", BASE64, 20, 250, "slack_token"},
	{"xoxe-", TOKEN, 20, 250, "slack_token"},
	{"xoxe.xoxb-", TOKEN, 20, 250, "slack_token"},
	{"xoxe.xoxp-", TOKEN, 20, 250, "slack_token"},
	{"xoxo-", TOKEN, 20, 250, "slack_token"},
	{"xoxp-", TOKEN, 20, 250, "slack_token"},
	{"xoxr-", TOKEN, 20, 250, "slack_token"},
	{"xoxs-", TOKEN, 20, 250, "slack_token"},
	{"ya29.", TOKEN, 40, 300, "secret_token"}
};

/*
 * Where the prefixes of each first byte stand, their lengths, and the second
 * bytes that they have, by its lower six bits; made once.
 */
static unsigned char first_of[129];
static unsigned char prefix_len[lengthof(prefixes)];
static uint64 second_of[128];
static bool first_known = false;

static void
index_prefixes(void)
{
	int			i = 0;

	for (int c = 0; c < 128; c++)
	{
		while (i < lengthof(prefixes) && prefixes[i].prefix[0] < c)
			i++;
		first_of[c] = i;
	}
	first_of[128] = lengthof(prefixes);
	for (i = 0; i < lengthof(prefixes); i++)
	{
		const char *prefix = prefixes[i].prefix;

		prefix_len[i] = strlen(prefix);
		second_of[(int) prefix[0]] |= UINT64CONST(1) << (prefix[1] & 63);
	}
	first_known = true;
}

static bool
in_alphabet(unsigned char c, Alphabet alphabet)
{
	switch (alphabet)
	{
		case ALNUM:
			return IS(c, B_ALNUM);
		case WORD:
			return IS(c, B_WORD);
		case TOKEN:
			return IS(c, B_TOKEN);
		case DOTTED:
			return IS(c, B_TOKEN) || c == '.';
		case BASE64:
			return IS(c, B_TOKEN) || c == '+' || c == '/' || c == '=';
		case HEX:
			return IS(c, B_HEX) && !IS(c, B_UPPER);
		case BASE32:
			return IS(c, B_UPPER) || (c >= '2' && c <= '7');
	}
	return false;
}

/* Letters and digits, at least n of each. */
static bool
mixed(const unsigned char *s, int len, int n)
{
	int			digits = 0;
	int			letters = 0;

	for (int i = 0; i < len; i++)
	{
		digits += IS(s[i], B_DIGIT);
		letters += IS(s[i], B_ALPHA);
	}
	return digits >= n && letters >= n;
}

/*
 * What stands behind a vendor's prefix: two letters and two digits.  One in
 * seven random strings of 20 has fewer of these; it goes to and fro between
 * capitals and small letters more often than words do, or is of digits alone.
 */
static bool
unlike_words(const unsigned char *s, int len, Alphabet alphabet)
{
	int			digits = 0;
	int			changes = 0;
	bool		pair = false;

	if (alphabet == BASE32 || mixed(s, len, 2))
		return true;
	for (int i = 0; i < len; i++)
	{
		if (len - i >= 7 && pg_strncasecmp((const char *) s + i, "example", 7) == 0)
			return false;
		digits += IS(s[i], B_DIGIT);
		if (i == 0)
			continue;
		changes += (IS(s[i - 1], B_LOWER) && IS(s[i], B_UPPER)) ||
			(IS(s[i - 1], B_UPPER) && IS(s[i], B_LOWER));
		pair |= IS(s[i - 1], B_UPPER) && IS(s[i], B_UPPER) && s[i - 1] != s[i];
	}
	return (pair && changes * 4 >= len) || (alphabet == TOKEN && digits >= 10);
}

static bool
match_prefix(const HgScan *scan, int start, HgSpan *span)
{
	unsigned char c = scan->s[start];

	if (!first_known)
		index_prefixes();
	if (c >= 128 ||
		(second_of[c] >> (scan->s[start + 1] & 63) & 1) == 0)
		return false;
	for (int i = first_of[c]; i < lengthof(prefixes) &&
		 prefixes[i].prefix[0] == c; i++)
	{
		const Prefix *p = &prefixes[i];
		int			n = prefix_len[i];
		int			from = start + n;
		int			end = from;

		if (scan->s[start + 1] != p->prefix[1] || from >= scan->len ||
			memcmp(scan->s + start, p->prefix, n) != 0)
			continue;
		while (end < scan->len && end - from <= p->max &&
			   in_alphabet(scan->s[end], p->alphabet))
			end++;
		/* punctuation behind it is not its own */
		while (end > from && (scan->s[end - 1] == '.' ||
							  (scan->s[end - 1] == '-' && p->max > p->min)))
			end--;
		if (end - from < p->min || end - from > p->max ||
			IS(at(scan, end), B_WORD))
			continue;
		if (!unlike_words(scan->s + from, end - from, p->alphabet))
			continue;
		return hg_span(span, start, end, p->class_name, 97);
	}
	/* OpenAI's first form: the name of its maker in base64 in the middle */
	if (c == 's' && scan->s[start + 1] == 'k' && start + 30 < scan->len &&
		memcmp(scan->s + start, "sk-", 3) == 0)
	{
		int			end = start + 3;
		bool		marked = false;

		while (end < scan->len && end - start < 80 &&
			   IS(scan->s[end], B_ALNUM))
		{
			if (scan->s[end] == 'T' && end + 8 <= scan->len &&
				memcmp(scan->s + end, "T3BlbkFJ", 8) == 0)
				marked = true;
			end++;
		}
		if (IS(at(scan, end), B_TOKEN))
			return false;
		if (marked && end - start >= 35)
			return hg_span(span, start, end, "openai_key", 97);
		if (end - start == 35 && mixed(scan->s + start + 3, 32, 4))
			return hg_span(span, start, end, "secret_token", 80);
	}
	return false;
}

static int
base64_value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (IS(c, B_DIGIT))
		return c - '0' + 52;
	if (c == '-' || c == '+')
		return 62;
	if (c == '_' || c == '/')
		return 63;
	return -1;
}

/*
 * A JWT or JWE: the first part is a JSON object with a member "alg".  The
 * parts are looked at once, since none of them can begin another.
 */
static bool
match_jwt(const HgScan *scan, int start, HgSpan *span)
{
	char		header[256];
	int			n = 0;
	int			i = start;
	int			part = start;
	int			parts = 1;
	uint32		bits = 0;
	int			nbits = 0;
	bool		alg = false;
	unsigned char before = at(scan, start - 1);

	if (IS(before, B_TOKEN) || before == '.')
		return false;
	while (i < scan->len && IS(scan->s[i], B_TOKEN))
	{
		if (n < sizeof(header))
		{
			bits = (bits << 6 | base64_value(scan->s[i])) & 0xFFFFFF;
			nbits += 6;
			if (nbits >= 8)
			{
				nbits -= 8;
				header[n++] = bits >> nbits & 0xFF;
			}
		}
		i++;
	}
	if (at(scan, i) != '.' || !IS(at(scan, i + 1), B_TOKEN))
		return false;
	for (int j = 0; j + 5 <= n; j++)
		if (memcmp(header + j, "\"alg\"", 5) == 0)
			alg = true;
	if (!alg || header[0] != '{')
		return false;
	if (n < sizeof(header))
	{
		while (n > 0 && IS(header[n - 1], B_SPACE))
			n--;
		if (header[n - 1] != '}')
			return false;
	}
	while (i < scan->len && scan->s[i] == '.' && parts < 5)
	{
		parts++;
		part = ++i;
		while (i < scan->len && IS(scan->s[i], B_TOKEN))
			i++;
	}
	/* a full stop behind a token of two or three parts */
	if (i == part && parts > 3)
		i--;
	return hg_span(span, start, i, "jwt", 99);
}

/* A password hash in the notation of a library: name, $, fields. */
static bool
match_named_hash(const HgScan *scan, int start, HgSpan *span)
{
	static const char *const names[] = {
		"SCRAM-SHA-256$", "SCRAM-SHA-1$", "pbkdf2_sha256$", "pbkdf2_sha1$",
		"pbkdf2_sha512$", "pbkdf2:sha256:", "pbkdf2:sha512:", "pbkdf2:sha1:",
		"scrypt:32768:", "scrypt$", "sha1$", "bcrypt$$2", "bcrypt_sha256$$2",
		"argon2$argon2", NULL
	};

	for (int k = 0; names[k] != NULL; k++)
	{
		int			n;
		int			end;
		int			dollars = 0;

		if (names[k][0] != scan->s[start])
			continue;
		n = strlen(names[k]);
		if (scan->len - start < n + 40 ||
			memcmp(scan->s + start, names[k], n) != 0)
			continue;
		for (end = start + n; end < scan->len && end - start < 400; end++)
		{
			unsigned char c = scan->s[end];

			if (c == '$')
				dollars++;
			else if (!IS(c, B_TOKEN) && (c == '\0' ||
										 strchr("+/=:.,", c) == NULL))
				break;
		}
		while (end > start && strchr(":.,", scan->s[end - 1]) != NULL)
			end--;
		if (dollars > 0 && end - start >= 40)
			return hg_span(span, start, end, "password_hash", 97);
	}
	return false;
}

/*
 * At a word: a vendor's token, a JWT, a wallet's address, a named hash.
 */
bool
hg_match_token(const HgScan *scan, int start, int end, int mask, HgSpan *span)
{
	const unsigned char *s = scan->s + start;
	int			len = end - start;

	switch (s[0])
	{
		case '0':
			/* an Ethereum address; 64 digits are a transaction */
			if (len == 42 && (s[1] == 'x' || s[1] == 'X'))
			{
				for (int i = 2; i < 42; i++)
					if (!IS(s[i], B_HEX))
						return false;
				return hg_span(span, start, end, "crypto_address", 90);
			}
			return false;
		case '1':
		case '3':
		case 'D':
		case 'L':
		case 'M':
			if (len >= 26 && len <= 35 && (mask & B_DIGIT) &&
				(mask & B_UPPER) && (mask & B_LOWER) &&
				hg_check_base58(s, len))
				return hg_span(span, start, end, "crypto_address", 99);
			if (s[0] != 'L' && s[0] != 'M')
				return false;
			break;
		case 'b':
		case 'B':
		case 'l':
		case 't':
		case 'T':
			if (len >= 14 && len <= 90 && (mask & B_DIGIT) &&
				((LOWER(s[0]) == 'l' && LOWER(s[1]) == 't' &&
				  LOWER(s[2]) == 'c' && s[3] == '1') ||
				 (LOWER(s[0]) == 'b' && LOWER(s[1]) == 'c' && s[2] == '1') ||
				 (LOWER(s[0]) == 't' && LOWER(s[1]) == 'b' && s[2] == '1')) &&
				hg_check_bech32(s, len))
				return hg_span(span, start, end, "crypto_address", 99);
			break;
		case 'e':
			if (len >= 3 && s[1] == 'y' && s[2] == 'J')
				return match_jwt(scan, start, span);
			return false;
		default:
			break;
	}
	if (len < 2)
		return false;
	if (match_prefix(scan, start, span))
		return true;
	if ((at(scan, end) == '$' || at(scan, end) == ':' ||
		 at(scan, end) == '-') &&
		(s[0] == 'S' || s[0] == 'p' || s[0] == 's' || s[0] == 'b' ||
		 s[0] == 'a') && match_named_hash(scan, start, span))
		return true;
	/* Discord's bot token: a number in base64, a time, a signature */
	if ((s[0] == 'M' || s[0] == 'N' || s[0] == 'O') && len >= 23 &&
		len <= 28 && at(scan, end) == '.')
	{
		int			mid = end + 1;
		int			i = mid;

		while (i < scan->len && i - mid < 8 && IS(scan->s[i], B_TOKEN))
			i++;
		if (i - mid >= 5 && i - mid <= 7 && at(scan, i) == '.')
		{
			int			tail = ++i;

			while (i < scan->len && i - tail < 50 && IS(scan->s[i], B_TOKEN))
				i++;
			if (i - tail >= 27 && i - tail <= 38)
				return hg_span(span, start, i, "discord_token", 95);
		}
	}
	return false;
}

/* ---- hashes in crypt's notation ---- */

bool
hg_match_dollar(const HgScan *scan, int start, HgSpan *span)
{
	static const struct
	{
		const char *id;
		int			min;		/* bytes behind the id */
	}			ids[] = {
		{"1$", 24}, {"5$", 45}, {"6$", 88}, {"7$", 40}, {"y$", 40},
		{"gy$", 40}, {"apr1$", 24}, {"P$", 31}, {"H$", 31}, {"S$", 50},
		{"2$", 56}, {"2a$", 56}, {"2b$", 56}, {"2x$", 56}, {"2y$", 56},
		{"argon2i$", 40}, {"argon2d$", 40}, {"argon2id$", 40},
		{"scrypt$", 40}, {"pbkdf2-sha256$", 40}, {"pbkdf2-sha512$", 40},
		{"pbkdf2$", 40}, {"bcrypt-sha256$", 40}, {"sha1$", 30}, {"md5,", 30}
	};
	unsigned char before = at(scan, start - 1);

	if (IS(before, B_ALNUM) || before == '$' || before == '/')
		return false;
	for (int k = 0; k < lengthof(ids); k++)
	{
		int			n;
		int			from;
		int			end;
		int			max = 400;

		if (ids[k].id[0] != at(scan, start + 1))
			continue;
		n = strlen(ids[k].id);
		from = end = start + 1 + n;
		if (scan->len - start < n + ids[k].min ||
			memcmp(scan->s + start + 1, ids[k].id, n) != 0)
			continue;
		if (ids[k].id[0] == '2')
			max = 56;
		else if (ids[k].id[0] == 'P' || ids[k].id[0] == 'H')
			max = 31;
		while (end < scan->len && end - from < max &&
			   (IS(scan->s[end], B_TOKEN) || scan->s[end] == '.' ||
				scan->s[end] == '/' || scan->s[end] == '$' ||
				(max == 400 && (scan->s[end] == '=' || scan->s[end] == ',' ||
								scan->s[end] == '+'))))
			end++;
		while (end > from && max == 400 && scan->s[end - 1] == ',')
			end--;
		if (end - from < ids[k].min || IS(at(scan, end), B_WORD))
			return false;
		return hg_span(span, start, end, "password_hash", 97);
	}
	return false;
}

/* {SSHA}... of LDAP, {bcrypt}... of Spring */
bool
hg_match_brace(const HgScan *scan, int start, HgSpan *span)
{
	static const char *const schemes[] = {
		"{SSHA}", "{SHA}", "{SMD5}", "{MD5}", "{CRYPT}", "{SSHA256}",
		"{SSHA384}", "{SSHA512}", "{SHA256}", "{SHA512}", "{bcrypt}",
		"{argon2}", "{pbkdf2}", "{scrypt}", "{PBKDF2}", "{ARGON2}",
		"{PBKDF2-SHA1}", "{PBKDF2-SHA256}", "{PBKDF2-SHA512}",
		"{BLF-CRYPT}", "{SHA512-CRYPT}", NULL
	};

	if (!IS(at(scan, start + 1), B_ALPHA))
		return false;
	for (int k = 0; schemes[k] != NULL; k++)
	{
		int			n;
		int			end;

		if (schemes[k][1] != at(scan, start + 1))
			continue;
		n = strlen(schemes[k]);
		end = start + n;
		if (scan->len - start < n + 20 ||
			memcmp(scan->s + start, schemes[k], n) != 0)
			continue;
		while (end < scan->len && end - start < 300 &&
			   (IS(scan->s[end], B_TOKEN) ||
				(scan->s[end] != '\0' && strchr("+/=.$,", scan->s[end]) != NULL)))
			end++;
		while (end > start && (scan->s[end - 1] == ',' ||
							   scan->s[end - 1] == '.'))
			end--;
		if (end - start - n >= 20)
			return hg_span(span, start, end, "password_hash", 97);
	}
	return false;
}

/*
 * At two dashes: a private key in PEM, its line ends perhaps escaped.  *skip
 * is set behind the dashes.
 */
bool
hg_match_pem(const HgScan *scan, int start, HgSpan *span, int *skip)
{
	static const char begin[] = "BEGIN ";
	int			i = start;
	int			label;
	int			body;
	int			end;
	int			solid = 0;

	while (i < scan->len && scan->s[i] == '-' && i - start < 65536)
		i++;
	*skip = i;
	if (i - start < 5 || scan->len - i < 40 ||
		memcmp(scan->s + i, begin, 6) != 0)
		return false;
	label = i + 6;
	for (body = label; body < scan->len && body - label < 40 &&
		 (IS(scan->s[body], B_UPPER | B_DIGIT) || scan->s[body] == ' ');
		 body++)
		;
	if (scan->len - body < 5 || memcmp(scan->s + body, "-----", 5) != 0)
		return false;
	for (i = label; i + 11 <= body; i++)
		if (memcmp(scan->s + i, "PRIVATE KEY", 11) == 0)
			break;
	if (i + 11 > body)
		return false;
	body += 5;
	for (end = body; end < scan->len; end++)
	{
		unsigned char c = scan->s[end];

		if (IS(c, B_ALNUM) || c == '+' || c == '/')
			solid++;
		else if (c == '-')
		{
			if (at(scan, end + 1) == '-')
				break;
		}
		else if (!IS(c, B_SPACE) &&
				 (c == '\0' || strchr("\\=:,.()", c) == NULL))
			break;
	}
	if (solid < 40)
		return false;
	if (scan->len - end >= 8 && memcmp(scan->s + end, "-----END", 8) == 0)
	{
		for (i = end + 8; i < scan->len && i - end < 60; i++)
			if (scan->s[i] == '-')
			{
				while (i < scan->len && scan->s[i] == '-' && i - end < 80)
					i++;
				end = i;
				break;
			}
			else if (!IS(scan->s[i], B_UPPER | B_DIGIT) && scan->s[i] != ' ')
				break;
	}
	else
		while (end > body && IS(scan->s[end - 1], B_SPACE))
			end--;
	return hg_span(span, start, end, "private_key_pem", 99);
}

/* ---- secrets by their name ---- */

/*
 * Random letters and digits: at least 20, both kinds, 3.5 bits of entropy per
 * character, as gitleaks wants it; hexadecimal at least 32 with 3 bits.  Not a
 * UUID, not a sequence.
 */
bool
hg_random_looking(const unsigned char *s, int len)
{
	int			counts[128];
	int			n = Min(len, 256);
	int			steps = 0;
	int			digits = 0;
	int			letters = 0;
	bool		hex = true;
	double		entropy = 0;

	if (len < 20 || len > 4096)
		return false;
	memset(counts, 0, sizeof(counts));
	for (int i = 0; i < n; i++)
	{
		unsigned char c = s[i];

		if (!in_alphabet(c, BASE64) && c != '.' && c != '~')
			return false;
		counts[c]++;
		digits += IS(c, B_DIGIT);
		letters += IS(c, B_ALPHA);
		hex &= IS(c, B_HEX);
		if (i > 0 && c == s[i - 1] + 1)
			steps++;
	}
	if (digits == 0 || letters == 0 || steps * 3 > n)
		return false;
	if (len == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' &&
		s[23] == '-')
		return false;
	for (int c = 0; c < 128; c++)
		if (counts[c] > 0)
			entropy -= (double) counts[c] / n * log2((double) counts[c] / n);
	return hex ? len >= 32 && entropy >= 3.0 : entropy >= 3.5;
}

/* A variable or a row of stars where a secret will be. */
bool
hg_placeholder(const unsigned char *s, int len)
{
	bool		same = true;

	if (len == 0)
		return true;
	if (s[0] == '<' || s[0] == '{' || s[0] == '[' || s[0] == '%' ||
		(s[0] == '$' && (len == 1 || s[1] == '{' || s[1] == '(' ||
						 IS(s[1], B_UPPER))))
		return s[0] != '%' || s[len - 1] == '%' || (len > 1 && s[1] == '(');
	for (int i = 1; i < len && same; i++)
		same = s[i] == s[0];
	if (same && (len > 1 || s[0] == '*' || s[0] == 'x'))
		return true;
	/* ****abcd is masked already */
	return len >= 4 && memcmp(s, "****", 4) == 0;
}

/* Words that stand where a password would, and are none. */
static bool
dummy(const unsigned char *s, int len)
{
	static const char *const list[] = {
		"changeme", "change_me", "change-me", "required", "string", "invalid",
		"missing", "null", "none", "true", "false", "undefined", "password",
		"secret", "token", "hidden", "masked", "redacted", "filtered",
		"example", "placeholder", "optional", "default", "text", "hash",
		"encrypted", "expired", "reset", "incorrect", "wrong", "empty",
		"unset", "todo", "varchar", "optional", "is", "not", "scram-sha-256",
		"md5", "trust", "bearer", "basic", "authentication", "policy",
		"manager", "protected", "str", "nil", "enabled", "disabled", NULL
	};

	/* by the first letter the lengths that there are */
	static uint32 lengths[26];
	static bool known = false;
	unsigned	first = LOWER(s[0]) - 'a';

	if (!known)
	{
		for (int i = 0; list[i] != NULL; i++)
			lengths[list[i][0] - 'a'] |= (uint32) 1 << strlen(list[i]);
		known = true;
	}
	if (first >= 26 && !IS(s[0], B_HIGH))
		return false;
	if (first >= 26 || (len < 32 && (lengths[first] >> len & 1) != 0))
		for (int i = 0; list[i] != NULL; i++)
			if ((list[i][0] == LOWER(s[0]) || IS(s[0], B_HIGH)) &&
				strlen(list[i]) == len &&
				pg_strncasecmp((const char *) s, list[i], len) == 0)
				return true;
	if (first < 26 && s[0] != 'y' && s[0] != 'e' && s[0] != 'v' &&
		s[0] != 'x' && s[0] != 'Y' && s[0] != 'E' && s[0] != 'V' &&
		s[0] != 'X')
		return false;
	if (len > 5 && pg_strncasecmp((const char *) s, "your", 4) == 0 &&
		(s[4] == '-' || s[4] == '_' || s[4] == ' '))
		return true;
	if (len > 4 && (pg_strncasecmp((const char *) s, "env:", 4) == 0 ||
					pg_strncasecmp((const char *) s, "env.", 4) == 0 ||
					pg_strncasecmp((const char *) s, "var.", 4) == 0))
		return true;
	return len > 3 && pg_strncasecmp((const char *) s, "xxx", 3) == 0;
}

/* Unsalted digests where a password is expected, and PostgreSQL's md5. */
const char *
hg_hex_password(const unsigned char *s, int len)
{
	int			i = 0;

	if (len == 35 && memcmp(s, "md5", 3) == 0)
		i = 3;
	else if (len == 41 && s[0] == '*')
		i = 1;
	else if (len != 32 && len != 40 && len != 56 && len != 64 && len != 96 &&
			 len != 128)
		return NULL;
	for (; i < len; i++)
		if (!IS(s[i], B_HEX))
			return NULL;
	return "password_hash";
}

typedef enum Announced
{
	NOTHING, A_SECRET, A_SESSION, A_PASSWORD, A_CODE, A_BEARER, A_BASIC, A_USER
} Announced;

static inline bool
ends_with(const unsigned char *s, int len, const char *tail)
{
	int			n = strlen(tail);

	return len >= n && (tail[n - 1] == LOWER(s[len - 1]) ||
						IS(s[len - 1], B_HIGH)) && pg_strncasecmp((const char *) s + len - n, tail, n) == 0;
}

/* Does an option at `start` stand in a command of curl's? */
static bool
of_curl(const HgScan *scan, int start)
{
	const unsigned char *s = scan->s;

	for (int i = start - 5; i >= Max(start - 512, 0); i--)
	{
		/* the end of a line, and of a command among others */
		if (s[i] == '\n' && at(scan, i - 1) != '\\')
			return false;
		if (s[i] == ' ' && s[i + 2] == ' ' && (s[i + 1] == '|' || s[i + 1] == ';'))
			return false;
		if (s[i] == s[i + 1] && (s[i] == '&' || s[i] == '|') && s[i + 2] == ' ')
			return false;
		if (memcmp(s + i, "curl", 4) == 0)
			return true;
	}
	return false;
}

/* The end of contrasena, which is cut where its letter is not ASCII. */
static bool
begins_with_ena(const HgScan *scan, int i)
{
	return scan->len - i >= 3 && memcmp(scan->s + i, "\xC3\xB1" "a", 3) == 0;
}

/* What the word that ends at `end` announces. */
static Announced
announced(const HgScan *scan, int start, int end)
{
	static const char *const before_key[] = {
		"api", "secret", "private", "access", "auth", "encryption", "signing",
		"session", "account", "shared", "master", "service", "client", "app",
		"accesskey", "hmac", "license", NULL
	};
	static const char *const passwords[] = {
		"password", "passwd", "pwd", "passwort", "kennwort", "passphrase",
		"contrasena", "motdepasse", "senha", NULL
	};
	const unsigned char *s = scan->s + start;
	int			len = end - start;

	/* a run-together word is cut by its last letters */
	switch (LOWER(s[len - 1]))
	{
		case 'n':
			return ends_with(s, len, "token") ? A_SECRET : NOTHING;
		case 'd':
			if ((len == 3 && ends_with(s, len, "sid")) ||
				ends_with(s, len, "sessid") ||
				ends_with(s, len, "sessionid") ||
				ends_with(s, len, "session_id"))
				return A_SESSION;
			break;
		case 't':
			if (ends_with(s, len, "secret"))
				return A_SECRET;
			break;
		case 'r':
			if (len == 4 && at(scan, start - 1) == '-' &&
				ends_with(s, len, "user"))
				return A_USER;
			return len == 6 && ends_with(s, len, "bearer") ? A_BEARER : NOTHING;
		case 'c':
			return len == 5 && ends_with(s, len, "basic") ? A_BASIC : NOTHING;
		case 'e':
			if (len == 4 && ends_with(s, len, "code") &&
				(at(scan, start - 1) == '?' || at(scan, start - 1) == '&'))
				return A_CODE;
			if (ends_with(s, len, "secret_key_base"))
				return A_SECRET;
			if (len == 5 && start >= 7 && ends_with(s, len, "passe") &&
				pg_strncasecmp((const char *) s - 7, "mot de ", 7) == 0)
				return A_PASSWORD;
			if (len == 8 && ends_with(s, len, "contrase") &&
				begins_with_ena(scan, end))
				return A_PASSWORD;
			break;
		case 'p':
			return len == 3 && ends_with(s, len, "mdp") ? A_PASSWORD : NOTHING;
		case 'w':
			return len == 2 && ends_with(s, len, "pw") ? A_PASSWORD : NOTHING;
		case 'u':
			return len == 1 && at(scan, start - 1) == '-' &&
				IS(at(scan, start - 2), B_SPACE) ? A_USER : NOTHING;
		case 'y':
			if (ends_with(s, len, "key"))
			{
				char		before[16];
				int			n = sizeof(before) - 1;
				int			i = end - 3;

				/* letters in front, dashes and the like left out */
				before[n] = '\0';
				while (i > scan->floor && n > 0 && end - i < 20)
				{
					unsigned char c = scan->s[--i];

					if (IS(c, B_ALPHA))
						before[--n] = LOWER(c);
					else if (c != '_' && c != '-' && c != ' ')
						break;
				}
				for (int k = 0; before_key[k] != NULL; k++)
					if (ends_with((unsigned char *) before + n,
								  sizeof(before) - 1 - n, before_key[k]))
						return A_SECRET;
			}
			return NOTHING;
		case 's':
			return ends_with(s, len, "_pass") ||
				(len == 4 && ends_with(s, len, "pass")) ||
				(len == 11 && ends_with(s, len, "requirepass")) ?
				A_PASSWORD : NOTHING;
		default:
			break;
	}
	for (int k = 0; passwords[k] != NULL; k++)
		if (ends_with(s, len, passwords[k]))
			return A_PASSWORD;
	return NOTHING;
}

/* End of the word or quoted string at i. */
static int
secret_end(const HgScan *scan, int i, unsigned char quote, bool escaped,
		   int max)
{
	int			limit = Min(scan->len, i + max);
	int			start = i;

	for (; i < limit; i++)
	{
		unsigned char c = scan->s[i];

		if (c == '\n' || c == '\r')
			break;
		if (quote != 0)
		{
			if (c == quote || (escaped && c == '\\' &&
							   at(scan, i + 1) == quote))
				break;
			if (c == '\\' && i + 1 < limit)
				i++;
		}
		else if (c <= ' ' || c == '"' || c == '\'' || c == '`' || c == ',' ||
				 c == ';' || c == '<' || c == '>' || c == ')' || c == '}' ||
				 c == ']' || (c == '&' && i > start) || c == '\\')
		{
			/* P&ssw0rd is one word, a&b=c two */
			if (c == '&')
			{
				int			j = i + 1;

				while (j < limit && IS(scan->s[j], B_TOKEN))
					j++;
				if (at(scan, j) != '=')
					continue;
			}
			break;
		}
		else if (IS(c, B_HIGH) && scan->utf8 && c == 0xE2)
			break;
	}
	if (quote == 0 && i > start && i - start > 1 &&
		(scan->s[i - 1] == '.' || scan->s[i - 1] == ':'))
		i--;
	return i;
}

/* Something a person would type as a password: not a plain word of prose. */
bool
hg_password_like(const unsigned char *s, int len, bool assigned)
{
	bool		letter = false;
	bool		other = false;

	if (len < 4 || len > MAX_PASSWORD || hg_placeholder(s, len) || dummy(s, len))
		return false;
	for (int i = 0; i < len; i++)
	{
		if (IS(s[i], B_SPACE))
			return false;
		if (IS(s[i], B_ALPHA))
			letter = true;
		else if (s[i] != '-' && s[i] != '_' && s[i] != '.')
			other = true;
	}
	if (len > 8 && (memcmp(s, "http://", 7) == 0 ||
					memcmp(s, "https://", 8) == 0))
		return false;
	if (other && letter)
		return true;
	return assigned && len >= 6;
}

/* How many small letters and _, as names of variables have, it begins with. */
static int
small_name(const unsigned char *s, int len)
{
	int			i = 0;

	while (i < len && (IS(s[i], B_LOWER) || s[i] == '_'))
		i++;
	return i;
}

/*
 * What stands unquoted where a password would, and is a program's: a variable
 * of its name, a call or an element, a rule of what it must be.  `behind` is the
 * byte that ended it.
 */
static bool
code_like(const unsigned char *s, int len, unsigned char behind)
{
	static const char *const names[] = {
		"pass", "pwd", "pw", "secret", "token", "key", NULL
	};
	int			i = 0;
	bool		dot = false;

	/* @password, $db_password, :pwd */
	if (s[0] == '@' || s[0] == '$' || s[0] == ':')
	{
		if (small_name(s + 1, len - 1) < len - 1)
			return false;
		for (int k = 0; names[k] != NULL; k++)
		{
			int			n = strlen(names[k]);

			for (i = 1; i + n <= len; i++)
				if (memcmp(s + i, names[k], n) == 0)
					return true;
		}
		return false;
	}

	while (i < len && (IS(s[i], B_ALPHA) || s[i] == '_' || s[i] == '.' ||
					   s[i] == ':' || s[i] == '>' ||
					   (s[i] == '-' && i + 1 < len && s[i + 1] == '>')))
		dot |= s[i++] == '.';
	if (i == 0 || i == len)
		return false;
	if (s[i] == '|')
	{
		/* required|min:8 */
		for (int k = i; k < len; k++)
			if (!IS(s[k], B_LOWER | B_DIGIT | B_UNDER) && s[k] != '|' &&
				s[k] != ':' && s[k] != ',')
				return false;
		return dummy(s, i);
	}
	if (s[i] != '(' && s[i] != '[')
		return false;
	/* env("X"), input(), params[:password], crypt($1, config.get(key) */
	if (++i == len)
		return behind == '"' || behind == '\'' || behind == ')' ||
			behind == ']';
	if (s[i] == '$' || s[i] == ':')
		return i + 1 < len && IS(s[i + 1], B_DIGIT | B_LOWER | B_UNDER);
	return dot && behind == ')' && i + small_name(s + i, len - i) == len;
}

/*
 * Is the word that ends at `end` an element's name, in its opening tag?
 */
static bool
in_opening_tag(const HgScan *scan, int start, int end)
{
	int			i = start;

	if (at(scan, end) != '>')
		return false;
	while (i > scan->floor && start - i < 40 &&
		   (IS(scan->s[i - 1], B_TOKEN) || scan->s[i - 1] == ':' ||
			scan->s[i - 1] == '.'))
		i--;
	return at(scan, i - 1) == '<';
}

/* "is" in the languages of the words above, with its space; 0 if none. */
static int
copula(const HgScan *scan, int i, bool *sign)
{
	static const char *const verbs[] = {
		"is", "ist", "est", "es", "lautet", "\xC3\xA9", "\xC3\xA8", NULL
	};

	for (int k = 0; verbs[k] != NULL; k++)
	{
		int			n = strlen(verbs[k]);
		bool		colon = false;

		if (scan->len - i < n + 4 || memcmp(scan->s + i, verbs[k], n) != 0)
			continue;
		if (scan->s[i + n] == ' ' && scan->s[i + n + 1] == ':')
			n++;
		if (scan->s[i + n] == ':')
		{
			colon = true;
			n++;
		}
		if (scan->s[i + n] != ' ')
			continue;
		*sign |= colon;
		return n + 1;
	}
	return 0;
}

/*
 * The credentials of HTTP's basic authentication (RFC 7617): user, colon and
 * password in base64.  Its end; 0 where it is none.
 */
static int
basic_end(const HgScan *scan, int start)
{
	unsigned char text[MAX_SECRET / 4 * 3];
	int			limit = Min(scan->len, start + MAX_SECRET);
	int			i = start;
	int			n = 0;
	int			nbits = 0;
	uint32		bits = 0;
	const unsigned char *colon;

	for (; i < limit && base64_value(scan->s[i]) >= 0; i++)
	{
		bits = (bits << 6 | base64_value(scan->s[i])) & 0xFFFFFF;
		nbits += 6;
		if (nbits >= 8)
		{
			nbits -= 8;
			text[n++] = bits >> nbits & 0xFF;
		}
	}
	/* all of it, and of a last byte that is cut nothing but zeros */
	if ((i == limit && i < scan->len) || nbits > 4 ||
		(bits & ((1 << nbits) - 1)) != 0)
		return 0;
	for (int k = 0; k < n; k++)
	{
		/* bytes that follow in a character of UTF-8 */
		int			more = text[k] < 0x80 ? 0 : text[k] < 0xC2 ? -1 :
			text[k] < 0xE0 ? 1 : text[k] < 0xF0 ? 2 : text[k] < 0xF5 ? 3 : -1;

		if (text[k] < ' ' || text[k] == 0x7F || more < 0 || more >= n - k)
			return 0;
		for (; more > 0; more--)
			if ((text[++k] & 0xC0) != 0x80)
				return 0;
	}
	colon = memchr(text, ':', n);
	/* a few words are one by chance, as Only */
	if (colon == NULL || colon == text || colon == text + n - 1 || n < 5)
		return 0;
	for (int k = 0; k < 2 && at(scan, i) == '='; k++)
		i++;
	return i;
}

/*
 * At a word: if it announces a secret, is there one behind it?
 */
bool
hg_match_secret(const HgScan *scan, int start, int end, HgSpan *span)
{
	Announced	what = announced(scan, start, end);
	int			i = end;
	int			stop;
	int			len;
	unsigned char c;
	unsigned char quote = 0;
	bool		escaped = false;
	bool		sign = false;	/* = or : stands between */
	bool		spaced = false;
	bool		tag = false;	/* <key>value</key> */
	bool		verb = false;	/* "is" stands between */
	int			n;
	const unsigned char *s;

	if (what == NOTHING)
		return false;
	if (what == A_PASSWORD && begins_with_ena(scan, i))
		i += 3;

	/* "key": "value", key = 'value', key => value, key is value */
	if (at(scan, i) == '\\' && (at(scan, i + 1) == '"' || at(scan, i + 1) == '\''))
		i++;
	c = at(scan, i);
	if (c == '"' || c == '\'' || c == ']')
		i++;
	while (i - end < 6 && (at(scan, i) == ' ' || at(scan, i) == '\t'))
	{
		spaced = true;
		i++;
	}
	if (what == A_USER)
	{
		/* curl -u name:password, --user 'name:password' */
		int			name;

		c = at(scan, i);
		if (!spaced && c == '=')
		{
			spaced = true;
			c = at(scan, ++i);
		}
		if (c == '"' || c == '\'')
		{
			quote = c;
			i++;
		}
		name = i;
		while (i < scan->len && i - name < 64 && (IS(scan->s[i], B_TOKEN) ||
												  scan->s[i] == '.' ||
												  scan->s[i] == '@'))
			i++;
		if (!spaced || i == name || at(scan, i) != ':')
			return false;
		i++;
		sign = true;
	}
	else if (what == A_BEARER || what == A_BASIC)
		sign = spaced;
	else
	{
		c = at(scan, i);
		if (c == '>' && in_opening_tag(scan, start, end))
		{
			tag = sign = true;
			i++;
		}
		else if (spaced && i + 6 < scan->len && i > end + 1 &&
				 memcmp(scan->s + i, "value=", 6) == 0)
		{
			/* name="key" value="value" */
			sign = true;
			i += 6;
		}
		else if (c == '=' || c == ':')
		{
			sign = true;
			i++;
			if (at(scan, i) == '=' || at(scan, i) == '>')
				i++;
		}
		else if (spaced && (n = copula(scan, i, &sign)) > 0)
		{
			verb = true;
			i += n;
		}
		else if (spaced && i + 4 < scan->len &&
				 memcmp(scan->s + i, "for ", 4) == 0)
		{
			int			j = i + 4;

			while (j < scan->len && j - i < 80 && !IS(scan->s[j], B_SPACE))
				j++;
			if (scan->len - j < 5 || memcmp(scan->s + j, " is ", 4) != 0)
				return false;
			i = j + 4;
		}
		while (i < scan->len && i - end < 100 &&
			   (scan->s[i] == ' ' || scan->s[i] == '\t'))
		{
			spaced = true;
			i++;
		}
	}
	if (at(scan, i) == '\\' && (at(scan, i + 1) == '"' || at(scan, i + 1) == '\''))
	{
		escaped = true;
		i++;
	}
	c = at(scan, i);
	if (quote == 0 && (c == '"' || c == '\'' || c == '`'))
	{
		quote = c;
		i++;
	}
	if (!sign && !spaced)
		return false;

	stop = secret_end(scan, i, quote, escaped,
					  what == A_PASSWORD ? MAX_PASSWORD + 1 :
					  what == A_SESSION ? MAX_SESSION : MAX_SECRET);
	s = scan->s + i;
	len = stop - i;
	if (len < 4 || i < scan->floor)
		return false;
	if (tag && (at(scan, stop) != '<' || at(scan, stop + 1) != '/'))
		return false;
	if (what == A_SESSION && !sign)
		return false;
	/* the password is required! */
	if (verb && s[len - 1] == '!' && dummy(s, len - 1))
		return false;
	if (what == A_BASIC)
	{
		stop = basic_end(scan, i);
		return stop > 0 && hg_span(span, i, stop, "secret_token", 95);
	}

	/* what is known by its own form will be found there */
	if (s[0] == '$' || s[0] == '{' || memcmp(s, "eyJ", 3) == 0)
	{
		if (hg_placeholder(s, len))
			return false;
		if ((s[0] == '$' && hg_match_dollar(scan, i, span)) ||
			(s[0] == '{' && hg_match_brace(scan, i, span)) ||
			(s[0] == 'e' && match_jwt(scan, i, span)))
			return true;
	}
	if (IS(s[0], B_WORD))
	{
		int			word = i;
		int			mask = 0;

		while (word < stop && IS(scan->s[word], B_WORD))
			mask |= hg_byte[scan->s[word++]];
		if (hg_match_token(scan, i, word, mask, span))
			return true;
	}

	if (what == A_USER && hg_password_like(s, len, false) &&
		of_curl(scan, start))
		return hg_span(span, i, stop, "secret_token", 80);
	if (what == A_PASSWORD)
	{
		if (hg_hex_password(s, len) != NULL)
			return hg_span(span, i, stop, "password_hash", 85);
		if (!sign && quote == 0 && !mixed(s, len, 1) &&
			memchr(s, '!', len) == NULL)
			return false;
		if (!hg_password_like(s, len, sign && (quote != 0 || !spaced)) ||
			(quote == 0 && code_like(s, len, at(scan, stop))))
			return false;
		return hg_span(span, i, stop, "secret_token", 80);
	}

	/* AccountKey of an Azure storage connection string */
	if (len == 88 && s[87] == '=' && ends_with(scan->s + start, end - start,
											   "key") &&
		hg_random_looking(s, len))
		return hg_span(span, i, stop, "azure_storage_key", 95);
	if (!hg_random_looking(s, len))
		return false;
	if (len == 40 && what == A_SECRET && !sign)
		return hg_span(span, i, stop, "aws_secret_key", 75);
	if (len == 40 && ends_with(scan->s + start, end - start, "secret_access_key"))
		return hg_span(span, i, stop, "aws_secret_key", 90);
	return hg_span(span, i, stop, "generic_high_entropy",
				   what == A_BEARER ? 85 : 80);
}
