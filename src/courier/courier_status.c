/*-------------------------------------------------------------------------
 *
 * courier_status.c
 *	  What status() tells about the courier and the waiting sessions.
 *
 * URLs are shown to whoever may call status(), not to the agents that cause
 * the deliveries: errors name no address.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "approval/approval_private.h"
#include "approval/delivery.h"
#include "base/report.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(hoopguard__courier_status);

static void
add_row(ReturnSetInfo *rsinfo, const char *item, const char *value, bool ok)
{
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	values[0] = CStringGetTextDatum(item);
	values[1] = CStringGetTextDatum(value);
	values[2] = BoolGetDatum(ok);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
add_breakers(ReturnSetInfo *rsinfo, const HgBreaker *breakers,
			 TimestampTz now)
{
	for (int i = 0; i < HG_BREAKER_COUNT; i++)
	{
		const HgBreaker *b = &breakers[i];
		char	   *value;

		if (b->url[0] == '\0')
			continue;
		if (b->open_until > now)
			value = psprintf("open until %s, %d failures in a row",
							 timestamptz_to_str(b->open_until), b->failures);
		else if (b->failures > 0)
			value = psprintf("%d failures in a row", b->failures);
		else
			value = pstrdup("good");
		add_row(rsinfo, psprintf("webhook %s", b->url), value,
				b->failures == 0);
	}
}

Datum
hoopguard__courier_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HgBreaker  *breakers = palloc(sizeof(HgBreaker) * HG_BREAKER_COUNT);
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz heartbeat;
	char		error[256];
	char		secret[128];
	bool		secret_ok;
	bool		alive;
	int			pid;
	int			in_flight = 0;
	int			unread = 0;
	int			used;
	int			total;

	InitMaterializedSRF(fcinfo, 0);
	if (hg_delivery == NULL)
		hg_report_not_preloaded();

	LWLockAcquire(&hg_delivery->lock, LW_SHARED);
	pid = hg_delivery->courier_pid;
	heartbeat = hg_delivery->heartbeat;
	strlcpy(error, hg_delivery->courier_error, sizeof(error));
	strlcpy(secret, hg_delivery->secret_state, sizeof(secret));
	secret_ok = hg_delivery->secret_ok;
	memcpy(breakers, hg_delivery->breakers,
		   sizeof(HgBreaker) * HG_BREAKER_COUNT);
	for (int i = 0; i < HG_DELIVERY_COUNT; i++)
	{
		HgDeliveryState state = hg_delivery->entries[i].state;

		if (state == HG_DELIVERY_DONE)
			unread++;
		else if (state != HG_DELIVERY_FREE)
			in_flight++;
	}
	LWLockRelease(&hg_delivery->lock);
	hg_approval_slots(&used, &total);

	alive = pid != 0 && heartbeat + HG_HEARTBEAT_LATE_S * USECS_PER_SEC > now;
	add_row(rsinfo, "courier", pid == 0 ? "not running" :
			psprintf("pid %d, last turn %s", pid,
					 timestamptz_to_str(heartbeat)), alive);
	add_row(rsinfo, "webhook deliveries in flight", psprintf("%d of %d",
															 in_flight,
															 HG_DELIVERY_COUNT),
			in_flight < HG_DELIVERY_COUNT);
	add_row(rsinfo, "webhook answers not yet applied", psprintf("%d", unread),
			unread < HG_DELIVERY_COUNT / 2);
	add_row(rsinfo, "webhook signing secret", pid == 0 ? "unknown" : secret,
			secret_ok || in_flight == 0);
	if (error[0] != '\0')
		add_row(rsinfo, "last webhook failure", error, true);
	add_row(rsinfo, "sessions waiting for approval",
			psprintf("%d of %d", used, total), used < total);
	add_breakers(rsinfo, breakers, now);
	return (Datum) 0;
}
