/*-------------------------------------------------------------------------
 *
 * sha256.c
 *	  SHA-256 of short inputs, quickly.
 *
 * Rows, seals, pieces of masked values and the checksums of addresses are a
 * few dozen or hundred bytes each.  With a general library most of the time
 * would go into looking up the algorithm and setting up its context, and its
 * state cannot be copied.  x86-64 has instructions for the rounds (FIPS 180-4,
 * section 6.2.2); elsewhere they are written out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sha256.h"
#include "port/pg_bswap.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_SHA_INSTRUCTIONS
#include <cpuid.h>
#include <immintrin.h>
#endif

/* section 5.3.3 */
const uint32 hg_sha256_initial[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
};

/* FIPS 180-4, section 4.2.2 */
static const uint32 round_constants[64] pg_attribute_aligned(16) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

#define ROTATE(x, n) (((x) >> (n)) | ((x) << (32 - (n))))

#define SCHEDULE(i) \
	(w[(i) & 15] += (ROTATE(w[((i) + 14) & 15], 17) ^ \
					 ROTATE(w[((i) + 14) & 15], 19) ^ \
					 (w[((i) + 14) & 15] >> 10)) + \
	 w[((i) + 9) & 15] + \
	 (ROTATE(w[((i) + 1) & 15], 7) ^ ROTATE(w[((i) + 1) & 15], 18) ^ \
	  (w[((i) + 1) & 15] >> 3)))

/* One round; the caller turns the names of the variables instead of them. */
#define ROUND(a, b, c, d, e, f, g, h, k, word) \
	do { \
		uint32		t = (h) + (ROTATE(e, 6) ^ ROTATE(e, 11) ^ ROTATE(e, 25)) + \
			((g) ^ ((e) & ((f) ^ (g)))) + (k) + (word); \
		\
		(d) += t; \
		(h) = t + (ROTATE(a, 2) ^ ROTATE(a, 13) ^ ROTATE(a, 22)) + \
			(((a) & (b)) | ((c) & ((a) | (b)))); \
	} while (0)

#define EIGHT_ROUNDS(i, W) \
	do { \
		ROUND(a, b, c, d, e, f, g, h, round_constants[(i)], W(i)); \
		ROUND(h, a, b, c, d, e, f, g, round_constants[(i) + 1], W((i) + 1)); \
		ROUND(g, h, a, b, c, d, e, f, round_constants[(i) + 2], W((i) + 2)); \
		ROUND(f, g, h, a, b, c, d, e, round_constants[(i) + 3], W((i) + 3)); \
		ROUND(e, f, g, h, a, b, c, d, round_constants[(i) + 4], W((i) + 4)); \
		ROUND(d, e, f, g, h, a, b, c, round_constants[(i) + 5], W((i) + 5)); \
		ROUND(c, d, e, f, g, h, a, b, round_constants[(i) + 6], W((i) + 6)); \
		ROUND(b, c, d, e, f, g, h, a, round_constants[(i) + 7], W((i) + 7)); \
	} while (0)

#define GIVEN(i) w[i]

/* One block without them. */
static void
by_rounds(uint32 state[8], const uint8 *block)
{
	uint32		w[16];
	uint32		a = state[0];
	uint32		b = state[1];
	uint32		c = state[2];
	uint32		d = state[3];
	uint32		e = state[4];
	uint32		f = state[5];
	uint32		g = state[6];
	uint32		h = state[7];
	int			i;

	for (i = 0; i < 16; i++)
	{
		uint32		word;

		memcpy(&word, block + 4 * i, sizeof(word));
		w[i] = pg_ntoh32(word);
	}
	EIGHT_ROUNDS(0, GIVEN);
	EIGHT_ROUNDS(8, GIVEN);
	for (i = 16; i < 64; i += 16)
	{
		EIGHT_ROUNDS(i, SCHEDULE);
		EIGHT_ROUNDS(i + 8, SCHEDULE);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

#ifdef HAVE_SHA_INSTRUCTIONS

/* Does this processor have them?  Found out once. */
static bool
processor_can(void)
{
	static int	answer = -1;

	if (answer < 0)
	{
		unsigned	a;
		unsigned	b;
		unsigned	c;
		unsigned	d;

		/* leaf 1: SSSE3 and SSE4.1; leaf 7: SHA */
		answer = __get_cpuid(1, &a, &b, &c, &d) &&
			(c & (1 << 9)) && (c & (1 << 19)) &&
			__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1 << 29));
	}
	return answer == 1;
}

/* State as the instructions want it, and one block's words. */
typedef struct Lane
{
	__m128i		abef;
	__m128i		cdgh;
	__m128i		w[4];
} Lane;

#define INSTRUCTIONS __attribute__((target("sha,sse4.1,ssse3")))
#define INSTRUCTIONS_INLINE INSTRUCTIONS __attribute__((always_inline)) inline

INSTRUCTIONS_INLINE
static void
lane_start(Lane *lane, const uint32 *state)
{
	__m128i		low = _mm_loadu_si128((const __m128i *) state);
	__m128i		high = _mm_loadu_si128((const __m128i *) (state + 4));

	low = _mm_shuffle_epi32(low, 0xb1);
	high = _mm_shuffle_epi32(high, 0x1b);
	lane->abef = _mm_alignr_epi8(low, high, 8);
	lane->cdgh = _mm_blend_epi16(high, low, 0xf0);
}

INSTRUCTIONS_INLINE
static void
lane_end(const Lane *lane, uint32 *state)
{
	__m128i		low = _mm_shuffle_epi32(lane->abef, 0x1b);
	__m128i		high = _mm_shuffle_epi32(lane->cdgh, 0xb1);

	_mm_storeu_si128((__m128i *) state, _mm_blend_epi16(low, high, 0xf0));
	_mm_storeu_si128((__m128i *) (state + 4), _mm_alignr_epi8(high, low, 8));
}

INSTRUCTIONS_INLINE
static void
lane_block(Lane *lane, const uint8 *data)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL,
										0x0405060700010203LL);
	int			i;

	for (i = 0; i < 4; i++)
		lane->w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *) data + i),
									  swap);
}

/* Four rounds; w[i % 4] holds their words of the schedule. */
INSTRUCTIONS_INLINE
static void
lane_rounds(Lane *lane, int i)
{
	__m128i		now = lane->w[i % 4];
	__m128i		sum;

	sum = _mm_add_epi32(now, _mm_load_si128((const __m128i *)
											round_constants + i));
	lane->cdgh = _mm_sha256rnds2_epu32(lane->cdgh, lane->abef, sum);
	lane->abef = _mm_sha256rnds2_epu32(lane->abef, lane->cdgh,
									   _mm_shuffle_epi32(sum, 0x0e));
	if (i < 12)
	{
		__m128i		last = lane->w[(i + 3) % 4];
		__m128i		next;

		next = _mm_sha256msg1_epu32(now, lane->w[(i + 1) % 4]);
		next = _mm_add_epi32(next,
							 _mm_alignr_epi8(last, lane->w[(i + 2) % 4], 4));
		lane->w[i % 4] = _mm_sha256msg2_epu32(next, last);
	}
}

INSTRUCTIONS
static void
by_instructions(uint32 state[8], const uint8 *data, size_t nblocks)
{
	Lane		lane;

	lane_start(&lane, state);
	for (; nblocks > 0; nblocks--, data += HG_SHA256_BLOCK)
	{
		__m128i		abef = lane.abef;
		__m128i		cdgh = lane.cdgh;
		int			i;

		lane_block(&lane, data);
#ifndef __clang__
#pragma GCC unroll 16
#endif
		for (i = 0; i < 16; i++)
			lane_rounds(&lane, i);
		lane.abef = _mm_add_epi32(lane.abef, abef);
		lane.cdgh = _mm_add_epi32(lane.cdgh, cdgh);
	}
	lane_end(&lane, state);
}

/* Each round waits for the one before; those of two inputs do not. */
INSTRUCTIONS
static void
two_by_instructions(uint32 *states[2], const uint8 *data[2], size_t nblocks)
{
	Lane		a;
	Lane		b;
	size_t		block;

	lane_start(&a, states[0]);
	lane_start(&b, states[1]);
	for (block = 0; block < nblocks; block++)
	{
		__m128i		before[4] = {a.abef, a.cdgh, b.abef, b.cdgh};
		int			i;

		lane_block(&a, data[0] + block * HG_SHA256_BLOCK);
		lane_block(&b, data[1] + block * HG_SHA256_BLOCK);
#ifndef __clang__
#pragma GCC unroll 16
#endif
		for (i = 0; i < 16; i++)
		{
			lane_rounds(&a, i);
			lane_rounds(&b, i);
		}
		a.abef = _mm_add_epi32(a.abef, before[0]);
		a.cdgh = _mm_add_epi32(a.cdgh, before[1]);
		b.abef = _mm_add_epi32(b.abef, before[2]);
		b.cdgh = _mm_add_epi32(b.cdgh, before[3]);
	}
	lane_end(&a, states[0]);
	lane_end(&b, states[1]);
}

#endif							/* HAVE_SHA_INSTRUCTIONS */

void
hg_sha256_blocks(uint32 state[8], const uint8 *data, size_t nblocks)
{
#ifdef HAVE_SHA_INSTRUCTIONS
	if (processor_can())
	{
		by_instructions(state, data, nblocks);
		return;
	}
#endif
	for (; nblocks > 0; nblocks--, data += HG_SHA256_BLOCK)
		by_rounds(state, data);
}

static void
put_digest(const uint32 state[8], uint8 digest[HG_SHA256_LENGTH])
{
	int			i;

	for (i = 0; i < 8; i++)
	{
		uint32		word = pg_hton32(state[i]);

		memcpy(digest + 4 * i, &word, sizeof(word));
	}
}

size_t
hg_sha256_pad(uint8 *last, size_t used, uint64 bytes)
{
	size_t		padded = used + 9 <= HG_SHA256_BLOCK ? HG_SHA256_BLOCK :
		2 * HG_SHA256_BLOCK;
	uint64		bits = pg_hton64(bytes * 8);

	/* section 5.1.1: a one bit, zeroes, the length in bits */
	memset(last + used, 0, padded - used);
	last[used] = 0x80;
	memcpy(last + padded - sizeof(bits), &bits, sizeof(bits));
	return padded / HG_SHA256_BLOCK;
}

void
hg_sha256_last(uint32 state[8], const void *rest, uint64 bytes,
			   uint8 digest[HG_SHA256_LENGTH])
{
	uint8		last[2 * HG_SHA256_BLOCK];
	size_t		used = bytes % HG_SHA256_BLOCK;

	memcpy(last, rest, used);
	hg_sha256_blocks(state, last, hg_sha256_pad(last, used, bytes));
	put_digest(state, digest);
}

void
hg_sha256_two(const uint8 *padded[2], size_t nblocks,
			  uint8 digests[2][HG_SHA256_LENGTH])
{
	uint32		states[2][8];
	int			i;

	for (i = 0; i < 2; i++)
		memcpy(states[i], hg_sha256_initial, sizeof(states[i]));
#ifdef HAVE_SHA_INSTRUCTIONS
	if (processor_can())
	{
		uint32	   *both[2] = {states[0], states[1]};

		two_by_instructions(both, padded, nblocks);
	}
	else
#endif
	{
		hg_sha256_blocks(states[0], padded[0], nblocks);
		hg_sha256_blocks(states[1], padded[1], nblocks);
	}
	for (i = 0; i < 2; i++)
		put_digest(states[i], digests[i]);
}

void
hg_sha256(const void *data, size_t len, uint8 digest[HG_SHA256_LENGTH])
{
	uint32		state[8];
	size_t		whole = len / HG_SHA256_BLOCK;

	memcpy(state, hg_sha256_initial, sizeof(state));
	if (whole > 0)
		hg_sha256_blocks(state, (const uint8 *) data, whole);
	hg_sha256_last(state, (const uint8 *) data + whole * HG_SHA256_BLOCK,
				   len, digest);
}
