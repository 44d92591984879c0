/*-------------------------------------------------------------------------
 *
 * quick.c
 *	  What the recorder does for each approval in line, without SQL.
 *
 * A request that one approver alone decides, none of the same statement being
 * open; the webhook's "allow" to it; the log of both.  Each function either
 * does all that worker.c or decide.c would do in SQL, or says that it has
 * done nothing: then they do it.  Nothing here waits for a row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "approval/approval_private.h"
#include "approval/delivery.h"
#include "approval/rows.h"
#include "base/catalog.h"
#include "base/guc_transport.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lockdefs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* Columns, as 50_approval.sql has them. */
#define TARGET_COLUMNS 13
#define VOTE_COLUMNS 5
#define LOG_COLUMNS 10
#define ANUM_APPROVER_URL 2
#define ANUM_APPROVER_QUORUM 4
#define ANUM_TARGET_APPROVER 3

typedef struct Row
{
	Datum		values[HG_APPROVAL_COLUMNS];
	bool		nulls[HG_APPROVAL_COLUMNS];
	bool		replace[HG_APPROVAL_COLUMNS];
} Row;

static void
row_init(Row *row)
{
	memset(row->values, 0, sizeof(row->values));
	memset(row->nulls, true, sizeof(row->nulls));
	memset(row->replace, false, sizeof(row->replace));
}

static void
set_datum(Row *row, int attno, Datum value)
{
	row->values[attno - 1] = value;
	row->nulls[attno - 1] = false;
	row->replace[attno - 1] = true;
}

/* NULL for NULL */
static void
set_text(Row *row, int attno, const char *value)
{
	if (value != NULL)
		set_datum(row, attno, CStringGetTextDatum(value));
	else
	{
		row->nulls[attno - 1] = true;
		row->replace[attno - 1] = true;
	}
}

static Datum
uuid_of(const char *id)
{
	return DirectFunctionCall1(uuid_in, CStringGetDatum(id));
}

static char *
text_of(HeapTuple tuple, int attno, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attno, desc, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* ---- members of the record ---------------------------------------------- */

static bool
member(Jsonb *record, const char *name, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(&record->root, name, strlen(name),
										value) != NULL &&
		value->type != jbvNull;
}

static char *
member_text(Jsonb *record, const char *name)
{
	JsonbValue	value;

	if (!member(record, name, &value) || value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

static bool
member_int(Jsonb *record, const char *name, int64 *out)
{
	JsonbValue	value;

	if (!member(record, name, &value) || value.type != jbvNumeric)
		return false;
	*out = DatumGetInt64(DirectFunctionCall1(numeric_int8,
											 NumericGetDatum(value.val.numeric)));
	return true;
}

/* Sets the column, and returns it as text; NULL for NULL. */
static char *
set_json(Row *row, int attno, Jsonb *record, const char *name)
{
	JsonbValue	value;
	Jsonb	   *json;

	if (!member(record, name, &value))
		return NULL;
	json = JsonbValueToJsonb(&value);
	set_datum(row, attno, JsonbPGetDatum(json));
	return JsonbToCString(NULL, &json->root, VARSIZE(json));
}

/* In UTC, as an approver gets it. */
static char *
iso_time(TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return psprintf("%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year,
					tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
					(int) fsec);
}

/* ---- approvers ---------------------------------------------------------- */

/* False: there is none of this name. */
static bool
look_up_approver(const char *name, char **url, int *quorum)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_APPROVER),
								 AccessShareLock);
	ScanKeyData key;
	HeapTuple	tuple;
	bool		isnull;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(name));
	tuple = hg_rows_find(rel, "approver_pkey", &key, NULL);
	if (HeapTupleIsValid(tuple))
	{
		*url = text_of(tuple, ANUM_APPROVER_URL, RelationGetDescr(rel));
		*quorum = DatumGetInt32(heap_getattr(tuple, ANUM_APPROVER_QUORUM,
											 RelationGetDescr(rel), &isnull));
		Assert(!isnull);
	}
	table_close(rel, AccessShareLock);
	return HeapTupleIsValid(tuple);
}

/* ---- the log ------------------------------------------------------------ */

/* Has the outbox to take what is logged? */
static bool
has_sinks(void)
{
	Oid			relid = get_relname_relid("_sink", hg_catalog_schema());
	Relation	rel;
	bool		found;

	if (!OidIsValid(relid))
		return true;
	rel = table_open(relid, AccessShareLock);
	found = hg_rows_any(rel);
	table_close(rel, AccessShareLock);
	return found;
}

bool
hg_quick_log(const char *id, const char *from, const char *to,
			 const char *who, const char *via, const char *detail, bool late)
{
	Oid			sequence;
	HgRows		log;
	Datum		values[LOG_COLUMNS];
	bool		nulls[LOG_COLUMNS];

	if (!hg_in_worker)
		return false;
	sequence = get_relname_relid("approval_log_id_seq", hg_catalog_schema());
	if (!OidIsValid(sequence) || has_sinks() ||
		!hg_rows_open(&log, "approval_log", LOG_COLUMNS, "_outbox_take"))
		return false;
	memset(nulls, false, sizeof(nulls));
	values[0] = Int64GetDatum(nextval_internal(sequence, false));
	values[1] = uuid_of(id);
	values[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	nulls[3] = from == NULL;
	values[3] = from != NULL ? CStringGetTextDatum(from) : (Datum) 0;
	values[4] = CStringGetTextDatum(to);
	nulls[5] = who == NULL;
	values[5] = who != NULL ? CStringGetTextDatum(who) : (Datum) 0;
	nulls[6] = via == NULL;
	values[6] = via != NULL ? CStringGetTextDatum(via) : (Datum) 0;
	nulls[7] = true;
	values[7] = (Datum) 0;
	nulls[8] = detail == NULL;
	values[8] = detail != NULL ? CStringGetTextDatum(detail) : (Datum) 0;
	values[9] = BoolGetDatum(late);
	hg_rows_insert(&log, values, nulls);
	hg_rows_close(&log);
	return true;
}

/* ---- a request ---------------------------------------------------------- */

static void
insert_target(HgRows *target, const char *id, const char *approver,
			  bool asked, TimestampTz now, int lease_s)
{
	Datum		values[TARGET_COLUMNS];
	bool		nulls[TARGET_COLUMNS];

	memset(values, 0, sizeof(values));
	memset(nulls, true, sizeof(nulls));
#define SET(attno, value) \
	(values[(attno) - 1] = (value), nulls[(attno) - 1] = false)
	SET(1, uuid_of(id));
	SET(2, Int32GetDatum(1));	/* slot */
	SET(3, CStringGetTextDatum(approver));
	SET(5, TimestampTzGetDatum(now));	/* since */
	SET(6, CStringGetTextDatum(asked ? "sending" : "none"));
	SET(7, Int32GetDatum(asked ? 1 : 0));	/* delivery_attempts */
	if (asked)
		SET(8, TimestampTzGetDatum(now + lease_s * USECS_PER_SEC));
	SET(11, Int32GetDatum(0));	/* cancel_attempts */
#undef SET
	hg_rows_insert(target, values, nulls);
}

bool
hg_quick_request(const char *data, int lease_s)
{
	HgRequestBody body;
	Row			row;
	HgRows		approval;
	HgRows		target;
	ScanKeyData key;
	Jsonb	   *record;
	JsonbValue	value;
	TimestampTz now = GetCurrentTimestamp();
	char	   *token;
	char	   *session_role;
	char	   *subject;
	char	   *url = NULL;
	int			quorum;
	int			delivery = -1;
	int64		role_oid;
	int64		requested;
	int64		expires;
	int64		rule_id;
	int64		timeline;
	int64		event_id;
	bool		open;

	record = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
												CStringGetDatum(data)));
	if (!JB_ROOT_IS_OBJECT(record))
		return false;
	row_init(&row);
	memset(&body, 0, sizeof(body));
	body.id = member_text(record, "id");
	token = member_text(record, "token");
	body.binding = member_text(record, "binding");
	subject = member_text(record, "subject");
	session_role = member_text(record, "session_role");
	body.database = member_text(record, "database");
	body.rule_message = member_text(record, "rule_message");
	body.approver = member_text(record, "approver");
	body.mode = member_text(record, "mode");
	body.text = member_text(record, "statement_text");
	body.sha256 = member_text(record, "statement_sha256");
	body.policy_version = member_text(record, "policy_version");
	if (body.id == NULL || token == NULL || body.binding == NULL ||
		subject == NULL || session_role == NULL || body.database == NULL ||
		body.mode == NULL || body.text == NULL || body.sha256 == NULL ||
		!member_int(record, "session_role_oid", &role_oid) ||
		!member_int(record, "requested_us", &requested) ||
		!member_int(record, "expires_us", &expires) ||
		!member_int(record, "rule_id", &rule_id) ||
		!member_int(record, "timeline", &timeline) ||
		!member_int(record, "event_id", &event_id) || expires <= now)
		return false;

	/* several approvers, none, or one who is not there */
	if (body.approver == NULL || body.approver[0] == '\0' ||
		body.approver[0] == ' ' ||
		body.approver[strlen(body.approver) - 1] == ' ' ||
		strchr(body.approver, ',') != NULL ||
		!look_up_approver(body.approver, &url, &quorum))
		return false;

	if (!hg_rows_open(&approval, "approval", HG_APPROVAL_COLUMNS, NULL))
		return false;
	if (!hg_rows_open(&target, "approval_target", TARGET_COLUMNS, NULL))
	{
		hg_rows_close(&approval);
		return false;
	}

	/* the same statement is open, or this record comes for a second time */
	ScanKeyInit(&key, HG_APPROVAL_BINDING, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(body.binding));
	open = hg_rows_find(approval.rel, "approval_open_idx", &key, NULL) != NULL ||
		hg_rows_find_uuid(approval.rel, "approval_pkey", body.id,
						  NULL) != NULL;
	if (!open && url != NULL)
	{
		delivery = hg_delivery_reserve(MyDatabaseId, 0);
		if (delivery >= 0)
			hg_effect_publish(delivery);
	}
	if (open || (url != NULL && delivery < 0))
	{
		hg_rows_close(&target);
		hg_rows_close(&approval);
		return false;
	}

	set_datum(&row, HG_APPROVAL_ID, uuid_of(body.id));
	set_text(&row, HG_APPROVAL_STATE, "pending");
	set_text(&row, HG_APPROVAL_SUBJECT, subject);
	set_text(&row, HG_APPROVAL_SESSION_ROLE, session_role);
	set_datum(&row, HG_APPROVAL_SESSION_ROLE_OID,
			  ObjectIdGetDatum((Oid) role_oid));
	set_text(&row, HG_APPROVAL_BINDING, body.binding);
	set_datum(&row, HG_APPROVAL_REQUESTED_AT, TimestampTzGetDatum(requested));
	set_datum(&row, HG_APPROVAL_EXPIRES_AT, TimestampTzGetDatum(expires));
	set_datum(&row, HG_APPROVAL_RULE_ID, Int32GetDatum((int32) rule_id));
	set_text(&row, HG_APPROVAL_APPROVER, body.approver);
	set_text(&row, HG_APPROVAL_DELIVERY_STATE, url ? "sending" : "none");
	set_datum(&row, HG_APPROVAL_DELIVERY_ATTEMPTS,
			  Int32GetDatum(url ? 1 : 0));
	set_text(&row, HG_APPROVAL_EFFECTIVE_ROLE,
			 member_text(record, "effective_role"));
	set_text(&row, HG_APPROVAL_DATABASE, body.database);
	set_datum(&row, HG_APPROVAL_TIMELINE, Int64GetDatum(timeline));
	set_text(&row, HG_APPROVAL_MODE, body.mode);
	set_text(&row, HG_APPROVAL_STATEMENT_TEXT, body.text);
	set_text(&row, HG_APPROVAL_STATEMENT_SHA256, body.sha256);
	body.facts = set_json(&row, HG_APPROVAL_FACTS, record, "facts");
	body.params = set_json(&row, HG_APPROVAL_PARAMS, record, "params");
	body.requester = set_json(&row, HG_APPROVAL_REQUESTER, record,
							  "requester");
	set_text(&row, HG_APPROVAL_POLICY_VERSION, body.policy_version);
	set_datum(&row, HG_APPROVAL_EVENT_ID, Int64GetDatum(event_id));
	set_text(&row, HG_APPROVAL_RULE_MESSAGE, body.rule_message);
	body.evidence = set_json(&row, HG_APPROVAL_EVIDENCE, record, "evidence");

	hg_rows_insert(&approval, row.values, row.nulls);
	insert_target(&target, body.id, body.approver, url != NULL, now, lease_s);
	hg_rows_close(&target);
	hg_rows_close(&approval);
	ForceSyncCommit();
	hg_decide_edge(body.id, NULL, "pending", session_role, "session", NULL,
				   NULL);
	hg_effect_stored(token, body.id);
	if (url == NULL)
		return true;

	body.time = iso_time(requested);
	body.expires_at = iso_time(expires);
	body.rule = psprintf("%d", (int) rule_id);
	body.attempt = 1;
	body.timeline = timeline;
	if (member(record, "facts", &value) && value.type == jbvBinary)
	{
		JsonbValue	command;

		if (getKeyJsonValueFromContainer(value.val.binary.data, "command",
										 strlen("command"),
										 &command) != NULL &&
			command.type == jbvString)
			body.command = pnstrdup(command.val.string.val,
									command.val.string.len);
	}
	hg_worker_fill(delivery, &body, url, expires);
	return true;
}

/* ---- a webhook's "allow" ------------------------------------------------ */

/* One approver asked, whose one vote is enough, and no vote yet? */
static bool
decides_alone(HgRows *vote, const char *id, const char *approver)
{
	Oid			relid = get_relname_relid("approval_target",
										  hg_catalog_schema());
	Relation	rel;
	HeapTuple	tuple;
	char	   *url;
	int			quorum;
	bool		more = false;
	bool		alone;

	if (!OidIsValid(relid))
		return false;
	rel = table_open(relid, AccessShareLock);
	tuple = hg_rows_find_uuid(rel, "approval_target_pkey", id, &more);
	alone = HeapTupleIsValid(tuple) && !more &&
		strcmp(text_of(tuple, ANUM_TARGET_APPROVER, RelationGetDescr(rel)),
			   approver) == 0;
	table_close(rel, AccessShareLock);
	return alone && look_up_approver(approver, &url, &quorum) &&
		quorum == 1 &&
		hg_rows_find_uuid(vote->rel, "approval_vote_pkey", id, NULL) == NULL;
}

static void
insert_vote(HgRows *vote, const HgDecisionInput *in, TimestampTz now)
{
	Datum		values[VOTE_COLUMNS];
	bool		nulls[VOTE_COLUMNS] = {0};
	Datum		name = CStringGetTextDatum(in->approver);

	values[0] = uuid_of(in->id);
	values[1] = CStringGetTextDatum(in->voter);
	values[2] = CStringGetTextDatum(in->via);
	values[3] = PointerGetDatum(construct_array(&name, 1, TEXTOID, -1, false,
												TYPALIGN_INT));
	values[4] = TimestampTzGetDatum(now);
	hg_rows_insert(vote, values, nulls);
}

/* May the webhook decide on this row now, and did not ask itself? */
static bool
decidable(HeapTuple tuple, TupleDesc desc, const HgDecisionInput *in,
		  TimestampTz now)
{
	const int	requesters[] = {HG_APPROVAL_SUBJECT,
		HG_APPROVAL_SESSION_ROLE, HG_APPROVAL_EFFECTIVE_ROLE};
	bool		isnull;

	if (strcmp(text_of(tuple, HG_APPROVAL_STATE, desc), "pending") != 0 ||
		strcmp(text_of(tuple, HG_APPROVAL_BINDING, desc), in->binding) != 0 ||
		DatumGetTimestampTz(heap_getattr(tuple, HG_APPROVAL_EXPIRES_AT, desc,
										 &isnull)) <= now)
		return false;
	for (int i = 0; i < (int) lengthof(requesters); i++)
	{
		char	   *name = text_of(tuple, requesters[i], desc);

		if (name != NULL && pg_strcasecmp(name, in->who) == 0)
			return false;
	}
	return true;
}

/* The narrower of a column's bound and another; -1: none. */
static int64
narrower(HeapTuple tuple, int attno, TupleDesc desc, int64 other)
{
	bool		isnull;
	int64		value = DatumGetInt64(heap_getattr(tuple, attno, desc,
												   &isnull));

	if (isnull)
		return other;
	return other < 0 ? value : Min(value, other);
}

bool
hg_quick_approve(const HgDecisionInput *in)
{
	HgRows		approval;
	HgRows		vote;
	TupleDesc	desc;
	HeapTuple	tuple;
	Row			row;
	TimestampTz now = GetCurrentTimestamp();
	char		token[HG_UUID_LEN] = "";
	char	   *session_role = NULL;
	int64		ttl = Min(hg_guc_approval_grant_ttl, hg_guc_approval_ttl);
	int64		max_rows;
	bool		done = false;

	if (in->ttl_s > 0)
		ttl = Min(ttl, in->ttl_s);
	if (!hg_rows_open(&approval, "approval", HG_APPROVAL_COLUMNS, NULL))
		return false;
	if (!hg_rows_open(&vote, "approval_vote", VOTE_COLUMNS, NULL))
	{
		hg_rows_close(&approval);
		return false;
	}
	desc = RelationGetDescr(approval.rel);
	tuple = hg_rows_find_uuid(approval.rel, "approval_pkey", in->id, NULL);
	if (HeapTupleIsValid(tuple) && decidable(tuple, desc, in, now) &&
		decides_alone(&vote, in->id, in->approver))
	{
		session_role = text_of(tuple, HG_APPROVAL_SESSION_ROLE, desc);
		ttl = narrower(tuple, HG_APPROVAL_GRANT_TTL_S, desc, ttl);
		max_rows = narrower(tuple, HG_APPROVAL_MAX_ROWS, desc, in->max_rows);
		row_init(&row);
		set_text(&row, HG_APPROVAL_STATE, "approved");
		set_datum(&row, HG_APPROVAL_GRANT_EXPIRES_AT,
				  TimestampTzGetDatum(now + ttl * USECS_PER_SEC));
		set_datum(&row, HG_APPROVAL_GRANT_TTL_S, Int64GetDatum(ttl));
		if (max_rows >= 0)
			set_datum(&row, HG_APPROVAL_MAX_ROWS, Int64GetDatum(max_rows));
		set_datum(&row, HG_APPROVAL_DECIDED_AT, TimestampTzGetDatum(now));
		set_text(&row, HG_APPROVAL_DECIDED_BY, in->who);
		set_text(&row, HG_APPROVAL_DECIDED_VIA, in->via);
		set_text(&row, HG_APPROVAL_REASON, in->reason);
		set_text(&row, HG_APPROVAL_DELIVERY_STATE, "answered");
		set_text(&row, HG_APPROVAL_LAST_DELIVERY_ERROR, NULL);

		/* who waits for it has it used up at once */
		if (hg_approval_claim(in->id, token))
		{
			set_text(&row, HG_APPROVAL_STATE, "consumed");
			set_text(&row, HG_APPROVAL_CONSUMED_BY, token);
			set_datum(&row, HG_APPROVAL_CONSUMED_AT,
					  TimestampTzGetDatum(now));
		}
		done = hg_rows_update(&approval, tuple, row.values, row.nulls,
							  row.replace);
		if (done)
			insert_vote(&vote, in, now);
		else if (token[0] != '\0')
			hg_approval_unclaim(token);
	}
	hg_rows_close(&vote);
	hg_rows_close(&approval);
	if (!done)
		return false;
	hg_decide_edge(in->id, "pending", "approved", in->who, in->via, NULL,
				   in->reason);
	if (token[0] != '\0')
	{
		hg_decide_edge(in->id, "approved", "consumed", session_role,
					   "session", NULL, NULL);

		/* the statement waits for standbys, too, if commits here do */
		set_config_option("synchronous_commit",
						  GetConfigOptionResetString("synchronous_commit"),
						  PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true,
						  0, false);
	}
	ForceSyncCommit();
	return true;
}
