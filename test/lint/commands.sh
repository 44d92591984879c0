#!/bin/sh
#
# commands.sh
#	  The table of utility statements in docs/commands.md is that of
#	  src/inspect/utility_facts.c, and both know every statement node of the
#	  server at hand.
#
cd "$(dirname "$0")/../.." || exit 1
include=$("${PG_CONFIG:-pg_config}" --includedir-server)
work=$(mktemp -d "${TMPDIR:-/tmp}/hoopguard-commands.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
status=0

complain()
{
	echo "$1"
	sed 's/^/	/' "$2"
	status=1
}

# "Node COMMAND" of the code
sed -nE 's/^	(PLAIN|NAMED|TABLE|NEW_TABLE|NEW_NAME|OBJECT|HANDLED)\(([A-Za-z]+), ([A-Z_]+).*/\2 \3/p' \
	src/inspect/utility_facts.c | sort >"$work/code"
[ -s "$work/code" ] || { echo "no table found in utility_facts.c"; exit 1; }
cut -d' ' -f1 "$work/code" | uniq -d >"$work/twice"
[ ! -s "$work/twice" ] || complain "twice in utility_facts.c:" "$work/twice"

# "Node acts" of the document: its table is | statement | node, node | acts |
sed -n '/^## Utility statements/,/^## /p' docs/commands.md |
	awk -F'|' 'NF >= 5 && $3 ~ /Stmt/ {
		n = split($3, node, /[ ,]+/)
		for (i = 1; i <= n; i++)
			if (node[i] ~ /Stmt$/)
				print node[i], $4
	}' | sort >"$work/document"

cut -d' ' -f1 "$work/code" | sort -u >"$work/code.nodes"
cut -d' ' -f1 "$work/document" | sort -u >"$work/document.nodes"
comm -23 "$work/code.nodes" "$work/document.nodes" >"$work/missing"
[ ! -s "$work/missing" ] || complain "in utility_facts.c, not in docs/commands.md:" "$work/missing"
comm -13 "$work/code.nodes" "$work/document.nodes" >"$work/extra"
[ ! -s "$work/extra" ] || complain "in docs/commands.md, not in utility_facts.c:" "$work/extra"

# the command of each node is among the acts that the document tells
while read -r node command
do
	grep -E "^$node .*\b$command\b" "$work/document" >/dev/null || echo "$node $command"
done <"$work/code" >"$work/differ"
[ ! -s "$work/differ" ] || complain "another command in docs/commands.md:" "$work/differ"

# the node tags of this server; those below never reach ProcessUtility
cat "$include/nodes/nodes.h" "$include/nodes/nodetags.h" 2>/dev/null |
	grep -oE '\bT_[A-Za-z]+Stmt\b' | sed 's/^T_//' | sort -u |
	grep -vxE 'DeleteStmt|InsertStmt|MergeStmt|PLAssignStmt|PlannedStmt|RawStmt|ReplicaIdentityStmt|ReturnStmt|SelectStmt|SetOperationStmt|UpdateStmt' \
		>"$work/server"
comm -23 "$work/server" "$work/code.nodes" >"$work/unclassified"
[ ! -s "$work/unclassified" ] || complain "statements of this server that utility_facts.c does not know:" "$work/unclassified"

# each word of the rule language is explained
sed -nE 's/^	HG_C\([A-Z_]+, "([A-Z_]+)"\).*/\1/p' src/base/command.h >"$work/words"
while read -r word
do
	grep -qw "$word" docs/commands.md || echo "$word"
done <"$work/words" >"$work/unexplained"
[ ! -s "$work/unexplained" ] || complain "words that docs/commands.md does not mention:" "$work/unexplained"
exit $status
