/*-------------------------------------------------------------------------
 *
 * sample.c
 *	  Some of the rows that a rehearsed statement writes, before and after.
 *
 * The rows are noted by their place while they flow into ModifyTable, and
 * read when the statement has run: as they were by its own snapshot, as they
 * are by following their updates.  Reading is a SELECT by the current user,
 * so that masks, rules, row security and privileges decide what an approver
 * sees: no more than the subject itself could read.  Columns that it may not
 * read are left out.
 *
 * Only tables of the heap have places that can be followed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "approval/evidence.h"
#include "base/report.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#define TABLES 3				/* ModifyTable nodes that are watched */
#define ROWS 5					/* rows of each */
#define COLUMNS 40
#define VALUE_MAX 160			/* bytes of one value */
#define CHAIN_MAX 1000			/* updates of one row */

typedef struct Pick
{
	Oid			relid;
	ItemPointerData tid;
	bool		inserted;
} Pick;

typedef struct Watch
{
	PlanState  *child;
	ExecProcNodeMtd real;
	ModifyTableState *table;
	TupleTableSlot *last;		/* row that is being inserted */
	int			npicks;
	Pick		picks[ROWS];
} Watch;

struct HgSampler
{
	int			n;
	Watch		watches[TABLES];
};

/* There is one rehearsal at a time. */
static HgSampler *active = NULL;

static void
pick(Watch *watch, Oid relid, ItemPointer tid, bool inserted)
{
	Pick	   *one;

	if (watch->npicks == ROWS || !ItemPointerIsValid(tid) ||
		!OidIsValid(relid))
		return;
	for (int i = 0; i < watch->npicks; i++)
		if (watch->picks[i].relid == relid &&
			ItemPointerEquals(&watch->picks[i].tid, tid))
			return;
	one = &watch->picks[watch->npicks++];
	one->relid = relid;
	one->tid = *tid;
	one->inserted = inserted;
}

/* Where the row that was given last has been put. */
static void
pick_inserted(Watch *watch)
{
	TupleTableSlot *slot = watch->table->resultRelInfo->ri_newTupleSlot;

	if (watch->last == NULL)
		return;
	if (slot == NULL || !ItemPointerIsValid(&slot->tts_tid))
		slot = watch->last;
	if (ItemPointerIsValid(&slot->tts_tid))
		pick(watch, slot->tts_tableOid, &slot->tts_tid, true);
}

/* Which row is updated or deleted; by the row's junk columns. */
static void
pick_changed(Watch *watch, TupleTableSlot *slot)
{
	ModifyTableState *table = watch->table;
	ResultRelInfo *rel = table->resultRelInfo;
	Oid			relid = RelationGetRelid(rel->ri_RelationDesc);
	bool		isnull;
	Datum		datum;

	if (AttributeNumberIsValid(table->mt_resultOidAttno))
	{
		datum = ExecGetJunkAttribute(slot, table->mt_resultOidAttno, &isnull);
		if (isnull)
			return;
		relid = DatumGetObjectId(datum);
	}
	if (!AttributeNumberIsValid(rel->ri_RowIdAttNo) ||
		get_rel_relkind(relid) != RELKIND_RELATION)
		return;
	datum = ExecGetJunkAttribute(slot, rel->ri_RowIdAttNo, &isnull);
	if (!isnull)
		pick(watch, relid, (ItemPointer) DatumGetPointer(datum), false);
}

static TupleTableSlot *
next_row(PlanState *child)
{
	Watch	   *watch = NULL;
	TupleTableSlot *slot;

	for (int i = 0; active != NULL && i < active->n; i++)
		if (active->watches[i].child == child)
			watch = &active->watches[i];
	if (watch == NULL)
		elog(ERROR, "hoopguard: a row of no rehearsal");
	if (watch->table->operation == CMD_INSERT)
		pick_inserted(watch);
	slot = watch->real(child);
	watch->last = TupIsNull(slot) ? NULL : slot;
	if (watch->last != NULL && watch->npicks < ROWS &&
		watch->table->operation != CMD_INSERT)
		pick_changed(watch, slot);
	return slot;
}

static void
watch_table(HgSampler *sampler, ModifyTableState *table)
{
	PlanState  *child = outerPlanState(table);
	Watch	   *watch;

	if (sampler->n == TABLES || child == NULL)
		return;
	watch = &sampler->watches[sampler->n++];
	watch->child = child;
	watch->real = child->ExecProcNodeReal;
	watch->table = table;
	child->ExecProcNodeReal = next_row;
}

HgSampler *
hg_sample_watch(QueryDesc *desc)
{
	HgSampler  *sampler = palloc0(sizeof(HgSampler));
	ListCell   *lc;

	active = sampler;
	if (IsA(desc->planstate, ModifyTableState))
		watch_table(sampler, (ModifyTableState *) desc->planstate);
	foreach(lc, desc->estate->es_auxmodifytables)
	{
		if (lfirst(lc) != desc->planstate)
			watch_table(sampler, lfirst_node(ModifyTableState, lc));
	}
	return sampler;
}

/* ---- reading ------------------------------------------------------------ */

typedef enum Fate
{
	FATE_SAME,					/* nobody has changed it */
	FATE_CHANGED,
	FATE_DELETED,
	FATE_MOVED					/* to another partition */
} Fate;

/* Follow a row's updates by this transaction; tid becomes the latest. */
static Fate
follow(Relation rel, ItemPointer tid)
{
	Fate		fate = FATE_SAME;

	for (int i = 0; i < CHAIN_MAX; i++)
	{
		HeapTupleData tuple;
		Buffer		buffer;
		Fate		step = FATE_SAME;
		ItemPointerData next;

		CHECK_FOR_INTERRUPTS();
		tuple.t_self = *tid;
		if (!heap_fetch(rel, SnapshotAny, &tuple, &buffer, false))
			return FATE_DELETED;
		next = tuple.t_data->t_ctid;
		if (!(tuple.t_data->t_infomask & HEAP_XMAX_INVALID) &&
			!HEAP_XMAX_IS_LOCKED_ONLY(tuple.t_data->t_infomask) &&
			TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetUpdateXid(tuple.t_data)))
		{
			if (HeapTupleHeaderIndicatesMovedPartitions(tuple.t_data))
				step = FATE_MOVED;
			else if (ItemPointerEquals(&next, tid))
				step = FATE_DELETED;
			else
				step = FATE_CHANGED;
		}
		ReleaseBuffer(buffer);
		if (step != FATE_CHANGED)
			return step == FATE_SAME ? fate : step;
		fate = FATE_CHANGED;
		*tid = next;
	}
	return fate;
}

/* The SELECT that reads one row; NULL when the user may read nothing. */
static char *
reading(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Oid			relid = RelationGetRelid(rel);
	bool		all = pg_class_aclcheck(relid, GetUserId(),
										ACL_SELECT) == ACLCHECK_OK;
	StringInfoData sql;
	int			n = 0;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (int i = 0; i < desc->natts && n < COLUMNS; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped ||
			(!all && pg_attribute_aclcheck(relid, att->attnum, GetUserId(),
										   ACL_SELECT) != ACLCHECK_OK))
			continue;
		appendStringInfo(&sql, "%s%s", n++ > 0 ? ", " : "",
						 quote_identifier(NameStr(att->attname)));
	}
	appendStringInfo(&sql, " FROM ONLY %s WHERE ctid OPERATOR(pg_catalog.=) $1",
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												RelationGetRelationName(rel)));
	return n > 0 ? sql.data : NULL;
}

/* The row at tid as a member of an object; null when it cannot be seen. */
static void
append_row(StringInfo buf, const char *name, SPIPlanPtr plan, ItemPointer tid,
		   Snapshot snapshot)
{
	Datum		args[1];

	appendStringInfo(buf, ",\"%s\":", name);
	args[0] = PointerGetDatum(tid);
	if (tid == NULL || plan == NULL ||
		SPI_execute_snapshot(plan, args, NULL, snapshot, InvalidSnapshot,
							 snapshot != InvalidSnapshot, false,
							 1) != SPI_OK_SELECT || SPI_processed != 1)
	{
		appendStringInfoString(buf, "null");
		return;
	}
	appendStringInfoChar(buf, '{');
	for (int i = 0; i < SPI_tuptable->tupdesc->natts; i++)
	{
		TupleDesc	desc = SPI_tuptable->tupdesc;
		char	   *value = SPI_getvalue(SPI_tuptable->vals[0], desc, i + 1);

		if (i > 0)
			appendStringInfoChar(buf, ',');
		hg_evidence_string(buf, NameStr(TupleDescAttr(desc, i)->attname),
						   NAMEDATALEN);
		appendStringInfoChar(buf, ':');
		if (value != NULL)
			hg_evidence_string(buf, value, VALUE_MAX);
		else
			appendStringInfoString(buf, "null");
	}
	appendStringInfoChar(buf, '}');
	SPI_freetuptable(SPI_tuptable);
}

static void
read_pick(StringInfo buf, const Pick *one, Snapshot before)
{
	Relation	rel = table_open(one->relid, AccessShareLock);
	ItemPointerData old = one->tid;
	ItemPointerData new = one->tid;
	Oid			types[1] = {TIDOID};
	char	   *sql;
	char	   *name;
	SPIPlanPtr	plan = NULL;
	Fate		fate;

	if (rel->rd_tableam != GetHeapamTableAmRoutine())
	{
		table_close(rel, AccessShareLock);
		return;
	}
	fate = follow(rel, &new);
	sql = reading(rel);
	name = psprintf("%s.%s", get_namespace_name(RelationGetNamespace(rel)),
					RelationGetRelationName(rel));
	if (sql != NULL)
		plan = SPI_prepare(sql, 1, types);
	if (fate != FATE_SAME || one->inserted)
	{
		appendStringInfoString(buf, "{\"relation\":");
		hg_evidence_string(buf, name, 2 * NAMEDATALEN);
		appendStringInfo(buf, ",\"change\":\"%s\"",
						 one->inserted ? "insert" :
						 fate == FATE_CHANGED ? "update" :
						 fate == FATE_DELETED ? "delete" : "move");
		append_row(buf, "before", plan, one->inserted ? NULL : &old, before);
		append_row(buf, "after", plan,
				   fate == FATE_DELETED || fate == FATE_MOVED ? NULL : &new,
				   InvalidSnapshot);
		appendStringInfoChar(buf, '}');
	}
	table_close(rel, AccessShareLock);
}

static void
take(HgSampler *sampler, QueryDesc *desc, HgEvidence *evidence,
	 StringInfo sample)
{
	StringInfoData one;

	if (SPI_connect() != SPI_OK_CONNECT)
		return;
	CommandCounterIncrement();
	for (int i = 0; i < sampler->n; i++)
	{
		Watch	   *watch = &sampler->watches[i];

		for (int j = 0; j < watch->npicks; j++)
		{
			initStringInfo(&one);
			read_pick(&one, &watch->picks[j], desc->snapshot);
			if (one.len == 0)
				continue;
			if (sample->len + one.len > HG_EVIDENCE_SAMPLE)
			{
				evidence->cut = true;
				continue;
			}
			if (sample->len > 1)
				appendStringInfoChar(sample, ',');
			appendBinaryStringInfo(sample, one.data, one.len);
		}
	}
	SPI_finish();
}

void
hg_sample_take(HgSampler *sampler, QueryDesc *desc, HgEvidence *evidence)
{
	MemoryContext old = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	StringInfoData sample;

	active = NULL;
	MemoryContextSwitchTo(evidence->context);
	initStringInfo(&sample);
	appendStringInfoChar(&sample, '[');
	MemoryContextSwitchTo(old);

	/* a row that may not be read takes nothing from the rest */
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(old);
		take(sampler, desc, evidence, &sample);
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(evidence->context);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		CurrentResourceOwner = owner;
		if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED ||
			edata->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
			ReThrowError(edata);
		evidence->sample_reason = edata->message;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	CurrentResourceOwner = owner;
	appendStringInfoChar(&sample, ']');
	evidence->sample = sample.data;
}
