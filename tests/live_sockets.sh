#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_sockets.sh: what sockets send, with every offload on: what A's TC egress counts must be what
# B's XDP counts and what B's interface counts, flow by flow, and the other way round. iperf3 TCP
# with TSO and GRO, UDP_SEGMENT, fragmented pings, tagged and odd frames; MTU 1500 and 9000.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

iperf() {
	in_a iperf3 -J "$@" >"$WL_TMP/iperf.json" || fail "iperf3 $*: $(jq -r .error "$WL_TMP/iperf.json")"
	iperf_done "$NSB" 5201
}

traffic() {
	iperf -c 10.1.0.2 -p 5201 -t 2
	iperf -c 10.1.0.2 -p 5201 -t 1 -R -P 3
	iperf -c fd00:1::2 -p 5201 -t 1
	iperf -c fd00:1::2 -p 5201 -t 1 --bidir
	iperf -c 10.1.0.2 -p 5201 -u -b 200M -t 1
	in_a "$WLTRAF" gso -d 10.1.0.2 -p 9 -s 20000 --size 1000 --segments 40 --count 500 --flows 5 >"$WL_TMP/gso4"
	in_a "$WLTRAF" gso -d fd00:1::2 -p 9 -s 20000 --size 1233 --segments 10 --count 200 >"$WL_TMP/gso6"
	in_a "$WLTRAF" udp -d 10.1.0.2 -p 9 -s 30000 --size 18 --count 3000 --flows 300 >/dev/null
	in_a "$WLTRAF" udp -d 10.1.0.2 -p 9 -s 31000 --size 20000 --count 50 >/dev/null
	in_b "$WLTRAF" tcp -d 10.1.0.1 -p 9 -s 32000 --size 100000 --count 10 >/dev/null
	in_a ping -q -i 0.01 -c 30 -s 8000 10.1.0.2 >/dev/null
	in_a ping -q -i 0.01 -c 30 -s 8000 fd00:1::2 >/dev/null
	in_a "$WLTRAF" vectors -i va --count 3 >/dev/null
}

# UDP_SEGMENT against arithmetic: 500 x 40 segments of 1000 bytes, 42 bytes of headers each
check_gso() {
	assert_eq "$1: UDP_SEGMENT, IPv4" \
		"$(flow_table 0 "dport = 9 AND proto = 17 AND sport BETWEEN 20000 AND 20004 AND typeof(src) = 'integer'" "$DB_B" |
			cut -d'|' -f10-)" \
		"$(yes '4000|4168000|4112000' | head -n 5)"
	assert_eq "$1: UDP_SEGMENT, IPv6" \
		"$(flow_table 0 "dport = 9 AND proto = 17 AND typeof(src) = 'blob'" "$DB_B" | cut -d'|' -f10-)" \
		"2000|$((2000 * (1233 + 62)))|$((2000 * (1233 + 48)))"
}

# 8,000 bytes and 8 of ICMP in fragments: the first under type 8, the rest under the fragment mark,
# where 3 of the vector table are too
check_ping() {
	local mtu=$2 rest=$((8008 - ($2 - 20) / 8 * 8)) fragments=0
	[ "$rest" -gt 0 ] && fragments=$(((rest + (mtu - 20) / 8 * 8 - 1) / ((mtu - 20) / 8 * 8)))
	assert_eq "$1: later fragments of 30 pings" \
		"$(sql "SELECT ifnull(sum(packets), 0) FROM ($WL_DIRECTED) WHERE d = 0 AND proto = 1 AND
			typeof(src) = 'integer' AND marks & 1" "$DB_B")" "$((30 * fragments + 3))"
}

# compare_ways LABEL DB-OUT DB-IN NETNS IFACE: flow by flow; but what the driver drops behind the
# hook (a full ring, before Linux 6.16) it counts for the interface alone.
compare_ways() {
	local dropped out in
	dropped=$(counter "$4" "$5" tx_dropped)
	flow_table 1 1 "$2" >"$WL_TMP/out"
	flow_table 0 1 "$3" >"$WL_TMP/in"
	if [ "$dropped" = 0 ]; then
		assert_same "$1" "$WL_TMP/out" "$WL_TMP/in"
		return
	fi
	out=$(seen 1 "$2") in=$(seen 0 "$3")
	assert_eq "$1: sums with $dropped frames dropped by $5" "${out%|*}" "$((${in%|*} + dropped))"
	skip "$1: flow by flow: $5 dropped $dropped frames behind the hook"
}

# run LABEL MTU
run() {
	local label=$1 pid_a pid_b before
	net_pair "$2" || { fail "$label: no veth pair"; return; }
	if ! { serve "$NSA" 9 && serve "$NSB" 9 && iperf_server "$NSB" 5201; }; then
		fail "$label: no servers"
		return
	fi
	flowd_start "$NSB" -i vb --fragments untracked || return
	pid_b=$FLOWD_PID DB_B=$FLOWD_DB
	flowd_start "$NSA" -i va --fragments untracked || return
	pid_a=$FLOWD_PID DB_A=$FLOWD_DB
	before=$(counter "$NSB" vb rx_packets):$(counter "$NSB" vb rx_bytes)
	traffic
	wait_until 40 link_quiet || fail "$label: the link does not come to rest"
	local packets=$(($(counter "$NSB" vb rx_packets) - ${before%:*}))
	local bytes=$(($(counter "$NSB" vb rx_bytes) - ${before#*:}))
	flowd_stop "$pid_a"
	flowd_stop "$pid_b"
	# veth counts received skbs without their 14 bytes of Ethernet
	assert_eq "$label: hook's count at B and the interface's" "$(seen 0 "$DB_B")" \
		"$packets|$((bytes + 14 * packets))"
	assert_books "$label, A" "$DB_A"
	assert_books "$label, B" "$DB_B"
	compare_ways "$label: A's TC egress and B's XDP" "$DB_A" "$DB_B" "$NSA" va
	compare_ways "$label: B's TC egress and A's XDP" "$DB_B" "$DB_A" "$NSB" vb
	check_gso "$label"
	check_ping "$label" "$2"
	say "$label: $packets packets, $bytes bytes to B"
	net_drop
}

suite live_sockets iperf3 ping
run "MTU 1500" 1500
run "MTU 9000" 9000
finish
