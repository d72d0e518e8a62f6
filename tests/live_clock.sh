#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_clock.sh: the wall clock is set forth and back, by seconds, hours and years, while flowd counts and while it
# is down: every packet is recorded by what the clock said when it came, none lasts less than nothing or ends after
# the clock, the books balance, sums are those of records, and retention forgets nothing.
#
# The clock is a shift of CLOCK_REALTIME within flowd and flowctl (clock_shift.c). A suspended host is the same as a
# step forth: CLOCK_MONOTONIC, by which the hooks and flowd count, stands still while the wall clock goes on. What
# the hooks take of CLOCK_MONOTONIC is not shifted by a time namespace; flowd in one is the last test.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

SHIFT=0
HOUR=3600000
YEAR=$((365 * 24 * HOUR))
SPANS=() # FROM TO PACKETS of each lot, by the clock that there was

wrap() { # PROGRAM FILE
	printf '#!/bin/bash\nLD_PRELOAD="%s" WL_CLOCK_FILE="%s" exec "%s" "$@"\n' "$WL_BUILD/tests/clock_shift.so" "$WL_TMP/clock" "$1" >"$2"
	chmod +x "$2"
}

clock_now() { echo $(($(now_ms) + SHIFT)); }

# clock_set MS: so far from the true one
clock_set() {
	SHIFT=$1
	printf '%-31s\n' "$1" | dd of="$WL_TMP/clock" conv=notrunc status=none
}

# Two passes since the first look at them; a busy flowd may not answer at once.
passed() {
	local now
	now=$("$FLOWCTL" --db "$FLOWD_DB" status --json 2>/dev/null | jq -e .flowd.sweep.count) || return
	: "${PASSES:=$now}"
	[ "$now" -ge $((PASSES + 2)) ]
}

# Until flowd, where it runs, has seen the step, and has what was sent; and lots are apart (check_spans)
settle() {
	wait_ms 300
	PASSES=
	gone "$FLOWD_PID" || wait_until 40 passed || fail "flowd makes no passes"
}

packets_seen() { [ "$(sql 'SELECT ifnull(sum(seen_packets), 0) FROM books_sum WHERE dir = 0' 2>/dev/null || echo 0)" -ge "$1" ]; }

# send N: as a lot of its own, between two looks at the clock
send() {
	local from
	settle
	from=$(clock_now)
	in_a "$WLGEN" -i va -n "$1" -f 100 --first $((FIRST += 100)) >/dev/null
	SENT=$((SENT + $1))
	SPANS+=("$from $(clock_now) $1")
	settle
}

iso() { date -u -d "@$(($1 / 1000)).$(printf %03d $(($1 % 1000)))" +%Y-%m-%dT%H:%M:%S.%3NZ; }

# Each lot is found where it was, and there alone.
check_spans() {
	local label=$1 span from to packets got
	for span in "${SPANS[@]}"; do
		read -r from to packets <<<"$span"
		got=$("$FLOWCTL" --db "$FLOWD_DB" top --stored --from records --group iface --json --since "$(iso $((from - 150)))" \
			--until "$(iso $((to + 150)))" 2>"$WL_TMP/err" | jq -s 'map(.packets) | add // 0')
		assert_eq "$label: packets from $(iso "$from") to $(iso "$to"): $(grep flowctl "$WL_TMP/err")" "$got" "$packets"
	done
}

check_all() {
	local label=$1 sums records
	assert_eq "$label: the hook's own count" "$(seen 0 | cut -d'|' -f1)" "$SENT"
	assert_books "$label"
	assert_eq "$label: records that last less than nothing" "$(sql 'SELECT count(*) FROM flow WHERE duration_ms < 0')" 0
	assert_eq "$label: PRAGMA integrity_check" "$(sql 'PRAGMA integrity_check')" ok
	sums=$("$FLOWCTL" --db "$FLOWD_DB" top --stored --group iface --json 2>/dev/null | jq -sc 'map([.packets, .bytes])')
	records=$("$FLOWCTL" --db "$FLOWD_DB" top --stored --group iface --from records --json 2>/dev/null | jq -sc 'map([.packets, .bytes])')
	assert_eq "$label: sums and records" "$sums" "$records"
	assert_eq "$label: packets of them" "$(jq '.[0][0]' <<<"$records")" "$SENT"
	"$FLOWCTL" --db "$FLOWD_DB" ledger --check --stored >"$WL_TMP/out" 2>&1 || fail "$label: the books: $(head -n 4 "$WL_TMP/out")"
}

stepped() { grep -q "the wall clock stepped by" "$FLOWD_LOG"; }

# steps LABEL MS...: a lot after each of them, flowd counting; and one that goes on over the steps
test_steps() {
	local label=$1 ms pid
	shift
	SENT=0 SPANS=() WL_INSTANCE=wl$$-$label WL_DB=$WL_TMP/$label.db
	clock_set 0
	flowd_start "$NSB" -i vb --sweep 100ms --idle 60s || return
	send 1000
	for ms; do
		clock_set "$ms"
		send 1000
	done
	wait_until 10 stepped || fail "$label: nothing is said of the steps"
	flowd_stop
	check_spans "$label"
	check_all "$label"
}

# The clock is set while nobody looks.
test_down() {
	local label=down ms
	SENT=0 SPANS=() WL_INSTANCE=wl$$-$label WL_DB=$WL_TMP/$label.db
	for ms in 0 "$HOUR" "-$HOUR" 0; do
		clock_set "$ms"
		flowd_start "$NSB" -i vb --sweep 100ms --idle 500ms || return
		send 500
		wait_until 20 packets_recorded || fail "$label: not recorded"
		flowd_stop "$FLOWD_PID" KILL
	done
	flowd_start "$NSB" -i vb || return
	flowd_stop
	check_spans "$label"
	check_all "$label"
}

packets_recorded() { [ "$(sql 'SELECT ifnull(sum(packets), 0) FROM flow' 2>/dev/null || echo 0)" -ge "$SENT" ]; }

# The clock is set while the sink waits for somebody who holds the database.
test_held() {
	local label=held
	SENT=0 SPANS=() WL_INSTANCE=wl$$-$label WL_DB=$WL_TMP/$label.db
	clock_set 0
	flowd_start "$NSB" -i vb --sweep 100ms --idle 500ms || return
	send 500
	wait_until 20 packets_recorded || fail "$label: not recorded"
	db_hold
	settle
	send 400
	wait_ms 1500 # the batch with these cannot be written
	clock_set -"$HOUR"
	send 300
	wait_until 10 stepped || fail "$label: nothing is said of the step"
	send 100
	assert_eq "$label: live, of what is to come" "$("$FLOWCTL" --db "$WL_DB" flows -n 0 --json --since "$(iso $(($(clock_now) - HOUR / 2)))" \
		--until "$(iso $(($(clock_now) + HOUR / 2)))" 2>/dev/null | jq -s 'map(.packets + (.rev_packets // 0)) | add')" 400
	db_release
	wait_until 30 packets_recorded || fail "$label: not recorded after all"
	flowd_stop
	check_spans "$label"
	check_all "$label"
}

# One flow goes on while the clock is set there and back.
test_long() {
	local label=long before
	SENT=50000 SPANS=() WL_INSTANCE=wl$$-$label WL_DB=$WL_TMP/$label.db
	clock_set 0
	flowd_start "$NSB" -i vb --sweep 100ms || return
	background in_a "$WLGEN" -i va -n 50000 -f 20 --rate 5000 >/dev/null
	before=$!
	wait_until 10 packets_seen 1000
	clock_set $((2 * HOUR))
	settle
	wait_ms 700
	clock_set -$((2 * HOUR))
	wait "$before"
	settle
	flowd_stop
	check_all "$label"
	assert_eq "$label: no record is of two times" "$(sql 'SELECT count(*) FROM flow WHERE duration_ms > 60000')" 0
	assert_between "$label: records of how many hours" "$(sql 'SELECT count(DISTINCT id / 3600000 >> 20) FROM flow')" 2 6
	assert_between "$label: records of each time" "$(sql 'SELECT count(*) FROM flow')" 41 200
}

# flowd in a time namespace, whose CLOCK_MONOTONIC is not that of the hooks.
test_namespace() {
	local label="time namespace" real=$FLOWD
	if ! unshare -T --monotonic 100000 true 2>/dev/null; then
		skip "no time namespaces"
		return
	fi
	SENT=0 SPANS=() WL_INSTANCE=wl$$-ns WL_DB=$WL_TMP/ns.db
	clock_set 0
	printf '#!/bin/bash\nexec unshare -T --monotonic 100000 --boottime 100000 "%s" "$@"\n' "$real" >"$WL_TMP/flowd-ns"
	chmod +x "$WL_TMP/flowd-ns"
	FLOWD=$WL_TMP/flowd-ns
	flowd_start "$NSB" -i vb --sweep 100ms --idle 500ms || return
	send 1000
	flowd_stop
	FLOWD=$real
	check_spans "$label"
	check_all "$label"
}

suite live_clock python3 unshare
built "$WL_BUILD/tests/clock_shift.so" "$FLOWCTL"
net_pair || { fail "no veth pair"; finish; }
ip -n "$NSB" addr flush dev vb
ip -n "$NSA" addr flush dev va
wait_until 5 link_quiet
FIRST=0
truncate -s 32 "$WL_TMP/clock"
wrap "$FLOWD" "$WL_TMP/flowd"
wrap "$FLOWCTL" "$WL_TMP/flowctl"
FLOWD=$WL_TMP/flowd FLOWCTL=$WL_TMP/flowctl
export TZ=UTC0
test_steps seconds 5000 -5000 0
test_steps hours $((2 * HOUR)) -$((3 * HOUR)) 0
test_steps years $((3 * YEAR)) 0
test_down
test_held
test_long
test_namespace
finish
