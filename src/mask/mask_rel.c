/*-------------------------------------------------------------------------
 *
 * mask_rel.c
 *	  Which columns of a relation are masked.
 *
 * The policy names columns; what is generated from such a column shows the
 * same data and is masked here, whether it is stored or computed when read.
 * Generated columns cannot refer to each other, so one pass finds them all.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "mask/mask_rel.h"
#include "nodes/nodes.h"
#include "optimizer/optimizer.h"
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

/* Give generated columns the mask of the first masked column they read. */
static void
add_generated(HgMaskRel *result, TupleDesc desc)
{
	int			i;

	if (desc->constr == NULL)
		return;

	for (i = 0; i < desc->constr->num_defval; i++)
	{
		AttrDefault *def = &desc->constr->defval[i];
		Form_pg_attribute att = TupleDescAttr(desc, def->adnum - 1);
		Bitmapset  *used = NULL;
		int			member = -1;

		if (att->attgenerated == '\0' || att->attisdropped ||
			result->masks[def->adnum - 1] != NULL)
			continue;

		pull_varattnos((Node *) stringToNode(def->adbin), 1, &used);
		while ((member = bms_next_member(used, member)) >= 0)
		{
			AttrNumber	attnum;
			const HgColumnMask *mask;

			attnum = member + FirstLowInvalidHeapAttributeNumber;
			mask = hg_mask_rel_column(result, attnum);
			if (mask != NULL)
			{
				result->masks[def->adnum - 1] = mask;
				result->names[def->adnum - 1] =
					pstrdup(NameStr(att->attname));
				break;
			}
		}
		bms_free(used);
	}
}

HgMaskRel *
hg_mask_rel(const HgPolicy *policy, Oid relid)
{
	const HgRelMask *policy_rel = hg_policy_rel_mask(policy, relid);
	HgMaskRel  *result;
	Relation	rel;
	TupleDesc	desc;
	int			i;
	bool		any = false;

	if (policy_rel->ncolumns == 0)
		return NULL;

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
	if (any)
		add_generated(result, desc);

	relation_close(rel, AccessShareLock);
	return any ? result : NULL;
}
