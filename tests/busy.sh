# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# busy.sh: what the live suites do about a host that is busy, where what was sent waits in a queue because the
# kernel's threads have no CPU, and flowd does its work late. What must hold in spite of that is asserted each
# time; what holds only where the host keeps up is tried again. Sourced by lib.sh.

WL_LATE=
TRIAL=
KSOFTIRQD=()

# nothing_waits: no CPU's backlog has a packet between two devices, and no ksoftirqd has work left
nothing_waits() {
	local column pid state
	while read -ra column; do
		[ $((16#${column[11]:-0})) = 0 ] || return 1
	done </proc/net/softnet_stat
	for pid in "${KSOFTIRQD[@]}"; do
		read -r state 2>/dev/null <"/proc/$pid/stat" || continue
		[[ $state == *") S "* ]] || return 1
	done
}

# settle: until what was sent has come through; 10 s at most, for a host may always have something to do
settle() {
	[ ${#KSOFTIRQD[@]} -gt 0 ] || mapfile -t KSOFTIRQD < <(pgrep ksoftirqd)
	wait_until 10 nothing_waits
}

# assert_timely LABEL GOT MIN MAX: a time, which says nothing of flowd where the host is busy: outside, the test
# that it is in is tried again (trials), and the last of them fails
assert_timely() {
	if [ -n "$2" ] && [ "$2" -ge "$3" ] && [ "$2" -le "$4" ]; then
		pass
	elif [ -n "$TRIAL" ]; then
		WL_LATE="$1: got '$2', wanted $3 to $4"
	else
		fail "$1: got '$2', wanted $3 to $4"
	fi
}

# trials N COMMAND...: until all was timely in it. It finds in TRIAL which one it is, from 1.
trials() {
	local n=$1
	shift
	for ((TRIAL = 1; TRIAL <= n; TRIAL++)); do
		WL_LATE=
		"$@"
		[ -n "$WL_LATE" ] || break
		say "trial $TRIAL: $WL_LATE"
	done
	TRIAL=
	[ -z "$WL_LATE" ] || fail "$WL_LATE"
}

# folded: packets of FLOWD_DB that lost their flow's name, which is so where flowd had no CPU to make room in time
folded() {
	sql 'SELECT ifnull(sum(folded_packets + catchall_packets), 0) FROM ledger'
}

# assert_roomy LABEL: as assert_timely: no packet has lost its flow's name, so flows can be compared one by one
assert_roomy() { assert_timely "$1: packets folded" "$(folded)" 0 0; }
