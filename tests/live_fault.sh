#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_fault.sh: flowd while the n-th allocation, bpf(2), write, fsync, open, mmap, netlink call, thread or step of
# SQLite fails: at its start, which then fails with a word and leaves nothing attached, or counts; and under
# traffic, where what fails for a while loses nothing. After a kill -9 in the midst of it the next flowd has it all.
#
# As many n are tried as $BUDGET seconds allow, at random, LONG=1: more of each class (tests/fault_loop.sh), and others each
# time; else of one seed, and no more than $RUNS. WL_SEED=N: of that one. LONG=all: at its start each n of every class,
# but of the allocations, which take a day; ALL="open bpf" names classes.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fault_loop.sh
. "$(dirname "$0")/fault_loop.sh"

BUDGET=${BUDGET:-$([ -n "${LONG:-}" ] && echo 1800 || echo 20)}
REAL=$FLOWD
RUNS=$([ -n "${LONG:-}" ] && echo 1000000 || echo 20)
SEED=${WL_SEED:-$([ -n "${LONG:-}" ] && echo $$ || echo 1)}
RANDOM=$SEED
CLASSES=(alloc bpf net open mmap thread step step:5 step:7 write sync big)

attached() { ip -n "$NSB" -j -d link show dev vb | jq -r '.[0].xdp.prog.id // empty'; }
pinned() { find /sys/fs/bpf/wireledger -name "$1" 2>/dev/null; }

# With the fault of $WL_TMP/wish, which may be changed at any time.
wrap() {
	cat >"$WL_TMP/flowd" <<-END
		#!/bin/bash
		LD_PRELOAD="$FAULT_SO" WL_FAULT_FILE="$WL_TMP/wish" WL_FAULT_HIT="$WL_TMP/hit" \\
			WL_FAULT_COUNT="\$WL_COUNT" exec "$REAL" "\$@"
	END
	chmod +x "$WL_TMP/flowd"
	truncate -s 64 "$WL_TMP/wish"
	FLOWD=$WL_TMP/flowd
}

# wish TEXT: from now on; a new number makes it another than the one before
wish() {
	: >"$WL_TMP/hit"
	printf '%-63s\n' "$1" | dd of="$WL_TMP/wish" conv=notrunc status=none
}

was_hit() { [ -s "$WL_TMP/hit" ]; }
has_packets() { [ "$(sql "SELECT ifnull(sum(packets), 0) FROM flow" 2>/dev/null || echo 0)" -ge "$1" ]; }

# send N: that many packets more, of ever new flows; SENT has all
send() {
	local json
	json=$(in_a "$WLGEN" -i va -n "$1" -f 300 --first $((FIRST += 300)))
	SENT=$((SENT + $(jq .packets <<<"$json")))
}

# whole LABEL: nothing is lost, after flowd's end
whole() {
	assert_eq "$1: the hook's own count" "$(seen 0 | cut -d'|' -f1)" "$SENT"
	assert_eq "$1: packets in records" "$(sql 'SELECT sum(packets) FROM flow')" "$SENT"
	assert_eq "$1: PRAGMA integrity_check" "$(sql 'PRAGMA integrity_check')" ok
	books_balance
	assert_books "$1"
}

# What could not be written is there still, for the next flowd.
come_back() {
	assert_eq "$1: exit: $(tail -n 1 "$FLOWD_LOG")" "$FLOWD_RC" 1
	wish "none"
	WL_INSTANCE=$FLOWD_INSTANCE WL_DB=$FLOWD_DB
	flowd_start "$NSB" -i vb && flowd_end "$FLOWD_PID" 2>/dev/null
	unset WL_INSTANCE WL_DB
	assert_eq "$1: exit of the next one" "$FLOWD_RC" 0
}

# A run while one call fails, most of which are those of its start.
try_start() {
	local spec=$1 label="start, $1"
	FLOWD_N=$((FLOWD_N + 1)) SENT=0
	FLOWD_INSTANCE=wl$$-s$FLOWD_N FLOWD_DB=$WL_TMP/s$FLOWD_N.db FLOWD_LOG=$WL_TMP/s$FLOWD_N.log
	WL_INSTANCES+=("$FLOWD_INSTANCE")
	wish "$spec"
	ip netns exec "$NSB" "$FLOWD" --config /dev/null --instance "$FLOWD_INSTANCE" --db "$FLOWD_DB" -i vb \
		--slots 1024 --sweep 100ms --idle 300ms >"$FLOWD_LOG" 2>&1 &
	FLOWD_PID=$!
	WL_PIDS+=("$FLOWD_PID")
	wait_until 40 flowd_ready "$FLOWD_PID" "$FLOWD_LOG" || fail "$label: neither up nor ended"
	label="$label, $(head -n 1 "$WL_TMP/hit")"
	if gone "$FLOWD_PID"; then
		wait "$FLOWD_PID"
		FLOWD_RC=$?
		assert_eq "$label: exit: $(tail -n 1 "$FLOWD_LOG")" "$FLOWD_RC" 1
		assert_match "$label: word" "$(cat "$FLOWD_LOG")" 'flowd: .*[^ ]: [^ ]'
		assert_eq "$label: attached" "$(attached)" ""
		assert_eq "$label: pins" "$(pinned "$FLOWD_INSTANCE")" ""
		assert_eq "$label: database" "$(ls "$FLOWD_DB" 2>/dev/null)" ""
		assert_eq "$label: socket" "$(ls "/run/wireledger/$FLOWD_INSTANCE.sock" 2>/dev/null)" ""
		return
	fi
	send 500
	flowd_end "$FLOWD_PID" 2>/dev/null
	label="start, $1, $(head -n 1 "$WL_TMP/hit")"
	[ "$FLOWD_RC" -eq 0 ] || come_back "$label"
	whole "$label"
}

# How many calls of each class a run takes.
count_calls() {
	local class count
	declare -gA CALLS
	WL_COUNT=$WL_TMP/count try_start none
	while read -r class count; do CALLS[$class]=$count; done <"$WL_TMP/count"
}

each_start() {
	local spec class n
	for spec in ${ALL:-thread big net sync mmap open write bpf step step:5 step:7}; do
		class=${spec%%:*}
		for ((n = 1; n <= CALLS[$class]; n++)); do try_start "$class:$n${spec#"$class"}"; done
		say "$spec: each of ${CALLS[$class]}"
	done
}

test_starts() {
	local end=$((SECONDS + BUDGET)) runs=0 class
	while [ "$SECONDS" -lt "$end" ] && [ "$runs" -lt "$RUNS" ]; do
		a_call
		try_start "$SPEC"
		runs=$((runs + 1))
	done
	say "$runs starts of $(for class in "${!CALLS[@]}"; do printf '%s %s, ' "$class" "${CALLS[$class]}"; done)seed $SEED"
}

# a_call: one of those that a run has, at random: CLASS:N[:ERROR] in $SPEC
a_call() {
	local class
	while :; do
		class=${CLASSES[RANDOM % ${#CLASSES[@]}]}
		[ "${CALLS[${class%%:*}]:-0}" -eq 0 ] || break
	done
	SPEC="${class%%:*}:$(((RANDOM * 32768 + RANDOM) % CALLS[${class%%:*}] + 1))${class#"${class%%:*}"}"
}

# Maps and a database that a killed flowd left, while a call of each start fails: then the one that has none
# failing has it all. What is attached stays, whatever becomes of the start.
test_takeovers() {
	local end=$((SECONDS + BUDGET / 2)) runs=0 label args=(-i vb --slots 1024 --sweep 100ms --idle 300ms)
	SENT=0 WL_INSTANCE=wl$$-t WL_DB=$WL_TMP/t.db
	wish none
	flowd_start "$NSB" "${args[@]}" || return
	send 1000
	flowd_stop "$FLOWD_PID" KILL
	while [ "$SECONDS" -lt "$end" ] && [ "$runs" -lt "$RUNS" ]; do
		a_call
		wish "$SPEC"
		label="takeover, $SPEC"
		FLOWD_N=$((FLOWD_N + 1)) FLOWD_LOG=$WL_TMP/t$FLOWD_N.log
		ip netns exec "$NSB" "$FLOWD" --config /dev/null --instance "$WL_INSTANCE" --db "$WL_DB" "${args[@]}" >"$FLOWD_LOG" 2>&1 &
		FLOWD_PID=$!
		WL_PIDS+=("$FLOWD_PID")
		wait_until 40 flowd_ready "$FLOWD_PID" "$FLOWD_LOG" || fail "$label: neither up nor ended"
		if gone "$FLOWD_PID"; then
			wait "$FLOWD_PID"
			FLOWD_RC=$?
			assert_eq "$label: exit: $(tail -n 1 "$FLOWD_LOG")" "$FLOWD_RC" 1
			assert_match "$label: word" "$(cat "$FLOWD_LOG")" 'flowd: .*[^ ]: [^ ]'
		fi
		send 500
		gone "$FLOWD_PID" || flowd_stop "$FLOWD_PID" KILL
		assert_match "$label: attached" "$(attached)" '^[0-9]+$'
		runs=$((runs + 1))
	done
	wish none
	flowd_start "$NSB" "${args[@]}" || return
	flowd_stop
	assert_eq "takeovers: exit" "$FLOWD_RC" 0
	whole "takeovers, seed $SEED"
	say "$runs takeovers, $SENT packets"
	unset WL_INSTANCE WL_DB
}

# under CLASS[:ERROR]: each call fails for a while under traffic
under() {
	send 2000
	wish "$((SEQUENCE += 1)):${1%%:*}:1${1#"${1%%:*}"}:all"
	send 2000
	wait_until 2 was_hit && HITS="$HITS ${1%%:*}"
	send 2000
	wish "$((SEQUENCE += 1)):none"
	! gone "$FLOWD_PID" || fail "$1: flowd has ended: $(tail -n 2 "$FLOWD_LOG")"
}

test_under() {
	local label="under traffic" class
	SENT=0 WL_INSTANCE=wl$$-u WL_DB=$WL_TMP/u.db HITS=""
	wish "none"
	flowd_start "$NSB" -i vb --slots 4096 --sweep 100ms --idle 300ms || return
	for class in alloc big bpf net open write sync step step:5 step:7; do under "$class"; done
	send 1000
	wait_until 20 has_packets "$SENT" || fail "$label: it does not go on: $(tail -n 2 "$FLOWD_LOG")"
	assert_match "$label: what failed" "$HITS" 'alloc.*write.*step'
	wish "$((SEQUENCE += 1)):step:1:all"
	send 3000
	wait_until 5 was_hit
	flowd_stop "$FLOWD_PID" KILL
	wish "none"
	flowd_start "$NSB" -i vb --slots 4096 --sweep 100ms --idle 300ms || return
	wish "$((SEQUENCE += 1)):alloc:1:all"
	send 3000
	wait_until 5 was_hit
	flowd_stop "$FLOWD_PID" KILL
	wish "none"
	flowd_start "$NSB" -i vb || return
	send 1000
	flowd_stop
	assert_eq "$label: exit" "$FLOWD_RC" 0
	whole "$label"
	say "failed under traffic:$HITS; $SENT packets"
}

# ending LABEL SPEC FLOWD-ARG...: flowd with traffic behind it, which ends while calls fail
ending() {
	local label=$1 spec=$2
	shift 2
	wish "$((SEQUENCE += 1)):none"
	flowd_start "$NSB" -i vb --slots 1024 --sweep 100ms --idle 300ms "$@" || return
	send 1000
	wish "$((SEQUENCE += 1)):$spec"
	case $label in
	*flowctl*)
		SAID=$("$FLOWCTL" --db "$FLOWD_DB" detach 2>&1)
		assert_eq "$label: flowctl detach: $SAID" "$?" "$WANT"
		wait_until 60 gone "$FLOWD_PID" || fail "$label: flowd does not end"
		wait "$FLOWD_PID"
		FLOWD_RC=$?
		;;
	*) flowd_end "$FLOWD_PID" 2>/dev/null ;;
	esac
	wish "$((SEQUENCE += 1)):none"
	assert_eq "$label: exit: $(tail -n 2 "$FLOWD_LOG")" "$FLOWD_RC" "${WANT_FLOWD:-$WANT}"
}

# What could not be detached counts on, is said, and is the next one's, or flowd --detach's.
test_endings() {
	local label spec way
	WL_INSTANCE=wl$$-e
	for way in tcx clsact; do
		SENT=0 WL_DB=$WL_TMP/e-$way.db
		for spec in bpf net; do
			label="ending, $way, $spec once"
			WANT=0 ending "$label" "$spec:1" --tc "$way" || return
			assert_eq "$label: attached" "$(attached)" ""
			assert_eq "$label: pins" "$(pinned "$WL_INSTANCE")" ""
			whole "$label"
			label="ending, $way, $spec all"
			WANT=1 ending "$label" "$spec:1:all" --tc "$way" || return
			assert_match "$label: word" "$(cat "$FLOWD_LOG")" "instance '$WL_INSTANCE': cannot be detached, and counts on: ingress of 'vb' by xdp(, egress of 'vb' by (tcx|clsact))?;"
			assert_match "$label: attached" "$(attached)" '^[0-9]+$'
			assert_match "$label: pins" "$(pinned control | grep -F "/$WL_INSTANCE/")" .
			send 1000
		done
		label="ending, $way, flowctl"
		WANT=1 WANT_FLOWD=3 ending "$label" bpf:1:all --tc "$way" || return
		assert_match "$label: word" "$SAID" "^flowctl: socket '[^']*/$WL_INSTANCE.sock': could not detach ingress of 'vb' by xdp"
		send 1000
		dead_detach "$way"
		label="ending, $way"
		assert_eq "$label: attached" "$(attached)" ""
		assert_eq "$label: filters" "$(in_b tc filter show dev vb ingress; in_b tc filter show dev vb egress)" ""
		assert_eq "$label: pins" "$(pinned "$WL_INSTANCE")" ""
		whole "$label"
	done
	unset WL_INSTANCE WL_DB
}

# flowd --detach of a dead one, while its calls fail from one of the last on: it leaves all, or nothing
dead_detach() {
	local label="flowd --detach, $1" calls at rc said=0
	for at in none $((RANDOM % 15 + 8)) $((RANDOM % 15 + 23)) none; do
		if [ -z "$(attached)" ]; then
			flowd_start "$NSB" -i vb --slots 1024 --sweep 100ms --tc "$1" || return
			flowd_stop "$FLOWD_PID" KILL
			send 300
		fi
		[ "$at" = none ] || wish "$((SEQUENCE += 1)):bpf:$((calls - at)):all"
		rm -f "$WL_TMP/count"
		WL_COUNT=$WL_TMP/count in_b timeout 60 "$FLOWD" --config /dev/null --detach --instance "$WL_INSTANCE" --db "$WL_DB" 2>"$WL_TMP/said"
		rc=$?
		wish "$((SEQUENCE += 1)):none"
		[ "$at" != none ] || calls=$(awk '$1 == "bpf" { print $2 }' "$WL_TMP/count")
		said=$((said + $(grep -c ': cannot be detached' "$WL_TMP/said")))
		assert_eq "$label, $at: exit 0: $(tail -n 2 "$WL_TMP/said")" "$((rc == 0))" "$([ -n "$(pinned "$WL_INSTANCE")" ]; echo $?)"
	done
	say "$label: of $calls calls the last failed; hooks were left $said times"
}

suite live_fault
built "$FAULT_SO"
net_pair || { fail "no veth pair"; finish; }
ip -n "$NSB" addr flush dev vb
ip -n "$NSA" addr flush dev va
wait_until 5 link_quiet
FIRST=0 SEQUENCE=0
wrap
test_under
test_endings
unset WL_INSTANCE WL_DB
count_calls
if [ "${LONG:-}" = all ]; then each_start; else test_starts; fi
test_takeovers
finish
