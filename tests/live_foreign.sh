#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_foreign.sh: programs of others on the interface, XDP and TC, that are there before flowd, come while it runs,
# or come after it: each of them sees each packet, through start, restart, SIGKILL and flowctl detach, and stays;
# flowd counts each packet once, and what is detached is all of its own and nothing else. So does a second flowd.
# LONG=1: all of that with clsact, too
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

BYSTANDER=$WL_BUILD/tests/bystander.bpf.o
COUNT=50
IN=0 OUT=0	 # packets so far
declare -A SINCE # of a foreign program: what there had been when it came
declare -A MAP	 # in which it counts

frame() { # FROM TO: UDP between two addresses, by the last byte of each
	printf '020000000a0%d020000000a0%d08004500005600004000401100000a6400%02x0a6400%02x1234567800420000' "$2" "$1" "$1" "$2"
}

give() { # COMMAND DEVICE FRAME
	"$1" "$WLTRAF" raw -i "$2" --hex "$3" --size 100 --count "$COUNT" >/dev/null || fail "send by $2"
}

# The id of the foreign program at xdp, ingress or egress
program_at() {
	if [ "$1" = xdp ]; then
		ip -n "$NSB" -j -d link show dev vb | jq -r '.[0].xdp.prog.id // empty'
	else
		in_b tc -j filter show dev vb "$1" pref 20 | jq -r '[.[].options.prog.id // empty] | first // empty'
	fi
}

add_foreign() { # xdp, ingress, egress
	if [ "$1" = xdp ]; then
		in_b ip link set dev vb xdpdrv obj "$BYSTANDER" sec xdp || return
	else
		in_b tc qdisc show dev vb | grep -q clsact || in_b tc qdisc add dev vb clsact || return
		in_b tc filter add dev vb "$1" pref 20 bpf da obj "$BYSTANDER" sec tc || return
	fi
	SINCE[$1]=$IN
	[ "$1" != egress ] || SINCE[$1]=$OUT
	MAP[$1]=$(bpftool -j prog show id "$(program_at "$1")" | jq '.map_ids[0]')
}

# has_counted PLACE PACKETS: GOT is what there was
has_counted() {
	GOT=$(bpftool -j map dump id "${MAP[$1]}" | jq '.[0].formatted.value')
	[ "$GOT" = "$2" ]
}

# step LABEL: some packets each way, which each foreign program sees
step() {
	local place want
	give in_a va "$(frame 1 2)"
	give in_b vb "$(frame 2 1)"
	IN=$((IN + COUNT)) OUT=$((OUT + COUNT))
	for place in "${!SINCE[@]}"; do
		want=$((IN - SINCE[$place]))
		[ "$place" != egress ] || want=$((OUT - SINCE[$place]))
		wait_until 10 has_counted "$place" "$want"
		assert_eq "$1: the foreign program at $place counts" "$GOT" "$want"
	done
	wait_until 10 counter_reached "$NSB" vb rx_packets $((RX0 + IN))
}

# All programs on the interface: where, name, id
on_device() {
	in_b bpftool -j net show dev vb | jq -c '.[0] | .xdp, .tc'
}

pins() { find /sys/fs/bpf/wireledger -mindepth 1 -name "$1" 2>/dev/null; }

# flowd_has LABEL PACKETS-IN PACKETS-OUT
flowd_has() {
	assert_eq "$1: in and out by the hooks" "$(seen 0 | cut -d'|' -f1)|$(seen 1 | cut -d'|' -f1)" "$2|$3"
	assert_books "$1"
}

clean_device() {
	in_b ip link set dev vb xdpdrv off 2>/dev/null
	in_b tc qdisc del dev vb clsact 2>/dev/null
	SINCE=()
}

# life LABEL FLOWD-ARG...: flowd comes, is restarted, killed and detached while packets flow
life() {
	local label=$1 before in out
	shift
	WL_INSTANCE=wl$$-$label WL_DB=$WL_TMP/$label.db
	step "$label, before"
	before=$(on_device)
	in=$IN out=$OUT
	flowd_start "$NSB" -i vb "$@" || return
	step "$label, attached"
	flowd_stop
	flowd_has "$label, ended" $((IN - in)) $((OUT - out))
	assert_eq "$label: after SIGTERM there is what there was" "$(on_device)" "$before"
	step "$label, between two" && in=$((in + COUNT)) out=$((out + COUNT))
	flowd_start "$NSB" -i vb "$@" || return
	step "$label, restarted"
	flowd_stop "$FLOWD_PID" KILL
	step "$label, killed"
	flowd_start "$NSB" -i vb "$@" || return
	step "$label, taken over"
	second "$label" "$@"
	assert_eq "$label: flowctl detach" "$("$FLOWCTL" --db "$FLOWD_DB" detach 2>&1)" "flowd '$WL_INSTANCE': detached"
	wait_until 20 gone "$FLOWD_PID" || fail "$label: flowd is there after flowctl detach"
	flowd_has "$label, detached" $((IN - in)) $((OUT - out))
	assert_eq "$label: after flowctl detach there is what there was" "$(on_device)" "$before"
	step "$label, after" && in=$((in + COUNT)) out=$((out + COUNT))
	[ "$label" != before-clsact ] || [ -n "${LONG:-}" ] || return
	flowd_start "$NSB" -i vb "$@" || return
	step "$label, once more"
	flowd_stop "$FLOWD_PID" KILL
	step "$label, nobody there"
	in_b "$FLOWCTL" --db "$FLOWD_DB" detach >"$WL_TMP/out" 2>&1
	rc=$?
	assert_eq "$label: flowctl detach without a flowd: $(tail -n 1 "$WL_TMP/out")" "$rc" 0
	flowd_has "$label, detached without a flowd" $((IN - in)) $((OUT - out))
	assert_eq "$label: then there is what there was" "$(on_device)" "$before"
	assert_eq "$label: pins" "$(pins "$WL_INSTANCE")" ""
	step "$label, at the end"
}

# second LABEL FLOWD-ARG...: another flowd on the same interface has each packet once, or is refused where the one
# place that a kind of filter has is taken; and it leaves the first one alone
second() {
	local label="$1, second" first=("$FLOWD_PID" "$FLOWD_DB" "$FLOWD_INSTANCE" "$FLOWD_LOG") before
	shift
	before=$(on_device)
	if [ "$*" = "--tc clsact" ]; then
		in_b timeout 20 "$FLOWD" --config /dev/null --instance "wl$$-second" --db "$WL_TMP/refused.db" \
			-i vb "$@" 2>"$WL_TMP/err"
		assert_eq "$label: refused: exit" "$?" 1
		assert_match "$label: refused: why" "$(cat "$WL_TMP/err")" "'flow_tc_ingress' .*not ours: it stays"
		step "$label, refused"
	elif WL_INSTANCE=wl$$-second WL_DB=$WL_TMP/second.$label.db flowd_start "$NSB" -i vb "$@"; then
		step "$label"
		flowd_stop
		flowd_has "$label" "$COUNT" "$COUNT"
	fi
	assert_eq "$label: pins" "$(pins "wl$$-second")" ""
	FLOWD_PID=${first[0]} FLOWD_DB=${first[1]} FLOWD_INSTANCE=${first[2]} FLOWD_LOG=${first[3]}
	assert_eq "$label: gone, the first is there" "$(on_device)" "$before"
}

suite live_foreign bpftool tc
net_pair || { fail "no veth pair"; finish; }
ip -n "$NSB" addr flush dev vb
ip -n "$NSA" addr flush dev va
wait_until 5 link_quiet
RX0=$(counter "$NSB" vb rx_packets)
if ! add_foreign xdp; then
	skip "no foreign programs"
	finish
fi

# all of them there before
for way in tcx clsact; do
	clean_device
	for place in xdp ingress egress; do add_foreign "$place" || fail "$way: no foreign program at $place"; done
	life "before-$way" --tc "$way"
done

# XDP is flowd's, TC has others
clean_device
for place in ingress egress; do add_foreign "$place" || fail "no foreign program at $place"; done
life "xdp-ours"

# they come while flowd runs, in whose place there is no other XDP program, and stay after it
for way in tcx clsact; do
	clean_device
	WL_INSTANCE=wl$$-while-$way WL_DB=$WL_TMP/while-$way.db
	start_in=$IN start_out=$OUT
	flowd_start "$NSB" -i vb --tc "$way" || finish
	step "while $way, flowd alone"
	for place in ingress egress; do add_foreign "$place" || fail "while $way: no foreign program at $place"; done
	ours=$(program_at xdp)
	in_b ip link set dev vb xdpdrv obj "$BYSTANDER" sec xdp 2>"$WL_TMP/err" && fail "while $way: two XDP programs"
	assert_eq "while $way: flowd's program stays" "$(program_at xdp)" "$ours"
	step "while $way, beside"
	flowd_stop "$FLOWD_PID" KILL
	step "while $way, killed"
	flowd_start "$NSB" -i vb --tc "$way" || finish
	step "while $way, taken over"
	flowd_stop
	flowd_has "while $way" $((IN - start_in)) $((OUT - start_out))
	assert_eq "while $way: nothing of flowd's stays" "$(program_at xdp)" ""
	step "while $way, after"
	add_foreign xdp || fail "while $way: XDP is not free after flowd"
	step "while $way, XDP after"
done
finish
