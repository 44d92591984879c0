# What demo.sh and demo-stop.sh share: where the throw-away server lives.
# Sourced after test/lib.sh.

if [ -n "$HG_DEMO_DIR" ]
then
	demo=$HG_DEMO_DIR
elif [ "$(id -u)" -eq 0 ]
then
	demo=$(getent passwd "$(unprivileged_user)" | cut -d: -f6)
	[ -d "$demo" ] || demo=/var/tmp
	demo=$demo/hoopguard-demo
else
	demo=${XDG_CACHE_HOME:-$HOME/.cache}/hoopguard-demo
fi
bindir=$("$PG_CONFIG" --bindir)

# stop_demo: end what runs there and remove it.  Quiet when there is nothing.
stop_demo()
{
	[ -d "$demo" ] || return 0
	[ -f "$demo/demo.env" ] || [ ! -e "$demo/data" ] || {
		echo "$demo does not look like the demonstration's; remove it yourself" >&2
		return 1
	}
	if [ -s "$demo/approver.pid" ]
	then
		pid=$(cat "$demo/approver.pid")
		if grep -qa approver.py "/proc/$pid/cmdline" 2>/dev/null
		then
			asuser sh -c "kill $pid" 2>/dev/null
		fi
	fi
	if [ -s "$demo/data/postmaster.pid" ]
	then
		(cd / && asuser "$bindir/pg_ctl" -D "$demo/data" -m immediate -w stop) >/dev/null
	fi
	rm -rf "$demo"
}
