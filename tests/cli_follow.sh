#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_follow.sh: flowctl pcap where its output does not take all of it: full disks, readers that go away or
# take nothing, signals; what is followed while samples come, and what a flowd that runs says of itself. No
# root needed.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/pcap.sh
. "$(dirname "$0")/pcap.sh"

# --- what breaks ----------------------------------------------------------------------------------

test_breaks() {
	local name=$T/out/x.pcap
	"$FLOWCTL" --db "$DB" pcap 2>"$T/err" | head -c 30 >/dev/null
	assert_eq "a reader that goes away" "${PIPESTATUS[0]}" 0
	DB=$T/big.db
	for i in 0 1 2 3 4 5; do "$WLSAMPLE" -o "$i" "$T/stream.pcap" "$DB"; done >/dev/null
	for format in pcap pcapng; do
		for args in '' '-w -' '-w /dev/stdout' '--follow --since 2026-01-01'; do
			# shellcheck disable=SC2086
			timeout 60 "$FLOWCTL" --db "$DB" pcap --format $format $args 2>"$T/err" | head -c 100 >/dev/null
			assert_eq "$format $args: one of much" "${PIPESTATUS[0]}$(cat "$T/err")" 0
		done
		"$FLOWCTL" --db "$DB" pcap --format $format >/dev/full 2>"$T/err"
		assert_eq "$format: a full disk" "$? $(cat "$T/err")" "1 flowctl: standard output: No space left on device"
		"$FLOWCTL" --db "$DB" pcap --format $format -w /dev/full 2>"$T/err"
		assert_eq "$format: a full disk by name" "$? $(cat "$T/err")" "1 flowctl: /dev/full: No space left on device"
		"$FLOWCTL" --db "$DB" pcap --format $format -n 1 >/dev/full 2>"$T/err"
		assert_eq "$format: a full disk, at the end" "$? $(cat "$T/err")" "1 flowctl: standard output: No space left on device"
		timeout 60 "$FLOWCTL" --db "$DB" pcap --format $format --follow --since 2026-01-01 >/dev/full 2>"$T/err"
		assert_eq "$format: a full disk, followed" "$? $(cat "$T/err")" "1 flowctl: standard output: No space left on device"
	done
	mkdir "$T/out"
	(trap '' XFSZ && ulimit -f 300 && "$FLOWCTL" --db "$DB" pcap -w "$name" 2>"$T/err")
	assert_eq "no room for all" "$? $(cat "$T/err")" "1 flowctl: $name: File too large"
	assert_eq "leaves nothing" "$(ls -A "$T/out")" ""
	echo before >"$name"
	chmod 600 "$name"
	(trap '' XFSZ && ulimit -f 300 && "$FLOWCTL" --db "$DB" pcap -w "$name" 2>/dev/null)
	assert_eq "what was there stays" "$(cat "$name") $(ls -A "$T/out")" "before x.pcap"
	ln -s x.pcap "$T/out/link"
	ctl -w "$T/out/link"
	assert_eq "a link stays one, and the file has its mode" \
		"$(readlink "$T/out/link") $(stat -c %a "$name") $(packets "$name")" "x.pcap 600 1338"
	(umask 077 && "$FLOWCTL" --db "$DB" pcap -w "$T/out/new" -n 1 2>/dev/null)
	assert_eq "a new file has the umask's" "$(stat -c %a "$T/out/new")" 600
	mkfifo "$T/out/fifo"
	"$FLOWCTL" --db "$DB" pcap -w "$T/out/fifo" -n 5 2>/dev/null &
	assert_eq "a pipe by name" "$(packets "$T/out/fifo")" 5
	wait $!
	DB=$T/samples.db
}

# --- what comes while it runs -----------------------------------------------------------------------

# follow NAME ARG...: flowctl pcap --follow in the background, its packets to $T/NAME.pcap
follow() {
	local name=$1
	shift
	"$FLOWCTL" --db "$DB" pcap --follow -w "$T/$name.pcap" "$@" 2>"$T/$name.err" &
	FOLLOW=$!
	WL_PIDS+=("$FOLLOW")
	wait_until 40 [ -s "$T/$name.pcap" ] || [ -e "$T/$name.pcap" ]
}

# holds FILE N: whole packets, that many
holds() { [ "$(packets "$1")" = "$2" ]; }

# has_size FILE N
has_size() { [ "$(stat -c %s "$1")" = "$2" ]; }

# ended PID: its exit code
ended() {
	wait_until 40 gone "$1" || fail "still there: $1"
	wait "$1"
}

test_follow() {
	local now later=$((1000000000 * 100))
	DB=$T/follow.db
	"$WLSAMPLE" "$T/b.pcap" "$DB" >/dev/null
	follow old --since 2026-01-01
	wait_until 40 holds "$T/old.pcap" 5 && pass || fail "what there is: $(packets "$T/old.pcap")"
	"$WLSAMPLE" -o "$later" "$T/a.pcap" "$DB" >/dev/null
	wait_until 40 holds "$T/old.pcap" 65 && pass || fail "what comes: $(packets "$T/old.pcap")"
	"$WLSAMPLE" -o "$((later + 55000000000))" "$T/b.pcap" "$DB" >/dev/null # among the last ones
	wait_until 40 holds "$T/old.pcap" 70 && pass || fail "what comes late: $(packets "$T/old.pcap")"
	sqlite3 "$DB" 'DELETE FROM sample WHERE id IN (SELECT id FROM sample ORDER BY id LIMIT 20)'
	"$WLSAMPLE" -i eth7 -o "$((later * 2))" "$T/b.pcap" "$DB" >/dev/null
	wait_until 40 holds "$T/old.pcap" 75 && pass || fail "a new interface's: $(packets "$T/old.pcap")"
	kill -INT "$FOLLOW"
	ended "$FOLLOW"
	assert_eq "interrupted: exit code" "$?" 0
	assert_match "and the last lines" "$(cat "$T/old.err")" "^total: 75 packets, .* of 75 samples"
	assert_eq "nothing twice" "$(tcpdump -nn -tt --nano -r "$T/old.pcap" 2>/dev/null | sort | uniq -d)" ""

	now=$(($(date +%s%N) - 1795264440 * 1000000000))
	follow now --format pcapng udp
	"$WLSAMPLE" -o "$((now + 3000000000))" "$T/a.pcap" "$DB" >/dev/null
	wait_until 40 holds "$T/now.pcap" 30 && pass || fail "from now on: $(packets "$T/now.pcap")"
	kill -TERM "$FOLLOW"
	ended "$FOLLOW"
	assert_eq "ended: exit code" "$?" 0
	assert_eq "a whole file" "$(packets "$T/now.pcap")" 30

	follow some -n 8
	"$WLSAMPLE" -o "$((now + 90000000000))" "$T/a.pcap" "$DB" >/dev/null
	ended "$FOLLOW"
	assert_eq "-n ends it" "$? $(packets "$T/some.pcap")" "0 8"
	test_follow_pipe
	test_interrupted
	DB=$T/samples.db
}

# Nobody reads any more, and nothing comes that would tell.
test_follow_pipe() {
	mkfifo "$T/pipe"
	"$FLOWCTL" --db "$DB" pcap --follow --since 2026-01-01 >"$T/pipe" 2>"$T/pipe.err" &
	FOLLOW=$!
	WL_PIDS+=("$FOLLOW")
	tcpdump -nn -r - -c 3 <"$T/pipe" >"$T/got" 2>/dev/null
	assert_eq "read along" "$(wc -l <"$T/got")" 3
	ended "$FOLLOW"
	assert_eq "who reads along goes away: exit code" "$? $(cat "$T/pipe.err")" "0 "
	(trap '' XFSZ && ulimit -f 300 && exec "$FLOWCTL" --db "$T/big.db" pcap --follow --since 2026-01-01 \
		-w "$T/full.pcap" 2>"$T/err")
	assert_eq "no room for what is followed" "$? $(cat "$T/err")" "1 flowctl: $T/full.pcap: File too large"
	tcpdump -nn -r "$T/full.pcap" >/dev/null 2>"$T/said"
	assert_eq "what there is ends with a packet" "$(grep -c truncated "$T/said")" 0
}

# Interrupted among packets, or while nobody takes them: what there is ends with a packet.
test_interrupted() {
	local format i pid
	DB=$T/big.db
	for format in pcap pcapng; do
		for i in 0 1 2 3 4 5 6 7; do
			rm -f "$T/int.pcap"
			follow int --format $format --since 2026-01-01
			wait_ms "$i"
			kill -INT "$FOLLOW"
			ended "$FOLLOW"
			assert_eq "$format, interrupted: exit code" "$?" 0
			tcpdump -nn -r "$T/int.pcap" 2>&1 >/dev/null | grep -v '^reading from' >"$T/said"
			assert_eq "$format, interrupted: tcpdump -r says" "$(cat "$T/said")" ""
			assert_match "$format, interrupted: the last lines" "$(cat "$T/int.err")" "^total: $(packets "$T/int.pcap" | sed ':a; s/\B[0-9]\{3\}\>/,&/; ta') packets"
		done
		mkfifo "$T/$format.stuck"
		exec 9<>"$T/$format.stuck"
		"$FLOWCTL" --db "$DB" pcap --follow --format $format --since 2026-01-01 >"$T/$format.stuck" 2>"$T/err" &
		pid=$!
		WL_PIDS+=("$pid")
		wait_until 40 is_stuck "$pid" || fail "$format: it is not waiting for its reader"
		kill -INT "$pid"
		wait_until 40 signal_taken "$pid" || fail "$format: the first signal stays"
		kill -INT "$pid"
		ended "$pid"
		assert_eq "$format, interrupted twice while nobody reads: exit code" "$?" 130
		exec 9>&-
	done
}

# What is sent before that is one with the first
signal_taken() { [[ $(awk '$1 == "ShdPnd:" { print $2 }' "/proc/$1/status") =~ ^0+$ ]]; }

is_stuck() { [[ $(cat "/proc/$1/wchan") == *pipe_write ]]; }

# fake_flowd SOCKET DB LOST
fake_flowd() {
	"$WL_ROOT/tests/sample_flowd.py" "$@" &
	WL_PIDS+=("$!")
	wait_until 40 [ -S "$1" ]
}

# What flowd says of itself goes into the capture.
test_live() {
	local infos lost
	if ! command -v capinfos >/dev/null; then
		skip "no capinfos"
		return
	fi
	for lost in 0 7; do
		DB=$T/live$lost.db
		make_db "$DB"
		sqlite3 "$DB" "INSERT INTO meta VALUES ('socket', '$T/sock$lost')"
		fake_flowd "$T/sock$lost" "$DB" "$lost"
		ctl --format pcapng
		infos=$(capinfos "$T/out.pcap")
		assert_match "its settings" "$infos" "Name = eth0.*Description = rate 1/1000, first 3, triggers reset, snaplen 256.*Capture length = 256"
		assert_match "its filter" "$infos" "Filter string = tcp or udp"
		assert_match "what it lost" "$ERR" "; $lost samples lost for want of room since flowd's maps were made"
		# isb_ifdrop: option 5 of 8 bytes
		assert_eq "in the statistics" "$(od -An -v -tx1 "$T/out.pcap" | tr -d ' \n' | grep -oE '050008000[0-9a-f]0{14}' | sort -u | tr '\n' ' ')" \
			"05000800$(printf %02x "$lost")00000000000000 "
		follow live --format pcapng
		"$WLSAMPLE" -o "$(($(date +%s%N) - 1795264440000000000 + 5000000000))" "$T/b.pcap" "$DB" >/dev/null
		wait_until 40 holds "$T/live.pcap" 5 && pass || fail "followed: $(packets "$T/live.pcap")"
		kill -INT "$FOLLOW"
		ended "$FOLLOW"
		assert_match "what it lost meanwhile" "$(cat "$T/live.err")" "; $((lost > 0)) samples lost for want of room meanwhile"
	done
	DB=$T/live0.db
	follow head 'port 1'
	wait_until 40 has_size "$T/head.pcap" 24 && pass || fail "a header before the first packet"
	kill -INT "$FOLLOW"
	ended "$FOLLOW"
	DB=$T/samples.db
}

pcap_suite cli-follow
test_breaks
test_follow
test_live
finish
