/*-------------------------------------------------------------------------
 *
 * method_number.c
 *	  Methods on numbers and dates that change them a little: bucket and
 *	  noise; and arithmetic for others.
 *
 * What is not finite has no bucket and no noise and becomes NULL.  So does
 * what would leave the range of its type.
 *
 * Noise is chosen by the key and the value: the same value always gets the
 * same noise, and asking a hundred times does not help to average it out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <locale.h>
#include <math.h>

#include "common/int.h"
#include "mask/method.h"
#include "mask/method_key.h"
#include "mask/method_number.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

/* of utils/pg_locale.h, which needs the headers of ICU to be installed */
extern struct lconv *PGLC_localeconv(void);

/* buckets of seven days begin on Mondays: 2000-01-03, from 2000-01-01 */
#define DAY_ORIGIN 2

/* the factor of noise has so many digits */
#define NOISE_DIGITS 1000000000

typedef struct BucketState
{
	int64		size;			/* whole numbers */
	double		size_double;
	Numeric		size_numeric;
	int			days;
} BucketState;

typedef struct NoiseState
{
	HgPrf		prf;
	double		ratio;
	int			days;
} NoiseState;

/* ---------- arithmetic ---------- */

int64
hg_floor_div(int64 value, int64 divisor)
{
	int64		quotient = value / divisor;

	return quotient - (value % divisor < 0 ? 1 : 0);
}

int64
hg_grain_of(int64 value, int64 coarsest)
{
	int64		grain = USECS_PER_SEC;

	if (value % coarsest == 0)
		return coarsest;
	while (value % grain != 0)
		grain /= 10;
	return grain;
}

bool
hg_numeric_fit(int32 typmod, Datum value, Datum *result)
{
	int			precision;
	int			scale;
	int			before = 0;
	int			zeros = 0;
	const char *s;

	if (numeric_is_nan(DatumGetNumeric(value)) ||
		numeric_is_inf(DatumGetNumeric(value)))
		return false;
	if (typmod < (int32) VARHDRSZ)
	{
		*result = value;
		return true;
	}
	/* as numeric.c packs them: eleven bits of scale, with a sign */
	precision = ((typmod - VARHDRSZ) >> 16) & 0xFFFF;
	scale = ((((typmod - VARHDRSZ) & 0x7FF) ^ 1024) - 1024);
	value = DirectFunctionCall2(numeric_round, value, Int32GetDatum(scale));

	/* digits before the point, or zeros right behind it */
	s = DatumGetCString(DirectFunctionCall1(numeric_out, value));
	if (*s == '-')
		s++;
	while (*s == '0')
		s++;
	while (*s >= '0' && *s <= '9')
	{
		before++;
		s++;
	}
	if (before == 0 && *s == '.')
	{
		for (s++; *s == '0'; s++)
			zeros++;
	}
	if (*s != '\0' || before > 0)
	{
		if (before > 0 ? before > precision - scale :
			zeros < scale - precision)
			return false;
	}
	*result = value;
	return true;
}

int64
hg_money_unit(void)
{
	struct lconv *locale = PGLC_localeconv();
	int			digits = locale->frac_digits;
	int64		unit = 1;

	/* as cash.c takes it */
	if (digits < 0 || digits > 10)
		digits = 2;
	while (digits-- > 0)
		unit *= 10;
	return unit;
}

bool
hg_integer_range(HgShape shape, int64 *min, int64 *max)
{
	switch (shape)
	{
		case HG_SHAPE_INT2:
			*min = PG_INT16_MIN;
			*max = PG_INT16_MAX;
			return true;
		case HG_SHAPE_INT4:
			*min = PG_INT32_MIN;
			*max = PG_INT32_MAX;
			return true;
		case HG_SHAPE_INT8:
		case HG_SHAPE_MONEY:
			*min = PG_INT64_MIN;
			*max = PG_INT64_MAX;
			return true;
		default:
			return false;
	}
}

int64
hg_integer_get(HgShape shape, Datum value)
{
	switch (shape)
	{
		case HG_SHAPE_INT2:
			return DatumGetInt16(value);
		case HG_SHAPE_INT4:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

Datum
hg_integer_make(HgShape shape, int64 value)
{
	switch (shape)
	{
		case HG_SHAPE_INT2:
			return Int16GetDatum((int16) value);
		case HG_SHAPE_INT4:
			return Int32GetDatum((int32) value);
		default:
			return Int64GetDatum(value);
	}
}

/* A double as a float4, if it is one. */
static bool
make_float4(double number, Datum *result)
{
	if (isnan(number) || fabs(number) > FLT_MAX)
		return false;
	*result = Float4GetDatum((float4) number);
	return true;
}

static bool
make_float8(double number, Datum *result)
{
	if (isnan(number) || isinf(number))
		return false;
	*result = Float8GetDatum(number);
	return true;
}

/* ---------- bucket ---------- */

static bool
bucket_integer(HgMasker *masker, Datum value, Datum *result)
{
	const BucketState *state = (BucketState *) masker->state;
	int64		number = hg_integer_get(masker->shape, value);
	int64		min = 0;
	int64		max = 0;

	(void) hg_integer_range(masker->shape, &min, &max);
	if (pg_mul_s64_overflow(hg_floor_div(number, state->size), state->size,
							&number) ||
		number < min)
		return false;
	*result = hg_integer_make(masker->shape, number);
	return true;
}

static bool
bucket_float8(HgMasker *masker, Datum value, Datum *result)
{
	double		size = ((BucketState *) masker->state)->size_double;

	return make_float8(floor(DatumGetFloat8(value) / size) * size, result);
}

static bool
bucket_float4(HgMasker *masker, Datum value, Datum *result)
{
	double		size = ((BucketState *) masker->state)->size_double;

	return make_float4(floor((double) DatumGetFloat4(value) / size) * size,
					   result);
}

static bool
bucket_numeric(HgMasker *masker, Datum value, Datum *result)
{
	Numeric		size = ((BucketState *) masker->state)->size_numeric;
	Numeric		number = DatumGetNumeric(value);
	Numeric		rest;
	bool		error = false;
	double		sign;

	if (numeric_is_nan(number) || numeric_is_inf(number))
		return false;
	rest = numeric_mod_opt_error(number, size, &error);
	if (error)
		return false;
	number = numeric_sub_opt_error(number, rest, &error);
	if (error)
		return false;
	sign = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  DirectFunctionCall1(numeric_sign,
																  NumericGetDatum(rest))));
	if (sign < 0)
		number = numeric_sub_opt_error(number, size, &error);
	return !error &&
		hg_numeric_fit(masker->typmod, NumericGetDatum(number), result);
}

/* The first day of the bucket of a day; days are from 2000-01-01. */
static int64
bucket_day(const BucketState *state, int64 day)
{
	return hg_floor_div(day - DAY_ORIGIN, state->days) * state->days +
		DAY_ORIGIN;
}

static bool
bucket_date(HgMasker *masker, Datum value, Datum *result)
{
	DateADT		date = DatumGetDateADT(value);
	int64		day;

	if (DATE_NOT_FINITE(date))
		return false;
	day = bucket_day((BucketState *) masker->state, date);
	if (!IS_VALID_DATE(day))
		return false;
	*result = DateADTGetDatum((DateADT) day);
	return true;
}

/* In UTC, as method_date.c does it. */
static bool
bucket_timestamp(HgMasker *masker, Datum value, Datum *result)
{
	Timestamp	stamp = DatumGetTimestamp(value);

	if (TIMESTAMP_NOT_FINITE(stamp))
		return false;
	stamp = bucket_day((BucketState *) masker->state,
					   hg_floor_div(stamp, USECS_PER_DAY)) * USECS_PER_DAY;
	if (!IS_VALID_TIMESTAMP(stamp))
		return false;
	*result = TimestampGetDatum(stamp);
	return true;
}

void
hg_setup_bucket(HgMasker *masker)
{
	BucketState *state = palloc0(sizeof(BucketState));
	JsonbValue	size;
	HgMaskFunction mask = NULL;

	state->size_double = hg_args_double(masker->args, "size", 0);
	state->days = hg_args_int(masker->args, "days", 0, HG_MAX_DAYS);
	if (state->size_double > 0 && !isinf(state->size_double))
	{
		switch (masker->shape)
		{
			case HG_SHAPE_INT2:
			case HG_SHAPE_INT4:
			case HG_SHAPE_INT8:
				/* a bucket of one would show the number */
				if (state->size_double >= 2 &&
					state->size_double < 9e18 &&
					state->size_double == rint(state->size_double))
				{
					state->size = (int64) state->size_double;
					mask = bucket_integer;
				}
				break;
			case HG_SHAPE_MONEY:
				state->size_double = rint(state->size_double *
										  hg_money_unit());
				if (state->size_double >= 2 && state->size_double < 9e18)
				{
					state->size = (int64) state->size_double;
					mask = bucket_integer;
				}
				break;
			case HG_SHAPE_FLOAT4:
				mask = bucket_float4;
				break;
			case HG_SHAPE_FLOAT8:
				mask = bucket_float8;
				break;
			case HG_SHAPE_NUMERIC:
				(void) hg_args_get(masker->args, "size", &size);
				state->size_numeric =
					DatumGetNumericCopy(NumericGetDatum(size.val.numeric));
				mask = bucket_numeric;
				break;
			default:
				break;
		}
	}
	if (state->days > 0)
	{
		switch (masker->shape)
		{
			case HG_SHAPE_DATE:
				/* likewise */
				if (state->days > 1)
					mask = bucket_date;
				break;
			case HG_SHAPE_TIMESTAMP:
			case HG_SHAPE_TIMESTAMPTZ:
				mask = bucket_timestamp;
				break;
			default:
				break;
		}
	}
	masker->state = state;
	masker->mask = mask;
}

/* ---------- noise ---------- */

/*
 * A number from 1 to amplitude, or one from -amplitude to -1; kind tells
 * apart what is not comparable.
 */
static int64
noise_whole(const NoiseState *state, char kind, int64 value, int64 amplitude)
{
	uint8		message[9];
	uint8		out[HG_PRF_LENGTH];
	uint64		bits = pg_hton64((uint64) value);
	int64		noise;

	message[0] = (uint8) kind;
	memcpy(message + 1, &bits, 8);
	hg_prf(&state->prf, message, sizeof(message), out);
	noise = 1 + (int64) (hg_prf_number(out) % (uint64) amplitude);
	return (out[HG_PRF_LENGTH - 1] & 1) ? noise : -noise;
}

/* A factor between -1 and 1 that is not 0, in steps of 1 / NOISE_DIGITS. */
static int64
noise_steps(const NoiseState *state, const void *bytes, size_t len)
{
	uint8		out[HG_PRF_LENGTH];
	int64		steps;

	hg_prf(&state->prf, bytes, len, out);
	steps = 1 + (int64) (hg_prf_number(out) % NOISE_DIGITS);
	return (out[HG_PRF_LENGTH - 1] & 1) ? steps : -steps;
}

static bool
noise_integer(HgMasker *masker, Datum value, Datum *result)
{
	const NoiseState *state = (NoiseState *) masker->state;
	int64		number = hg_integer_get(masker->shape, value);
	double		wide = fabs((double) number) * state->ratio;
	int64		amplitude = wide >= 9e18 ? PG_INT64_MAX : (int64) wide;
	int64		min = 0;
	int64		max = 0;
	int64		noise;
	int64		sum;

	(void) hg_integer_range(masker->shape, &min, &max);
	noise = noise_whole(state, 'i', number, Max(amplitude, 1));
	if (number == 0)
		noise = 1;
	if (pg_add_s64_overflow(number, noise, &sum) || sum < min || sum > max)
		sum = number - noise;
	*result = hg_integer_make(masker->shape, sum);
	return true;
}

/* The number with its noise. */
static double
noise_double(const NoiseState *state, double number)
{
	double		factor = (double) noise_steps(state, &number,
											  sizeof(number)) / NOISE_DIGITS;

	return number == 0 ? fabs(factor) * state->ratio :
		number + number * factor * state->ratio;
}

static bool
noise_float8(HgMasker *masker, Datum value, Datum *result)
{
	double		number = DatumGetFloat8(value);
	double		sum = noise_double((NoiseState *) masker->state, number);

	/* too small a number to have noise */
	return sum != number && make_float8(sum, result);
}

static bool
noise_float4(HgMasker *masker, Datum value, Datum *result)
{
	double		number = DatumGetFloat4(value);
	double		sum = noise_double((NoiseState *) masker->state, number);

	return (float4) sum != (float4) number && make_float4(sum, result);
}

/*
 * number + number * steps / NOISE_DIGITS * ratio, rounded as the number is,
 * and at least one of its last digit away from it.
 */
static bool
noise_numeric(HgMasker *masker, Datum value, Datum *result)
{
	const NoiseState *state = (NoiseState *) masker->state;
	Numeric		number = DatumGetNumeric(value);
	Numeric		sum;
	Datum		noise;
	char	   *s;
	int			scale;
	int			attempt;
	int64		steps;
	bool		error = false;

	if (numeric_is_nan(number) || numeric_is_inf(number))
		return false;
	s = DatumGetCString(DirectFunctionCall1(numeric_out,
											DirectFunctionCall1(numeric_trim_scale,
																value)));
	steps = noise_steps(state, s, strlen(s));
	scale = DatumGetInt32(DirectFunctionCall1(numeric_scale, value));
	sum = numeric_mul_opt_error(number,
								DatumGetNumeric(DirectFunctionCall1(float8_numeric,
																	Float8GetDatum((double) steps / NOISE_DIGITS * state->ratio))),
								&error);
	if (error)
		return false;
	noise = DirectFunctionCall2(numeric_round, NumericGetDatum(sum),
								Int32GetDatum(scale));
	if (DatumGetBool(DirectFunctionCall2(numeric_eq, noise,
										 NumericGetDatum(int64_to_numeric(0)))))
		noise = NumericGetDatum(int64_div_fast_to_numeric(steps < 0 ? -1 : 1,
														  scale));
	for (attempt = 0; attempt < 2; attempt++)
	{
		sum = attempt == 0 ?
			numeric_add_opt_error(number, DatumGetNumeric(noise), &error) :
			numeric_sub_opt_error(number, DatumGetNumeric(noise), &error);
		/* a scale below zero may have rounded the noise away */
		if (!error &&
			hg_numeric_fit(masker->typmod, NumericGetDatum(sum), result) &&
			!DatumGetBool(DirectFunctionCall2(numeric_eq, value, *result)))
			return true;
		error = false;
	}
	return false;
}

static bool
noise_date(HgMasker *masker, Datum value, Datum *result)
{
	const NoiseState *state = (NoiseState *) masker->state;
	DateADT		date = DatumGetDateADT(value);
	int64		day;
	int64		noise;

	if (DATE_NOT_FINITE(date))
		return false;
	noise = noise_whole(state, 'd', date, state->days);
	day = (int64) date + noise;
	if (!IS_VALID_DATE(day))
		day = (int64) date - noise;
	*result = DateADTGetDatum((DateADT) day);
	return true;
}

/* Whole days for midnights, whole seconds for whole seconds, and so on. */
static bool
noise_timestamp(HgMasker *masker, Datum value, Datum *result)
{
	const NoiseState *state = (NoiseState *) masker->state;
	Timestamp	stamp = DatumGetTimestamp(value);
	int64		grain;
	int64		noise;

	if (TIMESTAMP_NOT_FINITE(stamp))
		return false;
	grain = hg_grain_of(stamp, USECS_PER_DAY);
	noise = noise_whole(state, 't', stamp,
						state->days * (USECS_PER_DAY / grain)) * grain;
	if (!IS_VALID_TIMESTAMP(stamp + noise))
		noise = -noise;
	*result = TimestampGetDatum(stamp + noise);
	return true;
}

void
hg_setup_noise(HgMasker *masker)
{
	NoiseState *state = palloc0(sizeof(NoiseState));
	HgMaskFunction mask = NULL;

	state->ratio = hg_args_double(masker->args, "ratio", 0);
	state->days = hg_args_int(masker->args, "days", 0, HG_MAX_DAYS);
	switch (masker->shape)
	{
		case HG_SHAPE_INT2:
		case HG_SHAPE_INT4:
		case HG_SHAPE_INT8:
		case HG_SHAPE_MONEY:
			mask = noise_integer;
			break;
		case HG_SHAPE_FLOAT4:
			mask = noise_float4;
			break;
		case HG_SHAPE_FLOAT8:
			mask = noise_float8;
			break;
		case HG_SHAPE_NUMERIC:
			mask = noise_numeric;
			break;
		case HG_SHAPE_DATE:
			mask = noise_date;
			break;
		case HG_SHAPE_TIMESTAMP:
		case HG_SHAPE_TIMESTAMPTZ:
			mask = noise_timestamp;
			break;
		default:
			return;
	}
	if (mask == noise_date || mask == noise_timestamp ? state->days <= 0 :
		!(state->ratio > 0 && state->ratio <= 1))
		return;
	if (!hg_key_for(masker->args, "noise", &state->prf))
		return;
	masker->state = state;
	masker->mask = mask;
}
