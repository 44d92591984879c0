/*-------------------------------------------------------------------------
 *
 * facts.h
 *	  What one statement is: filled by query_facts.c, utility_facts.c,
 *	  lineage.c and fingerprint.c, read by guard, approval and record.
 *
 * Everything that a message or an event will need is resolved to text here,
 * because the error path may not ask the catalog.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_FACTS_H
#define HG_FACTS_H

#include "base/command.h"
#include "nodes/bitmapset.h"
#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "policy/inherit.h"
#include "policy/policy.h"

/*
 * As many values may be compared with a column by one IN list or array under
 * match = equality: enough to look up what another query returned, too few to
 * try out a name space in one statement.
 */
#define HG_PROBE_LIST_MAX 100

/* One thing the statement does: the unit that guard rules match. */
typedef struct HgAct
{
	HgCommand	command;
	Oid			objid;			/* relation or function, InvalidOid if none */
	char	   *schema;			/* NULL if the object has none */
	char	   *name;			/* never NULL, "" if none */
	bool		is_function;
	bool		persistent;		/* false for temporary objects */
	bool		unbounded;		/* UPDATE, DELETE, MERGE without restriction */
	const char *unbounded_why;	/* static text for hints, or NULL */
	double		rows;			/* estimate, -1 unknown (set after planning) */
	double		locks_mb;		/* size of the table that a lock of the act
								 * keeps writers from; 0 none, -1 unknown */
	int			lock_mode;		/* LOCKMODE that DDL takes, 0 unknown */
	const char *lock;			/* static: the same as SQL writes it, or NULL */
	double		table_mb;		/* size of what is locked, -1 unknown */
	bool		scans;			/* DDL that reads the whole table ... */
	bool		rewrites;		/* ... or writes it anew */
	bool		sensitive_setting;
	char	  **touched_classes;	/* classes of the columns used */
	int			ntouched;
	char	  **held_classes;	/* classes that the relation holds */
	int			nheld;
} HgAct;

typedef struct HgEdge
{
	char	   *source_schema;
	char	   *source_relation;
	char	   *source_column;
	char	   *target_schema;	/* NULL: target_relation is "result" */
	char	   *target_relation;
	char	   *target_column;	/* NULL: the whole dataset */
	const char *kind;			/* static: DIRECT, INDIRECT */
	const char *subtype;		/* static: IDENTITY ... */
	bool		masked;			/* the source column is masked for the reader */
} HgEdge;

typedef struct HgDataset
{
	char	   *schema;			/* NULL: stdin, stdout, file:..., program */
	char	   *relation;
	bool		write;			/* false: read */
	bool		rule;			/* by a rewrite rule, beside or instead of the
								 * statement as it was written */
} HgDataset;

typedef struct HgFacts
{
	MemoryContext context;		/* owns all below */
	HgCommand	command;		/* headline: the main command */
	List	   *acts;			/* of HgAct */
	List	   *edges;			/* of HgEdge, no duplicates */
	List	   *flows;			/* of HgFlow: values that arrive somewhere */
	List	   *datasets;		/* of HgDataset, no duplicates */
	List	   *masked_columns; /* of char*: "schema.relation.column" */
	int			probes;			/* values compared with real values of masked
								 * columns (match = equality); a limit kind */
	List	   *probe_params;	/* of int: ids of array parameters compared so,
								 * whose elements count too; see
								 * hg_facts_probes() */
	int			row_probes;		/* and by each row that it writes: unique and
								 * foreign keys of masked columns given values
								 * by the client (existence = count) */
	char	   *refused_insert; /* ON CONFLICT may update but not insert, since
								 * that would compare with this column's real
								 * values; NULL if it may */
	bool		real_exprs;		/* expressions see real values while it runs:
								 * constraints, indexes, row security */
	bool		real_triggers;	/* triggers see rows of masked relations */
	List	   *functions;		/* of Oid: functions called by the tree */
	char	   *text;			/* normalised, without literals; NULL if it
								 * could not be made */
	uint64		fingerprint;	/* of text */
	int64		text_length;	/* bytes sent, where text is NULL */
	uint64		statement_id;	/* kept here by event.c; 0: not computed */
	uint64		sent_epoch;		/* as well: when it was sent; 0: not yet */
	uint64		allow_key;		/* see hg_facts_allow_key(); 0: not computed */
	uint64		passed;			/* serial of the policy whose rules let it pass
								 * unremarked, kept by guard.c; 0: none.  Who
								 * changes an act sets it to 0. */
	const struct HgRule *passed_rule;	/* of that policy, or NULL */
	const HgAct *passed_act;
	bool		inside;			/* a function's call inside a statement that
								 * was judged itself */
	bool		is_result;		/* of the statement of an SQL function whose
								 * columns have been given the types that it
								 * returns */
	bool		complete;		/* text and edges have been made, too */
	bool		is_utility;
	bool		unknown;		/* a utility statement that nobody classified */
	bool		reads_only;		/* headline SELECT without side acts */
	ParamListInfo params;		/* while they are made: values known to the
								 * planner, or NULL */
} HgFacts;

/* New empty facts in a new child of parent. */
extern HgFacts *hg_facts_create(MemoryContext parent);

/* Append an act; object strings are copied. Returns it for more. */
extern HgAct *hg_facts_add_act(HgFacts *facts, HgCommand command, Oid objid,
							   const char *schema, const char *name);

/*
 * Probes of one execution: facts->probes and the elements of the array
 * parameters in params, which may be NULL (EXPLAIN of a generic plan).
 * ERROR HG007 when one of them has more than HG_PROBE_LIST_MAX.
 */
extern int64 hg_facts_probes(const HgFacts *facts, ParamListInfo params);

/*
 * What an allow-list knows a statement by: a hash of its text and of the
 * qualified names of what it uses.  0 for a statement without text.  Asks the
 * catalog the first time.
 */
extern uint64 hg_facts_allow_key(HgFacts *facts);

/*
 * Facts of a rewritten Query as planner_hook sees it, before masking: acts,
 * functions, unboundedness (by structure), masked_columns; not lineage, not
 * text.  policy may be NULL (ungoverned): then no classes.  query_facts.c
 */
extern void hg_query_facts(HgFacts *facts, Query *query, const HgPolicy *policy);

/*
 * After planning: estimated rows of the acts, and acts whose estimate covers
 * nearly the whole table become unbounded.  May be called again for another
 * plan of the same Query.  Needs the locks that planning or execution holds.
 * plan_facts.c
 */
struct PlannedStmt;
extern void hg_plan_facts(HgFacts *facts, struct PlannedStmt *plan);

/*
 * Facts of a utility statement: acts by a switch over every node tag of the
 * running version.  Queries inside (CTAS, COPY (query), DECLARE, EXPLAIN,
 * PREPARE) are not analysed here: they reach the planner hook.
 * utility_facts.c
 */
extern void hg_utility_facts(HgFacts *facts, Node *utility,
							 const char *query_string, const HgPolicy *policy);

/*
 * True when the executor runs the statement's inner query as part of the
 * statement itself (CREATE TABLE AS, COPY (query), EXECUTE, DECLARE, REFRESH,
 * EXPLAIN ANALYZE): the inner query's facts join the utility's event.
 */
extern bool hg_utility_owns_query(Node *utility);

/*
 * Column lineage of a rewritten Query; adds edges and datasets.  into: the
 * relation a utility writes the query's result to (CTAS, REFRESH, COPY table
 * FROM has none), else NULL.  lineage.c
 */
typedef struct HgLineageTarget
{
	const char *schema;			/* "pg_temp" for temporary ones */
	const char *relation;
	List	   *column_names;	/* of String, NIL = names of the query */
	bool		matview;		/* a materialized view */
	bool		definition;		/* a function: what its body writes is not
								 * written now */
	bool		reads_only;		/* not even its result gets edges */
} HgLineageTarget;

/*
 * The edges are of the statement as it was written: what rules make of it
 * gives flows, and datasets that say so.
 */
extern void hg_lineage_query(HgFacts *facts, Query *query,
							 const HgLineageTarget *into,
							 const HgPolicy *policy);

/* The same for a statement as it was written, of which nothing will run. */
extern void hg_lineage_dropped(HgFacts *facts, Query *query,
							   const HgPolicy *policy);

/*
 * A statement has been analysed and is about to be rewritten.  If INSTEAD
 * rules will take its place, keep it in its range table as it was written, for
 * hg_lineage_query.  False when they leave nothing to plan of it, nor an
 * error.  lineage_rule.c
 */
extern bool hg_lineage_keep_written(Query *query);

/* Take it out of a tree that is going to be planned. */
extern void hg_lineage_drop_written(Query *query);

/*
 * Edges and datasets of utilities that never reach the planner: COPY table
 * TO/FROM, CREATE VIEW (definition lineage), TRUNCATE and such datasets.
 */
extern void hg_lineage_utility(HgFacts *facts, Node *utility,
							   const HgPolicy *policy);

/*
 * Edges of generated columns by their expressions: those named in columns
 * (of String), or all of the table's if it is NIL.  lineage_definition.c
 */
extern void hg_lineage_generated(HgFacts *facts, Oid relid, List *columns,
								 const HgPolicy *policy);

/*
 * Edges to the result of a SQL function that CREATE FUNCTION has made.
 * Raises nothing but cancellation.  lineage_definition.c
 */
extern void hg_lineage_function(HgFacts *facts, CreateFunctionStmt *create,
								const HgPolicy *policy);

/*
 * The target a utility gives to its inner query, or NULL; palloc'd in facts'
 * context.  Ask before the utility runs and keep the answer: REFRESH runs its
 * query with another search_path.
 */
extern HgLineageTarget *hg_lineage_utility_target(HgFacts *facts, Node *utility);

/* An existing relation as a target, palloc'd; NULL if it is gone. */
extern HgLineageTarget *hg_lineage_relation_target(Oid relid);

/* Copy of the query of a view or materialized view, NULL if there is none. */
extern Query *hg_lineage_stored_query(Oid relid);

/*
 * Literal-free text of one statement: source bytes [location, location+len)
 * of query_string (len 0 = to the end), constants to $n, comments removed,
 * white space folded; secrets of utility statements removed by node type;
 * bodies of DO and CREATE FUNCTION replaced by their hash.  Sets facts->text
 * and ->fingerprint.  Never raises; works on text that does not parse (text
 * NULL then).  fingerprint.c
 */
extern void hg_fingerprint(HgFacts *facts, const char *query_string,
						   int location, int len, Node *utility);

/*
 * To be called when the parser has read something: notes how it reads strings
 * (standard_conforming_strings), which may be another way when the text is
 * scanned.  fingerprint.c
 */
extern void hg_fingerprint_strings(void);

/* May the parser have taken other bytes for strings than a scan now would? */
extern bool hg_fingerprint_ambiguous(const char *source);

/*
 * Where constants that hg_fingerprint() gives numbers to begin: offsets in
 * query_string, ascending, palloc'd; *n of them, of which the first has number
 * *first.  *n is -1 for text that cannot be scanned.  fingerprint.c
 */
extern int *hg_fingerprint_constants(const char *query_string, int location,
									 int len, int *first, int *n);

/*
 * A fingerprint while an error is being reported, when no other may be caught: of
 * the statement of query_string that holds byte `cursor` (< 0: of all of it).
 * For text that the server has parsed; raises what the scanner does if it has
 * not.  fingerprint.c
 */
extern void hg_fingerprint_failed(HgFacts *facts, const char *query_string,
								  int cursor);

/* Group of a function for guard rules: HG_CMD_FN_* or HG_CMD_FUNCTION. */
extern HgCommand hg_function_group(Oid funcid);

#endif							/* HG_FACTS_H */
