#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_dbfault.sh: the database's file is broken, cut, removed, renamed or replaced, before flowd starts and
# under it: a foreign file is left alone, a broken one set aside, a new one goes on with the books, and every
# packet is in one of the files. And what flowctl says of such files.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

ctl() { "$FLOWCTL" --db "$FLOWD_DB" "$@" >"$WL_TMP/out" 2>"$WL_TMP/err"; }
packets() { sql "SELECT ifnull(sum(packets), 0) FROM flow" "$1" 2>/dev/null || echo 0; }
aside() { find "$(dirname "$1")" -path "$1.corrupt-*Z" | head -n 1; }
has_note() { grep -q "$1" "$FLOWD_LOG"; }
commits() { [ "$(sql "SELECT count(*) FROM meta WHERE key = 'commit'" 2>/dev/null)" = 1 ]; }

# send N: that many packets more; SENT has all
send() {
	generate -n "$1" -f 200
	SENT=$((SENT + SENT_PACKETS))
}

# spoil HOW FILE
spoil() {
	case $1 in
	schema) dd if=/dev/urandom of="$2" bs=1k seek=1 count=8 conv=notrunc status=none ;;
	pages) dd if=/dev/urandom of="$2" bs=4k seek=3 count=100 conv=notrunc status=none && truncate -s "$3" "$2" ;;
	cut) truncate -s 40960 "$2" ;;
	esac
}

# check_new LABEL FILE...: the books of the database that is there, and packets in all of the files
check_new() {
	local label=$1 sum=0 file
	shift
	for file; do sum=$((sum + $(packets "$file"))); done
	assert_eq "$label: packets in all files" "$sum" "$SENT"
	ctl ledger --check
	assert_eq "$label: the books" "$?" 0
	assert_eq "$label: ledger and what was before are the books" "$(sql "SELECT count(*) FROM books_sum b WHERE b.seen_packets !=
		(SELECT ifnull(sum(seen_packets), 0) FROM (SELECT seen_packets, iface, dir FROM ledger
			UNION ALL SELECT seen_packets, iface, dir FROM ledger_past) l
		WHERE l.iface = b.iface AND l.dir = b.dir)")" 0
	assert_eq "$label: whole" "$(sql 'PRAGMA integrity_check')" ok
}

# A killed flowd left packets in its maps; its database is spoiled meanwhile.
test_start() {
	local how=$1 label="start, $1" before
	WL_DB=$WL_TMP/start.$how/l.db WL_INSTANCE=wl$$-start-$how SENT=0
	mkdir "$WL_TMP/start.$how"
	flowd_start "$NSB" -i vb --idle 60s || return
	send 20000
	wait_until 40 commits || fail "$label: no commit"
	flowd_stop "$FLOWD_PID" KILL
	sqlite3 "$WL_DB" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	before=$(stat -c %s "$WL_DB")
	spoil "$how" "$WL_DB" "$before"
	ctl top
	assert_eq "$label: flowctl's exit" "$?" 1
	assert_match "$label: flowctl's word" "$(cat "$WL_TMP/err")" "l.db: corrupt"
	assert_eq "$label: flowctl answers nothing" "$(cat "$WL_TMP/out")" ""
	flowd_start "$NSB" -i vb --idle 60s || return
	assert_match "$label: said" "$(cat "$FLOWD_LOG")" "l.db: corrupt.*it is now '.*l.db.corrupt-[0-9]{8}T[0-9]{6}Z', and a new one is made"
	assert_between "$label: set aside as it was" "$(stat -c %s "$(aside "$WL_DB")")" 1 "$before"
	send 5000
	flowd_stop
	assert_eq "$label: exit" "$FLOWD_RC" 0
	check_new "$label" "$WL_DB"
}

# under LABEL ACTION...: two lots of packets, the action between them
under() {
	local label=$1
	shift
	WL_INSTANCE=wl$$-$label WL_DB=$WL_TMP/$label/l.db SENT=0
	mkdir "$WL_TMP/$label"
	flowd_start "$NSB" -i vb --sweep "${SWEEP:-200ms}" --idle 500ms || return 1
	send 20000
	wait_until 40 is_packets 20000 || fail "$label: they are not written"
	generate -n 3000 -f 10 # some of which are held when it happens
	SENT=$((SENT + SENT_PACKETS))
	"$@"
	send 10000
}

is_packets() { [ "$(packets "$FLOWD_DB")" -ge "$1" ]; }

end_under() {
	local label=$1
	shift
	flowd_stop
	assert_eq "$label: exit" "$FLOWD_RC" 0
	check_new "$label" "$@"
	# and a next flowd goes on with it
	flowd_start "$NSB" -i vb || return
	send 1000
	flowd_stop
	check_new "$label, the next" "$@"
}

keep_open() { # FILE: a second name, so that what is removed can be looked at
	ln "$1" "$1.kept"
}

remove_it() { keep_open "$FLOWD_DB" && rm "$FLOWD_DB"; }
rename_it() { mv "$FLOWD_DB" "$FLOWD_DB.kept"; }

replace_it() {
	keep_open "$FLOWD_DB"
	rm "$FLOWD_DB"
	echo "dear diary" >"$FLOWD_DB"
}

test_gone() {
	local label=$1
	under "$label" "$2" || return
	wait_until 40 has_note 'removed or renamed while open: a new one is made' || fail "$label: nothing is said: $(tail -n 3 "$FLOWD_LOG")"
	wait_until 40 commits || fail "$label: no new database"
	assert_match "$label: an answer says since when" "$(ctl top; cat "$WL_TMP/out")" 'window: from .*Z on, what is older is gone'
	end_under "$label" "$WL_DB" "$WL_DB.kept"
}

test_replaced() {
	local label=replaced
	under "$label" replace_it || return
	wait_until 40 has_note 'another one is in its place' || fail "$label: nothing is said"
	assert_eq "$label: left alone" "$(cat "$FLOWD_DB")" "dear diary"
	ctl top
	assert_eq "$label: flowctl's exit" "$?" 1
	rm "$FLOWD_DB"
	wait_until 40 has_note 'a new one is made' || fail "$label: no new one is made"
	wait_until 40 commits || fail "$label: no new database"
	end_under "$label" "$WL_DB" "$WL_DB.kept"
}

# Of what was written nothing can be read again.
break_it() {
	sqlite3 "$FLOWD_DB" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	dd if=/dev/urandom of="$FLOWD_DB" bs=4k seek=1 count=$(($(stat -c %s "$FLOWD_DB") / 4096)) conv=notrunc status=none
}

test_corrupt() {
	local label=corrupt
	under "$label" break_it || return
	# what its cache has is right still: more comes until it has to look at the file
	for ((i = 0; i < 20; i++)); do
		has_note 'a new one is made' && break
		send 20000
		wait_ms 700
	done
	wait_until 30 has_note "corrupt: .*it is now '.*l.db.corrupt-.*Z': a new one is made" || fail "$label: not noticed: $(tail -n 3 "$FLOWD_LOG")"
	send 1000
	flowd_stop
	assert_eq "$label: exit" "$FLOWD_RC" 0
	assert_match "$label: set aside" "$(aside "$WL_DB")" 'corrupt-'
	ctl ledger --check
	assert_eq "$label: the books" "$?" 0
	assert_eq "$label: what was not in the old one is in the new one" \
		"$(sql "SELECT sum(seen_packets) - (SELECT sum(recorded_packets) FROM ledger_past) = (SELECT sum(packets) FROM flow) FROM books_sum")" 1
	assert_eq "$label: all of it was counted" "$(sql 'SELECT sum(seen_packets) FROM books_sum')" "$SENT"
}

remove_log() { rm "$FLOWD_DB-wal"; }
empty_log() { : >"$FLOWD_DB-wal"; }
overwrite_it() { echo "dear diary" >"$FLOWD_DB"; }

# test_under LABEL ACTION NOTE: that flowd sees before it commits what nobody could read
test_under() {
	local label=$1
	under "$label" "$2" || return
	wait_until 40 has_note "$3" || fail "$label: nothing is said: $(tail -n 3 "$FLOWD_LOG")"
	[ "$label" = log-removed ] || SENT=$((SENT - 20000)) # what was in the log alone is not there any more
	flowd_stop
	assert_eq "$label: exit" "$FLOWD_RC" 0
	assert_between "$label: packets" "$(packets "$WL_DB")" $((SENT - 3000)) "$SENT"
	assert_eq "$label: all of it was counted" "$(sql 'SELECT sum(seen_packets) - sum(recorded_packets) FROM books_sum')" 0
}

# The log of what was renamed is not applied to the database in its place.
test_other() {
	local label=other
	under "$label" take_place || return
	wait_until 40 has_note 'another one is in its place' || fail "$label: nothing is said"
	assert_between "$label: in the one that was renamed" "$(packets "$WL_DB.kept")" 20000 23000
	assert_eq "$label: the other is as it was" "$(packets "$WL_DB")|$(sql 'PRAGMA integrity_check')" "37|ok"
	flowd_stop
}

take_place() {
	"$FLOWD" --config /dev/null -r "$WL_CORPUS/ip.pcap" --db "$FLOWD_DB.other" 2>/dev/null
	mv "$FLOWD_DB" "$FLOWD_DB.kept" && mv "$FLOWD_DB.other" "$FLOWD_DB"
}

# A log that is cut, or of another database; no index of the log.
test_log() {
	local label other=$WL_TMP/other.db how missing
	"$FLOWD" --config /dev/null -r "$WL_CORPUS/ip.pcap" --db "$other" 2>/dev/null
	for how in cut shm foreign; do
		label="log, $how" SENT=0
		WL_DB=$WL_TMP/log.$how/l.db WL_INSTANCE=wl$$-log-$how
		mkdir "$WL_TMP/log.$how"
		flowd_start "$NSB" -i vb --idle 300ms --sweep 100ms || return
		send 5000
		wait_until 40 is_packets 5000 || fail "$label: they are not written"
		flowd_stop "$FLOWD_PID" KILL
		case $how in
		cut) truncate -s $(($(stat -c %s "$WL_DB-wal") - 5000)) "$WL_DB-wal" ;;
		shm) rm -f "$WL_DB-shm" ;;
		foreign) python3 -c 'import sqlite3, sys, shutil, os
c = sqlite3.connect(sys.argv[1]); c.execute("PRAGMA wal_autocheckpoint = 0")
c.execute("UPDATE meta SET value = 7 WHERE key = \"sequence\""); c.commit()
shutil.copy(sys.argv[1] + "-wal", sys.argv[2] + "-wal"); os.remove(sys.argv[2] + "-shm")' "$other" "$WL_DB" ;;
		esac
		flowd_start "$NSB" -i vb --idle 300ms --sweep 100ms || return
		[ "$how" = shm ] && assert_eq "$label: all is there" "$(packets "$WL_DB")" "$SENT"
		send 2000
		flowd_end "$FLOWD_PID" 2>/dev/null # the books of a log that was cut do not balance
		assert_eq "$label: exit" "$FLOWD_RC" 0
		assert_eq "$label: whole" "$(sql 'PRAGMA integrity_check')" ok
		if [ "$how" != cut ]; then
			ctl ledger --check
			assert_eq "$label: the books" "$?" 0
			continue
		fi
		# what was committed and is not there any more is not there, and nobody says that it is
		assert_match "$label: said" "$(cat "$FLOWD_LOG")" 'more was committed after what it has'
		missing=$((SENT - $(packets "$WL_DB")))
		assert_eq "$label: what is unaccounted is what is missing" \
			"$(sql "SELECT unaccounted_packets FROM ledger WHERE dir = 0 ORDER BY minute_ms DESC LIMIT 1")" "$missing"
		ctl ledger --check
		assert_eq "$label: the books" "$?" $((missing > 0))
	done
}

# refused LABEL EXIT REGEX ARG...: of flowctl
refused() {
	local label=$1 rc=$2 regex=$3
	shift 3
	"$FLOWCTL" "$@" >"$WL_TMP/out" 2>"$WL_TMP/err"
	assert_eq "flowctl, $label: exit" "$?" "$rc"
	assert_match "flowctl, $label: word" "$(cat "$WL_TMP/err")" "$regex"
	assert_eq "flowctl, $label: no answer" "$(cat "$WL_TMP/out")" ""
}

test_flowctl() {
	local db=$WL_TMP/ctl.db out
	"$FLOWD" --config /dev/null -r "$WL_CORPUS/ip.pcap" --db "$db" 2>/dev/null
	: >"$WL_TMP/empty.db"
	refused "empty file" 1 'empty.db: empty' --db "$WL_TMP/empty.db" top
	refused "no file" 1 'none.db: No such file' --db "$WL_TMP/none.db" top
	refused "directory" 1 'is a directory' --db "$WL_TMP" top
	refused "window that ends before it begins" 2 'until: not after --since' --db "$db" top --since 1h --until 2h
	out=$("$FLOWCTL" --db "$db" top --since '2023-11-14T23:00:00Z' --until '2023-11-14T23:30:00Z' 2>&1)
	assert_eq "flowctl, nothing in the window: exit" "$?" 0
	assert_match "flowctl, nothing in the window" "$out" 'the ledger has nothing for this window'
	out=$("$FLOWCTL" --db "$db" top --since '2190-01-01T00:00:00Z' 2>&1)
	assert_match "flowctl, since in the future: said" "$out" 'future'
	# a page in the midst of the records
	sqlite3 "$db" "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
		INSERT OR IGNORE INTO flow SELECT (1700000000000 + i << 20), 1, 1, 0, NULL, 6, i, 2, 3, 4, 1, 60, 0, 0, 0, 0, 2 FROM n;
		PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
	cp "$db" "$WL_TMP/page.db"
	dd if=/dev/urandom of="$WL_TMP/page.db" bs=4k seek=$(($(stat -c %s "$db") / 4096 - 60)) count=3 conv=notrunc status=none
	"$FLOWCTL" --db "$WL_TMP/page.db" top --from records >"$WL_TMP/out" 2>"$WL_TMP/err"
	assert_eq "flowctl, a corrupt page: exit" "$?" 1
	assert_match "flowctl, a corrupt page: word" "$(cat "$WL_TMP/err")" 'page.db.*(malformed|corrupt)'
	assert_eq "flowctl, a corrupt page: no answer" "$(cat "$WL_TMP/out")" ""
}

suite live_dbfault
net_pair || { fail "no veth pair"; finish; }
for how in schema pages cut; do test_start "$how"; done
test_gone removed remove_it
test_gone renamed rename_it
test_replaced
test_under log-removed remove_log 'its log was removed or renamed while open: what it had is in the file'
test_under log-cut empty_log 'corrupt: .*a new one is made'
SWEEP=10ms test_under log-cut-at-once empty_log 'corrupt: .*a new one is made' # more is behind the hole before anybody looks
test_under overwritten overwrite_it 'corrupt: .*a new one is made'
test_other
test_corrupt
test_log
test_flowctl
finish
