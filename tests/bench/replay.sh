#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# replay.sh: CPU time of `flowd -r` into a new database, beside softflowd, nfpcapd, argus, pmacctd and tcpdump on the
# same captures (tests/bench/capture.c says what is in them), in turns, whole processes, what they start included; and
# what each says was in the capture, against what was put there. Comparators are told to keep all flows (softflowd
# -m, pmacctd's pipe and cache): by default softflowd cuts flows beyond 8,192 short, pmacctd loses
# most of a capture. What is not installed is said, and left out.
#
#   tests/bench/replay.sh [--quick] [--rounds N] [KIND:PACKETS:SECONDS...]

set -eu
cd "$(dirname "$0")/../.."

ROUNDS=5
PACKETS=2000000
KINDS=()
while [ $# -gt 0 ]; do
	case "$1" in
	--quick) ROUNDS=3 PACKETS=500000 ;;
	--rounds) ROUNDS=$2 && shift ;;
	*:*:*) KINDS+=("$1") ;;
	*) echo "usage: replay.sh [--quick] [--rounds N] [KIND:PACKETS:SECONDS...]" >&2 && exit 2 ;;
	esac
	shift
done
[ ${#KINDS[@]} -gt 0 ] ||
	KINDS=("long:$PACKETS:60" "mix:$PACKETS:60" "small:$PACKETS:60" "many:$PACKETS:60" "small:$PACKETS:86400")

B=${WL_BUILD:-build}
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
FLOWS_MAX=4000000
export B TMP FLOWS_MAX

# --- one run of each, of capture $1 -----------------------------------------------------------------

run_flowd() { rm -f "$TMP"/x.db* && exec "$B/bin/flowd" --config /dev/null -r "$1" --db "$TMP/x.db" 2>/dev/null; }
run_softflowd() { softflowd -d -v 9 -6 -m "$FLOWS_MAX" -c none -p "$TMP/pid" -r "$1" -n 127.0.0.1:9 >"$TMP/softflowd" 2>&1; }
run_nfpcapd() { rm -rf "$TMP/nf" && mkdir "$TMP/nf" && exec nfpcapd -r "$1" -w "$TMP/nf" >/dev/null 2>&1; }
run_argus() { rm -f "$TMP/x.argus" && exec argus -r "$1" -w "$TMP/x.argus" 2>/dev/null; }
run_tcpdump() { exec tcpdump -r "$1" -w /dev/null 2>/dev/null; }
run_pmacctd() {
	rm -f "$TMP"/pm.csv*
	printf '%s\n' "pcap_savefile: $1" 'aggregate: src_host,dst_host,src_port,dst_port,proto' 'plugins: print' \
		"print_output_file: $TMP/pm.csv" 'print_output: csv' 'print_refresh_time: 60' 'print_cache_entries: 131071' \
		'plugin_pipe_size: 268435456' 'plugin_buffer_size: 102400' >"$TMP/pm.conf"
	pmacctd -f "$TMP/pm.conf" >/dev/null 2>&1
}
export -f run_flowd run_softflowd run_nfpcapd run_argus run_pmacctd run_tcpdump

# --- what it said was there: records, packets, bytes, and of what the bytes are -----------------------

said_by() {
	case $1 in
	flowd) sqlite3 -readonly -separator ' ' "$TMP/x.db" \
		"SELECT count(*), sum(packets + rev_packets), sum(bytes + rev_bytes), 'frames' FROM flow" ;;
	softflowd) awk '/^Flows exported/ { records = $3 } / \([0-9]+\): / { bytes += $3; packets += $4 }
		END { print records, packets + 0, bytes + 0, "ip" }' "$TMP/softflowd" ;;
	nfpcapd) nfdump -R "$TMP/nf" -I | awk '/^(Flows|Packets|Bytes):/ { printf "%s ", $2 } END { print "ip" }' ;;
	argus) racount -r "$TMP/x.argus" | awk '$1 == "sum" { print $2, $3, $6, "frames" }' ;;
	pmacctd) awk -F, 'NR > 1 { records++; packets += $(NF - 1); bytes += $NF } END { print records + 0, packets + 0, bytes + 0, "ip" }' "$TMP/pm.csv" ;;
	esac
}

# pmacctd's processes that write outlive it.
wait_for_writers() {
	local pid
	for pid in $(pgrep -f "pmacctd.*$TMP/pm.conf|pmacctd: .*default_print"); do
		timeout 60 tail --pid="$pid" -f /dev/null || true
	done
}

# against_truth PACKETS BYTES IP-BYTES: the same, and how far it is off
against_truth() {
	awk -v packets="$1" -v bytes="$2" -v ip="$3" '{ off_p = $2 - packets; off_b = $3 - ($4 == "ip" ? ip : bytes)
		printf "%d records, %s", $1, off_p || off_b ? sprintf("packets off by %d, bytes by %d", off_p, off_b) : "packets and bytes exact" }'
}

# table PACKETS: of cost's lines, with what $TMP/said-NAME has
table() {
	local name cpu wall mb least most
	while IFS=$'\t' read -r name cpu wall mb least most; do
		[ "$name" != flowd ] || FLOWD=$cpu
		awk -v name="$name" -v cpu="$cpu" -v one="$FLOWD" -v n="$1" -v wall="$wall" -v mb="$mb" -v least="$least" -v most="$most" \
			-v said="$(cat "$TMP/said-$name" 2>/dev/null || true)" 'BEGIN {
			printf "  %-10s %6.2f M packets a CPU second %6.2f x  %6.3f s CPU (%.3f-%.3f) %6.2f s wall %6.0f MB  %s\n",
				name, n / cpu / 1e6, cpu / one, cpu, least, most, wall, mb, said }'
	done
}

TOOLS=(flowd)
for tool in softflowd nfpcapd argus pmacctd tcpdump; do
	if command -v "$tool" >/dev/null; then TOOLS+=("$tool"); else echo "SKIP $tool (not installed)"; fi
done
[[ " ${TOOLS[*]} " != *" argus "* ]] || command -v racount >/dev/null || echo "SKIP argus' sums (racount is not installed)"

for kind in "${KINDS[@]}"; do
	IFS=: read -r name packets span <<<"$kind"
	capture=$TMP/$name.pcap
	read -r packets bytes ip talks < <("$B/bench/capture" "$name" "$packets" "$span" "$capture")
	echo "# $name: $packets packets of $((bytes / packets)) bytes, 96 captured, in $talks conversations, $span s; medians of $ROUNDS rounds in turns"
	words=()
	for tool in "${TOOLS[@]}"; do
		words+=("$tool" bash -c "run_$tool $capture" --)
		[ "$tool" = tcpdump ] && continue
		(bash -c "run_$tool $capture")
		[ "$tool" != pmacctd ] || wait_for_writers
		said_by "$tool" 2>/dev/null | against_truth "$packets" "$bytes" "$ip" >"$TMP/said-$tool" || true
	done
	unset "words[-1]"
	cat "$capture" >/dev/null
	"$B/bench/cost" "$ROUNDS" "${words[@]}" | table "$packets"
	rm -f "$capture"
done
