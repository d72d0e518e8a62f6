#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_sqlviews.sh: the views, by the stock sqlite3 shell: flows has what flowctl flows --json says of every record of
# the corpus, and the queries that flow(5) shows, taken from the page itself, give what flowctl answers. No root needed.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

cli_suite cli-sqlviews jq sqlite3
DB=$WL_TMP/l.db
HOST=10.60.14.1
FROM='2023-11-14 22:00'
TO='2023-11-14 23:00'
FROM_S=$(date -u -d "$FROM" +%s)
TO_S=$(date -u -d "$TO" +%s)

replay() { "$FLOWD" --config /dev/null -r "$WL_CORPUS/$1" "${@:3}" --db "$2" 2>/dev/null; }

# ctl VERB ARG...: of the database, in the window of the queries, as JSON without coverage
ctl() {
	"$FLOWCTL" --db "$DB" "$1" --config /dev/null --since "@$FROM_S" --until "@$TO_S" --json "${@:2}" 2>/dev/null
}

records() { ctl flows -n 0; }

# read_page: the queries of flow(5) as q1.sql and so on
read_page() {
	awk -v to="$WL_TMP" '/^\.S[sh] / { on = $2 == "Queries" }
		on && /^\.Bd -literal$/ { text = ""; inside = 1; next }
		on && /^\.Ed$/ { file = to "/q" ++n ".sql"; printf "%s", text > file; close(file); inside = 0; next }
		inside { text = text $0 "\n" }' "$WL_ROOT/schema/flow.5"
	sed -i -e "s/\\\\(aq/'/g" -e "s/2026-11-22 06:00/$FROM/" -e "s/2026-11-22 07:00/$TO/" -e "s/10\.0\.0\.1/$HOST/g" "$WL_TMP"/q*.sql
}

# ask NUMBER [WHOLE]: what the query of that number gives; WHOLE: all rows of it
ask() {
	local sql
	sql=$(<"$WL_TMP/q$1.sql")
	[ -z "${2:-}" ] || sql=${sql/ LIMIT 10/}
	sqlite3 -readonly -batch "$DB" "$sql" 2>&1
}

# as_flowctl LABEL FILE QUERY: rows, in any order, against those of standard input
as_flowctl() {
	sort >"$WL_TMP/want"
	sort <<<"$2" >"$WL_TMP/got"
	assert_same "$1" "$WL_TMP/got" "$WL_TMP/want"
}

# --- view flows, field by field ---------------------------------------------------------------------

same_fields() {
	local columns
	"$FLOWCTL" --db "$2" flows --config /dev/null --since @0 -n 0 --json 2>/dev/null | jq -Sc 'del(.v)' | sort >"$WL_TMP/want"
	columns=$(head -n 1 "$WL_TMP/want" | jq -r 'keys - ["id"] | map("\"" + . + "\"") | join(", ")')
	sqlite3 -readonly -json "$2" "SELECT CAST(id AS TEXT) AS id, $columns FROM flows" | jq -Sc '.[]' | sort >"$WL_TMP/got"
	assert_same "$1: fields" "$WL_TMP/got" "$WL_TMP/want"
}

for capture in "$WL_CORPUS"/*.pcap; do
	name=$(basename "$capture")
	rm -f "$WL_TMP"/c.db*
	replay "$name" "$WL_TMP/c.db" || continue # what is refused is not for here
	same_fields "$name" "$WL_TMP/c.db"
	rm -f "$WL_TMP"/c.db*
	replay "$name" "$WL_TMP/c.db" --tunnel inner
	same_fields "$name, inner" "$WL_TMP/c.db"
done

# addresses of each shape of zeros, as inet_ntop(3) has them
rm -f "$WL_TMP"/c.db*
replay tcp.pcap "$WL_TMP/c.db"
sqlite3 "$WL_TMP/c.db" "DELETE FROM flow; DELETE FROM flow_tcp; DELETE FROM flow_rtt; DELETE FROM flow_socket;
	INSERT INTO flow (id, duration_ms, iface, how, proto, src, dst, sport, dport, packets, bytes, l2_bytes, rev_packets,
		rev_bytes, rev_l2_bytes)
	WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 255)
	SELECT (1700000000000 << 20) + i, 0, 1, 2, 17, a, a, 1, 2, 1, 60, 0, 0, 0, 0 FROM (
		SELECT i, CAST((SELECT group_concat(CASE WHEN (i >> column1) & 1 THEN x'0a0b' ELSE x'0000' END, '')
			FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7))) AS BLOB) AS a FROM n
		UNION ALL SELECT 256, x'20010db80000001000020300f0000001')"
assert_eq "addresses: rows" "$(sqlite3 "$WL_TMP/c.db" 'SELECT count(*) FROM flow WHERE length(src) = 16')" 257
# glibc writes ::1.2.3.4 where the first 96 bits are 0, which RFC 5952 does not
sqlite3 "$WL_TMP/c.db" "DELETE FROM flow WHERE substr(src, 1, 12) = zeroblob(12) AND substr(src, 13, 2) != x'0000'"
same_fields "addresses" "$WL_TMP/c.db"
assert_eq "addresses: some" "$(sqlite3 "$WL_TMP/c.db" 'SELECT src FROM flows ORDER BY id' | sed -n '1p;$p' | xargs)" \
	":: 2001:db8:0:10:2:300:f000:1"

# --- queries of flow(5) -----------------------------------------------------------------------------

# What a replay has not: drops, samples, a service of the day before, a minute that does not balance.
add_rows() {
	sqlite3 "$DB" "INSERT OR IGNORE INTO word (id, text) VALUES (1001, 'NETFILTER_DROP'), (1002, 'TCP_CSUM'), (1003, 'f+0x1'), (1004, 'g+0x2');
		INSERT INTO event (id, duration_ms, what, iface, dir, marks, proto, src, dst, sport, dport, reason, place, packets,
			bytes, skbs, folded)
		VALUES (($FROM_S * 1000 + 5000 << 20) + 1, 1000, 0, 1, 0, 0, 6, 167772161, 167772162, 40000, 80, 1001, 1003, 8, 800, 8, 0),
			(($FROM_S * 1000 + 9000 << 20) + 2, 1000, 0, 1, 0, 0, 17, 167772161, 167772162, 40000, 53, 1001, 1004, 5, 500, 5, 0),
			(($FROM_S * 1000 + 9000 << 20) + 3, 1000, 0, 1, 0, 0, 6, 167772161, 167772162, 40000, 80, 1002, 1003, 2, 3000, 1, 0),
			(($TO_S * 1000 << 20) + 4, 1000, 0, 1, 0, 0, 6, 167772161, 167772162, 40000, 80, 1002, 1003, 2, 3000, 1, 0),
			(($FROM_S * 1000 + 9000 << 20) + 5, 1000, 1, 1, 0, 0, 6, 167772161, 167772162, 40000, 80, NULL, NULL, 2, 3000, 1, 0);
		INSERT INTO sample (id, iface, dir, link, length, packets, rate, why, marks, proto, src, dst, sport, dport, frame)
		VALUES ($FROM_S * 1000000000 + 1, 1, 0, 1, 60, 1, 1000, 1, 0, 6, 1, 2, 40000, 443, x'00'),
			($FROM_S * 1000000000 + 2, 1, 0, 1, 60, 2, 1000, 1, 0, 6, 1, 2, 40000, 443, x'00'),
			($FROM_S * 1000000000 + 3, 1, 0, 1, 60, 1, 1000, 3, 0, 6, 1, 2, 40000, 80, x'00'),
			($FROM_S * 1000000000 + 4, 1, 0, 1, 60, 1, NULL, 4, 0, 6, 1, 2, 40000, 80, x'00'),
			($TO_S * 1000000000 + 4, 1, 0, 1, 60, 1, 1000, 1, 0, 6, 1, 2, 40000, 80, x'00');
		UPDATE ledger SET recorded_packets = recorded_packets - 1, recorded_bytes = recorded_bytes - 60
			WHERE minute_ms = (SELECT min(minute_ms) + 120000 FROM ledger)"
}

read_page
assert_eq "queries in flow(5)" "$(ls "$WL_TMP"/q*.sql | wc -l)" 10
for capture in tcp transport ip fragments link nested; do replay $capture.pcap "$DB"; done
add_rows

if [ "$(sqlite3 "$DB" 'SELECT count(*) FROM talker_hour')" = 0 ]; then
	skip "no sums by hour: queries 1, 6 and 7"
else
	ctl top -n 0 --group src | jq -r '[.key, .bytes] | join("|")' >"$WL_TMP/sent"
	as_flowctl "1: sent" "$(ask 1 whole | awk -F'|' '$2 { print $1 "|" $2 }')" <"$WL_TMP/sent"
	# what has no address is its own other end: counted as sent
	ctl top -n 0 --group dst | jq -r '[.key, .bytes] | join("|")' | grep -v '^(' >"$WL_TMP/received"
	as_flowctl "1: received" "$(ask 1 whole | awk -F'|' '$3 { print $1 "|" $3 }')" <"$WL_TMP/received"
	assert_eq "1: in order" "$(ask 1 | awk -F'|' '{ print $2 + $3 }' | xargs)" "$(ctl top | jq .bytes | xargs)"
	as_flowctl "6: rate" "$(ask 6)" < <(records | jq -rs 'map({m: (.end[:16] + ":00.000Z"), iface, b: (.bytes + .rev_bytes)}) |
		group_by([.m, .iface])[] | [.[0].m, .[0].iface, ((map(.b) | add) * 8 / 60 | floor)] | join("|")')
	for kind in host pair service proto iface vlan; do
		sqlite3 -readonly "$DB" "SELECT key, sum(flows), sum(packets + rev_packets), sum(bytes + rev_bytes)
			FROM talkers WHERE per = 'hour' AND kind = '$kind' GROUP BY key" | sort >"$WL_TMP/got"
		ctl top -n 0 --from records --group "$kind" | jq -r '[.key, .flows, .packets, .bytes] | join("|")' | sort >"$WL_TMP/want"
		assert_same "talkers: $kind" "$WL_TMP/got" "$WL_TMP/want"
	done
	services=$(ask 7)
	[ "$(wc -l <<<"$services")" -gt 9 ] || fail "7: services: $services"
	sqlite3 "$DB" "INSERT INTO talker_hour SELECT id - (1440 << 28), src, dst, what, flows, packets, bytes, l2_bytes, rev_packets,
		rev_bytes, rev_l2_bytes, retransmits, rev_retransmits, drops, rev_drops, rtt_count, rtt_sum_us, first_ms, last_ms
		FROM talker_hour WHERE (id >> 24) & 15 = 2 AND id & 16777215 = 1"
	old=$(sqlite3 "$DB" "SELECT DISTINCT key FROM talkers WHERE per = 'hour' AND kind = 'service' AND rank = 1")
	as_flowctl "7: without $old" "$(ask 7)" < <(grep -vxF "$old" <<<"$services")
fi
as_flowctl "2: peers" "$(ask 2)" < <(ctl top -n 0 --group pair "host $HOST" |
	jq -r --arg host "$HOST" '[(.key | split(" - ")[] | select(. != $host)), .flows, .bytes] | join("|")')
as_flowctl "3: retransmits" "$(ask 3 whole)" < <(records | jq -rs 'map(select(.retransmits + .rev_retransmits > 0)) |
	group_by([.src, .dst, .dport])[] | [.[0].src, .[0].dst, .[0].dport, (map(.retransmits + .rev_retransmits) | add),
	(map(.packets + .rev_packets) | add)] | join("|")')
as_flowctl "4: drops" "$(ask 4)" < <(ctl drops | jq -r 'select(.source == "trace") |
	[.reason, .packets, .bytes, (.place | split(",") | length), .start, .end] | join("|")')
as_flowctl "5: books" "$(ask 5)" < <("$FLOWCTL" --db "$DB" ledger --check --since "@$FROM_S" --until "@$TO_S" --json 2>/dev/null |
	jq -r '[.time, .iface, .dir, .off_packets, .off_bytes] | join("|")')
assert_eq "5: one row" "$(ask 5 | wc -l)" 1
as_flowctl "8: long flows" "$(ask 8 whole | awk -F'|' '{ print $1 "|" $2 "|" $3 "|" $4 "|" $5 "|" $6 "|" $7 * 1000 "|" $8 "|" $9 }')" \
	< <(records | jq -rs 'def ms: (.[:19] + "Z" | fromdate) * 1000 + (.[20:23] | tonumber);
	group_by([.iface, .proto, .src, .sport, .dst, .dport])[] |
	[.[0].proto, .[0].src, .[0].sport, .[0].dst, .[0].dport, (map(.start) | min),
	((map(.end | ms) | max) - (map(.start | ms) | min)), length, (map(.bytes + .rev_bytes) | add)] | join("|")')
as_flowctl "9: interfaces" "$(ask 9 | cut -d '|' -f 1,3,4)" < <(records | jq -rs 'group_by(.iface)[] |
	[.[0].iface, length, (map(.packets + .rev_packets) | add)] | join("|")')
assert_eq "10: samples" "$(ask 10 | xargs)" "443|2|3000|75.0 80|1|1000|25.0"
for n in 1 2 3 4 5 6 7 8 9 10; do
	assert_eq "$n: the plan goes by ids" "$(sqlite3 -readonly "$DB" "EXPLAIN QUERY PLAN $(<"$WL_TMP/q$n.sql")" |
		grep -E 'SCAN (f|l|e|s|flow|event|ledger|sample|talker_[a-z]+)( |$)')" ""
done
finish
