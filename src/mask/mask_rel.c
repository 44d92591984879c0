/*-------------------------------------------------------------------------
 *
 * mask_rel.c
 *	  Which columns of a relation are masked.
 *
 * The policy names them, those included that are generated from a masked
 * column.  Here they are found by number.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "mask/mask_rel.h"
#include "nodes/nodes.h"
#include "utils/memutils.h"
#include "utils/rel.h"

bool
hg_mask_relkind(char relkind)
{
	switch (relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_MATVIEW:
		case RELKIND_TOASTVALUE:
			return true;
		default:
			return false;
	}
}

/* Make the answer in the current context; NULL when nothing is masked. */
static HgMaskRel *
make_rel(const HgRelMask *policy_rel, Oid relid)
{
	HgMaskRel  *result;
	Relation	rel;
	TupleDesc	desc;
	int			i;
	bool		any = false;

	rel = relation_open(relid, AccessShareLock);
	desc = RelationGetDescr(rel);

	result = palloc0(sizeof(HgMaskRel));
	result->relid = relid;
	result->policy_rel = policy_rel;
	result->natts = desc->natts;
	result->masks = palloc0(desc->natts * sizeof(HgColumnMask *));
	result->names = palloc0(desc->natts * sizeof(char *));

	for (i = 0; i < policy_rel->ncolumns; i++)
	{
		const HgColumnMask *mask = &policy_rel->columns[i];

		if (mask->attnum < 1 || mask->attnum > desc->natts ||
			TupleDescAttr(desc, mask->attnum - 1)->attisdropped)
			continue;
		/* a class may be listed as one that needs no mask */
		if (strcmp(mask->method, "none") == 0)
			continue;
		result->masks[mask->attnum - 1] = mask;
		result->names[mask->attnum - 1] = pstrdup(mask->column);
		any = true;
	}

	relation_close(rel, AccessShareLock);
	return any ? result : NULL;
}

HgMaskRel *
hg_mask_rel(const HgPolicy *policy, Oid relid)
{
	HgRelMask  *policy_rel = unconstify(HgRelMask *,
										hg_policy_rel_mask(policy, relid));
	MemoryContext old;
	HgMaskRel  *result;

	if (policy_rel->ncolumns == 0)
		return NULL;
	if (!policy_rel->derived_known)
	{
		/* an error leaves some bytes there; a change of the table drops all */
		old = MemoryContextSwitchTo(GetMemoryChunkContext(policy_rel));
		result = make_rel(policy_rel, relid);
		MemoryContextSwitchTo(old);
		policy_rel->derived = result;
		policy_rel->derived_known = true;
	}
	return (HgMaskRel *) policy_rel->derived;
}
