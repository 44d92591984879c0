/*-------------------------------------------------------------------------
 *
 * mask_write.c
 *	  Writes that ask whether a real value exists.
 *
 * A unique index, an exclusion constraint and a foreign key compare what is
 * written with real values, below every mask, and answer by an error or none.
 * So does a CHECK that reads a masked column beside the one that is set.  A
 * mask with the argument existence = refuse keeps clients from bringing
 * values to such a key (HG007); otherwise (count) each row written counts as
 * that many probes.
 *
 * INSERT ... ON CONFLICT on another key is let through until it inserts: if
 * the row is there, its masked columns are not compared at all.  Once a row
 * would go in, the statement fails with the same error whether the value
 * exists or not.
 *
 * What the client did not choose asks nothing: a column left out, NULL, the
 * column's own default, and in UPDATE the column itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "base/report.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/instrument.h"
#include "mask/mask.h"
#include "mask/mask_rel.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

/*
 * Something that compares what is written with real values.  Columns are
 * attribute numbers of the relation.
 */
typedef struct Key
{
	Bitmapset  *members;		/* columns it compares */
	Bitmapset  *masked;			/* those behind which real values stand */
	const HgMaskRel *rel;		/* whose mask the first of those is */
	AttrNumber	column;			/* of rel */
	bool		refuse;			/* one of them has existence = refuse */
	bool		check;			/* a CHECK: knows this row only */
	Oid			index;			/* that it is the key of, or InvalidOid */
} Key;

typedef struct WriteContext
{
	const HgPolicy *policy;
	HgFacts    *facts;			/* may be NULL */
	const char *command;
	const OnConflictExpr *conflict; /* of INSERT, or NULL */
} WriteContext;

/* A ModifyTable that may update but not insert. */
typedef struct WatchedInsert
{
	PlanState  *node;			/* hash key */
	ExecProcNodeMtd real;
	const char *object;			/* schema.relation.column */
} WatchedInsert;

static HTAB *watched = NULL;

/* Does the mask refuse values brought by clients? */
static bool
existence_refused(const HgColumnMask *mask)
{
	Jsonb	   *args;
	JsonbValue	value;
	bool		result = false;

	if (mask->args == NULL || strstr(mask->args, "existence") == NULL)
		return false;
	args = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
											  CStringGetDatum(mask->args)));
	if (JB_ROOT_IS_OBJECT(args) &&
		getKeyJsonValueFromContainer(&args->root, "existence",
									 strlen("existence"), &value) != NULL)
		result = value.type == jbvString &&
			value.val.string.len == strlen("refuse") &&
			strncmp(value.val.string.val, "refuse", strlen("refuse")) == 0;
	pfree(args);
	return result;
}

/* A masked column takes part in the key. */
static void
add_masked(Key *key, AttrNumber member, const HgMaskRel *rel,
		   AttrNumber column)
{
	const HgColumnMask *mask = rel ? hg_mask_rel_column(rel, column) : NULL;
	bool		refuse;

	if (mask == NULL)
		return;
	refuse = existence_refused(mask);
	key->masked = bms_add_member(key->masked, member);
	if (key->rel == NULL || (refuse && !key->refuse))
	{
		key->rel = rel;
		key->column = column;
	}
	key->refuse |= refuse;
}

/* Columns that an expression of the relation reads. */
static Bitmapset *
columns_read(Node *expression)
{
	Bitmapset  *found = NULL;
	Bitmapset  *result = NULL;
	int			member = -1;

	pull_varattnos(expression, 1, &found);
	while ((member = bms_next_member(found, member)) >= 0)
	{
		AttrNumber	attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (attnum > 0)
			result = bms_add_member(result, attnum);
	}
	return result;
}

/* Put what generated columns are made of beside them. */
static Bitmapset *
with_generators(TupleDesc desc, Bitmapset *columns)
{
	Bitmapset  *result = bms_copy(columns);

	if (desc->constr == NULL)
		return result;
	for (int i = 0; i < desc->constr->num_defval; i++)
	{
		AttrDefault *def = &desc->constr->defval[i];

		if (TupleDescAttr(desc, def->adnum - 1)->attgenerated != '\0' &&
			bms_is_member(def->adnum, columns))
			result = bms_add_members(result,
									 columns_read(stringToNode(def->adbin)));
	}
	return result;
}

/* A key over columns of the relation itself, if any of them is masked. */
static List *
add_key(List *keys, TupleDesc desc, const HgMaskRel *rel, Bitmapset *columns,
		bool check, Oid index)
{
	Key		   *key = palloc0(sizeof(Key));
	int			member = -1;

	key->members = with_generators(desc, columns);
	key->check = check;
	key->index = index;
	while ((member = bms_next_member(key->members, member)) >= 0)
		add_masked(key, member, rel, member);
	return key->masked == NULL ? keys : lappend(keys, key);
}

static List *
add_indexes(List *keys, Relation relation, const HgMaskRel *rel)
{
	List	   *indexes = RelationGetIndexList(relation);
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		if (index->rd_index->indisunique || index->rd_index->indisexclusion)
		{
			Bitmapset  *columns;

			/* a row that the predicate leaves out cannot conflict */
			columns = columns_read((Node *) RelationGetIndexExpressions(index));
			columns = bms_add_members(columns,
									  columns_read((Node *) RelationGetIndexPredicate(index)));
			for (int i = 0; i < index->rd_index->indnkeyatts; i++)
			{
				AttrNumber	attnum = index->rd_index->indkey.values[i];

				if (attnum > 0)
					columns = bms_add_member(columns, attnum);
			}
			keys = add_key(keys, RelationGetDescr(relation), rel, columns,
						   false, RelationGetRelid(index));
		}
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return keys;
}

static List *
add_checks(List *keys, TupleDesc desc, const HgMaskRel *rel)
{
	if (desc->constr == NULL)
		return keys;
	for (int i = 0; i < desc->constr->num_check; i++)
		keys = add_key(keys, desc, rel,
					   columns_read(stringToNode(desc->constr->check[i].ccbin)),
					   true, InvalidOid);
	return keys;
}

/*
 * Foreign keys of the relation: the referenced values answer, and the
 * column's own mask asks for the same care.
 */
static List *
add_foreign_keys(List *keys, Relation relation, const HgMaskRel *rel,
				 const HgPolicy *policy)
{
	ListCell   *lc;

	foreach(lc, copyObject(RelationGetFKeyList(relation)))
	{
		ForeignKeyCacheInfo *fkey = lfirst_node(ForeignKeyCacheInfo, lc);
		const HgMaskRel *referenced = hg_mask_rel(policy, fkey->confrelid);
		Key		   *key = palloc0(sizeof(Key));

		for (int i = 0; i < fkey->nkeys; i++)
		{
			key->members = bms_add_member(key->members, fkey->conkey[i]);
			add_masked(key, fkey->conkey[i], rel, fkey->conkey[i]);
			add_masked(key, fkey->conkey[i], referenced, fkey->confkey[i]);
		}
		if (key->masked != NULL)
			keys = lappend(keys, key);
	}
	return keys;
}

pg_noreturn static void
refuse_probe(const char *command, const char *object)
{
	HgRefusal	refusal = {.verdict = "deny",.builtin = "existence"};

	refusal.command = command;
	refusal.objects = &object;
	refusal.nobjects = 1;
	ereport(ERROR,
			(errcode(HG_ERRCODE_PREDICATE),
			 errmsg("a given value would be compared with real values of masked column \"%s\"",
					object),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 errhint("Leave the column out, or ask a database administrator to write it.")));
}

/*
 * Does the row meet ON CONFLICT by another key, named in the statement, before
 * it is compared by this one?  Only of the relation itself: an arbiter is
 * looked for there.
 */
static bool
decided_before(const WriteContext *ctx, Oid relid, const Key *key)
{
	const OnConflictExpr *conflict = ctx->conflict;

	if (conflict == NULL || ctx->facts == NULL ||
		(conflict->arbiterElems == NIL &&
		 !OidIsValid(conflict->constraint)))
		return false;
	if (OidIsValid(conflict->constraint))
		return get_constraint_index(conflict->constraint) != key->index;
	return !bms_overlap(key->masked,
						columns_read((Node *) conflict->arbiterElems));
}

/* Judge a write of the given columns to one relation. */
static void
check_relation(const WriteContext *ctx, Oid relid, Bitmapset *given,
			   bool update)
{
	Relation	relation = relation_open(relid, AccessShareLock);
	const HgMaskRel *rel = hg_mask_rel(ctx->policy, relid);
	List	   *keys = NIL;
	ListCell   *lc;

	if (rel != NULL)
	{
		keys = add_indexes(keys, relation, rel);
		if (update)
			keys = add_checks(keys, RelationGetDescr(relation), rel);
	}
	if (relation->rd_rel->relkind != RELKIND_FOREIGN_TABLE)
		keys = add_foreign_keys(keys, relation, rel, ctx->policy);
	relation_close(relation, AccessShareLock);

	foreach(lc, keys)
	{
		Key		   *key = lfirst(lc);
		bool		probes;

		/*
		 * An updated row brings its other columns along.  A CHECK answers
		 * about those that are not given only.
		 */
		if (key->check)
			probes = bms_overlap(key->members, given) &&
				!bms_is_subset(key->masked, given);
		else
			probes = bms_overlap(update ? key->members : key->masked, given);
		if (!probes)
			continue;
		if (key->refuse)
		{
			char	   *object = psprintf("%s.%s.%s",
										  key->rel->policy_rel->schema,
										  key->rel->policy_rel->name,
										  key->rel->names[key->column - 1]);

			if (update || !decided_before(ctx, relid, key))
				refuse_probe(ctx->command, object);
			ctx->facts->refused_insert =
				MemoryContextStrdup(ctx->facts->context, object);
			continue;
		}
		if (ctx->facts != NULL)
			ctx->facts->row_probes++;
	}
}

/* The same for a relation with its children, which have keys of their own. */
static void
check_family(const WriteContext *ctx, Oid relid, bool inherited,
			 Bitmapset *given, bool update)
{
	List	   *children;
	ListCell   *lc;

	if (bms_is_empty(given))
		return;
	check_relation(ctx, relid, given, update);
	if (!inherited || !has_subclass(relid))
		return;

	children = find_all_inheritors(relid, AccessShareLock, NULL);
	foreach(lc, children)
	{
		Oid			child = lfirst_oid(lc);
		Bitmapset  *mapped = NULL;
		int			member = -1;

		CHECK_FOR_INTERRUPTS();
		if (child == relid)
			continue;
		while ((member = bms_next_member(given, member)) >= 0)
		{
			char	   *name = get_attname(relid, member, true);
			AttrNumber	attnum = name ? get_attnum(child, name) :
				InvalidAttrNumber;

			if (attnum > 0)
				mapped = bms_add_member(mapped, attnum);
		}
		if (mapped != NULL)
			check_relation(ctx, child, mapped, update);
	}
}

/* ---------- what the client brings ---------- */

/*
 * Is the value nothing but NULL, the column's default, or the column itself?
 * defaults is the column's default expression, or NULL.
 */
static bool
is_given(Query *query, Node *value, AttrNumber attnum, Node *defaults,
		 bool update)
{
	Node	   *plain = value;

	while (plain != NULL)
	{
		if (IsA(plain, RelabelType))
			plain = (Node *) ((RelabelType *) plain)->arg;
		else if (IsA(plain, CoerceToDomain))
			plain = (Node *) ((CoerceToDomain *) plain)->arg;
		else
			break;
	}
	if (plain == NULL || IsA(plain, NextValueExpr) ||
		(IsA(plain, Const) && ((Const *) plain)->constisnull))
		return false;
	if (defaults != NULL && equal(value, defaults))
		return false;
	if (IsA(plain, Var))
	{
		Var		   *var = (Var *) plain;
		RangeTblEntry *rte;
		ListCell   *lc;

		if (var->varlevelsup != 0 || var->varno < 1 ||
			var->varno > list_length(query->rtable))
			return true;
		if (update && var->varno == query->resultRelation)
			return var->varattno != attnum;
		rte = rt_fetch(var->varno, query->rtable);
		if (rte->rtekind != RTE_VALUES || var->varattno < 1)
			return true;
		/* one of several rows of VALUES */
		foreach(lc, rte->values_lists)
		{
			List	   *row = lfirst_node(List, lc);

			if (var->varattno > list_length(row) ||
				is_given(query, list_nth(row, var->varattno - 1), attnum,
						 defaults, update))
				return true;
		}
		return false;
	}
	return true;
}

static void
check_target_list(const WriteContext *ctx, Query *query, List *tlist,
				  bool update)
{
	RangeTblEntry *target = rt_fetch(query->resultRelation, query->rtable);
	Relation	relation;
	Bitmapset  *given = NULL;
	ListCell   *lc;

	if (target->rtekind != RTE_RELATION ||
		(target->relkind != RELKIND_RELATION &&
		 target->relkind != RELKIND_PARTITIONED_TABLE &&
		 target->relkind != RELKIND_FOREIGN_TABLE))
		return;

	relation = relation_open(target->relid, AccessShareLock);
	foreach(lc, tlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resjunk || tle->resno < 1 ||
			tle->resno > RelationGetNumberOfAttributes(relation) ||
			TupleDescAttr(RelationGetDescr(relation),
						  tle->resno - 1)->attisdropped)
			continue;
		if (is_given(query, (Node *) tle->expr, tle->resno,
					 build_column_default(relation, tle->resno), update))
			given = bms_add_member(given, tle->resno);
	}
	relation_close(relation, AccessShareLock);
	check_family(ctx, target->relid,
				 target->inh ||
				 target->relkind == RELKIND_PARTITIONED_TABLE,
				 given, update);
}

void
hg_mask_check_existence(Query *query, const HgPolicy *policy, HgFacts *facts)
{
	WriteContext ctx = {policy, facts, NULL, NULL};
	ListCell   *lc;

	if (policy->mask_mode != HG_MODE_ENFORCE)
		return;
	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (IsA(cte->ctequery, Query))
			hg_mask_check_existence((Query *) cte->ctequery, policy, facts);
	}
	if (query->resultRelation == 0)
		return;
	switch (query->commandType)
	{
		case CMD_INSERT:
			ctx.command = "INSERT";
			ctx.conflict = query->onConflict;
			check_target_list(&ctx, query, query->targetList, false);
			if (query->onConflict != NULL)
				check_target_list(&ctx, query,
								  query->onConflict->onConflictSet, true);
			break;
		case CMD_UPDATE:
			ctx.command = "UPDATE";
			check_target_list(&ctx, query, query->targetList, true);
			break;
		case CMD_MERGE:
			ctx.command = "MERGE";
			foreach(lc, query->mergeActionList)
			{
				MergeAction *action = lfirst_node(MergeAction, lc);

				if (action->commandType == CMD_INSERT ||
					action->commandType == CMD_UPDATE)
					check_target_list(&ctx, query, action->targetList,
									  action->commandType == CMD_UPDATE);
			}
			break;
		default:
			break;
	}
}

/* ---------- INSERT that may only update ---------- */

/* Rows a node has given so far. */
static double
rows_so_far(PlanState *node)
{
	return node->instrument->ntuples + node->instrument->tuplecount;
}

/*
 * Run the ModifyTable; HG007 when a row went in, and when a key kept it out,
 * before either can be told apart by what is returned.
 */
static TupleTableSlot *
insert_refusing_node(PlanState *node)
{
	WatchedInsert *entry = hash_search(watched, &node, HASH_FIND, NULL);
	const char *object = entry->object;
	TupleTableSlot *slot;

	PG_TRY();
	{
		slot = entry->real(node);
	}
	PG_CATCH();
	{
		int			sqlstate = geterrcode();

		if (sqlstate != ERRCODE_UNIQUE_VIOLATION &&
			sqlstate != ERRCODE_EXCLUSION_VIOLATION)
			PG_RE_THROW();
		MemoryContextSwitchTo(node->state->es_query_cxt);
		FlushErrorState();
		refuse_probe("INSERT", object);
	}
	PG_END_TRY();

	if (node->instrument == NULL || outerPlanState(node) == NULL ||
		outerPlanState(node)->instrument == NULL ||
		rows_so_far(outerPlanState(node)) > node->instrument->ntuples2)
		refuse_probe("INSERT", object);
	return slot;
}

static void
forget_insert(void *arg)
{
	PlanState  *node = arg;

	hash_search(watched, &node, HASH_REMOVE, NULL);
}

static void
watch_insert(PlanState *node, const char *object)
{
	MemoryContext context = node->state->es_query_cxt;
	MemoryContextCallback *callback;
	WatchedInsert *entry;
	bool		found;

	if (watched == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = sizeof(PlanState *);
		ctl.entrysize = sizeof(WatchedInsert);
		watched = hash_create("hoopguard watched inserts", 16, &ctl,
							  HASH_ELEM | HASH_BLOBS);
	}
	callback = MemoryContextAllocZero(context, sizeof(MemoryContextCallback));
	callback->func = forget_insert;
	callback->arg = node;
	entry = hash_search(watched, &node, HASH_ENTER, &found);
	if (found)
		return;
	entry->real = node->ExecProcNodeReal;
	entry->object = object;
	node->ExecProcNodeReal = insert_refusing_node;
	MemoryContextRegisterResetCallback(context, callback);
}

static bool
watch_walker(PlanState *node, const char *object)
{
	if (node == NULL)
		return false;
	if (IsA(node, ModifyTableState) &&
		((ModifyTable *) node->plan)->operation == CMD_INSERT &&
		((ModifyTable *) node->plan)->onConflictAction != ONCONFLICT_NONE)
		watch_insert(node, object);
	return planstate_tree_walker(node, watch_walker, (void *) object);
}

void
hg_mask_watch_inserts(QueryDesc *queryDesc, const HgFacts *facts)
{
	EState	   *estate = queryDesc->estate;
	const char *object;
	ListCell   *lc;

	if (facts->refused_insert == NULL)
		return;
	object = MemoryContextStrdup(estate->es_query_cxt, facts->refused_insert);
	(void) watch_walker(queryDesc->planstate, object);
	foreach(lc, estate->es_auxmodifytables)
		(void) watch_walker((PlanState *) lfirst(lc), object);
}

void
hg_mask_check_copy_from(CopyStmt *stmt, const HgPolicy *policy,
						HgFacts *facts)
{
	WriteContext ctx = {policy, facts, "COPY", NULL};
	Relation	relation;
	TupleDesc	desc;
	Bitmapset  *given = NULL;
	Oid			relid;
	ListCell   *lc;

	if (!stmt->is_from || stmt->relation == NULL ||
		policy->mask_mode != HG_MODE_ENFORCE)
		return;
	relid = RangeVarGetRelid(stmt->relation, AccessShareLock, true);
	if (!OidIsValid(relid))
		return;					/* COPY says so */
	relation = relation_open(relid, NoLock);
	desc = RelationGetDescr(relation);
	for (int i = 0; stmt->attlist == NIL && i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && att->attgenerated == '\0')
			given = bms_add_member(given, att->attnum);
	}
	foreach(lc, stmt->attlist)
	{
		AttrNumber	attnum = get_attnum(relid, strVal(lfirst(lc)));

		if (attnum > 0)
			given = bms_add_member(given, attnum);
	}
	if (relation->rd_rel->relkind == RELKIND_RELATION ||
		relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ||
		relation->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
	{
		hg_mask_check_target(relid,
							 relation->rd_rel->relkind ==
							 RELKIND_PARTITIONED_TABLE, policy, facts);
		check_family(&ctx, relid,
					 relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE,
					 given, false);
	}
	relation_close(relation, NoLock);
}
