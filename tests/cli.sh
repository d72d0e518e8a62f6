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

# wrong CODE MESSAGE ARG...: an error that begins so, as a regular expression
wrong() {
	local code=$1 message=$2
	shift 2
	ctl "$@"
	assert_eq "$*: exit code" "$RC" "$code"
	assert_match "$*: message" "$ERR" "^flowctl: $message"
}

# capture FILE: of the packets on standard input (packets_pcap.py), SECONDS after $T
capture() {
	awk -v t="$T" '{ $1 = sprintf("%.3f", $1 + t); print }' |
		"$WL_ROOT/tests/packets_pcap.py" "$1" || fail "$1: no capture"
}

# packets NAME: such a capture into the database, as an interface
packets() {
	capture "$WL_TMP/$1"
	"$FLOWD" --config /dev/null -r "$WL_TMP/$1" --db "$DB" 2>"$WL_TMP/$1.log" || fail "$1: $(cat "$WL_TMP/$1.log")"
}
