#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_flood.sh: packets of new flows beside 1,000 steady ones, nine to one: sums are exact, the steady flows keep 99.9 % of
# their packets under their own key, no more records go to the database than record.rate allows, flowd's own memory
# stays below memory.max, what was folded is in the ledger, in the coverage line and in the status. The same where
# each new flow goes to an address and port of its own, exports follow each other fast, and records of the steady
# flows are due while that goes on. And nobody can read the seed of the flow map's hash.
#
# Where the host is so slow that the kernel finds no room for what it evicts, half the packets a second are tried.
# LONG=1: a minute, as fast as the generator is, with what it took.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

suite live_flood bpftool
net_pair || { fail "no veth pair"; finish; }
ip -n "$NSB" addr flush dev vb
ip -n "$NSA" addr flush dev va
wait_until 5 link_quiet

RATE=1000
MEMORY_MB=80
STEADY=1000
RATE_DONE=0 # packets a second at which the first flood was well

# What flowd takes beside its maps, in kB, the most of it; into the file, until flowd ends
watch_memory() {
	local most=0 now
	while now=$(awk '/^RssAnon/ { print $2 }' "/proc/$1/status" 2>/dev/null) && [ -n "$now" ]; do
		[ "$now" -le "$most" ] || echo "$now" >"$2"
		[ "$now" -le "$most" ] || most=$now
		wait_ms 100
	done
}

# Hundredths of a percent of the steady flows' packets that are under their own key, and no more than were sent
steady_share() {
	sql "SELECT src, sport, sum(packets) FROM flow_text WHERE src LIKE '10.128.0.%' GROUP BY 1, 2" |
		awk -F'[|,]' -v steady="$STEADY" '
			FILENAME == ARGV[1] { got[$1 ":" $2] = $3; next }
			{ split($1, a, "."); n = a[4] * 16 + $3 - 10000 }
			$1 ~ /^10\.128\.0\./ && n < steady {
				sent += $5
				have = got[$1 ":" $3]
				own += have
				if (have > $5) print "more than sent of " $1 ":" $3
			}
			END { printf "%d\n", sent ? own * 10000 / sent : 0 }' - "$WL_TMP/sent.csv"
}

# cpu_ms PID
cpu_ms() { awk -v hz="$(getconf CLK_TCK)" '{ print int(($14 + $15) * 1000 / hz) }' "/proc/$1/stat"; }

# flood LABEL WLGEN-ARG...: false where the kernel had no room. What flowd is told beside is in FLOOD_FLOWD.
FLOOD_FLOWD=()
flood() {
	local label=$1 began coverage folded
	shift
	flowd_start "$NSB" -i vb --slots 16384 --ring 32M --record-rate "$RATE" --memory-max "${MEMORY_MB}M" \
		"${FLOOD_FLOWD[@]}" || finish
	began=$(now_ms)
	echo 0 >"$WL_TMP/memory"
	watch_memory "$FLOWD_PID" "$WL_TMP/memory" &
	WL_PIDS+=("$!")
	generate --order "flood:$STEADY:9" -p tcp --cpu 0 "$@"
	CPU_MS=$(cpu_ms "$FLOWD_PID")
	TOOK_MS=$(($(now_ms) - began))
	"$FLOWCTL" --db "$FLOWD_DB" status --json >"$WL_TMP/status"
	KERNEL=$(jq '.flowd.cache.ring_full' "$WL_TMP/status")
	assert_match "$label: status" "$("$FLOWCTL" --db "$FLOWD_DB" status)" 'records +at most 1,000 a second.* [1-9][0-9,]* folded with [1-9]'
	flowd_stop
	ROWS=$(sql "SELECT count(*) FROM flow")
	balance "$label"
	# two seconds' worth may be saved up, and go once more at the end; an eighth of one is for what was folded
	assert_between "$label: rows in $TOOK_MS ms at $RATE a second" "$ROWS" 1 \
		$((RATE * ($(now_ms) - began) / 1000 + 2 * 2 * RATE + 2 * RATE / 8))
	assert_between "$label: flowd's memory beside maps, kB" "$(cat "$WL_TMP/memory")" 1 $((MEMORY_MB * 1024))
	folded=$(sql 'SELECT sum(folded_packets) + sum(catchall_packets) FROM ledger')
	assert_eq "$label: packets of folded records and the ledger's" \
		"$(sql 'SELECT sum(packets) FROM flow_plain WHERE marks & 24')" "$folded"
	assert_between "$label: folded" "$folded" 1 "$SENT_PACKETS"
	coverage=$("$FLOWCTL" --db "$FLOWD_DB" top -n 1 | tail -n 1)
	assert_match "$label: coverage" "$coverage" ' under their own key, [1-9][0-9,]* folded'
	"$FLOWCTL" --db "$FLOWD_DB" top -n 1 --json 2>"$WL_TMP/said" >/dev/null
	assert_match "$label: coverage of JSON" "$(cat "$WL_TMP/said")" ' own key, [1-9][0-9,]* folded'
	[ "$KERNEL" = 0 ]
}

test_flood() {
	local rate=60000
	# slower where the host gives flowd so little time that sweeps come late, or that the ring is full
	while ! flood "$rate a second" -n $((rate * 8)) -f 2000000 --rate "$rate" || [ "$(steady_share)" -lt 9990 ]; do
		rate=$((rate / 2))
		[ "$rate" -ge 4000 ] && continue
		skip "this host has no time for flowd beside 4,000 packets a second"
		return
	done
	assert_between "$rate a second: steady flows' own, in 1/10000" "$(steady_share)" 9990 10000
	RATE_DONE=$((SENT_RATE < rate ? SENT_RATE : rate))
}

# Long enough that a large record that has waited for 10 seconds goes while the flood does. The host has the time for
# that, as the flood before has shown; at less than 2,500 packets a second too little would be folded.
test_scatter() {
	local rate=$((RATE_DONE / 2)) seconds=15 tries=3 STEADY=100 FLOOD_FLOWD=(--sweep 50ms --active 2s)
	[ "$RATE_DONE" -gt 0 ] || return
	[ "$rate" -ge 2500 ] || rate=2500
	while ! flood "scattered, $rate a second" -n $((rate * seconds)) -f 2000000 --rate "$rate" --scatter ||
		[ "$(steady_share)" -lt 9990 ]; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] && [ $((rate / 2)) -ge 2500 ] || break
		rate=$((rate / 2))
	done
	assert_between "scattered, $rate a second: steady flows' own, in 1/10000" "$(steady_share)" 9990 10000
	assert_between "scattered, $rate a second: records of steady flows that were due" "$(sql "SELECT count(*)
		FROM flow_text WHERE src LIKE '10.128.%' AND dst = '10.200.0.1' AND end_reason = 2")" 1 1000000
}

test_long() {
	local n
	flood "as fast as can be" -n 1000000 -f 2000000
	n=$((SENT_PACKETS * 60000 / TOOK_MS))
	flood "a minute" -n "$n" -f 8000000
	say_long "a minute"
	FLOOD_FLOWD=(--sweep 100ms --active 5s)
	flood "a minute, scattered" -n "$n" -f 8000000 --scatter
	say_long "a minute, scattered"
}

# say_long LABEL: what it took, and that the steady flows are well
say_long() {
	assert_between "$1: steady flows' own, in 1/10000" "$(steady_share)" 9990 10000
	say "$SENT_PACKETS packets in $TOOK_MS ms; flowd: $CPU_MS ms of CPU, $(cat "$WL_TMP/memory") kB, $ROWS rows;" \
		"the kernel had no room $KERNEL times; steady $(steady_share) / 10000;" \
		"$(jq -c '.flowd | {sweep, cache, records, sink}' "$WL_TMP/status")"
}

# The seed is in a map that root alone can open, and nowhere else.
test_seed() {
	local pins=/sys/fs/bpf/wireledger seed file
	flowd_start "$NSB" -i vb --log-level debug || finish
	seed=$(bpftool -j map dump pinned "$pins/$FLOWD_INSTANCE/control" | jq -r '.[0].value[32:96][]' |
		sed 's/0x//' | tr -d '\n')
	assert_match "the seed is known to this test" "$seed" '^[0-9a-f]{128}$'
	for file in "$pins/$FLOWD_INSTANCE"/*; do
		assert_match "mode of $file" "$(stat -c %a "$file")" '^[0-7]00$'
	done
	assert_eq "others cannot open it" "$(setpriv --reuid 65534 --regid 65534 --clear-groups \
		bpftool map dump pinned "$pins/$FLOWD_INSTANCE/control" 2>/dev/null | wc -l)" 0
	"$FLOWCTL" --db "$FLOWD_DB" status --json >"$WL_TMP/status"
	flowd_stop
	for file in "$FLOWD_DB" "$FLOWD_LOG" "$WL_TMP/status"; do
		# a word of it would be too much: each of them is 8 bytes
		for word in 0 16 32 48 64 80 96 112; do
			if od -An -v -tx1 "$file" | tr -d ' \n' | grep -q "${seed:$word:16}"; then
				fail "$file has the word ${seed:$word:16} of the seed"
			fi
		done
		pass
	done
}

if [ -n "${LONG:-}" ]; then
	test_long
else
	test_flood
	test_scatter
	test_seed
fi
finish
