/*-------------------------------------------------------------------------
 *
 * mask_net.c
 *	  The second net, and the shape of foreign key statements.
 *
 * Both judge statements that did not go through the rewrite: the net refuses
 * what reads a masked column all the same, and the shape is one of the
 * conditions for letting the server's own foreign key checks through.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "mask/mask.h"
#include "mask/mask_rel.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#if PG_VERSION_NUM >= 160000
#include "parser/parse_relation.h"
#endif
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* ---------- second net ---------- */

/* Columns an entry needs SELECT on, offset as in the range table. */
static Bitmapset *
selected_columns(RangeTblEntry *rte, List *perminfos)
{
#if PG_VERSION_NUM >= 160000
	if (rte->perminfoindex == 0 ||
		rte->perminfoindex > list_length(perminfos))
		return NULL;
	return getRTEPermissionInfo(perminfos, rte)->selectedCols;
#else
	return rte->selectedCols;
#endif
}

bool
hg_mask_net_ok(List *rtable, List *perminfos, const HgPolicy *policy,
			   char **column)
{
	ListCell   *lc;

	if (policy->mask_mode != HG_MODE_ENFORCE)
		return true;
	foreach(lc, rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Bitmapset  *selected;
		HgMaskRel  *rel;
		int			i;

		if (rte->rtekind != RTE_RELATION || !hg_mask_relkind(rte->relkind))
			continue;
		selected = selected_columns(rte, perminfos);
		if (selected == NULL)
			continue;
		rel = hg_mask_rel(policy, rte->relid);
		if (rel == NULL)
			continue;
		for (i = 1; i <= rel->natts; i++)
		{
			if (hg_mask_rel_column(rel, i) == NULL ||
				(!bms_is_member(i - FirstLowInvalidHeapAttributeNumber,
								selected) &&
				 !bms_is_member(0 - FirstLowInvalidHeapAttributeNumber,
								selected)))
				continue;
			if (column != NULL)
				*column = psprintf("%s.%s.%s", rel->policy_rel->schema,
								   rel->policy_rel->name, rel->names[i - 1]);
			return false;
		}
	}
	return true;
}

/* ---------- foreign key statements ---------- */

/* Only a superuser can have made a function in these languages. */
static bool
is_server_code(Oid funcid)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Oid			language;

	if (!HeapTupleIsValid(tuple))
		return false;
	language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
	ReleaseSysCache(tuple);
	return language == INTERNALlanguageId || language == ClanguageId;
}

/* Take off the casts and collations that ri_triggers.c adds; NULL if odd. */
static Node *
strip_casts(Node *node)
{
	while (node != NULL)
	{
		if (IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, CollateExpr))
			node = (Node *) ((CollateExpr *) node)->arg;
		else if (IsA(node, FuncExpr))
		{
			FuncExpr   *call = (FuncExpr *) node;

			if (call->funcformat == COERCE_EXPLICIT_CALL ||
				call->args == NIL || !is_server_code(call->funcid))
				return NULL;
			node = (Node *) linitial(call->args);
		}
		else
			break;
	}
	return node;
}

static bool
is_parameter(Node *node)
{
	node = strip_casts(node);
	return node != NULL && IsA(node, Param) &&
		((Param *) node)->paramkind == PARAM_EXTERN;
}

static bool
is_key_column(Node *node)
{
	node = strip_casts(node);
	return node != NULL && IsA(node, Var) && ((Var *) node)->varno == 1 &&
		((Var *) node)->varlevelsup == 0 && ((Var *) node)->varattno > 0;
}

/* column = parameter, either way round, ANDed */
static bool
is_key_condition(Node *quals)
{
	OpExpr	   *op;
	Node	   *left;
	Node	   *right;

	if (quals == NULL)
		return false;
	if (IsA(quals, BoolExpr) && ((BoolExpr *) quals)->boolop == AND_EXPR)
	{
		ListCell   *lc;

		foreach(lc, ((BoolExpr *) quals)->args)
		{
			Node	   *arg = (Node *) lfirst(lc);

			if (IsA(arg, BoolExpr) || !is_key_condition(arg))
				return false;
		}
		return true;
	}
	if (!IsA(quals, OpExpr))
		return false;
	op = (OpExpr *) quals;
	if (list_length(op->args) != 2 || !is_server_code(get_opcode(op->opno)))
		return false;
	left = (Node *) linitial(op->args);
	right = (Node *) lsecond(op->args);
	return (is_key_column(left) && is_parameter(right)) ||
		(is_parameter(left) && is_key_column(right));
}

/* A value for SET: a parameter, NULL, or a default that reads no column. */
static bool
reads_something(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) || IsA(node, SubLink) || IsA(node, Query))
		return true;
	return expression_tree_walker(node, reads_something, context);
}

/* One plain relation, a WHERE, and none of the other clauses. */
static bool
is_plain(Query *query)
{
	RangeTblEntry *rte;

	if (query->cteList != NIL || query->hasAggs || query->hasWindowFuncs ||
		query->hasTargetSRFs || query->hasSubLinks ||
		query->returningList != NIL || query->groupClause != NIL ||
		query->groupingSets != NIL || query->havingQual != NULL ||
		query->distinctClause != NIL || query->sortClause != NIL ||
		query->limitOffset != NULL || query->limitCount != NULL ||
		query->setOperations != NULL || query->onConflict != NULL ||
		query->withCheckOptions != NIL ||
		list_length(query->rtable) != 1 || query->jointree == NULL ||
		list_length(query->jointree->fromlist) != 1 ||
		!IsA(linitial(query->jointree->fromlist), RangeTblRef))
		return false;
	rte = linitial_node(RangeTblEntry, query->rtable);
	return rte->rtekind == RTE_RELATION && rte->tablesample == NULL &&
		rte->securityQuals == NIL &&
		(rte->relkind == RELKIND_PARTITIONED_TABLE ||
		 (rte->relkind == RELKIND_RELATION && !rte->inh));
}

/* SELECT <target> FROM ONLY t x WHERE <key> FOR KEY SHARE OF x */
static bool
is_locking_probe(Query *query)
{
	return query->commandType == CMD_SELECT && is_plain(query) &&
		list_length(query->targetList) == 1 &&
		list_length(query->rowMarks) == 1 &&
		linitial_node(RowMarkClause, query->rowMarks)->strength ==
		LCS_FORKEYSHARE;
}

static bool
is_one(Node *node)
{
	return node != NULL && IsA(node, Const) &&
		((Const *) node)->consttype == INT4OID &&
		!((Const *) node)->constisnull &&
		DatumGetInt32(((Const *) node)->constvalue) == 1;
}

#if PG_VERSION_NUM >= 180000
/* Only the nodes of $n <@ range_agg(x1.r), with the server's own code. */
static bool
not_period_test(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_OpExpr:
			if (!is_server_code(get_opcode(((OpExpr *) node)->opno)))
				return true;
			break;
		case T_Aggref:
			if (!is_server_code(((Aggref *) node)->aggfnoid))
				return true;
			break;
		case T_FuncExpr:
		case T_RelabelType:
			if (strip_casts(node) == NULL)
				return true;
			break;
		case T_Param:
		case T_Var:
		case T_TargetEntry:
		case T_List:
			break;
		default:
			return true;
	}
	return expression_tree_walker(node, not_period_test, context);
}

/*
 * The probe of a key WITHOUT OVERLAPS: SELECT 1 FROM (SELECT period AS r FROM
 * ONLY t x WHERE key AND period && $n FOR KEY SHARE OF x) x1 HAVING $n <@
 * range_agg(x1.r)
 */
static bool
is_period_probe(Query *query)
{
	RangeTblEntry *rte;
	Query	   *inner;

	if (query->commandType != CMD_SELECT || query->cteList != NIL ||
		query->hasSubLinks || query->groupClause != NIL ||
		query->setOperations != NULL || query->sortClause != NIL ||
		query->limitCount != NULL || query->rowMarks != NIL ||
		query->havingQual == NULL || list_length(query->rtable) != 1 ||
		query->jointree == NULL || query->jointree->quals != NULL ||
		list_length(query->targetList) != 1 ||
		!is_one((Node *) linitial_node(TargetEntry, query->targetList)->expr))
		return false;
	rte = linitial_node(RangeTblEntry, query->rtable);
	if (rte->rtekind != RTE_SUBQUERY ||
		not_period_test(query->havingQual, NULL))
		return false;
	inner = rte->subquery;
	return is_locking_probe(inner) &&
		is_key_column((Node *) linitial_node(TargetEntry,
											 inner->targetList)->expr) &&
		is_key_condition(inner->jointree->quals);
}
#endif

/*
 * The join that ALTER TABLE ... ADD FOREIGN KEY runs over both tables is left
 * out on purpose.  It returns key values, and whoever can get a server
 * function to run text (query_to_xml in a column default, say) inside a
 * cascade could send the same text; the probes by parameter give nothing.
 */
bool
hg_mask_is_ri_query(Query *query)
{
	ListCell   *lc;

	switch (query->commandType)
	{
		case CMD_SELECT:
#if PG_VERSION_NUM >= 180000
			if (is_period_probe(query))
				return true;
#endif
			return is_locking_probe(query) &&
				is_one((Node *) linitial_node(TargetEntry,
											  query->targetList)->expr) &&
				is_key_condition(query->jointree->quals);
		case CMD_DELETE:
			return is_plain(query) && query->resultRelation == 1 &&
				query->targetList == NIL && query->rowMarks == NIL &&
				is_key_condition(query->jointree->quals);
		case CMD_UPDATE:
			if (!is_plain(query) || query->resultRelation != 1 ||
				query->rowMarks != NIL ||
				!is_key_condition(query->jointree->quals))
				return false;
			foreach(lc, query->targetList)
			{
				TargetEntry *tle = lfirst_node(TargetEntry, lc);

				if (reads_something((Node *) tle->expr, NULL))
					return false;
			}
			return true;
		default:
			return false;
	}
}
