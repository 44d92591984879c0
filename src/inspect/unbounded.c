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

#include <float.h>
#include <math.h>

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/partition.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "inspect/facts_util.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/date.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

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

/*
 * What was found of the queries inside the one at hand.  Each column of a
 * subquery in a condition asks about all of that subquery's conditions, so
 * without it nested subqueries would take time exponential in their depth.
 */
typedef struct Kept
{
	const Query *query;
	int			varno;
	bool		all;
} Kept;

static List *kept = NIL;

static int	outcomes(Node *node, Target *target);
static bool query_keeps_all(Scope *scope, int varno);
static bool has_user_function(Node *node, void *context);

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

/* Is a function built in and of one of these names? */
static bool
function_named(Oid funcid, const char *const *names)
{
	char	   *name = funcid < FirstNormalObjectId ?
		get_func_name(funcid) : NULL;

	for (; name != NULL && *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/*
 * Built-in functions that give no negative number, and NULL only for NULL;
 * random() is one that takes nothing.
 */
static bool
never_negative(Oid funcid)
{
	static const char *const names[] = {
		"abs", "ascii", "bit_length", "cardinality", "char_length",
		"character_length", "int2abs", "int4abs", "int8abs", "float4abs",
		"float8abs", "numeric_abs", "jsonb_array_length", "length",
		"octet_length", "pg_column_size", "position", "strpos", "random",
		"sqrt", "exp", NULL
	};

	return function_named(funcid, names);
}

/* Others that give NULL only for NULL. */
static bool
is_total(Oid funcid)
{
	static const char *const names[] = {
		"btrim", "ceil", "date_trunc", "floor", "initcap", "left", "lower",
		"lpad", "ltrim", "md5", "replace", "reverse", "right", "round",
		"rpad", "rtrim", "sign", "substr", "translate", "trunc", "upper", NULL
	};

	return never_negative(funcid) || function_named(funcid, names);
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

				Const	   *value = hg_fold_constant(node);

				if (value != NULL)
					return !value->constisnull;
				if (func->funcid >= FirstNormalObjectId ||
					!func_strict(func->funcid) ||
					!((func->args != NIL &&
					   (func->funcformat == COERCE_EXPLICIT_CAST ||
						func->funcformat == COERCE_IMPLICIT_CAST)) ||
					  is_total(func->funcid)))
					return false;
				foreach(lc, func->args)
					if (!never_null((Node *) lfirst(lc), target))
						return false;
				return true;
			}
		case T_ScalarArrayOpExpr:
			{
				ScalarArrayOpExpr *expr = (ScalarArrayOpExpr *) node;
				Const	   *array;

				if (!operator_named(expr->opno, expr->opfuncid,
									total_operators) ||
					!never_null((Node *) linitial(expr->args), target))
					return false;
				array = hg_fold_constant((Node *) lsecond(expr->args));
				return array != NULL && !array->constisnull &&
					!array_contains_nulls(DatumGetArrayTypeP(array->constvalue));
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

/*
 * Is b the opposite of a, as "x = 1" and "x <> 1", "x" and "NOT x" or "x IN
 * (1, 2)" and "x NOT IN (1, 2)"?
 */
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
	if (IsA(a, ScalarArrayOpExpr) && IsA(b, ScalarArrayOpExpr))
		return ((ScalarArrayOpExpr *) a)->useOr !=
			((ScalarArrayOpExpr *) b)->useOr &&
			get_negator(((ScalarArrayOpExpr *) a)->opno) ==
			((ScalarArrayOpExpr *) b)->opno &&
			equal(((ScalarArrayOpExpr *) a)->args,
				  ((ScalarArrayOpExpr *) b)->args);
	if (IsA(a, NullTest) && IsA(b, NullTest))
		return ((NullTest *) a)->nulltesttype !=
			((NullTest *) b)->nulltesttype &&
			equal(((NullTest *) a)->arg, ((NullTest *) b)->arg);
	return false;
}

/* Mixes the shape of an expression into *hash; equal ones mix the same. */
static bool
shape_walker(Node *node, uint32 *hash)
{
	if (node == NULL)
		return false;
	*hash = hash_combine(*hash, (uint32) nodeTag(node));
	if (IsA(node, Var))
		*hash = hash_combine(*hash, ((Var *) node)->varno * 4096 +
							 ((Var *) node)->varattno);
	else if (IsA(node, Const) && !((Const *) node)->constisnull)
		*hash = hash_combine(*hash,
							 datum_image_hash(((Const *) node)->constvalue,
											  ((Const *) node)->constbyval,
											  ((Const *) node)->constlen));
	return expression_tree_walker(node, shape_walker, hash);
}

/* What two opposites have in common. */
static uint32
shape_of(Node *node)
{
	uint32		hash = 0;

	while (IsA(node, BoolExpr) && ((BoolExpr *) node)->boolop == NOT_EXPR)
		node = (Node *) linitial(((BoolExpr *) node)->args);
	if (IsA(node, OpExpr))
		node = (Node *) ((OpExpr *) node)->args;
	else if (IsA(node, ScalarArrayOpExpr))
		node = (Node *) ((ScalarArrayOpExpr *) node)->args;
	else if (IsA(node, NullTest))
		node = (Node *) ((NullTest *) node)->arg;
	(void) shape_walker(node, &hash);
	return hash;
}

typedef struct Shaped
{
	uint32		hash;
	Node	   *node;
} Shaped;

static int
compare_shape(const void *a, const void *b)
{
	uint32		x = ((const Shaped *) a)->hash;
	uint32		y = ((const Shaped *) b)->hash;

	return x < y ? -1 : x > y ? 1 : 0;
}

/* Distinct conditions of one shape that are compared with each other. */
#define MAX_OF_SHAPE 16

/*
 * Do two of the alternatives cover everything between them?  Only those of
 * the same shape are compared, so that a long list costs little more than
 * sorting it.
 */
static bool
has_opposites(List *args)
{
	int			n = list_length(args);
	Shaped	   *shaped = palloc(sizeof(Shaped) * n);
	bool		result = false;
	int			i = 0;
	ListCell   *lc;

	foreach(lc, args)
	{
		shaped[i].node = (Node *) lfirst(lc);
		shaped[i].hash = shape_of(shaped[i].node);
		i++;
	}
	qsort(shaped, n, sizeof(Shaped), compare_shape);
	for (i = 0; i < n && !result;)
	{
		Node	   *distinct[MAX_OF_SHAPE];
		int			ndistinct = 0;
		uint32		hash = shaped[i].hash;

		for (; i < n && shaped[i].hash == hash && !result; i++)
		{
			bool		known = false;

			for (int k = 0; k < ndistinct && !known && !result; k++)
			{
				result = opposites(distinct[k], shaped[i].node);
				known = equal(distinct[k], shaped[i].node);
			}
			if (!known && ndistinct < MAX_OF_SHAPE)
				distinct[ndistinct++] = shaped[i].node;
		}
		CHECK_FOR_INTERRUPTS();
	}
	pfree(shaped);
	return result;
}

/* Longer lists are not tried pair by pair for ranges that meet. */
#define MAX_COVERING 8

/*
 * Do two ranges meet, as "x > 5 OR x < 10"?  They do when the one follows
 * from the other's being false.
 */
static bool
has_covering(List *args, Target *target)
{
	ListCell   *lc;
	ListCell   *lc2;

	if (list_length(args) > MAX_COVERING)
		return false;
	foreach(lc, args)
	{
		Node	   *a = (Node *) lfirst(lc);

		if (!IsA(a, OpExpr) || !OidIsValid(get_negator(((OpExpr *) a)->opno)) ||
			has_user_function(a, NULL) || contain_mutable_functions(a) ||
			!never_null(a, target))
			continue;
		for_each_cell(lc2, args, lnext(args, lc))
		{
			Node	   *b = (Node *) lfirst(lc2);

			if (!IsA(b, OpExpr) || has_user_function(b, NULL) ||
				contain_mutable_functions(b) || !never_null(b, target))
				continue;
			if (predicate_implied_by(list_make1(b),
									 list_make1(negate_clause(copyObject(a))),
									 false))
				return true;
		}
	}
	return false;
}

static int
outcomes_bool(BoolExpr *expr, Target *target)
{
	int			result;
	ListCell   *lc;

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
			result = CAN_FALSE;
			foreach(lc, expr->args)
			{
				result = negate(combine_and(negate(result),
											negate(outcomes((Node *) lfirst(lc),
															target))));
				if (result == CAN_TRUE)
					return result;
			}
			if ((result & CAN_TRUE) &&
				(has_opposites(expr->args) ||
				 has_covering(expr->args, target)))
				return CAN_TRUE;
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

/* ---- what a comparison can give ---------------------------------------- */

/* The largest value of random(). */
#define BELOW_ONE (1.0 - DBL_EPSILON)

/* Where the value of an expression lies, both ends included. */
typedef struct Range
{
	double		low;
	double		high;
} Range;

static bool
const_number(Const *value, double *number)
{
	if (value->constisnull)
		return false;
	switch (value->consttype)
	{
		case INT2OID:
			*number = DatumGetInt16(value->constvalue);
			return true;
		case INT4OID:
			*number = DatumGetInt32(value->constvalue);
			return true;
		case INT8OID:
			*number = (double) DatumGetInt64(value->constvalue);
			return true;
		case OIDOID:
			*number = DatumGetObjectId(value->constvalue);
			return true;
		case FLOAT4OID:
			*number = DatumGetFloat4(value->constvalue);
			return !isnan(*number);
		case FLOAT8OID:
			*number = DatumGetFloat8(value->constvalue);
			return !isnan(*number);
		case NUMERICOID:
			*number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
														 value->constvalue));
			return !isnan(*number);
		default:
			return false;
	}
}

/* Whole numbers of a type, as far as a double can tell them apart. */
static bool
type_range(Oid type, Range *range)
{
	switch (type)
	{
		case INT2OID:
			range->low = PG_INT16_MIN;
			range->high = PG_INT16_MAX;
			return true;
		case INT4OID:
			range->low = PG_INT32_MIN;
			range->high = PG_INT32_MAX;
			return true;
		case INT8OID:
			range->low = (double) PG_INT64_MIN;
			range->high = (double) PG_INT64_MAX;
			return true;
		case OIDOID:
			range->low = 0;
			range->high = PG_UINT32_MAX;
			return true;
		default:
			return false;
	}
}

static bool
is_widening_cast(FuncExpr *func)
{
	Oid			from;

	if (func->funcid >= FirstNormalObjectId || list_length(func->args) != 1 ||
		func->funcformat == COERCE_EXPLICIT_CALL)
		return false;
	from = exprType((Node *) linitial(func->args));
	switch (func->funcresulttype)
	{
		case INT4OID:
			return from == INT2OID;
		case INT8OID:
			return from == INT2OID || from == INT4OID;
		case FLOAT8OID:
		case NUMERICOID:
			return from == INT2OID || from == INT4OID || from == INT8OID ||
				from == FLOAT4OID;
		default:
			return false;
	}
}

/* The range of a number, if anything is known of it. */
static bool
value_range(Node *node, Range *range)
{
	Const	   *value;

	node = strip(node);
	if (node == NULL)
		return false;
	check_stack_depth();
	value = hg_fold_constant(node);
	if (value != NULL)
	{
		double		number;

		if (!const_number(value, &number))
			return false;
		range->low = range->high = number;
		return true;
	}
	if (IsA(node, FuncExpr))
	{
		FuncExpr   *func = (FuncExpr *) node;

		if (is_widening_cast(func))
			return value_range((Node *) linitial(func->args), range);
		if (never_negative(func->funcid))
		{
			range->low = 0;
			range->high = func->args == NIL ? BELOW_ONE : get_float8_infinity();
			return true;
		}
	}
	else if (IsA(node, OpExpr))
	{
		OpExpr	   *op = (OpExpr *) node;
		char	   *name = op->opno < FirstNormalObjectId ?
			get_opname(op->opno) : NULL;
		Range		by;

		if (name != NULL && strcmp(name, "%") == 0 &&
			list_length(op->args) == 2 &&
			value_range((Node *) lsecond(op->args), &by) &&
			by.low == by.high && by.low != 0)
		{
			range->high = fabs(by.low) - 1;
			range->low = -range->high;
			if (type_range(exprType(node), &by))
				return true;
		}
		if (name != NULL && strcmp(name, "@") == 0)
		{
			range->low = 0;
			range->high = get_float8_infinity();
			return true;
		}
	}
	return type_range(exprType(node), range);
}

/* Outcome of comparing values of two ranges; CAN_TRUE | CAN_FALSE: either. */
static int
compare_ranges(const char *name, const Range *a, const Range *b)
{
	if (strcmp(name, "<") == 0)
		return a->high < b->low ? CAN_TRUE :
			a->low >= b->high ? CAN_FALSE : CAN_TRUE | CAN_FALSE;
	if (strcmp(name, "<=") == 0)
		return a->high <= b->low ? CAN_TRUE :
			a->low > b->high ? CAN_FALSE : CAN_TRUE | CAN_FALSE;
	if (strcmp(name, ">") == 0)
		return compare_ranges("<", b, a);
	if (strcmp(name, ">=") == 0)
		return compare_ranges("<=", b, a);
	if (strcmp(name, "=") == 0 || strcmp(name, "<>") == 0)
	{
		bool		apart = a->high < b->low || a->low > b->high;

		if (apart)
			return strcmp(name, "=") == 0 ? CAN_FALSE : CAN_TRUE;
	}
	return CAN_TRUE | CAN_FALSE;
}

/* A constant that all values of its type are on one side of. */
static int
compare_extreme(const char *name, Const *value)
{
	bool		lowest = false;
	bool		highest = false;
	bool		reached = true; /* can a row hold it? */

	if (value->constisnull)
		return CAN_ANY;
	switch (value->consttype)
	{
		case TIDOID:
			{
				ItemPointer tid = (ItemPointer) DatumGetPointer(value->constvalue);

				/* rows are numbered from 1 within a block */
				lowest = ItemPointerGetBlockNumberNoCheck(tid) == 0 &&
					ItemPointerGetOffsetNumberNoCheck(tid) == 0;
				highest = ItemPointerGetBlockNumberNoCheck(tid) >=
					MaxBlockNumber;
				reached = false;
			}
			break;
		case DATEOID:
			lowest = DATE_IS_NOBEGIN(DatumGetDateADT(value->constvalue));
			highest = DATE_IS_NOEND(DatumGetDateADT(value->constvalue));
			break;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			lowest = TIMESTAMP_IS_NOBEGIN(DatumGetTimestamp(value->constvalue));
			highest = TIMESTAMP_IS_NOEND(DatumGetTimestamp(value->constvalue));
			break;
		case TEXTOID:
		case VARCHAROID:
			lowest = VARSIZE_ANY_EXHDR(DatumGetPointer(value->constvalue)) == 0;
			break;
		default:
			break;
	}
	if ((lowest && strcmp(name, ">=") == 0) ||
		(highest && strcmp(name, "<=") == 0) ||
		((lowest || highest) && !reached && strcmp(name, "<>") == 0) ||
		(lowest && !reached && strcmp(name, ">") == 0) ||
		(highest && !reached && strcmp(name, "<") == 0))
		return CAN_TRUE;

	/* '-infinity' itself is nothing that a row is meant to hold */
	if (value->consttype != TEXTOID && value->consttype != VARCHAROID &&
		((lowest && strcmp(name, ">") == 0) ||
		 (highest && strcmp(name, "<") == 0)))
		return CAN_TRUE;
	return CAN_ANY;
}

/*
 * LIKE and regular expressions: a pattern that takes strings as unlike each
 * other as these takes any.
 */
static int
match_pattern(OpExpr *op)
{
	static const char *const samples[] = {
		"", "a", "Zz 09_-.@", "\001 \n~{[(|)]}\\%", "lorem ipsum 4711",
		"\xc3\xa9"
	};
	Const	   *pattern = hg_fold_constant((Node *) lsecond(op->args));

	if (pattern == NULL || pattern->constisnull ||
		pattern->consttype != TEXTOID ||
		exprType((Node *) linitial(op->args)) != TEXTOID ||
		!OidIsValid(op->inputcollid) ||
		!get_collation_isdeterministic(op->inputcollid))
		return CAN_ANY;
	for (int i = 0; i < lengthof(samples); i++)
	{
		OpExpr	   *test = (OpExpr *) copyObject(op);
		Const	   *answer;

		if (i == lengthof(samples) - 1 && GetDatabaseEncoding() != PG_UTF8)
			break;
		linitial(test->args) = makeConst(TEXTOID, -1, op->inputcollid, -1,
										 CStringGetTextDatum(samples[i]),
										 false, false);
		answer = hg_fold_constant((Node *) test);
		if (answer == NULL || answer->constisnull ||
			!DatumGetBool(answer->constvalue))
			return CAN_ANY;
	}
	return CAN_TRUE;
}

/*
 * An expression without what changes nothing: x + 0, x * 1, x || '',
 * coalesce(x, ...) of what is never null.
 */
static Node *
without_noops(Node *node, Target *target)
{
	for (;;)
	{
		node = strip(node);
		if (node == NULL)
			return NULL;
		if (IsA(node, CoalesceExpr) &&
			(never_null((Node *) linitial(((CoalesceExpr *) node)->args),
						target) ||
			 list_length(((CoalesceExpr *) node)->args) == 1))
			node = (Node *) linitial(((CoalesceExpr *) node)->args);
		else if (IsA(node, CoalesceExpr))
		{
			/* the same thing again and again */
			List	   *args = ((CoalesceExpr *) node)->args;
			ListCell   *lc;

			foreach(lc, args)
				if (!equal(linitial(args), lfirst(lc)))
					return node;
			node = (Node *) linitial(args);
		}
		else if (IsA(node, OpExpr) &&
				 ((OpExpr *) node)->opno < FirstNormalObjectId &&
				 list_length(((OpExpr *) node)->args) == 2)
		{
			OpExpr	   *op = (OpExpr *) node;
			char	   *name = get_opname(op->opno);
			Node	   *next = NULL;

			for (int side = 0; side < 2 && next == NULL && name != NULL; side++)
			{
				Node	   *mine = (Node *) list_nth(op->args, side);
				Const	   *other = hg_fold_constant((Node *) list_nth(op->args,
																	   1 - side));
				double		number;

				if (other == NULL || other->constisnull ||
					exprType(mine) != exprType(node))
					continue;
				if (const_number(other, &number) ?
					((strcmp(name, "+") == 0 && number == 0) ||
					 (strcmp(name, "*") == 0 && number == 1) ||
					 (side == 0 && strcmp(name, "-") == 0 && number == 0) ||
					 (side == 0 && strcmp(name, "/") == 0 && number == 1)) :
					(other->consttype == TEXTOID && strcmp(name, "||") == 0 &&
					 VARSIZE_ANY_EXHDR(DatumGetPointer(other->constvalue)) == 0))
					next = mine;
			}
			if (next == NULL)
				return node;
			node = next;
		}
		else
			return node;
	}
}

static int
outcomes_op(OpExpr *op, Target *target)
{
	static const char *const reflexive[] = {"=", "<=", ">=", NULL};
	static const char *const irreflexive[] = {"<>", "<", ">", NULL};
	static const char *const patterns[] = {
		"~~", "~~*", "~", "~*", "!~~", "!~~*", "!~", "!~*", NULL
	};
	int			result = CAN_ANY;
	Node	   *left;
	Node	   *right;
	char	   *name;

	if (never_null((Node *) op, target))
		result &= ~CAN_NULL;
	if (list_length(op->args) != 2)
		return result;
	left = without_noops((Node *) linitial(op->args), target);
	right = without_noops((Node *) lsecond(op->args), target);

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

	if (op->opno >= FirstNormalObjectId ||
		!(operator_named(op->opno, op->opfuncid, reflexive) ||
		  operator_named(op->opno, op->opfuncid, irreflexive) ||
		  operator_named(op->opno, op->opfuncid, patterns)))
		return result;
	name = get_opname(op->opno);
	if (operator_named(op->opno, op->opfuncid, patterns))
		return match_pattern(op) == CAN_TRUE ?
			CAN_TRUE | (result & CAN_NULL) : result;

	/* (condition) = true */
	if (exprType(left) == BOOLOID && exprType(right) == BOOLOID &&
		(strcmp(name, "=") == 0 || strcmp(name, "<>") == 0))
	{
		Const	   *value = hg_fold_constant(right);
		Node	   *other = left;

		if (value == NULL)
		{
			value = hg_fold_constant(left);
			other = right;
		}
		if (value != NULL && !value->constisnull)
		{
			int			set = outcomes(other, target);

			return DatumGetBool(value->constvalue) ==
				(strcmp(name, "=") == 0) ? set : negate(set);
		}
	}
	else
	{
		Const	   *value = hg_fold_constant(right);
		Range		a;
		Range		b;
		int			set = CAN_ANY;

		if (value != NULL)
			set = compare_extreme(name, value);
		else if ((value = hg_fold_constant(left)) != NULL)
		{
			char	   *turned = get_opname(get_commutator(op->opno));

			if (turned != NULL)
				set = compare_extreme(turned, value);
		}
		if (set == CAN_ANY && value_range(left, &a) && value_range(right, &b))
			set = compare_ranges(name, &a, &b);
		return set & result ? (set & result) | (result & CAN_NULL) : result;
	}
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
	Kept	   *known;
	bool		result = true;

	CHECK_FOR_INTERRUPTS();
	if (query->limitCount != NULL || query->limitOffset != NULL ||
		query->setOperations != NULL || query->havingQual != NULL ||
		query->hasDistinctOn || query->hasTargetSRFs ||
		varno <= 0 || varno > list_length(query->rtable) ||
		nesting >= MAX_NESTING)
		return false;
	foreach(lc, kept)
	{
		known = (Kept *) lfirst(lc);
		if (known->query == query && known->varno == varno)
			return known->all;
	}

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
	known = palloc(sizeof(Kept));
	known->query = query;
	known->varno = varno;
	known->all = result;
	kept = lappend(kept, known);
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

	foreach(lc, expr->args)
	{
		CaseWhen   *when = lfirst_node(CaseWhen, lc);

		/* CASE x WHEN: any of the arms may be it */
		int			set = expr->arg != NULL ? CAN_ANY :
			outcomes((Node *) when->expr, target);

		if (set & CAN_TRUE)
			result |= outcomes((Node *) when->result, target);
		if (set == CAN_TRUE)
			return result;
	}
	if (expr->defresult == NULL)
		return result | CAN_NULL;
	return result | outcomes((Node *) expr->defresult, target);
}

static bool
is_random(Oid funcid, void *context)
{
	static const char *const names[] = {"random", NULL};

	return function_named(funcid, names);
}

static bool
mentions_random(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_random, NULL))
		return true;
	return expression_tree_walker(node, mentions_random, context);
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

		/* random() is the one thing that differs by row without naming it */
		if (value == NULL && IsA(node, OpExpr) && mentions_random(node, NULL))
			return outcomes_op((OpExpr *) node, target);
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

				/* IS DISTINCT FROM NULL is IS NOT NULL */
				for (int side = 0; side < 2 && list_length(expr->args) == 2;
					 side++)
				{
					Const	   *value = hg_fold_constant(list_nth(expr->args,
																  side));

					if (value != NULL && value->constisnull &&
						never_null(list_nth(expr->args, 1 - side), target))
						return CAN_TRUE;
				}
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
				Const	   *array;

				/* nothing is among none */
				array = list_length(expr->args) == 2 ?
					hg_fold_constant((Node *) lsecond(expr->args)) : NULL;
				if (array != NULL && !array->constisnull &&
					ARR_NDIM(DatumGetArrayTypeP(array->constvalue)) == 0)
					return expr->useOr ? CAN_FALSE : CAN_TRUE;
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

/*
 * The conjuncts that the statement itself has, without those that come from
 * the view it names.  *view tells whether there are such.
 */
static List *
own_conjuncts(Query *query, List *conjuncts, int varno, bool *view)
{
	Oid			relid = rt_fetch(varno, query->rtable)->relid;
	ListCell   *lc;

	*view = false;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Relation	rel;
		Query	   *definition;
		RangeTblRef *base;

		if (rte->rtekind != RTE_RELATION || rte->relkind != RELKIND_VIEW)
			continue;
		rel = try_relation_open(rte->relid, AccessShareLock);
		if (rel == NULL)
			continue;
		definition = get_view_query(rel);
		base = list_length(definition->jointree->fromlist) == 1 ?
			linitial(definition->jointree->fromlist) : NULL;
		if (base != NULL && IsA(base, RangeTblRef) &&
			definition->jointree->quals != NULL &&
			rt_fetch(base->rtindex, definition->rtable)->relid == relid)
		{
			Node	   *quals = copyObject(definition->jointree->quals);
			ListCell   *lc2;

			ChangeVarNodes(quals, base->rtindex, varno, 0);
			foreach(lc2, flatten_ands(make_ands_implicit((Expr *) quals)))
			{
				if (!list_member(conjuncts, lfirst(lc2)))
					continue;
				conjuncts = list_delete(conjuncts, lfirst(lc2));
				*view = true;
			}
		}
		relation_close(rel, NoLock);
	}
	return conjuncts;
}

/*
 * INSERT ... SELECT from the table itself with ON CONFLICT DO UPDATE: an
 * UPDATE of every row that the SELECT gives.
 */
static const char *
upsert_unbounded(Query *query)
{
	Oid			relid = rt_fetch(query->resultRelation, query->rtable)->relid;
	ListCell   *lc;

	if (query->onConflict == NULL ||
		query->onConflict->action != ONCONFLICT_UPDATE)
		return NULL;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		ListCell   *lc2;
		Scope		outer;
		Scope		inner;
		int			varno = 0;

		if (rte->rtekind != RTE_SUBQUERY || rte->subquery == NULL ||
			rte->subquery->commandType != CMD_SELECT)
			continue;
		outer.query = query;
		outer.outer = NULL;
		inner.query = rte->subquery;
		inner.outer = &outer;
		foreach(lc2, rte->subquery->rtable)
		{
			RangeTblEntry *source = lfirst_node(RangeTblEntry, lc2);

			varno++;
			if (source->rtekind == RTE_RELATION && source->relid == relid &&
				query_keeps_all(&inner, varno))
			{
				Target		target;

				if (query->onConflict->onConflictWhere == NULL)
					return "it updates the table by every row of itself";
				target.scope = &outer;
				target.varnos = bms_make_singleton(query->resultRelation);
				target.relid = relid;
				if (outcomes(query->onConflict->onConflictWhere,
							 &target) == CAN_TRUE)
					return "it updates the table by every row of itself";
			}
		}
	}
	return NULL;
}

/*
 * A copy of the query in which the parameters that a custom plan takes as
 * constants are constants: "$1 IS NULL OR code = $1" restricts unless $1 is
 * NULL.
 */
static Node *
known_params_mutator(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Query))
		return (Node *) query_tree_mutator((Query *) node,
										   known_params_mutator, context, 0);
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN)
	{
		ParamListInfo params = (ParamListInfo) context;
		Param	   *param = (Param *) node;
		ParamExternData workspace;
		ParamExternData *value = NULL;

		if (param->paramid > 0 && param->paramid <= params->numParams)
			value = params->paramFetch != NULL ?
				params->paramFetch(params, param->paramid, true, &workspace) :
				&params->params[param->paramid - 1];
		if (value != NULL && value->ptype == param->paramtype &&
			(value->pflags & PARAM_FLAG_CONST) != 0)
		{
			int16		typlen;
			bool		typbyval;
			Datum		datum = value->value;

			get_typlenbyval(param->paramtype, &typlen, &typbyval);
			if (!value->isnull)
				datum = datumCopy(datum, typbyval, typlen);
			return (Node *) makeConst(param->paramtype, param->paramtypmod,
									  param->paramcollid, typlen, datum,
									  value->isnull, typbyval);
		}
	}
	return expression_tree_mutator(node, known_params_mutator, context);
}

const char *
hg_unbounded(Query *query, ParamListInfo params)
{
	Scope		scope;
	Target		target;
	List	   *conjuncts;
	int			varno = query->resultRelation;
	int			save_nesting = nesting;
	List	   *save_kept = kept;
	const char *result = NULL;

	if (query->commandType != CMD_UPDATE &&
		query->commandType != CMD_DELETE &&
		query->commandType != CMD_MERGE &&
		query->commandType != CMD_INSERT)
		return NULL;

	if (params != NULL)
		query = query_tree_mutator(query, known_params_mutator, params, 0);

	/* an error may have left it standing */
	nesting = 0;
	kept = NIL;
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
	else if (query->commandType == CMD_INSERT)
		result = upsert_unbounded(query);
	else
	{
		bool		view;

		conjuncts = flatten_ands(conjuncts_of((Node *) query->jointree, NIL));
		conjuncts = own_conjuncts(query, conjuncts, varno, &view);
		add_links(&target, conjuncts);
		if (conjuncts == NIL && view)
			result = "it has no WHERE clause of its own";
		else if (conjuncts == NIL &&
				 (params == NULL || query->jointree->quals == NULL))
			result = "it has no WHERE clause";
		else if (!restricted(conjuncts, &target, varno))
			result = "its WHERE clause is true for every row";
	}
	nesting = save_nesting;
	kept = save_kept;
	return result;
}
