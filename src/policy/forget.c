/*-------------------------------------------------------------------------
 *
 * forget.c
 *	  What becomes of rows about columns when the columns come and go.
 *
 * A mask rule stays when its column is dropped.  It notes the names that the
 * column has at the end, so that a column made again under them is masked
 * again: after a migration that drops and adds it, after pg_restore --clean.
 * From then on the rule follows the new column.  Rules about temporary
 * relations go, and so does what a column inherited: its values are gone.
 *
 * Should this not be called, a rule waits under older names, and holds for
 * the new column only as long as that has the name.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/catalog.h"
#include "base/row.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "policy/column_ref.h"
#include "policy/finding.h"
#include "policy/forget.h"
#include "policy/inherit.h"
#include "policy/mask_rule.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

static bool
holds_values(Oid relid)
{
	char		relkind = get_rel_relkind(relid);

	return relkind == RELKIND_RELATION ||
		relkind == RELKIND_PARTITIONED_TABLE ||
		relkind == RELKIND_FOREIGN_TABLE || relkind == RELKIND_MATVIEW;
}

static bool
is_meant(HgColumnRef ref, Oid relid, AttrNumber attnum)
{
	return HG_COLUMN_REF_RELID(ref) == relid &&
		(attnum == InvalidAttrNumber || HG_COLUMN_REF_ATTNUM(ref) == attnum);
}

static void
note_names(Relation rel, HeapTuple tuple, HgColumnRef ref)
{
	Datum		values[MASK_NATTS] = {0};
	bool		nulls[MASK_NATTS] = {0};
	bool		replace[MASK_NATTS] = {0};
	Oid			relid = HG_COLUMN_REF_RELID(ref);
	char	   *schema = get_namespace_name(get_rel_namespace(relid));
	char	   *relation = get_rel_name(relid);
	char	   *column = hg_column_ref_name(ref);
	HeapTuple	changed;

	if (schema == NULL || relation == NULL || column == NULL)
		return;					/* gone before */
	values[MASK_SCHEMA_NAME - 1] = CStringGetTextDatum(schema);
	values[MASK_RELATION_NAME - 1] = CStringGetTextDatum(relation);
	values[MASK_COLUMN_NAME - 1] = CStringGetTextDatum(column);
	replace[MASK_SCHEMA_NAME - 1] = true;
	replace[MASK_RELATION_NAME - 1] = true;
	replace[MASK_COLUMN_NAME - 1] = true;
	changed = heap_modify_tuple(tuple, RelationGetDescr(rel), values, nulls,
								replace);
	CatalogTupleUpdate(rel, &changed->t_self, changed);
}

static void
forget_masks(Oid relid, AttrNumber attnum)
{
	Relation	rel = try_table_open(hg_catalog_rel(HG_REL_MASK_RULE),
									 AccessShareLock);
	bool		temporary = get_rel_persistence(relid) ==
		RELPERSISTENCE_TEMP;
	bool		changed = false;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (rel == NULL)			/* the extension is being dropped */
		return;
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		HgColumnRef ref = hg_row_int64(tuple, RelationGetDescr(rel),
									   MASK_COLUMN_REF);

		if (!is_meant(ref, relid, attnum))
			continue;
		if (!changed)
			LockRelationOid(RelationGetRelid(rel), RowExclusiveLock);
		changed = true;
		if (temporary)
			CatalogTupleDelete(rel, &tuple->t_self);
		else
			note_names(rel, tuple, ref);
	}
	systable_endscan(scan);
	if (changed)
		CacheInvalidateRelcache(rel);
	table_close(rel, changed ? NoLock : AccessShareLock);
}

void
hg_forget_column(Oid relid, AttrNumber attnum)
{
	if (!holds_values(relid))
		return;
	forget_masks(relid, attnum);
	hg_inherit_forget(relid, attnum);
	hg_finding_forget(relid, attnum);
}

/* The column that now has the names a rule waits for, or 0. */
static HgColumnRef
awaited_column(HeapTuple tuple, TupleDesc desc)
{
	Oid			nspid;
	Oid			relid;
	AttrNumber	attnum;

	nspid = get_namespace_oid(hg_row_string(tuple, desc, MASK_SCHEMA_NAME),
							  true);
	if (!OidIsValid(nspid))
		return 0;
	relid = get_relname_relid(hg_row_string(tuple, desc, MASK_RELATION_NAME),
							  nspid);
	if (!OidIsValid(relid) || !holds_values(relid))
		return 0;
	attnum = get_attnum(relid, hg_row_string(tuple, desc, MASK_COLUMN_NAME));
	return attnum > 0 ? HG_COLUMN_REF(relid, attnum) : 0;
}

void
hg_forget_rebind(void)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_MASK_RULE),
								 AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	bool		changed = false;
	SysScanDesc scan;
	HeapTuple	tuple;

	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[MASK_NATTS] = {0};
		bool		nulls[MASK_NATTS] = {0};
		bool		replace[MASK_NATTS] = {0};
		HgColumnRef ref;
		HeapTuple	bound;

		if (heap_attisnull(tuple, MASK_COLUMN_REF, desc))
			continue;
		ref = hg_row_int64(tuple, desc, MASK_COLUMN_REF);
		if (hg_column_ref_name(ref) != NULL)
			continue;
		ref = awaited_column(tuple, desc);
		if (ref == 0)
			continue;
		if (!changed)
			LockRelationOid(RelationGetRelid(rel), RowExclusiveLock);
		changed = true;
		values[MASK_COLUMN_REF - 1] = Int64GetDatum(ref);
		replace[MASK_COLUMN_REF - 1] = true;
		bound = heap_modify_tuple(tuple, desc, values, nulls, replace);
		CatalogTupleUpdate(rel, &bound->t_self, bound);
	}
	systable_endscan(scan);
	if (changed)
		CacheInvalidateRelcache(rel);
	table_close(rel, changed ? NoLock : AccessShareLock);
}
