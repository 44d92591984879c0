/*-------------------------------------------------------------------------
 *
 * quiet.c
 *	  What errors and notices of governed statements may say.
 *
 * DETAIL and CONTEXT of constraint errors show whole rows and keys; they go
 * always.  Messages go where they come from code that sees real values: an
 * expression of a relation that the statement writes (facts->real_exprs), or
 * a trigger function of somebody else (facts->real_triggers).  The SQLSTATE
 * stays, the text goes to the server's log only.  This happens where the
 * executor or a utility ends, so PL code that catches the error sees no more
 * of it than the client does.
 *
 * Where a message comes from is told by the functions that the error has
 * left, innermost first: fmgr_hook reports each.  What the role's own
 * function raises is its own text, and a function labelled trusted says what
 * it may.  Messages of the server's own that name objects only are kept.
 *
 * The same callback hears of queries inside functions that fail before any
 * hook sees them, even if the function goes on: see hg_failure_nested().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "server/failure.h"
#include "server/quiet.h"
#include "utils/memutils.h"

/* Whose function an error in flight has left first. */
typedef enum Origin
{
	ORIGIN_NONE,				/* none: the server's own code */
	ORIGIN_OWN,
	ORIGIN_OTHER
} Origin;

static Origin origin = ORIGIN_NONE;
static bool left_trigger = false;	/* it has left somebody's trigger */

static bool
is_governed(const HgStmt *stmt)
{
	/* where masks only observe, nothing is to be seen of them */
	return stmt != NULL && stmt->event.subject != NULL &&
		hg_guc_mask_mode == HG_MODE_ENFORCE;
}

/* Was the message raised by a procedural language, on behalf of a function? */
static bool
from_language(const ErrorData *edata)
{
	static const char *const files[] = {
		"pl_exec.c", "plperl.c", "plpy_elog.c", "plpy_plpymodule.c", "pltcl.c",
		NULL
	};

	if (edata->filename == NULL)
		return false;
	for (const char *const *file = files; *file != NULL; file++)
	{
		if (strcmp(edata->filename, *file) == 0)
			return true;
	}
	return false;
}

/* ---------- notices ---------- */

/* Does the message come from a function that sees real values? */
static bool
speaks_of_real(const HgQuiet *quiet, const ErrorData *edata)
{
	HgFrame    *top = NULL;

	for (int i = hg_frame_depth() - 1; i > quiet->depth; i--)
	{
		HgFrame    *frame = hg_frame_at(i);

		if (frame->kind != HG_FRAME_FUNCTION)
			continue;
		if (frame->trigger && !frame->own)
			return true;
		if (top == NULL)
			top = frame;
	}
	if (!hg_stmt_real_exprs(quiet->stmt))
		return false;
	/* a parallel worker has no frames here */
	return top == NULL ? from_language(edata) : !top->own;
}

/* Is it the innermost statement, and not one that is being planned? */
static bool
is_innermost(const HgQuiet *quiet)
{
	int			i = hg_frame_depth() - 1;

	while (i >= 0 && hg_frame_at(i)->kind == HG_FRAME_FUNCTION)
		i--;
	return i >= 0 && i == quiet->depth &&
		hg_frame_at(i)->kind != HG_FRAME_PLANNER;
}

static void
on_message(void *arg)
{
	HgQuiet    *quiet = arg;
	bool		nested;
	MemoryContext old;
	ErrorData  *edata;

	/* what the server says in a critical section is its own; no memory there */
	if (CritSectionCount > 0)
		return;

	/* only what parses and analyses queries of functions gives a position */
	nested = quiet->audited && getinternalerrposition() > 0 &&
		is_innermost(quiet);
	if (!quiet->real && !nested)
		return;
	old = MemoryContextSwitchTo(quiet->stmt->context);
	edata = CopyErrorData();
	MemoryContextSwitchTo(old);
	if (nested && edata->elevel == ERROR)
		hg_failure_nested(edata);

	/* errors are seen to when they arrive */
	if (quiet->real && edata->elevel < ERROR && speaks_of_real(quiet, edata))
	{
		errmsg_internal("message of code that sees real values of masked columns is withheld");
		if (edata->detail != NULL)
			errdetail_internal("Withheld.");
		if (edata->hint != NULL)
			errhint("%s", "Withheld.");
	}
	FreeErrorData(edata);
}

void
hg_quiet_begin(HgQuiet *quiet, HgStmt *stmt, int depth)
{
	origin = ORIGIN_NONE;
	left_trigger = false;
	quiet->real = is_governed(stmt) && hg_stmt_real(stmt);
	quiet->audited = stmt != NULL && stmt->audited;
	quiet->on = quiet->real || quiet->audited;
	if (!quiet->on)
		return;
	quiet->stmt = stmt;
	quiet->depth = depth;
	quiet->callback.callback = on_message;
	quiet->callback.arg = quiet;
	quiet->callback.previous = error_context_stack;
	error_context_stack = &quiet->callback;
}

void
hg_quiet_end(HgQuiet *quiet)
{
	if (quiet->on)
		error_context_stack = quiet->callback.previous;
}

/* ---------- errors ---------- */

void
hg_quiet_function(FmgrHookEventType event, Oid function)
{
	if (event == FHET_END)
	{
		/* it has caught what there was */
		origin = ORIGIN_NONE;
		left_trigger = false;
		return;
	}
	for (int i = hg_frame_depth() - 1; i >= 0; i--)
	{
		HgFrame    *frame = hg_frame_at(i);

		if (frame->kind != HG_FRAME_FUNCTION || frame->function != function)
			continue;
		if (frame->real && origin == ORIGIN_NONE)
			origin = frame->own ? ORIGIN_OWN : ORIGIN_OTHER;
		if (frame->trigger && !frame->own)
			left_trigger = true;
		return;
	}
}

/*
 * DETAIL and CONTEXT of constraint errors show whole rows and keys (class 23,
 * and 44 for views WITH CHECK OPTION).
 */
static bool
shows_rows(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_WITH_CHECK_OPTION_VIOLATION);
}

/*
 * Is the message one of the server's that names objects, but no values?
 * Constraint errors are told by the file that raised them: a function can
 * raise any SQLSTATE.
 */
static bool
names_objects_only(const ErrorData *edata)
{
	static const char *const constraint_files[] = {
		"execMain.c", "execIndexing.c", "execPartition.c", "execExprInterp.c",
		"domains.c", "nbtinsert.c", "nbtsort.c", "ri_triggers.c", "copyfrom.c",
		"copyfromparse.c", "index.c", "tablecmds.c", "tuplesort.c",
		"tuplesortvariants.c", "typecmds.c", NULL
	};
	int			category = ERRCODE_TO_CATEGORY(edata->sqlerrcode);
	const char *sqlstate = unpack_sql_state(edata->sqlerrcode);
	const char *const *file;

	if (edata->filename == NULL)
		return false;
	if (shows_rows(edata->sqlerrcode))
	{
		for (file = constraint_files; *file != NULL; file++)
		{
			if (strcmp(edata->filename, *file) == 0)
				return true;
		}
		return false;
	}
	if (from_language(edata))
		return false;
	if (strncmp(sqlstate, "HG", 2) == 0 ||
		edata->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE)
		return true;
	return category == ERRCODE_TRANSACTION_ROLLBACK ||
		category == ERRCODE_INVALID_TRANSACTION_STATE ||
		category == ERRCODE_INSUFFICIENT_RESOURCES ||
		category == ERRCODE_PROGRAM_LIMIT_EXCEEDED ||
		category == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE ||
		category == ERRCODE_OPERATOR_INTERVENTION;
}

void
hg_quiet_rethrow(HgStmt *stmt)
{
	bool		governed = is_governed(stmt);
	bool		withhold = governed &&
		((left_trigger && hg_stmt_real(stmt)) ||
		 (origin != ORIGIN_OWN && hg_stmt_real_exprs(stmt)));
	ErrorData  *edata;
	MemoryContext old;

	/* judged here; what is around the statement may raise errors of its own */
	origin = ORIGIN_NONE;
	left_trigger = false;
	if (!governed || (!withhold && !shows_rows(geterrcode())))
		PG_RE_THROW();

	old = MemoryContextSwitchTo(stmt->context);
	edata = CopyErrorData();
	if (withhold && names_objects_only(edata))
		withhold = false;
	if (!withhold && !shows_rows(edata->sqlerrcode))
	{
		MemoryContextSwitchTo(old);
		PG_RE_THROW();
	}

	/* the log keeps what the client may not see */
	if (withhold)
		edata->detail_log = psprintf("%s%s%s",
									 edata->message ? edata->message : "",
									 edata->detail ? ": " : "",
									 edata->detail ? edata->detail : "");
	else if (edata->detail_log == NULL)
		edata->detail_log = edata->detail;
	edata->detail = NULL;
	edata->context = NULL;
	edata->internalquery = NULL;
	edata->internalpos = 0;
	if (withhold)
	{
		edata->message = pstrdup("error in code that sees real values of masked columns");
		edata->hint = pstrdup("The server's log has the message.");
		edata->schema_name = NULL;
		edata->table_name = NULL;
		edata->column_name = NULL;
		edata->datatype_name = NULL;
		edata->constraint_name = NULL;
	}
	MemoryContextSwitchTo(old);
	FlushErrorState();
	ReThrowError(edata);
}
