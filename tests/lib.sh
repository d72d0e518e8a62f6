# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # what suites read
#
# lib.sh: what the live suites share: namespaces joined by a veth pair, flowd in them, questions to
# its database, and counted assertions. A suite sources it, calls `suite NAME`, and ends with `finish`,
# which prints "NAME: N passed, N failed, N skipped". All that it makes has the suite's process id in
# its name and is removed by a trap. Waiting is polling with a deadline (wait_until).
#
#   namespace A: va 10.1.0.1 fd00:1::1   <-->   namespace B: vb 10.1.0.2 fd00:1::2
#
# WL_BUILD names the build directory (default: build).

# shellcheck source=tests/busy.sh
. "$(dirname "${BASH_SOURCE[0]}")/busy.sh"

WL_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
WL_BUILD=$(cd "$WL_ROOT" && realpath -m "${WL_BUILD:-build}")
FLOWD=$WL_BUILD/bin/flowd
FLOWCTL=$WL_BUILD/bin/flowctl
WLGEN=$WL_BUILD/tests/wlgen
WLTRAF=$WL_BUILD/tests/wltraf
WLSEND=$WL_BUILD/tests/wlsend
WL_CORPUS=$WL_ROOT/tests/corpus

WL_NAME=lib
WL_PASSED=0
WL_FAILED=0
WL_SKIPPED=0
WL_PIDS=()
WL_INSTANCES=()
WL_NETNS=()
WL_TMP=
NSA=wl$$a
NSB=wl$$b
FLOWD_N=0
FLOWD_PID=
FLOWD_DB=
FLOWD_INSTANCE=
FLOWD_LOG=

# --- counting -------------------------------------------------------------------------------------

pass() { WL_PASSED=$((WL_PASSED + 1)); }

fail() {
	WL_FAILED=$((WL_FAILED + 1))
	printf 'FAIL %s: %s\n' "$WL_NAME" "$*"
}

skip() {
	WL_SKIPPED=$((WL_SKIPPED + 1))
	printf 'SKIP (%s)\n' "$*"
}

say() { printf '     %s: %s\n' "$WL_NAME" "$*"; }

# assert_eq LABEL GOT WANT
assert_eq() {
	if [ "$2" = "$3" ]; then pass; else fail "$1: got '$2', wanted '$3'"; fi
}

# assert_between LABEL GOT MIN MAX: integers
assert_between() {
	if [ -n "$2" ] && [ "$2" -ge "$3" ] && [ "$2" -le "$4" ]; then
		pass
	else
		fail "$1: got '$2', wanted $3 to $4"
	fi
}

# assert_match LABEL TEXT REGEX
assert_match() {
	if [[ $2 =~ $3 ]]; then pass; else fail "$1: '$2' does not match '$3'"; fi
}

# assert_same LABEL FILE FILE: the difference is shown, the first lines of it
assert_same() {
	if cmp -s "$2" "$3"; then
		pass
	else
		fail "$1: $(wc -l <"$2") and $(wc -l <"$3") lines differ:"
		diff "$2" "$3" | head -n 12
	fi
}

# --- waiting --------------------------------------------------------------------------------------

# wait_until SECONDS COMMAND...: until the command succeeds; false when the time is over
wait_until() {
	local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# wait_ms MS: a span that the test itself is about (a timeout that has to pass)
wait_ms() {
	local end=$(($(now_ms) + $1))
	while [ "$(now_ms)" -lt "$end" ]; do sleep 0.02; done
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# --- suite ----------------------------------------------------------------------------------------

cleanup() {
	local pid name
	for pid in "${WL_PIDS[@]}"; do
		kill -9 "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	for name in "${WL_NETNS[@]}"; do
		ip netns del "$name" 2>/dev/null
	done
	for name in "${WL_INSTANCES[@]}"; do # of a namespace that is there flowd would leave it alone
		"$FLOWD" --detach --instance "$name" --db "$WL_TMP/$name.detach.db" >/dev/null 2>&1
		rm -f "/run/wireledger/$name.sock" "/run/wireledger/$name.lock"
	done
	[ -n "$WL_TMP" ] && [ -z "${WL_KEEP:-}" ] && rm -rf "$WL_TMP"
}

# need TOOL...: they must be installed
need() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null && continue
		skip "no $tool"
		finish
	done
}

# built FILE...: they must be there
built() {
	local file
	for file; do
		[ -x "$file" ] && continue
		fail "$file is not built"
		finish
	done
}

# WL_TMP, and that it is removed at the end
scratch() {
	WL_TMP=$(mktemp -d "/tmp/wl$$.XXXXXX")
	trap cleanup EXIT
	trap 'exit 130' INT TERM
}

# suite NAME [TOOL...]: the tools must be installed
suite() {
	WL_NAME=$1
	shift
	if [ "$(id -u)" != 0 ]; then
		skip "not root"
		finish
	fi
	need ip ethtool sqlite3 jq "$@"
	built "$FLOWD" "$WLGEN" "$WLTRAF"
	scratch
}

finish() {
	printf '%s: %d passed, %d failed, %d skipped\n' "$WL_NAME" "$WL_PASSED" "$WL_FAILED" "$WL_SKIPPED"
	[ "$WL_FAILED" = 0 ]
	exit
}

# --- network --------------------------------------------------------------------------------------

in_a() { ip netns exec "$NSA" "$@"; }
in_b() { ip netns exec "$NSB" "$@"; }

make_netns() {
	ip netns add "$1" || return
	WL_NETNS+=("$1")
	ip -n "$1" link set lo up
}

# Nobody speaks but the test: no link-local address, no duplicate detection, no router requests, and
# where ARP is off the kernel joins no multicast group, which it would report.
quiet_iface() {
	ip -n "$1" link set "$2" addrgenmode none arp off
	ip netns exec "$1" sysctl -qw "net.ipv6.conf.$2.accept_dad=0" "net.ipv6.conf.$2.accept_ra=0" \
		"net.ipv6.conf.$2.router_solicitations=0"
	# a queue, which veth stops (since Linux 6.16) where it would drop what its ring has no room for
	ip netns exec "$1" tc qdisc replace dev "$2" root pfifo limit 100000
}

# shellcheck disable=SC2120 # the MTU may be left out
# net_pair [MTU]: the picture above, with fixed neighbours, so no ARP; GRO is on in B, as wlgen needs.
net_pair() {
	local mtu=${1:-1500} cpus
	cpus=$(nproc)
	local queues=(numtxqueues "$cpus" numrxqueues "$cpus") # so that two CPUs can send at once
	make_netns "$NSA" && make_netns "$NSB" || return
	ip link add va netns "$NSA" mtu "$mtu" address 02:00:00:00:0a:01 "${queues[@]}" type veth \
		peer name vb netns "$NSB" mtu "$mtu" address 02:00:00:00:0a:02 "${queues[@]}" || return
	quiet_iface "$NSA" va
	quiet_iface "$NSB" vb
	ip -n "$NSA" link set va up
	ip -n "$NSB" link set vb up
	# else XDP marks what has no tag in its bytes, and TC does not (live_vlan.sh)
	in_b ethtool -K vb gro on rxvlan off
	in_a ethtool -K va gro on rxvlan off
	ip -n "$NSA" addr add 10.1.0.1/24 dev va
	ip -n "$NSB" addr add 10.1.0.2/24 dev vb
	ip -n "$NSA" addr add fd00:1::1/64 dev va nodad
	ip -n "$NSB" addr add fd00:1::2/64 dev vb nodad
	local a
	for a in 10.1.0.2 fd00:1::2; do
		ip -n "$NSA" neigh replace "$a" lladdr 02:00:00:00:0a:02 dev va nud permanent
	done
	for a in 10.1.0.1 fd00:1::1; do
		ip -n "$NSB" neigh replace "$a" lladdr 02:00:00:00:0a:01 dev vb nud permanent
	done
	wait_until 40 link_quiet
}

# vxlan_end NETNS VNI LOCAL REMOTE MTU HOST: vx there, address 10.9.0.HOST
vxlan_end() {
	ip -n "$1" link add vx address "02:00:00:00:0f:0$6" mtu "$5" type vxlan id "$2" local "$3" remote "$4" \
		dstport 4789 2>/dev/null || return
	quiet_iface "$1" vx
	ip -n "$1" link set vx up
	ip -n "$1" addr add "10.9.0.$6/24" dev vx
	ip -n "$1" neigh replace "10.9.0.$((3 - $6))" lladdr "02:00:00:00:0f:0$((3 - $6))" dev vx nud permanent
}

# vxlan_pair VNI A B MTU: vx in both namespaces, between those addresses of the veth pair; false where
# there is no such device
vxlan_pair() { vxlan_end "$NSA" "$1" "$2" "$3" "$4" 1 && vxlan_end "$NSB" "$1" "$3" "$2" "$4" 2; }

vxlan_drop() {
	ip -n "$NSA" link del vx
	ip -n "$NSB" link del vx
}

# is_up IFACE: in A, and its queue is there: a packet before that is lost without a word
is_up() { [ "$(ip -n "$NSA" -j link show dev "$1" | jq -r '.[0].operstate')" = UP ]; }

net_drop() {
	ip netns del "$NSA"
	ip netns del "$NSB"
	WL_NETNS=()
}

link_quiet() {
	local before
	settle
	before=$(counter "$NSA" va tx_packets)$(counter "$NSB" vb tx_packets)
	sleep 0.5
	[ "$before" = "$(counter "$NSA" va tx_packets)$(counter "$NSB" vb tx_packets)" ]
}

# counter NETNS IFACE NAME: rx_packets, rx_bytes, tx_packets, tx_bytes, ...
counter() {
	ip -n "$1" -s -j link show dev "$2" |
		jq -r --arg side "${3%%_*}" --arg what "${3#*_}" '.[0].stats64[$side][$what]'
}

# counter_mark NETNS IFACE SIDE: where the interface's rx or tx counters are
counter_mark() { echo "$(counter "$1" "$2" "$3_packets"):$(counter "$1" "$2" "$3_bytes")"; }

# counter_since MARK NETNS IFACE SIDE HEADER: packets|bytes on the wire since then. HEADER is what the
# interface leaves out of a frame: veth 14 where the receiving end has XDP, else 0.
counter_since() {
	local packets bytes
	packets=$(($(counter "$2" "$3" "$4_packets") - ${1%:*}))
	bytes=$(($(counter "$2" "$3" "$4_bytes") - ${1#*:}))
	echo "$packets|$((bytes + $5 * packets))"
}

# background COMMAND...: its pid in $!, ended with the suite
background() {
	"$@" &
	WL_PIDS+=("$!")
}

# serve NETNS PORT: a UDP and TCP sink there, ready when this returns
serve() {
	local out=$WL_TMP/serve.$1.$2
	ip netns exec "$1" "$WLTRAF" serve -p "$2" >"$out" &
	WL_PIDS+=("$!")
	wait_until 40 grep -qs ready "$out"
}

# iperf_server NETNS PORT
iperf_server() {
	local out=$WL_TMP/iperf.$1.$2
	ip netns exec "$1" stdbuf -oL iperf3 -s -p "$2" >"$out" 2>&1 &
	WL_PIDS+=("$!")
	wait_until 40 grep -qs listening "$out"
}

# iperf_done NETNS PORT: until that server is through with its last client, and listens anew: else it refuses the next
iperf_done() { wait_until 40 iperf_free "$@" || fail "iperf3 at port $2 is not through with its client"; }
iperf_free() { [[ $(grep -E '^(Server listening|Accepted connection)' "$WL_TMP/iperf.$1.$2" | tail -n 1) == Server* ]]; }

# --- flowd ----------------------------------------------------------------------------------------

# flowd_start NETNS ARG...: FLOWD_PID, FLOWD_DB, FLOWD_INSTANCE, FLOWD_LOG are those of this one.
# WL_INSTANCE and WL_DB, where set, are used instead of new names.
flowd_start() {
	local netns=$1
	shift
	FLOWD_N=$((FLOWD_N + 1))
	FLOWD_INSTANCE=${WL_INSTANCE:-wl$$-$FLOWD_N}
	FLOWD_DB=${WL_DB:-$WL_TMP/$FLOWD_INSTANCE.db}
	FLOWD_LOG=$WL_TMP/$FLOWD_INSTANCE.$FLOWD_N.log
	WL_INSTANCES+=("$FLOWD_INSTANCE")
	ip netns exec "$netns" "$FLOWD" --config /dev/null --instance "$FLOWD_INSTANCE" \
		--db "$FLOWD_DB" "$@" >"$FLOWD_LOG" 2>&1 &
	FLOWD_PID=$!
	WL_PIDS+=("$FLOWD_PID")
	if wait_until 60 flowd_ready "$FLOWD_PID" "$FLOWD_LOG" && ! gone "$FLOWD_PID"; then
		return 0
	fi
	fail "flowd $* did not come up: $(tail -n 5 "$FLOWD_LOG")"
	return 1
}

flowd_ready() { gone "$1" || grep -qs ': counting' "$2"; }

# The books of the whole database, as flowctl ledger has them.
books_balance() {
	local off
	off=$("$FLOWCTL" --db "$FLOWD_DB" ledger --check --stored 2>&1) && return
	fail "books of $FLOWD_DB do not balance"
	head -n 12 <<<"$off"
}

# flowd_stop [PID [SIGNAL]]: wait for its end; FLOWD_RC is its exit code. Its books must balance then.
# shellcheck disable=SC2120 # as may both of these
flowd_stop() {
	flowd_end "$@" 2>/dev/null # bash's own word on what was killed
	[ "$FLOWD_RC" -ne 0 ] || books_balance
}

flowd_end() {
	local pid=${1:-$FLOWD_PID}
	[ "${2:-TERM}" != TERM ] || settle
	kill "-${2:-TERM}" "$pid"
	if ! wait_until 60 gone "$pid"; then
		fail "flowd $pid does not end"
		kill -9 "$pid"
	fi
	wait "$pid"
	FLOWD_RC=$?
}

# replay LABEL FILE [ARG...]: the capture into REPLAY_DB
replay() {
	local label=$1 file=$2 rc
	shift 2
	FLOWD_N=$((FLOWD_N + 1))
	REPLAY_DB=$WL_TMP/replay-$FLOWD_N.db
	timeout 120 "$FLOWD" --config /dev/null -r "$file" --db "$REPLAY_DB" "$@" 2>"$WL_TMP/said"
	rc=$?
	assert_eq "$label: exit: $(cat "$WL_TMP/said")" "$rc" 0
}

# --- questions ------------------------------------------------------------------------------------

# sql QUERY [DB]
sql() { sqlite3 -readonly -cmd '.timeout 5000' "${2:-$FLOWD_DB}" "$1"; }

# Another program's write transaction on flowd's database, from db_hold to db_release: nothing can be written to it.
db_hold() {
	exec {WL_HELD}> >(exec sqlite3 -cmd ".timeout 20000" "$FLOWD_DB" >"$WL_TMP/holds")
	echo "BEGIN IMMEDIATE; SELECT 'held';" >&"$WL_HELD"
	wait_until 20 grep -qs held "$WL_TMP/holds" || fail "the database is not held"
}
db_release() { exec {WL_HELD}>&-; }

# Each direction of each conversation as a row of its own: flows that went `d` (0 ingress, 1 egress).
WL_DIRECTED="
	SELECT iface, dir AS d, ethertype, vlan, cvlan, marks & ~64 AS marks, proto, src, dst, sport, dport,
		packets, bytes, ip_bytes, tcp_flags & 255 AS flags, end_reason, id, duration_ms
	FROM flow_plain
	UNION ALL
	SELECT iface, CASE WHEN marks & 64 THEN dir ELSE 1 - dir END, ethertype, vlan, cvlan, marks & ~64,
		proto, dst, src,
		CASE WHEN proto IN (1, 58) OR ethertype IS NOT NULL THEN NULL ELSE dport END,
		CASE WHEN proto IN (1, 58) OR ethertype IS NOT NULL THEN NULL ELSE sport END,
		rev_packets, rev_bytes, rev_ip_bytes, (tcp_flags >> 8) & 255, end_reason, id, duration_ms
	FROM flow_plain WHERE rev_packets > 0"

# flow_table DIR [WHERE [DB]]: one line a directed flow, sorted: key|packets|bytes|ip_bytes|flags.
# Ports of ICMP, ARP and LLC are left out: which side's they are depends on the pairing.
flow_table() {
	sql "SELECT ifnull(ethertype, 'ip'), ifnull(vlan, '-'), ifnull(cvlan, '-'), marks, ifnull(proto, '-'),
		CASE typeof(src) WHEN 'blob' THEN hex(src) ELSE src END AS s,
		CASE typeof(dst) WHEN 'blob' THEN hex(dst) ELSE dst END AS t,
		CASE WHEN proto IN (1, 58) OR ethertype IS NOT NULL THEN '-' ELSE sport END AS sp,
		CASE WHEN proto IN (1, 58) OR ethertype IS NOT NULL THEN '-' ELSE dport END AS dp,
		sum(packets), sum(bytes), sum(ip_bytes)
		FROM ($WL_DIRECTED) WHERE d = $1 AND packets > 0 AND (${2:-1})
		GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9" "${3:-$FLOWD_DB}"
}

# assert_books LABEL [DB]: after flowd's end: seen = recorded = in flow rows, for each interface and
# direction, nothing held and nothing unaccounted.
assert_books() {
	local db=${2:-$FLOWD_DB} rows
	rows=$(sql "SELECT count(*) FROM books_sum WHERE seen_packets > 0" "$db")
	assert_between "$1: books" "$rows" 1 1000
	rows=$(sql "SELECT iface, dir, seen_packets, recorded_packets, seen_bytes, recorded_bytes FROM books_sum
		WHERE seen_packets != recorded_packets OR seen_bytes != recorded_bytes" "$db")
	assert_eq "$1: seen and recorded" "$rows" ""
	rows=$(sql "SELECT b.iface, b.dir, b.recorded_packets, f.p, b.recorded_bytes, f.b FROM books_sum b
		LEFT JOIN (SELECT iface, d, sum(packets) AS p, sum(bytes) AS b FROM ($WL_DIRECTED)
			GROUP BY iface, d) f ON f.iface = b.iface AND f.d = b.dir
		WHERE b.recorded_packets != ifnull(f.p, 0) OR b.recorded_bytes != ifnull(f.b, 0)" "$db")
	assert_eq "$1: recorded and flow rows" "$rows" ""
	rows=$(sql "SELECT minute_ms, iface, dir, unaccounted_packets, unaccounted_bytes FROM ledger
		WHERE unaccounted_packets != 0 OR unaccounted_bytes != 0" "$db")
	assert_eq "$1: unaccounted" "$rows" ""
	rows=$(sql "SELECT l.iface, l.dir, sum(seen_packets), b.s, sum(recorded_packets), b.r FROM ledger l
		JOIN (SELECT iface, dir, seen_packets AS s, recorded_packets AS r FROM books_sum) b
			ON b.iface = l.iface AND b.dir = l.dir
		GROUP BY l.iface, l.dir HAVING sum(seen_packets) != b.s OR sum(recorded_packets) != b.r" "$db")
	assert_eq "$1: ledger rows and books" "$rows" ""
}

# seen DIR [DB]: packets and bytes by the hook's own count
seen() {
	sql "SELECT ifnull(sum(seen_packets), 0), ifnull(sum(seen_bytes), 0) FROM books_sum WHERE dir = $1" \
		"${2:-$FLOWD_DB}"
}

# flows_json DB [ARG...]: records as JSON, a line each
flows_json() {
	local db=$1
	shift
	"$FLOWCTL" --db "$db" flows --json -n 0 "$@" 2>"$WL_TMP/err" || fail "flowctl flows: $(cat "$WL_TMP/err")"
}

# --- captures with known answers ------------------------------------------------------------------

counter_reached() { [ "$(counter "$1" "$2" "$3")" -ge "$4" ]; }

# send_frames FILE [FROM TO]: the frames of a capture from A's interface to B's, va and vb unless given;
# SENT_PACKETS and SENT_BYTES when all are there
send_frames() {
	local from=${2:-va} to=${3:-vb} before json
	before=$(counter "$NSB" "$to" rx_packets)
	json=$(in_a "$WLSEND" "$from" "$1")
	SENT_PACKETS=$(jq .packets <<<"$json")
	SENT_BYTES=$(jq .bytes <<<"$json")
	assert_eq "$(basename "$1"): frames not sent" "$(jq .skipped <<<"$json")" 0
	wait_until 40 counter_reached "$NSB" "$to" rx_packets $((before + SENT_PACKETS)) ||
		fail "$(basename "$1"): frames do not arrive"
}

# judge_table LABEL TABLE OPTION...: ingress of FLOWD_DB against a table of the corpus
judge_table() {
	local label=$1 table=$2
	shift 2
	if flows_json "$FLOWD_DB" --uniflow | jq -c 'select(.dir == "ingress")' |
		python3 "$WL_ROOT/tests/corpus_compare.py" --non-ip --told "$@" "$table" >"$WL_TMP/said" 2>&1; then
		pass
	else
		fail "$label: $(grep -vE '^unjudged' "$WL_TMP/said" | head -n 12)"
	fi
}

# --- what wlgen sent, held against the database ---------------------------------------------------

# generate ARG...: into A's veth, to where it came through B's; $SENT_PACKETS, $SENT_BYTES, $SENT_RATE (packets
# a second), and the flows in sent.csv
generate() {
	local json before
	before=$(counter "$NSB" vb rx_packets)
	json=$(in_a "$WLGEN" -i va --per-flow "$WL_TMP/sent.csv" "$@")
	assert_eq "wlgen $*" "$?" 0
	SENT_PACKETS=$(jq .packets <<<"$json")
	SENT_BYTES=$(jq .bytes <<<"$json")
	SENT_RATE=$(jq '.packets / (.seconds + 0.001) | floor' <<<"$json")
	wait_until 40 counter_reached "$NSB" vb rx_packets $((before + SENT_PACKETS)) || fail "wlgen $*: frames do not arrive"
	say "sent $json"
}

# compare LABEL: flows of the database with sent.csv; both sides as src,dst,sport,dport,packets,bytes
compare() {
	sort "$WL_TMP/sent.csv" >"$WL_TMP/want"
	sql "SELECT src, dst, sport, dport, sum(packets), sum(bytes) FROM flow_text
		GROUP BY src, dst, sport, dport" | tr '|' , | sort >"$WL_TMP/got"
	assert_same "$1: packets and bytes of each flow" "$WL_TMP/got" "$WL_TMP/want"
}

# balance LABEL: the hook's count is what was sent, and the books are in order
balance() {
	assert_eq "$1: the hook's own count" "$(seen 0)" "$SENT_PACKETS|$SENT_BYTES"
	assert_books "$1"
}
