/*-------------------------------------------------------------------------
 *
 * decide.c
 *	  Decisions on requests, and the record of every step.
 *
 * One function for people (SQL) and webhooks, so that both obey the same
 * state machine.  The row is locked first and every change is conditional on
 * its state; what waiters and listeners learn, they learn at commit.
 *
 *		pending -> approved | denied | expired | cancelled
 *		approved -> consumed | denied | revoked | expired
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "approval/approval_private.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#define MAX_ARGS 12

int
hg_sql(const char *sql, int n, const char *const *args)
{
	Oid			types[MAX_ARGS];
	Datum		values[MAX_ARGS];
	char		nulls[MAX_ARGS] = {0};
	int			rc;

	Assert(n <= MAX_ARGS);
	for (int i = 0; i < n; i++)
	{
		types[i] = TEXTOID;
		nulls[i] = args[i] == NULL ? 'n' : ' ';
		values[i] = args[i] == NULL ? (Datum) 0 : CStringGetTextDatum(args[i]);
	}
	rc = SPI_execute_with_args(sql, n, types, values, nulls, false, 0);
	if (rc < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not run a statement on the approval tables: %s",
						SPI_result_code_string(rc))));
	return rc;
}

char *
hg_sql_value(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						column);
}

void
hg_decide_edge(const char *id, const char *from, const char *to,
			   const char *who, const char *via, const char *client_addr,
			   const char *detail)
{
	const char *args[7];
	char		payload[128];

	args[0] = id;
	args[1] = from;
	args[2] = to;
	args[3] = who;
	args[4] = via;
	args[5] = client_addr;
	args[6] = detail;
	hg_sql("INSERT INTO hoopguard.approval_log"
		   " (approval_id, from_state, to_state, who, via, client_addr, detail)"
		   " VALUES ($1::pg_catalog.uuid, $2, $3, $4, $5,"
		   " $6::pg_catalog.inet, $7)", 7, args);
	if (from != NULL && strcmp(from, to) == 0)
		return;

	/* anybody may listen: id and state, nothing else */
	snprintf(payload, sizeof(payload), "{\"id\":\"%s\",\"state\":\"%s\"}", id,
			 to);
	Async_Notify("hoopguard_approval", payload);
	hg_effect_wake(id, strcmp(to, "pending") != 0);
}

/* Votes for a request, this one included; false: voted before. */
static int
count_vote(const HgDecisionInput *in)
{
	const char *args[3];

	args[0] = in->id;
	args[1] = in->voter;
	args[2] = in->via;
	hg_sql("INSERT INTO hoopguard.approval_vote (approval_id, voter, via)"
		   " VALUES ($1::pg_catalog.uuid, $2, $3) ON CONFLICT DO NOTHING",
		   3, args);
	hg_sql("SELECT pg_catalog.count(*) FROM hoopguard.approval_vote"
		   " WHERE approval_id = $1::pg_catalog.uuid", 1, args);
	return atoi(hg_sql_value(0, 1));
}

static char *
approve(const HgDecisionInput *in, int quorum)
{
	const char *args[8];
	char		ttl[32];
	char		rows[32];
	char		grant[32];
	int64		seconds = Min(hg_guc_approval_grant_ttl, hg_guc_approval_ttl);

	if (in->ttl_s > 0)
		seconds = Min(seconds, in->ttl_s);
	snprintf(ttl, sizeof(ttl), INT64_FORMAT, seconds);
	snprintf(rows, sizeof(rows), INT64_FORMAT, in->max_rows);
	snprintf(grant, sizeof(grant), "%d", hg_guc_approval_grant_ttl);
	args[0] = in->id;
	args[1] = ttl;
	args[2] = in->max_rows >= 0 ? rows : NULL;

	/* the narrowest of all votes holds */
	hg_sql("UPDATE hoopguard.approval SET"
		   " grant_ttl_s = LEAST(grant_ttl_s, $2::pg_catalog.int8),"
		   " max_rows = LEAST(max_rows, $3::pg_catalog.int8)"
		   " WHERE id = $1::pg_catalog.uuid", 3, args);
	if (count_vote(in) < quorum)
	{
		hg_decide_edge(in->id, "pending", "pending", in->who, in->via,
					   in->client_addr, "vote");
		return pstrdup("pending");
	}
	args[1] = in->who;
	args[2] = in->via;
	args[3] = in->reason;
	hg_sql("UPDATE hoopguard.approval SET state = 'approved',"
		   " decided_by = $2, decided_via = $3, reason = $4,"
		   " decided_at = pg_catalog.clock_timestamp(),"
		   " grant_expires_at = pg_catalog.clock_timestamp()"
		   " + pg_catalog.make_interval(secs => grant_ttl_s),"
		   " next_delivery_at = NULL"
		   " WHERE id = $1::pg_catalog.uuid", 4, args);
	hg_decide_edge(in->id, "pending", "approved", in->who, in->via,
				   in->client_addr, in->reason);
	return pstrdup("approved");
}

static char *
end_request(const HgDecisionInput *in, const char *from, const char *to)
{
	const char *args[5];

	args[0] = in->id;
	args[1] = in->who;
	args[2] = in->via;
	args[3] = in->reason;
	args[4] = to;
	hg_sql("UPDATE hoopguard.approval SET state = $5,"
		   " decided_by = $2, decided_via = $3, reason = $4,"
		   " decided_at = pg_catalog.clock_timestamp(),"
		   " next_delivery_at = NULL"
		   " WHERE id = $1::pg_catalog.uuid", 5, args);
	hg_decide_edge(in->id, from, to, in->who, in->via, in->client_addr,
				   in->reason);
	return pstrdup(to);
}

char *
hg_decide(const HgDecisionInput *in, bool *done)
{
	const char *args[1];
	char	   *state;
	int			quorum;

	*done = false;
	args[0] = in->id;
	hg_sql("SELECT CASE WHEN a.state = 'pending'"
		   " AND a.expires_at <= pg_catalog.clock_timestamp() THEN 'expired'"
		   " WHEN a.state = 'approved'"
		   " AND a.grant_expires_at <= pg_catalog.clock_timestamp()"
		   " THEN 'expired' ELSE a.state END,"
		   " COALESCE(p.quorum, 1), a.binding"
		   " FROM hoopguard.approval a"
		   " LEFT JOIN hoopguard.approver p ON p.name = a.approver"
		   " WHERE a.id = $1::pg_catalog.uuid FOR UPDATE OF a", 1, args);
	if (SPI_processed == 0)
		return pstrdup("unknown");
	state = hg_sql_value(0, 1);
	quorum = atoi(hg_sql_value(0, 2));
	if (in->binding != NULL && strcmp(hg_sql_value(0, 3), in->binding) != 0)
		return state;

	switch (in->decision)
	{
		case HG_DECIDE_APPROVE:
			if (strcmp(state, "pending") == 0)
			{
				*done = true;
				return approve(in, quorum);
			}
			*done = strcmp(state, "approved") == 0;
			break;
		case HG_DECIDE_DENY:
			if (strcmp(state, "pending") == 0 ||
				strcmp(state, "approved") == 0)
			{
				*done = true;
				return end_request(in, state, "denied");
			}
			*done = strcmp(state, "denied") == 0;
			break;
		case HG_DECIDE_REVOKE:
			if (strcmp(state, "approved") == 0)
			{
				*done = true;
				return end_request(in, state, "revoked");
			}
			*done = strcmp(state, "revoked") == 0;
			break;
	}
	return state;
}
