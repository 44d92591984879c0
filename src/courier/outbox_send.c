/*-------------------------------------------------------------------------
 *
 * outbox_send.c
 *	  The courier's part of the outbox: posts the messages of each parcel one
 *	  after the other.
 *
 * It stops at the first message that is not acknowledged with a 2xx and says
 * why; when to try again, and from where, is the recorder's business, which
 * has the position in a table.  What a sink says in its reply is not read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "base/guc.h"
#include "courier/outbox_send.h"
#include "record/lane.h"
#include "record/outbox.h"
#include "utils/timestamp.h"

/* An answer that nobody takes: its database is gone or has no recorder. */
#define UNREAD_S 600

/* Leave the answer for the recorder. */
static void
finish(int i, int status, const char *error)
{
	HgParcel   *parcel = &hg_outbox->parcels[i];
	Oid			dboid;

	hg_http_end(HG_HTTP_PARCELS + i);
	LWLockAcquire(hg_outbox->lock, LW_EXCLUSIVE);
	parcel->status = status;
	strlcpy(parcel->error, error, sizeof(parcel->error));
	parcel->state = HG_PARCEL_DONE;
	parcel->done_at = GetCurrentTimestamp();
	dboid = parcel->dboid;
	LWLockRelease(hg_outbox->lock);
	hg_lane_wake(dboid);
}

/* Post the first message that is not acknowledged. */
static void
send_next(int i, const HgSecrets *secrets)
{
	HgParcel   *parcel = &hg_outbox->parcels[i];
	HgMessage  *message = &parcel->messages[parcel->acked];
	HgHttpRequest request;
	char		signature[HG_SECRET_COUNT * HG_SIGNATURE_LEN];
	char		error[128];

	if (secrets == NULL)
	{
		finish(i, 0, "no signing secret can be used: see hoopguard.webhook_secret_file");
		return;
	}
	memset(&request, 0, sizeof(request));
	request.url = parcel->url;
	request.body = parcel->body + message->offset;
	request.len = message->len;
	request.content_type = parcel->content_type;
	request.ignore_reply = true;
	request.id = message->id;
	request.timestamp = (int64) time(NULL);
	signature[0] = '\0';
	for (int s = 0; s < secrets->nrequest; s++)
	{
		char		one[HG_SIGNATURE_LEN];

		if (!hg_webhook_sign(&secrets->request[s], message->id,
							 request.timestamp, request.body, request.len,
							 one))
		{
			finish(i, 0, "the message could not be signed");
			return;
		}
		if (s > 0)
			strlcat(signature, " ", sizeof(signature));
		strlcat(signature, one, sizeof(signature));
	}
	request.signature = signature;
	request.ca_file = hg_guc_approval_ca_file;
	request.connect_timeout = hg_guc_webhook_connect_timeout;
	request.timeout = hg_guc_webhook_timeout;
	if (!hg_http_start(HG_HTTP_PARCELS + i, &request, error, sizeof(error)))
		finish(i, 0, error);
}

void
hg_outbox_send_attach(Latch *latch)
{
	if (hg_outbox == NULL)
		return;
	LWLockAcquire(hg_outbox->lock, LW_EXCLUSIVE);
	hg_outbox->courier = latch;
	for (int i = 0; i < HG_PARCEL_COUNT; i++)
		if (hg_outbox->parcels[i].state == HG_PARCEL_SENDING)
			hg_outbox->parcels[i].state = HG_PARCEL_READY;
	LWLockRelease(hg_outbox->lock);
}

void
hg_outbox_send_detach(void)
{
	if (hg_outbox == NULL)
		return;
	LWLockAcquire(hg_outbox->lock, LW_EXCLUSIVE);
	hg_outbox->courier = NULL;
	LWLockRelease(hg_outbox->lock);
}

void
hg_outbox_send_new(const HgSecrets *secrets)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		begin[HG_PARCEL_COUNT];

	if (hg_outbox == NULL)
		return;
	LWLockAcquire(hg_outbox->lock, LW_EXCLUSIVE);
	for (int i = 0; i < HG_PARCEL_COUNT; i++)
	{
		HgParcel   *parcel = &hg_outbox->parcels[i];

		begin[i] = parcel->state == HG_PARCEL_READY;
		if (begin[i])
			parcel->state = HG_PARCEL_SENDING;
		else if (parcel->state == HG_PARCEL_DONE &&
				 parcel->done_at + UNREAD_S * USECS_PER_SEC < now)
			parcel->state = HG_PARCEL_FREE;
	}
	LWLockRelease(hg_outbox->lock);
	for (int i = 0; i < HG_PARCEL_COUNT; i++)
		if (begin[i])
			send_next(i, secrets);
}

bool
hg_outbox_send_answered(const HgHttpResult *result, const HgSecrets *secrets)
{
	int			i = result->key - HG_HTTP_PARCELS;
	HgParcel   *parcel;
	int			status = result->status;
	char		text[256];

	if (i < 0)
		return false;
	parcel = &hg_outbox->parcels[i];
	if (parcel->state != HG_PARCEL_SENDING)
	{
		hg_http_end(result->key);
		return true;
	}
	if (status < 200 || status > 299)
	{
		if (status == 0)
			strlcpy(text, result->error, sizeof(text));
		else
			snprintf(text, sizeof(text), "the sink answered with HTTP status %d",
					 status);
		finish(i, status, text);
		return true;
	}
	LWLockAcquire(hg_outbox->lock, LW_EXCLUSIVE);
	parcel->acked++;
	LWLockRelease(hg_outbox->lock);
	if (parcel->acked < parcel->nmessages)
		send_next(i, secrets);
	else
		finish(i, status, "");
	return true;
}
