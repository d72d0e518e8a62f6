/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_sample_cells.c: compiled filters in the programs' maps, which are memory here: shared, as many as
 * there may be, and never written over while a program may run them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "flowd/sample_cells.h"

#define S 1000000000ULL
#define CELLS (SAMPLE_FILTERS + 1)

static struct sample_conf conf[FLOW_IFACES];
static struct sample_filter filters[CELLS];
static uint32_t generation;

static struct sample_cells fresh_cells(void)
{
	struct sample_cells cells = {
		.conf = conf, .filters = filters, .count = CELLS, .generation = &generation};

	memset(conf, 0, sizeof(conf));
	memset(filters, 0, sizeof(filters));
	generation = 0;
	sample_cells_open(&cells, 0);
	return cells;
}

/* A filter of its own for each number. */
static const struct sample_filter *filter_of(uint32_t number)
{
	static struct sample_filter filter[64];

	filter[number].count = 2;
	filter[number].reach = number + 1;
	filter[number].insn[0] = (struct sample_insn){.code = 0x20, .k = number};
	filter[number].insn[1] = (struct sample_insn){.code = 6, .k = 1};
	return &filter[number];
}

static int want(struct sample_cells *cells, uint32_t ifnum, const struct sample_filter *filter,
		uint64_t now_ns)
{
	struct sample_wish wish = {.ifnum = ifnum, .conf = {.rate = ifnum}, .filter = filter};

	return sample_cells_apply(cells, &wish, 1, now_ns);
}

/* What the programs would run for that interface. */
static uint32_t runs(uint32_t ifnum)
{
	assert_true(conf[ifnum].filter >= 1 && conf[ifnum].filter <= CELLS);
	assert_int_equal(filters[conf[ifnum].filter - 1].count, 2);
	assert_int_equal(filters[conf[ifnum].filter - 1].reach,
			 filters[conf[ifnum].filter - 1].insn[0].k + 1);
	return filters[conf[ifnum].filter - 1].insn[0].k;
}

static void test_cells_share(void **state)
{
	struct sample_cells cells = fresh_cells();
	struct sample_wish both[] = {
		{.ifnum = 4, .filter = filter_of(9)},
		{.ifnum = 5, .filter = filter_of(9)},
	};

	(void)state;
	assert_int_equal(want(&cells, 1, filter_of(1), 1), 0);
	assert_int_equal(want(&cells, 2, filter_of(1), 1), 0);
	assert_int_equal(conf[1].filter, conf[2].filter);
	assert_int_equal(want(&cells, 3, filter_of(2), 1), 0);
	assert_int_not_equal(conf[3].filter, conf[1].filter);
	assert_int_equal(generation, 3);
	assert_int_equal(runs(2), 1);
	assert_int_equal(runs(3), 2);
	assert_int_equal(conf[3].rate, 3);
	assert_int_equal(sample_cells_apply(&cells, both, 2, 1), 0);
	assert_int_equal(conf[4].filter, conf[5].filter);
	assert_int_equal(runs(5), 9);
	assert_int_equal(want(&cells, 3, NULL, 2), 0);
	assert_int_equal(conf[3].filter, 0);
}

/* A change without a word on the filter leaves it where it is. */
static void test_cells_keep(void **state)
{
	struct sample_cells cells = fresh_cells();
	struct sample_wish keep = {.ifnum = 1, .conf = {.rate = 77}, .keep_filter = true};

	(void)state;
	assert_int_equal(want(&cells, 1, filter_of(1), 1), 0);
	assert_int_equal(sample_cells_apply(&cells, &keep, 1, 2), 0);
	assert_int_equal(conf[1].rate, 77);
	assert_int_equal(runs(1), 1);
	assert_int_equal(generation, 2);
}

/* Eight different ones, and no more; then nothing has changed. */
static void test_cells_full(void **state)
{
	struct sample_cells cells = fresh_cells();
	struct sample_conf before[FLOW_IFACES];
	struct sample_wish all[SAMPLE_FILTERS + 1];

	(void)state;
	for (uint32_t i = 1; i <= SAMPLE_FILTERS; i++)
		assert_int_equal(want(&cells, i, filter_of(i), 1), 0);
	memcpy(before, conf, sizeof(conf));
	assert_int_equal(want(&cells, 20, filter_of(20), 5 * S), -ENOSPC);
	assert_memory_equal(before, conf, sizeof(conf));
	assert_int_equal(generation, SAMPLE_FILTERS);
	assert_int_equal(want(&cells, 20, filter_of(3), 5 * S), 0); /* that one is there */
	/* in place of its own it may have another: there is a cell more than filters */
	assert_int_equal(want(&cells, 8, filter_of(30), 5 * S), 0);
	assert_int_equal(runs(8), 30);
	for (uint32_t i = 1; i < SAMPLE_FILTERS; i++)
		assert_int_equal(runs(i), i);
	/* two others in place of all of them: no room beside these */
	for (uint32_t i = 1; i <= SAMPLE_FILTERS; i++)
		all[i - 1] = (struct sample_wish){.ifnum = i, .filter = filter_of(40 + i % 2)};
	all[SAMPLE_FILTERS] = (struct sample_wish){.ifnum = 20};
	assert_int_equal(sample_cells_apply(&cells, all, SAMPLE_FILTERS + 1, 9 * S), -EBUSY);
	assert_int_equal(runs(8), 30);
}

/* A cell that went out of use is not written for a second, whatever is asked for. */
static void test_cells_rest(void **state)
{
	struct sample_cells cells = fresh_cells();
	struct sample_filter before[CELLS];
	uint64_t freed[CELLS] = {0};
	int refused = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		uint64_t now = 10 * S + i * S / 20; /* twenty a second */
		uint32_t old = conf[1].filter;
		int err;

		memcpy(before, filters, sizeof(filters));
		err = want(&cells, 1, filter_of(i % 37), now);
		refused += err == -EAGAIN;
		assert_true(!err || err == -EAGAIN);
		if (!err)
			assert_int_equal(runs(1), i % 37);
		for (uint32_t c = 0; c < CELLS; c++) {
			if (!memcmp(&before[c], &filters[c], sizeof(before[c])))
				continue;
			assert_true(now - freed[c] >= S);
			assert_int_not_equal(c + 1, old); /* that is being run */
		}
		if (!err && old && old != conf[1].filter)
			freed[old - 1] = now;
	}
	assert_true(refused > 0 && refused < 900);
}

/* A predecessor's filters are in use until they are changed; its other cells rest. */
static void test_cells_taken_over(void **state)
{
	struct sample_cells cells = fresh_cells(), next;

	(void)state;
	for (uint32_t i = 0; i < CELLS; i++) /* each cell was used once */
		assert_int_equal(want(&cells, 1, filter_of(i), 2 * i * S), 0);
	next = (struct sample_cells){
		.conf = conf, .filters = filters, .count = CELLS, .generation = &generation};
	sample_cells_open(&next, 100 * S);
	assert_int_equal(want(&next, 2, filter_of(50), 100 * S + S / 2), -EAGAIN);
	assert_int_equal(want(&next, 2, filter_of(50), 101 * S), 0);
	assert_int_equal(runs(1), CELLS - 1);
	assert_int_equal(runs(2), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cells_share),	 cmocka_unit_test(test_cells_keep),
		cmocka_unit_test(test_cells_full),	 cmocka_unit_test(test_cells_rest),
		cmocka_unit_test(test_cells_taken_over),
	};

	return cmocka_run_group_tests_name("sample_cells", tests, NULL, NULL);
}
