#!/bin/sh
#
# headers.sh
#	  Each header compiles alone, after postgres.h only.
#
cd "$(dirname "$0")/../../src" || exit 1

include=$("${PG_CONFIG:-pg_config}" --includedir-server) || exit 1
status=0
for header in */*.h
do
	printf '#include "postgres.h"\n#include "%s"\n#include "%s"\n' \
		"$header" "$header" |
		${CC:-cc} -fsyntax-only -x c -Wall -Wextra -Werror \
			-Wno-unused-parameter -Wno-missing-field-initializers \
			-Wno-sign-compare -Wno-unused-function \
			-I. -I"$include" -D_GNU_SOURCE - ||
		{ echo "src/$header does not compile alone"; status=1; }
done
exit $status
