/*-------------------------------------------------------------------------
 *
 * subject.c
 *	  Who acts: which mapped subjects the roles of this session answer to.
 *
 * Asked several times for each statement, so the last answer is kept beside
 * what it depends on: role OIDs and the policy generation.  Only a
 * change of one of them leads to the tables.  Nothing that a client can set
 * decides the answer; SET ROLE adds a role to it and never takes the session
 * role out, and a mapped session role stays in it once it was taken on.
 *
 * A group's mapping covers its members.  is_member_of_role() would not do:
 * it makes a superuser a member of everything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "base/catalog.h"
#include "base/compat.h"
#include "base/retire.h"
#include "base/row.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "common/hashfn.h"
#include "identity/subject.h"
#include "miscadmin.h"
#include "utils/catcache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Columns of hoopguard.subject, in the order of 10_identity.sql. */
enum
{
	SUBJECT_ROLE = 1,
	SUBJECT_KIND,
	SUBJECT_OWNER,
	SUBJECT_MODEL,
	SUBJECT_MODE,
	SUBJECT_CLAIMS_REQUIRED,
	SUBJECT_SCRUB_OUTPUT,
	SUBJECT_FROZEN,
	SUBJECT_FREEZE_REASON,
	SUBJECT_CREATED_AT,
	SUBJECT_RECORD_LITERALS
};

/*
 * Identities in use at a time.  A session has one or two; SECURITY DEFINER
 * functions of many owners make more.  When full, all start anew.
 */
#define MAX_IDENTITIES 64

static MemoryContext cache_context = NULL;	/* of one generation */
static uint64 cache_generation = 0;
static List *mapped = NIL;		/* of HgSubject: all rows */
static const HgIdentity *identities[MAX_IDENTITIES];
static int	nidentities = 0;
static const HgIdentity *last_identity = NULL;
static Oid	pinned_role = InvalidOid;	/* taken on by this session */

/* Mode of a word in the table; what is not understood enforces. */
static HgMode
parse_mode(const char *word)
{
	if (word != NULL && strcmp(word, "off") == 0)
		return HG_MODE_OFF;
	if (word != NULL && strcmp(word, "observe") == 0)
		return HG_MODE_OBSERVE;
	return HG_MODE_ENFORCE;
}

static int
compare_subjects(const ListCell *a, const ListCell *b)
{
	Oid			left = ((const HgSubject *) lfirst(a))->role;
	Oid			right = ((const HgSubject *) lfirst(b))->role;

	return left < right ? -1 : left > right;
}

/* All rows of hoopguard.subject, by role, in the current context. */
static List *
load_subjects(void)
{
	Relation	rel = table_open(hg_catalog_rel(HG_REL_SUBJECT),
								 AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;
	List	   *result = NIL;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		HgSubject  *subject = palloc0(sizeof(HgSubject));

		subject->role = hg_row_oid(tuple, desc, SUBJECT_ROLE);
		subject->kind = hg_row_string(tuple, desc, SUBJECT_KIND);
		subject->owner = hg_row_text(tuple, desc, SUBJECT_OWNER);
		subject->model = hg_row_text(tuple, desc, SUBJECT_MODEL);
		subject->mode = parse_mode(hg_row_text(tuple, desc, SUBJECT_MODE));
		subject->claims_required =
			hg_row_bool(tuple, desc, SUBJECT_CLAIMS_REQUIRED);
		subject->scrub_output = hg_row_bool(tuple, desc, SUBJECT_SCRUB_OUTPUT);
		subject->frozen = hg_row_bool(tuple, desc, SUBJECT_FROZEN);
		subject->freeze_reason =
			hg_row_text(tuple, desc, SUBJECT_FREEZE_REASON);
		subject->record_literals =
			hg_row_bool(tuple, desc, SUBJECT_RECORD_LITERALS);
		result = lappend(result, subject);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	/* names need the syscache, which is better not asked inside the scan */
	for (int i = 0; i < list_length(result); i++)
	{
		HgSubject  *subject = list_nth(result, i);

		subject->name = GetUserNameFromId(subject->role, true);
		if (subject->name == NULL)
			subject->name = psprintf("%u", subject->role);
	}
	list_sort(result, compare_subjects);
	return result;
}

/*
 * The role and every role it is a member of, directly or not, in the current
 * context.  The owner of the database is a member of pg_database_owner.
 */
static List *
roles_of(Oid role)
{
	List	   *result = list_make1_oid(role);
	Oid			database_owner = InvalidOid;
	HeapTuple	tuple;

	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	if (HeapTupleIsValid(tuple))
	{
		database_owner = ((Form_pg_database) GETSTRUCT(tuple))->datdba;
		ReleaseSysCache(tuple);
	}

	/* the list grows while it is walked */
	for (int i = 0; i < list_length(result); i++)
	{
		Oid			member = list_nth_oid(result, i);
		CatCList   *list = SearchSysCacheList1(AUTHMEMMEMROLE,
											   ObjectIdGetDatum(member));

		for (int j = 0; j < list->n_members; j++)
		{
			Form_pg_auth_members grant;

			grant = (Form_pg_auth_members) GETSTRUCT(&list->members[j]->tuple);
			if (HG_GRANT_LETS_ACT(grant))
				result = list_append_unique_oid(result, grant->roleid);
		}
		ReleaseSysCacheList(list);
		if (OidIsValid(database_owner) && member == database_owner)
			result = list_append_unique_oid(result, ROLE_PG_DATABASE_OWNER);
	}
	return result;
}

bool
hg_subject_covers(Oid mapped_role, Oid role)
{
	List	   *roles;
	bool		result;

	if (mapped_role == role)
		return true;
	roles = roles_of(role);
	result = list_member_oid(roles, mapped_role);
	list_free(roles);
	return result;
}

/*
 * Add the subjects that cover role: its own mapping first, then those of its
 * groups.
 */
static List *
add_subjects(List *subjects, Oid role)
{
	List	   *roles = roles_of(role);
	ListCell   *lc;

	foreach(lc, mapped)
	{
		HgSubject  *subject = lfirst(lc);

		if (subject->role == role)
			subjects = list_append_unique_ptr(subjects, subject);
	}
	foreach(lc, mapped)
	{
		HgSubject  *subject = lfirst(lc);

		if (list_member_oid(roles, subject->role))
			subjects = list_append_unique_ptr(subjects, subject);
	}
	list_free(roles);
	return subjects;
}

/*
 * Start the cache of this generation.  What can fail is done in a context
 * that the caller's error cleanup would free.
 */
static void
start_generation(uint64 generation)
{
	MemoryContext context;
	MemoryContext old;
	List	   *rows;

	context = AllocSetContextCreate(CurrentMemoryContext,
									"hoopguard identities",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	rows = load_subjects();
	MemoryContextSwitchTo(old);

	MemoryContextSetParent(context, TopMemoryContext);
	if (cache_context != NULL)
		hg_retire_context(cache_context);
	cache_context = context;
	cache_generation = generation;
	mapped = rows;
	nidentities = 0;
	last_identity = NULL;
}

static char *
role_name(Oid role)
{
	char	   *name = GetUserNameFromId(role, true);

	return name ? name : psprintf("%u", role);
}

/* The identity of some roles, from the cache or built now. */
static const HgIdentity *
find_identity(Oid login, Oid pinned, Oid session, Oid outer, Oid current)
{
	uint64		generation = hg_catalog_generation();
	Oid			oids[5] = {login, pinned, session, outer, current};
	HgIdentity *identity;
	ListCell   *lc;
	MemoryContext old;

	if (cache_context == NULL || cache_generation != generation)
		start_generation(generation);

	for (int i = 0; i < nidentities; i++)
		if (identities[i]->login_role == login &&
			identities[i]->pinned_role == pinned &&
			identities[i]->session_role == session &&
			identities[i]->outer_role == outer &&
			identities[i]->current_role == current)
			return identities[i];
	if (nidentities == MAX_IDENTITIES)
		start_generation(generation);

	/* An error below leaves some bytes to the generation's context. */
	old = MemoryContextSwitchTo(cache_context);
	identity = palloc0(sizeof(HgIdentity));
	identity->generation = generation;
	identity->login_role = login;
	identity->pinned_role = pinned;
	identity->session_role = session;
	identity->outer_role = outer;
	identity->current_role = current;
	identity->key =
		DatumGetUInt64(hash_any_extended((const unsigned char *) oids,
										 sizeof(oids), 0));
	identity->session_role_name = role_name(session);
	identity->current_role_name = role_name(current);
	if (mapped != NIL)
	{
		identity->subjects = add_subjects(NIL, session);
		identity->session_governed = identity->subjects != NIL;
		if (outer != session)
			identity->subjects = add_subjects(identity->subjects, outer);
		if (current != session && current != outer)
			identity->subjects = add_subjects(identity->subjects, current);
		if (login != session && login != outer && login != current)
			identity->subjects = add_subjects(identity->subjects, login);
		if (OidIsValid(pinned))
			identity->subjects = add_subjects(identity->subjects, pinned);
	}
	identity->governed = identity->subjects != NIL;
	foreach(lc, identity->subjects)
	{
		if (((HgSubject *) lfirst(lc))->record_literals)
			identity->records_literals = true;
	}
	MemoryContextSwitchTo(old);

	identities[nidentities++] = identity;
	return identity;
}

const HgIdentity *
hg_subject_current(void)
{
	Oid			login = GetAuthenticatedUserId();
	Oid			session = GetSessionUserId();
	Oid			outer = GetOuterUserId();
	Oid			current = GetUserId();

	if (last_identity == NULL ||
		last_identity->current_role != current ||
		last_identity->outer_role != outer ||
		last_identity->session_role != session ||
		last_identity->login_role != login ||
		last_identity->pinned_role != pinned_role ||
		last_identity->generation != hg_catalog_generation())
		last_identity = find_identity(login, pinned_role, session, outer,
									  current);

	/*
	 * Whoever speaks as the mapped role now could say RESET himself, so what
	 * the session was opened as does not count any more.
	 */
	if (session != login && !OidIsValid(pinned_role) &&
		last_identity->session_governed && hg_guc_pin_identity)
	{
		pinned_role = session;
		last_identity = find_identity(login, pinned_role, session, outer,
									  current);
	}
	return last_identity;
}

const HgIdentity *
hg_subject_for_role(Oid role)
{
	return find_identity(role, InvalidOid, role, role, role);
}

bool
hg_subject_scrubs(const HgIdentity *who)
{
	ListCell   *lc;

	foreach(lc, who->subjects)
	{
		if (((HgSubject *) lfirst(lc))->scrub_output)
			return true;
	}
	return false;
}
