# Runs a temporary MariaDB server while standard input stays open, then removes its files.
#
#     sh -c "$(cat watchdog.sh)" watchdog DIR [SERVER ARGUMENT ...]
#
# Only the process that wants the server holds the other end of standard input. So it closes when that
# process ends in any way. A server that ends before that is started again. DIR/log has its messages.
dir=$1
shift

mkdir -m 700 "$dir" || exit
# A server that starts removes the temporary tables of others in the directory for these.
mkdir "$dir/tmp" && export TMPDIR="$dir/tmp" || exit
user=
[ "$(id -u)" = 0 ] && user=--user=root
mariadb-install-db --no-defaults $user --datadir="$dir/data" --auth-root-authentication-method=normal \
	--skip-test-db </dev/null >"$dir/log" 2>&1 &&
	while :
	do
		mariadbd --no-defaults $user --datadir="$dir/data" --socket="$dir/sock" --pid-file="$dir/pid" \
			--skip-networking "$@" </dev/null >>"$dir/log" 2>&1
		sleep 0.1
	done &
starts=$!

trap '' HUP INT QUIT TERM
while read -r _; do :; done

kill -KILL "$starts"
while [ -e "$dir/pid" ] && kill -KILL "$(cat "$dir/pid")" 2>/dev/null; do sleep 0.05; done
rm -rf "$dir"
