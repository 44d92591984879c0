/*-------------------------------------------------------------------------
 *
 * record_store.c
 *	  Records to rows, inside the recorder's transaction.
 *
 * Events and outcomes, the bulk of it, are gathered in slots and written with
 * table_multi_insert() straight into the partition of their week, as COPY
 * does it; the rest goes through prepared statements.  That skips triggers
 * and constraints, of which these tables have none but the partition bounds,
 * and those are checked: a row that does not fit the partition its week
 * names, because somebody repartitioned, takes the ordinary way.
 *
 * The tables of events and outcomes are narrow: what many events have in
 * common is in _context and stored once, a number that is 0 is NULL, and the
 * outcome of a transaction with one event is in the event's row.  So an event
 * is held back until the next record is seen, which may be its outcome.  The
 * views event and outcome put it together again; see 40_record.sql.
 *
 * Each row that is stored names its seal, and the seal is told the row's
 * digest; what is in a digest, and in which order, is in the view _sealed_row
 * of 41_seal.sql too.
 *
 * Statements already known are remembered, but only once the transaction
 * that wrote them has committed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "access/heapam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "record/lane.h"
#include "record/outbox.h"
#include "record/record_store.h"
#include "record/seal.h"
#include "record/wire.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* Rows gathered before they are written. */
#define BULK_ROWS 500

/* Statement ids remembered as stored; beyond it all are forgotten. */
#define MAX_KNOWN 100000

/* Partitions open at a time, of each table: rows of now, and stragglers. */
#define MAX_PARTITIONS 8

/* Sessions and contexts remembered; beyond it all are forgotten. */
#define MAX_SESSIONS 100000
#define MAX_CONTEXTS 50000

typedef struct Bulk
{
	Relation	rel;
	Oid			parent;
	int			week;			/* see week_of() */
	ResultRelInfo *rri;
	struct SlotSet *set;
	int			n;				/* slots filled */
} Bulk;

/*
 * Slots outlive the transaction: making 500 of them for each batch took an
 * eighth of the recorder's time.  They have a row type of their own, which no
 * resource owner counts.
 */
typedef struct SlotSet
{
	MemoryContext context;		/* NULL: none yet */
	TupleDesc	desc;
	const TupleTableSlotOps *ops;
	TupleTableSlot *slots[BULK_ROWS];
	int			nslots;			/* made so far */
} SlotSet;

typedef struct Reader
{
	const char *next;
	const char *end;
} Reader;

/* An event as it is sealed and shown, in the order of store_event(). */
#define EVENT_COLUMNS 28
#define EVENT_RECORDED_AT 23
#define EVENT_SEAL 27

typedef struct HeldEvent
{
	Datum		values[EVENT_COLUMNS];
	bool		nulls[EVENT_COLUMNS];
	bool		alone;			/* first of its transaction */
} HeldEvent;

/* An outcome, in the order of the view, without the seal. */
#define OUTCOME_COLUMNS 6

/* The last transaction of a session that has an event. */
typedef struct SessionEntry
{
	int64		session_id;
	int64		txn;
} SessionEntry;

typedef struct ContextEntry
{
	uint8		digest[HG_DIGEST_LEN];
	int32		context_id;
} ContextEntry;

/* The running transaction; all in its memory. */
static Oid	schema_oid = InvalidOid;
static EState *estate = NULL;
static Bulk *bulks[2 * MAX_PARTITIONS];
static int	nbulks = 0;
static Oid	event_parent = InvalidOid;
static Oid	outcome_parent = InvalidOid;
static HeldEvent held;
static bool holding = false;
static List *new_statements = NIL;	/* of uint64*, in store_context */
static uint64 events_written = 0;

/* This process. */
static MemoryContext store_context = NULL;	/* outlives the transaction */
static HTAB *known = NULL;
static Oid	known_relid = InvalidOid;	/* installation `known` is about */
static SlotSet slot_sets[2 * MAX_PARTITIONS];	/* events, then outcomes */
static SPIPlanPtr plan_session = NULL;
static SPIPlanPtr plan_statement = NULL;
static SPIPlanPtr plan_edge = NULL;
static SPIPlanPtr plan_dataset = NULL;
static SPIPlanPtr plan_event = NULL;
static SPIPlanPtr plan_outcome = NULL;
static SPIPlanPtr plan_context = NULL;
static SPIPlanPtr plan_context_id = NULL;
static HTAB *sessions = NULL;	/* of SessionEntry */
static HTAB *contexts = NULL;	/* of ContextEntry */
static SPIPlanPtr plan_note = NULL;
static SPIPlanPtr plan_intent = NULL;

/* --------------------------------------------------------------- reading */

static void
take(Reader *reader, void *into, Size len)
{
	if ((Size) (reader->end - reader->next) < len)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("audit record ends early")));
	memcpy(into, reader->next, len);
	reader->next += len;
}

static int32
take_i32(Reader *reader)
{
	int32		value;

	take(reader, &value, sizeof(value));
	return value;
}

static int64
take_i64(Reader *reader)
{
	int64		value;

	take(reader, &value, sizeof(value));
	return value;
}

/* A text datum in the current context; *isnull for NULL. */
static Datum
take_text(Reader *reader, bool *isnull)
{
	uint32		mark;
	text	   *result;

	take(reader, &mark, sizeof(mark));
	*isnull = (mark == 0);
	if (mark == 0)
		return (Datum) 0;
	if ((Size) (reader->end - reader->next) < mark - 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("audit record ends early")));
	result = cstring_to_text_with_len(reader->next, (int) (mark - 1));
	reader->next += mark - 1;
	return PointerGetDatum(result);
}

/* ------------------------------------------------------------------ bulk */

/* Make the set one of slots of this table, if it is not. */
static void
slots_prepare(SlotSet *set, Relation rel)
{
	const TupleTableSlotOps *ops = table_slot_callbacks(rel);
	MemoryContext oldcontext;

	if (set->context != NULL && set->ops == ops &&
		equalTupleDescs(set->desc, RelationGetDescr(rel)))
		return;
	if (set->context != NULL)
		MemoryContextDelete(set->context);
	set->context = NULL;
	set->ops = NULL;			/* nothing to keep, should memory run out */
	set->nslots = 0;
	set->context = AllocSetContextCreate(TopMemoryContext,
										 "hoopguard recorder's slots",
										 ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(set->context);
	set->desc = CreateTupleDescCopy(RelationGetDescr(rel));
	set->ops = ops;
	MemoryContextSwitchTo(oldcontext);
}

static Bulk *
bulk_open(Oid relid, Oid parent, int week, SlotSet *set)
{
	Bulk	   *bulk = palloc0(sizeof(Bulk));

	bulk->rel = table_open(relid, RowExclusiveLock);
	bulk->parent = parent;
	bulk->week = week;
	slots_prepare(set, bulk->rel);
	bulk->set = set;
	bulk->rri = makeNode(ResultRelInfo);
	InitResultRelInfo(bulk->rri, bulk->rel, 1, NULL, 0);
	ExecOpenIndices(bulk->rri, false);
	return bulk;
}

static void
bulk_flush(Bulk *bulk)
{
	MemoryContext oldcontext;
	int			i;

	if (bulk->n == 0)
		return;

	/* The insert leaves behind what it allocates. */
	oldcontext = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));
	table_multi_insert(bulk->rel, bulk->set->slots, bulk->n,
					   estate->es_output_cid, 0, NULL);
	for (i = 0; i < bulk->n; i++)
	{
		if (bulk->rri->ri_NumIndices > 0)
			list_free(HG_EXEC_INSERT_INDEX(bulk->rri, bulk->set->slots[i],
										   estate));
		ExecClearTuple(bulk->set->slots[i]);
	}
	MemoryContextSwitchTo(oldcontext);
	ResetPerTupleExprContext(estate);
	bulk->n = 0;
}

/* The next slot, filled; columns the values do not reach are NULL. */
static TupleTableSlot *
bulk_fill(Bulk *bulk, const Datum *values, const bool *nulls, int nvalues)
{
	TupleTableSlot *slot;
	int			natts = RelationGetDescr(bulk->rel)->natts;
	int			i;

	if (bulk->n >= BULK_ROWS)
		bulk_flush(bulk);
	if (natts < nvalues)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("table \"%s\" has too few columns",
						RelationGetRelationName(bulk->rel))));
	if (bulk->n >= bulk->set->nslots)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(bulk->set->context);

		slot = MakeSingleTupleTableSlot(bulk->set->desc, bulk->set->ops);
		MemoryContextSwitchTo(oldcontext);
		bulk->set->slots[bulk->set->nslots++] = slot;
	}
	slot = bulk->set->slots[bulk->n];
	ExecClearTuple(slot);
	for (i = 0; i < natts; i++)
	{
		slot->tts_values[i] = i < nvalues ? values[i] : (Datum) 0;
		slot->tts_isnull[i] = i < nvalues ? nulls[i] : true;
	}
	ExecStoreVirtualTuple(slot);
	return slot;
}

static void
bulk_close(Bulk *bulk)
{
	bulk_flush(bulk);
	ExecCloseIndices(bulk->rri);
	table_close(bulk->rel, NoLock);
}

/* ------------------------------------------------------------- partitions */

/*
 * Partitions are weeks, which begin on Monday, in UTC.  They are counted from
 * Monday, the 3rd of January 2000.
 */
static int
week_of(TimestampTz at)
{
	int64		days = at / USECS_PER_DAY - (at % USECS_PER_DAY < 0 ? 1 : 0) - 2;

	return (int) (days / 7 - (days % 7 < 0 ? 1 : 0));
}

static TimestampTz
week_start(int week)
{
	return ((TimestampTz) week * 7 + 2) * USECS_PER_DAY;
}

static char *
partition_name(const char *table, int week)
{
	int			year;
	int			month;
	int			day;

	j2date(week * 7 + 2 + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return psprintf("%s_%04d%02d%02d", table, year, month, day);
}

/* The partition of a week, InvalidOid if there is none. */
static Oid
partition_of(Oid parent, const char *table, int week)
{
	Oid			relid = get_relname_relid(partition_name(table, week),
										  schema_oid);

	if (!OidIsValid(relid) || get_rel_relkind(relid) != RELKIND_RELATION ||
		!get_rel_relispartition(relid) ||
		get_partition_parent(relid, true) != parent)
		return InvalidOid;
	return relid;
}

/* The open bulk for rows of a time, or NULL if it has no partition. */
static Bulk *
bulk_for(Oid parent, TimestampTz at)
{
	MemoryContext oldcontext;
	Oid			relid;
	int			week = week_of(at);
	int			set = 0;		/* open ones of this table */
	int			i;

	for (i = 0; i < nbulks; i++)
	{
		if (bulks[i]->parent != parent)
			continue;
		if (bulks[i]->week == week)
			return bulks[i];
		set++;
	}
	if (set >= MAX_PARTITIONS)
		return NULL;
	if (parent == outcome_parent)
		set += MAX_PARTITIONS;
	relid = partition_of(parent, parent == event_parent ? "event" : "outcome",
						 week);
	if (!OidIsValid(relid))
		return NULL;
	oldcontext = MemoryContextSwitchTo(estate->es_query_cxt);
	bulks[nbulks] = bulk_open(relid, parent, week, &slot_sets[set]);
	MemoryContextSwitchTo(oldcontext);
	return bulks[nbulks++];
}

static void
make_partition(const char *table, Oid parent, int week)
{
	char	   *name = partition_name(table, week);
	char	   *sql;

	if (OidIsValid(partition_of(parent, table, week)))
		return;
	sql = psprintf("CREATE TABLE hoopguard.%s PARTITION OF hoopguard._%s"
				   " FOR VALUES FROM ('%s 00:00:00+00') TO ('%s 00:00:00+00')",
				   name, table,
				   partition_name("", week) + 1,
				   partition_name("", week + 1) + 1);
	if (SPI_execute(sql, false, 0) < 0)
		elog(ERROR, "could not create partition %s", name);

	/* A member: dropped with the extension, its rows not in a dump. */
	sql = psprintf("ALTER EXTENSION hoopguard ADD TABLE hoopguard.%s", name);
	if (SPI_execute(sql, false, 0) < 0)
		elog(ERROR, "could not add partition %s to the extension", name);
}

static bool
find_tables(void)
{
	schema_oid = get_namespace_oid("hoopguard", true);
	if (!OidIsValid(schema_oid) ||
		!OidIsValid(get_extension_oid("hoopguard", true)))
		return false;
	event_parent = get_relname_relid("_event", schema_oid);
	outcome_parent = get_relname_relid("_outcome", schema_oid);
	return OidIsValid(event_parent) && OidIsValid(outcome_parent);
}

void
hg_store_partitions(void)
{
	int			week = week_of(GetCurrentTimestamp());
	int			i;

	if (!find_tables())
		return;
	for (i = 0; i < 2; i++)
	{
		make_partition("event", event_parent, week + i);
		make_partition("outcome", outcome_parent, week + i);
	}
}

/* -------------------------------------------------------- begin and end */

static void write_held(const Datum *outcome, const bool *onulls);

static void
forget_known(void)
{
	if (known != NULL)
		hash_destroy(known);
	known = NULL;
}

static void
forget_contexts(void)
{
	if (contexts != NULL)
		hash_destroy(contexts);
	contexts = NULL;
}

bool
hg_store_begin(Oid *event_relid)
{
	estate = NULL;
	nbulks = 0;
	holding = false;
	new_statements = NIL;
	events_written = 0;
	*event_relid = InvalidOid;
	if (store_context == NULL)
		store_context = AllocSetContextCreate(TopMemoryContext,
											  "hoopguard store",
											  ALLOCSET_DEFAULT_SIZES);

	if (!find_tables())
		return false;
	if (event_parent != known_relid)
	{
		forget_known();
		forget_contexts();
	}
	known_relid = event_parent;
	*event_relid = event_parent;

	/* Hold the parents, so that no partition comes or goes meanwhile. */
	LockRelationOid(event_parent, RowExclusiveLock);
	LockRelationOid(outcome_parent, RowExclusiveLock);
	hg_seal_begin(schema_oid);
	hg_outbox_begin();
	estate = CreateExecutorState();
	estate->es_output_cid = GetCurrentCommandId(true);
	return true;
}

bool
hg_store_has_partitions(void)
{
	int			week = week_of(GetCurrentTimestamp());

	return OidIsValid(partition_of(event_parent, "event", week)) &&
		OidIsValid(partition_of(outcome_parent, "outcome", week));
}

void
hg_store_end(void)
{
	int			i;

	write_held(NULL, NULL);
	for (i = 0; i < nbulks; i++)
		bulk_close(bulks[i]);
	nbulks = 0;
	hg_seal_end();
	FreeExecutorState(estate);
	estate = NULL;
	hg_outbox_end();
}

/*
 * Memory of the transaction is gone or goes with it; only what was learnt
 * stays.
 */
void
hg_store_forget(bool committed)
{
	ListCell   *lc;

	if (committed && new_statements != NIL)
	{
		if (known != NULL &&
			hash_get_num_entries(known) + list_length(new_statements) >
			MAX_KNOWN)
			forget_known();
		if (known == NULL)
		{
			HASHCTL		ctl;

			memset(&ctl, 0, sizeof(ctl));
			ctl.keysize = sizeof(uint64);
			ctl.entrysize = sizeof(uint64);
			ctl.hcxt = TopMemoryContext;
			known = hash_create("hoopguard known statements", 1024, &ctl,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		}
		foreach(lc, new_statements)
		{
			bool		found;

			(void) hash_search(known, lfirst(lc), HASH_ENTER, &found);
		}
	}
	if (store_context != NULL)
		MemoryContextReset(store_context);
	hg_seal_forget(committed);
	if (!committed)
		forget_contexts();
	holding = false;
	new_statements = NIL;
	estate = NULL;
	nbulks = 0;
}

uint64
hg_store_events(void)
{
	return events_written;
}

/* --------------------------------------------------------------- records */

/* Run a kept plan, preparing it the first time; returns the row count. */
static uint64
run_plan(SPIPlanPtr *plan, const char *sql, int nargs, Oid *types,
		 Datum *values, const bool *isnull)
{
	char		nulls[32];
	int			i;

	Assert(nargs < (int) lengthof(nulls));
	if (*plan == NULL)
	{
		SPIPlanPtr	made = SPI_prepare(sql, nargs, types);

		if (made == NULL)
			elog(ERROR, "could not prepare \"%s\": %s", sql,
				 SPI_result_code_string(SPI_result));
		if (SPI_keepplan(made) != 0)
			elog(ERROR, "could not keep a plan");
		*plan = made;
	}
	for (i = 0; i < nargs; i++)
		nulls[i] = isnull[i] ? 'n' : ' ';
	if (SPI_execute_plan(*plan, values, nulls, false, 0) < 0)
		elog(ERROR, "could not run \"%s\"", sql);
	return SPI_processed;
}

/* What is remembered of a session; NULL if it is new, and now remembered. */
static SessionEntry *
session_entry(int64 session_id)
{
	SessionEntry *entry;
	bool		found;

	if (sessions != NULL && hash_get_num_entries(sessions) >= MAX_SESSIONS)
	{
		hash_destroy(sessions);
		sessions = NULL;
	}
	if (sessions == NULL)
	{
		HASHCTL		ctl;

		memset(&ctl, 0, sizeof(ctl));
		ctl.keysize = sizeof(int64);
		ctl.entrysize = sizeof(SessionEntry);
		ctl.hcxt = TopMemoryContext;
		sessions = hash_create("hoopguard sessions", 256, &ctl,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(sessions, &session_id, HASH_ENTER, &found);
	if (!found)
		entry->txn = 0;
	return found ? entry : NULL;
}

static void
store_session(Reader *r)
{
	static Oid	types[] = {INT8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID,
		INT4OID, TEXTOID, INT4OID, TEXTOID, INT8OID};
	Datum		values[10];
	bool		nulls[10];
	uint8		digest[HG_DIGEST_LEN];
	int64		seal = hg_seal_for(0, 0);
	int			i;

	memset(nulls, 0, sizeof(nulls));
	values[0] = Int64GetDatum(take_i64(r));
	values[1] = TimestampTzGetDatum(take_i64(r));
	for (i = 2; i < 7; i++)
		values[i] = take_text(r, &nulls[i]);
	if (!nulls[5])
		values[5] = Int32GetDatum(pg_strtoint32(TextDatumGetCString(values[5])));
	values[7] = Int32GetDatum(take_i32(r));
	values[8] = take_text(r, &nulls[8]);
	values[9] = Int64GetDatum(seal);
	hg_seal_digest(8, types + 1, values + 1, nulls + 1, digest);
	if (run_plan(&plan_session,
				 "INSERT INTO hoopguard.session (session_id, started_at,"
				 " login_role, database_name, client_addr, client_port,"
				 " application_name, backend_pid, backend_type, seal)"
				 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
				 " ON CONFLICT DO NOTHING",
				 10, types, values, nulls) > 0)
		hg_seal_row(seal, HG_SEALED_SESSION, DatumGetInt64(values[0]), digest);

	/* Its first event is the first of its transaction. */
	(void) session_entry(DatumGetInt64(values[0]));
}

static int
digest_cmp(const void *a, const void *b)
{
	return memcmp(a, b, HG_DIGEST_LEN);
}

/* SHA-256 over digests in their own order, as a bytea; NULL: there is none. */
static Datum
digest_of_all(uint8 *digests, int n, bool *isnull)
{
	uint8		digest[HG_DIGEST_LEN];
	bytea	   *result;

	*isnull = (n == 0);
	if (n == 0)
		return (Datum) 0;
	qsort(digests, n, HG_DIGEST_LEN, digest_cmp);
	hg_seal_sha256(digests, (Size) n * HG_DIGEST_LEN, digest);
	result = palloc(VARHDRSZ + HG_DIGEST_LEN);
	SET_VARSIZE(result, VARHDRSZ + HG_DIGEST_LEN);
	memcpy(VARDATA(result), digest, HG_DIGEST_LEN);
	return PointerGetDatum(result);
}

/* Room for the digests of n rows; the count comes from a record. */
static uint8 *
digest_room(Reader *r, int n)
{
	if (n < 0 || n > r->end - r->next)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("audit record ends early")));
	return MemoryContextAllocHuge(CurrentMemoryContext,
								  Max((Size) n, 1) * HG_DIGEST_LEN);
}

static void
store_statement(Reader *r)
{
	static Oid	types[] = {INT8OID, INT8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID,
		INT8OID, INT8OID};
	static Oid	seal_types[] = {INT8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID,
		INT8OID, BYTEAOID, BYTEAOID};
	static Oid	edge_types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
		TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID};
	static Oid	set_types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[10];
	bool		nulls[10];
	Datum		sealed[7];
	bool		sealed_nulls[7];
	uint8		digest[HG_DIGEST_LEN];
	uint8	   *digests;
	int64		seal;
	uint64		id;
	uint64	   *entry;
	MemoryContext oldcontext;
	bool		found = false;
	int			n;
	int			i;
	int			k;

	memset(nulls, 0, sizeof(nulls));
	id = (uint64) take_i64(r);
	if (known != NULL)
		(void) hash_search(known, &id, HASH_FIND, &found);
	if (found)
		return;
	values[0] = Int64GetDatum((int64) id);
	values[1] = Int64GetDatum(take_i64(r));
	values[2] = TimestampTzGetDatum(take_i64(r));
	values[3] = take_text(r, &nulls[3]);
	values[4] = take_text(r, &nulls[4]);
	values[5] = Int64GetDatum(take_i64(r));
	seal = hg_seal_for(0, 0);
	values[6] = Int64GetDatum(seal);
	memcpy(sealed, values + 1, 5 * sizeof(Datum));
	memcpy(sealed_nulls, nulls + 1, 5 * sizeof(bool));
	if (run_plan(&plan_statement,
				 "INSERT INTO hoopguard.statement (statement_id, fingerprint,"
				 " first_seen, command, text, text_length, seal)"
				 " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
				 7, types, values, nulls) > 0)
	{
		n = take_i32(r);
		digests = digest_room(r, n);
		for (k = 0; k < n; k++)
		{
			CHECK_FOR_INTERRUPTS();
			for (i = 1; i < 9; i++)
				values[i] = take_text(r, &nulls[i]);
			values[9] = BoolGetDatum(take_i32(r) != 0);
			nulls[9] = false;
			hg_seal_digest(9, edge_types + 1, values + 1, nulls + 1,
						   digests + (Size) k * HG_DIGEST_LEN);
			(void) run_plan(&plan_edge,
							"INSERT INTO hoopguard.lineage_edge (statement_id,"
							" source_schema, source_relation, source_column,"
							" target_schema, target_relation, target_column,"
							" kind, subtype, masked) VALUES"
							" ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
							10, edge_types, values, nulls);
		}
		sealed[5] = digest_of_all(digests, n, &sealed_nulls[5]);
		n = take_i32(r);
		digests = digest_room(r, n);
		for (k = 0; k < n; k++)
		{
			bool		write;

			CHECK_FOR_INTERRUPTS();
			values[1] = take_text(r, &nulls[1]);
			values[2] = take_text(r, &nulls[2]);
			write = take_i32(r) != 0;

			/* no schema: the client's stream, a file or a program of COPY */
			if (nulls[1])
				values[3] = CStringGetTextDatum(write ? "sink" : "source");
			else
				values[3] = CStringGetTextDatum(write ? "write" : "read");
			nulls[3] = false;
			hg_seal_digest(3, set_types + 1, values + 1, nulls + 1,
						   digests + (Size) k * HG_DIGEST_LEN);
			(void) run_plan(&plan_dataset,
							"INSERT INTO hoopguard.lineage_dataset"
							" (statement_id, schema_name, relation_name,"
							" access) VALUES ($1, $2, $3, $4)",
							4, set_types, values, nulls);
		}
		sealed[6] = digest_of_all(digests, n, &sealed_nulls[6]);
		hg_seal_digest(7, seal_types, sealed, sealed_nulls, digest);
		hg_seal_row(seal, HG_SEALED_STATEMENT, (int64) id, digest);
	}
	oldcontext = MemoryContextSwitchTo(store_context);
	entry = palloc(sizeof(uint64));
	*entry = id;
	new_statements = lappend(new_statements, entry);
	MemoryContextSwitchTo(oldcontext);
}

/* Sealed is all but the identifier, recorded_at and seal. */
static const Oid event_types[EVENT_COLUMNS] = {
	INT8OID, INT8OID, INT4OID, INT8OID, INT8OID, TIMESTAMPTZOID,
	TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID,
	UUIDOID, TEXTARRAYOID, INT8OID, INT8OID, INT8OID, INT8OID, TEXTOID,
	XID8OID, INT8OID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID, INT8OID
};

/* Of them, these make a context. */
#define CONTEXT_COLUMNS 10
static const int context_columns[CONTEXT_COLUMNS] = {
	2, 6, 7, 8, 9, 11, 12, 13, 15, 20
};

/* And these are counts, 4 bytes wide if they can be. */
#define COUNT_COLUMNS 7
static const int count_columns[COUNT_COLUMNS] = {19, 16, 17, 24, 18, 25, 26};

static const Oid outcome_types[OUTCOME_COLUMNS] = {
	INT8OID, INT8OID, XID8OID, BOOLOID, LSNOID, TIMESTAMPTZOID
};

/*
 * The id of what an event has in common with others: subject, roles, intent,
 * command, verdict and so on, and which of its counts are NULL.
 */
static int32
context_of(const Datum *values, const bool *nulls)
{
	static Oid	types[CONTEXT_COLUMNS + 2];
	Datum		v[CONTEXT_COLUMNS + 2];
	bool		u[CONTEXT_COLUMNS + 2];
	uint8		digest[HG_DIGEST_LEN];
	ContextEntry *entry;
	bool		found = false;
	bool		isnull;
	int			unknown = 0;
	int			id;
	int			i;

	for (i = 0; i < CONTEXT_COLUMNS; i++)
	{
		types[i] = event_types[context_columns[i]];
		v[i] = values[context_columns[i]];
		u[i] = nulls[context_columns[i]];
	}
	for (i = 0; i < COUNT_COLUMNS; i++)
		unknown |= nulls[count_columns[i]] ? 1 << i : 0;
	types[i = CONTEXT_COLUMNS] = INT4OID;
	v[i] = Int32GetDatum(unknown);
	u[i] = false;
	hg_seal_digest(CONTEXT_COLUMNS + 1, types, v, u, digest);
	if (contexts != NULL)
	{
		entry = hash_search(contexts, digest, HASH_FIND, NULL);
		if (entry != NULL)
			return entry->context_id;
	}

	types[++i] = BYTEAOID;
	v[i] = PointerGetDatum(palloc(VARHDRSZ + HG_DIGEST_LEN));
	SET_VARSIZE(DatumGetPointer(v[i]), VARHDRSZ + HG_DIGEST_LEN);
	memcpy(VARDATA(DatumGetPointer(v[i])), digest, HG_DIGEST_LEN);
	u[i] = false;
	(void) run_plan(&plan_context,
					"INSERT INTO hoopguard._context (level, subject,"
					" session_role, effective_role, intent, command, verdict,"
					" rule_id, masked_columns, sqlstate, unknown, digest)"
					" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
					" $12) ON CONFLICT DO NOTHING",
					CONTEXT_COLUMNS + 2, types, v, u);
	if (run_plan(&plan_context_id,
				 "SELECT c.context_id FROM hoopguard._context c"
				 " WHERE c.digest OPERATOR(pg_catalog.=) $1",
				 1, types + i, v + i, u + i) != 1)
		elog(ERROR, "could not store a context");
	id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
									 SPI_tuptable->tupdesc, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);

	if (contexts != NULL && hash_get_num_entries(contexts) >= MAX_CONTEXTS)
		forget_contexts();
	if (contexts == NULL)
	{
		HASHCTL		ctl;

		memset(&ctl, 0, sizeof(ctl));
		ctl.keysize = HG_DIGEST_LEN;
		ctl.entrysize = sizeof(ContextEntry);
		ctl.hcxt = TopMemoryContext;
		contexts = hash_create("hoopguard contexts", 256, &ctl,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(contexts, digest, HASH_ENTER, &found);
	entry->context_id = id;
	return id;
}

static void
seal_event(int64 seal, const Datum *values, const bool *nulls)
{
	Oid			t[EVENT_COLUMNS];
	Datum		v[EVENT_COLUMNS];
	bool		u[EVENT_COLUMNS];
	uint8		digest[HG_DIGEST_LEN];
	int			n = 0;
	int			i;

	for (i = 1; i < EVENT_COLUMNS; i++)
	{
		if (i == EVENT_RECORDED_AT || i == EVENT_SEAL)
			continue;
		t[n] = event_types[i];
		v[n] = values[i];
		u[n++] = nulls[i];
	}
	hg_seal_digest(n, t, v, u, digest);
	hg_seal_row(seal, HG_SEALED_EVENT, DatumGetInt64(values[0]), digest);
}

static void
seal_outcome(int64 seal, const Datum *values, const bool *nulls)
{
	uint8		digest[HG_DIGEST_LEN];

	hg_seal_digest(OUTCOME_COLUMNS - 1, outcome_types + 1, values + 1,
				   nulls + 1, digest);
	hg_seal_row(seal, HG_SEALED_OUTCOME, DatumGetInt64(values[0]), digest);
}

/*
 * Put a row of _event or _outcome where it belongs; the column at seal_column
 * gets the number of its seal, which is returned.
 */
static int64
put_row(Oid parent, TimestampTz at, Datum *values, bool *nulls, int n,
		int seal_column, SPIPlanPtr *plan, const char *sql, const Oid *types)
{
	Bulk	   *bulk = bulk_for(parent, at);
	int64		seal;

	if (bulk != NULL)
	{
		TupleTableSlot *slot;

		seal = hg_seal_for(week_start(bulk->week), week_start(bulk->week + 1));
		values[seal_column] = Int64GetDatum(seal);
		slot = bulk_fill(bulk, values, nulls, n);
		if (ExecPartitionCheck(bulk->rri, slot, estate, false))
		{
			bulk->n++;
			return seal;
		}
		ExecClearTuple(slot);
	}
	seal = hg_seal_for(0, 0);
	values[seal_column] = Int64GetDatum(seal);
	(void) run_plan(plan, sql, n, unconstify(Oid *, types), values, nulls);
	return seal;
}

static void
write_outcome(const Datum *outcome, const bool *onulls)
{
	static const Oid types[] = {INT8OID, INT8OID, TIMESTAMPTZOID, INT8OID,
		XID8OID, LSNOID, BOOLOID};
	Datum		values[lengthof(types)];
	bool		nulls[lengthof(types)] = {false};

	values[0] = outcome[0];
	values[1] = outcome[1];
	values[2] = outcome[5];
	values[4] = outcome[2];
	nulls[4] = onulls[2];
	values[5] = outcome[4];
	nulls[5] = onulls[4];
	values[6] = outcome[3];
	nulls[6] = onulls[3];
	seal_outcome(put_row(outcome_parent, DatumGetTimestampTz(outcome[5]),
						 values, nulls, lengthof(types), 3, &plan_outcome,
						 "INSERT INTO hoopguard._outcome VALUES"
						 " ($1, $2, $3, $4, $5, $6, $7)", types),
				 outcome, onulls);
}

/* Can the outcome be kept in the row of the held event? */
static bool
outcome_fits(const Datum *outcome, const bool *onulls)
{
	int64		us;

	if (!holding || !held.alone || onulls[3] ||
		DatumGetInt64(held.values[3]) != DatumGetInt64(outcome[0]) ||
		DatumGetInt64(held.values[22]) != DatumGetInt64(outcome[1]) ||
		held.nulls[21] != onulls[2] ||
		(!onulls[2] &&
		 DatumGetInt64(held.values[21]) != DatumGetInt64(outcome[2])))
		return false;
	us = DatumGetTimestampTz(outcome[5]) - DatumGetTimestampTz(held.values[5]);
	return us >= 0 && us <= PG_INT32_MAX;
}

/* Write the held event, if there is one, with its outcome if that fits. */
static void
write_held(const Datum *outcome, const bool *onulls)
{
	static const Oid types[] = {INT8OID, TIMESTAMPTZOID, INT8OID, INT8OID,
		INT8OID, INT8OID, INT4OID, INT4OID, INT4OID, INT4OID, INT4OID, INT4OID,
		INT4OID, INT4OID, INT4OID, BOOLOID, INT8OID, XID8OID, LSNOID, UUIDOID,
	TEXTOID, INT8ARRAYOID};
	Datum		values[lengthof(types)];
	bool		nulls[lengthof(types)];
	Datum		counts[COUNT_COLUMNS];
	bool		wide = false;
	int64		seal;
	int			i;

	if (!holding)
		return;
	holding = false;
	memset(nulls, 0, sizeof(nulls));
	values[0] = held.values[0];
	values[1] = held.values[5];
	values[2] = held.values[3];
	values[3] = held.values[22];
	values[4] = held.values[4];
	nulls[4] = held.nulls[4];
	values[6] = Int32GetDatum(context_of(held.values, held.nulls));
	for (i = 0; i < COUNT_COLUMNS; i++)
	{
		int64		count = held.nulls[count_columns[i]] ? 0 :
			DatumGetInt64(held.values[count_columns[i]]);

		counts[i] = Int64GetDatum(count);
		values[7 + i] = Int32GetDatum((int32) count);
		nulls[7 + i] = (count == 0);
		wide |= (count < PG_INT32_MIN || count > PG_INT32_MAX);
	}
	values[21] = (Datum) 0;
	nulls[21] = !wide;
	if (wide)
	{
		values[21] = PointerGetDatum(construct_array(counts, COUNT_COLUMNS,
													 INT8OID, 8,
													 FLOAT8PASSBYVAL,
													 TYPALIGN_DOUBLE));
		for (i = 0; i < COUNT_COLUMNS; i++)
			nulls[7 + i] = true;
	}
	values[14] = values[15] = values[18] = (Datum) 0;
	nulls[14] = nulls[15] = nulls[18] = true;
	if (outcome != NULL)
	{
		values[14] = Int32GetDatum((int32) (DatumGetTimestampTz(outcome[5]) -
											DatumGetTimestampTz(held.values[5])));
		nulls[14] = false;
		values[15] = outcome[3];
		nulls[15] = false;
		values[18] = outcome[4];
		nulls[18] = onulls[4];
	}
	values[16] = held.values[1];
	nulls[16] = held.nulls[1];
	values[17] = held.values[21];
	nulls[17] = held.nulls[21];
	values[19] = held.values[14];
	nulls[19] = held.nulls[14];
	values[20] = held.values[10];
	nulls[20] = held.nulls[10];

	seal = put_row(event_parent, DatumGetTimestampTz(held.values[5]), values,
				   nulls, lengthof(types), 5, &plan_event,
				   "INSERT INTO hoopguard._event VALUES ($1, $2, $3, $4, $5,"
				   " $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,"
				   " $18, $19, $20, $21, $22)", types);
	seal_event(seal, held.values, held.nulls);
	if (outcome != NULL)
		seal_outcome(seal, outcome, onulls);
	events_written++;
}

static void
store_event(Reader *r)
{
	Datum	   *values = held.values;
	bool	   *nulls = held.nulls;
	SessionEntry *session;
	int64		number;
	int			state;
	bool		denied;
	int			n;
	int			i;

	write_held(NULL, NULL);
	memset(&held, 0, sizeof(held));
	values[0] = Int64GetDatum(take_i64(r));
	number = take_i64(r);
	values[1] = Int64GetDatum(number);
	nulls[1] = (number == 0);
	values[2] = Int32GetDatum(take_i32(r));
	values[3] = Int64GetDatum(take_i64(r));
	number = take_i64(r);
	values[4] = Int64GetDatum(number);
	nulls[4] = (number == 0);
	values[5] = TimestampTzGetDatum(take_i64(r));
	for (i = 6; i < 13; i++)
		values[i] = take_text(r, &nulls[i]);
	denied = !nulls[12] && VARSIZE(DatumGetPointer(values[12])) == VARHDRSZ + 4 &&
		memcmp(VARDATA(DatumGetPointer(values[12])), "deny", 4) == 0;
	n = take_i32(r);
	values[13] = Int32GetDatum(n);
	nulls[13] = (n == 0);
	values[14] = take_text(r, &nulls[14]);
	if (!nulls[14])
		values[14] = DirectFunctionCall1(uuid_in,
										 CStringGetDatum(TextDatumGetCString(values[14])));
	n = take_i32(r);
	nulls[15] = (n <= 0);
	if (n > 0)
	{
		Datum	   *items = palloc(sizeof(Datum) * n);
		bool	   *inulls = palloc(sizeof(bool) * n);
		int			dims[1];
		int			lbs[1];

		for (i = 0; i < n; i++)
			items[i] = take_text(r, &inulls[i]);
		dims[0] = n;
		lbs[0] = 1;
		values[15] = PointerGetDatum(construct_md_array(items, inulls, 1, dims,
														lbs, TEXTOID, -1,
														false, TYPALIGN_INT));
	}
	else
		values[15] = (Datum) 0;
	for (i = 16; i < 20; i++)
	{
		number = take_i64(r);
		values[i] = Int64GetDatum(number);
		nulls[i] = (number < 0);
	}
	state = take_i32(r);		/* -1: an intent */
	nulls[20] = (state < 0);
	if (!nulls[20])
		values[20] = CStringGetTextDatum(unpack_sql_state(state));
	number = take_i64(r);
	values[21] = Int64GetDatum(number);
	nulls[21] = (number == 0);
	values[22] = Int64GetDatum(take_i64(r));
	values[23] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	for (i = 24; i < 27; i++)
	{
		number = take_i64(r);
		values[i] = Int64GetDatum(number);
		nulls[i] = (number < 0);
	}

	hg_outbox_event(DatumGetInt64(values[0]), DatumGetTimestampTz(values[5]),
					DatumGetInt64(values[3]),
					DatumGetInt64(values[22]), state != 0 || denied);
	values[EVENT_SEAL] = (Datum) 0;
	nulls[EVENT_SEAL] = false;

	/*
	 * Of a session that began before this recorder did we do not know whether
	 * the transaction had events before.
	 */
	session = session_entry(DatumGetInt64(values[3]));
	held.alone = session != NULL && session->txn != DatumGetInt64(values[22]);
	if (session == NULL)
		session = session_entry(DatumGetInt64(values[3]));
	session->txn = DatumGetInt64(values[22]);
	holding = true;
}

static void
store_outcome(Reader *r)
{
	Datum		values[OUTCOME_COLUMNS];
	bool		nulls[OUTCOME_COLUMNS];
	int64		number;
	int			state;

	memset(nulls, 0, sizeof(nulls));
	values[0] = Int64GetDatum(take_i64(r));
	values[1] = Int64GetDatum(take_i64(r));
	number = take_i64(r);
	values[2] = Int64GetDatum(number);
	nulls[2] = (number == 0);
	state = take_i32(r);
	values[3] = BoolGetDatum(state == HG_OUTCOME_COMMITTED);
	nulls[3] = (state == HG_OUTCOME_PREPARED);
	number = take_i64(r);
	values[4] = LSNGetDatum((XLogRecPtr) number);
	nulls[4] = (number == 0);
	values[5] = TimestampTzGetDatum(take_i64(r));
	if (state != HG_OUTCOME_PREPARED)
		hg_outbox_outcome(DatumGetInt64(values[0]), DatumGetInt64(values[1]));
	if (outcome_fits(values, nulls))
	{
		write_held(values, nulls);
		return;
	}
	write_held(NULL, NULL);
	write_outcome(values, nulls);
}

static void
store_note(Reader *r)
{
	static Oid	types[] = {INT8OID, TIMESTAMPTZOID, INT8OID, TEXTOID, JSONBOID,
		INT8OID};
	Datum		values[6];
	bool		nulls[6];
	uint8		digest[HG_DIGEST_LEN];
	int64		seal = hg_seal_for(0, 0);

	memset(nulls, 0, sizeof(nulls));
	values[0] = Int64GetDatum(take_i64(r));
	values[1] = TimestampTzGetDatum(take_i64(r));
	values[2] = Int64GetDatum(take_i64(r));
	nulls[2] = (DatumGetInt64(values[2]) == 0);
	values[3] = take_text(r, &nulls[3]);
	values[4] = take_text(r, &nulls[4]);
	if (!nulls[4])
		values[4] = DirectFunctionCall1(jsonb_in,
										CStringGetDatum(TextDatumGetCString(values[4])));
	hg_outbox_note(DatumGetInt64(values[0]), DatumGetTimestampTz(values[1]));
	values[5] = Int64GetDatum(seal);
	hg_seal_digest(4, types + 1, values + 1, nulls + 1, digest);
	if (run_plan(&plan_note,
				 "INSERT INTO hoopguard.note (note_id, at, session_id, kind,"
				 " detail, seal) VALUES ($1, $2, $3, $4, $5, $6)"
				 " ON CONFLICT DO NOTHING",
				 6, types, values, nulls) > 0)
		hg_seal_row(seal, HG_SEALED_NOTE, DatumGetInt64(values[0]), digest);
}

/*
 * An intent is kept as it came, until its event is there; see
 * hg_store_resolve().
 */
static void
store_intent(Reader *r)
{
	static Oid	types[] = {INT8OID, INT8OID, TIMESTAMPTZOID, BYTEAOID};
	Datum		values[4];
	bool		nulls[4];
	Size		len;
	bytea	   *record;

	memset(nulls, 0, sizeof(nulls));
	values[0] = Int64GetDatum(take_i64(r));
	values[1] = Int64GetDatum(take_i64(r));
	values[2] = TimestampTzGetDatum(take_i64(r));
	len = r->end - r->next;
	record = palloc(VARHDRSZ + len);
	SET_VARSIZE(record, VARHDRSZ + len);
	memcpy(VARDATA(record), r->next, len);
	values[3] = PointerGetDatum(record);
	(void) run_plan(&plan_intent,
					"INSERT INTO hoopguard.intent (event_id, session_id, at,"
					" record) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
					4, types, values, nulls);
}

void
hg_store_resolve(int64 first_session_id)
{
	SPITupleTable *found;
	uint64		n;

	/* what has its event is done with */
	if (SPI_execute("DELETE FROM hoopguard.intent i USING hoopguard.event e"
					" WHERE e.event_id OPERATOR(pg_catalog.=) i.event_id"
					" AND e.at OPERATOR(pg_catalog.=) i.at", false, 0) < 0)
		elog(ERROR, "could not look after hoopguard.intent");
	if (SPI_execute(psprintf("DELETE FROM hoopguard.intent WHERE session_id"
							 " OPERATOR(pg_catalog.<) " INT64_FORMAT
							 " RETURNING record", first_session_id),
					false, 0) < 0)
		elog(ERROR, "could not look after hoopguard.intent");
	found = SPI_tuptable;
	n = SPI_processed;
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		Datum		datum;
		bytea	   *record;

		CHECK_FOR_INTERRUPTS();
		datum = SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull);
		record = DatumGetByteaPP(datum);
		hg_store_record(HG_REC_EVENT, VARDATA_ANY(record),
						VARSIZE_ANY_EXHDR(record));
	}
}

void
hg_store_record(int type, const char *data, Size len)
{
	Reader		reader;

	reader.next = data;
	reader.end = data + len;
	if (type != HG_REC_OUTCOME)
		write_held(NULL, NULL);
	switch (type)
	{
		case HG_REC_SESSION:
			store_session(&reader);
			break;
		case HG_REC_STATEMENT:
			store_statement(&reader);
			break;
		case HG_REC_EVENT:
			store_event(&reader);
			break;
		case HG_REC_OUTCOME:
			store_outcome(&reader);
			break;
		case HG_REC_INTENT:
			store_intent(&reader);
			break;
		case HG_REC_NOTE:
			store_note(&reader);
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("unrecognized audit record type %d", type)));
	}
}
