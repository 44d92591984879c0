/*-------------------------------------------------------------------------
 *
 * govern.c
 *	  The steps of a statement, called by hooks.c.
 *
 * What must hold at each execution is decided in hg_govern_start and
 * hg_govern_utility; what planning decides is tied to the plan by its stamp.
 * A plan whose stamp names another policy or another identity than the live
 * ones is not run: the statement is planned again from the unmasked query
 * kept in the stamp, before the executor has produced anything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "approval/approval.h"
#include "approval/rehearse.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "guard/guard.h"
#include "guard/limits.h"
#include "guard/reach.h"
#include "mask/literal.h"
#include "mask/mask.h"
#include "mask/mask_plan.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_type.h"
#include "server/failure.h"
#include "server/fastcall.h"
#include "server/govern.h"
#include "server/quiet.h"
#include "server/scrub_dest.h"
#include "server/shadow.h"
#include "storage/sinval.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "access/transam.h"
#include "base/catalog.h"
#include "base/report.h"

/* How often a plan is made again because policy changed meanwhile. */
#define REPLAN_MAX 3

/* Memory of the heap that a watching process keeps; see keep_heap(). */
#define KEPT_HEAP (2 * 1024 * 1024)

static int64 reserved_event = 0;	/* of the plan made last, not yet run */
static const List *cleared_rtable = NULL;	/* see hg_govern_perms */

/* Which statement an executor state belongs to. */
typedef struct HgOpen
{
	EState	   *estate;			/* hash key */
	HgStmt	   *stmt;
} HgOpen;

static HTAB *open_table = NULL;

/* The one begun last is looked for most, and is not in the table. */
static HgOpen newest = {NULL, NULL};

bool
hg_govern_active(void)
{
	return !hg_in_worker && IsNormalProcessingMode() && hg_catalog_present();
}

/*
 * A referential-integrity query.  ri_triggers.c runs its queries straight
 * from a trigger, so no user function may be the innermost frame; while the
 * query is planned, its planner frame is.  A deferred check at COMMIT has no
 * executor run around it, and when a procedure commits the procedure is the
 * innermost frame: but that was called before the check began.
 */
static bool
is_ri(Query *query)
{
	HgFrame    *frame;

	if (!InNoForceRLSOperation())
		return false;
	frame = hg_frame_below_planner();
	return (frame == NULL || frame->kind != HG_FRAME_FUNCTION ||
			!frame->in_check) && hg_mask_is_ri_query(query);
}

/*
 * Statements whose real values never reach the agent: referential-integrity
 * checks, and what a trusted function does.
 */
static bool
is_exempt(Query *query)
{
	return hg_frame_trusted() || is_ri(query);
}

/* What a plan depends on besides the policy generation. */
static uint64
stamp_key(const HgIdentity *who, bool exempt)
{
	return who->key * 31 + (exempt ? 2 : 0) + (who->governed ? 1 : 0) +
		((uint64) hg_guc_mask_mode << 56);
}

static bool
reads_relations(const PlannedStmt *plan)
{
	ListCell   *lc;

	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION)
			return true;
	}
	return false;
}

/*
 * Make the plan cache drop the plan when role or policy change.  A plan
 * without relations has nothing to mask, and PL/pgSQL could not use its fast
 * path for simple expressions if the plan depended on the role.
 */
static void
tie_to_policy(PlannedStmt *plan)
{
	if (!reads_relations(plan))
		return;
	plan->dependsOnRole = true;
	plan->relationOids = list_append_unique_oid(plan->relationOids,
												hg_catalog_rel(HG_REL_POLICY_VERSION));
}

/*
 * What planning has to know.  The text and the lineage, which the guard and
 * the record want, wait for the execution: complete_facts().
 */
static HgFacts *
make_facts(Query *query, const HgPolicy *policy, ParamListInfo params)
{
	HgFacts    *facts = hg_facts_create(CurrentMemoryContext);

	facts->params = params;
	hg_query_facts(facts, query, policy);
	facts->params = NULL;
	if (policy != NULL && !hg_frame_trusted())
	{
		/* what a cascade fires counts too */
		hg_mask_check_query_code(query, policy, facts);
		if (!is_ri(query))
			hg_mask_check_existence(query, policy, facts);
	}
	return facts;
}

/*
 * Referential actions are events without lineage: what they do is implied.
 * query is the one that the stamp keeps, before masking.
 */
static void
complete_facts(HgFacts *facts, Query *query, const char *query_string,
			   const HgPolicy *policy, const DestReceiver *dest)
{
	if (facts->complete)
		return;
	facts->is_result = dest != NULL && dest->mydest == DestSQLFunction;
	if (!is_ri(query))
		hg_lineage_query(facts, query, NULL,
						 is_exempt(query) ? NULL : policy);
	hg_fingerprint(facts, query_string, query->stmt_location,
				   query->stmt_len, NULL);
	facts->complete = true;
}

static PlannedStmt *
call_planner(planner_hook_type next, Query *parse, const char *query_string,
			 int cursor_options, ParamListInfo params)
{
	if (next)
		return (*next) (parse, query_string, cursor_options, params);
	return standard_planner(parse, query_string, cursor_options, params);
}

/* Is it a function that can run statements? */
static bool
runs_statements(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc proc;
	bool		result = true;

	if (!HeapTupleIsValid(tuple))
		return true;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	if (proc->prolang != INTERNALlanguageId && proc->prolang != ClanguageId)
		;
	else if (proc->prokind != PROKIND_AGGREGATE)
	{
		/* in C it may call SPI: xpath_table() of xml2, marked PARALLEL SAFE */
		HgCommand	group = hg_function_group(function);

		result = group == HG_CMD_FN_SQL || group == HG_CMD_FN_UNCLASSIFIED;
	}
	else
	{
		HeapTuple	parts = SearchSysCache1(AGGFNOID,
											ObjectIdGetDatum(function));

		if (HeapTupleIsValid(parts))
		{
			Form_pg_aggregate agg = (Form_pg_aggregate) GETSTRUCT(parts);

			result = (agg->aggtransfn >= FirstNormalObjectId &&
					  runs_statements(agg->aggtransfn)) ||
				(agg->aggfinalfn >= FirstNormalObjectId &&
				 runs_statements(agg->aggfinalfn)) ||
				(agg->aggcombinefn >= FirstNormalObjectId &&
				 runs_statements(agg->aggcombinefn));
			ReleaseSysCache(parts);
		}
	}
	ReleaseSysCache(tuple);
	return result;
}

/*
 * In a parallel worker nothing is judged and nothing recorded.  The leader
 * has seen to the query itself, but not to what functions in it run: such a
 * plan is run without workers, as the executor runs any plan that gets none.
 */
static void
keep_from_workers(PlannedStmt *plan, const HgFacts *facts)
{
	ListCell   *lc;

	if (!plan->parallelModeNeeded)
		return;
	foreach(lc, facts->functions)
	{
		Oid			function = lfirst_oid(lc);

		if (function >= FirstNormalObjectId && runs_statements(function))
		{
			plan->parallelModeNeeded = false;
			return;
		}
	}
}

/* Facts, mask and plan: what may fail of a watched statement's planning. */
static PlannedStmt *
plan_watched(planner_hook_type next, Query *parse, const char *query_string,
			 int cursor_options, ParamListInfo params,
			 const HgIdentity *who, HgStmt *failing)
{
	bool		exempt = is_exempt(parse);
	const HgPolicy *policy = who->governed ? hg_policy_get(who) : NULL;
	HgStamp		stamp = {0};
	HgFacts    *facts;
	Query	   *kept;
	PlannedStmt *plan;
	bool		masked;

	stamp.cursor_options = cursor_options;
	stamp.event_id = hg_frame_top()->event_id;
	stamp.key = stamp_key(who, exempt);
	stamp.generation = hg_catalog_generation();
	facts = make_facts(parse, policy, params);
	if (failing)
		failing->facts = facts;
	kept = copyObject(parse);
	hg_lineage_drop_written(parse);
	masked = policy != NULL && !exempt &&
		policy->mask_mode == HG_MODE_ENFORCE;
	if (masked)
		parse = hg_mask_query(parse, policy, facts, NULL);
	hg_mask_plan_begin(masked ? policy : NULL);
	plan = call_planner(next, parse, query_string, cursor_options, params);
	hg_plan_facts(facts, plan);
	keep_from_workers(plan, facts);
	tie_to_policy(plan);
	stamp.id = hg_stamp_keep(facts);
	hg_stamp_put(plan, &stamp, kept);
	return plan;
}

/*
 * In PG_CATCH of the outermost statement: a cancel by run_ms becomes HG004.
 */
static int
current_sqlstate(void)
{
	return hg_limits_outer() == NULL && hg_limits_timed_out() ?
		HG_ERRCODE_LIMIT : geterrcode();
}

static void
replace_cancel(MemoryContext context)
{
	if (hg_limits_outer() != NULL || !hg_limits_timed_out())
		return;
	MemoryContextSwitchTo(context);
	FlushErrorState();
	hg_limits_raise_time();
}

/*
 * A statement that is neither governed nor recorded.  Its plan has a stamp
 * only if it hands classified values on, see inherit.c.
 */
static PlannedStmt *
plan_unwatched(planner_hook_type next, Query *parse, const char *query_string,
			   int cursor_options, ParamListInfo params, const HgIdentity *who)
{
	HgStamp		stamp = {0};
	HgFacts    *facts = NULL;
	Query	   *kept = NULL;
	PlannedStmt *plan;

	if (!IsParallelWorker() && hg_inherit_applies(parse))
	{
		facts = make_facts(parse, NULL, NULL);
		complete_facts(facts, parse, query_string, NULL, NULL);
		if (facts->flows == NIL)
		{
			MemoryContextDelete(facts->context);
			facts = NULL;
		}
		else
			kept = copyObject(parse);
	}
	hg_lineage_drop_written(parse);
	plan = call_planner(next, parse, query_string, cursor_options, params);
	tie_to_policy(plan);
	if (facts != NULL)
	{
		hg_plan_facts(facts, plan);
		stamp.cursor_options = cursor_options;
		stamp.key = stamp_key(who, is_exempt(kept));
		stamp.generation = hg_catalog_generation();
		stamp.id = hg_stamp_keep(facts);
		hg_stamp_put(plan, &stamp, kept);
	}
	return plan;
}

/*
 * Planning a watched statement needs more memory than glibc keeps when it is
 * freed, so that each statement would get its memory from the kernel again,
 * page by page, which takes longer than all that is done here.  Freeing one
 * large block raises that limit, to twice the block's size, for the process.
 */
static void
keep_heap(void)
{
	static bool done = false;

	if (!done)
		pfree(palloc(KEPT_HEAP / 2));
	done = true;
}

PlannedStmt *
hg_govern_plan(planner_hook_type next, Query *parse, const char *query_string,
			   int cursor_options, ParamListInfo params)
{
	const HgIdentity *who = hg_subject_current();
	bool		audited = hg_stmt_is_audited(who);
	int			depth = hg_frame_depth();
	HgStmt	   *adopter = hg_stmt_adopter(query_string);
	HgStmt	   *failing = NULL;
	HgTally    *outer = hg_limits_outer();
	HgTally		tally = {0};	/* of functions that planning runs */
	MemoryContext context = CurrentMemoryContext;
	int64		event_id;
	PlannedStmt *plan;
	const HgPolicy *outer_policy;
	int			location = parse->stmt_location;
	int			len = parse->stmt_len;

	if (!who->governed && !audited)
		return plan_unwatched(next, parse, query_string, cursor_options,
							  params, who);

	keep_heap();

	/*
	 * Should anything fail from here on, the attempt is recorded.  A
	 * statement inside a utility is reported with that.
	 */
	event_id = adopter ? adopter->event.event_id : hg_event_next_id();
	if (audited && adopter == NULL)
		failing = hg_stmt_begin(CurrentMemoryContext, who, true, event_id);
	hg_frame_push(HG_FRAME_PLANNER, NULL, event_id);
	outer_policy = hg_mask_plan_begin(NULL);
	PG_TRY();
	{
		if (who->governed && outer == NULL)
			hg_limits_begin(&tally, hg_policy_get(who));
		hg_limits_enter(&tally);
		plan = plan_watched(next, parse, query_string, cursor_options, params,
							who, failing);
		hg_limits_check_time(outer);
	}
	PG_CATCH();
	{
		hg_frame_reset(depth);
		hg_mask_plan_end(outer_policy);
		hg_limits_leave(outer);
		if (failing)
		{
			int			sqlstate = current_sqlstate();
			bool		timed_out = sqlstate != geterrcode();
			ErrorData  *edata;

			/*
			 * The catalog cannot be asked any more: text without lineage.  A
			 * text that is not to be scanned, as under another setting of
			 * standard_conforming_strings, would take the error away with the
			 * scanner's own.
			 */
			MemoryContextSwitchTo(context);
			edata = CopyErrorData();
			FlushErrorState();
			if (failing->facts != NULL)
				hg_fingerprint(failing->facts, query_string, location, len,
							   NULL);
			failing->event.verdict = "error";
			hg_stmt_push(failing, sqlstate, true);
			if (timed_out)
				hg_limits_raise_time();
			ReThrowError(edata);
		}
		replace_cancel(context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	hg_frame_reset(depth);
	hg_mask_plan_end(outer_policy);
	hg_limits_leave(outer);

	if (failing)
	{
		failing->pushed = true;
		failing->facts = NULL;
		MemoryContextDelete(failing->context);
	}
	reserved_event = adopter ? 0 : event_id;
	return plan;
}

/* The plan's stamp is of this policy and this identity. */
static bool
stamp_is_current(const HgStamp *stamp, const HgIdentity *who, Query *query)
{
	if (!who->governed)
		return stamp->key == stamp_key(who, false) ||
			stamp->key == stamp_key(who, true);
	return stamp->generation == hg_catalog_generation() &&
		stamp->key == stamp_key(who, is_exempt(query));
}

pg_noreturn static void
refuse_plan(void)
{
	HgRefusal	refusal = {.verdict = "deny",.builtin = "stale plan"};

	ereport(ERROR,
			(errcode(HG_ERRCODE_MASKED),
			 errmsg("plan was made under another policy or role"),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 errhint("Run the statement again, or prepare it again.")));
}

/* What hg_approval_require() needs to make evidence. */
typedef struct Evidence
{
	const HgPolicy *policy;
	const HgFacts *facts;
	QueryDesc  *desc;			/* to be rehearsed, or NULL */
	const char *reason;			/* why it is not */
	const char *approver;		/* who will see it, "": whoever */
} Evidence;

static const char *rehearsed_for = "";	/* approver, in a rehearsal */

/*
 * A frame of its own keeps the rehearsal out of the event of the utility
 * statement around.
 */
static char *
make_evidence(void *arg)
{
	Evidence   *evidence = arg;
	int			depth = hg_frame_depth();
	char	   *json;

	if (evidence->desc == NULL && evidence->facts->is_utility)
		return hg_evidence_utility(evidence->facts);
	if (evidence->desc == NULL)
		return hg_evidence_without(evidence->facts, evidence->reason);
	rehearsed_for = evidence->approver;
	hg_frame_push(HG_FRAME_RUN, NULL, hg_event_next_id());
	json = hg_rehearse(evidence->desc, evidence->policy, evidence->facts);
	hg_frame_reset(depth);
	return json;
}

/*
 * The query of DECLARE CURSOR outlives the statement that it is part of, and
 * so do the bounds of its approval.
 */
static void
keep_approval(HgStmt *stmt)
{
	const HgStmt *reported = hg_stmt_reported(stmt);

	stmt->approved = true;
	stmt->max_rows = reported->max_rows;
	strlcpy(stmt->approval_id, reported->approval_id,
			sizeof(stmt->approval_id));
}

/*
 * Tell the approver's side, or the caller, what the guard says.  Returns when
 * the statement may run.
 */
static void
apply_verdict(HgStmt *stmt, const HgPolicy *policy, const HgFacts *facts,
			  const char *text, ParamListInfo params, QueryDesc *queryDesc,
			  bool toplevel, double cost)
{
	HgStmt	   *reported = hg_stmt_reported(stmt);
	HgVerdict	verdict = {0};

	hg_guard_check(policy, facts, &verdict);
	if (verdict.action != HG_DENY && !hg_rehearsing)
		hg_guard_learn(policy, facts);
	if (verdict.rule != NULL)
		reported->event.rule_id = verdict.rule->id;
	if (verdict.would != verdict.action)
	{
		reported->event.verdict = hg_guard_passed(&verdict);
		return;
	}

	switch (verdict.action)
	{
		case HG_ALLOW:
			break;
		case HG_WARN:
			reported->event.verdict = "warn";
			ereport(WARNING,
					(errcode(ERRCODE_WARNING),
					 errmsg_internal("%s", hg_guard_warning(&verdict))));
			break;
		case HG_DENY:
			reported->event.verdict = "deny";
			hg_guard_raise(&verdict);
			break;
		case HG_APPROVE:
			{
				HgApprovalAsk ask = {0};
				Evidence	evidence = {0};
				const char *approver = verdict.rule != NULL &&
					verdict.rule->approver != NULL ?
					verdict.rule->approver : "";
				bool		may_rehearse = toplevel && verdict.rule != NULL &&
					!verdict.rule->no_rehearsal &&
					hg_rehearse_writes(queryDesc->plannedstmt);

				if (stmt->owner && stmt->owner->approved)
				{
					keep_approval(stmt);
					break;
				}
				if (hg_rehearse_first())
				{
					stmt->approved = true;
					stmt->rehearsed = true;
					stmt->max_rows = -1;
					break;
				}

				/*
				 * What triggers and functions of a rehearsed statement write
				 * was shown with it, and is held to that.  Who decides on
				 * other things has not seen it.
				 */
				if (hg_rehearse_writes(queryDesc->plannedstmt) &&
					(hg_rehearsing ?
					 strcmp(approver, rehearsed_for) == 0 :
					 hg_bound_listed(approver)))
				{
					stmt->approved = true;
					stmt->max_rows = -1;
					break;
				}
				reported->event.verdict = "approve";
				ask.policy = policy;
				ask.facts = facts;
				ask.verdict = &verdict;
				ask.text = text;
				ask.params = params;
				ask.est_rows = verdict.act ? verdict.act->rows : -1;
				ask.est_cost = cost;
				ask.event_id = reported->event.event_id;
				ask.keep = reported->context;
				ask.evidence = make_evidence;
				ask.evidence_arg = &evidence;
				evidence.policy = policy;
				evidence.facts = facts;
				evidence.approver = approver;
				if (may_rehearse)
					evidence.desc = queryDesc;
				else if (!hg_rehearse_writes(queryDesc->plannedstmt))
					evidence.reason = "not rehearsed: it does not write by itself";
				else if (!toplevel)
					evidence.reason = "not rehearsed: it was stopped while it ran";
				else
					evidence.reason = "not rehearsed: the rule does not ask for it";

				/* a rehearsal assigns a transaction id: it becomes a ticket */
				ask.may_wait = toplevel && !may_rehearse && reported->event.level == 0 &&
					stmt->owner == NULL && !IsTransactionBlock() &&
					!TransactionIdIsValid(GetTopTransactionIdIfAny()) &&
					!IsSubTransaction() && hg_guc_approval_wait > 0 &&
					XactIsoLevel == XACT_READ_COMMITTED &&
					queryDesc != NULL && ActiveSnapshotSet();

				/*
				 * Nothing may be held while a person thinks: give the
				 * snapshot back and take a new one afterwards.  On error the
				 * transaction ends anyway.
				 */
				if (ask.may_wait)
				{
					UnregisterSnapshot(queryDesc->snapshot);
					queryDesc->snapshot = NULL;
					PopActiveSnapshot();
					InvalidateCatalogSnapshot();
				}
				hg_approval_require(&ask, reported->approval_id);
				reported->approved = true;
				stmt->approved = true;
				reported->max_rows = hg_approval_max_rows();
				reported->bound = hg_approval_bound();
				if (reported->bound != NULL)
					strlcpy(reported->bound->approver, approver,
							sizeof(reported->bound->approver));
				keep_approval(stmt);
				if (ask.may_wait)
				{
					PushActiveSnapshot(GetTransactionSnapshot());
					queryDesc->snapshot = RegisterSnapshot(GetActiveSnapshot());
				}
				break;
			}
	}
}

/*
 * Is what was analysed just now run after that?  Of utility statements only
 * some run more than the query that they are about, and that they may only
 * store or explain.
 */
static bool
is_run(void)
{
	HgFrame    *frame = hg_frame_below_planner();

	if (frame == NULL || frame->kind != HG_FRAME_UTILITY)
		return true;
	if (frame->stmt == NULL || frame->stmt->facts == NULL)
		return false;
	switch (frame->stmt->facts->command)
	{
		case HG_CMD_CALL:
		case HG_CMD_DO:
		case HG_CMD_EXTENSION:
			return true;
		default:
			return false;
	}
}

void
hg_govern_analysed(Query *query, const char *source)
{
	const HgIdentity *who;
	HgStmt	   *stmt;
	HgFacts    *facts;
	MemoryContext old;

	if (hg_lineage_keep_written(query))
		return;
	who = hg_subject_current();
	if (!hg_stmt_is_audited(who) || !is_run())
		return;

	/* INSTEAD NOTHING: no hook is going to see it again */
	stmt = hg_stmt_begin(CurrentMemoryContext, who, true, 0);
	facts = hg_stmt_make_facts(stmt);
	old = MemoryContextSwitchTo(facts->context);
	hg_query_facts(facts, query, NULL);
	if (!is_ri(query))
		hg_lineage_dropped(facts, query,
						   who->governed ? hg_policy_get(who) : NULL);
	hg_fingerprint(facts, source, query->stmt_location, query->stmt_len,
				   NULL);
	facts->complete = true;
	MemoryContextSwitchTo(old);
	hg_stmt_intend(stmt, false);
	hg_stmt_push(stmt, 0, false);
	MemoryContextDelete(stmt->context);
}

/* Bytes of one statement of a query string. */
static char *
statement_text(const char *source, int location, int len)
{
	if (source == NULL)
		return pstrdup("");
	if (location < 0)
		return pstrdup(source);
	if (len <= 0)
		return pstrdup(source + location);
	return pnstrdup(source + location, len);
}

/*
 * Plan again while the plan's stamp is not of the live policy and identity.
 * False when the plan has no stamp.
 */
static bool
refresh_plan(QueryDesc *queryDesc, HgStamp *stamp, Query **query)
{
	for (int i = 0; hg_stamp_get(queryDesc->plannedstmt, stamp, query); i++)
	{
		if (stamp_is_current(stamp, hg_subject_current(), *query))
			return true;
		if (i == REPLAN_MAX)
			refuse_plan();
		queryDesc->plannedstmt =
			pg_plan_query(copyObject(*query), queryDesc->sourceText,
						  stamp->cursor_options, queryDesc->params);
	}
	return false;
}

/* Limits that a governed statement meets before it runs. */
static void
start_limits(HgStmt *stmt, const HgPolicy *policy, ParamListInfo params)
{
	hg_limits_check_doomed();
	hg_limits_begin(&stmt->tally, policy);
	if (stmt->event.level == 0 && stmt->owner == NULL)
		hg_limits_count_for(&stmt->tally, HG_LIMIT_STATEMENTS, 1);
	hg_limits_count_for(&stmt->tally, HG_LIMIT_PROBES,
						hg_facts_probes(stmt->facts, params));
}

/*
 * EXPLAIN runs nothing, but the plan it shows may depend on the values that
 * are compared with a masked column: they are probes all the same.
 */
static void
count_explained(const HgStamp *stamp, const HgPolicy *policy,
				ParamListInfo params)
{
	HgKeptFacts *kept = hg_stamp_pin(stamp->id);
	HgTally		tally = {0};

	if (kept == NULL)
		return;
	PG_TRY();
	{
		hg_limits_begin(&tally, policy);
		hg_limits_count_for(&tally, HG_LIMIT_PROBES,
							hg_facts_probes(kept->facts, params));
	}
	PG_FINALLY();
	{
		hg_stamp_unpin(kept);
	}
	PG_END_TRY();
}

/*
 * Is the argument of EXECUTE a constant as it was written?  What a function
 * gives may be anybody's.
 */
static bool
is_written(Node *arg)
{
	if (IsA(arg, A_Const))
		return true;
	if (IsA(arg, TypeCast))
	{
		Type		type;
		Oid			oid;

		if (!IsA(((TypeCast *) arg)->arg, A_Const))
			return false;
		type = LookupTypeName(NULL, ((TypeCast *) arg)->typeName, NULL, true);
		if (type == NULL)
			return false;
		oid = typeTypeId(type);
		ReleaseSysCache(type);
		return oid < FirstNormalObjectId;
	}
	/* a number with its sign */
	return IsA(arg, A_Expr) && ((A_Expr *) arg)->lexpr == NULL &&
		((A_Expr *) arg)->kind == AEXPR_OP &&
		list_length(((A_Expr *) arg)->name) == 1 &&
		strcmp(strVal(linitial(((A_Expr *) arg)->name)), "-") == 0 &&
		IsA(((A_Expr *) arg)->rexpr, A_Const) &&
		!IsA(&((A_Const *) ((A_Expr *) arg)->rexpr)->val, String);
}

/* Where the constant is in the text that an argument of EXECUTE is; or -1. */
static int
written_at(Node *arg)
{
	while (arg != NULL && IsA(arg, TypeCast))
		arg = ((TypeCast *) arg)->arg;
	return arg != NULL && IsA(arg, A_Const) ? ((A_Const *) arg)->location : -1;
}

/*
 * Keep the values of what the client sent, for the note that goes with its
 * event.  Of utility statements only those whose query is the client's way to
 * read and write; what functions run is not the client's.
 */
static void
keep_literals(HgStmt *stmt, QueryDesc *queryDesc, Query *query)
{
	HgStmt	   *reported = hg_stmt_reported(stmt);
	HgLiteralSource source = {0};
	char	   *detail;

	if (reported->event.level != 0 || reported->event.literals != NULL)
		return;
	source.text = queryDesc->sourceText;
	source.location = queryDesc->plannedstmt->stmt_location;
	source.len = queryDesc->plannedstmt->stmt_len;
	source.params = queryDesc->params;
	if (reported != stmt)
	{
		PlannedStmt *utility = reported->utility;
		ListCell   *lc;
		int			id = 1;

		if (utility == NULL)
			return;
		switch (nodeTag(utility->utilityStmt))
		{
			case T_ExecuteStmt:
				foreach(lc, ((ExecuteStmt *) utility->utilityStmt)->params)
				{
					if (!is_written(lfirst(lc)))
						source.computed = bms_add_member(source.computed, id);
					source.arguments = lappend_int(source.arguments,
												   written_at(lfirst(lc)));
					id++;
				}
				/* the query's own text is that of PREPARE */
				source.executed = true;
				source.call_text = debug_query_string;
				source.call_location = utility->stmt_location;
				source.call_len = utility->stmt_len;
				break;
			case T_DeclareCursorStmt:
			case T_CopyStmt:
				source.location = utility->stmt_location;
				source.len = utility->stmt_len;
				break;
			default:
				return;
		}
	}
	detail = hg_literal_detail(query, &source, reported->event.event_id);
	if (detail != NULL)
		reported->event.literals = MemoryContextStrdup(reported->context,
													   detail);
}

HgStmt *
hg_govern_start(QueryDesc *queryDesc, int eflags)
{
	const HgIdentity *who;
	const HgPolicy *policy;
	HgStamp		stamp = {0};
	Query	   *query = NULL;
	HgStmt	   *stmt;
	HgStmt	   *adopter;
	bool		audited;
	bool		stamped;
	MemoryContext old;

	cleared_rtable = NULL;
	AcceptInvalidationMessages();
	if (!hg_catalog_present())
		return NULL;
	who = hg_subject_current();
	audited = hg_stmt_is_audited(who);
	if (!who->governed && !audited)
		return NULL;

	stamped = refresh_plan(queryDesc, &stamp, &query);
	who = hg_subject_current();
	if (!stamped && who->governed && reads_relations(queryDesc->plannedstmt))
		refuse_plan();
	cleared_rtable = queryDesc->plannedstmt->rtable;
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
	{
		if (who->governed && stamped)
			count_explained(&stamp, hg_policy_get(who), queryDesc->params);
		return NULL;
	}

	hg_rehearse_check_plan(queryDesc->plannedstmt);
	if (who->governed)
		hg_shadow_check_target(queryDesc);
	policy = who->governed ? hg_policy_get(who) : NULL;
	adopter = hg_stmt_adopter(queryDesc->sourceText);
	stmt = hg_stmt_begin(CurrentMemoryContext, who, audited,
						 stamped && stamp.event_id == reserved_event ?
						 stamp.event_id : 0);
	stmt->next = hg_failure_next(queryDesc->sourceText,
								 queryDesc->plannedstmt->stmt_location,
								 queryDesc->plannedstmt->stmt_len);
	reserved_event = 0;
	if (stamped)
	{
		stmt->kept = hg_stamp_pin(stamp.id);
		if (stmt->kept == NULL)
		{
			HgFacts    *facts = make_facts(query, policy,
												 queryDesc->params);

			if (policy != NULL && !is_exempt(query))
				(void) hg_mask_query(copyObject(query), policy, facts, NULL);
			hg_plan_facts(facts, queryDesc->plannedstmt);
			stmt->kept = hg_stamp_pin(hg_stamp_keep(facts));
		}
		stmt->facts = stmt->kept->facts;
		complete_facts(stmt->facts, query, queryDesc->sourceText, policy,
					   queryDesc->dest);
		if (stmt->facts->refused_insert != NULL)
			queryDesc->instrument_options |= INSTRUMENT_ROWS;
	}
	else
	{
		old = MemoryContextSwitchTo(stmt->context);
		(void) hg_stmt_make_facts(stmt);
		hg_fingerprint(stmt->facts, queryDesc->sourceText,
					   queryDesc->plannedstmt->stmt_location,
					   queryDesc->plannedstmt->stmt_len, NULL);
		MemoryContextSwitchTo(old);
	}

	/* the query of CREATE TABLE AS, EXECUTE, ... is part of that statement */
	if (adopter != NULL)
	{
		HgLineageTarget *into = adopter->into;

		hg_stmt_adopt(adopter, stmt, into == NULL);
		if (into != NULL && query != NULL)
			hg_lineage_query(adopter->facts, query, into, policy);
	}

	stmt->to_client = adopter == NULL && stmt->event.level == 0 &&
		hg_limits_outer() == NULL;
	if (policy == NULL)
	{
		hg_stmt_intend(stmt, false);
		return stmt;
	}
	PG_TRY();
	{
		if (who->records_literals && audited && stamped)
			keep_literals(stmt, queryDesc, query);
		start_limits(stmt, policy, queryDesc->params);
	}
	PG_CATCH();
	{
		hg_stmt_push(stmt, geterrcode(), true);
		PG_RE_THROW();
	}
	PG_END_TRY();
	stmt->generation = hg_catalog_generation();
	stmt->policy_version = MemoryContextStrdup(stmt->context,
											   policy->version);

	/* referential actions are the constraint's doing, not the agent's */
	if (query == NULL || !is_ri(query))
	{
		stmt->judged = true;
		PG_TRY();
		{
			apply_verdict(stmt, policy, stmt->facts,
						  statement_text(queryDesc->sourceText,
										 queryDesc->plannedstmt->stmt_location,
										 queryDesc->plannedstmt->stmt_len),
						  queryDesc->params, queryDesc, true,
						  queryDesc->plannedstmt->planTree->total_cost);
		}
		PG_CATCH();
		{
			hg_stmt_push(stmt, geterrcode(), true);
			PG_RE_THROW();
		}
		PG_END_TRY();

		/* a wait may have been long: mask by the policy of now */
		if (stmt->approved)
		{
			AcceptInvalidationMessages();
			if (stamped && !refresh_plan(queryDesc, &stamp, &query))
			{
				hg_stmt_push(stmt, HG_ERRCODE_MASKED, true);
				refuse_plan();
			}
			stmt->generation = hg_catalog_generation();
			stmt->policy_version =
				MemoryContextStrdup(stmt->context,
									hg_policy_get(hg_subject_current())->version);
		}
		cleared_rtable = queryDesc->plannedstmt->rtable;
	}
	hg_stmt_intend(stmt, false);
	return stmt;
}

void
hg_govern_resume(HgStmt *stmt)
{
	const HgIdentity *who;

	/* also before the first row: a cursor is fetched from when it may be */
	if (stmt->policy_version == NULL)
		return;
	AcceptInvalidationMessages();
	if (!hg_catalog_present() || stmt->generation == hg_catalog_generation())
		return;
	who = hg_subject_current();
	if (who->governed &&
		strcmp(hg_policy_get(who)->version, stmt->policy_version) != 0)
		refuse_plan();
	stmt->generation = hg_catalog_generation();
}

static void
on_estate_delete(void *arg)
{
	EState	   *estate = arg;

	if (newest.estate == estate)
		newest.estate = NULL;
	else
		hash_search(open_table, &estate, HASH_REMOVE, NULL);
}

void
hg_govern_started(HgStmt *stmt, QueryDesc *queryDesc)
{
	EState	   *estate = queryDesc->estate;
	MemoryContextCallback *callback;
	HgOpen	   *open;
	bool		found;

	cleared_rtable = NULL;
	if (stmt == NULL)
		return;
	if (open_table == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = sizeof(EState *);
		ctl.entrysize = sizeof(HgOpen);
		open_table = hash_create("hoopguard statements", 32, &ctl,
								 HASH_ELEM | HASH_BLOBS);
	}
	callback = MemoryContextAllocZero(estate->es_query_cxt,
									  sizeof(MemoryContextCallback));
	callback->func = on_estate_delete;
	callback->arg = estate;
	if (newest.estate != NULL)
	{
		open = hash_search(open_table, &newest.estate, HASH_ENTER, &found);
		*open = newest;
	}
	newest.estate = estate;
	newest.stmt = stmt;
	MemoryContextRegisterResetCallback(estate->es_query_cxt, callback);
	MemoryContextSetParent(stmt->context, estate->es_query_cxt);
	if (stmt->facts != NULL)
		hg_mask_watch_inserts(queryDesc, stmt->facts);
	hg_limits_watch(queryDesc, &stmt->tally,
					stmt->facts ? stmt->facts->row_probes : 0);
	if (stmt->judged && !hg_rehearsing)
	{
		int64		top = hg_frame_bottom_event();

		stmt->reach = hg_reach_begin(queryDesc, stmt->facts,
									 top != 0 ? top : stmt->event.event_id);
	}
}

void
hg_govern_reached(HgStmt *stmt, QueryDesc *queryDesc)
{
	const HgIdentity *who;

	if (stmt->reach == NULL || !hg_catalog_present() ||
		!hg_reach_check(stmt->reach))
		return;
	who = hg_subject_current();
	stmt->facts->passed = 0;
	PG_TRY();
	{
		/* what a person has approved was approved with all its rows */
		if (who->governed && !stmt->approved)
			apply_verdict(stmt, hg_policy_get(who), stmt->facts,
						  statement_text(queryDesc->sourceText,
										 queryDesc->plannedstmt->stmt_location,
										 queryDesc->plannedstmt->stmt_len),
						  queryDesc->params, queryDesc, false,
						  queryDesc->plannedstmt->planTree->total_cost);
	}
	PG_FINALLY();
	{
		hg_reach_forget(stmt->reach);
		stmt->facts->passed = 0;
	}
	PG_END_TRY();
}

bool
hg_govern_listed(HgStmt *stmt)
{
	const HgBound *bound = hg_stmt_reported(stmt)->bound;

	return bound != NULL && bound->listed;
}

/* Does CREATE TABLE AS make a table that others can see? */
static bool
makes_persistent(const HgStmt *utility)
{
	ListCell   *lc;

	foreach(lc, utility->facts ? utility->facts->acts : NIL)
	{
		const HgAct *act = lfirst(lc);

		if (act->command == HG_CMD_CREATE)
			return act->persistent;
	}
	return true;
}

DestReceiver *
hg_govern_dest(HgStmt *stmt, QueryDesc *queryDesc, HgCountingDest *counting)
{
	DestReceiver *dest = queryDesc->dest;

	if (dest == NULL || hg_limits_is_dest(dest))
		return dest;
	switch (dest->mydest)
	{
		case DestRemote:
		case DestRemoteExecute:
		case DestRemoteSimple:
		case DestDebug:
		case DestCopyOut:
			return hg_limits_dest(counting, dest, HG_LIMIT_ROWS_RETURNED);
		case DestTuplestore:
			/* the portal keeps the rows of RETURNING and sends them then */
			if (stmt->to_client)
				return hg_limits_dest(counting, dest, HG_LIMIT_ROWS_RETURNED);
			break;
		case DestIntoRel:
			if (stmt->owner != NULL && !makes_persistent(stmt->owner))
				break;
			return hg_limits_dest(counting, dest, HG_LIMIT_ROWS_WRITTEN);
		case DestTransientRel:
			return hg_limits_dest(counting, dest, HG_LIMIT_ROWS_WRITTEN);
		default:
			break;
	}
	return dest;
}

HgStmt *
hg_govern_find(QueryDesc *queryDesc)
{
	HgOpen	   *open;

	if (open_table == NULL || queryDesc->estate == NULL)
		return NULL;
	if (newest.estate == queryDesc->estate)
		return newest.stmt;
	open = hash_search(open_table, &queryDesc->estate, HASH_FIND, NULL);
	return open ? open->stmt : NULL;
}

void
hg_govern_count(HgStmt *stmt, QueryDesc *queryDesc)
{
	HgStmt	   *reported = hg_stmt_reported(stmt);
	HgEvent    *event = &reported->event;
	int64		rows = queryDesc->estate->es_processed;

	/* rows that CREATE TABLE AS or REFRESH stores are returned to nobody */
	if (queryDesc->operation == CMD_SELECT && reported->into == NULL)
		event->rows_returned += rows;
	else
	{
		event->rows_affected += rows;
		if (queryDesc->plannedstmt->hasReturning)
			event->rows_returned += rows;
	}
	if (reported->approved && reported->max_rows >= 0 &&
		Max(event->rows_returned, event->rows_affected) > reported->max_rows)
	{
		HgRefusal	refusal = {.verdict = "deny",.builtin = "approved effect"};

		refusal.approval_id = reported->approval_id;
		ereport(ERROR,
				(errcode(HG_ERRCODE_EFFECT),
				 errmsg("statement exceeds the " INT64_FORMAT " rows that were approved",
						reported->max_rows),
				 errdetail_internal("%s", hg_report_json(&refusal)),
				 errhint("Restrict the statement and ask for approval again.")));
	}
}

void
hg_govern_fail(HgStmt *stmt)
{
	int			sqlstate = current_sqlstate();

	/* its memory may be used again, for a range table nobody has cleared */
	cleared_rtable = NULL;
	if (stmt != NULL)
	{
		hg_stmt_reported(stmt)->event.sqlstate = sqlstate;
		hg_stmt_push(stmt, sqlstate, true);
	}
	replace_cancel(stmt ? stmt->context : CurrentMemoryContext);
	hg_quiet_rethrow(stmt);
}

void
hg_govern_constraints(void)
{
	ConstraintsSetStmt *now = makeNode(ConstraintsSetStmt);

	now->constraints = NIL;
	now->deferred = false;
	AfterTriggerSetState(now);
}

bool
hg_govern_perms(List *rangeTable, List *perminfos, bool ereport_on_violation)
{
	const HgIdentity *who;
	const HgPolicy *policy;
	char	   *column = NULL;

	if (rangeTable == cleared_rtable || rangeTable == NIL)
		return true;
	who = hg_subject_current();
	if (!who->governed)
		return true;
	policy = hg_policy_get(who);
	if (policy->mask_mode != HG_MODE_ENFORCE || hg_frame_trusted())
		return true;
	if (hg_mask_net_ok(rangeTable, perminfos, policy, &column))
		return true;
	if (ereport_on_violation)
	{
		HgRefusal	refusal = {.verdict = "deny",.builtin = "second net"};

		refusal.objects = (const char *const *) &column;
		refusal.nobjects = column ? 1 : 0;
		ereport(ERROR,
				(errcode(HG_ERRCODE_MASKED),
				 errmsg("statement would read real values of a masked column"),
				 errdetail_internal("%s", hg_report_json(&refusal)),
				 errhint("Use a plain SELECT, which gives masked values.")));
	}
	return false;
}

static void
call_utility(ProcessUtility_hook_type next, PlannedStmt *pstmt,
			 const char *queryString, bool readOnlyTree,
			 ProcessUtilityContext context, ParamListInfo params,
			 QueryEnvironment *queryEnv, DestReceiver *dest,
			 QueryCompletion *qc)
{
	if (next)
		(*next) (pstmt, queryString, readOnlyTree, context, params, queryEnv,
				 dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context,
								params, queryEnv, dest, qc);
}

/* Approval of a utility statement: the portal's snapshot goes meanwhile. */
static void
require_utility_approval(HgStmt *stmt, HgApprovalAsk *ask,
						 ProcessUtilityContext context)
{
	bool		snapshot;

	ask->may_wait = context == PROCESS_UTILITY_TOPLEVEL &&
		stmt->event.level == 0 && !IsTransactionBlock() &&
		!TransactionIdIsValid(GetTopTransactionIdIfAny()) &&
		!IsSubTransaction() && hg_guc_approval_wait > 0 &&
		XactIsoLevel == XACT_READ_COMMITTED;
	snapshot = ask->may_wait && ActivePortal != NULL &&
		ActivePortal->portalSnapshot != NULL && ActiveSnapshotSet() &&
		ActivePortal->portalSnapshot == GetActiveSnapshot();
	if (snapshot)
	{
		PopActiveSnapshot();
		ActivePortal->portalSnapshot = NULL;
	}
	if (ask->may_wait)
		InvalidateCatalogSnapshot();
	hg_approval_require(ask, stmt->approval_id);
	stmt->approved = true;
	stmt->max_rows = hg_approval_max_rows();
	stmt->bound = hg_approval_bound();
	if (snapshot)
		EnsurePortalSnapshotExists();
}

/* Verdict on a utility statement; returns when it may run. */
static void
judge_utility(HgStmt *stmt, const HgPolicy *policy, const HgFacts *facts,
			  const char *text, ParamListInfo params,
			  ProcessUtilityContext context)
{
	HgVerdict	verdict = {0};

	if (stmt == NULL)
	{
		HgFacts		part = *facts;

		/* part of another statement: that one was approved as a whole */
		part.inside = true;
		hg_guard_check(policy, &part, &verdict);
		if (verdict.action == HG_DENY)
			hg_guard_raise(&verdict);
		return;
	}
	hg_guard_check(policy, facts, &verdict);
	if (verdict.action != HG_DENY && !hg_rehearsing)
		hg_guard_learn(policy, facts);
	if (verdict.rule != NULL)
		stmt->event.rule_id = verdict.rule->id;
	if (verdict.would != verdict.action)
	{
		stmt->event.verdict = hg_guard_passed(&verdict);
		return;
	}
	if (verdict.action == HG_WARN)
	{
		stmt->event.verdict = "warn";
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg_internal("%s", hg_guard_warning(&verdict))));
	}
	else if (verdict.action == HG_DENY)
	{
		stmt->event.verdict = "deny";
		hg_guard_raise(&verdict);
	}
	else if (verdict.action == HG_APPROVE)
	{
		HgApprovalAsk ask = {0};
		Evidence	evidence = {.policy = policy,.facts = facts};

		stmt->event.verdict = "approve";
		ask.keep = stmt->context;
		ask.evidence = make_evidence;
		ask.evidence_arg = &evidence;
		ask.policy = policy;
		ask.facts = facts;
		ask.verdict = &verdict;
		ask.text = text;
		ask.params = params;
		ask.est_rows = -1;
		ask.event_id = stmt->event.event_id;
		require_utility_approval(stmt, &ask, context);
	}
}

/* COPY past the executor: have its rows counted. */
static PlannedStmt *
count_copy(HgStmt *stmt, PlannedStmt *pstmt, const HgPolicy *policy)
{
	CopyStmt   *copy = (CopyStmt *) pstmt->utilityStmt;
	CopyStmt   *counted;

	if (copy->is_from)
		counted = hg_limits_copy_from(copy, &stmt->tally,
									  stmt->facts ? stmt->facts->row_probes : 0);
	else if (hg_limits_counts_returned(&stmt->tally))
		counted = hg_mask_copy(copy, policy, true);
	else
		counted = copy;
	if (counted != copy)
	{
		pstmt = copyObject(pstmt);
		pstmt->utilityStmt = (Node *) counted;
		if (!copy->is_from)
			stmt->owns_query = true;
	}
	return pstmt;
}

/*
 * What comes before a governed utility statement: verdict, gate, masked COPY.
 * Returns the statement to run.
 */
static PlannedStmt *
prepare_utility(HgStmt *stmt, const HgPolicy *policy, HgFacts *facts,
				PlannedStmt *pstmt, const char *queryString,
				ParamListInfo params, ProcessUtilityContext context)
{
	Node	   *utility = pstmt->utilityStmt;

	hg_rehearse_check_utility(facts);
	if (stmt != NULL)
		hg_limits_begin(&stmt->tally, policy);
	if (!IsA(utility, TransactionStmt))
	{
		hg_limits_check_doomed();
		if (stmt != NULL && stmt->event.level == 0)
			hg_limits_count_for(&stmt->tally, HG_LIMIT_STATEMENTS, 1);
	}
	judge_utility(stmt, policy, facts,
				  statement_text(queryString, pstmt->stmt_location,
								 pstmt->stmt_len),
				  params, context);

	/* the policy may have changed during a wait */
	AcceptInvalidationMessages();
	policy = hg_policy_get(hg_subject_current());
	if (stmt != NULL)
		hg_limits_enter(&stmt->tally);
	if (policy->mask_mode == HG_MODE_ENFORCE && !hg_frame_trusted())
		hg_mask_check_ddl(utility, policy, facts);
	if (IsA(utility, CopyStmt) && policy->mask_mode == HG_MODE_ENFORCE &&
		!hg_frame_trusted())
	{
		CopyStmt   *masked = hg_mask_copy((CopyStmt *) utility, policy,
											  false);

		hg_mask_check_copy_from((CopyStmt *) utility, policy, facts);
		if (masked != (CopyStmt *) utility)
		{
			pstmt = copyObject(pstmt);
			pstmt->utilityStmt = (Node *) masked;
			if (stmt)
				stmt->owns_query = true;
		}
	}
	if (IsA(utility, CopyStmt) && stmt != NULL)
		pstmt = count_copy(stmt, pstmt, policy);
	return pstmt;
}

/* At the top, what a portal keeps of a utility's rows is sent then. */
static bool
goes_to_client(const DestReceiver *dest)
{
	switch (dest->mydest)
	{
		case DestRemote:
		case DestRemoteExecute:
		case DestRemoteSimple:
		case DestDebug:
		case DestTuplestore:
			return true;
		default:
			return false;
	}
}

/* After these the parse tree, or the transaction, may be gone. */
static bool
ends_transaction(Node *utility)
{
	return IsA(utility, TransactionStmt) || IsA(utility, CallStmt) ||
		IsA(utility, DoStmt) || IsA(utility, VacuumStmt) ||
		IsA(utility, ReindexStmt) || IsA(utility, ClusterStmt);
}

void
hg_govern_utility(ProcessUtility_hook_type next, PlannedStmt *pstmt,
				  const char *queryString, bool readOnlyTree,
				  ProcessUtilityContext context, ParamListInfo params,
				  QueryEnvironment *queryEnv, DestReceiver *dest,
				  QueryCompletion *qc)
{
	PlannedStmt *volatile run = pstmt;
	Node	   *utility = pstmt->utilityStmt;
	int			location = pstmt->stmt_location;
	int			len = pstmt->stmt_len;
	int			depth = hg_frame_depth();
	const HgIdentity *who;
	const HgPolicy *policy = NULL;
	HgStmt	   *stmt = NULL;
	HgQuiet		quiet;
	HgFacts    *facts;
	bool		audited;
	bool		governed;
	bool		ends_block = false;
	bool		sub = context == PROCESS_UTILITY_SUBCOMMAND;
	HgTally    *outer = hg_limits_outer();
	HgBound    *bound = hg_bound_enter(NULL);
	HgCountingDest counting;
	DestReceiver *scrubbing = dest;
	MemoryContext old;

	AcceptInvalidationMessages();
	if (!hg_catalog_present())
	{
		call_utility(next, pstmt, queryString, readOnlyTree, context, params,
					 queryEnv, dest, qc);
		return;
	}
	who = hg_subject_current();
	governed = who->governed;
	audited = hg_stmt_is_audited(who);
	if ((!governed && !audited) || (sub && !governed))
	{
		call_utility(next, pstmt, queryString, readOnlyTree, context, params,
					 queryEnv, dest, qc);
		return;
	}

	if (governed)
		policy = hg_policy_get(who);
	if (sub)
		facts = hg_facts_create(CurrentMemoryContext);
	else
	{
		stmt = hg_stmt_begin(CurrentMemoryContext, who, audited, 0);
		stmt->next = hg_failure_next(queryString, location, len);
		facts = hg_stmt_make_facts(stmt);
		stmt->owns_query = hg_utility_owns_query(utility);
		stmt->utility = pstmt;
	}
	old = MemoryContextSwitchTo(facts->context);
	hg_utility_facts(facts, utility, queryString, policy);
	/* BEGIN and COMMIT are frequent, and on no list of what was learned */
	if (!sub && (audited || !IsA(utility, TransactionStmt)))
		hg_fingerprint(facts, queryString, location, len, utility);

	/* now: REFRESH runs its query under another search_path */
	if (stmt && stmt->owns_query)
		stmt->into = hg_lineage_utility_target(facts, utility);
	MemoryContextSwitchTo(old);

	if (IsA(utility, TransactionStmt) && IsTransactionBlock())
		ends_block = ((TransactionStmt *) utility)->kind == TRANS_STMT_COMMIT ||
			((TransactionStmt *) utility)->kind == TRANS_STMT_PREPARE;
	if (stmt)
		stmt->ends = ends_block;
	ends_block = ends_block && governed;

	/* triggers that were put off fire in these, outside of any executor run */
	if (governed && (IsA(utility, TransactionStmt) ||
					 IsA(utility, ConstraintsSetStmt) ||
					 IsA(utility, CallStmt) || IsA(utility, DoStmt)))
		facts->real_triggers = true;
	if (governed)
		scrubbing = hg_scrub_dest(dest, who, stmt ? &stmt->event : NULL);
	if (stmt)
		hg_frame_push(HG_FRAME_UTILITY, stmt, stmt->event.event_id);
	hg_quiet_begin(&quiet, stmt, depth);
	PG_TRY();
	{
		if (governed)
			run = prepare_utility(stmt, policy, facts, pstmt, queryString,
								  params, context);
		if (stmt)
		{
			hg_stmt_intend(stmt, true);
			hg_limits_enter(&stmt->tally);
			(void) hg_bound_enter(stmt->bound);
		}
		call_utility(next, run, queryString,
					 run->utilityStmt == utility ? readOnlyTree : false,
					 context, params, queryEnv,
					 stmt && outer == NULL && goes_to_client(dest) ?
					 hg_limits_dest(&counting, scrubbing,
									HG_LIMIT_ROWS_RETURNED) :
					 scrubbing, qc);
		hg_limits_check_time(outer);

		/*
		 * COMMIT has only marked the transaction as ending: what fails now
		 * ends it, as an error of the commit itself would.
		 */
		if (ends_block && IsTransactionState())
			hg_govern_constraints();
		if (IsTransactionState())
			hg_bound_check(true);
	}
	PG_CATCH();
	{
		hg_frame_reset(depth);
		hg_bound_leave(bound);
		hg_limits_leave(outer);
		hg_govern_fail(stmt);
	}
	PG_END_TRY();
	hg_quiet_end(&quiet);
	hg_frame_reset(depth);
	hg_bound_leave(bound);
	hg_limits_leave(outer);
	if (scrubbing != dest)
		hg_scrub_dest_done(scrubbing);

	if (stmt == NULL)
		return;
	if (IsA(utility, VariableSetStmt) && hg_catalog_present() &&
		!hg_rehearsing)
	{
		who = hg_subject_current();
		hg_failure_remember(who, hg_stmt_is_audited(who));
	}
	if (!ends_transaction(utility) && IsTransactionState())
	{
		policy = NULL;
		if (governed && hg_catalog_present())
		{
			who = hg_subject_current();
			policy = who->governed ? hg_policy_get(who) : NULL;
		}
		if (hg_catalog_present())
			hg_lineage_utility(facts, utility, policy);
	}
	if (qc != NULL && stmt->inners == NULL && stmt->event.rows_returned == 0 &&
		stmt->event.rows_affected == 0)
	{
		if (qc->commandTag == CMDTAG_FETCH || qc->commandTag == CMDTAG_SELECT)
			stmt->event.rows_returned = qc->nprocessed;
		else if (facts->command == HG_CMD_COPY_TO)
			stmt->event.rows_returned = qc->nprocessed;
		else
			stmt->event.rows_affected = qc->nprocessed;
	}
	hg_stmt_push(stmt, 0, false);
	MemoryContextDelete(stmt->context);
}

void
hg_govern_function(Oid function)
{
	static HTAB *allowed = NULL;
	static uint64 allowed_generation = 0;
	static uint64 allowed_key = 0;
	const HgIdentity *who;
	const HgPolicy *policy;
	HgCommand	group;
	HgFacts    *facts;
	HgAct	   *act;
	HgVerdict	verdict = {0};
	HgFrame    *top;
	bool		found;
	char	   *name;
	char	   *schema;

	hg_rehearse_check_function(function);
	who = hg_subject_current();
	if (!who->governed)
		return;
	group = hg_function_group(function);
	if (group == HG_CMD_FUNCTION && function < FirstNormalObjectId)
		return;

	if (allowed == NULL || allowed_generation != hg_catalog_generation() ||
		allowed_key != who->key)
	{
		HASHCTL		ctl = {0};

		if (allowed != NULL)
			hash_destroy(allowed);
		ctl.keysize = ctl.entrysize = sizeof(Oid);
		allowed = NULL;
		allowed = hash_create("hoopguard allowed functions", 64, &ctl,
							  HASH_ELEM | HASH_BLOBS);
		allowed_generation = hg_catalog_generation();
		allowed_key = who->key;
	}
	if (hash_search(allowed, &function, HASH_FIND, NULL) != NULL)
		return;

	policy = hg_policy_get(who);
	facts = hg_facts_create(CurrentMemoryContext);
	name = get_func_name(function);
	schema = get_namespace_name(get_func_namespace(function));
	act = hg_facts_add_act(facts, group, function, schema, name ? name : "");
	act->is_function = true;
	act->persistent = true;
	facts->command = group;
	/* a call that no statement makes (fast path) is one of its own */
	top = hg_frame_top();
	facts->inside = top != NULL &&
		(top->stmt == NULL || top->stmt != hg_fastcall_current());
	hg_guard_check(policy, facts, &verdict);
	if (verdict.action != HG_DENY && !hg_frame_trusted())
		hg_mask_check_function(policy, group, schema, name ? name : "");
	if (verdict.action == HG_ALLOW || verdict.action == HG_WARN)
	{
		if (!hg_frame_trusted() && !policy->varies &&
			allowed_generation == hg_catalog_generation())
			hash_search(allowed, &function, HASH_ENTER, &found);
		MemoryContextDelete(facts->context);
		return;
	}
	if (verdict.action == HG_APPROVE && hg_frame_approved())
	{
		MemoryContextDelete(facts->context);
		return;
	}

	/* record it with the statement around, or by itself */
	if (top != NULL && top->stmt != NULL)
	{
		hg_stmt_reported(top->stmt)->event.verdict = "deny";
		if (verdict.rule)
			hg_stmt_reported(top->stmt)->event.rule_id = verdict.rule->id;
	}
	else if (hg_stmt_is_audited(who))
	{
		HgStmt	   *stmt = hg_stmt_begin(CurrentMemoryContext, who, true, 0);

		stmt->facts = facts;
		stmt->event.verdict = "deny";
		if (verdict.rule)
			stmt->event.rule_id = verdict.rule->id;
		hg_stmt_push(stmt, HG_ERRCODE_DENIED, true);
	}
	hg_guard_raise(&verdict);
}

bool
hg_govern_wants_function(Oid function)
{
	const HgIdentity *who;

	/*
	 * Built-in functions never get here; our own take no queries and are
	 * called for each value.
	 */
	if (function < FirstNormalObjectId || !hg_govern_active())
		return false;
	who = hg_subject_current();
	if (!who->governed)
		return false;

	/* nothing may be seen of a guard and masks that only observe */
	if (hg_guc_mask_mode != HG_MODE_ENFORCE &&
		hg_policy_get(who)->mode != HG_MODE_ENFORCE)
		return false;
	return get_func_namespace(function) != hg_catalog_schema();
}
