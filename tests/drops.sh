# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# drops.sh: what the suites of dropped packets share. Sourced after lib.sh.

# snmp NETNS GROUP NAME: of /proc/net/snmp and netstat
snmp() {
	ip netns exec "$1" awk -v group="$2:" -v name="$3" '$1 == group {
		if (!at) { for (i = 2; i <= NF; i++) if ($i == name) at = i } else print $at }' /proc/net/snmp /proc/net/netstat
}

# nft_packets N: of the N-th rule with a counter in B's table t
nft_packets() { in_b nft -j list table inet t | jq "[.. | .counter? // empty | .packets][$1]"; }

# nft_reached PACKETS: by its first one
nft_reached() { [ "$(nft_packets 0)" -ge "$1" ]; }

# udp NETNS SOURCE DESTINATION PORT COUNT: datagrams of 100 bytes that are numbered, refused ones as well
udp() {
	ip netns exec "$1" python3 - "${@:2}" <<-'PY'
		import socket, sys
		src, dst, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
		s = socket.socket(socket.AF_INET6 if ":" in dst else socket.AF_INET, socket.SOCK_DGRAM)
		s.bind((src, 0))
		for i in range(count):
		    try:
		        s.sendto(b"wl-%06d-" % i + b"x" * 90, (dst, port))
		    except OSError:
		        pass
	PY
}

# A socket in B that nobody reads, with room for little.
deaf() {
	exec ip netns exec "$NSB" python3 -c "
import signal, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.bind(('10.1.0.2', 7780))
open('$WL_TMP/deaf', 'w').close()
signal.pause()"
}
