/*-------------------------------------------------------------------------
 *
 * evidence.c
 *	  What an approver is shown of a statement's effect, as JSON.
 *
 * Everything in it that comes from data or from the statement has hidden
 * characters spelled out and is cut at a size, and says so; only the list of
 * rows by relation is never cut, since the approved run is held to it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "approval/approval_json.h"
#include "approval/evidence.h"
#include "approval/rehearse.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_rewrite.h"
#include "commands/explain.h"
#include HG_EXPLAIN_STATE_H
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#define MESSAGE_MAX 300
#define DEPENDANTS_MAX 50

void
hg_evidence_string(StringInfo buf, const char *s, int max)
{
	int			len = strlen(s);
	bool		escaped = false;
	bool		cut = len > max;
	char	   *copy;

	if (cut)
		len = pg_mbcliplen(s, len, max);
	copy = pnstrdup(s, len);
	if (GetDatabaseEncoding() == PG_UTF8)
		copy = hg_visible(copy, true, false, &escaped);
	else
	{
		StringInfoData shown;

		initStringInfo(&shown);
		for (const char *p = copy; *p; p++)
		{
			if (((unsigned char) *p < ' ' && *p != '\n' && *p != '\t') ||
				*p == 0x7f)
				appendStringInfo(&shown, "\\u{%X}", *p);
			else
				appendStringInfoChar(&shown, *p);
		}
		copy = shown.data;
	}
	if (cut)
		copy = psprintf("%s [...]", copy);
	escape_json(buf, copy);
}

void
hg_evidence_plan(HgEvidence *evidence, QueryDesc *desc)
{
	ExplainState *es = NewExplainState();
	MemoryContext old;

	es->costs = true;
	ExplainPrintPlan(es, desc);
	if (es->str->len > 0 && es->str->data[es->str->len - 1] == '\n')
		es->str->data[--es->str->len] = '\0';
	old = MemoryContextSwitchTo(evidence->context);
	evidence->plan = pstrdup(es->str->data);
	MemoryContextSwitchTo(old);
}

/* A relation with rows, by name. */
typedef struct Named
{
	char	   *name;
	const HgWrittenRel *rel;
} Named;

static int
by_name(const ListCell *a, const ListCell *b)
{
	return strcmp(((const Named *) lfirst(a))->name,
				  ((const Named *) lfirst(b))->name);
}

/* The relations that have got rows, in the order of their names. */
static List *
written_relations(const HgWritten *written)
{
	List	   *list = NIL;

	for (int i = 0; i < written->n; i++)
	{
		const HgWrittenRel *rel = &written->rels[i];
		Named	   *named;
		char	   *name;

		if (rel->ignored || (hg_written_rows(rel) == 0 &&
							 (!rel->truncated || rel->base_truncated)))
			continue;
		name = get_rel_name(rel->relid);
		named = palloc(sizeof(Named));
		named->rel = rel;
		named->name = name == NULL ? "dropped" :
			psprintf("%s.%s",
					 get_namespace_name(get_rel_namespace(rel->relid)), name);
		list = lappend(list, named);
	}
	list_sort(list, by_name);
	return list;
}

void
hg_evidence_rows(HgEvidence *evidence, const HgWritten *written, int64 ms)
{
	MemoryContext old = MemoryContextSwitchTo(evidence->context);
	List	   *list = written_relations(written);
	StringInfoData buf;
	ListCell   *lc;

	if (list_length(list) > HG_EVIDENCE_RELATIONS)
		evidence->reason = psprintf("not rehearsed: it writes more than %d relations",
									HG_EVIDENCE_RELATIONS);
	initStringInfo(&buf);
	appendStringInfoChar(&buf, '[');
	foreach(lc, list)
	{
		const Named *named = (const Named *) lfirst(lc);
		const HgWrittenRel *rel = named->rel;
		bool		truncated = rel->truncated && !rel->base_truncated;

		if (evidence->reason != NULL)
			break;
		appendStringInfo(&buf, "%s{\"relation\":",
						 buf.len > 1 ? "," : "");
		hg_evidence_string(&buf, named->name, 3 * NAMEDATALEN);
		appendStringInfo(&buf, ",\"oid\":%u,\"inserted\":" INT64_FORMAT
						 ",\"updated\":" INT64_FORMAT ",\"deleted\":"
						 INT64_FORMAT "%s}", rel->relid,
						 Max(rel->inserted, 0), Max(rel->updated, 0),
						 Max(rel->deleted, 0),
						 truncated ? ",\"truncated\":true" : "");
		evidence->total += hg_written_rows(rel);
	}
	appendStringInfoChar(&buf, ']');
	evidence->rows = buf.data;
	evidence->ms = ms;
	MemoryContextSwitchTo(old);
}

static char *
dotted(const char *schema, const char *relation, const char *column)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (schema != NULL)
		appendStringInfo(&buf, "%s.", schema);
	appendStringInfoString(&buf, relation);
	if (column != NULL)
		appendStringInfo(&buf, ".%s", column);
	return buf.data;
}

/* Edges of the statement's lineage; returns false if there are more. */
static bool
add_lineage(StringInfo buf, const HgFacts *facts)
{
	ListCell   *lc;
	int			n = 0;

	appendStringInfoString(buf, ",\"lineage\":[");
	foreach(lc, facts->edges)
	{
		const HgEdge *edge = (const HgEdge *) lfirst(lc);

		if (n == HG_EVIDENCE_EDGES)
			break;
		appendStringInfo(buf, "%s{\"source\":", n++ > 0 ? "," : "");
		hg_evidence_string(buf, dotted(edge->source_schema,
									   edge->source_relation,
									   edge->source_column), 4 * NAMEDATALEN);
		appendStringInfoString(buf, ",\"target\":");
		hg_evidence_string(buf, dotted(edge->target_schema,
									   edge->target_relation,
									   edge->target_column), 4 * NAMEDATALEN);
		appendStringInfo(buf, ",\"kind\":\"%s\",\"subtype\":\"%s\",\"masked\":%s}",
						 edge->kind, edge->subtype,
						 edge->masked ? "true" : "false");
	}
	appendStringInfoChar(buf, ']');
	return n == list_length(facts->edges);
}

char *
hg_evidence_json(const HgEvidence *evidence)
{
	StringInfoData buf;
	bool		cut = evidence->cut;

	initStringInfo(&buf);
	if (evidence->reason != NULL)
	{
		appendStringInfoString(&buf, "{\"rehearsed\":false,\"reason\":");
		hg_evidence_string(&buf, evidence->reason, MESSAGE_MAX);
	}
	else if (evidence->sqlstate != NULL)
	{
		appendStringInfo(&buf, "{\"rehearsed\":true,\"would_fail\":{\"sqlstate\":\"%s\",\"message\":",
						 evidence->sqlstate);
		hg_evidence_string(&buf, evidence->message, MESSAGE_MAX);
		appendStringInfoChar(&buf, '}');
	}
	else
		appendStringInfo(&buf, "{\"rehearsed\":true,\"rows\":%s,\"total_rows\":"
						 INT64_FORMAT ",\"duration_ms\":" INT64_FORMAT
						 ",\"note\":\"all of it was rolled back, but sequences stay advanced\"",
						 evidence->rows, evidence->total, evidence->ms);
	if (evidence->sample != NULL)
		appendStringInfo(&buf, ",\"sample\":%s", evidence->sample);
	if (evidence->sample_reason != NULL)
	{
		appendStringInfoString(&buf, ",\"sample_reason\":");
		hg_evidence_string(&buf, evidence->sample_reason, MESSAGE_MAX);
	}
	if (evidence->plan != NULL)
	{
		cut |= strlen(evidence->plan) > HG_EVIDENCE_PLAN;
		appendStringInfoString(&buf, ",\"plan\":");
		hg_evidence_string(&buf, evidence->plan, HG_EVIDENCE_PLAN);
	}
	if (evidence->facts != NULL && !add_lineage(&buf, evidence->facts))
		cut = true;
	if (cut)
		appendStringInfoString(&buf, ",\"cut\":true");
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

char *
hg_evidence_without(const HgFacts *facts, const char *reason)
{
	HgEvidence	evidence = {0};

	evidence.facts = facts;
	evidence.reason = reason;
	return hg_evidence_json(&evidence);
}

/* ---- DDL ---------------------------------------------------------------- */

/* The view that a rewrite rule makes, or InvalidOid. */
static Oid
view_of_rule(Oid rule)
{
	Relation	rel = table_open(RewriteRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			view = InvalidOid;

	ScanKeyInit(&key, Anum_pg_rewrite_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(rule));
	scan = systable_beginscan(rel, RewriteOidIndexId, true, NULL, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		view = ((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return view;
}

/* Names of what depends on a relation; what is part of it stays out. */
static List *
dependants(Oid relid, bool *more)
{
	Relation	rel = table_open(DependRelationId, AccessShareLock);
	List	   *names = NIL;
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, DependReferenceIndexId, true, NULL, 2, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(tuple);
		ObjectAddress object;
		char	   *name;
		ListCell   *lc;
		bool		known = false;

		CHECK_FOR_INTERRUPTS();
		if (dep->deptype == DEPENDENCY_INTERNAL ||
			dep->deptype == DEPENDENCY_EXTENSION)
			continue;
		object.classId = dep->classid;
		object.objectId = dep->objid;
		object.objectSubId = dep->objsubid;
		if (dep->classid == RewriteRelationId)
		{
			object.classId = RelationRelationId;
			object.objectId = view_of_rule(dep->objid);
			object.objectSubId = 0;
		}
		if (!OidIsValid(object.objectId) ||
			(object.classId == RelationRelationId &&
			 object.objectId == relid))
			continue;
		name = getObjectDescription(&object, true);
		if (name == NULL)
			continue;
		foreach(lc, names)
			known |= strcmp(lfirst(lc), name) == 0;
		if (known)
			continue;
		if (list_length(names) == DEPENDANTS_MAX)
		{
			*more = true;
			break;
		}
		names = lappend(names, name);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return names;
}

static bool
has_storage(Oid relid)
{
	char		relkind = OidIsValid(relid) ? get_rel_relkind(relid) : '\0';

	return relkind == RELKIND_RELATION || relkind == RELKIND_MATVIEW ||
		relkind == RELKIND_PARTITIONED_TABLE;
}

static void
add_table(StringInfo buf, const HgAct *act)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(act->objid));
	double		rows = -1;

	if (HeapTupleIsValid(tuple))
	{
		rows = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	appendStringInfoString(buf, "{\"relation\":");
	hg_evidence_string(buf, dotted(act->schema, act->name, NULL),
					   3 * NAMEDATALEN);
	if (act->lock != NULL)
		appendStringInfo(buf, ",\"lock\":\"%s\"", act->lock);
	if (act->table_mb >= 0)
		appendStringInfo(buf, ",\"size_mb\":%.3f", act->table_mb);
	if (rows >= 0)
		appendStringInfo(buf, ",\"rows\":%.0f", rows);
	appendStringInfo(buf, ",\"rewrites\":%s,\"scans\":%s}",
					 act->rewrites ? "true" : "false",
					 act->scans ? "true" : "false");
}

char *
hg_evidence_utility(const HgFacts *facts)
{
	StringInfoData buf;
	List	   *seen = NIL;
	List	   *names = NIL;
	ListCell   *lc;
	bool		more = false;
	int			n = 0;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "{\"rehearsed\":false,\"reason\":\"not rehearsed: only INSERT, UPDATE, DELETE and MERGE are\",\"tables\":[");
	foreach(lc, facts->acts)
	{
		const HgAct *act = (const HgAct *) lfirst(lc);

		if (!has_storage(act->objid) || act->is_function ||
			list_member_oid(seen, act->objid))
			continue;
		seen = lappend_oid(seen, act->objid);
		if (n++ > 0)
			appendStringInfoChar(&buf, ',');
		add_table(&buf, act);
		names = list_concat(names, dependants(act->objid, &more));
	}
	appendStringInfoString(&buf, "],\"dependants\":[");
	n = 0;
	foreach(lc, names)
	{
		if (n++ > 0)
			appendStringInfoChar(&buf, ',');
		hg_evidence_string(&buf, lfirst(lc), 3 * NAMEDATALEN);
	}
	appendStringInfo(&buf, "]%s}", more ? ",\"cut\":true" : "");
	return buf.data;
}
