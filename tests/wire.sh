# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# wire.sh: what the suites of TCP's troubles share: namespaces joined by wlwire, recordings, and
# questions about one direction of a connection. Sourced after lib.sh.
#
#   wire_net:      A: va 10.1.0.1  <-->  wa [ W: wlwire ] wb  <-->  vb 10.1.0.2 :B
#   wire_net two:  A: va <--> wa [ wlwire 1 ] wm <--> wn [ wlwire 2 ] wb <--> vb :B, middle in W

WLWIRE=$WL_BUILD/tests/wlwire
WLTCP=$WL_BUILD/tests/wltcp
NSW=wl$$w
WIRE_PIDS=()
WIRE_N=0

in_w() { ip netns exec "$NSW" "$@"; }

# wire_poll NETNS IFACE: what it receives waits in one queue (NAPI), not in one of each CPU of its peer, and
# so comes in the order it was sent in
wire_poll() { ip netns exec "$1" ethtool -K "$2" gro on rxvlan off; }

# wire_link NETNS IFACE LAST NETNS IFACE LAST: a veth pair, last bytes of its addresses
wire_link() {
	ip link add "$2" netns "$1" address "02:00:00:00:0a:$3" type veth \
		peer name "$5" netns "$4" address "02:00:00:00:0a:$6" || return
	quiet_iface "$1" "$2"
	quiet_iface "$4" "$5"
	ip -n "$1" link set "$2" up
	ip -n "$4" link set "$5" up
}

# wire_end NETNS IFACE HOST PEER: addresses and neighbour
wire_end() {
	ip netns exec "$1" ethtool -K "$2" gro on rxvlan off tx-udp-segmentation off
	ip -n "$1" addr add "10.1.0.$3/24" dev "$2"
	ip -n "$1" addr add "fd00:1::$3/64" dev "$2" nodad
	ip -n "$1" neigh replace "10.1.0.$4" lladdr "02:00:00:00:0a:0$4" dev "$2" nud permanent
	ip -n "$1" neigh replace "fd00:1::$4" lladdr "02:00:00:00:0a:0$4" dev "$2" nud permanent
}

# shellcheck disable=SC2120
# wire_net [two]: the picture above, without a wire in it
wire_net() {
	make_netns "$NSA" && make_netns "$NSB" && make_netns "$NSW" || return
	wire_link "$NSA" va 01 "$NSW" wa 11 && wire_link "$NSB" vb 02 "$NSW" wb 12 || return
	wire_poll "$NSW" wa
	wire_poll "$NSW" wb
	if [ "${1:-}" = two ]; then
		wire_link "$NSW" wm 13 "$NSW" wn 14 || return
		wire_poll "$NSW" wm
		wire_poll "$NSW" wn
	fi
	wire_end "$NSA" va 1 2
	wire_end "$NSB" vb 2 1
}

# offloads on|off: whether captures of A and B have GSO packets, open checksums, and what GRO merged. TC has
# GSO packets all the same: the kernel cuts them behind it.
offloads() {
	in_a ethtool -K va tso "$1" gso "$1" gro "$1" tx "$1" >/dev/null
	in_b ethtool -K vb tso "$1" gso "$1" gro "$1" tx "$1" >/dev/null
}

# wire_start A B RULE...: its answer will be in WIRE_SAID
wire_start() {
	WIRE_N=$((WIRE_N + 1))
	WIRE_SAID=$WL_TMP/wire.$WIRE_N
	ip netns exec "$NSW" "$WLWIRE" "$@" >"$WIRE_SAID" 2>"$WIRE_SAID.log" &
	WL_PIDS+=("$!")
	WIRE_PIDS+=("$!")
	wait_until 40 grep -qs carrying "$WIRE_SAID.log" || fail "wlwire $*: $(cat "$WIRE_SAID.log")"
}

# wire_stop: all of them; none lost what it should carry
wire_stop() {
	local pid n=$((WIRE_N - ${#WIRE_PIDS[@]}))
	for pid in "${WIRE_PIDS[@]}"; do
		kill "$pid"
		wait_until 40 gone "$pid" || fail "wlwire does not end"
		n=$((n + 1))
		assert_eq "wire $n: lost on its own" \
			"$(jq '[.ab, .ba | .socket_drops + .too_long + .unsent] | add' "$WL_TMP/wire.$n")" 0
	done
	WIRE_PIDS=()
}

# device_packets NETNS IFACE: that came and went so far
device_packets() { ip -n "$1" -s -j link show dev "$2" | jq '.[0].stats64 | .rx.packets + .tx.packets'; }

# record NETNS IFACE FILE [ARG...]: tcpdump with nanoseconds; pids in RECORD_PIDS
record() {
	local netns=$1 iface=$2 file=$3
	shift 3
	ip netns exec "$netns" tcpdump -Z root --nano --immediate-mode -U -B 131072 -i "$iface" -w "$file" "$@" 2>"$file.said" &
	WL_PIDS+=("$!")
	RECORD_PIDS+=("$!")
	wait_until 40 grep -qs 'listening on' "$file.said" || fail "tcpdump $iface: $(cat "$file.said")"
	RECORDS+=("$netns $iface $file $(device_packets "$netns" "$iface")")
}

RECORD_PIDS=()
RECORDS=()

# records_written: the files do not grow any more
records_written() {
	local before file
	before=$(for file in "${RECORDS[@]}"; do stat -c %s "$(cut -d ' ' -f 3 <<<"$file")"; done)
	wait_ms 300
	[ "$before" = "$(for file in "${RECORDS[@]}"; do stat -c %s "$(cut -d ' ' -f 3 <<<"$file")"; done)" ]
}

# record_stop: all of them, when their files do not grow any more; what each missed of its device's packets
# is in FILE.missed (a filter misses much)
record_stop() {
	local pid record netns iface file before
	wait_until 20 records_written || fail "tcpdump does not come to an end"
	for pid in "${RECORD_PIDS[@]}"; do
		kill -INT "$pid"
		wait_until 40 gone "$pid" || fail "tcpdump does not end"
	done
	for record in "${RECORDS[@]}"; do
		read -r netns iface file before <<<"$record"
		echo $(($(device_packets "$netns" "$iface") - before - $(frames_of "$file"))) >"$file.missed"
	done
	RECORD_PIDS=()
	RECORDS=()
}

# --- peers ----------------------------------------------------------------------------------------

# peer_start NETNS MODE PORT ARG...: a wltcp that listens; its pid in PEER_PID
peer_start() {
	local netns=$1 out=$WL_TMP/peer.$3
	rm -f "$out"
	ip netns exec "$netns" "$WLTCP" "$2" -p "$3" "${@:4}" >"$out" &
	PEER_PID=$!
	WL_PIDS+=("$PEER_PID")
	wait_until 40 grep -qs ready "$out" || fail "wltcp $2: does not listen"
}

peer_stop() { wait_until 40 gone "$PEER_PID" || fail "wltcp does not end"; }

# try PORT MS: what becomes of a connection from A to B
try() { in_a "$WLTCP" try -d 10.1.0.2 -p "$1" --wait "$2" | jq -r .result; }

# make_trouble: from A to B, with a server of iperf3 at port 5201 there: losses and reordering, a window that
# closes, a closed port
make_trouble() {
	wire_start wa wb --seed 3 --loss 1/100 --reorder 1/200:3
	in_a timeout 60 iperf3 -c 10.1.0.2 -i 0 -b 20M -t 3 >"$WL_TMP/iperf" 2>&1 || fail "iperf3: $(tail -n 1 "$WL_TMP/iperf")"
	iperf_done "$NSB" 5201
	wire_stop
	wire_start wa wb
	peer_start "$NSB" stall 7001 --wait 2000
	in_a "$WLTRAF" tcp -d 10.1.0.2 -p 7001 --size 2000000 >/dev/null || fail "wltraf tcp"
	peer_stop
	assert_eq "a closed port refuses" "$(try 7002 2000)" "Connection refused"
	wire_stop
}

# --- answers --------------------------------------------------------------------------------------

# tcp_sum DB FIELD SRC PORT: of the directions from that address with that port on either side
tcp_sum() {
	flows_json "$1" --uniflow | jq -s --arg field "$2" --arg src "$3" --argjson port "$4" \
		'map(select(.src == $src and (.sport == $port or .dport == $port)) | .[$field] // 0) | add // 0'
}

# tcp_least DB FIELD SRC PORT: the least that is known of them; nothing where nothing is
tcp_least() {
	flows_json "$1" --uniflow | jq -s --arg field "$2" --arg src "$3" --argjson port "$4" \
		'map(select(.src == $src and (.sport == $port or .dport == $port)) | .[$field] // empty) |
			map(select(. > 0)) | min // empty'
}

# frames_of FILE FILTER: how many
frames_of() { tcpdump -n -r "$1" "$2" 2>/dev/null | wc -l; }
