/*-------------------------------------------------------------------------
 *
 * method_token.c
 *	  Method token: a value of the same shape, the same one for equal values.
 *
 * Each type is cut into sets of values of one shape (whole numbers of five
 * digits, timestamps to the second, ...), and within each set the values are
 * permuted by a keyed permutation.  So different values have different
 * tokens, unique columns stay unique and joins join.  Types whose values are
 * equal across types (the integers and numeric; date and timestamp) share
 * their sets.
 *
 * Of a set with two values a permutation tells nothing that is not plain to
 * see, so bool has no tokens.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>
#include <sys/socket.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "common/shortest_dec.h"
#include "mask/method.h"
#include "mask/method_key.h"
#include "mask/method_number.h"
#include "mask/method_token.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/inet.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/varbit.h"

/* Numbers of the permutations; a change changes tokens. */
typedef enum TokenKind
{
	KIND_INTEGER = 1,
	KIND_DAY,
	KIND_MOMENT,
	KIND_TIME,
	KIND_ENUM
} TokenKind;

/* Most dates of people and their doings lie here, and tokens with them. */
#define COMMON_DAY_FIRST (-36524)	/* 1900-01-01, days from 2000-01-01 */
#define COMMON_DAY_END 36525	/* 2100-01-01 */

/* Beyond this many digits a numeric has no token. */
#define MAX_NUMERIC_DIGITS 2000

typedef struct TokenState
{
	HgPrf		prf;
	int			nlabels;		/* enum */
	Oid		   *labels;
} TokenState;

static inline const HgPrf *
token_prf(HgMasker *masker)
{
	return &((TokenState *) masker->state)->prf;
}

/* ---------- text ---------- */

static bool
token_text(HgMasker *masker, Datum value, Datum *result)
{
	int			len;
	const char *s = hg_text_get(masker, value, &len);
	char	   *out = palloc(Max(len, 1));

	len = hg_token_text(token_prf(masker), s, len, out);
	*result = hg_text_make(masker, out, len);
	pfree(out);
	return true;
}

static bool
token_char(HgMasker *masker, Datum value, Datum *result)
{
	char		c = DatumGetChar(value);
	char		out;

	if (IS_HIGHBIT_SET(c))
		return false;
	(void) hg_token_text(token_prf(masker), &c, 1, &out);
	*result = CharGetDatum(out);
	return true;
}

/* ---------- whole numbers ---------- */

/*
 * The token of a magnitude: another of as many digits.  A set ends also where
 * a type ends, so that the token of what fits a type fits it too.
 */
static uint64
token_magnitude(const HgPrf *prf, uint64 value, bool negative)
{
	static const uint64 ends[] = {
		PG_INT16_MAX, PG_INT32_MAX, PG_INT64_MAX
	};
	uint64		first = 0;
	uint64		last = 9;
	int			i;

	while (value > last)
	{
		first = last + 1;
		last = last > (PG_UINT64_MAX - 9) / 10 ? PG_UINT64_MAX :
			last * 10 + 9;
	}
	for (i = 0; i < lengthof(ends); i++)
	{
		/* a negative number goes one further */
		uint64		end = ends[i] + (negative ? 1 : 0);

		if (value <= end)
			last = Min(last, end);
		else
			first = Max(first, end + 1);
	}
	/* there is no -0 */
	if (negative)
		first = Max(first, 1);
	return first + hg_permute_number(prf, KIND_INTEGER, value - first,
									 last - first + 1);
}

static int64
token_integer(const HgPrf *prf, int64 value)
{
	if (value < 0)
		return (int64) (0 - token_magnitude(prf, 0 - (uint64) value, true));
	return (int64) token_magnitude(prf, value, false);
}

static bool
token_int2(HgMasker *masker, Datum value, Datum *result)
{
	*result = Int16GetDatum((int16) token_integer(token_prf(masker),
												  DatumGetInt16(value)));
	return true;
}

static bool
token_int4(HgMasker *masker, Datum value, Datum *result)
{
	*result = Int32GetDatum((int32) token_integer(token_prf(masker),
												  DatumGetInt32(value)));
	return true;
}

/* int8, and money, which is a number of cents */
static bool
token_int8(HgMasker *masker, Datum value, Datum *result)
{
	*result = Int64GetDatum(token_integer(token_prf(masker),
										  DatumGetInt64(value)));
	return true;
}

/* ---------- decimal numbers ---------- */

/*
 * Permute the digits of a decimal number without exponent, in place.  The
 * first digit does not become 0 nor stops being it, and neither does the last
 * after the point, so that the number keeps its length.
 */
static void
token_decimal(const HgPrf *prf, char *s)
{
	int			len = strlen(s);
	char	   *point = strchr(s, '.');
	int			start = s[0] == '-' ? 1 : 0;
	uint32	   *symbols = palloc(len * 3 * sizeof(uint32));
	uint32	   *radix = symbols + len;
	uint32	   *places = radix + len;
	uint8	   *shape = palloc(len + 1);
	int			n = 0;
	int			i;

	for (i = 0; i < len; i++)
	{
		bool		first = i == start;
		bool		last = point != NULL && i == len - 1;

		shape[i] = s[i];
		if (s[i] < '0' || s[i] > '9' || ((first || last) && s[i] == '0'))
			continue;
		radix[n] = first || last ? 9 : 10;
		symbols[n] = s[i] - '0' - (first || last ? 1 : 0);
		shape[i] = radix[n];
		places[n++] = i;
	}
	hg_permute_symbols(prf, shape, len, symbols, radix, n);
	for (i = 0; i < n; i++)
		s[places[i]] = '0' + symbols[i] + (radix[i] == 9 ? 1 : 0);
	pfree(symbols);
	pfree(shape);
}

/* Is the text of a number that of an int8? */
static bool
is_int8(const char *s, int64 *number)
{
	char	   *end;

	if (strlen(s) > 20)
		return false;
	errno = 0;
	*number = strtoll(s, &end, 10);
	return errno == 0 && *end == '\0';
}

static bool
token_numeric(HgMasker *masker, Datum value, Datum *result)
{
	const HgPrf *prf = token_prf(masker);
	Numeric		number = DatumGetNumeric(value);
	char	   *s;
	char	   *point;
	int			scale;
	int			end;
	int64		whole;
	Datum		token;

	if (numeric_is_nan(number) || numeric_is_inf(number))
		return false;
	s = DatumGetCString(DirectFunctionCall1(numeric_out, value));
	if (strlen(s) > MAX_NUMERIC_DIGITS)
		return false;

	/* equal numbers need not have equally many zeros at the end */
	point = strchr(s, '.');
	scale = point == NULL ? 0 : strlen(point + 1);
	if (point != NULL)
	{
		end = strlen(s);
		while (s[end - 1] == '0')
			s[--end] = '\0';
		if (s + end - 1 == point)
			s[--end] = '\0';
	}

	if (is_int8(s, &whole))
		token = NumericGetDatum(int64_to_numeric(token_integer(prf, whole)));
	else
	{
		bool		with_point = strchr(s, '.') != NULL;

		do
		{
			token_decimal(prf, s);
		} while (!with_point && is_int8(s, &whole));
		token = DirectFunctionCall3(numeric_in, CStringGetDatum(s),
									ObjectIdGetDatum(InvalidOid),
									Int32GetDatum(-1));
	}
	/* and the token shows as many as the number did */
	token = DirectFunctionCall2(numeric_round, token, Int32GetDatum(scale));
	return hg_numeric_fit(masker->typmod, token, result);
}

/*
 * Numbers that are whole as whole numbers, others by the shortest decimal
 * digits that name them.  The exponent stays, so the token is of the size of
 * the number.
 */
static bool
token_double(HgMasker *masker, double number, const char *shortest,
			 double *token)
{
	const HgPrf *prf = token_prf(masker);
	char		buffer[64];
	char	   *exponent;
	char		tail[16];
	char		number_text[sizeof(buffer) + sizeof(tail)];

	if (isnan(number) || isinf(number))
		return false;
	if (number == rint(number) && fabs(number) < 1e15)
	{
		*token = (double) token_integer(prf, (int64) number);
		return true;
	}
	snprintf(buffer, sizeof(buffer), "%s", shortest);
	exponent = strchr(buffer, 'e');
	snprintf(tail, sizeof(tail), "%s", exponent == NULL ? "" : exponent);
	if (exponent != NULL)
		*exponent = '\0';
	token_decimal(prf, buffer);
	snprintf(number_text, sizeof(number_text), "%s%s", buffer, tail);
	*token = strtod(number_text, NULL);
	/* the smallest numbers have few neighbours */
	return !isinf(*token) && *token != number;
}

static bool
token_float8(HgMasker *masker, Datum value, Datum *result)
{
	double		token;
	char		shortest[64];

	(void) double_to_shortest_decimal_buf(DatumGetFloat8(value), shortest);
	if (!token_double(masker, DatumGetFloat8(value), shortest, &token))
		return false;
	*result = Float8GetDatum(token);
	return true;
}

static bool
token_float4(HgMasker *masker, Datum value, Datum *result)
{
	double		token;
	char		shortest[64];

	(void) float_to_shortest_decimal_buf(DatumGetFloat4(value), shortest);
	if (!token_double(masker, DatumGetFloat4(value), shortest, &token) ||
		fabs(token) > FLT_MAX || (float4) token == DatumGetFloat4(value))
		return false;
	*result = Float4GetDatum((float4) token);
	return true;
}

/* ---------- dates and times ---------- */

/* The set of a day (from 2000-01-01): the common ones, before, and after. */
static int64
token_day(const HgPrf *prf, int64 day, int64 first, int64 end)
{
	if (day < COMMON_DAY_FIRST)
		end = Min(end, COMMON_DAY_FIRST);
	else if (day >= COMMON_DAY_END)
		first = Max(first, COMMON_DAY_END);
	else
	{
		first = COMMON_DAY_FIRST;
		end = COMMON_DAY_END;
	}
	return first + (int64) hg_permute_number(prf, KIND_DAY, day - first,
											 end - first);
}

/* The days that both date and timestamp know, so that both agree. */
static bool
is_shared_day(int64 day)
{
	return day >= DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE &&
		day < TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE;
}

static int64
token_shared_day(const HgPrf *prf, int64 day)
{
	return token_day(prf, day, DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE,
					 TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE);
}

static bool
token_date(HgMasker *masker, Datum value, Datum *result)
{
	DateADT		date = DatumGetDateADT(value);
	int64		token;

	if (DATE_NOT_FINITE(date))
		return false;
	if (is_shared_day(date))
		token = token_shared_day(token_prf(masker), date);
	else
		token = token_day(token_prf(masker), date,
						  TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE,
						  DATE_END_JULIAN - POSTGRES_EPOCH_JDATE);
	*result = DateADTGetDatum((DateADT) token);
	return true;
}

/*
 * A number of microseconds within [first, end), permuted among those of the
 * same granularity (second, tenth, ...); what is finer than before or coarser
 * is walked over.
 */
static int64
token_moment(const HgPrf *prf, TokenKind kind, int64 value, int64 first,
			 int64 end, int64 coarsest)
{
	int64		grain = hg_grain_of(value, coarsest);
	int64		low = hg_floor_div(first + grain - 1, grain);
	int64		high = hg_floor_div(end + grain - 1, grain);
	int64		number = hg_floor_div(value, grain);

	do
	{
		number = low + (int64) hg_permute_number(prf, kind, number - low,
												 high - low);
	} while (hg_grain_of(number * grain, coarsest) != grain);
	return number * grain;
}

static bool
token_timestamp(HgMasker *masker, Datum value, Datum *result)
{
	Timestamp	stamp = DatumGetTimestamp(value);
	int64		day;
	int64		first = MIN_TIMESTAMP;
	int64		end = END_TIMESTAMP;

	if (TIMESTAMP_NOT_FINITE(stamp) || !IS_VALID_TIMESTAMP(stamp))
		return false;
	day = hg_floor_div(stamp, USECS_PER_DAY);
	/* midnights are days */
	if (stamp == day * USECS_PER_DAY && is_shared_day(day))
	{
		*result = TimestampGetDatum(token_shared_day(token_prf(masker), day) *
									USECS_PER_DAY);
		return true;
	}
	if (day < COMMON_DAY_FIRST)
		end = COMMON_DAY_FIRST * USECS_PER_DAY;
	else if (day >= COMMON_DAY_END)
		first = COMMON_DAY_END * USECS_PER_DAY;
	else
	{
		first = COMMON_DAY_FIRST * USECS_PER_DAY;
		end = COMMON_DAY_END * USECS_PER_DAY;
	}
	*result = TimestampGetDatum(token_moment(token_prf(masker), KIND_MOMENT,
											 stamp, first, end,
											 USECS_PER_DAY));
	return true;
}

static bool
token_time(HgMasker *masker, Datum value, Datum *result)
{
	TimeADT		time = DatumGetTimeADT(value);

	/* 24:00 is no time of a day */
	if (time < 0 || time >= USECS_PER_DAY)
		return false;
	*result = TimeADTGetDatum(token_moment(token_prf(masker), KIND_TIME, time,
										   0, USECS_PER_DAY, USECS_PER_SEC));
	return true;
}

/* The zone stays. */
static bool
token_timetz(HgMasker *masker, Datum value, Datum *result)
{
	TimeTzADT  *time = DatumGetTimeTzADTP(value);
	TimeTzADT  *token;

	if (time->time < 0 || time->time >= USECS_PER_DAY)
		return false;
	token = palloc(sizeof(TimeTzADT));
	token->time = token_moment(token_prf(masker), KIND_TIME, time->time,
							   0, USECS_PER_DAY, USECS_PER_SEC);
	token->zone = time->zone;
	*result = TimeTzADTPGetDatum(token);
	return true;
}

/*
 * The token of a number of seconds or months that is a multiple of units[i],
 * of which the largest that fits stays the largest that fits.  Zero stays.
 */
static int64
token_multiple(const HgPrf *prf, int64 value, const int64 *units)
{
	int64		count;
	int			i = 0;
	int			again;

	if (value == 0)
		return 0;
	while (value % units[i] != 0)
		i++;
	count = value / units[i];
	do
	{
		count = token_integer(prf, count);
		if (pg_mul_s64_overflow(count, units[i], &value))
			return 0;
		again = 0;
		while (value % units[again] != 0)
			again++;
	} while (value == 0 || again != i);
	return value;
}

/*
 * Each field that is not zero by itself.  Years stay years, hours hours and
 * minutes minutes, as the type may allow no smaller fields.
 */
static bool
token_interval(HgMasker *masker, Datum value, Datum *result)
{
	static const int64 second_units[] = {3600, 60, 1};
	static const int64 month_units[] = {12, 1};
	static const int64 day_units[] = {1};
	const HgPrf *prf = token_prf(masker);
	Interval   *interval = DatumGetIntervalP(value);
	Interval   *token = palloc(sizeof(Interval));
	int64		fraction = interval->time % USECS_PER_SEC;
	int64		seconds = interval->time / USECS_PER_SEC;
	int64		months;

#if PG_VERSION_NUM >= 170000
	if (INTERVAL_NOT_FINITE(interval))
		return false;
#endif
	/* nothing to permute */
	if (interval->month == 0 && interval->day == 0 && interval->time == 0)
		return false;
	months = token_multiple(prf, interval->month, month_units);
	token->day = (int32) token_multiple(prf, interval->day, day_units);
	seconds = token_multiple(prf, seconds, second_units);
	if (fraction > 0)
		fraction = token_moment(prf, KIND_TIME, fraction, 0, USECS_PER_SEC,
								USECS_PER_SEC);
	else if (fraction < 0)
		fraction = -token_moment(prf, KIND_TIME, -fraction, 0, USECS_PER_SEC,
								 USECS_PER_SEC);
	/* the largest numbers of years or seconds have no room for a token */
	if (months > PG_INT32_MAX || months < PG_INT32_MIN ||
		pg_mul_s64_overflow(seconds, USECS_PER_SEC, &seconds) ||
		pg_add_s64_overflow(seconds, fraction, &token->time))
		return false;
	token->month = (int32) months;
	*result = IntervalPGetDatum(token);
	return true;
}

/* ---------- bytes and bits ---------- */

/* Permute the last bits of bytes[0..n) but those of keep, in place. */
static void
token_bytes(const HgPrf *prf, const char *tag, uint8 *bytes, int n,
			const uint8 *keep)
{
	uint32	   *symbols = palloc(Max(n, 1) * 2 * sizeof(uint32));
	uint32	   *radix = symbols + n;
	uint8	   *shape = palloc(n + 1);
	int			i;

	/* the bits that are kept are the tweak */
	shape[n] = (uint8) tag[0];
	for (i = 0; i < n; i++)
	{
		uint8		mask = keep == NULL ? 0 : keep[i];
		int			bit;

		shape[i] = bytes[i] & mask;
		symbols[i] = 0;
		radix[i] = 1;
		for (bit = 7; bit >= 0; bit--)
		{
			if (mask & (1 << bit))
				continue;
			symbols[i] = symbols[i] << 1 | ((bytes[i] >> bit) & 1);
			radix[i] <<= 1;
		}
	}
	hg_permute_symbols(prf, shape, n + 1, symbols, radix, n);
	for (i = 0; i < n; i++)
	{
		uint8		mask = keep == NULL ? 0 : keep[i];
		int			bit;

		bytes[i] = shape[i];
		for (bit = 0; bit <= 7; bit++)
		{
			if (mask & (1 << bit))
				continue;
			bytes[i] |= (symbols[i] & 1) << bit;
			symbols[i] >>= 1;
		}
	}
	pfree(symbols);
	pfree(shape);
}

/* In pieces, as method_token_text.c does it and for the same reasons. */
static bool
token_bytea(HgMasker *masker, Datum value, Datum *result)
{
	const HgPrf *prf = token_prf(masker);
	const int	piece = 4096;
	bytea	   *bytes = DatumGetByteaPP(value);
	int			len = VARSIZE_ANY_EXHDR(bytes);
	bytea	   *out = palloc(VARHDRSZ + len);
	uint8		chain[HG_PRF_LENGTH];
	HgPrf		key = *prf;
	int			pos;

	SET_VARSIZE(out, VARHDRSZ + len);
	memcpy(VARDATA(out), VARDATA_ANY(bytes), len);
	for (pos = 0; pos < len; pos += piece)
	{
		int			n = Min(piece, len - pos);

		CHECK_FOR_INTERRUPTS();
		token_bytes(&key, "b", (uint8 *) VARDATA(out) + pos, n, NULL);
		if (pos + n < len)
		{
			hg_prf(&key, VARDATA_ANY(bytes) + pos, n, chain);
			hg_prf_init(&key, chain, sizeof(chain));
		}
	}
	*result = PointerGetDatum(out);
	return true;
}

/* A word of bits longer than one; one bit would only be turned around. */
static bool
token_bits(HgMasker *masker, Datum value, Datum *result)
{
	VarBit	   *bits = DatumGetVarBitP(value);
	int			n = VARBITBYTES(bits);
	VarBit	   *out;
	uint8	   *keep;

	if (VARBITLEN(bits) == 1 || n > MaxAllocSize / 16)
		return false;
	out = palloc(VARSIZE(bits));
	memcpy(out, bits, VARSIZE(bits));
	keep = palloc0(n + 1);
	if (VARBITLEN(bits) % BITS_PER_BYTE != 0)
		keep[n - 1] = 0xFF >> (VARBITLEN(bits) % BITS_PER_BYTE);
	token_bytes(token_prf(masker), "v", VARBITS(out), n, keep);
	*result = VarBitPGetDatum(out);
	return true;
}

/* Version and variant stay: a UUID of version 4 has one as its token. */
static bool
token_uuid(HgMasker *masker, Datum value, Datum *result)
{
	static const uint8 keep[UUID_LEN] = {
		0, 0, 0, 0, 0, 0, 0xF0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0
	};
	pg_uuid_t  *token = palloc(sizeof(pg_uuid_t));

	memcpy(token, DatumGetUUIDP(value), sizeof(pg_uuid_t));
	token_bytes(token_prf(masker), "u", token->data, UUID_LEN, keep);
	*result = UUIDPGetDatum(token);
	return true;
}

/* ---------- addresses ---------- */

/*
 * inet: the whole address; the network's length stays.  cidr: the network,
 * as there is nothing else.
 */
static bool
token_inet(HgMasker *masker, Datum value, Datum *result)
{
	inet	   *address = DatumGetInetP(value);
	inet	   *token = palloc(VARSIZE(address));
	int			n = ip_addrsize(address);
	uint8		keep[16] = {0};
	int			bits = masker->shape == HG_SHAPE_CIDR ? ip_bits(address) :
		ip_maxbits(address);
	int			i;

	memcpy(token, address, VARSIZE(address));
	for (i = bits; i < n * 8; i++)
		keep[i / 8] |= 0x80 >> (i % 8);
	token_bytes(token_prf(masker), n == 4 ? "4" : "6", ip_addr(token), n,
				keep);
	*result = InetPGetDatum(token);
	return true;
}

/* The bits that say "group" and "local" stay. */
static bool
token_macaddr(HgMasker *masker, Datum value, Datum *result)
{
	uint8		keep[sizeof(macaddr8)] = {0x03};
	int			n = masker->shape == HG_SHAPE_MACADDR ? sizeof(macaddr) :
		sizeof(macaddr8);
	uint8	   *token = palloc(n);

	memcpy(token, DatumGetPointer(value), n);
	token_bytes(token_prf(masker), "m", token, n, keep);
	*result = PointerGetDatum(token);
	return true;
}

/* ---------- enums ---------- */

/* The labels in the order of the index, by name: OIDs change with a restore. */
static void
load_labels(Oid type, TokenState *state)
{
	Relation	rel = table_open(EnumRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	int			room = 8;

	state->labels = palloc(room * sizeof(Oid));
	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(type));
	scan = systable_beginscan(rel, EnumTypIdLabelIndexId, true, NULL, 1,
							  &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		if (state->nlabels == room)
		{
			room *= 2;
			state->labels = repalloc(state->labels, room * sizeof(Oid));
		}
		state->labels[state->nlabels++] =
			((Form_pg_enum) GETSTRUCT(tuple))->oid;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static bool
token_enum(HgMasker *masker, Datum value, Datum *result)
{
	const TokenState *state = (TokenState *) masker->state;
	Oid			label = DatumGetObjectId(value);
	int			i;

	for (i = 0; i < state->nlabels && state->labels[i] != label; i++)
		;
	if (i == state->nlabels)
		return false;
	i = (int) hg_permute_number(&state->prf, KIND_ENUM, i, state->nlabels);
	*result = ObjectIdGetDatum(state->labels[i]);
	return true;
}

/* ---------- setup ---------- */

static HgMaskFunction
token_function(HgShape shape)
{
	switch (shape)
	{
		case HG_SHAPE_TEXT:
		case HG_SHAPE_CITEXT:
		case HG_SHAPE_BPCHAR:
		case HG_SHAPE_NAME:
			return token_text;
		case HG_SHAPE_CHAR:
			return token_char;
		case HG_SHAPE_INT2:
			return token_int2;
		case HG_SHAPE_INT4:
			return token_int4;
		case HG_SHAPE_INT8:
		case HG_SHAPE_MONEY:
			return token_int8;
		case HG_SHAPE_NUMERIC:
			return token_numeric;
		case HG_SHAPE_FLOAT4:
			return token_float4;
		case HG_SHAPE_FLOAT8:
			return token_float8;
		case HG_SHAPE_DATE:
			return token_date;
		case HG_SHAPE_TIMESTAMP:
		case HG_SHAPE_TIMESTAMPTZ:
			return token_timestamp;
		case HG_SHAPE_TIME:
			return token_time;
		case HG_SHAPE_TIMETZ:
			return token_timetz;
		case HG_SHAPE_INTERVAL:
			return token_interval;
		case HG_SHAPE_BYTEA:
			return token_bytea;
		case HG_SHAPE_BIT:
		case HG_SHAPE_VARBIT:
			return token_bits;
		case HG_SHAPE_UUID:
			return token_uuid;
		case HG_SHAPE_INET:
		case HG_SHAPE_CIDR:
			return token_inet;
		case HG_SHAPE_MACADDR:
		case HG_SHAPE_MACADDR8:
			return token_macaddr;
		case HG_SHAPE_ENUM:
			return token_enum;
		default:
			return NULL;
	}
}

void
hg_setup_token(HgMasker *masker)
{
	HgMaskFunction mask = token_function(masker->shape);
	TokenState *state;

	if (mask == NULL)
		return;
	state = palloc0(sizeof(TokenState));
	if (!hg_key_for(masker->args, "token", &state->prf))
		return;
	if (masker->shape == HG_SHAPE_ENUM)
	{
		load_labels(masker->type, state);
		/* two labels would only change places */
		if (state->nlabels < 3)
			return;
	}
	masker->state = state;
	masker->mask = mask;
}
