/*-------------------------------------------------------------------------
 *
 * webhook_sign.c
 *	  Standard Webhooks signatures, and the file with the secrets.
 *
 * Signed is "id.timestamp.body" with HMAC-SHA256.  Replies have secrets of
 * their own: with one secret for both directions a server that sends our
 * request back would also send a valid signature.  pg_hmac needs a current
 * resource owner.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "courier/webhook_sign.h"
#include "fmgr.h"
#include "storage/fd.h"
#include "utils/builtins.h"

#define PREFIX "whsec_"
#define PREFIX_RESPONSE "response"

PG_FUNCTION_INFO_V1(hoopguard__webhook_signature);

bool
hg_secret_decode(const char *text, HgSecret *secret)
{
	char		padded[128];
	uint8		key[128];
	int			len;

	memset(secret, 0, sizeof(*secret));
	if (strncmp(text, PREFIX, strlen(PREFIX)) != 0)
		return false;
	text += strlen(PREFIX);
	len = strlen(text);

	/* without padding is fine too, as for the reference library */
	if (len == 0 || len > (int) sizeof(padded) - 4)
		return false;
	memcpy(padded, text, len);
	while (len % 4 != 0)
		padded[len++] = '=';
	padded[len] = '\0';
	len = pg_b64_decode(padded, len, (void *) key, sizeof(key));
	if (len < HG_SECRET_MIN || len > HG_SECRET_MAX)
		return false;
	memcpy(secret->key, key, len);
	secret->len = len;
	explicit_bzero(key, sizeof(key));
	return true;
}

/* One line of the file; NULL or what is wrong with it. */
static const char *
read_line(char *line, HgSecrets *secrets)
{
	char	   *end = line + strlen(line);
	HgSecret   *where;
	int		   *n;

	while (end > line && isspace((unsigned char) end[-1]))
		*--end = '\0';
	while (isspace((unsigned char) *line))
		line++;
	if (*line == '\0' || *line == '#')
		return NULL;
	where = secrets->request;
	n = &secrets->nrequest;
	if (strncmp(line, PREFIX_RESPONSE, strlen(PREFIX_RESPONSE)) == 0 &&
		isspace((unsigned char) line[strlen(PREFIX_RESPONSE)]))
	{
		line += strlen(PREFIX_RESPONSE);
		while (isspace((unsigned char) *line))
			line++;
		where = secrets->response;
		n = &secrets->nresponse;
	}
	if (*n >= HG_SECRET_COUNT)
		return "it has too many secrets";
	if (!hg_secret_decode(line, &where[*n]))
		return "it has a line that is not a secret (whsec_ and base64 of 24 to 64 bytes)";
	(*n)++;
	return NULL;
}

bool
hg_secrets_load(const char *path, HgSecrets *secrets, char *error, size_t size)
{
	const char *wrong = NULL;
	struct stat st;
	char		line[256];
	FILE	   *file;

	memset(secrets, 0, sizeof(*secrets));
	file = AllocateFile(path, "r");
	if (file == NULL)
	{
		snprintf(error, size, "secret file cannot be opened: %m");
		return false;
	}
	if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode))
		wrong = "it is not a regular file";
	else if (st.st_uid != geteuid() && st.st_uid != 0)
		wrong = "it belongs to another user";
	else if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		wrong = "group or others have access to it";
	while (wrong == NULL && fgets(line, sizeof(line), file) != NULL)
		wrong = read_line(line, secrets);
	if (wrong == NULL && ferror(file))
		wrong = "it cannot be read";
	FreeFile(file);
	explicit_bzero(line, sizeof(line));
	if (wrong == NULL && secrets->nrequest == 0)
		wrong = "it has no secret";
	if (wrong == NULL)
		return true;
	memset(secrets, 0, sizeof(*secrets));
	snprintf(error, size, "secret file is not used: %s", wrong);
	return false;
}

bool
hg_webhook_sign(const HgSecret *secret, const char *id, int64 timestamp,
				const char *body, size_t len, char *out)
{
	pg_hmac_ctx *ctx = pg_hmac_create(PG_SHA256);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char		head[128];
	int			n;

	snprintf(head, sizeof(head), "%s." INT64_FORMAT ".", id, timestamp);
	if (ctx == NULL)
		return false;
	if (pg_hmac_init(ctx, secret->key, secret->len) < 0 ||
		pg_hmac_update(ctx, (const uint8 *) head, strlen(head)) < 0 ||
		(len > 0 && pg_hmac_update(ctx, (const uint8 *) body, len) < 0) ||
		pg_hmac_final(ctx, digest, sizeof(digest)) < 0)
	{
		pg_hmac_free(ctx);
		return false;
	}
	pg_hmac_free(ctx);
	strcpy(out, "v1,");
	n = pg_b64_encode((const void *) digest, sizeof(digest), out + 3,
					  HG_SIGNATURE_LEN - 4);
	if (n < 0)
		return false;
	out[3 + n] = '\0';
	return true;
}

static bool
same(const char *a, const char *b, size_t len)
{
	unsigned char diff = 0;

	for (size_t i = 0; i < len; i++)
		diff |= (unsigned char) a[i] ^ (unsigned char) b[i];
	return diff == 0;
}

bool
hg_webhook_verify(const HgSecret *secrets, int n, const char *id,
				  int64 timestamp, const char *body, size_t len,
				  const char *header)
{
	bool		good = false;

	for (int i = 0; i < n; i++)
	{
		char		mine[HG_SIGNATURE_LEN];
		const char *p = header;

		if (!hg_webhook_sign(&secrets[i], id, timestamp, body, len, mine))
			return false;
		while (*p)
		{
			size_t		l = strcspn(p, " ");

			if (l == strlen(mine) && same(p, mine, l))
				good = true;
			p += l;
			while (*p == ' ')
				p++;
		}
	}
	return good;
}

/*
 * _webhook_signature(secret text, id text, at bigint, body text) -> text.
 * For tests and for those who build an approver; nobody is granted it.
 */
Datum
hoopguard__webhook_signature(PG_FUNCTION_ARGS)
{
	HgSecret	secret;
	char	   *body = text_to_cstring(PG_GETARG_TEXT_PP(3));
	char		out[HG_SIGNATURE_LEN];

	if (!hg_secret_decode(text_to_cstring(PG_GETARG_TEXT_PP(0)), &secret))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid webhook secret")));
	if (!hg_webhook_sign(&secret, text_to_cstring(PG_GETARG_TEXT_PP(1)),
						 PG_GETARG_INT64(2), body, strlen(body), out))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute a signature")));
	PG_RETURN_TEXT_P(cstring_to_text(out));
}
