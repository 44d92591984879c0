/*-------------------------------------------------------------------------
 *
 * ticket.c
 *	  What a session that asks reads of hoopguard.approval and .approver.
 *
 * Reads go by catalog snapshots, which see the latest commit whatever the
 * transaction's own snapshot is, and need no SPI, planner or rights.  The
 * snapshot is dropped afterwards: a session that waits must not hold back
 * vacuum.
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
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* Attribute numbers of hoopguard.approver. */
#define ANUM_APPROVER_NAME 1
#define ANUM_APPROVER_URL 2
#define ANUM_APPROVER_ROLE 3
#define ANUM_APPROVER_ESCALATE_TO 7

static char *
text_or_null(HeapTuple tuple, int attno, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attno, desc, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static TimestampTz
time_or_zero(HeapTuple tuple, int attno, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attno, desc, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(value);
}

static HgTicket *
read_ticket(HeapTuple tuple, TupleDesc desc)
{
	HgTicket   *ticket = palloc0(sizeof(HgTicket));
	bool		isnull;
	Datum		value;

	value = heap_getattr(tuple, HG_APPROVAL_ID, desc, &isnull);
	if (!isnull)
		strlcpy(ticket->id, DatumGetCString(DirectFunctionCall1(uuid_out, value)),
				sizeof(ticket->id));
	ticket->state = text_or_null(tuple, HG_APPROVAL_STATE, desc);
	if (ticket->state == NULL)
		ticket->state = pstrdup("unknown");
	ticket->requested_at = time_or_zero(tuple, HG_APPROVAL_REQUESTED_AT, desc);
	ticket->expires_at = time_or_zero(tuple, HG_APPROVAL_EXPIRES_AT, desc);
	ticket->grant_expires_at = time_or_zero(tuple,
											HG_APPROVAL_GRANT_EXPIRES_AT, desc);
	ticket->decided_at = time_or_zero(tuple, HG_APPROVAL_DECIDED_AT, desc);
	value = heap_getattr(tuple, HG_APPROVAL_RULE_ID, desc, &isnull);
	ticket->rule_id = isnull ? 0 : DatumGetInt32(value);
	value = heap_getattr(tuple, HG_APPROVAL_MAX_ROWS, desc, &isnull);
	ticket->max_rows = isnull ? -1 : DatumGetInt64(value);
	ticket->consumed_by = text_or_null(tuple, HG_APPROVAL_CONSUMED_BY, desc);
	ticket->decided_by = text_or_null(tuple, HG_APPROVAL_DECIDED_BY, desc);
	ticket->reason = text_or_null(tuple, HG_APPROVAL_REASON, desc);
	ticket->delivery_state = text_or_null(tuple, HG_APPROVAL_DELIVERY_STATE,
										  desc);
	if (ticket->delivery_state == NULL)
		ticket->delivery_state = pstrdup("none");
	ticket->delivery_error = text_or_null(tuple,
										  HG_APPROVAL_LAST_DELIVERY_ERROR,
										  desc);
	return ticket;
}

/* How much a row matters: 0 not at all. */
static int
rank(const HgTicket *ticket, TimestampTz now)
{
	if (strcmp(ticket->state, "approved") == 0 &&
		ticket->grant_expires_at > now)
		return 3;
	if (strcmp(ticket->state, "pending") == 0 && ticket->expires_at > now)
		return 2;
	if (strcmp(ticket->state, "denied") == 0 && ticket->decided_at != 0 &&
		ticket->decided_at + HG_DENY_MEMORY_S * USECS_PER_SEC > now)
		return 1;
	return 0;
}

/* A scan for one row by its id. */
static SysScanDesc
scan_id(Relation rel, const char *id)
{
	ScanKeyData key;

	ScanKeyInit(&key, HG_APPROVAL_ID, BTEqualStrategyNumber, F_UUID_EQ,
				DirectFunctionCall1(uuid_in, CStringGetDatum(id)));
	return systable_beginscan(rel,
							  get_relname_relid("approval_pkey",
												hg_catalog_schema()),
							  true, NULL, 1, &key);
}

/*
 * A scan for the rows of a statement that matter.  Those that were used up
 * are not in the index: there may be thousands.
 */
static SysScanDesc
scan_binding(Relation rel, const char *binding)
{
	ScanKeyData key;

	ScanKeyInit(&key, HG_APPROVAL_BINDING, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(binding));
	return systable_beginscan(rel,
							  get_relname_relid("approval_binding_idx",
												hg_catalog_schema()),
							  true, NULL, 1, &key);
}

static bool
has_binding(HeapTuple tuple, TupleDesc desc, const char *binding)
{
	char	   *mine = text_or_null(tuple, HG_APPROVAL_BINDING, desc);

	return mine != NULL && strcmp(mine, binding) == 0;
}

HgTicket *
hg_ticket_find(const char *binding, const char *id)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_APPROVAL),
								 AccessShareLock);
	TimestampTz now = GetCurrentTimestamp();
	HgTicket   *best = NULL;
	int			best_rank = 0;
	SysScanDesc scan;
	HeapTuple	tuple;

	scan = id != NULL ? scan_id(rel, id) : scan_binding(rel, binding);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		HgTicket   *ticket;
		int			r;

		CHECK_FOR_INTERRUPTS();
		if (!has_binding(tuple, RelationGetDescr(rel), binding))
			continue;
		ticket = read_ticket(tuple, RelationGetDescr(rel));
		r = id != NULL ? 1 : rank(ticket, now);

		/* two denials or, after a clock step, two grants: the later one */
		if (r > best_rank ||
			(r > 0 && r == best_rank &&
			 ticket->requested_at > best->requested_at))
		{
			best = ticket;
			best_rank = r;
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	InvalidateCatalogSnapshot();
	return best;
}

/* A number of an entry of the evidence's rows, 0 if it is not there. */
static int64
entry_number(JsonbContainer *entry, const char *name)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(entry, name, strlen(name),
									 &value) == NULL ||
		value.type != jbvNumeric)
		return 0;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8,
											 NumericGetDatum(value.val.numeric)));
}

static bool
is_true(JsonbContainer *object, const char *name)
{
	JsonbValue	value;

	return getKeyJsonValueFromContainer(object, name, strlen(name),
										&value) != NULL &&
		value.type == jbvBool && value.val.boolean;
}

/* The rows that the evidence lists are what may be written. */
static void
read_evidence(HgBound *bound, Jsonb *evidence)
{
	JsonbContainer *root = &evidence->root;
	JsonbValue	rows;

	if (!JsonContainerIsObject(root) || !is_true(root, "rehearsed") ||
		getKeyJsonValueFromContainer(root, "rows", strlen("rows"),
									 &rows) == NULL ||
		rows.type != jbvBinary)
		return;
	bound->listed = true;
	for (uint32 i = 0; i < JsonContainerSize(rows.val.binary.data); i++)
	{
		JsonbValue *one = getIthJsonbValueFromContainer(rows.val.binary.data,
														i);
		HgWrittenRel *rel;

		if (one->type != jbvBinary)
			continue;
		rel = hg_written_rel(bound->written,
							 (Oid) entry_number(one->val.binary.data, "oid"));
		rel->approved = true;
		rel->may_insert = entry_number(one->val.binary.data, "inserted");
		rel->may_update = entry_number(one->val.binary.data, "updated");
		rel->may_delete = entry_number(one->val.binary.data, "deleted");
		rel->may_truncate = is_true(one->val.binary.data, "truncated");
	}
}

HgBound *
hg_ticket_bound(const HgTicket *ticket, const char *binding)
{
	HgBound    *bound = palloc0(sizeof(HgBound));
	Relation	rel = table_open(hg_catalog_rel(HG_REL_APPROVAL),
								 AccessShareLock);
	AttrNumber	attno = get_attnum(RelationGetRelid(rel), "evidence");
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	bound->max_rows = ticket->max_rows;
	strlcpy(bound->approval_id, ticket->id, sizeof(bound->approval_id));
	bound->written = hg_written_begin();
	scan = scan_id(rel, ticket->id);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		evidence;
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		if (!has_binding(tuple, RelationGetDescr(rel), binding))
			continue;
		found = true;
		if (attno == InvalidAttrNumber)
			continue;
		evidence = heap_getattr(tuple, attno, RelationGetDescr(rel), &isnull);
		if (!isnull)
			read_evidence(bound, DatumGetJsonbP(evidence));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	InvalidateCatalogSnapshot();
	if (!found || attno == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(HG_ERRCODE_TICKET),
				 errmsg("approval %s cannot be read", ticket->id)));
	return bound->listed || bound->max_rows >= 0 ? bound : NULL;
}

/*
 * Has the index fewer entries than that for these keys?  Each row that can be
 * seen has one, and some that cannot, so there are fewer rows, too; this does
 * not look at them, which is much faster.
 */
static bool
fewer_entries(Relation rel, Oid index, int nkeys, const ScanKeyData *keys,
			  int than)
{
	Relation	irel = index_open(index, AccessShareLock);
	ScanKeyData mine[2];
	IndexScanDesc scan;
	Snapshot	snapshot;
	int			n = 0;

	if (!irel->rd_index->indisvalid)
	{
		index_close(irel, AccessShareLock);
		return false;
	}
	for (int i = 0; i < nkeys; i++)
	{
		mine[i] = keys[i];
		mine[i].sk_attno = i + 1;
	}
	snapshot = RegisterSnapshot(GetCatalogSnapshot(RelationGetRelid(rel)));
	scan = HG_INDEX_BEGINSCAN(rel, irel, snapshot, nkeys);
	index_rescan(scan, mine, nkeys, NULL, 0);
	while (n < than && index_getnext_tid(scan, ForwardScanDirection) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		n++;
	}
	index_endscan(scan);
	UnregisterSnapshot(snapshot);
	index_close(irel, AccessShareLock);
	return n < than;
}

void
hg_ticket_count(const char *subject, TimestampTz since, int enough,
				int *pending, int *recent)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_APPROVAL),
								 AccessShareLock);
	TimestampTz now = GetCurrentTimestamp();
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			index;

	*pending = 0;
	*recent = 0;
	ScanKeyInit(&key[0], HG_APPROVAL_SUBJECT, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(subject));
	scan = systable_beginscan(rel,
							  get_relname_relid("approval_pending_idx",
												hg_catalog_schema()),
							  true, NULL, 1, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		char	   *state = text_or_null(tuple, HG_APPROVAL_STATE,
										 RelationGetDescr(rel));

		CHECK_FOR_INTERRUPTS();

		/* a heap scan (index being rebuilt) brings other states too */
		if (state != NULL && strcmp(state, "pending") == 0 &&
			time_or_zero(tuple, HG_APPROVAL_EXPIRES_AT,
						 RelationGetDescr(rel)) > now)
			(*pending)++;
	}
	systable_endscan(scan);

	ScanKeyInit(&key[0], HG_APPROVAL_SUBJECT, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(subject));
	ScanKeyInit(&key[1], HG_APPROVAL_REQUESTED_AT, BTGreaterStrategyNumber,
				F_TIMESTAMPTZ_GT, TimestampTzGetDatum(since));
	index = get_relname_relid("approval_subject_idx", hg_catalog_schema());
	if (!OidIsValid(index) || !fewer_entries(rel, index, 2, key, enough))
	{
		scan = systable_beginscan(rel, index, true, NULL, 2, key);
		while (HeapTupleIsValid(tuple = systable_getnext(scan)))
			(*recent)++;
		systable_endscan(scan);
	}
	table_close(rel, AccessShareLock);
	InvalidateCatalogSnapshot();
}

/* Is the name one of a comma-separated list? */
static bool
in_list(const char *list, const char *name)
{
	Size		len = strlen(name);

	for (const char *p = list; *p;)
	{
		Size		n;

		p += strspn(p, " ");
		n = strcspn(p, ",");
		if (n >= len && strncmp(p, name, len) == 0 &&
			strspn(p + len, " ") == n - len)
			return true;
		p += n;
		if (*p == ',')
			p++;
	}
	return false;
}

/*
 * A rule that names no approver goes to the one called "default", or else to
 * the first by name.
 */
void
hg_ticket_approver(const char *rule_approver, HgApprover *out)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_APPROVER),
								 AccessShareLock);
	SysScanDesc scan;
	HeapTuple	tuple;

	memset(out, 0, sizeof(*out));
	out->has_role = true;
	if (rule_approver != NULL)
		out->name = pstrdup(rule_approver);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		TupleDesc	desc = RelationGetDescr(rel);
		char	   *name = text_or_null(tuple, ANUM_APPROVER_NAME, desc);
		char	   *url;
		bool		has_url;
		bool		alone;
		bool		open;
		bool		role_null;

		CHECK_FOR_INTERRUPTS();
		if (name == NULL)
			continue;
		if (rule_approver != NULL)
		{
			if (!in_list(rule_approver, name))
				continue;
		}
		else if (out->name != NULL &&
				 (strcmp(out->name, "default") == 0 ||
				  (strcmp(name, "default") != 0 &&
				   strcmp(name, out->name) > 0)))
			continue;
		url = text_or_null(tuple, ANUM_APPROVER_URL, desc);
		has_url = url != NULL;
		(void) heap_getattr(tuple, ANUM_APPROVER_ROLE, desc, &role_null);
		alone = has_url && role_null &&
			text_or_null(tuple, ANUM_APPROVER_ESCALATE_TO, desc) == NULL;
		open = alone && hg_delivery_breaker_open(url);
		if (rule_approver != NULL)
		{
			out->has_url |= has_url;
			out->has_role &= !alone;
			out->breaker_open |= open;
			continue;
		}
		out->name = name;
		out->has_url = has_url;
		out->has_role = !alone;
		out->breaker_open = open;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	InvalidateCatalogSnapshot();
}
