#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# vmtest.sh [--quick] [KERNEL...]: flowd on other kernels and drivers than this machine's, in QEMU without
# KVM: over a veth pair and pairs of virtio_net, e1000e and igb NICs, by native XDP, TC, clsact, libxdp's
# dispatcher with a second program in it, beside a generic program, with jumbo frames and VLAN tags. Ends
# with a table of kernels, drivers, modes and checks, and "vmtest: N passed, N failed, N skipped".
#
# KERNEL is 6.1 or 6.12 (Debian's of that line; both, where none is given), a linux-image package, or
# BZIMAGE[:DIR], a kernel and its lib/modules/VERSION. Packages are fetched and unpacked under build/vm,
# never installed; so is a QEMU with igb (8.0) of bookworm-backports, where that is not installed. What cannot be had is
# skipped by its name. The guest is an initramfs; process 1 in it is scripts/vmguest.sh. `scripts/deps.sh vm` installs
# what it takes, `make all test-tools` builds it.
#
#   --quick              a part or two of each driver: what scripts/check.sh runs, on 6.1
#   VM_TIMEOUT=3600      seconds for a guest, then it is given up (900 with --quick: skipped then)
#   VM_PARTS="veth:native igb:jumbo ..."    these alone (see vmguest.sh)
#   VM_QEMU=FILE         this QEMU
#   VM_KEEP=1            show the guest's console
#   VM_PUT="FILE ..." VM_SUITE=COMMANDS   more programs in the guest's path, and what to run instead

set -u
LIMIT=${VM_TIMEOUT:-3600}
NICS="virtio_net e1000e igb"
QUICK="veth:neighbour veth:dispatcher virtio_net:native virtio_net:jumbo e1000e:native igb:native"
FULL="veth:native veth:tc veth:clsact veth:events veth:takeover veth:neighbour veth:dispatcher veth:generic veth:jumbo
	virtio_net:native virtio_net:tc virtio_net:clsact virtio_net:takeover virtio_net:neighbour virtio_net:dispatcher virtio_net:generic virtio_net:jumbo
	e1000e:native e1000e:clsact e1000e:generic e1000e:jumbo
	igb:native igb:tc igb:clsact igb:takeover igb:neighbour igb:jumbo"
PARTS=${VM_PARTS:-$FULL}
QUICKLY=no

passed=0 failed=0 skipped=0

fail() { failed=$((failed + 1)); echo "FAIL vmtest: $*"; }
skip() { skipped=$((skipped + 1)); echo "SKIP ($*)"; }
finish() {
	echo "vmtest: $passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
	exit
}

cd "$(dirname "$0")/.." || exit 1
BUILD=$(realpath -m "${WL_BUILD:-build}")
VM=$BUILD/vm
ROOT=$VM/root
HALF=scripts/vmguest.sh

# --- what comes from Debian -----------------------------------------------------------------------

# Lists of our own, with backports; the machine's stay as they are.
APT=(-o Dir::Etc::SourceList="$VM/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
	-o Dir::State::Lists="$VM/apt/lists" -o Dir::Cache="$VM/apt/cache" -o APT::Sandbox::User=root)

apt_lists() {
	[ -e "$VM/apt/updated" ] && return
	mkdir -p "$VM/apt/lists/partial" "$VM/apt/cache/archives/partial"
	local suite
	for suite in "debian bookworm" "debian bookworm-updates" "debian-security bookworm-security" "debian bookworm-backports"; do
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/${suite/ / } main"
	done >"$VM/apt/sources.list"
	timeout 300 apt-get "${APT[@]}" update >"$VM/apt/log" 2>&1 && touch "$VM/apt/updated"
}

# fetch NAME PACKAGE...: unpacked in $VM/NAME, once
fetch() {
	local dir=$VM/$1 file
	shift
	[ -d "$dir" ] && return
	apt_lists || return
	rm -rf "$dir.new"
	mkdir -p "$dir.new/deb" || return
	(cd "$dir.new/deb" && timeout 600 apt-get "${APT[@]}" download "$@" >>"$VM/apt/log" 2>&1) || return
	for file in "$dir.new"/deb/*.deb; do dpkg -x "$file" "$dir.new" || return; done
	rm -r "$dir.new/deb" && mv "$dir.new" "$dir"
}

# The newest image of a line, or the package itself.
package_of() {
	case "$1" in
	6.*) apt-cache "${APT[@]}" pkgnames "linux-image-$1." | grep -E "^linux-image-${1//./\\.}\.[0-9]+(-[0-9]+|\+deb12)-amd64$" |
		sort -V | tail -n 1 ;;
	*) echo "$1" ;;
	esac
}

# get_kernel KERNEL: VMLINUZ, MODULES
get_kernel() {
	local package
	if [[ $1 == */* ]]; then
		VMLINUZ=${1%%:*} MODULES=
		[[ $1 == *:* ]] && MODULES=${1#*:}
		[ -f "$VMLINUZ" ] && return
		fail "$VMLINUZ: no such kernel"
		return 1
	fi
	apt_lists
	package=$(package_of "$1")
	if [ -z "$package" ] || ! fetch "$package" "$package"; then
		skip "kernel $1: ${package:-no such package}: $(tail -n 1 "$VM/apt/log")"
		return 1
	fi
	VMLINUZ=$(find "$VM/$package/boot" -name 'vmlinuz-*' | head -n 1)
	MODULES=$(find "$VM/$package/lib/modules" "$VM/$package/usr/lib/modules" \
		-mindepth 1 -maxdepth 1 2>/dev/null | head -n 1)
	[ -n "$VMLINUZ" ] && return
	fail "$package: no kernel in it"
	return 1
}

has_igb() { "$@" -device igb,help 2>/dev/null | grep -q igb; }

# QEMU: the one given, the one installed, or one that knows igb.
get_qemu() {
	local fetched=$VM/qemu
	QEMU=("${VM_QEMU:-qemu-system-x86_64}" -L /usr/share/seabios -L /usr/share/qemu)
	[[ $PARTS != *igb:* ]] || has_igb "${QEMU[@]}" && return
	if [ -z "${VM_QEMU:-}" ] && fetch qemu {qemu-system-x86,qemu-system-data}/bookworm-backports; then
		QEMU=("$fetched/usr/bin/qemu-system-x86_64"
			-L "$fetched/usr/share/qemu" -L /usr/share/seabios -L /usr/share/qemu)
		has_igb "${QEMU[@]}" && return
		QEMU=(qemu-system-x86_64)
	fi
	skip "igb: not in $("${QEMU[@]}" --version | head -n 1), and no other to be had"
	NICS=${NICS/igb/}
	PARTS=$(xargs -n 1 <<<"$PARTS" | grep -v '^igb:' | xargs)
}

# --- the guest ------------------------------------------------------------------------------------

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
	local release name file dep wanted
	release=${MODULES##*/}
	wanted=$(sed -n 's/^MODULES_WANTED="\(.*\)"$/\1/p' "$HALF")
	for name in $wanted; do
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
	for tool in ip tc ping ethtool jq sqlite3 nsenter modprobe; do put "$(command -v "$tool")"; done
	put "$BUILD/bin/flowd"
	put "$BUILD/bin/flowctl"
	put "$BUILD/tests/wltraf"
	install "$BUILD/tests/bystander.bpf.o" "$ROOT/"
	for object in /usr/lib/*/bpf/xdp-dispatcher*.o; do install -D "$object" "$ROOT$object"; done
	if fetch xdp-tools xdp-tools; then
		put "$(find "$VM/xdp-tools" -name xdp-loader)"
	fi
	for tool in ${VM_PUT:-}; do put "$tool"; done
	[ -z "$MODULES" ] || put_modules
	echo "root:x:0:0::/:/bin/bash" >"$ROOT/etc/passwd"
	install "$HALF" "$ROOT/init"
	install scripts/vmparts.sh "$ROOT/"
	mkdir -p "$ROOT/var/lib/wireledger"
	printf 'SUITE=%q\nPARTS=%q\n' "${VM_SUITE:-}" "$(xargs <<<"$PARTS")" >"$ROOT/vmtest.conf"
	(cd "$ROOT" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$VM/initramfs.gz"
}

# Two NICs of each driver, which a hub joins, each behind a port of its own, which igb's functions need.
nic_options() {
	local driver hub=0 end device
	for driver in $NICS; do
		[[ $PARTS == *$driver:* ]] || continue
		hub=$((hub + 1))
		device=$driver
		[ "$driver" = virtio_net ] && device=virtio-net-pci
		for end in 1 2; do
			echo "-netdev hubport,id=h$hub$end,hubid=$hub"
			echo "-device pcie-root-port,id=p$hub$end,chassis=$hub$end"
			echo "-device $device,bus=p$hub$end,netdev=h$hub$end,mac=52:54:00:00:0$hub:0$end,romfile="
		done
	done
}

# Without cmpxchg16b: QEMU 7.2 leaves the flags after it wrong now and then, and Linux 6.12 double faults.
run_guest() {
	local nics
	read -ra nics <<<"$(nic_options | xargs)"
	timeout -k 5 "$LIMIT" "${QEMU[@]}" -machine q35 -accel tcg,thread=multi -smp 2 -m 1024 -cpu max,-cx16 \
		-nodefaults -display none -no-reboot -serial stdio -kernel "$VMLINUZ" \
		-initrd "$VM/initramfs.gz" -append "console=ttyS0 quiet panic=-1 mitigations=off" "${nics[@]}" \
		</dev/null >"$VM/console.log" 2>&1
}

# test_kernel KERNEL: its rows into $VM/table
test_kernel() {
	local name status row done=no driver mode hooks p f s
	get_kernel "$1" || return
	name=${VMLINUZ##*/}
	name=${name#vmlinuz-}
	put_all
	run_guest
	status=$?
	[ -n "${VM_KEEP:-}" ] && cat "$VM/console.log"
	tr -d '\r' <"$VM/console.log" | sed -n 's/^@ //p' >"$VM/result"
	grep -vE '^(row\||end$)' "$VM/result"
	while IFS= read -r row; do
		[ "$row" = end ] && done=yes
		[[ $row == row\|* ]] || continue
		IFS='|' read -r _ driver mode hooks p f s <<<"$row"
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
		printf '%-26s %-10s %-9s %-42s %6d %6d %7d\n' "$name" "$driver" "$mode" "${hooks:--}" "$p" "$f" "$s" >>"$VM/table"
	done <"$VM/result"
	[ "$done" = yes ] && return
	if [ "$QUICKLY:$status" = yes:124 ]; then # a slow machine is no failure of flowd's
		skip "$name: the guest was not through in $LIMIT s"
	else
		fail "$name: the guest did not come to its end (qemu: $status; 124: $LIMIT s are over): $(tail -n 5 "$VM/console.log")"
	fi
}

KERNELS=()
for arg; do
	case "$arg" in
	--quick) PARTS=${VM_PARTS:-$QUICK} LIMIT=${VM_TIMEOUT:-900} QUICKLY=yes ;;
	-*)
		echo "usage: scripts/vmtest.sh [--quick] [KERNEL...]" >&2
		exit 2
		;;
	*) KERNELS+=("$arg") ;;
	esac
done
[ "${#KERNELS[@]}" -gt 0 ] || KERNELS=(6.1 6.12)
for tool in qemu-system-x86_64 busybox cpio depmod apt-get dpkg ip ethtool jq sqlite3; do
	command -v "$tool" >/dev/null && continue
	skip "no $tool: scripts/deps.sh vm"
	finish
done
[ "$(uname -m)" = x86_64 ] || { skip "an x86-64 guest, from binaries built for $(uname -m)"; finish; }
for file in bin/flowd bin/flowctl tests/wltraf tests/bystander.bpf.o; do
	[ -e "$BUILD/$file" ] && continue
	fail "$BUILD/$file is not built"
	finish
done
mkdir -p "$VM"
exec 9>"$VM/lock"
flock 9
get_qemu
: >"$VM/table"
for kernel in "${KERNELS[@]}"; do test_kernel "$kernel"; done
printf '\n%-26s %-10s %-9s %-42s %6s %6s %7s\n' KERNEL DRIVER MODE "HOOKS (INGRESS, EGRESS)" PASSED FAILED SKIPPED
cat "$VM/table"
finish
