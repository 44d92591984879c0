/*-------------------------------------------------------------------------
 *
 * lane.c
 *	  One ring of records per backend, drained by the recorder.
 *
 * A lane has one producer, its backend, and one consumer, the recorder of
 * that backend's database, so neither takes a lock to move data.  A record is
 * published by moving head: a backend that dies half-way leaves nothing to
 * trip over.  When a lane is full its own session waits; the last part of
 * the ring is kept for records of error paths, which should not wait.
 *
 * The lock protects who owns which lane and which database has a recorder.
 * Nothing is done under it that could raise, wait or take another lock.
 *
 * Waking: the producer moves head, then reads the recorder's "sleeping"; the
 * recorder sets "sleeping", then reads the heads; a full barrier between the
 * two on both sides.  A producer that finds no recorder sets the launcher's
 * latch, and a recorder that ends does so too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "base/catalog.h"
#include "base/guc.h"
#include "base/report.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "record/lane_shared.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* How long hg_lane_block_database() waits for a recorder to go. */
#define BLOCK_WAIT_MS 10000

/* Longest wait on an error path, whatever hoopguard.audit_wait says. */
#define ERROR_PATH_WAIT_MS 5000

/* One look every so often while waiting: a lost wake-up costs no more. */
#define WAIT_SLICE_MS 100

/* Databases one transaction can stop the recorders of. */
#define MAX_BLOCKED 8

HgLaneShared *hg_lane_shared = NULL;

static int	my_lane = -1;
static Oid	named_database = InvalidOid;	/* see hg_lane_use_database */
static uint64 reserved = 0;		/* bytes kept free for a record to come */
static bool lost_in_transaction = false;
static uint64 refused_seen = 0; /* of my lane, as last told */
static uint64 stalled_at = PG_UINT64_MAX;	/* durable, when a wait was given
											 * up and its session let go on */
static bool exit_callback_set = false;
static bool xact_callback_set = false;
static Oid	blocked[MAX_BLOCKED];
static int	nblocked = 0;
static MemoryContext lane_context = NULL;	/* scratch of waits_for_me() */

/* ---------------------------------------------------------------- shmem */

static int
lane_count(void)
{
	return MaxBackends + HG_LANE_SPARE;
}

static Size
ring_size(void)
{
	/* At least 16 kB whatever the setting says; a multiple of 16. */
	return Max((Size) hg_guc_lane_size, 16) * 1024;
}

static Size
control_size(void)
{
	return CACHELINEALIGN(add_size(offsetof(HgLaneShared, lanes),
								   mul_size(sizeof(HgLane), lane_count())));
}

/* Bytes of shared memory; MaxBackends must be known. */
Size
hg_lane_shmem_size(void)
{
	return add_size(control_size(), mul_size(ring_size(), lane_count()));
}

/*
 * Attach, and fill at server start and after a crash.  The caller holds
 * AddinShmemInitLock and has asked for the lock tranche "hoopguard"; found
 * is what ShmemInitStruct told about its own area and not needed here.
 */
void
hg_lane_shmem_init(bool found)
{
	HgLaneShared *shared;
	int			i;

	shared = ShmemInitStruct("hoopguard lanes", hg_lane_shmem_size(), &found);
	if (!found)
	{
		uint64		now = (uint64) GetCurrentTimestamp();

		memset(shared, 0, control_size());
		shared->lock = &(GetNamedLWLockTranche("hoopguard"))[0].lock;
		shared->nlanes = lane_count();
		shared->ring = ring_size();
		shared->reserve = shared->ring / 8;

		/*
		 * Seeded by the clock, in microseconds: nobody can have used up one
		 * per microsecond since the last start, so a restart reuses none, and
		 * they stay below 2^53, which JSON readers need.
		 */
		pg_atomic_init_u64(&shared->next_event_id, now);
		pg_atomic_init_u64(&shared->next_session_id, now);
		pg_atomic_init_u64(&shared->first_session_id, now);
		pg_atomic_init_u64(&shared->released, 0);
		pg_atomic_init_u64(&shared->lost, 0);
		pg_atomic_init_u64(&shared->discarded, 0);
		pg_atomic_init_u64(&shared->epoch, 1);
		ConditionVariableInit(&shared->committed);
		for (i = 0; i < HG_RECORDER_SLOTS; i++)
		{
			HgRecorderSlot *slot = &shared->slots[i];

			pg_atomic_init_u32(&slot->sleeping, 0);
			pg_atomic_init_u32(&slot->poked, 0);
			pg_atomic_init_u32(&slot->yield, 0);
			pg_atomic_init_u32(&slot->resolved, 0);
			pg_atomic_init_u64(&slot->events_written, 0);
			pg_atomic_init_u64(&slot->skipped, 0);
		}
		for (i = 0; i < shared->nlanes; i++)
		{
			HgLane	   *lane = &shared->lanes[i];

			pg_atomic_init_u64(&lane->head, 0);
			pg_atomic_init_u64(&lane->pending_since, 0);
			pg_atomic_init_u64(&lane->tail, 0);
			pg_atomic_init_u64(&lane->durable, 0);
			pg_atomic_init_u64(&lane->lsn, 0);
			pg_atomic_init_u64(&lane->taken, 0);
			pg_atomic_init_u64(&lane->refused, 0);
			pg_atomic_init_u32(&lane->waiting, 0);
			pg_atomic_init_u32(&lane->slot, 0);
			pg_atomic_init_u32(&lane->state, HG_LANE_FREE);
		}
	}
	hg_lane_shared = shared;

	/* The postmaster re-initialises after a crash and forks from here. */
	my_lane = -1;
	named_database = InvalidOid;
	nblocked = 0;
	exit_callback_set = false;
}

/* First byte of a lane's ring. */
char *
hg_lane_ring(int lane)
{
	return (char *) hg_lane_shared + control_size() +
		(Size) lane * hg_lane_shared->ring;
}

/* -------------------------------------------------------- recorder slots */

/*
 * Slot of a database, or NULL.  create: take an unused one, or the one whose
 * recorder has been gone for longest.  The caller holds the lock, exclusively
 * to create.
 */
HgRecorderSlot *
hg_lane_find_slot(Oid dboid, bool create)
{
	HgRecorderSlot *best = NULL;
	int			i;

	for (i = 0; i < HG_RECORDER_SLOTS; i++)
	{
		HgRecorderSlot *slot = &hg_lane_shared->slots[i];

		if (slot->dboid == dboid)
			return slot;
		if (slot->pid != 0 || slot->starting || slot->blocked > 0)
			continue;
		if (best == NULL || slot->last_used < best->last_used)
			best = slot;
	}
	if (!create || best == NULL)
		return NULL;

	best->dboid = dboid;
	best->latch = NULL;
	best->dbname[0] = '\0';
	best->failures = 0;
	best->next_try = 0;
	best->last_used = GetCurrentTimestamp();
	best->last_commit_at = 0;
	best->event_relid = InvalidOid;
	memset(&best->sealed, 0, sizeof(best->sealed));
	best->sealed_lsn = InvalidXLogRecPtr;
	best->last_error_at = 0;
	best->last_error[0] = '\0';
	pg_atomic_write_u32(&best->sleeping, 0);
	pg_atomic_write_u32(&best->poked, 0);
	pg_atomic_write_u32(&best->resolved, 0);
	pg_atomic_write_u64(&best->events_written, 0);
	pg_atomic_write_u64(&best->skipped, 0);
	return best;
}

/* Keep the text of an error for status(); slot may be NULL. */
void
hg_lane_note_error(HgRecorderSlot *slot, const char *message)
{
	if (slot == NULL)
		return;
	strlcpy(slot->last_error, message, HG_ERROR_TEXT);
	slot->last_error_at = GetCurrentTimestamp();
}

static void
wake_launcher(void)
{
	Latch	   *latch = hg_lane_shared->launcher_latch;

	if (latch != NULL)
		SetLatch(latch);
}

/* Set the latch of a database's recorder; false if it has none. */
static bool
wake_live_recorder(Oid dboid)
{
	HgRecorderSlot *slot;
	Latch	   *latch = NULL;

	LWLockAcquire(hg_lane_shared->lock, LW_SHARED);
	slot = hg_lane_find_slot(dboid, false);
	if (slot != NULL && slot->pid != 0)
		latch = slot->latch;
	LWLockRelease(hg_lane_shared->lock);
	if (latch == NULL)
		return false;
	SetLatch(latch);
	return true;
}

/*
 * Wake the recorder of this backend's lane, or have it started.  Not urgent:
 * only if it sleeps long; an active recorder comes round by itself.
 */
static void
wake_recorder(HgLane *lane, bool urgent)
{
	uint32		index;

	pg_memory_barrier();
	index = pg_atomic_read_u32(&lane->slot);
	if (index > 0 && index <= HG_RECORDER_SLOTS)
	{
		HgRecorderSlot *slot = &hg_lane_shared->slots[index - 1];

		if (slot->pid != 0 && slot->dboid == lane->dboid)
		{
			Latch	   *latch = slot->latch;

			if (latch != NULL &&
				(urgent || pg_atomic_read_u32(&slot->sleeping) != 0))
				SetLatch(latch);
			return;
		}
	}

	/* A new lane: its recorder, if there is one, does not know it yet. */
	if (!wake_live_recorder(lane->dboid))
		wake_launcher();
}

/*
 * Have the ticks of a database's recorder run soon: wakes it, or asks for its
 * start.  From any process with shared memory; raises nothing.
 */
void
hg_lane_wake(Oid dboid)
{
	hg_lane_poke(dboid, PG_UINT32_MAX);
}

void
hg_lane_poke(Oid dboid, uint32 which)
{
	HgRecorderSlot *slot;
	Latch	   *latch = NULL;

	if (hg_lane_shared == NULL || !OidIsValid(dboid))
		return;
	LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
	slot = hg_lane_find_slot(dboid, true);
	if (slot != NULL)
	{
		pg_atomic_fetch_or_u32(&slot->poked, which);
		if (slot->pid != 0)
			latch = slot->latch;
	}
	LWLockRelease(hg_lane_shared->lock);
	if (latch != NULL)
		SetLatch(latch);
	else
		wake_launcher();
}

bool
hg_lane_use_database(const char *name)
{
	int			i;

	named_database = InvalidOid;
	if (hg_lane_shared == NULL)
		return false;
	LWLockAcquire(hg_lane_shared->lock, LW_SHARED);
	for (i = 0; i < HG_RECORDER_SLOTS; i++)
	{
		HgRecorderSlot *slot = &hg_lane_shared->slots[i];

		if (OidIsValid(slot->dboid) && OidIsValid(slot->event_relid) &&
			slot->blocked == 0 && strcmp(slot->dbname, name) == 0)
			named_database = slot->dboid;
	}
	LWLockRelease(hg_lane_shared->lock);
	return OidIsValid(named_database);
}

Oid
hg_lane_database(void)
{
	return OidIsValid(MyDatabaseId) ? MyDatabaseId : named_database;
}

/* ------------------------------------------------------------- ownership */

/* Owner's exit: an empty lane is free at once, else the recorder frees it. */
static void
lane_on_exit(int code, Datum arg)
{
	HgLane	   *lane;

	if (my_lane < 0 || hg_lane_shared == NULL)
		return;
	lane = &hg_lane_shared->lanes[my_lane];
	my_lane = -1;
	LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
	lane->latch = NULL;
	lane->pid = 0;
	pg_atomic_write_u32(&lane->waiting, 0);
	if (pg_atomic_read_u64(&lane->head) == pg_atomic_read_u64(&lane->tail) &&
		pg_atomic_read_u64(&lane->head) == pg_atomic_read_u64(&lane->durable))
	{
		pg_atomic_write_u32(&lane->slot, 0);
		lane->dboid = InvalidOid;
		pg_atomic_write_u32(&lane->state, HG_LANE_FREE);
	}
	else
		pg_atomic_write_u32(&lane->state, HG_LANE_ORPHANED);
	LWLockRelease(hg_lane_shared->lock);
	wake_launcher();
}

/* A transaction that ends by the process's end still gives back its stops. */
static void
blocks_on_exit(int code, Datum arg)
{
	hg_lane_release_databases();
}

static void
set_exit_callback(void)
{
	if (exit_callback_set)
		return;

	/*
	 * on_shmem_exit, not before_: the abort of the open transaction, which
	 * pushes its outcome, runs before.
	 */
	on_shmem_exit(lane_on_exit, (Datum) 0);
	on_shmem_exit(blocks_on_exit, (Datum) 0);
	exit_callback_set = true;
}

static bool
try_acquire(void)
{
	int			n = hg_lane_shared->nlanes;
	int			start = MyProcPid % n;
	int			i;
	bool		found = false;

	LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
	for (i = 0; i < n && !found; i++)
	{
		int			index = (start + i) % n;
		HgLane	   *lane = &hg_lane_shared->lanes[index];

		if (pg_atomic_read_u32(&lane->state) != HG_LANE_FREE)
			continue;
		lane->dboid = hg_lane_database();
		lane->pid = MyProcPid;
		lane->latch = MyLatch;
		pg_atomic_write_u32(&lane->waiting, 0);
		pg_atomic_write_u32(&lane->slot, 0);
		pg_write_barrier();
		pg_atomic_write_u32(&lane->state, HG_LANE_OWNED);
		my_lane = index;
		refused_seen = pg_atomic_read_u64(&lane->refused);
		stalled_at = PG_UINT64_MAX;
		found = true;
	}
	LWLockRelease(hg_lane_shared->lock);
	return found;
}

/* ----------------------------------------------------------------- waits */

/*
 * Does the recorder of this database wait for a lock that this session
 * holds?  Then waiting for it would be a deadlock nobody detects.
 */
static bool
recorder_waits_for_me(void)
{
	HgRecorderSlot *slot;
	int			pid = 0;
	bool		result = false;
	MemoryContext oldcontext;
	ArrayType  *blockers;
	int		   *pids;
	int			n;
	int			i;

	if (!OidIsValid(MyDatabaseId))
		return false;
	LWLockAcquire(hg_lane_shared->lock, LW_SHARED);
	slot = hg_lane_find_slot(MyDatabaseId, false);
	if (slot != NULL)
		pid = slot->pid;
	LWLockRelease(hg_lane_shared->lock);
	if (pid == 0)
		return false;

	if (lane_context == NULL)
		lane_context = AllocSetContextCreate(TopMemoryContext,
											 "hoopguard lane",
											 ALLOCSET_SMALL_SIZES);
	oldcontext = MemoryContextSwitchTo(lane_context);
	blockers = DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids,
													  Int32GetDatum(pid)));
	n = ArrayGetNItems(ARR_NDIM(blockers), ARR_DIMS(blockers));
	pids = (int *) ARR_DATA_PTR(blockers);
	for (i = 0; i < n; i++)
	{
		if (pids[i] == MyProcPid)
			result = true;
	}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextReset(lane_context);
	return result;
}

/* Sleep up to a slice; false if this session's own locks forbid to go on. */
static bool
wait_slice(long ms, bool no_error)
{
	int			rc;

	rc = WaitLatch(MyLatch,
				   WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
				   ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	if (!no_error)
		CHECK_FOR_INTERRUPTS();
	return (rc & WL_TIMEOUT) == 0 || !recorder_waits_for_me();
}

static long
longest_wait(bool no_error)
{
	return no_error ? Min(hg_guc_audit_wait, ERROR_PATH_WAIT_MS)
		: hg_guc_audit_wait;
}

pg_noreturn static void
refuse(bool own_lock)
{
	if (own_lock)
		ereport(ERROR,
				(errcode(HG_ERRCODE_AUDIT),
				 errmsg("audit record could not be stored"),
				 errdetail_internal("{\"verdict\":\"audit\",\"reason\":\"the recorder waits for a lock that this session holds\"}"),
				 errhint("End the transaction that locks tables of hoopguard.")));
	ereport(ERROR,
			(errcode(HG_ERRCODE_AUDIT),
			 errmsg("audit record could not be stored within %d ms",
					hg_guc_audit_wait),
			 errdetail_internal("{\"verdict\":\"audit\",\"reason\":\"the recorder does not answer\"}"),
			 errhint("See hoopguard.status() for the state of the recorder.")));
}

/* The wait is over: count the loss, or raise. */
static bool
give_up(bool no_error, bool own_lock)
{
	if (no_error || hg_guc_on_audit_failure == HG_AUDIT_FAILURE_ALLOW)
	{
		pg_atomic_fetch_add_u64(&hg_lane_shared->lost, 1);
		lost_in_transaction = true;
		if (!no_error && my_lane >= 0)
			stalled_at =
				pg_atomic_read_u64(&hg_lane_shared->lanes[my_lane].durable);
		return false;
	}
	refuse(own_lock);
	return false;				/* not reached */
}

/*
 * Nothing has been recorded since a session of "allow" was let go on: it does
 * not wait anew for each statement.
 */
static bool
stalled(HgLane *lane)
{
	return hg_guc_on_audit_failure == HG_AUDIT_FAILURE_ALLOW &&
		pg_atomic_read_u64(&lane->durable) == stalled_at;
}
/* Make sure that this backend has a lane; false when given up (no_error). */
static bool
acquire_lane(bool no_error)
{
	TimestampTz start = 0;

	set_exit_callback();
	while (!try_acquire())
	{
		bool		mine = false;

		if (start == 0)
			start = GetCurrentTimestamp();
		hg_lane_free_orphans(InvalidOid);
		if (try_acquire())
			break;
		wake_launcher();
		if (!wait_slice(WAIT_SLICE_MS, no_error))
			mine = true;
		if (mine ||
			TimestampDifferenceExceeds(start, GetCurrentTimestamp(),
									   longest_wait(no_error)))
		{
			SetLatch(MyLatch);
			return give_up(no_error, mine);
		}
	}
	if (start != 0)
		SetLatch(MyLatch);
	return true;
}

/* Wait until the ring has room for `need` bytes of at most `limit`. */
static bool
wait_room(HgLane *lane, uint64 need, uint64 limit, bool no_error)
{
	TimestampTz start = 0;
	uint64		head = pg_atomic_read_u64(&lane->head);
	bool		mine = false;

	for (;;)
	{
		if (head - pg_atomic_read_u64(&lane->tail) + need <= limit)
			break;
		if (start == 0 && !stalled(lane))
			start = GetCurrentTimestamp();
		else if (mine || stalled(lane) ||
				 TimestampDifferenceExceeds(start, GetCurrentTimestamp(),
											longest_wait(no_error)))
		{
			pg_atomic_write_u32(&lane->waiting, 0);
			SetLatch(MyLatch);
			return give_up(no_error, mine);
		}
		pg_atomic_write_u32(&lane->waiting, 1);
		pg_memory_barrier();
		if (head - pg_atomic_read_u64(&lane->tail) + need <= limit)
			break;
		wake_recorder(lane, true);
		if (!wait_slice(WAIT_SLICE_MS, no_error))
			mine = true;
	}
	if (start != 0)
	{
		pg_atomic_write_u32(&lane->waiting, 0);

		/* Whoever waits further out may have been meant by a wake-up. */
		SetLatch(MyLatch);
	}

	/* The bytes freed must have been read before they are overwritten. */
	pg_memory_barrier();
	return true;
}

/* ------------------------------------------------------------------ push */

static void
ring_write(char *ring, uint64 at, const char *data, Size len)
{
	Size		offset = at % hg_lane_shared->ring;
	Size		first = Min(len, hg_lane_shared->ring - offset);

	memcpy(ring + offset, data, first);
	if (first < len)
		memcpy(ring, data + first, len - first);
}

bool
hg_lane_reserve(Size len)
{
	HgLaneShared *shared = hg_lane_shared;
	uint64		need = sizeof(HgPieceHeader) + HG_PIECE_ALIGN(len);

	reserved = 0;
	if (len == 0)
		return true;
	Assert(need <= shared->ring / 2);
	if ((my_lane < 0 && !acquire_lane(false)) ||
		!wait_room(&shared->lanes[my_lane], need,
				   shared->ring - shared->reserve, false))
		return false;
	reserved = need;
	return true;
}

bool
hg_lane_push(HgRecordType type, const void *data, Size len,
			 bool urgent, bool no_error)
{
	HgLaneShared *shared = hg_lane_shared;
	HgLane	   *lane;
	char	   *ring;
	const char *next = data;
	Size		left = len;
	Size		most;
	uint64		limit;
	bool		first = true;

	/* No recorder can ever come in a standalone backend. */
	if (shared == NULL || !IsUnderPostmaster ||
		!OidIsValid(hg_lane_database()))
		return false;
	if (len > MaxAllocSize / 2)
		return give_up(no_error, false);
	if (my_lane < 0 && !acquire_lane(no_error))
		return false;
	lane = &shared->lanes[my_lane];
	ring = hg_lane_ring(my_lane);
	limit = (no_error ? shared->ring : shared->ring - shared->reserve) -
		reserved;
	most = shared->ring / 2 - sizeof(HgPieceHeader);
	if (len > most)
		most = shared->ring / 4 - sizeof(HgPieceHeader);

	do
	{
		HgPieceHeader piece;
		uint64		need;
		uint64		head;

		piece.len = (uint32) Min(left, most);
		piece.total = (uint32) len;
		piece.type = (uint16) type;
		piece.flags = (first ? HG_PIECE_FIRST : 0) |
			(piece.len == left ? HG_PIECE_LAST : 0);
		piece.magic = HG_PIECE_MAGIC;
		need = sizeof(HgPieceHeader) + HG_PIECE_ALIGN(piece.len);

		/*
		 * An error raised in here leaves a record without its last piece; the
		 * next first piece tells the recorder to forget it.
		 */
		if (!wait_room(lane, need, limit, no_error))
			return false;
		head = pg_atomic_read_u64(&lane->head);
		if (head == pg_atomic_read_u64(&lane->tail))
			pg_atomic_write_u64(&lane->pending_since,
								(uint64) GetCurrentTimestamp());
		ring_write(ring, head, (const char *) &piece, sizeof(piece));
		ring_write(ring, head + sizeof(piece), next, piece.len);
		pg_write_barrier();
		pg_atomic_write_u64(&lane->head, head + need);
		next += piece.len;
		left -= piece.len;
		first = false;

		/* what the recorder is just storing needs no turn of its own */
		wake_recorder(lane, urgent || left > 0 ||
					  head + need - pg_atomic_read_u64(&lane->taken) >
					  shared->ring / 2);
	} while (left > 0);
	return true;
}

/* ----------------------------------------------------------------- flush */

void
hg_lane_forget_lost(void)
{
	lost_in_transaction = false;
}

/* A wait for a flush has ended without one. */
static bool
release(HgLane *lane, bool own_lock)
{
	if (hg_guc_on_audit_failure != HG_AUDIT_FAILURE_ALLOW)
		refuse(own_lock);
	pg_atomic_fetch_add_u64(&hg_lane_shared->released, 1);
	if (lane != NULL)
		stalled_at = pg_atomic_read_u64(&lane->durable);
	return false;
}

/* Will the commit that is at hand flush all WAL there is by now? */
static bool
commit_flushes(void)
{
	/* as RecordTransactionCommit() decides it */
	return TransactionIdIsValid(GetTopTransactionIdIfAny()) &&
		XactLastRecEnd != InvalidXLogRecPtr &&
		synchronous_commit > SYNCHRONOUS_COMMIT_OFF;
}

bool
hg_lane_wait_durable(HgLaneWait before)
{
	HgLane	   *lane;
	TimestampTz start = 0;
	uint64		want;
	bool		mine = false;

	if (hg_lane_shared == NULL || !IsUnderPostmaster)
		return true;
	if (lost_in_transaction || my_lane < 0)
		return lost_in_transaction ? release(NULL, false) : true;
	lane = &hg_lane_shared->lanes[my_lane];
	want = pg_atomic_read_u64(&lane->head);
	while (pg_atomic_read_u64(&lane->durable) < want)
	{
		if (start == 0 && !stalled(lane))
			start = GetCurrentTimestamp();
		else if (mine || stalled(lane) ||
				 TimestampDifferenceExceeds(start, GetCurrentTimestamp(),
											hg_guc_audit_wait))
		{
			pg_atomic_write_u32(&lane->waiting, 0);
			SetLatch(MyLatch);
			return release(lane, mine);
		}
		pg_atomic_write_u32(&lane->waiting, 1);
		pg_memory_barrier();
		if (pg_atomic_read_u64(&lane->durable) >= want)
			break;
		wake_recorder(lane, true);
		if (!wait_slice(WAIT_SLICE_MS, false))
			mine = true;
	}
	if (start != 0)
	{
		pg_atomic_write_u32(&lane->waiting, 0);
		SetLatch(MyLatch);
	}
	if (pg_atomic_read_u64(&lane->refused) != refused_seen)
	{
		refused_seen = pg_atomic_read_u64(&lane->refused);
		return release(NULL, false);
	}

	/*
	 * The recorder leaves the flush to who waits for it.  What it wrote comes
	 * before the record of our commit, and is on disk when that is.
	 */
	pg_read_barrier();
	if (RecoveryInProgress())
		return true;
	if (before == HG_WAIT_HERE ||
		(before == HG_WAIT_BEFORE_COMMIT && !commit_flushes()))
		XLogFlush(pg_atomic_read_u64(&lane->lsn));
	return true;
}

/* Has the recorder of this database seen to the intents of before the start? */
static bool
intents_resolved(void)
{
	HgRecorderSlot *slot;
	bool		result;

	if (RecoveryInProgress())
		return true;
	LWLockAcquire(hg_lane_shared->lock, LW_SHARED);
	slot = hg_lane_find_slot(MyDatabaseId, false);
	result = slot != NULL && pg_atomic_read_u32(&slot->resolved) != 0;
	LWLockRelease(hg_lane_shared->lock);
	return result;
}

XLogRecPtr
hg_lane_sealed(HgSealMark *mark)
{
	HgRecorderSlot *slot;
	XLogRecPtr	lsn = InvalidXLogRecPtr;

	memset(mark, 0, sizeof(*mark));
	if (hg_lane_shared == NULL)
		return lsn;
	LWLockAcquire(hg_lane_shared->lock, LW_SHARED);
	slot = hg_lane_find_slot(MyDatabaseId, false);
	if (slot != NULL)
	{
		*mark = slot->sealed;
		lsn = slot->sealed_lsn;
	}
	LWLockRelease(hg_lane_shared->lock);
	return lsn;
}

bool
hg_lane_flush(long timeout_ms)
{
	HgLaneShared *shared = hg_lane_shared;
	TimestampTz start = GetCurrentTimestamp();
	uint64	   *want;
	HgSealMark	mark;
	int			i;
	bool		done = false;

	if (shared == NULL || !IsUnderPostmaster || !OidIsValid(MyDatabaseId))
		return true;

	/* 0: nothing to wait for in this lane */
	want = palloc0(sizeof(uint64) * shared->nlanes);
	for (i = 0; i < shared->nlanes; i++)
	{
		HgLane	   *lane = &shared->lanes[i];

		if (pg_atomic_read_u32(&lane->state) == HG_LANE_FREE)
			continue;
		pg_read_barrier();
		if (lane->dboid == MyDatabaseId)
			want[i] = pg_atomic_read_u64(&lane->head);
	}

	/* what a crash left unfinished is to become readable, too */
	if (!intents_resolved())
		hg_lane_wake(MyDatabaseId);

	ConditionVariablePrepareToSleep(&shared->committed);
	for (;;)
	{
		long		left;

		done = intents_resolved();
		for (i = 0; i < shared->nlanes && done; i++)
		{
			if (pg_atomic_read_u64(&shared->lanes[i].durable) < want[i])
				done = false;
		}
		left = timeout_ms -
			TimestampDifferenceMilliseconds(start, GetCurrentTimestamp());
		if (done || left <= 0 || recorder_waits_for_me())
			break;

		if (!wake_live_recorder(MyDatabaseId))
			wake_launcher();
		(void) ConditionVariableTimedSleep(&shared->committed,
										   Min(left, WAIT_SLICE_MS),
										   PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
	for (i = 0; i < shared->nlanes && done && !RecoveryInProgress(); i++)
	{
		if (want[i] > 0)
			XLogFlush(pg_atomic_read_u64(&shared->lanes[i].lsn));
	}
	if (done && !RecoveryInProgress())
		/* the lanes do not tell of a session that has gone since */
		XLogFlush(hg_lane_sealed(&mark));
	pfree(want);
	return done;
}

/* ------------------------------------------- for the recorder and launcher */

uint64
hg_lane_pending(Oid dboid, uint64 *fullest)
{
	uint64		sum = 0;
	uint64		most = 0;
	int			i;

	for (i = 0; i < hg_lane_shared->nlanes; i++)
	{
		HgLane	   *lane = &hg_lane_shared->lanes[i];
		uint64		used;

		if (pg_atomic_read_u32(&lane->state) == HG_LANE_FREE)
			continue;
		pg_read_barrier();
		if (lane->dboid != dboid)
			continue;
		used = pg_atomic_read_u64(&lane->head) -
			pg_atomic_read_u64(&lane->tail);
		sum += used;
		most = Max(most, used);
	}
	if (fullest != NULL)
		*fullest = most;
	return sum;
}

void
hg_lane_free_orphans(Oid dboid)
{
	int			i;

	LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
	for (i = 0; i < hg_lane_shared->nlanes; i++)
	{
		HgLane	   *lane = &hg_lane_shared->lanes[i];

		if (pg_atomic_read_u32(&lane->state) != HG_LANE_ORPHANED ||
			(OidIsValid(dboid) && lane->dboid != dboid) ||
			pg_atomic_read_u64(&lane->head) !=
			pg_atomic_read_u64(&lane->tail) ||
			pg_atomic_read_u64(&lane->head) !=
			pg_atomic_read_u64(&lane->durable))
			continue;
		pg_atomic_write_u32(&lane->slot, 0);
		lane->dboid = InvalidOid;
		pg_atomic_write_u32(&lane->state, HG_LANE_FREE);
	}
	LWLockRelease(hg_lane_shared->lock);
}

/* ------------------------------------------------------ stopping recorders */

/* However the transaction ends, by an error in the wait below too. */
static void
blocks_on_xact(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		hg_lane_release_databases();
}

void
hg_lane_block_database(Oid dboid)
{
	HgLaneShared *shared = hg_lane_shared;
	HgRecorderSlot *slot;
	TimestampTz start = GetCurrentTimestamp();
	int			i;

	if (shared == NULL || !IsUnderPostmaster || !OidIsValid(dboid))
		return;
	for (i = 0; i < nblocked; i++)
	{
		if (blocked[i] == dboid)
			return;
	}
	if (nblocked >= MAX_BLOCKED)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many databases changed in one transaction")));
	set_exit_callback();
	if (!xact_callback_set)
	{
		RegisterXactCallback(blocks_on_xact, NULL);
		xact_callback_set = true;
	}

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = hg_lane_find_slot(dboid, true);
	if (slot != NULL)
	{
		slot->blocked++;
		slot->dbname[0] = '\0'; /* it may get another one */
	}
	LWLockRelease(shared->lock);
	if (slot == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many databases have an active recorder")));
	blocked[nblocked++] = dboid;

	/* The slot cannot change hands while it is blocked. */
	for (;;)
	{
		Latch	   *latch = NULL;
		bool		gone;

		LWLockAcquire(shared->lock, LW_SHARED);
		gone = (slot->pid == 0 && !slot->starting);
		if (slot->pid != 0)
			latch = slot->latch;
		LWLockRelease(shared->lock);
		if (gone ||
			TimestampDifferenceExceeds(start, GetCurrentTimestamp(),
									   BLOCK_WAIT_MS))
			break;
		if (latch != NULL)
			SetLatch(latch);
		else
			wake_launcher();
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 20, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

void
hg_lane_release_databases(void)
{
	if (nblocked == 0 || hg_lane_shared == NULL)
		return;
	LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
	while (nblocked > 0)
	{
		HgRecorderSlot *slot = hg_lane_find_slot(blocked[--nblocked], false);

		if (slot != NULL && slot->blocked > 0)
			slot->blocked--;
	}
	LWLockRelease(hg_lane_shared->lock);
	wake_launcher();
}
