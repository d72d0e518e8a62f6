#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# live_confine.sh: whom flowd runs as, with which capabilities, and what it cannot do any more: by its own tries over
# the control socket (debug = yes), which with confine = no are not refused. And that it does its work so: counts,
# records, filters, is killed and comes back, ends, and leaves nothing; with links, pipes and files in sticky folders
# protected as Debian has it (/usr/lib/sysctl.d/99-protect-links.conf).
# shellcheck source=tests/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

suite live_confine python3
USER_NAME=nobody
chmod 0755 "$WL_TMP"
mkdir "$WL_TMP/db"
net_pair || { fail "no veth pair"; finish; }
serve "$NSB" 8001 || fail "no server"
echo secret >"$WL_TMP/secret"
chmod 0644 "$WL_TMP/secret"

# somebody's service, and what is asked of others: a mode, a connection, a signal
python3 -c 'import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(9); time.sleep(9999)' \
	"$WL_TMP/service" &
WL_PIDS+=("$!")
is_there() { [ -S "$WL_TMP/service" ]; }
wait_until 10 is_there || fail "no service"
chmod 0777 "$WL_TMP/service"
OTHERS=("try-chmod $WL_TMP/secret" "try-connect $WL_TMP/service" "try-signal ${WL_PIDS[-1]}" "try-signal 1")

# try WORDS...: the answer's first word
try() { "$FLOWCTL" --db "$FLOWD_DB" --socket "/run/wireledger/$FLOWD_INSTANCE.sock" debug "$@" 2>&1; }
attempt() { try "$@" | cut -d' ' -f1; }
status() { "$FLOWCTL" --db "$FLOWD_DB" status --json 2>/dev/null | jq -r "$1"; }
in_status() { awk -v what="$1:" '$1 == what { print $2 }' "/proc/$FLOWD_PID/status"; }
threads() { cat "/proc/$FLOWD_PID"/task/*/status | awk -v what="$1:" '$1 == what { print $2 }' | sort -u; }
stored() { [ "$(sql "SELECT count(*) FROM flow" 2>/dev/null)" -gt 0 ]; }
send() { in_a "$WLTRAF" udp -d 10.1.0.2 -p 8001 --size 100 --count "$1" --flows 10 >/dev/null; }
packets() { sql "SELECT ifnull(sum(packets), 0) FROM ($WL_DIRECTED) WHERE d = 1 AND dport = 8001"; }

# folders that other instances share: as they were, in the end
SHARED=(/run/wireledger)
mkdir -p /run/wireledger
mkdir -m 0700 /sys/fs/bpf/wireledger 2>/dev/null
[ ! -d /sys/fs/bpf/wireledger ] || SHARED+=(/sys/fs/bpf/wireledger)
SHARED_WAS=$(stat -c '%g %a %n' "${SHARED[@]}")
PROTECTED_WAS=()
restore() {
	local group mode name was
	cleanup
	for was in "${PROTECTED_WAS[@]}"; do echo "${was##* }" >"${was%% *}"; done
	while read -r group mode name; do
		chgrp "$group" "$name" && chmod "$mode" "$name"
	done <<<"$SHARED_WAS"
}
trap restore EXIT

# protect WHAT LEVEL: of the whole machine, so for the time of the suite; more than that stays
protect() {
	local file=/proc/sys/fs/protected_$1 was
	was=$(cat "$file" 2>/dev/null)
	[ "${was:-$2}" -lt "$2" ] || return 0
	(echo "$2" >"$file") 2>/dev/null || return
	PROTECTED_WAS+=("$file $was")
}
protect hardlinks 1 && protect symlinks 1 && protect fifos 1 && protect regular 2 ||
	skip "fs.protected_*: cannot be written here, fs.protected_regular stays $(cat /proc/sys/fs/protected_regular)"

WL_DB=$WL_TMP/db/l.db
OPTIONS=(-i va --sweep 200ms --idle 500ms --active 1s --debug yes)
CAPS=$(printf '%016x' $((1 << 12 | 1 << 38 | 1 << 39))) # NET_ADMIN, PERFMON, BPF

# --- as root, confined: the default -----------------------------------------------------------------------

flowd_start "$NSA" "${OPTIONS[@]}" || finish
assert_eq "capabilities" "$(threads CapEff)$(threads CapPrm)" "$CAPS$CAPS"
assert_eq "a filter, on every thread" "$(threads Seccomp)" 2
assert_eq "no new privileges" "$(threads NoNewPrivs)" 1
landlock=$(status .flowd.confined.landlock)
[ "$landlock" -gt 0 ] || skip "no Landlock in this kernel"
assert_match "it says so" "$("$FLOWCTL" --db "$FLOWD_DB" status)" "confined  user 0; landlock (ABI [1-9][0-9]*|no), seccomp yes"
assert_match "and in its log" "$(cat "$FLOWD_LOG")" "Landlock|no Landlock"
for words in exec packet-socket ptrace mount fork "${OTHERS[@]}"; do
	# shellcheck disable=SC2086 # words
	assert_eq "confined: $words" "$(attempt $words)" refused
done
assert_eq "its own files' modes" "$(attempt try-chmod "$WL_DB")$(stat -c %a "$WL_DB")" refused640
if [ "$landlock" -gt 0 ]; then
	assert_eq "confined: /etc/shadow" "$(try try-open /etc/shadow)" "refused Permission denied"
	assert_eq "confined: a file of root's" "$(attempt try-open "$WL_TMP/secret")" refused
	assert_eq "confined: another way to it" "$(attempt try-open "/proc/1/root$WL_TMP/secret")" refused
	assert_eq "confined: to write in /etc" "$(attempt try-write "/etc/wl$$")" refused
	assert_eq "confined: to write in /tmp" "$(attempt try-write "/tmp/wl$$.x")" refused
fi
assert_eq "its own folder" "$(attempt try-write "$WL_TMP/db/x")" allowed
assert_eq "/proc" "$(attempt try-open /proc/net/softnet_stat)" allowed
assert_match "words that are none" "$(try nonsense)" "^flowctl: socket '[^']*/$FLOWD_INSTANCE.sock': debug: try-open"
in_a "$FLOWCTL" --db "$FLOWD_DB" sample 1/2 filter 'tcp port 443 or udp' >"$WL_TMP/said" 2>&1 || fail "sample: $(cat "$WL_TMP/said")"
send 1000
wait_until 20 stored || fail "confined: no records"
assert_match "confined: flowctl" "$("$FLOWCTL" --db "$FLOWD_DB" top 2>&1)" "live part included"
flowd_stop "$FLOWD_PID" KILL
send 500
WL_INSTANCE=$FLOWD_INSTANCE
flowd_start "$NSA" "${OPTIONS[@]}" || finish
send 500
flowd_stop
assert_eq "confined: exit" "$FLOWD_RC" 0
assert_eq "confined: every packet" "$(packets)" 2000
assert_books "confined"
assert_eq "confined: pins" "$(ls -d "/sys/fs/bpf/wireledger/$FLOWD_INSTANCE" 2>/dev/null)" ""
unset WL_INSTANCE

# --- not confined: the same tries are not refused, so that they tell something --------------------------------

flowd_start "$NSA" "${OPTIONS[@]}" --confine no || finish
assert_eq "not confined: filter" "$(threads Seccomp)" 0
assert_match "not confined: it says so" "$("$FLOWCTL" --db "$FLOWD_DB" status)" "landlock no, seccomp no; confine = no"
for words in exec fork "try-open $WL_TMP/secret" "try-write $WL_TMP/x" "${OTHERS[@]}"; do
	# shellcheck disable=SC2086 # words
	assert_eq "not confined: $words" "$(attempt $words)" allowed
done
assert_eq "not confined: a mode is put back" "$(stat -c %a "$WL_TMP/secret")" 644
flowd_stop
flowd_start "$NSA" "${OPTIONS[@]}" --confine log || finish
assert_eq "logged only: filter" "$(threads Seccomp)" 2
assert_eq "logged only: exec" "$(attempt exec)" allowed
flowd_stop
flowd_start "$NSA" -i va --sweep 200ms || finish
assert_match "without debug = yes" "$(try exec)" "debug: for root, and with 'debug = yes' alone"
flowd_stop
rm -rf "$WL_TMP"/db/*

# --- as its own user -----------------------------------------------------------------------------------------

uid=$(id -u "$USER_NAME")
gid=$(id -g "$USER_NAME")
chgrp "$gid" "$WL_TMP/db" && chmod 1775 "$WL_TMP/db" # as flowd shares the default one
flowd_start "$NSA" "${OPTIONS[@]}" --user "$USER_NAME" || finish
assert_eq "its user" "$(threads Uid)" "$uid"
assert_eq "its capabilities" "$(threads CapEff)$(threads CapPrm)" "$CAPS$CAPS"
assert_eq "it says whom" "$(status .flowd.confined.uid)" "$uid"
owners() { stat -c %u "$WL_DB" "$WL_DB-wal" "$WL_DB-shm" | sort -u; }
assert_eq "the database's owner" "$(owners)" "$uid"
assert_match "the folder of sockets is shared" "$(stat -c '%u %g %a' /run/wireledger)" "^0 $gid 1[0-7]7[0-7]$"
for words in exec packet-socket ptrace mount fork "try-open /etc/shadow" "try-write /etc/wl$$" "${OTHERS[@]}"; do
	# shellcheck disable=SC2086 # words
	assert_eq "its user: $words" "$(attempt $words)" refused
done
in_a "$FLOWCTL" --db "$FLOWD_DB" sample 1/2 >"$WL_TMP/said" 2>&1 || fail "its user: sample: $(cat "$WL_TMP/said")"
send 1000
wait_until 20 stored || fail "its user: no records"
WL_INSTANCE=$FLOWD_INSTANCE
flowd_stop "$FLOWD_PID" KILL
send 500
flowd_start "$NSA" "${OPTIONS[@]}" --user "$USER_NAME" || finish
send 500
flowd_stop
assert_eq "its user: exit" "$FLOWD_RC" 0
assert_eq "its user: every packet" "$(packets)" 2000
assert_books "its user"
assert_eq "its user: pins" "$(ls -d "/sys/fs/bpf/wireledger/$FLOWD_INSTANCE" 2>/dev/null)" ""
assert_eq "its user: socket" "$(ls "/run/wireledger/$FLOWD_INSTANCE.sock" 2>/dev/null)" ""
assert_eq "its user: hooks" "$(ip -n "$NSA" -j -d link show dev va | jq -r '.[0].xdp.prog.id // empty')" ""
assert_eq "its user: log and index stay" "$(owners)" "$uid"
flowd_start "$NSA" "${OPTIONS[@]}" --user "$USER_NAME" --keep-attached yes || finish
assert_eq "its user: again" "$(threads Uid) $(owners)" "$uid $uid"
flowd_stop "$FLOWD_PID" KILL
in_a "$FLOWCTL" --db "$FLOWD_DB" --instance "$FLOWD_INSTANCE" detach >"$WL_TMP/said" 2>&1 || fail "detached by root afterwards: $(cat "$WL_TMP/said")"
assert_eq "and the database is the user's" "$(owners)" "$uid"
assert_eq "nothing is left" "$(ls -d "/sys/fs/bpf/wireledger/$FLOWD_INSTANCE" 2>/dev/null)" ""
assert_eq "an unknown user" "$(in_b timeout 20 "$FLOWD" --config /dev/null -i vb --instance "wl$$-u" --db "$WL_TMP/u.db" \
	--user no-such 2>&1 | grep -c "user 'no-such': no such user")" 1
assert_eq "and nothing was made" "$(ls "$WL_TMP/u.db" 2>/dev/null)" ""

# --- as the shipped unit starts it: another user from the first, with the unit's capabilities alone -----------

# unit KEY: its value in flowd.service
unit() { sed -n "s/^$1=//p" "$WL_ROOT/flowd/flowd.service"; }

as_unit() {
	local caps
	caps=$(unit AmbientCapabilities | sed 's/CAP_\([A-Z_]*\) */,+\1/g' | tr '[:upper:]' '[:lower:]')
	cat >"$WL_TMP/unit" <<-END
		#!/bin/sh
		exec setpriv --reuid $uid --regid $gid --clear-groups --bounding-set -all$caps \
			--inh-caps -all$caps --ambient-caps -all$caps --no-new-privs "$FLOWD" "\$@"
	END
	chmod 0755 "$WL_TMP/unit"
	# the folders as RuntimeDirectory= and ExecStartPre= make them
	chgrp "$gid" /run/wireledger && chmod 1770 /run/wireledger
	install -d -m 1770 -g "$gid" /sys/fs/bpf/wireledger
	chown "$uid" "$WL_TMP/db" && chmod 0755 "$WL_TMP/db"
}

assert_eq "the unit's capabilities" "$(unit CapabilityBoundingSet)" "$(unit AmbientCapabilities)"
if ! mountpoint -q /sys/fs/bpf; then
	skip "no bpffs on this host"
	finish
fi
as_unit
rm -rf "$WL_TMP"/db/*
unset WL_INSTANCE
FLOWD_WAS=$FLOWD
FLOWD=$WL_TMP/unit
# without a mount namespace of its own, which would hide the bpffs from who may not look for it
ip() {
	if [ "$1 $2" = "netns exec" ] && [ "$4" = "$FLOWD" ]; then
		local name=$3
		shift 3
		exec nsenter --net="/run/netns/$name" "$@"
	fi
	command ip "$@"
}
if flowd_start "$NSA" "${OPTIONS[@]}" --keep-attached yes; then
	assert_eq "the unit: user" "$(threads Uid)" "$uid"
	assert_eq "the unit: capabilities" "$(threads CapEff)$(threads CapPrm)" "$CAPS$CAPS"
	assert_eq "the unit: the database's owner" "$(stat -c %u "$WL_DB")" "$uid"
	for words in exec packet-socket "try-open /etc/shadow" "try-write /etc/wl$$" "${OTHERS[@]}"; do
		# shellcheck disable=SC2086 # words
		assert_eq "the unit: $words" "$(attempt $words)" refused
	done
	send 1000
	wait_until 20 stored || fail "the unit: no records"
	WL_INSTANCE=$FLOWD_INSTANCE
	flowd_stop "$FLOWD_PID" KILL
	send 500
	if flowd_start "$NSA" "${OPTIONS[@]}"; then
		send 500
		flowd_stop
		assert_eq "the unit: exit" "$FLOWD_RC" 0
		assert_eq "the unit: every packet" "$(packets)" 2000
		assert_books "the unit"
		assert_eq "the unit: pins" "$(ls -d "/sys/fs/bpf/wireledger/$FLOWD_INSTANCE" 2>/dev/null)" ""
	fi
fi
FLOWD=$FLOWD_WAS
finish
