#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli_doctor.sh: flowctl doctor: each check that can be is seen both ways, and the command that it names
# mends what it says. What is taken away is taken away in a mount, process and network namespace of the
# test's own; the host stays as it is, which the doctor promises, too.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"

suite cli-doctor setpriv unshare tc mount findmnt
built "$FLOWCTL"
chmod 755 "$WL_TMP"
install -m 755 "$FLOWCTL" "$WL_TMP/flowctl" # where nobody can run it
export DOCTOR="$WL_TMP/flowctl" WL_TMP

# doctor ARG...: its findings in $WL_TMP/found, the exit code in RC
doctor() {
	"${VIA[@]}" "$DOCTOR" --db "$WL_TMP/d.db" doctor --json "$@" >"$WL_TMP/found" 2>"$WL_TMP/err"
	RC=$?
}
VIA=()

# the result, or another member, of a check of the host or of an interface
of() { jq -r --arg check "$1" --arg iface "${2:-}" \
	'select(.check == $check and (.iface // "") == $iface) | '"${3:-.result}" "$WL_TMP/found"; }
mend_of() { of "$1" "${2:-}" .mend; }

# found LABEL CHECK RESULT [IFACE]
found() { assert_eq "$1: $2" "$(of "$2" "${4:-}")" "$3"; }

# In namespaces of their own COMMANDS take something away, then the doctor is asked: its exit code in RC.
# taken LABEL CHECK RESULT COMMANDS [mend]: and asked once more after its own command for CHECK was run
# there: AFTER is what it finds then, RC_AFTER its exit code
taken() {
	unshare --mount --pid --fork --mount-proc bash -c '
		eval "$1"
		ask() { ${AS:-} "$DOCTOR" --db "${DOCTOR_DB:-$WL_TMP/d.db}" doctor --json; }
		ask >"$WL_TMP/found"
		echo $? >"$WL_TMP/rc"
		[ "$2" = mend ] || exit 0
		eval "$(jq -r --arg check "$3" "select(.check == \$check).mend" "$WL_TMP/found")"
		ask >"$WL_TMP/after"
		echo $? >"$WL_TMP/rc.after"' sh "$4" "${5:-}" "$2" >"$WL_TMP/said" 2>&1 || fail "$1: $(cat "$WL_TMP/said")"
	found "$1" "$2" "$3"
	RC=$(cat "$WL_TMP/rc")
	[ -n "${5:-}" ] || return
	AFTER=$(jq -r --arg check "$2" 'select(.check == $check).result' "$WL_TMP/after")
	RC_AFTER=$(cat "$WL_TMP/rc.after")
}

# --- the whole of it ------------------------------------------------------------------------------

net_pair || { fail "no veth pair"; finish; }
VIA=(ip netns exec "$NSB")
links=$(ip -n "$NSB" -d link)
doctor -i vb
assert_eq "root: exit" "$RC:$(cat "$WL_TMP/err")" 0:
assert_eq "each finding is an object" "$(jq -s 'all(.v == 1 and .check and .detail and has("mend") and
	([.result] | inside(["ok", "degraded", "missing", "unknown"])))' "$WL_TMP/found")" true
assert_eq "each of the checks" "$(jq -rs 'map(.check) | sort | join(" ")' "$WL_TMP/found")" \
	"bpf bpffs btf capabilities clock clsact database dispatcher events flowd helpers jit kernel landlock link maps memory mtu native neighbours offloads rxvlan seccomp service symbols tcx xdp"
for check in capabilities bpf maps helpers bpffs; do found "root" "$check" ok; done
for check in link native mtu offloads rxvlan neighbours; do found "veth" "$check" ok vb; done
assert_match "hidden by ip netns exec" "$(of bpffs '' .detail)" "pins in /proc/[0-9]+/root/sys/fs/bpf"
assert_eq "nothing is changed: links" "$(ip -n "$NSB" -d link)" "$links"
assert_eq "nothing is changed: qdiscs" "$(in_b tc qdisc show dev vb | grep -c clsact)" 0
text=$("${VIA[@]}" "$DOCTOR" --db "$WL_TMP/d.db" doctor -i vb)
assert_match "text: a line each" "$text" $'\nok +capabilities +CAP_BPF'
assert_match "text: what is what" "$text" $'flowd works on this host: [0-9]+ ok, [0-9]+ degraded, 0 missing, [0-9]+ unknown$'
assert_eq "CSV" "$("${VIA[@]}" "$DOCTOR" doctor --csv -i vb 2>&1 | head -n 1 | tr -d '\r')" "v,check,iface,result,detail,mend"

# --- by whom --------------------------------------------------------------------------------------

VIA=(setpriv --reuid 65534 --regid 65534 --clear-groups)
doctor -i lo
assert_eq "nobody: exit" "$RC" 1
found "nobody" capabilities missing
assert_match "nobody: what is not there" "$(of capabilities '' .detail)" 'no CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON:'
assert_eq "nobody: mend" "$(mend_of capabilities)" "sudo flowctl doctor"
for check in bpf maps helpers tcx clsact xdp dispatcher; do found "nobody" "$check" unknown; done
for check in kernel btf seccomp; do found "nobody" "$check" ok; done
VIA=(setpriv --bounding-set=-bpf)
doctor
assert_eq "without CAP_BPF: exit" "$RC" 1
found "without CAP_BPF" capabilities missing
assert_match "without CAP_BPF: what is not there" "$(of capabilities '' .detail)" 'has no CAP_BPF:'
assert_match "without CAP_BPF: mend" "$(mend_of capabilities)" '--cap-add BPF'
VIA=(setpriv "--bounding-set=-all,+bpf,+net_admin,+perfmon")
doctor
found "the three alone" capabilities ok
found "the three alone" bpf ok
found "the three alone" tcx unknown

# --- what is missing, and mended ------------------------------------------------------------------

VIA=()
taken "no bpffs" bpffs missing 'umount -l /sys/fs/bpf' mend
assert_eq "no bpffs: exit, and after its command" "$RC $AFTER $RC_AFTER" "1 ok 0"
assert_eq "no bpffs: its command" "$(mend_of bpffs)" "mount -t bpf -o mode=0700 bpf /sys/fs/bpf"
taken "bpffs read-only" bpffs missing 'umount -l /sys/fs/bpf; mount -t bpf -o ro bpf /sys/fs/bpf' mend
assert_eq "bpffs read-only: exit, and after its command" "$RC $AFTER $RC_AFTER" "1 ok 0"
taken "no BTF" btf degraded 'mount -t tmpfs none /sys/kernel/btf'
assert_match "no BTF: its command" "$(mend_of btf)" '^apt-get install linux-image'
taken "no folder" database missing "DOCTOR_DB=$WL_TMP/new/l.db" mend
assert_eq "no folder: exit, and after its command" "$RC $AFTER $RC_AFTER $(stat -c %a "$WL_TMP/new")" "1 ok 0 750"
odd="$WL_TMP/new \$(false) it's; false"
taken "a folder's odd name" database missing "DOCTOR_DB=$(printf %q "$odd/l.db")" mend
assert_eq "a folder's odd name: after its command" "$AFTER $RC_AFTER $(stat -c %a "$odd")" "ok 0 750"
mkdir "$WL_TMP/disk"
taken "read-only disk" database missing \
	"mount -t tmpfs -o ro,size=16M none $WL_TMP/disk; DOCTOR_DB=$WL_TMP/disk/l.db" mend
assert_eq "read-only disk: after its command it is but memory" "$AFTER $RC_AFTER" "degraded 0"
taken "full disk" database degraded \
	"mount -t tmpfs -o size=2M none $WL_TMP/disk; head -c 2000K /dev/zero >$WL_TMP/disk/f; DOCTOR_DB=$WL_TMP/disk/l.db"
assert_match "full disk: says so" "$(of database '' .detail)" ' 0 MB and [0-9]+ files free'
sed 's/^MemAvailable:.*/MemAvailable: 120000 kB/' /proc/meminfo >"$WL_TMP/meminfo"
taken "little memory" memory degraded "mount --bind $WL_TMP/meminfo /proc/meminfo"
assert_match "little memory: fewer slots" "$(mend_of memory)" '^flowd .*--slots [0-9]+'
echo 0 >"$WL_TMP/off"
taken "no JIT, as nobody sees it" jit degraded "mount --bind $WL_TMP/off /proc/sys/net/core/bpf_jit_enable
	sysctl() { umount /proc/sys/net/core/bpf_jit_enable; }
	AS='setpriv --reuid 65534 --regid 65534 --clear-groups'" mend
assert_eq "no JIT: its command" "$(mend_of jit) $AFTER" "sysctl -w net.core.bpf_jit_enable=1 ok"
taken "no seccomp" seccomp degraded 'mount -t tmpfs none /proc/sys/kernel/seccomp'

# --- interfaces -----------------------------------------------------------------------------------

VIA=(ip netns exec "$NSB")
doctor -i nosuch0 -i vb
assert_eq "no such interface: exit" "$RC" 1
found "no such interface" link missing nosuch0
found "no such interface: the other one" link ok vb

# mended LABEL CHECK IFACE: by its own command
mended() {
	found "$1" "$2" degraded "$3"
	in_b bash -c "$(mend_of "$2" "$3")" || fail "$1: $(mend_of "$2" "$3")"
	doctor -i "$3"
	found "$1, mended" "$2" ok "$3"
}
ip -n "$NSB" link set vb down
doctor -i vb
mended "down" link vb
for name in 'a;false' "b'\$(c)&" 'e|~x'; do
	ip -n "$NSB" link add "$name" type veth
	doctor -i "$name"
	assert_match "an odd name: its command" "$(mend_of link "$name")" "^ip link set dev '.*' up$"
	mended "down, an odd name" link "$name"
done
in_b ethtool -K vb rxvlan on
doctor -i vb
mended "rxvlan" rxvlan vb
ip -n "$NSB" tuntap add dev tap0 mode tap
ip -n "$NSB" link set tap0 mtu 9000
doctor -i tap0
if [ "$(of native tap0)" = ok ]; then
	mended "jumbo frames" mtu tap0
	assert_eq "jumbo frames: what is left of them" "$(ip -n "$NSB" -j link show tap0 | jq '.[0].mtu')" 3498
else
	skip "tap: $(of native tap0 .detail)"
fi
doctor -i vb --try
assert_match "tried: veth" "$(of native vb) $(of native vb .detail)" '^ok .*tried'
assert_eq "tried: nothing is left" "$(ip -n "$NSB" -j link show vb | jq -r '.[0].xdp.prog.id // "none"')" none
doctor -i lo --try
assert_match "tried: lo, the kernel's word" "$(of native lo) $(of native lo .detail)" '^degraded .*not support'
ctl_usage=$("$DOCTOR" doctor --try 2>&1)
assert_eq "tried: of which?" "$? $ctl_usage" "2 flowctl: --try: of which interface? -i NAME"

# Somebody's XDP program: flowd counts by TC, as the doctor says, and without a word by its command.
if in_b ip link set dev vb xdpgeneric obj "$WL_BUILD/tests/bystander.bpf.o" sec xdp 2>/dev/null; then
	doctor -i vb
	assert_eq "a foreign program: exit" "$RC" 0
	found "a foreign program" neighbours degraded vb
	assert_match "a foreign program: its name" "$(of neighbours vb .detail)" "'bystander'.* generic mode"
	flowd_start "$NSB" -i vb && flowd_stop
	assert_match "a foreign program: flowd says" "$(cat "$FLOWD_LOG")" "'bystander'.*ingress by TC"
	read -ra words <<<"$(mend_of neighbours vb)"
	flowd_start "$NSB" "${words[@]:1}" && flowd_stop
	assert_eq "a foreign program: without a word" "$(grep -c bystander "$FLOWD_LOG")" 0
	ip -n "$NSB" link set dev vb xdpgeneric off
else
	fail "no foreign XDP program to be had"
fi
doctor -i vb
found "the foreign program is gone" neighbours ok vb

# --- flowd that runs ------------------------------------------------------------------------------

if flowd_start "$NSB" -i vb; then
	VIA=(ip netns exec "$NSB")
	doctor -i vb --instance "$FLOWD_INSTANCE"
	found "running" flowd ok
	assert_match "running: whose hooks" "$(of neighbours vb) $(of neighbours vb .detail)" "^ok .*'$FLOWD_INSTANCE'"
	socket=/run/wireledger/$FLOWD_INSTANCE.sock
	chgrp daemon "$socket"
	VIA=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	doctor --instance "$FLOWD_INSTANCE"
	found "for a group alone" flowd degraded
	assert_eq "for a group alone: its command" "$(mend_of flowd)" "usermod -aG daemon nobody"
	flowd_stop
fi
VIA=()
doctor --instance "$FLOWD_INSTANCE"
found "stopped" flowd degraded

# Its own command starts one that counts where it was asked of
answers() {
	doctor -i vb --instance "$FLOWD_INSTANCE"
	[ "$(of flowd)" = ok ]
}
if [ -d /run/systemd/system ]; then
	assert_eq "stopped: its command" "$(mend_of flowd)" "systemctl start flowd@$FLOWD_INSTANCE"
else
	VIA=(ip netns exec "$NSB")
	doctor -i vb --instance "$FLOWD_INSTANCE"
	command=$(mend_of flowd)
	assert_match "stopped: its command" "$command" "^flowd .*-i vb"
	# shellcheck disable=SC2086 # words
	PATH=$WL_BUILD/bin:$PATH ip netns exec "$NSB" $command >"$WL_TMP/said" 2>&1 &
	WL_PIDS+=("$!")
	wait_until 40 answers && pass || fail "stopped: after '$command': $(tail -n 2 "$WL_TMP/said")"
	in_b "$FLOWCTL" --db "$WL_TMP/d.db" detach >/dev/null
	VIA=()
fi

# what it loads to find out
none_left() { ! bpftool prog show 2>/dev/null | grep -q 'name doctor '; }
wait_until 10 none_left || fail "programs are left: $(bpftool prog show | grep 'name doctor ')"
finish
