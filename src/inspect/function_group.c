/*-------------------------------------------------------------------------
 *
 * function_group.c
 *	  The group of a function for guard rules.
 *
 * Three ways lead to a group.  A built-in function has it by name; another
 * pg_proc row over the same C code (LANGUAGE internal) has that of the
 * built-in; a function of an extension or of its library has the extension's.
 * A name alone never counts outside pg_catalog: anyone may create a function
 * named pg_read_file.  Code in C that none of them knows is UNCLASSIFIED.
 *
 * What the administrator wrote into hoopguard.function_class goes before all
 * this, the longest pattern first; only hoopguard's own functions stay what
 * they are.
 *
 * Answers are kept by OID until pg_proc or policy changes; the invalidation
 * callback only sets a flag.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "base/catalog.h"
#include "base/row.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/dependency.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "inspect/facts.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* A name, or with a trailing * all names that begin so. */
typedef struct NameGroup
{
	const char *name;
	HgCommand	group;
} NameGroup;

/*
 * Built-in functions, by group; first match decides.  Large objects can be
 * read, but what writes them goes past every table rule.
 */
static const NameGroup builtin_groups[] = {
	{"pg_read_file*", HG_CMD_FN_FILE},
	{"pg_read_binary_file", HG_CMD_FN_FILE},
	{"pg_ls_*", HG_CMD_FN_FILE},
	{"pg_stat_file", HG_CMD_FN_FILE},
	{"pg_file_*", HG_CMD_FN_FILE},
	{"pg_logdir_ls", HG_CMD_FN_FILE},
	{"lo_import", HG_CMD_FN_FILE},
	{"lo_export", HG_CMD_FN_FILE},
	{"pg_current_logfile", HG_CMD_FN_FILE},
	{"pg_hba_file_rules", HG_CMD_FN_FILE},
	{"pg_ident_file_mappings", HG_CMD_FN_FILE},
	{"pg_show_all_file_settings", HG_CMD_FN_FILE},
	{"pg_wal_summary_contents", HG_CMD_FN_FILE},

	{"pg_replication_origin_oid", HG_CMD_FUNCTION},
	{"pg_replication_origin_progress", HG_CMD_FUNCTION},
	{"pg_replication_origin_session_is_setup", HG_CMD_FUNCTION},
	{"pg_replication_origin_session_progress", HG_CMD_FUNCTION},
	{"pg_replication_*", HG_CMD_FN_REPLICATION},
	{"pg_logical_*", HG_CMD_FN_REPLICATION},
	{"pg_create_logical_replication_slot", HG_CMD_FN_REPLICATION},
	{"pg_create_physical_replication_slot", HG_CMD_FN_REPLICATION},
	{"pg_copy_logical_replication_slot", HG_CMD_FN_REPLICATION},
	{"pg_copy_physical_replication_slot", HG_CMD_FN_REPLICATION},
	{"pg_drop_replication_slot", HG_CMD_FN_REPLICATION},
	{"pg_sync_replication_slots", HG_CMD_FN_REPLICATION},

	{"pg_terminate_backend", HG_CMD_FN_ADMIN},
	{"pg_cancel_backend", HG_CMD_FN_ADMIN},
	{"pg_signal_*", HG_CMD_FN_ADMIN},
	{"pg_reload_conf", HG_CMD_FN_ADMIN},
	{"pg_rotate_logfile*", HG_CMD_FN_ADMIN},
	{"pg_promote", HG_CMD_FN_ADMIN},
	{"pg_stat_reset*", HG_CMD_FN_ADMIN},
	{"pg_switch_wal", HG_CMD_FN_ADMIN},
	{"pg_create_restore_point", HG_CMD_FN_ADMIN},
	{"pg_backup_*", HG_CMD_FN_ADMIN},
	{"pg_start_backup", HG_CMD_FN_ADMIN},
	{"pg_stop_backup", HG_CMD_FN_ADMIN},
	{"pg_wal_replay_*", HG_CMD_FN_ADMIN},
	{"pg_log_backend_memory_contexts", HG_CMD_FN_ADMIN},
	{"pg_log_standby_snapshot", HG_CMD_FN_ADMIN},
	{"pg_get_process_memory_contexts", HG_CMD_FN_ADMIN},
	{"pg_import_system_collations", HG_CMD_FN_ADMIN},
	{"pg_extension_config_dump", HG_CMD_FN_ADMIN},
	{"pg_nextoid", HG_CMD_FN_ADMIN},
	{"pg_stop_making_pinned_objects", HG_CMD_FN_ADMIN},
	{"pg_restore_*", HG_CMD_FN_ADMIN},
	{"pg_set_relation_stats", HG_CMD_FN_ADMIN},
	{"pg_set_attribute_stats", HG_CMD_FN_ADMIN},
	{"pg_clear_*", HG_CMD_FN_ADMIN},
	{"binary_upgrade_*", HG_CMD_FN_ADMIN},
	{"lo_creat", HG_CMD_FN_ADMIN},
	{"lo_create", HG_CMD_FN_ADMIN},
	{"lo_from_bytea", HG_CMD_FN_ADMIN},
	{"lo_put", HG_CMD_FN_ADMIN},
	{"lo_truncate*", HG_CMD_FN_ADMIN},
	{"lo_unlink", HG_CMD_FN_ADMIN},
	{"lowrite", HG_CMD_FN_ADMIN},

	/* text becomes a statement, which meets all hooks by itself */
	{"query_to_xml*", HG_CMD_FN_SQL},
	{"cursor_to_xml*", HG_CMD_FN_SQL},
	{"table_to_xml*", HG_CMD_FN_SQL},
	{"schema_to_xml*", HG_CMD_FN_SQL},
	{"database_to_xml*", HG_CMD_FN_SQL},
	{"ts_stat", HG_CMD_FN_SQL},
	{"ts_rewrite", HG_CMD_FN_SQL},

	{"pg_advisory_*", HG_CMD_FN_LOCK},
	{"pg_try_advisory_*", HG_CMD_FN_LOCK},

	/* what others notice of the session, and nothing more */
	{"pg_notify", HG_CMD_FN_SESSION},
	{"pg_sleep*", HG_CMD_FN_SESSION},
	{"pg_export_snapshot", HG_CMD_FN_SESSION},
	{"setseed", HG_CMD_FN_SESSION},
	{"setval", HG_CMD_FN_SESSION},
	{"brin_summarize_*", HG_CMD_FN_SESSION},
	{"brin_desummarize_range", HG_CMD_FN_SESSION},
	{"gin_clean_pending_list", HG_CMD_FN_SESSION},
	{"pg_stat_force_next_flush", HG_CMD_FN_SESSION},
};

/* "extension" or "extension:function*"; first match decides. */
static const NameGroup extension_groups[] = {
	{"dblink", HG_CMD_FN_NETWORK},
	{"postgres_fdw", HG_CMD_FN_NETWORK},
	{"http", HG_CMD_FN_NETWORK},
	{"pg_net", HG_CMD_FN_NETWORK},
	{"adminpack", HG_CMD_FN_FILE},
	{"file_fdw", HG_CMD_FN_FILE},
	{"pageinspect", HG_CMD_FN_ADMIN},
	{"pg_walinspect", HG_CMD_FN_ADMIN},
	{"pg_surgery", HG_CMD_FN_ADMIN},
	{"amcheck", HG_CMD_FN_ADMIN},
	{"pg_cron", HG_CMD_FN_ADMIN},
	{"pg_background", HG_CMD_FN_ADMIN},
	{"pg_visibility:pg_truncate_visibility_map", HG_CMD_FN_ADMIN},
	{"pg_visibility", HG_CMD_FUNCTION},
	{"pg_buffercache:pg_buffercache_evict*", HG_CMD_FN_ADMIN},
	{"pg_buffercache", HG_CMD_FUNCTION},
	{"pg_prewarm:autoprewarm*", HG_CMD_FN_ADMIN},
	{"pg_prewarm", HG_CMD_FUNCTION},
	{"pg_stat_statements:pg_stat_statements_reset", HG_CMD_FN_ADMIN},
	{"pg_stat_statements", HG_CMD_FUNCTION},
	{"pg_freespacemap", HG_CMD_FUNCTION},
	{"pgrowlocks", HG_CMD_FUNCTION},
	{"pgstattuple", HG_CMD_FUNCTION},
	{"old_snapshot", HG_CMD_FUNCTION},
	{"pg_logicalinspect", HG_CMD_FN_FILE},
	{"pg_overexplain", HG_CMD_FUNCTION},
	{"tablefunc:connectby*", HG_CMD_FN_SQL},
	{"tablefunc:crosstab*", HG_CMD_FN_SQL},
	{"tablefunc", HG_CMD_FUNCTION},
	{"xml2:xpath_table", HG_CMD_FN_SQL},
	{"pgxml:xpath_table", HG_CMD_FN_SQL},
	{"xml2", HG_CMD_FUNCTION},
	{"pgxml", HG_CMD_FUNCTION},

	/* types, operators, indexes and arithmetic without reach */
	{"autoinc", HG_CMD_FUNCTION},
	{"bloom", HG_CMD_FUNCTION},
	{"bool_plperl", HG_CMD_FUNCTION},
	{"btree_gin", HG_CMD_FUNCTION},
	{"btree_gist", HG_CMD_FUNCTION},
	{"citext", HG_CMD_FUNCTION},
	{"cube", HG_CMD_FUNCTION},
	{"dict_int", HG_CMD_FUNCTION},
	{"dict_snowball", HG_CMD_FUNCTION},
	{"dict_xsyn", HG_CMD_FUNCTION},
	{"earthdistance", HG_CMD_FUNCTION},
	{"fuzzystrmatch", HG_CMD_FUNCTION},
	{"hoopguard", HG_CMD_FUNCTION},
	{"hstore", HG_CMD_FUNCTION},
	{"insert_username", HG_CMD_FUNCTION},
	{"intagg", HG_CMD_FUNCTION},
	{"intarray", HG_CMD_FUNCTION},
	{"_int", HG_CMD_FUNCTION},
	{"isn", HG_CMD_FUNCTION},
	{"jsonb_plperl", HG_CMD_FUNCTION},
	{"jsonb_plpython3u", HG_CMD_FUNCTION},
	{"lo", HG_CMD_FUNCTION},
	{"ltree", HG_CMD_FUNCTION},
	{"moddatetime", HG_CMD_FUNCTION},
	{"pg_trgm", HG_CMD_FUNCTION},
	{"pgcrypto", HG_CMD_FUNCTION},
	{"plperl", HG_CMD_FUNCTION},
	{"plpgsql", HG_CMD_FUNCTION},
	{"plpython3u", HG_CMD_FUNCTION},
	{"pltcl", HG_CMD_FUNCTION},
	{"refint", HG_CMD_FUNCTION},
	{"seg", HG_CMD_FUNCTION},
	{"sslinfo", HG_CMD_FUNCTION},
	{"tcn", HG_CMD_FUNCTION},
	{"tsm_system_rows", HG_CMD_FUNCTION},
	{"tsm_system_time", HG_CMD_FUNCTION},
	{"unaccent", HG_CMD_FUNCTION},
	{"uuid-ossp", HG_CMD_FUNCTION},
	{"vector", HG_CMD_FUNCTION},
};

/* What a governed session may call in schema hoopguard, if granted. */
static const char *const open_functions[] = {
	"_count_row",
	"_mask",
	"_mask_fixed",
	"_real",
	"approval_state",
	"break_glass",
	"check_sql",
	"classify_name",
	"detect",
	"detect_spans",
	"downstream",
	"drop_token",
	"flush",
	"limits_left",
	"lineage_graph",
	"my_approvals",
	"openlineage",
	"present_token",
	"replay",
	"report_html",
	"touched",
	"upstream",
	"verify_audit",
	"whoami",
};

PG_FUNCTION_INFO_V1(hoopguard_function_group);

typedef struct CacheEntry
{
	Oid			funcid;			/* hash key */
	HgCommand	group;
} CacheEntry;

static HTAB *cache = NULL;
static bool cache_stale = false;
static uint64 cache_generation = 0;
static bool callback_registered = false;

static bool
name_matches(const char *pattern, const char *name)
{
	size_t		len = strlen(pattern);

	if (len > 0 && pattern[len - 1] == '*')
		return strncmp(pattern, name, len - 1) == 0;
	return strcmp(pattern, name) == 0;
}

static HgCommand
builtin_group(const char *name)
{
	for (int i = 0; i < lengthof(builtin_groups); i++)
		if (name_matches(builtin_groups[i].name, name))
			return builtin_groups[i].group;
	return HG_CMD_FUNCTION;
}

/* False: the extension, or library, is not known. */
static bool
extension_group(const char *extension, const char *function, HgCommand *group)
{
	for (int i = 0; i < lengthof(extension_groups); i++)
	{
		const char *pattern = extension_groups[i].name;
		const char *colon = strchr(pattern, ':');

		if (colon == NULL)
		{
			if (strcmp(pattern, extension) != 0)
				continue;
		}
		else if (strlen(extension) != colon - pattern ||
				 strncmp(pattern, extension, colon - pattern) != 0 ||
				 !name_matches(colon + 1, function))
			continue;
		*group = extension_groups[i].group;
		return true;
	}
	return false;
}

/* ---- what the administrator says --------------------------------------- */

/* Columns of hoopguard.function_class, in 30_guard.sql's order. */
#define CLASS_FUNCTION 1
#define CLASS_GROUP 2

/* One row: "schema.name", * in it as a wildcard, or "extension:name". */
typedef struct ClassRow
{
	char	   *extension;		/* or NULL */
	char	   *schema;
	char	   *name;
	HgCommand	group;
	int			length;			/* of the pattern: the longest decides */
} ClassRow;

static List *class_rows = NIL;
static MemoryContext class_context = NULL;
static uint64 class_generation = 0;

static int
longer_first(const ListCell *a, const ListCell *b)
{
	return ((const ClassRow *) lfirst(b))->length -
		((const ClassRow *) lfirst(a))->length;
}

/* Split a pattern; the row's strings live in the current context. */
static ClassRow *
parse_class_row(const char *pattern, HgCommand group)
{
	static const char prefix[] = "extension:";
	ClassRow   *row = palloc0(sizeof(ClassRow));
	char	   *dot;

	row->group = group;
	row->length = strlen(pattern);
	if (strncmp(pattern, prefix, strlen(prefix)) == 0)
	{
		row->extension = pstrdup(pattern + strlen(prefix));
		return row;
	}
	row->schema = pstrdup(pattern);
	dot = strchr(row->schema, '.');
	if (dot == NULL)
	{
		row->name = row->schema;
		row->schema = pstrdup("pg_catalog");
	}
	else
	{
		*dot = '\0';
		row->name = dot + 1;
	}
	return row;
}

/* Read the table again; false where hoopguard is not installed. */
static bool
load_class_rows(void)
{
	MemoryContext context;
	MemoryContext old;
	uint64		generation;
	List	   *rows = NIL;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (!hg_catalog_present())
		return false;
	if (class_context != NULL && class_generation == hg_catalog_generation())
		return true;
	context = AllocSetContextCreate(CurrentMemoryContext,
									"hoopguard function classes",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	rel = table_open(hg_catalog_rel(HG_REL_FUNCTION_CLASS), AccessShareLock);
	generation = hg_catalog_generation();
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		TupleDesc	desc = RelationGetDescr(rel);
		HgCommand	group;

		if (hg_command_of_group(hg_row_string(tuple, desc, CLASS_GROUP),
								&group))
			rows = lappend(rows,
						   parse_class_row(hg_row_string(tuple, desc,
														 CLASS_FUNCTION),
										   group));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(rows, longer_first);
	MemoryContextSwitchTo(old);

	MemoryContextSetParent(context, TopMemoryContext);
	if (class_context != NULL)
		MemoryContextDelete(class_context);
	class_context = context;
	class_rows = rows;
	class_generation = generation;
	return true;
}

/* Does a row of the table speak of this function? */
static bool
class_row_group(const char *schema, const char *name, const char *extension,
				HgCommand *group)
{
	ListCell   *lc;

	foreach(lc, class_rows)
	{
		const ClassRow *row = (const ClassRow *) lfirst(lc);

		if (row->extension != NULL ?
			extension == NULL || !name_matches(row->extension, extension) :
			schema == NULL || !name_matches(row->schema, schema) ||
			!name_matches(row->name, name))
			continue;
		*group = row->group;
		return true;
	}
	return false;
}

/* ---- what ships -------------------------------------------------------- */

/* The file name of a library without directory and suffix, palloc'd. */
static char *
library_name(const char *probin)
{
	const char *slash = strrchr(probin, '/');
	char	   *name = pstrdup(slash ? slash + 1 : probin);
	char	   *dot = strstr(name, DLSUFFIX);

	if (dot != NULL)
		*dot = '\0';
	return name;
}

static char *
proc_text(HeapTuple tuple, AttrNumber attnum)
{
	bool		isnull;
	Datum		value;

	value = SysCacheGetAttr(PROCOID, tuple, attnum, &isnull);
	return isnull ? NULL : TextDatumGetCString(value);
}

/* Group of a function by hoopguard.function_class. */
static bool
administered_group(Oid funcid, Form_pg_proc form, HgCommand *group)
{
	char	   *extension = NULL;

	if (!load_class_rows() || class_rows == NIL ||
		form->pronamespace == hg_catalog_schema())
		return false;
	if (funcid >= FirstNormalObjectId)
	{
		Oid			extoid = getExtensionOfObject(ProcedureRelationId, funcid);

		if (OidIsValid(extoid))
			extension = get_extension_name(extoid);
	}
	return class_row_group(get_namespace_name(form->pronamespace),
						   NameStr(form->proname), extension, group);
}

/* Look a function up; recursion is one level deep, for internal aliases. */
static HgCommand
compute_group(Oid funcid, bool *known)
{
	HeapTuple	tuple;
	Form_pg_proc form;
	HgCommand	group = HG_CMD_FUNCTION;
	const char *name;

	*known = false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return HG_CMD_FUNCTION;
	*known = true;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	name = NameStr(form->proname);

	if (administered_group(funcid, form, &group))
		;
	else if (OidIsValid(hg_catalog_schema()) &&
			 form->pronamespace == hg_catalog_schema())
	{
		group = HG_CMD_POLICY;
		for (int i = 0; i < lengthof(open_functions); i++)
			if (strcmp(open_functions[i], name) == 0)
				group = HG_CMD_FUNCTION;
	}
	else if (funcid < FirstNormalObjectId &&
			 form->pronamespace == PG_CATALOG_NAMESPACE)
		group = builtin_group(name);
	else if (form->prolang == INTERNALlanguageId)
	{
		char	   *source = proc_text(tuple, Anum_pg_proc_prosrc);
		Oid			original = source ? fmgr_internal_function(source) : InvalidOid;

		if (OidIsValid(original) && original != funcid)
		{
			bool		ignored;

			group = compute_group(original, &ignored);
		}
	}
	else
	{
		Oid			extoid = getExtensionOfObject(ProcedureRelationId, funcid);
		char	   *extension = NULL;

		if (OidIsValid(extoid))
			extension = get_extension_name(extoid);
		if (extension != NULL && extension_group(extension, name, &group))
			;
		else if (form->prolang == ClanguageId)
		{
			/* the C symbol, not the SQL name, which anyone can choose */
			char	   *probin = proc_text(tuple, Anum_pg_proc_probin);
			char	   *source = proc_text(tuple, Anum_pg_proc_prosrc);

			if (probin == NULL ||
				!extension_group(library_name(probin), source ? source : name,
								 &group))
				group = HG_CMD_FN_UNCLASSIFIED;
		}
	}
	ReleaseSysCache(tuple);
	return group;
}

static void
proc_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	cache_stale = true;
}

HgCommand
hg_function_group(Oid funcid)
{
	CacheEntry *entry;
	HgCommand	group;
	bool		known;

	if (!callback_registered)
	{
		CacheRegisterSyscacheCallback(PROCOID, proc_changed, (Datum) 0);
		callback_registered = true;
	}
	if (cache != NULL &&
		(cache_stale || cache_generation != hg_catalog_generation()))
	{
		hash_destroy(cache);
		cache = NULL;
	}
	if (cache == NULL)
	{
		HASHCTL		ctl;

		cache_stale = false;
		cache_generation = hg_catalog_generation();
		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(CacheEntry);
		ctl.hcxt = TopMemoryContext;
		cache = hash_create("hoopguard function groups", 256, &ctl,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}

	entry = hash_search(cache, &funcid, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->group;

	/* compute before entering: the look-up may mark the cache stale */
	group = compute_group(funcid, &known);
	if (known && !cache_stale && cache_generation == hg_catalog_generation())
	{
		entry = hash_search(cache, &funcid, HASH_ENTER, NULL);
		entry->group = group;
	}
	return group;
}

/* function_group(regprocedure): the word of its calls; NULL if it is gone. */
Datum
hoopguard_function_group(PG_FUNCTION_ARGS)
{
	Oid			funcid = PG_GETARG_OID(0);

	if (!SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(funcid)))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(hg_command_name(hg_function_group(funcid))));
}
