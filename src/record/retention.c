/*-------------------------------------------------------------------------
 *
 * retention.c
 *	  Removing events and outcomes that are older than hoopguard.retention.
 *
 * What goes is whole weeks: their partitions, and rows of these weeks that
 * went to the default partitions.  A week's events and outcomes have seals of
 * their own, which stay, and a note that is sealed itself says which week was
 * removed.  So verify_audit() knows what may be missing, and from then on
 * finds only a row that is missing elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/duration.h"
#include "base/guc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "record/record_store.h"
#include "record/retention.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(hoopguard__retention);

/* Before when weeks must have ended to go; false: none does. */
static bool
limit_of(TimestampTz *limit)
{
	if (hg_guc_retention_days <= 0)
		return false;
	*limit = GetCurrentTimestamp() -
		(TimestampTz) hg_guc_retention_days * USECS_PER_DAY;
	return true;
}

bool
hg_retention_due(void)
{
	Oid			types[] = {TIMESTAMPTZOID};
	Datum		values[1];
	TimestampTz limit;

	if (!limit_of(&limit))
		return false;
	values[0] = TimestampTzGetDatum(limit);
	if (SPI_execute_with_args("SELECT FROM hoopguard._weeks w"
							  " WHERE w.week_to OPERATOR(pg_catalog.<=) $1"
							  " LIMIT 1",
							  1, types, values, NULL, true, 1) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not look for old partitions");
	return SPI_processed > 0;
}

void
hg_retention_run(void)
{
	Oid			types[] = {TIMESTAMPTZOID};
	Datum		values[1];
	TimestampTz limit;
	SPITupleTable *table;
	uint64		n;
	uint64		i;

	if (!limit_of(&limit))
		return;
	values[0] = TimestampTzGetDatum(limit);
	if (SPI_execute_with_args("SELECT hoopguard._retain($1)::pg_catalog.text",
							  1, types, values, NULL, false, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not remove old partitions");
	table = SPI_tuptable;
	n = SPI_processed;
	for (i = 0; i < n; i++)
	{
		char	   *detail = SPI_getvalue(table->vals[i], table->tupdesc, 1);

		CHECK_FOR_INTERRUPTS();
		hg_store_note("retention", detail);
		ereport(LOG,
				(errmsg("hoopguard recorder: removed old events: %s",
						detail)));
	}
}

/* _retention() returns interval: hoopguard.retention, NULL for ever. */
Datum
hoopguard__retention(PG_FUNCTION_ARGS)
{
	Interval   *result;

	if (hg_guc_retention_days <= 0)
		PG_RETURN_NULL();
	result = palloc0(sizeof(Interval));
	result->day = hg_guc_retention_days;
	PG_RETURN_INTERVAL_P(result);
}
