/*-------------------------------------------------------------------------
 *
 * recorder.c
 *	  The background worker of one database that turns records into rows.
 *
 * A turn collects what the lanes of the database hold into a batch, writes
 * the batch in one transaction and only then moves the lanes' tails.  A batch
 * stays the same until it is settled: stored, or discarded because hoopguard
 * is not installed.  An error that may go away (locks, resources, shutdown)
 * makes it try the same again; any other makes it halve the batch until the
 * records that no table takes stand alone, and these are skipped and counted.
 *
 * SIGTERM only sets a flag.  On shutdown the recorder goes on until the
 * lanes of its database have lost their owners and are empty, within a time;
 * it gets its SIGTERM together with the sessions whose last records it is to
 * store.  When its database is to be dropped or copied ("blocked") it stores
 * what was there and leaves.
 *
 * The tail may stand before durable is told: pieces of a record longer than
 * the ring are taken before their record can be written.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "base/catalog.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "record/lane_shared.h"
#include "record/outbox.h"
#include "record/record_store.h"
#include "record/recorder.h"
#include "record/retention.h"
#include "record/seal.h"
#include "replication/syncrep.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* A turn takes no more than this, so that a commit comes every so often. */
#define BATCH_RECORDS 16384
#define BATCH_BYTES (8 * 1024 * 1024)

#define ACTIVE_SLEEP_MS 100	/* between turns while there is traffic */
#define ACTIVE_FOR_MS 1000		/* traffic is over after so long a silence */
#define IDLE_SLEEP_MS 10000		/* then sleep, until woken */
#define IDLE_EXIT_MS 60000		/* and go after so long a silence */
#define ABSENT_GRACE_MS 10000	/* CREATE EXTENSION may not have committed */
#define BLOCKED_DRAIN_MS 2000
#define SHUTDOWN_DRAIN_MS 5000
#define SHUTDOWN_SETTLE_MS 500	/* the launcher tells of a shutdown by then */
#define FLUSH_MS 10				/* what nobody flushed; see leave_flush() */
#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 5000
#define RETRY_LEAVING_MS 500	/* so that there are some in the time left */
#define LOCK_TIMEOUT "300ms"	/* under deadlock_timeout: we give way, not
									 * the DROP EXTENSION that waits for us */
#define RESOLVE_AFTER 10000		/* intents; at the start, too */
#define PARTITION_CHECK_MS (3600 * 1000)
#define PARTITION_RETRY_MS (60 * 1000)

typedef struct Record
{
	int			type;
	int			lane;
	Size		len;
	const char *data;
	bool		settled;
} Record;

/* Where the recorder stands in one lane. */
typedef struct LaneReader
{
	uint64		pos;			/* read so far */
	uint64		record_start;	/* of the record being put together */
	char	   *part;			/* its pieces, NULL: none begun */
	Size		part_len;
	Size		part_total;
	int			part_type;
} LaneReader;

typedef enum Attempt
{
	ATTEMPT_STORED,
	ATTEMPT_ABSENT,				/* hoopguard is not installed here */
	ATTEMPT_NEW,				/* it was installed since we looked */
	ATTEMPT_AGAIN,				/* the error may go away */
	ATTEMPT_REFUSED				/* it will not */
} Attempt;

/* registered in the postmaster, inherited by the recorder */
static HgRecordHandler handlers[HG_REC_TYPE_MAX + 1];
static HgRecorderTick ticks[4];
static int	nticks = 0;

static Oid	my_dboid;
static HgRecorderSlot *my_slot = NULL;
static LaneReader *readers;
static int	first_lane = 0;

static MemoryContext batch_context;
static Record *batch;
static int	nbatch = 0;
static Size batch_bytes;
static bool batch_full;

static volatile sig_atomic_t in_commit = false;
static TimestampTz leave_by = 0;	/* 0: not leaving */
static bool first_refusal = true;	/* of this batch, so to be logged */
static XLogRecPtr stored_lsn = InvalidXLogRecPtr;	/* of the last commit */
static TimestampTz unflushed_since = 0; /* 0: it is on disk */
static uint64 intents_since = RESOLVE_AFTER;	/* stored, since the table of
												 * intents was seen to */
static TimestampTz absent_since = 0;
static Oid	partitioned_relid = InvalidOid; /* hoopguard.event whose
											 * partitions were made */
static TimestampTz partitions_failed = 0;	/* 0: the last try was good */
static bool partitions_starved = false; /* it failed for lack of resources */
static bool starved = false;	/* so did the last attempt() that failed */
static TimestampTz partitions_at = 0;	/* when to see to them next */
static TimestampTz tick_at[lengthof(ticks)];	/* 0: no wish */

/* ---------------------------------------------------------------- wiring */

void
hg_recorder_register_handler(int type, HgRecordHandler handler)
{
	Assert(type >= 64 && type <= HG_REC_TYPE_MAX);
	handlers[type] = handler;
}

uint32
hg_recorder_register_tick(HgRecorderTick tick)
{
	Assert(nticks < (int) lengthof(ticks));
	ticks[nticks++] = tick;
	return (uint32) 1 << (nticks - 1);
}

/*
 * SIGTERM.  A commit that waits for a synchronous standby looks at
 * QueryCancelPending, and nothing else we could set without dying there.
 */
static void
recorder_sigterm(SIGNAL_ARGS)
{
	int			save_errno = errno;

	ShutdownRequestPending = true;
	if (in_commit)
	{
		QueryCancelPending = true;
		InterruptPending = true;
	}
	SetLatch(MyLatch);
	errno = save_errno;
}

/*
 * Runs after the process left the ProcArray, because it was registered before
 * it entered it: who waits for the slot to be free may then count backends.
 */
static void
slot_on_exit(int code, Datum arg)
{
	int			i;
	Latch	   *launcher;

	if (my_slot == NULL)
		return;
	LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
	for (i = 0; i < hg_lane_shared->nlanes; i++)
	{
		HgLane	   *lane = &hg_lane_shared->lanes[i];

		if (lane->dboid == my_dboid)
			pg_atomic_write_u32(&lane->slot, 0);
	}
	my_slot->pid = 0;
	my_slot->latch = NULL;
	my_slot->last_used = GetCurrentTimestamp();
	pg_atomic_write_u32(&my_slot->sleeping, 0);
	launcher = hg_lane_shared->launcher_latch;
	LWLockRelease(hg_lane_shared->lock);
	my_slot = NULL;

	/* Records may have come since we looked; the launcher looks again. */
	if (launcher != NULL)
		SetLatch(launcher);
	ConditionVariableBroadcast(&hg_lane_shared->committed);
}

/* Take the database's slot; false if there is no place for us. */
static bool
claim_slot(void)
{
	HgRecorderSlot *slot;
	bool		mine = false;

	LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
	slot = hg_lane_find_slot(my_dboid, true);
	if (slot != NULL && slot->pid == 0)
	{
		slot->starting = false;
		if (slot->blocked == 0)
		{
			slot->pid = MyProcPid;
			slot->latch = MyLatch;
			slot->last_used = GetCurrentTimestamp();
			pg_atomic_write_u32(&slot->sleeping, 0);
			pg_atomic_write_u32(&slot->yield, 0);
			my_slot = slot;
			mine = true;
		}
	}
	LWLockRelease(hg_lane_shared->lock);
	return mine;
}

/* Sessions that fail to log in know their database by name only. */
static void
tell_name(void)
{
	char	   *name;

	StartTransactionCommand();
	name = get_database_name(my_dboid);
	LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
	strlcpy(my_slot->dbname, name ? name : "", NAMEDATALEN);
	LWLockRelease(hg_lane_shared->lock);
	CommitTransactionCommand();
}

static void
set_session(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

/* flush() promises that what it reports survives a crash. */
static void
stay_durable(void)
{
	if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
		set_session("synchronous_commit", "local");
}

static void
reload(void)
{
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	stay_durable();
	partitions_at = 0;			/* hoopguard.retention may be another */
}

/* Settings of the database or the server must not stop the recorder. */
static void
session_settings(void)
{
	set_session("application_name", "hoopguard recorder");
	set_session("search_path", "pg_catalog");
	set_session("statement_timeout", "0");
	set_session("lock_timeout", LOCK_TIMEOUT);
	set_session("idle_in_transaction_session_timeout", "0");
#if PG_VERSION_NUM >= 170000
	set_session("transaction_timeout", "0");
#endif
	set_session("default_transaction_isolation", "read committed");
	set_session("default_transaction_read_only", "off");
	set_session("default_transaction_deferrable", "off");
	set_session("default_table_access_method", "heap");
	set_session("row_security", "off");
	set_session("DateStyle", "ISO, YMD");

	/* No event trigger of a user runs when a partition is made. */
	set_session("session_replication_role", "replica");

	stay_durable();
}

/* -------------------------------------------------------------- the batch */

static bool
leaving(void)
{
	return leave_by != 0;
}

static bool
out_of_time(void)
{
	return leaving() && GetCurrentTimestamp() >= leave_by;
}

/* Notice a request to leave; sets leave_by once. */
static void
check_leave(void)
{
	long		ms;

	if (leaving())
		return;
	if (my_slot->blocked > 0)
		ms = BLOCKED_DRAIN_MS;
	else if (ShutdownRequestPending)
		ms = SHUTDOWN_DRAIN_MS;
	else
		return;
	leave_by = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);

	/* Shutting down without its standby is what the operator asked for. */
	if (ShutdownRequestPending && synchronous_commit != SYNCHRONOUS_COMMIT_OFF)
		set_session("synchronous_commit", "local");
}

static void
ring_read(const char *ring, uint64 at, char *into, Size len)
{
	Size		offset = at % hg_lane_shared->ring;
	Size		first = Min(len, hg_lane_shared->ring - offset);

	memcpy(into, ring + offset, first);
	if (first < len)
		memcpy(into + first, ring, len - first);
}

static void
drop_part(LaneReader *reader)
{
	if (reader->part == NULL)
		return;
	pfree(reader->part);
	reader->part = NULL;
	pg_atomic_fetch_add_u64(&hg_lane_shared->lost, 1);
}

/*
 * A record whose pieces are not all here: its session is told when it waits,
 * and all sessions send again what they have sent only once.
 */
static void
lose_record(HgLane *lane)
{
	pg_atomic_fetch_add_u64(&hg_lane_shared->lost, 1);
	pg_atomic_fetch_add_u64(&lane->refused, 1);
	pg_atomic_fetch_add_u64(&hg_lane_shared->epoch, 1);
}

static void
add_record(int type, int lane, const char *data, Size len)
{
	Record	   *record = &batch[nbatch++];

	record->type = type;
	record->lane = lane;
	record->data = data;
	record->len = len;
	record->settled = false;
	batch_bytes += len;
	if (nbatch >= BATCH_RECORDS || batch_bytes >= BATCH_BYTES)
		batch_full = true;
}

/*
 * Read what one lane holds.  A damaged piece cannot be stepped over, so the
 * rest of the lane goes with it.
 */
static void
collect_lane(int index)
{
	HgLane	   *lane = &hg_lane_shared->lanes[index];
	LaneReader *reader = &readers[index];
	const char *ring = hg_lane_ring(index);
	uint64		head = pg_atomic_read_u64(&lane->head);

	pg_read_barrier();
	while (reader->pos < head && !batch_full)
	{
		HgPieceHeader piece;
		uint64		at = reader->pos;
		bool		first;
		bool		last;

		ring_read(ring, at, (char *) &piece, sizeof(piece));
		if (piece.magic != HG_PIECE_MAGIC || piece.len > piece.total ||
			piece.len > head - at)
		{
			ereport(LOG,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("hoopguard recorder: damaged audit lane %d, " UINT64_FORMAT " bytes skipped",
							index, head - at)));
			pg_atomic_fetch_add_u64(&hg_lane_shared->lost, 1);
			drop_part(reader);
			reader->pos = head;
			return;
		}
		first = (piece.flags & HG_PIECE_FIRST) != 0;
		last = (piece.flags & HG_PIECE_LAST) != 0;
		reader->pos = at + sizeof(piece) + HG_PIECE_ALIGN(piece.len);

		if (first)
		{
			/* The record before was left unfinished by its backend. */
			drop_part(reader);
			reader->record_start = at;
		}
		if (first && last)
		{
			char	   *data = MemoryContextAlloc(batch_context,
												  Max(piece.len, 1));

			ring_read(ring, at + sizeof(piece), data, piece.len);
			add_record(piece.type, index, data, piece.len);
			continue;
		}
		if (first)
		{
			reader->part = MemoryContextAllocExtended(TopMemoryContext,
													  Max(piece.total, 1),
													  MCXT_ALLOC_NO_OOM);
			reader->part_len = 0;
			reader->part_total = piece.total;
			reader->part_type = piece.type;
		}
		if (reader->part == NULL)
		{
			/* too long for us, or the recorder before had its first pieces */
			if (last)
				lose_record(lane);
			continue;
		}
		if (piece.total != reader->part_total ||
			reader->part_len + piece.len > reader->part_total)
		{
			drop_part(reader);
			pg_atomic_fetch_add_u64(&lane->refused, 1);
			continue;
		}
		ring_read(ring, at + sizeof(piece), reader->part + reader->part_len,
				  piece.len);
		reader->part_len += piece.len;
		if (last)
		{
			char	   *data = MemoryContextAllocExtended(batch_context,
														  Max(reader->part_len, 1),
														  MCXT_ALLOC_HUGE);

			memcpy(data, reader->part, reader->part_len);
			add_record(reader->part_type, index, data, reader->part_len);
			pfree(reader->part);
			reader->part = NULL;
		}
	}
}

/* Fill the empty batch from all lanes of this database, in turn. */
static void
collect(void)
{
	int			n = hg_lane_shared->nlanes;
	uint32		mark = (uint32) (my_slot - hg_lane_shared->slots) + 1;
	int			i;

	MemoryContextReset(batch_context);
	nbatch = 0;
	batch_bytes = 0;
	batch_full = false;
	for (i = 0; i < n && !batch_full; i++)
	{
		int			index = (first_lane + i) % n;
		HgLane	   *lane = &hg_lane_shared->lanes[index];

		if (pg_atomic_read_u32(&lane->state) == HG_LANE_FREE)
			continue;
		pg_read_barrier();
		if (lane->dboid != my_dboid)
			continue;
		if (pg_atomic_read_u32(&lane->slot) != mark)
		{
			/* New here: or had another owner since. */
			pg_atomic_write_u32(&lane->slot, mark);
			drop_part(&readers[index]);
			readers[index].pos = pg_atomic_read_u64(&lane->tail);
		}
		collect_lane(index);
		pg_atomic_write_u64(&lane->taken, readers[index].pos);
	}
	first_lane = (first_lane + Max(i, 1)) % n;
}

/* Tell the lanes that all read so far is settled, and who waits for it. */
static void
publish(void)
{
	bool		moved = false;
	int			i;

	for (i = 0; i < hg_lane_shared->nlanes; i++)
	{
		HgLane	   *lane = &hg_lane_shared->lanes[i];
		LaneReader *reader = &readers[i];

		if (pg_atomic_read_u32(&lane->state) == HG_LANE_FREE ||
			lane->dboid != my_dboid || pg_atomic_read_u32(&lane->slot) == 0)
			continue;
		if (reader->part != NULL &&
			pg_atomic_read_u32(&lane->state) == HG_LANE_ORPHANED &&
			pg_atomic_read_u64(&lane->head) == reader->pos)
			drop_part(reader);	/* nobody will finish it */
		if (pg_atomic_read_u64(&lane->tail) == reader->pos &&
			pg_atomic_read_u64(&lane->durable) == reader->pos)
			continue;
		if (pg_atomic_read_u64(&lane->head) != reader->pos)
			pg_atomic_write_u64(&lane->pending_since,
								(uint64) GetCurrentTimestamp());

		moved = true;
		pg_atomic_write_u64(&lane->lsn, stored_lsn);

		/* Our reads of the bytes come before anyone may overwrite them. */
		pg_memory_barrier();
		pg_atomic_write_u64(&lane->durable, reader->part != NULL ?
							reader->record_start : reader->pos);
		pg_atomic_write_u64(&lane->tail, reader->pos);
		pg_memory_barrier();
		if (pg_atomic_read_u32(&lane->waiting) != 0)
		{
			Latch	   *latch = lane->latch;

			pg_atomic_write_u32(&lane->waiting, 0);
			if (latch != NULL)
				SetLatch(latch);
		}
	}
	nbatch = 0;
	hg_lane_free_orphans(my_dboid);
	if (moved)
		ConditionVariableBroadcast(&hg_lane_shared->committed);
}

/* ------------------------------------------------------------ transactions */

static void
begin_transaction(const char *activity)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, activity);
}

static void
commit_transaction(void)
{
	SPI_finish();
	PopActiveSnapshot();
	in_commit = true;
	CommitTransactionCommand();
	in_commit = false;
	stored_lsn = Max(stored_lsn, XactLastCommitEnd);
	QueryCancelPending = false;
	pgstat_report_activity(STATE_IDLE, NULL);
}

/*
 * In PG_CATCH: end the transaction, keep the error's text, tell the log at
 * the given level.  Returns the SQLSTATE.
 */
static int
abort_transaction(int elevel, const char *what)
{
	ErrorData  *edata;
	int			code;

	HOLD_INTERRUPTS();
	in_commit = false;
	MemoryContextSwitchTo(TopMemoryContext);
	edata = CopyErrorData();
	FlushErrorState();
	code = edata->sqlerrcode;
	hg_lane_note_error(my_slot, edata->message ? edata->message : "error");
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(TopMemoryContext);
	ereport(elevel,
			(errcode(code),
			 errmsg("hoopguard recorder: %s: %s", what,
					edata->message ? edata->message : "error"),
			 edata->detail ? errdetail_internal("%s", edata->detail) : 0));
	FreeErrorData(edata);
	pgstat_report_activity(STATE_IDLE, NULL);
	RESUME_INTERRUPTS();
	return code;
}

/* Where the chain of seals ends, for verify_audit() and who comes after us. */
static void
tell_seal(void)
{
	HgSealMark	mark;

	hg_seal_last(&mark);
	LWLockAcquire(hg_lane_shared->lock, LW_EXCLUSIVE);
	my_slot->sealed = mark;
	my_slot->sealed_lsn = stored_lsn;
	LWLockRelease(hg_lane_shared->lock);
}

static bool
may_go_away(int code)
{
	int			class = ERRCODE_TO_CATEGORY(code);

	return class == ERRCODE_INSUFFICIENT_RESOURCES ||
		class == ERRCODE_OPERATOR_INTERVENTION ||
		class == ERRCODE_TRANSACTION_ROLLBACK ||
		class == ERRCODE_SYSTEM_ERROR ||
		class == ERRCODE_INVALID_TRANSACTION_STATE ||
		class == MAKE_SQLSTATE('5', '5', '0', '0', '0');
}

/* A full disk and the like: it takes a while, and no session's latch tells. */
static bool
lacks_resources(int code)
{
	int			class = ERRCODE_TO_CATEGORY(code);

	return class == ERRCODE_INSUFFICIENT_RESOURCES ||
		class == ERRCODE_SYSTEM_ERROR;
}

static bool
make_partitions(void)
{
	volatile bool ok = true;

	PG_TRY();
	{
		begin_transaction("creating partitions");
		hg_store_partitions();
		commit_transaction();
		partitions_failed = 0;
		partitions_starved = false;
	}
	PG_CATCH();
	{
		partitions_starved =
			lacks_resources(abort_transaction(LOG,
											  "could not create a partition"));
		partitions_failed = GetCurrentTimestamp();
		ok = false;
	}
	PG_END_TRY();
	return ok;
}

/* Remove what hoopguard.retention does not keep. */
static bool
retain(void)
{
	volatile bool ok = true;
	volatile bool due = false;
	Oid			relid;

	PG_TRY();
	{
		begin_transaction("removing old partitions");
		due = hg_store_installed() && hg_retention_due() &&
			hg_store_begin(&relid);
		if (due)
		{
			hg_retention_run();
			hg_store_end();
		}
		commit_transaction();
	}
	PG_CATCH();
	{
		(void) abort_transaction(LOG, "could not remove old partitions");
		ok = false;
	}
	PG_END_TRY();
	if (due)
		hg_store_forget(ok);
	if (due && ok)
		tell_seal();
	return ok;
}

/* Does a session wait for what is being stored? */
static bool
somebody_waits(void)
{
	int			i;

	for (i = 0; i < hg_lane_shared->nlanes; i++)
	{
		HgLane	   *lane = &hg_lane_shared->lanes[i];

		if (lane->dboid == my_dboid &&
			pg_atomic_read_u32(&lane->waiting) != 0 &&
			pg_atomic_read_u32(&lane->state) == HG_LANE_OWNED)
			return true;
	}
	return false;
}

/*
 * May the flush of this transaction be left to a session that waits for it?
 * The session's own commit, or else a flush, comes after our commit in WAL, so
 * one flush serves both.  Not if anything leaves the server on the strength of
 * this commit (requests for approval, sinks), nor if a standby is to have it.
 */
static bool
may_leave_flush(int from, int to)
{
	int			i;

	if (leaving() || ConfigReloadPending || !somebody_waits() ||
		hg_outbox_wanted() ||
		(SyncRepStandbyNames != NULL && SyncRepStandbyNames[0] != '\0'))
		return false;
	for (i = from; i < to; i++)
	{
		if (batch[i].type >= 64)
			return false;
	}
	return true;
}

/* For this transaction. */
static void
leave_flush(void)
{
	(void) set_config_option("synchronous_commit", "off", PGC_SUSET,
							 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	if (unflushed_since == 0)
		unflushed_since = GetCurrentTimestamp();
}

/* Who waited may have gone: see to the flush after a while. */
static void
flush_left(bool now)
{
	if (unflushed_since == 0)
		return;
	if (now || TimestampDifferenceExceeds(unflushed_since,
										  GetCurrentTimestamp(), FLUSH_MS))
		XLogFlush(stored_lsn);
	else if (XLogNeedsFlush(stored_lsn))
		return;
	unflushed_since = 0;
}

/* One transaction for the records [from, to) that are not settled yet. */
static Attempt
attempt(int from, int to)
{
	volatile Attempt result = ATTEMPT_STORED;
	Oid			relid = InvalidOid; /* used only if nothing was raised */
	bool		resolving = intents_since >= RESOLVE_AFTER;
	int			i;

	PG_TRY();
	{
		begin_transaction("storing audit records");
		if (!hg_store_begin(&relid))
			result = ATTEMPT_ABSENT;
		else if (relid != partitioned_relid ||
				 (!hg_store_has_partitions() &&
				  (partitions_starved ||
				   TimestampDifferenceExceeds(partitions_failed,
											  GetCurrentTimestamp(),
											  PARTITION_RETRY_MS))))
		{
			hg_store_end();
			result = ATTEMPT_NEW;
		}
		else
		{
			if (pg_atomic_read_u32(&my_slot->resolved) == 0)
				hg_store_started((int64)
								 pg_atomic_read_u64(&hg_lane_shared->first_session_id));
			if (resolving)
				hg_store_resolve((int64)
								 pg_atomic_read_u64(&hg_lane_shared->first_session_id));
			for (i = from; i < to; i++)
			{
				const Record *record = &batch[i];

				CHECK_FOR_INTERRUPTS();
				if (record->settled)
					continue;
				if (record->type < 64)
					hg_store_record(record->type, record->data, record->len);
				else if (record->type <= HG_REC_TYPE_MAX &&
						 handlers[record->type] != NULL)
					handlers[record->type] (record->data, record->len);
				else
					ereport(ERROR,
							(errcode(ERRCODE_DATA_CORRUPTED),
							 errmsg("unrecognized audit record type %d",
									record->type)));
			}
			hg_store_end();
			if (may_leave_flush(from, to))
				leave_flush();
		}
		commit_transaction();
	}
	PG_CATCH();
	{
		/* A batch that is going to be halved is not worth a line each time. */
		int			elevel = first_refusal ? LOG : DEBUG1;
		int			code = abort_transaction(elevel, "could not store records");

		starved = lacks_resources(code);
		if (may_go_away(code))
			result = ATTEMPT_AGAIN;
		else
		{
			result = ATTEMPT_REFUSED;
			first_refusal = false;
		}
	}
	PG_END_TRY();

	hg_store_forget(result == ATTEMPT_STORED);

	/*
	 * Partitions come before rows: a week with rows in the default partition
	 * cannot get its own any more.  A full disk is waited for; if they cannot
	 * be made for another reason, rows go on without.
	 */
	if (result == ATTEMPT_NEW)
	{
		if (!make_partitions() && partitions_starved)
		{
			starved = true;
			result = ATTEMPT_AGAIN;
		}
		partitioned_relid = relid;
	}

	/* Other tables than last time: sessions must send all again. */
	if (result == ATTEMPT_STORED || result == ATTEMPT_ABSENT)
	{
		if (my_slot->event_relid != relid)
		{
			my_slot->event_relid = relid;
			pg_atomic_fetch_add_u64(&hg_lane_shared->epoch, 1);
		}
	}
	if (result == ATTEMPT_STORED)
	{
		tell_seal();
		for (i = from; i < to; i++)
		{
			if (batch[i].type == HG_REC_INTENT && !batch[i].settled)
				intents_since++;
			batch[i].settled = true;
		}
		if (resolving)
		{
			intents_since = 0;
			pg_atomic_write_u32(&my_slot->resolved, 1);
		}
		pg_atomic_fetch_add_u64(&my_slot->events_written, hg_store_events());
		my_slot->last_commit_at = GetCurrentTimestamp();
	}
	return result;
}

/* With nothing to store: what the start of a recorder has to see to. */
static void
attempt_empty(void)
{
	int			i;

	for (i = 0; i < 2 && attempt(0, 0) == ATTEMPT_NEW; i++)
		;
	ConditionVariableBroadcast(&hg_lane_shared->committed);
}

/* Sleep; ends early for whoever sets the latch. */
static void
nap(long ms)
{
	(void) WaitLatch(MyLatch,
					 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
		reload();
}

/*
 * Wait before the next try.  A lock that is released is noticed at once, by
 * the latch of whoever waits for us; but each try on a full disk costs a line
 * in the log and dead rows, so there only a request to leave ends the wait.
 */
static void
pause_for(long ms)
{
	bool		was_leaving = leaving();
	TimestampTz until;

	until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
	if (was_leaving)
		until = Min(until, leave_by);
	do
	{
		nap(TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until));
		check_leave();
	} while (starved && leaving() == was_leaving &&
			 GetCurrentTimestamp() < until);
}

/*
 * Settle the records [from, to).  False when this is not the time: absent,
 * or no time left before leaving.
 */
static bool
settle(int from, int to)
{
	long		delay = RETRY_MIN_MS;
	int			refusals = 0;

	for (;;)
	{
		Attempt		result = attempt(from, to);

		if (result == ATTEMPT_STORED)
			return true;
		if (result == ATTEMPT_NEW)
			continue;
		if (result == ATTEMPT_ABSENT)
		{
			if (absent_since == 0)
				absent_since = GetCurrentTimestamp();
			return false;
		}
		check_leave();
		if (out_of_time())
			return false;
		if (result == ATTEMPT_REFUSED)
		{
			if (to - from > 1)
			{
				int			middle = from + (to - from) / 2;

				return settle(from, middle) && settle(middle, to);
			}
			if (++refusals >= 2)
			{
				batch[from].settled = true;
				pg_atomic_fetch_add_u64(&my_slot->skipped, 1);
				pg_atomic_fetch_add_u64(&hg_lane_shared->lanes[batch[from].lane].refused, 1);
				ereport(LOG,
						(errmsg("hoopguard recorder: skipped a record of type %d that cannot be stored",
								batch[from].type)));
				return true;
			}
			continue;
		}
		pause_for(delay);
		delay = leaving() ? RETRY_LEAVING_MS : Min(delay * 2, RETRY_MAX_MS);
		if (out_of_time())
			return false;
	}
}

/* hoopguard is not here: wait a little for it, then let the records go. */
static void
absent(void)
{
	uint64		fullest;

	(void) hg_lane_pending(my_dboid, &fullest);
	if (!leaving() && fullest <= hg_lane_shared->ring / 2 &&
		!TimestampDifferenceExceeds(absent_since, GetCurrentTimestamp(),
									ABSENT_GRACE_MS))
		return;
	pg_atomic_fetch_add_u64(&hg_lane_shared->discarded, nbatch);
	publish();

	/*
	 * Sessions and statements may have been among them: should the extension
	 * come now, they are to be sent again.
	 */
	if (nbatch > 0)
		pg_atomic_fetch_add_u64(&hg_lane_shared->epoch, 1);
}

/* ------------------------------------------------------------------- ticks */

static void
wish(int i, long ms)
{
	TimestampTz at;

	if (ms < 0)
		return;
	at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
	if (tick_at[i] == 0 || at < tick_at[i])
		tick_at[i] = at;
}

static void
ticks_after_commit(void)
{
	int			i;

	for (i = 0; i < nticks; i++)
		wish(i, ticks[i] (true));
}

/* When the next of them is wanted; 0: no wish. */
static TimestampTz
next_tick(void)
{
	TimestampTz next = 0;
	int			i;

	for (i = 0; i < nticks; i++)
		if (tick_at[i] != 0 && (next == 0 || tick_at[i] < next))
			next = tick_at[i];
	return next;
}

/* One tick in a transaction of its own; its error costs it a second. */
static void
run_tick(int i)
{
	PG_TRY();
	{
		Oid			relid;

		begin_transaction("housekeeping");
		if (hg_store_begin(&relid))
		{
			hg_store_end();
			wish(i, ticks[i] (false));
		}
		commit_transaction();
		hg_store_forget(false);
		wish(i, ticks[i] (true));
	}
	PG_CATCH();
	{
		(void) abort_transaction(LOG, "housekeeping failed");
		hg_store_forget(false);
		wish(i, 1000);
	}
	PG_END_TRY();
}

/* Those that are due or were asked for: each costs a transaction. */
static void
run_ticks(bool all)
{
	uint32		poked = pg_atomic_exchange_u32(&my_slot->poked, 0);
	TimestampTz now = GetCurrentTimestamp();
	int			i;

	for (i = 0; i < nticks; i++)
	{
		if (!all && (poked & ((uint32) 1 << i)) == 0 &&
			(tick_at[i] == 0 || tick_at[i] > now))
			continue;
		tick_at[i] = 0;
		run_tick(i);
	}
}

/* ------------------------------------------------------------------ worker */

/* Are there lanes of this database with a living owner? */
static bool
owners_live(void)
{
	int			i;

	for (i = 0; i < hg_lane_shared->nlanes; i++)
	{
		HgLane	   *lane = &hg_lane_shared->lanes[i];

		if (pg_atomic_read_u32(&lane->state) == HG_LANE_OWNED &&
			lane->dboid == my_dboid)
			return true;
	}
	return false;
}

/* Is a session in the midst of a record, whose first pieces are here only? */
static bool
parts_left(void)
{
	int			i;

	for (i = 0; i < hg_lane_shared->nlanes; i++)
	{
		if (readers[i].part != NULL &&
			hg_lane_shared->lanes[i].dboid == my_dboid &&
			pg_atomic_read_u32(&hg_lane_shared->lanes[i].state) ==
			HG_LANE_OWNED)
			return true;
	}
	return false;
}

/* Leaving: is there more to wait for? */
static bool
done_leaving(TimestampTz since)
{
	if (out_of_time())
		return true;
	if (nbatch > 0 || hg_lane_pending(my_dboid, NULL) > 0 || parts_left())
		return false;
	if (my_slot->blocked > 0 || !owners_live())
		return true;

	/* Told to go alone (pg_terminate_backend), not with the server. */
	return !hg_lane_shared->stopping &&
		TimestampDifferenceExceeds(since, GetCurrentTimestamp(),
								   SHUTDOWN_SETTLE_MS);
}

/* Leaving: tell of records that nobody could store in time. */
static void
tell_unstored(void)
{
	uint64		bytes = hg_lane_pending(my_dboid, NULL);
	int			tried = 0;
	int			i;

	for (i = 0; i < nbatch; i++)
		tried += batch[i].settled ? 0 : 1;

	/* The tails have not moved, so the batch's bytes are among them. */
	if (bytes > 0)
		ereport(LOG,
				(errmsg("hoopguard recorder: leaves with " UINT64_FORMAT " bytes that could not be stored, %d records of them tried",
						bytes, tried),
				 hg_lane_shared->stopping ?
				 errdetail("The server stops, and they are lost with it.") :
				 errdetail("The next recorder of the database reads them.")));
}

void
hg_recorder_main(Datum arg)
{
	TimestampTz quiet_since;
	TimestampTz leaving_since = 0;
	bool		first_turn = true;

	hg_in_worker = true;
	my_dboid = DatumGetObjectId(arg);

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, recorder_sigterm);
	BackgroundWorkerUnblockSignals();

	if (hg_lane_shared == NULL)
		proc_exit(0);
	on_shmem_exit(slot_on_exit, (Datum) 0);
	if (!claim_slot())
		proc_exit(0);

	/* A database that allows no connections is recorded all the same. */
	BackgroundWorkerInitializeConnectionByOid(my_dboid, InvalidOid,
											  BGWORKER_BYPASS_ALLOWCONN);
	session_settings();
	stored_lsn = my_slot->sealed_lsn;
	hg_seal_resume(&my_slot->sealed);
	tell_name();
	my_slot->failures = 0;
	readers = MemoryContextAllocZero(TopMemoryContext,
									 sizeof(LaneReader) *
									 hg_lane_shared->nlanes);
	batch_context = AllocSetContextCreate(TopMemoryContext,
										  "hoopguard batch",
										  ALLOCSET_DEFAULT_SIZES);
	batch = MemoryContextAlloc(TopMemoryContext,
							   sizeof(Record) * BATCH_RECORDS);
	quiet_since = GetCurrentTimestamp();

	for (;;)
	{
		TimestampTz now;
		long		sleep_ms;

		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
			reload();
		AcceptInvalidationMessages();
		flush_left(false);
		check_leave();
		if (leaving() && leaving_since == 0)
			leaving_since = GetCurrentTimestamp();

		now = GetCurrentTimestamp();
		if (!leaving() && now >= partitions_at)
			partitions_at = TimestampTzPlusMilliseconds(now,
														make_partitions() && retain() ?
														PARTITION_CHECK_MS :
														PARTITION_RETRY_MS);

		if (nbatch == 0)
			collect();
		if (nbatch > 0)
		{
			quiet_since = GetCurrentTimestamp();
			first_refusal = true;
			if (settle(0, nbatch))
			{
				absent_since = 0;
				publish();
				ticks_after_commit();
				pgstat_report_stat(false);
			}
			else if (absent_since != 0)
				absent();
		}
		else
		{
			publish();			/* pieces of a long record, orphans */
			if (first_turn && !leaving())
				attempt_empty();
		}

		if (!leaving() &&
			(first_turn || pg_atomic_read_u32(&my_slot->poked) != 0 ||
			 (next_tick() != 0 && GetCurrentTimestamp() >= next_tick())))
			run_ticks(first_turn);
		first_turn = false;

		if (leaving())
		{
			if (done_leaving(leaving_since))
			{
				tell_unstored();
				break;
			}
			nap(nbatch > 0 ? RETRY_MIN_MS : 10);
			continue;
		}
		if (batch_full && nbatch == 0)
			continue;

		/* How long to sleep, and whether to go. */
		now = GetCurrentTimestamp();
		sleep_ms = ACTIVE_SLEEP_MS;
		if (nbatch == 0 &&
			TimestampDifferenceExceeds(quiet_since, now, ACTIVE_FOR_MS))
		{
			if (next_tick() == 0 &&
				(TimestampDifferenceExceeds(quiet_since, now, IDLE_EXIT_MS) ||
				 absent_since != 0 ||
				 pg_atomic_read_u32(&my_slot->yield) != 0))
				break;
			sleep_ms = IDLE_SLEEP_MS;
		}
		if (next_tick() != 0)
			sleep_ms = Min(sleep_ms,
						   TimestampDifferenceMilliseconds(now, next_tick()));
		if (unflushed_since != 0)
			sleep_ms = Min(sleep_ms, FLUSH_MS);
		if (sleep_ms > ACTIVE_SLEEP_MS)
		{
			pgstat_report_stat(true);
			pg_atomic_write_u32(&my_slot->sleeping, 1);
			pg_memory_barrier();
			if (hg_lane_pending(my_dboid, NULL) > 0 ||
				pg_atomic_read_u32(&my_slot->poked) != 0)
				sleep_ms = 0;
		}
		if (sleep_ms > 0)
			(void) WaitLatch(MyLatch,
							 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 sleep_ms, PG_WAIT_EXTENSION);
		pg_atomic_write_u32(&my_slot->sleeping, 0);
	}
	flush_left(true);
	proc_exit(0);
}
