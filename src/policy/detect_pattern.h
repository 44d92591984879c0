/*-------------------------------------------------------------------------
 *
 * detect_pattern.h
 *	  Patterns that administrators add to the detection of values.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_DETECT_PATTERN_H
#define HG_DETECT_PATTERN_H

#include "policy/detect.h"

/*
 * How many patterns there are, read and compiled again when the policy has
 * changed.  0 where hoopguard is not installed.
 */
extern int	hg_pattern_count(void);

/*
 * The first match of pattern i at or after `from` whose hint, if it has one,
 * is in the context or in front.  A pattern that takes too long is taken to
 * match all the rest: what could not be looked at is hidden.
 */
extern bool hg_pattern_next(int i, const HgScan *scan, int from, HgSpan *span);

/* Does a name hold the hint of pattern i?  True if the pattern has none. */
extern bool hg_pattern_hinted(int i, const char *name);

#endif							/* HG_DETECT_PATTERN_H */
