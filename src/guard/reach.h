/*-------------------------------------------------------------------------
 *
 * reach.h
 *	  Did a statement change nearly every row of its target?
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_REACH_H
#define HG_REACH_H

#include "executor/execdesc.h"
#include "inspect/facts.h"

typedef struct HgReach HgReach;

/*
 * After ExecutorStart: remember what an UPDATE, DELETE or MERGE of persistent
 * tables begins with, in the executor's memory; NULL when there is nothing to
 * watch.  top is the event of the statement that the client sent: what the
 * DELETEs inside it take away adds up.
 */
extern HgReach *hg_reach_begin(QueryDesc *queryDesc, const HgFacts *facts,
							   int64 top);

/*
 * After the run: acts that reached nearly every row of a table of some size
 * become unbounded; true when there is one.  May scan the table, but no
 * further than it takes to find the rows that were left alone.
 * hg_reach_forget() makes the acts what they were, since other executions of
 * the same plan share them.
 */
extern bool hg_reach_check(HgReach *reach);
extern void hg_reach_forget(HgReach *reach);

#endif							/* HG_REACH_H */
