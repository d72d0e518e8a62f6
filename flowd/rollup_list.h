/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rollup_list.h: buckets of one length, by their time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "flowd/rollup.h"

struct rollup_list {
	struct rollup **at; /* by minute, each its own */
	size_t count;
	size_t room;
	uint32_t limit; /* of the tables of those that it makes */
	uint64_t seed;
};

/* The bucket that begins with that minute, or NULL. */
struct rollup *rollup_list_find(const struct rollup_list *list, int64_t minute);

/* The same, made where there is none; NULL: no memory. */
struct rollup *rollup_list_get(struct rollup_list *list, int64_t minute);

/* `rollup` becomes the list's, which has none of its minute. -ENOMEM: it stays the caller's. */
int rollup_list_put(struct rollup_list *list, struct rollup *rollup);

/* Those before that minute go. */
void rollup_list_drop(struct rollup_list *list, int64_t minute);

/* That of the minute and those after it go. */
void rollup_list_cut(struct rollup_list *list, int64_t minute);

void rollup_list_free(struct rollup_list *list);
