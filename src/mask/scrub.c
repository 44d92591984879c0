/*-------------------------------------------------------------------------
 *
 * scrub.c
 *	  Replaces what is found inside of texts; the method "scrub".
 *
 * What policy/detect.h finds becomes "[email]" and the like, everything else
 * stays; scrub_text.c does so.  A value is looked at to its end or hidden as
 * a whole.
 *
 * Numbers, dates and the like pass, but for integers that are a card; of a
 * type whose values can show text and that is not known here the text is
 * looked at, and the value becomes NULL when something is found in it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/report.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mask/memoize.h"
#include "mask/scrub.h"
#include "mask/scrub_text.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "policy/classify.h"
#include "policy/detect.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

/* A longer text in which something is found becomes NULL. */
#define MAX_CHANGED (MaxAllocSize / 4)

/* Of the column whose masker is being made; see hg_scrub_masker. */
static const char *making_context = NULL;

/* What masker->state of a scrubbing masker points to. */
typedef struct Scrub
{
	HgContext	context;		/* name of the column */
	bool		partial;		/* keep what the class's own mask keeps */
	bool		found;			/* something, in the last text */
	HgScrubStyle style;
	HgMasker   *by_class[4];	/* for text: email, phone, card, ip */
	HgMaskFunction look;		/* asked where a value did not come before */
	HgMemoize	memoize;
	FmgrInfo	output;			/* types known by their text only */
	TupleDesc	desc;			/* of the record met last */
	HgMasker  **fields;			/* its maskers */
	MemoryContext memory;		/* of these two */
} Scrub;

static const char *const partial_classes[4] = {
	"email", "phone", "credit_card", "ip_address"
};
static const char *const partial_methods[4] = {
	"email", "phone", "card", "ip"
};

/* ---------- replacing ---------- */

/* What the class's own mask makes of a span; false if it is not one of four. */
static bool
replace_partly(void *arg, const char *s, const HgSpan *span, StringInfo out)
{
	const Scrub *scrub = arg;

	for (int i = 0; i < lengthof(partial_classes); i++)
	{
		Datum		piece;
		Datum		masked;
		text	   *t;

		if (strcmp(span->class_name, partial_classes[i]) != 0)
			continue;
		piece = PointerGetDatum(cstring_to_text_with_len(s + span->start,
														 span->end - span->start));
		if (!hg_masker_apply(scrub->by_class[i], piece, &masked))
			return false;
		t = DatumGetTextPP(masked);
		appendBinaryStringInfo(out, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
		return true;
	}
	return false;
}

/* ---------- the method ---------- */

static bool
mask_text(HgMasker *masker, Datum value, Datum *result)
{
	Scrub	   *scrub = masker->state;
	StringInfoData out;
	const char *s;
	int			len;

	s = hg_text_get(masker, value, &len);
	if (len > MAX_CHANGED)
	{
		HgScan		scan;
		HgSpan		span;

		hg_detect_begin_in(&scan, s, len, &scrub->context, false);
		hg_detect_trust_words(&scan, false);
		*result = value;
		return !hg_detect_next(&scan, &span);
	}
	*result = value;
	/* after one that held something the next one seldom holds nothing */
	if (!scrub->found && hg_detect_nothing(s, len))
		return true;
	/* many texts hold nothing: no memory for them */
	memset(&out, 0, sizeof(out));
	out.cursor = VARHDRSZ;
	scrub->found = hg_scrub_spans(scrub->partial ? &scrub->style : NULL, s,
								  len, NULL, s, len, &scrub->context, true,
								  "\"", &out) > 0;
	if (!scrub->found)
		return true;
	if ((masker->shape == HG_SHAPE_TEXT || masker->shape == HG_SHAPE_CITEXT) &&
		masker->typmod < (int32) VARHDRSZ)
	{
		SET_VARSIZE(out.data, out.len);
		*result = PointerGetDatum(out.data);
		return true;
	}
	*result = hg_text_make(masker, out.data + VARHDRSZ, out.len - VARHDRSZ);
	pfree(out.data);
	return true;
}

static bool
mask_json(HgMasker *masker, Datum value, Datum *result)
{
	text	   *t = DatumGetTextPP(value);
	Scrub	   *scrub = masker->state;
	StringInfoData out;

	if (VARSIZE_ANY_EXHDR(t) > MAX_CHANGED)
		return false;
	initStringInfo(&out);
	if (hg_scrub_json(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t), &scrub->context,
					  &out))
		*result = PointerGetDatum(cstring_to_text_with_len(out.data, out.len));
	else
		*result = value;
	pfree(out.data);
	return true;
}

static bool
mask_jsonb(HgMasker *masker, Datum value, Datum *result)
{
	Jsonb	   *jsonb = DatumGetJsonbP(value);
	Scrub	   *scrub = masker->state;
	StringInfoData text;
	StringInfoData out;

	if (VARSIZE(jsonb) > MAX_CHANGED)
		return false;
	initStringInfo(&text);
	(void) JsonbToCString(&text, &jsonb->root, VARSIZE(jsonb));
	initStringInfo(&out);
	if (hg_scrub_json(text.data, text.len, &scrub->context, &out))
		*result = DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
	else
		*result = value;
	pfree(text.data);
	pfree(out.data);
	return true;
}

static bool
mask_xml(HgMasker *masker, Datum value, Datum *result)
{
	text	   *t = DatumGetTextPP(value);
	Scrub	   *scrub = masker->state;
	StringInfoData out;
	int			changed;

	if (VARSIZE_ANY_EXHDR(t) > MAX_CHANGED)
		return false;
	initStringInfo(&out);
	changed = hg_scrub_xml(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t),
						   &scrub->context, &out);
	if (changed > 0)
		*result = PointerGetDatum(cstring_to_text_with_len(out.data, out.len));
	else
		*result = value;
	pfree(out.data);
	return changed >= 0;
}

/* Is there anything in these bytes? */
static bool
holds_something(const char *s, int len, const HgContext *context, bool whole)
{
	HgScan		scan;
	HgSpan		span;

	hg_detect_begin_in(&scan, s, len, context, whole);
	hg_detect_trust_words(&scan, false);
	return hg_detect_next(&scan, &span);
}

static bool
mask_bytes(HgMasker *masker, Datum value, Datum *result)
{
	bytea	   *bytes = DatumGetByteaPP(value);
	Scrub	   *scrub = masker->state;

	*result = value;
	if (!holds_something(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes),
						 &scrub->context, false))
		return true;
	hg_scrub_replaced++;
	return false;
}

/* By its text: itself, or NULL. */
static bool
mask_by_text(HgMasker *masker, Datum value, Datum *result)
{
	Scrub	   *scrub = masker->state;
	char	   *s = OutputFunctionCall(&scrub->output, value);
	bool		found;

	found = holds_something(s, strlen(s), &scrub->context,
							masker->shape == HG_SHAPE_INT8 ||
							masker->shape == HG_SHAPE_NUMERIC);
	pfree(s);
	*result = value;
	if (!found)
		return true;
	hg_scrub_replaced++;
	return false;
}

/* Of a varlena type: as the value was masked when it came before, or anew. */
static bool
mask_again(HgMasker *masker, Datum value, Datum *result)
{
	Scrub	   *scrub = masker->state;
	struct varlena *bytes = (struct varlena *) DatumGetPointer(value);
	const char *key = VARDATA_ANY(bytes);
	int64		before = hg_scrub_replaced;
	const HgMemo *memo;
	HgMemo	   *spare;
	int			len;
	bool		kept;

	if (!hg_memoize_pays(&scrub->memoize) ||
		VARATT_IS_EXTERNAL(bytes) || VARATT_IS_COMPRESSED(bytes) ||
		(len = VARSIZE_ANY_EXHDR(bytes)) == 0 || len > HG_MEMOIZE_MAX ||
		(scrub->look == mask_text && hg_detect_nothing(key, len)))
		return scrub->look(masker, value, result);

	memo = hg_memoize_find(&scrub->memoize, key, len, &spare);
	if (memo != NULL)
	{
		hg_scrub_replaced += memo->replaced;
		*result = value;
		if (memo->result_len > 0)
			*result = PointerGetDatum(memcpy(palloc(memo->result_len),
											 hg_memo_result(memo),
											 memo->result_len));
		return true;
	}
	kept = scrub->look(masker, value, result);
	if (kept)
		hg_memoize_keep(&scrub->memoize, spare, key, len,
						DatumGetPointer(*result),
						*result == value ? 0 : VARSIZE_ANY(DatumGetPointer(*result)),
						hg_scrub_replaced - before);
	return kept;
}

/*
 * A row without a type of its own brings its description with it.
 */
static bool
mask_record(HgMasker *masker, Datum value, Datum *result)
{
	Scrub	   *scrub = masker->state;
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	Oid			type = HeapTupleHeaderGetTypeId(header);
	int32		typmod = HeapTupleHeaderGetTypMod(header);
	HeapTupleData tuple;
	Datum	   *values;
	bool	   *nulls;

	check_stack_depth();
	if (scrub->desc == NULL || scrub->desc->tdtypeid != type ||
		scrub->desc->tdtypmod != typmod)
	{
		MemoryContext old;
		TupleDesc	desc;
		HgMasker  **fields;

		scrub->desc = NULL;
		MemoryContextReset(scrub->memory);
		old = MemoryContextSwitchTo(scrub->memory);
		desc = lookup_rowtype_tupdesc_copy(type, typmod);
		fields = palloc0(Max(desc->natts, 1) * sizeof(HgMasker *));
		for (int i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute att = TupleDescAttr(desc, i);

			if (!att->attisdropped)
				fields[i] = hg_scrub_masker(att->atttypid, att->atttypmod,
											NULL);
		}
		desc->tdtypeid = type;
		desc->tdtypmod = typmod;
		scrub->desc = desc;
		scrub->fields = fields;
		MemoryContextSwitchTo(old);
	}
	if (HeapTupleHeaderGetNatts(header) > scrub->desc->natts)
		return false;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	values = palloc(scrub->desc->natts * sizeof(Datum));
	nulls = palloc(scrub->desc->natts * sizeof(bool));
	heap_deform_tuple(&tuple, scrub->desc, values, nulls);
	for (int i = 0; i < scrub->desc->natts; i++)
		if (!nulls[i])
			nulls[i] = !hg_masker_apply(scrub->fields[i], values[i],
										&values[i]);
	*result = HeapTupleGetDatum(heap_form_tuple(scrub->desc, values, nulls));
	return true;
}

static bool
mask_nothing(HgMasker *masker, Datum value, Datum *result)
{
	*result = value;
	return true;
}

static bool
shape_harmless(HgShape shape)
{
	switch (shape)
	{
		case HG_SHAPE_CHAR:
		case HG_SHAPE_BOOL:
		case HG_SHAPE_INT2:
		case HG_SHAPE_INT4:
		case HG_SHAPE_MONEY:
		case HG_SHAPE_FLOAT4:
		case HG_SHAPE_FLOAT8:
		case HG_SHAPE_DATE:
		case HG_SHAPE_TIME:
		case HG_SHAPE_TIMETZ:
		case HG_SHAPE_TIMESTAMP:
		case HG_SHAPE_TIMESTAMPTZ:
		case HG_SHAPE_INTERVAL:
		case HG_SHAPE_UUID:
		case HG_SHAPE_INET:
		case HG_SHAPE_CIDR:
		case HG_SHAPE_MACADDR:
		case HG_SHAPE_MACADDR8:
		case HG_SHAPE_BIT:
		case HG_SHAPE_VARBIT:
		case HG_SHAPE_ENUM:
			return true;
		default:
			return false;
	}
}

bool
hg_scrub_harmless(Oid type)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);

	if (OidIsValid(element))
		base = getBaseType(element);
	return shape_harmless(hg_shape_of(base));
}

void
hg_setup_scrub(HgMasker *masker)
{
	Scrub	   *scrub = palloc0(sizeof(Scrub));
	char	   *style = hg_args_text(masker->args, "style");
	Oid			function;
	bool		varlena;

	masker->state = scrub;
	hg_detect_context(&scrub->context,
					  making_context ? pstrdup(making_context) : NULL);
	if (shape_harmless(masker->shape))
	{
		masker->mask = mask_nothing;
		return;
	}
	switch (masker->shape)
	{
		case HG_SHAPE_TEXT:
		case HG_SHAPE_CITEXT:
		case HG_SHAPE_BPCHAR:
		case HG_SHAPE_NAME:
			masker->mask = mask_text;
			break;
		case HG_SHAPE_JSON:
			masker->mask = mask_json;
			break;
		case HG_SHAPE_JSONB:
			masker->mask = mask_jsonb;
			break;
		case HG_SHAPE_XML:
			masker->mask = mask_xml;
			break;
		case HG_SHAPE_BYTEA:
			masker->mask = mask_bytes;
			break;
		default:
			if (masker->type == RECORDOID)
			{
				scrub->memory = AllocSetContextCreate(CurrentMemoryContext,
													  "hoopguard scrub record",
													  ALLOCSET_SMALL_SIZES);
				masker->mask = mask_record;
				break;
			}
			getTypeOutputInfo(masker->type, &function, &varlena);
			fmgr_info(function, &scrub->output);
			masker->mask = mask_by_text;
			break;
	}
	/* in JSON and XML a mask could break the syntax */
	if (style != NULL && strcmp(style, "partial") == 0 &&
		masker->mask == mask_text)
	{
		scrub->partial = true;
		scrub->style.replace = replace_partly;
		scrub->style.arg = scrub;
		for (int i = 0; i < lengthof(partial_methods); i++)
			scrub->by_class[i] =
				hg_masker_make(hg_method_find(partial_methods[i],
											  strlen(partial_methods[i])),
							   NULL, TEXTOID, -1);
	}
	if (masker->typlen == -1 &&
		(masker->mask == mask_text || masker->mask == mask_json ||
		 masker->mask == mask_jsonb || masker->mask == mask_xml))
	{
		scrub->look = masker->mask;
		masker->mask = mask_again;
		hg_memoize_begin(&scrub->memoize, CurrentMemoryContext);
	}
}

void
hg_check_scrub(const HgMethod *method, Jsonb *args, Oid type, int32 typmod)
{
	char	   *style = hg_args_text(args, "style");

	if (style != NULL && strcmp(style, "tag") != 0 &&
		strcmp(style, "partial") != 0)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("invalid \"style\" of mask method \"%s\": \"%s\"",
						method->name, style),
				 errhint("Say \"tag\" or \"partial\".")));
}

HgMasker *
hg_scrub_masker(Oid type, int32 typmod, const char *context)
{
	HgMasker   *result;

	making_context = context;
	PG_TRY();
	{
		result = hg_masker_make(hg_method_find("scrub", 5), NULL, type,
								typmod);
	}
	PG_FINALLY();
	{
		making_context = NULL;
	}
	PG_END_TRY();
	return result;
}
