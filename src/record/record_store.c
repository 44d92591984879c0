/*-------------------------------------------------------------------------
 *
 * record_store.c
 *	  Records to rows, inside the recorder's transaction.
 *
 * Events and outcomes, the bulk of it, are gathered in slots and written with
 * table_multi_insert() straight into the partition of their month, as COPY
 * does it; the rest goes through prepared statements.  That skips triggers
 * and constraints, of which these tables have none but the partition bounds,
 * and those are checked: a row that does not fit the partition its month
 * names, because somebody repartitioned, takes the ordinary way.
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

/* Partitions open at a time: events of now, and stragglers. */
#define MAX_PARTITIONS 4

typedef struct Bulk
{
	Relation	rel;
	int			month;			/* year * 12 + month0 of a partition, -1: not
								 * a partition by month */
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

/* The running transaction; all in its memory. */
static Oid	schema_oid = InvalidOid;
static EState *estate = NULL;
static Bulk *bulk_outcome = NULL;
static Bulk *bulk_event[MAX_PARTITIONS];
static int	nbulk_event = 0;
static List *new_statements = NIL;	/* of uint64*, in store_context */
static uint64 events_written = 0;

/* This process. */
static MemoryContext store_context = NULL;	/* outlives the transaction */
static HTAB *known = NULL;
static Oid	known_relid = InvalidOid;	/* installation `known` is about */
static SlotSet slot_sets[MAX_PARTITIONS + 1];	/* events, then outcomes */
static SPIPlanPtr plan_session = NULL;
static SPIPlanPtr plan_statement = NULL;
static SPIPlanPtr plan_edge = NULL;
static SPIPlanPtr plan_dataset = NULL;
static SPIPlanPtr plan_event = NULL;
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
bulk_open(Oid relid, int month, SlotSet *set)
{
	Bulk	   *bulk = palloc0(sizeof(Bulk));

	bulk->rel = table_open(relid, RowExclusiveLock);
	bulk->month = month;
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

/* Month of a time, in UTC, as year * 12 + month0. */
static int
month_of(TimestampTz at)
{
	pg_time_t	t = timestamptz_to_time_t(at);
	struct pg_tm *tm = pg_gmtime(&t);

	if (tm == NULL)
		return 0;
	return (tm->tm_year + 1900) * 12 + tm->tm_mon;
}

/* The first instant of a month. */
static TimestampTz
month_start(int month)
{
	return (TimestampTz) (date2j(month / 12, month % 12 + 1, 1) -
						  POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
}

static char *
partition_name(int month)
{
	return psprintf("event_%04d%02d", month / 12, month % 12 + 1);
}

/* The open bulk for events of a month, or NULL if it has no partition. */
static Bulk *
event_bulk(int month)
{
	MemoryContext oldcontext;
	Oid			relid;
	int			i;

	for (i = 0; i < nbulk_event; i++)
	{
		if (bulk_event[i]->month == month)
			return bulk_event[i];
	}
	if (nbulk_event >= MAX_PARTITIONS)
		return NULL;
	relid = get_relname_relid(partition_name(month), schema_oid);
	if (!OidIsValid(relid) || get_rel_relkind(relid) != RELKIND_RELATION ||
		!get_rel_relispartition(relid) ||
		get_partition_parent(relid, false) != known_relid)
		return NULL;
	oldcontext = MemoryContextSwitchTo(estate->es_query_cxt);
	bulk_event[nbulk_event] = bulk_open(relid, month,
										&slot_sets[nbulk_event]);
	MemoryContextSwitchTo(oldcontext);
	return bulk_event[nbulk_event++];
}

void
hg_store_partitions(void)
{
	int			month = month_of(GetCurrentTimestamp());
	Oid			namespace = get_namespace_oid("hoopguard", true);
	int			i;

	if (!OidIsValid(get_extension_oid("hoopguard", true)) ||
		!OidIsValid(namespace))
		return;
	for (i = 0; i < 2; i++, month++)
	{
		char	   *name = partition_name(month);
		char	   *sql;

		if (OidIsValid(get_relname_relid(name, namespace)))
			continue;
		sql = psprintf("CREATE TABLE hoopguard.%s PARTITION OF hoopguard.event"
					   " FOR VALUES FROM ('%04d-%02d-01 00:00:00+00')"
					   " TO ('%04d-%02d-01 00:00:00+00')", name,
					   month / 12, month % 12 + 1,
					   (month + 1) / 12, (month + 1) % 12 + 1);
		if (SPI_execute(sql, false, 0) < 0)
			elog(ERROR, "could not create partition %s", name);

		/* A member: dropped with the extension, its rows not in a dump. */
		sql = psprintf("ALTER EXTENSION hoopguard ADD TABLE hoopguard.%s",
					   name);
		if (SPI_execute(sql, false, 0) < 0)
			elog(ERROR, "could not add partition %s to the extension", name);
	}
}

/* -------------------------------------------------------- begin and end */

static void
forget_known(void)
{
	if (known != NULL)
		hash_destroy(known);
	known = NULL;
}

bool
hg_store_begin(Oid *event_relid)
{
	Oid			relid;

	estate = NULL;
	bulk_outcome = NULL;
	nbulk_event = 0;
	new_statements = NIL;
	events_written = 0;
	*event_relid = InvalidOid;
	if (store_context == NULL)
		store_context = AllocSetContextCreate(TopMemoryContext,
											  "hoopguard store",
											  ALLOCSET_DEFAULT_SIZES);

	schema_oid = get_namespace_oid("hoopguard", true);
	if (!OidIsValid(schema_oid) ||
		!OidIsValid(get_extension_oid("hoopguard", true)))
		return false;
	relid = get_relname_relid("event", schema_oid);
	if (!OidIsValid(relid))
		return false;
	if (relid != known_relid)
		forget_known();
	known_relid = relid;
	*event_relid = relid;

	/* Hold the parent, so that no partition comes or goes meanwhile. */
	LockRelationOid(relid, RowExclusiveLock);
	hg_seal_begin(schema_oid);
	hg_outbox_begin();
	estate = CreateExecutorState();
	estate->es_output_cid = GetCurrentCommandId(true);
	return true;
}

void
hg_store_end(void)
{
	int			i;

	if (bulk_outcome != NULL)
		bulk_close(bulk_outcome);
	for (i = 0; i < nbulk_event; i++)
		bulk_close(bulk_event[i]);
	bulk_outcome = NULL;
	nbulk_event = 0;
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
	new_statements = NIL;
	estate = NULL;
	bulk_outcome = NULL;
	nbulk_event = 0;
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

#define EVENT_COLUMNS 28

/* Of the columns, these are sealed: all but id, recorded_at and seal. */
#define EVENT_RECORDED_AT 23
#define EVENT_SEAL 27

static void
seal_event(int64 seal, const Oid *types, const Datum *values,
		   const bool *nulls)
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
		t[n] = types[i];
		v[n] = values[i];
		u[n++] = nulls[i];
	}
	hg_seal_digest(n, t, v, u, digest);
	hg_seal_row(seal, HG_SEALED_EVENT, DatumGetInt64(values[0]), digest);
}

static void
store_event(Reader *r)
{
	static Oid	types[EVENT_COLUMNS] = {INT8OID, INT8OID, INT4OID, INT8OID,
		INT8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
		TEXTOID, TEXTOID, INT4OID, UUIDOID, TEXTARRAYOID, INT8OID, INT8OID,
		INT8OID, INT8OID, TEXTOID, XID8OID, INT8OID, TIMESTAMPTZOID,
		INT8OID, INT8OID, INT8OID, INT8OID};
	Datum		values[EVENT_COLUMNS];
	bool		nulls[EVENT_COLUMNS];
	Bulk	   *bulk;
	TimestampTz at;
	int64		number;
	int			state;
	bool		denied;
	int			n;
	int			i;

	memset(nulls, 0, sizeof(nulls));
	memset(values, 0, sizeof(values));
	values[0] = Int64GetDatum(take_i64(r));
	number = take_i64(r);
	values[1] = Int64GetDatum(number);
	nulls[1] = (number == 0);
	values[2] = Int32GetDatum(take_i32(r));
	values[3] = Int64GetDatum(take_i64(r));
	number = take_i64(r);
	values[4] = Int64GetDatum(number);
	nulls[4] = (number == 0);
	at = take_i64(r);
	values[5] = TimestampTzGetDatum(at);
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

	hg_outbox_event(DatumGetInt64(values[0]), at, DatumGetInt64(values[3]),
					DatumGetInt64(values[22]), state != 0 || denied);
	bulk = event_bulk(month_of(at));
	if (bulk != NULL)
	{
		TupleTableSlot *slot;
		int64		seal = hg_seal_for(month_start(bulk->month),
									   month_start(bulk->month + 1));

		values[EVENT_SEAL] = Int64GetDatum(seal);
		slot = bulk_fill(bulk, values, nulls, EVENT_COLUMNS);
		if (ExecPartitionCheck(bulk->rri, slot, estate, false))
		{
			seal_event(seal, types, values, nulls);
			bulk->n++;
			events_written++;
			return;
		}
		ExecClearTuple(slot);
	}
	values[EVENT_SEAL] = Int64GetDatum(hg_seal_for(0, 0));
	(void) run_plan(&plan_event,
					"INSERT INTO hoopguard.event (event_id, parent_id, level,"
					" session_id, statement_id, at, subject, session_role,"
					" effective_role, intent, traceparent, command, verdict,"
					" rule_id, approval_id, masked_columns, rows_returned,"
					" rows_affected, bytes_returned, duration_us, sqlstate,"
					" xid, txn, recorded_at, rows_written, probes, scrubbed,"
					" seal)"
					" VALUES ($1, $2, $3, $4, $5, $6,"
					" $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,"
					" $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)",
					EVENT_COLUMNS, types, values, nulls);
	seal_event(DatumGetInt64(values[EVENT_SEAL]), types, values, nulls);
	events_written++;
}

static void
store_outcome(Reader *r)
{
	static const Oid types[] = {INT8OID, INT8OID, XID8OID, BOOLOID, LSNOID,
		TIMESTAMPTZOID};
	Datum		values[7];
	bool		nulls[7];
	uint8		digest[HG_DIGEST_LEN];
	int64		seal = hg_seal_for(0, 0);
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
	if (bulk_outcome == NULL)
	{
		Oid			relid = get_relname_relid("outcome", schema_oid);
		MemoryContext oldcontext;

		if (!OidIsValid(relid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("relation \"hoopguard.outcome\" does not exist")));
		oldcontext = MemoryContextSwitchTo(estate->es_query_cxt);
		bulk_outcome = bulk_open(relid, -1, &slot_sets[MAX_PARTITIONS]);
		MemoryContextSwitchTo(oldcontext);
	}
	if (state != HG_OUTCOME_PREPARED)
		hg_outbox_outcome(DatumGetInt64(values[0]), DatumGetInt64(values[1]));
	values[6] = Int64GetDatum(seal);
	hg_seal_digest(5, types + 1, values + 1, nulls + 1, digest);
	hg_seal_row(seal, HG_SEALED_OUTCOME, DatumGetInt64(values[0]), digest);
	(void) bulk_fill(bulk_outcome, values, nulls, 7);
	bulk_outcome->n++;
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
