#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_plan.sh: flowctl top by the sums that flowd keeps of minutes and hours, over a database that flowd
# makes of a capture of four hours: the same rows as from records, in any window; bounds where keys were
# left out; windows whose records are gone; and --per. No root needed.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

cli_suite cli-plan jq sqlite3 python3
DB=$WL_TMP/p.db
CTL=(top)
START=1700006400 # an hour, 2023-11-15 00:00

# Connections of forty hosts to eight, by the minute: TCP with its SYN, UDP, ICMP; the seed is fixed.
python3 - "$WL_TMP/day.pcap" "$START" <<'EOF'
import random, struct, sys
random.seed(6)
def ip(src, dst, proto, payload):
    a, b = (bytes([10, 0, 0, n]) for n in (src, dst))
    return struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(payload), 0, 0, 64, proto, 0) + a + b + payload
def tcp(sport, dport, flags, seq, size):
    return struct.pack('>HHIIBBHHH', sport, dport, seq, 1, 0x50, flags, 512, 0, 0) + bytes(size)
packets = []
for n in range(1500):
    at = random.uniform(1234, 4 * 3600 - 600)
    src, dst = 10 + min(int(random.expovariate(0.1)), 40), 1 + random.randrange(8)
    kind = random.random()
    sport, dport = random.randrange(32768, 60999), random.choice((22, 80, 443, 443, 443))
    if kind < 0.6:
        packets.append((at, ip(src, dst, 6, tcp(sport, dport, 2, 0, 0))))
        packets.append((at + .01, ip(dst, src, 6, tcp(dport, sport, 18, 0, 0))))
        for i in range(random.randrange(1, 6)):
            size = random.randrange(1400)
            packets.append((at + .02 + i, ip(dst, src, 6, tcp(dport, sport, 16, 1 + 1400 * i, size))))
            if random.random() < 0.1:
                packets.append((at + .5 + i, ip(dst, src, 6, tcp(dport, sport, 16, 1 + 1400 * i, size))))
            packets.append((at + .03 + i, ip(src, dst, 6, tcp(sport, dport, 16, 1, 0))))
    elif kind < 0.9:
        packets.append((at, ip(src, dst, 17, struct.pack('>HHHH', sport, 53, 40, 0) + bytes(32))))
    else:
        packets.append((at, ip(src, dst, 1, struct.pack('>BBHI', 8, 0, 0, 0))))
packets.sort(key=lambda p: p[0])
with open(sys.argv[1], 'wb') as f:
    f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
    for at, data in packets:
        us = int(at * 1e6)
        f.write(struct.pack('<IIII', int(sys.argv[2]) + us // 1000000, us % 1000000, len(data), len(data)) + data)
EOF

replay() {
	rm -f "$DB"*
	"$FLOWD" --config /dev/null -r "$WL_TMP/day.pcap" --db "$DB" "$@" 2>"$WL_TMP/replay" ||
		fail "flowd: $(cat "$WL_TMP/replay")"
}

# same WINDOW... : of each group and metric the same JSON from records and as it comes
same() {
	local group by want
	for group in host pair service proto iface vlan; do
		for by in bytes packets flows ip_bytes retransmits drops rtt; do
			ctl --json -n "${LIMIT:-0}" --group "$group" --by "$by" --from records "$@"
			want=$OUT
			ctl --json -n "${LIMIT:-0}" --group "$group" --by "$by" "$@"
			[ -n "$OUT" ] && [ "$OUT" = "$want" ] && continue
			fail "$* --group $group --by $by: other rows than from records"
			diff <(echo "$want") <(echo "$OUT") | head -4
			return
		done
	done
	pass
}

# --- the same as from records
replay
same
same --since "@$((START + 1300))" --until "@$((START + 13000))"
same --since "@$((START + 1261)).5" --until "@$((START + 1381)).5"
same --since "@$((START + 3600))" --until "@$((START + 7200))"
LIMIT=7 same --since "@$((START + 3601))"
ctl --from rollups --explain --since "@$((START + 1261))" --until "@$((START + 10861))"
assert_match "what answered" "$OUT" 'answered from: records 2023-11-15T00:21:01.000Z to 2023-11-15T00:22:00.000Z, minutes .*T00:22:00.000Z to .*T01:00:00.000Z, hours .* to 2023-11-15T03:00:00.000Z, minutes .* to 2023-11-15T03:01:00.000Z, records .* to 2023-11-15T03:01:01.000Z'
assert_eq "all is exact: no word of it" "$(grep -c 'not exact\|other' <<<"$OUT")" 0
ctl --from records --explain
assert_match "records answered" "$OUT" 'answered from: records the beginning to the end'
ctl --group service -n 1 --by flows
assert_match "a service" "$OUT" 'tcp/443 +553 +4,545 '
ctl --group service --json -n 0
assert_eq "its fields" "$(jq -sc 'map(select(.key == "tcp/443" or .key == "icmp") | [.proto, .port, .sport]) | sort' <<<"$OUT")" \
	'[[1,null,null],[6,443,null]]'

# --- what cannot be answered so
for args in "tcp" "--dir ingress" "--tunnel any" "--group port" "--group src"; do
	# shellcheck disable=SC2086 # words
	ctl --from rollups $args
	assert_eq "$args: exit code" "$RC" 1
	assert_match "$args: why" "$ERR" '^flowctl: --from rollups: sums of minutes and hours '
	# shellcheck disable=SC2086
	ctl --explain $args
	assert_match "$args: from records" "$OUT" 'answered from: records .*; sums of minutes and hours '
done
ctl --from rollups --since "@$((START + 1261))" --until "@$((START + 1262))"
assert_match "no whole minute" "$ERR" 'of no whole minute of this window'
ctl --from them
assert_eq "--from: exit code" "$RC" 2
assert_match "--from" "$ERR" "^flowctl: --from 'them': unknown; known: auto, records, rollups"

# --- over time
ctl --per 1h --json -n 3 --from rollups
assert_eq "rows" "$(wc -l <<<"$OUT")" 12
assert_eq "times" "$(jq -r .time <<<"$OUT" | uniq | tr '\n' ' ')" \
	"2023-11-15T00:00:00.000Z 2023-11-15T01:00:00.000Z 2023-11-15T02:00:00.000Z 2023-11-15T03:00:00.000Z "
assert_eq "by the metric in each" "$(jq -sc 'group_by(.time) | all(map(.bytes) == (map(.bytes) | sort | reverse))' <<<"$OUT")" true
per=$OUT
ctl --json -n 3
assert_eq "their sums are those of the window" "$(jq -sc 'group_by(.key) | map([.[0].key, (map(.bytes) | add), (map(.flows) | add)]) | sort' <<<"$per")" \
	"$(jq -sc 'map([.key, .bytes, .flows]) | sort' <<<"$OUT")"
ctl --json -n 0 --since "@$((START + 7200))" --until "@$((START + 10800))"
assert_eq "an hour of them is that hour" \
	"$(jq -sc 'map(select(.time == "2023-11-15T02:00:00.000Z") | [.key, .packets, .retransmits, .start]) | sort' <<<"$per")" \
	"$(jq -sc --argjson keys "$(jq -sc 'map(.key) | unique' <<<"$per")" 'map(select(.key as $k | $keys | index($k)) | [.key, .packets, .retransmits, .start]) | sort' <<<"$OUT")"
ctl --per 5m --json --group port -n 2 'tcp port 443'
assert_eq "a filter, from records" "$(jq -sc 'map(.time) | unique | length > 30' <<<"$OUT")" true
ctl --per 1m -n 1 --group host
assert_match "text" "$OUT" '^TIME +KEY +FLOWS +PACKETS +BYTES +SHARE +RATE'
assert_eq "text: nothing is no row" "$(awk '/^2023/ && $4 == 0' <<<"$OUT" | wc -l)" 0
ctl --per 1m --json -n 1 --since "@$((START + 1800))" --until "@$((START + 1980)).5"
assert_eq "ragged: the intervals" "$(jq -r .time <<<"$OUT" | tr '\n' ' ')" \
	"2023-11-15T00:30:00.000Z 2023-11-15T00:31:00.000Z 2023-11-15T00:32:00.000Z 2023-11-15T00:33:00.000Z "
for per in 7m 30s 25h x; do
	ctl --per "$per"
	assert_eq "--per $per: exit code" "$RC" 2
done
ctl --per 1m --since 2020-01-01 --until 2023-12-01
assert_match "too many" "$ERR" 'intervals of 1 minutes in this window, at most 100000'

# --- records that are gone
cut=$((START + 7260)) # 02:01
ctl --json -n 0 --since "@$((START + 3660))" --until "@$((START + 5520))"
want=$OUT
ctl --json -n 0 --since "@$((START + 3600))" --until "@$((START + 7200))"
hour=$OUT
sqlite3 "$DB" "DELETE FROM flow WHERE id < ($cut * 1000 << 20); INSERT OR REPLACE INTO meta VALUES ('flow_since_ms', $cut * 1000)"
ctl --json -n 0 --since "@$((START + 3701))" --until "@$((START + 5490))"
assert_eq "gone: whole minutes" "$OUT" "$want"
assert_match "gone: it says so" "$ERR" 'window: 2023-11-15T01:01:00.000Z to 2023-11-15T01:32:00.000Z, in whole minutes or hours'
sqlite3 "$DB" "DELETE FROM talker_minute WHERE id < ($cut / 60 << 28); INSERT OR REPLACE INTO meta VALUES ('minute_since_ms', $cut * 1000)"
ctl --json -n 0 --since "@$((START + 3701))" --until "@$((START + 5490))"
assert_eq "gone: whole hours" "$OUT" "$hour"
assert_match "gone: it says so, too" "$ERR" 'window: 2023-11-15T01:00:00.000Z to 2023-11-15T02:00:00.000Z, in whole minutes or hours'
ctl --per 5m --since "@$((START + 3600))"
assert_match "gone: not by the minute" "$ERR" 'only whole hours are left, which are longer than 5 minutes'
ctl --json 'tcp' --since "@$((START + 3600))"
assert_match "gone: a filter" "$ERR" 'window: from 2023-11-15T02:01:00.000Z on, what is older is gone'

# --- more keys than are kept
replay --rollup-keys 4
ctl --group pair --json -n 0
assert_eq "the rest is the last row" "$(tail -n 1 <<<"$OUT" | jq -c '[.key, .src, .bytes > 0]')" '["(other)",null,true]'
assert_match "it says so" "$ERR" 'not exact: [0-9,]+ bytes are of keys too light to be kept by name, [0-9,]+ in all; each row may lack up to [0-9,]+ bytes \([0-9.]+ %\), a key without a row has at most [0-9,]+'
total=$(grep -o ', [0-9,]* bytes' <<<"$(grep ^total: <<<"$ERR")" | tr -cd 0-9)
assert_eq "the sum of all" "$(jq -s 'map(.bytes) | add' <<<"$OUT")" "$total"
got=$OUT
ctl --group pair --json -n 0 --from records
assert_eq "the same total" "$(grep -o ', [0-9,]* bytes' <<<"$(grep ^total: <<<"$ERR")" | tr -cd 0-9)" "$total"
assert_eq "no row lacks more than it says" "$(jq -sc --slurpfile got <(echo "$got") '
	map({(.key): .bytes}) | add as $want |
	$got | map(select(.key != "(other)")) | map(.bytes <= $want[.key] and .bytes + .error >= $want[.key]) | all' <<<"$OUT")" true
ctl --group pair -n 1
assert_match "text" "$OUT" '\(other\) .*total: .*not exact: '
ctl --group pair -n 1 --by rtt
assert_match "round trips" "$OUT" 'round trips of these are in no row'

finish
