/*-------------------------------------------------------------------------
 *
 * outbox.h
 *	  The queue of what is sent to HTTP sinks, and the table in shared memory
 *	  through which the recorders hand it to the courier.
 *
 * A recorder fills a parcel with messages for one sink, of which it makes no
 * other before it has the answer; the courier posts them one after the other
 * and stops at the first that is not acknowledged; the recorder notes how far
 * it came.  Parcels are lost with shared memory: the sink's position has not
 * moved, so the same is sent again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_OUTBOX_H
#define HG_OUTBOX_H

#include "datatype/timestamp.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#define HG_PARCEL_COUNT 8		/* under way at a time, over all databases */
#define HG_PARCEL_BODY (256 * 1024)
#define HG_PARCEL_MESSAGES 256
#define HG_PARCEL_URL 1024

typedef enum HgParcelState
{
	HG_PARCEL_FREE,
	HG_PARCEL_FILLING,			/* the recorder's; nobody else looks */
	HG_PARCEL_READY,
	HG_PARCEL_SENDING,			/* the courier's from here ... */
	HG_PARCEL_DONE				/* ... the answer is for the recorder */
} HgParcelState;

typedef struct HgMessage
{
	int			offset;			/* in the body */
	int			len;
	int			items;			/* of the queue, in this message */
	int64		item;			/* position of the first of them */
	char		id[80];			/* webhook-id */
} HgMessage;

typedef struct HgParcel
{
	/* under the table's lock */
	HgParcelState state;
	Oid			dboid;
	int			sink_id;
	int			acked;			/* messages acknowledged, in order */
	int			status;			/* HTTP, of the last; 0: no answer */
	TimestampTz done_at;
	char		error[256];		/* empty: all acknowledged */

	/* the filler's until READY, then constant */
	char		url[HG_PARCEL_URL];
	char		content_type[64];
	int64		upto;			/* position when all is acknowledged */
	int			nmessages;
	HgMessage	messages[HG_PARCEL_MESSAGES];
	int			body_len;
	char		body[HG_PARCEL_BODY];
} HgParcel;

typedef struct HgOutboxShared
{
	LWLock	   *lock;
	Latch	   *courier;		/* under lock; NULL: not running */
	HgParcel	parcels[HG_PARCEL_COUNT];
} HgOutboxShared;

/* NULL without shared memory (not preloaded). */
extern HgOutboxShared *hg_outbox;

/* Shared memory: from shmem.c only. */
extern Size hg_outbox_shmem_size(void);
extern void hg_outbox_shmem_init(LWLock *lock);

/*
 * What the recorder stores, in its order: between begin and end of a batch's
 * transaction, SPI connected.  Nothing is kept when there is no sink.
 */
extern void hg_outbox_begin(void);

extern void hg_outbox_event(int64 event_id, TimestampTz at, int64 session_id,
							int64 txn, bool failed);
extern void hg_outbox_outcome(int64 session_id, int64 txn);

/* Is there a sink that what is being stored is for? */
extern bool hg_outbox_wanted(void);
extern void hg_outbox_note(int64 note_id, TimestampTz at);
extern void hg_outbox_seal(int64 seal_id, TimestampTz at);
extern void hg_outbox_end(void);

/* A tick of the recorder, see recorder.h. */
extern long hg_outbox_tick(bool committed);

#endif							/* HG_OUTBOX_H */
