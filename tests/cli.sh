# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# cli.sh: what the suites of flowctl share that need no root and no network. Sourced after lib.sh. DB is asked,
# in the words of CTL (a verb, options of all calls), if any.

CTL=()

# cli_suite NAME [TOOL...]: the tools must be installed; $WL_TMP is for files
cli_suite() {
	# shellcheck disable=SC2034 # lib.sh says it
	WL_NAME=$1
	shift
	need "$@"
	built "$FLOWD" "$FLOWCTL"
	scratch
	export TZ=UTC0
}

# ctl ARG...: standard output in $OUT, errors in $ERR, the exit code in $RC
ctl() {
	OUT=$("$FLOWCTL" --db "$DB" "${CTL[@]}" "$@" 2>"$WL_TMP/err")
	RC=$?
	ERR=$(cat "$WL_TMP/err")
}

# refused CODE WORDS ARG...: nothing on standard output, and an error that names the value
refused() {
	local code=$1 words=$2
	shift 2
	ctl "$@"
	assert_eq "$*: exit code" "$RC" "$code"
	assert_eq "$*: standard output" "$OUT" ""
	if [[ $ERR == "flowctl: "*"$words"* ]]; then pass; else fail "$*: '$ERR', wanted '$words'"; fi
}
