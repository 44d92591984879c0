/*-------------------------------------------------------------------------
 *
 * classify.c
 *	  What a column holds: label, then name and type.
 *
 * What is true of a parent is true of its children, and a query of the parent
 * reads the children: a column is looked up by name in the whole family of
 * its relation, ancestors and descendants.  A label that names a class wins
 * anywhere below; 'public' binds only its relation and what is under it.
 *
 * Answers are cached for the relation.  The relcache callback may not ask a
 * catalog, so it only looks whether the relation is one that an answer was
 * made from, and marks everything old.  A new child is noticed because
 * attaching it invalidates its parent.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "base/catalog.h"
#include "base/guc.h"
#include "base/retire.h"
#include "base/row.h"
#include "catalog/catalog.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext_data.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "policy/classify.h"
#include "storage/sinval.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Columns of hoopguard.class, in the order of 20_policy.sql. */
enum
{
	CLASS_NAME = 1,
	CLASS_GROUP
};

/* Relations remembered before the cache starts anew. */
#define MAX_RELATIONS 8192

/* A heuristic's words are short; longer names are cut. */
#define MAX_TOKENS 16
#define MAX_NAME 128


/*
 * ---- names ----
 *
 * The head of an English compound stands last: email_subject is a subject,
 * customer_email an email.  So a phrase must match the last words of a name,
 * after words that only qualify ("2", "encrypted", "home") are taken off.
 */

typedef struct Tokens
{
	int			n;
	char	   *word[MAX_TOKENS];
	char		buffer[MAX_NAME * 2];
} Tokens;

/* Split snake_case, camelCase, digits and what else is no letter. */
static void
tokenize(const char *name, Tokens *tokens)
{
	char	   *out = tokens->buffer;
	int			len = Min(strlen(name), MAX_NAME - 1);
	char	   *start = out;

	tokens->n = 0;
	for (int i = 0; i <= len; i++)
	{
		unsigned char c = i < len ? name[i] : '\0';
		unsigned char before = i > 0 ? name[i - 1] : '\0';
		unsigned char after = i + 1 < len ? name[i + 1] : '\0';
		bool		letter = isalpha(c) || IS_HIGHBIT_SET(c);
		bool		boundary = !letter && !isdigit(c);

		/* a word starts at aB, at the B of ABc, and where digits meet letters */
		if (!boundary && i > 0 && out > start)
		{
			bool		was_letter = isalpha(before) || IS_HIGHBIT_SET(before);

			if (letter != was_letter ||
				(isupper(c) && (islower(before) ||
								(isupper(before) && islower(after)))))
			{
				*out++ = '\0';
				if (tokens->n < MAX_TOKENS)
					tokens->word[tokens->n++] = start;
				start = out;
			}
		}
		if (boundary)
		{
			if (out > start)
			{
				*out++ = '\0';
				if (tokens->n < MAX_TOKENS)
					tokens->word[tokens->n++] = start;
				start = out;
			}
		}
		else
			*out++ = pg_ascii_tolower(c);
	}
}

static bool
in_list(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

/* word is `listed` or its plural. */
static bool
same_word(const char *word, const char *listed, size_t len)
{
	size_t		have = strlen(word);

	if (strncmp(word, listed, len) != 0)
		return false;
	if (have == len)
		return true;
	if (have == len + 1 && word[len] == 's')
		return true;
	return have == len + 2 && word[len] == 'e' && word[len + 1] == 's';
}

/*
 * Do the last words of the name, up to `n`, spell the phrase?  Returns how
 * many words it takes, 0 if it does not match.
 */
static int
phrase_matches(const Tokens *tokens, int n, const char *phrase)
{
	int			words = 1;
	const char *p;

	for (p = phrase; *p != '\0'; p++)
		if (*p == ' ')
			words++;
	if (words > n)
		return 0;

	p = phrase;
	for (int i = n - words; i < n; i++)
	{
		size_t		len = strcspn(p, " ");

		if (i == n - 1)
		{
			if (!same_word(tokens->word[i], p, len))
				return 0;
		}
		else if (strlen(tokens->word[i]) != len ||
				 strncmp(tokens->word[i], p, len) != 0)
			return 0;
		p += len;
		if (*p == ' ')
			p++;
	}
	return words;
}

/* What a type says about the classes its values can have. */
typedef enum TypeFamily
{
	FAMILY_TEXT = 1,			/* and whatever is not known */
	FAMILY_BIGINT = 2,			/* holds the digits of a phone or card */
	FAMILY_INT = 4,
	FAMILY_DATE = 8,
	FAMILY_UUID = 16,
	FAMILY_OTHER = 32			/* boolean, ranges, network ... */
} TypeFamily;

static TypeFamily
type_family(const char *type_name)
{
	static const struct
	{
		const char *name;
		TypeFamily	family;
	}			families[] = {
		{"bool", FAMILY_OTHER}, {"boolean", FAMILY_OTHER},
		{"flag", FAMILY_OTHER}, {"bit", FAMILY_OTHER},
		{"varbit", FAMILY_OTHER}, {"bit varying", FAMILY_OTHER},
		{"float", FAMILY_OTHER}, {"float4", FAMILY_OTHER},
		{"float8", FAMILY_OTHER}, {"real", FAMILY_OTHER},
		{"double", FAMILY_OTHER}, {"double precision", FAMILY_OTHER},
		{"money", FAMILY_OTHER}, {"interval", FAMILY_OTHER},
		{"time", FAMILY_OTHER}, {"timetz", FAMILY_OTHER},
		{"time without time zone", FAMILY_OTHER},
		{"time with time zone", FAMILY_OTHER},
		{"inet", FAMILY_OTHER}, {"cidr", FAMILY_OTHER},
		{"macaddr", FAMILY_OTHER}, {"macaddr8", FAMILY_OTHER},
		{"enum", FAMILY_OTHER}, {"range", FAMILY_OTHER},
		{"oid", FAMILY_OTHER}, {"xid", FAMILY_OTHER},
		{"regclass", FAMILY_OTHER}, {"regrole", FAMILY_OTHER},
		{"point", FAMILY_OTHER}, {"polygon", FAMILY_OTHER},
		{"bigint", FAMILY_BIGINT}, {"int8", FAMILY_BIGINT},
		{"numeric", FAMILY_BIGINT}, {"decimal", FAMILY_BIGINT},
		{"bigserial", FAMILY_BIGINT},
		{"int", FAMILY_INT}, {"integer", FAMILY_INT},
		{"int4", FAMILY_INT}, {"serial", FAMILY_INT},
		{"int2", FAMILY_OTHER}, {"smallint", FAMILY_OTHER},
		{"tinyint", FAMILY_OTHER}, {"mediumint", FAMILY_INT},
		{"date", FAMILY_DATE}, {"datetime", FAMILY_DATE},
		{"timestamp", FAMILY_DATE}, {"timestamptz", FAMILY_DATE},
		{"timestamp without time zone", FAMILY_DATE},
		{"timestamp with time zone", FAMILY_DATE},
		{"uuid", FAMILY_UUID},
	};
	char		base[64];
	int			n = 0;
	int			depth = 0;

	if (type_name == NULL)
		return FAMILY_TEXT;

	/* lower case, without (20), [] and spaces at the ends */
	for (const char *p = type_name; *p != '\0' && n < sizeof(base) - 1; p++)
	{
		if (*p == '(' || *p == '[')
			depth++;
		else if (*p == ')' || *p == ']')
			depth--;
		else if (depth == 0 && !(*p == ' ' && (n == 0 || base[n - 1] == ' ')))
			base[n++] = pg_ascii_tolower((unsigned char) *p);
	}
	while (n > 0 && base[n - 1] == ' ')
		n--;
	base[n] = '\0';

	for (int i = 0; i < lengthof(families); i++)
		if (strcmp(base, families[i].name) == 0)
			return families[i].family;
	if (n > 5 && strcmp(base + n - 5, "range") == 0)
		return FAMILY_OTHER;
	return FAMILY_TEXT;
}

/* A name in one of these tables is a person's. */
static const char *const person_tables[] = {
	"actor", "adherent", "admin", "applicant", "attendee", "author",
	"borrower", "candidate", "client", "clients", "contact", "customer",
	"doctor", "donor", "driver", "employee", "friend", "guardian", "guest",
	"instructor", "lead", "member", "nurse", "participant", "passenger",
	"patient", "people", "person", "persons", "personnel", "physician",
	"player", "profile", "recipient", "representative", "reviewer", "staff",
	"student", "subscriber", "teacher", "user", "users", "visitor",
	"volunteer", "worker", NULL
};

/* An address, phone or name in one of these is a business's. */
static const char *const place_tables[] = {
	"airport", "branch", "building", "city", "company", "country",
	"department", "facility", "hotel", "location", "office", "plant", "port",
	"region", "restaurant", "school", "site", "station", "store", "venue",
	"warehouse", NULL
};

/* Words in front of "name" that say whose it is. */
static const char *const person_words[] = {
	"applicant", "attendee", "author", "beneficiary", "borrower", "candidate",
	"cardholder", "child", "client", "contact", "customer", "doctor", "donor",
	"employee", "father", "guardian", "guest", "holder", "manager", "member",
	"mother", "owner", "parent", "participant", "passenger", "patient",
	"people", "person", "physician", "recipient", "reviewer", "sender",
	"spouse", "staff", "student", "subscriber", "teacher", "visitor", NULL
};

/* Words in front of "address" that make it no place where a person lives. */
static const char *const machine_words[] = {
	"base", "bind", "bitcoin", "broadcast", "btc", "bus", "contract",
	"crypto", "dest", "destination", "device", "dns", "dst", "end", "eth",
	"ethereum", "gateway", "hardware", "host", "http", "hw", "imap", "ip",
	"ipv4", "ipv6", "listen", "mac", "mem", "memory", "net", "network",
	"node", "peer", "pop", "proxy", "remote", "reply", "return", "server",
	"smtp", "socket", "source", "src", "start", "url", "wallet", "web", NULL
};

/* Words in front of "card number" that make it no payment card. */
static const char *const other_cards[] = {
	"access", "business", "gift", "health", "id", "identity", "insurance",
	"library", "loyalty", "member", "membership", "punch", "report", "score",
	"sim", "student", "time", NULL
};

/* A name that starts so is a flag or a count. */
static const char *const flag_words[] = {
	"allow", "allows", "can", "count", "did", "enable", "enabled", "has",
	"have", "hide", "is", "must", "needs", "num", "requires", "same",
	"should", "show", "use", "uses", "was", "with", NULL
};

/* Words at the end that change nothing about what the value is. */
static const char *const trailing_words[] = {
	"alt", "alternate", "alternative", "business", "canonical", "clean",
	"clear", "cleartext", "confirmation", "crypted", "current", "day", "e164",
	"emergency", "enc", "encrypted", "evening", "field", "formatted", "full",
	"home", "lower", "main", "new", "no", "norm", "normalised", "normalized",
	"nr", "num", "number", "numbers", "office", "old", "orig", "original",
	"perso", "personal", "plain", "plaintext", "prev", "previous", "primary",
	"private", "pro", "raw", "secondary", "str", "string", "temp", "text",
	"tmp", "txt", "val", "value", "work", NULL
};

#define TEXTS FAMILY_TEXT
#define NUMBERS (FAMILY_TEXT | FAMILY_BIGINT)
#define SMALL_NUMBERS (NUMBERS | FAMILY_INT)
#define DATES (FAMILY_TEXT | FAMILY_DATE | FAMILY_INT)
#define TOKENS (FAMILY_TEXT | FAMILY_UUID)

/* What a phrase needs around it. */
typedef enum Condition
{
	ALWAYS,
	ALONE,						/* the phrase is the whole name */
	PERSON_TABLE,				/* and the table is one of people */
	PERSON_BEFORE,				/* a word for a person stands before */
	NO_MACHINE_BEFORE,			/* and the table is not one of places */
	NO_OTHER_CARD_BEFORE,
	SECRET_BEFORE				/* password of a person: a hash; else a secret */
} Condition;

/* The longest phrases of a family first: the first match decides. */
static const struct
{
	const char *phrase;
	const char *class_name;
	int			types;			/* families of types that can hold it */
	Condition	condition;
}			phrases[] = {
	{"email address", "email", TEXTS, ALWAYS},
	{"mail address", "email", TEXTS, ALWAYS},
	{"e mail", "email", TEXTS, ALWAYS},
	{"email", "email", TEXTS, ALWAYS},
	{"emailaddress", "email", TEXTS, ALWAYS},
	{"mail", "email", TEXTS, ALONE},
	{"user mail", "email", TEXTS, ALWAYS},

	{"phone", "phone", NUMBERS, ALWAYS},
	{"telephone", "phone", NUMBERS, ALWAYS},
	{"phonenumber", "phone", NUMBERS, ALWAYS},
	{"mobile", "phone", NUMBERS, ALWAYS},
	{"mobilephone", "phone", NUMBERS, ALWAYS},
	{"cellphone", "phone", NUMBERS, ALWAYS},
	{"homephone", "phone", NUMBERS, ALWAYS},
	{"workphone", "phone", NUMBERS, ALWAYS},
	{"cell phone", "phone", NUMBERS, ALWAYS},
	{"cell number", "phone", NUMBERS, ALWAYS},
	{"fax", "phone", NUMBERS, ALWAYS},
	{"tel", "phone", NUMBERS, ALWAYS},
	{"telefon", "phone", NUMBERS, ALWAYS},
	{"telefono", "phone", NUMBERS, ALWAYS},
	{"movil", "phone", NUMBERS, ALWAYS},
	{"handy", "phone", NUMBERS, ALONE},
	{"msisdn", "phone", NUMBERS, ALWAYS},

	{"ssn", "us_ssn", SMALL_NUMBERS, ALWAYS},
	{"social security number", "us_ssn", SMALL_NUMBERS, ALWAYS},
	{"social security", "us_ssn", SMALL_NUMBERS, ALWAYS},
	{"social security no", "us_ssn", SMALL_NUMBERS, ALWAYS},
	{"socialsecuritynumber", "us_ssn", SMALL_NUMBERS, ALWAYS},

	{"credit card", "credit_card", NUMBERS, ALWAYS},
	{"creditcard", "credit_card", NUMBERS, ALWAYS},
	{"debit card", "credit_card", NUMBERS, ALWAYS},
	{"card number", "credit_card", NUMBERS, NO_OTHER_CARD_BEFORE},
	{"card no", "credit_card", NUMBERS, NO_OTHER_CARD_BEFORE},
	{"card num", "credit_card", NUMBERS, NO_OTHER_CARD_BEFORE},
	{"card pan", "credit_card", NUMBERS, ALWAYS},
	{"cardnumber", "credit_card", NUMBERS, NO_OTHER_CARD_BEFORE},
	{"creditcardnumber", "credit_card", NUMBERS, ALWAYS},
	{"cc number", "credit_card", NUMBERS, ALWAYS},
	{"cc num", "credit_card", NUMBERS, ALWAYS},
	{"cc no", "credit_card", NUMBERS, ALWAYS},
	{"ccnumber", "credit_card", NUMBERS, ALWAYS},
	{"ccnum", "credit_card", NUMBERS, ALWAYS},

	{"first name", "person_name", TEXTS, ALWAYS},
	{"firstname", "person_name", TEXTS, ALWAYS},
	{"fname", "person_name", TEXTS, ALWAYS},
	{"last name", "person_name", TEXTS, ALWAYS},
	{"lastname", "person_name", TEXTS, ALWAYS},
	{"lname", "person_name", TEXTS, ALWAYS},
	{"middle name", "person_name", TEXTS, ALWAYS},
	{"middlename", "person_name", TEXTS, ALWAYS},
	{"given name", "person_name", TEXTS, ALWAYS},
	{"givenname", "person_name", TEXTS, ALWAYS},
	{"family name", "person_name", TEXTS, ALWAYS},
	{"familyname", "person_name", TEXTS, ALWAYS},
	{"full name", "person_name", TEXTS, ALWAYS},
	{"fullname", "person_name", TEXTS, ALWAYS},
	{"maiden name", "person_name", TEXTS, ALWAYS},
	{"surname", "person_name", TEXTS, ALWAYS},
	{"sur name", "person_name", TEXTS, ALWAYS},
	{"vorname", "person_name", TEXTS, ALWAYS},
	{"nachname", "person_name", TEXTS, ALWAYS},
	{"prenom", "person_name", TEXTS, ALWAYS},
	{"nom famille", "person_name", TEXTS, ALWAYS},
	{"apellido", "person_name", TEXTS, ALWAYS},
	{"card holder", "person_name", TEXTS, ALWAYS},
	{"cardholder", "person_name", TEXTS, ALWAYS},
	{"account holder", "person_name", TEXTS, ALWAYS},
	{"display name", "person_name", TEXTS, PERSON_TABLE},
	{"real name", "person_name", TEXTS, PERSON_TABLE},
	{"name", "person_name", TEXTS, PERSON_BEFORE},

	{"password hash", "password_hash", TEXTS, ALWAYS},
	{"password digest", "password_hash", TEXTS, ALWAYS},
	{"passwordhash", "password_hash", TEXTS, ALWAYS},
	{"passwd hash", "password_hash", TEXTS, ALWAYS},
	{"pwd hash", "password_hash", TEXTS, ALWAYS},
	{"pass hash", "password_hash", TEXTS, ALWAYS},
	{"hashed password", "password_hash", TEXTS, ALWAYS},
	{"crypted password", "password_hash", TEXTS, ALWAYS},
	{"encrypted password", "password_hash", TEXTS, ALWAYS},
	{"user pass", "password_hash", TEXTS, ALWAYS},
	{"password", "password_hash", TEXTS, SECRET_BEFORE},
	{"passwd", "password_hash", TEXTS, SECRET_BEFORE},
	{"pwd", "password_hash", TEXTS, SECRET_BEFORE},
	{"passwort", "password_hash", TEXTS, SECRET_BEFORE},
	{"kennwort", "password_hash", TEXTS, SECRET_BEFORE},
	{"passphrase", "secret_token", TEXTS, ALWAYS},
	{"pass phrase", "secret_token", TEXTS, ALWAYS},
	{"pass", "secret_token", TEXTS, PERSON_TABLE},
	{"secret", "secret_token", TOKENS, ALWAYS},
	{"token", "secret_token", TOKENS, ALWAYS},
	{"api key", "secret_token", TOKENS, ALWAYS},
	{"apikey", "secret_token", TOKENS, ALWAYS},
	{"secret key", "secret_token", TOKENS, ALWAYS},
	{"access key", "secret_token", TOKENS, ALWAYS},
	{"private key", "secret_token", TOKENS, ALWAYS},
	{"auth key", "secret_token", TOKENS, ALWAYS},
	{"session key", "secret_token", TOKENS, ALWAYS},
	{"signing key", "secret_token", TOKENS, ALWAYS},
	{"encryption key", "secret_token", TOKENS, ALWAYS},
	{"secret answer", "secret_token", TEXTS, ALWAYS},
	{"security answer", "secret_token", TEXTS, ALWAYS},
	{"totp seed", "secret_token", TEXTS, ALWAYS},
	{"jwt", "secret_token", TEXTS, ALWAYS},
	{"otp", "secret_token", TEXTS, ALWAYS},
	{"pin", "secret_token", TEXTS, ALONE},
	{"salt", "secret_token", TEXTS, PERSON_TABLE},

	{"date of birth", "date_of_birth", DATES, ALWAYS},
	{"dateofbirth", "date_of_birth", DATES, ALWAYS},
	{"birth date", "date_of_birth", DATES, ALWAYS},
	{"birthdate", "date_of_birth", DATES, ALWAYS},
	{"birth day", "date_of_birth", DATES, ALWAYS},
	{"birthday", "date_of_birth", DATES, ALWAYS},
	{"dob", "date_of_birth", DATES, ALWAYS},
	{"born on", "date_of_birth", DATES, ALWAYS},
	{"geburtsdatum", "date_of_birth", DATES, ALWAYS},
	{"date naissance", "date_of_birth", DATES, ALWAYS},
	{"fecha nacimiento", "date_of_birth", DATES, ALWAYS},

	{"iban", "iban", TEXTS, ALWAYS},
	{"iban code", "iban", TEXTS, ALWAYS},

	{"street address", "street_address", TEXTS, NO_MACHINE_BEFORE},
	{"address line", "street_address", TEXTS, NO_MACHINE_BEFORE},
	{"address street", "street_address", TEXTS, NO_MACHINE_BEFORE},
	{"address", "street_address", TEXTS, NO_MACHINE_BEFORE},
	{"addr", "street_address", TEXTS, NO_MACHINE_BEFORE},
	{"addressline", "street_address", TEXTS, NO_MACHINE_BEFORE},
	{"street", "street_address", TEXTS, NO_MACHINE_BEFORE},
	{"street line", "street_address", TEXTS, NO_MACHINE_BEFORE},
	{"strasse", "street_address", TEXTS, NO_MACHINE_BEFORE},
	{"hausnummer", "street_address", TEXTS, NO_MACHINE_BEFORE},
	{"adresse", "street_address", TEXTS, NO_MACHINE_BEFORE},
	{"direccion", "street_address", TEXTS, NO_MACHINE_BEFORE},
};

/* The last word of a table's name is in the list, also in the plural. */
static bool
table_in(const Tokens *table, const char *const *list)
{
	int			n = table->n;

	while (n > 0 && isdigit((unsigned char) table->word[n - 1][0]))
		n--;
	if (n == 0)
		return false;
	for (; *list != NULL; list++)
	{
		size_t		len = strlen(*list);

		if (same_word(table->word[n - 1], *list, len))
			return true;
		/* companies, countries */
		if ((*list)[len - 1] == 'y' &&
			strncmp(table->word[n - 1], *list, len - 1) == 0 &&
			strcmp(table->word[n - 1] + len - 1, "ies") == 0)
			return true;
	}
	return false;
}

/* The class that the condition leaves of a matching phrase, or NULL. */
static const char *
phrase_class(int phrase, const Tokens *table, const Tokens *column, int before)
{
	const char *word = before > 0 ? column->word[before - 1] : NULL;
	const char *class_name = phrases[phrase].class_name;

	switch (phrases[phrase].condition)
	{
		case ALWAYS:
			return class_name;
		case ALONE:
			return before == 0 ? class_name : NULL;
		case PERSON_TABLE:
			return table_in(table, person_tables) ? class_name : NULL;
		case PERSON_BEFORE:
			if (before > 0)
				return in_list(word, person_words) ? class_name : NULL;
			/* spree_credit_cards.name is on the card */
			if (phrase_matches(table, table->n, "credit card"))
				return class_name;
			return table_in(table, person_tables) ? class_name : NULL;
		case NO_MACHINE_BEFORE:
			if (word != NULL && in_list(word, machine_words))
				return NULL;
			return table_in(table, place_tables) ? NULL : class_name;
		case NO_OTHER_CARD_BEFORE:
			return word != NULL && in_list(word, other_cards) ? NULL :
				class_name;
		case SECRET_BEFORE:
			return before == 0 && table_in(table, person_tables) ?
				class_name : "secret_token";
	}
	return NULL;
}

const char *
hg_classify_name(const char *relation, const char *column,
				 const char *type_name)
{
	TypeFamily	family = type_family(type_name);
	Tokens		table;
	Tokens		words;

	if (family == FAMILY_OTHER)
		return NULL;
	tokenize(relation ? relation : "", &table);
	tokenize(column, &words);
	if (words.n == 0 || (words.n > 1 && in_list(words.word[0], flag_words)))
		return NULL;

	/* card_last4, phone_last_4 and the like are cut down already */
	for (int i = 0; i < words.n; i++)
		if (strcmp(words.word[i], "last") == 0 && i + 1 < words.n &&
			(isdigit((unsigned char) words.word[i + 1][0]) ||
			 strncmp(words.word[i + 1], "digit", 5) == 0 ||
			 strcmp(words.word[i + 1], "four") == 0))
			return NULL;

	for (int n = words.n; n > 0; n--)
	{
		for (int i = 0; i < lengthof(phrases); i++)
		{
			const char *class_name;
			int			taken;

			if ((phrases[i].types & family) == 0)
				continue;
			taken = phrase_matches(&words, n, phrases[i].phrase);
			if (taken == 0)
				continue;
			class_name = phrase_class(i, &table, &words, n - taken);
			if (class_name != NULL)
				return class_name;
		}
		/* take a word off that only qualifies */
		if (!isdigit((unsigned char) words.word[n - 1][0]) &&
			!in_list(words.word[n - 1], trailing_words))
			break;
	}
	return NULL;
}


/*
 * ---- classes ----
 */

typedef struct ClassEntry
{
	char	   *name;
	char	   *group;
} ClassEntry;

static MemoryContext class_context = NULL;
static uint64 class_generation = 0;
static List *class_list = NIL;	/* of ClassEntry */

/* Read hoopguard.class if the policy has changed; NIL where it is absent. */
static List *
classes(void)
{
	uint64		generation = hg_catalog_generation();
	MemoryContext context;
	MemoryContext old;
	Relation	rel;
	TupleDesc	desc;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *result = NIL;

	if (class_context != NULL && class_generation == generation)
		return class_list;
	if (!hg_catalog_present())
		return NIL;

	context = AllocSetContextCreate(CurrentMemoryContext, "hoopguard classes",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	rel = table_open(hg_catalog_rel(HG_REL_CLASS), AccessShareLock);
	desc = RelationGetDescr(rel);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		ClassEntry *entry = palloc(sizeof(ClassEntry));

		entry->name = hg_row_string(tuple, desc, CLASS_NAME);
		entry->group = hg_row_string(tuple, desc, CLASS_GROUP);
		result = lappend(result, entry);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	MemoryContextSwitchTo(old);

	MemoryContextSetParent(context, TopMemoryContext);
	if (class_context != NULL)
		hg_retire_context(class_context);
	class_context = context;
	class_generation = generation;
	class_list = result;
	return class_list;
}

const char *
hg_class_group(const char *class_name)
{
	ListCell   *lc;

	foreach(lc, classes())
	{
		ClassEntry *entry = lfirst(lc);

		if (strcmp(entry->name, class_name) == 0)
			return entry->group;
	}
	return NULL;
}

static bool
in_group(const char *group, const char *of_class)
{
	if (of_class == NULL)
		return false;
	if (strcmp(group, of_class) == 0)
		return true;
	return strcmp(group, "pii") == 0 && strcmp(of_class, "secret") != 0 &&
		strcmp(of_class, "statistics") != 0 && strcmp(of_class, "public") != 0;
}

bool
hg_class_matches(const char *pattern, const char *class_name)
{
	if (strcmp(pattern, "*") == 0)
		return true;
	if (strncmp(pattern, "group:", 6) == 0)
		return in_group(pattern + 6, hg_class_group(class_name));
	return strcmp(pattern, class_name) == 0;
}

bool
hg_class_pattern_known(const char *pattern)
{
	ListCell   *lc;

	if (strcmp(pattern, "*") == 0)
		return true;
	foreach(lc, classes())
	{
		ClassEntry *entry = lfirst(lc);

		if (strncmp(pattern, "group:", 6) == 0 ?
			in_group(pattern + 6, entry->group) :
			strcmp(pattern, entry->name) == 0)
			return true;
	}
	return false;
}

char *
hg_class_names(void)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, classes())
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 ((ClassEntry *) lfirst(lc))->name);
	return buf.data;
}


/*
 * ---- relations ----
 */

typedef struct RelEntry
{
	Oid			relid;			/* key */
	int			nfamily;
	Oid		   *family;
	int			ncolumns;
	HgColumnClass *columns;
} RelEntry;

static MemoryContext rel_context = NULL;
static HTAB *rel_entries = NULL;
static HTAB *rel_sources = NULL;	/* OIDs that the entries were made from */
static uint64 rel_generation = 0;
static bool rel_heuristics = false;
static bool rel_stale = false;
static bool rel_callback = false;
static uint64 epoch = 1;

/* May not ask a catalog nor allocate. */
static void
on_relcache(Datum arg, Oid relid)
{
	if (rel_sources == NULL || rel_stale)
		return;
	if (!OidIsValid(relid) ||
		hash_search(rel_sources, &relid, HASH_FIND, NULL) != NULL)
		rel_stale = true;
}

/* A rule can wait under the name of a schema; see policy.c. */
static void
on_namespace(Datum arg, int cacheid, uint32 hashvalue)
{
	rel_stale = true;
}

static HTAB *
create_table(const char *name, Size entrysize, MemoryContext context)
{
	HASHCTL		ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = entrysize;
	ctl.hcxt = context;
	return hash_create(name, 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Start anew if anything has changed that the entries depend on. */
static void
freshen(void)
{
	uint64		generation = hg_catalog_generation();
	MemoryContext context;
	HTAB	   *entries;
	HTAB	   *sources;

	if (rel_context != NULL && !rel_stale && rel_generation == generation &&
		rel_heuristics == hg_guc_heuristics &&
		hash_get_num_entries(rel_entries) < MAX_RELATIONS)
		return;

	if (!rel_callback)
	{
		CacheRegisterRelcacheCallback(on_relcache, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, on_namespace, (Datum) 0);
		rel_callback = true;
	}
	context = AllocSetContextCreate(TopMemoryContext,
									"hoopguard classification",
									ALLOCSET_SMALL_SIZES);
	entries = create_table("hoopguard relations", sizeof(RelEntry), context);
	sources = create_table("hoopguard relation sources", sizeof(Oid), context);
	if (rel_context != NULL)
		hg_retire_context(rel_context);
	rel_context = context;
	rel_entries = entries;
	rel_sources = sources;
	rel_generation = generation;
	rel_heuristics = hg_guc_heuristics;
	rel_stale = false;
	epoch++;
}

uint64
hg_classify_epoch(void)
{
	freshen();
	return epoch;
}

/* Direct parents of a relation. */
static List *
parents_of(Oid relid)
{
	Relation	rel = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *result = NIL;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, InheritsRelidSeqnoIndexId, true, NULL, 1,
							  &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		result = lappend_oid(result,
							 ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* All ancestors, nearest first. */
static List *
ancestors_of(Oid relid)
{
	List	   *result = parents_of(relid);

	for (int i = 0; i < list_length(result); i++)
		result = list_concat_unique_oid(result,
										parents_of(list_nth_oid(result, i)));
	return result;
}

/* hoopguard's label of each column of a relation, by attnum. */
typedef struct Labels
{
	Oid			relid;
	List	   *attnums;		/* of int */
	List	   *labels;			/* of char * */
} Labels;

static Labels *
labels_of(Oid relid)
{
	Relation	rel = table_open(SecLabelRelationId, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	Labels	   *result = palloc0(sizeof(Labels));
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	result->relid = relid;
	ScanKeyInit(&keys[0], Anum_pg_seclabel_objoid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_seclabel_classoid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RelationRelationId));
	scan = systable_beginscan(rel, SecLabelObjectIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		int			attnum = hg_row_int32(tuple, desc,
										  Anum_pg_seclabel_objsubid);

		if (attnum <= 0 ||
			strcmp(hg_row_string(tuple, desc, Anum_pg_seclabel_provider),
				   "hoopguard") != 0)
			continue;
		result->attnums = lappend_int(result->attnums, attnum);
		result->labels = lappend(result->labels,
								 hg_row_string(tuple, desc,
											   Anum_pg_seclabel_label));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* Label of a column by name, or NULL. */
static const char *
label_of(const Labels *labels, const char *column)
{
	AttrNumber	attnum;
	ListCell   *lc;
	int			i = 0;

	if (labels->attnums == NIL)
		return NULL;
	attnum = get_attnum(labels->relid, column);
	foreach(lc, labels->attnums)
	{
		if (lfirst_int(lc) == attnum)
			return list_nth(labels->labels, i);
		i++;
	}
	return NULL;
}

static bool
is_public(const char *label)
{
	return label != NULL && strcmp(label, "public") == 0;
}

/* Do names say anything about this relation? */
static bool
heuristics_apply(Oid relid)
{
	Oid			nspid = get_rel_namespace(relid);

	return hg_guc_heuristics && !IsCatalogNamespace(nspid) &&
		!IsToastNamespace(nspid) && nspid != hg_catalog_schema() &&
		nspid != get_namespace_oid("information_schema", true);
}

/* Type of a column as the heuristic wants it. */
static const char *
type_word(Oid typid)
{
	Oid			base = getBaseType(typid);
	Oid			element = get_element_type(base);
	char		typtype;

	if (OidIsValid(element))
		base = getBaseType(element);
	typtype = get_typtype(base);
	if (typtype == TYPTYPE_ENUM)
		return "enum";
	if (typtype == TYPTYPE_RANGE || typtype == TYPTYPE_MULTIRANGE)
		return "range";
	return format_type_be(base);
}

/* What classifying one relation needs; lives in a scratch context. */
typedef struct Family
{
	Labels	   *self;
	bool		self_named;		/* its own name may be judged */
	List	   *ancestors;		/* of Labels, nearest first */
	List	   *descendants;	/* of Labels */
} Family;

/* Class of one column by labels, else by names; false if it has none. */
static bool
classify_column(const Family *family, const char *column, Oid typid,
				HgColumnClass *result)
{
	const char *own = label_of(family->self, column);
	bool		public_above = false;
	const char *type = NULL;
	ListCell   *lc;

	result->source = HG_CLASS_LABEL;
	if (own != NULL && !is_public(own))
	{
		result->class_name = own;
		result->origin = family->self->relid;
		return true;
	}
	foreach(lc, family->descendants)
	{
		Labels	   *labels = lfirst(lc);
		const char *label = label_of(labels, column);

		if (label != NULL && !is_public(label))
		{
			result->class_name = label;
			result->origin = labels->relid;
			return true;
		}
	}
	if (own != NULL)
		return false;			/* public */
	foreach(lc, family->ancestors)
	{
		Labels	   *labels = lfirst(lc);
		const char *label = label_of(labels, column);

		if (is_public(label))
			public_above = true;
		else if (label != NULL)
		{
			result->class_name = label;
			result->origin = labels->relid;
			return true;
		}
	}
	if (public_above || !hg_guc_heuristics)
		return false;

	/*
	 * Names.  Only the relation's name can make a difference in the family,
	 * and a partition's says nothing that its parent's does not.
	 */
	result->source = HG_CLASS_HEURISTIC;
	type = type_word(typid);
	for (int i = -1; i < list_length(family->ancestors) +
		 list_length(family->descendants); i++)
	{
		Labels	   *labels;
		Oid			relid;
		char	   *name;
		bool		below = i >= list_length(family->ancestors);

		if (i < 0)
			labels = family->self;
		else if (!below)
			labels = list_nth(family->ancestors, i);
		else
			labels = list_nth(family->descendants,
							  i - list_length(family->ancestors));
		relid = labels->relid;
		if (i < 0 ? !family->self_named :
			(get_attnum(relid, column) == InvalidAttrNumber ||
			 label_of(labels, column) != NULL ||
			 (below && get_rel_relispartition(relid)) ||
			 !heuristics_apply(relid)))
			continue;
		name = get_rel_name(relid);
		if (name == NULL)
			continue;
		result->class_name = hg_classify_name(name, column, type);
		if (result->class_name != NULL)
		{
			result->origin = relid;
			return true;
		}
	}
	return false;
}

/*
 * Columns that hold values of other tables or of large objects, whatever
 * their labels.  Who may read a large object reads it by lo_get().
 */
static bool
is_statistics_column(Oid relid, Oid nspid, AttrNumber attnum,
					 const char *column)
{
	if (relid == StatisticRelationId)
		return attnum >= Anum_pg_statistic_stavalues1 &&
			attnum <= Anum_pg_statistic_stavalues5;
	if (relid == StatisticExtDataRelationId)
		return attnum == Anum_pg_statistic_ext_data_stxdmcv ||
			attnum == Anum_pg_statistic_ext_data_stxdexpr;
	if (relid == LargeObjectRelationId)
		return attnum == Anum_pg_largeobject_data;
	return IsToastNamespace(nspid) && strcmp(column, "chunk_data") == 0;
}

/* Classify all columns; what the entry keeps is allocated in target. */
static void
classify(RelEntry *entry, MemoryContext target)
{
	Oid			relid = entry->relid;
	MemoryContext old = CurrentMemoryContext;
	MemoryContext scratch;
	Relation	rel;
	TupleDesc	desc;
	Oid			nspid;
	Family		family;
	List	   *members;
	ListCell   *lc;

	scratch = AllocSetContextCreate(old, "hoopguard classify",
									ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(scratch);

	rel = relation_open(relid, AccessShareLock);
	desc = RelationGetDescr(rel);
	nspid = RelationGetNamespace(rel);

	/* the family, with this relation first */
	family.self = labels_of(relid);
	family.self_named = heuristics_apply(relid);
	family.ancestors = NIL;
	family.descendants = NIL;
	members = list_make1_oid(relid);
	if (rel->rd_rel->relkind != RELKIND_TOASTVALUE &&
		!IsCatalogNamespace(nspid))
	{
		List	   *above = ancestors_of(relid);
		List	   *below = NIL;

		if (rel->rd_rel->relhassubclass)
			below = list_delete_first(find_all_inheritors(relid, NoLock,
														  NULL));
		foreach(lc, above)
			family.ancestors = lappend(family.ancestors,
									   labels_of(lfirst_oid(lc)));
		foreach(lc, below)
		{
			CHECK_FOR_INTERRUPTS();
			family.descendants = lappend(family.descendants,
										 labels_of(lfirst_oid(lc)));
		}
		members = list_concat_unique_oid(members, above);
		members = list_concat_unique_oid(members, below);
	}

	MemoryContextSwitchTo(target);
	entry->family = palloc(list_length(members) * sizeof(Oid));
	foreach(lc, members)
		entry->family[entry->nfamily++] = lfirst_oid(lc);

	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_MATVIEW:
		case RELKIND_TOASTVALUE:
			entry->columns = palloc0(Max(desc->natts, 1) *
									 sizeof(HgColumnClass));
			break;
		default:				/* a view shows what its tables hold */
			relation_close(rel, AccessShareLock);
			MemoryContextSwitchTo(old);
			MemoryContextDelete(scratch);
			return;
	}

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		HgColumnClass found;
		bool		classified;

		if (att->attisdropped)
			continue;
		memset(&found, 0, sizeof(found));
		MemoryContextSwitchTo(scratch);
		if (is_statistics_column(relid, nspid, att->attnum,
								 NameStr(att->attname)))
		{
			found.class_name = "statistics";
			found.source = HG_CLASS_BUILTIN;
			found.origin = relid;
			classified = true;
		}
		else if (IsCatalogNamespace(nspid) || IsToastNamespace(nspid) ||
				 nspid == hg_catalog_schema())
			classified = false;
		else
			classified = classify_column(&family, NameStr(att->attname),
										 att->atttypid, &found);
		MemoryContextSwitchTo(target);
		if (!classified)
			continue;
		found.attnum = att->attnum;
		found.name = pstrdup(NameStr(att->attname));
		found.class_name = pstrdup(found.class_name);
		entry->columns[entry->ncolumns++] = found;
	}
	relation_close(rel, AccessShareLock);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

/*
 * The entry of a relation.  An invalidation that arrives while its family is
 * read may concern a member not yet known as a source; then the answer serves
 * this once, and the next question starts anew.
 */
static const RelEntry *
find_entry(Oid relid)
{
	RelEntry   *entry;
	RelEntry	made;
	uint64		messages;

	freshen();
	entry = hash_search(rel_entries, &relid, HASH_FIND, NULL);
	if (entry != NULL)
		return entry;

	messages = SharedInvalidMessageCounter;
	memset(&made, 0, sizeof(made));
	made.relid = relid;
	classify(&made, rel_context);
	for (int i = 0; i < made.nfamily; i++)
		(void) hash_search(rel_sources, &made.family[i], HASH_ENTER, NULL);
	if (messages != SharedInvalidMessageCounter)
		rel_stale = true;

	entry = hash_search(rel_entries, &relid, HASH_ENTER, NULL);
	*entry = made;
	return entry;
}

const HgColumnClass *
hg_classify_relation(Oid relid, int *n)
{
	const RelEntry *entry = find_entry(relid);

	*n = entry->ncolumns;
	return entry->columns;
}

const Oid *
hg_classify_family(Oid relid, int *n)
{
	const RelEntry *entry = find_entry(relid);

	*n = entry->nfamily;
	return entry->family;
}
