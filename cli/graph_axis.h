/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * graph_axis.h: round figures for the axes of a graph. Values are rates in thousandths a second, so that
 * a packet in ten minutes is one still; times are UTC milliseconds, ticks round in local time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define AXIS_LABEL 24

struct axis {
	uint64_t step;	/* between ticks: 1, 2 or 5 of a power of ten */
	uint64_t top;	/* the last tick, at or above every value */
	uint64_t whole; /* what one of the labels' unit is */
	int decimals;
	const char *prefix; /* SI's, of the unit: "", "k", "M" ... */
};

/* At most `ticks` (at least 1) above 0. Where max is 0 the axis ends at 1 a second. */
void axis_values(uint64_t max, unsigned ticks, struct axis *ret_axis);

/* A tick's label, without its unit: "1.5". */
void axis_label(const struct axis *axis, uint64_t value, char buf[AXIS_LABEL]);

/* A value with three significant digits, a prefix and the unit: "1.53 Mbit/s". */
void axis_text(uint64_t value, const char *unit, char *buf, size_t size);

/* The shortest round time between ticks, such that at most `ticks` are within the span. */
int64_t axis_time_step(int64_t span_ms, unsigned ticks);

/* The first tick at or after start_ms, where local time is zone_s ahead of UTC. */
int64_t axis_time_first(int64_t start_ms, int64_t step_ms, long zone_s);

/* Of a tick: the time of day, or the day where a day begins or ticks are days apart. */
void axis_time_label(int64_t ms, int64_t step_ms, char buf[AXIS_LABEL]);

/* How far local time is ahead of UTC at that moment, in seconds; `name` (NULL: not wanted) of the zone. */
long axis_zone(int64_t ms, char *name, size_t size);

/*
 * The length of the intervals of a graph: the shortest round one of which at most `intervals` fill the
 * span. A minute at least where the span is ten minutes or more: flows that last are recorded once in that
 * time, with all that they counted.
 */
int64_t axis_interval(int64_t span_ms, unsigned intervals);
