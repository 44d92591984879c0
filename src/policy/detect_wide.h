/*-------------------------------------------------------------------------
 *
 * detect_wide.h
 *	  Looking at 16 bytes of a text with one instruction each, or at 64 where
 *	  the processor has AVX-512 with VBMI.
 *
 * What is asked here the scanner can answer without; see detect_scan.c and
 * detect_hint.c.  Both must say the same of every text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_DETECT_WIDE_H
#define HG_DETECT_WIDE_H

#include "policy/detect_int.h"

/* The bits before n, which is less than 64. */
#define BEFORE(n) ((UINT64CONST(1) << (n)) - 1)

#ifdef __SSE2__
#include <emmintrin.h>

/* Of 16 bytes, those from low to high; those that are c, or c or d. */
#define BETWEEN(x, low, high) \
	_mm_cmpeq_epi8(_mm_min_epu8(_mm_sub_epi8(x, _mm_set1_epi8(low)), \
								_mm_set1_epi8((high) - (low))), \
				   _mm_sub_epi8(x, _mm_set1_epi8(low)))
#define EQUAL(x, c) _mm_cmpeq_epi8(x, _mm_set1_epi8(c))
#define EITHER(x, c, d) _mm_or_si128(EQUAL(x, c), EQUAL(x, d))

/* Such bytes as bits, the first of them bit i. */
#define BITS(v, i) ((uint64) (uint32) _mm_movemask_epi8(v) << (i))
#endif							/* __SSE2__ */

/* HG_NARROW: for a test of what the scanner does without */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(HG_NARROW)
#define HG_WIDE
#include <immintrin.h>
#endif

/* Bytes from a place on by their classes, bit i for the byte at i. */
typedef struct HgWindow
{
	uint64		digit;
	uint64		lower;
	uint64		upper;
	uint64		under;
	uint64		sign;			/* to be visited: see match_sign */
	uint64		join;			/* . : - $ */
	uint64		announce;		/* with the byte before, see hg_announces */
} HgWindow;

/* More of them, where there are digits. */
typedef struct HgMarks
{
	uint64		plain;			/* ASCII, and no number goes on behind it */
	uint64		space;
	uint64		dash;
	uint64		dot;
	uint64		colon;
	uint64		open;			/* + ( */
	uint64		tail;			/* + / =, of which base64 is made too */
	uint64		money;			/* # $ % ^ ~ */
} HgMarks;

/* The bytes in front of a place; letters are ASCII's of both cases. */
typedef struct HgFront
{
	uint64		digit;
	uint64		alpha;
	uint64		small;			/* of alpha, those of small letters */
	uint64		high;			/* not ASCII */
	uint64		stop;			/* ; { } , & */
	uint64		line;			/* the end of one */
} HgFront;

#ifdef HG_WIDE

#define WIDE __attribute__((target("avx512f,avx512bw,avx512vbmi,bmi2,popcnt")))

#ifdef __GNUC__
#pragma GCC visibility push(hidden)
#endif

/* 1 if the processor has it, 0 if not, -1 before hg_wide_ask. */
extern signed char hg_wide_known;
extern void hg_wide_ask(void);

/* Tables for hg_wide_window, made by hg_wide_ask. */
typedef struct HgWideTables
{
	unsigned char classes[128]; /* W_* of ASCII characters */
	unsigned char last[64];		/* of a word's last letter, by six bits */
	unsigned char before[64];	/* of the one before it */
} HgWideTables;

extern HgWideTables hg_wide_tables;

#define W_DIGIT 0x01
#define W_LOWER 0x02
#define W_UPPER 0x04
#define W_UNDER 0x08
#define W_SIGN	0x10			/* @ % { $ */
#define W_OPEN	0x20			/* + ( */
#define W_PLAIN 0x40			/* none of a word, nor space - . / : ) */
#define W_JOIN	0x80			/* . : - $ */

static inline bool
hg_has_wide(void)
{
	if (unlikely(hg_wide_known < 0))
		hg_wide_ask();
	return hg_wide_known != 0;
}

/* Of n bytes, 1 to 64, what hg_hint_before asks. */
extern void hg_wide_front(const unsigned char *s, int n, HgFront *front);

/*
 * Has a byte, or have 20 of them, what hg_scan_worthwhile looks for?  classes:
 * of the ASCII characters, 0x80 for the first and 0x01 for the others.
 */
extern bool hg_wide_worthwhile(const unsigned char *s, int len,
							   const unsigned char *classes);

#define EQUAL_64(x, c) \
	((uint64) _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(c)))
#define HAS_64(x, class) \
	((uint64) _mm512_test_epi8_mask(x, _mm512_set1_epi8(class)))

/* The bits of n bytes, 1 to 64. */
#define FIRST_64(n) (UINT64_MAX >> (64 - (n)))

/*
 * Of n bytes, 1 to 64, their classes.  before and behind: the bytes around
 * them, 0 at an end of the value.
 */
WIDE static pg_attribute_always_inline void
hg_wide_window(const unsigned char *s, int n, int before, int behind,
			   HgWindow *w)
{
	const HgWideTables *t = &hg_wide_tables;
	uint64		all = FIRST_64(n);
	__m512i		x = _mm512_maskz_loadu_epi8(all, s);
	uint64		ascii = ~_mm512_movepi8_mask(x);
	__m512i		kind;
	__m512i		other;
	uint64		colon = EQUAL_64(x, ':');
	uint64		slash = EQUAL_64(x, '/');
	uint64		dash = EQUAL_64(x, '-');
	uint64		digit_next;
	uint64		colon_next;
	uint64		dash_next;

	kind = _mm512_maskz_permutex2var_epi8(ascii,
										  _mm512_loadu_si512(t->classes), x,
										  _mm512_loadu_si512(t->classes + 64));
	other = _mm512_maskz_loadu_epi8(all & ~UINT64CONST(1), s - 1);
	other = _mm512_mask_set1_epi8(other, 1, before);
	other = _mm512_permutexvar_epi8(other, _mm512_loadu_si512(t->before));
	w->announce =
		_mm512_test_epi8_mask(_mm512_permutexvar_epi8(x,
													  _mm512_loadu_si512(t->last)),
							  other);
	w->digit = HAS_64(kind, W_DIGIT);
	w->lower = HAS_64(kind, W_LOWER);
	w->upper = HAS_64(kind, W_UPPER);
	w->under = HAS_64(kind, W_UNDER);
	w->join = _mm512_movepi8_mask(kind);
	digit_next = w->digit >> 1;
	colon_next = (colon | slash) >> 1;
	dash_next = dash >> 1;
	if (n == 64)
	{
		digit_next |= (uint64) (behind >= '0' && behind <= '9') << 63;
		colon_next |= (uint64) (behind == ':' || behind == '/') << 63;
		dash_next |= (uint64) (behind == '-') << 63;
	}
	w->sign = HAS_64(kind, W_SIGN) | (HAS_64(kind, W_OPEN) & digit_next) |
		(colon & colon_next) | (dash & dash_next);
}

/* Of the same bytes their marks. */
WIDE static pg_attribute_always_inline void
hg_wide_marks(const unsigned char *s, int n, HgMarks *m)
{
	const HgWideTables *t = &hg_wide_tables;
	__m512i		x = _mm512_maskz_loadu_epi8(FIRST_64(n), s);
	__m512i		kind;

	kind = _mm512_maskz_permutex2var_epi8(~_mm512_movepi8_mask(x),
										  _mm512_loadu_si512(t->classes), x,
										  _mm512_loadu_si512(t->classes + 64));
	m->plain = HAS_64(kind, W_PLAIN);
	m->open = HAS_64(kind, W_OPEN);
	m->space = EQUAL_64(x, ' ');
	m->dash = EQUAL_64(x, '-');
	m->dot = EQUAL_64(x, '.');
	m->colon = EQUAL_64(x, ':');
	m->tail = EQUAL_64(x, '+') | EQUAL_64(x, '/') | EQUAL_64(x, '=');
	m->money = EQUAL_64(x, '#') | EQUAL_64(x, '$') | EQUAL_64(x, '%') |
		EQUAL_64(x, '^') | EQUAL_64(x, '~');
}

#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#else
#define hg_has_wide() false
#endif

#endif							/* HG_DETECT_WIDE_H */
