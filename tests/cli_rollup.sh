#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_rollup.sh: tables talker_minute and talker_hour against GROUP BY over table flow, in plain SQL, for
# replayed captures: with all keys, a second time into the same database, with few keys, and without sums.
# No root needed.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

cli_suite cli-rollup sqlite3

# Records with addresses; lower first, as memcmp has them.
IP="flow WHERE proto NOT NULL AND NOT (proto = 0 AND src IN (0, zeroblob(16)) AND dst IN (0, zeroblob(16)))"
SUMS="sum(p), sum(b), sum(rp), sum(rb)"
ROW="flows, packets, bytes, rev_packets, rev_bytes"
TURNED="iif(typeof(src) = 'integer', src & 0xffffffff > dst & 0xffffffff, src > dst)"

# truth KIND LEVEL_MS: bucket's minute, key, sums
truth() {
	local bucket="(id >> 20) / $2 * $2 / 60000" ends pair
	ends="SELECT id, src AS a, packets AS p, bytes AS b, rev_packets AS rp, rev_bytes AS rb FROM $IP
		UNION ALL SELECT id, dst, rev_packets, rev_bytes, packets, bytes FROM $IP AND dst IS NOT src"
	pair="SELECT id, iif($TURNED, dst, src) AS a, iif($TURNED, src, dst) AS z,
		iif($TURNED, rev_packets, packets) AS p, iif($TURNED, rev_bytes, bytes) AS b,
		iif($TURNED, packets, rev_packets) AS rp, iif($TURNED, bytes, rev_bytes) AS rb FROM $IP"
	case $1 in
	host) echo "SELECT $bucket, a, count(*), $SUMS FROM ($ends) GROUP BY 1, 2" ;;
	pair) echo "SELECT $bucket, a, z, count(*), $SUMS FROM ($pair) GROUP BY 1, 2, 3" ;;
	proto) echo "SELECT $bucket, proto, count(*), sum(packets), sum(bytes), sum(rev_packets), sum(rev_bytes)
		FROM $IP GROUP BY 1, 2" ;;
	iface) echo "SELECT $bucket, iface, count(*), sum(packets), sum(bytes), sum(rev_packets), sum(rev_bytes)
		FROM flow GROUP BY 1, 2" ;;
	# in each case both directions together: who is the server is told by more than the ports
	service) echo "SELECT $bucket, proto, count(*), sum(packets + rev_packets), sum(bytes + rev_bytes) FROM $IP GROUP BY 1, 2" ;;
	vlan) echo "SELECT $bucket, count(*), sum(packets), sum(bytes), sum(rev_packets), sum(rev_bytes) FROM flow GROUP BY 1" ;;
	esac
}

# of TABLE KIND
of() {
	echo "FROM $1 WHERE id >> 24 & 15 = $2"
}

# sums KIND TABLE: the same of the table
sums() {
	case $1 in
	host) echo "SELECT id >> 28, src, $ROW $(of "$2" 0) AND src NOT NULL" ;;
	pair) echo "SELECT id >> 28, src, dst, $ROW $(of "$2" 1) AND src NOT NULL" ;;
	proto) echo "SELECT id >> 28, coalesce(what, 0) >> 16 & 255, $ROW $(of "$2" 3) AND coalesce(what, 0) >> 25 = 0" ;;
	iface) echo "SELECT id >> 28, what, $ROW $(of "$2" 4)" ;;
	service) echo "SELECT id >> 28, coalesce(what, 0) >> 16 & 255, sum(flows), sum(packets + rev_packets), sum(bytes + rev_bytes)
		$(of "$2" 2) AND coalesce(what, 0) >> 33 = 0 AND coalesce(what, 0) >> 25 & 254 = 0 GROUP BY 1, 2" ;;
	vlan) echo "SELECT id >> 28, sum(flows), sum(packets), sum(bytes), sum(rev_packets), sum(rev_bytes) $(of "$2" 5) GROUP BY 1" ;;
	esac
}

# differ DB KIND TABLE LEVEL_MS: rows of one that the other has not, and how many there are
differ() {
	sqlite3 "$1" "WITH t AS ($(truth "$2" "$4")), s AS ($(sums "$2" "$3"))
		SELECT (SELECT count(*) FROM (SELECT * FROM t EXCEPT SELECT * FROM s)) ||
		' ' || (SELECT count(*) FROM (SELECT * FROM s EXCEPT SELECT * FROM t)) ||
		' of ' || (SELECT count(*) > 0 FROM t)"
}

replay() {
	"$FLOWD" --config /dev/null -r "$WL_CORPUS/$1.pcap" --db "$WL_TMP/$2.db" "${@:3}" 2>>"$WL_TMP/log"
}

for name in ip tcp transport control fragments labels jumbo link; do
	replay "$name" "$name"
	for kind in host pair service proto iface vlan; do
		assert_eq "$name: $kind by minute" "$(differ "$WL_TMP/$name.db" $kind talker_minute 60000)" "0 0 of 1"
		assert_eq "$name: $kind by hour" "$(differ "$WL_TMP/$name.db" $kind talker_hour 3600000)" "0 0 of 1"
	done
done
assert_eq "ports of UDP, none of them by a SYN" "$(sqlite3 "$WL_TMP/transport.db" "WITH t AS (SELECT DISTINCT min(sport, dport) AS port
	FROM flow WHERE proto = 17 AND sport > 0 AND dport > 0) SELECT count(*) > 0, count(*) = sum(EXISTS (SELECT 1 FROM talker_hour
	WHERE id >> 24 & 15 = 2 AND what = (1 << 24) + (17 << 16) + port)) FROM t")" "1|1"
assert_eq "first and last" "$(sqlite3 "$WL_TMP/ip.db" "SELECT (SELECT min((id >> 20) - duration_ms) || ' ' || max(id >> 20) FROM flow) =
	(SELECT min((id >> 28) * 60000 - first_ms) || ' ' || max((id >> 28) * 60000 + last_ms) FROM talker_minute)")" 1
assert_eq "IP bytes" "$(sqlite3 "$WL_TMP/ip.db" "SELECT (SELECT sum(ip_bytes + rev_ip_bytes) FROM flow_text) =
	(SELECT sum(bytes - l2_bytes - 14 * packets + rev_bytes - rev_l2_bytes - 14 * rev_packets) FROM talker_hour WHERE id >> 24 & 15 = 4)")" 1

# once more: all of it comes late, to rows that are there
replay transport transport
for kind in host pair service proto iface; do
	assert_eq "twice: $kind by minute" "$(differ "$WL_TMP/transport.db" $kind talker_minute 60000)" "0 0 of 1"
	assert_eq "twice: $kind by hour" "$(differ "$WL_TMP/transport.db" $kind talker_hour 3600000)" "0 0 of 1"
done

# few keys: the rest is in one row, and said to be
replay transport few --rollup-keys 3
assert_eq "few: rows" "$(sqlite3 "$WL_TMP/few.db" "SELECT max(id & 0xffffff), sum(id & 0xffffff = 0) > 0 FROM talker_minute")" "3|1"
assert_eq "few: sums" "$(sqlite3 "$WL_TMP/few.db" "SELECT DISTINCT sum(packets + rev_packets) = (SELECT sum(packets + rev_packets) FROM flow)
	FROM talker_minute WHERE id >> 24 & 15 > 0 GROUP BY id >> 24 & 15")" 1
assert_eq "few: a tail has its bounds" "$(sqlite3 "$WL_TMP/few.db" "SELECT (SELECT group_concat(id >> 24) FROM talker_minute WHERE id & 0xffffff = 0) =
	(SELECT group_concat(id) FROM talker_minute_tail WHERE keys > 0 AND largest_packets > 0)")" 1
assert_eq "few: frontiers" "$(sqlite3 "$WL_TMP/few.db" "SELECT (SELECT value FROM meta WHERE key = 'rollup_hour_ms') > max(id >> 20),
	(SELECT value FROM meta WHERE key = 'rollup_minute_ms') > max(id >> 20) FROM flow")" "1|1"

# none
replay transport none --rollup-keys 0
assert_eq "none" "$(sqlite3 "$WL_TMP/none.db" "SELECT (SELECT count(*) FROM talker_minute) + (SELECT count(*) FROM talker_hour),
	(SELECT value FROM meta WHERE key = 'rollup_minute_ms'), (SELECT value FROM meta WHERE key = 'rollup_keys')")" "0|0|0"
# and then with: the flows that are there are summed first
replay ip none
for kind in host pair proto; do
	assert_eq "after none: $kind" "$(differ "$WL_TMP/none.db" $kind talker_minute 60000)" "0 0 of 1"
done
assert_eq "each transaction is counted" "$(sqlite3 "$WL_TMP/none.db" "SELECT value > 2 FROM meta WHERE key = 'commit'")" 1
finish
