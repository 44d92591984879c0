/*-------------------------------------------------------------------------
 *
 * reach.c
 *	  Did a statement change nearly every row of its target?
 *
 * What neither the structure of a WHERE nor the planner's estimate reveals
 * ("abs(id) = id", a generic plan of "id > $1", a plan made when the other
 * table was empty, a loop that deletes row by row) shows in what was done.
 * The server counts the rows that this transaction changed in each table
 * anyway (pgstat).  When they are many, a scan looks for rows that were left
 * alone, and stops as soon as there are enough of them; so statements that
 * change few rows, or few of many, pay nothing or a few pages.
 *
 * Rows that the statement itself wrote are told from others by xmin and cmin.
 * Referential actions do not count: they are bounded by their parent's rows
 * and limited by rows_written.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "base/compat.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "guard/reach.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Changing fewer rows is never "the whole table", as for estimates. */
#define MIN_CHANGED_ROWS 1000

/* One row in this many may be left alone: 9 of 10 changed is all of it. */
#define LEFT_ALONE_SHARE 10

static const char reach_why[] = "it reached nearly every row";

/* One table that the statement changes. */
typedef struct Target
{
	HgAct	   *act;
	Oid			relid;
	bool		inherits;		/* children and partitions, too */
	bool		loops;			/* adds up over the statements inside one */
	int64		updated;		/* counters as they stood */
	int64		deleted;
	bool		marked;
} Target;

struct HgReach
{
	List	   *targets;		/* of Target */
	CommandId	cid;			/* rows with this cmin or later are its own */
	int64		top;
};

/* Rows changed in one table since the statement of `loop_top` began. */
typedef struct Loop
{
	Oid			relid;
	int64		updated;		/* counters as they stood */
	int64		deleted;
	CommandId	cid;			/* of the first statement inside */
	int64		next_check;
} Loop;

/* Tables remembered for one statement; beyond it the oldest is forgotten. */
#define MAX_LOOPS 16

static int64 loop_top = 0;
static int	nloops = 0;
static Loop loops[MAX_LOOPS];

/* A table with its children, those that cannot have been changed included. */
static List *
relations_of(const Target *target)
{
	if (target->inherits && has_subclass(target->relid))
		return find_all_inheritors(target->relid, NoLock, NULL);
	return list_make1_oid(target->relid);
}

/* Rows of the target that this transaction has updated and deleted. */
static void
count_changes(const Target *target, int64 *updated, int64 *deleted)
{
	ListCell   *lc;

	*updated = *deleted = 0;
	foreach(lc, relations_of(target))
	{
		PgStat_TableStatus *entry = find_tabstat_entry(lfirst_oid(lc));

		if (entry == NULL)
			continue;
		*updated += HG_TABSTAT_COUNT(entry, updated);
		*deleted += HG_TABSTAT_COUNT(entry, deleted);
		for (PgStat_TableXactStatus *trans = entry->trans; trans != NULL;
			 trans = trans->upper)
		{
			*updated += trans->tuples_updated;
			*deleted += trans->tuples_deleted;
		}
	}
}

/* ---- what is watched --------------------------------------------------- */

static HgAct *
find_act(const HgFacts *facts, HgCommand command, Oid relid)
{
	ListCell   *lc;

	foreach(lc, facts->acts)
	{
		HgAct	   *act = (HgAct *) lfirst(lc);

		if (act->command == command && act->objid == relid &&
			!act->is_function)
			return act;
	}
	return NULL;
}

/*
 * Does an upsert read the table that it writes?  Rows that come from
 * elsewhere are as many as their source has, which is restriction enough.
 */
static bool
reads_itself(const PlannedStmt *plan, const ModifyTable *node, Oid relid)
{
	ListCell   *lc;
	Index		index = 0;

	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		index++;
		if (rte->rtekind == RTE_RELATION && rte->relid == relid &&
			index != node->exclRelRTI &&
			index != node->nominalRelation &&
			!list_member_int(node->resultRelations, index))
			return true;
	}
	return false;
}

static void
watch(HgReach *reach, const PlannedStmt *plan, const ModifyTable *node,
	  const HgFacts *facts)
{
	RangeTblEntry *rte;
	HgCommand	command;
	HgAct	   *act;
	Target	   *target;

	if (node->nominalRelation == 0)
		return;
	rte = rt_fetch(node->nominalRelation, plan->rtable);
	switch (node->operation)
	{
		case CMD_UPDATE:
			command = HG_CMD_UPDATE;
			break;
		case CMD_DELETE:
			command = HG_CMD_DELETE;
			break;
		case CMD_MERGE:
			command = HG_CMD_MERGE;
			break;
		case CMD_INSERT:
			if (node->onConflictAction != ONCONFLICT_UPDATE ||
				!reads_itself(plan, node, rte->relid))
				return;
			command = HG_CMD_UPDATE;
			break;
		default:
			return;
	}
	act = find_act(facts, command, rte->relid);
	if (act == NULL || act->unbounded || !act->persistent)
		return;

	target = palloc0(sizeof(Target));
	target->act = act;
	target->relid = rte->relid;
	target->inherits = rte->inh;

	/* a trigger that keeps sums changes as many rows as it is fired for */
	target->loops = command == HG_CMD_DELETE ||
		DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0)) == 0;
	count_changes(target, &target->updated, &target->deleted);
	reach->targets = lappend(reach->targets, target);
}

/* Start counting a table's changes for the statement that the client sent. */
static void
begin_loop(const HgReach *reach, const Target *target)
{
	if (loop_top != reach->top)
	{
		loop_top = reach->top;
		nloops = 0;
	}
	for (int i = 0; i < nloops; i++)
		if (loops[i].relid == target->relid)
			return;
	if (nloops == MAX_LOOPS)
		memmove(&loops[0], &loops[1], sizeof(Loop) * --nloops);
	loops[nloops].relid = target->relid;
	loops[nloops].updated = target->updated;
	loops[nloops].deleted = target->deleted;
	loops[nloops].cid = reach->cid;
	loops[nloops].next_check = MIN_CHANGED_ROWS;
	nloops++;
}

HgReach *
hg_reach_begin(QueryDesc *queryDesc, const HgFacts *facts, int64 top)
{
	const PlannedStmt *plan = queryDesc->plannedstmt;
	MemoryContext old;
	HgReach    *reach;
	ListCell   *lc;

	if (facts == NULL ||
		(queryDesc->operation == CMD_SELECT && !plan->hasModifyingCTE))
		return NULL;
	old = MemoryContextSwitchTo(queryDesc->estate->es_query_cxt);
	reach = palloc0(sizeof(HgReach));
	reach->cid = queryDesc->estate->es_output_cid;
	reach->top = top;
	if (plan->planTree != NULL && IsA(plan->planTree, ModifyTable))
		watch(reach, plan, (ModifyTable *) plan->planTree, facts);
	foreach(lc, plan->subplans)
	{
		Plan	   *subplan = (Plan *) lfirst(lc);

		if (subplan != NULL && IsA(subplan, ModifyTable))
			watch(reach, plan, (ModifyTable *) subplan, facts);
	}
	foreach(lc, reach->targets)
	{
		Target	   *target = (Target *) lfirst(lc);

		if (target->loops)
			begin_loop(reach, target);
	}
	MemoryContextSwitchTo(old);
	return reach->targets != NIL ? reach : NULL;
}

/* ---- what was left alone ----------------------------------------------- */

/*
 * Count the live rows of one table that the statement wrote and those that it
 * left alone; stops at `enough` of these.  False when it cannot be told.
 */
static bool
count_rows(Oid relid, CommandId cid, int64 enough, int64 *own, int64 *others)
{
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;
	bool		locked = false;

	if (!RELKIND_HAS_STORAGE(get_rel_relkind(relid)))
		return get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE;
	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return false;
	locked = true;
	rel = try_relation_open(relid, NoLock);
	if (rel == NULL || rel->rd_rel->relam != HEAP_TABLE_AM_OID)
	{
		if (rel != NULL)
			relation_close(rel, NoLock);
		UnlockRelationOid(relid, AccessShareLock);
		return false;
	}

	scan = table_beginscan_strat(rel, SnapshotSelf, 0, NULL, true, false);
	while (*others < enough &&
		   (tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		HeapTupleHeader header = tuple->t_data;

		CHECK_FOR_INTERRUPTS();
		if (TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(header)) &&
			HeapTupleHeaderGetCmin(header) >= cid)
			(*own)++;
		else
			(*others)++;
	}
	table_endscan(scan);
	relation_close(rel, NoLock);
	if (locked)
		UnlockRelationOid(relid, AccessShareLock);
	return true;
}

/* Are there hardly any rows that were not among the changed ones? */
static bool
few_left(const Target *target, CommandId cid, int64 updated, int64 deleted)
{
	int64		enough = (updated + deleted) / (LEFT_ALONE_SHARE - 1) + 1;
	int64		own = 0;
	int64		others = 0;
	int64		changed;
	ListCell   *lc;

	foreach(lc, relations_of(target))
	{
		if (!count_rows(lfirst_oid(lc), cid, enough, &own, &others) ||
			others >= enough)
			return false;
	}

	/* a row may have been updated twice, and new ones are nobody's loss */
	changed = Min(own, updated) + deleted;
	return changed >= MIN_CHANGED_ROWS &&
		others * (LEFT_ALONE_SHARE - 1) <= changed;
}

/* The same for all that was changed since the client's statement began. */
static bool
loop_reached(const HgReach *reach, const Target *target, int64 updated,
			 int64 deleted)
{
	if (loop_top != reach->top)
		return false;
	for (int i = 0; i < nloops; i++)
	{
		Loop	   *loop = &loops[i];
		int64		since;

		if (loop->relid != target->relid)
			continue;
		if (deleted < loop->deleted || updated < loop->updated)
		{
			/* a commit inside: counters and commands start again */
			loop->updated = loop->deleted = 0;
			loop->cid = FirstCommandId;
			loop->next_check = MIN_CHANGED_ROWS;
		}
		since = updated - loop->updated + deleted - loop->deleted;
		if (since < loop->next_check)
			return false;

		/* often enough to see nine of ten rows go, seldom enough to be cheap */
		loop->next_check = since + since / LEFT_ALONE_SHARE;
		return few_left(target, loop->cid, updated - loop->updated,
						deleted - loop->deleted);
	}
	return false;
}

bool
hg_reach_check(HgReach *reach)
{
	bool		result = false;
	ListCell   *lc;

	foreach(lc, reach->targets)
	{
		Target	   *target = (Target *) lfirst(lc);
		int64		updated;
		int64		deleted;
		int64		changed;

		count_changes(target, &updated, &deleted);
		changed = updated - target->updated + deleted - target->deleted;
		if ((changed >= MIN_CHANGED_ROWS &&
			 few_left(target, reach->cid, updated - target->updated,
					  deleted - target->deleted)) ||
			(target->loops &&
			 loop_reached(reach, target, updated, deleted)))
		{
			target->act->unbounded = true;
			target->act->unbounded_why = reach_why;
			target->marked = true;
			result = true;
		}
	}
	return result;
}

void
hg_reach_forget(HgReach *reach)
{
	ListCell   *lc;

	foreach(lc, reach->targets)
	{
		Target	   *target = (Target *) lfirst(lc);

		if (target->marked)
		{
			target->act->unbounded = false;
			target->act->unbounded_why = NULL;
			target->marked = false;
		}
	}
}
