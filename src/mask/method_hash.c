/*-------------------------------------------------------------------------
 *
 * method_hash.c
 *	  Method hash: HMAC-SHA-256 of the value.
 *
 * In hexadecimal digits for what is text, as bytes for bytea and uuid.
 * Numbers and dates have no hash: what fits them would hardly be one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "mask/method.h"
#include "mask/method_key.h"
#include "utils/formatting.h"
#include "utils/uuid.h"

typedef struct HashState
{
	HgPrf		prf;
	int			length;			/* hex digits */
} HashState;

static bool
hash_text(HgMasker *masker, Datum value, Datum *result)
{
	static const char digits[] = "0123456789abcdef";
	const HashState *state = (HashState *) masker->state;
	int			len;
	const char *s = hg_text_get(masker, value, &len);
	uint8		mac[HG_PRF_LENGTH];
	char		hex[HG_PRF_LENGTH * 2];
	int			i;

	/* what is equal has to have the same hash */
	if (masker->shape == HG_SHAPE_CITEXT)
	{
		s = str_tolower(s, len, DEFAULT_COLLATION_OID);
		len = strlen(s);
	}
	hg_prf(&state->prf, s, len, mac);
	for (i = 0; i < HG_PRF_LENGTH; i++)
	{
		hex[2 * i] = digits[mac[i] >> 4];
		hex[2 * i + 1] = digits[mac[i] & 0xF];
	}
	*result = hg_text_make(masker, hex, state->length);
	return true;
}

static bool
hash_bytes(HgMasker *masker, Datum value, Datum *result)
{
	const HashState *state = (HashState *) masker->state;
	bytea	   *bytes = DatumGetByteaPP(value);
	bytea	   *out = palloc(VARHDRSZ + HG_PRF_LENGTH);

	hg_prf(&state->prf, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes),
		   (uint8 *) VARDATA(out));
	SET_VARSIZE(out, VARHDRSZ + HG_PRF_LENGTH);
	*result = PointerGetDatum(out);
	return true;
}

/* A UUID of version 8: what is in it is ours (RFC 9562). */
static bool
hash_uuid(HgMasker *masker, Datum value, Datum *result)
{
	const HashState *state = (HashState *) masker->state;
	uint8		mac[HG_PRF_LENGTH];
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));

	hg_prf(&state->prf, DatumGetUUIDP(value)->data, UUID_LEN, mac);
	memcpy(uuid->data, mac, UUID_LEN);
	uuid->data[6] = (uuid->data[6] & 0x0F) | 0x80;
	uuid->data[8] = (uuid->data[8] & 0x3F) | 0x80;
	*result = UUIDPGetDatum(uuid);
	return true;
}

void
hg_setup_hash(HgMasker *masker)
{
	HgMaskFunction mask;
	HashState  *state;

	switch (masker->shape)
	{
		case HG_SHAPE_BYTEA:
			mask = hash_bytes;
			break;
		case HG_SHAPE_UUID:
			mask = hash_uuid;
			break;
		default:
			if (!hg_shape_is_text(masker->shape) &&
				masker->shape != HG_SHAPE_XML)
				return;
			mask = hash_text;
			break;
	}
	state = palloc(sizeof(HashState));
	state->length = hg_args_int(masker->args, "length", HG_PRF_LENGTH * 2,
								HG_PRF_LENGTH * 2);
	if (!hg_key_for(masker->args, "hash", &state->prf))
		return;
	masker->state = state;
	masker->mask = mask;
}
