/*-------------------------------------------------------------------------
 *
 * report.c
 *	  JSON for the DETAIL of refusals, and messages that repeat.
 *
 * Runs on error paths: it only touches memory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/report.h"
#include "lib/stringinfo.h"
#include "utils/json.h"

char *
hg_report_quote(const char *s)
{
	StringInfoData buf;

	initStringInfo(&buf);
	escape_json(&buf, s);
	return buf.data;
}

static void
add_member(StringInfo buf, const char *name, const char *value)
{
	if (value == NULL)
		return;
	if (buf->len > 1)
		appendStringInfoString(buf, ", ");
	appendStringInfo(buf, "\"%s\": ", name);
	escape_json(buf, value);
}

char *
hg_report_json(const HgRefusal *refusal)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	add_member(&buf, "verdict", refusal->verdict);
	if (refusal->rule_id > 0)
		appendStringInfo(&buf, "%s\"rule\": %d", buf.len > 1 ? ", " : "",
						 refusal->rule_id);
	else
		add_member(&buf, "rule", refusal->builtin);
	add_member(&buf, "command", refusal->command);
	if (refusal->nobjects > 0)
	{
		appendStringInfo(&buf, "%s\"objects\": [", buf.len > 1 ? ", " : "");
		for (int i = 0; i < refusal->nobjects; i++)
		{
			if (i > 0)
				appendStringInfoString(&buf, ", ");
			escape_json(&buf, refusal->objects[i]);
		}
		appendStringInfoChar(&buf, ']');
	}
	add_member(&buf, "approval", refusal->approval_id);
	add_member(&buf, "state", refusal->state);
	add_member(&buf, "reason", refusal->reason);
	if (refusal->extra_json != NULL)
		appendStringInfo(&buf, "%s%s", buf.len > 1 ? ", " : "",
						 refusal->extra_json);
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

void
hg_report_not_preloaded(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("hoopguard must be loaded via \"shared_preload_libraries\""),
			 errhint("Add the line shared_preload_libraries = 'hoopguard' to postgresql.conf and restart the server.")));
	pg_unreachable();
}
