#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# veristat.sh: the verifier's work for each BPF program against scripts/veristat.baseline. Fails where
# a program grew by more than 10 %, is gone, or has no baseline; and where one calls a helper that Linux
# 5.15 does not have (uapi/linux/bpf.h), but for those for which flowd probes: bpf_loop,
# bpf_xdp_get_buff_len and bpf_xdp_load_bytes.
#
#   scripts/veristat.sh            compare
#   scripts/veristat.sh --update   write the baseline anew

set -eu
cd "$(dirname "$0")/.."

LIMIT_PERCENT=10
HELPERS_5_15=175 # the last one's number: task_pt_regs
PROBED="181 188 189"
BUILD=${BUILD:-${B:-build}}
BASELINE=scripts/veristat.baseline
NOW=$(mktemp)
trap 'rm -f "$NOW"' EXIT

usage() {
	echo "usage: scripts/veristat.sh [--update]" >&2
	exit 2
}

write_baseline() {
	{
		echo "# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause"
		echo "# object, program, instructions that the verifier walks; scripts/veristat.sh --update"
		cat "$NOW"
	} > "$BASELINE"
	echo "veristat: $BASELINE written"
}

compare() {
	awk -v limit="$LIMIT_PERCENT" -v baseline="$BASELINE" '
		/^#/ { next }
		NR == FNR { base[$1 " " $2] = $3; next }
		{
			name = $1 " " $2
			seen[name] = 1
			if (!(name in base)) {
				printf "FAIL %s: %d instructions, not in %s\n", name, $3, baseline
				failed = 1
				next
			}
			bad = $3 > base[name] * (1 + limit / 100)
			printf "%s %s: %d instructions, baseline %d (%+.1f %%%s)\n",
				bad ? "FAIL" : "ok", name, $3, base[name],
				($3 / base[name] - 1) * 100,
				bad ? ", over " limit " %" : ""
			failed = failed || bad
		}
		END {
			for (name in base) {
				if (name in seen)
					continue
				printf "FAIL %s: missing, baseline %d instructions\n", name, base[name]
				failed = 1
			}
			exit failed
		}' "$BASELINE" "$NOW"
}

# Helpers by number, each object's; a call between functions has 1 for its source register (85 10).
check_helpers() {
	status=0
	for object in "$BUILD"/flow_*.bpf.o "$BUILD"/health.bpf.o; do
		newer=$(llvm-objdump -d "$object" | sed -n 's/.*85 00 00 00 .*call \([0-9]*\)$/\1/p' | sort -nu |
			awk -v last="$HELPERS_5_15" -v probed=" $PROBED " '$1 > last && !index(probed, " " $1 " ")' | tr '\n' ' ')
		if [ -z "$newer" ]; then
			echo "ok $(basename "$object"): helpers of Linux 5.15"
		else
			echo "FAIL $(basename "$object"): calls helpers that Linux 5.15 does not have: $newer"
			status=1
		fi
	done
	return "$status"
}

[ $# -le 1 ] || usage
case "${1:-}" in
"" | --update) ;;
*) usage ;;
esac
if [ "$(id -u)" -ne 0 ]; then
	echo "SKIP veristat (loading programs needs root)"
	exit 0
fi
make -s B="$BUILD" "$BUILD/bench/insns"
"$BUILD/bench/insns" > "$NOW"
if [ "${1:-}" = --update ]; then
	write_baseline
else
	compare && check_helpers
fi
