/*-------------------------------------------------------------------------
 *
 * webhook_sign.h
 *	  Standard Webhooks signatures, and the file with the secrets.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_WEBHOOK_SIGN_H
#define HG_WEBHOOK_SIGN_H

#define HG_SECRET_MIN 24
#define HG_SECRET_MAX 64
#define HG_SECRET_COUNT 8		/* of a kind, for rotation */
#define HG_SIGNATURE_LEN 48		/* "v1,", 44 of base64, NUL */

typedef struct HgSecret
{
	int			len;
	uint8		key[HG_SECRET_MAX];
} HgSecret;

typedef struct HgSecrets
{
	int			nrequest;		/* sign with all */
	int			nresponse;		/* any may have signed */
	HgSecret	request[HG_SECRET_COUNT];
	HgSecret	response[HG_SECRET_COUNT];
} HgSecrets;

/* "whsec_<base64>" to a key; false if it is not one. */
extern bool hg_secret_decode(const char *text, HgSecret *secret);

/*
 * Read a file of secrets, one a line: "whsec_..." signs requests,
 * "response whsec_..." verifies replies; "#" begins a comment.  False, with a
 * reason, for a file that others can read or that holds something else.
 */
extern bool hg_secrets_load(const char *path, HgSecrets *secrets,
							char *error, size_t size);

/* The signature of one secret, HG_SIGNATURE_LEN bytes; needs pg_hmac. */
extern bool hg_webhook_sign(const HgSecret *secret, const char *id,
							int64 timestamp, const char *body, size_t len,
							char *out);

/*
 * Does the header hold a signature by one of the secrets?  Takes the same
 * time for every wrong one.
 */
extern bool hg_webhook_verify(const HgSecret *secrets, int n, const char *id,
							  int64 timestamp, const char *body, size_t len,
							  const char *header);

#endif							/* HG_WEBHOOK_SIGN_H */
