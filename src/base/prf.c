/*-------------------------------------------------------------------------
 *
 * prf.c
 *	  HMAC-SHA-256 as a pseudorandom function that is called often.
 *
 * HMAC is that of RFC 2104.  The server has it, but does not let a state be
 * copied: with OpenSSL behind it, a context is opaque and lives outside of
 * the memory contexts.  The test mask_token compares the results with the
 * server's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/prf.h"
#include "base/sha256.h"

/* The digest of everything absorbed. */
static void
finish(HgPrfInput *input, uint8 out[HG_PRF_LENGTH])
{
	hg_sha256_last(input->state, input->block, input->bytes, out);
}

void
hg_prf_init(HgPrf *prf, const uint8 *key, size_t len)
{
	uint8		padded[64] = {0};
	uint8		block[64];
	int			i;

	if (len > sizeof(padded))
		hg_sha256(key, len, padded);
	else
		memcpy(padded, key, len);

	for (i = 0; i < 64; i++)
		block[i] = padded[i] ^ 0x36;
	memcpy(prf->inner, hg_sha256_initial, sizeof(hg_sha256_initial));
	hg_sha256_blocks(prf->inner, block, 1);
	for (i = 0; i < 64; i++)
		block[i] = padded[i] ^ 0x5c;
	memcpy(prf->outer, hg_sha256_initial, sizeof(hg_sha256_initial));
	hg_sha256_blocks(prf->outer, block, 1);
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
			hg_sha256_blocks(input->state, p, 1);
		else
		{
			memcpy(input->block + used, p, n);
			if (used + n == 64)
				hg_sha256_blocks(input->state, input->block, 1);
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
