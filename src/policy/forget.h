/*-------------------------------------------------------------------------
 *
 * forget.h
 *	  What becomes of rows about columns when the columns come and go.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_FORGET_H
#define HG_FORGET_H

#include "access/attnum.h"

/*
 * A relation (attnum 0) or one of its columns is about to be dropped, in this
 * transaction.  Writes to hoopguard's tables; may raise.
 */
extern void hg_forget_column(Oid relid, AttrNumber attnum);

/*
 * A relation or a column may have been made or renamed: give the mask rules
 * that wait for a column of its name that column.  Writes, as above.
 */
extern void hg_forget_rebind(void);

#endif							/* HG_FORGET_H */
