/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* diff.h: the sums of two windows side by side, by key. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/group.h"

/* Window and what was counted in it. */
struct diff_side {
	int64_t since_ms, until_ms;
	int64_t covered_ms; /* in which something was counted, be it nothing; 0: unknown */
	struct group group; /* sorted: entries at the front */
	size_t entries;
};

struct diff_row {
	const struct group_entry *before, *after; /* NULL: it has none; one of the two is there */
};

struct diff {
	const struct group_metric *by;
	struct diff_side before, after;
	bool uneven; /* the windows are not covered for equally long: what counts are rates */
	struct diff_row *row; /* by what changed, the most first */
	size_t rows;
};

/*
 * From the two sides, filled, to rows of keys that have something of the metric on either. 0 or
 * -ENOMEM; diff_free also after that.
 */
int diff_join(struct diff *diff);
void diff_free(struct diff *diff);

/* Milliseconds that a side's rates are of. */
int64_t diff_ms(const struct diff_side *side);

uint64_t diff_value(const struct diff *diff, const struct group_entry *entry);

/*
 * In hundredths of a percent of what was before, rounded towards 0, by rates where the windows are uneven.
 * False: there was nothing before.
 */
bool diff_percent(const struct diff *diff, uint64_t before, uint64_t after, int64_t *ret_percent);
