/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* plan_window.c: see plan_window.h. */
#include "cli/plan_window.h"

#include <stdbool.h>

#define MINUTE_MS 60000
#define HOUR_MS 3600000

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t down(int64_t ms, int64_t unit)
{
	return ms - ms % unit;
}

static int64_t up(int64_t ms, int64_t unit)
{
	return ms > INT64_MAX - unit ? INT64_MAX : down(ms + unit - 1, unit);
}

int64_t plan_bucket_ms(int part)
{
	static const int64_t of[PLAN_PARTS] = {0, MINUTE_MS, HOUR_MS, MINUTE_MS, 0};

	return of[part];
}

/* The oldest that there is of anything. */
static int64_t oldest(const struct plan_have *have)
{
	int64_t ms = have->record_since_ms;

	if (have->minute_until_ms > have->minute_since_ms)
		ms = earlier(ms, have->minute_since_ms);
	if (have->hour_until_ms > have->hour_since_ms)
		ms = earlier(ms, have->hour_since_ms);
	return ms;
}

static bool has_hour(const struct plan_have *have, int64_t ms)
{
	return down(ms, HOUR_MS) >= have->hour_since_ms &&
	       up(ms + 1, HOUR_MS) <= have->hour_until_ms;
}

/* Minutes are there from the one in which `first` is to the one in which `last` is. */
static bool has_minutes(const struct plan_have *have, int64_t first, int64_t last)
{
	return down(first, MINUTE_MS) >= have->minute_since_ms &&
	       up(last + 1, MINUTE_MS) <= have->minute_until_ms;
}

/* Where the window begins: as it is, or moved back to where a minute or hour does. */
static int64_t left_edge(const struct plan_have *have, int64_t ms)
{
	if (!(ms % HOUR_MS) || ms >= have->record_since_ms)
		return ms;
	if (has_minutes(have, ms, ms))
		return down(ms, MINUTE_MS);
	return has_hour(have, ms) ? down(ms, HOUR_MS) : ms;
}

/* Where it ends, likewise: what is behind its last whole hour is of minutes, then of records. */
static int64_t right_edge(const struct plan_have *have, int64_t since, int64_t ms)
{
	int64_t rest = later(since, down(ms - 1, HOUR_MS));
	bool minutes = has_minutes(have, rest, ms - 1);

	if (minutes)
		rest = down(ms, MINUTE_MS);
	if (!(ms % HOUR_MS) || rest == ms || rest >= have->record_since_ms)
		return ms;
	if (minutes)
		return up(ms, MINUTE_MS);
	return has_hour(have, ms - 1) ? up(ms, HOUR_MS) : ms;
}

/* Minutes between the whole hours from `first` to `last` and the ends, where they are there. */
static void set_minutes(const struct plan_have *have, int64_t first, int64_t last, int64_t *at)
{
	int64_t minute = up(at[0], MINUTE_MS);

	at[1] = minute >= have->minute_since_ms ? earlier(minute, first) : first;
	at[2] = first;
	at[3] = last;
	at[4] = last;
	if (last >= have->minute_since_ms)
		at[4] = later(last, down(earlier(at[5], have->minute_until_ms), MINUTE_MS));
}

void plan_window_of(const struct plan_have *have, int64_t since_ms, int64_t until_ms,
		    struct plan_window *ret_window)
{
	int64_t since = left_edge(have, later(since_ms, oldest(have)));
	int64_t until = later(since, right_edge(have, since, until_ms));
	int64_t first = up(later(since, have->hour_since_ms), HOUR_MS);
	int64_t last = down(earlier(until, have->hour_until_ms), HOUR_MS), *at = ret_window->at;

	at[0] = since;
	at[5] = until;
	if (first >= last) /* all minutes are behind the hours that there are none of */
		first = last = earlier(up(since, MINUTE_MS), until);
	set_minutes(have, first, last, at);
	if (at[1] == at[4]) /* no sums: records, once */
		at[1] = at[2] = at[3] = at[4] = since;
}
