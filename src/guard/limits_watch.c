/*-------------------------------------------------------------------------
 *
 * limits_watch.c
 *	  Where rows flow: below ModifyTable, into receivers, through COPY FROM.
 *
 * Rows written.  ModifyTable counts what it has written in es_processed, if
 * it is the one that sets the command tag.  Its subplan gets its
 * ExecProcNodeReal replaced (ExecProcNode itself is overwritten by the
 * node's first call): each time ModifyTable asks for the next row, what it
 * did with the one before is counted.  So rows that meet DO NOTHING, or no
 * action of MERGE, do not count, and the statement stops with the first row
 * over the limit.  A ModifyTable inside WITH does not set the tag; it is made
 * to count like the others, and es_processed is put back whenever it returns.
 *
 * Rows returned.  A receiver in front of the client's counts rows and bytes.
 *
 * COPY FROM has neither plan nor receiver, but evaluates WHERE for each row
 * before it inserts: it gets one more condition, a function that counts.
 *
 * Temporary tables are a session's own and never count, nor does a view: what
 * its rules or triggers write does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "base/report.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "guard/limits_private.h"
#include "guard/written.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(hoopguard__count_row);

/*
 * ---- ModifyTable ----
 */

/* One ModifyTable that is counted.  Lives in es_query_cxt. */
typedef struct Watched
{
	struct Watched *next;
	struct Watched *prev;
	PlanState  *child;
	ExecProcNodeMtd child_real;
	ModifyTableState *table;
	ExecProcNodeMtd table_real; /* NULL: sets the command tag */
	EState	   *estate;
	const HgArmed *armed;
	uint64		base;			/* es_processed that is counted */
	int			row_probes;		/* by each row that it tries to write */
	MemoryContextCallback on_delete;
} Watched;

/* Youngest first: the innermost executor is the one that runs. */
static Watched *watched = NULL;

static void
forget(void *arg)
{
	Watched    *one = arg;

	if (one->prev)
		one->prev->next = one->next;
	else
		watched = one->next;
	if (one->next)
		one->next->prev = one->prev;
}

/* Count what has been written since the last time. */
static void
settle(Watched *one)
{
	uint64		now = one->estate->es_processed;
	uint64		n;

	/* each ExecutorRun begins with zero */
	if (now < one->base)
		one->base = 0;
	n = now - one->base;
	one->base = now;
	if (n > 0 && hg_limits_current != NULL)
		hg_limits_add(hg_limits_current, one->armed, HG_LIMIT_ROWS_WRITTEN,
					  (int64) n);
}

static TupleTableSlot *
next_row(PlanState *child)
{
	Watched    *one = watched;
	TupleTableSlot *slot;

	while (one->child != child)
		one = one->next;
	settle(one);
	hg_bound_check(false);
	slot = one->child_real(child);

	/* before it is tried: an error that says "exists" is an answer, too */
	if (one->row_probes > 0 && !TupIsNull(slot) && hg_limits_current != NULL)
		hg_limits_add(hg_limits_current, one->armed, HG_LIMIT_PROBES,
					  one->row_probes);
	return slot;
}

/* A ModifyTable in WITH: es_processed is the main one's. */
static TupleTableSlot *
modify_in_with(PlanState *table)
{
	Watched    *one = watched;
	uint64		saved;
	TupleTableSlot *slot;

	while ((PlanState *) one->table != table)
		one = one->next;
	saved = one->estate->es_processed;
	one->base = saved;
	slot = one->table_real(table);
	settle(one);
	one->estate->es_processed = saved;
	return slot;
}

/* Are the rows of this ModifyTable those of a table that counts? */
static bool
counts(ModifyTableState *table)
{
	for (int i = 0; i < table->mt_nrels; i++)
	{
		Form_pg_class form = table->resultRelInfo[i].ri_RelationDesc->rd_rel;

		if (form->relpersistence != RELPERSISTENCE_TEMP &&
			form->relkind != RELKIND_VIEW)
			return true;
	}
	return false;
}

pg_noreturn static void
refuse_direct(void)
{
	HgRefusal	refusal = {.verdict = "limit",.builtin = "limit"};

	refusal.extra_json = "\"kind\": \"rows_written\"";
	ereport(ERROR,
			(errcode(HG_ERRCODE_LIMIT),
			 errmsg("rows written to a foreign table at once cannot be counted"),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 errhint("Name the rows one by one, or ask for an allowance without a limit.")));
}

static void
watch_table(ModifyTableState *table, const HgTally *tally, int row_probes)
{
	EState	   *estate = table->ps.state;
	PlanState  *child = outerPlanState(table);
	Watched    *one;

	if (child == NULL || !counts(table))
		return;
	if (tally->armed != NULL && tally->armed->strict[HG_LIMIT_ROWS_WRITTEN] &&
		!bms_is_empty(((ModifyTable *) table->ps.plan)->fdwDirectModifyPlans))
		refuse_direct();

	one = MemoryContextAllocZero(estate->es_query_cxt, sizeof(Watched));
	one->child = child;
	one->child_real = child->ExecProcNodeReal;
	one->table = table;
	one->estate = estate;
	one->armed = tally->armed;
	one->row_probes = row_probes;
	one->on_delete.func = forget;
	one->on_delete.arg = one;
	one->next = watched;
	if (watched)
		watched->prev = one;
	watched = one;
	MemoryContextRegisterResetCallback(estate->es_query_cxt,
									   &one->on_delete);
	child->ExecProcNodeReal = next_row;
	if (!table->canSetTag)
	{
		table->canSetTag = true;
		one->table_real = table->ps.ExecProcNodeReal;
		table->ps.ExecProcNodeReal = modify_in_with;
	}
}

void
hg_limits_watch(QueryDesc *queryDesc, const HgTally *tally, int row_probes)
{
	EState	   *estate = queryDesc->estate;
	ListCell   *lc;
	bool		counted;

	/* watch_table() sets canSetTag: that of a rule's action is an auxiliary */
	counted = IsA(queryDesc->planstate, ModifyTableState) &&
		((ModifyTableState *) queryDesc->planstate)->canSetTag;

	/* those in WITH first, so that the main one is found at once */
	foreach(lc, estate->es_auxmodifytables)
		watch_table(lfirst_node(ModifyTableState, lc), tally, row_probes);
	if (counted)
		watch_table((ModifyTableState *) queryDesc->planstate, tally,
					row_probes);
}

void
hg_limits_settle(QueryDesc *queryDesc)
{
	for (Watched *one = watched; one != NULL; one = one->next)
	{
		if (one->estate == queryDesc->estate && one->table_real == NULL)
		{
			settle(one);
			break;
		}
	}
}

/*
 * ---- receivers ----
 */

/*
 * Bytes of a value as text, without making the text: exact for strings, close
 * for the rest.
 */
static int64
value_bytes(Form_pg_attribute att, Datum value)
{
	if (att->attlen == -1)
	{
		int64		raw = (int64) toast_raw_datum_size(value) - VARHDRSZ;

		switch (att->atttypid)
		{
			case BYTEAOID:
				return 2 + 2 * raw; /* hex */
			case NUMERICOID:
				return 2 * raw; /* four digits in two bytes */
			default:
				return raw;
		}
	}
	if (att->attlen == -2)
		return strlen(DatumGetCString(value));
	switch (att->atttypid)
	{
		case BOOLOID:
			return 1;
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
			{
				int64		number = att->atttypid == INT8OID ?
					DatumGetInt64(value) : att->atttypid == INT2OID ?
					DatumGetInt16(value) : att->atttypid == INT4OID ?
					DatumGetInt32(value) : (int64) DatumGetObjectId(value);
				int			digits = number < 0 ? 2 : 1;

				while ((number /= 10) != 0)
					digits++;
				return digits;
			}
		case DATEOID:
			return 10;
		case TIMESTAMPOID:
			return 26;
		case TIMESTAMPTZOID:
			return 29;
		case UUIDOID:
			return 36;
		case NAMEOID:
			return strlen(NameStr(*DatumGetName(value)));
		default:
			return 2 * att->attlen;
	}
}

/* A row of the protocol: 7 bytes, and 4 more for each value. */
static int64
row_bytes(TupleTableSlot *slot)
{
	TupleDesc	desc = slot->tts_tupleDescriptor;
	int64		bytes = 7;

	slot_getallattrs(slot);
	for (int i = 0; i < desc->natts; i++)
	{
		bytes += 4;
		if (!slot->tts_isnull[i])
			bytes += value_bytes(TupleDescAttr(desc, i),
								 slot->tts_values[i]);
	}
	return bytes;
}

static bool
count_and_pass(TupleTableSlot *slot, DestReceiver *self)
{
	HgCountingDest *dest = (HgCountingDest *) self;

	hg_limits_count(dest->kind, 1);
	if (dest->kind == HG_LIMIT_ROWS_RETURNED)
		hg_limits_count(HG_LIMIT_BYTES_RETURNED, row_bytes(slot));
	return dest->inner->receiveSlot(slot, dest->inner);
}

static void
start_inner(DestReceiver *self, int operation, TupleDesc desc)
{
	HgCountingDest *dest = (HgCountingDest *) self;

	dest->inner->rStartup(dest->inner, operation, desc);
}

static void
shut_inner(DestReceiver *self)
{
	HgCountingDest *dest = (HgCountingDest *) self;

	dest->inner->rShutdown(dest->inner);
}

/* Ours is on somebody's stack, the inner one belongs to who made it. */
static void
destroy_nothing(DestReceiver *self)
{
}

DestReceiver *
hg_limits_dest(HgCountingDest *dest, DestReceiver *inner, HgLimitKind kind)
{
	dest->pub.receiveSlot = count_and_pass;
	dest->pub.rStartup = start_inner;
	dest->pub.rShutdown = shut_inner;
	dest->pub.rDestroy = destroy_nothing;
	dest->pub.mydest = inner->mydest;
	dest->inner = inner;
	dest->kind = kind;
	return (DestReceiver *) dest;
}

bool
hg_limits_is_dest(const DestReceiver *dest)
{
	return dest->receiveSlot == count_and_pass;
}

bool
hg_limits_counts_returned(const HgTally *tally)
{
	const HgArmed *armed = tally->armed;

	return armed != NULL &&
		armed->first[HG_LIMIT_ROWS_RETURNED] !=
		armed->first[HG_LIMIT_BYTES_RETURNED + 1];
}

/*
 * ---- COPY FROM ----
 */

/*
 * _count_row() returns true: one row of COPY FROM is about to be inserted.
 * Whoever calls it himself counts against himself.
 */
Datum
hoopguard__count_row(PG_FUNCTION_ARGS)
{
	hg_bound_check(false);
	hg_limits_count(HG_LIMIT_ROWS_WRITTEN, 1);
	if (hg_limits_current != NULL)
		hg_limits_count(HG_LIMIT_PROBES, hg_limits_current->copy_probes);
	PG_RETURN_BOOL(true);
}

CopyStmt *
hg_limits_copy_from(CopyStmt *stmt, HgTally *tally, int row_probes)
{
	FuncCall   *call;
	CopyStmt   *result;
	Oid			relid;

	if (!stmt->is_from || stmt->relation == NULL)
		return stmt;
	relid = RangeVarGetRelid(stmt->relation, RowExclusiveLock, true);
	if (!OidIsValid(relid) ||
		get_rel_persistence(relid) == RELPERSISTENCE_TEMP ||
		get_rel_relkind(relid) == RELKIND_VIEW)
		return stmt;

	tally->copy_probes = row_probes;
	call = makeFuncCall(list_make2(makeString("hoopguard"),
								   makeString("_count_row")),
						NIL, COERCE_EXPLICIT_CALL, -1);

	result = makeNode(CopyStmt);
	memcpy(result, stmt, sizeof(CopyStmt));

	/* conditions are evaluated in this order: only rows that pass count */
	result->whereClause = stmt->whereClause == NULL ? (Node *) call :
		(Node *) makeBoolExpr(AND_EXPR,
							  list_make2(copyObject(stmt->whereClause), call),
							  -1);
	return result;
}
