/*-------------------------------------------------------------------------
 *
 * retire.h
 *	  Lets go of cached answers that a statement may still be reading.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_RETIRE_H
#define HG_RETIRE_H

#include "utils/palloc.h"

/*
 * Delete a cache's memory context once no running statement can hold a
 * pointer into it.  The context must be a child of TopMemoryContext or have
 * no other owner; the caller forgets it.
 */
extern void hg_retire_context(MemoryContext context);

#endif							/* HG_RETIRE_H */
