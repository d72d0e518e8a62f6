#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_sample.sh: sampled packets against what was sent: all of them at 1/1, the first of each flow, those
# of a kind (real resets, retransmissions, closed windows, broken headers), those that a filter lets pass
# against tcpdump's own count; settings changed while flowd runs, and wrong ones; over kills (-9); and a
# ring that is too small. flowd listens in B.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/wire.sh
. "$(dirname "$0")/wire.sh"

KILLS=${WL_KILLS:-5}

# --- questions ------------------------------------------------------------------------------------

# samples [WHERE]: packets that are kept
samples() { sql "SELECT count(*) FROM sample_text WHERE ${1:-1}"; }

# sampled [WHERE]: packets on the wire that these are
sampled() { sql "SELECT ifnull(sum(packets), 0) FROM sample_text WHERE ${1:-1}"; }

sample() { "$FLOWCTL" --db "$FLOWD_DB" sample "$@"; }

# count_of NAME: of `status`
count_of() { "$FLOWCTL" --db "$FLOWD_DB" status --json | jq ".flowd.samples.$1"; }

# All that went into the ring is in the database.
drained() { [ "$(count_of ring_used)" = 0 ]; }

seen_now() { "$FLOWCTL" --db "$FLOWD_DB" status --json | jq '.flowd.interfaces[0].seen_packets[0]'; }

has_seen() { [ "$(seen_now)" -ge "$1" ]; }

# wait_seen LABEL COUNT: the hook has; and what it sampled of it is stored
wait_seen() {
	wait_until 40 has_seen "$2" || fail "$1: not all packets came"
	wait_drained "$1"
}

wait_drained() { wait_until 40 drained || fail "$1: not all samples are stored: $("$FLOWCTL" --db "$FLOWD_DB" status --json | jq -c .flowd.samples)"; }

# set_sample LABEL ARG...: a change that is taken
set_sample() { sample "${@:2}" >"$WL_TMP/out" 2>"$WL_TMP/err" || fail "$1: flowctl sample ${*:2}: $(cat "$WL_TMP/err")"; }

# settings: as flowd has them now
settings() { sample --json 2>/dev/null | jq -c 'del(.samples, .bytes)'; }

# --- all, and the first ---------------------------------------------------------------------------

# assert_all LABEL DIR NUMBER: packets and bytes of the samples are the hook's own count
assert_all() {
	assert_eq "$1: packets" "$(sampled "dir = '$2'")" "$(seen "$3" | cut -d'|' -f1)"
	assert_eq "$1: rate and reason" "$(sql "SELECT DISTINCT rate, why FROM sample_text WHERE dir = '$2'")" "1|rate"
}

test_all() {
	local label="1/1" before after
	flowd_start "$NSB" -i vb --sample 1/1 --sample-snaplen 96 --sample-ring 64M || return
	before=$(date +%s%N)
	generate -n 40000 -f 500 --spread 30
	in_b ping -q -c 20 -i 0.01 10.1.0.1 >/dev/null
	after=$(date +%s%N)
	flowd_stop
	assert_eq "$label: flowd's exit" "$FLOWD_RC" 0
	assert_all "$label, in" ingress 0
	assert_all "$label, out" egress 1
	assert_eq "$label: what was sent, and the echoes of it" "$(samples "dir = 'ingress'") $(samples "dir = 'egress'")" "40020 20"
	assert_eq "$label: bytes" "$(sql "SELECT sum(length) FROM sample WHERE dir = 0")" "$(seen 0 | cut -d'|' -f2)"
	assert_eq "$label: each is cut where it should be" "$(samples 'captured != min(length, 96)')" 0
	assert_eq "$label: each has its flow's ports and length" \
		"$(sql "SELECT count(*) FROM (SELECT src, dst, sport, dport, count(*) AS p, sum(length) AS b FROM sample
			WHERE dir = 0 AND proto = 17 GROUP BY 1, 2, 3, 4) s
			JOIN (SELECT src, dst, sport, dport, sum(packets) AS p, sum(bytes) AS b FROM flow
			WHERE proto = 17 GROUP BY 1, 2, 3, 4) f USING (src, dst, sport, dport, p, b)")" 500
	assert_eq "$label: times" "$(sql "SELECT count(*) FROM sample WHERE id NOT BETWEEN $before AND $after")" 0
	assert_eq "$label: interface" "$(sql 'SELECT DISTINCT device, link FROM sample_text')" "vb|ethernet"
	assert_books "$label"
}

# TC, tags beside the bytes, super-packets
test_tc() {
	local label="tc"
	flowd_start "$NSB" -i vb --ingress tc --sample 1/1 --sample-ring 64M || return
	generate -n 5000 -f 50 --vlan 77
	serve "$NSA" 7700 && in_b "$WLTRAF" tcp -d 10.1.0.1 -p 7700 --size 3000000 >/dev/null
	flowd_stop
	assert_all "$label, in" ingress 0
	assert_all "$label, out" egress 1
	assert_eq "$label: the tag is in the bytes" \
		"$(sql "SELECT count(*), hex(substr(frame, 13, 4)) FROM sample WHERE vlan = 77 GROUP BY 2")" "5000|8100004D"
	assert_between "$label: super-packets" "$(samples 'gso_size > 0 AND packets > 1')" 1 3000
	assert_eq "$label: and what they are on the wire" \
		"$(sql "SELECT count(*) FROM sample WHERE gso_size > 0 AND packets != (length - 66 + gso_size - 1) / gso_size
			AND proto = 6 AND typeof(src) = 'integer'")" 0
}

test_first() {
	local label="first 3"
	flowd_start "$NSB" -i vb --sample-first 3 --egress none || return
	generate -n 20000 -f 1000 --cpu 0 # a flow has a slot on each CPU that it comes by
	flowd_stop
	assert_eq "$label: of each of 1000 flows" "$(samples)" 3000
	assert_eq "$label: three of each" \
		"$(sql 'SELECT count(*) FROM (SELECT 1 FROM sample GROUP BY src, dst, sport, dport HAVING count(*) = 3)')" 1000
	assert_eq "$label: why" "$(sql 'SELECT DISTINCT why, rate FROM sample_text')" "first|"
}

# An interface whose packets begin with IP.
test_bare() {
	local label="no link layer" json want
	if ! ip -n "$NSB" tuntap add mode tun name t0 2>/dev/null; then
		skip "no tun device"
		return
	fi
	ip -n "$NSB" link set t0 addrgenmode none up
	flowd_start "$NSB" -i t0 -i vb --sample 1/1 --sample-filter 'tcp or udp' || return
	json=$(in_b "$WLSEND" --tun t0 "$WL_CORPUS/transport.pcap" </dev/null)
	assert_between "$label: packets" "$(jq .packets <<<"$json")" 10 100000
	want=$(matches "$WL_CORPUS/transport.pcap" 'tcp or udp')
	flowd_stop
	assert_eq "$label: by the filter of that link" "$(samples "device = 't0' AND dir = 'ingress'")" "$want"
	assert_eq "$label: link" "$(sql "SELECT DISTINCT link FROM sample_text WHERE device = 't0'")" "raw"
	assert_eq "$label: bytes" "$(sql "SELECT count(*) FROM sample WHERE link = 101
		AND substr(hex(substr(frame, 1, 1)), 1, 1) NOT IN ('4', '6')")" 0
	ip -n "$NSB" link del t0
}

# --- filters --------------------------------------------------------------------------------------

# matches FILE EXPRESSION: frames, not lines, of which a tunnel's has more
matches() { tcpdump -r "$1" --count "$2" 2>/dev/null | cut -d' ' -f1; }

# send_some LABEL FILE: those of the capture's frames that can be sent
send_some() {
	local before
	before=$(seen_now)
	wait_seen "$1" $((before + $(in_a "$WLSEND" va "$WL_CORPUS/$2" | jq .packets)))
}

# filtered LABEL FILE EXPRESSION: what of the capture's frames comes through, against tcpdump on those that came
filtered() {
	local label="filter '$3'" file=$WL_TMP/$2 before
	set_sample "$label" filter "$3"
	if [ ! -e "$file" ]; then
		record "$NSB" vb "$file" -Q in
		send_some "$label" "$2"
		record_stop
	fi
	before=$(samples)
	send_some "$label" "$2"
	assert_eq "$label, $2" $(($(samples) - before)) "$(matches "$file" "$3")"
}

test_filters() {
	local label="filters" chosen
	flowd_start "$NSB" -i vb --sweep 100ms --egress none --sample 1/1 --durability normal || return
	filtered "$label" transport.pcap 'tcp port 443 or udp port 53'
	filtered "$label" transport.pcap 'net 10.0.0.0/8 and not icmp'
	filtered "$label" ip.pcap 'tcp'
	filtered "$label" ip.pcap 'not ip6 and (udp or icmp)'
	filtered "$label" ip.pcap 'ip6 protochain 6'
	filtered "$label" ip.pcap 'less 100'
	filtered "$label" ip.pcap 'ether[0] & 1 = 0 and ip[8] >= 64'
	filtered "$label" tcp.pcap 'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0'
	filtered "$label" link.pcap 'vlan'
	filtered "$label" link.pcap 'vlan and vlan and ip'
	filtered "$label" link.pcap 'arp or llc'
	filtered "$label" labels.pcap 'mpls'
	filtered "$label" labels.pcap 'pppoes and ip'
	filtered "$label" tunnels.pcap 'udp port 4789 and ip[60:2] != 0'
	chosen=$(count_of chosen)
	assert_between "$label: packets were chosen" "$chosen" 100 1000000
	assert_eq "$label: chosen are all that were seen" "$chosen" "$("$FLOWCTL" --db "$FLOWD_DB" status --json |
		jq '.flowd.interfaces[0].seen_packets[0]')"
	flowd_stop
}

# --- while it runs --------------------------------------------------------------------------------

# Programs and links of the instance, by their numbers
loaded() {
	local pin
	ip -n "$NSB" -j -d link show dev vb | jq -c '.[0].xdp.prog.id'
	for pin in /sys/fs/bpf/wireledger/"$FLOWD_INSTANCE"/*; do
		bpftool -j link show pinned "$pin" 2>/dev/null | jq -c 'select(.id) | [.id, .prog_id]'
	done
}

# expect LABEL COUNT: 1000 packets more, and so many samples
expect() {
	local before seen
	before=$(samples)
	seen=$(seen_now)
	in_a "$WLGEN" -i va -n 1000 -f 10 >/dev/null
	wait_seen "$1" $((seen + 1000))
	assert_eq "$1" $(($(samples) - before)) "$2"
}

test_runtime() {
	local label="at run time" before
	flowd_start "$NSB" -i vb --sweep 100ms --egress none --durability normal || return
	before=$(loaded)
	assert_match "$label: a program is loaded" "$before" '[0-9]+'
	expect "$label: off" 0
	set_sample "$label" 1/1
	expect "$label: 1/1" 1000
	set_sample "$label" --iface vb off
	expect "$label: off again" 0
	set_sample "$label" 1/1 --snaplen 64
	expect "$label: snaplen" 1000
	assert_eq "$label: 64 bytes of the last" "$(sql 'SELECT length(frame) FROM sample ORDER BY id DESC LIMIT 1')" 64
	set_sample "$label" filter 'udp src port 1'
	expect "$label: a filter that nothing passes" 0
	set_sample "$label" filter none
	expect "$label: no filter" 1000
	set_sample "$label" off --first 2
	expect "$label: first of flows that are there" 0
	assert_eq "$label: settings" "$(settings | jq -c '[.rate, .first, .triggers, .snaplen, .filter]')" '[0,2,null,64,null]'
	assert_eq "$label: the same programs and links" "$(loaded)" "$before"
	for _ in 1 2 3 4 5 6; do set_sample "$label" filter "udp port $RANDOM"; done
	assert_eq "$label: the same programs and links after filters" "$(loaded)" "$before"
	flowd_stop
	assert_books "$label"
}

# wrong EXIT REGEX ARG...: refused so, and nothing has changed
wrong() {
	local label="flowctl sample ${*:3}" before
	before=$(settings)
	sample "${@:3}" >"$WL_TMP/out" 2>"$WL_TMP/err"
	assert_eq "$label: exit" "$?" "$1"
	assert_match "$label: message" "$(cat "$WL_TMP/err")" "$2"
	assert_eq "$label: standard output" "$(cat "$WL_TMP/out")" ""
	assert_eq "$label: settings" "$(settings)" "$before"
}

test_wrong() {
	local out i pids
	flowd_start "$NSB" -i vb --sample 1/9 --sample-filter 'tcp port 80' --sample-triggers reset || return
	assert_eq "settings of the configuration" "$(settings | jq -c '[.rate, .filter, .triggers, .filter_by]')" \
		'[9,"tcp port 80","reset","kernel"]'
	wrong 2 "filter 'tcp por 443': .*syntax error" filter 'tcp por 443'
	wrong 2 "filter 'ip and arp': " 1/2 --first 3 filter 'ip and arp'
	wrong 2 "filter: its expression is missing" filter
	wrong 2 "rate '1/0': not off" 1/0
	wrong 2 "rate 'on': not off" on
	wrong 2 "argument 'host 10.1.0.1': not 'filter" off host 10.1.0.1
	wrong 2 "--first 'many': not a number" --first many
	wrong 2 "--snaplen '63': not a number" --snaplen 63
	wrong 2 "--trigger 'rst': not none" --trigger rst
	wrong 2 "interface 'vx': not counted; known: vb" --iface vx off
	wrong 2 "interface 'vx': not counted" --iface vx
	wrong 2 "longer than 4095 bytes" filter "$(printf 'port 80 or %.0s' {1..500})port 80"
	out=$(printf 'sample set rate=1/5 filter=%%\n' | in_b python3 -c "
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect('/run/wireledger/$FLOWD_INSTANCE.sock')
s.sendall(sys.stdin.buffer.read())
print(s.makefile().read(), end='')")
	assert_match "request that is cut" "$out" "^error filter '%': not percent-encoded"
	pids=()
	for i in 1 2 3; do # at once: done or told to try again
		sample filter "udp port $i" >/dev/null 2>&1 &
		pids+=("$!")
	done
	wait "${pids[@]}"
	assert_match "settings, one of these" "$(settings | jq -r .filter)" '^udp port [123]$'
	assert_eq "csv" "$(sample --csv 2>/dev/null | head -n 1 | tr -d '\r')" \
		"v,iface,link,rate,first,triggers,snaplen,samples,bytes,filter,filter_by"
	assert_match "text" "$(sample)" 'IFACE +RATE +FIRST +TRIGGERS'
	assert_match "status" "$("$FLOWCTL" --db "$FLOWD_DB" status)" 'samples +[0-9,]+ packets chosen'
	flowd_stop
	sample off >"$WL_TMP/out" 2>"$WL_TMP/err"
	assert_eq "no flowd: exit" "$?" 1
	assert_match "no flowd: message" "$(cat "$WL_TMP/err")" "^flowctl: socket '.*': "
	in_b "$FLOWD" --config /dev/null -i vb --instance wl$$-w --db "$WL_TMP/w.db" --sample-filter 'tcp por 80' 2>"$WL_TMP/err"
	assert_eq "wrong configuration: exit" "$?" 2
	assert_match "wrong configuration: message" "$(cat "$WL_TMP/err")" "sample.filter 'tcp por 80': "
}

# An interface that the configuration has a section of, beside one that it has none of.
test_sections() {
	local label="sections" sent
	cat >"$WL_TMP/sections.conf" <<-INI
		[flowd]
		sample = 1/1
		[interface lo]
		sample = off
		sample.filter = udp
		[interface nowhere0]
		sample = 1/1
	INI
	flowd_start "$NSB" --config "$WL_TMP/sections.conf" -i vb,lo || return
	assert_eq "$label: settings" "$(settings | jq -sc 'map([.iface, .rate, .filter])')" '[["vb",1,null],["lo",0,"udp"]]'
	assert_match "$label: log" "$(cat "$FLOWD_LOG")" 'section \[interface nowhere0\]: not counted'
	in_b ping -qc 3 127.0.0.1 >/dev/null
	sent=$(in_b ping -qc 3 10.1.0.1 | sed -n 's/^3 packets transmitted, \([0-9]*\) received.*/\1/p')
	assert_eq "$label: echoes" "$sent" 3
	flowd_stop
	assert_eq "$label: of all" "$(sampled "device = 'vb' AND proto = 1")" 6
	assert_eq "$label: of its own" "$(samples "device = 'lo'")" 0
}

sweeps() { "$FLOWCTL" --db "$FLOWD_DB" status --json | jq .flowd.sweep.count; }

swept_or_gone() { gone "$1" || [ $(($(sweeps) - SWEEPS)) -ge 5 ]; }

# A filter that takes libpcap seconds: sweeps go on, and who went away changes nothing.
test_slow() {
	local label="slow filter" before pid start rc
	flowd_start "$NSB" -i vb --sweep 50ms --sample 1/9 || return
	before=$(settings)
	sample filter "$(seq -s ' or ' -f 'port %g' 1001 1240)" >"$WL_TMP/out" 2>&1 &
	pid=$!
	wait_ms 300
	SWEEPS=$(sweeps) start=$(now_ms)
	wait_until 60 swept_or_gone "$pid"
	if gone "$pid" && [ $(($(now_ms) - start)) -lt 2000 ]; then
		skip "$label: libpcap is too fast here"
	elif gone "$pid"; then
		fail "$label: $(($(sweeps) - SWEEPS)) sweeps meanwhile, in $(($(now_ms) - start)) ms"
	else
		pass
		sample filter udp >/dev/null 2>"$WL_TMP/err"
		rc=$?
		if [ "$rc" = 0 ] && gone "$pid"; then
			skip "$label: libpcap is too fast here"
		else
			assert_eq "$label: another one at the same time, exit" "$rc" 1
			assert_match "$label: another one at the same time" "$(cat "$WL_TMP/err")" 'another filter is being compiled'
			kill "$pid"
			wait_until 60 is_idle || fail "$label: still being compiled"
			assert_eq "$label: given up" "$(settings)" "$before"
		fi
	fi
	flowd_stop
}

is_idle() {
	sample --iface vb filter none >/dev/null 2>&1 && sample filter 'tcp port 81' >/dev/null 2>&1 && sample filter none >/dev/null
}

# --- kills, and a ring that is too small ----------------------------------------------------------

test_kills() {
	local label="$KILLS kills" i pid sent lost
	WL_INSTANCE=wl$$-kill WL_DB=$WL_TMP/kill.db
	local args=(-i vb --sweep 100ms --egress none --sample 1/1 --sample-ring 64M --sample-snaplen 64)
	flowd_start "$NSB" "${args[@]}" || return
	set_sample "$label" --first 1 # what is changed at run time does not last
	ip netns exec "$NSA" "$WLGEN" -i va -n 250000 -f 2500 --rate 40000 --cpu 0 --per-flow "$WL_TMP/kill.csv" >"$WL_TMP/kill.json" &
	pid=$!
	WL_PIDS+=("$pid")
	for ((i = 0; i < KILLS; i++)); do
		wait_ms $((200 + RANDOM % 500))
		flowd_stop "$FLOWD_PID" KILL
		flowd_start "$NSB" "${args[@]}" || return
		assert_match "$label: takes over" "$(cat "$FLOWD_LOG")" 'on the maps of a predecessor'
	done
	assert_eq "$label: settings are the configuration's" "$(settings | jq -c '[.rate, .first]')" '[1,0]'
	wait "$pid"
	wait_seen "$label" 250000
	lost=$(count_of lost)
	flowd_stop
	sent=$(jq .packets "$WL_TMP/kill.json")
	assert_eq "$label: a kill fell into traffic" "$(jq '.seconds > 2' "$WL_TMP/kill.json")" true
	assert_eq "$label: every packet once" "$(samples)" "$sent"
	assert_eq "$label: the ring holds all of them" "$lost" 0
	cp "$WL_TMP/kill.csv" "$WL_TMP/sent.csv"
	compare "$label"
	assert_eq "$label: of each flow" "$(sql "SELECT count(*) FROM (SELECT src, dst, sport, dport, count(*) AS p
		FROM sample GROUP BY 1, 2, 3, 4) s JOIN (SELECT src, dst, sport, dport, sum(packets) AS p FROM flow
		GROUP BY 1, 2, 3, 4) f USING (src, dst, sport, dport, p)")" 2500
	assert_books "$label"
	unset WL_INSTANCE WL_DB
}

# Nobody is there while packets pass; they are in the ring.
test_gap() {
	local label="packets without a flowd"
	WL_INSTANCE=wl$$-gap WL_DB=$WL_TMP/gap.db
	flowd_start "$NSB" -i vb --egress none --sample 1/1 --keep-attached yes || return
	in_a "$WLGEN" -i va -n 1000 -f 10 >/dev/null
	flowd_stop
	assert_eq "$label: stored at the end" "$(samples)" 1000
	in_a "$WLGEN" -i va -n 2000 -f 10 >/dev/null
	in_b "$FLOWD" --detach --config /dev/null --instance "$WL_INSTANCE" --db "$WL_DB" 2>/dev/null
	assert_eq "$label: stored by who detaches" "$(samples)" 3000
	unset WL_INSTANCE WL_DB
}

test_overflow() {
	local label="a ring of 64K" status
	flowd_start "$NSB" -i vb --egress none --sample 1/1 --sample-ring 64K --sample-snaplen 1000 || return
	generate -n 300000 -f 3000 -s 900
	wait_seen "$label" 300000
	status=$("$FLOWCTL" --db "$FLOWD_DB" status --json | jq -c .flowd.samples)
	flowd_stop
	say "$label: $status"
	assert_eq "$label: chosen" "$(jq .chosen <<<"$status")" 300000
	assert_between "$label: some were lost" "$(jq .lost <<<"$status")" 1000 300000
	assert_eq "$label: the rest is stored" "$(($(samples) + $(jq .lost <<<"$status")))" 300000
	assert_eq "$label: by CPU" "$(jq '.lost_by_cpu | add' <<<"$status")" "$(jq .lost <<<"$status")"
	compare "$label"
	balance "$label"
}

# The database is locked by another for a while: samples are lost, flows are not.
test_slow_sink() {
	local label="a database that is locked" pid
	flowd_start "$NSB" -i vb --egress none --sweep 100ms --sample 1/1 --sample-ring 256K --slots 16384 || return
	generate -n 1000 -f 100
	mkfifo "$WL_TMP/go"
	sqlite3 -cmd '.timeout 5000' "$FLOWD_DB" >"$WL_TMP/locked" 2>&1 <<-SQL &
		BEGIN IMMEDIATE;
		SELECT 'locked';
		.shell cat "$WL_TMP/go"
		COMMIT;
	SQL
	pid=$!
	WL_PIDS+=("$pid")
	if ! wait_until 40 grep -qs locked "$WL_TMP/locked"; then
		fail "$label: $(cat "$WL_TMP/locked")"
	fi
	ip netns exec "$NSA" "$WLGEN" -i va -n 50000 -f 2000 --rate 40000 --per-flow "$WL_TMP/sent2.csv" >"$WL_TMP/sent2.json"
	echo now >"$WL_TMP/go"
	wait "$pid"
	wait_seen "$label" 51000
	assert_between "$label: lost" "$(count_of lost)" 1 50000
	flowd_stop
	sort "$WL_TMP/sent.csv" "$WL_TMP/sent2.csv" | awk -F, '{ k = $1 "," $2 "," $3 "," $4; p[k] += $5; b[k] += $6 }
		END { for (k in p) print k "," p[k] "," b[k] }' >"$WL_TMP/both.csv"
	mv "$WL_TMP/both.csv" "$WL_TMP/sent.csv"
	compare "$label"
	assert_books "$label"
}

# --- triggers -------------------------------------------------------------------------------------

# health FIELD: of all directions that flowd saw
health() { flows_json "$FLOWD_DB" --uniflow | jq -s "map(.$1 // 0) | add // 0"; }

test_triggers() {
	local label="triggers" zero='tcp[14:2] = 0 and tcp[tcpflags] & (tcp-syn|tcp-rst|tcp-fin) = 0'
	flowd_start "$NSB" -i vb --sample-triggers reset,retransmit,zero-window --sample-ring 64M || return
	record "$NSB" vb "$WL_TMP/trouble.pcap" -s 128
	make_trouble
	record_stop
	flowd_stop
	assert_eq "$label: resets" "$(samples "why LIKE '%reset%'")" "$(frames_of "$WL_TMP/trouble.pcap" 'tcp[tcpflags] & tcp-rst != 0')"
	assert_between "$label: resets" "$(samples "why LIKE '%reset%'")" 1 10
	assert_eq "$label: closed windows" "$(samples "why LIKE '%zero-window%'")" "$(frames_of "$WL_TMP/trouble.pcap" "$zero")"
	assert_eq "$label: closed windows, by the flows" "$(sampled "why LIKE '%zero-window%'")" "$(health zero_windows)"
	assert_between "$label: closed windows" "$(samples "why LIKE '%zero-window%'")" 1 50
	assert_eq "$label: sent again or late" "$(sampled "why LIKE '%retransmit%'")" \
		"$(($(health retransmits) + $(health out_of_order)))"
	assert_between "$label: sent again or late" "$(samples "why LIKE '%retransmit%'")" 10 100000
	assert_eq "$label: nothing else" "$(samples "why NOT LIKE '%reset%' AND why NOT LIKE '%retransmit%' AND why NOT LIKE '%zero-window%'")" 0
	say "$label: $(sql 'SELECT why, count(*) FROM sample_text GROUP BY 1' | tr '\n' ' ')"
}

# What cannot be read to its end.
test_malformed() {
	local label="malformed" file status
	flowd_start "$NSB" -i vb --egress none --tunnel inner --sample-triggers malformed || return
	for file in bad-labels bad-tunnels ip link nested; do send_some "$label" "$file.pcap"; done
	status=$("$FLOWCTL" --db "$FLOWD_DB" status --json | jq '.flowd.interfaces[0] | .short_packets[0] + .deep_packets[0]')
	flowd_stop
	assert_between "$label: some are" "$status" 10 100000
	assert_eq "$label: each of them" "$(samples "why = 'malformed'")" "$status"
	assert_eq "$label: and no other" "$(samples)" "$status"
}

suite live_sample tcpdump iperf3 python3 bpftool
net_pair || { fail "no veth pair"; finish; }
test_all
test_bare
test_filters
test_wrong
test_sections
test_slow
test_malformed
test_tc
# the stack shall not answer and not speak
ip -n "$NSB" addr flush dev vb
ip -n "$NSA" addr flush dev va
wait_until 40 link_quiet
test_first
test_runtime
test_kills
test_gap
test_overflow
test_slow_sink
net_drop
wire_net || { fail "no veth pairs"; finish; }
offloads off
iperf_server "$NSB" 5201 || { fail "no server"; finish; }
test_triggers
finish
