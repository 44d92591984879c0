/*-------------------------------------------------------------------------
 *
 * record_store.h
 *	  Records to rows, inside the recorder's transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_RECORD_STORE_H
#define HG_RECORD_STORE_H

/*
 * Open the tables; the transaction has begun and SPI is connected.  False if
 * hoopguard is not installed in this database.  *event_relid tells one
 * installation from the next.
 */
extern bool hg_store_begin(Oid *event_relid);

/* Add one record of type < 64.  ERROR if it cannot be stored. */
extern void hg_store_record(int type, const char *data, Size len);

/* Add a note of our own, which is JSON. */
extern void hg_store_note(const char *kind, const char *detail);

/* Write what is buffered and close; before the commit. */
extern void hg_store_end(void);

/* After the transaction ended, either way. */
extern void hg_store_forget(bool committed);

/* Events written by the transaction that hg_store_end() closed. */
extern uint64 hg_store_events(void);

/* After hg_store_begin(): has this week its partitions? */
extern bool hg_store_has_partitions(void);

/* In a transaction: is hoopguard installed in this database? */
extern bool hg_store_installed(void);

/*
 * Create missing partitions for this and the next week; in a transaction with
 * SPI connected.  ERROR when one cannot be made.
 */
extern void hg_store_partitions(void);

/*
 * Between begin and end: note that the server has started, with the id of its
 * first session, unless that is noted already.  A crash that the server got
 * over by itself is such a start, too.
 */
extern void hg_store_started(int64 first_session_id);

/*
 * Between begin and end: intents of sessions of before the start of the server
 * (ids below first_session_id) that have no event become events; those that
 * have one are dropped.
 */
extern void hg_store_resolve(int64 first_session_id);

#endif							/* HG_RECORD_STORE_H */
