/*-------------------------------------------------------------------------
 *
 * allow_list.c
 *	  Subjects that may run only what they were seen to run before.
 *
 * A statement is known by a key, a hash of its text without literals and of
 * the qualified names of what it uses (hg_facts_allow_key).  Text alone would
 * let search_path turn an allowed statement into another one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "base/catalog.h"
#include "base/row.h"
#include "miscadmin.h"
#include "policy/allow_list.h"
#include "utils/rel.h"

/* Columns of hoopguard.allow_list and allowed_statement. */
enum
{
	LIST_ROLE = 1,
	LIST_STATE,
	LIST_OTHERWISE,
	LIST_APPROVER
};

enum
{
	STATEMENT_ROLE = 1,
	STATEMENT_KEY
};

static int
compare_keys(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return x < y ? -1 : x > y;
}

/* What a rule of the guard would be that refuses all that is not listed. */
static HgRule *
make_rule(HgAction action, char *approver)
{
	HgRule	   *rule = palloc0(sizeof(HgRule));

	rule->action = action;
	rule->objects = pstrdup("*");
	rule->approver = approver;
	rule->for_subject = pstrdup("*");
	return rule;
}

static void
read_lists(const HgIdentity *identity, List **lists)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_ALLOW_LIST),
								 AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			role = hg_row_oid(tuple, desc, LIST_ROLE);
		ListCell   *lc;

		foreach(lc, identity->subjects)
		{
			const HgSubject *subject = (const HgSubject *) lfirst(lc);
			HgAllowList *list;
			char	   *otherwise;

			if (subject->role != role)
				continue;
			otherwise = hg_row_string(tuple, desc, LIST_OTHERWISE);
			list = palloc0(sizeof(HgAllowList));
			list->role = role;
			list->name = pstrdup(subject->name);
			list->learning =
				strcmp(hg_row_string(tuple, desc, LIST_STATE), "learning") == 0;
			list->otherwise = strcmp(otherwise, "warn") == 0 ? HG_WARN :
				strcmp(otherwise, "approve") == 0 ? HG_APPROVE : HG_DENY;
			list->rule = make_rule(list->otherwise,
								   hg_row_text(tuple, desc, LIST_APPROVER));
			*lists = lappend(*lists, list);
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static void
read_statements(List *lists)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_ALLOWED_STATEMENT),
								 AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;
	ListCell   *lc;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			role = hg_row_oid(tuple, desc, STATEMENT_ROLE);

		CHECK_FOR_INTERRUPTS();
		foreach(lc, lists)
		{
			HgAllowList *list = (HgAllowList *) lfirst(lc);

			if (list->role != role)
				continue;
			/* grows by doubling: room is there but at powers of two */
			if (list->nkeys == 0)
				list->keys = palloc(sizeof(uint64));
			else if ((list->nkeys & (list->nkeys - 1)) == 0)
				list->keys = repalloc(list->keys,
									  2 * list->nkeys * sizeof(uint64));
			list->keys[list->nkeys++] =
				(uint64) hg_row_int64(tuple, desc, STATEMENT_KEY);
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	foreach(lc, lists)
	{
		HgAllowList *list = (HgAllowList *) lfirst(lc);

		if (list->nkeys > 1)
			qsort(list->keys, list->nkeys, sizeof(uint64), compare_keys);
	}
}

List *
hg_allow_list_compile(const HgIdentity *identity)
{
	List	   *lists = NIL;

	read_lists(identity, &lists);
	if (lists != NIL)
		read_statements(lists);
	return lists;
}

bool
hg_allow_list_has(const HgAllowList *list, uint64 key)
{
	return key != 0 && list->nkeys > 0 &&
		bsearch(&key, list->keys, list->nkeys, sizeof(uint64),
				compare_keys) != NULL;
}
