/*-------------------------------------------------------------------------
 *
 * failure.c
 *	  What fails, or ends, where no statement hook sees it.
 *
 * A statement that does not parse, or names what is not there, or is sent in
 * a transaction that has failed, meets none of the hooks; neither does a
 * connection that is refused, nor an error of the commit itself.  All of them
 * reach the server log, so emit_log_hook tells of them.  It runs while the
 * error is being reported: no catalog, and no other error may be caught
 * there.  Therefore who acts is kept from the last statement, or from the
 * login, and a text is made only where the server's parser has taken it.
 *
 * An error whose statement has recorded it by itself is known by the time at
 * which the client's message began.
 *
 * The hook is not called for what log_min_messages leaves out; of the default
 * and every lower setting that is nothing of the kind.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/catalog.h"
#include "base/port.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "record/event.h"
#include "replication/walsender.h"
#include "server/failure.h"
#include "server/fastcall.h"
#include "server/stmt.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Who acted last; names are copies, the identity cache may be gone. */
static struct
{
	bool		known;
	bool		audited;
	bool		governed;
	uint64		key;
	uint64		generation;
	Oid			session_role;
	Oid			current_role;
	char		subject[NAMEDATALEN];
	char		session_name[NAMEDATALEN];
	char		current_name[NAMEDATALEN];
}			last;

static bool logged_in = false;
static bool in_message = false;

/*
 * The last event of level 0: of which message of the client, how it went, and
 * where the message goes on, -1 if it does not.
 */
static TimestampTz seen_in = 0;
static int64 seen_event = 0;
static int	seen_sqlstate = 0;
static int	seen_next = -1;
static bool seen_ends = false;	/* a commit follows it */

void
hg_failure_remember(const HgIdentity *who, bool audited)
{
	in_message = false;			/* should an error have left it */
	if (last.known && last.key == who->key && last.audited == audited &&
		last.generation == who->generation)
		return;
	last.known = true;
	last.audited = audited;
	last.governed = who->governed;
	last.key = who->key;
	last.generation = who->generation;
	last.session_role = who->session_role;
	last.current_role = who->current_role;
	strlcpy(last.session_name, who->session_role_name, NAMEDATALEN);
	strlcpy(last.current_name, who->current_role_name, NAMEDATALEN);
	last.subject[0] = '\0';
	if (who->subjects != NIL)
		strlcpy(last.subject, ((HgSubject *) linitial(who->subjects))->name,
				NAMEDATALEN);
}

/*
 * In the transaction of the login, whose commit is the first thing to tell us
 * of the session.  Nothing here may keep people out: what is locked or
 * damaged is left for the first statement to find.
 */
void
hg_failure_login(void)
{
	const HgIdentity *who;
	bool		audited;

	if (logged_in)
		return;
	logged_in = true;
	if (hg_in_worker || MyProcPort == NULL ||
		(am_walsender && !am_db_walsender) ||
		hg_guc_audit == HG_AUDIT_NONE || !OidIsValid(MyDatabaseId) ||
		hg_catalog_damaged() || !hg_catalog_present())
		return;
	if (!ConditionalLockRelationOid(hg_catalog_rel(HG_REL_SUBJECT),
									AccessShareLock))
		return;
	who = hg_subject_current();
	audited = hg_stmt_is_audited(who);
	hg_failure_remember(who, audited);
	if (audited)
		hg_event_ensure_session(true);
}

void
hg_failure_seen(int64 event_id, int level, int sqlstate, int next, bool ends)
{
	if (level > 0)
		return;
	seen_event = event_id;
	seen_in = GetCurrentStatementStartTimestamp();
	seen_sqlstate = sqlstate;
	seen_next = next;
	seen_ends = ends;
}

int64
hg_failure_seen_event(void)
{
	return seen_event;
}

void
hg_failure_committed(void)
{
	seen_ends = false;
}

int
hg_failure_next(const char *query_string, int location, int len)
{
	/* a length is given where a semicolon follows */
	return query_string == NULL || query_string != debug_query_string ||
		len <= 0 ? -1 : Max(location, 0) + len + 1;
}

/* Has the parser taken the text, so that its scanner will not raise? */
static bool
was_parsed(const ErrorData *edata)
{
	switch (edata->sqlerrcode)
	{
		case ERRCODE_SYNTAX_ERROR:
			/* that is also what analysis says of lists of unequal length */
			return edata->filename != NULL &&
				strncmp(edata->filename, "parse_", 6) == 0;
		case ERRCODE_NONSTANDARD_USE_OF_ESCAPE_CHARACTER:
		case ERRCODE_INVALID_ESCAPE_SEQUENCE:
		case ERRCODE_CHARACTER_NOT_IN_REPERTOIRE:
		case ERRCODE_UNTRANSLATABLE_CHARACTER:
		case ERRCODE_PROTOCOL_VIOLATION:
		case ERRCODE_INTERNAL_ERROR:
			return false;
		default:
			break;
	}
	switch (ERRCODE_TO_CATEGORY(edata->sqlerrcode))
	{
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
			return false;
		default:
			return true;
	}
}

/* Command of a normalised text, by its first word. */
static HgCommand
command_of(const char *text)
{
	static const struct
	{
		const char *word;
		HgCommand	command;
	}			words[] = {
		{"select", HG_CMD_SELECT}, {"values", HG_CMD_SELECT},
		{"table", HG_CMD_SELECT}, {"insert", HG_CMD_INSERT},
		{"update", HG_CMD_UPDATE}, {"delete", HG_CMD_DELETE},
		{"merge", HG_CMD_MERGE}, {"explain", HG_CMD_EXPLAIN},
		{"execute", HG_CMD_EXECUTE}, {"prepare", HG_CMD_PREPARE},
		{"declare", HG_CMD_CURSOR}, {"create", HG_CMD_CREATE},
		{"alter", HG_CMD_ALTER}, {"drop", HG_CMD_DROP},
	};
	size_t		len = strcspn(text, " (;");

	for (int i = 0; i < lengthof(words); i++)
		if (strlen(words[i].word) == len &&
			strncmp(text, words[i].word, len) == 0)
			return words[i].command;
	return HG_CMD_UNKNOWN;
}

static bool
start_event(HgEvent *event)
{
	bool		same;

	if (!last.known)
		return false;
	same = last.session_role == GetSessionUserId() &&
		last.current_role == GetUserId();
	if (hg_guc_audit == HG_AUDIT_NONE ||
		(hg_guc_audit == HG_AUDIT_GOVERNED && !last.governed))
		return false;
	memset(event, 0, sizeof(HgEvent));
	event->event_id = hg_event_next_id();
	event->at = GetCurrentStatementStartTimestamp();
	event->duration_us = GetCurrentTimestamp() - event->at;
	event->subject = last.subject[0] != '\0' ? last.subject : NULL;
	event->session_role = last.session_name;
	event->effective_role = same ? last.current_name : NULL;
	event->command = HG_CMD_UNKNOWN;
	event->xid = GetTopTransactionIdIfAny();
	return true;
}

/*
 * A transaction that has failed is told no end any more.  That of a failed
 * subtransaction goes on.
 */
static void
push_event(HgEvent *event)
{
	bool		over = !IsSubTransaction() &&
		(!IsTransactionState() || IsAbortedTransactionBlockState());

	hg_event_push(event, true);
	if (over)
		hg_event_push_outcome(false);
}

static void
record_error(ErrorData *edata)
{
	static HgFacts bare;		/* for when no memory may be asked for */
	HgEvent		event;
	HgFacts    *facts = NULL;
	const char *query = debug_query_string;
	TimestampTz message = GetCurrentStatementStartTimestamp();
	bool		seen = seen_in == message;

	if (seen && seen_sqlstate != 0)
		return;
	if (!start_event(&event))
		return;
	event.verdict = "error";
	event.sqlstate = edata->sqlerrcode;

	memset(&bare, 0, sizeof(bare));
	bare.command = HG_CMD_UNKNOWN;
	if (seen && edata->cursorpos <= 0 && (seen_next < 0 || seen_ends))
		bare.command = HG_CMD_TRANSACTION;
	else if (query != NULL && was_parsed(edata) &&
			 !hg_fingerprint_ambiguous(query))
	{
		int			cursor = seen ? seen_next : 0;

		if (edata->cursorpos > 0)
			cursor = pg_mbcharcliplen(query, strlen(query),
									  edata->cursorpos - 1);
		facts = hg_facts_create(ErrorContext);
		hg_fingerprint_failed(facts, query, cursor);
		facts->command = command_of(facts->text);
		if (seen && facts->text[0] == '\0')
			bare.command = HG_CMD_TRANSACTION;
	}
	else if (query != NULL)
	{
		bare.text_length = strlen(query);
		event.facts = &bare;
	}

	/* TRANSACTION: said by the commit, after the statements were done */
	if (facts != NULL && bare.command == HG_CMD_UNKNOWN)
		event.facts = facts;
	event.command = event.facts ? event.facts->command : bare.command;
	push_event(&event);
	seen_in = message;
	seen_sqlstate = edata->sqlerrcode;
	if (facts != NULL)
		MemoryContextDelete(facts->context);
}

/*
 * A query that the parser or its analysis refuses inside a function, a DO
 * block or a trigger.  The caller may catch the error, so that it is never
 * reported; it is told of here while it is raised.
 */
void
hg_failure_nested(ErrorData *edata)
{
	static HgFacts bare;
	HgEvent		event;
	HgFacts    *facts = NULL;

	if (in_message || edata->internalquery == NULL || hg_in_worker ||
		MyProcPort == NULL || !start_event(&event))
		return;
	in_message = true;
	hg_frame_parent(&event.parent_id, &event.level);
	event.at = GetCurrentTimestamp();
	event.duration_us = 0;
	event.verdict = "error";
	event.sqlstate = edata->sqlerrcode;
	memset(&bare, 0, sizeof(bare));
	bare.command = HG_CMD_UNKNOWN;
	bare.text_length = strlen(edata->internalquery);
	event.facts = &bare;
	if (was_parsed(edata) && !hg_fingerprint_ambiguous(edata->internalquery))
	{
		facts = hg_facts_create(ErrorContext);
		hg_fingerprint_failed(facts, edata->internalquery,
							  pg_mbcharcliplen(edata->internalquery,
											   bare.text_length,
											   edata->internalpos - 1));
		facts->command = command_of(facts->text);
		event.facts = facts;
	}
	event.command = event.facts->command;
	hg_event_push(&event, true);
	if (facts != NULL)
		MemoryContextDelete(facts->context);
	in_message = false;
}

void
hg_failure_message(ErrorData *edata)
{
	if (in_message || edata->elevel < ERROR || hg_in_worker ||
		!IsUnderPostmaster || MyProc == NULL || MyProcPort == NULL ||
		(am_walsender && !am_db_walsender) || edata->elevel == PANIC)
		return;

	in_message = true;
	hg_fastcall_end(edata->sqlerrcode, true);
	if (!logged_in)
	{
		if (edata->elevel == FATAL)
			hg_event_push_login_failure(edata->sqlerrcode);
	}
	else if (edata->elevel == FATAL)
		hg_event_session_ends(edata->sqlerrcode);
	else
		record_error(edata);
	in_message = false;
}

void
hg_failure_block_ended(const char *query_string, int location, int len)
{
	HgEvent		event;
	HgFacts    *facts;

	if (!start_event(&event))
		return;
	facts = hg_facts_create(CurrentMemoryContext);
	facts->command = HG_CMD_TRANSACTION;
	hg_fingerprint(facts, query_string, location, len, NULL);
	event.verdict = "allow";
	event.command = HG_CMD_TRANSACTION;
	event.facts = facts;
	push_event(&event);
	hg_failure_seen(event.event_id, 0, 0,
					hg_failure_next(query_string, location, len), false);
	MemoryContextDelete(facts->context);
}
