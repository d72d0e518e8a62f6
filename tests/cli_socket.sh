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
	"$WL_ROOT/tests/answer_flowd.py" "$T/sock" "$1" "$T/asked" &
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

# Of what a socket answers a terminal gets no control characters
test_terminal() {
	local verb bad='\u001b]0;owned\u0007\u009b'
	answer '{"version":"'"$bad"'","instance":"'"$bad"'","pid":1,"interfaces":[{"name":"'"$bad"'","ingress":"'"$bad"'",
		"note":"'"$bad"'","seen_packets":[1,1],"nic_packets":[1,1],"counters":[{"source":"'"$bad"'","name":"'"$bad"'"}]}],
		"sink":{"state":"'"$bad"'","error":"'"$bad"'","since_ms":1},"confined":{"text":"'"$bad"'"},
		"samples":{"note":"'"$bad"'"},"pins":{"note":"'"$bad"'"},"retention":{"note":"'"$bad"'"}}'
	ctl --db "$DB" --socket "$T/sock" status
	says "a status for a terminal" 'the sink is \?\]0;owned\?\? since' 0
	assert_eq "a status for a terminal: control characters" "$(tr -d '\n -~' <<<"$OUT" | od -An -tx1)" ""
	answer '{"iface":"'"$bad"'","link":"'"$bad"'","rate":1,"triggers":"'"$bad"'","filter":"'"$bad"'"}
{"chosen":1,"drops":{"on":false,"note":"'"$bad"'"}}'
	ctl --db "$DB" --socket "$T/sock" sample
	says "samples for a terminal" 'cannot be: \?\]0;owned\?\?; ' 0
	assert_eq "samples for a terminal: control characters" "$(tr -d '\n -~' <<<"$OUT" | od -An -tx1)" ""
	answer $'error \e]0;owned\a'
	for verb in status sample detach 'debug exec' top 'doctor -i lo'; do
		# shellcheck disable=SC2086
		ctl --db "$DB" --socket "$T/sock" $verb
		assert_eq "$verb, an error for a terminal: control characters" "$(tr -d '\n -~' <<<"$OUT" | od -An -tx1)" ""
	done
}

# A copy names the socket of the flowd that writes to what it was made of
test_copy() {
	local verb
	cp "$DB" "$T/copy.db"
	sqlite3 "$T/copy.db" "UPDATE meta SET value = '$T/sock' WHERE key = 'socket'"
	answer '{"version":"0","db":"'"$DB"'"}'
	rm -f "$T/asked"
	for verb in sample 'sample 1/10' detach 'debug exec'; do
		# shellcheck disable=SC2086
		ctl --db "$T/copy.db" $verb
		says "$verb, of a copy" "^flowctl: $T/copy.db: the flowd at socket '$T/sock', .*another database" 1
	done
	assert_eq "of a copy: asked" "$(sort -u "$T/asked")" status
	ctl --db "$T/copy.db" --socket "$T/sock" detach
	says "detach, of a copy and with the socket" "^flowctl: socket '$T/sock': not flowd's answer" 1
	assert_eq "of a copy, with the socket: asked" "$(tail -n 1 "$T/asked")" detach
	sqlite3 "$T/copy.db" "UPDATE meta SET value = '$T/none.sock' WHERE key = 'socket'"
	ctl --db "$T/copy.db" detach
	says "detach, of a copy whose flowd does not run" "called: --detach --instance home --db $T/copy.db" 0
}

"$FLOWD" --config /dev/null -r "$WL_ROOT/tests/corpus/tunnels.pcap" --db "$DB" 2>/dev/null
sqlite3 "$DB" "INSERT OR REPLACE INTO meta VALUES ('socket', '$T/home.sock'), ('instance', 'home')"
test_nonsense
test_detach
test_terminal
test_copy
finish
