/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_diff.c: two windows joined by key: order, percents, windows that are covered unevenly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/diff.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct count {
	unsigned host;
	uint64_t bytes;
};

static void fill(struct diff_side *side, const struct count *counts, size_t count)
{
	side->group.entry = calloc(count + 1, sizeof(*side->group.entry));
	side->group.used = count;
	side->entries = count;
	for (size_t i = 0; i < count; i++) {
		side->group.entry[i].key.src[0] = counts[i].host;
		side->group.entry[i].sums.bytes = counts[i].bytes;
	}
}

static void assert_row(const struct diff *diff, size_t i, unsigned host, int before, int after)
{
	const struct diff_row *row = &diff->row[i];

	assert_true(i < diff->rows);
	assert_int_equal((row->after ? row->after : row->before)->key.src[0], host);
	assert_int_equal(row->before ? (int)row->before->sums.bytes : -1, before);
	assert_int_equal(row->after ? (int)row->after->sums.bytes : -1, after);
}

static const struct count before_counts[] = {{1, 100}, {2, 200}, {3, 300}, {5, 50}, {9, 0}};
static const struct count after_counts[] = {{1, 110}, {2, 20}, {3, 300}, {4, 400}, {9, 0}};

static struct diff made(int64_t before_ms, int64_t after_ms)
{
	struct diff diff = {.by = group_metrics,
			    .before = {.until_ms = 1000, .covered_ms = before_ms},
			    .after = {.until_ms = 1000, .covered_ms = after_ms}};

	fill(&diff.before, before_counts, COUNT(before_counts));
	fill(&diff.after, after_counts, COUNT(after_counts));
	assert_int_equal(diff_join(&diff), 0);
	return diff;
}

static void test_join(void **state)
{
	struct diff diff = made(1000, 1000);

	(void)state;
	assert_false(diff.uneven);
	assert_int_equal(diff.rows, 5); /* not the one of nothing */
	assert_row(&diff, 0, 4, -1, 400);
	assert_row(&diff, 1, 2, 200, 20);
	assert_row(&diff, 2, 5, 50, -1);
	assert_row(&diff, 3, 1, 100, 110);
	assert_row(&diff, 4, 3, 300, 300);
	diff_free(&diff);
}

/* After was counted for half as long: its rates are twice its sums. */
static void test_uneven(void **state)
{
	struct diff diff = made(1000, 500);
	int64_t percent;

	(void)state;
	assert_true(diff.uneven);
	assert_row(&diff, 0, 4, -1, 400);  /* +800 */
	assert_row(&diff, 1, 3, 300, 300); /* +300 */
	assert_row(&diff, 2, 2, 200, 20);  /* -160 */
	assert_row(&diff, 3, 1, 100, 110); /* +120 */
	assert_row(&diff, 4, 5, 50, -1);   /* -50 */
	assert_true(diff_percent(&diff, 300, 300, &percent));
	assert_int_equal(percent, 10000);
	assert_true(diff_percent(&diff, 200, 20, &percent));
	assert_int_equal(percent, -8000);
	diff_free(&diff);
}

/* Where nothing was counted at all in one of them there are no rates to compare. */
static void test_unknown(void **state)
{
	struct diff diff = made(1000, 0);

	(void)state;
	assert_false(diff.uneven);
	assert_int_equal(diff_ms(&diff.after), 1000);
	diff_free(&diff);
}

static void test_percents(void **state)
{
	static const struct {
		uint64_t before, after;
		int64_t percent;
	} cases[] = {
		{100, 100, 0},
		{100, 150, 5000},
		{3, 4, 3333},
		{3, 2, -3333},
		{1, 0, -10000},
		{UINT64_MAX, 0, -10000},
		{UINT64_MAX / 2, UINT64_MAX, 10000},
		{1, UINT64_MAX, INT64_MAX},
	};
	struct diff diff = {.by = group_metrics};
	int64_t percent = 77;

	(void)state;
	assert_false(diff_percent(&diff, 0, 5, &percent));
	assert_int_equal(percent, 77);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(diff_percent(&diff, cases[i].before, cases[i].after, &percent));
		assert_int_equal(percent, cases[i].percent);
	}
	diff.uneven = true; /* for a year, and for a millisecond less, without overflow */
	diff.before.covered_ms = 31536000000;
	diff.after.covered_ms = 31535999999;
	assert_true(diff_percent(&diff, UINT64_MAX, UINT64_MAX, &percent));
	assert_int_equal(percent, 0);
	assert_true(diff_percent(&diff, UINT64_MAX, 0, &percent));
	assert_int_equal(percent, -10000);
}

static void test_nothing(void **state)
{
	struct diff diff = {.by = group_metrics};

	(void)state;
	assert_int_equal(diff_join(&diff), 0);
	assert_int_equal(diff.rows, 0);
	diff_free(&diff);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join),	cmocka_unit_test(test_uneven),
		cmocka_unit_test(test_unknown), cmocka_unit_test(test_percents),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
