#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_counters.sh: what NICs, drivers and queues count beside the hooks: nothing where every packet is
# seen; a foreign XDP program's drops in front of the hook, over a kill too; a queue's drops behind
# it, as tc says; frames that nobody wants; and each gain once, in the database or the live part.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

DROPPER=$WL_BUILD/tests/dropper.bpf.o
DROPPER_PORT=7009

status() { in_b "$FLOWCTL" --db "$FLOWD_DB" status --json; }

# difference DIR [PART]: of flowd's status, or of PART
difference() { status | jq -r ".${2:-flowd}.interfaces[0].nic_difference_packets[$1]"; }

# nic DIR: packets that the NIC counted
nic() { status | jq -r ".flowd.interfaces[0].nic_packets[$1]"; }

# stored SOURCE NAME: sum of table counter's rows by SQL patterns
stored() { sql "SELECT ifnull(sum(value), 0) FROM counter_text WHERE source = '$1' AND name LIKE '$2'"; }

# shown SOURCE REGEX: by flowd's status
shown() {
	status | jq -r --arg source "$1" --arg name "$2" '[.flowd.interfaces[0].counters[] |
		select(.source == $source and (.name | test($name))) | .gained] | add // 0'
}

# live_sum SOURCE: values of the counter records that end flowd's live answer
live_sum() {
	python3 - "/run/wireledger/$FLOWD_INSTANCE.sock" "$1" <<-'PYTHON'
		import socket, struct, sys
		peer = socket.socket(socket.AF_UNIX)
		peer.connect(sys.argv[1])
		peer.sendall(b"live\n")
		answer = b"".join(iter(lambda: peer.recv(65536), b""))
		size, count = struct.unpack_from("<10I", answer)[8:]
		total = 0
		for at in range(len(answer) - size * count, len(answer), size):
		    minute, value, iface, pad, source, name = struct.unpack_from("<qQII8s48s", answer, at)
		    total += value if source.rstrip(b"\0").decode() == sys.argv[2] else 0
		print(total)
	PYTHON
}

# shellcheck disable=SC2317 # by wait_until
is() { [ "$("${@:2}")" = "$1" ]; }

# becomes LABEL WANT COMMAND...: in the end; samples are taken by the sweep
becomes() {
	if wait_until 40 is "$2" "${@:3}"; then pass; else fail "$1: got '$("${@:3}")', wanted '$2'"; fi
}

udp() { in_a "$WLTRAF" udp -d 10.1.0.2 -p "$1" --size 100 --count "$2" >/dev/null; }

# xdp_drops: by the driver
xdp_drops() { in_b ethtool -S vb | awk '/xdp_drops/ { n += $2 } END { print n + 0 }'; }

test_plain() {
	flowd_start "$NSB" -i vb --sweep 200ms || return
	generate -n 50000 -f 100
	in_a ping -q -c 5 -i 0.1 10.1.0.2 >/dev/null
	becomes "plain: NIC" $((SENT_PACKETS + 5)) nic 0
	assert_eq "plain: difference" "$(difference 0) $(difference 1)" "0 0"
	assert_eq "plain: requests failed" "$(status | jq -r '.flowd.sampling | "\(.failed) \(.lost)"')" "0 0"
	assert_match "plain: text" "$(in_b "$FLOWCTL" --db "$FLOWD_DB" status)" \
		'vb +in +50,005 +50,005 +0  none'
	flowd_stop
	assert_books plain
	assert_eq "plain: ledger" "$(sql 'SELECT dir, sum(nic_packets) - sum(seen_packets) FROM ledger GROUP BY dir')" \
		$'0|0\n1|0'
	assert_eq "plain: without flowd" "$(difference 0 database)" 0
}

# Packets that an XDP program takes before TC sees them.
test_front() {
	WL_INSTANCE=wl$$-front WL_DB=$WL_TMP/front.db
	if ! in_b ip link set dev vb xdpdrv obj "$DROPPER" sec xdp 2>"$WL_TMP/err"; then
		skip "no XDP program by ip: $(head -n 1 "$WL_TMP/err")"
		return
	fi
	udp $DROPPER_PORT 50 # before flowd counts
	flowd_start "$NSB" -i vb --ingress tc --sweep 200ms || return
	udp $DROPPER_PORT 300
	udp 7001 40
	becomes "front: difference" 300 difference 0
	becomes "front: the driver's counter" 300 shown ethtool xdp_drops
	assert_eq "front: of all that it counted" "$(xdp_drops)" 350
	assert_match "front: text" "$(in_b "$FLOWCTL" --db "$FLOWD_DB" status)" \
		'vb +in +[0-9]+ +[0-9]+ +300  dropped, redirected or merged before'
	flowd_stop "$FLOWD_PID" KILL
	udp $DROPPER_PORT 200 # while nobody is there
	flowd_start "$NSB" -i vb --ingress tc --sweep 200ms || return
	udp $DROPPER_PORT 100
	becomes "front: difference after a kill" 600 difference 0
	flowd_stop
	assert_eq "front: ledger" "$(sql 'SELECT sum(nic_packets) - sum(seen_packets) FROM ledger WHERE dir = 0')" 600
	assert_eq "front: counters" "$(stored ethtool %xdp_drops)" 600
	assert_eq "front: without flowd" "$(difference 0 database)" 600
	in_b ip link set dev vb xdpdrv off
	unset WL_INSTANCE WL_DB
}

# queue_drops: by tc
queue_drops() { in_b tc -s -j qdisc show dev vb | jq '.[] | select(.kind == "tbf") | .drops'; }

queue_empty() { [ "$(in_b tc -s -j qdisc show dev vb | jq '.[] | select(.kind == "tbf") | .qlen')" = 0 ]; }

# A queue that is too short, made while flowd runs; the hook is before it.
test_queue() {
	local drops name
	flowd_start "$NSB" -i vb --sweep 200ms || return
	in_b tc qdisc replace dev vb root tbf rate 400kbit burst 3000 limit 3000 || { skip "no tbf"; flowd_stop; return; }
	in_b "$WLTRAF" udp -d 10.1.0.1 -p 7002 --size 500 --count 400 >/dev/null
	wait_until 40 queue_empty || fail "queue: it does not run dry"
	drops=$(queue_drops)
	assert_between "queue: drops" "$drops" 1 399
	becomes "queue: drops by tc" "$drops" shown qdisc '^tbf [0-9a-f]+: drops$'
	becomes "queue: seen and not sent" "-$drops" difference 1
	name=$(in_b tc -j qdisc show dev vb | jq -r '.[] | select(.kind == "tbf") | "tbf \(.handle) drops"')
	in_b tc qdisc replace dev vb root pfifo limit 100000
	flowd_stop
	assert_eq "queue: $name" "$(stored qdisc "$name")" "$drops"
	assert_match "queue: text without flowd" "$(in_b "$FLOWCTL" --db "$FLOWD_DB" status)" "vb +qdisc +$name +$drops "
	assert_eq "queue: books" "$(sql 'SELECT count(*) FROM ledger WHERE unaccounted_packets != 0')" 0
}

# An EtherType that no protocol takes: rx_dropped. And where gains are, while sweeps go on.
test_unwanted() {
	local before n=0 wrong=0 start=$SECONDS
	before=$(counter "$NSB" vb rx_dropped)
	flowd_start "$NSB" -i vb --sweep 100ms || return
	for ((i = 0; i < 10; i++)); do
		in_a "$WLTRAF" raw -i va --hex 020000000a02020000000a0188b50001 --size 60 --count 20 >/dev/null
		settle
		n=$(($(stored link rx_dropped) + $(live_sum link)))
		[ "$n" -le $(((i + 1) * 20)) ] || wrong=$((wrong + 1))
	done
	assert_eq "unwanted: more than there were" "$wrong" 0
	assert_eq "unwanted: by the kernel" "$(($(counter "$NSB" vb rx_dropped) - before))" 200
	becomes "unwanted: by flowd" 200 shown link '^rx_dropped$'
	becomes "unwanted: stored" 200 stored link rx_dropped
	assert_eq "unwanted: live, beside what is stored" "$(live_sum link)" 0
	n=$(status | jq '.flowd.interfaces[0].counters[] | select(.name == "rx_dropped") | .last_minute')
	assert_between "unwanted: last minute" "$n" $((SECONDS - start < 45 ? 200 : 0)) 200
	flowd_stop
	assert_eq "unwanted: at the end" "$(stored link rx_dropped)" 200
	assert_eq "unwanted: difference" "$(difference 0 database)" 0
}

# rps: calls of one CPU by another, by the kernel
rps() {
	local sum=0 column
	while read -ra column; do sum=$((sum + 16#${column[9]})); done </proc/net/softnet_stat
	echo "$sum"
}

# The host's backlog, where packets can be handed to another CPU.
test_softnet() {
	local before after outer mask=/sys/class/net/vb/queues/rx-0/rps_cpus
	if [ "$(nproc)" -lt 2 ] || ! in_b sh -c "echo 2 >$mask" 2>/dev/null; then
		skip "no RPS"
		return
	fi
	outer=$(rps)
	flowd_start "$NSB" -i vb --sweep 200ms || return
	before=$(rps)
	ip netns exec "$NSA" taskset -c 0 "$WLTRAF" udp -d 10.1.0.2 -p 7003 --size 50 --count 500 --interval 1 >/dev/null
	after=$(rps)
	flowd_stop
	outer=$(($(rps) - outer))
	in_b sh -c "echo 0 >$mask"
	# the host has other packets, too: flowd counts from its start to its end
	assert_between "softnet: received_rps" "$(stored softnet 'cpu% received_rps')" $((after - before)) "$outer"
	assert_eq "softnet: of the host" "$(sql "SELECT count(*) FROM counter_text WHERE source = 'softnet' AND iface IS NOT NULL")" 0
}

suite live_counters tc python3
[ -e "$DROPPER" ] || { fail "$DROPPER is not built"; finish; }
net_pair || { fail "no veth pair"; finish; }
# segments on the wire, as a veth counts packets of the stack
in_a ethtool -K va tso off gso off >/dev/null
in_b ethtool -K vb tso off gso off >/dev/null
test_plain
test_front
test_queue
test_unwanted
test_softnet
finish
