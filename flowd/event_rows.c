/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* event_rows.c: see event_rows.h. */
#include "flowd/event_rows.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MIN 512 /* of a generation, however short */
#define RATE_SHARE 8 /* of the records a second, one row for so many */
#define RATE_MIN 16  /* rows of a generation, however low the rate */
#define NS_PER_MS 1000000
#define MS_PER_S 1000

size_t event_rows_max(uint64_t age_ns, uint64_t rate)
{
	uint64_t age = age_ns < EVENT_TURN_NS ? age_ns : EVENT_TURN_NS;
	uint64_t rows = EVENT_ROWS_MAX * age / EVENT_TURN_NS, least = ROWS_MIN;

	if (rate) {
		uint64_t most = rate * (age / NS_PER_MS) / (RATE_SHARE * MS_PER_S);

		rows = rows < most ? rows : most;
		least = RATE_MIN;
	}
	return rows > least ? rows : least;
}

void event_rows_reset(struct event_rows *rows)
{
	rows->count = 0;
	memset(rows->folded, 0, sizeof(rows->folded));
	if (rows->index)
		memset(rows->index, 0, rows->room * 2 * sizeof(*rows->index));
}

void event_rows_free(struct event_rows *rows)
{
	free(rows->row);
	free(rows->index);
	rows->row = NULL;
	rows->index = NULL;
	rows->count = rows->room = 0;
}

static void add(struct event_count *sum, const struct event_count *count)
{
	sum->packets += count->packets;
	sum->bytes += count->bytes;
	sum->skbs += count->skbs;
}

size_t event_key_hash(const struct event_key *key)
{
	uint64_t word[sizeof(*key) / 8], hash = 0;

	memcpy(word, key, sizeof(word));
	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		hash = (hash ^ word[i]) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return (size_t)hash;
}

/* The key's place in the index, or the free one where it would be. */
static uint32_t *place_of(const struct event_rows *rows, const struct event_key *key)
{
	size_t mask = rows->room * 2 - 1, at = event_key_hash(key) & mask;

	while (rows->index[at] &&
	       memcmp(&rows->row[rows->index[at] - 1].key, key, sizeof(*key)) != 0)
		at = (at + 1) & mask;
	return &rows->index[at];
}

static bool grow(struct event_rows *rows)
{
	size_t room = rows->room ? rows->room * 2 : 256;
	uint32_t *index = calloc(room * 2, sizeof(*index));
	struct event_row *row = index ? realloc(rows->row, room * sizeof(*row)) : NULL;

	if (!row) {
		free(index);
		return false;
	}
	free(rows->index);
	rows->row = row;
	rows->index = index;
	rows->room = room;
	for (size_t i = 0; i < rows->count; i++)
		*place_of(rows, &row[i].key) = (uint32_t)i + 1;
	return true;
}

void event_rows_add_folded(struct event_rows *rows, uint32_t what, uint32_t reason,
			   const struct event_count *count)
{
	struct event_count *cell;

	if (what >= EVENT_MAX)
		return;
	cell = &rows->folded[what][reason < EVENT_REASONS ? reason : EVENT_REASONS - 1];
	add(cell, count);
}

void event_rows_add(struct event_rows *rows, const struct event_key *key,
		    const struct event_count *count)
{
	uint32_t *place;

	if (rows->count == rows->room && !grow(rows)) {
		event_rows_add_folded(rows, key->what, key->reason, count);
		return;
	}
	place = place_of(rows, key);
	if (!*place) {
		rows->row[rows->count] = (struct event_row){.key = *key};
		*place = (uint32_t)++rows->count;
	}
	add(&rows->row[*place - 1].count, count);
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
