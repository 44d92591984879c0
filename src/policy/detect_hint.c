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
#include "policy/detect_wide.h"
#include "port/pg_bitutils.h"

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
	{"kapitel", H(HINT_VERSION)},
	{"kennwort", H(HINT_PASSWORD)},
	{"kontonummer", H(HINT_BANK)},
	{"kreditkarte", H(HINT_CARD)},
	{"kreditkartennummer", H(HINT_CARD)},
	{"krankenversichertennummer", H(HINT_KVNR)},
	{"kvnr", H(HINT_KVNR)},
	{"lot", H(HINT_THING)},
	{"mac", H(HINT_MAC)},
	{"master key", H(HINT_SECRET)},
	{"mbi", H(HINT_MBI)},
	{"mdp", H(HINT_PASSWORD)},
	{"medicare", H(HINT_AU_MEDICARE) | H(HINT_MBI)},
	{"mobil", H(HINT_PHONE)},
	{"mobile", H(HINT_PHONE)},
	{"mobilnummer", H(HINT_PHONE)},
	{"mot de passe", H(HINT_PASSWORD)},
	{"movil", H(HINT_PHONE)},
	{"nacida", H(HINT_BIRTH)},
	{"nacido", H(HINT_BIRTH)},
	{"msisdn", H(HINT_PHONE)},
	{"nacimiento", H(HINT_BIRTH)},
	{"naissance", H(HINT_BIRTH)},
	{"nascimento", H(HINT_BIRTH)},
	{"nascita", H(HINT_BIRTH)},
	{"nascida", H(HINT_BIRTH)},
	{"nascido", H(HINT_BIRTH)},
	{"nata", H(HINT_BIRTH)},
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

/*
 * Words of a text: runs of letters in it, which may be capital, or of
 * what is written to `copy`.
 */
typedef struct Words
{
	const unsigned char *text;
	int			n;
	int			at[MAX_WORDS];
	int			len[MAX_WORDS];
	int			used;			/* of the copy */
	unsigned char copy[MAX_NAME * 2];
} Words;

/* Letters of both cases are the same here. */
#define SMALL(c) ((c) | 0x20)

/* Of a word by its first two letters and its length. */
#define BUCKETS 1024
#define BUCKET(first, second, len) \
	((SMALL(first) * 37 + SMALL(second) * 331 + (len) * 83) & (BUCKETS - 1))

/* The phrases by their first words; made once. */
static unsigned char first_len[lengthof(phrases)];	/* of the first word */
static short next_of[lengthof(phrases)];	/* in the same bucket; -1: none */
static short bucket[BUCKETS];	/* its first phrase, and one more; 0: none */
static bool phrases_known = false;

static void
index_phrases(void)
{
	for (int i = 0; i < lengthof(phrases); i++)
	{
		const char *phrase = phrases[i].phrase;
		short	   *head;

		first_len[i] = strcspn(phrase, " ");
		Assert(first_len[i] > 1);
		head = &bucket[BUCKET(phrase[0], phrase[1], first_len[i])];
		next_of[i] = *head - 1;
		*head = i + 1;
	}
	phrases_known = true;
}

static inline bool
same_word(const unsigned char *word, const char *phrase, int len)
{
	for (int i = 0; i < len; i++)
		if (SMALL(word[i]) != (unsigned char) phrase[i])
			return false;
	return true;
}

/* What the phrases that begin at a word say. */
static uint64
phrases_at(const Words *words, int i, int p)
{
	uint64		result = 0;

	for (; p >= 0; p = next_of[p])
	{
		const char *phrase = phrases[p].phrase;
		int			len = first_len[p];
		int			w = i;

		if (len != words->len[i])
			continue;
		while (same_word(words->text + words->at[w], phrase, len))
		{
			phrase += len;
			if (*phrase == '\0')
			{
				result |= phrases[p].hints;
				break;
			}
			phrase++;
			len = strcspn(phrase, " ");
			if (++w == words->n || words->len[w] != len)
				break;
		}
	}
	return result;
}

static uint64
look_up(const Words *words)
{
	uint64		result = 0;

	if (!phrases_known)
		index_phrases();
	for (int i = 0; i < words->n; i++)
	{
		const unsigned char *word = words->text + words->at[i];
		int			p;

		if (words->len[i] < 2)
			continue;
		p = bucket[BUCKET(word[0], word[1], words->len[i])] - 1;
		if (p >= 0)
			result |= phrases_at(words, i, p);
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

	words->text = words->copy;
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
				words->copy[words->used++] = s[i++];
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
			open = false;
		}
		if (letter != 0)
		{
			if (!open)
			{
				if (words->n == MAX_WORDS ||
					words->used > sizeof(words->copy) - 4)
					return;
				words->at[words->n++] = words->used;
				open = true;
			}
			if (words->used > sizeof(words->copy) - 4)
				continue;
			words->copy[words->used++] = letter;
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

#ifdef __SSE2__

/* What stands in n bytes, at most MAX_BACK, from base on. */
static inline void
look_back(const HgScan *scan, int base, int n, HgFront *front)
{
	const unsigned char *s = scan->s + base;
	unsigned char copy[MAX_BACK];

#ifdef HG_WIDE
	if (hg_has_wide())
	{
		hg_wide_front(s, n, front);
		return;
	}
#endif
	memset(front, 0, sizeof(*front));
	if (base + MAX_BACK > scan->len)
	{
		memcpy(copy, s, n);
		memset(copy + n, 0, sizeof(copy) - n);
		s = copy;
	}
	for (int i = 0; i < MAX_BACK; i += 16)
	{
		__m128i		x = _mm_loadu_si128((const __m128i *) (s + i));
		__m128i		lower = _mm_or_si128(x, _mm_set1_epi8(0x20));

		front->digit |= BITS(BETWEEN(x, '0', '9'), i);
		front->alpha |= BITS(BETWEEN(lower, 'a', 'z'), i);
		front->small |= BITS(_mm_slli_epi16(x, 2), i);
		front->high |= BITS(x, i);
		front->line |= BITS(EQUAL(x, '\n'), i);
		front->stop |= BITS(_mm_or_si128(_mm_or_si128(EQUAL(x, ';'),
													  EQUAL(x, ',')),
										 _mm_or_si128(_mm_or_si128(EQUAL(x, '{'),
																   EQUAL(x, '}')),
													  EQUAL(x, '&'))), i);
	}
}

/*
 * What hg_hint_before does below, on bits of the bytes in front: bit i is the
 * byte at base + i.  False if it takes more: letters that are not ASCII, or
 * humps inside of a word.
 */
static bool
words_before(const HgScan *scan, int start, Words *words)
{
	int			base = Max(start - MAX_BACK, 0);
	int			n = start - base;
	int			low = Max(scan->floor - base, 0);
	HgFront		front;
	uint64		digit;
	uint64		small;
	uint64		letter;
	uint64		upper;
	uint64		stop;
	uint64		rest;
	int			from = low;

	words->text = scan->s + base;
	words->n = 0;
	if (n == 0)
		return true;
	look_back(scan, base, n, &front);
	rest = BEFORE(n) & ~BEFORE(low);
	letter = (front.alpha | front.high) & rest;
	if (letter == 0)
		return true;

	/* a sign that ends a clause counts once a word was seen */
	stop = front.stop & rest & BEFORE(pg_leftmost_one_pos64(letter));
	stop |= front.line & rest;
	if (stop != 0)
		from = pg_leftmost_one_pos64(stop) + 1;

	/* the fourth digit, no letter between, ends it too */
	digit = front.digit & rest & ~BEFORE(from);
	while (digit != 0)
	{
		uint64		before = letter & BEFORE(pg_leftmost_one_pos64(digit));
		int			word = before != 0 ? pg_leftmost_one_pos64(before) : 0;
		uint64		number = before != 0 ? digit & ~BEFORE(word) : digit;

		digit ^= number;
		for (int i = 0; i < 3; i++)
			if (number != 0)
				number ^= UINT64CONST(1) << pg_leftmost_one_pos64(number);
		if (number != 0)
		{
			from = pg_leftmost_one_pos64(number) + 1;
			break;
		}
	}
	/* a word cut in two is none, unless the value begins here */
	if (from == 0 && base > 0)
		while (from < n && IS(words->text[from], B_ALNUM | B_HIGH))
			from++;
	rest &= ~BEFORE(from);
	letter &= rest;
	if ((front.high & rest) != 0)
		return false;
	upper = letter & ~front.small;
	small = letter & front.small;
	if ((upper & (small << 1 | (upper << 1 & small >> 1))) != 0)
		return false;

	while (letter != 0 && words->n < MAX_WORDS)
	{
		int			first = pg_rightmost_one_pos64(letter);
		int			len = pg_rightmost_one_pos64(~(letter >> first));

		words->at[words->n] = first;
		words->len[words->n++] = len;
		letter &= ~(BEFORE(len) << first);
	}
	return true;
}

#endif							/* __SSE2__ */

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

#ifdef __SSE2__
	if (words_before(scan, start, &words))
		return look_up(&words);
#endif
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
