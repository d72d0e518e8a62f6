#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_circle.sh: with `sample = 1/1` a database has every packet: `flowd -r` of what `flowctl pcap` makes of
# it gives the flows, packets and bytes that the same flowd counted live. By XDP and TC, by TC with super-packets
# both ways and inside tunnels, by one hook alone; pcap and pcapng; 128 bytes of each packet, and all of them.
#
# Each key's packets, bytes, IP bytes and flags are the same, and each verdict's; with --dir those of that
# direction. What is otherwise by definition, and how it is compared:
#
#   direction      a capture of Ethernet has none that libpcap tells: all is ingress, and conversations are
#                  marked `mirrored`
#   who began      the hooks' clock has ticks of a few ms: where both directions began within one, the ports
#                  tell. Records are compared where that cannot differ: of sockets of the two hosts here, whose
#                  port is the greater one at the initiator. Frames of the corpus come many in a tick.
#   sent again or  a question of the clock too: their sum is the same, and with it each other count but that
#   out of order   of duplicate ACKs, whose first one on each CPU is none to the hooks (man 5 flow)
#                  What is sent again on another CPU, just where that had seen the flow end, is new to the
#                  hooks, and not to a replay, as is what came out of order over two CPUs: iperf3's transfers
#                  have one CPU, and so have those in trouble
#   128 bytes      one frame of corpus/ip.pcap has longer headers, as has TCP in VXLAN over IPv6, whose
#                  super-packets cannot be cut then: neither is sent there
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/wire.sh
. "$(dirname "$0")/wire.sh"

AT=("$NSB" -i vb)
LINGERED_MS=3500 # after which closed connections have ended: linger, two sweeps
CORPUS=(transport tcp control link labels tunnels nested fragments fragments6 fragments-tunnels jumbo lengths
	bad-labels bad-tunnels)

# --- traffic --------------------------------------------------------------------------------------

iperf() {
	in_a taskset -c "$CPU" iperf3 -J "$@" >"$WL_TMP/iperf.json" || fail "iperf3 $*: $(jq -r .error "$WL_TMP/iperf.json")"
	iperf_done "$NSB" 5201
}

udp() { ip netns exec "$1" "$WLTRAF" udp -d "$2" -p 9 "${@:3}" >/dev/null || fail "wltraf udp ${*:2}"; }

# of the hosts' sockets: TCP both ways and reset, datagrams, their fragments, echos
sockets() {
	local to
	iperf -c 10.1.0.2 -p 5201 -n 20M
	iperf -c 10.1.0.2 -p 5201 -n 20M -R
	iperf -c fd00:1::2 -p 5201 -t 1 -b 50M --bidir
	for to in 10.1.0.2 fd00:1::2; do
		udp "$NSA" "$to" -s 30000 --size 18 --count 3000 --flows 300
		udp "$NSA" "$to" -s 31000 --size 20000 --count 5
		in_a "$WLTRAF" gso -d "$to" -p 9 -s 31500 --count 4 --size 1200 --segments 5 >/dev/null || fail "wltraf gso"
		in_a ping -q -i 0.01 -c 10 -s 3000 "$to" >/dev/null || fail "ping $to"
		in_a "$WLTRAF" tcp -d "$to" -p 9 -s 32000 --size 100000 --count 2 >/dev/null || fail "wltraf tcp"
		in_a "$WLTRAF" tcp -d "$to" -p 9 -s 32001 --size 1000 --count 2 --reset >/dev/null || fail "wltraf tcp"
	done
	udp "$NSB" 10.1.0.1 -s 33000 --size 9000 --count 5
}

# tunnelled VNI A B: a transfer either way inside VXLAN between those addresses
tunnelled() {
	vxlan_pair "$@" 1400 || { skip "no vxlan device"; return; }
	iperf -c 10.9.0.2 -p 5201 -n 5M
	iperf -c 10.9.0.2 -p 5201 -n 5M -R
	vxlan_drop
}

# frames NAME...: of the corpus, and generated ones
frames() {
	local name
	in_a "$WLGEN" -i va -n 5000 -f 50 --vlan 77 >/dev/null || fail "wlgen"
	in_a "$WLTRAF" vectors -i va --count 3 >/dev/null || fail "wltraf vectors"
	for name in "$@"; do
		in_a "$WLSEND" va "$WL_CORPUS/$name.pcap" >/dev/null || fail "wlsend $name"
	done
}

# What is closed ends, and the clock of the capture goes on to there.
rest() {
	wait_ms "$LINGERED_MS"
	udp "$NSA" 10.1.0.2 -s 33001 --size 100 --count 1
	wait_until 40 link_quiet || fail "the link does not come to rest"
}

plain() {
	sockets
	tunnelled 7 10.1.0.1 10.1.0.2
	frames "${CORPUS[@]}"
	rest
}

everything() {
	sockets
	tunnelled 7 10.1.0.1 10.1.0.2
	tunnelled 8 fd00:1::1 fd00:1::2
	frames ip "${CORPUS[@]}"
	rest
}

# --- comparison -----------------------------------------------------------------------------------

# What of a record does not depend on where it was counted
KEY='[.ethertype, .vlan, .cvlan, ((.marks // "") | split(",") - ["mirrored"] | join(",")), .proto, .src, .dst,
	.sport, .dport, .tunnel, .tunnel_id, .outer_src, .outer_dst]'
HEALTH='[((.retransmits // 0) + (.out_of_order // 0)), .zero_windows // 0, .resets // 0,
	.syn_repeats // 0, .keep_alives // 0]'

# directed DB ARG...: of each key the packets, bytes, IP bytes, flags
directed() {
	flows_json "$1" --uniflow "${@:2}" |
		jq -c "[$KEY, [.packets, .bytes, .ip_bytes], (.tcp_flags // 0)]" |
		jq -sc 'group_by(.[0])[] | [.[0][0], (map(.[1]) | transpose | map(add)), (map(.[2]) | unique)]' | LC_ALL=C sort
}

health() {
	flows_json "$1" --uniflow "${@:2}" tcp | jq -c "[$KEY, $HEALTH]" |
		jq -sc 'group_by(.[0])[] | [.[0][0], (map(.[1]) | transpose | map(add))]' | LC_ALL=C sort
}

conversations() {
	flows_json "$1" | jq -c "select(((.src // \"\") | test(\"^(10[.](1|9)[.]0|fd00:1:)\")) and (.sport > .dport or .proto == 1 or .proto == 58)) |
		$KEY + [.tcp_flags, .packets, .bytes, .ip_bytes, .rev_packets, .rev_bytes, .rev_ip_bytes, .rev_tcp_flags,
			.end_reason]" | LC_ALL=C sort
}

# same LABEL QUESTION DB [ARG...]: of FLOWD_DB, asked with those arguments, and of the replay
same() {
	"$2" "$FLOWD_DB" "${@:4}" >"$WL_TMP/live"
	"$2" "$3" >"$WL_TMP/replayed"
	assert_between "$1: lines" "$(wc -l <"$WL_TMP/live")" 1 1000000
	assert_same "$1" "$WL_TMP/live" "$WL_TMP/replayed"
}

# replay_books LABEL FILE [ARG...]: REPLAY_DB, whose books balance
replay_books() {
	replay "$@"
	assert_books "$1" "$REPLAY_DB"
}

# export LABEL FILE ARG...
export_pcap() {
	"$FLOWCTL" --db "$FLOWD_DB" pcap -w "$2" "${@:3}" 2>"$WL_TMP/err" || fail "$1: $(cat "$WL_TMP/err")"
}

# verdicts DB: packets and bytes of each, both directions together
verdicts() {
	sql "SELECT sum(seen_packets), sum(seen_bytes), sum(short_packets), sum(short_bytes), sum(deep_packets), sum(deep_bytes),
		sum(unaccounted_packets) FROM ledger" "$1"
}

# circle LABEL TRAFFIC SNAPLEN RULES ARG...: RULES are those by which the replay has to count as well
circle() {
	local label=$1 traffic=$2 snaplen=$3 status format
	local -a rules
	read -ra rules <<<"$4"
	# by timeouts the live flowd ends records after the last packet, where the capture's clock stands still
	rules+=(--idle 1h --active 1h)
	flowd_start "${AT[@]}" --sample 1/1 --sample-snaplen "$snaplen" --sample-ring 128M "${rules[@]}" "${@:5}" || return
	"$traffic"
	wait_until 40 drained || fail "$label: not all samples are stored"
	status=$("$FLOWCTL" --db "$FLOWD_DB" status --json | jq -c .flowd.samples)
	assert_eq "$label: ids of what is not stored yet" \
		"$(flows_json "$FLOWD_DB" | jq -c 'select(.end_reason == null and .id != null)')" ""
	flowd_stop
	assert_books "$label"
	assert_eq "$label: samples lost" "$(jq .lost <<<"$status")" 0
	assert_eq "$label: packets sampled" "$(sql 'SELECT sum(packets) FROM sample')" "$(sql 'SELECT sum(seen_packets) FROM books_sum')"
	say "$label: $(sql 'SELECT sum(seen_packets), sum(seen_bytes) FROM books_sum') of $(sql 'SELECT count(*), sum(packets > 1) FROM sample') samples, $(sql 'SELECT count(*) FROM flow') records"
	for format in pcap pcapng; do
		export_pcap "$label, $format" "$WL_TMP/all.$format" --format "$format"
		replay_books "$label, $format" "$WL_TMP/all.$format" "${rules[@]}"
		assert_eq "$label, $format: verdicts" "$(verdicts "$REPLAY_DB")" "$(verdicts "$FLOWD_DB")"
		same "$label, $format: each key" directed "$REPLAY_DB"
		same "$label, $format: TCP's troubles" health "$REPLAY_DB"
		same "$label, $format: records" conversations "$REPLAY_DB"
	done
	each_flow "$label"
	one_way "$label" ingress 0
	one_way "$label" egress 1
}

# each_flow LABEL: the packets of the largest records, by the id that `flows` has
each_flow() {
	local id packets
	while read -r id packets; do
		"$FLOWCTL" --db "$FLOWD_DB" pcap --flow "$id" -w - 2>/dev/null | "$WLTRAF" count --pcap - >"$WL_TMP/count"
		assert_eq "$1: flow $id" "$(jq .packets "$WL_TMP/count")" "$packets"
	done < <(flows_json "$FLOWD_DB" tcp | jq -r '[.id, .packets + .rev_packets] | @tsv' | sort -rnk2 | head -n 5)
}

# one_way LABEL DIR NUMBER: what went that way alone
one_way() {
	local label="$1, $2 alone"
	[ "$(seen "$3")" != "0|0" ] || return
	export_pcap "$label" "$WL_TMP/way.pcap" --dir "$2"
	replay_books "$label" "$WL_TMP/way.pcap" "${rules[@]}"
	assert_eq "$label: packets and bytes" "$(seen 0 "$REPLAY_DB")" "$(seen "$3")"
	same "$label: each key" directed "$REPLAY_DB" --dir "$2"
}

# troubled LABEL: not all of it was 0
troubled() {
	local sum
	sum=$(health "$FLOWD_DB" | jq -s 'map(.[1]) | transpose | map(add)')
	assert_between "$1: sent again or out of order" "$(jq '.[0]' <<<"$sum")" 10 100000
	assert_between "$1: closed windows" "$(jq '.[1]' <<<"$sum")" 1 100
	assert_between "$1: resets" "$(jq '.[2]' <<<"$sum")" 1 100
}

drained() { [ "$("$FLOWCTL" --db "$FLOWD_DB" status --json | jq .flowd.samples.ring_used)" = 0 ]; }

# pin PID: to the last of the CPUs
pin() { taskset -pc "$CPU" "$1" >/dev/null || fail "taskset"; }

suite live_circle iperf3 ping tcpdump taskset
CPU=$(taskset -pc $$ | sed 's/.*[ ,-]//')
net_pair || { fail "no veth pair"; finish; }
if ! { serve "$NSA" 9 && serve "$NSB" 9 && iperf_server "$NSB" 5201; }; then
	fail "no servers"
	finish
fi
pin "${WL_PIDS[-1]}"
circle "xdp, 128 bytes" plain 128 ""
circle "tc, 9000 bytes, inside tunnels" everything 9000 "--tunnel inner" --ingress tc
circle "xdp alone, 256 bytes" everything 256 "--fragments untracked" --egress none
circle "egress alone" sockets 128 "" --ingress none
net_drop
wire_net || { fail "no veth pairs"; finish; }
iperf_server "$NSB" 5201 || { fail "no server"; finish; }
pin $$
circle "trouble, at its receiver" make_trouble 128 ""
troubled "trouble, at its receiver"
AT=("$NSA" -i va)
circle "trouble, at its sender" make_trouble 128 "" --ingress tc
troubled "trouble, at its sender"
finish
