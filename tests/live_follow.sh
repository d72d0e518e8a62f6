#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_follow.sh: interfaces by patterns: they come, go, get other names, come back under the same index,
# move to another namespace and return; each packet is in the books of the interface that it was on, under
# the name that this had then, and numbers of interfaces that are gone are used again.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

# pair NAME [INDEX]: NAME in B, its peer p-NAME in A, quiet; it is 10.99.0.2 and speaks to 10.99.0.1
pair() {
	ip link add "$1" ${2:+index "$2"} netns "$NSB" address 02:00:00:00:0c:02 type veth \
		peer name "p-$1" netns "$NSA" address 02:00:00:00:0c:01
	quiet_iface "$NSA" "p-$1"
	quiet_iface "$NSB" "$1"
	ip netns exec "$NSB" ethtool -K "$1" gro on rxvlan off
	ip -n "$NSA" link set "p-$1" up
	ip -n "$NSB" link set "$1" up
}

# frame PORT: UDP from 10.99.0.1 to 10.99.0.2
frame() {
	printf '020000000c02020000000c0108004500005600004000401100000a6300010a630002%04x%04x00420000' "$1" "$1"
}
# send NAME COUNT PORT [PEER]: that many frames into NAME, once its queue is there: the kernel makes it when it has time
send() {
	wait_until 10 is_up "${4:-p-$1}" || fail "p-$1 does not come up"
	in_a "$WLTRAF" raw -i "${4:-p-$1}" --hex "$(frame "$3")" --size 100 --count "$2" >/dev/null ||
		fail "send to $1"
}

said_times() { [ "$(grep -cE "$1" "$FLOWD_LOG")" -ge "$2" ]; }
# await REGEX [TIMES]: in flowd's log
await() { wait_until 40 said_times "$1" "${2:-1}" || fail "flowd does not say '$1': $(tail -n 3 "$FLOWD_LOG")"; }

# packets PORT: "NAME|PACKETS" a line, of each row of an interface that has any
packets() {
	sql "SELECT i.name, sum(f.packets + f.rev_packets) FROM flow f JOIN interface i ON i.id = f.iface
		WHERE f.dport = $1 GROUP BY i.id ORDER BY i.id"
}

suite live_follow
net_pair || { fail "no veth pair"; finish; }
pair veth1
pair other
flowd_start "$NSB" -i 'veth*' -i '!veth9' -i vb || finish
await "'veth1': ingress by xdp-native"
send veth1 10 1001
send other 10 1001

# one comes, one comes that is left out, and one goes
pair veth2
pair veth9
await "'veth2': ingress by"
send veth2 20 1002
send veth9 20 1002
ip -n "$NSB" link del veth2
await "'veth2': the interface is gone"

# the index of one that is gone is another one's
pair veth3 77
await "'veth3': ingress by"
send veth3 30 1003
ip -n "$NSB" link del veth3
pair veth3 77
await "'veth3': ingress by" 2
send veth3 31 1003

# another name, which is asked for, too; and one that is not
pair veth4
await "'veth4': ingress by"
send veth4 40 1004
ip -n "$NSB" link set veth4 name veth5
await "'veth4': is now 'veth5', and counted on"
send veth5 41 1004 p-veth4
ip -n "$NSB" link set veth5 name plain
await "'veth5': is now 'plain', which is not asked for"
send plain 42 1004 p-veth4
ip -n "$NSB" link set plain name veth5
await "'veth5': ingress by"
send veth5 43 1004 p-veth4

# to another namespace, where it keeps its index, and back
pair veth6
await "'veth6': ingress by"
send veth6 60 1006
make_netns "wl$$c"
ip -n "$NSB" link set veth6 netns "wl$$c"
await "'veth6': the interface is gone"
ip -n "wl$$c" link set veth6 up
send veth6 61 1006
assert_eq "a program stays on what has moved" \
	"$(ip -n "wl$$c" -j -d link show dev veth6 | jq -r '.[0].xdp.prog.id // empty')" ""
ip -n "wl$$c" link set veth6 netns "$NSB"
await "'veth6': ingress by" 2
ip -n "$NSB" link set veth6 up
send veth6 62 1006

# asked for by its name
ip -n "$NSB" link del vb
await "'vb': the interface is gone"
assert_eq "gone, in the status" "$("$FLOWCTL" --db "$FLOWD_DB" status --json |
	jq -r '.. | objects | select(.name? == "vb") | .gone' | head -n 1)" true
pair vb
await "'vb': ingress by"
send vb 70 1007

# more than there are numbers, one after the other
for ((i = 0; i < ${WL_MANY:-6}; i++)); do
	pair veth7
	await "'veth7': ingress by" $((i + 1))
	send veth7 5 1008
	ip -n "$NSB" link del veth7
done

flowd_stop
assert_eq "exit" "$FLOWD_RC" 0
assert_books "follow"

# again ARG...: flowd on the same database and maps, after a SIGKILL or an end
again() { WL_INSTANCE=$FLOWD_INSTANCE WL_DB=$FLOWD_DB flowd_start "$NSB" "$@"; }
killed() {
	kill -9 "$FLOWD_PID"
	wait_until 10 gone "$FLOWD_PID"
	wait "$FLOWD_PID" 2>/dev/null
}

# killed: its interface goes and comes again, and what it counted stays the first one's
pair veth8
again -i 'veth*' || finish
send veth8 80 1009
killed
ip -n "$NSB" link del veth8
pair veth8
again -i 'veth*' || finish
send veth8 81 1009
killed

# the next one is asked for another interface before those
again -i other -i 'veth*' || finish
send other 12 1010
send veth1 13 1010
send veth8 14 1010
flowd_stop
assert_eq "exit" "$FLOWD_RC" 0
assert_books "killed"
assert_eq "killed, and an interface that is new" "$(packets 1009)" "veth8|80
veth8|81"
assert_eq "killed, and another interface first" "$(packets 1010 | sort)" "other|12
veth1|13
veth8|14"
assert_eq "what was there" "$(packets 1001)" "veth1|10"
assert_eq "what came and went" "$(packets 1002)" "veth2|20"
assert_eq "an index again" "$(packets 1003)" "veth3|30
veth3|31"
assert_eq "another name" "$(packets 1004)" "veth4|40
veth5|41
veth5|43"
assert_eq "moved and back" "$(packets 1006)" "veth6|60
veth6|62"
assert_eq "by name and back" "$(packets 1007)" "vb|70"
assert_eq "again and again" "$(packets 1008 | sort | uniq -c | awk '{ print $1, $2 }')" "${WL_MANY:-6} veth7|5"
assert_eq "of no interface" "$(sql 'SELECT count(*) FROM flow_plain f LEFT JOIN interface i ON i.id = f.iface
	WHERE i.id IS NULL')" 0
assert_eq "every row is closed" "$(sql 'SELECT count(*) FROM interface WHERE last_ms IS NULL')" 0

# Killed before it could commit that there are such interfaces: their packets are not the next one's
WL_INSTANCE=wl$$-early WL_DB=$WL_TMP/early.db
EARLY=(-i 'veth*' -i vb --keep-attached yes --sweep 10s)
flowd_start "$NSB" "${EARLY[@]}" || finish
pair veth10
await "'veth10': ingress by"
send veth10 80 1010
ip -n "$NSB" link set veth10 name veth11
await "'veth10': is now 'veth11', and counted on"
send veth11 81 1010 p-veth10
ip -n "$NSB" link del veth11
flowd_stop "$FLOWD_PID" KILL
flowd_start "$NSB" "${EARLY[@]}" || finish
pair veth12
await "'veth12': ingress by"
send veth12 82 1010
flowd_stop
assert_eq "killed early" "$(packets 1010 | sed 's/^if[0-9]*/of an index/')" "of an index|81
unknown|80
veth12|82"
assert_books "killed early"
in_b "$FLOWD" --detach --config /dev/null --instance "$WL_INSTANCE" --db "$WL_DB" 2>"$WL_TMP/err" ||
	fail "detach: $(tail -n 1 "$WL_TMP/err")"

# Without a link layer, which takes programs that nothing took at start, when flowd has few privileges left
unset WL_INSTANCE WL_DB
flowd_start "$NSB" -i 'tun*' -i vb || finish
if in_b ip tuntap add tun1 mode tun 2>/dev/null; then
	quiet_iface "$NSB" tun1
	ip -n "$NSB" link set tun1 up
	ip -n "$NSB" addr add 10.8.0.1/24 dev tun1
	await "'tun1': ingress by (tcx|clsact), egress by (tcx|clsact)"
	in_b ping -q -c 3 -i 0.1 -W 1 10.8.0.2 >/dev/null
	ip -n "$NSB" link del tun1
	flowd_stop
	assert_eq "no link layer" "$(sql 'SELECT sum(packets) FROM flow_plain WHERE proto = 1')" 3
else
	skip "no tun device"
	flowd_stop
fi
assert_books "no link layer"
finish
