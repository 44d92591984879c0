/*-------------------------------------------------------------------------
 *
 * approval_private.h
 *	  What the files of approval/ share.
 *
 * The table hoopguard.approval is the truth, shared memory only carries
 * wake-ups: whoever is woken reads the row again.  So nothing is decided by
 * a message that got lost or came twice.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_APPROVAL_PRIVATE_H
#define HG_APPROVAL_PRIVATE_H

#include "approval/approval.h"
#include "approval/approval_json.h"
#include "datatype/timestamp.h"

#define HG_UUID_LEN 37			/* text with its NUL */
#define HG_BINDING_LEN 72		/* "sha256:", 64 digits, NUL */
#define HG_CANCEL_LEN (HG_UUID_LEN + 1) /* and why */
#define HG_CANCEL_STATEMENT 'c'	/* the statement was cancelled */
#define HG_CANCEL_SESSION 'e'	/* the session ended */
#define HG_GIVE_BACK_LEN (2 * HG_UUID_LEN)	/* request and token: its ticket
											 * was used up, but not used */
#define HG_DENY_MEMORY_S 600	/* a denial holds for the same binding */

/*
 * Attribute numbers of hoopguard.approval; 50_approval.sql has this order.
 * Sessions need those down to the last delivery error, quick.c all.
 */
enum
{
	HG_APPROVAL_ID = 1,
	HG_APPROVAL_STATE,
	HG_APPROVAL_SUBJECT,
	HG_APPROVAL_SESSION_ROLE,
	HG_APPROVAL_SESSION_ROLE_OID,
	HG_APPROVAL_BINDING,
	HG_APPROVAL_REQUESTED_AT,
	HG_APPROVAL_EXPIRES_AT,
	HG_APPROVAL_GRANT_EXPIRES_AT,
	HG_APPROVAL_RULE_ID,
	HG_APPROVAL_APPROVER,
	HG_APPROVAL_MAX_ROWS,
	HG_APPROVAL_CONSUMED_BY,
	HG_APPROVAL_DECIDED_AT,
	HG_APPROVAL_DECIDED_BY,
	HG_APPROVAL_REASON,
	HG_APPROVAL_DELIVERY_STATE,
	HG_APPROVAL_LAST_DELIVERY_ERROR,
	HG_APPROVAL_DECIDED_VIA,
	HG_APPROVAL_GRANT_TTL_S,
	HG_APPROVAL_DELIVERY_ATTEMPTS,
	HG_APPROVAL_CONSUMED_AT,
	HG_APPROVAL_EFFECTIVE_ROLE,
	HG_APPROVAL_DATABASE,
	HG_APPROVAL_TIMELINE,
	HG_APPROVAL_MODE,
	HG_APPROVAL_STATEMENT_TEXT,
	HG_APPROVAL_STATEMENT_SHA256,
	HG_APPROVAL_FACTS,
	HG_APPROVAL_PARAMS,
	HG_APPROVAL_REQUESTER,
	HG_APPROVAL_POLICY_VERSION,
	HG_APPROVAL_EVENT_ID,
	HG_APPROVAL_RULE_MESSAGE,
	HG_APPROVAL_EVIDENCE
};
#define HG_APPROVAL_COLUMNS HG_APPROVAL_EVIDENCE

/* The part of a row that asking and waiting need; strings palloc'd. */
typedef struct HgTicket
{
	char		id[HG_UUID_LEN];
	char	   *state;
	TimestampTz requested_at;
	TimestampTz expires_at;
	TimestampTz grant_expires_at;	/* 0: none */
	TimestampTz decided_at;		/* 0: none */
	int			rule_id;
	int64		max_rows;		/* -1: none */
	char	   *consumed_by;	/* token or NULL */
	char	   *decided_by;		/* may be NULL */
	char	   *reason;			/* may be NULL */
	char	   *delivery_state;
	char	   *delivery_error; /* may be NULL */
} HgTicket;

/*
 * Who decides; name NULL: whoever may decide every request.  Of several, in
 * the name separated by commas, one with an URL and nobody else is enough to
 * be without has_role.
 */
typedef struct HgApprover
{
	char	   *name;
	bool		has_url;		/* one of them has */
	bool		has_role;		/* none depends on an URL alone */
	bool		breaker_open;	/* one does, and its webhook is not asked */
} HgApprover;

/* binding.c */

/* SHA-256 over everything an approval is good for; text into out. */
extern void hg_binding_compute(const HgApprovalAsk *ask, char *out);

/* "sha256:<hex>" of some bytes. */
extern void hg_binding_digest(const void *data, Size len, char *out);

/* request.c */

/*
 * The record for HG_REC_APPROVAL_REQUEST: one JSON object of the columns of
 * hoopguard.approval, palloc'd, in the server encoding.
 */
extern char *hg_request_json(const HgApprovalAsk *ask, const char *evidence,
							 const char *id, const char *token, const char *binding,
							 const char *approver, TimestampTz now,
							 TimestampTz expires);

/* One parameter's value as text, NULL for NULL; sets its type. */
extern char *hg_request_param(ParamListInfo params, int i, Oid *type);

/* "schema.name" of an act, palloc'd; NULL when it has no object. */
extern char *hg_request_object(const HgAct *act);

/* A new version 7 uuid into out. */
extern void hg_request_uuid(char *out);

/* ticket.c: reads of the latest committed rows, no snapshot left behind */

/*
 * The row of this binding that matters: with id that row, else a usable
 * grant, else an open request, else a fresh denial.  NULL: none.
 */
extern HgTicket *hg_ticket_find(const char *binding, const char *id);

/*
 * What a ticket that has been used holds its statement to, by max_rows and
 * evidence, counting from now; NULL: nothing.  In the current context.
 */
extern HgBound *hg_ticket_bound(const HgTicket *ticket, const char *binding);

/*
 * Open requests of a subject, and those made since a time: how many exactly
 * is only counted if they may be as many as enough.
 */
extern void hg_ticket_count(const char *subject, TimestampTz since,
							int enough, int *pending, int *recent);

/* The approver a rule's requests go to; rule_approver may be NULL. */
extern void hg_ticket_approver(const char *rule_approver, HgApprover *out);

/* decide.c: the writers, all inside a transaction with SPI connected */

/*
 * One decision on a request, by SQL or webhook.  Returns the state that the
 * row has now; *done tells whether the decision holds (false: the row was in
 * a state that it cannot change).  Logs, notifies, and wakes the waiters at
 * commit.  binding may be NULL (not checked).
 */
typedef enum HgDecision
{
	HG_DECIDE_APPROVE,
	HG_DECIDE_DENY,
	HG_DECIDE_REVOKE
} HgDecision;

typedef struct HgDecisionInput
{
	HgDecision	decision;
	const char *id;
	const char *binding;
	const char *voter;			/* counts once towards the quorum */
	const char *approver;		/* for whom; NULL: as role says */
	const char *role;			/* oid of the voter as text; NULL: for each */
	const char *who;			/* shown as the decider */
	const char *via;			/* sql, webhook, relay */
	const char *client_addr;	/* may be NULL */
	const char *reason;			/* may be NULL */
	int64		ttl_s;			/* 0: the default */
	int64		max_rows;		/* -1: no bound */
} HgDecisionInput;

extern char *hg_decide(const HgDecisionInput *in, bool *done);

/* A state edge: log row, notification, wake-up at commit. */
extern void hg_decide_edge(const char *id, const char *from, const char *to,
						   const char *who, const char *via,
						   const char *client_addr, const char *detail);

/* The same, by a decision that came when the request was closed. */
extern void hg_decide_late_edge(const char *id, const char *from,
								const char *to, const char *who,
								const char *via, const char *client_addr,
								const char *detail);

/*
 * quick.c: what the recorder does each time, without SQL.  False: nothing was
 * done, and it has to be done in SQL.
 */

/*
 * Store a request and hand its delivery, repeated after lease_s, to the
 * courier.
 */
extern bool hg_quick_request(const char *data, int lease_s);

/*
 * Apply a webhook's "allow".  If the session that asked still waits, its
 * ticket is used up in the same transaction.
 */
extern bool hg_quick_approve(const HgDecisionInput *in);

/* A row of approval_log; only in a worker. */
extern bool hg_quick_log(const char *id, const char *from, const char *to,
						 const char *who, const char *via, const char *detail,
						 bool late);

/* late.c: decisions that came when a request was closed */

/* Can a request in this state not be decided any more? */
extern bool hg_late_state(const char *state);

/* What the log says of such a decision. */
extern const char *hg_late_text(HgDecision decision);

/*
 * Have the recorder log a refused decision, whatever becomes of this
 * transaction.  Only for those who had the right to decide.  webhook_id: of
 * the message that carried it, which counts once; else NULL.
 */
extern void hg_late_push(const HgDecisionInput *in, const char *state,
						 const char *webhook_id);

/* worker.c: recorder handlers and tick, wired by hg_approval_register() */
extern void hg_worker_on_request(const char *data, Size len);
extern void hg_worker_on_consume(const char *data, Size len);
extern void hg_worker_on_cancel(const char *data, Size len);
extern void hg_worker_on_break_glass(const char *data, Size len);
extern void hg_worker_on_late(const char *data, Size len);
extern long hg_worker_tick(bool committed);

/* Fill a reserved delivery for body's approver: redacts, writes the body. */
extern void hg_worker_fill(int i, HgRequestBody *body, const char *url,
						   TimestampTz expires);

/* approval.c: what happens when this transaction commits */

/* Wake whoever waits for the request, stop its webhook if it is decided. */
extern void hg_effect_wake(const char *id, bool decided);

/* Tell the slot of token that its request is the row id. */
extern void hg_effect_stored(const char *token, const char *id);

/* Hand delivery i to the courier; given back if the transaction fails. */
extern void hg_effect_publish(int i);

/* The result in delivery i has been applied. */
extern void hg_effect_release(int i);

/*
 * approval.c: tickets that are used up by the transaction that approves
 *
 * If just one session waits for the request, take its token: its ticket is to
 * be used up in this transaction, and the session will not leave without
 * knowing.  Given back if the transaction fails, or by unclaim.
 */
extern bool hg_approval_claim(const char *id, char *token);
extern void hg_approval_unclaim(const char *token);

/* approval.c: slots taken and there, for status() */
extern void hg_approval_slots(int *used, int *total);

/* decide.c: SPI with text parameters */

/*
 * Run one statement, parameters $1 to $n given as text (NULL for NULL), and
 * return the SPI code; ERROR if it is not one of success.  Rows are in
 * SPI_tuptable.  sql must be a literal: workers keep its plan.
 */
extern int	hg_sql(const char *sql, int n, const char *const *args);

/* Column of a row of SPI_tuptable as text, NULL for NULL; 1-based. */
extern char *hg_sql_value(uint64 row, int column);

#endif							/* HG_APPROVAL_PRIVATE_H */
