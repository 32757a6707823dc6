# Runs a throwaway Postgres for as long as standard input stays open, then leaves no trace of it.
#
#     sh -c "$(cat watchdog.sh)" watchdog DIR BIN [SERVER ARGUMENT ...]
#
# The other end of standard input is held by the process that wants the server, and by nobody else, so it
# closes when that process ends: in good order, killed, or in a panic. Standard output closes when there
# is nothing to wait for: initdb failed, or the server has ended. DIR/log says why.
dir=$1 bin=$2 server=
shift 2

mkdir -m 700 "$dir" || exit

# This runs to its end whatever happens: cut short, initdb leaves shared memory behind.
if "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --no-locale --no-sync </dev/null >"$dir/log" 2>&1
then
	"$bin/postgres" -D "$dir/data" -k "$dir" "$@" 3>&1 </dev/null >>"$dir/log" 2>&1 &
	server=$!
fi
exec >/dev/null 2>&1

# From here on nothing but the end of standard input counts. Not sooner: the server must not inherit it.
trap '' HUP INT QUIT TERM
while read -r _; do :; done

if [ "$server" ]
then
	# SIGQUIT ends a server at once, except one that is too young to handle it: a shell's background
	# commands begin by ignoring it. SIGTERM ends that one.
	kill -TERM "$server"
	kill -QUIT "$server"
	wait "$server"
fi
rm -rf "$dir"
