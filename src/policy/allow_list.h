/*-------------------------------------------------------------------------
 *
 * allow_list.h
 *	  Subjects that may run only what they were seen to run before.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_ALLOW_LIST_H
#define HG_ALLOW_LIST_H

#include "identity/subject.h"
#include "policy/rule_match.h"

/* The list of one subject; lives as long as its policy. */
typedef struct HgAllowList
{
	Oid			role;
	const char *name;			/* of the role */
	bool		learning;		/* collect; allow everything meanwhile */
	HgAction	otherwise;		/* for what is not in keys */
	HgRule	   *rule;			/* otherwise, as a rule with id 0 */
	int			nkeys;
	uint64	   *keys;			/* sorted */
} HgAllowList;

/*
 * The allow-lists of an identity's subjects, a List of HgAllowList in the
 * current context, NIL for nearly everybody.  Called when a policy is
 * compiled, which keeps it.
 */
extern List *hg_allow_list_compile(const HgIdentity *identity);

/* Is the key in the list? */
extern bool hg_allow_list_has(const HgAllowList *list, uint64 key);

#endif							/* HG_ALLOW_LIST_H */
