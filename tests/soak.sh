#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# soak.sh: all traffic and all faults at random, and each minute the books, to the packet.
#
#   tests/soak.sh [MINUTES [SEED]]      1, of seed 1; more minutes: of a random one, which is said. WL_MINUTE is a
#                                       minute's seconds
#
# flowd counts in B, on a veth pair that A sends into: frames, floods, fragments, GSO, tags, tunnels, TCP, both ways.
# Its database is on a small file system. Each minute traffic pauses, faults end, and then must be so: what the
# interface counted is what flowd says it saw, in the ledger, in the records and what is live; what each known
# flow was sent is in it; the database is whole and nothing is in it twice; descriptors, pins and memory do not
# grow. A line each minute, a summary at the end. Needs root; takes MINUTES and the time of the checks.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/soak_traffic.sh
. "$(dirname "$0")/soak_traffic.sh"
# shellcheck source=tests/soak_fault.sh
. "$(dirname "$0")/soak_fault.sh"
# shellcheck source=tests/soak_iface.sh
. "$(dirname "$0")/soak_iface.sh"

MINUTES=${1:-1}
SEED=${2:-$([ "$MINUTES" -gt 1 ] && echo $((RANDOM * 32768 + RANDOM)) || echo 1)}
MINUTE_MS=$((${WL_MINUTE:-60} * 1000)) # of faults and traffic; what is checked after it takes its time
FLOOD=${WL_FLOOD:-60000}     # flows of a flood; packets twice as many
DISK_SIZE=${WL_DISK:-1536M}
WITNESSES=500                # datagrams of the flow that is known, each minute
RSS_MAX=0
RSS_FIRST=
FDS_FIRST=
PINS_FIRST=

# --- what is counted elsewhere ----------------------------------------------------------------------

# device SIDE: packets|bytes that vb's hooks must have seen: a veth counts a packet of the stack without its 14
# bytes of Ethernet, a frame of wlgen with them, and what its ring had no room for as dropped
device() {
	local packets bytes whole=0 dropped=0
	packets=$(($(counter "$NSB" vb "$1_packets") - START[$1_packets]))
	bytes=$(($(counter "$NSB" vb "$1_bytes") - START[$1_bytes]))
	if [ "$1" = rx ]; then
		whole=$(jq -s 'map(.packets - .dropped) | add // 0' "$WL_TMP/gen.json")
	else
		dropped=$(($(counter "$NSB" vb tx_dropped) - START[tx_dropped]))
	fi
	if [ "$dropped" != 0 ]; then # whose bytes nobody has
		echo "$((packets + dropped))|-"
	else
		echo "$packets|$((bytes + 14 * (packets - whole)))"
	fi
}

# ledger_sum DIR: packets|bytes that flowd says it saw on vb, in its database and live
ledger_sum() {
	jq -rs --arg dir "$1" 'map(select(.dir == $dir and .iface == "vb")) | "\(map(.seen_packets) | add // 0)|\(map(.seen_bytes) | add // 0)"' "$WL_TMP/ledger"
}

# answer_sum DIR: packets|bytes of all flows on vb, in its database and live
answer_sum() {
	"$FLOWCTL" --db "$WL_DB" top --group proto -n 0 --json -i vb --dir "$1" 2>"$WL_TMP/err" |
		jq -rs '"\(map(.packets) | add // 0)|\(map(.bytes) | add // 0)"'
}

# same LABEL GOT WANT: with bytes, where there are any
same() {
	if [[ $3 == *"|-" ]]; then
		assert_eq "$1" "${2%|*}" "${3%|*}"
	else
		assert_eq "$1" "$2" "$3"
	fi
}

# intervals_off: of the ledger, which do not balance
intervals_off() { jq -s 'map(select(.off_packets != 0 or .off_bytes != 0)) | length' "$WL_TMP/ledger"; }

# has_all: the ledger; for a second after a step of the clock it may have a part in the interval before
has_all() {
	"$FLOWCTL" --db "$WL_DB" ledger -n 0 --json >"$WL_TMP/ledger" 2>/dev/null &&
		[ "$(ledger_sum ingress | cut -d'|' -f1)" -ge "${DEVICE_RX%|*}" ] && [ "$(intervals_off)" = 0 ]
}

# --- checks ---------------------------------------------------------------------------------------

# One statement, so of one commit: what the ledger has as recorded is what the records have
stored_twice() {
	sql "SELECT b.iface, b.dir, b.recorded_packets, f.p, b.recorded_bytes, f.b FROM books_sum b
		LEFT JOIN (SELECT iface, d, sum(packets) AS p, sum(bytes) AS b FROM ($WL_DIRECTED)
			GROUP BY iface, d) f ON f.iface = b.iface AND f.d = b.dir
		WHERE b.recorded_packets != ifnull(f.p, 0) OR b.recorded_bytes != ifnull(f.b, 0)" "$WL_DB"
}

# witness MINUTE: a flow of its own, sent among the others
witness() {
	in_a "$WLTRAF" udp -d 10.1.0.2 -p 9 -s $((20000 + $1)) --count "$WITNESSES" --size 100 --interval 20 >/dev/null ||
		echo "minute $1: no known flow" >>"$WL_TMP/errors"
}

# known_packets FILTER: of flows that came in
known_packets() {
	"$FLOWCTL" --db "$WL_DB" top --group proto -n 0 --json --dir ingress "$1" 2>/dev/null | jq -s 'map(.packets) | add // 0'
}

# check_witnesses MINUTES: packets of all those flows, some of which got a tag on their way (tagged); fewer only
# where packets were folded, and then by no more than these
check_witnesses() {
	local got flow want=$(($1 * WITNESSES))
	flow="udp and src host 10.1.0.1 and src portrange 20001-$((20000 + $1))"
	got=$(($(known_packets "$flow") + $(known_packets "vlan and $flow")))
	assert_between "minute $1: packets of the known flows" "$got" $((FOLDED > want ? 0 : want - FOLDED)) "$want"
}

check_flowd() {
	local rss fds pins
	rss=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$FLOWD_PID/status")
	fds=$(find "/proc/$FLOWD_PID/fd" -mindepth 1 ! -lname 'socket:*' 2>/dev/null | wc -l)
	pins=$(find "/sys/fs/bpf/wireledger/$WL_INSTANCE" -type f | wc -l)
	: "${RSS_FIRST:=$rss}" "${FDS_FIRST:=$fds}" "${PINS_FIRST:=$pins}"
	RSS_MAX=$((rss > RSS_MAX ? rss : RSS_MAX)) FDS=$fds
	assert_between "minute $1: descriptors" "$fds" 1 $((FDS_FIRST + 8))
	assert_eq "minute $1: pins" "$pins" "$PINS_FIRST"
	assert_between "minute $1: memory, kB" "$rss" 1 $((2 * RSS_FIRST + 131072))
}

# books MINUTE: when all is at rest and flowd runs
books() {
	local label="minute $1" rx tx rc
	DEVICE_RX=$(device rx)
	wait_until 60 has_all || fail "$label: packets are missing, or $(intervals_off) intervals are off"
	rx=$(ledger_sum ingress) tx=$(ledger_sum egress)
	same "$label: interface and ledger, in" "$rx" "$DEVICE_RX"
	same "$label: interface and ledger, out" "$tx" "$(device tx)"
	FOLDED=$(jq -s 'map(.folded_packets + .catchall_packets) | add // 0' "$WL_TMP/ledger")
	GAPS=$((GAPS + $(intervals_off)))
	[ "$rx" = "$DEVICE_RX" ] || GAPS=$((GAPS + 1))
	"$FLOWCTL" --db "$WL_DB" ledger --check >"$WL_TMP/off" 2>&1
	rc=$?
	assert_eq "$label: the books: $(head -n 3 "$WL_TMP/off")" "$rc" 0
	assert_eq "$label: flows in all, in" "$(answer_sum ingress)" "$rx"
	assert_eq "$label: flows in all, out" "$(answer_sum egress)" "$tx"
	assert_eq "$label: recorded and flow rows" "$(stored_twice)" ""
	assert_eq "$label: integrity" "$(sql 'PRAGMA integrity_check' "$WL_DB")" ok
	assert_eq "$label: no negative duration, no record to come" \
		"$(sql "SELECT count(*) FROM flow WHERE duration_ms < 0 OR (id >> 20) > unixepoch() * 1000 + 5000 + $CLOCK_MOST_MS" "$WL_DB")" 0
	check_witnesses "$1"
	check_ifaces "$1"
	check_flowd "$1"
	assert_eq "$label: errors of the traffic: $(head -n 3 "$WL_TMP/errors")" "$(wc -l <"$WL_TMP/errors")" 0
	PACKETS=$((${rx%|*} + ${tx%|*})) BYTES=$((${rx#*|} + ${tx#*|}))
}

faults_text() {
	local name
	for name in $(printf '%s\n' "${!FAULT_COUNT[@]}" | sort); do printf '%s %d, ' "$name" "${FAULT_COUNT[$name]}"; done
}

minute() {
	local n=$1 end pid known
	end=$(($(now_ms) + MINUTE_MS))
	go_on
	witness "$n" &
	known=$!
	while [ "$(now_ms)" -lt "$end" ]; do
		one_fault
		wait_ms $((RANDOM % 2500))
	done
	wait "$known"
	pause
	heal
	books "$n"
	say "minute $n: $PACKETS packets, $BYTES bytes, $(sql 'SELECT count(*) FROM flow' "$WL_DB") records of $(stat -c %s "$WL_DB") bytes, $FOLDED folded, $GAPS gaps, rss $RSS_MAX kB, $FDS descriptors; so far $(faults_text)$(wc -l <"$WL_TMP/items") sendings"
}

# --- beginning and end ------------------------------------------------------------------------------

begin() {
	local name
	DISK=$WL_TMP/disk
	mkdir "$DISK"
	mount -t tmpfs -o "size=$DISK_SIZE" none "$DISK" || { skip "no tmpfs"; finish; }
	trap 'umount -l "$DISK" 2>/dev/null; cleanup' EXIT
	net_pair || { fail "no veth pair"; finish; }
	# so that what goes to A crosses the pair as it would a wire, too
	in_a ip link set dev va xdpdrv obj "$WL_BUILD/tests/bystander.bpf.o" sec xdp || { fail "no XDP program on va"; finish; }
	if ! { serve "$NSA" 9 && serve "$NSB" 9; }; then
		fail "no servers"
		finish
	fi
	TUNNEL=
	vxlan_pair 7 10.1.0.1 10.1.0.2 1450 && TUNNEL=vxlan
	wait_until 20 link_quiet
	WL_INSTANCE=wl$$-soak WL_DB=$DISK/soak.db
	FLOWD_ALWAYS=(-i vb --keep-attached yes --retain-free none --retain-size none)
	if follows_patterns; then
		FLOWD_ALWAYS+=(-i 'w*')
		FAULTS+=(iface iface)
	fi
	clock_begin
	configure
	declare -gA START
	for name in rx_packets rx_bytes tx_packets tx_bytes tx_dropped; do START[$name]=$(counter "$NSB" vb "$name"); done
	flowd_start "$NSB" "${FLOWD_ARGS[@]}" || finish
	start_workers
}

seen_on_vb() {
	sql "SELECT sum(seen_packets), sum(seen_bytes) FROM books_sum b JOIN interface i ON i.id = b.iface
		WHERE i.name = 'vb' AND b.dir = $1" "$WL_DB"
}

# The last flowd writes all, and what it leaves is removed: the database alone has the books
end() {
	local rx tx
	rx=$(device rx) tx=$(device tx)
	down TERM
	assert_eq "at the end: exit" "$FLOWD_RC" 0
	in_b "$FLOWD" --detach --config /dev/null --instance "$WL_INSTANCE" --db "$WL_DB" >"$WL_TMP/said" 2>&1
	rc=$?
	assert_eq "at the end: detach: $(tail -n 1 "$WL_TMP/said")" "$rc" 0
	assert_books "at the end" "$WL_DB"
	same "at the end: in" "$(seen_on_vb 0)" "$rx"
	same "at the end: out" "$(seen_on_vb 1)" "$tx"
	assert_eq "at the end: pins" "$(find /sys/fs/bpf/wireledger -name "$WL_INSTANCE")" ""
	assert_eq "at the end: programs" "$(ip -n "$NSB" -j -d link show dev vb | jq -r '.[0].xdp.prog.id // empty')" ""
}

suite soak python3 ping tc
SECONDS=0
GAPS=0
PACKETS=0
RANDOM=$SEED
say "seed $SEED, $MINUTES minutes"
begin
for ((n = 1; n <= MINUTES; n++)); do minute "$n"; done
end
say "$SECONDS s, seed $SEED: $PACKETS packets, $BYTES bytes; $(sql 'SELECT count(*) FROM flow' "$WL_DB") records; faults: $(faults_text)sendings: $(sort "$WL_TMP/items" | uniq -c | awk '{ printf "%s %s, ", $2, $1 }')$FOLDED folded; gaps = $GAPS; memory at most $RSS_MAX kB; CPU $((CPU_TICKS / $(getconf CLK_TCK))) s"
finish
