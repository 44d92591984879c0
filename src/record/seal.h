/*-------------------------------------------------------------------------
 *
 * seal.h
 *	  The hash chain over what the recorder stores.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_SEAL_H
#define HG_SEAL_H

#include "common/sha2.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "nodes/execnodes.h"

#define HG_DIGEST_LEN PG_SHA256_DIGEST_LENGTH

/* Bytes of a row's digest that its seal keeps, to tell which row it was. */
#define HG_SEAL_MARK_LEN 4

/* What kind a sealed row is; rows of a seal are ordered by it. */
#define HG_SEALED_EVENT 'e'
#define HG_SEALED_NOTE 'n'
#define HG_SEALED_OUTCOME 'o'
#define HG_SEALED_SESSION 's'
#define HG_SEALED_STATEMENT 't'

/* The end of a chain. */
typedef struct HgSealMark
{
	Oid			relid;			/* of hoopguard.seal; InvalidOid: not known */
	int64		seal_id;		/* 0: none yet */
	uint8		hash[HG_DIGEST_LEN];
} HgSealMark;

/* -------- of seal_digest.c: the form of what is hashed */

/*
 * Append a row as COPY BINARY writes it, but texts in the database's
 * encoding.  ERROR for a type that no recorded table has.
 */
extern void hg_seal_append(StringInfo buf, int n, const Oid *types,
						   const Datum *values, const bool *nulls);

/* SHA-256 of a row in that form. */
extern void hg_seal_digest(int n, const Oid *types, const Datum *values,
						   const bool *nulls, uint8 *digest);

/* rows_hash of a seal is SHA-256 of this for each of its rows, in order. */
extern void hg_seal_append_row(StringInfo buf, char kind, int64 id,
							   const uint8 *digest);

/* hash of a seal; from and to are 0 for rows of no week. */
extern void hg_seal_hash(const uint8 *previous, int64 seal_id, TimestampTz at,
						 TimestampTz from, TimestampTz to, int64 rows,
						 const uint8 *rows_hash, const uint8 *marks,
						 Size marks_len, uint8 *hash);

/* -------- of seal.c: the recorder's side */

/* A transaction that stores records begins. */
extern void hg_seal_begin(Oid schema);

/*
 * The seal that a row to be stored will be under: one for each week of
 * events, and one for all other rows (from and to 0).
 */
extern int64 hg_seal_for(TimestampTz from, TimestampTz to);

/* A row was stored under that seal. */
extern void hg_seal_row(int64 seal_id, char kind, int64 id,
						const uint8 *digest);

/* The same, with the bytes whose digest it is; see seal_digest.c. */
extern void hg_seal_bytes(int64 seal_id, char kind, int64 id,
						  const char *bytes, Size len);

/* Write the seals; before the commit. */
extern void hg_seal_end(EState *estate);

/* After the transaction ended. */
extern void hg_seal_forget(bool committed);

/* Where the chain ends as this process knows it; and to tell it. */
extern void hg_seal_last(HgSealMark *mark);
extern void hg_seal_resume(const HgSealMark *mark);

#endif							/* HG_SEAL_H */
