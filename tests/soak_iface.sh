# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# soak_iface.sh: interfaces that come and go under soak.sh, where flowd follows patterns. Each is one end in B of a
# pair of its own, gets a known number of datagrams, and is then renamed, moved away, removed or all of that while
# no flowd runs. Its datagrams have a source port of their own. Sourced after soak_fault.sh.

IFACE_N=0        # of the last one
IFACE_SENT=0     # datagrams to all of them
IFACE_PORT=21000 # its source port is so much more than its number

follows_patterns() { "$FLOWD" --help | grep -q 'interface.*pattern'; }

# make_iface N: wN in B, xN in A
make_iface() {
	ip link add "x$1" netns "$NSA" address "02:00:00:01:$(printf '%02x:%02x' $(($1 / 256)) $(($1 % 256)))" type veth \
		peer name "w$1" netns "$NSB" address "02:00:00:02:$(printf '%02x:%02x' $(($1 / 256)) $(($1 % 256)))" || return
	quiet_iface "$NSA" "x$1"
	quiet_iface "$NSB" "w$1"
	in_b ethtool -K "w$1" gro on rxvlan off >/dev/null
	ip -n "$NSA" link set "x$1" up
	ip -n "$NSB" link set "w$1" up
	ip -n "$NSA" addr add "10.$((20 + $1 / 250)).$(($1 % 250)).1/24" dev "x$1"
	ip -n "$NSA" neigh replace "10.$((20 + $1 / 250)).$(($1 % 250)).2" dev "x$1" nud permanent \
		lladdr "02:00:00:02:$(printf '%02x:%02x' $(($1 / 256)) $(($1 % 256)))"
}

# send_iface N NAME: to wN, which is called NAME now; nobody takes them there but the hook
send_iface() {
	local count=$((1 + RANDOM % 300)) before
	before=$(counter "$NSB" "$2" rx_packets)
	in_a "$WLTRAF" udp -d "10.$((20 + $1 / 250)).$(($1 % 250)).2" -p 9 -s $((IFACE_PORT + $1)) --count "$count" --size 200 >/dev/null ||
		fail "interface $2: wltraf"
	wait_until 30 counter_reached "$NSB" "$2" rx_packets $((before + count)) || fail "interface $2: frames do not arrive"
	settle
	IFACE_SENT=$((IFACE_SENT + count))
}

# is_attached NAME: by flowd's word
is_attached() {
	"$FLOWCTL" --db "$WL_DB" status --json 2>/dev/null |
		jq -e --arg name "$1" '.flowd.interfaces[]? | select(.name == $name and (.gone | not) and (.ingress // "") != "")' >/dev/null
}

# rename_iface NAME NEW: before Linux 6.7 or so it has to be down for that
rename_iface() {
	ip -n "$NSB" link set "$1" name "$2" 2>/dev/null && return
	ip -n "$NSB" link set "$1" down
	ip -n "$NSB" link set "$1" name "$2"
	ip -n "$NSB" link set "$2" up
}

fault_iface() {
	local n=$((IFACE_N + 1)) name
	IFACE_N=$n name=w$n
	make_iface "$n" || { fail "interface $name: not made"; return; }
	wait_until 60 is_attached "$name" || { fail "interface $name: not attached: $(tail -n 2 "$FLOWD_LOG")"; ip -n "$NSA" link del "x$n"; return; }
	send_iface "$n" "$name"
	case $((RANDOM % 5)) in
	0) ;;
	1) # and goes on under a name that is counted, too
		rename_iface "$name" "w${n}b"
		wait_until 60 is_attached "w${n}b" || fail "interface w${n}b: not attached"
		send_iface "$n" "w${n}b"
		;;
	2) ip -n "$NSB" link set "$name" netns "$NSA" ;;
	3) # removed while nobody looks
		down KILL 2>/dev/null
		send_iface "$n" "$name"
		ip -n "$NSA" link del "x$n"
		up
		return
		;;
	4) # taken over
		down KILL 2>/dev/null
		up
		wait_until 60 is_attached "$name" || fail "interface $name: not attached by a successor"
		send_iface "$n" "$name"
		;;
	esac
	ip -n "$NSA" link del "x$n"
}

# iface_packets: of all of them, by flowctl
iface_packets() {
	"$FLOWCTL" --db "$WL_DB" top --group iface -n 0 --json --dir ingress "udp and src portrange $((IFACE_PORT + 1))-$((IFACE_PORT + IFACE_N)) and net 10.20.0.0/14" 2>/dev/null |
		jq -s 'map(select(.iface | startswith("w")) | .packets) | add // 0'
}

# check_ifaces MINUTE: what was sent to them, as check_witnesses
check_ifaces() {
	local got
	[ "$IFACE_N" -gt 0 ] || return
	got=$(iface_packets)
	assert_between "minute $1: packets of $IFACE_N interfaces that came and went" "$got" \
		$((FOLDED > IFACE_SENT ? 0 : IFACE_SENT - FOLDED)) "$IFACE_SENT"
}
