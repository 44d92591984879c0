/*-------------------------------------------------------------------------
 *
 * limits_sql.c
 *	  What is left of the limits, and the recorder's part.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/catalog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "guard/limits_private.h"
#include "miscadmin.h"
#include "record/recorder.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(hoopguard_limits_left);
PG_FUNCTION_INFO_V1(hoopguard__limits_status);

/*
 * limits_left() returns (kind, per, value, used, left, until, action)
 *
 * The limits that hold for the caller and what is used of them.  A subject
 * may know its own; the number of the limit, but nobody else's counts.
 */
Datum
hoopguard_limits_left(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const HgArmed *armed = NULL;
	const HgIdentity *who;

	InitMaterializedSRF(fcinfo, 0);
	if (!hg_catalog_present())
		return (Datum) 0;
	who = hg_subject_current();
	if (who->governed)
		armed = hg_limits_armed(hg_policy_get(who));
	if (armed == NULL)
		return (Datum) 0;

	for (int i = 0; i < armed->first[HG_LIMIT_KINDS]; i++)
	{
		const HgArmedLimit *limit = &armed->limits[i];
		TimestampTz until = 0;
		int64		used = 0;
		Datum		values[7];
		bool		nulls[7] = {0};

		switch (limit->span)
		{
			case HG_SPAN_STATEMENT:
				if (hg_limits_current != NULL)
					used = hg_limits_current->used[limit->kind];
				break;
			case HG_SPAN_TRANSACTION:
				used = hg_limits_xact[limit->kind];
				break;
			case HG_SPAN_SESSION:
				used = hg_limits_session[limit->kind];
				break;
			case HG_SPAN_WINDOW:
				if (limit->window == NULL)
					used = limit->value;
				else
				{
					used = hg_window_used(limit->window);
					until = hg_window_frees_at(limit->window);
				}
				break;
		}
		values[0] = CStringGetTextDatum(hg_limits_kind_name(limit->kind));
		values[1] = CStringGetTextDatum(limit->per);
		values[2] = Int64GetDatum(limit->value / limit->scale);
		values[3] = Int64GetDatum(used / limit->scale);
		values[4] = Int64GetDatum(Max(0, limit->value - used) / limit->scale);
		values[5] = TimestampTzGetDatum(until);
		nulls[5] = until == 0;
		values[6] = CStringGetTextDatum(limit->soft ? "warn" : "deny");
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

/*
 * _limits_status() returns (item, value, ok): how many windows are in use in
 * the cluster, and those of this database.
 */
Datum
hoopguard__limits_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HgWindow   *look = palloc(sizeof(HgWindow));
	Datum		values[3];
	bool		nulls[3] = {0};
	int			used = 0;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < HG_WINDOWS_MAX; i++)
	{
		char	   *subject;
		int64		total;

		CHECK_FOR_INTERRUPTS();
		if (!hg_window_look(i, look))
			continue;
		used++;
		if (look->database != MyDatabaseId)
			continue;
		subject = GetUserNameFromId(look->subject, true);
		total = (int64) pg_atomic_read_u64(&look->total);
		if (look->kind == HG_LIMIT_RUN_MS)
			total /= 1000;
		values[0] = CStringGetTextDatum(psprintf("window of limit %d, %s",
												 look->limit_id,
												 subject ? subject : "(dropped)"));
		values[1] = CStringGetTextDatum(psprintf(INT64_FORMAT " %s in "
												 INT64_FORMAT " s", total,
												 hg_limits_kind_name(look->kind),
												 look->span_us / USECS_PER_SEC));
		values[2] = BoolGetDatum(pg_atomic_read_u32(&look->state) ==
								 HG_WINDOW_READY);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	values[0] = CStringGetTextDatum("windows of limits");
	values[1] = CStringGetTextDatum(psprintf("%d of %d in use", used,
											 HG_WINDOWS_MAX));
	values[2] = BoolGetDatum(used < HG_WINDOWS_MAX);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}

/* A session that meets an empty window wakes us; there is nothing else. */
static long
tick(bool committed)
{
	if (!committed)
		(void) hg_window_seed_all();
	return -1;
}

void
hg_limits_register(void)
{
	hg_recorder_register_tick(tick);
}
