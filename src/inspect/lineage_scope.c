/*-------------------------------------------------------------------------
 *
 * lineage_scope.c
 *	  Where a Query of the tree stands: what its names can see.
 *
 * Each Query gets a scope, made when first needed, which knows the scope
 * around it.  The answers of a scope (the sources of an output column, the row
 * effects) are remembered in it, because the same WITH query or view may be
 * reached on exponentially many paths.
 *
 * What is remembered inside a recursive WITH query holds for one round of its
 * fixpoint only: each answer carries the version of its scope, a number that
 * grows with every round of every recursive query around.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "inspect/lineage_int.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "rewrite/prs2lock.h"
#include "utils/rel.h"

const LinMap hg_lineage_empty_set;

/* Like rt_fetch, but never beyond the end. */
RangeTblEntry *
hg_lineage_rte(LinScope *scope, int rti)
{
	if (scope->query == NULL || rti < 1 ||
		rti > list_length(scope->query->rtable))
		return NULL;
	return rt_fetch(rti, scope->query->rtable);
}

/*
 * The rewriter keeps the view's OID in the subquery RTE.  Early minor
 * releases of 15 did not: there the OLD entry tells.
 */
Oid
hg_lineage_view_of(RangeTblEntry *rte)
{
	RangeTblEntry *inner;

	if (rte->rtekind != RTE_SUBQUERY || rte->subquery == NULL)
		return InvalidOid;
	if (OidIsValid(rte->relid))
		return rte->relid;
	if (list_length(rte->subquery->rtable) < 2)
		return InvalidOid;
	inner = (RangeTblEntry *) linitial(rte->subquery->rtable);
	if (inner->rtekind == RTE_RELATION && inner->relkind == RELKIND_VIEW &&
		!inner->inFromCl && inner->eref != NULL &&
		strcmp(inner->eref->aliasname, "old") == 0)
		return inner->relid;
	return InvalidOid;
}

/*
 * A written view with INSTEAD OF triggers is in the tree twice: as result
 * relation, and expanded, to compute the old rows.  The expanded entry.
 */
static int
find_result_copy(Query *query)
{
	RangeTblEntry *result;
	ListCell   *lc;

	if (query->commandType == CMD_SELECT || query->resultRelation < 1 ||
		query->resultRelation > list_length(query->rtable))
		return 0;
	result = rt_fetch(query->resultRelation, query->rtable);
	if (result->rtekind != RTE_RELATION || result->relkind != RELKIND_VIEW)
		return 0;
#if PG_VERSION_NUM >= 170000
	if (query->commandType == CMD_MERGE)
		return query->mergeTargetRelation != query->resultRelation ?
			query->mergeTargetRelation : 0;
#endif
	if (query->jointree == NULL)
		return 0;
	foreach(lc, query->jointree->fromlist)
	{
		Node	   *node = (Node *) lfirst(lc);
		int			rti;

		if (!IsA(node, RangeTblRef))
			continue;
		rti = ((RangeTblRef *) node)->rtindex;
		if (hg_lineage_view_of(rt_fetch(rti, query->rtable)) == result->relid)
			return query->commandType == CMD_INSERT ? 0 : rti;
	}
	return 0;
}

/*
 * A written view that is updated automatically: the rewriter puts its base
 * relation in its place, but in a tree as it was written the view still is.
 */
static LinRel *
find_result_view(LinRun *run, Query *query)
{
	RangeTblEntry *result;

	if ((!run->edges_only &&
		 (run->into == NULL || !run->into->definition)) ||
		(query->commandType != CMD_INSERT &&
		 query->commandType != CMD_UPDATE &&
		 query->commandType != CMD_DELETE))
		return NULL;
	result = rt_fetch(query->resultRelation, query->rtable);
	if (result->rtekind != RTE_RELATION ||
		result->relkind != RELKIND_VIEW ||
		!OidIsValid(hg_lineage_updated_base(result->relid,
											query->commandType)))
		return NULL;
	return hg_lineage_rel(run, result->relid);
}

/* Columns of a WITH query but for those that SEARCH and CYCLE add. */
static int
cte_own_columns(CommonTableExpr *cte)
{
	int			n = list_length(cte->ctecolnames);
	char	   *last = NULL;

	if (cte->cycle_clause != NULL)
		last = cte->cycle_clause->cycle_path_column;
	else if (cte->search_clause != NULL)
		last = cte->search_clause->search_seq_column;

	/* The rewriter appends their names; the parser does not. */
	if (last == NULL || n == 0 ||
		strcmp(strVal(llast(cte->ctecolnames)), last) != 0)
		return n;
	n -= cte->search_clause != NULL ? 1 : 0;
	n -= cte->cycle_clause != NULL ? 2 : 0;
	return n;
}

LinScope *
hg_lineage_scope_create(LinRun *run, Query *query, LinScope *parent,
						LinRec *rec)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	LinScope   *scope = palloc0(sizeof(LinScope));
	ListCell   *lc;
	int			i = 0;

	scope->run = run;
	scope->query = query;
	scope->parent = parent;
	scope->rec = rec;
	if (query != NULL)
	{
		scope->nrtes = list_length(query->rtable);
		scope->noutputs = list_length(query->commandType == CMD_SELECT ?
									  query->targetList :
									  query->returningList);
		scope->nctes = list_length(query->cteList);
		if (scope->nctes > 0)
			scope->ctes = palloc0(sizeof(LinCte) * scope->nctes);
		foreach(lc, query->cteList)
		{
			scope->ctes[i].cte = (CommonTableExpr *) lfirst(lc);
			scope->ctes[i].ncolumns = cte_own_columns(scope->ctes[i].cte);
			i++;
		}
		scope->result_copy = find_result_copy(query);
		scope->result_view = find_result_view(run, query);
	}
	MemoryContextSwitchTo(old);
	return scope;
}

/* The scope of a sub-select in an expression; one per node. */
LinScope *
hg_lineage_scope_sublink(LinScope *scope, Query *query)
{
	LinRun	   *run = scope->run;
	uint64		key = (uint64) (uintptr_t) query;
	int			at = hg_lineage_map_find(run->scope_index, key);
	LinScope   *result;

	if (at >= 0)
		return run->scopes[run->scope_index->values[at]];
	result = hg_lineage_scope_create(run, query, scope, scope->rec);
	if (run->nscopes == run->scopes_allocated)
	{
		int			n = Max(8, run->scopes_allocated * 2);

		if (run->scopes == NULL)
			run->scopes = MemoryContextAlloc(run->context,
											 sizeof(LinScope *) * n);
		else
			run->scopes = repalloc_huge(run->scopes, sizeof(LinScope *) * n);
		run->scopes_allocated = n;
	}
	run->scopes[run->nscopes] = result;
	hg_lineage_map_put(run->scope_index, key, run->nscopes);
	run->nscopes++;
	return result;
}

/*
 * Copy of the query of a view or materialized view, in the current context;
 * NULL if it has none (any more).
 */
Query *
hg_lineage_stored_query(Oid relid)
{
	Relation	rel = try_relation_open(relid, AccessShareLock);
	Query	   *query = NULL;

	if (rel == NULL)
		return NULL;
	if ((rel->rd_rel->relkind == RELKIND_VIEW ||
		 rel->rd_rel->relkind == RELKIND_MATVIEW) && rel->rd_rules != NULL)
	{
		for (int i = 0; i < rel->rd_rules->numLocks; i++)
		{
			RewriteRule *rule = rel->rd_rules->rules[i];

			if (rule->event == CMD_SELECT && list_length(rule->actions) == 1)
				query = copyObject(linitial_node(Query, rule->actions));
		}
	}
	relation_close(rel, AccessShareLock);
	return query;
}

/* The scope of a view's query, from the catalog if need be; may be NULL. */
LinScope *
hg_lineage_scope_view(LinRun *run, LinRel *view)
{
	if (view->view == NULL && view->relkind == RELKIND_VIEW)
	{
		MemoryContext old = MemoryContextSwitchTo(run->context);
		Query	   *query = hg_lineage_stored_query(view->relid);

		if (query != NULL)
			view->view = hg_lineage_scope_create(run, query, NULL, NULL);
		MemoryContextSwitchTo(old);
	}
	return view->view;
}

/* OLD or NEW in the definition of a rule. */
static bool
is_old_or_new(const LinRun *run, const RangeTblEntry *rte)
{
	return OidIsValid(run->ruled) && rte->rtekind == RTE_RELATION &&
		rte->relid == run->ruled && !rte->inFromCl && rte->eref != NULL &&
		(strcmp(rte->eref->aliasname, "old") == 0 ||
		 strcmp(rte->eref->aliasname, "new") == 0);
}

/*
 * The scope of a subquery or view in the range table, or NULL.  A view has
 * one scope however often the rewriter copied it: nothing outside can be
 * seen from inside.
 */
LinScope *
hg_lineage_scope_child(LinScope *scope, int rti)
{
	RangeTblEntry *rte = hg_lineage_rte(scope, rti);
	LinRel	   *rel;
	Oid			view;

	if (rte == NULL || (rti == scope->query->resultRelation &&
						scope->result_view == NULL) ||
		rti == scope->result_copy || is_old_or_new(scope->run, rte))
		return NULL;
	if (scope->children == NULL)
		scope->children = MemoryContextAllocZero(scope->run->context,
												 sizeof(LinScope *) *
												 scope->nrtes);
	if (scope->children[rti - 1] != NULL)
		return scope->children[rti - 1];

	if (rte->rtekind == RTE_SUBQUERY && rte->subquery != NULL)
	{
		view = hg_lineage_view_of(rte);
		if (OidIsValid(view))
		{
			rel = hg_lineage_rel(scope->run, view);
			if (rel->view == NULL)
				rel->view = hg_lineage_scope_create(scope->run, rte->subquery,
													NULL, NULL);
			scope->children[rti - 1] = rel->view;
		}
		else
			scope->children[rti - 1] =
				hg_lineage_scope_create(scope->run, rte->subquery, scope,
										scope->rec);
	}
	else if (rte->rtekind == RTE_RELATION)
	{
		rel = hg_lineage_rel(scope->run, rte->relid);
		scope->children[rti - 1] = hg_lineage_scope_view(scope->run, rel);
	}
	return scope->children[rti - 1];
}

/* The WITH query an RTE means, and the scope that defines it; or NULL. */
LinCte *
hg_lineage_find_cte(LinScope *scope, RangeTblEntry *rte, LinScope **owner)
{
	for (Index up = 0; up < rte->ctelevelsup; up++)
	{
		scope = scope->parent;
		if (scope == NULL)
			return NULL;
	}
	for (int i = 0; i < scope->nctes; i++)
	{
		if (strcmp(scope->ctes[i].cte->ctename, rte->ctename) == 0)
		{
			*owner = scope;
			return &scope->ctes[i];
		}
	}
	return NULL;
}

/* Scope of a WITH query; scope is the one that defines it. */
LinScope *
hg_lineage_scope_cte(LinScope *scope, LinCte *cte)
{
	if (cte->scope == NULL && IsA(cte->cte->ctequery, Query))
	{
		LinRec	   *rec = scope->rec;

		if (cte->cte->cterecursive)
		{
			cte->rec.parent = scope->rec;
			rec = &cte->rec;
		}
		cte->scope = hg_lineage_scope_create(scope->run,
											 (Query *) cte->cte->ctequery,
											 scope, rec);
	}
	return cte->scope;
}

uint64
hg_lineage_scope_version(LinScope *scope)
{
	uint64		version = 0;

	for (LinRec *rec = scope->rec; rec != NULL; rec = rec->parent)
		version += rec->iteration;
	return version;
}

bool
hg_lineage_memo_valid(const LinMemo *memo, LinScope *scope)
{
	return memo->set != NULL &&
		memo->version == hg_lineage_scope_version(scope);
}
