/*-------------------------------------------------------------------------
 *
 * event.h
 *	  Builds one event and hands it to this backend's lane.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_EVENT_H
#define HG_EVENT_H

#include "access/xlogdefs.h"
#include "datatype/timestamp.h"
#include "inspect/facts.h"
#include "record/lane.h"

/* One statement being recorded.  Filled by hooks.c, pushed once. */
typedef struct HgEvent
{
	int64		event_id;		/* from hg_event_next_id() */
	int64		parent_id;		/* 0: none */
	int			level;			/* 0 = sent by the client */
	TimestampTz at;				/* start */
	const HgFacts *facts;		/* may be NULL */
	HgCommand	command;
	const char *subject;		/* names: NULL when ungoverned */
	const char *session_role;
	const char *effective_role;
	const char *verdict;		/* static: allow warn approve deny error
								 * observe-deny ... */
	int			rule_id;
	const char *approval_id;	/* uuid text or NULL */
	int64		rows_returned;
	int64		rows_affected;
	int64		bytes_returned;
	int64		rows_written;	/* with triggers, cascades, WITH, COPY; of
								 * level 0, as limits count them */
	int64		probes;			/* of level 0: values compared with those of
								 * masked columns */
	int64		scrubbed;		/* values replaced on their way out */
	int64		duration_us;
	int			sqlstate;		/* 0 = success */
	uint32		xid;			/* 0 = none so far */
	const char *literals;		/* detail of a note about its values, or NULL:
								 * none, or pushed */
} HgEvent;

/* Unique over the cluster's life of shared memory and restarts. */
extern int64 hg_event_next_id(void);

/*
 * Push the event (and, the first time in this session, its statement with
 * edges and datasets).  Waits while the lane is full, HG008 after
 * hoopguard.audit_wait.  no_error: called on an error path, never raises:
 * what does not fit in time is counted as lost in status().  No catalog
 * access, no palloc in the caller's context.
 */
extern void hg_event_push(HgEvent *event, bool no_error);

/*
 * Push the note about the event's values now, if there is one and it was not
 * pushed yet; else it is pushed right before the event.
 */
extern void hg_event_push_literals(HgEvent *event, bool no_error);

/*
 * A new statement begins: an event that waits for the end of its transaction
 * does so no more.
 */
extern void hg_event_settle(void);

/*
 * hoopguard.audit_durability = strict: have on disk that the statement is
 * going to run.  The event follows under the same id; if it never does, the
 * intent becomes the event, with no SQLSTATE and no counts.  partial: facts
 * are not complete yet.  HG008.  Does nothing in other modes.
 */
extern void hg_event_push_intent(const HgEvent *event, bool partial);

/*
 * Sync and strict: wait until the transaction's events are on disk, or will be
 * with what comes next.  HG008, serves interrupts.
 */
extern void hg_event_wait_durable(HgLaneWait before);

/* The transaction of this session ended; from the xact callback. */
extern void hg_event_push_outcome(bool committed);

/* What has ended the session: an SQLSTATE, that of a shutdown if unknown. */
extern int	hg_event_session_end(void);

/*
 * The same at PREPARE TRANSACTION: the outcome is not known yet, the views
 * find it by transaction id.
 */
extern void hg_event_push_prepared(void);

/*
 * A prepared transaction, of whichever session, has been ended; never raises.
 * Its row names session 0, and xid for txn.
 */
extern void hg_event_push_resolved(uint64 xid, bool committed, XLogRecPtr lsn);

/*
 * A subtransaction begins, or is rolled back: what was begun in it did not
 * take effect, whatever becomes of the transaction.
 */
extern void hg_event_sub_start(void);
extern void hg_event_sub_abort(void);

/* Any event since the transaction began? (else no outcome is needed) */
extern bool hg_event_in_transaction(void);

/* Session row: once per session, before its first event; login data. */
extern void hg_event_ensure_session(bool no_error);

/* What the session is going to end by, for its last record. */
extern void hg_event_session_ends(int sqlstate);

/*
 * This connection is refused: a note in the record of the database it named,
 * if that has one, else a line in the server log.  Before or after a database
 * is chosen; asks no catalog, raises nothing but out of memory.
 */
extern void hg_event_push_login_failure(int sqlstate);

/* Identifier of this session: text form is stored in hoopguard.session. */
extern int64 hg_event_session_id(void);

/* Policy change, approval step and the like: kind and JSON detail. */
extern void hg_event_push_note(const char *kind, const char *json);

#endif							/* HG_EVENT_H */
