/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  Facts and rules to a verdict.
 *
 * Firewall semantics: for each act of a statement the first rule in order of
 * (priority, id) that matches decides (hg_rule_decide); over the acts the strictest decision
 * wins, and of equally strict ones the earliest act's, so that the headline
 * of a statement is what its message names.  What no rule matches is allowed.
 *
 * A rule in mode "observe" is passed over: what it would have decided is kept
 * in `would`, and the next rule that matches decides.
 *
 * Three things stand before the rules and cannot be written away by them: a
 * frozen subject is refused everything, a governed session may not change
 * policy, and mode "off" allows the rest.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/report.h"
#include "guard/guard.h"
#include "guard/limits.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "record/event.h"
#include "utils/hsearch.h"
#include "utils/json.h"
#include "utils/memutils.h"

static const char *
action_name(HgAction action)
{
	switch (action)
	{
		case HG_ALLOW:
			return "allow";
		case HG_WARN:
			return "warn";
		case HG_APPROVE:
			return "approve";
		case HG_DENY:
			return "deny";
	}
	return "deny";
}

/* The word a rule would use; all groups of functions are FUNCTION there. */
static const char *
command_word(const HgAct *act)
{
	return hg_command_name(act->is_function && act->command != HG_CMD_CALL &&
						   act->command != HG_CMD_POLICY ?
						   HG_CMD_FUNCTION : act->command);
}

static void
match_input(HgMatchInput *in, const HgPolicy *policy, const HgAct *act)
{
	memset(in, 0, sizeof(*in));
	in->now = policy->varies ? GetCurrentTimestamp() : 0;
	hg_when_client(&in->client);
	in->application_name = application_name ? application_name : "";
	in->command = act->command;
	in->schema = act->schema;
	in->name = act->name;
	in->is_function = act->is_function;
	in->persistent = act->persistent;
	in->unbounded = act->unbounded;
	in->rows = act->rows;
	in->locks_mb = act->locks_mb;
	in->rewrites_mb = act->rewrites ?
		Max(act->table_mb, BLCKSZ / (1024.0 * 1024.0)) : -1;
	in->sensitive_setting = act->sensitive_setting;
	in->touched_classes = (const char *const *) act->touched_classes;
	in->ntouched = act->ntouched;
	in->held_classes = (const char *const *) act->held_classes;
	in->nheld = act->nheld;
}

/* Does one of the rule's conditions speak of this? */
static bool
rule_asks(const HgRule *rule, HgTermKind kind)
{
	ListCell   *lc;

	foreach(lc, rule->terms)
	{
		if (((const HgTerm *) lfirst(lc))->kind == kind)
			return true;
	}
	return false;
}

/* Object of an act as a message shows it; palloc'd or static. */
static const char *
object_text(const HgAct *act)
{
	if (act->name[0] == '\0')
		return act->schema ? act->schema : "";
	return act->schema ? psprintf("%s.%s", act->schema, act->name) : act->name;
}

/* "takes ACCESS EXCLUSIVE on 12.3 MB and rewrites all rows"; palloc'd. */
static const char *
lock_text(const HgAct *act)
{
	const char *work = act->rewrites ? " and rewrites all rows" :
		act->scans ? " and reads all rows" : "";

	if (act->lock == NULL)
		return "locks it";
	if (act->table_mb < 0)
		return psprintf("takes %s%s", act->lock, work);
	return psprintf("takes %s on %.1f MB%s", act->lock, act->table_mb, work);
}

/* One clause that says what about the act the rule objects to. */
static const char *
explain(const HgRule *rule, const HgAct *act)
{
	const char *command = command_word(act);
	const char *object = object_text(act);

	if (rule->message != NULL && rule->message[0] != '\0')
		return rule->message;
	if (rule_asks(rule, HG_TERM_UNBOUNDED) && act->unbounded)
		return psprintf("%s of every row of \"%s\": %s", command, object,
						act->unbounded_why ? act->unbounded_why :
						"the estimate covers nearly the whole table");
	if (rule_asks(rule, HG_TERM_SENSITIVE_SETTING))
		return act->name[0] != '\0' ?
			psprintf("the setting \"%s\" is not one that may be changed",
					 act->name) :
			"the name of the setting is not known before it is set";
	if ((rule_asks(rule, HG_TERM_HOLDS_CLASS) ||
		 rule_asks(rule, HG_TERM_TOUCHES_CLASS)) && act->nheld > 0)
		return psprintf("%s on \"%s\", which holds classified columns",
						command, object);
	if (rule_asks(rule, HG_TERM_ROWS_OVER))
		return psprintf("%s on \"%s\" is estimated at %.0f rows", command,
						object, act->rows);
	if (rule_asks(rule, HG_TERM_LOCKS_OVER) ||
		rule_asks(rule, HG_TERM_REWRITES_OVER))
		return psprintf("%s of \"%s\" %s", command, object,
						lock_text(act));
	if (act->is_function)
		return psprintf("call of function \"%s\"", object);
	if (object[0] != '\0')
		return psprintf("%s on \"%s\"", command, object);
	return command;
}

/* The next useful step, if there is one. */
static const char *
advise(const HgRule *rule, const HgAct *act)
{
	if (rule_asks(rule, HG_TERM_UNBOUNDED) && act->unbounded)
		return act->command == HG_CMD_MERGE ?
			"Add a condition that restricts the rows of the target, or split the work into batches." :
			"Add a WHERE clause that restricts the rows, or split the work into batches.";
	if (rule_asks(rule, HG_TERM_ROWS_OVER))
		return "Use fewer rows with one statement: restrict it, or split the work into batches.";
	if (rule_asks(rule, HG_TERM_REWRITES_OVER))
		return "Choose a form that does not rewrite the table: a column without a volatile default, a new column instead of another type.";
	if (rule_asks(rule, HG_TERM_LOCKS_OVER))
		return act->command == HG_CMD_MAINTAIN ?
			"Plain VACUUM and ANALYZE lock out nobody." :
			"Choose a form that locks less: CREATE INDEX CONCURRENTLY, or a constraint NOT VALID that is validated later.";
	if (rule_asks(rule, HG_TERM_HOURS) || rule_asks(rule, HG_TERM_DURING))
		return "This holds at certain times only; try again later.";
	switch (act->command)
	{
		case HG_CMD_TRUNCATE:
			return "Delete the rows in batches by a WHERE clause, work with temporary tables, or ask the database administrator.";
		case HG_CMD_DROP:
		case HG_CMD_CREATE:
		case HG_CMD_ALTER:
			return "Work with temporary tables, or ask the database administrator.";
		case HG_CMD_COPY_FILE:
		case HG_CMD_COPY_PROGRAM:
			return "Use COPY FROM STDIN or COPY TO STDOUT.";
		case HG_CMD_FN_FILE:
			return "Files of the server are out of reach; send data with COPY FROM STDIN, fetch it with COPY TO STDOUT.";
		case HG_CMD_FN_NETWORK:
			return "Query other servers from the client, not through this one.";
		case HG_CMD_MAINTAIN:
			return "Plain VACUUM and ANALYZE lock out nobody.";
		case HG_CMD_SET:
			return "Leave this setting as it is.";
		case HG_CMD_INSERT:
		case HG_CMD_UPDATE:
		case HG_CMD_DELETE:
		case HG_CMD_MERGE:
		case HG_CMD_COPY_FROM:
			return "Work on a copy in a temporary table, or ask the database administrator.";
		case HG_CMD_SELECT:
		case HG_CMD_COPY_TO:
			return "Leave this relation out, or ask the database administrator.";
		default:
			return "Do without this command, or ask the database administrator.";
	}
}

/* Sets what a built-in refusal is. */
static void
refuse_builtin(HgVerdict *verdict, const char *builtin, const HgAct *act,
			   const char *reason, const char *hint)
{
	verdict->action = HG_DENY;
	verdict->would = HG_DENY;
	verdict->rule = NULL;
	verdict->act = act;
	verdict->builtin = builtin;
	verdict->reason = reason;
	verdict->hint = hint;
}

/*
 * A frozen subject may still end what it has begun: refusing ROLLBACK would
 * keep its locks.
 */
static bool
only_ends_transaction(const HgFacts *facts)
{
	ListCell   *lc;

	foreach(lc, facts->acts)
	{
		if (((const HgAct *) lfirst(lc))->command != HG_CMD_TRANSACTION)
			return false;
	}
	return facts->acts != NIL;
}

/*
 * POLICY acts accompany the act that is forbidden; messages name that one,
 * which the user will recognise.
 */
static const HgAct *
visible_act(const HgFacts *facts, const HgAct *policy_act)
{
	ListCell   *lc;

	foreach(lc, facts->acts)
	{
		const HgAct *act = (const HgAct *) lfirst(lc);

		if (act->command != HG_CMD_POLICY &&
			act->objid == policy_act->objid &&
			strcmp(act->name, policy_act->name) == 0)
			return act;
	}
	return policy_act;
}

/*
 * What the allow-lists say of a statement that the rules let pass so far.
 * The strictest list decides, if it is stricter than the rules were.
 */
static void
check_allow_lists(const HgPolicy *policy, const HgFacts *facts,
				  HgVerdict *verdict)
{
	ListCell   *lc;
	uint64		key;

	if (facts->inside || only_ends_transaction(facts))
		return;
	key = hg_facts_allow_key(unconstify(HgFacts *, facts));
	foreach(lc, policy->allow_lists)
	{
		const HgAllowList *list = (const HgAllowList *) lfirst(lc);
		HgAction	enforced;

		if (list->learning || hg_allow_list_has(list, key))
			continue;
		enforced = policy->mode == HG_MODE_OBSERVE ? HG_ALLOW :
			list->otherwise;
		if (enforced < verdict->action ||
			(enforced == verdict->action &&
			 list->otherwise <= verdict->would))
			continue;
		verdict->action = enforced;
		verdict->would = list->otherwise;
		verdict->rule = list->rule;
		verdict->builtin = list->otherwise == HG_DENY ? "allow_list" : NULL;
		verdict->act = facts->acts ?
			(const HgAct *) linitial(facts->acts) : NULL;
		verdict->reason =
			psprintf("it is not among the statements learned for \"%s\"",
					 list->name);
		verdict->hint = "Run one of the learned statements, with other values if need be, or ask the database administrator to learn this one.";
	}
}

void
hg_guard_check(const HgPolicy *policy, const HgFacts *facts,
			   HgVerdict *verdict)
{
	ListCell   *lc;

	memset(verdict, 0, sizeof(*verdict));
	verdict->action = HG_ALLOW;
	verdict->would = HG_ALLOW;
	if (policy == NULL)
		return;

	/* a prepared statement's facts meet the same rules again and again */
	if (facts->passed == policy->serial)
	{
		verdict->rule = facts->passed_rule;
		verdict->act = facts->passed_act;
		return;
	}

	if (policy->frozen && !only_ends_transaction(facts))
	{
		refuse_builtin(verdict, "frozen",
					   facts->acts ? (const HgAct *) linitial(facts->acts) : NULL,
					   policy->freeze_reason ? policy->freeze_reason : "frozen",
					   "Only the database administrator can lift the freeze.");
		return;
	}

	foreach(lc, facts->acts)
	{
		const HgAct *act = (const HgAct *) lfirst(lc);

		if (act->command == HG_CMD_POLICY)
		{
			refuse_builtin(verdict, "policy", visible_act(facts, act),
						   "a governed session may not change hoopguard's policy or record",
						   "Policy is kept by the database administrator.");
			return;
		}

		/* whatever the rules, these settings are policy */
		if (act->command == HG_CMD_SET && act->sensitive_setting &&
			pg_strncasecmp(act->name, "hoopguard.", strlen("hoopguard.")) == 0)
		{
			refuse_builtin(verdict, "policy", act,
						   "a governed session may not change hoopguard's settings",
						   "Only hoopguard.intent and hoopguard.traceparent may be set.");
			return;
		}
	}

	if (policy->mode == HG_MODE_OFF)
		return;

	foreach(lc, facts->acts)
	{
		const HgAct *act = (const HgAct *) lfirst(lc);
		const HgRule *first;
		const HgRule *decisive;
		HgAction	enforced;
		HgAction	would;
		HgMatchInput in;

		CHECK_FOR_INTERRUPTS();
		match_input(&in, policy, act);
		first = hg_rule_decide(policy->rules, policy->nrules, &in, &decisive);
		if (policy->mode == HG_MODE_OBSERVE)
			decisive = NULL;
		if (first == NULL)
			continue;

		enforced = decisive != NULL ? decisive->action : HG_ALLOW;
		would = enforced != HG_ALLOW ? enforced : first->action;

		/*
		 * What is enforced decides; among acts where that is the same, what
		 * would have been.
		 */
		if (verdict->rule == NULL || enforced > verdict->action ||
			(enforced == verdict->action && would > verdict->would))
		{
			verdict->action = enforced;
			verdict->would = would;
			verdict->rule = enforced != HG_ALLOW ? decisive : first;
			verdict->act = act;
		}
	}

	if (verdict->would != HG_ALLOW)
	{
		verdict->reason = explain(verdict->rule, verdict->act);
		verdict->hint = advise(verdict->rule, verdict->act);
	}
	if (policy->allow_lists != NIL)
		check_allow_lists(policy, facts, verdict);
	else if (verdict->would == HG_ALLOW && !policy->varies)
	{
		HgFacts    *kept = unconstify(HgFacts *, facts);

		Assert(verdict->action == HG_ALLOW);
		kept->passed = policy->serial;
		kept->passed_rule = verdict->rule;
		kept->passed_act = verdict->act;
	}
}

/* What this session has taught already; ids of (role, key). */
#define MAX_TAUGHT 8192

typedef struct Lesson
{
	Oid			role;
	uint64		key;
} Lesson;

void
hg_guard_learn(const HgPolicy *policy, const HgFacts *facts)
{
	static HTAB *taught = NULL;
	static uint64 generation = 0;
	ListCell   *lc;

	if (policy == NULL || policy->allow_lists == NIL || facts->inside ||
		only_ends_transaction(facts))
		return;

	/* a list that was dropped and begun again is to be taught again */
	if (taught != NULL && (generation != policy->generation ||
						   hash_get_num_entries(taught) >= MAX_TAUGHT))
	{
		hash_destroy(taught);
		taught = NULL;
	}
	if (taught == NULL)
	{
		HASHCTL		ctl;

		memset(&ctl, 0, sizeof(ctl));
		ctl.keysize = sizeof(Lesson);
		ctl.entrysize = sizeof(Lesson);
		ctl.hcxt = TopMemoryContext;
		taught = hash_create("hoopguard lessons", 64, &ctl,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		generation = policy->generation;
	}

	foreach(lc, policy->allow_lists)
	{
		const HgAllowList *list = (const HgAllowList *) lfirst(lc);
		StringInfoData json;
		Lesson		lesson;
		bool		found;

		memset(&lesson, 0, sizeof(lesson));
		lesson.role = list->role;
		lesson.key = hg_facts_allow_key(unconstify(HgFacts *, facts));
		if (!list->learning || lesson.key == 0)
			continue;
		(void) hash_search(taught, &lesson, HASH_FIND, &found);
		if (found)
			continue;

		initStringInfo(&json);
		appendStringInfoString(&json, "{\"role\":");
		escape_json(&json, list->name);
		/* a number of 64 bits would not survive every reader of JSON */
		appendStringInfo(&json, ",\"key\":\"" INT64_FORMAT "\",\"command\":",
						 (int64) lesson.key);
		escape_json(&json, hg_command_name(facts->command));
		appendStringInfoString(&json, ",\"text\":");
		escape_json(&json, facts->text);
		appendStringInfoChar(&json, '}');
		hg_event_push_note("learned", json.data);
		pfree(json.data);
		(void) hash_search(taught, &lesson, HASH_ENTER, &found);
	}
}

const char *
hg_guard_passed(const HgVerdict *verdict)
{
	bool		exempt = verdict->rule != NULL && !verdict->rule->observe &&
		verdict->rule->exempt != 0;

	if (verdict->would == HG_DENY)
		return exempt ? "exempt-deny" : "observe-deny";
	if (verdict->would == HG_APPROVE)
		return exempt ? "exempt-approve" : "observe-approve";
	return "warn";
}

char *
hg_guard_warning(const HgVerdict *verdict)
{
	const char *reason = verdict->reason ? verdict->reason : "noted";

	if (verdict->rule == NULL || verdict->rule->id == 0)
		return psprintf("statement noted: %s", reason);
	return psprintf("guard rule %d: %s", verdict->rule->id, reason);
}

void
hg_guard_raise(const HgVerdict *verdict)
{
	HgRefusal	refusal;
	const char *object;
	bool		frozen = verdict->builtin != NULL &&
		strcmp(verdict->builtin, "frozen") == 0;

	memset(&refusal, 0, sizeof(refusal));
	refusal.verdict = action_name(HG_DENY);
	refusal.rule_id = verdict->rule ? verdict->rule->id : 0;
	refusal.builtin = verdict->builtin;
	refusal.reason = verdict->reason;
	if (verdict->act != NULL)
	{
		refusal.command = command_word(verdict->act);
		object = object_text(verdict->act);
		if (object[0] != '\0')
		{
			refusal.objects = &object;
			refusal.nobjects = 1;
		}
	}

	if (frozen)
	{
		hg_limits_doom_frozen(verdict->reason);
		ereport(ERROR,
				(errcode(HG_ERRCODE_FROZEN),
				 errmsg("this subject is frozen: %s",
						verdict->reason ? verdict->reason : "no reason given"),
				 errdetail_internal("%s", hg_report_json(&refusal)),
				 errhint("%s", verdict->hint ? verdict->hint : "")));
	}
	if (verdict->builtin != NULL)
		ereport(ERROR,
				(errcode(HG_ERRCODE_DENIED),
				 errmsg("statement refused: %s", verdict->reason),
				 errdetail_internal("%s", hg_report_json(&refusal)),
				 verdict->hint ? errhint("%s", verdict->hint) : 0));
	ereport(ERROR,
			(errcode(HG_ERRCODE_DENIED),
			 errmsg("statement denied by guard rule %d: %s", refusal.rule_id,
					verdict->reason ? verdict->reason : "no reason given"),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 verdict->hint ? errhint("%s", verdict->hint) : 0));
}
