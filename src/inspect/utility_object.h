/*-------------------------------------------------------------------------
 *
 * utility_object.h
 *	  Acts on the objects that utility statements name; private to inspect/.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_UTILITY_OBJECT_H
#define HG_UTILITY_OBJECT_H

#include "inspect/facts_util.h"
#include "storage/lockdefs.h"

/* The utility statement whose facts are being made. */
typedef struct HgUtility
{
	HgFacts    *facts;
	const HgPolicy *policy;		/* or NULL */
	bool		nowait;			/* the command does not wait for locks */
} HgUtility;

/* What is done to a table while it is locked. */
#define HG_WORK_NONE	0
#define HG_WORK_SCAN	1		/* every row is read */
#define HG_WORK_REWRITE	2		/* every row is written anew */

/* Last name in a List of String, or of a TypeName ...; "" for what is not. */
extern char *hg_utility_name(Node *node);

/* Each adds one act and returns it; never NULL. */
extern HgAct *hg_act_on_relation(HgUtility *state, HgCommand command,
								 RangeVar *rv);
extern HgAct *hg_act_on_new(HgUtility *state, HgCommand command,
							const char *schema, const char *name,
							char relpersistence);
extern HgAct *hg_act_on_new_relation(HgUtility *state, HgCommand command,
									 RangeVar *rv);
extern HgAct *hg_act_on_new_name(HgUtility *state, HgCommand command,
								 List *names);
extern HgAct *hg_act_on_global(HgUtility *state, HgCommand command,
							   const char *name);
extern HgAct *hg_act_on_object(HgUtility *state, HgCommand command,
							   ObjectType type, Node *object,
							   RangeVar *relation);

/*
 * Note that an act locks its relation, and what is done to it meanwhile.  A
 * lock that stops writers also gives the act the size of the table: even an
 * empty one counts with one block, so that "locks_table_over(0)" means any
 * such lock.  The strictest of several calls stays.
 */
extern void hg_act_lock(HgAct *act, LOCKMODE mode, int work);

/* utility_locks.c: locks and work of ALTER TABLE and CREATE TABLE. */
extern void hg_alter_table_locks(HgUtility *state, HgAct *act,
								 AlterTableStmt *stmt);
extern void hg_create_table_locks(HgUtility *state, CreateStmt *stmt);

#endif							/* HG_UTILITY_OBJECT_H */
