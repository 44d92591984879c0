/*-------------------------------------------------------------------------
 *
 * lane_shared.h
 *	  Lanes and recorder slots as they lie in shared memory; for the files
 *	  of record/ only.
 *
 * Two things move without a lock: head belongs to the producer, tail and
 * durable belong to the one recorder of the lane's database.  They are never
 * set back, not even when a lane gets a new owner, so "durable has reached
 * the head I saw" stays true for ever.  Everything else says which lock.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_LANE_SHARED_H
#define HG_LANE_SHARED_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "record/lane.h"
#include "record/seal.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

/* Lanes beyond one per backend: owners gone, data not yet recorded. */
#define HG_LANE_SPARE 64

/* Databases that can have a recorder, or a stop, at the same time. */
#define HG_RECORDER_SLOTS 64

#define HG_ERROR_TEXT 256

/* What stands before each piece in the ring; a multiple of 16 bytes. */
typedef struct HgPieceHeader
{
	uint32		len;			/* payload bytes of this piece */
	uint32		total;			/* payload bytes of the whole record */
	uint16		type;
	uint16		flags;
	uint32		magic;
} HgPieceHeader;

#define HG_PIECE_FIRST 1
#define HG_PIECE_LAST 2
#define HG_PIECE_MAGIC 0x48476c6e
#define HG_PIECE_ALIGN(n) (((n) + 15) & ~((uint64) 15))

typedef enum HgLaneState
{
	HG_LANE_FREE,
	HG_LANE_OWNED,
	HG_LANE_ORPHANED			/* owner has exited */
} HgLaneState;

typedef struct HgLane
{
	pg_atomic_uint64 head;		/* bytes ever written; producer */
	pg_atomic_uint64 pending_since; /* when it stopped being empty */
	char		pad1[PG_CACHE_LINE_SIZE - 2 * sizeof(pg_atomic_uint64)];
	pg_atomic_uint64 tail;		/* bytes ever taken; recorder */
	pg_atomic_uint64 durable;	/* bytes whose rows are committed; recorder */
	pg_atomic_uint64 lsn;		/* and on disk once WAL is, up to here; as it */
	pg_atomic_uint64 taken;		/* bytes read into a batch; recorder, a hint */
	pg_atomic_uint64 refused;	/* records no table would take; recorder */
	pg_atomic_uint32 waiting;	/* owner sleeps until tail or durable moves */
	pg_atomic_uint32 slot;		/* recorder slot + 1, 0: none; hint */
	pg_atomic_uint32 state;		/* HgLaneState; changed under the lock */
	Oid			dboid;			/* set under the lock while free */
	int			pid;			/* owner; as dboid */
	Latch	   *latch;			/* owner's; as dboid */
	char		pad2[PG_CACHE_LINE_SIZE];
} HgLane;

typedef struct HgRecorderSlot
{
	/* protected by the lock, read without it for display and hints */
	Oid			dboid;			/* InvalidOid: slot never used */
	int			pid;			/* 0: no recorder runs */
	Latch	   *latch;
	bool		starting;		/* asked of the postmaster, not yet here */
	int			blocked;		/* sessions that keep it from running */
	char		dbname[NAMEDATALEN];	/* "": not known, for failed logins */
	int			failures;		/* starts in a row that came to nothing */
	TimestampTz next_try;		/* not before */
	TimestampTz last_used;

	/* set by anyone */
	pg_atomic_uint32 sleeping;	/* recorder sleeps long: needs its latch */
	pg_atomic_uint32 poked;		/* hg_lane_poke(): ticks to run */
	pg_atomic_uint32 yield;		/* leave when idle: others need the worker */
	pg_atomic_uint32 resolved;	/* intents of before the start are events */

	/* written by the recorder alone, torn reads are for display only */
	pg_atomic_uint64 events_written;
	pg_atomic_uint64 skipped;	/* records no table would take */
	TimestampTz last_commit_at;
	Oid			event_relid;	/* hoopguard.event as last seen */
	HgSealMark	sealed;			/* end of the chain; under the lock */
	XLogRecPtr	sealed_lsn;		/* as lsn of a lane; under the lock */
	TimestampTz last_error_at;
	char		last_error[HG_ERROR_TEXT];
} HgRecorderSlot;

typedef struct HgLaneShared
{
	LWLock	   *lock;			/* assignment of lanes and slots */
	int			nlanes;
	Size		ring;			/* bytes per lane */
	Size		reserve;		/* of them only for records that cannot wait */

	/* under the lock, read without for waking */
	int			launcher_pid;
	Latch	   *launcher_latch;
	bool		stopping;		/* launcher was told to go: server shutdown */

	pg_atomic_uint64 next_event_id;
	pg_atomic_uint64 next_session_id;
	pg_atomic_uint64 first_session_id;	/* since shared memory was made */
	pg_atomic_uint64 released;	/* waits for a flush that were given up */
	pg_atomic_uint64 lost;		/* records that found no room in time */
	pg_atomic_uint64 discarded; /* records of databases without hoopguard */
	pg_atomic_uint64 epoch;		/* moves when sent statements must be resent */

	ConditionVariable committed;	/* broadcast after each recorder commit */
	HgRecorderSlot slots[HG_RECORDER_SLOTS];
	HgLane		lanes[FLEXIBLE_ARRAY_MEMBER];
} HgLaneShared;

/* NULL unless preloaded. */
extern HgLaneShared *hg_lane_shared;

extern char *hg_lane_ring(int lane);

/* Slot of a database; NULL if none (and none could be made).  Lock held. */
extern HgRecorderSlot *hg_lane_find_slot(Oid dboid, bool create);

/*
 * The end of this database's chain of seals, as its recorder wrote it last,
 * and where it is in the WAL: *mark, whose seal_id is 0 if there is none.
 * Takes the lock.
 */
extern XLogRecPtr hg_lane_sealed(HgSealMark *mark);

/* Bytes that wait in the lanes of a database; *fullest: of the fullest. */
extern uint64 hg_lane_pending(Oid dboid, uint64 *fullest);

/* Free orphaned lanes of a database that hold nothing (any: InvalidOid). */
extern void hg_lane_free_orphans(Oid dboid);

/* Keep an error's text for status(). */
extern void hg_lane_note_error(HgRecorderSlot *slot, const char *message);

#endif							/* HG_LANE_SHARED_H */
