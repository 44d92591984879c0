/*-------------------------------------------------------------------------
 *
 * guard.h
 *	  Facts and rules to a verdict.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_GUARD_H
#define HG_GUARD_H

#include "base/compat.h"
#include "inspect/facts.h"

typedef struct HgVerdict
{
	HgAction	action;			/* after observe: what will be enforced */
	HgAction	would;			/* before observe */
	const HgRule *rule;			/* decisive rule or NULL (nothing matched) */
	const HgAct *act;			/* decisive act or NULL */
	const char *builtin;		/* name of a built-in refusal, or NULL */
	const char *reason;			/* one clause, palloc'd or static */
	const char *hint;			/* static or palloc'd */
} HgVerdict;

/* Strictest verdict over all acts.  Pure but for palloc. */
extern void hg_guard_check(const HgPolicy *policy, const HgFacts *facts,
						   HgVerdict *verdict);

/* Raise HG001 or HG005 for a deny. */
pg_noreturn extern void hg_guard_raise(const HgVerdict *verdict);

#endif							/* HG_GUARD_H */
