#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# growth_live.sh: ns a run of flowd's ingress program by the kernel's own count (kernel.bpf_stats_enabled, whose two
# looks at the clock are in it), live on IFACES veths in a network namespace, FLOWS flows of frames of SIZE bytes on
# each in turns, and flowd's share of a core in a quiet window of SECONDS after it. Prints
# "IFACES FLOWS SIZE ns packets percent".
#
#   tests/bench/growth_live.sh IFACES FLOWS SIZE [SECONDS]
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/../lib.sh"

IFACES=${1:-1}
FLOWS=${2:-1000}
SIZE=${3:-100}
SPAN=${4:-10}
PACKETS=400000

# Time and runs of the XDP programs on the interfaces, each once.
program_runs() {
	local id
	for id in $(in_b ip -j link show | jq '.[].xdp.prog.id // empty' | sort -u); do
		bpftool prog show id "$id" -j | jq -r '"\(.run_time_ns // 0) \(.run_cnt // 0)"'
	done | awk '{ ns += $1; runs += $2 } END { print ns + 0, runs + 0 }'
}

run_time() { cat "/proc/$FLOWD_PID/task/"*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'; }

make_ifaces() {
	make_netns "$NSA" && make_netns "$NSB" || return
	local i
	for ((i = 0; i < IFACES; i++)); do
		ip link add "va$i" netns "$NSA" type veth peer name "vb$i" netns "$NSB" || return
		quiet_iface "$NSA" "va$i"
		quiet_iface "$NSB" "vb$i"
		ip -n "$NSA" link set "va$i" up
		ip -n "$NSB" link set "vb$i" up
		in_a ethtool -K "va$i" gro on
		in_b ethtool -K "vb$i" gro on rxvlan off
	done
}

suite growth_live taskset jq
make_ifaces || { fail "no veth pairs"; finish; }
before=$(sysctl -n kernel.bpf_stats_enabled)
flowd_start "$NSB" -i 'vb*' --sweep 1s || finish
taskset -acp 0 "$FLOWD_PID" >/dev/null
for warm in 1 2; do
	sysctl -qw kernel.bpf_stats_enabled=1
	read -r ns runs < <(program_runs)
	for ((i = 0; i < IFACES; i++)); do
		ip netns exec "$NSA" "$WLGEN" -i "va$i" -f "$FLOWS" -s "$SIZE" -n $((PACKETS / warm / IFACES)) \
			--rate 200000 --cpu $(($(nproc) - 1)) >/dev/null
	done
	read -r ns_after runs_after < <(program_runs)
	sysctl -qw "kernel.bpf_stats_enabled=$before"
done
used=$(run_time)
from=$(now_ms)
sleep "$SPAN"
used=$(($(run_time) - used))
span=$(($(now_ms) - from))
flowd_stop
awk -v ifaces="$IFACES" -v flows="$FLOWS" -v size="$SIZE" -v ns=$((ns_after - ns)) -v runs=$((runs_after - runs)) \
	-v used="$used" -v span="$span" 'BEGIN { printf "%d %d %d %.1f %d %.3f\n", ifaces, flows, size, ns / (runs ? runs : 1), runs, used / span / 1e4 }'
finish >/dev/null
