#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_socket.sh: what flowctl makes of a socket that nobody listens at, that answers nonsense, or that is not the
# database's: answers of what is stored, errors that name the socket, and nobody else's flowd is ended. No root
# needed.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"

WL_NAME=cli-socket
need sqlite3 python3
built "$FLOWD" "$FLOWCTL"
scratch
T=$WL_TMP
DB=$T/a.db

# A stand-in for the flowd beside flowctl, which says how it was called
mkdir "$T/bin"
cp "$FLOWCTL" "$T/bin/flowctl"
printf '#!/bin/sh\necho "called: $*"\n' >"$T/bin/flowd"
chmod +x "$T/bin/flowd"

# ctl ARG...: OUT is its exit code and all that it says
ctl() { OUT=$(timeout 60 "$T/bin/flowctl" "$@" 2>&1 </dev/null; echo "exit $?"); }

# says LABEL REGEX EXIT
says() {
	assert_match "$1" "$OUT" "$2"
	assert_eq "$1: exit code" "${OUT##*exit }" "$3"
}

answer() {
	rm -f "$T/sock"
	"$WL_ROOT/tests/answer_flowd.py" "$T/sock" "$1" &
	WL_PIDS+=("$!")
	wait_until 40 [ -S "$T/sock" ]
}

test_nonsense() {
	local text verb
	for text in '' 'what?' '{}' '{"error":"no"}' '[1]' '{"iface":"eth0"}' '{"chosen":1' $'{"chosen":true}\n{}'; do
		answer "$text"
		for verb in sample 'sample 1/10' 'sample --drops yes' detach 'debug exec'; do
			# shellcheck disable=SC2086
			ctl --db "$DB" --socket "$T/sock" $verb
			says "$verb, answered '$text'" "flowctl: socket '$T/sock': " 1
		done
		for verb in top flows graph ledger status; do
			ctl --db "$DB" --socket "$T/sock" $verb
			says "$verb, answered '$text'" "(stored records only|flowd does not run: socket '$T/sock')" 0
		done
	done
}

# Whose maps are removed where nobody listens
test_detach() {
	ctl --db "$DB" detach
	says "the database's own" 'called: --detach --instance home --db '"$DB" 0
	ctl --db "$DB" --socket "$T/home.sock" detach
	says "by its socket" 'called: --detach --instance home --db '"$DB" 0
	ctl --db "$DB" --socket "$T/other.sock" detach
	says "another's socket" "flowctl: socket '$T/other.sock': No such file or directory; .*--instance" 1
	ctl --db "$T/none.db" --socket "$T/other.sock" detach
	says "another's socket, without a database" "flowctl: socket '$T/other.sock': No such file or directory; .*--instance" 1
	ctl --db "$DB" --instance other detach
	says "another's database" "flowctl: $DB: of instance 'home', not 'other'" 1
	ctl --db "$T/none.db" --instance other detach
	says "a database that is to be made" 'called: --detach --instance other --db '"$T/none.db" 0
	ctl --db "$DB" --instance home detach
	says "by its name" 'called: --detach --instance home --db '"$DB" 0
}

"$FLOWD" --config /dev/null -r "$WL_ROOT/tests/corpus/tunnels.pcap" --db "$DB" 2>/dev/null
sqlite3 "$DB" "INSERT OR REPLACE INTO meta VALUES ('socket', '$T/home.sock'), ('instance', 'home')"
test_nonsense
test_detach
finish
