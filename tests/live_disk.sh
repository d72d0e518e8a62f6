#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_disk.sh: the database's disk is full, over its quota, read-only, dead, slow, or does not come back, under traffic,
# and is then well again: flowd says so once, sweeps on, and loses nothing. Also where it is killed or
# ended meanwhile, and where a reader holds the database's log. Most of these disks are made by tests/disk_shim.c; the full one is a small tmpfs.
#
# LONG=1: an outage with more flows than the maps hold, an ending in the middle of one, and a file system that is
# unmounted and mounted under flowd.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

SHIM=$WL_BUILD/tests/disk_shim.so
DISK= # folder of the disk

disk() { printf '%-63s' "$*" | dd of="$WL_TMP/word" conv=notrunc status=none; }
ctl() { "$FLOWCTL" --db "$FLOWD_DB" "$@" 2>"$WL_TMP/err"; }
status() { ctl status --json | jq -r "$1"; }
says() { [ "$(status "$1")" = "$2" ]; }
above() { [ "$(status "$1")" -gt "$2" ]; }
# said STATE: lines on that state's begin and end; a loaded host's commits may be slow beside any
said() {
	case $1 in
	slow) grep -cE 'a commit takes|commits are fast' "$FLOWD_LOG" ;;
	*) grep -E 'wait in the flow map|commits go on' "$FLOWD_LOG" | grep -vc 'a commit takes' ;;
	esac
}
rss_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$FLOWD_PID/status"; }

# new_disk NAME [SIZE]: a tmpfs, and a database on it
new_disk() {
	DISK=${WL_TMP:?}/${1:?}
	mkdir "$DISK"
	mount -t tmpfs -o "size=${2:-256M}" none "$DISK" || return
	WL_DB=$DISK/l.db WL_INSTANCE=wl$$-$1
	: >"$WL_TMP/all.csv"
}

# start ARG...: flowd on that disk, which is well
start() {
	disk ok
	LD_PRELOAD=$SHIM DISK_SHIM=$WL_TMP/word DISK_SHIM_DIR=$DISK ASAN_OPTIONS=verify_asan_link_order=0 \
		flowd_start "$NSB" -i vb --sweep 200ms --idle 500ms "$@"
}

# send ARG...: as generate; what was sent is added to that before
send() {
	generate "$@"
	cat "$WL_TMP/sent.csv" >>"$WL_TMP/all.csv"
}

# sum_up: what was sent since new_disk, for compare and balance
sum_up() {
	awk -F, '{ k = $1 "," $2 "," $3 "," $4; p[k] += $5; b[k] += $6 }
		END { for (k in p) print k "," p[k] "," b[k] }' "$WL_TMP/all.csv" >"$WL_TMP/sent.csv"
	SENT_PACKETS=$(awk -F, '{ n += $5 } END { print n }' "$WL_TMP/sent.csv")
	SENT_BYTES=$(awk -F, '{ n += $6 } END { print n }' "$WL_TMP/sent.csv")
}

# judge LABEL: after flowd's end, to the packet
judge() {
	sum_up
	assert_eq "$1: exit" "$FLOWD_RC" 0
	compare "$1"
	balance "$1"
	assert_eq "$1: whole" "$(sql 'PRAGMA integrity_check')" ok
}

fill_up() { dd if=/dev/zero of="$DISK/others" bs=1M status=none 2>/dev/null; }
free_up() { rm "$DISK/others"; }

# The log has room for more once it was copied to the file, and begins anew: until that is full, too
stay_full() {
	local i
	for ((i = 0; i < 10; i++)); do
		wait_ms 1500
		if says .flowd.sink.state behind; then return; fi
		send -n 10000 -f 5000 --spread 20
		wait_until 10 says .flowd.sink.state behind
	done
}

# fault LABEL STATE REGEX BEGIN END: traffic, in the midst of which BEGIN; what flowd says of it; END
fault() {
	local label=$1 state=$2 regex=$3 before sweeps text times='^2$'
	[ -z "${TIMES:-}" ] || say "$label at $SECONDS s"
	before=$(said "$state")
	send -n 2000 -f 200
	eval "$4"
	send -n 10000 -f 5000 --spread 20
	if ! wait_until 20 says .flowd.sink.state "$state"; then
		fail "$label: status says '$(status .flowd.sink.state)', not $state"
	fi
	[ "$label" != full ] || stay_full
	sweeps=$(status .flowd.sweep.count)
	send -n 3000 -f 300
	text=$(ctl status)
	assert_match "$label: in words" "$text" "the sink is $state since 20[0-9-]+ [0-9:]+, for [0-9]+ s"
	assert_match "$label: the reason" "$text" "$regex"
	wait_until 10 above .flowd.sweep.count $((sweeps + 3)) || fail "$label: no sweeps meanwhile"
	eval "$5"
	if ! wait_until 20 says .flowd.sink.state writing; then
		fail "$label: status says '$(status .flowd.sink.state)' in the end: $(status .flowd.sink.error)"
	fi
	wait_until 10 says .flowd.sink.in_flight false
	[ "$label" != full ] || times='^[2468]$'
	assert_match "$label: a line at its begin and one at its end" $(($(said "$state") - before)) "$times"
}

test_faults() {
	local label=faults rss
	new_disk faults || { skip "no tmpfs"; return; }
	start || return
	send -n 1000 -f 100
	rss=$(rss_kb)
	fault full behind 'database or disk is full' fill_up free_up
	fault read-only behind 'Read-only file system' 'disk EROFS' 'disk ok'
	fault quota behind 'Disk quota exceeded' 'disk EDQUOT' 'disk ok'
	fault dead behind 'Input/output error' 'disk EIO; wait_ms 4500' 'disk ok'
	fault fsync behind 'Input/output error' 'disk fsync' 'disk ok'
	fault slow slow 'the last commit took' 'disk slow 2600' 'disk ok'
	fault hang slow 'waiting for it' 'disk hang' 'disk ok'
	assert_between "$label: kB more resident" $(($(rss_kb) - rss)) -1000000 65536
	flowd_stop
	judge "$label"
	assert_eq "$label: nothing beside the database" "$(find "$DISK" -name '*corrupt*' -o -name '*probe*')" ""
}

# Killed while it is behind: the next one has the maps, and the batch that was not in.
test_kill() {
	local label=$1 word=$2
	new_disk "$label" || return
	start --keep-attached yes || return
	send -n 5000 -f 500
	disk "$word"
	send -n 20000 -f 2000
	wait_until 10 says .flowd.sink.state behind || fail "$label: is not behind"
	flowd_stop "$FLOWD_PID" KILL
	send -n 5000 -f 500
	start || return
	send -n 5000 -f 500
	flowd_stop
	judge "$label"
}

# hold_log: a reader begins to read, and goes on until let_log_go
hold_log() {
	background python3 -c 'import os, sqlite3, sys, time
db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True, isolation_level=None)
db.execute("BEGIN"); db.execute("SELECT count(*) FROM flow").fetchall()
open(sys.argv[2], "w").close()
while os.path.exists(sys.argv[2]): time.sleep(0.05)
db.execute("COMMIT")' "$FLOWD_DB" "$WL_TMP/holds"
	wait_until 20 test -e "$WL_TMP/holds" || fail "no reader"
}
let_log_go() { rm "$WL_TMP/holds"; }

log_size() { stat -c %s "$FLOWD_DB-wal"; }
more_rows() { [ "$(status .flowd.sink.rows)" -ge "$1" ]; }

# A reader that does not end: the log grows, which is told, nothing waits, and it begins anew when that one goes.
test_reader() {
	local label=reader rss rows=0 size
	new_disk reader 1G || return
	start --rollup-keys 100 || return
	send -n 1000 -f 100
	wait_until 10 more_rows 1 || fail "$label: nothing is written"
	rss=$(rss_kb)
	hold_log
	for ((i = 0; i < 12; i++)); do
		says .flowd.sink.log.held true && [ "$(log_size)" -gt 40000000 ] && break
		rows=$(status .flowd.sink.rows)
		send -n 80000 -f 80000 --first $((i * 80000)) --rate 80000
		wait_until 20 more_rows $((rows + 60000)) || fail "$label: rows are not written"
	done
	wait_until 10 says .flowd.sink.log.held true || fail "$label: status does not say that it is held"
	wait_until 10 grep -q 'a reader holds its log' "$FLOWD_LOG" || fail "$label: the log does not say so"
	assert_eq "$label: commits that failed" "$(status .flowd.sink.failed)" 0
	assert_eq "$label: the sink" "$(status .flowd.sink.state | sed s/slow/writing/)" writing
	assert_between "$label: kB more resident" $(($(rss_kb) - rss)) -1000000 131072
	size=$(log_size)
	let_log_go
	for ((i = 0; i < 20; i++)); do
		send -n 100 -f 100
		wait_ms 300
		says .flowd.sink.log.held false && break
	done
	assert_eq "$label: held in the end" "$(status .flowd.sink.log.held)" false
	assert_eq "$label: said once, and its end" "$(grep -cE 'holds its log|its log begins anew' "$FLOWD_LOG")" 2
	say "log of $size bytes while it was held, $(log_size) then"
	assert_between "$label: it grows no more" "$(status .flowd.sink.log.bytes)" 0 $((size / 2))
	flowd_stop
	judge "$label"
}

# Ended while its disk is dead: the maps have all of it for the next one.
test_term() {
	local label=term
	new_disk "$label" || return
	start --keep-attached yes || return
	send -n 5000 -f 500
	disk EIO
	send -n 20000 -f 2000
	wait_until 10 says_behind || fail "$label: is not behind"
	flowd_end
	assert_eq "$label: exit" "$FLOWD_RC" 1
	assert_match "$label: said" "$(tail -n 1 "$FLOWD_LOG")" 'the maps are left for the next flowd'
	send -n 5000 -f 500
	start || return
	send -n 5000 -f 500
	flowd_stop
	judge "$label"
}

# The socket alone, as the file cannot be asked.
says_behind() { grep -q 'wait in the flow map' "$FLOWD_LOG"; }

# More flows than the maps, the ring and the table hold: sums are exact, and what has no key of its own is counted.
test_overflow() {
	local label=overflow rss folded
	new_disk "$label" 2G || return
	start --slots 16384 --ring 4M || return
	send -n 1000 -f 100
	rss=$(rss_kb)
	disk ENOSPC
	for ((i = 0; i < 6; i++)); do
		send -n 300000 -f 300000 --first $((i * 300000))
		wait_ms 5000
	done
	assert_between "$label: kB more resident" $(($(rss_kb) - rss)) -1000000 1048576
	assert_eq "$label: state" "$(status .flowd.sink.state)" behind
	disk ok
	wait_until 60 says .flowd.sink.state writing || fail "$label: does not go on"
	flowd_stop
	sum_up
	assert_eq "$label: exit" "$FLOWD_RC" 0
	balance "$label"
	folded=$(sql 'SELECT sum(folded_packets + catchall_packets) FROM ledger')
	assert_between "$label: packets folded" "$folded" 1 1800000
	assert_eq "$label: they are those of the rows that say so" \
		"$(sql 'SELECT ifnull(sum(packets), 0) FROM flow_plain WHERE marks & 24')" "$folded"
	say "$folded of $SENT_PACKETS packets folded"
}

# In flowd's own mount namespace, which `ip netns exec` made
at_flowd() { nsenter -t "$FLOWD_PID" -m "$@"; }

# unmountable: it is closed, when it is
unmountable() { at_flowd umount "$DISK" 2>/dev/null; }

# What flowd has in its folder, by its own eyes
beside() { at_flowd find "$DISK" -type f; }

# test_mount CONFINE: its file system is unmounted under flowd and mounted again, as one that was mended is. Landlock
# keeps flowd from the new one: it says so, and the next flowd goes on with all that it had.
test_mount() {
	local label="mount, confine = $1" loop
	DISK=$WL_TMP/mount-$1 WL_DB=$WL_TMP/mount-$1/l.db WL_INSTANCE=wl$$-mount-$1
	mkdir "$DISK"
	truncate -s 128M "$WL_TMP/image-$1"
	: >"$WL_TMP/all.csv"
	loop=$(losetup -f --show "$WL_TMP/image-$1")
	if ! mkfs.ext4 -q "$loop" || ! mount "$loop" "$DISK"; then
		skip "no ext4 on a loop device"
		return
	fi
	start --confine "$1" || return
	umount "$DISK" # of ours; flowd's is left
	send -n 5000 -f 500
	disk EIO
	send -n 5000 -f 500
	wait_until 30 unmountable || fail "$label: the file stays open"
	send -n 5000 -f 500
	wait_ms 2500
	assert_eq "$label: nothing is made in its place" "$(beside)" ""
	disk ok
	wait_ms 2500
	assert_eq "$label: nor where the folder is well" "$(beside)" ""
	mount "$loop" "$DISK"
	at_flowd mount "$loop" "$DISK"
	if [ "$1" = yes ] && [ "$(status .flowd.confined.landlock)" -gt 0 ]; then
		wait_until 20 says_restart || fail "$label: does not say that it is to be restarted: $(status .flowd.sink.error)"
		send -n 5000 -f 500
		flowd_stop
		assert_eq "$label: exit" "$FLOWD_RC" 1
		start --confine "$1" || return
	fi
	wait_until 20 says .flowd.sink.state writing || fail "$label: does not go on: $(tail -n 2 "$FLOWD_LOG")"
	send -n 5000 -f 500
	flowd_stop
	judge "$label"
	umount "$DISK"
	losetup -d "$loop"
}

says_restart() { [[ $(status .flowd.sink.error) == *"Permission denied"*"restart flowd"* ]]; }

suite live_disk python3
built "$SHIM"
net_pair || { fail "no veth pair"; finish; }
truncate -s 64 "$WL_TMP/word"
trap 'for DISK in "$WL_TMP"/*/; do umount "$DISK" 2>/dev/null; done; cleanup' EXIT
test_faults
test_reader
test_kill kill-fsync fsync
if [ -n "${LONG:-}" ]; then
	test_kill kill-full ENOSPC
	test_term
	test_mount no
	test_mount yes
	test_overflow
fi
finish
