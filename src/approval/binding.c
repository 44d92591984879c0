/*-------------------------------------------------------------------------
 *
 * binding.c
 *	  What an approval is good for, as one hash.
 *
 * Every field is hashed with its length before it, NULL with a length that
 * nothing has, so that no two lists of fields give the same bytes.  A field
 * more makes approvals narrower; a field less lets one cover a statement
 * that nobody looked at.  Names of temporary schemas stay out: they differ
 * between sessions, and the statement's relations are in by OID.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xlog.h"
#include "approval/approval_private.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#define BINDING_FORMAT 1

static void
hash_fail(pg_cryptohash_ctx *ctx)
{
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("could not compute a hash: %s",
					pg_cryptohash_error(ctx))));
}

static void
add_bytes(pg_cryptohash_ctx *ctx, const void *data, Size len)
{
	uint64		prefix = pg_hton64((uint64) len);

	if (pg_cryptohash_update(ctx, (const uint8 *) &prefix,
							 sizeof(prefix)) < 0 ||
		(len > 0 && pg_cryptohash_update(ctx, (const uint8 *) data, len) < 0))
		hash_fail(ctx);
}

static void
add_text(pg_cryptohash_ctx *ctx, const char *s)
{
	uint64		null_mark = PG_UINT64_MAX;

	if (s != NULL)
		add_bytes(ctx, s, strlen(s));
	else if (pg_cryptohash_update(ctx, (const uint8 *) &null_mark,
								  sizeof(null_mark)) < 0)
		hash_fail(ctx);
}

static void
add_number(pg_cryptohash_ctx *ctx, uint64 n)
{
	uint64		v = pg_hton64(n);

	add_bytes(ctx, &v, sizeof(v));
}

static void
add_setting(pg_cryptohash_ctx *ctx, const char *name)
{
	add_text(ctx, name);
	add_text(ctx, GetConfigOption(name, true, false));
}

/* Binary form where the type has one, else text. */
static void
add_params(pg_cryptohash_ctx *ctx, ParamListInfo params)
{
	int			n = params ? params->numParams : 0;

	add_number(ctx, n);
	for (int i = 0; i < n; i++)
	{
		ParamExternData workspace;
		ParamExternData *prm;
		Oid			func;
		bool		varlena;
		int16		typlen;
		bool		typbyval;
		char		typalign;
		char		typdelim;
		Oid			ioparam;

		if (params->paramFetch != NULL)
			prm = params->paramFetch(params, i + 1, false, &workspace);
		else
			prm = &params->params[i];
		add_number(ctx, prm->ptype);
		if (!OidIsValid(prm->ptype))
			continue;
		if (prm->isnull)
		{
			add_text(ctx, NULL);
			continue;
		}
		get_type_io_data(prm->ptype, IOFunc_send, &typlen, &typbyval,
						 &typalign, &typdelim, &ioparam, &func);
		if (OidIsValid(func))
		{
			bytea	   *value = OidSendFunctionCall(func, prm->value);

			add_bytes(ctx, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
		}
		else
		{
			getTypeOutputInfo(prm->ptype, &func, &varlena);
			add_text(ctx, OidOutputFunctionCall(func, prm->value));
		}
	}
}

/* A replaced function body has another xmin. */
static void
add_functions(pg_cryptohash_ctx *ctx, List *functions)
{
	ListCell   *lc;

	foreach(lc, functions)
	{
		Oid			funcid = lfirst_oid(lc);
		HeapTuple	tuple;

		if (funcid < FirstNormalObjectId)
			continue;
		add_number(ctx, funcid);
		tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
		if (!HeapTupleIsValid(tuple))
			continue;
		add_number(ctx, HeapTupleHeaderGetRawXmin(tuple->t_data));
		add_number(ctx, ItemPointerGetBlockNumberNoCheck(&tuple->t_self));
		add_number(ctx, ItemPointerGetOffsetNumberNoCheck(&tuple->t_self));
		ReleaseSysCache(tuple);
	}
	add_text(ctx, NULL);
}

void
hg_binding_compute(const HgApprovalAsk *ask, char *out)
{
	const HgIdentity *identity = ask->policy->identity;
	pg_cryptohash_ctx *ctx = pg_cryptohash_create(PG_SHA256);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	List	   *path;
	ListCell   *lc;

	if (ctx == NULL || pg_cryptohash_init(ctx) < 0)
		hash_fail(ctx);
	add_number(ctx, BINDING_FORMAT);
	add_number(ctx, GetSystemIdentifier());
	add_number(ctx, GetWALInsertionTimeLine());
	add_number(ctx, MyDatabaseId);

	add_number(ctx, identity->session_role);
	add_text(ctx, identity->session_role_name);
	add_number(ctx, identity->outer_role);
	add_number(ctx, identity->current_role);
	add_text(ctx, identity->current_role_name);
	foreach(lc, identity->subjects)
	{
		const HgSubject *subject = (const HgSubject *) lfirst(lc);

		add_number(ctx, subject->role);
		add_text(ctx, subject->name);
	}
	add_text(ctx, NULL);

	add_text(ctx, ask->text);
	add_params(ctx, ask->params);

	foreach(lc, ask->facts->acts)
	{
		const HgAct *act = (const HgAct *) lfirst(lc);

		add_number(ctx, act->command);
		add_number(ctx, act->objid);
		add_text(ctx, act->schema);
		add_text(ctx, act->name);
		add_number(ctx, act->ntouched);
		for (int i = 0; i < act->ntouched; i++)
			add_text(ctx, act->touched_classes[i]);
	}
	add_text(ctx, NULL);
	foreach(lc, ask->facts->masked_columns)
		add_text(ctx, (const char *) lfirst(lc));
	add_text(ctx, NULL);
	add_functions(ctx, ask->facts->functions);

	path = fetch_search_path(true);
	foreach(lc, path)
	{
		if (!isTempNamespace(lfirst_oid(lc)))
			add_number(ctx, lfirst_oid(lc));
	}
	list_free(path);
	add_text(ctx, NULL);
	add_setting(ctx, "DateStyle");
	add_setting(ctx, "TimeZone");
	add_setting(ctx, "IntervalStyle");
	add_setting(ctx, "standard_conforming_strings");
	add_setting(ctx, "session_replication_role");
	add_setting(ctx, "row_security");

	add_number(ctx, ask->verdict->rule ? ask->verdict->rule->id : 0);
	add_text(ctx, ask->policy->version);

	if (pg_cryptohash_final(ctx, digest, sizeof(digest)) < 0)
		hash_fail(ctx);
	pg_cryptohash_free(ctx);
	strcpy(out, "sha256:");
	for (int i = 0; i < sizeof(digest); i++)
		snprintf(out + 7 + 2 * i, 3, "%02x", digest[i]);
}

void
hg_binding_digest(const void *data, Size len, char *out)
{
	pg_cryptohash_ctx *ctx = pg_cryptohash_create(PG_SHA256);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	if (ctx == NULL || pg_cryptohash_init(ctx) < 0 ||
		pg_cryptohash_update(ctx, (const uint8 *) data, len) < 0 ||
		pg_cryptohash_final(ctx, digest, sizeof(digest)) < 0)
		hash_fail(ctx);
	pg_cryptohash_free(ctx);
	strcpy(out, "sha256:");
	for (int i = 0; i < sizeof(digest); i++)
		snprintf(out + 7 + 2 * i, 3, "%02x", digest[i]);
}
