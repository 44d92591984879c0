/*-------------------------------------------------------------------------
 *
 * detect_int.h
 *	  What the files of the value scanner share.
 *
 * The scanner proper (detect_scan, _number, _token, _text, _hint, _check) calls
 * nothing of the server but the interrupt check, raises nothing and takes no
 * memory, so that it can be fuzzed and measured outside a server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_DETECT_INT_H
#define HG_DETECT_INT_H

#include "policy/detect.h"

/* Nothing outside of the library calls these: no detour by its table. */
#ifdef __GNUC__
#pragma GCC visibility push(hidden)
#endif

/* Classes of bytes; letters are ASCII's. */
#define B_DIGIT 0x01
#define B_UPPER 0x02
#define B_LOWER 0x04
#define B_HEX	0x08			/* 0-9 a-f A-F */
#define B_UNDER 0x10			/* _ */
#define B_HIGH	0x20			/* not ASCII */
#define B_SPACE 0x40
#define B_TOKEN 0x80			/* letters, digits, _ and - */

#define B_ALPHA (B_UPPER | B_LOWER)
#define B_ALNUM (B_ALPHA | B_DIGIT)
#define B_WORD	(B_ALNUM | B_UNDER)

extern const unsigned char hg_byte[256];

/* The letters before the last one of words that announce a secret, as bits. */
extern const uint32 hg_announces[26];

#define IS(c, mask) ((hg_byte[(unsigned char) (c)] & (mask)) != 0)
#define LOWER(c) ((c) >= 'A' && (c) <= 'Z' ? (c) + 32 : (c))

/* The byte at i, 0 outside of the value. */
static inline unsigned char
at(const HgScan *scan, int i)
{
	return (unsigned) i < (unsigned) scan->len ? scan->s[i] : 0;
}

/* What a name or the words before a value say about it. */
typedef enum Hint
{
	HINT_EMAIL, HINT_PHONE, HINT_CARD, HINT_IBAN, HINT_SSN, HINT_ITIN,
	HINT_NHS, HINT_DE_TAX, HINT_BIRTH, HINT_SECRET, HINT_PASSWORD, HINT_NAME,
	HINT_ADDRESS, HINT_BANK, HINT_ROUTING, HINT_IMEI, HINT_MBI, HINT_NPI,
	HINT_NINO, HINT_IT_CF, HINT_NIF, HINT_PESEL, HINT_AADHAAR, HINT_PAN,
	HINT_TFN, HINT_AU_MEDICARE, HINT_SIN, HINT_NRIC, HINT_HETU, HINT_PNR,
	HINT_RRN, HINT_ZA_ID, HINT_TCKN, HINT_RVNR, HINT_KVNR, HINT_TNIN,
	HINT_NG_NIN, HINT_BSN, HINT_CPF, HINT_NIR, HINT_FNR, HINT_CPR, HINT_BE_NN,
	HINT_PASSPORT, HINT_LICENSE, HINT_NATIONAL, HINT_VERSION, HINT_IP,
	HINT_MAC, HINT_CRYPTO, HINT_THING, HINT_CODE
} Hint;

#define H(hint) (UINT64CONST(1) << (hint))

/* Hints that speak against. */
#define HINTS_AGAINST (H(HINT_THING) | H(HINT_VERSION))

/* detect_hint.c: of a name, and of the words before a place in the text */
extern uint64 hg_hint_name(const char *name);
extern uint64 hg_hint_before(const HgScan *scan, int start);

/* detect_scan.c */
extern void hg_scan_begin(HgScan *scan, const char *value, int len,
						  uint64 hints, bool named, bool whole, bool utf8);
extern bool hg_scan_next(HgScan *scan, HgSpan *span);
extern bool hg_scan_worthwhile(const unsigned char *s, int len);

static inline bool
hg_span(HgSpan *span, int start, int end, const char *class_name,
		int confidence)
{
	span->start = start;
	span->end = end;
	span->class_name = class_name;
	span->class_len = strlen(class_name);
	span->confidence = confidence;
	return true;
}

/*
 * Matchers: at a trigger; true with a span that starts at or after the floor
 * and ends after the trigger.  Each looks at a bounded stretch, or at bytes
 * that it will not look at again.
 */

/* detect_text.c: at '@' with its domain behind; at "://" (its colon) */
extern bool hg_match_email(const HgScan *scan, int at_sign, int domain,
						   HgSpan *span);
extern bool hg_match_url(const HgScan *scan, int colon, HgSpan *span,
						 int *skip);

/* detect_number.c: at a digit that starts a word, at + or ( before one */
extern bool hg_match_number(const HgScan *scan, int start, int word_end,
							HgSpan *span);
extern bool hg_match_ip6(const HgScan *scan, int start, HgSpan *span);
extern bool hg_match_mac(const HgScan *scan, int start, HgSpan *span);
extern bool hg_match_letter_id(const HgScan *scan, int start, int end,
							   int mask, HgSpan *span);

/* detect_token.c */
extern bool hg_match_token(const HgScan *scan, int start, int end, int mask,
						   HgSpan *span);
extern bool hg_match_secret(const HgScan *scan, int start, int end,
							HgSpan *span);
extern bool hg_match_dollar(const HgScan *scan, int start, HgSpan *span);
extern bool hg_match_brace(const HgScan *scan, int start, HgSpan *span);
extern bool hg_match_pem(const HgScan *scan, int start, HgSpan *span,
						 int *skip);
extern bool hg_random_looking(const unsigned char *s, int len);
extern bool hg_password_like(const unsigned char *s, int len, bool assigned);
extern bool hg_placeholder(const unsigned char *s, int len);
extern const char *hg_hex_password(const unsigned char *s, int len);

/*
 * detect_check.c: checksums, number plans.  Digits are ASCII, as many as the
 * name of the kind says unless n is given.
 */
extern bool hg_check_luhn(const char *digits, int n);
extern bool hg_check_card(const char *digits, int n);
extern int	hg_iban_length(int c1, int c2);
extern bool hg_check_iban(const char *iban, int n);
extern bool hg_check_weights(const char *digits, const signed char *weights,
							 int n, int modulus);
extern bool hg_check_nhs(const char *digits);
extern bool hg_check_de_tax(const char *digits);
extern bool hg_check_ssn(const char *digits);
extern bool hg_check_itin(const char *digits);
extern bool hg_check_verhoeff(const char *digits, int n);
extern bool hg_check_tckn(const char *digits);
extern bool hg_check_cpf(const char *digits);
extern bool hg_check_fnr(const char *digits);
extern bool hg_check_97(const char *digits, int n, bool belgian);
extern bool hg_check_thai(const char *digits);
extern bool hg_check_kvnr(const unsigned char *s);
extern bool hg_check_it_cf(const unsigned char *s);
extern bool hg_check_day(int year, int month, int day);
extern bool hg_check_base58(const unsigned char *s, int len);
extern bool hg_check_bech32(const unsigned char *s, int len);
extern int	hg_calling_code(const char *digits, int n);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#endif							/* HG_DETECT_INT_H */
