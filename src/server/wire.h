/*-------------------------------------------------------------------------
 *
 * wire.h
 *	  Messages to the client, many with one call of the system.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_WIRE_H
#define HG_WIRE_H

/* When the library is loaded. */
extern void hg_wire_init(void);

/*
 * From here on this backend gathers what it sends to its client.  Does nothing
 * where output goes elsewhere, and in who replicates; raises an error when out
 * of memory.
 */
extern void hg_wire_gather(void);

/* The rows of a statement end: what the server would have sent by now goes. */
extern void hg_wire_end_rows(void);

#endif							/* HG_WIRE_H */
