#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_crash.sh: flowd dies by SIGKILL under load, once at every point that its build with FAULTS=1 has
# (flowd/fault.h) and many times at random, and the next one goes on: packets and bytes of every flow in
# the database are what was sent and what hooks and device counted, once; links stay, the device does
# not flap. By XDP and tcx; by TC alone with clsact filters at random and at their own points.
#
#   WL_RATE=20000   packets a second of the load    WL_KILLS=8   random kills in each mode
#   WL_POINTS=RE    only these points               LONG=1       1 Mpps, 150 kills, all points in both modes
#
# The ring is small with TC, so that evicted flows wait in it, and find it full.
#
# Where the generator found no room in the device, or flowd none in the maps, single flows are not compared.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

if [ -n "${LONG:-}" ]; then
	RATE=${WL_RATE:-1000000} KILLS=${WL_KILLS:-150} FLOWS=9000 SLOTS=16384 LIMIT_MS=100000000
else
	# a host so busy that not all points find the time says so
	RATE=${WL_RATE:-20000} KILLS=${WL_KILLS:-8} FLOWS=4000 SLOTS=4096 LIMIT_MS=150000
fi
FAULTY=$WL_ROOT/build/faults/bin/flowd

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

# launch POINT ARG...: a flowd that is to die there ('': nowhere)
launch() {
	local point=$1
	shift
	FLOWD_LOG=$WL_TMP/flowd.log
	: >"$FLOWD_LOG"
	WIRELEDGER_KILL=$point ip netns exec "$NSB" "$FAULTY" --config /dev/null --instance "$FLOWD_INSTANCE" \
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

# crash POINT ARG...: false where its end came without it
crash() {
	local point=$1
	launch "$@"
	up 2>/dev/null
	case $point in
	stop-* | checkpoint-*)
		[[ " $* " == *" no "* ]] && some
		kill -TERM "$FLOWD_PID" 2>/dev/null
		;;
	esac
	end "$point" 2>/dev/null
	case $FLOWD_RC in
	0) return 1 ;;
	137) pass ;;
	*) fail "$MODE: $point: flowd exit $FLOWD_RC: $(tail -n 3 "$FLOWD_LOG")" ;;
	esac
}

# crash_each WHAT POINT...: those that are not passed by who leaves its hooks are in LATER
crash_each() {
	local what=$1 point left=0
	shift
	for point; do
		if [ "$(now_ms)" -gt "$DEADLINE" ]; then
			left=$((left + 1))
		elif [ "$what" = kept ]; then
			crash "$point" --keep-attached yes || LATER+=("$point")
		else
			crash "$point" --keep-attached no || fail "$MODE: $point: flowd ends without passing it"
		fi
	done
	[ "$left" = 0 ] || skip "$MODE: $left points: this host is too slow for all in $((LIMIT_MS / 1000)) s"
}

crash_at_random() {
	local i
	for ((i = 0; i < KILLS; i++)); do
		launch '' --keep-attached yes
		# also while it starts
		[ $((i % 4)) = 0 ] || up 2>/dev/null
		wait_ms $((RANDOM % 700))
		gone "$FLOWD_PID" && fail "$MODE: flowd ended: $(tail -n 3 "$FLOWD_LOG")"
		kill -9 "$FLOWD_PID" 2>/dev/null
		end random 2>/dev/null
	done
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
	assert_eq "$MODE: records that are there twice" "$(sql "SELECT count(*) FROM (SELECT 1 FROM flow_plain
		WHERE packets > 1 GROUP BY iface, dir, src, dst, sport, dport, marks, id >> 20, duration_ms, packets, bytes
		HAVING count(*) > 1)")" 0
	folded=$(sql 'SELECT sum(folded_packets + catchall_packets) FROM ledger')
	if [ "$WHOLE" = yes ] && [ "$folded" = 0 ]; then
		awk -F, '{ k = $1 "," $2 "," $3 "," $4; p[k] += $5; b[k] += $6 }
			END { for (k in p) print k "," p[k] "," b[k] }' "$WL_TMP/all.csv" >"$WL_TMP/sent.csv"
		compare "$MODE"
		assert_eq "$MODE: bytes" "$(seen 0 | cut -d '|' -f 2)" \
			"$(awk -F, '{ b += $6 } END { printf "%d", b }' "$WL_TMP/sent.csv")"
	else
		say "$MODE: sums only: $folded folded, all found room in the device: $WHOLE"
	fi
	assert_eq "$MODE: no program stays" "$(ip -n "$NSB" -j -d link show dev vb | jq -r '.[0].xdp.prog.id // empty')" ""
	assert_eq "$MODE: no pins stay" "$(ls /sys/fs/bpf/wireledger/"$FLOWD_INSTANCE" 2>&1 | grep -v 'No such')" ""
}

# run MODE NEW UNDER-LOAD AT-REST ARG...: points as regular expressions; '': none
run() {
	local new under rest before
	MODE=$1
	mapfile -t new < <(points "$2")
	mapfile -t under < <(points "$3" | shuf) # what finds no time is not always the same
	mapfile -t rest < <(points "$4")
	shift 4
	ARGS=(--sweep 50ms --idle 1s --active 1s --slots "$SLOTS" --durability normal "$@")
	FLOWD_INSTANCE=wl$$-$MODE FLOWD_DB=$WL_TMP/$MODE.db
	WL_INSTANCES+=("$FLOWD_INSTANCE")
	SENT_PACKETS=0 WHOLE=yes LATER=()
	DEADLINE=$(($(now_ms) + LIMIT_MS))
	: >"$WL_TMP/all.csv"
	RECEIVED=$(counter "$NSB" vb rx_packets)
	crash_each kept "${new[@]}"
	assert_eq "$MODE: new maps' points that are not passed" "${LATER[*]}" ""
	launch '' --keep-attached yes
	up 2>/dev/null
	before=$(steady)
	load_start
	kill -9 "$FLOWD_PID"
	end start 2>/dev/null
	crash_each kept "${under[@]}"
	crash_at_random
	assert_eq "$MODE: carrier changes and links" "$(steady)" "$before"
	load_stop
	crash_each left "${rest[@]}" "${LATER[@]}"
	launch ''
	up 2>/dev/null
	some
	kill -TERM "$FLOWD_PID"
	end stop
	assert_eq "$MODE: the last one's exit" "$FLOWD_RC" 0
	judge
}

# The points of a binary whose names match both that and WL_POINTS.
points() {
	[ -z "$1" ] || WIRELEDGER_KILL=list "$FAULTY" | grep -E "$1" | grep -E "${WL_POINTS:-.}"
}

suite live_crash bpftool make
make -s -C "$WL_ROOT" -j "$(nproc)" FAULTS=1 build/faults/bin/flowd || { fail "no flowd with points"; finish; }
net_pair || { fail "no veth pair"; finish; }
ip -n "$NSB" addr flush dev vb
ip -n "$NSA" addr flush dev va
wait_until 5 link_quiet
IFINDEX=$(ip -n "$NSB" -j link show dev vb | jq '.[0].ifindex')
most='^(start|sweep|ring|export|mark|commit|log|settle|stop|checkpoint)-'
run xdp '^new-' "$most" '' --ring 8M
run tc "${LONG:+^new-[^4]}" "${LONG:+$most}" "${LONG:-^clsact-}" --ring 256K --ingress tc --tc clsact
finish
