/*-------------------------------------------------------------------------
 *
 * outbox_send.h
 *	  The courier's part of the outbox.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_OUTBOX_SEND_H
#define HG_OUTBOX_SEND_H

#include "courier/http.h"
#include "courier/webhook_sign.h"
#include "storage/latch.h"

/* Take the place of a courier that died: what it had begun is sent again. */
extern void hg_outbox_send_attach(Latch *latch);
extern void hg_outbox_send_detach(void);

/*
 * Begin what is new.  secrets NULL: nothing can be signed, so nothing is
 * sent.
 */
extern void hg_outbox_send_new(const HgSecrets *secrets);

/* Is the finished request one of ours?  Then it is dealt with. */
extern bool hg_outbox_send_answered(const HgHttpResult *result,
									const HgSecrets *secrets);

#endif							/* HG_OUTBOX_SEND_H */
