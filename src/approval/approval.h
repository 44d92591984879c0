/*-------------------------------------------------------------------------
 *
 * approval.h
 *	  Ask, wait, consume.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_APPROVAL_H
#define HG_APPROVAL_H

#include "guard/guard.h"
#include "guard/written.h"
#include "nodes/params.h"

typedef struct HgApprovalAsk
{
	const HgPolicy *policy;
	const HgFacts *facts;
	const HgVerdict *verdict;
	const char *text;			/* exact bytes of this one statement */
	ParamListInfo params;		/* or NULL */
	bool		may_wait;		/* top level, no block, no xid, READ
								 * COMMITTED: the caller has checked */
	double		est_rows;		/* -1 unknown */
	double		est_cost;
	int64		event_id;
	MemoryContext keep;			/* for hg_approval_bound()'s result */

	/*
	 * Says what the statement would do, as a JSON object, or NULL; called
	 * when a request is made, and not when there is one.
	 */
	char	   *(*evidence) (void *arg);
	void	   *evidence_arg;
} HgApprovalAsk;

/*
 * Returns only when the statement may run now, with the ticket consumed;
 * approval_id (37 bytes) is then set.  Else raises HG002, HG003, HG010 to
 * HG013.  While it waits it holds no snapshot: the caller must pop and
 * unregister its own before and take a new one after (see hooks.c), and
 * signals that with may_wait.  approval_id is also set before raising.
 */
extern void hg_approval_require(const HgApprovalAsk *ask, char *approval_id);

/*
 * Rows that the ticket used by the last hg_approval_require() may touch, -1
 * without a bound.  The caller enforces it with HG010.
 */
extern int64 hg_approval_max_rows(void);

/*
 * What it holds the statement to, counting from now: NULL for nothing.  In
 * the context that was to keep it.
 */
extern HgBound *hg_approval_bound(void);

extern Size hg_approval_shmem_size(void);
extern void hg_approval_shmem_init(bool found);

/* Recorder handlers and tick, registered by hoopguard.c. */
extern void hg_approval_register(void);

#endif							/* HG_APPROVAL_H */
