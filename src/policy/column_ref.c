/*-------------------------------------------------------------------------
 *
 * column_ref.c
 *	  A column by relation OID and number, as hoopguard's tables keep it.
 *
 * What is said about a column must follow it through RENAME, SET SCHEMA and
 * changes of type, whoever does them and whether or not any hook sees it.
 * So columns are kept by number.  In text, which is what pg_dump takes, the
 * type is the column's name of that moment, so a dump can be restored where
 * the numbers are others.  A column that is gone is written as "-".
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "policy/column_ref.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(hoopguard_column_ref_in);
PG_FUNCTION_INFO_V1(hoopguard_column_ref_out);
PG_FUNCTION_INFO_V1(hoopguard__column);
PG_FUNCTION_INFO_V1(hoopguard__column_relation);
PG_FUNCTION_INFO_V1(hoopguard__column_name);
PG_FUNCTION_INFO_V1(hoopguard__column_lasts);

char *
hg_column_ref_name(HgColumnRef ref)
{
	HeapTuple	tuple;
	Form_pg_attribute att;
	char	   *name = NULL;

	tuple = SearchSysCache2(ATTNUM,
							ObjectIdGetDatum(HG_COLUMN_REF_RELID(ref)),
							Int16GetDatum(HG_COLUMN_REF_ATTNUM(ref)));
	if (!HeapTupleIsValid(tuple))
		return NULL;
	att = (Form_pg_attribute) GETSTRUCT(tuple);
	if (att->attnum > 0 && !att->attisdropped)
		name = pstrdup(NameStr(att->attname));
	ReleaseSysCache(tuple);
	return name;
}

/*
 * Input: schema.relation.column, or -.  A column that does not exist gives a
 * warning and no column, so that the other rows of a dump can be restored.
 */
Datum
hoopguard_column_ref_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	List	   *names;
	char	   *column;
	Oid			relid;
	AttrNumber	attnum = InvalidAttrNumber;

	if (strcmp(text, "-") == 0)
		PG_RETURN_INT64(0);
	names = HG_QUALIFIED_NAME_LIST(text);
	if (list_length(names) < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid name of a column: \"%s\"", text),
				 errhint("Write schema.relation.column.")));
	column = strVal(llast(names));
	relid = RangeVarGetRelid(makeRangeVarFromNameList(list_truncate(names,
																	list_length(names) - 1)),
							 NoLock, true);
	if (OidIsValid(relid))
		attnum = get_attnum(relid, column);
	if (attnum <= 0)
	{
		ereport(WARNING,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column %s does not exist", text)));
		PG_RETURN_INT64(0);
	}
	PG_RETURN_INT64(HG_COLUMN_REF(relid, attnum));
}

Datum
hoopguard_column_ref_out(PG_FUNCTION_ARGS)
{
	HgColumnRef ref = PG_GETARG_INT64(0);
	char	   *column = hg_column_ref_name(ref);
	char	   *relation;
	char	   *schema;

	if (column == NULL)
		PG_RETURN_CSTRING(pstrdup("-"));
	relation = get_rel_name(HG_COLUMN_REF_RELID(ref));
	schema = get_namespace_name(get_rel_namespace(HG_COLUMN_REF_RELID(ref)));
	if (relation == NULL || schema == NULL)
		PG_RETURN_CSTRING(pstrdup("-"));
	PG_RETURN_CSTRING(psprintf("%s.%s.%s", quote_identifier(schema),
							   quote_identifier(relation),
							   quote_identifier(column)));
}

/* _column(relation regclass, column_name text): NULL if there is none. */
Datum
hoopguard__column(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	AttrNumber	attnum;

	attnum = get_attnum(relid, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (attnum <= 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(HG_COLUMN_REF(relid, attnum));
}

/* _column_relation(column_ref): NULL when the relation is gone. */
Datum
hoopguard__column_relation(PG_FUNCTION_ARGS)
{
	Oid			relid = HG_COLUMN_REF_RELID(PG_GETARG_INT64(0));

	if (get_rel_relkind(relid) == '\0')
		PG_RETURN_NULL();
	PG_RETURN_OID(relid);
}

/* _column_name(column_ref): NULL when the column is gone. */
Datum
hoopguard__column_name(PG_FUNCTION_ARGS)
{
	char	   *name = hg_column_ref_name(PG_GETARG_INT64(0));

	if (name == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

/*
 * _column_lasts(column_ref): is there such a column, and will there be one
 * when this session is over?
 */
Datum
hoopguard__column_lasts(PG_FUNCTION_ARGS)
{
	HgColumnRef ref = PG_GETARG_INT64(0);

	PG_RETURN_BOOL(hg_column_ref_name(ref) != NULL &&
				   get_rel_persistence(HG_COLUMN_REF_RELID(ref)) !=
				   RELPERSISTENCE_TEMP);
}
