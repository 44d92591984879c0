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

#include "policy/detect_int.h"

#define D(i) (digits[i] - '0')

bool
hg_check_luhn(const char *digits, int n)
{
	int			sum = 0;

	for (int i = 0; i < n; i++)
	{
		int			d = D(n - 1 - i);

		if (i % 2 == 1)
		{
			d *= 2;
			if (d > 9)
				d -= 9;
		}
		sum += d;
	}
	return sum % 10 == 0;
}

/* Issuer ranges, by the first six digits, with the lengths they issue. */
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

/* Luhn, issuer and length together. */
bool
hg_check_card(const char *digits, int n)
{
	int			prefix = 0;

	if (n < 12 || n > 19)
		return false;
	for (int i = 0; i < 6; i++)
		prefix = prefix * 10 + D(i);
	for (int i = 0; i < lengthof(card_ranges); i++)
		if (prefix >= card_ranges[i].from && prefix <= card_ranges[i].to &&
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
		"24ADCZESMDPKROSASESKTNVG", "25LYPT", "26ISTR",
		"27BIDJFRGRITMCMRSM", "28ALAZBYCYDOGTHNHULBNIPLSV", "29BREGPSQAUA",
		"30JOKWMUYE", "31MTSC", "32LC", "33RU"
	};

	for (int i = 0; i < lengthof(lengths); i++)
		for (const char *p = lengths[i] + 2; *p != '\0'; p += 2)
			if (p[0] == c1 && p[1] == c2)
				return (lengths[i][0] - '0') * 10 + lengths[i][1] - '0';
	return 0;
}

/* Capital letters and digits, country first; length is the caller's. */
bool
hg_check_iban(const char *iban, int n)
{
	int			rest = 0;

	for (int i = 0; i < n; i++)
	{
		int			c = iban[(i + 4) % n];

		if (c >= '0' && c <= '9')
			rest = (rest * 10 + c - '0') % 97;
		else
			rest = (rest * 100 + c - 'A' + 10) % 97;
	}
	return rest == 1;
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

/* ---- SHA-256, for base58check ---- */

static uint32
rotate(uint32 x, int n)
{
	return x >> n | x << (32 - n);
}

/* Of at most 55 bytes: one block. */
static void
sha256_short(const unsigned char *in, int len, unsigned char out[32])
{
	static const uint32 k[64] = {
		0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b,
		0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
		0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7,
		0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
		0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152,
		0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
		0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
		0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
		0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
		0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
		0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
		0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
		0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
	};
	uint32		h[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
		0x9b05688c, 0x1f83d9ab, 0x5be0cd19
	};
	uint32		v[8];
	uint32		w[64];
	unsigned char block[64];

	memset(block, 0, sizeof(block));
	memcpy(block, in, len);
	block[len] = 0x80;
	block[62] = len * 8 >> 8;
	block[63] = len * 8 & 0xFF;

	for (int i = 0; i < 16; i++)
		w[i] = (uint32) block[i * 4] << 24 | (uint32) block[i * 4 + 1] << 16 |
			(uint32) block[i * 4 + 2] << 8 | block[i * 4 + 3];
	for (int i = 16; i < 64; i++)
	{
		uint32		a = w[i - 15];
		uint32		b = w[i - 2];

		w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
			w[i - 7] + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
	memcpy(v, h, sizeof(v));
	for (int i = 0; i < 64; i++)
	{
		uint32		s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
		uint32		ch = (v[4] & v[5]) ^ (~v[4] & v[6]);
		uint32		t1 = v[7] + s1 + ch + k[i] + w[i];
		uint32		s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
		uint32		maj = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);

		memmove(v + 1, v, 7 * sizeof(uint32));
		v[4] += t1;
		v[0] = t1 + s0 + maj;
	}
	for (int i = 0; i < 8; i++)
	{
		uint32		x = h[i] + v[i];

		out[i * 4] = x >> 24;
		out[i * 4 + 1] = x >> 16;
		out[i * 4 + 2] = x >> 8;
		out[i * 4 + 3] = x;
	}
}

/* A Bitcoin, Litecoin or Dogecoin address: 25 bytes with a checksum. */
bool
hg_check_base58(const unsigned char *s, int len)
{
	static const char alphabet[] =
		"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
	unsigned char bytes[25];
	unsigned char hash[32];

	if (len < 26 || len > 35)
		return false;
	memset(bytes, 0, sizeof(bytes));
	for (int i = 0; i < len; i++)
	{
		const char *p = s[i] != '\0' ? strchr(alphabet, s[i]) : NULL;
		int			carry;

		if (p == NULL)
			return false;
		carry = p - alphabet;
		for (int j = 24; j >= 0; j--)
		{
			carry += bytes[j] * 58;
			bytes[j] = carry & 0xFF;
			carry >>= 8;
		}
		if (carry != 0)
			return false;
	}
	/* the version bytes of the three coins */
	if (bytes[0] != 0x00 && bytes[0] != 0x05 && bytes[0] != 0x30 &&
		bytes[0] != 0x32 && bytes[0] != 0x1e)
		return false;
	sha256_short(bytes, 21, hash);
	sha256_short(hash, 32, hash);
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
	static const char *const two =
		"20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 "
		"56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 ";
	int			code;

	if (n < 8)
		return 0;
	if (digits[0] == '1' || digits[0] == '7')
		return 1;
	for (const char *p = two; *p != '\0'; p += 3)
		if (p[0] == digits[0] && p[1] == digits[1])
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
