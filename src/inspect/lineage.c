/*-------------------------------------------------------------------------
 *
 * lineage.c
 *	  Column lineage of a statement: edges, datasets read and written.
 *
 * Here a statement's outputs meet their targets; where outputs come from is
 * lineage_expr.c's part.  A data-modifying WITH query is a statement of its
 * own, with its own target, whether or not anybody reads its rows.
 *
 * What the user wrote counts, not what the rewriter made of it.  Defaults
 * that it filled in do no harm, they have no sources; actions of rules
 * (lineage_rule.c) and the quals of row-level security are left out on
 * purpose.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "access/tupdesc.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "inspect/lineage_int.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* ---- datasets read ---- */

/* Sub-selects in expressions read as much as those in FROM. */
static bool
reads_walker(Node *node, void *context)
{
	LinScope   *scope = (LinScope *) context;

	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, SubLink))
	{
		SubLink    *sublink = (SubLink *) node;
		Query	   *query = (Query *) sublink->subselect;

		if (query != NULL && IsA(query, Query))
			hg_lineage_reads(hg_lineage_scope_sublink(scope, query));
		return reads_walker(sublink->testexpr, context);
	}
	if (IsA(node, Query))
		return false;
	return expression_tree_walker(node, reads_walker, context);
}

static void
reads_of_rte(LinScope *scope, int rti)
{
	RangeTblEntry *rte = hg_lineage_rte(scope, rti);
	LinScope   *source = NULL;
	LinScope   *owner;
	LinCte	   *cte;

	if (rte == NULL || rti == scope->query->resultRelation ||
		rti == scope->result_copy)
		return;
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			hg_lineage_rel(scope->run, rte->relid)->read = true;
			source = hg_lineage_scope_child(scope, rti);
			break;
		case RTE_SUBQUERY:
			if (OidIsValid(hg_lineage_view_of(rte)))
				hg_lineage_rel(scope->run,
							   hg_lineage_view_of(rte))->read = true;
			source = hg_lineage_scope_child(scope, rti);
			break;
		case RTE_CTE:
			cte = hg_lineage_find_cte(scope, rte, &owner);
			if (cte != NULL)
				source = hg_lineage_scope_cte(owner, cte);
			break;
		default:
			break;
	}
	if (source != NULL)
		hg_lineage_reads(source);
	if (scope->query->hasSubLinks)
	{
		reads_walker((Node *) rte->functions, scope);
		reads_walker((Node *) rte->values_lists, scope);
		reads_walker((Node *) rte->tablefunc, scope);
		reads_walker((Node *) rte->tablesample, scope);
	}
}

static void
reads_of_jointree(LinScope *scope, Node *node)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	check_stack_depth();
	if (IsA(node, RangeTblRef))
		reads_of_rte(scope, ((RangeTblRef *) node)->rtindex);
	else if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;

		foreach(lc, from->fromlist)
			reads_of_jointree(scope, (Node *) lfirst(lc));
		if (scope->query->hasSubLinks)
			reads_walker(from->quals, scope);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		reads_of_jointree(scope, join->larg);
		reads_of_jointree(scope, join->rarg);
		if (scope->query->hasSubLinks)
			reads_walker(join->quals, scope);
	}
	else if (IsA(node, SetOperationStmt))
	{
		reads_of_jointree(scope, ((SetOperationStmt *) node)->rarg);
		reads_of_jointree(scope, ((SetOperationStmt *) node)->larg);
	}
}

/*
 * Mark what a query reads, down to base tables.  WITH queries count when
 * something that counts refers to them.
 */
void
hg_lineage_reads(LinScope *scope)
{
	Query	   *query = scope->query;
	ListCell   *lc;

	if (scope->reads_done || query == NULL)
		return;
	scope->reads_done = true;
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	reads_of_jointree(scope, (Node *) query->jointree);
	reads_of_jointree(scope, query->setOperations);
	if (query->hasSubLinks)
	{
		reads_walker((Node *) query->targetList, scope);
		reads_walker((Node *) query->returningList, scope);
		reads_walker(query->havingQual, scope);
		reads_walker(query->limitOffset, scope);
		reads_walker(query->limitCount, scope);
		foreach(lc, query->windowClause)
		{
			reads_walker(((WindowClause *) lfirst(lc))->startOffset, scope);
			reads_walker(((WindowClause *) lfirst(lc))->endOffset, scope);
		}
		foreach(lc, query->mergeActionList)
		{
			MergeAction *action = (MergeAction *) lfirst(lc);

			reads_walker(action->qual, scope);
			reads_walker((Node *) action->targetList, scope);
		}
#if PG_VERSION_NUM >= 170000
		reads_walker(query->mergeJoinCondition, scope);
#endif
#if PG_VERSION_NUM >= 180000
		foreach(lc, query->rtable)
		{
			RangeTblEntry *rte = (RangeTblEntry *) lfirst(lc);

			if (rte->rtekind == RTE_GROUP)
				reads_walker((Node *) rte->groupexprs, scope);
		}
#endif
		if (query->onConflict != NULL)
		{
			reads_walker((Node *) query->onConflict->onConflictSet, scope);
			reads_walker(query->onConflict->onConflictWhere, scope);
		}
	}
	for (int i = 0; i < scope->nctes; i++)
	{
		LinScope   *cte = hg_lineage_scope_cte(scope, &scope->ctes[i]);

		if (cte != NULL && cte->query->commandType != CMD_SELECT)
			hg_lineage_reads(cte);
	}
}

/* ---- targets ---- */

/* Does a generation expression use a column that the statement assigns? */
static bool
uses_assigned(Node *expr, LinMap **assigned, int natts)
{
	Bitmapset  *attnos = NULL;
	int			member = -1;

	pull_varattnos(expr, 1, &attnos);
	while ((member = bms_next_member(attnos, member)) >= 0)
	{
		int			attno = member + FirstLowInvalidHeapAttributeNumber;

		if (attno >= 1 && attno <= natts && assigned[attno - 1] != NULL)
			return true;
	}
	return false;
}

/*
 * Edges to the stored generated columns of a written table.  assigned: by
 * attnum - 1, NULL for columns the statement leaves alone; for INSERT those
 * give nothing, else they stand for their old value.
 */
static void
emit_generated(LinScope *scope, LinRel *rel, LinMap **assigned, bool insert)
{
	LinRun	   *run = scope->run;
	Relation	relation;
	TupleConstr *constr;
	LinScope   *generated;

	if (rel->relkind == RELKIND_VIEW)
		return;
	relation = try_relation_open(rel->relid, AccessShareLock);
	if (relation == NULL)
		return;
	constr = RelationGetDescr(relation)->constr;
	if (constr == NULL || !constr->has_generated_stored)
	{
		relation_close(relation, AccessShareLock);
		return;
	}
	generated = hg_lineage_scope_create(run, NULL, NULL, NULL);
	generated->assigned = assigned;
	generated->nassigned = rel->natts;
	generated->generated_rel = rel;
	generated->keep_old = !insert;
	for (int i = 0; i < constr->num_defval; i++)
	{
		AttrNumber	attno = constr->defval[i].adnum;
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(relation),
											  attno - 1);
		Node	   *expr;

		if (att->attgenerated != ATTRIBUTE_GENERATED_STORED ||
			att->attisdropped)
			continue;
		expr = stringToNode(constr->defval[i].adbin);
		if (insert || uses_assigned(expr, assigned, rel->natts))
			hg_lineage_expr(generated, expr, LIN_IDENTITY,
							hg_lineage_target(run, rel, attno, NULL));
	}
	relation_close(relation, AccessShareLock);
}

/* The column of the query's target that is written as column attno. */
static AttrNumber
written_column(LinScope *scope, AttrNumber attno)
{
	LinRel	   *view = scope->result_view;

	while (view != NULL)
	{
		LinScope   *inner = hg_lineage_scope_view(scope->run, view);
		TargetEntry *tle = NULL;
		Oid			base;

		if (inner != NULL && attno >= 1 &&
			attno <= list_length(inner->query->targetList))
			tle = list_nth_node(TargetEntry, inner->query->targetList,
								attno - 1);
		if (tle == NULL || !IsA(tle->expr, Var))
			return InvalidAttrNumber;
		attno = ((Var *) tle->expr)->varattno;
		base = hg_lineage_updated_base(view->relid,
									   scope->query->commandType);
		view = hg_lineage_rel(scope->run, base);
		if (view->relkind != RELKIND_VIEW ||
			!OidIsValid(hg_lineage_updated_base(base,
												scope->query->commandType)))
			break;
	}
	return attno;
}

/* What a view is written through to; views on the way are written, too. */
static LinRel *
written_through(LinScope *scope)
{
	LinRel	   *rel = scope->result_view;
	Oid			base;

	while (rel->relkind == RELKIND_VIEW &&
		   OidIsValid(base = hg_lineage_updated_base(rel->relid,
													 scope->query->commandType)))
	{
		rel->written = true;
		rel = hg_lineage_rel(scope->run, base);
		CHECK_FOR_INTERRUPTS();
	}
	return rel;
}

/* Edges of the assignments of one INSERT, UPDATE or action of these. */
static void
emit_assignments(LinScope *scope, List *tlist, LinRel *rel, bool insert)
{
	LinRun	   *run = scope->run;
	LinMap	  **assigned;
	ListCell   *lc;

	if (!rel->exists)
		return;
	assigned = MemoryContextAllocZero(run->context,
									  sizeof(LinMap *) * Max(rel->natts, 1));
	scope->assignments = tlist;
	foreach(lc, tlist)
	{
		TargetEntry *tle = (TargetEntry *) lfirst(lc);
		AttrNumber	attno = written_column(scope, tle->resno);
		LinMap	   *set;

		if (tle->resjunk || attno < 1 || attno > rel->natts)
			continue;
		/* as it was written, parts of a column may be assigned one by one */
		set = assigned[attno - 1];
		if (set == NULL)
			set = assigned[attno - 1] = hg_lineage_map_create(run->context);
		hg_lineage_expr(scope, (Node *) tle->expr, LIN_IDENTITY, set);
		if (set->n > 0)
			hg_lineage_set_merge(hg_lineage_target(run, rel, attno, NULL),
								 set, LIN_IDENTITY);
	}
	scope->assignments = NIL;
	emit_generated(scope, rel, assigned, insert);
}

/*
 * OVERRIDING USER VALUE: the rewriter has taken the identity columns out of
 * the statement, but what was supplied for them is still in the sub-select,
 * as the output columns that nothing uses.  Which is whose is certain if there
 * are as many of these as identity columns.
 */
static void
emit_overridden(LinScope *scope, LinRel *rel)
{
	Query	   *query = scope->query;
	Relation	relation;
	RangeTblEntry *rte;
	Bitmapset  *used = NULL;
	List	   *unused = NIL;
	List	   *identity = NIL;
	ListCell   *lc;
	ListCell   *lc2;
	int			rti;

	if (query->override != OVERRIDING_USER_VALUE ||
		query->jointree == NULL ||
		list_length(query->jointree->fromlist) != 1 ||
		!IsA(linitial(query->jointree->fromlist), RangeTblRef))
		return;
	rti = ((RangeTblRef *) linitial(query->jointree->fromlist))->rtindex;
	rte = hg_lineage_rte(scope, rti);
	if (rte == NULL || rte->rtekind != RTE_SUBQUERY)
		return;
	pull_varattnos((Node *) query->targetList, rti, &used);
	foreach(lc, rte->subquery->targetList)
	{
		TargetEntry *tle = (TargetEntry *) lfirst(lc);

		if (!tle->resjunk &&
			!bms_is_member(tle->resno - FirstLowInvalidHeapAttributeNumber,
						   used))
			unused = lappend(unused, tle);
	}
	relation = try_relation_open(rel->relid, AccessShareLock);
	if (relation == NULL)
		return;
	for (int i = 0; i < RelationGetDescr(relation)->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(relation), i);

		if (att->attidentity != '\0' && !att->attisdropped)
			identity = lappend(identity, att);
	}
	if (list_length(unused) == list_length(identity))
	{
		forboth(lc, unused, lc2, identity)
		{
			TargetEntry *tle = (TargetEntry *) lfirst(lc);
			Form_pg_attribute att = (Form_pg_attribute) lfirst(lc2);
			LinMask		kind = LIN_IDENTITY;
			Var		   *var;

			if (!IsBinaryCoercible(exprType((Node *) tle->expr),
								   att->atttypid))
				kind = LIN_TRANSFORMATION;
			var = makeVar(rti, tle->resno, exprType((Node *) tle->expr), -1,
						  InvalidOid, 0);
			hg_lineage_var(scope, var, kind,
						   hg_lineage_target(scope->run, rel, att->attnum,
											 NULL));
		}
	}
	relation_close(relation, AccessShareLock);
}

void
hg_lineage_dml(LinScope *scope)
{
	Query	   *query = scope->query;
	RangeTblEntry *result = hg_lineage_rte(scope, query->resultRelation);
	LinRun	   *run = scope->run;
	LinRel	   *rel;
	ListCell   *lc;

	if (result == NULL || result->rtekind != RTE_RELATION)
		return;
	rel = scope->result_view != NULL ? written_through(scope) :
		hg_lineage_rel(run, result->relid);
	rel->written = true;

	/* an entry of a rule's action may also be what the rule was found by */
	foreach(lc, run->rule ? NIL : hg_lineage_written_views(scope))
		hg_lineage_rel(run, lfirst_oid(lc))->written = true;

	switch (query->commandType)
	{
		case CMD_INSERT:
			emit_assignments(scope, query->targetList, rel, true);
			emit_overridden(scope, rel);
			if (query->onConflict != NULL &&
				query->onConflict->action == ONCONFLICT_UPDATE)
				emit_assignments(scope, query->onConflict->onConflictSet,
								 rel, false);
			break;
		case CMD_UPDATE:
			emit_assignments(scope, query->targetList, rel, false);
			break;
		case CMD_MERGE:
			foreach(lc, query->mergeActionList)
			{
				MergeAction *action = (MergeAction *) lfirst(lc);

				if (action->commandType == CMD_INSERT)
					emit_assignments(scope, action->targetList, rel, true);
				else if (action->commandType == CMD_UPDATE)
					emit_assignments(scope, action->targetList, rel, false);
			}
			break;
		default:
			break;
	}
	hg_lineage_set_merge(hg_lineage_target(run, rel, InvalidAttrNumber, NULL),
						 hg_lineage_effects(scope), LIN_IDENTITY);
}

/* What the statement hands to the client, or to the relation it creates. */
static void
emit_output(LinScope *scope)
{
	LinRun	   *run = scope->run;
	Query	   *query = scope->query;
	List	   *tlist;
	List	   *names = run->into != NULL ? run->into->column_names : NIL;
	ListCell   *lc;
	int			column = 0;

	tlist = query->commandType == CMD_SELECT ?
		query->targetList : query->returningList;
	foreach(lc, tlist)
	{
		TargetEntry *tle = (TargetEntry *) lfirst(lc);
		const LinMap *set;
		const char *name = tle->resname;

		if (tle->resjunk)
			continue;
		if (column < list_length(names))
			name = strVal(list_nth(names, column));
		column++;
		set = hg_lineage_output(scope, tle->resno);
		if (set->n > 0)
			hg_lineage_set_merge(hg_lineage_target(run, NULL,
												   InvalidAttrNumber,
												   name != NULL ? name :
												   "?column?"),
								 set, LIN_IDENTITY);
	}
	if (query->commandType == CMD_SELECT || query->returningList != NIL)
		hg_lineage_set_merge(hg_lineage_target(run, NULL, InvalidAttrNumber,
											   NULL),
							 hg_lineage_effects(scope), LIN_IDENTITY);
}

/*
 * REFRESH MATERIALIZED VIEW CONCURRENTLY computes and applies a difference
 * through temporary tables.  Such steps are not lineage.  A definition cannot
 * use temporary tables, and nothing else can write a materialized view.
 */
static bool
is_refresh_step(Query *query, const HgLineageTarget *into)
{
	ListCell   *lc;
	int			rti = 0;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = (RangeTblEntry *) lfirst(lc);

		rti++;
		if (rte->rtekind != RTE_RELATION)
			continue;
		if (rti == query->resultRelation &&
			get_rel_relkind(rte->relid) == RELKIND_MATVIEW)
			return true;
		if (into != NULL && into->matview &&
			get_rel_persistence(rte->relid) == RELPERSISTENCE_TEMP)
			return true;
	}
	return false;
}

/* Lineage of one tree: as it was written, or a part that rules made of it. */
static void
run_query(HgFacts *facts, Query *query, const HgLineageTarget *into,
		  const HgPolicy *policy, bool rule, bool edges_only)
{
	LinRun	   *run = hg_lineage_run_create(facts, policy, into);
	LinScope   *scope;

	run->rule = rule;
	run->edges_only = edges_only;
	scope = run->top = hg_lineage_scope_create(run, query, NULL, NULL);
	if (query->commandType != CMD_SELECT)
		hg_lineage_dml(scope);
	for (int i = 0; i < scope->nctes; i++)
	{
		LinScope   *cte = hg_lineage_scope_cte(scope, &scope->ctes[i]);

		if (cte != NULL && cte->query->commandType != CMD_SELECT)
			hg_lineage_dml(cte);
	}
	emit_output(scope);
	hg_lineage_reads(scope);
	hg_lineage_run_finish(run);
}

void
hg_lineage_query(HgFacts *facts, Query *query, const HgLineageTarget *into,
				 const HgPolicy *policy)
{
	Query	   *written;
	bool		edges;
	bool		ruled;

	if (query->commandType == CMD_UTILITY ||
		query->commandType == CMD_NOTHING ||
		query->commandType == CMD_UNKNOWN)
		return;

	if (((into != NULL && into->matview) || query->resultRelation != 0) &&
		is_refresh_step(query, into))
		return;

	/*
	 * Rules are not followed: their edges are those of the statement that
	 * they change.  Where that was not kept, in the body of a function that
	 * was stored as a tree, what replaces it has to do.
	 */
	written = hg_lineage_written(query, &edges, &ruled);
	if (written != NULL && edges)
		run_query(facts, written, into, policy, false, true);
	run_query(facts, query, into, policy,
			  ruled || query->querySource == QSRC_NON_INSTEAD_RULE ||
			  query->querySource == QSRC_QUAL_INSTEAD_RULE, false);
}

void
hg_lineage_dropped(HgFacts *facts, Query *query, const HgPolicy *policy)
{
	run_query(facts, query, NULL, policy, false, true);
}
