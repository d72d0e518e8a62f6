#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_merge.sh: flowctl merge: databases of replays that are made here, with rows of every table, against
# what SQLite itself adds up of the inputs; hosts in the other verbs; what is refused. No root needed.
#
# WL_BUILD (default: build) names the build directory. Exit 1 where anything failed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

cli_suite cli-merge jq sqlite3 python3
cd "$WL_TMP" || exit 1
T=1700006400

# merge ARG...: standard output in $OUT, errors in $ERR, the exit code in $RC
merge() {
	OUT=$("$FLOWCTL" merge "$@" 2>"$WL_TMP/err")
	RC=$?
	ERR=$(cat "$WL_TMP/err")
}

# ctl DB ARG...
ctl() {
	local db=$1
	shift
	"$FLOWCTL" --db "$db" "$@" 2>"$WL_TMP/err"
}

sql() { sqlite3 -readonly "$@"; }

# replay NAME [OPTION...]: packets of standard input into NAME.db, SECONDS after T
replay() {
	local name=$1
	shift
	capture "$name.pcap"
	"$FLOWD" --config "${CONFIG:-/dev/null}" -r "$name.pcap" --db "$name.db" "$@" 2>"$name.log" ||
		fail "$name: $(cat "$name.log")"
}

# packets NET: the same moments of every host, so that ids of flows meet; TCP sends some segments twice
packets() {
	for i in $(seq 0 99); do
		echo "$((i * 5)) 10.$1.0.$((i % 7 + 1)) 10.9.0.$((i % 3 + 1)) udp $((1000 + i)) 53 $((100 + i))"
		echo "$((i * 5)) 10.9.0.5 10.9.0.6 udp 99 99 $((200 + $1))"
		echo "$((i * 5)) 10.$1.0.1 10.9.0.1 tcp 40000 80 500 $((i * 446 + 1))"
		[ $((i % 10)) -gt 0 ] || echo "$((i * 5)).5 10.$1.0.1 10.9.0.1 tcp 40000 80 500 $((i * 446 + 1))"
		echo "$((i * 5)) fd00:$1::1 fd00:9::$((i % 5 + 1)) udp 5 5 300"
	done
}
packets 1 | replay a
printf '[flowd]\nrollup.keys = 2\n' >few.conf
packets 2 | CONFIG=few.conf replay b
packets 3 | replay c

# rows of the tables that a replay does not fill; words under other ids in each database
for db in a b c; do
	first=$(sql $db.db "SELECT id FROM flow ORDER BY id LIMIT 1")
	[ $db = b ] && sqlite3 $db.db "INSERT INTO word (text) VALUES ('of b alone')"
	sqlite3 $db.db "INSERT INTO word (text) VALUES ('curl-$db'), ('NO_SOCKET'), ('udp_rcv+0x1'), ('eth9'), ('softnet'), ('dropped');
		INSERT INTO flow_socket (flow, side, pid, process, retransmits, delivered, lost, bytes_acked, bytes_received)
			SELECT $first, 0, 77, id, 1, 2, 3, 4, 5 FROM word WHERE text = 'curl-$db';
		INSERT INTO flow_tunnel (flow, kind, tunnel_id, rev_tunnel_id, outer_src, outer_dst) VALUES ($first, 3, 7, 7, 1, 2);
		INSERT INTO event (id, duration_ms, what, iface, device, dir, ethertype, marks, reason, place, packets, bytes, skbs, folded)
			SELECT ($T * 1000 << 20) + value, 5, 0, 1, NULL, 0, 35020, 0, (SELECT id FROM word WHERE text = 'NO_SOCKET'),
			(SELECT id FROM word WHERE text = 'udp_rcv+0x1'), 10, 1000, 10, 0 FROM json_each('[0,1,1048575]');
		INSERT INTO event (id, duration_ms, what, iface, device, dir, ethertype, marks, packets, bytes, skbs, folded)
			SELECT ($T * 1000 << 20) + 5, 5, 0, NULL, id, 0, 35020, 0, 1, 100, 1, 0 FROM word WHERE text = 'eth9';
		INSERT INTO counter (minute_ms, iface, source, name, value) SELECT $T * 1000, i.value,
			(SELECT id FROM word WHERE text = 'softnet'), (SELECT id FROM word WHERE text = 'dropped'), 5 FROM json_each('[0,1]') i;
		INSERT INTO sample (id, iface, dir, link, length, packets, why, marks, frame) VALUES ($T * 1000000000, 1, 0, 1, 60, 1, 1, 0, x'$db$db');
		INSERT OR REPLACE INTO meta VALUES ('sample_bytes', 100)" || fail "$db: rows"
done

sqlite3 a.db "INSERT INTO meta VALUES ('clock_back', '60000 120000 600000 660000')"
sqlite3 c.db "INSERT INTO meta VALUES ('clock_back', '120000 180000')"

merge -o all.db --host web1=a.db b.db c.db
assert_eq "exit code" "$RC" 0
assert_eq "hosts" "$(awk 'NR > 1 && NR < 5 { print $1, $2, $3 }' <<<"$OUT" | paste -sd,)" "b b.db 1,c c.db 1,web1 a.db 1"
assert_match "the sum" "$OUT" 'total: [0-9,]+ flows, 1,230 packets, [0-9,]+ bytes in all.db; every table has the sums of its inputs'
assert_eq "nothing beside it" "$(find . -name 'all.db*' | paste -sd' ')" ./all.db
assert_eq "a sound database" "$(sql all.db 'PRAGMA integrity_check')" ok

# --- each table, by SQLite: what the inputs have, the output has ---
cat >attach.sql <<-END
	ATTACH 'a.db' AS a; ATTACH 'b.db' AS b; ATTACH 'c.db' AS c;
END
# same LABEL QUERY-OF-OUTPUT QUERY-OF-AN-INPUT: DB stands for each of them; rows sorted
same() {
	{ cat attach.sql; echo "$2;"; } | sqlite3 all.db | sort >out.txt
	for db in a b c; do { cat attach.sql; echo "${3//DB/$db};"; } | sqlite3 all.db; done | sort >in.txt
	[ -s in.txt ] || fail "$1: no rows to compare"
	assert_same "$1" out.txt in.txt
}
FLOW="f.id >> 20, f.duration_ms, f.how, f.l2, f.proto, quote(f.src), quote(f.dst), f.sport, f.dport, f.packets, f.bytes, f.l2_bytes, f.tcp_flags"
same "flows" "SELECT i.host, $FLOW FROM main.flow f JOIN main.interface i ON i.id = f.iface" \
	"SELECT CASE 'DB' WHEN 'a' THEN 'web1' ELSE 'DB' END, $FLOW FROM DB.flow f"
same "TCP's health, with its flow" "SELECT $FLOW, t.retransmits, t.retransmitted_bytes FROM main.flow f JOIN main.flow_tcp t ON t.flow = f.id" \
	"SELECT $FLOW, t.retransmits, t.retransmitted_bytes FROM DB.flow f JOIN DB.flow_tcp t ON t.flow = f.id"
same "sockets and words" "SELECT quote(f.src), w.text, s.pid FROM main.flow f JOIN main.flow_socket s ON s.flow = f.id JOIN main.word w ON w.id = s.process" \
	"SELECT quote(f.src), w.text, s.pid FROM DB.flow f JOIN DB.flow_socket s ON s.flow = f.id JOIN DB.word w ON w.id = s.process"
same "tunnels" "SELECT quote(f.src), t.tunnel_id FROM main.flow f JOIN main.flow_tunnel t ON t.flow = f.id" \
	"SELECT quote(f.src), t.tunnel_id FROM DB.flow f JOIN DB.flow_tunnel t ON t.flow = f.id"
same "events" "SELECT e.id >> 20, coalesce(substr(i.name, instr(i.name, ':') + 1), ''), d.text, r.text, p.text, e.packets FROM main.event e
	LEFT JOIN main.interface i ON i.id = e.iface LEFT JOIN main.word d ON d.id = e.device LEFT JOIN main.word r ON r.id = e.reason LEFT JOIN main.word p ON p.id = e.place" \
	"SELECT e.id >> 20, coalesce(i.name, ''), d.text, r.text, p.text, e.packets FROM DB.event e
	LEFT JOIN DB.interface i ON i.id = e.iface LEFT JOIN DB.word d ON d.id = e.device LEFT JOIN DB.word r ON r.id = e.reason LEFT JOIN DB.word p ON p.id = e.place"
same "samples" "SELECT i.name, hex(s.frame) FROM main.sample s JOIN main.interface i ON i.id = s.iface" \
	"SELECT CASE 'DB' WHEN 'a' THEN 'web1' ELSE 'DB' END || ':' || i.name, hex(s.frame) FROM DB.sample s JOIN DB.interface i ON i.id = s.iface"
same "the books" "SELECT i.host, l.minute_ms, l.dir, l.seen_packets, l.recorded_bytes, l.held_packets FROM main.ledger l JOIN main.interface i ON i.id = l.iface" \
	"SELECT CASE 'DB' WHEN 'a' THEN 'web1' ELSE 'DB' END, minute_ms, dir, seen_packets, recorded_bytes, held_packets FROM DB.ledger"
assert_eq "counters: of interfaces each, of hosts together" \
	"$(sql all.db "SELECT value FROM counter ORDER BY iface" | paste -sd,)" 15,5,5,5
assert_eq "minutes of two times: of any of them" \
	"$(sql all.db "SELECT value FROM meta WHERE key = 'clock_back'")" "60000 180000 600000 660000"
for level in minute hour; do
	KEY="id >> 28, id >> 24 & 15 AS kind, quote(src) AS s, quote(dst) AS d, what AS w"
	SUMS="sum(flows), sum(packets), sum(bytes), sum(rev_packets), sum(l2_bytes), sum(retransmits), max(first_ms), max(last_ms)"
	{
		cat attach.sql
		echo "SELECT $KEY, $SUMS FROM (SELECT * FROM a.talker_$level UNION ALL SELECT * FROM b.talker_$level UNION ALL SELECT * FROM c.talker_$level)
			WHERE kind != 4 GROUP BY 1, 2, 3, 4, 5, (id & 16777215) = 0;"
	} | sqlite3 all.db | sort >in.txt
	sql all.db "SELECT $KEY, $SUMS FROM talker_$level WHERE kind != 4 GROUP BY id" | sort >out.txt
	assert_same "sums by $level, by key" out.txt in.txt
	assert_eq "sums by $level: of interfaces" \
		"$(sql all.db "SELECT i.host || ' ' || sum(t.packets) FROM talker_$level t JOIN interface i ON i.id = t.what WHERE t.id >> 24 & 15 = 4 GROUP BY i.host" | paste -sd,)" \
		"b 410,c 410,web1 410"
	assert_eq "sums by $level: ranks without holes" \
		"$(sql all.db "SELECT count(*) FROM (SELECT max(id & 16777215) AS top, count(*) AS n FROM talker_$level WHERE id & 16777215 GROUP BY id >> 24) WHERE top != n")" 0
	assert_eq "sums by $level: the heaviest first" \
		"$(sql all.db "SELECT quote(src) FROM talker_$level WHERE id & 268435455 = 1 LIMIT 1")" "$(sql all.db "SELECT quote($((10 * 16777216 + 9 * 65536 + 1)))")"
	# b lists two keys of a bucket: a key that only a and c list may be in its tail
	assert_eq "sums by $level: bounds" \
		"$(sql all.db "ATTACH 'b.db' AS b; SELECT count(*), min(m.missed_bytes = max(t.missed_bytes, t.largest_bytes) AND m.largest_bytes = t.largest_bytes AND m.keys = t.keys)
			FROM main.talker_${level}_tail m JOIN b.talker_${level}_tail t USING (id)")" \
		"$(sql b.db "SELECT count(*) || '|1' FROM talker_${level}_tail")"
done
assert_eq "sums: as far as those of all go" "$(sql all.db "SELECT value FROM meta WHERE key = 'rollup_minute_ms'")" \
	"$(for db in a b c; do sql $db.db "SELECT value FROM meta WHERE key = 'rollup_minute_ms'"; done | sort -n | tail -n 1)"

# --- ids: those of a row alone in its place stay, others take the next ---
assert_eq "ids of flows that none else had" \
	"$(echo "ATTACH 'a.db' AS a; SELECT count(*) FROM a.flow WHERE id NOT IN (SELECT id FROM main.flow)" | sqlite3 all.db)" 0
assert_eq "a millisecond's last number, taken: another of that millisecond" \
	"$(sql all.db "SELECT count(*) || ' ' || count(DISTINCT id >> 20) FROM event")" "12 1"

# --- what is asked of it ---
for db in a b c all; do
	ctl $db.db flows --json -n 0 | jq -S 'del(.id, .iface, .host)' >$db.json
done
jq -cS . a.json b.json c.json | sort >in.txt
jq -cS . all.json | sort >out.txt
assert_same "flowctl flows" out.txt in.txt
for group in src pair proto port flow; do
	for db in a b c all; do ctl $db.db top --group $group -n 0 --json | jq -c '[.key, .flows, .packets, .bytes, .retransmits, .drops]' >$db.top; done
	jq -sc 'group_by(.[0]) | map([.[0][0]] + (map(.[1:]) | transpose | map(add)))[]' a.top b.top c.top | sort >in.txt
	sort all.top >out.txt
	assert_same "flowctl top --group $group" out.txt in.txt
done
assert_eq "top --group exporter" "$(ctl all.db top --group exporter --json | jq -sc 'map([.key, .packets]) | sort')" '[["b",410],["c",410],["web1",410]]'
assert_eq "top --group iface" "$(ctl all.db top --group iface --json | jq -sc 'map(.iface) | sort')" '["b:b.pcap","c:c.pcap","web1:a.pcap"]'
for db in web1=a b=b c=c; do
	ctl "${db#*=}.db" top --group pair -n 0 --json --from records | jq -c . >in.txt
	ctl all.db top --group pair -n 0 --json --from records --host "${db%=*}" | jq -c . >out.txt
	assert_same "top --host ${db%=*}" out.txt in.txt
done
assert_eq "flows --host: the field" "$(ctl all.db flows -n 0 --json --host b --host c | jq -r '[.host, .iface] | join(" ")' | sort -u | paste -sd,)" "b b:b.pcap,c c:c.pcap"
assert_eq "ledger" "$(ctl all.db ledger --check -n 0 >/dev/null; echo $?)" 0
assert_eq "ledger --host" "$(ctl all.db ledger --host web1 --json | jq -s 'map(.seen_packets) | add')" 410
assert_eq "drops --host: not those of no interface" "$(ctl all.db drops --host b --json | jq -s 'map(select(.source == "trace") | .packets) | add')" 30
assert_eq "--iface: with its host, and without" \
	"$(ctl all.db flows -n 0 --json -i web1:a.pcap | wc -l) $(ctl all.db flows -n 0 --json -i a.pcap | wc -l)" "$(wc -l <a.top >/dev/null; n=$(sql a.db 'SELECT count(*) FROM flow'); echo "$n $n")"
assert_eq "graph --group exporter" "$(ctl all.db graph --by packets --group exporter --json --per 1h | jq -sc 'map([.key, .value])')" '[["b",410],["c",410],["web1",410]]'
ctl all.db flows --host nobody >/dev/null
assert_eq "no such host" "$(cat err)" "flowctl: host 'nobody': not in all.db; known: b, c, web1"
ctl a.db flows --host nobody >/dev/null
assert_eq "no host at all" "$(cat err)" "flowctl: host 'nobody': not in a.db; known: none"
sqlite3 c.db "INSERT INTO meta VALUES ('host', 'db7')"
assert_eq "a database whose host is known" "$(ctl c.db top --group exporter --host db7 --json | jq -r .key)" db7
merge -o noted.db c.db --json
assert_eq "the host that flowd noted" "$(jq -r '[.host, .ifaces, .packets] | join(" ")' <<<"$OUT")" "db7 1 410"
assert_eq "flowd does not go on with it" "$("$FLOWD" --config /dev/null -r a.pcap --db all.db 2>&1)" \
	"flowd: all.db: made by flowctl merge of several hosts' databases, not to be written to"

# --- of merged ones, of older ones ---
merge -o ab.db a.db b.db
merge -o abc.db ab.db --host c=c.db
assert_eq "a merged one: hosts stay" "$(ctl abc.db top --group exporter --json | jq -sc 'map([.key, .packets]) | sort')" '[["a",410],["b",410],["c",410]]'
sed '/^-- version 5/,/^-- views/d' "$WL_ROOT/schema/schema.sql" | sed '/^DROP VIEW/,$d' >four.sql
{ cat four.sql; echo "PRAGMA application_id = 1464616007; PRAGMA user_version = 4;
	INSERT INTO interface (id, name, ifindex, netns, ifnum, generation, ingress, egress, first_ms, last_ms) VALUES (5, 'eth0', 2, 3, 0, 12345, NULL, NULL, 1, NULL);
	INSERT INTO flow VALUES ($T * 1000 << 20, 100, 5, 0, NULL, 9, NULL, 0, 17, 167837697, 167837698, 1, 2, 3, 300, 258, 1, 100, 86, NULL, 1);"; } | sqlite3 four.db
merge -o with4.db four.db b.db
assert_eq "version 4: exit code" "$RC$ERR" 0
assert_match "version 4: without sums" "$OUT" 'note: four.db has no sums by minute and hour'
assert_eq "version 4: its flow" "$(ctl with4.db flows --host four --json | jq -c '[.iface, .vlan, .packets, .ip_bytes, .rev_bytes, .end_reason]')" '["four:eth0",9,3,258,100,"idle"]'
assert_eq "version 4: the file is as it was" "$(sql four.db 'PRAGMA user_version')" 4

# --- what is refused ---
# refused CODE MESSAGE ARG...: nothing is made, what was there stays
refused() {
	local code=$1 message=$2 before
	shift 2
	before=$(md5sum ./*.db)
	merge "$@"
	assert_eq "$*: exit code" "$RC" "$code"
	assert_match "$*: message" "$ERR" "^flowctl: $message"
	assert_eq "$*: files" "$(md5sum ./*.db; find . -name '*part*')" "$before"
}
cp a.db copy.db
mkdir folder
head -c 5000 a.db >cut.db
echo "no database" >text.db
refused 2 "merge: -o FILE says" a.db b.db
refused 2 "merge: no database" -o x.db
refused 2 "--host 'web1': not NAME=FILE" --host web1 -o x.db a.db
refused 2 "--host '=a.db': not NAME=FILE" --host =a.db -o x.db
refused 2 "--host 'a:b=a.db': not a name" --host a:b=a.db -o x.db
refused 2 "--host 'y=a.db': of a.db already 'x'" --host x=a.db --host y=a.db -o x.db
refused 2 "--db 'a.db': merge takes" --db a.db -o x.db a.db
refused 1 "all.db: is there already; --force" -o all.db a.db
refused 1 "a.db: is one of the databases" -o a.db a.db --force
refused 1 "folder: is a directory" -o folder a.db --force
refused 1 "/dev/null: not a regular file" -o /dev/null a.db --force
refused 1 "no/x.db: No such file" -o no/x.db a.db
refused 1 "\./a.db: is there twice" -o x.db a.db ./a.db
refused 1 "copy.db: has interface a.pcap as counted for host a: the same packets twice" -o x.db a.db copy.db
refused 1 "host 'x': of both a.db and b.db" -o x.db --host x=a.db --host x=b.db
refused 1 "missing.db: No such file" -o x.db a.db missing.db
refused 1 "text.db: not a wireledger database" -o x.db a.db text.db
refused 1 "cut.db: " -o x.db a.db cut.db
sqlite3 copy.db "PRAGMA user_version = 999"
refused 1 "copy.db: of a newer wireledger: what it has beyond would be lost" -o x.db copy.db
cp b.db broken.db
sqlite3 broken.db "UPDATE flow SET iface = 77 WHERE id = (SELECT max(id) FROM flow)"
refused 1 "broken.db: table flow has interface 77, which is not in table interface" -o x.db a.db broken.db
for what in "minute and proto" "hour and pair"; do
	kind=3 level=minute
	[ "$level and proto" = "$what" ] || kind=1 level=hour
	cp b.db tampered.db
	sqlite3 tampered.db "UPDATE talker_$level SET bytes = bytes + 1 WHERE id = (SELECT max(id) FROM talker_$level WHERE id >> 24 & 15 = $kind)"
	refused 1 "tampered.db: its sums by $what are not those of its records: [0-9]+ and [0-9]+ bytes" -o x.db a.db tampered.db
done
cp b.db tampered.db
sqlite3 tampered.db "DELETE FROM flow WHERE id = (SELECT id FROM flow LIMIT 1 OFFSET 5)"
refused 1 "tampered.db: its sums by minute and pair are not those of its records: [0-9]+ and [0-9]+ flows" -o x.db a.db tampered.db
sqlite3 tampered.db "INSERT OR REPLACE INTO meta VALUES ('flow_since_ms', ($T + 120) * 1000)"
merge -o x.db a.db tampered.db
assert_eq "records that retention took are not missed" "$RC" 0
rm -f x.db tampered.db
before=$(md5sum ./*.db)
(ulimit -f 40; "$FLOWCTL" merge -o x.db a.db b.db c.db >/dev/null 2>"$WL_TMP/err")
assert_eq "a file that cannot grow: exit code" "$?" 1
assert_eq "a file that cannot grow: nothing is left" "$(md5sum ./*.db; find . -name '*part*')" "$before"
merge -o all.db --force a.db c.db
assert_eq "--force" "$RC $(sql all.db 'SELECT count(*) FROM interface')" "0 2"
ln -s all.db link.db
merge -o link.db --force a.db b.db c.db
assert_eq "a link stays one" "$(readlink link.db) $(sql all.db 'SELECT count(*) FROM interface')" "all.db 3"
sqlite3 b.db "INSERT INTO flow_tcp SELECT -5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1; INSERT INTO flow_rtt (flow) VALUES (1 << 62)"
merge -o all.db --force a.db b.db
assert_match "rows without their flow" "$OUT" 'total: .*; 2 rows without their flow left out'
merge -o all.db --force a.db c.db --csv
assert_eq "CSV" "$(tr -d '\r' <<<"$OUT" | cut -d, -f1-5 | paste -sd' ')" "v,host,file,version,ifaces 1,a,a.db,5,1 1,db7,c.db,5,1"
finish
