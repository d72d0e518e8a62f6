#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_trace.sh: what the kernel says of drops, retransmits and resets, against what the test did and
# what the kernel's own counters have; over kills (-9) in the midst of it, too. flowd listens in B.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/drops.sh
. "$(dirname "$0")/drops.sh"

KILLS=${WL_KILLS:-3}

# events WHAT WHERE: packets and skbs
events() {
	sql "SELECT ifnull(sum(packets), 0), ifnull(sum(skbs), 0) FROM event_text
		WHERE what = '$1' AND $2"
}

# connects NETNS DESTINATION PORT COUNT [SECONDS]: how many were refused
connects() {
	ip netns exec "$1" python3 - "${@:2}" <<-'PY'
		import socket, sys
		refused = 0
		for i in range(int(sys.argv[3])):
		    s = socket.socket()
		    s.settimeout(float(sys.argv[4]) if len(sys.argv) > 4 else 5)
		    try:
		        s.connect((sys.argv[1], int(sys.argv[2])))
		    except ConnectionRefusedError:
		        refused += 1
		    except OSError:
		        pass
		    s.close()
		print(refused)
	PY
}

rules() {
	in_b nft -f - <<-NFT
		table inet t {
			chain in { type filter hook input priority 0
				udp dport 7777 counter drop
				tcp dport 5202 meta length > 3000 numgen inc mod 20 0 counter drop
			}
			chain out { type filter hook output priority 0
				udp dport 7778 counter drop
			}
		}
	NFT
	in_a nft -f - <<-NFT
		table inet t {
			chain in { type filter hook input priority 0
				tcp dport 5201 numgen random mod 1000 < 20 drop
			}
		}
	NFT
}

test_drops() {
	local label="drops" rcvbuf
	flowd_start "$NSB" -i vb --sweep 200ms || return
	udp "$NSA" 10.1.0.1 10.1.0.2 7777 5000
	udp "$NSA" fd00:1::1 fd00:1::2 7777 300
	udp "$NSB" 10.1.0.2 10.1.0.1 7778 400
	udp "$NSA" 10.1.0.1 10.1.0.2 7779 700
	udp "$NSA" 192.0.2.1 10.1.0.2 7781 600
	background deaf
	wait_until 40 test -e "$WL_TMP/deaf" || fail "$label: no deaf socket"
	udp "$NSA" 10.1.0.1 10.1.0.2 7780 900
	settle
	rcvbuf=$(snmp "$NSB" Udp RcvbufErrors)
	in_a iperf3 -c 10.1.0.2 -p 5202 -n 20M >/dev/null || fail "$label: iperf3"
	iperf_done "$NSB" 5202
	flowd_stop
	assert_eq "$label: exit" "$FLOWD_RC" 0
	assert_eq "$label: netfilter, IPv4" "$(events drop "dport = 7777 AND dst = '10.1.0.2' AND dir = 'ingress'
		AND reason = 'NETFILTER_DROP' AND device = 'vb' AND bytes = packets * 142")" "5000|5000"
	assert_eq "$label: netfilter, IPv6" "$(events drop "dport = 7777 AND dst LIKE 'fd00:%2' AND dir = 'ingress'
		AND reason = 'NETFILTER_DROP'")" "300|300"
	assert_eq "$label: netfilter's own count" "$(nft_packets 0)" 5300
	assert_match "$label: the place" "$(sql "SELECT DISTINCT place FROM event_text WHERE dport = 7777")" \
		'^nf[a-z_]*\+0x[0-9a-f]+$'
	# packets that GRO had made of three frames and more, every twentieth: freed piece by piece, told once
	assert_between "$label: of TCP, packets" "$(nft_packets 1)" 1 1000000
	assert_eq "$label: of TCP" "$(events drop "dport = 5202 AND reason = 'NETFILTER_DROP'" | cut -d'|' -f2)" "$(nft_packets 1)"
	assert_between "$label: of TCP, more frames than packets" "$(events drop "dport = 5202 AND reason = 'NETFILTER_DROP'" |
		cut -d'|' -f1)" $(($(nft_packets 1) * 3)) 1000000
	assert_eq "$label: each once" "$(events drop "place LIKE 'skb_release_data%'")" "0|0"
	assert_eq "$label: on the way out" "$(events drop "dport = 7778 AND dir = 'egress' AND
		reason = 'NETFILTER_DROP' AND src = '10.1.0.2'")" "400|400"
	assert_eq "$label: closed port" "$(events drop "dport = 7779 AND reason = 'NO_SOCKET'")" "700|700"
	assert_eq "$label: reverse path filter" "$(events drop "src = '192.0.2.1' AND reason = 'IP_RPFILTER'")" "600|600"
	assert_between "$label: a full socket drops" "$rcvbuf" 1 900
	assert_eq "$label: a full socket" "$(events drop "dport = 7780 AND reason = 'SOCKET_RCVBUFF'")" "$rcvbuf|$rcvbuf"
	assert_eq "$label: folded" "$(events drop 'folded')" "0|0"
}

test_tcp() {
	local label="TCP" retransmits out syn
	flowd_start "$NSB" -i vb --sweep 200ms || return
	retransmits=$(snmp "$NSB" Tcp RetransSegs)
	syn=$(snmp "$NSB" TcpExt TCPSynRetrans)
	in_b iperf3 -c 10.1.0.1 -p 5201 -t 3 -P 4 >/dev/null || fail "$label: iperf3"
	iperf_done "$NSA" 5201 # the last word may be dropped as well, and sent again
	in_b iperf3 -c fd00:1::1 -p 5201 -t 1 >/dev/null || fail "$label: iperf3, IPv6"
	iperf_done "$NSA" 5201
	assert_eq "$label: nobody refused" "$(connects "$NSB" 10.1.0.77 80 1 2.5)" 0
	out=$(snmp "$NSB" Tcp OutRsts)
	assert_eq "$label: refused by A" "$(connects "$NSB" 10.1.0.1 81 20)" 20
	assert_eq "$label: refused by B" "$(connects "$NSA" 10.1.0.2 82 30)" 30
	assert_eq "$label: the kernel's count of resets" $(($(snmp "$NSB" Tcp OutRsts) - out)) 30
	retransmits=$(($(snmp "$NSB" Tcp RetransSegs) - retransmits))
	syn=$(($(snmp "$NSB" TcpExt TCPSynRetrans) - syn))
	flowd_stop
	assert_between "$label: there are retransmits" "$retransmits" 20 10000000
	assert_eq "$label: as many as TcpRetransSegs" "$(events retransmit 1 | cut -d'|' -f1)" "$retransmits"
	assert_eq "$label: SYN" "$(events retransmit "reason LIKE 'syn%'")" "$syn|$syn"
	# after 1, 2 and 3 s since Linux 6.5, after 1 and 3 s before; it ends after 2.5 s, or somewhat later
	assert_between "$label: SYN to nobody" "$(events retransmit "reason = 'syn' AND dst = '10.1.0.77'" | cut -d'|' -f1)" 1 4
	assert_between "$label: fast" "$(events retransmit "reason = 'fast'" | cut -d'|' -f1)" 1 "$retransmits"
	assert_eq "$label: resets sent" "$(events reset-sent 'sport = 82')" "30|30"
	assert_eq "$label: resets received" "$(events reset-received 'sport = 81')" "20|20"
	say "$(sql "SELECT reason, sum(packets) FROM event_text WHERE what = 'retransmit' GROUP BY 1" | tr '\n' ' ')"
}

# Drops go on while flowd is killed and comes back, and while there is none.
test_kills() {
	local label="$KILLS kills" i pid before
	WL_INSTANCE=wl$$-trace WL_DB=$WL_TMP/trace.db
	flowd_start "$NSB" -i vb --sweep 100ms || return
	before=$(nft_packets 0)
	for ((i = 0; i < KILLS * 4 + 4; i++)); do
		udp "$NSA" 10.1.0.1 10.1.0.2 7777 20000
		wait_ms 500
	done &
	pid=$!
	WL_PIDS+=("$pid")
	for ((i = 0; i < KILLS; i++)); do
		wait_ms $((1000 + RANDOM % 6000))
		flowd_stop "$FLOWD_PID" KILL
		wait_ms $((RANDOM % 500))
		flowd_start "$NSB" -i vb --sweep 100ms || return
		assert_match "$label: takes over" "$(cat "$FLOWD_LOG")" 'on the maps of a predecessor'
	done
	wait "$pid"
	flowd_stop
	before=$(($(nft_packets 0) - before))
	assert_eq "$label: every drop once" "$(events drop "dport = 7777 AND NOT folded")" "$before|$before"
	assert_eq "$label: nothing stays attached" "$(ls "/sys/fs/bpf/wireledger/$WL_INSTANCE" 2>/dev/null)" ""
	unset WL_INSTANCE WL_DB
}

# Maps of a predecessor that cannot be taken over: its programs go with them.
test_broken() {
	local label="a pin is gone" pins
	WL_INSTANCE=wl$$-broken
	pins=/sys/fs/bpf/wireledger/$WL_INSTANCE
	flowd_start "$NSB" -i vb || return
	flowd_stop "$FLOWD_PID" KILL
	rm "$pins/event_keys" || fail "$label: there is none"
	flowd_start "$NSB" -i vb || return
	assert_match "$label: it is said" "$(cat "$FLOWD_LOG")" 'no kernel events'
	flowd_stop
	assert_eq "$label: nothing stays attached" "$(ls "$pins" 2>/dev/null)" ""
	assert_eq "$label: nor a folder" "$([ ! -d "$pins" ] || echo there)" ""
	unset WL_INSTANCE
}

test_off() {
	flowd_start "$NSB" -i vb --trace no || return
	udp "$NSA" 10.1.0.1 10.1.0.2 7777 10
	flowd_stop
	assert_eq "trace = no: no events" "$(sql 'SELECT count(*) FROM event')" 0
}

suite live_trace nft iperf3 python3
if ! "$FLOWD" --help | grep -q -- --trace || [ ! -e /sys/kernel/btf/vmlinux ]; then
	skip "no BTF"
	finish
fi
net_pair || { fail "no veth pair"; finish; }
ip -n "$NSA" addr add 192.0.2.1/32 dev va
ip -n "$NSB" neigh replace 10.1.0.77 lladdr 02:00:00:00:0a:77 dev vb nud permanent
in_b sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.vb.rp_filter=1
rules
iperf_server "$NSA" 5201 || fail "no iperf3"
iperf_server "$NSB" 5202 || fail "no iperf3"
test_drops
test_tcp
test_kills
test_broken
test_off
finish
