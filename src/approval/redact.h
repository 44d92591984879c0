/*-------------------------------------------------------------------------
 *
 * redact.h
 *	  What of a statement a webhook gets.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_REDACT_H
#define HG_REDACT_H

#include "approval/approval_json.h"

/*
 * Replace what hoopguard.webhook_statement keeps from webhooks in text,
 * params, facts and evidence of a request, and set what tells of it.  What it
 * replaces is palloc'd anew.  Needs a transaction; a text that cannot be
 * scanned stays as it is.
 */
extern void hg_redact(HgRequestBody *request);

#endif							/* HG_REDACT_H */
