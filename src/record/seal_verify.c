/*-------------------------------------------------------------------------
 *
 * seal_verify.c
 *	  verify_audit(): does the record still say what the recorder wrote?
 *
 * Two cursors run side by side, one over the seals and one over the digests
 * of all rows, ordered by seal.  Where the hash of a seal's rows is not the
 * one in the seal, the rows' digests are compared with the four bytes of each
 * that the seal keeps, to say which row it was.
 *
 * The end of the chain in shared memory is read before the snapshot is
 * taken: the recorder tells it after its commit, so the snapshot has it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sha256.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "record/lane_shared.h"
#include "record/seal.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

/* Faults told; beyond it the last row says that there are more. */
#define MAX_FAULTS 100

/* Faulty rows named for one seal. */
#define MAX_NAMED 5

#define FETCH_ROWS 1000

typedef struct Cursor
{
	Portal		portal;
	SPITupleTable *table;
	uint64		n;
	uint64		at;				/* of the current row in table */
	bool		done;
} Cursor;

typedef struct Row
{
	char		kind;
	int64		id;
	uint8		digest[HG_DIGEST_LEN];
} Row;

typedef struct Seal
{
	int64		id;
	TimestampTz at;
	TimestampTz from;
	TimestampTz to;
	int64		count;
	bytea	   *rows_hash;
	bytea	   *marks;
	bytea	   *hash;
} Seal;

typedef struct Verify
{
	ReturnSetInfo *rsinfo;
	MemoryContext outer;
	MemoryContext context;		/* of one seal */
	int			faults;
	int64		rows;
	int64		removed;		/* seals whose rows retention removed */
	TimestampTz gone_from;		/* a week that it removed, if not 0 */
	TimestampTz gone_to;
	Row		   *row;
	Size		nrow;
	Size		cap;
} Verify;

PG_FUNCTION_INFO_V1(hoopguard__verify_audit);

/* ---------------------------------------------------------------- answers */

static void
put(Verify *v, bool ok, const char *fault, int64 seal_id, TimestampTz at,
	const char *what)
{
	Datum		values[5];
	bool		nulls[5] = {false};

	values[0] = BoolGetDatum(ok);
	nulls[1] = (fault == NULL);
	values[1] = fault ? CStringGetTextDatum(fault) : (Datum) 0;
	nulls[2] = (seal_id == 0);
	values[2] = Int64GetDatum(seal_id);
	nulls[3] = (at == 0);
	values[3] = TimestampTzGetDatum(at);
	values[4] = CStringGetTextDatum(what);
	tuplestore_putvalues(v->rsinfo->setResult, v->rsinfo->setDesc, values,
						 nulls);
}

static void
fault(Verify *v, const char *name, int64 seal_id, TimestampTz at,
	  const char *what)
{
	if (v->faults++ < MAX_FAULTS)
		put(v, false, name, seal_id, at, what);
}

/* ---------------------------------------------------------------- cursors */

static void
cursor_open(Cursor *cursor, const char *sql)
{
	SPIPlanPtr	plan = SPI_prepare(sql, 0, NULL);

	memset(cursor, 0, sizeof(Cursor));
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", sql);
	cursor->portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
}

/* Step to the next row; false after the last. */
static bool
cursor_next(Cursor *cursor)
{
	if (cursor->done)
		return false;
	if (cursor->table != NULL && ++cursor->at < cursor->n)
		return true;
	if (cursor->table != NULL)
		SPI_freetuptable(cursor->table);
	CHECK_FOR_INTERRUPTS();
	SPI_cursor_fetch(cursor->portal, true, FETCH_ROWS);
	cursor->table = SPI_tuptable;
	cursor->n = SPI_processed;
	cursor->at = 0;
	cursor->done = (cursor->n == 0);
	return !cursor->done;
}

static Datum
cursor_value(Cursor *cursor, int column, bool *isnull)
{
	return SPI_getbinval(cursor->table->vals[cursor->at],
						 cursor->table->tupdesc, column, isnull);
}

static int64
cursor_int64(Cursor *cursor, int column)
{
	bool		isnull;
	Datum		value = cursor_value(cursor, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

static bytea *
cursor_bytes(Cursor *cursor, int column)
{
	bool		isnull;
	Datum		value = cursor_value(cursor, column, &isnull);
	bytea	   *empty;

	if (!isnull)
		return DatumGetByteaPCopy(value);
	empty = palloc(VARHDRSZ);
	SET_VARSIZE(empty, VARHDRSZ);
	return empty;
}

/* The current row of the cursor over rows. */
static void
read_row(Cursor *cursor, Row *row)
{
	bool		isnull;
	bytea	   *digest;

	row->kind = DatumGetChar(cursor_value(cursor, 2, &isnull));
	row->id = cursor_int64(cursor, 3);
	memset(row->digest, 0, sizeof(row->digest));
	digest = DatumGetByteaPP(cursor_value(cursor, 4, &isnull));
	if (!isnull)
		memcpy(row->digest, VARDATA_ANY(digest),
			   Min(sizeof(row->digest), VARSIZE_ANY_EXHDR(digest)));
}

/* ----------------------------------------------------------------- judging */

static const char *
row_name(const Row *row)
{
	const char *kind;

	switch (row->kind)
	{
		case HG_SEALED_EVENT:
			kind = "event";
			break;
		case HG_SEALED_NOTE:
			kind = "note";
			break;
		case HG_SEALED_OUTCOME:
			kind = "outcome of session";
			break;
		case HG_SEALED_SESSION:
			kind = "session";
			break;
		case HG_SEALED_STATEMENT:
			kind = "statement";
			break;
		case 'l':
			kind = "lineage_edge of statement";
			break;
		default:
			kind = "lineage_dataset of statement";
			break;
	}
	return psprintf("%s " INT64_FORMAT, kind, row->id);
}

static bool
same_bytes(const bytea *value, const uint8 *bytes, Size len)
{
	return VARSIZE_ANY_EXHDR(value) == len &&
		memcmp(VARDATA_ANY(value), bytes, len) == 0;
}

static int
mark_cmp(const void *a, const void *b)
{
	return memcmp(a, b, HG_SEAL_MARK_LEN);
}

/* Is the mark among n sorted ones?  Then it is used up. */
static bool
use_mark(const uint8 *marks, bool *used, Size n, const uint8 *mark)
{
	Size		low = 0;
	Size		high = n;

	while (low < high)
	{
		Size		middle = low + (high - low) / 2;

		if (mark_cmp(marks + middle * HG_SEAL_MARK_LEN, mark) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < n &&
		 mark_cmp(marks + low * HG_SEAL_MARK_LEN, mark) == 0; low++)
	{
		if (!used[low])
		{
			used[low] = true;
			return true;
		}
	}
	return false;
}

/* The rows are not those that were sealed: say how. */
static void
judge_rows(Verify *v, const Seal *seal)
{
	Size		n = VARSIZE_ANY_EXHDR(seal->marks) / HG_SEAL_MARK_LEN;
	const uint8 *kept = (const uint8 *) VARDATA_ANY(seal->marks);
	uint8	   *marks = palloc(Max(n, 1) * HG_SEAL_MARK_LEN);
	bool	   *used = MemoryContextAllocExtended(CurrentMemoryContext,
												  Max(n, 1) * sizeof(bool),
												  MCXT_ALLOC_ZERO |
												  MCXT_ALLOC_HUGE);
	StringInfoData names;
	Size		strange = 0;
	Size		missing;
	const char *name;
	const Row  *moved = NULL;
	Size		i;

	memcpy(marks, kept, n * HG_SEAL_MARK_LEN);
	qsort(marks, n, HG_SEAL_MARK_LEN, mark_cmp);
	initStringInfo(&names);
	for (i = 0; i < v->nrow; i++)
	{
		if (moved == NULL && (i >= n ||
							  mark_cmp(kept + i * HG_SEAL_MARK_LEN,
									   v->row[i].digest) != 0))
			moved = &v->row[i];
		if (use_mark(marks, used, n, v->row[i].digest))
			continue;
		if (strange++ < MAX_NAMED)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 row_name(&v->row[i]));
	}
	if (strange > MAX_NAMED)
		appendStringInfo(&names, " and %zu more", strange - MAX_NAMED);
	missing = n - (v->nrow - strange);

	if (strange == 0 && missing == 0)
	{
		name = moved != NULL ? "reordered" : "altered";
		if (moved != NULL)
			resetStringInfo(&names);
		if (moved != NULL)
			appendStringInfo(&names, "rows have changed places, the first is %s",
							 row_name(moved));
		else
			appendStringInfoString(&names, "the identifier of a row was altered");
	}
	else if (missing == strange)
	{
		name = "altered";
		appendStringInfoString(&names, strange == 1 ? " is not as it was recorded" :
							   " are not as they were recorded");
	}
	else if (missing > strange)
	{
		name = "removed";
		if (strange > 0)
			appendStringInfoString(&names, " altered, and ");
		if (v->nrow == 0)
			appendStringInfo(&names, "all %zu rows are missing", n);
		else
		{
			appendStringInfo(&names, "%zu of %zu rows are missing",
							 missing - strange, n);

			/* Where it was: before the first row that is out of its place. */
			if (strange == 0 && moved != NULL)
				appendStringInfo(&names, ", the first before %s",
								 row_name(moved));
			else if (strange == 0)
				appendStringInfo(&names, ", after %s",
								 row_name(&v->row[v->nrow - 1]));
		}
	}
	else
	{
		name = "inserted";
		appendStringInfo(&names, ": %zu more than were recorded",
						 strange - missing);
	}
	fault(v, name, seal->id, seal->at, names.data);
}

/* Did a retention that is on record remove the rows of this partition? */
static bool
retained_away(Verify *v, const Seal *seal)
{
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[] = {TimestampTzGetDatum(seal->from),
	TimestampTzGetDatum(seal->to)};

	if (seal->from == 0 && seal->to == 0)
		return false;
	if (v->gone_from == seal->from && v->gone_to == seal->to)
		return true;
	if (SPI_execute_with_args("SELECT FROM hoopguard.note n"
							  " WHERE n.kind OPERATOR(pg_catalog.=) 'retention'"
							  " AND (n.detail OPERATOR(pg_catalog.->>) 'from')"
							  "::pg_catalog.timestamptz"
							  " OPERATOR(pg_catalog.<=) $1"
							  " AND (n.detail OPERATOR(pg_catalog.->>) 'to')"
							  "::pg_catalog.timestamptz"
							  " OPERATOR(pg_catalog.>=) $2",
							  2, types, values, NULL, true, 1) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not read hoopguard.note");
	if (SPI_processed == 0)
		return false;
	v->gone_from = seal->from;
	v->gone_to = seal->to;
	return true;
}

/*
 * Of a statement's events that were stored together the latest is marked; the
 * mark follows from what is sealed, so it is not sealed itself.
 */
static void
check_marks(Verify *v)
{
	Cursor		wrong;

	cursor_open(&wrong, "SELECT e.seal, pg_catalog.max(e.at),"
				" pg_catalog.max(e.event_id) FROM hoopguard._event e"
				" WHERE e.statement_id IS NOT NULL"
				" GROUP BY e.seal, e.statement_id"
				" HAVING pg_catalog.max(e.at) OPERATOR(pg_catalog.<>)"
				" coalesce(pg_catalog.max(CASE WHEN e.latest THEN e.at END),"
				" '-infinity')");
	while (cursor_next(&wrong))
		fault(v, "altered", cursor_int64(&wrong, 1), cursor_int64(&wrong, 2),
			  psprintf("event " INT64_FORMAT " is not marked as the latest of its statement",
					   cursor_int64(&wrong, 3)));
	SPI_cursor_close(wrong.portal);
}

static void
check_rows(Verify *v, const Seal *seal)
{
	StringInfoData buf;
	uint8		digest[HG_DIGEST_LEN];
	Size		i;

	if (v->nrow == 0 && seal->count > 0 && retained_away(v, seal))
	{
		v->removed++;
		return;
	}
	initStringInfo(&buf);
	for (i = 0; i < v->nrow; i++)
	{
		/* far more rows than a seal ever had: they do not match anyway */
		if (buf.len > MaxAllocSize / 2)
			break;
		hg_seal_append_row(&buf, v->row[i].kind, v->row[i].id,
						   v->row[i].digest);
	}
	hg_sha256(buf.data, buf.len, digest);
	if ((int64) v->nrow != seal->count ||
		!same_bytes(seal->rows_hash, digest, sizeof(digest)))
		judge_rows(v, seal);
	v->rows += (int64) v->nrow;
}

/* A row that names no seal there is. */
static void
stray_row(Verify *v, Cursor *rows)
{
	Row			row;
	int64		id;
	bool		isnull;

	id = DatumGetInt64(cursor_value(rows, 1, &isnull));
	read_row(rows, &row);
	fault(v, "inserted", 0, 0,
		  isnull ? psprintf("%s has no seal", row_name(&row)) :
		  psprintf("%s names seal " INT64_FORMAT ", which is not there",
				   row_name(&row), id));
}

static void
gather_row(Verify *v, Cursor *rows)
{
	if (v->nrow >= v->cap)
	{
		v->cap = Max(v->cap * 2, 1024);
		v->row = v->row == NULL ?
			MemoryContextAllocHuge(v->outer, v->cap * sizeof(Row)) :
			repalloc_huge(v->row, v->cap * sizeof(Row));
	}
	read_row(rows, &v->row[v->nrow++]);
}

/*
 * _verify_audit(seal_id, hash): a seal that was exported, or NULLs.
 */
Datum
hoopguard__verify_audit(PG_FUNCTION_ARGS)
{
	Verify	   *v = palloc0(sizeof(Verify));
	HgSealMark	mark;
	Oid			relid;
	Cursor		seals;
	Cursor		rows;
	int64		wanted = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	bytea	   *wanted_hash = PG_ARGISNULL(1) ? NULL : PG_GETARG_BYTEA_PP(1);
	bool		met = false;
	uint8		previous[HG_DIGEST_LEN] = {0};
	int64		last_id = 0;
	TimestampTz last_at = 0;
	int64		nseals = 0;
	bool		row_there;

	InitMaterializedSRF(fcinfo, 0);
	v->rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	v->outer = CurrentMemoryContext;

	(void) hg_lane_sealed(&mark);

	SPI_connect();
	PushActiveSnapshot(GetLatestSnapshot());
	v->context = AllocSetContextCreate(CurrentMemoryContext, "hoopguard seal",
									   ALLOCSET_DEFAULT_SIZES);
	cursor_open(&seals, "SELECT s.seal_id, s.at, s.period_from, s.period_to,"
				" s.rows, s.rows_hash, s.marks, s.hash FROM hoopguard.seal s"
				" ORDER BY s.seal_id");
	cursor_open(&rows, "SELECT r.seal, r.kind, r.id, r.digest"
				" FROM hoopguard._sealed_row r"
				" ORDER BY r.seal NULLS FIRST, r.kind, r.id, r.digest");
	row_there = cursor_next(&rows);
	while (cursor_next(&seals))
	{
		Seal		seal;
		uint8		hash[HG_DIGEST_LEN];
		bool		gap;

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(v->context);
		MemoryContextSwitchTo(v->context);
		seal.id = cursor_int64(&seals, 1);
		seal.at = cursor_int64(&seals, 2);
		seal.from = cursor_int64(&seals, 3);
		seal.to = cursor_int64(&seals, 4);
		seal.count = cursor_int64(&seals, 5);
		seal.rows_hash = cursor_bytes(&seals, 6);
		seal.marks = cursor_bytes(&seals, 7);
		seal.hash = cursor_bytes(&seals, 8);
		nseals++;

		gap = (seal.id != last_id + 1);
		if (seal.id <= last_id)
			fault(v, "inserted", seal.id, seal.at,
				  "there is more than one seal of this number");
		else if (gap)
			fault(v, "removed", seal.id, seal.at,
				  psprintf("seals " INT64_FORMAT " to " INT64_FORMAT " are missing",
						   last_id + 1, seal.id - 1));
		hg_seal_hash(previous, seal.id, seal.at, seal.from, seal.to,
					 seal.count,
					 VARSIZE_ANY_EXHDR(seal.rows_hash) == HG_DIGEST_LEN ?
					 (const uint8 *) VARDATA_ANY(seal.rows_hash) : previous,
					 (const uint8 *) VARDATA_ANY(seal.marks),
					 VARSIZE_ANY_EXHDR(seal.marks), hash);
		if (!gap && !same_bytes(seal.hash, hash, sizeof(hash)))
			fault(v, "altered", seal.id, seal.at,
				  "the seal does not follow from its rows and the seal before");
		if (seal.id == wanted)
		{
			met = true;
			if (wanted_hash == NULL ||
				VARSIZE_ANY_EXHDR(wanted_hash) != VARSIZE_ANY_EXHDR(seal.hash) ||
				memcmp(VARDATA_ANY(wanted_hash), VARDATA_ANY(seal.hash),
					   VARSIZE_ANY_EXHDR(seal.hash)) != 0)
				fault(v, "altered", seal.id, seal.at,
					  "the seal is not the one that was exported");
		}

		/* its rows; those before it have no seal */
		v->nrow = 0;
		while (row_there)
		{
			bool		isnull;
			int64		id = DatumGetInt64(cursor_value(&rows, 1, &isnull));

			if (!isnull && id > seal.id)
				break;
			if (isnull || id < seal.id)
				stray_row(v, &rows);
			else
				gather_row(v, &rows);
			row_there = cursor_next(&rows);
		}
		check_rows(v, &seal);

		memset(previous, 0, sizeof(previous));
		memcpy(previous, VARDATA_ANY(seal.hash),
			   Min(sizeof(previous), VARSIZE_ANY_EXHDR(seal.hash)));
		last_id = seal.id;
		last_at = seal.at;
	}
	MemoryContextReset(v->context);
	MemoryContextSwitchTo(v->context);
	for (; row_there; row_there = cursor_next(&rows))
		stray_row(v, &rows);

	/* the end */
	relid = get_relname_relid("seal", get_namespace_oid("hoopguard", false));
	if (mark.relid == relid && mark.seal_id > last_id)
		fault(v, "truncated", last_id, last_at,
			  psprintf("the recorder wrote seals up to " INT64_FORMAT,
					   mark.seal_id));
	else if (mark.relid == relid && mark.seal_id == last_id &&
			 last_id > 0 &&
			 memcmp(mark.hash, previous, HG_DIGEST_LEN) != 0)
		fault(v, "altered", last_id, last_at,
			  "the seal is not the one that the recorder wrote");
	if (wanted > last_id)
		fault(v, "truncated", last_id, last_at,
			  psprintf("seal " INT64_FORMAT " was exported and is not there",
					   wanted));
	else if (wanted > 0 && !met)
		fault(v, "removed", wanted, 0, "the exported seal is not there");

	if (v->faults == 0)
		check_marks(v);
	if (v->faults > MAX_FAULTS)
		put(v, false, "more", 0, 0,
			psprintf("and %d more faults", v->faults - MAX_FAULTS));
	if (v->faults == 0)
	{
		StringInfoData buf;

		initStringInfo(&buf);
		if (nseals == 0)
			appendStringInfoString(&buf, "nothing has been sealed yet");
		else
			appendStringInfo(&buf, INT64_FORMAT " rows under " INT64_FORMAT " seals are as they were recorded",
							 v->rows, nseals);
		if (v->removed > 0)
			appendStringInfo(&buf, "; retention removed the rows of " INT64_FORMAT " seals",
							 v->removed);
		put(v, true, NULL, last_id, last_at, buf.data);
	}
	MemoryContextSwitchTo(v->outer);
	SPI_cursor_close(seals.portal);
	SPI_cursor_close(rows.portal);
	PopActiveSnapshot();
	SPI_finish();
	return (Datum) 0;
}
