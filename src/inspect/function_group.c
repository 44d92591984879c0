/*-------------------------------------------------------------------------
 *
 * function_group.c
 *	  The group of a function for guard rules.
 *
 * Three ways lead to a group.  A built-in function has it by name; another
 * pg_proc row over the same C code (LANGUAGE internal) has that of the
 * built-in; a function of an extension or of its library has the extension's.
 * A name alone never counts outside pg_catalog: anyone may create a function
 * named pg_read_file.
 *
 * Answers are kept by OID until pg_proc changes; the invalidation callback
 * only sets a flag.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "base/catalog.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/dependency.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "inspect/facts.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
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
	{"pg_buffercache:pg_buffercache_evict*", HG_CMD_FN_ADMIN},
	{"pg_prewarm:autoprewarm*", HG_CMD_FN_ADMIN},
	{"pg_stat_statements:pg_stat_statements_reset", HG_CMD_FN_ADMIN},
};

/* What a governed session may call in schema hoopguard, if granted. */
static const char *const open_functions[] = {
	"_mask",
	"_real",
	"approval_state",
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

typedef struct CacheEntry
{
	Oid			funcid;			/* hash key */
	HgCommand	group;
} CacheEntry;

static HTAB *cache = NULL;
static bool cache_stale = false;
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

static HgCommand
extension_group(const char *extension, const char *function)
{
	for (int i = 0; i < lengthof(extension_groups); i++)
	{
		const char *pattern = extension_groups[i].name;
		const char *colon = strchr(pattern, ':');

		if (colon == NULL)
		{
			if (strcmp(pattern, extension) == 0)
				return extension_groups[i].group;
		}
		else if (strlen(extension) == colon - pattern &&
				 strncmp(pattern, extension, colon - pattern) == 0 &&
				 name_matches(colon + 1, function))
			return extension_groups[i].group;
	}
	return HG_CMD_FUNCTION;
}

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

	if (OidIsValid(hg_catalog_schema()) &&
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
		if (extension != NULL)
			group = extension_group(extension, name);
		if (group == HG_CMD_FUNCTION && form->prolang == ClanguageId)
		{
			/* the C symbol, not the SQL name, which anyone can choose */
			char	   *probin = proc_text(tuple, Anum_pg_proc_probin);
			char	   *source = proc_text(tuple, Anum_pg_proc_prosrc);

			if (probin != NULL)
				group = extension_group(library_name(probin),
										source ? source : name);
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
	if (cache_stale && cache != NULL)
	{
		hash_destroy(cache);
		cache = NULL;
	}
	if (cache == NULL)
	{
		HASHCTL		ctl;

		cache_stale = false;
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
	if (known && !cache_stale)
	{
		entry = hash_search(cache, &funcid, HASH_ENTER, NULL);
		entry->group = group;
	}
	return group;
}
