#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# record_lossy.sh: captures of lossy TCP transfers, to judge the analysis of TCP by replay: each at the
# sender, in the middle (half of the faults before it, half after) and at the receiver, by iperf3.
#
#   tests/record_lossy.sh DIR [CASE...]
#
# DIR gets CASE.sender.pcap, CASE.middle.pcap, CASE.receiver.pcap, and CASE.wires, what both wires did.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/wire.sh
. "$(dirname "$0")/wire.sh"

# NAME OFFLOADS SYSCTL IPERF-OPTIONS: RULES of either wire, half of the delay and of the loss each
CASES=(
	"d0-clean off - -t 3 -b 80M :"
	"d20-clean-gso on - -t 3 -b 80M : --delay 10"
	"d0-l1 off - -t 5 -b 80M : --loss 1/200"
	"d0-l5 off - -t 5 -b 80M : --loss 1/40"
	"d20-l1 off - -t 8 -b 80M : --delay 10 --loss 1/200"
	"d20-l5 off - -t 8 -b 80M : --delay 10 --loss 1/40"
	"d0-r off - -t 4 -b 80M : --reorder 1/100:2"
	"d20-r off - -t 6 -b 80M : --delay 10 --reorder 1/200:4"
	"d0-lr off - -t 5 -b 80M : --loss 1/200 --reorder 1/100:2"
	"d20-lr off - -t 8 -b 80M : --delay 10 --loss 1/200 --reorder 1/200:4"
	"d20-dup off - -t 4 -b 80M : --delay 10 --dup 1/200"
	"d0-l1-nosack off tcp_sack=0 -t 5 -b 80M : --loss 1/200"
	"d20-l1-nosack off tcp_sack=0 -t 8 -b 80M : --delay 10 --loss 1/200"
	"d20-l5-nosack off tcp_sack=0 -t 8 -b 80M : --delay 10 --loss 1/40"
	"d20-lr-nosack off tcp_sack=0 -t 8 -b 80M : --delay 10 --loss 1/200 --reorder 1/200:4"
	"d20-l1-nots off tcp_timestamps=0 -t 8 -b 80M : --delay 10 --loss 1/200"
	"d0-l1-gso on - -t 5 -b 80M : --loss 1/200"
	"d0-l5-gso on - -t 5 -b 80M : --loss 1/40"
	"d0-r-gso on - -t 4 -b 80M : --reorder 1/100:2"
	"d20-l1-gso on - -t 8 -b 80M : --delay 10 --loss 1/200"
	"d20-lr-gso on - -t 8 -b 80M : --delay 10 --loss 1/200 --reorder 1/200:4"
	"d20-l1-gso-nosack on tcp_sack=0 -t 8 -b 80M : --delay 10 --loss 1/200"
	"d20-l1-bidir-gso on - -t 6 -b 40M --bidir : --delay 10 --loss 1/200"
	"d0-l1-six off - -6 -t 4 -b 80M : --loss 1/200"
)

set_sysctl() {
	in_a sysctl -qw "net.ipv4.$1"
	in_b sysctl -qw "net.ipv4.$1"
}

# record_case DIR NAME OFFLOADS SYSCTL OPTION...: RULE...
record_case() {
	local dir=$1 name=$2 offloads=$3 sysctl=$4 options=() peer=10.1.0.2
	shift 4
	while [ "$1" != : ]; do
		if [ "$1" = -6 ]; then peer=fd00:1::2; fi
		options+=("$1")
		shift
	done
	shift
	[ "$sysctl" = - ] || set_sysctl "$sysctl"
	offloads "$offloads"
	wire_start wa wm --seed 1 "$@"
	wire_start wn wb --seed 2 "$@"
	record "$NSA" va "$dir/$name.sender.pcap" -s 128
	record "$NSW" wm "$dir/$name.middle.pcap" -s 128
	record "$NSB" vb "$dir/$name.receiver.pcap" -s 128
	in_a timeout 60 iperf3 -c "$peer" -i 0 "${options[@]}" >"$WL_TMP/iperf" 2>&1 || say "$name: iperf3: $(tail -n 1 "$WL_TMP/iperf")"
	iperf_done "$NSB" 5201
	record_stop
	wire_stop
	cat "$WL_TMP/wire.$((WIRE_N - 1))" "$WIRE_SAID" >"$dir/$name.wires"
	[ "$sysctl" = - ] || set_sysctl "${sysctl%=*}=1"
	assert_eq "$name: tcpdump's losses" "$(cat "$dir/$name".*.said | grep -c '^0 packets dropped by kernel')" 3
	rm -f "$dir/$name".*.said
	say "$name: $(jq -sr 'map(.ab.data | [.packets, .dropped, .reordered, .duplicated] | join(" ")) | join(", ")' "$dir/$name.wires")"
}

suite record_lossy tcpdump iperf3
DIR=${1:?"a directory"}
shift
mkdir -p "$DIR"
wire_net two || { fail "no veth pairs"; finish; }
iperf_server "$NSB" 5201 || { fail "no server"; finish; }
for row in "${CASES[@]}"; do
	if [ $# = 0 ] || [[ " $* " == *" ${row%% *} "* ]]; then
		# shellcheck disable=SC2086 # words
		record_case "$DIR" $row
	fi
done
finish
