#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_moving.sh: interfaces are made, deleted, renamed, moved between namespaces, taken down and up, get
# other MTUs and queues, by chance and under traffic, while flowd follows them by a pattern: every flow is
# credited to a name that its device had, what was sent to one that was counted is in its row to the packet, the books
# balance, and no descriptor, pin, program or link is left over.
#
#   WL_SEED=N   of that seed, 1 unless given    LONG=1   200 changes instead of 30, others each time
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

CHANGES=30
[ -z "${LONG:-}" ] || CHANGES=200
SEED=${WL_SEED:-$([ -n "${LONG:-}" ] && echo $((RANDOM * 32768 + RANDOM)) || echo 1)}
AWAY=wl$$c
MADE=0	   # devices, ever
PORT=10000 # of the packets that are counted one by one
declare -A NAME AT # of a device: what it is called, and where: here, away

# frame DEVICE PORT: UDP, whose source names the device
frame() {
	printf '020000000c02020000000c0108004500005600004000401100000a62%04x0a630002%04x%04x00420000' "$1" "$2" "$2"
}

# give DEVICE COUNT PORT: what was asked for is noted, which is not less than what was sent
give() {
	echo "$1 $2" >>"$WL_TMP/given"
	in_a timeout 10 "$WLTRAF" raw -i "p$1" --hex "$(frame "$1" "$3")" --size 100 --count "$2" >/dev/null 2>&1
}

had() { echo "$1 $2" >>"$WL_TMP/had"; }

wanted() { [[ $1 == mv* ]]; }

# The newest row of that name and device, which is counted now
counted() {
	"$FLOWCTL" --db "$FLOWD_DB" status --json 2>/dev/null |
		jq -e --arg name "$1" --argjson index "$2" '[.. | objects | select(.name? == $name and .ifindex? == $index and
			.ingress? != "none")] | length > 0' >/dev/null
}

# What is there and asked for is counted soon; then some packets that must be found to the last, once their queue is
# there: after its other end was down the kernel makes it when it has time, and drops them until then without a word.
settle_in() {
	local index
	index=$(in_b cat "/sys/class/net/${NAME[$1]}/ifindex")
	wait_until 20 counted "${NAME[$1]}" "$index" || { fail "${NAME[$1]} is not counted after '$2'"; return; }
	ip -n "$NSB" link set "${NAME[$1]}" up
	wait_until 20 is_up "p$1" || fail "p$1 does not come up after '$2'"
	PORT=$((PORT + 1))
	if give "$1" 7 "$PORT"; then
		echo "$PORT ${NAME[$1]}" >>"$WL_TMP/sent"
	else
		fail "device $1: packets not sent after '$2'"
	fi
}

make_device() {
	MADE=$((MADE + 1))
	NAME[$MADE]=mv$MADE AT[$MADE]=here
	had "$MADE" "mv$MADE"
	ip link add "mv$MADE" netns "$NSB" address 02:00:00:00:0c:02 numtxqueues 2 numrxqueues 2 type veth \
		peer name "p$MADE" netns "$NSA" address 02:00:00:00:0c:01 numtxqueues 2 numrxqueues 2
	quiet_iface "$NSA" "p$MADE"
	quiet_iface "$NSB" "mv$MADE"
	in_b ethtool -K "mv$MADE" gro on rxvlan off
	ip -n "$NSA" link set "p$MADE" up
	ip -n "$NSB" link set "mv$MADE" up
	settle_in "$MADE" make
}

delete_device() {
	ip -n "$NSA" link del "p$1"
	unset "NAME[$1]" "AT[$1]"
}

rename_device() {
	local new
	case $((RANDOM % 3)) in
	0) new=plain$1 ;;
	1) new=mv$1x$((RANDOM % 100)) ;;
	*) new=mv$1 ;;
	esac
	[ "$new" != "${NAME[$1]}" ] || return
	had "$1" "$new"
	ip -n "$NSB" link set "${NAME[$1]}" name "$new"
	NAME[$1]=$new
	! wanted "$new" || settle_in "$1" rename
}

move_device() {
	if [ "${AT[$1]}" = here ]; then
		ip -n "$NSB" link set "${NAME[$1]}" netns "$AWAY"
		ip -n "$AWAY" link set "${NAME[$1]}" up
		AT[$1]=away
		return
	fi
	ip -n "$AWAY" link set "${NAME[$1]}" netns "$NSB"
	AT[$1]=here
	ip -n "$NSB" link set "${NAME[$1]}" up
	! wanted "${NAME[$1]}" || settle_in "$1" return
}

# change N
change() {
	local there=("${!NAME[@]}") one here=()
	if [ ${#there[@]} -lt 3 ]; then
		make_device
		return
	fi
	one=${there[RANDOM % ${#there[@]}]}
	for i in "${there[@]}"; do [ "${AT[$i]}" = away ] || here+=("$i"); done
	case $((RANDOM % 8)) in
	0) [ ${#there[@]} -ge 6 ] || make_device ;;
	1) delete_device "$one" ;;
	2 | 3) move_device "$one" ;;
	*)
		[ ${#here[@]} -gt 0 ] || return
		one=${here[RANDOM % ${#here[@]}]}
		case $((RANDOM % 4)) in
		0) rename_device "$one" ;;
		1)
			ip -n "$NSB" link set "${NAME[$one]}" down
			ip -n "$NSB" link set "${NAME[$one]}" up
			! wanted "${NAME[$one]}" || settle_in "$one" "down and up"
			;;
		2)
			ip -n "$NSB" link set "${NAME[$one]}" mtu $((1280 + RANDOM % 7000))
			ip -n "$NSA" link set "p$one" mtu $((1280 + RANDOM % 7000))
			! wanted "${NAME[$one]}" || settle_in "$one" mtu
			;;
		*)
			in_b ethtool -L "${NAME[$one]}" tx $((1 + RANDOM % 2)) rx 2 2>/dev/null
			! wanted "${NAME[$one]}" || settle_in "$one" queues
			;;
		esac
		;;
	esac
}

# Packets to whatever is there, until a file is
noise() {
	local p
	until [ -e "$WL_TMP/quiet" ]; do
		for p in $(in_a ls /sys/class/net); do
			[[ $p == p[0-9]* ]] && give "${p#p}" 20 9
		done
		wait_ms 20
	done
}

# To the steady interface, in parts, so that it ends soon after the file is there
steady() {
	local part=0
	until [ -e "$WL_TMP/quiet" ]; do
		part=$((part + 1))
		in_a "$WLGEN" -i va -n 2000 -f 500 --rate 2000 >"$WL_TMP/steady.$part.json" || return
	done
}

# What is held, a line a kind: descriptors, pins, programs and links of this instance
held() {
	local dir=/sys/fs/bpf/wireledger/$FLOWD_INSTANCE slots progs
	find "/proc/$FLOWD_PID/fd" -mindepth 1 -printf '%l\n' | sed 's/[0-9][0-9]*/N/g' | sort | uniq -c
	slots=$(bpftool -j map show pinned "$dir/slots" | jq .id)
	progs=$(bpftool -j prog show | jq -c --argjson slots "$slots" '[.[] | select(.map_ids? // [] | index($slots)) | .id]')
	echo "$(find "$dir" -type f | wc -l) pins, $(jq length <<<"$progs") programs," \
		"$(bpftool -j link show | jq --argjson progs "$progs" '[.[] | select(.prog_id as $p | $progs | index($p))] | length') links"
}

# shellcheck disable=SC2317 # called by wait_until
held_steadily() {
	held >"$WL_TMP/before"
	wait_ms 1000
	held_as_before
}

# shellcheck disable=SC2317 # called by wait_until
held_as_before() {
	held >"$WL_TMP/held"
	cmp -s "$WL_TMP/held" "$WL_TMP/before"
}

# another INDEX: a pair of that index in B
another() {
	ip link add mvx index "$1" netns "$NSB" type veth peer name px netns "$NSA"
	quiet_iface "$NSA" px
	quiet_iface "$NSB" mvx
	ip -n "$NSA" link set px up
	ip -n "$NSB" link set mvx up
}

# shellcheck disable=SC2317 # called by wait_until
is_counted() {
	"$FLOWCTL" --db "$FLOWD_DB" status --json | jq -r '.flowd.interfaces[] | select(.name == "mvx" and (.gone | not)) |
		"\(.ingress) \(.egress)"' >"$WL_TMP/by"
	grep -Eqx 'xdp-native (tcx|clsact)' "$WL_TMP/by"
}

# shellcheck disable=SC2317 # called by wait_until
is_counted_again() { [ "$(grep -c "interface 'mvx': ingress by" "$FLOWD_LOG")" -ge 2 ] && is_counted; }

give_mvx() { in_a timeout 10 "$WLTRAF" raw -i px --hex "$(frame 1 9)" --size 100 --count "$1" >/dev/null; }

# So much is said of interfaces that some is lost: that one went, and that another has its name and index.
test_unheard() {
	WL_INSTANCE=wl$$-unheard WL_DB=$WL_TMP/unheard.db
	flowd_start "$NSB" -i vb -i 'mv*' --sweep 200ms || return
	another 4711
	wait_until 20 is_counted || fail "unheard: by $(cat "$WL_TMP/by")"
	give_mvx 5
	kill -STOP "$FLOWD_PID"
	for ((n = 0; n < 30000; n++)); do echo "link set dev vb alias a$n"; done | ip -n "$NSB" -batch -
	ip -n "$NSA" link del px
	another 4711
	kill -CONT "$FLOWD_PID"
	wait_until 20 grep -q "faster than they can be followed" "$FLOWD_LOG" || skip "unheard: all was heard"
	wait_until 60 is_counted_again || fail "unheard: another one is by $(cat "$WL_TMP/by")"
	give_mvx 7
	flowd_stop
	assert_eq "unheard: packets of each" "$(sql "SELECT group_concat(n) FROM (SELECT sum(seen_packets) AS n FROM books_sum b
		JOIN interface i ON i.id = b.iface WHERE name = 'mvx' AND dir = 0 GROUP BY i.id ORDER BY i.id)")" "5,7"
	assert_books unheard
}

suite live_moving bpftool
RANDOM=$((SEED % 32768))
say "seed $SEED, $CHANGES changes"
net_pair || { fail "no veth pair"; finish; }
make_netns "$AWAY" || { fail "no namespace"; finish; }
: >"$WL_TMP/had"
: >"$WL_TMP/sent"
flowd_start "$NSB" -i vb -i 'mv*' --sweep 200ms || finish
make_device # once, so that what is made at first use is there
delete_device 1
wait_until 20 grep -q "'mv1': the interface is gone" "$FLOWD_LOG" || fail "mv1 is not seen to go"
wait_ms 1500
wait_until 20 held_steadily || fail "what is held before does not come to rest"
noise &
NOISE=$!
steady &
STEADY=$!
WL_PIDS+=("$NOISE" "$STEADY")
for ((n = 0; n < CHANGES; n++)); do change; done
touch "$WL_TMP/quiet"
wait "$NOISE"
wait "$STEADY"
assert_eq "wlgen" "$?" 0
for i in "${!NAME[@]}"; do delete_device "$i"; done
wait_until 20 held_as_before
assert_same "seed $SEED: held after $CHANGES changes" "$WL_TMP/held" "$WL_TMP/before"
assert_eq "seed $SEED: programs that somebody is said to have removed" \
	"$(grep -h somebody "$WL_TMP"/*.log | head -n 3)" ""
flowd_stop
assert_eq "exit" "$FLOWD_RC" 0
assert_books "seed $SEED"
sql "SELECT dport, i.name, sum(f.packets) FROM flow f JOIN interface i ON i.id = f.iface WHERE dport > 10000 AND
	proto = 17 AND dport < 20000 AND f.src BETWEEN 174194688 AND 174260223 GROUP BY dport, i.id ORDER BY dport" |
	tr '|' ' ' >"$WL_TMP/got"
awk '{ print $1, $2, 7 }' "$WL_TMP/sent" | sort -n >"$WL_TMP/want"
assert_same "seed $SEED: what was sent to interfaces that are counted" "$WL_TMP/got" "$WL_TMP/want"
sql "SELECT DISTINCT (f.src & 65535) || ' ' || i.name FROM flow f LEFT JOIN interface i ON i.id = f.iface
	WHERE f.src BETWEEN 174194688 AND 174260223" | sort >"$WL_TMP/credited"
sort -u "$WL_TMP/had" | comm -23 "$WL_TMP/credited" - >"$WL_TMP/wrong"
assert_eq "seed $SEED: credited to another's name" "$(head -n 3 "$WL_TMP/wrong")" ""
sql "SELECT f.src & 65535, sum(f.packets) FROM flow f WHERE f.src BETWEEN 174194688 AND 174260223 GROUP BY 1" |
	tr '|' ' ' >"$WL_TMP/got"
awk 'NR == FNR { given[$1] += $2; next } $2 > given[$1] { print $1, $2, given[$1] }' "$WL_TMP/given" "$WL_TMP/got" \
	>"$WL_TMP/wrong"
assert_eq "seed $SEED: more than was sent (device, packets, sent)" "$(head -n 3 "$WL_TMP/wrong")" ""
assert_eq "seed $SEED: the steady interface" \
	"$(sql "SELECT sum(packets), sum(bytes) FROM flow_text WHERE iface = 'vb' AND dir = 'ingress'")" \
	"$(jq -rs '"\(map(.packets) | add)|\(map(.bytes) | add)"' "$WL_TMP"/steady.*.json)"
say "seed $SEED: $(wc -l <"$WL_TMP/sent") times looked at, $(sql 'SELECT count(*) FROM interface') rows of interfaces," \
	"$(sql 'SELECT sum(packets + rev_packets) FROM flow_plain') packets; $(tail -n 1 "$WL_TMP/held")"
test_unheard
finish
