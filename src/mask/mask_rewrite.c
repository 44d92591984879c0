/*-------------------------------------------------------------------------
 *
 * mask_rewrite.c
 *	  Rewrites a Query so that masked columns read as their masks.
 *
 * Every Var of a masked column, at any level and in any clause, is wrapped in
 * hoopguard._mask(Var, specification), a function of the same type, typmod
 * and collation; the statement then gives what it would give if the table
 * held the masks.  _mask_fixed() is the same for masks that are one value for
 * all; planning makes a CASE of it.  The range table stays as it is, so ctid, tableoid, row
 * locks, inheritance and WHERE CURRENT OF work as ever, and the planner
 * translates the wrapped Var for partitions and children.
 *
 * The fields of a Query are visited one by one because not all of them are
 * to be masked:
 *
 * - row security (securityQuals, the row security part of withCheckOptions)
 *	 decides on real values.  But the condition of a security barrier view
 *	 that is the target of UPDATE or DELETE lands in the same list, and who
 *	 owns a view can put a talking function there; see
 *	 mask_target_quals().  The same goes for WITH CHECK OPTION.
 * - what ON CONFLICT infers its index from has to match that index.
 * - EXCLUDED holds what the client sent.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "base/catalog.h"
#include "base/report.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "mask/mask_int.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "rewrite/rowsecurity.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static Node *mask_mutator(Node *node, HgMaskContext *ctx);
static void mask_level(HgMaskContext *ctx, Query *query);

/* ---------- what is masked ---------- */

const HgMaskRel *
hg_mask_lookup(void *arg, Oid relid)
{
	HgMaskContext *ctx = (HgMaskContext *) arg;
	ListCell   *lc;

	foreach(lc, ctx->rels)
	{
		const HgMaskRel *rel = (const HgMaskRel *) lfirst(lc);

		if (rel->relid == relid)
			return rel;
	}
	return NULL;
}

/* Has the entry columns of a relation that could be masked? */
static bool
has_columns(RangeTblEntry *rte)
{
	if (rte->rtekind == RTE_RELATION)
		return hg_mask_relkind(rte->relkind);
	/* transition tables hold tuples of their relation */
	return rte->rtekind == RTE_NAMEDTUPLESTORE && OidIsValid(rte->relid);
}

const HgMaskRel *
hg_mask_lookup_rte(HgMaskContext *ctx, RangeTblEntry *rte)
{
	return has_columns(rte) ? hg_mask_lookup(ctx, rte->relid) : NULL;
}

RangeTblEntry *
hg_mask_var_rte(HgMaskFrame *frame, Var *var, HgMaskFrame **level)
{
	Index		up;

	for (up = var->varlevelsup; up > 0 && frame != NULL; up--)
		frame = frame->parent;
	*level = frame;
	if (frame == NULL || var->varno < 1 ||
		var->varno > list_length(frame->query->rtable))
		return NULL;
	return rt_fetch(var->varno, frame->query->rtable);
}

/*
 * Look at every relation of the tree, so that a statement without masked
 * columns is left alone and the lookup is complete before anything changes.
 */
static bool
collect_walker(Node *node, HgMaskContext *ctx)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;
		HgMaskRel  *rel;
		int			i;

		if (!has_columns(rte) || hg_mask_lookup(ctx, rte->relid) != NULL)
			return false;
		rel = hg_mask_rel(ctx->policy, rte->relid);
		if (rel == NULL)
			return false;
		ctx->rels = lappend(ctx->rels, rel);
		for (i = 0; i < rel->natts; i++)
		{
			if (rel->masks[i] == NULL)
				continue;
			if (rel->masks[i]->match == HG_MATCH_REFUSE)
				ctx->any_refuse = true;
			else if (rel->masks[i]->match != HG_MATCH_MASKED)
				ctx->any_match = true;
		}
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, collect_walker, ctx,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, collect_walker, ctx);
}

/* ---------- reporting ---------- */

void
hg_mask_record(HgMaskContext *ctx, const HgMaskRel *rel, AttrNumber attnum)
{
	MemoryContext old;
	char	   *name;
	ListCell   *lc;

	if (!ctx->record)
		return;
	if (ctx->result != NULL)
		ctx->result->relids = list_append_unique_oid(ctx->result->relids,
													 rel->relid);
	if (ctx->facts == NULL)
		return;

	name = psprintf("%s.%s.%s", rel->policy_rel->schema,
					rel->policy_rel->name, rel->names[attnum - 1]);
	foreach(lc, ctx->facts->masked_columns)
	{
		if (strcmp((char *) lfirst(lc), name) == 0)
			return;
	}
	old = MemoryContextSwitchTo(ctx->facts->context);
	ctx->facts->masked_columns = lappend(ctx->facts->masked_columns,
										 pstrdup(name));
	MemoryContextSwitchTo(old);
}

static bool
found_record(void *arg, const HgMaskRel *rel, AttrNumber attnum)
{
	hg_mask_record((HgMaskContext *) arg, rel, attnum);
	return false;
}

static bool
found_any(void *arg, const HgMaskRel *rel, AttrNumber attnum)
{
	return true;
}

void
hg_mask_refuse(int sqlstate, const char *builtin, const char *command,
	   const char *schema, const char *relation, const char *column,
	   const char *message, const char *hint)
{
	HgRefusal	refusal;
	const char *object = psprintf("%s.%s.%s", schema, relation, column);

	memset(&refusal, 0, sizeof(refusal));
	refusal.verdict = "deny";
	refusal.builtin = builtin;
	refusal.command = command;
	refusal.objects = &object;
	refusal.nobjects = 1;
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg_internal(message, column, relation),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 errhint("%s", hint)));
}

/* ---------- wrapping ---------- */

/*
 * The function to wrap in.  What conditions may see real values of has to stay
 * a call, from which hoopguard._real takes the column.
 */
static Oid
wrap_function(const HgColumnMask *mask)
{
	if ((mask->match == HG_MATCH_MASKED || mask->match == HG_MATCH_REFUSE) &&
		(strcmp(mask->method, "constant") == 0 ||
		 strcmp(mask->method, "redact") == 0 ||
		 strcmp(mask->method, "null") == 0))
		return hg_catalog_fixed_function();
	return hg_catalog_mask_function();
}

/* hoopguard._mask(var, 'method {args}'), of var's type. */
static Node *
wrap_column(HgMaskContext *ctx, Var *var, const HgColumnMask *mask)
{
	char	   *spec = mask->method;
	Oid			function = wrap_function(mask);
	Const	   *constant;
	FuncExpr   *call;

	if (!OidIsValid(function))
		ereport(ERROR,
				(errcode(HG_ERRCODE_MASKED),
				 errmsg("mask function of extension \"hoopguard\" is missing"),
				 errhint("Create the extension again.")));
	if (mask->args != NULL && strcmp(mask->args, "{}") != 0)
		spec = psprintf("%s %s", mask->method, mask->args);
	constant = makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
						 CStringGetTextDatum(spec), false, false);

	/*
	 * In the columns of a join, an implicit cast is what lets the planner of
	 * 16 and later mark the Var inside as nullable; the function is strict,
	 * so that is correct.  Elsewhere it is shown as the call it is.
	 */
	call = makeFuncExpr(function, var->vartype,
						list_make2(var, constant),
						var->varcollid, var->varcollid,
						ctx->in_alias ? COERCE_IMPLICIT_CAST :
						COERCE_EXPLICIT_CALL);
	if (ctx->result != NULL && !ctx->in_alias)
		ctx->result->masked_vars++;

	if (var->vartypmod == -1)
		return (Node *) call;
	return (Node *) makeRelabelType((Expr *) call, var->vartype,
									var->vartypmod, var->varcollid,
									COERCE_IMPLICIT_CAST);
}

/*
 * A reference to the whole row: CASE WHEN row IS NULL THEN NULL ELSE
 * ROW(columns, masked) END.  The test keeps null-extended rows of outer joins
 * NULL; it looks at the datum, not at the columns.
 */
static Node *
wrap_row(HgMaskContext *ctx, Var *var, RangeTblEntry *rte, const HgMaskRel *rel)
{
	Relation	relation = relation_open(rel->relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(relation);
	RowExpr    *row = makeNode(RowExpr);
	NullTest   *test = makeNode(NullTest);
	CaseWhen   *when = makeNode(CaseWhen);
	CaseExpr   *result = makeNode(CaseExpr);
	int			i;

	row->row_typeid = var->vartype;
	row->row_format = COERCE_IMPLICIT_CAST;
	row->location = -1;
	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		const HgColumnMask *mask = hg_mask_rel_column(rel, i + 1);
		Node	   *field;
		const char *name = "";

		if (att->attisdropped)
			field = (Node *) makeNullConst(INT4OID, -1, InvalidOid);
		else
		{
			Var		   *column = copyObject(var);

			/* the copy keeps level, nullability and OLD or NEW */
			column->varattno = i + 1;
			if (column->varnosyn > 0)
				column->varattnosyn = i + 1;
			column->vartype = att->atttypid;
			column->vartypmod = att->atttypmod;
			column->varcollid = att->attcollation;
			field = (Node *) column;
			if (mask != NULL)
			{
				hg_mask_record(ctx, rel, i + 1);
				field = wrap_column(ctx, column, mask);
			}
			name = NameStr(att->attname);
			/* a RECORD takes its names from the query */
			if (rte->eref != NULL && i < list_length(rte->eref->colnames))
				name = strVal(list_nth(rte->eref->colnames, i));
		}
		row->args = lappend(row->args, field);
		row->colnames = lappend(row->colnames, makeString(pstrdup(name)));
	}
	relation_close(relation, AccessShareLock);

	test->arg = (Expr *) var;
	test->nulltesttype = IS_NULL;
	test->argisrow = false;
	test->location = -1;

	when->expr = (Expr *) test;
	when->result = (Expr *) makeNullConst(var->vartype, -1, InvalidOid);
	when->location = -1;

	result->casetype = var->vartype;
	result->casecollid = InvalidOid;
	result->args = list_make1(when);
	result->defresult = (Expr *) row;
	result->location = -1;
	return (Node *) result;
}

static Node *
mask_var(HgMaskContext *ctx, Var *var)
{
	HgMaskFrame *frame;
	RangeTblEntry *rte = hg_mask_var_rte(ctx->frame, var, &frame);
	const HgMaskRel *rel;
	const HgColumnMask *mask;

	if (rte == NULL)
		ereport(ERROR,
				(errcode(HG_ERRCODE_MASKED),
				 errmsg_internal("cannot mask a column reference of an unknown query level")));

	/* system columns are nobody's secret */
	if (var->varattno < 0)
		return (Node *) var;
	/* EXCLUDED is what the client sent */
	if (frame->query->onConflict != NULL &&
		frame->query->onConflict->exclRelIndex == var->varno)
		return (Node *) var;

	if (rte->rtekind == RTE_JOIN)
	{
		/* its columns are masked in joinaliasvars; here they are in use */
		if (ctx->record)
			(void) hg_mask_trace((Node *) var, NIL, ctx->frame, hg_mask_lookup,
								 found_record, ctx);
		return (Node *) var;
	}
	rel = hg_mask_lookup_rte(ctx, rte);
	if (rel == NULL)
		return (Node *) var;
	if (var->varattno == 0)
		return wrap_row(ctx, var, rte, rel);
	mask = hg_mask_rel_column(rel, var->varattno);
	if (mask == NULL)
		return (Node *) var;
	hg_mask_record(ctx, rel, var->varattno);
	return wrap_column(ctx, var, mask);
}

static Node *
mask_mutator(Node *node, HgMaskContext *ctx)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
		return mask_var(ctx, (Var *) node);
	if (IsA(node, Query))
	{
		mask_level(ctx, (Query *) node);
		return node;
	}
	hg_mask_check_node(ctx, node);
	return expression_tree_mutator(node, mask_mutator, ctx);
}

#define MASK_LIST(ctx, list) \
	((List *) mask_mutator((Node *) (list), (ctx)))

/* ---------- conditions ---------- */

/*
 * A condition of WHERE or ON: each of its ANDed parts is masked, or left with
 * real values where the mask says so.
 */
static Node *
mask_quals(HgMaskContext *ctx, Node *quals)
{
	Node	   *matched;

	if (quals == NULL)
		return NULL;
	if (IsA(quals, BoolExpr) && ((BoolExpr *) quals)->boolop == AND_EXPR)
	{
		BoolExpr   *both = (BoolExpr *) quals;
		List	   *args = NIL;
		ListCell   *lc;

		check_stack_depth();
		foreach(lc, both->args)
			args = lappend(args, mask_quals(ctx, (Node *) lfirst(lc)));
		both->args = args;
		return quals;
	}

	hg_mask_check_refuse(ctx, quals);
	matched = hg_mask_match(ctx, quals);
	return matched ? matched : mask_mutator(quals, ctx);
}

static Node *
mask_jointree(HgMaskContext *ctx, Node *node)
{
	ListCell   *lc;

	if (node == NULL)
		return NULL;
	check_stack_depth();
	if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;

		foreach(lc, from->fromlist)
			lfirst(lc) = mask_jointree(ctx, (Node *) lfirst(lc));
		from->quals = mask_quals(ctx, from->quals);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		join->larg = mask_jointree(ctx, join->larg);
		join->rarg = mask_jointree(ctx, join->rarg);
		join->quals = mask_quals(ctx, join->quals);
	}
	return node;
}

/* ---------- writes ---------- */

/* Does the policy put a class or a mask on this column of the target? */
static bool
is_classified(HgMaskContext *ctx, Oid relid, AttrNumber attnum)
{
	const HgRelMask *rel = hg_policy_rel_mask(ctx->policy, relid);
	const HgMaskRel *masks = hg_mask_lookup(ctx, relid);
	int			i;

	for (i = 0; i < rel->nclasses; i++)
	{
		if (rel->classes[i].attnum == attnum)
			return true;
	}
	return masks != NULL && hg_mask_rel_column(masks, attnum) != NULL;
}

/*
 * HG006 if an assignment would replace a classified value by one made from a
 * mask.
 */
static void
check_assignments(HgMaskContext *ctx, List *tlist, const char *command)
{
	Query	   *query = ctx->frame->query;
	RangeTblEntry *target = rt_fetch(query->resultRelation, query->rtable);
	ListCell   *lc;

	if (ctx->observe || target->rtekind != RTE_RELATION ||
		target->relkind == RELKIND_VIEW)
		return;
	foreach(lc, tlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resjunk ||
			!is_classified(ctx, target->relid, tle->resno) ||
			!hg_mask_trace((Node *) tle->expr, tlist, ctx->frame, hg_mask_lookup,
						   found_any, ctx))
			continue;
		hg_mask_refuse(HG_ERRCODE_MASKED, "mask_write", command,
			   get_namespace_name(get_rel_namespace(target->relid)),
			   get_rel_name(target->relid),
			   get_attname(target->relid, tle->resno, false),
			   "classified column \"%s\" of relation \"%s\" would be overwritten with a value computed from a mask",
			   "Assign a value that reads no masked column, or leave the column out.");
	}
}

static bool
found_trigger_input(void *arg, const HgMaskRel *rel, AttrNumber attnum)
{
	hg_mask_refuse(HG_ERRCODE_MASKED, "mask_write", "UPDATE",
		   rel->policy_rel->schema, rel->policy_rel->name,
		   rel->names[attnum - 1],
		   "mask of column \"%s\" of relation \"%s\" would be handed to a view's trigger as its new value",
		   "Update the table below the view.");
	return true;
}

/*
 * HG006 for UPDATE of a view by an INSTEAD OF trigger when the view shows a
 * mask.  The trigger would get masks as the new values of columns that are
 * not even assigned, and most triggers write what they get.
 */
static void
check_view_trigger(HgMaskContext *ctx, Query *query)
{
	RangeTblEntry *target = rt_fetch(query->resultRelation, query->rtable);

	if (!ctx->observe && target->rtekind == RTE_RELATION &&
		target->relkind == RELKIND_VIEW)
		(void) hg_mask_trace((Node *) query->targetList, query->targetList,
							 ctx->frame, hg_mask_lookup, found_trigger_input,
							 ctx);
}

static void
check_writes(HgMaskContext *ctx, Query *query)
{
	ListCell   *lc;

	if (query->resultRelation == 0)
		return;
	if (query->commandType == CMD_UPDATE)
	{
		check_assignments(ctx, query->targetList, "UPDATE");
		check_view_trigger(ctx, query);
	}
	if (query->onConflict != NULL)
		check_assignments(ctx, query->onConflict->onConflictSet, "INSERT");
	foreach(lc, query->mergeActionList)
	{
		MergeAction *action = lfirst_node(MergeAction, lc);

		if (action->commandType == CMD_UPDATE)
		{
			check_assignments(ctx, action->targetList, "MERGE");
			check_view_trigger(ctx, query);
		}
	}
}

/*
 * Mask the conditions of security barrier views in the target's security
 * quals.  The rewriter puts row security in front of them, so it is asked
 * again how many of its own there are.
 */
static void
mask_target_quals(HgMaskContext *ctx, Query *query, RangeTblEntry *rte)
{
	List	   *security = NIL;
	List	   *checks = NIL;
	bool		has_security = false;
	bool		has_sublinks = false;
	List	   *quals = NIL;
	ListCell   *lc;
	int			n = 0;

	if (rte->rtekind == RTE_RELATION &&
		(rte->relkind == RELKIND_RELATION ||
		 rte->relkind == RELKIND_PARTITIONED_TABLE))
		get_row_security_policies(query, rte, query->resultRelation,
								  &security, &checks,
								  &has_security, &has_sublinks);
	if (list_length(security) > list_length(rte->securityQuals))
		ereport(ERROR,
				(errcode(HG_ERRCODE_MASKED),
				 errmsg("row security of relation \"%s\" changed while the statement was planned",
						get_rel_name(rte->relid)),
				 errhint("Run the statement again.")));

	foreach(lc, rte->securityQuals)
	{
		Node	   *qual = (Node *) lfirst(lc);

		if (n++ >= list_length(security))
			qual = mask_quals(ctx, qual);
		quals = lappend(quals, qual);
	}
	rte->securityQuals = quals;
}

/* ---------- one query level ---------- */

static void
mask_rte(HgMaskContext *ctx, RangeTblEntry *rte)
{
	bool		save_record = ctx->record;

	switch (rte->rtekind)
	{
		case RTE_RELATION:
			rte->tablesample = (TableSampleClause *)
				mask_mutator((Node *) rte->tablesample, ctx);
			break;
		case RTE_SUBQUERY:
			mask_level(ctx, rte->subquery);
			break;
		case RTE_JOIN:
			/* lists all columns of both sides, most of them not in use */
			ctx->record = false;
			ctx->in_alias = true;
			rte->joinaliasvars = MASK_LIST(ctx, rte->joinaliasvars);
			ctx->in_alias = false;
			ctx->record = save_record;
			break;
		case RTE_FUNCTION:
			rte->functions = MASK_LIST(ctx, rte->functions);
			break;
		case RTE_TABLEFUNC:
			rte->tablefunc = (TableFunc *)
				mask_mutator((Node *) rte->tablefunc, ctx);
			break;
		case RTE_VALUES:
			rte->values_lists = MASK_LIST(ctx, rte->values_lists);
			break;
#if PG_VERSION_NUM >= 180000
		case RTE_GROUP:
			hg_mask_check_refuse(ctx, (Node *) rte->groupexprs);
			rte->groupexprs = MASK_LIST(ctx, rte->groupexprs);
			break;
#endif
		default:
			break;
	}
}

static void
mask_merge_action(HgMaskContext *ctx, MergeAction *action)
{
	action->qual = mask_quals(ctx, action->qual);
	action->targetList = MASK_LIST(ctx, action->targetList);
}

static void
mask_level(HgMaskContext *ctx, Query *query)
{
	HgMaskFrame frame;
	bool		save_alias = ctx->in_alias;
	ListCell   *lc;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (query->commandType == CMD_UTILITY)
		return;

	frame.parent = ctx->frame;
	frame.query = query;
	ctx->frame = &frame;
	ctx->in_alias = false;

	check_writes(ctx, query);
	hg_mask_check_clauses(ctx, query);

	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		mask_level(ctx, castNode(Query, cte->ctequery));
	}
	foreach(lc, query->rtable)
		mask_rte(ctx, lfirst_node(RangeTblEntry, lc));
	if (query->resultRelation != 0 && query->commandType != CMD_INSERT)
	{
		RangeTblEntry *target = rt_fetch(query->resultRelation,
										 query->rtable);

		if (target->securityQuals != NIL)
			mask_target_quals(ctx, query, target);
	}

	query->jointree = (FromExpr *)
		mask_jointree(ctx, (Node *) query->jointree);
	query->targetList = MASK_LIST(ctx, query->targetList);
	query->returningList = MASK_LIST(ctx, query->returningList);
	query->havingQual = mask_mutator(query->havingQual, ctx);
	query->limitOffset = mask_mutator(query->limitOffset, ctx);
	query->limitCount = mask_mutator(query->limitCount, ctx);

	foreach(lc, query->windowClause)
	{
		WindowClause *window = lfirst_node(WindowClause, lc);

		window->startOffset = mask_mutator(window->startOffset, ctx);
		window->endOffset = mask_mutator(window->endOffset, ctx);
	}
	foreach(lc, query->mergeActionList)
		mask_merge_action(ctx, lfirst_node(MergeAction, lc));
#if PG_VERSION_NUM >= 170000
	query->mergeJoinCondition = mask_quals(ctx, query->mergeJoinCondition);
#endif
	if (query->onConflict != NULL)
	{
		OnConflictExpr *conflict = query->onConflict;

		conflict->onConflictSet = MASK_LIST(ctx, conflict->onConflictSet);
		conflict->onConflictWhere = mask_quals(ctx,
											   conflict->onConflictWhere);
	}
	foreach(lc, query->withCheckOptions)
	{
		WithCheckOption *check = lfirst_node(WithCheckOption, lc);

		if (check->kind == WCO_VIEW_CHECK)
			check->qual = mask_mutator(check->qual, ctx);
	}

	ctx->in_alias = save_alias;
	ctx->frame = frame.parent;
}

Query *
hg_mask_query(Query *query, const HgPolicy *policy, HgFacts *facts,
			  HgMaskResult *result)
{
	HgMaskContext ctx;

	if (result != NULL)
		memset(result, 0, sizeof(HgMaskResult));
	if (policy->mask_mode == HG_MODE_OFF || query->commandType == CMD_UTILITY)
		return query;

	memset(&ctx, 0, sizeof(ctx));
	ctx.policy = policy;
	ctx.facts = facts;
	ctx.result = result;
	ctx.record = true;
	ctx.observe = policy->mask_mode == HG_MODE_OBSERVE;

	(void) collect_walker((Node *) query, &ctx);
	if (ctx.rels == NIL)
		return query;

	if (ctx.observe)
	{
		mask_level(&ctx, copyObject(query));
		return query;
	}
	mask_level(&ctx, query);
	return query;
}
