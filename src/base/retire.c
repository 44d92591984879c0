/*-------------------------------------------------------------------------
 *
 * retire.c
 *	  Lets go of cached answers that a statement may still be reading.
 *
 * An invalidation can make a cache obsolete while statements further up the
 * stack still point into it: a function folded during planning runs queries
 * of its own, and one of those may find the cache stale and build it anew.
 * So a replaced context is only put aside, and deleted when a transaction has
 * ended with no portal running.  A COMMIT inside CALL is not such a moment,
 * and a background worker, which has no portal, never tells; for workers the
 * youngest MAX_RETIRED contexts are kept instead.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/retire.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"

/* Deep enough for any nesting of statements that a worker may run. */
#define MAX_RETIRED 256

typedef struct Retired
{
	struct Retired *next;
	MemoryContext context;
} Retired;

static Retired *waiting = NULL; /* youngest first */
static Retired *ripe = NULL;	/* retired before the last idle moment */
static bool registered = false;

static void
delete_all(Retired **list)
{
	while (*list != NULL)
	{
		Retired    *head = *list;

		*list = head->next;
		MemoryContextDelete(head->context);
		pfree(head);
	}
}

/*
 * Other callbacks of the same transaction end may still look at what was
 * retired in it, so what is moved to "ripe" now goes at the next end.
 */
static void
on_xact(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			break;
		default:
			return;
	}
	if (ActivePortal != NULL || MyBackendType != B_BACKEND)
		return;
	delete_all(&ripe);
	ripe = waiting;
	waiting = NULL;
}

void
hg_retire_context(MemoryContext context)
{
	Retired    *entry;

	if (!registered)
	{
		RegisterXactCallback(on_xact, NULL);
		registered = true;
	}
	entry = MemoryContextAlloc(TopMemoryContext, sizeof(Retired));
	entry->context = context;
	entry->next = waiting;
	waiting = entry;

	if (MyBackendType != B_BACKEND)
	{
		int			n = 0;

		for (Retired *r = waiting; r != NULL; r = r->next)
			if (++n == MAX_RETIRED)
			{
				delete_all(&r->next);
				break;
			}
	}
}
