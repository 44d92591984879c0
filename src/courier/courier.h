/*-------------------------------------------------------------------------
 *
 * courier.h
 *	  The HTTP worker: approval webhooks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_COURIER_H
#define HG_COURIER_H

/* Register the background worker; from _PG_init. */
extern void hg_courier_register(void);

extern PGDLLEXPORT void hg_courier_main(Datum arg);

#endif							/* HG_COURIER_H */
