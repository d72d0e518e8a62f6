#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# fuzz.sh: run one libFuzzer target for a while, from the seeds that it writes itself (--write-seeds)
# or tests/corpus/NAME, and from what earlier runs found. `make fuzz` builds the targets.
#
#   scripts/fuzz.sh SECONDS NAME

set -eu
cd "$(dirname "$0")/.."

if [ $# -ne 2 ]; then
	echo "usage: scripts/fuzz.sh SECONDS NAME" >&2
	exit 2
fi
SECONDS_LONG=$1
NAME=$2
DIR=build/fuzz
SEEDS=$DIR/seeds/$NAME

mkdir -p "$SEEDS" "$DIR/corpus/$NAME" "$DIR/crash"
if grep -q 'write-seeds' "tests/$NAME.c"; then
	"$DIR/$NAME" "--write-seeds=$SEEDS" > /dev/null
elif [ -d "tests/corpus/$NAME" ]; then
	cp "tests/corpus/$NAME"/* "$SEEDS"
fi
if "$DIR/$NAME" -max_total_time="$SECONDS_LONG" -max_len=1024 -timeout=10 -rss_limit_mb=2048 \
	-print_final_stats=1 -artifact_prefix="$DIR/crash/$NAME-" "$DIR/corpus/$NAME" "$SEEDS" \
	> "$DIR/$NAME.log" 2>&1; then
	sed -n 's/^stat::number_of_executed_units: */'"$NAME"': executions: /p' "$DIR/$NAME.log"
	echo "$NAME: 1 passed, 0 failed, 0 skipped"
else
	tail -n 60 "$DIR/$NAME.log"
	echo "$NAME: 0 passed, 1 failed, 0 skipped"
	exit 1
fi
