/*-------------------------------------------------------------------------
 *
 * delivery.h
 *	  The table in shared memory between recorders and the courier.
 *
 * A recorder fills an entry and publishes it when its transaction has
 * committed; the courier posts it and leaves the answer; a recorder of the
 * same database applies the answer and frees the entry when that has
 * committed.  Entries are lost with shared memory: the lease in
 * approval_target (next_delivery_at) runs out and the request is delivered
 * again, under the same id.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_DELIVERY_H
#define HG_DELIVERY_H

#include "approval/approval_json.h"
#include "datatype/timestamp.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#define HG_DELIVERY_COUNT 64
#define HG_DELIVERY_BODY 65536
#define HG_DELIVERY_URL 1024
#define HG_DELIVERY_KEEP_FREE 8	/* entries for new requests */
#define HG_BREAKER_COUNT 64
#define HG_HEARTBEAT_LATE_S 30	/* the courier turns every 5 s */

typedef enum HgDeliveryState
{
	HG_DELIVERY_FREE,
	HG_DELIVERY_FILLING,		/* the recorder's; nobody else looks */
	HG_DELIVERY_READY,
	HG_DELIVERY_SENDING,		/* the courier's from here ... */
	HG_DELIVERY_DONE			/* ... the reply is for a recorder */
} HgDeliveryState;

typedef struct HgDelivery
{
	/* under the table's lock */
	HgDeliveryState state;
	Oid			dboid;
	bool		stop;			/* decided elsewhere: give up */
	bool		accepted;		/* answered "pending"; not yet noted */
	TimestampTz done_at;
	char		id[40];			/* of the event */
	char		approver[104];

	/* the filler's until READY, then constant */
	bool		opa;			/* asked in the way of Open Policy Agent */
	bool		notice;			/* a request was cancelled: nothing to decide */
	char		request[40];	/* of a notice: which one */
	TimestampTz expires;
	char		binding[80];
	char		url[HG_DELIVERY_URL];
	int			body_len;
	char		body[HG_DELIVERY_BODY];

	/* the courier's until DONE, then constant */
	HgReply		reply;
} HgDelivery;

typedef struct HgBreaker
{
	char		url[HG_DELIVERY_URL];	/* empty: unused */
	int			failures;		/* in a row */
	TimestampTz open_until;		/* 0: closed */
	TimestampTz last_used;
	TimestampTz warned_at;		/* about an answer that is no outage */
} HgBreaker;

/* What an operator is warned of, once when it begins. */
typedef enum HgAlert
{
	HG_ALERT_COURIER,
	HG_ALERT_LAUNCHER,
	HG_ALERT_RECORD,
	HG_ALERT_DELIVERIES,
	HG_ALERT_ANSWERS,
	HG_ALERT_COUNT
} HgAlert;

typedef struct HgDeliveryTable
{
	LWLock		lock;			/* for the members said to be under it */
	Latch	   *courier;		/* under lock; NULL: not running */
	int			courier_pid;	/* under lock; 0: not running */
	TimestampTz heartbeat;		/* under lock */
	char		courier_error[256]; /* under lock: last failure */
	bool		secret_ok;		/* under lock */
	char		secret_state[128];	/* under lock */
	bool		alerts[HG_ALERT_COUNT]; /* under lock: those that are on */
	HgBreaker	breakers[HG_BREAKER_COUNT]; /* under lock; courier writes */
	HgDelivery	entries[HG_DELIVERY_COUNT];
} HgDeliveryTable;

/* How hg_lane_poke() has answers applied. */
extern uint32 hg_worker_poke;

/* NULL without shared memory (not preloaded). */
extern HgDeliveryTable *hg_delivery;

extern Size hg_delivery_shmem_size(void);
extern void hg_delivery_shmem_init(void *where, bool found, int tranche);

/* An entry to fill, or -1 when no more than keep_free are left. */
extern int	hg_delivery_reserve(Oid dboid, int keep_free);

/* A filled entry to the courier, which is woken. */
extern void hg_delivery_publish(int i);

/* Free an entry, whatever its state; only its present owner may. */
extern void hg_delivery_release(int i);

/* What is said where the breaker of an URL is open. */
#define HG_DELIVERY_BREAKER_OPEN \
	"the webhook failed several times in a row; it is not asked for some seconds"

/*
 * Something is wrong, or not: a WARNING in the log when it begins, whichever
 * process finds it, and a line when it ends.  what completes "hoopguard: ".
 */
extern void hg_alert(HgAlert alert, bool wrong, const char *what);

/* Does the courier run and take its turns? */
extern bool hg_courier_well(void);

/* Is the URL left alone for the time being? */
extern bool hg_delivery_breaker_open(const char *url);

/* The request was decided elsewhere.  A notice has an id of its own. */
extern void hg_delivery_stop(const char *id);

#endif							/* HG_DELIVERY_H */
