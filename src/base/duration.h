/*-------------------------------------------------------------------------
 *
 * duration.h
 *	  Times of days and longer, as settings write them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_DURATION_H
#define HG_DURATION_H

/* Longest duration understood. */
#define HG_DURATION_MAX_DAYS 36500

/*
 * "90 days", "12w", "1 year 6 months", or a bare number of days; a month is
 * 30 days, a year 365, hours are rounded up.  Empty, "0", "none" and "forever"
 * are 0.  False if it is none of this, or beyond HG_DURATION_MAX_DAYS.
 * Needs no catalog and raises nothing, so that a check hook can call it.
 */
extern bool hg_duration_days(const char *text, int *days);

#endif							/* HG_DURATION_H */
