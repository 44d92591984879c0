/*-------------------------------------------------------------------------
 *
 * retention.h
 *	  Removing events and outcomes that are older than hoopguard.retention.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_RETENTION_H
#define HG_RETENTION_H

/*
 * Is there anything to remove?  Cheap.  In the recorder's transaction, with
 * SPI connected.
 */
extern bool hg_retention_due(void);

/*
 * Remove the weeks that ended before now minus hoopguard.retention, and note
 * each; after hg_store_begin(), before hg_store_end().  ERROR if a partition
 * cannot be dropped, as when a query reads it for longer than lock_timeout.
 */
extern void hg_retention_run(void);

#endif							/* HG_RETENTION_H */
