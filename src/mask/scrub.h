/*-------------------------------------------------------------------------
 *
 * scrub.h
 *	  Replaces what is found inside of texts; the method "scrub".
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_SCRUB_H
#define HG_SCRUB_H

#include "mask/method.h"

/*
 * A scrubbing masker for a type, in the current context; NULL when values of
 * the type are fully hidden.  context, which may be NULL, names the column.
 */
extern HgMasker *hg_scrub_masker(Oid type, int32 typmod, const char *context);

/* Can values of the type show nothing that would be found? */
extern bool hg_scrub_harmless(Oid type);

extern void hg_setup_scrub(HgMasker *masker);

/* Raises HG014 for arguments that scrub does not know. */
extern void hg_check_scrub(const HgMethod *method, Jsonb *args, Oid type,
						   int32 typmod);

#endif							/* HG_SCRUB_H */
