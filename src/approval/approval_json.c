/*-------------------------------------------------------------------------
 *
 * approval_json.c
 *	  The webhook's bodies; the only user of json-c.
 *
 * Of a key that comes twice json-c silently keeps the last value, in its
 * strict mode too; a reply {"decision":"deny","decision":"allow"} must not
 * allow.  So members are counted in the text (colons outside of strings) and
 * in the tree: fewer in the tree means that a key was repeated.
 *
 * Runs in the courier and in recorders, raises nothing, and uses json-c's own
 * memory: every way out frees it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <json.h>
#include <math.h>

#include "approval/approval_json.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

/* Deeper replies have no use, and recursion costs stack. */
#define MAX_DEPTH 16

/* ---- replies ------------------------------------------------------------ */

void
hg_reply_fail(HgReply *reply, const char *error)
{
	reply->decision = HG_REPLY_FAILED;
	strlcpy(reply->error, error, sizeof(reply->error));
}

/* Copy up to size - 1 bytes, cut at a character. */
static void
copy_utf8(char *to, size_t size, const char *from, size_t len)
{
	if (len >= size)
	{
		len = size - 1;
		while (len > 0 && ((unsigned char) from[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(to, from, len);
	to[len] = '\0';
}

/* Members of all objects in the tree. */
static int
count_members(json_object *value)
{
	int			n = 0;

	if (json_object_is_type(value, json_type_object))
	{
		json_object_object_foreach(value, key, member)
		{
			(void) key;
			n += 1 + count_members(member);
		}
	}
	else if (json_object_is_type(value, json_type_array))
	{
		size_t		len = json_object_array_length(value);

		for (size_t i = 0; i < len; i++)
			n += count_members(json_object_array_get_idx(value, i));
	}
	return n;
}

/* Members in the text, which json-c has found to be well formed. */
static int
count_colons(const char *body, size_t len)
{
	bool		in_string = false;
	int			n = 0;

	for (size_t i = 0; i < len; i++)
	{
		if (in_string && body[i] == '\\')
			i++;
		else if (body[i] == '"')
			in_string = !in_string;
		else if (!in_string && body[i] == ':')
			n++;
	}
	return n;
}

/* Is the member a string with exactly this value? */
static bool
string_is(json_object *object, const char *key, const char *value)
{
	json_object *member;

	return json_object_object_get_ex(object, key, &member) &&
		json_object_is_type(member, json_type_string) &&
		json_object_get_string_len(member) == strlen(value) &&
		memcmp(json_object_get_string(member), value, strlen(value)) == 0;
}

/* A member that is a string or absent; false for anything else. */
static bool
optional_string(json_object *object, const char *key, char *to, size_t size)
{
	json_object *member;
	const char *s;
	int			len;

	to[0] = '\0';
	if (!json_object_object_get_ex(object, key, &member) || member == NULL)
		return true;
	if (!json_object_is_type(member, json_type_string))
		return false;
	s = json_object_get_string(member);
	len = json_object_get_string_len(member);
	if (memchr(s, '\0', len) != NULL)
		return false;
	copy_utf8(to, size, s, len);
	return true;
}

/* A member that is a whole number >= 0 or absent. */
static bool
optional_number(json_object *object, const char *key, int64 *to)
{
	json_object *member;

	if (!json_object_object_get_ex(object, key, &member) || member == NULL)
		return true;
	if (!json_object_is_type(member, json_type_int) ||
		json_object_get_int64(member) < 0 ||
		json_object_get_int64(member) > PG_INT32_MAX)
		return false;
	*to = json_object_get_int64(member);
	return true;
}

/* An obligation that we cannot keep makes the reply unusable. */
static bool
read_obligations(json_object *object, HgReply *reply)
{
	json_object *obligations;

	if (!json_object_object_get_ex(object, "obligations", &obligations) ||
		obligations == NULL)
		return true;
	if (!json_object_is_type(obligations, json_type_object))
		return false;
	{
		json_object_object_foreach(obligations, key, value)
		{
			if (strcmp(key, "max_rows") == 0)
			{
				if (!optional_number(obligations, key, &reply->max_rows))
					return false;
			}
			else if (strcmp(key, "read_only") == 0)
			{
				if (value != NULL &&
					(!json_object_is_type(value, json_type_boolean) ||
					 json_object_get_boolean(value)))
					return false;
			}
			else
				return false;
		}
	}
	return true;
}

static void
read_reply(json_object *object, const char *id, const char *binding,
		   HgReply *reply)
{
	json_object *approver;
	HgReplyDecision decision;

	if (!json_object_is_type(object, json_type_object))
		hg_reply_fail(reply, "the reply is not a JSON object");
	else if (!string_is(object, "id", id))
		hg_reply_fail(reply, "the reply is for another request (id)");
	else if (!string_is(object, "binding", binding))
		hg_reply_fail(reply, "the reply is for another statement (binding)");
	else
	{
		if (string_is(object, "decision", "allow"))
			decision = HG_REPLY_ALLOW;
		else if (string_is(object, "decision", "deny"))
			decision = HG_REPLY_DENY;
		else if (string_is(object, "decision", "pending"))
			decision = HG_REPLY_PENDING;
		else
		{
			hg_reply_fail(reply, "the reply has no valid decision");
			return;
		}
		if (!optional_string(object, "reason", reply->reason,
							 sizeof(reply->reason)))
		{
			hg_reply_fail(reply, "the reply's reason is not a string");
			return;
		}
		if (!optional_number(object, "grant_ttl_s", &reply->grant_ttl_s))
		{
			hg_reply_fail(reply, "the reply's grant_ttl_s is not a number of seconds");
			return;
		}
		if (decision == HG_REPLY_ALLOW && !read_obligations(object, reply))
		{
			hg_reply_fail(reply, "the reply has an obligation that is not known");
			return;
		}
		if (json_object_object_get_ex(object, "approver", &approver) &&
			approver != NULL)
		{
			if (!json_object_is_type(approver, json_type_object) ||
				!optional_string(approver, "id", reply->approver,
								 sizeof(reply->approver)))
			{
				hg_reply_fail(reply, "the reply's approver is not valid");
				return;
			}
		}
		reply->decision = decision;
	}
}

/* A limit that is null or misspelled must not be one that is not there. */
static bool
read_result(json_object *result, HgReply *reply)
{
	json_object *allow;

	if (!json_object_object_get_ex(result, "allow", &allow) ||
		!json_object_is_type(allow, json_type_boolean))
		return false;
	{
		json_object_object_foreach(result, key, value)
		{
			if (strcmp(key, "allow") == 0)
				continue;
			if (value == NULL)
				return false;
			if (strcmp(key, "reason") == 0)
			{
				if (!optional_string(result, key, reply->reason,
									 sizeof(reply->reason)))
					return false;
			}
			else if (strcmp(key, "max_rows") == 0)
			{
				if (!optional_number(result, key, &reply->max_rows))
					return false;
			}
			else if (strcmp(key, "grant_ttl_s") == 0)
			{
				if (!optional_number(result, key, &reply->grant_ttl_s) ||
					reply->grant_ttl_s == 0)
					return false;
			}
			else
				return false;
		}
	}
	reply->decision = json_object_get_boolean(allow) ? HG_REPLY_ALLOW :
		HG_REPLY_DENY;
	return true;
}

static void
read_opa(json_object *object, HgReply *reply)
{
	json_object *result;

	if (!json_object_is_type(object, json_type_object))
	{
		hg_reply_fail(reply, "the policy's answer is not a JSON object");
		return;
	}
	if (!json_object_object_get_ex(object, "result", &result))
	{
		hg_reply_fail(reply, "the policy has decided nothing (no result)");
		return;
	}
	{
		json_object_object_foreach(object, key, value)
		{
			if (strcmp(key, "result") == 0 ||
				(strcmp(key, "decision_id") == 0 &&
				 json_object_is_type(value, json_type_string)))
				continue;
			hg_reply_fail(reply, "the policy's answer has a member that is not known");
			return;
		}
	}
	if (json_object_is_type(result, json_type_boolean))
		reply->decision = json_object_get_boolean(result) ? HG_REPLY_ALLOW :
			HG_REPLY_DENY;
	else if (!json_object_is_type(result, json_type_object) ||
			 !read_result(result, reply))
		hg_reply_fail(reply, "the policy's result is not one that can be used");
}

/* opa: of the policy engine's form, id and binding are not used then. */
static void
parse_reply(const char *body, size_t len, bool opa, const char *id,
			const char *binding, HgReply *reply)
{
	json_tokener *tokener;
	json_object *object;
	int			attempts = reply->attempts;

	memset(reply, 0, sizeof(*reply));
	reply->attempts = attempts;
	reply->decision = HG_REPLY_FAILED;
	reply->max_rows = -1;
	if (len == 0 || len > HG_REPLY_MAX)
	{
		hg_reply_fail(reply, len == 0 ? "the reply is empty" :
					  "the reply is too long");
		return;
	}
	if (memchr(body, '\0', len) != NULL)
	{
		hg_reply_fail(reply, "the reply has a NUL in it");
		return;
	}
	tokener = json_tokener_new_ex(MAX_DEPTH);
	if (tokener == NULL)
	{
		hg_reply_fail(reply, "out of memory");
		return;
	}
	json_tokener_set_flags(tokener,
						   JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, body, (int) len);
	if (json_tokener_get_error(tokener) == json_tokener_continue)
	{
		/* a bare number may go on; the end of the text ends it */
		if (object != NULL)
			json_object_put(object);
		object = NULL;
		hg_reply_fail(reply, "the reply is not complete JSON");
	}
	else if (json_tokener_get_error(tokener) != json_tokener_success ||
			 object == NULL)
		hg_reply_fail(reply, "the reply is not valid JSON");
	else if (count_members(object) != count_colons(body, len))
		hg_reply_fail(reply, "the reply has a key twice");
	else if (opa)
		read_opa(object, reply);
	else
		read_reply(object, id, binding, reply);
	if (object != NULL)
		json_object_put(object);
	json_tokener_free(tokener);
}

void
hg_reply_parse(const char *body, size_t len, const char *id,
			   const char *binding, HgReply *reply)
{
	parse_reply(body, len, false, id, binding, reply);
}

void
hg_reply_parse_opa(const char *body, size_t len, HgReply *reply)
{
	parse_reply(body, len, true, NULL, NULL, reply);
}

bool
hg_reply_id(const char *body, size_t len, char *id, size_t size)
{
	json_tokener *tokener;
	json_object *object;
	bool		found = false;

	id[0] = '\0';
	if (len == 0 || len > HG_REPLY_MAX)
		return false;
	tokener = json_tokener_new_ex(MAX_DEPTH);
	if (tokener == NULL)
		return false;
	json_tokener_set_flags(tokener,
						   JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, body, (int) len);
	if (json_tokener_get_error(tokener) == json_tokener_success &&
		json_object_is_type(object, json_type_object))
		found = optional_string(object, "id", id, size) && strlen(id) == 36 &&
			strspn(id, "0123456789abcdef-") == 36;
	if (object != NULL)
		json_object_put(object);
	json_tokener_free(tokener);
	return found;
}

/* ---- requests ----------------------------------------------------------- */

/*
 * Characters that are not seen, or that change how their neighbours are
 * seen: an approver could be shown another statement than the one that runs.
 * Newline and tab stay.
 */
static bool
hidden(pg_wchar c)
{
	return (c < 0x20 && c != '\n' && c != '\t') ||
		(c >= 0x7f && c <= 0x9f) ||
		c == 0xad || c == 0x34f || c == 0x61c ||
		c == 0x115f || c == 0x1160 || c == 0x17b4 || c == 0x17b5 ||
		(c >= 0x180b && c <= 0x180f) ||
		(c >= 0x200b && c <= 0x200f) ||
		(c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2060 && c <= 0x206f) ||
		c == 0x3164 ||
		(c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff || c == 0xffa0 ||
		(c >= 0xfff0 && c <= 0xfffb) ||
		(c >= 0x1d173 && c <= 0x1d17a) ||
		(c >= 0xe0000 && c <= 0xe0fff);
}

char *
hg_visible(const char *s, bool utf8, bool json, bool *escaped)
{
	const char *slash = json ? "\\\\" : "\\";
	StringInfoData buf;

	initStringInfo(&buf);
	while (*s)
	{
		const unsigned char *p = (const unsigned char *) s;

		if (*p < 0x80)
		{
			if (hidden(*p))
			{
				appendStringInfo(&buf, "%su{%X}", slash, *p);
				*escaped = true;
			}
			else
				appendStringInfoChar(&buf, *s);
			s++;
		}
		else if (utf8)
		{
			int			len = pg_utf_mblen(p);

			if (strnlen(s, len) < (size_t) len || !pg_utf8_islegal(p, len))
			{
				appendStringInfo(&buf, "%sx{%X}", slash, *p);
				*escaped = true;
				s++;
				continue;
			}
			if (hidden(utf8_to_unicode(p)))
			{
				appendStringInfo(&buf, "%su{%X}", slash,
								 utf8_to_unicode(p));
				*escaped = true;
			}
			else
				appendBinaryStringInfo(&buf, s, len);
			s += len;
		}
		else
		{
			appendStringInfo(&buf, "%sx{%X}", slash, *p);
			*escaped = true;
			s++;
		}
	}
	return buf.data;
}

char *
hg_reply_visible(const char *s)
{
	bool		escaped = false;

	return hg_visible(s, true, false, &escaped);
}

static bool
put(json_object *object, const char *key, json_object *value)
{
	return json_object_object_add(object, key, value) == 0;
}

static bool
put_string(json_object *object, const char *key, const char *value, bool utf8)
{
	bool		escaped = false;

	return put(object, key, value == NULL ? NULL :
			   json_object_new_string(hg_visible(value, utf8, false, &escaped)));
}

/* JSON text of the table; strings in it keep \uXXXX escapes of json-c. */
static bool
put_json(json_object *object, const char *key, const char *value, bool utf8)
{
	bool		escaped = false;

	return put(object, key, value == NULL ? NULL :
			   json_tokener_parse(hg_visible(value, utf8, true, &escaped)));
}

int
hg_request_body(const HgRequestBody *request, char *buf, int size)
{
	json_object *event = json_object_new_object();
	json_object *data = json_object_new_object();
	json_object *statement = json_object_new_object();
	json_object *rule = json_object_new_object();
	bool		utf8 = request->utf8;
	bool		escaped = false;
	char	   *subject;
	static const char *const expendable[] = {
		"plan", "sample", "lineage", "dependants", "rows"
	};
	json_object *evidence;
	const char *out;
	int			len = -1;

	if (event == NULL || data == NULL || statement == NULL || rule == NULL)
	{
		json_object_put(event);
		json_object_put(data);
		json_object_put(statement);
		json_object_put(rule);
		return -1;
	}
	subject = psprintf("rule/%s", request->rule);

	put(statement, "text", request->text == NULL ? NULL :
		json_object_new_string(hg_visible(request->text, utf8, false,
										  &escaped)));
	put(statement, "redacted", json_object_new_boolean(request->redacted));
	put(statement, "redactions", json_object_new_int(request->redactions));
	put(statement, "complete", json_object_new_boolean(request->text != NULL));
	put(statement, "escaped", json_object_new_boolean(escaped));
	put_string(statement, "tag", request->command, utf8);
	put_string(statement, "sha256", request->sha256, utf8);

	put_string(rule, "id", request->rule, utf8);
	put_string(rule, "reason", request->rule_message, utf8);

	put_string(data, "mode", request->mode, utf8);
	put(data, "attempt", json_object_new_int(request->attempt));
	put(data, "dry_run", json_object_new_boolean(0));
	put_string(data, "expires_at", request->expires_at, utf8);
	put_json(data, "requester", request->requester, utf8);
	put_string(data, "database", request->database, utf8);
	put(data, "timeline", json_object_new_int64(request->timeline));
	put(data, "statement", statement);
	put_json(data, "parameters", request->params, utf8);
	put_json(data, "facts", request->facts, utf8);
	put_json(data, "evidence", request->evidence, utf8);
	put(data, "rule", rule);
	put_string(data, "policy_version", request->policy_version, utf8);
	put_string(data, "approver", request->approver, utf8);
	put_string(data, "binding", request->binding, utf8);

	if (request->opa)
		put(event, "input", data);
	else
	{
		put_string(event, "specversion", "1.0", true);
		put_string(event, "id", request->id, utf8);
		put_string(event, "source", request->source, utf8);
		put_string(event, "type", "hoopguard.approval.requested.v1", true);
		put_string(event, "time", request->time, utf8);
		put_string(event, "subject", subject, utf8);
		put_string(event, "datacontenttype", "application/json", true);
		put(event, "data", data);
	}

	/* what is too long loses of the evidence, never of the statement */
	for (int i = 0; i <= lengthof(expendable); i++)
	{
		out = json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN |
											 JSON_C_TO_STRING_NOSLASHESCAPE);
		if (out != NULL && (int) strlen(out) < size)
		{
			len = strlen(out);
			memcpy(buf, out, len + 1);
			break;
		}
		if (i == lengthof(expendable) ||
			!json_object_object_get_ex(data, "evidence", &evidence) ||
			!json_object_is_type(evidence, json_type_object))
			break;
		json_object_object_del(evidence, expendable[i]);
		put(evidence, "shortened", json_object_new_boolean(1));
	}
	json_object_put(event);
	return len;
}

int
hg_cancelled_body(const HgCancelledBody *notice, char *buf, int size)
{
	json_object *event = json_object_new_object();
	json_object *data = json_object_new_object();
	json_object *rule = json_object_new_object();
	bool		utf8 = notice->utf8;
	const char *out;
	int			len = -1;

	if (event == NULL || data == NULL || rule == NULL)
	{
		json_object_put(event);
		json_object_put(data);
		json_object_put(rule);
		return -1;
	}
	put_string(rule, "id", notice->rule, utf8);

	put_string(data, "request_id", notice->request_id, utf8);
	put_string(data, "binding", notice->binding, utf8);
	put_string(data, "reason", notice->reason, utf8);
	put_string(data, "cancelled_at", notice->cancelled_at, utf8);
	put(data, "rule", rule);
	put_string(data, "database", notice->database, utf8);
	put_string(data, "approver", notice->approver, utf8);

	put_string(event, "specversion", "1.0", true);
	put_string(event, "id", notice->id, utf8);
	put_string(event, "source", notice->source, utf8);
	put_string(event, "type", "hoopguard.approval.cancelled.v1", true);
	put_string(event, "time", notice->cancelled_at, utf8);
	put_string(event, "subject", psprintf("rule/%s", notice->rule), utf8);
	put_string(event, "datacontenttype", "application/json", true);
	put(event, "data", data);

	out = json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN |
										 JSON_C_TO_STRING_NOSLASHESCAPE);
	if (out != NULL && (int) strlen(out) < size)
	{
		len = strlen(out);
		memcpy(buf, out, len + 1);
	}
	json_object_put(event);
	return len;
}
