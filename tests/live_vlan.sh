#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_vlan.sh: where a NIC takes VLAN tags off before XDP, records say that the VLAN is unknown, and
# `status` warns; both follow `ethtool -K` at run time. Tags in the bytes are seen whatever ethtool
# says; TC sees those beside the bytes, too; an unknown VLAN does not hinder pairing.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

TAGGER=$WL_BUILD/tests/tagger.bpf.o
WARNING="rx-vlan-offload is on: the NIC takes VLAN tags off before XDP, so an untagged frame is not told \
from a tagged one (ethtool -K vb rxvlan off)"

# send SPORT: untagged, 10 datagrams of that source port
send() { in_a "$WLTRAF" udp -d 10.1.0.2 -p 9 -s "$1" --count 10 --size 100 >/dev/null || fail "wltraf udp"; }

# send_tagged TAG: 10 UDP frames with it in their bytes, 4 hexadecimal digits
send_tagged() {
	local udp=4500002600010000401100000a0100010a0100029c4014510012000000000000
	in_a "$WLTRAF" raw -i va --hex "020000000a02020000000a018100${1}0800$udp" --count 10 >/dev/null ||
		fail "wltraf raw"
}

rxvlan() { in_b ethtool -K vb rxvlan "$1" || fail "ethtool -K vb rxvlan $1"; }

# vlan_of WHERE [DB]: rows, packets, vlan, marks
vlan_of() {
	sql "SELECT count(*), sum(packets), group_concat(DISTINCT ifnull(vlan, '-')),
		group_concat(DISTINCT marks) FROM flow_plain WHERE $1" "${2:-$FLOWD_DB}"
}

vlan_note() { in_b "$FLOWCTL" --db "$FLOWD_DB" status --json | jq -r '.flowd.interfaces[0].vlan_note'; }
warned() { [ "$(vlan_note)" = "$WARNING" ]; }
not_warned() { [ -z "$(vlan_note)" ]; }
text_warns() { in_b "$FLOWCTL" --db "$FLOWD_DB" status | grep -cxF "vb: $WARNING"; }
log_lines() { grep -cF "$1" "$FLOWD_LOG"; }

# What `flowctl flows` says of a live flow: vlan and marks.
live_flow() {
	in_b "$FLOWCTL" --db "$FLOWD_DB" flows --json -n 0 2>/dev/null |
		jq -c "select(.sport == $1) | [.vlan, .marks]"
}

# rxvlan on, off, and on again under one flowd
run_xdp() {
	rxvlan on
	flowd_start "$NSB" -i vb --ingress xdp || return
	assert_eq "xdp, on: mode" "$(log_lines "ingress by xdp-native")" 1
	assert_eq "xdp, on: log at the start" "$(log_lines "$WARNING")" 1
	send 41001
	send_tagged 0064
	in_a ping -q -i 0.01 -c 10 10.1.0.2 >/dev/null || fail "ping"
	assert_eq "xdp, on: status --json" "$(vlan_note)" "$WARNING"
	assert_eq "xdp, on: status" "$(text_warns)" 1
	assert_match "xdp, on: flows" "$(live_flow 41001)" '^\[null,.*"vlan-unknown"'
	rxvlan off
	wait_until 40 not_warned || fail "xdp: the warning stays where rxvlan is off"
	send 41002
	send_tagged 0065
	assert_eq "xdp, off: status" "$(text_warns)" 0
	assert_eq "xdp, off: log" "$(log_lines "'vb': rx-vlan-offload is off")" 1
	rxvlan on
	wait_until 40 warned || fail "xdp: no warning where rxvlan is on again"
	send 41003
	assert_eq "xdp, on again: log" "$(log_lines "$WARNING")" 2
	flowd_stop
	check_xdp
}

check_xdp() {
	assert_eq "xdp, on: untagged" "$(vlan_of 'sport = 41001')" "1|10|-|128"
	assert_eq "xdp, on: tag in the bytes" "$(vlan_of 'vlan = 100')" "1|10|100|0"
	assert_eq "xdp, off: untagged" "$(vlan_of 'sport = 41002')" "1|10|-|0"
	assert_eq "xdp, off: tag in the bytes" "$(vlan_of 'vlan = 101')" "1|10|101|0"
	assert_eq "xdp, on again: untagged" "$(vlan_of 'sport = 41003')" "1|10|-|128"
	assert_eq "xdp in, tc out: one record" \
		"$(sql 'SELECT count(*), packets, rev_packets, vlan, marks FROM flow_plain WHERE proto = 1')" "1|10|10||128"
	assert_books "xdp"
}

# What was switched while no flowd ran is known before its first sweep.
run_takeover() {
	WL_INSTANCE=wl$$-over WL_DB=$WL_TMP/over.db
	rxvlan on
	flowd_start "$NSB" -i vb --ingress xdp || return
	flowd_stop "$FLOWD_PID" KILL
	rxvlan off
	flowd_start "$NSB" -i vb --ingress xdp || return
	send 42001
	assert_eq "takeover: status --json" "$(vlan_note)" ""
	flowd_stop
	assert_eq "takeover: untagged" "$(vlan_of 'sport = 42001')" "1|10|-|0"
	assert_books "takeover"
	WL_INSTANCE='' WL_DB=''
}

# A tag beside the bytes: two instances on one interface, by TC and by XDP
run_beside() {
	local tc_pid tc_db
	rxvlan on
	flowd_start "$NSB" -i vb --ingress tc --egress none || return
	tc_pid=$FLOWD_PID tc_db=$FLOWD_DB
	assert_eq "tc: status --json" "$(vlan_note)" ""
	assert_eq "tc: log" "$(log_lines "rx-vlan-offload")" 0
	flowd_start "$NSB" -i vb --ingress xdp --egress none || return
	send 43001
	if ! in_a tc qdisc add dev va clsact ||
		! in_a tc filter add dev va egress bpf direct-action obj "$TAGGER" sec tc; then
		fail "no tagger on va"
	fi
	send 43002
	in_a tc qdisc del dev va clsact
	flowd_stop "$tc_pid"
	flowd_stop
	assert_eq "tc: untagged" "$(vlan_of 'sport = 43001' "$tc_db")" "1|10|-|0"
	assert_eq "tc: tag beside the bytes" "$(vlan_of 'sport = 43002' "$tc_db")" "1|10|5|0"
	assert_eq "xdp: untagged" "$(vlan_of 'sport = 43001')" "1|10|-|128"
	assert_eq "xdp: tag beside the bytes" "$(vlan_of 'sport = 43002')" "1|10|-|128"
	assert_books "beside, tc" "$tc_db"
	assert_books "beside, xdp"
}

suite live_vlan ping tc
[ -e "$TAGGER" ] || { fail "$TAGGER is not built"; finish; }
net_pair || { fail "no veth pair"; finish; }
serve "$NSB" 9 || { fail "no server"; finish; }
run_xdp
run_takeover
run_beside
finish
