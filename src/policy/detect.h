/*-------------------------------------------------------------------------
 *
 * detect.h
 *	  What a value holds: found by its shape, its checksum, its context.
 *
 * Offsets are bytes.  A span begins and ends beside an ASCII byte or at a
 * whole character, so cutting there is right in every server encoding.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_DETECT_H
#define HG_DETECT_H

typedef struct HgSpan
{
	int			start;			/* first byte */
	int			end;			/* byte after the last */
	const char *class_name;		/* static, or of the pattern cache: do not
								 * keep over a change of policy */
	int			class_len;		/* its bytes */
	int			confidence;		/* percent */
} HgSpan;

/* How many patterns of the administrator are tried at most. */
#define HG_MAX_PATTERNS 64

/*
 * A walk over one value.  Make it on the stack; it owns no memory.  The
 * members are detect_scan.c's.
 */
typedef struct HgScan
{
	const unsigned char *s;
	int			len;
	int			pos;			/* all before is done */
	int			floor;			/* end of the last span: never look before */
	int			next_check;		/* position of the next interrupt check */
	uint64		hints;			/* what the context says, of detect_int.h */
	bool		utf8;
	bool		whole;			/* a span that is all of the value counts
								 * more: the value is a cell, not a text */
	bool		named;			/* there is a context */
	bool		no_veto;		/* see hg_detect_trust_words */
	bool		have_pending;	/* a span was found ahead of pos */
	HgSpan		pending;
	int			npatterns;		/* patterns of the administrator */
	uint64		hinted;			/* those whose hint the context has */
	bool		have_builtin;	/* builtin is the scanner's next span */
	HgSpan		builtin;
	int			done;			/* end of the span given last */

	/* Bytes looked at together from `base` on; one bit for each. */
	int			base;
	int			size;			/* how many of them count; 0: none yet */
	uint64		digit;
	uint64		lower;
	uint64		upper;
	uint64		under;
	uint64		word;			/* all of these */
	uint64		start;			/* a word begins */
	uint64		word_at;		/* in or behind a word that is visited */
	uint64		sign_at;		/* a sign that is visited */
	HgSpan		next[HG_MAX_PATTERNS];	/* of each pattern; start -1: none
										 * any more; valid with npatterns */
} HgScan;

/* What the name of a column or key says, read once for many values. */
typedef struct HgContext
{
	const char *name;			/* or NULL; must stay */
	uint64		hints;			/* of detect_int.h */
} HgContext;

extern void hg_detect_context(HgContext *context, const char *name);

/*
 * Begin a walk over len bytes of a value in the server's encoding.  context,
 * which may be NULL, is the name of the column or key the value stands under;
 * it is read here and not kept.  whole: the value is one cell, whose spans
 * count more when they fill it.  value must stay while the walk is used.
 * Reads the administrator's patterns when the policy has changed, so call it
 * inside a transaction.
 */
extern void hg_detect_begin(HgScan *scan, const char *value, int len,
							const char *context, bool whole);

/* The same with a context that was read before; may be NULL. */
extern void hg_detect_begin_in(HgScan *scan, const char *value, int len,
							   const HgContext *context, bool whole);

/*
 * Is it plain from a glance that the built-in scanner would find nothing?
 * And there are no patterns.  Several times as fast as looking.
 */
extern bool hg_detect_nothing(const char *value, int len);

/*
 * Right after the beginning: may a word like "version" or "order" tell that a
 * number is nothing?  Yes by default; no where those who must not see the
 * value choose the words around it.
 */
extern void hg_detect_trust_words(HgScan *scan, bool trust);

/*
 * The next span, from left to right and never overlapping; false at the end.
 * Time is linear in the length, no memory is taken, interrupts are served.
 */
extern bool hg_detect_next(HgScan *scan, HgSpan *span);

/*
 * All spans of a text, at most max.  Returns their number; when it is max
 * there may be more.
 */
extern int	hg_detect_spans(const char *value, int len, const char *context,
							HgSpan *spans, int max);

/*
 * The class of a value as a whole, or NULL.  Names and addresses are seen
 * here, and only here, when the context says what they are.  confidence may
 * be NULL.
 */
extern const char *hg_detect_value(const char *value, int len,
								   const char *context, int *confidence);

/*
 * The class of a value in which no span was found, by the name it stands
 * under alone; or NULL.  assigned: the name is the key of this one value, so
 * that any word under "password" is one.
 */
extern const char *hg_detect_by_name(const char *value, int len,
									 const char *name, bool assigned);

#endif							/* HG_DETECT_H */
