#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_anonymize_pcap.sh: flowctl pcap with --anonymize: frames made for it (anonymize_cases.h), of which no
# byte of an address or a payload may be left; captures, whose addresses have to be what a Crypto-PAn of
# its own makes of them; what tcpdump, tshark and capinfos say; keys that are refused. Root is needed only
# for a key of another user's and for the file in /etc.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/pcap.sh
. "$(dirname "$0")/pcap.sh"

WLCASES=$WL_BUILD/tests/wlcases

cli_suite cli-anonymize-pcap sqlite3 jq python3 tcpdump tshark capinfos
built "$WLSAMPLE" "$WLCASES"

T=$WL_TMP
DB=$T/cases.db
KEY=$T/key
ON=(--anonymize prefix-preserving --anonymize-key "$KEY")
JUDGE=$WL_ROOT/tests/cryptopan.py

# said FILE: what tcpdump and capinfos complain of
said() {
	tcpdump -nn -r - <"$1" 2>&1 >/dev/null | grep -v '^reading from'
	{ capinfos "$1" >/dev/null; } 2>&1
}

# judged LABEL WHAT PLAIN MADE
judged() {
	local label=$1 what=$2 told
	told=$("$JUDGE" "$what" "$KEY" "$3" "$4" 2>&1)
	assert_match "$label: $told" "$told" '^ok: [1-9]'
}

# fields FILE FIELD...: as tshark reads them
fields() {
	local file=$1 args=() field
	shift
	for field in "$@"; do args+=(-e "$field"); done
	tshark -n -r "$file" -T fields -E separator='|' "${args[@]}" 2>/dev/null
}

# marks FILE: how often there are bytes of an address or of somebody's own, and the addresses as text
marks() {
	LC_ALL=C grep -o -a -P '\xa7\xb3|\x5a\x5a|167\.179\.|a7b3' "$1" | wc -l
}

make_dbs() {
	printf '%s\n' 1522178d33a4cf80130a5b1649907d10d8988f837979652762574c2d2a842202 >"$KEY"
	chmod 600 "$KEY"
	"$WLCASES" "$T/cases.pcap" >"$T/kept"
	"$WLCASES" "$T/raw.pcap" raw >"$T/kept.raw"
	{
		"$WLSAMPLE" "$T/cases.pcap" "$DB"
		for size in 20 40 60 80 100; do
			"$WLSAMPLE" -i eth1 -r 10 -e -s "$size" -o "$size" "$T/cases.pcap" "$DB"
		done
		"$WLSAMPLE" -i '' -d docker0 -r 0 -w 64 -R NETFILTER_DROP -P nf_hook_slow+0xa1 -o 200 "$T/cases.pcap" "$DB"
		"$WLSAMPLE" -i wg0 -o 300 "$T/raw.pcap" "$DB"
		"$WLSAMPLE" -i '' -d tun0 -r 0 -w 64 -R TCP_OFOMERGE -s 30 -o 400 "$T/raw.pcap" "$DB"
	} >/dev/null
	"$WL_ROOT/tests/pcap_frames.py" "$T"
}

# --- what is left ---------------------------------------------------------------------------------

# Samples of every kind, whole, cut and dropped.
test_marks() {
	local format count
	count=$(sqlite3 "$DB" 'SELECT count(*) FROM sample')
	for format in pcap pcapng; do
		local link=()
		[ "$format" = pcapng ] || link=(--iface eth0 --iface eth1)
		ctl --format "$format" "${link[@]}"
		assert_between "$format: marks, as they are" "$(marks "$T/out.pcap")" 50 100000
		ctl --format "$format" "${link[@]}" "${ON[@]}"
		assert_eq "$format: exit code" "$RC" 0
		assert_eq "$format: marks" "$(marks "$T/out.pcap")" 0
		assert_eq "$format: capinfos and the like" "$(capinfos "$T/out.pcap" 2>&1 >/dev/null)" ""
		assert_match "$format: the last lines" "$ERR" "; addresses anonymized, payload cut off; not known"
		ctl --format "$format" "${link[@]}" "${ON[@]}" --gso whole
		assert_eq "$format, GSO whole: marks" "$(marks "$T/out.pcap")" 0
	done
	assert_eq "all of them" "$(fields "$T/out.pcap" frame.number | wc -l)" "$count"
	ctl --iface wg0 "${ON[@]}" --format pcap
	assert_eq "raw IP: exit code, marks" "$RC $(marks "$T/out.pcap")" "0 0"
	assert_eq "raw IP: tcpdump says" "$(said "$T/out.pcap")" ""
}

# Where each is cut, and that its length is what it was.
test_cut() {
	ctl --iface eth0 "${ON[@]}"
	fields "$T/out.pcap" frame.cap_len >"$T/got"
	cut -d' ' -f1 "$T/kept" >"$T/want"
	assert_same "bytes that are kept" "$T/got" "$T/want"
	fields "$T/out.pcap" frame.len >"$T/got"
	fields "$T/cases.pcap" frame.len >"$T/want"
	assert_same "lengths" "$T/got" "$T/want"
	ctl --iface wg0 "${ON[@]}"
	assert_eq "raw IP" "$(fields "$T/out.pcap" frame.cap_len | tr '\n' ' ')" "$(cut -d' ' -f1 "$T/kept.raw" | tr '\n' ' ')"
	assert_eq "of what is not known nothing" "$(grep -c '^0 ' "$T/kept")" 1
}

# Each capture: every address, by Crypto-PAn.
test_corpus() {
	local file name known=0
	DB=$T/corpus.db
	for file in "$WL_CORPUS"/*.pcap "$T"/{cases,raw,stream,a}.pcap; do
		name=$(basename "$file")
		rm -f "$DB"*
		"$WLSAMPLE" "$file" "$DB" >/dev/null 2>&1 || continue # a link type that nobody samples, or none at all
		"$FLOWCTL" --db "$DB" pcap -w "$T/plain.pcap" 2>/dev/null
		ctl "${ON[@]}"
		assert_eq "$name: exit code" "$RC" 0
		assert_eq "$name: tcpdump and capinfos say" "$(said "$T/out.pcap")" ""
		judged "$name" packets "$T/plain.pcap" "$T/out.pcap"
		known=$((known + 1))
	done
	assert_between "captures" "$known" 20 1000
	DB=$T/cases.db
}

# flows DB ARG...: without what depends on when that was read
flows() {
	local db=$1
	shift
	"$FLOWCTL" --db "$db" flows --uniflow --json -n 0 "$@" 2>/dev/null |
		jq -c 'del(.start, .end, .duration_ms, .rtt_us, .rtt_min_us, .rtt_max_us, .handshake_us)' | sort
}

# replay CAPTURE DB: of one name for all
replay() {
	rm -f "$2" "$2"-*
	ln -sf "$1" "$T/capture"
	"$FLOWD" --config /dev/null -r "$T/capture" --db "$2" --tunnel "$TUNNEL" >/dev/null 2>&1
}

# The flows of an anonymized capture are the anonymized flows of the capture.
test_flows() {
	local file name TUNNEL
	for file in "$WL_CORPUS"/{control,fragments,ip,jumbo,labels,link,nested,tcp,transport,tunnels}.pcap "$T/stream.pcap"; do
		name=$(basename "$file")
		DB=$T/flows.db
		rm -f "$DB"*
		"$WLSAMPLE" -m 9000 "$file" "$DB" >/dev/null
		ctl "${ON[@]}"
		mv "$T/out.pcap" "$T/made.pcap"
		for TUNNEL in outer inner; do
			replay "$file" "$T/was.db"
			replay "$T/made.pcap" "$T/is.db"
			flows "$T/was.db" "${ON[@]}" >"$T/want"
			flows "$T/is.db" >"$T/got"
			assert_between "$name, $TUNNEL: flows" "$(wc -l <"$T/want")" 1 100000
			assert_same "$name, $TUNNEL: the same flows" "$T/got" "$T/want"
		done
		"$FLOWCTL" --db "$T/was.db" flows --json -n 0 >"$T/plain.json" 2>/dev/null
		"$FLOWCTL" --db "$T/was.db" flows --json -n 0 "${ON[@]}" >"$T/made.json" 2>/dev/null
		judged "$name: rows" rows "$T/plain.json" "$T/made.json"
	done
	DB=$T/cases.db
}

# --- options ----------------------------------------------------------------------------------------

# Segments of what GRO had joined: headers alone, each with its length.
test_segments() {
	DB=$T/stream.db
	"$WLSAMPLE" -m 9000 "$T/stream.pcap" "$DB" >/dev/null
	ctl "${ON[@]}"
	assert_match "all packets" "$ERR" "^total: 223 packets, [0-9,]+ bytes on the wire, of [0-9]+ samples"$'\n'
	"$FLOWCTL" --db "$DB" pcap -w "$T/plain.pcap" 2>/dev/null
	judged "segments" packets "$T/plain.pcap" "$T/out.pcap"
	assert_eq "no payload" "$(fields "$T/out.pcap" frame.cap_len | sort -u)" 66
	assert_eq "IP's sums are right" "$(tshark -r "$T/out.pcap" -o ip.check_checksum:TRUE -Y 'ip.checksum.status != 1' 2>/dev/null | wc -l)" 0
	assert_eq "TCP's are right, or 0 where payload was" "$(tshark -r "$T/out.pcap" -o tcp.check_checksum:TRUE \
		-Y '(frame.len == 66 and tcp.checksum.status != 1) or (frame.len > 66 and tcp.checksum != 0)' 2>/dev/null | wc -l)" 0
	ctl "${ON[@]}" --format pcapng
	assert_match "a segment's comment" "$(fields "$T/out.pcap" frame.comment)" "tcp [0-9.]+:40000 > [0-9.]+:443; sampled 1/1; segment 6 of 6"
	ctl "${ON[@]}" --gso whole
	assert_match "as one" "$ERR" "; [0-9]+ GSO packets written as one each"
	assert_eq "as one: no payload" "$(fields "$T/out.pcap" frame.cap_len | sort -u)" 66
	DB=$T/cases.db
}

# It is asked of the packet as it is, payload and all.
test_filters() {
	local filter count
	DB=$T/a.db
	"$WLSAMPLE" "$T/a.pcap" "$DB" >/dev/null
	for filter in 'host 10.0.0.2' 'udp[8] = 0x78' 'ether dst 02:00:00:00:00:09' 'greater 150' 'net 10.0.0.2/31'; do
		ctl "$filter"
		count=$(packets "$T/out.pcap")
		assert_between "$filter: packets" "$count" 1 59
		ctl "$filter" "${ON[@]}"
		assert_eq "$filter: exit code and packets" "$RC $(packets "$T/out.pcap")" "0 $count"
	done
	assert_eq "and what comes has other addresses" "$(packets "$T/out.pcap" 'net 10.0.0.0/30')" 0
	ctl "net $(fields "$T/out.pcap" ip.src | head -n 1)/32" "${ON[@]}"
	assert_eq "which no filter knows" "$RC $(packets "$T/out.pcap")" "0 0"
	DB=$T/cases.db
}

# Of pcapng what is beside the bytes, where flowd has a filter to tell.
test_beside() {
	local id
	DB=$T/beside.db
	"$FLOWD" --config /dev/null -r "$T/a.pcap" --db "$DB" 2>/dev/null
	"$WLSAMPLE" -i a.pcap "$T/a.pcap" "$DB" >/dev/null
	id=$(sqlite3 "$DB" 'SELECT id FROM flow WHERE src = 167772162')
	ctl --flow "$id" --format pcapng "${ON[@]}"
	assert_match "the flow's id, and its other addresses" "$(fields "$T/out.pcap" frame.comment | sort -u)" \
		"^flow $id: udp [0-9.]+:5000 > [0-9.]+:53; sampled 1/1; Community ID 1:[^ ]{28}$"
	assert_eq "in a comment what is in the bytes" "$(fields "$T/out.pcap" frame.comment | head -n 1 | grep -oE '[0-9]+(\.[0-9]+){3}' | tr '\n' ' ')" \
		"$(fields "$T/out.pcap" ip.src ip.dst | head -n 1 | tr '|' ' ') "
	"$WLSAMPLE" -o 7 "$T/a.pcap" "$DB" >/dev/null
	sqlite3 "$DB" "INSERT OR REPLACE INTO meta VALUES ('socket', '$T/sock')"
	background "$WL_ROOT/tests/sample_flowd.py" "$T/sock" "$DB" 0
	wait_until 40 [ -S "$T/sock" ]
	ctl --format pcapng
	assert_match "an interface's filter" "$(capinfos "$T/out.pcap")" "Filter string = tcp or udp"
	ctl --format pcapng "${ON[@]}"
	assert_match "its other settings" "$(capinfos "$T/out.pcap")" "Name = eth0.*Description = rate 1/1000, first 3"
	assert_eq "no filter" "$(LC_ALL=C grep -c -a 'tcp or udp' "$T/out.pcap")" 0
	assert_match "coverage has no filter" "$ERR" "; addresses anonymized, payload cut off; 0 samples lost"
	DB=$T/cases.db
}

# holds FILE N
holds() { [ "$(capinfos -rcMT "$1" 2>/dev/null | cut -f2)" = "$2" ]; }

test_follow() {
	local format
	DB=$T/follow.db
	"$WLSAMPLE" "$T/cases.pcap" "$DB" >/dev/null
	for format in pcap pcapng; do
		"$FLOWCTL" --db "$DB" pcap --follow --since 2026-01-01 --format "$format" "${ON[@]}" -w "$T/follow.$format" 2>"$T/err" &
		FOLLOW=$!
		WL_PIDS+=("$FOLLOW")
		wait_until 40 holds "$T/follow.$format" "$(wc -l <"$T/kept")" && pass || fail "$format: what there is"
	done
	"$WLSAMPLE" -o 100000000000 "$T/cases.pcap" "$DB" >/dev/null
	for format in pcap pcapng; do
		wait_until 40 holds "$T/follow.$format" $((2 * $(wc -l <"$T/kept"))) && pass || fail "$format: what comes"
		assert_eq "$format: marks" "$(marks "$T/follow.$format")" 0
	done
	kill -INT "${WL_PIDS[@]: -2}"
	wait_until 40 gone "$FOLLOW"
	DB=$T/cases.db
}

# --- keys -------------------------------------------------------------------------------------------

# refused_key WORDS FILE: nothing is written, nowhere
refused_key() {
	local words=$1 key=$2
	ctl --anonymize prefix-preserving --anonymize-key "$key"
	assert_eq "$words: exit code" "$RC" 1
	assert_eq "$words: standard output" "$(wc -c <"$T/out.pcap")" 0
	assert_eq "$words: the error" "$ERR" "flowctl: anonymize key '$key': $words"
	ctl --anonymize prefix-preserving --anonymize-key "$key" -w "$T/none.pcap"
	assert_eq "$words: no file" "$RC $(ls "$T"/none.pcap* 2>/dev/null)" "1 "
	echo before >"$T/before.pcap"
	ctl --anonymize prefix-preserving --anonymize-key "$key" -w "$T/before.pcap" --follow
	assert_eq "$words: what was there stays" "$RC $(cat "$T/before.pcap")" "1 before"
}

test_keys() {
	local key=$T/other form="bytes that are not a key: 32 bytes as they are, or 64 hexadecimal digits and a newline"
	cp "$KEY" "$key"
	for mode in 0644 0640 0604 0660; do
		chmod "$mode" "$key"
		refused_key "mode $mode: others may read it; only 0600 or stricter is taken" "$key"
	done
	chmod 600 "$key"
	ln -s other "$T/link"
	ctl --anonymize prefix-preserving --anonymize-key "$T/link" -n 1
	assert_eq "what a link leads to is asked" "$RC" 0
	chmod 644 "$key"
	refused_key "mode 0644: others may read it; only 0600 or stricter is taken" "$T/link"
	ln -s nowhere "$T/dangling"
	refused_key "No such file or directory" "$T/dangling"
	ln -s loop "$T/loop"
	refused_key "Too many levels of symbolic links" "$T/loop"
	refused_key "No such file or directory" /nonexistent
	refused_key "not a plain file" "$T"
	mkfifo -m 600 "$T/fifo"
	refused_key "not a plain file" "$T/fifo"
	chmod 600 "$key"
	head -c 31 /dev/urandom >"$key"
	refused_key "31 $form" "$key"
	: >"$key"
	refused_key "0 $form" "$key"
	head -c 100 /dev/zero >"$key"
	refused_key "more than 65 $form" "$key"
	printf '%063dx\n' 0 >"$key"
	refused_key "65 $form" "$key"
	if [ "$(id -u)" = 0 ]; then
		cp "$KEY" "$key"
		chown 65534 "$key"
		refused_key "belongs to user 65534, neither to the caller (0) nor to root" "$key"
	else
		skip "not root: no key of another user's"
	fi
	assert_eq "no error shows a key" "$(grep -c 1522178d "$T/err")" 0
}

# What flowd.conf says holds for captures as well, and where it cannot be read nothing is written.
test_config() {
	local etc=$T/etc
	printf '[flowd]\nanonymize = prefix-preserving\nanonymize.key = %s\n' "$KEY" >"$T/flowd.conf"
	ctl --iface eth0 --config "$T/flowd.conf"
	assert_eq "the file says it" "$RC $(marks "$T/out.pcap")" "0 0"
	ctl --iface eth0 --config "$T/flowd.conf" --anonymize none
	assert_between "an option wins" "$(marks "$T/out.pcap")" 1 10000
	printf '[flowd]\nanonymize = perhaps\n' >"$T/flowd.conf"
	ctl --config "$T/flowd.conf" -w "$T/none.pcap"
	assert_eq "nothing of what is not understood" "$RC $(ls "$T"/none.pcap* 2>/dev/null)" "1 "
	if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; then
		skip "no mount namespace"
		return
	fi
	mkdir -p "$etc/wireledger"
	printf '[flowd]\nanonymize = prefix-preserving\n' >"$etc/wireledger/flowd.conf"
	cp -p "$KEY" "$etc/wireledger/anonymize.key"
	unshare -m sh -c 'mount --bind "$1" /etc && "$2" --db "$3" pcap --format pcapng' sh "$etc" "$FLOWCTL" "$DB" >"$T/out.pcap" 2>/dev/null
	assert_eq "the file in /etc" "$? $(marks "$T/out.pcap")" "0 0"
	chmod 644 "$etc/wireledger/anonymize.key"
	unshare -m sh -c 'mount --bind "$1" /etc && "$2" --db "$3" pcap' sh "$etc" "$FLOWCTL" "$DB" >"$T/out.pcap" 2>/dev/null
	assert_eq "with a key for everyone" "$? $(wc -c <"$T/out.pcap")" "1 0"
}

make_dbs
test_marks
test_cut
test_corpus
test_flows
test_segments
test_filters
test_beside
test_follow
test_keys
test_config
finish
