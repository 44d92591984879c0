/*-------------------------------------------------------------------------
 *
 * mask_rel.h
 *	  The masked columns of one relation, by attribute number.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_MASK_REL_H
#define HG_MASK_REL_H

#include "policy/policy.h"

/* Lives in the policy's cache, as long as the HgRelMask it points to. */
typedef struct HgMaskRel
{
	Oid			relid;
	const HgRelMask *policy_rel;
	int			natts;
	const HgColumnMask **masks; /* by attnum - 1; NULL: not masked */
	char	  **names;			/* by attnum - 1; of masked columns only */
} HgMaskRel;

/*
 * Masked columns of a relation, those included that are generated from a
 * masked column (they carry that column's mask).  NULL when the relation has
 * none.  The relation must be locked already, as every range table entry is.
 */
extern HgMaskRel *hg_mask_rel(const HgPolicy *policy, Oid relid);

/* The mask of a column, or NULL; attnum may be anything. */
static inline const HgColumnMask *
hg_mask_rel_column(const HgMaskRel *rel, AttrNumber attnum)
{
	if (attnum < 1 || attnum > rel->natts)
		return NULL;
	return rel->masks[attnum - 1];
}

/* Has a relation of this kind columns of its own that can be masked? */
extern bool hg_mask_relkind(char relkind);

#endif							/* HG_MASK_REL_H */
