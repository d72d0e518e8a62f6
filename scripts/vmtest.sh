#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# vmtest.sh [PACKAGE]: flowd on another kernel than this machine's: Debian 12's own 6.1, which has no
# tcx and takes libxdp's dispatcher, in QEMU without KVM.
#
# PACKAGE is a linux-image package that apt knows (default: linux-image-cloud-amd64). It is fetched
# and unpacked under build/vm, never installed. The guest is an initramfs: busybox, bash, ip, our
# binaries, libxdp's BPF objects; process 1 in it is this script. `scripts/deps.sh vm` installs what
# it takes, `make all test-tools` builds it. Slow (a minute or more), so scripts/check.sh does not run it.
#
#   VM_TIMEOUT=300      seconds, then the guest is given up
#   VM_VMLINUZ=FILE VM_MODULES=DIR    a kernel that is there already, and its lib/modules/VERSION
#   VM_KEEP=1           show the guest's console
#   VM_PUT="FILE ..." VM_SUITE=COMMANDS   more programs in the guest's path, and what to run instead
#
# Ends with "vmtest: N passed, N failed, N skipped".

set -u
PACKAGE=${1:-linux-image-cloud-amd64}
LIMIT=${VM_TIMEOUT:-300}
passed=0 failed=0 skipped=0

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAIL vmtest: $*"; }
skip() { skipped=$((skipped + 1)); echo "SKIP ($*)"; }
say() { echo "     vmtest: $*"; }
finish() {
	echo "vmtest: $passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
	exit
}
eq() { # LABEL GOT WANT
	if [ "$2" = "$3" ]; then pass; else fail "$1: got '$2', wanted '$3'"; fi
}
match() { # LABEL TEXT REGEX
	if [[ $2 =~ $3 ]]; then pass; else fail "$1: '$2' does not match '$3'"; fi
}
wait_until() { # SECONDS COMMAND...
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}

# --- in the guest ---------------------------------------------------------------------------------
#
#   namespace A: va 10.1.0.1 fd00:1::1   <-->   namespace B: vb 10.1.0.2 fd00:1::2, flowd
#
# What va sent is what vb's ingress must have seen, what vb sent its egress, to the byte: the
# devices' own counters are the judge.

DB=/tmp/ledger.db
LOG=/tmp/flowd.log
PIN=/sys/fs/bpf/wireledger/default

in_a() { ip netns exec A "$@"; }
IN_B="nsenter --net=/run/netns/B" # with the host's /sys, as a service has it
in_b() { $IN_B "$@"; }
sql() { sqlite3 -readonly -cmd '.timeout 5000' "$DB" "$1"; }
gone() { ! kill -0 "$1" 2>/dev/null; }
xdp_on() { ip -n B -j -d link show dev vb | jq -r '.[0].xdp.prog.name // .[0].xdp.prog.id // empty'; }
filters() { in_b tc filter show dev vb egress; in_b tc filter show dev vb ingress; }
clsact() { in_b tc qdisc show dev vb | grep -c clsact; }
# what hangs in the bpffs; libxdp keeps its lock's folder
pins() { find /sys/fs/bpf -mindepth 1 ! -path /sys/fs/bpf/xdp ! -name '*.debug' | sort | xargs; }
# NETNS DEVICE: packets|bytes. While XDP is on the other end veth counts 14 bytes less a packet.
sent() {
	ip -n "$1" -s -j link show dev "$2" | jq -r '.[0].stats64.tx | "\(.packets)|\(.bytes)"'
}
to_xdp() { echo "${1%|*}|$((${1#*|} + 14 * ${1%|*}))"; }
minus() { echo "$((${1%|*} - ${2%|*}))|$((${1#*|} - ${2#*|}))"; } # of two such pairs
seen() {
	sql "SELECT ifnull(sum(seen_packets), 0), ifnull(sum(seen_bytes), 0) FROM books_sum WHERE dir = $1"
}

guest_mount() {
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp
	/bin/busybox --install -s /bin
	mount -t proc proc /proc
	mount -t sysfs sys /sys
	mount -t devtmpfs dev /dev
	mount -t tmpfs tmp /tmp
	mount -t tmpfs run /run
	mount -t bpf bpf /sys/fs/bpf
	ln -s /proc/self/fd /dev/fd
	for module in $MODULES_WANTED; do modprobe -q "$module"; done
}

# Nobody speaks but the test: no ARP, no link-local address, no multicast group to report.
guest_end() { # NETNS DEVICE HOST-NUMBER PEER-NUMBER
	local address
	ip -n "$1" link set "$2" addrgenmode none arp off
	ip netns exec "$1" sysctl -qw "net.ipv6.conf.$2.accept_dad=0" "net.ipv6.conf.$2.accept_ra=0" \
		"net.ipv6.conf.$2.router_solicitations=0"
	ip -n "$1" link set lo up
	ip -n "$1" link set "$2" up
	ip -n "$1" addr add "10.1.0.$3/24" dev "$2"
	ip -n "$1" addr add "fd00:1::$3/64" dev "$2" nodad
	for address in "10.1.0.$4" "fd00:1::$4"; do
		ip -n "$1" neigh replace "$address" lladdr "02:00:00:00:0a:0$4" dev "$2" nud permanent
	done
}

guest_net() {
	ip netns add A
	ip netns add B
	ip link add va netns A address 02:00:00:00:0a:01 type veth \
		peer name vb netns B address 02:00:00:00:0a:02 || return
	guest_end A va 1 2
	guest_end B vb 2 1
	wait_until 20 quiet
}

# flowd_up VIA ARG...: VIA is $IN_B or "ip netns exec B" (which hides /sys/fs/bpf); $PID, $LOG
flowd_up() {
	local via=$1
	shift
	: >"$LOG"
	$via flowd -i vb --config /dev/null --db "$DB" --sweep 200ms --slots 4096 --ring 1M "$@" >>"$LOG" 2>&1 &
	PID=$!
	wait_until 60 flowd_ready && ! gone "$PID" && return
	fail "flowd did not come up: $(tail -n 5 "$LOG")"
	return 1
}
# shellcheck disable=SC2317
flowd_ready() { gone "$PID" || grep -q ': counting' "$LOG"; }
flowd_down() { # SIGNAL: RC
	kill "-$1" "$PID"
	wait_until 60 gone "$PID" || fail "flowd does not end by SIG$1"
	wait "$PID"
	RC=$?
} 2>/dev/null

traffic() {
	in_a ping -q -c 20 -i 0.02 10.1.0.2
	in_a ping -q -c 5 -i 0.02 -s 8000 10.1.0.2 # six fragments each way
	in_a ping -q -c 10 -i 0.02 fd00:1::2
	in_a ping -q -c 5 -i 0.02 -s 4000 fd00:1::2
	in_a bash -c 'for _ in {1..50}; do echo x >/dev/udp/10.1.0.2/9; done'
	in_a bash -c 'for _ in {1..50}; do echo x >/dev/udp/fd00:1::2/9; done'
	in_a bash -c 'echo hello >/dev/tcp/10.1.0.2/9' # refused
} >/dev/null 2>&1

# Nothing more is sent on the pair for a while.
quiet() {
	local before
	before=$(sent A va)$(sent B vb)
	sleep 0.5
	[ "$before" = "$(sent A va)$(sent B vb)" ]
}

books() { # LABEL: after flowd's end
	eq "$1: seen and recorded" "$(sql "SELECT iface, dir, seen_packets, recorded_packets FROM books_sum
		WHERE seen_packets != recorded_packets OR seen_bytes != recorded_bytes")" ""
	eq "$1: unaccounted" "$(sql "SELECT count(*) FROM ledger
		WHERE unaccounted_packets != 0 OR unaccounted_bytes != 0")" 0
}

nothing_left() { # LABEL [XDP]: XDP is what may be there, a neighbour's dispatcher
	eq "$1: processes" "$(cat /proc/[0-9]*/comm | grep flowd)" ""
	eq "$1: the XDP program" "$(xdp_on)" "${2:-}"
	eq "$1: filters" "$(filters)" ""
	eq "$1: our clsact qdisc" "$(clsact)" 0
	[ -n "${2:-}" ] || eq "$1: pins" "$(pins)" "/sys/fs/bpf/wireledger"
	[ -d "$PIN" ] && fail "$1: $PIN is still there"
}

attached_as() { # LABEL
	say "$1: $(grep -o 'ingress by .*' "$LOG")"
	if [ "$HAVE_TCX" = yes ]; then
		match "$1: egress" "$(cat "$LOG")" 'egress by tcx'
	else
		match "$1: egress" "$(cat "$LOG")" 'egress by clsact'
	fi
	match "$1: ingress" "$(cat "$LOG")" 'ingress by xdp-native'
}

guest_books() {
	local a b
	quiet
	a=$(sent A va) b=$(sent B vb)
	flowd_up "$IN_B" || return
	attached_as "fresh"
	match "fresh: dispatcher" "$(grep -o 'ingress by [^,]*' "$LOG") $(xdp_on)" 'dispatcher'
	traffic
	wait_until 20 quiet
	say "$(in_b flowctl --db "$DB" status 2>&1 | head -n 40)"
	eq "flowctl status --json is JSON" "$(flowctl --db "$DB" status --json | jq -s 'length > 0')" true
	eq "flowctl flows --json" "$(flowctl --db "$DB" flows -n 0 --json 2>/dev/null |
		jq -s 'map(.packets + .rev_packets) | add')" \
		"$(($(minus "$(sent A va)" "$a" | cut -d'|' -f1) + $(minus "$(sent B vb)" "$b" | cut -d'|' -f1)))"
	flowd_down TERM
	eq "fresh: exit" "$RC" 0
	eq "fresh: ingress, packets|bytes" "$(seen 0)" "$(to_xdp "$(minus "$(sent A va)" "$a")")"
	eq "fresh: egress, packets|bytes" "$(seen 1)" "$(minus "$(sent B vb)" "$b")"
	say "seen in $(seen 0), out $(seen 1) packets|bytes"
	match "fragments" "$(sql "SELECT count(*) FROM flow_plain WHERE marks & 1")" '^[0-9]+$'
	books "fresh"
	nothing_left "fresh"
}

# What the kernel says: datagrams to a port where nobody listens, and a connection that ends.
# Datagrams for a socket in B that nobody reads: more than it has room for.
full_socket() {
	$IN_B wltraf serve -p 9997 >/tmp/serve &
	wait_until 10 grep -qs ready /tmp/serve || fail "wltraf serve"
	kill -STOP "$!"
	in_a bash -c 'exec 3>/dev/udp/10.1.0.2/9997; for ((i = 0; i < 700; i++)); do echo "$i" >&3; done'
	kill -KILL "$!"
}

guest_events() {
	local i rcvbuf
	rm -f "$DB"*
	flowd_up "$IN_B" --drops-sample yes || return
	match "events: tracepoints" "$(cat "$LOG")" 'kernel events: (6 of 6|7 of 7) tracepoints'
	for i in 1 2 3 4 5 6 7; do
		in_a bash -c "echo $i >/dev/udp/10.1.0.2/9999"
	done
	in_a bash -c 'exec 3<>/dev/tcp/10.1.0.2/9998' 2>/dev/null
	full_socket
	quiet
	eq "events: drops, by reason" "$(flowctl --db "$DB" drops --json 'udp port 9999' 2>/dev/null |
		jq -r 'select(.source == "trace") | "\(.reason) \(.packets)"')" "NO_SOCKET 7"
	match "events: a reset" "$(flowctl --db "$DB" flows --json 'tcp port 9998' 2>/dev/null)" '"rev_resets":1'
	flowd_down TERM
	eq "events: stored" "$(sql "SELECT sum(packets) FROM event_text WHERE what = 'drop' AND dport = 9999")" 7
	rcvbuf=$(in_b awk '/^Udp:/ && $6 ~ /[0-9]/ { print $6 }' /proc/net/snmp)
	match "events: a full socket drops" "$rcvbuf" '^[1-9][0-9]*$'
	eq "events: a full socket" "$(sql "SELECT sum(packets) FROM event_text WHERE reason = 'SOCKET_RCVBUFF' AND
		dport = 9997 AND dst = '10.1.0.2' AND dir = 'ingress' AND device = 'vb'")" "$rcvbuf"
	eq "events: samples of drops, as counted" \
		"$(sql "SELECT reason, place, dport, sum(packets), count(*) FROM sample_text WHERE why = 'drop' GROUP BY 1, 2, 3")" \
		"$(sql "SELECT reason, place, dport, sum(packets), sum(skbs) FROM event_text WHERE what = 'drop' GROUP BY 1, 2, 3")"
	eq "events: their bytes" "$(sql "SELECT group_concat(hex(substr(frame, 43)))
		FROM (SELECT frame FROM sample WHERE dport = 9999 ORDER BY id)")" 310A,320A,330A,340A,350A,360A,370A
	match "events: a place" "$(sql "SELECT place FROM event_text WHERE dport = 9999")" '^__udp4_lib_rcv'
	nothing_left "events"
}

# Killed and followed, in turn with and without `ip netns exec`, under a flood; and once while nobody
# is there.
guest_takeover() {
	local a b i via flood
	rm -f "$DB"*
	quiet
	a=$(sent A va) b=$(sent B vb)
	flowd_up "$IN_B" || return
	in_a ping -f -q -w 12 10.1.0.2 >/tmp/flood 2>&1 &
	flood=$!
	for i in 1 2 3; do
		sleep 0.$((RANDOM % 9 + 1))
		flowd_down KILL
		via=$IN_B
		[ "$i" = 2 ] && via="ip netns exec B"
		flowd_up "$via" || return
		match "kill $i: takes over" "$(cat "$LOG")" 'on the maps of a predecessor'
		attached_as "kill $i"
	done
	wait "$flood"
	flowd_down KILL
	traffic
	flowd_up "$IN_B" || return
	wait_until 20 quiet
	flowd_down TERM
	eq "takeover: exit" "$RC" 0
	eq "takeover: ingress, packets|bytes" "$(seen 0)" "$(to_xdp "$(minus "$(sent A va)" "$a")")"
	eq "takeover: egress, packets|bytes" "$(seen 1)" "$(minus "$(sent B vb)" "$b")"
	say "takeover: seen in $(seen 0), out $(seen 1) packets|bytes, $(tail -n 2 /tmp/flood | head -n 1)"
	books "takeover"
	nothing_left "takeover"
	flowd_up "$IN_B" || return
	flowd_down KILL
	in_b flowd --detach --config /dev/null --db "$DB" >"$LOG" 2>&1
	eq "detach of a killed one: exit" "$?" 0
	nothing_left "detach of a killed one"
}

programs() { in_b xdp-loader status vb 2>&1; }

# Somebody else's program in the dispatcher: there before flowd, then joining after it.
guest_neighbour() {
	local a
	if ! command -v xdp-loader >/dev/null || [ ! -f /bystander.bpf.o ]; then
		skip "no xdp-loader or no build/tests/bystander.bpf.o: nobody else in the dispatcher"
		return
	fi
	rm -f "$DB"*
	in_b xdp-loader load -m native vb /bystander.bpf.o
	match "neighbour first: loaded" "$(programs)" bystander
	a=$(sent A va)
	flowd_up "$IN_B" || return
	attached_as "neighbour first"
	match "neighbour first: both are there" "$(programs)" 'flow_xdp.*bystander'
	traffic
	wait_until 20 quiet
	flowd_down TERM
	eq "neighbour first: ingress" "$(seen 0)" "$(to_xdp "$(minus "$(sent A va)" "$a")")"
	books "neighbour first"
	match "neighbour first: it stays" "$(programs)" bystander
	[[ $(programs) =~ flow_xdp ]] && fail "neighbour first: ours is there yet: $(programs)"
	nothing_left "neighbour first" "$(xdp_on)"
	in_b xdp-loader unload --all vb
	rm -f "$DB"*
	quiet
	a=$(sent A va)
	flowd_up "$IN_B" || return
	in_b xdp-loader load -m native vb /bystander.bpf.o
	match "neighbour second: both are there" "$(programs)" 'flow_xdp.*bystander'
	traffic
	flowd_down KILL
	flowd_up "$IN_B" || return
	wait_until 20 quiet
	flowd_down TERM
	eq "neighbour second: ingress" "$(seen 0)" "$(to_xdp "$(minus "$(sent A va)" "$a")")"
	match "neighbour second: it stays" "$(programs)" bystander
	[[ $(programs) =~ flow_xdp ]] && fail "neighbour second: ours is there yet: $(programs) $(cat "$LOG")"
	nothing_left "neighbour second" "$(xdp_on)"
	in_b xdp-loader unload --all vb
}

guest() {
	guest_mount
	# shellcheck disable=SC1091 # written by the host's half
	. /vmtest.conf
	echo "     vmtest: Linux $(uname -r), up after $(cut -d' ' -f1 /proc/uptime) s"
	guest_net || { fail "no veth pair"; finish; }
	if [ -n "$SUITE" ]; then
		eval "$SUITE"
	else
		guest_books
		guest_events
		guest_takeover
		guest_neighbour
	fi
	finish
}

MODULES_WANTED="veth sch_ingress cls_bpf"

if [ $$ = 1 ]; then
	(guest) 2>&1 | /bin/busybox sed 's/^/@ /'
	echo o >/proc/sysrq-trigger
	sleep 60
fi

# --- on the host ----------------------------------------------------------------------------------

cd "$(dirname "$0")/.." || exit 1
BUILD=$(realpath -m "${WL_BUILD:-build}")
VM=$BUILD/vm
ROOT=$VM/root

# fetch PACKAGE: unpacked in $VM/PACKAGE, once
fetch() {
	local dir=$VM/$1
	[ -d "$dir" ] && return
	rm -rf "$dir.new"
	mkdir -p "$dir.new/deb" || return
	(cd "$dir.new/deb" && apt-get download "$1" >../apt.log 2>&1) &&
		dpkg -x "$dir.new"/deb/*.deb "$dir.new" && rm -r "$dir.new/deb" && mv "$dir.new" "$dir"
}

# The image that a meta package means, or the package itself.
real_package() {
	local real
	real=$(apt-cache depends --important "$1" 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
	echo "${real:-$1}"
}

get_kernel() {
	local package
	VMLINUZ=${VM_VMLINUZ:-}
	MODULES=${VM_MODULES:-}
	[ -n "$VMLINUZ" ] && return
	package=$(real_package "$PACKAGE")
	if ! fetch "$package"; then
		skip "$package: $(tail -n 1 "$VM/$package.new/apt.log" 2>/dev/null): no kernel (apt-get update?)"
		return 1
	fi
	VMLINUZ=$(find "$VM/$package/boot" -name 'vmlinuz-*' | head -n 1)
	MODULES=$(find "$VM/$package/lib/modules" "$VM/$package/usr/lib/modules" \
		-mindepth 1 -maxdepth 1 2>/dev/null | head -n 1)
}

# put FILE [DESTINATION]: into the initramfs with the libraries it is linked with
put() {
	local from to lib
	from=$(readlink -f "$1")
	to=$ROOT/${2:-usr/bin/${1##*/}}
	install -D "$from" "$to"
	for lib in $(ldd "$from" 2>/dev/null | grep -o '/[^ ]*'); do
		[ -e "$ROOT$lib" ] || install -D "$(readlink -f "$lib")" "$ROOT$lib"
	done
}

# The modules that the guest wants and those that these depend on.
put_modules() {
	local release name file dep
	release=${MODULES##*/}
	for name in $MODULES_WANTED; do
		file=$(find "$MODULES" -name "$name.ko*" | head -n 1)
		[ -n "$file" ] && put_module "$file"
	done
	for dep in modules.builtin modules.builtin.modinfo modules.order; do
		[ -e "$MODULES/$dep" ] && install -D "$MODULES/$dep" "$ROOT/lib/modules/$release/$dep"
	done
	depmod -b "$ROOT" "$release"
}

put_module() {
	local dep to
	to=$ROOT/lib/modules/${MODULES##*/}${1#"$MODULES"}
	[ -e "$to" ] && return
	install -D "$1" "$to"
	for dep in $(modinfo -F depends "$1" | tr , ' '); do
		dep=$(find "$MODULES" -name "${dep//[-_]/[-_]}.ko*" | head -n 1)
		[ -n "$dep" ] && put_module "$dep"
	done
}

put_all() {
	local tool object
	rm -rf "$ROOT"
	mkdir -p "$ROOT"/{proc,sys,dev,tmp,run,bin,etc}
	install /bin/busybox "$ROOT/bin/busybox"
	put /bin/bash bin/bash
	for tool in ip tc ping jq sqlite3 nsenter modprobe; do put "$(command -v "$tool")"; done
	put "$BUILD/bin/flowd"
	put "$BUILD/bin/flowctl"
	put "$BUILD/tests/wltraf"
	for object in /usr/lib/*/bpf/xdp-dispatcher*.o; do install -D "$object" "$ROOT$object"; done
	if fetch xdp-tools && [ -f "$BUILD/tests/bystander.bpf.o" ]; then
		put "$(find "$VM/xdp-tools" -name xdp-loader)"
		install "$BUILD/tests/bystander.bpf.o" "$ROOT/"
	fi
	for tool in ${VM_PUT:-}; do put "$tool"; done
	[ -z "$MODULES" ] || put_modules
	echo "root:x:0:0::/:/bin/bash" >"$ROOT/etc/passwd"
	install "$0" "$ROOT/init"
	printf 'SUITE=%q\nHAVE_TCX=%q\n' "${VM_SUITE:-}" "$1" >"$ROOT/vmtest.conf"
	(cd "$ROOT" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$VM/initramfs.gz"
}

has_tcx() { # RELEASE: Linux 6.6 and later
	[ "$(printf '%s\n' 6.6 "$1" | sort -V | head -n 1)" = 6.6 ] && echo yes || echo no
}

# Without cmpxchg16b: QEMU 7.2 leaves the flags after it wrong now and then, and Linux 6.12 double faults.
run_guest() {
	timeout -k 5 "$LIMIT" qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -smp 2 -m 1024 -cpu max,-cx16 \
		-nodefaults -display none -no-reboot -serial stdio -kernel "$VMLINUZ" \
		-initrd "$VM/initramfs.gz" -append "console=ttyS0 quiet panic=-1 mitigations=off" \
		</dev/null >"$VM/console.log" 2>&1
}

for tool in qemu-system-x86_64 busybox cpio depmod apt-get dpkg ip jq sqlite3; do
	command -v "$tool" >/dev/null && continue
	skip "no $tool: scripts/deps.sh vm"
	finish
done
[ "$(uname -m)" = x86_64 ] || { skip "an x86-64 guest, from binaries built for $(uname -m)"; finish; }
[ -x "$BUILD/bin/flowd" ] || { fail "$BUILD/bin/flowd is not built"; finish; }
mkdir -p "$VM"
get_kernel || finish
[ -n "$VMLINUZ" ] || { fail "$PACKAGE: no kernel in it"; finish; }
put_all "$(has_tcx "${VMLINUZ##*/vmlinuz-}")"
run_guest
status=$?
[ -n "${VM_KEEP:-}" ] && cat "$VM/console.log"
tr -d '\r' <"$VM/console.log" | sed -n 's/^@ //p' >"$VM/result"
grep -v '^vmtest: ' "$VM/result"
if [[ $(grep '^vmtest: ' "$VM/result") =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped ]]; then
	passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]} skipped=${BASH_REMATCH[3]}
else
	fail "the guest gave no result (qemu: $status; 124 is $LIMIT s over): $(tail -n 5 "$VM/console.log")"
fi
finish
