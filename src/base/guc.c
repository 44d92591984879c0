/*-------------------------------------------------------------------------
 *
 * guc.c
 *	  Definition of the settings hoopguard.*.
 *
 * Whatever weakens policy is PGC_SUSET or PGC_SIGHUP, and a governed session
 * cannot change even those (the guard refuses SET hoopguard.* to it).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "base/duration.h"
#include "base/guc.h"
#include "base/guc_transport.h"
#include "utils/guc.h"

int			hg_guc_mode = HG_MODE_ENFORCE;
int			hg_guc_mask_mode = HG_MODE_ENFORCE;
int			hg_guc_audit = HG_AUDIT_GOVERNED;
int			hg_guc_audit_durability = HG_DURABILITY_ASYNC;
int			hg_guc_on_audit_failure = HG_AUDIT_FAILURE_BLOCK;
bool		hg_guc_heuristics = true;
bool		hg_guc_pin_identity = true;
int			hg_guc_lane_size = 256;
int			hg_guc_audit_wait = 30000;
int			hg_guc_approval_wait = 10000;
int			hg_guc_approval_ttl = 3600;
int			hg_guc_approval_grant_ttl = 900;
int			hg_guc_approval_max_pending = 20;
bool		hg_guc_approval_late_grants = false;
int			hg_guc_approval_rate = 10;
int			hg_guc_scan_interval = 0;
int			hg_guc_approval_slots = 1024;
int			hg_guc_approval_max_statement = 32768;
int			hg_guc_webhook_connect_timeout = 1000;
int			hg_guc_webhook_timeout = 3000;
int			hg_guc_webhook_statement = HG_STATEMENT_REDACTED;
char	   *hg_guc_webhook_secret_file = NULL;
char	   *hg_guc_approval_ca_file = NULL;
char	   *hg_guc_webhook_client_cert_file = NULL;
char	   *hg_guc_webhook_client_key_file = NULL;
char	   *hg_guc_webhook_pinned_keys = NULL;
char	   *hg_guc_webhook_unix_socket = NULL;
char	   *hg_guc_approval_address_allow = NULL;
char	   *hg_guc_webhook_proxy = NULL;
bool		hg_guc_approval_require_signed = false;
int			hg_guc_approval_format = HG_APPROVAL_CLOUDEVENTS;
bool		hg_guc_approval_allow_http = false;
int			hg_guc_retention_days = 0;
static char *retention = NULL;
char	   *hg_guc_intent = NULL;
char	   *hg_guc_traceparent = NULL;

static const struct config_enum_entry mode_options[] = {
	{"enforce", HG_MODE_ENFORCE, false},
	{"observe", HG_MODE_OBSERVE, false},
	{"off", HG_MODE_OFF, false},
	{NULL, 0, false}
};

static const struct config_enum_entry audit_options[] = {
	{"all", HG_AUDIT_ALL, false},
	{"governed", HG_AUDIT_GOVERNED, false},
	{"none", HG_AUDIT_NONE, false},
	{NULL, 0, false}
};

static const struct config_enum_entry durability_options[] = {
	{"async", HG_DURABILITY_ASYNC, false},
	{"sync", HG_DURABILITY_SYNC, false},
	{"strict", HG_DURABILITY_STRICT, false},
	{NULL, 0, false}
};

static const struct config_enum_entry audit_failure_options[] = {
	{"block", HG_AUDIT_FAILURE_BLOCK, false},
	{"allow", HG_AUDIT_FAILURE_ALLOW, false},
	{NULL, 0, false}
};

static const struct config_enum_entry approval_format_options[] = {
	{"cloudevents", HG_APPROVAL_CLOUDEVENTS, false},
	{"opa", HG_APPROVAL_OPA, false},
	{NULL, 0, false}
};

static const struct config_enum_entry webhook_statement_options[] = {
	{"redacted", HG_STATEMENT_REDACTED, false},
	{"full", HG_STATEMENT_FULL, false},
	{"none", HG_STATEMENT_NONE, false},
	{NULL, 0, false}
};

static void
define_int(const char *name, const char *desc, int *var, int boot, int min,
		   int max, GucContext context, int flags)
{
	DefineCustomIntVariable(name, desc, NULL, var, boot, min, max, context,
							flags, NULL, NULL, NULL);
}

static void
define_string(const char *name, const char *desc, char **var,
			  GucContext context, int flags)
{
	DefineCustomStringVariable(name, desc, NULL, var, "", context, flags,
							   NULL, NULL, NULL);
}

static bool
check_retention(char **newval, void **extra, GucSource source)
{
	int			days;

	if (hg_duration_days(*newval, &days))
		return true;
	GUC_check_errdetail("It is how long to keep, such as \"90 days\" or \"1 year\", or \"forever\".");
	return false;
}

static void
assign_retention(const char *newval, void *extra)
{
	(void) hg_duration_days(newval, &hg_guc_retention_days);
}

void
hg_guc_init(void)
{
	DefineCustomEnumVariable("hoopguard.mode",
							 "What guard rules and limits do in this database.",
							 NULL, &hg_guc_mode, HG_MODE_ENFORCE, mode_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("hoopguard.mask_mode",
							 "What masks do in this database.",
							 NULL, &hg_guc_mask_mode, HG_MODE_ENFORCE,
							 mode_options, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("hoopguard.audit",
							 "Whose statements are recorded.",
							 NULL, &hg_guc_audit, HG_AUDIT_GOVERNED,
							 audit_options, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("hoopguard.audit_durability",
							 "When the record of a statement is on disk.",
							 "async: soon after; sync: before its commit returns; strict: before it runs, too.",
							 &hg_guc_audit_durability, HG_DURABILITY_ASYNC,
							 durability_options, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("hoopguard.on_audit_failure",
							 "What becomes of a statement that cannot be recorded in time.",
							 "block: it fails with HG008; allow: it goes on and is counted.",
							 &hg_guc_on_audit_failure, HG_AUDIT_FAILURE_BLOCK,
							 audit_failure_options, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("hoopguard.heuristics",
							 "Classify columns without a label by name and type.",
							 NULL, &hg_guc_heuristics, true, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	DefineCustomBoolVariable("hoopguard.pin_identity",
							 "A session that has acted as a mapped role by SET SESSION AUTHORIZATION stays governed.",
							 NULL, &hg_guc_pin_identity, true, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	define_int("hoopguard.lane_size",
			   "Size of each backend's ring of audit records.",
			   &hg_guc_lane_size, 256, 16, 16384, PGC_POSTMASTER, GUC_UNIT_KB);
	define_int("hoopguard.audit_wait",
			   "How long a session waits for room in its ring, or for the flush of its records.",
			   &hg_guc_audit_wait, 30000, 100, 3600000, PGC_SIGHUP, GUC_UNIT_MS);
	define_int("hoopguard.approval_wait",
			   "How long a statement waits for its approval before it becomes a ticket.",
			   &hg_guc_approval_wait, 10000, 0, 30000, PGC_SUSET, GUC_UNIT_MS);
	define_int("hoopguard.approval_ttl",
			   "How long a request for approval stays open.",
			   &hg_guc_approval_ttl, 3600, 60, 604800, PGC_SIGHUP, GUC_UNIT_S);
	define_int("hoopguard.approval_grant_ttl",
			   "How long an approval can be used.",
			   &hg_guc_approval_grant_ttl, 900, 10, 86400, PGC_SIGHUP, GUC_UNIT_S);
	DefineCustomBoolVariable("hoopguard.approval_late_grants",
							 "Let a request that its requester gave up be approved still.",
							 "It becomes a ticket for the identical statement.",
							 &hg_guc_approval_late_grants, false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	define_int("hoopguard.approval_max_pending",
			   "Open requests a subject may have.",
			   &hg_guc_approval_max_pending, 20, 1, 100000, PGC_SIGHUP, 0);
	define_int("hoopguard.approval_rate",
			   "New requests a subject may make per minute.",
			   &hg_guc_approval_rate, 10, 1, 1000000, PGC_SIGHUP, 0);
	define_int("hoopguard.scan_interval",
			   "How often new tables and columns are looked at for sensitive values; 0: never.",
			   &hg_guc_scan_interval, 0, 0, 604800, PGC_SIGHUP, GUC_UNIT_S);
	define_int("hoopguard.approval_slots",
			   "Sessions that can wait for an approval at a time.",
			   &hg_guc_approval_slots, 1024, 16, 65536, PGC_POSTMASTER, 0);
	define_int("hoopguard.approval_max_statement",
			   "Longest statement that can be sent for approval.",
			   &hg_guc_approval_max_statement, 32768, 1024, 32768, PGC_SIGHUP,
			   GUC_UNIT_BYTE);
	define_int("hoopguard.webhook_connect_timeout",
			   "Longest time to connect to a webhook.",
			   &hg_guc_webhook_connect_timeout, 1000, 100, 10000, PGC_SIGHUP,
			   GUC_UNIT_MS);
	define_int("hoopguard.webhook_timeout",
			   "Longest time of one webhook delivery.",
			   &hg_guc_webhook_timeout, 3000, 100, 30000, PGC_SIGHUP,
			   GUC_UNIT_MS);
	DefineCustomEnumVariable("hoopguard.webhook_statement",
							 "What of a statement and its parameters webhooks get.",
							 "redacted: personal and secret values in it are replaced; full; none: neither text nor values.",
							 &hg_guc_webhook_statement, HG_STATEMENT_REDACTED,
							 webhook_statement_options, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	define_string("hoopguard.webhook_secret_file",
				  "File with the signing secrets of webhooks, one a line.",
				  &hg_guc_webhook_secret_file, PGC_SIGHUP, GUC_SUPERUSER_ONLY);
	define_string("hoopguard.approval_ca_file",
				  "Certificates that webhooks are verified against.",
				  &hg_guc_approval_ca_file, PGC_SIGHUP, GUC_SUPERUSER_ONLY);
	define_string("hoopguard.webhook_client_cert_file",
				  "Certificate that the server shows to webhooks.",
				  &hg_guc_webhook_client_cert_file, PGC_SIGHUP,
				  GUC_SUPERUSER_ONLY);
	define_string("hoopguard.webhook_client_key_file",
				  "Private key of hoopguard.webhook_client_cert_file.",
				  &hg_guc_webhook_client_key_file, PGC_SIGHUP,
				  GUC_SUPERUSER_ONLY);
	define_string("hoopguard.webhook_pinned_keys",
				  "Public keys that approvers' webhooks may have, as sha256//...;sha256//...",
				  &hg_guc_webhook_pinned_keys, PGC_SIGHUP,
				  GUC_SUPERUSER_ONLY);
	define_string("hoopguard.webhook_unix_socket",
				  "Unix socket that approvers' webhooks are reached through.",
				  &hg_guc_webhook_unix_socket, PGC_SIGHUP,
				  GUC_SUPERUSER_ONLY);
	define_string("hoopguard.approval_address_allow",
				  "Networks that webhooks may be in, in CIDR notation.",
				  &hg_guc_approval_address_allow, PGC_SIGHUP,
				  GUC_SUPERUSER_ONLY);
	define_string("hoopguard.webhook_proxy",
				  "Proxy that webhooks are reached through.",
				  &hg_guc_webhook_proxy, PGC_SIGHUP,
				  GUC_SUPERUSER_ONLY);
	DefineCustomEnumVariable("hoopguard.approval_format",
							 "How webhooks are asked and what their answers look like.",
							 "cloudevents: signed events; opa: the REST API of Open Policy Agent.",
							 &hg_guc_approval_format,
							 HG_APPROVAL_CLOUDEVENTS, approval_format_options,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("hoopguard.approval_require_signed_response",
							 "Take answers of webhooks only with a signature, over https too.",
							 NULL, &hg_guc_approval_require_signed, false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("hoopguard.approval_allow_http",
							 "Let approvers have http URLs of other machines.",
							 "Requests are then readable on the way, and answers have to be signed.",
							 &hg_guc_approval_allow_http, false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("hoopguard.retention",
							   "How long events are kept, such as 90 days; by whole weeks.",
							   NULL, &retention, "forever", PGC_SIGHUP, 0,
							   check_retention, assign_retention, NULL);
	define_string("hoopguard.intent",
				  "What the session says it is doing; recorded, never trusted.",
				  &hg_guc_intent, PGC_USERSET, 0);
	define_string("hoopguard.traceparent",
				  "W3C trace context of the session; recorded, never trusted.",
				  &hg_guc_traceparent, PGC_USERSET, 0);
}
