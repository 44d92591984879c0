/*-------------------------------------------------------------------------
 *
 * mask_method.c
 *	  Value in, masked value out: hoopguard._mask(anyelement, internal).
 *
 * The second argument is declared internal so that no SQL can call the
 * function, but what plans pass is a constant of type text, "method" or
 * "method {arguments}".  A call whose second argument is not such a constant
 * did not come from mask_rewrite.c and is refused.
 *
 * Two rules hold for every method.  What a method does not know how to mask
 * becomes NULL, never the real value.  And no input may raise an error,
 * because the message could carry the input.  So each method works on bytes
 * it has checked, and calls only server functions that cannot fail on them.
 *
 * The specification and the type are looked at once per call site and kept in
 * fn_extra.  Parallel workers do the same; nothing here is shared.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/socket.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "base/catalog.h"
#include "catalog/pg_type.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#endif
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/inet.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#define KEY_LENGTH 32

/* partial keeps at most this many characters at each end */
#define MAX_KEEP 1000

/* longest top-level domain that email shows */
#define MAX_TLD 10

/* fewer digits than this, and phone or card show none of them */
#define MIN_PHONE_DIGITS 6
#define MIN_CARD_DIGITS 12

typedef enum Method
{
	METHOD_NULL,				/* and everything not known here */
	METHOD_CONSTANT,
	METHOD_REDACT,
	METHOD_PARTIAL,
	METHOD_HASH,
	METHOD_EMAIL,
	METHOD_PHONE,
	METHOD_CARD,
	METHOD_IP,
	METHOD_YEAR
} Method;

static const struct
{
	const char *name;
	Method		method;
}			method_names[] =
{
	{"constant", METHOD_CONSTANT},
	{"redact", METHOD_REDACT},
	{"partial", METHOD_PARTIAL},
	{"hash", METHOD_HASH},
	{"email", METHOD_EMAIL},
	{"phone", METHOD_PHONE},
	{"card", METHOD_CARD},
	{"ip", METHOD_IP},
	{"year", METHOD_YEAR}
};

/* What a value is made of, below domains. */
typedef enum Shape
{
	SHAPE_OTHER,
	SHAPE_TEXT,					/* text, varchar, and what is like text */
	SHAPE_BPCHAR,
	SHAPE_NAME,
	SHAPE_INT2,
	SHAPE_INT4,
	SHAPE_INT8,
	SHAPE_FLOAT4,
	SHAPE_FLOAT8,
	SHAPE_NUMERIC,
	SHAPE_DATE,
	SHAPE_TIMESTAMP,
	SHAPE_TIMESTAMPTZ,
	SHAPE_INET,
	SHAPE_CIDR,
	SHAPE_MACADDR,
	SHAPE_MACADDR8
} Shape;

/* A call site: its method and type; lives in fn_mcxt. */
typedef struct Spec
{
	Method		method;
	Shape		shape;			/* of the elements for an array */
	int32		typmod;
	bool		is_array;
	Oid			element;		/* of an array */
	int16		element_len;
	bool		element_byval;
	char		element_align;
	int			first;			/* partial */
	int			last;
	int			length;			/* hash: hex digits */
	bool		has_constant;
	Datum		constant;
} Spec;

PG_FUNCTION_INFO_V1(hoopguard__mask);

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

/* ---------- text in and out ---------- */

static bool
is_text(Shape shape)
{
	return shape == SHAPE_TEXT || shape == SHAPE_BPCHAR ||
		shape == SHAPE_NAME;
}

/* Bytes of a text-like value; not terminated. */
static const char *
get_text(const Spec *spec, Datum value, int *len)
{
	text	   *t;

	if (spec->shape == SHAPE_NAME)
	{
		*len = strlen(NameStr(*DatumGetName(value)));
		return NameStr(*DatumGetName(value));
	}
	t = DatumGetTextPP(value);
	*len = VARSIZE_ANY_EXHDR(t);
	if (spec->shape == SHAPE_BPCHAR)
		*len = bpchartruelen(VARDATA_ANY(t), *len);
	return VARDATA_ANY(t);
}

/* A value of spec's type from bytes, cut and padded to its length. */
static Datum
make_text(const Spec *spec, const char *s, int len)
{
	int			max_chars = spec->typmod - VARHDRSZ;
	int			pad = 0;
	text	   *t;

	if (spec->shape == SHAPE_NAME)
	{
		Name		name = palloc0(NAMEDATALEN);

		len = pg_mbcliplen(s, len, NAMEDATALEN - 1);
		memcpy(NameStr(*name), s, len);
		return NameGetDatum(name);
	}
	if (spec->typmod >= (int32) VARHDRSZ)
	{
		len = pg_mbcharcliplen(s, len, max_chars);
		if (spec->shape == SHAPE_BPCHAR)
			pad = max_chars - pg_mbstrlen_with_len(s, len);
	}
	t = palloc(VARHDRSZ + len + pad);
	SET_VARSIZE(t, VARHDRSZ + len + pad);
	memcpy(VARDATA(t), s, len);
	memset(VARDATA(t) + len, ' ', pad);
	return PointerGetDatum(t);
}

/* ---------- methods on text ---------- */

static Datum
mask_partial(const Spec *spec, const char *s, int len)
{
	int			chars = pg_mbstrlen_with_len(s, len);
	int			first = spec->first;
	int			last = spec->last;
	int			head;
	int			tail;
	char	   *out;
	Datum		result;

	/* a short value would be shown as a whole */
	if (first + last >= chars)
		first = last = 0;
	head = pg_mbcharcliplen(s, len, first);
	tail = pg_mbcharcliplen(s, len, chars - last);

	out = palloc(len + 1);
	memcpy(out, s, head);
	memset(out + head, '*', chars - first - last);
	memcpy(out + head + chars - first - last, s + tail, len - tail);
	result = make_text(spec, out, head + chars - first - last + len - tail);
	pfree(out);
	return result;
}

/* j***@***.com: the first letter and a plain top-level domain */
static Datum
mask_email(const Spec *spec, const char *s, int len)
{
	StringInfoData out;
	int			at = len - 1;
	int			dot = len - 1;
	int			i;
	Datum		result;

	while (at >= 0 && s[at] != '@')
		at--;
	while (dot > at && s[dot] != '.')
		dot--;

	initStringInfo(&out);
	if (at > 1)
		appendBinaryStringInfo(&out, s, pg_mbcharcliplen(s, at, 1));
	appendStringInfoString(&out, "***@***");
	if (at >= 0 && dot > at + 1 && len - dot - 1 >= 2 &&
		len - dot - 1 <= MAX_TLD)
	{
		for (i = dot + 1; i < len; i++)
		{
			if (!((s[i] >= 'a' && s[i] <= 'z') ||
				  (s[i] >= 'A' && s[i] <= 'Z')))
				break;
		}
		if (i == len)
			appendBinaryStringInfo(&out, s + dot, len - dot);
	}
	result = make_text(spec, out.data, out.len);
	pfree(out.data);
	return result;
}

/*
 * Stars for all but the last digits; punctuation of numbers stays, and what
 * is neither is a star, for a column may hold something else than its name
 * says.
 */
static Datum
mask_digits(const Spec *spec, const char *s, int len, int keep, int at_least)
{
	char	   *out = palloc(len + 1);
	int			digits = 0;
	int			n = 0;
	int			i = 0;
	Datum		result;

	for (i = 0; i < len; i++)
	{
		if (s[i] >= '0' && s[i] <= '9')
			digits++;
	}
	if (digits < at_least)
		keep = 0;

	i = 0;
	while (i < len)
	{
		if (s[i] >= '0' && s[i] <= '9')
		{
			out[n++] = digits-- <= keep ? s[i] : '*';
			i++;
		}
		else if (strchr(" +-().", s[i]) != NULL && s[i] != '\0')
			out[n++] = s[i++];
		else
		{
			out[n++] = '*';
			i += Max(pg_mbcharcliplen(s + i, len - i, 1), 1);
		}
	}
	result = make_text(spec, out, n);
	pfree(out);
	return result;
}

/* Keyed hash in hexadecimal digits; false without a key. */
static bool
mask_hash(const Spec *spec, const char *s, int len, Datum *result)
{
	static const char digits[] = "0123456789abcdef";
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
	*result = make_text(spec, hex, spec->length);
	return true;
}

/* 10.1.2.3 to 10.1.2.0, 2001:db8:1:2::3 to 2001:db8:1::; else NULL */
static bool
mask_ip_text(const Spec *spec, const char *s, int len, Datum *result)
{
	StringInfoData out;
	int			separators = 0;
	int			end = -1;
	int			i;
	bool		v6 = memchr(s, ':', len) != NULL;

	for (i = 0; i < len; i++)
	{
		if (s[i] == (v6 ? ':' : '.'))
		{
			separators++;
			/* stop at the network part, or where zeros are left out */
			if (end < 0 && (separators == 3 || (v6 && i > 0 &&
												s[i - 1] == ':')))
				end = i;
		}
		else if (!((s[i] >= '0' && s[i] <= '9') ||
				   (v6 && ((s[i] >= 'a' && s[i] <= 'f') ||
						   (s[i] >= 'A' && s[i] <= 'F')))))
			return false;
	}
	if (end < 0 || len > 39 || (!v6 && (separators != 3 || len > 15)))
		return false;

	initStringInfo(&out);
	/* a doubled colon is replaced by the one added here */
	if (v6 && s[end - 1] == ':')
		end--;
	appendBinaryStringInfo(&out, s, end);
	appendStringInfoString(&out, v6 ? "::" : ".0");
	*result = make_text(spec, out.data, out.len);
	pfree(out.data);
	return true;
}

/* ---------- methods on other types ---------- */

/* The neutral value of the type; false when it has none. */
static bool
mask_redact(const Spec *spec, Datum *result)
{
	const DateADT epoch = UNIX_EPOCH_JDATE - POSTGRES_EPOCH_JDATE;

	switch (spec->shape)
	{
		case SHAPE_TEXT:
		case SHAPE_BPCHAR:
		case SHAPE_NAME:
			*result = make_text(spec, "[redacted]", strlen("[redacted]"));
			return true;
		case SHAPE_INT2:
			*result = Int16GetDatum(0);
			return true;
		case SHAPE_INT4:
			*result = Int32GetDatum(0);
			return true;
		case SHAPE_INT8:
			*result = Int64GetDatum(0);
			return true;
		case SHAPE_FLOAT4:
			*result = Float4GetDatum(0);
			return true;
		case SHAPE_FLOAT8:
			*result = Float8GetDatum(0);
			return true;
		case SHAPE_NUMERIC:
			/* zero fits every precision */
			*result = DirectFunctionCall2(numeric,
										  NumericGetDatum(int64_to_numeric(0)),
										  Int32GetDatum(spec->typmod));
			return true;
		case SHAPE_DATE:
			*result = DateADTGetDatum(epoch);
			return true;
		case SHAPE_TIMESTAMP:
		case SHAPE_TIMESTAMPTZ:
			*result = TimestampGetDatum(epoch * USECS_PER_DAY);
			return true;
		default:
			return false;
	}
}

/*
 * The first of January of the year.  Always in UTC for timestamptz: the mask
 * must not move with the TimeZone of the session.
 */
static bool
mask_year(const Spec *spec, Datum value, Datum *result)
{
	struct pg_tm tm;
	fsec_t		fsec;

	memset(&tm, 0, sizeof(tm));
	if (spec->shape == SHAPE_DATE)
	{
		DateADT		date = DatumGetDateADT(value);

		if (DATE_NOT_FINITE(date))
			return false;
		j2date(date + POSTGRES_EPOCH_JDATE,
			   &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
		if (!IS_VALID_JULIAN(tm.tm_year, 1, 1))
			return false;
		date = date2j(tm.tm_year, 1, 1) - POSTGRES_EPOCH_JDATE;
		if (!IS_VALID_DATE(date))
			return false;
		*result = DateADTGetDatum(date);
		return true;
	}
	if (spec->shape == SHAPE_TIMESTAMP || spec->shape == SHAPE_TIMESTAMPTZ)
	{
		Timestamp	stamp = DatumGetTimestamp(value);

		if (TIMESTAMP_NOT_FINITE(stamp) ||
			timestamp2tm(stamp, NULL, &tm, &fsec, NULL, NULL) != 0)
			return false;
		tm.tm_mon = 1;
		tm.tm_mday = 1;
		tm.tm_hour = 0;
		tm.tm_min = 0;
		tm.tm_sec = 0;
		if (tm2timestamp(&tm, 0, NULL, &stamp) != 0)
			return false;
		*result = TimestampGetDatum(stamp);
		return true;
	}
	return false;
}

/* The network: /24 of IPv4, /48 of IPv6; the vendor part of a MAC. */
static bool
mask_ip(const Spec *spec, Datum value, Datum *result)
{
	inet	   *address;
	int			bits;

	switch (spec->shape)
	{
		case SHAPE_INET:
		case SHAPE_CIDR:
			address = DatumGetInetPP(value);
			bits = ip_family(address) == PGSQL_AF_INET ? 24 : 48;
			bits = Min(bits, ip_bits(address));
			*result = DirectFunctionCall2(cidr_set_masklen,
										  InetPGetDatum(address),
										  Int32GetDatum(bits));
			return true;
		case SHAPE_MACADDR:
			*result = DirectFunctionCall1(macaddr_trunc, value);
			return true;
		case SHAPE_MACADDR8:
			*result = DirectFunctionCall1(macaddr8_trunc, value);
			return true;
		default:
			return false;
	}
}

/* ---------- one value ---------- */

/* Mask of a value that is no array; false for NULL. */
static bool
mask_scalar(const Spec *spec, Datum value, Datum *result)
{
	const char *s = NULL;
	int			len = 0;

	switch (spec->method)
	{
		case METHOD_NULL:
			return false;
		case METHOD_CONSTANT:
			*result = spec->constant;
			return spec->has_constant;
		case METHOD_REDACT:
			return mask_redact(spec, result);
		case METHOD_YEAR:
			return mask_year(spec, value, result);
		case METHOD_IP:
			if (!is_text(spec->shape))
				return mask_ip(spec, value, result);
			break;
		default:
			break;
	}

	/* the others work on text alone */
	if (!is_text(spec->shape))
		return false;
	s = get_text(spec, value, &len);
	switch (spec->method)
	{
		case METHOD_PARTIAL:
			*result = mask_partial(spec, s, len);
			return true;
		case METHOD_EMAIL:
			*result = mask_email(spec, s, len);
			return true;
		case METHOD_PHONE:
			*result = mask_digits(spec, s, len, 2, MIN_PHONE_DIGITS);
			return true;
		case METHOD_CARD:
			*result = mask_digits(spec, s, len, 4, MIN_CARD_DIGITS);
			return true;
		case METHOD_HASH:
			return mask_hash(spec, s, len, result);
		case METHOD_IP:
			return mask_ip_text(spec, s, len, result);
		default:
			return false;
	}
}

/* Masks each element, keeping dimensions and NULLs. */
static Datum
mask_array(const Spec *spec, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Datum	   *values;
	bool	   *nulls;
	int			n;
	int			i;

	deconstruct_array(array, spec->element, spec->element_len,
					  spec->element_byval, spec->element_align,
					  &values, &nulls, &n);
	for (i = 0; i < n; i++)
	{
		if (!nulls[i])
			nulls[i] = !mask_scalar(spec, values[i], &values[i]);
	}
	array = construct_md_array(values, nulls, ARR_NDIM(array),
							   ARR_DIMS(array), ARR_LBOUND(array),
							   spec->element, spec->element_len,
							   spec->element_byval, spec->element_align);
	return PointerGetDatum(array);
}

/* ---------- looking at the call ---------- */

static Shape
shape_of(Oid base)
{
	char		category;
	bool		preferred;

	switch (base)
	{
		case TEXTOID:
		case VARCHAROID:
			return SHAPE_TEXT;
		case BPCHAROID:
			return SHAPE_BPCHAR;
		case NAMEOID:
			return SHAPE_NAME;
		case INT2OID:
			return SHAPE_INT2;
		case INT4OID:
			return SHAPE_INT4;
		case INT8OID:
			return SHAPE_INT8;
		case FLOAT4OID:
			return SHAPE_FLOAT4;
		case FLOAT8OID:
			return SHAPE_FLOAT8;
		case NUMERICOID:
			return SHAPE_NUMERIC;
		case DATEOID:
			return SHAPE_DATE;
		case TIMESTAMPOID:
			return SHAPE_TIMESTAMP;
		case TIMESTAMPTZOID:
			return SHAPE_TIMESTAMPTZ;
		case INETOID:
			return SHAPE_INET;
		case CIDROID:
			return SHAPE_CIDR;
		case MACADDROID:
			return SHAPE_MACADDR;
		case MACADDR8OID:
			return SHAPE_MACADDR8;
		default:
			break;
	}

	/* citext and the like */
	get_type_category_preferred(base, &category, &preferred);
	if (category == TYPCATEGORY_STRING && get_typlen(base) == -1 &&
		IsBinaryCoercible(base, TEXTOID))
		return SHAPE_TEXT;
	return SHAPE_OTHER;
}

/* A whole number of the arguments, or the default. */
static int
int_argument(Jsonb *args, const char *key, int dflt, int max)
{
	JsonbValue	value;
	long		number;

	if (args == NULL || !JB_ROOT_IS_OBJECT(args) ||
		getKeyJsonValueFromContainer(&args->root, key, strlen(key),
									 &value) == NULL ||
		value.type != jbvNumeric)
		return dflt;
	number = strtol(DatumGetCString(DirectFunctionCall1(numeric_out,
														NumericGetDatum(value.val.numeric))),
					NULL, 10);
	return (int) Max(Min(number, max), 0);
}

/* The argument "value" as text; NULL when it is missing or null. */
static char *
text_argument(Jsonb *args, const char *key)
{
	JsonbValue	value;

	if (args == NULL || !JB_ROOT_IS_OBJECT(args) ||
		getKeyJsonValueFromContainer(&args->root, key, strlen(key),
									 &value) == NULL)
		return NULL;
	switch (value.type)
	{
		case jbvString:
			return pnstrdup(value.val.string.val, value.val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value.val.numeric)));
		case jbvBool:
			return pstrdup(value.val.boolean ? "true" : "false");
		case jbvBinary:
			return JsonbToCString(NULL, value.val.binary.data,
								  value.val.binary.len);
		default:
			return NULL;
	}
}

#if PG_VERSION_NUM < 160000
/*
 * May an error of the type's input function be caught without a
 * subtransaction?  Yes for the server's own scalar types that ask no catalog:
 * they hold nothing when they raise.
 */
static bool
has_plain_input(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case CASHOID:
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
		case UUIDOID:
		case JSONOID:
		case JSONBOID:
		case BYTEAOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
		case MACADDR8OID:
		case POINTOID:
		case BITOID:
		case VARBITOID:
			return true;
		default:
			return type_is_enum(type);
	}
}
#endif

/*
 * Input conversion that gives false instead of an error.  15 has no such
 * thing, see has_plain_input(); what is not on that list is false there.
 */
static bool
soft_input(Oid type, int32 typmod, char *string, Datum *result)
{
	Oid			input;
	Oid			ioparam;

	getTypeInputInfo(type, &input, &ioparam);
#if PG_VERSION_NUM >= 160000
	{
		ErrorSaveContext escontext = {T_ErrorSaveContext};
		FmgrInfo	flinfo;

		fmgr_info(input, &flinfo);
		return InputFunctionCallSafe(&flinfo, string, ioparam, typmod,
									 (Node *) &escontext, result);
	}
#else
	{
		MemoryContext context = CurrentMemoryContext;
		volatile bool ok = false;
		Oid			element = get_element_type(type);

		/* brackets alone can make an array invalid; its input is plain, too */
		if (!has_plain_input(OidIsValid(element) ? element : type))
			return false;
		PG_TRY();
		{
			*result = OidInputFunctionCall(input, string, ioparam, typmod);
			ok = true;
		}
		PG_CATCH();
		{
			/* only what is wrong with the constant itself */
			if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION)
				PG_RE_THROW();
			MemoryContextSwitchTo(context);
			FlushErrorState();
		}
		PG_END_TRY();
		return ok;
	}
#endif
}

/* Prepare the constant of a call site, as a value of its own type. */
static void
setup_constant(Spec *spec, Jsonb *args, Oid type, Oid element)
{
	char	   *string = text_argument(args, "value");

	if (string == NULL)
		return;
	if (is_text(spec->shape) && !OidIsValid(element))
	{
		spec->constant = make_text(spec, string, strlen(string));
		spec->has_constant = true;
		return;
	}

	/*
	 * For an array the constant is the element if it can be, and otherwise
	 * the array as a whole.
	 */
	if (OidIsValid(element))
	{
		if (is_text(spec->shape) && string[0] != '{')
		{
			spec->constant = make_text(spec, string, strlen(string));
			spec->has_constant = true;
			return;
		}
		if (string[0] != '{' &&
			soft_input(element, spec->typmod, string, &spec->constant))
		{
			spec->has_constant = true;
			return;
		}
		spec->is_array = false;
	}
	spec->has_constant = soft_input(type, spec->typmod, string,
									&spec->constant);
}

/*
 * Read the specification and the type of a call; the result, in the current
 * context, is complete even when everything about it is unknown.
 */
static Spec *
make_spec(const char *text, Oid type, int32 typmod)
{
	Spec	   *spec = palloc0(sizeof(Spec));
	int			name_len = strcspn(text, " ");
	Jsonb	   *args = NULL;
	Oid			base;
	Oid			element;
	size_t		i;

	spec->method = METHOD_NULL;
	for (i = 0; i < lengthof(method_names); i++)
	{
		if (strlen(method_names[i].name) == name_len &&
			strncmp(method_names[i].name, text, name_len) == 0)
			spec->method = method_names[i].method;
	}
	if (spec->method == METHOD_NULL || !OidIsValid(type))
		return spec;
	if (text[name_len] == ' ')
		args = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
												  CStringGetDatum(text + name_len + 1)));

	/* a mask may break a domain's constraint, and checking would raise */
	if (get_typtype(type) == TYPTYPE_DOMAIN && DomainHasConstraints(type))
	{
		spec->method = METHOD_NULL;
		return spec;
	}

	base = getBaseTypeAndTypmod(type, &typmod);
	spec->typmod = typmod;
	element = get_element_type(base);
	if (OidIsValid(element))
	{
		int32		element_typmod = typmod;
		Oid			element_base;

		if (get_typtype(element) == TYPTYPE_DOMAIN &&
			DomainHasConstraints(element))
		{
			spec->method = METHOD_NULL;
			return spec;
		}
		element_base = getBaseTypeAndTypmod(element, &element_typmod);
		spec->typmod = element_typmod;
		spec->is_array = true;
		spec->element = element;
		get_typlenbyvalalign(element, &spec->element_len,
							 &spec->element_byval, &spec->element_align);
		spec->shape = shape_of(element_base);
		element = element_base;
	}
	else
		spec->shape = shape_of(base);

	spec->first = int_argument(args, "first", 1, MAX_KEEP);
	spec->last = int_argument(args, "last", 0, MAX_KEEP);
	spec->length = int_argument(args, "length", PG_SHA256_DIGEST_LENGTH * 2,
								PG_SHA256_DIGEST_LENGTH * 2);
	if (spec->method == METHOD_CONSTANT)
		setup_constant(spec, args, base, element);
	return spec;
}

/* The Spec of this call site, made the first time. */
static Spec *
get_spec(FunctionCallInfo fcinfo)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;
	FuncExpr   *call;
	Const	   *constant;
	Node	   *argument;
	MemoryContext old;

	if (flinfo->fn_extra != NULL)
		return (Spec *) flinfo->fn_extra;

	call = (FuncExpr *) flinfo->fn_expr;
	if (call == NULL || !IsA(call, FuncExpr) || list_length(call->args) != 2 ||
		!IsA(lsecond(call->args), Const) ||
		lsecond_node(Const, call->args)->consttype != TEXTOID ||
		lsecond_node(Const, call->args)->constisnull)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function _mask cannot be called directly")));
	constant = lsecond_node(Const, call->args);
	argument = (Node *) linitial(call->args);

	old = MemoryContextSwitchTo(flinfo->fn_mcxt);
	flinfo->fn_extra = make_spec(TextDatumGetCString(constant->constvalue),
								 exprType(argument), exprTypmod(argument));
	MemoryContextSwitchTo(old);
	return (Spec *) flinfo->fn_extra;
}

/* hoopguard._mask(value anyelement, specification internal) */
Datum
hoopguard__mask(PG_FUNCTION_ARGS)
{
	Spec	   *spec = get_spec(fcinfo);
	Datum		result;

	if (spec->method == METHOD_NULL)
		PG_RETURN_NULL();
	if (spec->is_array)
		PG_RETURN_DATUM(mask_array(spec, PG_GETARG_DATUM(0)));
	if (!mask_scalar(spec, PG_GETARG_DATUM(0), &result))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}
