#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# growth.sh: how costs grow. Each table goes to standard output and, as CSV and SVG, to OUT (growth):
#
#   datapath    ns a packet above the empty program, by number of flows and by size of the map (build/bench/datapath)
#   interfaces  ns a run of the ingress program, live, by number of interfaces, and flowd's share of a core
#   size        the same by size of frames, 1,000 flows on one interface
#   active      flowd's share of a core and memory by active flows, each with packets in every sweep of 1 s
#   replay      ns CPU a packet of flowd -r by conversations in a capture, a twentieth of them at once
#   records     size of the database, and CPU time of flowctl top from sums, from records and through a filter, by records
#
# Flows of datapath are 1 to 4,000,000, more than its largest maps hold.
#
#   tests/bench/growth.sh [--quick] [--only NAME] [OUT]

set -eu
cd "$(dirname "$0")/../.."

ROUNDS=5
DATAPATH=(--growth)
IFACES="1 2 4 8 16 32 64"
SIZES="64 128 256 512 1024 1500"
ACTIVE="1000 10000 30000 100000 300000"
SPAN=65
CONVERSATIONS="1000 10000 50000 100000 200000 400000 800000"
RECORDS="10000 100000 1000000 10000000"
ONLY=
OUT=growth
while [ $# -gt 0 ]; do
	case "$1" in
	--quick)
		ROUNDS=3
		DATAPATH=(--growth --rounds 3)
		IFACES="1 8 64"
		SIZES="64 512 1500"
		ACTIVE="1000 10000 100000"
		SPAN=15
		CONVERSATIONS="1000 10000 100000"
		RECORDS="10000 100000 1000000"
		;;
	--only) ONLY=$2 && shift ;;
	-*) echo "usage: growth.sh [--quick] [--only NAME] [OUT]" >&2 && exit 2 ;;
	*) OUT=$1 ;;
	esac
	shift
done

B=${WL_BUILD:-build}
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
mkdir -p "$OUT"

wanted() { [ -z "$ONLY" ] || [ "$ONLY" = "$1" ]; }

# show NAME TITLE X Y [linear]: the table, and its picture
show() {
	local name=$1
	shift
	"$B/bench/plot" "$@" <"$OUT/$name.csv" >"$OUT/$name.svg"
	printf '# %s (%s.csv, %s.svg)\n' "$1" "$OUT/$name" "$OUT/$name"
	column -s, -t <"$OUT/$name.csv" | sed 's/^/  /'
}

# cpu_of COMMAND...: median CPU seconds
cpu_of() { "$B/bench/cost" "$ROUNDS" it "$@" | cut -f 2; }

# Of what it prints the first table, XDP and plain TCP: hook, frame (2 words), flows, program (2), ns, ns above empty.
datapath_table() {
	awk '/^hook/ { table++ } { gsub(/,/, "") } table == 1 && $1 == "XDP" && $2 == "IPv4" && $3 == "TCP" && $5 != "empty" {
		name = $5 " " $6; flows = $4
		if (!(name in column)) { column[name] = ++columns; title[columns] = name }
		if (!(flows in row)) { row[flows] = ++rows; x[rows] = flows }
		value[row[flows], column[name]] = $8
	} END {
		printf "flows"; for (c = 1; c <= columns; c++) printf ",%s", title[c]; print ""
		for (r = 1; r <= rows; r++) { printf "%d", x[r]; for (c = 1; c <= columns; c++) printf ",%s", value[r, c]; print "" }
	}'
}

datapath() {
	"$B/bench/datapath" "${DATAPATH[@]}" | datapath_table >"$OUT/datapath.csv"
	show datapath "ns a packet above the empty program" "flows, uniformly random" ns
}

# live NAME COLUMN VALUES: of growth_live.sh, whose COLUMN varies
live() {
	local name=$1 column=$2 values=$3 value args
	echo "$name,ns a run,percent of a core" >"$OUT/$name.csv"
	for value in $values; do
		args=(1 1000 100)
		args[column]=$value
		timeout 300 tests/bench/growth_live.sh "${args[@]}" 10 | awk -v n=$((column + 1)) 'NF == 6 { printf "%d,%s,%s\n", $n, $4, $6 }' >>"$OUT/$name.csv"
	done
}

interfaces() {
	live interfaces 0 "$IFACES"
	show interfaces "ns a run of the ingress program, flowd's share of a core" "interfaces" "ns; %"
}

size() {
	live size 2 "$SIZES"
	show size "ns a run of the ingress program, flowd's share of a core" "bytes a frame" "ns; %"
}

active() {
	local flows
	echo "active flows,percent of a core,MB resident" >"$OUT/active.csv"
	for flows in $ACTIVE; do
		tests/bench/flowd_cost.sh "$flows" "$SPAN" | sed -n 's/^flowd, \([0-9]*\) active.*: \([0-9.]*\) % of a core, \([0-9.]*\) MB.*/\1,\2,\3/p' >>"$OUT/active.csv"
	done
	show active "flowd's share of a core and memory" "active flows, all with packets in each sweep of 1 s" "%; MB"
}

# Of so many packets that the start counts little.
replay() {
	local talks packets cpu
	echo "conversations,ns a packet" >"$OUT/replay.csv"
	for talks in $CONVERSATIONS; do
		packets=$((talks * 10))
		"$B/bench/capture" many "$packets" 60 "$TMP/x.pcap" >/dev/null
		cpu=$(cpu_of bash -c "rm -f $TMP/x.db* && exec $B/bin/flowd --config /dev/null -r $TMP/x.pcap --db $TMP/x.db 2>/dev/null")
		awk -v talks="$talks" -v packets="$packets" -v cpu="$cpu" 'BEGIN { printf "%d,%.0f\n", talks, cpu * 1e9 / packets }' >>"$OUT/replay.csv"
	done
	rm -f "$TMP"/x.*
	show replay "flowd -r: ns CPU a packet, ten packets a conversation" "conversations" ns linear
}

records() {
	local records db
	local window=(--since @1700006400 --until @1700092800 --stored --by bytes --config /dev/null --group host -n 10) # as queries.sh
	echo "records,bytes a record,ms from sums,ms from records,ms through a filter" >"$OUT/records.csv"
	for records in $RECORDS; do
		db=$TMP/day.db
		"$B/bench/busyday" --records "$records" --db "$db" >/dev/null
		local top=("$B/bin/flowctl" --db "$db" top "${window[@]}")
		awk -v n="$records" -v size="$(stat -c %s "$db")" -v a="$(cpu_of "${top[@]}")" -v b="$(cpu_of "${top[@]}" --from records)" \
			-v c="$(cpu_of "${top[@]}" --from records 'tcp port 443')" \
			'BEGIN { printf "%d,%.0f,%.1f,%.1f,%.1f\n", n, size / n, a * 1e3, b * 1e3, c * 1e3 }' >>"$OUT/records.csv"
		rm -f "$db"*
	done
	show records "a day of records: size, and CPU time of flowctl top --group host" "records" "bytes; ms"
}

for part in datapath interfaces size active replay records; do
	! wanted "$part" || "$part"
done
