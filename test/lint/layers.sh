#!/bin/sh
#
# layers.sh
#	  A file includes only headers of its own folder or of folders below it.
#
# src/LAYERS holds the order, top to bottom.  Also: every folder with C in it
# is listed, headers do not include each other in a circle, and libcurl, json-c
# and PCRE2 stay behind the one file that knows them.
#
cd "$(dirname "$0")/../../src" || exit 1

LC_ALL=C
export LC_ALL

bad=$(awk '
	FILENAME == "LAYERS" { if ($0 !~ /^#/ && NF) rank[$1] = ++n; next }
	FNR == 1 {
		split(FILENAME, part, "/"); mine = part[1]
		if (!(mine in rank))
			print FILENAME ": folder " mine " is not in src/LAYERS"
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		split($0, q, "\""); inc = q[2]
		if (index(inc, "/")) {
			split(inc, p, "/")
			if ((p[1] in rank) && (getline line < inc) >= 0) {
				close(inc)
				if (rank[p[1]] < rank[mine])
					print FILENAME ":" FNR ": " mine " includes " inc " from above"
			}
		} else if ((getline line < (mine "/" inc)) >= 0) {
			close(mine "/" inc)
			print FILENAME ":" FNR ": write the folder: \"" mine "/" inc "\""
		}
	}
	/^[ \t]*#[ \t]*include[ \t]*[<"]curl\// && FILENAME != "courier/http.c" {
		print FILENAME ":" FNR ": only courier/http.c may use libcurl"
	}
	/^[ \t]*#[ \t]*include[ \t]*[<"]pcre2/ && FILENAME != "policy/detect_pattern.c" {
		print FILENAME ":" FNR ": only detect_pattern.c may use PCRE2"
	}
	/^[ \t]*#[ \t]*include[ \t]*[<"]json(-c|\.h|_)/ && FILENAME !~ /approval_json\.c$/ {
		print FILENAME ":" FNR ": only approval_json.c may use json-c"
	}
' LAYERS */*.c */*.h)

circle=$(grep -Hn '^#include "' */*.h |
	sed -n 's|^\([^:]*\):[0-9]*:#include "\(.*\)".*|\1 \2|p' |
	while read -r from to; do
		[ -f "$to" ] && echo "$from $to"
	done | tsort 2>&1 >/dev/null)

[ -n "$bad" ] && echo "$bad"
[ -n "$circle" ] && echo "$circle"
[ -z "$bad$circle" ]
