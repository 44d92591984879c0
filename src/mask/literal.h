/*-------------------------------------------------------------------------
 *
 * literal.h
 *	  The values a client put into a statement, as the record may have them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_LITERAL_H
#define HG_LITERAL_H

#include "nodes/bitmapset.h"
#include "nodes/params.h"
#include "nodes/parsenodes.h"

/*
 * One constant of a statement's text or one of its parameters, and what it
 * meets there.
 */
typedef struct HgLiteral
{
	Const	   *constant;		/* NULL: a parameter */
	int			paramid;		/* 0: a constant */
	int			location;		/* of the constant in the source text */
	Oid			type;
	Oid			relid;			/* column it meets, if any: InvalidOid */
	AttrNumber	attnum;
	const char *class_name;		/* of that column; palloc'd, or NULL */
	bool		withheld;		/* what it meets is not known well enough */
	bool		joined;			/* is put together with other texts */
	int			group;			/* literals that meet each other */
} HgLiteral;

/*
 * The literals of a rewritten Query as planner_hook sees it, before masking.
 * Constants that did not come with the statement's text (of views, defaults,
 * rules, row security) are left out.  *n of them, palloc'd in the current
 * context, in no order.  Looks at the values of parameters only where they are
 * keys of JSON.  literal_flow.c
 */
extern HgLiteral *hg_literal_flow(Query *query, ParamListInfo params, int *n);

/* Where the literals of a statement are found. */
typedef struct HgLiteralSource
{
	const char *text;			/* query string, may be NULL */
	int			location;		/* of the statement in it, -1: all of it */
	int			len;			/* 0: to the end */
	ParamListInfo params;		/* may be NULL */
	Bitmapset  *computed;		/* parameters that the client did not write */
	bool		executed;		/* by EXECUTE: these are its text, and where in */
	const char *call_text;		/* it each argument is, -1: no constant */
	int			call_location;
	int			call_len;
	List	   *arguments;
} HgLiteralSource;

/*
 * The detail of the note for an event: a JSON object with its id and values,
 * palloc'd; NULL when the statement has no literal.  Values of classified
 * columns and what cannot be told apart from them are not in it.  Asks the
 * catalog and runs output functions of built-in types.  literal.c
 */
extern char *hg_literal_detail(Query *query, const HgLiteralSource *source,
							   int64 event_id);

#endif							/* HG_LITERAL_H */
