#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_upgrade.sh: a flowd whose maps have another layout (next_layout.sh) takes over from this one under
# load: what the old maps hold goes into the database, new programs take the old ones' places, and packets
# and bytes of every flow are what was sent; links stay, the device does not flap, nothing of the old maps
# does. The same where the new one is killed at each point of its way, and where it only detaches.
#
#   WL_RATE=20000   packets a second of the load        LONG=1   all points by TC, too
# shellcheck source=tests/crash.sh
. "$(dirname "$0")/crash.sh"

RATE=${WL_RATE:-20000} FLOWS=4000
LIMIT_S=75 # of a host so busy that not all points find the time
[ -z "${LONG:-}" ] || LIMIT_S=100000

maps_of() { bpftool -j map show pinned "/sys/fs/bpf/wireledger/$FLOWD_INSTANCE/slots" | jq .id; }

# Flowd of this layout has counted; it is killed under load.
old_one() {
	begin "$1"
	BINARY=$FAULTY launch '' --keep-attached yes
	up
	BEFORE=$(steady)
	load_start
	wait_ms 300
	SLOTS_ID=$(maps_of)
	[ "${2:-KILL}" = KILL ] || wait_ms 300
	kill "-${2:-KILL}" "$FLOWD_PID"
	end "the old one" 2>/dev/null
}

# The new one, to the end.
new_one() {
	launch '' --keep-attached yes
	up
	assert_match "$MODE: comes up" "$(cat "$FLOWD_LOG")" ': counting'
	wait_ms 300
	load_stop
	assert_eq "$MODE: carrier changes and links" "$(steady)" "$BEFORE"
	[ "$(maps_of)" != "$SLOTS_ID" ] || fail "$MODE: the old maps are still there"
	kill -TERM "$FLOWD_PID"
	end stop
	# and once more on the new maps, which then go
	launch ''
	up
	some
	kill -TERM "$FLOWD_PID"
	end stop
	assert_eq "$MODE: the last one's exit" "$FLOWD_RC" 0
	judge
	bpftool -j map show id "$SLOTS_ID" 2>/dev/null | grep -q '"id"' && fail "$MODE: the old map of slots stays"
}

# upgrade NAME: after a kill, and after an end that keeps the hooks
upgrade() {
	local how
	for how in KILL TERM; do
		MODE="$1, old one's end by $how"
		old_one "$1-$how" "$how"
		new_one
	done
}

# upgrade_killed NAME POINT...: the new one dies there, the next one goes on
upgrade_killed() {
	local name=$1 point left=0
	shift
	for point; do
		if [ "$(now_ms)" -gt "$DEADLINE" ]; then
			left=$((left + 1))
			continue
		fi
		MODE="$name, $point"
		old_one "$name-${point/:/-}"
		launch "$point" --keep-attached yes
		up 2>/dev/null
		end "$point" 2>/dev/null
		assert_eq "$MODE: killed there: $(tail -n 2 "$FLOWD_LOG")" "$FLOWD_RC" 137
		new_one
	done
	[ "$left" = 0 ] || skip "$name: $left points: this host is too slow for all in $LIMIT_S s"
}

detach_only() {
	MODE="detach"
	old_one detach
	load_stop
	ip netns exec "$NSB" "$BINARY" --detach --config /dev/null --instance "$FLOWD_INSTANCE" --db "$FLOWD_DB" \
		2>"$FLOWD_LOG"
	rc=$?
	assert_eq "$MODE: exit: $(tail -n 2 "$FLOWD_LOG")" "$rc" 0
	judge
}

# One that knows of no such layout leaves it alone, and says so.
refused() {
	local out rc
	MODE="back again"
	begin back
	launch '' --keep-attached yes
	up
	kill -TERM "$FLOWD_PID"
	end stop
	out=$(ip netns exec "$NSB" "$FAULTY" --config /dev/null --instance "$FLOWD_INSTANCE" --db "$FLOWD_DB" -i vb 2>&1)
	rc=$?
	assert_eq "$MODE: exit" "$rc" 1
	assert_match "$MODE: what it says" "$out" 'its maps have layout [0-9]+, which this flowd'
	ip netns exec "$NSB" "$BINARY" --detach --config /dev/null --instance "$FLOWD_INSTANCE" --db "$FLOWD_DB" 2>/dev/null
	assert_eq "$MODE: exit of who can" "$?" 0
}

suite live_upgrade bpftool make
make -s -C "$WL_ROOT" -j "$(nproc)" FAULTS=1 build/faults/bin/flowd || { fail "no flowd with points"; finish; }
BINARY=$("$WL_ROOT/tests/next_layout.sh") || { fail "no flowd of the next layout"; finish; }
net_pair || { fail "no veth pair"; finish; }
ip -n "$NSB" addr flush dev vb
ip -n "$NSA" addr flush dev va
wait_until 5 link_quiet
DEADLINE=$(($(now_ms) + LIMIT_S * 1000))
mapfile -t points < <(WIRELEDGER_KILL=list "$BINARY" | grep '^upgrade-')
points+=(new-2-pin:3 start-12-interfaces start-16-ingress upgrade-7-move:4 upgrade-7-move:15)
mapfile -t points < <(printf '%s\n' "${points[@]}" | shuf) # what finds no time is not always the same
PLAIN=(--sweep 50ms --slots 4096 --ring 8M --durability normal)
TC=(--ingress tc --tc clsact)
ARGS=("${PLAIN[@]}")
upgrade xdp
ARGS=("${PLAIN[@]}" "${TC[@]}")
upgrade tc
# the old ring is full, and what is read of it is not in the database yet
ARGS=(--sweep 50ms --slots 1024 --ring 64K --durability normal)
upgrade_killed full-ring upgrade-3-read
ARGS=("${PLAIN[@]}")
upgrade_killed xdp "${points[@]}"
ARGS=("${PLAIN[@]}" "${TC[@]}")
[ -z "${LONG:-}" ] || upgrade_killed tc "${points[@]}"
detach_only
refused
finish
