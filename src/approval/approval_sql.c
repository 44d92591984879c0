/*-------------------------------------------------------------------------
 *
 * approval_sql.c
 *	  approve(), deny(), revoke() and what a requester may ask about.
 *
 * The deciding functions are SECURITY DEFINER: who decides is the session
 * user, never the current one, so SET ROLE and definer functions change
 * nothing.  The requester's own view is read without SPI: its session is
 * governed, and the guard has no business with it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "approval/approval_private.h"
#include "approval/delivery.h"
#include "base/catalog.h"
#include "base/report.h"
#include "base/port.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(hoopguard_approve);
PG_FUNCTION_INFO_V1(hoopguard_deny);
PG_FUNCTION_INFO_V1(hoopguard_revoke);
PG_FUNCTION_INFO_V1(hoopguard_approval_state);
PG_FUNCTION_INFO_V1(hoopguard_my_approvals);
PG_FUNCTION_INFO_V1(hoopguard__read_reply);

/*
 * May the session user decide on this request?  Raises if not.  SPI is
 * connected and its row is not locked yet.
 */
static void
check_decider(const char *id)
{
	const char *args[2];
	char		role[16];
	Oid			decider = GetSessionUserId();
	Oid			requester;
	bool		of_all;
	bool		of_this;

	if (hg_subject_current()->governed)
		ereport(ERROR,
				(errcode(HG_ERRCODE_DENIED),
				 errmsg("a governed session cannot decide on approvals"),
				 errdetail_internal("{\"verdict\": \"deny\", \"rule\": \"builtin\"}")));
	snprintf(role, sizeof(role), "%u", decider);
	args[0] = id;
	args[1] = role;
	hg_sql("SELECT a.session_role_oid,"
		   " pg_catalog.has_function_privilege($2::pg_catalog.oid,"
		   " 'hoopguard.approver_of_all()', 'EXECUTE'),"
		   " EXISTS (SELECT FROM hoopguard.approval_target t"
		   " JOIN hoopguard.approver p ON p.name = t.approver"
		   " WHERE t.approval_id = a.id AND p.role IS NOT NULL"
		   " AND pg_catalog.pg_has_role($2::pg_catalog.oid,"
		   " p.role::pg_catalog.oid, 'MEMBER'))"
		   " FROM hoopguard.approval a"
		   " WHERE a.id = $1::pg_catalog.uuid", 2, args);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(HG_ERRCODE_TICKET),
				 errmsg("approval request %s does not exist", id),
				 errdetail_internal("{\"verdict\": \"approve\", \"state\": \"unknown\"}")));
	requester = (Oid) strtoul(hg_sql_value(0, 1), NULL, 10);
	of_all = hg_sql_value(0, 2)[0] == 't';
	of_this = hg_sql_value(0, 3)[0] == 't';
	if (!of_all && !of_this)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to decide on approval request %s",
						id)));

	/* nobody decides for a role that he is, was or can become */
	if (decider == requester || hg_subject_covers(requester, decider) ||
		hg_subject_covers(decider, requester))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot decide on one's own approval request %s",
						id)));
}

static Datum
decide(FunctionCallInfo fcinfo, HgDecision decision, const char *reason,
	   int64 ttl_s, int64 max_rows)
{
	HgDecisionInput in;
	MemoryContext outer = CurrentMemoryContext;
	char	   *state;
	char	   *result;
	bool		done;
	char	   *addr = NULL;
	char		role[16];
	Datum		value;

	if (hg_delivery == NULL)
		hg_report_not_preloaded();
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the approval request must not be null")));
	memset(&in, 0, sizeof(in));
	in.decision = decision;
	in.id = DatumGetCString(DirectFunctionCall1(uuid_out,
												PG_GETARG_DATUM(0)));
	in.who = GetUserNameFromId(GetSessionUserId(), false);
	in.voter = in.who;
	snprintf(role, sizeof(role), "%u", GetSessionUserId());
	in.role = role;
	in.via = "sql";
	in.reason = reason;
	in.ttl_s = ttl_s;
	in.max_rows = max_rows;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to the SPI manager");
	hg_sql("SELECT pg_catalog.host(pg_catalog.inet_client_addr())", 0, NULL);
	if (SPI_processed > 0)
		addr = hg_sql_value(0, 1);
	in.client_addr = addr;
	check_decider(in.id);
	state = hg_decide(&in, &done);
	if (!done)
	{
		hg_late_push(&in, state, NULL);
		ereport(ERROR,
				(errcode(HG_ERRCODE_TICKET),
				 errmsg("approval request %s cannot be decided: it is %s",
						in.id, state),
				 errdetail_internal("{\"verdict\": \"approve\", \"approval\": \"%s\", \"state\": \"%s\"}",
									in.id, state)));
	}
	result = MemoryContextStrdup(outer, state);
	SPI_finish();
	value = CStringGetTextDatum(result);
	PG_RETURN_DATUM(value);
}

/* approve(id uuid, reason text, ttl interval, max_rows bigint) -> text */
Datum
hoopguard_approve(PG_FUNCTION_ARGS)
{
	int64		ttl_s = 0;
	int64		max_rows = -1;

	if (!PG_ARGISNULL(2))
	{
		Interval   *ttl = PG_GETARG_INTERVAL_P(2);

		ttl_s = ttl->time / USECS_PER_SEC +
			(int64) ttl->day * SECS_PER_DAY +
			(int64) ttl->month * DAYS_PER_MONTH * SECS_PER_DAY;
		if (ttl_s <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the time to live of an approval must be at least one second")));
	}
	if (!PG_ARGISNULL(3))
	{
		max_rows = PG_GETARG_INT64(3);
		if (max_rows < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the number of rows of an approval must not be negative")));
	}
	return decide(fcinfo, HG_DECIDE_APPROVE, PG_ARGISNULL(1) ? NULL :
				  text_to_cstring(PG_GETARG_TEXT_PP(1)), ttl_s, max_rows);
}

/* deny(id uuid, reason text) -> text */
Datum
hoopguard_deny(PG_FUNCTION_ARGS)
{
	return decide(fcinfo, HG_DECIDE_DENY, PG_ARGISNULL(1) ? NULL :
				  text_to_cstring(PG_GETARG_TEXT_PP(1)), 0, -1);
}

/* revoke(id uuid) -> text */
Datum
hoopguard_revoke(PG_FUNCTION_ARGS)
{
	return decide(fcinfo, HG_DECIDE_REVOKE, NULL, 0, -1);
}

/* ---- the requester's own requests --------------------------------------- */

static const int mine_columns[] = {
	HG_APPROVAL_ID, HG_APPROVAL_STATE, HG_APPROVAL_RULE_ID,
	HG_APPROVAL_REQUESTED_AT, HG_APPROVAL_EXPIRES_AT,
	HG_APPROVAL_GRANT_EXPIRES_AT, HG_APPROVAL_DECIDED_AT, HG_APPROVAL_REASON,
	HG_APPROVAL_DELIVERY_STATE
};

/* The state as of now: the recorder marks what has run out later. */
static Datum
state_now(HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	char	   *state;
	Datum		until;

	state = TextDatumGetCString(heap_getattr(tuple, HG_APPROVAL_STATE, desc,
											 &isnull));
	if (strcmp(state, "pending") == 0)
		until = heap_getattr(tuple, HG_APPROVAL_EXPIRES_AT, desc, &isnull);
	else if (strcmp(state, "approved") == 0)
		until = heap_getattr(tuple, HG_APPROVAL_GRANT_EXPIRES_AT, desc,
							 &isnull);
	else
		return CStringGetTextDatum(state);
	if (isnull || DatumGetTimestampTz(until) <= GetCurrentTimestamp())
		return CStringGetTextDatum("expired");
	return CStringGetTextDatum(state);
}

static bool
is_mine(HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	Datum		role = heap_getattr(tuple, HG_APPROVAL_SESSION_ROLE_OID, desc,
									&isnull);

	return !isnull && DatumGetObjectId(role) == GetSessionUserId();
}

/*
 * approval_state(id uuid) -> text.  NULL for a request that does not exist or
 * that is somebody else's; superusers see all.
 */
Datum
hoopguard_approval_state(PG_FUNCTION_ARGS)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_APPROVAL),
								 AccessShareLock);
	Datum		result = (Datum) 0;
	bool		found = false;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, HG_APPROVAL_ID, BTEqualStrategyNumber, F_UUID_EQ,
				PG_GETARG_DATUM(0));
	scan = systable_beginscan(rel,
							  get_relname_relid("approval_pkey",
												hg_catalog_schema()),
							  true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		if (!is_mine(tuple, RelationGetDescr(rel)) && !superuser())
			continue;
		result = state_now(tuple, RelationGetDescr(rel));
		found = true;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	if (!found)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/* my_approvals() -> the session user's requests */
Datum
hoopguard_my_approvals(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	InitMaterializedSRF(fcinfo, 0);
	rel = table_open(hg_catalog_rel(HG_REL_APPROVAL), AccessShareLock);
	ScanKeyInit(&key, HG_APPROVAL_SESSION_ROLE_OID, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(GetSessionUserId()));
	scan = systable_beginscan(rel,
							  get_relname_relid("approval_role_idx",
												hg_catalog_schema()),
							  true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[lengthof(mine_columns)];
		bool		nulls[lengthof(mine_columns)];
		TupleDesc	desc = RelationGetDescr(rel);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < lengthof(mine_columns); i++)
			values[i] = heap_getattr(tuple, mine_columns[i], desc, &nulls[i]);
		values[1] = state_now(tuple, desc);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return (Datum) 0;
}

/* _read_reply(body text, id text, binding text): the parser, for tests */
Datum
hoopguard__read_reply(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"failed", "pending", "allow", "deny"};
	text	   *body;
	HgReply		reply;
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[6];

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	body = PG_GETARG_TEXT_PP(0);
	memset(&reply, 0, sizeof(reply));
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		hg_reply_parse_opa(VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body), &reply);
	else
		hg_reply_parse(VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body),
					   text_to_cstring(PG_GETARG_TEXT_PP(1)),
					   text_to_cstring(PG_GETARG_TEXT_PP(2)), &reply);
	memset(nulls, 0, sizeof(nulls));
	values[0] = CStringGetTextDatum(names[reply.decision]);
	values[1] = CStringGetTextDatum(reply.reason);
	values[2] = CStringGetTextDatum(reply.approver);
	values[3] = Int64GetDatum(reply.grant_ttl_s);
	values[4] = Int64GetDatum(reply.max_rows);
	values[5] = CStringGetTextDatum(reply.error);
	nulls[1] = reply.reason[0] == '\0';
	nulls[2] = reply.approver[0] == '\0';
	nulls[3] = reply.grant_ttl_s == 0;
	nulls[4] = reply.max_rows < 0;
	nulls[5] = reply.error[0] == '\0';
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}
