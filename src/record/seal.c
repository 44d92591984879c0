/*-------------------------------------------------------------------------
 *
 * seal.c
 *	  The hash chain over what the recorder stores.
 *
 * Each transaction of the recorder writes the seals of its rows: one for the
 * events and outcomes of each week, so that a week's partitions can
 * be dropped without leaving half a seal, and one for all other rows.  A row
 * names its seal.  A seal has the hash of its rows, four bytes of each row's
 * digest, by which a fault is found, and a hash of all this and of the hash
 * before.
 *
 * This process remembers where the chain ends.  It goes on from there even
 * when the table says otherwise: then somebody has cut the table, and the
 * gap stays for all to see.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "base/compat.h"
#include "base/sha256.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "record/outbox.h"
#include "record/seal.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Weeks of a transaction that have a seal each; more share the rest. */
#define MAX_GROUPS 20

typedef struct SealedRow
{
	int64		id;
	char		kind;
	uint8		digest[HG_DIGEST_LEN];
} SealedRow;

typedef struct SealGroup
{
	int64		seal_id;
	TimestampTz from;			/* both 0: rows of no week */
	TimestampTz to;
	SealedRow  *rows;
	Size		nrows;
	Size		cap;
} SealGroup;

/*
 * An input of a digest that waits for another one as long, since two take
 * little longer than one.
 */
#define PAIR_BLOCKS 8

typedef struct Single
{
	bool		waits;
	int			group;
	Size		row;
	uint8		padded[PAIR_BLOCKS * HG_SHA256_BLOCK];
} Single;

/* The running transaction; rows are in its context. */
static Single singles[PAIR_BLOCKS];	/* of 1, 2, ... blocks */
static MemoryContext seal_context = NULL;
static SealGroup groups[MAX_GROUPS];
static int	ngroups = 0;
static Oid	seal_relid = InvalidOid;
static HgSealMark next;			/* the chain's end when it commits */

/* This process. */
static HgSealMark last = {InvalidOid};
static bool must_read = true;	/* compare with the table first */
static SPIPlanPtr plan_last = NULL;

static void
forget_singles(void)
{
	int			i;

	for (i = 0; i < PAIR_BLOCKS; i++)
		singles[i].waits = false;
}

void
hg_seal_begin(Oid schema)
{
	if (seal_context == NULL)
		seal_context = AllocSetContextCreate(TopMemoryContext,
											 "hoopguard seal",
											 ALLOCSET_DEFAULT_SIZES);
	seal_relid = get_relname_relid("seal", schema);
	if (!OidIsValid(seal_relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"hoopguard.seal\" does not exist")));
	if (last.relid != seal_relid)
	{
		memset(&last, 0, sizeof(last));
		last.relid = seal_relid;
		must_read = true;
	}
	next = last;
	ngroups = 0;
	forget_singles();
}

/* Where the table says the chain ends, if that is beyond what we know. */
static void
read_last(void)
{
	bool		isnull;
	int64		id;
	bytea	   *hash;

	if (plan_last == NULL)
	{
		SPIPlanPtr	made = SPI_prepare("SELECT s.seal_id, s.hash"
									   " FROM hoopguard.seal s"
									   " ORDER BY s.seal_id DESC LIMIT 1",
									   0, NULL);

		if (made == NULL || SPI_keepplan(made) != 0)
			elog(ERROR, "could not prepare a look at the seals");
		plan_last = made;
	}
	if (SPI_execute_plan(plan_last, NULL, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read hoopguard.seal");
	if (SPI_processed > 0)
	{
		id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
										 SPI_tuptable->tupdesc, 1, &isnull));
		if (id > next.seal_id)
		{
			Datum		value = SPI_getbinval(SPI_tuptable->vals[0],
											  SPI_tuptable->tupdesc, 2,
											  &isnull);

			next.seal_id = id;
			memset(next.hash, 0, sizeof(next.hash));
			if (!isnull)
			{
				hash = DatumGetByteaPP(value);
				memcpy(next.hash, VARDATA_ANY(hash),
					   Min(sizeof(next.hash), VARSIZE_ANY_EXHDR(hash)));
			}
		}
	}
	SPI_freetuptable(SPI_tuptable);
	must_read = false;
}

int64
hg_seal_for(TimestampTz from, TimestampTz to)
{
	SealGroup	   *group;
	int			i;

	for (i = 0; i < ngroups; i++)
	{
		if (groups[i].from == from && groups[i].to == to)
			return groups[i].seal_id;
	}
	if (ngroups >= MAX_GROUPS)
		elog(ERROR, "too many weeks in one transaction");
	if (must_read)
		read_last();
	group = &groups[ngroups++];
	memset(group, 0, sizeof(SealGroup));
	group->seal_id = next.seal_id + ngroups;
	group->from = from;
	group->to = to;
	group->cap = 64;
	group->rows = MemoryContextAlloc(seal_context,
									 group->cap * sizeof(SealedRow));
	return group->seal_id;
}

static SealGroup *
group_of(int64 seal_id)
{
	int			i;

	for (i = 0; i < ngroups; i++)
	{
		if (groups[i].seal_id == seal_id)
			return &groups[i];
	}
	elog(ERROR, "seal " INT64_FORMAT " is not open", seal_id);
}

static SealedRow *
new_row(SealGroup *group, char kind, int64 id)
{
	SealedRow  *row;

	if (group->nrows >= group->cap)
	{
		group->cap *= 2;
		group->rows = repalloc_huge(group->rows,
									group->cap * sizeof(SealedRow));
	}
	row = &group->rows[group->nrows++];
	row->id = id;
	row->kind = kind;
	return row;
}

void
hg_seal_row(int64 seal_id, char kind, int64 id, const uint8 *digest)
{
	SealedRow  *row = new_row(group_of(seal_id), kind, id);

	memcpy(row->digest, digest, HG_DIGEST_LEN);
}

/* Digests of one that waits and, unless it is NULL, of another. */
static void
settle_single(Single *first, Single *second, size_t nblocks)
{
	const uint8 *padded[2];
	uint8		digests[2][HG_DIGEST_LEN];

	padded[0] = first->padded;
	padded[1] = second != NULL ? second->padded : first->padded;
	hg_sha256_two(padded, nblocks, digests);
	memcpy(groups[first->group].rows[first->row].digest, digests[0],
		   HG_DIGEST_LEN);
	if (second != NULL)
		memcpy(groups[second->group].rows[second->row].digest, digests[1],
			   HG_DIGEST_LEN);
	first->waits = false;
}

void
hg_seal_bytes(int64 seal_id, char kind, int64 id, const char *bytes, Size len)
{
	SealGroup  *group = group_of(seal_id);
	SealedRow  *row = new_row(group, kind, id);
	Size		whole = len - len % HG_SHA256_BLOCK;
	Single		other;
	Single	   *single;
	size_t		nblocks;

	if (len + 9 > sizeof(other.padded))
	{
		hg_sha256(bytes, len, row->digest);
		return;
	}
	nblocks = (len + 9 + HG_SHA256_BLOCK - 1) / HG_SHA256_BLOCK;
	single = &singles[nblocks - 1];
	if (single->waits)
		single = &other;
	single->group = (int) (group - groups);
	single->row = group->nrows - 1;
	memcpy(single->padded, bytes, len);
	(void) hg_sha256_pad(single->padded + whole, len - whole, len);
	if (single == &other)
		settle_single(&singles[nblocks - 1], &other, nblocks);
	else
		single->waits = true;
}

static void
settle_singles(void)
{
	int			i;

	for (i = 0; i < PAIR_BLOCKS; i++)
	{
		if (singles[i].waits)
			settle_single(&singles[i], NULL, i + 1);
	}
}

/*
 * What rows are sorted by; rows of one kind and id, the outcomes of a session,
 * by their digest, of which the first bytes nearly always tell.
 */
typedef struct SortKey
{
	int64		id;
	uint64		start;			/* of the digest, big-endian */
	uint32		row;
	char		kind;
} SortKey;

static int
row_cmp(const SortKey *x, const SortKey *y, const SealedRow *rows)
{
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return memcmp(rows[x->row].digest, rows[y->row].digest, HG_DIGEST_LEN);
}

#define ST_SORT sort_keys
#define ST_ELEMENT_TYPE SortKey
#define ST_COMPARE(a, b, rows) row_cmp(a, b, rows)
#define ST_COMPARE_ARG_TYPE const SealedRow
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

static Datum
make_bytes(const void *data, Size len)
{
	bytea	   *result = palloc(VARHDRSZ + len);

	SET_VARSIZE(result, VARHDRSZ + len);
	memcpy(VARDATA(result), data, len);
	return PointerGetDatum(result);
}

/* Columns of the table, in their order. */
static const Oid seal_types[] = {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
TIMESTAMPTZOID, INT8OID, BYTEAOID, BYTEAOID, BYTEAOID};

#define SEAL_COLUMNS ((int) lengthof(seal_types))

/* The table, open for rows. */
typedef struct SealTable
{
	Relation	rel;
	ResultRelInfo *rri;
	TupleTableSlot *slot;
	EState	   *estate;
} SealTable;

/* Past the executor, like events: each small batch has a seal, too. */
static void
open_seals(SealTable *table, EState *estate)
{
	TupleDesc	desc;
	int			i;

	table->estate = estate;
	table->rel = table_open(seal_relid, RowExclusiveLock);
	desc = RelationGetDescr(table->rel);
	for (i = 0; i < SEAL_COLUMNS; i++)
	{
		if (i >= desc->natts ||
			TupleDescAttr(desc, i)->atttypid != seal_types[i])
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("table \"%s\" has other columns than hoopguard made",
							RelationGetRelationName(table->rel))));
	}
	table->rri = makeNode(ResultRelInfo);
	InitResultRelInfo(table->rri, table->rel, 1, NULL, 0);
	ExecOpenIndices(table->rri, false);
	table->slot = table_slot_create(table->rel, NULL);
}

static void
close_seals(SealTable *table)
{
	ExecDropSingleTupleTableSlot(table->slot);
	ExecCloseIndices(table->rri);
	table_close(table->rel, NoLock);
}

/* One row; columns that somebody added are NULL. */
static void
insert_seal(SealTable *table, const Datum *values, const bool *nulls)
{
	TupleTableSlot *slot = table->slot;
	int			i;

	ExecClearTuple(slot);
	for (i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		slot->tts_values[i] = i < SEAL_COLUMNS ? values[i] : (Datum) 0;
		slot->tts_isnull[i] = i < SEAL_COLUMNS ? nulls[i] : true;
	}
	ExecStoreVirtualTuple(slot);
	table_tuple_insert(table->rel, slot, table->estate->es_output_cid, 0,
					   NULL);
	list_free(HG_EXEC_INSERT_INDEX(table->rri, slot, table->estate));
	ResetPerTupleExprContext(table->estate);
}

static void
write_seal(SealTable *table, SealGroup *group)
{
	Datum		values[SEAL_COLUMNS];
	bool		nulls[SEAL_COLUMNS] = {false};
	StringInfoData buf;
	SortKey    *keys;
	uint8	   *marks;
	uint8		rows_hash[HG_DIGEST_LEN];
	uint8		hash[HG_DIGEST_LEN];
	TimestampTz at = GetCurrentTransactionStartTimestamp();
	Size		i;

	keys = MemoryContextAllocHuge(CurrentMemoryContext,
								  Max(group->nrows, 1) * sizeof(SortKey));
	for (i = 0; i < group->nrows; i++)
	{
		memcpy(&keys[i].start, group->rows[i].digest, sizeof(uint64));
		keys[i].start = pg_ntoh64(keys[i].start);
		keys[i].id = group->rows[i].id;
		keys[i].kind = group->rows[i].kind;
		keys[i].row = (uint32) i;
	}
	sort_keys(keys, group->nrows, group->rows);
	marks = palloc(Max(group->nrows, 1) * HG_SEAL_MARK_LEN);
	initStringInfo(&buf);
	for (i = 0; i < group->nrows; i++)
	{
		const SealedRow *row = &group->rows[keys[i].row];

		hg_seal_append_row(&buf, row->kind, row->id, row->digest);
		memcpy(marks + i * HG_SEAL_MARK_LEN, row->digest, HG_SEAL_MARK_LEN);
	}
	pfree(keys);
	hg_sha256(buf.data, buf.len, rows_hash);
	hg_seal_hash(next.hash, group->seal_id, at, group->from, group->to,
				 (int64) group->nrows, rows_hash, marks,
				 group->nrows * HG_SEAL_MARK_LEN, hash);

	values[0] = Int64GetDatum(group->seal_id);
	values[1] = TimestampTzGetDatum(at);
	values[2] = TimestampTzGetDatum(group->from);
	values[3] = TimestampTzGetDatum(group->to);
	if (group->from == 0 && group->to == 0)
		nulls[2] = nulls[3] = true;
	values[4] = Int64GetDatum((int64) group->nrows);
	values[5] = make_bytes(rows_hash, sizeof(rows_hash));
	values[6] = make_bytes(marks, group->nrows * HG_SEAL_MARK_LEN);
	values[7] = make_bytes(hash, sizeof(hash));
	insert_seal(table, values, nulls);
	hg_outbox_seal(group->seal_id, at);
	next.seal_id = group->seal_id;
	memcpy(next.hash, hash, sizeof(next.hash));
	pfree(buf.data);
	pfree(marks);
}

void
hg_seal_end(EState *estate)
{
	SealTable	table;
	int			i;

	if (ngroups == 0)
		return;
	settle_singles();
	open_seals(&table, estate);
	for (i = 0; i < ngroups; i++)
		write_seal(&table, &groups[i]);
	close_seals(&table);
}

void
hg_seal_forget(bool committed)
{
	if (committed)
		last = next;
	else
		must_read = true;
	ngroups = 0;
	if (seal_context != NULL)
		MemoryContextReset(seal_context);
}

void
hg_seal_last(HgSealMark *mark)
{
	*mark = last;
}

void
hg_seal_resume(const HgSealMark *mark)
{
	last = *mark;
	must_read = true;
}
