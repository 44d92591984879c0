/*-------------------------------------------------------------------------
 *
 * written.h
 *	  Rows written by relation, and a statement held to what was approved.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_WRITTEN_H
#define HG_WRITTEN_H

/* What a relation has had or may have; its own partitions are others. */
typedef struct HgWrittenRel
{
	Oid			relid;
	int64		inserted;
	int64		updated;
	int64		deleted;
	bool		truncated;
	bool		ignored;		/* temporary, a catalog, hoopguard's own */
	/* as they stood before: what came since counts */
	int64		base_inserted;
	int64		base_updated;
	int64		base_deleted;
	bool		base_truncated;
	/* of a bound: what may be written */
	bool		approved;
	int64		may_insert;
	int64		may_update;
	int64		may_delete;
	bool		may_truncate;
} HgWrittenRel;

typedef struct HgWritten
{
	MemoryContext context;
	int			n;
	int			room;
	HgWrittenRel *rels;
} HgWritten;

/* A statement that runs on an approval. */
typedef struct HgBound
{
	struct HgBound *outer;
	HgWritten  *written;
	bool		listed;			/* only the approved rows of each relation */
	int64		max_rows;		/* of all together, -1: any */
	int			calls;
	char		approval_id[40];
	char		approver[256];	/* that its rule names, "": none */
} HgBound;

/* Does the server count rows (track_counts)? */
extern bool hg_written_known(void);

/* Begin to count here; in the current context. */
extern HgWritten *hg_written_begin(void);

/* Rows written since, cascades, triggers and partitions included. */
extern void hg_written_update(HgWritten *written);

/* The entry of a relation, made if there is none. */
extern HgWrittenRel *hg_written_rel(HgWritten *written, Oid relid);

/* Rows of an entry since the beginning, of all kinds. */
extern int64 hg_written_rows(const HgWrittenRel *rel);

/*
 * From enter to leave what is written counts against the bound, which may be
 * NULL; enter returns what leave wants.
 */
extern HgBound *hg_bound_enter(HgBound *bound);
extern void hg_bound_leave(HgBound *outer);

/* Is something around held to a list of rows that this approver has seen? */
extern bool hg_bound_listed(const char *approver);

/*
 * ERROR HG010 when more is written than was approved.  At every row (final
 * false) many relations are looked at now and then only.
 */
extern void hg_bound_check(bool final);

#endif							/* HG_WRITTEN_H */
