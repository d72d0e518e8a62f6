#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# corpus.sh: what flowd says of captures, held against known answers. No root needed.
#
#   tests/corpus.sh [DIR ...]       default: tests/corpus
#
# For each capture FILE of DIR: FILE.tsv is what it has to say with `fragments = untracked`, FILE.inner.tsv
# with `tunnel = inner` too, FILE.track.tsv with `fragments = track`. Captures that DIR/refused names
# have to be refused. Differences that tests/corpus/known_differences lists are applied; they may be 1 %
# of the flows. As root, and where build/tests/bpf_corpus and bpf_health were built, the BPF programs get the
# captures too: frame by frame, and as connections.
#
# BUILD (or B, or WL_BUILD) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh disable=SC2119
WL_BUILD=${WL_BUILD:-${BUILD:-${B:-build}}}
. "$(dirname "$0")/lib.sh"

HERE=$WL_ROOT/tests
CORPUS=$HERE/corpus
KNOWN=$CORPUS/known_differences
LIMIT=60 # seconds for a capture
FLOWS=0
DIFFER=0
KNOWN_FLOWS=0
UNJUDGED=0
GONE=0
CAPTURES=()

# tool_failed LABEL TOOL RC: what it said
tool_failed() {
	fail "$1: $2: exit $3: $(tail -n 3 "$WL_TMP/err" | tr '\n' ' ')"
}

# ask LABEL FILE ARG...: flowd reads FILE into a new database; its flows are in flows.jsonl
ask() {
	local label=$1 file=$2 rc db=$WL_TMP/read.db
	shift 2
	rm -f "$db" "$db"-* "$db".*
	timeout "$LIMIT" "$FLOWD" --config /dev/null -r "$file" --db "$db" "$@" >"$WL_TMP/out" 2>"$WL_TMP/err"
	rc=$?
	[ "$rc" = 0 ] || { tool_failed "$label" "flowd -r" "$rc"; return 1; }
	timeout "$LIMIT" "$FLOWCTL" --db "$db" flows --uniflow --json -n 0 >"$WL_TMP/flows.jsonl" 2>"$WL_TMP/err"
	rc=$?
	[ "$rc" = 0 ] || { tool_failed "$label" flowctl "$rc"; return 1; }
}

# total NAME: of the last line of the comparison
total() { sed -n "s/^total\t.*\b$1=\([0-9]*\).*/\1/p" "$WL_TMP/said"; }

# judge LABEL TABLE OPTION...: flows.jsonl against the table
judge() {
	local label=$1 table=$2 rc differ
	shift 2
	"$HERE/corpus_compare.py" --known "$KNOWN" "$@" "$table" <"$WL_TMP/flows.jsonl" >"$WL_TMP/said" 2>"$WL_TMP/err"
	rc=$?
	differ=$(total differ)
	if [ -z "$differ" ]; then
		tool_failed "$label" corpus_compare.py "$rc"
		return
	fi
	FLOWS=$((FLOWS + $(total flows)))
	DIFFER=$((DIFFER + differ))
	KNOWN_FLOWS=$((KNOWN_FLOWS + $(total known)))
	UNJUDGED=$((UNJUDGED + $(total unjudged)))
	GONE=$((GONE + $(total gone)))
	if [ "$rc" = 0 ]; then pass; else fail "$label: $differ of $(total flows) flows differ:"; fi
	grep -vE '^(total|unjudged)' "$WL_TMP/said" | head -n "${WL_LINES:-12}"
}

# run_table TABLE FILE OPTION... [-- ARG...]: options for the comparison, arguments for flowd
run_table() {
	local table=$1 file=$2 options=()
	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	ask "$(basename "$table" .tsv)" "$file" "$@" && judge "$(basename "$table" .tsv)" "$table" "${options[@]}"
}

# run_capture FILE OPTION...: against each table beside it
run_capture() {
	local file=$1
	shift
	CAPTURES+=("$file")
	[ ! -e "$file.tsv" ] || run_table "$file.tsv" "$file" "$@" -- --fragments untracked
	[ ! -e "$file.inner.tsv" ] ||
		run_table "$file.inner.tsv" "$file" --inner "$@" -- --fragments untracked --tunnel inner
	[ ! -e "$file.track.tsv" ] || run_table "$file.track.tsv" "$file" "$@" -- --fragments track
}

# run_refused FILE: an error that names the file, and no crash
run_refused() {
	local name rc
	name=$(basename "$1")
	rm -f "$WL_TMP"/read.db*
	timeout "$LIMIT" "$FLOWD" --config /dev/null -r "$1" --db "$WL_TMP/read.db" >"$WL_TMP/out" 2>"$WL_TMP/err"
	rc=$?
	assert_between "$name: refused, exit" "$rc" 1 2
	assert_match "$name: error" "$(cat "$WL_TMP/err")" "$name"
}

# run_folder DIR: its own captures have an exact count of what is not IP; not all tell what TCP did
run_folder() {
	local file options=() before=${#CAPTURES[@]}
	[ ! -e "$1/make.py" ] || options=(--non-ip --told)
	for file in "$1"/*.pcap "$1"/*.pcapng; do
		if [ -e "$file.tsv" ]; then
			run_capture "$file" "${options[@]}"
		elif [ -e "$1/refused" ] && grep -qxF "$(basename "$file")" "$1/refused"; then
			run_refused "$file"
		fi
	done
	[ "${#CAPTURES[@]}" -gt "$before" ] || fail "$1: no captures with known answers"
}

check_made() {
	if ! command -v python3 >/dev/null; then
		fail "no python3"
		finish
	fi
	"$CORPUS/make.py" --check >"$WL_TMP/said" 2>&1
	rc=$?
	assert_eq "make.py --check: $(tail -n 5 "$WL_TMP/said" | tr '\n' ' ')" "$rc" 0
}

# The same captures through the programs as the kernel runs them; those tools count for themselves.
check_bpf() {
	local tool name
	for name in bpf_corpus bpf_health; do
		tool=$WL_BUILD/tests/$name
		if [ "$(id -u)" != 0 ]; then
			skip "$name: not root"
		elif [ ! -x "$tool" ]; then
			skip "$name: not built"
		else
			"$tool" "${CAPTURES[@]}"
			assert_eq "$name: exit" "$?" 0
		fi
	done
}

check_known() {
	say "${#CAPTURES[@]} captures, $FLOWS flows, $DIFFER differ, $KNOWN_FLOWS known to differ," \
		"$UNJUDGED not judged by their tables"
	[ "$GONE" = 0 ] || fail "$GONE known differences do not occur any more: remove them from $KNOWN"
	assert_between "known differences are at most 1 % of $FLOWS flows" "$KNOWN_FLOWS" 0 $((FLOWS / 100))
}

WL_NAME=corpus
built "$FLOWD" "$FLOWCTL"
scratch
[ $# -gt 0 ] || set -- "$CORPUS"
for dir in "$@"; do
	if [ "$(realpath "$dir")" = "$CORPUS" ]; then check_made; fi
	run_folder "${dir%/}"
done
check_known
check_bpf
finish
