# Shell functions shared by test/run, examples/demo and .ci/run; sourced.

# Without more words: the pg_config that make would use.
PG_CONFIG=${PG_CONFIG:-pg_config}

# asroot COMMAND...: run as root, through sudo for an ordinary user.
asroot()
{
	if [ "$(id -u)" -eq 0 ]
	then
		"$@"
	else
		sudo "$@"
	fi
}

# A server does not run as root; its own account is the natural stand-in.
unprivileged_user()
{
	if [ "$(id -u)" -ne 0 ]
	then
		id -un
	elif id postgres >/dev/null 2>&1
	then
		echo postgres
	else
		echo nobody
	fi
}

# asuser COMMAND...: run as unprivileged_user, with HOME in $HG_HOME.
asuser()
{
	if [ "$(id -u)" -ne 0 ]
	then
		"$@"
	else
		runuser -u "$(unprivileged_user)" -- \
			env HOME="${HG_HOME:-/tmp}" "$@"
	fi
}

# copy_tree DIRECTORY: the sources without build products, owned by the
# unprivileged user.  Runs from the top of the tree.
copy_tree()
{
	mkdir -p "$1" &&
	tar -cf - --exclude=./.git --exclude='*.o' --exclude='*.so' \
		--exclude='*.bc' --exclude='./tmp_check*' --exclude=./hoopguard--1.0.sql \
		--exclude='__pycache__' . | tar -xf - -C "$1" &&
	if [ "$(id -u)" -eq 0 ]
	then
		chown -R "$(unprivileged_user)" "$1"
	fi
}
