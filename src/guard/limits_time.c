/*-------------------------------------------------------------------------
 *
 * limits_time.c
 *	  run_ms: time that statements run, stopped while they do.
 *
 * The time of the outermost statement is reserved in slices, before it is
 * spent, so that the sessions of a subject together stay within a window.  A
 * timer of the server's timeout module ends each slice; its handler reserves
 * the next one, which takes atomic operations only.  What a statement has
 * reserved and not spent is given back.
 *
 * When nothing is left the handler asks for a query cancel, because that
 * interrupts everything that can be interrupted and is not caught by WHEN
 * OTHERS.  At the outermost level the cancel's error is replaced by HG004.
 * PL code that catches query_canceled by name is cancelled again and again,
 * and in the end loses its connection.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "guard/limits_private.h"
#include "miscadmin.h"
#include "utils/elog.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

/* Windows are shared, so nobody takes much of them ahead. */
#define SLICE_US (100 * 1000)

/* Without a window one slice does; not longer than a timer can be set. */
#define LONG_SLICE_US (INT64CONST(3600) * 1000 * 1000)

#define INSIST_MS 100			/* between cancels of one that goes on */
#define INSIST_TIMES 20			/* ... before the connection ends */

static TimeoutId timeout_id = MAX_TIMEOUTS; /* not registered */

/* Read and written by the signal handler while running. */
static volatile bool running = false;
static HgTally *volatile clock_tally = NULL;
static volatile TimestampTz reserved_until = 0;
static const HgArmedLimit *volatile ended_by = NULL;
static volatile int64 ended_used = 0;
static const HgArmedLimit *volatile passed = NULL;	/* soft limit */
static volatile int64 passed_used = 0;
static volatile int insisted = 0;

static int64 *
counter_of(HgTally *tally, HgSpan span)
{
	switch (span)
	{
		case HG_SPAN_STATEMENT:
			return &tally->used[HG_LIMIT_RUN_MS];
		case HG_SPAN_TRANSACTION:
			return &hg_limits_xact[HG_LIMIT_RUN_MS];
		case HG_SPAN_SESSION:
			return &hg_limits_session[HG_LIMIT_RUN_MS];
		case HG_SPAN_WINDOW:
			break;
	}
	return NULL;
}

/*
 * Reserve the next slice.  False if not a moment is left: ended_by says why.
 * No locks, no memory, no errors: runs in a signal handler too.
 */
static bool
reserve(TimestampTz from)
{
	HgTally    *tally = clock_tally;
	const HgArmed *armed = tally->armed;
	int			first = armed->first[HG_LIMIT_RUN_MS];
	int			end = armed->first[HG_LIMIT_RUN_MS + 1];
	int64		slice = LONG_SLICE_US;

	for (int i = first; i < end; i++)
	{
		const HgArmedLimit *limit = &armed->limits[i];
		int64		used;
		int64		left;

		if (limit->span == HG_SPAN_WINDOW)
		{
			used = limit->window ? hg_window_used(limit->window) :
				limit->value;
			slice = Min(slice, SLICE_US);
		}
		else
			used = *counter_of(tally, limit->span);
		left = limit->value - used;
		if (left <= 0)
		{
			if (!limit->soft)
			{
				ended_by = limit;
				ended_used = used;
				return false;
			}
			if (passed == NULL)
			{
				passed = limit;
				passed_used = used;
			}
			continue;
		}
		slice = Min(slice, left);
	}

	/* another session may have been faster: then with what is left now */
	for (int i = first; i < end; i++)
	{
		const HgArmedLimit *limit = &armed->limits[i];
		int64		used;

		if (limit->window == NULL ||
			hg_window_add(limit->window, slice, limit->value, limit->soft,
						  &used))
			continue;
		for (int j = first; j < i; j++)
			if (armed->limits[j].window != NULL)
				hg_window_give_back(armed->limits[j].window, slice);
		ended_by = limit;
		ended_used = used;
		return false;
	}
	tally->used[HG_LIMIT_RUN_MS] += slice;
	hg_limits_xact[HG_LIMIT_RUN_MS] += slice;
	hg_limits_session[HG_LIMIT_RUN_MS] += slice;
	reserved_until = from + slice;
	return true;
}

static void
on_timeout(void)
{
	if (!running)
		return;
	if (ended_by == NULL)
	{
		TimestampTz now = GetCurrentTimestamp();

		while (reserved_until <= now && reserve(reserved_until))
			;
		if (ended_by == NULL)
		{
			enable_timeout_at(timeout_id, reserved_until);
			return;
		}
	}

	/* used up */
	InterruptPending = true;
	if (insisted++ < INSIST_TIMES)
	{
		QueryCancelPending = true;
		enable_timeout_after(timeout_id, INSIST_MS);
	}
	else
		ProcDiePending = true;
}

void
hg_limits_clock_start(HgTally *tally)
{
	const HgArmed *armed = tally->armed;

	ended_by = NULL;
	passed = NULL;
	if (armed == NULL ||
		armed->first[HG_LIMIT_RUN_MS] == armed->first[HG_LIMIT_RUN_MS + 1])
		return;
	if (timeout_id == MAX_TIMEOUTS)
		timeout_id = RegisterTimeout(USER_TIMEOUT, on_timeout);
	insisted = 0;
	clock_tally = tally;
	if (!reserve(GetCurrentTimestamp()))
		hg_limits_raise_time();
	running = true;
	enable_timeout_at(timeout_id, reserved_until);
}

void
hg_limits_clock_stop(HgTally *tally)
{
	const HgArmed *armed = tally->armed;
	int64		unused;

	if (!running)
		return;
	running = false;
	disable_timeout(timeout_id, false);
	clock_tally = NULL;

	unused = reserved_until - GetCurrentTimestamp();
	if (unused <= 0)
		return;
	tally->used[HG_LIMIT_RUN_MS] -= unused;
	hg_limits_xact[HG_LIMIT_RUN_MS] =
		Max(0, hg_limits_xact[HG_LIMIT_RUN_MS] - unused);
	hg_limits_session[HG_LIMIT_RUN_MS] -= unused;
	for (int i = armed->first[HG_LIMIT_RUN_MS];
		 i < armed->first[HG_LIMIT_RUN_MS + 1]; i++)
		if (armed->limits[i].window != NULL)
			hg_window_give_back(armed->limits[i].window, unused);
}

void
hg_limits_check_time(const HgTally *outer)
{
	HgTally    *tally = hg_limits_current;

	if (!running || outer != NULL)
		return;
	if (passed != NULL)
	{
		const HgArmedLimit *limit = passed;

		passed = NULL;
		hg_limits_reached(tally, limit, passed_used);
	}
	if (ended_by != NULL)
		hg_limits_raise_time();
}

bool
hg_limits_timed_out(void)
{
	return ended_by != NULL && geterrcode() == ERRCODE_QUERY_CANCELED;
}

void
hg_limits_raise_time(void)
{
	HgTally		nothing = {0};
	const HgArmedLimit *limit = ended_by;

	Assert(limit != NULL);
	ended_by = NULL;
	QueryCancelPending = false;
	hg_limits_reached(&nothing, limit, ended_used);
	pg_unreachable();
}
