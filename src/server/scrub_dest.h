/*-------------------------------------------------------------------------
 *
 * scrub_dest.h
 *	  Scrubs result rows on their way to the client.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_SCRUB_DEST_H
#define HG_SCRUB_DEST_H

#include "identity/subject.h"
#include "server/stmt.h"
#include "tcop/dest.h"

/*
 * The destination to use in the place of dest: itself, or one that scrubs for
 * a subject with scrub_output, in the current context, which must live as
 * long as dest is used.  Replacements are counted in event, if not NULL.
 */
extern DestReceiver *hg_scrub_dest(DestReceiver *dest, const HgIdentity *who,
								   HgEvent *event);

/* Free what hg_scrub_dest() made, if it made anything. */
extern void hg_scrub_dest_done(DestReceiver *dest);

#endif							/* HG_SCRUB_DEST_H */
