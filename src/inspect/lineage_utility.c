/*-------------------------------------------------------------------------
 *
 * lineage_utility.c
 *	  Lineage of utility statements, and the targets they give to a query.
 *
 * A query inside a utility statement mostly reaches the planner, and its
 * lineage comes from there.  What does not: COPY of a table, definitions (of
 * views here, others in lineage_definition.c), and everything WITH NO DATA.  hg_lineage_utility is meant to be
 * called when the statement has succeeded, so names are looked up as they are
 * then, and one that is gone is left out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "inspect/lineage_int.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* InvalidOid if there is no such relation. */
static Oid
relation_oid(RangeVar *rv)
{
	if (rv == NULL || rv->catalogname != NULL)
		return InvalidOid;
	return RangeVarGetRelid(rv, NoLock, true);
}

/* An existing relation as target, all columns named; NULL if it is gone. */
static HgLineageTarget *
relation_target(LinRun *run, Oid relid)
{
	HgFacts    *facts = run->facts;
	LinRel	   *rel = hg_lineage_rel(run, relid);
	HgLineageTarget *target;
	MemoryContext old;

	if (!rel->exists)
		return NULL;
	old = MemoryContextSwitchTo(facts->context);
	target = palloc0(sizeof(HgLineageTarget));
	target->schema = rel->schema;
	target->relation = rel->name;
	target->matview = rel->relkind == RELKIND_MATVIEW;
	for (int i = 1; i <= rel->natts; i++)
	{
		char	   *name = hg_lineage_attname(run, rel, i);

		if (name != NULL)
			target->column_names = lappend(target->column_names,
										   makeString(name));
	}
	MemoryContextSwitchTo(old);
	return target;
}

/* Target of a relation that exists, with a run of its own for the names. */
static HgLineageTarget *
existing_target(HgFacts *facts, Oid relid)
{
	LinRun	   *run;
	HgLineageTarget *target;

	if (!OidIsValid(relid))
		return NULL;
	run = hg_lineage_run_create(facts, NULL, NULL);
	target = relation_target(run, relid);
	hg_lineage_run_finish(run);
	return target;
}

HgLineageTarget *
hg_lineage_relation_target(Oid relid)
{
	return existing_target(hg_facts_create(CurrentMemoryContext), relid);
}

/* Schema in which CREATE would make the relation; never raises. */
static const char *
creation_schema(RangeVar *rv)
{
	List	   *path;
	const char *schema = NULL;

	if (rv->relpersistence == RELPERSISTENCE_TEMP)
		return "pg_temp";
	if (rv->schemaname != NULL)
	{
		Oid			nspid = get_namespace_oid(rv->schemaname, true);

		if (strcmp(rv->schemaname, "pg_temp") == 0 ||
			(OidIsValid(nspid) && isAnyTempNamespace(nspid)))
			return "pg_temp";
		return rv->schemaname;
	}
	path = fetch_search_path(false);
	if (path != NIL)
	{
		if (isAnyTempNamespace(linitial_oid(path)))
			schema = "pg_temp";
		else
			schema = get_namespace_name(linitial_oid(path));
	}
	return schema != NULL ? schema : "";
}

static HgLineageTarget *
created_target(HgFacts *facts, CreateTableAsStmt *ctas)
{
	IntoClause *into = ctas->into;
	MemoryContext old;
	HgLineageTarget *target;

	if (into == NULL || into->rel == NULL)
		return NULL;
	old = MemoryContextSwitchTo(facts->context);
	target = palloc0(sizeof(HgLineageTarget));
	target->schema = pstrdup(creation_schema(into->rel));
	target->relation = pstrdup(into->rel->relname);
	target->column_names = copyObject(into->colNames);
	target->matview = ctas->objtype == OBJECT_MATVIEW;
	MemoryContextSwitchTo(old);
	return target;
}

HgLineageTarget *
hg_lineage_utility_target(HgFacts *facts, Node *utility)
{
	if (utility == NULL)
		return NULL;
	switch (nodeTag(utility))
	{
		case T_CreateTableAsStmt:
			return created_target(facts, (CreateTableAsStmt *) utility);
		case T_RefreshMatViewStmt:
			{
				RefreshMatViewStmt *refresh = (RefreshMatViewStmt *) utility;

				return existing_target(facts, relation_oid(refresh->relation));
			}
		case T_ExplainStmt:
			{
				Query	   *query = (Query *) ((ExplainStmt *) utility)->query;

				if (query == NULL || !IsA(query, Query) ||
					query->commandType != CMD_UTILITY)
					return NULL;
				return hg_lineage_utility_target(facts, query->utilityStmt);
			}
		default:
			return NULL;
	}
}

/* Where COPY's rows come from or go to, outside the database. */
static void
copy_endpoint(HgFacts *facts, CopyStmt *copy)
{
	MemoryContext old = MemoryContextSwitchTo(facts->context);
	HgDataset  *dataset = palloc0(sizeof(HgDataset));

	if (copy->is_program)
		dataset->relation = pstrdup("program");
	else if (copy->filename != NULL)
		dataset->relation = psprintf("file:%s", copy->filename);
	else
		dataset->relation = pstrdup(copy->is_from ? "stdin" : "stdout");
	dataset->write = !copy->is_from;
	facts->datasets = lappend(facts->datasets, dataset);
	MemoryContextSwitchTo(old);
}

/* Does COPY table TO without a column list send this column? */
static bool
copied_by_default(Oid relid, AttrNumber attno)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
										Int16GetDatum(attno));
	bool		result = false;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_attribute att = (Form_pg_attribute) GETSTRUCT(tuple);

		result = !att->attisdropped && att->attgenerated == '\0';
		ReleaseSysCache(tuple);
	}
	return result;
}

static void
copy_column(LinRun *run, LinRel *rel, AttrNumber attno)
{
	char	   *name = hg_lineage_attname(run, rel, attno);

	if (name != NULL)
		hg_lineage_add_source(run,
							  hg_lineage_target(run, NULL, InvalidAttrNumber,
												name),
							  rel, attno, LIN_IDENTITY);
}

static void
copy_lineage(HgFacts *facts, CopyStmt *copy, const HgPolicy *policy)
{
	Oid			relid = relation_oid(copy->relation);
	LinRun	   *run;
	LinRel	   *rel;
	ListCell   *lc;

	copy_endpoint(facts, copy);
	if (!OidIsValid(relid))
		return;
	run = hg_lineage_run_create(facts, policy, NULL);
	rel = hg_lineage_rel(run, relid);
	if (copy->is_from)
		rel->written = true;
	else
	{
		rel->read = true;
		foreach(lc, copy->attlist)
			copy_column(run, rel, get_attnum(relid, strVal(lfirst(lc))));
		for (int i = 1; copy->attlist == NIL && i <= rel->natts; i++)
		{
			if (copied_by_default(relid, i))
				copy_column(run, rel, i);
		}
	}
	hg_lineage_run_finish(run);
}

/*
 * The relation that a CREATE statement made.  A name without schema may mean
 * something older elsewhere, so look where it was created first.
 */
static Oid
created_relation(RangeVar *rv, bool view)
{
	Oid			relid = InvalidOid;

	if (rv->schemaname == NULL && rv->relpersistence != RELPERSISTENCE_TEMP)
	{
		List	   *path = fetch_search_path(false);

		if (path != NIL)
			relid = get_relname_relid(rv->relname, linitial_oid(path));
		if (OidIsValid(relid) &&
			(get_rel_relkind(relid) == RELKIND_VIEW) != view)
			relid = InvalidOid;
	}
	return OidIsValid(relid) ? relid : relation_oid(rv);
}

/* Lineage of a view or materialized view by its definition. */
static void
definition_lineage(HgFacts *facts, Oid relid, const HgPolicy *policy)
{
	HgLineageTarget *target = existing_target(facts, relid);
	Query	   *query;

	if (target == NULL)
		return;
	query = hg_lineage_stored_query(relid);
	if (query != NULL)
		hg_lineage_query(facts, query, target, policy);
}

static void
truncate_lineage(HgFacts *facts, TruncateStmt *truncate)
{
	LinRun	   *run = hg_lineage_run_create(facts, NULL, NULL);
	ListCell   *lc;

	foreach(lc, truncate->relations)
	{
		Oid			relid = relation_oid((RangeVar *) lfirst(lc));

		if (OidIsValid(relid))
			hg_lineage_rel(run, relid)->written = true;
	}
	hg_lineage_run_finish(run);
}

/* Columns that ALTER TABLE made generated ones, or gave another expression. */
static void
altered_lineage(HgFacts *facts, AlterTableStmt *alter, const HgPolicy *policy)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, alter->cmds)
	{
		AlterTableCmd *cmd = (AlterTableCmd *) lfirst(lc);

		if (cmd->subtype == AT_AddColumn && cmd->def != NULL &&
			IsA(cmd->def, ColumnDef))
			columns = lappend(columns,
							  makeString(((ColumnDef *) cmd->def)->colname));
#if PG_VERSION_NUM >= 170000
		else if (cmd->subtype == AT_SetExpression)
			columns = lappend(columns, makeString(cmd->name));
#endif
	}
	if (columns != NIL)
		hg_lineage_generated(facts, relation_oid(alter->relation), columns,
							 policy);
}

void
hg_lineage_utility(HgFacts *facts, Node *utility, const HgPolicy *policy)
{
	if (utility == NULL)
		return;
	switch (nodeTag(utility))
	{
		case T_CopyStmt:
			copy_lineage(facts, (CopyStmt *) utility, policy);
			break;
		case T_ViewStmt:
			definition_lineage(facts,
							   created_relation(((ViewStmt *) utility)->view,
												true),
							   policy);
			break;
		case T_CreateTableAsStmt:
			{
				CreateTableAsStmt *ctas = (CreateTableAsStmt *) utility;

				/* With data, or EXECUTE, the planner hook sees the query. */
				if (ctas->into != NULL && ctas->into->skipData &&
					ctas->query != NULL && IsA(ctas->query, Query))
					hg_lineage_query(facts, (Query *) ctas->query,
									 created_target(facts, ctas),
									 policy);
				break;
			}
		case T_RefreshMatViewStmt:
			{
				RefreshMatViewStmt *refresh = (RefreshMatViewStmt *) utility;

				if (refresh->skipData)
					definition_lineage(facts, relation_oid(refresh->relation),
									   policy);
				break;
			}
		case T_CreateStmt:
			hg_lineage_generated(facts,
								 created_relation(((CreateStmt *) utility)->relation,
												  false),
								 NIL, policy);
			break;
		case T_CreateForeignTableStmt:
			hg_lineage_generated(facts,
								 created_relation(((CreateForeignTableStmt *)
												   utility)->base.relation,
												  false),
								 NIL, policy);
			break;
		case T_AlterTableStmt:
			altered_lineage(facts, (AlterTableStmt *) utility, policy);
			break;
		case T_CreateFunctionStmt:
			hg_lineage_function(facts, (CreateFunctionStmt *) utility,
								policy);
			break;
		case T_RuleStmt:
			hg_lineage_rule(facts, relation_oid(((RuleStmt *) utility)->relation),
							((RuleStmt *) utility)->rulename, policy);
			break;
		case T_TruncateStmt:
			truncate_lineage(facts, (TruncateStmt *) utility);
			break;
		default:
			break;
	}
}
