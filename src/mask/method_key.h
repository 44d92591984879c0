/*-------------------------------------------------------------------------
 *
 * method_key.h
 *	  Keys of the methods hash, token and noise, and permutations by them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_METHOD_KEY_H
#define HG_METHOD_KEY_H

#include "base/prf.h"
#include "utils/jsonb.h"

/*
 * The key for one purpose ("hash", "token", "noise"): the current one, or
 * the one that args name by "key".  False when there is none.
 */
extern bool hg_key_for(Jsonb *args, const char *purpose, HgPrf *prf);

/*
 * A permutation of the numbers below size (at least 1), chosen by key and
 * kind.  No number goes to itself if size is below 2^32, but for size 1.
 */
extern uint64 hg_permute_number(const HgPrf *prf, uint32 kind, uint64 value,
								uint64 size);

/*
 * A permutation of the words symbols[0..n-1] with symbols[i] < radix[i] <=
 * 65536, in place; chosen by key and tweak.  No word goes to itself if there
 * are fewer than 2^32 of them, but for the only one.
 */
extern void hg_permute_symbols(const HgPrf *prf, const uint8 *tweak,
							   size_t tweak_len, uint32 *symbols,
							   const uint32 *radix, int n);

#endif							/* HG_METHOD_KEY_H */
