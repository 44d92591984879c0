/*-------------------------------------------------------------------------
 *
 * inherit.c
 *	  When in a statement's life classes are handed on.
 *
 * INSERT, UPDATE and MERGE: at the end of their execution, by the flows that
 * lineage found when the plan was made.  These are with the facts that the
 * plan's stamp leads to, also in ungoverned sessions, whose plans have a stamp
 * only if they read a classified column and write.
 *
 * CREATE TABLE AS, SELECT INTO and REFRESH: when the utility statement is
 * done, by the lineage of the query it holds.  ALTER TABLE hands on as well:
 * a partition that is detached keeps what it was, and USING computes one
 * column from others.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "commands/prepare.h"
#include "executor/executor.h"
#include "inspect/facts.h"
#include "nodes/nodeFuncs.h"
#include "policy/inherit.h"
#include "server/inherit.h"
#include "server/stamp.h"
#include "server/stmt.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

struct HgInheritUtility
{
	CreateTableAsStmt *ctas;	/* as it was given, or NULL */
	Oid			relid;			/* of a relation that is there before */
	Query	   *query;			/* of CREATE TABLE AS; planning spoils it */
	List	   *flows;			/* of HgFlow, found before */
};

/* The policy that masks what the running statement reads, or NULL. */
static const HgPolicy *
masking_policy(void)
{
	const HgIdentity *who = hg_subject_current();

	return who->governed && !hg_frame_trusted() ? hg_policy_get(who) : NULL;
}

/* Facts with nothing in them but lineage and text. */
static HgFacts *
lineage_facts(Query *query, const HgLineageTarget *into,
			  const HgPolicy *policy, const char *source, int location,
			  int len, Node *utility)
{
	HgFacts    *facts = hg_facts_create(CurrentMemoryContext);

	hg_lineage_query(facts, query, into, policy);
	if (facts->flows != NIL)
		hg_fingerprint(facts, source, location, len, utility);
	return facts;
}

void
hg_inherit_query(QueryDesc *queryDesc)
{
	PlannedStmt *plan = queryDesc->plannedstmt;
	HgStamp		stamp;
	HgKeptFacts *kept;
	Query	   *query;

	if ((queryDesc->operation == CMD_SELECT ||
		 queryDesc->operation == CMD_DELETE) && !plan->hasModifyingCTE)
		return;
	if (queryDesc->estate->es_processed == 0 && plan->canSetTag &&
		!plan->hasModifyingCTE)
		return;
	if (!hg_stamp_get(plan, &stamp, &query))
		return;

	kept = hg_stamp_pin(stamp.id);
	if (kept == NULL)
	{
		HgFacts    *facts = lineage_facts(query, NULL, masking_policy(),
										  queryDesc->sourceText,
										  plan->stmt_location, plan->stmt_len,
										  NULL);

		hg_inherit_record(facts->flows, InvalidOid, facts->text,
						  masking_policy());
		MemoryContextDelete(facts->context);
		return;
	}
	PG_TRY();
	{
		if (kept->facts->flows != NIL)
			hg_inherit_record(kept->facts->flows, InvalidOid,
							  kept->facts->text, masking_policy());
	}
	PG_FINALLY();
	{
		hg_stamp_unpin(kept);
	}
	PG_END_TRY();
}


/*
 * ---- ALTER TABLE ----
 */

static int
column_count(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	int			result = 0;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
		ReleaseSysCache(tuple);
	}
	return result;
}

static void
add_flow(HgInheritUtility *state, HgColumnRef target, HgColumnRef source)
{
	HgFlow	   *flow = palloc0(sizeof(HgFlow));

	flow->target = target;
	flow->source = source;
	flow->unchanged = true;
	state->flows = lappend(state->flows, flow);
}

/* A child leaves its parent: what is known of the parent's columns stays. */
static void
leaves_parent(HgInheritUtility *state, Oid child, Oid parent)
{
	int			natts = column_count(parent);

	if (!OidIsValid(child))
		return;
	for (AttrNumber attnum = 1; attnum <= natts; attnum++)
	{
		HgColumnRef source = HG_COLUMN_REF(parent, attnum);
		char	   *name = hg_column_ref_name(source);
		AttrNumber	mine = name ? get_attnum(child, name) : 0;

		if (mine > 0)
			add_flow(state, HG_COLUMN_REF(child, mine), source);
	}
}

typedef struct UsingWalk
{
	HgInheritUtility *state;
	HgColumnRef target;
} UsingWalk;

/* Columns of the table named in an expression that is not analysed yet. */
static bool
using_walker(Node *node, void *context)
{
	UsingWalk  *walk = context;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		Oid			relid = HG_COLUMN_REF_RELID(walk->target);
		Node	   *last = llast(((ColumnRef *) node)->fields);
		AttrNumber	attnum = InvalidAttrNumber;

		if (IsA(last, String))
			attnum = get_attnum(relid, strVal(last));
		if (attnum > 0)
			add_flow(walk->state, walk->target, HG_COLUMN_REF(relid, attnum));
		else
		{
			/* t.* or the table's name: any column of it */
			for (attnum = 1; attnum <= column_count(relid); attnum++)
				add_flow(walk->state, walk->target,
						 HG_COLUMN_REF(relid, attnum));
		}
		return false;
	}
	return raw_expression_tree_walker(node, using_walker, context);
}

static void
altered_table(HgInheritUtility *state, AlterTableStmt *alter)
{
	Oid			relid = RangeVarGetRelid(alter->relation, NoLock, true);
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	foreach(lc, alter->cmds)
	{
		AlterTableCmd *cmd = lfirst(lc);

		if (cmd->subtype == AT_DetachPartition && cmd->def != NULL &&
			IsA(cmd->def, PartitionCmd))
			leaves_parent(state,
						  RangeVarGetRelid(((PartitionCmd *) cmd->def)->name,
										   NoLock, true), relid);
		else if (cmd->subtype == AT_DropInherit && cmd->def != NULL &&
				 IsA(cmd->def, RangeVar))
			leaves_parent(state, relid,
						  RangeVarGetRelid((RangeVar *) cmd->def, NoLock,
										   true));
		else if (cmd->subtype == AT_AlterColumnType && cmd->def != NULL &&
				 IsA(cmd->def, ColumnDef) &&
				 ((ColumnDef *) cmd->def)->raw_default != NULL)
		{
			AttrNumber	attnum = get_attnum(relid, cmd->name);
			UsingWalk	walk;

			if (attnum <= 0)
				continue;
			walk.state = state;
			walk.target = HG_COLUMN_REF(relid, attnum);
			using_walker(((ColumnDef *) cmd->def)->raw_default, &walk);
		}
	}
}


/*
 * ---- CREATE TABLE AS, REFRESH ----
 */

/* The CREATE TABLE AS of a statement, if it will run one. */
static CreateTableAsStmt *
find_ctas(Node *utility)
{
	if (IsA(utility, ExplainStmt))
	{
		ExplainStmt *explain = (ExplainStmt *) utility;
		Query	   *query = (Query *) explain->query;
		bool		analyze = false;
		ListCell   *lc;

		foreach(lc, explain->options)
		{
			DefElem    *option = lfirst(lc);

			if (strcmp(option->defname, "analyze") == 0)
				analyze = defGetBoolean(option);
		}
		if (!analyze || query == NULL || !IsA(query, Query) ||
			query->commandType != CMD_UTILITY)
			return NULL;
		utility = query->utilityStmt;
	}
	if (utility != NULL && IsA(utility, CreateTableAsStmt) &&
		((CreateTableAsStmt *) utility)->into != NULL &&
		!((CreateTableAsStmt *) utility)->into->skipData)
		return (CreateTableAsStmt *) utility;
	return NULL;
}

/* The relation that CREATE TABLE AS makes or has made, InvalidOid if none. */
static Oid
created_relation(CreateTableAsStmt *ctas)
{
	RangeVar   *name = copyObject(ctas->into->rel);

	return get_relname_relid(name->relname,
							 RangeVarGetCreationNamespace(name));
}

/* The query of CREATE TABLE AS, that of a prepared statement included. */
static Query *
ctas_query(Query *query)
{
	if (query == NULL || !IsA(query, Query))
		return NULL;
	if (query->commandType == CMD_UTILITY && query->utilityStmt != NULL &&
		IsA(query->utilityStmt, ExecuteStmt))
	{
		PreparedStatement *prepared;

		prepared = FetchPreparedStatement(((ExecuteStmt *)
										   query->utilityStmt)->name, false);
		if (prepared == NULL || prepared->plansource->query_list == NIL)
			return NULL;
		query = copyObject(linitial_node(Query,
										 prepared->plansource->query_list));
	}
	return query;
}

static void
created_table(CreateTableAsStmt *ctas, Query *query, const char *query_string,
			  int location, int len, Node *utility)
{
	Oid			relid = created_relation(ctas);
	const HgPolicy *policy = masking_policy();
	HgFacts    *facts;

	query = ctas_query(query);
	if (!OidIsValid(relid) || query == NULL)
		return;
	facts = lineage_facts(query, hg_lineage_relation_target(relid), policy,
						  query_string, location, len, utility);
	hg_inherit_record(facts->flows, relid, facts->text, policy);
	MemoryContextDelete(facts->context);
}

/*
 * A refreshed view has the real values unless its owner is governed, whoever
 * refreshes it.
 */
static void
refreshed_view(Oid relid, const char *query_string, int location, int len,
			   Node *utility)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Query	   *query;
	HgFacts    *facts;
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	if (hg_subject_for_role(owner)->governed)
		return;
	query = hg_lineage_stored_query(relid);
	if (query == NULL)
		return;
	facts = lineage_facts(query, hg_lineage_relation_target(relid), NULL,
						  query_string, location, len, utility);
	hg_inherit_record(facts->flows, relid, facts->text, NULL);
	MemoryContextDelete(facts->context);
}

HgInheritUtility *
hg_inherit_utility_begin(Node *utility)
{
	HgInheritUtility *state = NULL;
	CreateTableAsStmt *ctas = find_ctas(utility);

	if (ctas != NULL)
	{
		/* IF NOT EXISTS */
		if (ctas->if_not_exists && OidIsValid(created_relation(ctas)))
			return NULL;
		state = palloc0(sizeof(HgInheritUtility));
		/* 18 marks a materialized view as one without data, to refresh it */
		state->ctas = copyObject(ctas);
		state->query = (Query *) state->ctas->query;
		return state;
	}
	if (IsA(utility, RefreshMatViewStmt) &&
		!((RefreshMatViewStmt *) utility)->skipData)
	{
		state = palloc0(sizeof(HgInheritUtility));
		state->relid = RangeVarGetRelid(((RefreshMatViewStmt *)
										 utility)->relation, NoLock, true);
		return state;
	}
	if (IsA(utility, AlterTableStmt))
	{
		state = palloc0(sizeof(HgInheritUtility));
		altered_table(state, (AlterTableStmt *) utility);
		if (state->flows != NIL)
			return state;
		pfree(state);
	}
	return NULL;
}

void
hg_inherit_utility_end(HgInheritUtility *state, Node *utility,
					   const char *query_string, int location, int len)
{
	if (state->ctas != NULL)
		created_table(state->ctas, state->query, query_string, location, len, utility);
	else if (IsA(utility, RefreshMatViewStmt))
		refreshed_view(state->relid, query_string, location, len, utility);
	else if (state->flows != NIL)
	{
		HgFacts    *facts = hg_facts_create(CurrentMemoryContext);

		hg_fingerprint(facts, query_string, location, len, utility);
		hg_inherit_record(state->flows, InvalidOid, facts->text, NULL);
		MemoryContextDelete(facts->context);
	}
}
