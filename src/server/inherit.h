/*-------------------------------------------------------------------------
 *
 * inherit.h
 *	  When in a statement's life classes are handed on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_SERVER_INHERIT_H
#define HG_SERVER_INHERIT_H

#include "executor/execdesc.h"

/* A query has run: note what it copied.  From ExecutorFinish. */
extern void hg_inherit_query(QueryDesc *queryDesc);

/* What has to be known of a utility statement before it runs. */
typedef struct HgInheritUtility HgInheritUtility;

/*
 * Before a utility statement: NULL if it hands nothing on.  After it has
 * succeeded: note what it copied.  The node must still be there then.
 */
extern HgInheritUtility *hg_inherit_utility_begin(Node *utility);
extern void hg_inherit_utility_end(HgInheritUtility *state, Node *utility,
								   const char *query_string, int location,
								   int len);

#endif							/* HG_SERVER_INHERIT_H */
