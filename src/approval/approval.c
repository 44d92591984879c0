/*-------------------------------------------------------------------------
 *
 * approval.c
 *	  Ask, wait, consume.
 *
 * A request is stored by the recorder, since the asking transaction may be
 * rolled back; the session that asks only pushes records and reads the table.
 * It runs the statement when the row says "consumed" with the token of this
 * very attempt in it, and in no other case: a lost message, a dead worker or
 * a second session with the same ticket all end in an error.
 *
 * The slots in shared memory exist so that a waiter can be found and woken.
 * They are under one lock, held for a few instructions.  A slot is released
 * on every way out: return, error, and exit of the backend.
 *
 * A ticket whose session waits is used up by the very transaction that
 * approves it.  The recorder claims the slot for that, so that the session
 * cannot leave unnoticed: one that finds its slot claimed on its way out, and
 * does not run its statement, has the recorder give the ticket back.  It may
 * find it claimed and the transaction is not over, or fails: the record that
 * gives back is read after that, and does nothing to a row that was not used
 * up with this token.  The same goes for a session that uses up a ticket it
 * found approved: that, too, is done by the recorder while the session waits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "approval/approval_private.h"
#include "approval/delivery.h"
#include "approval/rehearse.h"
#include "base/compat.h"
#include "base/report.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "record/lane.h"
#include "record/recorder.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/pmsignal.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#define STORE_WAIT_MS 2000		/* for the recorder to commit a record */
#define DELIVERY_WAIT_MS 3000	/* to see whether an approver is there */
#define SLICE_MS 700			/* longest sleep between two looks */
#define WATCH_MS 600			/* between two looks at all locks */
#define MAX_TRIES 3				/* somebody else may use our ticket */
#define REASON_MAX 256			/* bytes of foreign text in an error */

/* libpq.h would pull in GSSAPI's headers */
extern bool pq_check_connection(void);

typedef struct HgApprovalSlot
{
	char		token[HG_UUID_LEN]; /* empty: free */
	char		id[HG_UUID_LEN];	/* empty until stored */
	Oid			role;			/* session role of the waiter */
	Oid			dboid;
	int			pid;
	bool		queued;			/* somebody queues behind a lock of it */
	bool		ready;			/* it would run if it was approved now */
	bool		claimed;		/* its ticket is being used up, or has been */
	Latch	   *latch;
} HgApprovalSlot;

typedef struct HgApprovalShared
{
	LWLock		lock;			/* for all slots */
	TimestampTz watched_at;		/* last look at all locks, under lock */
	int			nslots;			/* constant */
	HgApprovalSlot slots[FLEXIBLE_ARRAY_MEMBER];
} HgApprovalShared;

typedef enum EffectKind
{
	EFFECT_WAKE,
	EFFECT_WAKE_DECIDED,
	EFFECT_STORED,
	EFFECT_PUBLISH,
	EFFECT_RELEASE,
	EFFECT_CLAIM
} EffectKind;

typedef struct Effect
{
	EffectKind	kind;
	int			index;
	char		id[HG_UUID_LEN];
	char		token[HG_UUID_LEN];
} Effect;

static HgApprovalShared *shared = NULL;
static int	my_slot = -1;
static bool exit_registered = false;
static int64 last_max_rows = -1;
static HgBound *last_bound = NULL;
static uint32 wait_event = 0;

/* the request that this session waits for, "" if it does not */
static char waiting_for[HG_UUID_LEN];

static bool others_wait_for(const char *id);

static Effect *effects = NULL;	/* in TopMemoryContext */
static int	neffects = 0;
static int	effects_size = 0;

/* ---- shared memory ------------------------------------------------------ */

static Size
slots_size(void)
{
	return MAXALIGN(add_size(offsetof(HgApprovalShared, slots),
							 mul_size(hg_guc_approval_slots,
									  sizeof(HgApprovalSlot))));
}

Size
hg_approval_shmem_size(void)
{
	return add_size(slots_size(), hg_delivery_shmem_size());
}

/* Under AddinShmemInitLock, from shmem.c. */
void
hg_approval_shmem_init(bool found)
{
	bool		have;
	int			tranche = 0;

	shared = ShmemInitStruct("hoopguard approvals", hg_approval_shmem_size(),
							 &have);
	if (!have)
	{
		tranche = LWLockNewTrancheId();
		shared->watched_at = 0;
		LWLockRegisterTranche(tranche, "hoopguard_approval");
		LWLockInitialize(&shared->lock, tranche);
		shared->nslots = hg_guc_approval_slots;
		memset(shared->slots, 0, shared->nslots * sizeof(HgApprovalSlot));
	}
	else
		LWLockRegisterTranche(shared->lock.tranche, "hoopguard_approval");
	hg_delivery_shmem_init((char *) shared + slots_size(), have, tranche);
}

void
hg_approval_slots(int *used, int *total)
{
	*used = 0;
	*total = 0;
	if (shared == NULL)
		return;
	LWLockAcquire(&shared->lock, LW_SHARED);
	*total = shared->nslots;
	for (int i = 0; i < shared->nslots; i++)
		if (shared->slots[i].token[0] != '\0')
			(*used)++;
	LWLockRelease(&shared->lock);
}

/* True: it was claimed, and token and id (both may be NULL) are set. */
static bool
release_claimed(char *token, char *id)
{
	HgApprovalSlot *slot;
	bool		claimed;

	if (my_slot < 0)
		return false;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	slot = &shared->slots[my_slot];
	claimed = slot->claimed;
	if (claimed && token != NULL)
	{
		strlcpy(token, slot->token, HG_UUID_LEN);
		strlcpy(id, slot->id, HG_UUID_LEN);
	}
	memset(slot, 0, sizeof(HgApprovalSlot));
	LWLockRelease(&shared->lock);
	my_slot = -1;
	return claimed;
}

static void
release_slot(void)
{
	(void) release_claimed(NULL, NULL);
}

/* Release a slot without running the statement; nothing in here raises. */
static void
leave_slot(void)
{
	char		record[HG_GIVE_BACK_LEN] = {0};

	if (release_claimed(record + HG_UUID_LEN, record))
		(void) hg_lane_push(HG_REC_APPROVAL_CANCEL, record, sizeof(record),
							true, true);
}

static bool
is_claimed(void)
{
	bool		claimed;

	LWLockAcquire(&shared->lock, LW_SHARED);
	claimed = shared->slots[my_slot].claimed;
	LWLockRelease(&shared->lock);
	return claimed;
}

/* Take a request back; nothing in here raises. */
static void
push_cancel(const char *id, char why)
{
	char		record[HG_CANCEL_LEN];

	strlcpy(record, id, HG_UUID_LEN);
	record[HG_UUID_LEN] = why;
	(void) hg_lane_push(HG_REC_APPROVAL_CANCEL, record, sizeof(record), true,
						true);
}

/*
 * The session ends while it waits: terminated, or its client is gone.  A
 * request that nobody else waits for goes with it.  Nothing in here raises.
 */
static void
release_on_exit(int code, Datum arg)
{
	char		id[HG_UUID_LEN];
	bool		others;

	strlcpy(id, waiting_for, sizeof(id));
	waiting_for[0] = '\0';
	if (my_slot < 0)
		return;
	others = id[0] != '\0' && others_wait_for(id);
	leave_slot();

	/* with the server itself: who comes back finds the request open */
	if (id[0] != '\0' && !others && PostmasterIsAlive())
		push_cancel(id, HG_CANCEL_SESSION);
}

/*
 * Take a slot; *unstored counts the requests of the same role that are on
 * their way to the table.
 */
static bool
take_slot(const char *token, const char *id, Oid role, bool ready,
		  int *unstored)
{
	if (!exit_registered)
	{
		before_shmem_exit(release_on_exit, (Datum) 0);
		exit_registered = true;
	}
	Assert(my_slot < 0);
	*unstored = 0;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < shared->nslots; i++)
	{
		HgApprovalSlot *slot = &shared->slots[i];

		if (slot->token[0] != '\0')
		{
			if (slot->role == role && slot->dboid == MyDatabaseId &&
				slot->id[0] == '\0')
				(*unstored)++;
		}
		else if (my_slot < 0)
		{
			strlcpy(slot->token, token, sizeof(slot->token));
			strlcpy(slot->id, id, sizeof(slot->id));
			slot->role = role;
			slot->dboid = MyDatabaseId;
			slot->pid = MyProcPid;
			slot->ready = ready;
			slot->latch = MyLatch;
			my_slot = i;
		}
	}
	LWLockRelease(&shared->lock);
	return my_slot >= 0;
}

/* The row that the request of our slot is, "" while it is not stored. */
static void
slot_id(char *id)
{
	LWLockAcquire(&shared->lock, LW_SHARED);
	strlcpy(id, shared->slots[my_slot].id, HG_UUID_LEN);
	LWLockRelease(&shared->lock);
}

static bool
others_wait_for(const char *id)
{
	bool		found = false;

	LWLockAcquire(&shared->lock, LW_SHARED);
	for (int i = 0; i < shared->nslots && !found; i++)
		found = i != my_slot && strcmp(shared->slots[i].id, id) == 0;
	LWLockRelease(&shared->lock);
	return found;
}

/* ---- what a commit sets off --------------------------------------------- */

static void
room_for_effect(void)
{
	if (neffects >= effects_size)
	{
		int			size = effects_size > 0 ? 2 * effects_size : 32;

		if (effects == NULL)
			effects = MemoryContextAlloc(TopMemoryContext,
										 size * sizeof(Effect));
		else
			effects = repalloc(effects, size * sizeof(Effect));
		effects_size = size;
	}
}

static void
add_effect(EffectKind kind, int index, const char *id, const char *token)
{
	Effect	   *effect;

	room_for_effect();
	effect = &effects[neffects];
	effect->kind = kind;
	effect->index = index;
	strlcpy(effect->id, id, sizeof(effect->id));
	strlcpy(effect->token, token, sizeof(effect->token));
	neffects++;
}

void
hg_effect_wake(const char *id, bool decided)
{
	add_effect(decided ? EFFECT_WAKE_DECIDED : EFFECT_WAKE, 0, id, "");
}

void
hg_effect_stored(const char *token, const char *id)
{
	add_effect(EFFECT_STORED, 0, id, token);
}

void
hg_effect_publish(int i)
{
	add_effect(EFFECT_PUBLISH, i, "", "");
}

void
hg_effect_release(int i)
{
	add_effect(EFFECT_RELEASE, i, "", "");
}

bool
hg_approval_claim(const char *id, char *token)
{
	HgApprovalSlot *found = NULL;
	int			n = 0;

	/* nothing can fail once it is claimed */
	room_for_effect();
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < shared->nslots; i++)
	{
		HgApprovalSlot *slot = &shared->slots[i];

		if (slot->token[0] == '\0' || slot->dboid != MyDatabaseId ||
			strcmp(slot->id, id) != 0)
			continue;
		found = slot;
		n++;
	}
	if (n != 1 || !found->ready || found->claimed)
	{
		LWLockRelease(&shared->lock);
		return false;
	}
	found->claimed = true;
	strlcpy(token, found->token, HG_UUID_LEN);
	LWLockRelease(&shared->lock);
	add_effect(EFFECT_CLAIM, 0, "", token);
	return true;
}

void
hg_approval_unclaim(const char *token)
{
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < shared->nslots; i++)
		if (strcmp(shared->slots[i].token, token) == 0)
			shared->slots[i].claimed = false;
	LWLockRelease(&shared->lock);
}

static void
wake(const char *id)
{
	LWLockAcquire(&shared->lock, LW_SHARED);
	for (int i = 0; i < shared->nslots; i++)
		if (shared->slots[i].latch != NULL &&
			strcmp(shared->slots[i].id, id) == 0)
			SetLatch(shared->slots[i].latch);
	LWLockRelease(&shared->lock);
}

static void
tell_stored(const char *token, const char *id)
{
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < shared->nslots; i++)
	{
		HgApprovalSlot *slot = &shared->slots[i];

		if (strcmp(slot->token, token) != 0)
			continue;
		strlcpy(slot->id, id, sizeof(slot->id));
		if (slot->latch != NULL)
			SetLatch(slot->latch);
	}
	LWLockRelease(&shared->lock);
}

/* Who has the longest way to go is told first: requests leave at once. */
static void
apply_effects(bool committed)
{
	for (int i = 0; i < neffects; i++)
	{
		Effect	   *effect = &effects[i];

		if (effect->kind == EFFECT_CLAIM && !committed)
			hg_approval_unclaim(effect->token);
		if (effect->kind != EFFECT_PUBLISH)
			continue;
		if (committed)
			hg_delivery_publish(effect->index);
		else
			hg_delivery_release(effect->index);
	}
	for (int i = 0; committed && i < neffects; i++)
	{
		Effect	   *effect = &effects[i];

		switch (effect->kind)
		{
			case EFFECT_PUBLISH:
			case EFFECT_CLAIM:
				break;
			case EFFECT_RELEASE:
				hg_delivery_release(effect->index);
				break;
			case EFFECT_STORED:
				tell_stored(effect->token, effect->id);
				break;
			case EFFECT_WAKE:
				wake(effect->id);
				break;
			case EFFECT_WAKE_DECIDED:
				wake(effect->id);
				hg_delivery_stop(effect->id);
				break;
		}
	}
	neffects = 0;
}

/*
 * An effect of a rolled-back subtransaction stays in the list: it only wakes
 * somebody who then reads the table.
 */
static void
on_xact(XactEvent event, void *arg)
{
	if (neffects == 0)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			apply_effects(true);
			break;
		case XACT_EVENT_ABORT:
			apply_effects(false);
			break;
		case XACT_EVENT_PRE_PREPARE:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot prepare a transaction that has decided on an approval")));
			break;
		default:
			break;
	}
}

void
hg_approval_register(void)
{
	RegisterXactCallback(on_xact, NULL);
	hg_recorder_register_handler(HG_REC_APPROVAL_REQUEST,
								 hg_worker_on_request);
	hg_recorder_register_handler(HG_REC_APPROVAL_CONSUME,
								 hg_worker_on_consume);
	hg_recorder_register_handler(HG_REC_APPROVAL_CANCEL,
								 hg_worker_on_cancel);
	hg_recorder_register_handler(HG_REC_BREAK_GLASS,
								 hg_worker_on_break_glass);
	hg_recorder_register_handler(HG_REC_APPROVAL_LATE, hg_worker_on_late);
	hg_worker_poke = hg_recorder_register_tick(hg_worker_tick);
}

/* ---- refusals ----------------------------------------------------------- */

/* Foreign text in an error: cut at a character. */
static char *
cut(const char *s)
{
	int			len = strlen(s);

	if (len > REASON_MAX)
		len = pg_mbcliplen(s, len, REASON_MAX);
	return pnstrdup(s, len);
}

static char *
detail(const HgApprovalAsk *ask, const HgTicket *ticket, const char *state,
	   const char *reason)
{
	HgRefusal	refusal;
	StringInfoData extra;
	int			n = list_length(ask->facts->acts);
	const char **objects = palloc0(sizeof(char *) * (n + 1));
	ListCell   *lc;

	memset(&refusal, 0, sizeof(refusal));
	refusal.verdict = "approve";
	refusal.rule_id = ask->verdict->rule ? ask->verdict->rule->id : 0;
	/* what has to be approved, not what it stands in: WITH, EXPLAIN ANALYZE */
	refusal.command = hg_command_name(ask->verdict->act ?
									  ask->verdict->act->command :
									  ask->facts->command);
	foreach(lc, ask->facts->acts)
	{
		char	   *object = hg_request_object((const HgAct *) lfirst(lc));
		bool		known = object == NULL;

		for (int i = 0; i < refusal.nobjects && !known; i++)
			known = strcmp(objects[i], object) == 0;
		if (!known)
			objects[refusal.nobjects++] = object;
	}
	refusal.objects = objects;
	refusal.state = state;
	refusal.reason = reason ? cut(reason) : NULL;
	if (ticket != NULL)
	{
		refusal.approval_id = ticket->id;
		initStringInfo(&extra);
		appendStringInfo(&extra,
						 "\"expires_at\": \"%s\", \"delivery\": %s",
						 timestamptz_to_str(ticket->expires_at),
						 hg_report_quote(ticket->delivery_state));
		if (ticket->delivery_error != NULL)
			appendStringInfo(&extra, ", \"delivery_error\": %s",
							 hg_report_quote(cut(ticket->delivery_error)));
		if (ticket->decided_by != NULL)
			appendStringInfo(&extra, ", \"decided_by\": %s",
							 hg_report_quote(cut(ticket->decided_by)));
		appendStringInfo(&extra,
						 ", \"poll\": \"SELECT hoopguard.approval_state('%s')\"",
						 ticket->id);
		refusal.extra_json = extra.data;
	}
	return hg_report_json(&refusal);
}

pg_noreturn static void raise_required(const HgApprovalAsk *ask,
									   const HgTicket *ticket);
pg_noreturn static void raise_denied(const HgApprovalAsk *ask,
									 const HgTicket *ticket);
pg_noreturn static void raise_unavailable(const HgApprovalAsk *ask,
										  const HgTicket *ticket,
										  const char *reason);
pg_noreturn static void raise_unusable(const HgApprovalAsk *ask,
									   const HgTicket *ticket);

static void
raise_required(const HgApprovalAsk *ask, const HgTicket *ticket)
{
	ereport(ERROR,
			(errcode(HG_ERRCODE_APPROVAL_REQUIRED),
			 errmsg("approval required: request %s is %s", ticket->id,
					ticket->state),
			 errdetail_internal("%s", detail(ask, ticket, ticket->state,
											 NULL)),
			 errhint("Run the identical statement again after approval.")));
	pg_unreachable();
}

static void
raise_denied(const HgApprovalAsk *ask, const HgTicket *ticket)
{
	ereport(ERROR,
			(errcode(HG_ERRCODE_APPROVAL_DENIED),
			 errmsg("approval denied: request %s", ticket->id),
			 errdetail_internal("%s", detail(ask, ticket, "denied",
											 ticket->reason)),
			 errhint("The same statement is refused without asking again for some minutes.")));
	pg_unreachable();
}

static void
raise_unavailable(const HgApprovalAsk *ask, const HgTicket *ticket,
				  const char *reason)
{
	ereport(ERROR,
			(errcode(HG_ERRCODE_NO_APPROVER),
			 errmsg("approval unavailable: %s", cut(reason)),
			 errdetail_internal("%s", detail(ask, ticket,
											 ticket ? ticket->state : NULL,
											 reason)),
			 ticket ?
			 errhint("The request stays open; run the identical statement again later.") :
			 errhint("The statement was not run.")));
	pg_unreachable();
}

static void
raise_unusable(const HgApprovalAsk *ask, const HgTicket *ticket)
{
	ereport(ERROR,
			(errcode(HG_ERRCODE_TICKET),
			 errmsg("approval %s cannot be used: it is %s", ticket->id,
					ticket->state),
			 errdetail_internal("%s", detail(ask, ticket, ticket->state, NULL)),
			 errhint("Run the statement again to ask anew.")));
	pg_unreachable();
}

/* ---- waiting ------------------------------------------------------------ */

/* Sessions that hold a lock for which another one waits; of int. */
static List *
find_blocking(void)
{
	LockData   *data = GetLockStatusData();
	List	   *pids = NIL;

	for (int i = 0; i < data->nelements; i++)
	{
		LockInstanceData *waiter = &data->locks[i];

		if (waiter->waitLockMode == NoLock)
			continue;
		for (int j = 0; j < data->nelements; j++)
		{
			LockInstanceData *held = &data->locks[j];

			if (held->pid != waiter->pid && held->holdMask != 0 &&
				memcmp(&held->locktag, &waiter->locktag, sizeof(LOCKTAG)) == 0)
				pids = list_append_unique_int(pids, held->pid);
		}
	}
	return pids;
}

/*
 * Does anyone queue behind a lock of ours?  Then the wait has to end: they
 * would wait for a person.  The lock manager's own test does not cover
 * fast-path locks, so this asks for all locks.  Of all sessions that wait one
 * does so, for all of them: whichever comes when it is time.
 */
static bool
somebody_queues(void)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		my_turn;
	bool		found;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	/* a clock that was set back must not stop it */
	my_turn = now < shared->watched_at ||
		now >= TimestampTzPlusMilliseconds(shared->watched_at, WATCH_MS);
	if (my_turn)
		shared->watched_at = now;
	LWLockRelease(&shared->lock);
	if (my_turn)
	{
		List	   *pids = find_blocking();

		LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
		for (int i = 0; pids != NIL && i < shared->nslots; i++)
		{
			HgApprovalSlot *slot = &shared->slots[i];

			if (slot->latch == NULL || !list_member_int(pids, slot->pid))
				continue;
			slot->queued = true;
			SetLatch(slot->latch);
		}
		LWLockRelease(&shared->lock);
	}
	LWLockAcquire(&shared->lock, LW_SHARED);
	found = shared->slots[my_slot].queued;
	LWLockRelease(&shared->lock);
	return found;
}

/* Sleep until woken or until, at most a slice. */
static void
sleep_until(TimestampTz until)
{
	long		ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
													 until);

	/* nothing of ours may hold back vacuum while we sleep */
	InvalidateCatalogSnapshot();
	(void) WaitLatch(MyLatch,
					 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 Min(Max(ms, 1), SLICE_MS),
					 HG_WAIT_EVENT(wait_event, "HoopguardApproval"));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* A client that is gone ends the session, by the server's own way. */
static void
check_client(void)
{
	if (MyProcPort != NULL && !pq_check_connection())
	{
		ClientConnectionLost = true;
		InterruptPending = true;
		CHECK_FOR_INTERRUPTS();
	}
}

/* Wait until the recorder has stored our request; its row, or NULL. */
static HgTicket *
wait_stored(const char *binding)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													STORE_WAIT_MS);
	char		id[HG_UUID_LEN];

	for (;;)
	{
		slot_id(id);
		if (id[0] != '\0')
			return hg_ticket_find(binding, id);
		if (GetCurrentTimestamp() >= until)
			return NULL;
		sleep_until(until);
	}
}

/* Has the ticket been used up for this very attempt? */
static bool
used_up_by(const HgTicket *ticket, const char *token)
{
	return strcmp(ticket->state, "consumed") == 0 &&
		ticket->consumed_by != NULL &&
		strcmp(ticket->consumed_by, token) == 0;
}

/*
 * Use up the ticket.  True: this attempt, and nobody else, may run.  False:
 * somebody else was faster, or it is no longer valid.
 */
static bool
consume(const HgApprovalAsk *ask, const HgTicket *ticket, const char *binding,
		const char *token)
{
	char		record[2 * HG_UUID_LEN];
	TimestampTz until;

	strlcpy(record, ticket->id, HG_UUID_LEN);
	strlcpy(record + HG_UUID_LEN, token, HG_UUID_LEN);

	/* from here on whoever leaves without running it gives it back */
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	shared->slots[my_slot].claimed = true;
	LWLockRelease(&shared->lock);
	(void) hg_lane_push(HG_REC_APPROVAL_CONSUME, record, sizeof(record), true,
						false);
	until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), STORE_WAIT_MS);
	for (;;)
	{
		HgTicket   *now = hg_ticket_find(binding, ticket->id);

		if (now == NULL)
			return false;
		if (strcmp(now->state, "consumed") == 0)
			return used_up_by(now, token);
		if (strcmp(now->state, "approved") != 0 ||
			now->grant_expires_at <= GetCurrentTimestamp())
			return false;
		if (GetCurrentTimestamp() >= until)
			raise_unavailable(ask, now,
							  "the approval could not be used up in time");
		sleep_until(until);
	}
}

/*
 * Policy may have changed while we slept; the verdict that asked is then as
 * old as the ticket.  Both are given up.
 */
static void
check_policy(const HgApprovalAsk *ask, HgTicket *ticket, const char *version)
{
	const HgPolicy *policy;
	bool		same;

	AcceptInvalidationMessages();
	policy = hg_policy_get(hg_subject_current());
	same = strcmp(policy->version, version) == 0;
	InvalidateCatalogSnapshot();
	if (same)
		return;
	ticket->state = pstrdup("for another policy");
	raise_unusable(ask, ticket);
}

/* Is the webhook the only one who could decide, and does it fail? */
static bool
only_decider_fails(const HgApprover *approver, const HgTicket *ticket)
{
	return approver->has_url && !approver->has_role &&
		strcmp(ticket->delivery_state, "retry") == 0;
}

/*
 * Nobody but a webhook may decide, and the statement cannot wait for it: see
 * at least whether the request reaches it.  What is decided in that time is a
 * ticket all the same, because the caller's snapshot is older than that.
 */
static HgTicket *
wait_delivered(const HgApprovalAsk *ask, HgTicket *ticket,
			   const char *binding)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until;
	TimestampTz next_check = TimestampTzPlusMilliseconds(now, SLICE_MS);

	until = TimestampTzPlusMilliseconds(now, Min(hg_guc_approval_wait,
												 DELIVERY_WAIT_MS));
	if (strcmp(ticket->state, "pending") != 0)
		return ticket;
	while (strcmp(ticket->state, "pending") == 0 &&
		   (strcmp(ticket->delivery_state, "queued") == 0 ||
			strcmp(ticket->delivery_state, "sending") == 0) &&
		   now < until && now < ticket->expires_at && !somebody_queues())
	{
		if (now >= next_check)
		{
			next_check = TimestampTzPlusMilliseconds(now, SLICE_MS);
			check_client();
		}
		sleep_until(until);
		ticket = hg_ticket_find(binding, ticket->id);
		if (ticket == NULL)
			raise_unavailable(ask, NULL, "the request is gone");
		now = GetCurrentTimestamp();
	}
	if (strcmp(ticket->state, "approved") == 0)
		raise_required(ask, ticket);
	return ticket;
}

/*
 * Wait for a decision on a stored request.  Returns the ticket, approved or
 * already used up, or raises.
 */
static HgTicket *
wait_decided(const HgApprovalAsk *ask, HgTicket *ticket,
			 const HgApprover *approver, const char *binding)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until = now;
	TimestampTz next_check = TimestampTzPlusMilliseconds(now, SLICE_MS);
	bool		claim_seen = false;

	if (ask->may_wait)
		until = TimestampTzPlusMilliseconds(now, hg_guc_approval_wait);
	for (;;)
	{
		/* used up by somebody else: who waits for the same asks anew */
		if (strcmp(ticket->state, "approved") == 0 ||
			strcmp(ticket->state, "consumed") == 0)
			return ticket;
		if (strcmp(ticket->state, "denied") == 0)
			raise_denied(ask, ticket);
		now = GetCurrentTimestamp();
		if (strcmp(ticket->state, "pending") == 0 && ticket->expires_at <= now)
			ticket->state = pstrdup("expired");
		if (strcmp(ticket->state, "pending") != 0)
			raise_unusable(ask, ticket);
		if (only_decider_fails(approver, ticket))
			raise_unavailable(ask, ticket, ticket->delivery_error ?
							  ticket->delivery_error :
							  "the request could not be delivered");

		/* approved in time, and about to be committed */
		if (now >= until && !claim_seen && is_claimed())
		{
			claim_seen = true;
			until = TimestampTzPlusMilliseconds(now, STORE_WAIT_MS);
		}
		if (now >= until)
			raise_required(ask, ticket);
		if (now >= next_check)
		{
			next_check = TimestampTzPlusMilliseconds(now, SLICE_MS);
			check_client();
		}
		if (somebody_queues())
			raise_required(ask, ticket);
		sleep_until(until);
		ticket = hg_ticket_find(binding, ticket->id);
		if (ticket == NULL)
			raise_unavailable(ask, NULL, "the request is gone");
	}
}

/* Find or make the request of this statement, with a slot taken. */
static HgTicket *
open_request(const HgApprovalAsk *ask, const HgApprover *approver,
			 const char *binding, const char *token, char *approval_id)
{
	const HgIdentity *identity = ask->policy->identity;
	const char *subject = identity->session_role_name;
	HgTicket   *ticket = hg_ticket_find(binding, NULL);
	HgTicket   *before;
	TimestampTz now;
	char		id[HG_UUID_LEN];
	char	   *record;
	char	   *evidence = NULL;
	int			pending;
	int			recent;
	int			unstored;
	bool		ready = ask->may_wait && hg_guc_approval_wait > 0;

	if (ticket != NULL && strcmp(ticket->state, "denied") == 0)
	{
		strlcpy(approval_id, ticket->id, HG_UUID_LEN);
		raise_denied(ask, ticket);
	}

	/*
	 * Nobody but a webhook could decide, and it is known not to answer: do
	 * not even store a request.
	 */
	if (approver->breaker_open && !approver->has_role &&
		(ticket == NULL || (strcmp(ticket->state, "pending") == 0 &&
							strcmp(ticket->delivery_state, "accepted") != 0 &&
							strcmp(ticket->delivery_state, "answered") != 0)))
		raise_unavailable(ask, ticket, HG_DELIVERY_BREAKER_OPEN);

	/* an open request whose delivery failed is asked again: delivered anew */
	if (ticket != NULL && (strcmp(ticket->delivery_state, "retry") != 0 ||
						   strcmp(ticket->state, "pending") != 0))
	{
		strlcpy(approval_id, ticket->id, HG_UUID_LEN);
		if (!take_slot(token, ticket->id, identity->session_role, ready,
					   &unstored))
			ereport(ERROR,
					(errcode(HG_ERRCODE_TOO_MANY),
					 errmsg("too many sessions wait for an approval"),
					 errdetail_internal("%s", detail(ask, ticket,
													 ticket->state, NULL)),
					 errhint("Try again later, or raise \"hoopguard.approval_slots\".")));
		return ticket;
	}

	if (identity->subjects != NIL)
		subject = ((const HgSubject *) linitial(identity->subjects))->name;
	now = GetCurrentTimestamp();

	/* as many as there are slots may be on their way to the table */
	hg_ticket_count(subject, now - USECS_PER_MINUTE,
					hg_guc_approval_rate - shared->nslots, &pending, &recent);
	if (!take_slot(token, "", identity->session_role, ready, &unstored))
		ereport(ERROR,
				(errcode(HG_ERRCODE_TOO_MANY),
				 errmsg("too many sessions wait for an approval"),
				 errdetail_internal("%s", detail(ask, NULL, NULL, NULL)),
				 errhint("Try again later, or raise \"hoopguard.approval_slots\".")));
	if (ticket == NULL &&
		(pending + unstored >= hg_guc_approval_max_pending ||
		 recent + unstored >= hg_guc_approval_rate))
		ereport(ERROR,
				(errcode(HG_ERRCODE_TOO_MANY),
				 pending + unstored >= hg_guc_approval_max_pending ?
				 errmsg("too many open approval requests of subject \"%s\"",
						subject) :
				 errmsg("too many new approval requests of subject \"%s\"",
						subject),
				 errdetail_internal("%s", detail(ask, NULL, NULL, NULL)),
				 errhint("Wait for the decisions on the open requests.")));

	if (ticket == NULL && ask->evidence != NULL)
	{
		evidence = ask->evidence(ask->evidence_arg);
		now = GetCurrentTimestamp();
	}
	hg_request_uuid(id);
	record = hg_request_json(ask, evidence, id, token, binding,
							 approver->name, now,
							 now + (int64) hg_guc_approval_ttl * USECS_PER_SEC);
	(void) hg_lane_push(HG_REC_APPROVAL_REQUEST, record, strlen(record) + 1,
						true, false);

	/* whoever gives up before it is stored takes it back all the same */
	strlcpy(waiting_for, id, sizeof(waiting_for));
	before = ticket;
	ticket = wait_stored(binding);
	if (ticket == NULL)
		raise_unavailable(ask, NULL, "the request could not be stored in time");
	strlcpy(approval_id, ticket->id, HG_UUID_LEN);

	/* without any wait the last failure is all there is to say */
	if (before != NULL && hg_guc_approval_wait == 0 &&
		only_decider_fails(approver, before) &&
		strcmp(ticket->state, "pending") == 0)
		raise_unavailable(ask, ticket, before->delivery_error ?
						  before->delivery_error :
						  "the request could not be delivered");
	return ticket;
}

/*
 * The session's user gave up on a request that nobody else waits for: take it
 * back.  Running into statement_timeout is not giving up.
 */
static void
take_back(const char *id, TimestampTz timeout_at)
{
	if (id[0] == '\0' || geterrcode() != ERRCODE_QUERY_CANCELED)
		return;
	if (timeout_at != 0 && GetCurrentTimestamp() >= timeout_at)
		return;
	if (!others_wait_for(id))
		push_cancel(id, HG_CANCEL_STATEMENT);
}

void
hg_approval_require(const HgApprovalAsk *ask, char *approval_id)
{
	MemoryContext context;
	MemoryContext old;
	volatile TimestampTz timeout_at = 0;
	HgApprover	approver;
	char	   *version;
	volatile bool granted = false;
	char		binding[HG_BINDING_LEN];
	Size		len = ask->text ? strlen(ask->text) : 0;

	approval_id[0] = '\0';
	last_max_rows = -1;
	last_bound = NULL;
	if (hg_rehearsing)
		ereport(ERROR,
				(errcode(HG_ERRCODE_APPROVAL_REQUIRED),
				 errmsg("a statement inside of it needs an approval of its own"),
				 errdetail_internal("%s", detail(ask, NULL, NULL, NULL))));
	if (shared == NULL)
		hg_report_not_preloaded();
	if (RecoveryInProgress())
		raise_unavailable(ask, NULL,
						  "a standby server cannot store requests");
	if (len == 0)
		raise_unavailable(ask, NULL, "the statement's text is not known");
	if (len > hg_guc_approval_max_statement)
		ereport(ERROR,
				(errcode(HG_ERRCODE_NO_APPROVER),
				 errmsg("statement is too long to be sent for approval"),
				 errdetail_internal("%s", detail(ask, NULL, NULL, NULL)),
				 errhint("An approver has to see all of it: at most %d bytes (hoopguard.approval_max_statement).",
						 hg_guc_approval_max_statement)));

	context = AllocSetContextCreate(CurrentMemoryContext,
									"hoopguard approval",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	if (get_timeout_active(STATEMENT_TIMEOUT))
		timeout_at = get_timeout_finish_time(STATEMENT_TIMEOUT);

	/* a slot of an earlier wait cannot be left, but would be in the way */
	release_slot();
	hg_binding_compute(ask, binding);
	version = pstrdup(ask->policy->version);
	hg_ticket_approver(ask->verdict->rule ? ask->verdict->rule->approver : NULL,
					  &approver);
	PG_TRY();
	{
		for (int i = 0; i < MAX_TRIES && !granted; i++)
		{
			char		token[HG_UUID_LEN];
			HgTicket   *ticket;

			release_slot();
			hg_request_uuid(token);
			ticket = open_request(ask, &approver, binding, token, approval_id);
			strlcpy(waiting_for, approval_id, sizeof(waiting_for));
			if (!ask->may_wait && approver.has_url && !approver.has_role)
				ticket = wait_delivered(ask, ticket, binding);
			ticket = wait_decided(ask, ticket, &approver, binding);
			waiting_for[0] = '\0';
			check_policy(ask, ticket, version);
			granted = used_up_by(ticket, token) ||
				(strcmp(ticket->state, "approved") == 0 &&
				 consume(ask, ticket, binding, token));
			if (granted)
			{
				MemoryContextSwitchTo(ask->keep);
				last_max_rows = ticket->max_rows;
				last_bound = hg_ticket_bound(ticket, binding);
				MemoryContextSwitchTo(context);
			}
		}
		if (!granted)
			raise_unavailable(ask, NULL,
							  "others keep using up the approvals of this statement");
	}
	PG_CATCH();
	{
		char		id[HG_UUID_LEN];

		strlcpy(id, waiting_for, sizeof(id));
		waiting_for[0] = '\0';
		leave_slot();
		take_back(id, timeout_at);
		PG_RE_THROW();
	}
	PG_END_TRY();
	release_slot();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

HgBound *
hg_approval_bound(void)
{
	return last_bound;
}

int64
hg_approval_max_rows(void)
{
	return last_max_rows;
}
