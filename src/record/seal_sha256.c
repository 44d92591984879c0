/*-------------------------------------------------------------------------
 *
 * seal_sha256.c
 *	  SHA-256 of many short rows, quickly.
 *
 * Each recorded row is hashed by itself, a few hundred bytes at a time.  Then
 * most of the time of a general library goes into looking up the algorithm
 * and setting up its context: it was a quarter of the recorder's.  x86-64 has
 * instructions for the rounds (FIPS 180-4, section 6.2.2); with them no
 * library is needed.  Elsewhere the server's own code does it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "record/seal.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HG_SHA_INSTRUCTIONS
#include <cpuid.h>
#include <immintrin.h>
#endif

static void
by_server(const void *data, Size len, uint8 *digest)
{
	pg_cryptohash_ctx *ctx = pg_cryptohash_create(PG_SHA256);

	if (ctx == NULL || pg_cryptohash_init(ctx) < 0 ||
		pg_cryptohash_update(ctx, data, len) < 0 ||
		pg_cryptohash_final(ctx, digest, HG_DIGEST_LEN) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256")));
	pg_cryptohash_free(ctx);
}

#ifdef HG_SHA_INSTRUCTIONS

#define BLOCK_LEN 64

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

/* FIPS 180-4, section 5.3.3, in the order the instructions want it */
static const uint32 initial_abef[4] = {
	0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667
};
static const uint32 initial_cdgh[4] = {
	0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372
};

static bool
processor_can(void)
{
	static int	answer = -1;
	unsigned	a;
	unsigned	b;
	unsigned	c;
	unsigned	d;

	if (answer < 0)
	{
		answer = 0;
		/* leaf 1: SSSE3 and SSE4.1; leaf 7: SHA */
		if (__get_cpuid(1, &a, &b, &c, &d) &&
			(c & (1 << 9)) && (c & (1 << 19)) &&
			__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1 << 29)))
			answer = 1;
	}
	return answer == 1;
}

__attribute__((target("sha,sse4.1,ssse3")))
static void
add_blocks(__m128i state[2], const uint8 *data, Size nblocks)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL,
										0x0405060700010203LL);
	__m128i		abef = state[0];
	__m128i		cdgh = state[1];

	for (; nblocks > 0; nblocks--, data += BLOCK_LEN)
	{
		__m128i		abef_before = abef;
		__m128i		cdgh_before = cdgh;
		__m128i		w[4];
		int			i;

		for (i = 0; i < 4; i++)
			w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *) data + i),
									swap);

		/* four rounds a turn; w[i % 4] holds their words of the schedule */
#ifndef __clang__
#pragma GCC unroll 16
#endif
		for (i = 0; i < 16; i++)
		{
			__m128i		now = w[i % 4];
			__m128i		sum;

			sum = _mm_add_epi32(now, _mm_load_si128((const __m128i *)
													round_constants + i));
			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
			abef = _mm_sha256rnds2_epu32(abef, cdgh,
										 _mm_shuffle_epi32(sum, 0x0e));
			if (i < 12)
			{
				__m128i		last = w[(i + 3) % 4];
				__m128i		next;

				next = _mm_sha256msg1_epu32(now, w[(i + 1) % 4]);
				next = _mm_add_epi32(next,
									 _mm_alignr_epi8(last, w[(i + 2) % 4], 4));
				w[i % 4] = _mm_sha256msg2_epu32(next, last);
			}
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}
	state[0] = abef;
	state[1] = cdgh;
}

__attribute__((target("sha,sse4.1,ssse3")))
static void
by_processor(const uint8 *data, Size len, uint8 *digest)
{
	uint8		last[2 * BLOCK_LEN];
	__m128i		state[2];
	uint32		words[8];
	uint32		ordered[8];
	Size		whole = len / BLOCK_LEN;
	Size		rest = len % BLOCK_LEN;
	Size		padded = rest + 9 <= BLOCK_LEN ? BLOCK_LEN : 2 * BLOCK_LEN;
	uint64		bits = (uint64) len * 8;
	int			i;

	state[0] = _mm_loadu_si128((const __m128i *) initial_abef);
	state[1] = _mm_loadu_si128((const __m128i *) initial_cdgh);
	add_blocks(state, data, whole);

	/* section 5.1.1: a one bit, zeroes, the length in bits */
	memset(last, 0, sizeof(last));
	memcpy(last, data + whole * BLOCK_LEN, rest);
	last[rest] = 0x80;
	for (i = 0; i < 8; i++)
		last[padded - 1 - i] = (uint8) (bits >> (8 * i));
	add_blocks(state, last, padded / BLOCK_LEN);

	_mm_storeu_si128((__m128i *) words, state[0]);
	_mm_storeu_si128((__m128i *) (words + 4), state[1]);
	ordered[0] = words[3];
	ordered[1] = words[2];
	ordered[2] = words[7];
	ordered[3] = words[6];
	ordered[4] = words[1];
	ordered[5] = words[0];
	ordered[6] = words[5];
	ordered[7] = words[4];
	for (i = 0; i < 8; i++)
	{
		digest[4 * i] = (uint8) (ordered[i] >> 24);
		digest[4 * i + 1] = (uint8) (ordered[i] >> 16);
		digest[4 * i + 2] = (uint8) (ordered[i] >> 8);
		digest[4 * i + 3] = (uint8) ordered[i];
	}
}
#endif							/* HG_SHA_INSTRUCTIONS */

void
hg_seal_sha256(const void *data, Size len, uint8 *digest)
{
#ifdef HG_SHA_INSTRUCTIONS
	if (processor_can())
	{
		by_processor((const uint8 *) data, len, digest);
		return;
	}
#endif
	by_server(data, len, digest);
}
