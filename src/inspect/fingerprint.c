/*-------------------------------------------------------------------------
 *
 * fingerprint.c
 *	  Literal-free text of a statement, and its hash.
 *
 * The text is rebuilt from the server's own scanner, token by token, so that
 * comments, white space, letter case and literals cannot make two spellings
 * of a statement differ, and no literal, hence no password and no connection
 * string, can be left in it.  Bodies of DO and CREATE FUNCTION become their
 * hash: which body it was stays provable, what it said is not stored.
 *
 * The scanner raises on an unfinished quote or comment.  That is caught here:
 * it allocates in a context of ours and holds nothing else, so no
 * subtransaction is needed to forget it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/hashfn.h"
#include "common/keywords.h"
#include "common/sha2.h"
#include "inspect/facts.h"
#include "lib/stringinfo.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

/*
 * Codes of the scanner's tokens.  gram.h is not installed everywhere, but
 * every grammar that uses the core scanner must declare these first and in
 * this order (see the note at %token in gram.y), and bison counts from 258.
 */
enum
{
	TOK_IDENT = 258,
	TOK_UIDENT,
	TOK_FCONST,
	TOK_SCONST,
	TOK_USCONST,
	TOK_BCONST,
	TOK_XCONST,
	TOK_OP,
	TOK_ICONST,
	TOK_PARAM,
	TOK_TYPECAST,
	TOK_DOT_DOT,
	TOK_COLON_EQUALS,
	TOK_EQUALS_GREATER,
	TOK_LESS_EQUALS,
	TOK_GREATER_EQUALS,
	TOK_NOT_EQUALS,
	TOK_FIRST_KEYWORD
};

/* Which string constants are bodies. */
typedef enum BodyKind
{
	BODY_NONE,
	BODY_DO,					/* any but the one after LANGUAGE */
	BODY_FUNCTION,				/* those after AS */
	BODY_BY_WORD				/* as the first word has it */
} BodyKind;

static void
append_sha256(StringInfo out, const char *body)
{
	pg_cryptohash_ctx *ctx = pg_cryptohash_create(PG_SHA256);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	if (ctx == NULL)
		elog(ERROR, "out of memory");
	if (pg_cryptohash_init(ctx) < 0 ||
		pg_cryptohash_update(ctx, (const uint8 *) body, strlen(body)) < 0 ||
		pg_cryptohash_final(ctx, digest, sizeof(digest)) < 0)
	{
		pg_cryptohash_free(ctx);
		elog(ERROR, "could not compute SHA-256");
	}
	pg_cryptohash_free(ctx);

	appendStringInfoString(out, "'sha256:");
	for (int i = 0; i < lengthof(digest); i++)
		appendStringInfo(out, "%02x", digest[i]);
	appendStringInfoChar(out, '\'');
}

/*
 * standard_conforming_strings when the parser read a text may have been
 * another one than now: SET in the same message, a statement prepared before.
 */
static bool conforming = true;	/* what the scanner takes it for */
static bool seen[2];			/* values it has had in this session */

void
hg_fingerprint_strings(void)
{
	conforming = standard_conforming_strings;
	seen[conforming] = true;
}

static core_yyscan_t
start_scanner(const char *source, core_yy_extra_type *extra)
{
	core_yyscan_t scanner = scanner_init(source, extra, &ScanKeywords,
										 ScanKeywordTokens);

	extra->escape_string_warning = false;	/* the parser has told */
	extra->standard_conforming_strings = conforming;
	return scanner;
}

/* Highest $n of the statement: numbers for constants continue from there. */
static int
highest_param(const char *source)
{
	core_yyscan_t scanner;
	core_yy_extra_type extra;
	core_YYSTYPE value;
	YYLTYPE		location;
	int			highest = 0;
	int			token;

	if (strchr(source, '$') == NULL)
		return 0;
	scanner = start_scanner(source, &extra);
	while ((token = core_yylex(&value, &location, scanner)) != 0)
		if (token == TOK_PARAM && value.ival > highest)
			highest = value.ival;
	scanner_finish(scanner);
	return highest;
}

/* Canonical spacing: what stands between two tokens, whatever was written. */
static bool
space_between(int before, int token)
{
	if (before == 0 || before == '(' || before == '[' || before == '.' ||
		before == TOK_TYPECAST)
		return false;
	switch (token)
	{
		case ')':
		case ']':
		case ',':
		case '.':
		case ';':
		case '[':
		case TOK_TYPECAST:
			return false;
		case '(':
			return before != TOK_IDENT && before != TOK_UIDENT;
		default:
			return true;
	}
}

/*
 * Where we are in SET name { TO | = } value, value: a value may be written as
 * a bare word and is a literal all the same.  Names of schemas and roles are
 * kept, since they say what the statements after it mean.
 */
typedef enum SettingState
{
	SETTING_NONE,
	SETTING_SET,				/* a name comes */
	SETTING_NAME,				/* a dot, TO or = comes */
	SETTING_DOT,
	SETTING_VALUE,				/* a value comes */
	SETTING_COMMA				/* a comma comes, or it is over */
} SettingState;

static SettingState
setting_state(SettingState state, int token, const core_YYSTYPE *value,
			  bool *kept)
{
	bool		keyword = token >= TOK_FIRST_KEYWORD;
	bool		word = keyword || token == TOK_IDENT || token == TOK_UIDENT;
	const char *name = keyword ? value->keyword : word ? value->str : "";

	if (keyword && strcmp(name, "set") == 0)
		return SETTING_SET;
	switch (state)
	{
		case SETTING_SET:
			if (keyword && (strcmp(name, "local") == 0 ||
							strcmp(name, "session") == 0))
				return state;
			*kept = strcmp(name, "search_path") == 0 ||
				strcmp(name, "role") == 0 ||
				strcmp(name, "session_authorization") == 0;
			return word ? SETTING_NAME : SETTING_NONE;
		case SETTING_DOT:
			/* somebody's own, whatever it is called */
			*kept = false;
			return word ? SETTING_NAME : SETTING_NONE;
		case SETTING_NAME:
			if (token == '.')
				return SETTING_DOT;
			if (token == '=' || (keyword && (strcmp(name, "to") == 0 ||
											 strcmp(name, "zone") == 0)))
				return SETTING_VALUE;
			return SETTING_NONE;
		case SETTING_VALUE:
			return SETTING_COMMA;
		case SETTING_COMMA:
			return token == ',' ? SETTING_VALUE : SETTING_NONE;
		default:
			return SETTING_NONE;
	}
}

/* The text, palloc'd in the current context.  Raises what the scanner does. */
static char *
normalise(const char *source, BodyKind bodies)
{
	core_yyscan_t scanner;
	core_yy_extra_type extra;
	core_YYSTYPE value;
	YYLTYPE		location;
	StringInfoData out;
	int			next = highest_param(source) + 1;
	int			before = 0;
	bool		after_as = false;
	bool		after_language = false;
	bool		pending_semicolon = false;
	bool		settings = false;
	bool		kept = false;
	SettingState setting = SETTING_NONE;
	int			token;

	initStringInfo(&out);
	scanner = start_scanner(source, &extra);
	while ((token = core_yylex(&value, &location, scanner)) != 0)
	{
		/* a semicolon is kept only when something follows it */
		if (token == ';')
		{
			pending_semicolon = before != 0;
			continue;
		}
		if (pending_semicolon)
		{
			appendStringInfoChar(&out, ';');
			before = ';';
			pending_semicolon = false;
		}
		if (space_between(before, token))
			appendStringInfoChar(&out, ' ');
		if (bodies == BODY_BY_WORD)
		{
			bodies = BODY_NONE;
			if (token >= TOK_FIRST_KEYWORD && strcmp(value.keyword, "do") == 0)
				bodies = BODY_DO;
			else if (token >= TOK_FIRST_KEYWORD &&
					 strcmp(value.keyword, "create") == 0)
				bodies = BODY_FUNCTION;
		}

		/* UPDATE has a SET, too */
		if (token >= TOK_FIRST_KEYWORD)
		{
			if (before == 0 || before == ';')
				settings = strcmp(value.keyword, "set") == 0 ||
					strcmp(value.keyword, "alter") == 0 ||
					bodies == BODY_FUNCTION;
			else if (strcmp(value.keyword, "atomic") == 0 ||
					 strcmp(value.keyword, "return") == 0)
				settings = false;
		}
		if (settings && setting == SETTING_VALUE && !kept &&
			(token == TOK_IDENT || token == TOK_UIDENT))
		{
			appendStringInfo(&out, "$%d", next++);
			setting = SETTING_COMMA;
			before = token;
			continue;
		}
		setting = settings ? setting_state(setting, token, &value, &kept) :
			SETTING_NONE;

		switch (token)
		{
			case TOK_IDENT:
				appendStringInfoString(&out, quote_identifier(value.str));
				break;
			case TOK_UIDENT:
				appendStringInfo(&out, "U&\"%s\"", value.str);
				break;
			case TOK_SCONST:
				if ((bodies == BODY_DO && !after_language) ||
					(bodies == BODY_FUNCTION && after_as))
				{
					append_sha256(&out, value.str);
					break;
				}
				/* FALLTHROUGH */
			case TOK_FCONST:
			case TOK_USCONST:
			case TOK_BCONST:
			case TOK_XCONST:
			case TOK_ICONST:
				appendStringInfo(&out, "$%d", next++);
				break;
			case TOK_PARAM:
				appendStringInfo(&out, "$%d", value.ival);
				break;
			case TOK_OP:
				appendStringInfoString(&out, value.str);
				break;
			case TOK_TYPECAST:
				appendStringInfoString(&out, "::");
				break;
			case TOK_DOT_DOT:
				appendStringInfoString(&out, "..");
				break;
			case TOK_COLON_EQUALS:
				appendStringInfoString(&out, ":=");
				break;
			case TOK_EQUALS_GREATER:
				appendStringInfoString(&out, "=>");
				break;
			case TOK_LESS_EQUALS:
				appendStringInfoString(&out, "<=");
				break;
			case TOK_GREATER_EQUALS:
				appendStringInfoString(&out, ">=");
				break;
			case TOK_NOT_EQUALS:
				appendStringInfoString(&out, "<>");
				break;
			default:
				if (token < TOK_IDENT)
					appendStringInfoChar(&out, (char) token);
				else
					appendStringInfoString(&out, value.keyword);
				break;
		}

		if (token >= TOK_FIRST_KEYWORD)
		{
			after_as = strcmp(value.keyword, "as") == 0;
			after_language = strcmp(value.keyword, "language") == 0;
		}
		else
		{
			/* AS 'file', 'symbol' */
			if (token != TOK_SCONST && token != ',')
				after_as = false;
			after_language = false;
		}
		before = token;
	}
	scanner_finish(scanner);
	return out.data;
}

/*
 * BEGIN, COMMIT and the like come with every transaction, in the same few
 * spellings, and have no plan that could keep their facts.  Only words are
 * kept here: nothing in them depends on a setting or could be a literal.
 */
#define PLAIN_WORDS 48
#define PLAIN_TEXTS 8

typedef struct PlainText
{
	int			len;			/* 0: unused */
	char		source[PLAIN_WORDS];
	char		text[PLAIN_WORDS];
	uint64		fingerprint;
} PlainText;

static PlainText plain_texts[PLAIN_TEXTS];

/* Where a text is kept, or would be; NULL if it is not of that kind. */
static PlainText *
plain_text(const char *source, int len)
{
	uint32		hash = 0;

	if (len <= 0 || len >= PLAIN_WORDS)
		return NULL;
	for (int i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) source[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != ' ' &&
			c != ';')
			return NULL;
		hash = hash * 31 + c;
	}
	return &plain_texts[hash % PLAIN_TEXTS];
}

/* Levels of messages, as they were. */
typedef struct Silence
{
	int			for_client;
	int			for_log;
} Silence;

/* What the scanner notices (a name cut off), the parser has told. */
static Silence
be_silent(void)
{
	Silence		before = {client_min_messages, log_min_messages};

	client_min_messages = log_min_messages = ERROR;
	return before;
}

static void
end_silence(Silence before)
{
	client_min_messages = before.for_client;
	log_min_messages = before.for_log;
}

/* normalise(), or NULL for what cannot be scanned. */
static char *
try_normalise(const char *source, BodyKind bodies)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *volatile result = NULL;

	PG_TRY();
	{
		result = normalise(source, bodies);
	}
	PG_CATCH();
	{
		/* interrupts are not served above, so no cancel is lost here */
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return result;
}

bool
hg_fingerprint_ambiguous(const char *source)
{
	hg_fingerprint_strings();
	return seen[false] && seen[true] && strchr(source, '\\') != NULL;
}

/*
 * normalise() of a text that may have been parsed either way: that for which
 * it can be scanned, or as much as is the same both ways, since what comes
 * behind that may be the inside of a string.
 */
static char *
normalise_both(const char *source, BodyKind bodies)
{
	char	   *now = try_normalise(source, bodies);
	char	   *other;
	int			same = 0;

	conforming = !conforming;
	other = try_normalise(source, bodies);
	conforming = !conforming;
	if (now == NULL || other == NULL || strcmp(now, other) == 0)
		return now != NULL ? now : other;
	while (now[same] == other[same])
		same++;
	while (same > 0 && now[same - 1] != ' ')
		same--;
	return psprintf("%.*s...", same, now);
}

/* Text and fingerprint of some bytes; none if they cannot be scanned. */
static void
fingerprint_bytes(HgFacts *facts, const char *bytes, int len, BodyKind bodies)
{
	MemoryContext scratch;
	MemoryContext oldcontext = CurrentMemoryContext;
	char	   *source;
	char	   *result;
	Silence		silence;

	scratch = AllocSetContextCreate(CurrentMemoryContext,
									"hoopguard fingerprint",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scratch);
	source = pnstrdup(bytes, len);
	silence = be_silent();
	result = hg_fingerprint_ambiguous(source) ? normalise_both(source, bodies) :
		try_normalise(source, bodies);
	end_silence(silence);
	if (result != NULL)
	{
		facts->text = MemoryContextStrdup(facts->context, result);
		facts->fingerprint =
			DatumGetUInt64(hash_any_extended((const unsigned char *) result,
											 strlen(result), 0));
	}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(scratch);
}

/* A statement in its query string; NULL if there is none. */
static const char *
statement_bytes(const char *query_string, int location, int *len)
{
	size_t		total;

	if (query_string == NULL)
		return NULL;
	total = strlen(query_string);
	if (location < 0)
		location = 0;
	if (location > total)
		return NULL;
	if (*len <= 0 || *len > total - location)
		*len = total - location;
	return query_string + location;
}

/* Offsets of constants, in the current context.  Raises what the scanner does. */
static int *
find_constants(const char *source, int *n)
{
	core_yyscan_t scanner;
	core_yy_extra_type extra;
	core_YYSTYPE value;
	YYLTYPE		location;
	int			room = 16;
	int		   *places = palloc(room * sizeof(int));
	int			token;

	*n = 0;
	scanner = start_scanner(source, &extra);
	while ((token = core_yylex(&value, &location, scanner)) != 0)
	{
		if (token != TOK_SCONST && token != TOK_FCONST &&
			token != TOK_USCONST && token != TOK_BCONST &&
			token != TOK_XCONST && token != TOK_ICONST)
			continue;
		if (*n == room)
		{
			room *= 2;
			places = repalloc_huge(places, room * sizeof(int));
		}
		places[(*n)++] = location;
	}
	scanner_finish(scanner);
	return places;
}

int *
hg_fingerprint_constants(const char *query_string, int location, int len,
						 int *first, int *n)
{
	MemoryContext oldcontext = CurrentMemoryContext;
	const char *volatile bytes = statement_bytes(query_string, location,
												 &len);
	int		   *volatile places = NULL;
	char	   *source;
	Silence		silence;

	*first = 0;
	*n = -1;
	if (bytes == NULL)
		return NULL;
	source = pnstrdup(bytes, len);
	if (hg_fingerprint_ambiguous(source))
		return NULL;
	silence = be_silent();
	PG_TRY();
	{
		*first = highest_param(source) + 1;
		places = find_constants(source, n);
	}
	PG_CATCH();
	{
		/* as in try_normalise() */
		MemoryContextSwitchTo(oldcontext);
		FlushErrorState();
		*n = -1;
	}
	PG_END_TRY();
	end_silence(silence);
	for (int i = 0; i < *n; i++)
		places[i] += bytes - query_string;
	return places;
}

void
hg_fingerprint(HgFacts *facts, const char *query_string, int location,
			   int len, Node *utility)
{
	BodyKind	bodies = BODY_NONE;
	PlainText  *plain = NULL;
	const char *bytes;

	facts->text = NULL;
	facts->fingerprint = 0;
	bytes = statement_bytes(query_string, location, &len);
	if (bytes == NULL)
		return;

	if (utility != NULL)
	{
		if (IsA(utility, TransactionStmt))
			plain = plain_text(bytes, len);
		else if (IsA(utility, DoStmt))
			bodies = BODY_DO;
		else if (IsA(utility, CreateFunctionStmt) ||
				 IsA(utility, CreateSchemaStmt))
			bodies = BODY_FUNCTION;
	}
	if (plain != NULL && plain->len == len &&
		memcmp(plain->source, bytes, len) == 0)
	{
		facts->text = MemoryContextStrdup(facts->context, plain->text);
		facts->fingerprint = plain->fingerprint;
		return;
	}

	fingerprint_bytes(facts, bytes, len, bodies);
	if (plain != NULL && facts->text != NULL &&
		strlen(facts->text) < PLAIN_WORDS)
	{
		plain->len = len;
		memcpy(plain->source, bytes, len);
		strlcpy(plain->text, facts->text, PLAIN_WORDS);
		plain->fingerprint = facts->fingerprint;
	}
}

/*
 * Bounds of the statement around a byte of a query string, or of the next one
 * if there is none: what stands between two semicolons outside parentheses
 * and of bodies in BEGIN ATOMIC.
 */
static void
find_statement(const char *source, int cursor, int *start, int *end)
{
	core_yyscan_t scanner;
	core_yy_extra_type extra;
	core_YYSTYPE value;
	YYLTYPE		location;
	int			depth = 0;
	int			atomic = 0;
	bool		empty = true;
	int			token;

	*start = 0;
	*end = strlen(source);
	if (cursor < 0)
		return;
	scanner = start_scanner(source, &extra);
	while ((token = core_yylex(&value, &location, scanner)) != 0)
	{
		if (token == '(')
			depth++;
		else if (token == ')')
			depth--;
		else if (token >= TOK_FIRST_KEYWORD)
		{
			if (strcmp(value.keyword, "atomic") == 0 ||
				(atomic > 0 && strcmp(value.keyword, "case") == 0))
				atomic++;
			else if (atomic > 0 && strcmp(value.keyword, "end") == 0)
				atomic--;
		}
		else if (token == ';' && depth == 0 && atomic == 0)
		{
			if (location >= cursor && !empty)
			{
				*end = location;
				break;
			}
			*start = location + 1;
			empty = true;
			continue;
		}
		empty = false;
	}
	scanner_finish(scanner);
}

void
hg_fingerprint_failed(HgFacts *facts, const char *query_string, int cursor)
{
	MemoryContext old = MemoryContextSwitchTo(facts->context);
	char	   *source;
	int			start;
	int			end;

	find_statement(query_string, cursor, &start, &end);
	source = pnstrdup(query_string + start, Max(end - start, 0));
	facts->text = normalise(source, BODY_BY_WORD);
	facts->fingerprint =
		DatumGetUInt64(hash_any_extended((const unsigned char *) facts->text,
										 strlen(facts->text), 0));
	MemoryContextSwitchTo(old);
}
