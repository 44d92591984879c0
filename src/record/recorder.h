/*-------------------------------------------------------------------------
 *
 * recorder.h
 *	  Launcher and recorders: lanes to tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_RECORDER_H
#define HG_RECORDER_H

/*
 * Handles a record of type >= 64 inside the recorder's transaction, SPI
 * connected.  Runs again after a failed batch, so it must be idempotent.
 */
typedef void (*HgRecordHandler) (const char *data, Size len);

/*
 * Called by the recorder once per turn inside a transaction (SPI connected)
 * and after each commit (committed = true, no transaction).  Returns the ms
 * until it wants to be called again, -1 = no wish.
 */
typedef long (*HgRecorderTick) (bool committed);

/* Wiring, from _PG_init, inherited by the workers. */
extern void hg_recorder_register_handler(int type, HgRecordHandler handler);

/* Returns the bit by which hg_lane_poke() names it. */
extern uint32 hg_recorder_register_tick(HgRecorderTick tick);

/* Register the launcher; from _PG_init. */
extern void hg_recorder_register_launcher(void);

/* bgworker entry points */
extern PGDLLEXPORT void hg_launcher_main(Datum arg);
extern PGDLLEXPORT void hg_recorder_main(Datum arg);

#endif							/* HG_RECORDER_H */
