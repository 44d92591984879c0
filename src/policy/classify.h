/*-------------------------------------------------------------------------
 *
 * classify.h
 *	  What a column holds: label, then name and type.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_CLASSIFY_H
#define HG_CLASSIFY_H

#include "access/attnum.h"
#include "policy/column_ref.h"

typedef enum HgClassSource
{
	HG_CLASS_NONE,
	HG_CLASS_LABEL,
	HG_CLASS_LINEAGE,
	HG_CLASS_FINDING,
	HG_CLASS_HEURISTIC,
	HG_CLASS_RULE,				/* only a mask rule says anything */
	HG_CLASS_BUILTIN			/* pg_statistic and the like */
} HgClassSource;

typedef struct HgColumnClass
{
	AttrNumber	attnum;
	char	   *name;			/* column */
	const char *class_name;
	HgClassSource source;
	Oid			origin;			/* the relation whose label or name told */
	HgColumnRef came_from;		/* lineage: the column copied from, or 0 */
} HgColumnClass;

/*
 * Classified columns of a relation, ancestors and descendants of inheritance
 * and partitioning considered (mapped by column name).  'public' labels give
 * no entry.  *n entries, in memory of the classification cache, valid until
 * the next invalidation (do not keep).  Views: none (their base tables have
 * them).
 */
extern const HgColumnClass *hg_classify_relation(Oid relid, int *n);

/*
 * The relation with its ancestors and descendants, itself first; memory as
 * above.
 */
extern const Oid *hg_classify_family(Oid relid, int *n);

/*
 * The class that values of a column carry for whoever copies them, NULL if
 * none.  Besides the classes above: columns generated from a classified one
 * have its class, those that only a mask rule is for are confidential.
 * Memory as above.
 */
extern const char *hg_classify_column(Oid relid, AttrNumber attnum,
									  HgClassSource *source);

/* The same for sensitive_column: all columns that carry a class. */
extern const HgColumnClass *hg_classify_sensitive(Oid relid, int *n);

/* Has any column of the relation such a class? */
extern bool hg_classify_any(Oid relid);

/* Is there a row about just this column in hoopguard.inherited_class? */
extern bool hg_classify_has_inherited(Oid relid, AttrNumber attnum,
									  const char *class_name);

/* Columns that a generated column is computed from; NULL if it is not one. */
extern const AttrNumber *hg_classify_bases(Oid relid, AttrNumber attnum,
										   int *n);

/* Moves when an answer of the functions above may have changed. */
extern uint64 hg_classify_epoch(void);

/* Name heuristic alone: a static class name, or NULL. Pure. */
extern const char *hg_classify_name(const char *relation, const char *column,
									const char *type_name);

/*
 * The words of the name, in plain English, that hg_classify_name() went by;
 * "" when the type alone told, NULL when there is no class.
 */
extern const char *hg_classify_name_evidence(const char *relation,
											 const char *column,
											 const char *type_name);

/* Group of a class (contact, national_id, ...), NULL if the class is unknown. */
extern const char *hg_class_group(const char *class_name);

/*
 * Is a class meant by a pattern: its own name, "group:" and a group, or "*"?
 * The group pii holds all classes but secrets, statistics and public.
 */
extern bool hg_class_matches(const char *pattern, const char *class_name);

/* Does a pattern mean any class that exists? */
extern bool hg_class_pattern_known(const char *pattern);

/*
 * A hint for whoever wrote an unknown class: the name that was perhaps meant,
 * and where to look.  palloc'd.
 */
extern char *hg_class_hint(const char *written);

#endif							/* HG_CLASSIFY_H */
