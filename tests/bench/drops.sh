#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# drops.sh: what a dropped packet costs, with so many flows: one row of events.sh, one round.
#
#   tests/bench/drops.sh [FLOWS [COUNT [LIMIT]]]

ROUNDS=${ROUNDS:-1} COUNT=${2:-2000000} LIMIT=${3:-} exec "$(dirname "$0")/events.sh" "drop:${1:-1000}"
