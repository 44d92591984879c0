/*-------------------------------------------------------------------------
 *
 * detect_sql.c
 *	  detect() and detect_spans(): the scanner, callable by administrators.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "policy/classify.h"
#include "policy/detect.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(hoopguard_detect);
PG_FUNCTION_INFO_V1(hoopguard_detect_spans);
PG_FUNCTION_INFO_V1(hoopguard__name_evidence);

/* detect(value text, context text): a class, or NULL */
Datum
hoopguard_detect(PG_FUNCTION_ARGS)
{
	text	   *value;
	char	   *context = NULL;
	const char *class_name;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	value = PG_GETARG_TEXT_PP(0);
	if (!PG_ARGISNULL(1))
		context = text_to_cstring(PG_GETARG_TEXT_PP(1));
	class_name = hg_detect_value(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value),
								 context, NULL);
	if (class_name == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(class_name));
}

/* detect_spans(value text): byte_start, byte_end, class */
Datum
hoopguard_detect_spans(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	text	   *value;
	HgScan		scan;
	HgSpan		span;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	value = PG_GETARG_TEXT_PP(0);
	hg_detect_begin(&scan, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), NULL,
					false);
	while (hg_detect_next(&scan, &span))
	{
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		values[0] = Int32GetDatum(span.start);
		values[1] = Int32GetDatum(span.end);
		values[2] = CStringGetTextDatum(span.class_name);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

/* _name_evidence(relation, column, type): why classify_name() says so */
Datum
hoopguard__name_evidence(PG_FUNCTION_ARGS)
{
	char	   *args[3];
	const char *words;

	for (int i = 0; i < 3; i++)
		args[i] = PG_ARGISNULL(i) ? NULL :
			text_to_cstring(PG_GETARG_TEXT_PP(i));
	if (args[1] == NULL)
		PG_RETURN_NULL();
	words = hg_classify_name_evidence(args[0], args[1], args[2]);
	if (words == NULL)
		PG_RETURN_NULL();
	if (words[0] == '\0')
		PG_RETURN_TEXT_P(cstring_to_text("its type"));
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("its name says \"%s\"", words)));
}
