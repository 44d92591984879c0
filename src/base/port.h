/*-------------------------------------------------------------------------
 *
 * port.h
 *	  struct Port, without the Kerberos headers.
 *
 * libpq-be.h of a server built with GSSAPI includes headers that the
 * server's development package does not bring.  Without ENABLE_GSS it
 * declares a plain pointer in that place and keeps all offsets, by its own
 * promise ("for extension ABI compatibility").
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_PORT_H
#define HG_PORT_H

#ifdef ENABLE_GSS
#undef ENABLE_GSS
#endif

#include "libpq/libpq-be.h"

#endif							/* HG_PORT_H */
