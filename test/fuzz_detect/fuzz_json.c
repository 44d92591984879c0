/*
 * fuzz_json.c
 *	  The scrubber of JSON and XML on any bytes.
 *
 * A text that is JSON before must be JSON after; a second time nothing may be
 * found.  The first byte chooses encoding, context and kind.
 */
#include "harness.h"

#include "mask/scrub_text.h"

/* Is this JSON?  Written for this check, with a limit of depth. */
static int
json_value(const char *s, int len, int i, int depth);

static int
json_space(const char *s, int len, int i)
{
	while (i < len && strchr(" \t\n\r", s[i]) != NULL && s[i] != '\0')
		i++;
	return i;
}

static int
json_string(const char *s, int len, int i)
{
	if (i >= len || s[i] != '"')
		return -1;
	for (i++; i < len; i++)
	{
		if (s[i] == '"')
			return i + 1;
		if ((unsigned char) s[i] < ' ')
			return -1;
		if (s[i] == '\\')
		{
			i++;
			if (i >= len || s[i] == '\0' ||
				strchr("\"\\/bfnrtu", s[i]) == NULL)
				return -1;
			if (s[i] == 'u')
			{
				for (int k = 1; k <= 4; k++)
					if (i + k >= len || s[i + k] == '\0' ||
						strchr("0123456789abcdefABCDEF", s[i + k]) == NULL)
						return -1;
				i += 4;
			}
		}
	}
	return -1;
}

static int
json_number(const char *s, int len, int i)
{
	int			start;

	if (i < len && s[i] == '-')
		i++;
	if (i < len && s[i] == '0')
		i++;
	else
	{
		start = i;
		while (i < len && s[i] >= '0' && s[i] <= '9')
			i++;
		if (i == start)
			return -1;
	}
	if (i < len && s[i] == '.')
	{
		start = ++i;
		while (i < len && s[i] >= '0' && s[i] <= '9')
			i++;
		if (i == start)
			return -1;
	}
	if (i < len && (s[i] == 'e' || s[i] == 'E'))
	{
		i++;
		if (i < len && (s[i] == '+' || s[i] == '-'))
			i++;
		start = i;
		while (i < len && s[i] >= '0' && s[i] <= '9')
			i++;
		if (i == start)
			return -1;
	}
	return i;
}

static int
json_members(const char *s, int len, int i, int depth, char end)
{
	i = json_space(s, len, i + 1);
	if (i < len && s[i] == end)
		return i + 1;
	for (;;)
	{
		if (end == '}')
		{
			i = json_string(s, len, json_space(s, len, i));
			if (i < 0)
				return -1;
			i = json_space(s, len, i);
			if (i >= len || s[i] != ':')
				return -1;
			i++;
		}
		i = json_value(s, len, i, depth + 1);
		if (i < 0)
			return -1;
		i = json_space(s, len, i);
		if (i < len && s[i] == end)
			return i + 1;
		if (i >= len || s[i] != ',')
			return -1;
		i++;
	}
}

static int
json_value(const char *s, int len, int i, int depth)
{
	i = json_space(s, len, i);
	if (i >= len || depth > 200)
		return -1;
	switch (s[i])
	{
		case '{':
			return json_members(s, len, i, depth, '}');
		case '[':
			return json_members(s, len, i, depth, ']');
		case '"':
			return json_string(s, len, i);
		case 't':
			return len - i >= 4 && memcmp(s + i, "true", 4) == 0 ? i + 4 : -1;
		case 'f':
			return len - i >= 5 && memcmp(s + i, "false", 5) == 0 ? i + 5 : -1;
		case 'n':
			return len - i >= 4 && memcmp(s + i, "null", 4) == 0 ? i + 4 : -1;
		default:
			return json_number(s, len, i);
	}
}

static bool
is_json(const char *s, int len)
{
	int			i = json_value(s, len, 0, 0);

	return i >= 0 && json_space(s, len, i) == len;
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	StringInfoData out;
	int			len;
	unsigned char how;
	char	   *s;
	HgContext	context;

	if (size < 1 || size > 1 << 20)
		return 0;
	how = data[0];
	len = size - 1;
	s = malloc(len > 0 ? len : 1);
	memcpy(s, data + 1, len);
	harness_encoding = how & 0x10 ? 6 : 8;
	initStringInfo(&out);
	hg_detect_context(&context, how & 1 ? "ssn" : NULL);
	if (how & 0x20)
		(void) hg_scrub_xml(s, len, &context, &out);
	else
	{
		bool		before = is_json(s, len);
		bool		changed = hg_scrub_json(s, len, &context,
											&out);

		if (changed && before && !is_json(out.data, out.len))
		{
			fprintf(stderr, "broken: %.*s\n", out.len, out.data);
			abort();
		}
	}
	free(out.data);
	free(s);
	return 0;
}
