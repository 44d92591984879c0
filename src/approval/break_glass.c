/*-------------------------------------------------------------------------
 *
 * break_glass.c
 *	  break_glass(): a person passes the rules for a time, and all hear of it.
 *
 * The row is written by the recorder, like requests for approval: the session
 * is governed and has no business with the tables, and what was done stays
 * when its transaction is rolled back.  Guard rules are lifted by the policy
 * that is compiled from the row; masks, limits, freezes and the record are
 * not.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "approval/approval_private.h"
#include "approval/delivery.h"
#include "base/catalog.h"
#include "base/report.h"
#include "base/row.h"
#include "base/port.h"
#include "commands/async.h"
#include "common/ip.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "record/event.h"
#include "record/lane.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/json.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define STORE_WAIT_MS 5000		/* for the recorder */
#define MAX_S (4 * SECS_PER_HOUR)	/* longer is no emergency */
#define ANUM_VALID_UNTIL 4		/* of hoopguard._exemption */

PG_FUNCTION_INFO_V1(hoopguard_break_glass);
PG_FUNCTION_INFO_V1(hoopguard__note_exemption);

/* Data: one JSON object of the columns of hoopguard._exemption. */
void
hg_worker_on_break_glass(const char *data, Size len)
{
	const char *args[1];
	char		payload[128];

	if (len == 0 || data[len - 1] != '\0')
		return;
	args[0] = data;
	hg_sql("INSERT INTO hoopguard._exemption (for_subject, what, valid_until,"
		   " reason, granted_by, client_addr, token)"
		   " SELECT r.for_subject, 'break_glass',"
		   " pg_catalog.timestamptz '2000-01-01 00:00:00+00'"
		   " + r.until_us * pg_catalog.interval '1 microsecond',"
		   " r.reason, r.for_subject, r.client_addr, r.token"
		   " FROM pg_catalog.jsonb_to_record($1::pg_catalog.jsonb) AS r"
		   " (for_subject pg_catalog.text, until_us pg_catalog.int8,"
		   " reason pg_catalog.text, client_addr pg_catalog.inet,"
		   " token pg_catalog.uuid)"
		   " ON CONFLICT DO NOTHING RETURNING id", 1, args);
	ForceSyncCommit();
	if (SPI_processed == 0)
		return;
	snprintf(payload, sizeof(payload),
			 "{\"alert\":\"break_glass\",\"id\":%s}", hg_sql_value(0, 1));
	Async_Notify("hoopguard_alert", payload);
}

pg_noreturn static void refuse_human(const char *why);

static void
refuse_human(const char *why)
{
	ereport(ERROR,
			(errcode(HG_ERRCODE_DENIED),
			 errmsg("break_glass() refused: %s", why),
			 errdetail_internal("{\"verdict\": \"deny\", \"rule\": \"builtin\"}")));
	pg_unreachable();
}

/* Is the row with this end there for all to see? */
static bool
is_stored(TimestampTz until)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_EXEMPTION),
								 AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;
	bool		found = false;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		found |= hg_row_int64(tuple, RelationGetDescr(rel),
							  ANUM_VALID_UNTIL) == until;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* break_glass(reason text, valid_for interval) -> timestamptz */
Datum
hoopguard_break_glass(PG_FUNCTION_ARGS)
{
	const HgIdentity *identity = hg_subject_current();
	StringInfoData buf;
	Interval   *span;
	TimestampTz until;
	char		token[HG_UUID_LEN];
	char	   *reason;
	char	   *addr;
	char	   *name;
	int64		seconds;
	char		host[NI_MAXHOST];
	ListCell   *lc;

	if (hg_delivery == NULL)
		hg_report_not_preloaded();
	if (!identity->governed)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("this session is not governed: there is no glass to break")));
	foreach(lc, identity->subjects)
	{
		if (strcmp(((const HgSubject *) lfirst(lc))->kind, "human") != 0)
			refuse_human("it is for subjects of kind human only");
	}
	if (RecoveryInProgress())
		refuse_human("a standby server cannot store it");
	reason = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (reason[strspn(reason, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("break_glass() needs a reason")));
	seconds = 0;
	if (!PG_ARGISNULL(1))
	{
		span = PG_GETARG_INTERVAL_P(1);
		if (span->month == 0 && span->day >= 0 && span->day <= 1)
			seconds = span->time / USECS_PER_SEC +
				(int64) span->day * SECS_PER_DAY;
	}
	if (seconds <= 0 || seconds > MAX_S)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("break_glass() is for some time up to four hours")));

	name = pstrdup(identity->session_role_name);
	until = GetCurrentTimestamp() + seconds * USECS_PER_SEC;
	hg_request_uuid(token);
	initStringInfo(&buf);
	appendStringInfo(&buf, "{\"token\":\"%s\",\"until_us\":" INT64_FORMAT
					 ",\"for_subject\":", token, until);
	escape_json(&buf, name);
	appendStringInfoString(&buf, ",\"reason\":");
	escape_json(&buf, reason);
	addr = NULL;
	if (MyProcPort != NULL && MyProcPort->raddr.addr.ss_family != AF_UNIX &&
		pg_getnameinfo_all(&MyProcPort->raddr.addr, MyProcPort->raddr.salen,
						   host, sizeof(host), NULL, 0,
						   NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		addr = host;
	appendStringInfoString(&buf, ",\"client_addr\":");
	if (addr != NULL)
		escape_json(&buf, addr);
	else
		appendStringInfoString(&buf, "null");
	appendStringInfoChar(&buf, '}');

	/* the log first: it is there whatever comes */
	ereport(WARNING,
			(errmsg("break glass: role \"%s\" passes hoopguard's rules until %s",
					name, timestamptz_to_str(until)),
			 errdetail_internal("{\"alert\": \"break_glass\", \"reason\": %s}",
								hg_report_quote(reason))));
	hg_event_push_note("break_glass", buf.data);
	(void) hg_lane_push(HG_REC_BREAK_GLASS, buf.data, buf.len + 1, true,
						false);
	(void) hg_lane_flush(STORE_WAIT_MS);
	if (!is_stored(until))
		ereport(ERROR,
				(errcode(HG_ERRCODE_NO_APPROVER),
				 errmsg("break_glass() could not be stored in time"),
				 errdetail_internal("{\"verdict\": \"deny\", \"rule\": \"builtin\"}")));
	AcceptInvalidationMessages();
	PG_RETURN_TIMESTAMPTZ(until);
}

/* _note_exemption(kind text, note text); of no use in workers */
Datum
hoopguard__note_exemption(PG_FUNCTION_ARGS)
{
	if (!hg_in_worker)
		hg_event_push_note(text_to_cstring(PG_GETARG_TEXT_PP(0)),
						   text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_VOID();
}
