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
 *		consumed -> approved, if its session left before it could run
 *		cancelled -> approved | denied, with hoopguard.approval_late_grants
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "approval/approval_private.h"
#include "base/catalog.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#define MAX_ARGS 12

/* A worker's statements are few and come again and again: kept plans. */
typedef struct KeptPlan
{
	const char *sql;			/* a literal: found by its address */
	int			n;
	SPIPlanPtr	plan;
} KeptPlan;

static KeptPlan kept[64];
static int	nkept = 0;

static SPIPlanPtr
kept_plan(const char *sql, int n, Oid *types)
{
	SPIPlanPtr	plan;

	for (int i = 0; i < nkept; i++)
		if (kept[i].sql == sql && kept[i].n == n)
			return kept[i].plan;
	if (nkept == lengthof(kept))
		return NULL;
	plan = SPI_prepare_cursor(sql, n, types, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		return NULL;
	kept[nkept].sql = sql;
	kept[nkept].n = n;
	kept[nkept].plan = plan;
	nkept++;
	return plan;
}

int
hg_sql(const char *sql, int n, const char *const *args)
{
	Oid			types[MAX_ARGS];
	Datum		values[MAX_ARGS];
	char		nulls[MAX_ARGS] = {0};
	SPIPlanPtr	plan = NULL;
	int			rc;

	Assert(n <= MAX_ARGS);
	for (int i = 0; i < n; i++)
	{
		types[i] = TEXTOID;
		nulls[i] = args[i] == NULL ? 'n' : ' ';
		values[i] = args[i] == NULL ? (Datum) 0 : CStringGetTextDatum(args[i]);
	}
	if (hg_in_worker)
		plan = kept_plan(sql, n, types);
	if (plan != NULL)
		rc = SPI_execute_plan(plan, values, nulls, false, 0);
	else
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

static void
edge(const char *id, const char *from, const char *to, const char *who,
	 const char *via, const char *client_addr, const char *detail, bool late)
{
	const char *args[8];
	char		payload[128];

	args[0] = id;
	args[1] = from;
	args[2] = to;
	args[3] = who;
	args[4] = via;
	args[5] = client_addr;
	args[6] = detail;
	args[7] = late ? "t" : "f";
	if (client_addr != NULL ||
		!hg_quick_log(id, from, to, who, via, detail, late))
		hg_sql("INSERT INTO hoopguard.approval_log (approval_id, from_state,"
			   " to_state, who, via, client_addr, detail, late)"
			   " VALUES ($1::pg_catalog.uuid, $2, $3, $4, $5,"
			   " $6::pg_catalog.inet, $7, $8::pg_catalog.bool)", 8, args);
	if (from != NULL && strcmp(from, to) == 0)
		return;

	/* anybody may listen: id and state, nothing else */
	snprintf(payload, sizeof(payload), "{\"id\":\"%s\",\"state\":\"%s\"}", id,
			 to);
	Async_Notify("hoopguard_approval", payload);
	hg_effect_wake(id, strcmp(to, "pending") != 0);
}

void
hg_decide_edge(const char *id, const char *from, const char *to,
			   const char *who, const char *via, const char *client_addr,
			   const char *detail)
{
	edge(id, from, to, who, via, client_addr, detail, false);
}

void
hg_decide_late_edge(const char *id, const char *from, const char *to,
					const char *who, const char *via, const char *client_addr,
					const char *detail)
{
	edge(id, from, to, who, via, client_addr, detail, true);
}

/* ---- votes --------------------------------------------------------------- */

#define MAX_SLOTS 8				/* approvers a rule may name */
#define MAX_CHOICES 8			/* he, and whom it was escalated to */
#define MAX_VOTES 256

typedef struct Choice
{
	char	   *approver;
	int			quorum;
} Choice;

typedef struct Slot
{
	int			number;
	int			nchoices;
	Choice		choices[MAX_CHOICES];
} Slot;

typedef struct Tally
{
	int			nslots;
	Slot		slots[MAX_SLOTS];
	const Choice *chosen[MAX_SLOTS];
	int			nvotes;
	List	   *votes[MAX_VOTES];	/* of names; NIL: counts for each */
} Tally;

static bool
vote_counts(const List *vote, const char *approver)
{
	ListCell   *lc;

	if (vote == NIL)
		return true;
	foreach(lc, vote)
	{
		if (strcmp((const char *) lfirst(lc), approver) == 0)
			return true;
	}
	return false;
}

/*
 * Can the votes be shared out so that each slot has its quorum, nobody
 * counting twice?  They can if and only if for each set of slots there are as
 * many votes that count for one of them as these slots want together (Hall).
 */
static bool
enough(const Tally *tally)
{
	for (int set = 1; set < 1 << tally->nslots; set++)
	{
		int			want = 0;
		int			have = 0;

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < tally->nslots; i++)
			if (set & (1 << i))
				want += tally->chosen[i]->quorum;
		for (int v = 0; v < tally->nvotes; v++)
			for (int i = 0; i < tally->nslots; i++)
				if ((set & (1 << i)) &&
					vote_counts(tally->votes[v], tally->chosen[i]->approver))
				{
					have++;
					break;
				}
		if (have < want)
			return false;
	}
	return true;
}

/* Is there a choice for each slot from this one on that has enough votes? */
static bool
choose(Tally *tally, int slot)
{
	if (slot == tally->nslots)
		return enough(tally);
	for (int i = 0; i < tally->slots[slot].nchoices; i++)
	{
		tally->chosen[slot] = &tally->slots[slot].choices[i];
		if (choose(tally, slot + 1))
			return true;
	}
	return false;
}

/* Count a vote; true when the request has all it needs. */
static bool
count_vote(const HgDecisionInput *in)
{
	const char *args[5];
	Tally	   *tally = palloc0(sizeof(Tally));
	uint64		row;

	args[0] = in->id;
	args[1] = in->voter;
	args[2] = in->via;
	args[3] = in->approver;
	args[4] = in->role;
	hg_sql("INSERT INTO hoopguard.approval_vote AS v"
		   " (approval_id, voter, via, approvers)"
		   " SELECT $1::pg_catalog.uuid, $2, $3,"
		   " CASE WHEN $4 IS NOT NULL THEN ARRAY[$4]"
		   " WHEN $5 IS NULL THEN '{*}'"
		   " WHEN pg_catalog.has_function_privilege($5::pg_catalog.oid,"
		   " 'hoopguard.approver_of_all()', 'EXECUTE') THEN '{*}'"
		   " ELSE ARRAY(SELECT DISTINCT p.name"
		   " FROM hoopguard.approval_target t"
		   " JOIN hoopguard.approver p ON p.name = t.approver"
		   " WHERE t.approval_id = $1::pg_catalog.uuid"
		   " AND p.role IS NOT NULL"
		   " AND pg_catalog.pg_has_role($5::pg_catalog.oid,"
		   " p.role::pg_catalog.oid, 'MEMBER')) END"
		   " ON CONFLICT (approval_id, voter)"
		   " DO UPDATE SET approvers = EXCLUDED.approvers", 5, args);

	hg_sql("SELECT t.slot, t.approver, COALESCE(p.quorum, 1)"
		   " FROM hoopguard.approval_target t"
		   " LEFT JOIN hoopguard.approver p ON p.name = t.approver"
		   " WHERE t.approval_id = $1::pg_catalog.uuid"
		   " ORDER BY t.slot, t.since", 1, args);
	for (row = 0; row < SPI_processed; row++)
	{
		int			number = atoi(hg_sql_value(row, 1));
		Slot	   *slot;

		if (tally->nslots == 0 ||
			tally->slots[tally->nslots - 1].number != number)
		{
			/* add_rule() allows no more; more are not decided */
			if (tally->nslots == MAX_SLOTS)
				return false;
			tally->slots[tally->nslots++].number = number;
		}
		slot = &tally->slots[tally->nslots - 1];
		if (slot->nchoices == MAX_CHOICES)
			continue;
		slot->choices[slot->nchoices].approver = hg_sql_value(row, 2);
		slot->choices[slot->nchoices++].quorum = atoi(hg_sql_value(row, 3));
	}
	if (tally->nslots == 0)
	{
		/* no approver at all: one of those who may decide everything */
		tally->nslots = 1;
		tally->slots[0].nchoices = 1;
		tally->slots[0].choices[0].approver = "";
		tally->slots[0].choices[0].quorum = 1;
	}

	hg_sql("SELECT v.voter, n FROM hoopguard.approval_vote v"
		   " LEFT JOIN LATERAL pg_catalog.unnest(v.approvers) n ON true"
		   " WHERE v.approval_id = $1::pg_catalog.uuid ORDER BY v.voter", 1,
		   args);
	for (row = 0; row < SPI_processed; row++)
	{
		char	   *name = hg_sql_value(row, 2);

		if (row == 0 || strcmp(hg_sql_value(row, 1),
							   hg_sql_value(row - 1, 1)) != 0)
		{
			if (tally->nvotes == MAX_VOTES)
				break;
			tally->votes[tally->nvotes++] = NIL;
		}
		if (name == NULL)
			name = ",";			/* for nobody any more */
		if (strcmp(name, "*") != 0)
			tally->votes[tally->nvotes - 1] =
				lappend(tally->votes[tally->nvotes - 1], name);
	}
	return choose(tally, 0);
}

/* from: pending, or cancelled where that may still be approved */
static char *
approve(const HgDecisionInput *in, const char *from)
{
	const char *args[8];
	bool		late = strcmp(from, "pending") != 0;
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
	if (!count_vote(in))
	{
		edge(in->id, from, from, in->who, in->via, in->client_addr, "vote",
			 late);
		return pstrdup(from);
	}
	args[1] = in->who;
	args[2] = in->via;
	args[3] = in->reason;
	hg_sql("UPDATE hoopguard.approval SET state = 'approved',"
		   " decided_by = $2, decided_via = $3, reason = $4,"
		   " decided_at = pg_catalog.clock_timestamp(),"
		   " grant_expires_at = pg_catalog.clock_timestamp()"
		   " + pg_catalog.make_interval(secs => grant_ttl_s)"
		   " WHERE id = $1::pg_catalog.uuid", 4, args);
	edge(in->id, from, "approved", in->who, in->via, in->client_addr,
		 in->reason, late);
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
		   " decided_at = pg_catalog.clock_timestamp()"
		   " WHERE id = $1::pg_catalog.uuid", 5, args);
	edge(in->id, from, to, in->who, in->via, in->client_addr, in->reason,
		 strcmp(from, "cancelled") == 0);
	return pstrdup(to);
}

char *
hg_decide(const HgDecisionInput *in, bool *done)
{
	const char *args[1];
	char	   *state;
	bool		late_open;

	*done = false;
	args[0] = in->id;
	hg_sql("SELECT CASE WHEN a.state = 'pending'"
		   " AND a.expires_at <= pg_catalog.clock_timestamp() THEN 'expired'"
		   " WHEN a.state = 'approved'"
		   " AND a.grant_expires_at <= pg_catalog.clock_timestamp()"
		   " THEN 'expired' ELSE a.state END,"
		   " a.binding,"
		   " a.state = 'cancelled'"
		   " AND a.expires_at > pg_catalog.clock_timestamp()"
		   " AND NOT EXISTS (SELECT FROM hoopguard.approval d"
		   " WHERE d.binding = a.binding AND d.state = 'denied'"
		   " AND d.decided_at > pg_catalog.clock_timestamp()"
		   " - pg_catalog.make_interval(secs => "
		   CppAsString2(HG_DENY_MEMORY_S) "))"
		   " FROM hoopguard.approval a"
		   " WHERE a.id = $1::pg_catalog.uuid FOR NO KEY UPDATE OF a", 1, args);
	if (SPI_processed == 0)
		return pstrdup("unknown");
	state = hg_sql_value(0, 1);

	/* not past a denial that the same statement has met since */
	late_open = hg_guc_approval_late_grants && hg_sql_value(0, 3)[0] == 't';
	if (in->binding != NULL && strcmp(hg_sql_value(0, 2), in->binding) != 0)
		return state;

	switch (in->decision)
	{
		case HG_DECIDE_APPROVE:
			if (strcmp(state, "pending") == 0 || late_open)
			{
				*done = true;
				return approve(in, state);
			}
			*done = strcmp(state, "approved") == 0;
			break;
		case HG_DECIDE_DENY:
			if (strcmp(state, "pending") == 0 ||
				strcmp(state, "approved") == 0 || late_open)
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
