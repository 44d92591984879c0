/*-------------------------------------------------------------------------
 *
 * http.h
 *	  Several HTTP requests at a time, without blocking.
 *
 * The caller owns the wait: it asks for the sockets and the deadline, waits
 * for them together with its latch, and tells what happened.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_HTTP_H
#define HG_HTTP_H

#define HG_HTTP_PARCELS 64		/* keys from here on are the outbox's */
#define HG_HTTP_COUNT 72		/* requests at a time */
#define HG_HTTP_BODY 65536		/* longest reply, more is an error */
#define HG_HTTP_SOCKETS 128

typedef struct HgHttpRequest
{
	const char *url;
	const char *body;			/* NULL: GET.  Must live until the end */
	int			len;
	const char *content_type;	/* NULL: a CloudEvent */
	bool		ignore_reply;	/* a sink: its body is not kept either */
	bool		no_body;		/* of the reply, however long, is kept */
	const char *id;				/* webhook-id */
	int64		timestamp;		/* webhook-timestamp */
	const char *signature;		/* webhook-signature or NULL */
	const char *ca_file;		/* NULL or "": the system's */
	long		connect_timeout;	/* ms */
	long		timeout;		/* ms */
} HgHttpRequest;

typedef struct HgHttpResult
{
	int			key;
	int			status;			/* 0: no answer, see error */
	bool		retryable;		/* worth another try at once */
	bool		breaker;		/* counts for the circuit breaker */
	bool		json;			/* Content-Type says so */
	bool		certificate;	/* the other side's is the trouble */
	bool		local;			/* it came through a Unix socket */
	int			retry_after_s;	/* header, 0: none */
	char		error[256];
	char		webhook_id[64];
	char		webhook_timestamp[32];
	char		webhook_signature[512];
	int			len;
	char	   *body;			/* NUL after len bytes */
} HgHttpResult;

typedef struct HgHttpSocket
{
	int			fd;
	bool		read;
	bool		write;
} HgHttpSocket;

/* Begin.  False with a reason when it cannot even be begun. */
extern bool hg_http_start(int key, const HgHttpRequest *request,
						  char *error, size_t size);

/* Give up, or free what a finished request has taken. */
extern void hg_http_end(int key);

/* What to wait for; returns the number of sockets, deadline in ms or -1. */
extern int	hg_http_wants(const HgHttpSocket **sockets, long *timeout_ms);

/* Something happened on a socket (fd) or the deadline has passed (-1). */
extern void hg_http_drive(int fd, bool readable, bool writable);

/* A finished request, or NULL; valid until hg_http_end(). */
extern HgHttpResult *hg_http_finished(void);

#endif							/* HG_HTTP_H */
