/*-------------------------------------------------------------------------
 *
 * govern.h
 *	  The steps of a statement, called by hooks.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_GOVERN_H
#define HG_GOVERN_H

#include "base/compat.h"
#include "executor/executor.h"
#include "optimizer/planner.h"
#include "server/stmt.h"
#include "tcop/utility.h"

/* hoopguard is installed here and may look at this statement. */
extern bool hg_govern_active(void);

/* Plan through `next` (or the standard planner), masked and stamped. */
extern PlannedStmt *hg_govern_plan(planner_hook_type next, Query *parse,
								   const char *query_string,
								   int cursor_options,
								   ParamListInfo params);

/*
 * A statement that modifies data has been analysed, from source, and rules
 * come next: keep what they will replace, record what they will drop.
 */
extern void hg_govern_analysed(Query *query, const char *source);

/*
 * Before the executor starts: check the stamp (re-planning if needed), give
 * the verdict, begin the statement.  NULL when nobody watches.
 */
extern HgStmt *hg_govern_start(QueryDesc *queryDesc, int eflags);

/* After it has started: tie the statement to the executor's memory. */
extern void hg_govern_started(HgStmt *stmt, QueryDesc *queryDesc);

/*
 * After the run, before deferred constraints: judge again what turns out to
 * have changed nearly every row of its target.
 */
extern void hg_govern_reached(HgStmt *stmt, QueryDesc *queryDesc);

/* Does it run on an approval that lists what it may write? */
extern bool hg_govern_listed(HgStmt *stmt);

/* The statement an executor state belongs to, or NULL. */
extern HgStmt *hg_govern_find(QueryDesc *queryDesc);

/*
 * Before an ExecutorRun: a cursor that policy has changed under is refused
 * (HG006), because its plan masks by the policy of its start.
 */
extern void hg_govern_resume(HgStmt *stmt);

/*
 * The receiver that ExecutorRun is to use: the query's own, or `counting` in
 * front of it where its rows are to be counted.
 */
extern DestReceiver *hg_govern_dest(HgStmt *stmt, QueryDesc *queryDesc,
									HgCountingDest *counting);

/*
 * Count what one ExecutorRun has done.  HG010 when an approver allowed fewer
 * rows.
 */
extern void hg_govern_count(HgStmt *stmt, QueryDesc *queryDesc);

/*
 * In PG_CATCH: record the failure, then re-raise it, without the details that
 * would show real values.
 */
pg_noreturn extern void hg_govern_fail(HgStmt *stmt);

/* Fire deferred constraint triggers now, where an error can be scrubbed. */
extern void hg_govern_constraints(void);

/* ExecutorCheckPerms: false or ERROR when masked columns would be read. */
extern bool hg_govern_perms(List *rangeTable, List *perminfos,
							bool ereport_on_violation);

/*
 * One utility statement, run through `next` (or the standard function).
 */
extern void hg_govern_utility(ProcessUtility_hook_type next,
							  PlannedStmt *pstmt, const char *queryString,
							  bool readOnlyTree,
							  ProcessUtilityContext context,
							  ParamListInfo params,
							  QueryEnvironment *queryEnv,
							  DestReceiver *dest, QueryCompletion *qc);

/* A function is about to be called: ERROR if a rule denies it. */
extern void hg_govern_function(Oid function);

/* Should fmgr tell when this function runs? (and so not be inlined) */
extern bool hg_govern_wants_function(Oid function);

#endif							/* HG_GOVERN_H */
