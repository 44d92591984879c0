/*-------------------------------------------------------------------------
 *
 * request.c
 *	  Writes a request for approval as the record that the recorder stores.
 *
 * Runs in the session that asks, which may be in a transaction that will be
 * rolled back: nothing here writes.  Values are those of the statement, in
 * full: an approver decides on what he sees.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xlog.h"
#include "approval/approval_private.h"
#include "commands/dbcommands.h"
#include "common/ip.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "base/port.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

void
hg_request_uuid(char *out)
{
	uint8		b[16];
	uint64		ms;
	int			n = 0;

	if (!pg_strong_random(b, sizeof(b)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	ms = (uint64) (GetCurrentTimestamp() / 1000) +
		((uint64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) *
		 SECS_PER_DAY * 1000);
	for (int i = 0; i < 6; i++)
		b[i] = (uint8) (ms >> (8 * (5 - i)));
	b[6] = (b[6] & 0x0f) | 0x70;
	b[8] = (b[8] & 0x3f) | 0x80;
	for (int i = 0; i < 16; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[n++] = '-';
		snprintf(out + n, 3, "%02x", b[i]);
		n += 2;
	}
}

char *
hg_request_param(ParamListInfo params, int i, Oid *type)
{
	ParamExternData workspace;
	ParamExternData *prm;
	Oid			func;
	bool		varlena;

	if (params->paramFetch != NULL)
		prm = params->paramFetch(params, i + 1, false, &workspace);
	else
		prm = &params->params[i];
	*type = prm->ptype;
	if (!OidIsValid(prm->ptype) || prm->isnull)
		return NULL;
	getTypeOutputInfo(prm->ptype, &func, &varlena);
	return OidOutputFunctionCall(func, prm->value);
}

char *
hg_request_object(const HgAct *act)
{
	if (act->name == NULL || act->name[0] == '\0')
		return NULL;
	if (act->schema == NULL)
		return pstrdup(act->name);
	return psprintf("%s.%s", act->schema, act->name);
}

/* ,"name":"value" or ,"name":null */
static void
member(StringInfo buf, const char *name, const char *value)
{
	appendStringInfo(buf, ",\"%s\":", name);
	if (value != NULL)
		escape_json(buf, value);
	else
		appendStringInfoString(buf, "null");
}

static void
member_number(StringInfo buf, const char *name, double value)
{
	if (value >= 0 && !isnan(value) && !isinf(value))
		appendStringInfo(buf, ",\"%s\":%.0f", name, value);
	else
		appendStringInfo(buf, ",\"%s\":null", name);
}

static void
string_list(StringInfo buf, const char *name, char **values, int n)
{
	appendStringInfo(buf, ",\"%s\":[", name);
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(buf, ',');
		escape_json(buf, values[i]);
	}
	appendStringInfoChar(buf, ']');
}

static void
add_facts(StringInfo buf, const HgApprovalAsk *ask)
{
	ListCell   *lc;
	bool		first = true;

	appendStringInfo(buf, ",\"facts\":{\"command\":\"%s\",\"acts\":[",
					 hg_command_name(ask->facts->command));
	foreach(lc, ask->facts->acts)
	{
		const HgAct *act = (const HgAct *) lfirst(lc);

		appendStringInfo(buf, "%s{\"command\":\"%s\"", first ? "" : ",",
						 hg_command_name(act->command));
		first = false;
		member(buf, "object", hg_request_object(act));
		if (act->unbounded)
			appendStringInfoString(buf, ",\"unbounded\":true");
		if (act->unbounded_why != NULL)
			member(buf, "unbounded_why", act->unbounded_why);
		member_number(buf, "rows", act->rows);
		if (act->locks_mb >= 0)
			member_number(buf, "locks_mb", act->locks_mb);
		string_list(buf, "classes", act->touched_classes, act->ntouched);
		string_list(buf, "holds", act->held_classes, act->nheld);
		appendStringInfoChar(buf, '}');
	}
	appendStringInfoString(buf, "],\"estimate\":{\"rows\":");
	if (ask->est_rows >= 0 && !isnan(ask->est_rows) && !isinf(ask->est_rows))
		appendStringInfo(buf, "%.0f", ask->est_rows);
	else
		appendStringInfoString(buf, "null");
	member_number(buf, "cost", ask->est_cost);
	appendStringInfoChar(buf, '}');
	member(buf, "text", ask->facts->text);
	appendStringInfo(buf, ",\"fingerprint\":\"%016llx\"}",
					 (unsigned long long) ask->facts->fingerprint);
}

static void
add_params(StringInfo buf, ParamListInfo params)
{
	int			n = params ? params->numParams : 0;
	bool		first = true;

	appendStringInfoString(buf, ",\"params\":[");
	for (int i = 0; i < n; i++)
	{
		Oid			type;
		char	   *value = hg_request_param(params, i, &type);

		if (!OidIsValid(type))
			continue;
		appendStringInfo(buf, "%s{\"n\":%d", first ? "" : ",", i + 1);
		first = false;
		member(buf, "type", format_type_be(type));
		member(buf, "value", value);
		appendStringInfoChar(buf, '}');
	}
	appendStringInfoChar(buf, ']');
}

static void
add_requester(StringInfo buf, const HgApprovalAsk *ask)
{
	const HgIdentity *identity = ask->policy->identity;
	const HgSubject *subject = identity->subjects != NIL ?
		(const HgSubject *) linitial(identity->subjects) : NULL;
	char		addr[NI_MAXHOST] = "";

	if (MyProcPort != NULL && MyProcPort->raddr.addr.ss_family != AF_UNIX)
	{
		if (pg_getnameinfo_all(&MyProcPort->raddr.addr,
							   MyProcPort->raddr.salen, addr, sizeof(addr),
							   NULL, 0, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
			addr[0] = '\0';
	}
	appendStringInfo(buf, ",\"requester\":{\"backend_pid\":%d", MyProcPid);
	member(buf, "session_user", identity->session_role_name);
	member(buf, "current_user", identity->current_role_name);
	member(buf, "agent", subject ? subject->name : NULL);
	member(buf, "owner", subject ? subject->owner : NULL);
	member(buf, "model", subject ? subject->model : NULL);
	member(buf, "application_name", GetConfigOption("application_name",
													true, false));
	member(buf, "client_addr", addr[0] ? addr : NULL);
	member(buf, "intent", hg_guc_intent && hg_guc_intent[0] ?
		   hg_guc_intent : NULL);
	appendStringInfoChar(buf, '}');
}

char *
hg_request_json(const HgApprovalAsk *ask, const char *evidence, const char *id,
				const char *token, const char *binding, const char *approver, TimestampTz now,
				TimestampTz expires)
{
	const HgIdentity *identity = ask->policy->identity;
	const HgSubject *subject = identity->subjects != NIL ?
		(const HgSubject *) linitial(identity->subjects) : NULL;
	const HgRule *rule = ask->verdict->rule;
	StringInfoData buf;
	char		digest[HG_BINDING_LEN];

	hg_binding_digest(ask->text, strlen(ask->text), digest);
	initStringInfo(&buf);
	appendStringInfo(&buf, "{\"id\":\"%s\",\"token\":\"%s\"", id, token);
	member(&buf, "binding", binding);
	member(&buf, "subject", subject ? subject->name :
		   identity->session_role_name);
	member(&buf, "session_role", identity->session_role_name);
	appendStringInfo(&buf, ",\"session_role_oid\":%u", identity->session_role);
	member(&buf, "effective_role", identity->current_role_name);
	member(&buf, "database", get_database_name(MyDatabaseId));
	appendStringInfo(&buf, ",\"timeline\":%u", GetWALInsertionTimeLine());
	appendStringInfo(&buf, ",\"rule_id\":%d", rule ? rule->id : 0);
	member(&buf, "rule_message", rule ? rule->message : NULL);
	member(&buf, "approver", approver);
	member(&buf, "mode", ask->may_wait && hg_guc_approval_wait > 0 ?
		   "sync" : "ticket");
	/* microseconds since 2000: exact, and no TimeZone or DateStyle in it */
	appendStringInfo(&buf, ",\"requested_us\":" INT64_FORMAT
					 ",\"expires_us\":" INT64_FORMAT, now, expires);
	member(&buf, "statement_text", ask->text);
	member(&buf, "statement_sha256", digest + strlen("sha256:"));
	member(&buf, "policy_version", ask->policy->version);
	appendStringInfo(&buf, ",\"event_id\":" INT64_FORMAT, ask->event_id);
	add_facts(&buf, ask);
	add_params(&buf, ask->params);
	add_requester(&buf, ask);
	if (evidence != NULL)
		appendStringInfo(&buf, ",\"evidence\":%s", evidence);
	appendStringInfoChar(&buf, '}');
	return buf.data;
}
