/*-------------------------------------------------------------------------
 *
 * method_text.c
 *	  Methods that keep a part of a text: partial, email, phone, card, and ip
 *	  on text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mask/method.h"
#include "mb/pg_wchar.h"

/* a longer text of fill characters becomes NULL */
#define MAX_FILLED (256 * 1024 * 1024)

/* longest top-level domain that email shows */
#define MAX_TLD 10

/* fewer digits than this, and phone or card show none of them */
#define MIN_PHONE_DIGITS 6
#define MIN_CARD_DIGITS 12

typedef struct PartialState
{
	int			first;
	int			last;
	char		fill[MAX_MULTIBYTE_CHAR_LEN];
	int			fill_len;
} PartialState;

typedef struct DigitsState
{
	int			keep;			/* last digits shown */
	int			at_least;		/* if there are so many */
} DigitsState;

/* ---------- partial ---------- */

/*
 * At most half of the characters are shown: more of a short value would be
 * nearly all of it.
 */
static bool
mask_partial(HgMasker *masker, Datum value, Datum *result)
{
	const PartialState *state = (PartialState *) masker->state;
	int			first = state->first;
	int			last = state->last;
	int			len;
	const char *s = hg_text_get(masker, value, &len);
	int			chars = pg_mbstrlen_with_len(s, len);
	int			head;
	int			tail;
	int			hidden;
	int			i;
	char	   *out;
	char	   *p;

	if (first + last > chars / 2)
		first = last = 0;
	hidden = chars - first - last;
	/* what a value of that length cannot hold */
	if (hidden > MAX_FILLED / state->fill_len)
		return false;
	head = pg_mbcharcliplen(s, len, first);
	tail = pg_mbcharcliplen(s, len, chars - last);

	out = palloc(head + hidden * state->fill_len + len - tail + 1);
	memcpy(out, s, head);
	p = out + head;
	if (state->fill_len == 1)
	{
		memset(p, state->fill[0], hidden);
		p += hidden;
	}
	else
	{
		for (i = 0; i < hidden; i++)
		{
			memcpy(p, state->fill, state->fill_len);
			p += state->fill_len;
		}
	}
	memcpy(p, s + tail, len - tail);
	p += len - tail;
	*result = hg_text_make(masker, out, p - out);
	pfree(out);
	return true;
}

void
hg_setup_partial(HgMasker *masker)
{
	PartialState *state;
	char	   *fill = hg_args_text(masker->args, "char");

	if (!hg_shape_is_text(masker->shape))
		return;
	state = palloc(sizeof(PartialState));
	state->first = hg_args_int(masker->args, "first", 1, HG_MAX_KEEP);
	state->last = hg_args_int(masker->args, "last", 0, HG_MAX_KEEP);
	if (fill == NULL || fill[0] == '\0')
		fill = "*";
	state->fill_len = pg_mblen(fill);
	memcpy(state->fill, fill, state->fill_len);
	masker->state = state;
	masker->mask = mask_partial;
}

/* ---------- email ---------- */

/* j***@***.com: the first letter and a plain top-level domain */
static bool
mask_email(HgMasker *masker, Datum value, Datum *result)
{
	static const char middle[] = "***@***";
	char		out[MAX_MULTIBYTE_CHAR_LEN + sizeof(middle) + MAX_TLD + 1];
	int			len;
	const char *s = hg_text_get(masker, value, &len);
	int			at = len - 1;
	int			dot = len - 1;
	int			n = 0;
	int			i;

	while (at >= 0 && s[at] != '@')
		at--;
	while (dot > at && s[dot] != '.')
		dot--;

	if (at > 1)
	{
		n = pg_mbcharcliplen(s, at, 1);
		memcpy(out, s, n);
	}
	memcpy(out + n, middle, sizeof(middle) - 1);
	n += sizeof(middle) - 1;
	if (at >= 0 && dot > at + 1 && len - dot - 1 >= 2 &&
		len - dot - 1 <= MAX_TLD)
	{
		for (i = dot + 1; i < len; i++)
		{
			if (!((s[i] >= 'a' && s[i] <= 'z') ||
				  (s[i] >= 'A' && s[i] <= 'Z')))
				break;
		}
		if (i == len)
		{
			memcpy(out + n, s + dot, len - dot);
			n += len - dot;
		}
	}
	*result = hg_text_make(masker, out, n);
	return true;
}

void
hg_setup_email(HgMasker *masker)
{
	if (hg_shape_is_text(masker->shape))
		masker->mask = mask_email;
}

/* ---------- phone and card ---------- */

/*
 * Stars for all but the last digits; punctuation of numbers stays, and what
 * is neither is a star, for a column may hold something else than its name
 * says.
 */
static bool
mask_digits(HgMasker *masker, Datum value, Datum *result)
{
	const DigitsState *state = (DigitsState *) masker->state;
	int			keep = state->keep;
	const char *punctuation = " +-().";
	int			len;
	const char *s = hg_text_get(masker, value, &len);
	char	   *out = palloc(len + 1);
	int			digits = 0;
	int			n = 0;
	int			i;

	for (i = 0; i < len; i++)
	{
		if (s[i] >= '0' && s[i] <= '9')
			digits++;
	}
	if (digits < state->at_least)
		keep = 0;
	/* punctuation of what is no number says what it is */
	if (digits == 0)
		punctuation = "";

	i = 0;
	while (i < len)
	{
		if (s[i] >= '0' && s[i] <= '9')
		{
			out[n++] = digits-- <= keep ? s[i] : '*';
			i++;
		}
		else if (s[i] != '\0' && strchr(punctuation, s[i]) != NULL)
			out[n++] = s[i++];
		else
		{
			out[n++] = '*';
			i += Max(pg_mbcharcliplen(s + i, len - i, 1), 1);
		}
	}
	*result = hg_text_make(masker, out, n);
	pfree(out);
	return true;
}

static void
setup_digits(HgMasker *masker, int keep, int at_least)
{
	DigitsState *state;

	if (!hg_shape_is_text(masker->shape))
		return;
	state = palloc(sizeof(DigitsState));
	state->keep = keep;
	state->at_least = at_least;
	masker->state = state;
	masker->mask = mask_digits;
}

void
hg_setup_phone(HgMasker *masker)
{
	setup_digits(masker, 2, MIN_PHONE_DIGITS);
}

void
hg_setup_card(HgMasker *masker)
{
	setup_digits(masker, 4, MIN_CARD_DIGITS);
}
