#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# events.sh: what the trace programs cost an event, each beside an empty program on the same events
# (events.c), in a namespace where flowd listens. A line for each ROW:
#
#   drop:FLOWS    kfree_skb: UDP packets of FLOWS flows, to no address of ours, which the stack drops
#   sampled:FLOWS the same, each of them sampled, no more than the ring has room for
#   storm:FLOWS   the same as drop:FLOWS, sampled, so that the ring has no room for most
#   retransmit    tcp_retransmit_skb: a transfer that loses 2 % of its segments
#   state         inet_sock_set_state: connections that are opened and closed
#   reset_out, reset_in    tcp_send_reset and tcp_receive_reset: connections to a closed port
#
# "own" is the program's time without the empty one's: the median of ROUNDS, then the least and the
# greatest. Fails over LIMIT ns of a drop, where that is given.
#
#   [ROUNDS=3] [COUNT=500000] [LIMIT=NS] tests/bench/events.sh [ROW...]
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/../lib.sh"

ROUNDS=${ROUNDS:-3}
COUNT=${COUNT:-500000} # packets of a round of drops
LIMIT=${LIMIT:-}
FITS=15000 # of 240 bytes, into half a ring of 8 MB
ROWS=("$@")
[ $# -gt 0 ] || ROWS=(drop:1 drop:1000 drop:1000000 sampled:1000 storm:1000 retransmit state reset_out reset_in)

# connects NETNS ADDRESS: to a port where nobody listens
connects() {
	ip netns exec "$1" python3 - "$2" <<-'PY'
		import socket, sys
		for i in range(4000):
		    s = socket.socket()
		    s.connect_ex((sys.argv[1], 83))
		    s.close()
	PY
}

# Both ends in the one namespace.
connections() {
	in_b python3 - <<-'PY'
		import socket
		server = socket.create_server(("127.0.0.1", 7790))
		for i in range(4000):
		    client = socket.create_connection(("127.0.0.1", 7790))
		    accepted = server.accept()[0]
		    client.close()
		    accepted.close()
	PY
}

lossy_transfer() { in_b iperf3 -c 10.1.0.1 -p 5201 -t 2 -P 4; }

# dropped FLOWS COUNT: packets of 100 bytes
dropped() { in_a "$WLGEN" -i va -n "$2" -f "$1" --dst-mac 02:00:00:00:0a:02; }

# events_of ROW PARAMETER
events_of() {
	case $1 in
	drop | storm) dropped "$2" "$COUNT" ;;
	sampled) dropped "$2" "$FITS" ;;
	retransmit) lossy_transfer ;;
	state) connections ;;
	reset_out) connects "$NSA" 10.1.0.2 ;;
	reset_in) connects "$NSB" 10.1.0.1 ;;
	esac >/dev/null || fail "$1: no events"
}

# Until the pipe is closed.
measure() { "$WL_BUILD/bench/events" "/sys/fs/bpf/wireledger/$FLOWD_INSTANCE" "$1" <"$WL_TMP/go" >"$WL_TMP/out"; }

# program_of ROW
program_of() {
	case $1 in
	sampled | storm) echo drop ;;
	*) echo "$1" ;;
	esac
}

set_drops() { "$FLOWCTL" --db "$FLOWD_DB" sample --drops "$1" >"$WL_TMP/sample" 2>&1 || fail "$(cat "$WL_TMP/sample")"; }

ring_empty() { [ "$("$FLOWCTL" --db "$FLOWD_DB" status --json | jq .flowd.samples.ring_used)" = 0 ]; }

# a_round ROW PARAMETER: a line into $WL_TMP/rounds: own, events, program, empty
a_round() {
	local pid
	: >"$WL_TMP/out"
	wait_until 20 ring_empty || fail "$1: samples are not stored"
	background measure "$(program_of "$1")"
	pid=$!
	exec 9>"$WL_TMP/go"
	wait_until 10 grep -qs ready "$WL_TMP/out" || fail "$1: events does not start"
	events_of "$1" "$2"
	exec 9>&-
	wait "$pid"
	awk 'NF == 3 && $1 > 0 { print $2 - $3, $1, $2, $3 }' "$WL_TMP/out" >>"$WL_TMP/rounds"
}

# row ROW PARAMETER
row() {
	local i own sampled=no
	: >"$WL_TMP/rounds"
	[ "$(program_of "$1")" = "$1" ] || sampled=yes
	[ "$sampled" = no ] || set_drops yes
	for ((i = 0; i < ROUNDS; i++)); do a_round "$1" "$2"; done
	[ "$sampled" = no ] || set_drops no
	sort -n "$WL_TMP/rounds" >"$WL_TMP/sorted"
	awk -v name="$1" -v flows="$2" '
		{ own[NR] = $1; events[NR] = $2; program[NR] = $3; empty[NR] = $4 }
		END {
			if (!NR) exit 1
			m = int((NR + 1) / 2)
			printf "%-24s %7d events: program %6.1f ns, empty %5.1f ns, own %6.1f ns (%.1f to %.1f), ratio %.1f\n",
				name (flows ? ", " flows " flows" : ""), events[m], program[m], empty[m],
				own[m], own[1], own[NR], program[m] / empty[m]
		}' "$WL_TMP/sorted" || { fail "$1: nothing measured"; return; }
	if [ -n "$LIMIT" ] && [ "$1" = drop ]; then
		own=$(awk '{ own[NR] = $1 } END { printf "%d", own[int((NR + 1) / 2)] }' "$WL_TMP/sorted")
		assert_between "$1 $2: ns" "$own" 0 "$LIMIT"
	fi
}

suite events iperf3 nft python3
[ -x "$WL_BUILD/bench/events" ] || { fail "$WL_BUILD/bench/events is not built (make bench-tools)"; finish; }
net_pair || { fail "no veth pair"; finish; }
in_a nft "add table inet t; add chain inet t in { type filter hook input priority 0; };
	add rule inet t in tcp dport 5201 numgen random mod 1000 < 20 drop" || fail "nft"
iperf_server "$NSA" 5201 || fail "no iperf3"
mkfifo "$WL_TMP/go"
flowd_start "$NSB" -i vb --ingress none || finish
for name in "${ROWS[@]}"; do
	parameter=${name#*:}
	[ "$parameter" != "$name" ] || parameter=
	row "${name%%:*}" "$parameter"
done
flowd_stop
finish
