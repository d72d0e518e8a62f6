#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_badinput.sh: what flowd and flowctl are given wrong: a clear error that names the object and
# the value, exit code 1 (failed) or 2 (wrong usage), nothing attached, nothing half-written.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

INSTANCE=wl$$-bad

attached() {
	ip -n "$NSB" -j -d link show dev vb | jq -r '.[0].xdp.prog.id // empty'
	in_b tc filter show dev vb ingress 2>/dev/null
	in_b tc filter show dev vb egress 2>/dev/null
}

# refused LABEL EXIT REGEX COMMAND...: fails so, says so on standard error alone, leaves nothing
refused() {
	local label=$1 rc=$2 regex=$3
	shift 3
	timeout 60 "$@" >"$WL_TMP/out" 2>"$WL_TMP/err"
	assert_eq "$label: exit" "$?" "$rc"
	assert_match "$label: message" "$(cat "$WL_TMP/err")" "$regex"
	assert_eq "$label: standard output" "$(head -n 3 "$WL_TMP/out")" ""
	assert_between "$label: lines of error" "$(wc -l <"$WL_TMP/err")" 1 40
}

# flowd_refused LABEL EXIT REGEX ARG...: on vb, with nothing left behind
flowd_refused() {
	local label=$1 before
	before=$(attached)
	refused "$1" "$2" "$3" ip netns exec "$NSB" "$FLOWD" --instance "$INSTANCE" "${@:4}"
	assert_eq "$label: attached" "$(attached)" "$before"
	assert_eq "$label: pins" "$(find /sys/fs/bpf/wireledger -name "$INSTANCE" 2>/dev/null)" ""
	assert_eq "$label: socket" "$(find /run/wireledger -name "$INSTANCE.sock")" ""
}

# database_refused LABEL REGEX FILE: and the file stays as it was
database_refused() {
	local before
	before=$(sha256sum <"$3" 2>/dev/null)
	flowd_refused "database, $1" 1 "$2" --config /dev/null -i vb --db "$3"
	assert_eq "database, $1: the file" "$(sha256sum <"$3" 2>/dev/null)" "$before"
	assert_eq "database, $1: files beside it" "$(find "$WL_TMP" -path "$3-*" ! -name '*.lock')" ""
	[ -x "$FLOWCTL" ] || return
	refused "flowctl, database, $1" 1 "$2" "$FLOWCTL" --db "$3" top
}

test_usage() {
	flowd_refused "no interface" 2 'interface' --config /dev/null --db "$WL_TMP/u.db"
	flowd_refused "unknown option" 2 'nonsense' --config /dev/null -i vb --nonsense
	flowd_refused "slots 100" 2 '100' --config /dev/null -i vb --slots 100
	flowd_refused "sweep 1y" 2 '1y' --config /dev/null -i vb --sweep 1y
	flowd_refused "ingress eth" 2 'eth' --config /dev/null -i vb --ingress eth
	flowd_refused "instance with a slash" 2 'a/b' --config /dev/null -i vb --instance a/b
	flowd_refused "a word too many" 2 'surplus' --config /dev/null -i vb surplus
	flowd_refused "no config file" 2 "$WL_TMP/none.conf" --config "$WL_TMP/none.conf" -i vb
	printf '[flowd]\ninterface = vb\nsweep = 1s\nslots = many\n' >"$WL_TMP/value.conf"
	flowd_refused "config with a wrong value" 2 'value.conf:4.*many|value.conf.*line 4.*many' \
		--config "$WL_TMP/value.conf" --db "$WL_TMP/u.db"
	printf '[flowd]\ninterface = vb\n\nthis is no line\n' >"$WL_TMP/line.conf"
	flowd_refused "config with a broken line" 2 'line.conf:4|line.conf.*line 4' \
		--config "$WL_TMP/line.conf" --db "$WL_TMP/u.db"
	printf '[flowd]\ninterface = vb\nswep = 1s\n' >"$WL_TMP/key.conf"
	flowd_refused "config with an unknown key" 2 'key.conf:3.*swep|swep.*line 3' \
		--config "$WL_TMP/key.conf" --db "$WL_TMP/u.db"
	assert_eq "usage: no database was made" "$(find "$WL_TMP" -name 'u.db*')" ""
}

test_interface() {
	flowd_refused "unknown interface" 1 'nosuch0' --config /dev/null -i nosuch0 --db "$WL_TMP/i.db"
	flowd_refused "one of two interfaces unknown" 1 'nosuch0' --config /dev/null -i vb -i nosuch0 \
		--db "$WL_TMP/i.db"
	assert_eq "unknown interface: no database was made" "$(find "$WL_TMP" -name 'i.db')" ""
}

test_privilege() {
	command -v setpriv >/dev/null || { skip "no setpriv"; return; }
	refused "no privilege" 1 'CAP_BPF|root|[Pp]ermission' ip netns exec "$NSB" \
		setpriv --reuid 65534 --regid 65534 --clear-groups "$FLOWD" --config /dev/null -i vb \
		--instance "$INSTANCE" --db "$WL_TMP/p.db"
	assert_eq "no privilege: attached" "$(attached)" ""
}

# A foreign XDP program stays, is named, and TC counts behind it
test_foreign() {
	local id out
	if ! out=$(in_b ip link set dev vb xdpdrv obj "$WL_BUILD/tests/bystander.bpf.o" sec xdp 2>&1); then
		skip "no foreign program: $out"
		return
	fi
	id=$(attached)
	flowd_start "$NSB" -i vb || return
	assert_match "foreign XDP program: named" "$(cat "$FLOWD_LOG")" "vb: XDP program 'bystander'.*ingress by TC"
	assert_eq "foreign XDP program: while flowd runs" "$(attached)" "$id"
	in_a ping -q -c 3 -i 0.05 10.1.0.2 >/dev/null || fail "foreign XDP program: no ping"
	flowd_stop
	assert_eq "foreign XDP program: counted once" \
		"$(sql "SELECT packets, rev_packets FROM flow_text WHERE proto = 1 AND src = '10.1.0.1'")" "3|3"
	assert_eq "foreign XDP program: still there" "$(attached)" "$id"
	in_b ip link set dev vb xdpdrv off
}

hold_lock() { # FILE: an exclusive transaction of another program, until killed
	python3 -c 'import sqlite3, sys, time
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(600)' "$1" >"$WL_TMP/held" &
	LOCKER=$!
	WL_PIDS+=("$LOCKER")
	wait_until 40 grep -qs held "$WL_TMP/held"
}

test_database() {
	flowd_refused "database in no directory" 1 "$WL_TMP/no/dir.db" --config /dev/null -i vb --db "$WL_TMP/no/dir.db"
	mkdir "$WL_TMP/folder.db"
	flowd_refused "database is a directory" 1 'folder.db' --config /dev/null -i vb --db "$WL_TMP/folder.db"
	echo "dear diary" >"$WL_TMP/text.db"
	database_refused "a text file" 'text.db' "$WL_TMP/text.db"
	sqlite3 "$WL_TMP/foreign.db" 'CREATE TABLE flow (x); INSERT INTO flow VALUES (1)'
	database_refused "of another program" 'foreign.db' "$WL_TMP/foreign.db"
	flowd_start "$NSB" -i vb && flowd_stop
	cp "$FLOWD_DB" "$WL_TMP/newer.db"
	sqlite3 "$WL_TMP/newer.db" "PRAGMA user_version = 99; UPDATE meta SET value = 99 WHERE key = 'reader'" >/dev/null
	sqlite3 "$WL_TMP/newer.db" 'PRAGMA journal_mode = DELETE' >/dev/null
	database_refused "of a newer version" 'newer.db.*99' "$WL_TMP/newer.db"
	cp "$FLOWD_DB" "$WL_TMP/locked.db"
	sqlite3 "$WL_TMP/locked.db" 'PRAGMA journal_mode = DELETE' >/dev/null
	if hold_lock "$WL_TMP/locked.db"; then
		flowd_refused "locked database" 1 'locked.db.*lock' --config /dev/null -i vb --db "$WL_TMP/locked.db"
		kill "$LOCKER"
	else
		skip "no python3 to lock a database"
	fi
}

test_flowctl() {
	[ -x "$FLOWCTL" ] || { skip "flowctl is not built"; return; }
	flowd_start "$NSB" -i vb && flowd_stop
	refused "flowctl: no database" 1 'none.db' "$FLOWCTL" --db "$WL_TMP/none.db" top
	refused "flowctl: no verb" 2 '[Uu]sage|verb' "$FLOWCTL" --db "$FLOWD_DB"
	refused "flowctl: unknown verb" 2 'tpo' "$FLOWCTL" --db "$FLOWD_DB" tpo
	refused "flowctl: unknown option" 2 'nonsense' "$FLOWCTL" --db "$FLOWD_DB" top --nonsense
	refused "flowctl: unknown group" 2 'planet' "$FLOWCTL" --db "$FLOWD_DB" top --group planet
	refused "flowctl: unknown order" 2 'beauty' "$FLOWCTL" --db "$FLOWD_DB" top --by beauty
	refused "flowctl: wrong count" 2 'many' "$FLOWCTL" --db "$FLOWD_DB" top -n many
	refused "flowctl: wrong time" 2 'yore' "$FLOWCTL" --db "$FLOWD_DB" top --since yore
	# libpcap's own words
	refused "flowctl: filter of nonsense" 2 'syntax error' "$FLOWCTL" --db "$FLOWD_DB" top 'host host'
	refused "flowctl: unknown protocol in filter" 2 "unknown|syntax" "$FLOWCTL" --db "$FLOWD_DB" top 'proto nosuch'
	refused "flowctl: port out of range in filter" 2 "port|illegal" "$FLOWCTL" --db "$FLOWD_DB" top 'port 99999'
}

suite live_badinput
net_pair || { fail "no veth pair"; finish; }
test_usage
test_interface
test_privilege
test_foreign
test_database
test_flowctl
flowd_start "$NSB" -i vb # after all that, it works
flowd_stop
assert_eq "a right command line: exit" "$FLOWD_RC" 0
finish
