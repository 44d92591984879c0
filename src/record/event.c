/*-------------------------------------------------------------------------
 *
 * event.c
 *	  Builds one event and hands it to this backend's lane.
 *
 * Records are built in one malloc'd buffer, because an event is also pushed
 * while an error is being handled: nothing here may ask the catalog, and no
 * palloc of ours may fail there.  The buffer belongs to whoever builds last;
 * a push that was left by an error is dead, so it may be overwritten.  The one
 * exception is an event that waits in it for the outcome of its transaction;
 * the lane has room for it.
 *
 * The statement an event belongs to is sent once per session and epoch; the
 * recorder ignores what it knows.  The epoch moves when the tables are other
 * ones than before (DROP and CREATE EXTENSION), and then all is sent again.
 *
 * On a standby nobody can write tables: events go to the server log.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "base/port.h"
#include "base/report.h"
#include "common/hashfn.h"
#include "common/ip.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "record/event.h"
#include "record/lane_shared.h"
#include "record/wire.h"
#include "storage/ipc.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Statement ids remembered as sent; beyond it all are forgotten. */
#define MAX_SENT 10000

/* Longer statement texts are cut; their length is kept. */
#define MAX_TEXT (1024 * 1024)

/* A buffer that grew beyond this is given back after use. */
#define KEEP_BUFFER (256 * 1024)

/* Longer events do not wait for their outcome; see hg_lane_reserve(). */
#define MAX_WAITING 4096

typedef struct Builder
{
	char	   *data;
	Size		len;
	Size		cap;
	bool		failed;			/* out of memory */
} Builder;

static Builder builder;
static HTAB *sent = NULL;
static uint64 sent_epoch = 0;
static int64 my_session_id = 0;
static uint64 session_epoch = 0;	/* epoch the session row was sent in */
static int64 my_txn = 1;
static bool txn_has_events = false;
static bool end_callback_set = false;
static int	end_sqlstate = 0;	/* what ended the session, 0: the client */
static char login_role[NAMEDATALEN];
static int64 last_event_id = 0; /* given out to this session */
static bool event_waits = false;	/* built; pushed with its outcome */
static int	txn_events = 0;		/* pushed in this transaction */
static int64 *sub_starts = NULL;	/* by nesting level: next event's id */
static int	sub_room = 0;

/* -------------------------------------------------------------- building */

/* Have room for so many bytes more; false: out of memory. */
static bool
grow(Size len)
{
	Size		cap = Max(builder.cap, 4096);
	char	   *grown;

	if (builder.failed)
		return false;
	while (cap < builder.len + len)
		cap *= 2;
	grown = realloc(builder.data, cap);
	if (grown == NULL)
	{
		builder.failed = true;
		return false;
	}
	builder.data = grown;
	builder.cap = cap;
	return true;
}

static inline void
put(const void *data, Size len)
{
	if (unlikely(builder.len + len > builder.cap) && !grow(len))
		return;
	memcpy(builder.data + builder.len, data, len);
	builder.len += len;
}

static inline void
put_i32(int32 value)
{
	put(&value, sizeof(value));
}

static inline void
put_i64(int64 value)
{
	put(&value, sizeof(value));
}

static inline void
put_text_n(const char *text, Size len)
{
	uint32		mark = text ? (uint32) len + 1 : 0;

	put(&mark, sizeof(mark));
	if (text)
		put(text, len);
}

static inline void
put_text(const char *text)
{
	put_text_n(text, text ? strlen(text) : 0);
}

/* Give the HgWireEvent at this place of what was built its form in the ring. */
static void
pack_event(Size start)
{
	char	   *at = builder.data + start;
	int64		numbers[HG_WIRE_NUMBERS];
	HgWireEvent wire;
	HgWireHead	head;
	Size		len = sizeof(head);

	StaticAssertStmt(sizeof(HgWireHead) + sizeof(numbers) <=
					 sizeof(HgWireEvent), "it only shrinks");
	if (builder.failed)
		return;
	memcpy(&wire, at, sizeof(wire));
	memcpy(numbers, at, sizeof(numbers));
	head.present = 0;
	head.context_len = wire.context_len;
	head.end_state = (int16) wire.end_state;
	head.first = (int16) wire.first;
	for (int i = 0; i < (int) HG_WIRE_NUMBERS; i++)
	{
		if (numbers[i] == 0)
			continue;
		head.present |= (uint32) 1 << i;
		memcpy(at + len, &numbers[i], sizeof(int64));
		len += sizeof(int64);
	}
	memcpy(at, &head, sizeof(head));
	memmove(at + len, at + sizeof(wire),
			builder.len - start - sizeof(wire));
	builder.len -= sizeof(wire) - len;
}

/* Push the event that waits for its outcome, if there is one; never raises. */
static void
push_waiting(void)
{
	if (!event_waits)
		return;
	event_waits = false;
	(void) hg_lane_reserve(0);
	pack_event(0);
	(void) hg_lane_push(HG_REC_EVENT, builder.data, builder.len, false, true);
}

static void
build_start(void)
{
	push_waiting();
	if (builder.cap > KEEP_BUFFER)
	{
		free(builder.data);
		builder.data = NULL;
		builder.cap = 0;
	}
	builder.len = 0;
	builder.failed = false;
}

/* Push what was built. */
static bool
build_push(HgRecordType type, bool urgent, bool no_error)
{
	if (builder.failed)
	{
		if (!no_error)
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory"),
					 errdetail("An audit record could not be built.")));
		pg_atomic_fetch_add_u64(&hg_lane_shared->lost, 1);
		return false;
	}
	return hg_lane_push(type, builder.data, builder.len, urgent, no_error);
}

/* Can anything be recorded by this process? */
static bool
can_record(void)
{
	return hg_lane_shared != NULL && IsUnderPostmaster &&
		OidIsValid(hg_lane_database());
}

/* --------------------------------------------------------------- session */

int64
hg_event_next_id(void)
{
	if (hg_lane_shared == NULL)
		return 0;
	last_event_id = (int64)
		pg_atomic_fetch_add_u64(&hg_lane_shared->next_event_id, 1);
	return last_event_id;
}

int64
hg_event_session_id(void)
{
	if (my_session_id == 0 && hg_lane_shared != NULL)
		my_session_id = (int64)
			pg_atomic_fetch_add_u64(&hg_lane_shared->next_session_id, 1);
	return my_session_id;
}

/* session 0: of none */
static bool
push_note(int64 session, const char *kind, const char *json, bool no_error)
{
	build_start();
	put_i64(hg_event_next_id());
	put_i64(GetCurrentTimestamp());
	put_i64(session);
	put_text(kind);
	put_text(json);
	return build_push(HG_REC_NOTE, false, no_error);
}

/*
 * The last record of a session.  Runs before lane.c's own callback, which was
 * set earlier, and so before the lane is given away.
 */
static void
session_on_exit(int code, Datum arg)
{
	char		detail[64];

	if (session_epoch == 0 || !can_record() || RecoveryInProgress())
		return;
	snprintf(detail, sizeof(detail), "{\"sqlstate\":\"%s\"}",
			 unpack_sql_state(end_sqlstate));
	(void) push_note(my_session_id, "session_end", detail, true);
}

/* Where the client is; false on a local socket. */
static bool
client_address(char *addr, int addr_size, char *port, int port_size)
{
	return MyProcPort != NULL &&
		MyProcPort->raddr.addr.ss_family != AF_UNIX &&
		pg_getnameinfo_all(&MyProcPort->raddr.addr,
						   MyProcPort->raddr.salen,
						   addr, addr_size, port, port_size,
						   NI_NUMERICHOST | NI_NUMERICSERV) == 0;
}

static void
ensure_session(bool no_error)
{
	uint64		epoch;
	char		addr[NI_MAXHOST];
	char		port[NI_MAXSERV];
	bool		remote;

	if (!can_record() || RecoveryInProgress())
		return;
	epoch = pg_atomic_read_u64(&hg_lane_shared->epoch);
	if (session_epoch == epoch)
		return;

	remote = client_address(addr, sizeof(addr), port, sizeof(port));
	if (login_role[0] == '\0')
	{
		if (MyProcPort != NULL && MyProcPort->user_name != NULL)
			strlcpy(login_role, MyProcPort->user_name, sizeof(login_role));
		else if (!no_error && IsTransactionState())
		{
			char	   *name = GetUserNameFromId(GetSessionUserId(), true);

			if (name != NULL)
				strlcpy(login_role, name, sizeof(login_role));
		}
	}

	build_start();
	put_i64(hg_event_session_id());
	put_i64(MyStartTimestamp);
	put_text(login_role[0] != '\0' ? login_role : NULL);
	put_text(MyProcPort != NULL ? MyProcPort->database_name : NULL);
	put_text(remote ? addr : NULL);
	put_text(remote ? port : NULL);
	put_text(application_name);
	put_i32(MyProcPid);
	put_text(GetBackendTypeDesc(MyBackendType));
	if (!build_push(HG_REC_SESSION, false, no_error))
		return;
	session_epoch = epoch;
	if (!end_callback_set)
	{
		on_shmem_exit(session_on_exit, (Datum) 0);
		end_callback_set = true;
	}
}

void
hg_event_ensure_session(bool no_error)
{
	ensure_session(no_error);
}

void
hg_event_session_ends(int sqlstate)
{
	end_sqlstate = sqlstate;
}

int
hg_event_session_end(void)
{
	return end_sqlstate != 0 ? end_sqlstate : ERRCODE_ADMIN_SHUTDOWN;
}

/* ------------------------------------------------------------- statement */

static uint64
hash_text(const char *text, uint64 seed)
{
	if (text == NULL)
		return hash_bytes_extended((const unsigned char *) "", 0, seed + 1);
	return hash_bytes_extended((const unsigned char *) text, strlen(text),
							   seed);
}

/*
 * Identity of a statement: database, text, command, edges and datasets.  The
 * edges' and datasets' hashes are added up, so their order does not matter.
 */
static uint64
statement_id(const HgFacts *facts)
{
	const char *database = MyProcPort ? MyProcPort->database_name : NULL;
	uint64		seed;
	uint64		sum = 0;
	uint64		parts[3];
	ListCell   *lc;

	if (facts->statement_id != 0)
		return facts->statement_id;

	seed = hash_text(database, 0);
	seed = hash_text(facts->text, seed);
	seed = hash_text(hg_command_name(facts->command), seed);
	if (facts->text == NULL)
		seed += (uint64) facts->text_length;
	foreach(lc, facts->edges)
	{
		const HgEdge *edge = (const HgEdge *) lfirst(lc);
		uint64		h = 17;

		h = hash_text(edge->source_schema, h);
		h = hash_text(edge->source_relation, h);
		h = hash_text(edge->source_column, h);
		h = hash_text(edge->target_schema, h);
		h = hash_text(edge->target_relation, h);
		h = hash_text(edge->target_column, h);
		h = hash_text(edge->kind, h);
		h = hash_text(edge->subtype, h);
		sum += hash_text(edge->masked ? "m" : "r", h);
	}
	parts[0] = seed;
	parts[1] = sum;
	sum = 0;
	foreach(lc, facts->datasets)
	{
		const HgDataset *set = (const HgDataset *) lfirst(lc);
		uint64		h = 19;

		h = hash_text(set->schema, h);
		h = hash_text(set->relation, h);
		if (set->rule)
			h = hash_text("rule", h);
		sum += hash_text(set->write ? "w" : "r", h);
	}
	parts[2] = sum;
	seed = hash_bytes_extended((unsigned char *) parts, sizeof(parts), 23);
	if (seed == 0)
		seed = 1;

	/* A note for the next execution; facts are const to us otherwise. */
	((HgFacts *) unconstify(HgFacts *, facts))->statement_id = seed;
	return seed;
}

/* A note for the next execution. */
static void
note_sent(const HgFacts *facts, uint64 epoch)
{
	((HgFacts *) unconstify(HgFacts *, facts))->sent_epoch = epoch;
}

/* Send the statement of an event unless it was sent before. */
static void
ensure_statement(const HgFacts *facts, uint64 id, TimestampTz at,
				 bool no_error)
{
	uint64		epoch = pg_atomic_read_u64(&hg_lane_shared->epoch);
	bool		found;
	Size		length;
	ListCell   *lc;

	if (facts->sent_epoch == epoch)
		return;
	if (sent != NULL &&
		(sent_epoch != epoch || hash_get_num_entries(sent) >= MAX_SENT))
	{
		hash_destroy(sent);
		sent = NULL;
	}
	if (sent == NULL && !no_error)
	{
		HASHCTL		ctl;

		memset(&ctl, 0, sizeof(ctl));
		ctl.keysize = sizeof(uint64);
		ctl.entrysize = sizeof(uint64);
		ctl.hcxt = TopMemoryContext;
		sent = hash_create("hoopguard sent statements", 256, &ctl,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		sent_epoch = epoch;
	}
	if (sent != NULL)
	{
		(void) hash_search(sent, &id, HASH_FIND, &found);
		if (found)
		{
			note_sent(facts, epoch);
			return;
		}
	}

	length = facts->text ? strlen(facts->text) : facts->text_length;
	build_start();
	put_i64((int64) id);
	put_i64((int64) facts->fingerprint);
	put_i64(at);
	put_text(hg_command_name(facts->command));
	if (facts->text != NULL && length > MAX_TEXT)
		put_text_n(facts->text, pg_mbcliplen(facts->text, (int) length,
											 MAX_TEXT));
	else
		put_text(facts->text);
	put_i64((int64) length);
	put_i32(list_length(facts->edges));
	foreach(lc, facts->edges)
	{
		const HgEdge *edge = (const HgEdge *) lfirst(lc);

		put_text(edge->source_schema);
		put_text(edge->source_relation);
		put_text(edge->source_column);
		put_text(edge->target_schema);
		put_text(edge->target_relation);
		put_text(edge->target_column);
		put_text(edge->kind);
		put_text(edge->subtype);
		put_i32(edge->masked ? 1 : 0);
	}
	put_i32(list_length(facts->datasets));
	foreach(lc, facts->datasets)
	{
		const HgDataset *set = (const HgDataset *) lfirst(lc);

		put_text(set->schema);
		put_text(set->relation);
		put_i32((set->write ? HG_WIRE_WRITE : 0) |
				(set->rule ? HG_WIRE_RULE : 0));
	}

	/* On an error path it may be sent again: entering could raise. */
	if (build_push(HG_REC_STATEMENT, false, no_error) &&
		sent != NULL && !no_error)
	{
		(void) hash_search(sent, &id, HASH_ENTER, &found);
		note_sent(facts, epoch);
	}
}

/* ------------------------------------------------------------- to the log */

static void
json_text(StringInfo buf, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	appendStringInfo(buf, ",\"%s\":%s", name, hg_report_quote(value));
}

/* Standby: one JSON line in the server log. */
static void
log_event(const HgEvent *event)
{
	MemoryContext context;
	MemoryContext oldcontext;
	StringInfoData buf;

	context = AllocSetContextCreate(TopMemoryContext, "hoopguard event log",
									ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	initStringInfo(&buf);
	appendStringInfo(&buf, "{\"event_id\":" INT64_FORMAT
					 ",\"session_id\":" INT64_FORMAT ",\"level\":%d",
					 event->event_id, hg_event_session_id(), event->level);
	json_text(&buf, "at", timestamptz_to_str(event->at));
	json_text(&buf, "subject", event->subject);
	json_text(&buf, "session_role", event->session_role);
	json_text(&buf, "effective_role", event->effective_role);
	json_text(&buf, "intent", hg_guc_intent);
	json_text(&buf, "traceparent", hg_guc_traceparent);
	json_text(&buf, "command", hg_command_name(event->command));
	json_text(&buf, "verdict", event->verdict);
	if (event->rule_id != 0)
		appendStringInfo(&buf, ",\"rule\":%d", event->rule_id);
	json_text(&buf, "sqlstate", unpack_sql_state(event->sqlstate));
	appendStringInfo(&buf, ",\"rows_returned\":" INT64_FORMAT
					 ",\"rows_affected\":" INT64_FORMAT
					 ",\"rows_written\":" INT64_FORMAT
					 ",\"bytes_returned\":" INT64_FORMAT
					 ",\"duration_us\":" INT64_FORMAT,
					 event->rows_returned, event->rows_affected,
					 event->rows_written, event->bytes_returned,
					 event->duration_us);
	if (event->facts != NULL)
		json_text(&buf, "text", event->facts->text);
	appendStringInfoChar(&buf, '}');
	ereport(LOG_SERVER_ONLY,
			(errmsg_internal("hoopguard event: %s", buf.data),
			 errhidestmt(true), errhidecontext(true)));
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
}

/* ---------------------------------------------------------------- events */

/* The transaction's full id, if event->xid is its low half. */
static int64
full_xid(uint32 xid)
{
	FullTransactionId full = GetTopFullTransactionIdIfAny();

	if (xid == 0 || !FullTransactionIdIsValid(full) ||
		XidFromFullTransactionId(full) != xid)
		return xid;
	return (int64) U64FromFullTransactionId(full);
}

/*
 * An EVENT without an outcome, but for pack_event(); returns where it begins.
 */
static Size
put_event(const HgEvent *event, uint64 statement)
{
	Size		start = builder.len;
	Size		context;
	uint32		context_len;
	HgWireEvent wire;
	bool		top = event->level == 0;
	ListCell   *lc;

	wire.event_id = event->event_id;
	wire.parent_id = event->parent_id;
	wire.session_id = hg_event_session_id();
	wire.txn = my_txn;
	wire.statement_id = (int64) statement;
	wire.at = event->at;
	wire.xid = event->xid == 0 ? 0 : full_xid(event->xid);
	wire.counts[HG_COUNT_DURATION_US] = event->duration_us;
	wire.counts[HG_COUNT_ROWS_RETURNED] = event->rows_returned;
	wire.counts[HG_COUNT_ROWS_AFFECTED] = event->rows_affected;
	wire.counts[HG_COUNT_ROWS_WRITTEN] = top ? event->rows_written : -1;
	wire.counts[HG_COUNT_BYTES_RETURNED] = event->bytes_returned;
	wire.counts[HG_COUNT_PROBES] = top ? event->probes : -1;
	wire.counts[HG_COUNT_SCRUBBED] = event->scrubbed;
	wire.end_xid = wire.end_lsn = wire.end_at = 0;
	wire.end_state = HG_END_NONE;
	wire.first = txn_events == 0;
	wire.context_len = 0;
	wire.unused = 0;
	put(&wire, sizeof(wire));

	context = builder.len;
	put_i32(event->level);
	put_i32(event->rule_id);
	put_i32(event->sqlstate);
	put_text(event->subject);
	put_text(event->session_role);
	put_text(event->effective_role);
	put_text(hg_guc_intent && hg_guc_intent[0] ? hg_guc_intent : NULL);
	put_text(hg_command_name(event->command));
	put_text(event->verdict);
	put_i32(event->facts ? list_length(event->facts->masked_columns) : 0);
	if (event->facts != NULL)
	{
		foreach(lc, event->facts->masked_columns)
			put_text((const char *) lfirst(lc));
	}
	context_len = (uint32) (builder.len - context);
	put_text(hg_guc_traceparent && hg_guc_traceparent[0] ?
			 hg_guc_traceparent : NULL);
	put_text(event->approval_id && event->approval_id[0] ?
			 event->approval_id : NULL);
	if (!builder.failed)
		memcpy(builder.data + start + offsetof(HgWireEvent, context_len),
			   &context_len, sizeof(context_len));
	return start;
}

/*
 * Does the end of the transaction follow at once?  Then the event can wait
 * for it in the builder, and both make one record: of a short statement this
 * is a good part of what recording costs.  Not in sync and strict, which wait
 * for the event before the commit.
 */
static bool
end_follows(const HgEvent *event)
{
	return event->level == 0 && txn_events == 0 &&
		hg_guc_audit_durability == HG_DURABILITY_ASYNC &&
		IsTransactionState() && !IsTransactionBlock();
}

void
hg_event_push_literals(HgEvent *event, bool no_error)
{
	const char *detail = event->literals;

	if (detail == NULL || !can_record() || RecoveryInProgress())
		return;
	event->literals = NULL;
	ensure_session(no_error);
	(void) push_note(hg_event_session_id(), "literals", detail, no_error);
}

void
hg_event_push(HgEvent *event, bool no_error)
{
	uint64		statement = 0;

	if (!can_record())
		return;
	if (event->event_id == 0)
		event->event_id = hg_event_next_id();
	if (RecoveryInProgress())
	{
		log_event(event);
		return;
	}

	/* Even an event that gets lost makes its transaction worth an outcome. */
	txn_has_events = true;
	ensure_session(no_error);
	if (event->facts != NULL)
	{
		statement = statement_id(event->facts);
		ensure_statement(event->facts, statement, event->at, no_error);
	}

	if (event->literals != NULL)
		hg_event_push_literals(event, no_error);
	build_start();
	(void) put_event(event, statement);

	/* Whether there is room has to be known before the commit. */
	if (!no_error && !builder.failed && end_follows(event) &&
		builder.len <= MAX_WAITING)
		event_waits = hg_lane_reserve(builder.len);
	else
	{
		pack_event(0);
		(void) build_push(HG_REC_EVENT, false, no_error);
	}
	txn_events++;
}

void
hg_event_settle(void)
{
	push_waiting();
}

void
hg_event_push_intent(const HgEvent *event, bool partial)
{
	HgEvent		intent = *event;
	uint64		statement = 0;

	if (hg_guc_audit_durability != HG_DURABILITY_STRICT || !can_record() ||
		RecoveryInProgress())
		return;
	txn_has_events = true;
	ensure_session(false);
	if (event->facts != NULL)
	{
		statement = statement_id(event->facts);
		ensure_statement(event->facts, statement, event->at, false);
		if (partial)
		{
			((HgFacts *) unconstify(HgFacts *, event->facts))->statement_id = 0;
			note_sent(event->facts, 0);
		}
		intent.command = event->facts->command;
	}
	intent.sqlstate = -1;
	intent.rows_returned = intent.rows_affected = intent.bytes_returned = -1;
	intent.rows_written = intent.probes = intent.scrubbed = -1;
	intent.duration_us = -1;
	build_start();
	put_i64(event->event_id);
	put_i64(hg_event_session_id());
	put_i64(event->at);
	pack_event(put_event(&intent, statement));
	(void) build_push(HG_REC_INTENT, false, false);
	(void) hg_lane_wait_durable(HG_WAIT_HERE);
}

void
hg_event_wait_durable(HgLaneWait before)
{
	if (hg_guc_audit_durability == HG_DURABILITY_ASYNC || !txn_has_events ||
		!can_record() || RecoveryInProgress())
		return;
	push_waiting();
	(void) hg_lane_wait_durable(before);
}

bool
hg_event_in_transaction(void)
{
	return txn_has_events;
}

static void
push_outcome(HgWireOutcome state)
{
	FullTransactionId xid = GetTopFullTransactionIdIfAny();
	XLogRecPtr	lsn = InvalidXLogRecPtr;

	if (!txn_has_events)
		return;
	txn_has_events = false;
	txn_events = 0;
	if (!can_record() || RecoveryInProgress())
		return;

	/* Without an xid there was no commit record: the LSN would be an old one */
	if (state == HG_OUTCOME_COMMITTED && FullTransactionIdIsValid(xid))
		lsn = XactLastCommitEnd;
	if (event_waits)
	{
		HgWireEvent wire;

		memcpy(&wire, builder.data, sizeof(wire));
		wire.end_xid = (int64) U64FromFullTransactionId(xid);
		wire.end_lsn = (int64) lsn;
		wire.end_at = GetCurrentTimestamp();
		wire.end_state = state;
		memcpy(builder.data, &wire, sizeof(wire));
		my_txn++;
		push_waiting();
		return;
	}
	build_start();
	put_i64(hg_event_session_id());
	put_i64(my_txn);
	put_i64((int64) U64FromFullTransactionId(xid));
	put_i32(state);
	put_i64((int64) lsn);
	put_i64(GetCurrentTimestamp());
	my_txn++;
	(void) build_push(HG_REC_OUTCOME, false, true);
}

void
hg_event_push_outcome(bool committed)
{
	push_outcome(committed ? HG_OUTCOME_COMMITTED : HG_OUTCOME_ABORTED);
}

void
hg_event_push_prepared(void)
{
	push_outcome(HG_OUTCOME_PREPARED);
}

void
hg_event_push_resolved(uint64 xid, bool committed, XLogRecPtr lsn)
{
	if (!can_record() || RecoveryInProgress())
		return;
	build_start();
	put_i64(0);
	put_i64((int64) xid);
	put_i64((int64) xid);
	put_i32(committed ? HG_OUTCOME_COMMITTED : HG_OUTCOME_ABORTED);
	put_i64((int64) lsn);
	put_i64(GetCurrentTimestamp());
	(void) build_push(HG_REC_OUTCOME, false, true);
}

void
hg_event_sub_start(void)
{
	int			level = GetCurrentTransactionNestLevel();

	if (hg_lane_shared == NULL)
		return;
	if (level >= sub_room)
	{
		int			room = Max(level * 2, 16);
		int64	   *grown = realloc(sub_starts, sizeof(int64) * room);

		if (grown == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory")));
		sub_starts = grown;
		sub_room = room;
	}
	sub_starts[level] = (int64)
		pg_atomic_read_u64(&hg_lane_shared->next_event_id);
}

void
hg_event_sub_abort(void)
{
	char		detail[128];
	int			level = GetCurrentTransactionNestLevel();

	/* ids of other sessions lie between, but these are of this one */
	if (level >= sub_room || last_event_id < sub_starts[level] ||
		!can_record() || RecoveryInProgress())
		return;
	snprintf(detail, sizeof(detail),
			 "{\"txn\":" INT64_FORMAT ",\"first_event\":" INT64_FORMAT
			 ",\"last_event\":" INT64_FORMAT "}",
			 my_txn, sub_starts[level], last_event_id);
	(void) push_note(hg_event_session_id(), "rolled_back", detail, true);
}

void
hg_event_push_note(const char *kind, const char *json)
{
	if (!can_record() || RecoveryInProgress())
		return;
	ensure_session(false);
	(void) push_note(hg_event_session_id(), kind, json, false);
}

void
hg_event_push_login_failure(int sqlstate)
{
	StringInfoData buf;
	MemoryContext context;
	MemoryContext old;
	char		addr[NI_MAXHOST];
	char		port[NI_MAXSERV];
	bool		known;

	if (hg_lane_shared == NULL || !IsUnderPostmaster || MyProcPort == NULL ||
		MyProcPort->user_name == NULL || MyProcPort->database_name == NULL)
		return;
	context = AllocSetContextCreate(TopMemoryContext, "hoopguard login",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	initStringInfo(&buf);
	appendStringInfo(&buf, "{\"sqlstate\":\"%s\"",
					 unpack_sql_state(sqlstate));
	json_text(&buf, "role", MyProcPort->user_name);
	json_text(&buf, "database", MyProcPort->database_name);
	if (client_address(addr, sizeof(addr), port, sizeof(port)))
	{
		json_text(&buf, "client_addr", addr);
		json_text(&buf, "client_port", port);
	}
	appendStringInfoChar(&buf, '}');

	/* nobody has looked at the names, and the encoding is not known yet */
	for (int i = 0; i < buf.len; i++)
	{
		if (IS_HIGHBIT_SET(buf.data[i]))
			buf.data[i] = '?';
	}
	known = hg_lane_use_database(MyProcPort->database_name) &&
		!RecoveryInProgress();
	if (known)
		known = push_note(0, "login_failed", buf.data, true);
	if (!known)
		ereport(LOG_SERVER_ONLY,
				(errmsg_internal("hoopguard login failed: %s", buf.data),
				 errhidestmt(true), errhidecontext(true)));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
