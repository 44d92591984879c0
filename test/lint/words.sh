#!/bin/sh
#
# words.sh
#	  Small habits of the source that a compiler does not see.
#
# No trailing blanks, no // comments, no ereport(ERROR) without an SQLSTATE,
# a header comment in every file, an install script that refuses psql and that
# every server encoding can read, and no source or test that the Makefile forgets.
#
cd "$(dirname "$0")/../.." || exit 1
status=0

complain()
{
	printf '%s\n' "$1"
	status=1
}

found=$(grep -nE '[ 	]+$' src/*/*.c src/*/*.h src/sql/*.sql)
[ -n "$found" ] && complain "trailing blanks:
$found"

found=$(LC_ALL=C grep -n '[^ -~	]' src/sql/*.sql)
[ -n "$found" ] && complain "not ASCII:
$found"

found=$(grep -nE '(^|[^:"])//' src/*/*.c src/*/*.h | grep -vE '"[^"]*//[^"]*"')
[ -n "$found" ] && complain "// comments:
$found"

for file in src/*/*.c src/*/*.h
do
	head -n 1 "$file" | grep -q '^/\*---' ||
		complain "$file: no header comment"
	found=$(tr '\n\t' '  ' <"$file" |
		grep -oE 'ereport\((ERROR|FATAL|PANIC),  *\(?err(msg|detail|hint)[^;]*;')
	[ -n "$found" ] && complain "$file: ereport without errcode: $found"
done

for file in src/*/*.c
do
	grep -q "^	${file%.c}.o\( \|\$\)" Makefile ||
		complain "$file: its object is not in the Makefile's OBJS"
done
for file in sql/*.sql
do
	name=${file#sql/}
	grep -q "^	${name%.sql}\( \|\$\)" Makefile ||
		complain "$file: not in the Makefile's REGRESS"
done

cat src/sql/*.sql | grep -vE '^(--|/[*].*[*]/$|$)' | head -n 1 |
	grep -q '^\\echo .*\\quit' ||
	complain "src/sql: the first line must stop psql (\\echo ... \\quit)"

exit $status
