/*-------------------------------------------------------------------------
 *
 * limits.h
 *	  Hard ceilings, counted while statements run.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_LIMITS_H
#define HG_LIMITS_H

#include "base/compat.h"
#include "executor/execdesc.h"
#include "nodes/parsenodes.h"
#include "policy/policy.h"
#include "tcop/dest.h"

typedef enum HgLimitKind
{
	HG_LIMIT_ROWS_WRITTEN,
	HG_LIMIT_ROWS_RETURNED,
	HG_LIMIT_BYTES_RETURNED,
	HG_LIMIT_STATEMENTS,
	HG_LIMIT_PROBES,
	HG_LIMIT_RUN_MS,			/* counted in microseconds */
	HG_LIMIT_KINDS
} HgLimitKind;

typedef struct HgArmed HgArmed;

/*
 * What one statement of the client has used up, together with all that runs
 * inside it.  A member of HgStmt.
 */
#define HG_WARNED_MAX 8
typedef struct HgTally
{
	const HgArmed *armed;		/* limits that hold, NULL: none */
	int64		used[HG_LIMIT_KINDS];
	int			copy_probes;	/* by each row of COPY FROM */
	int			nwarned;
	int			warned[HG_WARNED_MAX];	/* limits that were passed and only
										 * noted */
	bool		observed;		/* one of them by mode observe */
	bool		dry;			/* a rehearsal: nothing is used up */
	const struct HgTally *around;	/* what the rehearsal is part of, or NULL */
} HgTally;

/*
 * A statement starts under this policy (NULL: ungoverned).  HG004 while the
 * transaction is doomed or a window cannot be had.
 */
extern void hg_limits_begin(HgTally *tally, const HgPolicy *policy);

/* The statement being counted, NULL: none; leave wants to know. */
extern HgTally *hg_limits_outer(void);

/*
 * From here to hg_limits_leave() things are counted for this tally, unless a
 * statement further out is counting: then for that.  run_ms runs between the
 * two.  Raises HG004 when that is used up already, so belongs into PG_TRY;
 * leave is called in PG_CATCH as well, before anything can raise.
 */
extern void hg_limits_enter(HgTally *tally);
extern void hg_limits_leave(HgTally *outer);

/* Before leave, if nothing failed: HG004 when run_ms is used up. */
extern void hg_limits_check_time(const HgTally *outer);

/*
 * In PG_CATCH of the outermost statement, after leave: does the error now
 * being handled come from run_ms?  hg_limits_raise_time() replaces it.
 */
extern bool hg_limits_timed_out(void);
pg_noreturn extern void hg_limits_raise_time(void);

/* Count n of a kind for the current statement; HG004 at the ceiling. */
extern void hg_limits_count(HgLimitKind kind, int64 n);

/* The same for a statement that has not been entered yet. */
extern void hg_limits_count_for(HgTally *tally, HgLimitKind kind, int64 n);

/*
 * From here to hg_limits_dry_end() limits stop what runs, as if it had been
 * run, but nothing is used up.  Returns what the end wants.
 */
extern HgTally *hg_limits_dry_begin(HgTally *dry, const HgPolicy *policy);
extern void hg_limits_dry_end(HgTally *outer);

/* Microseconds that run_ms leaves to a statement of the policy, -1: any. */
extern int64 hg_limits_time_left(const HgPolicy *policy);

/*
 * After ExecutorStart: count the rows that ModifyTable nodes write, until the
 * executor's memory goes, and for each that they try to write row_probes.  HG004 for a foreign table that would be written
 * out of sight.
 */
extern void hg_limits_watch(QueryDesc *queryDesc, const HgTally *tally,
							int row_probes);

/* After ExecutorRun or ExecutorFinish: count what is not counted yet. */
extern void hg_limits_settle(QueryDesc *queryDesc);

/*
 * A receiver that counts rows (as `kind`) and, for rows returned, bytes on
 * their way to `inner`.  dest is the caller's memory and has to last while
 * rows may come; destroying it does nothing.
 */
typedef struct HgCountingDest
{
	DestReceiver pub;
	DestReceiver *inner;
	HgLimitKind kind;
} HgCountingDest;

extern DestReceiver *hg_limits_dest(HgCountingDest *dest, DestReceiver *inner,
									HgLimitKind kind);

/* Is this a receiver made by hg_limits_dest()? */
extern bool hg_limits_is_dest(const DestReceiver *dest);

/*
 * COPY FROM that counts its rows, as a new node; the same node where nothing
 * is to be counted.
 */
extern CopyStmt *hg_limits_copy_from(CopyStmt *stmt, HgTally *tally,
									 int row_probes);

/* Must COPY TO go through the executor to be counted? */
extern bool hg_limits_counts_returned(const HgTally *tally);

/* ERROR HG004 or HG005 if the transaction has to be rolled back. */
extern void hg_limits_check_doomed(void);

/* A frozen subject was refused: the transaction cannot go on. */
extern void hg_limits_doom_frozen(const char *reason);

/* The transaction ended: its counters start again. */
extern void hg_limits_transaction_end(void);

extern Size hg_limits_shmem_size(void);
extern void hg_limits_shmem_init(bool found);

/* Wiring, from _PG_init: the recorder's part. */
extern void hg_limits_register(void);

#endif							/* HG_LIMITS_H */
