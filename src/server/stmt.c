/*-------------------------------------------------------------------------
 *
 * stmt.c
 *	  The statement being run: its frame, its facts, its event.
 *
 * The frames say what the backend is inside of, outermost first: planner
 * calls, utility statements, executor runs and user functions.  A cursor that
 * is open has no frame while nobody fetches from it.  Whoever pushes a frame
 * remembers the depth before and resets to it, on errors too, so the stack is
 * right again wherever an error is caught.
 *
 * An event's level is the number of other statements around it.  The query
 * inside CREATE TABLE AS, COPY, EXECUTE, DECLARE, REFRESH and EXPLAIN ANALYZE
 * joins the event of that utility statement and does not count.  What triggers
 * run that were put off to the commit, when nothing is around them any more,
 * belongs to the statement that the commit followed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "approval/rehearse.h"
#include "base/catalog.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/prepare.h"
#include "miscadmin.h"
#include "server/failure.h"
#include "server/stmt.h"
#include "storage/ipc.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

static HgFrame *frames = NULL;
static int	frames_used = 0;
static int	frames_room = 0;

int
hg_frame_depth(void)
{
	return frames_used;
}

void
hg_frame_reset(int depth)
{
	if (depth < frames_used)
		frames_used = depth;
}

static bool
in_trigger(void)
{
	return DatumGetInt32(DirectFunctionCall1(pg_trigger_depth,
											 (Datum) 0)) > 0;
}

static HgFrame *
new_frame(void)
{
	HgFrame    *frame;

	if (frames_used == frames_room)
	{
		int			room = frames_room == 0 ? 64 : frames_room * 2;

		if (frames == NULL)
			frames = MemoryContextAlloc(TopMemoryContext,
										sizeof(HgFrame) * room);
		else
			frames = repalloc(frames, sizeof(HgFrame) * room);
		frames_room = room;
	}
	frame = &frames[frames_used++];
	memset(frame, 0, sizeof(HgFrame));
	frame->late = frames_used == 1 && in_trigger();
	return frame;
}

void
hg_frame_push(HgFrameKind kind, HgStmt *stmt, int64 event_id)
{
	HgFrame    *frame = new_frame();

	frame->kind = kind;
	frame->stmt = stmt;
	frame->event_id = event_id;
}

/* Is the function a governed role's? */
static bool
is_governed_function(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return false;
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return hg_catalog_present() && hg_subject_for_role(owner)->governed;
}

void
hg_frame_push_function(Oid function, bool trusted, bool fed)
{
	HgFrame    *top = hg_frame_top();
	bool		real = top != NULL &&
		(top->real || (top->stmt != NULL && hg_stmt_real(top->stmt)));
	HgFrame    *frame = new_frame();

	frame->kind = HG_FRAME_FUNCTION;
	frame->function = function;
	frame->trusted = trusted;
	frame->fed = fed;
	frame->in_check = InNoForceRLSOperation();
	frame->real = real;
	if (real)
	{
		frame->trigger = get_func_rettype(function) == TRIGGEROID;
		frame->own = trusted || is_governed_function(function);
	}
}

void
hg_frame_pop_function(Oid function)
{
	for (int i = frames_used - 1; i >= 0; i--)
		if (frames[i].kind == HG_FRAME_FUNCTION &&
			frames[i].function == function)
		{
			frames_used = i;
			return;
		}
}

int64
hg_frame_bottom_event(void)
{
	return hg_frame_depth() > 0 ? frames[0].event_id : 0;
}

bool
hg_frame_only_utilities(void)
{
	for (int i = 0; i < frames_used; i++)
		if (frames[i].kind != HG_FRAME_UTILITY)
			return false;
	return true;
}

HgFrame *
hg_frame_at(int i)
{
	return &frames[i];
}

HgFrame *
hg_frame_top(void)
{
	return frames_used > 0 ? &frames[frames_used - 1] : NULL;
}

HgFrame *
hg_frame_below_planner(void)
{
	int			i = frames_used - 1;

	while (i >= 0 && frames[i].kind == HG_FRAME_PLANNER)
		i--;
	return i >= 0 ? &frames[i] : NULL;
}

/*
 * The innermost user function decides: what a trusted function calls is not
 * trusted by that.
 */
bool
hg_frame_trusted(void)
{
	for (int i = frames_used - 1; i >= 0; i--)
		if (frames[i].kind == HG_FRAME_FUNCTION)
			return frames[i].trusted;
	return false;
}

bool
hg_frame_fed(void)
{
	for (int i = frames_used - 1; i >= 0; i--)
		if (frames[i].fed)
			return true;
	return false;
}

bool
hg_frame_approved(void)
{
	for (int i = frames_used - 1; i >= 0; i--)
		if (frames[i].stmt != NULL &&
			(frames[i].stmt->approved ||
			 (frames[i].stmt->owner && frames[i].stmt->owner->approved)))
			return true;
	return false;
}

bool
hg_stmt_real(const HgStmt *stmt)
{
	return stmt->facts != NULL &&
		(stmt->facts->real_exprs || stmt->facts->real_triggers);
}

bool
hg_stmt_real_exprs(const HgStmt *stmt)
{
	return stmt->facts != NULL && stmt->facts->real_exprs;
}

HgStmt *
hg_stmt_reported(HgStmt *stmt)
{
	return stmt->owner ? stmt->owner : stmt;
}

void
hg_frame_parent(int64 *parent_id, int *level)
{
	int64		last = 0;

	*parent_id = 0;
	*level = 0;
	if (frames_used > 0 ? frames[0].late : in_trigger())
		*parent_id = hg_failure_seen_event();
	if (*parent_id != 0)
		(*level)++;
	for (int i = 0; i < frames_used; i++)
	{
		int64		id = frames[i].event_id;

		if (id == 0 || id == last)
			continue;
		(*level)++;
		*parent_id = last = id;
	}
}

/* Is the statement, or the query that is part of it, running? */
static bool
is_running(const HgStmt *stmt)
{
	for (int i = 0; i < frames_used; i++)
		if (frames[i].stmt != NULL &&
			(frames[i].stmt == stmt || frames[i].stmt->owner == stmt))
			return true;
	return false;
}

/*
 * An open cursor that is closed, or a statement that was cut off: when the
 * process ends what ran then is still on the stack.
 */
static void
push_unfinished(HgStmt *stmt)
{
	int			sqlstate = 0;

	if (stmt->pushed)
		return;
	if (proc_exit_inprogress && is_running(stmt))
		sqlstate = hg_event_session_end();
	hg_stmt_push(stmt, sqlstate, true);
}

static void
on_facts_delete(void *arg)
{
	HgStmt	   *stmt = arg;

	push_unfinished(stmt);
	stmt->facts = NULL;
}

HgFacts *
hg_stmt_make_facts(HgStmt *stmt)
{
	stmt->facts = hg_facts_create(stmt->context);
	stmt->on_facts_delete.func = on_facts_delete;
	stmt->on_facts_delete.arg = stmt;
	MemoryContextRegisterResetCallback(stmt->facts->context,
									   &stmt->on_facts_delete);
	return stmt->facts;
}

static void
on_stmt_delete(void *arg)
{
	HgStmt	   *stmt = arg;

	/*
	 * Facts of its own are gone by now, and told so.  Those of a statement cut
	 * off while it was planned may be gone: their context is no child of ours.
	 */
	if (stmt->kept == NULL)
		stmt->facts = NULL;
	push_unfinished(stmt);

	/* a cursor outlives its DECLARE: neither may point at the other then */
	while (stmt->inners != NULL)
	{
		HgStmt	   *inner = stmt->inners;

		stmt->inners = inner->next_inner;
		inner->owner = NULL;
		inner->next_inner = NULL;
		inner->pushed = true;
	}
	if (stmt->owner != NULL)
	{
		HgStmt	  **link = &stmt->owner->inners;

		while (*link != NULL && *link != stmt)
			link = &(*link)->next_inner;
		if (*link == stmt)
			*link = stmt->next_inner;
		stmt->owner = NULL;
	}
	if (stmt->kept)
		hg_stamp_unpin(stmt->kept);
	stmt->kept = NULL;
	for (int i = 0; i < frames_used; i++)
		if (frames[i].stmt == stmt)
			frames[i].stmt = NULL;
}

bool
hg_stmt_is_audited(const HgIdentity *who)
{
	/* nothing of a rehearsal is */
	if (hg_rehearsing)
		return false;
	return hg_guc_audit == HG_AUDIT_ALL ||
		(hg_guc_audit == HG_AUDIT_GOVERNED && who->governed);
}

HgStmt *
hg_stmt_begin(MemoryContext parent, const HgIdentity *who, bool audited,
			  int64 event_id)
{
	MemoryContext context;
	HgStmt	   *stmt;

	hg_event_settle();
	context = AllocSetContextCreate(parent, "hoopguard statement",
									ALLOCSET_SMALL_SIZES);
	stmt = MemoryContextAllocZero(context, sizeof(HgStmt));
	stmt->context = context;
	stmt->audited = audited;
	stmt->next = -1;
	hg_failure_remember(who, audited);
	stmt->event.event_id = event_id ? event_id : hg_event_next_id();
	hg_frame_parent(&stmt->event.parent_id, &stmt->event.level);
	stmt->event.at = GetCurrentTimestamp();
	stmt->event.verdict = "allow";
	stmt->event.session_role = MemoryContextStrdup(context,
												   who->session_role_name);
	stmt->event.effective_role = MemoryContextStrdup(context,
													 who->current_role_name);
	if (who->subjects != NIL)
		stmt->event.subject =
			MemoryContextStrdup(context,
								((HgSubject *) linitial(who->subjects))->name);

	stmt->on_delete.func = on_stmt_delete;
	stmt->on_delete.arg = stmt;
	MemoryContextRegisterResetCallback(context, &stmt->on_delete);
	return stmt;
}

/* The text of the prepared statement that a utility statement runs, or NULL. */
static const char *
prepared_text(PlannedStmt *pstmt)
{
	Node	   *utility = pstmt != NULL ? pstmt->utilityStmt : NULL;
	PreparedStatement *prepared = NULL;
	Node	   *query = NULL;

	if (utility != NULL && IsA(utility, CreateTableAsStmt))
		query = ((CreateTableAsStmt *) utility)->query;
	else if (utility != NULL && IsA(utility, ExplainStmt))
		query = ((ExplainStmt *) utility)->query;
	if (query != NULL && IsA(query, Query))
		utility = ((Query *) query)->utilityStmt;
	/* EXPLAIN CREATE TABLE AS EXECUTE */
	if (utility != NULL && query != NULL && IsA(utility, CreateTableAsStmt))
	{
		query = ((CreateTableAsStmt *) utility)->query;
		if (query != NULL && IsA(query, Query))
			utility = ((Query *) query)->utilityStmt;
	}
	if (utility != NULL && IsA(utility, ExecuteStmt))
		prepared = FetchPreparedStatement(((ExecuteStmt *) utility)->name,
										  false);
	return prepared != NULL ? prepared->plansource->query_string : NULL;
}

HgStmt *
hg_stmt_adopter(const char *source)
{
	HgFrame    *top = hg_frame_top();
	const char *text;

	if (top == NULL || top->kind != HG_FRAME_UTILITY || top->stmt == NULL ||
		!top->stmt->owns_query)
		return NULL;

	/* what functions among the arguments of EXECUTE run comes before it */
	text = prepared_text(top->stmt->utility);
	return text == NULL || source == NULL || strcmp(source, text) == 0 ?
		top->stmt : NULL;
}

void
hg_stmt_adopt(HgStmt *utility, HgStmt *inner, bool lineage)
{
	HgFacts    *into = utility->facts;
	HgFacts    *facts = inner->facts;
	MemoryContext old;
	ListCell   *lc;

	inner->owner = utility;
	inner->next_inner = utility->inners;
	utility->inners = inner;
	if (into == NULL || facts == NULL)
		return;

	/*
	 * The strings stay where they are made: facts of a cached plan may be
	 * dropped while an open cursor still points at them, so copy.
	 */
	into->passed = 0;
	old = MemoryContextSwitchTo(into->context);
	foreach(lc, facts->acts)
	{
		HgAct	   *act = palloc(sizeof(HgAct));

		*act = *(HgAct *) lfirst(lc);
		act->schema = act->schema ? pstrdup(act->schema) : NULL;
		act->name = pstrdup(act->name);
		act->touched_classes = NULL;
		act->ntouched = 0;
		act->held_classes = NULL;
		act->nheld = 0;
		into->acts = lappend(into->acts, act);
	}
	foreach(lc, lineage ? facts->edges : NIL)
	{
		HgEdge	   *edge = palloc(sizeof(HgEdge));
		const HgEdge *from = lfirst(lc);

		*edge = *from;
		edge->source_schema = from->source_schema ? pstrdup(from->source_schema) : NULL;
		edge->source_relation = pstrdup(from->source_relation);
		edge->source_column = from->source_column ? pstrdup(from->source_column) : NULL;
		edge->target_schema = from->target_schema ? pstrdup(from->target_schema) : NULL;
		edge->target_relation = pstrdup(from->target_relation);
		edge->target_column = from->target_column ? pstrdup(from->target_column) : NULL;
		into->edges = lappend(into->edges, edge);
	}
	foreach(lc, lineage ? facts->datasets : NIL)
	{
		HgDataset  *set = palloc(sizeof(HgDataset));
		const HgDataset *from = lfirst(lc);

		set->schema = from->schema ? pstrdup(from->schema) : NULL;
		set->relation = pstrdup(from->relation);
		set->write = from->write;
		set->rule = from->rule;
		into->datasets = lappend(into->datasets, set);
	}
	foreach(lc, facts->masked_columns)
		into->masked_columns = lappend(into->masked_columns,
									   pstrdup(lfirst(lc)));
	MemoryContextSwitchTo(old);
}

void
hg_stmt_intend(HgStmt *stmt, bool partial)
{
	HgEvent    *event = &stmt->event;

	if (!stmt->audited || hg_guc_audit_durability != HG_DURABILITY_STRICT)
		return;
	if (stmt->owner != NULL && stmt->owner->event.literals != NULL)
	{
		/* the utility's intent went before it was known */
		hg_event_push_literals(&stmt->owner->event, false);
		hg_event_wait_durable(HG_WAIT_HERE);
	}
	if (stmt->owner != NULL || event->level > 0)
		return;
	event->facts = stmt->facts;
	event->xid = GetTopTransactionIdIfAny();
	PG_TRY();
	{
		hg_event_push_literals(event, false);
		hg_event_push_intent(event, partial);
	}
	PG_CATCH();
	{
		hg_stmt_push(stmt, geterrcode(), true);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

void
hg_stmt_push(HgStmt *stmt, int sqlstate, bool no_error)
{
	HgEvent    *event = &stmt->event;

	if (stmt->pushed)
		return;
	stmt->pushed = true;
	if (stmt->owner != NULL)
	{
		/* the utility's own push does it */
		if (sqlstate != 0 && stmt->owner->event.sqlstate == 0)
			stmt->owner->event.sqlstate = sqlstate;
		return;
	}
	if (!stmt->audited)
		return;
	if (sqlstate != 0)
		event->sqlstate = sqlstate;
	hg_failure_seen(event->event_id, event->level, event->sqlstate, stmt->next,
					stmt->ends);
	event->bytes_returned = stmt->tally.used[HG_LIMIT_BYTES_RETURNED];
	event->rows_written = stmt->tally.used[HG_LIMIT_ROWS_WRITTEN];
	event->probes = stmt->tally.used[HG_LIMIT_PROBES];
	if (stmt->tally.nwarned > 0 && strcmp(event->verdict, "allow") == 0)
		event->verdict = stmt->tally.observed ? "observe-limit" : "warn";
	event->facts = stmt->facts;
	if (stmt->facts != NULL)
		event->command = stmt->facts->command;
	if (stmt->approval_id[0] != '\0')
		event->approval_id = stmt->approval_id;
	event->duration_us = GetCurrentTimestamp() - event->at;
	event->xid = GetTopTransactionIdIfAny();
	hg_event_push(event, no_error);
}
