/*-------------------------------------------------------------------------
 *
 * lineage_set.c
 *	  Sets of lineage sources, and the names of relations and columns.
 *
 * A set maps the number of a source column to the transformations on the way
 * from it.  Numbers are given in the order in which columns are met, so that
 * sets compare and merge without touching a name.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "inspect/lineage_int.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* Up to so many keys a map is searched from the front. */
#define LIN_MAP_SHORT 8

static const char *const kind_names[LIN_NKINDS] = {
	"IDENTITY", "TRANSFORMATION", "AGGREGATION", "AGGREGATION",
	"JOIN", "FILTER", "GROUP_BY", "SORT", "WINDOW", "CONDITIONAL"
};

LinMap *
hg_lineage_map_create(MemoryContext context)
{
	LinMap	   *map = MemoryContextAllocZero(context, sizeof(LinMap));

	map->context = context;
	return map;
}

static int
map_slot(const LinMap *map, uint64 key)
{
	/* Multiplying by 2^64 over the golden ratio spreads close keys. */
	uint64		hash = key * UINT64CONST(0x9E3779B97F4A7C15);
	int			slot = (int) ((hash >> 32) & (uint64) (map->nslots - 1));

	while (map->slots[slot] >= 0 && map->keys[map->slots[slot]] != key)
		slot = (slot + 1) & (map->nslots - 1);
	return slot;
}

/* Index of the key, or -1. */
int
hg_lineage_map_find(const LinMap *map, uint64 key)
{
	if (map->nslots > 0)
		return map->slots[map_slot(map, key)];
	for (int i = 0; i < map->n; i++)
	{
		if (map->keys[i] == key)
			return i;
	}
	return -1;
}

/* Add a key that is not there yet; returns its index. */
int
hg_lineage_map_put(LinMap *map, uint64 key, uint32 value)
{
	int			at = map->n;

	if (map->n == map->allocated)
	{
		int			allocated = map->allocated == 0 ? 4 : map->allocated * 2;
		uint64	   *keys;
		uint32	   *values;

		keys = MemoryContextAllocHuge(map->context,
									  sizeof(uint64) * allocated);
		values = MemoryContextAllocHuge(map->context,
										sizeof(uint32) * allocated);
		if (map->n > 0)
		{
			memcpy(keys, map->keys, sizeof(uint64) * map->n);
			memcpy(values, map->values, sizeof(uint32) * map->n);
			pfree(map->keys);
			pfree(map->values);
		}
		map->keys = keys;
		map->values = values;
		map->allocated = allocated;
	}
	map->keys[at] = key;
	map->values[at] = value;
	map->n++;

	if (map->n > LIN_MAP_SHORT && map->n * 2 > map->nslots)
	{
		if (map->slots != NULL)
			pfree(map->slots);
		map->nslots = map->nslots == 0 ? LIN_MAP_SHORT * 4 : map->nslots * 2;
		map->slots = MemoryContextAllocHuge(map->context,
											sizeof(int) * map->nslots);
		for (int i = 0; i < map->nslots; i++)
			map->slots[i] = -1;
		for (int i = 0; i < map->n; i++)
			map->slots[map_slot(map, map->keys[i])] = i;
	}
	else if (map->nslots > 0)
		map->slots[map_slot(map, key)] = at;
	return at;
}

/*
 * What transformations "inner" look like under "outer": an INDIRECT one
 * outside hides everything below it, an INDIRECT one inside shows through
 * DIRECT ones, and of two DIRECT ones the stronger is seen.
 */
LinMask
hg_lineage_merge(LinMask outer, LinMask inner)
{
	LinMask		result;

	if (inner == 0)
		return 0;
	result = outer & LIN_INDIRECT;
	if (outer & LIN_DIRECT)
	{
		result |= inner & LIN_INDIRECT;
		for (LinMask o = LIN_IDENTITY; o <= LIN_AGGREGATION; o <<= 1)
		{
			if ((outer & o) == 0)
				continue;
			for (LinMask i = LIN_IDENTITY; i <= LIN_AGGREGATION; i <<= 1)
			{
				if (inner & i)
					result |= Max(o, i);
			}
		}
	}
	return result;
}

static bool
set_add(LinMap *set, uint64 source, LinMask mask)
{
	int			at;

	if (mask == 0)
		return false;
	at = hg_lineage_map_find(set, source);
	if (at < 0)
	{
		hg_lineage_map_put(set, source, mask);
		return true;
	}
	if ((set->values[at] | mask) == set->values[at])
		return false;
	set->values[at] |= mask;
	return true;
}

bool
hg_lineage_set_merge(LinMap *into, const LinMap *from, LinMask outer)
{
	bool		grew = false;

	if (from == NULL || from == into)
		return false;
	for (int i = 0; i < from->n; i++)
	{
		if (set_add(into, from->keys[i],
					hg_lineage_merge(outer, from->values[i])))
			grew = true;
	}
	return grew;
}

/* Make room for one more element of an array; NULL and 0 to begin with. */
static void *
grow(MemoryContext context, void *array, int n, int *allocated, Size size)
{
	if (n < *allocated)
		return array;
	*allocated = *allocated == 0 ? 8 : *allocated * 2;
	if (array == NULL)
		return MemoryContextAllocHuge(context, size * *allocated);
	return repalloc_huge(array, size * *allocated);
}

LinRun *
hg_lineage_run_create(HgFacts *facts, const HgPolicy *policy,
					  const HgLineageTarget *into)
{
	MemoryContext context;
	LinRun	   *run;

	context = AllocSetContextCreate(CurrentMemoryContext,
									"hoopguard lineage",
									ALLOCSET_DEFAULT_SIZES);
	run = MemoryContextAllocZero(context, sizeof(LinRun));
	run->facts = facts;
	run->policy = policy;
	run->into = into;
	run->context = context;
	run->rel_index = hg_lineage_map_create(context);
	run->source_index = hg_lineage_map_create(context);
	run->target_index = hg_lineage_map_create(context);
	run->scope_index = hg_lineage_map_create(context);
	return run;
}

LinRel *
hg_lineage_rel(LinRun *run, Oid relid)
{
	LinRel	   *rel;
	HeapTuple	tuple;
	int			at = hg_lineage_map_find(run->rel_index, relid);

	if (at >= 0)
		return run->rels[run->rel_index->values[at]];

	rel = MemoryContextAllocZero(run->context, sizeof(LinRel));
	rel->relid = relid;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);
		char	   *schema = NULL;

		rel->relkind = form->relkind;
		rel->natts = form->relnatts;
		rel->name = MemoryContextStrdup(run->facts->context,
										NameStr(form->relname));
		if (isAnyTempNamespace(form->relnamespace))
			schema = "pg_temp";
		else
			schema = get_namespace_name(form->relnamespace);
		if (schema != NULL)
		{
			rel->schema = MemoryContextStrdup(run->facts->context, schema);
			rel->exists = true;
		}
		ReleaseSysCache(tuple);
	}
	run->rels = grow(run->context, run->rels, run->nrels,
					 &run->rels_allocated, sizeof(LinRel *));
	run->rels[run->nrels] = rel;
	hg_lineage_map_put(run->rel_index, relid, run->nrels);
	run->nrels++;
	return rel;
}

char *
hg_lineage_attname(LinRun *run, LinRel *rel, AttrNumber attno)
{
	HeapTuple	tuple;
	char	   *name = NULL;

	if (!rel->exists || attno == InvalidAttrNumber)
		return NULL;
	if (attno > 0 && attno <= rel->natts)
	{
		if (rel->attnames == NULL)
			rel->attnames =
				MemoryContextAllocZero(run->context,
									   sizeof(char *) * rel->natts);
		if (rel->attnames[attno - 1] != NULL)
			return rel->attnames[attno - 1];
	}
	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(rel->relid),
							Int16GetDatum(attno));
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_attribute form = (Form_pg_attribute) GETSTRUCT(tuple);

		if (!form->attisdropped)
			name = MemoryContextStrdup(run->facts->context,
									   NameStr(form->attname));
		ReleaseSysCache(tuple);
	}
	if (attno > 0 && attno <= rel->natts)
		rel->attnames[attno - 1] = name;
	return name;
}

static void
add_source(LinRun *run, LinMap *set, LinRel *rel, AttrNumber attno,
		   LinMask mask, bool flow_only)
{
	uint64		key = ((uint64) rel->relid << 16) | (uint16) attno |
		(flow_only ? (uint64) 1 << 62 : 0);
	int			at = hg_lineage_map_find(run->source_index, key);
	int			source;

	/* Sequences hold no data of anyone. */
	if (!rel->exists || rel->relkind == RELKIND_SEQUENCE)
		return;
	if (at >= 0)
		source = (int) run->source_index->values[at];
	else
	{
		char	   *name = hg_lineage_attname(run, rel, attno);
		LinSource  *s;

		if (name == NULL)
			return;
		run->sources = grow(run->context, run->sources, run->nsources,
							&run->sources_allocated, sizeof(LinSource));
		source = run->nsources++;
		s = &run->sources[source];
		s->rel = rel;
		s->attno = attno;
		s->name = name;
		s->masked = false;
		s->flow_only = flow_only;
		if (run->policy != NULL && run->policy->mask_mode == HG_MODE_ENFORCE)
			s->masked =
				hg_policy_column_mask(hg_policy_rel_mask(run->policy,
														 rel->relid),
									  attno) != NULL;
		hg_lineage_map_put(run->source_index, key, source);
	}
	set_add(set, source, mask);
}

void
hg_lineage_add_source(LinRun *run, LinMap *set, LinRel *rel,
					  AttrNumber attno, LinMask mask)
{
	add_source(run, set, rel, attno, mask, false);
}

void
hg_lineage_add_transition(LinRun *run, LinMap *set, LinRel *rel,
						  AttrNumber attno, LinMask mask)
{
	add_source(run, set, rel, attno, mask, true);
}

LinMap *
hg_lineage_target(LinRun *run, LinRel *rel, AttrNumber attno,
				  const char *column)
{
	uint64		key;
	int			at;
	LinTarget  *target;

	/* Keys of relations leave the top bit free. */
	if (rel != NULL)
		key = ((uint64) rel->relid << 16) | (uint16) attno;
	else if (column == NULL)
		key = PG_UINT64_MAX;
	else
		key = hash_bytes_extended((const unsigned char *) column,
								  (int) strlen(column), 0) |
			((uint64) 1 << 63);

	while ((at = hg_lineage_map_find(run->target_index, key)) >= 0)
	{
		target = &run->targets[run->target_index->values[at]];
		if (rel != NULL || (column == NULL && target->column == NULL) ||
			(column != NULL && target->column != NULL &&
			 strcmp(column, target->column) == 0))
			return target->set;
		key = (key + 1) | ((uint64) 1 << 63);
	}

	run->targets = grow(run->context, run->targets, run->ntargets,
						&run->targets_allocated, sizeof(LinTarget));
	hg_lineage_map_put(run->target_index, key, run->ntargets);
	target = &run->targets[run->ntargets++];
	target->rel = rel;
	target->attno = attno;
	target->column = NULL;
	if (column != NULL)
		target->column = MemoryContextStrdup(run->facts->context, column);
	else if (rel != NULL && attno != InvalidAttrNumber)
		target->column = hg_lineage_attname(run, rel, attno);
	target->set = hg_lineage_map_create(run->context);
	return target->set;
}

static bool
same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a == b || strcmp(a, b) == 0;
}

/* What the statement does itself hides what a rule does, too. */
static void
emit_dataset(HgFacts *facts, char *schema, char *relation, bool write,
			 bool rule)
{
	HgDataset  *dataset;
	ListCell   *lc;

	foreach(lc, facts->datasets)
	{
		HgDataset  *old = (HgDataset *) lfirst(lc);

		if (old->write == write && same_text(old->relation, relation) &&
			same_text(old->schema, schema))
		{
			old->rule &= rule;
			return;
		}
	}
	dataset = palloc0(sizeof(HgDataset));
	dataset->schema = schema;
	dataset->relation = relation;
	dataset->write = write;
	dataset->rule = rule;
	facts->datasets = lappend(facts->datasets, dataset);
}

/* Was the edge there before this run began? */
static bool
edge_known(List *known, int nknown, const HgEdge *edge)
{
	for (int i = 0; i < nknown; i++)
	{
		const HgEdge *old = (const HgEdge *) list_nth(known, i);

		if (same_text(old->kind, edge->kind) &&
			same_text(old->subtype, edge->subtype) &&
			same_text(old->source_column, edge->source_column) &&
			same_text(old->target_column, edge->target_column) &&
			same_text(old->source_relation, edge->source_relation) &&
			same_text(old->target_relation, edge->target_relation) &&
			same_text(old->source_schema, edge->source_schema) &&
			same_text(old->target_schema, edge->target_schema))
			return true;
	}
	return false;
}

/* Which columns arrive unmasked in which. */
static void
emit_flows(LinRun *run)
{
	for (int t = 0; t < run->ntargets; t++)
	{
		LinTarget  *target = &run->targets[t];

		if (target->column == NULL ||
			(target->rel == NULL && run->into == NULL))
			continue;
		for (int i = 0; i < target->set->n; i++)
		{
			LinSource  *source = &run->sources[target->set->keys[i]];
			LinMask		mask = target->set->values[i];
			HgFlow	   *flow;

			if ((mask & LIN_VALUES) == 0 || source->masked)
				continue;
			flow = palloc0(sizeof(HgFlow));
			if (target->rel != NULL)
				flow->target = HG_COLUMN_REF(target->rel->relid,
											 target->attno);
			flow->target_column = target->column;
			flow->source = HG_COLUMN_REF(source->rel->relid, source->attno);
			flow->unchanged = (mask & LIN_IDENTITY) != 0;
			run->facts->flows = lappend(run->facts->flows, flow);
		}
	}
}

/* Write what the run found to the facts, and free the run. */
void
hg_lineage_run_finish(LinRun *run)
{
	HgFacts    *facts = run->facts;
	int			nknown = list_length(facts->edges);
	MemoryContext old = MemoryContextSwitchTo(facts->context);
	char	   *out_schema = NULL;
	char	   *out_relation;

	if (!run->edges_only && (run->into == NULL || !run->into->definition))
		emit_flows(run);
	if (run->into != NULL)
	{
		if (run->into->schema != NULL)
			out_schema = pstrdup(run->into->schema);
		out_relation = pstrdup(run->into->relation);
		emit_dataset(facts, out_schema, out_relation, true, run->rule);
	}
	else
		out_relation = pstrdup("result");

	for (int t = 0; t < run->ntargets; t++)
	{
		LinTarget  *target = &run->targets[t];

		for (int i = 0; i < target->set->n; i++)
		{
			LinSource  *source = &run->sources[target->set->keys[i]];
			LinMask		mask = target->set->values[i];

			if (source->flow_only)
				continue;
			source->rel->read = true;
			if (run->rule)
				continue;
			if (run->into != NULL && run->into->definition &&
				(target->rel != NULL || run->into->reads_only))
				continue;
			for (int k = 0; k < LIN_NKINDS; k++)
			{
				HgEdge	   *edge;

				if ((mask & ((LinMask) 1 << k)) == 0)
					continue;
				/* the two have one name */
				if (((LinMask) 1 << k) == LIN_AGGREGATION &&
					(mask & LIN_COLLECTION))
					continue;
				edge = palloc0(sizeof(HgEdge));
				edge->source_schema = source->rel->schema;
				edge->source_relation = source->rel->name;
				edge->source_column = source->name;
				if (target->rel != NULL)
				{
					edge->target_schema = target->rel->schema;
					edge->target_relation = target->rel->name;
				}
				else
				{
					edge->target_schema = out_schema;
					edge->target_relation = out_relation;
				}
				edge->target_column = target->column;
				edge->kind = (((LinMask) 1 << k) & LIN_DIRECT) ?
					"DIRECT" : "INDIRECT";
				edge->subtype = kind_names[k];
				edge->masked = source->masked;
				if (edge_known(facts->edges, nknown, edge))
					pfree(edge);
				else
					facts->edges = lappend(facts->edges, edge);
			}
		}
		CHECK_FOR_INTERRUPTS();
	}

	for (int r = 0; r < run->nrels; r++)
	{
		LinRel	   *rel = run->rels[r];

		if (!rel->exists || rel->relkind == RELKIND_SEQUENCE)
			continue;
		if (rel->read)
			emit_dataset(facts, rel->schema, rel->name, false, run->rule);
		if (rel->written && (run->into == NULL || !run->into->definition) &&
			!OidIsValid(run->ruled))
			emit_dataset(facts, rel->schema, rel->name, true, run->rule);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(run->context);
}
