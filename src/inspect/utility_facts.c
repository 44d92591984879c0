/*-------------------------------------------------------------------------
 *
 * utility_facts.c
 *	  Facts of a utility statement.
 *
 * One table over every node tag that ProcessUtility knows, with handlers for
 * what has more than one act or needs a look at the catalog.  What is not in
 * it is SYSTEM, so a statement of a later server is refused to agents until
 * someone has classified it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "base/catalog.h"
#include "catalog/catalog.h"
#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "commands/proclang.h"
#include "inspect/utility_object.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "parser/parse_type.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* ---- single statements ------------------------------------------------- */

/* Is an object of this type, or what it belongs to, in pg_class? */
static bool
is_relation_type(ObjectType type)
{
	switch (type)
	{
		case OBJECT_COLUMN:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_INDEX:
		case OBJECT_MATVIEW:
		case OBJECT_POLICY:
		case OBJECT_RULE:
		case OBJECT_SEQUENCE:
		case OBJECT_TABCONSTRAINT:
		case OBJECT_TABLE:
		case OBJECT_TRIGGER:
		case OBJECT_VIEW:
			return true;
		default:
			return false;
	}
}

static void
facts_alter_table(HgUtility *state, Node *node)
{
	AlterTableStmt *stmt = (AlterTableStmt *) node;
	HgAct	   *act;
	ListCell   *lc;

	if (stmt->objtype == OBJECT_TYPE)
		act = hg_act_on_object(state, HG_CMD_ALTER, OBJECT_TYPE,
							(Node *) makeTypeNameFromNameList(stmt->relation->schemaname ?
															  list_make2(makeString(stmt->relation->schemaname),
																		 makeString(stmt->relation->relname)) :
															  list_make1(makeString(stmt->relation->relname))),
							NULL);
	else
	{
		act = hg_act_on_relation(state, HG_CMD_ALTER, stmt->relation);
		hg_alter_table_locks(state, act, stmt);
	}

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_ChangeOwner)
		{
			HgAct	   *owner = hg_facts_add_act(state->facts, HG_CMD_SYSTEM,
												 act->objid, act->schema,
												 act->name);

			owner->persistent = act->persistent;
		}
		else if (cmd->def != NULL && IsA(cmd->def, PartitionCmd) &&
				 ((PartitionCmd *) cmd->def)->name != NULL)
			hg_act_lock(hg_act_on_relation(state, HG_CMD_ALTER,
										   ((PartitionCmd *) cmd->def)->name),
						AccessExclusiveLock,
						cmd->subtype == AT_AttachPartition ? HG_WORK_SCAN :
						HG_WORK_NONE);
		else if (cmd->def != NULL && IsA(cmd->def, RangeVar))
			(void) hg_act_on_relation(state, HG_CMD_ALTER,
								   (RangeVar *) cmd->def);
	}
}

/* TRUNCATE: CASCADE reaches the tables that reference these. */
static void
facts_truncate(HgUtility *state, Node *node)
{
	TruncateStmt *stmt = (TruncateStmt *) node;
	List	   *relids = NIL;
	ListCell   *lc;

	foreach(lc, stmt->relations)
	{
		HgAct	   *act = hg_act_on_relation(state, HG_CMD_TRUNCATE,
										  lfirst_node(RangeVar, lc));

		hg_act_lock(act, AccessExclusiveLock, HG_WORK_NONE);
		if (OidIsValid(act->objid))
			relids = list_append_unique_oid(relids, act->objid);
	}
	while (stmt->behavior == DROP_CASCADE && relids != NIL)
	{
		List	   *more = heap_truncate_find_FKs(relids);

		if (more == NIL)
			break;
		foreach(lc, more)
		{
			HgAct	   *act = hg_facts_relation_act(state->facts,
													HG_CMD_TRUNCATE,
													lfirst_oid(lc));

			hg_facts_set_classes(state->facts, act, state->policy, NULL,
								 true);
			relids = list_append_unique_oid(relids, lfirst_oid(lc));
		}
	}
}

static void
facts_drop(HgUtility *state, Node *node)
{
	DropStmt *stmt = (DropStmt *) node;
	ListCell   *lc;

	foreach(lc, stmt->objects)
	{
		HgAct	   *act = hg_act_on_object(state, HG_CMD_DROP, stmt->removeType,
										(Node *) lfirst(lc), NULL);

		if (act->command == HG_CMD_DROP && OidIsValid(act->objid) &&
			is_relation_type(stmt->removeType))
			hg_act_lock(act, stmt->concurrent ? ShareUpdateExclusiveLock :
						AccessExclusiveLock, HG_WORK_NONE);
	}
}

/* Columns that COPY names, as hg_facts_set_classes wants them. */
static Bitmapset *
copy_columns(Oid relid, List *attlist)
{
	Bitmapset  *columns = NULL;
	ListCell   *lc;

	foreach(lc, attlist)
	{
		AttrNumber	attnum = get_attnum(relid, strVal(lfirst(lc)));

		if (attnum != InvalidAttrNumber)
			columns = bms_add_member(columns,
									 attnum - FirstLowInvalidHeapAttributeNumber);
	}
	return columns;
}

static void
facts_copy(HgUtility *state, Node *node)
{
	CopyStmt *stmt = (CopyStmt *) node;
	HgCommand	copy = stmt->is_from ? HG_CMD_COPY_FROM : HG_CMD_COPY_TO;
	HgCommand	plain = stmt->is_from ? HG_CMD_INSERT : HG_CMD_SELECT;

	if (stmt->is_program)
		(void) hg_act_on_global(state, HG_CMD_COPY_PROGRAM, "");
	else if (stmt->filename != NULL)
		(void) hg_act_on_global(state, HG_CMD_COPY_FILE, stmt->filename);

	if (stmt->relation != NULL)
	{
		Oid			relid = RangeVarGetRelid(stmt->relation, NoLock, true);
		HgCommand	commands[2];

		commands[0] = copy;
		commands[1] = plain;
		for (int i = 0; i < 2; i++)
		{
			HgAct	   *act;

			if (!OidIsValid(relid))
			{
				act = hg_facts_add_act(state->facts, commands[i], InvalidOid,
									   stmt->relation->schemaname,
									   stmt->relation->relname);
				act->persistent = false;
				continue;
			}
			act = hg_facts_relation_act(state->facts, commands[i], relid);
			hg_facts_set_classes(state->facts, act, state->policy,
								 copy_columns(relid, stmt->attlist),
								 stmt->attlist == NIL);
		}
		if (stmt->is_from && OidIsValid(relid) &&
			(IsCatalogRelationOid(relid) ||
			 IsCatalogNamespace(get_rel_namespace(relid))))
			(void) hg_facts_relation_act(state->facts, HG_CMD_SYSTEM, relid);
	}
	else
		(void) hg_act_on_global(state, copy, "");
}

static void
facts_set(HgUtility *state, Node *node)
{
	VariableSetStmt *stmt = (VariableSetStmt *) node;
	HgAct	   *act;

	switch (stmt->kind)
	{
		case VAR_SET_VALUE:
		case VAR_SET_CURRENT:
			(void) hg_facts_setting_act(state->facts, stmt->name);
			break;
		case VAR_SET_MULTI:
			/* TRANSACTION, SESSION CHARACTERISTICS, TRANSACTION SNAPSHOT */
			(void) hg_act_on_global(state, HG_CMD_TRANSACTION, stmt->name);
			break;
		case VAR_SET_DEFAULT:
		case VAR_RESET:
		case VAR_RESET_ALL:
			/* back to what the session began with */
			act = hg_act_on_global(state, HG_CMD_SET,
								stmt->name ? stmt->name : "all");
			act->sensitive_setting = false;
			break;
		default:
			act = hg_act_on_global(state, HG_CMD_SET, stmt->name);
			act->sensitive_setting = true;
			break;
	}
}

/* SET clauses of CREATE and ALTER FUNCTION. */
static void
facts_set_clauses(HgUtility *state, List *options)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *elem = lfirst_node(DefElem, lc);

		if (strcmp(elem->defname, "set") == 0 && elem->arg != NULL &&
			IsA(elem->arg, VariableSetStmt))
			facts_set(state, elem->arg);
	}
}

static void
facts_create_function(HgUtility *state, Node *node)
{
	CreateFunctionStmt *stmt = (CreateFunctionStmt *) node;
	HgAct	   *act = hg_act_on_new_name(state, HG_CMD_CREATE, stmt->funcname);
	ListCell   *lc;

	/*
	 * Code of a language that can do anything is no temporary object, even in
	 * a temporary schema.
	 */
	foreach(lc, stmt->options)
	{
		DefElem    *elem = lfirst_node(DefElem, lc);

		if (strcmp(elem->defname, "language") == 0 && elem->arg != NULL)
		{
			HeapTuple	tuple = SearchSysCache1(LANGNAME,
												CStringGetDatum(strVal(elem->arg)));

			if (HeapTupleIsValid(tuple))
			{
				if (!((Form_pg_language) GETSTRUCT(tuple))->lanpltrusted)
					act->persistent = true;
				ReleaseSysCache(tuple);
			}
		}
	}
	facts_set_clauses(state, stmt->options);
}

/* A trigger's function is called as surely as one that is named in a query. */
static void
facts_create_trigger(HgUtility *state, Node *node)
{
	CreateTrigStmt *stmt = (CreateTrigStmt *) node;
	Oid			funcid;

	hg_act_lock(hg_act_on_relation(state, HG_CMD_CREATE, stmt->relation),
				ShareRowExclusiveLock, HG_WORK_NONE);
	funcid = LookupFuncName(stmt->funcname, 0, NULL, true);
	if (OidIsValid(funcid))
		hg_facts_add_function(state->facts, funcid);
}

static bool
has_option(List *options, const char *name)
{
	ListCell   *lc;
	bool		result = false;

	foreach(lc, options)
	{
		DefElem    *elem = lfirst_node(DefElem, lc);

		if (strcmp(elem->defname, name) == 0)
			result = elem->arg == NULL || defGetBoolean(elem);
	}
	return result;
}

/*
 * Maintenance of one relation, or without any of the whole database, which is
 * beyond any size.  Whatever reads or writes a whole table to build something
 * anew counts by its size, even where writers may go on; plain VACUUM and
 * ANALYZE count 0.
 */
static void
facts_maintain(HgUtility *state, RangeVar *rv, Oid relid, LOCKMODE mode,
			   int work, const char *name)
{
	HgAct	   *act;

	if (rv != NULL)
		act = hg_act_on_relation(state, HG_CMD_MAINTAIN, rv);
	else if (OidIsValid(relid))
		act = hg_facts_relation_act(state->facts, HG_CMD_MAINTAIN, relid);
	else
		act = hg_act_on_global(state, HG_CMD_MAINTAIN, name);
	hg_act_lock(act, mode, work);
	if (work == HG_WORK_NONE)
		act->locks_mb = 0;
	else if (rv == NULL && !OidIsValid(relid))
		act->locks_mb = FLT_MAX;
	else
		act->locks_mb = Max(act->table_mb, BLCKSZ / (1024.0 * 1024.0));
}

static void
facts_vacuum(HgUtility *state, Node *node)
{
	VacuumStmt *stmt = (VacuumStmt *) node;
	bool		full = has_option(stmt->options, "full");
	LOCKMODE	mode = full ? AccessExclusiveLock : ShareUpdateExclusiveLock;
	int			work = full ? HG_WORK_REWRITE : HG_WORK_NONE;
	ListCell   *lc;

	if (stmt->rels == NIL)
		facts_maintain(state, NULL, InvalidOid, mode, work, "");
	foreach(lc, stmt->rels)
	{
		VacuumRelation *vrel = lfirst_node(VacuumRelation, lc);

		facts_maintain(state, vrel->relation, vrel->oid, mode, work, "");
	}
}

static void
facts_reindex(HgUtility *state, Node *node)
{
	ReindexStmt *stmt = (ReindexStmt *) node;

	facts_maintain(state, stmt->relation, InvalidOid,
				   has_option(stmt->params, "concurrently") ?
				   ShareUpdateExclusiveLock :
				   stmt->kind == REINDEX_OBJECT_INDEX ? AccessExclusiveLock :
				   ShareLock, HG_WORK_SCAN, stmt->name ? stmt->name : "");
}

static void
facts_lock(HgUtility *state, Node *node)
{
	LockStmt *stmt = (LockStmt *) node;
	ListCell   *lc;

	state->nowait = stmt->nowait;
	foreach(lc, stmt->relations)
	{
		HgAct	   *act = hg_act_on_relation(state, HG_CMD_LOCK,
										  lfirst_node(RangeVar, lc));

		hg_act_lock(act, stmt->mode, HG_WORK_NONE);
	}
}

static void
facts_grant(HgUtility *state, Node *node)
{
	GrantStmt *stmt = (GrantStmt *) node;
	HgCommand	command = stmt->is_grant ? HG_CMD_GRANT : HG_CMD_REVOKE;
	ListCell   *lc;

	foreach(lc, stmt->objects)
	{
		Node	   *object = (Node *) lfirst(lc);

		if (IsA(object, RangeVar))
			(void) hg_act_on_relation(state, command, (RangeVar *) object);
		else if (stmt->targtype == ACL_TARGET_ALL_IN_SCHEMA)
			(void) hg_act_on_object(state, command, OBJECT_SCHEMA, object, NULL);
		else if (stmt->objtype == OBJECT_FUNCTION ||
				 stmt->objtype == OBJECT_PROCEDURE ||
				 stmt->objtype == OBJECT_ROUTINE ||
				 stmt->objtype == OBJECT_SCHEMA)
			(void) hg_act_on_object(state, command, stmt->objtype, object, NULL);
		else
			(void) hg_act_on_global(state, command, hg_utility_name(object));
	}
	if (stmt->objects == NIL)
		(void) hg_act_on_global(state, command, "");
}

static void
facts_comment(HgUtility *state, Node *node)
{
	CommentStmt *stmt = (CommentStmt *) node;
	HgAct	   *act = hg_act_on_object(state, HG_CMD_COMMENT, stmt->objtype,
									   stmt->object, NULL);

	/* a comment changes nothing; only those on roles count as more */
	if (act->command == HG_CMD_SYSTEM || act->command == HG_CMD_EXTENSION)
		act->command = HG_CMD_COMMENT;
	act->lock = NULL;
}

static void
facts_create_table_as(HgUtility *state, Node *node)
{
	CreateTableAsStmt *stmt = (CreateTableAsStmt *) node;
	if (stmt->into != NULL && stmt->into->rel != NULL)
		(void) hg_act_on_new_relation(state, HG_CMD_CREATE, stmt->into->rel);
	else
		(void) hg_act_on_global(state, HG_CMD_CREATE, "");
}

static void utility_acts(HgUtility *state, Node *node);

/* With ANALYZE the statement inside counts; its query meets the planner. */
static void
facts_explain(HgUtility *state, Node *node)
{
	ExplainStmt *stmt = (ExplainStmt *) node;
	Node	   *inner = stmt->query;

	(void) hg_act_on_global(state, HG_CMD_EXPLAIN, "");
	if (!has_option(stmt->options, "analyze"))
		return;
	if (inner != NULL && IsA(inner, Query))
		inner = ((Query *) inner)->utilityStmt;
	if (inner != NULL && (IsA(inner, CreateTableAsStmt) ||
						  IsA(inner, RefreshMatViewStmt)))
		utility_acts(state, inner);
}

static void
facts_call(HgUtility *state, Node *node)
{
	CallStmt *stmt = (CallStmt *) node;
	FuncExpr   *call = stmt->funcexpr;
	HgAct	   *act;
	char	   *name;

	if (call == NULL)
	{
		(void) hg_act_on_global(state, HG_CMD_CALL,
							 stmt->funccall ?
							 hg_utility_name((Node *) stmt->funccall->funcname) : "");
		return;
	}
	name = get_func_name(call->funcid);
	act = hg_facts_add_act(state->facts, HG_CMD_CALL, call->funcid,
						   hg_facts_schema_name(get_func_namespace(call->funcid)),
						   name ? name : "");
	act->is_function = true;
	hg_facts_add_functions_of(state->facts, (Node *) call);
	hg_facts_add_functions_of(state->facts, (Node *) stmt->outargs);
}

/*
 * DROP OWNED and REASSIGN OWNED reach whatever the roles own; when that is
 * our own schema it is policy.
 */
static void
owned(HgUtility *state, HgCommand command, List *roles)
{
	Oid			schema = hg_catalog_schema();
	Oid			owner = InvalidOid;
	ListCell   *lc;

	if (OidIsValid(schema))
	{
		HeapTuple	tuple = SearchSysCache1(NAMESPACEOID,
											ObjectIdGetDatum(schema));

		if (HeapTupleIsValid(tuple))
		{
			owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
			ReleaseSysCache(tuple);
		}
	}
	foreach(lc, roles)
	{
		RoleSpec   *spec = lfirst_node(RoleSpec, lc);
		Oid			role = get_rolespec_oid(spec, true);

		(void) hg_act_on_global(state, command,
							 spec->rolename ? spec->rolename :
							 GetUserNameFromId(GetUserId(), true));
		if (OidIsValid(owner) && role == owner)
			(void) hg_act_on_global(state, HG_CMD_POLICY, "hoopguard");
	}
}

static void
facts_drop_owned(HgUtility *state, Node *node)
{
	owned(state, HG_CMD_DROP, ((DropOwnedStmt *) node)->roles);
}

static void
facts_reassign_owned(HgUtility *state, Node *node)
{
	owned(state, HG_CMD_SYSTEM, ((ReassignOwnedStmt *) node)->roles);
}

static void
facts_create_table(HgUtility *state, Node *node)
{
	CreateStmt *stmt = (CreateStmt *) node;
	ListCell   *lc;

	(void) hg_act_on_new_relation(state, HG_CMD_CREATE, stmt->relation);

	/* a child or partition makes its parent show more rows */
	foreach(lc, stmt->inhRelations)
	{
		HgAct	   *act = hg_act_on_relation(state, HG_CMD_ALTER,
											 lfirst_node(RangeVar, lc));

		hg_act_lock(act, ShareUpdateExclusiveLock, HG_WORK_NONE);
	}
	hg_create_table_locks(state, stmt);
}

static void
facts_index(HgUtility *state, Node *node)
{
	IndexStmt  *stmt = (IndexStmt *) node;
	HgAct	   *act = hg_act_on_relation(state, HG_CMD_CREATE, stmt->relation);

	hg_act_lock(act, stmt->concurrent ? ShareUpdateExclusiveLock : ShareLock,
				HG_WORK_SCAN);
}

static void
facts_rule(HgUtility *state, Node *node)
{
	hg_act_lock(hg_act_on_relation(state, HG_CMD_CREATE,
								   ((RuleStmt *) node)->relation),
				AccessExclusiveLock, HG_WORK_NONE);
}

static void
facts_create_policy(HgUtility *state, Node *node)
{
	hg_act_lock(hg_act_on_relation(state, HG_CMD_CREATE,
								   ((CreatePolicyStmt *) node)->table),
				AccessExclusiveLock, HG_WORK_NONE);
}

static void
facts_alter_policy(HgUtility *state, Node *node)
{
	hg_act_lock(hg_act_on_relation(state, HG_CMD_ALTER,
								   ((AlterPolicyStmt *) node)->table),
				AccessExclusiveLock, HG_WORK_NONE);
}

static void
facts_create_statistics(HgUtility *state, Node *node)
{
	CreateStatsStmt *stmt = (CreateStatsStmt *) node;
	ListCell   *lc;

	foreach(lc, stmt->relations)
	{
		if (IsA(lfirst(lc), RangeVar))
			hg_act_lock(hg_act_on_relation(state, HG_CMD_CREATE,
										   (RangeVar *) lfirst(lc)),
						ShareUpdateExclusiveLock, HG_WORK_NONE);
	}
	if (stmt->relations == NIL)
		(void) hg_act_on_global(state, HG_CMD_CREATE, "");
}

static void
facts_import_schema(HgUtility *state, Node *node)
{
	(void) hg_act_on_new(state, HG_CMD_CREATE,
						 ((ImportForeignSchemaStmt *) node)->local_schema, "",
						 RELPERSISTENCE_PERMANENT);
}

static void
facts_move_all(HgUtility *state, Node *node)
{
	HgAct	   *act;

	act = hg_act_on_global(state, HG_CMD_ALTER,
						   ((AlterTableMoveAllStmt *) node)->orig_tablespacename);
	hg_act_lock(act, AccessExclusiveLock, HG_WORK_REWRITE);
	act->locks_mb = FLT_MAX;
}

static void
facts_alter_function(HgUtility *state, Node *node)
{
	AlterFunctionStmt *stmt = (AlterFunctionStmt *) node;

	(void) hg_act_on_object(state, HG_CMD_ALTER, stmt->objtype,
							(Node *) stmt->func, NULL);
	facts_set_clauses(state, stmt->actions);
}

static void
facts_alter_operator(HgUtility *state, Node *node)
{
	(void) hg_act_on_object(state, HG_CMD_ALTER, OBJECT_OPERATOR,
							(Node *) ((AlterOperatorStmt *) node)->opername,
							NULL);
}

static void
facts_alter_family(HgUtility *state, Node *node)
{
	AlterOpFamilyStmt *stmt = (AlterOpFamilyStmt *) node;

	(void) hg_act_on_object(state, HG_CMD_ALTER, OBJECT_OPFAMILY,
							(Node *) lcons(makeString(stmt->amname),
										   list_copy(stmt->opfamilyname)),
							NULL);
}

/* Types and domains are looked up by a TypeName; some statements hold a List. */
static Node *
type_object(ObjectType type, Node *object)
{
	if ((type == OBJECT_TYPE || type == OBJECT_DOMAIN ||
		 type == OBJECT_DOMCONSTRAINT) &&
		object != NULL && IsA(object, List))
		return (Node *) makeTypeNameFromNameList((List *) object);
	return object;
}

/* RENAME and SET SCHEMA lock a relation against everyone. */
static void
lock_relation(HgAct *act)
{
	if (act->command == HG_CMD_ALTER && OidIsValid(act->objid) &&
		act->locks_mb < 0 && SearchSysCacheExists1(RELOID,
												   ObjectIdGetDatum(act->objid)))
		hg_act_lock(act, AccessExclusiveLock, HG_WORK_NONE);
}

static void
facts_rename(HgUtility *state, Node *node)
{
	RenameStmt *stmt = (RenameStmt *) node;
	ObjectType	type = stmt->renameType;
	Node	   *object = stmt->object;
	HgAct	   *act;

	switch (type)
	{
		case OBJECT_ROLE:
		case OBJECT_DATABASE:
		case OBJECT_SCHEMA:
		case OBJECT_TABLESPACE:
			object = (Node *) makeString(stmt->subname);
			break;
		case OBJECT_DOMCONSTRAINT:
			type = OBJECT_DOMAIN;
			break;
		default:
			break;
	}
	act = hg_act_on_object(state, HG_CMD_ALTER, type,
						   type_object(type, object), stmt->relation);
	if (is_relation_type(type))
		lock_relation(act);
}

static void
facts_set_schema(HgUtility *state, Node *node)
{
	AlterObjectSchemaStmt *stmt = (AlterObjectSchemaStmt *) node;
	HgAct	   *act;
	Oid			nspid;

	act = hg_act_on_object(state, HG_CMD_ALTER, stmt->objectType,
						   type_object(stmt->objectType, stmt->object),
						   stmt->relation);
	if (is_relation_type(stmt->objectType))
		lock_relation(act);

	/* where it goes counts too */
	nspid = get_namespace_oid(stmt->newschema, true);
	if (act->command == HG_CMD_ALTER && OidIsValid(nspid))
	{
		bool		persistent = act->persistent;

		act = hg_facts_add_act(state->facts, HG_CMD_ALTER, InvalidOid,
							   hg_facts_schema_name(nspid), act->name);
		act->persistent = persistent;
	}
}

static void
facts_depends(HgUtility *state, Node *node)
{
	AlterObjectDependsStmt *stmt = (AlterObjectDependsStmt *) node;

	(void) hg_act_on_object(state, HG_CMD_ALTER, stmt->objectType,
							stmt->object, stmt->relation);
	(void) hg_act_on_global(state, HG_CMD_EXTENSION, strVal(stmt->extname));
}

/* Who owns it decides who may do all the rest. */
static void
facts_owner(HgUtility *state, Node *node)
{
	AlterOwnerStmt *stmt = (AlterOwnerStmt *) node;
	HgAct	   *act;

	act = hg_act_on_object(state, HG_CMD_SYSTEM, stmt->objectType,
						   type_object(stmt->objectType, stmt->object),
						   stmt->relation);
	(void) hg_facts_add_act(state->facts, HG_CMD_ALTER, act->objid,
							act->schema, act->name);
}

static void
facts_security_label(HgUtility *state, Node *node)
{
	SecLabelStmt *stmt = (SecLabelStmt *) node;
	HgAct	   *act;

	act = hg_act_on_object(state, HG_CMD_SYSTEM, stmt->objtype, stmt->object,
						   NULL);

	/* without FOR it goes to the only provider, perhaps ours */
	if (stmt->provider == NULL || strcmp(stmt->provider, "hoopguard") == 0)
		(void) hg_facts_add_act(state->facts, HG_CMD_POLICY, act->objid,
								act->schema, act->name);
}

static void
facts_cluster(HgUtility *state, Node *node)
{
	facts_maintain(state, ((ClusterStmt *) node)->relation, InvalidOid,
				   AccessExclusiveLock, HG_WORK_REWRITE, "");
}

static void
facts_refresh(HgUtility *state, Node *node)
{
	RefreshMatViewStmt *stmt = (RefreshMatViewStmt *) node;

	facts_maintain(state, stmt->relation, InvalidOid,
				   stmt->concurrent ? ExclusiveLock : AccessExclusiveLock,
				   stmt->concurrent ? HG_WORK_SCAN : HG_WORK_REWRITE, "");
}

static void
facts_grant_role(HgUtility *state, Node *node)
{
	GrantRoleStmt *stmt = (GrantRoleStmt *) node;
	ListCell   *lc;

	foreach(lc, stmt->granted_roles)
	{
		AccessPriv *priv = lfirst_node(AccessPriv, lc);

		(void) hg_act_on_global(state,
								stmt->is_grant ? HG_CMD_GRANT : HG_CMD_REVOKE,
								priv->priv_name);
		(void) hg_act_on_global(state, HG_CMD_ROLE, priv->priv_name);
	}
}

static void
facts_default_privileges(HgUtility *state, Node *node)
{
	AlterDefaultPrivilegesStmt *stmt = (AlterDefaultPrivilegesStmt *) node;

	(void) hg_act_on_global(state, stmt->action->is_grant ?
							HG_CMD_GRANT : HG_CMD_REVOKE, "");
}

static void
facts_alter_role(HgUtility *state, Node *node)
{
	RoleSpec   *role = IsA(node, AlterRoleStmt) ?
		((AlterRoleStmt *) node)->role : ((AlterRoleSetStmt *) node)->role;

	(void) hg_act_on_global(state, HG_CMD_ROLE,
							role != NULL ? role->rolename : "");
}

static void
facts_drop_role(HgUtility *state, Node *node)
{
	ListCell   *lc;

	foreach(lc, ((DropRoleStmt *) node)->roles)
		(void) hg_act_on_global(state, HG_CMD_ROLE,
								lfirst_node(RoleSpec, lc)->rolename);
}

static void
facts_alter_system(HgUtility *state, Node *node)
{
	(void) hg_act_on_global(state, HG_CMD_SYSTEM,
							((AlterSystemStmt *) node)->setstmt->name);
}

static void
facts_create_cast(HgUtility *state, Node *node)
{
	(void) hg_act_on_global(state, HG_CMD_CREATE,
							hg_utility_name((Node *) ((CreateCastStmt *) node)->sourcetype));
}

static void
facts_create_transform(HgUtility *state, Node *node)
{
	(void) hg_act_on_global(state, HG_CMD_CREATE,
							hg_utility_name((Node *) ((CreateTransformStmt *) node)->type_name));
}

/* ---- the table --------------------------------------------------------- */

/* What of a statement its act is on. */
typedef enum UtilityObject
{
	ON_NOTHING,
	ON_NAME,					/* a string; the object lives in no schema */
	ON_RELATION,				/* an existing relation, a RangeVar */
	ON_NEW_RELATION,			/* one to be created */
	ON_NEW_NAME,				/* a List of String, to be created */
	ON_OBJECT,					/* an existing object of a type, such a List */
	BY_HANDLER
} UtilityObject;

typedef struct UtilityKind
{
	NodeTag		tag;
	HgCommand	command;		/* the one that all such statements are, or
								 * for a handler the usual one */
	UtilityObject object;
	size_t		offset;			/* of the field */
	ObjectType	type;			/* of ON_OBJECT */
	void		(*handler) (HgUtility *state, Node *node);
} UtilityKind;

#define PLAIN(node, command) \
	{T_##node, HG_CMD_##command, ON_NOTHING}
#define NAMED(node, command, field) \
	{T_##node, HG_CMD_##command, ON_NAME, offsetof(node, field)}
#define TABLE(node, command, field) \
	{T_##node, HG_CMD_##command, ON_RELATION, offsetof(node, field)}
#define NEW_TABLE(node, command, field) \
	{T_##node, HG_CMD_##command, ON_NEW_RELATION, offsetof(node, field)}
#define NEW_NAME(node, command, field) \
	{T_##node, HG_CMD_##command, ON_NEW_NAME, offsetof(node, field)}
#define OBJECT(node, command, field, objtype) \
	{T_##node, HG_CMD_##command, ON_OBJECT, offsetof(node, field), objtype}
#define HANDLED(node, command, function) \
	{T_##node, HG_CMD_##command, BY_HANDLER, 0, 0, function}

/*
 * Every statement that ProcessUtility knows.  docs/commands.md shows the same
 * table, and test/lint/commands.sh compares the two and both with the node
 * tags of the server at hand.
 */
static const UtilityKind utility_kinds[] = {
	/* sessions and transactions */
	PLAIN(TransactionStmt, TRANSACTION),
	PLAIN(ConstraintsSetStmt, TRANSACTION),
	HANDLED(VariableSetStmt, SET, facts_set),
	NAMED(VariableShowStmt, SHOW, name),
	PLAIN(DiscardStmt, DISCARD),
	NAMED(ListenStmt, LISTEN, conditionname),
	NAMED(UnlistenStmt, LISTEN, conditionname),
	NAMED(NotifyStmt, NOTIFY, conditionname),
	HANDLED(LockStmt, LOCK, facts_lock),

	/* statements around statements */
	NAMED(PrepareStmt, PREPARE, name),
	NAMED(ExecuteStmt, EXECUTE, name),
	NAMED(DeallocateStmt, PREPARE, name),
	NAMED(DeclareCursorStmt, CURSOR, portalname),
	NAMED(FetchStmt, CURSOR, portalname),
	NAMED(ClosePortalStmt, CURSOR, portalname),
	HANDLED(ExplainStmt, EXPLAIN, facts_explain),
	PLAIN(DoStmt, DO),
	HANDLED(CallStmt, CALL, facts_call),
	HANDLED(CopyStmt, COPY_TO, facts_copy),

	/* creation */
	HANDLED(CreateStmt, CREATE, facts_create_table),
	HANDLED(CreateForeignTableStmt, CREATE, facts_create_table),
	HANDLED(CreateTableAsStmt, CREATE, facts_create_table_as),
	NEW_TABLE(ViewStmt, CREATE, view),
	NEW_TABLE(CreateSeqStmt, CREATE, sequence),
	NEW_TABLE(CompositeTypeStmt, CREATE, typevar),
	HANDLED(IndexStmt, CREATE, facts_index),
	HANDLED(CreateTrigStmt, CREATE, facts_create_trigger),
	HANDLED(RuleStmt, CREATE, facts_rule),
	HANDLED(CreatePolicyStmt, CREATE, facts_create_policy),
	HANDLED(CreateStatsStmt, CREATE, facts_create_statistics),
	NAMED(CreateSchemaStmt, CREATE, schemaname),
	HANDLED(CreateFunctionStmt, CREATE, facts_create_function),
	NEW_NAME(DefineStmt, CREATE, defnames),
	NEW_NAME(CreateEnumStmt, CREATE, typeName),
	NEW_NAME(CreateRangeStmt, CREATE, typeName),
	NEW_NAME(CreateDomainStmt, CREATE, domainname),
	NEW_NAME(CreateConversionStmt, CREATE, conversion_name),
	NEW_NAME(CreateOpClassStmt, CREATE, opclassname),
	NEW_NAME(CreateOpFamilyStmt, CREATE, opfamilyname),
	HANDLED(CreateCastStmt, CREATE, facts_create_cast),
	HANDLED(CreateTransformStmt, CREATE, facts_create_transform),
	HANDLED(ImportForeignSchemaStmt, CREATE, facts_import_schema),

	/* change */
	HANDLED(AlterTableStmt, ALTER, facts_alter_table),
	HANDLED(AlterTableMoveAllStmt, ALTER, facts_move_all),
	TABLE(AlterSeqStmt, ALTER, sequence),
	HANDLED(AlterPolicyStmt, ALTER, facts_alter_policy),
	OBJECT(AlterStatsStmt, ALTER, defnames, OBJECT_STATISTIC_EXT),
	HANDLED(AlterFunctionStmt, ALTER, facts_alter_function),
	OBJECT(AlterEnumStmt, ALTER, typeName, OBJECT_TYPE),
	OBJECT(AlterTypeStmt, ALTER, typeName, OBJECT_TYPE),
	OBJECT(AlterDomainStmt, ALTER, typeName, OBJECT_DOMAIN),
	HANDLED(AlterOperatorStmt, ALTER, facts_alter_operator),
	HANDLED(AlterOpFamilyStmt, ALTER, facts_alter_family),
	OBJECT(AlterTSDictionaryStmt, ALTER, dictname, OBJECT_TSDICTIONARY),
	OBJECT(AlterTSConfigurationStmt, ALTER, cfgname, OBJECT_TSCONFIGURATION),
	OBJECT(AlterCollationStmt, ALTER, collname, OBJECT_COLLATION),
	HANDLED(RenameStmt, ALTER, facts_rename),
	HANDLED(AlterObjectSchemaStmt, ALTER, facts_set_schema),
	HANDLED(AlterObjectDependsStmt, ALTER, facts_depends),
	HANDLED(AlterOwnerStmt, SYSTEM, facts_owner),
	HANDLED(CommentStmt, COMMENT, facts_comment),
	HANDLED(SecLabelStmt, SYSTEM, facts_security_label),

	/* removal */
	HANDLED(DropStmt, DROP, facts_drop),
	HANDLED(TruncateStmt, TRUNCATE, facts_truncate),
	HANDLED(DropOwnedStmt, DROP, facts_drop_owned),

	/* maintenance */
	HANDLED(VacuumStmt, MAINTAIN, facts_vacuum),
	HANDLED(ClusterStmt, MAINTAIN, facts_cluster),
	HANDLED(ReindexStmt, MAINTAIN, facts_reindex),
	HANDLED(RefreshMatViewStmt, MAINTAIN, facts_refresh),

	/* rights */
	HANDLED(GrantStmt, GRANT, facts_grant),
	HANDLED(GrantRoleStmt, ROLE, facts_grant_role),
	HANDLED(AlterDefaultPrivilegesStmt, GRANT, facts_default_privileges),
	NAMED(CreateRoleStmt, ROLE, role),
	HANDLED(AlterRoleStmt, ROLE, facts_alter_role),
	HANDLED(AlterRoleSetStmt, ROLE, facts_alter_role),
	HANDLED(DropRoleStmt, ROLE, facts_drop_role),
	HANDLED(ReassignOwnedStmt, SYSTEM, facts_reassign_owned),

	/* extensions */
	NAMED(CreateExtensionStmt, EXTENSION, extname),
	NAMED(AlterExtensionStmt, EXTENSION, extname),
	NAMED(AlterExtensionContentsStmt, EXTENSION, extname),

	/* the server, other servers, code that runs as the server */
	NAMED(CreatedbStmt, SYSTEM, dbname),
	NAMED(DropdbStmt, SYSTEM, dbname),
	NAMED(AlterDatabaseStmt, SYSTEM, dbname),
	NAMED(AlterDatabaseSetStmt, SYSTEM, dbname),
	NAMED(AlterDatabaseRefreshCollStmt, SYSTEM, dbname),
	HANDLED(AlterSystemStmt, SYSTEM, facts_alter_system),
	NAMED(CreateTableSpaceStmt, SYSTEM, tablespacename),
	NAMED(AlterTableSpaceOptionsStmt, SYSTEM, tablespacename),
	NAMED(DropTableSpaceStmt, SYSTEM, tablespacename),
	NAMED(CreatePublicationStmt, SYSTEM, pubname),
	NAMED(AlterPublicationStmt, SYSTEM, pubname),
	NAMED(CreateSubscriptionStmt, SYSTEM, subname),
	NAMED(AlterSubscriptionStmt, SYSTEM, subname),
	NAMED(DropSubscriptionStmt, SYSTEM, subname),
	NAMED(CreateFdwStmt, SYSTEM, fdwname),
	NAMED(AlterFdwStmt, SYSTEM, fdwname),
	NAMED(CreateForeignServerStmt, SYSTEM, servername),
	NAMED(AlterForeignServerStmt, SYSTEM, servername),
	NAMED(CreateUserMappingStmt, SYSTEM, servername),
	NAMED(AlterUserMappingStmt, SYSTEM, servername),
	NAMED(DropUserMappingStmt, SYSTEM, servername),
	NAMED(CreateEventTrigStmt, SYSTEM, trigname),
	NAMED(AlterEventTrigStmt, SYSTEM, trigname),
	NAMED(CreatePLangStmt, SYSTEM, plname),
	NAMED(CreateAmStmt, SYSTEM, amname),
	NAMED(LoadStmt, SYSTEM, filename),
	PLAIN(CheckPointStmt, SYSTEM),
};

static void
utility_acts(HgUtility *state, Node *node)
{
	const UtilityKind *kind = NULL;
	void	   *field;

	check_stack_depth();
	for (int i = 0; i < lengthof(utility_kinds) && kind == NULL; i++)
		if (utility_kinds[i].tag == nodeTag(node))
			kind = &utility_kinds[i];

	/* unknown here means new in the server: the strictest word */
	if (kind == NULL)
	{
		state->facts->unknown = true;
		(void) hg_act_on_global(state, HG_CMD_SYSTEM, "");
		return;
	}

	field = (char *) node + kind->offset;
	switch (kind->object)
	{
		case ON_NOTHING:
			(void) hg_act_on_global(state, kind->command, "");
			break;
		case ON_NAME:
			(void) hg_act_on_global(state, kind->command, *(char **) field);
			break;
		case ON_RELATION:
			(void) hg_act_on_relation(state, kind->command,
									  *(RangeVar **) field);
			break;
		case ON_NEW_RELATION:
			(void) hg_act_on_new_relation(state, kind->command,
										  *(RangeVar **) field);
			break;
		case ON_NEW_NAME:
			(void) hg_act_on_new_name(state, kind->command, *(List **) field);
			break;
		case ON_OBJECT:
			(void) hg_act_on_object(state, kind->command, kind->type,
									type_object(kind->type, *(Node **) field),
									NULL);
			break;
		case BY_HANDLER:
			kind->handler(state, node);
			break;
	}
}

/*
 * Acts that touch our own objects or the server's catalogs get one more that
 * says so.
 */
static void
mark_protected(HgUtility *state, Node *utility)
{
	List	   *acts = list_copy(state->facts->acts);
	bool		installed = OidIsValid(hg_catalog_schema());
	ListCell   *lc;

	foreach(lc, acts)
	{
		HgAct	   *act = (HgAct *) lfirst(lc);
		bool		ours = false;

		switch (act->command)
		{
			case HG_CMD_SELECT:
			case HG_CMD_COPY_TO:
			case HG_CMD_SHOW:
			case HG_CMD_SET:
			case HG_CMD_CALL:
			case HG_CMD_FUNCTION:
			case HG_CMD_FN_FILE:
			case HG_CMD_FN_NETWORK:
			case HG_CMD_FN_REPLICATION:
			case HG_CMD_FN_ADMIN:
			case HG_CMD_FN_SQL:
			case HG_CMD_FN_LOCK:
			case HG_CMD_FN_SESSION:
			case HG_CMD_FN_UNCLASSIFIED:
			case HG_CMD_PREPARE:
			case HG_CMD_EXECUTE:
			case HG_CMD_CURSOR:
			case HG_CMD_LISTEN:
			case HG_CMD_NOTIFY:
			case HG_CMD_TRANSACTION:
			case HG_CMD_POLICY:
				continue;
			case HG_CMD_LOCK:
				ours = IsA(utility, LockStmt) &&
					((LockStmt *) utility)->mode > AccessShareLock;
				break;
			default:
				ours = true;
				break;
		}
		if (ours && installed &&
			((act->schema != NULL && strcmp(act->schema, "hoopguard") == 0) ||
			 (act->schema == NULL && strcmp(act->name, "hoopguard") == 0)))
			(void) hg_facts_add_act(state->facts, HG_CMD_POLICY, act->objid,
									act->schema, act->name);
		if ((act->command == HG_CMD_ALTER || act->command == HG_CMD_CREATE) &&
			act->schema != NULL && strcmp(act->schema, "pg_catalog") == 0)
			(void) hg_facts_add_act(state->facts, HG_CMD_SYSTEM, act->objid,
									act->schema, act->name);
	}
}

void
hg_utility_facts(HgFacts *facts, Node *utility, const char *query_string,
				 const HgPolicy *policy)
{
	HgUtility state;

	state.facts = facts;
	state.policy = policy;
	state.nowait = false;
	facts->is_utility = true;
	facts->reads_only = false;
	utility_acts(&state, utility);
	if (facts->acts != NIL)
		facts->command = ((HgAct *) linitial(facts->acts))->command;
	else
	{
		/* empty lists, as DROP of nothing: no effect to judge */
		facts->command = HG_CMD_SYSTEM;
		(void) hg_act_on_global(&state, HG_CMD_SYSTEM, "");
	}
	if (facts->unknown)
		facts->command = HG_CMD_UNKNOWN;
	mark_protected(&state, utility);
}

bool
hg_utility_owns_query(Node *utility)
{
	switch (nodeTag(utility))
	{
		case T_CreateTableAsStmt:
		case T_ExecuteStmt:
		case T_DeclareCursorStmt:
		case T_RefreshMatViewStmt:
		case T_ExplainStmt:
			return true;
		case T_CopyStmt:
			/* of a table too, if it has row-level security */
			return !((CopyStmt *) utility)->is_from;
		default:
			return false;
	}
}
