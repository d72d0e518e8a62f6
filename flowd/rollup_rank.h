/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rollup_rank.h: which keys of a table count for most. Pure. */
#pragma once

#include "flowd/rollup.h"

/* Numbers of entries by their share, the largest first; `order` and `spare` have room for all. */
void rollup_order(const struct rollup_table *table, uint32_t *order, uint64_t *spare);

/* The first `count` entries of `order` have a row; the tail is what is left, with its bounds. */
struct rollup_ranks {
	uint32_t *order;
	uint32_t count;
	struct rollup_tail tail;
};

/* At most `keys` rows. 0 or -ENOMEM; order is to be freed. */
int rollup_rank(const struct rollup_table *table, uint32_t keys, struct rollup_ranks *ret_ranks);

/* An entry that has no row goes into the tail, whose bounds grow with it. */
void rollup_leave(const struct rollup_table *table, const struct rollup_entry *entry,
		  struct rollup_tail *tail);
