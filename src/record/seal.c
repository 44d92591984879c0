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

#include "access/xact.h"
#include "catalog/pg_type.h"
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

/* The running transaction; rows are in its context. */
static MemoryContext seal_context = NULL;
static SealGroup groups[MAX_GROUPS];
static int	ngroups = 0;
static Oid	seal_relid = InvalidOid;
static HgSealMark next;			/* the chain's end when it commits */

/* This process. */
static HgSealMark last = {InvalidOid};
static bool must_read = true;	/* compare with the table first */
static SPIPlanPtr plan_seal = NULL;
static SPIPlanPtr plan_last = NULL;

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

void
hg_seal_row(int64 seal_id, char kind, int64 id, const uint8 *digest)
{
	SealGroup	   *group = NULL;
	SealedRow  *row;
	int			i;

	for (i = 0; i < ngroups && group == NULL; i++)
	{
		if (groups[i].seal_id == seal_id)
			group = &groups[i];
	}
	if (group == NULL)
		elog(ERROR, "seal " INT64_FORMAT " is not open", seal_id);
	if (group->nrows >= group->cap)
	{
		group->cap *= 2;
		group->rows = repalloc_huge(group->rows,
									group->cap * sizeof(SealedRow));
	}
	row = &group->rows[group->nrows++];
	row->id = id;
	row->kind = kind;
	memcpy(row->digest, digest, HG_DIGEST_LEN);
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

static void
write_seal(SealGroup *group)
{
	static Oid	types[] = {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
		TIMESTAMPTZOID, INT8OID, BYTEAOID, BYTEAOID, BYTEAOID};
	Datum		values[lengthof(types)];
	char		nulls[lengthof(types)];
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
	hg_seal_sha256(buf.data, buf.len, rows_hash);
	hg_seal_hash(next.hash, group->seal_id, at, group->from, group->to,
				 (int64) group->nrows, rows_hash, marks,
				 group->nrows * HG_SEAL_MARK_LEN, hash);

	memset(nulls, ' ', sizeof(nulls));
	values[0] = Int64GetDatum(group->seal_id);
	values[1] = TimestampTzGetDatum(at);
	values[2] = TimestampTzGetDatum(group->from);
	values[3] = TimestampTzGetDatum(group->to);
	if (group->from == 0 && group->to == 0)
		nulls[2] = nulls[3] = 'n';
	values[4] = Int64GetDatum((int64) group->nrows);
	values[5] = make_bytes(rows_hash, sizeof(rows_hash));
	values[6] = make_bytes(marks, group->nrows * HG_SEAL_MARK_LEN);
	values[7] = make_bytes(hash, sizeof(hash));
	if (plan_seal == NULL)
	{
		SPIPlanPtr	made = SPI_prepare("INSERT INTO hoopguard.seal (seal_id,"
									   " at, period_from, period_to, rows,"
									   " rows_hash, marks, hash)"
									   " VALUES ($1, $2, $3, $4, $5, $6, $7,"
									   " $8)", lengthof(types), types);

		if (made == NULL || SPI_keepplan(made) != 0)
			elog(ERROR, "could not prepare a seal");
		plan_seal = made;
	}
	if (SPI_execute_plan(plan_seal, values, nulls, false, 0) < 0)
		elog(ERROR, "could not write a seal");
	hg_outbox_seal(group->seal_id, at);
	next.seal_id = group->seal_id;
	memcpy(next.hash, hash, sizeof(next.hash));
	pfree(buf.data);
	pfree(marks);
}

void
hg_seal_end(void)
{
	int			i;

	for (i = 0; i < ngroups; i++)
		write_seal(&groups[i]);
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
