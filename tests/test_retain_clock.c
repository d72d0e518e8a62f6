/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_retain_clock.c: by what time rows are old where the wall clock steps, and what a level's limits say. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "flowd/retain_clock.h"
#include "schema/db_retain.h"

#define MS 1000000ULL
#define MINUTE 60000LL
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)
#define NOW 1795327200000LL /* an hour's begin */

static struct retain_clock fresh(void)
{
	return (struct retain_clock){.trusted_ms = INT64_MIN};
}

/* A minute at a time, both clocks together. */
static int64_t run(struct retain_clock *clock, int64_t *wall, uint64_t *mono, int64_t ms)
{
	int64_t now = retain_clock_turn(clock, *wall, *mono);

	for (int64_t i = 0; i < ms; i += MINUTE) {
		*wall += MINUTE;
		*mono += MINUTE * MS;
		now = retain_clock_turn(clock, *wall, *mono);
		assert_true(now <= *wall);
	}
	return now;
}

static void test_steady(void **state)
{
	struct retain_clock clock = fresh();
	int64_t wall = NOW, now;
	uint64_t mono = 77;

	(void)state;
	now = run(&clock, &wall, &mono, 3 * DAY);
	assert_int_equal(now, wall);
	assert_int_equal(clock.side, 0);
}

/* A year ahead for ten minutes: ten hours, no more; back again it is as if nothing had been. */
static void test_ahead_for_a_moment(void **state)
{
	struct retain_clock clock = fresh();
	int64_t wall = NOW, now;
	uint64_t mono = 77;

	(void)state;
	run(&clock, &wall, &mono, HOUR);
	wall += YEAR;
	now = run(&clock, &wall, &mono, 10 * MINUTE);
	assert_int_equal(clock.side, 1);
	assert_in_range(now - (NOW + HOUR), 9 * HOUR, 11 * HOUR);
	wall -= YEAR;
	now = run(&clock, &wall, &mono, MINUTE);
	assert_int_equal(now, wall);
	assert_int_equal(clock.side, -1);
	/* and in its time the two are one again */
	now = run(&clock, &wall, &mono, 11 * HOUR);
	assert_int_equal(now, wall);
	assert_int_equal(clock.side, 0);
}

/* What has been so for a day is believed; also by one that knows no better at first. */
static void test_ahead_for_long(void **state)
{
	struct retain_clock clock = fresh();
	int64_t wall = 0, now;
	uint64_t mono = 77;

	(void)state;
	run(&clock, &wall, &mono, HOUR);
	wall = NOW;
	run(&clock, &wall, &mono, DAY - HOUR);
	assert_int_equal(clock.side, 1);
	now = run(&clock, &wall, &mono, 2 * HOUR);
	assert_int_equal(now, wall);
	assert_int_equal(clock.side, 0);
}

/* A host that was off for three days has caught up after an hour and a quarter. */
static void test_off(void **state)
{
	struct retain_clock clock = {.trusted_ms = NOW - 3 * DAY};
	int64_t wall = NOW, now;
	uint64_t mono = 5;

	(void)state;
	assert_int_equal(retain_clock_turn(&clock, wall, mono), NOW - 3 * DAY);
	now = run(&clock, &wall, &mono, 75 * MINUTE);
	assert_int_equal(now, wall);
}

static void test_behind(void **state)
{
	struct retain_clock clock = {.trusted_ms = NOW};
	int64_t wall = NOW - YEAR, now;
	uint64_t mono = 5;

	(void)state;
	now = run(&clock, &wall, &mono, 23 * HOUR);
	assert_int_equal(now, wall);
	assert_int_equal(clock.side, -1);
	assert_int_equal(clock.trusted_ms, NOW);
	now = run(&clock, &wall, &mono, 2 * HOUR);
	assert_int_equal(now, wall);
	assert_int_equal(clock.trusted_ms, wall);
	assert_int_equal(clock.side, 0);
}

/* A clock that is set again and again has nothing that is believed. */
static void test_restless(void **state)
{
	struct retain_clock clock = {.trusted_ms = NOW};
	int64_t wall = NOW + 2 * YEAR, now = 0;
	uint64_t mono = 5;

	(void)state;
	for (int i = 0; i < 100; i++) {
		now = run(&clock, &wall, &mono, HOUR);
		wall += 2 * HOUR;
	}
	assert_int_equal(clock.side, 1);
	assert_in_range(now, NOW + 100 * 59 * HOUR, NOW + 100 * 61 * HOUR);
}

static void test_keys(void **state)
{
	static const int64_t times[] = {0, 1, 59999, 60000, NOW, NOW + 1, -1, -60001};

	(void)state;
	for (enum db_retain_unit unit = DB_RETAIN_END; unit <= DB_RETAIN_MINUTE; unit++) {
		assert_int_equal(db_retain_key(DB_RETAIN_END, INT64_MAX), INT64_MAX);
		assert_int_equal(db_retain_key(DB_RETAIN_BUCKET, INT64_MIN), INT64_MIN);
		for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
			int64_t key = db_retain_key(unit, times[i]);
			int64_t time = db_retain_time(unit, key);

			assert_true(time <= times[i] && times[i] - time < MINUTE);
			assert_int_equal(db_retain_key(unit, time), key);
			if (unit == DB_RETAIN_BUCKET || unit == DB_RETAIN_TAIL)
				assert_true(db_retain_time(unit, key - 1) < time);
		}
	}
}

static void test_limits(void **state)
{
	const struct db_retain_limits limits = {.age_ms = {7 * DAY, 30 * DAY, 0}};

	(void)state;
	assert_int_equal(db_retain_cutoff(&limits, DB_RETAIN_RECORDS, DB_RETAIN_WHOLE, NOW + 7),
			 NOW + 7 - 7 * DAY);
	assert_int_equal(db_retain_cutoff(&limits, DB_RETAIN_MINUTES, DB_RETAIN_WHOLE, NOW + 7),
			 NOW - 30 * DAY);
	assert_int_equal(db_retain_cutoff(&limits, DB_RETAIN_HOURS, DB_RETAIN_WHOLE, NOW),
			 INT64_MIN);
	/* half of the time, of ten years where it is for ever */
	assert_int_equal(db_retain_cutoff(&limits, DB_RETAIN_MINUTES, DB_RETAIN_WHOLE / 2, NOW),
			 NOW - 15 * DAY);
	assert_int_equal(db_retain_cutoff(&limits, DB_RETAIN_HOURS, DB_RETAIN_WHOLE / 2, NOW),
			 NOW - 5 * YEAR);
	assert_int_equal(db_retain_share(&limits, DB_RETAIN_RECORDS, NOW - 7 * DAY, NOW),
			 DB_RETAIN_WHOLE);
	assert_int_equal(db_retain_share(&limits, DB_RETAIN_HOURS, NOW - YEAR, NOW),
			 DB_RETAIN_WHOLE / 10);
	assert_int_equal(db_retain_share(&limits, DB_RETAIN_RECORDS, NOW + DAY, NOW), 0);
	assert_int_equal(db_retain_share(&limits, DB_RETAIN_RECORDS, INT64_MAX, NOW), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steady),	       cmocka_unit_test(test_ahead_for_a_moment),
		cmocka_unit_test(test_ahead_for_long), cmocka_unit_test(test_off),
		cmocka_unit_test(test_behind),	       cmocka_unit_test(test_restless),
		cmocka_unit_test(test_keys),	       cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
