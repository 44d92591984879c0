/*-------------------------------------------------------------------------
 *
 * rehearse.h
 *	  A statement run in advance, to show what it would do.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_REHEARSE_H
#define HG_REHEARSE_H

#include "executor/execdesc.h"
#include "guard/guard.h"

/* One statement is being rehearsed; what runs now will be rolled back. */
extern bool hg_rehearsing;

/*
 * True once in a rehearsal, for the first statement that asks: the one that
 * is rehearsed needs no approval for that.
 */
extern bool hg_rehearse_first(void);

/* Does the plan write, so that rehearsing it says something? */
extern bool hg_rehearse_writes(const PlannedStmt *plan);

/*
 * Run the statement in a subtransaction that is rolled back, and say what it
 * did as a JSON object, palloc'd.  desc has not been started.  Errors of the
 * statement become part of the answer; only what ends the statement anyway
 * (cancel, termination) is raised.
 */
extern char *hg_rehearse(QueryDesc *desc, const HgPolicy *policy,
						 const HgFacts *facts);

/* ERROR for what may not be done in a rehearsal. */
extern void hg_rehearse_check_function(Oid function);
extern void hg_rehearse_check_utility(const HgFacts *facts);
extern void hg_rehearse_check_plan(const PlannedStmt *plan);

/* evidence.c */

/*
 * What is known of a statement that is not rehearsed, for the reason given.
 */
extern char *hg_evidence_without(const HgFacts *facts, const char *reason);

/* The same for DDL: locks, sizes, who depends on it. */
extern char *hg_evidence_utility(const HgFacts *facts);

#endif							/* HG_REHEARSE_H */
