/*-------------------------------------------------------------------------
 *
 * relay.c
 *	  submit_decision(): a signed decision that somebody else carries.
 *
 * A chat bridge or a PostgREST role can hand on what an approver decided,
 * without any right of its own: what counts is the signature, made with the
 * secret of the replies.  It is checked over the bytes before anything is
 * read from them, then the time, then that the message was not seen before.
 * From there on it is a reply like that of a webhook: same reader, same
 * states, and one vote together with the approver's webhook.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "approval/approval_private.h"
#include "approval/delivery.h"
#include "base/guc.h"
#include "base/report.h"
#include "courier/webhook_sign.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#define WINDOW_S 300			/* Standard Webhooks: five minutes */
#define ID_MAX 128				/* bytes of a message id */

PG_FUNCTION_INFO_V1(hoopguard_submit_decision);

pg_noreturn static void refuse(const char *id, const char *state,
							   const char *why);

static void
refuse(const char *id, const char *state, const char *why)
{
	ereport(ERROR,
			(errcode(HG_ERRCODE_TICKET),
			 errmsg("decision not accepted: %s", why),
			 errdetail_internal("{\"verdict\": \"approve\", \"approval\": %s, \"state\": %s}",
								id ? hg_report_quote(id) : "null",
								state ? hg_report_quote(state) : "null")));
	pg_unreachable();
}

/* Raises unless one of the secrets has signed the message. */
static void
check_signature(const char *id, int64 at, const char *body, Size len,
				const char *signature)
{
	HgSecrets	secrets;
	char		error[128] = "no secret file is set";
	bool		good;
	int64		now = (int64) time(NULL);

	if (hg_guc_webhook_secret_file == NULL ||
		hg_guc_webhook_secret_file[0] == '\0' ||
		!hg_secrets_load(hg_guc_webhook_secret_file, &secrets, error,
						 sizeof(error)))
		ereport(ERROR,
				(errcode(HG_ERRCODE_NO_APPROVER),
				 errmsg("no signing secret can be used"),
				 errdetail_internal("{\"verdict\": \"approve\", \"reason\": %s}",
									hg_report_quote(error)),
				 errhint("See hoopguard.webhook_secret_file.")));

	/* a secret for replies, once there is one, is the only one for them */
	if (secrets.nresponse > 0)
		good = hg_webhook_verify(secrets.response, secrets.nresponse, id, at,
								 body, len, signature);
	else
		good = hg_webhook_verify(secrets.request, secrets.nrequest, id, at,
								 body, len, signature);
	explicit_bzero(&secrets, sizeof(secrets));
	if (!good)
		refuse(NULL, NULL, "its signature is not valid");
	if (at < now - WINDOW_S || at > now + WINDOW_S)
		refuse(NULL, NULL, "its time is more than five minutes off");
}

/* A message counts once.  Two at a time wait for each other here. */
static void
check_replay(const char *webhook_id)
{
	const char *args[1];

	args[0] = webhook_id;
	hg_sql("INSERT INTO hoopguard.approval_relay (webhook_id) VALUES ($1)"
		   " ON CONFLICT DO NOTHING", 1, args);
	if (SPI_processed == 0)
		refuse(NULL, NULL, "a message with this id was taken before");
}

/* The message's members as text of this database, nothing hidden in it. */
static char *
shown(const char *s)
{
	char	   *text;

	if (s[0] == '\0')
		return NULL;
	text = hg_reply_visible(s);
	return pg_any_to_server(text, strlen(text), PG_UTF8);
}

/*
 * submit_decision(body text, webhook_id text, webhook_timestamp bigint,
 * webhook_signature text) -> text, the new state
 */
Datum
hoopguard_submit_decision(PG_FUNCTION_ARGS)
{
	MemoryContext outer = CurrentMemoryContext;
	HgDecisionInput in;
	HgReply		reply;
	const char *args[1];
	char		id[HG_UUID_LEN];
	char	   *webhook_id;
	char	   *body;
	char	   *state;
	char	   *binding;
	bool		done;
	int			len;

	if (hg_delivery == NULL)
		hg_report_not_preloaded();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) ||
		PG_ARGISNULL(3))
		refuse(NULL, NULL, "one of its parts is null");
	if (hg_subject_current()->governed)
		ereport(ERROR,
				(errcode(HG_ERRCODE_DENIED),
				 errmsg("a governed session cannot decide on approvals"),
				 errdetail_internal("{\"verdict\": \"deny\", \"rule\": \"builtin\"}")));

	body = text_to_cstring(PG_GETARG_TEXT_PP(0));
	webhook_id = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (webhook_id[0] == '\0' || strlen(webhook_id) > ID_MAX ||
		strchr(webhook_id, '.') != NULL)
		refuse(NULL, NULL, "its id is empty, too long, or has a dot in it");
	/* signed are the bytes as they were sent */
	body = pg_server_to_any(body, strlen(body), PG_UTF8);
	len = strlen(body);
	if (len > HG_REPLY_MAX)
		refuse(NULL, NULL, "it is too long");
	check_signature(webhook_id, PG_GETARG_INT64(2), body, len,
					text_to_cstring(PG_GETARG_TEXT_PP(3)));
	if (!hg_reply_id(body, len, id, sizeof(id)))
		refuse(NULL, NULL, "it names no request");

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to the SPI manager");
	check_replay(webhook_id);
	args[0] = id;
	hg_sql("SELECT a.state, a.binding, COALESCE(a.approver, 'webhook'),"
		   " pg_catalog.host(pg_catalog.inet_client_addr()),"
		   " a.session_role, a.effective_role, a.subject, a.id"
		   " FROM hoopguard.approval a WHERE a.id = $1::pg_catalog.uuid"
		   " FOR NO KEY UPDATE", 1, args);
	if (SPI_processed == 0)
		refuse(id, "unknown", "the request does not exist");
	state = hg_sql_value(0, 1);
	binding = hg_sql_value(0, 2);
	memset(&reply, 0, sizeof(reply));
	hg_reply_parse(body, len, id, binding, &reply);
	if (reply.decision == HG_REPLY_FAILED)
		refuse(id, state, reply.error);
	if (reply.decision == HG_REPLY_PENDING)
		refuse(id, state, "it decides nothing");

	memset(&in, 0, sizeof(in));
	in.decision = reply.decision == HG_REPLY_ALLOW ?
		HG_DECIDE_APPROVE : HG_DECIDE_DENY;
	in.id = id;
	in.binding = binding;
	in.voter = psprintf("webhook:%s", hg_sql_value(0, 3));
	in.client_addr = hg_sql_value(0, 4);
	in.who = shown(reply.approver);
	if (in.who == NULL)
		in.who = GetUserNameFromId(GetSessionUserId(), false);
	in.via = "relay";
	in.reason = shown(reply.reason);
	in.ttl_s = reply.grant_ttl_s;
	in.max_rows = reply.max_rows;

	/* who asked cannot be who decided, whoever carries it */
	for (int i = 5; i <= 7 && in.decision == HG_DECIDE_APPROVE; i++)
	{
		char	   *requester = hg_sql_value(0, i);

		if (requester != NULL && pg_strcasecmp(requester, in.who) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("cannot decide on one's own approval request %s",
							id)));
	}

	state = hg_decide(&in, &done);
	if (!done)
	{
		hg_late_push(&in, state, webhook_id);
		refuse(id, state, psprintf("the request is %s", state));
	}
	state = MemoryContextStrdup(outer, state);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(state));
}
