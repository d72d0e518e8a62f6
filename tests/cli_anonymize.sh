#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_anonymize.sh: flowctl with --anonymize, over captures and events made by hand: the same answers with
# other addresses, no address as it was in any format, filters on addresses as they are, and where mode
# and key come from. Root is needed only for the file in /etc, in a mount namespace of its own.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

cli_suite cli-anonymize sqlite3 jq python3

DB=$WL_TMP/all.db
KEY=$WL_TMP/key
ON=(--anonymize prefix-preserving --anonymize-key "$KEY")
JUDGE=$WL_ROOT/tests/anonymize_judge.py

# judged LABEL ARG...
judged() {
	local label=$1 said
	shift
	said=$("$JUDGE" "$@" 2>&1)
	assert_match "$label: $said" "$said" '^ok: [1-9]'
}

# The key of the published vectors: 10.185.25.118 becomes 117.161.29.118.
make_key() {
	printf '%s\n' 1522178d33a4cf80130a5b1649907d10d8988f837979652762574c2d2a842202 >"$1"
	chmod 600 "$1"
}

# Flows of each kind, and events: of 10.185.25.118 (179902838) and 64.39.15.238, whose ends are published.
make_db() {
	local capture at='(SELECT max(minute_ms) FROM ledger) + 5000'
	for capture in link ip control transport; do
		"$FLOWD" --config /dev/null -r "$WL_CORPUS/$capture.pcap" --db "$DB" 2>/dev/null
	done
	"$FLOWD" --config /dev/null -r "$WL_CORPUS/tunnels.pcap" --tunnel inner --db "$DB" 2>/dev/null
	sqlite3 "$DB" <<SQL
INSERT OR IGNORE INTO word VALUES (901, 'NETFILTER_DROP'), (902, 'nf_hook_slow+0xa1'), (903, 'fast');
INSERT INTO event VALUES
	(($at) << 20, 1000, 0, 1, NULL, 0, NULL, NULL, NULL, 0, 17, 179902838, 1076301806, 5000, 53, 901, 902, 7, 700, 7, 0),
	(($at + 1) << 20, 1000, 1, 1, NULL, 1, NULL, NULL, NULL, 0, 6, 179902838, 167772169, 40000, 443, 903, NULL, 4, 6000, 4, 0);
SQL
}

test_rows() {
	local verb
	for verb in "flows -n 0" "flows -n 0 --uniflow" "flows -n 0 --tunnel any"; do
		# shellcheck disable=SC2086
		{
			"$FLOWCTL" --db "$DB" $verb --json >"$WL_TMP/plain.json" 2>/dev/null
			"$FLOWCTL" --db "$DB" $verb --json "${ON[@]}" >"$WL_TMP/made.json" 2>/dev/null
		}
		judged "$verb" rows "$WL_TMP/plain.json" "$WL_TMP/made.json"
	done
	assert_between "ARP is there" "$(jq -s 'map(select(.arp_spa)) | length' <"$WL_TMP/all.json")" 1 1000
	assert_between "tunnels are there" "$(jq -s 'map(select(.outer_src)) | length' <"$WL_TMP/all.json")" 1 1000
}

# Every verb, group and format: what it says, on either way out.
test_left() {
	local verb format n=0
	for verb in "flows -n 0" "flows -n 0 --tunnel any" "flows -n 0 -H" "flows -n 0 --uniflow" \
		top\ -n\ 0\ --group\ {host,src,dst,pair,port,proto,flow,iface,vlan,tunnel} "top --by drops --group flow" \
		retransmits\ --by\ packets\ -n\ 0\ --group\ {flow,host,src,dst,pair,port,proto,iface} \
		drops\ -n\ 0\ --group\ {reason,place,flow,host,src,dst,pair,port,proto,iface,time} "drops --per 1m"; do
		for format in "" --json --csv; do
			# shellcheck disable=SC2086
			"$FLOWCTL" --db "$DB" $verb $format "${ON[@]}" >"$WL_TMP/said.$n" 2>&1 ||
				fail "$verb $format: exit code $?"
			n=$((n + 1))
		done
	done
	judged "an address in $n answers" left "$WL_TMP/all.json" "$WL_TMP"/said.*
	assert_match "it is found where it is" "$("$JUDGE" left "$WL_TMP/all.json" "$WL_TMP/all.json")" "is in: "
	ctl top "${ON[@]}"
	assert_match "the answer says it" "${OUT##*$'\n'}" "; addresses anonymized; stored records only$"
	ctl top
	assert_eq "and not without" "${OUT/anonymized/}" "$OUT"
}

test_filters() {
	local net rows
	net="net $(jq -rs 'map(select(.src and .proto == 6) | .src | select(contains(".")))[0]' <"$WL_TMP/all.json" | cut -d. -f1-2).0.0/16"
	rows=$("$FLOWCTL" --db "$DB" flows -n 0 --json "$net" 2>/dev/null | wc -l)
	assert_between "rows of '$net'" "$rows" 1 100000
	ctl flows -n 0 --json "$net" "${ON[@]}"
	assert_eq "a filter is of addresses as they are" "$(wc -l <<<"$OUT")" "$rows"
	ctl top "$net" "${ON[@]}"
	assert_match "the filter is not shown" "$OUT" "total: .* bytes of a filter"
	ctl drops "host 10.185.25.118" "${ON[@]}"
	assert_match "nor by drops" "$OUT" "total: 7 packets, .*; of a filter"
	ctl retransmits "host 10.185.25.118" "${ON[@]}"
	assert_match "nor by retransmits" "$OUT" "total: .* fast 4; of a filter"
	ctl drops "host 10.185.25.118" --json --group flow "${ON[@]}"
	assert_eq "events: both addresses" "$(jq -r '"\(.src) \(.dst)"' <<<"$OUT")" "117.161.29.118 0.219.7.41"
	ctl drops "host 10.185.25.118"
	assert_match "without, it is shown" "$OUT" "; of 'host 10.185.25.118'"
}

test_keys() {
	local key=$WL_TMP/other
	make_key "$key"
	ctl flows -n 1 --anonymize prefix-preserving --anonymize-key "$key"
	assert_eq "the key is taken" "$RC" 0
	chmod 640 "$key"
	refused 1 "anonymize key '$key': mode 0640: others may read it" flows --anonymize prefix-preserving --anonymize-key "$key"
	head -c 31 /dev/urandom >"$key"
	chmod 600 "$key"
	refused 1 "anonymize key '$key': 31 bytes that are not a key" top --anonymize prefix-preserving --anonymize-key "$key"
	refused 1 "anonymize key '/nonexistent': No such file" drops --anonymize prefix-preserving --anonymize-key /nonexistent
	refused 2 "--anonymize 'yes': unknown; known: none, prefix-preserving" retransmits --anonymize yes
	refused 2 "--anonymize-key '$KEY': for --anonymize prefix-preserving, which nothing says" top --anonymize-key "$KEY"
	refused 2 "option '--anonymize': unknown" status --anonymize none
	ctl top --anonymize none --anonymize-key /nonexistent
	assert_eq "none needs no key" "$RC" 0
}

# config TEXT: a file of flowd's that says it
config() { printf '%b' "$1" >"$WL_TMP/flowd.conf"; }

is_anonymized() { [[ $OUT == *"addresses anonymized"* ]] && echo yes || echo no; }

test_config() {
	local file=$WL_TMP/flowd.conf
	config "[flowd]\ninterface = eth0\nanonymize = prefix-preserving\nanonymize.key = $KEY\n"
	ctl top --config "$file"
	assert_eq "the file says it" "$(is_anonymized)" yes
	ctl top --config "$file" --anonymize none
	assert_eq "an option wins" "$(is_anonymized)" no
	config "[flowd]\nidle = 5s\n\tanonymize = prefix-preserving ; a comment\n anonymize.key=$KEY\n"
	ctl flows --config "$file"
	assert_eq "indented lines are lines" "$(is_anonymized)" yes
	config "[flowd]\nanonymize = none\nanonymize.key = $KEY\n"
	ctl drops --config "$file"
	assert_eq "none" "$(is_anonymized)" no
	ctl drops --config "$file" --anonymize prefix-preserving
	assert_eq "the option's mode, the file's key" "$RC $(is_anonymized)" "0 yes"
	config "[flowd]\nanonymize = prefix-preserving\n"
	ctl drops --config "$file" --anonymize-key "$KEY"
	assert_eq "the file's mode, the option's key" "$RC $(is_anonymized)" "0 yes"
	config "[flowd]\nanonymize = yes\n"
	refused 1 "$file: says whether addresses are anonymized" flows --config "$file"
	assert_match "and where it is wrong" "$ERR" "^flowctl: $file:2: anonymize 'yes': not one of none\|prefix-preserving"
	config "[flowd]\nanonymize\n"
	refused 1 "$file: says whether addresses are anonymized" flows --config "$file"
	refused 1 "/nonexistent: cannot be read: No such file" flows --config /nonexistent
	ctl flows --config "$WL_ROOT/flowd/flowd.conf"
	assert_eq "the file that is shipped" "$RC $(is_anonymized)" "0 no"
}

# What is in /etc is honoured without a word; of an instance its own file.
test_default_config() {
	local etc=$WL_TMP/etc said
	if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; then
		skip "no mount namespace"
		return
	fi
	mkdir -p "$etc/wireledger"
	config "[flowd]\nanonymize = prefix-preserving\n"
	cp "$WL_TMP/flowd.conf" "$etc/wireledger/flowd.conf"
	cp "$WL_ROOT/flowd/flowd.conf" "$etc/wireledger/edge.conf"
	cp -p "$KEY" "$etc/wireledger/anonymize.key"
	said=$(unshare -m sh -c 'mount --bind "$1" /etc && "$2" --db "$3" top && "$2" --db "$3" --instance edge top &&
		"$2" --db "$3" --instance other top' sh "$etc" "$FLOWCTL" "$DB" 2>&1 | grep -c '; addresses anonymized;')
	assert_eq "by default, not of instance edge, of instance other" "$said" 2
	said=$(unshare -m sh -c 'mount --bind "$1" /etc && chmod 644 "$1/wireledger/anonymize.key" && "$2" --db "$3" top' \
		sh "$etc" "$FLOWCTL" "$DB" 2>&1)
	assert_match "a key for everyone" "$said" "^flowctl: anonymize key '/etc/wireledger/anonymize.key': mode 0644"
}

make_key "$KEY"
make_db
"$FLOWCTL" --db "$DB" flows -n 0 --json >"$WL_TMP/all.json" 2>/dev/null
"$FLOWCTL" --db "$DB" drops -n 0 --group flow --json >>"$WL_TMP/all.json" 2>/dev/null
"$FLOWCTL" --db "$DB" retransmits -n 0 --by kernel --json >>"$WL_TMP/all.json" 2>/dev/null
test_rows
test_left
test_filters
test_keys
test_config
test_default_config
finish
