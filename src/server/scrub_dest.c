/*-------------------------------------------------------------------------
 *
 * scrub_dest.c
 *	  Scrubs result rows on their way to the client.
 *
 * A destination is wrapped by one that scrubs each row and hands it on.  That
 * is done where rows leave for the client: at the executor's run of a
 * statement of the client (COPY and the query of a cursor among them), and at
 * a utility statement, whose rows (FETCH, EXECUTE, CALL, SHOW, EXPLAIN) do not
 * all pass the executor.  Rows that a function reads are its own affair; what
 * it returns passes here later.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "mask/scrub.h"
#include "mask/scrub_text.h"
#include "policy/policy.h"
#include "server/scrub_dest.h"
#include "server/wire.h"
#include "utils/memutils.h"

typedef struct ScrubReceiver
{
	DestReceiver pub;
	DestReceiver *next;
	HgEvent    *event;			/* where replacements are counted, or NULL */
	int			ncolumns;
	bool	   *look;			/* columns whose values are looked at */
	HgMasker  **maskers;		/* theirs; NULL: becomes NULL */
	TupleTableSlot *slot;
	MemoryContext owner;		/* holds all of this */
	MemoryContext row;			/* reset for each row */
} ScrubReceiver;

static void
scrub_startup(DestReceiver *self, int operation, TupleDesc desc)
{
	ScrubReceiver *receiver = (ScrubReceiver *) self;
	MemoryContext old = MemoryContextSwitchTo(receiver->owner);

	receiver->ncolumns = 0;
	receiver->look = palloc0(Max(desc->natts, 1) * sizeof(bool));
	receiver->maskers = palloc0(Max(desc->natts, 1) * sizeof(HgMasker *));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped || hg_scrub_harmless(att->atttypid))
			continue;
		receiver->look[i] = true;
		receiver->maskers[i] = hg_scrub_masker(att->atttypid, att->atttypmod,
											   NameStr(att->attname));
		receiver->ncolumns = i + 1;
	}
	MemoryContextSwitchTo(old);
	if (receiver->ncolumns > 0)
		hg_wire_gather();
	receiver->next->rStartup(receiver->next, operation, desc);
}

static bool
scrub_receive(TupleTableSlot *slot, DestReceiver *self)
{
	ScrubReceiver *receiver = (ScrubReceiver *) self;
	TupleTableSlot *out = receiver->slot;
	TupleDesc	desc = slot->tts_tupleDescriptor;
	MemoryContext old;
	int64		before = hg_scrub_replaced;

	if (receiver->ncolumns == 0)
		return receiver->next->receiveSlot(slot, receiver->next);

	/* always the same slot for the next receiver, which may remember it */
	if (out == NULL || out->tts_tupleDescriptor != desc)
	{
		old = MemoryContextSwitchTo(receiver->owner);
		if (out != NULL)
			ExecDropSingleTupleTableSlot(out);
		out = receiver->slot = MakeSingleTupleTableSlot(desc,
														&TTSOpsVirtual);
		MemoryContextSwitchTo(old);
	}
	MemoryContextReset(receiver->row);
	old = MemoryContextSwitchTo(receiver->row);
	slot_getallattrs(slot);
	ExecClearTuple(out);
	memcpy(out->tts_values, slot->tts_values, desc->natts * sizeof(Datum));
	memcpy(out->tts_isnull, slot->tts_isnull, desc->natts * sizeof(bool));
	for (int i = 0; i < Min(receiver->ncolumns, desc->natts); i++)
		if (receiver->look[i] && !out->tts_isnull[i])
			out->tts_isnull[i] = !hg_masker_apply(receiver->maskers[i],
												  out->tts_values[i],
												  &out->tts_values[i]);
	ExecStoreVirtualTuple(out);
	MemoryContextSwitchTo(old);
	if (receiver->event != NULL)
		receiver->event->scrubbed += hg_scrub_replaced - before;
	return receiver->next->receiveSlot(out, receiver->next);
}

static void
scrub_shutdown(DestReceiver *self)
{
	ScrubReceiver *receiver = (ScrubReceiver *) self;

	if (receiver->slot != NULL)
		ExecDropSingleTupleTableSlot(receiver->slot);
	receiver->slot = NULL;
	receiver->next->rShutdown(receiver->next);
	hg_wire_end_rows();
}

/* The memory goes with its context, the wrapped destination with its maker. */
static void
scrub_destroy(DestReceiver *self)
{
}

/* Do rows of this destination go to the client, now or later? */
static bool
reaches_client(const DestReceiver *dest)
{
	switch (dest->mydest)
	{
		case DestRemote:
		case DestRemoteExecute:
		case DestRemoteSimple:
		case DestDebug:
		case DestCopyOut:
		case DestTuplestore:	/* a portal's, to be fetched from */
			return true;
		default:
			return false;
	}
}

DestReceiver *
hg_scrub_dest(DestReceiver *dest, const HgIdentity *who, HgEvent *event)
{
	ScrubReceiver *receiver;
	MemoryContext owner;

	if (dest == NULL || !reaches_client(dest) ||
		dest->receiveSlot == scrub_receive)
		return dest;
	if (!hg_subject_scrubs(who) || !hg_frame_only_utilities())
		return dest;
	if (hg_policy_get(who)->mask_mode != HG_MODE_ENFORCE)
		return dest;

	owner = AllocSetContextCreate(CurrentMemoryContext, "hoopguard scrub",
								  ALLOCSET_DEFAULT_SIZES);
	receiver = MemoryContextAllocZero(owner, sizeof(ScrubReceiver));
	receiver->pub.receiveSlot = scrub_receive;
	receiver->pub.rStartup = scrub_startup;
	receiver->pub.rShutdown = scrub_shutdown;
	receiver->pub.rDestroy = scrub_destroy;
	receiver->pub.mydest = dest->mydest;
	receiver->next = dest;
	receiver->event = event;
	receiver->owner = owner;
	receiver->row = AllocSetContextCreate(owner, "hoopguard scrub row",
										  ALLOCSET_DEFAULT_SIZES);
	return (DestReceiver *) receiver;
}

void
hg_scrub_dest_done(DestReceiver *dest)
{
	if (dest != NULL && dest->receiveSlot == scrub_receive)
		MemoryContextDelete(((ScrubReceiver *) dest)->owner);
}
