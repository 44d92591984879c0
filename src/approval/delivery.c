/*-------------------------------------------------------------------------
 *
 * delivery.c
 *	  The table in shared memory between recorders and the courier.
 *
 * The lock covers the states; the bodies are read and written without it by
 * whoever owns the entry in its present state (see delivery.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "approval/delivery.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

HgDeliveryTable *hg_delivery = NULL;
uint32		hg_worker_poke = 0;

Size
hg_delivery_shmem_size(void)
{
	return MAXALIGN(sizeof(HgDeliveryTable));
}

void
hg_delivery_shmem_init(void *where, bool found, int tranche)
{
	hg_delivery = (HgDeliveryTable *) where;
	if (found)
		return;
	memset(hg_delivery, 0, offsetof(HgDeliveryTable, entries));
	LWLockInitialize(&hg_delivery->lock, tranche);
	for (int i = 0; i < HG_DELIVERY_COUNT; i++)
	{
		hg_delivery->entries[i].state = HG_DELIVERY_FREE;
		hg_delivery->entries[i].id[0] = '\0';
	}
}

int
hg_delivery_reserve(Oid dboid, int keep_free)
{
	int			nfree = 0;
	int			found = -1;

	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	for (int i = 0; i < HG_DELIVERY_COUNT && nfree <= keep_free; i++)
	{
		if (hg_delivery->entries[i].state != HG_DELIVERY_FREE)
			continue;
		nfree++;
		found = i;
	}
	if (nfree <= keep_free)
		found = -1;
	if (found >= 0)
	{
		HgDelivery *entry = &hg_delivery->entries[found];

		entry->state = HG_DELIVERY_FILLING;
		entry->dboid = dboid;
		entry->stop = false;
		entry->accepted = false;
		entry->opa = false;
		entry->notice = false;
		entry->id[0] = '\0';
		entry->request[0] = '\0';
	}
	LWLockRelease(&hg_delivery->lock);
	return found;
}

void
hg_delivery_publish(int i)
{
	Latch	   *courier;

	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	hg_delivery->entries[i].state = HG_DELIVERY_READY;
	courier = hg_delivery->courier;
	LWLockRelease(&hg_delivery->lock);
	if (courier != NULL)
		SetLatch(courier);
}

void
hg_delivery_release(int i)
{
	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	hg_delivery->entries[i].state = HG_DELIVERY_FREE;
	hg_delivery->entries[i].id[0] = '\0';
	LWLockRelease(&hg_delivery->lock);
}

void
hg_alert(HgAlert alert, bool wrong, const char *what)
{
	bool		changed;

	if (hg_delivery == NULL)
		return;
	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	changed = hg_delivery->alerts[alert] != wrong;
	hg_delivery->alerts[alert] = wrong;
	LWLockRelease(&hg_delivery->lock);
	if (changed && wrong)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("hoopguard: %s", what),
				 errhint("hoopguard.status() tells more.")));
	else if (changed)
		ereport(LOG, (errmsg("hoopguard: no longer: %s", what)));
}

bool
hg_courier_well(void)
{
	bool		well;

	LWLockAcquire(&hg_delivery->lock, LW_SHARED);
	well = hg_delivery->courier_pid != 0 &&
		hg_delivery->heartbeat + HG_HEARTBEAT_LATE_S * USECS_PER_SEC >
		GetCurrentTimestamp();
	LWLockRelease(&hg_delivery->lock);
	return well;
}

bool
hg_delivery_breaker_open(const char *url)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		open = false;

	if (hg_delivery == NULL)
		return false;
	LWLockAcquire(&hg_delivery->lock, LW_SHARED);
	for (int i = 0; i < HG_BREAKER_COUNT && !open; i++)
		open = hg_delivery->breakers[i].open_until > now &&
			strcmp(hg_delivery->breakers[i].url, url) == 0;
	LWLockRelease(&hg_delivery->lock);
	return open;
}

void
hg_delivery_stop(const char *id)
{
	Latch	   *courier = NULL;

	LWLockAcquire(&hg_delivery->lock, LW_EXCLUSIVE);
	for (int i = 0; i < HG_DELIVERY_COUNT; i++)
	{
		HgDelivery *entry = &hg_delivery->entries[i];

		if (entry->state == HG_DELIVERY_FREE || strcmp(entry->id, id) != 0)
			continue;
		entry->stop = true;
		if (entry->state != HG_DELIVERY_DONE)
			courier = hg_delivery->courier;
	}
	LWLockRelease(&hg_delivery->lock);
	if (courier != NULL)
		SetLatch(courier);
}
