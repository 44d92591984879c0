/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  One request, one start-up for all shared memory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "approval/approval.h"
#include "guard/limits.h"
#include "miscadmin.h"
#include "record/lane.h"
#include "record/outbox.h"
#include "server/hooks.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

/*
 * Locks of the named tranche: 0 lanes, 1 windows of limits, 2 outbox.  Approvals and
 * their deliveries have a tranche of their own, made in approval.c.
 */
#define HG_LOCKS 3

static shmem_request_hook_type next_shmem_request = NULL;
static shmem_startup_hook_type next_shmem_startup = NULL;

static void
hg_shmem_request(void)
{
	Size		size = 0;

	if (next_shmem_request)
		(*next_shmem_request) ();
	size = add_size(size, hg_lane_shmem_size());
	size = add_size(size, hg_approval_shmem_size());
	size = add_size(size, hg_limits_shmem_size());
	size = add_size(size, hg_outbox_shmem_size());
	RequestAddinShmemSpace(size);
	RequestNamedLWLockTranche("hoopguard", HG_LOCKS);
}

/* Each part asks ShmemInitStruct whether its memory was there already. */
static void
hg_shmem_startup(void)
{
	if (next_shmem_startup)
		(*next_shmem_startup) ();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	hg_lane_shmem_init(false);
	hg_approval_shmem_init(false);
	hg_limits_shmem_init(false);
	hg_outbox_shmem_init(&(GetNamedLWLockTranche("hoopguard"))[2].lock);
	LWLockRelease(AddinShmemInitLock);
}

void
hg_shmem_install(void)
{
	next_shmem_request = shmem_request_hook;
	shmem_request_hook = hg_shmem_request;
	next_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = hg_shmem_startup;
}
