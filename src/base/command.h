/*-------------------------------------------------------------------------
 *
 * command.h
 *	  The words for what a statement does, shared by facts and rules.
 *
 * One X-macro list, so that the enum, the names that rules use and the names
 * that errors and events show cannot drift apart.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_COMMAND_H
#define HG_COMMAND_H

/*
 * HG_C(symbol, word in SQL).  The FN_ entries are function calls by the group
 * that inspect/function_group.c puts the function in; the word FUNCTION in a rule
 * means all of them.
 */
#define HG_COMMAND_LIST \
	HG_C(SELECT, "SELECT") \
	HG_C(INSERT, "INSERT") \
	HG_C(UPDATE, "UPDATE") \
	HG_C(DELETE, "DELETE") \
	HG_C(MERGE, "MERGE") \
	HG_C(TRUNCATE, "TRUNCATE") \
	HG_C(COPY_TO, "COPY_TO") \
	HG_C(COPY_FROM, "COPY_FROM") \
	HG_C(COPY_PROGRAM, "COPY_PROGRAM") \
	HG_C(COPY_FILE, "COPY_FILE") \
	HG_C(CREATE, "CREATE") \
	HG_C(ALTER, "ALTER") \
	HG_C(DROP, "DROP") \
	HG_C(COMMENT, "COMMENT") \
	HG_C(GRANT, "GRANT") \
	HG_C(REVOKE, "REVOKE") \
	HG_C(ROLE, "ROLE") \
	HG_C(SET, "SET") \
	HG_C(SHOW, "SHOW") \
	HG_C(MAINTAIN, "MAINTAIN") \
	HG_C(EXPLAIN, "EXPLAIN") \
	HG_C(DO, "DO") \
	HG_C(CALL, "CALL") \
	HG_C(FUNCTION, "FUNCTION") \
	HG_C(FN_FILE, "FUNCTION_FILE") \
	HG_C(FN_NETWORK, "FUNCTION_NETWORK") \
	HG_C(FN_REPLICATION, "FUNCTION_REPLICATION") \
	HG_C(FN_ADMIN, "FUNCTION_ADMIN") \
	HG_C(FN_SQL, "FUNCTION_SQL") \
	HG_C(FN_LOCK, "FUNCTION_LOCK") \
	HG_C(FN_SESSION, "FUNCTION_SESSION") \
	HG_C(FN_UNCLASSIFIED, "FUNCTION_UNCLASSIFIED") \
	HG_C(LOCK, "LOCK") \
	HG_C(LISTEN, "LISTEN") \
	HG_C(NOTIFY, "NOTIFY") \
	HG_C(PREPARE, "PREPARE") \
	HG_C(EXECUTE, "EXECUTE") \
	HG_C(CURSOR, "CURSOR") \
	HG_C(TRANSACTION, "TRANSACTION") \
	HG_C(DISCARD, "DISCARD") \
	HG_C(EXTENSION, "EXTENSION") \
	HG_C(SYSTEM, "SYSTEM") \
	HG_C(POLICY, "POLICY") \
	HG_C(UNKNOWN, "UNKNOWN")

typedef enum HgCommand
{
#define HG_C(sym, word) HG_CMD_##sym,
	HG_COMMAND_LIST
#undef HG_C
	HG_CMD_COUNT
} HgCommand;

typedef uint64 HgCommandSet;	/* bit (1 << HgCommand) */

#define HG_CMD_BIT(c) (UINT64CONST(1) << (c))

/* The calls of functions; CALL of procedures is a word of its own. */
#define HG_CMD_FUNCTIONS \
	(HG_CMD_BIT(HG_CMD_FUNCTION) | HG_CMD_BIT(HG_CMD_FN_FILE) | \
	 HG_CMD_BIT(HG_CMD_FN_NETWORK) | HG_CMD_BIT(HG_CMD_FN_REPLICATION) | \
	 HG_CMD_BIT(HG_CMD_FN_ADMIN) | HG_CMD_BIT(HG_CMD_FN_SQL) | \
	 HG_CMD_BIT(HG_CMD_FN_LOCK) | HG_CMD_BIT(HG_CMD_FN_SESSION) | \
	 HG_CMD_BIT(HG_CMD_FN_UNCLASSIFIED))

/* Word of a command, a static string. */
extern const char *hg_command_name(HgCommand command);

/*
 * Set meant by one word of a rule: a command, FUNCTION (all FN_ entries) or a
 * group READ WRITE DDL DCL ADMIN FILE NETWORK REPLICATION ALL.  Returns 0 for
 * an unknown word.  Case does not matter.
 */
extern HgCommandSet hg_command_set(const char *word);

/*
 * Command of the calls of functions in a group, given as FILE, NETWORK ... or
 * as the whole word; NONE and FUNCTION are the plain one.  False for any
 * other word.
 */
extern bool hg_command_of_group(const char *group, HgCommand *command);

#endif							/* HG_COMMAND_H */
