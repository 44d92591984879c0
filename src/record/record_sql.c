/*-------------------------------------------------------------------------
 *
 * record_sql.c
 *	  The record's SQL-callable functions: flush and the state of the workers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "base/report.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "record/lane_shared.h"
#include "record/watch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(hoopguard_flush);
PG_FUNCTION_INFO_V1(hoopguard__flushed_seal);
PG_FUNCTION_INFO_V1(hoopguard__record_status);

/* flush(timeout interval) returns bool */
Datum
hoopguard_flush(PG_FUNCTION_ARGS)
{
	Interval   *timeout = PG_GETARG_INTERVAL_P(0);
	double		ms;

	if (hg_lane_shared == NULL)
		hg_report_not_preloaded();

	/* Months are of 30 days here; nobody waits for one. */
	ms = timeout->time / 1000.0 +
		(timeout->day + 30.0 * timeout->month) * 86400000.0;
	if (ms < 0)
		ms = 0;
	if (ms > 86400000.0)
		ms = 86400000.0;
	PG_RETURN_BOOL(hg_lane_flush((long) ms));
}

/*
 * _flushed_seal() returns bigint: the last seal of this database, which is on
 * disk now; NULL if its recorder has written none yet.
 */
Datum
hoopguard__flushed_seal(PG_FUNCTION_ARGS)
{
	HgSealMark	mark;
	XLogRecPtr	lsn = hg_lane_sealed(&mark);

	if (mark.seal_id == 0 || RecoveryInProgress())
		PG_RETURN_NULL();
	XLogFlush(lsn);
	PG_RETURN_INT64(mark.seal_id);
}

static void
put_row(ReturnSetInfo *rsinfo, const char *item, const char *value, bool ok)
{
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	values[0] = CStringGetTextDatum(item);
	if (value != NULL)
		values[1] = CStringGetTextDatum(value);
	else
	{
		values[1] = (Datum) 0;
		nulls[1] = true;
	}
	values[2] = BoolGetDatum(ok);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * _record_status() returns TABLE(item text, value text, ok bool).  Reads
 * shared memory as it is; only the slots are copied under the lock.
 */
Datum
hoopguard__record_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HgRecorderSlot *slots;
	uint64		bytes = 0;
	uint64		oldest = 0;
	uint64		number;
	int			in_use = 0;
	int			orphans = 0;
	int			pid;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	put_row(rsinfo, "preloaded", hg_lane_shared ? "yes" : "no",
			hg_lane_shared != NULL);
	if (hg_lane_shared == NULL)
		return (Datum) 0;

	put_row(rsinfo, "audit durability",
			psprintf("%s, %s on failure",
					 GetConfigOption("hoopguard.audit_durability", false, false),
					 GetConfigOption("hoopguard.on_audit_failure", false, false)),
			true);
	slots = palloc(sizeof(HgRecorderSlot) * HG_RECORDER_SLOTS);
	LWLockAcquire(hg_lane_shared->lock, LW_SHARED);
	memcpy(slots, hg_lane_shared->slots,
		   sizeof(HgRecorderSlot) * HG_RECORDER_SLOTS);
	pid = hg_lane_shared->launcher_pid;
	LWLockRelease(hg_lane_shared->lock);

	for (i = 0; i < hg_lane_shared->nlanes; i++)
	{
		HgLane	   *lane = &hg_lane_shared->lanes[i];
		uint32		state = pg_atomic_read_u32(&lane->state);
		uint64		used;

		if (state == HG_LANE_FREE)
			continue;
		in_use++;
		if (state == HG_LANE_ORPHANED)
			orphans++;
		used = pg_atomic_read_u64(&lane->head) -
			pg_atomic_read_u64(&lane->durable);
		if (used == 0)
			continue;
		bytes += used;
		number = pg_atomic_read_u64(&lane->pending_since);
		if (oldest == 0 || number < oldest)
			oldest = number;
	}

	put_row(rsinfo, "launcher", pid ? psprintf("pid %d", pid) : "not running",
			pid != 0 || RecoveryInProgress());
	put_row(rsinfo, "lanes in use",
			psprintf("%d of %d, %d of sessions that ended", in_use,
					 hg_lane_shared->nlanes, orphans),
			in_use < hg_lane_shared->nlanes);
	put_row(rsinfo, "queue bytes", psprintf(UINT64_FORMAT, bytes), true);
	if (oldest != 0)
	{
		double		age = (double) (GetCurrentTimestamp() -
									(TimestampTz) oldest) / USECS_PER_SEC;

		put_row(rsinfo, "oldest unrecorded event",
				psprintf("%.3f s", Max(age, 0.0)), age < HG_RECORD_LATE_S);
	}
	else
		put_row(rsinfo, "oldest unrecorded event", NULL, true);
	number = pg_atomic_read_u64(&hg_lane_shared->lost);
	put_row(rsinfo, "lost events", psprintf(UINT64_FORMAT, number),
			number == 0);
	number = pg_atomic_read_u64(&hg_lane_shared->released);
	put_row(rsinfo, "released unflushed", psprintf(UINT64_FORMAT, number),
			number == 0);
	number = pg_atomic_read_u64(&hg_lane_shared->discarded);
	put_row(rsinfo, "discarded without extension",
			psprintf(UINT64_FORMAT, number), true);

	for (i = 0; i < HG_RECORDER_SLOTS; i++)
	{
		HgRecorderSlot *slot = &slots[i];
		StringInfoData buf;
		char	   *name;
		uint64		skipped;

		if (!OidIsValid(slot->dboid))
			continue;

		/* Slots outlive their use: dropped databases, mere stops. */
		name = get_database_name(slot->dboid);
		if (slot->pid == 0 && slot->blocked == 0 && !slot->starting &&
			(name == NULL ||
			 (pg_atomic_read_u64(&slot->events_written) == 0 &&
			  slot->last_error[0] == '\0')))
			continue;
		initStringInfo(&buf);
		if (slot->pid != 0)
			appendStringInfo(&buf, "pid %d", slot->pid);
		else if (slot->blocked > 0)
			appendStringInfoString(&buf, "stopped for a change of the database");
		else if (slot->starting)
			appendStringInfoString(&buf, "starting");
		else
			appendStringInfoString(&buf, "idle");
		appendStringInfo(&buf, ", " UINT64_FORMAT " events",
						 pg_atomic_read_u64(&slot->events_written));
		skipped = pg_atomic_read_u64(&slot->skipped);
		if (skipped > 0)
			appendStringInfo(&buf, ", " UINT64_FORMAT " records skipped",
							 skipped);
		if (slot->last_error[0] != '\0')
		{
			slot->last_error[HG_ERROR_TEXT - 1] = '\0';
			appendStringInfo(&buf, ", last error at %s: %s",
							 timestamptz_to_str(slot->last_error_at),
							 slot->last_error);
		}
		put_row(rsinfo,
				psprintf("recorder %s", name ? name :
						 psprintf("of dropped database %u", slot->dboid)),
				buf.data,
				skipped == 0 && (slot->failures < 3 || slot->pid != 0) &&
				slot->last_error_at <= slot->last_commit_at);
	}
	return (Datum) 0;
}
