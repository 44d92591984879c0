/*-------------------------------------------------------------------------
 *
 * limits.c
 *	  Counts while rows flow.
 *
 * Every plan node that feeds a ModifyTable gets its ExecProcNodeReal
 * replaced, so a row is counted before it is written and the row over the
 * limit never is.  (ExecProcNode itself is overwritten by the node's first
 * call.)  Counters are never given back: a denial that PL code catches has
 * still been used up.
 *
 * Windows ("per hour") are counted in shared memory for all sessions of a
 * subject, by atomic addition before the row is written, so that the sum over
 * sessions cannot exceed the limit.  The table of windows is small and
 * searched under a lock, once per statement; counting takes none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/report.h"
#include "executor/executor.h"
#include "guard/limits.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

/* Windows counted at a time, over all databases, subjects and limits. */
#define WINDOWS_MAX 1024

typedef struct HgWindow
{
	/* protected by the lock, but for count */
	Oid			database;		/* InvalidOid: free */
	Oid			subject;
	int			limit_id;
	int64		start;			/* seconds since 2000, start of the window */
	pg_atomic_uint64 count;
} HgWindow;

/* One limit as it is counted for one executor run. */
typedef struct HgCounted
{
	int			id;
	int64		value;
	int64	   *local;			/* statement, transaction or session counter */
	HgWindow   *window;			/* or this */
	bool		dooms;			/* the transaction cannot go on */
	const char *per;
} HgCounted;

typedef struct HgCounter
{
	int			n;
	HgCounted	counted[FLEXIBLE_ARRAY_MEMBER];
} HgCounter;

/* A node whose rows are counted. */
typedef struct HgWatchedNode
{
	PlanState  *node;			/* hash key */
	ExecProcNodeMtd real;
	HgCounter  *counter;
} HgWatchedNode;

static HgWindow *windows = NULL;
static LWLock *windows_lock = NULL;
static HTAB *watched = NULL;
static int64 statement_rows = 0;
static int64 transaction_rows = 0;
static int64 session_rows = 0;
static bool doomed = false;

Size
hg_limits_shmem_size(void)
{
	return mul_size(WINDOWS_MAX, sizeof(HgWindow));
}

void
hg_limits_shmem_init(bool found_unused)
{
	bool		found;

	windows = ShmemInitStruct("hoopguard windows", hg_limits_shmem_size(),
							  &found);
	windows_lock = &(GetNamedLWLockTranche("hoopguard"))[1].lock;
	if (!found)
		for (int i = 0; i < WINDOWS_MAX; i++)
		{
			memset(&windows[i], 0, sizeof(HgWindow));
			pg_atomic_init_u64(&windows[i].count, 0);
		}
}

void
hg_limits_transaction_end(void)
{
	transaction_rows = 0;
	doomed = false;
}

pg_noreturn static void
raise_limit(const HgCounted *counted)
{
	HgRefusal	refusal = {.verdict = "limit",.builtin = "limit"};
	char		more[128];

	snprintf(more, sizeof(more),
			 "\"limit\": %d, \"kind\": \"rows_written\", \"value\": " INT64_FORMAT ", \"per\": ",
			 counted->id, counted->value);
	refusal.extra_json = psprintf("%s%s", more, hg_report_quote(counted->per));
	ereport(ERROR,
			(errcode(HG_ERRCODE_LIMIT),
			 errmsg("limit of " INT64_FORMAT " rows written per %s reached",
					counted->value, counted->per),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 counted->window ?
			 errhint("Wait until the window has passed, or ask for a higher limit.") :
			 errhint("Split the work into batches of fewer rows, or ask for a higher limit.")));
}

void
hg_limits_check_doomed(void)
{
	if (doomed)
	{
		HgRefusal	refusal = {.verdict = "limit",.builtin = "limit"};

		ereport(ERROR,
				(errcode(HG_ERRCODE_LIMIT),
				 errmsg("a limit was reached earlier in this transaction"),
				 errdetail_internal("%s", hg_report_json(&refusal)),
				 errhint("Roll the transaction back.")));
	}
}

static void
count_row(HgCounter *counter)
{
	statement_rows++;
	transaction_rows++;
	session_rows++;
	for (int i = 0; i < counter->n; i++)
	{
		HgCounted  *counted = &counter->counted[i];
		int64		now = counted->window ?
			(int64) pg_atomic_fetch_add_u64(&counted->window->count, 1) + 1 :
			*counted->local;

		if (now > counted->value)
		{
			if (counted->dooms)
				doomed = true;
			raise_limit(counted);
		}
	}
}

static TupleTableSlot *
counting_node(PlanState *node)
{
	HgWatchedNode *entry = hash_search(watched, &node, HASH_FIND, NULL);
	TupleTableSlot *slot;

	Assert(entry != NULL);
	slot = entry->real(node);
	if (!TupIsNull(slot))
		count_row(entry->counter);
	return slot;
}

static void
forget_node(void *arg)
{
	PlanState  *node = arg;

	hash_search(watched, &node, HASH_REMOVE, NULL);
}

static bool
watch_walker(PlanState *node, HgCounter *counter)
{
	if (node == NULL)
		return false;
	if (IsA(node, ModifyTableState) &&
		!bms_is_empty(((ModifyTable *) node->plan)->fdwDirectModifyPlans))
	{
		HgRefusal	refusal = {.verdict = "limit",.builtin = "limit"};

		/* the rows would be written elsewhere, out of sight */
		ereport(ERROR,
				(errcode(HG_ERRCODE_LIMIT),
				 errmsg("rows written to a foreign table at once cannot be counted"),
				 errdetail_internal("%s", hg_report_json(&refusal)),
				 errhint("Name the rows one by one, or ask for an allowance without a limit.")));
	}
	if (IsA(node, ModifyTableState) && outerPlanState(node) != NULL)
	{
		PlanState  *child = outerPlanState(node);
		HgWatchedNode *entry;
		MemoryContextCallback *callback;
		bool		found;

		callback = MemoryContextAllocZero(node->state->es_query_cxt,
										  sizeof(MemoryContextCallback));
		callback->func = forget_node;
		callback->arg = child;
		entry = hash_search(watched, &child, HASH_ENTER, &found);
		if (!found)
		{
			entry->real = child->ExecProcNodeReal;
			child->ExecProcNodeReal = counting_node;
			MemoryContextRegisterResetCallback(node->state->es_query_cxt,
											   callback);
		}
		entry->counter = counter;
	}
	return planstate_tree_walker(node, watch_walker, counter);
}

/*
 * The current window of a limit.  A window whose time has passed starts again
 * with zero.  NULL when the table is full of live ones: the caller refuses.
 */
static HgWindow *
find_window(const HgLimit *limit)
{
	int64		now = GetCurrentTimestamp() / USECS_PER_SEC;
	int64		start = now - now % limit->window_s;
	HgWindow   *free_one = NULL;
	HgWindow   *result = NULL;

	LWLockAcquire(windows_lock, LW_EXCLUSIVE);
	for (int i = 0; i < WINDOWS_MAX; i++)
	{
		HgWindow   *window = &windows[i];

		if (!OidIsValid(window->database) || window->start + 86400 * 31 < now)
		{
			if (free_one == NULL)
				free_one = window;
			continue;
		}
		if (window->database == MyDatabaseId &&
			window->subject == limit->subject && window->limit_id == limit->id)
		{
			result = window;
			break;
		}
	}
	if (result == NULL && free_one != NULL)
	{
		result = free_one;
		result->database = MyDatabaseId;
		result->subject = limit->subject;
		result->limit_id = limit->id;
		result->start = start;
		pg_atomic_write_u64(&result->count, 0);
	}
	else if (result != NULL && result->start != start)
	{
		result->start = start;
		pg_atomic_write_u64(&result->count, 0);
	}
	LWLockRelease(windows_lock);
	return result;
}

void
hg_limits_arm(QueryDesc *queryDesc, const HgPolicy *policy, int level)
{
	HgCounter  *counter;
	ListCell   *lc;

	if (level == 0)
		statement_rows = 0;
	if (policy->limits == NIL || policy->mode != HG_MODE_ENFORCE)
		return;
	if (queryDesc->operation == CMD_SELECT &&
		!queryDesc->plannedstmt->hasModifyingCTE)
		return;

	counter = MemoryContextAllocZero(queryDesc->estate->es_query_cxt,
									 offsetof(HgCounter, counted) +
									 list_length(policy->limits) * sizeof(HgCounted));
	foreach(lc, policy->limits)
	{
		const HgLimit *limit = lfirst(lc);
		HgCounted  *counted = &counter->counted[counter->n];

		if (strcmp(limit->kind, "rows_written") != 0 ||
			limit->action != HG_DENY)
			continue;
		counted->id = limit->id;
		counted->value = limit->value;
		counted->per = MemoryContextStrdup(queryDesc->estate->es_query_cxt,
										   limit->per);
		counted->dooms = strcmp(limit->per, "statement") != 0;
		if (strcmp(limit->per, "statement") == 0)
			counted->local = &statement_rows;
		else if (strcmp(limit->per, "transaction") == 0)
			counted->local = &transaction_rows;
		else if (strcmp(limit->per, "session") == 0)
			counted->local = &session_rows;
		else
		{
			counted->window = find_window(limit);
			if (counted->window == NULL)
				raise_limit(counted);
		}
		counter->n++;
	}
	if (counter->n == 0)
		return;

	if (watched == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = sizeof(PlanState *);
		ctl.entrysize = sizeof(HgWatchedNode);
		watched = hash_create("hoopguard counted nodes", 32, &ctl,
							  HASH_ELEM | HASH_BLOBS);
	}
	watch_walker(queryDesc->planstate, counter);
}
