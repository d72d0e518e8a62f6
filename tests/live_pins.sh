#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_pins.sh: somebody removes flowd's pins while it runs, or mounts another bpffs where they are: it pins again,
# the links that it held stay what they were, and a SIGKILL after that costs no packet. Where it cannot it says so and
# goes on, and an end by SIGTERM has everything. Traffic goes both ways all the time; what is in the database is what
# the senders and the interface have counted.
#
# Mounts are made in mount namespaces of the suite's own.
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

RATE=${WL_RATE:-3000}
BPFFS=/sys/fs/bpf
declare -A LOAD
# UDP from 10.1.0.2 to 10.1.0.1
FRAME=020000000a01020000000a0208004500005600004000401100000a0100020a0100011234567800420000

in_netns() { exec ip netns exec "$NSB" "$@"; }

# In the suite's mount namespace, without one that `ip netns exec` makes.
in_mounts() { exec nsenter -t "$MOUNTS" -m --net="/run/netns/$NSB" "$@"; }
mounts() { nsenter -t "$MOUNTS" -m "$@"; }

# As the shipped unit starts it: with three capabilities.
in_unit() { in_mounts setpriv --bounding-set=-all,+net_admin,+perfmon,+bpf --inh-caps=-all "$@"; }

# --- traffic --------------------------------------------------------------------------------------

load_start() {
	rm -f "$WL_TMP/enough"
	ip netns exec "$NSA" "$WLGEN" -i va -n 1000000000 -f 200 --rate "$RATE" >"$WL_TMP/load.in" &
	LOAD[in]=$!
	out_load >"$WL_TMP/load.out" &
	LOAD[out]=$!
	WL_PIDS+=("${LOAD[@]}")
}

# By way of the stack, which wlgen leaves out; it ends with the number of packets.
out_load() {
	local sent=0
	until [ -e "$WL_TMP/enough" ]; do
		in_b "$WLTRAF" raw -i vb --hex "$FRAME" --size 100 --count 20 >/dev/null && sent=$((sent + 20))
	done
	echo "$sent"
}

# IN and OUT, with what was sent before
load_stop() {
	kill -TERM "${LOAD[in]}"
	touch "$WL_TMP/enough"
	wait "${LOAD[@]}"
	IN=$((IN + $(jq .packets "$WL_TMP/load.in")))
	OUT=$((OUT + $(cat "$WL_TMP/load.out")))
	wait_until 40 counter_reached "$NSB" vb rx_packets $((${RX%:*} + IN)) || fail "frames do not arrive"
}

begin() { # LABEL
	LABEL=$1 IN=0 OUT=0
	WL_INSTANCE=wl$$-$1 WL_DB=$WL_TMP/$1.db
	PINS=$BPFFS/wireledger/$WL_INSTANCE
	RX=$(counter_mark "$NSB" vb rx)
	TX=$(counter_mark "$NSB" vb tx)
}

# --- flowd ----------------------------------------------------------------------------------------

# start AROUND ARG...: AROUND is one of the functions above
start() {
	local around=$1
	shift
	FLOWD_N=$((FLOWD_N + 1)) FLOWD_INSTANCE=$WL_INSTANCE FLOWD_DB=$WL_DB FLOWD_LOG=$WL_TMP/$FLOWD_N.log
	WL_INSTANCES+=("$FLOWD_INSTANCE")
	("$around" "$FLOWD" --config /dev/null --instance "$FLOWD_INSTANCE" --db "$FLOWD_DB" -i vb --sweep 100ms \
		--idle 1s --active 2s --slots 4096 "$@") >"$FLOWD_LOG" 2>&1 &
	FLOWD_PID=$!
	WL_PIDS+=("$FLOWD_PID")
	wait_until 60 flowd_ready "$FLOWD_PID" "$FLOWD_LOG" && ! gone "$FLOWD_PID" && return
	fail "$LABEL: flowd $* did not come up: $(tail -n 5 "$FLOWD_LOG")"
	return 1
}

# kill_and_start AROUND ARG...
kill_and_start() {
	flowd_end "$FLOWD_PID" KILL 2>/dev/null
	start "$@"
}

# The links that flowd holds: kind and id
links() {
	cat "/proc/$FLOWD_PID"/fdinfo/* 2>/dev/null | awk '$1 == "link_type:" { kind = $2 } $1 == "link_id:" && kind ~ /xdp|tcx/ { print kind $2 }' |
		sort -u | xargs
}
hooks_left() {
	in_b bpftool -j net show dev vb | jq -c '.[0] | .xdp + .tc'
	in_b tc filter show dev vb ingress
	in_b tc filter show dev vb egress
}
again() { [ "$(grep -c 'were gone: pinned again' "$FLOWD_LOG")" -ge "$1" ]; }
note() { "$FLOWCTL" --db "$FLOWD_DB" status --json 2>/dev/null | jq -r .flowd.pins.note; }
has_note() { [[ $(note) =~ $1 ]]; }
modes() { find "$1" -printf '%P %m %u %g\n' | sort; }

# gone_and_back LABEL AROUND ARG...: the pins were removed; they come back, and flowd is killed
gone_and_back() {
	local label="$LABEL, $1"
	shift
	wait_until 30 again 1 || fail "$label: flowd does not pin again: $(tail -n 3 "$FLOWD_LOG")"
	assert_eq "$label: links" "$(links)" "$IDS"
	kill_and_start "$@" || return
	assert_match "$label: taken over" "$(cat "$FLOWD_LOG")" "counting, on the maps of a predecessor"
	assert_eq "$label: links of the next one" "$(links)" "$IDS"
}

# the same instance once more: refused, whatever became of the pins
refused() {
	local out
	out=$(in_b timeout 20 "$FLOWD" --config /dev/null --instance "$WL_INSTANCE" --db "$WL_TMP/no.db" -i vb 2>&1)
	assert_eq "$LABEL: a second one: exit: $out" "$?" 1
	assert_match "$LABEL: a second one" "$out" "instance '$WL_INSTANCE' is running"
}

judge() { # after load_stop and flowd's end
	assert_eq "$LABEL: exit: $(tail -n 2 "$FLOWD_LOG")" "$FLOWD_RC" 0
	assert_eq "$LABEL: in, as sent" "$(seen 0)" "$IN|$((IN * 100))"
	assert_eq "$LABEL: out, as sent" "$(seen 1)" "$OUT|$((OUT * 100))"
	# its bytes of what came in are with the link's header or without, by the sender
	assert_eq "$LABEL: in, as the interface has it" "$(seen 0 | cut -d'|' -f1)" "$(counter_since "$RX" "$NSB" vb rx 0 | cut -d'|' -f1)"
	assert_eq "$LABEL: out, as the interface has it" "$(seen 1)" "$(counter_since "$TX" "$NSB" vb tx 0)"
	assert_books "$LABEL"
	assert_eq "$LABEL: hooks" "$(hooks_left)" "[]"
	say "$LABEL: $IN in, $OUT out"
}

# --- pins that are removed ------------------------------------------------------------------------

test_removed() {
	local was
	begin removed
	start in_netns || return
	IDS=$(links)
	assert_match "$LABEL: links" "$IDS" '^tcx[0-9]+ xdp[0-9]+$'
	chmod 0640 "$PINS/cpus"
	was=$(modes "$PINS")
	load_start
	rm "$PINS"/*
	refused
	gone_and_back "all pins" in_netns
	assert_eq "$LABEL: names, modes and owners" "$(modes "$PINS" | sed 's/^cpus 600/cpus 640/')" "$was"
	rm "$PINS"/link-*-xdp
	gone_and_back "the XDP link" in_netns
	rm "$PINS"/link-*-egress "$PINS/control" "$PINS/event_counts"
	gone_and_back "a tcx link and maps" in_netns
	rm -r "$PINS"
	gone_and_back "the folder" in_netns
	assert_eq "$LABEL: the folder's mode" "$(stat -c '%a %u' "$PINS")" "700 0"
	mv "$PINS" "$PINS-moved"
	gone_and_back "a folder that was moved" in_netns
	assert_eq "$LABEL: the moved one" "$(ls "$PINS-moved" 2>&1 | head -n 1)" ""
	rmdir "$PINS-moved" 2>/dev/null
	# an end right after it: by a successor, and for good
	kill_and_start in_netns --keep-attached yes || return
	rm -r "$PINS"
	flowd_end "$FLOWD_PID" 2>/dev/null
	assert_eq "$LABEL: kept, exit" "$FLOWD_RC" 0
	start in_netns || return
	assert_eq "$LABEL: kept, links" "$(links)" "$IDS"
	load_stop
	rm -r "$PINS"
	flowd_end "$FLOWD_PID" 2>/dev/null
	judge
	assert_eq "$LABEL: pins" "$(ls -d "$PINS" 2>/dev/null)" ""
}

# As few descriptors as leave none for pins: a link whose pin goes is gone, and with it the hook.
in_need() { in_netns prlimit --nofile=205:205 "$@"; }
status() { "$FLOWCTL" --db "$FLOWD_DB" status --json 2>/dev/null | jq -r ".flowd.interfaces[0].$1"; }
again_by() { [ "$(status ingress) $(status egress)" = "$1" ] && [[ $(status note) =~ $2 ]]; }

test_not_held() {
	local by
	begin lost
	start in_need || return
	assert_match "$LABEL: word" "$(cat "$FLOWD_LOG")" "not every pin is held besides, as with at most 205 descriptors"
	by="$(status ingress) $(status egress)"
	rm "$PINS"/link-*-xdp
	wait_until 30 again_by "$by" "^ingress was not counted for a while: .* attached again" || fail "$LABEL: ingress: $(tail -n 2 "$FLOWD_LOG")"
	rm "$PINS"/link-*-egress
	wait_until 30 again_by "$by" "^egress was not counted for a while: .* attached again" || fail "$LABEL: egress: $(tail -n 2 "$FLOWD_LOG")"
	RX=$(counter_mark "$NSB" vb rx) TX=$(counter_mark "$NSB" vb tx)
	load_start
	kill_and_start in_netns || return
	load_stop
	flowd_end "$FLOWD_PID" 2>/dev/null
	judge
}

# Killed between two pins: the next one begins anew, and has once what it counts.
test_half() {
	local faulty=$WL_ROOT/build/faults/bin/flowd flowd=$FLOWD
	if [ ! -x "$faulty" ]; then
		skip "no flowd with points"
		return
	fi
	begin half
	FLOWD=$faulty
	for point in pins-1-again:9 pins-1-again:30 pins-1-again:37; do
		WIRELEDGER_KILL=$point start in_netns || break
		rm -r "$PINS"
		{
			wait_until 30 gone "$FLOWD_PID" || fail "$LABEL: not killed at $point"
			wait "$FLOWD_PID"
		} 2>/dev/null
	done
	FLOWD=$flowd
	RX=$(counter_mark "$NSB" vb rx) TX=$(counter_mark "$NSB" vb tx)
	start in_netns || return
	load_start
	wait_ms 500
	load_stop
	flowd_end "$FLOWD_PID" 2>/dev/null
	judge
	assert_eq "$LABEL: pins" "$(ls -d "$PINS" 2>/dev/null)" ""
}

# Filters of clsact are not held by pins; two instances, each of which has each packet once.
test_clsact_and_second() {
	local first second
	begin clsact
	start in_netns --ingress tc --tc clsact || return
	first=("$FLOWD_PID" "$FLOWD_DB" "$FLOWD_LOG" "$PINS")
	WL_INSTANCE=wl$$-beside WL_DB=$WL_TMP/beside.db PINS=$BPFFS/wireledger/wl$$-beside
	start in_netns --ingress tc || return
	IDS=$(links)
	load_start
	rm -r "$PINS" "${first[3]}"
	FLOWD_LOG=${first[2]} wait_until 30 again 1 || fail "clsact: flowd does not pin again"
	gone_and_back "another instance beside" in_netns --ingress tc
	second=("$FLOWD_PID" "$FLOWD_DB" "$FLOWD_LOG" "$PINS")
	WL_INSTANCE=wl$$-clsact WL_DB=${first[1]} FLOWD_PID=${first[0]} PINS=${first[3]}
	assert_eq "$LABEL: the qdisc's mark" "$(find "$PINS" -name 'qdisc-*' | wc -l)" 1
	kill_and_start in_netns --ingress tc --tc clsact || return
	load_stop
	flowd_end "$FLOWD_PID" 2>/dev/null
	assert_eq "$LABEL: qdisc" "$(in_b tc qdisc show dev vb | grep -c clsact)" 0
	assert_eq "$LABEL: exit" "$FLOWD_RC" 0
	assert_eq "$LABEL: in" "$(seen 0)" "$IN|$((IN * 100))"
	assert_eq "$LABEL: out" "$(seen 1)" "$OUT|$((OUT * 100))"
	assert_books "$LABEL"
	FLOWD_PID=${second[0]} FLOWD_DB=${second[1]} FLOWD_LOG=${second[2]} PINS=${second[3]} LABEL=beside
	flowd_end "$FLOWD_PID" 2>/dev/null
	assert_eq "$LABEL: exit" "$FLOWD_RC" 0
	assert_eq "$LABEL: in" "$(seen 0)" "$IN|$((IN * 100))"
	assert_eq "$LABEL: out" "$(seen 1)" "$OUT|$((OUT * 100))"
	assert_books "$LABEL"
	assert_eq "$LABEL: hooks" "$(hooks_left)" "[]"
	say "clsact, and another beside: $IN in, $OUT out"
}

# --- another bpffs --------------------------------------------------------------------------------

fresh_mounts() {
	unshare -m --propagation private sleep infinity &
	MOUNTS=$!
	WL_PIDS+=("$MOUNTS")
	wait_until 10 other_mounts || return
	mounts mount -t bpf -o mode=0700 bpf "$BPFFS"
}
# all that are one over the other, with the host's, as they are seen there
no_bpffs() { while mounts umount -l "$BPFFS" 2>/dev/null; do :; done; }
other_mounts() { [ "$(readlink "/proc/$MOUNTS/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]; }

test_mounted() {
	begin mounted
	start in_mounts || return
	IDS=$(links)
	load_start
	mounts mount -t bpf -o mode=0700 bpf "$BPFFS"
	gone_and_back "mounted over" in_mounts
	assert_eq "$LABEL: modes" "$(mounts stat -c '%a %u' "$BPFFS/wireledger" "$PINS" "$PINS/control" | xargs)" "700 0 700 0 600 0"
	mounts umount -l "$BPFFS"
	gone_and_back "what was beneath" in_mounts
	no_bpffs
	wait_until 30 has_note "no bpf file system is mounted there" || fail "$LABEL: no word of it: $(note)"
	assert_match "$LABEL: status" "$("$FLOWCTL" --db "$FLOWD_DB" status 2>&1)" \
		"pins +pins under $PINS are gone and cannot be pinned again: .* is lost"
	assert_match "$LABEL: doctor" "$("$FLOWCTL" --db "$FLOWD_DB" doctor 2>&1 | tr -s ' \n' ' ')" "degraded flowd flowd at [^ ]*: pins under"
	assert_eq "$LABEL: said once" "$(grep -c 'cannot be pinned again' "$FLOWD_LOG")" 1
	mounts mount -t bpf -o ro bpf "$BPFFS"
	wait_until 30 has_note "Read-only file system" || fail "$LABEL: no word of read-only: $(note)"
	mounts mount -t bpf -o mode=0700 bpf "$BPFFS"
	gone_and_back "none, read-only, and mounted again" in_mounts
	assert_eq "$LABEL: no word any more" "$(note)" ""
	# what an earlier one has pinned there is not its to replace
	mkdir "$WL_TMP/other"
	mounts mount -t bpf -o mode=0700 bpf "$WL_TMP/other"
	mounts mkdir -p "$WL_TMP/other/wireledger/$WL_INSTANCE"
	mounts bpftool map create "$WL_TMP/other/wireledger/$WL_INSTANCE/control" type array key 4 value 4 entries 1 name control
	mounts mount --bind "$WL_TMP/other" "$BPFFS"
	wait_until 30 has_note "maps of another flowd are pinned there" || fail "$LABEL: no word of others: $(note)"
	assert_eq "$LABEL: others' pins" "$(mounts ls "$PINS")" control
	mounts umount -l "$BPFFS"
	wait_until 30 has_note "^$" || fail "$LABEL: still a word of others: $(note)"
	kill_and_start in_mounts || return
	assert_eq "$LABEL: after others, links" "$(links)" "$IDS"
	mounts umount "$WL_TMP/other"
	load_stop
	flowd_end "$FLOWD_PID" 2>/dev/null
	judge
	assert_eq "$LABEL: pins" "$(mounts ls "$BPFFS/wireledger")" ""
}

# With less: and what cannot be pinned is not left by who is to leave it
test_unit() {
	begin unit
	start in_unit --keep-attached yes || return
	IDS=$(links)
	load_start
	mounts rm -r "$PINS"
	gone_and_back "pins removed" in_unit --keep-attached yes
	mounts mount -t bpf -o mode=0700 bpf "$BPFFS"
	gone_and_back "mounted over" in_unit --keep-attached yes
	no_bpffs
	wait_until 30 has_note "no bpf file system is mounted there" || fail "$LABEL: no word of it: $(note)"
	load_stop
	flowd_end "$FLOWD_PID" 2>/dev/null
	assert_eq "$LABEL: it does not leave what would not last: $(tail -n 2 "$FLOWD_LOG")" "$FLOWD_RC$(hooks_left)" "0[]"
	mounts mount -t bpf -o mode=0700 bpf "$BPFFS"
	start in_unit || return
	assert_eq "$LABEL: the next one's pins" "$(mounts ls "$PINS" | grep -c '^control$')" 1
	load_start
	wait_ms 500
	load_stop
	flowd_end "$FLOWD_PID" 2>/dev/null
	judge
}

# A user of its own, where bpffs is for root alone, as systemd mounts it: there is no way in but what it has open.
test_user() {
	begin user
	mkdir "$WL_TMP/user" && chown nobody "$WL_TMP/user" && chmod 0755 "$WL_TMP" || return
	WL_DB=$WL_TMP/user/user.db
	start in_mounts --user nobody --keep-attached yes || return
	IDS=$(links)
	load_start
	wait_ms 1500 # several looks
	assert_eq "$LABEL: nothing is gone" "$(note)$(grep -c 'were gone' "$FLOWD_LOG")" 0
	mounts rm "$PINS"/link-* "$PINS/control"
	wait_until 30 again 1 || fail "$LABEL: pins: $(note) $(tail -n 3 "$FLOWD_LOG")"
	mounts rm -r "$PINS"
	wait_until 30 again 2 || fail "$LABEL: the folder: $(note) $(tail -n 3 "$FLOWD_LOG")"
	assert_eq "$LABEL: no word" "$(note)" ""
	flowd_end "$FLOWD_PID" 2>/dev/null
	assert_eq "$LABEL: exit: $(tail -n 2 "$FLOWD_LOG")" "$FLOWD_RC" 0
	start in_mounts --user nobody || return
	assert_match "$LABEL: taken over" "$(cat "$FLOWD_LOG")" "counting, on the maps of a predecessor"
	assert_eq "$LABEL: links of the next one" "$(links)" "$IDS"
	load_stop
	flowd_end "$FLOWD_PID" 2>/dev/null
	judge
}

# --- `ip netns exec` in a mount namespace of the suite's own, whose bpffs is that of process 1 there ----

around_init() {
	mkfifo "$WL_TMP/init"
	unshare -mpf --mount-proc --propagation private bash -c 'while read -r line; do eval "$line"; done' <>"$WL_TMP/init" 2>/dev/null &
	WL_PIDS+=("$!")
	wait_until 10 init_there "$!" || return
	echo "mount -t bpf -o mode=0700 bpf $BPFFS; touch $WL_TMP/mounted" >"$WL_TMP/init"
	wait_until 10 test -e "$WL_TMP/mounted"
}
init_there() {
	MOUNTS=$(pgrep -P "$1") && WL_PIDS+=("$MOUNTS")
}

init_start() {
	FLOWD_N=$((FLOWD_N + 1)) FLOWD_INSTANCE=$WL_INSTANCE FLOWD_DB=$WL_DB FLOWD_LOG=$WL_TMP/$FLOWD_N.log
	rm -f "$WL_TMP/rc"
	echo "{ ip netns exec $NSB $FLOWD --config /dev/null --instance $WL_INSTANCE --db $WL_DB -i vb --sweep 100ms \
		--idle 1s --active 2s --slots 4096 >$FLOWD_LOG 2>&1; echo \$? >$WL_TMP/rc; } &" >"$WL_TMP/init"
	wait_until 60 grep -qs ': counting' "$FLOWD_LOG" || { fail "$LABEL: flowd: $(tail -n 3 "$FLOWD_LOG")"; return 1; }
	FLOWD_PID=$(pgrep -f -- "^$FLOWD .*--instance $WL_INSTANCE ")
}

init_end() { # SIGNAL
	kill "-$1" "$FLOWD_PID"
	wait_until 60 test -s "$WL_TMP/rc" || fail "$LABEL: flowd does not end"
	FLOWD_RC=$(cat "$WL_TMP/rc")
}

test_netns_exec() {
	begin around
	init_start || return
	IDS=$(links)
	assert_eq "$LABEL: pins are outside" "$(mounts ls "$PINS" | grep -c '^control$')" 1
	load_start
	mounts mount -t bpf -o mode=0700 bpf "$BPFFS"
	wait_until 30 again 1 || fail "$LABEL: flowd does not pin again: $(tail -n 3 "$FLOWD_LOG") $(note)"
	assert_eq "$LABEL: links" "$(links)" "$IDS"
	init_end KILL
	init_start || return
	assert_match "$LABEL: taken over" "$(cat "$FLOWD_LOG")" "counting, on the maps of a predecessor"
	mounts rm -r "$BPFFS/wireledger"
	wait_until 30 again 1 || fail "$LABEL: flowd does not pin again: $(tail -n 3 "$FLOWD_LOG") $(note)"
	init_end KILL
	init_start || return
	assert_eq "$LABEL: links of the last one" "$(links)" "$IDS"
	load_stop
	init_end TERM
	judge
}

# A second flowd on the same pins, whose lock file somebody removed; a link in the lock's place, a file in the socket's, a
# journal beside the database that another user put there: refused with a word, and nothing of it touched.
test_in_the_way() {
	local label="in the way" out victim=$WL_TMP/victim lock
	WL_INSTANCE=wl$$-way WL_DB=$WL_TMP/way.db
	lock=/run/wireledger/$WL_INSTANCE.lock
	flowd_start "$NSB" -i vb --sweep 100ms || return
	rm "$lock"
	out=$(in_b "$FLOWD" --config /dev/null --instance "$WL_INSTANCE" --db "$WL_TMP/way2.db" --socket "$WL_TMP/way.sock" -i vb 2>&1)
	assert_eq "$label: a second flowd, exit" "$?" 1
	assert_match "$label: a second flowd" "$out" "instance '$WL_INSTANCE': its pins: another flowd is running on them"
	flowd_stop
	assert_eq "$label: the first, exit" "$FLOWD_RC" 0
	echo precious >"$victim"
	ln -s "$victim" "$lock"
	refused_by "$label: a link" "lock '$lock': is a symbolic link" --db "$WL_DB"
	rm "$lock"
	refused_by "$label: a file for a socket" "socket '$victim': File exists" --db "$WL_DB" --socket "$victim"
	assert_eq "$label: the file" "$(cat "$victim")" precious
	cp "$victim" "$WL_DB-journal"
	chown 65533 "$WL_DB-journal"
	refused_by "$label: a journal" "$WL_DB: beside it is a -journal of user 65533" --db "$WL_DB"
	rm "$WL_DB-journal"
	flowd_start "$NSB" -i vb || return
	flowd_stop
	assert_eq "$label: afterwards, exit" "$FLOWD_RC" 0
	unset WL_INSTANCE WL_DB
}

refused_by() { # LABEL TEXT ARG...
	local label=$1 text=$2 out rc
	shift 2
	out=$(in_b timeout 20 "$FLOWD" --config /dev/null --instance "$WL_INSTANCE" -i vb "$@" 2>&1)
	rc=$?
	assert_eq "$label: exit ($out)" "$rc" 1
	[[ $out == *"$text"* ]] || fail "$label: '$out' does not say '$text'"
}

suite live_pins bpftool tc unshare nsenter setpriv prlimit
net_pair || { fail "no veth pair"; finish; }
ip -n "$NSB" addr flush dev vb
ip -n "$NSA" addr flush dev va
wait_until 5 link_quiet
test_removed
test_not_held
test_half
test_clsact_and_second
test_in_the_way
if fresh_mounts; then
	test_mounted
	fresh_mounts && test_unit
	fresh_mounts && test_user
else
	skip "no mount namespace, or no bpffs in it"
fi
if around_init; then
	test_netns_exec
else
	skip "no process namespace"
fi
finish
