#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_names.sh: names of hosts and services, countries and autonomous systems: by database files made
# here, held against the records by a judge of its own; by a name server that answers, fails, is silent,
# or answers too late; and none of it where it was not asked for. Root is needed for the name server, in
# a network and a mount namespace of its own.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

cli_suite cli-names jq python3 strace

DB=$WL_TMP/all.db
COUNTRY=$WL_TMP/country.mmdb
AS=$WL_TMP/as.mmdb
export XDG_CACHE_HOME=$WL_TMP/cache

# fields JQ ARG...: of the one object that flowctl says
fields() {
	local query=$1
	shift
	ctl "$@" --json
	jq -rc "$query" <<<"$OUT"
}

# replay DB < LINES of names_capture.py
replay() {
	"$WL_ROOT/tests/names_capture.py" "$WL_TMP/made.pcap"
	"$FLOWD" --config /dev/null -r "$WL_TMP/made.pcap" --db "$1" 2>/dev/null
}

make_db() {
	replay "$DB" <<'END'
10.1.0.1 40000 10.2.0.1 443 syn 5
10.2.0.1 443 10.1.0.1 40000 ack 4
10.1.0.1 40001 10.1.0.3 53 udp 3
10.1.2.3 40002 10.2.0.2 514 udp 7
10.2.0.2 514 10.9.0.2 40003 ack 2
10.1.2.4 22 10.9.0.1 8443 syn 1
fd00:1::1 40000 fd00:2::1 514 udp 6
fd00:1::1 40000 fd00:1:ff::1 80 syn 8
192.0.2.1 40000 192.0.2.2 80 udp 9
10.1.0.1 0 10.1.0.2 0 arp 2
END
}

# --- countries and autonomous systems ------------------------------------------------------------

# A network in another one comes behind it. Layouts of MaxMind's and IPinfo's files.
make_networks() {
	cat >"$WL_TMP/as.txt" <<'END'
10.0.0.0/8 {"autonomous_system_number": 64499, "autonomous_system_organization": "All of it"}
10.1.0.0/16 {"autonomous_system_number": 64500, "autonomous_system_organization": "Example One"}
10.1.2.3/32 {"autonomous_system_number": 64501, "autonomous_system_organization": "Beispiel für \u001b[31mGemeine, \"Inc.\""}
10.2.0.0/16 {"autonomous_system_number": 4200000000}
fd00:1::/32 {"autonomous_system_number": 64500, "autonomous_system_organization": "Example One"}
fd00:1:ff::/48 {"asn": "AS64502", "as_name": "Flat"}
fd00:2::/33 {"asn": "AS64503", "as_name": "Flat and long: a name that goes on, and on, and on, and on, and on"}
END
	cat >"$WL_TMP/country.txt" <<'END'
10.1.0.0/16 {"country": {"iso_code": "DE", "names": {"de": "Deutschland", "en": "Germany"}}, "continent": {"code": "EU"}}
10.1.2.0/24 {"registered_country": {"iso_code": "FR"}}
10.1.2.4/31 {"country": {"iso_code": "ZZ"}}
10.2.0.0/16 {"country_code": "US"}
fd00:1::/32 {"country": "DE"}
fd00:2::/32 {"country": {"names": {"en": "Nowhere"}}}
END
	"$WL_ROOT/tests/mmdb.py" "$AS" Made-ASN 6 24 <"$WL_TMP/as.txt"
	"$WL_ROOT/tests/mmdb.py" "$COUNTRY" Made-Country 6 24 <"$WL_TMP/country.txt"
}

# judged LABEL WHAT NETWORKS [FILTER]: group WHAT, and the fields of that kind
judged() {
	local label=$1 what=$2 networks=$3 filter=${4:-} option=--as-db file=$AS said
	[ "$what" = as ] || { option=--country-db; file=$COUNTRY; }
	"$FLOWCTL" --db "$DB" flows -n 0 --json "$option" "$file" "$filter" >"$WL_TMP/flows.json" 2>/dev/null
	"$FLOWCTL" --db "$DB" top -n 0 --json "$option" "$file" --group "$what" "$filter" >"$WL_TMP/top.json" 2>/dev/null
	said=$("$WL_ROOT/tests/geo_judge.py" "$networks" "$what" "$WL_TMP/flows.json" "$WL_TMP/top.json" 2>&1)
	assert_match "$label: $said" "$said" '^ok: [1-9]'
}

test_groups() {
	local size what
	for size in 28 32 24; do
		"$WL_ROOT/tests/mmdb.py" "$AS" Made-ASN 6 $size <"$WL_TMP/as.txt"
		"$WL_ROOT/tests/mmdb.py" "$COUNTRY" Made-Country 6 $size <"$WL_TMP/country.txt"
		for what in as country; do
			judged "$what, records of $size bits" $what "$WL_TMP/$what.txt"
		done
	done
	judged "as, with a filter" as "$WL_TMP/as.txt" "host 10.2.0.1 or net fd00:1::/32"
	judged "country, with a filter" country "$WL_TMP/country.txt" "not udp"
	# Of IPv4 alone: an address of IPv6 is unknown to it.
	grep -v ^fd "$WL_TMP/as.txt" >"$WL_TMP/as4.txt"
	AS=$WL_TMP/as4.mmdb
	"$WL_ROOT/tests/mmdb.py" "$AS" Made-ASN 4 24 <"$WL_TMP/as4.txt"
	judged "as, of IPv4 alone" as "$WL_TMP/as4.txt"
	AS=$WL_TMP/as.mmdb
}

test_rows() {
	assert_eq "both ends in one AS: once" "$(fields 'select(.key == "AS64500") | [.flows, .as, .as_name, .name]' \
		top -n 0 --group as --as-db "$AS" "udp and host 10.1.0.3")" '[1,64500,"Example One",null]'
	assert_eq "a name of its own" "$(fields 'select(.as == 64501) | [.key, .as, .as_name]' top --group as --as-db "$AS" "src host 10.1.2.3")" \
		'["AS64501",64501,"Beispiel für \u001b[31mGemeine, \"Inc.\""]'
	ctl top --group as --as-db "$AS"
	assert_match "in text" "$OUT" "AS64501 +Beispiel für \?\[31mGemeine, \"Inc\.\" "
	assert_match "the long one" "$OUT" "AS64503 +Flat and long: a name"
	assert_match "in text, unknown ones" "$OUT" $'\n'"\(unknown\) +- "
	ctl top --group country --country-db "$COUNTRY"
	assert_match "country in text" "$OUT" $'\n'"DE +[0-9]"
	assert_match "what has no address" "$OUT" $'\n'"\(arp\) +1 "
	assert_eq "fields of flows" "$(fields '[.src_country, .dst_country, .src_as, .src_as_name, .dst_as, .dst_as_name, has("src_name")]' \
		flows -n 1 --country-db "$COUNTRY" --as-db "$AS" "host 10.1.0.3 and udp")" '["DE","DE",64500,"Example One",64500,"Example One",false]'
	assert_eq "one of the two alone" "$(fields '[has("src_country"), has("dst_as")]' flows -n 1 --as-db "$AS")" '[false,true]'
	assert_eq "fields of a pair" "$(fields '[.src_country, .dst_country, .country]' top -n 1 --group pair --country-db "$COUNTRY" \
		"host 10.2.0.1")" '["DE","US",null]'
	assert_eq "fields of a host" "$(fields 'select(.key == "10.2.0.1") | [.country, .src_country]' top --country-db "$COUNTRY" \
		"host 10.2.0.1")" '["US",null]'
	ctl flows --country-db "$COUNTRY" --as-db "$AS" "host 10.2.0.2 and udp"
	assert_match "columns of flows" "$OUT" "10\.2\.0\.2:514 +FR +US +AS64501 Beispiel für .* AS4200000000 "
	ctl flows --country-db "$COUNTRY" "host 192.0.2.1"
	assert_eq "no column without a value" "$(grep -c COUNTRY <<<"$OUT")" 0
	for verb in retransmits\ --by\ packets drops; do
		# shellcheck disable=SC2086
		ctl $verb --group as --as-db "$AS"
		assert_eq "$verb --group as: exit code" "$RC $ERR" "0 "
	done
	ctl retransmits --by packets --group as --as-db "$AS" --csv
	assert_match "retransmits by AS" "$OUT" ',AS64500,'
}

# Files that are none, and those of another kind.
test_bad_files() {
	local file=$WL_TMP/bad.mmdb
	refused 1 "AS database '$WL_TMP/none': No such file" top --group as --as-db "$WL_TMP/none"
	refused 1 "country database '$WL_TMP': not a file" flows --country-db "$WL_TMP"
	mkfifo "$WL_TMP/pipe"
	refused 1 "country database '$WL_TMP/pipe': not a file" flows --country-db "$WL_TMP/pipe"
	refused 1 "country database '$AS': is of type 'Made-ASN', and has no countries" top --group country --country-db "$AS"
	refused 1 "AS database '$COUNTRY': is of type 'Made-Country', and has no AS numbers" flows --as-db "$COUNTRY"
	"$WL_ROOT/tests/mmdb.py" "$file" Empty </dev/null
	refused 1 "AS database '$file': is of type 'Empty', and has no AS numbers" top --group as --as-db "$file"
	: >"$file"
	refused 1 "AS database '$file': " top --group as --as-db "$file"
	head -c 300 "$AS" >"$file"
	refused 1 "AS database '$file': " top --group as --as-db "$file"
	cp "$DB" "$file"
	refused 1 "AS database '$file': " top --group as --as-db "$file"
	# A record of 24 bits in the way to 10.1.0.1 points behind the end.
	python3 - "$AS" "$file" <<'END'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
address, node = 10 << 24 | 1 << 16 | 1, 0
for depth in range(128):
    at = node * 6 + 3 * (address >> 127 - depth & 1)
    if depth == 118:
        data[at:at + 3] = b"\xff\xff\xff"
        break
    node = int.from_bytes(data[at:at + 3], "big")
open(sys.argv[2], "wb").write(data)
END
	refused 1 "AS database '$file': " top --group as --as-db "$file" "host 10.1.0.1"
	refused 2 "--group 'as': asks for a database: --as-db FILE, or geo.as in flowd.conf" top --group as --config /dev/null
	refused 2 "--group 'country': asks for a database: --country-db FILE" drops --group country --config /dev/null
	refused 2 "--group 'as': asks for a database" retransmits --group as --country-db "$COUNTRY" --config /dev/null
}

# Whatever byte is another one: an answer or an error, and no other end.
test_flipped() {
	local file bad=0
	mkdir "$WL_TMP/flipped"
	python3 - "$AS" "$WL_TMP/flipped" <<'END'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
for at in range(len(data) % 13, len(data), 13):
    data[at] ^= 0xff
    open(f"{sys.argv[2]}/{at}", "wb").write(data)
    data[at] ^= 0xff
END
	for file in "$WL_TMP"/flipped/*; do
		"$FLOWCTL" --db "$DB" top --group as --as-db "$file" >/dev/null 2>"$WL_TMP/err"
		[ $? -le 1 ] || { bad=$((bad + 1)); fail "byte ${file##*/}: $(head -n 3 "$WL_TMP/err")"; }
	done
	assert_eq "flipped bytes that end otherwise" $bad 0
	assert_between "files with one" "$(find "$WL_TMP/flipped" -type f | wc -l)" 100 10000
}

test_config() {
	local conf=$WL_TMP/flowd.conf
	printf '[flowd]\ngeo.country = %s\ngeo.as = none\n' "$COUNTRY" >"$conf"
	assert_eq "configured" "$(fields '.key' top -n 1 --group country --config "$conf" "src host 10.2.0.1")" DE
	assert_eq "as fields where names are asked for" "$(fields '[.src_country, .src_as, has("src_name")]' flows -n 1 --names --names-wait 0 \
		--config "$conf" "udp and host 10.1.0.3")" '["DE",null,true]'
	assert_eq "and not without" "$(fields 'has("src_country")' flows -n 1 --config "$conf")" false
	refused 2 "geo.as in flowd.conf" top --group as --config "$conf"
	"$WL_ROOT/tests/mmdb.py" "$WL_TMP/other.mmdb" Other-Country <<<'0.0.0.0/1 {"country": {"iso_code": "XX"}}'
	assert_eq "an option goes before it" "$(fields '.key' top -n 1 --group country --country-db "$WL_TMP/other.mmdb" --config "$conf" \
		"src host 10.2.0.1")" XX
	assert_eq "flowd knows the keys" "$("$FLOWD" --config "$conf" -i lo -n | grep ^geo)" "geo.country = $COUNTRY
geo.as = none"
	printf '[flowd]\ngeo.country = %s/gone\n' "$WL_TMP" >"$conf"
	refused 1 "country database '$WL_TMP/gone': No such file" top --names --names-wait 0 --config "$conf"
	ctl top --config "$conf"
	assert_eq "nobody asked for it: exit code" "$RC" 0
	printf '[flowd]\ngeo.as =\n' >"$conf"
	refused 1 "$conf:2: geo.as '': empty" top --group as --anonymize none --config "$conf"
}

test_anonymized() {
	local on=(--anonymize prefix-preserving --anonymize-key "$WL_TMP/key") what
	(umask 077 && head -c 32 /dev/urandom >"$WL_TMP/key")
	for what in "top --names" "flows --country-db $COUNTRY" "drops --as-db $AS" "top --group as --as-db $AS"; do
		# shellcheck disable=SC2086
		refused 2 "not of addresses that are anonymized" $what "${on[@]}"
	done
	printf '[flowd]\nanonymize = prefix-preserving\nanonymize.key = %s\ngeo.as = %s\n' "$WL_TMP/key" "$AS" >"$WL_TMP/anon.conf"
	refused 2 "--group 'as': not of addresses that are anonymized" top --group as --config "$WL_TMP/anon.conf"
	refused 2 "--names: not of addresses" retransmits --names --config "$WL_TMP/anon.conf"
}

test_usage() {
	local value
	for value in "" x 1 -1 1.5s 2m 61s 99999999999999999999ms; do
		refused 2 "--names-wait '$value': not a time" top --names --names-wait "$value"
	done
	refused 2 "--names-wait: for --names" top --names-wait 1s
	refused 2 "option '--names=yes': takes no argument" top --names=yes
	refused 2 "option '--names': unknown" ledger --names
}

# --- nothing, where it was not asked for -----------------------------------------------------------

ASKED='"/etc/(services|hosts|resolv\.conf|nsswitch\.conf|host\.conf)"|AF_INET|\.mmdb"|wireledger/names'

# traced ARG...: what flowctl opens and asks of what names are made of
traced() {
	ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=open,openat,socket,connect,sendto -o "$WL_TMP/trace" \
		"$FLOWCTL" --db "$DB" "$@" >/dev/null 2>&1
	grep -cE "$ASKED" "$WL_TMP/trace"
}

test_nothing_asked() {
	local verb
	if ! strace -o /dev/null true 2>/dev/null; then
		skip "strace may not trace here"
		return
	fi
	for verb in top top\ --group\ port flows flows\ --json retransmits drops top\ --group\ pair\ --csv; do
		# shellcheck disable=SC2086
		assert_eq "$verb: lookups" "$(traced $verb --config "$WL_TMP/geo.conf")" 0
	done
	assert_between "with --names there are some" "$(traced top --group port --names --names-wait 0)" 1 1000
	assert_between "and with a database" "$(traced top --group as --config "$WL_TMP/geo.conf")" 1 1000
}

test_services() {
	local got
	got=$(fields '[.sport, .dport, .service]' flows -n 0 --names --names-wait 0 ip | sort)
	assert_eq "services" "$got" '[22,8443,null]
[40000,443,"https"]
[40000,80,null]
[40001,53,"domain"]
[40002,514,"syslog"]
[514,40003,"shell"]'
	assert_eq "of ports" "$(fields '[.key, .service]' top --group port -n 0 --names --names-wait 0 "port 514" | grep 514 | sort)" \
		'["514/tcp","shell"]
["514/udp","syslog"]'
	assert_eq "the addresses are as they were" "$(fields '[.src, .dst]' flows -n 1 --names --names-wait 0 "host 10.1.0.3 and udp")" \
		'["10.1.0.1","10.1.0.3"]'
}

# --- name servers ----------------------------------------------------------------------------------

# serve_names MODE: in namespace A, with a new cache; its log in $LOG, its pid in $SERVER
serve_names() {
	stop_names
	LOG=$WL_TMP/dns.$1
	: >"$LOG"
	rm -rf "$XDG_CACHE_HOME" "$WL_TMP/until"
	ip netns exec "$NSA" "$WL_ROOT/tests/dns_server.py" "$1" "$LOG" "$WL_TMP/until" >/dev/null 2>&1 &
	SERVER=$!
	WL_PIDS+=("$SERVER")
	wait_until 40 grep -q ready "$LOG" || fail "dns_server.py $1 does not come up"
}

stop_names() {
	[ -z "${SERVER:-}" ] || { kill "$SERVER"; wait "$SERVER"; } 2>/dev/null
	SERVER=
}

questions() { grep -c arpa "$LOG"; }

# Time enough for a server without a CPU: it is asked again after a third of it.
NAMES=(--names --names-wait 20s)

# shellcheck disable=SC2317 # by wait_until
# questions_steady: there are some, and no more come, which a busy server takes late
questions_steady() {
	local before
	before=$(questions)
	[ "$before" -gt 0 ] || return
	wait_ms 300
	[ "$(questions)" = "$before" ]
}

# there ARG...: flowctl where that server is the only one; as ctl
there() {
	OUT=$(in_a unshare -m "$WL_TMP/there.sh" "$FLOWCTL" --db "$DB" "$@" 2>"$WL_TMP/err")
	RC=$?
	ERR=$(cat "$WL_TMP/err")
}

make_there() {
	mkdir "$WL_TMP/etc"
	echo "nameserver 127.0.0.1" >"$WL_TMP/etc/resolv.conf"
	echo "hosts: files dns" >"$WL_TMP/etc/nsswitch.conf"
	echo "10.1.0.9 nine.of.hosts nine" >"$WL_TMP/etc/hosts"
	cat >"$WL_TMP/there.sh" <<END
#!/bin/sh
set -e
for file in resolv.conf nsswitch.conf hosts; do
	mount --bind "$WL_TMP/etc/\$file" "/etc/\$file"
done
exec "\$@"
END
	chmod +x "$WL_TMP/there.sh"
}

test_answers() {
	local asked
	serve_names answer
	there top -n 0 "${NAMES[@]}" --json
	assert_eq "names of hosts: exit code" "$RC" 0
	assert_eq "names of hosts" "$(jq -c 'select(.key | startswith("10.1.0")) | [.key, .name]' <<<"$OUT" | sort)" \
		'["10.1.0.1","host-1.example.org"]
["10.1.0.3","host-3.example.org"]'
	assert_eq "of IPv6" "$(jq -r 'select(.key == "fd00:2::1") | .name' <<<"$OUT")" host-1.example.org
	assert_eq "that has none" "$(jq -c 'select(.key == "10.2.0.2") | .name' <<<"$OUT")" null
	asked=$(questions)
	assert_eq "each was asked once" "$asked" "$(sort -u "$LOG" | grep -c arpa)"
	there flows -n 0 "${NAMES[@]}" --json
	assert_eq "in flows" "$(jq -c 'select(.dst == "10.1.0.3") | [.src, .src_name, .dst_name, .service]' <<<"$OUT")" \
		'["10.1.0.1","host-1.example.org","host-3.example.org","domain"]'
	there top "${NAMES[@]}" --group pair "host 10.1.0.3"
	assert_match "in text" "$OUT" "10\.1\.0\.1 - 10\.1\.0\.3 +host-1\.example\.org - host-3\.example\.org "
	there flows "${NAMES[@]}" "host 10.1.0.3 and udp"
	assert_match "columns" "$OUT" " SRC NAME +DST NAME +SERVICE "
	assert_match "and their cells" "$OUT" " 10\.1\.0\.3:53 +host-1\.example\.org +host-3\.example\.org +domain "
	there retransmits --by packets --group src "${NAMES[@]}" --json
	assert_eq "in retransmits" "$(jq -r 'select(.src == "10.1.0.1") | .src_name' <<<"$OUT")" host-1.example.org
	assert_eq "the cache knew all of it" "$(questions)" "$asked"
	stop_names
	there top -n 1 "${NAMES[@]}" --json "src host 10.1.0.1"
	assert_match "and does without a server" "$(jq -r .name <<<"$OUT")" '^host-'
	touch -d @1700000000 "$WL_TMP/etc/resolv.conf"
	there top -n 1 --names --json --names-wait 0 "src host 10.1.0.1"
	assert_eq "not after the configuration changed" "$(jq -r .name <<<"$OUT")" null
}

test_hosts_file() {
	replay "$WL_TMP/hosts.db" <<<'10.1.0.9 1000 10.1.0.9 1001 udp 1'
	DB=$WL_TMP/hosts.db
	serve_names answer
	there top "${NAMES[@]}" --json
	assert_eq "by /etc/hosts" "$(jq -r .name <<<"$OUT")" nine.of.hosts
	assert_eq "by nobody else" "$(questions)" 0
	DB=$WL_TMP/all.db
}

# Names that would do something to who reads them.
test_bad_names() {
	local n=0 format
	for last in 200 201 202 203 204 205 206 207; do
		echo "10.7.0.$last 1000 10.7.0.$last $((1000 + n)) udp 1"
		n=$((n + 1))
	done | replay "$WL_TMP/bad.db"
	DB=$WL_TMP/bad.db
	serve_names answer
	for format in --json --csv ""; do
		# shellcheck disable=SC2086
		there top -n 0 "${NAMES[@]}" $format
		assert_eq "bad names, $format: exit code" "$RC" 0
		printf '%s' "$OUT" >"$WL_TMP/said$format"
		assert_eq "control characters, $format" "$(tr -d '\n\r' <"$WL_TMP/said$format" | LC_ALL=C grep -c '[[:cntrl:]]')" 0
		assert_eq "what is not ASCII, $format" "$(LC_ALL=C grep -cP '[\x80-\xff]' "$WL_TMP/said$format")" 0
	done
	assert_eq "names are what names are made of" "$(jq -r '.name // ""' "$WL_TMP/said--json" | grep -cvE '^[A-Za-z0-9._?][A-Za-z0-9._?-]*$|^$')" 0
	assert_eq "an address is no name" "$(jq -c 'select(.key == "10.7.0.202") | .name' "$WL_TMP/said--json")" null
	assert_between "the longest" "$(jq -r '.name // "" | length' "$WL_TMP/said--json" | sort -n | tail -n 1)" 0 253
	assert_between "the longest line of text" "$(wc -L <"$WL_TMP/said")" 1 400
	assert_eq "the cache has no other ones" "$(LC_ALL=C grep -cvE '^[A-Za-z0-9:. ?_-]*$' "$XDG_CACHE_HOME/wireledger/names")" 0
	DB=$WL_TMP/all.db
}

# The answer is there while the server has not answered: that is what the time is for.
test_no_answer() {
	local rows asked mode
	ctl top -n 0 --json
	rows=$(jq -c '[.key, .bytes]' <<<"$OUT")
	for mode in silent held fail; do
		serve_names $mode
		there top -n 0 --names --names-wait 200ms --json
		assert_eq "$mode: exit code" "$RC" 0
		assert_eq "$mode: the rows" "$(jq -c '[.key, .bytes]' <<<"$OUT")" "$rows"
		assert_eq "$mode: names" "$(jq -c 'select(.name) | .name' <<<"$OUT")" ""
		wait_until 40 questions_steady
		asked=$(questions)
		assert_between "$mode: it was asked" "$asked" 1 1000
		[ $mode != held ] || touch "$WL_TMP/until" # it answers, to nobody
		there top -n 0 --names --names-wait 200ms --json
		assert_eq "$mode: not again at once" "$(questions)" "$asked"
	done
	serve_names held
	there flows -n 0 --names --names-wait 100ms
	assert_eq "flows: exit code" "$RC" 0
	assert_match "flows: the answer" "$OUT" "10\.1\.0\.3:53 .*coverage: "
}

test_nobody_asked() {
	serve_names answer
	there top -n 0 --names --names-wait 0
	there top -n 0
	there flows -n 0 --json
	assert_eq "without --names, or without waiting" "$(questions)" 0
	assert_eq "nor is a cache written" "$(find "$XDG_CACHE_HOME" 2>/dev/null)" ""
}

# Caches that are none, or nobody's to write: an answer in any case.
test_cache() {
	local dir=$XDG_CACHE_HOME/wireledger
	serve_names answer
	there top "${NAMES[@]}"
	assert_eq "its rights" "$(stat -c %a "$dir" "$dir/names" | xargs)" "700 600"
	assert_eq "nothing is left beside it" "$(ls "$dir")" names
	head -c 100000 /dev/urandom >"$dir/names"
	there top -n 0 "${NAMES[@]}" --json
	assert_eq "rubbish: names are there" "$(jq -r 'select(.key == "10.1.0.3") | .name' <<<"$OUT")" host-3.example.org
	assert_eq "and it is a cache again" "$(head -c 18 "$dir/names")" "wireledger-names 1"
	rm "$dir/names"
	mkfifo "$dir/names"
	there top "${NAMES[@]}"
	assert_eq "a pipe is not waited for" "$RC" 0
	rm "$dir/names"
	echo precious >"$WL_TMP/precious"
	ln -s "$WL_TMP/precious" "$dir/names"
	there top "${NAMES[@]}"
	assert_eq "a link is not written through" "$(cat "$WL_TMP/precious")" precious
	rm -rf "$dir"
	: >"$dir"
	there top -n 0 "${NAMES[@]}" --json
	assert_eq "no directory" "$RC $(jq -r 'select(.key == "10.1.0.3") | .name' <<<"$OUT")" "0 host-3.example.org"
	rm "$dir"
	mkdir "$dir"
	chown 12345 "$dir"
	there top "${NAMES[@]}"
	assert_eq "somebody else's" "$RC $(ls "$dir")" "0 "
}

make_db
make_networks
printf '[flowd]\ngeo.country = %s\ngeo.as = %s\n' "$COUNTRY" "$AS" >"$WL_TMP/geo.conf"
test_groups
test_rows
test_bad_files
test_flipped
test_config
test_anonymized
test_usage
test_services
test_nothing_asked
if [ "$(id -u)" != 0 ] || ! command -v ip >/dev/null || ! unshare -m true 2>/dev/null || ! make_netns "$NSA"; then
	skip "no namespaces, not root?"
	finish
fi
make_there
test_answers
test_hosts_file
test_bad_names
test_no_answer
test_nobody_asked
test_cache
stop_names
finish
