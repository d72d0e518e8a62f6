#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# lint.sh: formatting, static analysis and the house rules that no tool knows. Each check prints one
# line, a failed one its findings too.
#
#   scripts/lint.sh [CHECK ...]    all, or the ones named: format tidy cppcheck headers shell man house

set -u
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C

PASSED=0
FAILED=0
FOUND=$(mktemp)
trap 'rm -f "$FOUND"' EXIT

JOBS=$(nproc)
HOST_FLAGS=(-std=c17 -D_GNU_SOURCE '-DWIRELEDGER_VERSION="lint"' -I. -isystem build)
BPF_FLAGS=(-target bpf -mcpu=v3 -O2 -g -I. "-DHOOK_CTX=struct xdp_md"
	-idirafter "/usr/include/$(gcc -print-multiarch)")

# Files of the tree by pattern, built ones apart.
files() {
	find schema xdp tc trace flowd cli tests scripts .ci -type f \( "$@" \) 2> /dev/null | sort
}

host_sources() {
	files -name '*.c' ! -name '*.bpf.c' | grep -v '^tests/'
}

check_format() {
	! files -name '*.c' -o -name '*.h' | while read -r file; do
		clang-format "$file" | cmp -s - "$file" || echo "$file: not formatted (make format)"
	done | grep .
}

# Generated headers are needed by whoever includes them.
generate() {
	make -s build/flow_xdp.skel.h build/flow_tc.skel.h build/health.skel.h build/schema.sql.h
}

check_tidy() {
	generate || return 1
	# One file a run: clang-tidy 14 sees uninitialized va_lists where it has seen another file before.
	# What bpftool generated is not ours to mend.
	! host_sources | xargs -P "$JOBS" -I{} clang-tidy --quiet {} -- "${HOST_FLAGS[@]}" 2> /dev/null |
		grep -E ' (error|warning): ' | grep -vE '^[^ ]*build/'
}

# uninitvar: -errno may be 0 to it, so that each ret_x would be unset. gcc and clang judge both.
check_cppcheck() {
	host_sources | xargs cppcheck -q -j "$JOBS" --std=c11 --enable=warning,performance,portability \
		--inline-suppr --error-exitcode=1 --suppress=missingInclude --suppress=unknownMacro \
		--suppress=uninitvar --suppress=invalidPrintfArgType_uint \
		-I. -Ibuild -D_GNU_SOURCE '-DWIRELEDGER_VERSION="lint"'
}

# A header compiles alone: those of the host by both compilers, those of BPF for BPF.
check_headers() {
	local header cc alone status=0
	generate || return 1
	while read -r header; do
		case "$header" in
		*.bpf.h)
			echo "#include \"$header\"" |
				clang "${BPF_FLAGS[@]}" -Wall -Werror -Wno-unused -fsyntax-only -x c - || status=1
			;;
		*)
			alone=()
			# cmocka.h asks for these before it.
			[[ $header != tests/* ]] || alone=(-include setjmp.h -include stdarg.h
				-include stddef.h -include stdint.h -include cmocka.h)
			for cc in gcc clang; do
				echo "#include \"$header\"" |
					$cc "${HOST_FLAGS[@]}" "${alone[@]}" -Wall -Wextra -Werror -Wno-unused \
						-fsyntax-only -x c - || status=1
			done
			;;
		esac
	done < <(files -name '*.h' | grep -v '^tests/bench/')
	for header in schema/flow.h schema/cache.h schema/parse.h schema/sample_filter.h; do
		echo "#include \"$header\"" |
			clang "${BPF_FLAGS[@]}" -Wall -Werror -Wno-unused -fsyntax-only -x c - || status=1
	done
	return $status
}

check_shell() {
	files -name '*.sh' -o -path '.ci/run' | xargs shellcheck -x -S warning -e SC1010,SC2010
}

check_man() {
	files -name '*.[1-8]' | xargs mandoc -Tlint -Wwarning
}

# Print what is found of a forbidden pattern: MESSAGE PATTERN FILE...
forbid() {
	local message=$1 pattern=$2
	shift 2
	[ $# -eq 0 ] && return 0
	grep -nE -- "$pattern" "$@" /dev/null | sed "s|\$|    <- $message|"
}

# The longest that a file may be.
limit() {
	case "$1" in
	tests/vectors.h) echo 600 ;;
	schema/parse.h | schema/quick.h | schema/packet.h | schema/label.h | schema/tunnel.h | schema/cache.h | \
		schema/account.bpf.h | schema/flow.h | schema/health.bpf.h | schema/maps.bpf.h | schema/rtt.h | \
		schema/sample.bpf.h | schema/sample_filter.h | schema/tcp.h | trace/*.bpf.h | \
		tests/*.h) echo 500 ;;
	*.h) echo 120 ;;
	*) echo 500 ;;
	esac
}

house_each() {
	local file head name
	while read -r file; do
		name=$(basename "$file")
		head=$(head -n 12 "$file")
		[[ $(head -n 2 <<< "$head") == *"SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause"* ]] ||
			echo "$file:1: no SPDX line"
		[[ $head == *"$name"* || $name == *.mk || $name == *.sql || $name == *.conf ]] ||
			echo "$file:2: no purpose comment '$name: ...'"
		[ "$(wc -l < "$file")" -le "$(limit "$file")" ] ||
			echo "$file: $(wc -l < "$file") lines, more than $(limit "$file")"
		[[ $head != '#!'* || -x $file ]] || echo "$file: not executable"
	done < <(files -name '*.[ch]' -o -name '*.sh' -o -name '*.sql' -o -name '*.mk' -o -path .ci/run)
}

check_house() {
	local all tests
	mapfile -t all < <(files -name '*.[ch]' -o -name '*.sh' -o -name '*.sql' -o -name '*.mk' |
		grep -v '^scripts/lint.sh$')
	mapfile -t tests < <(files -path 'tests/*.sh' ! -name lib.sh)
	{
		house_each
		# shellcheck disable=SC2046
		forbid "cli/ never includes flowd/" '#include.*flowd/' $(files -path 'cli/*.[ch]')
		# shellcheck disable=SC2046
		forbid "schema/ includes only itself" '#include.*"(flowd|cli|xdp|tc|trace|tests)/' \
			$(files -path 'schema/*.[ch]')
		# the one program that is started is our own, in place of flowctl, by its path (cli/cmd_detach.c)
		# shellcheck disable=SC2046
		forbid "no shell, no other program" \
			'\b(system|popen|posix_spawnp?|wordexp|execl[pe]?|execvp?e?|fexecve|execveat)[[:space:]]*\(' \
			$(files -path 'schema/*.[ch]' -o -path 'xdp/*.[ch]' -o -path 'tc/*.[ch]' \
				-o -path 'trace/*.[ch]' -o -path 'flowd/*.[ch]' -o -path 'cli/*.[ch]') |
			grep -v '^cli/cmd_detach.c:[0-9]*:		execv(path, argv);'
		forbid "left in" '\b(TODO|FIXME|XXX)\b' "${all[@]}"
		forbid "not in what ships" 'bpf_printk|bpf_trace_printk' "${all[@]}"
		forbid "vmlinux.h is not used" '#include.*vmlinux\.h' "${all[@]}"
		forbid "an exit status that a \$(...) before it has replaced" '\$\(.*[^ ]*"\$\?"' "${tests[@]}" tests/lib.sh
		forbid "poll with a deadline (tests/lib.sh)" '^[^#]*\bsleep +[0-9]' "${tests[@]}"
		# shellcheck disable=SC2046
		forbid "poll with a deadline" '\b(u|nano)?sleep\(' $(files -path 'tests/test_*.c')
	} | tee "$FOUND.house"
	[ ! -s "$FOUND.house" ]
	local status=$?
	rm -f "$FOUND.house"
	return $status
}

run_check() {
	if "check_$1" > "$FOUND" 2>&1; then
		echo "lint: $1: ok"
		PASSED=$((PASSED + 1))
	else
		cat "$FOUND"
		echo "lint: $1: FAILED"
		FAILED=$((FAILED + 1))
	fi
}

for check in "${@:-format}" $([ $# -gt 0 ] || echo headers house shell man cppcheck tidy); do
	if ! declare -F "check_$check" > /dev/null; then
		echo "lint: no such check: $check" >&2
		exit 2
	fi
	run_check "$check"
done
echo "lint: $PASSED passed, $FAILED failed, 0 skipped"
[ "$FAILED" -eq 0 ]
