/*-------------------------------------------------------------------------
 *
 * quiet.h
 *	  What errors and notices of governed statements may say.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_QUIET_H
#define HG_QUIET_H

#include "base/compat.h"
#include "fmgr.h"
#include "server/stmt.h"

/* Of one run of a statement; lives on the caller's stack. */
typedef struct HgQuiet
{
	ErrorContextCallback callback;
	HgStmt	   *stmt;
	int			depth;			/* of the frame stack below the run's */
	bool		on;
	bool		real;			/* notices may show real values */
	bool		audited;
} HgQuiet;

/*
 * Around a run, after its frame was pushed: notices of code that sees real
 * values lose their text, and a query of a function that is refused before it
 * is planned is recorded.  An error undoes it as it does any context callback.
 */
extern void hg_quiet_begin(HgQuiet *quiet, HgStmt *stmt, int depth);
extern void hg_quiet_end(HgQuiet *quiet);

/* From fmgr_hook, before the function's frame is popped. */
extern void hg_quiet_function(FmgrHookEventType event, Oid function);

/*
 * In PG_CATCH: raise the error again, without what could show real values to
 * the subject of stmt (NULL: as it is).
 */
pg_noreturn extern void hg_quiet_rethrow(HgStmt *stmt);

#endif							/* HG_QUIET_H */
