/*-------------------------------------------------------------------------
 *
 * stmt.h
 *	  The statement being run: its frame, its facts, its event.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_STMT_H
#define HG_STMT_H

#include "guard/limits.h"
#include "guard/written.h"
#include "record/event.h"
#include "server/stamp.h"

typedef enum HgFrameKind
{
	HG_FRAME_PLANNER,
	HG_FRAME_UTILITY,
	HG_FRAME_RUN,
	HG_FRAME_FUNCTION			/* user function, from fmgr_hook */
} HgFrameKind;

/*
 * One recorded statement.  Lives in its own context, whose deletion records
 * what nobody has recorded yet: an error, a closed cursor, a dropped portal.
 */
typedef struct HgStmt
{
	MemoryContext context;
	MemoryContextCallback on_delete;
	MemoryContextCallback on_facts_delete;
	HgEvent		event;
	HgFacts    *facts;			/* own facts, or kept->facts */
	HgKeptFacts *kept;			/* pinned, or NULL */
	HgLineageTarget *into;		/* utility: where its query's rows go */
	struct HgStmt *owner;		/* utility whose event this joins, or NULL */
	struct HgStmt *inners;		/* utility: queries that join its event */
	struct HgStmt *next_inner;
	bool		audited;		/* push the event */
	bool		pushed;
	bool		approved;		/* a ticket was consumed */
	bool		judged;			/* rules were asked about it */
	struct HgReach *reach;		/* rows it changes, or NULL; executor's */
	uint64		generation;		/* when it started, see hg_govern_resume */
	char	   *policy_version;
	bool		to_client;		/* its rows go to the client directly */
	HgTally		tally;			/* what it has used of its limits */
	bool		owns_query;		/* utility: see hg_utility_owns_query */
	PlannedStmt *utility;		/* what it is, while it runs; else NULL */
	int64		max_rows;		/* rows the approver allowed, -1 any */
	HgBound    *bound;			/* what it was approved for, or NULL */
	bool		rehearsed;		/* it is being rehearsed */
	int			next;			/* these two: see hg_failure_seen() */
	bool		ends;
	char		approval_id[40];
} HgStmt;

/* A larger one takes a second block of its context's memory. */
StaticAssertDecl(sizeof(HgStmt) <= 512, "HgStmt is too large");

typedef struct HgFrame
{
	HgFrameKind kind;
	HgStmt	   *stmt;			/* NULL: nothing recorded */
	int64		event_id;		/* of the statement, known before it has one */
	Oid			function;
	bool		late;			/* outermost, in a trigger: a commit fires it */
	bool		trusted;
	bool		in_check;		/* called from within a foreign key's query */
	bool		real;			/* called where code sees real values: then */
	bool		trigger;		/* is it a trigger function, */
	bool		own;			/* is it a governed role's, or trusted? */
	bool		fed;			/* real values may be among its arguments */
} HgFrame;

/* Depth of the frame stack; callers restore it on error and return. */
extern int	hg_frame_depth(void);
extern void hg_frame_reset(int depth);
extern void hg_frame_push(HgFrameKind kind, HgStmt *stmt, int64 event_id);
extern void hg_frame_push_function(Oid function, bool trusted, bool fed);

/* The function returned or failed: drop its frame and all above it. */
extern void hg_frame_pop_function(Oid function);

/* Event of the outermost statement, 0 when there is none. */
extern int64 hg_frame_bottom_event(void);

/* Event id of the statement around, 0 if none, and how many there are. */
extern void hg_frame_parent(int64 *parent_id, int *level);

/* The frame with this index, counted from the outermost. */
extern HgFrame *hg_frame_at(int i);
/* Is there no query, function or planning around what runs now? */
extern bool hg_frame_only_utilities(void);

/* Innermost frame, or NULL. */
extern HgFrame *hg_frame_top(void);

/* Innermost frame that is not a planner call, or NULL. */
extern HgFrame *hg_frame_below_planner(void);

/* Is the code that plans or runs now inside a trusted function? */
extern bool hg_frame_trusted(void);

/* Does anything around what runs now see real values? */
extern bool hg_frame_fed(void);

/* Has a statement around this one been approved? */
extern bool hg_frame_approved(void);

/* Is a statement of this identity recorded? */
extern bool hg_stmt_is_audited(const HgIdentity *who);

/* Start recording one statement; context is a child of parent. */
extern HgStmt *hg_stmt_begin(MemoryContext parent, const HgIdentity *who,
							 bool audited, int64 event_id);

/*
 * Give the statement facts of its own, in a child context.  Children are
 * deleted before the statement's own callback runs, so the facts bring one.
 */
extern HgFacts *hg_stmt_make_facts(HgStmt *stmt);

/*
 * The utility statement whose event the query of this text, which is now
 * starting, joins, or NULL.
 */
extern HgStmt *hg_stmt_adopter(const char *source);

/* Let the inner query join the utility's event, and add its facts. */
extern void hg_stmt_adopt(HgStmt *utility, HgStmt *inner, bool lineage);

/*
 * Under hoopguard.audit_durability = strict, what the client sent is on disk
 * before it runs.  Records the statement as failed if that raises.
 */
extern void hg_stmt_intend(HgStmt *stmt, bool partial);

/* Record now; once.  sqlstate 0 = success.  Never raises if no_error. */
extern void hg_stmt_push(HgStmt *stmt, int sqlstate, bool no_error);

/* Who counts for this statement in an event: utility or query itself. */
extern HgStmt *hg_stmt_reported(HgStmt *stmt);

/* Does code see real values while the statement runs? See mask/mask_code.c. */
extern bool hg_stmt_real(const HgStmt *stmt);

/* Expressions of relations, not only triggers? */
extern bool hg_stmt_real_exprs(const HgStmt *stmt);

#endif							/* HG_STMT_H */
