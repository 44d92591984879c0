/*-------------------------------------------------------------------------
 *
 * inherit.h
 *	  Classes that columns get from the columns they were copied from.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_INHERIT_H
#define HG_INHERIT_H

#include "nodes/parsenodes.h"
#include "policy/column_ref.h"

/* The class of a column that only a mask rule says anything about. */
#define HG_CLASS_CONFIDENTIAL "confidential"

/* Values of one column that arrive, unmasked, in another. */
typedef struct HgFlow
{
	HgColumnRef target;			/* 0: a column of the relation to be made */
	char	   *target_column;
	HgColumnRef source;
	bool		unchanged;		/* as they are, not computed from */
} HgFlow;

/* One row of hoopguard.inherited_class. */
typedef struct HgInherited
{
	HgColumnRef column;
	char	   *class_name;
	HgColumnRef source;			/* the column it came from */
} HgInherited;

struct HgPolicy;

/*
 * May this query of an ungoverned session hand on a class: does it write, and
 * read a column that has one?  To be asked before planning.
 */
extern bool hg_inherit_applies(Query *query);

/*
 * Note, in this transaction, the classes that flows (List of HgFlow) carry.
 * created: the relation meant by flows without target.  statement: text
 * without literals, may be NULL.  policy: of a governed session, else NULL.
 * What is known already costs a look into a cache.  May raise.
 */
extern void hg_inherit_record(List *flows, Oid created, const char *statement,
							  const struct HgPolicy *policy);

/* Rows about a relation's columns: List of HgInherited, palloc'd. */
extern List *hg_inherit_read(Oid relid);

/* The columns of a relation, or one of them, are about to be dropped. */
extern void hg_inherit_forget(Oid relid, AttrNumber attnum);

#endif							/* HG_INHERIT_H */
