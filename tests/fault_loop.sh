# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # what suites read
#
# fault_loop.sh: have the n-th call of a class fail, for one n after the other, and look at what the program made
# of it. Sourced after lib.sh; the calls fail by build/tests/fault_call.so, which says what classes there are.
#
# Each way to a call is tried once, those that lead there again are left out, and of many ways some, so many as
# the suite gives time for. LONG=1 tries every way, LONG=all every n until a run is untouched.

FAULT_SO=$WL_BUILD/tests/fault_call.so
FAULT_SAN=$WL_ROOT/build/san/bin # where the sanitizers are in the programs
FAULT_RUNS=0
FAULT_LIMIT=60 # seconds that a run may take

# fault_run SPEC COMMAND...: RC, its output in $WL_TMP/f.out and f.err, what failed in f.hit
fault_run() {
	local spec=$1
	shift
	: >"$WL_TMP/f.hit"
	timeout "$FAULT_LIMIT" env LD_PRELOAD="$FAULT_SO" WL_FAULT="$spec" WL_FAULT_HIT="$WL_TMP/f.hit" \
		ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=1:exitcode=98 UBSAN_OPTIONS=print_stacktrace=1 \
		"$@" >"$WL_TMP/f.out" 2>"$WL_TMP/f.err"
	RC=$?
	FAULT_RUNS=$((FAULT_RUNS + 1))
}

fault_hit() { [ -s "$WL_TMP/f.hit" ]; }

# fault_numbers CLASS MOST COMMAND...: which calls are to fail, in $NUMBERS: MOST of them
fault_numbers() {
	local class=$1 most=$2 all
	shift 2
	rm -f "$WL_TMP/f.sites" "$WL_TMP/f.count"
	WL_FAULT_SITES=$WL_TMP/f.sites WL_FAULT_COUNT=$WL_TMP/f.count fault_run "$class:0" "$@"
	touch "$WL_TMP/f.sites" "$WL_TMP/f.count"
	if [ "${LONG:-}" = all ]; then
		mapfile -t NUMBERS < <(seq "$(awk -v class="$class" '$1 == class { print $2 }' "$WL_TMP/f.count")")
		return
	fi
	mapfile -t all <"$WL_TMP/f.sites"
	[ -z "${LONG:-}" ] || most=${#all[@]}
	mapfile -t NUMBERS < <(printf '%s\n' "${all[@]}" | awk -v all=${#all[@]} -v most="$most" '
		all <= most || int(NR * most / all) != int((NR - 1) * most / all)')
}

# What a run has to do whatever failed: it ends by itself, says why if it failed, and the sanitizers say nothing.
fault_sane() {
	local label=$1
	case $RC in
	0 | 1 | 2) ;;
	98) fail "$label: sanitizer: $(grep -m 1 -E 'ERROR|runtime error' "$WL_TMP/f.err"): $(grep -m 6 -oE ' in [a-z_0-9]+' "$WL_TMP/f.err" | xargs)" ;;
	124) fail "$label: does not end" ;;
	*) fail "$label: exit $RC: $(tail -n 1 "$WL_TMP/f.err")" ;;
	esac
	[ "$RC" -eq 0 ] || [ -s "$WL_TMP/f.err" ] || fail "$label: exit $RC without a word"
}
