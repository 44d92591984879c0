/*-------------------------------------------------------------------------
 *
 * detect_wide.c
 *	  Classes of 64 bytes at a time, with AVX-512.
 *
 * A table of 128 bytes answers for each of 64 bytes with one instruction
 * (VPERMI2B), which is what VBMI adds; what stands behind the end of a value
 * is masked out when it is loaded and not touched.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "policy/detect_wide.h"

#ifdef HG_WIDE

/* As many capitals as an AWS key has, which needs no digit. */
#define CAPITALS 20

signed char hg_wide_known = -1;
HgWideTables hg_wide_tables;

/*
 * Fill the tables.  Last letters with the same letters before them share a
 * bit; false if the bits are too few.
 */
static bool
make_tables(void)
{
	HgWideTables *t = &hg_wide_tables;
	uint32		sets[8];
	int			nsets = 0;

	t->classes[0] = W_PLAIN;	/* also what is behind the end */
	for (int c = 1; c < 128; c++)
		t->classes[c] = (IS(c, B_DIGIT) ? W_DIGIT : 0) |
			(IS(c, B_LOWER) ? W_LOWER : 0) | (IS(c, B_UPPER) ? W_UPPER : 0) |
			(IS(c, B_UNDER) ? W_UNDER : 0) |
			(strchr("@%{$", c) != NULL ? W_SIGN : 0) |
			(strchr("+(", c) != NULL ? W_OPEN : 0) |
			(strchr(".:-$", c) != NULL ? W_JOIN : 0) |
			(!IS(c, B_WORD) && strchr(" -./:)", c) == NULL ? W_PLAIN : 0);

	for (int i = 0; i < 26; i++)
	{
		int			set = 0;

		if (hg_announces[i] == 0)
			continue;
		while (set < nsets && sets[set] != hg_announces[i])
			set++;
		if (set == lengthof(sets))
			return false;
		if (set == nsets)
		{
			sets[nsets++] = hg_announces[i];
			for (int k = 0; k < 26; k++)
				if ((hg_announces[i] >> k & 1) != 0)
				{
					t->before[k + 1] |= 1 << set;
					t->before[k + 33] |= 1 << set;
				}
		}
		t->last[i + 1] |= 1 << set;
		t->last[i + 33] |= 1 << set;
	}
	return true;
}

void
hg_wide_ask(void)
{
	__builtin_cpu_init();
	hg_wide_known = __builtin_cpu_supports("avx512f") &&
		__builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512vbmi") &&
		__builtin_cpu_supports("bmi2") && make_tables();
}

WIDE void
hg_wide_front(const unsigned char *s, int n, HgFront *front)
{
	__m512i		x = _mm512_maskz_loadu_epi8(FIRST_64(n), s);
	__m512i		small = _mm512_or_si512(x, _mm512_set1_epi8(0x20));

	front->digit = _mm512_cmple_epu8_mask(_mm512_sub_epi8(x, _mm512_set1_epi8('0')),
										  _mm512_set1_epi8(9));
	front->alpha = _mm512_cmple_epu8_mask(_mm512_sub_epi8(small, _mm512_set1_epi8('a')),
										  _mm512_set1_epi8(25));
	front->small = HAS_64(x, 0x20);
	front->high = _mm512_movepi8_mask(x);
	front->line = EQUAL_64(x, '\n');
	front->stop = EQUAL_64(x, ';') | EQUAL_64(x, ',') | EQUAL_64(x, '{') |
		EQUAL_64(x, '}') | EQUAL_64(x, '&');
}

WIDE bool
hg_wide_worthwhile(const unsigned char *s, int len,
				   const unsigned char *of_ascii)
{
	__m512i		low = _mm512_loadu_si512(of_ascii);
	__m512i		high = _mm512_loadu_si512(of_ascii + 64);
	int			capitals = 0;

	for (int i = 0; i < len; i += 64)
	{
		__m512i		x = _mm512_maskz_loadu_epi8(FIRST_64(Min(len - i, 64)),
												s + i);
		__m512i		kind = _mm512_maskz_permutex2var_epi8(~_mm512_movepi8_mask(x),
														  low, x, high);

		if (_mm512_movepi8_mask(kind) != 0)
			return true;
		capitals += __builtin_popcountll(HAS_64(kind, 0x01));
	}
	return capitals >= CAPITALS;
}

#endif							/* HG_WIDE */
