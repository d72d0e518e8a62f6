/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * event_rows.h: the counts of a generation, on their way to records. Pure. What is more than a limit
 * is folded: its flows are given up, sums of each what and reason stay.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "schema/event.h"

#define EVENT_TURN_NS 5000000000ULL /* between turns, so that a flow's drops are few rows */
#define EVENT_ROWS_MAX 4096	    /* of a generation, folded ones apart */

struct event_row {
	struct event_key key;
	struct event_count count;
};

struct event_rows {
	struct event_row *row;
	size_t count, room;
	uint32_t *index; /* open-addressed, of twice the room: number of the row + 1 */
	struct event_count folded[EVENT_MAX][EVENT_REASONS];
};

/* Of a table of keys. */
size_t event_key_hash(const struct event_key *key);

/* Forget what is in it, keep the memory. */
void event_rows_reset(struct event_rows *rows);
void event_rows_free(struct event_rows *rows);

/* Add to the key's row, a new one if need be; where there is no memory it is folded. */
void event_rows_add(struct event_rows *rows, const struct event_key *key,
		    const struct event_count *count);

/* Add to the folded events of that reason. */
void event_rows_add_folded(struct event_rows *rows, uint32_t what, uint32_t reason,
			   const struct event_count *count);

/*
 * How many rows a generation may have that was counted into for so long: a storm of ever new flows turns
 * generations fast, then each has fewer. rate: records a second that go to the database, of which an eighth as
 * many may be rows of events; 0: any.
 */
size_t event_rows_max(uint64_t age_ns, uint64_t rate);

/* Keep the `limit` rows with the most packets, in that order, and fold the rest: nothing is added then. */
void event_rows_fold(struct event_rows *rows, size_t limit);
