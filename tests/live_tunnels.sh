#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_tunnels.sh: tunnels and labels as the kernel makes them and as captures have them. TCP with
# offloads over vxlan (IPv4 and IPv6 below): bytes and packets that flowd counts outside and inside
# the tunnel are those of the wire, at both ends and by each hook. Frames of tests/corpus sent into a
# veth pair and a tun device: each flow as its table says. Outer endpoints outlive a kill -9.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

SECONDS_SENT=1

# One direction of a conversation as a row, with its tunnel the right way round.
DIRECTED="SELECT f.iface, f.dir AS d, f.proto, f.src, f.dst, f.sport, f.dport, f.packets, f.bytes,
		f.ip_bytes, t.kind, t.tunnel_id, t.outer_src, t.outer_dst
	FROM flow_plain f LEFT JOIN flow_tunnel t ON t.flow = f.id
	UNION ALL
	SELECT f.iface, 1 - f.dir, f.proto, f.dst, f.src, f.dport, f.sport, f.rev_packets, f.rev_bytes,
		f.rev_ip_bytes, t.kind, t.rev_tunnel_id, t.outer_dst, t.outer_src
	FROM flow_plain f LEFT JOIN flow_tunnel t ON t.flow = f.id WHERE f.rev_packets > 0"

# --- vxlan ----------------------------------------------------------------------------------------

# Both ways at once over the tunnel; iperf.json
tunnel_iperf() {
	in_a iperf3 -c 10.9.0.2 -t "$SECONDS_SENT" --bidir -J >"$WL_TMP/iperf.json" || fail "$1: iperf3"
	iperf_done "$NSB" 5201
	wait_until 40 link_quiet || fail "$1: the link does not come to rest"
}

# check_inner LABEL DB A B VNI OVERHEAD: records of the conversations with port 5201
check_inner() {
	local label=$1 db=$2 a=$3 b=$4 vni=$5 overhead=$6
	assert_eq "$label: all of it is in the tunnel, biflows, from A" \
		"$(flows_json "$db" | jq -r '[.tunnel, .tunnel_id, .outer_src, .outer_dst, .src, .dst, .dport,
			.rev_packets > 0] | join(" ")' | sort -u)" "vxlan $vni $a $b 10.9.0.1 10.9.0.2 5201 true"
	assert_eq "$label: --uniflow turns the endpoints" \
		"$(flows_json "$db" --uniflow | jq -r '[.tunnel, .tunnel_id, .outer_src, .outer_dst, .src, .dst,
			if .dport == 5201 then "to" else "from" end] | join(" ")' | sort -u)" \
		"vxlan $vni $a $b 10.9.0.1 10.9.0.2 to
vxlan $vni $b $a 10.9.0.2 10.9.0.1 from"
	assert_eq "$label: conversations" "$(sql "SELECT count(DISTINCT sport) FROM flow_plain" "$db")" 3
	assert_eq "$label: frames are inner IP packets and $overhead bytes" \
		"$(sql "SELECT count(*) FROM ($DIRECTED) WHERE bytes != ip_bytes + $overhead * packets" "$db")" 0
	check_payload "$label: payload to B" "$db" "dport = 5201" sum_sent sum_received
	check_payload "$label: payload to A" "$db" "sport = 5201" sum_sent_bidir_reverse sum_received_bidir_reverse
}

# check_payload LABEL DB WHERE SENT RECEIVED: what iperf3 received arrived; what it sent, and what was
# sent again, is an upper bound. 52: IPv4, TCP and time stamps; 2 %: acknowledgements' other options.
check_payload() {
	local received sent again
	received=$(jq ".end.$5.bytes" "$WL_TMP/iperf.json")
	sent=$(jq ".end.$4.bytes" "$WL_TMP/iperf.json")
	again=$(jq ".end.$4.retransmits // 0" "$WL_TMP/iperf.json")
	assert_between "$1" "$(sql "SELECT sum(ip_bytes - 52 * packets) FROM ($DIRECTED) WHERE $3" "$2")" \
		"$received" $((sent + sent / 50 + 1448 * again + 100000))
}

# check_outer LABEL DB A B
check_outer() {
	assert_eq "$1: outer headers are the flows" \
		"$(flows_json "$2" --uniflow | jq -r '[.tunnel, .src, .dst, .proto, .dport] | join(" ")' | sort -u)" \
		"$(printf '%s\n' " $3 $4 17 4789" " $4 $3 17 4789" | sort)"
	assert_eq "$1: IP bytes" \
		"$(sql "SELECT count(*) FROM ($DIRECTED) WHERE bytes != ip_bytes + 14 * packets" "$2")" 0
}

# run_vxlan INGRESS A B VNI OVERHEAD: A's flowd looks inside; at B one does, by TC, and one does not
run_vxlan() {
	local label="vxlan $2, $1" a=$2 b=$3 vni=$4 overhead=$5 pids=() db_a db_out db_in rx tx
	vxlan_pair "$vni" "$a" "$b" $((1514 - overhead)) || { skip "$label: no vxlan device"; return; }
	flowd_start "$NSA" -i va --ingress "$1" --tunnel inner || return
	pids+=("$FLOWD_PID") db_a=$FLOWD_DB
	flowd_start "$NSB" -i vb --ingress "$1" || return
	pids+=("$FLOWD_PID") db_out=$FLOWD_DB
	flowd_start "$NSB" -i vb --ingress tc --tunnel inner || return
	pids+=("$FLOWD_PID") db_in=$FLOWD_DB
	rx=$(counter_mark "$NSB" vb rx) tx=$(counter_mark "$NSA" va tx)
	tunnel_iperf "$label"
	rx=$(counter_since "$rx" "$NSB" vb rx 14) tx=$(counter_since "$tx" "$NSA" va tx 14)
	for pid in "${pids[@]}"; do flowd_stop "$pid"; done
	vxlan_drop
	for pid in "$db_a" "$db_out" "$db_in"; do assert_books "$label" "$pid"; done
	assert_eq "$label: A's egress inside, B's ingress outside" "$(seen 1 "$db_a")" "$(seen 0 "$db_out")"
	assert_eq "$label: B's ingress by $1 outside, by TC inside" "$(seen 0 "$db_out")" "$(seen 0 "$db_in")"
	assert_eq "$label: B's egress outside, A's ingress inside" "$(seen 1 "$db_out")" "$(seen 0 "$db_a")"
	assert_eq "$label: B's egress outside and inside" "$(seen 1 "$db_out")" "$(seen 1 "$db_in")"
	check_device "$label" "$1" "$(seen 0 "$db_out")" "$rx" "$tx"
	check_inner "$label, A" "$db_a" "$a" "$b" "$vni" "$overhead"
	check_inner "$label, B" "$db_in" "$a" "$b" "$vni" "$overhead"
	check_outer "$label" "$db_out" "$a" "$b"
	say "$label: $(seen 0 "$db_out") to B"
}

# check_device LABEL INGRESS SEEN RX TX: with XDP a frame crosses veth as it would a wire; else the
# device has counted super-packets, so it has fewer.
check_device() {
	if [ "$2" = xdp ]; then
		assert_eq "$1: hook and device" "$3" "$4"
		assert_eq "$1: hook and the other end's device" "$3" "$5"
	else
		assert_between "$1: super-packets crossed" "${5%|*}" 1 $((${3%|*} * 9 / 10))
	fi
}

# --- other devices that put packets into packets --------------------------------------------------

# device_end NETNS ADDRESS LOCAL REMOTE LINK-ARG...: tt there; LOCAL and REMOTE in its arguments are those
device_end() {
	local netns=$1 address=$2 args=("${@:5}")
	args=("${args[@]/#LOCAL/$3}")
	args=("${args[@]/#REMOTE/$4}")
	ip -n "$netns" link add tt type "${args[@]}" 2>/dev/null || return
	quiet_iface "$netns" tt
	ip -n "$netns" link set tt up
	ip -n "$netns" addr add "$address" dev tt nodad
}

# run_device TUNNEL A B INNER-A INNER-B LINK-ARG...: 10 datagrams from A to B inside it
run_device() {
	local tunnel=$1 a=$2 b=$3 from=$4 to=$5 bits=24
	shift 5
	[[ $from == *:* ]] && bits=64
	if ! device_end "$NSA" "$from/$bits" "$a" "$b" "$@"; then
		skip "no $1 device"
		return
	fi
	device_end "$NSB" "$to/$bits" "$b" "$a" "$@"
	flowd_start "$NSB" -i vb --tunnel inner || return
	in_a "$WLTRAF" udp -d "$to" -p 9 -s 41000 --count 10 --size 100 >/dev/null || fail "$1: wltraf udp"
	flowd_stop
	ip -n "$NSA" link del tt
	ip -n "$NSB" link del tt
	assert_eq "$1: tunnel and endpoints" "$(endpoints 41000) $(packets_of 41000)" "$tunnel $a $b 10"
	assert_books "$1"
}

run_devices() {
	local a=10.1.0.1 b=10.1.0.2 a6=fd00:1::1 b6=fd00:1::2 in=(10.9.0.1 10.9.0.2) in6=(fd00:9::1 fd00:9::2)
	run_device "geneve 7" $a $b "${in[@]}" geneve id 7 remote REMOTE
	run_device "geneve 8" $a6 $b6 "${in[@]}" geneve id 8 remote REMOTE
	run_device "gre 9" $a $b "${in[@]}" gre key 9 local LOCAL remote REMOTE
	run_device "gre 0" $a $b "${in6[@]}" gretap local LOCAL remote REMOTE
	run_device "ipip 0" $a $b "${in[@]}" ipip local LOCAL remote REMOTE
	run_device "6in4 0" $a $b "${in6[@]}" sit local LOCAL remote REMOTE
	run_device "4in6 0" $a6 $b6 "${in[@]}" ip6tnl mode ipip6 local LOCAL remote REMOTE encaplimit none
	run_device "6in6 0" $a6 $b6 "${in6[@]}" ip6tnl mode ip6ip6 local LOCAL remote REMOTE encaplimit none
}

# --- outer endpoints and kill -9 ------------------------------------------------------------------

# inner_udp PORT: 10 datagrams of 100 bytes in the tunnel
inner_udp() { in_a "$WLTRAF" udp -d 10.9.0.2 -p 9 -s "$1" --count 10 --size 100 >/dev/null || fail "wltraf udp"; }

endpoints() {
	flows_json "$FLOWD_DB" --uniflow | jq -r "select(.sport == $1) |
		[.tunnel, .tunnel_id, .outer_src, .outer_dst] | join(\" \")" | sort -u
}

packets_of() { sql "SELECT sum(packets) FROM flow_plain WHERE sport = $1"; }

run_kill() {
	WL_INSTANCE=wl$$-kill WL_DB=$WL_TMP/kill.db
	vxlan_pair 42 10.1.0.1 10.1.0.2 1450 || { skip "kill -9: no vxlan device"; return; }
	flowd_start "$NSB" -i vb --tunnel inner || return
	inner_udp 40001
	inner_udp 40002
	flowd_stop "$FLOWD_PID" KILL
	inner_udp 40001
	vxlan_drop
	vxlan_pair 43 fd00:1::1 fd00:1::2 1430
	inner_udp 40003
	flowd_start "$NSB" -i vb --tunnel inner || return
	inner_udp 40003
	inner_udp 40004
	vxlan_drop
	vxlan_pair 44 10.1.0.1 10.1.0.2 1450
	inner_udp 40005
	vxlan_drop
	flowd_stop
	local v4="10.1.0.1 10.1.0.2" v6="fd00:1::1 fd00:1::2"
	assert_eq "kill -9: before and in between" "$(endpoints 40001) $(packets_of 40001)" "vxlan 42 $v4 20"
	assert_eq "kill -9: before" "$(endpoints 40002) $(packets_of 40002)" "vxlan 42 $v4 10"
	assert_eq "kill -9: in between and after" "$(endpoints 40003) $(packets_of 40003)" "vxlan 43 $v6 20"
	assert_eq "kill -9: after" "$(endpoints 40004) $(packets_of 40004)" "vxlan 43 $v6 10"
	assert_eq "kill -9: after, the first pair" "$(endpoints 40005) $(packets_of 40005)" "vxlan 44 $v4 10"
	assert_books "kill -9"
	WL_INSTANCE='' WL_DB=''
}

# --- captures -------------------------------------------------------------------------------------

# run_corpus NAME INGRESS TUNNEL: from A to B; the kernel takes a frame's tag off before TC sees it
run_corpus() {
	local label="$1, $2, $3" suffix=tsv options=()
	[ "$3" = outer ] || suffix=inner.tsv options=(--inner)
	flowd_start "$NSB" -i vb --ingress "$2" --egress none --tunnel "$3" --fragments untracked || return
	send_frames "$WL_CORPUS/$1.pcap"
	flowd_stop
	assert_eq "$label: packets and bytes" "$(seen 0)" "$SENT_PACKETS|$SENT_BYTES"
	judge_table "$label" "$WL_CORPUS/$1.pcap.$suffix" "${options[@]}"
	assert_books "$label"
}

# --- devices without a link header ----------------------------------------------------------------

# tun_send FILE: into B's t0, as if they came from it
tun_send() {
	local json
	json=$(in_b "$WLSEND" --tun t0 "$WL_CORPUS/$1" </dev/null)
	SENT_PACKETS=$(jq .packets <<<"$json")
	SENT_BYTES=$(jq .bytes <<<"$json")
	SKIPPED=$(jq .skipped <<<"$json")
}

# without_link TABLE [SOURCE...]: rows of other sources, without the bytes of Ethernet
without_link() {
	local table=$1
	shift
	awk -F'\t' -v OFS='\t' -v sources="$*" '
		BEGIN { n = split(sources, list, " "); for (i = 1; i <= n; i++) gone[list[i]] = 1 }
		!($1 in gone) { if (NF >= 8) $7 -= 14 * $6; print }' "$table"
}

# run_tun NAME SKIPPED SUFFIX FLOWD-ARG... [-- SOURCE...]: those sources are in frames that are skipped
run_tun() {
	local label="tun, $1" name=$1 skipped=$2 suffix=$3 args=() options=()
	shift 3
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		args+=("$1")
		shift
	done
	[ $# = 0 ] || shift
	[ "$suffix" = tsv ] || options=(--inner)
	flowd_start "$NSB" -i t0 --fragments untracked "${args[@]}" || return
	assert_match "$label: how" "$(flowctl_hooks)" '^(tcx|clsact) (tcx|clsact)$'
	tun_send "$name.pcap"
	assert_eq "$label: skipped" "$SKIPPED" "$skipped"
	flowd_stop
	assert_eq "$label: packets and bytes" "$(seen 0)" "$SENT_PACKETS|$SENT_BYTES"
	without_link "$WL_CORPUS/$name.pcap.$suffix" "$@" >"$WL_TMP/$name.pcap.tsv"
	judge_table "$label" "$WL_TMP/$name.pcap.tsv" "${options[@]}"
	assert_books "$label"
}

flowctl_hooks() {
	in_b "$FLOWCTL" --db "$FLOWD_DB" status --json | jq -r '.flowd.interfaces[0] | "\(.ingress) \(.egress)"'
}

# plain_flows DIR: those without marks
plain_flows() {
	flows_json "$FLOWD_DB" --uniflow | jq -r "select(.dir == \"$1\" and .marks == null) |
		[.src, .dst, .proto, .packets, .bytes, .ip_bytes] | join(\" \")" | LC_ALL=C sort -r
}

# What the kernel sends into the device, and a raw capture: nobody answers.
run_tun_egress() {
	local reader
	flowd_start "$NSB" -i t0 || return
	coproc WLTUN { in_b "$WLSEND" --tun t0 "$WL_CORPUS/link-raw.pcap"; }
	# shellcheck disable=SC2153 # bash sets it
	reader=$WLTUN_PID
	read -r -u "${WLTUN[0]}" -t 10 _ || fail "tun: wlsend does not send"
	in_b ping -q -c 3 -i 0.01 -s 100 -W 1 10.8.0.2 >/dev/null
	in_b ping -q -c 3 -i 0.01 -s 100 -W 1 fd00:8::2 >/dev/null
	echo >&"${WLTUN[1]}"
	wait "$reader"
	flowd_stop
	assert_eq "tun: sent" "$(plain_flows egress)" "fd00:8::1 fd00:8::2 58 3 444 444
10.8.0.1 10.8.0.2 1 3 384 384"
	assert_eq "tun: a raw capture" "$(plain_flows ingress)" "2001:db8:a:2::1 2001:db8:a:2::2 6 1 80 80
10.10.4.1 10.10.4.2 17 1 28 28
10.10.3.1 10.10.3.2 1 1 44 44
10.10.1.1 10.10.1.2 17 1 57 57"
	assert_books "tun"
}

run_tuns() {
	if ! ip -n "$NSB" tuntap add mode tun name t0 2>/dev/null; then
		skip "no tun device"
		return
	fi
	ip -n "$NSB" link set t0 addrgenmode none up
	run_tun transport 0 tsv
	run_tun control 0 tsv --tc clsact
	run_tun ip 0 inner.tsv --tunnel inner
	run_tun tunnels 2 inner.tsv --tunnel inner -- 10.6.60.1 10.6.75.1 # tagged, in MPLS
	ip -n "$NSB" addr add 10.8.0.1/24 dev t0
	ip -n "$NSB" addr add fd00:8::1/64 dev t0 nodad
	run_tun_egress
	ip -n "$NSB" link del t0
}

run_wireguard() {
	if ! command -v wg >/dev/null; then
		skip "no wg"
	elif ! ip -n "$NSB" link add wg0 type wireguard 2>/dev/null; then
		skip "no wireguard device"
	else
		wireguard_ping
	fi
}

# wireguard_end NETNS HOST KEY PEER: addresses 10.7.0.HOST over those of the veth pair
wireguard_end() {
	ip netns exec "$1" wg set wg0 listen-port 51820 private-key "$3" peer "$(wg pubkey <"$4")" \
		allowed-ips "10.7.0.$((3 - $2))/32" endpoint "10.1.0.$((3 - $2)):51820"
	ip -n "$1" link set wg0 addrgenmode none up
	ip -n "$1" addr add "10.7.0.$2/24" dev wg0
}

wireguard_ping() {
	ip -n "$NSA" link add wg0 type wireguard
	(umask 077; wg genkey >"$WL_TMP/key.a"; wg genkey >"$WL_TMP/key.b")
	wireguard_end "$NSA" 1 "$WL_TMP/key.a" "$WL_TMP/key.b"
	wireguard_end "$NSB" 2 "$WL_TMP/key.b" "$WL_TMP/key.a"
	flowd_start "$NSB" -i wg0 || return
	in_a ping -q -c 5 -i 0.05 -s 100 -W 2 10.7.0.2 >/dev/null || fail "wireguard: ping"
	flowd_stop
	assert_eq "wireguard: in" "$(plain_flows ingress)" "10.7.0.1 10.7.0.2 1 5 640 640"
	assert_eq "wireguard: out" "$(plain_flows egress)" "10.7.0.2 10.7.0.1 1 5 640 640"
	assert_books "wireguard"
}

suite live_tunnels iperf3 python3 ping
[ -x "$WLSEND" ] || { fail "$WLSEND is not built"; finish; }
net_pair || { fail "no veth pair"; finish; }
for mode in xdp tc; do
	for name in tunnels labels nested bad-tunnels; do
		run_corpus "$name" "$mode" inner
	done
	run_corpus tunnels "$mode" outer
done
run_tuns
run_wireguard
serve "$NSB" 9 || fail "no server"
run_devices
run_kill
iperf_server "$NSB" 5201 || fail "no iperf3 server"
for mode in xdp tc; do
	run_vxlan "$mode" 10.1.0.1 10.1.0.2 42 64
	run_vxlan "$mode" fd00:1::1 fd00:1::2 4242 84
done
finish
