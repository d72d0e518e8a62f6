/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* event_rows.c: see event_rows.h. */
#include "flowd/event_rows.h"

#include <stdlib.h>
#include <string.h>

void event_rows_reset(struct event_rows *rows)
{
	rows->count = 0;
	memset(rows->folded, 0, sizeof(rows->folded));
}

void event_rows_free(struct event_rows *rows)
{
	free(rows->row);
	rows->row = NULL;
	rows->count = rows->room = 0;
}

void event_rows_add_folded(struct event_rows *rows, uint32_t what, uint32_t reason,
			   const struct event_count *count)
{
	struct event_count *cell;

	if (what >= EVENT_MAX)
		return;
	cell = &rows->folded[what][reason < EVENT_REASONS ? reason : EVENT_REASONS - 1];
	cell->packets += count->packets;
	cell->bytes += count->bytes;
	cell->skbs += count->skbs;
}

void event_rows_add(struct event_rows *rows, const struct event_key *key,
		    const struct event_count *count)
{
	if (rows->count == rows->room) {
		size_t room = rows->room ? rows->room * 2 : 256;
		struct event_row *row = realloc(rows->row, room * sizeof(*row));

		if (!row) {
			event_rows_add_folded(rows, key->what, key->reason, count);
			return;
		}
		rows->row = row;
		rows->room = room;
	}
	rows->row[rows->count++] = (struct event_row){.key = *key, .count = *count};
}

/* Equal ones by their keys, so that the order is always the same. */
static int by_packets(const void *a, const void *b)
{
	const struct event_row *x = a, *y = b;

	if (x->count.packets != y->count.packets)
		return x->count.packets > y->count.packets ? -1 : 1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

void event_rows_fold(struct event_rows *rows, size_t limit)
{
	if (rows->count)
		qsort(rows->row, rows->count, sizeof(*rows->row), by_packets);
	while (rows->count > limit) {
		const struct event_row *row = &rows->row[--rows->count];

		event_rows_add_folded(rows, row->key.what, row->key.reason, &row->count);
	}
}
