/*-------------------------------------------------------------------------
 *
 * method_token.h
 *	  Tokens of text; the rest of method token uses them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HG_METHOD_TOKEN_H
#define HG_METHOD_TOKEN_H

#include "base/prf.h"

/*
 * The token of a text in the server's encoding.  out has room for len bytes;
 * the length of the result is returned and is len in UTF-8.  Two texts never
 * have the same token, but for texts that are not ASCII in other encodings
 * than UTF-8, where that is only very improbable.
 */
extern int	hg_token_text(const HgPrf *prf, const char *s, int len, char *out);

#endif							/* HG_METHOD_TOKEN_H */
