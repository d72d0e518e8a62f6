#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_sample_drops.sh: dropped packets that are sampled, against what was sent and what was counted: each once,
# with reason, place and its own bytes; on the way in and out, with a tag beside the bytes, without a link
# layer; switched while flowd runs; and a storm of them beside other samples. flowd listens in B.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/drops.sh
. "$(dirname "$0")/drops.sh"

# samples [WHERE]: packets that are kept
samples() { sql "SELECT count(*) FROM sample_text WHERE ${1:-1}"; }

sample() { "$FLOWCTL" --db "$FLOWD_DB" sample "$@"; }

# drops_of EXPRESSION: of the object that `status` has of them
drops_of() { "$FLOWCTL" --db "$FLOWD_DB" status --json | jq -c ".flowd.samples.drops | $1"; }

rules() {
	in_b nft -f - <<-NFT
		table inet t {
			chain in { type filter hook input priority 0
				udp dport 7777 counter drop
				tcp dport 5202 meta length > 1500 numgen inc mod 10 0 counter drop
			}
			chain out { type filter hook output priority 0
				udp dport 7778 counter drop
				tcp sport 5202 tcp flags & (syn|fin|rst) == 0 numgen inc mod 20 0 counter drop
			}
		}
		table netdev n {
			chain in { type filter hook ingress device vb priority 0
				vlan id 77 counter drop
			}
		}
	NFT
}

rcvbuf_errors() { in_b awk '$1 == "Udp:" { if (!at) { for (i = 2; i <= NF; i++) if ($i == "RcvbufErrors") at = i } else print $at }' /proc/net/snmp; }

# numbered WHERE: different numbers that the samples' bytes have where the datagram begins
numbered() {
	sql "SELECT count(DISTINCT substr(frame, instr(frame, CAST('wl-' AS BLOB)), 9)) FROM sample
		JOIN word r ON r.id = sample.reason WHERE instr(frame, CAST('wl-' AS BLOB)) > 0 AND $1"
}

# assert_numbered LABEL COUNT LINK:CAPTURED WHERE: so many samples, each of another datagram, whole
assert_numbered() {
	assert_eq "$1: each sample is of another datagram" "$(numbered "$4")" "$2"
	assert_eq "$1: samples, link, bytes, length" "$(sql "SELECT count(*), link || ':' || length(frame), min(length), max(length)
		FROM sample JOIN word r ON r.id = sample.reason WHERE $4 GROUP BY 2")" "$2|$3|${3#*:}|${3#*:}"
}

# Packets and skbs of each reason, place and device: what was counted is what was sampled.
assert_as_counted() {
	assert_eq "$1: as counted" \
		"$(sql "SELECT reason, place, device, sum(packets), count(*) FROM sample_text WHERE why = 'drop' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")" \
		"$(sql "SELECT reason, place, device, sum(packets), sum(skbs) FROM event_text WHERE what = 'drop' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")"
}

test_drops() {
	local label="drops" full
	flowd_start "$NSB" -i vb --sweep 200ms --drops-sample yes --sample-snaplen 256 --sample-ring 64M || return
	udp "$NSA" 10.1.0.1 10.1.0.2 7777 2000
	udp "$NSA" fd00:1::1 fd00:1::2 7777 300
	udp "$NSB" 10.1.0.2 10.1.0.1 7778 400
	udp "$NSA" 10.1.0.1 10.1.0.2 7779 500
	udp "$NSA" 192.0.2.1 10.1.0.2 7781 600
	background deaf
	wait_until 40 test -e "$WL_TMP/deaf" || fail "$label: no deaf socket"
	udp "$NSA" 10.1.0.1 10.1.0.2 7780 900
	settle
	full=$(rcvbuf_errors)
	in_a iperf3 -c 10.1.0.2 -p 5202 -t 1 -b 50M >/dev/null || fail "$label: iperf3"
	iperf_done "$NSB" 5202
	in_a iperf3 -c 10.1.0.2 -p 5202 -t 1 -b 50M -R >/dev/null || fail "$label: iperf3 -R"
	iperf_done "$NSB" 5202
	assert_match "$label: state" "$(sample)" 'drops: sampled, 256 bytes of each at most; [0-9,]+ of the packets chosen, 0 lost'
	flowd_stop
	assert_eq "$label: exit" "$FLOWD_RC" 0
	assert_numbered "$label: netfilter, IPv4" 2000 1:142 "dport = 7777 AND typeof(src) = 'integer' AND r.text = 'NETFILTER_DROP'"
	assert_numbered "$label: netfilter, IPv6" 300 1:162 "dport = 7777 AND typeof(src) = 'blob' AND r.text = 'NETFILTER_DROP'"
	assert_numbered "$label: on the way out" 400 101:128 "dport = 7778 AND dir = 1 AND r.text = 'NETFILTER_DROP'"
	assert_numbered "$label: closed port" 500 1:142 "dport = 7779 AND r.text = 'NO_SOCKET'"
	assert_numbered "$label: reverse path filter" 600 1:142 "dport = 7781 AND r.text = 'IP_RPFILTER'"
	assert_between "$label: a full socket drops" "$full" 1 900
	assert_numbered "$label: a full socket" "$full" 1:142 "dport = 7780 AND r.text = 'SOCKET_RCVBUFF'"
	assert_between "$label: of TCP, with all that GRO made of it" "$(samples "dport = 5202 AND gso_size > 0 AND packets > 1")" 1 100000
	assert_eq "$label: by what is on the wire" \
		"$(samples "dport = 5202 AND gso_size > 0 AND packets != (length - 66 + gso_size - 1) / gso_size")" 0
	assert_between "$label: of TCP, on the way out" "$(samples "sport = 5202 AND link = 'raw'")" 1 100000
	assert_as_counted "$label"
	assert_eq "$label: why, rate" "$(sql 'SELECT DISTINCT why, rate FROM sample_text')" "drop|"
	say "$label: $(sql 'SELECT reason, place, count(*) FROM sample_text GROUP BY 1, 2' | tr '\n' ' ')"
}

# What the readers of captures say of it.
test_export() {
	local label="export" comment file=$WL_TMP/drops.pcapng
	"$FLOWCTL" --db "$FLOWD_DB" pcap --format pcapng -w "$file" 2>"$WL_TMP/err" || fail "$label: $(cat "$WL_TMP/err")"
	comment=$(strings -n 20 "$file" | grep -m1 ':7777.*dropped')
	assert_match "$label: comment" "$comment" 'udp 10\.1\.0\.1:[0-9]+ .*10\.1\.0\.2:7777; dropped by the kernel: NETFILTER_DROP at nf[a-z_]*\+0x'
	if command -v tshark >/dev/null; then
		assert_eq "$label: tshark's count of comments" \
			"$(tshark -r "$file" -Y 'udp.dstport == 7778' -T fields -e frame.comment 2>/dev/null | grep -c 'NETFILTER_DROP at nf')" 400
		assert_eq "$label: malformed, by tshark" "$(tshark -r "$file" -Y '_ws.malformed' 2>/dev/null | wc -l)" 0
	fi
	"$FLOWCTL" --db "$FLOWD_DB" pcap 'udp dst port 7778' -w "$WL_TMP/out.pcap" 2>"$WL_TMP/err" || fail "$label: $(cat "$WL_TMP/err")"
	assert_eq "$label: without a link header, by tcpdump" \
		"$(tcpdump -nr "$WL_TMP/out.pcap" 2>/dev/null | grep -c 'IP 10.1.0.2.* > 10.1.0.1.7778: UDP, length 100')" 400
}

# Tags that the kernel took out of the bytes are back in them.
test_vlan() {
	local label="VLAN" hook
	for hook in xdp tc; do
		flowd_start "$NSB" -i vb --ingress "$hook" --drops-sample yes || return
		generate -n 500 -f 10 --vlan 77
		flowd_stop
		assert_eq "$label, $hook: the tag is in the bytes" \
			"$(sql "SELECT count(*), hex(substr(frame, 13, 6)), min(length), max(length), max(length(frame)) FROM sample WHERE vlan = 77 GROUP BY 2")" \
			"500|8100004D0800|100|100|100"
		assert_as_counted "$label, $hook"
	done
}

# An interface whose packets begin with IP; no socket wants them.
test_bare() {
	local label="no link layer" file=$WL_TMP/t0.pcap
	if ! ip -n "$NSB" tuntap add mode tun name t0 2>/dev/null; then
		skip "no tun device"
		return
	fi
	ip -n "$NSB" link set t0 addrgenmode none up
	flowd_start "$NSB" -i vb --drops-sample yes || return
	in_b "$WLSEND" --tun t0 "$WL_CORPUS/transport.pcap" </dev/null >/dev/null
	flowd_stop
	assert_between "$label: samples" "$(samples "device = 't0'")" 10 100000
	assert_as_counted "$label"
	assert_eq "$label: bytes" "$(sql "SELECT count(*) FROM sample WHERE link != 101
		OR substr(hex(substr(frame, 1, 1)), 1, 1) NOT IN ('4', '6')")" 0
	"$FLOWCTL" --db "$FLOWD_DB" pcap -w "$file" 2>"$WL_TMP/err" || fail "$label: $(cat "$WL_TMP/err")"
	assert_eq "$label: tcpdump reads all" "$(tcpdump -r "$file" --count 2>/dev/null | cut -d' ' -f1)" "$(samples "device = 't0'")"
	ip -n "$NSB" link del t0
}

# expect LABEL SAMPLES: 50 packets dropped more
expect() {
	local before dropped
	before=$(samples) dropped=$(nft_packets 0)
	udp "$NSA" 10.1.0.1 10.1.0.2 7777 50
	wait_until 40 nft_reached $((dropped + 50)) || fail "$1: they are not dropped"
	settle
	wait_until 40 drained || fail "$1: not all samples are stored"
	assert_eq "$1" $(($(samples) - before)) "$2"
}

# drained: all that went into the ring is in the database
drained() { [ "$("$FLOWCTL" --db "$FLOWD_DB" status --json | jq .flowd.samples.ring_used)" = 0 ]; }

set_sample() { sample "$@" >"$WL_TMP/out" 2>"$WL_TMP/err" || fail "flowctl sample $*: $(cat "$WL_TMP/err")"; }

test_runtime() {
	local label="at run time"
	flowd_start "$NSB" -i vb --sweep 100ms --durability normal || return
	assert_match "$label: state" "$(sample)" 'drops: not sampled;'
	expect "$label: off" 0
	set_sample --drops yes
	expect "$label: on" 50
	assert_eq "$label: 128 bytes" "$(sql 'SELECT DISTINCT length(frame) FROM sample')" 128
	set_sample --snaplen 64
	expect "$label: snaplen of all" 50
	assert_eq "$label: 64 bytes of the last" "$(sql 'SELECT length(frame) FROM sample ORDER BY id DESC LIMIT 1')" 64
	set_sample --iface vb --snaplen 100
	assert_eq "$label: snaplen of an interface" "$(drops_of .snaplen)" 64
	set_sample filter 'udp port 1'
	expect "$label: filters are of interfaces" 50
	assert_eq "$label: counts" "$(drops_of '[.on, .chosen, .lost, .stored, .bytes, .note]')" '[true,150,0,150,12800,null]'
	assert_match "$label: status" "$("$FLOWCTL" --db "$FLOWD_DB" status)" 'of dropped packets: 150 chosen, 0 lost, 150 stored'
	set_sample --drops off
	expect "$label: off again" 0
	sample --drops maybe 2>"$WL_TMP/err"
	assert_eq "$label: wrong word, exit" "$?" 2
	assert_match "$label: wrong word" "$(cat "$WL_TMP/err")" "--drops 'maybe': not yes or no"
	sample --drops yes --iface vb 2>"$WL_TMP/err"
	assert_eq "$label: of an interface, exit" "$?" 2
	assert_match "$label: of an interface" "$(cat "$WL_TMP/err")" "iface 'vb': drops are sampled on all"
	flowd_stop
}

test_untold() {
	local label="trace = no"
	flowd_start "$NSB" -i vb --sweep 100ms --trace no --drops-sample yes || return
	assert_match "$label: log" "$(cat "$FLOWD_LOG")" 'drops.sample: dropped packets cannot be sampled: not wanted: trace = no'
	expect "$label: none" 0
	sample --drops yes >/dev/null 2>"$WL_TMP/err"
	assert_eq "$label: exit" "$?" 1
	assert_match "$label: message" "$(cat "$WL_TMP/err")" 'dropped packets cannot be sampled: not wanted: trace = no'
	assert_match "$label: state" "$(sample)" 'drops: not sampled, and cannot be: not wanted: trace = no'
	flowd_stop
}

# Drops fill their half of the ring, the other packets have the rest: no flow and no drop is counted less.
test_storm() {
	local label="storm" status
	flowd_start "$NSB" -i vb --egress none --sweep 10s --drops-sample yes --sample-first 1 --sample-ring 1M || return
	generate -n 200000 -f 1000 --dst-mac 02:00:00:00:0a:02 --cpu 0
	settle
	status=$("$FLOWCTL" --db "$FLOWD_DB" status --json | jq -c .flowd.samples)
	flowd_stop
	say "$label: $status"
	assert_between "$label: lost" "$(jq .drops.lost <<<"$status")" 1 200000
	assert_eq "$label: no other is" "$(jq '.lost - .drops.lost' <<<"$status")" 0
	assert_eq "$label: the first of each flow" "$(samples "why = 'first'")" 1000
	assert_eq "$label: what was not lost is stored" "$(samples "why = 'drop'")" \
		"$(sql "SELECT sum(skbs) - $(jq .drops.lost <<<"$status") FROM event_text WHERE what = 'drop'")"
	assert_books "$label"
}

suite live_sample_drops nft iperf3 python3 tcpdump strings
if ! "$FLOWD" --help | grep -q -- --trace || [ ! -e /sys/kernel/btf/vmlinux ]; then
	skip "no BTF"
	finish
fi
net_pair || { fail "no veth pair"; finish; }
ip -n "$NSA" addr add 192.0.2.1/32 dev va
in_b sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.vb.rp_filter=1
rules || { fail "nft"; finish; }
iperf_server "$NSB" 5202 || { fail "no iperf3"; finish; }
test_drops
test_export
test_vlan
test_bare
test_runtime
test_untold
test_storm
finish
