/*-------------------------------------------------------------------------
 *
 * method_number.h
 *	  Arithmetic of the methods that cannot fail.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_METHOD_NUMBER_H
#define HG_METHOD_NUMBER_H

#include "mask/method.h"

/* Division that rounds down; divisor > 0. */
extern int64 hg_floor_div(int64 value, int64 divisor);

/*
 * The largest of coarsest, a second, and its decimal parts down to the
 * microsecond that the number of microseconds is a multiple of.
 */
extern int64 hg_grain_of(int64 value, int64 coarsest);

/* Round to the scale of a numeric's typmod; false if it is too large. */
extern bool hg_numeric_fit(int32 typmod, Datum value, Datum *result);

/* Cents of one unit of money. */
extern int64 hg_money_unit(void);

/* The range of a whole number's type; false if the shape is none. */
extern bool hg_integer_range(HgShape shape, int64 *min, int64 *max);

/* A whole number of any size, and back. */
extern int64 hg_integer_get(HgShape shape, Datum value);
extern Datum hg_integer_make(HgShape shape, int64 value);

#endif							/* HG_METHOD_NUMBER_H */
