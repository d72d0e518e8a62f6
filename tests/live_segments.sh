#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_segments.sh: what flowctl pcap makes of GSO packets, against what the kernel makes of the same ones:
# they are captured where they come into a bridge, and behind it, where a device without offloads has cut
# them. TCP and UDP, IPv4 and IPv6, behind a VLAN tag and in tunnels: each byte, checksums too.
#
#   A: va ──► wa [ bridge in M ] wb ──► vb :B         wa: GSO packets, wb: cuts them
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/wire.sh
. "$(dirname "$0")/wire.sh"

suite live-segments tcpdump python3 tc
NSM=$NSW
WLSAMPLE=$WL_BUILD/tests/wlsample
TAGGER=$WL_BUILD/tests/tagger.bpf.o
GSO_MAX=8000 # so that a sample has all of it
PORT=7100

# small NETNS IFACE: GSO packets of its own are no larger than that
small() { ip -n "$1" link set "$2" gso_max_size "$GSO_MAX"; }

net() {
	make_netns "$NSA" && make_netns "$NSB" && make_netns "$NSM" || return
	wire_link "$NSA" va 01 "$NSM" wa 11 && wire_link "$NSB" vb 02 "$NSM" wb 12 || return
	ip -n "$NSM" link add bridge0 type bridge
	ip -n "$NSM" link set bridge0 up
	ip -n "$NSM" link set wa master bridge0
	ip -n "$NSM" link set wb master bridge0
	ip netns exec "$NSM" ethtool -K wb tso off gso off tx off >/dev/null
	ip netns exec "$NSM" ethtool -K wa gro off >/dev/null
	wire_end "$NSA" va 1 2
	wire_end "$NSB" vb 2 1
	in_a ethtool -K va tx-udp-segmentation on tso on gso on tx on >/dev/null
	in_b ethtool -K vb gro off rxvlan off >/dev/null
	small "$NSA" va
	wait_until 5 in_a ping -q -c 1 -W 1 10.1.0.2 >/dev/null
}

# The largest payload behind the innermost header that tcpdump names
largest() { tcpdump -nn -r "$1" "$2" 2>/dev/null | sed -n 's/.*length \([0-9]*\).*/\1/p' | sort -n | tail -n 1; }

# The packets of the second capture, as far as they were cut from packets of the first, are those of the
# third: how many of them, and what differs first. Of others the kernel alone made the checksum. The order
# is not compared: packets of two CPUs may pass each other between the captures.
compare() {
	python3 - "$1" "$2" "$3" "$4" <<'PY'
import struct, sys
from collections import Counter
def read(name):
    with open(name, 'rb') as f:
        data = f.read()
    at, out = 24, []
    while at < len(data):
        n = struct.unpack_from('<I', data, at + 8)[0]
        out.append(data[at + 16:at + 16 + n])
        at += 16 + n
    return out
def differ(a, b):
    return [n for n, (x, y) in enumerate(zip(a, b)) if x != y]
whole, wire, got = (read(n) for n in sys.argv[1:4])
size = int(sys.argv[4])
head = max(map(len, wire)) - size
at = cut = 0
if len(wire) != len(got):
    sys.exit(f'{len(got)} packets, {len(wire)} on the wire')
left, rest = Counter(wire), Counter()
for packet in whole:
    count = max(1, -(-(len(packet) - head) // size))
    for packet in got[at:at + count]:
        if count == 1:
            rest[len(packet)] += 1
        elif left[packet] > 0:
            left[packet] -= 1
        else:
            near = min((w for w in left.elements() if len(w) == len(packet)), key=lambda w: len(differ(w, packet)), default=b'')
            sys.exit(f'a packet of {count}, {len(packet)} bytes, is not on the wire: the nearest differs at {differ(near, packet)[:20]}')
    at += count
    cut += count if count > 1 else 0
if rest != Counter(map(len, left.elements())):
    sys.exit('the packets that were not cut have other lengths')
print(cut)
PY
}

# judge LABEL FILTER ARG...: what `wltraf ARG...` sends, of which the filter selects this way
judge() {
	local label=$1 filter=$2 port=$PORT cut dir=$WL_TMP
	shift 2
	PORT=$((PORT + 1))
	serve "$NSB" "$port" || fail "$label: no server"
	rm -f "$dir"/whole.pcap* "$dir"/wire.pcap* "$dir"/gso.db*
	record "$NSM" wa "$dir/whole.pcap" -Q in "$filter"
	record "$NSB" vb "$dir/wire.pcap" -Q in "$filter"
	in_a "$WLTRAF" "$@" -p "$port" >/dev/null || fail "$label: wltraf"
	record_stop
	"$WLSAMPLE" -g "$(largest "$dir/wire.pcap" "$filter")" "$dir/whole.pcap" "$dir/gso.db" >"$dir/said"
	"$FLOWCTL" --db "$dir/gso.db" pcap -w "$dir/got.pcap" 2>"$dir/err" || fail "$label: $(cat "$dir/err")"
	cut=$(compare "$dir/whole.pcap" "$dir/wire.pcap" "$dir/got.pcap" "$(largest "$dir/wire.pcap" "$filter")" 2>&1)
	if [[ $cut =~ ^[0-9]+$ ]]; then
		assert_between "$label: segments" "$cut" 10 100000
	else
		fail "$label: $cut"
	fi
}

# both LABEL FILTER ADDR: TCP and UDP to there
both() {
	judge "$1, TCP" "$2" tcp -d "$3" --count 4 --size 40001
	judge "$1, UDP" "$2" gso -d "$3" --count 4 --size 1200 --segments 5
}

# ends LABEL FILTER ARG...: tunnel devices of that type from va to vb and back
ends() {
	local label=$1 filter=$2 family=$3 a=10.1.0.1 b=10.1.0.2
	shift 3
	[ "$family" = 4 ] || a=fd00:1::1 b=fd00:1::2
	if ! ip -n "$NSA" link add tn type "$@" local $a remote $b 2>/dev/null ||
		! ip -n "$NSB" link add tn type "$@" local $b remote $a 2>/dev/null; then
		skip "$label: no such device"
		ip -n "$NSA" link del tn 2>/dev/null
		return
	fi
	tunnel_address "$NSA" 1 2
	tunnel_address "$NSB" 2 1
	small "$NSA" tn
	wait_until 5 in_a ping -q -c 1 -W 1 10.9.0.2 >/dev/null || fail "$label: does not carry"
	both "$label" "$filter" 10.9.0.2
	ip -n "$NSA" link del tn
	ip -n "$NSB" link del tn
}

# tunnel_address NETNS HOST PEER
tunnel_address() {
	ip -n "$1" link set tn address "02:00:00:00:0f:0$2" 2>/dev/null
	quiet_iface "$1" tn 2>/dev/null
	ip -n "$1" link set tn mtu 1400 up
	ip -n "$1" addr add "10.9.0.$2/24" dev tn
	ip -n "$1" neigh replace "10.9.0.$3" lladdr "02:00:00:00:0f:0$3" dev tn nud permanent 2>/dev/null
}

# One way, for B has no such device
vlan() {
	if ! in_a tc qdisc add dev va clsact ||
		! in_a tc filter add dev va egress bpf direct-action obj "$TAGGER" sec tc; then
		fail "no tagger on va"
		return
	fi
	judge "VLAN, UDP" 'vlan 5 and src host 10.1.0.1' gso -d 10.1.0.2 --count 4 --size 1200 --segments 5
	in_a tc qdisc del dev va clsact
}

if ! net; then
	skip "no bridge"
	finish
fi
both "IPv4" 'ip and src host 10.1.0.1' 10.1.0.2
both "IPv6" 'ip6 and src host fd00:1::1' fd00:1::2
vlan
ends "VXLAN" 'udp port 4789 and src host 10.1.0.1' 4 vxlan id 7 dstport 4789
ends "VXLAN with checksums" 'udp port 4789 and src host 10.1.0.1' 4 vxlan id 7 dstport 4789 udpcsum
ends "VXLAN over IPv6" 'udp port 4789 and src host fd00:1::1' 6 vxlan id 7 dstport 4789
ends "GRE" 'ip proto 47 and src host 10.1.0.1' 4 gre
ends "GRE with key and checksums" 'ip proto 47 and src host 10.1.0.1' 4 gretap key 7 csum
ends "IPIP" 'ip proto 4 and src host 10.1.0.1' 4 ipip
finish
