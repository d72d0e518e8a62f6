#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_hooks.sh: ingress counted by XDP equals ingress counted by TC for the same frames: two
# instances on one interface, TCP with GRO, UDP_SEGMENT, fragments, every odd frame of the vector
# table, tags, MTU 9000; tcx and clsact.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

# Frames of 64 bytes: [TPID TCI ...] EtherType, then zeros; and UDP in a VLAN, and in QinQ.
ETH=020000000a02020000000a01
UDP4=4500002600010000401100000a0100010a0100029c4014510012000000000000

tagged_frames() {
	local tags
	for tags in 81000064 "81000064 81000065" "88a800c8 8100012c" "81001000" "88a80fff"; do
		in_a "$WLTRAF" raw -i va --hex "$ETH${tags// /}0800$UDP4" --size 100 --count 20 >/dev/null
		in_a "$WLTRAF" raw -i va --hex "$ETH${tags// /}88cc" --size 100 --count 20 >/dev/null
	done
}

traffic() {
	in_a iperf3 -c 10.1.0.2 -p 5201 -t 1 >/dev/null || fail "iperf3"
	iperf_done "$NSB" 5201
	in_a iperf3 -c fd00:1::2 -p 5201 -t 1 >/dev/null || fail "iperf3, IPv6"
	iperf_done "$NSB" 5201
	in_a "$WLTRAF" gso -d 10.1.0.2 -p 9 -s 20000 --size 1000 --segments 40 --count 500 --flows 5 >/dev/null
	in_a "$WLTRAF" tcp -d 10.1.0.2 -p 9 --size 100000 --count 100 >/dev/null
	in_a ping -q -i 0.01 -c 20 -s 8000 10.1.0.2 >/dev/null
	in_a ping -q -i 0.01 -c 20 -s 8000 fd00:1::2 >/dev/null
	in_a "$WLTRAF" vectors -i va --count 10 >/dev/null
	in_a "$WLGEN" -i va -n 200000 -f 3000 --spread 9 --cpu 0 >/dev/null || fail "wlgen"
	tagged_frames
}

# run LABEL MTU FLOWD-ARG...
run() {
	local label=$1 mtu=$2 pid_x pid_t db_x db_t
	shift 2
	net_pair "$mtu" || { fail "$label: no veth pair"; return; }
	if ! { serve "$NSB" 9 && iperf_server "$NSB" 5201; }; then
		fail "$label: no servers"
		return
	fi
	flowd_start "$NSB" -i vb --ingress xdp --egress none || return
	pid_x=$FLOWD_PID db_x=$FLOWD_DB
	flowd_start "$NSB" -i vb --ingress tc "$@" || return
	pid_t=$FLOWD_PID db_t=$FLOWD_DB
	traffic
	wait_until 40 link_quiet
	flowd_stop "$pid_x"
	flowd_stop "$pid_t"
	flow_table 0 1 "$db_x" >"$WL_TMP/xdp"
	flow_table 0 1 "$db_t" >"$WL_TMP/tc"
	assert_same "$label: XDP and TC ingress" "$WL_TMP/xdp" "$WL_TMP/tc"
	assert_eq "$label: what the hooks saw" "$(seen 0 "$db_t")" "$(seen 0 "$db_x")"
	assert_books "$label, xdp" "$db_x"
	assert_books "$label, tc" "$db_t"
	say "$label: $(seen 0 "$db_x") packets and bytes, $(wc -l <"$WL_TMP/xdp") flows"
	net_drop
}

suite live_hooks iperf3 ping
run "tcx" 1500 --egress none --tc tcx
run "clsact" 1500 --egress none --tc clsact
run "tcx, MTU 9000" 9000 --egress none
finish
