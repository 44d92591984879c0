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
 *
 * SESSION     i64 session_id, i64 started, text login_role, text database,
 *             text client_addr, text client_port, text application_name,
 *             i32 pid, text backend_type
 * STATEMENT   i64 statement_id, i64 fingerprint, i64 at, text command,
 *             text text, i64 text_length,
 *             list edges: text source_schema, source_relation,
 *             source_column, target_schema, target_relation, target_column,
 *             kind, subtype, i32 masked;
 *             list datasets: text schema, relation, i32 write
 * EVENT       see hg_event_push(), kept in step with store_event()
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

typedef enum HgWireOutcome
{
	HG_OUTCOME_ABORTED,
	HG_OUTCOME_COMMITTED,
	HG_OUTCOME_PREPARED
} HgWireOutcome;

#endif							/* HG_WIRE_H */
