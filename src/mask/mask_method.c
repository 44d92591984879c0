/*-------------------------------------------------------------------------
 *
 * mask_method.c
 *	  Value in, masked value out: hoopguard._mask(anyelement, internal).
 *
 * The second argument is declared internal so that no SQL can call the
 * function, but what plans pass is a constant of type text, "method" or
 * "method {arguments}".  A call whose second argument is not such a constant
 * did not come from mask_rewrite.c and is refused.
 *
 * Two rules hold for every method.  What a method does not know how to mask
 * becomes NULL, never the real value.  And no input may raise an error,
 * because the message could carry the input.  So each method works on bytes
 * it has checked, and calls only server functions that cannot fail on them.
 *
 * The specification and the type are looked at once per call site; the masker
 * is kept in fn_extra.  Parallel workers do the same; nothing is shared.
 *
 * Methods know scalar types.  Arrays, composites, ranges and domains are
 * taken apart and put together here, whatever the method.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mask/method.h"
#include "mask/method_json.h"
#include "mask/scrub.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(hoopguard__mask);
PG_FUNCTION_INFO_V1(hoopguard__mask_fixed_support);

static const char *const no_keys[] = {NULL};
static const char *const constant_keys[] = {"value", NULL};
static const char *const partial_keys[] = {"first", "last", "char", NULL};
static const char *const expression_keys[] = {"sql", NULL};
static const char *const hash_keys[] = {"length", "key", NULL};
static const char *const token_keys[] = {"key", NULL};
static const char *const bucket_keys[] = {"size", "days", NULL};
static const char *const json_keys[] = {"paths", "default", "numbers", NULL};
static const char *const scrub_keys[] = {"style", NULL};
static const char *const noise_keys[] = {"ratio", "days", "key", NULL};

static void
setup_null(HgMasker *masker)
{
	masker->mask = NULL;
}

static const HgMethod methods[] =
{
	{"null", setup_null, true, no_keys},
	{"constant", hg_setup_constant, true, constant_keys, hg_check_constant},
	{"redact", hg_setup_redact, true, no_keys},
	{"partial", hg_setup_partial, false, partial_keys, hg_check_partial},
	{"email", hg_setup_email, false, no_keys},
	{"phone", hg_setup_phone, false, no_keys},
	{"card", hg_setup_card, false, no_keys},
	{"ip", hg_setup_ip, false, no_keys},
	{"hash", hg_setup_hash, false, hash_keys, hg_check_hash},
	{"token", hg_setup_token, false, token_keys, hg_check_token},
	{"year", hg_setup_year, false, no_keys},
	{"month", hg_setup_month, false, no_keys},
	{"bucket", hg_setup_bucket, false, bucket_keys, hg_check_bucket},
	{"noise", hg_setup_noise, false, noise_keys, hg_check_noise},
	{"json", hg_setup_json, false, json_keys, hg_check_json},
	{"scrub", hg_setup_scrub, false, scrub_keys, hg_check_scrub},
	{"expression", hg_setup_expression, true, expression_keys,
	hg_check_expression}
};

const HgMethod *
hg_method_find(const char *name, int len)
{
	int			i;

	for (i = 0; i < lengthof(methods); i++)
	{
		if (strlen(methods[i].name) == len &&
			strncmp(methods[i].name, name, len) == 0)
			return &methods[i];
	}
	return NULL;
}

char *
hg_method_names(void)
{
	StringInfoData names;
	int			i;

	initStringInfo(&names);
	for (i = 0; i < lengthof(methods); i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", methods[i].name);
	return names.data;
}

/*
 * Maskers of the types that one masker is made of.  Values of a type of two
 * fields of a type of two fields, and so on, are short while most of them are
 * NULL, so each type gets one masker however often it occurs.
 */
typedef struct Made
{
	List	   *types;			/* of Oid, as asked for */
	List	   *typmods;		/* of int */
	List	   *maskers;		/* of HgMasker; NULL: of none */
} Made;

static HgMasker *make_part(const HgMethod *method, Jsonb *args, Oid type,
						   int32 typmod, Made *made);

/* ---------- containers ---------- */

/* Masks each element, keeping dimensions and NULLs. */
static bool
mask_array(HgMasker *masker, Datum value, Datum *result)
{
	HgMasker   *part = masker->parts[0];
	ArrayType  *array = DatumGetArrayTypeP(value);
	Datum	   *values;
	bool	   *nulls;
	int			n;
	int			i;

	deconstruct_array(array, ARR_ELEMTYPE(array), masker->typlen,
					  masker->typbyval, masker->typalign,
					  &values, &nulls, &n);
	for (i = 0; i < n; i++)
	{
		if (!nulls[i])
			nulls[i] = !hg_masker_apply(part, values[i], &values[i]);
	}
	array = construct_md_array(values, nulls, ARR_NDIM(array),
							   ARR_DIMS(array), ARR_LBOUND(array),
							   ARR_ELEMTYPE(array), masker->typlen,
							   masker->typbyval, masker->typalign);
	*result = PointerGetDatum(array);
	return true;
}

static void
setup_array(HgMasker *masker, Oid element, Made *made)
{
	masker->nparts = 1;
	masker->parts = palloc0(sizeof(HgMasker *));
	masker->parts[0] = make_part(masker->method, masker->args, element,
								 masker->typmod, made);
	get_typlenbyvalalign(element, &masker->typlen, &masker->typbyval,
						 &masker->typalign);
	if (masker->parts[0] != NULL)
		masker->mask = mask_array;
}

/* Masks each field; what the method does not know becomes NULL. */
static bool
mask_composite(HgMasker *masker, Datum value, Datum *result)
{
	TupleDesc	desc = (TupleDesc) masker->state;
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	HeapTupleData tuple;
	Datum	   *values;
	bool	   *nulls;
	int			i;

	/* the type was altered while the plan was in use */
	if (HeapTupleHeaderGetTypeId(header) != masker->type ||
		HeapTupleHeaderGetNatts(header) > desc->natts)
		return false;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	values = palloc(desc->natts * sizeof(Datum));
	nulls = palloc(desc->natts * sizeof(bool));
	heap_deform_tuple(&tuple, desc, values, nulls);
	for (i = 0; i < desc->natts; i++)
	{
		if (!nulls[i])
			nulls[i] = !hg_masker_apply(masker->parts[i], values[i],
										&values[i]);
	}
	*result = HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
	return true;
}

static void
setup_composite(HgMasker *masker, Made *made)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(masker->type, -1);
	int			i;

	masker->state = desc;
	masker->nparts = desc->natts;
	masker->parts = palloc0(Max(desc->natts, 1) * sizeof(HgMasker *));
	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped)
			masker->parts[i] = make_part(masker->method, masker->args,
										 att->atttypid, att->atttypmod, made);
	}
	masker->mask = mask_composite;
}

/* Masks both bounds.  If that turns them around, they change places. */
static bool
mask_range_bounds(HgMasker *masker, TypeCacheEntry *typcache,
				  const RangeType *range, RangeType **result)
{
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;

	range_deserialize(typcache, range, &lower, &upper, &empty);
	if (!empty)
	{
		if (!lower.infinite &&
			!hg_masker_apply(masker->parts[0], lower.val, &lower.val))
			return false;
		if (!upper.infinite &&
			!hg_masker_apply(masker->parts[0], upper.val, &upper.val))
			return false;
		if (!lower.infinite && !upper.infinite &&
			range_cmp_bound_values(typcache, &lower, &upper) > 0)
		{
			Datum		swap = lower.val;

			lower.val = upper.val;
			upper.val = swap;
		}
	}
	*result = make_range(typcache, &lower, &upper, empty
#if PG_VERSION_NUM >= 160000
						 ,NULL
#endif
		);
	return true;
}

static bool
mask_range(HgMasker *masker, Datum value, Datum *result)
{
	RangeType  *range;

	if (!mask_range_bounds(masker, (TypeCacheEntry *) masker->state,
						   DatumGetRangeTypeP(value), &range))
		return false;
	*result = RangeTypePGetDatum(range);
	return true;
}

static bool
mask_multirange(HgMasker *masker, Datum value, Datum *result)
{
	TypeCacheEntry *typcache = (TypeCacheEntry *) masker->state;
	RangeType **ranges;
	int32		n;
	int32		i;

	multirange_deserialize(typcache, DatumGetMultirangeTypeP(value), &n,
						   &ranges);
	for (i = 0; i < n; i++)
	{
		if (!mask_range_bounds(masker, typcache, ranges[i], &ranges[i]))
			return false;
	}
	*result = MultirangeTypePGetDatum(make_multirange(masker->type, typcache,
													  n, ranges));
	return true;
}

/*
 * Only ranges of the server's own types: making a range of another calls its
 * comparison, and perhaps a function that makes it canonical, which could
 * raise.
 */
static void
setup_range(HgMasker *masker)
{
	TypeCacheEntry *typcache;
	Oid			range = masker->type;

	if (masker->shape == HG_SHAPE_MULTIRANGE)
	{
		typcache = lookup_type_cache(masker->type,
									 TYPECACHE_MULTIRANGE_INFO);
		typcache = typcache->rngtype;
		range = typcache->type_id;
	}
	else
		typcache = lookup_type_cache(masker->type, TYPECACHE_RANGE_INFO);
	if (range >= FirstNormalObjectId)
		return;

	masker->state = typcache;
	masker->nparts = 1;
	masker->parts = palloc0(sizeof(HgMasker *));
	masker->parts[0] = hg_masker_make(masker->method, masker->args,
									  typcache->rngelemtype->type_id, -1);
	if (masker->parts[0] != NULL)
		masker->mask = masker->shape == HG_SHAPE_RANGE ?
			mask_range : mask_multirange;
}

/* A mask that breaks the domain's constraints becomes NULL. */
static bool
mask_domain(HgMasker *masker, Datum value, Datum *result)
{
	return hg_masker_apply(masker->parts[0], value, result) &&
		hg_domain_accepts((HgDomain *) masker->state, *result);
}

/* ---------- making a masker ---------- */

/* Is a constant meant for each element of an array? */
static bool
constant_for_elements(HgMasker *masker, Oid element)
{
	char	   *string;

	if (masker->method->setup != hg_setup_constant)
		return false;
	string = hg_args_text(masker->args, "value");
	return string != NULL && string[0] != '{';
}

static HgMasker *
make_base(const HgMethod *method, Jsonb *args, Oid base, int32 typmod,
		  Made *made)
{
	HgMasker   *masker = palloc0(sizeof(HgMasker));
	Oid			element;

	masker->method = method;
	masker->args = args;
	masker->type = base;
	masker->typmod = typmod;
	masker->shape = hg_shape_of(base);
	get_typlenbyvalalign(base, &masker->typlen, &masker->typbyval,
						 &masker->typalign);

	if (masker->shape == HG_SHAPE_ARRAY)
	{
		element = get_element_type(base);
		if (!method->whole || constant_for_elements(masker, element))
		{
			setup_array(masker, element, made);
			return masker->mask == NULL ? NULL : masker;
		}
	}
	if (method->whole)
		method->setup(masker);
	else
	{
		switch (masker->shape)
		{
			case HG_SHAPE_COMPOSITE:
				setup_composite(masker, made);
				break;
			case HG_SHAPE_RANGE:
			case HG_SHAPE_MULTIRANGE:
				setup_range(masker);
				break;
			case HG_SHAPE_JSON:
			case HG_SHAPE_JSONB:
			case HG_SHAPE_HSTORE:
				if (method->setup == hg_setup_json)
					hg_setup_json(masker);
				else if (method->setup == hg_setup_scrub &&
						 masker->shape != HG_SHAPE_HSTORE)
					hg_setup_scrub(masker);
				else
					hg_setup_leaves(masker);
				break;
			default:
				method->setup(masker);
				break;
		}
	}
	return masker->mask == NULL ? NULL : masker;
}

static HgMasker *
make_new(const HgMethod *method, Jsonb *args, Oid type, int32 typmod,
		 Made *made)
{
	Oid			base;
	HgMasker   *masker;
	HgMasker   *outer;
	HgDomain   *domain;

	base = getBaseTypeAndTypmod(type, &typmod);
	masker = make_base(method, args, base, typmod, made);
	if (masker == NULL)
		return NULL;
	domain = hg_domain_make(type);
	if (domain == NULL)
		return masker;

	/* a value that stays the same is looked at once */
	if (masker->mask == hg_mask_constant)
		return hg_domain_accepts(domain, masker->constant) ? masker : NULL;
	outer = palloc0(sizeof(HgMasker));
	*outer = *masker;
	outer->mask = mask_domain;
	outer->nparts = 1;
	outer->parts = palloc(sizeof(HgMasker *));
	outer->parts[0] = masker;
	outer->state = domain;
	return outer;
}

/* The same masker for the same type. */
static HgMasker *
make_part(const HgMethod *method, Jsonb *args, Oid type, int32 typmod,
		  Made *made)
{
	HgMasker   *masker;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (method == NULL || !OidIsValid(type))
		return NULL;
	for (int i = 0; i < list_length(made->types); i++)
		if (list_nth_oid(made->types, i) == type &&
			list_nth_int(made->typmods, i) == typmod)
			return list_nth(made->maskers, i);

	masker = make_new(method, args, type, typmod, made);
	made->types = lappend_oid(made->types, type);
	made->typmods = lappend_int(made->typmods, typmod);
	made->maskers = lappend(made->maskers, masker);
	return masker;
}

HgMasker *
hg_masker_make(const HgMethod *method, Jsonb *args, Oid type, int32 typmod)
{
	Made		made = {0};
	HgMasker   *masker = make_part(method, args, type, typmod, &made);

	list_free(made.types);
	list_free(made.typmods);
	list_free(made.maskers);
	return masker;
}

/* ---------- the call ---------- */

/* What fn_extra points to; the masker may be NULL. */
typedef struct CallSite
{
	HgMasker   *masker;
} CallSite;

/*
 * Read the specification and the type of a call, in the current context.  A
 * rule may have been written by hand: what cannot be read is no method.
 */
static HgMasker *
make_masker(const char *text, Oid type, int32 typmod)
{
	int			name_len = strcspn(text, " ");
	const HgMethod *method = hg_method_find(text, name_len);
	Datum		args = (Datum) 0;

	if (method == NULL)
		return NULL;
	if (text[name_len] == ' ' &&
		!hg_soft_input(JSONBOID, -1, pstrdup(text + name_len + 1), &args))
		return NULL;
	return hg_masker_make(method,
						  args == (Datum) 0 ? NULL : DatumGetJsonbP(args),
						  type, typmod);
}

/* Is it a call as mask_rewrite.c makes it? */
static bool
is_own_call(FuncExpr *call)
{
	Const	   *constant;

	if (call == NULL || !IsA(call, FuncExpr) || list_length(call->args) != 2 ||
		!IsA(lsecond(call->args), Const))
		return false;
	constant = lsecond_node(Const, call->args);
	return constant->consttype == TEXTOID && !constant->constisnull;
}

/* The masker of such a call, in the current context. */
static HgMasker *
masker_of_call(FuncExpr *call)
{
	Const	   *constant = lsecond_node(Const, call->args);
	Node	   *argument = (Node *) linitial(call->args);

	return make_masker(TextDatumGetCString(constant->constvalue),
					   exprType(argument), exprTypmod(argument));
}

/* The masker of this call site, made the first time. */
static CallSite *
get_site(FunctionCallInfo fcinfo)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;
	FuncExpr   *call = (FuncExpr *) flinfo->fn_expr;
	MemoryContext old;
	CallSite   *site;

	if (!is_own_call(call))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function _mask cannot be called directly")));

	old = MemoryContextSwitchTo(flinfo->fn_mcxt);
	site = palloc(sizeof(CallSite));
	site->masker = masker_of_call(call);
	MemoryContextSwitchTo(old);
	flinfo->fn_extra = site;
	return site;
}

/* hoopguard._mask(value anyelement, specification internal) */
Datum
hoopguard__mask(PG_FUNCTION_ARGS)
{
	CallSite   *site = (CallSite *) fcinfo->flinfo->fn_extra;
	Datum		result;

	if (unlikely(site == NULL))
		site = get_site(fcinfo);
	if (!hg_masker_apply(site->masker, PG_GETARG_DATUM(0), &result))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/* ---------- masks of one value ---------- */

/*
 * CASE WHEN value IS NOT NULL THEN constant END for a mask that is one value
 * for all, NULL for one that is always NULL; C NULL to leave the call.  The
 * expression has the type of the call.
 */
static Node *
fixed_mask(FuncExpr *call)
{
	HgMasker   *masker;
	Node	   *argument;
	NullTest   *test;
	CaseWhen   *when;
	CaseExpr   *result;

	if (!is_own_call(call))
		return NULL;
	masker = masker_of_call(call);
	if (masker == NULL)
		return (Node *) makeNullConst(call->funcresulttype, -1,
									  call->funccollid);
	if (masker->mask != hg_mask_constant)
		return NULL;
	argument = (Node *) linitial(call->args);

	test = makeNode(NullTest);
	test->arg = (Expr *) argument;
	test->nulltesttype = IS_NOT_NULL;
	/* of the datum: a row of NULLs has its mask */
	test->argisrow = false;
	test->location = -1;

	when = makeNode(CaseWhen);
	when->expr = (Expr *) test;
	when->result = (Expr *) makeConst(call->funcresulttype, -1,
									  call->funccollid, masker->typlen,
									  masker->constant, false,
									  masker->typbyval);
	when->location = -1;

	result = makeNode(CaseExpr);
	result->casetype = call->funcresulttype;
	result->casecollid = call->funccollid;
	result->args = list_make1(when);
	result->defresult = (Expr *) makeNullConst(call->funcresulttype, -1,
											   call->funccollid);
	result->location = -1;
	return (Node *) result;
}

/* hoopguard._mask_fixed_support(internal): planner support of _mask_fixed. */
Datum
hoopguard__mask_fixed_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	Node	   *result = NULL;

	if (IsA(request, SupportRequestSimplify))
		result = fixed_mask(((SupportRequestSimplify *) request)->fcall);
	PG_RETURN_POINTER(result);
}
