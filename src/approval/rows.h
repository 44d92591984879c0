/*-------------------------------------------------------------------------
 *
 * rows.h
 *	  Rows of the approval tables, read and written without SQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_ROWS_H
#define HG_ROWS_H

#include "access/htup.h"
#include "access/skey.h"
#include "nodes/execnodes.h"
#include "utils/relcache.h"

typedef struct HgRows
{
	Relation	rel;
	EState	   *estate;
	ResultRelInfo *rri;
	TupleTableSlot *slot;
} HgRows;

/*
 * Open a table of schema hoopguard for writing, until the end of the
 * transaction.  False, with nothing opened, if it is not there, has not just
 * that many columns, or a trigger other than the one named (may be NULL)
 * would have to run: then SQL has to do it.
 */
extern bool hg_rows_open(HgRows *rows, const char *table, int natts,
						 const char *trigger);
extern void hg_rows_close(HgRows *rows);

/* Insert a row with all its columns; CHECKs are the caller's. */
extern void hg_rows_insert(HgRows *rows, const Datum *values,
						   const bool *nulls);

/*
 * Put a new version of a row that was read in its place.  False, and nothing
 * was done, if somebody has locked or changed it meanwhile.
 */
extern bool hg_rows_update(HgRows *rows, HeapTuple old, const Datum *values,
						   const bool *nulls, const bool *replace);

/*
 * The first row by an index, as the last commit and our own commands left it,
 * palloc'd; NULL: none.  more (may be NULL) tells whether it is not the only
 * one.  An index that is not there is the same as a table scan.
 */
extern HeapTuple hg_rows_find(Relation rel, const char *index, ScanKey key,
							  bool *more);

/* The same by the first column, a uuid given as text. */
extern HeapTuple hg_rows_find_uuid(Relation rel, const char *index,
								   const char *id, bool *more);

/* Is there any row at all? */
extern bool hg_rows_any(Relation rel);

#endif							/* HG_ROWS_H */
