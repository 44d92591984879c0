/*-------------------------------------------------------------------------
 *
 * scrub_text.h
 *	  Replaces what is found inside of a text, a JSON text, an XML text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_SCRUB_TEXT_H
#define HG_SCRUB_TEXT_H

#include "lib/stringinfo.h"
#include "policy/detect.h"

/* How many values this backend has replaced so far; for events. */
extern int64 hg_scrub_replaced;

/* What to put for a span of s; false: its class in brackets. */
typedef struct HgScrubStyle
{
	bool		(*replace) (void *arg, const char *s, const HgSpan *span,
							StringInfo out);
	void	   *arg;
} HgScrubStyle;

/*
 * Look through s, which reads as it stands (place NULL) or stands for a
 * stretch of source, place[i] being where its byte i is; append the source
 * with replacements to out, which is initialized if its data is NULL, with as
 * many bytes left free in front as its cursor says.  Returns how many were
 * made; when none, nothing is appended.  quote is put around what stands for
 * a number of a JSON text inside of s.  Ask hg_detect_nothing() first where
 * most texts hold nothing.
 */
extern int	hg_scrub_spans(const HgScrubStyle *style, const char *s, int len,
						   const int *place, const char *source,
						   int source_end, const HgContext *context,
						   bool whole, const char *quote, StringInfo out);

/*
 * Scrub a JSON text that is known to be valid; false when nothing was found.
 * context stands for the key of values that are in no object.
 */
extern bool hg_scrub_json(const char *s, int len, const HgContext *context,
						  StringInfo out);

/*
 * Scrub an XML text.  1: something was replaced; 0: nothing found; -1: what
 * was found cannot be replaced without breaking the markup.
 */
extern int	hg_scrub_xml(const char *s, int len, const HgContext *context,
						 StringInfo out);

#endif							/* HG_SCRUB_TEXT_H */
