/*-------------------------------------------------------------------------
 *
 * limits_window.h
 *	  Counters over time, shared by all sessions of a subject.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_LIMITS_WINDOW_H
#define HG_LIMITS_WINDOW_H

#include "datatype/timestamp.h"
#include "policy/policy.h"
#include "port/atomics.h"

/*
 * A window is 63 whole buckets and the current one, so that what is counted
 * stays for at least the limit's span and at most a 63rd of it longer.
 */
#define HG_WINDOW_BUCKETS 64

/* Windows counted at a time, over all databases, subjects and limits. */
#define HG_WINDOWS_MAX 1024

typedef enum HgWindowState
{
	HG_WINDOW_READY,
	HG_WINDOW_EMPTY				/* awaits what was counted before the restart */
} HgWindowState;

typedef struct HgWindow
{
	/* protected by the lock; fixed while pinned */
	Oid			database;		/* InvalidOid: never used */
	Oid			subject;
	int			limit_id;
	int			kind;			/* HgLimitKind */
	TimestampTz seed_from;		/* while empty */
	int64		bucket_us;		/* length of a bucket */
	int64		span_us;

	/* no lock */
	pg_atomic_uint32 pins;		/* backends that point here */
	pg_atomic_uint32 state;		/* HgWindowState */
	pg_atomic_uint32 rotating;	/* 1 while somebody moves head */
	pg_atomic_uint64 head;		/* time of the current bucket / bucket_us */
	pg_atomic_uint64 total;		/* of all buckets */
	pg_atomic_uint64 bucket[HG_WINDOW_BUCKETS];
} HgWindow;

extern Size hg_window_shmem_size(void);
extern void hg_window_shmem_init(void);

/*
 * The window of a limit, pinned until hg_window_unpin().  NULL when all are
 * in use.  Where counts from before a restart belong to it, waits until the
 * recorder has read them; raises HG004 when that takes too long.  kind is an
 * HgLimitKind, readable says that events can tell what was counted.
 */
extern HgWindow *hg_window_pin(const HgLimit *limit, int kind);
extern void hg_window_unpin(HgWindow *window);

/*
 * Reserve n if the window then holds no more than limit; false and nothing
 * done otherwise.  *used: what it holds, or would.  force: in any case.
 * Takes no lock and raises nothing: signal handlers may call it.
 */
extern bool hg_window_add(HgWindow *window, int64 n, int64 limit, bool force,
						  int64 *used);

/* Undo a part of what this backend just reserved and has not used. */
extern void hg_window_give_back(HgWindow *window, int64 n);

/* What the window holds now. */
extern int64 hg_window_used(HgWindow *window);

/* When the oldest count leaves the window; 0 if it is empty. */
extern TimestampTz hg_window_frees_at(HgWindow *window);

/*
 * Recorder: put counts of before the restart into the windows of this
 * database that await them; in a transaction with SPI connected.  True if
 * there were any.
 */
extern bool hg_window_seed_all(void);

/* Windows of all databases; for status.  Index below HG_WINDOWS_MAX. */
extern bool hg_window_look(int index, HgWindow *copy);

#endif							/* HG_LIMITS_WINDOW_H */
