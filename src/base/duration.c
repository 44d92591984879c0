/*-------------------------------------------------------------------------
 *
 * duration.c
 *	  Times of days and longer, as settings write them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/duration.h"

typedef struct Unit
{
	const char *name;
	int			hours;
} Unit;

static const Unit units[] = {
	{"h", 1}, {"hour", 1}, {"hours", 1},
	{"d", 24}, {"day", 24}, {"days", 24},
	{"w", 168}, {"week", 168}, {"weeks", 168},
	{"mon", 720}, {"mons", 720}, {"month", 720}, {"months", 720},
	{"y", 8760}, {"year", 8760}, {"years", 8760}
};

static const char *
skip_space(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* A word of letters at *p, which moves behind it; its hours, 0: unknown. */
static int
take_unit(const char **p)
{
	const char *start = *p;
	Size		len;
	int			i;

	while ((**p >= 'a' && **p <= 'z') || (**p >= 'A' && **p <= 'Z'))
		(*p)++;
	len = *p - start;
	for (i = 0; i < (int) lengthof(units); i++)
	{
		if (strlen(units[i].name) == len &&
			pg_strncasecmp(units[i].name, start, len) == 0)
			return units[i].hours;
	}
	return 0;
}

bool
hg_duration_days(const char *text, int *days)
{
	const char *p = skip_space(text == NULL ? "" : text);
	int64		hours = 0;
	int			terms = 0;

	*days = 0;
	if (*p == '\0' || pg_strcasecmp(p, "none") == 0 ||
		pg_strcasecmp(p, "forever") == 0)
		return true;
	while (*p != '\0')
	{
		int64		number = 0;
		int			unit;

		if (*p < '0' || *p > '9')
			return false;
		for (; *p >= '0' && *p <= '9'; p++)
		{
			number = number * 10 + (*p - '0');
			if (number > (int64) HG_DURATION_MAX_DAYS * 24)
				return false;
		}
		p = skip_space(p);
		if (*p == '\0' && terms == 0)
			unit = 24;
		else if ((unit = take_unit(&p)) == 0)
			return false;
		hours += number * unit;
		if (hours > (int64) HG_DURATION_MAX_DAYS * 24)
			return false;
		terms++;
		p = skip_space(p);
	}
	*days = (int) ((hours + 23) / 24);
	return true;
}
