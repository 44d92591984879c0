/*-------------------------------------------------------------------------
 *
 * rule_when.h
 *	  Conditions of rules on the time and on where the client is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_RULE_WHEN_H
#define HG_RULE_WHEN_H

#include "datatype/timestamp.h"
#include "pgtime.h"

/* A stretch of the day on some days of the week, in one time zone. */
typedef struct HgHours
{
	int			days;			/* bit per day, 0 is Sunday */
	int			from;			/* minutes since midnight */
	int			to;				/* not included; before from: over midnight */
	pg_tz	   *zone;			/* NULL: the server's, log_timezone */
} HgHours;

typedef struct HgDuring
{
	TimestampTz from;
	TimestampTz to;				/* not included */
} HgDuring;

/* An address, or with fewer bits than it has a network. */
typedef struct HgAddress
{
	int			family;			/* AF_INET, AF_INET6, 0: a Unix socket */
	int			bits;
	unsigned char bytes[16];
} HgAddress;

/*
 * Parse the argument of hours(), during() and client_addr().  NULL, or what
 * is wrong with it, palloc'd.
 */
extern char *hg_when_parse_hours(const char *text, HgHours *hours);
extern char *hg_when_parse_during(const char *text, HgDuring *during);
extern char *hg_when_parse_address(const char *text, HgAddress *address);

extern bool hg_when_hours_hold(const HgHours *hours, TimestampTz now);
extern bool hg_when_during_holds(const HgDuring *during, TimestampTz now);
extern bool hg_when_address_holds(const HgAddress *network,
								  const HgAddress *client);

/* Where this session's client is; family -1 where there is none. */
extern void hg_when_client(HgAddress *client);

#endif							/* HG_RULE_WHEN_H */
