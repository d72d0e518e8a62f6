#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_crash.sh: flowd dies by SIGKILL under load, once at every point that its build with FAULTS=1 has
# (flowd/fault.h) and many times at random, and the next one goes on: packets and bytes of every flow in
# the database are what was sent and what hooks and device counted, once; links stay, the device does
# not flap. By XDP and tcx; by TC alone with clsact filters at random and at their own points.
#
#   WL_RATE=20000   packets a second of the load    WL_KILLS=6   random kills in each mode
#   WL_POINTS=RE    only these points               LONG=1       1 Mpps, 150 kills, all points in both modes
#
# The ring is small with TC, so that evicted flows wait in it, and find it full.
# shellcheck source=tests/crash.sh
. "$(dirname "$0")/crash.sh"

if [ -n "${LONG:-}" ]; then
	RATE=${WL_RATE:-1000000} KILLS=${WL_KILLS:-150} FLOWS=9000 SLOTS=16384 LIMIT_MS=100000000
else
	# a host so busy that not all points find the time says so
	RATE=${WL_RATE:-20000} KILLS=${WL_KILLS:-6} FLOWS=4000 SLOTS=4096 LIMIT_MS=75000
fi
# --- flowd ----------------------------------------------------------------------------------------

# crash POINT ARG...: false where its end came without it
crash() {
	local point=$1
	launch "$@"
	up 2>/dev/null
	case $point in
	# what a start may have passed already
	mtu-* | swap-*)
		ip -n "$NSB" link set vb mtu 1500
		ip -n "$NSB" link set vb mtu 3000
		;;
	stop-* | checkpoint-*)
		# one that is dead already may have left no hook
		[[ " $* " == *" no "* ]] && ! gone "$FLOWD_PID" && some
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

# run MODE NEW UNDER-LOAD AT-REST ARG...: points as regular expressions; '': none
run() {
	local new under rest before
	MODE=$1
	mapfile -t new < <(points "$2")
	mapfile -t under < <(points "$3" | shuf) # what finds no time is not always the same
	mapfile -t rest < <(points "$4")
	shift 4
	ARGS=(--sweep 50ms --idle 1s --active 1s --slots "$SLOTS" --durability normal "$@")
	begin "$MODE"
	LATER=()
	DEADLINE=$(($(now_ms) + LIMIT_MS))
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
most='^(start|swap|mtu|sweep|early|ring|export|mark|commit|log|settle|stop|checkpoint)-'
run xdp '^new-' "$most" '' --ring 8M
# clsact has no link to be pinned, and there is no XDP
most='^(start-(0|1[^5]|2)|sweep|early|ring|export|mark|commit|log|settle|stop|checkpoint)-?'
run tc "${LONG:+^new-[^45]}" "${LONG:+$most}" '^clsact-' --ring 256K --ingress tc --tc clsact
finish
