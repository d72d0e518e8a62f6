#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_health.sh: flowctl retransmits, drops, top and flows over a database made by hand, in each
# format: sums, joins, filters, and what is refused. No root needed.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

cli_suite cli-health sqlite3 jq python3

DB=$WL_TMP/health.db
NONE=$WL_TMP/none.db

# json LABEL WANT FILTER ARG...: what jq's FILTER makes of all rows of `flowctl ARG... --json`
json() {
	local label=$1 want=$2 filter=$3
	shift 3
	ctl "$@" --json
	assert_eq "$label" "$(jq -rs -c "$filter" <<<"$OUT" 2>&1)" "$want"
}

empty_db() {
	"$FLOWD" --config /dev/null -r "$WL_CORPUS/link.pcap" --db "$1" 2>/dev/null
	sqlite3 "$1" 'DELETE FROM flow; DELETE FROM flow_tunnel; DELETE FROM flow_tcp;
		DELETE FROM flow_rtt; DELETE FROM talker_minute; DELETE FROM talker_hour; DELETE FROM interface; DELETE FROM ledger; DELETE FROM event;
		DELETE FROM counter; DELETE FROM word;'
}

# Addresses 10.0.0.N are 167772160 + N; the first minute is 2026-11-21T12:34Z. Of one connection two
# records, of another one, and UDP of whose answers none was seen, since all were dropped.
fill_db() {
	local id='1795264440000 + ' ip=167772160
	sqlite3 "$1" <<SQL
INSERT INTO interface (id, name, ifindex, netns, ifnum, generation, ingress, egress, first_ms, last_ms) VALUES (1, 'eth0', 2, 1, 1, 1, 'tcx', 'tcx', 1, NULL),
	(2, 'eth1', 3, 1, 2, 1, 'tcx', 'tcx', 1, NULL);
INSERT INTO ledger (minute_ms, iface, dir, seen_packets, seen_bytes, recorded_packets, recorded_bytes,
	held_packets, held_bytes, short_packets, short_bytes, deep_packets, deep_bytes, folded_packets,
	folded_bytes, catchall_packets, catchall_bytes, unaccounted_packets, unaccounted_bytes)
	VALUES (1795264440000, 1, 1, 3205, 1, 3205, 1, 0,0, 0,0, 0,0, 0,0, 0,0, 0,0);
INSERT INTO flow VALUES
	(($id 10000) << 20, 9000, 1, 5, NULL, 6, $ip+1, $ip+2, 40000, 443,
	 1000, 1500000, 0, 500, 33000, 0, 600),
	(($id 70000) << 20, 9000, 1, 7, NULL, 6, $ip+1, $ip+2, 40000, 443,
	 1000, 1500000, 0, 500, 33000, 0, 600),
	(($id 71000) << 20, 9000, 2, 7, NULL, 6, $ip+1, $ip+3, 40001, 22,
	 100, 6600, 0, 100, 6600, 0, 600),
	(($id 72000) << 20, 9000, 1, 2, NULL, 17, $ip+9, $ip+1, 5000, 53,
	 5, 500, 0, 0, 0, 0, NULL);
INSERT INTO flow_tcp VALUES
	(($id 10000) << 20, 10, 14480, 2, 0, 0, 0, 0, 1, 9, 0, 0, 1, 1448, 0, 3, 1, 1, 1, 0, 0, 0, 0),
	(($id 70000) << 20, 10, 14480, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3000),
	(($id 72000) << 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 700, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 300);
INSERT INTO flow_rtt VALUES
	(($id 10000) << 20, 1000, 4, 8000, 1000, 5000, 300, 2, 600, 200, 400),
	(($id 70000) << 20, NULL, 1, 12000, 12000, 12000, NULL, NULL, NULL, NULL, NULL);
INSERT INTO word VALUES (1, 'NETFILTER_DROP'), (2, 'TCP_CSUM'), (3, 'nf_hook_slow+0xa1'),
	(4, 'tcp_v4_rcv+0x10'), (5, 'fast'), (6, 'timeout'), (7, 'syn'), (8, 'docker0'), (9, 'eth0'),
	(10, 'link'), (11, 'rx_dropped'), (12, 'tx_packets'), (13, 'softnet'), (14, 'dropped'),
	(15, 'qdisc'), (16, 'drops'), (17, 'ethtool'), (18, 'rx_interrupts'), (19, 'nf_hook_slow+0xb2');
INSERT INTO event VALUES
	(($id 10000) << 20, 1000, 1, 1, 9, 1, NULL, NULL, NULL, 0, 6, $ip+1, $ip+2, 40000, 443, 5, NULL, 15, 22000, 15, 0),
	(($id 11000) << 20, 1000, 1, 1, 9, 1, NULL, NULL, NULL, 0, 6, $ip+1, $ip+2, 40000, 443, 6, NULL, 4, 6000, 4, 0),
	(($id 12000) << 20, 1000, 1, 1, 9, 1, NULL, NULL, NULL, 0, 6, $ip+1, $ip+7, 40009, 80, 7, NULL, 3, 222, 3, 0),
	(($id 13000) << 20, 1000, 0, 1, 9, 0, NULL, NULL, NULL, 0, 17, $ip+9, $ip+1, 5000, 53, 1, 3, 7, 700, 7, 0),
	(($id 73000) << 20, 1000, 0, 1, 9, 0, NULL, NULL, NULL, 0, 6, $ip+2, $ip+1, 443, 40000, 2, 4, 2, 3000, 1, 0),
	(($id 74000) << 20, 1000, 0, 1, 9, 0, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, 1, NULL, 5, 500, 5, 1),
	(($id 75000) << 20, 1000, 0, NULL, 8, 0, NULL, NULL, NULL, 0, 17, $ip+9, $ip+1, 5000, 53, 1, 19, 1, 100, 1, 0),
	(($id 76000) << 20, 1000, 2, 1, 9, 1, NULL, NULL, NULL, 0, 6, $ip+1, $ip+2, 40000, 443, NULL, NULL, 1, 54, 1, 0);
INSERT INTO counter VALUES (1795264440000, 1, 10, 11, 40), (1795264500000, 1, 10, 11, 2),
	(1795264440000, 1, 10, 12, 999), (1795264440000, 0, 13, 14, 6), (1795264500000, 2, 15, 16, 8),
	(1795264440000, 1, 17, 18, 77);
SQL
}

test_retransmits() {
	json "retransmits by flow" \
		'["tcp 10.0.0.1:40000 > 10.0.0.2:443",2000,20,1,19,15,4,0] ["tcp 10.0.0.2:443 > 10.0.0.1:40000",1000,1,0.1,0,0,0,0] ["tcp 10.0.0.1:40009 > 10.0.0.7:80",null,null,null,3,0,0,3]' \
		'map([.key,.packets,.retransmits,.retransmits_percent,.retransmits_kernel,.kernel_fast,.kernel_timeout,.kernel_syn] | tojson) | join(" ")' \
		retransmits
	json "src, ports and times" '10.0.0.1 10.0.0.2 40000 443 6 2026-11-21T12:34:01.000Z' \
		'.[0] | "\(.src) \(.dst) \(.sport) \(.dport) \(.proto) \(.start)"' retransmits
	json "health of the sender" '[2,0,1,28960]' \
		'.[0] | [.out_of_order,.zero_windows,.syn_repeats,.retransmitted_bytes]' retransmits
	json "health of the other" '[0,3,1,1,1]' \
		'.[1] | [.out_of_order,.dup_acks,.zero_windows,.resets,.keep_alives]' retransmits
	json "round trips" '[4000,1000,12000,5,1000,300,1]' \
		'[.[0] | .rtt_us, .rtt_min_us, .rtt_max_us, .rtt_samples, .handshake_us] + [.[1] | .rtt_us, .rtt_samples / 2]' \
		retransmits
	json "resets of the kernel" '[1,0]' '.[0] | [.resets_sent_kernel,.resets_received_kernel]' retransmits
	json "by host: both ends" '["10.0.0.1",3200,21,22] ["10.0.0.2",3000,21,19] ["10.0.0.7",null,null,3]' \
		'map([.key,.packets,.retransmits,.retransmits_kernel] | tojson) | join(" ")' retransmits --group host
	json "by src: who sent" '["10.0.0.1",2100,20,22] ["10.0.0.2",1000,1,0]' \
		'map([.key,.packets,.retransmits,.retransmits_kernel] | tojson) | join(" ")' retransmits --group src
	json "by iface" '["eth0","eth0",3000,21,22]' \
		'map([.key,.iface,.packets,.retransmits,.retransmits_kernel] | tojson) | join(" ")' retransmits --group iface
	json "by port" '443/tcp 40000/tcp 80/tcp 40009/tcp' 'map(.key) | join(" ")' retransmits --group port
	json "by pair" '10.0.0.1 - 10.0.0.2,10.0.0.1 - 10.0.0.7' 'map(.key) | join(",")' retransmits --group pair
	json "by proto" '["tcp",3200,21,22]' 'map([.key,.packets,.retransmits,.retransmits_kernel] | tojson) | join(" ")' retransmits --group proto
	json "--by kernel, -n" '10.0.0.2' 'map(.dst) | join(" ")' retransmits --by kernel -n 1
	json "--by rtt" '40000 443 40009' 'map(.sport) | join(" ")' retransmits --by rtt
	json "--by ratio" '20' '.[0].retransmits' retransmits --by ratio
	json "--by packets shows all of TCP" 5 'length' retransmits --by packets
	json "filter" '3' 'map(.retransmits_kernel) | join(" ")' retransmits 'dst port 80'
	json "filter of flags: events have none" '[[20,0]]' 'map([.retransmits,.retransmits_kernel])' \
		retransmits 'dst port 443 and tcp[tcpflags] & tcp-ack != 0'
	assert_match "they are counted" "$ERR" "20 of the kernel's events left out by the filter for lost detail"
	json "--dir" '1 0' 'map("\(.retransmits) \(.retransmits_kernel)") | join(" ")' retransmits --dir ingress
	json "--iface" '' 'map(.key) | join(" ")' retransmits --iface eth1
	json "--until" '10 19' '"\(.[0].retransmits) \(.[0].retransmits_kernel)"' retransmits --until 2026-11-21T12:35:00Z
	ctl retransmits
	assert_match "the total" "$OUT" \
		"total: 3,200 TCP segments, 21 retransmits on the wire \\(0\\.65 %\\), 1 of them SYN, 2 out of order, 22 retransmits by this host's kernel: timeout 4, fast 15, syn 3"
	assert_match "the heading" "$OUT" "KEY +PACKETS +RETRANS +RATIO +KERNEL +KINDS"
	assert_match "the last line" "${OUT##*$'\n'}" "^coverage: 3,205 packets seen on eth0"
}

test_drops() {
	json "drops by reason" \
		'["NETFILTER_DROP",13,1300,13,5,"nf_hook_slow+0xa1,nf_hook_slow+0xb2"] ["TCP_CSUM",2,3000,1,0,"tcp_v4_rcv+0x10"]' \
		'map(select(.source == "trace") | [.reason,.packets,.bytes,.skbs,.folded,.place] | tojson) | join(" ")' drops
	json "first and last" '2026-11-21T12:34:12.000Z 2026-11-21T12:35:15.000Z' '.[0] | "\(.start) \(.end)"' drops
	json "interfaces" 'eth0,docker0' '.[0].iface' drops
	json "counters: drops and errors alone" 'link eth0 rx_dropped 42 qdisc eth1 drops 8 softnet null dropped 6' \
		'map(select(.source != "trace") | "\(.source) \(.iface) \(.counter) \(.packets)") | join(" ")' drops
	json "by place" 'nf_hook_slow+0xa1 7 (none) 5 tcp_v4_rcv+0x10 2 nf_hook_slow+0xb2 1' \
		'map(select(.source == "trace") | "\(.key) \(.packets)") | join(" ")' drops --group place
	json "by flow" \
		'["udp 10.0.0.9:5000 > 10.0.0.1:53",8,"NETFILTER_DROP","10.0.0.9",53] ["(no detail)",5,"NETFILTER_DROP",null,null] ["tcp 10.0.0.2:443 > 10.0.0.1:40000",2,"TCP_CSUM","10.0.0.2",40000]' \
		'map(select(.source == "trace") | [.key,.packets,.reason,.src,.dport] | tojson) | join(" ")' drops --group flow
	json "by host" '10.0.0.1 10 10.0.0.9 8 (no detail) 5 10.0.0.2 2' \
		'map(select(.source == "trace") | "\(.key) \(.packets)") | join(" ")' drops --group host
	json "by iface" 'eth0 14 docker0 1' \
		'map(select(.source == "trace") | "\(.key) \(.packets)") | join(" ")' drops --group iface
	json "by proto" 'udp 8 (no detail) 5 tcp 2' \
		'map(select(.source == "trace") | "\(.key) \(.packets)") | join(" ")' drops --group proto
	json "by time" '2026-11-21T12:34:00.000Z 7 2026-11-21T12:35:00.000Z 8' \
		'map(select(.source == "trace") | "\(.time) \(.packets)") | join(" ")' drops --group time
	json "reasons by time" '12:34 NETFILTER_DROP 7 12:35 NETFILTER_DROP 6 12:35 TCP_CSUM 2' \
		'map(select(.source == "trace") | "\(.time[11:16]) \(.key) \(.packets)") | join(" ")' drops --per 1m
	json "counters by time" '12:34 40 12:35 2' \
		'map(select(.counter == "rx_dropped") | "\(.time[11:16]) \(.packets)") | join(" ")' drops --per 1m
	json "--by bytes" 'TCP_CSUM' '.[0].reason' drops --by bytes
	json "filter" 'NETFILTER_DROP 8' 'map("\(.reason) \(.packets)") | join(" ")' drops 'udp port 53'
	assert_match "folded ones are counted" "$ERR" "5 of the kernel's events left out by the filter for lost detail"
	json "--iface" '2 14' '"\(map(select(.source == "trace")) | length) \(map(select(.source == "trace") | .packets) | add)"' drops --iface eth0
	ctl drops udp --since 2026-11-21T12:35:00Z --iface eth0 --json
	assert_match "also where the ledger has nothing" "$ERR" "nothing for this window on eth0, 5 of the kernel's events left out"
	json "--dir" 'qdisc' 'map(.source) | join(" ")' drops --dir egress
	json "same fields in every row" 1 'map(keys) | unique | length' drops --per 1m
	ctl drops
	assert_match "two tables" "$OUT" \
		"REASON +PACKETS +BYTES +SKBS +FOLDED +PLACE +IFACE +FIRST +LAST"$'\n'".*total: 15 packets, 4,300 bytes, 14 skbs dropped by the kernel, 5 packets of them of flows that found no room.*SOURCE +IFACE +COUNTER +GAINED"
	assert_match "the heaviest place" "$OUT" "nf_hook_slow\\+0xa1 \\+1 +eth0 \\+1"
	ctl drops udp
	assert_match "no counters of flows" "$OUT" "know no flows and are left out"
}

test_explain() {
	local name
	for name in TCP_CSUM tcp_csum SKB_DROP_REASON_TCP_CSUM skb_drop_reason_tcp_csum; do
		ctl drops --explain "$name"
		assert_eq "$name: exit code" "$RC" 0
		assert_match "$name" "$OUT" "^TCP_CSUM.*checksum.*nstat TcpInCsumErrors"
	done
	ctl drops --explain 0x20003
	assert_match "a subsystem's number" "$OUT" "^SUBSYS_OPENVSWITCH"
	ctl drops --explain all --json
	assert_match "all of them" "$(jq -s 'length' <<<"$OUT")" '^1[0-9][0-9]$'
	json "explained" 'NO_SOCKET 3' '.[0] | "\(.reason) \(del(.v) | length)"' drops --explain no_socket
	refused 2 "--explain 'TCP_CHKSUM': no such reason; near: TCP_CSUM" drops --explain TCP_CHKSUM
	if [ ! -r /sys/kernel/btf/vmlinux ] || ! command -v bpftool >/dev/null; then
		skip "no BTF, or no bpftool"
		return
	fi
	test_kernel_reasons
}

# Each reason of the kernel that runs here; newer kernels than 6.18 may have more.
test_kernel_reasons() {
	local known missing
	known=$("$FLOWCTL" drops --explain all --json | jq -r .reason | sort)
	missing=$(bpftool btf dump file /sys/kernel/btf/vmlinux |
		awk '/ENUM .skb_drop_reason\x27/ {on = 1; next} /^\[/ {on = 0} on {print $1}' | tr -d "'" |
		sed -E 's/^SKB_(DROP_REASON_)?//; /^(MAX|SUBSYS_MASK)$/d' | sort | comm -23 - <(echo "$known"))
	if [ -n "$missing" ] && [ "$(printf '6.18.99\n%s\n' "$(uname -r)" | sort -V | tail -n 1)" != 6.18.99 ]; then
		skip "a newer kernel's reasons: ${missing//$'\n'/ }"
	else
		assert_eq "reasons of this kernel that have no explanation" "$missing" ""
	fi
}

test_top_and_flows() {
	json "top has them always" '["10.0.0.1",21,10,2942] ["10.0.0.2",21,2,2942] ["10.0.0.9",0,8,null]' \
		'map(select(.drops > 0) | [.key,.retransmits,.drops,.rtt_us // null] | tojson) | join(" ")' top -n 0
	ctl top --by drops --group src
	assert_match "top --by drops" "$OUT" "KEY +FLOWS +PACKETS +BYTES +SHARE +RATE +DROPS"$'\n'"10\\.0\\.0\\.9 .* 8"$'\n'"\\(no detail\\) +0 +0 +0 +33\\.33 % +- +5"
	ctl top --by retransmits --group flow -n 1
	assert_match "top --by retransmits" "$OUT" "RETRANS"$'\n'"tcp 10\\.0\\.0\\.1:40000 > 10\\.0\\.0\\.2:443 .* 20"
	ctl top --by rtt --group src -n 1
	assert_match "top --by rtt" "$OUT" "RTT"$'\n'"10\\.0\\.0\\.1 .* 4\\.00 ms"
	json "no rows of drops alone by bytes" 0 'map(select(.flows == 0)) | length' top --group flow
	ctl flows
	assert_match "flows: columns that have something" "$OUT" "RETRANS +DROPS +RTT +MARKS +END"
	assert_match "flows: both directions" "$OUT" "10/1 +- +2\\.00 ms/300 us"
	ctl flows --until 2026-11-21T12:34:00Z
	assert_match "flows: none without" "$OUT" "REV FLAGS +MARKS +END"
	ctl flows -H -n 1
	assert_match "flows -H" "$OUT" "RETRANS +KERNEL +OOO +DUP ACK +ZERO WIN +RESETS +DROPS +RTT +SETUP +PROCESS"
	json "a direction that only has drops" '["ingress",5,7] ["egress",0,3]' \
		'map([.dir,.packets,.drops] | tojson) | join(" ")' flows --uniflow udp
}

# Each verb in each format: valid, and the same fields over an empty database and a full one.
test_formats() {
	local verb full empty
	for verb in retransmits drops "drops --group time" "retransmits --group host" top flows "flows --uniflow"; do
		# shellcheck disable=SC2086
		ctl $verb --csv
		full=$(head -n 1 <<<"$OUT")
		assert_eq "$verb: rows of CSV are as wide as the heading" \
			"$(python3 -c 'import csv, sys; print(len({len(r) for r in csv.reader(sys.stdin)}))' <<<"$OUT")" 1
		# shellcheck disable=SC2086
		ctl $verb --json
		assert_eq "$verb: JSON has the fields of CSV" \
			"$(jq -rs '.[0] | keys_unsorted | join(",")' <<<"$OUT")" "${full%$'\r'}"
		while read -r line; do
			python3 -m json.tool <<<"$line" >/dev/null 2>&1 || fail "$verb: no JSON: $line"
		done <<<"$OUT"
		# shellcheck disable=SC2086
		empty=$("$FLOWCTL" --db "$NONE" $verb --csv 2>/dev/null)
		assert_eq "$verb: CSV of nothing is a heading" "$empty" "$full"
		# shellcheck disable=SC2086
		assert_eq "$verb: JSON of nothing is nothing" "$("$FLOWCTL" --db "$NONE" $verb --json 2>/dev/null)" ""
		# shellcheck disable=SC2086
		"$FLOWCTL" --db "$NONE" $verb >/dev/null
		assert_eq "$verb: nothing is no failure" "$?" 0
		# shellcheck disable=SC2086
		"$FLOWCTL" --db "$DB" $verb --json 2>"$WL_TMP/err" | head -c 1 >/dev/null
		assert_eq "$verb: a reader that goes away" "${PIPESTATUS[0]}" 0
	done
	"$FLOWCTL" drops --explain all 2>"$WL_TMP/err" | head -n 1 >/dev/null
	assert_eq "--explain all: a reader that goes away" "${PIPESTATUS[0]}$(cat "$WL_TMP/err")" 0
	"$FLOWCTL" --db "$DB" drops >/dev/full 2>"$WL_TMP/err"
	assert_eq "a full disk" "$? $(cat "$WL_TMP/err")" "1 flowctl: standard output: No space left on device"
}

test_refused() {
	refused 2 "--group 'place': unknown; known: flow, host" retransmits --group place
	refused 2 "--group '': unknown" retransmits --group ''
	refused 2 "--by 'bogus': unknown; known: retransmits, ratio" retransmits --by bogus
	refused 2 "--group 'vlan': unknown; known: reason, place" drops --group vlan
	refused 2 "--by 'rtt': unknown; known: packets, bytes, skbs" drops --by rtt
	refused 2 "--by 'loss': unknown; known: bytes" top --by loss
	refused 2 "--per '0s': not a duration" drops --per 0s
	refused 2 "--per '10': not a duration" drops --per 10
	refused 2 "filter 'host'" drops host
	refused 1 "filter 'ip[8] > 1'" drops 'ip[8] > 1'
	refused 1 "interface 'eth9'" drops --iface eth9
	sqlite3 "$WL_TMP/health.db" "UPDATE event SET packets = 'many' WHERE what = 1"
	refused 1 "a value of the wrong type" retransmits --json
}

empty_db "$NONE"
empty_db "$DB"
fill_db "$DB"
test_retransmits
test_drops
test_explain
test_top_and_flows
test_formats
test_refused
finish
