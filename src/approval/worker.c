/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  The recorder's part: stores requests, uses up tickets, feeds the
 *	  courier and applies its answers.
 *
 * Everything runs in the recorder's transaction and may run again after a
 * failed batch, so each step is conditional on the row.  Nothing waits for a
 * row that somebody decides on in an open transaction: all that is recorded
 * in the database would wait with it.  What cannot be done without the row
 * is done later.  An entry of the
 * delivery table is handed over or freed when the transaction has committed;
 * the row's next_delivery_at is a lease that brings back a delivery that got
 * lost with shared memory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "approval/approval_private.h"
#include "approval/delivery.h"
#include "approval/redact.h"
#include "base/guc_transport.h"
#include "catalog/namespace.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* hoopguard._approver_list() without a call in SQL, which took longer */
#define LIST_OF(names) \
	"pg_catalog.regexp_split_to_array(pg_catalog.btrim(" names "), ' *, *')"

#define IN_FLIGHT_POLL_MS 500	/* if the courier's wake-up got lost */
#define AT_ONCE_MAX 4
#define SETTLE_MS 100			/* after work: then to the rest that is due */
#define RECHECK_MS 60000		/* decisions by SQL move due times unseen */
#define LEASE_S 60				/* until an unanswered delivery is repeated */
#define DUE_AT_ONCE 16			/* deliveries begun in one transaction */
#define OVERTAKE_MS 300			/* notice whose request is on its way */
#define CROWDED_MS 2000			/* notices for which there is no room */

/* seconds to the next attempt, the last one for all later ones */
static const int backoff_s[] = {5, 30, 120, 600, 1800};

static TimestampTz due_at = 0;	/* when to look at the table again */
static int	in_flight = 0;		/* deliveries of this database */
static bool applied[HG_DELIVERY_COUNT]; /* answers, by this transaction */
static TimestampTz relays_forgotten_at = 0;
static bool leases_looked_at = false;

static int	begun_at_once = 0;	/* since the last turn */

typedef struct Waiting
{
	char		id[HG_UUID_LEN];
	char		why;
	char		token[HG_UUID_LEN]; /* whose ticket is given back; else "" */
} Waiting;

static Waiting waiting[64];		/* to cancel or give back when the row is
								 * free */
static int	nwaiting = 0;

static void begin_deliveries(void);
static void expire(void);

/*
 * Something has changed that a look at the table may find work in, but what
 * is urgent of it has been done.
 */
static void
look_soon(void)
{
	TimestampTz at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												 SETTLE_MS);

	due_at = Min(due_at, at);
}

/*
 * A request leaves with the commit that stores it.  When many come together
 * that would keep all of them waiting: the rest leaves with the next turn.
 */
static void
begin_at_once(void)
{
	if (begun_at_once < AT_ONCE_MAX)
	{
		begun_at_once++;
		begin_deliveries();
	}
	else
		due_at = 0;
}

/* ---- rows that others decide on ----------------------------------------- */

/* Lock a request's row; false: it is not there, or somebody else has it. */
static bool
lock_request(const char *id)
{
	SPITupleTable *table = SPI_tuptable;
	uint64		n = SPI_processed;
	const char *args[1];
	bool		locked;

	args[0] = id;
	hg_sql("SELECT FROM hoopguard.approval a"
		   " WHERE a.id = $1::pg_catalog.uuid"
		   " FOR NO KEY UPDATE OF a SKIP LOCKED", 1, args);
	locked = SPI_processed > 0;
	SPI_tuptable = table;
	SPI_processed = n;
	return locked;
}

/* ---- records ------------------------------------------------------------ */

void
hg_worker_on_request(const char *data, Size len)
{
	const char *args[2];
	char	   *id;
	char	   *token;

	if (len == 0 || data[len - 1] != '\0')
		return;
	args[0] = data;

	/* beyond so many the rest leaves with the next turn */
	if (begun_at_once < AT_ONCE_MAX &&
		hg_quick_request(data, LEASE_S + 3 * hg_guc_webhook_timeout / 1000))
	{
		begun_at_once++;
		look_soon();
		return;
	}

	/* not even the index can be asked while somebody decides on it */
	hg_sql("SELECT a.id, $1::pg_catalog.jsonb ->> 'token',"
		   " a.expires_at > pg_catalog.clock_timestamp()"
		   " FROM hoopguard.approval a"
		   " WHERE a.binding = $1::pg_catalog.jsonb ->> 'binding'"
		   " AND a.state = 'pending'", 1, args);
	if (SPI_processed > 0 && !lock_request(hg_sql_value(0, 1)))
	{
		if (hg_sql_value(0, 3)[0] == 't')
			hg_effect_stored(hg_sql_value(0, 2), hg_sql_value(0, 1));
		return;
	}

	/* an open request that has run out must not stand for a new one */
	hg_sql("UPDATE hoopguard.approval SET state = 'expired'"
		   " WHERE binding = $1::pg_catalog.jsonb ->> 'binding'"
		   " AND state = 'pending'"
		   " AND expires_at <= pg_catalog.clock_timestamp()"
		   " RETURNING id", 1, args);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		SPITupleTable *table = SPI_tuptable;
		uint64		n = SPI_processed;

		hg_decide_edge(hg_sql_value(i, 1), "pending", "expired", NULL,
					   "recorder", NULL, NULL);
		SPI_tuptable = table;
		SPI_processed = n;
	}

	hg_sql("INSERT INTO hoopguard.approval (id, state, subject, session_role,"
		   " session_role_oid, binding, requested_at, expires_at, rule_id,"
		   " approver, delivery_state, effective_role,"
		   " database, timeline, mode, statement_text, statement_sha256,"
		   " facts, params, requester, policy_version, event_id,"
		   " rule_message, evidence)"
		   " SELECT r.id, 'pending', r.subject, r.session_role,"
		   " r.session_role_oid, r.binding,"
		   " pg_catalog.timestamptz '2000-01-01 00:00:00+00'"
		   " + r.requested_us * pg_catalog.interval '1 microsecond',"
		   " pg_catalog.timestamptz '2000-01-01 00:00:00+00'"
		   " + r.expires_us * pg_catalog.interval '1 microsecond',"
		   " r.rule_id, r.approver,"
		   " CASE WHEN EXISTS (SELECT FROM hoopguard.approver p"
		   " WHERE p.url IS NOT NULL"
		   " AND p.name = ANY (" LIST_OF("r.approver") "))"
		   " THEN 'queued' ELSE 'none' END,"
		   " r.effective_role, r.database, r.timeline, r.mode,"
		   " r.statement_text, r.statement_sha256, r.facts, r.params,"
		   " r.requester, r.policy_version, r.event_id, r.rule_message,"
		   " r.evidence FROM pg_catalog.jsonb_to_record($1::pg_catalog.jsonb) AS r"
		   " (id pg_catalog.uuid, subject pg_catalog.text,"
		   " session_role pg_catalog.text, session_role_oid pg_catalog.oid,"
		   " binding pg_catalog.text, requested_us pg_catalog.int8,"
		   " expires_us pg_catalog.int8, rule_id pg_catalog.int4,"
		   " approver pg_catalog.text, effective_role pg_catalog.text,"
		   " database pg_catalog.text, timeline pg_catalog.int8,"
		   " mode pg_catalog.text, statement_text pg_catalog.text,"
		   " statement_sha256 pg_catalog.text, facts pg_catalog.jsonb,"
		   " params pg_catalog.jsonb, requester pg_catalog.jsonb,"
		   " policy_version pg_catalog.text, event_id pg_catalog.int8,"
		   " rule_message pg_catalog.text, evidence pg_catalog.jsonb)"
		   " ON CONFLICT DO NOTHING"
		   " RETURNING id, $1::pg_catalog.jsonb ->> 'token', session_role,"
		   " approver", 1, args);
	ForceSyncCommit();
	look_soon();
	if (SPI_processed > 0)
	{
		char	   *who = hg_sql_value(0, 3);

		id = hg_sql_value(0, 1);
		token = hg_sql_value(0, 2);
		args[0] = id;
		args[1] = hg_sql_value(0, 4);
		if (args[1] != NULL)
			hg_sql("INSERT INTO hoopguard.approval_target"
				   " (approval_id, slot, approver, delivery_state,"
				   " next_delivery_at)"
				   " SELECT $1::pg_catalog.uuid, l.slot, l.name,"
				   " CASE WHEN p.url IS NULL THEN 'none' ELSE 'queued' END,"
				   " CASE WHEN p.url IS NOT NULL"
				   " THEN pg_catalog.clock_timestamp() END"
				   " FROM pg_catalog.unnest(" LIST_OF("$2") ")"
				   " WITH ORDINALITY AS l(name, slot)"
				   " LEFT JOIN hoopguard.approver p ON p.name = l.name"
				   " ON CONFLICT DO NOTHING", 2, args);
		hg_decide_edge(id, NULL, "pending", who, "session", NULL, NULL);
		hg_effect_stored(token, id);

		begin_at_once();
		return;
	}

	/* the same statement is open already: that request; deliver it again */
	hg_sql("UPDATE hoopguard.approval_target t SET"
		   " next_delivery_at = pg_catalog.clock_timestamp(),"
		   " delivery_state = 'queued'"
		   " FROM hoopguard.approval a WHERE t.approval_id = a.id"
		   " AND a.binding = $1::pg_catalog.jsonb ->> 'binding'"
		   " AND a.state = 'pending' AND t.delivery_state = 'retry'", 1, args);
	hg_sql("UPDATE hoopguard.approval SET"
		   " delivery_state = CASE WHEN delivery_state = 'retry'"
		   " THEN 'queued' ELSE delivery_state END"
		   " WHERE binding = $1::pg_catalog.jsonb ->> 'binding'"
		   " AND state = 'pending'"
		   " RETURNING id, $1::pg_catalog.jsonb ->> 'token'", 1, args);
	if (SPI_processed > 0)
		hg_effect_stored(hg_sql_value(0, 2), hg_sql_value(0, 1));
	begin_at_once();
}

/* Data: two uuids of HG_UUID_LEN, the request and the token that uses it. */
void
hg_worker_on_consume(const char *data, Size len)
{
	const char *args[2];
	char		id[HG_UUID_LEN];
	char		token[HG_UUID_LEN];

	if (len != 2 * HG_UUID_LEN)
		return;
	strlcpy(id, data, sizeof(id));
	strlcpy(token, data + HG_UUID_LEN, sizeof(token));
	args[0] = id;
	args[1] = token;

	/* taken back just now, perhaps: not used up, and so it does not run */
	if (!lock_request(id))
		return;
	hg_sql("UPDATE hoopguard.approval SET state = 'consumed',"
		   " consumed_by = $2, consumed_at = pg_catalog.clock_timestamp()"
		   " WHERE id = $1::pg_catalog.uuid AND state = 'approved'"
		   " AND grant_expires_at > pg_catalog.clock_timestamp()"
		   " RETURNING session_role", 2, args);

	/* a crash must not give the ticket back */
	ForceSyncCommit();
	if (SPI_processed > 0)
		hg_decide_edge(id, "approved", "consumed", hg_sql_value(0, 1),
					   "session", NULL, NULL);
	else
		hg_effect_wake(id, false);
}

/*
 * The requester gave up.  The webhooks that have been asked are told.  False:
 * it was not open any more.
 */
static bool
cancel(const char *id, char why)
{
	const char *args[1];

	args[0] = id;
	hg_sql("UPDATE hoopguard.approval SET state = 'cancelled'"
		   " WHERE id = $1::pg_catalog.uuid AND state = 'pending'"
		   " RETURNING session_role", 1, args);
	if (SPI_processed == 0)
		return false;
	hg_decide_edge(id, "pending", "cancelled", hg_sql_value(0, 1), "session",
				   NULL, why == HG_CANCEL_STATEMENT ?
				   "the statement was cancelled" : "the session ended");

	/* a policy that was asked has kept nothing that it should forget */
	if (hg_guc_approval_format == HG_APPROVAL_OPA)
		return true;

	/* an approver can be in several slots, but is told once */
	hg_sql("UPDATE hoopguard.approval_target t SET cancel_state = 'queued',"
		   " cancel_id = pg_catalog.gen_random_uuid(),"
		   " next_cancel_at = pg_catalog.clock_timestamp()"
		   " FROM hoopguard.approver p"
		   " WHERE t.approval_id = $1::pg_catalog.uuid"
		   " AND p.name = t.approver AND p.url IS NOT NULL"
		   " AND t.delivery_attempts > 0"
		   " AND t.slot = (SELECT pg_catalog.min(u.slot)"
		   " FROM hoopguard.approval_target u"
		   " WHERE u.approval_id = t.approval_id"
		   " AND u.approver = t.approver)", 1, args);

	/* outside it is known from now on */
	if (SPI_processed > 0)
		ForceSyncCommit();
	look_soon();
	return true;
}

/*
 * The session whose ticket was used up while it waited did not run its
 * statement.  False: that has not happened, or is over.
 */
static bool
give_back(const char *id, const char *token)
{
	const char *args[2];

	args[0] = id;
	args[1] = token;
	hg_sql("UPDATE hoopguard.approval SET state = 'approved',"
		   " consumed_by = NULL, consumed_at = NULL"
		   " WHERE id = $1::pg_catalog.uuid AND state = 'consumed'"
		   " AND consumed_by = $2 RETURNING session_role", 2, args);
	if (SPI_processed == 0)
		return false;
	hg_decide_edge(id, "consumed", "approved", hg_sql_value(0, 1), "session",
				   NULL, "the statement did not run");
	ForceSyncCommit();
	look_soon();
	return true;
}

/* False: there is nothing to do. */
static bool
take_back(const Waiting *one)
{
	return one->token[0] != '\0' ? give_back(one->id, one->token) :
		cancel(one->id, one->why);
}

/*
 * Those that could not be cancelled, because somebody decided on them.  They
 * are forgotten when it is seen to be committed, not before.
 */
static void
cancel_waiting(void)
{
	for (int i = nwaiting - 1; i >= 0; i--)
		if (lock_request(waiting[i].id) && !take_back(&waiting[i]))
			waiting[i] = waiting[--nwaiting];
}

/* Data: the uuid of the request, and why or the token to give back. */
void
hg_worker_on_cancel(const char *data, Size len)
{
	Waiting		one;

	if (len != HG_CANCEL_LEN && len != HG_GIVE_BACK_LEN)
		return;
	memset(&one, 0, sizeof(one));
	strlcpy(one.id, data, sizeof(one.id));
	if (len == HG_GIVE_BACK_LEN)
		strlcpy(one.token, data + HG_UUID_LEN, sizeof(one.token));
	else
		one.why = data[HG_UUID_LEN];
	if (lock_request(one.id))
	{
		(void) take_back(&one);
		return;
	}
	for (int i = 0; i < nwaiting; i++)
		if (strcmp(waiting[i].id, one.id) == 0 &&
			strcmp(waiting[i].token, one.token) == 0)
			return;

	/* beyond so many they are left to expire */
	if (nwaiting == lengthof(waiting))
		return;
	waiting[nwaiting++] = one;
}

/* ---- answers of the courier --------------------------------------------- */

/* UTF-8 from outside to text of this database; never raises. */
static char *
to_server(const char *s)
{
	char	   *copy;

	if (s[0] == '\0')
		return NULL;
	copy = hg_reply_visible(s);
	if (GetDatabaseEncoding() != PG_UTF8)
	{
		for (char *p = copy; *p; p++)
			if (IS_HIGHBIT_SET(*p))
				*p = '?';
	}
	return copy;
}

/* How far a delivery is.  The request shows the worst of its approvers. */
static void
note_delivery(const HgDelivery *entry, const char *state, const char *error,
			  int delay_s)
{
	const char *args[4];
	char		delay[16];

	snprintf(delay, sizeof(delay), "%d", delay_s);
	args[0] = entry->id;
	args[1] = state;
	args[2] = delay_s > 0 ? delay : NULL;
	args[3] = entry->approver;
	hg_sql("UPDATE hoopguard.approval_target SET delivery_state = $2,"
		   " next_delivery_at = pg_catalog.clock_timestamp()"
		   " + pg_catalog.make_interval(secs => $3::pg_catalog.int4)"
		   " WHERE approval_id = $1::pg_catalog.uuid AND approver = $4",
		   4, args);
	hg_effect_wake(entry->id, false);
	if (!lock_request(entry->id))
		return;
	args[1] = error;
	hg_sql("UPDATE hoopguard.approval SET last_delivery_error = $2,"
		   " delivery_state = (SELECT t.delivery_state"
		   " FROM hoopguard.approval_target t"
		   " WHERE t.approval_id = $1::pg_catalog.uuid"
		   " ORDER BY pg_catalog.array_position(ARRAY['retry', 'queued',"
		   " 'sending', 'accepted', 'answered', 'none'], t.delivery_state)"
		   " LIMIT 1)"
		   " WHERE id = $1::pg_catalog.uuid AND state = 'pending'", 2, args);
}

/* False: somebody else decides just now. */
static bool
apply_decision(const HgDelivery *entry)
{
	HgDecisionInput in;
	const char *args[1];
	char	   *state;
	bool		done;
	bool		own = false;
	bool		ran_out;

	args[0] = entry->id;
	memset(&in, 0, sizeof(in));
	in.decision = entry->reply.decision == HG_REPLY_ALLOW ?
		HG_DECIDE_APPROVE : HG_DECIDE_DENY;
	in.id = entry->id;
	in.binding = entry->binding;
	in.voter = psprintf("webhook:%s", entry->approver);
	in.approver = entry->approver;
	in.who = to_server(entry->reply.approver);
	if (in.who == NULL)
		in.who = entry->approver;
	in.via = "webhook";
	in.reason = to_server(entry->reply.reason);
	in.ttl_s = entry->reply.grant_ttl_s;
	in.max_rows = entry->reply.max_rows;

	if (in.decision == HG_DECIDE_APPROVE && hg_quick_approve(&in))
		return true;
	if (!lock_request(entry->id))
	{
		hg_sql("SELECT FROM hoopguard.approval"
			   " WHERE id = $1::pg_catalog.uuid", 1, args);
		return SPI_processed == 0;
	}
	hg_sql("SELECT state, session_role, effective_role, subject,"
		   " state = 'pending'"
		   " AND expires_at <= pg_catalog.clock_timestamp()"
		   " FROM hoopguard.approval"
		   " WHERE id = $1::pg_catalog.uuid", 1, args);
	if (SPI_processed == 0)
		return true;
	state = hg_sql_value(0, 1);
	ran_out = hg_sql_value(0, 5)[0] == 't';

	/* who asked is not who decides, whatever the webhook takes him for */
	for (int i = 2; i <= 4 && in.decision == HG_DECIDE_APPROVE; i++)
	{
		char	   *requester = hg_sql_value(0, i);

		own |= requester != NULL && pg_strcasecmp(requester, in.who) == 0;
	}
	if (ran_out)
	{
		expire();
		state = "expired";
	}

	/* a late "deny" does not undo what a person approved meanwhile */
	if (strcmp(state, "pending") != 0)
	{
		done = false;
		if (strcmp(state, "cancelled") == 0 && !own)
			(void) hg_decide(&in, &done);
		if (!done)
			hg_decide_late_edge(entry->id, state, state, in.who, in.via, NULL,
								hg_late_text(in.decision));
		ForceSyncCommit();
		return true;
	}
	if (own)
	{
		note_delivery(entry, "retry",
					  "the reply says that the requester approved his own request",
					  backoff_s[lengthof(backoff_s) - 1]);
		return true;
	}
	state = hg_decide(&in, &done);
	ForceSyncCommit();
	if (strcmp(state, "pending") == 0)
		note_delivery(entry, "answered", NULL, 0);
	else
		hg_sql("UPDATE hoopguard.approval SET delivery_state = 'answered',"
			   " last_delivery_error = NULL"
			   " WHERE id = $1::pg_catalog.uuid", 1, args);
	if (!done && strcmp(state, "expired") != 0)
		ereport(LOG,
				(errmsg("webhook decision on approval %s was not applied: it is %s",
						entry->id, state)));
	return true;
}

static void
apply_failure(const HgDelivery *entry)
{
	const char *args[2];
	int			attempts;

	args[0] = entry->id;
	args[1] = entry->approver;
	hg_sql("SELECT t.delivery_attempts FROM hoopguard.approval a"
		   " JOIN hoopguard.approval_target t ON t.approval_id = a.id"
		   " WHERE a.id = $1::pg_catalog.uuid AND t.approver = $2"
		   " AND a.state = 'pending'", 2, args);
	if (SPI_processed == 0)
		return;
	attempts = atoi(hg_sql_value(0, 1));
	attempts = Max(1, Min(attempts, lengthof(backoff_s)));
	note_delivery(entry, "retry", to_server(entry->reply.error),
				  Max(backoff_s[attempts - 1], entry->reply.retry_after_s));
}

/* A notice was taken, or has to be sent again. */
static void
apply_notice(const HgDelivery *entry)
{
	const char *args[4];
	char		delay[16];
	int			attempts;

	args[0] = entry->request;
	args[1] = entry->approver;
	if (entry->reply.decision == HG_REPLY_TAKEN)
	{
		hg_sql("UPDATE hoopguard.approval_target"
			   " SET cancel_state = 'delivered', next_cancel_at = NULL,"
			   " cancel_error = NULL"
			   " WHERE approval_id = $1::pg_catalog.uuid AND approver = $2"
			   " AND cancel_id IS NOT NULL", 2, args);
		return;
	}
	hg_sql("SELECT cancel_attempts FROM hoopguard.approval_target"
		   " WHERE approval_id = $1::pg_catalog.uuid AND approver = $2"
		   " AND cancel_state = 'sending'", 2, args);
	if (SPI_processed == 0)
		return;
	attempts = atoi(hg_sql_value(0, 1));
	attempts = Max(1, Min(attempts, lengthof(backoff_s)));
	snprintf(delay, sizeof(delay), "%d",
			 Max(backoff_s[attempts - 1], entry->reply.retry_after_s));
	args[2] = delay;
	args[3] = to_server(entry->reply.error);
	hg_sql("UPDATE hoopguard.approval_target SET cancel_state = 'retry',"
		   " cancel_error = $4, next_cancel_at = pg_catalog.clock_timestamp()"
		   " + pg_catalog.make_interval(secs => $3::pg_catalog.int4)"
		   " WHERE approval_id = $1::pg_catalog.uuid AND approver = $2"
		   " AND cancel_state = 'sending'", 4, args);
}

/* Take the answers for this database; true if there were any. */
static bool
apply_answers(void)
{
	int			done[HG_DELIVERY_COUNT];
	int			accepted[HG_DELIVERY_COUNT];
	int			ndone = 0;
	int			naccepted = 0;
	int			nleft = 0;

	in_flight = 0;
	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	for (int i = 0; i < HG_DELIVERY_COUNT; i++)
	{
		HgDelivery *entry = &hg_delivery->entries[i];

		if (entry->state == HG_DELIVERY_FREE || entry->dboid != MyDatabaseId)
			continue;
		if (entry->state == HG_DELIVERY_DONE)
		{
			/* the entry is freed by the commit */
			if (!applied[i])
				done[ndone++] = i;
		}
		else
		{
			in_flight++;
			if (entry->accepted)
			{
				entry->accepted = false;
				accepted[naccepted++] = i;
			}
		}
	}
	LWLockRelease(&hg_delivery->lock);

	for (int i = 0; i < naccepted; i++)
		if (!hg_delivery->entries[accepted[i]].stop)
			note_delivery(&hg_delivery->entries[accepted[i]], "accepted",
						  NULL, LEASE_S);
	for (int i = 0; i < ndone; i++)
	{
		HgDelivery *entry = &hg_delivery->entries[done[i]];

		if (entry->notice)
			apply_notice(entry);
		else if (entry->reply.decision == HG_REPLY_ALLOW ||
				 entry->reply.decision == HG_REPLY_DENY)
		{
			if (!apply_decision(entry))
			{
				nleft++;
				continue;
			}
		}
		else if (entry->stop)
			;					/* closed meanwhile */
		else if (entry->reply.decision == HG_REPLY_PENDING)
			note_delivery(entry, "accepted", NULL, LEASE_S / 2);
		else
			apply_failure(entry);
		hg_effect_release(done[i]);
		applied[done[i]] = true;
	}

	/* the rest is tried again, as if it were still on its way */
	in_flight += nleft;
	return ndone - nleft + naccepted > 0;
}

/* ---- what is due -------------------------------------------------------- */

static void
expire(void)
{
	SPITupleTable *table;
	uint64		n;

	hg_sql("UPDATE hoopguard.approval a SET state = 'expired'"
		   " FROM (SELECT id, state"
		   " FROM hoopguard.approval WHERE (state = 'pending'"
		   " AND expires_at <= pg_catalog.clock_timestamp())"
		   " OR (state = 'approved'"
		   " AND grant_expires_at <= pg_catalog.clock_timestamp())"
		   " FOR UPDATE SKIP LOCKED) o WHERE a.id = o.id"
		   " RETURNING a.id, o.state", 0, NULL);
	table = SPI_tuptable;
	n = SPI_processed;
	if (n > 0)
		ForceSyncCommit();
	for (uint64 i = 0; i < n; i++)
	{
		SPI_tuptable = table;
		hg_decide_edge(hg_sql_value(i, 1), hg_sql_value(i, 2), "expired",
					   NULL, "recorder", NULL, NULL);
	}

	/* a signature is too old after five minutes: a day is plenty */
	if (relays_forgotten_at + USECS_PER_HOUR > GetCurrentTimestamp())
		return;
	relays_forgotten_at = GetCurrentTimestamp();
	hg_sql("DELETE FROM hoopguard.approval_relay"
		   " WHERE at < pg_catalog.clock_timestamp()"
		   " - pg_catalog.interval '1 day'", 0, NULL);
}

/*
 * Who has not decided in his time gives way to whom he names; both may decide
 * from then on.
 */
static void
escalate(void)
{
	SPITupleTable *table;
	uint64		n;

	hg_sql("INSERT INTO hoopguard.approval_target (approval_id, slot,"
		   " approver, escalated_from, delivery_state, next_delivery_at)"
		   " SELECT a.id, t.slot, q.name, t.approver,"
		   " CASE WHEN q.url IS NULL THEN 'none' ELSE 'queued' END,"
		   " CASE WHEN q.url IS NOT NULL"
		   " THEN pg_catalog.clock_timestamp() END"
		   " FROM hoopguard.approval a"
		   " JOIN hoopguard.approval_target t ON t.approval_id = a.id"
		   " JOIN hoopguard.approver p ON p.name = t.approver"
		   " JOIN hoopguard.approver q ON q.name = p.escalate_to"
		   " WHERE a.state = 'pending'"
		   " AND a.expires_at > pg_catalog.clock_timestamp()"
		   " AND t.since + p.escalate_after <= pg_catalog.clock_timestamp()"
		   " ON CONFLICT DO NOTHING"
		   " RETURNING approval_id, approver, escalated_from", 0, NULL);
	table = SPI_tuptable;
	n = SPI_processed;
	if (n > 0)
		ForceSyncCommit();
	for (uint64 i = 0; i < n; i++)
	{
		char	   *id;

		SPI_tuptable = table;
		id = hg_sql_value(i, 1);
		hg_decide_edge(id, "pending", "pending", hg_sql_value(i, 3),
					   "recorder", NULL,
					   psprintf("escalated to %s", hg_sql_value(i, 2)));
	}
}

static bool
in_table(const char *id, const char *approver)
{
	bool		found = false;

	LWLockAcquire(&hg_delivery->lock, LW_SHARED);
	for (int i = 0; i < HG_DELIVERY_COUNT && !found; i++)
		found = hg_delivery->entries[i].state != HG_DELIVERY_FREE &&
			strcmp(hg_delivery->entries[i].id, id) == 0 &&
			strcmp(hg_delivery->entries[i].approver, approver) == 0;
	LWLockRelease(&hg_delivery->lock);
	return found;
}

void
hg_worker_fill(int i, HgRequestBody *body, const char *url,
			   TimestampTz expires)
{
	HgDelivery *entry = &hg_delivery->entries[i];

	body->source = psprintf("hoopguard://" UINT64_FORMAT "/%s",
							GetSystemIdentifier(), body->database);
	body->utf8 = GetDatabaseEncoding() == PG_UTF8;
	body->opa = hg_guc_approval_format == HG_APPROVAL_OPA;
	hg_redact(body);

	strlcpy(entry->binding, body->binding, sizeof(entry->binding));
	strlcpy(entry->url, url, sizeof(entry->url));
	strlcpy(entry->approver, body->approver, sizeof(entry->approver));
	entry->opa = body->opa;
	entry->expires = expires;
	memset(&entry->reply, 0, sizeof(entry->reply));
	entry->body_len = hg_request_body(body, entry->body,
									  sizeof(entry->body));

	/* the id last, under the lock: others search by it */
	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	strlcpy(entry->id, body->id, sizeof(entry->id));
	LWLockRelease(&hg_delivery->lock);
}

/* Fill an entry from row i of the result; false when all are taken. */
static bool
begin_delivery(uint64 row)
{
	HgRequestBody body;
	const char *args[3];
	char		lease[16];
	char	   *id = hg_sql_value(row, 1);
	char	   *url = hg_sql_value(row, 2);
	char	   *binding = hg_sql_value(row, 3);
	char	   *approver = hg_sql_value(row, 20);
	TimestampTz expires;
	int			i;

	args[0] = id;
	args[2] = approver;
	if (in_table(id, approver))
	{
		snprintf(lease, sizeof(lease), "%d", LEASE_S);
		args[1] = lease;
		hg_sql("UPDATE hoopguard.approval_target SET next_delivery_at ="
			   " pg_catalog.clock_timestamp()"
			   " + pg_catalog.make_interval(secs => $2::pg_catalog.int4)"
			   " WHERE approval_id = $1::pg_catalog.uuid AND approver = $3",
			   3, args);
		return true;
	}
	i = hg_delivery_reserve(MyDatabaseId, 0);
	if (i < 0)
		return false;

	/* from here on the end of the transaction publishes or frees it */
	hg_effect_publish(i);
	memset(&body, 0, sizeof(body));
	body.id = id;
	body.binding = binding;
	body.database = hg_sql_value(row, 4);
	body.time = hg_sql_value(row, 5);
	body.expires_at = hg_sql_value(row, 6);
	body.rule = hg_sql_value(row, 7);
	body.rule_message = hg_sql_value(row, 8);
	body.mode = hg_sql_value(row, 9);
	body.attempt = atoi(hg_sql_value(row, 10)) + 1;
	body.text = hg_sql_value(row, 11);
	body.sha256 = hg_sql_value(row, 12);
	body.requester = hg_sql_value(row, 13);
	body.facts = hg_sql_value(row, 14);
	body.params = hg_sql_value(row, 15);
	body.policy_version = hg_sql_value(row, 16);
	body.approver = approver;
	body.timeline = atol(hg_sql_value(row, 17));
	body.command = hg_sql_value(row, 18);
	body.evidence = hg_sql_value(row, 21);
	expires = GetCurrentTimestamp() +
		strtoll(hg_sql_value(row, 19), NULL, 10) * 1000;

	hg_worker_fill(i, &body, url, expires);

	snprintf(lease, sizeof(lease), "%d",
			 LEASE_S + 3 * hg_guc_webhook_timeout / 1000);
	args[1] = lease;
	hg_sql("WITH target AS (UPDATE hoopguard.approval_target"
		   " SET delivery_state = 'sending',"
		   " delivery_attempts = delivery_attempts + 1,"
		   " next_delivery_at = pg_catalog.clock_timestamp()"
		   " + pg_catalog.make_interval(secs => $2::pg_catalog.int4)"
		   " WHERE approval_id = $1::pg_catalog.uuid AND approver = $3)"
		   " UPDATE hoopguard.approval SET delivery_state = 'sending',"
		   " delivery_attempts = delivery_attempts + 1"
		   " WHERE id = $1::pg_catalog.uuid", 3, args);
	return true;
}

static void
begin_deliveries(void)
{
	SPITupleTable *table;
	uint64		n;

	hg_sql("SELECT a.id, p.url, a.binding, a.database,"
		   " pg_catalog.to_char(a.requested_at AT TIME ZONE 'UTC',"
		   " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
		   " pg_catalog.to_char(a.expires_at AT TIME ZONE 'UTC',"
		   " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
		   " a.rule_id, a.rule_message, a.mode, t.delivery_attempts,"
		   " a.statement_text, a.statement_sha256, a.requester, a.facts,"
		   " a.params, a.policy_version, a.timeline, a.facts ->> 'command',"
		   " (EXTRACT(epoch FROM a.expires_at"
		   " - pg_catalog.clock_timestamp()) * 1000)::pg_catalog.int8,"
		   " t.approver, a.evidence"
		   " FROM hoopguard.approval_target t"
		   " JOIN hoopguard.approval a ON a.id = t.approval_id"
		   " JOIN hoopguard.approver p ON p.name = t.approver"
		   " WHERE a.state = 'pending' AND p.url IS NOT NULL"
		   " AND t.delivery_state <> 'answered'"
		   " AND t.next_delivery_at <= pg_catalog.clock_timestamp()"
		   " AND a.expires_at > pg_catalog.clock_timestamp()"
		   " ORDER BY t.next_delivery_at LIMIT "
		   CppAsString2(DUE_AT_ONCE)
		   " FOR UPDATE OF a SKIP LOCKED", 0, NULL);
	table = SPI_tuptable;
	n = SPI_processed;
	for (uint64 i = 0; i < n; i++)
	{
		SPI_tuptable = table;
		CHECK_FOR_INTERRUPTS();
		if (!begin_delivery(i))
			break;
	}
}

/* ---- notices that a request was cancelled ------------------------------- */

/* Have the notice to an approver, or those of all that are due, wait. */
static void
put_off(const char *id, const char *approver, int ms)
{
	const char *args[3];
	char		delay[32];

	snprintf(delay, sizeof(delay), "%d milliseconds", ms);
	args[0] = delay;
	args[1] = id;
	args[2] = approver;
	hg_sql("UPDATE hoopguard.approval_target SET next_cancel_at ="
		   " pg_catalog.clock_timestamp() + $1::pg_catalog.interval"
		   " WHERE next_cancel_at <= pg_catalog.clock_timestamp()"
		   " AND ($2 IS NULL OR approval_id = $2::pg_catalog.uuid"
		   " AND approver = $3)", 3, args);
}

/* Fill an entry from row i of the result; false when too many are taken. */
static bool
begin_notice(uint64 row)
{
	HgCancelledBody body;
	HgDelivery *entry;
	const char *args[3];
	char		lease[16];
	char	   *id = hg_sql_value(row, 1);
	char	   *url = hg_sql_value(row, 2);
	char	   *approver = hg_sql_value(row, 3);
	char	   *cancel_id = hg_sql_value(row, 4);
	int			lease_s = LEASE_S + 3 * hg_guc_webhook_timeout / 1000;
	int			i;

	/* it must not overtake the request that it takes back */
	if (in_table(id, approver))
	{
		put_off(id, approver, OVERTAKE_MS);
		return true;
	}
	if (in_table(cancel_id, approver))
	{
		put_off(id, approver, lease_s * 1000);
		return true;
	}
	i = hg_delivery_reserve(MyDatabaseId, HG_DELIVERY_KEEP_FREE);
	if (i < 0)
		return false;
	hg_effect_publish(i);
	entry = &hg_delivery->entries[i];
	memset(&body, 0, sizeof(body));
	body.id = cancel_id;
	body.request_id = id;
	body.approver = approver;
	body.binding = hg_sql_value(row, 5);
	body.database = hg_sql_value(row, 6);
	body.source = psprintf("hoopguard://" UINT64_FORMAT "/%s",
						   GetSystemIdentifier(), body.database);
	body.rule = hg_sql_value(row, 7);
	body.cancelled_at = hg_sql_value(row, 8);
	body.reason = hg_sql_value(row, 9);
	body.utf8 = GetDatabaseEncoding() == PG_UTF8;

	entry->notice = true;
	strlcpy(entry->request, id, sizeof(entry->request));
	strlcpy(entry->binding, body.binding, sizeof(entry->binding));
	strlcpy(entry->url, url, sizeof(entry->url));
	strlcpy(entry->approver, approver, sizeof(entry->approver));
	entry->expires = GetCurrentTimestamp() +
		strtoll(hg_sql_value(row, 10), NULL, 10) * 1000;
	memset(&entry->reply, 0, sizeof(entry->reply));
	entry->body_len = hg_cancelled_body(&body, entry->body,
										sizeof(entry->body));
	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	strlcpy(entry->id, cancel_id, sizeof(entry->id));
	LWLockRelease(&hg_delivery->lock);

	snprintf(lease, sizeof(lease), "%d", lease_s);
	args[0] = id;
	args[1] = approver;
	args[2] = lease;
	hg_sql("UPDATE hoopguard.approval_target SET cancel_state = 'sending',"
		   " cancel_attempts = cancel_attempts + 1,"
		   " next_cancel_at = pg_catalog.clock_timestamp()"
		   " + pg_catalog.make_interval(secs => $3::pg_catalog.int4)"
		   " WHERE approval_id = $1::pg_catalog.uuid AND approver = $2"
		   " AND next_cancel_at IS NOT NULL", 3, args);
	return true;
}

static void
begin_notices(void)
{
	SPITupleTable *table;
	uint64		n;

	/* to nobody any more, or of nothing any more */
	hg_sql("UPDATE hoopguard.approval_target t"
		   " SET cancel_state = 'given up', next_cancel_at = NULL"
		   " FROM hoopguard.approval a WHERE a.id = t.approval_id"
		   " AND t.next_cancel_at <= pg_catalog.clock_timestamp()"
		   " AND (a.state <> 'cancelled'"
		   " OR a.expires_at <= pg_catalog.clock_timestamp()"
		   " OR NOT EXISTS (SELECT FROM hoopguard.approver p"
		   " WHERE p.name = t.approver AND p.url IS NOT NULL))", 0, NULL);
	hg_sql("SELECT a.id, p.url, t.approver, t.cancel_id, a.binding,"
		   " a.database, a.rule_id, pg_catalog.to_char(l.at"
		   " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
		   " l.detail, (EXTRACT(epoch FROM a.expires_at"
		   " - pg_catalog.clock_timestamp()) * 1000)::pg_catalog.int8"
		   " FROM hoopguard.approval_target t"
		   " JOIN hoopguard.approval a ON a.id = t.approval_id"
		   " JOIN hoopguard.approver p ON p.name = t.approver"
		   " LEFT JOIN LATERAL (SELECT e.at, e.detail"
		   " FROM hoopguard.approval_log e WHERE e.approval_id = a.id"
		   " AND e.from_state = 'pending' AND e.to_state = 'cancelled'"
		   " ORDER BY e.id LIMIT 1) l ON true"
		   " WHERE t.next_cancel_at <= pg_catalog.clock_timestamp()"
		   " AND p.url IS NOT NULL"
		   " ORDER BY t.next_cancel_at LIMIT " CppAsString2(DUE_AT_ONCE),
		   0, NULL);
	table = SPI_tuptable;
	n = SPI_processed;
	for (uint64 i = 0; i < n; i++)
	{
		SPI_tuptable = table;
		CHECK_FOR_INTERRUPTS();
		if (!begin_notice(i))
		{
			put_off(NULL, NULL, CROWDED_MS);
			break;
		}
	}
}

/* When something is next due, in ms; -1: nothing is open. */
static long
next_due(void)
{
	char	   *value;

	hg_sql("SELECT (EXTRACT(epoch FROM LEAST(pg_catalog.min(LEAST("
		   "CASE a.state WHEN 'pending' THEN a.expires_at"
		   " ELSE a.grant_expires_at END,"
		   " CASE WHEN a.state = 'pending'"
		   " AND p.url IS NOT NULL"
		   " AND t.delivery_state <> 'answered' THEN t.next_delivery_at END,"
		   " CASE WHEN a.state = 'pending' AND NOT EXISTS (SELECT"
		   " FROM hoopguard.approval_target u"
		   " WHERE u.approval_id = t.approval_id AND u.slot = t.slot"
		   " AND u.approver = p.escalate_to)"
		   " THEN t.since + p.escalate_after END)),"
		   " (SELECT pg_catalog.min(c.next_cancel_at)"
		   " FROM hoopguard.approval_target c"
		   " WHERE c.next_cancel_at IS NOT NULL))"
		   " - pg_catalog.clock_timestamp()) * 1000)::pg_catalog.int8"
		   " FROM hoopguard.approval a"
		   " LEFT JOIN hoopguard.approval_target t ON t.approval_id = a.id"
		   " LEFT JOIN hoopguard.approver p ON p.name = t.approver"
		   " WHERE a.state IN ('pending', 'approved')",
		   0, NULL);
	value = SPI_processed > 0 ? hg_sql_value(0, 1) : NULL;
	if (value == NULL)
		return -1;
	return Max(100, Min(RECHECK_MS, strtoll(value, NULL, 10)));
}

/* The extension can be dropped while its recorder still runs. */
static bool
table_exists(void)
{
	Oid			schema = get_namespace_oid("hoopguard", true);

	return OidIsValid(schema) &&
		OidIsValid(get_relname_relid("approval", schema)) &&
		OidIsValid(get_relname_relid("approval_target", schema)) &&
		OidIsValid(get_relname_relid("approval_relay", schema)) &&
		OidIsValid(get_relname_relid("approval_log", schema));
}

/* When the next turn is wanted, in ms; -1: nothing is open. */
static long
wish(void)
{
	TimestampTz now = GetCurrentTimestamp();
	long		ms = -1;

	if (due_at != PG_INT64_MAX)
		ms = due_at > now ? (due_at - now) / 1000 + 1 : 0;
	if (in_flight > 0 || nwaiting > 0)
		ms = ms < 0 ? IN_FLIGHT_POLL_MS : Min(ms, IN_FLIGHT_POLL_MS);
	return ms;
}

/*
 * A delivery that was under way when the server crashed is lost with shared
 * memory.  Its lease would bring it back in a minute; a recorder that has
 * just started sees that nobody has it, and sends it at once.
 */
static void
bring_back_lost(void)
{
	const char *args[1];
	StringInfoData ids;

	/* nothing is allocated under the lock */
	initStringInfo(&ids);
	enlargeStringInfo(&ids, HG_DELIVERY_COUNT * HG_UUID_LEN + 2);
	appendStringInfoChar(&ids, '{');
	LWLockAcquire(&hg_delivery->lock, LW_SHARED);
	for (int i = 0; i < HG_DELIVERY_COUNT; i++)
	{
		HgDelivery *entry = &hg_delivery->entries[i];

		if (entry->state == HG_DELIVERY_FREE ||
			entry->dboid != MyDatabaseId || entry->id[0] == '\0')
			continue;
		if (ids.len > 1)
			appendStringInfoChar(&ids, ',');
		appendStringInfoString(&ids, entry->id);
	}
	LWLockRelease(&hg_delivery->lock);
	appendStringInfoChar(&ids, '}');
	args[0] = ids.data;
	hg_sql("UPDATE hoopguard.approval_target t"
		   " SET next_delivery_at = pg_catalog.clock_timestamp()"
		   " FROM hoopguard.approval a WHERE a.id = t.approval_id"
		   " AND a.state = 'pending'"
		   " AND t.delivery_state IN ('sending', 'accepted')"
		   " AND t.next_delivery_at > pg_catalog.clock_timestamp()"
		   " AND a.id <> ALL ($1::pg_catalog.uuid[])", 1, args);
	hg_sql("UPDATE hoopguard.approval_target"
		   " SET next_cancel_at = pg_catalog.clock_timestamp()"
		   " WHERE cancel_state = 'sending'"
		   " AND next_cancel_at > pg_catalog.clock_timestamp()"
		   " AND cancel_id <> ALL ($1::pg_catalog.uuid[])", 1, args);
}

long
hg_worker_tick(bool committed)
{
	if (hg_delivery == NULL)
		return -1;

	/* what a commit sets off is done by the transaction callback */
	if (committed)
		return wish();
	if (!table_exists())
	{
		due_at = PG_INT64_MAX;
		in_flight = 0;
		nwaiting = 0;
		return -1;
	}

	/*
	 * How far deliveries are may be lost in a crash: they are made again.
	 * What may not asks for its commit to be durable.
	 */
	set_config_option("synchronous_commit", "off", PGC_SUSET, PGC_S_SESSION,
					  GUC_ACTION_LOCAL, true, 0, false);
	begun_at_once = 0;
	memset(applied, false, sizeof(applied));
	cancel_waiting();
	if (apply_answers())
		look_soon();
	if (in_flight > 0)
		hg_alert(HG_ALERT_COURIER, !hg_courier_well(),
				 "the courier does not run, and requests for approval wait for it");
	if (GetCurrentTimestamp() >= due_at)
	{
		long		ms;

		if (!leases_looked_at)
			bring_back_lost();
		leases_looked_at = true;
		expire();
		escalate();
		begin_deliveries();
		begin_notices();
		ms = next_due();
		due_at = ms < 0 ? PG_INT64_MAX :
			TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
		if (apply_answers())
			look_soon();
	}
	return wish();
}
