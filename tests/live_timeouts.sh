#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_timeouts.sh: when a record ends and what it says of it: the active timeout cuts a long flow,
# the idle timeout ends a silent one, FIN and RST end a connection within 3 s; start, end and reason
# against the sender's clock and a capture's; SIGTERM writes what is live with reason 4. Where the host is busy,
# times say nothing: then it is tried again, by ports of the trial. How much is in which record holds always.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

# first and last packet are stamped by the kernel's coarse clock, a tick behind at most (10 ms at 100 Hz)
TICK=20

# rows WHERE: start_ms end_ms reason packets of the records, oldest first
rows() {
	sql "SELECT (id >> 20) - duration_ms, id >> 20, end_reason, packets + rev_packets FROM flow_plain
		WHERE $1 ORDER BY id" | tr '|' ' '
}

# shellcheck disable=SC2317 # by wait_until
has_rows() { [ "$(sql "SELECT count(*) FROM flow_plain WHERE $1")" -ge "$2" ]; }

# shellcheck disable=SC2317 # by wait_until
has_packets() { [ "$(sql "SELECT ifnull(sum(packets), 0) FROM flow_plain WHERE $1")" -ge "$2" ]; }

# assert_times LABEL START END WANT-START WANT-END
assert_times() {
	assert_timely "$1: start, ms after the sender's" "$(($2 - $4))" "-$TICK" "$TICK"
	assert_timely "$1: end, ms after the sender's" "$(($3 - $5))" "-$TICK" "$TICK"
}

sent() { jq -r ".$1" "$WL_TMP/$2"; }

# port_of NUMBER: of the trial, with a server in B: in PORT
port_of() {
	PORT=$(($1 + 10 * TRIAL))
	serve "$NSB" "$PORT" || fail "no server at $PORT"
}

test_active() {
	local where start end reason packets n=0 total=0 last=0 reasons=
	port_of 7001
	where="dport = $PORT"
	in_a "$WLTRAF" udp -d 10.1.0.2 -p "$PORT" --size 50 --count 41 --interval 200 >"$WL_TMP/active"
	# of which the last are cut, too, where flowd came late: no record has reason 1 then
	wait_until 40 has_packets "$where" 41 || fail "active: no last record"
	while read -r start end reason packets; do
		n=$((n + 1)) total=$((total + packets)) reasons+=$reason
		[ "$n" = 1 ] && assert_timely "active: first start" "$((start - $(sent start_ms active)))" -$TICK $TICK
		assert_timely "active: length of record $n" "$((end - start))" 0 4500
		[ "$reason" = 2 ] && assert_timely "active: length of record $n, cut" "$((end - start))" 2500 4500
		assert_between "active: records do not overlap" "$((start - last))" 1 2000000000000
		last=$end
	done < <(rows "$where")
	assert_match "active: reasons" "$reasons" '^[21]+$'
	assert_timely "active: reasons are 2, ..., 2, 1, and not $reasons" "$(grep -cE '^2+1$' <<<"$reasons")" 1 1
	assert_timely "active: records" "$n" 2 4
	assert_eq "active: packets" "$total" 41
	assert_timely "active: last end" "$((last - $(sent end_ms active)))" -$TICK $TICK
}

test_idle() {
	local where written start end reason packets
	port_of 7002
	where="dport = $PORT"
	in_a "$WLTRAF" udp -d 10.1.0.2 -p "$PORT" --size 50 --count 5 --interval 100 >"$WL_TMP/idle"
	wait_until 40 has_packets "$where" 5 || { fail "idle: no record of all"; return; }
	written=$(now_ms)
	assert_timely "idle: records" "$(rows "$where" | wc -l)" 1 1
	[ -z "$WL_LATE" ] || return 0 # the sender had no CPU for two seconds
	read -r start end reason packets < <(rows "$where")
	assert_eq "idle: reason and packets" "$reason $packets" "1 5"
	assert_times idle "$start" "$end" "$(sent start_ms idle)" "$(sent end_ms idle)"
	# the timeout, a sweep (500 ms), the commit, and this test's polling
	assert_between "idle: written, ms after the last packet" "$((written - end))" 2000 60000
	assert_timely "idle: written, ms after the last packet" "$((written - end))" 2000 3500
}

# test_tcp NAME PORT WLTRAF-ARG...
test_tcp() {
	local name=$1 port where written start end reason packets
	port_of "$2"
	port=$PORT where="dport = $PORT"
	shift 2
	in_a "$WLTRAF" tcp -d 10.1.0.2 -p "$port" --size 5000 --count 4 --interval 100 "$@" >"$WL_TMP/$name"
	wait_until 40 has_rows "$where" 1 || { fail "$name: no record"; return; }
	written=$(now_ms)
	wait_ms 2500 # a late packet would make a second record
	assert_eq "$name: records" "$(sql "SELECT count(*) FROM flow_plain WHERE $where OR sport = $port")" 1
	read -r start end reason packets < <(rows "$where")
	assert_eq "$name: reason" "$reason" 3
	assert_times "$name" "$start" "$end" "$(sent start_ms "$name")" "$(sent end_ms "$name")"
	assert_timely "$name: written, ms after the end" "$((written - $(sent end_ms "$name")))" 0 3000
	assert_eq "$name: initiator first" "$(sql "SELECT src = 167837697 AND dir = 0 FROM flow_plain WHERE $where")" 1
	assert_eq "$name: packets and bytes of the capture" \
		"$(sql "SELECT packets + rev_packets, bytes + rev_bytes FROM flow_plain WHERE $where")" \
		"$(captured "port $port")"
	assert_eq "$name: flags" "$(sql "SELECT tcp_flags & 247, (tcp_flags >> 8) & 247 FROM flow_plain WHERE $where")" \
		"$(captured_flags "src host 10.1.0.1 and port $port")|$(captured_flags "src host 10.1.0.2 and port $port")"
}

# captured FILTER: packets|bytes
captured() {
	tcpdump -r "$WL_TMP/capture" -n -U -w - "$1" 2>/dev/null | "$WLTRAF" count --pcap - |
		jq -r '"\(.packets)|\(.bytes)"'
}

# captured_flags FILTER: the flags ORed, without PSH, which offloads merge
captured_flags() {
	local flag value=0
	for flag in 1 2 4 16 32; do
		[ -n "$(tcpdump -r "$WL_TMP/capture" -c 1 "($1) and tcp[13] & $flag != 0" 2>/dev/null)" ] &&
			value=$((value | flag))
	done
	echo "$value"
}

# shellcheck disable=SC2317 # by wait_until
live_has() {
	[ "$("$FLOWCTL" --db "$FLOWD_DB" flows --json 'udp dst port 7005' 2>/dev/null | jq -s 'map(.packets) | add')" = "$1" ]
}

# Timeouts of its own: on a busy host two seconds may be over before the signal comes.
test_forced() {
	local before
	flowd_start "$NSB" -i vb --idle 1h --active 1h --sweep 500ms || return
	in_a "$WLTRAF" udp -d 10.1.0.2 -p 7005 --size 50 --count 3 >/dev/null
	wait_until 40 live_has 3 || fail "forced: not all is live before"
	before=$(sql "SELECT count(*) FROM flow_plain WHERE dport = 7005")
	flowd_stop
	assert_eq "forced: exit" "$FLOWD_RC" 0
	assert_eq "forced: records before and after SIGTERM" "$before $(sql "SELECT count(*) FROM flow_plain WHERE dport = 7005")" "0 1"
	assert_eq "forced: reason and packets" "$(sql "SELECT end_reason, packets FROM flow_plain WHERE dport = 7005")" "4|3"
	assert_books forced
}

suite live_timeouts tcpdump
net_pair || { fail "no veth pair"; finish; }
# no offload, so that the capture shows what the wire would carry; and no answers of closed ports
in_a ethtool -K va tso off gso off gro off >/dev/null
in_b ethtool -K vb tso off gso off >/dev/null
serve "$NSB" 7005 || { fail "no server"; finish; }
flowd_start "$NSB" -i vb --idle 2s --active 3s --sweep 500ms --linger 2s || finish
ip netns exec "$NSA" tcpdump -i va -w "$WL_TMP/capture" -B 8192 -s 128 -U --immediate-mode tcp 2>"$WL_TMP/tcpdump" &
TCPDUMP=$!
WL_PIDS+=("$TCPDUMP")
wait_until 40 grep -qs listening "$WL_TMP/tcpdump"
trials 3 test_active
trials 3 test_idle
trials 3 test_tcp fin 7003
trials 3 test_tcp rst 7004 --reset
kill "$TCPDUMP"
flowd_stop
assert_eq "timeouts: exit" "$FLOWD_RC" 0
assert_books "timeouts"
test_forced
finish
