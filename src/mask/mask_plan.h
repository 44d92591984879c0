/*-------------------------------------------------------------------------
 *
 * mask_plan.h
 *	  What planning may learn of masked columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_MASK_PLAN_H
#define HG_MASK_PLAN_H

#include "nodes/pathnodes.h"
#include "policy/policy.h"
#include "utils/selfuncs.h"

/*
 * Around the planning of a statement: the policy that masked it, NULL for one
 * that reads real values.  Returns what was set before; give that to the end,
 * on errors too, since planning runs functions that plan in turn.
 */
extern const HgPolicy *hg_mask_plan_begin(const HgPolicy *policy);
extern void hg_mask_plan_end(const HgPolicy *previous);

/* From get_relation_info_hook: indexes and extended statistics. */
extern void hg_mask_plan_relation(Oid relid, RelOptInfo *info);

/* From get_relation_stats_hook: true when vardata was filled here. */
extern bool hg_mask_plan_stats(RangeTblEntry *rte, AttrNumber attnum,
							   VariableStatData *vardata);

/* From get_attavgwidth_hook: 0 to let the server decide. */
extern int32 hg_mask_plan_width(Oid relid, AttrNumber attnum);

#endif							/* HG_MASK_PLAN_H */
