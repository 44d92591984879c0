/*-------------------------------------------------------------------------
 *
 * memoize.h
 *	  What was made of values that came before.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_MEMOIZE_H
#define HG_MEMOIZE_H

/* Longer values, and what is made of one if it is longer, are not kept. */
#define HG_MEMOIZE_MAX 256

typedef struct HgMemoTable HgMemoTable;

/* One value and what was made of it. */
typedef struct HgMemo
{
	char	   *key;			/* its bytes, and aligned behind them those of
								 * the result */
	int			capacity;		/* bytes allocated at key */
	int			key_len;		/* -1: holds nothing */
	int			result_len;		/* 0: the value stays */
	int			replaced;		/* values replaced in it */
} HgMemo;

typedef struct HgMemoize
{
	MemoryContext context;		/* the table's; lives as long as this */
	HgMemoTable *table;			/* NULL until it is asked */
	uint64		generation;		/* of the policy that it was filled under */
	int			wait;			/* values until it is asked, again or first */
	int			pause;			/* to wait if it does not pay */
	int			asked;			/* values since it was last judged */
	int			found;			/* of these */
} HgMemoize;

/* No memory is taken before there are many values. */
extern void hg_memoize_begin(HgMemoize *m, MemoryContext context);

/*
 * Is the table to be asked for this value?  To be called for each: where few
 * come again it pauses, ever longer.
 */
static inline bool
hg_memoize_pays(HgMemoize *m)
{
	if (likely(m->wait > 0))
		m->wait--;
	return m->wait == 0;
}

/*
 * The memo of these bytes; or NULL, with the one to keep them in at *spare,
 * which is NULL where they are not to be kept.  The policy's patterns
 * decide what is found in a value, so a table of another generation is
 * emptied.  Both are valid until the next call.
 */
extern const HgMemo *hg_memoize_find(HgMemoize *m, const char *key, int len,
									 HgMemo **spare);

/* Where the result of a memo stands. */
static inline char *
hg_memo_result(const HgMemo *memo)
{
	return memo->key + MAXALIGN(memo->key_len);
}

/*
 * Keep what was made of the bytes that hg_memoize_find did not find; with
 * result_len 0 they stay.  Nothing happens for long ones.
 */
extern void hg_memoize_keep(HgMemoize *m, HgMemo *spare, const char *key,
							int len, const char *result, int result_len,
							int replaced);

#endif							/* HG_MEMOIZE_H */
