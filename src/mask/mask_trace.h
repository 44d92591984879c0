/*-------------------------------------------------------------------------
 *
 * mask_trace.h
 *	  Which masked columns an expression is computed from.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_MASK_TRACE_H
#define HG_MASK_TRACE_H

#include "mask/mask_rel.h"
#include "nodes/parsenodes.h"

/* A query level; parent is the level that varlevelsup 1 means. */
typedef struct HgMaskFrame
{
	struct HgMaskFrame *parent;
	Query	   *query;
} HgMaskFrame;

/* Masked columns of a relation, or NULL. */
typedef const HgMaskRel *(*HgMaskLookup) (void *arg, Oid relid);

/* Called for each masked column found; true ends the search. */
typedef bool (*HgMaskFound) (void *arg, const HgMaskRel *rel,
							 AttrNumber attnum);

/*
 * Follow the columns an expression uses down through joins, subqueries, CTEs
 * and set operations to base tables.  tlist is the target list the expression
 * stands in, for SET (a, b) = (SELECT ...); else NIL.  Works on a tree that
 * is masked already, in part or as a whole.  True when found() said so.
 */
extern bool hg_mask_trace(Node *expr, List *tlist, HgMaskFrame *frame,
						  HgMaskLookup lookup, HgMaskFound found, void *arg);

/*
 * The CTE that a range table entry of *frame refers to, or NULL; *frame
 * becomes the level it is defined at.
 */
extern CommonTableExpr *hg_mask_find_cte(HgMaskFrame **frame,
										 RangeTblEntry *rte);

#endif							/* HG_MASK_TRACE_H */
