# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# pcap.sh: what the suites of flowctl pcap share: databases that wlsample made of captures, and questions
# about exports. Sourced after lib.sh. DB is asked; $T is for files.

WLSAMPLE=$WL_BUILD/tests/wlsample

# pcap_begin: $T with captures of pcap_frames.py, and DB of make_db
pcap_begin() {
	local tool
	for tool in sqlite3 jq python3 tcpdump script; do
		command -v "$tool" >/dev/null || { skip "no $tool"; finish; }
	done
	for tool in "$FLOWD" "$FLOWCTL" "$WLSAMPLE"; do
		[ -x "$tool" ] || { fail "$tool is not built"; finish; }
	done
	WL_TMP=$(mktemp -d /tmp/wlpcap.XXXXXX)
	trap cleanup EXIT
	trap 'exit 130' INT TERM
	T=$WL_TMP
	DB=$T/samples.db
	export TZ=UTC0
	"$WL_ROOT/tests/pcap_frames.py" "$T"
	make_db "$DB"
}

# make_db DB: two interfaces whose packets alternate, and drops of a device that is not counted
make_db() {
	"$WLSAMPLE" -i eth0 -r 1000 "$T/a.pcap" "$1" >/dev/null
	"$WLSAMPLE" -i eth1 -r 10 -e -w 9 -o 500000 "$T/a.pcap" "$1" >/dev/null
	"$WLSAMPLE" -i '' -d docker0 -r 0 -w 64 -R NETFILTER_DROP -P nf_hook_slow+0xa1 -o 700000 "$T/b.pcap" "$1" >/dev/null
}

# ctl ARG...: a capture in $T/out.pcap, errors in $ERR, the exit code in $RC
ctl() {
	"$FLOWCTL" --db "$DB" pcap "$@" >"$T/out.pcap" 2>"$T/err"
	RC=$?
	ERR=$(cat "$T/err")
}

# refused CODE WORDS ARG...: nothing on standard output, and an error that names the value
refused() {
	local code=$1 words=$2
	shift 2
	ctl "$@"
	assert_eq "$*: exit code" "$RC" "$code"
	assert_eq "$*: standard output" "$(wc -c <"$T/out.pcap")" 0
	if [[ $ERR == "flowctl: "*"$words"* ]]; then pass; else fail "$*: '$ERR', wanted '$words'"; fi
}

# shown FILE [ARG...]: what tcpdump makes of it, every byte and no time
shown() {
	local file=$1
	shift
	tcpdump -nn -t -xx -r "$file" "$@" 2>/dev/null
}

# packets FILE [FILTER]: how many
packets() {
	tcpdump -nn -t -r "$1" ${2:+"$2"} 2>/dev/null | grep -cv '^[[:space:]]'
}

# has LABEL N ARG...: that many packets are in the export
has() {
	local label=$1 want=$2
	shift 2
	ctl "$@"
	assert_eq "$label" "$(packets "$T/out.pcap") $RC" "$want 0"
}
