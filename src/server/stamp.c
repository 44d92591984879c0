/*-------------------------------------------------------------------------
 *
 * stamp.c
 *	  Ties a plan to what was found out about its statement.
 *
 * A plan can be executed much later (prepared statements, cursors, cached
 * plans of functions), under another policy or another role.  So the plan
 * carries a stamp: the securityQuals of the first entry of the flat range
 * table, which nothing reads in a finished plan, hold a Const with HgStamp and
 * the query as it was before masking.  They are copied with the plan, saved
 * in the plan cache and freed with it; nothing else has to be told.  (A
 * reserved PlanInvalItem would survive too, but has no room for the query; an
 * entry of our own would make EXPLAIN qualify every column.)
 *
 * The facts themselves stay in a backend-local table, the least recently used
 * dropped beyond KEPT_MAX; they can always be made again from the query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/ilist.h"
#include "nodes/makefuncs.h"
#include "server/stamp.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define STAMP_MAGIC 0x48475354	/* "HGST" */

/*
 * Facts kept per backend.  A few kB each; an application with more distinct
 * prepared statements than this only pays for making facts again.
 */
#define KEPT_MAX 1024

static HTAB *kept_table = NULL;
static dlist_head kept_order = DLIST_STATIC_INIT(kept_order);
static uint32 next_id = 1;

void
hg_stamp_put(PlannedStmt *plan, const HgStamp *stamp, Query *query)
{
	RangeTblEntry *rte;
	bytea	   *body = palloc0(VARHDRSZ + sizeof(HgStamp));
	HgStamp		copy = *stamp;

	copy.magic = STAMP_MAGIC;
	SET_VARSIZE(body, VARHDRSZ + sizeof(HgStamp));
	memcpy(VARDATA(body), &copy, sizeof(HgStamp));

	if (plan->rtable == NIL)
	{
		rte = makeNode(RangeTblEntry);
		rte->rtekind = RTE_RESULT;
		rte->eref = makeAlias("*RESULT*", NIL);
		plan->rtable = list_make1(rte);
	}

	/* the entry is the planner's own flat copy */
	rte = linitial(plan->rtable);
	rte->securityQuals = list_make2(makeConst(BYTEAOID, -1, InvalidOid, -1,
											  PointerGetDatum(body),
											  false, false),
									query);
}

bool
hg_stamp_get(const PlannedStmt *plan, HgStamp *stamp, Query **query)
{
	List	   *quals;
	Const	   *body;

	if (plan->rtable == NIL)
		return false;
	quals = linitial_node(RangeTblEntry, plan->rtable)->securityQuals;
	if (list_length(quals) != 2 || !IsA(linitial(quals), Const) ||
		!IsA(lsecond(quals), Query))
		return false;
	body = linitial_node(Const, quals);
	if (body->consttype != BYTEAOID || body->constisnull ||
		VARSIZE_ANY_EXHDR(DatumGetPointer(body->constvalue)) != sizeof(HgStamp))
		return false;
	memcpy(stamp, VARDATA_ANY(DatumGetPointer(body->constvalue)),
		   sizeof(HgStamp));
	if (stamp->magic != STAMP_MAGIC)
		return false;
	*query = lsecond_node(Query, quals);
	return true;
}

static void
drop_kept(HgKeptFacts *kept)
{
	MemoryContext context = kept->facts->context;

	dlist_delete(&kept->node);
	hash_search(kept_table, &kept->id, HASH_REMOVE, NULL);
	MemoryContextDelete(context);
}

uint32
hg_stamp_keep(HgFacts *facts)
{
	HgKeptFacts *kept;
	uint32		id;
	bool		found;

	if (kept_table == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = sizeof(uint32);
		ctl.entrysize = sizeof(HgKeptFacts);
		kept_table = hash_create("hoopguard facts", 256, &ctl,
								 HASH_ELEM | HASH_BLOBS);
	}
	if (hash_get_num_entries(kept_table) >= KEPT_MAX)
	{
		dlist_mutable_iter iter;

		/* the head is the least recently used one */
		dlist_foreach_modify(iter, &kept_order)
		{
			kept = dlist_container(HgKeptFacts, node, iter.cur);
			if (kept->pins == 0)
			{
				drop_kept(kept);
				break;
			}
		}
	}

	do
	{
		id = next_id++;
		kept = hash_search(kept_table, &id, HASH_ENTER, &found);
	} while (found);
	kept->pins = 0;
	kept->facts = facts;
	dlist_push_tail(&kept_order, &kept->node);
	MemoryContextSetParent(facts->context, TopMemoryContext);
	return id;
}

HgKeptFacts *
hg_stamp_pin(uint32 id)
{
	HgKeptFacts *kept;

	if (kept_table == NULL)
		return NULL;
	kept = hash_search(kept_table, &id, HASH_FIND, NULL);
	if (kept == NULL)
		return NULL;
	kept->pins++;
	dlist_delete(&kept->node);
	dlist_push_tail(&kept_order, &kept->node);
	return kept;
}

void
hg_stamp_unpin(HgKeptFacts *kept)
{
	Assert(kept->pins > 0);
	kept->pins--;
}
