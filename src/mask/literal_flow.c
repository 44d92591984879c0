/*-------------------------------------------------------------------------
 *
 * literal_flow.c
 *	  Which columns the literals of a statement meet.
 *
 * Whatever stands in one expression is taken to meet: the operands of a
 * comparison, the parts of a concatenation, a column of VALUES and what it is
 * joined with, what is written and the column it is written to.  Meeting is
 * transitive, also through outputs of subqueries, CTEs, set operations and
 * joins, so that a column compared with a classified one counts as that in
 * this statement.  AND, OR and NOT part expressions.  So more literals count
 * as being of a class than are, and none less.
 *
 * Where values come from that are not known, from functions that are not on
 * the list below or operators that are not built in, everything they meet is
 * withheld; so are all arguments of such functions, which may be passwords.
 * The same goes for each kind of node that is not known here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/transam.h"
#include "base/catalog.h"
#include "catalog/catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "mask/literal.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "policy/classify.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/*
 * Functions of pg_catalog whose arguments may be recorded and whose result is
 * made of them: text, numbers, dates, arrays.  Sorted.
 */
static const char *const plain_functions[] = {
	"abs", "age", "any_value", "array_agg", "array_append", "array_cat",
	"array_length", "array_lower", "array_ndims", "array_position",
	"array_positions", "array_prepend", "array_remove", "array_replace",
	"array_to_string", "array_upper", "avg", "bit_length", "bool_and",
	"bool_or", "btrim", "cardinality", "ceil", "ceiling", "char_length",
	"character_length", "clock_timestamp", "concat", "concat_ws",
	"cume_dist", "date", "date_bin", "date_part", "date_trunc",
	"dense_rank", "div", "every", "exp", "extract", "first_value", "float4",
	"float8", "floor", "format", "gcd", "gen_random_uuid",
	"generate_series", "greatest", "initcap", "int2", "int4", "int8",
	"isfinite", "lag", "last_value", "lcm", "lead", "left", "length",
	"like_escape", "ln", "log", "log10", "lower", "lpad", "ltrim",
	"make_date", "make_interval", "make_time", "make_timestamp",
	"make_timestamptz", "max", "min", "mod", "now", "nth_value", "ntile",
	"numeric", "octet_length", "overlaps", "overlay", "percent_rank",
	"percentile_cont", "percentile_disc", "pi", "position", "power",
	"random", "rank", "regexp_count", "regexp_instr", "regexp_like",
	"regexp_match", "regexp_matches", "regexp_replace",
	"regexp_split_to_array", "regexp_split_to_table", "regexp_substr",
	"repeat", "replace", "reverse", "round", "row_number", "rpad", "rtrim",
	"scale", "sign", "similar_escape", "similar_to_escape", "split_part",
	"sqrt", "starts_with", "statement_timestamp", "stddev", "stddev_pop",
	"stddev_samp", "string_agg", "string_to_array", "string_to_table",
	"strpos", "substr", "substring", "sum", "text", "timezone", "to_char",
	"to_date", "to_number", "to_timestamp", "transaction_timestamp",
	"translate", "trim_array", "trunc", "unnest", "upper", "var_pop",
	"var_samp", "variance", "width_bucket"
};

/* Those of them that put texts together.  Sorted. */
static const char *const joining_functions[] = {
	"array_agg", "array_append", "array_cat", "array_prepend",
	"array_replace", "array_to_string", "concat", "concat_ws", "format",
	"lpad", "overlay", "regexp_replace", "repeat", "replace", "rpad", "string_agg",
	"translate"
};

/* Catalogs that hold secrets, or values of other tables. */
static const char *const secret_catalogs[] = {
	"pg_authid", "pg_foreign_server", "pg_largeobject", "pg_statistic",
	"pg_statistic_ext_data", "pg_subscription", "pg_user_mapping"
};

/* What a point is a point for. */
typedef enum PointKind
{
	COLUMN,						/* number: attnum of relid, 0 a row */
	OUTPUT,						/* of where, a Query */
	ENTRY,						/* of where, a range table entry */
	CONSTANT,					/* number: location */
	PARAMETER					/* number: its id */
} PointKind;

typedef struct PointKey
{
	void	   *where;
	Oid			relid;
	int			kind;
	int			number;
	int			unused;
} PointKey;

typedef struct PointEntry
{
	PointKey	key;
	int			point;
} PointEntry;

/*
 * A set of what meets, by union and find: those with parent < 0 speak for
 * all that lead to them.
 */
typedef struct Point
{
	int			parent;
	const char *class_name;		/* a classified column is in it */
	const char *key_class;		/* a key of JSON says so */
	const char *alias_class;	/* the name of an output says so */
	bool		unknown;		/* values that are not known are in it */
	bool		joins;			/* texts are put together in it */
	bool		plain;			/* LIMIT, OFFSET */
	Oid			relid;			/* an unclassified column of it, or 0 */
	AttrNumber	attnum;
} Point;

/*
 * A value and the JSON it is taken from: they meet, but the key says nothing
 * about the other values there.  A key that led to the JSON says it about all
 * that is below.
 */
typedef struct Link
{
	int			value;
	int			json;
} Link;

/* A query level. */
typedef struct Level
{
	struct Level *parent;
	Query	   *query;
} Level;

typedef struct Found
{
	HgLiteral	literal;
	int			point;
	int			near;			/* point of the expression it stands in */
	bool		hidden;			/* argument of an unknown function */
} Found;

typedef struct Flow
{
	Level	   *level;
	HTAB	   *points_by_key;
	Point	   *points;
	int			npoints;
	int			points_room;
	Found	   *found;
	int			nfound;
	int			found_room;
	Link	   *links;
	int			nlinks;
	int			links_room;
	bool		hidden;			/* inside of an unknown function */
	bool		touches;		/* uses a column that is classified */
	ParamListInfo params;
} Flow;

static void flow_expr(Flow *flow, Node *node, int at);
static void flow_query(Flow *flow, Query *query);

/* ---- points ------------------------------------------------------------ */

static int
new_point(Flow *flow)
{
	if (flow->npoints == flow->points_room)
	{
		flow->points_room = Max(64, 2 * flow->points_room);
		flow->points = flow->points == NULL ?
			palloc(flow->points_room * sizeof(Point)) :
			repalloc_huge(flow->points, flow->points_room * sizeof(Point));
	}
	memset(&flow->points[flow->npoints], 0, sizeof(Point));
	flow->points[flow->npoints].parent = -1;
	return flow->npoints++;
}

static int
find_root(Flow *flow, int point)
{
	int			root = point;

	while (flow->points[root].parent >= 0)
		root = flow->points[root].parent;
	while (flow->points[point].parent >= 0)
	{
		int			next = flow->points[point].parent;

		flow->points[point].parent = root;
		point = next;
	}
	return root;
}

static Point *
root_of(Flow *flow, int point)
{
	return &flow->points[find_root(flow, point)];
}

/* Two points meet. */
static void
meet(Flow *flow, int a, int b)
{
	int			into = find_root(flow, a);
	int			from = find_root(flow, b);
	Point	   *p = &flow->points[into];
	Point	   *q = &flow->points[from];

	if (into == from)
		return;
	q->parent = into;
	if (p->class_name == NULL)
		p->class_name = q->class_name;
	if (p->key_class == NULL)
		p->key_class = q->key_class;
	if (p->alias_class == NULL)
		p->alias_class = q->alias_class;
	p->unknown |= q->unknown;
	p->joins |= q->joins;
	p->plain |= q->plain;
	if (!OidIsValid(p->relid))
	{
		p->relid = q->relid;
		p->attnum = q->attnum;
	}
}

/* The point with a name; *made: it is new. */
static int
named_point(Flow *flow, PointKind kind, void *where, Oid relid, int number,
			bool *made)
{
	PointKey	key;
	PointEntry *entry;
	bool		found;

	memset(&key, 0, sizeof(key));
	key.where = where;
	key.relid = relid;
	key.kind = kind;
	key.number = number;
	entry = hash_search(flow->points_by_key, &key, HASH_ENTER, &found);
	if (!found)
		entry->point = new_point(flow);
	if (made != NULL)
		*made = !found;
	return entry->point;
}

static bool
is_listed(const char *name, const char *const *list, int n)
{
	int			low = 0;
	int			high = n;

	while (name != NULL && low < high)
	{
		int			middle = (low + high) / 2;
		int			order = strcmp(name, list[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* What holds values that no class tells of. */
static bool
is_secret_relation(Oid relid)
{
	char		relkind = get_rel_relkind(relid);
	Oid			schema = get_rel_namespace(relid);

	/* a view that is written to here is so by a trigger */
	if (relkind == RELKIND_VIEW || relkind == RELKIND_TOASTVALUE ||
		relkind == '\0' || schema == hg_catalog_schema())
		return true;
	return IsCatalogNamespace(schema) &&
		is_listed(get_rel_name(relid), secret_catalogs,
				  lengthof(secret_catalogs));
}

/* What is found out about a column and what it is made of. */
typedef struct Told
{
	const char *class_name;		/* palloc'd, or static */
	bool		unknown;		/* a relation could not be looked at */
	List	   *rows;			/* whose fields were looked at: relations */
	List	   *targets;		/* of foreign keys, looked at: Target */
} Told;

/* A column that a foreign key references. */
typedef struct Target
{
	Oid			relid;
	AttrNumber	attnum;
} Target;

/*
 * A lock to look at a relation with, which the statement may not use at all:
 * so it must not wait for it.  To be given back by UnlockRelationOid().
 */
static bool
lock_at_once(Oid relid)
{
	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return false;
	if (get_rel_relkind(relid) != '\0')
		return true;
	UnlockRelationOid(relid, AccessShareLock);
	return false;
}

static void tell_row(Told *told, Oid relid);

/* Below arrays, domains and ranges. */
static Oid
innermost_type(Oid type)
{
	for (;;)
	{
		Oid			inner;

		type = getBaseType(type);
		inner = get_element_type(type);
		if (!OidIsValid(inner))
			inner = get_multirange_range(type);
		if (!OidIsValid(inner))
			inner = get_range_subtype(type);
		if (!OidIsValid(inner))
			return type;
		type = inner;
	}
}

/*
 * The class of the fields that a row type has, or that of its elements: of a
 * composite type by their names, of a table as its columns.
 */
static void
tell_type(Told *told, Oid type)
{
	Oid			relid = get_typ_typrelid(innermost_type(type));

	if (!OidIsValid(relid) || list_member_oid(told->rows, relid))
		return;
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	told->rows = lappend_oid(told->rows, relid);
	if (get_rel_relkind(relid) != RELKIND_COMPOSITE_TYPE)
	{
		tell_row(told, relid);
		return;
	}
	for (AttrNumber i = 1; told->class_name == NULL; i++)
	{
		char	   *name = get_attname(relid, i, true);
		Oid			field = get_atttype(relid, i);

		if (name == NULL)
			break;
		/* one that was dropped keeps its number, but has no type */
		if (!OidIsValid(field))
			continue;
		told->class_name = hg_classify_name("", name, NULL);
		if (told->class_name == NULL)
			tell_type(told, field);
	}
}

/* Keys may lead in circles. */
static bool
was_target(const Told *told, const Target *target)
{
	ListCell   *lc;

	foreach(lc, told->targets)
	{
		const Target *other = lfirst(lc);

		if (other->relid == target->relid && other->attnum == target->attnum)
			return true;
	}
	return false;
}

/*
 * The class of the columns that foreign keys of this one name, and those of
 * them in turn: the values are the same.  The caller has locked the relation.
 */
static void
tell_referenced(Told *told, Oid relid, AttrNumber attnum)
{
	Relation	rel = table_open(relid, NoLock);
	List	   *targets = NIL;
	ListCell   *lc;

	check_stack_depth();
	/* asking for a class may throw away the list of keys */
	foreach(lc, RelationGetFKeyList(rel))
	{
		ForeignKeyCacheInfo *key = lfirst(lc);

		for (int i = 0; i < key->nkeys; i++)
			if (key->conkey[i] == attnum)
			{
				Target	   *target = palloc(sizeof(Target));

				target->relid = key->confrelid;
				target->attnum = key->confkey[i];
				targets = lappend(targets, target);
			}
	}
	table_close(rel, NoLock);
	foreach(lc, targets)
	{
		Target	   *target = lfirst(lc);
		HgClassSource source;
		const char *class_name;

		if (told->class_name != NULL)
			break;
		if (was_target(told, target))
			continue;
		told->targets = lappend(told->targets, target);
		if (!lock_at_once(target->relid))
		{
			told->unknown = true;
			continue;
		}
		class_name = hg_classify_column(target->relid, target->attnum,
										&source);
		if (class_name != NULL)
			told->class_name = pstrdup(class_name);
		else
			tell_referenced(told, target->relid, target->attnum);
		UnlockRelationOid(target->relid, AccessShareLock);
	}
}

/* The class of a column; of one without, that of what it is made of. */
static void
tell_column(Told *told, Oid relid, AttrNumber attnum)
{
	HgClassSource source;
	const char *class_name;

	if (is_secret_relation(relid) || !lock_at_once(relid))
	{
		told->unknown = true;
		return;
	}
	class_name = hg_classify_column(relid, attnum, &source);
	if (class_name != NULL)
		told->class_name = pstrdup(class_name);
	else
		tell_type(told, get_atttype(relid, attnum));
	if (told->class_name == NULL)
		tell_referenced(told, relid, attnum);
	UnlockRelationOid(relid, AccessShareLock);
}

/* The class of a row is the first that one of its columns has. */
static void
tell_row(Told *told, Oid relid)
{
	if (is_secret_relation(relid) || !lock_at_once(relid))
	{
		told->unknown = true;
		return;
	}
	for (AttrNumber i = 1; told->class_name == NULL; i++)
	{
		if (get_attname(relid, i, true) == NULL)
			break;
		if (OidIsValid(get_atttype(relid, i)))
			tell_column(told, relid, i);
	}
	UnlockRelationOid(relid, AccessShareLock);
}

/* A column of a relation; 0: its row. */
static int
column_point(Flow *flow, Oid relid, AttrNumber attnum)
{
	bool		made;
	int			point = named_point(flow, COLUMN, NULL, relid, attnum, &made);
	Told		told = {0};

	if (!made)
		return point;
	if (attnum > 0)
		tell_column(&told, relid, attnum);
	else if (attnum == 0)
		tell_row(&told, relid);
	else
		told.unknown = is_secret_relation(relid);
	if (told.class_name != NULL)
	{
		flow->points[point].class_name = told.class_name;
		flow->touches = true;
	}
	if (told.unknown)
		flow->points[point].unknown = flow->touches = true;
	flow->points[point].relid = relid;
	flow->points[point].attnum = attnum;
	return point;
}

/* What the name says under which values are put out. */
static void
note_alias(Flow *flow, int point, const char *name)
{
	const char *class_name;

	if (name == NULL || name[0] == '\0')
		return;
	class_name = hg_classify_name("", name, NULL);
	if (class_name != NULL)
		root_of(flow, point)->alias_class = class_name;
}

/* ---- columns of the range table ---------------------------------------- */

static CommonTableExpr *
find_cte(Level *level, RangeTblEntry *rte)
{
	ListCell   *lc;

	for (Index up = rte->ctelevelsup; up > 0 && level != NULL; up--)
		level = level->parent;
	if (level == NULL)
		return NULL;
	foreach(lc, level->query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (strcmp(cte->ctename, rte->ctename) == 0)
			return cte;
	}
	return NULL;
}

/* A column of a query's output, or all of them. */
static void
meet_outputs(Flow *flow, Query *query, int number, int at)
{
	List	   *tlist = query->commandType == CMD_SELECT ?
		query->targetList : query->returningList;
	ListCell   *lc;

	if (number != 0)
	{
		meet(flow, at, named_point(flow, OUTPUT, query, InvalidOid, number,
								   NULL));
		return;
	}
	foreach(lc, tlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk)
			meet(flow, at, named_point(flow, OUTPUT, query, InvalidOid,
									   tle->resno, NULL));
	}
}

static void
meet_entry(Flow *flow, RangeTblEntry *rte, int number, int columns, int at)
{
	if (number != 0)
	{
		meet(flow, at, named_point(flow, ENTRY, rte, InvalidOid, number,
								   NULL));
		return;
	}
	for (int i = 1; i <= columns; i++)
		meet(flow, at, named_point(flow, ENTRY, rte, InvalidOid, i, NULL));
}

static void
flow_var(Flow *flow, Var *var, int at)
{
	Level	   *level = flow->level;
	RangeTblEntry *rte;
	CommonTableExpr *cte;

	for (Index up = var->varlevelsup; up > 0 && level != NULL; up--)
		level = level->parent;
	if (level == NULL || var->varno < 1 ||
		var->varno > list_length(level->query->rtable))
	{
		root_of(flow, at)->unknown = true;
		return;
	}
	rte = rt_fetch(var->varno, level->query->rtable);
	if (rte->rtekind != RTE_RELATION && var->varattno < 0)
	{
		root_of(flow, at)->unknown = true;
		return;
	}
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			meet(flow, at, column_point(flow, rte->relid, var->varattno));
			break;
		case RTE_SUBQUERY:
			meet_outputs(flow, rte->subquery, var->varattno, at);
			break;
		case RTE_CTE:
			cte = find_cte(level, rte);
			if (cte != NULL && IsA(cte->ctequery, Query))
				meet_outputs(flow, (Query *) cte->ctequery, var->varattno,
							 at);
			else
				root_of(flow, at)->unknown = true;
			break;
		case RTE_JOIN:
			meet_entry(flow, rte, var->varattno,
					   list_length(rte->joinaliasvars), at);
			break;
		case RTE_VALUES:
			meet_entry(flow, rte, var->varattno,
					   list_length(rte->eref->colnames), at);
			break;
		case RTE_FUNCTION:
			/* its columns are not told apart */
			meet_entry(flow, rte, 1, 1, at);
			break;
#if PG_VERSION_NUM >= 180000
		case RTE_GROUP:
			meet_entry(flow, rte, var->varattno,
					   list_length(rte->groupexprs), at);
			break;
#endif
		default:
			root_of(flow, at)->unknown = true;
			break;
	}
}

/* ---- literals ---------------------------------------------------------- */

static void
add_found(Flow *flow, Const *constant, Param *param, int at)
{
	Found	   *one;
	bool		made;
	int			point;

	if (constant != NULL)
		point = named_point(flow, CONSTANT, NULL, InvalidOid,
							constant->location, &made);
	else
		point = named_point(flow, PARAMETER, NULL, InvalidOid, param->paramid,
							&made);
	meet(flow, at, point);
	if (!made)
	{
		/* once more, where rules and BETWEEN SYMMETRIC repeat it */
		for (int i = 0; flow->hidden && i < flow->nfound; i++)
			if (flow->found[i].point == point)
				flow->found[i].hidden = true;
		return;
	}
	if (flow->nfound == flow->found_room)
	{
		flow->found_room = Max(16, 2 * flow->found_room);
		flow->found = flow->found == NULL ?
			palloc(flow->found_room * sizeof(Found)) :
			repalloc_huge(flow->found, flow->found_room * sizeof(Found));
	}
	one = &flow->found[flow->nfound++];
	memset(one, 0, sizeof(Found));
	one->literal.constant = constant;
	if (constant != NULL)
	{
		one->literal.location = constant->location;
		one->literal.type = constant->consttype;
	}
	else
	{
		one->literal.paramid = param->paramid;
		one->literal.location = -1;
		one->literal.type = param->paramtype;
	}
	one->point = point;
	one->near = at;
	one->hidden = flow->hidden;
}

/* ---- JSON -------------------------------------------------------------- */

static bool
is_json(Oid type)
{
	return type == JSONOID || type == JSONBOID;
}

static Node *
strip_relabel(Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

/* Without casts that leave a text as it is. */
static Node *
strip_key(Node *key)
{
	while (key != NULL)
	{
		if (IsA(key, RelabelType))
			key = (Node *) ((RelabelType *) key)->arg;
		else if (IsA(key, CollateExpr))
			key = (Node *) ((CollateExpr *) key)->arg;
		else if (IsA(key, CoerceToDomain))
			key = (Node *) ((CoerceToDomain *) key)->arg;
		else
			break;
	}
	return key;
}

static bool
is_varlena_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID;
}

/*
 * A value under a key of JSON is what the key is called, if that is known.
 */
static void
note_key(Flow *flow, Node *key, int at)
{
	Oid			type;
	Oid			base;
	bool		is_array;
	Datum		value;
	bool		isnull = false;
	Datum	   *keys;
	bool	   *nulls;
	int			n;

	key = strip_key(key);
	if (key == NULL)
		return;
	type = exprType(key);
	base = getBaseType(type);
	/* the number of an element; JSON and paths are looked at as values */
	if (base == INT4OID || base == INT2OID || base == INT8OID ||
		is_json(base) || base == JSONPATHOID)
		return;
	is_array = OidIsValid(get_element_type(base));
	if (!is_varlena_text(is_array ? getBaseType(get_element_type(base)) :
						 base))
	{
		root_of(flow, at)->unknown = true;
		return;
	}
	if (IsA(key, Const))
	{
		value = ((Const *) key)->constvalue;
		isnull = ((Const *) key)->constisnull;
	}
	else if (IsA(key, Param) && ((Param *) key)->paramkind == PARAM_EXTERN &&
			 flow->params != NULL && flow->params->paramFetch == NULL &&
			 ((Param *) key)->paramid > 0 &&
			 ((Param *) key)->paramid <= flow->params->numParams &&
			 flow->params->params[((Param *) key)->paramid - 1].ptype == type)
	{
		value = flow->params->params[((Param *) key)->paramid - 1].value;
		isnull = flow->params->params[((Param *) key)->paramid - 1].isnull;
	}
	else
	{
		root_of(flow, at)->unknown = true;
		return;
	}
	if (isnull)
		return;
	if (is_array)
	{
		ArrayType  *array = DatumGetArrayTypeP(value);

		deconstruct_array(array, ARR_ELEMTYPE(array), -1, false,
						  TYPALIGN_INT, &keys, &nulls, &n);
	}
	else
	{
		keys = &value;
		nulls = &isnull;
		n = 1;
	}
	for (int i = 0; i < n; i++)
	{
		const char *class_name;

		if (nulls[i])
			continue;
		class_name = hg_classify_name("", TextDatumGetCString(keys[i]), NULL);
		if (class_name != NULL)
		{
			root_of(flow, at)->key_class = class_name;
			flow->touches = true;
		}
	}
}

/* What a value is taken from by a key. */
static void
flow_json(Flow *flow, Node *json, Node *key, int at)
{
	Link	   *link;
	int			from = new_point(flow);

	if (flow->nlinks == flow->links_room)
	{
		flow->links_room = Max(16, 2 * flow->links_room);
		flow->links = flow->links == NULL ?
			palloc(flow->links_room * sizeof(Link)) :
			repalloc_huge(flow->links, flow->links_room * sizeof(Link));
	}
	link = &flow->links[flow->nlinks++];
	link->value = at;
	link->json = from;
	note_key(flow, key, at);
	flow_expr(flow, json, from);
	flow_expr(flow, key, at);
}

/* What one of them meets the other meets, too. */
static void
follow_links(Flow *flow)
{
	bool		more = flow->nlinks > 0;

	while (more)
	{
		more = false;
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < flow->nlinks; i++)
		{
			Point	   *p = root_of(flow, flow->links[i].value);
			Point	   *q = root_of(flow, flow->links[i].json);

			if (p == q)
				continue;
			if ((p->class_name == NULL) != (q->class_name == NULL))
			{
				if (p->class_name == NULL)
					p->class_name = q->class_name;
				else
					q->class_name = p->class_name;
				more = true;
			}
			if (p->key_class == NULL && q->key_class != NULL)
			{
				p->key_class = q->key_class;
				more = true;
			}
			if (p->alias_class == NULL && q->alias_class != NULL)
			{
				p->alias_class = q->alias_class;
				more = true;
			}
			if (p->unknown != q->unknown)
				p->unknown = q->unknown = more = true;
			if (OidIsValid(p->relid) != OidIsValid(q->relid))
			{
				if (!OidIsValid(p->relid))
				{
					p->relid = q->relid;
					p->attnum = q->attnum;
				}
				else
				{
					q->relid = p->relid;
					q->attnum = p->attnum;
				}
				more = true;
			}
		}
	}
}

/* ---- expressions ------------------------------------------------------- */

static int
fresh(Flow *flow, Node *node)
{
	int			at = new_point(flow);

	flow_expr(flow, node, at);
	return at;
}

/* Operands of AND, OR, NOT are expressions of their own. */
static void
flow_condition(Flow *flow, Node *node)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	check_stack_depth();
	if (IsA(node, BoolExpr))
	{
		foreach(lc, ((BoolExpr *) node)->args)
			flow_condition(flow, lfirst(lc));
	}
	else if (IsA(node, List))
	{
		foreach(lc, (List *) node)
			flow_condition(flow, lfirst(lc));
	}
	else
		(void) fresh(flow, node);
}

static bool
hidden_walker(Node *node, void *arg)
{
	(void) fresh((Flow *) arg, node);
	return false;
}

/*
 * Something that is not known: what it gives is not, and its parts may be
 * secrets.
 */
static void
flow_unknown(Flow *flow, Node *node, int at)
{
	bool		hidden = flow->hidden;

	root_of(flow, at)->unknown = true;
	/* a call without arguments has no list of them */
	if (node == NULL)
		return;
	flow->hidden = true;
	if (IsA(node, List))
	{
		ListCell   *lc;

		foreach(lc, (List *) node)
			(void) fresh(flow, lfirst(lc));
	}
	else
		(void) expression_tree_walker(node, hidden_walker, flow);
	flow->hidden = hidden;
}

static bool
is_builtin(Oid function)
{
	return OidIsValid(function) && function < FirstNormalObjectId;
}

/* A call by name, also in SQL's own syntax. */
static void
flow_call(Flow *flow, Oid function, List *args, int at)
{
	char	   *name = NULL;

	if (is_builtin(function) &&
		get_func_namespace(function) == PG_CATALOG_NAMESPACE)
		name = get_func_name(function);
	if (!is_listed(name, plain_functions, lengthof(plain_functions)))
	{
		flow_unknown(flow, (Node *) args, at);
		return;
	}
	if (is_listed(name, joining_functions, lengthof(joining_functions)))
		root_of(flow, at)->joins = true;
	flow_expr(flow, (Node *) args, at);
}

/* An aggregate or a window function; count() gives no value. */
static void
flow_aggregate(Flow *flow, Oid function, List *args, int at)
{
	if (is_builtin(function))
	{
		char	   *name = get_func_name(function);

		if (name != NULL && strcmp(name, "count") == 0)
		{
			(void) fresh(flow, (Node *) args);
			return;
		}
	}
	flow_call(flow, function, args, at);
}

static void
flow_operator(Flow *flow, Oid operator, Oid function, List *args, int at)
{
	Node	   *left = linitial(args);
	Oid			type;

	if (!OidIsValid(function))
		function = get_opcode(operator);
	if (!is_builtin(function))
	{
		flow_unknown(flow, (Node *) args, at);
		return;
	}
	if (list_length(args) == 2)
	{
		char	   *name = get_opname(operator);

		type = exprType(left);
		if (is_json(type) && name != NULL && (name[0] == '-' || name[0] == '#'))
		{
			flow_json(flow, left, lsecond(args), at);
			return;
		}
		if (is_json(type))
			note_key(flow, lsecond(args), at);
		else if (is_json(exprType(lsecond(args))))
			note_key(flow, left, at);
		if (name != NULL && strcmp(name, "||") == 0)
			root_of(flow, at)->joins = true;
	}
	flow_expr(flow, (Node *) args, at);
}

static void
flow_sublink(Flow *flow, SubLink *sublink, int at)
{
	Query	   *query = castNode(Query, sublink->subselect);

	flow_expr(flow, sublink->testexpr, at);
	flow_query(flow, query);
	/* a MULTIEXPR is met by the parameters that name it */
	if (sublink->subLinkType != EXISTS_SUBLINK &&
		sublink->subLinkType != MULTIEXPR_SUBLINK)
		meet_outputs(flow, query, 0, at);
}

/* SET (a, b) = (SELECT ...): the sublink is in the same target list. */
static void
flow_multiexpr(Flow *flow, Param *param, int at)
{
	List	   *tlists = list_make1(flow->level->query->targetList);
	ListCell   *lc;
	ListCell   *lc2;

	if (flow->level->query->onConflict != NULL)
		tlists = lappend(tlists, flow->level->query->onConflict->onConflictSet);
	foreach(lc, flow->level->query->mergeActionList)
		tlists = lappend(tlists, ((MergeAction *) lfirst(lc))->targetList);
	foreach(lc, tlists)
	{
		foreach(lc2, (List *) lfirst(lc))
		{
			TargetEntry *tle = lfirst_node(TargetEntry, lc2);
			SubLink    *sublink = (SubLink *) tle->expr;

			if (sublink != NULL && IsA(sublink, SubLink) &&
				sublink->subLinkType == MULTIEXPR_SUBLINK &&
				sublink->subLinkId == param->paramid >> 16)
				meet_outputs(flow, castNode(Query, sublink->subselect),
							 param->paramid & 0xFFFF, at);
		}
	}
}

static void
flow_case(Flow *flow, CaseExpr *expr, int at)
{
	int			tested = expr->arg != NULL ?
		fresh(flow, (Node *) expr->arg) : -1;
	ListCell   *lc;

	foreach(lc, expr->args)
	{
		CaseWhen   *when = lfirst_node(CaseWhen, lc);

		if (tested >= 0)
			flow_expr(flow, (Node *) when->expr, tested);
		else
			flow_condition(flow, (Node *) when->expr);
		flow_expr(flow, (Node *) when->result, at);
	}
	flow_expr(flow, (Node *) expr->defresult, at);
}

/* A row is what its fields are. */
static void
note_row(Flow *flow, Oid type, int at)
{
	Oid			relid = get_typ_typrelid(getBaseType(type));
	Told		told = {0};

	tell_type(&told, type);
	if (told.class_name != NULL)
	{
		root_of(flow, at)->key_class = told.class_name;
		flow->touches = true;
	}
	else if (told.unknown)
		root_of(flow, at)->unknown = flow->touches = true;
	else if (OidIsValid(relid) &&
			 get_rel_relkind(relid) != RELKIND_COMPOSITE_TYPE)
		meet(flow, at, column_point(flow, relid, 0));
}

/* A field of a row. */
static void
flow_field(Flow *flow, FieldSelect *field, int at)
{
	Node	   *arg = strip_relabel((Node *) field->arg);
	Oid			relid = get_typ_typrelid(getBaseType(exprType(arg)));

	if (OidIsValid(relid))
	{
		char	   *name = get_attname(relid, field->fieldnum, true);

		if (get_rel_relkind(relid) != RELKIND_COMPOSITE_TYPE)
			meet(flow, at, column_point(flow, relid, field->fieldnum));
		else if (name != NULL)
		{
			const char *class_name = hg_classify_name("", name, NULL);

			if (class_name != NULL)
			{
				root_of(flow, at)->key_class = class_name;
				flow->touches = true;
			}
		}
		/* of a table's own row: just that column */
		if (IsA(arg, Var) && ((Var *) arg)->varattno == 0 &&
			((Var *) arg)->varlevelsup == 0 &&
			rt_fetch(((Var *) arg)->varno,
					 flow->level->query->rtable)->rtekind == RTE_RELATION &&
			rt_fetch(((Var *) arg)->varno,
					 flow->level->query->rtable)->relid == relid)
			return;
	}
	flow_expr(flow, (Node *) field->arg, at);
}

static void
flow_subscript(Flow *flow, SubscriptingRef *ref, int at)
{
	ListCell   *lc;

	if (!is_json(ref->refcontainertype))
		flow_expr(flow, (Node *) ref->refexpr, at);
	flow_expr(flow, (Node *) ref->refassgnexpr, at);
	foreach(lc, ref->refupperindexpr)
	{
		if (is_json(ref->refcontainertype))
			flow_json(flow, (Node *) ref->refexpr, lfirst(lc), at);
		else
			(void) fresh(flow, lfirst(lc));
	}
	foreach(lc, ref->reflowerindexpr)
		(void) fresh(flow, lfirst(lc));
	if (ref->refcontainertype >= FirstNormalObjectId &&
		!OidIsValid(get_element_type(getBaseType(ref->refcontainertype))))
		root_of(flow, at)->unknown = true;
}

/* What an expression is made of meets the point. */
static void
flow_expr(Flow *flow, Node *node, int at)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_List:
			foreach(lc, (List *) node)
				flow_expr(flow, lfirst(lc), at);
			break;
		case T_TargetEntry:
			flow_expr(flow, (Node *) ((TargetEntry *) node)->expr, at);
			break;
		case T_Const:
			/* those of views, rules and defaults have no place in the text */
			if (((Const *) node)->location >= 0)
				add_found(flow, (Const *) node, NULL, at);
			break;
		case T_Param:
			{
				Param	   *param = (Param *) node;

				if (param->paramkind == PARAM_EXTERN)
					add_found(flow, NULL, param, at);
				else if (param->paramkind == PARAM_MULTIEXPR)
					flow_multiexpr(flow, param, at);
				else if (param->paramkind != PARAM_SUBLINK)
					root_of(flow, at)->unknown = true;
			}
			break;
		case T_Var:
			flow_var(flow, (Var *) node, at);
			break;
		case T_BoolExpr:
			flow_condition(flow, node);
			break;
		case T_NullTest:
			(void) fresh(flow, (Node *) ((NullTest *) node)->arg);
			break;
		case T_BooleanTest:
			(void) fresh(flow, (Node *) ((BooleanTest *) node)->arg);
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			flow_operator(flow, ((OpExpr *) node)->opno,
						  ((OpExpr *) node)->opfuncid,
						  ((OpExpr *) node)->args, at);
			break;
		case T_ScalarArrayOpExpr:
			flow_operator(flow, ((ScalarArrayOpExpr *) node)->opno,
						  ((ScalarArrayOpExpr *) node)->opfuncid,
						  ((ScalarArrayOpExpr *) node)->args, at);
			break;
		case T_RowCompareExpr:
			{
				RowCompareExpr *compare = (RowCompareExpr *) node;

				foreach(lc, compare->opnos)
					if (!is_builtin(get_opcode(lfirst_oid(lc))))
						root_of(flow, at)->unknown = true;
				flow_expr(flow, (Node *) compare->largs, at);
				flow_expr(flow, (Node *) compare->rargs, at);
			}
			break;
		case T_FuncExpr:
			{
				FuncExpr   *call = (FuncExpr *) node;

				if (is_builtin(call->funcid) &&
					(call->funcformat == COERCE_EXPLICIT_CAST ||
					 call->funcformat == COERCE_IMPLICIT_CAST))
					flow_expr(flow, (Node *) call->args, at);
				else
					flow_call(flow, call->funcid, call->args, at);
			}
			break;
		case T_Aggref:
			{
				Aggref	   *agg = (Aggref *) node;

				flow_aggregate(flow, agg->aggfnoid, agg->args, at);
				flow_expr(flow, (Node *) agg->aggdirectargs, at);
				flow_condition(flow, (Node *) agg->aggfilter);
			}
			break;
		case T_WindowFunc:
			{
				WindowFunc *window = (WindowFunc *) node;

				flow_aggregate(flow, window->winfnoid, window->args, at);
				flow_condition(flow, (Node *) window->aggfilter);
			}
			break;
		case T_SubLink:
			flow_sublink(flow, (SubLink *) node, at);
			break;
		case T_CaseExpr:
			flow_case(flow, (CaseExpr *) node, at);
			break;
		case T_CoalesceExpr:
			flow_expr(flow, (Node *) ((CoalesceExpr *) node)->args, at);
			break;
		case T_MinMaxExpr:
			flow_expr(flow, (Node *) ((MinMaxExpr *) node)->args, at);
			break;
		case T_ArrayExpr:
			flow_expr(flow, (Node *) ((ArrayExpr *) node)->elements, at);
			break;
		case T_RowExpr:
			note_row(flow, ((RowExpr *) node)->row_typeid, at);
			flow_expr(flow, (Node *) ((RowExpr *) node)->args, at);
			break;
		case T_SubscriptingRef:
			flow_subscript(flow, (SubscriptingRef *) node, at);
			break;
		case T_FieldSelect:
			flow_field(flow, (FieldSelect *) node, at);
			break;
		case T_FieldStore:
			note_row(flow, ((FieldStore *) node)->resulttype, at);
			flow_expr(flow, (Node *) ((FieldStore *) node)->arg, at);
			flow_expr(flow, (Node *) ((FieldStore *) node)->newvals, at);
			break;
		case T_RelabelType:
			flow_expr(flow, (Node *) ((RelabelType *) node)->arg, at);
			break;
		case T_CoerceViaIO:
			flow_expr(flow, (Node *) ((CoerceViaIO *) node)->arg, at);
			break;
		case T_ArrayCoerceExpr:
			/* elemexpr is a cast of a CaseTestExpr */
			flow_expr(flow, (Node *) ((ArrayCoerceExpr *) node)->arg, at);
			flow_expr(flow, (Node *) ((ArrayCoerceExpr *) node)->elemexpr, at);
			break;
		case T_ConvertRowtypeExpr:
			flow_expr(flow, (Node *) ((ConvertRowtypeExpr *) node)->arg, at);
			break;
		case T_CollateExpr:
			flow_expr(flow, (Node *) ((CollateExpr *) node)->arg, at);
			break;
		case T_CoerceToDomain:
			flow_expr(flow, (Node *) ((CoerceToDomain *) node)->arg, at);
			break;
#if PG_VERSION_NUM >= 180000
		case T_ReturningExpr:
			flow_expr(flow, (Node *) ((ReturningExpr *) node)->retexpr, at);
			break;
#endif
		case T_CaseTestExpr:
		case T_SetToDefault:
		case T_CurrentOfExpr:
		case T_SQLValueFunction:
		case T_NextValueExpr:
		case T_GroupingFunc:
			break;
		default:
			flow_unknown(flow, node, at);
			break;
	}
}

/* ---- queries ----------------------------------------------------------- */

/* FROM and WHERE. */
static void
flow_jointree(Flow *flow, Node *node)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	check_stack_depth();
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			flow_jointree(flow, lfirst(lc));
		flow_condition(flow, ((FromExpr *) node)->quals);
	}
	else if (IsA(node, JoinExpr))
	{
		flow_jointree(flow, ((JoinExpr *) node)->larg);
		flow_jointree(flow, ((JoinExpr *) node)->rarg);
		flow_condition(flow, ((JoinExpr *) node)->quals);
	}
}

/* The i'th expression of a list is column i of a range table entry. */
static void
flow_columns(Flow *flow, RangeTblEntry *rte, List *exprs)
{
	ListCell   *lc;
	int			i = 1;

	foreach(lc, exprs)
		flow_expr(flow, lfirst(lc),
				  named_point(flow, ENTRY, rte, InvalidOid, i++, NULL));
}

/* The names that FROM gives to columns. */
static void
flow_names(Flow *flow, RangeTblEntry *rte, PointKind kind, void *where)
{
	ListCell   *lc;
	int			i = 1;

	foreach(lc, rte->eref->colnames)
	{
		note_alias(flow, named_point(flow, kind, where, InvalidOid, i,
									 NULL), strVal(lfirst(lc)));
		i++;
	}
}

static void
flow_entry(Flow *flow, RangeTblEntry *rte)
{
	CommonTableExpr *cte;
	ListCell   *lc;
	int			at;

	switch (rte->rtekind)
	{
		case RTE_RELATION:
			if (rte->tablesample != NULL)
			{
				(void) fresh(flow, (Node *) rte->tablesample->args);
				(void) fresh(flow, (Node *) rte->tablesample->repeatable);
			}
			break;
		case RTE_SUBQUERY:
			flow_query(flow, rte->subquery);
			flow_names(flow, rte, OUTPUT, rte->subquery);
			break;
		case RTE_CTE:
			cte = find_cte(flow->level, rte);
			if (cte != NULL && IsA(cte->ctequery, Query))
				flow_names(flow, rte, OUTPUT, cte->ctequery);
			break;
		case RTE_JOIN:
			flow_columns(flow, rte, rte->joinaliasvars);
			break;
		case RTE_VALUES:
			foreach(lc, rte->values_lists)
			{
				CHECK_FOR_INTERRUPTS();
				flow_columns(flow, rte, lfirst_node(List, lc));
			}
			flow_names(flow, rte, ENTRY, rte);
			break;
		case RTE_FUNCTION:
			at = named_point(flow, ENTRY, rte, InvalidOid, 1, NULL);
			foreach(lc, rte->functions)
				flow_expr(flow, lfirst_node(RangeTblFunction, lc)->funcexpr,
						  at);
			foreach(lc, rte->eref->colnames)
				note_alias(flow, at, strVal(lfirst(lc)));
			break;
		case RTE_TABLEFUNC:
			flow_unknown(flow, (Node *) rte->tablefunc, new_point(flow));
			break;
#if PG_VERSION_NUM >= 180000
		case RTE_GROUP:
			flow_columns(flow, rte, rte->groupexprs);
			break;
#endif
		default:
			break;
	}
}

/* What is written to columns of a table. */
static void
flow_written(Flow *flow, Index target, List *tlist)
{
	RangeTblEntry *rte = rt_fetch(target, flow->level->query->rtable);
	ListCell   *lc;

	foreach(lc, tlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resjunk)
			(void) fresh(flow, (Node *) tle->expr);
		else
			flow_expr(flow, (Node *) tle->expr,
					  column_point(flow, rte->relid, tle->resno));
	}
}

static void
flow_output(Flow *flow, Query *query, List *tlist)
{
	ListCell   *lc;

	foreach(lc, tlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		int			at;

		if (tle->resjunk)
		{
			(void) fresh(flow, (Node *) tle->expr);
			continue;
		}
		at = named_point(flow, OUTPUT, query, InvalidOid, tle->resno, NULL);
		flow_expr(flow, (Node *) tle->expr, at);
		note_alias(flow, at, tle->resname);
	}
}

/* The arms of a set operation give the same columns. */
static void
flow_arms(Flow *flow, Query *query, Node *node)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	check_stack_depth();
	if (IsA(node, SetOperationStmt))
	{
		flow_arms(flow, query, ((SetOperationStmt *) node)->larg);
		flow_arms(flow, query, ((SetOperationStmt *) node)->rarg);
	}
	else if (IsA(node, RangeTblRef))
	{
		RangeTblEntry *rte = rt_fetch(((RangeTblRef *) node)->rtindex,
									  query->rtable);

		if (rte->rtekind != RTE_SUBQUERY)
			return;
		foreach(lc, query->targetList)
		{
			TargetEntry *tle = lfirst_node(TargetEntry, lc);

			if (!tle->resjunk)
				meet_outputs(flow, rte->subquery, tle->resno,
							 named_point(flow, OUTPUT, query, InvalidOid,
										 tle->resno, NULL));
		}
	}
}

/* A number as it is written, or a parameter for one. */
static bool
is_bare_number(Node *node)
{
	while (node != NULL && IsA(node, FuncExpr) &&
		   is_builtin(((FuncExpr *) node)->funcid) &&
		   list_length(((FuncExpr *) node)->args) == 1 &&
		   (((FuncExpr *) node)->funcformat == COERCE_EXPLICIT_CAST ||
			((FuncExpr *) node)->funcformat == COERCE_IMPLICIT_CAST))
		node = linitial(((FuncExpr *) node)->args);
	if (node == NULL || (!IsA(node, Const) && !IsA(node, Param)))
		return false;
	switch (exprType(node))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return true;
		default:
			return false;
	}
}

/*
 * LIMIT and OFFSET: their numbers meet nothing.  What these are computed from
 * may be anything.
 */
static void
flow_limit(Flow *flow, Node *node)
{
	int			at = new_point(flow);

	flow->points[at].plain = is_bare_number(node);
	flow_expr(flow, node, at);
}

static void
flow_dml(Flow *flow, Query *query)
{
	ListCell   *lc;

	if (query->commandType == CMD_INSERT || query->commandType == CMD_UPDATE)
		flow_written(flow, query->resultRelation, query->targetList);
	if (query->onConflict != NULL)
	{
		flow_written(flow, query->resultRelation,
					 query->onConflict->onConflictSet);
		flow_condition(flow, query->onConflict->onConflictWhere);
		flow_condition(flow, query->onConflict->arbiterWhere);
		foreach(lc, query->onConflict->arbiterElems)
			(void) fresh(flow, ((InferenceElem *) lfirst(lc))->expr);
	}
	foreach(lc, query->mergeActionList)
	{
		MergeAction *action = lfirst_node(MergeAction, lc);

		flow_condition(flow, action->qual);
		flow_written(flow, query->resultRelation, action->targetList);
	}
#if PG_VERSION_NUM >= 170000
	flow_condition(flow, query->mergeJoinCondition);
#endif
	flow_output(flow, query, query->returningList);
}

static void
flow_query(Flow *flow, Query *query)
{
	Level		level;
	ListCell   *lc;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	level.parent = flow->level;
	level.query = query;
	flow->level = &level;
	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (IsA(cte->ctequery, Query))
			flow_query(flow, (Query *) cte->ctequery);
	}
	foreach(lc, query->rtable)
		flow_entry(flow, lfirst_node(RangeTblEntry, lc));
	flow_jointree(flow, (Node *) query->jointree);
	if (query->commandType == CMD_SELECT)
		flow_output(flow, query, query->targetList);
	else
		flow_dml(flow, query);
	flow_arms(flow, query, query->setOperations);
	flow_condition(flow, query->havingQual);
	flow_limit(flow, query->limitCount);
	flow_limit(flow, query->limitOffset);
	foreach(lc, query->windowClause)
	{
		WindowClause *window = lfirst_node(WindowClause, lc);

		(void) fresh(flow, window->startOffset);
		(void) fresh(flow, window->endOffset);
	}
	flow->level = level.parent;
}

/* ---- the answer -------------------------------------------------------- */

/*
 * A class that only the name of an output tells counts where no column of a
 * table does.
 */
static void
judge(Flow *flow, Found *one)
{
	HgLiteral  *literal = &one->literal;
	int			root = find_root(flow, one->point);
	Point	   *point = &flow->points[root];
	Point	   *near = &flow->points[one->near];

	literal->group = root;
	literal->joined = point->joins;
	literal->class_name = point->class_name != NULL ? point->class_name :
		point->key_class;
	if (literal->class_name != NULL)
		return;
	if (one->hidden || point->unknown)
		literal->withheld = true;
	else if (OidIsValid(point->relid))
	{
		/* the one in the same expression, where several are compared */
		literal->relid = OidIsValid(near->relid) ? near->relid : point->relid;
		literal->attnum = OidIsValid(near->relid) ?
			near->attnum : point->attnum;
	}
	else if (point->alias_class != NULL)
		literal->class_name = point->alias_class;
	else
		literal->withheld = flow->touches && !point->plain;
}

/*
 * Has a relation of the statement a rule for what it does?  That of a view
 * stays in the range table when its base table becomes the target.
 */
static bool
has_rules(Query *query)
{
	ListCell   *lc;

	if (query->commandType == CMD_SELECT)
		return false;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Relation	rel;
		bool		found = false;

		/* a view's subquery keeps its relid in newer versions */
		if (!OidIsValid(rte->relid))
			continue;
		if (!lock_at_once(rte->relid))
			return true;
		rel = table_open(rte->relid, NoLock);
		for (int i = 0; rel->rd_rules != NULL && i < rel->rd_rules->numLocks;
			 i++)
			found |= rel->rd_rules->rules[i]->event == query->commandType;
		table_close(rel, NoLock);
		UnlockRelationOid(rte->relid, AccessShareLock);
		if (found)
			return true;
	}
	return false;
}

HgLiteral *
hg_literal_flow(Query *query, ParamListInfo params, int *n)
{
	Flow		flow;
	HASHCTL		ctl = {0};
	HgLiteral  *result;

	memset(&flow, 0, sizeof(flow));
	flow.params = params;
	ctl.keysize = sizeof(PointKey);
	ctl.entrysize = sizeof(PointEntry);
	ctl.hcxt = CurrentMemoryContext;
	flow.points_by_key = hash_create("hoopguard literals", 64, &ctl,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	/* a rule may put a value anywhere; the statement as written is not here */
	flow.hidden = query->querySource != QSRC_ORIGINAL || has_rules(query);
	flow_query(&flow, query);
	follow_links(&flow);
	result = palloc(Max(flow.nfound, 1) * sizeof(HgLiteral));
	for (int i = 0; i < flow.nfound; i++)
	{
		judge(&flow, &flow.found[i]);
		result[i] = flow.found[i].literal;
	}
	*n = flow.nfound;
	return result;
}
