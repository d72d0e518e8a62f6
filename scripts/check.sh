#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# check.sh: everything that is checked, as root: installs what is missing, builds with gcc and clang,
# lints, runs every test, each under a time limit, and ends with `N passed, N failed, N skipped`.
#
#   sudo scripts/check.sh [--quick] [PATTERN]
#
#   --quick    without the fuzz targets (half a minute each, two at a time)
#   PATTERN    only the suites whose name matches this extended regular expression
#
# A suite's counts come from its lines `[NAME: ]N passed, N failed, N skipped` or its TAP lines; one
# that prints neither counts as one. Logs stay in build/check/. Exit 1 where anything failed.

set -u
cd "$(dirname "$0")/.." || exit 1

LOGS=build/check
QUICK=no
PATTERN=
PASSED=0
FAILED=0
SKIPPED=0
BROKEN=()

usage() {
	echo "usage: scripts/check.sh [--quick] [PATTERN]" >&2
	exit 2
}

# Sums of what a log says: "PASSED FAILED SKIPPED".
counts() {
	awk '
		/(^|: )[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ {
			n = split($0, word, /[ ,:]+/)
			p += word[n - 5]; f += word[n - 3]; s += word[n - 1]
		}
		/^ok .*# *SKIP/ { s++; next }
		/^ok / { p++ }
		/^not ok / { f++ }
		END { print p + 0, f + 0, s + 0 }' "$1"
}

# Run one suite: NAME SECONDS COMMAND...
suite() {
	local name=$1 limit=$2 log="$LOGS/$1.log" status start=$SECONDS p f s
	shift 2
	case "$name" in
	build-gcc | build-san | build-tools | build-faults | build-next) ;; # whatever was chosen may need them
	*) [[ $name =~ $PATTERN ]] || return 0 ;;
	esac
	printf '%-28s ' "$name"
	timeout --kill-after=10 "$limit" "$@" > "$log" 2>&1 < /dev/null
	status=$?
	read -r p f s < <(counts "$log")
	if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
		echo "$name: killed after $limit s" >> "$log"
	fi
	# A count without a failure does not hide that the suite itself failed, or counted nothing.
	if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
	elif [ $((p + f + s)) -eq 0 ]; then
		p=1
	fi
	PASSED=$((PASSED + p)) FAILED=$((FAILED + f)) SKIPPED=$((SKIPPED + s))
	[ "$f" -eq 0 ] || BROKEN+=("$name")
	printf '%-6s %4d passed %3d failed %3d skipped %4d s\n' "$([ "$f" -eq 0 ] && echo ok || echo FAILED)" \
		"$p" "$f" "$s" $((SECONDS - start))
}

# A suite whose file must be there: nothing is green by absence.
suite_file() {
	local file=$3
	if [ -e "$file" ]; then
		suite "$@"
	else
		suite "$1" "$2" sh -c 'echo "$1: is missing"; exit 1' sh "$file"
	fi
}

unit_tests() {
	local test names
	mapfile -t names < <(basename -s .c tests/test_*.c)
	suite build-san 600 make -s -j "$JOBS" SAN=1 all "${names[@]/#/build/san/tests/}"
	for test in "${names[@]}"; do
		suite_file "unit-${test#test_}" 900 "build/san/tests/$test"
	done
}

# Captures with known answers: ours, and others where they are at hand.
corpus_tests() {
	local other=../shared/corpus
	suite corpus 300 tests/corpus.sh tests/corpus
	if [ -d "$other" ]; then
		suite corpus-other 900 tests/corpus.sh "$other"
	else
		suite corpus-other 10 echo "corpus-other: 0 passed, 0 failed, 1 skipped ($other is not here)"
	fi
}

root_tests() {
	local test
	suite build-tools 300 make -s -j "$JOBS" test-tools hook_live
	suite build-faults 600 make -s -j "$JOBS" FAULTS=1 build/faults/bin/flowd
	suite build-next 600 tests/next_layout.sh
	suite_file bpf-vectors 180 build/tests/bpf_vectors
	suite_file bpf-corpus 300 build/tests/bpf_corpus --vectors
	suite_file bpf-sample-filter 300 build/tests/bpf_sample_filter \
		tests/corpus/[!r]*.pcap tests/corpus/[!r]*.pcapng
	suite_file bpf-sample 180 build/tests/bpf_sample
	corpus_tests
	suite_file cli-health 120 tests/cli_health.sh
	suite_file cli-community 120 tests/cli_community.sh
	suite_file cli-diff 120 tests/cli_diff.sh
	suite_file cli-doctor 180 tests/cli_doctor.sh
	suite_file cli-graph 120 tests/cli_graph.sh
	suite_file cli-names 300 tests/cli_names.sh
	suite_file cli-names-time 120 tests/cli_names_time.sh
	suite_file cli-ledger 120 tests/cli_ledger.sh
	suite_file cli-merge 180 tests/cli_merge.sh
	suite_file cli-plan 300 tests/cli_plan.sh
	suite_file cli-readonly 300 tests/cli_readonly.sh
	suite_file cli-sql 120 tests/cli_sql.sh
	suite_file cli-socket 120 tests/cli_socket.sh
	suite_file cli-rollup 120 tests/cli_rollup.sh
	suite_file cli-golden 300 tests/cli_golden.sh
	suite_file cli-sqlviews 300 tests/cli_sqlviews.sh
	suite_file cli-anonymize 300 tests/cli_anonymize.sh
	suite_file cli-anonymize-pcap 600 tests/cli_anonymize_pcap.sh
	suite_file cli-pcap 300 tests/cli_pcap.sh
	suite_file cli-follow 300 tests/cli_follow.sh
	suite_file cli-fault 600 tests/cli_fault.sh
	suite_file verifier 180 scripts/veristat.sh
	for test in tests/live_*.sh; do
		suite "$(basename "$test" .sh | tr _ -)" 600 bash "$test"
	done
	WL_MINUTE=25 suite_file soak 600 tests/soak.sh # one short minute of it
}

# The shipped files, as `make install` puts them.
shipped_tests() {
	local root=$LOGS/root
	suite install 60 sh -c '
		set -e
		rm -rf "$1"
		make -s install DESTDIR="$1" PREFIX=/usr
		"$1/usr/bin/flowd" --version
		"$1/usr/bin/flowctl" --help
		echo "# kept" >> "$1/etc/wireledger/flowd.conf"
		make -s install DESTDIR="$1" PREFIX=/usr
		tail -n 1 "$1/etc/wireledger/flowd.conf" | grep -qx "# kept"
		grep -q "ExecStart=/usr/bin/flowd" "$1/usr/lib/systemd/system/flowd.service"
		grep -q -- "--instance %i" "$1/usr/lib/systemd/system/flowd@.service"
		test -s "$1/usr/share/man/man8/flowd.8" -a -s "$1/usr/share/man/man1/flowctl.1"
		test -s "$1/usr/share/man/man5/flow.5"
		' sh "$root"
	suite config 10 sh -c '"$1/usr/bin/flowd" -n --config flowd/flowd.conf > "$1/once" &&
		"$1/usr/bin/flowd" -n --config "$1/once" | cmp - "$1/once"' sh "$root"
	suite service-security 60 systemd-analyze security --offline=yes --threshold=20 \
		"$root/usr/lib/systemd/system/flowd.service"
	suite uninstall 60 sh -c 'test -e "$1/usr/bin/flowd" && make -s uninstall DESTDIR="$1" PREFIX=/usr &&
		find "$1/usr" -type f | grep . && exit 1 || exit 0' sh "$root"
}

# Another kernel and other NICs, in QEMU. What that takes may be out of reach.
vm_tests() {
	suite vm-6.1 1500 sh -c '
		scripts/deps.sh vm || { echo "SKIP (vm-6.1: scripts/deps.sh vm failed)"
			echo "vm-6.1: 0 passed, 0 failed, 1 skipped"; exit 0; }
		exec scripts/vmtest.sh --quick 6.1'
}

fuzz_tests() {
	[ "$QUICK" = no ] || return 0
	suite build-fuzz 600 make -s -j "$JOBS" fuzz-build
	suite fuzz 900 make -s fuzz-quick FUZZ_SECONDS=30
}

report() {
	local name
	for name in ${BROKEN[@]+"${BROKEN[@]}"}; do
		printf '\n--- %s (%s) ---\n' "$name" "$LOGS/$name.log"
		grep -vE '^ok |\[ +(OK|RUN) ' "$LOGS/$name.log" | tail -n 60
	done
	if [ "$SKIPPED" -gt 0 ]; then
		printf '\nskipped, by reason:\n'
		grep -hE 'SKIP' "$LOGS"/*.log | sed -n 's/.*(\(.*\)).*/\1/p; t; p' | sort | uniq -c
	fi
	printf '\n%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
	[ "$FAILED" -eq 0 ]
}

for arg in "$@"; do
	case "$arg" in
	--quick) QUICK=yes ;;
	-*) usage ;;
	*) [ -z "$PATTERN" ] || usage
		PATTERN=$arg ;;
	esac
done
if [ "$(id -u)" -ne 0 ]; then
	echo "check.sh: needs root: it installs packages and attaches programs (make check does not)" >&2
	exit 2
fi

scripts/deps.sh || exit 1
JOBS=$(nproc)
rm -rf "$LOGS"
mkdir -p "$LOGS"
export CMOCKA_MESSAGE_OUTPUT=TAP
suite build-gcc 600 make -s -j "$JOBS" CC=gcc
suite build-clang 600 make -s -j "$JOBS" CC=clang B=build/clang
suite lint 2400 scripts/lint.sh
unit_tests
root_tests
shipped_tests
vm_tests
fuzz_tests
report
