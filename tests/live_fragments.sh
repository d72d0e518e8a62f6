#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_fragments.sh: with `fragments = track` every packet and byte of a fragmented datagram is in the
# flow with its ports; with `untracked` those after the first are a flow with ports 0 and the mark. By
# XDP and by TC, both ways, IPv4 and IPv6, outside and inside a tunnel; in any order, overlapping,
# without the first one, more datagrams than are remembered, and later than 30 seconds.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

COUNT=20       # datagrams
SIZE=20000     # of their payload
FRAGMENTS=14   # of each, with an MTU of 1500: 1480 bytes each, or 1448
LRU=16384      # FLOW_FRAGMENTS of schema/flow.h
LATE_S=30      # for which a first fragment is remembered

# fragment_table DIR: src|dst|proto|sport|dport|marks|packets|bytes|ip_bytes of each flow, sorted
fragment_table() {
	flows_json "$FLOWD_DB" --uniflow | jq -r "select(.dir == \"$1\") | [.src, .dst, .proto, .sport, .dport,
		.marks // \"-\", .packets, .bytes, .ip_bytes] | join(\"|\")" | LC_ALL=C sort
}

# datagram_rows SRC DST SPORT IP-HEADERS TRACKED...: what fragment_table has to say of COUNT datagrams
datagram_rows() {
	local key="$1|$2|17" sport=$3 headers=$4 size=$((SIZE + 8)) first rest
	rest=$((COUNT * (FRAGMENTS - 1)))
	if [ "$5" = track ]; then
		size=$((COUNT * size + COUNT * FRAGMENTS * headers))
		echo "$key|$sport|9|-|$((COUNT * FRAGMENTS))|$((size + 14 * COUNT * FRAGMENTS))|$size"
		return
	fi
	first=$(((1500 - headers) / 8 * 8)) # of the datagram
	size=$((COUNT * (size - first) + rest * headers))
	echo "$key|0|0|fragment|$rest|$((size + 14 * rest))|$size"
	size=$((COUNT * (first + headers)))
	echo "$key|$sport|9|-|$COUNT|$((size + 14 * COUNT))|$size"
}

# both_ways SPORT: datagrams from A and from B
both_ways() {
	local to
	for to in 10.1.0.2 fd00:1::2; do
		in_a "$WLTRAF" udp -d "$to" -p 9 -s "$1" --count "$COUNT" --size "$SIZE" >/dev/null || fail "wltraf udp"
	done
	for to in 10.1.0.1 fd00:1::1; do
		in_b "$WLTRAF" udp -d "$to" -p 9 -s "$1" --count "$COUNT" --size "$SIZE" >/dev/null || fail "wltraf udp"
	done
}

# run_sockets INGRESS FRAGMENTS [FLOWD-ARG...]: counted at B
run_sockets() {
	local label="sockets, $*" rx tx header=0
	[ "$1" = tc ] || header=14
	flowd_start "$NSB" -i vb --ingress "$1" --fragments "${@:2}" || return
	rx=$(counter_mark "$NSB" vb rx) tx=$(counter_mark "$NSB" vb tx)
	both_ways 40001
	rx=$(counter_since "$rx" "$NSB" vb rx "$header") tx=$(counter_since "$tx" "$NSB" vb tx 0)
	flowd_stop
	assert_eq "$label: hook and interface, in" "$(seen 0)" "$rx"
	assert_eq "$label: hook and interface, out" "$(seen 1)" "$tx"
	assert_eq "$label: in" "$(fragment_table ingress)" "$(datagram_rows 10.1.0.1 10.1.0.2 40001 20 "$2"
		datagram_rows fd00:1::1 fd00:1::2 40001 48 "$2")"
	assert_eq "$label: out" "$(fragment_table egress)" "$(datagram_rows 10.1.0.2 10.1.0.1 40001 20 "$2"
		datagram_rows fd00:1::2 fd00:1::1 40001 48 "$2")"
	assert_books "$label"
}

# pings: IP address and frames of 5 echos and their answers, all in one record with their type and code
run_pings() {
	local label="pings, $1" to
	flowd_start "$NSB" -i vb --ingress "$1" || return
	for to in 10.1.0.2 fd00:1::2; do
		in_a ping -q -c 5 -i 0.01 -s 8000 "$to" >/dev/null || fail "$label: ping $to"
	done
	flowd_stop
	assert_eq "$label: a conversation each" \
		"$(flows_json "$FLOWD_DB" | jq -r '[.src, .sport, .dport, .packets, .rev_packets, .bytes, .rev_bytes,
			.marks // "-"] | join("|")' | LC_ALL=C sort)" \
		"$(for to in "10.1.0.1|8|20" "fd00:1::1|128|48"; do
			bytes=$((5 * 8008 + 30 * (14 + ${to##*|})))
			echo "${to%|*}|0|30|30|$bytes|$bytes|-"
		done)"
	assert_books "$label"
}

# --- frames of the corpus -------------------------------------------------------------------------

# judge_live LABEL TABLE: as judge_table, but for the hosts whose answer depends on the capture's clock:
# those with source port 40, which has 40 seconds between its fragments (run_late has such)
judge_live() {
	local late
	late=$(awk -F'\t' '$4 == 40 { print $1 }' "$2")
	late=${late:-no such host}
	grep -vF "$late" "$2" >"$WL_TMP/live.tsv"
	if flows_json "$FLOWD_DB" --uniflow | grep -vF "$late" |
		python3 "$WL_ROOT/tests/corpus_compare.py" --non-ip --told "$WL_TMP/live.tsv" >"$WL_TMP/said" 2>&1; then
		pass
	else
		fail "$1: $(grep -vE '^unjudged' "$WL_TMP/said" | head -n 12)"
	fi
}

# run_frames NAME INGRESS: whatever order fragments can come in
run_frames() {
	local label mode suffix
	for mode in track untracked; do
		label="$1, $2, $mode"
		suffix=tsv
		[ "$mode" = untracked ] || suffix=track.tsv
		flowd_start "$NSB" -i vb --ingress "$2" --egress none --fragments "$mode" || return
		send_frames "$WL_CORPUS/$1.pcap"
		flowd_stop
		assert_eq "$label: hook and sender" "$(seen 0)" "$SENT_PACKETS|$SENT_BYTES"
		judge_live "$label" "$WL_CORPUS/$1.pcap.$suffix"
		assert_books "$label"
	done
}

# --- frames made here -----------------------------------------------------------------------------

# make_frames FILE PIECES...: a capture of UDP fragments. A piece is FAMILY:HOST:ID:START:STOP:MORE, of
# a datagram of ID from host to host, ports ID and 9, START a multiple of 8, MORE 0 or 1; it may be
# FIRST-LAST in place of ID: one such piece for each.
make_frames() {
	python3 - "$WL_CORPUS" "$@" <<'PYTHON'
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import struct
from ipaddress import ip_address
from capture import Capture, pcap_bytes


class Raw:
    def __init__(self, data):
        self.data = data


def piece(family, host, number, start, stop, more):
    udp = struct.pack("!HHHH", number, 9, 2000, 0) + bytes(1992)
    part = udp[start:stop]
    if family == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(part), number, more << 13 | start >> 3, 64, 17, 0)
        ends = ip_address("10.30.%d.1" % host), ip_address("10.30.%d.2" % host)
        packet = b"\x08\x00" + head + ends[0].packed + ends[1].packed + part
    else:
        ends = ip_address("fd00:30::%d:1" % host), ip_address("fd00:30::%d:2" % host)
        head = struct.pack("!IHBB", 6 << 28, 8 + len(part), 44, 64) + ends[0].packed + ends[1].packed
        packet = b"\x86\xdd" + head + struct.pack("!BBHI", 17, 0, start | more, number) + part
    return Raw(bytes.fromhex("020000000a02020000000a01") + packet)


capture = Capture("made.pcap")
for text in sys.argv[3:]:
    family, host, number, *rest = text.split(":")
    first, _, last = number.partition("-")
    for n in range(int(first), int(last or first) + 1):
        capture.add(piece(int(family), int(host), n, *map(int, rest)))
with open(sys.argv[2], "wb") as file:
    file.write(pcap_bytes(capture))
PYTHON
}

# orders FAMILY: host 1 in order, 2 out of order, 3 without its first one, 4 overlapping, 5 the first one
# twice, 6 two datagrams at once and a third without its first one, 7 the first one in the middle
orders() {
	local f=$1
	printf '%s\n' "$f:1:7:0:800:1" "$f:1:7:800:1600:1" "$f:1:7:1600:2000:0" \
		"$f:2:7:1600:2000:0" "$f:2:7:800:1600:1" "$f:2:7:0:800:1" \
		"$f:3:7:800:1600:1" "$f:3:7:1600:2000:0" \
		"$f:4:7:0:800:1" "$f:4:7:8:808:1" "$f:4:7:400:1200:1" "$f:4:7:1200:2000:0" \
		"$f:5:7:0:800:1" "$f:5:7:0:800:1" "$f:5:7:800:2000:0" \
		"$f:6:7:0:800:1" "$f:6:8:0:800:1" "$f:6:7:800:2000:0" "$f:6:8:800:2000:0" "$f:6:9:800:2000:0" \
		"$f:7:7:800:1600:1" "$f:7:7:0:800:1" "$f:7:7:1600:2000:0"
}

# order_rows FAMILY HEADERS: of those, host|sport|marks|packets|ip_bytes with `track`
order_rows() {
	local h=$2
	cat <<-END
		1|7|-|3|$((2000 + 3 * h))
		2|0|fragment|2|$((1200 + 2 * h))
		2|7|-|1|$((800 + h))
		3|0|fragment|2|$((1200 + 2 * h))
		4|7|-|4|$((3200 + 4 * h))
		5|7|-|3|$((2800 + 3 * h))
		6|0|fragment|1|$((1200 + h))
		6|7|-|2|$((2000 + 2 * h))
		6|8|-|2|$((2000 + 2 * h))
		7|0|fragment|1|$((800 + h))
		7|7|-|2|$((1200 + 2 * h))
	END
}

# host_table JQ-FILTER: host|sport|marks|packets|ip_bytes
host_table() {
	flows_json "$FLOWD_DB" --uniflow | jq -r "select($1) | [(.src | split(\":|[.]\"; null)[-2]), .sport,
		.marks // \"-\", .packets, .ip_bytes] | join(\"|\")" | LC_ALL=C sort
}

# run_orders INGRESS
run_orders() {
	local label="orders, $1" pieces
	mapfile -t pieces < <(orders 4; orders 6)
	make_frames "$WL_TMP/orders.pcap" "${pieces[@]}" || { fail "$label: no frames"; return; }
	flowd_start "$NSB" -i vb --ingress "$1" --egress none || return
	send_frames "$WL_TMP/orders.pcap"
	flowd_stop
	assert_eq "$label: hook and sender" "$(seen 0)" "$SENT_PACKETS|$SENT_BYTES"
	assert_eq "$label: IPv4" "$(host_table '.src | contains(".")')" "$(order_rows 4 20)"
	assert_eq "$label: IPv6" "$(host_table '.src | contains(":")')" "$(order_rows 6 48)"
	assert_books "$label"
}

# More datagrams at once than are remembered: the oldest are not, and all is counted.
run_many() {
	local label="20,000 datagrams, $1" found
	make_frames "$WL_TMP/many.pcap" 4:1:1-20000:0:800:1 4:1:1-20000:800:2000:0
	flowd_start "$NSB" -i vb --ingress "$1" --egress none --idle 1h --active 1h || return
	send_frames "$WL_TMP/many.pcap"
	flowd_stop
	assert_eq "$label: hook and sender" "$(seen 0)" "$SENT_PACKETS|$SENT_BYTES"
	found=$(sql "SELECT count(*) FROM flow_plain WHERE packets = 2 AND sport > 0")
	assert_between "$label: later fragments in their flow" "$found" $((LRU / 2)) "$LRU"
	assert_eq "$label: the others" \
		"$(sql "SELECT count(*), sum(packets), marks FROM flow_plain WHERE sport = 0")" "1|$((20000 - found))|1"
	assert_eq "$label: flows" "$(sql "SELECT count(*), sum(packets) FROM flow_plain WHERE sport > 0")" \
		"20000|$((20000 + found))"
	assert_books "$label"
	say "$label: $found found"
}

# --- in a tunnel ----------------------------------------------------------------------------------

# tunnel_udp SPORT SIZE
tunnel_udp() {
	in_a "$WLTRAF" udp -d 10.9.0.2 -p 9 -s "$1" --count "$COUNT" --size "$2" >/dev/null || fail "wltraf udp"
}

# What the tunnel device cuts: 20008 bytes in 15 frames, each with 20 bytes of IP and 64 around it.
# What the one below it cuts: 1550 bytes of outer IP, of which 70 are in a second frame. A locked MTU,
# for the kernel would learn what fits.
run_vxlan() {
	local label="vxlan, $1"
	vxlan_pair 42 10.1.0.1 10.1.0.2 1450 || { skip "$label: no vxlan device"; return; }
	flowd_start "$NSB" -i vb --ingress "$1" --tunnel inner || return
	tunnel_udp 40001 "$SIZE"
	vxlan_drop
	vxlan_pair 43 10.1.0.1 10.1.0.2 1500
	ip -n "$NSA" route replace 10.9.0.0/24 dev vx src 10.9.0.1 mtu lock 1500
	tunnel_udp 40002 1472
	vxlan_drop
	flowd_stop
	assert_eq "$label: each in its flow" "$(flows_json "$FLOWD_DB" --uniflow |
		jq -r '[.tunnel, .tunnel_id, .outer_src, .src, .sport, .dport, .marks // "-", .packets, .bytes] |
			join("|")' | sort)" \
		"vxlan|42|10.1.0.1|10.9.0.1|40001|9|-|$((15 * COUNT))|$((COUNT * (SIZE + 8 + 15 * 84)))
vxlan|43|10.1.0.1|10.9.0.1|40002|9|-|$((2 * COUNT))|$((COUNT * (1514 + 84)))"
	assert_books "$label"
}

# --- later than 30 seconds ------------------------------------------------------------------------

# A second pair of devices, vc in A and vd in B, and two flowd begin with the suite, so that the time
# passes while other tests run.
start_late() {
	ip link add vc netns "$NSA" type veth peer name vd netns "$NSB" || { fail "no second veth pair"; return; }
	quiet_iface "$NSA" vc
	quiet_iface "$NSB" vd
	ip -n "$NSA" link set vc up
	ip -n "$NSB" link set vd up
	in_b ethtool -K vd gro on rxvlan off
	make_frames "$WL_TMP/first.pcap" 4:1:7:0:800:1 6:1:7:0:800:1 4:2:7:0:800:1
	make_frames "$WL_TMP/soon.pcap" 4:2:7:800:1600:1
	make_frames "$WL_TMP/late.pcap" 4:1:7:800:1600:1 6:1:7:800:1600:1 4:2:7:1600:2000:0
	flowd_start "$NSA" -i vc --idle 1h || return
	LATE_PIDS+=("$FLOWD_PID") LATE_DBS+=("$FLOWD_DB")
	flowd_start "$NSB" -i vd --idle 1h || return
	LATE_PIDS+=("$FLOWD_PID") LATE_DBS+=("$FLOWD_DB")
	send_frames "$WL_TMP/first.pcap" vc vd
	LATE_END=$(($(now_ms) + LATE_S * 1000))
	send_frames "$WL_TMP/soon.pcap" vc vd
}

# shellcheck disable=SC2317 # wait_until calls it
is_late() { [ "$(now_ms)" -gt "$LATE_END" ]; }

run_late() {
	local pid
	wait_until $((LATE_S + 5)) is_late
	send_frames "$WL_TMP/late.pcap" vc vd
	for pid in "${LATE_PIDS[@]}"; do flowd_stop "$pid"; done
	for FLOWD_DB in "${LATE_DBS[@]}"; do
		assert_eq "late, IPv4" "$(host_table '.src | contains(".")')" "1|0|fragment|1|820
1|7|-|1|820
2|0|fragment|1|420
2|7|-|2|1640"
		assert_eq "late, IPv6" "$(host_table '.src | contains(":")')" "1|0|fragment|1|848
1|7|-|1|848"
		assert_books "late"
	done
}

LATE_PIDS=()
LATE_DBS=()
suite live_fragments ping python3
[ -x "$WLSEND" ] || { fail "$WLSEND is not built"; finish; }
net_pair || { fail "no veth pair"; finish; }
if ! { serve "$NSA" 9 && serve "$NSB" 9; }; then
	fail "no servers"
	finish
fi
start_late
for mode in xdp tc; do
	run_sockets "$mode" track
	run_sockets "$mode" untracked
	run_pings "$mode"
	run_orders "$mode"
	run_many "$mode"
	run_vxlan "$mode"
	for name in fragments fragments6 fragments-tunnels; do
		run_frames "$name" "$mode"
	done
done
run_sockets tc track --tc clsact
run_late
finish
