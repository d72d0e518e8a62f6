#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_takeover.sh: flowd is killed (-9) again and again under traffic and a next one goes on: every
# packet of every flow is in the database once. The same over keep_attached, and for packets that
# pass while there is no flowd at all.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

KILLS=${WL_KILLS:-8}

# compare LABEL CSV...: flows of the database and of the generator; but where there was no CPU to make room for
# all of them, the sums alone
compare() {
	local label=$1
	shift
	cat "$@" | awk -F, '{ k = $1 "," $2 "," $3 "," $4; p[k] += $5; b[k] += $6 }
		END { for (k in p) print k "," p[k] "," b[k] }' | sort >"$WL_TMP/want"
	assert_roomy "$label"
	if [ "$(folded)" = 0 ]; then
		sql "SELECT src, dst, sport, dport, sum(packets), sum(bytes) FROM flow_text
			GROUP BY src, dst, sport, dport" | tr '|' , | sort >"$WL_TMP/got"
		assert_same "$label: packets and bytes of each flow" "$WL_TMP/got" "$WL_TMP/want"
	fi
	assert_eq "$label: the hook's own count" "$(seen 0)" \
		"$(awk -F, '{ p += $5; b += $6 } END { printf "%d|%d", p, b }' "$WL_TMP/want")"
	assert_books "$label"
}

# What a successor says of itself.
took_over() { assert_match "$1: takes over" "$(cat "$FLOWD_LOG")" 'on the maps of a predecessor'; }

test_kills() {
	local label="$KILLS kills" i pid
	WL_INSTANCE=wl$$-kill$TRIAL WL_DB=$WL_TMP/kill$TRIAL.db
	flowd_start "$NSB" -i vb --sweep 100ms --slots 16384 || return
	ip netns exec "$NSA" "$WLGEN" -i va -n $((3000000 >> TRIAL)) -f 30000 --spread 20 --rate $((400000 >> TRIAL)) --cpu 0 \
		--per-flow "$WL_TMP/kill.csv" >"$WL_TMP/kill.json" &
	pid=$!
	WL_PIDS+=("$pid")
	for ((i = 0; i < KILLS; i++)); do
		wait_ms $((200 + RANDOM % 500))
		flowd_stop "$FLOWD_PID" KILL
		flowd_start "$NSB" -i vb --sweep 100ms --slots 16384 || return
		took_over "$label"
	done
	wait "$pid"
	assert_eq "$label: wlgen" "$?" 0
	assert_eq "$label: a kill fell into traffic" "$(jq '.seconds > 3' "$WL_TMP/kill.json")" true
	flowd_stop
	compare "$label" "$WL_TMP/kill.csv"
	assert_eq "$label: a sweep's number is in the database" \
		"$(sql "SELECT value > 0 FROM meta WHERE key = 'last_sweep'")" 1
}

# Nobody is there while 300,000 packets pass.
test_gap() {
	local label="packets without a flowd"
	WL_INSTANCE=wl$$-gap$TRIAL WL_DB=$WL_TMP/gap$TRIAL.db
	flowd_start "$NSB" -i vb || return
	in_a "$WLGEN" -i va -n 100000 -f 5000 --per-flow "$WL_TMP/gap1.csv" >/dev/null
	flowd_stop "$FLOWD_PID" KILL
	in_a "$WLGEN" -i va -n 300000 -f 8000 --per-flow "$WL_TMP/gap2.csv" >/dev/null
	flowd_start "$NSB" -i vb || return
	took_over "$label"
	flowd_stop
	compare "$label" "$WL_TMP/gap1.csv" "$WL_TMP/gap2.csv"
}

# new_pair: vn, its peer wn in A, no address
new_pair() {
	ip link add wn netns "$NSA" type veth peer name vn netns "$NSB"
	quiet_iface "$NSA" wn
	quiet_iface "$NSB" vn
	ip -n "$NSA" link set wn up
	ip -n "$NSB" link set vn up
}
said() { grep -qE "$1" "$FLOWD_LOG"; }
came_more() { [ "$(counter "$NSB" vn rx_packets)" -ge "$1" ]; }

# Killed before the row of an interface that came was committed, and traffic goes on: all of it is the next one's.
test_came() {
	local label="an interface that came before the kill" pid
	WL_INSTANCE=wl$$-came$TRIAL WL_DB=$WL_TMP/came$TRIAL.db
	flowd_start "$NSB" -i vb -i 'vn*' --sweep 60s --slots 262144 || return
	new_pair
	wait_until 40 said "'vn': ingress by" || fail "$label: vn is not counted"
	wait_until 40 is_up wn || fail "$label: wn does not come up"
	ip netns exec "$NSA" "$WLGEN" -i wn -n $((12000000 >> TRIAL)) -f 3000 --cpu 0 \
		--per-flow "$WL_TMP/came.csv" >"$WL_TMP/came.json" &
	pid=$!
	WL_PIDS+=("$pid")
	wait_until 40 came_more 200000 || fail "$label: no traffic"
	flowd_stop "$FLOWD_PID" KILL
	assert_eq "$label: its row is not there yet" "$(sql "SELECT count(*) FROM interface WHERE name = 'vn'")" 0
	flowd_start "$NSB" -i vb -i 'vn*' --sweep 100ms || return
	took_over "$label"
	wait "$pid"
	assert_eq "$label: wlgen" "$?" 0
	flowd_stop
	compare "$label" "$WL_TMP/came.csv"
	ip -n "$NSB" link del vn
}

holds() { [ "$(sql 'SELECT sum(held_packets) FROM ledger' 2>/dev/null)" = "$1" ]; }
nothing_attached() { [ -z "$(attached)" ]; }
attached() { ip -n "$NSB" -j -d link show dev vb | jq -r '.[0].xdp.prog.id // empty'; }

test_keep_attached() {
	local label="keep_attached" before
	WL_INSTANCE=wl$$-keep WL_DB=$WL_TMP/keep.db
	flowd_start "$NSB" -i vb --keep-attached yes || return
	in_a "$WLGEN" -i va -n 100000 -f 5000 --per-flow "$WL_TMP/keep1.csv" >/dev/null
	before=$(attached)
	assert_match "$label: a program is attached" "$before" '^[0-9]+$'
	flowd_stop
	assert_eq "$label: exit" "$FLOWD_RC" 0
	assert_eq "$label: the program stays" "$(attached)" "$before"
	assert_eq "$label: live flows are written, with reason 4" \
		"$(sql 'SELECT sum(packets), min(end_reason), max(end_reason) FROM flow_plain')" "100000|4|4"
	in_a "$WLGEN" -i va -n 50000 -f 5000 --per-flow "$WL_TMP/keep2.csv" >/dev/null
	flowd_start "$NSB" -i vb || return
	took_over "$label"
	flowd_stop
	compare "$label" "$WL_TMP/keep1.csv" "$WL_TMP/keep2.csv"
	assert_eq "$label: without it nothing stays" "$(attached)" ""
}

test_detach() {
	local label="detach after kill -9" out
	WL_INSTANCE=wl$$-detach WL_DB=$WL_TMP/detach.db
	flowd_start "$NSB" -i vb || return
	in_a "$WLGEN" -i va -n 50000 -f 5000 --per-flow "$WL_TMP/detach.csv" >/dev/null
	settle
	flowd_stop "$FLOWD_PID" KILL
	assert_match "$label: a program is attached" "$(attached)" '^[0-9]+$'
	out=$(in_b "$FLOWD" --detach --config /dev/null --instance "$WL_INSTANCE" --db "$WL_DB" 2>&1)
	assert_eq "$label: exit ($out)" "$?" 0
	assert_eq "$label: no program" "$(attached)" ""
	assert_eq "$label: no filter" "$(in_b tc filter show dev vb ingress)$(in_b tc filter show dev vb egress)" ""
	compare "$label" "$WL_TMP/detach.csv"
	out=$(in_b "$FLOWD" --detach --config /dev/null --instance "$WL_INSTANCE" --db "$WL_DB" 2>&1)
	assert_eq "$label: again, exit ($out)" "$?" 0
}

# The maps go from one database to another and back: each has what was recorded into it, once, and
# neither finds the other's packets missing.
test_databases() {
	local label="another database and back" db
	WL_INSTANCE=wl$$-other
	for db in one two one; do
		WL_DB=$WL_TMP/other-$db.db
		flowd_start "$NSB" -i vb --keep-attached yes || return
		in_a "$WLGEN" -i va -n 40000 -f 2000 >/dev/null
		flowd_stop
		assert_eq "$label: $db, seen is recorded" \
			"$(sql 'SELECT count(*) FROM books_sum WHERE seen_packets != recorded_packets OR
				seen_bytes != recorded_bytes' "$WL_DB")" 0
		assert_eq "$label: $db, unaccounted" \
			"$(sql 'SELECT count(*) FROM ledger WHERE unaccounted_packets != 0 OR
				unaccounted_bytes != 0' "$WL_DB")" 0
	done
	assert_eq "$label: the first" "$(sql 'SELECT sum(packets) FROM flow_plain' "$WL_TMP/other-one.db")" 80000
	assert_eq "$label: the second" "$(sql 'SELECT sum(packets) FROM flow_plain' "$WL_TMP/other-two.db")" 40000
	in_b "$FLOWD" --detach --config /dev/null --instance "$WL_INSTANCE" --db "$WL_DB" 2>/dev/null
	assert_eq "$label: nothing stays" "$(attached)" ""
}

# A start with another database that is refused, at one place or another, leaves the maps to theirs: which goes on after a
# kill as if nothing had been.
test_refused() {
	local label="refused with another database" why out
	WL_INSTANCE=wl$$-refused WL_DB=$WL_TMP/refused.db
	flowd_start "$NSB" -i vb --sweep 100ms || return
	in_a "$WLGEN" -i va -n 40000 -f 2000 >/dev/null
	wait_until 20 holds 40000 || fail "$label: no sweep has seen them"
	flowd_stop "$FLOWD_PID" KILL
	in_a "$WLGEN" -i va -n 1000 -f 100 >/dev/null
	mkdir "$WL_TMP/refused.sock"
	for why in "--socket-group wl-no-such-group" "--socket $WL_TMP/refused.sock" "--user wl-no-such-user" "-i wl-no-such"; do
		# shellcheck disable=SC2086
		out=$(in_b "$FLOWD" --config /dev/null --instance "$WL_INSTANCE" --db "$WL_TMP/refused-by.db" -i vb $why 2>&1)
		assert_eq "$label: $why: exit ($out)" "$?" 1
	done
	flowd_start "$NSB" -i vb --sweep 100ms || return
	in_a "$WLGEN" -i va -n 500 -f 100 >/dev/null
	flowd_stop
	assert_eq "$label: exit" "$FLOWD_RC" 0
	assert_eq "$label: packets" "$(sql 'SELECT sum(packets) FROM flow_plain' "$WL_DB")" 41500
	assert_eq "$label: interfaces" "$(sql 'SELECT count(*) FROM interface WHERE ifnum > 0' "$WL_DB")" 1
	assert_eq "$label: seen, recorded" \
		"$(sql "SELECT seen_packets, recorded_packets FROM books_sum WHERE dir = 0 AND seen_packets" "$WL_DB")" "41500|41500"
	assert_eq "$label: nothing stays" "$(attached)" ""
}

# The host goes down: what is attached and pinned is gone, and what was not recorded has a name afterwards.
test_gone() {
	local label="maps that are gone" out
	WL_INSTANCE=wl$$-gone WL_DB=$WL_TMP/gone.db
	flowd_start "$NSB" -i vb --sweep 100ms || return
	in_a "$WLGEN" -i va -n 50000 -f 5000 >/dev/null
	wait_until 20 holds 50000 || fail "$label: no sweep has seen them"
	flowd_stop "$FLOWD_PID" KILL
	rm -rf "/sys/fs/bpf/wireledger/$WL_INSTANCE"
	wait_until 20 nothing_attached || fail "$label: still attached"
	flowd_start "$NSB" -i vb --sweep 100ms || return
	assert_match "$label: word" "$(cat "$FLOWD_LOG")" \
		"the maps that it is about are gone, .* and with them 50000 packets"
	in_a "$WLGEN" -i va -n 1000 -f 100 >/dev/null
	wait_until 20 holds 1000 || fail "$label: no sweep has seen what came later"
	out=$(in_b "$FLOWCTL" --db "$WL_DB" top)
	assert_match "$label: coverage, live" "$out" 'coverage: 51,000 .*50,000 unaccounted, 0 recorded, 1,000 held;'
	flowd_end # the books do not balance, which is said
	assert_eq "$label: recorded" "$(sql 'SELECT sum(packets) FROM flow_plain')" 1000
	out=$("$FLOWCTL" --db "$WL_DB" top)
	assert_match "$label: coverage" "$out" 'coverage: 51,000 .*50,000 unaccounted, 1,000 recorded, 0 held;'
	out=$("$FLOWCTL" --db "$WL_DB" ledger --check)
	assert_eq "$label: ledger --check" "$?" 1
	assert_match "$label: ledger" "$out" 'off by \+50,?000 packets'
	flowd_start "$NSB" -i vb || return
	assert_eq "$label: it is said once" "$(grep -c 'are gone' "$FLOWD_LOG")" 0
	flowd_end
	assert_eq "$label: after another run" \
		"$(sql 'SELECT sum(unaccounted_packets), sum(held_packets) FROM ledger')" "50000|0"
}

suite live_takeover
net_pair || { fail "no veth pair"; finish; }
ip -n "$NSB" addr flush dev vb
ip -n "$NSA" addr flush dev va
wait_until 40 link_quiet
trials 3 test_kills
trials 3 test_gap
trials 3 test_came
test_keep_attached
test_detach
test_databases
test_refused
test_gone
finish
