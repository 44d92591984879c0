#
# What the benchmarks share: servers of their own, medians.  Sourced from the
# root of the source tree.
#
. test/lib.sh

bindir=$("$PG_CONFIG" --bindir)
work=$(mktemp -d "${TMPDIR:-/tmp}/hoopguard-bench.XXXXXX") || exit 1
chmod 755 "$work"
HG_HOME=$work
servers=
unset PGDATA PGHOST PGPORT PGUSER PGDATABASE PGOPTIONS

stop_servers()
{
	cd /
	for name in $servers
	do
		asuser "$bindir/pg_ctl" -s -D "$work/$name/data" -m immediate stop
	done
	rm -rf "$work"
}
trap stop_servers EXIT

# start_server NAME LIBRARIES
start_server()
{
	mkdir -p "$work/$1/socket"
	[ "$(id -u)" -eq 0 ] && chown -R "$(unprivileged_user)" "$work/$1"
	asuser "$bindir/initdb" -D "$work/$1/data" -U postgres -A trust -N \
		>"$work/log" || exit 1
	asuser tee -a "$work/$1/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$work/$1/socket'
port = 7470
fsync = off
shared_buffers = 256MB
autovacuum = off
jit = off
max_parallel_workers_per_gather = 0
shared_preload_libraries = '$2'
CONF
	asuser "$bindir/pg_ctl" -s -w -D "$work/$1/data" -l "$work/$1/log" \
		start || exit 1
	servers="$servers $1"
}

# sql NAME [ROLE]: run the statements of standard input
sql()
{
	asuser "$bindir/psql" -X -q -A -t -v ON_ERROR_STOP=1 \
		-h "$work/$1/socket" -p 7470 -U "${2:-postgres}" postgres \
		>"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
}

# run_time NAME ROLE QUERY: milliseconds of its execution
run_time()
{
	echo "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY) $3" | sql "$1" "$2" &&
		sed -n 's/^Execution Time: \([0-9.]*\) ms$/\1/p' "$work/out"
}

# median FILE
median()
{
	sort -n "$1" | awk '{ v[NR] = $1 }
		END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

# report NAME FILE_WITHOUT FILE_WITH
report()
{
	awk -v name="$1" -v without="$(median "$2")" -v with="$(median "$3")" \
		'BEGIN { printf "%-45s by hand %8.1f  hoopguard %8.1f  ratio %.3f\n",
		name, without, with, with / without }'
}
