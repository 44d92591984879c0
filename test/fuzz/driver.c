/*-------------------------------------------------------------------------
 *
 * driver.c
 *	  Runs statements from standard input and looks for canaries in all that
 *	  comes back.
 *
 *	driver CONNINFO [SECONDS] < statements
 *
 * A statement ends with a line that holds nothing but ";", as sqlsmith writes
 * them.  Each runs in a transaction that is rolled back, unless its first
 * line is "--commit".  A SELECT runs twice: as it is, and then in one of the
 * other ways by which rows leave the server (binary results, EXPLAIN ANALYZE,
 * COPY, cursor, prepared statement, stored copy, JSON, NOTICE), in turn.
 *
 * A canary is a string that stands in masked columns and nowhere else.  Rows,
 * COPY data, notices, notifications and errors are searched for each one as
 * it is, in either case, backwards, in hexadecimal, in base64 at each of its
 * three positions, and for numbers in binary.
 *
 * The last line is "statements N, failed N, bytes N, canaries N, lost
 * connections N"; the exit status is 1 if a canary was found or a connection
 * was lost.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_STATEMENT (1024 * 1024)
#define MAX_NEEDLES 64
#define MAX_SHOWN 25

/* What schema.sql puts into masked columns; lower case. */
static const char *const words[] = {
	"zqcnry7309"
};
static const char *const others[] = {
	"73091460",					/* integers and numerics begin so */
	"1907-03", "mar 1907", "03/09/1907", "09.03.1907", "09/03/1907",
	"c0ffee73",					/* uuid */
	"10.73.91.46",				/* inet */
};

/* int4 730914601 .. 730914609 and int8 in network order, but the last byte */
static const unsigned char int4_prefix[] = {0x2b, 0x90, 0xdf};

static char needles[MAX_NEEDLES][64];
static size_t needle_len[MAX_NEEDLES];
static int	nneedles = 0;

static PGconn *conn;
static const char *conninfo;
static const char *current = "";
static const char *current_mode = "";
static long nstatements = 0;
static long nfailed = 0;
static long nbytes = 0;
static long nfound = 0;
static long nlost = 0;
static int	nshown = 0;

static char *lower = NULL;
static size_t lower_room = 0;

static void
add_needle(const char *bytes, size_t len)
{
	size_t		i;

	for (i = 0; i < len; i++)
		needles[nneedles][i] = tolower((unsigned char) bytes[i]);
	needle_len[nneedles++] = len;
}

/* Base64 of word after shift other bytes, without what depends on them. */
static void
add_base64(const char *word, int shift)
{
	static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char		out[64];
	int			bits = strlen(word) * 8;
	int			bit = shift == 0 ? 0 : shift == 1 ? 4 : 2;
	int			n = 0;

	for (; bit + 6 <= bits; bit += 6)
	{
		int			value = 0;
		int			i;

		for (i = 0; i < 6; i++)
		{
			int			b = bit + i;

			value = value * 2 +
				(((unsigned char) word[b / 8] >> (7 - b % 8)) & 1);
		}
		out[n++] = alphabet[value];
	}
	add_needle(out, n);
}

static void
make_needles(void)
{
	size_t		i;
	size_t		j;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		/* as schema.sql writes it, in upper case, in lower case */
		char		forms[3][64];
		char		out[130];
		size_t		len = strlen(words[i]);

		for (j = 0; j <= len; j++)
		{
			forms[0][j] = words[i][j];
			forms[1][j] = toupper((unsigned char) words[i][j]);
			forms[2][j] = words[i][j];
		}
		forms[2][0] = toupper((unsigned char) words[i][0]);

		add_needle(words[i], len);
		for (j = 0; j < len; j++)
			out[j] = words[i][len - 1 - j];
		add_needle(out, len);
		for (j = 0; j < 3; j++)
		{
			size_t		k;
			int			shift;

			/* the first letter's case differs, so leave it out */
			for (k = 1; k < len; k++)
				sprintf(out + 2 * (k - 1), "%02x", (unsigned char) forms[j][k]);
			add_needle(out, 2 * (len - 1));
			for (shift = 0; shift < 3; shift++)
				add_base64(forms[j], shift);
		}
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		add_needle(others[i], strlen(others[i]));
}

static void
report(const char *where, const char *data, size_t len, size_t at)
{
	size_t		from = at > 60 ? at - 60 : 0;
	size_t		to = at + 80 < len ? at + 80 : len;
	size_t		i;

	nfound++;
	if (nshown++ >= MAX_SHOWN)
		return;
	printf("CANARY in %s (%s): ", where, current_mode);
	for (i = from; i < to; i++)
		putchar(isprint((unsigned char) data[i]) ? data[i] : '.');
	printf("\n%s\n;\n", current);
	fflush(stdout);
}

/* Search what came from the server. */
static void
scan(const char *where, const char *data, size_t len)
{
	size_t		i;
	int			n;
	char	   *hit;

	if (len == 0)
		return;
	nbytes += len;
	if (len + 1 > lower_room)
	{
		lower_room = (len + 1) * 2;
		lower = realloc(lower, lower_room);
	}
	for (i = 0; i < len; i++)
		lower[i] = tolower((unsigned char) data[i]);
	for (n = 0; n < nneedles; n++)
	{
		hit = memmem(lower, len, needles[n], needle_len[n]);
		if (hit != NULL)
		{
			report(where, data, len, hit - lower);
			return;
		}
	}
	if (strcmp(where, "binary") == 0)
	{
		hit = memmem(data, len, int4_prefix, sizeof(int4_prefix));
		if (hit != NULL)
			report(where, data, len, hit - data);
	}
}

static void
on_notice(void *arg, const PGresult *res)
{
	char	   *text = PQresultVerboseErrorMessage(res, PQERRORS_VERBOSE,
												   PQSHOW_CONTEXT_ALWAYS);

	if (text != NULL)
	{
		scan("notice", text, strlen(text));
		PQfreemem(text);
	}
}

static void
scan_row(const PGresult *res)
{
	static char *row = NULL;
	static size_t room = 0;
	int			ncols = PQnfields(res);
	int			r;
	int			c;

	for (r = 0; r < PQntuples(res); r++)
	{
		size_t		len = 0;
		int			binary = 0;

		for (c = 0; c < ncols; c++)
			len += PQgetlength(res, r, c) + 1;
		if (len > room)
		{
			room = len * 2;
			row = realloc(row, room);
		}
		len = 0;
		for (c = 0; c < ncols; c++)
		{
			memcpy(row + len, PQgetvalue(res, r, c), PQgetlength(res, r, c));
			len += PQgetlength(res, r, c);
			row[len++] = '\n';
			binary |= PQfformat(res, c);
		}
		scan(binary ? "binary" : "row", row, len);
	}
}

static void
open_connection(void)
{
	int			tries;

	for (tries = 0; tries < 60; tries++)
	{
		conn = PQconnectdb(conninfo);
		if (PQstatus(conn) == CONNECTION_OK)
		{
			PQsetNoticeReceiver(conn, on_notice, NULL);
			return;
		}
		PQfinish(conn);
		sleep(1);
	}
	printf("cannot connect\n");
	exit(2);
}

/* Collect all results of what was sent; false if one is an error. */
static int
drain(void)
{
	PGresult   *res;
	PGnotify   *notify;
	int			ok = 1;

	PQsetSingleRowMode(conn);
	while ((res = PQgetResult(conn)) != NULL)
	{
		ExecStatusType status = PQresultStatus(res);
		char	   *text;

		if (status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE)
			scan_row(res);
		else if (status == PGRES_COPY_OUT)
		{
			char	   *data;
			int			len;

			while ((len = PQgetCopyData(conn, &data, 0)) > 0)
			{
				scan("copy", data, len);
				PQfreemem(data);
			}
		}
		else if (status == PGRES_COPY_IN)
			PQputCopyEnd(conn, "no data");
		else if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY)
		{
			ok = 0;
			text = PQresultVerboseErrorMessage(res, PQERRORS_VERBOSE,
											   PQSHOW_CONTEXT_ALWAYS);
			if (text != NULL)
			{
				scan("error", text, strlen(text));
				if (strstr(text, "XX000") != NULL &&
					strstr(text, "hstore_io.c") == NULL &&
					strstr(text, "coerce_type") == NULL && nshown < MAX_SHOWN)
				{
					nshown++;
					printf("INTERNAL (%s): %s\n%s\n;\n", current_mode, text,
						   current);
				}
				PQfreemem(text);
			}
		}
		PQclear(res);
	}
	while ((notify = PQnotifies(conn)) != NULL)
	{
		scan("notification", notify->extra, strlen(notify->extra));
		PQfreemem(notify);
	}
	return ok;
}

static void
check_connection(void)
{
	if (PQstatus(conn) == CONNECTION_OK)
		return;
	nlost++;
	printf("CONNECTION LOST (%s): %s\n%s\n;\n", current_mode,
		   PQerrorMessage(conn), current);
	fflush(stdout);
	PQfinish(conn);
	sleep(3);
	open_connection();
}

static int
run(const char *sql)
{
	int			ok = PQsendQuery(conn, sql) && drain();

	check_connection();
	return ok;
}

/* Run in a transaction that leaves nothing. */
static void
attempt(const char *mode, const char *first, const char *second, int binary)
{
	int			ok;

	current_mode = mode;
	nstatements++;
	run("BEGIN");
	if (binary)
	{
		ok = PQsendQueryParams(conn, first, 0, NULL, NULL, NULL, NULL, 1) &&
			drain();
		check_connection();
	}
	else
		ok = run(first);
	if (ok && second != NULL)
		ok = run(second);
	if (!ok)
		nfailed++;
	run("ROLLBACK");
	if (strcmp(mode, "prepared") == 0)
		run("DEALLOCATE ALL");
}

static char *
wrap(const char *before, const char *sql, const char *after)
{
	static char *out[2] = {NULL, NULL};
	static int	turn = 0;

	turn = !turn;
	free(out[turn]);
	if (asprintf(&out[turn], "%s%s%s", before, sql, after) < 0)
		exit(2);
	return out[turn];
}

static int
is_query(const char *sql)
{
	while (isspace((unsigned char) *sql))
		sql++;
	return strncasecmp(sql, "select", 6) == 0;
}

static void
try_statement(char *sql)
{
	static int	way = 0;

	current = sql;
	if (strncmp(sql, "--commit", 8) == 0)
	{
		current_mode = "commit";
		nstatements++;
		if (!run(sql))
			nfailed++;
		return;
	}
	attempt("plain", sql, NULL, 0);
	if (!is_query(sql))
		return;
	switch (way++ % 9)
	{
		case 0:
			attempt("binary", sql, NULL, 1);
			break;
		case 1:
			attempt("explain", wrap("EXPLAIN (ANALYZE, VERBOSE, TIMING OFF) ",
									sql, ""), NULL, 0);
			break;
		case 2:
			attempt("copy", wrap("COPY (", sql, "\n) TO STDOUT"), NULL, 0);
			break;
		case 3:
			attempt("cursor", wrap("DECLARE c SCROLL CURSOR FOR ", sql, ""),
					"FETCH ALL c; MOVE ABSOLUTE 1 c; FETCH BACKWARD 1 c", 0);
			break;
		case 4:
			attempt("prepared", wrap("PREPARE p AS ", sql, ""),
					"EXECUTE p; EXECUTE p", 0);
			break;
		case 5:
			attempt("stored", wrap("CREATE TEMP TABLE kept AS ", sql, ""),
					"TABLE kept; SELECT * FROM kept WHERE kept::text <> ''",
					0);
			break;
		case 6:
			attempt("json", wrap("SELECT to_jsonb(j), j::text FROM (", sql,
								 "\n) j"), NULL, 0);
			break;
		case 7:
			attempt("notice", wrap("DO $do$ DECLARE r record; BEGIN FOR r IN ",
								   sql, "\nLOOP RAISE NOTICE '%', r; "
								   "PERFORM pg_notify('c', left(r::text, 7000)); "
								   "END LOOP; END $do$"), NULL, 0);
			break;
		default:
			attempt("binary copy", wrap("COPY (", sql,
										"\n) TO STDOUT (FORMAT binary)"),
					NULL, 0);
			break;
	}
}

int
main(int argc, char **argv)
{
	static char statement[MAX_STATEMENT];
	size_t		len = 0;
	char	   *line = NULL;
	size_t		room = 0;
	ssize_t		n;
	time_t		end = 0;

	if (argc < 2)
	{
		fprintf(stderr, "usage: driver CONNINFO [SECONDS] < statements\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	conninfo = argv[1];
	if (argc > 2)
		end = time(NULL) + atol(argv[2]);
	make_needles();
	open_connection();
	run("LISTEN c");

	while ((end == 0 || time(NULL) < end) &&
		   (n = getline(&line, &room, stdin)) >= 0)
	{
		if (strcmp(line, ";\n") == 0)
		{
			statement[len] = '\0';
			if (len > 0 && len < MAX_STATEMENT - 1)
				try_statement(statement);
			len = 0;
		}
		else if (len + n < MAX_STATEMENT - 1)
		{
			memcpy(statement + len, line, n);
			len += n;
		}
		else
			len = MAX_STATEMENT - 1;	/* too long: left out */
	}
	printf("statements %ld, failed %ld, bytes %ld, canaries %ld, lost connections %ld\n",
		   nstatements, nfailed, nbytes, nfound, nlost);
	return nfound > 0 || nlost > 0;
}
