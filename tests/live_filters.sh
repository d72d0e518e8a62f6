#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_filters.sh: flowctl's answers under pcap filters, against tcpdump's on a capture of the same
# traffic, packet for packet: while flowd runs (from database and socket) and after its end. And
# that totals do not depend on how they are grouped, ordered, formatted or cut.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

FILTERS=(
	''
	'host 10.1.0.2 and tcp port 5201'
	'host 10.1.0.2'
	'src host 10.1.0.1'
	'dst host 10.1.0.1'
	'net 10.1.0.0/24'
	'src net 10.1.0.0/30 and not tcp'
	'host fd00:1::2'
	'ip6 net fd00:1::/64'
	'tcp'
	'udp'
	'icmp'
	'icmp6'
	'ip'
	'ip6'
	'ip6 and tcp'
	'ip and udp'
	'arp'
	'not ip and not ip6'
	'port 5201'
	'tcp src port 5201'
	'tcp dst port 5201'
	'udp dst portrange 6000-6010'
	'udp port 6003'
	'portrange 5201-6002'
	'not tcp and not udp'
	'udp and not port 6000'
	'sctp'
	'ip proto 132'
	'ip proto 47'
	'icmp[icmptype] = icmp-echo'
	'icmp[icmptype] = icmp-echoreply'
	'ether proto 0x88cc'
	'vlan'
	'vlan 100'
	'vlan 100 and udp'
	'vlan 100 and host 10.1.0.1 and udp dst port 5201'
	'vlan 200 and vlan 300'
	'tcp or icmp'
	'host 10.1.0.1 and host 10.1.0.2 and (udp port 6001 or udp port 6002)'
	'src 10.1.0.1 and dst 10.1.0.2 and udp'
	'host 10.9.9.9'
)

ETH=020000000a02020000000a01
IP_UDP=4500005200010000401100000a0100010a0100029c401451003e000000000000
IP_SCTP=4500005200010000408400000a0100010a0100029c40145100000000000000000000
IP_GRE=4500005200010000402f00000a0100010a0100020000080045000010
ARP=08060001080006040001020000000a010a010001000000000000 # the target's address follows

raw() { in_a "$WLTRAF" raw -i va --hex "$ETH$1" --size "$2" --count "$3" >/dev/null; }

traffic() {
	in_a iperf3 -c 10.1.0.2 -p 5201 -n 3M >/dev/null || fail "iperf3"
	iperf_done "$NSB" 5201
	in_a iperf3 -c fd00:1::2 -p 5201 -n 2M -R >/dev/null || fail "iperf3 -6"
	iperf_done "$NSB" 5201
	in_a "$WLTRAF" udp -d 10.1.0.2 -p 6000 -s 30000 --size 100 --count 400 --flows 20 >/dev/null
	in_a "$WLTRAF" udp -d 10.1.0.2 -p 6001 -s 31000 --size 200 --count 111 >/dev/null
	in_a "$WLTRAF" udp -d fd00:1::2 -p 6002 -s 32000 --size 300 --count 222 >/dev/null
	in_b "$WLTRAF" udp -d 10.1.0.1 -p 6003 -s 33000 --size 50 --count 77 >/dev/null
	in_a ping -q -i 0.01 -c 25 10.1.0.2 >/dev/null
	in_a ping -q -i 0.01 -c 15 -s 4000 10.1.0.2 >/dev/null
	in_a ping -q -i 0.01 -c 10 fd00:1::2 >/dev/null
	raw "81000064""0800$IP_UDP" 100 30
	raw "81000065""0800$IP_UDP" 100 12
	raw "88a800c8""8100012c""0800$IP_UDP" 104 17
	raw "0800$IP_SCTP" 96 9
	raw "0800$IP_GRE" 96 8
	raw "88cc0207" 60 6
	raw "${ARP}0a010002" 60 5
	raw "0026424203" 60 4
}

# by_tcpdump FILTER: packets|bytes of the capture
by_tcpdump() {
	tcpdump -r "$WL_TMP/capture" -n -U -w - "$1" 2>/dev/null | "$WLTRAF" count --pcap - |
		jq -r '"\(.packets)|\(.bytes)"'
}

# The last frames that traffic() sends, and so all before them
# shellcheck disable=SC2317 # by wait_until
all_captured() { [ "$(by_tcpdump 'ether[12:2] < 1536')" = "4|240" ]; }

# by_flowctl FILTER ARG...: the same of flowctl
by_flowctl() {
	local filter=("$1")
	shift
	[ -n "${filter[0]}" ] || filter=()
	in_b "$FLOWCTL" --db "$FLOWD_DB" top --json -n 0 "$@" "${filter[@]}" 2>"$WL_TMP/coverage" |
		jq -s -r '"\(map(.packets) | add // 0)|\(map(.bytes) | add // 0)"'
}

check_filters() {
	local filter
	for filter in "${FILTERS[@]}"; do
		assert_eq "$1: filter '$filter'" "$(by_flowctl "$filter" --group flow "${@:2}")" "$(by_tcpdump "$filter")"
	done
}

# Sums are the same however they are asked for.
check_shapes() {
	local want key
	want=$(by_tcpdump '')
	for key in src dst pair proto flow iface vlan; do
		assert_eq "$1: --group $key" "$(by_flowctl '' --group "$key")" "$want"
	done
	for key in bytes packets flows; do
		assert_eq "$1: --by $key" "$(by_flowctl '' --by "$key" --group pair)" "$want"
	done
	assert_eq "$1: ingress and egress" \
		"$(($(by_flowctl '' --group src --dir ingress | cut -d'|' -f1) + $(by_flowctl '' --group src --dir egress | cut -d'|' -f1)))" \
		"${want%|*}"
	assert_eq "$1: --csv has the rows of --json" \
		"$("$FLOWCTL" --db "$FLOWD_DB" top --csv -n 0 --group flow 2>/dev/null | tail -n +2 | wc -l)" \
		"$("$FLOWCTL" --db "$FLOWD_DB" top --json -n 0 --group flow 2>/dev/null | wc -l)"
	assert_eq "$1: -n 3" "$("$FLOWCTL" --db "$FLOWD_DB" top --json -n 3 --group flow 2>/dev/null | wc -l)" 3
	assert_eq "$1: order is by bytes" \
		"$("$FLOWCTL" --db "$FLOWD_DB" top --json -n 0 --group flow 2>/dev/null | jq -s 'map(.bytes) == (map(.bytes) | sort | reverse)')" true
}

suite live_filters tcpdump iperf3 ping
[ -x "$FLOWCTL" ] || { fail "$FLOWCTL is not built"; finish; }
net_pair || { fail "no veth pair"; finish; }
# the capture shall hold what the wire would
in_a ethtool -K va tso off gso off gro off >/dev/null
in_b ethtool -K vb tso off gso off gro off >/dev/null
if ! { serve "$NSB" 6000 && serve "$NSB" 6001 && serve "$NSB" 6002 && serve "$NSA" 6003 && iperf_server "$NSB" 5201; }; then
	fail "no servers"
	finish
fi
flowd_start "$NSB" -i vb --idle 1h --active 2s --sweep 500ms --fragments untracked || finish
ip netns exec "$NSB" tcpdump -i vb -n -w "$WL_TMP/capture" -B 65536 -s 160 -U --immediate-mode 2>"$WL_TMP/tcpdump" &
TCPDUMP=$!
WL_PIDS+=("$TCPDUMP")
wait_until 40 grep -qs listening "$WL_TMP/tcpdump"
traffic
wait_until 40 link_quiet
wait_until 40 all_captured || fail "the last frames are not in the capture"
kill "$TCPDUMP"
wait_until 40 gone "$TCPDUMP"
assert_match "the capture is whole" "$(cat "$WL_TMP/tcpdump")" '(^|[^0-9])0 packets dropped by kernel'
say "captured $(by_tcpdump '') packets and bytes"

check_filters "live"
check_shapes "live"
flowd_stop
check_filters "stored"
check_shapes "stored"
assert_books "filters"
finish
