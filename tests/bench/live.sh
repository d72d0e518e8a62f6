#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live.sh: what a monitor takes from the traffic that it watches, over veth, and what of it is lost to the monitor:
#
#   ingress   the generator at full rate, 1,000 flows of 64-byte frames, all on the last CPU
#   egress    a sender of small datagrams, 1,000 flows, by sendmmsg on the last CPU
#   tcp       one iperf3 connection, both ends of it on the last CPU
#   drops     as ingress, but the stack drops each packet, and says so to flowd's programs for drops
#
# without a monitor, with empty programs in the place of flowd's, with flowd, and, for ingress, with softflowd and
# pmacctd as far as they are installed (apt-get install softflowd pmacct nfdump; they are not fetched here). The
# monitor has the first CPU. Rates are packets a second of the last CPU, in the real-time class and by its CPU clock, so
# that who else is on the host takes little from them. Subjects take turns in each round; rates and ratios are medians of rounds, a ratio being
# that of a round to the empty program (tcp: to no monitor) in the same round. What was counted is read from the
# monitor's own records: flowd's database, the others' NetFlow by nfcapd.
#
#   tests/bench/live.sh [ROUNDS [SECONDS [LOAD...]]]
# shellcheck source=tests/lib.sh disable=SC2119,SC2317 # called by name
. "$(dirname "$0")/../lib.sh"

ROUNDS=${1:-7}
SPAN=${2:-2}
FLOWS=1000
SIZE=64
LAST=$(($(nproc) - 1))
UDP=$WL_BUILD/bench/udp
EMPTY=$WL_BUILD/bench/empty.bpf.o
MONITOR= # its process
MONITOR_CPU=
COLLECTOR=
SENT=
SECONDS_SENT=
COUNTED=

shift $(($# > 2 ? 2 : $#))
LOADS=("${@:-ingress}")
[ $# -gt 0 ] || LOADS=(ingress egress tcp drops)

# swallow NETNS IFACE: what is to nobody ends there, without being a drop
swallow() {
	ip netns exec "$1" tc qdisc add dev "$2" clsact &&
		ip netns exec "$1" tc filter add dev "$2" ingress prio 9 bpf da obj "$EMPTY" sec tc/swallow
}

# --- what is attached -----------------------------------------------------------------------------

# Nanoseconds that the monitor's threads, and its children's, have run.
cpu_ns() {
	local pid
	for pid in $MONITOR $([ -z "$MONITOR" ] || pgrep -P "$MONITOR"); do
		cat "/proc/$pid/task/"*/schedstat 2>/dev/null
	done | awk '{ sum += $1 } END { printf "%.0f", sum }'
}

collector_start() {
	WL_NFDIR=$(mktemp -d "$WL_TMP/nf.XXXXXX")
	ip netns exec "$NSB" nfcapd -4 -b 127.0.0.1 -p "$1" -t 86400 -B 4000000 -y -I live -w "$WL_NFDIR" >"$WL_TMP/nfcapd.log" 2>&1 &
	COLLECTOR=$!
	WL_PIDS+=("$COLLECTOR")
	wait_until 10 grep -qs Startup "$WL_TMP/nfcapd.log"
}

# It has read what is in its socket.
collector_idle() { [ -z "$(in_b ss -Haun src 127.0.0.1 | awk '$2 > 0')" ]; }

# collector_stop: COUNTED
collector_stop() {
	wait_until 10 collector_idle
	kill "$COLLECTOR"
	wait "$COLLECTOR" 2>/dev/null
	COUNTED=$(nfdump -I -R "$WL_NFDIR" 2>/dev/null | awk '/^Packets:/ { sum += $2 } END { print sum + 0 }')
}

watches() { in_b ss -Ha0 | grep -q ":vb"; }

start_none() { :; }
stop_none() { COUNTED=; }

start_empty() {
	in_b ip link set dev vb xdpdrv obj "$EMPTY" sec xdp.frags || return
	in_b tc filter add dev vb egress prio 1 bpf da obj "$EMPTY" sec tc
}

stop_empty() {
	in_b tc filter del dev vb egress
	in_b ip link set dev vb xdpdrv off
	COUNTED=
}

start_flowd() { flowd_start "$NSB" -i vb "$@" && MONITOR=$FLOWD_PID; }
start_flowd_tc() { start_flowd --ingress tc; }
start_flowd_quiet() { start_flowd --trace no; }

# In records, not only in the hooks' counters.
stop_flowd() {
	flowd_stop
	COUNTED=$(sql 'SELECT ifnull(sum(packets + rev_packets), 0) FROM flow')
	[ "$(folded)" = 0 ] || say "flowd folded $(folded) packets"
	rm -f "$FLOWD_DB"*
}
stop_flowd_tc() { stop_flowd; }
stop_flowd_quiet() { stop_flowd; }

start_softflowd() {
	collector_start 9995
	ip netns exec "$NSB" softflowd -i vb -n 127.0.0.1:9995 -v 9 -m 8192 -d -p "$WL_TMP/soft.pid" -c "$WL_TMP/soft.ctl" \
		>/dev/null 2>&1 &
	MONITOR=$!
	WL_PIDS+=("$MONITOR")
	wait_until 20 watches
}

stop_softflowd() {
	in_b softflowctl -c "$WL_TMP/soft.ctl" shutdown >/dev/null 2>&1
	wait "$MONITOR" 2>/dev/null
	collector_stop
}

start_pmacctd() {
	collector_start 9996
	cat >"$WL_TMP/pmacctd.conf" <<-END
		daemonize: false
		pcap_interface: vb
		plugins: nfprobe
		aggregate: src_host, dst_host, src_port, dst_port, proto
		nfprobe_receiver: 127.0.0.1:9996
		nfprobe_version: 9
		plugin_buffer_size: 102400
		plugin_pipe_size: 104857600
	END
	ip netns exec "$NSB" pmacctd -f "$WL_TMP/pmacctd.conf" >"$WL_TMP/pmacctd.log" 2>&1 &
	MONITOR=$!
	WL_PIDS+=("$MONITOR")
	wait_until 20 watches
}

stop_pmacctd() {
	kill "$MONITOR"
	wait "$MONITOR" 2>/dev/null
	collector_stop
}

# --- loads: SENT packets in SECONDS_SENT -----------------------------------------------------------

load_ingress() {
	local json
	json=$(in_a chrt -f 1 "$WLGEN" -i va -f "$FLOWS" -s "$SIZE" -n "$PACKETS" --cpu "$LAST")
	SENT=$(jq '.packets - .dropped' <<<"$json")
	SECONDS_SENT=$(jq .cpu_seconds <<<"$json")
}

load_drops() { load_ingress; }

load_egress() { read -r SENT SECONDS_SENT < <(in_b chrt -f 1 "$UDP" 10.1.0.99 "$FLOWS" 18 "$SPAN" "$LAST"); }

# What the last CPU's ksoftirqd has run.
behind_ns() { awk '{ print $1 }' "/proc/$(pgrep -x "ksoftirqd/$LAST")/schedstat"; }

# Bits in the place of packets; the CPU time of both ends, and of what ran behind them.
load_tcp() {
	local json before
	before=$(behind_ns)
	json=$(in_a taskset -c "$LAST" iperf3 -c 10.1.0.2 -p 5299 -t "$SPAN" -J)
	SENT=$(jq '.end.sum_received.bytes * 8' <<<"$json")
	SECONDS_SENT=$(jq --argjson behind $(($(behind_ns) - before)) '.end | .cpu_utilization_percent as $p |
		($p.host_total + $p.remote_total) / 100 * .sum_received.seconds + $behind / 1e9' <<<"$json")
}

# As many packets as take SPAN seconds here.
calibrate() {
	PACKETS=300000
	load_ingress
	PACKETS=$(awk -v n="$SENT" -v s="$SECONDS_SENT" -v span="$SPAN" 'BEGIN { printf "%d", n / s * span }')
}

# --- rounds ---------------------------------------------------------------------------------------

# one LOAD SUBJECT: a line in results
one() {
	local load=$1 subject=$2 before after
	MONITOR=
	"start_$subject" || { fail "$load: $subject does not start"; return; }
	[ -z "$MONITOR" ] || taskset -acp 0 "$MONITOR" >/dev/null
	before=$(cpu_ns)
	"load_$load"
	[ -z "$MONITOR" ] || wait_ms 1000 # it may be behind
	after=$(cpu_ns)
	MONITOR_CPU=$(awk -v ns=$((after - before)) -v s="$SECONDS_SENT" 'BEGIN { print ns / s / 1e7 }')
	"stop_$subject"
	[ "$load" != tcp ] || COUNTED=
	awk -v load="$load" -v subject="$subject" -v sent="$SENT" -v s="$SECONDS_SENT" -v cpu="$MONITOR_CPU" \
		-v counted="${COUNTED:--}" 'BEGIN { print load, subject, sent / s, sent, counted, cpu }' >>"$WL_TMP/results"
}

# median of a column of numbers; "-" where there is none
median() { sort -n | awk '{ v[NR] = $1 } END { print NR ? (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 : "-" }'; }

# ratios LOAD SUBJECT TO: of each round
ratios() {
	paste -d ' ' <(of "$1" "$2" 3) <(of "$1" "$3" 3) | awk 'NF == 2 { print $1 / $2 }'
}

of() { awk -v load="$1" -v subject="$2" -v n="$3" '$1 == load && $2 == subject { print $n }' "$WL_TMP/results"; }

lost() { awk -v load="$1" -v subject="$2" '$1 == load && $2 == subject && $5 != "-" { print 100 * (1 - $5 / $4) }' "$WL_TMP/results"; }

# Of a core, while the load was on.
share() {
	case $2 in
	none | empty) echo - ;;
	*) of "$1" "$2" 6 | median | awk '{ printf "%.1f %%", $1 }' ;;
	esac
}

# report LOAD TO SUBJECT...
report() {
	local load=$1 to=$2 subject spread
	shift 2
	for subject; do
		spread=$(ratios "$load" "$subject" "$to" | sort -n | sed -n '1p;$p' | tr '\n' ' ')
		# shellcheck disable=SC2086 # two numbers
		printf '%-8s %-14s %9.3f %-6s %7.3f (%.2f to %.2f) %9s %9s\n' "$load" "${subject/_/, }" \
			"$(of "$load" "$subject" 3 | median | awk -v l="$load" '{ print $1 / (l == "tcp" ? 1e9 : 1e6) }')" \
			"$([ "$load" = tcp ] && echo Gbit/s || echo Mpps)" "$(ratios "$load" "$subject" "$to" | median)" \
			${spread:-0 0} "$(lost "$load" "$subject" | median | awk '{ print $1 == "-" ? "-" : sprintf("%.2f %%", $1) }')" \
			"$(share "$load" "$subject")"
	done
}

# run LOAD TO SUBJECT...
run() {
	local load=$1 subject round
	for ((round = 0; round < ROUNDS; round++)); do
		for subject in "${@:3}"; do one "$load" "$subject"; done
	done
	report "$@"
}

have() { command -v "$1" >/dev/null && command -v nfcapd >/dev/null; }

suite live_bench taskset tc
built "$UDP"
net_pair || { fail "no veth pair"; finish; }
if ! swallow "$NSA" va || ! swallow "$NSB" vb; then
	fail "no clsact"
	finish
fi
# to nobody, as the generator's
ip -n "$NSB" neigh replace 10.1.0.99 lladdr 02:00:00:00:00:99 dev vb nud permanent
OTHERS=()
for tool in softflowd pmacctd; do
	if have "$tool"; then OTHERS+=("$tool"); else say "no $tool or nfcapd: no row for it"; fi
done
say "load $(cut -d ' ' -f 1-3 /proc/loadavg) on $(nproc) CPUs, $ROUNDS rounds of $SPAN s"
printf '%-8s %-14s %16s %24s %9s %9s\n' load monitor rate 'ratio (least to most)' lost 'CPU, core'
for load in "${LOADS[@]}"; do
	case $load in
	ingress)
		calibrate
		run ingress empty none empty flowd "${OTHERS[@]}"
		;;
	egress) run egress empty none empty flowd ;;
	drops)
		calibrate
		in_b tc filter del dev vb ingress
		run drops empty empty flowd flowd_quiet
		;;
	tcp)
		iperf_server "$NSB" 5299 || { fail "no iperf3"; finish; }
		taskset -acp "$LAST" "${WL_PIDS[-1]}" >/dev/null
		run tcp none none empty flowd flowd_tc
		;;
	esac
done
say "load $(cut -d ' ' -f 1-3 /proc/loadavg)"
finish
