/*-------------------------------------------------------------------------
 *
 * row_pack.c
 *	  Heap tuples of columns of fixed length, made quickly.
 *
 * Nearly all rows of the record are numbers.  heap_form_tuple() goes over the
 * columns twice and asks each for its kind; here that is asked once for a row
 * type.  The layout is described in storage.sgml, "Database Page Layout".
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "catalog/pg_type_d.h"
#include "record/row_pack.h"

/* The longest value by reference that is copied, a uuid. */
#define MAX_LENGTH 16

void
hg_row_shape(TupleDesc desc, HgRowShape *shape)
{
	Size		most = MAXALIGN(SizeofHeapTupleHeader + BITMAPLEN(desc->natts));
	int			i;

	memset(shape, 0, sizeof(HgRowShape));
	if (desc->natts > HG_PACK_COLUMNS)
		return;
	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		int			align = 1;

		/* what has a length of its own is to be NULL */
		if (att->attisdropped || att->attlen < 0)
			continue;
		if (att->attbyval)
		{
			if (att->attlen != 1 && att->attlen != 4 && att->attlen != 8)
				return;
			align = att->attlen;
		}
		else if (att->attlen > MAX_LENGTH)
			return;
		if (att->attalign != (align == 8 ? TYPALIGN_DOUBLE :
							  align == 4 ? TYPALIGN_INT : TYPALIGN_CHAR))
			return;
		shape->lengths[i] = (int8) att->attlen;
		shape->by_value[i] = att->attbyval;
		most += att->attlen + align - 1;
	}
	shape->natts = desc->natts;
	shape->most = MAXALIGN(most);
}

bool
hg_row_pack(const HgRowShape *shape, const Datum *values, const bool *nulls,
			HeapTuple tuple, void *space)
{
	HeapTupleHeader header = space;
	uint32		bits = 0;
	Size		offset;
	int			i;

	if (shape->natts == 0)
		return false;
	for (i = 0; i < shape->natts; i++)
	{
		if (nulls[i])
			continue;
		if (shape->lengths[i] == 0)
			return false;
		bits |= (uint32) 1 << i;
	}
	memset(space, 0, shape->most);
	offset = SizeofHeapTupleHeader;
	if (bits != (uint32) (((uint64) 1 << shape->natts) - 1))
	{
		header->t_infomask = HEAP_HASNULL;
		for (i = 0; i < (int) BITMAPLEN(shape->natts); i++)
			header->t_bits[i] = (bits8) (bits >> (8 * i));
		offset += BITMAPLEN(shape->natts);
	}
	offset = MAXALIGN(offset);
	header->t_hoff = (uint8) offset;
	for (i = 0; i < shape->natts; i++)
	{
		char	   *at;

		if (nulls[i])
			continue;
		switch (shape->by_value[i] ? shape->lengths[i] : 0)
		{
			case 8:
				offset = TYPEALIGN(8, offset);
				memcpy((char *) space + offset, &values[i], 8);
				offset += 8;
				break;
			case 4:
				offset = TYPEALIGN(4, offset);
				at = (char *) space + offset;
				*(int32 *) at = DatumGetInt32(values[i]);
				offset += 4;
				break;
			case 1:
				at = (char *) space + offset;
				*at = DatumGetChar(values[i]);
				offset++;
				break;
			default:
				memcpy((char *) space + offset, DatumGetPointer(values[i]),
					   shape->lengths[i]);
				offset += shape->lengths[i];
				break;
		}
	}
	Assert(offset <= shape->most);
	HeapTupleHeaderSetNatts(header, shape->natts);
	ItemPointerSetInvalid(&header->t_ctid);
	tuple->t_len = (uint32) offset;
	ItemPointerSetInvalid(&tuple->t_self);
	tuple->t_tableOid = InvalidOid;
	tuple->t_data = header;
	return true;
}

void
hg_row_set_last(const HgRowShape *shape, HeapTuple tuple, bool value)
{
	int			last = shape->natts - 1;

	Assert(tuple->t_len < shape->most);
	Assert(shape->by_value[last] && shape->lengths[last] == 1);
	Assert(att_isnull(last, tuple->t_data->t_bits));
	tuple->t_data->t_bits[last / 8] |= (bits8) (1 << (last % 8));
	((char *) tuple->t_data)[tuple->t_len++] = value;
}
