/*-------------------------------------------------------------------------
 *
 * approval_json.h
 *	  The webhook's bodies: building requests, reading replies.
 *
 * Needs no database and raises nothing: the courier has neither a database
 * nor a transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_APPROVAL_JSON_H
#define HG_APPROVAL_JSON_H

#define HG_REPLY_MAX 65536		/* longest reply that is read */

typedef enum HgReplyDecision
{
	HG_REPLY_FAILED,			/* error says why */
	HG_REPLY_PENDING,
	HG_REPLY_ALLOW,
	HG_REPLY_DENY,
	HG_REPLY_TAKEN				/* of a notice, which asks for nothing */
} HgReplyDecision;

/* Fixed size: it lies in shared memory.  Texts are valid UTF-8. */
typedef struct HgReply
{
	HgReplyDecision decision;
	int			attempts;		/* of the courier */
	int64		grant_ttl_s;	/* 0: none asked */
	int64		max_rows;		/* -1: none */
	int			retry_after_s;	/* of a failure; 0: it did not say */
	char		reason[512];
	char		approver[128];
	char		error[256];
} HgReply;

/*
 * Read a reply strictly.  Everything but a well-formed allow, deny or pending
 * for this id and binding is HG_REPLY_FAILED with the reason.
 */
extern void hg_reply_parse(const char *body, size_t len, const char *id,
						   const char *binding, HgReply *reply);

/*
 * Read what Open Policy Agent answers, as strictly: {"result": true} or
 * {"result": {"allow": true, ...}}.  It names no request, so it is only good
 * as the direct answer to one.  Never HG_REPLY_PENDING.
 */
extern void hg_reply_parse_opa(const char *body, size_t len, HgReply *reply);

/* The request a reply says it is for, NUL-terminated; false: it has none. */
extern bool hg_reply_id(const char *body, size_t len, char *id, size_t size);

/* A reply's text with what is not seen spelled out, palloc'd UTF-8. */
extern char *hg_reply_visible(const char *s);

/* Mark a reply as failed; the text is cut to fit. */
extern void hg_reply_fail(HgReply *reply, const char *error);

/* One request as the recorder reads it from the table; members may be NULL. */
typedef struct HgRequestBody
{
	const char *id;
	const char *source;			/* hoopguard://system/database */
	const char *time;			/* ISO 8601 */
	const char *rule;
	const char *rule_message;
	const char *approver;		/* whom this is for */
	const char *mode;
	int			attempt;
	const char *expires_at;
	const char *database;
	int64		timeline;
	const char *text;			/* statement; NULL: withheld */
	bool		redacted;		/* of it or its parameters something is */
	int			redactions;		/* parts of text that were replaced */
	const char *command;
	const char *sha256;
	const char *requester;		/* JSON objects and arrays as text */
	const char *facts;
	const char *evidence;
	const char *params;
	const char *policy_version;
	const char *binding;
	bool		utf8;			/* are the strings UTF-8? */
	bool		opa;			/* {"input": data} instead of an event */
} HgRequestBody;

/* That a request was given up; members as above. */
typedef struct HgCancelledBody
{
	const char *id;				/* of this event */
	const char *request_id;
	const char *source;
	const char *rule;
	const char *approver;
	const char *database;
	const char *binding;
	const char *reason;
	const char *cancelled_at;	/* ISO 8601 */
	bool		utf8;
} HgCancelledBody;

/*
 * s with hidden characters as \u{XXXX}, palloc'd UTF-8.  In JSON text the
 * backslash has to be a character of the string, so it is doubled.
 */
extern char *hg_visible(const char *s, bool utf8, bool json, bool *escaped);

/*
 * The CloudEvents body into buf; its length, or -1 when it does not fit or
 * memory ran out.  Invisible characters of the statement are spelled out.
 */
extern int	hg_request_body(const HgRequestBody *request, char *buf, int size);

/* The same for the notice that a request was given up. */
extern int	hg_cancelled_body(const HgCancelledBody *notice, char *buf,
							  int size);

#endif							/* HG_APPROVAL_JSON_H */
