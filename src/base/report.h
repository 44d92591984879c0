/*-------------------------------------------------------------------------
 *
 * report.h
 *	  SQLSTATEs and the wording of refusals.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_REPORT_H
#define HG_REPORT_H

#include "base/compat.h"
#include "utils/elog.h"

#define HG_ERRCODE_DENIED MAKE_SQLSTATE('H','G','0','0','1')
#define HG_ERRCODE_APPROVAL_REQUIRED MAKE_SQLSTATE('H','G','0','0','2')
#define HG_ERRCODE_APPROVAL_DENIED MAKE_SQLSTATE('H','G','0','0','3')
#define HG_ERRCODE_LIMIT MAKE_SQLSTATE('H','G','0','0','4')
#define HG_ERRCODE_FROZEN MAKE_SQLSTATE('H','G','0','0','5')
#define HG_ERRCODE_MASKED MAKE_SQLSTATE('H','G','0','0','6')
#define HG_ERRCODE_PREDICATE MAKE_SQLSTATE('H','G','0','0','7')
#define HG_ERRCODE_AUDIT MAKE_SQLSTATE('H','G','0','0','8')
#define HG_ERRCODE_IDENTITY MAKE_SQLSTATE('H','G','0','0','9')
#define HG_ERRCODE_EFFECT MAKE_SQLSTATE('H','G','0','1','0')
#define HG_ERRCODE_NO_APPROVER MAKE_SQLSTATE('H','G','0','1','1')
#define HG_ERRCODE_TICKET MAKE_SQLSTATE('H','G','0','1','2')
#define HG_ERRCODE_TOO_MANY MAKE_SQLSTATE('H','G','0','1','3')
#define HG_ERRCODE_POLICY MAKE_SQLSTATE('H','G','0','1','4')

/* What the DETAIL of a refusal says; NULL or 0 members are left out. */
typedef struct HgRefusal
{
	const char *verdict;		/* deny, approve, limit, ... */
	int			rule_id;		/* 0: none */
	const char *builtin;		/* name of a built-in rule, if rule_id is 0 */
	const char *command;
	const char *const *objects;
	int			nobjects;
	const char *approval_id;
	const char *state;			/* of the approval or its delivery */
	const char *reason;
	const char *extra_json;		/* more members, `"k":v,...`, no braces */
} HgRefusal;

/* One JSON object, palloc'd in the current context; no catalog access. */
extern char *hg_report_json(const HgRefusal *refusal);

/* s as a JSON string with its quotes, palloc'd. */
extern char *hg_report_quote(const char *s);

/* The error for CREATE EXTENSION or a call without shared_preload_libraries. */
pg_noreturn extern void hg_report_not_preloaded(void);

#endif							/* HG_REPORT_H */
