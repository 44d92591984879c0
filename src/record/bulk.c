/*-------------------------------------------------------------------------
 *
 * bulk.c
 *	  Rows for one partition of _event or _outcome, gathered and written.
 *
 * Rows become tuples as they come.  Then all are written with
 * table_multi_insert(), as COPY does it, and their index entries are made
 * index by index, without a look at the rows: indexes are over columns at the
 * row's begin, which are kept beside.  If somebody added another index, the
 * executor makes the entries.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/brin.h"
#include "access/brin_internal.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/tableam.h"
#include "base/compat.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "record/bulk.h"
#include "record/index_append.h"
#include "record/row_pack.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* Rows gathered before they are written, and of those written at a time. */
#define BULK_ROWS 4000
#define WRITE_ROWS 250

/* Rows whose memory is allocated together. */
#define BLOCK_ROWS 100

/* Rows from which on the range of pages that they begin is summed up at once. */
#define ROWS_TO_SUMMARIZE 256

/* Columns of _event and _outcome that begin the row, and that indexes have. */
#define KEY_COLUMNS 6

/* Places to look for a statement among BULK_ROWS: a power of 2, roomy. */
#define STATEMENT_PLACES 8192
StaticAssertDecl(STATEMENT_PLACES >= 2 * BULK_ROWS, "too few places");

/* What indexes take of a row. */
typedef struct RowKeys
{
	Datum		values[KEY_COLUMNS];
	bool		nulls[KEY_COLUMNS];
	bool		latest;
} RowKeys;

typedef struct Row
{
	HeapTuple	tuple;			/* is `packed`, or one of its own */
	HeapTupleData packed;		/* its bytes follow the row */
	ItemPointerData tid;		/* once it is written */
	RowKeys		keys;
} Row;

/* What outlives the transaction: making it took an eighth of the time. */
typedef struct RowSet
{
	MemoryContext context;		/* NULL: none yet */
	MemoryContext formed;		/* of tuples that are not packed */
	TupleDesc	desc;			/* a copy, which no resource owner counts */
	HgRowShape	shape;
	const TupleTableSlotOps *ops;
	TupleTableSlot *slots[WRITE_ROWS];
	Row		   *rows[BULK_ROWS];
	int			nrows;			/* made so far */
	bool		writing;		/* see write_rows() */
	int16	   *places;			/* STATEMENT_PLACES, see mark_latest() */
	HgIndexEntry *entries;		/* BULK_ROWS, see index_ids() */
} RowSet;

static RowSet row_sets[2 * HG_BULK_TABLES];

/* -------------------------------------------------------------- the rows */

/* Make the set one of rows of this table, if it is not. */
static void
set_prepare(RowSet *set, Relation rel)
{
	const TupleTableSlotOps *ops = table_slot_callbacks(rel);
	MemoryContext oldcontext;
	int			i;

	/* those that hold a tuple as it is */
	if (ops == &TTSOpsBufferHeapTuple)
		ops = &TTSOpsHeapTuple;
	if (set->context != NULL && set->ops == ops && !set->writing &&
		equalTupleDescs(set->desc, RelationGetDescr(rel)))
	{
		MemoryContextReset(set->formed);
		return;
	}
	if (set->context != NULL)
		MemoryContextDelete(set->context);
	set->context = NULL;
	set->ops = NULL;			/* nothing to keep, should memory run out */
	set->nrows = 0;
	set->writing = false;
	set->context = AllocSetContextCreate(TopMemoryContext,
										 "hoopguard recorder's rows",
										 ALLOCSET_DEFAULT_SIZES);
	set->formed = AllocSetContextCreate(set->context,
										"hoopguard recorder's tuples",
										ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(set->context);
	set->desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));
	hg_row_shape(set->desc, &set->shape);
	set->places = palloc(sizeof(int16) * STATEMENT_PLACES);
	set->entries = palloc(sizeof(HgIndexEntry) * BULK_ROWS);
	for (i = 0; i < WRITE_ROWS; i++)
		set->slots[i] = MakeSingleTupleTableSlot(set->desc, ops);
	set->ops = ops;
	MemoryContextSwitchTo(oldcontext);
}

/* More rows, each with room behind it for its bytes. */
static void
more_rows(RowSet *set)
{
	Size		size = MAXALIGN(sizeof(Row)) + set->shape.most;
	int			n = Min(BLOCK_ROWS, BULK_ROWS - set->nrows);
	char	   *block = MemoryContextAllocZero(set->context, n * size);
	int			i;

	for (i = 0; i < n; i++)
		set->rows[set->nrows++] = (Row *) (block + i * size);
}

static void
check_columns(HgBulk *bulk, int nvalues)
{
	if (RelationGetDescr(bulk->rel)->natts < nvalues)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("table \"%s\" has too few columns",
						RelationGetRelationName(bulk->rel))));
}

bool
hg_bulk_takes(HgBulk *bulk, const Datum *values, const bool *nulls,
			  int nvalues)
{
	TupleTableSlot *slot;
	bool		result;

	check_columns(bulk, nvalues);
	slot = MakeSingleTupleTableSlot(RelationGetDescr(bulk->rel),
									&TTSOpsVirtual);
	ExecStoreAllNullTuple(slot);
	memcpy(slot->tts_values, values, nvalues * sizeof(Datum));
	memcpy(slot->tts_isnull, nulls, nvalues * sizeof(bool));
	result = ExecPartitionCheck(bulk->rri, slot, bulk->estate, false);
	ExecDropSingleTupleTableSlot(slot);
	return result;
}

/* -------------------------------------------------------------- indexes */

/* Is this an index of the rows that are their statement's latest? */
static bool
only_latest(const HgBulk *bulk, const IndexInfo *info)
{
	const Var  *var;

	if (!bulk->events || list_length(info->ii_Predicate) != 1)
		return false;
	var = linitial(info->ii_Predicate);
	return IsA(var, Var) && var->varattno == HG_EVENT_LATEST + 1;
}

/*
 * Is this an index of plain columns at the row's begin, all of eight bytes and
 * ordered like numbers?  Then its entries can be made without deforming rows.
 */
static bool
plain_index(const HgBulk *bulk, Relation index, const IndexInfo *info)
{
	int			i;

	if (!FLOAT8PASSBYVAL || info->ii_Expressions != NIL ||
		info->ii_ExclusionOps != NULL || info->ii_Unique ||
		info->ii_NumIndexAttrs > KEY_COLUMNS || /* some of them twice */
		!index->rd_index->indisready ||
		(info->ii_Predicate != NIL && !only_latest(bulk, info)))
		return false;
	for (i = 0; i < info->ii_NumIndexAttrs; i++)
	{
		AttrNumber	attno = info->ii_IndexAttrNumbers[i];
		Oid			type;

		if (attno < 1 || attno > KEY_COLUMNS)
			return false;
		type = TupleDescAttr(RelationGetDescr(bulk->rel),
							 attno - 1)->atttypid;
		if (type != INT8OID && type != TIMESTAMPTZOID)
			return false;
	}
	return true;
}

/* Does a BRIN index keep of each column the least and the greatest value? */
static bool
only_minmax(Relation index)
{
	int			i;

	for (i = 1; i <= RelationGetNumberOfAttributes(index); i++)
	{
		if (index_getprocid(index, i, BRIN_PROCNUM_OPCINFO) !=
			F_BRIN_MINMAX_OPCINFO)
			return false;
	}
	return true;
}

static void
index_row(HgBulk *bulk, int which, const RowKeys *keys, ItemPointer tid)
{
	IndexInfo  *info = bulk->rri->ri_IndexRelationInfo[which];
	Datum		values[KEY_COLUMNS];
	bool		nulls[KEY_COLUMNS];
	int			i;

	Assert(info->ii_NumIndexAttrs <= KEY_COLUMNS);
	for (i = 0; i < info->ii_NumIndexAttrs; i++)
	{
		values[i] = keys->values[info->ii_IndexAttrNumbers[i] - 1];
		nulls[i] = keys->nulls[info->ii_IndexAttrNumbers[i] - 1];
	}
	(void) index_insert(bulk->rri->ri_IndexRelationDescs[which], values, nulls,
						tid, bulk->rel, UNIQUE_CHECK_NO, false, info);
}

/* All rows, which are in the order of their ids, for the index over these. */
static void
index_ids(HgBulk *bulk, int which)
{
	Relation	index = bulk->rri->ri_IndexRelationDescs[which];
	Row		  **rows = bulk->set->rows;
	HgIndexEntry *entries = bulk->set->entries;
	int			i;

	for (i = 0; i < bulk->n; i++)
	{
		entries[i].key = DatumGetInt64(rows[i]->keys.values[HG_EVENT_ID]);
		entries[i].tid = rows[i]->tid;
	}
	for (i = 0; i < bulk->n;)
	{
		int			done = 0;
		int			first = 0;
		int			end;

		if (bulk->n - i >= HG_APPEND_MIN)
			done = hg_index_append(index, entries + i, bulk->n - i, &first);

		/* Nothing before the end: one row makes room, or is the first. */
		end = i + (done == 0 && first == 0 ? 1 : first);
		for (; i < end; i++)
			index_row(bulk, which, &rows[i]->keys, &rows[i]->tid);
		i += done;
	}
}

/* Is this an index that index_ids() is for? */
static bool
only_ids(const HgBulk *bulk, int which)
{
	const IndexInfo *info = bulk->rri->ri_IndexRelationInfo[which];

	return bulk->events && info->ii_Predicate == NIL &&
		info->ii_IndexAttrNumbers[0] == HG_EVENT_ID + 1 &&
		hg_index_appendable(bulk->rri->ri_IndexRelationDescs[which]);
}

/*
 * Rows [from, to), which are in one range of pages, for an index that keeps
 * the least and the greatest value of each column of a range: two rows made
 * of those say as much as all of them.
 */
static void
index_range(HgBulk *bulk, int which, int from, int to)
{
	const IndexInfo *info = bulk->rri->ri_IndexRelationInfo[which];
	Row		  **rows = bulk->set->rows;
	RowKeys		least = rows[from]->keys;
	RowKeys		most = rows[from]->keys;
	bool		nulls = false;
	int			i;
	int			k;

	for (k = 0; k < info->ii_NumIndexAttrs; k++)
	{
		int			column = info->ii_IndexAttrNumbers[k] - 1;

		for (i = from; i < to; i++)
		{
			Datum		value = rows[i]->keys.values[column];

			nulls |= rows[i]->keys.nulls[column];
			if (DatumGetInt64(value) < DatumGetInt64(least.values[column]))
				least.values[column] = value;
			if (DatumGetInt64(value) > DatumGetInt64(most.values[column]))
				most.values[column] = value;
		}
	}
	if (nulls)
	{
		for (i = from; i < to; i++)
			index_row(bulk, which, &rows[i]->keys, &rows[i]->tid);
		return;
	}
	if (to - from > 1)
		index_row(bulk, which, &least, &rows[from]->tid);
	index_row(bulk, which, &most, &rows[to - 1]->tid);
}

/*
 * Have a BRIN index know a range of pages; nothing happens if it does.  Until
 * then whoever asks reads the range in any case, so a VACUUM that has a lock
 * on table or index needs not be waited for.
 */
static void
summarize(Relation rel, Relation index, BlockNumber block)
{
	if (!ConditionalLockRelationOid(RelationGetRelid(rel),
									ShareUpdateExclusiveLock))
		return;
	if (ConditionalLockRelationOid(RelationGetRelid(index),
								   ShareUpdateExclusiveLock))
	{
		(void) DirectFunctionCall2(brin_summarize_range,
								   ObjectIdGetDatum(RelationGetRelid(index)),
								   Int64GetDatum((int64) block));
		UnlockRelationOid(RelationGetRelid(index), ShareUpdateExclusiveLock);
	}
	UnlockRelationOid(RelationGetRelid(rel), ShareUpdateExclusiveLock);
}

/* All rows, range of pages by range of pages, for a BRIN index. */
static void
index_ranges(HgBulk *bulk, int which)
{
	Relation	index = bulk->rri->ri_IndexRelationDescs[which];
	Row		  **rows = bulk->set->rows;
	BlockNumber pages = BrinGetPagesPerRange(index);
	int			from = 0;
	int			i;

	for (i = 1; i <= bulk->n; i++)
	{
		ItemPointer first = &rows[from]->tid;
		BlockNumber block = ItemPointerGetBlockNumber(first);

		if (i < bulk->n && block / pages ==
			ItemPointerGetBlockNumber(&rows[i]->tid) / pages)
			continue;
		index_range(bulk, which, from, i);

		/*
		 * The range before is full.  This one: many rows at once are summed
		 * up cheaply and a few, for each of which the sum would have to be
		 * changed, are read as cheaply.
		 */
		if (block % pages == 0 &&
			ItemPointerGetOffsetNumber(first) == FirstOffsetNumber)
		{
			if (block > 0)
				summarize(bulk->rel, index, block - pages);
			if (bulk->n >= ROWS_TO_SUMMARIZE)
				summarize(bulk->rel, index, block);
		}
		from = i;
	}
}

/* Index by index, which has each one's pages at hand. */
static void
index_rows(HgBulk *bulk)
{
	Row		  **rows = bulk->set->rows;
	int			which;
	int			i;

	for (which = 0; which < bulk->rri->ri_NumIndices; which++)
	{
		Relation	index = bulk->rri->ri_IndexRelationDescs[which];
		bool		all = bulk->rri->ri_IndexRelationInfo[which]->ii_Predicate == NIL;

		if (only_ids(bulk, which))
			index_ids(bulk, which);
		else if (index->rd_rel->relam == BRIN_AM_OID && all &&
				 only_minmax(index))
			index_ranges(bulk, which);
		else
		{
			for (i = 0; i < bulk->n; i++)
			{
				if (all || rows[i]->keys.latest)
					index_row(bulk, which, &rows[i]->keys, &rows[i]->tid);
			}
		}
	}
}

/* -------------------------------------------------------------- to write */

/* Rows in the order of their ids. */
typedef struct RowId
{
	int64		id;
	Row		   *row;
} RowId;

#define ST_SORT sort_row_ids
#define ST_ELEMENT_TYPE RowId
#define ST_COMPARE(a, b) ((a)->id < (b)->id ? -1 : (a)->id > (b)->id)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

static void
sort_rows(HgBulk *bulk)
{
	RowId	   *ids = palloc(sizeof(RowId) * bulk->n);
	int			i;

	for (i = 0; i < bulk->n; i++)
	{
		ids[i].row = bulk->set->rows[i];
		ids[i].id = DatumGetInt64(ids[i].row->keys.values[HG_EVENT_ID]);
	}
	sort_row_ids(ids, bulk->n);
	for (i = 0; i < bulk->n; i++)
		bulk->set->rows[i] = ids[i].row;
	pfree(ids);
}

/* The row is its statement's latest. */
static void
set_latest(HgBulk *bulk, Row *row)
{
	MemoryContext oldcontext;
	int			column = HG_EVENT_LATEST + 1;
	Datum		value = BoolGetDatum(true);
	bool		null = false;

	row->keys.latest = true;
	if (row->tuple == &row->packed &&
		bulk->set->shape.natts == HG_EVENT_COLUMNS)
	{
		hg_row_set_last(&bulk->set->shape, row->tuple, true);
		return;
	}
	oldcontext = MemoryContextSwitchTo(bulk->set->formed);
	row->tuple = heap_modify_tuple_by_cols(row->tuple, bulk->set->desc, 1,
										   &column, &value, &null);
	MemoryContextSwitchTo(oldcontext);
}

/*
 * Mark, of each statement, the latest of the events to be written.  An index
 * has only those: an entry for each event took a quarter of the recorder's
 * time.  So the latest event of a statement is found at once, and all of them
 * by time.
 */
static void
mark_latest(HgBulk *bulk)
{
	Row		  **rows = bulk->set->rows;
	int16	   *places = bulk->set->places;
	int			mask = 15;
	int			i;

	while (mask < 2 * bulk->n)
		mask = mask * 2 + 1;
	Assert(mask < STATEMENT_PLACES);
	memset(places, -1, sizeof(int16) * (mask + 1));
	for (i = 0; i < bulk->n; i++)
	{
		const RowKeys *keys = &rows[i]->keys;
		Datum		statement = keys->values[HG_EVENT_STATEMENT];
		int			place = (int) ((uint64) DatumGetInt64(statement) & mask);

		if (keys->nulls[HG_EVENT_STATEMENT])
			continue;
		while (places[place] >= 0 &&
			   rows[places[place]]->keys.values[HG_EVENT_STATEMENT] !=
			   statement)
			place = (place + 1) & mask;

		/* rows come in the order of their ids */
		if (places[place] < 0 ||
			DatumGetTimestampTz(keys->values[HG_EVENT_AT]) >=
			DatumGetTimestampTz(rows[places[place]]->keys.values[HG_EVENT_AT]))
			places[place] = (int16) i;
	}
	for (i = 0; i <= mask; i++)
	{
		if (places[i] >= 0)
			set_latest(bulk, rows[places[i]]);
	}
}

/*
 * Rows [from, to) into the table.  The insert would copy a tuple that its slot
 * does not own, so slots say meanwhile that they do.  After an error in here
 * they are not used again.
 */
static void
write_rows(HgBulk *bulk, int from, int to)
{
	RowSet	   *set = bulk->set;
	bool		own = set->ops == &TTSOpsHeapTuple;
	int			i;

	set->writing = true;
	for (i = from; i < to; i++)
	{
		ExecForceStoreHeapTuple(set->rows[i]->tuple, set->slots[i - from],
								false);
		if (own)
			set->slots[i - from]->tts_flags |= TTS_FLAG_SHOULDFREE;
	}
	table_multi_insert(bulk->rel, set->slots, to - from,
					   bulk->estate->es_output_cid, 0, NULL);
	for (i = from; i < to; i++)
	{
		TupleTableSlot *slot = set->slots[i - from];

		set->rows[i]->tid = slot->tts_tid;
		if (!bulk->plain)
			list_free(HG_EXEC_INSERT_INDEX(bulk->rri, slot, bulk->estate));
		if (own)
			slot->tts_flags &= ~TTS_FLAG_SHOULDFREE;
		ExecClearTuple(slot);
	}
	set->writing = false;
}

static void
flush(HgBulk *bulk)
{
	MemoryContext oldcontext;
	int			from;

	if (bulk->n == 0)
		return;

	/*
	 * Rows come lane by lane.  In the order of their ids they fill the index
	 * from its end, whose pages are then full and not split in the middle.
	 */
	if (bulk->events)
	{
		sort_rows(bulk);
		mark_latest(bulk);
	}

	/* The insert leaves behind what it allocates. */
	oldcontext = MemoryContextSwitchTo(GetPerTupleMemoryContext(bulk->estate));
	for (from = 0; from < bulk->n; from += WRITE_ROWS)
		write_rows(bulk, from, Min(from + WRITE_ROWS, bulk->n));
	if (bulk->plain)
		index_rows(bulk);
	MemoryContextSwitchTo(oldcontext);
	ResetPerTupleExprContext(bulk->estate);
	MemoryContextReset(bulk->set->formed);
	bulk->n = 0;
}

/* ---------------------------------------------------------------- public */

HgBulk *
hg_bulk_open(Oid relid, bool events, int place, EState *estate)
{
	HgBulk	   *bulk = palloc0(sizeof(HgBulk));
	int			i;

	Assert(place < HG_BULK_TABLES);
	bulk->rel = table_open(relid, RowExclusiveLock);
	bulk->estate = estate;
	bulk->events = events;
	bulk->set = &row_sets[events ? place : HG_BULK_TABLES + place];
	set_prepare(bulk->set, bulk->rel);
	bulk->rri = makeNode(ResultRelInfo);
	InitResultRelInfo(bulk->rri, bulk->rel, 1, NULL, 0);
	ExecOpenIndices(bulk->rri, false);
	bulk->plain = true;
	for (i = 0; i < bulk->rri->ri_NumIndices; i++)
		bulk->plain &= plain_index(bulk, bulk->rri->ri_IndexRelationDescs[i],
								   bulk->rri->ri_IndexRelationInfo[i]);
	return bulk;
}

void
hg_bulk_add(HgBulk *bulk, const Datum *values, const bool *nulls, int nvalues)
{
	RowSet	   *set = bulk->set;
	int			natts = RelationGetDescr(bulk->rel)->natts;
	Row		   *row;

	check_columns(bulk, nvalues);
	if (bulk->n >= BULK_ROWS)
		flush(bulk);
	if (bulk->n >= set->nrows)
		more_rows(set);
	row = set->rows[bulk->n];
	memcpy(row->keys.values, values, sizeof(row->keys.values));
	memcpy(row->keys.nulls, nulls, sizeof(row->keys.nulls));
	row->keys.latest = false;
	if (natts == nvalues &&
		hg_row_pack(&set->shape, values, nulls, &row->packed,
					(char *) row + MAXALIGN(sizeof(Row))))
		row->tuple = &row->packed;
	else
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(set->formed);
		Datum	   *all = palloc0(natts * sizeof(Datum));
		bool	   *isnull = palloc(natts * sizeof(bool));

		memset(isnull, true, natts * sizeof(bool));
		memcpy(all, values, nvalues * sizeof(Datum));
		memcpy(isnull, nulls, nvalues * sizeof(bool));
		row->tuple = heap_form_tuple(set->desc, all, isnull);
		MemoryContextSwitchTo(oldcontext);
	}
	bulk->n++;
}

void
hg_bulk_close(HgBulk *bulk)
{
	flush(bulk);
	ExecCloseIndices(bulk->rri);
	table_close(bulk->rel, NoLock);
}
