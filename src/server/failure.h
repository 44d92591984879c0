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

/* An event of this level has been recorded (sqlstate 0: success). */
extern void hg_failure_seen(int level, int sqlstate);

/* From emit_log_hook: record what nobody has recorded. */
extern void hg_failure_message(ErrorData *edata);

/* COMMIT or ROLLBACK of a transaction that had failed has been run. */
extern void hg_failure_block_ended(const char *query_string, int location,
								   int len);

#endif							/* HG_FAILURE_H */
