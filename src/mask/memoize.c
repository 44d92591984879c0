/*-------------------------------------------------------------------------
 *
 * memoize.c
 *	  What was made of values that came before.
 *
 * Many columns hold the same values again and again, and to look through one
 * takes several times as long as to find it in a table.  The table is a cache:
 * a hash of the bytes tells the set, whose memos are given up in turn.  Where
 * values do not come again it costs a little for one in sixteen of them and
 * less as time goes on.
 *
 * That a value came before can be told by the time its row takes.  It tells no
 * more than a comparison in the statement's WHERE, which scrubbing allows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/catalog.h"
#include "mask/memoize.h"
#include "port/pg_crc32c.h"
#include "utils/memutils.h"

#define SETS 1024
#define WAYS 4

/* Values before the table is made: a short result is done without. */
#define FIRST_WAIT 256

/*
 * After so many it is judged, which is enough to see again each of as many as
 * the table holds.  To find one saves four times what it costs not to.
 */
#define WINDOW (SETS * WAYS)
#define LEAST_FOUND (WINDOW / 4)

/* Values that a pause lasts: the first, and the longest. */
#define FIRST_PAUSE (16 * WINDOW)
#define LAST_PAUSE (16 * FIRST_PAUSE)

/*
 * Tables that a backend has at once: with the bytes of their memos they take
 * 4 MB each at most.
 */
#define MAX_TABLES 8

struct HgMemoTable
{
	pg_crc32c	tags[SETS][WAYS];	/* hashes, to skip others by */
	HgMemo		memos[SETS][WAYS];
	unsigned char next[SETS];	/* to be given up */
	MemoryContext bytes;		/* of the memos */
	MemoryContextCallback freed;
};

void
hg_memoize_begin(HgMemoize *m, MemoryContext context)
{
	memset(m, 0, sizeof(*m));
	m->context = context;
	m->wait = FIRST_WAIT;
	m->pause = FIRST_PAUSE;
}

static int	ntables = 0;

static void
count_freed(void *arg)
{
	ntables--;
}

static HgMemoTable *
make_table(MemoryContext context)
{
	HgMemoTable *table = MemoryContextAllocZero(context, sizeof(HgMemoTable));

	table->bytes = AllocSetContextCreate(context, "hoopguard memoize",
										 ALLOCSET_DEFAULT_SIZES);
	table->freed.func = count_freed;
	MemoryContextRegisterResetCallback(context, &table->freed);
	ntables++;
	return table;
}

static void
make_empty(HgMemoTable *table)
{
	memset(table->tags, 0, sizeof(table->tags));
	memset(table->memos, 0, sizeof(table->memos));
	for (int i = 0; i < SETS; i++)
		for (int k = 0; k < WAYS; k++)
			table->memos[i][k].key_len = -1;
	MemoryContextReset(table->bytes);
}

/* After a window: go on, or wait with nothing held. */
static bool
still_pays(HgMemoize *m)
{
	bool		pays = m->found >= LEAST_FOUND;

	if (pays)
		m->pause = FIRST_PAUSE;
	else
	{
		m->wait = m->pause;
		m->pause = Min(m->pause * 2, LAST_PAUSE);
		make_empty(m->table);
	}
	m->asked = m->found = 0;
	return pays;
}

const HgMemo *
hg_memoize_find(HgMemoize *m, const char *key, int len, HgMemo **spare)
{
	HgMemoTable *table = m->table;
	pg_crc32c	hash;
	int			set;
	int			way;

	*spare = NULL;
	if (table == NULL && ntables >= MAX_TABLES)
	{
		m->wait = LAST_PAUSE;
		return NULL;
	}
	if (table == NULL)
		table = m->table = make_table(m->context);
	if (m->generation != hg_catalog_generation())
	{
		make_empty(table);
		m->generation = hg_catalog_generation();
	}
	if (++m->asked == WINDOW && !still_pays(m))
		return NULL;

	INIT_CRC32C(hash);
	COMP_CRC32C(hash, key, len);
	set = hash % SETS;
	for (way = 0; way < WAYS; way++)
	{
		const HgMemo *memo = &table->memos[set][way];

		if (table->tags[set][way] == hash && memo->key_len == len &&
			memcmp(memo->key, key, len) == 0)
		{
			m->found++;
			return memo;
		}
	}
	way = table->next[set]++ % WAYS;
	table->tags[set][way] = hash;
	*spare = &table->memos[set][way];
	(*spare)->key_len = -1;
	return NULL;
}

void
hg_memoize_keep(HgMemoize *m, HgMemo *spare, const char *key, int len,
				const char *result, int result_len, int replaced)
{
	int			size = MAXALIGN(len) + result_len;

	if (spare == NULL || len > HG_MEMOIZE_MAX ||
		result_len > 2 * HG_MEMOIZE_MAX)
		return;
	Assert(spare->key_len < 0);
	if (size > spare->capacity)
	{
		if (spare->key != NULL)
			pfree(spare->key);
		spare->key = NULL;
		spare->capacity = 0;
		spare->key = MemoryContextAlloc(m->table->bytes, size);
		spare->capacity = size;
	}
	memcpy(spare->key, key, len);
	if (result_len > 0)
		memcpy(spare->key + MAXALIGN(len), result, result_len);
	spare->result_len = result_len;
	spare->replaced = replaced;
	spare->key_len = len;
}
