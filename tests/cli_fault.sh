#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_fault.sh: every verb of flowctl, and flowd -r, while the n-th allocation, write, open, mmap, fsync or step of
# SQLite fails: no crash, no leak, no file left half, no answer that is not the whole one and does not say so. No
# root needed. LONG=1 tries every n (hours), else each takes a sample (tests/fault_loop.sh).
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/pcap.sh
. "$(dirname "$0")/pcap.sh"
# shellcheck source=tests/fault_loop.sh
. "$(dirname "$0")/fault_loop.sh"

OUTPUTS=() # files that a command makes: there whole, or not at all

fresh() {
	local file
	for file in "${OUTPUTS[@]}"; do rm -f "$file" "$file"-wal "$file"-shm "$file".lock; done
}

# same_file FILE FILE: or databases of the same records
same_file() {
	local sum='SELECT count(*), sum(packets), sum(bytes), (SELECT count(*) FROM sample) FROM flow'
	[[ $1 == *.db ]] || { cmp -s "$1" "$2"; return; }
	[ "$(sql 'PRAGMA integrity_check' "$1") $(sql "$sum" "$1")" = "ok $(sql "$sum" "$2")" ]
}

# The answer is the whole one where it says so, an error names something, and nothing is left behind.
answer_sane() {
	local label=$1 file
	fault_sane "$label"
	if [ "$RC" -eq 0 ] && ! cmp -s "$WL_TMP/f.out" "$WL_TMP/whole.out"; then
		fail "$label: exit 0 and another answer: $(diff "$WL_TMP/whole.out" "$WL_TMP/f.out" | sed -n "2p;\$p")"
	fi
	if [ "$RC" -ne 0 ] && ! grep -qE '^flow(ctl|d): .*[^ ]: [^ ]' "$WL_TMP/f.err"; then
		fail "$label: does not say of what: $(tail -n 1 "$WL_TMP/f.err")"
	fi
	for file in "${OUTPUTS[@]}"; do
		[ "$RC" -eq 0 ] || [ -e "$file" ] || continue
		same_file "$file" "$WL_TMP/whole.file" || fail "$label: exit $RC and half a $(basename "$file")"
	done
	file=$(find "$WL_TMP" -name '*part*')
	[ -z "$file" ] || { fail "$label: left: $file"; rm -f "$file"; }
}

# loop LABEL CLASS[:ERROR] MOST COMMAND...
loop() {
	local label=$1 class=${2%%:*} error=${2#"${2%%:*}"} most=$3 n before=$WL_FAILED
	shift 3
	fresh
	"$@" >"$WL_TMP/whole.out" 2>"$WL_TMP/whole.err" || fail "$label: $(cat "$WL_TMP/whole.err")"
	[ ${#OUTPUTS[@]} -eq 0 ] || cp "${OUTPUTS[0]}" "$WL_TMP/whole.file"
	fresh
	fault_numbers "$class" "$most" "$@"
	for n in "${NUMBERS[@]}"; do
		fresh
		fault_run "$class:$n$error" "$@"
		fault_hit && answer_sane "$label, $(head -n 1 "$WL_TMP/f.hit")"
		[ $((WL_FAILED - before)) -lt "${WL_FAULT_FAILS:-5}" ] || return
	done
	[ "$WL_FAILED" -ne "$before" ] || pass
}

# verb MOST CLASSES ARG...: of flowctl. Those of system calls without the sanitizers, which make some themselves.
verb() {
	local most=$1 class binary
	local -a classes
	read -ra classes <<<"$2"
	shift 2
	for class in "${classes[@]}"; do
		binary=$FLOWCTL
		[[ $class =~ ^(alloc|step) ]] || binary=$WL_BUILD/bin/flowctl
		loop "$*, $class" "$class" "$most" "$binary" "$@"
	done
}

# A capture that could not be read whole is there as far as it was, in books that balance, or not at all.
replay_sane() {
	local label=$1 db=$2
	fault_sane "$label"
	[ "$RC" -ne 0 ] || assert_eq "$label: packets" "$(sql 'SELECT sum(packets + rev_packets) FROM flow' "$db")" "$3"
	[ -e "$db" ] || return
	assert_eq "$label: whole" "$(sql 'PRAGMA integrity_check' "$db")" ok
	"$WL_BUILD/bin/flowctl" --db "$db" ledger --check --stored >"$WL_TMP/said" 2>&1 || fail "$label: $(tail -n 2 "$WL_TMP/said")"
}

# replays MOST CLASS...: and what comes after a failed one is there as well
replays() {
	local most=$1 class n want db=$WL_TMP/replay.db binary before
	local -a command
	shift
	for class; do
		binary=$FLOWD
		[[ $class =~ ^(alloc|step|big) ]] || binary=$WL_BUILD/bin/flowd
		command=("$binary" --config /dev/null -r "$WL_CORPUS/transport.pcap" --db "$db" --slots 1024)
		rm -f "$db"*
		fault_numbers "${class%%:*}" "$most" "${command[@]}"
		want=$(sql 'SELECT sum(packets + rev_packets) FROM flow' "$db")
		for n in "${NUMBERS[@]}"; do
			rm -f "$db"*
			fault_run "${class%%:*}:$n${class#"${class%%:*}"}" "${command[@]}"
			replay_sane "flowd -r, $class, $(head -n 1 "$WL_TMP/f.hit")" "$db" "$want"
		done
		before=$(sql 'SELECT ifnull(sum(packets + rev_packets), 0) FROM flow' "$db" 2>/dev/null || echo 0)
		fault_run none "${command[@]}"
		replay_sane "flowd -r, after $class" "$db" $((before + want))
	done
}

# No table grows any more: what has no room is in the catch-all, and told.
full() {
	local label="flowd -r, no table grows" db=$WL_TMP/full.db
	fault_run big:11:all "$WL_BUILD/bin/flowd" --config /dev/null -r "$WL_TMP/many.pcap" --db "$db" --rollup-keys 0
	fault_hit || fail "$label: none wanted to"
	assert_eq "$label: exit: $(tail -n 1 "$WL_TMP/f.err")" "$RC" 0
	assert_eq "$label: packets" "$(sql 'SELECT sum(packets) FROM flow' "$db")" 12000
	assert_match "$label: told" "$("$WL_BUILD/bin/flowctl" --db "$db" top -n 1)" 'in the catch-all, 0 unaccounted, 12,000 recorded'
}

# many FLOWS FILE: a capture of so many, three packets each
many() {
	python3 - "$@" <<'END'
import struct, sys
out = open(sys.argv[2], "wb")
out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
for i in range(3 * int(sys.argv[1])):
    flow = i % int(sys.argv[1])
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 38, 0, 0, 64, 17, 0, bytes([10, 0, flow >> 8, flow & 255]), bytes([10, 200, 0, 1]))
    frame = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + struct.pack(">HHHH", 1000 + flow, 53, 18, 0) + b"x" * 10
    out.write(struct.pack("<IIII", 1700000000 + i // 10000, i % 10000 * 100, len(frame), len(frame)) + frame)
END
}

pcap_suite cli_fault
built "$FAULT_SO"
export XDG_CACHE_HOME=$WL_TMP/cache
MOST=${WL_FAULT_MOST:-4}
for name in tcp transport tunnels; do
	"$FLOWD" --config /dev/null -r "$WL_CORPUS/$name.pcap" --db "$DB" 2>/dev/null || fail "$name"
done
if [ -x "$FAULT_SAN/flowctl" ] && [ -z "${WL_FAULT_PLAIN:-}" ]; then
	FLOWCTL=$FAULT_SAN/flowctl FLOWD=$FAULT_SAN/flowd
else
	skip "no sanitizers: make SAN=1"
fi
"$FLOWD" --config /dev/null -r "$WL_CORPUS/ip.pcap" --db "$WL_TMP/second.db" 2>/dev/null || fail "ip"
VERBS=(
	"step top --group pair"
	"step:7 top --per 1m --json tcp"
	"step:5 flows --csv tcp port 80"
	"step:10 flows --uniflow --community-id -n 5"
	"step graph --by bytes"
	"step:7 diff --since 2023-11-14T22:13:00Z --until 2023-11-14T22:14:00Z --against 1m"
	"step:10 retransmits"
	"step:7 drops"
	"step:10 ledger"
	"step retention"
	"step:7 status"
)
for words in "${VERBS[@]}"; do
	[[ $words =~ ${1:-.} ]] || continue
	read -ra words <<<"$words"
	verb "$MOST" "alloc ${words[0]}" --db "$DB" "${words[@]:1}"
done
[[ top =~ ${1:-.} ]] && verb "$MOST" "write open mmap" --db "$DB" top
[[ sql =~ ${1:-.} ]] && verb "$MOST" "alloc step:7" --db "$DB" sql "SELECT src, sum(bytes) FROM flows GROUP BY 1 ORDER BY 2 DESC"
OUTPUTS=("$WL_TMP/out.pcapng")
[[ pcap =~ ${1:-.} ]] && verb "$MOST" "alloc step:10 write open" --db "$DB" pcap --format pcapng -w "${OUTPUTS[0]}"
OUTPUTS=("$WL_TMP/out.svg")
[[ svg =~ ${1:-.} ]] && verb "$MOST" "alloc write open" --db "$DB" graph --group host --svg "${OUTPUTS[0]}"
OUTPUTS=("$WL_TMP/merged.db")
[[ merge =~ ${1:-.} ]] && verb "$MOST" "alloc step step:5 write open sync" merge --host "one=$DB" --host "two=$WL_TMP/second.db" -o "${OUTPUTS[0]}"
if [[ replay =~ ${1:-.} ]]; then
	replays $((MOST * 2)) alloc step step:5 write open sync mmap
	many 4000 "$WL_TMP/many.pcap"
	full
fi
say "$FAULT_RUNS runs"
finish
