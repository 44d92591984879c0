/*-------------------------------------------------------------------------
 *
 * late.c
 *	  Decisions that came when a request was closed.
 *
 * They are refused, but somebody did decide, and the log says so: the line is
 * written by the recorder, since the transaction that tried is rolled back.
 * It is pushed once a decision has passed every check but that of the state,
 * so nobody without the right to decide can write one.  A message that was
 * carried (relay) is marked as taken with its line; sent again it is refused
 * for that and leaves no second one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "approval/approval_private.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "record/lane.h"
#include "utils/json.h"
#include "utils/timestamp.h"

bool
hg_late_state(const char *state)
{
	return strcmp(state, "pending") != 0 && strcmp(state, "approved") != 0 &&
		strcmp(state, "unknown") != 0;
}

const char *
hg_late_text(HgDecision decision)
{
	switch (decision)
	{
		case HG_DECIDE_APPROVE:
			return "late approval";
		case HG_DECIDE_DENY:
			return "late denial";
		case HG_DECIDE_REVOKE:
			break;
	}
	return "late revocation";
}

static void
member(StringInfo buf, const char *name, const char *value)
{
	appendStringInfo(buf, ",\"%s\":", name);
	if (value != NULL)
		escape_json(buf, value);
	else
		appendStringInfoString(buf, "null");
}

void
hg_late_push(const HgDecisionInput *in, const char *state,
			 const char *webhook_id)
{
	StringInfoData buf;

	if (!hg_late_state(state))
		return;
	initStringInfo(&buf);
	appendStringInfo(&buf, "{\"id\":\"%s\",\"at_us\":" INT64_FORMAT, in->id,
					 GetCurrentTimestamp());
	member(&buf, "state", state);
	member(&buf, "detail", hg_late_text(in->decision));
	member(&buf, "who", in->who);
	member(&buf, "via", in->via);
	member(&buf, "client_addr", in->client_addr);
	member(&buf, "webhook_id", webhook_id);
	appendStringInfoChar(&buf, '}');
	(void) hg_lane_push(HG_REC_APPROVAL_LATE, buf.data, buf.len + 1, true,
						true);
	pfree(buf.data);
}

/* Data: one JSON object of what the line says. */
void
hg_worker_on_late(const char *data, Size len)
{
	const char *args[1];

	if (len == 0 || data[len - 1] != '\0')
		return;
	args[0] = data;
	hg_sql("WITH r AS (SELECT r.* FROM pg_catalog.jsonb_to_record("
		   "$1::pg_catalog.jsonb) AS r (id pg_catalog.uuid,"
		   " at_us pg_catalog.int8, state pg_catalog.text,"
		   " detail pg_catalog.text, who pg_catalog.text,"
		   " via pg_catalog.text, client_addr pg_catalog.inet,"
		   " webhook_id pg_catalog.text)), taken AS ("
		   "INSERT INTO hoopguard.approval_relay (webhook_id)"
		   " SELECT r.webhook_id FROM r WHERE r.webhook_id IS NOT NULL"
		   " ON CONFLICT DO NOTHING RETURNING webhook_id)"
		   " INSERT INTO hoopguard.approval_log (approval_id, at, from_state,"
		   " to_state, who, via, client_addr, detail, late)"
		   " SELECT a.id, pg_catalog.timestamptz '2000-01-01 00:00:00+00'"
		   " + r.at_us * pg_catalog.interval '1 microsecond',"
		   " r.state, r.state, r.who, r.via, r.client_addr, r.detail, true"
		   " FROM r JOIN hoopguard.approval a ON a.id = r.id"
		   " WHERE r.webhook_id IS NULL"
		   " OR EXISTS (SELECT FROM taken)", 1, args);
}
