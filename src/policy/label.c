/*-------------------------------------------------------------------------
 *
 * label.c
 *	  Security labels of provider hoopguard.
 *
 *	  ON COLUMN    the class of its values; 'public' for none
 *	  ON FUNCTION  'trusted': a reviewed SECURITY DEFINER function whose
 *	               queries see real values
 *	  ON ROLE      set by map_role(): the role is mapped in these databases,
 *	               so that authentication can tell before any is chosen
 *
 * The provider is registered in every database, since the library is
 * preloaded, and must let a dump be restored: pg_dumpall sets the labels of
 * roles while connected to a database without the extension, pg_upgrade runs
 * with most of hoopguard switched off, and pg_dump puts a column's label
 * before the rows of hoopguard.class.
 *
 * A 'trusted' function is trusted as it was when the label was set.  The hash
 * of its pg_proc row is kept in hoopguard._trusted, and any change of the row
 * voids the label, a CREATE OR REPLACE as well as a GRANT.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/catalog.h"
#include "base/compat.h"
#include "base/report.h"
#include "base/row.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/seclabel.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "executor/spi.h"
#include "identity/subject.h"
#include "miscadmin.h"
#include "policy/classify.h"
#include "policy/label.h"
#include "policy/policy.h"
#include "utils/acl.h"
#include "utils/catcache.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Columns of hoopguard._trusted, in the order of 10_identity.sql. */
enum
{
	TRUSTED_FUNC = 1,
	TRUSTED_HASH
};

/* SHA-256 of a function's pg_proc row; false if there is none. */
static bool
hash_proc(Oid funcid, uint8 *digest)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	pg_cryptohash_ctx *ctx;
	bool		ok;

	if (!HeapTupleIsValid(tuple))
		return false;
	ctx = pg_cryptohash_create(PG_SHA256);
	ok = ctx != NULL && pg_cryptohash_init(ctx) >= 0 &&
		pg_cryptohash_update(ctx, (uint8 *) tuple->t_data +
							 tuple->t_data->t_hoff,
							 tuple->t_len - tuple->t_data->t_hoff) >= 0 &&
		pg_cryptohash_final(ctx, digest, PG_SHA256_DIGEST_LENGTH) >= 0;
	pg_cryptohash_free(ctx);
	ReleaseSysCache(tuple);
	if (!ok)
		elog(ERROR, "could not compute SHA-256 hash of a function");
	return true;
}

static Oid
trusted_table(void)
{
	return get_relname_relid("_trusted", hg_catalog_schema());
}

bool
hg_label_function_trusted(Oid funcid)
{
	ObjectAddress object;
	char	   *label;
	Relation	rel;
	TupleDesc	desc;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			table;
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	bool		result = false;

	ObjectAddressSet(object, ProcedureRelationId, funcid);
	label = GetSecurityLabel(&object, "hoopguard");
	if (label == NULL || strcmp(label, "trusted") != 0)
		return false;
	table = trusted_table();
	if (!OidIsValid(table) || !hash_proc(funcid, digest))
		return false;

	rel = table_open(table, AccessShareLock);
	desc = RelationGetDescr(rel);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (!result && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		value;
		bytea	   *hash;

		if (hg_row_oid(tuple, desc, TRUSTED_FUNC) != funcid)
			continue;
		value = heap_getattr(tuple, TRUSTED_HASH, desc, &isnull);
		if (isnull)
			continue;
		hash = DatumGetByteaPP(value);
		result = VARSIZE_ANY_EXHDR(hash) == sizeof(digest) &&
			memcmp(VARDATA_ANY(hash), digest, sizeof(digest)) == 0;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* Remember, or with hash NULL forget, what a trusted function looked like. */
static void
store_trusted(Oid funcid, const uint8 *digest)
{
	Oid			types[2] = {OIDOID, BYTEAOID};
	Datum		values[2];
	bytea	   *hash = NULL;

	if (digest != NULL)
	{
		hash = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
		SET_VARSIZE(hash, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
		memcpy(VARDATA(hash), digest, PG_SHA256_DIGEST_LENGTH);
	}
	values[0] = ObjectIdGetDatum(funcid);
	values[1] = PointerGetDatum(hash);

	SPI_connect();
	if (SPI_execute_with_args("DELETE FROM hoopguard._trusted"
							  " WHERE func OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, false, 0) < 0)
		elog(ERROR, "could not change the list of trusted functions");
	if (hash != NULL &&
		SPI_execute_with_args("INSERT INTO hoopguard._trusted (func, hash)"
							  " VALUES ($1, $2)",
							  2, types, values, NULL, false, 0) < 0)
		elog(ERROR, "could not change the list of trusted functions");
	SPI_finish();
}

/* May the current user run hoopguard.map_role()? */
static bool
is_admin(void)
{
	CatCList   *list;
	bool		result = false;
	Oid			schema = hg_catalog_schema();

	if (superuser())
		return true;
	if (!OidIsValid(schema))
		return false;
	list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum("map_role"));
	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_proc proc;

		proc = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);
		if (proc->pronamespace == schema &&
			HG_PROC_ACLCHECK(proc->oid, GetUserId(), ACL_EXECUTE) ==
			ACLCHECK_OK)
			result = true;
	}
	ReleaseSysCacheList(list);
	return result;
}

void
hg_label_check_admin(const char *what)
{
	if (hg_catalog_present() && hg_subject_current()->governed)
	{
		HgRefusal	refusal = {.verdict = "deny",.builtin = "builtin",
		.command = "POLICY"};

		ereport(ERROR,
				(errcode(HG_ERRCODE_DENIED),
				 errmsg("a governed session cannot change policy"),
				 errdetail_internal("%s", hg_report_json(&refusal)),
				 errhint("Ask a database administrator.")));
	}
	if (!is_admin())
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("permission denied to set a hoopguard %s", what),
				 errhint("Only superusers and roles given hoopguard.grant_admin() can.")));
}

/* Letters, digits and underscores, as add_class() demands. */
static bool
is_class_name(const char *label)
{
	return label[0] >= 'a' && label[0] <= 'z' && strlen(label) < NAMEDATALEN &&
		strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789_") ==
		strlen(label);
}

static void
check_column_label(const ObjectAddress *object, const char *label)
{
	switch (get_rel_relkind(object->objectId))
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_MATVIEW:
			break;
		default:
			ereport(ERROR,
					(errcode(HG_ERRCODE_POLICY),
					 errmsg("columns of \"%s\" cannot have a class",
							get_rel_name(object->objectId)),
					 errhint("Label the column of the table that holds the values.")));
	}
	if (object->objectSubId < 0)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("system columns cannot have a class")));
	if (strcmp(label, "public") == 0 || hg_class_group(label) != NULL)
		return;
	/* see the top of this file; pg_dump's scripts switch the setting off */
	if (!check_function_bodies && is_class_name(label))
		return;
	ereport(ERROR,
			(errcode(HG_ERRCODE_POLICY),
			 errmsg("unknown class \"%s\"", label),
			 errhint("%s", hg_class_hint(label))));
}

static void
check_function_label(const ObjectAddress *object, const char *label)
{
	HeapTuple	tuple;
	bool		definer;

	if (!superuser())
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("permission denied to trust a function"),
				 errhint("Only superusers can.")));
	if (strcmp(label, "trusted") != 0)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("unrecognized label of a function: \"%s\"", label),
				 errhint("The one label of functions is \"trusted\".")));
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(object->objectId));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", object->objectId);
	definer = ((Form_pg_proc) GETSTRUCT(tuple))->prosecdef;
	ReleaseSysCache(tuple);
	if (!definer)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("only a SECURITY DEFINER function can be trusted"),
				 errhint("Any other runs with the rights of whoever calls it.")));
}

/* Those of map_role() do not come through here. */
static void
check_role_label(const char *label)
{
	size_t		len = strlen(label);

	if (!superuser())
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("permission denied to label a role"),
				 errhint("hoopguard.map_role() sets the labels of roles.")));
	if (len < 2 || label[0] != '[' || label[len - 1] != ']')
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("unrecognized label of a role: \"%s\"", label),
				 errhint("hoopguard.map_role() sets the labels of roles.")));
}

/* The provider: raises to refuse a label; label NULL takes it away. */
static void
check_label(const ObjectAddress *object, const char *label)
{
	if (IsBinaryUpgrade)
		return;

	if (object->classId == AuthIdRelationId)
	{
		hg_label_check_admin("label");
		if (label != NULL)
			check_role_label(label);
		return;
	}

	/* of add_sink(); shared, as labels of roles are */
	if (object->classId == DatabaseRelationId)
	{
		hg_label_check_admin("label");
		if (label != NULL && strcmp(label, "outbox") != 0)
			ereport(ERROR,
					(errcode(HG_ERRCODE_POLICY),
					 errmsg("unrecognized label of a database: \"%s\"", label),
					 errhint("hoopguard.add_sink() sets the label of the database.")));
		return;
	}

	if (!hg_catalog_present())
	{
		if (label == NULL && superuser())
			return;
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"hoopguard\" is not installed in this database"),
				 errhint("Run CREATE EXTENSION hoopguard first.")));
	}
	hg_label_check_admin("label");

	if (object->classId == RelationRelationId && object->objectSubId != 0)
	{
		if (label != NULL)
			check_column_label(object, label);
		CacheInvalidateRelcacheByRelid(object->objectId);
	}
	else if (object->classId == ProcedureRelationId)
	{
		uint8		digest[PG_SHA256_DIGEST_LENGTH];

		if (label != NULL)
			check_function_label(object, label);
		if (label != NULL && hash_proc(object->objectId, digest))
			store_trusted(object->objectId, digest);
		else if (superuser())
			store_trusted(object->objectId, NULL);
	}
	else if (label != NULL)
		ereport(ERROR,
				(errcode(HG_ERRCODE_POLICY),
				 errmsg("labels of hoopguard apply to columns, functions and roles")));
	hg_catalog_announce_change();
}

bool
hg_label_role_is_mapped(const char *role_name)
{
	ObjectAddress object;
	char	   *label;

	object.classId = AuthIdRelationId;
	object.objectId = get_role_oid(role_name, true);
	object.objectSubId = 0;
	if (!OidIsValid(object.objectId))
		return false;
	label = GetSecurityLabel(&object, "hoopguard");
	return label != NULL && strcmp(label, "[]") != 0;
}

void
hg_label_init(void)
{
	register_label_provider("hoopguard", check_label);
}
