# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # what suites read
#
# crash.sh: a load that goes on while flowd comes and goes, and what must hold then: shared by live_crash.sh
# and live_upgrade.sh, which source it. They set MODE (for messages), RATE, FLOWS, ARGS (of flowd), and
#
#   begin   new instance, new database, nothing sent yet
#
# Where the generator found no room in the device, or flowd none in the maps, single flows are not compared.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

FAULTY=$WL_ROOT/build/faults/bin/flowd

# begin NAME
begin() {
	FLOWD_INSTANCE=wl$$-$1 FLOWD_DB=$WL_TMP/$1.db
	WL_INSTANCES+=("$FLOWD_INSTANCE")
	SENT_PACKETS=0 WHOLE=yes
	: >"$WL_TMP/all.csv"
	RECEIVED=$(counter "$NSB" vb rx_packets)
	IFINDEX=$(ip -n "$NSB" -j link show dev vb | jq '.[0].ifindex')
}

# --- the load -------------------------------------------------------------------------------------

# add_sent EXIT JSON CSV
add_sent() {
	case $1 in
	0) ;;
	3) WHOLE=no ;; # the device had no room for some
	*) fail "$MODE: wlgen: exit $1" ;;
	esac
	SENT_PACKETS=$((SENT_PACKETS + $(jq '.packets - .dropped' "$2")))
	cat "$3" >>"$WL_TMP/all.csv"
}

load_start() {
	ip netns exec "$NSA" "$WLGEN" -i va -n 100000000000 -f "$FLOWS" --spread 20 --order random --rate "$RATE" \
		--per-flow "$WL_TMP/load.csv" >"$WL_TMP/load.json" &
	LOAD_PID=$!
	WL_PIDS+=("$LOAD_PID")
}

load_stop() {
	kill -TERM "$LOAD_PID"
	wait "$LOAD_PID"
	add_sent "$?" "$WL_TMP/load.json" "$WL_TMP/load.csv"
	say "$MODE: load $(cat "$WL_TMP/load.json")"
}

# Some packets while the load rests.
some() {
	in_a "$WLGEN" -i va -n 3000 -f 500 --spread 20 --rate 100000 --per-flow "$WL_TMP/some.csv" >"$WL_TMP/some.json"
	add_sent "$?" "$WL_TMP/some.json" "$WL_TMP/some.csv"
}

# --- flowd ----------------------------------------------------------------------------------------

# launch POINT ARG...: a flowd that is to die there ('': nowhere); BINARY, where set, instead of FAULTY
launch() {
	local point=$1
	shift
	FLOWD_LOG=$WL_TMP/flowd.log
	: >"$FLOWD_LOG"
	WIRELEDGER_KILL=$point ip netns exec "$NSB" "${BINARY:-$FAULTY}" --config /dev/null --instance "$FLOWD_INSTANCE" \
		--db "$FLOWD_DB" -i vb "${ARGS[@]}" "$@" >"$FLOWD_LOG" 2>&1 &
	FLOWD_PID=$!
	WL_PIDS+=("$FLOWD_PID")
}

up() { wait_until 60 flowd_ready "$FLOWD_PID" "$FLOWD_LOG"; }

# Its end: FLOWD_RC.
end() {
	if ! wait_until 60 gone "$FLOWD_PID"; then
		kill -9 "$FLOWD_PID"
		fail "$MODE: $1: flowd does not pass it"
	fi
	wait "$FLOWD_PID" 2>/dev/null
	FLOWD_RC=$?
}

# --- what must hold -------------------------------------------------------------------------------

# What may not change while flowd comes and goes.
steady() {
	local dir
	in_b cat /sys/class/net/vb/carrier_changes
	for dir in ingress egress; do
		bpftool -j link show pinned "/sys/fs/bpf/wireledger/$FLOWD_INSTANCE/link-$IFINDEX-$dir" 2>/dev/null |
			jq .id
	done
}

judge() {
	local received folded
	received=$(($(counter "$NSB" vb rx_packets) - RECEIVED))
	assert_eq "$MODE: the device lost nothing of what was sent" "$received" "$SENT_PACKETS"
	assert_eq "$MODE: the hook's own count, and the device's" "$(seen 0 | cut -d '|' -f 1)" "$received"
	assert_eq "$MODE: integrity" "$(sql 'PRAGMA integrity_check')" ok
	assert_books "$MODE"
	books_balance
	folded=$(sql 'SELECT sum(folded_packets + catchall_packets) FROM ledger')
	awk -F, '{ k = $1 "," $2 "," $3 "," $4; p[k] += $5; b[k] += $6 }
		END { for (k in p) print k "," p[k] "," b[k] }' "$WL_TMP/all.csv" >"$WL_TMP/sent.csv"
	if [ "$WHOLE" = yes ] && [ "$folded" = 0 ]; then
		compare "$MODE"
		assert_eq "$MODE: bytes" "$(seen 0 | cut -d '|' -f 2)" \
			"$(awk -F, '{ b += $6 } END { printf "%d", b }' "$WL_TMP/sent.csv")"
	else
		# a record that is there twice has more than was sent
		assert_eq "$MODE: flows with more than was sent" "$(sql 'SELECT src, dst, sport, dport, sum(packets),
			sum(bytes) FROM flow_text WHERE NOT marks & 24 GROUP BY 1, 2, 3, 4' | tr '|' , |
			awk -F, '{ k = $1 "," $2 "," $3 "," $4 } NR == FNR { p[k] = $5; b[k] = $6; next }
				$5 > p[k] || $6 > b[k]' "$WL_TMP/sent.csv" - | head -n 5)" ""
		say "$MODE: sums only: $folded folded, all found room in the device: $WHOLE"
	fi
	assert_eq "$MODE: no program stays" "$(ip -n "$NSB" -j -d link show dev vb | jq -r '.[0].xdp.prog.id // empty')" ""
	assert_eq "$MODE: no pins stay" "$(ls /sys/fs/bpf/wireledger/"$FLOWD_INSTANCE" 2>&1 | grep -v 'No such')" ""
}

