/*-------------------------------------------------------------------------
 *
 * method_json.c
 *	  Method json, and other methods on json, jsonb and hstore.
 *
 * Keys stay; of the leaves, texts are masked as text, numbers as numeric and
 * truth values as bool.  What the method cannot mask becomes null.  With
 * method json the way to a leaf decides how it is masked:
 *
 *	{"paths": {"$.person.name": "redact",
 *			   "$.tags[*]": {"method": "partial", "args": {"last": 2}}},
 *	 "default": "none", "numbers": true}
 *
 * A path holds for everything below it, and the longest one wins.  As in lax
 * mode of SQL/JSON, a step by name goes through arrays.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/report.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mask/method_json.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

/* more than anybody writes */
#define MAX_STEPS 64

/* Leaves of a value may grow by their masks up to this. */
#define MAX_SIZE (200 * 1024 * 1024)

typedef enum StepKind
{
	STEP_KEY,					/* .name or ["name"] */
	STEP_ANY_KEY,				/* .* */
	STEP_INDEX,					/* [3] */
	STEP_ANY_INDEX				/* [*] */
} StepKind;

typedef struct PathStep
{
	StepKind	kind;
	char	   *key;
	int			len;
	int			index;
} PathStep;

typedef struct PathRule
{
	PathStep	steps[MAX_STEPS];
	int			nsteps;
	int			exact;			/* steps that are no wildcards */
	HgJsonLeaf	leaf;
} PathRule;

typedef struct JsonState
{
	int			nrules;
	PathRule   *rules;			/* the first that matches decides */
	HgJsonLeaf	otherwise;
} JsonState;

/* ---------- paths ---------- */

static bool
is_name_char(char c)
{
	return IS_HIGHBIT_SET(c) || c == '_' || c == '-' || c == '$' ||
		(c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		(c >= 'A' && c <= 'Z');
}

/* [3], [*] or ["name"], behind the bracket; NULL if it is none of them. */
static const char *
parse_bracket(const char *p, PathStep *step)
{
	if (*p == '*')
	{
		step->kind = STEP_ANY_INDEX;
		p++;
	}
	else if (*p == '"' || *p == '\'')
	{
		const char *end = strchr(p + 1, *p);

		if (end == NULL)
			return NULL;
		step->kind = STEP_KEY;
		step->len = end - p - 1;
		step->key = pnstrdup(p + 1, step->len);
		p = end + 1;
	}
	else
	{
		int			digits = 0;

		step->kind = STEP_INDEX;
		step->index = 0;
		for (; *p >= '0' && *p <= '9'; p++)
		{
			if (++digits > 9)
				return NULL;
			step->index = step->index * 10 + (*p - '0');
		}
		if (digits == 0)
			return NULL;
	}
	return *p == ']' ? p + 1 : NULL;
}

/* False if the text is no path. */
static bool
parse_path(const char *p, PathRule *rule)
{
	rule->nsteps = 0;
	rule->exact = 0;
	if (*p++ != '$')
		return false;
	while (*p != '\0')
	{
		PathStep   *step = &rule->steps[rule->nsteps];

		if (rule->nsteps == MAX_STEPS)
			return false;
		if (*p == '[')
			p = parse_bracket(p + 1, step);
		else if (p[0] == '.' && p[1] == '*')
		{
			step->kind = STEP_ANY_KEY;
			p += 2;
		}
		else if (p[0] == '.' && p[1] == '"')
		{
			const char *end = strchr(p + 2, '"');

			if (end == NULL)
				return false;
			step->kind = STEP_KEY;
			step->len = end - p - 2;
			step->key = pnstrdup(p + 2, step->len);
			p = end + 1;
		}
		else if (p[0] == '.' && is_name_char(p[1]))
		{
			const char *start = ++p;

			while (is_name_char(*p))
				p++;
			step->kind = STEP_KEY;
			step->len = p - start;
			step->key = pnstrdup(start, step->len);
		}
		else
			return false;
		if (p == NULL)
			return false;
		if (step->kind == STEP_KEY || step->kind == STEP_INDEX)
			rule->exact++;
		rule->nsteps++;
	}
	return true;
}

/* Do the steps of a leaf begin with the path? */
static bool
path_matches(const PathRule *rule, const HgJsonStep *steps, int nsteps)
{
	int			i = 0;
	int			at = 0;

	while (i < rule->nsteps)
	{
		const PathStep *step = &rule->steps[i];
		bool		by_key = step->kind == STEP_KEY ||
			step->kind == STEP_ANY_KEY;

		if (at == nsteps)
		{
			/* what is no array counts as one of one element */
			if (step->kind == STEP_ANY_INDEX ||
				(step->kind == STEP_INDEX && step->index == 0))
			{
				i++;
				continue;
			}
			return false;
		}
		if (by_key && steps[at].key == NULL)
		{
			at++;
			continue;
		}
		if (!by_key && steps[at].key != NULL)
		{
			if (step->kind == STEP_INDEX && step->index != 0)
				return false;
			i++;
			continue;
		}
		switch (step->kind)
		{
			case STEP_KEY:
				if (step->len != steps[at].len ||
					memcmp(step->key, steps[at].key, step->len) != 0)
					return false;
				break;
			case STEP_INDEX:
				if (step->index != steps[at].index)
					return false;
				break;
			default:
				break;
		}
		i++;
		at++;
	}
	return true;
}

const HgJsonLeaf *
hg_json_leaf(HgMasker *masker, const HgJsonStep *steps, int nsteps)
{
	const JsonState *state = (JsonState *) masker->state;
	int			i;

	for (i = 0; i < state->nrules; i++)
	{
		if (path_matches(&state->rules[i], steps, nsteps))
			return &state->rules[i].leaf;
	}
	return &state->otherwise;
}

/* ---------- jsonb ---------- */

/* Replace the leaf by its mask; the size of what is new is added to *size. */
static void
mask_leaf(HgMasker *masker, const HgJsonStep *steps, int nsteps,
		  JsonbValue *value, int64 *size)
{
	const HgJsonLeaf *leaf = hg_json_leaf(masker, steps, nsteps);
	Datum		mask;
	text	   *t;

	switch (value->type)
	{
		case jbvString:
			if (leaf->keep_text)
				break;
			t = cstring_to_text_with_len(value->val.string.val,
										 value->val.string.len);
			if (!hg_masker_apply(leaf->text, PointerGetDatum(t), &mask))
			{
				value->type = jbvNull;
				break;
			}
			t = DatumGetTextPP(mask);
			value->val.string.val = VARDATA_ANY(t);
			value->val.string.len = VARSIZE_ANY_EXHDR(t);
			break;
		case jbvNumeric:
			if (leaf->keep_number)
				break;
			if (!hg_masker_apply(leaf->number,
								 NumericGetDatum(value->val.numeric), &mask))
			{
				value->type = jbvNull;
				break;
			}
			value->val.numeric = DatumGetNumeric(mask);
			break;
		case jbvBool:
			if (leaf->keep_bool)
				break;
			if (!hg_masker_apply(leaf->boolean,
								 BoolGetDatum(value->val.boolean), &mask))
			{
				value->type = jbvNull;
				break;
			}
			value->val.boolean = DatumGetBool(mask);
			break;
		default:
			break;
	}
	*size += value->type == jbvString ? value->val.string.len :
		value->type == jbvNumeric ? VARSIZE_ANY(value->val.numeric) : 0;
}

static bool
mask_jsonb(HgMasker *masker, Datum value, Datum *result)
{
	Jsonb	   *jsonb = DatumGetJsonbP(value);
	HgJsonStep	steps[HG_JSON_DEPTH];
	int			depth = 0;
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	bool		scalar = it->isScalar;
	JsonbParseState *parse = NULL;
	JsonbValue *top = NULL;
	JsonbIteratorToken token;
	JsonbValue	v;
	int64		size = 0;

	while ((token = JsonbIteratorNext(&it, &v, false)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		switch (token)
		{
			case WJB_BEGIN_ARRAY:
			case WJB_BEGIN_OBJECT:
				if (depth == HG_JSON_DEPTH)
					return false;
				/* an element of an array is counted before it is entered */
				if (depth > 0 && steps[depth - 1].key == NULL)
					steps[depth - 1].index++;
				steps[depth].key = NULL;
				steps[depth].len = 0;
				steps[depth].index = -1;
				depth++;
				top = pushJsonbValue(&parse, token, NULL);
				break;
			case WJB_END_ARRAY:
			case WJB_END_OBJECT:
				depth--;
				top = pushJsonbValue(&parse, token, NULL);
				break;
			case WJB_KEY:
				steps[depth - 1].key = v.val.string.val;
				steps[depth - 1].len = v.val.string.len;
				size += v.val.string.len;
				top = pushJsonbValue(&parse, token, &v);
				break;
			case WJB_ELEM:
				steps[depth - 1].index++;
				mask_leaf(masker, steps, scalar ? 0 : depth, &v, &size);
				top = pushJsonbValue(&parse, token, &v);
				break;
			case WJB_VALUE:
				mask_leaf(masker, steps, depth, &v, &size);
				top = pushJsonbValue(&parse, token, &v);
				break;
			default:
				return false;
		}
		if (size > MAX_SIZE)
			return false;
	}
	if (top == NULL)
		return false;
	if (top->type == jbvArray)
		top->val.array.rawScalar = scalar;
	*result = JsonbPGetDatum(JsonbValueToJsonb(top));
	return true;
}

/* ---------- json ---------- */

static bool
mask_json(HgMasker *masker, Datum value, Datum *result)
{
	text	   *t = DatumGetTextPP(value);
	StringInfoData out;
	bool		ok;

	initStringInfo(&out);
	ok = hg_json_mask_text(masker, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t),
						   &out);
	if (ok)
		*result = PointerGetDatum(cstring_to_text_with_len(out.data,
														   out.len));
	pfree(out.data);
	return ok;
}

/* Text that holds json; what does not becomes NULL. */
static bool
mask_text(HgMasker *masker, Datum value, Datum *result)
{
	int			len;
	const char *s = hg_text_get(masker, value, &len);
	StringInfoData out;
	bool		ok;

	initStringInfo(&out);
	ok = hg_json_mask_text(masker, s, len, &out);
	/* half of a json text is none */
	if (ok && masker->typmod >= (int32) VARHDRSZ &&
		out.len > masker->typmod - VARHDRSZ)
		ok = false;
	if (ok)
		*result = hg_text_make(masker, out.data, out.len);
	pfree(out.data);
	return ok;
}

/* ---------- hstore ---------- */

/*
 * The layout of contrib/hstore/hstore.h, whose header need not be installed:
 * a count with a flag for this version of the layout, two entries for each
 * pair with the end of its string and flags, and the strings, key and value
 * by turns.
 */
#define HSTORE_VERSION 0x80000000U
#define HSTORE_COUNT 0x0FFFFFFFU
#define ENTRY_FIRST 0x80000000U
#define ENTRY_NULL 0x40000000U
#define ENTRY_END 0x3FFFFFFFU

static bool
mask_hstore(HgMasker *masker, Datum value, Datum *result)
{
	struct varlena *hstore = PG_DETOAST_DATUM(value);
	const uint32 *words = (const uint32 *) VARDATA(hstore);
	int			room = VARSIZE(hstore) - VARHDRSZ;
	uint32		count;
	const uint32 *entries = words + 1;
	const char *strings;
	StringInfoData out;
	uint32	   *new_entries;
	uint32		i;

	if (room < sizeof(uint32))
		return false;
	count = words[0] & HSTORE_COUNT;
	if (count == 0)
	{
		*result = PointerGetDatum(hstore);
		return true;
	}
	/* older ones are upgraded by hstore itself, on the next write */
	if ((words[0] & HSTORE_VERSION) == 0 ||
		count > (room - sizeof(uint32)) / (2 * sizeof(uint32)))
		return false;
	strings = (const char *) (entries + 2 * count);
	new_entries = palloc(2 * count * sizeof(uint32));
	initStringInfo(&out);

	for (i = 0; i < count; i++)
	{
		uint32		key_start = i == 0 ? 0 : entries[2 * i - 1] & ENTRY_END;
		uint32		key_end = entries[2 * i] & ENTRY_END;
		uint32		value_end = entries[2 * i + 1] & ENTRY_END;
		HgJsonStep	step;
		const HgJsonLeaf *leaf;
		Datum		mask;
		bool		null = (entries[2 * i + 1] & ENTRY_NULL) != 0;

		CHECK_FOR_INTERRUPTS();
		if (key_end < key_start || value_end < key_end ||
			value_end > room - (strings - (const char *) words) ||
			out.len > MAX_SIZE)
			return false;
		step.key = strings + key_start;
		step.len = key_end - key_start;
		step.index = 0;
		leaf = hg_json_leaf(masker, &step, 1);

		appendBinaryStringInfo(&out, step.key, step.len);
		new_entries[2 * i] = (uint32) out.len | (i == 0 ? ENTRY_FIRST : 0);
		if (!null && leaf->keep_text)
			appendBinaryStringInfo(&out, strings + key_end,
								   value_end - key_end);
		else if (!null)
		{
			text	   *t = cstring_to_text_with_len(strings + key_end,
													 value_end - key_end);

			if (hg_masker_apply(leaf->text, PointerGetDatum(t), &mask))
			{
				t = DatumGetTextPP(mask);
				appendBinaryStringInfo(&out, VARDATA_ANY(t),
									   VARSIZE_ANY_EXHDR(t));
			}
			else
				null = true;
		}
		new_entries[2 * i + 1] = (uint32) out.len | (null ? ENTRY_NULL : 0);
	}

	room = VARHDRSZ + sizeof(uint32) + 2 * count * sizeof(uint32) + out.len;
	hstore = palloc(room);
	SET_VARSIZE(hstore, room);
	memcpy(VARDATA(hstore), words, sizeof(uint32));
	memcpy(VARDATA(hstore) + sizeof(uint32), new_entries,
		   2 * count * sizeof(uint32));
	memcpy(VARDATA(hstore) + sizeof(uint32) + 2 * count * sizeof(uint32),
		   out.data, out.len);
	*result = PointerGetDatum(hstore);
	return true;
}

/* ---------- setup ---------- */

static HgMaskFunction
mask_function(HgShape shape)
{
	switch (shape)
	{
		case HG_SHAPE_JSONB:
			return mask_jsonb;
		case HG_SHAPE_JSON:
			return mask_json;
		case HG_SHAPE_HSTORE:
			return mask_hstore;
		default:
			return NULL;
	}
}

static void
make_leaf(const HgMethod *method, Jsonb *args, HgJsonLeaf *leaf)
{
	leaf->text = hg_masker_make(method, args, TEXTOID, -1);
	leaf->number = hg_masker_make(method, args, NUMERICOID, -1);
	leaf->boolean = hg_masker_make(method, args, BOOLOID, -1);
}

void
hg_setup_leaves(HgMasker *masker)
{
	JsonState  *state = palloc0(sizeof(JsonState));

	make_leaf(masker->method, masker->args, &state->otherwise);
	if (state->otherwise.text == NULL && state->otherwise.number == NULL)
		return;
	masker->state = state;
	masker->mask = mask_function(masker->shape);
}

/*
 * "method", or {"method": "...", "args": {...}}.  False if it names no method
 * that can mask a leaf.
 */
static bool
read_leaf(JsonbValue *value, HgJsonLeaf *leaf, const char **bad)
{
	const HgMethod *method;
	Jsonb	   *args = NULL;
	char	   *name = NULL;

	memset(leaf, 0, sizeof(HgJsonLeaf));
	if (value->type == jbvString)
		name = pnstrdup(value->val.string.val, value->val.string.len);
	else if (value->type == jbvBinary)
	{
		Jsonb	   *object = JsonbValueToJsonb(value);
		JsonbValue	member;

		name = hg_args_text(object, "method");
		if (hg_args_get(object, "args", &member) != NULL)
			args = JsonbValueToJsonb(&member);
	}
	if (bad != NULL)
		*bad = name == NULL ? "" : name;
	if (name == NULL)
		return false;
	if (strcmp(name, "none") == 0)
	{
		leaf->keep_text = leaf->keep_number = leaf->keep_bool = true;
		return true;
	}
	method = hg_method_find(name, strlen(name));
	if (method == NULL || method->setup == hg_setup_json ||
		method->setup == hg_setup_expression)
		return false;
	make_leaf(method, args, leaf);
	return true;
}

/* Longer paths first, then those with fewer wildcards. */
static int
compare_rules(const void *a, const void *b)
{
	const PathRule *left = (const PathRule *) a;
	const PathRule *right = (const PathRule *) b;

	if (left->nsteps != right->nsteps)
		return left->nsteps > right->nsteps ? -1 : 1;
	return right->exact - left->exact;
}

/*
 * The rules of "paths".  What is wrong in them is described in *problem, and
 * masks everything.
 */
static void
read_paths(JsonbValue *paths, JsonState *state, char **problem)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	v;
	PathRule   *rule = NULL;

	if (paths->type != jbvBinary ||
		!JsonContainerIsObject(paths->val.binary.data))
	{
		*problem = pstrdup("\"paths\" of mask method \"json\" must be an object");
		return;
	}
	state->rules = palloc0(JsonContainerSize(paths->val.binary.data) *
						   sizeof(PathRule) + 1);
	it = JsonbIteratorInit(paths->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			char	   *path = pnstrdup(v.val.string.val, v.val.string.len);

			rule = &state->rules[state->nrules];
			if (parse_path(path, rule))
				continue;
			*problem = psprintf("invalid path \"%s\"", path);
			rule->nsteps = rule->exact = 0;
		}
		else if (token == WJB_VALUE && rule != NULL)
		{
			const char *bad;

			if (!read_leaf(&v, &rule->leaf, &bad))
				*problem = psprintf("mask method \"%s\" cannot mask a part of a value",
									bad);
			state->nrules++;
		}
	}
	qsort(state->rules, state->nrules, sizeof(PathRule), compare_rules);
}

static JsonState *
read_args(Jsonb *args, char **problem)
{
	JsonState  *state = palloc0(sizeof(JsonState));
	JsonbValue	value;
	JsonbValue	redact;
	const char *bad;

	*problem = NULL;
	if (hg_args_get(args, "paths", &value) != NULL)
		read_paths(&value, state, problem);
	if (hg_args_get(args, "default", &value) != NULL)
	{
		if (!read_leaf(&value, &state->otherwise, &bad))
			*problem = psprintf("mask method \"%s\" cannot mask a part of a value",
								bad);
	}
	else
	{
		redact.type = jbvString;
		redact.val.string.val = "redact";
		redact.val.string.len = strlen("redact");
		(void) read_leaf(&redact, &state->otherwise, NULL);
	}
	/* numbers and truth values that no path names are left, if not said */
	state->otherwise.keep_bool = true;
	state->otherwise.keep_number = true;
	if (hg_args_get(args, "numbers", &value) != NULL)
	{
		if (value.type != jbvBool)
			*problem = pstrdup("\"numbers\" of mask method \"json\" must be true or false");
		else if (value.val.boolean)
			state->otherwise.keep_number =
				state->otherwise.keep_text && state->otherwise.text == NULL;
	}
	if (*problem != NULL)
	{
		state->nrules = 0;
		memset(&state->otherwise, 0, sizeof(HgJsonLeaf));
	}
	return state;
}

void
hg_setup_json(HgMasker *masker)
{
	char	   *problem;

	masker->mask = hg_shape_is_text(masker->shape) ? mask_text :
		mask_function(masker->shape);
	if (masker->mask != NULL)
		masker->state = read_args(masker->args, &problem);
}

void
hg_check_json(const HgMethod *method, Jsonb *args, Oid type, int32 typmod)
{
	char	   *problem;

	(void) read_args(args, &problem);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg_internal("%s", problem),
				 errhint("For example: {\"paths\": {\"$.person.name\": \"redact\", \"$.tags[*]\": \"none\"}, \"default\": \"token\", \"numbers\": true}.")));
}
