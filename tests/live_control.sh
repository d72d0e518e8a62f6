#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_control.sh: the control socket: who may ask what, 10,000 connections that say nothing, clients that ask without
# end and clients that do not read, and flowd stopped for a while (LONG=1: for 60 s). Under traffic: the sweep goes on,
# memory stays bounded, an honest client gets its answer, and nothing is lost.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

suite live_control python3 setpriv
CLIENT=$WL_TMP/control_client.py
cp "$WL_ROOT/tests/control_client.py" "$CLIENT" # where any user may read it
chmod 0755 "$WL_TMP" "$CLIENT"
net_pair || { fail "no veth pair"; finish; }
serve "$NSB" 8001 || fail "no server"

client() { timeout 120 python3 "$CLIENT" "$SOCKET" "$@"; }

# ask_as UID GID GROUPS WORDS...: the first line of the answer
ask_as() {
	local groups=(--clear-groups)
	[ -z "$3" ] || groups=(--groups "$3")
	setpriv --reuid "$1" --regid "$2" "${groups[@]}" timeout 20 python3 "$CLIENT" "$SOCKET" ask "${@:4}" 2>&1 | tail -n 1
}

rss_kb() { awk '/VmRSS/ { print $2 }' "/proc/$FLOWD_PID/status"; }
fds() { find "/proc/$FLOWD_PID/fd" | wc -l; }
status() { in_a "$FLOWCTL" --db "$FLOWD_DB" status --json 2>/dev/null | jq -r "$1"; }
sweeps() { status .flowd.sweep.count; }
swept_more() { local n; n=$(sweeps) && [ "$n" != null ] && [ "$n" -gt "$1" ]; }
answers() { [ "$(status .running)" = true ]; }

# traffic SECONDS: in the background, and how many packets in $WL_TMP/sent
traffic() {
	(
		end=$((SECONDS + $1)) sum=0
		while [ $SECONDS -lt $end ]; do
			in_a "$WLTRAF" udp -d 10.1.0.2 -p 8001 --size 100 --count 500 --flows 20 >/dev/null
			sum=$((sum + 500))
		done
		echo $sum >"$WL_TMP/sent"
	) &
	TRAFFIC=$!
}

flowd_start "$NSA" -i va --sweep 200ms --socket "$WL_TMP/f.sock" --socket-group 4242 --control-groups 4343,4444 || finish
SOCKET=$WL_TMP/f.sock

# --- who may what -------------------------------------------------------------------------------------

assert_eq "the file" "$(stat -c '%a %u %g' "$SOCKET")" "660 0 4242"
assert_match "root asks" "$(client ask status)" '^\{"version"'
chmod 0666 "$SOCKET" # what the file lets in, the credentials do not
assert_match "a member of the group asks" "$(ask_as 65533 4242 '' status)" '^\{"version"'
assert_match "by another of its groups" "$(ask_as 65533 65533 4242 status)" '^\{"version"'
assert_match "what is sampled" "$(ask_as 65533 4242 '' sample)" '^\{"iface"'
assert_eq "changes" "$(ask_as 65533 4242 '' sample set rate=1/10)" \
	"error user 65533 may not change anything: in none of control.groups"
assert_eq "detaches" "$(ask_as 65533 4242 '' detach)" \
	"error user 65533 may not change anything: in none of control.groups"
for words in status live sample "sample set rate=1/10" detach nonsense; do
	# shellcheck disable=SC2086 # words
	assert_eq "anybody: $words" "$(ask_as 65533 65533 '' $words)" \
		"error user 65533 may not ask: neither in socket.group nor in control.groups"
done
assert_match "a member of control.groups changes" "$(ask_as 65533 4444 '' sample set rate=1/1000)" '^\{"iface".*"rate":1000'
assert_match "likewise" "$(ask_as 65533 65533 4343 sample set rate=off)" '^\{"iface"'
assert_eq "in the words of flowctl" "$(chmod 0755 "$WL_TMP"; cp "$FLOWCTL" "$WL_TMP/flowctl"
	chgrp 65533 "$FLOWD_DB"*
	setpriv --reuid 65533 --regid 65533 --clear-groups "$WL_TMP/flowctl" --db "$FLOWD_DB" --socket "$SOCKET" top 2>&1 |
		grep -c 'user 65533 may not ask')" 1
chmod 0660 "$SOCKET"
assert_match "the file keeps others out" "$(ask_as 65533 65533 '' status)" "Permission denied"
assert_between "counted" "$(status .flowd.control.denied)" 8 100
assert_eq "an unknown group" "$(in_b timeout 20 "$FLOWD" --config /dev/null -i vb --instance "wl$$-x" \
	--db "$WL_TMP/x.db" --socket "$WL_TMP/x.sock" --socket-group no-such 2>&1 |
	grep -c "socket.group 'no-such': no such group")" 1
assert_eq "a request without an end" "$(client long)" "error the request is too long"
gone "$FLOWD_PID" && fail "flowd ended"
for words in status sample "sample set rate=1/7" "sample set filter=tcp"; do
	# shellcheck disable=SC2086 # words
	assert_match "half of the connection is closed: $words" "$(client half $words)" '^\{"'
done
assert_match "half of it was closed: what is sampled" "$(client ask sample)" '"rate":7,.*"filter":"tcp"'
client ask sample set rate=off filter= >/dev/null

# --- many, fast and slow --------------------------------------------------------------------------------

before=$(rss_kb)
opened=$(fds)
traffic 12
mkfifo "$WL_TMP/hold"
client idle 10000 <"$WL_TMP/hold" >"$WL_TMP/idle" &
WL_PIDS+=("$!")
exec 7>"$WL_TMP/hold"
n=$(sweeps)
wait_until 60 grep -qs made "$WL_TMP/idle" || fail "10,000 connections: not made"
assert_eq "10,000 connections" "$(jq -r .refused <"$WL_TMP/idle" | head -n 1)" 0
wait_until 20 answers || fail "beside 10,000 connections: no answer"
wait_until 20 swept_more "$n" || fail "beside 10,000 connections: no sweep"
assert_between "10,000 connections: descriptors" "$(fds)" "$opened" $((opened + 80)) # CONTROL_CLIENTS and few more
assert_between "10,000 connections: memory, kB more" "$(($(rss_kb) - before))" -100000 20000
exec 7>&-
wait_until 20 grep -qs open "$WL_TMP/idle" || fail "10,000 connections: no end"
assert_between "10,000 connections: still there" "$(jq -r 'select(.open != null).open' "$WL_TMP/idle")" 0 64
assert_between "dropped for others" "$(status .flowd.control.dropped)" 9000 11000

n=$(sweeps)
for i in 1 2 3 4; do client hammer 3 >"$WL_TMP/hammer.$i" & done
wait_until 20 swept_more "$((n + 2))" || fail "hammered: no sweep"
for i in 1 2 3 4; do wait_until 30 test -s "$WL_TMP/hammer.$i" || fail "hammered: client $i has no end"; done
assert_between "hammered: answers" "$(cat "$WL_TMP"/hammer.* | awk '{ s += $1 } END { print s }')" 4 1000000

mkfifo "$WL_TMP/hold2"
client greedy 70 <"$WL_TMP/hold2" >"$WL_TMP/greedy" 2>&1 &
WL_PIDS+=("$!")
exec 7>"$WL_TMP/hold2"
n=$(status .flowd.sweep.count)
wait_until 40 grep -qs 70 "$WL_TMP/greedy" || fail "clients that do not read: $(cat "$WL_TMP/greedy")"
wait_until 20 answers || fail "beside clients that do not read: no answer"
wait_until 20 swept_more "${n:-0}" || fail "beside clients that do not read: no sweep"
assert_between "clients that do not read: held" "$(status .flowd.control.held_bytes)" 0 $((200 << 20))
exec 7>&-
wait "$TRAFFIC"

# --- stopped ----------------------------------------------------------------------------------------------

kill -STOP "$FLOWD_PID"
traffic_sent=$(cat "$WL_TMP/sent")
span=4
[ -z "${LONG:-}" ] || span=60
traffic "$span"
wait "$TRAFFIC"
kill -CONT "$FLOWD_PID"
traffic_sent=$((traffic_sent + $(cat "$WL_TMP/sent")))
wait_until 20 answers || fail "stopped and woken: no answer"
assert_between "memory in the end, kB more" "$(($(rss_kb) - before))" -100000 100000
flowd_stop
assert_eq "exit" "$FLOWD_RC" 0
assert_eq "every packet" "$(sql "SELECT ifnull(sum(packets), 0) FROM ($WL_DIRECTED) WHERE d = 1 AND dport = 8001")" "$traffic_sent"
assert_books "in the end"
assert_eq "the file is gone" "$(ls "$SOCKET" 2>/dev/null)" ""

# --- names that are not UTF-8 ---------------------------------------------------------------------------

odd=$'rv\xffb' shown=$'rv\xef\xbf\xbdb'
ip -n "$NSA" link add rva type veth peer name "$odd"
ip -n "$NSA" link set rva up
ip -n "$NSA" link set "$odd" up
WL_DB=$WL_TMP/$'odd\xff.db'
flowd_start "$NSA" -i 'rv*' || finish
assert_eq "odd names: status" "$(status '[.running, .database.path != null] + [.flowd.interfaces[].name] | sort_by(tostring) | join(" ")')" \
	"rva $shown true true"
for args in "" "-i $odd" "1/9 -i $odd" "filter tcp -i $odd"; do
	# shellcheck disable=SC2086 # words
	assert_match "odd names: sample $args" "$(in_a "$FLOWCTL" --db "$FLOWD_DB" sample --json $args 2>/dev/null)" "\"iface\":\"$shown\""
done
assert_match "odd names: in text" "$(in_a "$FLOWCTL" --db "$FLOWD_DB" status)" "$shown +in "
assert_match "odd names: detach" "$(in_a "$FLOWCTL" --db "$FLOWD_DB" detach)" "detached$"
wait_until 40 gone "$FLOWD_PID" || fail "odd names: flowd does not end"
unset WL_DB

# --- the answer and memory.max ------------------------------------------------------------------------
WL_INSTANCE=wl$$-room WL_DB=$WL_TMP/room.db
flowd_start "$NSB" -i vb --sweep 500ms --idle 500ms --slots 32768 --memory-max 66M --record-rate none || finish
db_hold # what is to be written stays in memory
for first in 0 50000; do
	in_a "$WLGEN" -i va -n 30000 -f 30000 --first "$first" --rate 60000 >/dev/null
	wait_ms 2000
done
for i in 1 2 3 4; do
	"$FLOWCTL" --db "$WL_DB" top --socket "/run/wireledger/$WL_INSTANCE.sock" >"$WL_TMP/top" 2>&1
	assert_eq "no room for the answer: exit" "$?" 0
	assert_match "no room for the answer" "$(tail -n 1 "$WL_TMP/top")" 'without a live part: .*more memory than memory.max leaves'
done
assert_between "memory with answers, kB" "$(awk '/RssAnon/ { print $2 }' "/proc/$FLOWD_PID/status")" 1 $((66 * 1024))
db_release
flowd_stop
assert_books "no room for the answer"
finish
