#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_mtu.sh: the MTU of an interface grows while it is counted by XDP: large frames flow, and each of them is counted
# once, by XDP where the driver carries them, else by TC. The driver that does not is a library (refuse_update.c), as is
# the kernel that has no memory when it matters. Where flowd is killed while it asks the driver, what it leaves counts on,
# and the next one knows it without opening programs by their ids.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

FAULTY=$WL_ROOT/build/faults/bin/flowd
export WL_REFUSE

# give COUNT SIZE: frames to vb, and all of them arrive
give() {
	local before
	before=$(counter "$NSB" vb rx_packets)
	in_a timeout 20 "$WLTRAF" raw -i va --size "$2" --count "$1" --hex \
		"020000000a02020000000a010800$(printf '4500%04x00004000401100000a6300010a63000212345678%04x0000' $(($2 - 14)) $(($2 - 34)))" \
		>/dev/null || fail "send $2 bytes"
	wait_until 10 counter_reached "$NSB" vb rx_packets $((before + $1)) || fail "frames of $2 bytes do not arrive"
	SENT=$((SENT + $1))
}

mode() {
	"$FLOWCTL" --db "$FLOWD_DB" status --json | jq -r '[.. | objects | select(.name? == "vb" and .ingress?)][0].ingress'
}

# shellcheck disable=SC2317 # called by wait_until
left_xdp() { [[ $(mode) =~ ^(tcx|clsact)$ ]]; }

attached() { ip -n "$NSB" -j -d link show dev vb | jq -r '.[0].xdp.prog.id // empty'; }

set_mtu() {
	ip -n "$NSA" link set va mtu "$1" 2>"$WL_TMP/err" && ip -n "$NSB" link set vb mtu "$1" 2>>"$WL_TMP/err"
}

# begin: at MTU 1500 and counted by XDP, with the library
begin() {
	SENT=0 WL_REFUSE=$WL_TMP/refuse
	rm -f "$WL_REFUSE"*
	set_mtu 1500
	LD_PRELOAD=$WL_BUILD/tests/refuse_update.so flowd_start "$NSB" -i vb --egress none || return
	give 100 1000
	assert_eq "at MTU 1500" "$(mode)" xdp-native
}

# whole LABEL: flowd ends; all that was sent is in its books, once
whole() {
	flowd_stop
	assert_eq "$1: exit" "$FLOWD_RC" 0
	assert_eq "$1: packets" "$(seen 0 | cut -d'|' -f1)" "$SENT"
	assert_books "$1"
	assert_eq "$1: nothing of XDP stays" "$(attached)" ""
	assert_eq "$1: pins" "$(ls -d "/sys/fs/bpf/wireledger/$FLOWD_INSTANCE" 2>/dev/null)" ""
}

# --- a driver that carries it --------------------------------------------------------------------

test_grows() {
	local mtu
	begin || return
	in_a "$WLGEN" -i va -n 100000 -f 500 --rate 10000 >"$WL_TMP/sent.json" &
	LOAD=$!
	WL_PIDS+=("$LOAD")
	for mtu in 3000 9000 1500 9000; do
		if ! set_mtu "$mtu"; then
			skip "MTU $mtu is refused: $(cat "$WL_TMP/err")" # by the driver: then it goes on as it was
			give 100 1000
			continue
		fi
		wait_ms 2000
		give 100 $((mtu + 14))
		give 100 100
		assert_match "at MTU $mtu" "$(mode)" '^(xdp-native|tcx|clsact)$'
		say "MTU $mtu: $(mode)"
	done
	wait "$LOAD"
	assert_eq "wlgen" "$?" 0
	SENT=$((SENT + $(jq .packets "$WL_TMP/sent.json")))
	wait_until 20 link_quiet
	BY=$(mode)
	whole "frames of all sizes"
}

# --- a driver that does not ----------------------------------------------------------------------

# leaves LABEL FILE WHY: what comes in while the verifier has the program of TC is counted: XDP is there until it is loaded
leaves() {
	local label=$1 before
	begin || return
	touch "$WL_REFUSE.hold" "$WL_REFUSE$2"
	before=$(now_ms)
	set_mtu 9100 || fail "$label: MTU 9100: $(cat "$WL_TMP/err")"
	wait_until 40 test -e "$WL_REFUSE.held" || fail "$label: no program of TC is loaded"
	give 1000 9114
	rm "$WL_REFUSE.hold"
	wait_until 20 left_xdp || fail "$label: XDP stays where its driver does not carry the MTU"
	assert_match "$label: says why" "$(cat "$FLOWD_LOG")" "'vb': XDP does not carry MTU 9100 here \($3\): ingress by TC"
	assert_eq "$label: nothing of XDP is there" "$(attached)" ""
	say "$label: left XDP after $(($(now_ms) - before)) ms"
	give 100 9114
	give 100 100
	whole "$label"
}

# There is no program of TC: XDP is as good as it was.
test_no_program() {
	local label="no program of TC"
	begin || return
	touch "$WL_REFUSE.load" "$WL_REFUSE"
	set_mtu 9100 || fail "$label: MTU 9100: $(cat "$WL_TMP/err")"
	wait_until 40 grep -qs 'XDP does not carry MTU 9100' "$FLOWD_LOG" || fail "$label: nothing is said"
	assert_match "$label: says why" "$(cat "$FLOWD_LOG")" "here \([^)]*\), and XDP stays: vb: TC program: "
	give 1000 1000
	wait_ms 1500 # it is looked after in between
	give 100 1000
	assert_eq "$label: by" "$(mode)" xdp-native
	whole "$label"
}

# --- killed while it asks ------------------------------------------------------------------------

# The next one, to die at a point; it has not CAP_SYS_ADMIN, without which the kernel opens no program by its id.
next_one() {
	: >"$FLOWD_LOG"
	WIRELEDGER_KILL=$1 ip netns exec "$NSB" setpriv --bounding-set=-sys_admin "$FAULTY" --config /dev/null \
		--instance "$FLOWD_INSTANCE" --db "$FLOWD_DB" -i vb --egress none >"$FLOWD_LOG" 2>&1 &
	FLOWD_PID=$!
	WL_PIDS+=("$FLOWD_PID")
	wait_until 60 flowd_ready "$FLOWD_PID" "$FLOWD_LOG"
}

next_up() {
	if ! next_one "$1" || gone "$FLOWD_PID"; then
		fail "killed at $BEFORE: the next one does not come up: $(tail -n 3 "$FLOWD_LOG")"
		return 1
	fi
	assert_match "killed at $BEFORE: the next one" "$(cat "$FLOWD_LOG")" "'vb': ingress by xdp-native"
}

# died POINT: there, and ingress is counted on
died() {
	wait_until 40 gone "$FLOWD_PID" || fail "not killed at $1: $(tail -n 3 "$FLOWD_LOG")"
	kill -9 "$FLOWD_PID"
	wait "$FLOWD_PID"
	give 1000 1000
	assert_match "killed at $1: attached" "$(attached)" '^[0-9]+$'
	BEFORE=$1
}

# die_asking POINT: a start may have passed it once, then it is POINT:2
die_asking() {
	set_mtu 1500
	next_up "$1" || return
	give 100 1000
	set_mtu 3000 || fail "MTU 3000: $(cat "$WL_TMP/err")"
	died "$1" 2>/dev/null
}

die_starting() {
	next_one "$1" 2>/dev/null
	died "$1" 2>/dev/null
}

# Each flowd comes after the one before.
test_killed() {
	if ! command -v setpriv >/dev/null || ! command -v make >/dev/null; then
		skip "killed: no setpriv, or no make"
		return
	fi
	make -s -C "$WL_ROOT" -j "$(nproc)" FAULTS=1 build/faults/bin/flowd || { fail "no flowd with points"; return; }
	SENT=0 BEFORE='' FLOWD_INSTANCE=wl$$-killed FLOWD_DB=$WL_TMP/killed.db FLOWD_LOG=$WL_TMP/killed.log
	WL_INSTANCES+=("$FLOWD_INSTANCE")
	die_asking mtu-1-pinned && die_asking mtu-2-stand-in || return
	die_starting swap-1-settled
	die_starting swap-2-beside
	die_starting start-15-xdp
	die_asking mtu-2-stand-in || return
	die_starting swap-3-over
	die_asking swap-1-settled && die_asking swap-2-beside:2 && die_asking start-15-xdp:2 || return
	next_up '' || return
	give 100 1000
	assert_eq "killed: beside pins" "$(find "/sys/fs/bpf/wireledger/$FLOWD_INSTANCE" -name '*-new')" ""
	whole "killed at each point"
	killed_and_detached
}

# Or there is no next one.
killed_and_detached() {
	SENT=0 FLOWD_DB=$WL_TMP/detached.db
	die_asking mtu-2-stand-in || return
	in_b setpriv --bounding-set=-sys_admin "$FLOWD" --config /dev/null --detach --instance "$FLOWD_INSTANCE" \
		--db "$FLOWD_DB" >"$WL_TMP/said" 2>&1
	rc=$?
	assert_eq "flowd --detach: exit: $(tail -n 1 "$WL_TMP/said")" "$rc" 0
	assert_eq "flowd --detach: packets" "$(seen 0 | cut -d'|' -f1)" "$SENT"
	assert_books "flowd --detach"
	assert_eq "flowd --detach: nothing of XDP stays" "$(attached)" ""
	assert_eq "flowd --detach: pins" "$(ls -d "/sys/fs/bpf/wireledger/$FLOWD_INSTANCE" 2>/dev/null)" ""
}

suite live_mtu
net_pair || { fail "no veth pair"; finish; }
ip -n "$NSB" addr flush dev vb
ip -n "$NSA" addr flush dev va
wait_until 5 link_quiet
test_grows
if [ "${BY:-}" = xdp-native ]; then # else this kernel's veth is such a driver
	leaves refused '' 'Invalid argument'
	leaves "not taken again" .back 'Cannot allocate memory'
	test_no_program
	test_killed
fi
finish
