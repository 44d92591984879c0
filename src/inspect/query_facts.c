/*-------------------------------------------------------------------------
 *
 * query_facts.c
 *	  Facts of a rewritten Query.
 *
 * What is easily got wrong: a rewritten tree is full of range table entries
 * that nobody reads (OLD and NEW of rules, the views that were expanded), so
 * what counts as read is what the parser asked permission for, never mere
 * presence.  Views get acts of their own beside those of their base tables,
 * so that a rule can name either.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "base/catalog.h"
#include "catalog/catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_operator.h"
#include "commands/trigger.h"
#include "inspect/facts_util.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"
#include "utils/syscache.h"

/* The Query being walked and those around it. */
typedef struct Scope
{
	Query	   *query;
	struct Scope *outer;
} Scope;

/* Columns of one relation that the statement uses for one command. */
typedef struct RelUse
{
	HgCommand	command;
	Oid			relid;
	Bitmapset  *columns;		/* attnum - FirstLowInvalidHeapAttributeNumber */
} RelUse;

typedef struct WalkState
{
	HgFacts    *facts;
	const HgPolicy *policy;
	Scope	   *scope;
	List	   *uses;			/* of RelUse, in walk order */
} WalkState;

static bool facts_walker(Node *node, WalkState *state);

/* ---- functions --------------------------------------------------------- */

/*
 * Add a function to facts: to the list of all, and as an act when a rule may
 * name it.  Built-in functions of no group are in the list only.
 */
void
hg_facts_add_function(HgFacts *facts, Oid funcid)
{
	MemoryContext oldcontext;
	HgCommand	group;
	char	   *name;
	HgAct	   *act;

	if (!OidIsValid(funcid) || list_member_oid(facts->functions, funcid))
		return;
	oldcontext = MemoryContextSwitchTo(facts->context);
	facts->functions = lappend_oid(facts->functions, funcid);
	MemoryContextSwitchTo(oldcontext);

	group = hg_function_group(funcid);
	if (group == HG_CMD_FUNCTION && funcid < FirstNormalObjectId)
		return;
	name = get_func_name(funcid);
	act = hg_facts_add_act(facts, group, funcid,
						   hg_facts_schema_name(get_func_namespace(funcid)),
						   name ? name : "");
	act->is_function = true;
}

static bool
function_checker(Oid funcid, void *context)
{
	hg_facts_add_function((HgFacts *) context, funcid);
	return false;
}

/*
 * The constant that WHERE compares a column with, if every row that comes to
 * the target list must equal it; else NULL.
 */
static Const *
pinned_by_where(Node *quals, Var *var)
{
	ListCell   *lc;

	if (quals == NULL)
		return NULL;
	if (IsA(quals, BoolExpr) && ((BoolExpr *) quals)->boolop == AND_EXPR)
	{
		foreach(lc, ((BoolExpr *) quals)->args)
		{
			Const	   *found = pinned_by_where((Node *) lfirst(lc), var);

			if (found != NULL)
				return found;
		}
		return NULL;
	}
	if (IsA(quals, OpExpr) && ((OpExpr *) quals)->opno == TextEqualOperator)
	{
		OpExpr	   *op = (OpExpr *) quals;
		Node	   *left = (Node *) linitial(op->args);
		Node	   *right = (Node *) lsecond(op->args);
		Const	   *value;

		if (equal(right, var))
		{
			right = left;
			left = (Node *) var;
		}
		value = hg_fold_constant(right);
		if (equal(left, var) && value != NULL && !value->constisnull)
			return value;
	}
	return NULL;
}

/*
 * set_config() is SET by another name.  What it sets is known when the name
 * folds to a constant, or when it is a column that WHERE pins to one (so does
 * pg_dump); when not, it may be anything and is sensitive.  query is that in
 * whose target list the call may stand, or NULL.
 */
static void
add_set_config(HgFacts *facts, FuncExpr *call, Query *query)
{
	Node	   *arg = (Node *) linitial(call->args);
	Const	   *name;

	if (IsA(arg, NamedArgExpr))
		arg = (Node *) ((NamedArgExpr *) arg)->arg;
	name = hg_fold_constant(arg);
	if (name == NULL && IsA(arg, Var) && query != NULL &&
		query->commandType == CMD_SELECT && query->jointree != NULL)
	{
		ListCell   *lc;

		/* in WHERE itself it could run before the comparison */
		foreach(lc, query->targetList)
			if (lfirst_node(TargetEntry, lc)->expr == (Expr *) call)
				name = pinned_by_where(query->jointree->quals, (Var *) arg);
	}
	if (name == NULL)
		hg_facts_setting_act(facts, NULL);
	else if (!name->constisnull)
	{
		char	   *setting = TextDatumGetCString(name->constvalue);

		hg_facts_setting_act(facts, setting);
		pfree(setting);
	}
}

static void
note_functions(HgFacts *facts, Node *node, Query *query)
{
	if (IsA(node, FuncExpr) &&
		((FuncExpr *) node)->funcid == F_SET_CONFIG &&
		((FuncExpr *) node)->args != NIL)
		add_set_config(facts, (FuncExpr *) node, query);
	(void) check_functions_in_node(node, function_checker, facts);
}

static bool
functions_walker(Node *node, HgFacts *facts)
{
	if (node == NULL)
		return false;
	note_functions(facts, node, NULL);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, functions_walker, facts, 0);
	return expression_tree_walker(node, functions_walker, facts);
}

/* The functions that an analysed expression calls, for CALL and the like. */
void
hg_facts_add_functions_of(HgFacts *facts, Node *node)
{
	(void) functions_walker(node, facts);
}

/* ---- relations --------------------------------------------------------- */

static RelUse *
find_use(WalkState *state, HgCommand command, Oid relid)
{
	ListCell   *lc;
	RelUse	   *use;

	foreach(lc, state->uses)
	{
		use = (RelUse *) lfirst(lc);
		if (use->command == command && use->relid == relid)
			return use;
	}
	use = palloc0(sizeof(RelUse));
	use->command = command;
	use->relid = relid;
	state->uses = lappend(state->uses, use);
	return use;
}

/* Permissions that the parser asked for on a range table entry. */
static AclMode
rte_permissions(Query *query, RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	if (rte->perminfoindex == 0)
		return 0;
	return getRTEPermissionInfo(query->rteperminfos, rte)->requiredPerms;
#else
	return rte->requiredPerms;
#endif
}

static HgCommand
command_of(CmdType type)
{
	switch (type)
	{
		case CMD_INSERT:
			return HG_CMD_INSERT;
		case CMD_UPDATE:
			return HG_CMD_UPDATE;
		case CMD_DELETE:
			return HG_CMD_DELETE;
		case CMD_MERGE:
			return HG_CMD_MERGE;
		default:
			return HG_CMD_SELECT;
	}
}

/* What a Var that is not a target's stands for as a use; NULL: nothing. */
static void
note_var(WalkState *state, Var *var)
{
	Scope	   *scope = state->scope;
	RangeTblEntry *rte;
	HgCommand	command = HG_CMD_SELECT;
	RelUse	   *use;
	AttrNumber	attnum = var->varattno;

	for (Index i = 0; i < var->varlevelsup && scope != NULL; i++)
		scope = scope->outer;
	if (scope == NULL || var->varno <= 0 ||
		var->varno > list_length(scope->query->rtable))
		return;
	rte = rt_fetch(var->varno, scope->query->rtable);
	if (rte->rtekind != RTE_RELATION || rte->relkind == RELKIND_VIEW)
		return;
	if (var->varno == scope->query->resultRelation)
		command = command_of(scope->query->commandType);
	else if (scope->query->onConflict != NULL &&
			 var->varno == scope->query->onConflict->exclRelIndex)
		return;
	use = find_use(state, command, rte->relid);
	use->columns = bms_add_member(use->columns,
								  attnum - FirstLowInvalidHeapAttributeNumber);
}

/* The columns that a target list assigns. */
static void
note_written(RelUse *use, List *targetlist)
{
	ListCell   *lc;

	foreach(lc, targetlist)
	{
		TargetEntry *tle = (TargetEntry *) lfirst(lc);

		if (!tle->resjunk)
			use->columns =
				bms_add_member(use->columns,
							   tle->resno - FirstLowInvalidHeapAttributeNumber);
	}
}

/* A write to the server's own catalogs goes around every rule but SYSTEM. */
static void
note_protected(WalkState *state, Oid relid)
{
	Oid			nspid = get_rel_namespace(relid);

	if (get_rel_relkind(relid) != RELKIND_VIEW &&
		(IsCatalogRelationOid(relid) || IsCatalogNamespace(nspid) ||
		 IsToastNamespace(nspid)))
		(void) hg_facts_relation_act(state->facts, HG_CMD_SYSTEM, relid);
	if (OidIsValid(nspid) && nspid == hg_catalog_schema())
		(void) hg_facts_relation_act(state->facts, HG_CMD_POLICY, relid);
}

/* Does an UPDATE assign a column that the foreign key refers to? */
static bool
assigns_key(Oid constraint, Bitmapset *columns)
{
	HeapTuple	tuple;
	Datum		value;
	bool		isnull;
	bool		result = true;

	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	if (!HeapTupleIsValid(tuple))
		return false;
	value = SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_confkey,
							&isnull);
	if (!isnull)
	{
		ArrayType  *keys = DatumGetArrayTypeP(value);
		int16	   *attnums = (int16 *) ARR_DATA_PTR(keys);
		int			n = ArrayGetNItems(ARR_NDIM(keys), ARR_DIMS(keys));

		result = false;
		for (int i = 0; i < n && !result; i++)
			result = bms_is_member(attnums[i] - FirstLowInvalidHeapAttributeNumber,
								   columns);
	}
	ReleaseSysCache(tuple);
	return result;
}

/* Tables reached over foreign keys; a longer chain is cut off. */
#define MAX_REFERENTIAL_DEPTH 16

/*
 * What goes along with a DELETE, or an UPDATE of these columns (NULL: any),
 * by ON DELETE and ON UPDATE CASCADE, SET NULL and SET DEFAULT.  The server
 * keeps these actions as triggers of the table that is referred to.
 */
static void
note_referential(WalkState *state, Oid relid, bool deleted, bool updated,
				 Bitmapset *columns, int depth)
{
	Relation	rel;
	TriggerDesc *triggers;
	List	   *follow = NIL;
	ListCell   *lc;

	if (depth >= MAX_REFERENTIAL_DEPTH)
		return;
	check_stack_depth();
	rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)
		return;
	/* the catalog look-ups below may have the server build its own anew */
	triggers = CopyTriggerDesc(rel->trigdesc);
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];
		HgCommand	command;
		HgAct	   *act;
		int			before;

		switch (trigger->tgfoid)
		{
			case F_RI_FKEY_CASCADE_DEL:
				command = deleted ? HG_CMD_DELETE : HG_CMD_SELECT;
				break;
			case F_RI_FKEY_SETNULL_DEL:
			case F_RI_FKEY_SETDEFAULT_DEL:
				command = deleted ? HG_CMD_UPDATE : HG_CMD_SELECT;
				break;
			case F_RI_FKEY_CASCADE_UPD:
			case F_RI_FKEY_SETNULL_UPD:
			case F_RI_FKEY_SETDEFAULT_UPD:
				command = updated && (columns == NULL ||
									  assigns_key(trigger->tgconstraint,
												  columns)) ?
					HG_CMD_UPDATE : HG_CMD_SELECT;
				break;
			default:
				continue;
		}
		if (command == HG_CMD_SELECT || !OidIsValid(trigger->tgconstrrelid))
			continue;
		before = list_length(state->facts->acts);
		act = hg_facts_relation_act(state->facts, command,
									trigger->tgconstrrelid);
		hg_facts_set_classes(state->facts, act, state->policy, NULL, false);
		if (list_length(state->facts->acts) > before)
			follow = lappend(follow, act);
	}
	relation_close(rel, NoLock);

	foreach(lc, follow)
	{
		HgAct	   *act = (HgAct *) lfirst(lc);

		note_referential(state, act->objid, act->command == HG_CMD_DELETE,
						 act->command == HG_CMD_UPDATE, NULL, depth + 1);
	}
}

static void
note_target(WalkState *state, Query *query)
{
	RangeTblEntry *rte = rt_fetch(query->resultRelation, query->rtable);
	HgCommand	command = command_of(query->commandType);
	HgAct	   *act;
	RelUse	   *use;
	ListCell   *lc;

	act = hg_facts_relation_act(state->facts, command, rte->relid);
	use = find_use(state, command, rte->relid);
	if (query->commandType == CMD_INSERT || query->commandType == CMD_UPDATE)
		note_written(use, query->targetList);

	if (state->policy != NULL && !act->unbounded &&
		(command == HG_CMD_UPDATE || command == HG_CMD_DELETE ||
		 command == HG_CMD_MERGE))
	{
		const char *why = hg_unbounded(query, state->facts->params);

		if (why != NULL)
		{
			act->unbounded = true;
			act->unbounded_why = why;
		}
	}

	if (query->onConflict != NULL &&
		query->onConflict->action == ONCONFLICT_UPDATE)
	{
		act = hg_facts_relation_act(state->facts, HG_CMD_UPDATE, rte->relid);
		if (state->policy != NULL && !act->unbounded)
		{
			act->unbounded_why = hg_unbounded(query, state->facts->params);
			act->unbounded = act->unbounded_why != NULL;
		}
		note_written(find_use(state, HG_CMD_UPDATE, rte->relid),
					 query->onConflict->onConflictSet);
	}
	foreach(lc, query->mergeActionList)
	{
		MergeAction *action = lfirst_node(MergeAction, lc);

		if (action->commandType == CMD_NOTHING)
			continue;
		note_written(use, action->targetList);
		(void) hg_facts_relation_act(state->facts,
									 command_of(action->commandType),
									 rte->relid);
		note_written(find_use(state, command_of(action->commandType),
							  rte->relid), action->targetList);
	}
	note_protected(state, rte->relid);

	if (state->policy != NULL && query->commandType != CMD_INSERT)
	{
		bool		deletes = query->commandType == CMD_DELETE;
		bool		updates = query->commandType == CMD_UPDATE;

		foreach(lc, query->mergeActionList)
		{
			deletes |= lfirst_node(MergeAction, lc)->commandType == CMD_DELETE;
			updates |= lfirst_node(MergeAction, lc)->commandType == CMD_UPDATE;
		}
		note_referential(state, rte->relid, deletes, updates, use->columns, 0);
	}
}

/* Acts of one query level: its target, then what it reads. */
static void
note_relations(WalkState *state, Query *query)
{
	ListCell   *lc;
	int			index = 0;

	if (query->resultRelation != 0 && query->commandType != CMD_SELECT)
		note_target(state, query);

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		AclMode		perms;

		index++;
		if (!OidIsValid(rte->relid) || index == query->resultRelation)
			continue;
		if (rte->rtekind != RTE_RELATION && rte->rtekind != RTE_SUBQUERY)
			continue;
		perms = rte_permissions(query, rte);
		if (perms & ACL_INSERT)
			(void) hg_facts_relation_act(state->facts, HG_CMD_INSERT,
										 rte->relid);
		if (perms & ACL_UPDATE && rte->relkind == RELKIND_VIEW &&
			get_parse_rowmark(query, index) == NULL)
			(void) hg_facts_relation_act(state->facts, HG_CMD_UPDATE,
										 rte->relid);
		if (perms & ACL_DELETE)
			(void) hg_facts_relation_act(state->facts, HG_CMD_DELETE,
										 rte->relid);
		if (perms & ACL_SELECT &&
			!(perms & (ACL_INSERT | ACL_DELETE)))
		{
			(void) hg_facts_relation_act(state->facts, HG_CMD_SELECT,
										 rte->relid);
			if (rte->relkind != RELKIND_VIEW)
				(void) find_use(state, HG_CMD_SELECT, rte->relid);
		}
	}

	/* FOR UPDATE and its kind lock more than ACCESS SHARE */
	foreach(lc, query->rowMarks)
	{
		RowMarkClause *mark = lfirst_node(RowMarkClause, lc);
		RangeTblEntry *rte = rt_fetch(mark->rti, query->rtable);

		if (rte->rtekind == RTE_RELATION &&
			OidIsValid(hg_catalog_schema()) &&
			get_rel_namespace(rte->relid) == hg_catalog_schema())
			(void) hg_facts_relation_act(state->facts, HG_CMD_POLICY,
										 rte->relid);
	}
}

static bool
facts_walker(Node *node, WalkState *state)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;
		Scope		scope;
		bool		result;

		check_stack_depth();
		CHECK_FOR_INTERRUPTS();
		scope.query = query;
		scope.outer = state->scope;
		state->scope = &scope;
		note_relations(state, query);
		result = query_tree_walker(query, facts_walker, state,
								   QTW_IGNORE_JOINALIASES);
		state->scope = scope.outer;
		return result;
	}
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		Scope	   *scope = state->scope;

		for (Index i = 0; i < var->varlevelsup && scope != NULL; i++)
			scope = scope->outer;
		if (scope != NULL && var->varno > 0 &&
			var->varno <= list_length(scope->query->rtable))
		{
			RangeTblEntry *rte = rt_fetch(var->varno, scope->query->rtable);

			/* a merged join column stands for its inputs */
			if (rte->rtekind == RTE_JOIN && var->varattno > 0 &&
				var->varattno <= list_length(rte->joinaliasvars))
			{
				Scope	   *save = state->scope;

				state->scope = scope;
				(void) facts_walker((Node *) list_nth(rte->joinaliasvars,
													  var->varattno - 1),
									state);
				state->scope = save;
			}
			else if (rte->rtekind == RTE_JOIN && var->varattno == 0)
			{
				Scope	   *save = state->scope;

				state->scope = scope;
				(void) facts_walker((Node *) rte->joinaliasvars, state);
				state->scope = save;
			}
			else
				note_var(state, var);
		}
		return false;
	}
	note_functions(state->facts, node,
				   state->scope != NULL ? state->scope->query : NULL);
	return expression_tree_walker(node, facts_walker, state);
}

/*
 * The top level's RTE functions and everything below are reached by
 * query_tree_walker.  All that facts keep is copied to facts->context; what
 * the walk itself needs lives in a scratch context and goes at the end.
 */
void
hg_query_facts(HgFacts *facts, Query *query, const HgPolicy *policy)
{
	MemoryContext scratch;
	MemoryContext oldcontext;
	WalkState	state;
	ListCell   *lc;

	if (query->commandType == CMD_UTILITY || query->commandType == CMD_NOTHING)
		return;

	scratch = AllocSetContextCreate(CurrentMemoryContext,
									"hoopguard query facts",
									ALLOCSET_SMALL_SIZES);
	oldcontext = MemoryContextSwitchTo(scratch);
	state.facts = facts;
	state.policy = policy;
	state.scope = NULL;
	state.uses = NIL;

	if (!facts->is_utility)
		facts->command = command_of(query->commandType);
	(void) facts_walker((Node *) query, &state);

	foreach(lc, state.uses)
	{
		RelUse	   *use = (RelUse *) lfirst(lc);
		ListCell   *lc2;

		foreach(lc2, facts->acts)
		{
			HgAct	   *act = (HgAct *) lfirst(lc2);

			if (act->command == use->command && act->objid == use->relid &&
				!act->is_function)
				hg_facts_set_classes(facts, act, policy, use->columns, false);
		}
	}

	if (facts->acts == NIL)
		(void) hg_facts_add_act(facts, HG_CMD_SELECT, InvalidOid, NULL, "");

	facts->reads_only = !facts->is_utility;
	foreach(lc, facts->acts)
	{
		if (((HgAct *) lfirst(lc))->command != HG_CMD_SELECT)
			facts->reads_only = false;
	}

	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(scratch);
}
