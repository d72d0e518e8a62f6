/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_layout.c: the table of the current layout in flowd/layout.c is what the compiler has, so that the
 * next layout's flowd can read it; and structs of another layout are read by field.
 *
 * `test_layout --print` prints the current layout as such a table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "flowd/layout.h"
#include "schema/flow.h"

static void print_layout(void)
{
	printf("\t{%u, {\n", layout_now.number);
	for (int s = 0; s < LAYOUT_STRUCTS; s++) {
		printf("\t\t{%u, {", layout_now.of[s].size);
		for (int f = 0; f < LAYOUT_FIELDS_MAX && layout_now.of[s].field[f].size; f++)
			printf("%s{%u, %u}", f ? ", " : "", layout_now.of[s].field[f].offset,
			       layout_now.of[s].field[f].size);
		puts("}},");
	}
	puts("\t}},");
}

static void test_current(void **state)
{
	const struct layout *table = layout_find(FLOW_LAYOUT);

	(void)state;
	if (!table)
		fail_msg("layout %d has no table in flowd/layout.c: test_layout --print prints it",
			 FLOW_LAYOUT);
	/* changed without another FLOW_LAYOUT, or the table is */
	assert_memory_equal(table, &layout_now, sizeof(layout_now));
}

static void test_unknown(void **state)
{
	(void)state;
	assert_null(layout_find(3));
	assert_null(layout_find(FLOW_LAYOUT + 1));
}

/* Every field elsewhere, as of a layout where each struct begins with 24 bytes more. */
static void make_other(struct layout *other)
{
	static const enum layout_struct inner[] = {LAYOUT_KEY, LAYOUT_SLOT};
	struct layout_field *key, *health, *index;

	*other = layout_now;
	other->number = 99;
	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
		other->of[inner[i]].size += 24;
		for (int f = 0; f < LAYOUT_FIELDS_MAX; f++)
			other->of[inner[i]].field[f].offset += 24;
	}
	key = &other->of[LAYOUT_SLOT].field[0];
	key->size += 24;
	for (int f = 3; f < LAYOUT_FIELDS_MAX; f++) /* behind the key */
		other->of[LAYOUT_SLOT].field[f].offset += 24;
	other->of[LAYOUT_SLOT].size += 24;
	health = &other->of[LAYOUT_EVICTED].field[1];
	index = &other->of[LAYOUT_EVICTED].field[2];
	other->of[LAYOUT_EVICTED].field[0].size = other->of[LAYOUT_SLOT].size;
	health->offset =
		(uint16_t)(other->of[LAYOUT_EVICTED].field[0].offset + other->of[LAYOUT_SLOT].size);
	(void)index;
}

static void put(char *record, const struct layout *layout, enum layout_struct what, int field,
		uint64_t value)
{
	struct layout_field at = layout->of[what].field[field];

	memcpy(record + at.offset, &value, at.size < 8 ? at.size : 8);
}

static void test_evicted(void **state)
{
	static char record[512];
	struct layout other;
	struct flow_evicted got;
	char *slot, *key, *health;
	size_t plain, whole;

	(void)state;
	make_other(&other);
	slot = record + other.of[LAYOUT_EVICTED].field[0].offset;
	key = slot + other.of[LAYOUT_SLOT].field[0].offset;
	health = record + other.of[LAYOUT_EVICTED].field[1].offset;
	plain = (size_t)(health - record);
	whole = plain + sizeof(struct flow_health);
	put(record, &other, LAYOUT_EVICTED, 2, 77);
	put(slot, &other, LAYOUT_SLOT, 2, 5);
	put(slot, &other, LAYOUT_SLOT, 3, 123456789012);
	put(slot, &other, LAYOUT_SLOT, 10, 3);
	put(key, &other, LAYOUT_KEY, 2, 443);
	put(key, &other, LAYOUT_KEY, 13, 0x1234567);
	put(health, &layout_now, LAYOUT_HEALTH, 1, 250);
	layout_read_evicted(&other, record, whole, &got);
	assert_int_equal(got.index, 77);
	assert_int_equal(got.slot.birth, 5);
	assert_true(got.slot.packets == 123456789012);
	assert_int_equal(got.slot.tcp_state, 3);
	assert_int_equal(got.slot.key.sport, 443);
	assert_int_equal(got.slot.key.outer, 0x1234567);
	assert_int_equal(got.health.rtt_min_us, 250);
	layout_read_evicted(&other, record, plain, &got);
	assert_int_equal(got.slot.birth, 5);
	assert_int_equal(got.health.rtt_min_us, 0);
}

/* What has not changed comes through as it was, arrays and all. */
static void test_same(void **state)
{
	struct flow_set set = {.tag = {1, 2, 3}}, got;
	struct flow_mark mark = {.committed = {.birth = 1, .packets = 2},
				 .pending = {.birth = 3, .bytes = 4}},
			 got_mark;

	(void)state;
	for (__u32 i = 0; i < FLOW_WAYS; i++)
		set.slot[i] = (struct flow_slot){.birth = i, .packets = 100 + i, .key.dport = 53};
	layout_read(layout_find(FLOW_LAYOUT), LAYOUT_SET, &set, &got);
	assert_memory_equal(&got, &set, sizeof(set));
	layout_read(layout_find(FLOW_LAYOUT), LAYOUT_MARK, &mark, &got_mark);
	assert_memory_equal(&got_mark, &mark, sizeof(mark));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_current),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_evicted),
		cmocka_unit_test(test_same),
	};

	if (argc > 1 && !strcmp(argv[1], "--print")) {
		print_layout();
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
