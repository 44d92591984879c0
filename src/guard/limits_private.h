/*-------------------------------------------------------------------------
 *
 * limits_private.h
 *	  Shared by the files that count; nobody else includes it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_LIMITS_PRIVATE_H
#define HG_LIMITS_PRIVATE_H

#include "guard/limits.h"
#include "guard/limits_window.h"

typedef enum HgSpan
{
	HG_SPAN_STATEMENT,
	HG_SPAN_TRANSACTION,
	HG_SPAN_SESSION,
	HG_SPAN_WINDOW
} HgSpan;

/* One limit, ready to be counted against. */
typedef struct HgArmedLimit
{
	int			id;
	HgLimitKind kind;
	HgSpan		span;
	int64		value;			/* in the unit that is counted */
	int64		scale;			/* counted units in one of the limit's */
	HgWindow   *window;			/* HG_SPAN_WINDOW: pinned, or NULL: none free */
	bool		warn;			/* action warn */
	bool		soft;			/* warn or observe: never stops anything */
	char		per[64];
} HgArmedLimit;

/* The limits of a policy, by kind.  Retired with hg_retire_context(). */
struct HgArmed
{
	MemoryContext context;
	MemoryContextCallback on_delete;
	uint64		generation;
	const HgPolicy *policy;		/* to compare only */
	bool		strict[HG_LIMIT_KINDS]; /* a limit that stops is among them */
	int			first[HG_LIMIT_KINDS + 1];	/* where each kind begins */
	HgArmedLimit limits[FLEXIBLE_ARRAY_MEMBER];
};

/* The statement being counted, or NULL. */
extern HgTally *hg_limits_current;

/* Used so far in this transaction and session, by kind. */
extern int64 hg_limits_xact[HG_LIMIT_KINDS];
extern int64 hg_limits_session[HG_LIMIT_KINDS];

extern const char *hg_limits_kind_name(HgLimitKind kind);

/* Count for a tally against limits; HG004 at the ceiling. */
extern void hg_limits_add(HgTally *tally, const HgArmed *armed,
						  HgLimitKind kind, int64 n);

/* A limit is reached: note it or raise HG004.  used is a counted number. */
extern void hg_limits_reached(HgTally *tally, const HgArmedLimit *limit,
							  int64 used);

/* The limits of a policy, cached. */
extern const HgArmed *hg_limits_armed(const HgPolicy *policy);

/* run_ms: from the outermost statement's enter to its leave. */
extern void hg_limits_clock_start(HgTally *tally);
extern void hg_limits_clock_stop(HgTally *tally);

#endif							/* HG_LIMITS_PRIVATE_H */
