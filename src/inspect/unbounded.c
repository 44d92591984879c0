/*-------------------------------------------------------------------------
 *
 * unbounded.c
 *	  Does the structure of an UPDATE, DELETE or MERGE restrict its rows?
 *
 * The question is asked of each conjunct: can it be anything but true for
 * some row of the target, while the rest of the world stands still?  The
 * answer is a set of outcomes (true, false, null), computed by walking the
 * expression with what the catalog promises: NOT NULL columns, CHECK
 * constraints, partition bounds.  A statement is unbounded when every
 * conjunct's set is {true}.
 *
 * Two things a reader would get wrong.  A condition that does not mention
 * the target ("EXISTS (SELECT 1)", "p.id = 7", "$1") counts as true: it lets
 * through all rows or none, and all is what must not happen.  And a relation
 * joined to the target on the same column of the same table is the target by
 * another name, so conditions on it do count.
 *
 * Only built-in immutable functions are evaluated here, never a user's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/partition.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "inspect/facts_util.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Sets of outcomes of a boolean expression. */
#define CAN_TRUE	1
#define CAN_FALSE	2
#define CAN_NULL	4
#define CAN_ANY		(CAN_TRUE | CAN_FALSE | CAN_NULL)

/* A chain of queries, innermost first. */
typedef struct Scope
{
	Query	   *query;
	struct Scope *outer;
} Scope;

/* Whose rows are asked about: range table indexes of scope->query. */
typedef struct Target
{
	Scope	   *scope;
	Bitmapset  *varnos;
	Oid			relid;
} Target;

/* No tree that a person wrote is deeper; beyond it all is taken as true. */
#define MAX_NESTING 64

static int	nesting = 0;

static int	outcomes(Node *node, Target *target);
static bool query_keeps_all(Scope *scope, int varno);

/* ---- constants --------------------------------------------------------- */

static bool
not_builtin(Oid funcid, void *context)
{
	return funcid >= FirstNormalObjectId ||
		func_volatile(funcid) != PROVOLATILE_IMMUTABLE;
}

/* True (stops the walk) at the first thing that must not be evaluated. */
static bool
not_foldable_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Const:
		case T_FuncExpr:
		case T_NamedArgExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_BoolExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_RelabelType:
		case T_CollateExpr:
		case T_ArrayExpr:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CaseTestExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_List:
			break;
		case T_CoerceViaIO:
			if (((CoerceViaIO *) node)->resulttype >= FirstNormalObjectId)
				return true;
			break;
		default:
			return true;
	}
	if (check_functions_in_node(node, not_builtin, NULL))
		return true;
	return expression_tree_walker(node, not_foldable_walker, context);
}

Const *
hg_fold_constant(Node *node)
{
	Expr	   *result;

	if (node == NULL)
		return NULL;
	if (IsA(node, Const))
		return (Const *) node;
	if (not_foldable_walker(node, NULL))
		return NULL;
	result = (Expr *) eval_const_expressions(NULL, node);
	return IsA(result, Const) ? (Const *) result : NULL;
}

/* ---- what refers to the target ----------------------------------------- */

typedef struct RefersState
{
	Bitmapset  *varnos;
	Index		level;
} RefersState;

static bool
refers_walker(Node *node, RefersState *state)
{
	bool		result;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		return var->varlevelsup == state->level &&
			bms_is_member(var->varno, state->varnos);
	}
	if (IsA(node, CurrentOfExpr))
		return true;
	if (IsA(node, Query))
	{
		state->level++;
		result = query_tree_walker((Query *) node, refers_walker, state, 0);
		state->level--;
		return result;
	}
	return expression_tree_walker(node, refers_walker, state);
}

static bool
refers_to(Node *node, Target *target)
{
	RefersState state;

	state.varnos = target->varnos;
	state.level = 0;
	return refers_walker(node, &state);
}

/* ---- columns ----------------------------------------------------------- */

static Node *
strip(Node *node)
{
	while (node != NULL)
	{
		if (IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, CollateExpr))
			node = (Node *) ((CollateExpr *) node)->arg;
		else if (IsA(node, SubLink) &&
				 ((SubLink *) node)->subLinkType == EXPR_SUBLINK)
		{
			/* (SELECT expression) without FROM is the expression */
			Query	   *sub = (Query *) ((SubLink *) node)->subselect;

			if (!IsA(sub, Query) || sub->commandType != CMD_SELECT ||
				sub->jointree == NULL || sub->jointree->fromlist != NIL ||
				sub->jointree->quals != NULL || sub->cteList != NIL ||
				sub->setOperations != NULL || sub->hasAggs ||
				sub->hasTargetSRFs || sub->limitCount != NULL ||
				sub->limitOffset != NULL || sub->havingQual != NULL ||
				sub->groupClause != NIL || sub->groupingSets != NIL ||
				list_length(sub->targetList) != 1)
				return node;
			node = copyObject((Node *) ((TargetEntry *)
										linitial(sub->targetList))->expr);
			IncrementVarSublevelsUp(node, -1, 1);
		}
		else
			break;
	}
	return node;
}

/*
 * Follow a column of the range table of `scope` down to a table's column.
 * False when there is none, or when some of the table's rows may be missing
 * on the way.
 */
static bool
resolve(Scope *scope, Node *node, Oid *relid, AttrNumber *attno)
{
	Var		   *var;
	RangeTblEntry *rte;
	bool		result = false;

	node = strip(node);
	if (node == NULL || !IsA(node, Var) || nesting >= MAX_NESTING)
		return false;
	var = (Var *) node;
	for (Index i = 0; i < var->varlevelsup && scope != NULL; i++)
		scope = scope->outer;
	if (scope == NULL || var->varno <= 0 ||
		var->varno > list_length(scope->query->rtable))
		return false;
	rte = rt_fetch(var->varno, scope->query->rtable);

	nesting++;
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			if (rte->tablesample == NULL)
			{
				*relid = rte->relid;
				*attno = var->varattno;
				result = true;
			}
			break;
		case RTE_JOIN:
			if (var->varattno > 0 &&
				var->varattno <= list_length(rte->joinaliasvars))
				result = resolve(scope, (Node *) list_nth(rte->joinaliasvars,
														  var->varattno - 1),
								 relid, attno);
			break;
#if PG_VERSION_NUM >= 180000
		case RTE_GROUP:
			if (var->varattno > 0 &&
				var->varattno <= list_length(rte->groupexprs))
				result = resolve(scope, (Node *) list_nth(rte->groupexprs,
														  var->varattno - 1),
								 relid, attno);
			break;
#endif
		case RTE_SUBQUERY:
		case RTE_CTE:
			{
				Query	   *sub = NULL;
				Scope	   *outer = scope;
				Scope		inner;
				TargetEntry *tle;
				Node	   *expr;

				if (rte->rtekind == RTE_SUBQUERY)
					sub = rte->subquery;
				else if (!rte->self_reference)
				{
					ListCell   *lc;

					for (Index i = 0; i < rte->ctelevelsup && outer != NULL; i++)
						outer = outer->outer;
					if (outer == NULL)
						break;
					foreach(lc, outer->query->cteList)
					{
						CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

						if (strcmp(cte->ctename, rte->ctename) == 0 &&
							!cte->cterecursive)
							sub = (Query *) cte->ctequery;
					}
				}
				if (sub == NULL || !IsA(sub, Query) ||
					sub->commandType != CMD_SELECT ||
					var->varattno <= 0 ||
					var->varattno > list_length(sub->targetList))
					break;
				tle = (TargetEntry *) list_nth(sub->targetList,
											   var->varattno - 1);
				expr = strip((Node *) tle->expr);
				if (expr == NULL || !IsA(expr, Var) ||
					((Var *) expr)->varlevelsup != 0)
					break;
				inner.query = sub;
				inner.outer = outer;
				if (query_keeps_all(&inner, ((Var *) expr)->varno))
					result = resolve(&inner, expr, relid, attno);
			}
			break;
		default:
			break;
	}
	nesting--;
	return result;
}

/* The same column of the same table, or of a partitioned parent of it? */
static bool
covers(Oid relid, AttrNumber attno, Oid target, AttrNumber target_attno)
{
	char	   *name;
	char	   *target_name;

	if (relid == target)
		return attno == target_attno;
	if (!get_rel_relispartition(target) ||
		!list_member_oid(get_partition_ancestors(target), relid))
		return false;
	name = get_attname(relid, attno, true);
	target_name = get_attname(target, target_attno, true);
	return name != NULL && target_name != NULL &&
		strcmp(name, target_name) == 0;
}

/*
 * `mine` is a column of the target and `other` the same column of all rows
 * of the same table.
 */
static bool
same_rows(Target *target, Node *mine, Scope *other_scope, Node *other)
{
	Oid			relid;
	AttrNumber	attno;
	Oid			other_relid;
	AttrNumber	other_attno;

	mine = strip(mine);
	if (mine == NULL || !IsA(mine, Var) || ((Var *) mine)->varlevelsup != 0 ||
		!bms_is_member(((Var *) mine)->varno, target->varnos))
		return false;
	if (!resolve(target->scope, mine, &relid, &attno) ||
		relid != target->relid ||
		!resolve(other_scope, other, &other_relid, &other_attno))
		return false;
	return covers(other_relid, other_attno, relid, attno);
}

static bool
column_not_null(Oid relid, AttrNumber attno)
{
	HeapTuple	tuple;
	bool		result = false;

	if (attno < 0)
		return true;
	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
							Int16GetDatum(attno));
	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;
		ReleaseSysCache(tuple);
	}
	return result;
}

/* Columns of a relation that are NOT NULL: any (all = false), or each? */
static bool
row_not_null(Oid relid, bool all)
{
	HeapTuple	tuple;
	int			natts;
	int			live = 0;
	int			notnull = 0;

	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		return false;
	natts = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
	ReleaseSysCache(tuple);
	for (int i = 1; i <= natts; i++)
	{
		if (get_attname(relid, i, true) == NULL)
			continue;			/* dropped */
		live++;
		if (column_not_null(relid, i))
			notnull++;
	}
	return all ? live > 0 && notnull == live : notnull > 0;
}

/* Is the operator built in, strict, and of one of these names? */
static bool
operator_named(Oid opno, Oid opfuncid, const char *const *names)
{
	char	   *name;

	if (!OidIsValid(opfuncid))
		opfuncid = get_opcode(opno);
	if (opno >= FirstNormalObjectId || !func_strict(opfuncid))
		return false;
	name = get_opname(opno);
	if (name == NULL)
		return false;
	for (; *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

static bool
is_equality(Oid opno)
{
	char	   *name = get_opname(opno);

	return name != NULL && strcmp(name, "=") == 0;
}

static bool
never_null(Node *node, Target *target)
{
	static const char *const total_operators[] = {
		"+", "-", "*", "%", "||", "=", "<>", "<", ">", "<=", ">=",
		"~~", "!~~", "~~*", "!~~*", "~", "!~", "~*", "!~*", NULL
	};
	ListCell   *lc;

	node = strip(node);
	if (node == NULL)
		return false;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_Const:
			return !((Const *) node)->constisnull;
		case T_Var:
			{
				Oid			relid;
				AttrNumber	attno;

				if (((Var *) node)->varlevelsup != 0 ||
					!bms_is_member(((Var *) node)->varno, target->varnos) ||
					!resolve(target->scope, node, &relid, &attno))
					return false;
				return attno != 0 && column_not_null(relid, attno);
			}
		case T_CoerceViaIO:
			return never_null((Node *) ((CoerceViaIO *) node)->arg, target);
		case T_CoalesceExpr:
			foreach(lc, ((CoalesceExpr *) node)->args)
				if (never_null((Node *) lfirst(lc), target))
					return true;
			return false;
		case T_NullTest:
		case T_BooleanTest:
		case T_DistinctExpr:
			return true;
		case T_OpExpr:
			{
				OpExpr	   *op = (OpExpr *) node;

				if (!operator_named(op->opno, op->opfuncid, total_operators))
					return false;
				foreach(lc, op->args)
					if (!never_null((Node *) lfirst(lc), target))
						return false;
				return true;
			}
		case T_FuncExpr:
			{
				/* casts between built-in types; others may give NULL */
				FuncExpr   *func = (FuncExpr *) node;

				return func->funcid < FirstNormalObjectId &&
					(func->funcformat == COERCE_EXPLICIT_CAST ||
					 func->funcformat == COERCE_IMPLICIT_CAST) &&
					func_strict(func->funcid) && func->args != NIL &&
					never_null((Node *) linitial(func->args), target);
			}
		default:
			return false;
	}
}

/*
 * A boolean column of which statistics have seen nothing but true: "WHERE
 * active" on it is no restriction, however small the table.
 */
static bool
only_true(Node *node, Target *target)
{
	Oid			relid;
	AttrNumber	attno;
	HeapTuple	tuple;
	AttStatsSlot slot;
	bool		result = false;

	if (!resolve(target->scope, node, &relid, &attno) || attno <= 0 ||
		exprType(node) != BOOLOID)
		return false;
	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid),
							Int16GetDatum(attno), BoolGetDatum(false));
	if (!HeapTupleIsValid(tuple))
		return false;
	if (((Form_pg_statistic) GETSTRUCT(tuple))->stanullfrac == 0 &&
		get_attstatsslot(&slot, tuple, STATISTIC_KIND_MCV, InvalidOid,
						 ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
	{
		result = slot.nvalues == 1 && slot.nnumbers == 1 &&
			DatumGetBool(slot.values[0]) && slot.numbers[0] >= 0.999;
		free_attstatsslot(&slot);
	}
	ReleaseSysCache(tuple);
	return result;
}

/* ---- outcomes ---------------------------------------------------------- */

static int
negate(int set)
{
	return (set & CAN_NULL) |
		((set & CAN_TRUE) ? CAN_FALSE : 0) |
		((set & CAN_FALSE) ? CAN_TRUE : 0);
}

static int
combine_and(int a, int b)
{
	int			result = 0;

	if ((a & CAN_TRUE) && (b & CAN_TRUE))
		result |= CAN_TRUE;
	if ((a | b) & CAN_FALSE)
		result |= CAN_FALSE;
	if (((a & CAN_NULL) && (b & (CAN_TRUE | CAN_NULL))) ||
		((b & CAN_NULL) && (a & (CAN_TRUE | CAN_NULL))))
		result |= CAN_NULL;
	return result;
}

/* Is b the opposite of a, as "x = 1" and "x <> 1" or "x" and "NOT x"? */
static bool
opposites(Node *a, Node *b)
{
	if (IsA(a, BoolExpr) && ((BoolExpr *) a)->boolop == NOT_EXPR)
		return equal(linitial(((BoolExpr *) a)->args), b);
	if (IsA(b, BoolExpr) && ((BoolExpr *) b)->boolop == NOT_EXPR)
		return equal(linitial(((BoolExpr *) b)->args), a);
	if (IsA(a, OpExpr) && IsA(b, OpExpr))
		return get_negator(((OpExpr *) a)->opno) == ((OpExpr *) b)->opno &&
			equal(((OpExpr *) a)->args, ((OpExpr *) b)->args);
	if (IsA(a, NullTest) && IsA(b, NullTest))
		return ((NullTest *) a)->nulltesttype !=
			((NullTest *) b)->nulltesttype &&
			equal(((NullTest *) a)->arg, ((NullTest *) b)->arg);
	return false;
}

static int
outcomes_bool(BoolExpr *expr, Target *target)
{
	int			result;
	ListCell   *lc;
	ListCell   *lc2;

	switch (expr->boolop)
	{
		case NOT_EXPR:
			return negate(outcomes((Node *) linitial(expr->args), target));
		case AND_EXPR:
			result = CAN_TRUE;
			foreach(lc, expr->args)
			{
				result = combine_and(result,
									 outcomes((Node *) lfirst(lc), target));
				if (result == CAN_FALSE)
					break;
			}
			return result;
		case OR_EXPR:
			foreach(lc, expr->args)
			{
				for_each_cell(lc2, expr->args, lnext(expr->args, lc))
					if (opposites((Node *) lfirst(lc), (Node *) lfirst(lc2)))
						return CAN_TRUE;
			}
			result = CAN_FALSE;
			foreach(lc, expr->args)
			{
				result = negate(combine_and(negate(result),
											negate(outcomes((Node *) lfirst(lc),
															target))));
				if (result == CAN_TRUE)
					break;
			}
			return result;
	}
	return CAN_ANY;
}

static int
outcomes_nulltest(NullTest *test, Target *target)
{
	Node	   *arg = strip((Node *) test->arg);
	int			is_null = CAN_TRUE | CAN_FALSE;

	if (arg != NULL && IsA(arg, Var) && ((Var *) arg)->varattno == 0)
	{
		/* a row IS NOT NULL when all its columns are, IS NULL when none is */
		Oid			relid;
		AttrNumber	attno;

		if (resolve(target->scope, arg, &relid, &attno) &&
			row_not_null(relid, test->nulltesttype == IS_NOT_NULL))
			return test->nulltesttype == IS_NOT_NULL ? CAN_TRUE : CAN_FALSE;
		return CAN_TRUE | CAN_FALSE;
	}
	if (!test->argisrow)
	{
		if (never_null(arg, target))
			is_null = CAN_FALSE;
		else if (arg != NULL && exprType(arg) == BOOLOID)
		{
			int			set = outcomes(arg, target);

			if (!(set & CAN_NULL))
				is_null = CAN_FALSE;
			else if (set == CAN_NULL)
				is_null = CAN_TRUE;
		}
	}
	return test->nulltesttype == IS_NULL ? is_null : negate(is_null);
}

static int
outcomes_booltest(BooleanTest *test, Target *target)
{
	int			set = outcomes((Node *) test->arg, target);
	int			wanted;
	int			result = 0;

	switch (test->booltesttype)
	{
		case IS_TRUE:
			wanted = CAN_TRUE;
			break;
		case IS_NOT_TRUE:
			wanted = CAN_FALSE | CAN_NULL;
			break;
		case IS_FALSE:
			wanted = CAN_FALSE;
			break;
		case IS_NOT_FALSE:
			wanted = CAN_TRUE | CAN_NULL;
			break;
		case IS_UNKNOWN:
			wanted = CAN_NULL;
			break;
		case IS_NOT_UNKNOWN:
			wanted = CAN_TRUE | CAN_FALSE;
			break;
		default:
			return CAN_TRUE | CAN_FALSE;
	}
	if (set & wanted)
		result |= CAN_TRUE;
	if (set & ~wanted)
		result |= CAN_FALSE;
	return result;
}

static int
outcomes_op(OpExpr *op, Target *target)
{
	static const char *const reflexive[] = {"=", "<=", ">=", NULL};
	static const char *const irreflexive[] = {"<>", "<", ">", NULL};
	int			result = CAN_ANY;
	Node	   *left;
	Node	   *right;

	if (never_null((Node *) op, target))
		result &= ~CAN_NULL;
	if (list_length(op->args) != 2)
		return result;
	left = strip((Node *) linitial(op->args));
	right = strip((Node *) lsecond(op->args));

	if (equal(left, right) && !contain_volatile_functions(left))
	{
		if (operator_named(op->opno, op->opfuncid, reflexive))
			return CAN_TRUE;
		if (operator_named(op->opno, op->opfuncid, irreflexive))
			return (result & CAN_NULL) | CAN_FALSE;
	}
	if (operator_named(op->opno, op->opfuncid, reflexive) &&
		(same_rows(target, left, target->scope, right) ||
		 same_rows(target, right, target->scope, left)))
		return CAN_TRUE;
	return result;
}

/* Does a subquery's first column hold that column of every row of the target? */
static bool
subquery_has_all(Target *target, Node *mine, Query *sub)
{
	Scope		inner;
	Node	   *expr;

	if (!IsA(sub, Query) || sub->commandType != CMD_SELECT ||
		sub->targetList == NIL)
		return false;
	expr = strip((Node *) ((TargetEntry *) linitial(sub->targetList))->expr);
	if (expr == NULL || !IsA(expr, Var) || ((Var *) expr)->varlevelsup != 0)
		return false;
	inner.query = sub;
	inner.outer = target->scope;
	return query_keeps_all(&inner, ((Var *) expr)->varno) &&
		same_rows(target, mine, &inner, expr);
}

/* Conjuncts of a jointree that filter its result; outer joins' do not. */
static List *
conjuncts_of(Node *node, List *result)
{
	ListCell   *lc;

	if (node == NULL)
		return result;
	check_stack_depth();
	if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;

		foreach(lc, from->fromlist)
			result = conjuncts_of((Node *) lfirst(lc), result);
		return list_concat(result,
						   list_copy(make_ands_implicit((Expr *) from->quals)));
	}
	if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		if (join->jointype == JOIN_INNER)
		{
			result = conjuncts_of(join->larg, result);
			result = conjuncts_of(join->rarg, result);
			return list_concat(result,
							   list_copy(make_ands_implicit((Expr *) join->quals)));
		}
		if (join->jointype == JOIN_LEFT)
			return conjuncts_of(join->larg, result);
		if (join->jointype == JOIN_RIGHT)
			return conjuncts_of(join->rarg, result);
	}
	return result;
}

/* Flatten nested ANDs, so that links inside them are seen. */
static List *
flatten_ands(List *conjuncts)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, conjuncts)
	{
		Node	   *node = (Node *) lfirst(lc);

		if (IsA(node, BoolExpr) && ((BoolExpr *) node)->boolop == AND_EXPR)
			result = list_concat(result,
								 flatten_ands(((BoolExpr *) node)->args));
		else
			result = lappend(result, node);
	}
	return result;
}

/*
 * Range table entries that are the target by another name: joined to it by
 * equality on the same column of the same table.
 */
static void
add_links(Target *target, List *conjuncts)
{
	bool		again = true;

	while (again)
	{
		ListCell   *lc;

		again = false;
		foreach(lc, conjuncts)
		{
			OpExpr	   *op = (OpExpr *) lfirst(lc);

			if (!IsA(op, OpExpr) || list_length(op->args) != 2 ||
				!is_equality(op->opno))
				continue;
			for (int side = 0; side < 2; side++)
			{
				Node	   *mine = strip((Node *) list_nth(op->args, side));
				Node	   *other = strip((Node *) list_nth(op->args, 1 - side));

				if (other == NULL || !IsA(other, Var) ||
					((Var *) other)->varlevelsup != 0 ||
					mine == NULL || !IsA(mine, Var) ||
					((Var *) mine)->varlevelsup != 0 ||
					bms_is_member(((Var *) other)->varno, target->varnos))
					continue;
				if (same_rows(target, mine, target->scope, other))
				{
					target->varnos = bms_add_member(target->varnos,
													((Var *) other)->varno);
					again = true;
				}
			}
		}
	}
}

/*
 * Does a query show every row of one of its range table entries, at least
 * once?  Needs no LIMIT, no set operation, no HAVING, no condition that can
 * fail for a row.
 */
static bool
query_keeps_all(Scope *scope, int varno)
{
	Query	   *query = scope->query;
	RangeTblEntry *rte;
	Target		target;
	List	   *conjuncts;
	ListCell   *lc;
	bool		result = true;

	if (query->limitCount != NULL || query->limitOffset != NULL ||
		query->setOperations != NULL || query->havingQual != NULL ||
		query->hasDistinctOn || query->hasTargetSRFs ||
		varno <= 0 || varno > list_length(query->rtable) ||
		nesting >= MAX_NESTING)
		return false;

	nesting++;
	rte = rt_fetch(varno, query->rtable);
	target.scope = scope;
	target.varnos = bms_make_singleton(varno);
	target.relid = rte->rtekind == RTE_RELATION ? rte->relid : InvalidOid;

	/*
	 * A join with another relation by an unrelated condition restricts; one
	 * without any condition does not, as long as the other is not empty.
	 */
	conjuncts = flatten_ands(conjuncts_of((Node *) query->jointree, NIL));
	foreach(lc, conjuncts)
	{
		Node	   *node = (Node *) lfirst(lc);

		/* here a condition on other relations may hide rows of theirs only */
		if (!refers_to(node, &target))
		{
			Const	   *value = hg_fold_constant(node);

			if (value != NULL &&
				(value->constisnull || !DatumGetBool(value->constvalue)))
				result = false;
			continue;
		}
		if (outcomes(node, &target) != CAN_TRUE)
			result = false;
	}
	nesting--;
	return result;
}

/*
 * EXISTS (SELECT ... FROM other WHERE other.id = target.id): true for every
 * row when `other` is the target's own table and nothing else is asked.
 */
static int
outcomes_exists(Query *sub, Target *target)
{
	List	   *conjuncts;
	ListCell   *lc;
	bool		linked = false;

	if (!IsA(sub, Query) || sub->commandType != CMD_SELECT ||
		sub->limitCount != NULL || sub->limitOffset != NULL ||
		sub->setOperations != NULL || sub->havingQual != NULL)
		return CAN_TRUE | CAN_FALSE;

	conjuncts = flatten_ands(conjuncts_of((Node *) sub->jointree, NIL));
	foreach(lc, conjuncts)
	{
		OpExpr	   *op = (OpExpr *) lfirst(lc);
		Scope		inner;
		bool		match = false;

		inner.query = sub;
		inner.outer = target->scope;
		if (IsA(op, OpExpr) && list_length(op->args) == 2 &&
			is_equality(op->opno))
		{
			for (int side = 0; side < 2 && !match; side++)
			{
				Node	   *mine = strip((Node *) list_nth(op->args, side));
				Node	   *other = strip((Node *) list_nth(op->args, 1 - side));

				if (mine == NULL || !IsA(mine, Var) ||
					((Var *) mine)->varlevelsup != 1 ||
					other == NULL || !IsA(other, Var) ||
					((Var *) other)->varlevelsup != 0)
					continue;
				mine = copyObject(mine);
				((Var *) mine)->varlevelsup = 0;
				match = same_rows(target, mine, &inner, other);
			}
		}
		if (!match)
			return CAN_TRUE | CAN_FALSE;
		if (linked)
			continue;
		linked = true;
	}
	return linked || sub->hasAggs ? CAN_TRUE : CAN_TRUE | CAN_FALSE;
}

static int
outcomes_sublink(SubLink *link, Target *target)
{
	OpExpr	   *test;

	switch (link->subLinkType)
	{
		case EXISTS_SUBLINK:
			return outcomes_exists((Query *) link->subselect, target);
		case ANY_SUBLINK:
			test = (OpExpr *) link->testexpr;
			if (test != NULL && IsA(test, OpExpr) &&
				list_length(test->args) == 2 && is_equality(test->opno) &&
				subquery_has_all(target, (Node *) linitial(test->args),
								 (Query *) link->subselect))
				return CAN_TRUE;
			return CAN_ANY;
		default:
			return CAN_ANY;
	}
}

static int
outcomes_case(CaseExpr *expr, Target *target)
{
	int			result = 0;
	ListCell   *lc;

	if (expr->arg != NULL)
		return CAN_ANY;
	foreach(lc, expr->args)
	{
		CaseWhen   *when = lfirst_node(CaseWhen, lc);
		int			set = outcomes((Node *) when->expr, target);

		if (set & CAN_TRUE)
			result |= outcomes((Node *) when->result, target);
		if (set == CAN_TRUE)
			return result;
	}
	if (expr->defresult == NULL)
		return result | CAN_NULL;
	return result | outcomes((Node *) expr->defresult, target);
}

/*
 * The outcomes of a boolean expression over the rows of the target.  An
 * expression that does not mention the target is constant over them and is
 * taken as true unless it folds to something else.
 */
static int
outcomes(Node *node, Target *target)
{
	node = strip(node);
	if (node == NULL)
		return CAN_TRUE;
	check_stack_depth();

	if (!refers_to(node, target))
	{
		Const	   *value = hg_fold_constant(node);

		if (value == NULL)
			return CAN_TRUE;
		if (value->constisnull)
			return CAN_NULL;
		return DatumGetBool(value->constvalue) ? CAN_TRUE : CAN_FALSE;
	}

	switch (nodeTag(node))
	{
		case T_Var:
			if (only_true(node, target))
				return CAN_TRUE;
			return never_null(node, target) ? CAN_TRUE | CAN_FALSE : CAN_ANY;
		case T_BoolExpr:
			return outcomes_bool((BoolExpr *) node, target);
		case T_NullTest:
			return outcomes_nulltest((NullTest *) node, target);
		case T_BooleanTest:
			return outcomes_booltest((BooleanTest *) node, target);
		case T_OpExpr:
			return outcomes_op((OpExpr *) node, target);
		case T_DistinctExpr:
			{
				DistinctExpr *expr = (DistinctExpr *) node;

				if (list_length(expr->args) == 2 &&
					equal(strip((Node *) linitial(expr->args)),
						  strip((Node *) lsecond(expr->args))) &&
					!contain_volatile_functions(node))
					return CAN_FALSE;
				return CAN_TRUE | CAN_FALSE;
			}
		case T_ScalarArrayOpExpr:
			{
				ScalarArrayOpExpr *expr = (ScalarArrayOpExpr *) node;
				SubLink    *link;

				if (!expr->useOr || list_length(expr->args) != 2 ||
					!is_equality(expr->opno))
					return CAN_ANY;
				link = (SubLink *) strip((Node *) lsecond(expr->args));
				if (link != NULL && IsA(link, SubLink) &&
					link->subLinkType == ARRAY_SUBLINK &&
					subquery_has_all(target, (Node *) linitial(expr->args),
									 (Query *) link->subselect))
					return CAN_TRUE;
				return CAN_ANY;
			}
		case T_SubLink:
			return outcomes_sublink((SubLink *) node, target);
		case T_CaseExpr:
			return outcomes_case((CaseExpr *) node, target);
		case T_CoalesceExpr:
			{
				ListCell   *lc;
				int			result = 0;

				foreach(lc, ((CoalesceExpr *) node)->args)
				{
					int			set = outcomes((Node *) lfirst(lc), target);

					result |= set & ~CAN_NULL;
					if (!(set & CAN_NULL))
						return result;
				}
				return result | CAN_NULL;
			}
		default:
			return CAN_ANY;
	}
}

/* ---- what the catalog promises ----------------------------------------- */

/*
 * Is a conjunct implied by the target's partition bounds or CHECK
 * constraints?  Only for conditions on the target alone that use built-in
 * functions, since proving may evaluate them.
 */
static bool
implied_by_constraints(Node *node, Target *target, int varno)
{
	Relation	rel;
	List	   *known = NIL;
	List	   *predicate;
	TupleConstr *constr;
	bool		result = false;
	List	   *vars;
	ListCell   *lc;

	if (contain_mutable_functions(node))
		return false;
	vars = pull_var_clause(node, 0);
	foreach(lc, vars)
	{
		Var		   *var = (Var *) lfirst(lc);

		if (!IsA(var, Var) || var->varno != varno || var->varlevelsup != 0)
			return false;
	}

	rel = table_open(target->relid, NoLock);
	if (rel->rd_rel->relispartition)
		known = list_copy(RelationGetPartitionQual(rel));
	constr = rel->rd_att->constr;
	if (constr != NULL)
	{
		for (int i = 0; i < constr->num_check; i++)
		{
			if (!constr->check[i].ccvalid)
				continue;
#if PG_VERSION_NUM >= 180000
			if (!constr->check[i].ccenforced)
				continue;
#endif
			known = list_concat(known,
								make_ands_implicit((Expr *)
												   stringToNode(constr->check[i].ccbin)));
		}
	}
	if (known != NIL)
	{
		known = copyObject(known);
		if (varno != 1)
			ChangeVarNodes((Node *) known, 1, varno, 0);
		predicate = list_make1(copyObject(node));
		result = predicate_implied_by(predicate, known, false);
	}
	table_close(rel, NoLock);
	return result;
}

/* A subquery, or a function that is not built in, stops a proof. */
static bool
has_user_function(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink) || IsA(node, CoerceToDomain))
		return true;
	if (check_functions_in_node(node, not_builtin, NULL))
		return true;
	return expression_tree_walker(node, has_user_function, context);
}

/* Does any conjunct restrict the target?  varno: the target proper. */
static bool
restricted(List *conjuncts, Target *target, int varno)
{
	ListCell   *lc;

	foreach(lc, conjuncts)
	{
		Node	   *node = (Node *) lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (outcomes(node, target) == CAN_TRUE)
			continue;
		if (get_rel_relkind(target->relid) != RELKIND_VIEW &&
			!has_user_function(node, NULL) &&
			implied_by_constraints(node, target, varno))
			continue;
		return true;
	}
	return false;
}

/*
 * An update of a view with INSTEAD OF triggers reads the view through another
 * range table entry than its target; the whole-row column tells which.
 */
static int
view_source(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resjunk && tle->resname != NULL &&
			strcmp(tle->resname, "wholerow") == 0 && IsA(tle->expr, Var))
			return ((Var *) tle->expr)->varno;
	}
	return 0;
}

static const char *
merge_unbounded(Query *query, Target *target, int varno)
{
	List	   *join;
	ListCell   *lc;

	join = conjuncts_of((Node *) query->jointree, NIL);
#if PG_VERSION_NUM >= 170000
	join = list_concat(join,
					   list_copy(make_ands_implicit((Expr *)
													query->mergeJoinCondition)));
#endif
	join = flatten_ands(join);
	add_links(target, join);

	foreach(lc, query->mergeActionList)
	{
		MergeAction *action = lfirst_node(MergeAction, lc);
		List	   *when;

		if (action->commandType != CMD_UPDATE &&
			action->commandType != CMD_DELETE)
			continue;
		when = flatten_ands(make_ands_implicit((Expr *) action->qual));
#if PG_VERSION_NUM >= 170000
		if (action->matchKind == MERGE_WHEN_NOT_MATCHED_BY_SOURCE)
		{
			if (!restricted(when, target, varno))
				return "every row that the source does not match is changed";
			continue;
		}
#endif
		if (!restricted(join, target, varno) &&
			!restricted(when, target, varno))
			return "the join condition matches every row of the target";
	}
	return NULL;
}

const char *
hg_unbounded(Query *query)
{
	Scope		scope;
	Target		target;
	List	   *conjuncts;
	int			varno = query->resultRelation;
	int			save_nesting = nesting;
	const char *result = NULL;

	if (query->commandType != CMD_UPDATE &&
		query->commandType != CMD_DELETE &&
		query->commandType != CMD_MERGE)
		return NULL;

	/* an error may have left it standing */
	nesting = 0;
	scope.query = query;
	scope.outer = NULL;
	target.scope = &scope;
	target.varnos = bms_make_singleton(varno);
	target.relid = rt_fetch(varno, query->rtable)->relid;
#if PG_VERSION_NUM >= 170000
	if (query->commandType == CMD_MERGE && query->mergeTargetRelation > 0)
		target.varnos = bms_add_member(target.varnos,
									   query->mergeTargetRelation);
#endif
	if (get_rel_relkind(target.relid) == RELKIND_VIEW)
	{
		int			source = view_source(query);

		if (source > 0)
			target.varnos = bms_add_member(target.varnos, source);
	}

	if (query->commandType == CMD_MERGE)
		result = merge_unbounded(query, &target, varno);
	else
	{
		conjuncts = flatten_ands(conjuncts_of((Node *) query->jointree, NIL));
		add_links(&target, conjuncts);
		if (conjuncts == NIL)
			result = "it has no WHERE clause";
		else if (!restricted(conjuncts, &target, varno))
			result = "its WHERE clause is true for every row";
	}
	nesting = save_nesting;
	return result;
}
