/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  OIDs of hoopguard's own objects and the policy generation.
 *
 * The invalidation callbacks ask no catalog: they drop the cached answer or
 * count up, and whoever needs the answer looks it up in a transaction.  The
 * schema is a member of the extension, so creating and dropping the
 * extension both touch pg_namespace; that is what the cached "absent" hangs
 * on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "base/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

bool		hg_in_worker = false;
bool		hg_catalog_repair = false;

static const char *const rel_names[HG_REL_COUNT] = {
	[HG_REL_POLICY_VERSION] = "policy_version",
	[HG_REL_SUBJECT] = "subject",
	[HG_REL_RULE] = "rule",
	[HG_REL_MASK_RULE] = "_mask_rule",
	[HG_REL_DEFAULT_MASK] = "default_mask",
	[HG_REL_CLASS] = "class",
	[HG_REL_LIMIT_RULE] = "limit_rule",
	[HG_REL_FUNCTION_CLASS] = "function_class",
	[HG_REL_EXEMPTION] = "_exemption",
	[HG_REL_APPROVER] = "approver",
	[HG_REL_MASK_KEY] = "mask_key",
	[HG_REL_APPROVAL] = "approval",
	[HG_REL_EVENT] = "_event",
	[HG_REL_INHERITED_CLASS] = "inherited_class",
	[HG_REL_INHERITED_INDEX] = "inherited_class_column_idx",
	[HG_REL_ALLOW_LIST] = "allow_list",
	[HG_REL_ALLOWED_STATEMENT] = "allowed_statement",
	[HG_REL_PATTERN] = "pattern",
	[HG_REL_FINDING] = "_finding",
	[HG_REL_FINDING_INDEX] = "_finding_column_idx",
	[HG_REL_ACCEPTED_FINDING] = "accepted_finding",
	[HG_REL_ACCEPTED_INDEX] = "accepted_finding_column_idx",
};

/* Look-ups in a row that may be disturbed by invalidations. */
#define LOOK_UP_MAX 10

static bool known = false;		/* present and the OIDs are current */
static bool present = false;
static bool disturbed = false;	/* known was reset while looking */
static uint64 generation = 1;
static TimestampTz stale_at = 0;	/* 0: never by itself */
static Oid	schema_oid = InvalidOid;
static Oid	mask_function = InvalidOid;
static Oid	real_function = InvalidOid;
static Oid	fixed_function = InvalidOid;
static Oid	rel_oids[HG_REL_COUNT];

static void
forget(void)
{
	known = false;
	disturbed = true;
	generation++;
}

/* Schemas come and go with every first temporary table: only look again. */
static void
on_namespace(Datum arg, int cacheid, uint32 hashvalue)
{
	known = false;
	disturbed = true;
}

/* Roles and memberships decide who is governed. */
static void
on_role(Datum arg, int cacheid, uint32 hashvalue)
{
	generation++;
}

static void
on_relcache(Datum arg, Oid relid)
{
	if (!OidIsValid(relid))
	{
		forget();
		return;
	}
	if (!known)
	{
		/* it may be one of ours: there is nothing to compare with now */
		generation++;
		return;
	}
	if (!present)
		return;
	for (int i = 0; i <= HG_REL_APPROVER; i++)
		if (rel_oids[i] == relid)
		{
			generation++;
			return;
		}
}

/*
 * Look everything up.  Each look-up can itself deliver an invalidation, which
 * sets "disturbed": then it starts again, but not for ever; what was found
 * last is then true of a moment ago, and "known" stays false.  Nothing is
 * changed before all is found: an error half-way, say of a lock timeout, must
 * not make the extension look absent.
 */
static void
look_up(bool *damaged)
{
	Oid			new_rels[HG_REL_COUNT];
	Oid			new_mask = InvalidOid;
	Oid			new_real = InvalidOid;
	Oid			new_fixed = InvalidOid;
	Oid			schema;
	bool		found = false;
	bool		final = true;

	for (int i = 0; i < LOOK_UP_MAX; i++)
	{
		disturbed = false;
		found = false;
		final = true;
		memset(new_rels, 0, sizeof(new_rels));
		new_mask = InvalidOid;
		new_real = InvalidOid;
		new_fixed = InvalidOid;
		schema = get_namespace_oid("hoopguard", true);
		if (OidIsValid(schema) &&
			OidIsValid(get_extension_oid("hoopguard", true)))
		{
			oidvector  *argtypes;
			Oid			args[2] = {ANYELEMENTOID, INTERNALOID};
			bool		whole = true;

			/* while its script runs, it is not there yet */
			if (creating_extension &&
				CurrentExtensionObject == get_extension_oid("hoopguard", true))
			{
				final = false;
				break;
			}

			for (int j = 0; j < HG_REL_COUNT; j++)
			{
				new_rels[j] = get_relname_relid(rel_names[j], schema);
				if (!OidIsValid(new_rels[j]))
					whole = false;
			}
			argtypes = buildoidvector(args, 2);
			new_mask = GetSysCacheOid3(PROCNAMEARGSNSP,
									   Anum_pg_proc_oid,
									   CStringGetDatum("_mask"),
									   PointerGetDatum(argtypes),
									   ObjectIdGetDatum(schema));
			new_real = GetSysCacheOid3(PROCNAMEARGSNSP,
									   Anum_pg_proc_oid,
									   CStringGetDatum("_real"),
									   PointerGetDatum(argtypes),
									   ObjectIdGetDatum(schema));
			new_fixed = GetSysCacheOid3(PROCNAMEARGSNSP,
										Anum_pg_proc_oid,
										CStringGetDatum("_mask_fixed"),
										PointerGetDatum(argtypes),
										ObjectIdGetDatum(schema));

			/*
			 * A damaged one fails closed where its parts are needed.  A
			 * parallel worker is not told that the script runs, but its
			 * leader has looked.
			 */
			if (whole && OidIsValid(new_mask) && OidIsValid(new_real) &&
				OidIsValid(new_fixed))
				found = true;
			else if (IsParallelWorker())
			{
				final = false;
				break;
			}
			else if (damaged != NULL)
			{
				*damaged = true;
				final = false;
				break;
			}
			else
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("extension \"hoopguard\" is damaged: a part of its schema is missing"),
						 errhint("A superuser can run ALTER EXTENSION hoopguard UPDATE after an upgrade, or drop and create the extension again.")));
		}
		if (!disturbed)
			break;
	}

	if (found != present || schema != schema_oid)
		generation++;
	present = found;
	schema_oid = schema;
	mask_function = new_mask;
	real_function = new_real;
	fixed_function = new_fixed;
	memcpy(rel_oids, new_rels, sizeof(rel_oids));
	known = final && !disturbed;
}

bool
hg_catalog_present(void)
{
	if (hg_catalog_repair)
		return false;
	if (known)
		return present;
	if (!OidIsValid(MyDatabaseId) || !IsTransactionState() ||
		IsAbortedTransactionBlockState())
		return false;
	look_up(NULL);
	return present;
}

bool
hg_catalog_damaged(void)
{
	bool		damaged = false;

	if (known || !OidIsValid(MyDatabaseId) || !IsTransactionState() ||
		IsAbortedTransactionBlockState())
		return false;
	look_up(&damaged);
	return damaged;
}

Oid
hg_catalog_rel(HgRel rel)
{
	if (!hg_catalog_present())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"hoopguard\" is not installed in this database")));
	return rel_oids[rel];
}

Oid
hg_catalog_schema(void)
{
	return hg_catalog_present() ? schema_oid : InvalidOid;
}

Oid
hg_catalog_mask_function(void)
{
	return hg_catalog_present() ? mask_function : InvalidOid;
}

Oid
hg_catalog_real_function(void)
{
	return hg_catalog_present() ? real_function : InvalidOid;
}

Oid
hg_catalog_fixed_function(void)
{
	return hg_catalog_present() ? fixed_function : InvalidOid;
}

uint64
hg_catalog_generation(void)
{
	if (stale_at != 0 && GetCurrentTimestamp() >= stale_at)
	{
		stale_at = 0;
		generation++;
	}
	return generation;
}

void
hg_catalog_stale_at(TimestampTz at)
{
	if (stale_at == 0 || at < stale_at)
		stale_at = at;
}

void
hg_catalog_announce_change(void)
{
	if (hg_catalog_present())
		CacheInvalidateRelcacheByRelid(rel_oids[HG_REL_POLICY_VERSION]);
}

void
hg_catalog_init(void)
{
	CacheRegisterRelcacheCallback(on_relcache, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, on_namespace, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, on_role, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, on_role, (Datum) 0);
}
