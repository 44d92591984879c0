/*-------------------------------------------------------------------------
 *
 * sqlapi.c
 *	  SQL-callable entry points that belong to no single stage.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "base/catalog.h"
#include "base/compat.h"
#include "base/report.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "guard/guard.h"
#include "mask/mask.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/planner.h"
#include "parser/analyze.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(hoopguard__policy_changed);
PG_FUNCTION_INFO_V1(hoopguard__assert_ungoverned);
PG_FUNCTION_INFO_V1(hoopguard_check_sql);

/*
 * Statement trigger of each policy table: note the change and make every
 * backend drop what it compiled from the table.
 */
Datum
hoopguard__policy_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Oid			types[1] = {TEXTOID};
	Datum		values[1];
	const char *table;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("_policy_changed() can only be called as a trigger")));
	table = RelationGetRelationName(trigger->tg_relation);
	/* people know hoopguard._mask_rule as the view above it */
	values[0] = CStringGetTextDatum(table + (table[0] == '_' ? 1 : 0));
	SPI_connect();
	if (SPI_execute_with_args("INSERT INTO hoopguard.policy_version (what) VALUES ($1)",
							  1, types, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not note a change of policy");
	SPI_finish();
	hg_catalog_announce_change();
	return PointerGetDatum(NULL);
}

Datum
hoopguard__assert_ungoverned(PG_FUNCTION_ARGS)
{
	if (hg_catalog_present() && hg_subject_current()->governed)
	{
		HgRefusal	refusal = {.verdict = "deny",.builtin = "builtin",
		.command = "POLICY"};

		ereport(ERROR,
				(errcode(HG_ERRCODE_DENIED),
				 errmsg("a governed session cannot change or decide policy"),
				 errdetail_internal("%s", hg_report_json(&refusal)),
				 errhint("Ask a database administrator.")));
	}
	PG_RETURN_VOID();
}

static Datum
text_array(List *strings)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(list_length(strings), 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, strings)
		values[n++] = CStringGetTextDatum(lfirst(lc));
	return PointerGetDatum(construct_array(values, n, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

static List *
append_unique(List *list, const char *s)
{
	ListCell   *lc;

	foreach(lc, list)
		if (strcmp(lfirst(lc), s) == 0)
			return list;
	return lappend(list, pstrdup(s));
}

static const char *
verdict_name(HgAction action)
{
	switch (action)
	{
		case HG_ALLOW:
			return "allow";
		case HG_WARN:
			return "warn";
		case HG_APPROVE:
			return "approve";
		case HG_DENY:
			break;
	}
	return "deny";
}

/* Planning would run functions that are not ours to run. */
static bool
only_builtin_functions(const HgFacts *facts)
{
	ListCell   *lc;

	foreach(lc, facts->functions)
		if (lfirst_oid(lc) >= FirstNormalObjectId)
			return false;
	return true;
}

/* What DDL locks, of what size, and what it does to it meanwhile. */
static char *
lock_item(const HgAct *act)
{
	StringInfoData item;

	initStringInfo(&item);
	appendStringInfo(&item, "%s on %s", act->lock,
					 act->name[0] == '\0' ? "every table" :
					 act->schema ?
					 quote_qualified_identifier(act->schema, act->name) :
					 act->name);
	if (act->table_mb >= 0)
		appendStringInfo(&item, ", %.1f MB", act->table_mb);
	if (act->rewrites)
		appendStringInfoString(&item, ", rewrites all rows");
	else if (act->scans)
		appendStringInfoString(&item, ", reads all rows");
	return item.data;
}

static void
put_row(ReturnSetInfo *rsinfo, const HgPolicy *policy, HgFacts *facts,
		double rows)
{
	HgVerdict	verdict = {0};
	Datum		values[9];
	bool		nulls[9] = {0};
	List	   *commands = NIL;
	List	   *objects = NIL;
	List	   *locks = NIL;
	bool		unbounded = false;
	ListCell   *lc;

	if (policy != NULL)
		hg_guard_check(policy, facts, &verdict);
	foreach(lc, facts->acts)
	{
		HgAct	   *act = lfirst(lc);

		commands = append_unique(commands,
								 act->is_function &&
								 (HG_CMD_FUNCTIONS & HG_CMD_BIT(act->command)) != 0 ?
								 "FUNCTION" : hg_command_name(act->command));
		if (act->name[0] != '\0')
			objects = append_unique(objects,
									act->schema ?
									quote_qualified_identifier(act->schema, act->name) :
									act->name);
		unbounded |= act->unbounded;
		if (act->lock != NULL)
			locks = append_unique(locks, lock_item(act));
	}

	values[0] = CStringGetTextDatum(verdict_name(verdict.action));
	values[1] = Int32GetDatum(verdict.rule ? verdict.rule->id : 0);
	nulls[1] = verdict.rule == NULL;
	values[2] = text_array(commands);
	values[3] = text_array(objects);
	values[4] = BoolGetDatum(unbounded);
	values[5] = Int64GetDatum((int64) rows);
	nulls[5] = rows < 0;
	values[6] = text_array(facts->masked_columns);
	nulls[7] = verdict.reason == NULL;
	if (verdict.reason)
		values[7] = CStringGetTextDatum(verdict.reason);
	values[8] = text_array(locks);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * The queries that a utility statement would run as part of itself, rewritten.
 * What DO and CALL would run is not known before they do.
 */
static List *
inner_queries(Node *utility, const char *sql)
{
	Node	   *inner = NULL;

	if (IsA(utility, CreateTableAsStmt))
		inner = ((CreateTableAsStmt *) utility)->query;
	else if (IsA(utility, DeclareCursorStmt))
		inner = ((DeclareCursorStmt *) utility)->query;
	else if (IsA(utility, ExplainStmt))
	{
		ListCell   *lc;
		bool		analyze = false;

		foreach(lc, ((ExplainStmt *) utility)->options)
		{
			DefElem    *option = lfirst(lc);

			if (strcmp(option->defname, "analyze") == 0)
				analyze = defGetBoolean(option);
		}
		if (analyze)
			inner = ((ExplainStmt *) utility)->query;
	}
	else if (IsA(utility, CopyStmt) && ((CopyStmt *) utility)->query != NULL)
	{
		RawStmt    *raw = makeNode(RawStmt);

		raw->stmt = copyObject(((CopyStmt *) utility)->query);
		return pg_analyze_and_rewrite_fixedparams(raw, sql, NULL, 0, NULL);
	}

	if (inner == NULL || !IsA(inner, Query))
		return NIL;
	if (((Query *) inner)->commandType == CMD_UTILITY)
		return inner_queries(((Query *) inner)->utilityStmt, sql);
	return QueryRewrite(copyObject((Query *) inner));
}

/* Analyse, judge and plan one raw statement; nothing is executed. */
static void
check_one(ReturnSetInfo *rsinfo, const HgPolicy *policy, RawStmt *raw,
		  const char *sql)
{
	Oid		   *types = NULL;
	int			ntypes = 0;
	List	   *queries;
	ListCell   *lc;

	queries = pg_analyze_and_rewrite_varparams(raw, sql, &types, &ntypes, NULL);
	foreach(lc, queries)
	{
		Query	   *query = lfirst_node(Query, lc);
		HgFacts    *facts = hg_facts_create(CurrentMemoryContext);
		double		rows = -1;

		if (query->commandType == CMD_UTILITY)
		{
			ListCell   *lc2;

			hg_utility_facts(facts, query->utilityStmt, sql, policy);
			foreach(lc2, inner_queries(query->utilityStmt, sql))
			{
				Query	   *inner = lfirst_node(Query, lc2);
				HgMaskResult masked = {0};
				HgCommand	command = facts->command;

				hg_query_facts(facts, inner, policy);
				facts->command = command;
				if (policy != NULL && policy->mask_mode == HG_MODE_ENFORCE)
					(void) hg_mask_query(inner, policy, facts, &masked);
			}
		}
		else
		{
			HgMaskResult masked = {0};

			hg_query_facts(facts, query, policy);
			if (policy != NULL && policy->mask_mode == HG_MODE_ENFORCE)
				query = hg_mask_query(query, policy, facts, &masked);
			if (only_builtin_functions(facts))
			{
				PlannedStmt *plan = standard_planner(query, sql, 0, NULL);
				Plan	   *top = plan->planTree;

				if (IsA(top, ModifyTable) && outerPlan(top) != NULL)
					top = outerPlan(top);
				rows = top->plan_rows;
				hg_plan_facts(facts, plan);
			}
		}
		put_row(rsinfo, policy, facts, rows);
	}
}

/*
 * check_sql(sql text, role text DEFAULT NULL)
 *
 * One row per statement of sql: what hoopguard would say to it for role
 * (default: the caller).  Runs with the role's rights under
 * SECURITY_RESTRICTED_OPERATION in a subtransaction that is rolled back, so
 * nothing the look has touched remains.
 */
Datum
hoopguard_check_sql(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *sql;
	Oid			role = GetUserId();
	Oid			save_user;
	int			save_context;
	const HgIdentity *who;
	const HgPolicy *policy;
	List	   *raws;
	ListCell   *lc;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("sql must not be null")));
	sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(1))
	{
		role = get_role_oid(text_to_cstring(PG_GETARG_TEXT_PP(1)), false);
		if (role != GetUserId() && role != GetSessionUserId() &&
			(hg_subject_current()->governed ||
			 pg_class_aclcheck(hg_catalog_rel(HG_REL_RULE), GetUserId(),
							   ACL_SELECT) != ACLCHECK_OK))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied to check statements of another role")));
	}
	InitMaterializedSRF(fcinfo, 0);

	/* a governed session stays what it is, whichever of its roles it names */
	who = PG_ARGISNULL(1) || hg_subject_current()->governed ?
		hg_subject_current() : hg_subject_for_role(role);
	policy = who->governed ? hg_policy_get(who) : NULL;
	raws = pg_parse_query(sql);

	GetUserIdAndSecContext(&save_user, &save_context);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	SetUserIdAndSecContext(role, save_context |
						   SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	PG_TRY();
	{
		foreach(lc, raws)
			check_one(rsinfo, policy, lfirst_node(RawStmt, lc), sql);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		/* a statement that cannot be analysed must not end the caller's block */
		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		SetUserIdAndSecContext(save_user, save_context);
		ReThrowError(edata);
	}
	PG_END_TRY();
	SetUserIdAndSecContext(save_user, save_context);
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return (Datum) 0;
}
