/*-------------------------------------------------------------------------
 *
 * mask_rule.c
 *	  The columns that mask rules are for.
 *
 * A rule follows its column by number.  When the column is gone, dropped alone
 * or with its table, the rule waits under the names it had at the end: a
 * column that is made again is masked again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "base/catalog.h"
#include "base/retire.h"
#include "base/row.h"
#include "policy/mask_rule.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

static MemoryContext target_context = NULL;
static uint64 target_generation = 0;
static List *target_list = NIL;

const char *
hg_mask_rule_column(const HgMaskTarget *target, const Oid *family, int nfamily)
{
	char	   *name = hg_column_ref_name(target->ref);

	for (int i = 0; i < nfamily; i++)
	{
		char	   *relation;
		char	   *schema;

		if (name != NULL)
		{
			if (family[i] == HG_COLUMN_REF_RELID(target->ref))
				return name;
			continue;
		}
		relation = get_rel_name(family[i]);
		if (relation == NULL || strcmp(relation, target->relation) != 0)
			continue;
		schema = get_namespace_name(get_rel_namespace(family[i]));
		if (schema != NULL && strcmp(schema, target->schema) == 0)
			return target->column;
	}
	return NULL;
}

List *
hg_mask_rule_targets(void)
{
	uint64		generation = hg_catalog_generation();
	MemoryContext context;
	MemoryContext old;
	Relation	rel;
	TupleDesc	desc;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *result = NIL;

	if (target_context != NULL && target_generation == generation)
		return target_list;

	context = AllocSetContextCreate(CurrentMemoryContext,
									"hoopguard mask targets",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	rel = table_open(hg_catalog_rel(HG_REL_MASK_RULE), AccessShareLock);
	desc = RelationGetDescr(rel);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		HgMaskTarget *target;

		if (heap_attisnull(tuple, MASK_COLUMN_NAME, desc) ||
			!hg_row_bool(tuple, desc, MASK_ENABLED) ||
			strcmp(hg_row_string(tuple, desc, MASK_METHOD), "none") == 0)
			continue;
		target = palloc(sizeof(HgMaskTarget));
		target->ref = hg_row_int64(tuple, desc, MASK_COLUMN_REF);
		target->schema = hg_row_string(tuple, desc, MASK_SCHEMA_NAME);
		target->relation = hg_row_string(tuple, desc, MASK_RELATION_NAME);
		target->column = hg_row_string(tuple, desc, MASK_COLUMN_NAME);
		result = lappend(result, target);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	MemoryContextSwitchTo(old);

	MemoryContextSetParent(context, TopMemoryContext);
	if (target_context != NULL)
		hg_retire_context(target_context);
	target_context = context;
	target_generation = generation;
	target_list = result;
	return target_list;
}
