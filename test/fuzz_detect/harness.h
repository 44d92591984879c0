/*
 * harness.h
 *	  What the scanner asks of a server, for use outside of one.
 *
 * The files under test are compiled as they are; memory is malloc's, by
 * libpgcommon's front-end functions.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include "postgres.h"

#include "miscadmin.h"
#include "policy/detect.h"
#include "policy/detect_int.h"
#include "policy/detect_pattern.h"

volatile sig_atomic_t InterruptPending = false;
int			harness_encoding = 6;	/* PG_UTF8 */

void
ProcessInterrupts(void)
{
}

int
GetDatabaseEncoding(void)
{
	return harness_encoding;
}

#if PG_VERSION_NUM >= 160000
void
ExceptionalCondition(const char *condition, const char *file, int line)
#else
void
ExceptionalCondition(const char *condition, const char *type,
					 const char *file, int line)
#endif
{
	fprintf(stderr, "%s:%d: %s\n", file, line, condition);
	abort();
}

int
hg_pattern_count(void)
{
	return 0;
}

bool
hg_pattern_next(int i, const HgScan *scan, int from, HgSpan *span)
{
	return false;
}

bool
hg_pattern_hinted(int i, const char *name)
{
	return false;
}

#endif
