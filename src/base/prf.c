/*-------------------------------------------------------------------------
 *
 * prf.c
 *	  HMAC-SHA-256 as a pseudorandom function that is called often.
 *
 * SHA-256 is that of FIPS 180-4, HMAC that of RFC 2104.  The server has
 * both, but neither lets a state be copied: with OpenSSL behind it, a
 * pg_cryptohash_ctx is opaque and lives outside of the memory contexts.  The
 * test mask_token compares the results with the server's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/prf.h"
#include "port/pg_bswap.h"

static const uint32 initial_state[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
};

static const uint32 round_constants[64] = {
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

/* The compression function: one block of 64 bytes into the state. */
static void
compress(uint32 state[8], const uint8 *block)
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

/* Pad what is left in the block; bytes counts everything absorbed. */
static void
finish(HgPrfInput *input, uint8 out[HG_PRF_LENGTH])
{
	int			used = input->bytes % 64;
	uint64		bits = input->bytes * 8;
	int			i;

	input->block[used++] = 0x80;
	if (used > 56)
	{
		memset(input->block + used, 0, 64 - used);
		compress(input->state, input->block);
		used = 0;
	}
	memset(input->block + used, 0, 56 - used);
	for (i = 0; i < 8; i++)
		input->block[56 + i] = (uint8) (bits >> (56 - 8 * i));
	compress(input->state, input->block);
	for (i = 0; i < HG_PRF_LENGTH; i++)
		out[i] = (uint8) (input->state[i / 4] >> (24 - 8 * (i % 4)));
}

void
hg_prf_init(HgPrf *prf, const uint8 *key, size_t len)
{
	uint8		padded[64] = {0};
	uint8		block[64];
	int			i;

	if (len > sizeof(padded))
	{
		HgPrfInput	input;

		memcpy(input.state, initial_state, sizeof(initial_state));
		input.bytes = 0;
		hg_prf_add(&input, key, len);
		finish(&input, padded);
	}
	else
		memcpy(padded, key, len);

	for (i = 0; i < 64; i++)
		block[i] = padded[i] ^ 0x36;
	memcpy(prf->inner, initial_state, sizeof(initial_state));
	compress(prf->inner, block);
	for (i = 0; i < 64; i++)
		block[i] = padded[i] ^ 0x5c;
	memcpy(prf->outer, initial_state, sizeof(initial_state));
	compress(prf->outer, block);
}

void
hg_prf_derive(HgPrf *prf, const HgPrf *from, const char *purpose)
{
	uint8		key[HG_PRF_LENGTH];

	hg_prf(from, purpose, strlen(purpose), key);
	hg_prf_init(prf, key, sizeof(key));
}

void
hg_prf_start(const HgPrf *prf, HgPrfInput *input)
{
	memcpy(input->state, prf->inner, sizeof(input->state));
	input->bytes = 64;			/* the inner pad */
}

void
hg_prf_add(HgPrfInput *input, const void *data, size_t len)
{
	const uint8 *p = (const uint8 *) data;

	while (len > 0)
	{
		int			used = input->bytes % 64;
		int			n = Min(len, 64 - used);

		if (n == 64)
			compress(input->state, p);
		else
		{
			memcpy(input->block + used, p, n);
			if (used + n == 64)
				compress(input->state, input->block);
		}
		input->bytes += n;
		p += n;
		len -= n;
	}
}

void
hg_prf_end(const HgPrf *prf, HgPrfInput *input, uint8 out[HG_PRF_LENGTH])
{
	uint8		inner[HG_PRF_LENGTH];

	finish(input, inner);
	memcpy(input->state, prf->outer, sizeof(input->state));
	memcpy(input->block, inner, sizeof(inner));
	input->bytes = 64 + sizeof(inner);
	finish(input, out);
}

void
hg_prf(const HgPrf *prf, const void *data, size_t len,
	   uint8 out[HG_PRF_LENGTH])
{
	HgPrfInput	input;

	hg_prf_start(prf, &input);
	hg_prf_add(&input, data, len);
	hg_prf_end(prf, &input, out);
}

uint64
hg_prf_number(const uint8 out[HG_PRF_LENGTH])
{
	uint64		number = 0;
	int			i;

	for (i = 0; i < 8; i++)
		number = (number << 8) | out[i];
	return number;
}
