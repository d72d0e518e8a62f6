#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# flowd_cost.sh: what flowd costs live: share of a core and resident memory with FLOWS active flows,
# every one with packets in every sweep of 1 s, on a veth in network namespaces. The generator and the
# receiving softirq run on the last CPU, flowd on the first, so that only its own work is counted
# (run time of its threads by /proc/PID/task/TID/schedstat). A window of 65 s holds an active timeout,
# at which every flow is written. With 0 flows it is idle. There are slots for all flows, so that none is evicted.
# Beside the resident memory is what of it the maps have, and their size, the ring of evicted flows included.
# Prints one line; fails over LIMIT_PERCENT or LIMIT_MB where given.
#
#   tests/bench/flowd_cost.sh [FLOWS [SECONDS [LIMIT_PERCENT LIMIT_MB]]]
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/../lib.sh"

FLOWS=${1:-10000}
SPAN=${2:-65}
LIMIT_PERCENT=${3:-}
LIMIT_MB=${4:-}
WARM=5

# Nanoseconds that the threads have run.
run_time() { cat "/proc/$FLOWD_PID/task/"*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'; }

resident_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$FLOWD_PID/status"; }

# What of it is the maps', in kB.
maps_kb() {
	awk '/^[0-9a-f]+-/ { of_map = /anon_inode:bpf-map|bpf_ringbuf/ } of_map && /^Rss:/ { sum += $2 } END { print sum + 0 }' \
		"/proc/$FLOWD_PID/smaps"
}

# A power of two, with as much room again.
slots_for() {
	local slots=65536
	while [ "$slots" -lt $(($1 * 2)) ]; do slots=$((slots * 2)); done
	echo "$slots"
}

generate() {
	[ "$FLOWS" -gt 0 ] || return 0
	background ip netns exec "$NSA" "$WLGEN" -i va -f "$FLOWS" -n $((FLOWS * 2 * (WARM + SPAN + 5))) \
		--rate $((FLOWS * 2)) --cpu $(($(nproc) - 1)) >/dev/null
}

suite flowd_cost taskset
net_pair || { fail "no veth pair"; finish; }
flowd_start "$NSB" -i vb --sweep 1s --slots "$(slots_for "$FLOWS")" || finish
taskset -acp 0 "$FLOWD_PID" >/dev/null
generate
sleep "$WARM"
start_ns=$(run_time)
start_ms=$(now_ms)
idle_kb=$(resident_kb)
sleep "$SPAN"
used_ns=$(($(run_time) - start_ns))
span_ms=$(($(now_ms) - start_ms))
rss_kb=$(resident_kb)
of_maps_kb=$(maps_kb)
maps_bytes=$("$FLOWCTL" --db "$FLOWD_DB" status --json | jq '.flowd.map.bytes + .flowd.ring.size')
flowd_stop
rows=$(sql 'SELECT count(*) FROM flow')
packets=$(sql 'SELECT sum(seen_packets) FROM books_sum')
awk -v flows="$FLOWS" -v used="$used_ns" -v span="$span_ms" -v rss="$rss_kb" -v early="$idle_kb" \
	-v rows="$rows" -v packets="$packets" -v of_maps="$of_maps_kb" -v maps="$maps_bytes" -v load="$(cut -d ' ' -f 1 /proc/loadavg)" 'BEGIN {
	printf "flowd, %d active flows, sweep 1 s, %.0f s: %.2f %% of a core, %.1f MB resident " \
		"(%.1f at the start), %.1f of them of maps of %.1f, %d packets, %d rows, load %s\n",
		flows, span / 1e3, used / span / 1e4, rss / 1024, early / 1024, of_maps / 1024, maps / 1048576, packets, rows, load
}'
if [ -n "$LIMIT_PERCENT" ]; then
	assert_between "hundredths of a percent of a core" $((used_ns / span_ms / 100)) 0 $((LIMIT_PERCENT * 100))
fi
if [ -n "$LIMIT_MB" ]; then
	assert_between "kB resident" "$rss_kb" 0 $((LIMIT_MB * 1024))
fi
finish
