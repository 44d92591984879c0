/*-------------------------------------------------------------------------
 *
 * bulk.h
 *	  Rows for one partition of _event or _outcome, gathered and written.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_BULK_H
#define HG_BULK_H

#include "nodes/execnodes.h"

/* Tables of each kind that can be open at a time. */
#define HG_BULK_TABLES 8

/* Columns of _event, from 0, that bulks know. */
#define HG_EVENT_ID 0
#define HG_EVENT_AT 1
#define HG_EVENT_STATEMENT 4
#define HG_EVENT_LATEST 22
#define HG_EVENT_COLUMNS 23

typedef struct HgBulk
{
	Relation	rel;
	ResultRelInfo *rri;
	EState	   *estate;
	bool		events;			/* rows of _event; else of _outcome */
	bool		plain;			/* are all indexes? See plain_index() */
	struct RowSet *set;
	int			n;				/* rows gathered */
} HgBulk;

/*
 * Open a partition.  place, below HG_BULK_TABLES, is of no other bulk of that
 * kind that is open.  In the current memory context; what rows are gathered in
 * is kept for the next transaction.
 */
extern HgBulk *hg_bulk_open(Oid relid, bool events, int place, EState *estate);

/*
 * Gather a row, whose columns beyond nvalues are NULL.  ERROR if the table has
 * fewer columns.
 */
extern void hg_bulk_add(HgBulk *bulk, const Datum *values, const bool *nulls,
						int nvalues);

/* Would the partition take that row? */
extern bool hg_bulk_takes(HgBulk *bulk, const Datum *values, const bool *nulls,
						  int nvalues);

/* Write what was gathered, and close. */
extern void hg_bulk_close(HgBulk *bulk);

#endif							/* HG_BULK_H */
