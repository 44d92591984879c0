/*-------------------------------------------------------------------------
 *
 * hooks.h
 *	  Installing the hooks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_HOOKS_H
#define HG_HOOKS_H

/* Put every hook in place; only from _PG_init, after all checks. */
extern void hg_hooks_install(void);

/* Request and fill the shared memory of all parts; only from _PG_init. */
extern void hg_shmem_install(void);

#endif							/* HG_HOOKS_H */
