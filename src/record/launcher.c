/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  Starts a recorder for each database whose lanes hold records.
 *
 * It is connected to no database, only to the shared catalogs, so that it can
 * tell a database that was dropped, whose records nobody can ever store, from
 * one whose recorder has trouble.  It never stands in the way of DROP
 * DATABASE.  Sessions set its latch when they find no recorder.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "base/catalog.h"
#include "catalog/pg_database.h"
#include "catalog/pg_shseclabel.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "record/lane_shared.h"
#include "record/recorder.h"
#include "storage/ipc.h"
#include "storage/procsignal.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* With nothing to do it looks round this often, in case a wake-up got lost. */
#define IDLE_SLEEP_MS 10000

/* A start that failed is tried again after so long, doubling. */
#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 30000

/* Databases seen to in one turn. */
#define MAX_WANTED HG_RECORDER_SLOTS

typedef struct Started
{
	HgRecorderSlot *slot;
	Oid			dboid;
	BackgroundWorkerHandle *handle;
} Started;

static Started started[HG_RECORDER_SLOTS];
static int	nstarted = 0;

void
hg_recorder_register_launcher(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 1;
	strlcpy(worker.bgw_library_name, "hoopguard",
			sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "hg_launcher_main",
			sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "hoopguard launcher", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "hoopguard launcher", sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}

static void
launcher_on_exit(int code, Datum arg)
{
	LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
	if (hg_lane_shared->launcher_pid == MyProcPid)
	{
		hg_lane_shared->launcher_pid = 0;
		hg_lane_shared->launcher_latch = NULL;
	}
	LWLockRelease(hg_lane_shared->lock);
}

/* Does the database exist, and can it be connected to at all? */
static bool
database_usable(Oid dboid)
{
	Relation	rel;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	bool		result = false;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_database_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(dboid));
	scan = systable_beginscan(rel, DatabaseOidIndexId,
							  criticalSharedRelcachesBuilt, NULL, 1, &key);
	tuple = systable_getnext(scan);

	/* A negative limit but -1 marks a DROP DATABASE that was cut short. */
	if (HeapTupleIsValid(tuple))
		result = ((Form_pg_database) GETSTRUCT(tuple))->datconnlimit >= -1;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	return result;
}

/*
 * Databases whose outbox may hold something: add_sink() labels them.  Their
 * recorders look at it when the server starts, without waiting for a session.
 */
static void
wake_outboxes(void)
{
	Relation	rel;
	TupleDesc	desc;
	SysScanDesc scan;
	HeapTuple	tuple;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(SharedSecLabelRelationId, AccessShareLock);
	desc = RelationGetDescr(rel);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_shseclabel label = (Form_pg_shseclabel) GETSTRUCT(tuple);
		bool		isnull;
		Datum		provider;

		provider = heap_getattr(tuple, Anum_pg_shseclabel_provider, desc,
								&isnull);
		if (label->classoid == DatabaseRelationId && !isnull &&
			strcmp(TextDatumGetCString(provider), "hoopguard") == 0)
			hg_lane_wake(label->objoid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
}

/* The database is gone: so is the meaning of its records. */
static void
discard_lanes(Oid dboid)
{
	int			i;

	LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
	for (i = 0; i < hg_lane_shared->nlanes; i++)
	{
		HgLane	   *lane = &hg_lane_shared->lanes[i];
		HgRecorderSlot *slot = hg_lane_find_slot(dboid, false);
		uint64		head;

		if (slot != NULL && slot->pid != 0)
			break;
		if (pg_atomic_read_u32(&lane->state) != HG_LANE_ORPHANED ||
			lane->dboid != dboid)
			continue;
		head = pg_atomic_read_u64(&lane->head);
		if (pg_atomic_read_u64(&lane->tail) != head)
			pg_atomic_fetch_add_u64(&hg_lane_shared->discarded, 1);
		pg_atomic_write_u64(&lane->tail, head);
		pg_atomic_write_u64(&lane->durable, head);
	}
	LWLockRelease(hg_lane_shared->lock);
	hg_lane_free_orphans(dboid);
}

/*
 * Look after the starts under way: one that came to nothing is no longer
 * "starting", and its database has to wait before the next.
 */
static void
check_started(void)
{
	int			i;

	for (i = 0; i < nstarted;)
	{
		Started    *one = &started[i];
		pid_t		pid;
		BgwHandleStatus status = GetBackgroundWorkerPid(one->handle, &pid);
		bool		gone = false;

		if (status == BGWH_NOT_YET_STARTED)
		{
			i++;
			continue;
		}
		LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
		if (one->slot->dboid == one->dboid)
		{
			if (status == BGWH_STOPPED)
			{
				one->slot->starting = false;
				gone = (one->slot->pid == 0);
			}

			/* Started but no longer starting and not claimed: it has gone. */
			if (one->slot->starting == false)
				gone = true;
		}
		else
			gone = true;
		LWLockRelease(hg_lane_shared->lock);
		if (!gone)
		{
			i++;
			continue;
		}
		pfree(one->handle);
		started[i] = started[--nstarted];
	}
}

/*
 * The postmaster has no worker left: recorders that are idle make room.  The
 * lock is held.
 */
static void
ask_to_yield(void)
{
	int			i;

	for (i = 0; i < HG_RECORDER_SLOTS; i++)
	{
		HgRecorderSlot *slot = &hg_lane_shared->slots[i];

		if (slot->pid == 0)
			continue;
		pg_atomic_write_u32(&slot->yield, 1);
		if (slot->latch != NULL && pg_atomic_read_u32(&slot->sleeping) != 0)
			SetLatch(slot->latch);
	}
}

/* Ask the postmaster for a recorder. */
static void
start_recorder(Oid dboid)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle = NULL;
	HgRecorderSlot *slot;
	TimestampTz now = GetCurrentTimestamp();
	bool		ok = false;

	LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
	slot = hg_lane_find_slot(dboid, true);
	if (slot != NULL && slot->pid == 0 && !slot->starting &&
		slot->blocked == 0 && now >= slot->next_try &&
		nstarted < HG_RECORDER_SLOTS)
	{
		/* Reset by the recorder once it is connected. */
		long		delay = BACKOFF_MIN_MS;
		int			i;

		for (i = 0; i < slot->failures && delay < BACKOFF_MAX_MS; i++)
			delay *= 2;
		slot->failures++;
		slot->next_try = TimestampTzPlusMilliseconds(now,
													 Min(delay, BACKOFF_MAX_MS));
		slot->starting = true;
		slot->last_used = now;
		ok = true;
	}
	LWLockRelease(hg_lane_shared->lock);
	if (!ok)
		return;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "hoopguard",
			sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "hg_recorder_main",
			sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_name, sizeof(worker.bgw_name),
			 "hoopguard recorder for database %u", dboid);
	strlcpy(worker.bgw_type, "hoopguard recorder", sizeof(worker.bgw_type));
	worker.bgw_main_arg = ObjectIdGetDatum(dboid);
	worker.bgw_notify_pid = MyProcPid;
	if (RegisterDynamicBackgroundWorker(&worker, &handle))
	{
		started[nstarted].slot = slot;
		started[nstarted].dboid = dboid;
		started[nstarted].handle = handle;
		nstarted++;
		return;
	}
	LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
	slot->starting = false;
	slot->next_try = TimestampTzPlusMilliseconds(now, BACKOFF_MIN_MS);
	hg_lane_note_error(slot, "no free background worker slot: raise max_worker_processes");
	ask_to_yield();
	LWLockRelease(hg_lane_shared->lock);
}

/*
 * Databases that need a recorder now, and the ms until another may; both
 * under one shared lock.
 */
static int
find_wanted(Oid *wanted, long *sleep_ms)
{
	TimestampTz now = GetCurrentTimestamp();
	int			n = 0;
	int			i;
	int			j;

	LWLockAcquire(hg_lane_shared->lock, LW_SHARED);
	for (i = 0; i < hg_lane_shared->nlanes + HG_RECORDER_SLOTS; i++)
	{
		HgRecorderSlot *slot;
		Oid			dboid;

		if (i < hg_lane_shared->nlanes)
		{
			HgLane	   *lane = &hg_lane_shared->lanes[i];

			if (pg_atomic_read_u32(&lane->state) == HG_LANE_FREE ||
				pg_atomic_read_u64(&lane->head) ==
				pg_atomic_read_u64(&lane->durable))
				continue;
			dboid = lane->dboid;
		}
		else
		{
			slot = &hg_lane_shared->slots[i - hg_lane_shared->nlanes];
			if (!OidIsValid(slot->dboid) ||
				pg_atomic_read_u32(&slot->poked) == 0)
				continue;
			dboid = slot->dboid;
		}

		slot = hg_lane_find_slot(dboid, false);
		if (slot != NULL)
		{
			if (slot->pid != 0 || slot->starting || slot->blocked > 0)
				continue;
			if (now < slot->next_try)
			{
				*sleep_ms = Min(*sleep_ms,
								TimestampDifferenceMilliseconds(now,
																slot->next_try) + 1);
				continue;
			}
		}
		for (j = 0; j < n; j++)
		{
			if (wanted[j] == dboid)
				break;
		}
		if (j == n && n < MAX_WANTED)
			wanted[n++] = dboid;
	}
	LWLockRelease(hg_lane_shared->lock);
	return n;
}

void
hg_launcher_main(Datum arg)
{
	int			i;

	hg_in_worker = true;
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	if (hg_lane_shared == NULL)
		proc_exit(0);			/* never again */
	BackgroundWorkerInitializeConnectionByOid(InvalidOid, InvalidOid, 0);
	SetConfigOption("application_name", "hoopguard launcher", PGC_USERSET,
					PGC_S_SESSION);
	pgstat_report_activity(STATE_IDLE, NULL);

	on_shmem_exit(launcher_on_exit, (Datum) 0);
	LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
	hg_lane_shared->launcher_pid = MyProcPid;
	hg_lane_shared->launcher_latch = MyLatch;
	hg_lane_shared->stopping = false;

	/* What an earlier launcher had asked for is not known any more. */
	for (i = 0; i < HG_RECORDER_SLOTS; i++)
		hg_lane_shared->slots[i].starting = false;
	LWLockRelease(hg_lane_shared->lock);

	wake_outboxes();
	while (!ShutdownRequestPending)
	{
		Oid			wanted[MAX_WANTED];
		long		sleep_ms = IDLE_SLEEP_MS;
		int			n;

		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		check_started();
		n = find_wanted(wanted, &sleep_ms);
		for (i = 0; i < n; i++)
		{
			if (database_usable(wanted[i]))
				start_recorder(wanted[i]);
			else
			{
				discard_lanes(wanted[i]);
				LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
				{
					HgRecorderSlot *slot = hg_lane_find_slot(wanted[i], false);

					if (slot != NULL)
						pg_atomic_write_u32(&slot->poked, 0);
				}
				LWLockRelease(hg_lane_shared->lock);
			}
		}
		hg_lane_free_orphans(InvalidOid);
		if (n > 0 || nstarted > 0)
			sleep_ms = Min(sleep_ms, 1000);
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 sleep_ms, PG_WAIT_EXTENSION);
	}

	/* Recorders that got the same signal now know that all must go. */
	hg_lane_shared->stopping = true;
	proc_exit(1);
}
