/*-------------------------------------------------------------------------
 *
 * lineage_column.c
 *	  From a Var to the base columns behind it.
 *
 * A Var is looked up in its scope and followed through subqueries, views,
 * WITH queries, joins, functions and VALUES.
 *
 * The tree may be a rewritten one, as the planner gets it, or an analysed one
 * with views still unexpanded.  The columns behind SEARCH and CYCLE are in the
 * former only; they follow a rule of their own and what the rewriter computes
 * them from is not looked at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "inspect/lineage_int.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"

/* Target entry of an output column, NULL if there is none. */
static TargetEntry *
find_output(List *tlist, int resno)
{
	ListCell   *lc;

	if (resno >= 1 && resno <= list_length(tlist))
	{
		TargetEntry *tle = (TargetEntry *) list_nth(tlist, resno - 1);

		if (tle->resno == resno)
			return tle->resjunk ? NULL : tle;
	}
	foreach(lc, tlist)
	{
		TargetEntry *tle = (TargetEntry *) lfirst(lc);

		if (tle->resno == resno && !tle->resjunk)
			return tle;
	}
	return NULL;
}

/* Sources of a column of a set operation or one of its arms. */
void
hg_lineage_setop_column(LinScope *scope, Node *node, int column, LinMask outer,
						LinMap *set)
{
	LinScope   *arm;

	check_stack_depth();
	/* Chains of set operations lean to the left: follow them in a loop. */
	while (node != NULL && IsA(node, SetOperationStmt))
	{
		SetOperationStmt *op = (SetOperationStmt *) node;

		if (op->op != SETOP_EXCEPT)
			hg_lineage_setop_column(scope, op->rarg, column, outer, set);
		node = op->larg;
	}
	if (node == NULL || !IsA(node, RangeTblRef))
		return;
	arm = hg_lineage_scope_child(scope, ((RangeTblRef *) node)->rtindex);
	if (arm != NULL)
		hg_lineage_set_merge(set, hg_lineage_output(arm, column), outer);
}

/*
 * What an SQL function's statement was before its columns got the types that
 * the function returns.  Written casts look otherwise, and casts that the
 * parser adds are not the outermost of a column.
 */
static Expr *
before_return(Expr *expr)
{
	for (;;)
	{
		Expr	   *arg = NULL;
		CoercionForm form = COERCE_EXPLICIT_CALL;

		switch (nodeTag(expr))
		{
			case T_FuncExpr:
				if (((FuncExpr *) expr)->args != NIL)
					arg = linitial(((FuncExpr *) expr)->args);
				form = ((FuncExpr *) expr)->funcformat;
				break;
			case T_RelabelType:
				arg = ((RelabelType *) expr)->arg;
				form = ((RelabelType *) expr)->relabelformat;
				break;
			case T_CoerceViaIO:
				arg = ((CoerceViaIO *) expr)->arg;
				form = ((CoerceViaIO *) expr)->coerceformat;
				break;
			case T_ArrayCoerceExpr:
				arg = ((ArrayCoerceExpr *) expr)->arg;
				form = ((ArrayCoerceExpr *) expr)->coerceformat;
				break;
			case T_ConvertRowtypeExpr:
				arg = ((ConvertRowtypeExpr *) expr)->arg;
				form = ((ConvertRowtypeExpr *) expr)->convertformat;
				break;
			case T_CoerceToDomain:
				arg = ((CoerceToDomain *) expr)->arg;
				form = ((CoerceToDomain *) expr)->coercionformat;
				break;
			default:
				break;
		}
		if (arg == NULL || form != COERCE_IMPLICIT_CAST)
			return expr;
		expr = arg;
	}
}

const LinMap *
hg_lineage_output(LinScope *scope, int column)
{
	Query	   *query = scope->query;
	LinMemo    *memo;
	LinMap	   *set;

	if (query == NULL || column < 1 || column > scope->noutputs)
		return &hg_lineage_empty_set;
	if (scope->outputs == NULL)
		scope->outputs = MemoryContextAllocZero(scope->run->context,
												sizeof(LinMemo) *
												scope->noutputs);
	memo = &scope->outputs[column - 1];
	if (memo->busy)
		return &hg_lineage_empty_set;
	if (hg_lineage_memo_valid(memo, scope))
		return memo->set;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	memo->busy = true;
	set = hg_lineage_map_create(scope->run->context);
	if (query->commandType == CMD_SELECT && query->setOperations != NULL)
		hg_lineage_setop_column(scope, query->setOperations, column,
								LIN_IDENTITY, set);
	else
	{
		TargetEntry *tle;

		tle = find_output(query->commandType == CMD_SELECT ?
						  query->targetList : query->returningList, column);
		if (tle != NULL)
			hg_lineage_expr(scope, scope == scope->run->top &&
							scope->run->facts->is_result ?
							(Node *) before_return(tle->expr) :
							(Node *) tle->expr, LIN_IDENTITY, set);
	}
	memo->set = set;
	memo->version = hg_lineage_scope_version(scope);
	memo->busy = false;
	return set;
}

/* All output columns together, junk excepted. */
void
hg_lineage_all_outputs(LinScope *scope, LinMask outer, LinMap *set)
{
	for (int i = 1; i <= scope->noutputs; i++)
		hg_lineage_set_merge(set, hg_lineage_output(scope, i), outer);
}

/*
 * Find the columns of a recursive WITH query: start with empty sets and let
 * a reference to the query itself stand for what was found so far, until a
 * round adds nothing.
 */
void
hg_lineage_cte_fixpoint(LinScope *owner, LinCte *cte)
{
	LinScope   *scope = hg_lineage_scope_cte(owner, cte);
	MemoryContext context = owner->run->context;
	bool		grew = true;

	if (cte->running || scope == NULL ||
		(cte->done && cte->version == hg_lineage_scope_version(owner)))
		return;
	cte->columns = MemoryContextAllocZero(context,
										  sizeof(LinMap *) *
										  Max(cte->ncolumns, 1));
	for (int i = 0; i < cte->ncolumns; i++)
		cte->columns[i] = hg_lineage_map_create(context);
	cte->running = true;
	while (grew)
	{
		grew = false;
		cte->rec.iteration++;
		for (int i = 0; i < cte->ncolumns; i++)
		{
			if (hg_lineage_set_merge(cte->columns[i],
									 hg_lineage_output(scope, i + 1),
									 LIN_IDENTITY))
				grew = true;
		}
	}
	cte->running = false;
	cte->done = true;
	cte->version = hg_lineage_scope_version(owner);
}

static void cte_column(LinScope *owner, LinCte *cte, int column,
					   LinMask outer, LinMap *set);

/* The columns of a WITH query named in a SEARCH or CYCLE clause. */
static void
cte_named_columns(LinScope *owner, LinCte *cte, List *names, LinMask outer,
				  LinMap *set)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		ListCell   *lc2;
		int			column = 0;

		foreach(lc2, cte->cte->ctecolnames)
		{
			column++;
			if (column <= cte->ncolumns &&
				strcmp(strVal(lfirst(lc)), strVal(lfirst(lc2))) == 0)
				cte_column(owner, cte, column, outer, set);
		}
	}
}

/* Sources of one column of a WITH query, seen from a reference to it. */
static void
cte_column(LinScope *owner, LinCte *cte, int column, LinMask outer,
		   LinMap *set)
{
	LinScope   *scope = hg_lineage_scope_cte(owner, cte);
	CTESearchClause *search = cte->cte->search_clause;
	CTECycleClause *cycle = cte->cte->cycle_clause;

	if (scope == NULL || column < 1)
		return;
	if (column <= cte->ncolumns)
	{
		if (cte->cte->cterecursive)
		{
			hg_lineage_cte_fixpoint(owner, cte);
			hg_lineage_set_merge(set, cte->columns[column - 1], outer);
		}
		else
			hg_lineage_set_merge(set, hg_lineage_output(scope, column),
								 outer);
		return;
	}
	/* Then come, in this order: search sequence, cycle mark, cycle path. */
	column -= cte->ncolumns;
	if (search != NULL)
	{
		if (column == 1)
			cte_named_columns(owner, cte, search->search_col_list,
							  hg_lineage_merge(outer, LIN_TRANSFORMATION),
							  set);
		column--;
	}
	if (cycle != NULL && (column == 1 || column == 2))
		cte_named_columns(owner, cte, cycle->cycle_col_list,
						  hg_lineage_merge(outer, column == 1 ?
										   LIN_CONDITIONAL :
										   LIN_TRANSFORMATION),
						  set);
}

static void
cte_var(LinScope *scope, RangeTblEntry *rte, int attno, LinMask outer,
		LinMap *set)
{
	LinScope   *owner;
	LinCte	   *cte = hg_lineage_find_cte(scope, rte, &owner);
	int			first = attno;
	int			last = attno;

	if (cte == NULL)
		return;
	if (attno == InvalidAttrNumber)
	{
		first = 1;
		last = list_length(rte->eref->colnames);
	}

	/* Inside the query itself only the rewriter uses the added columns. */
	if (rte->self_reference)
		last = Min(last, cte->ncolumns);
	for (int i = first; i <= last; i++)
		cte_column(owner, cte, i, outer, set);
}

static void
function_column(LinScope *scope, RangeTblEntry *rte, int attno,
				LinMask outer, LinMap *set)
{
	ListCell   *lc;
	int			before = 0;

	outer = hg_lineage_merge(outer, LIN_TRANSFORMATION);
	foreach(lc, rte->functions)
	{
		RangeTblFunction *function = (RangeTblFunction *) lfirst(lc);

		if (attno == InvalidAttrNumber ||
			(attno > before && attno <= before + function->funccolcount))
			hg_lineage_expr(scope, function->funcexpr, outer, set);
		before += function->funccolcount;
	}
}

static void
values_column(LinScope *scope, RangeTblEntry *rte, int attno, LinMask outer,
			  LinMap *set)
{
	ListCell   *lc;

	foreach(lc, rte->values_lists)
	{
		List	   *row = (List *) lfirst(lc);

		if (attno == InvalidAttrNumber)
			hg_lineage_expr(scope, (Node *) row, outer, set);
		else if (attno <= list_length(row))
		{
			Node	   *value = (Node *) list_nth(row, attno - 1);

			if (!IsA(value, Const))
				hg_lineage_expr(scope, value, outer, set);
		}
	}
}

/* XMLTABLE and JSON_TABLE: the document feeds every column but ordinality. */
static void
tablefunc_column(LinScope *scope, RangeTblEntry *rte, int attno,
				 LinMask outer, LinMap *set)
{
	TableFunc  *tf = rte->tablefunc;
	List	   *values[3];

	outer = hg_lineage_merge(outer, LIN_TRANSFORMATION);
	if (tf == NULL || (attno > 0 && attno == tf->ordinalitycol + 1))
		return;
	values[0] = tf->colexprs;
	values[1] = tf->coldefexprs;
	values[2] = NIL;
#if PG_VERSION_NUM >= 170000
	if (tf->functype == TFT_JSON_TABLE)
	{
		if (attno > 0 && attno <= list_length(tf->colvalexprs) &&
			list_nth(tf->colvalexprs, attno - 1) == NULL)
			return;
		values[2] = tf->colvalexprs;
		hg_lineage_expr(scope, (Node *) tf->passingvalexprs, outer, set);
	}
#endif
	hg_lineage_expr(scope, tf->docexpr, outer, set);
	hg_lineage_expr(scope, tf->rowexpr, outer, set);
	hg_lineage_expr(scope, (Node *) tf->ns_uris, outer, set);
	for (int i = 0; i < (int) lengthof(values); i++)
	{
		if (attno == InvalidAttrNumber)
			hg_lineage_expr(scope, (Node *) values[i], outer, set);
		else if (attno > 0 && attno <= list_length(values[i]))
			hg_lineage_expr(scope, list_nth(values[i], attno - 1), outer,
							set);
	}
}

/* A column that is an expression list's element; attno 0: all of them. */
static void
list_column(LinScope *scope, List *exprs, int attno, LinMask outer,
			LinMap *set)
{
	if (attno == InvalidAttrNumber)
		hg_lineage_expr(scope, (Node *) exprs, outer, set);
	else if (attno > 0 && attno <= list_length(exprs))
		hg_lineage_expr(scope, list_nth(exprs, attno - 1), outer, set);
}

/*
 * Columns of joins, functions and the like are computed once; a plain Var
 * behind a join column is cheaper to follow than to remember.
 */
static void
computed_column(LinScope *scope, int rti, RangeTblEntry *rte, int attno,
				LinMask outer, LinMap *set)
{
	MemoryContext context = scope->run->context;
	int			n = rte->eref ? list_length(rte->eref->colnames) + 1 : 1;
	LinMemo    *memo;
	LinMap	   *own;

	if (attno < 0 || attno >= n)
		return;
	if (rte->rtekind == RTE_JOIN && attno > 0 &&
		attno <= list_length(rte->joinaliasvars))
	{
		Node	   *alias = (Node *) list_nth(rte->joinaliasvars, attno - 1);

		if (alias == NULL || IsA(alias, Var))
		{
			hg_lineage_expr(scope, alias, outer, set);
			return;
		}
	}
	if (scope->columns == NULL)
		scope->columns = MemoryContextAllocZero(context,
												sizeof(LinMemo *) *
												scope->nrtes);
	if (scope->columns[rti - 1] == NULL)
		scope->columns[rti - 1] = MemoryContextAllocZero(context,
														 sizeof(LinMemo) * n);
	memo = &scope->columns[rti - 1][attno];
	if (!hg_lineage_memo_valid(memo, scope))
	{
		own = hg_lineage_map_create(context);
		switch (rte->rtekind)
		{
			case RTE_JOIN:
				list_column(scope, rte->joinaliasvars, attno, LIN_IDENTITY,
							own);
				break;
			case RTE_FUNCTION:
				function_column(scope, rte, attno, LIN_IDENTITY, own);
				break;
			case RTE_VALUES:
				values_column(scope, rte, attno, LIN_IDENTITY, own);
				break;
			case RTE_TABLEFUNC:
				tablefunc_column(scope, rte, attno, LIN_IDENTITY, own);
				break;
#if PG_VERSION_NUM >= 180000
			case RTE_GROUP:
				list_column(scope, rte->groupexprs, attno, LIN_IDENTITY, own);
				break;
#endif
			default:
				break;
		}
		memo->set = own;
		memo->version = hg_lineage_scope_version(scope);
	}
	hg_lineage_set_merge(set, memo->set, outer);
}

/*
 * A column of a base relation, or all of them; or of a transition table, which
 * is no dataset but has rows of one.
 */
static void
base_column(LinScope *scope, RangeTblEntry *rte, int attno, LinMask outer,
			LinMap *set)
{
	LinRel	   *rel = hg_lineage_rel(scope->run, rte->relid);
	int			first = attno != InvalidAttrNumber ? attno : 1;
	int			last = attno != InvalidAttrNumber ? attno : rel->natts;

	for (int i = first; i <= last; i++)
	{
		if (rte->rtekind == RTE_NAMEDTUPLESTORE)
			hg_lineage_add_transition(scope->run, set, rel, i, outer);
		else
			hg_lineage_add_source(scope->run, set, rel, i, outer);
	}
}

/* EXCLUDED.c: what the INSERT part supplies for c. */
static void
excluded_column(LinScope *scope, int attno, LinMask outer, LinMap *set)
{
	ListCell   *lc;

	foreach(lc, scope->query->targetList)
	{
		TargetEntry *tle = (TargetEntry *) lfirst(lc);

		if (!tle->resjunk && (attno == InvalidAttrNumber ||
							  tle->resno == attno))
			hg_lineage_expr(scope, (Node *) tle->expr, outer, set);
	}
}

/* A Var of a generation expression. */
static void
generated_column(LinScope *scope, int attno, LinMask outer, LinMap *set)
{
	if (attno == InvalidAttrNumber)
	{
		outer = hg_lineage_merge(outer, LIN_TRANSFORMATION);
		for (int i = 1; i <= scope->nassigned; i++)
			generated_column(scope, i, outer, set);
	}
	else if (attno > 0 && attno <= scope->nassigned &&
			 scope->assigned[attno - 1] != NULL)
		hg_lineage_set_merge(set, scope->assigned[attno - 1], outer);
	else if (scope->keep_old)
		hg_lineage_add_source(scope->run, set, scope->generated_rel, attno,
							  outer);
}

void
hg_lineage_var(LinScope *scope, Var *var, LinMask outer, LinMap *set)
{
	RangeTblEntry *rte;
	LinScope   *child;
	Query	   *query;
	int			attno = var->varattno;

	for (Index up = 0; up < var->varlevelsup; up++)
	{
		scope = scope->parent;
		if (scope == NULL)
			return;
	}
	if (scope->query == NULL)
	{
		generated_column(scope, attno, outer, set);
		return;
	}
	query = scope->query;
	rte = hg_lineage_rte(scope, var->varno);
	if (rte == NULL)
		return;
	if (attno == InvalidAttrNumber)
		outer = hg_lineage_merge(outer, LIN_TRANSFORMATION);

	if (query->onConflict != NULL &&
		query->onConflict->exclRelIndex == var->varno)
	{
		excluded_column(scope, attno, outer, set);
		return;
	}
	if (var->varno == scope->result_copy && scope->result_copy != 0)
		rte = hg_lineage_rte(scope, query->resultRelation);
	switch (rte->rtekind)
	{
		case RTE_RELATION:
		case RTE_SUBQUERY:
			child = hg_lineage_scope_child(scope, var->varno);
			if (child != NULL && attno == InvalidAttrNumber)
				hg_lineage_all_outputs(child, outer, set);
			else if (child != NULL)
				hg_lineage_set_merge(set, hg_lineage_output(child, attno),
									 outer);
			else if (rte->rtekind == RTE_RELATION)
				base_column(scope, rte, attno, outer, set);
			break;
		case RTE_CTE:
			cte_var(scope, rte, attno, outer, set);
			break;
		case RTE_NAMEDTUPLESTORE:
			/* a transition table has the columns of the trigger's table */
			if (OidIsValid(rte->relid))
				base_column(scope, rte, attno, outer, set);
			break;
		case RTE_RESULT:
			break;
		default:
			computed_column(scope, var->varno, rte, attno, outer, set);
			break;
	}
}
