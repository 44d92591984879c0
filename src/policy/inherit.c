/*-------------------------------------------------------------------------
 *
 * inherit.c
 *	  Classes that columns get from the columns they were copied from.
 *
 * A copy is as sensitive as what it was made from, whoever made it.  So a
 * statement that writes values of a classified column somewhere leaves a row
 * in hoopguard.inherited_class for the column it wrote to, in its own
 * transaction: the class is there when the copy is, and goes when that is
 * rolled back.  The row is written below the executor, since the session
 * need not have any rights on our table.
 *
 * Whether a row is there already is asked of classify.c, whose answers follow
 * commits and rollbacks, so that a statement run again writes nothing.  Two
 * sessions that make the first copy at the same time both write one; that
 * does no harm, and neither waits for the other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "base/catalog.h"
#include "base/row.h"
#include "catalog/catalog.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "policy/inherit.h"
#include "policy/policy.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* Columns of hoopguard.inherited_class, in the order of 20_policy.sql. */
enum
{
	INHERITED_COLUMN = 1,
	INHERITED_CLASS,
	INHERITED_SOURCE,
	INHERITED_STATEMENT,
	INHERITED_AT,
	INHERITED_BY_ROLE,
	INHERITED_NATTS = INHERITED_BY_ROLE
};

/* Longest statement text that is kept: enough to recognise it. */
#define STATEMENT_MAX 10000


/*
 * ---- which statements ----
 */

static bool
reads_classified(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_NAMEDTUPLESTORE)
			return OidIsValid(rte->relid) && hg_classify_any(rte->relid);
		return rte->rtekind == RTE_RELATION && hg_classify_any(rte->relid);
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, reads_classified, context,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, reads_classified, context);
}

bool
hg_inherit_applies(Query *query)
{
	if (query->commandType != CMD_INSERT && query->commandType != CMD_UPDATE &&
		query->commandType != CMD_MERGE && !query->hasModifyingCTE)
		return false;
	/* the one entry of INSERT VALUES is the table that is written */
	if (query->commandType == CMD_INSERT && list_length(query->rtable) == 1 &&
		!query->hasSubLinks && query->cteList == NIL)
		return false;
	return reads_classified((Node *) query, NULL);
}


/*
 * ---- recording ----
 */

/*
 * Class that values of a column carry for whoever copies them, or NULL.  Of a
 * governed session's own and temporary tables names say nothing.
 */
static const char *
carried_class(HgColumnRef source, const HgPolicy *policy)
{
	Oid			relid = HG_COLUMN_REF_RELID(source);
	AttrNumber	attnum = HG_COLUMN_REF_ATTNUM(source);
	HgClassSource how;
	const char *class_name = hg_classify_column(relid, attnum, &how);

	if (class_name == NULL || policy == NULL || how != HG_CLASS_HEURISTIC)
		return class_name;
	else
	{
		const HgRelMask *rel = hg_policy_rel_mask(policy, relid);

		for (int i = 0; i < rel->nclasses; i++)
			if (rel->classes[i].attnum == attnum)
				return class_name;
		return NULL;
	}
}

/* Does a table keep classes: is it a user's, and has it columns of its own? */
static bool
can_inherit(Oid relid)
{
	Oid			nspid = get_rel_namespace(relid);

	if (!OidIsValid(nspid) || IsCatalogNamespace(nspid) ||
		IsToastNamespace(nspid) || nspid == hg_catalog_schema())
		return false;
	switch (get_rel_relkind(relid))
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_MATVIEW:
			return true;
		default:
			return false;
	}
}

static void
insert_row(HgColumnRef target, const char *class_name, HgColumnRef source,
		   const char *statement)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_INHERITED_CLASS),
								 RowExclusiveLock);
	Datum		values[INHERITED_NATTS];
	bool		nulls[INHERITED_NATTS] = {0};
	HeapTuple	tuple;

	values[INHERITED_COLUMN - 1] = Int64GetDatum(target);
	values[INHERITED_CLASS - 1] = CStringGetTextDatum(class_name);
	values[INHERITED_SOURCE - 1] = Int64GetDatum(source);
	nulls[INHERITED_STATEMENT - 1] = statement == NULL;
	if (statement != NULL)
	{
		int			len = pg_mbcliplen(statement, strlen(statement),
									   STATEMENT_MAX);

		values[INHERITED_STATEMENT - 1] =
			PointerGetDatum(cstring_to_text_with_len(statement, len));
	}
	values[INHERITED_AT - 1] =
		TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	values[INHERITED_BY_ROLE - 1] =
		CStringGetTextDatum(GetUserNameFromId(GetSessionUserId(), true) ?
							GetUserNameFromId(GetSessionUserId(), true) : "");
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	CatalogTupleInsert(rel, tuple);
	heap_freetuple(tuple);
	table_close(rel, RowExclusiveLock);

	/* every backend classifies the table anew, and makes new plans for it */
	CacheInvalidateRelcacheByRelid(HG_COLUMN_REF_RELID(target));
}

/* Has this call written such a row before? */
static bool
written(List *done, HgColumnRef target, const char *class_name)
{
	ListCell   *lc;

	foreach(lc, done)
	{
		const HgInherited *row = lfirst(lc);

		if (row->column == target && strcmp(row->class_name, class_name) == 0)
			return true;
	}
	return false;
}

void
hg_inherit_record(List *flows, Oid created, const char *statement,
				  const HgPolicy *policy)
{
	List	   *done = NIL;
	ListCell   *lc;

	if (flows == NIL || RecoveryInProgress() || IsInParallelMode())
		return;
	foreach(lc, flows)
	{
		const HgFlow *flow = lfirst(lc);
		HgColumnRef target = flow->target;
		const char *class_name;
		HgInherited *row;

		if (target == 0 && OidIsValid(created))
		{
			AttrNumber	attnum = get_attnum(created, flow->target_column);

			if (attnum > 0)
				target = HG_COLUMN_REF(created, attnum);
		}
		if (target == 0 || target == flow->source ||
			HG_COLUMN_REF_ATTNUM(flow->source) <= 0)
			continue;
		class_name = carried_class(flow->source, policy);
		if (class_name == NULL || !can_inherit(HG_COLUMN_REF_RELID(target)))
			continue;
		/* what is computed from a value and is true or false tells little */
		if (!flow->unchanged &&
			getBaseType(get_atttype(HG_COLUMN_REF_RELID(target),
									HG_COLUMN_REF_ATTNUM(target))) == BOOLOID)
			continue;
		if (written(done, target, class_name) ||
			hg_classify_has_inherited(HG_COLUMN_REF_RELID(target),
									  HG_COLUMN_REF_ATTNUM(target),
									  class_name))
			continue;
		row = palloc0(sizeof(HgInherited));
		row->column = target;
		row->class_name = pstrdup(class_name);
		done = lappend(done, row);
		insert_row(target, row->class_name, flow->source, statement);
	}
}


/*
 * ---- reading ----
 */

static SysScanDesc
begin_scan(Relation rel, ScanKeyData *keys, Oid relid, AttrNumber attnum)
{
	HgColumnRef first = HG_COLUMN_REF(relid, attnum);
	HgColumnRef last = HG_COLUMN_REF(relid, attnum > 0 ? attnum : 0xFFFF);

	ScanKeyInit(&keys[0], INHERITED_COLUMN, BTGreaterEqualStrategyNumber,
				F_INT8GE, Int64GetDatum(first));
	ScanKeyInit(&keys[1], INHERITED_COLUMN, BTLessEqualStrategyNumber,
				F_INT8LE, Int64GetDatum(last));
	return systable_beginscan(rel, hg_catalog_rel(HG_REL_INHERITED_INDEX),
							  true, NULL, 2, keys);
}

List *
hg_inherit_read(Oid relid)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_INHERITED_CLASS),
								 AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	ScanKeyData keys[2];
	SysScanDesc scan = begin_scan(rel, keys, relid, InvalidAttrNumber);
	HeapTuple	tuple;
	List	   *result = NIL;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		HgInherited *row = palloc0(sizeof(HgInherited));

		row->column = hg_row_int64(tuple, desc, INHERITED_COLUMN);
		row->class_name = hg_row_string(tuple, desc, INHERITED_CLASS);
		row->source = hg_row_int64(tuple, desc, INHERITED_SOURCE);
		result = lappend(result, row);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

void
hg_inherit_forget(Oid relid, AttrNumber attnum)
{
	Relation	rel = try_table_open(hg_catalog_rel(HG_REL_INHERITED_CLASS),
									 RowExclusiveLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	if (rel == NULL)			/* the extension is being dropped */
		return;
	scan = begin_scan(rel, keys, relid, attnum);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		CatalogTupleDelete(rel, &tuple->t_self);
	systable_endscan(scan);
	table_close(rel, RowExclusiveLock);
}
