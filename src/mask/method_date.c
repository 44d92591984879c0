/*-------------------------------------------------------------------------
 *
 * method_date.c
 *	  Methods that make dates coarser: year.
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

static bool
year_of_date(HgMasker *masker, Datum value, Datum *result)
{
	DateADT		date = DatumGetDateADT(value);
	int			year;
	int			month;
	int			day;

	if (DATE_NOT_FINITE(date))
		return false;
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	if (!IS_VALID_JULIAN(year, 1, 1))
		return false;
	date = date2j(year, 1, 1) - POSTGRES_EPOCH_JDATE;
	if (!IS_VALID_DATE(date))
		return false;
	*result = DateADTGetDatum(date);
	return true;
}

static bool
year_of_timestamp(HgMasker *masker, Datum value, Datum *result)
{
	Timestamp	stamp = DatumGetTimestamp(value);
	struct pg_tm tm = {0};
	fsec_t		fsec;

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

void
hg_setup_year(HgMasker *masker)
{
	switch (masker->shape)
	{
		case HG_SHAPE_DATE:
			masker->mask = year_of_date;
			break;
		case HG_SHAPE_TIMESTAMP:
		case HG_SHAPE_TIMESTAMPTZ:
			masker->mask = year_of_timestamp;
			break;
		default:
			break;
	}
}
