/*-------------------------------------------------------------------------
 *
 * evidence.h
 *	  What an approver is shown of a statement's effect.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_EVIDENCE_H
#define HG_EVIDENCE_H

#include "executor/execdesc.h"
#include "guard/written.h"
#include "inspect/facts.h"
#include "lib/stringinfo.h"

/* Bytes of JSON, so that it fits into a webhook beside the statement. */
#define HG_EVIDENCE_PLAN 6000
#define HG_EVIDENCE_SAMPLE 6000
#define HG_EVIDENCE_EDGES 40
#define HG_EVIDENCE_RELATIONS 2000

typedef struct HgEvidence
{
	MemoryContext context;		/* for all below: outlives the rehearsal */
	const HgFacts *facts;
	bool		complete;		/* the statement ran to its end */
	const char *reason;			/* why there was no rehearsal, or NULL */
	const char *sqlstate;		/* the statement would fail with this */
	const char *message;
	char	   *rows;			/* JSON arrays, or NULL */
	char	   *plan;
	char	   *sample;
	const char *sample_reason;	/* why there is none */
	bool		cut;			/* plan or sample were longer */
	int64		total;
	int64		ms;
} HgEvidence;

/* What is to be shown, as one JSON object; palloc'd. */
extern char *hg_evidence_json(const HgEvidence *evidence);

/* Take the plan of a started query, as EXPLAIN shows it to the subject. */
extern void hg_evidence_plan(HgEvidence *evidence, QueryDesc *desc);

/* Take the counts. */
extern void hg_evidence_rows(HgEvidence *evidence, const HgWritten *written,
							 int64 ms);

/* A string as JSON with its hidden characters spelled out, and cut. */
extern void hg_evidence_string(StringInfo buf, const char *s, int max);

/* sample.c: some of the rows that a query writes, before and after */
typedef struct HgSampler HgSampler;

/* After ExecutorStart, before ExecutorRun. */
extern HgSampler *hg_sample_watch(QueryDesc *desc);

/*
 * Read them, under the masks, rules and privileges of the current user.
 * Needs the changes in place; never fails for a reason of its own.
 */
extern void hg_sample_take(HgSampler *sampler, QueryDesc *desc,
						   HgEvidence *evidence);

#endif							/* HG_EVIDENCE_H */
