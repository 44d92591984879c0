/*-------------------------------------------------------------------------
 *
 * method.h
 *	  What the files of the mask methods share.
 *
 * A masker is a method prepared for one type: a tree, because arrays,
 * composites, ranges and domains are masked by what their parts are masked
 * with.  mask_method.c builds it, once for each call site; the method_*.c
 * files bring the methods.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_METHOD_H
#define HG_METHOD_H

#include "fmgr.h"
#include "nodes/nodes.h"
#include "utils/jsonb.h"

/* What a value is made of, below domains. */
typedef enum HgShape
{
	HG_SHAPE_OTHER,
	HG_SHAPE_TEXT,				/* text, varchar, and what is like text */
	HG_SHAPE_CITEXT,			/* the same, but case does not count */
	HG_SHAPE_BPCHAR,
	HG_SHAPE_NAME,
	HG_SHAPE_CHAR,				/* "char" */
	HG_SHAPE_BOOL,
	HG_SHAPE_INT2,
	HG_SHAPE_INT4,
	HG_SHAPE_INT8,
	HG_SHAPE_MONEY,
	HG_SHAPE_FLOAT4,
	HG_SHAPE_FLOAT8,
	HG_SHAPE_NUMERIC,
	HG_SHAPE_DATE,
	HG_SHAPE_TIME,
	HG_SHAPE_TIMETZ,
	HG_SHAPE_TIMESTAMP,
	HG_SHAPE_TIMESTAMPTZ,
	HG_SHAPE_INTERVAL,
	HG_SHAPE_UUID,
	HG_SHAPE_INET,
	HG_SHAPE_CIDR,
	HG_SHAPE_MACADDR,
	HG_SHAPE_MACADDR8,
	HG_SHAPE_BYTEA,
	HG_SHAPE_BIT,
	HG_SHAPE_VARBIT,
	HG_SHAPE_ENUM,
	HG_SHAPE_JSON,
	HG_SHAPE_JSONB,
	HG_SHAPE_XML,
	HG_SHAPE_HSTORE,
	HG_SHAPE_TSVECTOR,
	HG_SHAPE_ARRAY,
	HG_SHAPE_COMPOSITE,
	HG_SHAPE_RANGE,
	HG_SHAPE_MULTIRANGE
} HgShape;

typedef struct HgMasker HgMasker;
typedef struct HgMethod HgMethod;

/* Mask of a non-NULL value; false for NULL.  Never raises because of value. */
typedef bool (*HgMaskFunction) (HgMasker *masker, Datum value, Datum *result);

struct HgMasker
{
	const HgMethod *method;
	Jsonb	   *args;			/* NULL: none */
	HgMaskFunction mask;		/* NULL: every value becomes NULL */
	Oid			type;			/* without domains */
	int32		typmod;
	HgShape		shape;
	int16		typlen;
	bool		typbyval;
	char		typalign;
	int			nparts;			/* element, bound, or fields */
	HgMasker  **parts;			/* a NULL member: becomes NULL */
	Datum		constant;		/* for hg_mask_constant */
	void	   *state;			/* of the method, or of the container */
};

struct HgMethod
{
	const char *name;

	/*
	 * Set masker->mask, and masker->state if need be, for masker->shape.
	 * Left alone, the method does not know the shape.  The current context
	 * lives as long as the masker.
	 */
	void		(*setup) (HgMasker *masker);

	/* setup wants containers, json and hstore too, not their parts */
	bool		whole;

	/* names of its arguments, NULL at the end */
	const char *const *keys;

	/*
	 * Raise HG014 for values of args that the method cannot use; may be NULL.
	 * The type is that of the column, or invalid for a class.
	 */
	void		(*check) (const HgMethod *method, Jsonb *args, Oid type,
						  int32 typmod);
};

/* ---------- mask_method.c ---------- */

/*
 * The masker of a method for a type, in the current context.  NULL when every
 * value becomes NULL: the method does not know the type, or is unknown.
 */
extern HgMasker *hg_masker_make(const HgMethod *method, Jsonb *args, Oid type,
								int32 typmod);

/* The method of that name (of length len), or NULL. */
extern const HgMethod *hg_method_find(const char *name, int len);

/* The names of all methods but none, with commas; palloc'd. */
extern char *hg_method_names(void);

/* Mask of a non-NULL value; a NULL masker gives NULL. */
static inline bool
hg_masker_apply(HgMasker *masker, Datum value, Datum *result)
{
	return masker != NULL && masker->mask(masker, value, result);
}

/* ---------- method_type.c ---------- */

extern HgShape hg_shape_of(Oid base);

static inline bool
hg_shape_is_text(HgShape shape)
{
	return shape >= HG_SHAPE_TEXT && shape <= HG_SHAPE_NAME;
}

/* Bytes of a text-like value; not terminated, no blanks of char(n). */
extern const char *hg_text_get(const HgMasker *masker, Datum value, int *len);

/* A value of masker's text-like type from bytes, cut and padded to fit. */
extern Datum hg_text_make(const HgMasker *masker, const char *s, int len);

/* For masker->mask: gives masker->constant. */
extern bool hg_mask_constant(HgMasker *masker, Datum value, Datum *result);

/*
 * The neutral value of a type, domains considered: zero, empty, or stars.
 * False when it has none.  Result in the current context.
 */
extern bool hg_neutral_value(Oid type, int32 typmod, Datum *result);

/* A value of a type from its text; false instead of an error. */
extern bool hg_soft_input(Oid type, int32 typmod, char *string,
						  Datum *result);

/*
 * The constraints of a domain, ready to be asked; NULL for none.  In the
 * current context.
 */
typedef struct HgDomain HgDomain;
extern HgDomain *hg_domain_make(Oid type);

/* Does the domain accept the non-NULL value?  No when that cannot be told. */
extern bool hg_domain_accepts(HgDomain *domain, Datum value);

/*
 * Does the expression call nothing but functions of the server or of
 * extensions, in C, that do not change anything?  Then an error in it can be
 * caught without a subtransaction.  immutable: no stable functions either.
 */
extern bool hg_expression_is_plain(Node *expression, bool immutable);

/* Is the error being handled one of the data, not of the server? */
extern bool hg_error_is_harmless(void);

/* ---------- method_args.c ---------- */

/* A member of args, or NULL. */
extern JsonbValue *hg_args_get(Jsonb *args, const char *key,
							   JsonbValue *value);

/* A whole number of the arguments, limited to 0..max, or the default. */
extern int	hg_args_int(Jsonb *args, const char *key, int dflt, int max);

/* A number of the arguments, or the default. */
extern double hg_args_double(Jsonb *args, const char *key, double dflt);

/* An argument as text, whatever it is; NULL when it is missing or null. */
extern char *hg_args_text(Jsonb *args, const char *key);

extern void hg_check_constant(const HgMethod *method, Jsonb *args, Oid type,
							  int32 typmod);
extern void hg_check_partial(const HgMethod *method, Jsonb *args, Oid type,
							 int32 typmod);
extern void hg_check_hash(const HgMethod *method, Jsonb *args, Oid type,
						  int32 typmod);
extern void hg_check_token(const HgMethod *method, Jsonb *args, Oid type,
						   int32 typmod);
extern void hg_check_bucket(const HgMethod *method, Jsonb *args, Oid type,
							int32 typmod);
extern void hg_check_noise(const HgMethod *method, Jsonb *args, Oid type,
						   int32 typmod);
extern void hg_check_expression(const HgMethod *method, Jsonb *args, Oid type,
								int32 typmod);

/* ---------- the methods ---------- */

/* partial keeps at most this many characters at each end */
#define HG_MAX_KEEP 1000

/* bucket and noise: a million days are 2,700 years */
#define HG_MAX_DAYS 1000000

extern void hg_setup_constant(HgMasker *masker);
extern void hg_setup_redact(HgMasker *masker);
extern void hg_setup_partial(HgMasker *masker);
extern void hg_setup_email(HgMasker *masker);
extern void hg_setup_phone(HgMasker *masker);
extern void hg_setup_card(HgMasker *masker);
extern void hg_setup_ip(HgMasker *masker);
extern void hg_setup_hash(HgMasker *masker);
extern void hg_setup_year(HgMasker *masker);
extern void hg_setup_month(HgMasker *masker);
extern void hg_setup_token(HgMasker *masker);
extern void hg_setup_bucket(HgMasker *masker);
extern void hg_setup_noise(HgMasker *masker);
extern void hg_setup_expression(HgMasker *masker);

#endif							/* HG_METHOD_H */
