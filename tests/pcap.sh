# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# pcap.sh: what the suites of flowctl pcap share: databases that wlsample made of captures, and questions
# about exports. Sourced after lib.sh. DB is asked; $T is for files.

# shellcheck source=tests/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/cli.sh"

WLSAMPLE=$WL_BUILD/tests/wlsample

# pcap_suite NAME: $T with captures of pcap_frames.py, and DB of make_db
pcap_suite() {
	cli_suite "$1" sqlite3 jq python3 tcpdump script
	built "$WLSAMPLE"
	T=$WL_TMP
	DB=$T/samples.db
	"$WL_ROOT/tests/pcap_frames.py" "$T"
	make_db "$DB"
}

# make_db DB: two interfaces whose packets alternate, and drops of a device that is not counted
make_db() {
	"$WLSAMPLE" -i eth0 -r 1000 "$T/a.pcap" "$1" >/dev/null
	"$WLSAMPLE" -i eth1 -r 10 -e -w 9 -o 500000 "$T/a.pcap" "$1" >/dev/null
	"$WLSAMPLE" -i '' -d docker0 -r 0 -w 64 -R NETFILTER_DROP -P nf_hook_slow+0xa1 -o 700000 "$T/b.pcap" "$1" >/dev/null
}

# ctl ARG...: a capture in $T/out.pcap, which $OUT says, errors in $ERR, the exit code in $RC
ctl() {
	"$FLOWCTL" --db "$DB" pcap "$@" >"$T/out.pcap" 2>"$T/err"
	RC=$?
	ERR=$(cat "$T/err")
	OUT=
	[ ! -s "$T/out.pcap" ] || OUT=capture
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
