#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_evict.sh: more flows than the map holds: 200,000 over 65,536 slots are exact, what made room
# has end reason 5; a flood does not push a steady flow out; and where there is no room at all
# (few slots, a tiny ring) detail is lost by name, packets and bytes never.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

suite live_evict
net_pair || { fail "no veth pair"; finish; }
ip -n "$NSB" addr flush dev vb
ip -n "$NSA" addr flush dev va
wait_until 5 link_quiet

# folded: packets whose detail was lost for want of room
folded() { sql 'SELECT sum(folded_packets + catchall_packets) FROM ledger'; }

# many_flows ARG...: 2,000,000 packets; the books balance at any rate; fails where flowd came too late for the ring
many_flows() {
	flowd_start "$NSB" -i vb --slots 65536 --record-rate none || return 0
	generate -n 2000000 -f 200000 --spread 30 --cpu 0 "$@"
	flowd_stop
	balance "$label"
	[ "$(folded)" = 0 ]
}

# At full rate, and slower where this host does not give flowd the time that this takes.
label="200,000 flows, 65,536 slots"
for rate in 100000000 250000 120000 60000; do
	many_flows --rate "$rate" && break
	say "$(folded) packets folded at rate $rate"
done
assert_eq "$label: folded" "$(folded)" 0
compare "$label"
assert_between "$label: records with reason 5" "$(sql 'SELECT count(*) FROM flow_plain WHERE end_reason = 5')" \
	100000 10000000

# 50 steady flows among 500,000 flows of one packet: the steady ones keep their slots
label="steady flows under a flood"
for rate in 150000 75000 40000; do
	flowd_start "$NSB" -i vb --slots 65536 --sweep 100ms --record-rate none || finish
	generate -n 600000 -f 600000 --order flood:50:9 --rate "$rate" --cpu 0
	flowd_stop
	balance "$label"
	[ "$(folded)" != 0 ] || break
	say "$(folded) packets folded at rate $rate"
done
assert_eq "$label: folded" "$(folded)" 0
compare "$label"
assert_between "$label: evictions of 50 steady flows" "$(sql "SELECT count(*) FROM flow_text WHERE end_reason = 5
	AND src IN ('10.128.0.0', '10.128.0.1', '10.128.0.2') AND packets > 1")" 0 50

label="64 slots and a ring of 64 kB"
flowd_start "$NSB" -i vb --slots 64 --ring 64K --sweep 5s || finish
generate -n 500000 -f 100000 --cpu 0
flowd_stop
balance "$label"
lost=$(sql 'SELECT sum(folded_packets) + sum(catchall_packets) FROM ledger')
assert_between "$label: packets folded" "$lost" 1 500000
assert_eq "$label: folded flows that kept their source" \
	"$(sql 'SELECT count(*) FROM flow_plain WHERE marks & 8 AND (sport != 0 OR src != 0)')" 0
assert_eq "$label: folded flows that lost what they went to" \
	"$(sql "SELECT count(*) FROM flow_text WHERE marks & 8 AND (dst != '10.200.0.1' OR dport != 5201)")" 0
assert_eq "$label: ledger and marks" \
	"$(sql 'SELECT ifnull(sum(packets), 0) FROM flow_plain WHERE marks & 24')" "$lost"
# Packets whose program stood still while flowd made its passes are found, long before the flow's or flowd's end.
label="a program that stood still"
books_now() { "$FLOWCTL" --db "$FLOWD_DB" ledger --json 2>/dev/null | jq -c 'select(.dir == "ingress" and .seen_packets > 0) | [.seen_packets, .held_packets, .books]'; }
passes() { "$FLOWCTL" --db "$FLOWD_DB" status --json 2>/dev/null | jq .flowd.sweep.count; }
passed() { [ "$(passes)" -ge $((before + $1)) ]; }
holds() { [ "$(books_now)" = "[$1,$1,\"balanced\"]" ]; }
flowd_start "$NSB" -i vb --slots 1024 --sweep 100ms --idle 300s --active 300s --linger 300s || finish
generate -n 1000 -f 10 --cpu 0
wait_until 20 holds 1000 || fail "$label: not all is there before"
before=$(passes)
wait_until 20 passed 10 || fail "$label: no passes"
"$WL_BUILD/tests/wlstill" "$FLOWD_INSTANCE" 90 || fail "$label: wlstill"
wait_until 10 holds 1090 || fail "$label: they are not found: $(books_now)"
flowd_stop
assert_eq "$label: records" "$(sql 'SELECT sum(packets) FROM flow')" 1090
finish
