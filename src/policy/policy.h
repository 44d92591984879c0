/*-------------------------------------------------------------------------
 *
 * policy.h
 *	  The compiled policy of an identity, cached.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_POLICY_H
#define HG_POLICY_H

#include "datatype/timestamp.h"
#include "identity/subject.h"
#include "policy/allow_list.h"
#include "policy/classify.h"
#include "policy/rule_match.h"

typedef enum HgMatch
{
	HG_MATCH_MASKED,
	HG_MATCH_EQUALITY,
	HG_MATCH_REFUSE,
	HG_MATCH_REAL
} HgMatch;

/* How one column is masked for this identity. */
typedef struct HgColumnMask
{
	AttrNumber	attnum;
	char	   *column;
	const char *class_name;		/* may be NULL: rule names the column */
	int			mask_id;		/* hoopguard.mask_rule id, 0: default mask */
	char	   *method;			/* null constant redact partial hash email ... */
	char	   *args;			/* JSON text of the rule's arguments, "{}" */
	HgMatch		match;
} HgColumnMask;

typedef struct HgRelMask
{
	Oid			relid;
	char	   *schema;
	char	   *name;
	int			ncolumns;		/* 0: nothing masked here */
	HgColumnMask *columns;		/* by attnum */
	int			nclasses;		/* classified columns, masked or not */
	HgColumnClass *classes;
	bool		derived_known;
	void	   *derived;		/* mask_rel.c's view of it, in its memory */
} HgRelMask;

typedef struct HgLimit
{
	int			id;
	char	   *kind;			/* rows_written ... */
	int64		value;
	char	   *per;			/* statement, transaction, session, or an
								 * interval's text */
	int64		window_s;		/* > 0: a window of so many seconds */
	HgAction	action;
	TimestampTz since;			/* nothing before is counted */
	Oid			subject;		/* whose window counts: a mapped role */
} HgLimit;

typedef struct HgPolicy
{
	uint64		generation;
	uint64		serial;			/* never that of another policy of the session */
	const HgIdentity *identity;
	HgMode		mode;			/* strictest of the subjects, but never
								 * stricter than the database's */
	HgMode		mask_mode;
	bool		frozen;
	char	   *freeze_reason;
	char	   *frozen_subject;
	int			nrules;
	HgRule	  **rules;			/* those for these subjects, by priority, id */
	bool		varies;			/* one of them asks for the time or such */
	List	   *limits;			/* of HgLimit */
	List	   *allow_lists;	/* of HgAllowList, of those subjects that
								 * have one */
	char	   *version;		/* text that changes with any policy change */
} HgPolicy;

/*
 * Policy of an identity; valid until hg_catalog_generation() moves, so fetch
 * it anew for each statement and do not keep it over one.  ERROR when the
 * policy cannot be read: fail closed.
 */
extern const HgPolicy *hg_policy_get(const HgIdentity *identity);

/*
 * Masks of a relation under a policy, cached in it.  Never NULL.  Inheritance
 * considered (see classify.h).  Trusts relid to be a lockable relation.
 */
extern const HgRelMask *hg_policy_rel_mask(const HgPolicy *policy, Oid relid);

/* The mask of one column, or NULL. */
extern const HgColumnMask *hg_policy_column_mask(const HgRelMask *rel,
												 AttrNumber attnum);

/* Is the function labelled 'trusted', with the label still valid? */
extern bool hg_policy_function_trusted(Oid funcid);

/* Register the label provider; only from _PG_init. */
extern void hg_label_init(void);

#endif							/* HG_POLICY_H */
