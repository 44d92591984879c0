/*-------------------------------------------------------------------------
 *
 * limits_window.c
 *	  Counters over time, shared by all sessions of a subject.
 *
 * A window is a ring of buckets, each for a 63rd of the limit's span, and
 * their total.  Counting reserves in the total by compare-and-swap, so that
 * it never passes the limit whatever the other sessions do, and then adds to
 * the current bucket.  Whoever finds the current bucket outdated takes the
 * oldest ones out of the total.  None of it takes a lock, waits or raises,
 * because the timer of run_ms counts inside a signal handler; one who is
 * interrupted while he moves the head only delays that for the others.
 *
 * The table of windows is searched under a lock, when a session first meets
 * a limit.  A backend pins the windows that it points to.  A window that
 * nobody pins and from which all counts have gone makes room for another.
 *
 * Shared memory does not outlive the server.  A window whose span reaches
 * back over the start of the server begins empty in the sense of "not known":
 * the recorder of its database puts in what hoopguard.event says was counted
 * before, and the first statement waits for that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "base/report.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "guard/limits_private.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "record/lane.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* The recorder has to be started and to sum up the events of the span. */
#define SEED_WAIT_MS 10000

typedef struct WindowTable
{
	LWLock	   *lock;
	TimestampTz started;		/* of this shared memory; never changes */
	ConditionVariable seeded;
	HgWindow	windows[HG_WINDOWS_MAX];
} WindowTable;

static WindowTable *table = NULL;

/* Pins of this backend, by index; taken back when it exits. */
static uint16 my_pins[HG_WINDOWS_MAX];
static bool exit_registered = false;

Size
hg_window_shmem_size(void)
{
	return MAXALIGN(sizeof(WindowTable));
}

void
hg_window_shmem_init(void)
{
	bool		found;

	table = ShmemInitStruct("hoopguard windows", hg_window_shmem_size(),
							&found);
	if (found)
		return;
	memset(table, 0, sizeof(WindowTable));
	table->lock = &(GetNamedLWLockTranche("hoopguard"))[1].lock;
	table->started = GetCurrentTimestamp();
	ConditionVariableInit(&table->seeded);
	for (int i = 0; i < HG_WINDOWS_MAX; i++)
	{
		HgWindow   *window = &table->windows[i];

		pg_atomic_init_u32(&window->pins, 0);
		pg_atomic_init_u32(&window->state, HG_WINDOW_READY);
		pg_atomic_init_u32(&window->rotating, 0);
		pg_atomic_init_u64(&window->head, 0);
		pg_atomic_init_u64(&window->total, 0);
		for (int b = 0; b < HG_WINDOW_BUCKETS; b++)
			pg_atomic_init_u64(&window->bucket[b], 0);
	}
}

static pg_atomic_uint64 *
bucket_of(HgWindow *window, uint64 number)
{
	return &window->bucket[number % HG_WINDOW_BUCKETS];
}

/*
 * Make the current bucket that of now.  A bucket about to be used again is
 * emptied before head says so, hence before anyone adds to it.
 */
static void
rotate(HgWindow *window)
{
	uint64		now = (uint64) (GetCurrentTimestamp() / window->bucket_us);
	uint64		head = pg_atomic_read_u64(&window->head);
	uint32		unlocked = 0;

	if (head >= now ||
		!pg_atomic_compare_exchange_u32(&window->rotating, &unlocked, 1))
		return;
	head = pg_atomic_read_u64(&window->head);
	if (head < now)
	{
		/* after a long silence each bucket need be emptied only once */
		if (now - head > HG_WINDOW_BUCKETS)
			head = now - HG_WINDOW_BUCKETS;
		while (head < now)
		{
			uint64		gone;

			head++;
			gone = pg_atomic_exchange_u64(bucket_of(window, head), 0);
			pg_atomic_fetch_sub_u64(&window->total, (int64) gone);
			pg_atomic_write_u64(&window->head, head);
		}
	}
	pg_memory_barrier();
	pg_atomic_write_u32(&window->rotating, 0);
}

bool
hg_window_add(HgWindow *window, int64 n, int64 limit, bool force, int64 *used)
{
	uint64		old;

	rotate(window);
	old = pg_atomic_read_u64(&window->total);
	do
	{
		*used = (int64) old + n;
		if (*used > limit && !force)
			return false;
	} while (!pg_atomic_compare_exchange_u64(&window->total, &old, old + n));
	pg_atomic_fetch_add_u64(bucket_of(window,
									  pg_atomic_read_u64(&window->head)), n);
	return true;
}

/*
 * The time slice now given back may have been reserved in the bucket before.
 * What is found in neither has left the window already.
 */
void
hg_window_give_back(HgWindow *window, int64 n)
{
	uint64		head = pg_atomic_read_u64(&window->head);

	for (int back = 0; back < 2 && n > 0; back++)
	{
		pg_atomic_uint64 *bucket = bucket_of(window, head - back);
		uint64		old = pg_atomic_read_u64(bucket);
		uint64		part;

		do
			part = Min(old, (uint64) n);
		while (!pg_atomic_compare_exchange_u64(bucket, &old, old - part));
		pg_atomic_fetch_sub_u64(&window->total, (int64) part);
		n -= (int64) part;
	}
}

int64
hg_window_used(HgWindow *window)
{
	rotate(window);
	return (int64) pg_atomic_read_u64(&window->total);
}

TimestampTz
hg_window_frees_at(HgWindow *window)
{
	uint64		head = pg_atomic_read_u64(&window->head);

	for (int back = HG_WINDOW_BUCKETS - 1; back >= 0; back--)
		if (pg_atomic_read_u64(bucket_of(window, head - back)) > 0)
			return (TimestampTz) ((head - back + HG_WINDOW_BUCKETS) *
								  window->bucket_us);
	return 0;
}

/* Nobody points to it and nothing is counted in it.  Under the lock. */
static bool
is_free(HgWindow *window)
{
	if (!OidIsValid(window->database))
		return true;
	if (pg_atomic_read_u32(&window->pins) > 0)
		return false;
	if (pg_atomic_read_u32(&window->state) == HG_WINDOW_EMPTY)
		return false;
	return hg_window_used(window) == 0;
}

/* Under the lock. */
static void
set_up(HgWindow *window, const HgLimit *limit, int kind)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz from;

	window->database = MyDatabaseId;
	window->subject = limit->subject;
	window->limit_id = limit->id;
	window->kind = kind;
	window->span_us = limit->window_s * USECS_PER_SEC;
	window->bucket_us = window->span_us / (HG_WINDOW_BUCKETS - 1) + 1;
	pg_atomic_write_u64(&window->head, (uint64) (now / window->bucket_us));
	pg_atomic_write_u64(&window->total, 0);
	for (int b = 0; b < HG_WINDOW_BUCKETS; b++)
		pg_atomic_write_u64(&window->bucket[b], 0);

	from = Max(now - window->span_us, limit->since);
	window->seed_from = from;
	pg_atomic_write_u32(&window->state,
						from < table->started && !RecoveryInProgress() ?
						HG_WINDOW_EMPTY : HG_WINDOW_READY);
}

static void
await_seed(HgWindow *window)
{
	TimestampTz start = GetCurrentTimestamp();

	hg_lane_wake(MyDatabaseId);
	ConditionVariablePrepareToSleep(&table->seeded);
	while (pg_atomic_read_u32(&window->state) != HG_WINDOW_READY)
	{
		if (TimestampDifferenceExceeds(start, GetCurrentTimestamp(),
									   SEED_WAIT_MS))
		{
			HgRefusal	refusal = {.verdict = "limit",.builtin = "limit"};

			ConditionVariableCancelSleep();
			ereport(ERROR,
					(errcode(HG_ERRCODE_LIMIT),
					 errmsg("what counts against limit %d is not known yet",
							window->limit_id),
					 errdetail_internal("%s", hg_report_json(&refusal)),
					 errhint("Try again in a minute; a database administrator finds the state of the recorder in hoopguard.status().")));
		}
		(void) ConditionVariableTimedSleep(&table->seeded, 200,
										   PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
}

/* If it fails, the pin goes. */
static void
await_seed_pinned(HgWindow *window)
{
	PG_TRY();
	{
		await_seed(window);
	}
	PG_CATCH();
	{
		hg_window_unpin(window);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

static void
unpin_all(int code, Datum arg)
{
	for (int i = 0; i < HG_WINDOWS_MAX; i++)
	{
		pg_atomic_fetch_sub_u32(&table->windows[i].pins, my_pins[i]);
		my_pins[i] = 0;
	}
}

HgWindow *
hg_window_pin(const HgLimit *limit, int kind)
{
	HgWindow   *result = NULL;
	HgWindow   *free_one = NULL;

	if (table == NULL)
		return NULL;
	if (!exit_registered)
	{
		on_shmem_exit(unpin_all, (Datum) 0);
		exit_registered = true;
	}
	LWLockAcquire(table->lock, LW_EXCLUSIVE);
	for (int i = 0; i < HG_WINDOWS_MAX; i++)
	{
		HgWindow   *window = &table->windows[i];

		if (window->database == MyDatabaseId &&
			window->subject == limit->subject &&
			window->limit_id == limit->id && window->kind == kind &&
			window->span_us == limit->window_s * USECS_PER_SEC)
		{
			result = window;
			break;
		}
		if (free_one == NULL && is_free(window))
			free_one = window;
	}
	if (result == NULL && free_one != NULL)
	{
		result = free_one;
		set_up(result, limit, kind);
	}
	if (result != NULL)
	{
		pg_atomic_fetch_add_u32(&result->pins, 1);
		my_pins[result - table->windows]++;
	}
	LWLockRelease(table->lock);

	if (result != NULL &&
		pg_atomic_read_u32(&result->state) != HG_WINDOW_READY)
		await_seed_pinned(result);
	return result;
}

void
hg_window_unpin(HgWindow *window)
{
	my_pins[window - table->windows]--;
	pg_atomic_fetch_sub_u32(&window->pins, 1);
}

bool
hg_window_look(int index, HgWindow *copy)
{
	bool		used;

	if (table == NULL || index >= HG_WINDOWS_MAX)
		return false;
	LWLockAcquire(table->lock, LW_SHARED);
	used = !is_free(&table->windows[index]);
	if (used)
		memcpy(copy, &table->windows[index], sizeof(HgWindow));
	LWLockRelease(table->lock);
	return used;
}

/*
 * ---- after a restart ----
 */

/* What of an event counts for each kind; statements as they are counted. */
static const char *const seed_expressions[HG_LIMIT_KINDS] = {
	[HG_LIMIT_ROWS_WRITTEN] = "e.rows_written",
	[HG_LIMIT_ROWS_RETURNED] = "e.rows_returned",
	[HG_LIMIT_BYTES_RETURNED] = "e.bytes_returned",
	[HG_LIMIT_STATEMENTS] = "CASE WHEN e.command OPERATOR(pg_catalog.=) 'TRANSACTION' THEN 0 ELSE 1 END",
	[HG_LIMIT_PROBES] = "e.probes",
	[HG_LIMIT_RUN_MS] = "e.duration_us",
};

/* The sum of each bucket, from the events of before the restart. */
static void
seed(HgWindow *window)
{
	Oid			types[4] = {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID};
	Datum		values[4];
	char	   *subject = GetUserNameFromId(window->subject, true);
	uint64		head = pg_atomic_read_u64(&window->head);

	if (subject == NULL)
		return;
	values[0] = CStringGetTextDatum(subject);
	values[1] = TimestampTzGetDatum(window->seed_from);
	values[2] = TimestampTzGetDatum(table->started);
	values[3] = Int64GetDatum(window->bucket_us);
	if (SPI_execute_with_args(psprintf(
									   "SELECT pg_catalog.div("
									   "(EXTRACT(epoch FROM e.at) OPERATOR(pg_catalog.-) 946684800)"
									   " OPERATOR(pg_catalog.*) 1000000, $4)::pg_catalog.int8,"
									   " pg_catalog.sum(%s)::pg_catalog.int8"
									   " FROM hoopguard.event e"
									   " WHERE e.at OPERATOR(pg_catalog.>=) $2"
									   " AND e.at OPERATOR(pg_catalog.<) $3"
									   " AND e.level OPERATOR(pg_catalog.=) 0"
									   " AND $1 IN (e.subject, e.session_role, e.effective_role)"
									   " GROUP BY 1", seed_expressions[window->kind]),
							  4, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read what counts against limit %d",
			 window->limit_id);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		uint64		number = (uint64) DatumGetInt64(SPI_getbinval(tuple, desc, 1,
																  &isnull));
		int64		sum = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull));

		if (isnull || sum <= 0 || number > head ||
			head - number >= HG_WINDOW_BUCKETS)
			continue;
		pg_atomic_fetch_add_u64(&window->total, sum);
		pg_atomic_fetch_add_u64(bucket_of(window, number), sum);
	}
}

bool
hg_window_seed_all(void)
{
	bool		any = false;

	if (table == NULL)
		return false;
	for (int i = 0; i < HG_WINDOWS_MAX; i++)
	{
		HgWindow   *window = &table->windows[i];
		bool		mine;

		/* an empty window stays as it is until we have filled it */
		LWLockAcquire(table->lock, LW_SHARED);
		mine = window->database == MyDatabaseId &&
			pg_atomic_read_u32(&window->state) == HG_WINDOW_EMPTY;
		LWLockRelease(table->lock);
		if (!mine)
			continue;
		CHECK_FOR_INTERRUPTS();
		seed(window);
		pg_atomic_write_u32(&window->state, HG_WINDOW_READY);
		any = true;
	}
	if (any)
		ConditionVariableBroadcast(&table->seeded);
	return any;
}
