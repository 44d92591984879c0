/*-------------------------------------------------------------------------
 *
 * lineage_definition.c
 *	  Lineage that a definition promises: generated columns, SQL functions.
 *
 * A generated column's edges go from the columns of its expression to it,
 * whenever CREATE TABLE or ALTER TABLE makes it one.  A function stands as a
 * dataset under its signature: its result columns get what its last statement
 * gives, and all that its body reads is read.  What the body writes has not
 * happened: those edges come when it runs.
 *
 * A body is analysed as the server's own validator does it, once it has been
 * accepted.  It may still fail, when bodies were not checked; that happens
 * in a subtransaction and gives no lineage.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/tupdesc.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/functions.h"
#include "funcapi.h"
#include "inspect/lineage_int.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/analyze.h"
#include "parser/parse_type.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

void
hg_lineage_generated(HgFacts *facts, Oid relid, List *columns,
					 const HgPolicy *policy)
{
	Relation	relation;
	TupleConstr *constr;
	LinRun	   *run;
	LinRel	   *rel;
	LinScope   *scope;
	ListCell   *lc;

	relation = OidIsValid(relid) ?
		try_relation_open(relid, AccessShareLock) : NULL;
	if (relation == NULL)
		return;
	constr = RelationGetDescr(relation)->constr;
	if (constr == NULL)
	{
		relation_close(relation, AccessShareLock);
		return;
	}
	run = hg_lineage_run_create(facts, policy, NULL);
	rel = hg_lineage_rel(run, relid);
	scope = hg_lineage_scope_create(run, NULL, NULL, NULL);
	scope->generated_rel = rel;
	scope->nassigned = rel->natts;
	scope->assigned = MemoryContextAllocZero(run->context,
											 sizeof(LinMap *) *
											 Max(rel->natts, 1));
	scope->keep_old = true;		/* each column stands for itself */
	for (int i = 0; i < constr->num_defval; i++)
	{
		AttrNumber	attno = constr->defval[i].adnum;
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(relation),
											  attno - 1);
		bool		asked = columns == NIL;

		foreach(lc, columns)
			if (strcmp(strVal(lfirst(lc)), NameStr(att->attname)) == 0)
				asked = true;
		if (!asked || att->attgenerated == '\0' || att->attisdropped)
			continue;
		rel->written = true;
		hg_lineage_expr(scope, stringToNode(constr->defval[i].adbin),
						LIN_IDENTITY,
						hg_lineage_target(run, rel, attno, NULL));
	}
	relation_close(relation, AccessShareLock);
	hg_lineage_run_finish(run);
}

/* ---- functions ---- */

/* The function that CREATE FUNCTION made, InvalidOid if it is gone. */
static Oid
created_function(CreateFunctionStmt *create)
{
	Oid			args[FUNC_MAX_ARGS];
	oidvector  *vector;
	Oid			nspid;
	char	   *name;
	int			nargs = 0;
	ListCell   *lc;

	nspid = QualifiedNameGetCreationNamespace(create->funcname, &name);
	foreach(lc, create->parameters)
	{
		FunctionParameter *parameter = (FunctionParameter *) lfirst(lc);
		Oid			type;

		if (parameter->mode == FUNC_PARAM_TABLE ||
			parameter->mode == FUNC_PARAM_OUT)
			continue;
		type = LookupTypeNameOid(NULL, parameter->argType, true);
		if (!OidIsValid(type) || nargs == FUNC_MAX_ARGS)
			return InvalidOid;
		args[nargs++] = type;
	}
	vector = buildoidvector(args, nargs);
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   PointerGetDatum(name), PointerGetDatum(vector),
						   ObjectIdGetDatum(nspid));
}

/* The statements of a body, in their order, a Query each. */
static List *
body_queries(HeapTuple tuple)
{
	Datum		datum;
	bool		isnull;
	char	   *source;
	List	   *queries = NIL;
	SQLFunctionParseInfoPtr info;
	ListCell   *lc;

	datum = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &isnull);
	if (!isnull)
	{
		Node	   *body = stringToNode(TextDatumGetCString(datum));

		if (IsA(body, List))
			return linitial_node(List, (List *) body);
		return list_make1(body);
	}
	datum = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);
	if (isnull)
		return NIL;
	source = TextDatumGetCString(datum);
	info = prepare_sql_fn_parse_info(tuple, NULL, InvalidOid);
	foreach(lc, pg_parse_query(source))
		queries = lappend(queries,
						  parse_analyze_withcb(lfirst_node(RawStmt, lc),
											   source,
											   (ParserSetupHook)
											   sql_fn_parser_setup,
											   info, NULL));
	return queries;
}

/* Names in a body mean what the function's own search_path makes of them. */
static void
set_own_search_path(HeapTuple tuple)
{
	static const char setting[] = "search_path=";
	bool		isnull;
	Datum		datum = SysCacheGetAttr(PROCOID, tuple,
										Anum_pg_proc_proconfig, &isnull);
	Datum	   *items;
	int			n;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(datum), TEXTOID, -1, false,
					  TYPALIGN_INT, &items, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *item = TextDatumGetCString(items[i]);

		if (strncmp(item, setting, strlen(setting)) == 0)
			(void) set_config_option("search_path", item + strlen(setting),
									 PGC_USERSET, PGC_S_SESSION,
									 GUC_ACTION_SAVE, true, 0, false);
	}
}

/* Names of the result's columns, NIL if only the call knows them. */
static List *
result_names(HeapTuple tuple)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);
	TupleDesc	desc = build_function_result_tupdesc_t(tuple);
	char	   *name;
	List	   *names = NIL;

	if (desc == NULL && form->prorettype == RECORDOID)
		return NIL;
	if (desc == NULL && get_typtype(form->prorettype) == TYPTYPE_COMPOSITE)
		desc = lookup_rowtype_tupdesc_copy(form->prorettype, -1);
	if (desc == NULL)
	{
		name = get_func_result_name(form->oid);
		return list_make1(makeString(name != NULL ? name :
									 pstrdup(NameStr(form->proname))));
	}
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped)
			names = lappend(names, makeString(pstrdup(NameStr(att->attname))));
	}
	return names;
}

/* name(type, type), which no table is called. */
static char *
signature(HeapTuple tuple)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s(", NameStr(form->proname));
	for (int i = 0; i < form->pronargs; i++)
		appendStringInfo(&buf, "%s%s", i > 0 ? ", " : "",
						 format_type_be(form->proargtypes.values[i]));
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

static int
visible_outputs(Query *query)
{
	List	   *tlist = query->commandType == CMD_SELECT ?
		query->targetList : query->returningList;
	ListCell   *lc;
	int			n = 0;

	foreach(lc, tlist)
		if (!((TargetEntry *) lfirst(lc))->resjunk)
			n++;
	return n;
}

static void
function_lineage(HgFacts *facts, CreateFunctionStmt *create,
				 const HgPolicy *policy)
{
	Oid			funcid = created_function(create);
	HeapTuple	tuple;
	Form_pg_proc form;
	HgLineageTarget target = {0};
	List	   *names;
	List	   *queries;
	ListCell   *lc;

	tuple = OidIsValid(funcid) ?
		SearchSysCacheCopy1(PROCOID, ObjectIdGetDatum(funcid)) : NULL;
	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	if (form->prolang != SQLlanguageId)
		return;
	target.schema = get_namespace_name(form->pronamespace);
	target.relation = signature(tuple);
	target.definition = true;
	if (isAnyTempNamespace(form->pronamespace))
		target.schema = "pg_temp";
	names = result_names(tuple);
	set_own_search_path(tuple);
	queries = body_queries(tuple);
	foreach(lc, queries)
	{
		Query	   *query = (Query *) lfirst(lc);
		bool		last = lnext(queries, lc) == NULL;

		if (!IsA(query, Query))
			continue;
		target.reads_only = !last || form->prorettype == VOIDOID;
		target.column_names =
			visible_outputs(query) == list_length(names) ? names : NIL;
		hg_lineage_query(facts, query, &target, policy);
	}
}

void
hg_lineage_function(HgFacts *facts, CreateFunctionStmt *create,
					const HgPolicy *policy)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext scratch;
	List	   *edges = facts->edges;
	List	   *datasets = facts->datasets;
	List	   *flows = facts->flows;
	int			nedges = list_length(edges);
	int			ndatasets = list_length(datasets);
	int			nflows = list_length(flows);
	int			for_client = client_min_messages;
	int			for_log = log_min_messages;

	scratch = AllocSetContextCreate(caller, "hoopguard function lineage",
									ALLOCSET_DEFAULT_SIZES);

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(scratch);

	/* what the body makes the parser notice, the validator has told */
	client_min_messages = log_min_messages = ERROR;
	hg_lineage_only_looking = true;
	PG_TRY();
	{
		function_lineage(facts, create, policy);
		client_min_messages = for_client;
		log_min_messages = for_log;
		hg_lineage_only_looking = false;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		hg_lineage_only_looking = false;
		client_min_messages = for_client;
		log_min_messages = for_log;
		MemoryContextSwitchTo(scratch);
		edata = CopyErrorData();
		FlushErrorState();
		facts->edges = list_truncate(facts->edges, nedges);
		facts->datasets = list_truncate(facts->datasets, ndatasets);
		facts->flows = list_truncate(facts->flows, nflows);
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED ||
			edata->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN ||
			edata->sqlerrcode == ERRCODE_CRASH_SHUTDOWN)
			ReThrowError(edata);
		MemoryContextDelete(scratch);
		return;
	}
	PG_END_TRY();

	/* nothing was written; this takes the search_path and the locks back */
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	MemoryContextDelete(scratch);
}
