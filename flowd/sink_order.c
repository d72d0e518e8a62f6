/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_order.c: see sink_order.h. Ends of a batch are seldom more than minutes apart: they are sorted by
 * radix, as many digits as they have, together with their records' numbers in one word.
 */
#include "flowd/sink_order.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "schema/flow_record.h"

#define NUMBER_BITS 24
#define NUMBER_MASK ((1ULL << NUMBER_BITS) - 1)
#define DIGIT_BITS 10
#define DIGITS (1U << DIGIT_BITS)

static int reserve(struct sink_order *o, size_t count)
{
	struct sink_order larger;

	if (count <= o->room)
		return 0;
	larger = (struct sink_order){
		.order = malloc(count * sizeof(*larger.order)),
		.end_ms = malloc(count * sizeof(*larger.end_ms)),
		.spare = malloc(count * 2 * sizeof(*larger.spare)),
		.room = count,
	};
	if (!larger.order || !larger.end_ms || !larger.spare) {
		sink_order_free(&larger);
		return -ENOMEM;
	}
	sink_order_free(o);
	*o = larger;
	return 0;
}

static void sort_pass(const uint64_t *from, uint64_t *to, size_t count, int shift)
{
	size_t place[DIGITS] = {0}, sum = 0;

	for (size_t i = 0; i < count; i++)
		place[from[i] >> shift & (DIGITS - 1)]++;
	for (size_t i = 0; i < DIGITS; i++) {
		size_t here = place[i];

		place[i] = sum;
		sum += here;
	}
	for (size_t i = 0; i < count; i++)
		to[place[from[i] >> shift & (DIGITS - 1)]++] = from[i];
}

/* Words of `end - first` and a number, which are in the order of the numbers. */
static void sort_words(struct sink_order *o, size_t count, int64_t first, uint64_t range)
{
	uint64_t *from = o->spare, *to = o->spare + count;

	for (int shift = 0; range >> shift; shift += DIGIT_BITS) {
		uint64_t *sorted = to;

		sort_pass(from, to, count, NUMBER_BITS + shift);
		to = from;
		from = sorted;
	}
	for (size_t i = 0; i < count; i++) {
		o->order[i] = (uint32_t)(from[i] & NUMBER_MASK);
		o->end_ms[i] = first + (int64_t)(from[i] >> NUMBER_BITS);
	}
}

static int compare_end(const void *a, const void *b, void *arg)
{
	const struct flow_record *record = arg;
	const uint32_t *x = a, *y = b;

	if (record[*x].end_ms != record[*y].end_ms)
		return record[*x].end_ms < record[*y].end_ms ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

/* Ends that are years apart, or more records than a word can number. */
static void sort_records(struct sink_order *o, const struct flow_record *record, size_t count)
{
	for (size_t i = 0; i < count; i++)
		o->order[i] = (uint32_t)i;
	qsort_r(o->order, count, sizeof(*o->order), compare_end, (void *)record);
	for (size_t i = 0; i < count; i++)
		o->end_ms[i] = record[o->order[i]].end_ms;
}

int sink_order_make(struct sink_order *o, const struct flow_record *record, size_t count)
{
	int64_t first = INT64_MAX, last = INT64_MIN;
	uint64_t range;

	if (reserve(o, count))
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		o->end_ms[i] = record[i].end_ms;
		first = record[i].end_ms < first ? record[i].end_ms : first;
		last = record[i].end_ms > last ? record[i].end_ms : last;
	}
	range = count ? (uint64_t)last - (uint64_t)first : 0;
	if (range >> (64 - NUMBER_BITS) || count > NUMBER_MASK) {
		sort_records(o, record, count);
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		o->spare[i] = (uint64_t)(o->end_ms[i] - first) << NUMBER_BITS | i;
	sort_words(o, count, first, range);
	return 0;
}

void sink_order_free(struct sink_order *o)
{
	free(o->order);
	free(o->end_ms);
	free(o->spare);
	memset(o, 0, sizeof(*o));
}
