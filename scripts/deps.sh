#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# deps.sh: install the Debian 12 packages that wireledger needs. Quick, and without a word to the
# network, where all of them are there.
#
#   scripts/deps.sh run     to build it and to show it (scripts/run.sh)
#   scripts/deps.sh         that, and to test and lint it (scripts/check.sh)
#   scripts/deps.sh vm      to build it and to run it on another kernel (scripts/vmtest.sh)

set -eu

RUN="make gcc libc6-dev linux-libc-dev clang llvm bpftool pkg-config
	libbpf-dev libxdp-dev libelf-dev zlib1g-dev libpcap-dev libsqlite3-dev libinih-dev
	libcap-ng-dev libseccomp-dev libsystemd-dev libjansson-dev nettle-dev libmaxminddb-dev
	libc-ares-dev iproute2 iputils-ping iperf3
	netbase"
TEST="libcmocka-dev libclang-rt-14-dev libfuzzer-14-dev clang-format clang-tidy cppcheck shellcheck
	mandoc systemd ethtool tcpdump nftables sqlite3 jq python3 procps util-linux libxml2-utils strace"
VM="qemu-system-x86 busybox-static cpio kmod jq sqlite3 util-linux ethtool"

case "${1:-all}" in
run) WANTED=$RUN ;;
vm) WANTED="$RUN $VM" ;;
all) WANTED="$RUN $TEST" ;;
*)
	echo "usage: scripts/deps.sh [run|vm]" >&2
	exit 2
	;;
esac

# A package at a time: those that dpkg does not call installed.
missing() {
	for package in $WANTED; do
		case "$INSTALLED" in
		*"|$package|"*) ;;
		*) printf '%s ' "$package" ;;
		esac
	done
}

# shellcheck disable=SC2086 # a list
INSTALLED="|$(dpkg-query -W -f '${Package}:${db:Status-Status}\n' $WANTED 2> /dev/null |
	sed -n 's/:installed$//p' | tr '\n' '|')"
MISSING=$(missing)
if [ -z "$MISSING" ]; then
	exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "deps: as root: apt-get install $MISSING" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
echo "deps: installing $MISSING"
# A source of somebody else's that is out of reach is no reason to give up.
apt-get update -qq || echo "deps: apt-get update failed, trying with what is known" >&2
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $MISSING > /dev/null
echo "deps: done"
