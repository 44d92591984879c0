/*-------------------------------------------------------------------------
 *
 * method_date.c
 *	  Methods that make dates coarser: year and month.
 *
 * Always in UTC for timestamptz: the mask must not move with the TimeZone of
 * the session.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mask/method.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

typedef struct DateState
{
	bool		month;			/* keep the month */
} DateState;

static bool
coarse_date(HgMasker *masker, Datum value, Datum *result)
{
	const DateState *state = (DateState *) masker->state;
	DateADT		date = DatumGetDateADT(value);
	int			year;
	int			month;
	int			day;

	if (DATE_NOT_FINITE(date))
		return false;
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	if (!state->month)
		month = 1;
	if (!IS_VALID_JULIAN(year, month, 1))
		return false;
	date = date2j(year, month, 1) - POSTGRES_EPOCH_JDATE;
	if (!IS_VALID_DATE(date))
		return false;
	*result = DateADTGetDatum(date);
	return true;
}

static bool
coarse_timestamp(HgMasker *masker, Datum value, Datum *result)
{
	const DateState *state = (DateState *) masker->state;
	Timestamp	stamp = DatumGetTimestamp(value);
	struct pg_tm tm = {0};
	fsec_t		fsec;

	if (TIMESTAMP_NOT_FINITE(stamp) ||
		timestamp2tm(stamp, NULL, &tm, &fsec, NULL, NULL) != 0)
		return false;
	if (!state->month)
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

/*
 * Text that begins as a date of ISO 8601 does, with at most a time behind it:
 * 1984-05-06 becomes 1984-01-01.  Other text could hold anything.
 */
static bool
coarse_text(HgMasker *masker, Datum value, Datum *result)
{
	static const char pattern[] = "9999-99-99";
	const DateState *state = (DateState *) masker->state;
	char		out[sizeof(pattern)];
	int			len;
	const char *s = hg_text_get(masker, value, &len);
	int			i;

	if (len < sizeof(pattern) - 1)
		return false;
	for (i = 0; i < sizeof(pattern) - 1; i++)
	{
		if (pattern[i] == '9' ? s[i] < '0' || s[i] > '9' : s[i] != pattern[i])
			return false;
	}
	if (len > i && s[i] != 'T' && s[i] != ' ')
		return false;
	memcpy(out, s, sizeof(pattern) - 1);
	if (!state->month)
		memcpy(out + 5, "01", 2);
	memcpy(out + 8, "01", 2);
	*result = hg_text_make(masker, out, sizeof(pattern) - 1);
	return true;
}

static void
setup_coarse(HgMasker *masker, bool month)
{
	DateState  *state;
	HgMaskFunction mask;

	switch (masker->shape)
	{
		case HG_SHAPE_DATE:
			mask = coarse_date;
			break;
		case HG_SHAPE_TIMESTAMP:
		case HG_SHAPE_TIMESTAMPTZ:
			mask = coarse_timestamp;
			break;
		default:
			if (!hg_shape_is_text(masker->shape))
				return;
			mask = coarse_text;
			break;
	}
	state = palloc(sizeof(DateState));
	state->month = month;
	masker->state = state;
	masker->mask = mask;
}

void
hg_setup_year(HgMasker *masker)
{
	setup_coarse(masker, false);
}

void
hg_setup_month(HgMasker *masker)
{
	setup_coarse(masker, true);
}
