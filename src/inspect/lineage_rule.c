/*-------------------------------------------------------------------------
 *
 * lineage_rule.c
 *	  Rewrite rules: what was written, and what they do with it.
 *
 * Lineage is that of the statement as it was written: rules are not followed.
 * Where an INSTEAD rule takes a statement's place, nothing of that reaches the
 * planner.  So the statement is kept, from when it has been analysed, in an
 * entry of its own range table that nothing refers to: the rewriter copies
 * the range table into whatever it makes of the statement, and the plan cache
 * keeps it with the plan.  The entry's only column has the tree for a name,
 * since text is what nobody looks into on the way.
 *
 * One of the parts has the statement's edges, so that they are not recorded
 * with each: the statement itself if rules with a condition leave it, else
 * what stands in its place, else whatever is done beside it.
 *
 * What a rule does is in its definition: CREATE RULE has edges from the
 * columns of OLD and NEW to those that its actions write.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "inspect/lineage_int.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteDefine.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "rewrite/rewriteSupport.h"
#include "utils/rel.h"

/* What the entry is called; the part that has the edges comes after it. */
#define WRITTEN "hoopguard as written, edges with "

/* Behind that, where no rule has replaced anything. */
#define WHOLE " and its own"

#define NSOURCES (QSRC_NON_INSTEAD_RULE + 1)

/* What the rules of a statement's target are going to make of it. */
typedef struct Replacement
{
	bool		instead;		/* without a condition */
	bool		conditional;	/* INSTEAD with a condition */
	bool		on_update;		/* is there any rule ON UPDATE? */
	bool		makes[NSOURCES];	/* parts to be planned, by their source */
} Replacement;

bool		hg_lineage_only_looking = false;

/* Was ever a statement kept in this backend? */
static bool ever_kept = false;

static bool
is_ruled_command(const Query *query)
{
	return query->commandType == CMD_INSERT ||
		query->commandType == CMD_UPDATE || query->commandType == CMD_DELETE;
}

/* Does the rule fire in this session? */
static bool
fires(const RewriteRule *rule)
{
	if (rule->enabled == RULE_DISABLED)
		return false;
	return rule->enabled !=
		(SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA ?
		 RULE_FIRES_ON_ORIGIN : RULE_FIRES_ON_REPLICA);
}

static void
look_at_rule(const RewriteRule *rule, Replacement *replacement)
{
	QuerySource source = QSRC_NON_INSTEAD_RULE;
	ListCell   *lc;

	if (rule->isInstead && rule->qual != NULL)
	{
		source = QSRC_QUAL_INSTEAD_RULE;
		replacement->conditional = true;
	}
	else if (rule->isInstead)
	{
		source = QSRC_INSTEAD_RULE;
		replacement->instead = true;
	}
	foreach(lc, rule->actions)
	{
		CmdType		command = ((Query *) lfirst(lc))->commandType;

		if (command != CMD_NOTHING && command != CMD_UTILITY)
			replacement->makes[source] = true;
	}
}

static void
look_at_rules_of(Relation rel, CmdType command, Replacement *replacement)
{
	RuleLock   *rules = rel->rd_rules;

	for (int i = 0; rules != NULL && i < rules->numLocks; i++)
	{
		if (rules->rules[i]->event == CMD_UPDATE)
			replacement->on_update = true;
		if (rules->rules[i]->event == command && fires(rules->rules[i]))
			look_at_rule(rules->rules[i], replacement);
	}
}

static bool
has_instead_trigger(Relation view, CmdType command)
{
	TriggerDesc *triggers = view->trigdesc;

	if (triggers == NULL)
		return false;
	switch (command)
	{
		case CMD_INSERT:
			return triggers->trig_insert_instead_row;
		case CMD_UPDATE:
			return triggers->trig_update_instead_row;
		case CMD_DELETE:
			return triggers->trig_delete_instead_row;
		default:
			return false;
	}
}

Oid
hg_lineage_updated_base(Oid view, CmdType command)
{
	Relation	rel = try_relation_open(view, AccessShareLock);
	Replacement replacement = {0};
	Oid			base = InvalidOid;

	if (rel == NULL)
		return InvalidOid;
	if (rel->rd_rel->relkind == RELKIND_VIEW && rel->rd_rules != NULL &&
		!has_instead_trigger(rel, command))
	{
		look_at_rules_of(rel, command, &replacement);
		if (!replacement.instead)
		{
			Query	   *query = get_view_query(rel);
			List	   *from = query->jointree->fromlist;

			if (list_length(from) == 1 && IsA(linitial(from), RangeTblRef))
			{
				RangeTblEntry *rte =
					rt_fetch(linitial_node(RangeTblRef, from)->rtindex,
							 query->rtable);

				if (rte->rtekind == RTE_RELATION)
					base = rte->relid;
			}
		}
	}
	relation_close(rel, AccessShareLock);
	return base;
}

/* Also rules of what an auto-updatable view is about. */
static void
look_at_rules(Query *query, Replacement *replacement)
{
	Oid			relid = rt_fetch(query->resultRelation, query->rtable)->relid;

	while (OidIsValid(relid))
	{
		Relation	rel = try_relation_open(relid, AccessShareLock);
		bool		view;

		if (rel == NULL)
			return;
		look_at_rules_of(rel, query->commandType, replacement);
		view = rel->rd_rel->relkind == RELKIND_VIEW;
		relation_close(rel, NoLock);
		relid = view ? hg_lineage_updated_base(relid, query->commandType) :
			InvalidOid;
	}
}

/* Does an INSTEAD rule replace a data-modifying WITH query? */
static bool
replaces_with_query(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->hasModifyingCTE ? query->cteList : NIL)
	{
		Query	   *inner = (Query *) ((CommonTableExpr *) lfirst(lc))->ctequery;
		Replacement replacement = {0};

		if (!IsA(inner, Query) || !is_ruled_command(inner))
			continue;
		look_at_rules(inner, &replacement);
		if (replacement.instead || replacement.conditional)
			return true;
	}
	return false;
}

/* Constants have no sources, but may be long. */
static Node *
without_constants(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Const))
	{
		Const	   *value = (Const *) node;

		return (Node *) makeNullConst(value->consttype, value->consttypmod,
									  value->constcollid);
	}
	if (IsA(node, Query))
		return (Node *) query_tree_mutator((Query *) node, without_constants,
										   context, 0);
	return expression_tree_mutator(node, without_constants, context);
}

static bool
all_constants(List *row)
{
	ListCell   *lc;

	foreach(lc, row)
		if (!IsA(lfirst(lc), Const))
			return false;
	return true;
}

/* The tree as text; of many rows of VALUES those without a source go. */
static char *
written_text(Query *query)
{
	Query	   *kept = palloc(sizeof(Query));
	ListCell   *lc;

	memcpy(kept, query, sizeof(Query));
	kept->rtable = list_copy(query->rtable);

	foreach(lc, kept->rtable)
	{
		RangeTblEntry *rte = (RangeTblEntry *) lfirst(lc);
		RangeTblEntry *copy;
		List	   *rows = NIL;
		ListCell   *lc2;

		if (rte->rtekind != RTE_VALUES)
			continue;
		foreach(lc2, rte->values_lists)
			if (rows == NIL || !all_constants((List *) lfirst(lc2)))
				rows = lappend(rows, lfirst(lc2));
		copy = palloc(sizeof(RangeTblEntry));
		memcpy(copy, rte, sizeof(RangeTblEntry));
		copy->values_lists = rows;
		lfirst(lc) = copy;
	}
	return nodeToString(without_constants((Node *) kept, NULL));
}

/*
 * Is a value given for an identity column that OVERRIDING USER VALUE then
 * ignores?  The rewriter takes it out of the statement.
 */
static bool
overrides_value(Query *query)
{
	ListCell   *lc;

	if (query->commandType == CMD_INSERT &&
		query->override == OVERRIDING_USER_VALUE)
		return true;
	foreach(lc, query->commandType == CMD_MERGE ? query->mergeActionList : NIL)
	{
		if (((MergeAction *) lfirst(lc))->override == OVERRIDING_USER_VALUE)
			return true;
	}
	foreach(lc, query->hasModifyingCTE ? query->cteList : NIL)
	{
		Query	   *inner = (Query *) ((CommonTableExpr *) lfirst(lc))->ctequery;

		if (IsA(inner, Query) && overrides_value(inner))
			return true;
	}
	return false;
}

bool
hg_lineage_keep_written(Query *query)
{
	Replacement replacement = {0};
	bool		whole = false;
	QuerySource part = QSRC_ORIGINAL;
	RangeTblEntry *rte;

	if (hg_lineage_only_looking)
		return true;
	if (is_ruled_command(query))
		look_at_rules(query, &replacement);
	if (replacement.instead)
	{
		if (replacement.makes[QSRC_INSTEAD_RULE])
			part = QSRC_INSTEAD_RULE;
		else if (replacement.makes[QSRC_QUAL_INSTEAD_RULE])
			part = QSRC_QUAL_INSTEAD_RULE;
		else if (replacement.makes[QSRC_NON_INSTEAD_RULE])
			part = QSRC_NON_INSTEAD_RULE;
		else
			return query->returningList != NIL ||
				(query->onConflict != NULL && replacement.on_update);
	}
	else if (!replacement.conditional && !replaces_with_query(query))
	{
		if (!overrides_value(query))
			return true;
		whole = true;
	}

	rte = makeNode(RangeTblEntry);
	rte->rtekind = RTE_RESULT;
	rte->eref = makeAlias(psprintf(whole ? WRITTEN "%d" WHOLE : WRITTEN "%d",
								   part),
						  list_make1(makeString(written_text(query))));
	query->rtable = lappend(query->rtable, rte);
	ever_kept = true;
	return true;
}

/*
 * The entry that keeps the statement, NULL if there is none.  INSERT ...
 * SELECT as a rule's action has it below the SELECT.
 */
static RangeTblEntry *
find_written(Query *query)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = (RangeTblEntry *) lfirst(lc);
		RangeTblEntry *found = NULL;

		if (rte->rtekind == RTE_RESULT && rte->eref != NULL &&
			list_length(rte->eref->colnames) == 1 &&
			strncmp(rte->eref->aliasname, WRITTEN, strlen(WRITTEN)) == 0)
			return rte;
		if (query->querySource != QSRC_ORIGINAL &&
			query->commandType == CMD_INSERT &&
			rte->rtekind == RTE_SUBQUERY && rte->subquery != NULL)
			found = find_written(rte->subquery);
		if (found != NULL)
			return found;
	}
	return NULL;
}

Query *
hg_lineage_written(Query *query, bool *edges, bool *ruled)
{
	RangeTblEntry *rte = ever_kept ? find_written(query) : NULL;

	*edges = *ruled = false;
	if (rte == NULL)
		return NULL;
	*ruled = strstr(rte->eref->aliasname, WHOLE) == NULL;
	*edges = atoi(rte->eref->aliasname + strlen(WRITTEN)) ==
		(int) query->querySource;
	return stringToNode(strVal(linitial(rte->eref->colnames)));
}

void
hg_lineage_drop_written(Query *query)
{
	RangeTblEntry *rte;

	/* a rule's action has a copy for each rule that led to it */
	while (ever_kept && (rte = find_written(query)) != NULL)
	{
		/* entries after it have their numbers */
		if (rte == llast(query->rtable))
			query->rtable = list_truncate(query->rtable,
										  list_length(query->rtable) - 1);
		else
			rte->eref = makeAlias("*RESULT*", NIL);
	}
}

/* ---- definitions ---- */

/* One action of a rule; qual is the rule's condition. */
static void
action_lineage(HgFacts *facts, Query *action, Node *qual, Oid relid,
			   const HgPolicy *policy)
{
	LinRun	   *run;
	LinScope   *scope;
	LinScope   *around;
	RangeTblEntry *target;

	if (!is_ruled_command(action))
		return;
	run = hg_lineage_run_create(facts, policy, NULL);
	run->edges_only = true;
	run->ruled = relid;
	scope = hg_lineage_scope_create(run, action, NULL, NULL);
	hg_lineage_dml(scope);
	hg_lineage_reads(scope);

	/* OLD and NEW are where an INSERT has its SELECT */
	around = scope;
	if (action->commandType == CMD_INSERT &&
		getInsertSelectQuery(action, NULL) != action)
	{
		RangeTblRef *from = linitial(action->jointree->fromlist);

		around = hg_lineage_scope_child(scope, from->rtindex);
	}
	target = hg_lineage_rte(scope, action->resultRelation);
	if (qual != NULL && around != NULL && target != NULL)
		hg_lineage_expr(around, qual, LIN_FILTER,
						hg_lineage_target(run,
										  hg_lineage_rel(run, target->relid),
										  InvalidAttrNumber, NULL));
	hg_lineage_run_finish(run);
}

void
hg_lineage_rule(HgFacts *facts, Oid relid, const char *name,
				const HgPolicy *policy)
{
	Relation	rel;
	Oid			ruleid;

	rel = OidIsValid(relid) ? try_relation_open(relid, AccessShareLock) : NULL;
	if (rel == NULL)
		return;
	ruleid = get_rewrite_oid(relid, name, true);
	for (int i = 0; rel->rd_rules != NULL && i < rel->rd_rules->numLocks; i++)
	{
		RewriteRule *rule = rel->rd_rules->rules[i];
		List	   *actions;
		Node	   *qual;
		ListCell   *lc;

		if (rule->ruleId != ruleid || rule->event == CMD_SELECT)
			continue;
		actions = copyObject(rule->actions);
		qual = copyObject(rule->qual);
		foreach(lc, actions)
			action_lineage(facts, (Query *) lfirst(lc), qual, relid, policy);
		break;
	}
	relation_close(rel, AccessShareLock);
}
