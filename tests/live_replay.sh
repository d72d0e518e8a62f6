#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_replay.sh: `flowd -r` of what tcpdump captured while flowd counted: the same flows, packets and
# bytes, whatever the capture's format, clock or snaplen; without privileges; from a pipe, also one that
# a signal ends. What cannot be read or written is an error that names it, and nothing is half-written.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

LINGERED_MS=3500 # after which closed connections have ended: linger, two sweeps
CLOCKS_MS=100    # by which a hook's clock and tcpdump's may differ for nearly all packets
LATE_MS=5000     # and for any of them, where the host is busy

# --- traffic and captures -------------------------------------------------------------------------

iperf() {
	in_a iperf3 -J "$@" >"$WL_TMP/iperf.json" || fail "iperf3 $*: $(jq -r .error "$WL_TMP/iperf.json")"
	iperf_done "$NSB" 5201
}

udp() { ip netns exec "$1" "$WLTRAF" udp -d "$2" -p 9 "${@:3}" >/dev/null || fail "wltraf udp ${*:2}"; }

traffic() {
	local to
	iperf -c 10.1.0.2 -p 5201 -t 1 -b 100M
	iperf -c fd00:1::2 -p 5201 -t 1 -b 50M --bidir
	for to in 10.1.0.2 fd00:1::2; do
		udp "$NSA" "$to" -s 30000 --size 18 --count 3000 --flows 300
		udp "$NSA" "$to" -s 31000 --size 20000 --count 5
		in_a ping -q -i 0.01 -c 10 -s 3000 "$to" >/dev/null || fail "ping $to"
		in_a "$WLTRAF" tcp -d "$to" -p 9 -s 32000 --size 100000 --count 2 >/dev/null || fail "wltraf tcp"
		in_a "$WLTRAF" tcp -d "$to" -p 9 -s 32001 --size 1000 --count 2 --reset >/dev/null || fail "wltraf tcp"
	done
	udp "$NSB" 10.1.0.1 -s 33000 --size 9000 --count 5
	in_a "$WLTRAF" vectors -i va --count 3 >/dev/null || fail "wltraf vectors"
	wait_ms "$LINGERED_MS" # the capture's clock goes on with the next packet
	udp "$NSA" 10.1.0.2 -s 33001 --size 100 --count 1
}

# capture_start FILE ARG...: tcpdump of B with nanoseconds; pid in CAPTURE_PIDS
capture_start() {
	local file=$1
	shift
	ip netns exec "$NSB" tcpdump -Z root --nano --immediate-mode -U -B 65536 -w "$file" "$@" 2>"$file.said" &
	WL_PIDS+=("$!")
	CAPTURE_PIDS+=("$!")
	wait_until 40 grep -qs 'listening on' "$file.said" || fail "tcpdump $*: $(cat "$file.said")"
}

# shellcheck disable=SC2317 # wait_until calls it
has_captured() { [ "$("$WLTRAF" count --pcap "$1" 2>/dev/null | jq .packets)" = "$2" ]; }

# capture_stop PACKETS FILE...: when all of them have that many
capture_stop() {
	local pid file packets=$1
	shift
	for file in "$@"; do
		wait_until 40 has_captured "$file" "$packets" ||
			fail "$file: not $packets packets: $("$WLTRAF" count --pcap "$file")"
	done
	for pid in "${CAPTURE_PIDS[@]}"; do
		kill -INT "$pid"
		wait_until 40 gone "$pid"
	done
	for file in "$@"; do
		assert_match "$file: tcpdump's losses" "$(cat "$file.said")" '[^0-9]0 packets dropped by kernel'
	done
}

# to_pcapng FILE NEW: nanoseconds stay
to_pcapng() {
	python3 - "$WL_CORPUS" "$1" "$2" <<'PYTHON'
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import struct
from capture import block, interface_block, section_block

with open(sys.argv[2], "rb") as file:
    data = file.read()
magic, link, at = *struct.unpack_from("<I16xI", data), 24
if magic != 0xA1B23C4D:
    sys.exit("%s: not a little-endian capture with nanoseconds" % sys.argv[2])
out = [section_block("<"), interface_block("<", link)]
while at < len(data):
    seconds, ns, size, wire = struct.unpack_from("<IIII", data, at)
    time = seconds * 1_000_000_000 + ns
    out.append(block("<", 6, struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, size, wire) +
                     data[at + 16:at + 16 + size]))
    at += 16 + size
with open(sys.argv[3], "wb") as file:
    file.write(b"".join(out))
PYTHON
}

# --- comparison -----------------------------------------------------------------------------------

# What of a record does not depend on where it was counted
KEY='[.ethertype, .vlan, .cvlan, ((.marks // "") | split(",") - ["mirrored"] | join(",")), .proto, .src, .dst,
	.sport, .dport, .tunnel, .tunnel_id, .tcp_flags]'

# directed DB: each direction of each flow, its packets and bytes
directed() { flows_json "$1" --uniflow | jq -c "$KEY + [.packets, .bytes, .ip_bytes]" | LC_ALL=C sort; }

# conversations DB: records, and when they began and ended. Not those between equal ports (0 in fragments):
# the hooks' clock has ticks of a few ms, within which only ports tell who began.
conversations() {
	flows_json "$1" | jq -r "def ms: (.[0:19] + \"Z\" | fromdate) * 1000 + (.[20:23] | tonumber);
		select(.sport != .dport or .rev_packets == 0) |
		($KEY + [.packets, .bytes, .ip_bytes, .rev_packets, .rev_bytes, .rev_ip_bytes, .end_reason] |
			tojson) + \"\t\(.start | ms) \(.end | ms)\"" | LC_ALL=C sort
}

# same_flows LABEL DB: as FLOWD_DB has them
same_flows() {
	directed "$FLOWD_DB" >"$WL_TMP/live"
	directed "$2" >"$WL_TMP/replayed"
	assert_same "$1: each direction" "$WL_TMP/live" "$WL_TMP/replayed"
	conversations "$FLOWD_DB" | cut -f1 >"$WL_TMP/live"
	conversations "$2" | cut -f1 >"$WL_TMP/replayed"
	assert_same "$1: records" "$WL_TMP/live" "$WL_TMP/replayed"
	assert_books "$1" "$2"
}

# same_times LABEL DB
same_times() {
	paste -d ' ' <(conversations "$FLOWD_DB" | cut -f2) <(conversations "$2" | cut -f2) |
		awk '{ a = $1 - $3; b = $2 - $4; print a < 0 ? -a : a; print b < 0 ? -b : b }' | sort -n >"$WL_TMP/off"
	assert_between "$1: difference of times, of 95 % of them, ms" \
		"$(sed -n "$(($(wc -l <"$WL_TMP/off") * 95 / 100))p" "$WL_TMP/off")" 0 "$CLOCKS_MS"
	assert_between "$1: largest difference of times, ms" "$(tail -n 1 "$WL_TMP/off")" 0 "$LATE_MS"
}

run_live() {
	local packets before live_pid live_db
	flowd_start "$NSB" -i vb "${TIMES[@]}" || return
	live_pid=$FLOWD_PID live_db=$FLOWD_DB
	flowd_start "$NSB" -i vb --ingress tc "${INNER[@]}" || return
	capture_start "$WL_TMP/full.pcap" -i vb
	capture_start "$WL_TMP/small.pcap" -i vb -s 128
	capture_start "$WL_TMP/any.pcap" -i any -s 2048 # else its ring has room for 256 frames only
	before=$(($(counter "$NSB" vb rx_packets) + $(counter "$NSB" vb tx_packets)))
	traffic
	wait_until 40 link_quiet || fail "the link does not come to rest"
	packets=$(($(counter "$NSB" vb rx_packets) + $(counter "$NSB" vb tx_packets) - before))
	capture_stop "$packets" "$WL_TMP/full.pcap" "$WL_TMP/small.pcap" "$WL_TMP/any.pcap"
	flowd_stop "$live_pid"
	flowd_stop
	INNER_DB=$FLOWD_DB FLOWD_DB=$live_db LIVE_PACKETS=$packets
	assert_books "live"
	say "$packets packets, $(sql 'SELECT count(*) FROM flow') records"
}

run_formats() {
	local full=$WL_TMP/full.pcap
	replay "pcap" "$full" "${TIMES[@]}"
	same_flows "pcap" "$REPLAY_DB"
	same_times "pcap" "$REPLAY_DB"
	assert_match "pcap: the log" "$(cat "$WL_TMP/said")" "capture $full: $LIVE_PACKETS packets, "
	assert_eq "pcap: interface" "$(sql 'SELECT name, ingress FROM interface' "$REPLAY_DB")" "full.pcap|replay"
	tcpdump -r "$full" -w "$WL_TMP/micro.pcap" 2>/dev/null
	replay "microseconds" "$WL_TMP/micro.pcap" "${TIMES[@]}"
	same_flows "microseconds" "$REPLAY_DB"
	if to_pcapng "$full" "$WL_TMP/full.pcapng"; then
		replay "pcapng" "$WL_TMP/full.pcapng" "${TIMES[@]}"
		same_flows "pcapng" "$REPLAY_DB"
		same_times "pcapng" "$REPLAY_DB"
	else
		fail "no pcapng"
	fi
	replay "pipe" - "${TIMES[@]}" < <(tcpdump -r "$full" -w - 2>/dev/null)
	same_flows "pipe" "$REPLAY_DB"
	assert_eq "pipe: interface" "$(sql 'SELECT name FROM interface' "$REPLAY_DB")" "stdin"
	replay "inner" "$full" "${INNER[@]}"
	FLOWD_DB=$INNER_DB same_flows "inner" "$REPLAY_DB"
	replay "snaplen" "$WL_TMP/small.pcap" "${TIMES[@]}"
	same_flows "snaplen" "$REPLAY_DB"
}

# cooked_rows DB BYTES: flows of sockets, with so many bytes more a packet. Odd frames (from port 40000)
# come in a cooked capture as the kernel has taken them apart.
cooked_rows() {
	flows_json "$1" --uniflow | jq -c "select((.src // \"\" | test(\"^(10[.]1[.]0|fd00:1:)\")) and .sport != 40000) |
		[.dir] + $KEY + [.packets, .bytes + $2 * .packets, .ip_bytes]" | LC_ALL=C sort
}

# A cooked capture knows directions; its link header has 20 bytes where Ethernet's has 14.
run_cooked() {
	replay "cooked" "$WL_TMP/any.pcap" "${TIMES[@]}"
	cooked_rows "$FLOWD_DB" 6 >"$WL_TMP/live"
	cooked_rows "$REPLAY_DB" 0 >"$WL_TMP/replayed"
	assert_between "cooked: flows" "$(wc -l <"$WL_TMP/live")" 600 10000
	assert_same "cooked: each flow" "$WL_TMP/live" "$WL_TMP/replayed"
	assert_eq "cooked: packets" "$(sql 'SELECT sum(seen_packets) FROM books_sum' "$REPLAY_DB")" "$LIVE_PACKETS"
	assert_books "cooked" "$REPLAY_DB"
}

# Two captures in one database are two interfaces, and a live flowd may follow.
run_again() {
	local db=$WL_TMP/again.db name
	for name in full micro; do
		"$FLOWD" --config /dev/null -r "$WL_TMP/$name.pcap" --db "$db" 2>/dev/null
		assert_eq "again, $name: exit" "$?" 0
	done
	WL_DB=$db
	flowd_start "$NSB" -i vb || return
	udp "$NSA" 10.1.0.2 -s 34000 --size 100 --count 10
	flowd_stop
	WL_DB=''
	assert_eq "again: interfaces" "$(sql 'SELECT i.name, sum(b.seen_packets) FROM interface i JOIN books_sum b
		ON b.iface = i.id GROUP BY i.id ORDER BY i.id' "$db")" "full.pcap|$LIVE_PACKETS
micro.pcap|$LIVE_PACKETS
vb|10"
	assert_books "again" "$db"
}

NOBODY=(setpriv --reuid=65534 --regid=65534 --clear-groups)

run_unprivileged() {
	local full=$WL_TMP/full.pcap db=$WL_TMP/nobody/ledger.db
	command -v setpriv >/dev/null || { skip "no setpriv"; return; }
	chmod 711 "$WL_TMP"
	install -d -m 700 -o 65534 -g 65534 "$WL_TMP/nobody"
	"${NOBODY[@]}" "$FLOWD" --config /dev/null -r "$full" --db "$db" "${TIMES[@]}" 2>"$WL_TMP/said"
	rc=$?
	assert_eq "nobody: exit: $(cat "$WL_TMP/said")" "$rc" 0
	same_flows "nobody" "$db"
	assert_eq "nobody: whose database" "$(stat -c %u "$db")" 65534
	assert_match "nobody: flowctl" "$("${NOBODY[@]}" "$FLOWCTL" --db "$db" flows --json -n 1 2>&1)" '^[{].*full.pcap'
	refused "nobody, folder not writable" "$WL_TMP/no[.]db.*Permission denied" \
		"${NOBODY[@]}" "$FLOWD" --config /dev/null -r "$full" --db "$WL_TMP/no.db"
	left_nothing "nobody, folder not writable" no.db
	install -m 444 "$REPLAY_DB" "$WL_TMP/nobody/mine.db"
	unchanged "nobody, database not writable" "$WL_TMP/nobody/mine.db" "nobody/mine[.]db: Permission denied" \
		"${NOBODY[@]}" "$FLOWD" --config /dev/null -r "$full" --db "$WL_TMP/nobody/mine.db"
	install -m 600 "$full" "$WL_TMP/secret.pcap"
	refused "nobody, capture not readable" "capture $WL_TMP/secret[.]pcap: Permission denied" \
		"${NOBODY[@]}" "$FLOWD" --config /dev/null -r "$WL_TMP/secret.pcap" --db "$WL_TMP/nobody/s.db"
	left_nothing "nobody, capture not readable" nobody/s.db
}

# --- signals --------------------------------------------------------------------------------------

# shellcheck disable=SC2317 # wait_until calls it
# has_read PID BYTES
has_read() { [ "$(sed -n 's/^rchar: //p' "/proc/$1/io" 2>/dev/null || echo 0)" -ge "$2" ]; }

# shellcheck disable=SC2317 # wait_until calls it
# waits_for_more PID BYTES: it has had those, and waits for more
waits_for_more() { has_read "$@" && [[ $(cat "/proc/$1/wchan") == *pipe_read ]]; }

# replay_pipe: flowd reads the pipe $WL_TMP/pipe; REPLAY_PID, REPLAY_DB
replay_pipe() {
	FLOWD_N=$((FLOWD_N + 1))
	REPLAY_DB=$WL_TMP/replay-$FLOWD_N.db
	rm -f "$WL_TMP/pipe"
	mkfifo "$WL_TMP/pipe"
	"$FLOWD" --config /dev/null -r - --db "$REPLAY_DB" <"$WL_TMP/pipe" 2>"$WL_TMP/said" &
	REPLAY_PID=$!
	WL_PIDS+=("$REPLAY_PID")
}

# check_stopped LABEL MIN MAX: its end, the books, and as many packets as it says
check_stopped() {
	local packets
	assert_eq "$1: exit: $(cat "$WL_TMP/said")" "$FLOWD_RC" 0
	assert_eq "$1: database" "$(sql 'PRAGMA integrity_check' "$REPLAY_DB")" ok
	packets=$(sql 'SELECT sum(seen_packets) FROM books_sum' "$REPLAY_DB")
	assert_between "$1: packets" "$packets" "$2" "$3"
	assert_match "$1: the log" "$(cat "$WL_TMP/said")" "standard input: $packets packets, "
	assert_books "$1" "$REPLAY_DB"
	assert_eq "$1: lock" "$(find "$REPLAY_DB.lock" 2>/dev/null)" ""
}

# What was written before is all there: 5,000 packets, and a part of the next.
run_signal_waiting() {
	local label="$1, waiting" bytes
	tcpdump -r "$WL_TMP/full.pcap" -Z root --nano -c 5000 -w "$WL_TMP/part.pcap" 2>/dev/null
	bytes=$(($(stat -c %s "$WL_TMP/part.pcap") + 40))
	replay_pipe
	exec 9>"$WL_TMP/pipe"
	head -c "$bytes" "$WL_TMP/full.pcap" >&9
	wait_until 40 waits_for_more "$REPLAY_PID" "$bytes" || fail "$label: flowd does not read"
	flowd_stop "$REPLAY_PID" "$1"
	exec 9>&-
	check_stopped "$label" 5000 5000
}

# Frames without end
endless() {
	cat "$1"
	while tail -c +25 "$1"; do :; done
} 2>/dev/null

run_signal_busy() {
	local label="$1, busy" feeder
	replay_pipe
	(endless "$WL_TMP/full.pcap" >"$WL_TMP/pipe") &
	feeder=$!
	WL_PIDS+=("$feeder")
	wait_until 40 has_read "$REPLAY_PID" 100000000 || fail "$label: flowd does not read"
	flowd_stop "$REPLAY_PID" "$1"
	wait_until 40 gone "$feeder" || fail "$label: the writer goes on"
	check_stopped "$label" "$LIVE_PACKETS" 1000000000
	say "$label: $(sql 'SELECT sum(seen_packets) FROM books_sum' "$REPLAY_DB") packets"
}

# Before a single packet came: nothing to write.
run_signal_early() {
	replay_pipe
	exec 9>"$WL_TMP/pipe"
	head -c 10 "$WL_TMP/full.pcap" >&9
	wait_until 40 waits_for_more "$REPLAY_PID" 10 || fail "$1, early: flowd does not read"
	flowd_stop "$REPLAY_PID" "$1"
	exec 9>&-
	assert_eq "$1, early: exit" "$FLOWD_RC" 0
	left_nothing "$1, early" "${REPLAY_DB##*/}"
}

# SIGKILL promises nothing of what was read, but the database can be used.
run_kill() {
	replay_pipe
	exec 9>"$WL_TMP/pipe"
	cat "$WL_TMP/full.pcap" >&9
	flowd_stop "$REPLAY_PID" KILL
	exec 9>&-
	"$FLOWD" --config /dev/null -r "$WL_TMP/full.pcap" --db "$REPLAY_DB" 2>"$WL_TMP/said"
	rc=$?
	assert_eq "kill -9, again: exit: $(cat "$WL_TMP/said")" "$rc" 0
	assert_eq "kill -9: database" "$(sql 'PRAGMA integrity_check' "$REPLAY_DB")" ok
	assert_eq "kill -9, again: packets" "$(sql "SELECT sum(seen_packets) FROM books_sum b JOIN interface i
		ON i.id = b.iface WHERE i.name = 'full.pcap'" "$REPLAY_DB")" "$LIVE_PACKETS"
}

# --- errors ---------------------------------------------------------------------------------------

# refused LABEL REGEX COMMAND...: exit code 1 (2: usage, where WL_EXIT says so) and a line on standard error
refused() {
	local label=$1 regex=$2
	shift 2
	timeout 60 "$@" >"$WL_TMP/out" 2>"$WL_TMP/said" </dev/null
	assert_eq "$label: exit" "$?" "${WL_EXIT:-1}"
	assert_match "$label: message" "$(cat "$WL_TMP/said")" "$regex"
	assert_eq "$label: lines of error, of output" "$(wc -l <"$WL_TMP/said") $(wc -c <"$WL_TMP/out")" "1 0"
}

# left_nothing LABEL NAME: no such database, nothing beside it
left_nothing() { assert_eq "$1: files" "$(find "$WL_TMP" -path "$WL_TMP/$2*")" ""; }

# unchanged LABEL FILE REGEX COMMAND...: refused, and the database is as it was
unchanged() {
	local before
	before=$(sha256sum <"$2")
	refused "$1" "${@:3}"
	assert_eq "$1: the database" "$(sha256sum <"$2")" "$before"
}

# capture_refused LABEL FILE REGEX: into no database, and into one that is there
capture_refused() {
	refused "$1" "$3" "$FLOWD" --config /dev/null -r "$2" --db "$WL_TMP/refused.db"
	left_nothing "$1" refused.db
	unchanged "$1, into a database" "$WL_TMP/mine.db" "$3" "$FLOWD" --config /dev/null -r "$2" --db "$WL_TMP/mine.db"
}

run_errors() {
	local ip=$WL_CORPUS/ip.pcap
	"$FLOWD" --config /dev/null -r "$ip" --db "$WL_TMP/mine.db" 2>/dev/null
	capture_refused "missing" "$WL_TMP/none.pcap" "capture $WL_TMP/none[.]pcap: No such file"
	capture_refused "directory" "$WL_TMP" "capture $WL_TMP: .*[Ii]s a directory"
	capture_refused "text" "$WL_CORPUS/refused-text.pcap" "refused-text[.]pcap: unknown file format"
	capture_refused "empty" "$WL_CORPUS/refused-empty.pcap" "refused-empty[.]pcap: truncated"
	capture_refused "half a header" "$WL_CORPUS/refused-header.pcap" "refused-header[.]pcap: truncated"
	capture_refused "link type" "$WL_CORPUS/refused-wifi.pcap" "refused-wifi[.]pcap: link type 105 .*IEEE802_11"
	capture_refused "empty standard input" - "capture standard input: truncated"
	refused "no such folder" "$WL_TMP/none/x[.]db: no such folder" \
		"$FLOWD" --config /dev/null -r "$ip" --db "$WL_TMP/none/x.db"
	refused "database is a folder" "$WL_TMP: is a directory" "$FLOWD" --config /dev/null -r "$ip" --db "$WL_TMP"
	echo "dear diary" >"$WL_TMP/diary.db"
	unchanged "database is a text" "$WL_TMP/diary.db" 'diary[.]db: not a wireledger database' \
		"$FLOWD" --config /dev/null -r "$ip" --db "$WL_TMP/diary.db"
	WL_EXIT=2 refused "with an interface" "-r '$ip': goes with neither -i" \
		"$FLOWD" --config /dev/null -r "$ip" -i lo --db "$WL_TMP/refused.db"
	WL_EXIT=2 refused "without a file" "-r.*value|-r '': empty" "$FLOWD" --config /dev/null -r '' --db "$WL_TMP/refused.db"
	left_nothing "usage" refused.db
}

# What can be read of a cut capture is written, and told.
run_cut() {
	local size packets
	size=$(stat -c %s "$WL_TMP/full.pcap")
	head -c $((size / 2)) "$WL_TMP/full.pcap" >"$WL_TMP/cut.pcap"
	packets=$(tcpdump -r "$WL_TMP/cut.pcap" -w - 2>/dev/null | "$WLTRAF" count --pcap - | jq .packets)
	"$FLOWD" --config /dev/null -r "$WL_TMP/cut.pcap" --db "$WL_TMP/cut.db" 2>"$WL_TMP/said"
	assert_eq "cut: exit" "$?" 1
	assert_match "cut: message" "$(cat "$WL_TMP/said")" "capture $WL_TMP/cut[.]pcap: after $packets packets: truncated"
	assert_eq "cut: packets" "$(sql 'SELECT sum(seen_packets) FROM books_sum' "$WL_TMP/cut.db")" "$packets"
	assert_books "cut" "$WL_TMP/cut.db"
}

# The database of a flowd that runs, by its name and by another one
run_same_database() {
	local name
	flowd_start "$NSB" -i vb || return
	ln -s "$FLOWD_DB" "$WL_TMP/link.db"
	for name in "$FLOWD_DB" "$WL_TMP/link.db"; do
		refused "database in use" "$name: another flowd, process $FLOWD_PID writes to it" \
			"$FLOWD" --config /dev/null -r "$WL_TMP/full.pcap" --db "$name"
	done
	udp "$NSA" 10.1.0.2 -s 35000 --size 100 --count 10
	flowd_stop
	assert_eq "database in use: flowd goes on" "$(seen 0)" "10|1420"
	assert_eq "database in use: interfaces" "$(sql 'SELECT name FROM interface')" vb
	assert_books "database in use"
}

# A file system that is full, of a mount namespace of its own
run_full_disk() {
	mkdir "$WL_TMP/disk"
	# shellcheck disable=SC2016 # its own arguments
	refused "full disk" "$WL_TMP/disk/x[.]db: .*(full|No space left)" unshare -m sh -c '
		mount -t tmpfs -o size=100k none "$1" || exit 99
		"$2" --config /dev/null -r "$3" --db "$1/x.db"' sh "$WL_TMP/disk" "$FLOWD" "$WL_TMP/full.pcap"
}

suite live_replay tcpdump iperf3 ping python3
net_pair || { fail "no veth pair"; finish; }
in_a ethtool -K va tso off gso off gro off
in_b ethtool -K vb tso off gso off gro off
CAPTURE_PIDS=()
# by timeouts the live flowd ends records after the last packet, where the capture's clock stands still
TIMES=(--idle 1h --active 1h)
INNER=(--tunnel inner --fragments untracked "${TIMES[@]}")
if ! { serve "$NSA" 9 && serve "$NSB" 9 && iperf_server "$NSB" 5201; }; then
	fail "no servers"
	finish
fi
run_live || finish
run_formats
run_cooked
run_unprivileged
run_again
for signal in TERM INT; do
	run_signal_early "$signal"
	run_signal_waiting "$signal"
	run_signal_busy "$signal"
done
run_kill
run_errors
run_cut
run_same_database
run_full_disk
finish
