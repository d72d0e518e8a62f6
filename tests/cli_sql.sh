#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_sql.sh: flowctl sql: values of each kind in each format, statements of standard input, errors, and that
# nothing can be written. No root needed.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

cli_suite cli-sql
CTL=(sql --config /dev/null)
DB=$WL_TMP/l.db

"$FLOWD" --config /dev/null -r "$WL_CORPUS/transport.pcap" --db "$DB" 2>/dev/null
flows=$("$FLOWCTL" --db "$DB" flows --config /dev/null -n 0 --json 2>/dev/null | wc -l)
ctl --csv "SELECT count(*) AS n FROM flow"
assert_eq "count" "$OUT" $'v,n\r\n1,'"$flows"$'\r'
KINDS="SELECT -3 AS a, 1.5 AS b, 'x''\"y' AS c, x'0aff' AS d, NULL AS e, 9223372036854775807 AS \"f\"\"g\""
ctl --json "$KINDS"
assert_eq "JSON" "$OUT" '{"v":1,"a":-3,"b":1.5,"c":"x'"'"'\"y","d":"0aff","e":null,"f\"g":9223372036854775807}'
ctl --csv "$KINDS"
assert_eq "CSV" "$OUT" $'v,a,b,c,d,e,"f""g"\r\n1,-3,1.5,"x\'""y",0aff,,9223372036854775807\r'
ctl "$KINDS"
assert_eq "text" "$(tail -n 1 <<<"$OUT" | xargs -0 echo | tr -s ' ')" "-3 1.5 x'\"y 0aff - 9223372036854775807"
ctl "SELECT char(27) || '[31m' AS \"$(printf '\033')x\""
assert_eq "text: control characters" "$(tr -d '\n' <<<"$OUT" | tr -d '[:print:]' | wc -c)" 0
ctl --json "SELECT printf('%.2000c', 'x') AS long"
assert_eq "JSON: a long text is whole" "${#OUT}" $((2000 + 17))
ctl --csv "SELECT 1; SELECT 2 WHERE 0; SELECT 3"
assert_eq "several statements" "$(tr -d '\r' <<<"$OUT" | xargs)" "v,1 1,1 v,2 v,3 1,3"

OUT=$(printf 'SELECT 1\nAS one;\n\nSELECT 2 AS two' | "$FLOWCTL" --db "$DB" sql --config /dev/null --csv | tr -d '\r' | xargs)
assert_eq "standard input" "$OUT" "v,one 1,1 v,two 1,2"
OUT=$(printf 'SELECT 1;\nSELECT nowhere;\nSELECT 3;\n' | "$FLOWCTL" --db "$DB" sql --config /dev/null --csv 2>"$WL_TMP/err" | tr -d '\r' | xargs)
assert_eq "standard input: up to the wrong one" "$OUT" "v,1 1,1"
assert_match "standard input: what is wrong" "$(cat "$WL_TMP/err")" "^flowctl: $DB: sql: no such column: nowhere"
OUT=$("$FLOWCTL" --db "$DB" sql --config /dev/null 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n' 2>"$WL_TMP/err" | head -n 5000 | wc -l)
assert_eq "a pipe that is closed" "$OUT $(cat "$WL_TMP/err")" "5000 "

sum=$(sha256sum <"$DB")
for words in "DELETE FROM flow" "ATTACH '$WL_TMP/other.db' AS o" "PRAGMA user_version = 99" "VACUUM INTO '$WL_TMP/other.db'" \
	"CREATE TABLE x (a)" "SELECT load_extension('x')" "SELEC 1"; do
	ctl "$words"
	assert_eq "$words: exit code" "$RC" 1
	assert_match "$words: message" "$ERR" "^flowctl: $DB: sql: "
done
assert_eq "nothing was written" "$(sha256sum <"$DB") $(ls "$WL_TMP"/other.db 2>/dev/null)" "$sum "
ctl --anonymize prefix-preserving --anonymize-key "$WL_TMP/none" "SELECT 1"
assert_eq "anonymized: exit code" "$RC" 1
head -c 32 /dev/urandom >"$WL_TMP/key"
chmod 600 "$WL_TMP/key"
ctl --anonymize prefix-preserving --anonymize-key "$WL_TMP/key" "SELECT src FROM flow"
assert_eq "anonymized: refused" "$RC $OUT" "1 "
assert_match "anonymized: message" "$ERR" "^flowctl: sql: addresses are to be anonymized"
finish
