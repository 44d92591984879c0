/*-------------------------------------------------------------------------
 *
 * shadow.h
 *	  Keeps a governed role's objects away from code that is fed real values.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_SHADOW_H
#define HG_SHADOW_H

#include "executor/execdesc.h"
#include "fmgr.h"

/*
 * A function starts in a governed session: is it fed real values, so that the
 * frame to be pushed has to say so?  HG006 if it belongs to a governed role
 * while a function around it is fed them.
 */
extern bool hg_shadow_check_function(FmgrInfo *flinfo, bool trusted);

/*
 * HG006 if a statement of a function that is fed real values writes to a
 * temporary relation or to one that a governed role owns.
 */
extern void hg_shadow_check_target(QueryDesc *queryDesc);

#endif							/* HG_SHADOW_H */
