#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_ledger.sh: the books as flowctl ledger has them, over a database of three minutes that is made here
# from a replay's: sums by interval, what was held before, and books that do not balance. No root needed.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

cli_suite cli-ledger jq sqlite3
DB=$WL_TMP/l.db
CTL=(ledger)
START=1700000040000 # a minute

# minute N DIR SEEN RECORDED HELD [UNACCOUNTED]: packets, and a hundred times as many bytes
minute() {
	sqlite3 "$DB" "INSERT INTO ledger (minute_ms, iface, dir, seen_packets, seen_bytes, recorded_packets, recorded_bytes,
		held_packets, held_bytes, short_packets, short_bytes, deep_packets, deep_bytes, folded_packets, folded_bytes,
		catchall_packets, catchall_bytes, unaccounted_packets, unaccounted_bytes)
		VALUES ($START + $1 * 60000, 1, $2, $3, $3 * 100, $4, $4 * 100, $5, $5 * 100, 1, 100, 0, 0, 2, 200, 0, 0, ${6:-0}, ${6:-0} * 100)"
}

"$FLOWD" --config /dev/null -r "$WL_CORPUS/ip.pcap" --db "$DB" 2>/dev/null
ctl --check
assert_eq "a replay: balanced" "$RC" 0
assert_match "a replay: the sum" "$OUT" 'total: 0 held before \+ ([0-9,]+) seen = \1 recorded \+ 0 held packets: balanced'
sqlite3 "$DB" "DELETE FROM ledger"

minute 0 0 100 40 60
minute 0 1 10 10 0
minute 1 0 50 70 40
minute 5 0 7 47 0
ctl
assert_eq "rows" "$(grep -c balanced <<<"$OUT")" 5
assert_match "the sum" "$OUT" 'total: 0 held before \+ 167 seen = 167 recorded \+ 0 held packets: balanced'
ctl --json
assert_eq "JSON: held before" "$(jq -sc 'map([.dir, .opening_packets, .seen_packets, .recorded_packets, .held_packets, .books])' <<<"$OUT")" \
	'[["ingress",0,100,40,60,"balanced"],["egress",0,10,10,0,"balanced"],["ingress",60,50,70,40,"balanced"],["ingress",40,7,47,0,"balanced"]]'
assert_eq "JSON: bytes, names" "$(jq -sc '.[0] | [.opening_bytes, .seen_bytes, .short_bytes, .folded_packets, .nic_packets, .off_packets]' <<<"$OUT")" \
	'[0,10000,100,2,null,0]'
ctl --per 2m --json --dir ingress
assert_eq "two minutes each" "$(jq -sc 'map([.opening_packets, .seen_packets, .recorded_packets, .held_packets])' <<<"$OUT")" '[[0,150,110,40],[40,7,47,0]]'
ctl --since "@$((START / 1000 + 60))" --dir ingress --json
assert_eq "since: what was held before" "$(jq -sc 'map([.opening_packets, .seen_packets])' <<<"$OUT")" '[[60,50],[40,7]]'
ctl -n 1 --json
assert_eq "the latest" "$(jq -sc 'map(.seen_packets)' <<<"$OUT")" '[7]'
ctl --csv
assert_eq "CSV: rows" "$(wc -l <<<"$OUT")" 5

# off: a row whose sum is wrong, and one whose packets flowd itself could not account for
sqlite3 "$DB" "UPDATE ledger SET recorded_packets = 69 WHERE minute_ms = $START + 60000"
ctl
assert_eq "off: without --check" "$RC" 0
assert_match "off: where" "$OUT" 'in +60 +50 +69 +40 .* off by \+1 packets, \+0 bytes'
ctl --check --json
assert_eq "off: exit code" "$RC" 1
assert_eq "off: the row alone" "$(jq -sc 'map([.seen_packets, .off_packets, .off_bytes, .books])' <<<"$OUT")" '[[50,1,0,"off"]]'
assert_match "off: the sum" "$ERR" '1 of 4 rows do not balance'
ctl --check --dir egress
assert_eq "off: the other direction" "$RC" 0
ctl --check --since "@$((START / 1000 + 120))"
assert_eq "off: not in the window" "$RC" 0
sqlite3 "$DB" "UPDATE ledger SET recorded_packets = 70 WHERE minute_ms = $START + 60000"
minute 6 0 10 7 0 3
minute 7 0 10 10 0 3
ctl --check --json
assert_eq "unaccounted: once" "$(jq -sc 'map([.seen_packets, .recorded_packets, .off_packets])' <<<"$OUT")" '[[10,7,3]]'
assert_eq "unaccounted: exit code" "$RC" 1

# the clock was set back to minute 1: 30 more came in it, of which 10 are held now
sqlite3 "$DB" "DELETE FROM ledger WHERE minute_ms > $START + 300000;
	UPDATE ledger SET seen_packets = 80, recorded_packets = 90, held_packets = 10, seen_bytes = 8000, recorded_bytes = 9000,
		held_bytes = 1000 WHERE minute_ms = $START + 60000 AND dir = 0"
ctl --check
assert_eq "set back: not noted" "$RC" 1
sqlite3 "$DB" "INSERT INTO meta VALUES ('clock_back', '$((START + 60000)) $((START + 300000))')"
ctl --check
assert_eq "set back: noted" "$RC" 0
assert_match "set back: said" "$OUT" 'balanced, but for what was held when the clock was set back'
ctl
assert_eq "set back: rows" "$(grep -c 'balanced; the clock was set back' <<<"$OUT")" 2
ctl --check --per 10m
assert_eq "set back: in one interval" "$RC" 0
sqlite3 "$DB" "UPDATE ledger SET unaccounted_packets = 3 WHERE minute_ms = $START + 300000 AND dir = 0"
ctl --check
assert_eq "set back: what is missing is missing" "$RC" 1
sqlite3 "$DB" "DELETE FROM meta WHERE key = 'clock_back'"

for words in "--per 90s" "--per 0m" "--per x"; do
	# shellcheck disable=SC2086
	ctl $words
	assert_eq "$words: exit code" "$RC" 2
	assert_match "$words: message" "$ERR" "^flowctl: --per '.*': not minutes up to a year"
done
ctl port 80
assert_eq "a filter: exit code" "$RC" 2
ctl --iface nowhere0
assert_eq "no such interface: exit code" "$RC" 1
finish
