#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_graph.sh: flowctl graph over replays of captures that are made here: sums by interval against what was
# put in, gaps where nothing was counted, pictures in characters and as SVG. No root needed.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

cli_suite cli-graph jq sqlite3 xmllint python3
DB=$WL_TMP/g.db
CTL=(graph)
T=1700006400 # a midnight
export LC_ALL=C.UTF-8
unset COLUMNS LINES NO_COLOR

# Minutes 0 to 9, then 20 to 29, each a replay of its own: nothing counts between them. In each minute m: m + 1
# packets of 1000 bytes from 10.0.0.1 and one of 500 from 10.0.0.2; in minutes 3 and 4 nothing passes.
minutes() {
	for m in $(seq "$1" "$2"); do
		[ "$m" = 3 ] || [ "$m" = 4 ] && continue
		for p in $(seq 0 "$m"); do
			echo "$((m * 60 + 1)).$((100 + p)) 10.0.0.1 10.0.0.9 udp 1000 53 1000"
		done
		echo "$((m * 60 + 2)) 10.0.0.2 10.0.0.9 udp 1001 53 500"
	done
}
minutes 0 9 | packets a.pcap
minutes 20 29 | packets b.pcap

# --- figures: sums by interval, of all and by key, and what is a gap ---
ctl --json --per 1m --since @$T --until @$((T + 1800))
assert_eq "exit code" "$RC" 0
want=$(for m in $(seq 0 29); do
	case $m in
	3 | 4) echo 0 ;;
	1[0-9]) echo null ;;
	*) echo $(((m + 1) * 1000 + 500)) ;;
	esac
done | jq -sc .)
assert_eq "bytes by the minute" "$(jq -sc 'map(.value)' <<<"$OUT")" "$want"
assert_eq "times" "$(jq -sr '[.[0].time, .[29].time, length] | join(" ")' <<<"$OUT")" \
	"2023-11-15T00:00:00.000Z 2023-11-15T00:29:00.000Z 30"
assert_eq "rate" "$(jq -sc '.[1] | [.rate, .unit, .seconds, .by, .key]' <<<"$OUT")" '[333.333,"bit/s",60,"bytes","total"]'
ctl --json --per 1m
assert_eq "without a window: from the first to the last" "$(jq -sc '[length, (map(.value // 0) | add)]' <<<"$OUT")" \
	"$(jq -c '[30, add]' <<<"$want")"
for by in bytes packets flows ip_bytes; do
	total=$("$FLOWCTL" --db "$DB" top --json -n 0 --group proto --by $by 2>/dev/null | jq -s "map(.$by) | add")
	for per in 1m 7m 1h auto; do
		ctl --json --by $by --per $per
		assert_eq "$by by $per: as much as top has" "$(jq -s 'map(.value // 0) | add' <<<"$OUT")" "$total"
	done
	ctl --json --by $by --group pair -n 1
	assert_eq "$by by pair: with the others as much" "$(jq -s 'map(.value // 0) | add' <<<"$OUT")" "$total"
	assert_eq "$by by pair: who" "$(jq -rs 'map(.key) | unique | join(", ")' <<<"$OUT")" "(others), 10.0.0.1 - 10.0.0.9"
done
ctl --json --group host -n 0 --per 1h
assert_eq "by host: each" "$(jq -rs 'map("\(.key) \(.value)") | join(", ")' <<<"$OUT")" \
	"10.0.0.9 $(jq -c add <<<"$want"), 10.0.0.1 $(($(jq -c add <<<"$want") - 18 * 500)), 10.0.0.2 9000"
ctl --json --group dir --per 1h
assert_eq "by direction" "$(jq -rs 'map("\(.key) \(.value)") | join(", ")' <<<"$OUT")" "ingress $(jq -c add <<<"$want")"
ctl --json --per 1m --iface b.pcap
assert_eq "one interface" "$(jq -sc 'map(.value) | [add, index(21500)]' <<<"$OUT")" '[260000,20]'
ctl --json --per 1m --since @$T --until @$((T + 1800)) --iface b.pcap
assert_eq "one interface: not counted before" "$(jq -sc 'map(.value) | index(21500)' <<<"$OUT")" 20
ctl --json --per 10m src host 10.0.0.2
assert_eq "a filter" "$(jq -sc 'map(.value)' <<<"$OUT")" '[4000,null,5000]'
ctl --csv --per 10m --by packets
assert_eq "CSV" "$(tr -d '\r' <<<"$OUT" | awk -F, '{ print $2 "|" $21 }' | paste -sd' ')" \
	"time|value 2023-11-15T00:00:00.000Z|54 2023-11-15T00:10:00.000Z| 2023-11-15T00:20:00.000Z|265"

# --- from flowd's sums of minutes, and from records: the same ---
for by in bytes packets flows ip_bytes retransmits; do
	for group in "" host pair service proto iface vlan; do
		for per in 1m 1h; do
			# shellcheck disable=SC2086 # none, or two words
			for from in records auto; do
				"$FLOWCTL" --db "$DB" graph --by $by ${group:+--group $group} --per $per --json --from $from >"$WL_TMP/$from" 2>"$WL_TMP/$from.sum"
			done
			assert_same "$by by ${group:-nothing} by $per: sums and records" "$WL_TMP/auto" "$WL_TMP/records"
			assert_same "$by by ${group:-nothing} by $per: the lines below" "$WL_TMP/auto.sum" "$WL_TMP/records.sum"
		done
	done
done
ctl --explain --per 1m
assert_match "sums answered" "$OUT" 'answered from: .*(minutes|hours) '
ctl --explain --per 1m --group src
assert_match "sums cannot answer" "$OUT" 'answered from: records'
ctl --explain --per 30s
assert_match "intervals without sums" "$OUT" 'answered from: records'
ctl --from rollups --per 30s
assert_eq "intervals without sums, of sums" "$RC $ERR" "1 flowctl: --from rollups: intervals of whole minutes alone have sums"
ctl --from rollups --since @$((T + 60)) --until @$((T + 180)) --explain --json
assert_eq "intervals that fit, of sums" "$(jq -r .seconds <<<"$OUT" | sort -u)" 60
assert_match "intervals that fit, of sums" "$ERR" 'answered from: minutes'
ctl --from rollups --group src --per 1m
assert_eq "sums alone, that cannot: exit code" "$RC" 1
all=$DB
DB=$WL_TMP/few.db
printf '[flowd]\nrollup.keys = 1\n' >"$WL_TMP/few.conf"
"$FLOWD" --config "$WL_TMP/few.conf" -r "$WL_TMP/a.pcap" --db "$DB" 2>/dev/null
ctl --group pair --per 1m --json --by packets
assert_eq "keys that were left out: in the others, the sum as it is" \
	"$(jq -s 'map(.value // 0) | add' <<<"$OUT") $(jq -rs 'map(.key) | unique | join(", ")' <<<"$OUT")" "54 (others), 10.0.0.1 - 10.0.0.9"
assert_match "keys that were left out: said" "$ERR" 'not exact: [0-9,]+ bytes are of keys too light'
DB=$all

# --- in characters ---
ctl --per 1m
assert_match "title" "$OUT" '^ *kbit/s  traffic, intervals of 1 minute'
assert_match "axis: broken in the gap" "$OUT" '0 ┼[┬─]+╌[╌┬]+─[─┬]*'
assert_match "axis: times" "$OUT" '11-15 +00:05 +00:10 +00:15 +00:20 +00:25'
assert_match "the span and its gaps" "$OUT" '2023-11-15 00:00:00 to 00:30:00 UTC; not counted: 10 of 30 intervals'
assert_match "legend" "$OUT" 'total: peak 4.07 kbit/s, mean 2.07 kbit/s'
assert_match "the sum" "$OUT" 'total: 36 flows, 319 packets, 310,000 bytes'
assert_match "coverage" "$OUT" 'coverage: 319 packets seen'
assert_match "braille" "$OUT" '⣿'
assert_eq "fits 80 columns" "$(grep -v '^coverage' <<<"$OUT" | wc -L)" 80
ctl --per 1m --ascii
assert_eq "ASCII: nothing else" "$(LC_ALL=C grep -c '[^ -~]' <<<"$OUT")" 0
assert_match "ASCII: the axis" "$OUT" '0 \+[-+]+[.+]+-[-+]*'
LC_ALL=C ctl --per 1m
assert_eq "another locale: ASCII" "$(LC_ALL=C grep -c '[^ -~]' <<<"$OUT")" 0
ctl --group host -n 2 --per 1m
assert_match "lines by letters" "$OUT" 'o 10.0.0.1: peak'
assert_eq "no colours into a pipe" "$(grep -c $'\033' <<<"$OUT")" 0
COLUMNS=60 ctl --per 1m
assert_eq "COLUMNS" "$(grep '[┤│┼]' <<<"$OUT" | wc -L)" 60
script -qc "stty rows 30 cols 70; '$FLOWCTL' --db '$DB' graph --group host -n 2" /dev/null </dev/null >"$WL_TMP/tty" 2>&1
assert_match "a terminal: colours" "$(cat "$WL_TMP/tty")" $'\033\\[36m'
assert_match "a terminal: braille" "$(cat "$WL_TMP/tty")" '⣀⡶'
NO_COLOR=1 script -qc "'$FLOWCTL' --db '$DB' graph --group host -n 2" /dev/null </dev/null >"$WL_TMP/tty" 2>&1
assert_eq "NO_COLOR" "$(grep -c $'\033' "$WL_TMP/tty")" 0
ctl --since @5 --until @$((T - 60))
assert_match "a window without data" "$OUT" 'not counted: [0-9]+ of [0-9]+ intervals'
assert_eq "a window without data: no failure" "$RC" 0
ctl --since 1h --group host
assert_eq "up to now, without data" "$RC" 0

# --- SVG ---
ctl --svg "$WL_TMP/g.svg" --per 1m --group host
assert_eq "SVG: exit code" "$RC" 0
assert_eq "SVG: valid XML" "$(xmllint --noout "$WL_TMP/g.svg" 2>&1)" ""
assert_match "SVG: the sum is said" "$OUT" '^total: 36 flows'
q() { xmllint --xpath "$1" "$WL_TMP/g.svg"; }
assert_eq "SVG: a line each" "$(q 'count(//*[local-name()="path"][@class="line"])')" 3
assert_eq "SVG: the gap" "$(q 'count(//*[local-name()="rect"][@class="gap"])')" 1
assert_match "SVG: legend" "$(q '//*[local-name()="text"]/text()' | paste -sd' ')" 'kbit/s .* 10.0.0.9: peak 4.0[0-9] kbit/s'
assert_eq "SVG: nothing beside it" "$(find "$WL_TMP" -name 'g.svg*' | wc -l)" 1
ctl --svg - --per 1m 'udp and not host 10.0.0.3'
assert_eq "SVG to standard output" "$(xmllint --noout - <<<"$OUT" 2>&1)" ""
assert_match "SVG to standard output: sums beside it" "$ERR" '^total: 36 flows'
cp "$WL_TMP/b.pcap" "$WL_TMP/<&\"x>.pcap"
"$FLOWD" --config /dev/null -r "$WL_TMP/<&\"x>.pcap" --db "$DB" 2>/dev/null
ctl --svg "$WL_TMP/g.svg" --group iface
assert_eq "SVG: names are escaped" "$(xmllint --noout "$WL_TMP/g.svg" 2>&1)" ""
assert_match "SVG: names are escaped, all of it" "$(q 'string(//*[local-name()="svg"])')" '<&"x>.pcap: peak'
mkdir "$WL_TMP/folder"
ctl --svg "$WL_TMP/folder"
assert_eq "SVG: a folder: exit code" "$RC" 1
assert_match "SVG: a folder" "$ERR" "^flowctl: --svg '.*/folder': Is a directory"
ctl --svg "$WL_TMP/no/g.svg"
assert_match "SVG: no folder" "$ERR" "/no/g.svg': No such file or directory"
if [ -e /dev/full ]; then
	ctl --svg /dev/full
	assert_match "SVG: a full disk" "$RC $ERR" "^1 flowctl: --svg '/dev/full': No space left"
fi

# --- retransmits and drops ---
DB=$WL_TMP/r.db
for i in $(seq 0 9); do # each segment twice in minute 1, and thrice in minute 3
	echo "$((60 + i)) 10.1.0.1 10.1.0.2 tcp 40000 80 600 $((1 + i * 546))"
	echo "$((60 + i)).4 10.1.0.1 10.1.0.2 tcp 40000 80 600 $((1 + i * 546))"
	for t in 0 3 6; do
		echo "$((180 + i)).$t 10.1.0.1 10.1.0.3 tcp 40001 80 600 $((1 + i * 546))"
	done
done | packets tcp.pcap
ctl --by retransmits --json --per 1m --since @$T --until @$((T + 300))
assert_eq "retransmits" "$(jq -sc 'map(.value)' <<<"$OUT")" '[null,10,0,20,null]'
ctl --by retransmits --per 1m
assert_match "retransmits: the sum" "$OUT" '2,000|total: 2 flows, 50 packets, 30,000 bytes, 30 retransmits'
sqlite3 "$DB" "INSERT INTO event (id, duration_ms, what, iface, dir, marks, proto, src, dst, sport, dport, packets, bytes, skbs, folded)
	VALUES (($T + 65) * 1000 << 20, 1000, 0, 1, 0, 0, 6, 167837697, 167837698, 1, 2, 7, 700, 7, 0),
	(($T + 185) * 1000 << 20, 1000, 1, 1, 0, 0, 6, 167837697, 167837698, 1, 2, 9, 900, 9, 0)"
ctl --by drops --json --per 1m
assert_eq "drops" "$(jq -sc 'map(.value)' <<<"$OUT")" '[7,0,0]'
ctl --by drops --json --per 1m --group host
assert_eq "drops by host" "$(jq -sc 'map([.key, .value]) | map(select(.[1] > 0))' <<<"$OUT")" '[["10.1.0.1",7],["10.1.0.2",7]]'

# --- what is large ---
DB=$WL_TMP/l.db
for i in $(seq 0 9); do echo "$((60 * i)) 10.0.0.1 10.0.0.2 udp 1 2 100"; done | packets large.pcap
sqlite3 "$DB" "UPDATE flow SET bytes = 1000000000000000"
ctl --from records --per 1s
assert_match "10^15 bytes a second" "$OUT" 'total: peak 8.00 Pbit/s, mean 133 Tbit/s'
sqlite3 "$DB" "UPDATE flow SET bytes = 4611686018427387904"
ctl --from records --per 1s
assert_match "as much as can be drawn" "$OUT" 'total: peak 10.0 Pbit/s, mean '
assert_match "as much as can be drawn: the axis" "$OUT" ' 10 (┤|\+)'
ctl --from records --per 1m --svg "$WL_TMP/l.svg" --since @$T --until @$((T + 60))
# 13 pixels a letter at most, half of them at either side
assert_eq "SVG: labels are within it" "$(xmllint --xpath '//*[local-name()="text"][@text-anchor="middle"]/@x' "$WL_TMP/l.svg" | tr -dc '0-9\n' | sort -n | tail -n 1)" 920
assert_match "SVG: the axis" "$(cat "$WL_TMP/l.svg")" '>10</text>'

# --- wrong words ---
wrong 2 "--by 'rtt': unknown; known: bytes" --by rtt
wrong 2 "--group 'x': unknown; known: host" --group x
wrong 2 "--per '0s': neither auto nor" --per 0s
wrong 2 "--per '2y': neither auto nor" --per 2y
wrong 2 "-n '12': lines that are drawn are 1 to 11" -n 12 --group host
wrong 2 "-n '0': lines that are drawn" -n 0 --group host
wrong 2 "-n: without --group" -n 3
wrong 2 "--svg: the format is --json already" --json --svg x
wrong 1 "--per: the window has [0-9]+ intervals, more than" --per 1s --since @5 --until @$T
wrong 1 "interface 'nowhere0': not in" --iface nowhere0
assert_match "help" "$("$FLOWCTL" graph --help)" '--svg FILE'
finish
