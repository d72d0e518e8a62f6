#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# queries.sh: what answers cost over the synthetic busy day of busyday.c, beside nfdump on the same flows (stored by
# nfcapd, LZ4) and plain SQL on the same database: medians of rounds in turns, all that is read being in memory. All
# three must give the same top 10, to the byte or within the error that flowctl states, else it fails. Then ingest, and bytes on disk.
#
#   tests/bench/queries.sh [--quick] [--records N] [--rounds N] [--folder DIR]
#
# 10,000,000 records unless given, 1,000,000 with --quick; DIR keeps what was made, for the next run.
#
# nfdump counts a record a direction; its -s ip/bytes adds each to both its ends, as flowctl does of hosts, and its port:p,
# which does so of ports, has the services where the ports of clients (from 32768 on, tests/bench/day.c) are left out.

set -eu
cd "$(dirname "$0")/../.."

RECORDS=10000000
ROUNDS=5
FOLDER=
BURST=3000000
while [ $# -gt 0 ]; do
	case "$1" in
	--quick)
		RECORDS=1000000
		BURST=1000000
		;;
	--records) RECORDS=$2 && shift ;;
	--rounds) ROUNDS=$2 && shift ;;
	--folder) FOLDER=$2 && shift ;;
	*)
		echo "usage: queries.sh [--quick] [--records N] [--rounds N] [--folder DIR]" >&2
		exit 2
		;;
	esac
	shift
done

B=${WL_BUILD:-build}
FLOWCTL=$B/bin/flowctl
WINDOW=(--since @1700006400 --until @1700092800) # DAY_START_MS, DAY_SECONDS
PORT=9995
PAIR=srcip,dstip # what nfdump has for pairs: a direction each
TMP=$(mktemp -d)
[ -n "$FOLDER" ] || FOLDER=$TMP
trap 'rm -rf "$TMP"' EXIT
DB=$FOLDER/day-$RECORDS.db
NF=$FOLDER/day-$RECORDS.nf

# --- the same flows three times ---------------------------------------------------------------------

# ingest LABEL: of busyday's line
ingest() {
	awk -v label="$1" '{ printf "%-34s%11d records %8.2f s CPU %8.2f s wall %9.0f records a CPU second\n", label, $1, $9, $11, $1 / $9 }'
}

make_database() {
	[ ! -e "$DB" ] || return 0
	rm -f "$FOLDER"/new.db*
	"$B/bench/busyday" --records "$RECORDS" --db "$FOLDER/new.db" | tee "$DB.line" | ingest "ingest, 24 h, a sweep a second"
	mv "$FOLDER/new.db" "$DB"
	rm -f "$FOLDER"/new.db*
}

# In a network namespace of its own, so that nobody else is at the port and the socket is found at once.
collect() {
	local pid
	ip link set lo up
	nfcapd -4 -b 127.0.0.1 -p $PORT -t 86400 -B 4000000 -y -I day -w "$1" >"$2" 2>&1 &
	pid=$!
	"$B/bench/busyday" --records "$RECORDS" --ipfix $PORT
	kill "$pid"
	wait "$pid" || true
}

make_nfdump() {
	[ ! -e "$NF" ] || return 0
	rm -rf "$FOLDER/new.nf"
	mkdir "$FOLDER/new.nf"
	export -f collect
	export B PORT RECORDS
	unshare -n bash -euc 'collect "$1" "$2"' - "$FOLDER/new.nf" "$TMP/nfcapd.log" >"$NF.line"
	mv "$FOLDER/new.nf" "$NF"
}

# What both have must be what the generator says.
check_counts() {
	local want
	want=$(awk '{ print $7, $3, $5 }' "$NF.line")
	[ "$(nfdump -R "$NF" -I | awk '/^Flows:|^Packets:|^Bytes:/ { print $2 }' | xargs)" = "$want" ] ||
		{ echo "FAIL nfcapd did not store all flows: $(tail -n 3 "$TMP/nfcapd.log" 2>/dev/null)" && exit 1; }
	[ "$(sqlite3 "$DB" 'SELECT sum(packets + rev_packets), sum(bytes + rev_bytes) FROM flow' | tr '|' ' ')" = "${want#* }" ] ||
		{ echo "FAIL the database has not all flows" && exit 1; }
}

# --- questions --------------------------------------------------------------------------------------

# pcap-filter(7) looks behind no tag (all of interface 3) unless told, and at flags of IPv4 alone: so are the others told.
NET='net 10.16.0.0/18 and port 443'
NF_NET="$NET and not in if 3"
ODD='tcp[tcpflags] & (tcp-syn|tcp-fin) = tcp-syn'
NF_ODD='ipv4 and proto tcp and flags S and not flags F and not in if 3'

# sql NAME: words in capitals are those of schema/views.sql; the greater sums first
sql() {
	{
		sed -n '/^-- define /,/^-- end$/p' schema/views.sql
		cat
	} | awk -f schema/define.awk >"$TMP/$1.sql"
}

write_sql() {
	# packets that go there, and those that come back, where the filter takes them
	local forward="tcp_flags & 3 = 2 AND typeof(src) = 'integer' AND iface != 3"
	local back="(tcp_flags >> 8) & 3 = 2 AND typeof(src) = 'integer' AND iface != 3"
	local odd="CASE WHEN $forward THEN bytes ELSE 0 END + CASE WHEN $back THEN rev_bytes ELSE 0 END"
	local net="iface != 3 AND 443 IN (sport, dport) AND (src BETWEEN 168820736 AND 168837119 OR dst BETWEEN 168820736 AND 168837119)"
	sql host <<<"SELECT ADDRESS(a), b FROM (SELECT a, sum(b) AS b FROM (SELECT src AS a, bytes + rev_bytes AS b FROM flow
		UNION ALL SELECT dst, bytes + rev_bytes FROM flow) GROUP BY a ORDER BY b DESC LIMIT 10);"
	sql pair <<<"SELECT ADDRESS(l) || ' - ' || ADDRESS(h), b FROM (SELECT min(src, dst) AS l, max(src, dst) AS h,
		sum(bytes + rev_bytes) AS b FROM flow GROUP BY l, h ORDER BY b DESC LIMIT 10);"
	sql service <<<"SELECT PROTO(proto) || CASE WHEN port IS NULL THEN '' ELSE '/' || port END, b FROM (
		SELECT proto, CASE WHEN proto IN (6, 17) THEN dport END AS port, sum(bytes + rev_bytes) AS b FROM flow
		GROUP BY proto, port ORDER BY b DESC LIMIT 10);"
	sql net <<<"SELECT ADDRESS(a), b FROM (SELECT a, sum(b) AS b FROM (SELECT src AS a, bytes + rev_bytes AS b FROM flow WHERE $net
		UNION ALL SELECT dst, bytes + rev_bytes FROM flow WHERE $net) GROUP BY a ORDER BY b DESC LIMIT 10);"
	sql odd <<<"SELECT ADDRESS(a), b FROM (SELECT a, sum(b) AS b FROM (SELECT src AS a, $odd AS b FROM flow_plain WHERE $forward OR $back
		UNION ALL SELECT dst, $odd FROM flow_plain WHERE $forward OR $back) GROUP BY a ORDER BY b DESC LIMIT 10);"
}

ctl() { "$FLOWCTL" --db "$DB" top --stored --by bytes "${WINDOW[@]}" --config /dev/null --json "$@" 2>/dev/null; }

# Pairs in one order, whatever a tool calls the first.
one_order() { awk -F'|' -v OFS='|' '{ if (split($1, end, " - ") == 2 && end[1] > end[2]) $1 = end[2] " - " end[1]; print }'; }

# flowctl_top FROM GROUP FILTER: key|bytes|how many may be missing, of more keys than ten
flowctl_top() {
	# shellcheck disable=SC2086
	ctl $1 --group "$2" -n 30 ${3:+"$3"} | jq -r 'select(.key != "(other)") | [.key, .bytes, .error // 0] | join("|")' | one_order
}

# What is not exact must be within the bound that it says.
within() {
	awk -F'|' 'NR == FNR { got[$1] = $2; error[$1] = $3; next }
		!($1 in got) || got[$1] > $2 || got[$1] + error[$1] < $2 { print $0 ": " got[$1] " + " error[$1]; failed = 1 }
		{ n++ } END { exit failed || n != 10 }' "$1" "$2"
}

# nf_top STATISTIC FILTER: key|bytes, of ports those of servers
nf_top() {
	nfdump -R "$NF" -q -N -o csv6 -n 1000 -s "$1" "$2" | awk -F, '$1 !~ /^[0-9]/ || ($5 ~ /^[0-9]+$/ && $5 >= 32768) || ++n > 10 { next }
		$5 ~ /^[0-9]+$/ { $5 = ($4 == 6 || $4 == "TCP" ? "tcp/" : "udp/") $5 }
		{ print $5 "|" $10 }'
}

# check QUESTION: SQL's top 10, and nfdump's, against those of flowctl in each way that it has
check() {
	local name=$1 group=$2 filter=$3 nf=$4 nf_filter=$5 from want got
	want=$(sqlite3 -readonly "$DB" ".read $TMP/$name.sql" | one_order)
	for from in "${FROM[@]}"; do
		flowctl_top "$from" "$group" "$filter" >"$TMP/got"
		within "$TMP/got" <(echo "$want") || { echo "FAIL $name: flowctl $from and SQL differ" && exit 1; }
		awk -F'|' -v from="$from" 'NR <= 10 && $3 > most { most = $3 }
			END { if (most) printf "  %s: each of the ten may lack up to %d bytes, and is within that\n", from, most }' "$TMP/got"
	done
	[ -n "$HAVE_NF" ] && [ -n "$nf" ] || return 0
	got=$(nf_top "$nf" "$nf_filter")
	[ "$got" = "$want" ] && return
	printf 'FAIL %s: nfdump and SQL differ:\n%s\n' "$name" "$(diff <(echo "$got") <(echo "$want"))"
	exit 1
}

# measure QUESTION TITLE GROUP FILTER NFDUMP-STATISTIC NFDUMP-FILTER; of pairs nfdump has no statistic, but aggregates
measure() {
	local name=$1 title=$2 group=$3 filter=$4 nf=$5 nf_filter=$6 from
	local words=()
	printf '%s\n' "$title"
	check "$name" "$group" "$filter" "$nf" "$nf_filter"
	for from in "${FROM[@]}"; do
		# shellcheck disable=SC2206
		words+=("flowctl${from:+ $from}" "$FLOWCTL" --db "$DB" top --stored --by bytes "${WINDOW[@]}" --config /dev/null $from
			--group "$group" -n 10 ${filter:+"$filter"} --)
	done
	if [ -n "$HAVE_NF" ] && [ -z "$nf" ]; then
		words+=("nfdump -A $PAIR" nfdump -R "$NF" -q -N -n 10 -A "$PAIR" -s record/bytes --)
	elif [ -n "$HAVE_NF" ]; then
		words+=("nfdump -s $nf" nfdump -R "$NF" -q -N -n 10 -s "$nf" "$nf_filter" --)
	fi
	words+=("sqlite3" sqlite3 -readonly "$DB" ".read $TMP/$name.sql")
	"$B/bench/cost" "$ROUNDS" "${words[@]}" | table
}

# Ratios are to the first line; records a CPU second of the database's records.
table() {
	awk -F'\t' -v records="$RECORDS" 'NR == 1 { cpu = $2 > 0.0005 ? $2 : 0.0005; wall = $3 > 0.0005 ? $3 : 0.0005 }
		{ printf "  %-28s%9.3f s CPU %9.3f s wall %8.1f MB %8.1fx CPU %8.1fx wall %11.0f records a CPU second  %.3f-%.3f s\n",
			$1, $2, $3, $4, $2 / cpu, $3 / wall, records / ($2 > 0.0005 ? $2 : 0.0005), $5, $6 }'
}

disk() {
	local size nf
	size=$(stat -c %s "$DB")
	printf 'on disk, bytes a biflow record: %.1f:' "$(bc -l <<<"$size / $RECORDS")"
	sqlite3 -readonly "$DB" "SELECT printf(' %s %.1f', name, sum(pgsize) * 1.0 / $RECORDS) FROM dbstat GROUP BY name
		ORDER BY sum(pgsize) DESC LIMIT 4" | tr '\n' ','
	if [ -n "$HAVE_NF" ]; then
		nf=$(du -sb --apparent-size "$NF" | cut -f 1)
		printf ' ...; nfdump %.1f (%.1f a directed record)' "$(bc -l <<<"$nf / $RECORDS")" "$(bc -l <<<"$nf / $(awk '{ print $7 }' "$NF.line")")"
	fi
	echo
}

HAVE_NF=
if command -v nfcapd >/dev/null && command -v nfdump >/dev/null; then HAVE_NF=1; else echo "SKIP nfdump (not installed)"; fi
FROM=("--from auto" "--from records")

make_database
"$B/bench/busyday" --records "$BURST" --seconds 30 --db "$TMP/burst.db" | ingest "ingest, $((BURST / 30)) records a sweep"
rm -f "$TMP"/burst.db*
[ -z "$HAVE_NF" ] || make_nfdump
[ -z "$HAVE_NF" ] || check_counts
write_sql
echo "# the same $RECORDS biflow records of a day; medians of $ROUNDS rounds in turns, in memory; x: times the first line of its table"
measure host "top --group host" host "" ip/bytes ""
measure pair "top --group pair" pair "" "" ""
measure service "top --group service" service "" port:p/bytes ""
FROM=("--from records")
measure net "top --group host '$NET' (addresses and ports)" host "$NET" ip/bytes "$NF_NET"
measure odd "top --group host '$ODD' (looked at row by row)" host "$ODD" ip/bytes "$NF_ODD"
disk
