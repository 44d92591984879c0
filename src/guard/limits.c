/*-------------------------------------------------------------------------
 *
 * limits.c
 *	  Hard ceilings, counted while statements run.
 *
 * What the client sent is one statement, with all that runs inside it: the
 * outermost HgTally counts, for functions, triggers, cascades and cursors
 * too.  Every count is added to that tally, to the transaction, to the
 * session and to the windows of the limits that hold ("per hour", see
 * limits_window.c), and compared at once.  Counters are never given back: a
 * denial that PL code catches has still been used up.
 *
 * A ceiling of a transaction, session or window, once reached, dooms the
 * transaction: everything but ROLLBACK fails with the same error, COMMIT too.
 * Otherwise PL code could catch the error and commit what was done so far,
 * again and again.
 *
 * limits_watch.c finds the things to count, limits_time.c counts time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/report.h"
#include "base/retire.h"
#include "guard/limits_private.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Identities alternate when a SECURITY DEFINER function runs statements. */
#define ARMED_MAX 4

/* The ceiling that doomed the transaction. */
typedef struct Doom
{
	bool		is;
	bool		frozen;
	HgArmedLimit limit;
	int64		used;
	TimestampTz frees_at;
	char		reason[256];	/* of the freeze */
} Doom;

HgTally    *hg_limits_current = NULL;
int64		hg_limits_xact[HG_LIMIT_KINDS];
int64		hg_limits_session[HG_LIMIT_KINDS];

static Doom doom;
static HgArmed *armed_cache[ARMED_MAX]; /* last used first */

static const struct
{
	const char *name;			/* in hoopguard.limit_rule */
	const char *words;			/* in messages, after the number */
}			kinds[HG_LIMIT_KINDS] = {
	[HG_LIMIT_ROWS_WRITTEN] = {"rows_written", "rows written"},
	[HG_LIMIT_ROWS_RETURNED] = {"rows_returned", "rows returned"},
	[HG_LIMIT_BYTES_RETURNED] = {"bytes_returned", "bytes returned"},
	[HG_LIMIT_STATEMENTS] = {"statements", "statements"},
	[HG_LIMIT_PROBES] = {"probes", "probes of masked columns"},
	[HG_LIMIT_RUN_MS] = {"run_ms", "milliseconds of run time"},
};

const char *
hg_limits_kind_name(HgLimitKind kind)
{
	return kinds[kind].name;
}

Size
hg_limits_shmem_size(void)
{
	return hg_window_shmem_size();
}

void
hg_limits_shmem_init(bool found)
{
	hg_window_shmem_init();
}

/*
 * ---- refusals ----
 */

/* The next useful step; palloc'd or static. */
static const char *
advise(const HgArmedLimit *limit, TimestampTz frees_at)
{
	int64		value = limit->value / limit->scale;

	if (limit->span == HG_SPAN_WINDOW && limit->window == NULL)
		return "Ask a database administrator: every window of a limit is in use.";
	if (limit->span == HG_SPAN_WINDOW)
		return frees_at == 0 ?
			"Do less at once, or ask a database administrator for a higher limit." :
			psprintf("Do less at once, wait until %s, when the window begins to free up, or ask a database administrator for a higher limit.",
					 timestamptz_to_str(frees_at));
	if (limit->span == HG_SPAN_SESSION)
		return "Ask a database administrator for a higher limit; this session has used its own up.";
	if (value > 0)
		switch (limit->kind)
		{
			case HG_LIMIT_ROWS_WRITTEN:
				return psprintf(limit->span == HG_SPAN_STATEMENT ?
								"Split the work into batches of at most " INT64_FORMAT " rows, or ask a database administrator for a higher limit." :
								"Commit after at most " INT64_FORMAT " rows, or ask a database administrator for a higher limit.",
								value);
			case HG_LIMIT_ROWS_RETURNED:
				return psprintf("Add a condition, an aggregate or LIMIT " INT64_FORMAT ", or ask a database administrator for a higher limit.",
								value);
			case HG_LIMIT_BYTES_RETURNED:
				return "Select fewer columns or rows, or ask a database administrator for a higher limit.";
			case HG_LIMIT_STATEMENTS:
				return "Do the work with fewer statements, or in several transactions.";
			case HG_LIMIT_PROBES:
				return "Look up fewer values of masked columns, or use a column that is not masked.";
			case HG_LIMIT_RUN_MS:
				return "Restrict the rows that the statement works on, or ask a database administrator for a higher limit.";
			case HG_LIMIT_KINDS:
				break;
		}
	return "Ask a database administrator for a higher limit.";
}

pg_noreturn static void
raise_limit(const HgArmedLimit *limit, int64 used, TimestampTz frees_at)
{
	HgRefusal	refusal = {.verdict = "limit",.builtin = "limit"};
	int64		value = limit->value / limit->scale;
	StringInfoData more;

	initStringInfo(&more);
	appendStringInfo(&more, "\"limit\": %d, \"kind\": \"%s\", \"value\": "
					 INT64_FORMAT ", \"per\": %s, \"used\": " INT64_FORMAT,
					 limit->id, kinds[limit->kind].name, value,
					 hg_report_quote(limit->per), used / limit->scale);
	if (frees_at != 0)
		appendStringInfo(&more, ", \"until\": \"%s\"",
						 timestamptz_to_str(frees_at));
	refusal.extra_json = more.data;
	ereport(ERROR,
			(errcode(HG_ERRCODE_LIMIT),
			 errmsg("limit of " INT64_FORMAT " %s per %s reached", value,
					kinds[limit->kind].words, limit->per),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 errhint("%s", advise(limit, frees_at))));
}

void
hg_limits_check_doomed(void)
{
	HgRefusal	refusal = {.verdict = "deny",.builtin = "frozen"};

	if (!doom.is)
		return;
	if (!doom.frozen)
		raise_limit(&doom.limit, doom.used, doom.frees_at);
	refusal.reason = doom.reason;
	ereport(ERROR,
			(errcode(HG_ERRCODE_FROZEN),
			 errmsg("this subject is frozen: %s", doom.reason),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 errhint("Roll the transaction back.")));
}

void
hg_limits_doom_frozen(const char *reason)
{
	if (doom.is)
		return;
	doom.is = true;
	doom.frozen = true;
	strlcpy(doom.reason, reason ? reason : "no reason given",
			sizeof(doom.reason));
}

void
hg_limits_transaction_end(void)
{
	memset(hg_limits_xact, 0, sizeof(hg_limits_xact));
	doom.is = false;
	doom.frozen = false;
}

void
hg_limits_reached(HgTally *tally, const HgArmedLimit *limit, int64 used)
{
	TimestampTz frees_at = 0;

	if (limit->soft)
	{
		for (int i = 0; i < tally->nwarned; i++)
			if (tally->warned[i] == limit->id)
				return;
		if (tally->nwarned == HG_WARNED_MAX)
			return;
		tally->warned[tally->nwarned++] = limit->id;
		if (limit->warn)
			ereport(WARNING,
					(errcode(ERRCODE_WARNING),
					 errmsg("limit of " INT64_FORMAT " %s per %s passed",
							limit->value / limit->scale,
							kinds[limit->kind].words, limit->per)));
		else
			tally->observed = true;
		return;
	}

	if (limit->window != NULL)
		frees_at = hg_window_frees_at(limit->window);
	if (limit->span != HG_SPAN_STATEMENT && !doom.is)
	{
		doom.is = true;
		doom.frozen = false;
		doom.limit = *limit;
		doom.used = used;
		doom.frees_at = frees_at;
	}
	raise_limit(limit, used, frees_at);
}

/*
 * ---- counting ----
 */

/* In a rehearsal: used so far, if what it has used counted. */
static int64
dry_used(const HgTally *tally, const HgArmedLimit *limit, HgLimitKind kind)
{
	switch (limit->span)
	{
		case HG_SPAN_STATEMENT:
			return tally->used[kind] +
				(tally->around ? tally->around->used[kind] : 0);
		case HG_SPAN_TRANSACTION:
			return tally->used[kind] + hg_limits_xact[kind];
		case HG_SPAN_SESSION:
			return tally->used[kind] + hg_limits_session[kind];
		case HG_SPAN_WINDOW:
			break;
	}
	return limit->window == NULL ? limit->value + 1 :
		tally->used[kind] + hg_window_used(limit->window);
}

static void
add_dry(HgTally *tally, const HgArmed *armed, HgLimitKind kind, int64 n)
{
	tally->used[kind] += n;
	if (armed == NULL)
		return;
	for (int i = armed->first[kind]; i < armed->first[kind + 1]; i++)
	{
		const HgArmedLimit *limit = &armed->limits[i];
		int64		used = dry_used(tally, limit, kind);

		if (used > limit->value && !limit->soft)
			raise_limit(limit, used, 0);
	}
}

HgTally *
hg_limits_dry_begin(HgTally *dry, const HgPolicy *policy)
{
	HgTally    *outer = hg_limits_current;

	memset(dry, 0, sizeof(*dry));
	dry->armed = hg_limits_armed(policy);
	dry->dry = true;
	dry->around = outer;
	hg_limits_current = dry;
	return outer;
}

void
hg_limits_dry_end(HgTally *outer)
{
	hg_limits_current = outer;
}

int64
hg_limits_time_left(const HgPolicy *policy)
{
	static const HgTally nothing;
	const HgArmed *armed = hg_limits_armed(policy);
	int64		left = -1;

	if (armed == NULL)
		return -1;
	for (int i = armed->first[HG_LIMIT_RUN_MS];
		 i < armed->first[HG_LIMIT_RUN_MS + 1]; i++)
	{
		const HgArmedLimit *limit = &armed->limits[i];
		int64		rest;

		if (limit->soft)
			continue;
		rest = Max(0, limit->value -
				   dry_used(&nothing, limit, HG_LIMIT_RUN_MS));
		if (left < 0 || rest < left)
			left = rest;
	}
	return left;
}

void
hg_limits_add(HgTally *tally, const HgArmed *armed, HgLimitKind kind, int64 n)
{
	if (tally->dry)
	{
		add_dry(tally, armed, kind, n);
		return;
	}
	tally->used[kind] += n;
	hg_limits_xact[kind] += n;
	hg_limits_session[kind] += n;
	if (armed == NULL)
		return;
	for (int i = armed->first[kind]; i < armed->first[kind + 1]; i++)
	{
		const HgArmedLimit *limit = &armed->limits[i];
		int64		used = 0;

		switch (limit->span)
		{
			case HG_SPAN_STATEMENT:
				used = tally->used[kind];
				break;
			case HG_SPAN_TRANSACTION:
				used = hg_limits_xact[kind];
				break;
			case HG_SPAN_SESSION:
				used = hg_limits_session[kind];
				break;
			case HG_SPAN_WINDOW:
				if (limit->window == NULL)
					used = limit->value + 1;
				else if (!hg_window_add(limit->window, n, limit->value,
										limit->soft, &used))
					tally->used[kind] -= n; /* the record is to agree */
				break;
		}
		if (used > limit->value)
			hg_limits_reached(tally, limit, used);
	}
}

void
hg_limits_count(HgLimitKind kind, int64 n)
{
	if (hg_limits_current != NULL && n > 0)
		hg_limits_add(hg_limits_current, hg_limits_current->armed, kind, n);
}

void
hg_limits_count_for(HgTally *tally, HgLimitKind kind, int64 n)
{
	if (n > 0)
		hg_limits_add(hg_limits_current ? hg_limits_current : tally,
					  tally->armed, kind, n);
}

/*
 * ---- the limits of a policy ----
 */

static void
release_armed(void *arg)
{
	HgArmed    *armed = arg;

	for (int i = 0; i < armed->first[HG_LIMIT_KINDS]; i++)
		if (armed->limits[i].window != NULL)
			hg_window_unpin(armed->limits[i].window);
}

static HgSpan
span_of(const HgLimit *limit)
{
	if (limit->window_s > 0)
		return HG_SPAN_WINDOW;
	if (strcmp(limit->per, "transaction") == 0)
		return HG_SPAN_TRANSACTION;
	if (strcmp(limit->per, "session") == 0)
		return HG_SPAN_SESSION;
	return HG_SPAN_STATEMENT;
}

/* Does a limit of the policy hold?  An exemption would say no here. */
static bool
holds(const HgPolicy *policy, const HgLimit *limit)
{
	return policy->mode != HG_MODE_OFF;
}

static HgArmed *
make_armed(const HgPolicy *policy)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "hoopguard limits",
												  ALLOCSET_SMALL_SIZES);
	HgArmed    *armed;
	int			n = 0;

	armed = MemoryContextAllocZero(context, offsetof(HgArmed, limits) +
								   list_length(policy->limits) *
								   sizeof(HgArmedLimit));
	armed->context = context;
	armed->policy = policy;
	armed->generation = policy->generation;
	armed->on_delete.func = release_armed;
	armed->on_delete.arg = armed;
	MemoryContextRegisterResetCallback(context, &armed->on_delete);

	for (int kind = 0; kind < HG_LIMIT_KINDS; kind++)
	{
		ListCell   *lc;

		armed->first[kind] = n;
		foreach(lc, policy->limits)
		{
			const HgLimit *limit = lfirst(lc);
			HgArmedLimit *one = &armed->limits[n];

			if (strcmp(limit->kind, kinds[kind].name) != 0 ||
				!holds(policy, limit))
				continue;
			one->id = limit->id;
			one->kind = kind;
			one->span = span_of(limit);
			one->scale = kind == HG_LIMIT_RUN_MS ? 1000 : 1;
			one->value = limit->value > PG_INT64_MAX / one->scale ?
				PG_INT64_MAX : limit->value * one->scale;
			one->warn = limit->action != HG_DENY &&
				policy->mode == HG_MODE_ENFORCE;
			one->soft = limit->action != HG_DENY ||
				policy->mode != HG_MODE_ENFORCE;
			strlcpy(one->per, limit->per, sizeof(one->per));
			if (!one->soft)
				armed->strict[kind] = true;
			if (one->span == HG_SPAN_WINDOW)
				one->window = hg_window_pin(limit, kind);
			n++;

			/* what is pinned so far is let go if the next pin fails */
			for (int k = kind + 1; k <= HG_LIMIT_KINDS; k++)
				armed->first[k] = n;
		}
	}
	armed->first[HG_LIMIT_KINDS] = n;
	return armed;
}

const HgArmed *
hg_limits_armed(const HgPolicy *policy)
{
	HgArmed    *armed;

	if (policy == NULL || policy->limits == NIL)
		return NULL;
	for (int i = 0; i < ARMED_MAX; i++)
	{
		armed = armed_cache[i];
		if (armed == NULL)
			break;
		if (armed->policy == policy && armed->generation == policy->generation)
		{
			if (i > 0)
			{
				memmove(&armed_cache[1], &armed_cache[0],
						i * sizeof(HgArmed *));
				armed_cache[0] = armed;
			}
			return armed;
		}
	}

	armed = make_armed(policy);
	MemoryContextSetParent(armed->context, TopMemoryContext);
	if (armed_cache[ARMED_MAX - 1] != NULL)
		hg_retire_context(armed_cache[ARMED_MAX - 1]->context);
	memmove(&armed_cache[1], &armed_cache[0],
			(ARMED_MAX - 1) * sizeof(HgArmed *));
	armed_cache[0] = armed;
	return armed;
}

/*
 * ---- statements ----
 */

void
hg_limits_begin(HgTally *tally, const HgPolicy *policy)
{
	if (policy == NULL)
		return;
	tally->armed = hg_limits_armed(policy);
}

HgTally *
hg_limits_outer(void)
{
	return hg_limits_current;
}

void
hg_limits_enter(HgTally *tally)
{
	if (hg_limits_current != NULL)
		return;
	hg_limits_current = tally;
	hg_limits_clock_start(tally);
}

void
hg_limits_leave(HgTally *outer)
{
	if (outer == NULL && hg_limits_current != NULL)
		hg_limits_clock_stop(hg_limits_current);
	hg_limits_current = outer;
}
