#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_retention.sh: old records and sums leave the database while flowd counts: by age, by size, on a disk
# that is nearly full; the file shrinks, the books go on, also for the next flowd, and flowctl says what is gone.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

HOUR=$(($(date +%s) / 3600 * 3600000)) # in ms: the one that is open
DAY=86400000

# fill DB RECORDS FROM GAP: records, with an event each tenth, a time apart, of an interface of their own
fill() {
	sqlite3 "$1" "INSERT OR IGNORE INTO interface (id, name, ifindex, netns, ifnum, generation, first_ms, last_ms)
			VALUES (9, 'old', 0, 0, 0, 1, $3, $3 + 1);
		WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $2 - 1)
		INSERT INTO flow SELECT ($3 + i * $4 << 20) + (i & 1048575), 100, 9, 0, NULL, 6, 167772161 + i % 65536,
			167838209 + i % 9999, 40000 + i % 20000, 443, 10, 5000, 0, 8, 4000, 0, 27 FROM n;
		INSERT INTO event (id, duration_ms, what, iface, dir, marks, proto, src, dst, sport, dport,
			packets, bytes, skbs, folded)
			SELECT id, 1, 0, 9, 0, 0, 6, 1, 2, 3, 4, 1, 1, 1, 0 FROM flow WHERE id % 10 = 0;
		INSERT OR REPLACE INTO meta VALUES ('rollup_minute_ms', $HOUR), ('rollup_hour_ms', $HOUR);" || fail "fill $1"
}

# sums DB TABLE BUCKETS FROM: an hour apart
sums() {
	sqlite3 "$1" "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $3 - 1)
		INSERT INTO $2 (id, src, flows, packets, bytes) SELECT (($4 + i * 3600000) / 60000 << 28) + 1, 1, 1, 1, 1
		FROM n"
}

# minutes DB MINUTES FROM: a book of the old interface that balances
minutes() {
	sqlite3 "$1" "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $2 - 1)
		INSERT INTO ledger (minute_ms, iface, dir, seen_packets, seen_bytes, recorded_packets, recorded_bytes,
			held_packets, held_bytes, short_packets, short_bytes, deep_packets, deep_bytes, folded_packets,
			folded_bytes, catchall_packets, catchall_bytes, unaccounted_packets, unaccounted_bytes)
		SELECT $3 + i * 60000, 9, 0, 10, 100, CASE i WHEN 0 THEN 3 ELSE 10 END, CASE i WHEN 0 THEN 30 ELSE 100 END,
			7, 70, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM n"
}

new_db() { "$FLOWD" --config /dev/null -r "$WL_CORPUS/ip.pcap" --db "$1" 2>/dev/null; }

ctl() { "$FLOWCTL" --db "$FLOWD_DB" "$@" 2>"$WL_TMP/err"; }
rows() { sql "SELECT count(*) FROM $1 WHERE ${2:-1}"; }
is_zero() { [ "$(rows "$@")" = 0 ]; }
status() { "$FLOWCTL" --db "$FLOWD_DB" status --json | jq -r "$1"; }
says() { [ "$(status "$1")" = "$2" ]; }

test_age() {
	local label=age out
	WL_DB=$WL_TMP/age.db WL_INSTANCE=wl$$-age
	new_db "$WL_DB"
	fill "$WL_DB" 50000 $((HOUR - 10 * DAY)) 17280 # the last ten days
	sums "$WL_DB" talker_minute 960 $((HOUR - 40 * DAY))
	sums "$WL_DB" talker_hour 960 $((HOUR - 40 * DAY))
	minutes "$WL_DB" 4000 $((HOUR - 3 * DAY))
	FLOWD_DB=$WL_DB
	out=$(ctl retention --dry-run)
	assert_match "$label: no flowd was there" "$out" 'no flowd has noted any'
	flowd_start "$NSB" -i vb --retain-flow 5d --retain-minute 30d --retain-hour 2d || return
	wait_until 120 is_zero flow "id < ($HOUR - 5 * $DAY) << 20" || fail "$label: old records stay"
	wait_until 120 is_zero ledger "minute_ms < $HOUR - 2 * $DAY" || fail "$label: old books stay"
	wait_until 120 is_zero talker_minute "id < ($HOUR - 30 * $DAY) / 60000 << 28" || fail "$label: old minutes stay"
	assert_between "$label: records left" "$(rows flow 'iface = 9')" 24700 25000
	assert_eq "$label: events go with them" "$(sql 'SELECT (SELECT min(id) FROM event) >= (SELECT min(id) FROM flow)')" 1
	assert_between "$label: hours left" "$(rows talker_hour)" 46 48
	assert_eq "$label: the capture's own are gone" "$(rows flow 'iface = 1')" 0
	generate -n 20000 -f 500
	wait_ms 1500
	out=$(ctl top --since 6d --json -n 1)
	assert_match "$label: an answer says since when" "$(cat "$WL_TMP/err")" 'records complete from 20[0-9-]+ [0-9:]+ on'
	ctl top --since 1d --json >/dev/null
	assert_eq "$label: nothing where all is there" "$(grep -c 'complete from' "$WL_TMP/err")" 0
	ctl top --since '2190-01-01T00:00:00Z' --json >/dev/null
	assert_match "$label: a window to come, with flowd there" "$(cat "$WL_TMP/err")" 'has nothing for this window, which begins in the future'
	out=$(ctl ledger --check)
	assert_eq "$label: the books" "$?" 0
	assert_match "$label: they begin with what was held" "$out" 'total: 7 held before'
	out=$(ctl retention --dry-run --json)
	assert_eq "$label: the limits" "$(jq -r 'select(.table == "flow") | .kept_ms' <<<"$out")" 432000000
	assert_between "$label: nothing more would go" "$(jq -s 'map(.goes_rows // 0) | add' <<<"$out")" 0 5
	assert_eq "$label: rows as they are" "$(jq -r 'select(.table == "flow") | .rows' <<<"$out")" "$(rows flow)"
	assert_between "$label: rows that went, by status" "$(status .flowd.retention.records)" 25000 40000
	assert_eq "$label: clock" "$(status .flowd.retention.clock)" right
	# a successor goes on from what the ledger said, though the rows are gone
	flowd_stop "$FLOWD_PID" KILL
	sqlite3 "$WL_DB" "UPDATE ledger SET minute_ms = minute_ms - 3 * $DAY WHERE iface != 9"
	flowd_start "$NSB" -i vb --retain-flow 5d --retain-hour 2d || return
	wait_until 120 is_zero ledger "minute_ms < $HOUR - 2 * $DAY" || fail "$label: old books stay (2)"
	flowd_stop "$FLOWD_PID" KILL
	flowd_start "$NSB" -i vb --retain-flow 5d --retain-hour 2d || return
	generate -n 10000 -f 500
	flowd_stop
	ctl ledger --check >/dev/null
	assert_eq "$label: the books of a successor" "$?" 0
	assert_eq "$label: seen, with what is gone" "$(sql "SELECT sum(s) FROM (SELECT seen_packets AS s FROM ledger WHERE iface > 9
		UNION ALL SELECT seen_packets FROM ledger_past WHERE iface > 9)")" 30000
	assert_eq "$label: recorded" "$(sql "SELECT sum(packets) FROM flow WHERE iface > 9")" 30000
	assert_eq "$label: whole" "$(sql 'PRAGMA integrity_check')" ok
}

file_size() { stat -c %s "$FLOWD_DB"; }
fits() { [ "$(file_size)" -le "$1" ]; }

test_size() {
	local label=size out oldest
	WL_DB=$WL_TMP/size.db WL_INSTANCE=wl$$-size
	new_db "$WL_DB"
	fill "$WL_DB" 900000 $((HOUR - 6 * DAY)) 576
	sqlite3 "$WL_DB" "INSERT INTO meta VALUES ('retain_size', 33554432), ('retain_flow_ms', 604800000)"
	FLOWD_DB=$WL_DB
	assert_between "$label: the file before" "$(file_size)" 45000000 90000000
	out=$(ctl retention --dry-run --json)
	assert_eq "$label: tried dry" "$(jq -r 'select(.table == "flow") | .why' <<<"$out")" size
	assert_between "$label: rows that would go" "$(jq -r 'select(.table == "flow") | .goes_rows' <<<"$out")" 100000 700000
	flowd_start "$NSB" -i vb --retain-size 32M || return
	wait_until 120 fits 33554432 || fail "$label: the file has $(file_size) bytes"
	oldest=$(sql 'SELECT min(id) >> 20 FROM flow')
	assert_between "$label: oldest record" "$oldest" $((HOUR - 6 * DAY + DAY / 2)) $((HOUR - DAY / 2))
	assert_eq "$label: since when" "$(sql "SELECT (SELECT value FROM meta WHERE key = 'flow_since_ms')
		BETWEEN (min(id) >> 20) - 1000 AND min(id) >> 20 FROM flow")" 1
	assert_between "$label: pages given back" "$(status .flowd.retention.pages)" 1000 20000
	assert_match "$label: in words" "$(ctl status)" 'retention [0-9,]+ records'
	flowd_stop
	assert_eq "$label: exit" "$FLOWD_RC" 0
	assert_eq "$label: whole" "$(sql 'PRAGMA integrity_check')" ok
}

# The disk has 3 MB less than is wanted: rows make room, once, and no commit fails; then it has them again.
test_disk() {
	local label=disk dir=$WL_TMP/disk rows
	mkdir "$dir"
	mount -t tmpfs -o size=128M none "$dir" || { skip "no tmpfs"; return; }
	WL_DB=$dir/disk.db WL_INSTANCE=wl$$-disk
	new_db "$WL_DB"
	fill "$WL_DB" 400000 $((HOUR - 6 * DAY)) 576
	FLOWD_DB=$WL_DB
	head -c $(($(df --output=avail -B1 "$dir" | tail -n 1) - 18000000)) /dev/zero >"$dir/others"
	flowd_start "$NSB" -i vb --sweep 200ms || return
	wait_ms 2500
	assert_eq "$label: enough" "$(status .flowd.retention.disk_low)" false
	rows=$(rows flow)
	head -c $(($(df --output=avail -B1 "$dir" | tail -n 1) - 3500000)) /dev/zero >"$dir/more"
	wait_until 120 says .flowd.retention.disk_low true || fail "$label: is not noticed"
	wait_until 120 says '.flowd.retention.over_bytes' 0 || fail "$label: no room is made"
	assert_between "$label: records left" "$(rows flow)" 100000 $((rows - 10000))
	generate -n 60000 -f 20000 --spread 20
	wait_ms 1500
	assert_eq "$label: commits that failed" "$(status .flowd.sink.failed)" 0
	assert_eq "$label: warned once" "$(grep -c 'the oldest rows make room' "$FLOWD_LOG")" 1
	assert_match "$label: flowctl retention" "$(ctl retention)" 'which is too little'
	rm "$dir/more"
	wait_until 120 says .flowd.retention.disk_low false || fail "$label: goes on as low"
	wait_until 40 grep -q 'left again' "$FLOWD_LOG" || fail "$label: the end is not told"
	flowd_stop
	assert_eq "$label: exit" "$FLOWD_RC" 0
	assert_eq "$label: all of it is there" "$(sql 'SELECT sum(packets) FROM flow WHERE iface > 9')" "$SENT_PACKETS"
	ctl ledger --check >/dev/null
	assert_eq "$label: the books" "$?" 0
	umount "$dir"
}

suite live_retention
net_pair || { fail "no veth pair"; finish; }
trap 'umount "$WL_TMP/disk" 2>/dev/null; cleanup' EXIT
test_age
test_size
test_disk
finish
