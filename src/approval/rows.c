/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  Rows of the approval tables, read and written without SQL.
 *
 * An approval in line waits for every step of the recorder, and most of the
 * time of a step was the start and end of statements.  What happens each
 * time goes by here; what is rare, or has to do with others, stays in SQL,
 * and so does everything when a table is not as 50_approval.sql makes it.
 *
 * The recorder runs as a replica, so that only triggers that always fire
 * would; foreign keys are not checked there in SQL either.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "approval/rows.h"
#include "base/catalog.h"
#include "base/compat.h"
#include "catalog/pg_am.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "storage/lockdefs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

/* Is there a trigger that would run, but for the one named? */
static bool
has_trigger(Relation rel, const char *but)
{
	TriggerDesc *triggers = rel->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];

		if ((trigger->tgenabled == TRIGGER_FIRES_ALWAYS ||
			 trigger->tgenabled == TRIGGER_FIRES_ON_REPLICA) &&
			(but == NULL || strcmp(trigger->tgname, but) != 0))
			return true;
	}
	return false;
}

bool
hg_rows_open(HgRows *rows, const char *table, int natts, const char *trigger)
{
	Oid			relid = get_relname_relid(table, hg_catalog_schema());
	Relation	rel;

	if (!OidIsValid(relid) || SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA)
		return false;
	rel = table_open(relid, RowExclusiveLock);
	if (RelationGetDescr(rel)->natts != natts ||
		rel->rd_rel->relkind != RELKIND_RELATION ||
		rel->rd_rel->relam != HEAP_TABLE_AM_OID ||
		rel->rd_rules != NULL || has_trigger(rel, trigger))
	{
		table_close(rel, NoLock);
		return false;
	}
	rows->rel = rel;
	rows->estate = CreateExecutorState();
	rows->rri = makeNode(ResultRelInfo);
	InitResultRelInfo(rows->rri, rel, 1, NULL, 0);
	ExecOpenIndices(rows->rri, false);
	rows->slot = table_slot_create(rel, NULL);
	return true;
}

void
hg_rows_close(HgRows *rows)
{
	ExecDropSingleTupleTableSlot(rows->slot);
	ExecCloseIndices(rows->rri);
	FreeExecutorState(rows->estate);
	table_close(rows->rel, NoLock);
}

static void
insert_index(HgRows *rows)
{
	if (rows->rri->ri_NumIndices > 0)
		list_free(HG_EXEC_INSERT_INDEX(rows->rri, rows->slot, rows->estate));
	ResetPerTupleExprContext(rows->estate);
	ExecClearTuple(rows->slot);

	/* as after a statement: what comes next is to see it */
	CommandCounterIncrement();
}

void
hg_rows_insert(HgRows *rows, const Datum *values, const bool *nulls)
{
	int			natts = RelationGetDescr(rows->rel)->natts;

	ExecClearTuple(rows->slot);
	memcpy(rows->slot->tts_values, values, natts * sizeof(Datum));
	memcpy(rows->slot->tts_isnull, nulls, natts * sizeof(bool));
	ExecStoreVirtualTuple(rows->slot);
	table_tuple_insert(rows->rel, rows->slot, GetCurrentCommandId(true), 0,
					   NULL);
	insert_index(rows);
}

bool
hg_rows_update(HgRows *rows, HeapTuple old, const Datum *values,
			   const bool *nulls, const bool *replace)
{
	HeapTuple	tuple;
	TM_FailureData failure;
	LockTupleMode mode;
	HG_UPDATE_INDEXES indexes;
	TM_Result	result;

	tuple = heap_modify_tuple(old, RelationGetDescr(rows->rel),
							  (Datum *) values, (bool *) nulls,
							  (bool *) replace);
	ExecForceStoreHeapTuple(tuple, rows->slot, false);
	result = table_tuple_update(rows->rel, &old->t_self, rows->slot,
								GetCurrentCommandId(true),
								InvalidSnapshot, InvalidSnapshot, false,
								&failure, &mode, &indexes);
	if (result != TM_Ok)
	{
		ExecClearTuple(rows->slot);
		return false;
	}
	if (HG_UPDATES_INDEXES(indexes))
		insert_index(rows);
	else
	{
		ExecClearTuple(rows->slot);
		CommandCounterIncrement();
	}
	return true;
}

HeapTuple
hg_rows_find(Relation rel, const char *index, ScanKey key, bool *more)
{
	Oid			relid = get_relname_relid(index, hg_catalog_schema());
	SysScanDesc scan;
	HeapTuple	tuple;

	scan = systable_beginscan(rel, relid, OidIsValid(relid), NULL, 1, key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		tuple = heap_copytuple(tuple);
		if (more != NULL)
			*more = HeapTupleIsValid(systable_getnext(scan));
	}
	systable_endscan(scan);
	return tuple;
}

HeapTuple
hg_rows_find_uuid(Relation rel, const char *index, const char *id, bool *more)
{
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_UUID_EQ,
				DirectFunctionCall1(uuid_in, CStringGetDatum(id)));
	return hg_rows_find(rel, index, &key, more);
}

bool
hg_rows_any(Relation rel)
{
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	bool		found = HeapTupleIsValid(systable_getnext(scan));

	systable_endscan(scan);
	return found;
}
