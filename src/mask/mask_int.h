/*-------------------------------------------------------------------------
 *
 * mask_int.h
 *	  What mask_rewrite.c and mask_match.c share while a Query is rewritten.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_MASK_INT_H
#define HG_MASK_INT_H

#include "base/compat.h"
#include "mask/mask.h"
#include "mask/mask_rel.h"
#include "mask/mask_trace.h"

typedef struct HgMaskContext
{
	const HgPolicy *policy;
	HgFacts    *facts;			/* may be NULL */
	HgMaskResult *result;		/* may be NULL */
	List	   *rels;			/* of HgMaskRel, those with masks */
	HgMaskFrame *frame;			/* the query level being rewritten */
	bool		any_refuse;		/* some column has match = refuse */
	bool		any_match;		/* some has match = equality or real */
	bool		observe;		/* raise nothing */
	bool		record;			/* what is met goes to facts and result */
	bool		in_alias;		/* inside joinaliasvars */
} HgMaskContext;

/* Masked columns behind a range table entry, or NULL. */
extern const HgMaskRel *hg_mask_lookup_rte(HgMaskContext *ctx,
										   RangeTblEntry *rte);

/* The same by relation; an HgMaskLookup, arg is the HgMaskContext. */
extern const HgMaskRel *hg_mask_lookup(void *arg, Oid relid);

/* The range table entry and level of a Var; NULL if there is none. */
extern RangeTblEntry *hg_mask_var_rte(HgMaskFrame *frame, Var *var,
									  HgMaskFrame **level);

/* Note a masked column in facts and result. */
extern void hg_mask_record(HgMaskContext *ctx, const HgMaskRel *rel,
						   AttrNumber attnum);

/* Raise HG006 or HG007 about a column; message has %s for it and relation. */
pg_noreturn extern void hg_mask_refuse(int sqlstate, const char *builtin,
									   const char *command,
									   const char *schema,
									   const char *relation,
									   const char *column,
									   const char *message, const char *hint);

/*
 * A condition of WHERE or ON before masking.  Where match says that it
 * compares real values, the condition to put in its place, its probes counted
 * in facts; else NULL: mask it.  ANDed parts are asked for one by one.
 */
extern Node *hg_mask_match(HgMaskContext *ctx, Node *qual);

/*
 * HG007 if the expression, which decides about rows or their order, uses a
 * column with match = refuse.
 */
extern void hg_mask_check_refuse(HgMaskContext *ctx, Node *node);

/* The same for whatever decides inside a node that is met anywhere. */
extern void hg_mask_check_node(HgMaskContext *ctx, Node *node);

/* The same for grouping, sorting, DISTINCT and set operations of a level. */
extern void hg_mask_check_clauses(HgMaskContext *ctx, Query *query);

#endif							/* HG_MASK_INT_H */
