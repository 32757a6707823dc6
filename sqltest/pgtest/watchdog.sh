# Runs a throwaway Postgres server while standard input stays open, then removes all its files.
#
#     sh -c "$(cat watchdog.sh)" watchdog DIR BIN [SERVER ARGUMENT ...]
#
# Only the process that wants the server holds the other end of standard input. So it closes when that
# process ends in any way: exit, signal or panic. Standard output closes when initdb has failed or the
# server has ended. DIR/log has the reason.
dir=$1 bin=$2 server=
shift 2

mkdir -m 700 "$dir" || exit

# initdb is not interrupted, because it would leave shared memory behind.
if "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --no-locale --no-sync </dev/null >"$dir/log" 2>&1
then
	"$bin/postgres" -D "$dir/data" -k "$dir" "$@" 3>&1 </dev/null >>"$dir/log" 2>&1 &
	server=$!
fi
exec >/dev/null 2>&1

# From here on, only the end of standard input ends this script. The trap is not set before, because the
# server would inherit it.
trap '' HUP INT QUIT TERM
while read -r _; do :; done

if [ "$server" ]
then
	# SIGQUIT ends a server immediately. A server that has just started still ignores it, as a shell's
	# background commands do. SIGTERM ends that server.
	kill -TERM "$server"
	kill -QUIT "$server"
	wait "$server"
fi
rm -rf "$dir"
