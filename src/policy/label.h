/*-------------------------------------------------------------------------
 *
 * label.h
 *	  Security labels of provider hoopguard; private to policy/.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_LABEL_H
#define HG_LABEL_H

/*
 * Is the function labelled 'trusted', and its pg_proc row what it was when
 * the label was set?  Not cached: see hg_policy_function_trusted().
 */
extern bool hg_label_function_trusted(Oid funcid);

/*
 * Raise HG001 if this session is governed, insufficient_privilege if the
 * current user may not administer hoopguard.  what: "label" and the like.
 */
extern void hg_label_check_admin(const char *what);

/*
 * Is the role itself mapped in any database?  By its label, so it can be asked
 * before a database is chosen.  Memberships are not followed.
 */
extern bool hg_label_role_is_mapped(const char *role_name);

#endif							/* HG_LABEL_H */
