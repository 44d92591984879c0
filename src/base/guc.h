/*-------------------------------------------------------------------------
 *
 * guc.h
 *	  The settings hoopguard.*; README lists them with who may change them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_GUC_H
#define HG_GUC_H

typedef enum HgMode
{
	HG_MODE_OFF,
	HG_MODE_OBSERVE,
	HG_MODE_ENFORCE
} HgMode;

typedef enum HgAudit
{
	HG_AUDIT_NONE,
	HG_AUDIT_GOVERNED,
	HG_AUDIT_ALL
} HgAudit;

typedef enum HgDurability
{
	HG_DURABILITY_ASYNC,
	HG_DURABILITY_SYNC,
	HG_DURABILITY_STRICT
} HgDurability;

typedef enum HgAuditFailure
{
	HG_AUDIT_FAILURE_BLOCK,
	HG_AUDIT_FAILURE_ALLOW
} HgAuditFailure;

/* What of a statement and its parameters webhooks get. */
typedef enum HgWebhookStatement
{
	HG_STATEMENT_REDACTED,
	HG_STATEMENT_FULL,
	HG_STATEMENT_NONE
} HgWebhookStatement;

extern int	hg_guc_mode;		/* HgMode: guard and limits */
extern int	hg_guc_mask_mode;	/* HgMode: masks */
extern int	hg_guc_audit;		/* HgAudit */
extern int	hg_guc_audit_durability;	/* HgDurability */
extern int	hg_guc_on_audit_failure;	/* HgAuditFailure */
extern bool hg_guc_heuristics;
extern bool hg_guc_pin_identity;	/* classify by column name */
extern int	hg_guc_lane_size;	/* kB per backend */
extern int	hg_guc_audit_wait;	/* ms a full lane may hold its session */
extern int	hg_guc_approval_wait;	/* ms, 0..30000 */
extern int	hg_guc_approval_ttl;	/* s a request lives */
extern int	hg_guc_approval_grant_ttl;	/* s an approval can be used */
extern int	hg_guc_approval_max_pending;
extern bool hg_guc_approval_late_grants;	/* of cancelled requests */
extern int	hg_guc_scan_interval;	/* s between looks at new tables, 0: never */
extern int	hg_guc_approval_rate;	/* new requests per minute and subject */
extern int	hg_guc_approval_slots;
extern int	hg_guc_approval_max_statement;	/* bytes */
extern int	hg_guc_webhook_connect_timeout; /* ms */
extern int	hg_guc_webhook_timeout; /* ms */
extern int	hg_guc_webhook_statement;	/* HgWebhookStatement */
extern char *hg_guc_webhook_secret_file;
extern char *hg_guc_approval_ca_file;
extern int	hg_guc_retention_days;	/* of hoopguard.retention, 0: for ever */
extern char *hg_guc_intent;
extern char *hg_guc_traceparent;

/* Define all settings; only from _PG_init. */
extern void hg_guc_init(void);

#endif							/* HG_GUC_H */
