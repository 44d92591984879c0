/*-------------------------------------------------------------------------
 *
 * mask_ddl.c
 *	  Utility statements that would get real values past the masks.
 *
 * A trigger sees whole rows, a policy, a CHECK and an index expression see
 * columns, all of them below the planner hook, where nothing is masked; a
 * rename or a new parent can take a column out of its mask; a foreign key of
 * the role's own asks for values; a foreign server, a subscription or a file
 * is another way to the data.  So a governed role may do none of this to a
 * relation with masked columns, whatever guard rules say and whoever owns
 * it.  ALTER TABLE is judged by what is known to be harmless, the rest is
 * refused.
 *
 * What reaches out of the server, and LISTEN, which hears what triggers tell
 * others, is refused as such, unless an allow rule names the very object: a
 * rule for everything says nothing about masks.
 *
 * Code of the role's own that was there before the mask is found by
 * mask_code.c when the relation is used.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "base/catalog.h"
#include "base/report.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_index.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "mask/mask.h"
#include "mask/mask_rel.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_type.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* How deep types are looked for inside types. */
#define TYPE_DEPTH_MAX 8

typedef struct GateContext
{
	const HgPolicy *policy;
	HgFacts    *facts;			/* may be NULL */
} GateContext;

/* ---------- refusals ---------- */

pg_noreturn static void
refuse_relation(const char *what, const HgMaskRel *rel)
{
	HgRefusal	refusal = {.verdict = "deny",.builtin = "builtin"};
	const char *name = quote_qualified_identifier(rel->policy_rel->schema,
												  rel->policy_rel->name);

	refusal.objects = &name;
	refusal.nobjects = 1;
	ereport(ERROR,
			(errcode(HG_ERRCODE_MASKED),
			 errmsg("cannot %s relation \"%s\", which has masked columns",
					what, rel->policy_rel->name),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 errhint("It could show real values. Ask a database administrator to do it.")));
}

/* The masked columns of the relation a statement names, or NULL. */
static const HgMaskRel *
masked_relation(const GateContext *ctx, RangeVar *relation)
{
	Oid			relid;

	if (relation == NULL)
		return NULL;
	relid = RangeVarGetRelid(relation, NoLock, true);
	if (!OidIsValid(relid) || !hg_mask_relkind(get_rel_relkind(relid)))
		return NULL;			/* the command itself says so */
	return hg_mask_rel(ctx->policy, relid);
}

static void
check_relation(const GateContext *ctx, RangeVar *relation, const char *what)
{
	const HgMaskRel *rel = masked_relation(ctx, relation);

	if (rel != NULL)
		refuse_relation(what, rel);
}

/*
 * Does an allow rule of the policy name this object?  "*" names nothing.
 */
static bool
allowed_by_name(const HgPolicy *policy, HgCommand command, const char *schema,
				const char *name, bool is_function)
{
	HgMatchInput in;

	memset(&in, 0, sizeof(in));
	in.command = command;
	in.schema = schema;
	in.name = name;
	in.is_function = is_function;
	in.persistent = true;
	in.rows = -1;
	in.locks_mb = -1;
	for (int i = 0; i < policy->nrules; i++)
	{
		const HgRule *rule = policy->rules[i];

		if (rule->action == HG_ALLOW && !rule->observe &&
			!hg_rule_has(rule->objects, HG_PATTERN_ANY) &&
			hg_rule_match(rule, &in))
			return true;
	}
	return false;
}

/* HG006 unless the rules allow each act of the statement by name. */
static void
check_outlet(const GateContext *ctx, const char *what)
{
	HgRefusal	refusal = {.verdict = "deny",.builtin = "builtin"};
	bool		all = ctx->facts != NULL && ctx->facts->acts != NIL;
	ListCell   *lc;

	if (all)
	{
		foreach(lc, ctx->facts->acts)
		{
			const HgAct *act = lfirst(lc);

			all &= act->name[0] != '\0' &&
				allowed_by_name(ctx->policy, act->command, act->schema,
								act->name, act->is_function);
		}
	}
	if (all)
		return;
	ereport(ERROR,
			(errcode(HG_ERRCODE_MASKED),
			 errmsg("a governed session cannot %s", what),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 errhint("It is a way around masks. A guard rule that allows it has to name the object.")));
}

/*
 * Is there a function of this database that could tell listeners what it
 * sees?  By the word in its source, or in the symbol of a trigger in C: without
 * one LISTEN hears only what clients say to each other.
 */
static bool
someone_notifies(void)
{
	Relation	rel = table_open(ProcedureRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;
	bool		result = false;

	while (!result && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);
		Datum		value;
		bool		isnull;
		char	   *source;

		CHECK_FOR_INTERRUPTS();
		if (form->oid < FirstNormalObjectId ||
			form->pronamespace == hg_catalog_schema() ||
			(form->prolang == ClanguageId && form->prorettype != TRIGGEROID))
			continue;
		value = heap_getattr(tuple, Anum_pg_proc_prosrc,
							 RelationGetDescr(rel), &isnull);
		source = isnull ? pstrdup("") : TextDatumGetCString(value);
		for (char *p = source; *p != '\0' && !result; p++)
			result = pg_strncasecmp(p, "notif", strlen("notif")) == 0;
		value = heap_getattr(tuple, Anum_pg_proc_prosqlbody,
							 RelationGetDescr(rel), &isnull);
		if (!isnull)
		{
			/* BEGIN ATOMIC: a parsed tree */
			char		call[32];

			snprintf(call, sizeof(call), ":funcid %u ", F_PG_NOTIFY);
			result |= strstr(TextDatumGetCString(value), call) != NULL;
		}
		pfree(source);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* ---------- what an expression mentions ---------- */

/* By name, since the tree is not analysed yet: rather too often than not. */
static bool
mentions_walker(Node *node, const HgMaskRel *rel)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		ListCell   *lc;

		foreach(lc, ((ColumnRef *) node)->fields)
		{
			const char *name;

			if (!IsA(lfirst(lc), String))
				return true;	/* a star */
			name = strVal(lfirst(lc));
			for (int i = 0; i < rel->natts; i++)
			{
				if (rel->names[i] != NULL && strcmp(rel->names[i], name) == 0)
					return true;
			}
		}
		/* the last field alone can mean the row */
		return strcmp(strVal(llast(((ColumnRef *) node)->fields)),
					  rel->policy_rel->name) == 0;
	}
	return raw_expression_tree_walker(node, mentions_walker, (void *) rel);
}

static bool
is_masked_name(const HgMaskRel *rel, const char *name)
{
	if (rel == NULL || name == NULL)
		return false;
	for (int i = 0; i < rel->natts; i++)
	{
		if (rel->names[i] != NULL && strcmp(rel->names[i], name) == 0)
			return true;
	}
	return false;
}

static bool
any_masked_name(const HgMaskRel *rel, List *names)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (is_masked_name(rel, strVal(lfirst(lc))))
			return true;
	}
	return false;
}

/* ---------- constraints ---------- */

/* Does the primary key of a relation have a masked column? */
static bool
primary_key_masked(const HgMaskRel *rel)
{
	Relation	relation = relation_open(rel->relid, AccessShareLock);
	Bitmapset  *key;
	int			member = -1;
	bool		result = false;

	key = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	while ((member = bms_next_member(key, member)) >= 0)
	{
		AttrNumber	attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (hg_mask_rel_column(rel, attnum) != NULL)
			result = true;
	}
	relation_close(relation, AccessShareLock);
	return result;
}

/* REFERENCES: each value written would be looked for among real ones. */
static void
check_reference(const GateContext *ctx, Constraint *constraint)
{
	const HgMaskRel *target = masked_relation(ctx, constraint->pktable);

	if (target == NULL)
		return;
	if (constraint->pk_attrs != NIL ?
		any_masked_name(target, constraint->pk_attrs) :
		primary_key_masked(target))
		refuse_relation("reference masked columns of", target);
}

/*
 * A constraint of a new column or table (rel NULL), or one put on rel.
 */
static void
check_constraint(const GateContext *ctx, Constraint *constraint,
				 const HgMaskRel *rel)
{
	ListCell   *lc;

	switch (constraint->contype)
	{
		case CONSTR_FOREIGN:
			check_reference(ctx, constraint);
			if (rel != NULL && any_masked_name(rel, constraint->fk_attrs))
				refuse_relation("add a foreign key over masked columns to",
								rel);
			break;
		case CONSTR_CHECK:
		case CONSTR_GENERATED:
			if (rel != NULL && mentions_walker(constraint->raw_expr, rel))
				refuse_relation("add an expression over masked columns to",
								rel);
			break;
		case CONSTR_PRIMARY:
		case CONSTR_UNIQUE:
			if (rel != NULL &&
				(any_masked_name(rel, constraint->keys) ||
				 any_masked_name(rel, constraint->including)))
				refuse_relation("add a unique constraint over masked columns to",
								rel);
			break;
		case CONSTR_EXCLUSION:
			if (rel == NULL)
				break;
			foreach(lc, constraint->exclusions)
			{
				IndexElem  *element = linitial(lfirst_node(List, lc));

				if (element->expr != NULL ||
					is_masked_name(rel, element->name))
					refuse_relation("add an exclusion constraint to", rel);
			}
			if (constraint->where_clause != NULL)
				refuse_relation("add an exclusion constraint to", rel);
			break;
		default:
			break;
	}
}

static void
check_column_def(const GateContext *ctx, ColumnDef *column,
				 const HgMaskRel *rel)
{
	ListCell   *lc;

	foreach(lc, column->constraints)
		check_constraint(ctx, lfirst_node(Constraint, lc), rel);
}

/* ---------- ALTER TABLE ---------- */

/* One subcommand on a relation with masked columns. */
static void
check_alter(const GateContext *ctx, AlterTableCmd *cmd, const HgMaskRel *rel)
{
	bool		masked = is_masked_name(rel, cmd->name);

	switch (cmd->subtype)
	{
		case AT_AddColumn:
			check_column_def(ctx, castNode(ColumnDef, cmd->def), rel);
			return;
		case AT_AddConstraint:
			check_constraint(ctx, castNode(Constraint, cmd->def), rel);
			return;
		case AT_AlterColumnType:
			if (!masked &&
				!mentions_walker(((ColumnDef *) cmd->def)->raw_default, rel))
				return;
			break;
		case AT_DropColumn:
		case AT_ColumnDefault:
		case AT_DropNotNull:
		case AT_SetNotNull:
		case AT_SetStatistics:
		case AT_SetOptions:
		case AT_ResetOptions:
		case AT_SetStorage:
		case AT_SetCompression:
		case AT_AddIdentity:
		case AT_SetIdentity:
		case AT_DropIdentity:
			/* SET STATISTICS of an index goes by number */
			if (!masked)
				return;
			break;
		case AT_AddIndex:
		case AT_AddIndexConstraint:
		case AT_DropConstraint:
		case AT_AlterConstraint:
		case AT_ValidateConstraint:
		case AT_ClusterOn:
		case AT_DropCluster:
		case AT_SetLogged:
		case AT_SetUnLogged:
		case AT_SetRelOptions:
		case AT_ResetRelOptions:
			return;
		default:
			break;
	}
	refuse_relation("make this change to", rel);
}

static void
check_alter_table(const GateContext *ctx, AlterTableStmt *stmt)
{
	const HgMaskRel *rel = masked_relation(ctx, stmt->relation);
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		/* the other relation of the command */
		if (cmd->subtype == AT_AttachPartition ||
			cmd->subtype == AT_DetachPartition ||
			cmd->subtype == AT_DetachPartitionFinalize)
			check_relation(ctx, ((PartitionCmd *) cmd->def)->name,
						   "attach or detach");
		else if (cmd->subtype == AT_AddInherit ||
				 cmd->subtype == AT_DropInherit)
			check_relation(ctx, (RangeVar *) cmd->def,
						   "change the children of");
		else if (cmd->def != NULL && IsA(cmd->def, ColumnDef))
			check_column_def(ctx, (ColumnDef *) cmd->def, NULL);
		else if (cmd->def != NULL && IsA(cmd->def, Constraint))
			check_constraint(ctx, (Constraint *) cmd->def, NULL);
		if (rel != NULL)
			check_alter(ctx, cmd, rel);
	}
	if (rel != NULL && ctx->facts != NULL)
		ctx->facts->real_exprs = true;
}

/* ---------- tables and indexes ---------- */

static void
check_create_table(const GateContext *ctx, CreateStmt *stmt)
{
	ListCell   *lc;

	/* rows of others would meet the role's own constraints */
	foreach(lc, stmt->inhRelations)
		check_relation(ctx, lfirst_node(RangeVar, lc), "add a child to");
	foreach(lc, stmt->tableElts)
	{
		Node	   *element = lfirst(lc);

		if (IsA(element, ColumnDef))
			check_column_def(ctx, (ColumnDef *) element, NULL);
		else if (IsA(element, Constraint))
			check_constraint(ctx, (Constraint *) element, NULL);
	}
	foreach(lc, stmt->constraints)
		check_constraint(ctx, lfirst_node(Constraint, lc), NULL);
}

static void
check_index(const GateContext *ctx, IndexStmt *stmt)
{
	const HgMaskRel *rel = masked_relation(ctx, stmt->relation);
	bool		masked = false;
	ListCell   *lc;

	if (rel == NULL)
		return;
	if (ctx->facts != NULL)
		ctx->facts->real_exprs = true;
	if (stmt->whereClause != NULL && mentions_walker(stmt->whereClause, rel))
		refuse_relation("create an index with expressions on", rel);
	foreach(lc, stmt->indexParams)
	{
		IndexElem  *element = lfirst_node(IndexElem, lc);

		/* one that is analysed already names columns by number */
		if (element->expr != NULL &&
			(stmt->transformed || mentions_walker(element->expr, rel)))
			refuse_relation("create an index with expressions on", rel);
		masked |= is_masked_name(rel, element->name);
	}
	if (masked && (stmt->unique || stmt->excludeOpNames != NIL))
		refuse_relation("create a unique index over masked columns on", rel);
}

static void
check_statistics(const GateContext *ctx, CreateStatsStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->relations)
	{
		if (IsA(lfirst(lc), RangeVar))
			check_relation(ctx, lfirst(lc), "create statistics on");
	}
}

static void
check_rename(const GateContext *ctx, RenameStmt *stmt)
{
	const HgMaskRel *rel;

	switch (stmt->renameType)
	{
		case OBJECT_COLUMN:
			rel = masked_relation(ctx, stmt->relation);
			if (rel != NULL && is_masked_name(rel, stmt->subname))
				refuse_relation("rename a masked column of", rel);
			break;
		case OBJECT_TABLE:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_MATVIEW:
		case OBJECT_VIEW:
			check_relation(ctx, stmt->relation, "rename");
			break;
		case OBJECT_TRIGGER:
		case OBJECT_RULE:
		case OBJECT_POLICY:
			check_relation(ctx, stmt->relation, "rename an object of");
			break;
		default:
			break;
	}
}

/* ---------- types ---------- */

/* A masked column of the type, or of a type made of it; else NULL. */
static const HgMaskRel *
masked_user(const GateContext *ctx, Oid typid, int depth)
{
	Relation	depend;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	const HgMaskRel *result = NULL;
	List	   *columns = NIL;
	List	   *types = NIL;
	ListCell   *lc;

	CHECK_FOR_INTERRUPTS();
	if (depth > TYPE_DEPTH_MAX)
		return NULL;
	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(TypeRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(typid));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2,
							  keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->classid == TypeRelationId)
			types = list_append_unique_oid(types, form->objid);
		else if (form->classid == RelationRelationId)
			columns = list_append_unique_oid(columns, form->objid);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);

	foreach(lc, columns)
	{
		Oid			relid = lfirst_oid(lc);
		char		relkind = get_rel_relkind(relid);

		if (relkind == RELKIND_COMPOSITE_TYPE)
			types = list_append_unique_oid(types, get_rel_type_id(relid));
		else if (result == NULL && hg_mask_relkind(relkind))
			result = hg_mask_rel(ctx->policy, relid);
	}
	foreach(lc, types)
	{
		if (result == NULL && lfirst_oid(lc) != typid)
			result = masked_user(ctx, lfirst_oid(lc), depth + 1);
	}
	return result;
}

static void
check_type(const GateContext *ctx, Oid typid)
{
	const HgMaskRel *rel;

	if (!OidIsValid(typid))
		return;
	rel = masked_user(ctx, typid, 0);
	if (rel != NULL)
		refuse_relation("alter a type used by", rel);
}

static void
check_type_name(const GateContext *ctx, List *names)
{
	check_type(ctx, LookupTypeNameOid(NULL, makeTypeNameFromNameList(names),
									  true));
}

/* ---------- maintenance ---------- */

/* Commands that evaluate index expressions over real rows. */
static void
check_maintenance(const GateContext *ctx, RangeVar *relation)
{
	Oid			relid;

	if (relation == NULL)
		return;
	relid = RangeVarGetRelid(relation, NoLock, true);
	if (!OidIsValid(relid))
		return;
	if (get_rel_relkind(relid) == RELKIND_INDEX)
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID,
											ObjectIdGetDatum(relid));

		if (!HeapTupleIsValid(tuple))
			return;
		relid = ((Form_pg_index) GETSTRUCT(tuple))->indrelid;
		ReleaseSysCache(tuple);
	}
	if (hg_mask_check_code(relid, ctx->policy, true) && ctx->facts != NULL)
		ctx->facts->real_exprs = true;
}

/* The same when the command takes all relations it may. */
static void
check_maintenance_of_all(const GateContext *ctx)
{
	Relation	catalog = table_open(RelationRelationId, AccessShareLock);
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *relids = NIL;
	ListCell   *lc;

	scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		if ((form->relkind == RELKIND_RELATION ||
			 form->relkind == RELKIND_MATVIEW) && form->relhasindex &&
			has_privs_of_role(GetUserId(), form->relowner))
			relids = lappend_oid(relids, form->oid);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);

	foreach(lc, relids)
	{
		CHECK_FOR_INTERRUPTS();
		if (hg_mask_check_code(lfirst_oid(lc), ctx->policy, true) &&
			ctx->facts != NULL)
			ctx->facts->real_exprs = true;
	}
}

/* ---------- all statements ---------- */

void
hg_mask_check_ddl(Node *utility, const HgPolicy *policy, HgFacts *facts)
{
	GateContext gate = {policy, facts};
	GateContext *ctx = &gate;
	ListCell   *lc;

	switch (nodeTag(utility))
	{
		case T_CreateTrigStmt:
			check_relation(ctx, ((CreateTrigStmt *) utility)->relation,
						   "create a trigger on");
			break;
		case T_RuleStmt:
			check_relation(ctx, ((RuleStmt *) utility)->relation,
						   "create a rule on");
			break;
		case T_CreatePolicyStmt:
			check_relation(ctx, ((CreatePolicyStmt *) utility)->table,
						   "create a policy on");
			break;
		case T_AlterPolicyStmt:
			check_relation(ctx, ((AlterPolicyStmt *) utility)->table,
						   "alter a policy on");
			break;
		case T_IndexStmt:
			check_index(ctx, (IndexStmt *) utility);
			break;
		case T_CreateStatsStmt:
			check_statistics(ctx, (CreateStatsStmt *) utility);
			break;
		case T_AlterTableStmt:
			{
				AlterTableStmt *stmt = (AlterTableStmt *) utility;

				check_alter_table(ctx, stmt);
#if PG_VERSION_NUM >= 140000
				if (stmt->objtype == OBJECT_TYPE)
#else
				if (stmt->relkind == OBJECT_TYPE)
#endif
				{
					Oid			relid = RangeVarGetRelid(stmt->relation,
														 NoLock, true);

					if (OidIsValid(relid))
						check_type(ctx, get_rel_type_id(relid));
				}
				break;
			}
		case T_CreateStmt:
			check_create_table(ctx, (CreateStmt *) utility);
			break;
		case T_RenameStmt:
			{
				RenameStmt *stmt = (RenameStmt *) utility;

				if (stmt->renameType == OBJECT_ATTRIBUTE &&
					stmt->relation != NULL)
				{
					Oid			relid = RangeVarGetRelid(stmt->relation,
														 NoLock, true);

					if (OidIsValid(relid))
						check_type(ctx, get_rel_type_id(relid));
				}
				check_rename(ctx, stmt);
				break;
			}
		case T_AlterObjectSchemaStmt:
			check_relation(ctx, ((AlterObjectSchemaStmt *) utility)->relation,
						   "move");
			break;
		case T_AlterDomainStmt:
			check_type_name(ctx, ((AlterDomainStmt *) utility)->typeName);
			break;
		case T_ReassignOwnedStmt:
			{
				Oid			role = get_rolespec_oid(((ReassignOwnedStmt *) utility)->newrole,
													true);

				/* what a subject owns is not judged by names */
				if (OidIsValid(role) && hg_subject_for_role(role)->governed)
					check_outlet(ctx, "take over objects of others");
				break;
			}

		case T_VacuumStmt:
			foreach(lc, ((VacuumStmt *) utility)->rels)
				check_maintenance(ctx,
								  lfirst_node(VacuumRelation, lc)->relation);
			if (((VacuumStmt *) utility)->rels == NIL)
				check_maintenance_of_all(ctx);
			break;
		case T_ClusterStmt:
			if (((ClusterStmt *) utility)->relation != NULL)
				check_maintenance(ctx, ((ClusterStmt *) utility)->relation);
			else
				check_maintenance_of_all(ctx);
			break;
		case T_ReindexStmt:
			if (((ReindexStmt *) utility)->relation != NULL)
				check_maintenance(ctx, ((ReindexStmt *) utility)->relation);
			else
				check_maintenance_of_all(ctx);
			break;

		case T_CopyStmt:
			if (((CopyStmt *) utility)->is_program ||
				((CopyStmt *) utility)->filename != NULL)
				check_outlet(ctx, "copy to or from the server's files and programs");
			break;
		case T_ListenStmt:
			if (strcmp(((ListenStmt *) utility)->conditionname,
					   "hoopguard_approval") != 0 &&
				someone_notifies())
				check_outlet(ctx, "listen to what others are told");
			break;
		case T_LoadStmt:
			check_outlet(ctx, "load a library");
			break;
		case T_CreateForeignTableStmt:
			check_create_table(ctx, &((CreateForeignTableStmt *) utility)->base);
			check_outlet(ctx, "create a foreign table");
			break;
		case T_ImportForeignSchemaStmt:
			check_outlet(ctx, "import a foreign schema");
			break;
		case T_CreateFdwStmt:
		case T_AlterFdwStmt:
			check_outlet(ctx, "define a foreign-data wrapper");
			break;
		case T_CreateForeignServerStmt:
		case T_AlterForeignServerStmt:
			check_outlet(ctx, "define a foreign server");
			break;
		case T_CreateUserMappingStmt:
		case T_AlterUserMappingStmt:
			check_outlet(ctx, "define a user mapping");
			break;
		case T_CreatePublicationStmt:
		case T_AlterPublicationStmt:
			check_outlet(ctx, "publish tables");
			break;
		case T_CreateSubscriptionStmt:
		case T_AlterSubscriptionStmt:
			check_outlet(ctx, "subscribe to another server");
			break;
		case T_CreateEventTrigStmt:
			check_outlet(ctx, "create an event trigger");
			break;
		default:
			break;
	}
}

void
hg_mask_check_function(const HgPolicy *policy, HgCommand group,
					   const char *schema, const char *name)
{
	HgRefusal	refusal = {.verdict = "deny",.builtin = "builtin"};

	/* pages and WAL records hold rows; the other functions of ADMIN do not */
	if (policy->mask_mode != HG_MODE_ENFORCE ||
		(!(group == HG_CMD_FN_ADMIN &&
		   (strncmp(name, "get_raw_page", strlen("get_raw_page")) == 0 ||
			strncmp(name, "pg_get_wal_", strlen("pg_get_wal_")) == 0)) &&
		 group != HG_CMD_FN_FILE && group != HG_CMD_FN_NETWORK &&
		 group != HG_CMD_FN_REPLICATION) ||
		allowed_by_name(policy, group, schema, name, true))
		return;
	refusal.command = "FUNCTION";
	refusal.objects = &name;
	refusal.nobjects = 1;
	ereport(ERROR,
			(errcode(HG_ERRCODE_MASKED),
			 errmsg("a governed session cannot call function \"%s\"", name),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 errhint("It is a way around masks. A guard rule that allows it has to name the function.")));
}
