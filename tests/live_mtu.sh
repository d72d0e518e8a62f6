#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_mtu.sh: the MTU of an interface grows while it is counted by XDP: large frames flow, and each of them is counted
# once, by XDP where the driver carries them, else by TC within two seconds.
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

set_mtu() {
	ip -n "$NSA" link set va mtu "$1" 2>"$WL_TMP/err" && ip -n "$NSB" link set vb mtu "$1" 2>>"$WL_TMP/err"
}

suite live_mtu
net_pair || { fail "no veth pair"; finish; }
ip -n "$NSB" addr flush dev vb
ip -n "$NSA" addr flush dev va
wait_until 5 link_quiet
flowd_start "$NSB" -i vb --egress none || finish
give 100 1000
assert_eq "at MTU 1500" "$(mode)" xdp-native
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
flowd_stop
assert_eq "exit" "$FLOWD_RC" 0
assert_eq "packets" "$(seen 0 | cut -d'|' -f1)" "$SENT"
assert_books "frames of all sizes"
finish
