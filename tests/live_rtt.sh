#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_rtt.sh: round trips over two wires of 10 ms each way: at the client all of the 40 ms are before it,
# in the middle half of them on either side, at the server none before it and all behind it. From the
# handshake, from TCP's timestamps, and from ICMP echoes.
#
#   client va ── 10 ms ── wm ── 10 ms ── vb server       handshake_us: from a SYN to its SYN-ACK, there
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/wire.sh
. "$(dirname "$0")/wire.sh"

NEAR=1000 # us, that a round trip may be off by
LATE=0    # us, that the ends themselves were late by on an average: means may be so much longer
# us, that the wires and ends were late by at their best, which the least round trip may be longer by; of a
# port's answers, of its handshakes, of echoes by their protocol
declare -A ANSWER_LATE OPEN_LATE ECHO_LATE

# assert_us LABEL GOT WANT LATE: microseconds, nothing is not near to anything
assert_us() { assert_between "$1, us" "$2" $(($3 > NEAR ? $3 - NEAR : 1)) $(($3 + NEAR + $4)); }

# beyond US WIRE: by how much it is longer than the wires are
beyond() { echo $(($1 > $2 ? $1 - $2 : 0)); }

# assert_mean LABEL GOT WANT
assert_mean() { assert_between "$1, us" "$2" $(($3 > NEAR ? $3 - NEAR : 1)) $(($3 + NEAR + LATE)); }

# late US: a mean of the 40 ms that an end measured
late() { LATE=$(($1 - 40000 > LATE ? $1 - 40000 : LATE)); }

# rtt_of FIELD SRC PORT: of FLOWD_DB
rtt_of() { tcp_least "$FLOWD_DB" "$@"; }

# ask ADDR PORT: three times 10 questions and their answers at once, so no acknowledgement is delayed, and
# one of three handshakes that an end was late in says nothing
ask() {
	local time out=$WL_TMP/ask.$2 least
	for time in 1 2 3; do
		peer_start "$NSB" echo "$2"
		in_a "$WLTCP" ask -d "$1" -p "$2" --count 10 --size 200 >"$out.$time" || fail "ask $1"
		peer_stop
		late "$(jq .mean_us "$out.$time")"
	done
	least=$(jq -s 'map(.least_us) | min' "$out".?)
	assert_between "what the client measured of $1, least" "$least" 40000 1000000
	ANSWER_LATE[$2]=$(beyond "$least" 40000)
	OPEN_LATE[$2]=$(beyond "$(jq -s 'map(.open_us) | min' "$out".?)" 80000)
}

# echoed PROTO FILE: what ping says of its round trips: least/mean/...
echoed() {
	local least mean
	read -r least mean < <(awk -F'[ /]' '/^rtt/ { printf "%d %d\n", $7 * 1000, $8 * 1000 }' "$2")
	ECHO_LATE[$1]=$(beyond "$least" 40000)
	late "$mean"
}

traffic() {
	local on
	ask 10.1.0.2 7001
	ask fd00:1::2 7002
	for on in 0 1; do
		in_a sysctl -qw net.ipv4.tcp_timestamps=$on
		in_b sysctl -qw net.ipv4.tcp_timestamps=$on
		[ $on = 1 ] || ask 10.1.0.2 7003
	done
	in_a ping -q -i 0.1 -c 20 10.1.0.2 >"$WL_TMP/ping" || fail "ping"
	in_a ping -q -i 0.1 -c 20 fd00:1::2 >"$WL_TMP/ping6" || fail "ping"
	echoed 1 "$WL_TMP/ping"
	echoed 58 "$WL_TMP/ping6"
}

# check_tcp LABEL CLIENT SERVER PORT BEFORE BEHIND: round trips to the server and to the client, us
check_tcp() {
	assert_us "$1: handshake_us" "$(rtt_of handshake_us "$2" "$4")" "$5" "${OPEN_LATE[$4]}"
	assert_us "$1: handshake_us, back" "$(rtt_of handshake_us "$3" "$4")" "$6" "${OPEN_LATE[$4]}"
}

# check_times: as check_tcp
check_times() {
	assert_us "$1: rtt_min_us" "$(rtt_of rtt_min_us "$2" "$4")" "$5" "${ANSWER_LATE[$4]}"
	assert_us "$1: rtt_min_us, back" "$(rtt_of rtt_min_us "$3" "$4")" "$6" "${ANSWER_LATE[$4]}"
	assert_mean "$1: rtt_us" "$(rtt_of rtt_us "$2" "$4")" "$5"
	assert_mean "$1: rtt_us, back" "$(rtt_of rtt_us "$3" "$4")" "$6"
	assert_between "$1: samples" "$(tcp_sum "$FLOWD_DB" rtt_samples "$2" "$4")" 2 100
}

# echo_of FIELD CLIENT PROTO
echo_of() {
	flows_json "$FLOWD_DB" --uniflow | jq -s --arg src "$2" --argjson proto "$3" --arg field "$1" \
		'map(select(.src == $src and .proto == $proto) | .[$field] // empty) | min // empty'
}

# check_echo LABEL CLIENT PROTO BEFORE
check_echo() {
	assert_us "$1: rtt_min_us" "$(echo_of rtt_min_us "$2" "$3")" "$4" "${ECHO_LATE[$3]}"
	assert_mean "$1: rtt_us" "$(echo_of rtt_us "$2" "$3")" "$4"
}

# check PLACE BEFORE BEHIND: what FLOWD_DB has
check() {
	check_tcp "$1, IPv4" 10.1.0.1 10.1.0.2 7001 "$2" "$3"
	check_times "$1, IPv4" 10.1.0.1 10.1.0.2 7001 "$2" "$3"
	check_tcp "$1, IPv6" fd00:1::1 fd00:1::2 7002 "$2" "$3"
	check_times "$1, IPv6" fd00:1::1 fd00:1::2 7002 "$2" "$3"
	check_tcp "$1, no timestamps" 10.1.0.1 10.1.0.2 7003 "$2" "$3"
	check_echo "$1, ping" 10.1.0.1 1 "$2"
	check_echo "$1, ping, IPv6" fd00:1::1 58 "$2"
	assert_books "$1"
}

suite live_rtt ping
wire_net two || { fail "no veth pairs"; finish; }
declare -A PID_OF DB_OF
for place in "client $NSA va" "middle $NSW wm" "server $NSB vb"; do
	read -r name netns iface <<<"$place"
	flowd_start "$netns" -i "$iface" || finish
	PID_OF[$name]=$FLOWD_PID DB_OF[$name]=$FLOWD_DB
done
wire_start wa wm --delay 10
wire_start wn wb --delay 10
traffic
say "late by $LATE us on an average; at the best by ${ANSWER_LATE[*]} (answers), ${OPEN_LATE[*]} (handshakes), ${ECHO_LATE[*]} (echoes)"
for name in client middle server; do flowd_stop "${PID_OF[$name]}"; done
wire_stop
FLOWD_DB=${DB_OF[client]} && check client 40000 0
FLOWD_DB=${DB_OF[middle]} && check middle 20000 20000
FLOWD_DB=${DB_OF[server]} && check server 0 40000
finish
