/*-------------------------------------------------------------------------
 *
 * column_ref.h
 *	  A column by relation OID and number, as hoopguard's tables keep it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_COLUMN_REF_H
#define HG_COLUMN_REF_H

#include "access/attnum.h"

/* SQL type hoopguard.column_ref, passed like int8; 0 is no column. */
typedef int64 HgColumnRef;

#define HG_COLUMN_REF(relid, attnum) \
	((HgColumnRef) (((uint64) (relid) << 16) | (uint16) (attnum)))
#define HG_COLUMN_REF_RELID(ref) ((Oid) ((uint64) (ref) >> 16))
#define HG_COLUMN_REF_ATTNUM(ref) ((AttrNumber) ((ref) & 0xFFFF))

/* Name of the column, palloc'd; NULL when it was dropped or never was. */
extern char *hg_column_ref_name(HgColumnRef ref);

#endif							/* HG_COLUMN_REF_H */
