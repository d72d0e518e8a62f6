/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_rollup_load.h: sink_rollup.c's frontiers, and how what is in memory is made from table flow. */
#pragma once

#include "flowd/sink_rollup.h"

#define SINK_ROLLUP_HOUR 60 /* minutes */
#define SINK_ROLLUP_AHEAD 2 /* minutes of the clock: what ends later stays beyond the horizon */

/* The hour of a minute. */
int64_t sink_rollup_hour(int64_t minute);

int64_t sink_rollup_now_ms(const struct sink_rollup *s);

/* Nothing is in memory any more. */
void sink_rollup_unload(struct sink_rollup *s);

int sink_rollup_put_frontier(struct sink_rollup *s, enum rollup_level level, int64_t minute);
