/*-------------------------------------------------------------------------
 *
 * mask.h
 *	  Masks a Query in place before it is planned.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_MASK_H
#define HG_MASK_H

#include "executor/execdesc.h"
#include "inspect/facts.h"

typedef struct HgMaskResult
{
	int			masked_vars;	/* wrapped references */
	List	   *relids;			/* relations whose masked columns were seen */
} HgMaskResult;

/*
 * Rewrite the rewritten Query so that every reference to a masked column
 * gives its mask.  The caller owns query (a copy).  Returns the query to
 * plan.  ERROR HG006 when the statement would overwrite a classified column
 * with a value computed from a mask, HG007 for a refused predicate.
 * facts->masked_columns is filled.
 *
 * Follows policy->mask_mode: off does nothing; observe fills facts and result
 * and leaves the query as it is.  facts and result may be NULL.
 */
extern Query *hg_mask_query(Query *query, const HgPolicy *policy,
							HgFacts *facts, HgMaskResult *result);

/*
 * COPY relation TO for a governed session: the equivalent COPY (SELECT ...)
 * TO, or stmt itself when no column of the relation is masked and `always` is
 * false (rows are to be counted by the executor).  New node in the current
 * context; column list, ONLY semantics, generated and dropped
 * columns as COPY has them.
 */
extern CopyStmt *hg_mask_copy(CopyStmt *stmt, const HgPolicy *policy,
							   bool always);

/*
 * ERROR HG007 when the statement gives client-chosen values to a unique,
 * exclusion or foreign key over a masked column whose mask says existence =
 * refuse; else facts->row_probes (facts may be NULL) grows by one for each
 * such key.  Before masking.  Locks and opens the target and its children.
 */
extern void hg_mask_check_existence(Query *query, const HgPolicy *policy,
									HgFacts *facts);

/*
 * After ExecutorStart of a statement with facts->refused_insert: its INSERT
 * ... ON CONFLICT raise HG007 as soon as a row is inserted or kept out.  The
 * executor must have been started with INSTRUMENT_ROWS.
 */
extern void hg_mask_watch_inserts(QueryDesc *queryDesc, const HgFacts *facts);

/*
 * hg_mask_check_existence() and hg_mask_check_target() for COPY FROM; facts
 * may not be NULL.
 */
extern void hg_mask_check_copy_from(CopyStmt *stmt, const HgPolicy *policy,
									HgFacts *facts);

/*
 * ERROR HG006 for a utility statement that would get real values past the
 * masks: see mask_ddl.c.  facts are the statement's; real_exprs is set where
 * it evaluates expressions over real rows.
 */
extern void hg_mask_check_ddl(Node *utility, const HgPolicy *policy,
							  HgFacts *facts);

/*
 * ERROR HG006 for a call of a function that reads files, streams changes or
 * opens connections, unless an allow rule names it.
 */
extern void hg_mask_check_function(const HgPolicy *policy, HgCommand group,
								   const char *schema, const char *name);

/*
 * ERROR HG006 when code on a masked relation calls a function of a governed
 * role (mask_code.c).  The first: index expressions and constraints, with
 * maintenance also statistics objects; true if they read a masked column.
 * The second: a relation that is written, with its children; the third: all
 * relations a query writes or reads under row security.  Those fill
 * facts->real_exprs and real_triggers.
 */
extern bool hg_mask_check_code(Oid relid, const HgPolicy *policy,
							   bool maintenance);
extern void hg_mask_check_target(Oid relid, bool inherited,
								 const HgPolicy *policy, HgFacts *facts);
extern void hg_mask_check_query_code(Query *query, const HgPolicy *policy,
									 HgFacts *facts);

/*
 * The second net, from ExecutorCheckPerms_hook: true if the range table reads
 * no masked column.  perminfos is NIL before 16.  On false *column (when not
 * NULL) names one, palloc'd.
 */
extern bool hg_mask_net_ok(List *rtable, List *perminfos,
						   const HgPolicy *policy, char **column);

/*
 * Has the Query the shape of a statement that a foreign key's triggers
 * generate: a probe by parameters that returns nothing, or DELETE or UPDATE
 * by parameters?  One of the conditions of design section 12.1, never enough
 * alone.
 */
extern bool hg_mask_is_ri_query(Query *query);

#endif							/* HG_MASK_H */
