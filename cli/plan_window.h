/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * plan_window.h: which part of a window is taken from what. Pure.
 *
 *   since                                                               until
 *     | records | minutes |        whole hours        | minutes | records |
 *     0         1         2                           3         4         5      at[]
 *
 * Records that are newer than the sums are in the last part. Where records are gone that an end of the
 * window is made of, whole minutes or hours are taken there, and the window grows.
 */
#pragma once

#include <stdint.h>

#define PLAN_PARTS 5

/* What a database has: from `since_ms` on nothing was deleted, and sums are there up to `until_ms`. */
struct plan_have {
	int64_t record_since_ms;
	int64_t minute_since_ms, minute_until_ms;
	int64_t hour_since_ms, hour_until_ms;
};

struct plan_window {
	int64_t at[PLAN_PARTS + 1]; /* in order; parts may be empty */
};

/* Of the part between at[i] and at[i + 1]: the length of its buckets in ms, 0: records. */
int64_t plan_bucket_ms(int part);

/* A window of sums where they can be had. since_ms < until_ms. */
void plan_window_of(const struct plan_have *have, int64_t since_ms, int64_t until_ms,
		    struct plan_window *ret_window);
