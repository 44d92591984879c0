/*-------------------------------------------------------------------------
 *
 * twophase.c
 *	  Which transaction COMMIT PREPARED is about.
 *
 * The session that ends a prepared transaction need not be the one that made
 * it, nor be recorded itself, and nothing in the server tells callbacks of
 * it.  The name leads to the transaction id through the function behind
 * pg_prepared_xacts; a query would meet our own hooks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "base/catalog.h"
#include "base/guc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "identity/subject.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "server/twophase.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

/* Columns of pg_prepared_xact() */
#define COLUMN_TRANSACTION 1
#define COLUMN_GID 2
#define COLUMN_OWNER 4
#define COLUMN_DATABASE 5

bool
hg_twophase_ends(Node *utility)
{
	return IsA(utility, TransactionStmt) &&
		(((TransactionStmt *) utility)->kind == TRANS_STMT_COMMIT_PREPARED ||
		 ((TransactionStmt *) utility)->kind == TRANS_STMT_ROLLBACK_PREPARED);
}

/* Is what this role does recorded? */
static bool
is_recorded(Oid role)
{
	return hg_guc_audit == HG_AUDIT_ALL ||
		(hg_guc_audit == HG_AUDIT_GOVERNED &&
		 hg_subject_for_role(role)->governed);
}

static uint64
full_xid_of(TransactionId xid)
{
	FullTransactionId next = ReadNextFullTransactionId();
	uint64		epoch = EpochFromFullTransactionId(next);

	if (xid > XidFromFullTransactionId(next))
		epoch--;
	return (epoch << 32) | xid;
}

uint64
hg_twophase_xid(const char *gid)
{
	LOCAL_FCINFO(fcinfo, 0);
	FmgrInfo	function;
	ReturnSetInfo rsinfo;
	uint64		found = 0;

	if (gid == NULL || hg_guc_audit == HG_AUDIT_NONE || !hg_catalog_present())
		return 0;
	fmgr_info(F_PG_PREPARED_XACT, &function);
	memset(&rsinfo, 0, sizeof(rsinfo));
	rsinfo.type = T_ReturnSetInfo;
	rsinfo.econtext = CreateStandaloneExprContext();
	rsinfo.allowedModes = (int) SFRM_ValuePerCall;
	rsinfo.returnMode = SFRM_ValuePerCall;
	InitFunctionCallInfoData(*fcinfo, &function, 0, InvalidOid, NULL,
							 (fmNodePtr) &rsinfo);
	for (;;)
	{
		HeapTupleHeader row;
		bool		isnull;
		Datum		result;

		CHECK_FOR_INTERRUPTS();
		fcinfo->isnull = false;
		rsinfo.isDone = ExprSingleResult;
		result = FunctionCallInvoke(fcinfo);
		if (rsinfo.isDone != ExprMultipleResult || fcinfo->isnull)
			break;
		row = DatumGetHeapTupleHeader(result);
		if (found != 0 ||
			DatumGetObjectId(GetAttributeByNum(row, COLUMN_DATABASE,
											   &isnull)) != MyDatabaseId ||
			strcmp(TextDatumGetCString(GetAttributeByNum(row, COLUMN_GID,
														 &isnull)), gid) != 0)
			continue;
		if (is_recorded(DatumGetObjectId(GetAttributeByNum(row, COLUMN_OWNER,
														   &isnull))))
			found = full_xid_of(DatumGetTransactionId(GetAttributeByNum(row, COLUMN_TRANSACTION,
																		&isnull)));
	}
	FreeExprContext(rsinfo.econtext, true);
	return found;
}
