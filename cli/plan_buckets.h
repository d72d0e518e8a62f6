/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * plan_buckets.h: the buckets of talker_minute and talker_hour that a window is made of, and what their
 * tails say: how much an answer may lack.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/plan_table.h"
#include "cli/plan_window.h"
#include "schema/talker.h"

struct query;

enum plan_level {
	PLAN_MINUTE,
	PLAN_HOUR,
	PLAN_LEVELS,
};

extern const char *const plan_level_table[PLAN_LEVELS];

struct plan_bucket {
	int64_t minute; /* its begin, see talker_id() */
	enum plan_level level;
	int64_t credit; /* of a key that is listed in it */
};

struct plan_buckets {
	enum talker_kind kind;
	struct plan_bucket *bucket; /* in the order of time */
	size_t used, room;
	bool has_tail;
	uint64_t tail_keys;
	int64_t lacks; /* what a key that is listed nowhere may have, at most, of the metric */
};

/*
 * Of a kind, in parts 1 to 3 of the window. `metric`: flows, packets, bytes, retransmits or drops, NULL:
 * none of them. 0 or -errno with query->error but for -ENOMEM; plan_buckets_free also after that.
 */
int plan_buckets_list(struct query *query, const struct plan_window *window, enum talker_kind kind,
		      const char *metric, struct plan_buckets *ret_buckets);
void plan_buckets_free(struct plan_buckets *buckets);
