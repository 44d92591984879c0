/*-------------------------------------------------------------------------
 *
 * utility_locks.c
 *	  Which lock ALTER TABLE takes, and whether it reads or rewrites all rows.
 *
 * The lock is the server's own answer (AlterTableGetLockLevel).  Whether rows
 * are read or written anew follows tablecmds.c, subcommand by subcommand, and
 * where that depends on what only the command itself finds out, the dearer
 * answer is given: a CHECK that makes SET NOT NULL cheap is not looked for.
 *
 * Only for governed sessions, since a default has to be analysed to see
 * whether it is volatile.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "commands/tablecmds.h"
#include "inspect/utility_object.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_type.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* Does a default give each row a value of its own? */
static bool
is_volatile(Node *raw)
{
	ParseState *pstate = make_parsestate(NULL);
	Node	   *expr = transformExpr(pstate, copyObject(raw),
									 EXPR_KIND_COLUMN_DEFAULT);
	bool		result = contain_volatile_functions(expr);

	free_parsestate(pstate);
	return result;
}

/* smallserial, serial4 ...: a type that is short for a sequence. */
static bool
is_serial(TypeName *name)
{
	static const char *const serials[] = {
		"smallserial", "serial2", "serial", "serial4", "bigserial", "serial8"
	};

	if (list_length(name->names) != 1 || name->pct_type)
		return false;
	for (int i = 0; i < lengthof(serials); i++)
		if (strcmp(strVal(linitial(name->names)), serials[i]) == 0)
			return true;
	return false;
}

static Oid
find_type(TypeName *name, int32 *typmod)
{
	Type		type = LookupTypeName(NULL, name, typmod, true);
	Oid			result;

	if (type == NULL)
		return InvalidOid;
	result = typeTypeId(type);
	ReleaseSysCache(type);
	return result;
}

static int
work_of_constraint(Constraint *constraint)
{
	switch (constraint->contype)
	{
		case CONSTR_PRIMARY:
		case CONSTR_UNIQUE:
		case CONSTR_EXCLUSION:
			return constraint->indexname != NULL ? HG_WORK_NONE : HG_WORK_SCAN;
		case CONSTR_CHECK:
		case CONSTR_FOREIGN:
			return constraint->skip_validation ? HG_WORK_NONE : HG_WORK_SCAN;
		case CONSTR_NOTNULL:
			return HG_WORK_SCAN;
		default:
			return HG_WORK_NONE;
	}
}

/* ADD COLUMN is free unless each row needs a value of its own. */
static int
work_of_new_column(ColumnDef *column)
{
	int			work = HG_WORK_NONE;
	int32		typmod;
	Oid			type;
	ListCell   *lc;

	if (column->typeName == NULL)
		return work;
	if (is_serial(column->typeName))
		return HG_WORK_REWRITE;
	foreach(lc, column->constraints)
	{
		Constraint *constraint = lfirst_node(Constraint, lc);

		switch (constraint->contype)
		{
			case CONSTR_IDENTITY:
				return HG_WORK_REWRITE;
			case CONSTR_GENERATED:
#if PG_VERSION_NUM >= 180000
				if (constraint->generated_kind == ATTRIBUTE_GENERATED_VIRTUAL)
					break;
#endif
				return HG_WORK_REWRITE;
			case CONSTR_DEFAULT:
				if (constraint->raw_expr != NULL &&
					is_volatile(constraint->raw_expr))
					return HG_WORK_REWRITE;
				break;
			case CONSTR_NOTNULL:
				break;			/* the default, or none, is known */
			default:
				work |= work_of_constraint(constraint);
				break;
		}
	}
	if (column->raw_default != NULL && is_volatile(column->raw_default))
		return HG_WORK_REWRITE;
	type = find_type(column->typeName, &typmod);
	if (OidIsValid(type) && get_typtype(type) == TYPTYPE_DOMAIN &&
		DomainHasConstraints(type))
		return HG_WORK_REWRITE;
	return work;
}

/* Does a cast from the column's old type leave what is stored as it is? */
static bool
keeps_stored_values(Node *expr)
{
	for (;;)
	{
		check_stack_depth();
		if (expr == NULL || IsA(expr, Var))
			return true;
		if (IsA(expr, RelabelType))
			expr = (Node *) ((RelabelType *) expr)->arg;
		else if (IsA(expr, CoerceToDomain))
		{
			if (DomainHasConstraints(((CoerceToDomain *) expr)->resulttype))
				return false;
			expr = (Node *) ((CoerceToDomain *) expr)->arg;
		}
		else
			return false;
	}
}

static int
work_of_new_type(Oid relid, const char *name, ColumnDef *column)
{
	AttrNumber	attnum;
	Oid			old_type;
	int32		old_typmod;
	Oid			old_collation;
	Oid			type;
	int32		typmod;
	Node	   *expr;

	if (!OidIsValid(relid) || column->typeName == NULL)
		return HG_WORK_REWRITE;
	attnum = get_attnum(relid, name);
	type = find_type(column->typeName, &typmod);
	if (attnum <= 0 || !OidIsValid(type))
		return HG_WORK_NONE;	/* the command will fail */
	if (column->raw_default != NULL)
		return HG_WORK_REWRITE; /* USING */

	get_atttypetypmodcoll(relid, attnum, &old_type, &old_typmod,
						  &old_collation);
	expr = (Node *) makeVar(1, attnum, old_type, old_typmod, old_collation, 0);
	expr = coerce_to_target_type(NULL, expr, old_type, type, typmod,
								 COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST,
								 -1);
	if (expr == NULL)
		return HG_WORK_NONE;
	expr = (Node *) expression_planner((Expr *) expr);
	return keeps_stored_values(expr) ? HG_WORK_NONE : HG_WORK_REWRITE;
}

/* What a foreign key refers to is locked and gets triggers, too. */
static void
lock_referenced(HgUtility *state, Constraint *constraint)
{
	if (constraint->contype == CONSTR_FOREIGN && constraint->pktable != NULL)
		hg_act_lock(hg_act_on_relation(state, HG_CMD_ALTER,
									   constraint->pktable),
					ShareRowExclusiveLock, HG_WORK_NONE);
}

static void
lock_referenced_by_column(HgUtility *state, ColumnDef *column)
{
	ListCell   *lc;

	foreach(lc, column->constraints)
		lock_referenced(state, lfirst_node(Constraint, lc));
}

void
hg_alter_table_locks(HgUtility *state, HgAct *act, AlterTableStmt *stmt)
{
	int			work = HG_WORK_NONE;
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (state->policy == NULL)
			break;
		switch (cmd->subtype)
		{
			case AT_AddColumn:
				work |= work_of_new_column(castNode(ColumnDef, cmd->def));
				lock_referenced_by_column(state,
										  castNode(ColumnDef, cmd->def));
				break;
			case AT_AddConstraint:
				work |= work_of_constraint(castNode(Constraint, cmd->def));
				lock_referenced(state, castNode(Constraint, cmd->def));
				break;
			case AT_AlterColumnType:
				work |= work_of_new_type(act->objid, cmd->name,
										 castNode(ColumnDef, cmd->def));
				break;
			case AT_SetNotNull:
			case AT_ValidateConstraint:
				work |= HG_WORK_SCAN;
				break;
			case AT_SetLogged:
			case AT_SetUnLogged:
			case AT_SetTableSpace:
			case AT_SetAccessMethod:
#if PG_VERSION_NUM >= 170000
			case AT_SetExpression:
#endif
				work |= HG_WORK_REWRITE;
				break;
			default:
				break;
		}
	}
	hg_act_lock(act, AlterTableGetLockLevel(stmt->cmds), work);
}

void
hg_create_table_locks(HgUtility *state, CreateStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->tableElts)
	{
		Node	   *element = (Node *) lfirst(lc);

		if (IsA(element, ColumnDef))
			lock_referenced_by_column(state, (ColumnDef *) element);
		else if (IsA(element, Constraint))
			lock_referenced(state, (Constraint *) element);
	}
}
