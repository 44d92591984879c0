/*-------------------------------------------------------------------------
 *
 * seal_digest.c
 *	  The bytes that seals hash, the same on every version and platform.
 *
 * A row is written as COPY ... WITH (FORMAT binary) writes it: the number of
 * fields as two bytes, then each field as its length in four bytes, -1 for
 * NULL, and its bytes; all numbers big-endian.  The one difference is that
 * texts stay in the encoding of the database, whoever asks.  docs/auditor.md
 * has the description for those who want to compute a seal themselves.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sha256.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "record/seal.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(hoopguard__digest);

static void append_field(StringInfo buf, Oid type, Datum value);

/* Length and bytes of a varlena. */
static void
append_bytes(StringInfo buf, Datum value)
{
	struct varlena *v = PG_DETOAST_DATUM_PACKED(value);

	pq_sendint32(buf, VARSIZE_ANY_EXHDR(v));
	appendBinaryStringInfo(buf, VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v));
	if ((Pointer) v != DatumGetPointer(value))
		pfree(v);
}

static void
append_text_array(StringInfo buf, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Datum	   *items;
	bool	   *nulls;
	int			n;
	int			start = buf->len;
	int32		length;
	int			i;

	pq_sendint32(buf, 0);		/* the length, set below */
	pq_sendint32(buf, ARR_NDIM(array));
	pq_sendint32(buf, ARR_HASNULL(array) ? 1 : 0);
	pq_sendint32(buf, TEXTOID);
	for (i = 0; i < ARR_NDIM(array); i++)
	{
		pq_sendint32(buf, ARR_DIMS(array)[i]);
		pq_sendint32(buf, ARR_LBOUND(array)[i]);
	}
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls,
					  &n);
	for (i = 0; i < n; i++)
	{
		if (nulls[i])
			pq_sendint32(buf, -1);
		else
			append_bytes(buf, items[i]);
	}
	length = pg_hton32(buf->len - start - 4);
	memcpy(buf->data + start, &length, 4);
}

static void
append_field(StringInfo buf, Oid type, Datum value)
{
	switch (type)
	{
		case INT8OID:
		case TIMESTAMPTZOID:
		case XID8OID:
		case LSNOID:
			pq_sendint32(buf, 8);
			pq_sendint64(buf, DatumGetInt64(value));
			break;
		case INT4OID:
			pq_sendint32(buf, 4);
			pq_sendint32(buf, DatumGetInt32(value));
			break;
		case BOOLOID:
			pq_sendint32(buf, 1);
			pq_sendbyte(buf, DatumGetBool(value) ? 1 : 0);
			break;
		case TEXTOID:
		case BYTEAOID:
			append_bytes(buf, value);
			break;
		case UUIDOID:
			pq_sendint32(buf, UUID_LEN);
			appendBinaryStringInfo(buf, (char *) DatumGetUUIDP(value)->data,
								   UUID_LEN);
			break;
		case JSONBOID:
			{
				Jsonb	   *jsonb = DatumGetJsonbP(value);
				char	   *text = JsonbToCString(NULL, &jsonb->root,
												  VARSIZE(jsonb));

				pq_sendint32(buf, strlen(text) + 1);
				pq_sendbyte(buf, 1);
				appendBinaryStringInfo(buf, text, strlen(text));
				pfree(text);
				break;
			}
		case TEXTARRAYOID:
			append_text_array(buf, value);
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("values of type %s cannot be sealed",
							format_type_be(type))));
	}
}

void
hg_seal_append(StringInfo buf, int n, const Oid *types, const Datum *values,
			   const bool *nulls)
{
	int			i;

	pq_sendint16(buf, n);
	for (i = 0; i < n; i++)
	{
		if (nulls[i])
			pq_sendint32(buf, -1);
		else
			append_field(buf, types[i], values[i]);
	}
}

void
hg_seal_digest(int n, const Oid *types, const Datum *values,
			   const bool *nulls, uint8 *digest)
{
	StringInfoData buf;

	initStringInfo(&buf);
	hg_seal_append(&buf, n, types, values, nulls);
	hg_sha256(buf.data, buf.len, digest);
	pfree(buf.data);
}

void
hg_seal_append_row(StringInfo buf, char kind, int64 id, const uint8 *digest)
{
	pq_sendbyte(buf, kind);
	pq_sendint64(buf, id);
	appendBinaryStringInfo(buf, (const char *) digest, HG_DIGEST_LEN);
}

static Datum
bytes_datum(const void *data, Size len)
{
	bytea	   *result = palloc(VARHDRSZ + len);

	SET_VARSIZE(result, VARHDRSZ + len);
	memcpy(VARDATA(result), data, len);
	return PointerGetDatum(result);
}

void
hg_seal_hash(const uint8 *previous, int64 seal_id, TimestampTz at,
			 TimestampTz from, TimestampTz to, int64 rows,
			 const uint8 *rows_hash, const uint8 *marks, Size marks_len,
			 uint8 *hash)
{
	static const Oid types[] = {BYTEAOID, INT8OID, TIMESTAMPTZOID,
		TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, BYTEAOID, BYTEAOID};
	Datum		values[lengthof(types)];
	bool		nulls[lengthof(types)] = {false};

	values[0] = bytes_datum(previous, HG_DIGEST_LEN);
	values[1] = Int64GetDatum(seal_id);
	values[2] = TimestampTzGetDatum(at);
	values[3] = TimestampTzGetDatum(from);
	nulls[3] = (from == 0 && to == 0);
	values[4] = TimestampTzGetDatum(to);
	nulls[4] = nulls[3];
	values[5] = Int64GetDatum(rows);
	values[6] = bytes_datum(rows_hash, HG_DIGEST_LEN);
	values[7] = bytes_datum(marks, marks_len);
	hg_seal_digest(lengthof(types), types, values, nulls, hash);
	pfree(DatumGetPointer(values[0]));
	pfree(DatumGetPointer(values[6]));
	pfree(DatumGetPointer(values[7]));
}

/* _digest(VARIADIC "any") returns bytea: SHA-256 of its arguments as a row */
Datum
hoopguard__digest(PG_FUNCTION_ARGS)
{
	int			n = PG_NARGS();
	Oid			types[FUNC_MAX_ARGS];
	Datum		values[FUNC_MAX_ARGS];
	bool		nulls[FUNC_MAX_ARGS];
	uint8		digest[HG_DIGEST_LEN];
	int			i;

	if (get_fn_expr_variadic(fcinfo->flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a row cannot be given as VARIADIC array")));
	for (i = 0; i < n; i++)
	{
		types[i] = get_fn_expr_argtype(fcinfo->flinfo, i);
		values[i] = PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i);
	}
	hg_seal_digest(n, types, values, nulls, digest);
	PG_RETURN_DATUM(bytes_datum(digest, sizeof(digest)));
}
