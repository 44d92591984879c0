/*-------------------------------------------------------------------------
 *
 * method_type.c
 *	  What the mask methods need to know about types.
 *
 * Shapes, neutral values, input without errors, domains' constraints, and
 * the methods that are nothing but a value of the type: constant and redact.
 *
 * PostgreSQL has soft errors from 16 on, for its own input functions, and
 * none for CHECK constraints.  Where an error has to be caught without a
 * subtransaction (parallel workers can have none), only functions in C take
 * part that ask no catalog or let go of it before they raise, and only errors
 * of the data are swallowed; see hg_expression_is_plain() and
 * hg_error_is_harmless().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tupdesc.h"
#include "catalog/indexing.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "mask/method.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#endif
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "tsearch/ts_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/multirangetypes.h"
#include "utils/numeric.h"
#include "utils/rangetypes.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/varbit.h"

#define NEUTRAL_TEXT "***"
#define NEUTRAL_XML "<masked/>"

/* ---------- shapes ---------- */

/*
 * Types of extensions, known by their input function.  Only a superuser can
 * have made a function in C, so library and symbol cannot be pretended.
 */
static const struct
{
	const char *library;
	const char *symbol;
	HgShape		shape;
	const char *neutral;
}			extension_types[] =
{
	{"$libdir/hstore", "hstore_in", HG_SHAPE_HSTORE, ""},
	{"$libdir/ltree", "ltree_in", HG_SHAPE_OTHER, ""},
	{"$libdir/cube", "cube_in", HG_SHAPE_OTHER, "(0)"},
	{"$libdir/seg", "seg_in", HG_SHAPE_OTHER, "0"}
};

/* Index in extension_types, or -1. */
static int
extension_type(Oid base)
{
	HeapTuple	tuple;
	Oid			input;
	Oid			ioparam;
	int			result = -1;

	if (base < FirstNormalObjectId)
		return -1;
	getTypeInputInfo(base, &input, &ioparam);
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(input));
	if (!HeapTupleIsValid(tuple))
		return -1;
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == ClanguageId)
	{
		bool		no_source;
		bool		no_binary;
		Datum		source = SysCacheGetAttr(PROCOID, tuple,
											 Anum_pg_proc_prosrc, &no_source);
		Datum		binary = SysCacheGetAttr(PROCOID, tuple,
											 Anum_pg_proc_probin, &no_binary);
		int			i;

		for (i = 0; !no_source && !no_binary &&
			 i < lengthof(extension_types); i++)
		{
			if (strcmp(TextDatumGetCString(source),
					   extension_types[i].symbol) == 0 &&
				strcmp(TextDatumGetCString(binary),
					   extension_types[i].library) == 0)
				result = i;
		}
	}
	ReleaseSysCache(tuple);
	return result;
}

/* The shape of a type that is no domain. */
HgShape
hg_shape_of(Oid base)
{
	char		category;
	bool		preferred;
	int			extension;

	switch (base)
	{
		case TEXTOID:
		case VARCHAROID:
			return HG_SHAPE_TEXT;
		case BPCHAROID:
			return HG_SHAPE_BPCHAR;
		case NAMEOID:
			return HG_SHAPE_NAME;
		case CHAROID:
			return HG_SHAPE_CHAR;
		case BOOLOID:
			return HG_SHAPE_BOOL;
		case INT2OID:
			return HG_SHAPE_INT2;
		case INT4OID:
			return HG_SHAPE_INT4;
		case INT8OID:
			return HG_SHAPE_INT8;
		case CASHOID:
			return HG_SHAPE_MONEY;
		case FLOAT4OID:
			return HG_SHAPE_FLOAT4;
		case FLOAT8OID:
			return HG_SHAPE_FLOAT8;
		case NUMERICOID:
			return HG_SHAPE_NUMERIC;
		case DATEOID:
			return HG_SHAPE_DATE;
		case TIMEOID:
			return HG_SHAPE_TIME;
		case TIMETZOID:
			return HG_SHAPE_TIMETZ;
		case TIMESTAMPOID:
			return HG_SHAPE_TIMESTAMP;
		case TIMESTAMPTZOID:
			return HG_SHAPE_TIMESTAMPTZ;
		case INTERVALOID:
			return HG_SHAPE_INTERVAL;
		case UUIDOID:
			return HG_SHAPE_UUID;
		case INETOID:
			return HG_SHAPE_INET;
		case CIDROID:
			return HG_SHAPE_CIDR;
		case MACADDROID:
			return HG_SHAPE_MACADDR;
		case MACADDR8OID:
			return HG_SHAPE_MACADDR8;
		case BYTEAOID:
			return HG_SHAPE_BYTEA;
		case BITOID:
			return HG_SHAPE_BIT;
		case VARBITOID:
			return HG_SHAPE_VARBIT;
		case JSONOID:
			return HG_SHAPE_JSON;
		case JSONBOID:
			return HG_SHAPE_JSONB;
		case XMLOID:
			return HG_SHAPE_XML;
		case TSVECTOROID:
			return HG_SHAPE_TSVECTOR;
		case OIDVECTOROID:
		case INT2VECTOROID:
			return HG_SHAPE_OTHER;	/* arrays that may not be like arrays */
		default:
			break;
	}

	switch (get_typtype(base))
	{
		case TYPTYPE_ENUM:
			return HG_SHAPE_ENUM;
		case TYPTYPE_COMPOSITE:
			return HG_SHAPE_COMPOSITE;
		case TYPTYPE_RANGE:
			return HG_SHAPE_RANGE;
		case TYPTYPE_MULTIRANGE:
			return HG_SHAPE_MULTIRANGE;
		case TYPTYPE_BASE:
			break;
		default:
			return HG_SHAPE_OTHER;
	}
	if (OidIsValid(get_element_type(base)))
		return HG_SHAPE_ARRAY;

	/*
	 * citext and the like: stored as text is, and said to be a string.  What
	 * is like that and not known is taken to ignore case, which only makes
	 * more values equal.
	 */
	get_type_category_preferred(base, &category, &preferred);
	if (category == TYPCATEGORY_STRING && get_typlen(base) == -1 &&
		IsBinaryCoercible(base, TEXTOID))
		return HG_SHAPE_CITEXT;

	extension = extension_type(base);
	return extension < 0 ? HG_SHAPE_OTHER : extension_types[extension].shape;
}

/* ---------- text in and out ---------- */

const char *
hg_text_get(const HgMasker *masker, Datum value, int *len)
{
	text	   *t;

	if (masker->shape == HG_SHAPE_NAME)
	{
		*len = strlen(NameStr(*DatumGetName(value)));
		return NameStr(*DatumGetName(value));
	}
	t = DatumGetTextPP(value);
	*len = VARSIZE_ANY_EXHDR(t);
	if (masker->shape == HG_SHAPE_BPCHAR)
		*len = bpchartruelen(VARDATA_ANY(t), *len);
	return VARDATA_ANY(t);
}

Datum
hg_text_make(const HgMasker *masker, const char *s, int len)
{
	int			max_chars = masker->typmod - VARHDRSZ;
	int			pad = 0;
	text	   *t;

	if (masker->shape == HG_SHAPE_NAME)
	{
		Name		name = palloc0(NAMEDATALEN);

		len = pg_mbcliplen(s, len, NAMEDATALEN - 1);
		memcpy(NameStr(*name), s, len);
		return NameGetDatum(name);
	}
	if (masker->typmod >= (int32) VARHDRSZ)
	{
		if (len > max_chars)
			len = pg_mbcharcliplen(s, len, max_chars);
		if (masker->shape == HG_SHAPE_BPCHAR)
			pad = max_chars - pg_mbstrlen_with_len(s, len);
	}
	t = palloc(VARHDRSZ + len + pad);
	SET_VARSIZE(t, VARHDRSZ + len + pad);
	memcpy(VARDATA(t), s, len);
	memset(VARDATA(t) + len, ' ', pad);
	return PointerGetDatum(t);
}

/* ---------- errors that may be swallowed ---------- */

typedef struct PlainContext
{
	bool		immutable;
} PlainContext;

static bool
not_plain_function(Oid funcid, void *arg)
{
	PlainContext *context = (PlainContext *) arg;
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Form_pg_proc form;
	bool		plain;

	if (!HeapTupleIsValid(tuple))
		return true;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	plain = (form->prolang == INTERNALlanguageId ||
			 form->prolang == ClanguageId) &&
		form->provolatile != PROVOLATILE_VOLATILE &&
		(form->provolatile == PROVOLATILE_IMMUTABLE ||
		 !context->immutable) &&
		form->proparallel == PROPARALLEL_SAFE && !form->proretset;
	ReleaseSysCache(tuple);
	return !plain;
}

static bool
not_plain_walker(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Param:
		case T_Aggref:
		case T_GroupingFunc:
		case T_WindowFunc:
		case T_SubLink:
		case T_SubPlan:
		case T_AlternativeSubPlan:
		case T_NextValueExpr:
		case T_CurrentOfExpr:
		case T_Query:
			return true;
		case T_CoerceToDomain:
			/* its constraints would run, too */
			if (DomainHasConstraints(((CoerceToDomain *) node)->resulttype))
				return true;
			break;
		default:
			break;
	}
	if (check_functions_in_node(node, not_plain_function, arg))
		return true;
	return expression_tree_walker(node, not_plain_walker, arg);
}

bool
hg_expression_is_plain(Node *expression, bool immutable)
{
	PlainContext context;

	context.immutable = immutable;
	return !not_plain_walker(expression, &context);
}

bool
hg_error_is_harmless(void)
{
	switch (ERRCODE_TO_CATEGORY(geterrcode()))
	{
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_FEATURE_NOT_SUPPORTED:
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
			return true;
		default:
			return false;
	}
}

/* ---------- domains ---------- */

struct HgDomain
{
	DomainConstraintRef ref;
	ExprContext *econtext;
	bool		usable;			/* the constraints may be asked */
};

HgDomain *
hg_domain_make(Oid type)
{
	HgDomain   *domain;
	ListCell   *lc;

	if (get_typtype(type) != TYPTYPE_DOMAIN || !DomainHasConstraints(type))
		return NULL;
	domain = palloc0(sizeof(HgDomain));
	InitDomainConstraintRef(type, &domain->ref, CurrentMemoryContext, true);
	domain->econtext = CreateStandaloneExprContext();
	domain->usable = true;
	foreach(lc, domain->ref.constraints)
	{
		DomainConstraintState *constraint = lfirst(lc);

		if (constraint->constrainttype == DOM_CONSTRAINT_CHECK &&
			!hg_expression_is_plain((Node *) constraint->check_expr, false))
			domain->usable = false;
	}
	return domain;
}

bool
hg_domain_accepts(HgDomain *domain, Datum value)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool ok = true;
	ListCell   *lc;

	if (!domain->usable)
		return false;
	domain->econtext->domainValue_datum = value;
	domain->econtext->domainValue_isNull = false;
	PG_TRY();
	{
		foreach(lc, domain->ref.constraints)
		{
			DomainConstraintState *constraint = lfirst(lc);

			if (constraint->constrainttype == DOM_CONSTRAINT_CHECK &&
				!ExecCheck(constraint->check_exprstate, domain->econtext))
				ok = false;
		}
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (!hg_error_is_harmless())
			PG_RE_THROW();
		FlushErrorState();
		ok = false;
	}
	PG_END_TRY();
	ResetExprContext(domain->econtext);
	return ok;
}

/* ---------- input without errors ---------- */

#if PG_VERSION_NUM < 160000
/*
 * May an error of the type's input function be caught without a
 * subtransaction?  Yes for the server's own types that hold nothing when they
 * raise.
 */
static bool
has_plain_input(Oid type)
{
	switch (hg_shape_of(type))
	{
		case HG_SHAPE_OTHER:
			switch (type)
			{
				case POINTOID:
				case LSEGOID:
				case PATHOID:
				case BOXOID:
				case POLYGONOID:
				case LINEOID:
				case CIRCLEOID:
				case OIDOID:
				case LSNOID:
				case TSQUERYOID:
					return true;
				default:
					return extension_type(type) >= 0;
			}
		case HG_SHAPE_ARRAY:
			return has_plain_input(getBaseType(get_element_type(type)));
		case HG_SHAPE_RANGE:
			return type < FirstNormalObjectId;
		case HG_SHAPE_COMPOSITE:
		case HG_SHAPE_MULTIRANGE:
		case HG_SHAPE_XML:
			return false;
		default:
			return true;
	}
}
#endif

/* typmod of array types is that of their elements, as the server has it. */
bool
hg_soft_input(Oid type, int32 typmod, char *string, Datum *result)
{
	Oid			base = getBaseTypeAndTypmod(type, &typmod);
	HgDomain   *domain;
	Oid			input;
	Oid			ioparam;

	getTypeInputInfo(base, &input, &ioparam);
#if PG_VERSION_NUM >= 160000
	if (base < FirstNormalObjectId || hg_shape_of(base) != HG_SHAPE_OTHER)
	{
		ErrorSaveContext escontext = {T_ErrorSaveContext};
		FmgrInfo	flinfo;

		fmgr_info(input, &flinfo);
		if (!InputFunctionCallSafe(&flinfo, string, ioparam, typmod,
								   (Node *) &escontext, result))
			return false;
	}
	else
		return false;
#else
	{
		MemoryContext context = CurrentMemoryContext;
		volatile bool ok = false;

		if (!has_plain_input(base))
			return false;
		PG_TRY();
		{
			*result = OidInputFunctionCall(input, string, ioparam, typmod);
			ok = true;
		}
		PG_CATCH();
		{
			MemoryContextSwitchTo(context);
			/* hstore has no SQLSTATE for what it cannot read */
			if (!hg_error_is_harmless() &&
				geterrcode() != ERRCODE_INTERNAL_ERROR)
				PG_RE_THROW();
			FlushErrorState();
		}
		PG_END_TRY();
		if (!ok)
			return false;
	}
#endif
	domain = hg_domain_make(type);
	return domain == NULL || hg_domain_accepts(domain, *result);
}

/* ---------- neutral values ---------- */

/* Texts that the server's own types cannot refuse. */
static const struct
{
	Oid			type;
	const char *text;
}			neutral_texts[] =
{
	{BOOLOID, "f"},
	{BYTEAOID, ""},
	{CHAROID, "*"},
	{INT2OID, "0"},
	{INT4OID, "0"},
	{INT8OID, "0"},
	{FLOAT4OID, "0"},
	{FLOAT8OID, "0"},
	{NUMERICOID, "0"},
	{CASHOID, "0"},
	{OIDOID, "0"},
	{OIDVECTOROID, ""},
	{INT2VECTOROID, ""},
	{XIDOID, "0"},
	{CIDOID, "0"},
	{TIDOID, "(0,0)"},
	{XID8OID, "0"},
	{REGPROCOID, "-"},
	{REGPROCEDUREOID, "-"},
	{REGOPEROID, "0"},
	{REGOPERATOROID, "0"},
	{REGCLASSOID, "-"},
	{REGTYPEOID, "-"},
	{REGROLEOID, "-"},
	{REGNAMESPACEOID, "-"},
	{REGCONFIGOID, "-"},
	{REGDICTIONARYOID, "-"},
	{REGCOLLATIONOID, "-"},
	{DATEOID, "1970-01-01"},
	{TIMEOID, "00:00:00"},
	{TIMETZOID, "00:00:00+00"},
	{TIMESTAMPOID, "1970-01-01 00:00:00"},
	{TIMESTAMPTZOID, "1970-01-01 00:00:00+00"},
	{INTERVALOID, "0"},
	{UUIDOID, "00000000-0000-0000-0000-000000000000"},
	{INETOID, "0.0.0.0"},
	{CIDROID, "0.0.0.0/32"},
	{MACADDROID, "00:00:00:00:00:00"},
	{MACADDR8OID, "00:00:00:00:00:00:00:00"},
	{VARBITOID, ""},
	{JSONOID, "{}"},
	{JSONBOID, "{}"},
	{JSONPATHOID, "$"},
	{TSVECTOROID, ""},
	{POINTOID, "(0,0)"},
	{LSEGOID, "[(0,0),(0,0)]"},
	{PATHOID, "((0,0))"},
	{BOXOID, "(0,0),(0,0)"},
	{POLYGONOID, "((0,0))"},
	{LINEOID, "{1,0,0}"},
	{CIRCLEOID, "<(0,0),0>"},
	{LSNOID, "0/0"},
	{PG_SNAPSHOTOID, "1:1:"},
	{TXID_SNAPSHOTOID, "1:1:"}
};

/* The first label of an enum in its order; false for one without labels. */
static bool
first_label(Oid type, Datum *result)
{
	Relation	rel = table_open(EnumRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	float4		first = 0;
	bool		found = false;

	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(type));
	scan = systable_beginscan(rel, EnumTypIdLabelIndexId, true, NULL, 1,
							  &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_enum form = (Form_pg_enum) GETSTRUCT(tuple);

		if (found && form->enumsortorder >= first)
			continue;
		first = form->enumsortorder;
		*result = ObjectIdGetDatum(form->oid);
		found = true;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

static Datum
neutral_row(Oid type)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(type, -1);
	Datum	   *values = palloc0(desc->natts * sizeof(Datum));
	bool	   *nulls = palloc(desc->natts * sizeof(bool));
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		nulls[i] = att->attisdropped ||
			!hg_neutral_value(att->atttypid, att->atttypmod, &values[i]);
	}
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

static bool
neutral_base(Oid base, int32 typmod, Datum *result)
{
	HgMasker	as = {0};
	Oid			input;
	Oid			ioparam;
	TypeCacheEntry *typcache;
	int			extension;
	int			i;

	as.shape = hg_shape_of(base);
	as.typmod = typmod;
	switch (as.shape)
	{
		case HG_SHAPE_TEXT:
		case HG_SHAPE_CITEXT:
		case HG_SHAPE_BPCHAR:
		case HG_SHAPE_NAME:
			*result = hg_text_make(&as, NEUTRAL_TEXT, strlen(NEUTRAL_TEXT));
			return true;
		case HG_SHAPE_XML:
			*result = CStringGetTextDatum(NEUTRAL_XML);
			return true;
		case HG_SHAPE_BIT:
			{
				int			bits = Max(typmod, 1);
				VarBit	   *zeros = palloc0(VARBITTOTALLEN(bits));

				SET_VARSIZE(zeros, VARBITTOTALLEN(bits));
				VARBITLEN(zeros) = bits;
				*result = VarBitPGetDatum(zeros);
				return true;
			}
		case HG_SHAPE_ENUM:
			return first_label(base, result);
		case HG_SHAPE_OTHER:
			/* its input function gives a notice for an empty query */
			if (base == TSQUERYOID)
			{
				TSQuery		query = palloc0(HDRSIZETQ);

				SET_VARSIZE(query, HDRSIZETQ);
				*result = TSQueryGetDatum(query);
				return true;
			}
			break;
		case HG_SHAPE_ARRAY:
			*result = PointerGetDatum(construct_empty_array(get_element_type(base)));
			return true;
		case HG_SHAPE_COMPOSITE:
			check_stack_depth();
			*result = neutral_row(base);
			return true;
		case HG_SHAPE_RANGE:
			typcache = lookup_type_cache(base, TYPECACHE_RANGE_INFO);
			*result = RangeTypePGetDatum(make_empty_range(typcache));
			return true;
		case HG_SHAPE_MULTIRANGE:
			typcache = lookup_type_cache(base, TYPECACHE_MULTIRANGE_INFO);
			*result = MultirangeTypePGetDatum(make_empty_multirange(base,
																	typcache->rngtype));
			return true;
		default:
			break;
	}

	getTypeInputInfo(base, &input, &ioparam);
	for (i = 0; i < lengthof(neutral_texts); i++)
	{
		if (neutral_texts[i].type != base)
			continue;
		*result = OidInputFunctionCall(input,
									   pstrdup(neutral_texts[i].text),
									   ioparam, typmod);
		return true;
	}
	extension = extension_type(base);
	if (extension < 0)
		return false;
	*result = OidInputFunctionCall(input,
								   pstrdup(extension_types[extension].neutral),
								   ioparam, typmod);
	return true;
}

bool
hg_neutral_value(Oid type, int32 typmod, Datum *result)
{
	Oid			base = getBaseTypeAndTypmod(type, &typmod);
	HgDomain   *domain;

	if (!neutral_base(base, typmod, result))
		return false;
	domain = hg_domain_make(type);
	return domain == NULL || hg_domain_accepts(domain, *result);
}

/* ---------- constant and redact ---------- */

bool
hg_mask_constant(HgMasker *masker, Datum value, Datum *result)
{
	*result = masker->constant;
	return true;
}

void
hg_setup_redact(HgMasker *masker)
{
	if (neutral_base(masker->type, masker->typmod, &masker->constant))
		masker->mask = hg_mask_constant;
}

/*
 * For an array, the value is the array as a whole if it looks like one; what
 * is meant for each element has been tried by mask_method.c before.
 */
void
hg_setup_constant(HgMasker *masker)
{
	char	   *string = hg_args_text(masker->args, "value");

	if (string == NULL)
	{
		hg_setup_redact(masker);
		return;
	}
	if (hg_shape_is_text(masker->shape))
	{
		masker->constant = hg_text_make(masker, string, strlen(string));
		masker->mask = hg_mask_constant;
	}
	else if (hg_soft_input(masker->type, masker->typmod, string,
						   &masker->constant))
		masker->mask = hg_mask_constant;
}
