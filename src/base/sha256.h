/*-------------------------------------------------------------------------
 *
 * sha256.h
 *	  SHA-256 (FIPS 180-4) of short inputs, quickly.
 *
 * Nothing here allocates, fails or keeps anything but whether the processor
 * has instructions for it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_SHA256_H
#define HG_SHA256_H

#define HG_SHA256_LENGTH 32
#define HG_SHA256_BLOCK 64

/* What a state begins with. */
extern const uint32 hg_sha256_initial[8];

/* The digest of len bytes; data may be NULL if there are none. */
extern void hg_sha256(const void *data, size_t len,
					  uint8 digest[HG_SHA256_LENGTH]);

/* Take whole blocks of 64 bytes into a state. */
extern void hg_sha256_blocks(uint32 state[8], const uint8 *data,
							 size_t nblocks);

/*
 * End a state: rest is what follows the whole blocks it has taken, bytes how
 * many there have been with it.
 */
extern void hg_sha256_last(uint32 state[8], const void *rest, uint64 bytes,
						   uint8 digest[HG_SHA256_LENGTH]);

/*
 * Pad what an input of that many bytes ends with: used bytes behind its whole
 * blocks, in last, which has room for two blocks.  Returns the blocks it takes.
 */
extern size_t hg_sha256_pad(uint8 *last, size_t used, uint64 bytes);

/* The digests of two padded inputs of as many blocks, in little more time. */
extern void hg_sha256_two(const uint8 *padded[2], size_t nblocks,
						  uint8 digests[2][HG_SHA256_LENGTH]);

#endif							/* HG_SHA256_H */
