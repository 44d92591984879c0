/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Differences between the server versions hoopguard is built for.
 *
 * Wrappers have the newest signature; each names the commit or release that
 * changed it.  No other file tests PG_VERSION_NUM for a signature.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_COMPAT_H
#define HG_COMPAT_H

/* 18 replaced pg_attribute_noreturn() by a prefix word. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 18 dropped execute_once from ExecutorRun (3eea7a0c97). */
#if PG_VERSION_NUM >= 180000
#define HG_RUN_PARAMS QueryDesc *queryDesc, ScanDirection direction, uint64 count
#define HG_RUN_ARGS queryDesc, direction, count
#else
#define HG_RUN_PARAMS QueryDesc *queryDesc, ScanDirection direction, uint64 count, bool execute_once
#define HG_RUN_ARGS queryDesc, direction, count, execute_once
#endif

/* 16 moved permissions out of the range table (a61b1f7482). */
#if PG_VERSION_NUM >= 160000
#define HG_PERMS_PARAMS List *rangeTable, List *rteperminfos, bool ereport_on_violation
#define HG_PERMS_ARGS rangeTable, rteperminfos, ereport_on_violation
#define HG_PERMS_INFOS rteperminfos
#else
#define HG_PERMS_PARAMS List *rangeTable, bool ereport_on_violation
#define HG_PERMS_ARGS rangeTable, ereport_on_violation
#define HG_PERMS_INFOS NIL
#endif

/* 16 added onlySummarizing (19d8e2308b); false is what inserts want. */
#if PG_VERSION_NUM >= 160000
#define HG_EXEC_INSERT_INDEX(rri, slot, estate) \
	ExecInsertIndexTuples(rri, slot, estate, false, false, NULL, NIL, false)
#else
#define HG_EXEC_INSERT_INDEX(rri, slot, estate) \
	ExecInsertIndexTuples(rri, slot, estate, false, false, NULL, NIL)
#endif

/* 16 made privilege checks generic (c727f511bd). */
#if PG_VERSION_NUM >= 160000
#define HG_PROC_ACLCHECK(oid, role, mode) \
	object_aclcheck(ProcedureRelationId, oid, role, mode)
#else
#define HG_PROC_ACLCHECK(oid, role, mode) pg_proc_aclcheck(oid, role, mode)
#endif

/* 16 gave each grant of a role its options (e3ce2de09d, 3d14e171e9). */
#if PG_VERSION_NUM >= 160000
#define HG_GRANT_LETS_ACT(form) ((form)->inherit_option || (form)->set_option)
#else
#define HG_GRANT_LETS_ACT(form) true
#endif

/*
 * 17 gave extensions names for their waits (c9af054653).  cache is a static
 * uint32 of the caller, 0 at first.
 */
#if PG_VERSION_NUM >= 170000
#define HG_WAIT_EVENT(cache, name) \
	((cache) != 0 ? (cache) : ((cache) = WaitEventExtensionNew(name)))
#else
#define HG_WAIT_EVENT(cache, name) ((cache) = PG_WAIT_EXTENSION)
#endif

/* 17 ties wait event sets to resource owners (50c67c2019). */
#if PG_VERSION_NUM >= 170000
#define HG_CREATE_WAIT_EVENT_SET(n) CreateWaitEventSet(NULL, n)
#else
#define HG_CREATE_WAIT_EVENT_SET(n) CreateWaitEventSet(CurrentMemoryContext, n)
#endif

/* 16 renamed the counters of tables (0bd7af082a). */
#if PG_VERSION_NUM >= 160000
#define HG_TABSTAT_COUNT(entry, what) ((entry)->counts.tuples_##what)
#else
#define HG_TABSTAT_COUNT(entry, what) ((entry)->t_counts.t_tuples_##what)
#endif

/* 16 renamed this one, too. */
#if PG_VERSION_NUM >= 160000
#define HG_TABSTAT_RELID(entry) ((entry)->id)
#else
#define HG_TABSTAT_RELID(entry) ((entry)->t_id)
#endif

/* 18 dropped execute_once (see above); 18 gave EXPLAIN's state a header. */
#if PG_VERSION_NUM >= 180000
#define HG_RUN_TO_END(desc) ExecutorRun(desc, ForwardScanDirection, 0)
#define HG_EXPLAIN_STATE_H "commands/explain_state.h"
#else
#define HG_RUN_TO_END(desc) ExecutorRun(desc, ForwardScanDirection, 0, true)
#define HG_EXPLAIN_STATE_H "commands/explain.h"
#endif

/* 16 let it fail softly (858e776c84). */
#if PG_VERSION_NUM >= 160000
#define HG_QUALIFIED_NAME_LIST(text) stringToQualifiedNameList(text, NULL)
#else
#define HG_QUALIFIED_NAME_LIST(text) stringToQualifiedNameList(text)
#endif

/* 17 has no old snapshots to look out for (f691f5b80a). */
#if PG_VERSION_NUM >= 170000
#define HG_BT_LAST_LEAF(index) _bt_get_endpoint(index, 0, true)
#else
#define HG_BT_LAST_LEAF(index) _bt_get_endpoint(index, 0, true, NULL)
#endif

/* 18 counts index searches (0fbceae841). */
#if PG_VERSION_NUM >= 180000
#define HG_INDEX_BEGINSCAN(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, 0)
#else
#define HG_INDEX_BEGINSCAN(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, nkeys, 0)
#endif

/* 16 tells which indexes an update concerns (19d8e2308b). */
#if PG_VERSION_NUM >= 160000
#define HG_UPDATE_INDEXES TU_UpdateIndexes
#define HG_UPDATES_INDEXES(indexes) ((indexes) != TU_None)
#else
#define HG_UPDATE_INDEXES bool
#define HG_UPDATES_INDEXES(indexes) (indexes)
#endif

#endif							/* HG_COMPAT_H */
