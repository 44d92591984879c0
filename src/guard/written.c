/*-------------------------------------------------------------------------
 *
 * written.c
 *	  Rows written by relation, and a statement held to what was approved.
 *
 * The server counts the rows that a transaction inserts, updates and deletes
 * in each table for its statistics, by whatever way they get there: the
 * statement itself, partitions, triggers, cascades, functions.  That is what
 * a rehearsal reports and what an approved run is compared with.  What a
 * subtransaction has written and rolled back is not in it, and has no effect
 * either.
 *
 * Temporary tables are a session's own; catalogs and hoopguard's own tables
 * are written by the server and by hoopguard.  None of them counts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "base/catalog.h"
#include "base/report.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "guard/written.h"
#include "lib/stringinfo.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/pgstat_internal.h"

/* So many relations are looked at for each row, more every so many rows. */
#define FEW_RELATIONS 16
#define MANY_EVERY 64

static HgBound *current = NULL;

bool
hg_written_known(void)
{
	return pgstat_track_counts;
}

static bool
is_ignored(Oid relid)
{
	char		relkind;

	if (relid < FirstNormalObjectId)
		return true;
	relkind = get_rel_relkind(relid);
	return relkind == RELKIND_TOASTVALUE ||
		get_rel_persistence(relid) == RELPERSISTENCE_TEMP ||
		get_rel_namespace(relid) == hg_catalog_schema();
}

HgWrittenRel *
hg_written_rel(HgWritten *written, Oid relid)
{
	HgWrittenRel *rel;

	for (int i = 0; i < written->n; i++)
		if (written->rels[i].relid == relid)
			return &written->rels[i];
	if (written->n == written->room)
	{
		written->room = Max(8, 2 * written->room);
		if (written->rels == NULL)
			written->rels = MemoryContextAlloc(written->context,
											   written->room *
											   sizeof(HgWrittenRel));
		else
			written->rels = repalloc(written->rels,
									 written->room * sizeof(HgWrittenRel));
	}
	rel = &written->rels[written->n++];
	memset(rel, 0, sizeof(*rel));
	rel->relid = relid;
	rel->ignored = is_ignored(relid);
	return rel;
}

void
hg_written_update(HgWritten *written)
{
	PgStat_SubXactStatus *level;

	for (int i = 0; i < written->n; i++)
	{
		HgWrittenRel *rel = &written->rels[i];

		rel->inserted = -rel->base_inserted;
		rel->updated = -rel->base_updated;
		rel->deleted = -rel->base_deleted;
		rel->truncated = false;
	}
	if (!pgstat_track_counts)
		return;
	level = pgstat_get_xact_stack_level(GetCurrentTransactionNestLevel());
	for (; level != NULL; level = level->prev)
	{
		PgStat_TableXactStatus *trans;

		for (trans = level->first; trans != NULL; trans = trans->next)
		{
			HgWrittenRel *rel = hg_written_rel(written,
											   HG_TABSTAT_RELID(trans->parent));

			rel->inserted += trans->tuples_inserted;
			rel->updated += trans->tuples_updated;
			rel->deleted += trans->tuples_deleted;
			rel->truncated |= trans->truncdropped;
		}
	}
}

HgWritten *
hg_written_begin(void)
{
	HgWritten  *written = palloc0(sizeof(HgWritten));

	written->context = CurrentMemoryContext;
	hg_written_update(written);
	for (int i = 0; i < written->n; i++)
	{
		HgWrittenRel *rel = &written->rels[i];

		rel->base_inserted = rel->inserted;
		rel->base_updated = rel->updated;
		rel->base_deleted = rel->deleted;
		rel->base_truncated = rel->truncated;
	}
	return written;
}

int64
hg_written_rows(const HgWrittenRel *rel)
{
	/* a table emptied before the statement may count less than it did */
	return Max(rel->inserted, 0) + Max(rel->updated, 0) +
		Max(rel->deleted, 0);
}

HgBound *
hg_bound_enter(HgBound *bound)
{
	HgBound    *outer = current;

	if (bound != NULL && bound != current)
	{
		bound->outer = current;
		current = bound;
	}
	return outer;
}

void
hg_bound_leave(HgBound *outer)
{
	current = outer;
}

bool
hg_bound_listed(const char *approver)
{
	for (HgBound *bound = current; bound != NULL; bound = bound->outer)
		if (bound->listed && strcmp(bound->approver, approver) == 0)
			return true;
	return false;
}

pg_noreturn static void
raise_exceeded(const HgBound *bound, const HgWrittenRel *rel,
			   const char *command, int64 approved, int64 would)
{
	HgRefusal	refusal = {.verdict = "deny",.builtin = "approved effect"};
	StringInfoData more;
	char	   *name;

	name = get_rel_name(rel->relid);
	if (name != NULL)
		name = psprintf("%s.%s",
						get_namespace_name(get_rel_namespace(rel->relid)),
						name);
	else
		name = "a relation that is gone";
	initStringInfo(&more);
	appendStringInfo(&more, "\"relation\": %s, \"approved\": " INT64_FORMAT
					 ", \"would\": " INT64_FORMAT, hg_report_quote(name),
					 approved, would);
	refusal.approval_id = bound->approval_id;
	refusal.command = command;
	refusal.extra_json = more.data;
	ereport(ERROR,
			(errcode(HG_ERRCODE_EFFECT),
			 !rel->approved ?
			 errmsg("statement would write to \"%s\", which is not part of the effect that was approved",
					name) :
			 errmsg("statement would %s more rows of \"%s\" than the "
					INT64_FORMAT " that were approved",
					strcmp(command, "INSERT") == 0 ? "insert" :
					strcmp(command, "UPDATE") == 0 ? "update" :
					strcmp(command, "DELETE") == 0 ? "delete" : "truncate",
					name, approved),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 errhint("The data or its triggers have changed since the approval; run the statement again to ask anew.")));
}

pg_noreturn static void
raise_total(const HgBound *bound, int64 would)
{
	HgRefusal	refusal = {.verdict = "deny",.builtin = "approved effect"};

	refusal.approval_id = bound->approval_id;
	refusal.extra_json = psprintf("\"approved\": " INT64_FORMAT
								  ", \"would\": " INT64_FORMAT,
								  bound->max_rows, would);
	ereport(ERROR,
			(errcode(HG_ERRCODE_EFFECT),
			 errmsg("statement exceeds the " INT64_FORMAT " rows that were approved",
					bound->max_rows),
			 errdetail_internal("%s", hg_report_json(&refusal)),
			 errhint("Restrict the statement and ask for approval again.")));
}

static void
check_bound(HgBound *bound, bool final)
{
	HgWritten  *written = bound->written;
	int64		total = 0;

	if (!final && written->n > FEW_RELATIONS &&
		bound->calls++ % MANY_EVERY != 0)
		return;
	if (!pgstat_track_counts)
		ereport(ERROR,
				(errcode(HG_ERRCODE_EFFECT),
				 errmsg("the effect of an approved statement cannot be counted"),
				 errhint("Set \"track_counts\" to on.")));
	hg_written_update(written);
	for (int i = 0; i < written->n; i++)
	{
		const HgWrittenRel *rel = &written->rels[i];

		if (rel->ignored)
			continue;
		total += hg_written_rows(rel);
		if (!bound->listed)
			continue;
		if (rel->truncated && !rel->base_truncated && !rel->may_truncate)
			raise_exceeded(bound, rel, "TRUNCATE", 0, 1);
		if (rel->inserted > rel->may_insert)
			raise_exceeded(bound, rel, "INSERT", rel->may_insert,
						   rel->inserted);
		if (rel->updated > rel->may_update)
			raise_exceeded(bound, rel, "UPDATE", rel->may_update,
						   rel->updated);
		if (rel->deleted > rel->may_delete)
			raise_exceeded(bound, rel, "DELETE", rel->may_delete,
						   rel->deleted);
	}
	if (bound->max_rows >= 0 && total > bound->max_rows)
		raise_total(bound, total);
}

void
hg_bound_check(bool final)
{
	for (HgBound *bound = current; bound != NULL; bound = bound->outer)
		check_bound(bound, final);
}
