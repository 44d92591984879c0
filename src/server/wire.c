/*-------------------------------------------------------------------------
 *
 * wire.c
 *	  Messages to the client, many with one call of the system.
 *
 * The server sends whenever it has gathered 8 kB.  A client waits for rows
 * that are scrubbed, so that each time it has to be woken, which takes as long
 * as to make a dozen of them.  Here up to 32 kB are sent at once while rows
 * come fast.  Rows that come slowly are sent by 8 kB as ever, so are the last
 * ones of a statement, and what the server wants flushed is flushed; but of a
 * statement that is fast and then stalls up to 32 kB wait.
 *
 * Messages pass through PqCommMethods, as those of parallel workers do, with
 * all of them in one buffer: their order stays what it was.  The rest follows
 * pqcomm.c, whose own buffer is empty meanwhile.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/port.h"

#include "libpq/libpq.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "replication/walsender.h"
#include "server/wire.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define BUFFER (32 * 1024)

/* Of a message: its type and its length. */
#define HEADER 5

/* As the server's own buffer. */
#define PIECE (8 * 1024)

/* Microseconds that what is gathered may be old when a piece is complete. */
#define MAX_AGE 1000

static const PQcommMethods *socket_methods = NULL;

static char *buffer = NULL;
static int	filled = 0;			/* bytes in it, */
static int	sent = 0;			/* the first of which are sent */
static int	piece_end = PIECE;	/* where to look at the time */
static TimestampTz flushed_at = 0;

/*
 * A message is being put or sent.  Reporting a failure of that must not put
 * another one: its bytes would stand in the midst of the first.
 */
static bool busy = false;

/* Send what was gathered; not all of it if the socket must not block. */
static int
send_gathered(bool block)
{
	static int	reported = 0;

	if (socket_methods->is_send_pending() &&
		(block ? socket_methods->flush() :
		 socket_methods->flush_if_writable()) != 0)
		return EOF;
	if (socket_methods->is_send_pending())
		return 0;
	MyProcPort->noblock = !block;
	while (sent < filled)
	{
		int			n = secure_write(MyProcPort, buffer + sent, filled - sent);

		if (n > 0)
		{
			reported = 0;
			sent += n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return 0;
		/* never to the client, and not again and again */
		if (errno != reported)
		{
			reported = errno;
			ereport(COMMERROR,
					(errcode_for_socket_access(),
					 errmsg("could not send data to client: %m")));
		}
		filled = sent = 0;
		piece_end = PIECE;
		ClientConnectionLost = 1;
		InterruptPending = 1;
		return EOF;
	}
	filled = sent = 0;
	piece_end = PIECE;
	return 0;
}

static int
put_bytes(const char *s, size_t len)
{
	while (len > 0)
	{
		size_t		n;

		if (filled >= BUFFER && send_gathered(true) != 0)
			return EOF;
		n = Min(len, BUFFER - filled);
		memcpy(buffer + filled, s, n);
		filled += n;
		s += n;
		len -= n;
	}
	return 0;
}

static void
wire_comm_reset(void)
{
	busy = false;
	socket_methods->comm_reset();
}

static int
flush_gathered(bool block)
{
	int			result;

	if (busy)
		return 0;
	busy = true;
	result = send_gathered(block);
	busy = false;
	return result;
}

static int
wire_flush(void)
{
	flushed_at = 0;				/* the next piece goes at once */
	return flush_gathered(true);
}

static int
wire_flush_if_writable(void)
{
	return flush_gathered(false);
}

static bool
wire_is_send_pending(void)
{
	return sent < filled || socket_methods->is_send_pending();
}

static int
wire_putmessage(char type, const char *s, size_t len)
{
	uint32		size = pg_hton32((uint32) (len + 4));
	int			result = 0;

	if (busy)
		return 0;
	busy = true;
	if (len < BUFFER - HEADER && filled <= BUFFER - HEADER - (int) len)
	{
		buffer[filled] = type;
		memcpy(buffer + filled + 1, &size, 4);
		memcpy(buffer + filled + HEADER, s, len);
		filled += HEADER + len;
	}
	else if (put_bytes(&type, 1) != 0 ||
			 put_bytes((char *) &size, 4) != 0 ||
			 put_bytes(s, len) != 0)
		result = EOF;
	if (result == 0 && filled >= piece_end)
	{
		TimestampTz now = GetCurrentTimestamp();

		if (now - flushed_at >= MAX_AGE || now < flushed_at)
		{
			result = send_gathered(true);
			flushed_at = now;
		}
		else
			while (piece_end <= filled)
				piece_end += PIECE;
	}
	busy = false;
	return result;
}

/* Only what replicates puts such ones, and gathers by itself. */
static void
wire_putmessage_noblock(char type, const char *s, size_t len)
{
	(void) wire_flush();
	PqCommMethods = socket_methods;
	socket_methods->putmessage_noblock(type, s, len);
}

static const PQcommMethods wire_methods = {
	.comm_reset = wire_comm_reset,
	.flush = wire_flush,
	.flush_if_writable = wire_flush_if_writable,
	.is_send_pending = wire_is_send_pending,
	.putmessage = wire_putmessage,
	.putmessage_noblock = wire_putmessage_noblock
};

void
hg_wire_init(void)
{
	socket_methods = PqCommMethods;
}

void
hg_wire_gather(void)
{
	if (PqCommMethods != socket_methods || MyProcPort == NULL ||
		whereToSendOutput != DestRemote || am_walsender)
		return;
	if (buffer == NULL)
		buffer = MemoryContextAlloc(TopMemoryContext, BUFFER);
	if (pq_flush() == 0)
		PqCommMethods = &wire_methods;
}

void
hg_wire_end_rows(void)
{
	if (PqCommMethods == &wire_methods && filled >= PIECE)
		(void) pq_flush_if_writable();
}
