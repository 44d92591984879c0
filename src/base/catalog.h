/*-------------------------------------------------------------------------
 *
 * catalog.h
 *	  OIDs of hoopguard's own objects and the policy generation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_CATALOG_H
#define HG_CATALOG_H

#include "datatype/timestamp.h"

/*
 * Relations, and the functions the rewritten trees call.  All in schema
 * hoopguard, found by name once and cached until the schema changes.
 */
typedef enum HgRel
{
	HG_REL_POLICY_VERSION,		/* the anchor: every policy change
								 * invalidates its relcache entry */
	HG_REL_SUBJECT,
	HG_REL_RULE,
	HG_REL_MASK_RULE,
	HG_REL_DEFAULT_MASK,
	HG_REL_CLASS,
	HG_REL_LIMIT_RULE,
	HG_REL_FUNCTION_CLASS,
	HG_REL_EXEMPTION,
	HG_REL_APPROVER,
	HG_REL_MASK_KEY,
	HG_REL_APPROVAL,
	HG_REL_EVENT,
	HG_REL_INHERITED_CLASS,
	HG_REL_INHERITED_INDEX,
	HG_REL_ALLOW_LIST,
	HG_REL_ALLOWED_STATEMENT,
	HG_REL_PATTERN,
	HG_REL_FINDING,
	HG_REL_FINDING_INDEX,
	HG_REL_ACCEPTED_FINDING,
	HG_REL_ACCEPTED_INDEX,
	HG_REL_COUNT
} HgRel;

/*
 * True when hoopguard is installed in this database.  One syscache-free test
 * of a cached answer in the normal case.  False outside a transaction, before
 * a database is chosen, and while CREATE EXTENSION hoopguard itself runs.
 */
extern bool hg_catalog_present(void);

/*
 * Is the extension here but a part of its schema missing?  So it is after an
 * upgrade of the library, until ALTER EXTENSION UPDATE.
 */
extern bool hg_catalog_damaged(void);

/*
 * True while a superuser repairs a damaged extension: then it is absent,
 * which would raise an error otherwise.
 */
extern bool hg_catalog_repair;

/* OID of one of our relations; ERROR if hg_catalog_present() is false. */
extern Oid	hg_catalog_rel(HgRel rel);

/* OID of schema hoopguard, or InvalidOid. */
extern Oid	hg_catalog_schema(void);

/* OID of hoopguard._mask(anyelement, internal). */
extern Oid	hg_catalog_mask_function(void);

/* OID of hoopguard._real(anyelement, internal). */
extern Oid	hg_catalog_real_function(void);

/* OID of hoopguard._mask_fixed(anyelement, internal). */
extern Oid	hg_catalog_fixed_function(void);

/*
 * Counts up whenever policy may have changed: policy tables, roles and
 * memberships.  Compare, never interpret.  Call AcceptInvalidationMessages()
 * first where a change committed elsewhere must be seen now.
 */
extern uint64 hg_catalog_generation(void);

/*
 * Policy that was read just now changes by itself at that time: the generation
 * will count up then.
 */
extern void hg_catalog_stale_at(TimestampTz at);

/* From SQL triggers and the label provider: make every backend notice. */
extern void hg_catalog_announce_change(void);

/* Register the invalidation callbacks; only from _PG_init. */
extern void hg_catalog_init(void);

/* True in hoopguard's own workers, whose statements no hook may touch. */
extern bool hg_in_worker;

#endif							/* HG_CATALOG_H */
