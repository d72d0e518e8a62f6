/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* talker_times.h: from when to when a key's sums are. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The times of sums, where that many flows are in them. */
struct talker_times {
	uint64_t flows;
	int64_t start_ms, end_ms;
};

/*
 * Where there are flows their times count, and not those of what was no flow. empty: nothing is in *to yet
 * (or its times are the latest start and the earliest end, and it need not be said). to->flows stays.
 */
static inline void talker_times_add(struct talker_times *to, bool empty,
				    const struct talker_times *from)
{
	if (to->flows && !from->flows)
		return;
	if (empty || (from->flows && !to->flows)) {
		to->start_ms = from->start_ms;
		to->end_ms = from->end_ms;
		return;
	}
	to->start_ms = from->start_ms < to->start_ms ? from->start_ms : to->start_ms;
	to->end_ms = from->end_ms > to->end_ms ? from->end_ms : to->end_ms;
}
