#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# start.sh: how long flowd takes to start: from exec to the first packet that it counts, and until it says that it
# counts, with one interface and with INTERFACES of them (64), while the generator sends at full rate on the last
# CPU. Each start has a new database and new maps. Wall time is the host's, who else is on it included; "CPU" is
# what flowd itself has used until then.
#
#   tests/bench/start.sh [ROUNDS [INTERFACES]]
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/../lib.sh"

ROUNDS=${1:-9}
INTERFACES=${2:-64}
START=$WL_BUILD/bench/start
BPFFS=/proc/$$/root/sys/fs/bpf/wireledger # what flowd finds from behind `ip netns exec`

# more_interfaces N: so that B has N in all, va's peer and those of dummies' kind
more_interfaces() {
	local i
	for ((i = 1; i < $1; i++)); do
		ip link add "wa$i" netns "$NSA" type veth peer name "vb$i" netns "$NSB" || return
		quiet_iface "$NSB" "vb$i"
		ip -n "$NSA" link set "wa$i" up
		ip -n "$NSB" link set "vb$i" up
	done
}

# measure LABEL ROUNDS ARG...
measure() {
	local label=$1 rounds=$2 name=wl$$-start line
	shift 2
	WL_INSTANCES+=("$name")
	line=$(in_b "$START" "$rounds" "$BPFFS/$name/ledger" "$WL_TMP" "$FLOWD" --config /dev/null --instance "$name" "$@") ||
		{ fail "$label"; return; }
	awk -v label="$label" -v load="$(cut -d ' ' -f 1 /proc/loadavg)" -F '\t' '{
		printf "%-20s %5d ms (%d to %d), CPU %d ms", label ", first packet", $1, $2, $3, $4
		printf "; counting %5d ms (%d to %d), CPU %d ms; interfaces %d, load %s\n", $5, $6, $7, $8, $9, load
	}' <<<"$line"
}

suite start
built "$START"
net_pair || { fail "no veth pair"; finish; }
background ip netns exec "$NSA" "$WLGEN" -i va -f 1000 -n 1000000000000 --cpu $(($(nproc) - 1)) >/dev/null 2>&1
measure "1 interface" "$ROUNDS" -i vb
measure "1, trace = no" "$ROUNDS" -i vb --trace no
more_interfaces "$INTERFACES" || { fail "no veth pairs"; finish; }
measure "$INTERFACES interfaces" $((ROUNDS > 5 ? 5 : ROUNDS)) -i 'vb*'
finish
