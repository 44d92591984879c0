/*-------------------------------------------------------------------------
 *
 * fastcall.h
 *	  A function that the client calls without a statement.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_FASTCALL_H
#define HG_FASTCALL_H

#include "server/stmt.h"

/*
 * A function is about to be executed: if it is the client that calls it, by
 * the message for that, an event of it begins.
 */
extern void hg_fastcall_begin(Oid function);

/*
 * Records the call, if there is one (sqlstate 0: success).  no_error: never
 * raises, see hg_event_push().
 */
extern void hg_fastcall_end(int sqlstate, bool no_error);

/* The call that is being made, or NULL. */
extern HgStmt *hg_fastcall_current(void);

#endif							/* HG_FASTCALL_H */
