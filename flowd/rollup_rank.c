/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rollup_rank.c: see rollup_rank.h. Shares are sorted as the bits of a float, which order as the numbers
 * do, by radix: a tenth of what qsort(3) takes.
 */
#include "flowd/rollup_rank.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BITS 32 /* and as many above them, which are sorted by */
#define RADIX_BITS_MAX 11
#define RADIX_SIZE_MAX (1U << RADIX_BITS_MAX)
#define RADIX_BITS_FEW 8 /* of tables so small that counters cost more than a pass */
#define FEW 2048

/* What a part of each metric is worth: 1 / all of it. */
static void weigh(const struct rollup_table *table, double ret_weight[ROLLUP_METRICS])
{
	uint64_t value[ROLLUP_METRICS];
	double total[ROLLUP_METRICS];

	rollup_values(&table->tail.sums, &table->tail.more, value);
	for (int m = 0; m < ROLLUP_METRICS; m++)
		total[m] = (double)value[m];
	for (uint32_t i = 0; i < table->used; i++) {
		const struct rollup_entry *entry = &table->entry[i];

		rollup_values(&entry->sums, rollup_more(table, entry), value);
		for (int m = 0; m < ROLLUP_METRICS; m++)
			total[m] += (double)value[m];
	}
	for (int m = 0; m < ROLLUP_METRICS; m++)
		ret_weight[m] = total[m] > 0 ? 1 / total[m] : 0;
}

static uint32_t score(const struct rollup_table *table, const struct rollup_entry *entry,
		      const double weight[ROLLUP_METRICS])
{
	uint64_t value[ROLLUP_METRICS];
	float largest = 0;
	uint32_t bits;

	rollup_values(&entry->sums, rollup_more(table, entry), value);
	for (int m = 0; m < ROLLUP_METRICS; m++) {
		float share = (float)((double)value[m] * weight[m]);

		largest = share > largest ? share : largest;
	}
	memcpy(&bits, &largest, sizeof(bits));
	return bits;
}

/* By one digit of the upper half. */
static void sort_pass(const uint64_t *from, uint64_t *to, uint32_t count, int shift, int bits)
{
	uint32_t place[RADIX_SIZE_MAX], sum = 0, size = 1U << bits;

	memset(place, 0, size * sizeof(*place));
	for (uint32_t i = 0; i < count; i++)
		place[from[i] >> shift & (size - 1)]++;
	for (uint32_t i = 0; i < size; i++) {
		uint32_t here = place[i];

		place[i] = sum;
		sum += here;
	}
	for (uint32_t i = 0; i < count; i++)
		to[place[from[i] >> shift & (size - 1)]++] = from[i];
}

void rollup_order(const struct rollup_table *table, uint32_t *order, uint64_t *spare)
{
	uint64_t *from = spare, *to = spare + table->used;
	int bits = table->used < FEW ? RADIX_BITS_FEW : RADIX_BITS_MAX;
	double weight[ROLLUP_METRICS];

	weigh(table, weight);
	for (uint32_t i = 0; i < table->used; i++)
		from[i] = (uint64_t)~score(table, &table->entry[i], weight) << 32 | i;
	for (int shift = KEY_BITS; shift < 2 * KEY_BITS; shift += bits) {
		uint64_t *sorted = to;

		sort_pass(from, to, table->used, shift, bits);
		to = from;
		from = sorted;
	}
	for (uint32_t i = 0; i < table->used; i++)
		order[i] = (uint32_t)from[i];
}

/* The most that one of the tail may have is on top of what was missed. */
void rollup_leave(const struct rollup_table *table, const struct rollup_entry *entry,
		  struct rollup_tail *tail)
{
	const struct rollup_more *more = rollup_more(table, entry);
	uint64_t value[ROLLUP_METRICS];

	rollup_values(&entry->sums, more, value);
	for (int m = 0; m < ROLLUP_METRICS; m++) {
		if (value[m] + tail->missed[m] > tail->largest[m])
			tail->largest[m] = value[m] + tail->missed[m];
	}
	rollup_sums_add(&tail->sums, &entry->sums);
	rollup_more_add(&tail->more, more);
	tail->keys++;
}

int rollup_rank(const struct rollup_table *table, uint32_t keys, struct rollup_ranks *ret_ranks)
{
	uint32_t *order = malloc((table->used + 1) * sizeof(*order));
	uint64_t *spare = malloc((table->used + 1) * 2 * sizeof(*spare));

	if (!order || !spare) {
		free(order);
		free(spare);
		return -ENOMEM;
	}
	rollup_order(table, order, spare);
	free(spare);
	ret_ranks->order = order;
	ret_ranks->count = table->used < keys ? table->used : keys;
	ret_ranks->tail = table->tail;
	memcpy(ret_ranks->tail.largest, table->tail.missed, sizeof(table->tail.missed));
	for (uint32_t i = ret_ranks->count; i < table->used; i++)
		rollup_leave(table, &table->entry[order[i]], &ret_ranks->tail);
	return 0;
}
