/*-------------------------------------------------------------------------
 *
 * policy_sql.c
 *	  SQL-callable parts of identity and policy.
 *
 * What 10_identity.sql to 30_guard.sql cannot say in SQL: the identity of the
 * running statement, compiled policies, and checks that share their code with
 * the matching of rules.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/catalog.h"
#include "base/report.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/seclabel.h"
#include "fmgr.h"
#include "funcapi.h"
#include "identity/subject.h"
#include "miscadmin.h"
#include "policy/label.h"
#include "policy/policy.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(hoopguard_whoami);
PG_FUNCTION_INFO_V1(hoopguard_classify_name);
PG_FUNCTION_INFO_V1(hoopguard_effective_mask);
PG_FUNCTION_INFO_V1(hoopguard__sensitive);
PG_FUNCTION_INFO_V1(hoopguard__policy_ids);
PG_FUNCTION_INFO_V1(hoopguard__check_rule);
PG_FUNCTION_INFO_V1(hoopguard__label_role);
PG_FUNCTION_INFO_V1(hoopguard__role_covers);

static const char *
mode_word(HgMode mode)
{
	switch (mode)
	{
		case HG_MODE_OFF:
			return "off";
		case HG_MODE_OBSERVE:
			return "observe";
		case HG_MODE_ENFORCE:
			return "enforce";
	}
	return "enforce";
}

static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL || text[0] == '\0';
	if (!nulls[column])
		values[column] = CStringGetTextDatum(text);
}

/*
 * whoami() returns (governed, subject, kind, owner, model, session_role,
 * effective_role, subjects, mode, mask_mode, frozen, intent, traceparent)
 */
Datum
hoopguard_whoami(PG_FUNCTION_ARGS)
{
	const HgIdentity *identity = hg_subject_current();
	const HgPolicy *policy;
	TupleDesc	desc;
	Datum		values[13] = {0};
	bool		nulls[13] = {0};
	Datum	   *names;
	int			n = 0;
	ListCell   *lc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != lengthof(values))
		elog(ERROR, "whoami() has an unexpected result type");

	values[0] = BoolGetDatum(identity->governed);
	for (int i = 1; i <= 4; i++)
		nulls[i] = true;
	if (identity->governed)
	{
		const HgSubject *subject = linitial(identity->subjects);

		set_text(values, nulls, 1, subject->name);
		set_text(values, nulls, 2, subject->kind);
		set_text(values, nulls, 3, subject->owner);
		set_text(values, nulls, 4, subject->model);
	}
	set_text(values, nulls, 5, identity->session_role_name);
	set_text(values, nulls, 6, identity->current_role_name);
	names = palloc(Max(list_length(identity->subjects), 1) * sizeof(Datum));
	foreach(lc, identity->subjects)
		names[n++] = CStringGetTextDatum(((HgSubject *) lfirst(lc))->name);
	values[7] = PointerGetDatum(construct_array(names, n, TEXTOID, -1, false,
												TYPALIGN_INT));
	if (identity->governed)
	{
		policy = hg_policy_get(identity);
		set_text(values, nulls, 8, mode_word(policy->mode));
		set_text(values, nulls, 9, mode_word(policy->mask_mode));
		values[10] = BoolGetDatum(policy->frozen);
	}
	else
	{
		nulls[8] = nulls[9] = true;
		values[10] = BoolGetDatum(false);
	}
	set_text(values, nulls, 11, hg_guc_intent);
	set_text(values, nulls, 12, hg_guc_traceparent);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values,
											 nulls));
}

/* classify_name(relation text, column_name text, type_name text) */
Datum
hoopguard_classify_name(PG_FUNCTION_ARGS)
{
	const char *relation = PG_ARGISNULL(0) ? "" :
		text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *type_name = PG_ARGISNULL(2) ? "text" :
		text_to_cstring(PG_GETARG_TEXT_PP(2));
	const char *result;

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	result = hg_classify_name(relation,
							  text_to_cstring(PG_GETARG_TEXT_PP(1)),
							  type_name);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(result));
}

/* Policy of a role given by name; NULL if it is not governed. */
static const HgPolicy *
policy_of(text *role)
{
	const HgIdentity *identity;

	identity = hg_subject_for_role(get_role_oid(text_to_cstring(role), false));
	return identity->governed ? hg_policy_get(identity) : NULL;
}

static const char *
source_word(HgClassSource source)
{
	switch (source)
	{
		case HG_CLASS_LABEL:
			return "label";
		case HG_CLASS_LINEAGE:
			return "lineage";
		case HG_CLASS_FINDING:
			return "finding";
		case HG_CLASS_HEURISTIC:
			return "heuristic";
		case HG_CLASS_RULE:
			return "rule";
		case HG_CLASS_BUILTIN:
			return "builtin";
		case HG_CLASS_NONE:
			break;
	}
	return NULL;
}

static const char *
match_word(HgMatch match)
{
	switch (match)
	{
		case HG_MATCH_MASKED:
			return "masked";
		case HG_MATCH_EQUALITY:
			return "equality";
		case HG_MATCH_REFUSE:
			return "refuse";
		case HG_MATCH_REAL:
			return "real";
	}
	return "masked";
}

/*
 * effective_mask(role text, relation regclass) returns a row per column that
 * is classified or masked: (column_name, class, source, method, args, match,
 * mask_id)
 */
Datum
hoopguard_effective_mask(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const HgPolicy *policy = policy_of(PG_GETARG_TEXT_PP(0));
	Oid			relid = PG_GETARG_OID(1);
	const HgRelMask *rel;

	InitMaterializedSRF(fcinfo, 0);
	if (policy == NULL || get_rel_name(relid) == NULL)
		return (Datum) 0;

	rel = hg_policy_rel_mask(policy, relid);
	for (AttrNumber attnum = 1; attnum <= MaxHeapAttributeNumber; attnum++)
	{
		const HgColumnMask *mask = hg_policy_column_mask(rel, attnum);
		const HgColumnClass *class = NULL;
		const char *class_name;
		HgClassSource source;
		Datum		values[7] = {0};
		bool		nulls[7] = {0};

		for (int i = 0; i < rel->nclasses && class == NULL; i++)
			if (rel->classes[i].attnum == attnum)
				class = &rel->classes[i];
		if (mask == NULL && class == NULL)
			continue;
		set_text(values, nulls, 0, mask ? mask->column : class->name);
		class_name = class ? class->class_name : NULL;
		source = class ? class->source : HG_CLASS_NONE;
		if (class == NULL)
		{
			/* generated from a classified column */
			class_name = hg_classify_column(relid, attnum, &source);
			if (source != HG_CLASS_LINEAGE)
				class_name = NULL;
		}
		set_text(values, nulls, 1, class_name);
		set_text(values, nulls, 2, class_name ? source_word(source) : NULL);
		set_text(values, nulls, 3, mask ? mask->method : NULL);
		if (mask != NULL)
			values[4] = DirectFunctionCall1(jsonb_in,
											CStringGetDatum(mask->args));
		else
			nulls[4] = true;
		set_text(values, nulls, 5, mask ? match_word(mask->match) : NULL);
		values[6] = Int32GetDatum(mask ? mask->mask_id : 0);
		nulls[6] = mask == NULL || mask->mask_id == 0;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

/* User relations that hold values, by OID. */
static List *
value_relations(void)
{
	Relation	rel = table_open(RelationRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;
	List	   *result = NIL;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		if ((form->relkind == RELKIND_RELATION ||
			 form->relkind == RELKIND_PARTITIONED_TABLE ||
			 form->relkind == RELKIND_FOREIGN_TABLE ||
			 form->relkind == RELKIND_MATVIEW) &&
			!IsCatalogNamespace(form->relnamespace) &&
			!IsToastNamespace(form->relnamespace) &&
			!isOtherTempNamespace(form->relnamespace))
			result = lappend_oid(result, form->oid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/*
 * _sensitive() returns (column_ref, class, class_group, source, told_by,
 * came_from): all columns of user relations whose values carry a class.
 * told_by is the column, perhaps of a parent or child, that the label, name or
 * copy is about.
 */
Datum
hoopguard__sensitive(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, value_relations())
	{
		Oid			relid = lfirst_oid(lc);
		const HgColumnClass *columns;
		int			n;

		CHECK_FOR_INTERRUPTS();
		columns = hg_classify_sensitive(relid, &n);
		for (int i = 0; i < n; i++)
		{
			const HgColumnClass *column = &columns[i];
			Datum		values[6] = {0};
			bool		nulls[6] = {0};
			AttrNumber	told = column->origin == relid ? column->attnum :
				get_attnum(column->origin, column->name);

			values[0] = Int64GetDatum(HG_COLUMN_REF(relid, column->attnum));
			values[1] = CStringGetTextDatum(column->class_name);
			set_text(values, nulls, 2, hg_class_group(column->class_name));
			values[3] = CStringGetTextDatum(source_word(column->source));
			values[4] = Int64GetDatum(HG_COLUMN_REF(column->origin, told));
			values[5] = Int64GetDatum(column->came_from);
			nulls[5] = column->came_from == 0;
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
								 nulls);
		}
	}
	return (Datum) 0;
}

/*
 * _policy_ids(role text) returns (what, id) of the rules and limits that hold
 * for a role, in the order in which they are tried.
 */
Datum
hoopguard__policy_ids(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const HgPolicy *policy = policy_of(PG_GETARG_TEXT_PP(0));
	Datum		values[3];
	bool		nulls[3] = {0};
	int			position = 0;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	if (policy == NULL)
		return (Datum) 0;
	for (int i = 0; i < policy->nrules; i++)
	{
		values[0] = Int32GetDatum(++position);
		/* lifted for all of its roles? */
		values[1] = CStringGetTextDatum((policy->rules[i]->applies &
										 ~policy->rules[i]->exempt) != 0 ?
										"rule" : "exempt");
		values[2] = Int32GetDatum(policy->rules[i]->id);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	foreach(lc, policy->limits)
	{
		values[0] = Int32GetDatum(++position);
		values[1] = CStringGetTextDatum("limit");
		values[2] = Int32GetDatum(((HgLimit *) lfirst(lc))->id);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

/* Words of a text[] argument as a set; HG014 for an unknown one. */
static HgCommandSet
command_argument(ArrayType *array)
{
	HgCommandSet result = 0;
	Datum	   *words;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &words, &nulls,
					  &n);
	for (int i = 0; i < n; i++)
	{
		char	   *word = nulls[i] ? "" : TextDatumGetCString(words[i]);
		HgCommandSet set = hg_command_set(word);

		if (set == 0)
		{
			StringInfoData known;

			initStringInfo(&known);
			for (int c = 0; c < HG_CMD_COUNT; c++)
				appendStringInfo(&known, "%s ", hg_command_name(c));
			ereport(ERROR,
					(errcode(HG_ERRCODE_POLICY),
					 errmsg("unrecognized command \"%s\"", word),
					 errhint("Known are %sand the groups READ WRITE DDL DCL ADMIN FILE NETWORK REPLICATION ALL.",
							 known.data)));
		}
		result |= set;
	}
	if (result == 0)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("a rule needs at least one command")));
	return result;
}

static void
never_matches(const char *hint)
{
	ereport(ERROR,
			(errcode(HG_ERRCODE_POLICY),
			 errmsg("this rule can never match"),
			 errhint("%s", hint)));
}

#define B(sym) HG_CMD_BIT(HG_CMD_##sym)

/* Commands whose object is always something in pg_class. */
#define ON_RELATIONS (B(SELECT) | B(INSERT) | B(UPDATE) | B(DELETE) | \
	B(MERGE) | B(TRUNCATE) | B(COPY_TO) | B(COPY_FROM) | B(LOCK))

static bool
function_exists(Oid nspid, const char *name)
{
	CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP,
										   CStringGetDatum(name));
	bool		result = false;

	for (int i = 0; i < list->n_members && !result; i++)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

		result = !OidIsValid(nspid) || form->pronamespace == nspid;
	}
	ReleaseSysCacheList(list);
	return result;
}

/*
 * Names without a wildcard have to mean something that there is: a schema, a
 * function, and a relation for commands that know nothing else.  What CREATE
 * names need not be there yet.
 */
static void
check_names(HgCommandSet commands, const char *objects)
{
	ListCell   *lc;

	foreach(lc, hg_rule_names(objects))
	{
		HgExactName *name = lfirst(lc);
		Oid			nspid = InvalidOid;

		if (name->schema != NULL && strcmp(name->schema, "pg_temp") == 0)
			continue;
		if (name->name == NULL)
			continue;			/* what it will match may be made later */
		if (name->schema != NULL && (commands & B(CREATE)) == 0)
		{
			nspid = get_namespace_oid(name->schema, true);
			if (!OidIsValid(nspid))
				ereport(ERROR,
						(errcode(HG_ERRCODE_POLICY),
						 errmsg("schema \"%s\" does not exist", name->schema),
						 errhint("A rule on it could never match.")));
		}
		if (name->is_function)
		{
			if (!function_exists(nspid, name->name))
				ereport(ERROR,
						(errcode(HG_ERRCODE_POLICY),
						 errmsg("function \"%s\" does not exist", name->name),
						 errhint("A rule on it could never match.")));
		}
		else if (OidIsValid(nspid) && (commands & ~ON_RELATIONS) == 0 &&
				 !OidIsValid(get_relname_relid(name->name, nspid)))
			ereport(ERROR,
					(errcode(HG_ERRCODE_POLICY),
					 errmsg("relation \"%s.%s\" does not exist",
							name->schema, name->name),
					 errhint("A rule on it could never match.")));
	}
}

/*
 * _check_rule(commands text[], objects text, condition text, action text):
 * HG014 for a rule that is malformed or can never match.
 */
Datum
hoopguard__check_rule(PG_FUNCTION_ARGS)
{
	HgCommandSet calls = HG_CMD_FUNCTIONS | B(CALL);
	HgCommandSet commands = command_argument(PG_GETARG_ARRAYTYPE_P(0));
	char	   *objects = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *action = text_to_cstring(PG_GETARG_TEXT_PP(3));
	char	   *problem;
	List	   *terms;
	ListCell   *lc;

	problem = hg_rule_check_objects(objects);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("invalid objects: %s", problem),
				 errhint("Write *, schema.name, name, function:name or class:name, with * as a wildcard and commas between.")));
	if ((commands & ~calls) == 0 && hg_rule_only(objects, HG_PATTERN_NAME))
		never_matches("Functions are named as function:name.");
	if ((commands & calls) == 0 && hg_rule_only(objects, HG_PATTERN_FUNCTION))
		never_matches("Calls of functions are the commands FUNCTION and CALL.");
	check_names(commands, objects);

	terms = hg_rule_parse_condition(text_to_cstring(PG_GETARG_TEXT_PP(2)),
									&problem);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("invalid condition: %s", problem),
				 errhint("Write always, or terms with AND between: unbounded, rows_over(n), touches_class(x), holds_class(x), persistent, locks_table_over(n MB), rewrites_table_over(n MB), sensitive_setting, hours(mon-fri 08:00-18:00, zone), during(2026-01-01 08:00Z, 2026-01-02 08:00Z), client_addr(10.0.0.0/8), application_name(x).")));
	foreach(lc, terms)
	{
		HgTerm	   *term = lfirst(lc);

		switch (term->kind)
		{
			case HG_TERM_UNBOUNDED:
				if ((commands & (B(UPDATE) | B(DELETE) | B(MERGE))) == 0)
					never_matches("Only UPDATE, DELETE and MERGE can be unbounded.");
				break;
			case HG_TERM_SENSITIVE_SETTING:
				if ((commands & B(SET)) == 0)
					never_matches("Only SET touches a setting.");
				break;
			case HG_TERM_TOUCHES_CLASS:
			case HG_TERM_HOLDS_CLASS:
				if (!hg_class_pattern_known(term->text))
					ereport(ERROR,
							(errcode(HG_ERRCODE_POLICY),
							 errmsg("unknown class \"%s\"", term->text),
							 errhint("%s A group is written group:name.",
									 hg_class_hint(term->text))));
				break;
			case HG_TERM_ROWS_OVER:
				if ((commands & (B(SELECT) | B(INSERT) | B(UPDATE) |
								 B(DELETE) | B(MERGE))) == 0)
					never_matches("Only queries have an estimate of rows.");
				break;
			case HG_TERM_LOCKS_OVER:
			case HG_TERM_REWRITES_OVER:
				if ((commands & (B(CREATE) | B(ALTER) | B(DROP) |
								 B(TRUNCATE) | B(MAINTAIN) | B(LOCK))) == 0)
					never_matches("Only DDL, TRUNCATE, MAINTAIN and LOCK lock tables against others.");
				break;
			case HG_TERM_APPLICATION_NAME:
				if (strcmp(action, "allow") == 0)
					ereport(ERROR,
							(errcode(HG_ERRCODE_POLICY),
							 errmsg("application_name cannot allow anything"),
							 errhint("The client chooses it. Use client_addr, or a role of its own.")));
				break;
			case HG_TERM_PERSISTENT:
			case HG_TERM_HOURS:
			case HG_TERM_DURING:
			case HG_TERM_CLIENT_ADDR:
				break;
		}
	}
	PG_RETURN_VOID();
}

/*
 * _label_role(role oid, label text): what SECURITY LABEL ON ROLE does, without
 * asking for CREATEROLE.
 */
Datum
hoopguard__label_role(PG_FUNCTION_ARGS)
{
	ObjectAddress object;
	char	   *label = NULL;

	if (PG_ARGISNULL(0))
		PG_RETURN_VOID();
	hg_label_check_admin("label");
	if (!PG_ARGISNULL(1))
		label = text_to_cstring(PG_GETARG_TEXT_PP(1));
	ObjectAddressSet(object, AuthIdRelationId, PG_GETARG_OID(0));
	SetSecurityLabel(&object, "hoopguard", label);
	PG_RETURN_VOID();
}

/* _role_covers(mapped oid, role oid): would a mapping of one hold the other? */
Datum
hoopguard__role_covers(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(hg_subject_covers(PG_GETARG_OID(0), PG_GETARG_OID(1)));
}
