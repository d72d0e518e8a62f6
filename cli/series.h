/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * series.h: the heaviest keys of a window, and what each of them did in each interval of it.
 * Intervals begin at whole multiples of their length since 1970, in UTC; the first and the last may be
 * in the window only in part. A record is in the interval of its end.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cli/plan.h"

#define SERIES_INTERVALS_MAX 100000
#define SERIES_CELLS_MAX 10000000

struct series_ask {
	struct plan_ask plan; /* limit: how many keys, the heaviest of the whole window; 0: all */
	int64_t per_ms;
	int64_t now_ms; /* where flowd counts, a window from a beginning goes on to now at least */
};

struct series_cell {
	struct group_sums sums; /* all 0 where the key did nothing */
	uint64_t lacks;		/* as in struct group_entry */
};

struct series {
	int64_t first_ms; /* start of the first interval */
	int64_t per_ms;
	size_t intervals;
	size_t keys;
	struct plan whole; /* group.entry[0 .. keys - 1]: the heaviest first; total, bounds */
	struct series_cell *cell; /* see series_at */
	struct group_sums *total; /* of each interval: each record once */
	struct group_sums *tail;  /* of each interval: what is under no key, see plan.h */
};

/*
 * 0 or -errno with query->error but for -ENOMEM: -E2BIG for more intervals than the limits allow,
 * -ENODATA where sums of longer intervals are all that is left. series_free also after that.
 */
int series_read(struct query *query, const struct series_ask *ask, struct series *ret_series);
void series_free(struct series *series);

/* Of a key in an interval. */
const struct series_cell *series_at(const struct series *series, size_t key, size_t interval);

/* Start of an interval. */
int64_t series_ms(const struct series *series, size_t interval);

/* The value of --per, a whole number of minutes that divides a day or whole days: 0 or -EINVAL. */
int series_per(const char *text, int64_t *ret_per_ms);
