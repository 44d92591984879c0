/*-------------------------------------------------------------------------
 *
 * mask_ddl.c
 *	  DDL that would hand real values to the role's own code.
 *
 * A trigger sees whole rows, a policy and an index expression see columns,
 * and all of them below the planner hook, where nothing is masked.  So a
 * governed role may not hang any of them on a relation with masked columns,
 * whatever guard rules say.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/report.h"
#include "catalog/namespace.h"
#include "mask/mask.h"
#include "utils/builtins.h"

static void
check_relation(RangeVar *relation, const char *what, const HgPolicy *policy)
{
	const HgRelMask *mask;
	HgRefusal	refusal = {.verdict = "deny",.builtin = "builtin"};
	const char *name;
	Oid			relid;

	if (relation == NULL)
		return;
	relid = RangeVarGetRelid(relation, NoLock, true);
	if (!OidIsValid(relid))
		return;					/* the command itself says so */
	mask = hg_policy_rel_mask(policy, relid);
	if (mask->ncolumns == 0)
		return;

	name = quote_qualified_identifier(mask->schema, mask->name);
	refusal.objects = &name;
	refusal.nobjects = 1;
	ereport(ERROR,
			(errcode(HG_ERRCODE_MASKED),
			 errmsg("cannot create %s on relation \"%s\", which has masked columns",
					what, mask->name),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 errhint("It would see real values. Ask a database administrator to create it.")));
}

void
hg_mask_check_ddl(Node *utility, const HgPolicy *policy)
{
	switch (nodeTag(utility))
	{
		case T_CreateTrigStmt:
			check_relation(((CreateTrigStmt *) utility)->relation,
						   "a trigger", policy);
			break;
		case T_RuleStmt:
			check_relation(((RuleStmt *) utility)->relation, "a rule", policy);
			break;
		case T_CreatePolicyStmt:
			check_relation(((CreatePolicyStmt *) utility)->table, "a policy",
						   policy);
			break;
		case T_AlterPolicyStmt:
			check_relation(((AlterPolicyStmt *) utility)->table, "a policy",
						   policy);
			break;
		case T_IndexStmt:
			{
				IndexStmt  *stmt = (IndexStmt *) utility;
				ListCell   *lc;
				bool		computes = stmt->whereClause != NULL;

				/* a plain index runs none of the role's code */
				foreach(lc, stmt->indexParams)
					computes |= lfirst_node(IndexElem, lc)->expr != NULL;
				if (computes)
					check_relation(stmt->relation, "an index with expressions",
								   policy);
				break;
			}
		case T_CreateStatsStmt:
			{
				ListCell   *lc;

				foreach(lc, ((CreateStatsStmt *) utility)->relations)
					if (IsA(lfirst(lc), RangeVar))
						check_relation(lfirst(lc), "statistics", policy);
				break;
			}
		default:
			break;
	}
}
