#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_golden.sh: databases that flowds of older versions made (tests/golden), read as they are, migrated, and
# answering then as they did. And one of a newer version: refused by flowd, read by flowctl. No root needed.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

cli_suite cli-golden jq sqlite3
GOLDEN=$(dirname "$0")/golden
NEWEST=5 # DB_VERSION

# A capture without packets: what is read from it changes nothing.
EMPTY=$WL_TMP/empty.pcap
printf '\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x01\x00\x00\x00' >"$EMPTY"

# flowd_reads DB: flowd opens it to write, with nothing to write; its log in $LOG, its exit code in $RC
flowd_reads() {
	LOG=$("$FLOWD" --config /dev/null -r "$EMPTY" --db "$1" 2>&1)
	RC=$?
}

# restore VERSION DB: as it was made
restore() {
	sqlite3 "$2" <"$GOLDEN/ledger-v$1.sql"
	sqlite3 "$2" 'PRAGMA journal_mode = WAL' >/dev/null
	chmod 0640 "$2"
}

# answers DB VERB: what flowctl says now, as make.sh has it of then
answers() {
	local options=()
	case $2 in
	flows) options=(-n 0) ;;
	top) options=(-n 8) ;;
	esac
	"$FLOWCTL" --db "$1" "$2" "${options[@]}" --iface vb --json 2>/dev/null | jq -cs 'map(del(..|nulls) | del(.v))'
}

# check_answers LABEL VERSION DB: each object of then is there, in its place, with the values that it had
check_answers() {
	local verb
	for verb in $(jq -r keys[] "$GOLDEN/ledger-v$2.json"); do
		answers "$3" "$verb" >"$WL_TMP/now.json"
		assert_eq "$1: $verb as then" "$(jq -c --arg verb "$verb" --slurpfile now "$WL_TMP/now.json" '
			.[$verb] as $old | [range([($old | length), ($now[0] | length)] | max) |
			$old[.] as $a | $now[0][.] as $b |
			select($a == null or $b == null or any($a | keys[]; . as $k | $a[$k] != $b[$k])) | [$a, $b]]' \
			"$GOLDEN/ledger-v$2.json")" "[]"
	done
}

# rows DB TABLE SQL: of these columns, all of them
rows() { sqlite3 "$1" ".mode quote" "SELECT $3 FROM $2 ORDER BY 1, 2"; }

# check_rows LABEL DB COPY: every value of every table is the one that the copy has
check_rows() {
	local table columns now
	for table in $(sqlite3 "$3" "SELECT name FROM sqlite_schema WHERE type = 'table' AND name != 'meta'"); do
		columns=$(sqlite3 "$3" "SELECT group_concat(name) FROM pragma_table_info('$table')")
		now=$table
		[ "$table" != flow ] || now=flow_plain
		[ "$table" != books ] || now=books_sum
		rows "$3" "$table" "$columns" >"$WL_TMP/rows.then"
		rows "$2" "$now" "$columns" | if [ "$table" = interface ]; then head -n 1; else cat; fi >"$WL_TMP/rows.now"
		assert_same "$1: table $table" "$WL_TMP/rows.now" "$WL_TMP/rows.then"
	done
}

check_version() {
	local label="version $1" db=$WL_TMP/v$1.db copy=$WL_TMP/v$1.db.v$1.bak
	restore "$1" "$db"
	if [ "$1" -ge 3 ]; then
		check_answers "$label, as it is" "$1" "$db"
		assert_eq "$label: flowctl sql" "$("$FLOWCTL" --db "$db" sql --json 'SELECT count(*) AS n FROM flow JOIN flow_plain USING (id) WHERE how < 0' 2>&1)" '{"v":1,"n":0}'
	else
		assert_match "$label: not read as it is" "$("$FLOWCTL" --db "$db" flows 2>&1)" \
			"v$1.db: of an older wireledger \(version $1\): flowd has to update it"
	fi
	assert_eq "$label: left as it is" "$(sqlite3 "$db" 'PRAGMA user_version') $(find "$WL_TMP" -name "v$1.db.*bak*")" "$1 "
	flowd_reads "$db"
	assert_eq "$label: exit code" "$RC" 0
	assert_match "$label: the log" "$LOG" "v$1.db: brought from version $1 to $NEWEST, [0-9]+ flow records in [0-9.]+ seconds; as it was: .*v$1.db.v$1.bak"
	assert_eq "$label: version, reader, integrity" "$(sqlite3 "$db" "PRAGMA user_version; SELECT value FROM meta WHERE key = 'reader';
		PRAGMA integrity_check" | xargs)" "$NEWEST 5 ok"
	check_answers "$label, migrated" "$1" "$db"
	check_rows "$label" "$db" "$copy"
	"$FLOWCTL" --db "$db" ledger --check >/dev/null 2>&1
	assert_eq "$label: books" "$?" 0
	assert_eq "$label: the copy" "$(sqlite3 "$copy" 'PRAGMA user_version; PRAGMA integrity_check' | xargs) $(stat -c %a "$copy")" "$1 ok 640"
	flowd_reads "$db"
	assert_eq "$label: once" "$RC $(find "$WL_TMP" -name "v$1.db.*bak*" | wc -l) ${LOG##*brought*}" "0 1 $LOG"
}

test_newer() {
	local db=$WL_TMP/newer.db before
	restore 4 "$db"
	flowd_reads "$db"
	sqlite3 "$db" "PRAGMA user_version = 99; ALTER TABLE flow ADD COLUMN colour; CREATE TABLE dream (x);
		PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
	before=$(sha256sum <"$db")
	flowd_reads "$db"
	assert_eq "newer: flowd's exit code" "$RC" 1
	assert_match "newer: refused" "$LOG" "newer.db: made by a newer wireledger \(schema version 99, this one knows $NEWEST\)"
	assert_eq "newer: the file" "$(sha256sum <"$db")" "$before"
	check_answers "newer" 4 "$db"
	for verb in flows status "sql 'SELECT 1'"; do
		eval "$FLOWCTL --db $db $verb" 2>&1 >/dev/null | grep -c 'newer.db: made by a newer wireledger (schema version 99' >"$WL_TMP/lines"
		assert_eq "newer: $verb says so once" "$(cat "$WL_TMP/lines")" 1
	done
	sqlite3 "$db" "UPDATE meta SET value = 98 WHERE key = 'reader'"
	assert_match "newer: not understood" "$("$FLOWCTL" --db "$db" flows 2>&1)" "newer.db: made by a newer wireledger .*99"
	"$FLOWCTL" --db "$db" flows >/dev/null 2>&1
	assert_eq "newer: not understood, exit code" "$?" 1
}

for version in 1 2 3 4; do
	check_version "$version"
done
test_newer
finish
