/*-------------------------------------------------------------------------
 *
 * row_pack.h
 *	  Heap tuples of columns of fixed length, made quickly.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_ROW_PACK_H
#define HG_ROW_PACK_H

#include "access/htup_details.h"
#include "access/tupdesc.h"

/* Columns that a shape can have. */
#define HG_PACK_COLUMNS 32

/* What a row type asks of the bytes. */
typedef struct HgRowShape
{
	int			natts;			/* 0: of this type, rows cannot be packed */
	int8		lengths[HG_PACK_COLUMNS];	/* 0: is to be NULL */
	bool		by_value[HG_PACK_COLUMNS];
	Size		most;			/* bytes of the longest row with its header */
} HgRowShape;

extern void hg_row_shape(TupleDesc desc, HgRowShape *shape);

/*
 * The tuple that heap_form_tuple() makes of the values, in space, which has
 * room for shape->most bytes.  False if only that can make it.
 */
extern bool hg_row_pack(const HgRowShape *shape, const Datum *values,
						const bool *nulls, HeapTuple tuple, void *space);

/* Set the last column, a boolean that is NULL, of a packed row. */
extern void hg_row_set_last(const HgRowShape *shape, HeapTuple tuple,
							bool value);

#endif							/* HG_ROW_PACK_H */
