/*-------------------------------------------------------------------------
 *
 * row.h
 *	  Reads columns of hoopguard's own tables from heap tuples.
 *
 * For the loops that compile policy: the scan is still open, so that its
 * snapshot serves out-of-line values.  Results are palloc'd in the current
 * context.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_ROW_H
#define HG_ROW_H

#include "access/htup_details.h"
#include "utils/builtins.h"

/* Text of a text column, NULL for NULL. */
static inline char *
hg_row_text(HeapTuple tuple, TupleDesc desc, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* The same, "" for NULL. */
static inline char *
hg_row_string(HeapTuple tuple, TupleDesc desc, int attnum)
{
	char	   *value = hg_row_text(tuple, desc, attnum);

	return value ? value : pstrdup("");
}

static inline int32
hg_row_int32(HeapTuple tuple, TupleDesc desc, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

static inline int64
hg_row_int64(HeapTuple tuple, TupleDesc desc, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

static inline Oid
hg_row_oid(HeapTuple tuple, TupleDesc desc, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

/* NULL counts as false. */
static inline bool
hg_row_bool(HeapTuple tuple, TupleDesc desc, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	return !isnull && DatumGetBool(value);
}

#endif							/* HG_ROW_H */
