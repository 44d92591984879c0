/*-------------------------------------------------------------------------
 *
 * limits.h
 *	  Counts while rows flow.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_LIMITS_H
#define HG_LIMITS_H

#include "executor/execdesc.h"
#include "policy/policy.h"

/*
 * After ExecutorStart: count rows handed to ModifyTable nodes against the
 * policy's rows_written limits, until the executor's memory goes.  HG004 is
 * raised from inside the run, before the row over the limit is written.
 * level 0 starts a new statement: what cascades and triggers write at higher
 * levels counts as that statement's.
 */
extern void hg_limits_arm(QueryDesc *queryDesc, const HgPolicy *policy,
						  int level);

/* The transaction ended: per-transaction counters start again. */
extern void hg_limits_transaction_end(void);

/* ERROR HG004 if a transaction limit was passed and nothing rolled back yet. */
extern void hg_limits_check_doomed(void);

extern Size hg_limits_shmem_size(void);
extern void hg_limits_shmem_init(bool found);

#endif							/* HG_LIMITS_H */
