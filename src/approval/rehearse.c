/*-------------------------------------------------------------------------
 *
 * rehearse.c
 *	  A statement run in advance, to show what it would do.
 *
 * The plan runs in a subtransaction, with triggers, cascades and deferred
 * constraints, its rows going nowhere; then the counts and a sample are taken
 * and the subtransaction is rolled back.  What a rollback does not undo is
 * refused: functions and commands that reach files, the network, other
 * sessions or locks of the session, and foreign tables.  Sequences stay
 * advanced, which the evidence says.
 *
 * The subject learns nothing of it: messages go nowhere, errors become
 * evidence, and the time it takes is bounded.  Limits stop it as they would
 * stop the run, without being used up, and nothing of it is recorded but the
 * request itself.
 *
 * Errors raised by the timer are query cancels, as with run_ms.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "access/parallel.h"
#include "approval/approval_private.h"
#include "approval/evidence.h"
#include "approval/rehearse.h"
#include "base/report.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "guard/limits.h"
#include "guard/written.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/latch.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#define REHEARSAL_MS 5000
#define INSIST_MS 100			/* between cancels of one that goes on */
#define INSIST_TIMES 20			/* ... before the connection ends */

bool		hg_rehearsing = false;

static bool first_asked = false;

/* The timer's, as in guard/limits_time.c. */
static TimeoutId timeout_id = MAX_TIMEOUTS;
static volatile bool timed_out = false;
static volatile bool timer_on = false;
static volatile int insisted = 0;

static void
on_timeout(void)
{
	if (!timer_on)
		return;
	timed_out = true;
	InterruptPending = true;
	if (insisted++ < INSIST_TIMES)
	{
		QueryCancelPending = true;
		enable_timeout_after(timeout_id, INSIST_MS);
	}
	else
		ProcDiePending = true;
	SetLatch(MyLatch);
}

/* Time for a rehearsal: some is kept to store the request. */
static int
budget_ms(const HgPolicy *policy)
{
	int			ms = REHEARSAL_MS;
	int64		left = hg_limits_time_left(policy);

	if (left >= 0)
		ms = Min(ms, left / 1000);
	if (get_timeout_active(STATEMENT_TIMEOUT))
	{
		long		rest;

		rest = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
											   get_timeout_finish_time(STATEMENT_TIMEOUT));
		ms = Min(ms, rest / 2);
	}
	return Max(ms, 1);
}

static void
timer_start(int ms)
{
	if (timeout_id == MAX_TIMEOUTS)
		timeout_id = RegisterTimeout(USER_TIMEOUT, on_timeout);
	timed_out = false;
	insisted = 0;
	timer_on = true;
	enable_timeout_after(timeout_id, ms);
}

static void
timer_stop(void)
{
	if (!timer_on)
		return;
	timer_on = false;
	disable_timeout(timeout_id, false);
	/* the last cancel may not have been served */
	if (timed_out)
		QueryCancelPending = false;
}

bool
hg_rehearse_first(void)
{
	bool		first = hg_rehearsing && !first_asked;

	first_asked = true;
	return first;
}

bool
hg_rehearse_writes(const PlannedStmt *plan)
{
	return plan->hasModifyingCTE ||
		(plan->commandType != CMD_SELECT && plan->commandType != CMD_UTILITY);
}

/* ---- what is refused ---------------------------------------------------- */

pg_noreturn static void
refuse(const char *what, const char *name)
{
	HgRefusal	refusal = {.verdict = "deny",.builtin = "rehearsal"};

	ereport(ERROR,
			(errcode(HG_ERRCODE_DENIED),
			 errmsg("%s \"%s\" reaches what a rehearsal cannot undo", what,
					name),
			 errdetail_internal("%s", hg_report_json(&refusal))));
}

/* Is the function's language one that can do anything? */
static bool
is_untrusted(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			language;
	bool		untrusted = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
	ReleaseSysCache(tuple);
	if (language == INTERNALlanguageId || language == ClanguageId ||
		language == SQLlanguageId)
		return false;			/* by its group */
	tuple = SearchSysCache1(LANGOID, ObjectIdGetDatum(language));
	if (HeapTupleIsValid(tuple))
	{
		untrusted = !((Form_pg_language) GETSTRUCT(tuple))->lanpltrusted;
		ReleaseSysCache(tuple);
	}
	return untrusted;
}

void
hg_rehearse_check_function(Oid function)
{
	HgCommand	group;
	char	   *name;

	if (!hg_rehearsing)
		return;
	group = hg_function_group(function);
	name = get_func_name(function);
	if (name == NULL)
		return;
	switch (group)
	{
		case HG_CMD_FN_FILE:
		case HG_CMD_FN_NETWORK:
		case HG_CMD_FN_REPLICATION:
		case HG_CMD_FN_ADMIN:
		case HG_CMD_FN_LOCK:
		case HG_CMD_FN_UNCLASSIFIED:
			refuse("function", name);
			break;
		case HG_CMD_FN_SESSION:
			/* waiting is all that it does */
			if (strncmp(name, "pg_sleep", strlen("pg_sleep")) != 0)
				refuse("function", name);
			break;
		default:
			if (is_untrusted(function))
				refuse("function", name);
			break;
	}
}

void
hg_rehearse_check_utility(const HgFacts *facts)
{
	ListCell   *lc;

	if (!hg_rehearsing)
		return;
	foreach(lc, facts->acts)
	{
		const HgAct *act = (const HgAct *) lfirst(lc);

		switch (act->command)
		{
			case HG_CMD_COPY_PROGRAM:
			case HG_CMD_COPY_FILE:
			case HG_CMD_ROLE:
			case HG_CMD_LISTEN:
			case HG_CMD_NOTIFY:
			case HG_CMD_DISCARD:
			case HG_CMD_PREPARE:
			case HG_CMD_EXTENSION:
			case HG_CMD_SYSTEM:
			case HG_CMD_MAINTAIN:
			case HG_CMD_TRANSACTION:
			case HG_CMD_UNKNOWN:
				refuse("command", hg_command_name(act->command));
				break;
			default:
				break;
		}
	}
}

void
hg_rehearse_check_plan(const PlannedStmt *plan)
{
	ListCell   *lc;

	if (!hg_rehearsing)
		return;
	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		ListCell   *child;

		if (rte->rtekind != RTE_RELATION)
			continue;
		if (rte->relkind == RELKIND_FOREIGN_TABLE)
			refuse("foreign table", get_rel_name(rte->relid));
		if (rte->relkind != RELKIND_PARTITIONED_TABLE)
			continue;
		foreach(child, find_all_inheritors(rte->relid, NoLock, NULL))
		{
			char	   *name = get_rel_name(lfirst_oid(child));

			if (name != NULL && get_rel_relkind(lfirst_oid(child)) ==
				RELKIND_FOREIGN_TABLE)
				refuse("foreign table", name);
		}
	}
}

/* ---- the rehearsal ------------------------------------------------------ */

/* Run to the end and count; everything but the evidence is rolled back. */
static void
run(QueryDesc *model, HgEvidence *evidence)
{
	QueryDesc  *desc;
	HgWritten  *written = hg_written_begin();
	HgSampler  *sampler;
	TimestampTz begin = GetCurrentTimestamp();

	desc = CreateQueryDesc(model->plannedstmt, model->sourceText,
						   GetActiveSnapshot(), model->crosscheck_snapshot,
						   None_Receiver, model->params, model->queryEnv, 0);
	ExecutorStart(desc, 0);
	hg_evidence_plan(evidence, desc);
	sampler = hg_sample_watch(desc);
	HG_RUN_TO_END(desc);
	ExecutorFinish(desc);
	hg_written_update(written);
	hg_evidence_rows(evidence, written,
					 (GetCurrentTimestamp() - begin) / 1000);
	evidence->complete = true;
	hg_sample_take(sampler, desc, evidence);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
}

/* The reason in words, for what stops a rehearsal and not the statement. */
static const char *
reason_of(const ErrorData *edata, int ms)
{
	if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED && timed_out)
		return psprintf("not rehearsed: it takes longer than %d ms", ms);
	if (strncmp(unpack_sql_state(edata->sqlerrcode), "HG", 2) == 0)
		return psprintf("not rehearsed: %s",
						edata->message ? edata->message : "refused");
	return NULL;
}

static void
note_error(HgEvidence *evidence, const ErrorData *edata, int ms)
{
	const char *reason = reason_of(edata, ms);

	/* a sample that fails takes nothing from the counts */
	if (evidence->complete)
		return;
	if (reason != NULL)
		evidence->reason = reason;
	else
	{
		evidence->sqlstate = pstrdup(unpack_sql_state(edata->sqlerrcode));
		evidence->message = edata->message ? pstrdup(edata->message) : "";
	}
}

/* Does the error end the statement whatever we do? */
static bool
is_fatal(const ErrorData *edata)
{
	switch (edata->sqlerrcode)
	{
		case ERRCODE_QUERY_CANCELED:
			return !timed_out;
		case ERRCODE_ADMIN_SHUTDOWN:
		case ERRCODE_CRASH_SHUTDOWN:
		case ERRCODE_CONNECTION_FAILURE:
			return true;
		default:
			return false;
	}
}

char *
hg_rehearse(QueryDesc *desc, const HgPolicy *policy, const HgFacts *facts)
{
	MemoryContext old = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	CommandDest client = whereToSendOutput;
	MemoryContext context;
	HgEvidence *evidence = palloc0(sizeof(HgEvidence));
	HgTally		dry;
	HgTally    *outer;
	HgBound    *bound;
	ErrorData  *edata = NULL;
	int			ms;

	Assert(!hg_rehearsing);
	evidence->context = old;
	evidence->facts = facts;
	if (IsInParallelMode())
		return hg_evidence_without(facts,
								   "not rehearsed: in a parallel operation");
	if (!hg_written_known())
		return hg_evidence_without(facts,
								   "not rehearsed: \"track_counts\" is off");

	/*
	 * An executor that failed leaves its state in here; it goes when the
	 * subtransaction is gone.
	 */
	context = AllocSetContextCreate(old, "hoopguard rehearsal",
									ALLOCSET_DEFAULT_SIZES);
	ms = budget_ms(policy);
	BeginInternalSubTransaction(NULL);
	outer = hg_limits_dry_begin(&dry, policy);
	bound = hg_bound_enter(NULL);
	hg_bound_leave(NULL);
	hg_rehearsing = true;
	first_asked = false;
	if (whereToSendOutput == DestRemote)
		whereToSendOutput = DestNone;
	PG_TRY();
	{
		MemoryContextSwitchTo(context);
		timer_start(ms);
		run(desc, evidence);
		timer_stop();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		timer_stop();

		/* what the session stands on, before anything here can raise again */
		whereToSendOutput = client;
		hg_rehearsing = false;
		hg_bound_leave(bound);
		hg_limits_dry_end(outer);
		MemoryContextSwitchTo(old);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	whereToSendOutput = client;
	hg_rehearsing = false;
	hg_bound_leave(bound);
	hg_limits_dry_end(outer);
	MemoryContextSwitchTo(old);
	CurrentResourceOwner = owner;
	MemoryContextDelete(context);
	if (edata != NULL)
	{
		if (is_fatal(edata))
		{
			/* decided while messages went nowhere */
			edata->output_to_client = client == DestRemote;
			ReThrowError(edata);
		}
		note_error(evidence, edata, ms);
	}
	return hg_evidence_json(evidence);
}
