#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_exact.sh: generated packets at full speed through veth: packets and bytes of each flow equal
# the sender's, their sum the ledger's, nothing unaccounted; by XDP, and by TC ingress alike.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

PACKETS=${WL_PACKETS:-5000000}

# compare_all LABEL: the hook's own count, the books; and each flow, where flowd had the CPU to make room for all
compare_all() {
	balance "$1"
	assert_roomy "$1"
	[ "$(folded)" != 0 ] || compare "$1"
}

# Two CPUs send the same flows at once, so each flow has a slot on both.
run_two_cpus() {
	local label="two CPUs" pid
	flowd_start "$NSB" -i vb || return
	in_a "$WLGEN" -i va -n 1000000 -f 20000 --cpu 0 --batch 32 --per-flow "$WL_TMP/0.csv" >"$WL_TMP/0" &
	pid=$!
	in_a "$WLGEN" -i va -n 1000000 -f 20000 --cpu 1 --batch 32 --per-flow "$WL_TMP/1.csv" >"$WL_TMP/1"
	assert_eq "$label: wlgen on CPU 1" "$?" 0
	wait "$pid"
	assert_eq "$label: wlgen on CPU 0" "$?" 0
	SENT_PACKETS=$(jq -s 'map(.packets) | add' "$WL_TMP/0" "$WL_TMP/1")
	SENT_BYTES=$(jq -s 'map(.bytes) | add' "$WL_TMP/0" "$WL_TMP/1")
	cat "$WL_TMP/0.csv" "$WL_TMP/1.csv" |
		awk -F, '{ k = $1 "," $2 "," $3 "," $4; p[k] += $5; b[k] += $6 }
			END { for (k in p) print k "," p[k] "," b[k] }' >"$WL_TMP/sent.csv"
	flowd_stop
	compare_all "$label"
}

# run LABEL FLOWD-ARGS -- WLGEN-ARGS: at full speed, then at a half and a quarter of it
run() { trials 3 run_once "$@"; }

run_once() {
	local label=$1 args=() slower=()
	[ "$TRIAL" = 1 ] || slower=(--rate $((SENT_RATE / 2)))
	shift
	while [ "$1" != -- ]; do
		args+=("$1")
		shift
	done
	shift
	flowd_start "$NSB" -i vb "${args[@]}" || return
	generate "$@" "${slower[@]}"
	flowd_stop
	assert_eq "$label: flowd's exit" "$FLOWD_RC" 0
	compare_all "$label"
}

suite live_exact
net_pair || { fail "no veth pair"; finish; }
# the stack shall not answer and not speak
ip -n "$NSB" addr flush dev vb
ip -n "$NSA" addr flush dev va
wait_until 40 link_quiet

run "xdp, 100,000 flows" --slots 131072 -- -n "$PACKETS" -f 100000 --spread 40
run "xdp, random order, tcp" -- -n 500000 -f 20000 --order random -p tcp -s 200 --spread 100 --seed 7
run "xdp, ipv6" -- -n 200000 -f 5000 -6 -s 300
run "xdp, vlan" -- -n 200000 -f 5000 --vlan 100
assert_eq "vlan id" "$(sql 'SELECT DISTINCT vlan, cvlan, marks FROM flow_plain')" "100||0"
run "xdp, qinq" -- -n 200000 -f 5000 --qinq 200:300 -s 128 --spread 8
assert_eq "qinq ids and s-tag mark" "$(sql 'SELECT DISTINCT vlan, cvlan, marks FROM flow_plain')" "200|300|32"
if [ "$(nproc)" -ge 2 ]; then trials 3 run_two_cpus; else skip "one CPU"; fi
run "tc ingress" --ingress tc -- -n 1000000 -f 20000 --spread 40
run "tc ingress, vlan" --ingress tc -- -n 200000 -f 5000 --vlan 100
assert_eq "vlan id at tc" "$(sql 'SELECT DISTINCT vlan, cvlan, marks FROM flow_plain')" "100||0"
run "tc ingress, qinq" --ingress tc -- -n 200000 -f 5000 --qinq 200:300 -s 128
assert_eq "qinq ids at tc" "$(sql 'SELECT DISTINCT vlan, cvlan, marks FROM flow_plain')" "200|300|32"
run "clsact ingress" --ingress tc --tc clsact -- -n 200000 -f 5000
finish
