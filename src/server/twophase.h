/*-------------------------------------------------------------------------
 *
 * twophase.h
 *	  Which transaction COMMIT PREPARED is about.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_TWOPHASE_H
#define HG_TWOPHASE_H

#include "nodes/nodes.h"

/* Is it COMMIT PREPARED or ROLLBACK PREPARED? */
extern bool hg_twophase_ends(Node *utility);

/*
 * Full id of the prepared transaction of this name, in this database; 0 if
 * there is none or nobody records what it did.
 */
extern uint64 hg_twophase_xid(const char *gid);

#endif							/* HG_TWOPHASE_H */
