/*-------------------------------------------------------------------------
 *
 * wire.h
 *	  Form of the records between event.c, which writes them, and
 *	  record_store.c, which reads them.
 *
 * A record is its members one after the other, unaligned, in the order of
 * the lists below: i32 and i64 as they are, a text as u32 length + 1 and its
 * bytes, 0 for NULL, a list as its i32 count and its members.  The writer
 * uses malloc, so that it neither raises nor touches a memory context.
 * Events are most of what there is, so what is of fixed size in them is a
 * struct, and what they have in common lies together.
 *
 * SESSION     i64 session_id, i64 started, text login_role, text database,
 *             text client_addr, text client_port, text application_name,
 *             i32 pid, text backend_type
 * STATEMENT   i64 statement_id, i64 fingerprint, i64 at, text command,
 *             text text, i64 text_length,
 *             list edges: text source_schema, source_relation,
 *             source_column, target_schema, target_relation, target_column,
 *             kind, subtype, i32 masked;
 *             list datasets: text schema, relation, i32 access
 * EVENT       HgWireHead, the numbers of an HgWireEvent that are not 0, in
 *             order, then the context of context_len bytes: i32 level,
 *             i32 rule_id, i32 sqlstate, text subject, text session_role,
 *             text effective_role, text intent, text command, text verdict,
 *             list masked_columns: text; then text traceparent, text
 *             approval_id
 * INTENT      i64 event_id, i64 session_id, i64 at, and an EVENT whose
 *             sqlstate and counts are -1
 * OUTCOME     i64 session_id, i64 txn, i64 xid, i32 state (HgWireOutcome),
 *             i64 lsn, i64 at
 * NOTE        i64 note_id, i64 at, i64 session_id, text kind, text json
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_WIRE_H
#define HG_WIRE_H

/* Bits of a dataset's access. */
#define HG_WIRE_WRITE	1
#define HG_WIRE_RULE	2

typedef enum HgWireOutcome
{
	HG_OUTCOME_ABORTED,
	HG_OUTCOME_COMMITTED,
	HG_OUTCOME_PREPARED
} HgWireOutcome;

/* Counts of an event, in the order of _event; -1: NULL. */
typedef enum HgWireCount
{
	HG_COUNT_DURATION_US,
	HG_COUNT_ROWS_RETURNED,
	HG_COUNT_ROWS_AFFECTED,
	HG_COUNT_ROWS_WRITTEN,
	HG_COUNT_BYTES_RETURNED,
	HG_COUNT_PROBES,
	HG_COUNT_SCRUBBED,
	HG_COUNTS
} HgWireCount;

#define HG_END_NONE (-1)		/* the outcome comes in a record of its own */

/* The int64s come first, and are HG_WIRE_NUMBERS; most are 0 most times. */
typedef struct HgWireEvent
{
	int64		event_id;
	int64		parent_id;		/* 0: none */
	int64		session_id;
	int64		txn;
	int64		statement_id;	/* 0: none */
	int64		at;
	int64		xid;			/* 0: none */
	int64		counts[HG_COUNTS];
	int64		end_xid;		/* of the outcome, if end_state is one */
	int64		end_lsn;
	int64		end_at;
	int32		end_state;		/* HgWireOutcome or HG_END_NONE */
	int32		first;			/* 1: of its transaction */
	uint32		context_len;
	uint32		unused;
} HgWireEvent;

#define HG_WIRE_NUMBERS (offsetof(HgWireEvent, end_state) / sizeof(int64))

typedef struct HgWireHead
{
	uint32		present;		/* bit i: number i follows, else it is 0 */
	uint32		context_len;
	int16		end_state;
	int16		first;
} HgWireHead;

#endif							/* HG_WIRE_H */
