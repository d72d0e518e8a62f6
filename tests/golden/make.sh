#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# make.sh VERSION TREE: how the databases beside this file were made, by the flowd of their time. TREE is a
# built checkout of the last commit with that version (schema/db.h, DB_VERSION): 1 fbef47e, 2 3c58579,
# 3 cfc793d, 4 e6a94c9. A veth pair gets some frames of tests/corpus and a few connections; the
# database goes to ledger-vN.sql, as `sqlite3 .dump` has it, and what flowctl answered then to ledger-vN.json,
# less what is null and what flowd itself said. Needs root; made anew only where a version was never released.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/../lib.sh"

VERSION=$1
TREE=$2
HERE=$(realpath "$(dirname "$0")")
FLOWD=$TREE/build/bin/flowd FLOWCTL=$TREE/build/bin/flowctl
suite "golden, version $VERSION" python3

# frames EVERY FILE: each so many of a capture out of va
frames() {
	in_a python3 - "$1" "$WL_CORPUS/$2.pcap" <<-'END'
		import socket, struct, sys
		data = open(sys.argv[2], 'rb').read()
		out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		out.bind(('va', 0))
		at, n = 24, 0
		while at < len(data):
		    size = struct.unpack('<I', data[at + 8:at + 12])[0]
		    if n % int(sys.argv[1]) == 0 and size >= 14:
		        out.send(data[at + 16:at + 16 + size])
		    at, n = at + 16 + size, n + 1
	END
}

# tcp FAMILY ADDRESS PORT: a connection out of B, with a request of some packets
tcp() {
	in_b python3 -c 'import socket, sys
s = socket.socket(int(sys.argv[1]))
s.settimeout(2.5)
try:
    s.connect((sys.argv[2], int(sys.argv[3])))
    s.sendall(b"x" * 20000)
    s.shutdown(1)
    while s.recv(4096): pass
except OSError: pass' "$@"
}

listen() {
	ip netns exec "$NSA" python3 -c 'import socket
s = socket.create_server(("::", 7000), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    c = s.accept()[0]
    while c.recv(65536): pass
    c.close()' >/dev/null 2>&1 &
	WL_PIDS+=("$!")
}

traffic() {
	frames 3 link
	frames 8 ip
	frames 8 tunnels
	frames 9 transport
	tcp 2 10.1.0.1 7000
	tcp 10 fd00:1::1 7000
	tcp 2 10.1.0.1 7001 # nobody listens there
	tcp 2 10.1.0.9 7000 # nobody is there
	in_a python3 -c 'import socket
socket.socket(2, 2).sendto(b"x" * 100, ("10.1.0.2", 7002))'
}

answer() { # VERB ARG...: objects as one array
	"$FLOWCTL" --db "$FLOWD_DB" "$@" --json 2>/dev/null | jq -cs 'map(del(..|nulls) | del(.v))'
}

VERBS=(flows top)
options=()
[ "$VERSION" -lt 2 ] || options=(--tunnel inner)
[ "$VERSION" -lt 3 ] || VERBS+=(drops retransmits)
if [ "$VERSION" -ge 4 ]; then
	VERBS+=(ledger)
	printf '[flowd]\nsample.first = 1\nsample.filter = tcp\n' >"$WL_TMP/conf"
	options+=(--config "$WL_TMP/conf")
fi
net_pair || exit
ip -n "$NSB" neigh replace 10.1.0.9 lladdr 02:00:00:00:0a:01 dev vb nud permanent
listen
WL_INSTANCE=golden$$ flowd_start "$NSB" -i vb --idle 3s --slots 1024 "${options[@]}" || exit
wait_ms 1500
traffic
wait_ms 2500
flowd_stop
{
	echo "-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause"
	sqlite3 "$FLOWD_DB" .dump
	echo "PRAGMA application_id = $(sql 'PRAGMA application_id');"
	echo "PRAGMA user_version = $(sql 'PRAGMA user_version');"
} >"$HERE/ledger-v$VERSION.sql"
for verb in "${VERBS[@]}"; do
	case $verb in
	flows) answer flows -n 0 ;;
	top) answer top -n 8 ;;
	*) answer "$verb" ;;
	esac | jq -c --arg verb "$verb" '{($verb): .}'
done | jq -s 'add' >"$HERE/ledger-v$VERSION.json"
assert_eq "version" "$(sql 'PRAGMA user_version')" "$VERSION"
finish
