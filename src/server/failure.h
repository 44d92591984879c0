/*-------------------------------------------------------------------------
 *
 * failure.h
 *	  What fails, or ends, where no statement hook sees it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_FAILURE_H
#define HG_FAILURE_H

#include "identity/subject.h"
#include "nodes/nodes.h"
#include "utils/elog.h"

/* The login's transaction is about to commit: identity, session record. */
extern void hg_failure_login(void);

/* Keep who acts, for when the catalog cannot be asked. */
extern void hg_failure_remember(const HgIdentity *who, bool audited);

/*
 * An event of this level has been recorded (sqlstate 0: success).  next: where
 * in the client's message the statement ended, -1 if that was all of it.
 * ends: a commit follows, or what it is to be takes its place.
 */
extern void hg_failure_seen(int64 event_id, int level, int sqlstate, int next,
							bool ends);

/* The event of level 0 that was recorded last, 0 if there is none. */
extern int64 hg_failure_seen_event(void);

/* A transaction has been committed or prepared. */
extern void hg_failure_committed(void);

/* That of the statement which this text is, for hg_failure_seen(). */
extern int	hg_failure_next(const char *query_string, int location, int len);

/* From emit_log_hook: record what nobody has recorded. */
extern void hg_failure_message(ErrorData *edata);

/* From an error context callback: a query inside of the statement fails. */
extern void hg_failure_nested(ErrorData *edata);

/* COMMIT or ROLLBACK of a transaction that had failed has been run. */
extern void hg_failure_block_ended(const char *query_string, int location,
								   int len);

#endif							/* HG_FAILURE_H */
