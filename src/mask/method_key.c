/*-------------------------------------------------------------------------
 *
 * method_key.c
 *	  Keys of the methods hash, token and noise, and permutations by them.
 *
 * Each method uses a key of its own, made from a row of hoopguard.mask_key:
 * otherwise who may write into a hashed column could have the key of another
 * method computed, by storing the text that it is made from.
 *
 * The permutations are Feistel networks of ten rounds or more with HMAC-SHA-256 as
 * the round function, after the method FF1 of NIST SP 800-38G.  They differ
 * from FF1 in that the halves do not change places but are changed in turn,
 * which allows symbols of different radix, and in that a half is a vector of
 * symbols to which the round adds one by one, which avoids long arithmetic.
 * Both are Feistel networks over a group, hence permutations for any round
 * function.  FF1 asks for a million words at least; below that the words are
 * still permuted, but anybody who knows some pairs knows much of the rest.
 *
 * A permutation p of N words has one fixed point on average.  For small N that
 * would show, so there x goes to p^-1(p(x) + 1), which has none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/catalog.h"
#include "mask/method.h"
#include "mask/method_key.h"
#include "port/pg_bswap.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#define KEY_LENGTH 32
#define ROUNDS 10

/* there and back, which makes twelve */
#define SMALL_ROUNDS 6

/* more keys than anybody rotates through; the oldest are not remembered */
#define MAX_KEYS 64

/* below so many words none stays itself */
#define SMALL_DOMAIN (UINT64CONST(1) << 32)

/* of a tweak's digest this many bytes enter each round */
#define TWEAK_LENGTH 16

/* bytes of a round's output for each symbol; 65536 / 2^24 is bias enough */
#define SYMBOL_BYTES 3

/* ---------- keys ---------- */

typedef struct Key
{
	int32		id;
	bool		current;
	TimestampTz created_at;
	HgPrf		prf;
} Key;

static Key	keys[MAX_KEYS];
static int	nkeys;
static uint64 keys_generation;
static bool keys_valid = false;

/*
 * Read hoopguard.mask_key again if policy has changed.  The privileges of
 * the session do not matter here and the scan is one that parallel workers
 * may do.
 */
static bool
load_keys(void)
{
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	uint64		generation = hg_catalog_generation();

	if (keys_valid && keys_generation == generation)
		return true;
	keys_valid = false;
	nkeys = 0;
	if (!hg_catalog_present())
		return false;

	rel = table_open(hg_catalog_rel(HG_REL_MASK_KEY), AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (nkeys < MAX_KEYS && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		TupleDesc	desc = RelationGetDescr(rel);
		Datum		values[4];
		bool		nulls[4];
		bytea	   *bytes;
		int			i;

		/* id, key, current, created_at */
		for (i = 0; i < 4; i++)
			values[i] = heap_getattr(tuple, i + 1, desc, &nulls[i]);
		if (nulls[0] || nulls[1] || nulls[2] || nulls[3])
			continue;
		bytes = DatumGetByteaPP(values[1]);
		if (VARSIZE_ANY_EXHDR(bytes) != KEY_LENGTH)
			continue;
		keys[nkeys].id = DatumGetInt32(values[0]);
		keys[nkeys].current = DatumGetBool(values[2]);
		keys[nkeys].created_at = DatumGetTimestampTz(values[3]);
		hg_prf_init(&keys[nkeys].prf, (uint8 *) VARDATA_ANY(bytes),
					KEY_LENGTH);
		nkeys++;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	keys_generation = generation;
	keys_valid = true;
	return true;
}

bool
hg_key_for(Jsonb *args, const char *purpose, HgPrf *prf)
{
	JsonbValue	value;
	bool		pinned = hg_args_get(args, "key", &value) != NULL;
	int32		id = 0;
	Key		   *found = NULL;
	int			i;

	if (!load_keys())
		return false;
	if (pinned)
	{
		double		number = hg_args_double(args, "key", NAN);

		if (!(number >= PG_INT32_MIN && number <= PG_INT32_MAX))
			return false;
		id = (int32) number;
	}
	for (i = 0; i < nkeys; i++)
	{
		if (pinned ? keys[i].id == id :
			keys[i].current &&
			(found == NULL || keys[i].created_at < found->created_at))
			found = &keys[i];
	}
	if (found == NULL)
		return false;
	hg_prf_derive(prf, &found->prf, purpose);
	return true;
}

/* ---------- permutations of numbers ---------- */

/*
 * One pass over value = a * columns + b, a below rows: a grows by a function
 * of b, then b by one of a, and so on; backwards it is undone.
 */
static uint64
feistel_number(const HgPrf *prf, uint32 kind, uint64 size, uint64 value,
			   uint64 rows, uint64 columns, int rounds, bool backwards)
{
	uint64		a = value / columns;
	uint64		b = value % columns;
	uint64		message[3];
	uint8		out[HG_PRF_LENGTH];
	int			i;

	for (i = 0; i < rounds; i++)
	{
		int			round = backwards ? rounds - 1 - i : i;
		bool		on_a = round % 2 == 0;
		uint64		modulus = on_a ? rows : columns;
		uint64	   *target = on_a ? &a : &b;
		uint64		addend;

		message[0] = pg_hton64(((uint64) kind << 32) | (uint64) round);
		message[1] = pg_hton64(size);
		message[2] = pg_hton64(on_a ? b : a);
		hg_prf(prf, message, sizeof(message), out);
		addend = hg_prf_number(out) % modulus;
		if (backwards)
			addend = (modulus - addend) % modulus;
		/* both are below 2^32 and a bit */
		*target = (*target + addend) % modulus;
	}
	return a * columns + b;
}

/* Numbers from size on are walked over: they go to the next in their cycle. */
static uint64
walk_number(const HgPrf *prf, uint32 kind, uint64 value, uint64 size,
			bool backwards)
{
	uint64		rows = (uint64) ceil(sqrt((double) size));
	uint64		columns = (size + rows - 1) / rows;
	int			rounds = size < SMALL_DOMAIN ? SMALL_ROUNDS : ROUNDS;

	do
	{
		value = feistel_number(prf, kind, size, value, rows, columns, rounds,
							   backwards);
	} while (value >= size);
	return value;
}

uint64
hg_permute_number(const HgPrf *prf, uint32 kind, uint64 value, uint64 size)
{
	if (size <= 1)
		return value;
	value = walk_number(prf, kind, value, size, false);
	if (size < SMALL_DOMAIN)
		value = walk_number(prf, kind, (value + 1) % size, size, true);
	return value;
}

/* ---------- permutations of words ---------- */

/* Add to each symbol of one half what the other half says. */
static void
feistel_round(const HgPrf *prf, const uint8 *tweak, int round,
			  const uint32 *source, int nsource,
			  uint32 *target, const uint32 *radix, int ntarget)
{
	HgPrfInput	input;
	uint8		out[HG_PRF_LENGTH];
	uint8		number = (uint8) round;
	int			available;
	int			i;

	hg_prf_start(prf, &input);
	hg_prf_add(&input, tweak, TWEAK_LENGTH);
	hg_prf_add(&input, &number, 1);
	for (i = 0; i < nsource; i++)
	{
		uint8		bytes[2];

		bytes[0] = (uint8) (source[i] >> 8);
		bytes[1] = (uint8) source[i];
		hg_prf_add(&input, bytes, 2);
	}
	hg_prf_end(prf, &input, out);

	available = HG_PRF_LENGTH / SYMBOL_BYTES;
	for (i = 0; i < ntarget; i++)
	{
		const uint8 *p;
		uint32		addend;

		if (i > 0 && i % available == 0)
			hg_prf(prf, out, sizeof(out), out);
		p = out + (i % available) * SYMBOL_BYTES;
		addend = (((uint32) p[0] << 16) | ((uint32) p[1] << 8) | p[2]) %
			radix[i];
		target[i] = (target[i] + addend) % radix[i];
	}
}

static void
feistel_symbols(const HgPrf *prf, const uint8 *tweak, uint32 *symbols,
				const uint32 *radix, int n)
{
	int			half = n / 2;
	int			round;

	for (round = 0; round < ROUNDS; round++)
	{
		if (round % 2 == 0)
			feistel_round(prf, tweak, round, symbols + half, n - half,
						  symbols, radix, half);
		else
			feistel_round(prf, tweak, round, symbols, half,
						  symbols + half, radix + half, n - half);
	}
}

void
hg_permute_symbols(const HgPrf *prf, const uint8 *tweak, size_t tweak_len,
				   uint32 *symbols, const uint32 *radix, int n)
{
	uint8		digest[HG_PRF_LENGTH];
	uint64		words = 1;
	int			i;

	if (n <= 0)
		return;
	hg_prf(prf, tweak, tweak_len, digest);
	for (i = 0; i < n && words < SMALL_DOMAIN; i++)
		words *= radix[i];

	/* few words: as one number, so that the halves are of one size */
	if (words < SMALL_DOMAIN)
	{
		uint64		value = 0;
		uint32		kind = ((uint32) digest[0] << 16) |
			((uint32) digest[1] << 8) | digest[2];

		for (i = 0; i < n; i++)
			value = value * radix[i] + symbols[i];
		value = hg_permute_number(prf, kind | 0x80000000, value, words);
		for (i = n - 1; i >= 0; i--)
		{
			symbols[i] = value % radix[i];
			value /= radix[i];
		}
		return;
	}
	feistel_symbols(prf, digest, symbols, radix, n);
}
