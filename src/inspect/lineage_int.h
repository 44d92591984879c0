/*-------------------------------------------------------------------------
 *
 * lineage_int.h
 *	  What the lineage_*.c files share; nobody else includes this.
 *
 * Everything here lives in one run's memory context and dies with it, but for
 * the names in LinRel, which the edges point to and which are in the facts'
 * context.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_LINEAGE_INT_H
#define HG_LINEAGE_INT_H

#include "inspect/facts.h"
#include "nodes/primnodes.h"

/*
 * Transformations, as bits, so that all that is known about one (source,
 * target) pair is one small integer.  The first four are DIRECT, in order
 * of strength; the others INDIRECT.
 */
typedef uint32 LinMask;

#define LIN_IDENTITY		0x001
#define LIN_TRANSFORMATION	0x002
#define LIN_COLLECTION		0x004	/* aggregation that hands values on */
#define LIN_AGGREGATION		0x008
#define LIN_JOIN			0x010
#define LIN_FILTER			0x020
#define LIN_GROUP_BY		0x040
#define LIN_SORT			0x080
#define LIN_WINDOW			0x100
#define LIN_CONDITIONAL		0x200
#define LIN_NKINDS			10
#define LIN_DIRECT			0x00F
#define LIN_INDIRECT		0x3F0

/* The kinds under which values arrive: what inherits a class. */
#define LIN_VALUES			(LIN_IDENTITY | LIN_TRANSFORMATION | LIN_COLLECTION)

/*
 * A map from 64-bit keys to small integers that remembers insertion order.
 * Short ones are searched; long ones get a hash.  A set of lineage sources is
 * such a map from the source's number to its LinMask.
 */
typedef struct LinMap
{
	MemoryContext context;
	int			n;
	int			allocated;
	uint64	   *keys;
	uint32	   *values;
	int			nslots;			/* 0 while short, else a power of two */
	int		   *slots;			/* index into keys, -1 free */
} LinMap;

typedef struct LinRun LinRun;
typedef struct LinScope LinScope;

/* A relation, as far as the statement needs it. */
typedef struct LinRel
{
	Oid			relid;
	bool		exists;
	char		relkind;
	int			natts;
	char	   *schema;			/* facts' context */
	char	   *name;			/* facts' context */
	char	  **attnames;		/* by attnum - 1, filled when asked */
	bool		read;
	bool		written;
	LinScope   *view;			/* of the view's query, if it was needed */
} LinRel;

/* A column that edges start at. */
typedef struct LinSource
{
	LinRel	   *rel;
	AttrNumber	attno;
	char	   *name;			/* facts' context */
	bool		masked;
	bool		flow_only;		/* hands its class on, but gives no edge */
} LinSource;

/* One iteration counter per recursive WITH query, chained outwards. */
typedef struct LinRec
{
	uint64		iteration;
	struct LinRec *parent;
} LinRec;

typedef struct LinMemo
{
	LinMap	   *set;			/* NULL: not computed yet */
	uint64		version;		/* of the scope when it was */
	bool		busy;			/* being computed: views may form a circle */
} LinMemo;

typedef struct LinCte
{
	CommonTableExpr *cte;
	LinScope   *scope;			/* of its query, made when needed */
	LinRec		rec;			/* if recursive */
	int			ncolumns;		/* without those of SEARCH and CYCLE */
	LinMap	  **columns;		/* recursive: the sets found so far */
	bool		running;		/* the fixpoint is being computed */
	bool		done;
	uint64		version;		/* of the defining scope when done */
} LinCte;

/*
 * One Query of the tree, with where it stands.  A generation expression has
 * a scope of its own kind: query NULL, Vars looked up in "assigned".
 */
struct LinScope
{
	LinRun	   *run;
	Query	   *query;
	LinScope   *parent;
	LinRec	   *rec;			/* innermost recursive WITH query around */
	int			nrtes;
	int			noutputs;
	LinMemo    *outputs;		/* by output column - 1 */
	LinMemo   **columns;		/* by varno - 1, attno - 1: computed RTEs */
	int		   *ncolumns;
	LinScope  **children;		/* by varno - 1: subqueries */
	int			nctes;
	LinCte	   *ctes;
	LinMemo		effects;
	bool		reads_done;
	int			result_copy;	/* RTE that stands for a written view with
								 * INSTEAD OF triggers, 0 if none */
	LinRel	   *result_view;	/* written view that nobody expanded but that
								 * is updated automatically, or NULL */
	List	   *assignments;	/* target list being looked at, for
								 * multi-column SET */
	LinMap	  **assigned;		/* generation expression: by attno - 1 */
	int			nassigned;
	LinRel	   *generated_rel;
	bool		keep_old;		/* unassigned columns stand for themselves */
};

/* Something that edges end at. */
typedef struct LinTarget
{
	LinRel	   *rel;			/* NULL: the result or the "into" relation */
	AttrNumber	attno;			/* of rel */
	char	   *column;			/* facts' context; NULL: the dataset */
	LinMap	   *set;
} LinTarget;

struct LinRun
{
	HgFacts    *facts;
	const HgPolicy *policy;
	const HgLineageTarget *into;
	bool		rule;			/* what a rule does: no edges, and datasets
								 * say so */
	bool		edges_only;		/* no flows: they come from the rules */
	LinScope   *top;			/* of the statement itself */
	Oid			ruled;			/* definition of a rule: its OLD and NEW stand
								 * for this relation's own columns */
	MemoryContext context;
	LinMap	   *rel_index;		/* Oid to number */
	LinRel	  **rels;
	int			nrels;
	int			rels_allocated;
	LinMap	   *source_index;	/* relation number, attnum to number */
	LinSource  *sources;
	int			nsources;
	int			sources_allocated;
	LinMap	   *target_index;
	LinTarget  *targets;
	int			ntargets;
	int			targets_allocated;
	LinMap	   *scope_index;	/* Query of a SubLink to number */
	LinScope  **scopes;
	int			nscopes;
	int			scopes_allocated;
};

/* ---- lineage_set.c: maps, sets, names ---- */

extern LinMap *hg_lineage_map_create(MemoryContext context);
extern int	hg_lineage_map_find(const LinMap *map, uint64 key);
extern int	hg_lineage_map_put(LinMap *map, uint64 key, uint32 value);

/* The transformations seen from outside, outer ones over inner ones. */
extern LinMask hg_lineage_merge(LinMask outer, LinMask inner);

/* Add to "into" what "from" is under "outer".  True if it grew. */
extern bool hg_lineage_set_merge(LinMap *into, const LinMap *from,
								 LinMask outer);

extern LinRun *hg_lineage_run_create(HgFacts *facts, const HgPolicy *policy,
									 const HgLineageTarget *into);
extern void hg_lineage_run_finish(LinRun *run);

/* Never NULL; exists is false for a relation that is gone. */
extern LinRel *hg_lineage_rel(LinRun *run, Oid relid);

/* Name of a column, NULL if dropped or never there. */
extern char *hg_lineage_attname(LinRun *run, LinRel *rel, AttrNumber attno);

/* Add column attno of rel to a set. */
extern void hg_lineage_add_source(LinRun *run, LinMap *set, LinRel *rel,
								  AttrNumber attno, LinMask mask);

/* The same for a column of a transition table, which is in no edge. */
extern void hg_lineage_add_transition(LinRun *run, LinMap *set, LinRel *rel,
									  AttrNumber attno, LinMask mask);

/*
 * The set of what flows to a target: a column of rel or, if rel is NULL, of
 * the statement's output; column NULL for the whole dataset.
 */
extern LinMap *hg_lineage_target(LinRun *run, LinRel *rel, AttrNumber attno,
								 const char *column);

/* ---- lineage_scope.c: scopes ---- */

extern const LinMap hg_lineage_empty_set;

extern LinScope *hg_lineage_scope_create(LinRun *run, Query *query,
										 LinScope *parent, LinRec *rec);
extern LinScope *hg_lineage_scope_sublink(LinScope *scope, Query *query);
extern LinScope *hg_lineage_scope_child(LinScope *scope, int rti);
extern LinScope *hg_lineage_scope_view(LinRun *run, LinRel *view);
extern LinScope *hg_lineage_scope_cte(LinScope *scope, LinCte *cte);
extern LinCte *hg_lineage_find_cte(LinScope *scope, RangeTblEntry *rte,
								   LinScope **owner);

/* Changes when what is remembered in the scope is no longer good. */
extern uint64 hg_lineage_scope_version(LinScope *scope);
extern bool hg_lineage_memo_valid(const LinMemo *memo, LinScope *scope);

/* View whose expansion a subquery RTE is, or InvalidOid. */
extern Oid	hg_lineage_view_of(RangeTblEntry *rte);

/* The RTE, or NULL if the number is out of range. */
extern RangeTblEntry *hg_lineage_rte(LinScope *scope, int rti);

/* ---- lineage.c ---- */

/* Add what a data-modifying query does to its target. */
extern void hg_lineage_dml(LinScope *scope);

/* Mark what a query reads, down to base tables. */
extern void hg_lineage_reads(LinScope *scope);

/* ---- lineage_rule.c ---- */

/*
 * The statement as it was written, of which query is a part after it was
 * rewritten; NULL if none was kept.  *edges: its edges belong to this part,
 * which has none of its own if rules have made it, *ruled.
 */
extern Query *hg_lineage_written(Query *query, bool *edges, bool *ruled);

/*
 * The relation that a command on a view is handed down to, if the view is
 * updated automatically; InvalidOid if it is not.
 */
extern Oid	hg_lineage_updated_base(Oid view, CmdType command);

/* What is analysed now is only looked at: it goes to no rewriter. */
extern bool hg_lineage_only_looking;

/* Edges that the definition of a rule promises. */
extern void hg_lineage_rule(HgFacts *facts, Oid relid, const char *name,
							const HgPolicy *policy);

/* ---- lineage_column.c: what is behind a Var ---- */

/* Sources of a Var, added to set under outer. */
extern void hg_lineage_var(LinScope *scope, Var *var, LinMask outer,
						   LinMap *set);

/* Sources of the output column; do not change the answer. */
extern const LinMap *hg_lineage_output(LinScope *scope, int column);

/* All output columns together, junk excepted. */
extern void hg_lineage_all_outputs(LinScope *scope, LinMask outer,
								   LinMap *set);

/* A column of a set operation or one of its arms. */
extern void hg_lineage_setop_column(LinScope *scope, Node *node, int column,
									LinMask outer, LinMap *set);

/* Find the columns of a recursive WITH query, if that is not done. */
extern void hg_lineage_cte_fixpoint(LinScope *owner, LinCte *cte);

/* ---- lineage_expr.c ---- */

/* Sources of an expression, added to set under outer. */
extern void hg_lineage_expr(LinScope *scope, Node *expr, LinMask outer,
							LinMap *set);

/* Expression a SortGroupClause means, or NULL. */
extern Node *hg_lineage_sortgroup_expr(SortGroupClause *clause, List *tlist);

/* ---- lineage_effects.c ---- */

/* Row effects of the scope's query; do not change the answer. */
extern const LinMap *hg_lineage_effects(LinScope *scope);

/* Auto-updatable views that a DML statement writes through, List of Oid. */
extern List *hg_lineage_written_views(LinScope *scope);

#endif							/* HG_LINEAGE_INT_H */
