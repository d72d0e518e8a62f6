#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_community.sh: Community IDs of flows, held against what a few lines of Python make of the same
# addresses; and records chosen by one. No root needed.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

cli_suite cli-community jq python3
DB=$WL_TMP/all.db

# judge: JSON of flows on standard input, a line of each that is wrong, and how many there were
judge() {
	python3 -c '
import base64, hashlib, ipaddress, json, struct, sys
ANSWERS = {1: {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17, 10: 9, 9: 10},
	58: {128: 129, 129: 128, 133: 134, 134: 133, 135: 136, 136: 135, 130: 131, 131: 130,
	     139: 140, 140: 139, 144: 145, 145: 144}}
def make(flow):
    if flow["ethertype"] not in ("ipv4", "ipv6"):
        return None
    if "folded" in (flow["marks"] or "") or "catchall" in (flow["marks"] or ""):
        return None
    proto, ports = flow["proto"], (flow["sport"] or 0, flow["dport"] or 0)
    one_way = False
    if proto in ANSWERS:
        answer = ANSWERS[proto].get(ports[0])
        one_way = answer is None
        ports = (ports[0], ports[1] if one_way else answer)
    has_ports = proto in (1, 6, 17, 58, 132)
    a, b = [(ipaddress.ip_address(flow[side]).packed, port if has_ports else 0)
            for side, port in zip(("src", "dst"), ports)]
    if not one_way and a > b:
        a, b = b, a
    data = b"\0\0" + a[0] + b[0] + bytes([proto, 0])
    if has_ports:
        data += struct.pack(">HH", a[1], b[1])
    return "1:" + base64.b64encode(hashlib.sha1(data).digest()).decode()
count = 0
for line in sys.stdin:
    flow = json.loads(line)
    want = make(flow)
    count += want is not None
    if flow["community_id"] != want and count < 5:
        print(flow["src"], flow["dst"], flow["proto"], flow["community_id"], want)
print(count)'
}

test_ids() {
	local said
	"$FLOWCTL" --db "$DB" flows -n 0 --community-id --json >"$WL_TMP/flows.json" 2>/dev/null
	said=$(judge <"$WL_TMP/flows.json")
	assert_match "each record's" "$said" '^[1-9][0-9]*$'
	"$FLOWCTL" --db "$DB" flows -n 0 --uniflow --community-id --json 2>/dev/null | judge >"$WL_TMP/said"
	assert_match "of one direction" "$(cat "$WL_TMP/said")" '^[1-9][0-9]*$'
	assert_eq "not asked for" "$("$FLOWCTL" --db "$DB" flows -n 0 --json 2>/dev/null | jq -s 'map(select(has("community_id"))) | length')" 0
	assert_match "a column" "$("$FLOWCTL" --db "$DB" flows -n 1 --community-id 2>/dev/null | head -n 1)" ' COMMUNITY ID$'
}

test_choice() {
	local id want
	for id in $(jq -r '.community_id // empty' "$WL_TMP/flows.json" | sort | uniq -c | sort -rn | awk 'NR <= 5 { print $2 }'); do
		want=$(jq --arg id "$id" 'select(.community_id == $id) | .packets + .rev_packets' "$WL_TMP/flows.json" | sort -n | xargs)
		assert_eq "$id: packets of its flows" "$("$FLOWCTL" --db "$DB" flows -n 0 --community "$id" --json 2>/dev/null |
			jq '.packets + .rev_packets' | sort -n | xargs)" "$want"
	done
	assert_eq "none: flows" "$("$FLOWCTL" --db "$DB" flows -n 0 --community '1:AAAAAAAAAAAAAAAAAAAAAAAAAAA=' --json 2>/dev/null | wc -l)" 0
	for id in 1:x 2:LQU9qZlK+B5F3KDmev6m5PMibrg= ''; do
		"$FLOWCTL" --db "$DB" top --community "$id" >"$WL_TMP/out" 2>"$WL_TMP/err"
		assert_eq "'$id': exit code" "$?" 2
		assert_match "'$id': message" "$(cat "$WL_TMP/err")" "^flowctl: --community '${id//+/.}': not a Community ID"
	done
}

for capture in ip control transport ipv6; do
	[ -e "$WL_CORPUS/$capture.pcap" ] || continue
	"$FLOWD" --config /dev/null -r "$WL_CORPUS/$capture.pcap" --db "$DB" 2>/dev/null
done
test_ids
test_choice
finish
