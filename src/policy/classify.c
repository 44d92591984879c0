/*-------------------------------------------------------------------------
 *
 * classify.c
 *	  What a column holds: label, then name and type.
 *
 * What is true of a parent is true of its children, and a query of the parent
 * reads the children: a column is looked up by name in the whole family of
 * its relation, ancestors and descendants.  A label that names a class wins
 * anywhere below; 'public' binds only its relation and what is under it.
 *
 * Answers are cached for the relation.  The relcache callback may not ask a
 * catalog, so it only looks whether the relation is one that an answer was
 * made from, and marks everything old.  A new child is noticed because
 * attaching it invalidates its parent.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "base/catalog.h"
#include "base/guc.h"
#include "base/retire.h"
#include "base/row.h"
#include "catalog/catalog.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext_data.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "policy/classify.h"
#include "policy/finding.h"
#include "policy/inherit.h"
#include "policy/mask_rule.h"
#include "storage/sinval.h"
#include "utils/fmgroids.h"
#include "utils/formatting.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

/* Columns of hoopguard.class, in the order of 20_policy.sql. */
enum
{
	CLASS_NAME = 1,
	CLASS_GROUP
};

/* Relations remembered before the cache starts anew. */
#define MAX_RELATIONS 8192

/*
 * ---- classes ----
 */

typedef struct ClassEntry
{
	char	   *name;
	char	   *group;
} ClassEntry;

static MemoryContext class_context = NULL;
static uint64 class_generation = 0;
static List *class_list = NIL;	/* of ClassEntry */

/* Read hoopguard.class if the policy has changed; NIL where it is absent. */
static List *
classes(void)
{
	uint64		generation = hg_catalog_generation();
	MemoryContext context;
	MemoryContext old;
	Relation	rel;
	TupleDesc	desc;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *result = NIL;

	if (class_context != NULL && class_generation == generation)
		return class_list;
	if (!hg_catalog_present())
		return NIL;

	context = AllocSetContextCreate(CurrentMemoryContext, "hoopguard classes",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	rel = table_open(hg_catalog_rel(HG_REL_CLASS), AccessShareLock);
	desc = RelationGetDescr(rel);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		ClassEntry *entry = palloc(sizeof(ClassEntry));

		entry->name = hg_row_string(tuple, desc, CLASS_NAME);
		entry->group = hg_row_string(tuple, desc, CLASS_GROUP);
		result = lappend(result, entry);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	MemoryContextSwitchTo(old);

	MemoryContextSetParent(context, TopMemoryContext);
	if (class_context != NULL)
		hg_retire_context(class_context);
	class_context = context;
	class_generation = generation;
	class_list = result;
	return class_list;
}

const char *
hg_class_group(const char *class_name)
{
	ListCell   *lc;

	foreach(lc, classes())
	{
		ClassEntry *entry = lfirst(lc);

		if (strcmp(entry->name, class_name) == 0)
			return entry->group;
	}
	return NULL;
}

static bool
in_group(const char *group, const char *of_class)
{
	if (of_class == NULL)
		return false;
	if (strcmp(group, of_class) == 0)
		return true;
	return strcmp(group, "pii") == 0 && strcmp(of_class, "secret") != 0 &&
		strcmp(of_class, "statistics") != 0 && strcmp(of_class, "public") != 0;
}

bool
hg_class_matches(const char *pattern, const char *class_name)
{
	if (strcmp(pattern, "*") == 0)
		return true;
	if (strncmp(pattern, "group:", 6) == 0)
		return in_group(pattern + 6, hg_class_group(class_name));
	return strcmp(pattern, class_name) == 0;
}

bool
hg_class_pattern_known(const char *pattern)
{
	ListCell   *lc;

	if (strcmp(pattern, "*") == 0)
		return true;
	foreach(lc, classes())
	{
		ClassEntry *entry = lfirst(lc);

		if (strncmp(pattern, "group:", 6) == 0 ?
			in_group(pattern + 6, entry->group) :
			strcmp(pattern, entry->name) == 0)
			return true;
	}
	return false;
}

char *
hg_class_hint(const char *written)
{
	const char *where = "hoopguard.class lists the classes; hoopguard.add_class() adds one.";
	char	   *lower = asc_tolower(written, strlen(written));
	int			len = strlen(lower);
	int			best = 4;		/* from so many differences it is a guess */
	const char *name = NULL;
	ListCell   *lc;

	foreach(lc, len < NAMEDATALEN ? classes() : NIL)
	{
		const ClassEntry *entry = lfirst(lc);
		int			distance;

		distance = varstr_levenshtein_less_equal(lower, len, entry->name,
												 strlen(entry->name), 1, 1, 1,
												 best - 1, true);
		if (distance < best && distance < len && distance * 2 <= len)
		{
			best = distance;
			name = entry->name;
		}
	}
	if (name == NULL)
		return pstrdup(where);
	return psprintf("Perhaps you meant \"%s\". %s", name, where);
}


/*
 * ---- relations ----
 */

typedef struct RelEntry
{
	Oid			relid;			/* key */
	int			nfamily;
	Oid		   *family;
	int			ncolumns;
	HgColumnClass *columns;
	int			nsensitive;		/* those, and what carries a class besides */
	HgColumnClass *sensitive;
	int			ninherited;		/* rows about this very relation */
	HgInherited *inherited;
	int			ngenerated;
	struct GeneratedColumn *generated;
} RelEntry;

typedef struct GeneratedColumn
{
	AttrNumber	attnum;
	int			nbases;
	AttrNumber *bases;
} GeneratedColumn;

static MemoryContext rel_context = NULL;
static HTAB *rel_entries = NULL;
static HTAB *rel_sources = NULL;	/* OIDs that the entries were made from */
static uint64 rel_generation = 0;
static bool rel_heuristics = false;
static bool rel_stale = false;
static bool rel_callback = false;
static uint64 epoch = 1;

/* May not ask a catalog nor allocate. */
static void
on_relcache(Datum arg, Oid relid)
{
	if (rel_sources == NULL || rel_stale)
		return;
	if (!OidIsValid(relid) ||
		hash_search(rel_sources, &relid, HASH_FIND, NULL) != NULL)
		rel_stale = true;
}

/* A rule can wait under the name of a schema; see policy.c. */
static void
on_namespace(Datum arg, int cacheid, uint32 hashvalue)
{
	rel_stale = true;
}

static HTAB *
create_table(const char *name, Size entrysize, MemoryContext context)
{
	HASHCTL		ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = entrysize;
	ctl.hcxt = context;
	return hash_create(name, 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Start anew if anything has changed that the entries depend on. */
static void
freshen(void)
{
	uint64		generation = hg_catalog_generation();
	MemoryContext context;
	HTAB	   *entries;
	HTAB	   *sources;

	if (rel_context != NULL && !rel_stale && rel_generation == generation &&
		rel_heuristics == hg_guc_heuristics &&
		hash_get_num_entries(rel_entries) < MAX_RELATIONS)
		return;

	if (!rel_callback)
	{
		CacheRegisterRelcacheCallback(on_relcache, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, on_namespace, (Datum) 0);
		rel_callback = true;
	}
	context = AllocSetContextCreate(TopMemoryContext,
									"hoopguard classification",
									ALLOCSET_SMALL_SIZES);
	entries = create_table("hoopguard relations", sizeof(RelEntry), context);
	sources = create_table("hoopguard relation sources", sizeof(Oid), context);
	if (rel_context != NULL)
		hg_retire_context(rel_context);
	rel_context = context;
	rel_entries = entries;
	rel_sources = sources;
	rel_generation = generation;
	rel_heuristics = hg_guc_heuristics;
	rel_stale = false;
	epoch++;
}

uint64
hg_classify_epoch(void)
{
	freshen();
	return epoch;
}

/* Direct parents of a relation. */
static List *
parents_of(Oid relid)
{
	Relation	rel = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *result = NIL;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, InheritsRelidSeqnoIndexId, true, NULL, 1,
							  &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		result = lappend_oid(result,
							 ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* All ancestors, nearest first. */
static List *
ancestors_of(Oid relid)
{
	List	   *result = parents_of(relid);

	for (int i = 0; i < list_length(result); i++)
		result = list_concat_unique_oid(result,
										parents_of(list_nth_oid(result, i)));
	return result;
}

/* hoopguard's label of each column of a relation, by attnum. */
typedef struct Labels
{
	Oid			relid;
	List	   *attnums;		/* of int */
	List	   *labels;			/* of char * */
	List	   *inherited;		/* of HgInherited */
	List	   *findings;		/* of HgFinding */
} Labels;

static Labels *
labels_of(Oid relid)
{
	Relation	rel = table_open(SecLabelRelationId, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	Labels	   *result = palloc0(sizeof(Labels));
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	result->relid = relid;
	ScanKeyInit(&keys[0], Anum_pg_seclabel_objoid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_seclabel_classoid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RelationRelationId));
	scan = systable_beginscan(rel, SecLabelObjectIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		int			attnum = hg_row_int32(tuple, desc,
										  Anum_pg_seclabel_objsubid);

		if (attnum <= 0 ||
			strcmp(hg_row_string(tuple, desc, Anum_pg_seclabel_provider),
				   "hoopguard") != 0)
			continue;
		result->attnums = lappend_int(result->attnums, attnum);
		result->labels = lappend(result->labels,
								 hg_row_string(tuple, desc,
											   Anum_pg_seclabel_label));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	result->inherited = hg_inherit_read(relid);
	result->findings = hg_finding_read(relid);
	return result;
}

/* Label of a column by name, or NULL. */
static const char *
label_of(const Labels *labels, const char *column)
{
	AttrNumber	attnum;
	ListCell   *lc;
	int			i = 0;

	if (labels->attnums == NIL)
		return NULL;
	attnum = get_attnum(labels->relid, column);
	foreach(lc, labels->attnums)
	{
		if (lfirst_int(lc) == attnum)
			return list_nth(labels->labels, i);
		i++;
	}
	return NULL;
}

static bool
is_public(const char *label)
{
	return label != NULL && strcmp(label, "public") == 0;
}

/*
 * Class that a column of a relation inherited, in *result, false if none.
 * Where values of several classes were put together no mask of one of them
 * fits.
 */
static bool
inherited_class(const Labels *labels, const char *column,
				HgColumnClass *result)
{
	AttrNumber	attnum;
	bool		found = false;
	ListCell   *lc;

	if (labels->inherited == NIL)
		return false;
	attnum = get_attnum(labels->relid, column);
	if (attnum <= 0 || is_public(label_of(labels, column)))
		return false;
	foreach(lc, labels->inherited)
	{
		const HgInherited *row = lfirst(lc);

		if (HG_COLUMN_REF_ATTNUM(row->column) != attnum)
			continue;
		if (found && strcmp(result->class_name, row->class_name) != 0)
			result->class_name = HG_CLASS_CONFIDENTIAL;
		else
			result->class_name = row->class_name;
		result->source = HG_CLASS_LINEAGE;
		result->origin = labels->relid;
		result->came_from = row->source;
		found = true;
	}
	return found;
}

/* Do names say anything about this relation? */
static bool
heuristics_apply(Oid relid)
{
	Oid			nspid = get_rel_namespace(relid);

	return hg_guc_heuristics && !IsCatalogNamespace(nspid) &&
		!IsToastNamespace(nspid) && nspid != hg_catalog_schema() &&
		nspid != get_namespace_oid("information_schema", true);
}

/* Type of a column as the heuristic wants it. */
static const char *
type_word(Oid typid)
{
	Oid			base = getBaseType(typid);
	Oid			element = get_element_type(base);
	char		typtype;

	if (OidIsValid(element))
		base = getBaseType(element);
	typtype = get_typtype(base);
	if (typtype == TYPTYPE_ENUM)
		return "enum";
	if (typtype == TYPTYPE_RANGE || typtype == TYPTYPE_MULTIRANGE)
		return "range";
	return format_type_be(base);
}

/* What classifying one relation needs; lives in a scratch context. */
typedef struct Family
{
	Labels	   *self;
	bool		self_named;		/* its own name may be judged */
	List	   *ancestors;		/* of Labels, nearest first */
	List	   *descendants;	/* of Labels */
} Family;

/* The class of an accepted finding about this column of the relation. */
static bool
found_class(const Labels *labels, const char *column, HgColumnClass *result)
{
	AttrNumber	attnum;
	bool		found = false;
	ListCell   *lc;

	if (labels->findings == NIL)
		return false;
	attnum = get_attnum(labels->relid, column);
	if (attnum <= 0 || is_public(label_of(labels, column)))
		return false;
	foreach(lc, labels->findings)
	{
		const HgFinding *row = lfirst(lc);

		if (row->attnum != attnum)
			continue;
		/* of two the better known; free text says least */
		if (found && strcmp(row->class_name, "free_text") == 0)
			continue;
		result->class_name = row->class_name;
		result->source = HG_CLASS_FINDING;
		result->origin = labels->relid;
		found = true;
	}
	return found;
}

/* Class of one column by labels, else by names; false if it has none. */
static bool
classify_column(const Family *family, const char *column, Oid typid,
				HgColumnClass *result)
{
	const char *own = label_of(family->self, column);
	bool		public_above = false;
	const char *type = NULL;
	ListCell   *lc;

	result->source = HG_CLASS_LABEL;
	if (own != NULL && !is_public(own))
	{
		result->class_name = own;
		result->origin = family->self->relid;
		return true;
	}
	foreach(lc, family->descendants)
	{
		Labels	   *labels = lfirst(lc);
		const char *label = label_of(labels, column);

		if (label != NULL && !is_public(label))
		{
			result->class_name = label;
			result->origin = labels->relid;
			return true;
		}
	}
	if (own != NULL)
		return false;			/* public */
	foreach(lc, family->ancestors)
	{
		Labels	   *labels = lfirst(lc);
		const char *label = label_of(labels, column);

		if (is_public(label))
			public_above = true;
		else if (label != NULL)
		{
			result->class_name = label;
			result->origin = labels->relid;
			return true;
		}
	}
	if (public_above)
		return false;

	/* what it inherited itself, or a member of the family */
	if (inherited_class(family->self, column, result))
		return true;
	foreach(lc, family->descendants)
		if (inherited_class(lfirst(lc), column, result))
			return true;
	foreach(lc, family->ancestors)
		if (inherited_class(lfirst(lc), column, result))
			return true;
	if (found_class(family->self, column, result))
		return true;
	foreach(lc, family->descendants)
		if (found_class(lfirst(lc), column, result))
			return true;
	foreach(lc, family->ancestors)
		if (found_class(lfirst(lc), column, result))
			return true;
	if (!hg_guc_heuristics)
		return false;

	/*
	 * Names.  Only the relation's name can make a difference in the family,
	 * and a partition's says nothing that its parent's does not.
	 */
	result->source = HG_CLASS_HEURISTIC;
	type = type_word(typid);
	for (int i = -1; i < list_length(family->ancestors) +
		 list_length(family->descendants); i++)
	{
		Labels	   *labels;
		Oid			relid;
		char	   *name;
		bool		below = i >= list_length(family->ancestors);

		if (i < 0)
			labels = family->self;
		else if (!below)
			labels = list_nth(family->ancestors, i);
		else
			labels = list_nth(family->descendants,
							  i - list_length(family->ancestors));
		relid = labels->relid;
		if (i < 0 ? !family->self_named :
			(get_attnum(relid, column) == InvalidAttrNumber ||
			 label_of(labels, column) != NULL ||
			 (below && get_rel_relispartition(relid)) ||
			 !heuristics_apply(relid)))
			continue;
		name = get_rel_name(relid);
		if (name == NULL)
			continue;
		result->class_name = hg_classify_name(name, column, type);
		if (result->class_name != NULL)
		{
			result->origin = relid;
			return true;
		}
	}
	return false;
}

/*
 * Columns that hold values of other tables or of large objects, whatever
 * their labels.  Who may read a large object reads it by lo_get().  And which
 * tables of extensions pg_dump takes along: an agent that dumps what it may
 * read must not stop at hoopguard's own, which it may not read.
 */
static bool
is_statistics_column(Oid relid, Oid nspid, AttrNumber attnum,
					 const char *column)
{
	if (relid == StatisticRelationId)
		return attnum >= Anum_pg_statistic_stavalues1 &&
			attnum <= Anum_pg_statistic_stavalues5;
	if (relid == StatisticExtDataRelationId)
		return attnum == Anum_pg_statistic_ext_data_stxdmcv ||
			attnum == Anum_pg_statistic_ext_data_stxdexpr;
	if (relid == LargeObjectRelationId)
		return attnum == Anum_pg_largeobject_data;
	if (relid == ExtensionRelationId)
		return attnum == Anum_pg_extension_extconfig ||
			attnum == Anum_pg_extension_extcondition;
	return IsToastNamespace(nspid) && strcmp(column, "chunk_data") == 0;
}

/* Remember which columns are generated, and from what; not public ones. */
static void
find_generated(RelEntry *entry, TupleDesc desc, const Labels *labels,
			   MemoryContext target)
{
	TupleConstr *constr = desc->constr;

	if (constr == NULL || constr->num_defval == 0)
		return;
	entry->generated = MemoryContextAllocZero(target, constr->num_defval *
											  sizeof(GeneratedColumn));
	for (int i = 0; i < constr->num_defval; i++)
	{
		AttrDefault *def = &constr->defval[i];
		Form_pg_attribute att = TupleDescAttr(desc, def->adnum - 1);
		GeneratedColumn *column = &entry->generated[entry->ngenerated];
		Bitmapset  *used = NULL;
		int			member = -1;

		if (att->attgenerated == '\0' || att->attisdropped ||
			is_public(label_of(labels, NameStr(att->attname))))
			continue;
		pull_varattnos((Node *) stringToNode(def->adbin), 1, &used);
		column->attnum = def->adnum;
		column->bases = MemoryContextAlloc(target,
										   Max(bms_num_members(used), 1) *
										   sizeof(AttrNumber));
		while ((member = bms_next_member(used, member)) >= 0)
		{
			AttrNumber	attnum = member + FirstLowInvalidHeapAttributeNumber;

			if (attnum > 0)
				column->bases[column->nbases++] = attnum;
		}
		entry->ngenerated++;
	}
}

static HgColumnClass *
sensitive_column(RelEntry *entry, AttrNumber attnum)
{
	for (int i = 0; i < entry->nsensitive; i++)
		if (entry->sensitive[i].attnum == attnum)
			return &entry->sensitive[i];
	return NULL;
}

static void
add_sensitive(RelEntry *entry, AttrNumber attnum, const char *name,
			  const char *class_name, HgClassSource source,
			  MemoryContext target)
{
	HgColumnClass *column = &entry->sensitive[entry->nsensitive++];

	column->attnum = attnum;
	column->name = MemoryContextStrdup(target, name);
	column->class_name = MemoryContextStrdup(target, class_name);
	column->source = source;
	column->origin = entry->relid;
}

/*
 * What carries a class besides the classified columns: those that rules mask,
 * and those generated from any such column.
 */
static void
find_sensitive(RelEntry *entry, Relation rel, const Labels *labels,
			   MemoryContext target)
{
	TupleDesc	desc = RelationGetDescr(rel);
	List	   *targets = hg_mask_rule_targets();
	ListCell   *lc;

	entry->sensitive = MemoryContextAllocZero(target, Max(desc->natts, 1) *
											  sizeof(HgColumnClass));
	memcpy(entry->sensitive, entry->columns,
		   entry->ncolumns * sizeof(HgColumnClass));
	entry->nsensitive = entry->ncolumns;

	foreach(lc, targets)
	{
		const char *name = hg_mask_rule_column(lfirst(lc), entry->family,
											   entry->nfamily);
		AttrNumber	attnum;

		if (name == NULL)
			continue;
		attnum = get_attnum(entry->relid, name);
		if (attnum > 0 && sensitive_column(entry, attnum) == NULL)
			add_sensitive(entry, attnum, name, HG_CLASS_CONFIDENTIAL,
						  HG_CLASS_RULE, target);
	}

	for (int i = 0; i < entry->ngenerated; i++)
	{
		GeneratedColumn *generated = &entry->generated[i];
		char	   *name;
		const char *class_name = NULL;
		AttrNumber	from = InvalidAttrNumber;

		name = NameStr(TupleDescAttr(desc, generated->attnum - 1)->attname);
		if (sensitive_column(entry, generated->attnum) != NULL ||
			label_of(labels, name) != NULL)
			continue;
		for (int j = 0; j < generated->nbases; j++)
		{
			HgColumnClass *base = sensitive_column(entry,
												   generated->bases[j]);

			if (base == NULL)
				continue;
			if (class_name != NULL && strcmp(class_name,
											 base->class_name) != 0)
				class_name = HG_CLASS_CONFIDENTIAL;
			else
				class_name = base->class_name;
			from = base->attnum;
		}
		if (class_name == NULL)
			continue;
		add_sensitive(entry, generated->attnum, name, class_name,
					  HG_CLASS_LINEAGE, target);
		entry->sensitive[entry->nsensitive - 1].came_from =
			HG_COLUMN_REF(entry->relid, from);
	}
}

/* Classify all columns; what the entry keeps is allocated in target. */
static void
classify(RelEntry *entry, MemoryContext target)
{
	Oid			relid = entry->relid;
	MemoryContext old = CurrentMemoryContext;
	MemoryContext scratch;
	Relation	rel;
	TupleDesc	desc;
	Oid			nspid;
	Family		family;
	List	   *members;
	ListCell   *lc;

	scratch = AllocSetContextCreate(old, "hoopguard classify",
									ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(scratch);

	rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)			/* dropped meanwhile */
	{
		MemoryContextSwitchTo(old);
		MemoryContextDelete(scratch);
		return;
	}
	desc = RelationGetDescr(rel);
	nspid = RelationGetNamespace(rel);

	/* the family, with this relation first */
	family.self = labels_of(relid);
	family.self_named = heuristics_apply(relid);
	family.ancestors = NIL;
	family.descendants = NIL;
	members = list_make1_oid(relid);
	if (rel->rd_rel->relkind != RELKIND_TOASTVALUE &&
		!IsCatalogNamespace(nspid))
	{
		List	   *above = ancestors_of(relid);
		List	   *below = NIL;

		if (rel->rd_rel->relhassubclass)
			below = list_delete_first(find_all_inheritors(relid, NoLock,
														  NULL));
		foreach(lc, above)
			family.ancestors = lappend(family.ancestors,
									   labels_of(lfirst_oid(lc)));
		foreach(lc, below)
		{
			CHECK_FOR_INTERRUPTS();
			family.descendants = lappend(family.descendants,
										 labels_of(lfirst_oid(lc)));
		}
		members = list_concat_unique_oid(members, above);
		members = list_concat_unique_oid(members, below);
	}

	MemoryContextSwitchTo(target);
	entry->family = palloc(list_length(members) * sizeof(Oid));
	foreach(lc, members)
		entry->family[entry->nfamily++] = lfirst_oid(lc);

	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_MATVIEW:
		case RELKIND_TOASTVALUE:
			entry->columns = palloc0(Max(desc->natts, 1) *
									 sizeof(HgColumnClass));
			break;
		default:				/* a view shows what its tables hold */
			relation_close(rel, AccessShareLock);
			MemoryContextSwitchTo(old);
			MemoryContextDelete(scratch);
			return;
	}

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		HgColumnClass found;
		bool		classified;

		if (att->attisdropped)
			continue;
		memset(&found, 0, sizeof(found));
		MemoryContextSwitchTo(scratch);
		if (is_statistics_column(relid, nspid, att->attnum,
								 NameStr(att->attname)))
		{
			found.class_name = "statistics";
			found.source = HG_CLASS_BUILTIN;
			found.origin = relid;
			classified = true;
		}
		else if (IsCatalogNamespace(nspid) || IsToastNamespace(nspid) ||
				 nspid == hg_catalog_schema())
			classified = false;
		else
			classified = classify_column(&family, NameStr(att->attname),
										 att->atttypid, &found);
		MemoryContextSwitchTo(target);
		if (!classified)
			continue;
		found.attnum = att->attnum;
		found.name = pstrdup(NameStr(att->attname));
		found.class_name = pstrdup(found.class_name);
		entry->columns[entry->ncolumns++] = found;
	}

	MemoryContextSwitchTo(scratch);
	find_generated(entry, desc, family.self, target);
	if (!IsCatalogNamespace(nspid) && !IsToastNamespace(nspid) &&
		nspid != hg_catalog_schema())
		find_sensitive(entry, rel, family.self, target);
	else
	{
		entry->sensitive = entry->columns;
		entry->nsensitive = entry->ncolumns;
	}
	entry->inherited = MemoryContextAlloc(target, sizeof(HgInherited) *
										  Max(list_length(family.self->inherited),
											  1));
	foreach(lc, family.self->inherited)
	{
		HgInherited *row = &entry->inherited[entry->ninherited++];

		*row = *(HgInherited *) lfirst(lc);
		row->class_name = MemoryContextStrdup(target, row->class_name);
	}
	relation_close(rel, AccessShareLock);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

/*
 * The entry of a relation.  An invalidation that arrives while its family is
 * read may concern a member not yet known as a source; then the answer serves
 * this once, and the next question starts anew.
 */
static const RelEntry *
find_entry(Oid relid)
{
	RelEntry   *entry;
	RelEntry	made;
	uint64		messages;

	freshen();
	entry = hash_search(rel_entries, &relid, HASH_FIND, NULL);
	if (entry != NULL)
		return entry;

	messages = SharedInvalidMessageCounter;
	memset(&made, 0, sizeof(made));
	made.relid = relid;
	classify(&made, rel_context);
	for (int i = 0; i < made.nfamily; i++)
		(void) hash_search(rel_sources, &made.family[i], HASH_ENTER, NULL);
	if (messages != SharedInvalidMessageCounter)
		rel_stale = true;

	entry = hash_search(rel_entries, &relid, HASH_ENTER, NULL);
	*entry = made;
	return entry;
}

const HgColumnClass *
hg_classify_relation(Oid relid, int *n)
{
	const RelEntry *entry = find_entry(relid);

	*n = entry->ncolumns;
	return entry->columns;
}

const char *
hg_classify_column(Oid relid, AttrNumber attnum, HgClassSource *source)
{
	const RelEntry *entry = find_entry(relid);

	for (int i = 0; i < entry->nsensitive; i++)
		if (entry->sensitive[i].attnum == attnum)
		{
			*source = entry->sensitive[i].source;
			return entry->sensitive[i].class_name;
		}
	*source = HG_CLASS_NONE;
	return NULL;
}

const HgColumnClass *
hg_classify_sensitive(Oid relid, int *n)
{
	const RelEntry *entry = find_entry(relid);

	*n = entry->nsensitive;
	return entry->sensitive;
}

bool
hg_classify_any(Oid relid)
{
	return find_entry(relid)->nsensitive > 0;
}

bool
hg_classify_has_inherited(Oid relid, AttrNumber attnum,
						  const char *class_name)
{
	const RelEntry *entry = find_entry(relid);

	for (int i = 0; i < entry->ninherited; i++)
		if (HG_COLUMN_REF_ATTNUM(entry->inherited[i].column) == attnum &&
			strcmp(entry->inherited[i].class_name, class_name) == 0)
			return true;
	return false;
}

const AttrNumber *
hg_classify_bases(Oid relid, AttrNumber attnum, int *n)
{
	const RelEntry *entry = find_entry(relid);

	for (int i = 0; i < entry->ngenerated; i++)
		if (entry->generated[i].attnum == attnum)
		{
			*n = entry->generated[i].nbases;
			return entry->generated[i].bases;
		}
	*n = 0;
	return NULL;
}

const Oid *
hg_classify_family(Oid relid, int *n)
{
	const RelEntry *entry = find_entry(relid);

	*n = entry->nfamily;
	return entry->family;
}
