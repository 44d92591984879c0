/*-------------------------------------------------------------------------
 *
 * method_expression.c
 *	  Method expression: the administrator's SQL over the column, which it
 *	  calls "value".
 *
 * The text is kept, not a tree, so that a rule survives a dump.  It is
 * analysed with the search path pg_catalog, and may call nothing but
 * immutable functions in C: who can make one of those is a superuser, so that
 * whatever a name means one day, it means no code of an agent.  Stable
 * functions are out because their results move with settings: who can change
 * TimeZone at will could find out what a mask made from it hides.
 *
 * An error while it runs could tell the value, so the value becomes NULL.
 * That is done without a subtransaction; see hg_expression_is_plain() for why
 * nothing is left behind.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/report.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "mask/method.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#define VALUE_NAME "value"

/* What may be looked up without a schema; pg_temp last, or it comes first. */
#define SEARCH_PATH "pg_catalog, pg_temp"

typedef struct ExpressionState
{
	ExprState  *expression;
	ExprContext *econtext;
} ExpressionState;

/* The type that "value" has. */
typedef struct ValueType
{
	Oid			type;
	int32		typmod;
} ValueType;

/* ---------- analysis ---------- */

/* The one expression that the text consists of, or NULL. */
static Node *
parse_text(const char *sql)
{
	List	   *statements = raw_parser(psprintf("SELECT %s", sql),
										RAW_PARSE_DEFAULT);
	SelectStmt *select;
	ResTarget  *target;

	if (list_length(statements) != 1)
		return NULL;
	select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;
	if (!IsA(select, SelectStmt) || select->op != SETOP_NONE ||
		list_length(select->targetList) != 1 ||
		select->distinctClause != NIL || select->intoClause != NULL ||
		select->fromClause != NIL || select->whereClause != NULL ||
		select->groupClause != NIL || select->havingClause != NULL ||
		select->windowClause != NIL || select->valuesLists != NIL ||
		select->sortClause != NIL || select->limitOffset != NULL ||
		select->limitCount != NULL || select->lockingClause != NIL ||
		select->withClause != NULL)
		return NULL;
	target = linitial_node(ResTarget, select->targetList);
	return target->name != NULL || target->indirection != NIL ? NULL :
		target->val;
}

/* "value" stands for the column, as VALUE does in the check of a domain. */
static Node *
find_value(ParseState *pstate, ColumnRef *cref)
{
	const ValueType *value = (ValueType *) pstate->p_ref_hook_state;
	CoerceToDomainValue *node;

	if (list_length(cref->fields) != 1 ||
		!IsA(linitial(cref->fields), String) ||
		strcmp(strVal(linitial(cref->fields)), VALUE_NAME) != 0)
		return NULL;
	node = makeNode(CoerceToDomainValue);
	node->typeId = value->type;
	node->typeMod = value->typmod;
	node->collation = get_typcollation(value->type);
	node->location = cref->location;
	return (Node *) node;
}

static void
check_plain(Node *expression)
{
	if (!hg_expression_is_plain(expression, true))
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("mask expression calls a function that it may not call"),
				 errhint("Functions in a mask expression must be immutable, parallel safe, and written in C.")));
}

/*
 * The expression of a text for a column of that type, ready to run.  ERROR if
 * it cannot be had, in the server's words.
 */
static Expr *
analyse(const char *sql, Oid type, int32 typmod)
{
	Node	   *raw = parse_text(sql);
	ValueType	value;
	ParseState *pstate;
	Node	   *expression;
	Node	   *coerced;
	Oid			from;
	int			level;

	if (raw == NULL)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("mask expression is not one expression"),
				 errhint("For example: left(value, 2) || '...'.")));
	level = NewGUCNestLevel();
	(void) set_config_option("search_path", SEARCH_PATH, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);

	value.type = type;
	value.typmod = typmod;
	pstate = make_parsestate(NULL);
	pstate->p_pre_columnref_hook = find_value;
	pstate->p_ref_hook_state = &value;
	expression = transformExpr(pstate, raw, EXPR_KIND_GENERATED_COLUMN);
	from = exprType(expression);
	coerced = coerce_to_target_type(pstate, expression, from, type, typmod,
									COERCION_EXPLICIT, COERCE_EXPLICIT_CAST,
									-1);
	if (coerced == NULL)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("mask expression of type %s cannot be cast to the column's type %s",
						format_type_be(from), format_type_be(type)),
				 errhint("Cast it to a type in between.")));
	assign_expr_collations(pstate, coerced);
	free_parsestate(pstate);

	/* names are resolved */
	AtEOXact_GUC(false, level);

	/*
	 * Before anything is inlined: the body of a function in SQL may be
	 * harmless and its author not.
	 */
	check_plain(coerced);
	/* arguments by name and by default have yet to get their place */
	coerced = (Node *) expression_planner((Expr *) coerced);
	check_plain(coerced);
	return (Expr *) coerced;
}

/* ---------- running ---------- */

/*
 * Errors of the data make the value NULL.  Others end the statement: those
 * that the value has no part in as they are, the rest without their text.
 */
static void
handle_error(MemoryContext context)
{
	MemoryContextSwitchTo(context);
	if (hg_error_is_harmless())
	{
		FlushErrorState();
		return;
	}
	switch (ERRCODE_TO_CATEGORY(geterrcode()))
	{
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
			PG_RE_THROW();
		default:
			break;
	}
	FlushErrorState();
	ereport(ERROR,
			(errcode(HG_ERRCODE_MASKED),
			 errmsg("mask expression failed"),
			 errhint("Ask the administrator to change the mask.")));
}

static bool
mask_expression(HgMasker *masker, Datum value, Datum *result)
{
	ExpressionState *state = (ExpressionState *) masker->state;
	ExprContext *econtext = state->econtext;
	MemoryContext context = CurrentMemoryContext;
	volatile bool null = true;
	volatile Datum mask = (Datum) 0;

	ResetExprContext(econtext);
	econtext->domainValue_datum = value;
	econtext->domainValue_isNull = false;
	PG_TRY();
	{
		bool		is_null;

		mask = ExecEvalExprSwitchContext(state->expression, econtext,
										 &is_null);
		null = is_null;
	}
	PG_CATCH();
	{
		handle_error(context);
		null = true;
	}
	PG_END_TRY();
	if (!null)
		*result = datumCopy(mask, masker->typbyval, masker->typlen);
	return !null;
}

/*
 * The type of the column may have changed since the rule was made; then the
 * statement fails, which tells no value.
 */
void
hg_setup_expression(HgMasker *masker)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *sql = hg_args_text(masker->args, "sql");
	ExpressionState *state = palloc0(sizeof(ExpressionState));
	Expr	   *volatile expression = NULL;

	if (sql == NULL)
		return;
	PG_TRY();
	{
		expression = analyse(sql, masker->type, masker->typmod);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		switch (ERRCODE_TO_CATEGORY(geterrcode()))
		{
			case ERRCODE_INSUFFICIENT_RESOURCES:
			case ERRCODE_OPERATOR_INTERVENTION:
				PG_RE_THROW();
			default:
				break;
		}
		FlushErrorState();
		ereport(ERROR,
				(errcode(HG_ERRCODE_MASKED),
				 errmsg("mask expression does not fit type %s",
						format_type_be(masker->type)),
				 errhint("Ask the administrator to change the mask.")));
	}
	PG_END_TRY();
	state->expression = ExecInitExpr(expression, NULL);
	state->econtext = CreateStandaloneExprContext();
	masker->state = state;
	masker->mask = mask_expression;
}

void
hg_check_expression(const HgMethod *method, Jsonb *args, Oid type,
					int32 typmod)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *sql = hg_args_text(args, "sql");

	if (sql == NULL)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("mask method \"expression\" needs the argument \"sql\""),
				 errhint("For example: {\"sql\": \"left(value, 2) || '...'\"}.")));
	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("mask method \"expression\" needs a column, not a class"),
				 errhint("Columns of a class can have different types: say relation => ..., column_name => ... .")));
	type = getBaseTypeAndTypmod(type, &typmod);
	PG_TRY();
	{
		(void) analyse(sql, type, typmod);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		if (geterrcode() == HG_ERRCODE_POLICY)
			PG_RE_THROW();
		error = CopyErrorData();
		FlushErrorState();
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("invalid mask expression for a column of type %s",
						format_type_with_typemod(type, typmod)),
				 errdetail_internal("%s.", error->message),
				 errhint("The column is called \"value\"; other names need their schema, but for pg_catalog.")));
	}
	PG_END_TRY();
}
