/*-------------------------------------------------------------------------
 *
 * watch.c
 *	  How far the record is behind, for those who raise the alarm.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "record/lane_shared.h"
#include "record/watch.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

int
hg_watch_record_age(void)
{
	uint64		oldest = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (hg_lane_shared == NULL)
		return 0;
	for (int i = 0; i < hg_lane_shared->nlanes; i++)
	{
		HgLane	   *lane = &hg_lane_shared->lanes[i];
		uint64		since;

		if (pg_atomic_read_u32(&lane->state) == HG_LANE_FREE ||
			pg_atomic_read_u64(&lane->head) ==
			pg_atomic_read_u64(&lane->durable))
			continue;
		since = pg_atomic_read_u64(&lane->pending_since);
		if (since != 0 && (oldest == 0 || since < oldest))
			oldest = since;
	}
	if (oldest == 0 || (TimestampTz) oldest > now)
		return 0;
	return (int) ((now - (TimestampTz) oldest) / USECS_PER_SEC);
}

bool
hg_watch_launcher(void)
{
	int			pid;

	if (hg_lane_shared == NULL)
		return true;
	LWLockAcquire(hg_lane_shared->lock, LW_SHARED);
	pid = hg_lane_shared->launcher_pid;
	LWLockRelease(hg_lane_shared->lock);
	return pid != 0;
}
