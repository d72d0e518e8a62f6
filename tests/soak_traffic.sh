# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# soak_traffic.sh: what soak.sh sends: two workers in the background, one of generated frames and captures, one of
# sockets both ways, each chooses by its own random numbers until it is to pause. Sourced after lib.sh.
#
#   $WL_TMP/pause      while it is there, workers wait; each one's word for that is $WL_TMP/paused.NAME
#   $WL_TMP/gen.json   what wlgen sent, a line each time: its frames count in full at a veth, others without 14 bytes
#   $WL_TMP/errors     what went wrong in a worker
#   $WL_TMP/items      what was sent, a word each time

CORPUS=(transport tcp control link labels tunnels nested fragments fragments6 fragments-tunnels lengths bad-labels
	bad-tunnels ip)

# sent NAME COMMAND...: an item of the mixture
sent() {
	local name=$1 status
	shift
	timeout 120 "$@" >/dev/null 2>"$WL_TMP/said.$name"
	status=$?
	echo "$name" >>"$WL_TMP/items"
	[ "$status" = 0 ] || echo "$name: exit $status: $* $(head -n 1 "$WL_TMP/said.$name")" >>"$WL_TMP/errors"
}

# generated NAME ARG...: by wlgen from va; 3: the driver dropped some, which it says
generated() {
	local status
	timeout 120 ip netns exec "$NSA" "$WLGEN" -i va "${@:2}" >>"$WL_TMP/gen.json" 2>"$WL_TMP/said.$1"
	status=$?
	echo "$1" >>"$WL_TMP/items"
	case $status in
	0 | 3) ;;
	*) echo "$1: exit $status: wlgen ${*:2} $(head -n 1 "$WL_TMP/said.$1")" >>"$WL_TMP/errors" ;;
	esac
}

# --- frames ---------------------------------------------------------------------------------------

frames_item() {
	local n=$((RANDOM * 32768 + RANDOM))
	case $((RANDOM % 12)) in
	0) generated flood -n $((FLOOD + RANDOM * 4)) -f $((FLOOD / 2 + n % FLOOD)) --order random --seed "$n" -s 64 ;;
	1) generated flood-tcp -n $((FLOOD + RANDOM)) -f "$FLOOD" --order random --seed "$n" -p tcp --first $((n % 1000000)) ;;
	2) generated steady -n $((20000 + RANDOM)) -f $((1 + RANDOM % 2000)) --spread 30 --rate $((5000 + RANDOM)) ;;
	3) generated vlan -n 20000 -f $((1 + RANDOM % 3000)) --vlan $((1 + RANDOM % 4000)) ;;
	4) generated qinq -n 20000 -f $((1 + RANDOM % 3000)) --qinq "$((1 + RANDOM % 4000)):$((1 + RANDOM % 4000))" -s 128 ;;
	5) generated ipv6 -6 -n 30000 -f $((1 + RANDOM % 5000)) -s $((128 + RANDOM % 1000)) ;;
	6) generated large -n 20000 -f 100 -s 1400 --batch 16 ;;
	7 | 8) sent corpus ip netns exec "$NSA" "$WLSEND" va "$WL_CORPUS/${CORPUS[RANDOM % ${#CORPUS[@]}]}.pcap" ;;
	9) sent vectors ip netns exec "$NSA" "$WLTRAF" vectors -i va --count $((1 + RANDOM % 5)) ;;
	10) tagged ;;
	11) sent lldp ip netns exec "$NSA" "$WLTRAF" raw -i va --hex 0180c200000e020000000a0188cc0207 --size 60 --count $((1 + RANDOM % 50)) ;;
	esac
}

# A tag beside the bytes, as a VLAN device puts it there
tagged() {
	[ -e "$WL_BUILD/tests/tagger.bpf.o" ] || return
	in_a tc qdisc add dev va clsact 2>/dev/null &&
		in_a tc filter add dev va egress bpf direct-action obj "$WL_BUILD/tests/tagger.bpf.o" sec tc 2>/dev/null &&
		sent tagger ip netns exec "$NSA" "$WLTRAF" udp -d 10.1.0.2 -p 9 -s 42000 --count 500 --size 200
	in_a tc qdisc del dev va clsact 2>/dev/null
}

# --- sockets --------------------------------------------------------------------------------------

# Sets FROM and TO: from A to B or back, by IPv4 or IPv6, sometimes in the tunnel
choose_way() {
	local a b
	case $((RANDOM % 5)) in
	0 | 1) a=10.1.0.1 b=10.1.0.2 ;;
	2 | 3) a=fd00:1::1 b=fd00:1::2 ;;
	4) a=10.9.0.1 b=10.9.0.2 ;;
	esac
	[ -n "$TUNNEL" ] || [[ $a != 10.9.* ]] || a=10.1.0.1 b=10.1.0.2
	FROM=$NSA TO=$b
	[ $((RANDOM % 2)) = 0 ] || FROM=$NSB TO=$a
}

traf() { sent "$1" ip netns exec "$FROM" "$WLTRAF" "$2" -d "$TO" -p 9 "${@:3}"; }

sockets_item() {
	choose_way
	case $((RANDOM % 9)) in
	0) traf udp udp --count $((100 + RANDOM % 3000)) --flows $((1 + RANDOM % 50)) --size $((18 + RANDOM % 1200)) ;;
	1) traf fragments udp --count $((1 + RANDOM % 100)) --size $((2000 + RANDOM % 30000)) ;;
	2) traf gso gso --count $((1 + RANDOM % 300)) --size $((200 + RANDOM % 1000)) --segments $((2 + RANDOM % 30)) ;;
	3 | 4) traf tcp tcp --count $((1 + RANDOM % 40)) --size $((1 + RANDOM * 3)) ;;
	5) traf tcp-slow tcp --count 5 --size 1000 --interval $((RANDOM % 400)) ;;
	6) traf tcp-reset tcp --count 3 --size 20000 --reset ;;
	7) sent ping ip netns exec "$FROM" ping -q -i 0.01 -c $((1 + RANDOM % 100)) -s $((RANDOM % 4000)) "$TO" ;;
	8) traf udp-slow udp --count 20 --interval $((RANDOM % 100)) --size 100 ;;
	esac
}

# --- workers --------------------------------------------------------------------------------------

# worker NAME SEED COMMAND: until the suite ends
worker() {
	RANDOM=$2
	while :; do
		if [ -e "$WL_TMP/pause" ]; then
			: >"$WL_TMP/paused.$1"
			wait_ms 100
			continue
		fi
		"$3"
	done
}

start_workers() {
	: >"$WL_TMP/errors"
	: >"$WL_TMP/gen.json"
	: >"$WL_TMP/items"
	: >"$WL_TMP/pause"
	background worker frames $((SEED + 1)) frames_item
	background worker sockets $((SEED + 2)) sockets_item
}

go_on() { rm -f "$WL_TMP"/pause "$WL_TMP"/paused.*; }

is_paused() { [ -e "$WL_TMP/paused.frames" ] && [ -e "$WL_TMP/paused.sockets" ]; }

# pause: until nothing is sent, and what was sent has come
pause() {
	rm -f "$WL_TMP"/paused.*
	: >"$WL_TMP/pause"
	wait_until 240 is_paused || fail "traffic does not pause"
	wait_until 60 link_quiet || fail "the link does not come to rest"
}
