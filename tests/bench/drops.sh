#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# drops.sh: what the kernel's word on a dropped packet costs: COUNT UDP packets of FLOWS flows, to no
# address of ours, are dropped by the stack in a namespace where flowd listens; the mean run time of
# its program on kfree_skb beside that of an empty one on the same drops (drops.c). Fails over LIMIT
# ns a drop, where that is given.
#
#   tests/bench/drops.sh [FLOWS [COUNT [LIMIT]]]
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/../lib.sh"

FLOWS=${1:-1000}
COUNT=${2:-2000000}
LIMIT=${3:-}

# Until the pipe is closed.
measure() {
	"$WL_BUILD/bench/drops" "/sys/fs/bpf/wireledger/$FLOWD_INSTANCE/trace-program-drop" \
		<"$WL_TMP/go" >"$WL_TMP/out"
}

suite drops
[ -x "$WL_BUILD/bench/drops" ] || { fail "$WL_BUILD/bench/drops is not built (make bench-tools)"; finish; }
net_pair || { fail "no veth pair"; finish; }
flowd_start "$NSB" -i vb --ingress none || finish
mkfifo "$WL_TMP/go"
background measure
pid=$!
exec 9>"$WL_TMP/go"
wait_until 10 grep -qs ready "$WL_TMP/out" || fail "drops does not start"
in_a "$WLGEN" -i va -n "$COUNT" -f "$FLOWS" --dst-mac 02:00:00:00:0a:02 >/dev/null
exec 9>&-
wait "$pid"
flowd_stop
printf '%s flows, ' "$FLOWS"
line=$(grep drops: "$WL_TMP/out")
echo "$line"
if [ -n "$LIMIT" ]; then
	own=$(sed -n 's/.*: \([0-9]*\)[.0-9]* ns a drop.*/\1/p' <<<"$line")
	assert_between "ns a drop" "$own" 0 "$LIMIT"
fi
finish
