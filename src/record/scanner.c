/*-------------------------------------------------------------------------
 *
 * scanner.c
 *	  Looks at new tables by itself, every hoopguard.scan_interval.
 *
 * The recorder of the database asks whether scan() has anything to do that
 * was never looked at or has new columns.  If so it starts a worker of its
 * own for it, since it must not keep sessions waiting itself.  The worker is
 * gone after a few seconds, so that it does not stand in the way of CREATE
 * and DROP DATABASE, which wait for five.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/catalog.h"
#include "base/guc.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "record/scanner.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* How long one look lasts; what is left is due the next time. */
#define SCAN_QUERY "SELECT FROM hoopguard.scan(time_limit => '3 s')"

static TimestampTz next_scan = 0;

long
hg_scanner_tick(bool committed)
{
	TimestampTz now = GetCurrentTimestamp();
	BackgroundWorker worker;
	bool		due;

	if (hg_guc_scan_interval <= 0)
		return -1;
	if (committed || now < next_scan)
		return next_scan == 0 ? hg_guc_scan_interval * 1000L :
			Max(TimestampDifferenceMilliseconds(now, next_scan), 100);

	next_scan = TimestampTzPlusMilliseconds(now, hg_guc_scan_interval * INT64CONST(1000));
	if (SPI_execute("SELECT FROM hoopguard.scan_progress WHERE due", true,
					1) != SPI_OK_SELECT)
		return hg_guc_scan_interval * 1000L;
	due = SPI_processed > 0;
	if (due)
	{
		memset(&worker, 0, sizeof(worker));
		worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
			BGWORKER_BACKEND_DATABASE_CONNECTION;
		worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
		worker.bgw_restart_time = BGW_NEVER_RESTART;
		strlcpy(worker.bgw_library_name, "hoopguard", BGW_MAXLEN);
		strlcpy(worker.bgw_function_name, "hg_scanner_main", BGW_MAXLEN);
		strlcpy(worker.bgw_name, "hoopguard scanner", BGW_MAXLEN);
		strlcpy(worker.bgw_type, "hoopguard scanner", BGW_MAXLEN);
		worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);

		/* no free slot: then the next time */
		(void) RegisterDynamicBackgroundWorker(&worker, NULL);
	}
	return hg_guc_scan_interval * 1000L;
}

void
hg_scanner_main(Datum arg)
{
	hg_in_worker = true;
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg),
											  InvalidOid, 0);
	SetConfigOption("search_path", "pg_catalog", PGC_SUSET, PGC_S_SESSION);
	SetConfigOption("statement_timeout", "10s", PGC_SUSET, PGC_S_SESSION);
	SetConfigOption("lock_timeout", "1s", PGC_SUSET, PGC_S_SESSION);
	SetConfigOption("row_security", "off", PGC_SUSET, PGC_S_SESSION);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET,
					PGC_S_SESSION);

	StartTransactionCommand();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, SCAN_QUERY);
	if (SPI_execute(SCAN_QUERY, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not scan");
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	proc_exit(0);
}
