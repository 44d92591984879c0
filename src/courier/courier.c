/*-------------------------------------------------------------------------
 *
 * courier.c
 *	  The HTTP worker: posts requests for approval and polls for decisions.
 *
 * It has shared memory and no database: what it learns it leaves in the
 * delivery table, and a recorder applies it.  It never decides: anything but
 * a well-formed answer to the very question is a failed delivery with a
 * reason.  Its own notes per delivery (jobs) die with it; after a restart
 * every delivery it had begun is sent again under the same id.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "approval/delivery.h"
#include "base/catalog.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/guc_transport.h"
#include "common/pg_prng.h"
#include "courier/courier.h"
#include "courier/http.h"
#include "courier/outbox_send.h"
#include "courier/webhook_sign.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "record/lane.h"
#include "record/watch.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#define RESTART_S 5
#define TURN_MS 5000			/* longest sleep: the heartbeat */
#define ATTEMPTS 3				/* in a row, then the recorder's turn */
#define ATTEMPT_DELAY_MS 100	/* doubled each time, with jitter */
#define BREAKER_FAILURES 5		/* in a row, then no attempt ... */
#define BREAKER_S 30			/* ... for so long; then one probe */
#define POLL_MS 1000			/* at first */
#define POLL_SLOW_MS 5000
#define POLL_SLOW_AFTER_S 60
#define POLL_MAX_S 600			/* then the request is posted again */
#define POLL_FAILURES 5			/* in a row */
#define CLOCK_SKEW_S 300		/* for signed replies */
#define RETRY_AFTER_SOON_S 2	/* else the recorder's turn */
#define WARN_S 60				/* between warnings about one URL */
#define UNREAD_LATE_S 30		/* a recorder takes them at once */
#define LAUNCHER_LATE_S 10		/* it is started again after 5 s */
#define UNREAD_S 600			/* a database that is gone reads nothing */

typedef enum Phase
{
	PHASE_NONE,
	PHASE_POST,
	PHASE_POST_AGAIN,			/* waits for next */
	PHASE_POLL,
	PHASE_POLL_AGAIN			/* waits for next */
} Phase;

typedef struct Job
{
	Phase		phase;
	int			attempts;		/* posts */
	int			failures;		/* polls in a row */
	TimestampTz next;
	TimestampTz accepted_at;
} Job;

static Job	jobs[HG_DELIVERY_COUNT];
static HgSecrets secrets;
static bool secrets_wanted;		/* a file is set */
static bool secrets_loaded;
static uint32 wait_event = 0;

StaticAssertDecl(HG_DELIVERY_COUNT == HG_HTTP_PARCELS,
				 "a delivery's index is its key for http.c");
StaticAssertDecl(HG_HTTP_BODY <= HG_REPLY_MAX,
				 "what http.c reads must fit the parser");

void
hg_courier_register(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = RESTART_S;
	strlcpy(worker.bgw_library_name, "hoopguard",
			sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "hg_courier_main",
			sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "hoopguard courier", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "hoopguard courier", sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}

/* ---- secrets ------------------------------------------------------------ */

static void
load_secrets(void)
{
	char		error[128] = "no signing secret is set";
	bool		ok = false;

	secrets_wanted = hg_guc_webhook_secret_file != NULL &&
		hg_guc_webhook_secret_file[0] != '\0';
	secrets_loaded = false;
	if (secrets_wanted)
	{
		ok = hg_secrets_load(hg_guc_webhook_secret_file, &secrets, error,
							 sizeof(error));
		secrets_loaded = ok;
		if (!ok)
			ereport(WARNING,
					(errcode(ERRCODE_CONFIG_FILE_ERROR),
					 errmsg("hoopguard courier: %s", error)));
		else
			snprintf(error, sizeof(error), "%d for requests, %d for replies",
					 secrets.nrequest, secrets.nresponse);
	}
	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	hg_delivery->secret_ok = ok;
	strlcpy(hg_delivery->secret_state, error,
			sizeof(hg_delivery->secret_state));
	LWLockRelease(&hg_delivery->lock);
}

/* ---- the circuit breaker ------------------------------------------------ */

/* The breaker of a URL; the one used longest ago makes room.  Lock held. */
static HgBreaker *
breaker_of(const char *url)
{
	HgBreaker  *oldest = &hg_delivery->breakers[0];

	for (int i = 0; i < HG_BREAKER_COUNT; i++)
	{
		HgBreaker  *b = &hg_delivery->breakers[i];

		if (strcmp(b->url, url) == 0)
			return b;
		if (b->last_used < oldest->last_used)
			oldest = b;
	}
	memset(oldest, 0, sizeof(*oldest));
	strlcpy(oldest->url, url, sizeof(oldest->url));
	return oldest;
}

/* May the URL be asked?  After its time a probe may, one at a time. */
static bool
breaker_allows(const char *url)
{
	TimestampTz now = GetCurrentTimestamp();
	HgBreaker  *b;
	bool		allowed = true;

	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	b = breaker_of(url);
	b->last_used = now;
	if (b->open_until != 0)
	{
		allowed = b->open_until <= now;
		if (allowed)
			b->open_until = now + BREAKER_S * USECS_PER_SEC;
	}
	LWLockRelease(&hg_delivery->lock);
	return allowed;
}

/* A reply that another attempt will not change; once a minute. */
static void
warn_refused(const char *url, const char *what)
{
	TimestampTz now = GetCurrentTimestamp();
	HgBreaker  *b;
	bool		due;

	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	b = breaker_of(url);
	due = b->warned_at == 0 || now < b->warned_at ||
		now >= b->warned_at + WARN_S * USECS_PER_SEC;
	if (due)
		b->warned_at = now;
	LWLockRelease(&hg_delivery->lock);
	if (due)
		ereport(WARNING,
				(errcode(ERRCODE_CONNECTION_EXCEPTION),
				 errmsg("approval webhook \"%s\": %s", url, what)));
}

static void
breaker_note(const char *url, bool good)
{
	HgBreaker  *b;
	bool		opened = false;
	bool		closed = false;

	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	b = breaker_of(url);
	if (good)
	{
		closed = b->open_until != 0;
		b->failures = 0;
		b->open_until = 0;
	}
	else if (++b->failures >= BREAKER_FAILURES)
	{
		opened = b->open_until == 0;
		b->open_until = GetCurrentTimestamp() + BREAKER_S * USECS_PER_SEC;
	}
	LWLockRelease(&hg_delivery->lock);
	if (opened)
		ereport(WARNING,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("hoopguard: approval webhook \"%s\" has failed %d times in a row",
						url, BREAKER_FAILURES),
				 errdetail("It is left alone, but for one request every %d seconds.",
						   BREAKER_S)));
	else if (closed)
		ereport(LOG,
				(errmsg("hoopguard: approval webhook \"%s\" answers again",
						url)));
}

/* ---- ends of a delivery ------------------------------------------------- */

/* Leave the reply for the recorder. */
static void
finish(int i, const HgReply *reply)
{
	HgDelivery *entry = &hg_delivery->entries[i];
	Oid			dboid;

	hg_http_end(i);
	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	entry->reply = *reply;
	entry->reply.attempts = jobs[i].attempts;
	entry->state = HG_DELIVERY_DONE;
	entry->done_at = GetCurrentTimestamp();
	if (reply->decision == HG_REPLY_FAILED)
		strlcpy(hg_delivery->courier_error, reply->error,
				sizeof(hg_delivery->courier_error));
	dboid = entry->dboid;
	LWLockRelease(&hg_delivery->lock);
	jobs[i].phase = PHASE_NONE;
	hg_lane_poke(dboid, hg_worker_poke);
}

static void
finish_failed(int i, const char *error, int retry_after_s)
{
	HgReply		reply;

	memset(&reply, 0, sizeof(reply));
	reply.max_rows = -1;
	hg_reply_fail(&reply, error);
	reply.retry_after_s = retry_after_s;
	finish(i, &reply);
}

/* It ends without a decision: pending, or a notice that was taken. */
static void
finish_undecided(int i, HgReplyDecision decision)
{
	HgReply		reply;

	memset(&reply, 0, sizeof(reply));
	reply.max_rows = -1;
	reply.decision = decision;
	finish(i, &reply);
}

/* Was the request closed, or has it run out, while this was on its way? */
static bool
settled(int i)
{
	HgDelivery *entry = &hg_delivery->entries[i];
	bool		result;

	LWLockAcquire(&hg_delivery->lock, LW_SHARED);
	result = entry->stop || entry->expires <= GetCurrentTimestamp();
	LWLockRelease(&hg_delivery->lock);
	return result;
}

/* Nobody waits for it any more. */
static void
drop(int i)
{
	hg_http_end(i);
	jobs[i].phase = PHASE_NONE;
	hg_delivery_release(i);
}

/* An attempt came to nothing; the other side may have said when to come back. */
static void
failed_until(int i, const char *error, bool retryable, int retry_after_s)
{
	Job		   *job = &jobs[i];
	long		delay;

	if (settled(i))
	{
		drop(i);
		return;
	}
	hg_http_end(i);
	if (job->phase == PHASE_POLL)
	{
		if (++job->failures >= POLL_FAILURES)
		{
			finish_failed(i, error, retry_after_s);
			return;
		}
		job->phase = PHASE_POLL_AGAIN;
		job->next = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												Max(POLL_MS << job->failures,
													retry_after_s * 1000));
		return;
	}
	if (!retryable || job->attempts >= ATTEMPTS ||
		retry_after_s > RETRY_AFTER_SOON_S)
	{
		finish_failed(i, error, retry_after_s);
		return;
	}
	delay = ATTEMPT_DELAY_MS << job->attempts;
	delay = delay / 2 +
		(long) pg_prng_uint64_range(&pg_global_prng_state, 0, delay / 2);
	delay = Max(delay, retry_after_s * 1000L);
	job->phase = PHASE_POST_AGAIN;
	job->next = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay);
}

static void
failed(int i, const char *error, bool retryable)
{
	failed_until(i, error, retryable, 0);
}

/* ---- sending ------------------------------------------------------------ */

/* Signatures by all secrets, so that the receiver can rotate at its time. */
static bool
sign(const char *id, int64 timestamp, const char *body, int len,
	 char *out, size_t size)
{
	out[0] = '\0';
	for (int i = 0; i < secrets.nrequest; i++)
	{
		char		one[HG_SIGNATURE_LEN];

		if (!hg_webhook_sign(&secrets.request[i], id, timestamp, body, len,
							 one))
			return false;
		if (i > 0)
			strlcat(out, " ", size);
		strlcat(out, one, size);
	}
	return true;
}

/* Post the request, or ask for its state; what fails is noted. */
static void
send_one(int i, bool poll)
{
	HgDelivery *entry = &hg_delivery->entries[i];
	Job		   *job = &jobs[i];
	HgHttpRequest request;
	char		url[HG_DELIVERY_URL + 64];
	char		signature[HG_SECRET_COUNT * HG_SIGNATURE_LEN];
	char		error[128];
	int64		now_s;

	job->phase = poll ? PHASE_POLL : PHASE_POST;
	if (entry->body_len < 0)
	{
		finish_failed(i, "the request is too long for a webhook", 0);
		return;
	}
	if (!secrets_loaded)
	{
		finish_failed(i, "no signing secret can be used: see hoopguard.webhook_secret_file",
					  0);
		return;
	}
	if (!poll)
		job->attempts++;
	if (!breaker_allows(entry->url))
	{
		failed(i, HG_DELIVERY_BREAKER_OPEN, false);
		return;
	}
	strlcpy(url, entry->url, sizeof(url));
	if (poll)
	{
		size_t		len = strlen(url);

		snprintf(url + len, sizeof(url) - len, "%s%s",
				 len > 0 && url[len - 1] == '/' ? "" : "/", entry->id);
	}
	now_s = (int64) time(NULL);
	memset(&request, 0, sizeof(request));
	request.url = url;
	request.body = poll ? NULL : entry->body;
	request.len = poll ? 0 : entry->body_len;
	request.no_body = entry->notice;
	if (entry->opa)
		request.content_type = "application/json";
	request.id = entry->id;
	request.timestamp = now_s;
	if (secrets_loaded)
	{
		if (!sign(entry->id, now_s, request.body, request.len, signature,
				  sizeof(signature)))
		{
			failed(i, "the request could not be signed", false);
			return;
		}
		request.signature = signature;
	}
	request.ca_file = hg_guc_approval_ca_file;
	request.connect_timeout = hg_guc_webhook_connect_timeout;
	request.timeout = hg_guc_webhook_timeout;
	if (!hg_http_start(i, &request, error, sizeof(error)))
		failed(i, error, true);
}

/* ---- answers ------------------------------------------------------------ */

/* Does the URL name this machine?  An address of it, not a name like it. */
static bool
names_this_machine(const char *url)
{
	const char *host = strstr(url, "://");
	size_t		len;

	if (host == NULL)
		return false;
	host += 3;
	if (strncmp(host, "[::1]", 5) == 0)
		return strchr(":/", host[5]) != NULL;	/* or at the end */
	len = strcspn(host, ":/");
	if (len == 9 && strncmp(host, "localhost", 9) == 0)
		return true;
	return strncmp(host, "127.", 4) == 0 &&
		strspn(host, "0123456789.") == len;
}

/*
 * A reply over plain http, or one that says it is signed, must be signed with
 * a secret of the other direction, if there is one.  Over http from another
 * machine there has to be one; add_approver() has checked the form of the URL.
 */
static bool
signature_ok(const HgDelivery *entry, const HgHttpResult *result)
{
	bool		plain = strncmp(entry->url, "http://", 7) == 0;
	bool		remote = plain && !names_this_machine(entry->url);
	char	   *end;
	int64		at;

	/* a policy signs nothing: the way to it has to be safe */
	if (entry->opa && remote && !result->local)
		return false;
	if (entry->opa && !hg_guc_approval_require_signed &&
		result->webhook_signature[0] == '\0')
		return true;
	if (!secrets_loaded || secrets.nresponse == 0)
		return !hg_guc_approval_require_signed && !remote;
	if (!plain && !hg_guc_approval_require_signed && result->webhook_signature[0] == '\0')
		return true;
	if (strcmp(result->webhook_id, entry->id) != 0 ||
		result->webhook_timestamp[0] == '\0')
		return false;
	at = strtoll(result->webhook_timestamp, &end, 10);
	if (*end != '\0' || at < time(NULL) - CLOCK_SKEW_S ||
		at > time(NULL) + CLOCK_SKEW_S)
		return false;
	return hg_webhook_verify(secrets.response, secrets.nresponse, entry->id,
							 at, result->body, result->len,
							 result->webhook_signature);
}

/* The approver has it and has not decided. */
static void
accepted(int i, int retry_after_s)
{
	HgDelivery *entry = &hg_delivery->entries[i];
	Job		   *job = &jobs[i];
	TimestampTz now = GetCurrentTimestamp();
	bool		slow;
	Oid			dboid = InvalidOid;

	if (settled(i))
	{
		drop(i);
		return;
	}
	hg_http_end(i);
	job->failures = 0;
	if (job->accepted_at == 0)
	{
		job->accepted_at = now;
		LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
		entry->accepted = true;
		dboid = entry->dboid;
		LWLockRelease(&hg_delivery->lock);
		hg_lane_poke(dboid, hg_worker_poke);
	}
	if (now > job->accepted_at + POLL_MAX_S * USECS_PER_SEC)
	{
		finish_undecided(i, HG_REPLY_PENDING);
		return;
	}
	slow = now > job->accepted_at + POLL_SLOW_AFTER_S * USECS_PER_SEC;
	job->phase = PHASE_POLL_AGAIN;
	job->next = TimestampTzPlusMilliseconds(now,
											Max(slow ? POLL_SLOW_MS : POLL_MS,
												retry_after_s * 1000));
}

static void
answered(HgHttpResult *result)
{
	int			i = result->key;
	HgDelivery *entry = &hg_delivery->entries[i];
	HgReply		reply;
	char		text[128];

	if (jobs[i].phase != PHASE_POST && jobs[i].phase != PHASE_POLL)
	{
		hg_http_end(i);
		return;
	}
	if (result->status == 0)
	{
		if (result->breaker)
			breaker_note(entry->url, false);
		snprintf(text, sizeof(text), "%s", result->error);
		if (result->certificate)
			warn_refused(entry->url, text);
		failed(i, text, result->retryable);
		return;
	}
	if (entry->notice && result->status >= 200 && result->status < 300)
	{
		breaker_note(entry->url, true);
		finish_undecided(i, HG_REPLY_TAKEN);
		return;
	}
	if (result->status == 202 && !entry->opa)
	{
		breaker_note(entry->url, true);
		accepted(i, result->retry_after_s);
		return;
	}
	if (result->status != 200 && (result->status != 201 || entry->opa))
	{
		bool		again = result->status == 408 || result->status == 425 ||
			result->status == 429 || result->status >= 500;

		breaker_note(entry->url, !again);
		snprintf(text, sizeof(text), "the webhook answered with HTTP status %d",
				 result->status);
		if (!again)
			warn_refused(entry->url, text);
		failed_until(i, text, again, again ? result->retry_after_s : 0);
		return;
	}
	breaker_note(entry->url, true);
	if (!result->json)
	{
		failed(i, "the webhook's answer is not application/json", false);
		return;
	}
	if (!signature_ok(entry, result))
	{
		failed(i, "the webhook's answer is not signed as it must be", false);
		return;
	}
	memset(&reply, 0, sizeof(reply));
	if (entry->opa)
		hg_reply_parse_opa(result->body, result->len, &reply);
	else
		hg_reply_parse(result->body, result->len, entry->id, entry->binding,
					   &reply);
	if (reply.decision == HG_REPLY_FAILED)
		failed(i, reply.error, false);
	else if (reply.decision == HG_REPLY_PENDING)
		accepted(i, result->retry_after_s);
	else
		finish(i, &reply);
}

/* ---- the loop ----------------------------------------------------------- */

/*
 * Take new entries, give up those that are settled; all under the lock.  A
 * post that is under way is left to end: its answer is for the log.
 */
static void
look_at_table(bool *begin)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		dropped[HG_DELIVERY_COUNT];
	bool		late[HG_DELIVERY_COUNT];
	int			nfree = 0;
	int			nunread = 0;

	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	hg_delivery->heartbeat = now;
	for (int i = 0; i < HG_DELIVERY_COUNT; i++)
	{
		HgDelivery *entry = &hg_delivery->entries[i];

		begin[i] = false;
		dropped[i] = false;
		late[i] = false;
		switch (entry->state)
		{
			case HG_DELIVERY_FREE:
				nfree++;
				break;
			case HG_DELIVERY_FILLING:
				break;
			case HG_DELIVERY_READY:
				if (entry->stop || entry->expires <= now)
				{
					dropped[i] = true;
					break;
				}
				entry->state = HG_DELIVERY_SENDING;
				memset(&jobs[i], 0, sizeof(Job));
				begin[i] = true;
				break;
			case HG_DELIVERY_SENDING:
				if (!entry->stop && entry->expires > now)
					break;
				late[i] = jobs[i].phase == PHASE_POST;
				dropped[i] = !late[i];
				break;
			case HG_DELIVERY_DONE:
				dropped[i] = entry->done_at + UNREAD_S * USECS_PER_SEC < now;
				if (entry->done_at + UNREAD_LATE_S * USECS_PER_SEC < now)
					nunread++;
				break;
		}
		if (dropped[i])
		{
			entry->state = HG_DELIVERY_FREE;
			entry->id[0] = '\0';
			nfree++;
		}
	}
	LWLockRelease(&hg_delivery->lock);

	for (int i = 0; i < HG_DELIVERY_COUNT; i++)
		if (dropped[i])
		{
			hg_http_end(i);
			jobs[i].phase = PHASE_NONE;
		}

	/* what is for the log only makes room for new requests */
	for (int i = 0; i < HG_DELIVERY_COUNT && nfree < HG_DELIVERY_KEEP_FREE; i++)
		if (late[i])
		{
			drop(i);
			nfree++;
		}

	hg_alert(HG_ALERT_DELIVERIES, nfree == 0,
			 "as many requests for approval are on their way as there can be");
	hg_alert(HG_ALERT_ANSWERS, nunread > 0,
			 "answers of webhooks are not being applied");

	/* polls make room for new requests; the oldest first */
	while (nfree < HG_DELIVERY_KEEP_FREE)
	{
		int			oldest = -1;

		for (int i = 0; i < HG_DELIVERY_COUNT; i++)
			if (jobs[i].phase == PHASE_POLL_AGAIN &&
				(oldest < 0 ||
				 jobs[i].accepted_at < jobs[oldest].accepted_at))
				oldest = i;
		if (oldest < 0)
			break;
		finish_undecided(oldest, HG_REPLY_PENDING);
		nfree++;
	}
}

/* The record's own workers cannot tell that they do not run. */
static void
watch_record(void)
{
	static TimestampTz seen_at = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (seen_at == 0 || now < seen_at || hg_watch_launcher())
		seen_at = now;
	hg_alert(HG_ALERT_LAUNCHER,
			 now > seen_at + LAUNCHER_LATE_S * USECS_PER_SEC,
			 "the launcher of the recorders does not run");
	hg_alert(HG_ALERT_RECORD, hg_watch_record_age() >= HG_RECORD_LATE_S,
			 "events wait to be recorded, and nobody records them");
}

/* Begin what is due. */
static void
begin_due(const bool *begin)
{
	TimestampTz now = GetCurrentTimestamp();

	for (int i = 0; i < HG_DELIVERY_COUNT; i++)
	{
		Job		   *job = &jobs[i];

		if (begin[i])
			send_one(i, false);
		else if (job->phase == PHASE_POST_AGAIN && job->next <= now)
			send_one(i, false);
		else if (job->phase == PHASE_POLL_AGAIN && job->next <= now)
			send_one(i, true);
	}
}

/* ms to the next that is due, -1 for none. */
static long
next_due(void)
{
	TimestampTz next = 0;

	for (int i = 0; i < HG_DELIVERY_COUNT; i++)
	{
		Job		   *job = &jobs[i];

		if ((job->phase == PHASE_POST_AGAIN ||
			 job->phase == PHASE_POLL_AGAIN) &&
			(next == 0 || job->next < next))
			next = job->next;
	}
	if (next == 0)
		return -1;
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next);
}

/* Wait for the latch, the sockets and the deadlines. */
static void
wait_and_drive(long ms)
{
	WaitEvent	events[16];
	const HgHttpSocket *wanted;
	HgHttpSocket copy[HG_HTTP_SOCKETS];
	WaitEventSet *set;
	long		http_ms;
	int			n = hg_http_wants(&wanted, &http_ms);
	int			got;
	bool		timer;

	timer = http_ms >= 0 && http_ms <= ms;
	ms = timer ? http_ms : ms;
	memcpy(copy, wanted, n * sizeof(HgHttpSocket));
	set = HG_CREATE_WAIT_EVENT_SET(n + 2);
	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	for (int i = 0; i < n; i++)
		if (copy[i].read || copy[i].write)
			AddWaitEventToSet(set, (copy[i].read ? WL_SOCKET_READABLE : 0) |
							  (copy[i].write ? WL_SOCKET_WRITEABLE : 0),
							  copy[i].fd, NULL, &copy[i]);
	got = WaitEventSetWait(set, ms, events, lengthof(events),
						   HG_WAIT_EVENT(wait_event, "HoopguardCourier"));
	FreeWaitEventSet(set);
	for (int i = 0; i < got; i++)
		if (events[i].user_data != NULL)
			hg_http_drive(((HgHttpSocket *) events[i].user_data)->fd,
						  (events[i].events & WL_SOCKET_READABLE) != 0,
						  (events[i].events & WL_SOCKET_WRITEABLE) != 0);
	if (timer)
		hg_http_drive(-1, false, false);
}

static void
on_exit_clear(int code, Datum arg)
{
	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	hg_delivery->courier = NULL;
	hg_delivery->courier_pid = 0;
	LWLockRelease(&hg_delivery->lock);
	hg_outbox_send_detach();
}

/* Take the place of a courier that died: what it had begun is sent again. */
static void
attach(void)
{
	before_shmem_exit(on_exit_clear, (Datum) 0);
	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	hg_delivery->courier = MyLatch;
	hg_delivery->courier_pid = MyProcPid;
	for (int i = 0; i < HG_DELIVERY_COUNT; i++)
		if (hg_delivery->entries[i].state == HG_DELIVERY_SENDING)
			hg_delivery->entries[i].state = HG_DELIVERY_READY;
	LWLockRelease(&hg_delivery->lock);
	hg_outbox_send_attach(MyLatch);
}

void
hg_courier_main(Datum arg)
{
	MemoryContext turn;

	hg_in_worker = true;
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	if (hg_delivery == NULL)
		proc_exit(0);

	/* pg_hmac ties its handles to a resource owner */
	CurrentResourceOwner = ResourceOwnerCreate(NULL, "hoopguard courier");
	turn = AllocSetContextCreate(TopMemoryContext, "hoopguard courier",
								 ALLOCSET_DEFAULT_SIZES);
	attach();
	load_secrets();

	for (;;)
	{
		bool		begin[HG_DELIVERY_COUNT];
		HgHttpResult *result;
		const HgHttpSocket *wanted;
		long		ms;

		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();

		/* not 0: that would mean never to start it again */
		if (ShutdownRequestPending)
			proc_exit(1);
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			load_secrets();
		}
		MemoryContextReset(turn);
		MemoryContextSwitchTo(turn);

		look_at_table(begin);
		watch_record();
		hg_outbox_send_new(secrets_loaded ? &secrets : NULL);
		begin_due(begin);

		/* what was just begun leaves now, not in the next turn */
		(void) hg_http_wants(&wanted, &ms);
		if (ms == 0)
			hg_http_drive(-1, false, false);
		while ((result = hg_http_finished()) != NULL)
		{
			if (!hg_outbox_send_answered(result,
										 secrets_loaded ? &secrets : NULL))
				answered(result);
		}
		ms = next_due();
		wait_and_drive(ms < 0 ? TURN_MS : Min(ms, TURN_MS));
	}
}
