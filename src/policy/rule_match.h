/*-------------------------------------------------------------------------
 *
 * rule_match.h
 *	  Does a guard rule apply to one (command, object) of a statement?
 *
 * Pure: everything a condition asks for is in HgMatchInput.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_RULE_MATCH_H
#define HG_RULE_MATCH_H

#include "base/command.h"
#include "nodes/pg_list.h"
#include "policy/rule_when.h"

typedef enum HgAction
{
	HG_ALLOW,
	HG_WARN,
	HG_APPROVE,
	HG_DENY						/* in order of strictness */
} HgAction;

typedef enum HgTermKind
{
	HG_TERM_UNBOUNDED,
	HG_TERM_ROWS_OVER,
	HG_TERM_TOUCHES_CLASS,		/* reads or writes a column of the class */
	HG_TERM_HOLDS_CLASS,		/* the object has a column of the class */
	HG_TERM_PERSISTENT,			/* the object is not temporary */
	HG_TERM_LOCKS_OVER,			/* MB */
	HG_TERM_REWRITES_OVER,		/* MB */
	HG_TERM_SENSITIVE_SETTING,	/* SET outside the harmless list */
	HG_TERM_HOURS,
	HG_TERM_DURING,
	HG_TERM_CLIENT_ADDR,
	HG_TERM_APPLICATION_NAME	/* the client says so, so never in an allow
								 * rule */
} HgTermKind;

typedef struct HgTerm
{
	HgTermKind	kind;
	double		number;
	char	   *text;			/* class, group:name or *; application name */
	HgHours		hours;
	HgDuring	during;
	HgAddress	address;
} HgTerm;

typedef struct HgRule
{
	int			id;
	int			priority;
	HgAction	action;
	HgCommandSet commands;
	char	   *objects;		/* pattern: schema.relation, class:x,
								 * function:name, * ; comma separated */
	List	   *terms;			/* of HgTerm; all must hold; NIL = always */
	char	   *approver;		/* may be NULL */
	char	   *message;		/* may be NULL */
	bool		observe;
	bool		no_rehearsal;	/* approve: without evidence, but with a wait */
	char	   *for_subject;	/* role name, kind:x or * */
	int			applies;		/* bit per acting role of the identity, see
								 * hg_rule_decide(); set by policy.c */
	int			exempt;			/* those of them it does not bind now */
} HgRule;

/* Acting roles of an identity: authenticated, session, outer, current, pinned. */
#define HG_MAX_ACTORS 5

typedef struct HgMatchInput
{
	HgCommand	command;
	const char *schema;			/* NULL when the object has none */
	const char *name;			/* relation, function, setting ...; "" if
								 * none */
	bool		is_function;
	bool		persistent;
	bool		unbounded;
	double		rows;			/* estimate, -1 unknown */
	double		locks_mb;		/* size locked by DDL, -1 unknown */
	double		rewrites_mb;	/* size written anew by DDL, -1 nothing */
	bool		sensitive_setting;
	TimestampTz now;
	HgAddress	client;
	const char *application_name;	/* never NULL */
	const char *const *touched_classes;
	int			ntouched;
	const char *const *held_classes;
	int			nheld;
} HgMatchInput;

extern bool hg_rule_match(const HgRule *rule, const HgMatchInput *in);

/* Can the same act be judged differently by this rule at another time? */
extern bool hg_rule_varies(const HgRule *rule);

/*
 * The rule that decides one act, or NULL when none applies.  A session can
 * answer to several mapped roles; for each of them the first rule that
 * matches decides, and the strictest of those wins, so that one role's allow
 * rule never lifts what binds another.  Rules that only observe decide like
 * any other: *enforced, if given, gets the decision without them.  rules are
 * in the order of HgPolicy.rules.
 */
extern const HgRule *hg_rule_decide(HgRule *const *rules, int nrules,
									const HgMatchInput *in,
									const HgRule **enforced);

/*
 * Parse a condition.  Result palloc'd in the current context.  On bad input
 * returns NIL and sets *error (palloc'd text); NIL with *error NULL = always.
 */
extern List *hg_rule_parse_condition(const char *text, char **error);

/* What kind of objects a pattern means. */
typedef enum HgPatternKind
{
	HG_PATTERN_ANY,				/* * */
	HG_PATTERN_NAME,
	HG_PATTERN_FUNCTION,
	HG_PATTERN_CLASS
} HgPatternKind;

/* Are all patterns of objects of one kind? */
extern bool hg_rule_only(const char *objects, HgPatternKind kind);

/* Is one of the patterns of objects of this kind? */
extern bool hg_rule_has(const char *objects, HgPatternKind kind);

/* A pattern without any wildcard. */
typedef struct HgExactName
{
	char	   *schema;			/* NULL when the pattern has none, or one with a
								 * wildcard */
	char	   *name;			/* NULL when it has a wildcard */
	bool		is_function;
} HgExactName;

/*
 * What the patterns of objects name, without those for classes; NIL when one
 * of them is "*".  Of HgExactName, palloc'd.
 */
extern List *hg_rule_names(const char *objects);

/* NULL if the objects pattern is well formed, else what is wrong. */
extern char *hg_rule_check_objects(const char *objects);

#endif							/* HG_RULE_MATCH_H */
