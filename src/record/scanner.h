/*-------------------------------------------------------------------------
 *
 * scanner.h
 *	  Looks at new tables by itself, every hoopguard.scan_interval.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_SCANNER_H
#define HG_SCANNER_H

/* For hg_recorder_register_tick(). */
extern long hg_scanner_tick(bool committed);

/* bgworker entry point */
extern PGDLLEXPORT void hg_scanner_main(Datum arg);

#endif							/* HG_SCANNER_H */
