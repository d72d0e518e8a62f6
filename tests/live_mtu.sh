#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_mtu.sh: the MTU of an interface grows while it is counted by XDP: large frames flow, and each of them is counted
# once, by XDP where the driver carries them, else by TC. The driver that does not is a library (refuse_update.c).
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

SENT=0

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

set_mtu() {
	ip -n "$NSA" link set va mtu "$1" 2>"$WL_TMP/err" && ip -n "$NSB" link set vb mtu "$1" 2>>"$WL_TMP/err"
}

suite live_mtu
net_pair || { fail "no veth pair"; finish; }
ip -n "$NSB" addr flush dev vb
ip -n "$NSA" addr flush dev va
wait_until 5 link_quiet
export WL_REFUSE_FILE=$WL_TMP/refuse LD_PRELOAD=$WL_BUILD/tests/refuse_update.so
flowd_start "$NSB" -i vb --egress none || finish
unset LD_PRELOAD
give 100 1000
assert_eq "at MTU 1500" "$(mode)" xdp-native
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

# a driver that does not carry the next one
if [ "$(mode)" = xdp-native ]; then
	before=$(now_ms)
	touch "$WL_TMP/refuse"
	set_mtu 9100 || fail "MTU 9100: $(cat "$WL_TMP/err")"
	wait_until 20 left_xdp || fail "XDP stays where its driver does not carry the MTU"
	assert_match "says why" "$(cat "$FLOWD_LOG")" "'vb': XDP does not carry MTU 9100 here .*: ingress by TC"
	assert_eq "nothing of XDP stays" "$(ip -n "$NSB" -j -d link show dev vb | jq -r '.[0].xdp.prog.id // empty')" ""
	say "left XDP after $(($(now_ms) - before)) ms"
	give 100 9114
	give 100 100
fi
flowd_stop
assert_eq "exit" "$FLOWD_RC" 0
assert_eq "packets" "$(seen 0 | cut -d'|' -f1)" "$SENT"
assert_books "frames of all sizes"
finish
