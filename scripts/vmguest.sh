#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# vmguest.sh: the guest's half of scripts/vmtest.sh, as process 1 of an initramfs with busybox, bash, ip,
# our binaries and libxdp's BPF objects. What is to be done is in /vmtest.conf: PARTS, pairs DRIVER:MODE.
#
#   namespace A: va 10.1.0.1 fd00:1::1   <-->   namespace B: vb 10.1.0.2 fd00:1::2, flowd
#
# a veth pair, or two NICs that QEMU joins. What va sent is what vb's ingress must have seen, what vb sent
# its egress, to the byte: the devices' own counters are the judge. Waiting is polling, with deadlines that
# an emulated machine on a busy one can keep; nothing is judged by time.
#
# Each part (scripts/vmparts.sh) ends with a line "row|DRIVER|MODE|HOOKS|PASSED|FAILED|SKIPPED".

# shellcheck disable=SC2016 # what other shells and awk are to expand

set -u
DB=/tmp/ledger.db
LOG=/tmp/flowd.log
PIN=/sys/fs/bpf/wireledger/default
MODULES_WANTED="veth sch_ingress cls_bpf 8021q virtio_pci virtio_net e1000e igb"
PATIENCE=240 # seconds

passed=0 failed=0 skipped=0
DRIVER=- MODE=-
SURPLUS=0

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAIL vmtest: $DRIVER $MODE: $*"; }
skip() { skipped=$((skipped + 1)); echo "SKIP ($*)"; }
say() { echo "     vmtest: $DRIVER $MODE: $*"; }
eq() { # LABEL GOT WANT
	if [ "$2" = "$3" ]; then pass; else fail "$1: got '$2', wanted '$3'"; fi
}
match() { # LABEL TEXT REGEX
	if [[ $2 =~ $3 ]]; then pass; else fail "$1: '$2' does not match '$3'"; fi
}
wait_for() { # COMMAND...
	local deadline=$((SECONDS + PATIENCE))
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}

in_a() { ip netns exec A "$@"; }
IN_B="nsenter --net=/run/netns/B" # with the host's /sys, as a service has it
in_b() { $IN_B "$@"; }
sql() { sqlite3 -readonly -cmd '.timeout 60000' "$DB" "$1"; }
gone() { ! kill -0 "$1" 2>/dev/null; }
xdp_on() { ip -n B -j -d link show dev vb | jq -r '.[0].xdp.prog.name // .[0].xdp.prog.id // empty'; }
filters() { in_b tc filter show dev vb egress; in_b tc filter show dev vb ingress; }
clsact() { in_b tc qdisc show dev vb | grep -c clsact; }
# what hangs in the bpffs; libxdp keeps its lock's folder, and ip(8) those that it makes
pins() {
	find /sys/fs/bpf -mindepth 1 ! -path /sys/fs/bpf/xdp ! -path /sys/fs/bpf/ip ! -path '/sys/fs/bpf/tc*' ! -name globals \
		! -name '*.debug' | sort | xargs
}
# NETNS DEVICE: packets|bytes
sent() {
	ip -n "$1" -s -j link show dev "$2" | jq -r '.[0].stats64.tx | "\(.packets)|\(.bytes)"'
}
plus() { echo "$((${1%|*} + ${2%|*}))|$((${1#*|} + ${2#*|}))"; }
minus() { echo "$((${1%|*} - ${2%|*}))|$((${1#*|} - ${2#*|}))"; } # of two such pairs
seen() {
	sql "SELECT ifnull(sum(seen_packets), 0), ifnull(sum(seen_bytes), 0) FROM books_sum WHERE dir = $1"
}

# on_wire NETNS PACKETS|BYTES: while XDP is on the other end veth does not count the Ethernet header; a NIC may
# count the checksum behind each frame.
on_wire() {
	local less=-$SURPLUS
	[[ $DRIVER$1$HOOKS == vethAxdp* ]] && less=14
	echo "${2%|*}|$((${2#*|} + less * ${2%|*}))"
}

# By pings of 98 bytes: what the device counts beyond a frame.
find_surplus() {
	local before gained
	before=$(sent A va)
	in_a ping -q -c 10 -i 0.02 10.1.0.2 >/dev/null
	wait_for quiet
	gained=$(minus "$(sent A va)" "$before")
	SURPLUS=$((${gained#*|} / ${gained%|*} - 98))
}

guest_mount() {
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp
	/bin/busybox --install -s /bin
	mount -t proc proc /proc
	mount -t sysfs sys /sys
	mount -t devtmpfs dev /dev
	mount -t tmpfs tmp /tmp
	mount -t tmpfs run /run
	ln -s /proc/self/fd /dev/fd
}

# --- the pair of devices --------------------------------------------------------------------------

# Nobody speaks but the test: no ARP, no link-local address, no multicast group to report.
guest_end() { # NETNS DEVICE HOST-NUMBER PEER-NUMBER
	local address
	ip -n "$1" link set "$2" addrgenmode none arp off
	ip netns exec "$1" sysctl -qw "net.ipv6.conf.$2.accept_dad=0" "net.ipv6.conf.$2.accept_ra=0" \
		"net.ipv6.conf.$2.router_solicitations=0"
	ip -n "$1" link set lo up
	ip -n "$1" link set "$2" up
	ip -n "$1" addr add "10.1.0.$3/24" dev "$2"
	ip -n "$1" addr add "fd00:1::$3/64" dev "$2" nodad
	for address in "10.1.0.$4" "fd00:1::$4"; do
		ip -n "$1" neigh replace "$address" lladdr "02:00:00:00:0a:0$4" dev "$2" nud permanent
	done
}

driver_of() { basename "$(readlink "/sys/class/net/$1/device/driver")" 2>/dev/null; }

# The devices of a driver, in the order of their addresses.
nics() {
	local device
	for device in /sys/class/net/*; do
		device=${device##*/}
		[ "$(driver_of "$device")" = "$1" ] && echo "$(cat "/sys/class/net/$device/address") $device"
	done | sort | sed 's/.* //'
}

pair_up() {
	local ends
	ip netns add A
	ip netns add B
	if [ "$DRIVER" = veth ]; then
		ip link add va netns A address 02:00:00:00:0a:01 type veth \
			peer name vb netns B address 02:00:00:00:0a:02 || return
	else
		mapfile -t ends < <(nics "$DRIVER")
		[ "${#ends[@]}" = 2 ] || return
		ip link set "${ends[0]}" address 02:00:00:00:0a:01 netns A name va
		ip link set "${ends[1]}" address 02:00:00:00:0a:02 netns B name vb
	fi
	guest_end A va 1 2
	guest_end B vb 2 1
	wait_for carriers && wait_for quiet && find_surplus
}

pair_down() {
	if [ "$DRIVER" != veth ]; then
		ip -n A link set va down
		ip -n B link set vb down
		ip -n A link set va netns 1 name "$DRIVER-a"
		ip -n B link set vb netns 1 name "$DRIVER-b"
	fi
	ip netns del A
	ip netns del B
}

carriers() { [[ "$(ip -n A -br link show va)$(ip -n B -br link show vb)" =~ LOWER_UP.*LOWER_UP ]]; }

# Nothing more is sent on the pair for a while.
quiet() {
	local before
	before=$(sent A va)$(sent B vb)
	sleep 0.5
	[ "$before" = "$(sent A va)$(sent B vb)" ]
}

# No frame of less than 60 bytes, which a NIC pads.
traffic() {
	local line=0123456789012345678901234567890
	in_a ping -q -c 20 -i 0.02 10.1.0.2
	in_a ping -q -c 5 -i 0.02 -s 8000 10.1.0.2 # six fragments each way, or one jumbo frame
	in_a ping -q -c 10 -i 0.02 fd00:1::2
	in_a ping -q -c 5 -i 0.02 -s 4000 fd00:1::2
	in_a bash -c "for _ in {1..50}; do echo $line >/dev/udp/10.1.0.2/9; done"
	in_a bash -c "for _ in {1..50}; do echo $line >/dev/udp/fd00:1::2/9; done"
	[ "$DRIVER" != veth ] || in_a bash -c 'echo hello >/dev/tcp/10.1.0.2/9' # refused
} >/dev/null 2>&1

# --- flowd ----------------------------------------------------------------------------------------

# flowd_up VIA ARG...: VIA is $IN_B or "ip netns exec B" (which hides /sys/fs/bpf); $PID, $LOG, $HOOKS. Some
# NICs drop their link while XDP is attached.
flowd_up() {
	local via=$1
	shift
	: >"$LOG"
	$via flowd -i vb --config /dev/null --db "$DB" --sweep 200ms --slots 4096 --ring 1M "$@" >>"$LOG" 2>&1 &
	PID=$!
	wait_for flowd_ready
	if ! grep -q ': counting' "$LOG"; then
		fail "flowd did not come up: $(tail -n 5 "$LOG")"
		return 1
	fi
	HOOKS=$(sed -n "s/.*: ingress by \(.*\), egress by \(.*\)/\1, \2/p" "$LOG" | tail -n 1)
	wait_for carriers || fail "no carrier"
}
# shellcheck disable=SC2317
flowd_ready() { gone "$PID" || grep -q ': counting' "$LOG"; }
flowd_down() { # SIGNAL: RC
	kill "-$1" "$PID"
	wait_for gone "$PID" || fail "flowd does not end by SIG$1"
	wait "$PID"
	RC=$?
	wait_for carriers || fail "no carrier after flowd"
} 2>/dev/null

books() { # LABEL: after flowd's end
	eq "$1: seen and recorded" "$(sql "SELECT iface, dir, seen_packets, recorded_packets FROM books_sum
		WHERE seen_packets != recorded_packets OR seen_bytes != recorded_bytes")" ""
	eq "$1: unaccounted" "$(sql "SELECT count(*) FROM ledger
		WHERE unaccounted_packets != 0 OR unaccounted_bytes != 0")" 0
}

nothing_left() { # LABEL [XDP]: XDP is what may be there, a neighbour's
	eq "$1: processes" "$(cat /proc/[0-9]*/comm | grep flowd)" ""
	eq "$1: the XDP program" "$(xdp_on)" "${2:-}"
	eq "$1: filters" "$(filters)" ""
	eq "$1: our clsact qdisc" "$(clsact)" 0
	[ -n "${2:-}" ] || eq "$1: pins" "$(pins)" "/sys/fs/bpf/wireledger"
	[ -d "$PIN" ] && fail "$1: $PIN is still there"
}

attached_as() { # LABEL INGRESS EGRESS
	match "$1: ingress" "$HOOKS" "^$2"
	match "$1: egress" "$HOOKS" ", $3\$"
}

TC_HOOK=tcx # or clsact: what the kernel has

# What the doctor says of vb: the result of a check, or another member.
says() { in_b flowctl doctor -i vb --json --db "$DB" | jq -r "select(.check == \"$1\") | ${2:-.result}"; }

# By what ingress is to be counted, as the doctor has it before.
foretold() {
	local found native mtu offloads
	found=$(in_b flowctl doctor -i vb --json --db "$DB" | jq -r 'select(.iface == "vb") | "\(.check)=\(.result)"')
	native=$(sed -n 's/^native=//p' <<<"$found")
	mtu=$(sed -n 's/^mtu=//p' <<<"$found")
	offloads=$(sed -n 's/^offloads=//p' <<<"$found")
	case "$native $mtu $offloads" in
	"ok ok ok") echo xdp-native ;;
	*unknown*) echo "(xdp-native|$TC_HOOK)" ;;
	*) echo "$TC_HOOK" ;;
	esac
}

# counted LABEL INGRESS EGRESS [LEFT [ARG...]]: traffic with flowd and its ARGs, and that it counted all of it
counted() {
	local label=$1 ingress=$2 egress=$3 left=${4:-} a b more_a more_b
	shift $(($# < 4 ? $# : 4))
	rm -f "$DB"*
	[ "$DRIVER" = veth ] || set -- "$@" --trace no # which loads in half the time
	flowd_up "$IN_B" "$@" || return
	attached_as "$label" "$ingress" "$egress"
	wait_for quiet
	a=$(sent A va) b=$(sent B vb)
	traffic
	wait_for quiet
	a=$(on_wire A "$(minus "$(sent A va)" "$a")") b=$(on_wire B "$(minus "$(sent B vb)" "$b")")
	if [ -n "${MORE:-}" ]; then
		more_a="0|0" more_b="0|0"
		"$MORE" "$label"
		a=$(plus "$a" "$more_a") b=$(plus "$b" "$more_b")
	fi
	flowd_down TERM
	eq "$label: exit" "$RC" 0
	eq "$label: ingress, packets|bytes" "$(seen 0)" "$a"
	eq "$label: egress, packets|bytes" "$(seen 1)" "$b"
	match "$label: traffic" "$a $b" '^[1-9].* [1-9]'
	say "$label: $HOOKS; seen in $(seen 0), out $(seen 1) packets|bytes"
	books "$label"
	nothing_left "$label" "$left"
}

# --- parts ----------------------------------------------------------------------------------------

if [ $$ = 1 ]; then
	# shellcheck source=scripts/vmparts.sh
	. /vmparts.sh
fi

# What a part that failed half-way left.
clear_up() {
	[ "$failed" = 0 ] && return
	pkill -9 -x flowd
	in_b flowd --detach --config /dev/null --db "$DB"
	in_b ip link set dev vb xdp off
} >/dev/null 2>&1

# The parts in their order; those of a driver in a row have one pair.
run_parts() {
	local part last=none up=no
	for part in $PARTS; do
		DRIVER=${part%%:*} MODE=${part#*:} HOOKS='' MORE='' passed=0 failed=0 skipped=0
		if [ "$DRIVER" != "$last" ]; then
			[ "$up" = no ] || DRIVER=$last pair_down
			last=$DRIVER up=no
			pair_up && up=yes
		fi
		[ "$MODE:$TC_HOOK" = clsact:clsact ] && continue # which is tc
		if [ "$up" = yes ]; then
			"part_$MODE"
		else
			fail "no pair of $DRIVER devices"
		fi
		clear_up
		echo "row|$DRIVER|$MODE|$HOOKS|$passed|$failed|$skipped"
	done
}

guest() {
	guest_mount
	# shellcheck disable=SC1091 # written by the host's half
	. /vmtest.conf
	say "Linux $(uname -r), up after $(cut -d' ' -f1 /proc/uptime) s"
	if [ -n "$SUITE" ]; then
		mount -t bpf bpf /sys/fs/bpf
		for module in $MODULES_WANTED; do modprobe -q "$module"; done
		DRIVER=veth
		pair_up
		eval "$SUITE"
		echo "row|$DRIVER|suite||$passed|$failed|$skipped"
	else
		MODE=doctor HOOKS=''
		part_doctor
		echo "row|$DRIVER|$MODE|$HOOKS|$passed|$failed|$skipped"
		run_parts
	fi
	echo "end"
}

if [ $$ = 1 ]; then
	(guest) 2>&1 | /bin/busybox sed 's/^/@ /'
	echo o >/proc/sysrq-trigger
	sleep 60
fi
