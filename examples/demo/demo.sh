#!/bin/sh
#
# demo.sh
#	  A throw-away server with a small shop, and an agent's day in it.
#
# Builds and installs hoopguard, starts a server of its own in a directory of
# its own, plays the steps below with their SQL and what came back, checks
# that each did what it should, and leaves the server up.  demo-stop.sh takes
# it away.  Nothing of a server that already runs on this machine is touched.
#
# HG_DEMO_DIR names another directory.
#
cd "$(dirname "$0")/../.." || exit 1
. test/lib.sh
. examples/demo/lib.sh

unset MAKEFLAGS MFLAGS MAKELEVEL PGDATA PGHOST PGPORT PGUSER PGDATABASE PGOPTIONS PGPASSWORD
LC_ALL=C
export LC_ALL

complain()
{
	echo "demo: $*" >&2
	exit 1
}

quietly()
{
	"$@" >"$log" 2>&1 || {
		tail -n 40 "$log" >&2
		complain "failed: $*"
	}
}

# ---- build, install, start ------------------------------------------------

stop_demo || exit 1
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

echo "Building and installing hoopguard for $("$PG_CONFIG" --version) ..."
quietly make PG_CONFIG="$PG_CONFIG" -j"$(nproc 2>/dev/null || echo 1)" all
quietly asroot make PG_CONFIG="$PG_CONFIG" install

mkdir -p "$(dirname "$demo")"
mkdir -m 700 "$demo" || exit 1
mkdir -m 700 "$demo/socket"
touch "$demo/demo.env"

# Two free ports, one for the server, one for the approver's page
set -- $(python3 - <<'PY'
import socket
found = []
for port in range(7432, 7532):
    s = socket.socket()
    try:
        s.bind(("127.0.0.1", port))
        found.append(port)
    except OSError:
        pass
    finally:
        s.close()
    if len(found) == 2:
        break
print(*found)
PY
)
[ $# -eq 2 ] || complain "no free port between 7432 and 7531"
port=$1
webport=$2

socket=$demo/socket
[ ${#socket} -lt 90 ] || complain "$socket is too long a path for a socket; set HG_DEMO_DIR"

random()
{
	python3 -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'
}
(
	umask 077
	echo "whsec_$(random)" >"$demo/webhook-secret"
	echo "response whsec_$(random)" >>"$demo/webhook-secret"
)
agent_password=$(random | tr -dc 'a-zA-Z0-9' | cut -c1-20)
cp examples/approver/approver.py examples/approver/template.html \
	examples/demo/click.py examples/shop/shop.sql "$demo/"
# the server's account may not be let into this directory
cd / || exit 1

# the unprivileged user may not enter the checkout
cd "$demo" || exit 1

[ "$(id -u)" -eq 0 ] && chown -R "$(unprivileged_user)" "$demo"
HG_HOME=$demo

quietly asuser "$bindir/initdb" -D "$demo/data" -U dba -E UTF8 --no-locale \
	--auth-local=trust --auth-host=scram-sha-256
asuser tee -a "$demo/data/postgresql.conf" >/dev/null <<CONF
shared_preload_libraries = 'hoopguard'
hoopguard.audit = all
hoopguard.approval_wait = '30s'
hoopguard.webhook_secret_file = '$demo/webhook-secret'
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$socket'
unix_socket_permissions = 0700
max_connections = 30
fsync = off
CONF
quietly asuser "$bindir/pg_ctl" -D "$demo/data" -l "$demo/server.log" -w start

asuser sh -c "cd '$demo' && exec setsid python3 approver.py --bind 127.0.0.1 \
	--port $webport --secret-file webhook-secret --state approver.db \
	>approver.log 2>&1 </dev/null & echo \$! >'$demo/approver.pid'"

page=http://127.0.0.1:$webport/
cat >"$demo/demo.env" <<ENV
PGHOST=$socket
PGPORT=$port
PGDATABASE=shop
APPROVER_PAGE=$page
ENV

# ---- the play -------------------------------------------------------------

bold=
plain=
if [ -t 1 ]
then
	bold=$(printf '\033[1m')
	plain=$(printf '\033[0m')
fi

# as ROLE: SQL on standard input; an error is shown, not fatal
as()
{
	asuser "$bindir/psql" -X -q -h "$socket" -p "$port" -d shop -U "$1" \
		-P pager=off -P footer=off -P null='(null)' 2>&1
}

number=0
step()
{
	number=$((number + 1))
	printf '\n%s== %s. %s%s\n' "$bold" "$number" "$1" "$plain"
}

# play ROLE: show the SQL on standard input, run it, show what came back
play()
{
	sql=$(cat)
	echo
	echo "$sql" | sed "s/^/$1> /"
	echo
	result=$(echo "$sql" | as "$1")
	echo "$result"
}

expect()
{
	echo "$result" | grep -qE -e "$1" || complain "step $number: expected \"$1\" (server log: $demo/server.log)"
}

expect_not()
{
	! echo "$result" | grep -qE -e "$1" || complain "step $number: did not expect \"$1\""
}

asuser "$bindir/createdb" -h "$socket" -p "$port" -U dba shop || exit 1
quietly asuser "$bindir/psql" -X -q -h "$socket" -p "$port" -d shop -U dba \
	-v ON_ERROR_STOP=1 -f "$demo/shop.sql"
quietly asuser "$bindir/psql" -X -q -h "$socket" -p "$port" -d shop -U dba \
	-v ON_ERROR_STOP=1 -v password="$agent_password" -c "
CREATE ROLE shop_agent LOGIN PASSWORD '$agent_password';
CREATE ROLE shop_approver LOGIN;
CREATE ROLE shop_auditor LOGIN;
GRANT USAGE ON SCHEMA shop, reports TO shop_agent;
GRANT CREATE ON SCHEMA shop, reports TO shop_agent;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO shop_agent;
ALTER TABLE shop.products OWNER TO shop_agent;"

step "The DBA installs hoopguard and maps the agent's role"
play dba <<'SQL'
CREATE EXTENSION hoopguard;
SELECT hoopguard.map_role('shop_agent', owner => 'helene.moreau@shop.example', model => 'any');
SQL
expect_not ERROR
echo
echo "   who approves, who audits, and a workspace where the agent may build tables:"
play dba <<SQL
SELECT hoopguard.add_approver('default', url => '${page}hook', role => 'shop_approver');
SELECT hoopguard.grant_approver('shop_approver');
SELECT hoopguard.grant_auditor('shop_auditor');
SELECT hoopguard.add_rule('allow', '{DDL,WRITE}', objects => 'reports.*', priority => 10);
SQL
expect_not ERROR

step "The agent joins customers with invoices: names, mail and phone are masked, sums are right"
question="SELECT c.customer_id, c.first_name, c.email, c.phone, sum(i.total) AS total
FROM shop.customers c JOIN shop.invoices i USING (customer_id)
GROUP BY c.customer_id, c.first_name, c.email, c.phone
ORDER BY total DESC, customer_id LIMIT 4;"
echo "$question" >"$log"
play shop_agent <"$log"
expect '4'
expect_not 'ERROR|@example\.(com|org|net).*555-'
masked=$result
echo
echo "   the same query for the DBA, who is not mapped:"
play dba <"$log"
expect '@example'
# no real mail address or telephone number was in the agent's answer
echo "$result" | grep -oE '[a-z.0-9]+@example\.[a-z]+|\+1-202-555-[0-9]+' >"$log"
if echo "$masked" | grep -qF -f "$log"
then
	complain "step $number: a real value reached the agent"
fi

step "A DELETE without WHERE is refused, one that names its row runs"
play shop_agent <<'SQL'
DELETE FROM shop.order_items;
SQL
expect 'ERROR'
play shop_agent <<'SQL'
DELETE FROM shop.order_items WHERE order_id = 8 AND line = 3 RETURNING *;
SQL
expect_not 'ERROR'

step "An ALTER TABLE waits for a person"
alter='ALTER TABLE shop.products ADD COLUMN weight_g int;'
echo
echo "shop_agent> $alter"
echo
echo "   (it waits; meanwhile the approver sees:)"
{
	echo "$alter" | as shop_agent
	echo finished
} >"$log" &
altering=$!
tries=0
request=
while [ -z "$request" ] && [ $tries -lt 100 ]
do
	sleep 0.2
	tries=$((tries + 1))
	request=$(echo "SELECT id FROM hoopguard.pending_approval
		WHERE delivery_state = 'accepted' LIMIT 1" | as shop_approver |
		grep -oE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
done
[ -n "$request" ] || {
	cat "$log" "$demo/approver.log"
	complain "step $number: no request reached the approver"
}
play shop_approver <<'SQL'
SELECT id, session_role, rule_id, statement_text FROM hoopguard.pending_approval;
SQL
expect "$request"
echo
echo "   the page $page shows the same request; a script clicks on approve:"
asuser python3 "$demo/click.py" "$page" "$request" allow || {
	echo "   the click failed, so the approver decides in SQL:"
	play shop_approver <<SQL
SELECT hoopguard.approve('$request', 'weights are needed for shipping');
SQL
	expect_not ERROR
}
wait $altering
echo
echo "   what the agent's session got:"
result=$(grep -v '^finished$' "$log")
echo "${result:-ALTER TABLE}"
expect_not 'ERROR'
play shop_agent <<'SQL'
SELECT state, rule_id, reason FROM hoopguard.my_approvals();
SELECT column_name FROM information_schema.columns WHERE table_name = 'products' AND column_name = 'weight_g';
SQL
expect 'consumed'
expect 'weight_g'

step "The agent builds a report in its workspace"
play shop_agent <<'SQL'
CREATE TABLE reports.best_customers AS
SELECT c.email, c.country, sum(i.total) AS revenue
FROM shop.customers c JOIN shop.invoices i USING (customer_id)
GROUP BY c.email, c.country;
SELECT * FROM reports.best_customers ORDER BY revenue DESC LIMIT 3;
SQL
expect_not 'ERROR'

step "The auditor asks who touched customers.email, in what form, and where it flowed"
echo 'SELECT hoopguard.flush();' | as dba >/dev/null
play shop_auditor <<'SQL'
SELECT DISTINCT coalesce(subject, session_role) AS who, command, subtype, masked,
	concat_ws('.', target_schema, target_relation, target_column) AS flowed_to, outcome
FROM hoopguard.lineage
WHERE source_relation = 'customers' AND source_column = 'email' AND kind = 'DIRECT'
ORDER BY flowed_to, who;
SQL
expect_not 'ERROR'
expect 'reports.best_customers.email'
echo
echo "   and everything the agent did, what was refused as well:"
play shop_auditor <<'SQL'
SELECT command, verdict, outcome, greatest(rows_returned, rows_affected) AS rows, left(text, 60) AS text
FROM hoopguard.activity
WHERE session_role = 'shop_agent' AND level = 0
ORDER BY at, event_id;
SQL
expect_not 'ERROR'
expect 'deny'

base="$bindir/psql -h $socket -p $port -d shop"
cat <<END

${bold}The server stays up.${plain} Go on as the agent, the approver or the auditor:

  $base -U shop_agent
  $base -U shop_approver
  $base -U shop_auditor

The approver's page: $page
For a driver: postgresql://shop_agent:$agent_password@127.0.0.1:$port/shop
To end it: make demo-stop
END
