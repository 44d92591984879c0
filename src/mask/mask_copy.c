/*-------------------------------------------------------------------------
 *
 * mask_copy.c
 *	  COPY table TO, which never meets the planner, as COPY (SELECT ...) TO.
 *
 * Only a statement that the server would carry out is rewritten.  What it
 * would refuse (partitioned tables, views, unknown, generated or repeated
 * columns) is handed back as it is, so that the error is the server's own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "mask/mask.h"
#include "mask/mask_rel.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* Attribute number of a column that COPY may name, or 0. */
static AttrNumber
copyable_column(TupleDesc desc, const char *name)
{
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && namestrcmp(&att->attname, name) == 0)
			return att->attgenerated == '\0' ? att->attnum : 0;
	}
	return 0;
}

static ResTarget *
make_target(const char *column)
{
	ColumnRef  *ref = makeNode(ColumnRef);
	ResTarget  *target = makeNode(ResTarget);

	ref->fields = list_make1(makeString(pstrdup(column)));
	ref->location = -1;
	target->val = (Node *) ref;
	target->location = -1;
	return target;
}

/* The columns COPY would write; false when it would raise an error. */
static bool
copy_targets(TupleDesc desc, List *attlist, List **targets)
{
	Bitmapset  *seen = NULL;
	ListCell   *lc;
	int			i;

	*targets = NIL;
	if (attlist == NIL)
	{
		for (i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute att = TupleDescAttr(desc, i);

			if (!att->attisdropped && att->attgenerated == '\0')
				*targets = lappend(*targets,
								   make_target(NameStr(att->attname)));
		}
		return true;
	}

	foreach(lc, attlist)
	{
		char	   *name = strVal(lfirst(lc));
		AttrNumber	attnum = copyable_column(desc, name);

		if (attnum == 0 || bms_is_member(attnum, seen))
			return false;
		seen = bms_add_member(seen, attnum);
		*targets = lappend(*targets, make_target(name));
	}
	return true;
}

CopyStmt *
hg_mask_copy(CopyStmt *stmt, const HgPolicy *policy, bool always)
{
	Oid			relid;
	Relation	rel;
	CopyStmt   *result;
	SelectStmt *select;
	RangeVar   *from;
	List	   *targets = NIL;
	char		relkind;
	bool		possible;

	if (stmt->is_from || stmt->relation == NULL ||
		(!always && policy->mask_mode != HG_MODE_ENFORCE))
		return stmt;
	relid = RangeVarGetRelid(stmt->relation, AccessShareLock, true);
	if (!OidIsValid(relid))
		return stmt;

	relkind = get_rel_relkind(relid);
	if ((relkind != RELKIND_RELATION && relkind != RELKIND_MATVIEW) ||
		(!always && hg_mask_rel(policy, relid) == NULL &&
		 !hg_subject_scrubs(policy->identity)))
		return stmt;

	rel = relation_open(relid, AccessShareLock);
	possible = copy_targets(RelationGetDescr(rel), stmt->attlist, &targets);
	from = makeRangeVar(get_namespace_name(RelationGetNamespace(rel)),
						pstrdup(RelationGetRelationName(rel)), -1);
	/* keep the lock: what is copied is what was looked at */
	relation_close(rel, NoLock);
	if (!possible)
		return stmt;

	from->inh = false;			/* COPY means ONLY */
	select = makeNode(SelectStmt);
	select->targetList = targets;
	select->fromClause = list_make1(from);

	result = makeNode(CopyStmt);
	memcpy(result, stmt, sizeof(CopyStmt));
	result->relation = NULL;
	result->attlist = NIL;
	result->query = (Node *) select;
	return result;
}
