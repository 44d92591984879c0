/*-------------------------------------------------------------------------
 *
 * method_json.h
 *	  Values with named parts: json, jsonb and hstore.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_METHOD_JSON_H
#define HG_METHOD_JSON_H

#include "mask/method.h"

/* What lies deeper makes the whole value NULL. */
#define HG_JSON_DEPTH 256

/* One step on the way from the root to a leaf. */
typedef struct HgJsonStep
{
	const char *key;			/* NULL: an element of an array */
	int			len;
	int			index;
} HgJsonStep;

/* How a leaf is masked; a masker that is NULL gives null. */
typedef struct HgJsonLeaf
{
	bool		keep_text;
	bool		keep_number;
	bool		keep_bool;
	HgMasker   *text;
	HgMasker   *number;			/* of type numeric */
	HgMasker   *boolean;
} HgJsonLeaf;

/* The rule for the leaf at the end of these steps. */
extern const HgJsonLeaf *hg_json_leaf(HgMasker *masker,
									  const HgJsonStep *steps, int nsteps);

/*
 * Mask the leaves of a json text, keeping all else as it is written.  False
 * if it is none.
 */
extern bool hg_json_mask_text(HgMasker *masker, const char *s, int len,
							  StringInfo out);

/* For containers of leaves, with any method that is not for wholes. */
extern void hg_setup_leaves(HgMasker *masker);

extern void hg_setup_json(HgMasker *masker);

/* Raises HG014 for arguments of json that make no sense. */
extern void hg_check_json(const HgMethod *method, Jsonb *args, Oid type,
						  int32 typmod);

#endif							/* HG_METHOD_JSON_H */
