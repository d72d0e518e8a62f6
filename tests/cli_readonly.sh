#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_readonly.sh: what flowctl may do to a database, and a database to who asks flowctl. Every verb, by root and
# by a user of the file's group, with and without log and index beside it, leaves the folder as it was, to the
# byte, and gives the same answer. And names that somebody wrote into a database reach no terminal as they are.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

cli_suite cli-readonly jq sqlite3 python3 strace script
GROUP=65534 # nogroup's
chmod 0755 "$WL_TMP"
DB=$WL_TMP/d/l.db
OUT_DIR=$WL_TMP/out
# where the user has no way to the build
cp "$FLOWCTL" "$WL_TMP/flowctl"
FLOWCTL=$WL_TMP/flowctl

# A capture without packets: flowd makes what is missing, and migrates.
printf '\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x01\x00\x00\x00' \
	>"$WL_TMP/empty.pcap"

# database: an older flowd's, of traffic with everything, as one of today has it
database() {
	chmod 0755 "$WL_TMP/d" 2>/dev/null
	rm -rf "$WL_TMP/d" "$OUT_DIR"
	mkdir "$WL_TMP/d" "$OUT_DIR"
	chmod 0777 "$OUT_DIR"
	sqlite3 "$DB" <"$WL_ROOT/tests/golden/ledger-v4.sql"
	"$FLOWD" --config /dev/null -r "$WL_TMP/empty.pcap" --db "$DB" 2>"$WL_TMP/err" || fail "no database: $(cat "$WL_TMP/err")"
	rm -f "$WL_TMP"/d/*.bak
	sqlite3 "$DB" "UPDATE meta SET value = '/nowhere/x.sock' WHERE key = 'socket'"
	[ "$(sqlite3 "$DB" "PRAGMA journal_mode = WAL")" = wal ] || fail "no log"
}

# unfinished: and the last commits are in the log alone, as after a SIGKILL
unfinished() {
	python3 - "$DB" <<-'END'
		import os, sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		db.execute('PRAGMA wal_autocheckpoint = 0')
		db.execute("INSERT INTO word (text) VALUES ('in the log alone')")
		db.commit()
		os._exit(0) # without closing it
	END
	[ -s "$DB-wal" ] || fail "the log is empty"
}

# What is asked, a line each: every verb, and in each state
asked_short() {
	cat <<-'END'
		top --group host
		top --json
		flows -n 0
		retransmits
		drops
		ledger --check
		retention
		status --json
		graph --since 2026-11-01
		diff --since 2026-11-21 --against 2026-11-20
		pcap -w OUT/x.pcap
		merge -o OUT/all.db DB
		sql SELECT*FROM(word)
	END
}

# in more of its forms, too
asked() {
	local group
	for group in pair service proto iface vlan process country exporter tunnel; do
		echo "top --group $group"
	done
	asked_short
	cat <<-'END'
		top --names
		top --csv
		flows -n 0 --json
		flows -n 0 --csv
		flows -n 0 --id
		retransmits --json
		drops --json
		drops --group iface
		ledger --json
		retention --dry-run
		status
		graph --since 2026-11-01 --json --group iface
		graph --since 2026-11-01 --group iface --svg -
		pcap --format pcapng -w OUT/x.pcapng
		merge --json -o OUT/all.db --host a=DB
		sql --json SELECT*FROM(interface)
		sample
		flows -n 0 --iface no-such
		top no-such-filter
	END
}

# ask WORDS...: as WHO (root, user); output, errors and exit code in $WL_TMP/got
ask() {
	local words=("${@//DB/$DB}") as=() db=(--db "$DB")
	[ "$1" != merge ] || db=()
	words=("${words[@]//OUT/$OUT_DIR}")
	[ "$WHO" = root ] || as=(setpriv --reuid 65534 --regid "$GROUP" --clear-groups)
	(cd / && HOME=/nonexistent "${as[@]}" "$FLOWCTL" "${db[@]}" "${words[@]}" >"$WL_TMP/got.out" 2>"$WL_TMP/got.err")
	echo "exit $?" >"$WL_TMP/got.rc"
	cat "$WL_TMP/got.out" "$WL_TMP/got.err" "$WL_TMP/got.rc" >"$WL_TMP/got"
}

# What anyone could see of the folder: names, sizes, rights, times, and every byte.
picture() {
	(cd "$WL_TMP/d" && find . -printf '%P %s %m %U %G %T@ %C@ %i\n' | sort && sha256sum -- *)
}

# run_all LABEL LIST: every verb leaves the folder as it is; what they said goes to $WL_TMP/all
run_all() {
	local line words before
	before=$(picture)
	: >"$WL_TMP/all"
	while read -r line; do
		read -ra words <<<"$line"
		ask "${words[@]}"
		if [ "$(picture)" = "$before" ]; then pass; else
			fail "$1: $WHO: flowctl $line changes the folder:" \
				"$(diff <(echo "$before") <(picture) | head -n 5)"
			before=$(picture)
		fi
		{
			echo "== $line"
			case $line in
			graph* | diff* | retention* | status*) # of now, and of sizes
				grep '^exit' "$WL_TMP/got" ;;
			*) cat "$WL_TMP/got" ;;
			esac
		} >>"$WL_TMP/all"
		rm -f "$OUT_DIR"/*
	done < <("$2")
}

# check_states STATE [WHO]: by those who may write there and those who may not
check_states() {
	local state=$1 who
	for who in ${2:-root user}; do
		WHO=$who
		[ "$who" = root ] || [ "$(id -u)" = 0 ] || continue
		if [ "$who" = root ] && [ "$state" = whole ]; then
			run_all "$state" asked
			run_all "$state" asked_short
			cp "$WL_TMP/all" "$WL_TMP/want"
			assert_between "there are answers" "$(grep -c '^exit 0$' "$WL_TMP/all")" 11 13
		else
			run_all "$state" asked_short
		fi
		assert_same "$state: $who: the same answers" "$WL_TMP/all" "$WL_TMP/want"
	done
}

rights() {
	[ "$(id -u)" != 0 ] || chgrp -R "$GROUP" "$WL_TMP/d"
	chmod 0640 "$WL_TMP"/d/*
	chmod "$1" "$WL_TMP/d"
}

# --- nothing is written -----------------------------------------------------------------------------

database
unfinished
[ -e "$DB-shm" ] || fail "no index"
rights 0750
check_states whole
rm "$DB-shm"
rights 0750
check_states "without an index"
rights 0550
check_states "in a folder that is read only" user
ctl sql "SELECT * FROM word"
assert_match "what is in the log alone is seen" "$OUT" "in the log alone"

# all of it in the file
chmod 0750 "$WL_TMP/d"
sqlite3 "$DB" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
rm -f "$DB-wal" "$DB-shm"
rights 0750
check_states "without log and index"
rights 0550
check_states "without log and index, in a folder that is read only" user
: >"$DB-wal"
rights 0750
check_states "with an empty log"
chmod 0600 "$DB"
if [ "$(id -u)" = 0 ]; then
	WHO=user
	ask top
	assert_match "without the right to read" "$(cat "$WL_TMP/got")" "^flowctl: $DB: Permission denied"
fi

# --- nor opened to be -------------------------------------------------------------------------------

database
unfinished
for part in "" -shm; do
	[ -z "$part" ] || rm "$DB$part"
	for words in top "flows -n 0" status ledger retention "sql SELECT(1)" "pcap -w $OUT_DIR/x.pcap"; do
		# shellcheck disable=SC2086 # words
		strace -f -qq -e trace=file,ftruncate,fchmod,fchown,mmap -o "$WL_TMP/trace" "$FLOWCTL" --db "$DB" $words >/dev/null 2>&1
		assert_between "$words: is traced" "$(grep -c "$DB" "$WL_TMP/trace")" 2 1000
		assert_eq "$words${part:+, no index}: opens to write" "$(grep -F "$WL_TMP/d" "$WL_TMP/trace" |
			grep -E 'O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|unlink|rename|mkdir|chmod|chown|utime| (sym)?link')" ""
	done
done

# --- files with packets in them ---------------------------------------------------------------------

umask 0
"$FLOWCTL" --db "$DB" pcap -w "$OUT_DIR/new.pcap" 2>/dev/null
assert_eq "an export is its maker's alone" "$(stat -c %a "$OUT_DIR/new.pcap")" 600
"$FLOWCTL" merge -o "$OUT_DIR/merged.db" "$DB" >/dev/null 2>&1
assert_eq "a merged database" "$(stat -c %a "$OUT_DIR/merged.db")" 640
rm -f "$OUT_DIR"/*
chmod 0666 "$WL_TMP"/d/*
"$FLOWD" --config /dev/null -r "$WL_TMP/empty.pcap" --db "$DB" 2>/dev/null
assert_eq "an older database" "$(stat -c %a "$WL_TMP"/d/* | sort -u)" 640
rm -rf "$WL_TMP"/d/*
sqlite3 "$DB" <"$WL_ROOT/tests/golden/ledger-v4.sql"
chmod 0666 "$DB"
"$FLOWD" --config /dev/null -r "$WL_TMP/empty.pcap" --db "$DB" 2>/dev/null
assert_eq "its copy, before it is migrated" "$(stat -c %a "$WL_TMP"/d/*.bak)" 640
umask 0022

# --- names that somebody made up --------------------------------------------------------------------

database
python3 - "$DB" <<-'END'
	import sqlite3, sys
	db = sqlite3.connect(sys.argv[1])
	bad = b'\x1b]0;owned\x07\x1b[31m\r\n\t\x7f\xc2\x9b2J\x9b\x80\xe2\x80\xae\xe2\x81\xa6\xff\xc3(\xed\xa0\x80\xf3\xa0\x81\x81<&"\'\\'
	n = 0
	for column in 'name', 'ingress', 'egress', 'host':
	    n += db.execute(f"UPDATE interface SET {column} = CAST(? || CAST(coalesce({column}, '') AS BLOB) AS TEXT)",
	        (bad,)).rowcount
	# no longer than a process's name may be
	n += db.execute("UPDATE word SET text = CAST(? || id AS TEXT)", (b'\x1b\xc2\x9bowned\xff',)).rowcount
	for key in ('instance', 'socket', 'host'):
	    db.execute('INSERT OR REPLACE INTO meta VALUES (?, CAST(? AS TEXT))', (key, bad))
	db.commit()
	assert n > 10, n
END

# judge WHAT FILE: text, json or csv; what is wrong with it
judge() {
	python3 - "$1" "$2" <<-'END'
		import json, re, sys
		data = open(sys.argv[2], 'rb').read()
		if sys.argv[1] == 'csv':
		    data = data.replace(b'\r\n', b'\n')
		try:
		    text = data.decode('utf-8')
		except UnicodeDecodeError as e:
		    sys.exit(f'not UTF-8: {data[max(0, e.start - 20):e.start + 20]}')
		bad = re.search('[\0-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]', text)
		if bad:
		    sys.exit(f'U+{ord(bad[0]):04X} in {text[max(0, bad.start() - 30):bad.start() + 30]!r}')
		if sys.argv[1] == 'json':
		    for line in text.splitlines():
		        json.loads(line)
	END
}

hostile=0
WHO=root
while read -r line; do
	read -ra words <<<"$line"
	ask "${words[@]}"
	kind=text
	[[ $line != *--json* ]] || kind=json
	[[ $line != *--csv* ]] || continue # as it is, but to a terminal
	said=$(judge "$kind" "$WL_TMP/got.out" 2>&1) || fail "flowctl $line: $said"
	said=$(judge text "$WL_TMP/got.err" 2>&1) || fail "flowctl $line: errors: $said"
	pass
	hostile=$((hostile + $(grep -c 'owned' "$WL_TMP/got")))
	rm -f "$OUT_DIR"/*
done < <(asked; echo detach)
assert_between "names of the database were in the answers" "$hostile" 20 100000
for words in "flows --csv -n 0" "top --csv --group iface"; do
	script -qec "'$FLOWCTL' --db '$DB' $words" "$WL_TMP/typed" >/dev/null 2>&1 </dev/null
	sed -e '/^Script started/d' -e '/^Script done/d' "$WL_TMP/typed" | tr -d '\r' >"$WL_TMP/typed.csv"
	assert_between "$words: to a terminal" "$(grep -c owned "$WL_TMP/typed.csv")" 1 100000
	said=$(judge csv "$WL_TMP/typed.csv" 2>&1) || fail "flowctl $words, to a terminal: $said"
done
finish
