/*-------------------------------------------------------------------------
 *
 * finding.h
 *	  What scan() has found in the values of columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_FINDING_H
#define HG_FINDING_H

#include "nodes/pg_list.h"
#include "policy/column_ref.h"

/* A row of hoopguard.accepted_finding. */
typedef struct HgFinding
{
	AttrNumber	attnum;
	char	   *class_name;
} HgFinding;

/* Accepted findings about a relation's columns: List of HgFinding, palloc'd. */
extern List *hg_finding_read(Oid relid);

/* The columns of a relation, or one of them, are about to be dropped. */
extern void hg_finding_forget(Oid relid, AttrNumber attnum);

#endif							/* HG_FINDING_H */
