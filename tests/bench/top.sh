#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# top.sh: flowctl top over a day of records, from sums and from records, beside SQLite's GROUP BY over the
# same rows: the best wall time of ROUNDS, process start included, and CPU time, and how many times as
# long the others take. The ragged window begins and ends within a minute, half an hour off the hour. A
# database whose sums are not whole is of no use here: its last hour must be written.
#
#   [ROUNDS=5] tests/bench/top.sh DB [GROUP...]
set -u
ROUNDS=${ROUNDS:-5}
FLOWCTL=${WL_BUILD:-build}/bin/flowctl
[ $# -gt 0 ] || { echo "usage: top.sh DB [GROUP...]" >&2; exit 2; }
DB=$1
shift
GROUPS_ASKED=("$@")
[ $# -gt 0 ] || GROUPS_ASKED=(host pair service)
read -r FIRST LAST COUNT < <(sqlite3 -readonly -separator ' ' "$DB" \
	"SELECT (SELECT min(id) FROM flow) >> 20, (SELECT max(id) FROM flow) >> 20, (SELECT count(*) FROM flow)")
UNTIL=$((LAST - 1800000 + 17300))
SINCE=$((FIRST + 1800000 + 43700))

# at MS: as --since takes it
at() { printf '@%d.%03d' "$(($1 / 1000))" "$(($1 % 1000))"; }

# best ROUNDS COMMAND...: least wall and its CPU time in ms, in $WALL and $CPU
best() {
	local rounds=$1 out wall user sys
	shift
	WALL=
	for _ in $(seq "$rounds"); do
		out=$({ TIMEFORMAT='%R %U %S'; time "$@" >/dev/null 2>&1; } 2>&1)
		read -r wall user sys <<<"$out"
		wall=$(awk -v s="$wall" 'BEGIN { printf "%d", s * 1000 }')
		if [ -z "$WALL" ] || [ "$wall" -lt "$WALL" ]; then
			WALL=$wall
			CPU=$(awk -v a="$user" -v b="$sys" 'BEGIN { printf "%d", (a + b) * 1000 }')
		fi
	done
}

# row NAME: what best() found, and how many times as long as the first row
row() {
	[ -n "$ONE" ] || { ONE=$WALL; ONE_CPU=$CPU; }
	awk -v group="$GROUP" -v name="$1" -v wall="$WALL" -v cpu="$CPU" -v one="$ONE" -v one_cpu="$ONE_CPU" 'BEGIN {
		printf "%-8s %-26s %8d ms %8.1f x %8d ms CPU %8.1f x\n", group, name, wall, wall / (one ? one : 1),
			cpu, cpu / (one_cpu ? one_cpu : 1) }'
}

# The same by SQL; of pairs the two addresses in the order of their numbers, of services the lower port.
sql() {
	local window="id >= $1 << 20 AND id < $2 << 20"
	case $GROUP in
	host) echo "SELECT h, sum(b) FROM (SELECT src AS h, bytes + rev_bytes AS b FROM flow WHERE $window UNION ALL
		SELECT dst, bytes + rev_bytes FROM flow WHERE $window AND dst <> src) GROUP BY h ORDER BY 2 DESC LIMIT 10" ;;
	pair) echo "SELECT min(src, dst), max(src, dst), sum(bytes + rev_bytes) FROM flow WHERE $window GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10" ;;
	*) echo "SELECT proto, min(sport, dport), sum(bytes + rev_bytes) FROM flow WHERE $window GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10" ;;
	esac
}

printf '%d records; %s\n' "$COUNT" "$(nproc) CPUs; wall and CPU time, and as multiples of the first row"
for GROUP in "${GROUPS_ASKED[@]}"; do
	ONE=
	top=("$FLOWCTL" --db "$DB" top --stored --group "$GROUP")
	best "$ROUNDS" "${top[@]}" --from rollups
	row "sums, all"
	best "$ROUNDS" "${top[@]}" --from rollups --since "$(at "$SINCE")" --until "$(at "$UNTIL")"
	row "sums and records, ragged"
	best 1 "${top[@]}" --from records
	row "records, all"
	best 1 sqlite3 -readonly "$DB" "$(sql "$FIRST" "$((LAST + 1))")"
	row "SQL GROUP BY, all"
done
