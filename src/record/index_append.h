/*-------------------------------------------------------------------------
 *
 * index_append.h
 *	  Many entries at a time for a B-tree that grows at its end.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_INDEX_APPEND_H
#define HG_INDEX_APPEND_H

#include "storage/itemptr.h"
#include "utils/rel.h"

/* Below so many entries one by one is as quick. */
#define HG_APPEND_MIN 16

typedef struct HgIndexEntry
{
	int64		key;
	ItemPointerData tid;
} HgIndexEntry;

/* Is this a B-tree of one bigint column, ascending, which may have all rows? */
extern bool hg_index_appendable(Relation index);

/*
 * Put entries, of ascending keys, on the last page of the index, as many as
 * belong and fit there.  Returns their number; they are those from *first on,
 * which is where the keys begin that are greater than all in the index.  The
 * caller inserts the others with index_insert().  0: none.
 */
extern int	hg_index_append(Relation index, const HgIndexEntry *entries, int n,
							int *first);

#endif							/* HG_INDEX_APPEND_H */
