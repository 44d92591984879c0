/*-------------------------------------------------------------------------
 *
 * subject.h
 *	  Who acts: which mapped subjects the roles of this session answer to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_SUBJECT_H
#define HG_SUBJECT_H

#include "base/guc.h"
#include "nodes/pg_list.h"

/* A row of hoopguard.subject; lives in the identity cache's context. */
typedef struct HgSubject
{
	Oid			role;
	char	   *name;			/* role name */
	char	   *kind;			/* agent, service, human */
	char	   *owner;			/* may be NULL */
	char	   *model;			/* may be NULL */
	HgMode		mode;
	bool		claims_required;
	bool		scrub_output;
	bool		frozen;
	char	   *freeze_reason;	/* may be NULL */
	bool		record_literals;
} HgSubject;

/*
 * The identity of the running statement.  Cached by (authenticated, session,
 * outer, current role); valid until hg_catalog_generation() moves.  Never freed by callers.
 */
typedef struct HgIdentity
{
	uint64		key;			/* names this combination; equal key = equal
								 * rules, within one generation */
	uint64		generation;
	Oid			login_role;		/* authenticated: SET SESSION AUTHORIZATION
								 * does not change it */
	Oid			pinned_role;	/* see hg_subject_current; or InvalidOid */
	Oid			session_role;
	Oid			outer_role;
	Oid			current_role;
	char	   *session_role_name;
	char	   *current_role_name;
	bool		governed;
	bool		session_governed;	/* the session role alone is mapped */
	bool		records_literals;	/* one of the subjects does */
	List	   *subjects;		/* of HgSubject, deduplicated, in role order:
								 * session, outer, current */
} HgIdentity;

/*
 * Identity now.  A mapped role that the session has acted as by SET SESSION
 * AUTHORIZATION counts from then on, also after RESET SESSION AUTHORIZATION,
 * DISCARD ALL or ROLLBACK (hoopguard.pin_identity).  ERROR only when the subject table cannot be read (fail
 * closed).  Needs hg_catalog_present().
 */
extern const HgIdentity *hg_subject_current(void);

/* Must result rows be scrubbed for one of the subjects? */
extern bool hg_subject_scrubs(const HgIdentity *who);

/* Identity that `role` would have if it logged in; for check_sql. */
extern const HgIdentity *hg_subject_for_role(Oid role);

/*
 * Does the mapping of `mapped` cover `role`?  Itself or a membership; the
 * implied membership of superusers does not count; on 16+ only grants with
 * INHERIT or SET.
 */
extern bool hg_subject_covers(Oid mapped, Oid role);

#endif							/* HG_SUBJECT_H */
