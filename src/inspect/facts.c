/*-------------------------------------------------------------------------
 *
 * facts.c
 *	  Creates facts and adds acts to them.
 *
 * Everything hangs below one context of its own, so that facts can be moved
 * under the context of a plan or an execution with MemoryContextSetParent.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "base/report.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "inspect/facts.h"
#include "inspect/facts_util.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

HgFacts *
hg_facts_create(MemoryContext parent)
{
	MemoryContext context;
	HgFacts    *facts;

	context = AllocSetContextCreate(parent, "hoopguard facts",
									ALLOCSET_SMALL_SIZES);
	facts = MemoryContextAllocZero(context, sizeof(HgFacts));
	facts->context = context;
	facts->command = HG_CMD_SELECT;
	return facts;
}

HgAct *
hg_facts_add_act(HgFacts *facts, HgCommand command, Oid objid,
				 const char *schema, const char *name)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(facts->context);
	HgAct	   *act = palloc0(sizeof(HgAct));

	act->command = command;
	act->objid = objid;
	act->schema = schema ? pstrdup(schema) : NULL;
	act->name = pstrdup(name ? name : "");
	act->persistent = true;
	act->rows = -1;
	act->locks_mb = -1;
	act->table_mb = -1;
	facts->acts = lappend(facts->acts, act);
	MemoryContextSwitchTo(oldcontext);
	return act;
}

/*
 * Name of a namespace as facts show it: every temporary one is "pg_temp".
 * NULL for an invalid OID.
 */
char *
hg_facts_schema_name(Oid nspid)
{
	if (!OidIsValid(nspid))
		return NULL;
	if (isAnyTempNamespace(nspid))
		return "pg_temp";
	return get_namespace_name(nspid);
}

/*
 * The act of `command` on a relation, created when facts have none yet.  The
 * relation may have been dropped meanwhile: then the name is its OID and it
 * counts as persistent.
 */
HgAct *
hg_facts_relation_act(HgFacts *facts, HgCommand command, Oid relid)
{
	ListCell   *lc;
	HgAct	   *act;
	HeapTuple	tuple;

	foreach(lc, facts->acts)
	{
		act = (HgAct *) lfirst(lc);
		if (act->command == command && act->objid == relid &&
			!act->is_function)
			return act;
	}

	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		act = hg_facts_add_act(facts, command, relid,
							   hg_facts_schema_name(form->relnamespace),
							   NameStr(form->relname));
		act->persistent = form->relpersistence != RELPERSISTENCE_TEMP;
		ReleaseSysCache(tuple);
	}
	else
	{
		char		name[16];

		snprintf(name, sizeof(name), "%u", relid);
		act = hg_facts_add_act(facts, command, relid, NULL, name);
	}
	return act;
}

/* Append a name to an array of strings unless it is there. */
static void
add_class(HgFacts *facts, char ***classes, int *n, const char *name)
{
	for (int i = 0; i < *n; i++)
		if (strcmp((*classes)[i], name) == 0)
			return;
	if (*classes == NULL)
		*classes = MemoryContextAlloc(facts->context, sizeof(char *));
	else
		*classes = repalloc(*classes, sizeof(char *) * (*n + 1));
	(*classes)[(*n)++] = MemoryContextStrdup(facts->context, name);
}

/*
 * Fill an act's classes: all that the relation holds, and those of the
 * columns in `columns` (attnum - FirstLowInvalidHeapAttributeNumber; NULL
 * with all_columns for the whole row).  No policy, no classes.
 */
void
hg_facts_set_classes(HgFacts *facts, HgAct *act, const HgPolicy *policy,
					 Bitmapset *columns, bool all_columns)
{
	const HgRelMask *mask;

	if (policy == NULL || !OidIsValid(act->objid))
		return;
	switch (get_rel_relkind(act->objid))
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_MATVIEW:
			break;
		default:
			return;
	}

	mask = hg_policy_rel_mask(policy, act->objid);
	for (int i = 0; i < mask->nclasses; i++)
	{
		const HgColumnClass *column = &mask->classes[i];
		int			bit = column->attnum - FirstLowInvalidHeapAttributeNumber;
		int			wholerow = 0 - FirstLowInvalidHeapAttributeNumber;

		if (column->class_name == NULL)
			continue;
		add_class(facts, &act->held_classes, &act->nheld,
				  column->class_name);
		if (all_columns || bms_is_member(bit, columns) ||
			bms_is_member(wholerow, columns))
			add_class(facts, &act->touched_classes, &act->ntouched,
					  column->class_name);
	}
}

int64
hg_facts_probes(const HgFacts *facts, ParamListInfo params)
{
	int64		probes = facts->probes;
	ListCell   *lc;

	foreach(lc, facts->probe_params)
	{
		int			id = lfirst_int(lc);
		ParamExternData workspace;
		ParamExternData *param;
		ArrayType  *array;
		int			count;

		if (params == NULL || id < 1 || id > params->numParams)
			continue;
		if (params->paramFetch != NULL)
			param = params->paramFetch(params, id, false, &workspace);
		else
			param = &params->params[id - 1];
		if (!OidIsValid(param->ptype) || param->isnull ||
			!OidIsValid(get_base_element_type(param->ptype)))
			continue;
		array = DatumGetArrayTypeP(param->value);
		count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
		if (count > HG_PROBE_LIST_MAX)
		{
			HgRefusal	refusal = {.verdict = "deny",.builtin = "predicate"};

			ereport(ERROR,
					(errcode(HG_ERRCODE_PREDICATE),
					 errmsg("array of %d values is compared with a masked column",
							count),
					 errdetail_internal("%s", hg_report_json(&refusal)),
					 errhint("Compare with at most %d values at a time.",
							 HG_PROBE_LIST_MAX)));
		}
		probes += count;
	}
	return probes;
}

/* The hashes of objects are added up: their order does not matter. */
uint64
hg_facts_allow_key(HgFacts *facts)
{
	uint64		parts[2] = {0, 0};
	ListCell   *lc;

	if (facts->allow_key != 0 || facts->text == NULL)
		return facts->allow_key;

	parts[0] = facts->fingerprint;
	foreach(lc, facts->acts)
	{
		const HgAct *act = (const HgAct *) lfirst(lc);
		char	   *name;

		name = psprintf("%s %s.%s", hg_command_name(act->command),
						act->schema ? act->schema : "", act->name);
		parts[1] += hash_bytes_extended((const unsigned char *) name,
										strlen(name), 29);
		pfree(name);
	}
	foreach(lc, facts->functions)
	{
		char	   *name;

		/* those of the server keep their names */
		if (lfirst_oid(lc) < FirstNormalObjectId)
			continue;
		name = format_procedure_qualified(lfirst_oid(lc));
		parts[1] += hash_bytes_extended((const unsigned char *) name,
										strlen(name), 31);
		pfree(name);
	}
	facts->allow_key = hash_bytes_extended((const unsigned char *) parts,
										   sizeof(parts), 37);
	if (facts->allow_key == 0)
		facts->allow_key = 1;
	return facts->allow_key;
}
