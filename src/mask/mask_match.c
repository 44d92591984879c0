/*-------------------------------------------------------------------------
 *
 * mask_match.c
 *	  Which conditions compare real values, and which are refused.
 *
 * match = equality lets "column = value" and "column IN (values)" see the
 * data, so that an index finds the row.  Every value is a probe and counted.
 * What makes it no more than a probe:
 *
 * - the value is the same for every row: a constant, a parameter, or casts of
 *	 them by immutable functions of the server.  A stable function would not
 *	 do: current_setting() can be made to give another guess for each row;
 * - the operator is the equality of the type's default btree class, which
 *	 only a superuser can define, under the column's own collation or one
 *	 whose equality is that of the bytes;
 * - the column is a plain one, and nothing but the operator gets its value.
 *
 * Below a view, a subquery, a CTE or a join the column has been masked when
 * its condition is met, since what stands in the target list is masked.  Such
 * a reference becomes hoopguard._real(Var), whose support function takes the
 * mask off again when the planner has replaced the Var by the expression
 * below.  Where the planner does not get there _real() gives the mask, and
 * the condition compares that.  The path is checked here: each way down ends
 * at a column whose mask says the same match, or at what is not masked.
 *
 * match = refuse raises HG007 where the column would decide which rows there
 * are, how they are grouped or in what order they come; and for each boolean
 * expression.  To show it, or what a function makes of it, is no decision.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/transam.h"
#include "base/catalog.h"
#include "base/report.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mask/mask_int.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(hoopguard__real);
PG_FUNCTION_INFO_V1(hoopguard__real_support);

/* What a way down from a Var has met. */
typedef struct MatchPath
{
	HgMaskContext *ctx;
	HgMatch		match;			/* that every masked column must have */
	bool		any;			/* met a masked column */
	Oid			collation;		/* of the last one */
} MatchPath;

static bool follow(MatchPath *path, HgMaskFrame *frame, Node *node);

/* ---------- values ---------- */

/* A function of the server whose result depends on its arguments alone. */
static bool
is_fixed_function(Oid funcid)
{
	return OidIsValid(funcid) && funcid < FirstNormalObjectId &&
		func_volatile(funcid) == PROVOLATILE_IMMUTABLE;
}

/* Both halves of a cast through text, of a type to or from another. */
static bool
is_fixed_io_cast(Oid source, Oid target)
{
	Oid			output;
	Oid			input;
	Oid			param;
	bool		varlena;

	getTypeOutputInfo(source, &output, &varlena);
	getTypeInputInfo(target, &input, &param);
	return is_fixed_function(output) && is_fixed_function(input);
}

/* True ends the walk: not a value that is the same for every row. */
static bool
not_value_walker(Node *node, void *context)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_Const:
			return false;
		case T_Param:
			return ((Param *) node)->paramkind != PARAM_EXTERN;
		case T_RelabelType:
			return not_value_walker((Node *) ((RelabelType *) node)->arg,
									context);
		case T_CollateExpr:
			return not_value_walker((Node *) ((CollateExpr *) node)->arg,
									context);
		case T_CoerceToDomain:
			return not_value_walker((Node *) ((CoerceToDomain *) node)->arg,
									context);
		case T_CoerceViaIO:
			{
				CoerceViaIO *cast = (CoerceViaIO *) node;

				return not_value_walker((Node *) cast->arg, context) ||
					!is_fixed_io_cast(exprType((Node *) cast->arg),
									  cast->resulttype);
			}
		case T_OpExpr:
		case T_FuncExpr:
			{
				List	   *args;
				Oid			funcid;

				if (IsA(node, OpExpr))
				{
					funcid = get_opcode(((OpExpr *) node)->opno);
					args = ((OpExpr *) node)->args;
				}
				else
				{
					funcid = ((FuncExpr *) node)->funcid;
					args = ((FuncExpr *) node)->args;
				}
				if (expression_returns_set(node) || !is_fixed_function(funcid))
					return true;
				foreach(lc, args)
				{
					if (not_value_walker((Node *) lfirst(lc), context))
						return true;
				}
				return false;
			}
		default:
			return true;
	}
}

static bool
is_value(Node *node)
{
	return node != NULL && !not_value_walker(node, NULL);
}

static Node *
strip_relabel(Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

/* Does an array cast do no more to its elements than a cast of a value? */
static bool
is_fixed_element_cast(Node *node)
{
	node = strip_relabel(node);
	if (node == NULL || IsA(node, CaseTestExpr))
		return node != NULL;
	if (IsA(node, CoerceToDomain))
		return is_fixed_element_cast((Node *) ((CoerceToDomain *) node)->arg);
	if (IsA(node, CoerceViaIO))
	{
		CoerceViaIO *cast = (CoerceViaIO *) node;

		return is_fixed_element_cast((Node *) cast->arg) &&
			is_fixed_io_cast(exprType((Node *) cast->arg), cast->resulttype);
	}
	if (IsA(node, FuncExpr))
	{
		FuncExpr   *call = (FuncExpr *) node;
		ListCell   *lc;

		if (!is_fixed_function(call->funcid) || call->args == NIL ||
			!is_fixed_element_cast((Node *) linitial(call->args)))
			return false;
		for_each_from(lc, call->args, 1)
		{
			if (!IsA(lfirst(lc), Const))
				return false;
		}
		return true;
	}
	return false;
}

/*
 * An array of given values: their number to *count, or the parameter that
 * holds them to *param.  False when it is something else or too long.
 */
static bool
is_value_list(Node *node, int *count, int *param)
{
	ListCell   *lc;

	*count = *param = 0;
	node = strip_relabel(node);
	while (node != NULL && IsA(node, ArrayCoerceExpr))
	{
		ArrayCoerceExpr *cast = (ArrayCoerceExpr *) node;

		if (!is_fixed_element_cast((Node *) cast->elemexpr))
			return false;
		node = strip_relabel((Node *) cast->arg);
	}
	if (node == NULL)
		return false;
	if (IsA(node, Const))
	{
		Const	   *constant = (Const *) node;
		ArrayType  *array;

		if (constant->constisnull)
			return true;
		array = DatumGetArrayTypeP(constant->constvalue);
		*count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	}
	else if (IsA(node, Param) &&
			 ((Param *) node)->paramkind == PARAM_EXTERN)
		*param = ((Param *) node)->paramid;
	else if (IsA(node, ArrayExpr))
	{
		foreach(lc, ((ArrayExpr *) node)->elements)
		{
			if (!is_value((Node *) lfirst(lc)))
				return false;
		}
		*count = list_length(((ArrayExpr *) node)->elements);
	}
	else
		return false;
	return *count <= HG_PROBE_LIST_MAX;
}

/* ---------- columns ---------- */

/* Gives the subquery its rows one by one and unchanged? */
static bool
is_plain_query(Query *query)
{
	return query->commandType == CMD_SELECT &&
		!query->hasAggs && !query->hasWindowFuncs && !query->hasTargetSRFs &&
		!query->hasModifyingCTE && query->groupClause == NIL &&
		query->groupingSets == NIL && query->havingQual == NULL &&
		query->distinctClause == NIL && query->limitOffset == NULL &&
		query->limitCount == NULL && query->rowMarks == NIL;
}

/* Are all set operations of the tree UNION ALL? */
static bool
is_union_all(Node *node)
{
	SetOperationStmt *op;

	if (node == NULL || !IsA(node, SetOperationStmt))
		return true;
	check_stack_depth();
	op = (SetOperationStmt *) node;
	return op->op == SETOP_UNION && op->all && is_union_all(op->larg) &&
		is_union_all(op->rarg);
}

/* An output column of a subquery. */
static bool
follow_output(MatchPath *path, HgMaskFrame *parent, Query *query, AttrNumber attnum)
{
	HgMaskFrame frame;
	ListCell   *lc;

	check_stack_depth();
	if (!is_plain_query(query))
		return false;
	frame.parent = parent;
	frame.query = query;

	if (query->setOperations != NULL)
	{
		if (!is_union_all(query->setOperations))
			return false;
		foreach(lc, query->rtable)
		{
			RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

			if (rte->rtekind == RTE_SUBQUERY &&
				!follow_output(path, &frame, rte->subquery, attnum))
				return false;
		}
		return true;
	}
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resno == attnum && !tle->resjunk)
			return follow(path, &frame, (Node *) tle->expr);
	}
	return false;
}

/* A column of a CTE that the planner puts in place of its reference. */
static bool
follow_cte(MatchPath *path, HgMaskFrame *frame, RangeTblEntry *rte,
		   AttrNumber attnum)
{
	CommonTableExpr *cte = hg_mask_find_cte(&frame, rte);

	if (cte == NULL || cte->cterecursive || cte->cterefcount != 1 ||
		cte->ctematerialized == CTEMaterializeAlways ||
		!IsA(cte->ctequery, Query))
		return false;
	return follow_output(path, frame, (Query *) cte->ctequery, attnum);
}

static bool
follow_var(MatchPath *path, HgMaskFrame *frame, Var *var)
{
	HgMaskFrame *level;
	RangeTblEntry *rte = hg_mask_var_rte(frame, var, &level);
	const HgMaskRel *rel;
	const HgColumnMask *mask;

	if (rte == NULL || var->varattno == 0)
		return false;
	if (level->query->onConflict != NULL &&
		level->query->onConflict->exclRelIndex == var->varno)
		return true;			/* what the client sent */
	switch (rte->rtekind)
	{
		case RTE_RELATION:
		case RTE_NAMEDTUPLESTORE:
			rel = hg_mask_lookup_rte(path->ctx, rte);
			mask = rel ? hg_mask_rel_column(rel, var->varattno) : NULL;
			if (mask == NULL)
				return true;
			path->any = true;
			path->collation = var->varcollid;
			return mask->match == path->match;
		case RTE_SUBQUERY:
			return follow_output(path, level, rte->subquery, var->varattno);
		case RTE_CTE:
			return follow_cte(path, level, rte, var->varattno);
		case RTE_JOIN:
			if (var->varattno < 1 ||
				var->varattno > list_length(rte->joinaliasvars))
				return false;
			return follow(path, level, (Node *) list_nth(rte->joinaliasvars,
														 var->varattno - 1));
		default:
			return true;
	}
}

static bool
is_mask_call(Node *node)
{
	return node != NULL && IsA(node, FuncExpr) &&
		(((FuncExpr *) node)->funcid == hg_catalog_mask_function() ||
		 ((FuncExpr *) node)->funcid == hg_catalog_fixed_function());
}

/*
 * Follow an expression that stands for a column.  What is more than a column
 * is fine: it has been computed from masks, and _real() leaves it alone.
 */
static bool
follow(MatchPath *path, HgMaskFrame *frame, Node *node)
{
	node = strip_relabel(node);
	if (is_mask_call(node))
		node = (Node *) linitial(((FuncExpr *) node)->args);
	if (node == NULL || !IsA(node, Var))
		return true;
	return follow_var(path, frame, (Var *) node);
}

/* Is it a Var of a base relation, whose real value the condition gets? */
static bool
is_base_var(HgMaskContext *ctx, Var *var)
{
	HgMaskFrame *level;
	RangeTblEntry *rte = hg_mask_var_rte(ctx->frame, var, &level);

	return rte != NULL && (rte->rtekind == RTE_RELATION ||
						   rte->rtekind == RTE_NAMEDTUPLESTORE);
}

/*
 * Is the operand a column with this match?  Its Var goes to *var, the
 * collation of the column to *collation.
 */
static bool
is_column(HgMaskContext *ctx, Node *node, HgMatch match, Var **var,
		  Oid *collation)
{
	MatchPath		path;

	node = strip_relabel(node);
	if (node == NULL || !IsA(node, Var))
		return false;
	memset(&path, 0, sizeof(path));
	path.ctx = ctx;
	path.match = match;
	if (!follow_var(&path, ctx->frame, (Var *) node) || !path.any)
		return false;
	*var = (Var *) node;
	*collation = path.collation;
	return true;
}

/* hoopguard._real(var), of var's type. */
static Node *
wrap_real(Var *var)
{
	Oid			function = hg_catalog_real_function();
	Const	   *constant;

	/* a text where the declaration says internal: see 25_mask.sql */
	constant = makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
						 CStringGetTextDatum(""), false, false);
	return (Node *) makeFuncExpr(function, var->vartype,
								 list_make2(var, constant), var->varcollid,
								 var->varcollid, COERCE_EXPLICIT_CALL);
}

/* An operand whose column is read as it is; a new tree. */
static Node *
real_operand(HgMaskContext *ctx, Node *node)
{
	if (IsA(node, RelabelType))
	{
		RelabelType *relabel = makeNode(RelabelType);

		memcpy(relabel, node, sizeof(RelabelType));
		relabel->arg = (Expr *) real_operand(ctx, (Node *) relabel->arg);
		return (Node *) relabel;
	}
	if (is_base_var(ctx, castNode(Var, node)))
		return node;
	return wrap_real((Var *) node);
}

/* ---------- equality ---------- */

/*
 * Is opno the equality of its left type's default btree class?  Only such an
 * operator is known to run no code of the client's.
 */
static bool
is_equality(Oid opno, Node *left)
{
	TypeCacheEntry *type = lookup_type_cache(exprType(left),
											 TYPECACHE_BTREE_OPFAMILY);

	return OidIsValid(type->btree_opf) &&
		get_op_opfamily_strategy(opno, type->btree_opf) ==
		BTEqualStrategyNumber;
}

/*
 * A collation of the client's could call a whole range of values equal to the
 * one it asks for.
 */
static bool
is_exact_collation(Oid collation, Oid column)
{
	return !OidIsValid(collation) || collation == column ||
		get_collation_isdeterministic(collation);
}

/*
 * column = value or column IN (values), or several of them ORed: the same
 * with real values, and what it counts; else NULL.
 */
static Node *
equality_probe(HgMaskContext *ctx, Node *node, int *count, List **params)
{
	Var		   *var;
	Oid			collation;

	if (IsA(node, OpExpr))
	{
		OpExpr	   *op = (OpExpr *) node;
		OpExpr	   *result;
		Node	   *left;
		Node	   *right;
		bool		at_left;

		if (list_length(op->args) != 2)
			return NULL;
		left = (Node *) linitial(op->args);
		right = (Node *) lsecond(op->args);
		at_left = is_column(ctx, left, HG_MATCH_EQUALITY, &var, &collation);
		if (!at_left &&
			!is_column(ctx, right, HG_MATCH_EQUALITY, &var, &collation))
			return NULL;
		if (!is_value(at_left ? right : left) ||
			!is_equality(op->opno, left) ||
			!is_exact_collation(op->inputcollid, collation))
			return NULL;
		(*count)++;
		result = makeNode(OpExpr);
		memcpy(result, op, sizeof(OpExpr));
		result->args = at_left ?
			list_make2(real_operand(ctx, left), right) :
			list_make2(left, real_operand(ctx, right));
		return (Node *) result;
	}
	if (IsA(node, ScalarArrayOpExpr))
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) node;
		ScalarArrayOpExpr *result;
		Node	   *left = (Node *) linitial(op->args);
		int			values;
		int			param;

		if (!op->useOr ||
			!is_column(ctx, left, HG_MATCH_EQUALITY, &var, &collation) ||
			!is_value_list((Node *) lsecond(op->args), &values, &param) ||
			!is_equality(op->opno, left) ||
			!is_exact_collation(op->inputcollid, collation))
			return NULL;
		*count += values;
		if (param != 0)
			*params = lappend_int(*params, param);
		result = makeNode(ScalarArrayOpExpr);
		memcpy(result, op, sizeof(ScalarArrayOpExpr));
		result->args = list_make2(real_operand(ctx, left), lsecond(op->args));
		return (Node *) result;
	}
	if (IsA(node, BoolExpr) && ((BoolExpr *) node)->boolop == OR_EXPR)
	{
		List	   *args = NIL;
		ListCell   *lc;

		check_stack_depth();
		foreach(lc, ((BoolExpr *) node)->args)
		{
			Node	   *arg = equality_probe(ctx, (Node *) lfirst(lc), count,
											 params);

			if (arg == NULL)
				return NULL;
			args = lappend(args, arg);
		}
		return (Node *) makeBoolExpr(OR_EXPR, args, -1);
	}
	return NULL;
}

static void
count_probes(HgMaskContext *ctx, int count, List *params)
{
	MemoryContext old;

	if (ctx->facts == NULL || ctx->observe || !ctx->record)
		return;
	ctx->facts->probes += count;
	old = MemoryContextSwitchTo(ctx->facts->context);
	ctx->facts->probe_params = list_concat(ctx->facts->probe_params, params);
	MemoryContextSwitchTo(old);
}

/* ---------- real ---------- */

typedef struct RealContext
{
	HgMaskContext *mask;
	bool		any;
} RealContext;

/*
 * True ends the walk: something that real values may not be handed to.  A
 * user's function could print them, and so do many casts when they fail, so
 * only the server's own operators see them.
 */
static bool
not_real_walker(Node *node, RealContext *real)
{
	Var		   *var;
	Oid			collation;
	Oid			opno = InvalidOid;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
			if (((Var *) node)->varattno == 0)
				return true;
			if (is_column(real->mask, node, HG_MATCH_REAL, &var, &collation))
			{
				real->any = true;
				return false;
			}
			/* another masked column would be bare in this condition */
			if (is_base_var(real->mask, (Var *) node))
			{
				HgMaskFrame *level;
				RangeTblEntry *rte = hg_mask_var_rte(real->mask->frame,
													 (Var *) node, &level);
				const HgMaskRel *rel = hg_mask_lookup_rte(real->mask, rte);

				return rel != NULL &&
					hg_mask_rel_column(rel, ((Var *) node)->varattno) != NULL;
			}
			return false;
		case T_Const:
		case T_Param:
			return false;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			opno = ((OpExpr *) node)->opno;
			break;
		case T_ScalarArrayOpExpr:
			opno = ((ScalarArrayOpExpr *) node)->opno;
			break;
		case T_BoolExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_RelabelType:
		case T_CollateExpr:
		case T_ArrayExpr:
		case T_List:
			break;
		default:
			return true;
	}
	if (OidIsValid(opno) && opno >= FirstNormalObjectId)
		return true;
	return expression_tree_walker(node, not_real_walker, real);
}

static Node *
real_mutator(Node *node, HgMaskContext *ctx)
{
	Var		   *var;
	Oid			collation;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		if (!is_base_var(ctx, (Var *) node) &&
			is_column(ctx, node, HG_MATCH_REAL, &var, &collation))
			return wrap_real(var);
		return node;
	}
	return expression_tree_mutator(node, real_mutator, ctx);
}

static bool
found_record(void *arg, const HgMaskRel *rel, AttrNumber attnum)
{
	hg_mask_record((HgMaskContext *) arg, rel, attnum);
	return false;
}

Node *
hg_mask_match(HgMaskContext *ctx, Node *qual)
{
	Node	   *result;
	RealContext real;
	int			count = 0;
	List	   *params = NIL;

	if (!ctx->any_match)
		return NULL;
	result = equality_probe(ctx, qual, &count, &params);
	if (result != NULL)
		count_probes(ctx, count, params);
	else
	{
		real.mask = ctx;
		real.any = false;
		if (not_real_walker(qual, &real) || !real.any)
			return NULL;
		result = real_mutator(qual, ctx);
	}
	if (ctx->record)
		(void) hg_mask_trace(qual, NIL, ctx->frame, hg_mask_lookup,
							 found_record, ctx);
	return result;
}

/* ---------- hoopguard._real ---------- */

/*
 * hoopguard._real(value anyelement, internal): its first argument.  Runs only
 * where the planner kept a subquery apart, and gives the mask then.
 */
Datum
hoopguard__real(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/*
 * The expression with its mask taken off, or NULL to ask again later: a
 * column of a subquery may still be replaced by what stands below it.
 */
static Node *
take_off_mask(PlannerInfo *root, Node *node)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, RelabelType))
	{
		RelabelType *relabel;
		Node	   *arg = take_off_mask(root, (Node *) ((RelabelType *) node)->arg);

		if (arg == NULL)
			return NULL;
		relabel = makeNode(RelabelType);
		memcpy(relabel, node, sizeof(RelabelType));
		relabel->arg = (Expr *) arg;
		return (Node *) relabel;
	}
	if (IsA(node, PlaceHolderVar))
	{
		PlaceHolderVar *phv = (PlaceHolderVar *) node;
		Node	   *below = take_off_mask(root, (Node *) phv->phexpr);
		Node	   *var;

		if (below == NULL)
			return NULL;
		/* a column is NULL above an outer join without help, others are not */
		below = copyObject(below);
		var = strip_relabel(below);
		if (!IsA(var, Var) || phv->phlevelsup != 0)
			return node;
#if PG_VERSION_NUM >= 160000
		((Var *) var)->varnullingrels =
			bms_add_members(((Var *) var)->varnullingrels, phv->phnullingrels);
#endif
		return below;
	}
	if (IsA(node, FuncExpr) &&
		((FuncExpr *) node)->funcid == hg_catalog_mask_function())
		return (Node *) linitial(((FuncExpr *) node)->args);
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varlevelsup != 0 || var->varno < 1 ||
			var->varno > list_length(root->parse->rtable) ||
			rt_fetch(var->varno, root->parse->rtable)->rtekind != RTE_RELATION)
			return NULL;
	}
	return node;
}

/* hoopguard._real_support(internal): planner support of _real. */
Datum
hoopguard__real_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	Node	   *result = NULL;

	if (IsA(request, SupportRequestSimplify))
	{
		SupportRequestSimplify *simplify = (SupportRequestSimplify *) request;

		if (simplify->root != NULL)
			result = take_off_mask(simplify->root,
								   (Node *) linitial(simplify->fcall->args));
	}
	PG_RETURN_POINTER(result);
}

/* ---------- refuse ---------- */

static bool
found_refused(void *arg, const HgMaskRel *rel, AttrNumber attnum)
{
	if (rel->masks[attnum - 1]->match == HG_MATCH_REFUSE)
		hg_mask_refuse(HG_ERRCODE_PREDICATE, "predicate", NULL,
					   rel->policy_rel->schema, rel->policy_rel->name,
					   rel->names[attnum - 1],
					   "masked column \"%s\" of relation \"%s\" cannot be used in a condition, grouping or order",
					   "Select the column without filtering, joining, grouping, sorting or comparing by it.");
	return false;
}

void
hg_mask_check_refuse(HgMaskContext *ctx, Node *node)
{
	if (ctx->any_refuse && !ctx->observe && node != NULL)
		(void) hg_mask_trace(node, NIL, ctx->frame, hg_mask_lookup,
							 found_refused, ctx);
}

/* An aggregate or window function whose result is one of its inputs by rank. */
static bool
is_ranking(Oid funcid)
{
	char	   *name;

	if (funcid >= FirstNormalObjectId)
		return false;
	name = get_func_name(funcid);
	return name != NULL &&
		(strcmp(name, "min") == 0 || strcmp(name, "max") == 0 ||
		 strcmp(name, "mode") == 0 || strncmp(name, "percentile_", 11) == 0);
}

void
hg_mask_check_node(HgMaskContext *ctx, Node *node)
{
	ListCell   *lc;

	if (!ctx->any_refuse || ctx->observe)
		return;
	switch (nodeTag(node))
	{
		case T_OpExpr:
		case T_FuncExpr:
			if (exprType(node) == BOOLOID)
				hg_mask_check_refuse(ctx, node);
			break;
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_RowCompareExpr:
		case T_MinMaxExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_BoolExpr:
			hg_mask_check_refuse(ctx, node);
			break;
		case T_CaseExpr:
			hg_mask_check_refuse(ctx, (Node *) ((CaseExpr *) node)->arg);
			break;
		case T_CaseWhen:
			hg_mask_check_refuse(ctx, (Node *) ((CaseWhen *) node)->expr);
			break;
		case T_SubLink:
			hg_mask_check_refuse(ctx, ((SubLink *) node)->testexpr);
			/* what IN and ANY compare with */
			if (((SubLink *) node)->testexpr != NULL)
				hg_mask_check_refuse(ctx, node);
			break;
		case T_Aggref:
			{
				Aggref	   *agg = (Aggref *) node;

				hg_mask_check_refuse(ctx, (Node *) agg->aggfilter);
				if (is_ranking(agg->aggfnoid))
					hg_mask_check_refuse(ctx, (Node *) agg->args);
				foreach(lc, agg->args)
				{
					TargetEntry *tle = lfirst_node(TargetEntry, lc);

					if (tle->ressortgroupref != 0)
						hg_mask_check_refuse(ctx, (Node *) tle->expr);
				}
				break;
			}
		case T_WindowFunc:
			hg_mask_check_refuse(ctx, (Node *) ((WindowFunc *) node)->aggfilter);
			if (is_ranking(((WindowFunc *) node)->winfnoid))
				hg_mask_check_refuse(ctx, (Node *) ((WindowFunc *) node)->args);
			break;
		default:
			break;
	}
}

/* Output columns of the arms of a set operation that compares rows. */
static void
check_set_operation(HgMaskContext *ctx, Query *query, Node *node)
{
	SetOperationStmt *op;

	if (!IsA(node, SetOperationStmt))
		return;
	check_stack_depth();
	op = (SetOperationStmt *) node;
	if (op->op != SETOP_UNION || !op->all)
		hg_mask_check_refuse(ctx, (Node *) query->targetList);
	else
	{
		check_set_operation(ctx, query, op->larg);
		check_set_operation(ctx, query, op->rarg);
	}
}

void
hg_mask_check_clauses(HgMaskContext *ctx, Query *query)
{
	ListCell   *lc;

	if (!ctx->any_refuse || ctx->observe)
		return;
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->ressortgroupref != 0)
			hg_mask_check_refuse(ctx, (Node *) tle->expr);
	}
	hg_mask_check_refuse(ctx, query->havingQual);
	hg_mask_check_refuse(ctx, query->limitCount);
	hg_mask_check_refuse(ctx, query->limitOffset);
	if (query->setOperations != NULL)
		check_set_operation(ctx, query, query->setOperations);
}
