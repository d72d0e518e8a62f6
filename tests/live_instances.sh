#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_instances.sh: several interfaces in one flowd, several flowds on a host and in a namespace,
# and one instance name only once; each counts its own and leaves alone what is others'.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

pins() { find /sys/fs/bpf/wireledger -maxdepth 1 -name "wl$$-*" 2>/dev/null | wc -l; }

sum_of() { # DB DIR PORT
	sql "SELECT ifnull(sum(packets), 0) FROM ($WL_DIRECTED) WHERE d = $2 AND dport = $3" "$1"
}

suite live_instances
net_pair || { fail "no veth pair"; finish; }
# a second pair between the same namespaces
ip link add va2 netns "$NSA" address 02:00:00:00:0b:01 type veth \
	peer name vb2 netns "$NSB" address 02:00:00:00:0b:02
quiet_iface "$NSA" va2
quiet_iface "$NSB" vb2
ip -n "$NSA" link set va2 up
ip -n "$NSB" link set vb2 up
ip -n "$NSA" addr add 10.2.0.1/24 dev va2
ip -n "$NSB" addr add 10.2.0.2/24 dev vb2
ip -n "$NSA" neigh replace 10.2.0.2 lladdr 02:00:00:00:0b:02 dev va2 nud permanent
ip -n "$NSB" neigh replace 10.2.0.1 lladdr 02:00:00:00:0b:01 dev vb2 nud permanent
serve "$NSB" 8001 || fail "no server"
wait_until 40 link_quiet

# one in A on its first interface, one in B on both
flowd_start "$NSA" -i va || finish
pid_a=$FLOWD_PID db_a=$FLOWD_DB instance_a=$FLOWD_INSTANCE
flowd_start "$NSB" -i vb -i vb2 || finish
pid_b=$FLOWD_PID db_b=$FLOWD_DB
assert_eq "instances" "$(find /run/wireledger -name "wl$$-*.sock" | wc -l)" 2

in_a "$WLTRAF" udp -d 10.1.0.2 -p 8001 --size 100 --count 1000 --flows 10 >/dev/null
in_a "$WLTRAF" udp -d 10.2.0.2 -p 8001 --size 100 --count 300 >/dev/null

# the same instance again: refused, and the first is not disturbed
out=$(in_a timeout 60 "$FLOWD" --config /dev/null -i va2 --instance "$instance_a" --db "$WL_TMP/x.db" 2>&1)
rc=$?
assert_eq "the same instance twice: exit" "$rc" 1
assert_match "the same instance twice: is named" "$out" "$instance_a"
# another instance with the same database: refused
out=$(in_a timeout 60 "$FLOWD" --config /dev/null -i va2 --instance "wl$$-9" --db "$db_a" 2>&1)
rc=$?
assert_eq "the same database twice: exit" "$rc" 1
assert_match "the same database twice: is named" "$out" "$db_a"
in_a "$WLTRAF" udp -d 10.1.0.2 -p 8001 --size 100 --count 500 --flows 10 >/dev/null

flowd_stop "$pid_a"
in_a "$WLTRAF" udp -d 10.1.0.2 -p 8001 --size 100 --count 77 >/dev/null
flowd_stop "$pid_b"
assert_eq "A: sent by va" "$(sum_of "$db_a" 1 8001)" 1500
assert_eq "B: received by vb and vb2" "$(sum_of "$db_b" 0 8001)" 1877
assert_eq "B: by interface" "$(sql "SELECT i.name, sum(f.packets) FROM flow f JOIN interface i ON i.id = f.iface
	WHERE f.dport = 8001 GROUP BY i.name ORDER BY i.name" "$db_b")" "vb|1577
vb2|300"
assert_books "A" "$db_a"
assert_books "B" "$db_b"
assert_eq "what is left in bpffs" "$(pins)" 0
assert_eq "what is left of sockets" "$(find /run/wireledger -name "wl$$-*.sock" | wc -l)" 0
assert_eq "what is left on vb" "$(ip -n "$NSB" -j -d link show dev vb | jq -r '.[0].xdp.prog.id // empty')" ""

# an interface that goes away takes its flows into the database, and flowd stays
flowd_start "$NSB" -i vb -i vb2 || finish
in_a "$WLTRAF" udp -d 10.2.0.2 -p 8001 --size 100 --count 200 >/dev/null
ip -n "$NSB" link del vb2
wait_until 40 grep -q vb2 "$FLOWD_LOG" || fail "an interface goes: flowd does not say so"
in_a "$WLTRAF" udp -d 10.1.0.2 -p 8001 --size 100 --count 100 >/dev/null
gone "$FLOWD_PID" && fail "an interface goes: flowd ended: $(tail -n 3 "$FLOWD_LOG")"
flowd_stop
assert_eq "an interface goes: exit" "$FLOWD_RC" 0
assert_eq "an interface goes: packets" "$(sum_of "$FLOWD_DB" 0 8001)" 300
assert_books "an interface goes"
finish
