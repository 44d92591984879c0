/*-------------------------------------------------------------------------
 *
 * rule_when.c
 *	  Conditions of rules on the time and on where the client is.
 *
 * Nothing here depends on a setting that a session may change: hours are
 * those of the zone that is named, or of log_timezone, and points in time
 * have to name their zone.
 *
 *	  hours		[days] HH:MM-HH:MM [, zone]		mon-fri 08:00-18:00, Europe/Berlin
 *	  during	point, point					2026-03-01 08:00Z, 2026-03-01 12:00+01
 *	  address	address[/bits] or local			10.0.0.0/8
 *
 * Quotes around a part are taken away.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/port.h"
#include "miscadmin.h"
#include "policy/rule_when.h"
#include "utils/builtins.h"
#include "utils/inet.h"
#include "utils/timestamp.h"

#define DAY_MINUTES 1440
#define ALL_DAYS 0x7f

/* A part without the white space and quotes around it, palloc'd. */
static char *
clean(const char *start, const char *end)
{
	while (start < end && (isspace((unsigned char) *start) || *start == '\''))
		start++;
	while (end > start && (isspace((unsigned char) end[-1]) || end[-1] == '\''))
		end--;
	return pnstrdup(start, end - start);
}

/* Split at the last comma; *second is NULL when there is none. */
static char *
split(const char *text, char **second)
{
	const char *comma = strrchr(text, ',');
	const char *end = text + strlen(text);

	*second = comma ? clean(comma + 1, end) : NULL;
	return clean(text, comma ? comma : end);
}

/* ---- hours ------------------------------------------------------------- */

static int
day_number(const char *name)
{
	static const char *const names[] = {
		"sun", "mon", "tue", "wed", "thu", "fri", "sat"
	};

	for (int i = 0; i < lengthof(names); i++)
		if (pg_strncasecmp(name, names[i], 3) == 0)
			return i;
	return -1;
}

/* "mon-fri", "sat" or "mon-wed+sat" into bits; false if it is none. */
static bool
parse_days(const char *text, int *days)
{
	*days = 0;
	for (;;)
	{
		int			from = day_number(text);
		int			to = from;

		if (from < 0)
			return false;
		text += 3;
		if (*text == '-')
		{
			to = day_number(text + 1);
			if (to < 0)
				return false;
			text += 4;
		}
		for (int day = from;; day = (day + 1) % 7)
		{
			*days |= 1 << day;
			if (day == to)
				break;
		}
		if (*text == '\0')
			return true;
		if (*text++ != '+')
			return false;
	}
}

char *
hg_when_parse_hours(const char *text, HgHours *hours)
{
	char	   *zone;
	char	   *span = split(text, &zone);
	char	   *blank = strrchr(span, ' ');
	char	   *times = blank ? blank + 1 : span;
	int			h1,
				m1,
				h2,
				m2;
	int			used = 0;

	hours->days = ALL_DAYS;
	hours->zone = NULL;
	if (blank != NULL)
	{
		if (!parse_days(clean(span, blank), &hours->days))
			return psprintf("invalid days in \"%s\"", span);
	}
	if (sscanf(times, "%2d:%2d-%2d:%2d%n", &h1, &m1, &h2, &m2, &used) != 4 ||
		times[used] != '\0' || h1 < 0 || h1 > 24 || h2 < 0 || h2 > 24 ||
		m1 < 0 || m1 > 59 || m2 < 0 || m2 > 59)
		return psprintf("invalid hours \"%s\"", times);
	hours->from = h1 * 60 + m1;
	hours->to = h2 * 60 + m2;
	if (hours->from > DAY_MINUTES || hours->to > DAY_MINUTES ||
		hours->from == hours->to)
		return psprintf("invalid hours \"%s\"", times);
	if (zone != NULL)
	{
		hours->zone = pg_tzset(zone);
		if (hours->zone == NULL)
			return psprintf("unrecognized time zone \"%s\"", zone);
	}
	return NULL;
}

bool
hg_when_hours_hold(const HgHours *hours, TimestampTz now)
{
	pg_time_t	seconds = timestamptz_to_time_t(now);
	struct pg_tm *tm = pg_localtime(&seconds,
									hours->zone ? hours->zone : log_timezone);
	int			minute;
	int			day;

	if (tm == NULL)
		return true;			/* beyond all calendars: be strict */
	minute = tm->tm_hour * 60 + tm->tm_min;
	day = tm->tm_wday;
	if (hours->from < hours->to)
		return minute >= hours->from && minute < hours->to &&
			(hours->days & (1 << day)) != 0;

	/* over midnight: what comes after it belongs to the day before */
	if (minute < hours->to)
		return (hours->days & (1 << ((day + 6) % 7))) != 0;
	return minute >= hours->from && (hours->days & (1 << day)) != 0;
}

/* ---- points in time ---------------------------------------------------- */

/* 2026-03-01 08:00Z, or with +hh[:mm] instead of Z. */
static bool
parse_point(const char *text, TimestampTz *point)
{
	struct pg_tm tm = {0};
	int			used = 0;
	int			zone = 0;
	int			minutes = 0;

	if (sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
			   &used) != 3 ||
		tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31)
		return false;
	text += used;
	if (*text == ' ' || *text == 'T')
	{
		used = 0;
		if (sscanf(text + 1, "%2d:%2d%n", &tm.tm_hour, &tm.tm_min, &used) != 2 ||
			tm.tm_hour < 0 || tm.tm_hour > 24 || tm.tm_min < 0 ||
			tm.tm_min > 59)
			return false;
		text += 1 + used;
	}
	if (strcmp(text, "Z") != 0)
	{
		int			sign = *text == '-' ? -1 : 1;

		if (*text != '+' && *text != '-')
			return false;
		used = 0;
		if (sscanf(text + 1, "%2d%n", &zone, &used) != 1)
			return false;
		text += 1 + used;
		if (*text == ':')
		{
			used = 0;
			if (sscanf(text + 1, "%2d%n", &minutes, &used) != 1)
				return false;
			text += 1 + used;
		}
		if (*text != '\0' || zone < 0 || zone > 15 || minutes < 0 ||
			minutes > 59)
			return false;
		zone = sign * (zone * 60 + minutes) * 60;
	}
	zone = -zone;				/* the server counts to the west */
	return tm2timestamp(&tm, 0, &zone, point) == 0;
}

char *
hg_when_parse_during(const char *text, HgDuring *during)
{
	char	   *to;
	char	   *from = split(text, &to);

	if (to == NULL)
		return psprintf("\"%s\" is one point in time, not two", from);
	if (!parse_point(from, &during->from))
		return psprintf("invalid point in time \"%s\"", from);
	if (!parse_point(to, &during->to))
		return psprintf("invalid point in time \"%s\"", to);
	if (during->from >= during->to)
		return psprintf("\"%s\" is not before \"%s\"", from, to);
	return NULL;
}

bool
hg_when_during_holds(const HgDuring *during, TimestampTz now)
{
	return now >= during->from && now < during->to;
}

/* ---- addresses --------------------------------------------------------- */

char *
hg_when_parse_address(const char *text, HgAddress *address)
{
	char	   *value = clean(text, text + strlen(text));
	bool		six = strchr(value, ':') != NULL;

	memset(address, 0, sizeof(*address));
	if (pg_strcasecmp(value, "local") == 0)
		return NULL;
	address->family = six ? AF_INET6 : AF_INET;

	/* a prefix of its own family is what this function of the server knows */
	address->bits = pg_inet_net_pton(six ? PGSQL_AF_INET6 : PGSQL_AF_INET,
									 value, address->bytes, -1);
	if (address->bits < 0)
		return psprintf("invalid address \"%s\"", value);
	return NULL;
}

void
hg_when_client(HgAddress *client)
{
	static const unsigned char mapped[12] = {[10] = 0xff,[11] = 0xff};
	struct sockaddr_storage *from;

	memset(client, 0, sizeof(*client));
	if (MyProcPort == NULL)
	{
		client->family = -1;
		return;
	}
	from = &MyProcPort->raddr.addr;
	if (from->ss_family == AF_INET)
	{
		client->family = AF_INET;
		client->bits = 32;
		memcpy(client->bytes, &((struct sockaddr_in *) from)->sin_addr, 4);
	}
	else if (from->ss_family == AF_INET6)
	{
		unsigned char *bytes = (unsigned char *)
			&((struct sockaddr_in6 *) from)->sin6_addr;

		client->family = AF_INET6;
		client->bits = 128;
		memcpy(client->bytes, bytes, 16);
		if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
		{
			client->family = AF_INET;
			client->bits = 32;
			memmove(client->bytes, client->bytes + 12, 4);
		}
	}
}

bool
hg_when_address_holds(const HgAddress *network, const HgAddress *client)
{
	return network->family == client->family &&
		bitncmp(network->bytes, client->bytes, network->bits) == 0;
}
