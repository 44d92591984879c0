/*-------------------------------------------------------------------------
 *
 * mask_plan.c
 *	  What planning may learn of masked columns.
 *
 * The rewrite keeps values out of results, but a plan can tell about them
 * too.  Statistics of a column show in EXPLAIN: an estimate of how often a
 * probed value occurs, the width of a value.  And an index that a plan walks
 * brings its rows in the order of the real values, which the masks beside
 * them do not hide: who may insert rows of his own reads the others between
 * them.  So while a masked statement is planned
 *
 * - the statistics of a masked column give its fraction of NULLs and its
 *	 number of distinct values, but no value, and a width made from the type;
 * - an index whose key holds a masked column is read by bitmap, in the order
 *	 of the heap.  An index on just one column with match = equality is left,
 *	 for its condition says what the value is; but it cannot be read without
 *	 a condition.
 *
 * Columns with match = real are left alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_statistic.h"
#include "mask/mask_plan.h"
#include "mask/mask_rel.h"
#include "nodes/bitmapset.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Of the statement being planned; NULL when it is not masked. */
static const HgPolicy *planning = NULL;

/*
 * The relations asked for last: the planner asks for each column, and a
 * handful of relations make up most statements.  In one planning only.
 */
#define RECENT_RELS 8

typedef struct RecentRel
{
	Oid			relid;
	const HgMaskRel *rel;
} RecentRel;

static RecentRel recent[RECENT_RELS];

const HgPolicy *
hg_mask_plan_begin(const HgPolicy *policy)
{
	const HgPolicy *previous = planning;

	planning = policy;
	memset(recent, 0, sizeof(recent));
	return previous;
}

void
hg_mask_plan_end(const HgPolicy *previous)
{
	planning = previous;
	memset(recent, 0, sizeof(recent));
}

/* Masks of a relation of the statement, or NULL. */
static const HgMaskRel *
find_rel(Oid relid)
{
	RecentRel  *slot = &recent[relid % RECENT_RELS];

	if (slot->relid != relid)
	{
		const HgMaskRel *rel = NULL;

		if (hg_mask_relkind(get_rel_relkind(relid)))
			rel = hg_mask_rel(planning, relid);
		slot->relid = relid;
		slot->rel = rel;
	}
	return slot->rel;
}

/* The mask of a column that planning may know nothing about, or NULL. */
static const HgColumnMask *
hidden_column(const HgMaskRel *rel, AttrNumber attnum)
{
	const HgColumnMask *mask = hg_mask_rel_column(rel, attnum);

	return mask != NULL && mask->match != HG_MATCH_REAL ? mask : NULL;
}

/* Does a set of columns, offset as pull_varattnos() does, hold a hidden one? */
static bool
any_hidden(const HgMaskRel *rel, Bitmapset *columns, int offset)
{
	int			member = -1;

	while ((member = bms_next_member(columns, member)) >= 0)
	{
		if (hidden_column(rel, member + offset) != NULL)
			return true;
	}
	return false;
}

/* Does the order of the index depend on a hidden column? */
static bool
orders_by_hidden(const HgMaskRel *rel, const IndexOptInfo *index,
				 Index varno)
{
	Bitmapset  *columns = NULL;
	int			i;

	for (i = 0; i < index->nkeycolumns; i++)
	{
		if (index->indexkeys[i] != 0 &&
			hidden_column(rel, index->indexkeys[i]) != NULL)
			return true;
	}
	pull_varattnos((Node *) index->indexprs, varno, &columns);
	return any_hidden(rel, columns, FirstLowInvalidHeapAttributeNumber);
}

void
hg_mask_plan_relation(Oid relid, RelOptInfo *info)
{
	const HgMaskRel *rel;
	List	   *kept = NIL;
	ListCell   *lc;

	if (planning == NULL || (info->indexlist == NIL && info->statlist == NIL))
		return;
	rel = find_rel(relid);
	if (rel == NULL)
		return;

	foreach(lc, info->indexlist)
	{
		IndexOptInfo *index = (IndexOptInfo *) lfirst(lc);
		const HgColumnMask *mask;

		if (!orders_by_hidden(rel, index, info->relid))
			continue;
		mask = index->nkeycolumns == 1 && index->indexkeys[0] != 0 ?
			hidden_column(rel, index->indexkeys[0]) : NULL;
		if (mask != NULL && mask->match == HG_MATCH_EQUALITY)
			memset(index->canreturn, 0, index->ncolumns * sizeof(bool));
		else
			index->amhasgettuple = false;
	}

	foreach(lc, info->statlist)
	{
		StatisticExtInfo *stat = (StatisticExtInfo *) lfirst(lc);
		Bitmapset  *columns = NULL;

		pull_varattnos((Node *) stat->exprs, info->relid, &columns);
		if (!any_hidden(rel, stat->keys, 0) &&
			!any_hidden(rel, columns, FirstLowInvalidHeapAttributeNumber))
			kept = lappend(kept, stat);
	}
	info->statlist = kept;
}

bool
hg_mask_plan_stats(RangeTblEntry *rte, AttrNumber attnum,
				   VariableStatData *vardata)
{
	const HgMaskRel *rel;
	HeapTuple	tuple;
	Form_pg_statistic form;

	if (planning == NULL || rte->rtekind != RTE_RELATION)
		return false;
	rel = find_rel(rte->relid);
	if (rel == NULL || hidden_column(rel, attnum) == NULL)
		return false;

	vardata->statsTuple = NULL;
	tuple = SearchSysCacheCopy3(STATRELATTINH, ObjectIdGetDatum(rte->relid),
								Int16GetDatum(attnum),
								BoolGetDatum(rte->inh));
	if (!HeapTupleIsValid(tuple))
		return true;

	/* without their kinds the slots of values are not found */
	form = (Form_pg_statistic) GETSTRUCT(tuple);
	form->stakind1 = form->stakind2 = form->stakind3 = form->stakind4 =
		form->stakind5 = 0;
	vardata->statsTuple = tuple;
	vardata->freefunc = heap_freetuple;
	return true;
}

int32
hg_mask_plan_width(Oid relid, AttrNumber attnum)
{
	const HgMaskRel *rel;
	Oid			type;
	int32		typmod;
	Oid			collation;

	if (planning == NULL)
		return 0;
	rel = find_rel(relid);
	if (rel == NULL || hidden_column(rel, attnum) == NULL)
		return 0;
	get_atttypetypmodcoll(relid, attnum, &type, &typmod, &collation);
	return get_typavgwidth(type, typmod);
}
