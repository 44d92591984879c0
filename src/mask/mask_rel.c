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

/*
 * The mask of a column on what is generated from it.  Whoever may ask whether
 * the column has a value may not ask so about a part of it.
 */
static const HgColumnMask *
derived_mask(const HgColumnMask *mask)
{
	HgColumnMask *result;

	if (mask->match != HG_MATCH_EQUALITY && mask->match != HG_MATCH_REAL)
		return mask;
	result = palloc(sizeof(HgColumnMask));
	*result = *mask;
	result->match = HG_MATCH_MASKED;
	return result;
}

static bool
is_inherited(const HgRelMask *rel, AttrNumber attnum)
{
	int			i;

	for (i = 0; i < rel->nclasses; i++)
	{
		if (rel->classes[i].attnum == attnum)
			return rel->classes[i].source == HG_CLASS_LINEAGE;
	}
	return false;
}

/*
 * Mask generated columns like the first masked column that they read.  One
 * that has a mask of its own only because it inherited the class is left no
 * more match than that.
 */
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

		if (att->attgenerated == '\0' || att->attisdropped)
			continue;
		if (result->masks[def->adnum - 1] != NULL)
		{
			if (is_inherited(result->policy_rel, def->adnum))
				result->masks[def->adnum - 1] =
					derived_mask(result->masks[def->adnum - 1]);
			continue;
		}

		pull_varattnos((Node *) stringToNode(def->adbin), 1, &used);
		while ((member = bms_next_member(used, member)) >= 0)
		{
			AttrNumber	attnum;
			const HgColumnMask *mask;

			attnum = member + FirstLowInvalidHeapAttributeNumber;
			mask = hg_mask_rel_column(result, attnum);
			if (mask != NULL)
			{
				result->masks[def->adnum - 1] = derived_mask(mask);
				result->names[def->adnum - 1] =
					pstrdup(NameStr(att->attname));
				break;
			}
		}
		bms_free(used);
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
	if (any)
		add_generated(result, desc);

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
