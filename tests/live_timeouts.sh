#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_timeouts.sh: when a record ends and what it says of it: the active timeout cuts a long flow,
# the idle timeout ends a silent one, FIN and RST end a connection within 3 s; start, end and reason
# against the sender's clock and a capture's; SIGTERM writes what is live with reason 4.
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

# assert_times LABEL START END WANT-START WANT-END
assert_times() {
	assert_between "$1: start, ms after the sender's" "$(($2 - $4))" "-$TICK" "$TICK"
	assert_between "$1: end, ms after the sender's" "$(($3 - $5))" "-$TICK" "$TICK"
}

sent() { jq -r ".$1" "$WL_TMP/$2"; }

test_active() {
	local where="dport = 7001" start end reason packets n=0 total=0 last=0 reasons=
	in_a "$WLTRAF" udp -d 10.1.0.2 -p 7001 --size 50 --count 41 --interval 200 >"$WL_TMP/active"
	wait_until 10 has_rows "$where AND end_reason = 1" 1 || fail "active: no last record"
	while read -r start end reason packets; do
		n=$((n + 1)) total=$((total + packets)) reasons+=$reason
		[ "$n" = 1 ] && assert_between "active: first start" "$((start - $(sent start_ms active)))" -$TICK $TICK
		assert_between "active: length of record $n" "$((end - start))" 0 4500
		[ "$reason" = 2 ] && assert_between "active: length of record $n, cut" "$((end - start))" 2500 4500
		assert_between "active: records do not overlap" "$((start - last))" 1 2000000000000
		last=$end
	done < <(rows "$where")
	assert_match "active: reasons" "$reasons" '^2+1$'
	assert_between "active: records" "$n" 2 4
	assert_eq "active: packets" "$total" 41
	assert_between "active: last end" "$((last - $(sent end_ms active)))" -$TICK $TICK
}

test_idle() {
	local where="dport = 7002" written start end reason packets
	in_a "$WLTRAF" udp -d 10.1.0.2 -p 7002 --size 50 --count 5 --interval 100 >"$WL_TMP/idle"
	wait_until 10 has_rows "$where" 1 || { fail "idle: no record"; return; }
	written=$(now_ms)
	read -r start end reason packets < <(rows "$where")
	assert_eq "idle: reason and packets" "$reason $packets" "1 5"
	assert_times idle "$start" "$end" "$(sent start_ms idle)" "$(sent end_ms idle)"
	# the timeout, a sweep (500 ms), the commit, and this test's polling
	assert_between "idle: written, ms after the last packet" "$((written - end))" 2000 3500
}

# test_tcp NAME PORT WLTRAF-ARG...
test_tcp() {
	local name=$1 port=$2 where="dport = $2" written start end reason packets
	shift 2
	in_a "$WLTRAF" tcp -d 10.1.0.2 -p "$port" --size 5000 --count 4 --interval 100 "$@" >"$WL_TMP/$name"
	wait_until 10 has_rows "$where" 1 || { fail "$name: no record"; return; }
	written=$(now_ms)
	wait_ms 2500 # a late packet would make a second record
	assert_eq "$name: records" "$(sql "SELECT count(*) FROM flow_plain WHERE $where OR sport = $port")" 1
	read -r start end reason packets < <(rows "$where")
	assert_eq "$name: reason" "$reason" 3
	assert_times "$name" "$start" "$end" "$(sent start_ms "$name")" "$(sent end_ms "$name")"
	assert_between "$name: written, ms after the end" "$((written - $(sent end_ms "$name")))" 0 3000
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

test_forced() {
	local before
	in_a "$WLTRAF" udp -d 10.1.0.2 -p 7005 --size 50 --count 3 >/dev/null
	before=$(sql "SELECT count(*) FROM flow_plain WHERE dport = 7005")
	flowd_stop
	assert_eq "forced: exit" "$FLOWD_RC" 0
	assert_eq "forced: records before and after SIGTERM" "$before $(sql "SELECT count(*) FROM flow_plain WHERE dport = 7005")" "0 1"
	assert_eq "forced: reason and packets" "$(sql "SELECT end_reason, packets FROM flow_plain WHERE dport = 7005")" "4|3"
}

suite live_timeouts tcpdump
net_pair || { fail "no veth pair"; finish; }
# no offload, so that the capture shows what the wire would carry; and no answers of closed ports
in_a ethtool -K va tso off gso off gro off >/dev/null
in_b ethtool -K vb tso off gso off >/dev/null
if ! { serve "$NSB" 7001 && serve "$NSB" 7002 && serve "$NSB" 7003 && serve "$NSB" 7004 && serve "$NSB" 7005; }; then
	fail "no servers"
	finish
fi
flowd_start "$NSB" -i vb --idle 2s --active 3s --sweep 500ms --linger 2s || finish
ip netns exec "$NSA" tcpdump -i va -w "$WL_TMP/capture" -B 8192 -s 128 -U --immediate-mode tcp 2>"$WL_TMP/tcpdump" &
TCPDUMP=$!
WL_PIDS+=("$TCPDUMP")
wait_until 10 grep -qs listening "$WL_TMP/tcpdump"
test_active
test_idle
test_tcp fin 7003
test_tcp rst 7004 --reset
kill "$TCPDUMP"
test_forced
assert_books "timeouts"
finish
