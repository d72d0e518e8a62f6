#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_pcap.sh: flowctl pcap over databases that wlsample made of captures: what tcpdump, tshark and
# capinfos read, options, refusals, and that a replay of an export counts what the capture counts. No
# root needed.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/pcap.sh
. "$(dirname "$0")/pcap.sh"

# --- what is in it --------------------------------------------------------------------------------

test_formats() {
	local format
	for format in pcap pcapng; do
		ctl --format "$format" --dir ingress --iface eth0
		assert_eq "$format: exit code" "$RC" 0
		shown "$T/out.pcap" >"$T/got"
		shown "$T/a.pcap" >"$T/want"
		assert_same "$format: the packets of eth0" "$T/got" "$T/want"
		assert_eq "$format: times to the nanosecond" \
			"$(tcpdump -nn -tt -r "$T/out.pcap" --nano -c 1 2>/dev/null | cut -d' ' -f1)" 1795264440.000000001
		tcpdump -nn -r - <"$T/out.pcap" 2>&1 >/dev/null | grep -v '^reading from' >"$T/said"
		assert_eq "$format: tcpdump -r - says" "$(cat "$T/said")" ""
		ctl --format "$format" -w "$T/named.pcap"
		assert_eq "$format: -w: nothing on standard output" "$(wc -c <"$T/out.pcap")" 0
		assert_eq "$format: -w: packets" "$(packets "$T/named.pcap")" 125
		assert_match "$format: the last lines" "$ERR" \
			"^total: 125 packets, [0-9,]+ bytes on the wire, of 125 samples"$'\n'"coverage: samples of 125 packets; sampled 1/1000 on eth0, 1/10 on eth1, retransmits 60, dropped 5; not known"
		assert_eq "$format: nothing left beside it" "$(ls "$T" | grep -c part)" 0
		tcpdump -tt --nano -nn -r "$T/named.pcap" 2>/dev/null | cut -d' ' -f1 >"$T/times"
		assert_eq "$format: by time" "$(sort -c "$T/times" 2>&1)" ""
	done
}

# By what they were kept for: 120 by rate, 60 of these for being retransmitted too, and 5 drops.
test_why() {
	ctl --why drop --format pcapng -w "$T/why.pcap"
	assert_eq "drops: packets" "$(packets "$T/why.pcap")" 5
	ctl --why '!drop' -w "$T/why.pcap"
	assert_eq "all but drops: packets" "$(packets "$T/why.pcap")" 120
	ctl --why retransmit,drop -w "$T/why.pcap"
	assert_eq "retransmits and drops: packets" "$(packets "$T/why.pcap")" 65
	ctl --why zero-window -w "$T/why.pcap"
	assert_eq "none: packets" "$(packets "$T/why.pcap")" 0
	refused 2 "--why 'lost': not a list of rate, first, reset" --why lost
}

# pcapng's own, as others read it
test_wireshark() {
	if ! command -v tshark >/dev/null || ! command -v capinfos >/dev/null; then
		skip "no tshark or no capinfos"
		return
	fi
	ctl --format pcapng
	capinfos -M "$T/out.pcap" >"$T/infos" 2>"$T/said"
	assert_eq "capinfos says" "$(cat "$T/said")" ""
	assert_match "order" "$(cat "$T/infos")" "Strict time order: +True"
	assert_match "application" "$(cat "$T/infos")" "Capture application: +flowctl [0-9.]+ \\(wireledger\\)"
	assert_match "interfaces" "$(cat "$T/infos")" "Number of interfaces in file: +3"
	assert_match "names" "$(cat "$T/infos")" "Name = eth0.*Name = eth1.*Name = docker0"
	assert_match "statistics" "$(cat "$T/infos")" "Number of stat entries = 1"
	assert_match "nanoseconds" "$(cat "$T/infos")" "Time precision = nanoseconds"
	fields() { tshark -r "$T/out.pcap" -T fields -E separator='|' "$@" 2>"$T/said"; }
	fields -e frame.interface_name -e frame.packet_flags_direction -e frame.comment >"$T/got"
	local tcp="; Community ID 1:kO0sj5IvmHyTr62l9OBOFqKIbrs=" udp="; Community ID 1:EtXZtdcx3muVMHsn/po1gfQe/WA="
	assert_eq "tshark says" "$(grep -v '^Running as' "$T/said")" ""
	assert_eq "an ingress one" "$(head -n 1 "$T/got")" "eth0|0x00000001|tcp 10.0.0.1:40001 > 10.0.0.2:80; sampled 1/1000$tcp"
	assert_eq "a retransmit, egress" "$(sed -n 2p "$T/got")" \
		"eth1|0x00000002|tcp 10.0.0.1:40001 > 10.0.0.2:80; sampled 1/10, retransmitted or out of order$tcp"
	assert_eq "a drop" "$(sed -n 3p "$T/got")" \
		"docker0|0x00000001|udp 10.0.0.7:1234 > 10.0.0.8:4321; dropped by the kernel: NETFILTER_DROP at nf_hook_slow+0xa1$udp"
	assert_eq "no bad checksums" "$(tshark -r "$T/stream.exp" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
		-Y 'ip.checksum.status == 0 or tcp.checksum.status == 0' 2>/dev/null | wc -l)" 0
	ctl
	capinfos -M "$T/out.pcap" >"$T/infos" 2>"$T/said"
	assert_eq "capinfos says of pcap" "$(cat "$T/said")" ""
	assert_match "pcap with nanoseconds" "$(cat "$T/infos")" "nanosecond"
}

# The segments that GRO had joined are what they were; times apart, each byte.
test_segments() {
	local said
	DB=$T/stream.db
	said=$("$WLSAMPLE" -m 9000 "$T/stream.pcap" "$DB")
	assert_match "GSO packets" "$said" "samples, 223 packets"
	ctl -w "$T/stream.exp"
	assert_match "all packets" "$ERR" "^total: 223 packets, [0-9,]+ bytes on the wire, of [0-9]+ samples"$'\n'
	shown "$T/stream.exp" >"$T/got"
	shown "$T/stream.pcap" >"$T/want"
	assert_same "segments" "$T/got" "$T/want"
	ctl --format pcapng --gso segments
	shown "$T/out.pcap" >"$T/got"
	assert_same "segments in pcapng" "$T/got" "$T/want"
	if command -v tshark >/dev/null; then
		assert_match "a segment's comment" "$(tshark -r "$T/out.pcap" -T fields -e frame.comment 2>/dev/null)" \
			"tcp 10.0.0.1:40000 > 10.0.0.2:443; sampled 1/1; segment 6 of 6"
	fi
	replay_same "GSO packets, segmented" "$T/stream.pcap" "$T/stream.exp"
	DB=$T/cut.db
	said=$("$WLSAMPLE" -m 65000 -s 128 "$T/stream.pcap" "$DB")
	assert_eq "large ones" "$said" "25 samples, 223 packets"
	ctl -w "$T/cut.exp"
	replay_same "GSO packets of which 128 bytes are kept" "$T/stream.pcap" "$T/cut.exp"
	has "--gso whole" 25 --gso whole
	assert_match "is said" "$ERR" "of 25 samples; 11 GSO packets written as one each"
	has "the filter is asked of segments" 0 'greater 1600'
	has "and of whole ones" 11 'greater 1600' --gso whole
	has "-n counts packets" 7 -n 7
	DB=$T/tiny.db
	"$WLSAMPLE" -m 65000 -s 40 "$T/stream.pcap" "$DB" >/dev/null
	ctl -w "$T/tiny.exp"
	assert_match "headers that are not there: as one" "$ERR" "^total: 25 packets.*; 11 GSO packets written as one each"
	DB=$T/samples.db
}

# --- which of them --------------------------------------------------------------------------------

test_window() {
	has "--since" 60 --since 2026-11-21T12:34:30Z
	has "--until" 3 --until 2026-11-21T12:34:01Z
	has "--iface" 60 --iface eth1
	has "two of them" 120 -i eth1 -i eth0
	has "one that is not counted" 5 -i docker0
	has "both kinds" 65 -i docker0 -i eth0
	has "--dir" 60 --dir egress
	has "--tunnel" 0 --tunnel any
	has "--tunnel none" 125 --tunnel none
	has "-n" 10 -n 10
	has "-n 0" 125 -n 0
	ctl --format pcapng --tunnel any
	tcpdump -r "$T/out.pcap" >/dev/null 2>&1
	assert_eq "also as pcapng" "$?" 0
}

# As tcpdump selects of the whole
test_filters() {
	local filter all=$T/all.pcap
	"$FLOWCTL" --db "$DB" pcap -w "$all" 2>/dev/null
	for filter in tcp 'udp port 53' 'host 10.0.0.2' 'less 100' 'greater 150' 'tcp[tcpflags] & tcp-rst != 0' \
		'ip[8] = 64' 'ether dst 02:00:00:00:00:09' 'udp[8] = 0x78' 'not ip' 'vlan' 'udp and src net 10.0.0.0/30' \
		'ip[4:2] & 3 = 1' 'len = 60'; do
		ctl "$filter"
		assert_eq "$filter: exit code" "$RC" 0
		shown "$T/out.pcap" >"$T/got"
		shown "$all" "$filter" >"$T/want"
		assert_same "$filter" "$T/got" "$T/want"
	done
	ctl udp
	assert_match "what it leaves out is counted" "$ERR" "^total: 65 packets, .* of 125 samples; 60 packets left out by the filter"
}

test_flow() {
	local id
	"$FLOWD" --config /dev/null -r "$T/a.pcap" --db "$T/flows.db" 2>/dev/null
	"$WLSAMPLE" -i a.pcap "$T/a.pcap" "$T/flows.db" >/dev/null
	DB=$T/flows.db
	id=$("$FLOWCTL" --db "$DB" flows --json src host 10.0.0.2 2>/dev/null | jq -r .id)
	assert_eq "flows: its id" "$id" "$(sqlite3 "$DB" 'SELECT id FROM flow WHERE src = 167772162')"
	assert_match "flows: a column of ids" "$("$FLOWCTL" --db "$DB" flows --id src host 10.0.0.2)" "^ID +START .*"$'\n'"$id +2026-"
	assert_eq "flows: none unless asked for" "$("$FLOWCTL" --db "$DB" flows | grep -c -e "$id" -e ^ID)" 0
	assert_eq "flows: CSV" "$("$FLOWCTL" --db "$DB" flows --csv src host 10.0.0.2 2>/dev/null | tr -d '\r' | awk -F, '{ print $(NF - 1) }')" \
		id$'\n'"$id"
	assert_eq "flows: an id for both directions" "$("$FLOWCTL" --db "$DB" flows --uniflow --json -n 0 2>/dev/null | jq -r .id | sort -u)" \
		"$(sqlite3 "$DB" 'SELECT id FROM flow ORDER BY id')"
	has "--flow" 10 --flow "$id"
	assert_eq "its packets alone" "$(packets "$T/out.pcap" 'not (udp and src host 10.0.0.2 and port 53)')" 0
	assert_match "its books" "$ERR" "coverage: samples of [0-9]+ packets of the 60 seen on a.pcap in the minutes"
	if command -v tshark >/dev/null; then
		ctl --flow "$id" --format pcapng
		assert_match "its id in the comments" "$(tshark -r "$T/out.pcap" -T fields -e frame.comment 2>/dev/null)" \
			"^flow $id: udp 10.0.0.2:5000 > 10.0.0.9:53; sampled 1/1"
	fi
	# both ways: the answers are the initiator's, as seen from the other side
	sqlite3 "$DB" "UPDATE flow SET src = dst, dst = src, sport = dport, dport = sport, how = how | 1, rev_packets = packets WHERE id = $id"
	has "the other way" 10 --flow "$id"
	sqlite3 "$DB" "UPDATE flow SET l2 = 4096 | 5 WHERE id = $id"
	has "another tag" 0 --flow "$id"
	sqlite3 "$DB" "UPDATE flow SET l2 = NULL, how = 8 << 4 WHERE id = $id"
	refused 1 "flow $id: its record has lost" --flow "$id"
	refused 1 "flow 5: no such flow" --flow 5
	DB=$T/samples.db
}

# --- what is refused ------------------------------------------------------------------------------

test_refused() {
	refused 2 "--format 'png': unknown; known: pcap, pcapng" --format png
	refused 2 "--gso 'x': unknown; known: segments, whole" --gso x
	refused 2 "--flow 'x': not the id of a record" --flow x
	refused 2 "--flow 'null'" --flow null
	refused 2 "--flow '-1'" --flow -1
	refused 2 "filter 'host'" host
	refused 2 "filter 'inbound': " inbound
	refused 2 "; --iface NAME asks for that" 'ifname eth0'
	refused 2 "'udp port 4789' or --tunnel vxlan asks for that" 'vxlan 5'
	refused 2 "--follow: not with --until" --follow --until now
	refused 2 "--follow: not with --flow" --follow --flow 5
	refused 1 "interface 'eth9'" --iface eth9
	refused 1 "interface 'NETFILTER_DROP'" --iface NETFILTER_DROP
	refused 1 "/nowhere/x.pcap: No such file or directory" -w /nowhere/x.pcap
	refused 1 "$T: Is a directory" -w "$T"
	refused 1 "none.db" --db "$T/none.db"
	refused 2 "option '--json'" --json
	cp "$DB" "$T/bad.db"
	sqlite3 "$T/bad.db" "UPDATE sample SET length = 'long' WHERE id = (SELECT min(id) FROM sample)"
	ctl --db "$T/bad.db"
	assert_eq "a row that cannot be: exit code" "$RC" 1
	assert_match "and is named" "$ERR" "sample 1795264440000000001: a value that cannot be"
	cp "$DB" "$T/red.db"
	sqlite3 "$T/red.db" "UPDATE interface SET name = char(27) || '[31mred' || char(10) || 'x' WHERE id = 1"
	ctl --db "$T/red.db" --iface eth9
	assert_match "names in errors are one line of text" "$ERR" "known: \\?\\[31mred\\?x, eth1\$"
	for args in '' '-w -' '-w /dev/tty'; do
		# shellcheck disable=SC2086
		script -qec "$FLOWCTL --db $DB pcap $args >/dev/tty" /dev/null </dev/null >"$T/tty" 2>&1
		assert_eq "pcap $args to a terminal: exit code" "$?" 2
		assert_match "pcap $args to a terminal" "$(cat "$T/tty")" "terminal"
	done
}

# Samples of two link types: a pcap file has one.
test_links() {
	DB=$T/links.db
	"$WLSAMPLE" "$T/a.pcap" "$DB" >/dev/null
	"$WLSAMPLE" -i wg0 -o 100 "$T/raw.pcap" "$DB" >/dev/null
	ctl -w "$T/links.pcap"
	assert_eq "two link types in one: exit code" "$RC" 1
	assert_match "which are left out" "$ERR" "flowctl: wg0: 20 packets of raw IP left out: a pcap file has one link type, here Ethernet; --format pcapng has all, --iface or --dir choose"
	assert_eq "the others are there" "$(packets "$T/links.pcap")" 60
	has "--iface chooses" 20 --iface wg0
	shown "$T/out.pcap" >"$T/got"
	shown "$T/raw.pcap" >"$T/want"
	assert_same "raw IP" "$T/got" "$T/want"
	ctl --format pcapng
	assert_eq "pcapng has both: exit code" "$RC" 0
	if command -v tshark >/dev/null; then
		assert_eq "pcapng has both" "$(tshark -r "$T/out.pcap" 2>/dev/null | wc -l)" 80
		assert_eq "raw ones are raw" "$(tshark -r "$T/out.pcap" -Y 'raw and not eth' 2>/dev/null | wc -l)" 20
	fi
	has "a filter for either" 10 udp --iface wg0
	ctl 'ether src 02:00:00:00:00:01'
	assert_eq "a filter for one alone: exit code" "$RC" 1
	assert_match "is said" "$ERR" "wg0: 20 packets left out: filter 'ether src 02:00:00:00:00:01' of raw IP: "
	DB=$T/samples.db
}

# --- replay -----------------------------------------------------------------------------------------

# flows FILE DB: what flowd makes of a capture, one of that name for both
flows() {
	rm -f "$2" "$2"-*
	ln -sf "$1" "$T/capture"
	"$FLOWD" --config /dev/null -r "$T/capture" --db "$2" >/dev/null 2>&1 || return
	"$FLOWCTL" --db "$2" flows --uniflow --json -n 0 2>/dev/null |
		jq -c 'del(.id, .start, .end, .duration_ms, .rtt_us, .rtt_min_us, .rtt_max_us, .handshake_us)' | sort
}

# replay_same LABEL CAPTURE EXPORT: the same flows with the same packets and bytes
replay_same() {
	flows "$2" "$T/ours.db" >"$T/want"
	flows "$3" "$T/its.db" >"$T/got"
	assert_same "$1" "$T/got" "$T/want"
}

test_replay() {
	local file name known=0
	for file in "$WL_CORPUS"/*.pcap "$WL_CORPUS"/*.pcapng; do
		name=$(basename "$file")
		[ -e "$file.tsv" ] || continue # one that is refused
		DB=$T/replay.db
		rm -f "$DB"*
		"$WLSAMPLE" "$file" "$DB" >/dev/null 2>&1
		case $? in
		0) ;;
		3) continue ;; # a link type that nobody samples
		*) fail "$name: wlsample" ;;
		esac
		"$FLOWCTL" --db "$DB" pcap -w "$T/replay.exp" 2>"$T/err"
		assert_eq "$name: exit code" "$?" 0
		replay_same "$name" "$file" "$T/replay.exp"
		known=$((known + 1))
	done
	assert_between "captures replayed" "$known" 20 1000
	DB=$T/samples.db
}

pcap_suite cli-pcap
test_formats
test_why
test_segments
test_wireshark
test_window
test_filters
test_flow
test_refused
test_links
test_replay
finish
