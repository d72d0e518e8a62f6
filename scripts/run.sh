#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# run.sh: install what is needed, build, and show the main job: flowd on an interface for some
# seconds, with top talkers and status. Leaves nothing behind but build/.
#
#   sudo scripts/run.sh [IFACE]    on IFACE, or on the default route's interface
#   sudo scripts/run.sh --demo     on a pair in network namespaces, with traffic of its own; so too
#                                  where there is no default route
#   SHOW_SECONDS=12                how long to look

set -u
cd "$(dirname "$0")/.." || exit 1

SHOW_SECONDS=${SHOW_SECONDS:-12}
NAME=run-$$
FLOWD=$PWD/build/bin/flowd
FLOWCTL=$PWD/build/bin/flowctl
NEAR=wl-near-$$
FAR=wl-far-$$
DIR=
FLOWD_PID=
IN=()         # prefix of commands that run where the interface is
TRAFFIC=()    # ids of the demo's processes

fail() {
	local status=$1
	shift
	echo "run.sh: $*" >&2
	exit "$status"
}

stop_flowd() {
	[ -n "$FLOWD_PID" ] || return 0
	kill -TERM "$FLOWD_PID" 2> /dev/null
	wait "$FLOWD_PID"
	local status=$?
	FLOWD_PID=
	return $status
}

cleanup() {
	trap - EXIT
	stop_flowd
	[ ${#TRAFFIC[@]} -eq 0 ] || kill "${TRAFFIC[@]}" 2> /dev/null
	wait 2> /dev/null
	ip netns del "$NEAR" 2> /dev/null
	ip netns del "$FAR" 2> /dev/null
	[ -z "$DIR" ] || rm -rf "$DIR"
}

# Wait for a command to succeed: SECONDS COMMAND...
wait_for() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" > /dev/null 2>&1; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.1
	done
}

default_interface() {
	{ ip -4 route show default; ip -6 route show default; } 2> /dev/null |
		sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1
}

demo_network() {
	ip netns add "$NEAR" && ip netns add "$FAR" || fail 1 "no network namespaces here"
	ip -n "$NEAR" link add wl0 type veth peer name wl1 netns "$FAR" || fail 1 "no veth here"
	ip -n "$NEAR" addr add 10.99.0.1/24 dev wl0
	ip -n "$FAR" addr add 10.99.0.2/24 dev wl1
	ip -n "$NEAR" addr add fd00:99::1/64 dev wl0 nodad
	ip -n "$FAR" addr add fd00:99::2/64 dev wl1 nodad
	ip -n "$NEAR" link set wl0 up
	ip -n "$FAR" link set wl1 up
	IFACE=wl0
	IN=(ip netns exec "$NEAR")
}

background() {
	"$@" > /dev/null 2>&1 &
	TRAFFIC+=($!)
}

listening() {
	[ "$(ip netns exec "$FAR" ss -Hltn | grep -cE ':520[1-4] ')" -eq 4 ]
}

# TCP both ways, UDP, ping, and the same over IPv6; gentle enough for a small machine.
demo_traffic() {
	local port
	for port in 5201 5202 5203 5204; do
		background ip netns exec "$FAR" iperf3 -s -p "$port"
	done
	wait_for 5 listening || fail 1 "iperf3 does not listen"
	background "${IN[@]}" iperf3 -c 10.99.0.2 -p 5201 -t "$SHOW_SECONDS" -b 200M
	background "${IN[@]}" iperf3 -c 10.99.0.2 -p 5202 -t "$SHOW_SECONDS" -b 100M -R
	background "${IN[@]}" iperf3 -c 10.99.0.2 -p 5203 -t "$SHOW_SECONDS" -b 20M -u
	background "${IN[@]}" iperf3 -c fd00:99::2 -p 5204 -t "$SHOW_SECONDS" -b 50M
	background "${IN[@]}" ping -q -i 0.2 -w "$SHOW_SECONDS" 10.99.0.2
	background "${IN[@]}" ping -q -i 0.2 -w "$SHOW_SECONDS" fd00:99::2
}

flowd_answers() {
	kill -0 "$FLOWD_PID" 2> /dev/null || return 0 # ended: nothing to wait for
	[ -S "$DIR/flowd.sock" ] && "$FLOWCTL" --db "$DIR/ledger.db" status
}

start_flowd() {
	"${IN[@]}" "$FLOWD" -i "$IFACE" --instance "$NAME" --db "$DIR/ledger.db" \
		--socket "$DIR/flowd.sock" > "$DIR/flowd.log" 2>&1 &
	FLOWD_PID=$!
	wait_for 15 flowd_answers
	if ! kill -0 "$FLOWD_PID" 2> /dev/null; then
		FLOWD_PID=
		cat "$DIR/flowd.log" >&2
		fail 1 "flowd ended"
	fi
}

show() {
	printf '\n$ flowctl --db ledger.db %s\n' "$*"
	"$FLOWCTL" --db "$DIR/ledger.db" "$@" || fail 1 "flowctl $* failed"
}

# No packet was seen so far.
silent() {
	local seen
	seen=$("$FLOWCTL" --db "$DIR/ledger.db" status --json |
		sed 's/.*"seen_packets":\[\([0-9]*\), *\([0-9]*\)\].*/\1 \2/')
	[ "$seen" = "0 0" ]
}

suggest() {
	cat << END

What next, on this host:
  sudo build/bin/flowd -i $1 --db /tmp/ledger.db          count until Ctrl-C
  build/bin/flowctl --db /tmp/ledger.db top --group pair  who talks to whom
  build/bin/flowctl --db /tmp/ledger.db flows 'tcp port 443'
  sudo make install                                       and flowd.service, flowd(8), flowctl(1)
END
}

main() {
	local demo=$1
	DIR=$(mktemp -d /tmp/wireledger-run.XXXXXX)
	chmod 755 "$DIR"
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	[ "$demo" = no ] || demo_network
	start_flowd
	echo "flowd counts on $IFACE for $SHOW_SECONDS s:"
	cat "$DIR/flowd.log"
	[ "$demo" = no ] || demo_traffic
	sleep $((SHOW_SECONDS / 2))
	if [ "$demo" = no ] && [ -z "$ASKED" ] && silent; then
		echo "$IFACE is silent: a demo instead, in network namespaces (or name another IFACE)"
		cleanup
		exec scripts/run.sh --demo
	fi
	show top -n 10
	sleep $((SHOW_SECONDS - SHOW_SECONDS / 2))
	show top -n 8 --group flow
	show status
	stop_flowd || { cat "$DIR/flowd.log" >&2; fail 1 "flowd did not end well"; }
	echo
	echo "flowd has ended; every flow is in the database now:"
	show flows -n 5
	if [ "$demo" = no ]; then
		echo
		echo "Little to see? Make traffic on $IFACE meanwhile (apt-get update, ping, curl), look longer" \
			"(SHOW_SECONDS=60), or see the demo: sudo scripts/run.sh --demo"
		suggest "$IFACE"
	else
		suggest "$(default_interface | grep . || echo eth0)"
	fi
}

[ $# -le 1 ] || fail 2 "usage: scripts/run.sh [IFACE | --demo]"
case "${1:-}" in
-h | --help)
	sed -n '5,11s/^# \{0,1\}//p' scripts/run.sh
	exit 0
	;;
--demo | '') ;;
-*) fail 2 "'$1': no such option; usage: scripts/run.sh [IFACE | --demo]" ;;
*) [ -d "/sys/class/net/$1" ] || fail 2 "interface '$1': there is none; there are: $(ls /sys/class/net | tr '\n' ' ')" ;;
esac
[[ $SHOW_SECONDS =~ ^[1-9][0-9]*$ ]] || fail 2 "SHOW_SECONDS '$SHOW_SECONDS': not a number of seconds"
[ "$(id -u)" -eq 0 ] || fail 1 "needs root: it installs packages and attaches programs"
scripts/deps.sh run || exit 1
ASKED=${1:-}
IFACE=${ASKED:-$(default_interface)}
make -s -j "$(nproc)" || fail 1 "the build failed"
case "$IFACE" in
'' | --demo) main yes ;;
*) main no ;;
esac
