#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# flowd_cost.sh: what flowd costs live: share of a core and resident memory with FLOWS active flows,
# every one with packets in every sweep of 1 s, on a veth in network namespaces. The generator and the
# receiving softirq run on the last CPU, flowd on the first, so that only its own work is counted
# (run time of its threads by /proc/PID/task/TID/schedstat). A window of 65 s holds an active timeout,
# at which every flow is written. Prints one line; fails over LIMIT_PERCENT or LIMIT_MB where given.
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

generate() {
	background ip netns exec "$NSA" "$WLGEN" -i va -f "$FLOWS" -n $((FLOWS * 2 * (WARM + SPAN + 5))) \
		--rate $((FLOWS * 2)) --cpu $(($(nproc) - 1)) >/dev/null
}

suite flowd_cost taskset
net_pair || { fail "no veth pair"; finish; }
flowd_start "$NSB" -i vb --sweep 1s || finish
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
flowd_stop
rows=$(sql 'SELECT count(*) FROM flow')
packets=$(sql 'SELECT sum(seen_packets) FROM books_sum')
awk -v flows="$FLOWS" -v used="$used_ns" -v span="$span_ms" -v rss="$rss_kb" -v early="$idle_kb" \
	-v rows="$rows" -v packets="$packets" 'BEGIN {
	printf "flowd, %d active flows, sweep 1 s, %.0f s: %.2f %% of a core, %.1f MB resident " \
		"(%.1f at the start), %d packets, %d rows\n",
		flows, span / 1e3, used / span / 1e4, rss / 1024, early / 1024, packets, rows
}'
if [ -n "$LIMIT_PERCENT" ]; then
	assert_between "hundredths of a percent of a core" $((used_ns / span_ms / 100)) 0 $((LIMIT_PERCENT * 100))
fi
if [ -n "$LIMIT_MB" ]; then
	assert_between "kB resident" "$rss_kb" 0 $((LIMIT_MB * 1024))
fi
finish
