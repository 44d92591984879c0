/*-------------------------------------------------------------------------
 *
 * guc_transport.h
 *	  How webhooks are reached; settings of the server, of no session.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_GUC_TRANSPORT_H
#define HG_GUC_TRANSPORT_H

typedef enum HgApprovalFormat
{
	HG_APPROVAL_CLOUDEVENTS,
	HG_APPROVAL_OPA
} HgApprovalFormat;

extern int	hg_guc_approval_format; /* HgApprovalFormat: of new requests */

/* "" when not set. */
extern char *hg_guc_webhook_client_cert_file;
extern char *hg_guc_webhook_client_key_file;
extern char *hg_guc_webhook_pinned_keys;	/* two, for rotation */
extern char *hg_guc_webhook_unix_socket;
extern char *hg_guc_approval_address_allow;	/* CIDRs, by comma */
extern char *hg_guc_webhook_proxy;
extern bool hg_guc_approval_require_signed;
extern bool hg_guc_approval_allow_http; /* to other machines */

#endif							/* HG_GUC_TRANSPORT_H */
