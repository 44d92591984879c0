/*-------------------------------------------------------------------------
 *
 * http.c
 *	  The only user of libcurl.
 *
 * libcurl calls back from the middle of its own work: nothing in a callback
 * may raise or allocate; they write into buffers of fixed size and set flags.
 * libcurl is initialised at the first request, in the process that uses it,
 * never in the postmaster.  Signals are blocked while it works, so that a
 * resolver thread inherits a blocked mask and no handler of the server runs
 * in it.
 *
 * Nothing is configurable per session, and nothing a reply says is followed:
 * no redirects, no proxy from the environment, no cookies, no compression.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/guc_transport.h"
#include "courier/http.h"
#include "utils/memutils.h"

#define MAX_CONNECTIONS 16		/* over all; more wait */
#define MAX_HOST_CONNECTIONS 8
#define RETRY_AFTER_MAX_S 3600
#define USER_AGENT "hoopguard/1.0"

typedef struct Transfer
{
	CURL	   *easy;			/* NULL: free */
	struct curl_slist *headers;
	bool		running;		/* added to the multi handle */
	bool		finished;
	bool		plain;			/* http */
	bool		local;			/* through a Unix socket */
	bool		ignore_reply;
	bool		no_body;
	bool		refused;		/* an address that may not be asked */
	bool		too_long;
	char		curl_error[CURL_ERROR_SIZE];
	HgHttpResult result;
} Transfer;

static CURLM *multi = NULL;
static Transfer transfers[HG_HTTP_COUNT];
static HgHttpSocket sockets[HG_HTTP_SOCKETS];
static int	nsockets = 0;
static bool sockets_lost = false;	/* the array was full: poll */
static long timer_ms = -1;
static struct timespec timer_set;

/* ---- callbacks: no ereport, no palloc ----------------------------------- */

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	Transfer   *t = (Transfer *) arg;
	size_t		len = size * n;

	if (t->ignore_reply || t->no_body)
		return len;
	if (t->result.len + len > HG_HTTP_BODY)
	{
		t->too_long = true;
		return 0;
	}
	memcpy(t->result.body + t->result.len, data, len);
	t->result.len += len;
	return len;
}

/* value of "name: value\r\n" into to, if it is that header */
static void
take_header(const char *line, size_t len, const char *name, char *to,
			size_t size)
{
	size_t		n = strlen(name);

	if (len <= n || pg_strncasecmp(line, name, n) != 0 || line[n] != ':')
		return;
	line += n + 1;
	len -= n + 1;
	while (len > 0 && (*line == ' ' || *line == '\t'))
	{
		line++;
		len--;
	}
	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n' ||
					   line[len - 1] == ' '))
		len--;

	/* a value that does not fit is no value */
	if (len >= size)
		len = 0;
	memcpy(to, line, len);
	to[len] = '\0';
}

static size_t
on_header(char *data, size_t size, size_t n, void *arg)
{
	Transfer   *t = (Transfer *) arg;
	size_t		len = size * n;
	char		type[128] = "";
	char		seconds[16] = "";

	take_header(data, len, "webhook-id", t->result.webhook_id,
				sizeof(t->result.webhook_id));
	take_header(data, len, "webhook-timestamp", t->result.webhook_timestamp,
				sizeof(t->result.webhook_timestamp));
	take_header(data, len, "webhook-signature", t->result.webhook_signature,
				sizeof(t->result.webhook_signature));
	take_header(data, len, "retry-after", seconds, sizeof(seconds));
	if (seconds[0] >= '0' && seconds[0] <= '9')
	{
		long		s = strtol(seconds, NULL, 10);

		t->result.retry_after_s = (int) Min(s, RETRY_AFTER_MAX_S);
	}
	take_header(data, len, "content-type", type, sizeof(type));
	if (type[0] != '\0')
	{
		size_t		l = strcspn(type, "; ");

		t->result.json = (l == 16 &&
						  pg_strncasecmp(type, "application/json", 16) == 0) ||
			(l > 5 && pg_strncasecmp(type + l - 5, "+json", 5) == 0);
	}
	return len;
}

static bool
loopback4(uint32 a)
{
	return (a >> 24) == 127;
}

/* Addresses that no approver has: link-local and cloud metadata, 0/8, ... */
static bool
forbidden4(uint32 a)
{
	return (a >> 24) == 0 || (a >> 16) == 0xa9fe || (a >> 28) >= 0xe ||
		a == 0x646464c8;		/* 100.100.100.200 */
}

static bool
is_set(const char *setting)
{
	return setting != NULL && setting[0] != '\0';
}

/* May the connection go to another machine? */
static bool
may_leave(const Transfer *t)
{
	return !t->plain || (hg_guc_approval_allow_http && !t->ignore_reply);
}

/* Are the first bits the same? */
static bool
same_network(const unsigned char *a, const unsigned char *b, int bits)
{
	int			rest = bits % 8;

	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return rest == 0 ||
		((a[bits / 8] ^ b[bits / 8]) & (0xff << (8 - rest)) & 0xff) == 0;
}

/*
 * Is the address in one of the networks of the setting?  What is no network
 * there allows nothing.
 */
static bool
in_allowed_network(int family, const void *address)
{
	const char *p = hg_guc_approval_address_allow;
	int			max = family == AF_INET ? 32 : 128;

	while (*p)
	{
		unsigned char network[16];
		char		word[64];
		char	   *slash;
		char	   *end = NULL;
		long		bits = max;
		size_t		len;

		p += strspn(p, ", ");
		len = strcspn(p, ", ");
		if (len > 0 && len < sizeof(word))
		{
			memcpy(word, p, len);
			word[len] = '\0';
			slash = strchr(word, '/');
			if (slash != NULL)
			{
				*slash = '\0';
				bits = strtol(slash + 1, &end, 10);
			}
			if ((slash == NULL || (end != slash + 1 && *end == '\0')) &&
				bits >= 0 && bits <= max &&
				inet_pton(family, word, network) == 1 &&
				same_network(network, address, (int) bits))
				return true;
		}
		p += len;
	}
	return false;
}

/*
 * The address that a name was resolved to is checked here, in front of the
 * connection, so that a name cannot change its meaning after a check.
 */
static curl_socket_t
on_opensocket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	Transfer   *t = (Transfer *) arg;
	bool		ok = false;

	if (address->family == AF_UNIX)
		ok = t->local;
	else if (address->family == AF_INET)
	{
		uint32		a;

		a = ntohl(((struct sockaddr_in *) &address->addr)->sin_addr.s_addr);
		ok = !forbidden4(a) && (may_leave(t) || loopback4(a)) &&
			(!is_set(hg_guc_approval_address_allow) ||
			 in_allowed_network(AF_INET,
								&((struct sockaddr_in *) &address->addr)->sin_addr));
	}
	else if (address->family == AF_INET6)
	{
		const struct in6_addr *a;

		a = &((struct sockaddr_in6 *) &address->addr)->sin6_addr;
		ok = !IN6_IS_ADDR_V4MAPPED(a) && !IN6_IS_ADDR_V4COMPAT(a) &&
			!IN6_IS_ADDR_LINKLOCAL(a) && !IN6_IS_ADDR_MULTICAST(a) &&
			!IN6_IS_ADDR_UNSPECIFIED(a) &&
			!(a->s6_addr[0] == 0xfd && a->s6_addr[1] == 0x00 &&
			  a->s6_addr[2] == 0x0e && a->s6_addr[3] == 0xc2) &&
			(may_leave(t) || IN6_IS_ADDR_LOOPBACK(a));

		/* ::1 is within the v4-compatible block */
		if (IN6_IS_ADDR_LOOPBACK(a))
			ok = true;
		if (is_set(hg_guc_approval_address_allow) &&
			!in_allowed_network(AF_INET6, a))
			ok = false;
	}
	if (!ok)
	{
		t->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
				  address->protocol);
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	int			i;

	for (i = 0; i < nsockets; i++)
		if (sockets[i].fd == fd)
			break;
	if (what == CURL_POLL_REMOVE)
	{
		if (i < nsockets)
			sockets[i] = sockets[--nsockets];
		return 0;
	}
	if (i == nsockets)
	{
		if (nsockets == HG_HTTP_SOCKETS)
		{
			sockets_lost = true;
			return 0;
		}
		nsockets++;
	}
	sockets[i].fd = fd;
	sockets[i].read = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
	sockets[i].write = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
	return 0;
}

static int
on_timer(CURLM *m, long ms, void *arg)
{
	timer_ms = ms;
	clock_gettime(CLOCK_MONOTONIC, &timer_set);
	return 0;
}

/* ---- requests ----------------------------------------------------------- */

static void
block_signals(sigset_t *saved)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, saved);
}

static void
restore_signals(const sigset_t *saved)
{
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}

/* Once per process. */
static bool
prepare(void)
{
	if (multi != NULL)
		return true;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	multi = curl_multi_init();
	if (multi == NULL)
		return false;
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
					  (long) MAX_CONNECTIONS);
	curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
					  (long) MAX_HOST_CONNECTIONS);
	return true;
}

static bool
add_header(Transfer *t, const char *line)
{
	struct curl_slist *list = curl_slist_append(t->headers, line);

	if (list == NULL)
		return false;
	t->headers = list;
	return true;
}

static bool
set_options(Transfer *t, const HgHttpRequest *request)
{
	CURL	   *easy = t->easy;
	bool		ok = true;
	char		line[1024];

#define SET(option, value) \
	(ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)

	SET(CURLOPT_URL, request->url);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, t->plain ? "http" : "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_MAXREDIRS, 0L);
	/* "": none, not even that of the environment */
	SET(CURLOPT_PROXY, is_set(hg_guc_webhook_proxy) && !t->local ?
		hg_guc_webhook_proxy : "");
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_ACCEPT_ENCODING, NULL);
	if (!t->ignore_reply && !t->no_body)
		SET(CURLOPT_MAXFILESIZE, (long) HG_HTTP_BODY);
	SET(CURLOPT_USERAGENT, USER_AGENT);
	SET(CURLOPT_CONNECTTIMEOUT_MS, request->connect_timeout);
	SET(CURLOPT_TIMEOUT_MS, request->timeout);
	SET(CURLOPT_ERRORBUFFER, t->curl_error);
	SET(CURLOPT_PRIVATE, t);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_opensocket);
	SET(CURLOPT_OPENSOCKETDATA, t);
	SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (request->ca_file != NULL && request->ca_file[0] != '\0')
	{
		SET(CURLOPT_CAINFO, request->ca_file);
		SET(CURLOPT_CAPATH, NULL);
	}
	if (is_set(hg_guc_webhook_client_cert_file))
	{
		SET(CURLOPT_SSLCERT, hg_guc_webhook_client_cert_file);
		SET(CURLOPT_SSLKEY, hg_guc_webhook_client_key_file);
	}
	if (t->local)
		SET(CURLOPT_UNIX_SOCKET_PATH, hg_guc_webhook_unix_socket);

	/* sinks of the outbox are other servers, with other keys */
	if (is_set(hg_guc_webhook_pinned_keys) && !request->ignore_reply)
		SET(CURLOPT_PINNEDPUBLICKEY, hg_guc_webhook_pinned_keys);
	if (request->body != NULL)
	{
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE, (long) request->len);
		SET(CURLOPT_POSTFIELDS, request->body);
		snprintf(line, sizeof(line), "Content-Type: %s",
				 request->content_type ? request->content_type :
				 "application/cloudevents+json; charset=utf-8");
		ok = ok && add_header(t, line);
	}
	else
		SET(CURLOPT_HTTPGET, 1L);
#undef SET

	ok = ok && add_header(t, "Accept: application/json");
	ok = ok && add_header(t, "Expect:");
	snprintf(line, sizeof(line), "webhook-id: %s", request->id);
	ok = ok && add_header(t, line);
	snprintf(line, sizeof(line), "webhook-timestamp: " INT64_FORMAT,
			 request->timestamp);
	ok = ok && add_header(t, line);
	if (request->signature != NULL)
	{
		snprintf(line, sizeof(line), "webhook-signature: %s",
				 request->signature);
		ok = ok && add_header(t, line);
	}
	return ok && curl_easy_setopt(easy, CURLOPT_HTTPHEADER,
								  t->headers) == CURLE_OK;
}

/* The client key is as private as the signing secrets; NULL: it is. */
static const char *
wrong_key_file(void)
{
	struct stat st;

	if (!is_set(hg_guc_webhook_client_cert_file))
		return NULL;
	if (!is_set(hg_guc_webhook_client_key_file))
		return "the client certificate has no key";
	if (stat(hg_guc_webhook_client_key_file, &st) != 0 ||
		!S_ISREG(st.st_mode))
		return "the client key is not a file that can be read";
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return "the client key belongs to another user";
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return "group or others have access to the client key";
	return NULL;
}

bool
hg_http_start(int key, const HgHttpRequest *request, char *error, size_t size)
{
	Transfer   *t = &transfers[key];
	char	   *body = t->result.body;
	sigset_t	saved;
	bool		ok;

	hg_http_end(key);
	if (body == NULL)
		body = MemoryContextAlloc(TopMemoryContext, HG_HTTP_BODY + 1);
	memset(t, 0, sizeof(*t));
	t->result.key = key;
	t->result.body = body;
	t->plain = strncmp(request->url, "http://", 7) == 0;
	t->local = is_set(hg_guc_webhook_unix_socket) && !request->ignore_reply;
	if (wrong_key_file() != NULL)
	{
		snprintf(error, size, "%s", wrong_key_file());
		return false;
	}
	t->ignore_reply = request->ignore_reply;
	t->no_body = request->no_body;

	block_signals(&saved);
	ok = prepare();
	if (ok)
	{
		t->easy = curl_easy_init();
		ok = t->easy != NULL && set_options(t, request) &&
			curl_multi_add_handle(multi, t->easy) == CURLM_OK;
		t->running = ok;
	}
	restore_signals(&saved);
	if (!ok)
	{
		snprintf(error, size, "the HTTP request could not be prepared");
		hg_http_end(key);
	}
	return ok;
}

void
hg_http_end(int key)
{
	Transfer   *t = &transfers[key];
	sigset_t	saved;

	if (t->easy == NULL && t->headers == NULL)
		return;
	block_signals(&saved);
	if (t->running)
		curl_multi_remove_handle(multi, t->easy);
	if (t->easy != NULL)
		curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	restore_signals(&saved);
	t->easy = NULL;
	t->headers = NULL;
	t->running = false;
	t->finished = false;
}

int
hg_http_wants(const HgHttpSocket **out, long *timeout_ms)
{
	struct timespec now;
	long		passed;

	*out = sockets;
	*timeout_ms = -1;
	if (timer_ms >= 0)
	{
		clock_gettime(CLOCK_MONOTONIC, &now);
		passed = (now.tv_sec - timer_set.tv_sec) * 1000 +
			(now.tv_nsec - timer_set.tv_nsec) / 1000000;
		*timeout_ms = Max(0, timer_ms - passed);
	}
	if (sockets_lost && (*timeout_ms < 0 || *timeout_ms > 100))
		*timeout_ms = 100;
	return nsockets;
}

void
hg_http_drive(int fd, bool readable, bool writable)
{
	sigset_t	saved;
	int			running;

	if (multi == NULL)
		return;
	block_signals(&saved);
	if (fd >= 0)
		curl_multi_socket_action(multi, fd,
								 (readable ? CURL_CSELECT_IN : 0) |
								 (writable ? CURL_CSELECT_OUT : 0),
								 &running);
	else
	{
		/* a timer that has run is set anew by the callback, if at all */
		timer_ms = -1;
		curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	if (sockets_lost)
	{
		sockets_lost = false;
		curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	restore_signals(&saved);
}

/* Did it end before the connection stood, with TLS if it is to have that? */
static bool
while_connecting(Transfer *t)
{
	curl_off_t	us = 0;

	return curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T,
							 &us) == CURLE_OK && us == 0;
}

static void
explain(Transfer *t, CURLcode code)
{
	HgHttpResult *result = &t->result;
	const char *text = t->curl_error[0] ? t->curl_error :
		curl_easy_strerror(code);

	result->retryable = false;
	result->breaker = true;
	if (t->refused)
	{
		text = "the webhook's address is not allowed";
		result->breaker = false;
	}
	else if (t->too_long || code == CURLE_FILESIZE_EXCEEDED)
		text = "the reply is too long";
	else
		switch (code)
		{
			case CURLE_PEER_FAILED_VERIFICATION:
			case CURLE_SSL_CERTPROBLEM:
			case CURLE_SSL_CACERT_BADFILE:
			case CURLE_SSL_ISSUER_ERROR:
			case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
				text = "the webhook's certificate could not be verified";
				result->certificate = true;
				result->breaker = false;
				break;
			case CURLE_OPERATION_TIMEDOUT:
				text = "the webhook did not answer in time";
				result->retryable = while_connecting(t);
				break;
			case CURLE_COULDNT_RESOLVE_HOST:
				text = "the webhook's host name could not be resolved";
				result->retryable = true;
				break;
			case CURLE_COULDNT_CONNECT:
				text = "the webhook could not be reached";
				result->retryable = true;
				break;
			case CURLE_GOT_NOTHING:
			case CURLE_RECV_ERROR:
			case CURLE_SEND_ERROR:
			case CURLE_PARTIAL_FILE:
				text = "the webhook closed the connection without a whole answer";
				result->retryable = true;
				break;
			case CURLE_SSL_CONNECT_ERROR:
				text = "no TLS connection to the webhook could be made";
				result->retryable = true;
				break;
			case CURLE_WEIRD_SERVER_REPLY:
			case CURLE_UNSUPPORTED_PROTOCOL:
				text = "the webhook does not speak HTTP";
				break;
			default:
				break;
		}
	strlcpy(result->error, text, sizeof(result->error));
}

HgHttpResult *
hg_http_finished(void)
{
	CURLMsg    *message;
	int			left;
	long		status = 0;
	char	   *private = NULL;
	Transfer   *t;
	CURLcode	code;

	if (multi == NULL)
		return NULL;
	do
	{
		message = curl_multi_info_read(multi, &left);
		if (message == NULL)
			return NULL;
	} while (message->msg != CURLMSG_DONE);
	code = message->data.result;
	if (curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
						  &private) != CURLE_OK || private == NULL)
		return NULL;
	t = (Transfer *) private;
	t->finished = true;
	t->result.local = t->local;
	t->result.body[t->result.len] = '\0';
	if (code == CURLE_OK)
	{
		curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE,
						  &status);
		t->result.status = (int) status;
	}
	else
	{
		t->result.status = 0;
		explain(t, code);
	}
	return &t->result;
}
