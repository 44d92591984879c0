/*-------------------------------------------------------------------------
 *
 * lineage_effects.c
 *	  Row effects: the columns that decide which rows there are, and how.
 *
 * A row source in FROM hands its row effects on, used or not; a sub-select
 * used as a value keeps them for that value (lineage_expr.c).
 *
 * Quals of row-level security must not be seen here.  They are in
 * securityQuals, never in WHERE; but so is the WHERE of a security-barrier
 * view that is written through, which counts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "inspect/lineage_int.h"
#include "miscadmin.h"
#include "utils/rel.h"

static void
effects_of_sortgroup(LinScope *scope, List *clauses, LinMask kind,
					 LinMap *set)
{
	ListCell   *lc;

	foreach(lc, clauses)
	{
		SortGroupClause *clause = (SortGroupClause *) lfirst(lc);

		hg_lineage_expr(scope,
						hg_lineage_sortgroup_expr(clause,
												  scope->query->targetList),
						kind, set);
	}
}

/* ORDER BY over a set operation sorts by its combined columns. */
static void
effects_of_setop_sort(LinScope *scope, LinMap *set)
{
	Query	   *query = scope->query;
	ListCell   *lc;

	foreach(lc, query->sortClause)
	{
		SortGroupClause *clause = (SortGroupClause *) lfirst(lc);
		ListCell   *lc2;

		foreach(lc2, query->targetList)
		{
			TargetEntry *tle = (TargetEntry *) lfirst(lc2);

			if (tle->ressortgroupref == clause->tleSortGroupRef)
				hg_lineage_set_merge(set,
									 hg_lineage_output(scope, tle->resno),
									 LIN_SORT);
		}
	}
}

/* INTERSECT and EXCEPT test membership by all columns; arms add their own. */
static void
effects_of_setop(LinScope *scope, Node *node, LinMap *set)
{
	LinScope   *arm;

	check_stack_depth();
	while (node != NULL && IsA(node, SetOperationStmt))
	{
		SetOperationStmt *op = (SetOperationStmt *) node;
		int			ncolumns = list_length(op->colTypes);

		if (op->op != SETOP_UNION)
		{
			for (int i = 1; i <= ncolumns; i++)
			{
				hg_lineage_setop_column(scope, op->larg, i, LIN_FILTER, set);
				hg_lineage_setop_column(scope, op->rarg, i, LIN_FILTER, set);
			}
		}
		effects_of_setop(scope, op->rarg, set);
		node = op->larg;
	}
	if (node == NULL || !IsA(node, RangeTblRef))
		return;
	arm = hg_lineage_scope_child(scope, ((RangeTblRef *) node)->rtindex);
	if (arm != NULL)
		hg_lineage_set_merge(set, hg_lineage_effects(arm), LIN_IDENTITY);
}

/* A row source in FROM hands on its own row effects, used or not. */
static void
effects_of_rte(LinScope *scope, int rti, LinMap *set)
{
	RangeTblEntry *rte = hg_lineage_rte(scope, rti);
	LinScope   *source = NULL;
	LinScope   *owner;
	LinCte	   *cte;

	if (rte == NULL)
		return;
	if (rte->rtekind == RTE_SUBQUERY || rte->rtekind == RTE_RELATION)
		source = hg_lineage_scope_child(scope, rti);
	else if (rte->rtekind == RTE_CTE && !rte->self_reference)
	{
		cte = hg_lineage_find_cte(scope, rte, &owner);
		if (cte != NULL)
		{
			source = hg_lineage_scope_cte(owner, cte);
			if (cte->cte->cterecursive)
				hg_lineage_cte_fixpoint(owner, cte);
		}
	}
	if (source != NULL)
		hg_lineage_set_merge(set, hg_lineage_effects(source), LIN_IDENTITY);
}

static void
effects_of_jointree(LinScope *scope, Node *node, LinMask where, LinMap *set)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	check_stack_depth();
	if (IsA(node, RangeTblRef))
		effects_of_rte(scope, ((RangeTblRef *) node)->rtindex, set);
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		effects_of_jointree(scope, join->larg, where, set);
		effects_of_jointree(scope, join->rarg, where, set);
		hg_lineage_expr(scope, join->quals, LIN_JOIN, set);
	}
	else if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;

		foreach(lc, from->fromlist)
			effects_of_jointree(scope, (Node *) lfirst(lc), where, set);
		hg_lineage_expr(scope, from->quals, where, set);
	}
}

/* Is the RTE somewhere in FROM? */
static bool
in_jointree(Node *node, int rti)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, RangeTblRef))
		return ((RangeTblRef *) node)->rtindex == rti;
	if (IsA(node, JoinExpr))
		return in_jointree(((JoinExpr *) node)->larg, rti) ||
			in_jointree(((JoinExpr *) node)->rarg, rti);
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
		{
			if (in_jointree((Node *) lfirst(lc), rti))
				return true;
		}
	}
	return false;
}

/*
 * Auto-updatable views that a DML statement named, or went through: the
 * rewriter leaves their entries in the range table and uses them nowhere.
 */
List *
hg_lineage_written_views(LinScope *scope)
{
	Query	   *query = scope->query;
	List	   *views = NIL;
	ListCell   *lc;
	int			rti = 0;

	if (query->commandType == CMD_SELECT)
		return NIL;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = (RangeTblEntry *) lfirst(lc);

		rti++;
		if (rte->rtekind != RTE_RELATION || rte->relkind != RELKIND_VIEW ||
			rti == query->resultRelation ||
			in_jointree((Node *) query->jointree, rti))
			continue;
		views = lappend_oid(views, rte->relid);
	}
	return views;
}

/*
 * WHERE of written security-barrier views.  The rewriter adds that of other
 * views to the statement's own WHERE, but these go where the quals of
 * row-level security go, which are not lineage.
 */
static void
effects_of_barriers(LinScope *scope, LinMap *set)
{
	ListCell   *lc;

	if (scope->query->commandType == CMD_INSERT)
		return;
	foreach(lc, hg_lineage_written_views(scope))
	{
		Relation	rel = try_relation_open(lfirst_oid(lc), AccessShareLock);
		LinScope   *view = NULL;

		if (rel == NULL)
			continue;
		if (rel->rd_rel->relkind == RELKIND_VIEW &&
			RelationIsSecurityView(rel))
			view = hg_lineage_scope_view(scope->run,
										 hg_lineage_rel(scope->run,
														lfirst_oid(lc)));
		relation_close(rel, AccessShareLock);
		if (view != NULL && view->query->jointree != NULL)
			hg_lineage_expr(view, view->query->jointree->quals, LIN_FILTER,
							set);
	}
}

static void
effects_of_dml(LinScope *scope, LinMap *set)
{
	Query	   *query = scope->query;
	LinMask		where = LIN_FILTER;
	ListCell   *lc;

#if PG_VERSION_NUM >= 170000
	hg_lineage_expr(scope, query->mergeJoinCondition, LIN_JOIN, set);
#else
	if (query->commandType == CMD_MERGE)
		where = LIN_JOIN;
#endif
	effects_of_jointree(scope, (Node *) query->jointree, where, set);
	foreach(lc, query->mergeActionList)
		hg_lineage_expr(scope, ((MergeAction *) lfirst(lc))->qual, LIN_FILTER,
						set);
	if (query->onConflict != NULL &&
		query->onConflict->action == ONCONFLICT_UPDATE)
		hg_lineage_expr(scope, query->onConflict->onConflictWhere, LIN_FILTER,
						set);
	effects_of_barriers(scope, set);
}

const LinMap *
hg_lineage_effects(LinScope *scope)
{
	Query	   *query = scope->query;
	LinMap	   *set;

	if (query == NULL || scope->effects.busy)
		return &hg_lineage_empty_set;
	if (hg_lineage_memo_valid(&scope->effects, scope))
		return scope->effects.set;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	scope->effects.busy = true;
	set = hg_lineage_map_create(scope->run->context);
	if (query->commandType != CMD_SELECT)
		effects_of_dml(scope, set);
	else
	{
		effects_of_jointree(scope, (Node *) query->jointree, LIN_FILTER, set);
		effects_of_sortgroup(scope, query->groupClause, LIN_GROUP_BY, set);
		hg_lineage_expr(scope, query->havingQual, LIN_FILTER, set);
		if (query->setOperations != NULL)
		{
			effects_of_setop(scope, query->setOperations, set);
			effects_of_setop_sort(scope, set);
		}
		else
		{
			effects_of_sortgroup(scope, query->distinctClause, LIN_GROUP_BY,
								 set);
			effects_of_sortgroup(scope, query->sortClause, LIN_SORT, set);
		}
		hg_lineage_expr(scope, query->limitOffset, LIN_FILTER, set);
		hg_lineage_expr(scope, query->limitCount, LIN_FILTER, set);
	}
	scope->effects.busy = false;
	scope->effects.set = set;
	scope->effects.version = hg_lineage_scope_version(scope);
	return set;
}
