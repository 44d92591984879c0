/*-------------------------------------------------------------------------
 *
 * mask_trace.c
 *	  Which masked columns an expression is computed from.
 *
 * A Var of a subquery is followed to the one output column it names, not to
 * everything the subquery reads: UPDATE ... FROM view must not be refused
 * because the view has a masked column that the statement does not use.  A
 * SubLink, on the other hand, counts with all its clauses.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mask/mask_trace.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"

/*
 * A column of a range table that was looked at: nothing was found in it, or
 * the search would be over.  Looking twice would take time exponential in the
 * depth of subqueries, and for ever in a recursive CTE.
 */
typedef struct Visit
{
	Query	   *query;
	int			varno;
	int			attnum;
} Visit;

typedef struct TraceContext
{
	HgMaskFrame *frame;
	List	   *tlist;			/* where MULTIEXPR sublinks are */
	HgMaskLookup lookup;
	HgMaskFound found;
	void	   *arg;
	Visit	   *visits;
	int			nvisits;
	int			room;
} TraceContext;

static bool trace_walker(Node *node, TraceContext *t);
static bool trace_column(TraceContext *t, HgMaskFrame *frame, int varno,
						 AttrNumber attnum);

/* Walk an expression as one of another query level. */
static bool
trace_at(TraceContext *t, Node *node, HgMaskFrame *frame, List *tlist)
{
	HgMaskFrame *save_frame = t->frame;
	List	   *save_tlist = t->tlist;
	bool		result;

	t->frame = frame;
	t->tlist = tlist;
	result = trace_walker(node, t);
	t->frame = save_frame;
	t->tlist = save_tlist;
	return result;
}

/* An output column of a subquery; attnum 0 means all. */
static bool
trace_output(TraceContext *t, Query *query, HgMaskFrame *parent,
			 AttrNumber attnum)
{
	HgMaskFrame frame;
	List	   *tlist;
	ListCell   *lc;

	check_stack_depth();
	frame.parent = parent;
	frame.query = query;

	/* the range table of a set operation holds its arms */
	if (query->setOperations != NULL)
	{
		foreach(lc, query->rtable)
		{
			RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

			if (rte->rtekind == RTE_SUBQUERY &&
				trace_output(t, rte->subquery, &frame, attnum))
				return true;
		}
		return false;
	}

	tlist = query->commandType == CMD_SELECT ?
		query->targetList : query->returningList;
	foreach(lc, tlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (attnum == 0 ? tle->resjunk : tle->resno != attnum)
			continue;
		if (trace_at(t, (Node *) tle->expr, &frame, tlist))
			return true;
	}
	return false;
}

CommonTableExpr *
hg_mask_find_cte(HgMaskFrame **frame, RangeTblEntry *rte)
{
	Index		up;
	ListCell   *lc;

	for (up = rte->ctelevelsup; up > 0 && *frame != NULL; up--)
		*frame = (*frame)->parent;
	if (*frame == NULL)
		return NULL;
	foreach(lc, (*frame)->query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (strcmp(cte->ctename, rte->ctename) == 0)
			return cte;
	}
	return NULL;
}

/* An output column of the CTE that rte of frame refers to. */
static bool
trace_cte(TraceContext *t, HgMaskFrame *frame, RangeTblEntry *rte,
		  AttrNumber attnum)
{
	CommonTableExpr *cte = hg_mask_find_cte(&frame, rte);

	if (cte == NULL || !IsA(cte->ctequery, Query))
		return false;
	return trace_output(t, (Query *) cte->ctequery, frame, attnum);
}

/* A column of a base relation or of its tuples in a transition table. */
static bool
trace_relation(TraceContext *t, Oid relid, AttrNumber attnum)
{
	const HgMaskRel *rel = t->lookup(t->arg, relid);
	AttrNumber	i;

	if (rel == NULL)
		return false;
	if (attnum != 0)
		return hg_mask_rel_column(rel, attnum) != NULL &&
			t->found(t->arg, rel, attnum);
	for (i = 1; i <= rel->natts; i++)
	{
		if (hg_mask_rel_column(rel, i) != NULL &&
			t->found(t->arg, rel, i))
			return true;
	}
	return false;
}

/* A column of EXCLUDED is what the INSERT puts there. */
static bool
trace_excluded(TraceContext *t, HgMaskFrame *frame, AttrNumber attnum)
{
	ListCell   *lc;

	foreach(lc, frame->query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (attnum == 0 ? tle->resjunk : tle->resno != attnum)
			continue;
		if (trace_at(t, (Node *) tle->expr, frame, frame->query->targetList))
			return true;
	}
	return false;
}

/* The attnum'th of a list of expressions, or all. */
static bool
trace_nth(TraceContext *t, HgMaskFrame *frame, List *exprs, AttrNumber attnum)
{
	if (attnum == 0)
		return trace_at(t, (Node *) exprs, frame, NIL);
	if (attnum > list_length(exprs))
		return false;
	return trace_at(t, (Node *) list_nth(exprs, attnum - 1), frame, NIL);
}

/* Note that a column is looked at; true if it has been before. */
static bool
visited(TraceContext *t, Query *query, int varno, AttrNumber attnum)
{
	Visit	   *visit;

	for (int i = 0; i < t->nvisits; i++)
		if (t->visits[i].query == query && t->visits[i].varno == varno &&
			t->visits[i].attnum == attnum)
			return true;
	if (t->nvisits == t->room)
	{
		t->room = Max(16, 2 * t->room);
		t->visits = t->visits == NULL ?
			palloc(t->room * sizeof(Visit)) :
			repalloc(t->visits, t->room * sizeof(Visit));
	}
	visit = &t->visits[t->nvisits++];
	visit->query = query;
	visit->varno = varno;
	visit->attnum = attnum;
	return false;
}

static bool
trace_column(TraceContext *t, HgMaskFrame *frame, int varno, AttrNumber attnum)
{
	RangeTblEntry *rte;
	ListCell   *lc;

	CHECK_FOR_INTERRUPTS();
	if (attnum < 0 || varno < 1 || varno > list_length(frame->query->rtable))
		return false;
	rte = rt_fetch(varno, frame->query->rtable);
	if (rte->rtekind != RTE_RELATION &&
		visited(t, frame->query, varno, attnum))
		return false;
	if (frame->query->onConflict != NULL &&
		frame->query->onConflict->exclRelIndex == varno)
		return trace_excluded(t, frame, attnum);

	/* the target list of a set operation names its first arm for them all */
	if (frame->query->setOperations != NULL)
	{
		foreach(lc, frame->query->rtable)
		{
			rte = lfirst_node(RangeTblEntry, lc);
			if (rte->rtekind == RTE_SUBQUERY &&
				trace_output(t, rte->subquery, frame, attnum))
				return true;
		}
		return false;
	}

	switch (rte->rtekind)
	{
		case RTE_RELATION:
			return hg_mask_relkind(rte->relkind) &&
				trace_relation(t, rte->relid, attnum);
		case RTE_NAMEDTUPLESTORE:
			return OidIsValid(rte->relid) &&
				trace_relation(t, rte->relid, attnum);
		case RTE_SUBQUERY:
			return trace_output(t, rte->subquery, frame, attnum);
		case RTE_JOIN:
			return trace_nth(t, frame, rte->joinaliasvars, attnum);
		case RTE_CTE:
			return trace_cte(t, frame, rte, attnum);
		case RTE_FUNCTION:
			return trace_at(t, (Node *) rte->functions, frame, NIL);
		case RTE_TABLEFUNC:
			return trace_at(t, (Node *) rte->tablefunc, frame, NIL);
		case RTE_VALUES:
			foreach(lc, rte->values_lists)
			{
				if (trace_nth(t, frame, lfirst_node(List, lc), attnum))
					return true;
			}
			return false;
#if PG_VERSION_NUM >= 180000
		case RTE_GROUP:
			return trace_nth(t, frame, rte->groupexprs, attnum);
#endif
		default:
			return false;
	}
}

/* The column of SET (a, b) = (SELECT ...) that a MULTIEXPR parameter is. */
static bool
trace_multiexpr(TraceContext *t, Param *param)
{
	int			sublink_id = param->paramid >> 16;
	int			column = param->paramid & 0xFFFF;
	ListCell   *lc;

	foreach(lc, t->tlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		SubLink    *sublink;

		if (!tle->resjunk || tle->expr == NULL || !IsA(tle->expr, SubLink))
			continue;
		sublink = (SubLink *) tle->expr;
		if (sublink->subLinkType == MULTIEXPR_SUBLINK &&
			sublink->subLinkId == sublink_id)
			return trace_output(t, (Query *) sublink->subselect, t->frame,
								column);
	}
	return false;
}

/* All clauses of a subquery in an expression, its output only if asked. */
static bool
trace_query(TraceContext *t, Query *query, bool output)
{
	HgMaskFrame frame;
	HgMaskFrame *save_frame = t->frame;
	List	   *save_tlist = t->tlist;
	Query		shallow;
	bool		result;

	if (output && query->setOperations != NULL &&
		trace_output(t, query, t->frame, 0))
		return true;
	frame.parent = t->frame;
	frame.query = query;
	t->frame = &frame;
	t->tlist = query->targetList;
	memcpy(&shallow, query, sizeof(Query));
	if (!output)
		shallow.targetList = NIL;
	result = query_tree_walker(&shallow, trace_walker, t,
							   QTW_IGNORE_RANGE_TABLE |
							   QTW_IGNORE_CTE_SUBQUERIES);
	t->frame = save_frame;
	t->tlist = save_tlist;
	return result;
}

static bool
trace_walker(Node *node, TraceContext *t)
{
	if (node == NULL)
		return false;
	check_stack_depth();

	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		HgMaskFrame *frame = t->frame;
		Index		up;

		for (up = var->varlevelsup; up > 0 && frame != NULL; up--)
			frame = frame->parent;
		return frame != NULL &&
			trace_column(t, frame, var->varno, var->varattno);
	}
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_MULTIEXPR)
		return trace_multiexpr(t, (Param *) node);
	/* EXISTS looks at no output column */
	if (IsA(node, SubLink) &&
		((SubLink *) node)->subLinkType == EXISTS_SUBLINK)
		return trace_query(t, castNode(Query, ((SubLink *) node)->subselect),
						   false);
	if (IsA(node, Query))
		return trace_query(t, (Query *) node, true);
	return expression_tree_walker(node, trace_walker, t);
}

bool
hg_mask_trace(Node *expr, List *tlist, HgMaskFrame *frame,
			  HgMaskLookup lookup, HgMaskFound found, void *arg)
{
	TraceContext t;
	bool		result;

	t.frame = frame;
	t.tlist = tlist;
	t.lookup = lookup;
	t.found = found;
	t.arg = arg;
	t.visits = NULL;
	t.nvisits = 0;
	t.room = 0;
	result = trace_walker(expr, &t);
	if (t.visits != NULL)
		pfree(t.visits);
	return result;
}
