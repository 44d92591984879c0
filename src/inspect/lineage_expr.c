/*-------------------------------------------------------------------------
 *
 * lineage_expr.c
 *	  From an expression to base columns: what each node makes of its inputs.
 *
 * One walk does for all transformations at once: it carries the set of those
 * that lie between the node at hand and the output, so COALESCE, which uses
 * its arguments in two ways, does not double the work at each level.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_aggregate.h"
#include "inspect/lineage_int.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

/* What the expression walker carries. */
typedef struct LinWalk
{
	LinScope   *scope;
	LinMask		outer;
	LinMap	   *set;
} LinWalk;

static bool walk(Node *node, void *context);

void
hg_lineage_expr(LinScope *scope, Node *expr, LinMask outer, LinMap *set)
{
	LinWalk		w;

	w.scope = scope;
	w.outer = outer;
	w.set = set;
	walk(expr, &w);
}

/* Follow a child of the node at hand under one more transformation. */
static void
walk_under(Node *node, const LinWalk *w, LinMask kinds)
{
	if (node != NULL)
		hg_lineage_expr(w->scope, node, hg_lineage_merge(w->outer, kinds),
						w->set);
}

/* Expression a SortGroupClause means, or NULL. */
Node *
hg_lineage_sortgroup_expr(SortGroupClause *clause, List *tlist)
{
	ListCell   *lc;

	foreach(lc, tlist)
	{
		TargetEntry *tle = (TargetEntry *) lfirst(lc);

		if (tle->ressortgroupref == clause->tleSortGroupRef)
			return (Node *) tle->expr;
	}
	return NULL;
}

static void
walk_sortgroup(List *clauses, List *tlist, const LinWalk *w, LinMask kind)
{
	ListCell   *lc;

	foreach(lc, clauses)
	{
		SortGroupClause *clause = (SortGroupClause *) lfirst(lc);

		walk_under(hg_lineage_sortgroup_expr(clause, tlist), w, kind);
	}
}

/*
 * What an aggregate makes of its input: hands values on, or computes something
 * in which they are no longer found.  Of an aggregate that somebody has made
 * nobody knows, so it hands them on.
 */
static LinMask
aggregate_kind(Oid aggregate)
{
	static const char *const collecting[] = {
		"any_value", "array_agg", "json_agg", "json_agg_strict",
		"json_object_agg", "json_object_agg_strict",
		"json_object_agg_unique", "json_object_agg_unique_strict",
		"jsonb_agg", "jsonb_agg_strict", "jsonb_object_agg",
		"jsonb_object_agg_strict", "jsonb_object_agg_unique",
		"jsonb_object_agg_unique_strict", "max", "min", "mode",
		"percentile_disc", "range_agg", "range_intersect_agg", "string_agg",
		"xmlagg",
	};
	char	   *name;

	if (aggregate >= FirstNormalObjectId)
		return LIN_COLLECTION;
	name = get_func_name(aggregate);
	for (int i = 0; name != NULL && i < lengthof(collecting); i++)
		if (strcmp(name, collecting[i]) == 0)
			return LIN_COLLECTION;
	return LIN_AGGREGATION;
}

static void
walk_aggref(Aggref *agg, const LinWalk *w)
{
	LinMask		kind = aggregate_kind(agg->aggfnoid);
	ListCell   *lc;

	walk_under((Node *) agg->aggdirectargs, w, kind);
	walk_under((Node *) agg->aggfilter, w, LIN_CONDITIONAL);
	foreach(lc, agg->args)
	{
		TargetEntry *tle = (TargetEntry *) lfirst(lc);

		if (!tle->resjunk)
			walk_under((Node *) tle->expr, w, kind);
	}

	/* The sorting of WITHIN GROUP is what such an aggregate computes. */
	if (agg->aggkind != AGGKIND_NORMAL)
		return;
	walk_sortgroup(agg->aggorder, agg->args, w, LIN_SORT);
}

static void
walk_windowfunc(WindowFunc *wfunc, const LinWalk *w)
{
	Query	   *query = w->scope->query;
	ListCell   *lc;

	walk_under((Node *) wfunc->args, w,
			   wfunc->winagg ? aggregate_kind(wfunc->winfnoid) :
			   LIN_TRANSFORMATION);
	walk_under((Node *) wfunc->aggfilter, w, LIN_CONDITIONAL);
	if (query == NULL)
		return;
	foreach(lc, query->windowClause)
	{
		WindowClause *wc = (WindowClause *) lfirst(lc);

		if (wc->winref != wfunc->winref)
			continue;
		walk_sortgroup(wc->partitionClause, query->targetList, w, LIN_WINDOW);
		walk_sortgroup(wc->orderClause, query->targetList, w, LIN_WINDOW);
		walk_under(wc->startOffset, w, LIN_WINDOW);
		walk_under(wc->endOffset, w, LIN_WINDOW);
	}
}

/*
 * A sub-select as a value: its outputs as its kind says, and its row effects,
 * which shape this value and nothing else.
 */
static void
walk_sublink(SubLink *sublink, const LinWalk *w)
{
	LinScope   *scope;
	LinMask		kind = LIN_IDENTITY;

	if (sublink->subselect == NULL || !IsA(sublink->subselect, Query))
		return;
	scope = hg_lineage_scope_sublink(w->scope, (Query *) sublink->subselect);
	switch (sublink->subLinkType)
	{
		case EXISTS_SUBLINK:
			kind = 0;
			break;
		case ARRAY_SUBLINK:
			kind = LIN_COLLECTION;
			break;
		case ALL_SUBLINK:
		case ANY_SUBLINK:
		case ROWCOMPARE_SUBLINK:
			kind = LIN_TRANSFORMATION;
			walk_under(sublink->testexpr, w, LIN_TRANSFORMATION);
			break;
		default:
			break;
	}
	if (kind != 0)
		hg_lineage_all_outputs(scope, hg_lineage_merge(w->outer, kind),
							   w->set);
	hg_lineage_set_merge(w->set, hg_lineage_effects(scope), w->outer);
}

/* One column of SET (a, b) = (SELECT ...). */
static void
walk_multiexpr(Param *param, const LinWalk *w)
{
	int			sublink_id = param->paramid >> 16;
	int			column = param->paramid & 0xFFFF;
	ListCell   *lc;

	foreach(lc, w->scope->assignments)
	{
		TargetEntry *tle = (TargetEntry *) lfirst(lc);
		SubLink    *sublink = (SubLink *) tle->expr;
		LinScope   *scope;

		if (!tle->resjunk || sublink == NULL || !IsA(sublink, SubLink) ||
			sublink->subLinkType != MULTIEXPR_SUBLINK ||
			sublink->subLinkId != sublink_id ||
			!IsA(sublink->subselect, Query))
			continue;
		scope = hg_lineage_scope_sublink(w->scope,
										 (Query *) sublink->subselect);
		hg_lineage_set_merge(w->set, hg_lineage_output(scope, column),
							 w->outer);
		hg_lineage_set_merge(w->set, hg_lineage_effects(scope), w->outer);
	}
}

static bool
walk(Node *node, void *context)
{
	LinWalk    *w = (LinWalk *) context;
	LinWalk		inner;

	if (node == NULL || w->outer == 0)
		return false;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_Const:
		case T_CaseTestExpr:
		case T_CoerceToDomainValue:
		case T_SetToDefault:
		case T_CurrentOfExpr:
		case T_NextValueExpr:
		case T_SQLValueFunction:
		case T_GroupingFunc:
			return false;
		case T_Var:
			hg_lineage_var(w->scope, (Var *) node, w->outer, w->set);
			return false;
		case T_Param:
			if (((Param *) node)->paramkind == PARAM_MULTIEXPR)
				walk_multiexpr((Param *) node, w);
			return false;

			/* These hand the value on as it is. */
		case T_List:
		case T_TargetEntry:
		case T_RelabelType:
		case T_CoerceToDomain:
		case T_CollateExpr:
		case T_NamedArgExpr:
#if PG_VERSION_NUM >= 180000
		case T_ReturningExpr:
#endif
			CHECK_FOR_INTERRUPTS();
			return expression_tree_walker(node, walk, context);

		case T_CoalesceExpr:
			walk_under((Node *) ((CoalesceExpr *) node)->args, w,
					   LIN_CONDITIONAL | LIN_TRANSFORMATION);
			return false;
		case T_NullIfExpr:
			{
				List	   *args = ((NullIfExpr *) node)->args;

				walk_under((Node *) linitial(args), w,
						   LIN_CONDITIONAL | LIN_TRANSFORMATION);
				if (list_length(args) > 1)
					walk_under((Node *) lsecond(args), w, LIN_CONDITIONAL);
				return false;
			}
		case T_CaseExpr:
			{
				CaseExpr   *c = (CaseExpr *) node;
				ListCell   *lc;

				walk_under((Node *) c->arg, w, LIN_CONDITIONAL);
				foreach(lc, c->args)
				{
					CaseWhen   *when = (CaseWhen *) lfirst(lc);

					walk_under((Node *) when->expr, w, LIN_CONDITIONAL);
					walk_under((Node *) when->result, w, LIN_TRANSFORMATION);
				}
				walk_under((Node *) c->defresult, w, LIN_TRANSFORMATION);
				return false;
			}
		case T_Aggref:
			walk_aggref((Aggref *) node, w);
			return false;
		case T_WindowFunc:
			walk_windowfunc((WindowFunc *) node, w);
			return false;
		case T_SubLink:
			walk_sublink((SubLink *) node, w);
			return false;
		case T_Query:
			return false;		/* only reached through the cases above */
		default:
			inner = *w;
			inner.outer = hg_lineage_merge(w->outer, LIN_TRANSFORMATION);
			return expression_tree_walker(node, walk, &inner);
	}
}
