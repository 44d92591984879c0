/*-------------------------------------------------------------------------
 *
 * setting.c
 *	  Which settings a SET may touch without weakening anything.
 *
 * The list names what is harmless, so that a setting that a later server or
 * another extension brings is sensitive until someone has looked at it.  Two
 * things are harmless without being listed: enable_* and the like by prefix,
 * and a custom setting ("app.tenant") that no library has defined.  role is
 * listed, because the session role stays behind it; session_authorization,
 * which replaces the session role, is not.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "inspect/facts_util.h"
#include "utils/guc.h"

/* Sorted for bsearch, lower case. */
static const char *const harmless_settings[] = {
	"application_name",
	"array_nulls",
	"backend_flush_after",
	"backslash_quote",
	"bytea_output",
	"check_function_bodies",
	"client_connection_check_interval",
	"client_encoding",
	"client_min_messages",
	"commit_siblings",
	"constraint_exclusion",
	"cpu_index_tuple_cost",
	"cpu_operator_cost",
	"cpu_tuple_cost",
	"cursor_tuple_fraction",
	"datestyle",
	"debug_parallel_query",
	"debug_pretty_print",
	"debug_print_parse",
	"debug_print_plan",
	"debug_print_rewritten",
	"default_statistics_target",
	"default_table_access_method",
	"default_tablespace",
	"default_text_search_config",
	"default_toast_compression",
	"default_transaction_deferrable",
	"default_transaction_isolation",
	"default_transaction_read_only",
	"default_with_oids",
	"effective_cache_size",
	"effective_io_concurrency",
	"escape_string_warning",
	"exit_on_error",
	"extra_float_digits",
	"file_copy_method",
	"force_parallel_mode",
	"from_collapse_limit",
	"gin_fuzzy_search_limit",
	"gin_pending_list_limit",
	"hash_mem_multiplier",
	"hoopguard.intent",
	"hoopguard.traceparent",
	"icu_validation_level",
	"idle_in_transaction_session_timeout",
	"idle_session_timeout",
	"intervalstyle",
	"io_combine_limit",
	"join_collapse_limit",
	"lc_messages",
	"lc_monetary",
	"lc_numeric",
	"lc_time",
	"lock_timeout",
	"log_duration",
	"log_executor_stats",
	"log_lock_failures",
	"log_lock_waits",
	"log_min_duration_sample",
	"log_min_duration_statement",
	"log_parameter_max_length",
	"log_parameter_max_length_on_error",
	"log_parser_stats",
	"log_planner_stats",
	"log_replication_commands",
	"log_statement",
	"log_statement_sample_rate",
	"log_statement_stats",
	"log_temp_files",
	"log_transaction_sample_rate",
	"logical_decoding_work_mem",
	"maintenance_io_concurrency",
	"maintenance_work_mem",
	"max_parallel_maintenance_workers",
	"max_parallel_workers",
	"max_parallel_workers_per_gather",
	"min_parallel_index_scan_size",
	"min_parallel_table_scan_size",
	"parallel_leader_participation",
	"parallel_setup_cost",
	"parallel_tuple_cost",
	"plan_cache_mode",
	"plpgsql.check_asserts",
	"plpgsql.extra_errors",
	"plpgsql.extra_warnings",
	"plpgsql.print_strict_params",
	"plpgsql.variable_conflict",
	"quote_all_identifiers",
	"random_page_cost",
	"recursive_worktable_factor",
	"restrict_nonsystem_relation_kind",
	"role",
	"row_security",
	"search_path",
	"seed",
	"seq_page_cost",
	"ssl_renegotiation_limit",
	"standard_conforming_strings",
	"statement_timeout",
	"stats_fetch_consistency",
	"synchronize_seqscans",
	"synchronous_commit",
	"tcp_keepalives_count",
	"tcp_keepalives_idle",
	"tcp_keepalives_interval",
	"tcp_user_timeout",
	"temp_buffers",
	"temp_tablespaces",
	"timezone",
	"timezone_abbreviations",
	"trace_notify",
	"trace_sort",
	"track_functions",
	"track_io_timing",
	"track_wal_io_timing",
	"transaction_deferrable",
	"transaction_isolation",
	"transaction_read_only",
	"transaction_timeout",
	"transform_null_equals",
	"vacuum_buffer_usage_limit",
	"vacuum_cost_delay",
	"vacuum_cost_limit",
	"vacuum_cost_page_dirty",
	"vacuum_cost_page_hit",
	"vacuum_cost_page_miss",
	"vacuum_failsafe_age",
	"vacuum_freeze_min_age",
	"vacuum_freeze_table_age",
	"vacuum_max_eager_freeze_failure_rate",
	"vacuum_multixact_failsafe_age",
	"vacuum_multixact_freeze_min_age",
	"vacuum_multixact_freeze_table_age",
	"vacuum_truncate",
	"wal_sender_timeout",
	"wal_skip_threshold",
	"work_mem",
	"xmlbinary",
	"xmloption",
};

static const char *const harmless_prefixes[] = {
	"enable_",
	"geqo",
	"jit",
};

static int
compare_setting(const void *key, const void *member)
{
	return strcmp((const char *) key, *(const char *const *) member);
}

/*
 * Is `name` defined by the server or a loaded library, rather than a
 * placeholder or unknown?  Settings that this role may not even see count as
 * defined.
 */
static bool
setting_is_defined(const char *name)
{
	int			flags = GetConfigOptionFlags(name, true);
	const char *canonical = NULL;

	if (flags & GUC_CUSTOM_PLACEHOLDER)
		return false;
	if (flags & GUC_SUPERUSER_ONLY)
		return true;
	(void) GetConfigOptionByName(name, &canonical, true);
	return canonical != NULL;
}

/*
 * Is a SET of this setting outside the harmless list?  Aliases that the
 * server accepts (TIME ZONE is "timezone" already in the tree) need no
 * mapping, since SET takes only names.
 */
bool
hg_setting_sensitive(const char *name)
{
	char		lower[NAMEDATALEN * 2];
	int			i;

	if (name == NULL || strlen(name) >= sizeof(lower))
		return true;
	for (i = 0; name[i] != '\0'; i++)
		lower[i] = pg_ascii_tolower((unsigned char) name[i]);
	lower[i] = '\0';

	if (bsearch(lower, harmless_settings, lengthof(harmless_settings),
				sizeof(char *), compare_setting) != NULL)
		return false;
	if (strncmp(lower, "hoopguard.", strlen("hoopguard.")) == 0)
		return true;
	if (strchr(lower, '.') != NULL)
		return setting_is_defined(lower);
	for (i = 0; i < lengthof(harmless_prefixes); i++)
		if (strncmp(lower, harmless_prefixes[i],
					strlen(harmless_prefixes[i])) == 0)
			return false;
	return true;
}

/* Add the act of setting `name`; NULL: a name not known before it runs. */
HgAct *
hg_facts_setting_act(HgFacts *facts, const char *name)
{
	HgAct	   *act;

	act = hg_facts_add_act(facts, HG_CMD_SET, InvalidOid, NULL, name);
	act->sensitive_setting = hg_setting_sensitive(name);
	return act;
}
