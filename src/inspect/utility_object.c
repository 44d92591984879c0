/*-------------------------------------------------------------------------
 *
 * utility_object.c
 *	  Acts on the objects that utility statements name.
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

#include "access/relation.h"
#include "catalog/catalog.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "inspect/utility_object.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* Partitions and children looked at for the size of one statement's locks. */
#define MAX_SIZED_RELATIONS 1000

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
	relids = has_subclass(relid) ?
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

/* A lock as SQL writes it; NULL for none. */
static const char *
lock_word(LOCKMODE mode)
{
	static const char *const words[] = {
		NULL, "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE",
		"SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE",
		"ACCESS EXCLUSIVE"
	};

	return mode >= 0 && mode < lengthof(words) ? words[mode] : NULL;
}

void
hg_act_lock(HgAct *act, LOCKMODE mode, int work)
{
	Oid			relid = act->objid;
	double		mb;

	if (act->lock == NULL || mode > act->lock_mode)
	{
		act->lock_mode = mode;
		act->lock = lock_word(mode);
	}
	if (work & HG_WORK_REWRITE)
		act->rewrites = true;
	if (work & HG_WORK_SCAN)
		act->scans = true;

	/* an index stands for its table */
	if (OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_INDEX)
		relid = IndexGetRelation(relid, true);
	mb = relation_mb(relid);
	act->table_mb = Max(mb, act->table_mb);
	if (act->lock_mode < ShareLock)
		act->locks_mb = 0;
	else
		act->locks_mb = Max(mb, BLCKSZ / (1024.0 * 1024.0));
}

/* Name in a List of String; "" for what is not. */
char *
hg_utility_name(Node *node)
{
	if (node == NULL)
		return "";
	if (IsA(node, String))
		return strVal(node);
	if (IsA(node, List) && list_length((List *) node) > 0)
		return hg_utility_name((Node *) llast((List *) node));
	if (IsA(node, TypeName))
		return hg_utility_name((Node *) ((TypeName *) node)->names);
	if (IsA(node, ObjectWithArgs))
		return hg_utility_name((Node *) ((ObjectWithArgs *) node)->objname);
	if (IsA(node, Float))
		return ((Float *) node)->fval;
	if (IsA(node, Integer))
		return psprintf("%d", intVal(node));
	return "";
}

/* An act on an existing relation; see the file header for missing ones. */
HgAct *
hg_act_on_relation(HgUtility *state, HgCommand command, RangeVar *rv)
{
	Oid			relid;
	HgAct	   *act;

	relid = RangeVarGetRelid(rv, NoLock, true);
	if (OidIsValid(relid))
	{
		act = hg_facts_relation_act(state->facts, command, relid);

		/* a command that does not wait fails where its lock is not free */
		if (!state->nowait)
			hg_facts_set_classes(state->facts, act, state->policy, NULL, true);
		else if (ConditionalLockRelationOid(relid, AccessShareLock))
		{
			hg_facts_set_classes(state->facts, act, state->policy, NULL, true);
			UnlockRelationOid(relid, AccessShareLock);
		}
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
HgAct *
hg_act_on_new(HgUtility *state, HgCommand command, const char *schema,
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

HgAct *
hg_act_on_new_relation(HgUtility *state, HgCommand command, RangeVar *rv)
{
	return hg_act_on_new(state, command, rv->schemaname, rv->relname,
					  rv->relpersistence);
}

HgAct *
hg_act_on_new_name(HgUtility *state, HgCommand command, List *names)
{
	char	   *schema;
	char	   *name;

	DeconstructQualifiedName(names, &schema, &name);
	return hg_act_on_new(state, command, schema, name,
					  RELPERSISTENCE_PERMANENT);
}

/* An act on something that lives in no schema. */
HgAct *
hg_act_on_global(HgUtility *state, HgCommand command, const char *name)
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
HgAct *
hg_act_on_object(HgUtility *state, HgCommand command, ObjectType type,
			  Node *object, RangeVar *relation)
{
	ObjectAddress address;
	Oid			nspid = InvalidOid;
	HgAct	   *act;

	command = command_on_type(type, command);
	if (relation != NULL)
		return hg_act_on_relation(state, command, relation);

	switch (type)
	{
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_INDEX:
		case OBJECT_SEQUENCE:
			return hg_act_on_relation(state, command,
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
					return hg_act_on_global(state, command, hg_utility_name(object));
				names = list_truncate(names, list_length(names) - 1);
				return hg_act_on_relation(state, command,
									   makeRangeVarFromNameList(names));
			}

		case OBJECT_SCHEMA:
			nspid = get_namespace_oid(hg_utility_name(object), true);
			act = hg_act_on_global(state, command, hg_utility_name(object));
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
									   hg_utility_name((Node *) linitial(as_list(object))) :
									   hg_utility_name(object));
				act->persistent = !OidIsValid(nspid) ||
					!isAnyTempNamespace(nspid);
				return act;
			}
			act = hg_act_on_global(state, command, hg_utility_name(object));
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
	return hg_act_on_global(state, command, hg_utility_name(object));
}

