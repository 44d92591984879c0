#!/bin/sh
#
# symbols.sh LIBRARY
#	  The library exports only what carries our prefix or what fmgr asks for.
#
library=${1:?usage: symbols.sh LIBRARY}

bad=$(nm -D --defined-only "$library" | awk '{ print $NF }' |
	grep -Ev '^(hg_|hoopguard_|pg_finfo_hoopguard_|Pg_magic_func$|_PG_init$)')
[ -z "$bad" ] && exit 0
echo "exported without prefix:" $bad
exit 1
