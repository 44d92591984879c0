/*-------------------------------------------------------------------------
 *
 * hoopguard.c
 *	  Module magic and start-up.
 *
 * Every check comes before the first hook, so that a failed load leaves
 * nothing half-installed.  pg_upgrade must find nothing of us: neither hooks
 * nor workers run in binary-upgrade mode, only the label provider, without
 * which the restore of a labelled column would fail.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "approval/approval.h"
#include "base/catalog.h"
#include "base/guc.h"
#include "base/report.h"
#include "courier/courier.h"
#include "fmgr.h"
#include "guard/limits.h"
#include "miscadmin.h"
#include "policy/policy.h"
#include "record/outbox.h"
#include "record/recorder.h"
#include "record/scanner.h"
#include "server/hooks.h"
#include "server/wire.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		hg_report_not_preloaded();

	hg_guc_init();
	MarkGUCPrefixReserved("hoopguard");
	hg_label_init();
	if (IsBinaryUpgrade)
		return;
	hg_catalog_init();
	hg_shmem_install();
	hg_hooks_install();
	hg_wire_init();
	hg_approval_register();
	hg_limits_register();
	hg_recorder_register_launcher();
	hg_recorder_register_tick(hg_scanner_tick);
	hg_recorder_register_tick(hg_outbox_tick);
	hg_courier_register();
}
