# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# soak_fault.sh: what soak.sh does to flowd, a fault at a time, some of which go on in the background. Each ends by
# itself or with heal(). Sourced after lib.sh.
#
# FLOWD_ARGS are flowd's arguments, those of FLOWD_ALWAYS and others that are chosen for each start; its database
# is on $DISK, a small file system.

FAULTS=(kill kill term stop full readonly quota reader writer control idle query sample)
declare -A FAULT_COUNT
CLOCK_MOST_MS=90000 # by which it steps
CPU_TICKS=0
WRITER_PID=
FAULT_PIDS=()

count_fault() { FAULT_COUNT[$1]=$((${FAULT_COUNT[$1]:-0} + 1)); }

# ticks PID: of CPU that it has had
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat" 2>/dev/null || echo 0; }

# one_of VALUE...: in CHOSEN
one_of() {
	shift $((RANDOM % $#))
	CHOSEN=$1
}

# option NAME VALUE...: one of them, where there is such an option
option() {
	"$FLOWD" --help | grep -q -- " $1 " || return
	one_of "${@:2}"
	FLOWD_ARGS+=("$1" "$CHOSEN")
}

# configure: the arguments of the next start
configure() {
	FLOWD_ARGS=("${FLOWD_ALWAYS[@]}")
	option --sweep 200ms 500ms 1s 2s
	option --idle 2s 5s 15s
	option --active 10s 60s
	option --durability full normal
	option --fragments track untracked
	option --rollup-keys 0 500 5000
	option --sample off off 1/1000
	option --record-rate auto none 2000
	option --memory-max auto auto 64M
}

flowd_up() { ! gone "$FLOWD_PID"; }

# up: start it where a fault left it dead; it has to come
up() {
	flowd_up && return
	[ -z "$WRITER_PID" ] || wait_until 40 gone "$WRITER_PID" # a database that is locked is refused
	configure
	flowd_start "$NSB" "${FLOWD_ARGS[@]}"
}

# down SIGNAL
down() {
	flowd_up || return
	CPU_TICKS=$((CPU_TICKS + $(ticks "$FLOWD_PID")))
	kill "-$1" "$FLOWD_PID"
	wait_until 90 gone "$FLOWD_PID" || fail "flowd does not end by SIG$1"
	wait "$FLOWD_PID" 2>/dev/null
	FLOWD_RC=$?
}

# start_refused: flowd is started where it cannot, which it says, and ends
start_refused() {
	ip netns exec "$NSB" timeout 60 "$FLOWD" --config /dev/null --instance "$WL_INSTANCE" --db "$WL_DB" \
		"${FLOWD_ARGS[@]}" >"$WL_TMP/refused" 2>&1
	assert_eq "$1: exit" "$?" 1
	assert_match "$1: says what" "$(cat "$WL_TMP/refused")" "soak[.]db"
}

aside() {
	"$@" </dev/null >/dev/null 2>&1 &
	FAULT_PIDS+=("$!")
	WL_PIDS+=("$!")
}

# --- faults ---------------------------------------------------------------------------------------

fault_kill() {
	down KILL 2>/dev/null
	wait_ms $((RANDOM % 2000))
	up
}

fault_term() {
	down TERM
	assert_eq "SIGTERM: exit" "$FLOWD_RC" 0
	wait_ms $((RANDOM % 1000))
	up
}

fault_stop() {
	kill -STOP "$FLOWD_PID"
	wait_ms $((500 + RANDOM % 4000))
	kill -CONT "$FLOWD_PID"
}

# No room at all; sometimes it is killed meanwhile, and a next one may start or say that it cannot
fault_full() {
	dd if=/dev/zero of="$DISK/others" bs=1M 2>/dev/null
	dd if=/dev/zero of="$DISK/others2" bs=1 count=4096 2>/dev/null
	wait_ms $((1000 + RANDOM % 4000))
	if [ $((RANDOM % 3)) = 0 ]; then
		down KILL 2>/dev/null
		{ ip netns exec "$NSB" timeout -s KILL 5 "$FLOWD" --config /dev/null --instance "$WL_INSTANCE" --db "$WL_DB" \
			"${FLOWD_ARGS[@]}" >"$WL_TMP/full" 2>&1; } 2>/dev/null # nor bash's own word on that
	fi
	rm -f "$DISK"/others*
	up
}

# A file system in use cannot be made read-only: flowd is gone meanwhile
fault_readonly() {
	down KILL 2>/dev/null
	if ! mount -o remount,ro "$DISK" 2>/dev/null; then
		up
		return
	fi
	start_refused "read-only"
	mount -o remount,rw "$DISK"
	up
}

# No file of its own may grow
fault_quota() {
	command -v prlimit >/dev/null || return
	prlimit --pid "$FLOWD_PID" --fsize="$(stat -c %s "$WL_DB-wal" 2>/dev/null || echo 65536)": 2>/dev/null
	wait_ms $((1000 + RANDOM % 3000))
	prlimit --pid "$FLOWD_PID" --fsize=unlimited: 2>/dev/null
}

# hold STATEMENT SECONDS: a transaction of another program
hold() {
	aside python3 -c '
import sqlite3, sys, time
c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
c.execute(sys.argv[2])
c.execute("SELECT count(*) FROM meta").fetchall()
time.sleep(float(sys.argv[3]))' "$WL_DB" "$1" "$2"
}

fault_reader() { hold BEGIN $((5 + RANDOM % 20)); }

fault_writer() {
	hold "BEGIN IMMEDIATE" $((1 + RANDOM % 6))
	WRITER_PID=${FAULT_PIDS[-1]}
}

# Requests whole, cut, wrong and without end, by many at once
fault_control() {
	aside timeout 10 python3 -c '
import os, random, socket, sys, time
random.seed(int(sys.argv[2]))
end, held = time.time() + 4, []
while time.time() < end:
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(0.2)
    try:
        s.connect(sys.argv[1])
        s.sendall(random.choice([b"live\n", b"status\n", b"sta", b"", b"sample\n", b"nonsense\n", os.urandom(300), b"x" * 70000]))
        if random.random() < 0.5:
            s.recv(100)
    except OSError:
        time.sleep(0.01)
    if random.random() < 0.3:
        held.append(s)
    else:
        s.close()
' "/run/wireledger/$WL_INSTANCE.sock" "$RANDOM"
}

# Connections that say nothing
fault_idle() {
	aside timeout 20 python3 -c '
import resource, socket, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
held = []
for i in range(1000):
    s = socket.socket(socket.AF_UNIX)
    s.setblocking(False)
    try:
        s.connect(sys.argv[1])
    except OSError:
        pass
    held.append(s)
time.sleep(5)' "/run/wireledger/$WL_INSTANCE.sock"
}

# Answers, while it counts: none may fail but for want of a flowd
fault_query() {
	local verb
	for verb in "top -n 5" "flows -n 100 udp" "top --group service" "ledger" "drops" "graph --since 10m"; do
		# shellcheck disable=SC2086
		timeout 60 "$FLOWCTL" --db "$WL_DB" $verb >"$WL_TMP/answer" 2>&1 || fail "flowctl $verb: $(tail -n 2 "$WL_TMP/answer")"
	done
}

fault_sample() {
	local setting=(off 1/100 1/10 "1/3 --snaplen 64" "off --first 1" "1/50 filter tcp" "1/50 filter none" "off --drops yes" "off --drops no")
	# shellcheck disable=SC2086
	"$FLOWCTL" --db "$WL_DB" sample ${setting[RANDOM % ${#setting[@]}]} >/dev/null 2>&1
}

# clock_set MS: flowd's wall clock is so far from the true one
clock_set() { printf '%-31s\n' "$1" | dd of="$WL_TMP/clock" conv=notrunc status=none; }

# clock_begin: flowd has a clock that can be set, where there is the library for that
clock_begin() {
	local shim=$WL_BUILD/tests/clock_shift.so
	[ -e "$shim" ] || return
	printf '%-31s\n' 0 >"$WL_TMP/clock"
	printf '#!/bin/bash\nLD_PRELOAD="%s" WL_CLOCK_FILE="%s" exec "%s" "$@"\n' "$shim" "$WL_TMP/clock" "$FLOWD" >"$WL_TMP/flowd"
	chmod +x "$WL_TMP/flowd"
	FLOWD=$WL_TMP/flowd
	FAULTS+=(clock)
}

fault_clock() { clock_set $((RANDOM % (2 * CLOCK_MOST_MS) - CLOCK_MOST_MS)); }

# one_fault: by random
one_fault() {
	local name=${FAULTS[RANDOM % ${#FAULTS[@]}]}
	count_fault "$name"
	echo "$(now_ms) $name" >>"$WL_TMP/faults"
	"fault_$name"
}

# heal: nothing is wrong any more, the clock is right, and flowd runs
heal() {
	local pid
	for pid in "${FAULT_PIDS[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	FAULT_PIDS=()
	rm -f "$DISK"/others*
	[ ! -e "$WL_TMP/clock" ] || clock_set 0
	up
}
