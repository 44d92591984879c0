/*-------------------------------------------------------------------------
 *
 * mask_rule.h
 *	  The columns that mask rules are for; private to policy/.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_MASK_RULE_H
#define HG_MASK_RULE_H

#include "nodes/pg_list.h"
#include "policy/column_ref.h"

/* Columns of hoopguard._mask_rule, in the order of 20_policy.sql. */
enum
{
	MASK_ID = 1,
	MASK_METHOD,
	MASK_CLASS,
	MASK_COLUMN_REF,
	MASK_ARGS,
	MASK_MATCH,
	MASK_FOR_SUBJECT,
	MASK_PRIORITY,
	MASK_ENABLED,
	MASK_SCHEMA_NAME,
	MASK_RELATION_NAME,
	MASK_COLUMN_NAME,
	MASK_NATTS = MASK_COLUMN_NAME
};

/* The column that a rule is for. */
typedef struct HgMaskTarget
{
	HgColumnRef ref;
	char	   *schema;			/* its names when it was last seen, for a */
	char	   *relation;		/* column that is gone */
	char	   *column;
} HgMaskTarget;

/*
 * The name under which a rule for a column holds in a family of relations,
 * NULL if it does not.  palloc'd, or of the target.
 */
extern const char *hg_mask_rule_column(const HgMaskTarget *target,
									   const Oid *family, int nfamily);

/*
 * List of HgMaskTarget of all rules that mask a column, whomever they are
 * for; valid until hg_catalog_generation() moves.
 */
extern List *hg_mask_rule_targets(void);

#endif							/* HG_MASK_RULE_H */
