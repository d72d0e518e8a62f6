#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# bench.sh: what wireledger costs on this machine, beside comparators measured in the same run:
#
#   datapath    ns a packet by BPF_PROG_TEST_RUN: empty program, parser alone, the same work on LRU_PERCPU_HASH
#               and on a HASH with locks, by numbers of flows, Zipf's law, protocol and length; two CPUs beside
#               one; what the analysis of TCP adds, and what samples cost: off, 1/1000, 1/1
#   tracepoints ns an event of the programs on drops, sampled or not, retransmits, resets, connections, live
#   sweep       slots and records a second of flowd's sweep
#   sink        rows and samples a second of the SQLite sink
#   queries     flowctl top over a day of 10,000,000 records, beside nfdump and plain SQL, the same top 10;
#               ingest, and bytes on disk (tests/bench/queries.sh; some 20 minutes)
#   replay      packets a CPU second of flowd -r into a database, by kind of capture, beside softflowd, nfpcapd, argus,
#               pmacctd and tcpdump on the same files, and what each says was in them (tests/bench/replay.sh)
#   growth      how costs grow with flows, maps, packets, interfaces and records: CSV, SVG (tests/bench/growth.sh)
#   scan        records a CPU second of flowctl top over a day's records, by filter and group
#   anonymize   ns an address, and a frame, of flowctl --anonymize
#   live        what a monitor takes from traffic at full rate over veth, and what it loses of it, beside softflowd
#               and pmacctd where they are installed (tests/bench/live.sh)
#   start       from exec to the first packet counted, and with 64 interfaces
#   flowd       share of a core and resident memory, live, idle and with 10,000 and 100,000 active flows
#
# Figures are medians; "spread" is the least and the greatest round. Ratios travel, nanoseconds do not.
#
#   scripts/bench.sh [--quick]    quick: fewer rounds, a short live window, a day of 1,000,000 records

set -eu
cd "$(dirname "$0")/.."

ROUNDS=9
RECORDS=10000000
DATAPATH=()
SECONDS_LIVE=65
FLOWS="0 10000 100000"
LIVE_ROUNDS=7
QUICK=()

case "${1:-}" in
"") ;;
--quick)
	ROUNDS=5
	RECORDS=1000000
	DATAPATH=(--quick)
	SECONDS_LIVE=20
	FLOWS="0 10000"
	LIVE_ROUNDS=3
	QUICK=(--quick)
	;;
*)
	echo "usage: scripts/bench.sh [--quick]" >&2
	exit 2
	;;
esac
if [ "$(id -u)" -ne 0 ]; then
	echo "SKIP bench (loading programs needs root)"
	exit 0
fi

machine() {
	local model mem
	model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	mem=$(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo)
	echo "machine: ${model:-$(uname -m)}, $(nproc) CPUs, $mem, Linux $(uname -r), load $(cut -d ' ' -f 1 /proc/loadavg)"
	echo "version: $(git describe --always --dirty 2>/dev/null || echo unknown), $(date -u +%Y-%m-%dT%H:%MZ)"
}

section() { printf '\n== %s ==\n' "$1"; }

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
make -s build/bin/flowd build/bin/flowctl test-tools bench-tools
machine
section datapath
build/bench/datapath "${DATAPATH[@]}"
section tracepoints
ROUNDS=3 tests/bench/events.sh
section sweep
build/bench/sweep "$ROUNDS"
section sink
build/bench/sink "$TMP" "$ROUNDS"
section queries
tests/bench/queries.sh "${QUICK[@]}"
section replay
tests/bench/replay.sh "${QUICK[@]}"
section growth
tests/bench/growth.sh "${QUICK[@]}" build/bench/growth
section scan
build/bench/scan build/bin/flowctl "$TMP" "$RECORDS" "$ROUNDS"
section anonymize
build/bench/anonymize "$ROUNDS"
section live
tests/bench/live.sh "$LIVE_ROUNDS" 1
section start
tests/bench/start.sh "$LIVE_ROUNDS"
section flowd
for flows in $FLOWS; do
	tests/bench/flowd_cost.sh "$flows" "$SECONDS_LIVE"
done
