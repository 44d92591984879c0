/*-------------------------------------------------------------------------
 *
 * policy.c
 *	  The compiled policy of an identity, cached.
 *
 * An identity can act as up to four governed roles: login, session, outer and
 * current.  Each of these actors keeps its own rules: for_subject is matched
 * per actor, the best mask rule is sought per actor, and then the strictest
 * answer of all actors counts.  So SET ROLE into a role with friendlier rules
 * gains nothing.
 *
 * Tables are read without a snapshot of the transaction: what another session
 * committed a moment ago counts, whatever the isolation level.  A policy that
 * cannot be read raises, and so nothing runs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "base/catalog.h"
#include "base/retire.h"
#include "base/row.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_type.h"
#include "commands/seclabel.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "policy/column_ref.h"
#include "policy/label.h"
#include "policy/mask_rule.h"
#include "policy/policy.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* Columns in the order of 20_policy.sql and 30_guard.sql. */
enum
{
	RULE_ID = 1,
	RULE_PRIORITY,
	RULE_ACTION,
	RULE_COMMANDS,
	RULE_FOR_SUBJECT,
	RULE_OBJECTS,
	RULE_CONDITION,
	RULE_APPROVER,
	RULE_MESSAGE,
	RULE_MODE,
	RULE_ENABLED,
	RULE_REHEARSE
};

enum
{
	DEFAULT_CLASS = 1,
	DEFAULT_METHOD,
	DEFAULT_ARGS
};

enum
{
	LIMIT_ID = 1,
	LIMIT_FOR_SUBJECT,
	LIMIT_KIND,
	LIMIT_VALUE,
	LIMIT_PER,
	LIMIT_ACTION,
	LIMIT_ENABLED,
	LIMIT_BASELINE,
	LIMIT_SHIPPED,
	LIMIT_SINCE
};

enum
{
	VERSION_ID = 1
};

enum
{
	EXEMPTION_ID = 1,
	EXEMPTION_FOR_SUBJECT,
	EXEMPTION_WHAT,
	EXEMPTION_VALID_UNTIL
};

/* Where the rows of hoopguard.default_mask stand among mask rules. */
#define DEFAULT_MASK_PRIORITY 1000

/* What masks a class that no rule and no default knows. */
#define FALLBACK_METHOD "redact"

/* Policies in use at a time; as for identities, a few is the normal case. */
#define MAX_POLICIES 32

/* Relations remembered for a policy before that starts anew. */
#define MAX_RELATIONS 8192

typedef struct MaskRule
{
	int			id;				/* 0: a default mask */
	int			priority;
	char	   *method;
	char	   *class_name;		/* a class pattern, or NULL */
	HgMaskTarget target;		/* column NULL unless it is for a column */
	char	   *args;
	HgMatch		match;
	int			applies;		/* bit per actor */
} MaskRule;

/* A rule that holds for a column of the relation at hand, by that name. */
typedef struct ColumnRule
{
	const MaskRule *rule;
	const char *column;
} ColumnRule;

/* What is lifted for some of the actors now. */
typedef struct Exemption
{
	char	   *what;			/* rule:id, mask:class, limit:kind, break_glass */
	int			applies;		/* bit per actor */
} Exemption;

/* One acting role that is governed. */
typedef struct Actor
{
	Oid			role;
	List	   *subjects;		/* of HgSubject, those that cover the role */
} Actor;

typedef struct RelMaskEntry
{
	Oid			relid;			/* key */
	HgRelMask  *mask;
} RelMaskEntry;

/* The public struct comes first: pointers to one are pointers to both. */
typedef struct CompiledPolicy
{
	HgPolicy	pub;
	uint64		key;			/* of the identity */
	int			guc_mode;
	int			guc_mask_mode;
	int			nactors;
	Actor		actors[HG_MAX_ACTORS];
	List	   *exemptions;		/* of Exemption, active ones */
	char	   *exempt_ids;		/* for the version, "" when there are none */
	List	   *mask_rules;		/* of MaskRule */
	List	   *defaults;		/* of MaskRule */
	MemoryContext rel_context;	/* owns rels and all in it */
	HTAB	   *rels;
	uint64		rel_epoch;
} CompiledPolicy;

static MemoryContext cache_context = NULL;	/* parent of all compiled ones */
static uint64 cache_generation = 0;
static CompiledPolicy *policies[MAX_POLICIES];
static int	npolicies = 0;
static CompiledPolicy *last_policy = NULL;


/*
 * ---- compiling ----
 */

/* The governed ones of login, session, outer, current and pinned role. */
static void
find_actors(CompiledPolicy *policy, const HgIdentity *identity)
{
	Oid			roles[HG_MAX_ACTORS];

	roles[0] = identity->session_role;
	roles[1] = identity->outer_role;
	roles[2] = identity->current_role;
	roles[3] = identity->login_role;
	roles[4] = identity->pinned_role;

	for (int i = 0; i < HG_MAX_ACTORS; i++)
	{
		List	   *subjects = NIL;
		ListCell   *lc;
		bool		seen = false;

		for (int j = 0; j < i; j++)
			if (roles[j] == roles[i])
				seen = true;
		if (seen || !OidIsValid(roles[i]))
			continue;
		foreach(lc, identity->subjects)
		{
			HgSubject  *subject = lfirst(lc);

			if (hg_subject_covers(subject->role, roles[i]))
				subjects = lappend(subjects, subject);
		}
		if (subjects == NIL)
			continue;
		policy->actors[policy->nactors].role = roles[i];
		policy->actors[policy->nactors].subjects = subjects;
		policy->nactors++;
	}
}

/*
 * How closely a for_subject names this actor: 0 not at all, 1 by *, 2 by its
 * kind, 3 by a role.
 */
static int
subject_match(const Actor *actor, const char *for_subject)
{
	ListCell   *lc;
	Oid			role;

	if (strcmp(for_subject, "*") == 0)
		return 1;
	if (strncmp(for_subject, "kind:", 5) == 0)
	{
		foreach(lc, actor->subjects)
			if (strcmp(((HgSubject *) lfirst(lc))->kind,
					   for_subject + 5) == 0)
				return 2;
		return 0;
	}
	role = get_role_oid(for_subject, true);
	return OidIsValid(role) && hg_subject_covers(role, actor->role) ? 3 : 0;
}

/* Bits of the actors that a for_subject means. */
static int
actors_of(const CompiledPolicy *policy, const char *for_subject)
{
	int			result = 0;

	for (int i = 0; i < policy->nactors; i++)
		if (subject_match(&policy->actors[i], for_subject) > 0)
			result |= 1 << i;
	return result;
}

/*
 * What is lifted now.  The policy is only good until the first of them ends.
 */
static void
compile_exemptions(CompiledPolicy *policy)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_EXEMPTION),
								 AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	TimestampTz now = GetCurrentTimestamp();
	HeapTuple	tuple;
	List	   *subjects = NIL;
	List	   *untils = NIL;
	ListCell   *lc;
	ListCell   *lc2;
	ListCell   *lc3;

	policy->exempt_ids = "";
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Exemption  *exemption;
		TimestampTz *until;

		if (hg_row_int64(tuple, desc, EXEMPTION_VALID_UNTIL) <= now)
			continue;
		exemption = palloc0(sizeof(Exemption));
		exemption->what = hg_row_string(tuple, desc, EXEMPTION_WHAT);
		until = palloc(sizeof(TimestampTz));
		*until = hg_row_int64(tuple, desc, EXEMPTION_VALID_UNTIL);
		policy->exemptions = lappend(policy->exemptions, exemption);
		subjects = lappend(subjects, hg_row_string(tuple, desc,
												   EXEMPTION_FOR_SUBJECT));
		untils = lappend(untils, until);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	forthree(lc, policy->exemptions, lc2, subjects, lc3, untils)
	{
		Exemption  *exemption = lfirst(lc);
		TimestampTz until = *(TimestampTz *) lfirst(lc3);

		exemption->applies = actors_of(policy, lfirst(lc2));
		if (exemption->applies == 0)
			continue;
		hg_catalog_stale_at(until);
		policy->exempt_ids = psprintf("%s-" INT64_FORMAT "/%s",
									  policy->exempt_ids, until,
									  exemption->what);
	}
}

/* Bits of the actors for whom this is lifted. */
static int
exempt_from(const CompiledPolicy *policy, const char *what)
{
	int			result = 0;
	ListCell   *lc;

	foreach(lc, policy->exemptions)
		if (strcmp(((Exemption *) lfirst(lc))->what, what) == 0)
			result |= ((Exemption *) lfirst(lc))->applies;
	return result;
}

/* Does the actor see real values of the class now? */
static bool
exempt_from_mask(const CompiledPolicy *policy, int actor,
				 const char *class_name)
{
	ListCell   *lc;

	foreach(lc, policy->exemptions)
	{
		const Exemption *exemption = lfirst(lc);

		if ((exemption->applies & (1 << actor)) != 0 &&
			strncmp(exemption->what, "mask:", strlen("mask:")) == 0 &&
			hg_class_matches(exemption->what + strlen("mask:"), class_name))
			return true;
	}
	return false;
}

static HgAction
parse_action(const char *word)
{
	if (strcmp(word, "allow") == 0)
		return HG_ALLOW;
	if (strcmp(word, "warn") == 0)
		return HG_WARN;
	if (strcmp(word, "approve") == 0)
		return HG_APPROVE;
	return HG_DENY;
}

static HgMatch
parse_match(const char *word)
{
	if (strcmp(word, "equality") == 0)
		return HG_MATCH_EQUALITY;
	if (strcmp(word, "refuse") == 0)
		return HG_MATCH_REFUSE;
	if (strcmp(word, "real") == 0)
		return HG_MATCH_REAL;
	return HG_MATCH_MASKED;
}

/* Union of the words of a text[] column. */
static HgCommandSet
parse_commands(HeapTuple tuple, TupleDesc desc, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);
	HgCommandSet result = 0;
	Datum	   *words;
	bool	   *nulls;
	int			n;

	if (isnull)
		return 0;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, &words, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			result |= hg_command_set(TextDatumGetCString(words[i]));
	return result;
}

/*
 * Terms of a rule.  A condition that does not parse (written past
 * add_rule()) makes a rule that restricts hold always and drops one that
 * allows.
 */
static bool
compile_condition(HgRule *rule, const char *condition)
{
	char	   *error;

	rule->terms = hg_rule_parse_condition(condition, &error);
	return error == NULL || rule->action != HG_ALLOW;
}

static int
compare_rules(const ListCell *a, const ListCell *b)
{
	const HgRule *left = lfirst(a);
	const HgRule *right = lfirst(b);

	if (left->priority != right->priority)
		return left->priority < right->priority ? -1 : 1;
	return left->id < right->id ? -1 : left->id > right->id;
}

static void
compile_rules(CompiledPolicy *policy)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_RULE), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;
	List	   *rules = NIL;
	ListCell   *lc;
	int			n = 0;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		HgRule	   *rule;
		char	   *mode = hg_row_string(tuple, desc, RULE_MODE);

		if (!hg_row_bool(tuple, desc, RULE_ENABLED) ||
			strcmp(mode, "off") == 0)
			continue;
		rule = palloc0(sizeof(HgRule));
		rule->id = hg_row_int32(tuple, desc, RULE_ID);
		rule->priority = hg_row_int32(tuple, desc, RULE_PRIORITY);
		rule->action = parse_action(hg_row_string(tuple, desc, RULE_ACTION));
		rule->commands = parse_commands(tuple, desc, RULE_COMMANDS);
		rule->for_subject = hg_row_string(tuple, desc, RULE_FOR_SUBJECT);
		rule->objects = hg_row_string(tuple, desc, RULE_OBJECTS);
		rule->approver = hg_row_text(tuple, desc, RULE_APPROVER);
		rule->message = hg_row_text(tuple, desc, RULE_MESSAGE);
		rule->observe = strcmp(mode, "observe") == 0;
		rule->no_rehearsal = !hg_row_bool(tuple, desc, RULE_REHEARSE);
		if (compile_condition(rule, hg_row_string(tuple, desc,
												  RULE_CONDITION)))
			rules = lappend(rules, rule);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	list_sort(rules, compare_rules);
	policy->pub.rules = palloc(Max(list_length(rules), 1) * sizeof(HgRule *));
	foreach(lc, rules)
	{
		HgRule	   *rule = lfirst(lc);

		rule->applies = actors_of(policy, rule->for_subject);
		if (policy->exemptions != NIL)
		{
			rule->exempt = exempt_from(policy, psprintf("rule:%d", rule->id));
			if (rule->action >= HG_APPROVE)
				rule->exempt |= exempt_from(policy, "break_glass");
			rule->exempt &= rule->applies;
		}
		if (rule->applies != 0)
		{
			policy->pub.rules[n++] = rule;
			policy->pub.varies |= hg_rule_varies(rule);
		}
	}
	policy->pub.nrules = n;
}

/* A jsonb column as text, "{}" for NULL. */
static char *
row_json(HeapTuple tuple, TupleDesc desc, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);
	Jsonb	   *json;

	if (isnull)
		return pstrdup("{}");
	json = DatumGetJsonbP(value);
	return JsonbToCString(NULL, &json->root, VARSIZE(json));
}

static void
compile_masks(CompiledPolicy *policy)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_MASK_RULE),
								 AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;
	List	   *subjects = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		MaskRule   *rule;

		if (!hg_row_bool(tuple, desc, MASK_ENABLED))
			continue;
		rule = palloc0(sizeof(MaskRule));
		rule->id = hg_row_int32(tuple, desc, MASK_ID);
		rule->method = hg_row_string(tuple, desc, MASK_METHOD);
		rule->class_name = hg_row_text(tuple, desc, MASK_CLASS);
		rule->target.ref = hg_row_int64(tuple, desc, MASK_COLUMN_REF);
		rule->target.schema = hg_row_string(tuple, desc, MASK_SCHEMA_NAME);
		rule->target.relation = hg_row_string(tuple, desc,
											  MASK_RELATION_NAME);
		rule->target.column = hg_row_text(tuple, desc, MASK_COLUMN_NAME);
		rule->args = row_json(tuple, desc, MASK_ARGS);
		rule->match = parse_match(hg_row_string(tuple, desc, MASK_MATCH));
		rule->priority = hg_row_int32(tuple, desc, MASK_PRIORITY);
		policy->mask_rules = lappend(policy->mask_rules, rule);
		subjects = lappend(subjects, hg_row_string(tuple, desc,
												   MASK_FOR_SUBJECT));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	forboth(lc, policy->mask_rules, lc2, subjects)
		((MaskRule *) lfirst(lc))->applies = actors_of(policy, lfirst(lc2));

	rel = table_open(hg_catalog_rel(HG_REL_DEFAULT_MASK), AccessShareLock);
	desc = RelationGetDescr(rel);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		MaskRule   *rule = palloc0(sizeof(MaskRule));

		rule->class_name = hg_row_string(tuple, desc, DEFAULT_CLASS);
		rule->method = hg_row_string(tuple, desc, DEFAULT_METHOD);
		rule->args = row_json(tuple, desc, DEFAULT_ARGS);
		rule->match = HG_MATCH_MASKED;
		rule->priority = DEFAULT_MASK_PRIORITY;
		policy->defaults = lappend(policy->defaults, rule);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* Seconds of a window, 0 for the words. */
static int64
window_seconds(const char *per)
{
	Interval   *span;

	if (strcmp(per, "statement") == 0 || strcmp(per, "transaction") == 0 ||
		strcmp(per, "session") == 0)
		return 0;
	span = DatumGetIntervalP(DirectFunctionCall3(interval_in,
												 CStringGetDatum(per),
												 ObjectIdGetDatum(InvalidOid),
												 Int32GetDatum(-1)));
	return Max(1, (((int64) span->month * DAYS_PER_MONTH + span->day) *
				   SECS_PER_DAY) + span->time / USECS_PER_SEC);
}

/*
 * Limits.  For each actor, of several limits of one kind and span only those
 * that name it most closely count: a role's own limit replaces that of its
 * kind.
 */
static void
compile_limits(CompiledPolicy *policy)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_LIMIT_RULE),
								 AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;
	List	   *limits = NIL;
	List	   *subjects = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		HgLimit    *limit;

		if (!hg_row_bool(tuple, desc, LIMIT_ENABLED))
			continue;
		limit = palloc0(sizeof(HgLimit));
		limit->id = hg_row_int32(tuple, desc, LIMIT_ID);
		limit->kind = hg_row_string(tuple, desc, LIMIT_KIND);
		limit->value = hg_row_int64(tuple, desc, LIMIT_VALUE);
		limit->per = hg_row_string(tuple, desc, LIMIT_PER);
		limit->action = parse_action(hg_row_string(tuple, desc, LIMIT_ACTION));
		limit->since = hg_row_int64(tuple, desc, LIMIT_SINCE);
		limits = lappend(limits, limit);
		subjects = lappend(subjects, hg_row_string(tuple, desc,
												   LIMIT_FOR_SUBJECT));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	foreach(lc, limits)
		((HgLimit *) lfirst(lc))->window_s =
			window_seconds(((HgLimit *) lfirst(lc))->per);

	for (int i = 0; i < policy->nactors; i++)
	{
		const Actor *actor = &policy->actors[i];
		HgSubject  *owner = linitial(actor->subjects);

		forboth(lc, limits, lc2, subjects)
		{
			HgLimit    *limit = lfirst(lc);
			int			closeness = subject_match(actor, lfirst(lc2));
			HgLimit    *copy;
			ListCell   *other;
			ListCell   *other2;
			bool		replaced = closeness == 0 ||
				(policy->exemptions != NIL &&
				 (exempt_from(policy, psprintf("limit:%s", limit->kind)) &
				  (1 << i)) != 0);

			forboth(other, limits, other2, subjects)
			{
				HgLimit    *rival = lfirst(other);

				if (!replaced && rival != limit &&
					strcmp(rival->kind, limit->kind) == 0 &&
					rival->window_s == limit->window_s &&
					(limit->window_s > 0 ||
					 strcmp(rival->per, limit->per) == 0) &&
					subject_match(actor, lfirst(other2)) > closeness)
					replaced = true;
			}
			if (replaced)
				continue;
			copy = palloc(sizeof(HgLimit));
			*copy = *limit;
			copy->subject = owner->role;
			policy->pub.limits = lappend(policy->pub.limits, copy);
		}
	}
}

/* A number that changes whenever a label of ours does. */
static uint64
hash_labels(void)
{
	Relation	rel = table_open(SecLabelRelationId, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;
	uint64		result = 0;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		char	   *row;

		if (strcmp(hg_row_string(tuple, desc, Anum_pg_seclabel_provider),
				   "hoopguard") != 0)
			continue;
		row = psprintf("%u %u %d %s",
					   hg_row_oid(tuple, desc, Anum_pg_seclabel_classoid),
					   hg_row_oid(tuple, desc, Anum_pg_seclabel_objoid),
					   hg_row_int32(tuple, desc, Anum_pg_seclabel_objsubid),
					   hg_row_string(tuple, desc, Anum_pg_seclabel_label));
		/* a sum, since rows come in no particular order */
		result += DatumGetUInt64(hash_any_extended((unsigned char *) row,
												   strlen(row), 0));
		pfree(row);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* The number of the last policy change. */
static int64
last_version(void)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_POLICY_VERSION),
								 AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;
	int64		result = 0;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		result = Max(result, hg_row_int64(tuple, desc, VERSION_ID));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/*
 * Text that changes with any change of policy.  The scans leave much behind,
 * so they have a context of their own.
 */
static char *
version_text(void)
{
	MemoryContext scratch;
	MemoryContext old;
	int64		version;
	uint64		labels;

	scratch = AllocSetContextCreate(CurrentMemoryContext,
									"hoopguard policy version",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(scratch);
	version = last_version();
	labels = hash_labels();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return psprintf(INT64_FORMAT "-" UINT64_FORMAT, version, labels);
}

/* Allow-lists without those of actors that have broken the glass. */
static List *
lift_lists(const CompiledPolicy *policy, List *lists)
{
	int			broken = exempt_from(policy, "break_glass");
	List	   *result = NIL;
	ListCell   *lc;

	if (broken == 0)
		return lists;
	foreach(lc, lists)
	{
		const HgAllowList *list = lfirst(lc);
		bool		binds = list->learning;

		for (int i = 0; i < policy->nactors && !binds; i++)
			binds = (broken & (1 << i)) == 0 &&
				hg_subject_covers(list->role, policy->actors[i].role);
		if (binds)
			result = lappend(result, lfirst(lc));
	}
	return result;
}

static CompiledPolicy *
compile(const HgIdentity *identity, uint64 generation)
{
	static uint64 serial = 0;
	CompiledPolicy *policy = palloc0(sizeof(CompiledPolicy));
	ListCell   *lc;

	policy->key = identity->key;
	policy->pub.serial = ++serial;
	policy->guc_mode = hg_guc_mode;
	policy->guc_mask_mode = hg_guc_mask_mode;
	policy->pub.generation = generation;
	policy->pub.identity = identity;
	policy->pub.mode = HG_MODE_OFF;
	policy->pub.mask_mode = hg_guc_mask_mode;

	foreach(lc, identity->subjects)
	{
		HgSubject  *subject = lfirst(lc);

		policy->pub.mode = Max(policy->pub.mode, subject->mode);
		if (subject->frozen && !policy->pub.frozen)
		{
			policy->pub.frozen = true;
			policy->pub.frozen_subject = pstrdup(subject->name);
			if (subject->freeze_reason != NULL)
				policy->pub.freeze_reason = pstrdup(subject->freeze_reason);
		}
	}
	policy->pub.mode = Min(policy->pub.mode, hg_guc_mode);

	if (identity->governed)
	{
		find_actors(policy, identity);
		compile_exemptions(policy);
		compile_rules(policy);
		compile_masks(policy);
		compile_limits(policy);
		policy->pub.allow_lists = lift_lists(policy,
											 hg_allow_list_compile(identity));
		policy->pub.version = psprintf("%s%s", version_text(),
									   policy->exempt_ids);
	}
	else
		policy->pub.version = "";
	return policy;
}

static inline bool
is_current(const CompiledPolicy *policy, const HgIdentity *identity)
{
	return policy->pub.identity == identity && policy->key == identity->key &&
		policy->guc_mode == hg_guc_mode &&
		policy->guc_mask_mode == hg_guc_mask_mode;
}

const HgPolicy *
hg_policy_get(const HgIdentity *identity)
{
	uint64		generation = hg_catalog_generation();
	CompiledPolicy *policy;
	MemoryContext context;
	MemoryContext old;

	if (last_policy != NULL && cache_generation == generation &&
		is_current(last_policy, identity))
		return &last_policy->pub;

	if (cache_context == NULL || cache_generation != generation ||
		npolicies == MAX_POLICIES)
	{
		last_policy = NULL;
		npolicies = 0;
		if (cache_context != NULL)
		{
			context = cache_context;
			cache_context = NULL;
			hg_retire_context(context);
		}
		cache_context = AllocSetContextCreate(TopMemoryContext,
											  "hoopguard policies",
											  ALLOCSET_SMALL_SIZES);
		cache_generation = generation;
	}

	for (int i = 0; i < npolicies; i++)
		if (is_current(policies[i], identity))
		{
			last_policy = policies[i];
			return &last_policy->pub;
		}

	/* compiled below the caller's context, so that an error leaves nothing */
	context = AllocSetContextCreate(CurrentMemoryContext, "hoopguard policy",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	policy = compile(identity, generation);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(context, cache_context);

	policies[npolicies++] = policy;
	last_policy = policy;
	return &policy->pub;
}


/*
 * ---- masks of a relation ----
 */

/* Order of methods by how much they leave; what is not known leaves nothing. */
static int
strictness(const char *method)
{
	static const struct
	{
		const char *method;
		int			rank;
	}			ranks[] = {
		{"none", 0}, {"expression", 5}, {"scrub", 10}, {"json", 10},
		{"partial", 20},
		{"email", 20}, {"phone", 20}, {"card", 20}, {"ip", 20},
		{"noise", 20}, {"bucket", 25}, {"month", 25}, {"year", 30},
		{"token", 40}, {"hash", 50}, {"redact", 60}, {"constant", 70},
		{"null", 80},
	};

	for (int i = 0; i < lengthof(ranks); i++)
		if (strcmp(method, ranks[i].method) == 0)
			return ranks[i].rank;
	return 90;
}

static int
match_strictness(HgMatch match)
{
	switch (match)
	{
		case HG_MATCH_REAL:
			return 0;
		case HG_MATCH_EQUALITY:
			return 1;
		case HG_MATCH_MASKED:
			return 2;
		case HG_MATCH_REFUSE:
			return 3;
	}
	return 3;
}

static bool
is_stricter(const MaskRule *a, const MaskRule *b)
{
	int			left = strictness(a->method);
	int			right = strictness(b->method);

	if (left != right)
		return left > right;
	return match_strictness(a->match) > match_strictness(b->match);
}

/* Does rule a go before rule b, for the same actor? */
static bool
goes_before(const MaskRule *a, const MaskRule *b)
{
	bool		a_column = a->target.column != NULL;
	bool		b_column = b->target.column != NULL;

	if (a->priority != b->priority)
		return a->priority < b->priority;
	if (a_column != b_column)
		return a_column;
	if (is_stricter(a, b) || is_stricter(b, a))
		return is_stricter(a, b);
	return a->id < b->id;
}

/* List of ColumnRule for a relation. */
static List *
column_rules_of(const CompiledPolicy *policy, const Oid *family, int nfamily)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, policy->mask_rules)
	{
		const MaskRule *rule = lfirst(lc);
		ColumnRule *named;
		const char *column;

		if (rule->target.column == NULL)
			continue;
		column = hg_mask_rule_column(&rule->target, family, nfamily);
		if (column == NULL)
			continue;
		named = palloc(sizeof(ColumnRule));
		named->rule = rule;
		named->column = column;
		result = lappend(result, named);
	}
	return result;
}

/* What masks a column for one actor; NULL when nothing does. */
static const MaskRule *
mask_for_actor(const CompiledPolicy *policy, int actor, const char *column,
			   const char *class_name, List *column_rules)
{
	static const MaskRule fallback = {
		.priority = DEFAULT_MASK_PRIORITY,
		.method = FALLBACK_METHOD,
		.args = "{}",
		.match = HG_MATCH_MASKED,
	};
	const MaskRule *best = NULL;
	const MaskRule *by_default = NULL;
	ListCell   *lc;

	foreach(lc, policy->mask_rules)
	{
		const MaskRule *rule = lfirst(lc);

		if ((rule->applies & (1 << actor)) != 0 &&
			class_name != NULL && rule->class_name != NULL &&
			hg_class_matches(rule->class_name, class_name) &&
			(best == NULL || goes_before(rule, best)))
			best = rule;
	}
	foreach(lc, column_rules)
	{
		const ColumnRule *named = lfirst(lc);

		if ((named->rule->applies & (1 << actor)) != 0 &&
			strcmp(named->column, column) == 0 &&
			(best == NULL || goes_before(named->rule, best)))
			best = named->rule;
	}
	if (class_name == NULL)
		return best;
	if (exempt_from_mask(policy, actor, class_name))
		return NULL;

	foreach(lc, policy->defaults)
	{
		const MaskRule *rule = lfirst(lc);

		if (strcmp(rule->class_name, class_name) == 0)
			by_default = rule;
	}
	if (by_default == NULL)
		by_default = &fallback;
	return best == NULL || goes_before(by_default, best) ? by_default : best;
}

static int
compare_columns(const void *a, const void *b)
{
	return ((const HgColumnMask *) a)->attnum -
		((const HgColumnMask *) b)->attnum;
}

/* The strictest of what masks the column for each actor; NULL = unmasked. */
static const MaskRule *
find_mask(const CompiledPolicy *policy, const char *column,
		  const char *class_name, List *column_rules)
{
	const MaskRule *result = NULL;

	for (int i = 0; i < policy->nactors; i++)
	{
		const MaskRule *rule = mask_for_actor(policy, i, column, class_name,
											  column_rules);

		if (rule != NULL && (result == NULL || is_stricter(rule, result)))
			result = rule;
	}
	if (result != NULL && strcmp(result->method, "none") == 0)
		return NULL;
	return result;
}

/*
 * Is this the subject's own or a temporary relation, about which names say
 * nothing?
 */
static bool
is_own(const CompiledPolicy *policy, Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_class) GETSTRUCT(tuple);
	result = form->relpersistence == RELPERSISTENCE_TEMP;
	for (int i = 0; i < policy->nactors && !result; i++)
	{
		ListCell   *lc;

		result = form->relowner == policy->actors[i].role;
		foreach(lc, policy->actors[i].subjects)
			if (form->relowner == ((HgSubject *) lfirst(lc))->role)
				result = true;
	}
	ReleaseSysCache(tuple);
	return result;
}

/* Has the column its class only from the columns it was computed from? */
static bool
is_lineage(const HgRelMask *rel, AttrNumber attnum)
{
	for (int i = 0; i < rel->nclasses; i++)
		if (rel->classes[i].attnum == attnum)
			return rel->classes[i].source == HG_CLASS_LINEAGE;
	return false;
}

/*
 * A column generated from a masked one shows the same data: it gets the
 * strictest mask of those columns, unless it has one of its own by label,
 * finding, name or rule, or is labelled public.  Whoever may ask whether a
 * column has a value may not ask so about a part of it.
 */
static void
add_generated(HgRelMask *rel, Oid relid, int natts)
{
	int			nown = rel->ncolumns;

	for (AttrNumber attnum = 1; nown > 0 && attnum <= natts; attnum++)
	{
		const AttrNumber *bases;
		const HgColumnMask *best;
		HgColumnMask *mask = NULL;
		int			nbases;

		bases = hg_classify_bases(relid, attnum, &nbases);
		if (bases == NULL)
			continue;
		best = hg_policy_column_mask(rel, attnum);
		if (best != NULL && !is_lineage(rel, attnum))
			continue;
		mask = unconstify(HgColumnMask *, best);
		for (int i = 0; i < nbases; i++)
		{
			const HgColumnMask *base = hg_policy_column_mask(rel, bases[i]);

			if (base != NULL &&
				(best == NULL ||
				 strictness(base->method) > strictness(best->method)))
				best = base;
		}
		if (best == NULL)
			continue;
		if (mask == NULL)
			mask = &rel->columns[rel->ncolumns++];
		*mask = *best;
		mask->attnum = attnum;
		mask->column = hg_column_ref_name(HG_COLUMN_REF(relid, attnum));
		if (mask->match == HG_MATCH_EQUALITY || mask->match == HG_MATCH_REAL)
			mask->match = HG_MATCH_MASKED;
	}
	qsort(rel->columns, rel->ncolumns, sizeof(HgColumnMask), compare_columns);
}

static HgRelMask *known_rel_mask(CompiledPolicy *policy, Oid relid);

/*
 * Is the column a row of a relation that has masked columns, or an array of
 * such rows?  What is stored there are its real values.
 */
static bool
holds_masked_rows(CompiledPolicy *policy, Oid relid, AttrNumber attnum)
{
	Oid			type = get_atttype(relid, attnum);
	Oid			element;
	Oid			rows;

	check_stack_depth();
	type = OidIsValid(type) ? getBaseType(type) : type;
	element = get_element_type(type);
	if (OidIsValid(element))
		type = getBaseType(element);
	rows = get_typ_typrelid(type);
	return OidIsValid(rows) && rows != relid &&
		known_rel_mask(policy, rows)->ncolumns > 0;
}

/* Compute the masks of a relation in the current context. */
static HgRelMask *
compile_rel_mask(CompiledPolicy *policy, Oid relid)
{
	HgRelMask  *result = palloc0(sizeof(HgRelMask));
	const HgColumnClass *classes;
	const Oid  *family;
	List	   *column_rules;
	int			nclasses;
	int			nfamily;
	HeapTuple	tuple;
	int			natts = 0;

	result->relid = relid;
	result->schema = "";
	result->name = "";
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		return result;
	natts = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
	result->name = pstrdup(NameStr(((Form_pg_class) GETSTRUCT(tuple))->relname));
	ReleaseSysCache(tuple);
	result->schema = get_namespace_name(get_rel_namespace(relid));
	if (result->schema == NULL)
		result->schema = "";

	/* both answers come from one entry: the second call finds it cached */
	classes = hg_classify_relation(relid, &nclasses);
	result->classes = palloc0(Max(nclasses, 1) * sizeof(HgColumnClass));
	for (int i = 0; i < nclasses; i++)
	{
		HgColumnClass *class;

		if (classes[i].source == HG_CLASS_HEURISTIC &&
			is_own(policy, classes[i].origin))
			continue;
		class = &result->classes[result->nclasses++];
		*class = classes[i];
		class->name = pstrdup(classes[i].name);
		class->class_name = pstrdup(classes[i].class_name);
	}
	family = hg_classify_family(relid, &nfamily);
	column_rules = column_rules_of(policy, family, nfamily);

	result->columns = palloc0(Max(natts, 1) * sizeof(HgColumnMask));
	for (AttrNumber attnum = 1; attnum <= natts; attnum++)
	{
		const HgColumnClass *class = NULL;
		const MaskRule *rule;
		HgColumnMask *mask;
		char	   *column;

		CHECK_FOR_INTERRUPTS();
		column = hg_column_ref_name(HG_COLUMN_REF(relid, attnum));
		if (column == NULL)		/* dropped */
			continue;
		for (int i = 0; i < result->nclasses && class == NULL; i++)
			if (result->classes[i].attnum == attnum)
				class = &result->classes[i];
		rule = find_mask(policy, column, class ? class->class_name : NULL,
						 column_rules);
		if (rule == NULL && holds_masked_rows(policy, relid, attnum))
		{
			mask = &result->columns[result->ncolumns++];
			mask->attnum = attnum;
			mask->column = column;
			mask->method = "null";
			mask->args = "{}";
			mask->match = HG_MATCH_MASKED;
			continue;
		}
		if (rule == NULL)
			continue;
		mask = &result->columns[result->ncolumns++];
		mask->attnum = attnum;
		mask->column = column;
		mask->class_name = class ? class->class_name : NULL;
		mask->mask_id = rule->id;
		mask->method = rule->method;
		mask->args = rule->args;
		mask->match = rule->match;

		/*
		 * What was copied may have been computed.  Whoever may ask whether a
		 * column has a value may not ask so about a part of it.
		 */
		if (class != NULL && class->source == HG_CLASS_LINEAGE &&
			rule->target.column == NULL && mask->match != HG_MATCH_REFUSE)
			mask->match = HG_MATCH_MASKED;
	}
	add_generated(result, relid, natts);
	return result;
}

/*
 * The masks of a relation from policy->rels, computed if they are not there.
 * Row types are asked about again and again: of a type of two columns of a
 * type of two columns, and so on, each has to be looked at only once.
 */
static HgRelMask *
known_rel_mask(CompiledPolicy *policy, Oid relid)
{
	RelMaskEntry *entry;
	HgRelMask  *mask;
	MemoryContext old;

	entry = hash_search(policy->rels, &relid, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->mask;

	/* an error leaves some bytes to the context, which goes with the policy */
	old = MemoryContextSwitchTo(policy->rel_context);
	mask = compile_rel_mask(policy, relid);
	MemoryContextSwitchTo(old);
	entry = hash_search(policy->rels, &relid, HASH_ENTER, NULL);
	entry->mask = mask;
	return mask;
}

const HgRelMask *
hg_policy_rel_mask(const HgPolicy *pub, Oid relid)
{
	static const HgRelMask nothing = {
		.schema = "",
		.name = "",
	};
	CompiledPolicy *policy = unconstify(CompiledPolicy *,
										(const CompiledPolicy *) pub);
	uint64		epoch;
	MemoryContext context;

	if (policy->nactors == 0)
		return &nothing;

	epoch = hg_classify_epoch();
	if (policy->rels != NULL &&
		(policy->rel_epoch != epoch ||
		 hash_get_num_entries(policy->rels) >= MAX_RELATIONS))
	{
		/* no longer a child of the policy's context, which may go first */
		context = policy->rel_context;
		policy->rels = NULL;
		policy->rel_context = NULL;
		MemoryContextSetParent(context, TopMemoryContext);
		hg_retire_context(context);
	}
	if (policy->rels == NULL)
	{
		HASHCTL		ctl;

		policy->rel_context =
			AllocSetContextCreate(GetMemoryChunkContext(policy),
								  "hoopguard masks", ALLOCSET_SMALL_SIZES);
		memset(&ctl, 0, sizeof(ctl));
		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(RelMaskEntry);
		ctl.hcxt = policy->rel_context;
		policy->rels = hash_create("hoopguard masks", 64, &ctl,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		policy->rel_epoch = epoch;
	}
	return known_rel_mask(policy, relid);
}

const HgColumnMask *
hg_policy_column_mask(const HgRelMask *rel, AttrNumber attnum)
{
	for (int i = 0; i < rel->ncolumns; i++)
		if (rel->columns[i].attnum == attnum)
			return &rel->columns[i];
	return NULL;
}


/*
 * ---- trusted functions ----
 */

typedef struct TrustEntry
{
	Oid			funcid;			/* key */
	bool		trusted;
} TrustEntry;

static HTAB *trust = NULL;
static MemoryContext trust_context = NULL;
static uint64 trust_generation = 0;
static bool trust_stale = false;
static bool trust_callback = false;

static void
on_proc(Datum arg, int cacheid, uint32 hashvalue)
{
	trust_stale = true;
}

bool
hg_policy_function_trusted(Oid funcid)
{
	uint64		generation = hg_catalog_generation();
	TrustEntry *entry;
	bool		trusted;

	if (!hg_catalog_present())
		return false;

	if (trust == NULL || trust_stale || trust_generation != generation)
	{
		HASHCTL		ctl;

		if (!trust_callback)
		{
			CacheRegisterSyscacheCallback(PROCOID, on_proc, (Datum) 0);
			trust_callback = true;
		}
		trust = NULL;
		if (trust_context == NULL)
			trust_context = AllocSetContextCreate(TopMemoryContext,
												  "hoopguard trusted functions",
												  ALLOCSET_SMALL_SIZES);
		else
			MemoryContextReset(trust_context);
		memset(&ctl, 0, sizeof(ctl));
		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(TrustEntry);
		ctl.hcxt = trust_context;
		trust = hash_create("hoopguard trusted functions", 32, &ctl,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		trust_generation = generation;
		trust_stale = false;
	}

	entry = hash_search(trust, &funcid, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->trusted;

	/* keep the answer only if nothing changed while it was found */
	trusted = hg_label_function_trusted(funcid);
	if (!trust_stale && trust_generation == hg_catalog_generation())
	{
		entry = hash_search(trust, &funcid, HASH_ENTER, NULL);
		entry->trusted = trusted;
	}
	return trusted;
}
