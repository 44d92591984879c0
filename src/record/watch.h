/*-------------------------------------------------------------------------
 *
 * watch.h
 *	  How far the record is behind, for those who raise the alarm.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_WATCH_H
#define HG_WATCH_H

/* Older than that is too old: seconds. */
#define HG_RECORD_LATE_S 15

/* Age in seconds of the oldest event that is not recorded; 0: none. */
extern int	hg_watch_record_age(void);

/* Does the launcher run?  It starts the recorders. */
extern bool hg_watch_launcher(void);

#endif							/* HG_WATCH_H */
