/*-------------------------------------------------------------------------
 *
 * stamp.h
 *	  Ties a plan to what was found out about its statement.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_STAMP_H
#define HG_STAMP_H

#include "inspect/facts.h"
#include "lib/ilist.h"
#include "nodes/plannodes.h"

/* Travels in the plan, see stamp.c. */
typedef struct HgStamp
{
	uint32		magic;
	uint32		id;				/* of the facts in this backend */
	uint64		generation;		/* of the policy that was applied */
	uint64		key;			/* of the identity and exemptions */
	int64		event_id;		/* reserved while planning */
	int32		cursor_options;
} HgStamp;

/* Facts kept for a stamp; pinned while a statement runs on them. */
typedef struct HgKeptFacts
{
	uint32		id;				/* hash key */
	int			pins;
	HgFacts    *facts;
	dlist_node	node;			/* in order of last use */
} HgKeptFacts;

/* Append the stamp and the unmasked query to a finished plan. */
extern void hg_stamp_put(PlannedStmt *plan, const HgStamp *stamp, Query *query);

/* Read the stamp; false when the plan has none. *query points into the plan. */
extern bool hg_stamp_get(const PlannedStmt *plan, HgStamp *stamp,
						 Query **query);

/* Keep facts under a new id (a child of TopMemoryContext takes them over). */
extern uint32 hg_stamp_keep(HgFacts *facts);

/* Facts of a stamp, pinned, or NULL when they were dropped. */
extern HgKeptFacts *hg_stamp_pin(uint32 id);
extern void hg_stamp_unpin(HgKeptFacts *kept);

#endif							/* HG_STAMP_H */
