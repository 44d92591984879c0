/*-------------------------------------------------------------------------
 *
 * hooks.c
 *	  Every hook, in the order in which the server calls them.
 *
 * A table of contents: each function chains to its neighbour, leaves early
 * where hoopguard has no business, and names one step of govern.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "approval/rehearse.h"
#include "base/catalog.h"
#include "base/port.h"
#include "base/report.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "guard/limits.h"
#include "libpq/auth.h"
#include "mask/mask_plan.h"
#include "miscadmin.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"
#include "parser/analyze.h"
#include "policy/forget.h"
#include "policy/label.h"
#include "policy/policy.h"
#include "record/event.h"
#include "record/lane.h"
#include "server/failure.h"
#include "server/fastcall.h"
#include "server/govern.h"
#include "replication/walsender.h"
#include "server/hooks.h"
#include "server/inherit.h"
#include "server/quiet.h"
#include "server/scrub_dest.h"
#include "server/shadow.h"
#include "server/twophase.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/selfuncs.h"

static ClientAuthentication_hook_type next_ClientAuthentication = NULL;
static post_parse_analyze_hook_type next_post_parse_analyze = NULL;
static planner_hook_type next_planner = NULL;
static get_relation_info_hook_type next_get_relation_info = NULL;
static get_relation_stats_hook_type next_get_relation_stats = NULL;
static get_attavgwidth_hook_type next_get_attavgwidth = NULL;
static ExecutorStart_hook_type next_ExecutorStart = NULL;
static ExecutorRun_hook_type next_ExecutorRun = NULL;
static ExecutorFinish_hook_type next_ExecutorFinish = NULL;
static ExecutorEnd_hook_type next_ExecutorEnd = NULL;
static ExecutorCheckPerms_hook_type next_ExecutorCheckPerms = NULL;
static ProcessUtility_hook_type next_ProcessUtility = NULL;
static object_access_hook_type next_object_access = NULL;
static needs_fmgr_hook_type next_needs_fmgr_hook = NULL;
static fmgr_hook_type next_fmgr_hook = NULL;
static emit_log_hook_type next_emit_log = NULL;

/*
 * A governed role may not stream the database past all masks.  The mapping is
 * not readable before a database is chosen; map_role() left a label on the
 * role for this.
 */
static void
hg_ClientAuthentication(Port *port, int status)
{
	if (next_ClientAuthentication)
		(*next_ClientAuthentication) (port, status);
	if (status == STATUS_OK && am_walsender && port->user_name != NULL &&
		hg_label_role_is_mapped(port->user_name))
	{
		HgRefusal	refusal = {.verdict = "deny",.builtin = "builtin",
		.command = "REPLICATION"};

		ereport(FATAL,
				(errcode(HG_ERRCODE_DENIED),
				 errmsg("a governed role cannot open a replication connection"),
				 errdetail_internal("%s", hg_report_json(&refusal))));
	}
}

static void
hg_post_parse_analyze(ParseState *pstate, Query *query, JumbleState *jstate)
{
	if (next_post_parse_analyze)
		(*next_post_parse_analyze) (pstate, query, jstate);
	hg_fingerprint_strings();
	if ((query->resultRelation != 0 || query->hasModifyingCTE) &&
		!IsParallelWorker() && hg_govern_active())
		hg_govern_analysed(query, pstate->p_sourcetext);
}

static PlannedStmt *
hg_planner(Query *parse, const char *query_string, int cursorOptions,
		   ParamListInfo boundParams)
{
	if (hg_govern_active())
		return hg_govern_plan(next_planner, parse, query_string,
							  cursorOptions, boundParams);
	if (next_planner)
		return (*next_planner) (parse, query_string, cursorOptions,
								boundParams);
	return standard_planner(parse, query_string, cursorOptions, boundParams);
}

static void
hg_get_relation_info(PlannerInfo *root, Oid relationObjectId, bool inhparent,
					 RelOptInfo *rel)
{
	if (next_get_relation_info)
		(*next_get_relation_info) (root, relationObjectId, inhparent, rel);
	hg_mask_plan_relation(relationObjectId, rel);
}

static bool
hg_get_relation_stats(PlannerInfo *root, RangeTblEntry *rte,
					  AttrNumber attnum, VariableStatData *vardata)
{
	if (hg_mask_plan_stats(rte, attnum, vardata))
		return true;
	return next_get_relation_stats &&
		(*next_get_relation_stats) (root, rte, attnum, vardata);
}

static int32
hg_get_attavgwidth(Oid relid, AttrNumber attnum)
{
	int32		width = hg_mask_plan_width(relid, attnum);

	if (width == 0 && next_get_attavgwidth)
		width = (*next_get_attavgwidth) (relid, attnum);
	return width;
}

static void
hg_ExecutorStart(QueryDesc *queryDesc, int eflags)
{
	HgStmt	   *stmt = NULL;
	int			depth = hg_frame_depth();
	HgQuiet		quiet;
	bool		active = !IsParallelWorker() && hg_govern_active();

	if (active)
		stmt = hg_govern_start(queryDesc, eflags);
	if (stmt == NULL)
	{
		if (next_ExecutorStart)
			(*next_ExecutorStart) (queryDesc, eflags);
		else
			standard_ExecutorStart(queryDesc, eflags);
		return;
	}

	hg_frame_push(HG_FRAME_RUN, stmt, hg_stmt_reported(stmt)->event.event_id);
	hg_quiet_begin(&quiet, stmt, depth);
	PG_TRY();
	{
		if (next_ExecutorStart)
			(*next_ExecutorStart) (queryDesc, eflags);
		else
			standard_ExecutorStart(queryDesc, eflags);
		hg_govern_started(stmt, queryDesc);
	}
	PG_CATCH();
	{
		hg_frame_reset(depth);
		hg_govern_fail(stmt);
	}
	PG_END_TRY();
	hg_quiet_end(&quiet);
	hg_frame_reset(depth);
}

static void
run_next(HG_RUN_PARAMS)
{
	if (next_ExecutorRun)
		(*next_ExecutorRun) (HG_RUN_ARGS);
	else
		standard_ExecutorRun(HG_RUN_ARGS);
}

static void
hg_ExecutorRun(HG_RUN_PARAMS)
{
	HgStmt	   *stmt = hg_govern_find(queryDesc);
	HgTally    *outer = hg_limits_outer();
	HgBound    *bound = hg_bound_enter(NULL);
	DestReceiver *dest = queryDesc->dest;
	HgCountingDest counting;
	int			depth = hg_frame_depth();
	HgQuiet		quiet;
	DestReceiver *scrubbing = dest;

	if (stmt == NULL)
	{
		run_next(HG_RUN_ARGS);
		return;
	}

	/* what a utility statement counts it has wrapped already */
	if (stmt->event.subject != NULL && dest != NULL &&
		!hg_limits_is_dest(dest))
		scrubbing = hg_scrub_dest(dest, hg_subject_current(),
								  &hg_stmt_reported(stmt)->event);

	hg_frame_push(HG_FRAME_RUN, stmt, hg_stmt_reported(stmt)->event.event_id);
	hg_quiet_begin(&quiet, stmt, depth);
	PG_TRY();
	{
		hg_limits_enter(&stmt->tally);
		(void) hg_bound_enter(hg_stmt_reported(stmt)->bound);
		hg_govern_resume(stmt);
		queryDesc->dest = scrubbing;
		queryDesc->dest = hg_govern_dest(stmt, queryDesc, &counting);
		run_next(HG_RUN_ARGS);
		queryDesc->dest = dest;
		hg_limits_settle(queryDesc);
		hg_bound_check(true);
		hg_govern_count(stmt, queryDesc);
		hg_limits_check_time(outer);
	}
	PG_CATCH();
	{
		queryDesc->dest = dest;
		hg_frame_reset(depth);
		hg_bound_leave(bound);
		hg_limits_leave(outer);
		hg_govern_fail(stmt);
	}
	PG_END_TRY();
	hg_quiet_end(&quiet);
	if (scrubbing != dest)
		hg_scrub_dest_done(scrubbing);
	hg_frame_reset(depth);
	hg_bound_leave(bound);
	hg_limits_leave(outer);

	/*
	 * The client has had all rows.  Its portal may stay open for as long as
	 * the transaction does, and nothing is to come of it.
	 */
	if (stmt->to_client && stmt->owner == NULL && count == 0 &&
		ScanDirectionIsForward(direction) &&
		queryDesc->operation == CMD_SELECT &&
		!queryDesc->plannedstmt->hasModifyingCTE)
		hg_stmt_push(stmt, 0, false);
}

static void
hg_ExecutorFinish(QueryDesc *queryDesc)
{
	HgStmt	   *stmt = hg_govern_find(queryDesc);
	HgTally    *outer = hg_limits_outer();
	HgBound    *bound = hg_bound_enter(NULL);
	int			depth = hg_frame_depth();
	HgQuiet		quiet;

	if (stmt == NULL)
	{
		if (next_ExecutorFinish)
			(*next_ExecutorFinish) (queryDesc);
		else
			standard_ExecutorFinish(queryDesc);
		if (!IsParallelWorker() && hg_govern_active())
			hg_inherit_query(queryDesc);
		return;
	}

	hg_frame_push(HG_FRAME_RUN, stmt, hg_stmt_reported(stmt)->event.event_id);
	hg_quiet_begin(&quiet, stmt, depth);
	PG_TRY();
	{
		hg_limits_enter(&stmt->tally);
		(void) hg_bound_enter(hg_stmt_reported(stmt)->bound);
		if (next_ExecutorFinish)
			(*next_ExecutorFinish) (queryDesc);
		else
			standard_ExecutorFinish(queryDesc);
		hg_limits_settle(queryDesc);
		hg_govern_reached(stmt, queryDesc);
		if (hg_govern_active())
			hg_inherit_query(queryDesc);

		/*
		 * Outside a block the commit follows, too late to scrub an error.
		 * What was rehearsed shows its deferred triggers, too, and has to
		 * keep to that when it runs.
		 */
		if ((stmt->event.level == 0 && stmt->event.subject != NULL &&
			 queryDesc->operation != CMD_SELECT && !IsTransactionBlock()) ||
			stmt->rehearsed || hg_govern_listed(stmt))
			hg_govern_constraints();
		hg_bound_check(true);
		hg_limits_check_time(outer);
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
}

static void
hg_ExecutorEnd(QueryDesc *queryDesc)
{
	HgStmt	   *stmt = hg_govern_find(queryDesc);

	if (stmt != NULL)
		hg_stmt_push(stmt, 0, false);
	if (next_ExecutorEnd)
		(*next_ExecutorEnd) (queryDesc);
	else
		standard_ExecutorEnd(queryDesc);
}

static bool
hg_ExecutorCheckPerms(HG_PERMS_PARAMS)
{
	if (next_ExecutorCheckPerms &&
		!(*next_ExecutorCheckPerms) (HG_PERMS_ARGS))
		return false;
	if (IsParallelWorker() || !hg_govern_active())
		return true;
	return hg_govern_perms(rangeTable, HG_PERMS_INFOS, ereport_on_violation);
}

/*
 * A recorder sits in its database, so commands that need a database to
 * themselves first send it away.  It stays away until the transaction ends.
 */
static void
block_database(Node *utility)
{
	const char *name = NULL;
	Oid			dboid;

	if (IsA(utility, DropdbStmt))
		name = ((DropdbStmt *) utility)->dbname;
	else if (IsA(utility, AlterDatabaseStmt))
		name = ((AlterDatabaseStmt *) utility)->dbname;
	else if (IsA(utility, RenameStmt) &&
			 ((RenameStmt *) utility)->renameType == OBJECT_DATABASE)
		name = ((RenameStmt *) utility)->subname;
	else if (IsA(utility, CreatedbStmt))
	{
		ListCell   *lc;

		name = "template1";
		foreach(lc, ((CreatedbStmt *) utility)->options)
		{
			DefElem    *option = lfirst(lc);

			if (strcmp(option->defname, "template") == 0 && option->arg)
				name = defGetString(option);
		}
	}
	if (name == NULL)
		return;
	dboid = get_database_oid(name, true);
	if (OidIsValid(dboid))
		hg_lane_block_database(dboid);
}

static void
utility_next(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
			 ProcessUtilityContext context, ParamListInfo params,
			 QueryEnvironment *queryEnv, DestReceiver *dest,
			 QueryCompletion *qc)
{
	if (next_ProcessUtility)
		(*next_ProcessUtility) (pstmt, queryString, readOnlyTree, context,
								params, queryEnv, dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context,
								params, queryEnv, dest, qc);
}

/* The same, after the recorder has gone. */
static void
alone_in_database(PlannedStmt *pstmt, const char *queryString,
				  bool readOnlyTree, ProcessUtilityContext context,
				  ParamListInfo params, QueryEnvironment *queryEnv,
				  DestReceiver *dest, QueryCompletion *qc)
{
	block_database(pstmt->utilityStmt);
	utility_next(pstmt, queryString, readOnlyTree, context, params, queryEnv,
				 dest, qc);
}

/* The same for COMMIT PREPARED and ROLLBACK PREPARED: what became of it? */
static void
finish_prepared(PlannedStmt *pstmt, const char *queryString,
				bool readOnlyTree, ProcessUtilityContext context,
				ParamListInfo params, QueryEnvironment *queryEnv,
				DestReceiver *dest, QueryCompletion *qc)
{
	TransactionStmt *stmt = (TransactionStmt *) pstmt->utilityStmt;
	bool		commit = stmt->kind == TRANS_STMT_COMMIT_PREPARED;
	uint64		xid = hg_twophase_xid(stmt->gid);

	utility_next(pstmt, queryString, readOnlyTree, context, params, queryEnv,
				 dest, qc);
	if (xid != 0)
		hg_event_push_resolved(xid, commit, commit ? XactLastRecEnd :
							   InvalidXLogRecPtr);
}

/* Can a column have a name afterwards that it did not have before? */
static bool
gives_names(Node *utility)
{
	switch (nodeTag(utility))
	{
		case T_CreateStmt:
		case T_CreateTableAsStmt:
		case T_CreateForeignTableStmt:
		case T_ImportForeignSchemaStmt:
		case T_AlterTableStmt:
		case T_AlterObjectSchemaStmt:
		case T_RenameStmt:
			return true;
		default:
			return false;
	}
}

/*
 * ALTER or DROP EXTENSION hoopguard by a superuser who is not mapped himself,
 * the only way out when a part of the schema is missing.
 */
static bool
is_repair(Node *utility)
{
	bool		ours = false;

	if (IsA(utility, AlterExtensionStmt))
		ours = strcmp(((AlterExtensionStmt *) utility)->extname,
					  "hoopguard") == 0;
	else if (IsA(utility, DropStmt) &&
			 ((DropStmt *) utility)->removeType == OBJECT_EXTENSION)
	{
		ListCell   *lc;

		foreach(lc, ((DropStmt *) utility)->objects)
			ours |= strcmp(strVal(lfirst(lc)), "hoopguard") == 0;
	}
	return ours && superuser_arg(GetSessionUserId()) && superuser() &&
		hg_catalog_damaged() &&
		!hg_label_role_is_mapped(GetUserNameFromId(GetSessionUserId(), false));
}

/* The statement with hoopguard taken for absent. */
static void
repair(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
	   ProcessUtilityContext context, ParamListInfo params,
	   QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	hg_catalog_repair = true;
	PG_TRY();
	{
		utility_next(pstmt, queryString, readOnlyTree, context, params,
					 queryEnv, dest, qc);
	}
	PG_FINALLY();
	{
		hg_catalog_repair = false;
	}
	PG_END_TRY();
}

static void
hg_ProcessUtility(PlannedStmt *pstmt, const char *queryString,
				  bool readOnlyTree, ProcessUtilityContext context,
				  ParamListInfo params, QueryEnvironment *queryEnv,
				  DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *utility = pstmt->utilityStmt;
	ProcessUtility_hook_type next = utility_next;
	HgInheritUtility *inherit;
	bool		names = gives_names(utility);
	bool		failed;
	int			location = pstmt->stmt_location;
	int			len = pstmt->stmt_len;

	if (is_repair(utility))
		next = repair;
	else if (!hg_in_worker &&
		(IsA(utility, DropdbStmt) || IsA(utility, CreatedbStmt) ||
		 IsA(utility, AlterDatabaseStmt) || IsA(utility, RenameStmt)))
		next = alone_in_database;
	else if (hg_twophase_ends(utility) && !hg_in_worker)
		next = finish_prepared;
	/* in a transaction that has failed the catalog cannot be asked */
	failed = IsA(utility, TransactionStmt) && IsAbortedTransactionBlockState();
	if (failed || next == repair || IsParallelWorker() || !hg_govern_active())
	{
		(*next) (pstmt, queryString, readOnlyTree, context, params, queryEnv,
				 dest, qc);
		if (failed)
			hg_failure_block_ended(queryString, location, len);
		return;
	}
	inherit = hg_inherit_utility_begin(utility);
	hg_govern_utility(next, pstmt, queryString, readOnlyTree, context, params,
					  queryEnv, dest, qc);
	if (names && hg_govern_active())
		hg_forget_rebind();
	if (inherit != NULL && hg_govern_active())
		hg_inherit_utility_end(inherit, utility, queryString, location, len);
}

static void
hg_object_access(ObjectAccessType access, Oid classId, Oid objectId,
				 int subId, void *arg)
{
	if (next_object_access)
		(*next_object_access) (access, classId, objectId, subId, arg);
	if (access == OAT_FUNCTION_EXECUTE && classId == ProcedureRelationId &&
		hg_govern_active())
	{
		hg_fastcall_begin(objectId);
		hg_govern_function(objectId);
	}
	else if (access == OAT_DROP && classId == RelationRelationId &&
			 get_rel_namespace(objectId) !=
			 get_namespace_oid("hoopguard", true) && hg_govern_active())
		hg_forget_column(objectId, subId);
}

static bool
hg_needs_fmgr_hook(Oid fn_oid)
{
	if (next_needs_fmgr_hook && (*next_needs_fmgr_hook) (fn_oid))
		return true;
	return hg_govern_wants_function(fn_oid);
}

/* arg is ours unless a neighbour wants the function too; we need none */
static void
hg_fmgr_hook(FmgrHookEventType event, FmgrInfo *flinfo, Datum *arg)
{
	if (next_fmgr_hook)
		(*next_fmgr_hook) (event, flinfo, arg);
	if (event == FHET_START)
	{
		bool		trusted = false;
		bool		fed = false;

		if (hg_govern_active())
		{
			hg_rehearse_check_function(flinfo->fn_oid);
			trusted = hg_policy_function_trusted(flinfo->fn_oid);
			fed = hg_shadow_check_function(flinfo, trusted);
		}
		hg_frame_push_function(flinfo->fn_oid, trusted, fed);
	}
	else
	{
		hg_quiet_function(event, flinfo->fn_oid);
		hg_frame_pop_function(flinfo->fn_oid);
	}
}

static void
hg_emit_log(ErrorData *edata)
{
	if (next_emit_log)
		(*next_emit_log) (edata);
	hg_failure_message(edata);
}

static void
hg_xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			hg_fastcall_end(0, false);
			hg_failure_login();
			hg_limits_check_doomed();
			hg_event_wait_durable(HG_WAIT_BEFORE_COMMIT);
			break;
		case XACT_EVENT_PRE_PREPARE:
			hg_limits_check_doomed();
			hg_event_wait_durable(HG_WAIT_BEFORE_PREPARE);
			break;
		case XACT_EVENT_COMMIT:
			hg_failure_committed();
			if (hg_event_in_transaction())
				hg_event_push_outcome(true);
			hg_limits_transaction_end();
			hg_lane_forget_lost();
			break;
		case XACT_EVENT_PREPARE:
			hg_failure_committed();
			if (hg_event_in_transaction())
				hg_event_push_prepared();
			hg_limits_transaction_end();
			hg_lane_forget_lost();
			break;
		case XACT_EVENT_ABORT:
			hg_fastcall_end(ERRCODE_TRANSACTION_ROLLBACK, true);
			if (hg_event_in_transaction())
				hg_event_push_outcome(false);
			hg_limits_transaction_end();
			hg_lane_forget_lost();
			break;
		default:
			break;
	}
}

static void
hg_subxact_callback(SubXactEvent event, SubTransactionId me,
					SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_START_SUB)
		hg_event_sub_start();
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		hg_event_sub_abort();
}

void
hg_hooks_install(void)
{
	next_ClientAuthentication = ClientAuthentication_hook;
	ClientAuthentication_hook = hg_ClientAuthentication;
	next_post_parse_analyze = post_parse_analyze_hook;
	post_parse_analyze_hook = hg_post_parse_analyze;
	next_planner = planner_hook;
	planner_hook = hg_planner;
	next_get_relation_info = get_relation_info_hook;
	get_relation_info_hook = hg_get_relation_info;
	next_get_relation_stats = get_relation_stats_hook;
	get_relation_stats_hook = hg_get_relation_stats;
	next_get_attavgwidth = get_attavgwidth_hook;
	get_attavgwidth_hook = hg_get_attavgwidth;
	next_ExecutorStart = ExecutorStart_hook;
	ExecutorStart_hook = hg_ExecutorStart;
	next_ExecutorRun = ExecutorRun_hook;
	ExecutorRun_hook = hg_ExecutorRun;
	next_ExecutorFinish = ExecutorFinish_hook;
	ExecutorFinish_hook = hg_ExecutorFinish;
	next_ExecutorEnd = ExecutorEnd_hook;
	ExecutorEnd_hook = hg_ExecutorEnd;
	next_ExecutorCheckPerms = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = hg_ExecutorCheckPerms;
	next_ProcessUtility = ProcessUtility_hook;
	ProcessUtility_hook = hg_ProcessUtility;
	next_object_access = object_access_hook;
	object_access_hook = hg_object_access;
	next_needs_fmgr_hook = needs_fmgr_hook;
	needs_fmgr_hook = hg_needs_fmgr_hook;
	next_fmgr_hook = fmgr_hook;
	fmgr_hook = hg_fmgr_hook;
	next_emit_log = emit_log_hook;
	emit_log_hook = hg_emit_log;
	RegisterXactCallback(hg_xact_callback, NULL);
	RegisterSubXactCallback(hg_subxact_callback, NULL);
}
