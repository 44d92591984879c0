/*-------------------------------------------------------------------------
 *
 * plan_facts.c
 *	  What the planner's estimates add to facts.
 *
 * An UPDATE or DELETE whose estimate covers nearly the whole table is
 * unbounded whatever its WHERE says ("id >= 0").  Small tables, tables
 * without statistics and joins are left to unbounded.c and to what is counted
 * (guard/reach.c), because estimates for them are guesses.
 *
 * Data-modifying plan nodes stand at the top of the plan or of one of its
 * subplans, nowhere else, so no walk through the tree is needed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "inspect/facts_util.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "optimizer/plancat.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* Estimates below this many rows prove nothing. */
#define MIN_ESTIMATED_ROWS 1000.0

/* From this share of the table on, an estimate counts as all of it. */
#define WHOLE_TABLE_SHARE 0.9

/* Its address tells findings of this file from structural ones. */
static const char estimate_why[] =
	"the planner expects it to reach nearly every row";

/*
 * Rows of a relation as the planner sees them now; -1 without statistics or
 * for what cannot be told.
 */
static double
relation_tuples(Oid relid)
{
	Relation	rel;
	BlockNumber pages;
	double		tuples = -1;
	double		allvisfrac;

	rel = table_open(relid, NoLock);
	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_MATVIEW:
			if (rel->rd_rel->reltuples >= 0)
				estimate_rel_size(rel, NULL, &pages, &tuples, &allvisfrac);
			break;
		case RELKIND_FOREIGN_TABLE:
			if (rel->rd_rel->reltuples > 0)
				tuples = rel->rd_rel->reltuples;
			break;
		default:
			break;
	}
	table_close(rel, NoLock);
	return tuples;
}

static bool
merge_inserts(ModifyTable *node)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, node->mergeActionLists)
	{
		foreach(lc2, (List *) lfirst(lc))
		{
			if (lfirst_node(MergeAction, lc2)->commandType == CMD_INSERT)
				return true;
		}
	}
	return false;
}

/*
 * Can the rows of a plan be more than those of the table being changed?  A
 * join may find a row many times; then its estimate says nothing about how
 * much of the table it reaches, and guard/reach.c counts.
 */
static bool
may_multiply(const Plan *plan)
{
	if (plan == NULL)
		return false;
	check_stack_depth();
	switch (nodeTag(plan))
	{
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			if (((const Join *) plan)->jointype != JOIN_SEMI &&
				((const Join *) plan)->jointype != JOIN_ANTI)
				return true;
			break;
		default:
			break;
	}
	return may_multiply(outerPlan(plan));
}

/*
 * The one relation that a plan scans, or InvalidOid for a join or what else
 * the rows come from.  A view with INSTEAD OF triggers is changed row by row
 * of what it shows: what it scans tells how much that is.
 */
static Oid
scanned_relation(const Plan *plan, const PlannedStmt *stmt)
{
	for (;;)
	{
		RangeTblEntry *rte;
		Index		scanrelid;

		if (plan == NULL)
			return InvalidOid;
		switch (nodeTag(plan))
		{
			case T_SubqueryScan:
				plan = ((const SubqueryScan *) plan)->subplan;
				continue;
			case T_Result:
			case T_Gather:
			case T_Sort:
			case T_LockRows:
			case T_BitmapHeapScan:
			case T_SeqScan:
			case T_SampleScan:
			case T_IndexScan:
			case T_IndexOnlyScan:
			case T_TidScan:
			case T_TidRangeScan:
				break;
			default:
				return InvalidOid;
		}
		if (IsA(plan, Result) || IsA(plan, Gather) || IsA(plan, Sort) ||
			IsA(plan, LockRows))
		{
			plan = outerPlan(plan);
			continue;
		}
		scanrelid = ((const Scan *) plan)->scanrelid;
		rte = rt_fetch(scanrelid, stmt->rtable);
		return rte->rtekind == RTE_RELATION ? rte->relid : InvalidOid;
	}
}

static void
add_estimate(HgFacts *facts, PlannedStmt *plan, ModifyTable *node)
{
	Index		nominal = node->nominalRelation;
	Oid			relid;
	double		rows;
	double		tuples = 0;
	HgCommand	command;
	ListCell   *lc;

	switch (node->operation)
	{
		case CMD_INSERT:
			command = HG_CMD_INSERT;
			break;
		case CMD_UPDATE:
			command = HG_CMD_UPDATE;
			break;
		case CMD_DELETE:
			command = HG_CMD_DELETE;
			break;
		case CMD_MERGE:
			command = HG_CMD_MERGE;
			break;
		default:
			return;
	}
	if (outerPlan(node) == NULL || nominal == 0)
		return;
	rows = outerPlan(node)->plan_rows;
	relid = rt_fetch(nominal, plan->rtable)->relid;

	/* partitions that were pruned hold rows, too: ask the whole tree's root */
	foreach(lc, node->resultRelations)
	{
		double		one = relation_tuples(rt_fetch(lfirst_int(lc),
												   plan->rtable)->relid);

		if (one < 0)
		{
			tuples = -1;
			break;
		}
		tuples += one;
	}
	if (get_rel_relkind(relid) == RELKIND_VIEW)
	{
		Oid			scanned = scanned_relation(outerPlan(node), plan);

		tuples = OidIsValid(scanned) ? relation_tuples(scanned) : -1;
	}
	if (tuples >= 0 && get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
	{
		/* ANALYZE of the parent keeps the total there */
		Relation	rel = table_open(relid, NoLock);

		tuples = rel->rd_rel->reltuples < 0 ? -1 :
			Max(tuples, rel->rd_rel->reltuples);
		table_close(rel, NoLock);
	}

	foreach(lc, facts->acts)
	{
		HgAct	   *act = (HgAct *) lfirst(lc);

		if (act->command != command || act->objid != relid ||
			act->is_function)
			continue;
		act->rows = Max(act->rows, rows);
		if (command == HG_CMD_INSERT || act->unbounded || tuples < 0 ||
			may_multiply(outerPlan(node)))
			continue;

		/* rows that a MERGE inserts are in its estimate and mean nothing */
		if (command == HG_CMD_MERGE && merge_inserts(node))
			continue;
		if (rows >= MIN_ESTIMATED_ROWS && rows >= tuples * WHOLE_TABLE_SHARE)
		{
			act->unbounded = true;
			act->unbounded_why = estimate_why;
		}
	}
}

void
hg_plan_facts(HgFacts *facts, PlannedStmt *plan)
{
	ListCell   *lc;

	facts->passed = 0;
	foreach(lc, facts->acts)
	{
		HgAct	   *act = (HgAct *) lfirst(lc);

		act->rows = -1;
		if (act->unbounded_why == estimate_why)
		{
			act->unbounded = false;
			act->unbounded_why = NULL;
		}
		if (act->command == HG_CMD_SELECT && plan->planTree != NULL &&
			plan->commandType == CMD_SELECT)
			act->rows = plan->planTree->plan_rows;
	}

	if (plan->planTree != NULL && IsA(plan->planTree, ModifyTable))
		add_estimate(facts, plan, (ModifyTable *) plan->planTree);
	foreach(lc, plan->subplans)
	{
		Plan	   *subplan = (Plan *) lfirst(lc);

		if (subplan != NULL && IsA(subplan, ModifyTable))
			add_estimate(facts, plan, (ModifyTable *) subplan);
	}
}
