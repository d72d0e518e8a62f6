/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* graph_axis.c: pure, but for the time zone of the environment, which the C library reads. */
#include "cli/graph_axis.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MINUTE_MS 60000
#define DAY_MS 86400000LL
#define ONE 1000 /* a second, in the unit of values */
#define STEP_MAX 5000000000000000000U

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const prefixes[] = {"", "k", "M", "G", "T", "P"};

/* The next of 1, 2, 5, 10, 20 ... */
static uint64_t next_step(uint64_t step)
{
	uint64_t digit = step;

	while (digit >= 10)
		digit /= 10;
	return digit == 2 ? step / 2 * 5 : step * 2;
}

/* The largest prefix whose whole is not above the value. */
static const char *pick_prefix(uint64_t value, uint64_t *ret_whole)
{
	size_t i = 0;

	*ret_whole = ONE;
	for (; i + 1 < COUNT(prefixes) && value / 1000 >= *ret_whole; i++)
		*ret_whole *= 1000;
	return prefixes[i];
}

void axis_values(uint64_t max, unsigned ticks, struct axis *ret_axis)
{
	struct axis axis = {.step = 1};

	if (!max)
		max = ONE;
	while (axis.step < STEP_MAX && (max - 1) / axis.step >= ticks)
		axis.step = next_step(axis.step);
	axis.top = ((max - 1) / axis.step + 1) * axis.step;
	axis.prefix = pick_prefix(axis.top, &axis.whole);
	for (uint64_t part = axis.whole; part > 1 && axis.step % part; part /= 10)
		axis.decimals++;
	*ret_axis = axis;
}

void axis_label(const struct axis *axis, uint64_t value, char buf[AXIS_LABEL])
{
	uint64_t part = axis->whole;

	for (int i = 0; i < axis->decimals; i++)
		part /= 10;
	if (!axis->decimals || !value) {
		snprintf(buf, AXIS_LABEL, "%" PRIu64, value / axis->whole);
		return;
	}
	snprintf(buf, AXIS_LABEL, "%" PRIu64 ".%0*" PRIu64, value / axis->whole, axis->decimals,
		 value % axis->whole / part);
}

void axis_text(uint64_t value, const char *unit, char *buf, size_t size)
{
	uint64_t whole;
	const char *prefix = pick_prefix(value, &whole);
	double shown = (double)value / (double)whole;
	int decimals = shown >= 99.95 ? 0 : shown >= 9.995 ? 1 : 2;

	if (whole == ONE && !(value % ONE))
		decimals = 0;
	snprintf(buf, size, "%.*f %s%s", decimals, shown, prefix, unit);
}

/* In seconds. */
static const int32_t rounds[] = {1,	  2,	   5,	     10,      15,     30,     60,
				 120,	  300,	   600,	     900,     1800,   3600,   7200,
				 10800,	  21600,   43200,    86400,   172800, 604800, 1209600,
				 2419200, 7257600, 14515200, 31536000};

static int64_t pick_round(int64_t span_ms, unsigned most, int64_t least_ms)
{
	size_t i = 0;

	while (i + 1 < COUNT(rounds) && (rounds[i] * 1000LL < least_ms ||
					 (span_ms - 1) / (rounds[i] * 1000LL) >= (int64_t)most))
		i++;
	return rounds[i] * 1000LL;
}

int64_t axis_time_step(int64_t span_ms, unsigned ticks)
{
	return pick_round(span_ms, ticks, 0);
}

int64_t axis_interval(int64_t span_ms, unsigned intervals)
{
	return pick_round(span_ms, intervals, span_ms >= 10 * MINUTE_MS ? MINUTE_MS : 0);
}

int64_t axis_time_first(int64_t start_ms, int64_t step_ms, long zone_s)
{
	int64_t local = start_ms + zone_s * 1000LL, over = local % step_ms;

	if (over < 0)
		over += step_ms;
	return over ? start_ms + step_ms - over : start_ms;
}

void axis_time_label(int64_t ms, int64_t step_ms, char buf[AXIS_LABEL])
{
	time_t seconds = ms / 1000;
	struct tm tm;

	localtime_r(&seconds, &tm);
	if (step_ms >= DAY_MS || (!tm.tm_hour && !tm.tm_min && !tm.tm_sec))
		strftime(buf, AXIS_LABEL, "%m-%d", &tm);
	else
		strftime(buf, AXIS_LABEL, step_ms < MINUTE_MS ? "%H:%M:%S" : "%H:%M", &tm);
}

long axis_zone(int64_t ms, char *name, size_t size)
{
	time_t seconds = ms / 1000;
	struct tm tm;

	localtime_r(&seconds, &tm);
	if (name)
		snprintf(name, size, "%s", tm.tm_zone ? tm.tm_zone : "");
	return tm.tm_gmtoff;
}
