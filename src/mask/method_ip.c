/*-------------------------------------------------------------------------
 *
 * method_ip.c
 *	  Method ip: the network of an address, the vendor of a MAC address.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/socket.h>

#include "mask/method.h"
#include "utils/fmgrprotos.h"
#include "utils/inet.h"

#define IPV4_BITS 24
#define IPV6_BITS 48

/* longest texts of addresses without their mask */
#define IPV4_LENGTH 15
#define IPV6_LENGTH 39

static bool
mask_inet(HgMasker *masker, Datum value, Datum *result)
{
	inet	   *address = DatumGetInetPP(value);
	int			bits;

	bits = ip_family(address) == PGSQL_AF_INET ? IPV4_BITS : IPV6_BITS;
	bits = Min(bits, ip_bits(address));
	*result = DirectFunctionCall2(cidr_set_masklen, InetPGetDatum(address),
								  Int32GetDatum(bits));
	return true;
}

static bool
mask_macaddr(HgMasker *masker, Datum value, Datum *result)
{
	*result = DirectFunctionCall1(macaddr_trunc, value);
	return true;
}

static bool
mask_macaddr8(HgMasker *masker, Datum value, Datum *result)
{
	*result = DirectFunctionCall1(macaddr8_trunc, value);
	return true;
}

/* 10.1.2.3 to 10.1.2.0, 2001:db8:1:2::3 to 2001:db8:1::; else NULL */
static bool
mask_ip_text(HgMasker *masker, Datum value, Datum *result)
{
	char		out[IPV6_LENGTH + 3];
	int			len;
	const char *s = hg_text_get(masker, value, &len);
	int			separators = 0;
	int			end = -1;
	int			i;
	bool		v6 = memchr(s, ':', len) != NULL;

	for (i = 0; i < len; i++)
	{
		if (s[i] == (v6 ? ':' : '.'))
		{
			separators++;
			/* stop at the network part, or where zeros are left out */
			if (end < 0 && (separators == 3 || (v6 && i > 0 &&
												s[i - 1] == ':')))
				end = i;
		}
		else if (!((s[i] >= '0' && s[i] <= '9') ||
				   (v6 && ((s[i] >= 'a' && s[i] <= 'f') ||
						   (s[i] >= 'A' && s[i] <= 'F')))))
			return false;
	}
	if (end < 0 || len > IPV6_LENGTH ||
		(!v6 && (separators != 3 || len > IPV4_LENGTH)))
		return false;

	/* a doubled colon is replaced by the one added here */
	if (v6 && s[end - 1] == ':')
		end--;
	memcpy(out, s, end);
	memcpy(out + end, v6 ? "::" : ".0", 2);
	*result = hg_text_make(masker, out, end + 2);
	return true;
}

void
hg_setup_ip(HgMasker *masker)
{
	switch (masker->shape)
	{
		case HG_SHAPE_INET:
		case HG_SHAPE_CIDR:
			masker->mask = mask_inet;
			break;
		case HG_SHAPE_MACADDR:
			masker->mask = mask_macaddr;
			break;
		case HG_SHAPE_MACADDR8:
			masker->mask = mask_macaddr8;
			break;
		default:
			if (hg_shape_is_text(masker->shape))
				masker->mask = mask_ip_text;
			break;
	}
}
