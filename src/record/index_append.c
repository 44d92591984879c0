/*-------------------------------------------------------------------------
 *
 * index_append.c
 *	  Many entries at a time for a B-tree that grows at its end.
 *
 * Events come in the order of their ids, and so do their entries in the index
 * over ids: each goes behind all there are.  The server looks for the place
 * of each and logs each; that took a quarter of the recorder's time.  Here
 * the page at the end is locked once and gets what fits, in one record of
 * generic WAL, which a standby and a recovery replay like any other.  Where
 * the page is full, or anything is unlike what is expected, the caller inserts
 * the ordinary way, which also splits the page.
 *
 * Only the last leaf is touched, under the lock that the server's own insert
 * takes, and only if it has an entry: a key greater than that one belongs
 * there, since no page is to the right of it, see access/nbtree/README.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "access/nbtree.h"
#include "base/compat.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_opfamily_d.h"
#include "catalog/pg_type_d.h"
#include "record/index_append.h"
#include "storage/bufmgr.h"

/* As index_form_tuple() makes it of one bigint. */
typedef struct Entry
{
	IndexTupleData head;
	int64		key;
} Entry;

StaticAssertDecl(sizeof(Entry) == MAXALIGN(sizeof(IndexTupleData)) + sizeof(int64),
				 "an entry has no padding");

bool
hg_index_appendable(Relation index)
{
	bool		with_tid;
	bool		dedup;

	if (index->rd_rel->relam != BTREE_AM_OID ||
		IndexRelationGetNumberOfAttributes(index) != 1 ||
		IndexRelationGetNumberOfKeyAttributes(index) != 1 ||
		index->rd_index->indisunique ||
		index->rd_opfamily[0] != INTEGER_BTREE_FAM_OID ||
		index->rd_opcintype[0] != INT8OID || index->rd_indoption[0] != 0)
		return false;
	_bt_metaversion(index, &with_tid, &dedup);
	return with_tid;
}

/* The key at a place of a leaf; false if it is NULL. */
static bool
key_at(Page page, OffsetNumber place, int64 *key)
{
	IndexTuple	entry = (IndexTuple) PageGetItem(page,
												 PageGetItemId(page, place));

	if (IndexTupleHasNulls(entry))
		return false;
	memcpy(key, (char *) entry + IndexInfoFindDataOffset(entry->t_info),
		   sizeof(int64));
	return true;
}

/* Entries [0, n) go behind all others of the page; returns how many fit. */
static int
fill(Relation index, Buffer buffer, const HgIndexEntry *entries, int n)
{
	GenericXLogState *log;
	Page		page = BufferGetPage(buffer);
	Size		room = PageGetExactFreeSpace(page);
	Entry		entry;
	int			fit = (int) Min((Size) n,
								room / (sizeof(Entry) + sizeof(ItemIdData)));
	int			i;

	if (fit == 0)
		return 0;
	log = GenericXLogStart(index);
	page = GenericXLogRegisterBuffer(log, buffer, 0);
	for (i = 0; i < fit; i++)
	{
		entry.head.t_tid = entries[i].tid;
		entry.head.t_info = sizeof(Entry);
		entry.key = entries[i].key;
		if (PageAddItem(page, (Item) &entry, sizeof(entry),
						OffsetNumberNext(PageGetMaxOffsetNumber(page)), false,
						false) == InvalidOffsetNumber)
			elog(ERROR, "an index entry does not fit where there is room");
	}
	(void) GenericXLogFinish(log);
	return fit;
}

int
hg_index_append(Relation index, const HgIndexEntry *entries, int n, int *first)
{
	Buffer		buffer = HG_BT_LAST_LEAF(index);
	BTPageOpaque opaque;
	Page		page;
	int64		last;
	int			begin = 0;
	int			end;
	int			done = 0;

	*first = 0;
	if (!BufferIsValid(buffer))
		return 0;
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	page = BufferGetPage(buffer);
	opaque = BTPageGetOpaque(page);
	if (P_ISLEAF(opaque) && P_RIGHTMOST(opaque) && !P_IGNORE(opaque) &&
		!P_INCOMPLETE_SPLIT(opaque) &&
		PageGetMaxOffsetNumber(page) >= P_FIRSTDATAKEY(opaque) &&
		key_at(page, PageGetMaxOffsetNumber(page), &last))
	{
		while (begin < n && entries[begin].key <= last)
			begin++;
		for (end = begin + 1;
			 end < n && entries[end].key > entries[end - 1].key; end++)
			;
		if (begin < n)
			done = fill(index, buffer, entries + begin, end - begin);
		*first = begin;
	}
	UnlockReleaseBuffer(buffer);
	return done;
}
