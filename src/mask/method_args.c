/*-------------------------------------------------------------------------
 *
 * method_args.c
 *	  The arguments of the mask methods: reading, and checking when a rule is
 *	  made.
 *
 * Reading never fails; what makes no sense counts as not given, since rules
 * can also be written into the table by hand.  Checking is strict: a rule
 * that masks otherwise than meant should not come to be.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "base/report.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mask/method.h"
#include "mask/method_key.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(hoopguard__check_mask_args);

/* what mask_write.c reads from the rule of any method */
#define EXISTENCE "existence"

/* ---------- reading ---------- */

JsonbValue *
hg_args_get(Jsonb *args, const char *key, JsonbValue *value)
{
	if (args == NULL || !JB_ROOT_IS_OBJECT(args))
		return NULL;
	return getKeyJsonValueFromContainer(&args->root, key, strlen(key), value);
}

double
hg_args_double(Jsonb *args, const char *key, double dflt)
{
	JsonbValue	value;

	if (hg_args_get(args, key, &value) == NULL || value.type != jbvNumeric)
		return dflt;
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  NumericGetDatum(value.val.numeric)));
}

int
hg_args_int(Jsonb *args, const char *key, int dflt, int max)
{
	double		number = hg_args_double(args, key, dflt);

	/* NaN fails both */
	return number >= max ? max : number >= 0 ? (int) number : 0;
}

char *
hg_args_text(Jsonb *args, const char *key)
{
	JsonbValue	value;

	if (hg_args_get(args, key, &value) == NULL)
		return NULL;
	switch (value.type)
	{
		case jbvString:
			return pnstrdup(value.val.string.val, value.val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value.val.numeric)));
		case jbvBool:
			return pstrdup(value.val.boolean ? "true" : "false");
		case jbvBinary:
			return JsonbToCString(NULL, value.val.binary.data,
								  value.val.binary.len);
		default:
			return NULL;
	}
}

/* ---------- checking ---------- */

static void
invalid(const HgMethod *method, const char *key, const char *what)
{
	ereport(ERROR,
			(errcode(HG_ERRCODE_POLICY),
			 errmsg("invalid argument \"%s\" of mask method \"%s\"",
					key, method->name),
			 errhint("It must be %s.", what)));
}

/* A number of the arguments, which may be missing. */
static bool
check_number(const HgMethod *method, Jsonb *args, const char *key,
			 double min, double max, bool whole, const char *what)
{
	JsonbValue	value;
	double		number;

	if (hg_args_get(args, key, &value) == NULL)
		return false;
	number = hg_args_double(args, key, NAN);
	if (value.type != jbvNumeric || !(number >= min && number <= max) ||
		(whole && number != rint(number)))
		invalid(method, key, what);
	return true;
}

static void
check_key(const HgMethod *method, Jsonb *args)
{
	HgPrf		prf;

	if (check_number(method, args, "key", PG_INT32_MIN, PG_INT32_MAX, true,
					 "the id of a row of hoopguard.mask_key") &&
		!hg_key_for(args, method->name, &prf))
		invalid(method, "key", "the id of a row of hoopguard.mask_key");
}

void
hg_check_constant(const HgMethod *method, Jsonb *args, Oid type, int32 typmod)
{
	JsonbValue	value;
	char	   *string = hg_args_text(args, "value");

	/* the columns of a class can have many types: NULL where it does not fit */
	if (hg_args_get(args, "value", &value) == NULL || !OidIsValid(type))
		return;
	if (string == NULL)
		invalid(method, "value", "a value, not null; that is method \"null\"");
	if (hg_masker_make(method, args, type, typmod) == NULL)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("invalid value for a column of type %s: \"%s\"",
						format_type_with_typemod(type, typmod), string),
				 errhint("The value of mask method \"constant\" must be one of the column's type.")));
}

void
hg_check_partial(const HgMethod *method, Jsonb *args, Oid type, int32 typmod)
{
	static const char what[] = "a whole number of characters, 1000 at most";
	JsonbValue	value;

	(void) check_number(method, args, "first", 0, HG_MAX_KEEP, true, what);
	(void) check_number(method, args, "last", 0, HG_MAX_KEEP, true, what);
	if (hg_args_get(args, "char", &value) != NULL &&
		(value.type != jbvString || value.val.string.len == 0 ||
		 pg_mbstrlen_with_len(value.val.string.val,
							  value.val.string.len) != 1))
		invalid(method, "char", "one character");
}

void
hg_check_hash(const HgMethod *method, Jsonb *args, Oid type, int32 typmod)
{
	(void) check_number(method, args, "length", 8, HG_PRF_LENGTH * 2, true,
						"a whole number from 8 to 64");
	check_key(method, args);
}

void
hg_check_token(const HgMethod *method, Jsonb *args, Oid type, int32 typmod)
{
	check_key(method, args);
}

/*
 * Is the column one that the method could mask, but not with what args give?
 * What no argument could help with becomes NULL, as for any method.
 */
static bool
lacks_argument(const HgMethod *method, Jsonb *args, Oid type, int32 typmod)
{
	HgShape		shape;

	if (!OidIsValid(type) ||
		hg_masker_make(method, args, type, typmod) != NULL)
		return false;
	shape = hg_shape_of(getBaseType(type));
	return (shape >= HG_SHAPE_INT2 && shape <= HG_SHAPE_DATE) ||
		shape == HG_SHAPE_TIMESTAMP || shape == HG_SHAPE_TIMESTAMPTZ;
}

void
hg_check_bucket(const HgMethod *method, Jsonb *args, Oid type, int32 typmod)
{
	bool		size;
	bool		days;

	size = check_number(method, args, "size", DBL_MIN, 9e15, false,
						"a number greater than 0");
	days = check_number(method, args, "days", 2, HG_MAX_DAYS, true,
						"a whole number of days greater than 1");
	if (!size && !days)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("mask method \"bucket\" needs the width of its buckets"),
				 errhint("Say {\"size\": 1000} for numbers, {\"days\": 7} for dates, or both.")));
	if (lacks_argument(method, args, type, typmod))
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("mask method \"bucket\" with these arguments leaves nothing of a column of type %s",
						format_type_with_typemod(type, typmod)),
				 errhint("Whole numbers need a whole \"size\" greater than 1, other numbers \"size\", dates \"days\".")));
}

void
hg_check_noise(const HgMethod *method, Jsonb *args, Oid type, int32 typmod)
{
	bool		ratio;
	bool		days;

	ratio = check_number(method, args, "ratio", DBL_MIN, 1, false,
						 "a number greater than 0, and 1 at most");
	days = check_number(method, args, "days", 1, HG_MAX_DAYS, true,
						"a whole number of days greater than 0");
	if (!ratio && !days)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("mask method \"noise\" needs the amount of noise"),
				 errhint("Say {\"ratio\": 0.1} for numbers, {\"days\": 30} for dates, or both.")));
	check_key(method, args);
	if (lacks_argument(method, args, type, typmod))
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("mask method \"noise\" with these arguments leaves nothing of a column of type %s",
						format_type_with_typemod(type, typmod)),
				 errhint("Numbers need \"ratio\", dates \"days\".")));
}

/* HG014 for the first member of args that the method does not know. */
static void
check_keys(const HgMethod *method, Jsonb *args)
{
	JsonbIterator *it = JsonbIteratorInit(&args->root);
	JsonbIteratorToken token;
	JsonbValue	v;

	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		StringInfoData known;
		char	   *key;
		int			i;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(v.val.string.val, v.val.string.len);
		initStringInfo(&known);
		for (i = 0; method->keys[i] != NULL; i++)
		{
			if (strcmp(method->keys[i], key) == 0)
				break;
			appendStringInfo(&known, "%s, ", method->keys[i]);
		}
		if (method->keys[i] != NULL || strcmp(key, EXISTENCE) == 0)
			continue;
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("unrecognized argument \"%s\" of mask method \"%s\"",
						key, method->name),
				 errhint("Its arguments are: %s%s.", known.data, EXISTENCE)));
	}
}

static void
check_existence(const HgMethod *method, Jsonb *args)
{
	JsonbValue	value;
	char	   *text;

	if (hg_args_get(args, EXISTENCE, &value) == NULL)
		return;
	text = hg_args_text(args, EXISTENCE);
	if (value.type != jbvString ||
		(strcmp(text, "refuse") != 0 && strcmp(text, "count") != 0))
		invalid(method, EXISTENCE, "\"count\" or \"refuse\"");
}

/*
 * _check_mask_args(method text, args jsonb, type regtype, typmod int4)
 *
 * HG014 if there is no such method, or it cannot do with these arguments.
 * type is that of the column, or NULL or 0 for a class.
 */
Datum
hoopguard__check_mask_args(PG_FUNCTION_ARGS)
{
	static const char *const no_keys[] = {NULL};
	static const HgMethod none = {"none", NULL, true, no_keys};
	char	   *name = PG_ARGISNULL(0) ? pstrdup("NULL") :
		text_to_cstring(PG_GETARG_TEXT_PP(0));
	const HgMethod *method = PG_ARGISNULL(0) ? NULL :
		hg_method_find(name, strlen(name));
	Oid			type = PG_ARGISNULL(2) ? InvalidOid : PG_GETARG_OID(2);
	int32		typmod = PG_ARGISNULL(3) ? -1 : PG_GETARG_INT32(3);
	Jsonb	   *args;

	if (!PG_ARGISNULL(0) && strcmp(name, none.name) == 0)
		method = &none;
	if (method == NULL)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("unrecognized mask method: \"%s\"", name),
				 errhint("Methods are: none, %s.", hg_method_names())));
	if (PG_ARGISNULL(1) || !JB_ROOT_IS_OBJECT(PG_GETARG_JSONB_P(1)))
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("arguments of mask method \"%s\" must be a JSON object",
						name)));
	args = PG_GETARG_JSONB_P(1);
	check_keys(method, args);
	check_existence(method, args);
	if (method->check != NULL)
		method->check(method, args, type, typmod);
	PG_RETURN_VOID();
}
