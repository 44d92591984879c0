/*-------------------------------------------------------------------------
 *
 * detect_hint.c
 *	  What a name, or the words before a value, say the value is.
 *
 * A bare run of nine digits is a social security number in a column "ssn" and
 * a part number elsewhere.  So weak evidence counts only with one of these
 * words in the name of the column, in the key of the JSON member, or close in
 * front, in the same clause.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "policy/detect_int.h"

/* How far back words are looked for, and how many. */
#define MAX_BACK 48
#define MAX_WORDS 12
#define MAX_NAME 128

/* Sorted by the first letter; a phrase is of one to three words. */
static const struct
{
	const char *phrase;
	uint64		hints;
}			phrases[] = {
	{"aadhaar", H(HINT_AADHAAR)},
	{"aba", H(HINT_ROUTING)},
	{"access key", H(HINT_SECRET)},
	{"account key", H(HINT_SECRET)},
	{"account number", H(HINT_BANK)},
	{"account no", H(HINT_BANK)},
	{"acct", H(HINT_BANK)},
	{"address", H(HINT_ADDRESS)},
	{"adresse", H(HINT_ADDRESS)},
	{"anschrift", H(HINT_ADDRESS)},
	{"apikey", H(HINT_SECRET)},
	{"api key", H(HINT_SECRET)},
	{"api secret", H(HINT_SECRET)},
	{"api token", H(HINT_SECRET)},
	{"auth key", H(HINT_SECRET)},
	{"authorization", H(HINT_SECRET)},
	{"bank account", H(HINT_BANK)},
	{"barcode", H(HINT_THING)},
	{"batch", H(HINT_THING)},
	{"bearer", H(HINT_SECRET)},
	{"bic", H(HINT_THING)},
	{"birth", H(HINT_BIRTH)},
	{"birthdate", H(HINT_BIRTH)},
	{"birthday", H(HINT_BIRTH)},
	{"born", H(HINT_BIRTH)},
	{"bsn", H(HINT_BSN)},
	{"build", H(HINT_VERSION)},
	{"burgerservicenummer", H(HINT_BSN)},
	{"call", H(HINT_PHONE)},
	{"card", H(HINT_CARD)},
	{"carte", H(HINT_CARD)},
	{"cc", H(HINT_CARD)},
	{"cell", H(HINT_PHONE)},
	{"cellphone", H(HINT_PHONE)},
	{"cellulare", H(HINT_PHONE)},
	{"celular", H(HINT_PHONE)},
	{"chapter", H(HINT_VERSION)},
	{"codice fiscale", H(HINT_IT_CF)},
	{"commit", H(HINT_THING)},
	{"contact number", H(HINT_PHONE)},
	{"contrasena", H(HINT_PASSWORD)},
	{"correo", H(HINT_EMAIL)},
	{"cpf", H(HINT_CPF)},
	{"cpr", H(HINT_CPR)},
	{"credential", H(HINT_SECRET)},
	{"credentials", H(HINT_SECRET)},
	{"credit", H(HINT_CARD)},
	{"creditcard", H(HINT_CARD)},
	{"direccion", H(HINT_ADDRESS)},
	{"dni", H(HINT_NIF) | H(HINT_NATIONAL)},
	{"dob", H(HINT_BIRTH)},
	{"driver license", H(HINT_LICENSE)},
	{"drivers license", H(HINT_LICENSE)},
	{"driver licence", H(HINT_LICENSE)},
	{"drivers licence", H(HINT_LICENSE)},
	{"driving license", H(HINT_LICENSE)},
	{"driving licence", H(HINT_LICENSE)},
	{"dl number", H(HINT_LICENSE)},
	{"ean", H(HINT_THING)},
	{"edition", H(HINT_VERSION)},
	{"encryption key", H(HINT_SECRET)},
	{"fax", H(HINT_PHONE)},
	{"firmware", H(HINT_VERSION)},
	{"fiscal code", H(HINT_IT_CF)},
	{"fodselsnummer", H(HINT_FNR)},
	{"fon", H(HINT_PHONE)},
	{"frn", H(HINT_RRN)},
	{"fuehrerschein", H(HINT_LICENSE)},
	{"geb", H(HINT_BIRTH)},
	{"geboren", H(HINT_BIRTH)},
	{"geburtsdatum", H(HINT_BIRTH)},
	{"geburtstag", H(HINT_BIRTH)},
	{"handy", H(HINT_PHONE)},
	{"henkilotunnus", H(HINT_HETU)},
	{"hetu", H(HINT_HETU)},
	{"iban", H(HINT_IBAN)},
	{"id number", H(HINT_NATIONAL) | H(HINT_ZA_ID)},
	{"identity number", H(HINT_NATIONAL) | H(HINT_ZA_ID)},
	{"id nr", H(HINT_DE_TAX)},
	{"idnr", H(HINT_DE_TAX)},
	{"imei", H(HINT_IMEI)},
	{"insurance number", H(HINT_NATIONAL)},
	{"invoice", H(HINT_THING)},
	{"isbn", H(HINT_THING)},
	{"issn", H(HINT_THING)},
	{"itin", H(HINT_ITIN)},
	{"item", H(HINT_THING)},
	{"jmbg", H(HINT_NATIONAL)},
	{"jwt", H(HINT_SECRET)},
	{"kennwort", H(HINT_PASSWORD)},
	{"kontonummer", H(HINT_BANK)},
	{"kreditkarte", H(HINT_CARD)},
	{"kreditkartennummer", H(HINT_CARD)},
	{"krankenversichertennummer", H(HINT_KVNR)},
	{"kvnr", H(HINT_KVNR)},
	{"lot", H(HINT_THING)},
	{"master key", H(HINT_SECRET)},
	{"mbi", H(HINT_MBI)},
	{"medicare", H(HINT_AU_MEDICARE) | H(HINT_MBI)},
	{"mobil", H(HINT_PHONE)},
	{"mobile", H(HINT_PHONE)},
	{"mobilnummer", H(HINT_PHONE)},
	{"movil", H(HINT_PHONE)},
	{"msisdn", H(HINT_PHONE)},
	{"nacimiento", H(HINT_BIRTH)},
	{"naissance", H(HINT_BIRTH)},
	{"nascimento", H(HINT_BIRTH)},
	{"nascita", H(HINT_BIRTH)},
	{"nascido", H(HINT_BIRTH)},
	{"national id", H(HINT_NATIONAL)},
	{"national insurance", H(HINT_NINO)},
	{"nato", H(HINT_BIRTH)},
	{"ne le", H(HINT_BIRTH)},
	{"nee le", H(HINT_BIRTH)},
	{"nhs", H(HINT_NHS)},
	{"nie", H(HINT_NIF)},
	{"nif", H(HINT_NIF)},
	{"nin", H(HINT_NG_NIN)},
	{"nino", H(HINT_NINO)},
	{"nir", H(HINT_NIR)},
	{"npi", H(HINT_NPI)},
	{"nric", H(HINT_NRIC)},
	{"numero secu", H(HINT_NIR)},
	{"numero securite", H(HINT_NIR)},
	{"oid", H(HINT_VERSION)},
	{"order", H(HINT_THING)},
	{"pan", H(HINT_CARD) | H(HINT_PAN)},
	{"part", H(HINT_THING)},
	{"pasaporte", H(HINT_PASSPORT)},
	{"pass", H(HINT_PASSWORD)},
	{"passaporte", H(HINT_PASSPORT)},
	{"passaporto", H(HINT_PASSPORT)},
	{"passeport", H(HINT_PASSPORT)},
	{"passphrase", H(HINT_PASSWORD)},
	{"passport", H(HINT_PASSPORT)},
	{"passwd", H(HINT_PASSWORD)},
	{"password", H(HINT_PASSWORD)},
	{"passwort", H(HINT_PASSWORD)},
	{"patente", H(HINT_LICENSE)},
	{"pesel", H(HINT_PESEL)},
	{"permis conduire", H(HINT_LICENSE)},
	{"personnummer", H(HINT_PNR)},
	{"phone", H(HINT_PHONE)},
	{"phones", H(HINT_PHONE)},
	{"pnr", H(HINT_PNR)},
	{"portable", H(HINT_PHONE)},
	{"private key", H(HINT_SECRET)},
	{"product", H(HINT_THING)},
	{"pwd", H(HINT_PASSWORD)},
	{"pw", H(HINT_PASSWORD)},
	{"reg no", H(HINT_THING)},
	{"registration number", H(HINT_THING)},
	{"reisepass", H(HINT_PASSPORT)},
	{"release", H(HINT_VERSION)},
	{"revision", H(HINT_VERSION)},
	{"rijksregisternummer", H(HINT_BE_NN)},
	{"rolpassword", H(HINT_PASSWORD)},
	{"routing", H(HINT_ROUTING)},
	{"rrn", H(HINT_RRN)},
	{"rufnummer", H(HINT_PHONE)},
	{"rvnr", H(HINT_RVNR)},
	{"senha", H(HINT_PASSWORD)},
	{"secret", H(HINT_SECRET)},
	{"secrets", H(HINT_SECRET)},
	{"section", H(HINT_VERSION)},
	{"secu", H(HINT_NIR)},
	{"secret key", H(HINT_SECRET)},
	{"serial", H(HINT_THING)},
	{"session id", H(HINT_SECRET)},
	{"session key", H(HINT_SECRET)},
	{"signing key", H(HINT_SECRET)},
	{"sin", H(HINT_SIN)},
	{"sku", H(HINT_THING)},
	{"sms", H(HINT_PHONE)},
	{"social insurance", H(HINT_SIN)},
	{"social security", H(HINT_SSN)},
	{"socialsecurity", H(HINT_SSN)},
	{"ssn", H(HINT_SSN)},
	{"ssnr", H(HINT_RVNR)},
	{"steuer", H(HINT_DE_TAX)},
	{"steuerid", H(HINT_DE_TAX)},
	{"steueridentifikationsnummer", H(HINT_DE_TAX)},
	{"steuernummer", H(HINT_DE_TAX)},
	{"tax file number", H(HINT_TFN)},
	{"tckn", H(HINT_TCKN)},
	{"tc kimlik", H(HINT_TCKN)},
	{"tel", H(HINT_PHONE)},
	{"telefax", H(HINT_PHONE)},
	{"telefon", H(HINT_PHONE)},
	{"telefone", H(HINT_PHONE)},
	{"telefonnummer", H(HINT_PHONE)},
	{"telefono", H(HINT_PHONE)},
	{"telephone", H(HINT_PHONE)},
	{"tfn", H(HINT_TFN)},
	{"thai id", H(HINT_TNIN)},
	{"ticket", H(HINT_THING)},
	{"tin", H(HINT_SSN) | H(HINT_ITIN) | H(HINT_NATIONAL)},
	{"token", H(HINT_SECRET)},
	{"tracking", H(HINT_THING)},
	{"upc", H(HINT_THING)},
	{"ver", H(HINT_VERSION)},
	{"version", H(HINT_VERSION)},
	{"versichertennummer", H(HINT_KVNR)},
	{"voter id", H(HINT_NATIONAL)},
	{"whatsapp", H(HINT_PHONE)},
	{"webhook", H(HINT_SECRET)}
};

/* Letters and digits of words, lower case, each ended by a zero byte. */
typedef struct Words
{
	int			n;
	int			at[MAX_WORDS];
	int			len[MAX_WORDS];
	int			used;
	char		text[MAX_NAME * 2];
} Words;

/*
 * Where the phrases of each first letter stand, and how long the first words
 * are of those that begin with two letters, as bits; made once.
 */
static short first_of[27];
static unsigned char first_len[lengthof(phrases)];	/* of its first word */
static uint32 lengths_of[26][26];
static bool first_known = false;

static void
index_phrases(void)
{
	int			i = 0;

	for (int letter = 0; letter < 26; letter++)
	{
		first_of[letter] = i;
		while (i < lengthof(phrases) && phrases[i].phrase[0] == 'a' + letter)
			i++;
	}
	first_of[26] = lengthof(phrases);
	for (i = 0; i < lengthof(phrases); i++)
	{
		const char *phrase = phrases[i].phrase;

		first_len[i] = strcspn(phrase, " ");
		Assert(first_len[i] > 1 && first_len[i] < 32);
		lengths_of[phrase[0] - 'a'][phrase[1] - 'a'] |=
			(uint32) 1 << first_len[i];
	}
	first_known = true;
}

/* Does a phrase begin with two such letters and a word of this length? */
static inline bool
may_begin(const char *word, int len)
{
	int			first = word[0] - 'a';
	int			second = word[1] - 'a';

	return len > 1 && len < 32 && first >= 0 && first < 26 &&
		second >= 0 && second < 26 &&
		(lengths_of[first][second] >> len & 1) != 0;
}

static uint64
look_up(const Words *words)
{
	uint64		result = 0;

	if (!first_known)
		index_phrases();
	for (int i = 0; i < words->n; i++)
	{
		const char *word = words->text + words->at[i];
		int			letter = word[0] - 'a';

		if (!may_begin(word, words->len[i]))
			continue;
		for (int p = first_of[letter]; p < first_of[letter + 1]; p++)
		{
			const char *phrase = phrases[p].phrase;
			int			w = i;

			if (first_len[p] != words->len[i] || word[1] != phrase[1])
				continue;

			for (;;)
			{
				size_t		len = strcspn(phrase, " ");

				if (w >= words->n ||
					strncmp(words->text + words->at[w], phrase, len) != 0 ||
					words->text[words->at[w] + len] != '\0')
					break;
				if (phrase[len] == '\0')
				{
					result |= phrases[p].hints;
					break;
				}
				phrase += len + 1;
				w++;
			}
		}
	}
	return result;
}

/*
 * An accented letter of UTF-8 as the plain one, since names are written
 * either way; 0 if it is none of Western Europe's.  *i is moved to its end.
 */
static char
plain_letter(const unsigned char *s, int len, int *i)
{
	static const char plain[] =
		"aaaaaaaceeeeiiiidnooooo*ouuuuypsaaaaaaaceeeeiiiidnooooo*ouuuuypy";

	if (s[*i] == 0xC3 && *i + 1 < len && s[*i + 1] >= 0x80 &&
		s[*i + 1] <= 0xBF)
		return plain[s[++*i] - 0x80];
	return 0;
}

/*
 * Words of a stretch of text: runs of letters, cut at the humps of camelCase
 * and at digits.
 */
static void
split(const unsigned char *s, int len, Words *words)
{
	bool		open = false;
	bool		was_lower = false;
	bool		was_upper = false;

	words->n = 0;
	words->used = 0;
	for (int i = 0; i <= len; i++)
	{
		unsigned char c = i < len ? s[i] : 0;
		bool		upper = IS(c, B_UPPER);
		char		letter = 0;
		bool		next_lower;

		/* the middle of a word, for which the text has room: see MAX_NAME */
		if (open && IS(c, B_LOWER))
		{
			do
				words->text[words->used++] = s[i++];
			while (i < len && IS(s[i], B_LOWER));
			was_lower = true;
			was_upper = false;
			c = i < len ? s[i] : 0;
			upper = IS(c, B_UPPER);
		}
		next_lower = i + 1 < len && IS(s[i + 1], B_LOWER);

		if (IS(c, B_ALPHA))
			letter = LOWER(c);
		else if (IS(c, B_HIGH))
			letter = plain_letter(s, len, &i);

		if (open && (letter == 0 || (upper && (was_lower ||
											   (was_upper && next_lower)))))
		{
			words->len[words->n - 1] = words->used - words->at[words->n - 1];
			words->text[words->used++] = '\0';
			open = false;
		}
		if (letter != 0)
		{
			if (!open)
			{
				if (words->n == MAX_WORDS ||
					words->used > sizeof(words->text) - 4)
					return;
				words->at[words->n++] = words->used;
				open = true;
			}
			if (words->used > sizeof(words->text) - 4)
				continue;
			words->text[words->used++] = letter;
		}
		was_lower = letter != 0 && !upper;
		was_upper = upper;
	}
}

uint64
hg_hint_name(const char *name)
{
	Words		words;

	split((const unsigned char *) name, Min(strlen(name), MAX_NAME), &words);
	return look_up(&words);
}

/*
 * Of the words in front, in the same clause: a comma, bracket, end of line or
 * another number ends it, once a word was seen.
 */
uint64
hg_hint_before(const HgScan *scan, int start)
{
	Words		words;
	int			from = start;
	int			limit = Max(start - MAX_BACK, scan->floor);
	int			digits = 0;
	bool		word = false;

	while (from > limit)
	{
		unsigned char c = scan->s[from - 1];

		if (c == ' ')
			;
		else if (IS(c, B_DIGIT))
		{
			if (++digits >= 4)
				break;
		}
		else if (IS(c, B_ALPHA | B_HIGH))
		{
			word = true;
			digits = 0;
		}
		else if (c == '\n' || c == ';' || c == '{' || c == '}' || c == ',' ||
				 c == '&')
		{
			if (word || c == '\n')
				break;
		}
		from--;
	}
	/* a word cut in two is none, unless the value begins here */
	if (from > 0 && from == start - MAX_BACK)
		while (from < start && IS(scan->s[from], B_ALNUM | B_HIGH))
			from++;
	split(scan->s + from, start - from, &words);
	return look_up(&words);
}
