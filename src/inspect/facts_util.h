/*-------------------------------------------------------------------------
 *
 * facts_util.h
 *	  What the files that fill facts share; private to inspect/.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_FACTS_UTIL_H
#define HG_FACTS_UTIL_H

#include "inspect/facts.h"

/* facts.c */
extern char *hg_facts_schema_name(Oid nspid);
extern HgAct *hg_facts_relation_act(HgFacts *facts, HgCommand command,
									Oid relid);
extern void hg_facts_set_classes(HgFacts *facts, HgAct *act,
								 const HgPolicy *policy, Bitmapset *columns,
								 bool all_columns);

/* query_facts.c */
extern void hg_facts_add_function(HgFacts *facts, Oid funcid);
extern void hg_facts_add_functions_of(HgFacts *facts, Node *node);

/* setting.c */
extern bool hg_setting_sensitive(const char *name);
extern HgAct *hg_facts_setting_act(HgFacts *facts, const char *name);

/*
 * unbounded.c: why the UPDATE, DELETE or MERGE that `query` is reaches every
 * row of its target, as static text; NULL if its structure restricts it.
 * `params`, or NULL, holds parameters whose values the plan is made for.
 */
extern const char *hg_unbounded(Query *query, ParamListInfo params);

/*
 * The constant that an expression without variables, parameters, subqueries
 * and functions other than immutable built-in ones folds to; else NULL.
 */
extern Const *hg_fold_constant(Node *node);

#endif							/* HG_FACTS_UTIL_H */
