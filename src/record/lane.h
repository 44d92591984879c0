/*-------------------------------------------------------------------------
 *
 * lane.h
 *	  One ring of records per backend, drained by the recorder.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_LANE_H
#define HG_LANE_H

typedef enum HgRecordType
{
	HG_REC_SESSION = 1,
	HG_REC_STATEMENT,
	HG_REC_EVENT,
	HG_REC_OUTCOME,
	HG_REC_NOTE,
	HG_REC_INTENT,
	HG_REC_APPROVAL_REQUEST = 64,	/* 64 and up: handlers registered by
									 * approval/, see recorder.h */
	HG_REC_APPROVAL_CONSUME,
	HG_REC_APPROVAL_CANCEL,
	HG_REC_BREAK_GLASS,
	HG_REC_APPROVAL_LATE,
	HG_REC_TYPE_MAX = 80
} HgRecordType;

/* Shared memory: from shmem.c only. */
extern Size hg_lane_shmem_size(void);
extern void hg_lane_shmem_init(bool found);

/*
 * Append one record, of any length (longer ones than the ring travel in
 * fragments).  Waits while the ring is full.  Returns false when the wait
 * ended (no_error) instead of raising HG008.  The recorder of this database
 * is started or woken as needed; urgent wakes it at once.
 */
extern bool hg_lane_push(HgRecordType type, const void *data, Size len,
						 bool urgent, bool no_error);

/*
 * Wait until the ring has room for one more record of len bytes, at most 4096,
 * and keep it free; 0 gives it back, which the push of that record is to
 * begin with.  HG008; false, and the loss is counted, with
 * hoopguard.on_audit_failure = allow.
 */
extern bool hg_lane_reserve(Size len);

typedef enum HgLaneWait
{
	HG_WAIT_HERE,				/* on disk when this returns */
	HG_WAIT_BEFORE_COMMIT,		/* on disk when the commit is */
	HG_WAIT_BEFORE_PREPARE		/* on disk when PREPARE TRANSACTION is */
} HgLaneWait;

/*
 * Wait until all that this session has pushed is committed in the tables; one
 * commit of the recorder serves all who wait.  Serves interrupts.  After
 * hoopguard.audit_wait, or when something was refused or lost: HG008, or
 * false with hoopguard.on_audit_failure = allow.
 */
extern bool hg_lane_wait_durable(HgLaneWait before);

/* The transaction has ended: what was lost in it has no consequence more. */
extern void hg_lane_forget_lost(void);

/*
 * Wait until everything pushed in this database before the call is
 * committed in the tables.  Returns false on timeout.
 */
extern bool hg_lane_flush(long timeout_ms);

/*
 * Have the recorder of a database run its ticks soon; starts it if need be.
 * From any process with shared memory (the courier has no database).
 */
extern void hg_lane_wake(Oid dboid);

/* The same for some of its ticks only, by the bits of their registration. */
extern void hg_lane_poke(Oid dboid, uint32 which);

/*
 * Before a database is chosen (logins that fail): records of this process go
 * to the recorder of the database with this name.  False if none is known.
 */
extern bool hg_lane_use_database(const char *name);

/* Whom records of this process belong to; InvalidOid: nobody yet. */
extern Oid	hg_lane_database(void);

/*
 * Stop the recorder of a database and keep it from starting again until
 * hg_lane_release_database() or the end of the transaction; waits until it is
 * gone (at most some seconds).  For CREATE, DROP and ALTER DATABASE.
 */
extern void hg_lane_block_database(Oid dboid);
extern void hg_lane_release_databases(void);

#endif							/* HG_LANE_H */
