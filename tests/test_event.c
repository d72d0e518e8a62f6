/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_event.c: events between the maps and their records: rows merged by key, folded with exact sums,
 * and the memory of what conversations were told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/event_rows.h"
#include "flowd/event_said.h"

static struct event_key key_of(uint32_t number, uint32_t what, uint32_t reason)
{
	struct event_key key = {.what = what, .reason = reason, .generation = 7, .place = number};

	key.flow.src[0] = number;
	return key;
}

static void add(struct event_rows *rows, uint32_t number, uint32_t reason, uint64_t packets)
{
	struct event_key key = key_of(number, EVENT_DROP, reason);
	struct event_count count = {packets, packets * 100, 1};

	event_rows_add(rows, &key, &count);
}

/* Two CPUs' cells of a key are one row. */
static void test_merge(void **state)
{
	struct event_rows rows = {0};

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 5000; i++)
			add(&rows, i, 2, i + 1);
	}
	assert_int_equal(rows.count, 5000);
	for (uint32_t i = 0; i < 5000; i++) {
		assert_int_equal(rows.row[i].key.flow.src[0], i);
		assert_int_equal(rows.row[i].count.packets, 3 * (i + 1));
		assert_int_equal(rows.row[i].count.skbs, 3);
	}
	event_rows_reset(&rows);
	add(&rows, 1, 2, 9);
	assert_int_equal(rows.count, 1);
	assert_int_equal(rows.row[0].count.packets, 9);
	event_rows_free(&rows);
}

static uint64_t sum(const struct event_rows *rows, uint32_t reason)
{
	uint64_t packets = rows->folded[EVENT_DROP][reason].packets;

	for (size_t i = 0; i < rows->count; i++) {
		if (rows->row[i].key.reason == reason)
			packets += rows->row[i].count.packets;
	}
	return packets;
}

/* The heaviest stay, sums of each reason do in any case. */
static void test_fold(void **state)
{
	struct event_rows rows = {0};
	struct event_count more = {3, 300, 2};

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		add(&rows, i, i % 3, 1 + i);
	event_rows_add_folded(&rows, EVENT_DROP, 1, &more);
	event_rows_fold(&rows, 100);
	assert_int_equal(rows.count, 100);
	assert_int_equal(rows.row[0].count.packets, 1000);
	assert_int_equal(rows.row[99].count.packets, 901);
	assert_int_equal(sum(&rows, 0) + sum(&rows, 1) + sum(&rows, 2), 1000 * 1001 / 2 + 3);
	assert_int_equal(rows.folded[EVENT_DROP][1].bytes,
			 rows.folded[EVENT_DROP][1].packets * 100);
	event_rows_free(&rows);
}

/* Great numbers share the last cell; what is no event is left alone. */
static void test_fold_limits(void **state)
{
	struct event_rows rows = {0};
	struct event_count one = {1, 1, 1};

	(void)state;
	event_rows_add_folded(&rows, EVENT_DROP, 0x10003, &one);
	event_rows_add_folded(&rows, EVENT_DROP, EVENT_REASONS - 1, &one);
	event_rows_add_folded(&rows, EVENT_MAX, 1, &one);
	assert_int_equal(rows.folded[EVENT_DROP][EVENT_REASONS - 1].packets, 2);
	event_rows_fold(&rows, 0);
	assert_int_equal(rows.count, 0);
	event_rows_free(&rows);
}

/* A storm turns generations fast, and a rate holds for events, too. */
static void test_rows_max(void **state)
{
	const uint64_t s = 1000000000;

	(void)state;
	assert_int_equal(event_rows_max(5 * s, 0), EVENT_ROWS_MAX);
	assert_int_equal(event_rows_max(3600 * s, 0), EVENT_ROWS_MAX);
	assert_int_equal(event_rows_max(s, 0), EVENT_ROWS_MAX / 5);
	assert_int_equal(event_rows_max(s / 100, 0), 512);
	assert_int_equal(event_rows_max(5 * s, 1000), 625);
	assert_int_equal(event_rows_max(s, 1000), 125);
	assert_int_equal(event_rows_max(s, 1), 16);
	assert_int_equal(event_rows_max(5 * s, 10000000), EVENT_ROWS_MAX);
	assert_int_equal(event_rows_max(UINT64_MAX / 2, 10000000), EVENT_ROWS_MAX);
}

static void test_memory(void **state)
{
	struct event_memory *memory = event_memory_new();

	(void)state;
	assert_non_null(memory);
	for (uint32_t i = 0; i < 10000; i++) {
		struct event_key key = key_of(i, EVENT_RETRANSMIT, 1);
		struct event_said *said;

		key.generation = 1 + i % 2;
		said = event_memory_get(memory, &key);
		assert_non_null(said);
		assert_int_equal(said->packets, 0);
		said->packets = i;
	}
	event_memory_drop(memory, 1);
	for (uint32_t i = 0; i < 10000; i++) {
		struct event_key key = key_of(i, EVENT_RETRANSMIT, 1);

		key.generation = 1 + i % 2;
		assert_int_equal(event_memory_get(memory, &key)->packets, i % 2 ? i : 0);
	}
	event_memory_free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge),	    cmocka_unit_test(test_fold),
		cmocka_unit_test(test_fold_limits), cmocka_unit_test(test_rows_max),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
