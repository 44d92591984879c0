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

/*
 * Remember a statement that may run for those of the policy's subjects that
 * are being taught: a note in the record, once in this session.
 */
extern void hg_guard_learn(const HgPolicy *policy, const HgFacts *facts);

/*
 * What the record calls a verdict that let a statement pass although a rule
 * spoke against it.
 */
extern const char *hg_guard_passed(const HgVerdict *verdict);

/* The text of the WARNING for a warn, palloc'd. */
extern char *hg_guard_warning(const HgVerdict *verdict);

/* Raise HG001 or HG005 for a deny. */
pg_noreturn extern void hg_guard_raise(const HgVerdict *verdict);

#endif							/* HG_GUARD_H */
