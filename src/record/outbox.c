/*-------------------------------------------------------------------------
 *
 * outbox.c
 *	  The recorder's part of the outbox: queues what it stores, hands parcels
 *	  to the courier, notes what the sinks have acknowledged.
 *
 * The queue is a table, filled in the transaction that stores the rows.  The
 * recorder is the only one that fills it and its transactions follow each
 * other, so positions are committed in their order: a reader that has come to
 * one has missed none before it.
 *
 * A sink's position moves only past what it has acknowledged.  So after a
 * crash at any moment some messages are sent twice, in order and under the
 * same ids, and none is left out.
 *
 * Recording comes first: making messages takes a slice of time per turn, and
 * waits while the lanes are filling.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "base/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "record/lane_shared.h"
#include "record/outbox.h"
#include "storage/bufmgr.h"
#include "storage/shmem.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#define SLICE_MS 20				/* to make the messages of one parcel ... */
#define QUIET_SLICE_MS 200		/* ... and when no session is recorded */
#define LOOK_MS 1000			/* at the tables, when nobody wakes us */
#define SWEEP_MS 5000			/* old items, lost outcomes */
#define LANE_PRESSURE 4			/* a lane fuller than 1/4: not now ... */
#define MAX_DEFERRED_MS 1000	/* ... but no longer than this */

/* What _outbox_add() calls them. */
typedef enum ItemKind
{
	ITEM_EVENT = 1,
	ITEM_FAILED,
	ITEM_OUTCOME,
	ITEM_NOTE,
	ITEM_SEAL
} ItemKind;

PG_FUNCTION_INFO_V1(hoopguard__outbox_wake);

HgOutboxShared *hg_outbox = NULL;

/* The running batch; the arrays stay, the rest is of the transaction. */
static Datum *item_columns[5];	/* what, id, at, session, txn */
static int	nitems = 0;
static int	max_items = 0;
static int	wanted = -1;		/* -1: not looked yet, 0: no sink */

/* This process. */
static bool have_sinks = false;
static int	in_flight = 0;
static int	slice_ms = SLICE_MS;
static bool more = false;		/* left in the queue */
static TimestampTz sweep_at = 0;
static TimestampTz look_at = 0;
static TimestampTz deferred_since = 0;
static bool wake_at_commit = false;
static bool wake_registered = false;

/* ---------------------------------------------------------------- memory */

Size
hg_outbox_shmem_size(void)
{
	return MAXALIGN(sizeof(HgOutboxShared));
}

void
hg_outbox_shmem_init(LWLock *lock)
{
	bool		found;

	hg_outbox = ShmemInitStruct("hoopguard outbox", hg_outbox_shmem_size(),
								&found);
	if (found)
		return;
	memset(hg_outbox, 0, offsetof(HgOutboxShared, parcels));
	hg_outbox->lock = lock;
	for (int i = 0; i < HG_PARCEL_COUNT; i++)
		hg_outbox->parcels[i].state = HG_PARCEL_FREE;
}

/* ----------------------------------------------------------------- waking */

static void
wake_callback(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT && wake_at_commit)
		hg_lane_wake(MyDatabaseId);
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		wake_at_commit = false;
}

/* _outbox_wake(): have the recorder look once this transaction is over. */
Datum
hoopguard__outbox_wake(PG_FUNCTION_ARGS)
{
	if (hg_outbox != NULL && !hg_in_worker)
	{
		if (!wake_registered)
			RegisterXactCallback(wake_callback, NULL);
		wake_registered = true;
		wake_at_commit = true;
	}
	PG_RETURN_VOID();
}

/* --------------------------------------------------------------- queueing */

/* The extension may be of a time before the outbox, or on its way out. */
static bool
tables_exist(void)
{
	Oid			schema = get_namespace_oid("hoopguard", true);

	return OidIsValid(schema) &&
		OidIsValid(get_relname_relid("_sink", schema)) &&
		OidIsValid(get_relname_relid("_outbox", schema));
}

/* Once for each batch, so without a query. */
static bool
any_sink(void)
{
	Oid			schema = get_namespace_oid("hoopguard", true);
	Oid			relid;
	Relation	rel;
	SysScanDesc scan;
	bool		found = false;

	relid = OidIsValid(schema) ? get_relname_relid("_sink", schema) :
		InvalidOid;
	if (!OidIsValid(relid) || !OidIsValid(get_relname_relid("_outbox",
															schema)))
		return false;
	rel = table_open(relid, AccessShareLock);
	if (RelationGetNumberOfBlocks(rel) > 0)
	{
		scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
		found = HeapTupleIsValid(systable_getnext(scan));
		systable_endscan(scan);
	}
	table_close(rel, AccessShareLock);
	return found;
}

void
hg_outbox_begin(void)
{
	nitems = 0;
	wanted = -1;
}

bool
hg_outbox_wanted(void)
{
	return wanted > 0;
}

static void
add_item(ItemKind what, int64 id, TimestampTz at, int64 session, int64 txn)
{
	if (wanted < 0)
		wanted = any_sink() ? 1 : 0;
	if (wanted == 0)
		return;
	if (nitems >= max_items)
	{
		int			n = Max(1024, max_items * 2);

		for (int i = 0; i < 5; i++)
			item_columns[i] = item_columns[i] == NULL ?
				MemoryContextAlloc(TopMemoryContext, n * sizeof(Datum)) :
				repalloc(item_columns[i], n * sizeof(Datum));
		max_items = n;
	}
	item_columns[0][nitems] = Int64GetDatum(what);
	item_columns[1][nitems] = Int64GetDatum(id);
	item_columns[2][nitems] = TimestampTzGetDatum(at);
	item_columns[3][nitems] = Int64GetDatum(session);
	item_columns[4][nitems] = Int64GetDatum(txn);
	nitems++;
}

void
hg_outbox_event(int64 event_id, TimestampTz at, int64 session_id, int64 txn,
				bool failed)
{
	add_item(failed ? ITEM_FAILED : ITEM_EVENT, event_id, at, session_id,
			 txn);
}

void
hg_outbox_outcome(int64 session_id, int64 txn)
{
	add_item(ITEM_OUTCOME, 0, 0, session_id, txn);
}

void
hg_outbox_note(int64 note_id, TimestampTz at)
{
	add_item(ITEM_NOTE, note_id, at, 0, 0);
}

void
hg_outbox_seal(int64 seal_id, TimestampTz at)
{
	add_item(ITEM_SEAL, seal_id, at, 0, 0);
}

void
hg_outbox_end(void)
{
	Oid			types[5] = {INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID,
	INT8ARRAYOID, INT8ARRAYOID};
	Datum		values[5];

	if (nitems == 0)
		return;
	for (int i = 0; i < 5; i++)
		values[i] = PointerGetDatum(construct_array(item_columns[i], nitems,
													i == 2 ? TIMESTAMPTZOID :
													INT8OID, 8,
													FLOAT8PASSBYVAL,
													TYPALIGN_DOUBLE));
	if (SPI_execute_with_args("SELECT hoopguard._outbox_add($1, $2, $3, $4,"
							  " $5)", 5, types, values, NULL, false, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not queue what was recorded");
	nitems = 0;
	have_sinks = true;
	more = true;
}

/* ---------------------------------------------------------------- parcels */

static char *
column(uint64 row, int i)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, i);
}

static int64
number(uint64 row, int i)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row],
									  SPI_tuptable->tupdesc, i, &isnull);

	if (isnull)
		return 0;
	return SPI_gettypeid(SPI_tuptable->tupdesc, i) == INT4OID ?
		DatumGetInt32(value) : DatumGetInt64(value);
}

/* How far a parcel of this sink has come, into the table. */
static void
note_done(int sink_id, int64 upto, int messages, int status,
		  const char *error, bool single)
{
	Oid			types[6] = {INT4OID, INT8OID, INT4OID, INT4OID, TEXTOID,
	BOOLOID};
	Datum		values[6];
	char		nulls[7] = "      ";

	values[0] = Int32GetDatum(sink_id);
	values[1] = Int64GetDatum(upto);
	values[2] = Int32GetDatum(messages);
	values[3] = Int32GetDatum(status);
	if (status == 0)
		nulls[3] = 'n';
	values[4] = CStringGetTextDatum(error);
	if (error[0] == '\0')
		nulls[4] = 'n';
	values[5] = BoolGetDatum(single);
	if (SPI_execute_with_args("SELECT hoopguard._outbox_done($1, $2, $3, $4,"
							  " $5, $6)", 6, types, values, nulls, false,
							  0) != SPI_OK_SELECT)
		elog(ERROR, "could not note what a sink has acknowledged");
}

/*
 * Take the answers for this database.  A parcel is freed before its answer
 * has committed: should that fail, its messages are sent once more.
 */
static void
apply_answers(void)
{
	int			done[HG_PARCEL_COUNT];
	int			ndone = 0;

	in_flight = 0;
	LWLockAcquire(hg_outbox->lock, LW_SHARED);
	for (int i = 0; i < HG_PARCEL_COUNT; i++)
	{
		HgParcel   *parcel = &hg_outbox->parcels[i];

		if (parcel->state == HG_PARCEL_FREE || parcel->dboid != MyDatabaseId)
			continue;
		if (parcel->state == HG_PARCEL_DONE)
			done[ndone++] = i;
		else
			in_flight++;
	}
	LWLockRelease(hg_outbox->lock);

	for (int i = 0; i < ndone; i++)
	{
		HgParcel   *parcel = &hg_outbox->parcels[done[i]];
		bool		all = parcel->acked >= parcel->nmessages;

		note_done(parcel->sink_id, all ? parcel->upto :
				  parcel->messages[parcel->acked].item - 1,
				  parcel->acked, parcel->status, parcel->error,
				  all || parcel->messages[parcel->acked].items == 1);
		LWLockAcquire(hg_outbox->lock, LW_EXCLUSIVE);
		parcel->state = HG_PARCEL_FREE;
		LWLockRelease(hg_outbox->lock);
	}
}

static bool
sink_in_flight(int sink_id)
{
	bool		found = false;

	LWLockAcquire(hg_outbox->lock, LW_SHARED);
	for (int i = 0; i < HG_PARCEL_COUNT && !found; i++)
		found = hg_outbox->parcels[i].state != HG_PARCEL_FREE &&
			hg_outbox->parcels[i].dboid == MyDatabaseId &&
			hg_outbox->parcels[i].sink_id == sink_id;
	LWLockRelease(hg_outbox->lock);
	return found;
}

static HgParcel *
reserve(int sink_id)
{
	HgParcel   *found = NULL;

	LWLockAcquire(hg_outbox->lock, LW_EXCLUSIVE);
	for (int i = 0; i < HG_PARCEL_COUNT && found == NULL; i++)
	{
		HgParcel   *parcel = &hg_outbox->parcels[i];

		if (parcel->state != HG_PARCEL_FREE)
			continue;
		parcel->state = HG_PARCEL_FILLING;
		parcel->dboid = MyDatabaseId;
		parcel->sink_id = sink_id;
		parcel->acked = 0;
		parcel->status = 0;
		parcel->error[0] = '\0';
		found = parcel;
	}
	LWLockRelease(hg_outbox->lock);
	return found;
}

/* Free what an error has left half filled. */
static void
release_unfilled(void)
{
	LWLockAcquire(hg_outbox->lock, LW_EXCLUSIVE);
	for (int i = 0; i < HG_PARCEL_COUNT; i++)
	{
		HgParcel   *parcel = &hg_outbox->parcels[i];

		if (parcel->state == HG_PARCEL_FILLING &&
			parcel->dboid == MyDatabaseId)
			parcel->state = HG_PARCEL_FREE;
	}
	LWLockRelease(hg_outbox->lock);
}

/* Bytes above ASCII of a database whose encoding says nothing of them. */
static void
make_ascii(char *s, int len)
{
	if (GetDatabaseEncoding() != PG_SQL_ASCII)
		return;
	for (int i = 0; i < len; i++)
		if (IS_HIGHBIT_SET(s[i]))
			s[i] = '?';
}

/*
 * Put a message's text after what is there; with several items to a message
 * it becomes a JSON array.  False: no room.
 */
static bool
append(HgParcel *parcel, int64 item, const char *id, const char *body,
	   int len, bool joined)
{
	HgMessage  *message;

	/* two more for the brackets of an array */
	if (parcel->body_len + len + 3 > HG_PARCEL_BODY)
		return false;
	if (joined && parcel->nmessages > 0)
	{
		message = &parcel->messages[0];
		parcel->body[parcel->body_len++] = ',';
		message->items++;
	}
	else
	{
		if (parcel->nmessages >= HG_PARCEL_MESSAGES)
			return false;
		message = &parcel->messages[parcel->nmessages++];
		if (joined)
			parcel->body_len = 1;
		message->offset = parcel->body_len;
		message->len = 0;
		message->items = 1;
		message->item = item;
		strlcpy(message->id, id, sizeof(message->id));
	}
	memcpy(parcel->body + parcel->body_len, body, len);
	make_ascii(parcel->body + parcel->body_len, len);
	parcel->body_len += len;
	message->len = parcel->body_len - message->offset;
	return true;
}

/* Several CloudEvents are an array, one is sent as it is. */
static void
close_array(HgParcel *parcel, const char *last_id)
{
	HgMessage  *message = &parcel->messages[0];
	char		first[sizeof(message->id)];

	if (parcel->nmessages == 0)
		return;
	if (message->items == 1)
	{
		strlcpy(parcel->content_type,
				"application/cloudevents+json; charset=utf-8",
				sizeof(parcel->content_type));
		return;
	}
	parcel->body[0] = '[';
	parcel->body[parcel->body_len++] = ']';
	message->offset = 0;
	message->len = parcel->body_len;
	strlcpy(first, message->id, sizeof(first));
	snprintf(message->id, sizeof(message->id), "%.36s--%.36s", first,
			 last_id);
	strlcpy(parcel->content_type,
			"application/cloudevents-batch+json; charset=utf-8",
			sizeof(parcel->content_type));
}

/*
 * Make the next parcel of a sink, if there is anything for it and a place.
 * Items of which its format says nothing are stepped over.
 */
static void
begin_parcel(int sink_id, const char *url, bool joined, int at_once)
{
	Oid			types[3] = {INT4OID, INT4OID, INT4OID};
	Datum		values[3];
	HgParcel   *parcel = reserve(sink_id);
	const char *last_id = "";
	int64		upto = 0;
	bool		published = false;

	if (parcel == NULL)
		return;
	parcel->nmessages = 0;
	parcel->body_len = 0;
	strlcpy(parcel->url, url, sizeof(parcel->url));
	strlcpy(parcel->content_type, "application/json; charset=utf-8",
			sizeof(parcel->content_type));

	values[0] = Int32GetDatum(sink_id);
	values[1] = Int32GetDatum(at_once);
	values[2] = Int32GetDatum(slice_ms);
	if (SPI_execute_with_args("SELECT item, message_id, body"
							  " FROM hoopguard._outbox_next($1, $2, $3 *"
							  " interval '1 ms')", 3, types, values, NULL, false,
							  0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the outbox");
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		int64		item = number(row, 1);
		char	   *id = column(row, 2);
		bytea	   *body;
		bool		isnull;

		body = (bytea *) DatumGetPointer(SPI_getbinval(SPI_tuptable->vals[row],
													   SPI_tuptable->tupdesc,
													   3, &isnull));
		if (!isnull)
		{
			body = (bytea *) PG_DETOAST_DATUM(PointerGetDatum(body));
			if (!append(parcel, item, id, VARDATA_ANY(body),
						VARSIZE_ANY_EXHDR(body), joined))
			{
				/* it would be too long by itself as well */
				if (parcel->nmessages == 0)
				{
					strlcpy(parcel->error, "the message is too long",
							sizeof(parcel->error));
					parcel->status = 413;
					parcel->messages[0].item = item;
					parcel->messages[0].items = 1;
					parcel->nmessages = 1;
					break;
				}
				upto = Min(upto, item - 1);
				break;
			}
			last_id = id;
		}
		upto = item;
	}
	parcel->upto = upto;
	if (parcel->error[0] != '\0')
	{
		/* what no sink could take: the same way as what one refuses */
		note_done(sink_id, parcel->messages[0].item - 1, 0, parcel->status,
				  parcel->error, true);
	}
	else if (parcel->nmessages > 0)
	{
		if (joined)
			close_array(parcel, last_id);
		published = true;
	}
	else if (upto > 0)
		note_done(sink_id, upto, 0, 0, "", true);

	LWLockAcquire(hg_outbox->lock, LW_EXCLUSIVE);
	parcel->state = published ? HG_PARCEL_READY : HG_PARCEL_FREE;
	if (published && hg_outbox->courier != NULL)
		SetLatch(hg_outbox->courier);
	LWLockRelease(hg_outbox->lock);
	if (published)
		in_flight++;
	else
		more = true;
}

/*
 * The same, where an error is this sink's alone: it is noted like a failed
 * delivery, and the other sinks and the recorder go on.
 */
static void
try_parcel(int sink_id, const char *url, bool joined, int at_once)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		begin_parcel(sink_id, url, joined, at_once);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *edata;
		char		text[256];

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;

		/* told to go, or out of resources: not the sink's doing */
		if (ERRCODE_TO_CATEGORY(edata->sqlerrcode) ==
			ERRCODE_OPERATOR_INTERVENTION)
			ReThrowError(edata);
		snprintf(text, sizeof(text), "the message could not be made: %s",
				 edata->message ? edata->message : "error");
		text[pg_mbcliplen(text, strlen(text), sizeof(text) - 1)] = '\0';
		FreeErrorData(edata);
		release_unfilled();
		note_done(sink_id, 0, 0, 0, text, false);
	}
	PG_END_TRY();
}

/* Parcels for those sinks whose time has come. */
static void
begin_parcels(void)
{
	uint64		n;
	SPITupleTable *table;

	/*
	 * A join of the latest committed rows: positions below a row that is seen
	 * are all there, see the top of this file.
	 */
	if (SPI_execute("SELECT k.sink_id, k.url, k.format = 'cloudevents',"
					" LEAST(s.at_once, CASE k.format WHEN 'cloudevents'"
					" THEN k.batch ELSE 128 END),"
					" (EXTRACT(epoch FROM s.next_attempt_at"
					" - pg_catalog.clock_timestamp()) * 1000)::pg_catalog.int8"
					" FROM hoopguard._sink k"
					" JOIN hoopguard._sink_state s USING (sink_id)"
					" WHERE EXISTS (SELECT FROM hoopguard._outbox q"
					" WHERE q.position > s.position)"
					" ORDER BY s.next_attempt_at", false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the state of the sinks");
	table = SPI_tuptable;
	n = SPI_processed;
	more = false;
	for (uint64 row = 0; row < n; row++)
	{
		int			sink_id;
		int64		wait_ms;

		SPI_tuptable = table;
		CHECK_FOR_INTERRUPTS();
		sink_id = (int) number(row, 1);
		wait_ms = number(row, 5);
		if (sink_in_flight(sink_id))
			continue;
		if (wait_ms > 0)
		{
			TimestampTz at;

			at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wait_ms);
			look_at = Min(look_at, at);
			continue;
		}
		try_parcel(sink_id, column(row, 2), column(row, 3)[0] == 't',
				   (int) number(row, 4));
	}
}

/* ------------------------------------------------------------------- tick */

/* Recording comes first, but not for ever. */
static bool
under_pressure(TimestampTz now)
{
	uint64		fullest = 0;

	(void) hg_lane_pending(MyDatabaseId, &fullest);
	slice_ms = fullest == 0 ? QUIET_SLICE_MS : SLICE_MS;
	if (fullest < hg_lane_shared->ring / LANE_PRESSURE)
	{
		deferred_since = 0;
		return false;
	}
	if (deferred_since == 0)
		deferred_since = now;
	if (TimestampDifferenceExceeds(deferred_since, now, MAX_DEFERRED_MS))
	{
		deferred_since = 0;
		return false;
	}
	return true;
}

static long
wish(TimestampTz now)
{
	if (!have_sinks)
		return -1;
	if (more && in_flight == 0)
		return 0;
	if (look_at <= now)
		return LOOK_MS;
	return Min(LOOK_MS, (look_at - now) / 1000 + 1);
}

long
hg_outbox_tick(bool committed)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		sweep;
	Datum		value;
	Oid			type = BOOLOID;

	if (hg_outbox == NULL)
		return -1;
	if (committed)
		return wish(now);
	if (!tables_exist())
	{
		have_sinks = false;
		return -1;
	}
	if (under_pressure(now))
		return 10;

	release_unfilled();
	apply_answers();
	if (!any_sink() && !have_sinks)
		return -1;
	have_sinks = any_sink();
	sweep = !have_sinks || now >= sweep_at;
	if (sweep)
		sweep_at = TimestampTzPlusMilliseconds(now, SWEEP_MS);
	value = BoolGetDatum(sweep);
	if (SPI_execute_with_args("SELECT hoopguard._outbox_keep($1)", 1, &type,
							  &value, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not keep the outbox");
	look_at = TimestampTzPlusMilliseconds(now, LOOK_MS);
	if (have_sinks)
		begin_parcels();
	return wish(now);
}
