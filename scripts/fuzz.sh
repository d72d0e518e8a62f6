#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# fuzz.sh: run one libFuzzer target for a while, from the seeds that it writes itself (--write-seeds)
# or tests/corpus/NAME. `make fuzz` builds the targets, and goes on from what earlier runs found.
# With a seed the same tree is asked the same each time, as far as the seconds go: what fails then came
# with the change.
#
#   scripts/fuzz.sh SECONDS SEED NAME	# SEED 0: another one each time

set -eu
cd "$(dirname "$0")/.."

if [ $# -ne 3 ]; then
	echo "usage: scripts/fuzz.sh SECONDS SEED NAME" >&2
	exit 2
fi
SECONDS_LONG=$1
SEED=$2
NAME=$3
DIR=build/fuzz
SEEDS=$DIR/seeds/$NAME
CORPUS=$DIR/corpus/$NAME
STEADY=

if [ "$SEED" != 0 ]; then
	CORPUS=$DIR/corpus-$SEED/$NAME
	rm -rf "$CORPUS"
	if setarch -R true 2> /dev/null; then STEADY="setarch -R"; fi
fi
mkdir -p "$SEEDS" "$CORPUS" "$DIR/crash"
if grep -q 'write-seeds' "tests/$NAME.c"; then
	"$DIR/$NAME" "--write-seeds=$SEEDS" > /dev/null
elif [ -d "tests/corpus/$NAME" ]; then
	cp "tests/corpus/$NAME"/* "$SEEDS"
fi
if $STEADY "$DIR/$NAME" -seed="$SEED" -reload=0 -max_total_time="$SECONDS_LONG" -max_len=1024 \
	-timeout=30 -rss_limit_mb=2048 -print_final_stats=1 \
	-artifact_prefix="$DIR/crash/$NAME-" "$CORPUS" "$SEEDS" > "$DIR/$NAME.log" 2>&1; then
	sed -n 's/^stat::number_of_executed_units: */'"$NAME"': executions: /p' "$DIR/$NAME.log"
	echo "$NAME: 1 passed, 0 failed, 0 skipped"
else
	tail -n 60 "$DIR/$NAME.log"
	echo "$NAME: 0 passed, 1 failed, 0 skipped"
	exit 1
fi
