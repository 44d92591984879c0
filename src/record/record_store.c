/*-------------------------------------------------------------------------
 *
 * record_store.c
 *	  Records to rows, inside the recorder's transaction.
 *
 * Events and outcomes, the bulk of it, are written straight into the partition
 * of their week (see bulk.c); the rest goes through prepared statements.  That
 * skips triggers and constraints, of which these tables have none but the
 * partition bounds, and those are checked: a row that does not fit the
 * partition its week names, because somebody repartitioned, takes the ordinary
 * way.
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

#include "access/xact.h"
#include "base/sha256.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "record/bulk.h"
#include "record/event.h"
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
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* Rows whose times are checked before it pays to ask for the whole week. */
#define ROWS_BEFORE_WEEK 32

/* Statement ids remembered as stored; beyond it all are forgotten. */
#define MAX_KNOWN 100000

/* Contexts remembered; beyond it all are forgotten. */
#define MAX_CONTEXTS 50000

/* A partition that is open for rows. */
typedef struct Bulk
{
	HgBulk	   *rows;
	Oid			parent;
	int			week;			/* see week_of() */
	bool		checked;		/* is whole known? */
	bool		whole;			/* takes any time of its week */
} Bulk;

typedef struct Reader
{
	const char *next;
	const char *end;
} Reader;

/* What events have in common, as it is sealed; see context_of(). */
#define CONTEXT_PARTS 5

typedef struct ContextEntry
{
	uint64		key;			/* hash of the rest of these */
	int			unknown;		/* bits of counts that are NULL */
	uint32		len;
	char	   *bytes;			/* as they came */
	int32		context_id;
	bool		failed;			/* denied, or an error */
	char	   *part[CONTEXT_PARTS];
	int			part_len[CONTEXT_PARTS];
} ContextEntry;

typedef struct HeldEvent
{
	HgWireEvent wire;
	const ContextEntry *context;
	Datum		traceparent;
	Datum		approval_id;
	bool		no_traceparent;
	bool		no_approval_id;
} HeldEvent;

/* An outcome, in the order of the view, without the seal. */
#define OUTCOME_COLUMNS 6

/*
 * What the catalog says, kept until anything in it changes: looking it up took
 * an eighth of the time of a small batch.
 */
typedef struct WeekTable
{
	Oid			parent;
	int			week;
	Oid			relid;
	bool		checked;		/* is whole known? */
	bool		whole;			/* see takes_week() */
} WeekTable;

static bool catalog_known = false;	/* invalidation makes it false */
static Oid	schema_oid = InvalidOid;
static Oid	event_parent = InvalidOid;
static Oid	outcome_parent = InvalidOid;
static WeekTable week_tables[4 * HG_BULK_TABLES];
static int	nweek_tables = 0;

/* The running transaction; all in its memory. */
static EState *estate = NULL;
static Bulk bulks[2 * HG_BULK_TABLES];
static int	nbulks = 0;
static HeldEvent held;
static bool holding = false;
static StringInfoData sealed;	/* scratch for what is hashed */
static List *new_statements = NIL;	/* of uint64*, in store_context */
static uint64 events_written = 0;

/* This process. */
static MemoryContext store_context = NULL;	/* outlives the transaction */
static HTAB *known = NULL;
static Oid	known_relid = InvalidOid;	/* installation `known` is about */
static SPIPlanPtr plan_session = NULL;
static SPIPlanPtr plan_statement = NULL;
static SPIPlanPtr plan_edge = NULL;
static SPIPlanPtr plan_dataset = NULL;
static SPIPlanPtr plan_event = NULL;
static SPIPlanPtr plan_outcome = NULL;
static SPIPlanPtr plan_context = NULL;
static SPIPlanPtr plan_context_id = NULL;
static MemoryContext contexts_memory = NULL;
static HTAB *contexts = NULL;	/* of ContextEntry */
static const ContextEntry *last_context = NULL; /* as often as not the next */
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

static void
take_event(Reader *reader, HgWireEvent *wire)
{
	HgWireHead	head;
	int			i;

	take(reader, &head, sizeof(head));
	memset(wire, 0, sizeof(HgWireEvent));
	for (i = 0; i < (int) HG_WIRE_NUMBERS; i++)
	{
		if (head.present & ((uint32) 1 << i))
			take(reader, (char *) wire + i * sizeof(int64), sizeof(int64));
	}
	wire->end_state = head.end_state;
	wire->first = head.first;
	wire->context_len = head.context_len;
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

/* Also called between transactions, so only notes it. */
static void
catalog_changed(Datum arg, Oid relid)
{
	catalog_known = false;
}

static void
schemas_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	catalog_known = false;
}

/* The partition of a week, InvalidOid if there is none. */
static Oid
look_up_partition(Oid parent, const char *table, int week)
{
	Oid			relid = get_relname_relid(partition_name(table, week),
										  schema_oid);

	if (!OidIsValid(relid) || get_rel_relkind(relid) != RELKIND_RELATION ||
		!get_rel_relispartition(relid) ||
		get_partition_parent(relid, true) != parent)
		return InvalidOid;
	return relid;
}

/* What is kept about a week's partition; NULL: nothing. */
static WeekTable *
week_table(Oid parent, int week)
{
	int			i;

	for (i = 0; catalog_known && i < nweek_tables; i++)
	{
		if (week_tables[i].parent == parent && week_tables[i].week == week)
			return &week_tables[i];
	}
	return NULL;
}

static Oid
partition_of(Oid parent, int week)
{
	WeekTable  *table = week_table(parent, week);
	Oid			relid;

	if (table != NULL)
		return table->relid;
	relid = look_up_partition(parent,
							  parent == event_parent ? "event" : "outcome",
							  week);
	if (catalog_known && OidIsValid(relid) &&
		nweek_tables < (int) lengthof(week_tables))
	{
		table = &week_tables[nweek_tables++];
		memset(table, 0, sizeof(WeekTable));
		table->parent = parent;
		table->week = week;
		table->relid = relid;
	}
	return relid;
}

/*
 * Does the partition take all of its week?  Bounds are a range, so both ends
 * tell, and rows need no check of their own; not so the default partition's.
 */
static bool
takes_week(const Bulk *bulk)
{
	Relation	rel = bulk->rows->rel;
	AttrNumber	column = get_attnum(bulk->parent, "at");
	Datum		values[HG_EVENT_COLUMNS] = {0};
	bool		nulls[HG_EVENT_COLUMNS];
	int			n = Min(RelationGetDescr(rel)->natts, HG_EVENT_COLUMNS);

	if (RelationGetRelid(rel) == get_default_partition_oid(bulk->parent) ||
		column != get_attnum(RelationGetRelid(rel), "at") ||
		column < 1 || column > n)
		return false;
	memset(nulls, true, sizeof(nulls));
	nulls[column - 1] = false;
	values[column - 1] = TimestampTzGetDatum(week_start(bulk->week));
	if (!hg_bulk_takes(bulk->rows, values, nulls, n))
		return false;
	values[column - 1] = TimestampTzGetDatum(week_start(bulk->week + 1) - 1);
	return hg_bulk_takes(bulk->rows, values, nulls, n);
}

/* Is what takes_week() says; kept for the next transactions. */
static void
check_week(Bulk *bulk)
{
	WeekTable  *table = week_table(bulk->parent, bulk->week);

	bulk->checked = true;
	if (table != NULL && table->checked &&
		table->relid == RelationGetRelid(bulk->rows->rel))
	{
		bulk->whole = table->whole;
		return;
	}
	bulk->whole = takes_week(bulk);
	table = week_table(bulk->parent, bulk->week);
	if (table != NULL && table->relid == RelationGetRelid(bulk->rows->rel))
	{
		table->whole = bulk->whole;
		table->checked = true;
	}
}

/* The open bulk for rows of a time, or NULL if it has no partition. */
static Bulk *
bulk_for(Oid parent, TimestampTz at)
{
	MemoryContext oldcontext;
	Oid			relid;
	int			week = week_of(at);
	int			place = 0;		/* open ones of this table */
	Bulk	   *bulk = &bulks[nbulks];
	int			i;

	for (i = 0; i < nbulks; i++)
	{
		if (bulks[i].parent != parent)
			continue;
		if (bulks[i].week == week)
			return &bulks[i];
		place++;
	}
	if (place >= HG_BULK_TABLES)
		return NULL;
	relid = partition_of(parent, week);
	if (!OidIsValid(relid))
		return NULL;
	oldcontext = MemoryContextSwitchTo(estate->es_query_cxt);
	memset(bulk, 0, sizeof(Bulk));
	bulk->parent = parent;
	bulk->week = week;
	bulk->rows = hg_bulk_open(relid, parent == event_parent, place, estate);
	MemoryContextSwitchTo(oldcontext);
	nbulks++;
	return bulk;
}

static void
make_partition(const char *table, Oid parent, int week)
{
	char	   *name = partition_name(table, week);
	char	   *sql;

	if (OidIsValid(look_up_partition(parent, table, week)))
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
look_up_tables(void)
{
	schema_oid = get_namespace_oid("hoopguard", true);
	if (!OidIsValid(schema_oid) ||
		!OidIsValid(get_extension_oid("hoopguard", true)))
		return false;
	event_parent = get_relname_relid("_event", schema_oid);
	outcome_parent = get_relname_relid("_outcome", schema_oid);
	return OidIsValid(event_parent) && OidIsValid(outcome_parent);
}

static bool
find_tables(void)
{
	static bool watching = false;

	if (!watching)
	{
		CacheRegisterRelcacheCallback(catalog_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, schemas_changed,
									  (Datum) 0);
		watching = true;
	}
	if (catalog_known)
		return true;

	/* a change while we look makes it unknown again */
	catalog_known = true;
	nweek_tables = 0;
	if (look_up_tables())
		return true;
	catalog_known = false;
	return false;
}

bool
hg_store_installed(void)
{
	return find_tables();
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
	last_context = NULL;
	if (contexts_memory != NULL)
		MemoryContextReset(contexts_memory);
}

bool
hg_store_begin(Oid *event_relid)
{
	int			i;

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

	/*
	 * Hold the parents, so that no partition comes or goes meanwhile.  With
	 * the locks comes the news of what did.
	 */
	for (i = 0; i == 0 || (!catalog_known && i < 3); i++)
	{
		if (!find_tables())
			return false;
		LockRelationOid(event_parent, RowExclusiveLock);
		LockRelationOid(outcome_parent, RowExclusiveLock);
	}
	if (event_parent != known_relid)
	{
		forget_known();
		forget_contexts();
	}
	known_relid = event_parent;
	*event_relid = event_parent;
	hg_seal_begin(schema_oid);
	hg_outbox_begin();
	initStringInfo(&sealed);
	estate = CreateExecutorState();
	estate->es_output_cid = GetCurrentCommandId(true);
	return true;
}

bool
hg_store_has_partitions(void)
{
	int			week = week_of(GetCurrentTimestamp());

	return OidIsValid(partition_of(event_parent, week)) &&
		OidIsValid(partition_of(outcome_parent, week));
}

void
hg_store_end(void)
{
	int			i;

	write_held(NULL, NULL);
	for (i = 0; i < nbulks; i++)
		hg_bulk_close(bulks[i].rows);
	nbulks = 0;
	hg_seal_end(estate);
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
	{
		forget_contexts();
		catalog_known = false;
	}
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
	hg_sha256(digests, (Size) n * HG_DIGEST_LEN, digest);
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
			int			access;
			bool		write;

			CHECK_FOR_INTERRUPTS();
			values[1] = take_text(r, &nulls[1]);
			values[2] = take_text(r, &nulls[2]);
			access = take_i32(r);
			write = (access & HG_WIRE_WRITE) != 0;

			/* no schema: the client's stream, a file or a program of COPY */
			if (nulls[1])
				values[3] = CStringGetTextDatum(write ? "sink" : "source");
			else if (access & HG_WIRE_RULE)
				values[3] = CStringGetTextDatum(write ? "rule write" :
												"rule read");
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

static const Oid outcome_types[OUTCOME_COLUMNS] = {
	INT8OID, INT8OID, XID8OID, BOOLOID, LSNOID, TIMESTAMPTZOID
};

/* --------------------------------------------------------------- contexts */

#define CONTEXT_COLUMNS 10
static Oid	context_types[CONTEXT_COLUMNS + 2] = {
	INT4OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID,
	TEXTARRAYOID, TEXTOID, INT4OID, BYTEAOID
};

/* The columns of a context from its bytes; true if it is one of a failure. */
static bool
read_context(const char *bytes, uint32 len, Datum *values, bool *nulls)
{
	Reader		r = {bytes, bytes + len};
	int32		number;
	int32		state;
	int			n;
	int			i;

	memset(nulls, 0, CONTEXT_COLUMNS * sizeof(bool));
	values[0] = Int32GetDatum(take_i32(&r));
	number = take_i32(&r);
	values[7] = Int32GetDatum(number);
	nulls[7] = (number == 0);
	state = take_i32(&r);		/* -1: an intent */
	nulls[9] = (state < 0);
	values[9] = nulls[9] ? (Datum) 0 :
		CStringGetTextDatum(unpack_sql_state(state));
	for (i = 1; i < 7; i++)
		values[i] = take_text(&r, &nulls[i]);
	n = take_i32(&r);
	nulls[8] = (n <= 0);
	values[8] = (Datum) 0;
	if (n > 0)
	{
		Datum	   *items;
		bool	   *inulls;
		int			dims[1];
		int			lbs[1];

		if (n > r.end - r.next)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("audit record ends early")));
		items = palloc(sizeof(Datum) * n);
		inulls = palloc(sizeof(bool) * n);
		for (i = 0; i < n; i++)
			items[i] = take_text(&r, &inulls[i]);
		dims[0] = n;
		lbs[0] = 1;
		values[8] = PointerGetDatum(construct_md_array(items, inulls, 1, dims,
													   lbs, TEXTOID, -1, false,
													   TYPALIGN_INT));
	}
	return state != 0 ||
		(!nulls[6] &&
		 VARSIZE(DatumGetPointer(values[6])) == VARHDRSZ + 4 &&
		 memcmp(VARDATA(DatumGetPointer(values[6])), "deny", 4) == 0);
}

/* The row of a context in _context, made if it is not there. */
static int32
store_context_row(Datum *values, bool *nulls, int unknown)
{
	uint8		digest[HG_DIGEST_LEN];
	bool		isnull;
	int32		id;
	int			i = CONTEXT_COLUMNS;

	values[i] = Int32GetDatum(unknown);
	nulls[i] = false;
	hg_seal_digest(i + 1, context_types, values, nulls, digest);
	values[++i] = PointerGetDatum(palloc(VARHDRSZ + HG_DIGEST_LEN));
	SET_VARSIZE(DatumGetPointer(values[i]), VARHDRSZ + HG_DIGEST_LEN);
	memcpy(VARDATA(DatumGetPointer(values[i])), digest, HG_DIGEST_LEN);
	nulls[i] = false;
	(void) run_plan(&plan_context,
					"INSERT INTO hoopguard._context (level, subject,"
					" session_role, effective_role, intent, command, verdict,"
					" rule_id, masked_columns, sqlstate, unknown, digest)"
					" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
					" $12) ON CONFLICT DO NOTHING",
					CONTEXT_COLUMNS + 2, context_types, values, nulls);
	if (run_plan(&plan_context_id,
				 "SELECT c.context_id FROM hoopguard._context c"
				 " WHERE c.digest OPERATOR(pg_catalog.=) $1",
				 1, context_types + i, values + i, nulls + i) != 1)
		elog(ERROR, "could not store a context");
	id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
									 SPI_tuptable->tupdesc, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return id;
}

/* Columns of a context that stand together in what is sealed of an event. */
static const struct
{
	int			first;
	int			n;
}			context_parts[CONTEXT_PARTS] = {{0, 1}, {1, 4}, {5, 3}, {8, 1},
{9, 1}};

/* Is that the context of these bytes? */
static inline bool
is_context(const ContextEntry *entry, const char *bytes, uint32 len,
		   int unknown)
{
	return entry != NULL && entry->unknown == unknown && entry->len == len &&
		memcmp(entry->bytes, bytes, len) == 0;
}

/*
 * What an event has in common with others: subject, roles, intent, command,
 * verdict and so on, and which of its counts are NULL.  Kept in the form that
 * seals hash, so that all this is worked out once and not with each event.
 */
static const ContextEntry *
context_of(const char *bytes, uint32 len, int unknown)
{
	uint64		key;
	ContextEntry *entry = NULL;
	ContextEntry made;
	Datum		values[CONTEXT_COLUMNS + 2];
	bool		nulls[CONTEXT_COLUMNS + 2];
	bool		found;
	int			i;

	if (is_context(last_context, bytes, len, unknown))
		return last_context;
	key = hash_bytes_extended((const unsigned char *) bytes, (int) len,
							  (uint64) unknown);
	if (contexts != NULL)
		entry = hash_search(contexts, &key, HASH_FIND, NULL);
	if (is_context(entry, bytes, len, unknown))
		return last_context = entry;

	memset(&made, 0, sizeof(made));
	made.failed = read_context(bytes, len, values, nulls);
	made.context_id = store_context_row(values, nulls, unknown);
	if (contexts != NULL && hash_get_num_entries(contexts) >= MAX_CONTEXTS)
		forget_contexts();
	if (contexts_memory == NULL)
		contexts_memory = AllocSetContextCreate(TopMemoryContext,
												"hoopguard contexts",
												ALLOCSET_DEFAULT_SIZES);
	if (contexts == NULL)
	{
		HASHCTL		ctl;

		memset(&ctl, 0, sizeof(ctl));
		ctl.keysize = sizeof(uint64);
		ctl.entrysize = sizeof(ContextEntry);
		ctl.hcxt = TopMemoryContext;
		contexts = hash_create("hoopguard contexts", 256, &ctl,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	made.key = key;
	made.unknown = unknown;
	made.len = len;
	made.bytes = MemoryContextAlloc(contexts_memory, Max(len, 1));
	memcpy(made.bytes, bytes, len);
	for (i = 0; i < CONTEXT_PARTS; i++)
	{
		int			first = context_parts[i].first;

		/* without the number of fields before it */
		resetStringInfo(&sealed);
		hg_seal_append(&sealed, context_parts[i].n, context_types + first,
					   values + first, nulls + first);
		made.part_len[i] = sealed.len - sizeof(uint16);
		made.part[i] = MemoryContextAlloc(contexts_memory, made.part_len[i]);
		memcpy(made.part[i], sealed.data + sizeof(uint16), made.part_len[i]);
	}
	entry = hash_search(contexts, &key, HASH_ENTER, &found);
	*entry = made;
	return last_context = entry;
}

/* ---------------------------------------------------------------- sealing */

/* One field of eight bytes, or NULL. */
static inline char *
field_8(char *at, uint64 value, bool isnull)
{
	uint32		len = pg_hton32(isnull ? (uint32) -1 : 8);

	memcpy(at, &len, 4);
	if (isnull)
		return at + 4;
	value = pg_hton64(value);
	memcpy(at + 4, &value, 8);
	return at + 12;
}

static inline char *
field_text(char *at, Datum value, bool isnull)
{
	uint32		len = isnull ? 0 : VARSIZE_ANY_EXHDR(DatumGetPointer(value));
	uint32		mark = pg_hton32(isnull ? (uint32) -1 : len);

	memcpy(at, &mark, 4);
	if (len > 0)
		memcpy(at + 4, VARDATA_ANY(DatumGetPointer(value)), len);
	return at + 4 + len;
}

static inline char *
field_count(char *at, const HgWireEvent *wire, HgWireCount count)
{
	return field_8(at, (uint64) wire->counts[count], wire->counts[count] < 0);
}

/* Part of the context. */
static inline char *
fields_of(char *at, const ContextEntry *context, int part)
{
	memcpy(at, context->part[part], context->part_len[part]);
	return at + context->part_len[part];
}

/*
 * The fields of an event that are sealed, in the order of its columns and in
 * the form of hg_seal_append(): all but the identifier, recorded_at and seal.
 */
#define SEALED_EVENT_FIELDS 25

static void
seal_event(int64 seal, const HeldEvent *event)
{
	const HgWireEvent *wire = &event->wire;
	const ContextEntry *context = event->context;
	uint16		n = pg_hton16(SEALED_EVENT_FIELDS);
	Size		most = sizeof(n) + SEALED_EVENT_FIELDS * 12;
	uint32		len;
	char	   *at;
	int			i;

	for (i = 0; i < CONTEXT_PARTS; i++)
		most += context->part_len[i];
	if (!event->no_traceparent)
		most += VARSIZE_ANY_EXHDR(DatumGetPointer(event->traceparent));
	most += UUID_LEN;
	resetStringInfo(&sealed);
	enlargeStringInfo(&sealed, (int) most);

	at = sealed.data;
	memcpy(at, &n, sizeof(n));
	at += sizeof(n);
	at = field_8(at, (uint64) wire->parent_id, wire->parent_id == 0);
	at = fields_of(at, context, 0);
	at = field_8(at, (uint64) wire->session_id, false);
	at = field_8(at, (uint64) wire->statement_id, wire->statement_id == 0);
	at = field_8(at, (uint64) wire->at, false);
	at = fields_of(at, context, 1);
	at = field_text(at, event->traceparent, event->no_traceparent);
	at = fields_of(at, context, 2);
	len = pg_hton32(event->no_approval_id ? (uint32) -1 : UUID_LEN);
	memcpy(at, &len, 4);
	at += 4;
	if (!event->no_approval_id)
	{
		memcpy(at, DatumGetUUIDP(event->approval_id)->data, UUID_LEN);
		at += UUID_LEN;
	}
	at = fields_of(at, context, 3);
	at = field_count(at, wire, HG_COUNT_ROWS_RETURNED);
	at = field_count(at, wire, HG_COUNT_ROWS_AFFECTED);
	at = field_count(at, wire, HG_COUNT_BYTES_RETURNED);
	at = field_count(at, wire, HG_COUNT_DURATION_US);
	at = fields_of(at, context, 4);
	at = field_8(at, (uint64) wire->xid, wire->xid == 0);
	at = field_8(at, (uint64) wire->txn, false);
	at = field_count(at, wire, HG_COUNT_ROWS_WRITTEN);
	at = field_count(at, wire, HG_COUNT_PROBES);
	at = field_count(at, wire, HG_COUNT_SCRUBBED);
	Assert(at - sealed.data <= most);

	hg_seal_bytes(seal, HG_SEALED_EVENT, wire->event_id, sealed.data,
				  at - sealed.data);
}

/* The same of an outcome. */
static void
seal_outcome(int64 seal, const Datum *values, const bool *nulls)
{

	resetStringInfo(&sealed);
	hg_seal_append(&sealed, OUTCOME_COLUMNS - 1, outcome_types + 1, values + 1,
				   nulls + 1);
	hg_seal_bytes(seal, HG_SEALED_OUTCOME, DatumGetInt64(values[0]),
				  sealed.data, sealed.len);
}

/* ------------------------------------------------------ events and outcomes */

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
	int			week;

	if (bulk != NULL)
	{
		if (!bulk->checked && (week_table(parent, bulk->week) != NULL ||
							   bulk->rows->n >= ROWS_BEFORE_WEEK))
			check_week(bulk);
		seal = hg_seal_for(week_start(bulk->week), week_start(bulk->week + 1));
		values[seal_column] = Int64GetDatum(seal);
		if (bulk->whole || hg_bulk_takes(bulk->rows, values, nulls, n))
		{
			/* the bulk marks the latest ones */
			if (parent == event_parent)
				nulls[HG_EVENT_LATEST] = true;
			hg_bulk_add(bulk->rows, values, nulls, n);
			return seal;
		}
	}
	week = week_of(at);
	seal = hg_seal_for(week_start(week), week_start(week + 1));
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

	if (!holding || !held.wire.first || onulls[3] ||
		held.wire.session_id != DatumGetInt64(outcome[0]) ||
		held.wire.txn != DatumGetInt64(outcome[1]) ||
		held.wire.xid != (onulls[2] ? 0 : DatumGetInt64(outcome[2])))
		return false;
	us = DatumGetTimestampTz(outcome[5]) - held.wire.at;
	return us >= 0 && us <= PG_INT32_MAX;
}

/* Write the held event, if there is one, with its outcome if that fits. */
static void
write_held(const Datum *outcome, const bool *onulls)
{
	static const Oid types[] = {INT8OID, TIMESTAMPTZOID, INT8OID, INT8OID,
		INT8OID, INT8OID, INT4OID, INT4OID, INT4OID, INT4OID, INT4OID, INT4OID,
		INT4OID, INT4OID, INT4OID, BOOLOID, INT8OID, XID8OID, LSNOID, UUIDOID,
	TEXTOID, INT8ARRAYOID, BOOLOID};
	const HgWireEvent *wire = &held.wire;
	Datum		values[HG_EVENT_COLUMNS];
	bool		nulls[HG_EVENT_COLUMNS];
	bool		wide = false;
	int64		seal;
	int			i;

	StaticAssertStmt(lengthof(types) == HG_EVENT_COLUMNS, "columns of _event");
	if (!holding)
		return;
	holding = false;
	memset(nulls, 0, sizeof(nulls));
	values[0] = Int64GetDatum(wire->event_id);
	values[1] = TimestampTzGetDatum(wire->at);
	values[2] = Int64GetDatum(wire->session_id);
	values[3] = Int64GetDatum(wire->txn);
	values[4] = Int64GetDatum(wire->statement_id);
	nulls[4] = (wire->statement_id == 0);
	values[6] = Int32GetDatum(held.context->context_id);
	for (i = 0; i < HG_COUNTS; i++)
	{
		int64		count = Max(wire->counts[i], 0);

		values[7 + i] = Int32GetDatum((int32) count);
		nulls[7 + i] = (count == 0);
		wide |= (count > PG_INT32_MAX);
	}
	values[21] = (Datum) 0;
	nulls[21] = !wide;
	if (wide)
	{
		Datum		counts[HG_COUNTS];

		for (i = 0; i < HG_COUNTS; i++)
		{
			counts[i] = Int64GetDatum(Max(wire->counts[i], 0));
			nulls[7 + i] = true;
		}
		values[21] = PointerGetDatum(construct_array(counts, HG_COUNTS,
													 INT8OID, 8,
													 FLOAT8PASSBYVAL,
													 TYPALIGN_DOUBLE));
	}
	values[14] = values[15] = values[18] = (Datum) 0;
	nulls[14] = nulls[15] = nulls[18] = true;
	if (outcome != NULL)
	{
		values[14] = Int32GetDatum((int32) (DatumGetTimestampTz(outcome[5]) -
											wire->at));
		nulls[14] = false;
		values[15] = outcome[3];
		nulls[15] = false;
		values[18] = outcome[4];
		nulls[18] = onulls[4];
	}
	values[16] = Int64GetDatum(wire->parent_id);
	nulls[16] = (wire->parent_id == 0);
	values[17] = Int64GetDatum(wire->xid);
	nulls[17] = (wire->xid == 0);
	values[19] = held.approval_id;
	nulls[19] = held.no_approval_id;
	values[20] = held.traceparent;
	nulls[20] = held.no_traceparent;

	/* mark_latest() sees to it; a row that is written by itself is one */
	values[HG_EVENT_LATEST] = BoolGetDatum(true);

	seal = put_row(event_parent, wire->at, values,
				   nulls, lengthof(types), 5, &plan_event,
				   "INSERT INTO hoopguard._event VALUES ($1, $2, $3, $4, $5,"
				   " $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,"
				   " $18, $19, $20, $21, $22, $23)", types);
	seal_event(seal, &held);
	if (outcome != NULL)
		seal_outcome(seal, outcome, onulls);
	events_written++;
}

static void
end_transaction(int64 session_id, int64 txn, int64 xid, int state, int64 lsn,
				int64 at)
{
	Datum		values[OUTCOME_COLUMNS];
	bool		nulls[OUTCOME_COLUMNS];

	memset(nulls, 0, sizeof(nulls));
	values[0] = Int64GetDatum(session_id);
	values[1] = Int64GetDatum(txn);
	values[2] = Int64GetDatum(xid);
	nulls[2] = (xid == 0);
	values[3] = BoolGetDatum(state == HG_OUTCOME_COMMITTED);
	nulls[3] = (state == HG_OUTCOME_PREPARED);
	values[4] = LSNGetDatum((XLogRecPtr) lsn);
	nulls[4] = (lsn == 0);
	values[5] = TimestampTzGetDatum(at);
	if (state != HG_OUTCOME_PREPARED)
		hg_outbox_outcome(session_id, txn);
	if (outcome_fits(values, nulls))
	{
		write_held(values, nulls);
		return;
	}
	write_held(NULL, NULL);
	write_outcome(values, nulls);
}

static void
store_event(Reader *r)
{
	HgWireEvent *wire = &held.wire;
	int			unknown = 0;
	int			i;

	write_held(NULL, NULL);
	take_event(r, wire);
	if (wire->context_len > r->end - r->next)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("audit record ends early")));
	for (i = 0; i < HG_COUNTS; i++)
		unknown |= wire->counts[i] < 0 ? 1 << i : 0;
	held.context = context_of(r->next, wire->context_len, unknown);
	r->next += wire->context_len;
	held.traceparent = take_text(r, &held.no_traceparent);
	held.approval_id = take_text(r, &held.no_approval_id);
	if (!held.no_approval_id)
		held.approval_id = DirectFunctionCall1(uuid_in,
											   CStringGetDatum(TextDatumGetCString(held.approval_id)));
	hg_outbox_event(wire->event_id, wire->at, wire->session_id, wire->txn,
					held.context->failed);
	holding = true;
	if (wire->end_state != HG_END_NONE)
		end_transaction(wire->session_id, wire->txn, wire->end_xid,
						wire->end_state, wire->end_lsn, wire->end_at);
}

static void
store_outcome(Reader *r)
{
	int64		session_id = take_i64(r);
	int64		txn = take_i64(r);
	int64		xid = take_i64(r);
	int			state = take_i32(r);
	int64		lsn = take_i64(r);

	end_transaction(session_id, txn, xid, state, lsn, take_i64(r));
}

/*
 * A row of note: its id, time, session, kind and detail.  Values of statements
 * go with the week of their events, and to no sink.
 */
static void
insert_note(Datum *values, bool *nulls, bool literals)
{
	static Oid	types[] = {INT8OID, TIMESTAMPTZOID, INT8OID, TEXTOID, JSONBOID,
		INT8OID};
	uint8		digest[HG_DIGEST_LEN];
	int			week = week_of(DatumGetTimestampTz(values[1]));
	int64		seal = literals ?
		hg_seal_for(week_start(week), week_start(week + 1)) :
		hg_seal_for(0, 0);

	if (!literals)
		hg_outbox_note(DatumGetInt64(values[0]),
					   DatumGetTimestampTz(values[1]));
	values[5] = Int64GetDatum(seal);
	hg_seal_digest(4, types + 1, values + 1, nulls + 1, digest);
	if (run_plan(&plan_note,
				 "INSERT INTO hoopguard.note (note_id, at, session_id, kind,"
				 " detail, seal) VALUES ($1, $2, $3, $4, $5, $6)"
				 " ON CONFLICT DO NOTHING",
				 6, types, values, nulls) > 0)
		hg_seal_row(seal, HG_SEALED_NOTE, DatumGetInt64(values[0]), digest);
}

static void
store_note(Reader *r)
{
	Datum		values[6];
	bool		nulls[6];

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
	insert_note(values, nulls, !nulls[3] &&
				strcmp(TextDatumGetCString(values[3]), "literals") == 0);
}

void
hg_store_note(const char *kind, const char *detail)
{
	Datum		values[6];
	bool		nulls[6] = {false, false, true, false, false, false};

	values[0] = Int64GetDatum(hg_event_next_id());
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = (Datum) 0;
	values[3] = CStringGetTextDatum(kind);
	values[4] = DirectFunctionCall1(jsonb_in, CStringGetDatum(detail));
	insert_note(values, nulls, false);
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
hg_store_started(int64 first_session_id)
{
	char	   *detail = psprintf("{\"first_session\":" INT64_FORMAT "}",
								  first_session_id);

	if (SPI_execute(psprintf("SELECT FROM hoopguard.note n WHERE n.kind"
							 " OPERATOR(pg_catalog.=) 'server_start' AND"
							 " n.detail OPERATOR(pg_catalog.=)"
							 " '%s'::pg_catalog.jsonb", detail), true, 1) < 0)
		elog(ERROR, "could not read hoopguard.note");
	if (SPI_processed == 0)
		hg_store_note("server_start", detail);
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
