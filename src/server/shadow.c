/*-------------------------------------------------------------------------
 *
 * shadow.c
 *	  Keeps a governed role's objects away from code that is fed real values.
 *
 * Triggers, row security, CHECK constraints, generated columns and trusted
 * functions work on real values whoever runs the statement.  What they call
 * or write to without naming a schema is looked up in the search_path of the
 * session, and the session belongs to the role that must not see the values:
 * a function lower(text) or a temporary table audit_log of its own would be
 * found first.  So beneath such code no function of a governed role starts,
 * and nothing is written to a temporary relation or one of a governed role.
 *
 * A function is taken to be fed real values if it is trusted, returns a
 * trigger, or is called with a bare column from an expression that comes out
 * of the catalogs (its location is unknown): all that the role writes itself
 * has been through the rewrite and its columns are wrapped.  Views also come
 * out of the catalogs, so this errs to the safe side, and only where a
 * function of somebody else calls one of the governed role.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/catalog.h"
#include "base/report.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "identity/subject.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "server/shadow.h"
#include "server/stmt.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Is this session's own role, or another governed one, the owner? */
static bool
is_governed(Oid owner)
{
	return hg_subject_for_role(owner)->governed;
}

pg_noreturn static void
refuse(const char *what, const char *name)
{
	HgRefusal	refusal = {.verdict = "deny",.builtin = "shadow"};

	refusal.objects = &name;
	refusal.nobjects = 1;
	ereport(ERROR,
			(errcode(HG_ERRCODE_MASKED),
			 errmsg("%s \"%s\" of a governed role cannot be used by code that sees real values",
					what, name),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 errhint("Leave your own schema and temporary objects out of search_path, or name them differently.")));
}

/* A column of a table, and not one that a plan node below has computed. */
static bool
has_bare_column(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return !IS_SPECIAL_VARNO(((Var *) node)->varno);
	return expression_tree_walker(node, has_bare_column, context);
}

static bool
called_from_catalog(FmgrInfo *flinfo)
{
	Node	   *expr = flinfo->fn_expr;

	if (expr == NULL)
		return false;
	if (IsA(expr, FuncExpr))
		return ((FuncExpr *) expr)->location < 0 &&
			has_bare_column((Node *) ((FuncExpr *) expr)->args, NULL);
	if (IsA(expr, OpExpr))
		return ((OpExpr *) expr)->location < 0 &&
			has_bare_column((Node *) ((OpExpr *) expr)->args, NULL);
	return false;
}

bool
hg_shadow_check_function(FmgrInfo *flinfo, bool trusted)
{
	HeapTuple	tuple;
	Form_pg_proc form;
	Oid			owner;
	Oid			result;
	char	   *name;

	if (!hg_subject_current()->governed ||
		hg_guc_mask_mode != HG_MODE_ENFORCE)
		return trusted;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(flinfo->fn_oid));
	if (!HeapTupleIsValid(tuple))
		return trusted;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	owner = form->proowner;
	result = form->prorettype;
	ReleaseSysCache(tuple);

	if (is_governed(owner))
	{
		if (!hg_frame_fed())
			return false;
		name = get_func_name(flinfo->fn_oid);
		refuse("function", name ? name : "");
	}
	return trusted || result == TRIGGEROID || called_from_catalog(flinfo);
}

void
hg_shadow_check_target(QueryDesc *queryDesc)
{
	PlannedStmt *plan = queryDesc->plannedstmt;
	ListCell   *lc;

	if (plan->resultRelations == NIL || !hg_frame_fed() ||
		hg_guc_mask_mode != HG_MODE_ENFORCE)
		return;
	foreach(lc, plan->resultRelations)
	{
		RangeTblEntry *rte = rt_fetch(lfirst_int(lc), plan->rtable);
		HeapTuple	tuple = SearchSysCache1(RELOID,
											ObjectIdGetDatum(rte->relid));
		Form_pg_class form;
		bool		own;

		if (!HeapTupleIsValid(tuple))
			continue;
		form = (Form_pg_class) GETSTRUCT(tuple);
		own = form->relpersistence == RELPERSISTENCE_TEMP ||
			is_governed(form->relowner);
		ReleaseSysCache(tuple);
		if (own)
			refuse("relation", get_rel_name(rte->relid));
	}
}
