#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# live_hook.sh [HOOK_LIVE]: hooks on veth pairs in namespaces of its own. Each call of hook_live is a
# "flowd" that ended; what it attached goes on counting and the next call takes it over.
# shellcheck disable=SC2317 # functions called by trap and by name
set -u
H=$(readlink -f "${1:-build/tests/hook_live}")
INSTANCE=hooklive$$
A=wlhook$$a B=wlhook$$b
PIN=/sys/fs/bpf/wireledger/$INSTANCE
FLOOD_S=8 POLL_S=0.1
passed=0 failed=0 skipped=0

finish() { echo "$passed passed, $failed failed, $skipped skipped"; [ "$failed" = 0 ]; exit $?; }
skip() { echo "SKIP ($1)"; skipped=$((skipped + 1)); finish; }
cleanup() {
	ip netns del "$A" 2>/dev/null
	ip netns del "$B" 2>/dev/null
	if [ -d "$PIN" ]; then
		find "$PIN" -type f -delete
		find "$PIN" -depth -type d -exec rmdir {} +
	fi
	rm -f "$ERR"
}

[ "$(id -u)" = 0 ] || skip "needs root"
[ -x "$H" ] || { echo "$H: not built"; exit 1; }
ERR=$(mktemp)
trap cleanup EXIT

x() { ip netns exec "$A" "$@"; }
live() { x "$H" "$INSTANCE" "$@" 2>"$ERR"; }
check() { # NAME EXPECTED GOT
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $1: expected '$2', got '$3' $(cat "$ERR")"
	fi
}
pins() { # PATTERN ...: what is pinned under such names
	local pattern
	for pattern in "$@"; do find "$PIN" -mindepth 1 -name "$pattern" -printf '%f\n'; done
}
refused() { # NAME TEXT IFACE HOOK DIR: attach fails with TEXT in its error
	if live attach "$3" "$4" "$5" >/dev/null; then
		check "$1" "refusal" "attached"
	elif grep -q -- "$2" "$ERR"; then
		passed=$((passed + 1))
	else
		check "$1" "$2" "$(cat "$ERR")"
	fi
}
tx() { ip netns exec "$1" cat "/sys/class/net/$2/statistics/tx_packets"; }
xdp_on() { ip -n "$A" -j -d link show "$1" | grep -o '"xdp":{[^}]*"id":[0-9]*' | grep -o '[0-9]*$'; }
pair() { # DEVICE NUMBER [INDEX]: DEVICE in A, its peer DEVICEp in B
	ip link add "$1" ${3:+index "$3"} netns "$A" type veth peer name "$1p" netns "$B"
	x sysctl -qw "net.ipv6.conf.$1.disable_ipv6=1"
	ip netns exec "$B" sysctl -qw "net.ipv6.conf.$1p.disable_ipv6=1"
	ip -n "$A" addr add "10.77.$2.1/24" dev "$1"
	ip -n "$B" addr add "10.77.$2.2/24" dev "$1p"
	ip -n "$A" link set "$1" up
	ip -n "$B" link set "$1p" up
	neighbours "$1" "$2"
}
neighbours() { # so that no ARP is counted
	x ip neigh replace "10.77.$2.2" dev "$1" nud permanent \
		lladdr "$(ip netns exec "$B" cat "/sys/class/net/$1p/address")"
	ip netns exec "$B" ip neigh replace "10.77.$2.1" dev "$1p" nud permanent \
		lladdr "$(x cat "/sys/class/net/$1/address")"
}
# Replace HOOK DIR of wl0 under flood, N times at most: the verifier takes its time on a busy host. The ledger
# must equal what the devices sent.
replaced_under_flood() { # HOOK DIR N
	local before after seen0 seen1 i done=0 flood counter=(tx "$A" wl0)
	[ "$2" = ingress ] && counter=(tx "$B" wl0p)
	live attach wl0 "$1" "$2" >/dev/null
	seen0=$(live seen wl0 "$2")
	before=$("${counter[@]}")
	x ping -f -q -w "$FLOOD_S" 10.77.0.2 >/dev/null &
	flood=$!
	while [ "$done" -lt "$3" ] && kill -0 "$flood" 2>/dev/null; do
		live again 5 wl0 "$1" "$2" >/dev/null
		check "$1 $2: replacements" 0 $?
		done=$((done + 5))
	done
	wait "$flood"
	for ((i = 0; i < 100; i++)); do # what waits in a queue still
		after=$("${counter[@]}")
		seen1=$(live seen wl0 "$2")
		[ $((after - before)) != $((seen1 - seen0)) ] || break
		sleep "$POLL_S"
	done
	check "$1 $2: counted under $done replacements" $((after - before)) $((seen1 - seen0))
	check "$1 $2: replaced, at all" 1 $((done > 0))
	echo "     $1 $2: $((seen1 - seen0)) of $((after - before)) packets over $done replacements"
}

test_pins() {
	live attach wl0 xdp ingress >/dev/null
	check "pins outlive ip netns exec" "yes" "$([ -e "$PIN/slots" ] && echo yes)"
	check "private folders" "700 700" \
		"$(stat -c %a "$PIN" "$PIN/.." | xargs)"
	check "found again from another ip netns exec" "yes" "$(live attached wl0 xdp ingress)"
	check "no instance, no folder" 1 "$(x "$H" "none$$" attached wl0 xdp ingress >/dev/null 2>"$ERR"; echo $?)"
}

# A host that has no bpffs yet: it is mounted where process 1 sees it, not where the command runs.
test_bpffs_made() {
	local out
	out=$(unshare -m -p -f --mount-proc bash -c '
		umount /sys/fs/bpf 2>/dev/null
		for i in 1 2; do ip netns exec '"$A"' '"$H"' '"$INSTANCE"' dir >/dev/null || exit; done
		stat -f -c %T /sys/fs/bpf
		stat -c %a /sys/fs/bpf/wireledger/'"$INSTANCE"'
		ls /sys/fs/bpf/wireledger/'"$INSTANCE"'/slots' 2>"$ERR" | xargs)
	check "bpffs mounted for the host" "bpf_fs 700 /sys/fs/bpf/wireledger/$INSTANCE/slots" "$out"
}

test_xdp() {
	check "xdp attaches" xdp-native "$(live attach wl0 xdp ingress)"
	check "xdp second interface" xdp-native "$(live attach wl1 xdp ingress)"
	check "xdp on a third with two taken over" "xdp-native" "$(live attach wl2 xdp ingress)"
	refused "xdp egress" "ingress only" wl0 xdp egress
	x ping -c5 -i0.01 -q 10.77.1.2 >/dev/null
	check "xdp counts on the second" 5 "$(live seen wl1 ingress)"
	replaced_under_flood xdp ingress 100
	live detach wl1 xdp ingress
	check "xdp detached" "" "$(xdp_on wl1)"
	check "xdp others stay attached" "yes" "$(live attached wl0 xdp ingress)"
	live detach wl0 xdp ingress
	live detach wl2 xdp ingress
	check "xdp detach again" 0 "$(live detach wl2 xdp ingress; echo $?)"
	check "xdp nothing left" "" "$(xdp_on wl0)$(xdp_on wl2)$(pins "xdp-*")"
	refused "xdp on lo" "lo: no native XDP: .*[Nn]ative" lo xdp ingress
	ip -n "$A" link set wl1 mtu 9000
	ip -n "$B" link set wl1p mtu 9000
	check "xdp at MTU 9000" xdp-native "$(live attach wl1 xdp ingress)"
	x ping -c3 -i0.01 -q -M do -s 8900 10.77.1.2 >/dev/null
	check "xdp counts jumbo frames" 8 "$(live seen wl1 ingress)"
	live detach wl1 xdp ingress
}

test_xdp_foreign() {
	x "$H" - foreign wl0 xdp
	local id
	id=$(xdp_on wl0)
	refused "xdp foreign native" "wl0: XDP program 'xdp_pass' (id $id) is attached, not ours: it stays" \
		wl0 xdp ingress
	live detach wl0 xdp ingress
	check "xdp foreign stays" "$id" "$(xdp_on wl0)"
	ip -n "$A" link set wl0 xdp off
	x "$H" - foreign wl0 xdp-generic
	refused "xdp foreign generic" "in generic mode" wl0 xdp ingress
	ip -n "$A" link set wl0 xdpgeneric off
}

test_tcx() {
	check "tcx attaches" tcx "$(live attach wl0 tcx egress)"
	check "tcx ingress" tcx "$(live attach wl0 tcx ingress)"
	replaced_under_flood tcx egress 100
	replaced_under_flood tcx ingress 50
	ip -n "$A" link set wl0 down
	ip -n "$A" link set wl0 name wl0x
	check "tcx is found under a new name" yes "$(live attached wl0x tcx egress)"
	ip -n "$A" link set wl0x name wl0
	ip -n "$A" link set wl0 up
	neighbours wl0 0
	live detach wl0 tcx egress
	live detach wl0 tcx ingress
	check "tcx detached" "no no" "$(live attached wl0 tcx egress) $(live attached wl0 tcx ingress)"
	check "tcx no pin left" "" "$(pins "link-*")"
	pair wl8 8
	x "$H" - foreign wl8 tcx
	check "tcx beside a foreign one that ends the chain" tcx "$(live attach wl8 tcx egress)"
	x ping -c5 -i0.01 -q 10.77.8.2 >/dev/null
	check "tcx counts before it" 5 "$(live seen wl8 egress)"
	live detach wl8 tcx egress
	check "tcx foreign one stays" 1 "$(x "$H" - chain wl8)"
	ip -n "$A" link del wl8
}

test_tcx_stale() {
	pair wl9 9 99
	live attach wl9 tcx egress >/dev/null
	ip -n "$A" link del wl9
	check "tcx stale: device gone" no "$(live attached 99 tcx egress)"
	pair wl9 9 99
	check "tcx stale: another device of that number" tcx "$(live attach wl9 tcx egress)"
	x ping -c5 -i0.01 -q 10.77.9.2 >/dev/null
	check "tcx stale: counts" 5 "$(live seen wl9 egress)"
	ip -n "$A" link del wl9
	live detach 99 tcx egress
	check "tcx stale: pin removed" "" "$(pins "link-*")"
}

filters() { x tc filter show dev wl1 "$1" | grep -c "handle"; }
clsact_on() { x tc qdisc show dev "$1" | grep -c clsact; }

test_clsact() {
	check "clsact attaches" clsact "$(live attach wl1 clsact egress)"
	check "clsact ingress" clsact "$(live attach wl1 clsact ingress)"
	check "clsact again" clsact "$(live attach wl1 clsact egress)"
	check "clsact one filter a direction" "1 1" "$(filters egress) $(filters ingress)"
	local seen0
	seen0=$(live seen wl1 egress)
	x ping -c5 -i0.01 -q 10.77.1.2 >/dev/null
	check "clsact counts" 5 $(($(live seen wl1 egress) - seen0))
	live detach wl1 clsact egress
	check "clsact qdisc stays for the other direction" 1 "$(clsact_on wl1)"
	live detach wl1 clsact ingress
	check "clsact own qdisc removed" 0 "$(clsact_on wl1)"
	check "clsact no pin left" "" "$(pins "clsact-*" "qdisc-*")"
	replaced_under_flood clsact egress 100
	live detach wl0 clsact egress
}

test_clsact_foreign() {
	x tc qdisc add dev wl1 clsact
	live attach wl1 clsact egress >/dev/null
	live detach wl1 clsact egress
	check "clsact foreign qdisc stays" 1 "$(clsact_on wl1)"
	x tc qdisc del dev wl1 clsact
	live attach wl1 clsact egress >/dev/null
	x tc filter add dev wl1 ingress prio 7 u32 match u32 0 0
	live detach wl1 clsact egress
	check "clsact own qdisc with a foreign filter stays" "1 1" \
		"$(clsact_on wl1) $(x tc filter show dev wl1 ingress | grep -c 800::800)"
	check "clsact marker is gone" "" "$(pins "qdisc-*")"
	x tc qdisc del dev wl1 clsact
	x "$H" - foreign wl1 clsact
	refused "clsact foreign at our handle" "'foreign_tc' (id .*not ours: it stays" wl1 clsact egress
	live detach wl1 clsact egress
	check "clsact foreign filter stays" 1 "$(filters egress)"
	x tc qdisc del dev wl1 clsact
	x tc qdisc add dev wl1 clsact
	x tc filter add dev wl1 egress prio 1 u32 match u32 0 0
	refused "clsact foreign kind at our priority" "priority 1: .*kind" wl1 clsact egress
	x tc qdisc del dev wl1 clsact
}

# As the unit runs it: root's files, three capabilities, the host's mounts.
test_three_caps() {
	local caps="-all,+bpf,+net_admin,+perfmon" run way
	setpriv --bounding-set="$caps" true 2>/dev/null || { skipped=$((skipped + 1)); echo "SKIP (setpriv)"; return; }
	few() { nsenter --net="/run/netns/$A" setpriv --bounding-set="$caps" "$H" "$INSTANCE" "$@" 2>"$ERR"; }
	for run in "xdp ingress xdp-native" "tcx egress tcx" "clsact egress clsact"; do
		read -ra way <<<"$run"
	set -- "${way[@]}"
		check "three capabilities: $1" "$3" "$(few attach wl2 "$1" "$2")"
		check "three capabilities: $1 taken over" "$3" "$(few attach wl2 "$1" "$2")"
		check "three capabilities: $1 detached" "0 no" \
			"$(few detach wl2 "$1" "$2"; echo $? "$(live attached wl2 "$1" "$2")")"
	done
	caps="-all,+bpf,+perfmon"
	few attach wl2 tcx egress >/dev/null
	check "no CAP_NET_ADMIN: tcx" 1 "$(grep -c 'needs root or CAP_BPF' "$ERR")"
	few attach wl2 xdp ingress >/dev/null
	check "no CAP_NET_ADMIN: xdp" 1 "$(grep -c 'needs root or CAP_BPF' "$ERR")"
	few attach wl2 clsact egress >/dev/null
	check "no CAP_NET_ADMIN: clsact" 1 "$(grep -c 'needs root or CAP_BPF' "$ERR")"
}

{ ip netns add "$A" && ip netns add "$B"; } || skip "no network namespaces"
ip -n "$A" link set lo up
pair wl0 0
pair wl1 1
pair wl2 2
for t in test_pins test_bpffs_made test_xdp test_xdp_foreign test_tcx test_tcx_stale test_clsact test_clsact_foreign \
	test_three_caps; do
	$t
done
live unpin
check "nothing left in the folder" "" "$(ls "$PIN"; rmdir "$PIN" 2>&1)"
finish
