/*-------------------------------------------------------------------------
 *
 * method_hash.c
 *	  Method hash: a keyed hash in hexadecimal digits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/catalog.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "mask/method.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#define KEY_LENGTH 32

typedef struct HashState
{
	int			length;			/* hex digits */
} HashState;

/* ---------- the key ---------- */
static uint8 key_bytes[KEY_LENGTH];
static uint64 key_generation;
static bool key_valid = false;

/*
 * The oldest current key, from hoopguard.mask_key; NULL if there is none.
 * Read again after each policy change.  The privileges of the session do not
 * matter here and the scan is one that parallel workers may do.
 */
static const uint8 *
current_key(void)
{
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	TimestampTz oldest = 0;
	bool		found = false;
	uint64		generation = hg_catalog_generation();

	if (key_valid && key_generation == generation)
		return key_bytes;
	key_valid = false;
	if (!hg_catalog_present())
		return NULL;

	rel = table_open(hg_catalog_rel(HG_REL_MASK_KEY), AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		TupleDesc	desc = RelationGetDescr(rel);
		Datum		values[4];
		bool		nulls[4];
		bytea	   *key;
		int			i;

		/* id, key, current, created_at */
		for (i = 0; i < 4; i++)
			values[i] = heap_getattr(tuple, i + 1, desc, &nulls[i]);
		if (nulls[1] || nulls[2] || nulls[3] || !DatumGetBool(values[2]))
			continue;
		if (found && DatumGetTimestampTz(values[3]) >= oldest)
			continue;
		key = DatumGetByteaPP(values[1]);
		if (VARSIZE_ANY_EXHDR(key) != KEY_LENGTH)
			continue;
		memcpy(key_bytes, VARDATA_ANY(key), KEY_LENGTH);
		oldest = DatumGetTimestampTz(values[3]);
		found = true;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	if (!found)
		return NULL;
	key_generation = generation;
	key_valid = true;
	return key_bytes;
}

/* ---------- hash ---------- */

static bool
mask_hash(HgMasker *masker, Datum value, Datum *result)
{
	static const char digits[] = "0123456789abcdef";
	const HashState *state = (HashState *) masker->state;
	int			len;
	const char *s = hg_text_get(masker, value, &len);
	const uint8 *key = current_key();
	uint8		mac[PG_SHA256_DIGEST_LENGTH];
	char		hex[PG_SHA256_DIGEST_LENGTH * 2];
	pg_hmac_ctx *hmac;
	bool		ok;
	int			i;

	if (key == NULL)
		return false;
	hmac = pg_hmac_create(PG_SHA256);
	if (hmac == NULL)
		return false;
	ok = pg_hmac_init(hmac, key, KEY_LENGTH) >= 0 &&
		pg_hmac_update(hmac, (const uint8 *) s, len) >= 0 &&
		pg_hmac_final(hmac, mac, sizeof(mac)) >= 0;
	pg_hmac_free(hmac);
	if (!ok)
		return false;

	for (i = 0; i < PG_SHA256_DIGEST_LENGTH; i++)
	{
		hex[2 * i] = digits[mac[i] >> 4];
		hex[2 * i + 1] = digits[mac[i] & 0xF];
	}
	*result = hg_text_make(masker, hex, state->length);
	return true;
}

void
hg_setup_hash(HgMasker *masker)
{
	HashState  *state;

	if (!hg_shape_is_text(masker->shape))
		return;
	state = palloc(sizeof(HashState));
	state->length = hg_args_int(masker->args, "length",
								PG_SHA256_DIGEST_LENGTH * 2,
								PG_SHA256_DIGEST_LENGTH * 2);
	masker->state = state;
	masker->mask = mask_hash;
}
