/*-------------------------------------------------------------------------
 *
 * mask_code.c
 *	  Code that the server runs on real rows of a relation.
 *
 * Triggers, CHECK constraints, generated columns, index expressions,
 * partition keys and row security see what is stored, not masks.  Where a
 * database administrator put them that is meant so; but what they say, in an
 * error or a notice, is kept from governed sessions (facts->real_exprs,
 * facts->real_triggers; server/govern.c).  Where they call a function that a
 * governed role owns, put there before the column was masked, the statement
 * is refused: that function would see real values.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "base/report.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "commands/policy.h"
#include "commands/trigger.h"
#include "mask/mask.h"
#include "mask/mask_rel.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rowsecurity.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/reltrigger.h"
#include "utils/syscache.h"

typedef struct CodeContext
{
	const HgMaskRel *rel;
	bool		reads_masked;	/* some expression reads a masked column */
	bool		triggers;		/* there are triggers of users */
} CodeContext;

pg_noreturn static void
refuse_code(const CodeContext *ctx, Oid function)
{
	HgRefusal	refusal = {.verdict = "deny",.builtin = "builtin"};
	const char *objects[2];
	char	   *name = get_func_name(function);

	objects[0] = quote_qualified_identifier(ctx->rel->policy_rel->schema,
											ctx->rel->policy_rel->name);
	objects[1] = name ? name : "";
	refusal.objects = objects;
	refusal.nobjects = 2;
	ereport(ERROR,
			(errcode(HG_ERRCODE_MASKED),
			 errmsg("function \"%s\" of a governed role would see real values of relation \"%s\"",
					objects[1], ctx->rel->policy_rel->name),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 errhint("A trigger, constraint, index or policy of the relation calls it. Ask a database administrator to take it away.")));
}

static bool
check_function(Oid function, void *context)
{
	HeapTuple	tuple;
	Oid			owner;

	if (function < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return false;
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	if (hg_subject_for_role(owner)->governed)
		refuse_code((CodeContext *) context, function);
	return false;
}

static bool
functions_walker(Node *node, CodeContext *ctx)
{
	if (node == NULL)
		return false;
	(void) check_functions_in_node(node, check_function, ctx);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, functions_walker, ctx, 0);
	return expression_tree_walker(node, functions_walker, ctx);
}

/* One expression over columns of the relation, as varno 1 (or 2 for NEW). */
static void
check_expression(CodeContext *ctx, Node *expression)
{
	Bitmapset  *used = NULL;
	int			member = -1;

	if (expression == NULL)
		return;
	(void) functions_walker(expression, ctx);
	pull_varattnos(expression, 1, &used);
	while ((member = bms_next_member(used, member)) >= 0)
	{
		AttrNumber	attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (attnum == InvalidAttrNumber ||
			hg_mask_rel_column(ctx->rel, attnum) != NULL)
			ctx->reads_masked = true;
	}
}

static void
check_policies(CodeContext *ctx, Relation relation)
{
	ListCell   *lc;

	if (!relation->rd_rel->relrowsecurity || relation->rd_rsdesc == NULL)
		return;
	foreach(lc, relation->rd_rsdesc->policies)
	{
		RowSecurityPolicy *policy = lfirst(lc);

		check_expression(ctx, (Node *) policy->qual);
		check_expression(ctx, (Node *) policy->with_check_qual);
	}
}

static void
check_triggers(CodeContext *ctx, Relation relation)
{
	/* the catalog look-ups below may have the server build its own anew */
	TriggerDesc *triggers = CopyTriggerDesc(relation->trigdesc);

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];

		if (trigger->tgisinternal ||
			trigger->tgenabled == TRIGGER_DISABLED)
			continue;
		ctx->triggers = true;
		(void) check_function(trigger->tgfoid, ctx);
		if (trigger->tgqual != NULL)
			check_expression(ctx, stringToNode(trigger->tgqual));
	}
}

static void
check_indexes(CodeContext *ctx, Relation relation)
{
	List	   *indexes = RelationGetIndexList(relation);
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		check_expression(ctx, (Node *) RelationGetIndexExpressions(index));
		check_expression(ctx, (Node *) RelationGetIndexPredicate(index));
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
}

static void
check_constraints(CodeContext *ctx, Relation relation)
{
	TupleConstr *constr = RelationGetDescr(relation)->constr;
	PartitionKey key;

	for (int i = 0; constr != NULL && i < constr->num_check; i++)
		check_expression(ctx, stringToNode(constr->check[i].ccbin));
	for (int i = 0; constr != NULL && i < constr->num_defval; i++)
		check_expression(ctx, stringToNode(constr->defval[i].adbin));

	/* a key over plain columns is shown by no error but the one of class 23 */
	key = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ?
		RelationGetPartitionKey(relation) : NULL;
	if (key != NULL)
		check_expression(ctx, (Node *) key->partexprs);
}

static void
check_statistics(CodeContext *ctx, Relation relation)
{
	List	   *objects = RelationGetStatExtList(relation);
	ListCell   *lc;

	foreach(lc, objects)
	{
		HeapTuple	tuple = SearchSysCache1(STATEXTOID,
											ObjectIdGetDatum(lfirst_oid(lc)));
		Datum		value;
		bool		isnull;

		if (!HeapTupleIsValid(tuple))
			continue;
		value = SysCacheGetAttr(STATEXTOID, tuple,
								Anum_pg_statistic_ext_stxexprs, &isnull);
		if (!isnull)
			check_expression(ctx, stringToNode(TextDatumGetCString(value)));
		ReleaseSysCache(tuple);
	}
	list_free(objects);
}

bool
hg_mask_check_code(Oid relid, const HgPolicy *policy, bool maintenance)
{
	CodeContext ctx;
	Relation	relation;

	memset(&ctx, 0, sizeof(ctx));
	ctx.rel = hg_mask_rel(policy, relid);
	if (ctx.rel == NULL)
		return false;
	relation = relation_open(relid, AccessShareLock);
	check_indexes(&ctx, relation);
	check_constraints(&ctx, relation);
	if (maintenance)
		check_statistics(&ctx, relation);
	relation_close(relation, AccessShareLock);
	return ctx.reads_masked;
}

/* A relation the statement writes, without its children. */
static void
check_target(Oid relid, const HgPolicy *policy, HgFacts *facts)
{
	CodeContext ctx;
	Relation	relation;

	memset(&ctx, 0, sizeof(ctx));
	ctx.rel = hg_mask_rel(policy, relid);
	if (ctx.rel == NULL)
		return;
	relation = relation_open(relid, AccessShareLock);
	check_indexes(&ctx, relation);
	check_constraints(&ctx, relation);
	check_triggers(&ctx, relation);
	check_policies(&ctx, relation);
	relation_close(relation, AccessShareLock);
	facts->real_exprs |= ctx.reads_masked;
	facts->real_triggers |= ctx.triggers;
}

void
hg_mask_check_target(Oid relid, bool inherited, const HgPolicy *policy,
					 HgFacts *facts)
{
	List	   *relids = list_make1_oid(relid);
	ListCell   *lc;

	if (inherited && has_subclass(relid))
		relids = find_all_inheritors(relid, AccessShareLock, NULL);
	foreach(lc, relids)
	{
		CHECK_FOR_INTERRUPTS();
		check_target(lfirst_oid(lc), policy, facts);
	}
}

typedef struct QueryContext
{
	const HgPolicy *policy;
	HgFacts    *facts;
} QueryContext;

static bool
query_walker(Node *node, QueryContext *ctx)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		/* row security of what is read; the rewriter has put it there */
		if (rte->rtekind == RTE_RELATION && rte->securityQuals != NIL &&
			hg_mask_relkind(rte->relkind))
		{
			CodeContext code;
			Relation	relation;

			memset(&code, 0, sizeof(code));
			code.rel = hg_mask_rel(ctx->policy, rte->relid);
			if (code.rel != NULL)
			{
				relation = relation_open(rte->relid, AccessShareLock);
				check_policies(&code, relation);
				relation_close(relation, AccessShareLock);
				ctx->facts->real_exprs |= code.reads_masked;
			}
		}
		return false;
	}
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		if (query->resultRelation != 0)
		{
			RangeTblEntry *target = rt_fetch(query->resultRelation,
											 query->rtable);

			if (target->rtekind == RTE_RELATION &&
				hg_mask_relkind(target->relkind))
				hg_mask_check_target(target->relid,
									 target->inh ||
									 target->relkind == RELKIND_PARTITIONED_TABLE,
									 ctx->policy, ctx->facts);
		}
		return query_tree_walker(query, query_walker, ctx,
								 QTW_EXAMINE_RTES_BEFORE);
	}
	return expression_tree_walker(node, query_walker, ctx);
}

void
hg_mask_check_query_code(Query *query, const HgPolicy *policy, HgFacts *facts)
{
	QueryContext ctx = {policy, facts};

	if (policy->mask_mode == HG_MODE_ENFORCE &&
		query->commandType != CMD_UTILITY)
		(void) query_walker((Node *) query, &ctx);
}
