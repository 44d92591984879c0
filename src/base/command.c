/*-------------------------------------------------------------------------
 *
 * command.c
 *	  Words of rules to sets of commands, and back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/command.h"

static const char *const command_names[] = {
#define HG_C(sym, word) word,
	HG_COMMAND_LIST
#undef HG_C
};

#define B(sym) HG_CMD_BIT(HG_CMD_##sym)

/* Groups of the rule language; docs/commands.md shows the same table. */
static const struct
{
	const char *word;
	HgCommandSet set;
}			command_groups[] = {
	{"READ", B(SELECT) | B(COPY_TO)},
	{"WRITE", B(INSERT) | B(UPDATE) | B(DELETE) | B(MERGE) | B(TRUNCATE) |
	B(COPY_FROM)},
	{"DDL", B(CREATE) | B(ALTER) | B(DROP) | B(COMMENT)},
	{"DCL", B(GRANT) | B(REVOKE) | B(ROLE)},
	{"ADMIN", B(SYSTEM) | B(EXTENSION) | B(FN_ADMIN) | B(POLICY)},
	{"FILE", B(COPY_FILE) | B(COPY_PROGRAM) | B(FN_FILE)},
	{"NETWORK", B(FN_NETWORK)},
	{"REPLICATION", B(FN_REPLICATION)},
	{"FUNCTION", HG_CMD_FUNCTIONS},
	{"GRANT", B(GRANT) | B(REVOKE)},
	{"ALL", HG_CMD_BIT(HG_CMD_COUNT) - 1},
};

const char *
hg_command_name(HgCommand command)
{
	Assert(command >= 0 && command < HG_CMD_COUNT);
	return command_names[command];
}

HgCommandSet
hg_command_set(const char *word)
{
	for (int i = 0; i < lengthof(command_groups); i++)
		if (pg_strcasecmp(word, command_groups[i].word) == 0)
			return command_groups[i].set;
	for (int i = 0; i < HG_CMD_COUNT; i++)
		if (pg_strcasecmp(word, command_names[i]) == 0)
			return HG_CMD_BIT(i);
	return 0;
}

bool
hg_command_of_group(const char *group, HgCommand *command)
{
	static const char prefix[] = "FUNCTION_";

	if (pg_strcasecmp(group, "NONE") == 0 ||
		pg_strcasecmp(group, "FUNCTION") == 0)
	{
		*command = HG_CMD_FUNCTION;
		return true;
	}
	if (pg_strncasecmp(group, prefix, strlen(prefix)) == 0)
		group += strlen(prefix);
	for (int i = 0; i < HG_CMD_COUNT; i++)
	{
		if ((HG_CMD_FUNCTIONS & HG_CMD_BIT(i)) != 0 && i != HG_CMD_FUNCTION &&
			pg_strcasecmp(command_names[i] + strlen(prefix), group) == 0)
		{
			*command = i;
			return true;
		}
	}
	return false;
}
