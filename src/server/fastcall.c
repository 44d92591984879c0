/*-------------------------------------------------------------------------
 *
 * fastcall.c
 *	  A function that the client calls without a statement.
 *
 * The message Function Call, which libpq sends for PQfn() and with it for all
 * that it does with large objects, meets no planner and no executor.  The
 * server asks object_access_hook about the function, in the context of the
 * message and with no query string: that begins the event.  Nothing tells of
 * the end, so the event is pushed by what comes first: the commit, the error
 * or, in a transaction block, the end of the message, whose context goes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "approval/rehearse.h"
#include "common/hashfn.h"
#include "inspect/facts.h"
#include "server/fastcall.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/regproc.h"

static HgStmt *call = NULL;

static void
message_ended(void *arg)
{
	hg_fastcall_end(0, true);
}

void
hg_fastcall_begin(Oid function)
{
	const HgIdentity *who;
	HgFacts    *facts;
	HgStmt	   *stmt;
	MemoryContext old;
	MemoryContextCallback *callback;

	if (debug_query_string != NULL || CurrentMemoryContext != MessageContext ||
		hg_frame_top() != NULL || hg_rehearsing)
		return;
	who = hg_subject_current();
	if (!hg_stmt_is_audited(who))
		return;

	stmt = hg_stmt_begin(MessageContext, who, true, 0);
	facts = hg_stmt_make_facts(stmt);
	old = MemoryContextSwitchTo(facts->context);
	facts->command = hg_function_group(function);
	facts->text = psprintf("function call %s",
						   format_procedure_qualified(function));
	facts->text_length = strlen(facts->text);
	facts->fingerprint =
		DatumGetUInt64(hash_any_extended((const unsigned char *) facts->text,
										 strlen(facts->text), 0));
	callback = palloc0(sizeof(MemoryContextCallback));
	callback->func = message_ended;
	MemoryContextRegisterResetCallback(facts->context, callback);
	MemoryContextSwitchTo(old);
	call = stmt;
	hg_frame_push(HG_FRAME_RUN, stmt, stmt->event.event_id);
	hg_stmt_intend(stmt, false);
}

void
hg_fastcall_end(int sqlstate, bool no_error)
{
	HgStmt	   *stmt = call;

	if (stmt == NULL)
		return;
	call = NULL;
	hg_frame_reset(0);
	hg_stmt_push(stmt, sqlstate, no_error);
}

HgStmt *
hg_fastcall_current(void)
{
	return call;
}
