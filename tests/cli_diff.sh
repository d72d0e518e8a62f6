#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_diff.sh: flowctl diff over replays of captures that are made here: two hours of known packets, one of
# which was not counted to its end. No root needed.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

cli_suite cli-diff jq sqlite3 python3
DB=$WL_TMP/d.db
CTL=(diff)
T=1700006400

# The first hour: 10.0.0.1 sends 60 packets of 1000, 10.0.0.2 as many of 500, 10.0.0.3 one of 800. The second:
# twice as many of 10.0.0.1, as before of 10.0.0.2, none of 10.0.0.3, ten of 10.0.0.4.
{
	for m in $(seq 0 119); do
		echo "$((m * 60 + 5)) 10.0.0.1 10.0.0.9 udp 1 53 1000"
		[ "$m" -lt 60 ] || echo "$((m * 60 + 6)) 10.0.0.1 10.0.0.9 udp 1 53 1000"
		echo "$((m * 60 + 7)) 10.0.0.2 10.0.0.9 udp 2 53 500"
	done
	echo "1800 10.0.0.3 10.0.0.9 udp 3 53 800"
	for i in $(seq 0 9); do echo "$((5400 + i)) 10.0.0.4 10.0.0.8 udp 4 123 600"; done
	echo "7199.9 10.0.0.2 10.0.0.9 udp 2 53 500" # to the very end of the hour
	echo "0 10.0.0.2 10.0.0.9 udp 2 53 500"
} | packets a.pcap

H2="--since @$((T + 3600)) --until @$((T + 7200))"
# shellcheck disable=SC2086 # words
{
ctl $H2 --against @$T --group src --json
assert_eq "exit code" "$RC" 0
assert_eq "rows" "$(jq -sc 'map([.src, .before, .after, .change, .change_percent, .state])' <<<"$OUT")" \
	'[["10.0.0.1",60000,120000,60000,100,"changed"],["10.0.0.4",0,6000,6000,null,"new"],["10.0.0.3",800,0,-800,-100,"gone"],["10.0.0.2",30500,30500,0,0,"same"]]'
assert_eq "rates" "$(jq -sc '.[0] | [.before_rate, .after_rate]' <<<"$OUT")" '[133.333,266.666]'
assert_match "both sums" "$ERR" 'before: 2023-11-15 00:00:00 to 01:00:00: [0-9]+ flows, 122 packets, 91,300 bytes'
assert_match "both sums" "$ERR" 'after:  2023-11-15 01:00:00 to 02:00:00: [0-9]+ flows, 191 packets, 156,500 bytes'
assert_match "the change" "$ERR" $'change: \\+65,200 bytes, \\+71.41 %\n'
assert_match "coverage of both" "$ERR" 'before: coverage: 122 packets seen .*after:  coverage: 191 packets seen'
same=$OUT
ctl $H2 --against 1h --group src --json
assert_eq "a duration is how much earlier" "$OUT" "$same"
ctl $H2 --group src --json
assert_eq "unless given: the window before" "$OUT" "$same"
ctl $H2 --against 1h --group src
assert_match "text: more" "$OUT" '10.0.0.1 +60,000 +120,000 +\+60,000 +\+100.00 %'
assert_match "text: new" "$OUT" '10.0.0.4 +0 +6,000 +\+6,000 +new'
assert_match "text: gone" "$OUT" '10.0.0.3 +800 +0 +-800 +gone'
assert_match "text: as before" "$OUT" '10.0.0.2 +30,500 +30,500 +\+0 +\+0.00 %'
assert_eq "text: no rates where they are not needed" "$(grep -c RATE <<<"$OUT")" 0
ctl $H2 --group src -n 1 --csv
assert_eq "CSV, one row" "$(tr -d '\r' <<<"$OUT" | wc -l)" 2
for by in packets flows ip_bytes; do
	for group in host src pair port proto iface dir vlan; do
		ctl $H2 --by $by --group $group -n 0 --json
		for side in before after; do
			window="--since @$T --until @$((T + 3600))"
			[ $side = before ] || window=$H2
			want=$("$FLOWCTL" --db "$DB" top $window --by $by --group $group -n 0 --json 2>/dev/null |
				jq -s "map({(.key): .$by}) | add" | jq -S 'with_entries(select(.value > 0))')
			assert_eq "$by by $group, $side: as top has it" \
				"$(jq -sS "map({(.key): .$side}) | add | with_entries(select(.value > 0))" <<<"$OUT")" "$want"
		done
	done
done
for by in bytes packets flows; do
	for group in host pair service proto iface vlan; do
		for from in records auto; do
			"$FLOWCTL" --db "$DB" diff $H2 --by $by --group $group -n 0 --json --from $from >"$WL_TMP/$from" 2>"$WL_TMP/$from.sum"
		done
		assert_same "$by by $group: sums and records" "$WL_TMP/auto" "$WL_TMP/records"
		assert_same "$by by $group: the lines below" "$WL_TMP/auto.sum" "$WL_TMP/records.sum"
	done
done
ctl $H2 --explain
assert_eq "sums answered, of both" "$(grep -c 'answered from: .*hours' <<<"$OUT")" 2
ctl $H2 --group src --json 'src net 10.0.0.2/31'
assert_eq "a filter" "$(jq -sc 'map([.src, .before, .after])' <<<"$OUT")" '[["10.0.0.3",800,0],["10.0.0.2",30500,30500]]'
assert_match "a filter: named" "$ERR" "of 'src net 10.0.0.2/31'"

# a window that was counted for half as long
sqlite3 "$DB" "DELETE FROM ledger WHERE minute_ms >= ($T + 3600 + 1800) * 1000;
	UPDATE interface SET last_ms = ($T + 3600 + 1800) * 1000 - 1"
ctl $H2 --group src --json
assert_eq "uneven: by rates" "$(jq -sc 'map([.src, .change, .change_percent])' <<<"$OUT")" \
	'[["10.0.0.1",60000,300],["10.0.0.2",0,100],["10.0.0.4",6000,null],["10.0.0.3",-800,-100]]'
assert_match "uneven: said" "$ERR" 'counted for 3600 s before and 1800 s after: percents and the order are of rates'
ctl $H2 --group src
assert_match "uneven: rates in text" "$OUT" 'KEY +BEFORE +AFTER +BEFORE RATE +AFTER RATE'
assert_match "uneven: rates in text" "$OUT" '10.0.0.1 +60,000 +120,000 +133 bit/s +533 bit/s +\+60,000 +\+300.00 %'
ctl --since @$((T + 7200)) --until @$((T + 10800))
assert_match "nothing was counted after" "$OUT" 'nothing was counted after: what changed is not known'
assert_eq "nothing was counted after: no failure" "$RC" 0
}

wrong 2 "--since: diff needs to know where the window begins"
wrong 2 "--against 'x': neither a time nor a duration back" --since 1h --against x
wrong 2 "--against '2023-02-30': neither a time" --since 1h --against 2023-02-30
wrong 2 "--against '99999d': the window would begin before 1970" --since 1h --against 99999d
wrong 2 "--since: in the future" --since "@$(($(date +%s) + 9999))"
wrong 2 "--until: not after --since" --since 1h --until 2h
wrong 2 "--by 'x': unknown; known: bytes" --since 1h --by x
wrong 2 "--group 'x': unknown; known: host" --since 1h --group x
wrong 1 "interface 'nowhere0': not in" --since 1h --iface nowhere0
finish
