/*-------------------------------------------------------------------------
 *
 * prf.h
 *	  HMAC-SHA-256 as a pseudorandom function that is called often.
 *
 * The server's pg_hmac_* allocate a context for each call and absorb the key
 * each time.  Masks call this for every row, so both are done once here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_PRF_H
#define HG_PRF_H

#define HG_PRF_LENGTH 32

/* A key whose two pads have been absorbed; copied freely, holds no memory. */
typedef struct HgPrf
{
	uint32		inner[8];
	uint32		outer[8];
} HgPrf;

/* An input that comes in pieces. */
typedef struct HgPrfInput
{
	uint32		state[8];
	uint64		bytes;
	uint8		block[64];
} HgPrfInput;

/* Prepare a key of any length. */
extern void hg_prf_init(HgPrf *prf, const uint8 *key, size_t len);

/* A key for one purpose, made from another and a name. */
extern void hg_prf_derive(HgPrf *prf, const HgPrf *from, const char *purpose);

/* HMAC-SHA-256 of data. */
extern void hg_prf(const HgPrf *prf, const void *data, size_t len,
				   uint8 out[HG_PRF_LENGTH]);

/* The same piece by piece. */
extern void hg_prf_start(const HgPrf *prf, HgPrfInput *input);
extern void hg_prf_add(HgPrfInput *input, const void *data, size_t len);
extern void hg_prf_end(const HgPrf *prf, HgPrfInput *input,
					   uint8 out[HG_PRF_LENGTH]);

/* The first eight bytes of an output as a number. */
extern uint64 hg_prf_number(const uint8 out[HG_PRF_LENGTH]);

#endif							/* HG_PRF_H */
