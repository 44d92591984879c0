/*-------------------------------------------------------------------------
 *
 * finding.c
 *	  What scan() has found in the values of columns.
 *
 * scan() samples a relation and asks policy/detect.h about each value.  What
 * it keeps is counts; no value is stored anywhere, nor shown.  Columns whose
 * values are of a class for a good part give a finding of that class; texts
 * that hold such values among other words give one of class free_text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/catalog.h"
#include "base/row.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "policy/classify.h"
#include "policy/detect.h"
#include "policy/finding.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Columns of hoopguard.accepted_finding, in the order of 35_detect.sql. */
enum
{
	ACCEPTED_COLUMN = 1,
	ACCEPTED_CLASS
};

/* The second one of hoopguard._finding. */
#define FINDING_COLUMN 2

/* Of a longer value the head is looked at. */
#define MAX_VALUE (64 * 1024)

/* Different classes that are counted for one column. */
#define MAX_CLASSES 24

/* A class needs this part of the values, or it is chance. */
#define MIN_SHARE 0.2

/* Rows fetched between two looks at the clock. */
#define FETCH_ROWS 100

PG_FUNCTION_INFO_V1(hoopguard__scan_relation);

/* ---------- accepted findings ---------- */

static SysScanDesc
begin_scan(Relation rel, HgRel index, AttrNumber column, ScanKeyData *keys,
		   Oid relid, AttrNumber attnum)
{
	HgColumnRef from = HG_COLUMN_REF(relid, attnum);
	HgColumnRef to = HG_COLUMN_REF(relid, attnum > 0 ? attnum : 0xFFFF);

	ScanKeyInit(&keys[0], column, BTGreaterEqualStrategyNumber,
				F_INT8GE, Int64GetDatum(from));
	ScanKeyInit(&keys[1], column, BTLessEqualStrategyNumber,
				F_INT8LE, Int64GetDatum(to));
	return systable_beginscan(rel, hg_catalog_rel(index), true, NULL, 2, keys);
}

List *
hg_finding_read(Oid relid)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_ACCEPTED_FINDING),
								 AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	ScanKeyData keys[2];
	SysScanDesc scan = begin_scan(rel, HG_REL_ACCEPTED_INDEX, ACCEPTED_COLUMN,
								  keys, relid, InvalidAttrNumber);
	HeapTuple	tuple;
	List	   *result = NIL;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		HgFinding  *finding = palloc(sizeof(HgFinding));

		finding->attnum =
			HG_COLUMN_REF_ATTNUM(hg_row_int64(tuple, desc, ACCEPTED_COLUMN));
		finding->class_name = hg_row_string(tuple, desc, ACCEPTED_CLASS);
		result = lappend(result, finding);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

static void
forget_in(HgRel table, HgRel index, AttrNumber column, Oid relid,
		  AttrNumber attnum)
{
	Relation	rel = try_table_open(hg_catalog_rel(table), RowExclusiveLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	if (rel == NULL)			/* the extension is being dropped */
		return;
	scan = begin_scan(rel, index, column, keys, relid, attnum);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		CatalogTupleDelete(rel, &tuple->t_self);
	systable_endscan(scan);
	table_close(rel, RowExclusiveLock);
}

void
hg_finding_forget(Oid relid, AttrNumber attnum)
{
	forget_in(HG_REL_FINDING, HG_REL_FINDING_INDEX, FINDING_COLUMN, relid,
			  attnum);
	forget_in(HG_REL_ACCEPTED_FINDING, HG_REL_ACCEPTED_INDEX, ACCEPTED_COLUMN,
			  relid, attnum);
}

/* ---------- sampling ---------- */

typedef struct Count
{
	const char *class_name;
	int			values;			/* that are of the class as a whole */
	int			texts;			/* that hold one among other things */
	int64		confidence;		/* sum over values */
} Count;

typedef struct Column
{
	char	   *name;
	AttrNumber	attnum;
	FmgrInfo	output;
	int			seen;			/* values that are not NULL nor empty */
	int			ncounts;
	Count		counts[MAX_CLASSES];
	int			texts;			/* values that hold anything */
} Column;

static Count *
count_of(Column *column, const char *class_name)
{
	for (int i = 0; i < column->ncounts; i++)
		if (strcmp(column->counts[i].class_name, class_name) == 0)
			return &column->counts[i];
	if (column->ncounts == MAX_CLASSES)
		return NULL;
	memset(&column->counts[column->ncounts], 0, sizeof(Count));
	column->counts[column->ncounts].class_name = pstrdup(class_name);
	return &column->counts[column->ncounts++];
}

static void
look_at(Column *column, Datum value, MemoryContext kept)
{
	char	   *s = OutputFunctionCall(&column->output, value);
	int			len = strlen(s);
	int			confidence = 0;
	const char *class_name;
	HgScan		scan;
	HgSpan		span;
	int			covered = 0;
	bool		whole;
	Count	   *count;
	MemoryContext old;

	while (len > 0 && s[len - 1] == ' ')
		len--;
	if (len == 0)
		return;
	column->seen++;
	if (len > MAX_VALUE)
		len = pg_mbcliplen(s, len, MAX_VALUE);

	class_name = hg_detect_value(s, len, column->name, &confidence);
	if (class_name == NULL)
		return;
	/* looking again may read the patterns anew, where the name may be from */
	class_name = pstrdup(class_name);
	hg_detect_begin(&scan, s, len, column->name, true);
	while (hg_detect_next(&scan, &span))
		covered += span.end - span.start;
	/* nothing inside: it was judged by its name, as a whole */
	whole = covered == 0 || covered * 2 >= len ||
		strcmp(class_name, "url_with_credentials") == 0;
	if (!whole)
		column->texts++;

	old = MemoryContextSwitchTo(kept);
	count = count_of(column, class_name);
	MemoryContextSwitchTo(old);
	if (count == NULL)
		return;
	if (whole)
	{
		count->values++;
		count->confidence += confidence;
	}
	else
		count->texts++;
}

/* Can values of the type hold any of it? */
static bool
worth_looking(Oid type)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);
	char		category;
	bool		preferred;

	if (OidIsValid(element))
		base = getBaseType(element);
	switch (base)
	{
		case INT8OID:
		case NUMERICOID:
		case JSONOID:
		case JSONBOID:
		case XMLOID:
		case INETOID:
		case MACADDROID:
		case DATEOID:
			return true;
		default:
			get_type_category_preferred(base, &category, &preferred);
			return category == TYPCATEGORY_STRING;
	}
}

/* Columns to be looked at; their names, quoted, joined to list. */
static List *
columns_of(Relation rel, StringInfo list)
{
	TupleDesc	desc = RelationGetDescr(rel);
	List	   *result = NIL;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Column	   *column;
		Oid			output;
		bool		varlena;

		if (att->attisdropped || !worth_looking(att->atttypid))
			continue;
		column = palloc0(sizeof(Column));
		column->name = pstrdup(NameStr(att->attname));
		column->attnum = att->attnum;
		getTypeOutputInfo(att->atttypid, &output, &varlena);
		fmgr_info(output, &column->output);
		appendStringInfo(list, "%s%s", result == NIL ? "" : ", ",
						 quote_identifier(column->name));
		result = lappend(result, column);
	}
	return result;
}

/*
 * Run one query and look at what it returns.  The number of rows; -1 when
 * time is up.
 */
static int
sample_rows(const char *query, List *columns, int sample, TimestampTz until,
			MemoryContext kept)
{
	SPIPlanPtr	plan = SPI_prepare(query, 0, NULL);
	Portal		portal;
	MemoryContext row;
	int			rows = 0;
	bool		in_time = true;

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s",
			 SPI_result_code_string(SPI_result));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	row = AllocSetContextCreate(CurrentMemoryContext, "hoopguard scan row",
								ALLOCSET_DEFAULT_SIZES);
	while (rows < sample && in_time)
	{
		SPI_cursor_fetch(portal, true, Min(FETCH_ROWS, sample - rows));
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			MemoryContext old = MemoryContextSwitchTo(row);
			ListCell   *lc;
			int			number = 0;

			CHECK_FOR_INTERRUPTS();
			foreach(lc, columns)
			{
				bool		isnull;
				Datum		value = SPI_getbinval(SPI_tuptable->vals[i],
												  SPI_tuptable->tupdesc,
												  ++number, &isnull);

				if (!isnull)
					look_at(lfirst(lc), value, kept);
			}
			MemoryContextSwitchTo(old);
			MemoryContextReset(row);
			if (GetCurrentTimestamp() > until)
			{
				in_time = false;
				break;
			}
		}
		rows += SPI_processed;
		SPI_freetuptable(SPI_tuptable);
	}
	MemoryContextDelete(row);
	SPI_cursor_close(portal);
	SPI_freeplan(plan);
	return in_time ? rows : -1;
}

static void
put_finding(ReturnSetInfo *rsinfo, const Column *column, const char *class_name,
			double confidence, int evidence)
{
	Datum		values[5];
	bool		nulls[5] = {0};

	values[0] = Int16GetDatum(column->attnum);
	values[1] = CStringGetTextDatum(class_name);
	values[2] = Float4GetDatum((float4) (rint(confidence * 100) / 100));
	values[3] = Int32GetDatum(evidence);
	values[4] = Int32GetDatum(column->seen);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
put_findings(ReturnSetInfo *rsinfo, const Column *column, const char *relation,
			 const char *type_name)
{
	const char *by_name = hg_classify_name(relation, column->name, type_name);

	for (int i = 0; i < column->ncounts; i++)
	{
		const Count *count = &column->counts[i];
		double		share = (double) count->values / column->seen;
		double		confidence;

		if (count->values == 0 || share < MIN_SHARE)
			continue;
		/* a few values prove little, a name that says the same much */
		confidence = (double) count->confidence / count->values / 100 *
			(0.5 + share / 2) * (count->values >= 5 ? 1 : 0.8);
		if (by_name != NULL && strcmp(by_name, count->class_name) == 0)
			confidence += (1 - confidence) * 0.5;
		put_finding(rsinfo, column, count->class_name,
					Min(confidence, 0.99), count->values);
	}
	if (column->texts > 0)
	{
		double		share = (double) column->texts / column->seen;

		put_finding(rsinfo, column, "free_text", Min(0.5 + share / 2, 0.99),
					column->texts);
	}
}

/*
 * _scan_relation(relation, sample, until): attnum, class, confidence,
 * evidence, sampled.  The caller's rights read the rows.
 */
Datum
hoopguard__scan_relation(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			relid = PG_GETARG_OID(0);
	int			sample = Max(PG_GETARG_INT32(1), 1);
	TimestampTz until = PG_GETARG_TIMESTAMPTZ(2);
	Relation	rel;
	StringInfoData list;
	StringInfoData query;
	List	   *columns;
	char	   *name;
	char	   *relname;
	double		pages;
	double		tuples;
	bool		sampled;
	int			first;
	MemoryContext kept = CurrentMemoryContext;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	rel = table_open(relid, AccessShareLock);
	initStringInfo(&list);
	columns = columns_of(rel, &list);
	relname = pstrdup(RelationGetRelationName(rel));
	name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
									  relname);
	tuples = rel->rd_rel->reltuples;
	pages = rel->rd_rel->relkind == RELKIND_RELATION ||
		rel->rd_rel->relkind == RELKIND_MATVIEW ?
		RelationGetNumberOfBlocks(rel) : rel->rd_rel->relpages;
	sampled = rel->rd_rel->relkind != RELKIND_FOREIGN_TABLE && pages > 1;
	table_close(rel, NoLock);
	if (columns == NIL)
		return (Datum) 0;

	pgstat_report_activity(STATE_RUNNING, psprintf("hoopguard scan: %s", name));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");

	/* the first rows, then, if there are more, pages from anywhere */
	first = sampled ? (sample + 1) / 2 : sample;
	initStringInfo(&query);
	appendStringInfo(&query, "SELECT %s FROM %s LIMIT %d", list.data, name,
					 first);
	if (sample_rows(query.data, columns, first, until, kept) == first &&
		sampled)
	{
		double		per_page = tuples > 0 ? Max(tuples / pages, 1) : 50;
		double		percent = 100.0 * sample / 2 / per_page / pages * 1.5;

		resetStringInfo(&query);
		appendStringInfo(&query,
						 "SELECT %s FROM %s TABLESAMPLE SYSTEM (%f) LIMIT %d",
						 list.data, name, Min(Max(percent, 0.0001), 100),
						 (sample + 1) / 2);
		(void) sample_rows(query.data, columns, sample, until, kept);
	}
	SPI_finish();

	foreach(lc, columns)
	{
		const Column *column = lfirst(lc);

		if (column->seen > 0)
			put_findings(rsinfo, column, relname, NULL);
	}
	return (Datum) 0;
}
