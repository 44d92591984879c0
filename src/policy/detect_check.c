/*-------------------------------------------------------------------------
 *
 * detect_check.c
 *	  Checksums and number plans of the kinds that have them.
 *
 * Everything here is arithmetic on digits that the caller has cleaned.
 * Sources: ISO/IEC 7812 and the card schemes' published ranges, ISO 13616 and
 * the SWIFT registry for IBAN lengths, ISO 7064, the issuing authorities'
 * descriptions of national numbers, BIP 173 and 350, ITU-T E.164.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sha256.h"
#include "policy/detect_int.h"

#define D(i) (digits[i] - '0')

bool
hg_check_luhn(const char *digits, int n)
{
	static const unsigned char doubled[] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
	int			sum = 0;
	int			i = n - 1;

	for (; i > 0; i -= 2)
		sum += D(i) + doubled[D(i - 1)];
	if (i == 0)
		sum += D(0);
	return sum % 10 == 0;
}

/*
 * Issuer ranges, by the first six digits, with the lengths they issue; in
 * their order.
 */
static const struct
{
	int			from;
	int			to;
	int			min;
	int			max;
}			card_ranges[] = {
	{100000, 199999, 15, 15},	/* UATP */
	{220000, 220499, 16, 19},	/* Mir */
	{222100, 272099, 16, 16},	/* Mastercard */
	{300000, 305999, 14, 19},	/* Diners Club */
	{309500, 309599, 14, 19},
	{340000, 349999, 15, 15},	/* American Express */
	{352800, 358999, 16, 19},	/* JCB */
	{360000, 369999, 14, 19},	/* Diners Club */
	{370000, 379999, 15, 15},	/* American Express */
	{380000, 399999, 14, 19},	/* Diners Club */
	{400000, 499999, 13, 13},	/* Visa */
	{400000, 499999, 16, 16},
	{400000, 499999, 19, 19},
	{501800, 502099, 12, 19},	/* Maestro, Dankort */
	{503800, 503899, 12, 19},
	{506099, 506198, 16, 19},	/* Verve */
	{508500, 508999, 16, 16},	/* RuPay */
	{510000, 559999, 16, 16},	/* Mastercard */
	{561200, 561299, 12, 19},	/* Maestro */
	{589300, 589399, 12, 19},
	{601100, 601199, 16, 19},	/* Discover */
	{620000, 629999, 16, 19},	/* UnionPay */
	{630400, 630499, 12, 19},	/* Maestro */
	{639000, 639099, 12, 19},
	{644000, 659999, 16, 19},	/* Discover */
	{675900, 675999, 12, 19},	/* Maestro */
	{676100, 676399, 12, 19},
	{676700, 676799, 12, 19},
	{979200, 979299, 16, 16}	/* Troy */
};

/* Where those of each first digit begin. */
static const unsigned char first_range[] = {0, 0, 1, 3, 10, 13, 20, 28, 28, 28};

/* Luhn, issuer and length together. */
bool
hg_check_card(const char *digits, int n)
{
	int			prefix = 0;

	if (n < 12 || n > 19)
		return false;
	for (int i = 0; i < 6; i++)
		prefix = prefix * 10 + D(i);
	for (int i = first_range[D(0)]; i < lengthof(card_ranges) &&
		 prefix >= card_ranges[i].from; i++)
		if (prefix <= card_ranges[i].to &&
			n >= card_ranges[i].min && n <= card_ranges[i].max)
			return hg_check_luhn(digits, n);
	return false;
}

/* Length of an IBAN by country, capital letters; 0 where there are none. */
int
hg_iban_length(int c1, int c2)
{
	static const char *const lengths[] = {
		"15NO", "16BE", "18DKFIFKFOGLNLSD", "19MKSI", "20ATBAEEKZLTLUMNXK",
		"21CHHRLILV", "22BGBHCRDEGBGEIEMERSVA", "23AEGIILIQOMSOTL",
		"24ADCZESMDPKROSASESKTNVG", "25LYPTST", "26ISTR",
		"27BIDJFRGRITMCMRSM", "28ALAZBYCYDOGTHNHULBNIPLSV", "29BREGPSQAUA",
		"30JOKWMUYE", "31MTSC", "32LC", "33RU"
	};

	static unsigned char by_letters[26][26];
	static bool known = false;

	if (!known)
	{
		for (int i = 0; i < lengthof(lengths); i++)
			for (const char *p = lengths[i] + 2; *p != '\0'; p += 2)
				by_letters[p[0] - 'A'][p[1] - 'A'] =
					(lengths[i][0] - '0') * 10 + lengths[i][1] - '0';
		known = true;
	}
	return by_letters[c1 - 'A'][c2 - 'A'];
}

/* Capital letters and digits, country first; length is the caller's. */
bool
hg_check_iban(const char *iban, int n)
{
	uint64		rest = 0;

	for (int i = 0; i < n; i++)
	{
		int			c = iban[i + 4 < n ? i + 4 : i + 4 - n];

		if (c >= '0' && c <= '9')
			rest = rest * 10 + c - '0';
		else
			rest = rest * 100 + c - 'A' + 10;
		if (i % 8 == 7)
			rest %= 97;			/* eight letters fit with what was left */
	}
	return rest % 97 == 1;
}

/* Is the weighted sum a multiple of the modulus? */
bool
hg_check_weights(const char *digits, const signed char *weights, int n,
				 int modulus)
{
	int			sum = 0;

	for (int i = 0; i < n; i++)
		sum += D(i) * weights[i];
	return sum % modulus == 0;
}

/* All digits the same, which most sums let pass. */
static bool
monotonous(const char *digits, int n)
{
	for (int i = 1; i < n; i++)
		if (digits[i] != digits[0])
			return false;
	return true;
}

bool
hg_check_nhs(const char *digits)
{
	static const signed char weights[] = {10, 9, 8, 7, 6, 5, 4, 3, 2, 1};

	return !monotonous(digits, 10) &&
		hg_check_weights(digits, weights, 10, 11);
}

/* ISO 7064 mod 11,10 */
bool
hg_check_de_tax(const char *digits)
{
	int			product = 10;

	if (digits[0] == '0')
		return false;
	for (int i = 0; i < 10; i++)
	{
		int			sum = (D(i) + product) % 10;

		product = 2 * (sum == 0 ? 10 : sum) % 11;
	}
	return (11 - product) % 10 == D(10);
}

/* Not what is never issued, nor the two numbers of advertisements. */
bool
hg_check_ssn(const char *digits)
{
	int			area = D(0) * 100 + D(1) * 10 + D(2);

	if (area == 0 || area == 666 || area >= 900 ||
		(digits[3] == '0' && digits[4] == '0') ||
		memcmp(digits + 5, "0000", 4) == 0)
		return false;
	return memcmp(digits, "078051120", 9) != 0 &&
		memcmp(digits, "219099999", 9) != 0 && !monotonous(digits, 9);
}

bool
hg_check_itin(const char *digits)
{
	int			group = D(3) * 10 + D(4);

	return digits[0] == '9' &&
		((group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
		 (group >= 90 && group <= 92) || (group >= 94 && group <= 99));
}

bool
hg_check_verhoeff(const char *digits, int n)
{
	/* the dihedral group of a pentagon, and powers of a permutation */
	static const char *const multiply[] = {
		"0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
		"5987604321", "6598710432", "7659821043", "8765932104", "9876543210"
	};
	static const char *const permute[] = {
		"0123456789", "1576283094", "5803796142", "8916043527", "9453126870",
		"4286573901", "2793806415", "7046913258"
	};
	int			c = 0;

	for (int i = 0; i < n; i++)
		c = multiply[c][permute[i % 8][D(n - 1 - i)] - '0'] - '0';
	return c == 0;
}

bool
hg_check_tckn(const char *digits)
{
	int			odd = D(0) + D(2) + D(4) + D(6) + D(8);
	int			even = D(1) + D(3) + D(5) + D(7);

	return digits[0] != '0' && (odd * 7 - even + 100) % 10 == D(9) &&
		(odd + even + D(9)) % 10 == D(10);
}

bool
hg_check_cpf(const char *digits)
{
	for (int check = 9; check <= 10; check++)
	{
		int			sum = 0;

		for (int i = 0; i < check; i++)
			sum += D(i) * (check + 1 - i);
		if (sum * 10 % 11 % 10 != D(check))
			return false;
	}
	return !monotonous(digits, 11);
}

bool
hg_check_fnr(const char *digits)
{
	static const signed char first[] = {3, 7, 6, 1, 8, 9, 4, 5, 2, 1};
	static const signed char second[] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1};

	return hg_check_weights(digits, first, 10, 11) &&
		hg_check_weights(digits, second, 11, 11);
}

/* The last two digits are 97 minus the rest of the others by 97. */
bool
hg_check_97(const char *digits, int n, bool belgian)
{
	int			rest = 0;
	int			check = D(n - 2) * 10 + D(n - 1);

	for (int i = 0; i < n - 2; i++)
		rest = (rest * 10 + D(i)) % 97;
	if (97 - rest == check)
		return true;
	if (!belgian)
		return false;
	/* born from 2000 on: a 2 is thought in front */
	rest = 2;
	for (int i = 0; i < n - 2; i++)
		rest = (rest * 10 + D(i)) % 97;
	return 97 - rest == check;
}

bool
hg_check_thai(const char *digits)
{
	int			sum = 0;

	for (int i = 0; i < 12; i++)
		sum += D(i) * (13 - i);
	return digits[0] != '0' && (11 - sum % 11) % 10 == D(12);
}

/* German health insurance: the letter counts as two digits. */
bool
hg_check_kvnr(const unsigned char *s)
{
	int			letter = s[0] - 'A' + 1;
	int			sum = letter / 10;
	int			d = letter % 10 * 2;

	sum += d > 9 ? d - 9 : d;
	for (int i = 1; i < 9; i++)
	{
		d = (s[i] - '0') * (i % 2 == 1 ? 1 : 2);
		sum += d > 9 ? d - 9 : d;
	}
	return sum % 10 == s[9] - '0';
}

/* Check letter of an Italian fiscal code, capital letters. */
bool
hg_check_it_cf(const unsigned char *s)
{
	static const unsigned char odd[] = {
		1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14,
		16, 10, 22, 25, 24, 23
	};
	int			sum = 0;

	for (int i = 0; i < 15; i++)
	{
		int			v = s[i] >= 'A' ? s[i] - 'A' : s[i] - '0';

		sum += i % 2 == 0 ? odd[v] : v;
	}
	return s[15] == 'A' + sum % 26;
}

bool
hg_check_day(int year, int month, int day)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month >= 1 && month <= 12 && day >= 1 &&
		day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* The value of a base58 digit and one more; 0 for what is none. */
static const unsigned char base58[256] = {
	['1'] = 1, ['2'] = 2, ['3'] = 3, ['4'] = 4, ['5'] = 5, ['6'] = 6,
	['7'] = 7, ['8'] = 8, ['9'] = 9, ['A'] = 10, ['B'] = 11, ['C'] = 12,
	['D'] = 13, ['E'] = 14, ['F'] = 15, ['G'] = 16, ['H'] = 17, ['J'] = 18,
	['K'] = 19, ['L'] = 20, ['M'] = 21, ['N'] = 22, ['P'] = 23, ['Q'] = 24,
	['R'] = 25, ['S'] = 26, ['T'] = 27, ['U'] = 28, ['V'] = 29, ['W'] = 30,
	['X'] = 31, ['Y'] = 32, ['Z'] = 33, ['a'] = 34, ['b'] = 35, ['c'] = 36,
	['d'] = 37, ['e'] = 38, ['f'] = 39, ['g'] = 40, ['h'] = 41, ['i'] = 42,
	['j'] = 43, ['k'] = 44, ['m'] = 45, ['n'] = 46, ['o'] = 47, ['p'] = 48,
	['q'] = 49, ['r'] = 50, ['s'] = 51, ['t'] = 52, ['u'] = 53, ['v'] = 54,
	['w'] = 55, ['x'] = 56, ['y'] = 57, ['z'] = 58
};

/* A Bitcoin, Litecoin or Dogecoin address: 25 bytes with a checksum. */
bool
hg_check_base58(const unsigned char *s, int len)
{
	uint32		limbs[7] = {0}; /* the lowest first; 35 digits fill 206 bits */
	int			used = 0;
	unsigned char bytes[25];
	unsigned char hash[HG_SHA256_LENGTH];

	if (len < 26 || len > 35)
		return false;
	/* five digits at a time: 58^5 fits into a limb */
	for (int i = 0; i < len;)
	{
		uint64		carry = 0;
		uint32		factor = 1;
		int			stop = Min(i + 5, len);

		for (; i < stop; i++)
		{
			int			v = base58[s[i]];

			if (v == 0)
				return false;
			carry = carry * 58 + v - 1;
			factor *= 58;
		}
		/* five digits are less than a limb */
		for (int j = 0; j < used; j++)
		{
			carry += (uint64) limbs[j] * factor;
			limbs[j] = (uint32) carry;
			carry >>= 32;
		}
		if (used < lengthof(limbs))
			limbs[used++] = (uint32) carry;
	}
	if (limbs[6] > 0xFF)
		return false;			/* more than 25 bytes */
	for (int i = 0; i < 25; i++)
		bytes[24 - i] = limbs[i / 4] >> i % 4 * 8 & 0xFF;
	/* the version bytes of the three coins */
	if (bytes[0] != 0x00 && bytes[0] != 0x05 && bytes[0] != 0x30 &&
		bytes[0] != 0x32 && bytes[0] != 0x1e)
		return false;
	hg_sha256(bytes, 21, hash);
	hg_sha256(hash, sizeof(hash), hash);
	return memcmp(hash, bytes + 21, 4) == 0;
}

/* Segwit addresses of Bitcoin and Litecoin, bech32 or bech32m. */
bool
hg_check_bech32(const unsigned char *s, int len)
{
	static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
	static const uint32 generator[] = {
		0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3
	};
	bool		upper = IS(s[0], B_UPPER);
	uint32		check = 1;
	int			prefix;

	if (len < 14 || len > 90)
		return false;
	for (prefix = 0; prefix < 5 && s[prefix] != '1'; prefix++)
		;
	if (prefix < 2 || prefix > 4)
		return false;
	for (int i = 0; i < prefix * 2 + 1 + len - prefix - 1; i++)
	{
		uint32		top = check >> 25;
		int			v;

		/* the prefix's high bits, a zero, its low bits, the data */
		if (i < prefix)
			v = LOWER(s[i]) >> 5;
		else if (i == prefix)
			v = 0;
		else if (i <= prefix * 2)
			v = LOWER(s[i - prefix - 1]) & 31;
		else
		{
			unsigned char c = s[i - prefix];
			const char *p;

			if (c == '\0' || IS(c, upper ? B_LOWER : B_UPPER) ||
				(p = strchr(alphabet, LOWER(c))) == NULL)
				return false;
			v = p - alphabet;
		}
		check = (check & 0x1ffffff) << 5 ^ v;
		for (int j = 0; j < 5; j++)
			if (top >> j & 1)
				check ^= generator[j];
	}
	return check == 1 || check == 0x2bc830a3;
}

/*
 * How many digits the calling code in front takes, 0 if there is none such.
 */
int
hg_calling_code(const char *digits, int n)
{
	static const bool two[100] = {
		[20] = true, [27] = true, [30] = true, [31] = true, [32] = true,
		[33] = true, [34] = true, [36] = true, [39] = true, [40] = true,
		[41] = true, [43] = true, [44] = true, [45] = true, [46] = true,
		[47] = true, [48] = true, [49] = true, [51] = true, [52] = true,
		[53] = true, [54] = true, [55] = true, [56] = true, [57] = true,
		[58] = true, [60] = true, [61] = true, [62] = true, [63] = true,
		[64] = true, [65] = true, [66] = true, [81] = true, [82] = true,
		[84] = true, [86] = true, [90] = true, [91] = true, [92] = true,
		[93] = true, [94] = true, [95] = true, [98] = true
	};
	int			code;

	if (n < 8)
		return 0;
	if (digits[0] == '1' || digits[0] == '7')
		return 1;
	if (two[D(0) * 10 + D(1)])
		return 2;
	code = D(0) * 100 + D(1) * 10 + D(2);
	if ((code >= 211 && code <= 269) || (code >= 290 && code <= 299) ||
		(code >= 350 && code <= 389) || (code >= 420 && code <= 423) ||
		(code >= 500 && code <= 509) || (code >= 590 && code <= 599) ||
		(code >= 670 && code <= 692) || (code >= 850 && code <= 886) ||
		(code >= 960 && code <= 998))
		return 3;
	return 0;
}
