#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_names_time.sh: names, countries and autonomous systems in graph and diff: the keys, sums and names that
# top has of the same records. No root needed.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

cli_suite cli-names-time jq python3

DB=$WL_TMP/all.db
COUNTRY=$WL_TMP/country.mmdb
AS=$WL_TMP/as.mmdb
export XDG_CACHE_HOME=$WL_TMP/cache

make_all() {
	"$WL_ROOT/tests/names_capture.py" "$WL_TMP/made.pcap" <<'END'
10.1.0.1 40000 10.2.0.1 443 syn 5
10.2.0.1 443 10.1.0.1 40000 ack 4
10.1.0.1 40001 10.1.0.3 53 udp 3
10.1.2.3 40002 10.2.0.2 514 udp 7
fd00:1::1 40000 fd00:2::1 514 udp 6
192.0.2.1 40000 192.0.2.2 80 udp 9
10.1.0.1 0 10.1.0.2 0 arp 2
END
	"$FLOWD" --config /dev/null -r "$WL_TMP/made.pcap" --db "$DB" 2>/dev/null
	"$WL_ROOT/tests/mmdb.py" "$AS" Made-ASN 6 24 <<'END'
10.0.0.0/8 {"autonomous_system_number": 64499, "autonomous_system_organization": "All of it"}
10.1.0.0/16 {"autonomous_system_number": 64500, "autonomous_system_organization": "Example One"}
10.1.2.3/32 {"autonomous_system_number": 64501, "autonomous_system_organization": "Beispiel für \u001b[31mGemeine, \"Inc.\""}
fd00:1::/32 {"asn": "AS64502", "as_name": "Flat"}
END
	"$WL_ROOT/tests/mmdb.py" "$COUNTRY" Made-Country 6 24 <<'END'
10.1.0.0/16 {"country": {"iso_code": "DE"}}
10.2.0.0/16 {"country_code": "US"}
END
}

# graph and diff have the keys, sums and names that top has.
test_over_time() {
	local what option file window="--since @1600000000 --until @1800000000"
	for what in as country; do
		option=--as-db file=$AS
		[ $what = as ] || { option=--country-db; file=$COUNTRY; }
		ctl top -n 0 --json --group $what $option "$file"
		jq -c '[.key, .as, .as_name, .country, .bytes]' <<<"$OUT" | sort >"$WL_TMP/top.txt"
		ctl graph -n 0 --json --per 1d --group $what $option "$file"
		jq -c '[.key, .as, .as_name, .country, .value]' <<<"$OUT" | sort >"$WL_TMP/graph.txt"
		# shellcheck disable=SC2086
		ctl diff $window -n 0 --json --group $what $option "$file"
		jq -c '[.key, .as, .as_name, .country, .after]' <<<"$OUT" | sort >"$WL_TMP/diff.txt"
		assert_same "graph --group $what" "$WL_TMP/graph.txt" "$WL_TMP/top.txt"
		assert_same "diff --group $what" "$WL_TMP/diff.txt" "$WL_TMP/top.txt"
		refused 2 "--group '$what': asks for a database: $option FILE" graph --group $what --config /dev/null
		refused 2 "--group '$what': asks for a database: $option FILE" diff --since 1h --group $what --config /dev/null
		refused 1 "--from rollups: sums of minutes and hours are by host" graph --group $what $option "$file" --from rollups
	done
	ctl graph -n 11 --group as --as-db "$AS"
	assert_match "graph: the legend" "$OUT" "AS64501 \(Beispiel für \?\[31mGemeine, \"Inc\.\"\): peak"
	ctl graph --group as --as-db "$AS" --json
	assert_eq "graph: the key alone" "$(jq -r .key <<<"$OUT" | grep -c Beispiel)" 0
	ctl graph --group as --as-db "$AS" -n 11 --svg "$WL_TMP/as.svg"
	assert_match "graph: the legend of SVG" "$(cat "$WL_TMP/as.svg")" ">AS64502 \(Flat\): peak"
	# What is in the other window alone has its name as well.
	ctl diff --group as --as-db "$AS" --since @1750000000 --until @1900000000 --against @1600000000
	assert_match "diff: a name of what is gone" "$OUT" $'\n'"AS64501 +Beispiel für .* gone"
	ctl diff --since @1600000000 --until @1800000000 --as-db "$AS" "host 10.1.0.3"
	assert_match "diff: names of hosts" "$OUT" "10\.1\.0\.3 +AS64500 Example One +0 "
	ctl graph --group pair --names --names-wait 0 "port 53"
	assert_match "graph: pairs without a name" "$OUT" "10\.1\.0\.1 - 10\.1\.0\.3: peak"
	ctl graph --group service --names --names-wait 0 "port 53"
	assert_match "graph: names of services" "$OUT" "udp/53 \(domain\): peak"
	ctl diff --since @1600000000 --until @1800000000 --group port --json "port 53"
	assert_eq "diff: ports" "$(jq -rc 'select(.port == 53) | [.proto, .after]' <<<"$OUT")" "[17,126]"
	ctl graph --group port --json "port 53"
	assert_eq "graph: ports" "$(jq -r .port <<<"$OUT" | sort -un | paste -sd,)" "53,40001"
}

make_all
test_over_time
finish
