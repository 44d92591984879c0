/*-------------------------------------------------------------------------
 *
 * utility_facts.c
 *	  Facts of a utility statement.
 *
 * One switch over every node tag that ProcessUtility knows, without a silent
 * default: what is not listed is SYSTEM, so a statement of a later server is
 * refused to agents until someone has classified it.
 *
 * Names are looked up as the command itself will look them up, but without
 * keeping locks: a lock taken here and raised by the command would be a
 * deadlock waiting to happen.  Between this look-up and the command's own a
 * name may come to mean something else; that needs a second session which
 * may itself do the DDL, and the object access hook sees the object that is
 * really touched.
 *
 * An object that does not exist counts as not persistent: nothing happens to
 * it, and "does not exist" is the better answer.
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
#include "inspect/facts_util.h"
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

/* Partitions and children looked at for the size of one statement's locks. */
#define MAX_SIZED_RELATIONS 1000

typedef struct UtilityState
{
	HgFacts    *facts;
	const HgPolicy *policy;
} UtilityState;

/* ---- relations --------------------------------------------------------- */

/*
 * Size in MB of a relation with its children, -1 if it cannot be told
 * without waiting.
 */
static double
relation_mb(Oid relid)
{
	List	   *relids;
	ListCell   *lc;
	double		blocks = 0;

	if (!OidIsValid(relid))
		return -1;
	relids = get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE ?
		find_all_inheritors(relid, NoLock, NULL) : list_make1_oid(relid);
	if (list_length(relids) > MAX_SIZED_RELATIONS)
		return -1;

	foreach(lc, relids)
	{
		Oid			child = lfirst_oid(lc);
		Relation	rel;

		if (!RELKIND_HAS_STORAGE(get_rel_relkind(child)))
			continue;
		if (!ConditionalLockRelationOid(child, AccessShareLock))
			return -1;
		rel = try_relation_open(child, NoLock);
		if (rel != NULL)
		{
			blocks += RelationGetNumberOfBlocks(rel);
			relation_close(rel, NoLock);
		}
		UnlockRelationOid(child, AccessShareLock);
	}
	return blocks * BLCKSZ / (1024.0 * 1024.0);
}

/*
 * Mark an act as locking its relation against others.  Even an empty
 * relation counts with one block, so that "locks_table_over(0)" means any
 * such lock.
 */
static void
set_locks(HgAct *act)
{
	double		mb = relation_mb(act->objid);

	act->locks_mb = Max(mb, BLCKSZ / (1024.0 * 1024.0));
}

/* Name in a List of String; "" for what is not. */
static char *
name_of(Node *node)
{
	if (node == NULL)
		return "";
	if (IsA(node, String))
		return strVal(node);
	if (IsA(node, List) && list_length((List *) node) > 0)
		return name_of((Node *) llast((List *) node));
	if (IsA(node, TypeName))
		return name_of((Node *) ((TypeName *) node)->names);
	if (IsA(node, ObjectWithArgs))
		return name_of((Node *) ((ObjectWithArgs *) node)->objname);
	if (IsA(node, Float))
		return ((Float *) node)->fval;
	if (IsA(node, Integer))
		return psprintf("%d", intVal(node));
	return "";
}

/* An act on an existing relation; see the file header for missing ones. */
static HgAct *
act_on_relation(UtilityState *state, HgCommand command, RangeVar *rv)
{
	Oid			relid;
	HgAct	   *act;

	relid = RangeVarGetRelid(rv, NoLock, true);
	if (OidIsValid(relid))
	{
		act = hg_facts_relation_act(state->facts, command, relid);
		hg_facts_set_classes(state->facts, act, state->policy, NULL, true);
		return act;
	}
	act = hg_facts_add_act(state->facts, command, InvalidOid,
						   rv->schemaname, rv->relname);
	act->persistent = false;
	return act;
}

/*
 * An act on something that will be created in a schema: the one that is
 * named, else the first of the search path.
 */
static HgAct *
act_on_new(UtilityState *state, HgCommand command, const char *schema,
		   const char *name, char relpersistence)
{
	HgAct	   *act;
	Oid			nspid = InvalidOid;
	bool		temporary = relpersistence == RELPERSISTENCE_TEMP;

	if (!temporary && schema != NULL)
	{
		if (strcmp(schema, "pg_temp") == 0)
			temporary = true;
		else
			nspid = get_namespace_oid(schema, true);
	}
	else if (!temporary)
	{
		List	   *path = fetch_search_path(false);

		if (path != NIL)
			nspid = linitial_oid(path);
	}
	if (OidIsValid(nspid) && isAnyTempNamespace(nspid))
		temporary = true;
	if (temporary)
		schema = "pg_temp";
	else if (OidIsValid(nspid))
		schema = hg_facts_schema_name(nspid);

	act = hg_facts_add_act(state->facts, command, InvalidOid, schema, name);
	act->persistent = !temporary;
	return act;
}

static HgAct *
act_on_new_relation(UtilityState *state, HgCommand command, RangeVar *rv)
{
	return act_on_new(state, command, rv->schemaname, rv->relname,
					  rv->relpersistence);
}

static HgAct *
act_on_new_name(UtilityState *state, HgCommand command, List *names)
{
	char	   *schema;
	char	   *name;

	DeconstructQualifiedName(names, &schema, &name);
	return act_on_new(state, command, schema, name,
					  RELPERSISTENCE_PERMANENT);
}

/* An act on something that lives in no schema. */
static HgAct *
act_on_global(UtilityState *state, HgCommand command, const char *name)
{
	return hg_facts_add_act(state->facts, command, InvalidOid, NULL, name);
}

/* ---- objects of any type ----------------------------------------------- */

/*
 * Namespace of an object that is not a relation.  The lock that the look-up
 * needs is given back at once.  False: no such object.
 */
static bool
find_object(ObjectType type, Node *object, ObjectAddress *address,
			Oid *nspid)
{
	Relation	relation = NULL;

	*address = get_object_address(type, object, &relation, AccessShareLock,
								  true);
	if (!OidIsValid(address->objectId))
	{
		if (relation != NULL)
			relation_close(relation, AccessShareLock);
		return false;
	}
	*nspid = get_object_namespace(address);
	if (relation != NULL)
		relation_close(relation, AccessShareLock);
	else if (IsSharedRelation(address->classId))
		UnlockSharedObject(address->classId, address->objectId, 0,
						   AccessShareLock);
	else
		UnlockDatabaseObject(address->classId, address->objectId, 0,
							 AccessShareLock);
	return true;
}

/*
 * The command that a change of an object of this type is: kinds that reach
 * beyond tables and code are SYSTEM, ROLE or EXTENSION whatever is done.
 */
static HgCommand
command_on_type(ObjectType type, HgCommand command)
{
	switch (type)
	{
		case OBJECT_ROLE:
			return HG_CMD_ROLE;
		case OBJECT_EXTENSION:
			return HG_CMD_EXTENSION;
		case OBJECT_ACCESS_METHOD:
		case OBJECT_DATABASE:
		case OBJECT_EVENT_TRIGGER:
		case OBJECT_FDW:
		case OBJECT_FOREIGN_SERVER:
		case OBJECT_LANGUAGE:
		case OBJECT_PARAMETER_ACL:
		case OBJECT_PUBLICATION:
		case OBJECT_PUBLICATION_NAMESPACE:
		case OBJECT_PUBLICATION_REL:
		case OBJECT_SUBSCRIPTION:
		case OBJECT_TABLESPACE:
		case OBJECT_USER_MAPPING:
			return HG_CMD_SYSTEM;
		default:
			return command;
	}
}

/* A name that may have been given as String or List. */
static List *
as_list(Node *object)
{
	return IsA(object, List) ? (List *) object : list_make1(object);
}

/*
 * An act on an existing object of any type.  relation is given by statements
 * that keep the table of a trigger, column ... apart from its name.
 */
static HgAct *
act_on_object(UtilityState *state, HgCommand command, ObjectType type,
			  Node *object, RangeVar *relation)
{
	ObjectAddress address;
	Oid			nspid = InvalidOid;
	HgAct	   *act;

	command = command_on_type(type, command);
	if (relation != NULL)
		return act_on_relation(state, command, relation);

	switch (type)
	{
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_INDEX:
		case OBJECT_SEQUENCE:
			return act_on_relation(state, command,
								   makeRangeVarFromNameList(as_list(object)));

		case OBJECT_COLUMN:
		case OBJECT_DEFAULT:
		case OBJECT_RULE:
		case OBJECT_TRIGGER:
		case OBJECT_POLICY:
		case OBJECT_TABCONSTRAINT:
			{
				/* table name, then its own */
				List	   *names = list_copy(as_list(object));

				if (list_length(names) < 2)
					return act_on_global(state, command, name_of(object));
				names = list_truncate(names, list_length(names) - 1);
				return act_on_relation(state, command,
									   makeRangeVarFromNameList(names));
			}

		case OBJECT_SCHEMA:
			nspid = get_namespace_oid(name_of(object), true);
			act = act_on_global(state, command, name_of(object));
			act->objid = nspid;
			act->persistent = OidIsValid(nspid) && !isAnyTempNamespace(nspid);
			return act;

		case OBJECT_AGGREGATE:
		case OBJECT_COLLATION:
		case OBJECT_CONVERSION:
		case OBJECT_DOMAIN:
		case OBJECT_DOMCONSTRAINT:
		case OBJECT_FUNCTION:
		case OBJECT_OPCLASS:
		case OBJECT_OPERATOR:
		case OBJECT_OPFAMILY:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
		case OBJECT_STATISTIC_EXT:
		case OBJECT_TSCONFIGURATION:
		case OBJECT_TSDICTIONARY:
		case OBJECT_TSPARSER:
		case OBJECT_TSTEMPLATE:
		case OBJECT_TYPE:
			if (find_object(type, object, &address, &nspid))
			{
				act = hg_facts_add_act(state->facts, command,
									   address.objectId,
									   hg_facts_schema_name(nspid),
									   type == OBJECT_DOMCONSTRAINT ?
									   name_of((Node *) linitial(as_list(object))) :
									   name_of(object));
				act->persistent = !OidIsValid(nspid) ||
					!isAnyTempNamespace(nspid);
				return act;
			}
			act = act_on_global(state, command, name_of(object));
			act->persistent = false;
			return act;

		case OBJECT_ATTRIBUTE:
			/* RenameStmt gives the type as a relation; handled above */
		case OBJECT_ACCESS_METHOD:
		case OBJECT_AMOP:
		case OBJECT_AMPROC:
		case OBJECT_CAST:
		case OBJECT_DATABASE:
		case OBJECT_DEFACL:
		case OBJECT_EVENT_TRIGGER:
		case OBJECT_EXTENSION:
		case OBJECT_FDW:
		case OBJECT_FOREIGN_SERVER:
		case OBJECT_LANGUAGE:
		case OBJECT_LARGEOBJECT:
		case OBJECT_PARAMETER_ACL:
		case OBJECT_PUBLICATION:
		case OBJECT_PUBLICATION_NAMESPACE:
		case OBJECT_PUBLICATION_REL:
		case OBJECT_ROLE:
		case OBJECT_SUBSCRIPTION:
		case OBJECT_TABLESPACE:
		case OBJECT_TRANSFORM:
		case OBJECT_USER_MAPPING:
			break;
	}
	return act_on_global(state, command, name_of(object));
}

/* ---- single statements ------------------------------------------------- */

static void
facts_alter_table(UtilityState *state, AlterTableStmt *stmt)
{
	HgAct	   *act;
	ListCell   *lc;

	if (stmt->objtype == OBJECT_TYPE)
		act = act_on_object(state, HG_CMD_ALTER, OBJECT_TYPE,
							(Node *) makeTypeNameFromNameList(stmt->relation->schemaname ?
															  list_make2(makeString(stmt->relation->schemaname),
																		 makeString(stmt->relation->relname)) :
															  list_make1(makeString(stmt->relation->relname))),
							NULL);
	else
	{
		act = act_on_relation(state, HG_CMD_ALTER, stmt->relation);
		set_locks(act);
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
			(void) act_on_relation(state, HG_CMD_ALTER,
								   ((PartitionCmd *) cmd->def)->name);
		else if (cmd->def != NULL && IsA(cmd->def, RangeVar))
			(void) act_on_relation(state, HG_CMD_ALTER,
								   (RangeVar *) cmd->def);
	}
}

/* TRUNCATE: CASCADE reaches the tables that reference these. */
static void
facts_truncate(UtilityState *state, TruncateStmt *stmt)
{
	List	   *relids = NIL;
	ListCell   *lc;

	foreach(lc, stmt->relations)
	{
		HgAct	   *act = act_on_relation(state, HG_CMD_TRUNCATE,
										  lfirst_node(RangeVar, lc));

		set_locks(act);
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
facts_drop(UtilityState *state, DropStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->objects)
	{
		HgAct	   *act = act_on_object(state, HG_CMD_DROP, stmt->removeType,
										(Node *) lfirst(lc), NULL);

		if (act->command == HG_CMD_DROP && OidIsValid(act->objid) &&
			stmt->removeType == OBJECT_TABLE)
			set_locks(act);
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
facts_copy(UtilityState *state, CopyStmt *stmt)
{
	HgCommand	copy = stmt->is_from ? HG_CMD_COPY_FROM : HG_CMD_COPY_TO;
	HgCommand	plain = stmt->is_from ? HG_CMD_INSERT : HG_CMD_SELECT;

	if (stmt->is_program)
		(void) act_on_global(state, HG_CMD_COPY_PROGRAM, "");
	else if (stmt->filename != NULL)
		(void) act_on_global(state, HG_CMD_COPY_FILE, stmt->filename);

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
		(void) act_on_global(state, copy, "");
}

static void
facts_set(UtilityState *state, VariableSetStmt *stmt)
{
	HgAct	   *act;

	switch (stmt->kind)
	{
		case VAR_SET_VALUE:
		case VAR_SET_CURRENT:
			(void) hg_facts_setting_act(state->facts, stmt->name);
			break;
		case VAR_SET_MULTI:
			/* TRANSACTION, SESSION CHARACTERISTICS, TRANSACTION SNAPSHOT */
			(void) act_on_global(state, HG_CMD_TRANSACTION, stmt->name);
			break;
		case VAR_SET_DEFAULT:
		case VAR_RESET:
		case VAR_RESET_ALL:
			/* back to what the session began with */
			act = act_on_global(state, HG_CMD_SET,
								stmt->name ? stmt->name : "all");
			act->sensitive_setting = false;
			break;
		default:
			act = act_on_global(state, HG_CMD_SET, stmt->name);
			act->sensitive_setting = true;
			break;
	}
}

/* SET clauses of CREATE and ALTER FUNCTION. */
static void
facts_set_clauses(UtilityState *state, List *options)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *elem = lfirst_node(DefElem, lc);

		if (strcmp(elem->defname, "set") == 0 && elem->arg != NULL &&
			IsA(elem->arg, VariableSetStmt))
			facts_set(state, (VariableSetStmt *) elem->arg);
	}
}

static void
facts_create_function(UtilityState *state, CreateFunctionStmt *stmt)
{
	HgAct	   *act = act_on_new_name(state, HG_CMD_CREATE, stmt->funcname);
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
facts_create_trigger(UtilityState *state, CreateTrigStmt *stmt)
{
	Oid			funcid;

	(void) act_on_relation(state, HG_CMD_CREATE, stmt->relation);
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
 * Maintenance.  What rewrites or blocks says so by locks_mb: 0 for plain
 * VACUUM and ANALYZE, the size of the table for what locks it, beyond any
 * size when it goes over the whole database.
 */
static void
facts_maintain(UtilityState *state, RangeVar *rv, Oid relid, bool locks,
			   const char *name)
{
	HgAct	   *act;

	if (rv != NULL)
		act = act_on_relation(state, HG_CMD_MAINTAIN, rv);
	else if (OidIsValid(relid))
		act = hg_facts_relation_act(state->facts, HG_CMD_MAINTAIN, relid);
	else
	{
		act = act_on_global(state, HG_CMD_MAINTAIN, name);
		act->locks_mb = locks ? FLT_MAX : 0;
		return;
	}
	if (locks)
		set_locks(act);
	else
		act->locks_mb = 0;
}

static void
facts_vacuum(UtilityState *state, VacuumStmt *stmt)
{
	bool		full = has_option(stmt->options, "full");
	ListCell   *lc;

	if (stmt->rels == NIL)
		facts_maintain(state, NULL, InvalidOid, full, "");
	foreach(lc, stmt->rels)
	{
		VacuumRelation *vrel = lfirst_node(VacuumRelation, lc);

		facts_maintain(state, vrel->relation, vrel->oid, full, "");
	}
}

/* An index stands for its table in the size of locks; relations only here. */
static void
facts_reindex(UtilityState *state, ReindexStmt *stmt)
{
	if (stmt->relation != NULL)
		facts_maintain(state, stmt->relation, InvalidOid, true, "");
	else
		facts_maintain(state, NULL, InvalidOid, true,
					   stmt->name ? stmt->name : "");
}

static void
facts_lock(UtilityState *state, LockStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->relations)
	{
		HgAct	   *act = act_on_relation(state, HG_CMD_LOCK,
										  lfirst_node(RangeVar, lc));

		if (stmt->mode > RowExclusiveLock)
			set_locks(act);
		else
			act->locks_mb = 0;
	}
}

static void
facts_grant(UtilityState *state, GrantStmt *stmt)
{
	HgCommand	command = stmt->is_grant ? HG_CMD_GRANT : HG_CMD_REVOKE;
	ListCell   *lc;

	foreach(lc, stmt->objects)
	{
		Node	   *object = (Node *) lfirst(lc);

		if (IsA(object, RangeVar))
			(void) act_on_relation(state, command, (RangeVar *) object);
		else if (stmt->targtype == ACL_TARGET_ALL_IN_SCHEMA)
			(void) act_on_object(state, command, OBJECT_SCHEMA, object, NULL);
		else if (stmt->objtype == OBJECT_FUNCTION ||
				 stmt->objtype == OBJECT_PROCEDURE ||
				 stmt->objtype == OBJECT_ROUTINE ||
				 stmt->objtype == OBJECT_SCHEMA)
			(void) act_on_object(state, command, stmt->objtype, object, NULL);
		else
			(void) act_on_global(state, command, name_of(object));
	}
	if (stmt->objects == NIL)
		(void) act_on_global(state, command, "");
}

static void
facts_comment(UtilityState *state, ObjectType type, Node *object)
{
	HgAct	   *act = act_on_object(state, HG_CMD_COMMENT, type, object, NULL);

	/* a comment changes nothing; only those on roles count as more */
	if (act->command == HG_CMD_SYSTEM || act->command == HG_CMD_EXTENSION)
		act->command = HG_CMD_COMMENT;
}

static void
facts_create_table_as(UtilityState *state, CreateTableAsStmt *stmt)
{
	if (stmt->into != NULL && stmt->into->rel != NULL)
		(void) act_on_new_relation(state, HG_CMD_CREATE, stmt->into->rel);
	else
		(void) act_on_global(state, HG_CMD_CREATE, "");
}

static bool
explain_analyzes(ExplainStmt *stmt)
{
	return has_option(stmt->options, "analyze");
}

static void
facts_call(UtilityState *state, CallStmt *stmt)
{
	FuncExpr   *call = stmt->funcexpr;
	HgAct	   *act;
	char	   *name;

	if (call == NULL)
	{
		(void) act_on_global(state, HG_CMD_CALL,
							 stmt->funccall ?
							 name_of((Node *) stmt->funccall->funcname) : "");
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
facts_owned(UtilityState *state, HgCommand command, List *roles)
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

		(void) act_on_global(state, command,
							 spec->rolename ? spec->rolename :
							 GetUserNameFromId(GetUserId(), true));
		if (OidIsValid(owner) && role == owner)
			(void) act_on_global(state, HG_CMD_POLICY, "hoopguard");
	}
}

/* ---- all statements ---------------------------------------------------- */

static void
utility_acts(UtilityState *state, Node *node)
{
	HgAct	   *act;
	ListCell   *lc;

	check_stack_depth();
	switch (nodeTag(node))
	{
			/* sessions and transactions */
		case T_TransactionStmt:
		case T_ConstraintsSetStmt:
			(void) act_on_global(state, HG_CMD_TRANSACTION, "");
			break;
		case T_VariableSetStmt:
			facts_set(state, (VariableSetStmt *) node);
			break;
		case T_VariableShowStmt:
			(void) act_on_global(state, HG_CMD_SHOW,
								 ((VariableShowStmt *) node)->name);
			break;
		case T_DiscardStmt:
			(void) act_on_global(state, HG_CMD_DISCARD, "");
			break;
		case T_ListenStmt:
			(void) act_on_global(state, HG_CMD_LISTEN,
								 ((ListenStmt *) node)->conditionname);
			break;
		case T_UnlistenStmt:
			(void) act_on_global(state, HG_CMD_LISTEN,
								 ((UnlistenStmt *) node)->conditionname);
			break;
		case T_NotifyStmt:
			(void) act_on_global(state, HG_CMD_NOTIFY,
								 ((NotifyStmt *) node)->conditionname);
			break;
		case T_LockStmt:
			facts_lock(state, (LockStmt *) node);
			break;

			/* statements around statements */
		case T_PrepareStmt:
			(void) act_on_global(state, HG_CMD_PREPARE,
								 ((PrepareStmt *) node)->name);
			break;
		case T_ExecuteStmt:
			(void) act_on_global(state, HG_CMD_EXECUTE,
								 ((ExecuteStmt *) node)->name);
			break;
		case T_DeallocateStmt:
			(void) act_on_global(state, HG_CMD_PREPARE,
								 ((DeallocateStmt *) node)->name);
			break;
		case T_DeclareCursorStmt:
			(void) act_on_global(state, HG_CMD_CURSOR,
								 ((DeclareCursorStmt *) node)->portalname);
			break;
		case T_FetchStmt:
			(void) act_on_global(state, HG_CMD_CURSOR,
								 ((FetchStmt *) node)->portalname);
			break;
		case T_ClosePortalStmt:
			(void) act_on_global(state, HG_CMD_CURSOR,
								 ((ClosePortalStmt *) node)->portalname);
			break;
		case T_ExplainStmt:
			(void) act_on_global(state, HG_CMD_EXPLAIN, "");
			if (explain_analyzes((ExplainStmt *) node))
			{
				Node	   *inner = ((ExplainStmt *) node)->query;

				if (inner != NULL && IsA(inner, Query))
					inner = ((Query *) inner)->utilityStmt;
				if (inner != NULL && (IsA(inner, CreateTableAsStmt) ||
									  IsA(inner, RefreshMatViewStmt)))
					utility_acts(state, inner);
			}
			break;
		case T_DoStmt:
			(void) act_on_global(state, HG_CMD_DO, "");
			break;
		case T_CallStmt:
			facts_call(state, (CallStmt *) node);
			break;
		case T_CopyStmt:
			facts_copy(state, (CopyStmt *) node);
			break;

			/* creation */
		case T_CreateStmt:
		case T_CreateForeignTableStmt:
			(void) act_on_new_relation(state, HG_CMD_CREATE,
									   ((CreateStmt *) node)->relation);
			break;
		case T_CreateTableAsStmt:
			facts_create_table_as(state, (CreateTableAsStmt *) node);
			break;
		case T_ViewStmt:
			(void) act_on_new_relation(state, HG_CMD_CREATE,
									   ((ViewStmt *) node)->view);
			break;
		case T_CreateSeqStmt:
			(void) act_on_new_relation(state, HG_CMD_CREATE,
									   ((CreateSeqStmt *) node)->sequence);
			break;
		case T_CompositeTypeStmt:
			(void) act_on_new_relation(state, HG_CMD_CREATE,
									   ((CompositeTypeStmt *) node)->typevar);
			break;
		case T_IndexStmt:
			act = act_on_relation(state, HG_CMD_CREATE,
								  ((IndexStmt *) node)->relation);
			if (((IndexStmt *) node)->concurrent)
				act->locks_mb = 0;
			else
				set_locks(act);
			break;
		case T_CreateTrigStmt:
			facts_create_trigger(state, (CreateTrigStmt *) node);
			break;
		case T_RuleStmt:
			(void) act_on_relation(state, HG_CMD_CREATE,
								   ((RuleStmt *) node)->relation);
			break;
		case T_CreatePolicyStmt:
			(void) act_on_relation(state, HG_CMD_CREATE,
								   ((CreatePolicyStmt *) node)->table);
			break;
		case T_CreateStatsStmt:
			foreach(lc, ((CreateStatsStmt *) node)->relations)
			{
				if (IsA(lfirst(lc), RangeVar))
					(void) act_on_relation(state, HG_CMD_CREATE,
										   (RangeVar *) lfirst(lc));
			}
			if (((CreateStatsStmt *) node)->relations == NIL)
				(void) act_on_global(state, HG_CMD_CREATE, "");
			break;
		case T_CreateSchemaStmt:
			(void) act_on_global(state, HG_CMD_CREATE,
								 ((CreateSchemaStmt *) node)->schemaname ?
								 ((CreateSchemaStmt *) node)->schemaname : "");
			break;
		case T_CreateFunctionStmt:
			facts_create_function(state, (CreateFunctionStmt *) node);
			break;
		case T_DefineStmt:
			(void) act_on_new_name(state, HG_CMD_CREATE,
								   ((DefineStmt *) node)->defnames);
			break;
		case T_CreateEnumStmt:
			(void) act_on_new_name(state, HG_CMD_CREATE,
								   ((CreateEnumStmt *) node)->typeName);
			break;
		case T_CreateRangeStmt:
			(void) act_on_new_name(state, HG_CMD_CREATE,
								   ((CreateRangeStmt *) node)->typeName);
			break;
		case T_CreateDomainStmt:
			(void) act_on_new_name(state, HG_CMD_CREATE,
								   ((CreateDomainStmt *) node)->domainname);
			break;
		case T_CreateConversionStmt:
			(void) act_on_new_name(state, HG_CMD_CREATE,
								   ((CreateConversionStmt *) node)->conversion_name);
			break;
		case T_CreateOpClassStmt:
			(void) act_on_new_name(state, HG_CMD_CREATE,
								   ((CreateOpClassStmt *) node)->opclassname);
			break;
		case T_CreateOpFamilyStmt:
			(void) act_on_new_name(state, HG_CMD_CREATE,
								   ((CreateOpFamilyStmt *) node)->opfamilyname);
			break;
		case T_CreateCastStmt:
			(void) act_on_global(state, HG_CMD_CREATE,
								 name_of((Node *) ((CreateCastStmt *) node)->sourcetype));
			break;
		case T_CreateTransformStmt:
			(void) act_on_global(state, HG_CMD_CREATE,
								 name_of((Node *) ((CreateTransformStmt *) node)->type_name));
			break;
		case T_ImportForeignSchemaStmt:
			(void) act_on_new(state, HG_CMD_CREATE,
							  ((ImportForeignSchemaStmt *) node)->local_schema,
							  "", RELPERSISTENCE_PERMANENT);
			break;

			/* change */
		case T_AlterTableStmt:
			facts_alter_table(state, (AlterTableStmt *) node);
			break;
		case T_AlterTableMoveAllStmt:
			act = act_on_global(state, HG_CMD_ALTER,
								((AlterTableMoveAllStmt *) node)->orig_tablespacename);
			act->locks_mb = FLT_MAX;
			break;
		case T_AlterSeqStmt:
			(void) act_on_relation(state, HG_CMD_ALTER,
								   ((AlterSeqStmt *) node)->sequence);
			break;
		case T_AlterPolicyStmt:
			(void) act_on_relation(state, HG_CMD_ALTER,
								   ((AlterPolicyStmt *) node)->table);
			break;
		case T_AlterStatsStmt:
			(void) act_on_object(state, HG_CMD_ALTER, OBJECT_STATISTIC_EXT,
								 (Node *) ((AlterStatsStmt *) node)->defnames,
								 NULL);
			break;
		case T_AlterFunctionStmt:
			(void) act_on_object(state, HG_CMD_ALTER,
								 ((AlterFunctionStmt *) node)->objtype,
								 (Node *) ((AlterFunctionStmt *) node)->func,
								 NULL);
			facts_set_clauses(state, ((AlterFunctionStmt *) node)->actions);
			break;
		case T_AlterEnumStmt:
			(void) act_on_object(state, HG_CMD_ALTER, OBJECT_TYPE,
								 (Node *) makeTypeNameFromNameList(((AlterEnumStmt *) node)->typeName),
								 NULL);
			break;
		case T_AlterTypeStmt:
			(void) act_on_object(state, HG_CMD_ALTER, OBJECT_TYPE,
								 (Node *) makeTypeNameFromNameList(((AlterTypeStmt *) node)->typeName),
								 NULL);
			break;
		case T_AlterDomainStmt:
			(void) act_on_object(state, HG_CMD_ALTER, OBJECT_DOMAIN,
								 (Node *) makeTypeNameFromNameList(((AlterDomainStmt *) node)->typeName),
								 NULL);
			break;
		case T_AlterOperatorStmt:
			(void) act_on_object(state, HG_CMD_ALTER, OBJECT_OPERATOR,
								 (Node *) ((AlterOperatorStmt *) node)->opername,
								 NULL);
			break;
		case T_AlterOpFamilyStmt:
			(void) act_on_object(state, HG_CMD_ALTER, OBJECT_OPFAMILY,
								 (Node *) lcons(makeString(((AlterOpFamilyStmt *) node)->amname),
												list_copy(((AlterOpFamilyStmt *) node)->opfamilyname)),
								 NULL);
			break;
		case T_AlterTSDictionaryStmt:
			(void) act_on_object(state, HG_CMD_ALTER, OBJECT_TSDICTIONARY,
								 (Node *) ((AlterTSDictionaryStmt *) node)->dictname,
								 NULL);
			break;
		case T_AlterTSConfigurationStmt:
			(void) act_on_object(state, HG_CMD_ALTER, OBJECT_TSCONFIGURATION,
								 (Node *) ((AlterTSConfigurationStmt *) node)->cfgname,
								 NULL);
			break;
		case T_AlterCollationStmt:
			(void) act_on_object(state, HG_CMD_ALTER, OBJECT_COLLATION,
								 (Node *) ((AlterCollationStmt *) node)->collname,
								 NULL);
			break;
		case T_RenameStmt:
			{
				RenameStmt *stmt = (RenameStmt *) node;

				if (stmt->renameType == OBJECT_ROLE ||
					stmt->renameType == OBJECT_DATABASE)
					(void) act_on_object(state, HG_CMD_ALTER,
										 stmt->renameType,
										 (Node *) makeString(stmt->subname),
										 NULL);
				else if (stmt->renameType == OBJECT_SCHEMA ||
						 stmt->renameType == OBJECT_TABLESPACE)
					(void) act_on_object(state, HG_CMD_ALTER,
										 stmt->renameType,
										 (Node *) makeString(stmt->subname),
										 NULL);
				else if (stmt->renameType == OBJECT_TYPE &&
						 stmt->object != NULL && IsA(stmt->object, List))
					(void) act_on_object(state, HG_CMD_ALTER, OBJECT_TYPE,
										 (Node *) makeTypeNameFromNameList((List *) stmt->object),
										 NULL);
				else if ((stmt->renameType == OBJECT_DOMAIN ||
						  stmt->renameType == OBJECT_DOMCONSTRAINT) &&
						 stmt->object != NULL && IsA(stmt->object, List))
					(void) act_on_object(state, HG_CMD_ALTER, OBJECT_DOMAIN,
										 (Node *) makeTypeNameFromNameList((List *) stmt->object),
										 NULL);
				else
					(void) act_on_object(state, HG_CMD_ALTER,
										 stmt->renameType, stmt->object,
										 stmt->relation);
			}
			break;
		case T_AlterObjectSchemaStmt:
			{
				AlterObjectSchemaStmt *stmt = (AlterObjectSchemaStmt *) node;
				Node	   *object = stmt->object;
				Oid			nspid;

				if ((stmt->objectType == OBJECT_TYPE ||
					 stmt->objectType == OBJECT_DOMAIN) &&
					object != NULL && IsA(object, List))
					object = (Node *) makeTypeNameFromNameList((List *) object);
				act = act_on_object(state, HG_CMD_ALTER, stmt->objectType,
									object, stmt->relation);

				/* where it goes counts too */
				nspid = get_namespace_oid(stmt->newschema, true);
				if (act->command == HG_CMD_ALTER && OidIsValid(nspid))
				{
					bool		persistent = act->persistent;

					act = hg_facts_add_act(state->facts, HG_CMD_ALTER,
										   InvalidOid,
										   hg_facts_schema_name(nspid),
										   act->name);
					act->persistent = persistent;
				}
			}
			break;
		case T_AlterObjectDependsStmt:
			(void) act_on_object(state, HG_CMD_ALTER,
								 ((AlterObjectDependsStmt *) node)->objectType,
								 ((AlterObjectDependsStmt *) node)->object,
								 ((AlterObjectDependsStmt *) node)->relation);
			(void) act_on_global(state, HG_CMD_EXTENSION,
								 strVal(((AlterObjectDependsStmt *) node)->extname));
			break;
		case T_AlterOwnerStmt:
			{
				AlterOwnerStmt *stmt = (AlterOwnerStmt *) node;
				Node	   *object = stmt->object;

				if ((stmt->objectType == OBJECT_TYPE ||
					 stmt->objectType == OBJECT_DOMAIN) &&
					object != NULL && IsA(object, List))
					object = (Node *) makeTypeNameFromNameList((List *) object);
				/* who owns it decides who may do all the rest */
				act = act_on_object(state, HG_CMD_SYSTEM, stmt->objectType,
									object, stmt->relation);
				act = hg_facts_add_act(state->facts, HG_CMD_ALTER,
									   act->objid, act->schema, act->name);
			}
			break;
		case T_CommentStmt:
			facts_comment(state, ((CommentStmt *) node)->objtype,
						  ((CommentStmt *) node)->object);
			break;
		case T_SecLabelStmt:
			{
				SecLabelStmt *stmt = (SecLabelStmt *) node;

				act = act_on_object(state, HG_CMD_SYSTEM, stmt->objtype,
									stmt->object, NULL);

				/* without FOR it goes to the only provider, perhaps ours */
				if (stmt->provider == NULL ||
					strcmp(stmt->provider, "hoopguard") == 0)
					(void) hg_facts_add_act(state->facts, HG_CMD_POLICY,
											act->objid, act->schema,
											act->name);
			}
			break;

			/* removal */
		case T_DropStmt:
			facts_drop(state, (DropStmt *) node);
			break;
		case T_TruncateStmt:
			facts_truncate(state, (TruncateStmt *) node);
			break;
		case T_DropOwnedStmt:
			facts_owned(state, HG_CMD_DROP, ((DropOwnedStmt *) node)->roles);
			break;

			/* maintenance */
		case T_VacuumStmt:
			facts_vacuum(state, (VacuumStmt *) node);
			break;
		case T_ClusterStmt:
			facts_maintain(state, ((ClusterStmt *) node)->relation,
						   InvalidOid, true, "");
			break;
		case T_ReindexStmt:
			facts_reindex(state, (ReindexStmt *) node);
			break;
		case T_RefreshMatViewStmt:
			facts_maintain(state, ((RefreshMatViewStmt *) node)->relation,
						   InvalidOid, true, "");
			break;

			/* rights */
		case T_GrantStmt:
			facts_grant(state, (GrantStmt *) node);
			break;
		case T_GrantRoleStmt:
			foreach(lc, ((GrantRoleStmt *) node)->granted_roles)
			{
				AccessPriv *priv = lfirst_node(AccessPriv, lc);

				(void) act_on_global(state,
									 ((GrantRoleStmt *) node)->is_grant ?
									 HG_CMD_GRANT : HG_CMD_REVOKE,
									 priv->priv_name);
				(void) act_on_global(state, HG_CMD_ROLE, priv->priv_name);
			}
			break;
		case T_AlterDefaultPrivilegesStmt:
			(void) act_on_global(state,
								 ((AlterDefaultPrivilegesStmt *) node)->action->is_grant ?
								 HG_CMD_GRANT : HG_CMD_REVOKE, "");
			break;
		case T_CreateRoleStmt:
			(void) act_on_global(state, HG_CMD_ROLE,
								 ((CreateRoleStmt *) node)->role);
			break;
		case T_AlterRoleStmt:
			(void) act_on_global(state, HG_CMD_ROLE,
								 ((AlterRoleStmt *) node)->role->rolename);
			break;
		case T_AlterRoleSetStmt:
			(void) act_on_global(state, HG_CMD_ROLE,
								 ((AlterRoleSetStmt *) node)->role ?
								 ((AlterRoleSetStmt *) node)->role->rolename :
								 "");
			break;
		case T_DropRoleStmt:
			foreach(lc, ((DropRoleStmt *) node)->roles)
				(void) act_on_global(state, HG_CMD_ROLE,
									 lfirst_node(RoleSpec, lc)->rolename);
			break;
		case T_ReassignOwnedStmt:
			facts_owned(state, HG_CMD_SYSTEM,
						((ReassignOwnedStmt *) node)->roles);
			break;

			/* extensions */
		case T_CreateExtensionStmt:
			(void) act_on_global(state, HG_CMD_EXTENSION,
								 ((CreateExtensionStmt *) node)->extname);
			break;
		case T_AlterExtensionStmt:
			(void) act_on_global(state, HG_CMD_EXTENSION,
								 ((AlterExtensionStmt *) node)->extname);
			break;
		case T_AlterExtensionContentsStmt:
			(void) act_on_global(state, HG_CMD_EXTENSION,
								 ((AlterExtensionContentsStmt *) node)->extname);
			break;

			/* the server, other servers, code that runs as the server */
		case T_CreatedbStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((CreatedbStmt *) node)->dbname);
			break;
		case T_DropdbStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((DropdbStmt *) node)->dbname);
			break;
		case T_AlterDatabaseStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((AlterDatabaseStmt *) node)->dbname);
			break;
		case T_AlterDatabaseSetStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((AlterDatabaseSetStmt *) node)->dbname);
			break;
		case T_AlterDatabaseRefreshCollStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((AlterDatabaseRefreshCollStmt *) node)->dbname);
			break;
		case T_AlterSystemStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((AlterSystemStmt *) node)->setstmt->name);
			break;
		case T_CreateTableSpaceStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((CreateTableSpaceStmt *) node)->tablespacename);
			break;
		case T_AlterTableSpaceOptionsStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((AlterTableSpaceOptionsStmt *) node)->tablespacename);
			break;
		case T_DropTableSpaceStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((DropTableSpaceStmt *) node)->tablespacename);
			break;
		case T_CreatePublicationStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((CreatePublicationStmt *) node)->pubname);
			break;
		case T_AlterPublicationStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((AlterPublicationStmt *) node)->pubname);
			break;
		case T_CreateSubscriptionStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((CreateSubscriptionStmt *) node)->subname);
			break;
		case T_AlterSubscriptionStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((AlterSubscriptionStmt *) node)->subname);
			break;
		case T_DropSubscriptionStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((DropSubscriptionStmt *) node)->subname);
			break;
		case T_CreateFdwStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((CreateFdwStmt *) node)->fdwname);
			break;
		case T_AlterFdwStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((AlterFdwStmt *) node)->fdwname);
			break;
		case T_CreateForeignServerStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((CreateForeignServerStmt *) node)->servername);
			break;
		case T_AlterForeignServerStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((AlterForeignServerStmt *) node)->servername);
			break;
		case T_CreateUserMappingStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((CreateUserMappingStmt *) node)->servername);
			break;
		case T_AlterUserMappingStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((AlterUserMappingStmt *) node)->servername);
			break;
		case T_DropUserMappingStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((DropUserMappingStmt *) node)->servername);
			break;
		case T_CreateEventTrigStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((CreateEventTrigStmt *) node)->trigname);
			break;
		case T_AlterEventTrigStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((AlterEventTrigStmt *) node)->trigname);
			break;
		case T_CreatePLangStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((CreatePLangStmt *) node)->plname);
			break;
		case T_CreateAmStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((CreateAmStmt *) node)->amname);
			break;
		case T_LoadStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM,
								 ((LoadStmt *) node)->filename);
			break;
		case T_CheckPointStmt:
			(void) act_on_global(state, HG_CMD_SYSTEM, "");
			break;

			/* unknown here means new in the server: the strictest word */
		default:
			(void) act_on_global(state, HG_CMD_SYSTEM, "");
			break;
	}
}

/*
 * Acts that touch our own objects or the server's catalogs get one more that
 * says so.
 */
static void
mark_protected(UtilityState *state, Node *utility)
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
	UtilityState state;

	state.facts = facts;
	state.policy = policy;
	facts->is_utility = true;
	facts->reads_only = false;
	utility_acts(&state, utility);
	if (facts->acts != NIL)
		facts->command = ((HgAct *) linitial(facts->acts))->command;
	else
	{
		/* empty lists, as DROP of nothing: no effect to judge */
		facts->command = HG_CMD_SYSTEM;
		(void) act_on_global(&state, HG_CMD_SYSTEM, "");
	}
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
			return ((CopyStmt *) utility)->query != NULL;
		default:
			return false;
	}
}
